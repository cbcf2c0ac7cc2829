//! A waveform file played into the reference clamp dongle, without a rig.

use hanbench_core::clamps::{Alarm, ClampDongle, Fault, Output};
use hanbench_core::reading::json::reading_object;
use hanbench_core::verdict::ct::{self, CT_TRIAL_VERSION, CtTerms, CtTrial, SamplesSent, device};
use hanbench_core::verdict::trial::{Event, What};
use hanbench_core::wave::frontend::Converter;
use hanbench_core::wave::spec::Spec;
use hanbench_core::wave::told::{Declared, told};
use hanbench_core::wave::{network, sensor};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Samples of each channel handed over at once.
const FRAMES: usize = 4000;

fn claim(output: &Output) -> Map<String, Value> {
    let mut claim = reading_object(&output.reading);
    claim.insert("samples".into(), output.end.into());
    claim.insert("window_s".into(), json!(output.seconds));
    let alarm = |alarm: &Alarm| match alarm {
        Alarm::OverRange(line) => format!("over-range:l{}", line + 1),
        Alarm::PhaseOrder => "phase-order".into(),
    };
    claim.insert("alarms".into(), output.alarms.iter().map(alarm).collect());
    claim.insert("pulses".into(), output.pulses.iter().copied().collect());
    claim.insert("estimated".into(), output.estimated.iter().map(|key| key.name()).collect());
    claim
}

pub(crate) fn trial(text: &str, fault: Option<Fault>) -> CtTrial {
    let spec = Spec::parse(text).unwrap();
    let device = device::find(spec.expect.device.as_deref().unwrap()).unwrap();
    let mut converter =
        Converter::new(&spec, &sensor::at_clamp(&spec.clamps, spec.waveform.rate, &network::segments(&spec)));
    let declared =
        Declared { range_a: device.range_a, pulses_per_kwh: device.pulses_per_kwh, summed: device.summed };
    let mut dongle = ClampDongle::new(told(&spec, &converter, declared), fault);
    let mut events = Vec::new();
    let channels = spec.waveform.channels.len();
    let (mut from, total) = (0, spec.waveform.samples());
    while from < total {
        let frames = FRAMES.min((total - from) as usize);
        let mut samples = vec![0; frames * channels];
        converter.fill(from, &mut samples);
        from += frames as u64;
        for output in dongle.push(&samples) {
            let what = What::Claim { claim: claim(&output), raw: String::new() };
            events.push(Event { t_us: 0, what });
        }
    }
    CtTrial {
        version: CT_TRIAL_VERSION,
        name: spec.waveform.name.clone(),
        subject: String::new(),
        checks: ct::checks(&spec),
        spec: text.into(),
        terms: CtTerms { devices: vec![device.name.into()], omits: vec![] },
        sent: Some(SamplesSent { frames: total, bytes: 0, sha256: String::new(), clipped: vec![] }),
        events,
        pacing: None,
    }
}

pub(crate) fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/waveforms");
    std::fs::read_to_string(folder.join(name).with_extension("toml")).unwrap()
}
