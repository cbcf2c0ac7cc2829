//! The reference clamp dongle: three clamps, one or three voltages, and nothing but their samples.
//!
//! ```text
//! samples ─► block (ten cycles) ─► measure (RMS, phasors) ─► total (one second, energy, pulses) ─► claim
//! ```
//!
//! Refuses to know how the samples were made and what is true of them: it shares no line with `wave`. It is told
//! what a fitter or a factory tells a dongle, the [`Settings`], and no more. It measures alternating quantities:
//! the mean of every input is taken for the bias of its converter and removed, so direct current is not seen.
//!
//! | file | what |
//! |---|---|
//! | `block` | cuts the stream at rising zero crossings of the voltage, without a gap |
//! | `measure` | one block → voltages, currents and powers of each phase |
//! | `total` | blocks → a reading a second, energy registers, pulses, alarms |

mod block;
mod measure;
mod total;

pub use total::{Alarm, Output};

use alloc::vec::Vec;
use block::Cutter;
use measure::measure;
use total::Totals;

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

/// One input of the converter.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Input {
    /// What it measures.
    pub quantity: Quantity,
    /// Which of the three, from 0.
    pub phase: usize,
    /// Volts or amperes per step of the converter.
    pub per_lsb: f64,
    /// Nominal code of zero.
    pub zero: f64,
    /// Smallest and largest code; a sample there is taken for a clipped one.
    pub codes: (i16, i16),
    /// How much later than the first input it is sampled, in seconds.
    pub slot_s: f64,
}

/// What the factory knows of the clamps: lists of (up to which current in amperes, value), rising.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Calibration {
    /// Ratio error in per cent; the clamp delivers so much too much.
    pub ratio_pct: Vec<(f64, f64)>,
    /// How far the clamp's output leads the current, in degrees of the fundamental.
    pub lead_deg: Vec<(f64, f64)>,
}

/// The value of a list at a current: that of the first entry whose upper end is not below it, else the last.
fn at_current(list: &[(f64, f64)], amperes: f64) -> f64 {
    let found = list.iter().find(|(up_to, _)| amperes <= *up_to).or(list.last());
    found.map_or(0.0, |(_, value)| *value)
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

/// How a dongle is broken on purpose, to see a check fail. Each is a defect seen in the field or one step from it
/// (ct-waveforms, section 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Takes power without its sign.
    AbsolutePower,
    /// Responds to the rectified mean and scales it as if it were a sine.
    AverageResponding,
    /// Sees the fundamental only.
    FundamentalOnly,
    /// Does not know that its inputs are sampled one after another.
    NoSlotCompensation,
    /// Does not correct the clamps' phase error.
    NoPhaseCorrection,
    /// Cuts at 200 ms whatever the frequency is.
    FixedWindow,
    /// Keeps currents in 16 bits of milliamperes.
    CurrentIn16Bits,
    /// Keeps power in 16 signed bits of watts.
    PowerIn16Bits,
    /// Prints negative power as 32 unsigned bits.
    UnsignedPower,
    /// Counts energy the other way than it was told.
    OtherNetting,
    /// Says nothing of an input beyond its range.
    SilentOverRange,
    /// Reports noise as current.
    NoStartCurrent,
    /// Leaves the transformer ratio out.
    FactorForgotten,
    /// Applies the transformer ratio twice to power.
    FactorTwice,
    /// Does not notice voltages in the wrong order.
    PhaseOrderUnseen,
    /// Was calibrated at 10 A and nowhere else.
    SinglePoint,
    /// Claims what it derived as if it had measured it.
    EstimateUnmarked,
    /// Takes the missing current of three wires for the mean of the other two.
    BalancedGuess,
}

/// The dongle.
#[derive(Clone, Debug)]
pub struct ClampDongle {
    settings: Settings,
    fault: Option<Fault>,
    cutter: Cutter,
    totals: Totals,
}

impl Fault {
    /// All of them with their names in rig and waveform files.
    pub const ALL: [(&'static str, Fault); 18] = [
        ("absolute-power", Fault::AbsolutePower),
        ("average-responding", Fault::AverageResponding),
        ("fundamental-only", Fault::FundamentalOnly),
        ("no-slot-compensation", Fault::NoSlotCompensation),
        ("no-phase-correction", Fault::NoPhaseCorrection),
        ("fixed-window", Fault::FixedWindow),
        ("current-in-16-bits", Fault::CurrentIn16Bits),
        ("power-in-16-bits", Fault::PowerIn16Bits),
        ("unsigned-power", Fault::UnsignedPower),
        ("other-netting", Fault::OtherNetting),
        ("silent-over-range", Fault::SilentOverRange),
        ("no-start-current", Fault::NoStartCurrent),
        ("factor-forgotten", Fault::FactorForgotten),
        ("factor-twice", Fault::FactorTwice),
        ("phase-order-unseen", Fault::PhaseOrderUnseen),
        ("single-point", Fault::SinglePoint),
        ("estimate-unmarked", Fault::EstimateUnmarked),
        ("balanced-guess", Fault::BalancedGuess),
    ];

    /// The fault of this name.
    pub fn named(name: &str) -> Option<Fault> {
        Fault::ALL.iter().find(|(known, _)| *known == name).map(|(_, fault)| *fault)
    }
}

impl ClampDongle {
    /// A dongle at sample 0.
    pub fn new(settings: Settings, fault: Option<Fault>) -> ClampDongle {
        let cutter = Cutter::new(&settings, fault);
        ClampDongle { settings, fault, cutter, totals: Totals::default() }
    }

    /// Takes whole frames (one sample of each input, interleaved) and returns the readings that became due.
    ///
    /// A last frame that is not whole is ignored. How the samples are divided among calls changes nothing.
    pub fn push(&mut self, samples: &[i16]) -> Vec<Output> {
        let mut outputs = Vec::new();
        for frame in samples.chunks_exact(self.settings.inputs.len().max(1)) {
            if let Some(block) = self.cutter.push(frame) {
                let measured = measure(&block, &self.settings, self.fault);
                outputs.extend(self.totals.add(&measured, &self.settings, self.fault));
            }
        }
        outputs
    }
}
