//! How far a claim may lie from the truth, and how sure the bench is of that.
//!
//! All limits are our own, shaped like the classes of current transformers (IEC 61869-2, table 201: error and angle
//! of class 1 grow from 1 % and 60' at rated current to 1.5-fold at 20 % and threefold at 5 %). Power takes the
//! ratio error on itself and the angle on its reactive part. Not taken from a meter standard: none was at hand to
//! check (ct-waveforms, section 2.3), so no verdict says "conforms to".
//!
//! A claim passes when error plus uncertainty stay within the limit, fails when error minus uncertainty exceed it,
//! and is undecided between (the rule of ILAC-G8). The uncertainty is the expanded one, k = 2.

use super::device::Device;
use crate::verdict::Verdict;

/// Angle error of class 1 at rated current, as the tangent of 60 minutes.
const ANGLE: f64 = 0.017_455;
/// No power is asked for finer than this, in watts or vars.
const RESOLUTION: f64 = 1.0;
/// Share of the limit within which a pass is called marginal.
pub const MARGINAL: f64 = 0.1;

/// An interval around the truth, and the bench's own doubt.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limit {
    /// Largest deviation allowed, in the unit of the quantity.
    pub limit: f64,
    /// Expanded uncertainty of truth and comparison, in the same unit.
    pub uncertainty: f64,
}

/// What one deviation comes to, from good to bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Call {
    /// Within, with room.
    Pass,
    /// Within, but nearer to the limit than a tenth of it.
    Marginal,
    /// The doubt covers the limit.
    Undecided,
    /// Beyond.
    Fail,
}

impl Call {
    /// The verdict it means.
    pub fn verdict(self) -> Verdict {
        match self {
            Call::Pass | Call::Marginal => Verdict::Pass,
            Call::Undecided => Verdict::Inconclusive,
            Call::Fail => Verdict::Fail,
        }
    }
}

impl Limit {
    /// What a deviation comes to.
    pub fn call(self, error: f64) -> Call {
        let error = error.abs();
        if error - self.uncertainty > self.limit {
            Call::Fail
        } else if error + self.uncertainty > self.limit {
            Call::Undecided
        } else if error + self.uncertainty > self.limit * (1.0 - MARGINAL) {
            Call::Marginal
        } else {
            Call::Pass
        }
    }

    /// A limit and the resolution of what is claimed (thousandths): u = 0.001/√12, doubled.
    fn new(limit: f64) -> Limit {
        Limit { limit, uncertainty: 2.0 * 0.001 / 12_f64.sqrt() }
    }

    /// Adds doubt of another origin, root of squares.
    pub fn with(self, uncertainty: f64) -> Limit {
        Limit { uncertainty: self.uncertainty.hypot(uncertainty), ..self }
    }
}

/// By how much the class is wider at a part of the range: 3 below 5 %, 1.5 at 20 %, 1 from 100 % on, straight between.
fn widening(part: f64) -> f64 {
    match part {
        part if part <= 0.05 => 3.0,
        part if part <= 0.2 => 3.0 - 1.5 * (part - 0.05) / 0.15,
        part if part <= 1.0 => 1.5 - 0.5 * (part - 0.2) / 0.8,
        _ => 1.0,
    }
}

/// Error of a current as a part of the class: below 5 % of the range it stays what it is at 5 %, in amperes.
fn amperes(device: &Device, current: f64) -> f64 {
    let least = 0.05 * device.range_a;
    device.class / 100.0 * widening(current / device.range_a) * current.max(least)
}

/// RMS current, amperes.
pub fn current(device: &Device, current: f64) -> Limit {
    Limit::new(amperes(device, current))
}

/// RMS voltage, volts: half the class of the reading, of at least a tenth of the range.
pub fn voltage(device: &Device, volts: f64) -> Limit {
    Limit::new(device.class / 200.0 * volts.max(0.1 * device.range_v))
}

/// Active power of a phase, watts, from its own truth: volts, amperes, watts, vars.
pub fn active(device: &Device, truth: PhasePower) -> Limit {
    Limit::new(power(device, truth, truth.watts, truth.vars))
}

/// Reactive power of a phase, vars.
pub fn reactive(device: &Device, truth: PhasePower) -> Limit {
    Limit::new(power(device, truth, truth.vars, truth.watts))
}

/// What a phase carries.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PhasePower {
    /// Volts.
    pub volts: f64,
    /// Amperes.
    pub amperes: f64,
    /// Watts.
    pub watts: f64,
    /// Vars of the fundamental.
    pub vars: f64,
}

fn power(device: &Device, truth: PhasePower, own: f64, other: f64) -> f64 {
    let wide = widening(truth.amperes / device.range_a) * device.class;
    let by_class = wide * (own.abs() / 100.0 + other.abs() * ANGLE);
    // Distorted currents carry apparent power that is neither: half the class of it is allowed for, and the least
    // error of the current at this voltage.
    let least = truth.volts * device.class / 100.0 * widening(0.0) * 0.05 * device.range_a * 0.5;
    by_class.max(least.min(wide / 100.0 * truth.volts * truth.amperes)).max(RESOLUTION)
}

/// Power factor, no unit: what the limits of P, U and I together leave.
pub fn factor(device: &Device, truth: PhasePower) -> Limit {
    let apparent = (truth.volts * truth.amperes).max(1e-9);
    let relative = amperes(device, truth.amperes) / truth.amperes.max(1e-9) + device.class / 200.0;
    Limit::new((active(device, truth).limit / apparent + relative).min(2.0))
}

/// Total harmonic distortion of a current, per cent of the fundamental: 5 % of the reading, or 0.15 % of the range
/// (IEC 61000-4-7 class I, as far as known).
pub fn distortion(device: &Device, fundamental: f64, percent: f64) -> Limit {
    let floor = 100.0 * 0.0015 * device.range_a / fundamental.max(1e-9);
    Limit::new((0.05 * percent).max(floor))
}

/// Frequency, hertz (class S of IEC 61000-4-30: ±50 mHz).
pub fn frequency() -> Limit {
    Limit::new(0.05)
}

#[cfg(test)]
mod tests {
    use super::super::device::find;
    use super::*;

    #[test]
    fn the_class_widens_towards_small_currents_and_never_below_its_floor() {
        let home = find("amp-guard-home").expect("a listed device");
        let at = |amperes| current(home, amperes).limit;
        assert!(
            (at(100.0) - 1.0).abs() < 1e-9 && (at(20.0) - 0.3).abs() < 1e-9 && (at(5.0) - 0.15).abs() < 1e-9
        );
        assert_eq!(at(0.1), at(5.0));
    }

    #[test]
    fn a_deviation_is_undecided_where_the_doubt_covers_the_limit() {
        let limit = Limit { limit: 1.0, uncertainty: 0.05 };
        let calls = [0.5, 0.87, 0.97, 1.04, 1.06].map(|error| limit.call(-error));
        assert_eq!(calls, [Call::Pass, Call::Marginal, Call::Undecided, Call::Undecided, Call::Fail]);
    }

    #[test]
    fn at_a_low_power_factor_the_angle_decides() {
        let home = find("amp-guard-home").expect("a listed device");
        let phase = |watts, vars| PhasePower { volts: 230.0, amperes: 100.0, watts, vars };
        let resistive = active(home, phase(23_000.0, 0.0)).limit;
        let inductive = active(home, phase(0.0, 23_000.0)).limit;
        assert!(
            (resistive - 230.0).abs() < 1.0 && (inductive - 401.5).abs() < 1.0,
            "{resistive} {inductive}"
        );
    }
}
