//! What a clamp dongle is told before the first sample: what a factory and a fitter know, and nothing of the truth.
//!
//! It is told the nominal ratio and the tables of the clamps that it was sold with, the slots of its converter and the
//! transformers in front. It is not told noise, bias, gain error, crosstalk, saturation, an air gap or where the
//! clamps sit. As JSON this is the head of a sample stream.

use super::frontend::Converter;
use super::sensor::models::Row;
use super::spec::{Channel, Spec};
use serde::Serialize;

/// The head of a sample stream.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Told {
    /// Samples of each input per second.
    pub rate_hz: f64,
    /// Inputs in the order of the samples.
    pub inputs: Vec<Input>,
    /// Tables of the clamps: `[[up to so many amperes, value], …]`.
    pub calibration: Calibration,
    /// There is a neutral.
    pub neutral: bool,
    /// Transformer ratio in front of the clamps.
    pub factor: f64,
    /// Smallest current that counts, amperes before the factor.
    pub start_a: f64,
    /// End of the clamps' range, amperes before the factor.
    pub range_a: f64,
    /// `summed` or `per-phase`.
    pub netting: &'static str,
    /// Pulses per kilowatt-hour imported; 0 for none.
    pub pulses_per_kwh: u32,
}

/// One input of the converter.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Input {
    /// `voltage` or `current`.
    pub quantity: &'static str,
    /// Which of the three, from 0.
    pub phase: usize,
    /// Volts or amperes (behind the transformers in front) of one step.
    pub per_lsb: f64,
    /// Nominal code of zero.
    pub zero: f64,
    /// Smallest and largest code.
    pub codes: (i16, i16),
    /// Seconds by which it is sampled later than nominal.
    pub slot_s: f64,
}

/// What the factory knows of the clamps.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Calibration {
    /// Per cent that the clamp delivers too much.
    pub ratio_pct: Vec<Row>,
    /// Degrees by which its output leads.
    pub lead_deg: Vec<Row>,
}

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
pub fn told(spec: &Spec, converter: &Converter, declared: Declared) -> Told {
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
            quantity: if channel.is_current() { "current" } else { "voltage" },
            phase: channel.line(),
            per_lsb: per_lsb / outer,
            zero: 0.0,
            codes: (code(-half), code(half - 1)),
            slot_s: spec.frontend.slot_us.get(at).copied().unwrap_or_default() * 1e-6,
        }
    });
    Told {
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
        netting: if declared.summed { "summed" } else { "per-phase" },
        pulses_per_kwh: declared.pulses_per_kwh,
    }
}
