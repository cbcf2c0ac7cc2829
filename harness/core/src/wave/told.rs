//! What a clamp dongle is told of a waveform before the first sample, see [`crate::samples`].
//!
//! It is told the nominal ratio and the tables of the clamps that it was sold with, the slots of its converter and the
//! transformers in front. It is not told noise, bias, gain error, crosstalk, saturation, an air gap or where the
//! clamps sit.

use super::frontend::Converter;
use super::spec::{Channel, Spec};
use crate::samples::{Calibration, Input, Netting, Quantity, Settings};

/// What the device declares of itself, as far as it is told with the samples.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Declared {
    /// End of the current range in amperes.
    pub range_a: f64,
    /// Pulses per kilowatt-hour.
    pub pulses_per_kwh: u32,
    /// Opposite phases are added before energy is counted.
    pub summed: bool,
}

/// A current below this part of the range counts as none: 0.1 %, which is a tenth of a class 1 meter's smallest load.
const START: f64 = 0.000_39;

/// What a dongle is told of this waveform.
pub fn told(spec: &Spec, converter: &Converter, declared: Declared) -> Settings {
    let half = 1_i32 << (spec.frontend.bits - 1);
    let code = |value: i32| i16::try_from(value).unwrap_or(i16::MAX);
    let clamp = |channel: Channel| spec.clamps.iter().find(|clamp| clamp.channel == channel);
    let first = spec.clamps.first();
    let factor = first.map_or(1.0, |clamp| clamp.outer());
    let inputs = spec.waveform.channels.iter().enumerate().map(|(at, channel)| {
        let per_lsb = converter.scale(at).map_or(1.0, |scale| scale.per_lsb);
        let outer =
            if channel.is_current() { clamp(*channel).map_or(1.0, |clamp| clamp.outer()) } else { 1.0 };
        Input {
            quantity: if channel.is_current() { Quantity::Current } else { Quantity::Voltage },
            phase: channel.line(),
            per_lsb: per_lsb / outer,
            zero: 0.0,
            codes: (code(-half), code(half - 1)),
            slot_s: spec.frontend.slot_us.get(at).copied().unwrap_or_default() * 1e-6,
        }
    });
    Settings {
        rate_hz: spec.waveform.rate.hz(),
        inputs: inputs.collect(),
        calibration: first.map_or_else(Calibration::default, |clamp| Calibration {
            ratio_pct: clamp.ratio_pct.clone(),
            lead_deg: clamp.phase_deg.clone(),
        }),
        neutral: spec.net.kind.has_neutral(),
        factor,
        start_a: START * declared.range_a,
        range_a: declared.range_a,
        netting: if declared.summed { Netting::Summed } else { Netting::PerPhase },
        pulses_per_kwh: declared.pulses_per_kwh,
    }
}
