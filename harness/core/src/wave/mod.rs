//! Synthetic mains and clamp waveforms, and what is true of them.
//!
//! ```text
//! spec.toml ─► spec ─► network ─► segments at the primary ─► sensor ─► segments at the clamp ─► frontend ─► samples
//!                                        └─ truth                          └─ truth                          └─ truth
//! ```
//!
//! Time is a list of [`Segment`]s. Within one, frequency and every phasor are constant; a ramp is a stair of one step
//! per mains cycle. That makes truth over any window a closed form: nothing here learns what is right by measuring
//! samples, but for [`truth::of_samples`], which says what an ideal device could read from the quantised ones.
//!
//! Refuses to know what a dongle does with the samples, and which deviation is too much.
//!
//! Sines come from a library in pure Rust, so that the same spec gives the same bytes on every machine.
//!
//! | file | what |
//! |---|---|
//! | `spec` | the waveform file, checked; every mistake with its line |
//! | `network` | sources, impedances, loads → voltages and currents of each segment |
//! | `sensor`, `flux` | what a clamp makes of the current: placement, direction, ratio, phase, saturation |
//! | `frontend`, `noise`, `synth` | what the converter makes of it: samples |
//! | [`told`] | what a dongle is told before the first sample |
//! | [`truth`] | RMS, P, Q, power factor, distortion, energy over any window |
//! | [`files`] | samples as WAV, CSV and COMTRADE, with the page of what is true of them |

pub mod files;
pub mod flux;
pub mod frontend;
pub mod network;
pub mod noise;
pub mod profiles;
pub mod sensor;
pub mod spec;
pub mod synth;
pub mod told;
pub mod truth;

use num_complex::Complex64;

/// A harmonic as a complex RMS value: the quantity at phase θ of the fundamental is `√2·Im(X·e^(j·order·θ))`.
/// An argument of 0 is a sine that rises through zero with the fundamental's reference.
pub type Phasor = Complex64;

/// One turn of a 64-bit phase.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// Highest harmonic order that a spec may use.
pub const ORDER_MAX: u8 = 50;

/// Samples per second as a fraction: 48 000 / 6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Samples.
    pub num: u32,
    /// In so many seconds, from 1.
    pub den: u32,
}

impl Rate {
    /// Samples per second.
    pub fn hz(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// Seconds from sample 0 to sample `index`.
    pub fn seconds(self, index: u64) -> f64 {
        index as f64 * f64::from(self.den) / f64::from(self.num)
    }

    /// The sample nearest to a time in seconds, not below 0.
    pub fn index(self, seconds: f64) -> u64 {
        (seconds * f64::from(self.num) / f64::from(self.den)).round() as u64
    }
}

/// A periodic quantity of one segment.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Spectrum {
    /// Mean value.
    pub dc: f64,
    /// Harmonics by rising order, each order once, from 1 to [`ORDER_MAX`].
    pub parts: Vec<(u8, Phasor)>,
}

/// One channel during one segment.
#[derive(Clone, PartialEq, Debug)]
pub enum Signal {
    /// Steady: the same in every cycle.
    Steady(Spectrum),
    /// One cycle that is like no other: a core on its way into or out of saturation. Values at equal steps of phase,
    /// the first at phase 0 of the segment. The segment is at most one cycle long.
    Cycle(std::sync::Arc<[f64]>),
}

/// A stretch of time in which frequency and amplitudes are constant.
///
/// The phase of sample `n` is `turn + (n − from)·step` modulo 2⁶⁴, where 2⁶⁴ is one turn of the fundamental.
#[derive(Clone, PartialEq, Debug)]
pub struct Segment {
    /// First sample.
    pub from: u64,
    /// First sample behind it.
    pub to: u64,
    /// Phase of the fundamental at `from`, in 2⁻⁶⁴ turns.
    pub turn: u64,
    /// Phase from one sample to the next, in 2⁻⁶⁴ turns.
    pub step: u64,
    /// Voltages in volts: L1, L2, L3 to neutral; without a neutral L1–L2, L2–L3, L3–L1.
    pub u: [Signal; 3],
    /// Currents in amperes of L1, L2, L3, counted positive from the grid into the site.
    pub i: [Signal; 3],
}

impl Segment {
    /// Turns of the fundamental from the start of the segment to a place between two samples.
    pub fn turns(&self, sample: f64) -> f64 {
        (sample - self.from as f64) * self.step as f64 / TURN
    }

    /// Value of one of its signals so many turns behind its start.
    pub fn value(&self, signal: &Signal, turns: f64) -> f64 {
        match signal {
            Signal::Steady(spectrum) => {
                let part = turns - turns.floor();
                synth::value(spectrum, self.turn.wrapping_add((part * TURN) as u64))
            }
            Signal::Cycle(table) => {
                let at = turns * table.len() as f64;
                let (left, part) = (at.floor(), at - at.floor());
                // Straight between two values; beyond the last the last.
                let entry = |index: usize| table.get(index).or(table.last()).copied().unwrap_or(0.0);
                let left = left as usize;
                entry(left) + (entry(left + 1) - entry(left)) * part
            }
        }
    }
}
