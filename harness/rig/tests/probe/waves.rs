//! A waveform of the checkout as a clamp dongle gets it, and what a clamp dongle says to it.

use hanbench_core::clamps::Fault;
use hanbench_core::samples::Settings;
use hanbench_core::wave::frontend::Converter;
use hanbench_core::wave::told::{Declared, told};
use hanbench_core::wave::{network, sensor};
use hanbench_rig::clamps::dongle::Blocks;
use hanbench_rig::clamps::fixtures::{Waveform, load};
use hanbench_rig::samples::{Block, SampleSink};
use std::path::Path;

/// Samples of each input in a block: 20 ms at 8 kHz.
const FRAMES: usize = 160;

pub struct Wave {
    pub told: Settings,
    pub samples: Vec<i16>,
    pub inputs: usize,
}

/// All waveforms.
pub fn waveforms() -> Vec<Waveform> {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).expect("waveforms")
}

/// The first seconds of a waveform, by its name without `ct-`.
pub fn wave(name: &str, seconds: f64) -> Wave {
    let all = waveforms();
    let waveform = all.iter().find(|one| one.name == format!("ct-{name}")).expect(name);
    let (mut converter, told) = converter(waveform);
    let inputs = told.inputs.len();
    let frames = (waveform.spec.waveform.samples() as usize).min((told.rate_hz * seconds) as usize);
    let mut samples = vec![0; frames * inputs];
    converter.fill(0, &mut samples);
    Wave { told, samples, inputs }
}

/// What makes the samples, and what a dongle is told of them.
pub fn converter(waveform: &Waveform) -> (Converter, Settings) {
    let spec = &waveform.spec;
    let segments = network::segments(spec);
    let converter = Converter::new(spec, &sensor::at_clamp(&spec.clamps, spec.waveform.rate, &segments));
    let device = waveform.device;
    let (range_a, pulses_per_kwh, summed) = (device.range_a, device.pulses_per_kwh, device.summed);
    let told = told(spec, &converter, Declared { range_a, pulses_per_kwh, summed });
    (converter, told)
}

impl Wave {
    pub fn frames(&self) -> u64 {
        (self.samples.len() / self.inputs) as u64
    }

    /// Samples of each block with the number of the first.
    fn blocks(&self) -> impl Iterator<Item = (u64, &[i16])> {
        (0..).step_by(FRAMES).zip(self.samples.chunks(FRAMES * self.inputs))
    }

    /// Plays it, and calls `between` behind each block.
    pub fn play(&self, sink: &mut dyn SampleSink, mut between: impl FnMut()) {
        sink.head(&self.told).expect("the head is taken");
        for (first, samples) in self.blocks() {
            sink.write(first, samples).expect("a block is taken");
            between();
        }
        sink.end(self.frames()).expect("the end is taken");
    }

    /// What the dongle says to it on a line.
    pub fn said(&self, fault: Option<Fault>) -> Vec<String> {
        let head = Block::Head(serde_json::to_vec(&self.told).expect("JSON"));
        let data = (0..).zip(self.blocks());
        let data =
            data.map(|(number, (first, samples))| Block::Data { number, first, samples: samples.to_vec() });
        let blocks = [head].into_iter().chain(data).chain([Block::End { frames: self.frames() }]);
        let mut dongle = Blocks::new(fault);
        blocks.flat_map(|block| dongle.take(block)).map(|line| line.to_string()).collect()
    }
}
