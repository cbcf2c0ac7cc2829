//! What a dongle that measures from samples is told before the first one: what a factory and a fitter know, and
//! nothing of the truth. As JSON this is the head of a sample stream.
//!
//! Plain data for both ends: the bench fills it in from a waveform, a dongle measures by it. Refuses to compute.

use alloc::vec::Vec;

/// What a clamp dongle is told.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Settings {
    /// Samples of each input per second.
    pub rate_hz: f64,
    /// The inputs in the order of the samples.
    pub inputs: Vec<Input>,
    /// The clamps.
    pub calibration: Calibration,
    /// There is a neutral: voltages are to it. Otherwise they are L1–L2, L2–L3, L3–L1.
    pub neutral: bool,
    /// Transformer ratio in front of the clamps, 20 for 100:5; 1 without.
    pub factor: f64,
    /// Below so many amperes (before the factor) a current counts as none.
    pub start_a: f64,
    /// End of the clamps' range in amperes, before the factor.
    pub range_a: f64,
    /// How energy is counted.
    pub netting: Netting,
    /// Pulses per kilowatt-hour imported; 0 for none.
    pub pulses_per_kwh: u32,
}

/// One input of the converter.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Input {
    /// What it is wired to.
    pub quantity: Quantity,
    /// Which of the three, from 0.
    pub phase: usize,
    /// Volts or amperes (behind the transformers in front) per step of the converter.
    pub per_lsb: f64,
    /// Nominal code of zero.
    pub zero: f64,
    /// Smallest and largest code; a sample there is taken for a clipped one.
    pub codes: (i16, i16),
    /// How much later than the first input it is sampled, in seconds.
    pub slot_s: f64,
}

/// What an input of the dongle is wired to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "std", serde(rename_all = "kebab-case"))]
pub enum Quantity {
    /// A voltage, in volts.
    Voltage,
    /// A clamp, in amperes of the primary at its nominal ratio.
    Current,
}

/// What the factory knows of the clamps: lists of (up to which current in amperes, value), rising.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Calibration {
    /// Ratio error in per cent; the clamp delivers so much too much.
    pub ratio_pct: Vec<[f64; 2]>,
    /// How far the clamp's output leads the current, in degrees of the fundamental.
    pub lead_deg: Vec<[f64; 2]>,
}

/// How energy is counted when phases have opposite directions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "std", serde(rename_all = "kebab-case"))]
pub enum Netting {
    /// The phases are added before they are counted, as Nordic and German meters do.
    #[default]
    Summed,
    /// Every phase counts for itself.
    PerPhase,
}
