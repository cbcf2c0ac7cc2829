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

use crate::samples::Settings;
use alloc::vec::Vec;
use block::Cutter;
use measure::measure;
use total::Totals;

/// The value of a list at a current: that of the first entry whose upper end is not below it, else the last.
fn at_current(list: &[[f64; 2]], amperes: f64) -> f64 {
    let found = list.iter().find(|[up_to, _]| amperes <= *up_to).or(list.last());
    found.map_or(0.0, |[_, value]| *value)
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
