//! The voltage of L2 from those of L1 and L3, and how wrong that can be.
//!
//! With a neutral, (U1 + U3)/2 is off by 1.5 × the deviation of L2 from the mean of the three: to first order
//! 1.5·(k2 + k0) for negative and zero sequence, and about 0.22 % for every ampere by which L2 alone is loaded at the
//! reference impedance of IEC 60725. At the ends of EN 50160 it is +22 % and −18 %. On three wires there is no zero
//! sequence and the closed triangle of line voltages keeps the error at 1.5·k2.
//!
//! Refuses to call an estimate a measurement: everything here is an interval, or a value with its error beside it.

use super::{Inputs, Steps};
use crate::site::Interval;
use num_complex::Complex64;

/// What the grid is assumed to do. Where a figure comes from stands at the constants.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Grid {
    /// Negative sequence over positive sequence, 0.02 for 2 %.
    pub k2: f64,
    /// Zero sequence over positive sequence at the site's supply, without what its own loads cause.
    pub k0: f64,
    /// Line impedance plus neutral impedance, in ohms.
    pub loop_ohm: Complex64,
}

/// IEC 60725 reference impedance: line 0.24 + j0.15 Ω and neutral 0.16 + j0.10 Ω (standard value, not re-read).
pub const REFERENCE_LOOP_OHM: Complex64 = Complex64::new(0.40, 0.25);

impl Grid {
    /// Unbalance that EN 50160 allows for 95 % of the week (2 % negative sequence; it sets no limit for the zero
    /// sequence), behind the reference impedance.
    pub const EN_50160: Grid = Grid { k2: 0.02, k0: 0.0, loop_ohm: REFERENCE_LOOP_OHM };
}

/// Error of (U1 + U3)/2 per ampere of unbalance at the reference impedance, as a fraction: 0.22 % computed for a load
/// at unity power factor and 0.26 % at 0.8; 0.25 % is the figure of the rule.
const PER_AMPERE: f64 = 0.0025;

/// With a neutral: U2 from U1 and U3, and the band around it.
///
/// Half width: 1.5·(k2 + k0) + 0.25 %/A · |I2 − (I1 + I3)/2|, the second part scaled by the impedance. The currents
/// are magnitudes; where one exports, its deviation is at most as large. `None` when U1 or U3 or a current is missing.
pub fn with_neutral(list: &Inputs, grid: Grid) -> Option<Interval> {
    let [u1_v, u3_v] = list.outer_voltages()?;
    let [i1_a, i3_a] = list.outer_currents()?;
    let centre = f64::midpoint(u1_v, u3_v);
    let uneven_a = (list.current_a[1]? - f64::midpoint(i1_a, i3_a)).abs();
    let scale = grid.loop_ohm.norm() / REFERENCE_LOOP_OHM.norm();
    let part = 1.5 * (grid.k2 + grid.k0) + PER_AMPERE * scale * uneven_a;
    Some(Interval::around(centre, centre * part))
}

/// On three wires: the third line voltage from the other two, ± 1.5·k2, cut to what a closed triangle allows
/// (|U1 − U3| ≤ U2 ≤ U1 + U3).
pub fn three_wire(list: &Inputs, grid: Grid) -> Option<Interval> {
    let [u1_v, u3_v] = list.outer_voltages()?;
    let centre = f64::midpoint(u1_v, u3_v);
    let band = Interval::around(centre, centre * 1.5 * grid.k2);
    Some(Interval { low: band.low.max((u1_v - u3_v).abs()), high: band.high.min(u1_v + u3_v) })
}

/// With a neutral: every U2 that P, Q, the three currents, U1 and U3 allow, whatever the power factors are.
///
/// S2 = S − S1 − S3, where S1 and S3 are known in length only. Wide on purpose: nothing but physics is assumed, and
/// the numbers are taken as exact: widen it by their rounding. `None` when a number is missing or no current flows in L2.
pub fn possible(list: &Inputs) -> Option<Interval> {
    let [u1_v, u3_v] = list.outer_voltages()?;
    let [i1_a, i3_a] = list.outer_currents()?;
    let i2_a = list.current_a[1].filter(|amperes| *amperes > 0.0)?;
    let (apparent, a, c) = (list.apparent_va()?, u1_v * i1_a, u3_v * i3_a);
    let low = (apparent - a - c).max((a - c).abs() - apparent).max(0.0);
    Some(Interval { low: low / i2_a, high: (apparent + a + c) / i2_a })
}

/// A value and how far the truth can be from it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// Volts.
    pub volts: f64,
    /// Largest error in volts that rounding of the list causes, to first order.
    pub error_v: f64,
}

impl Estimate {
    /// The interval of both.
    pub fn interval(self) -> Interval {
        Interval::around(self.volts, self.error_v)
    }
}

/// With a neutral: U2 = (P − U1·I1·pf1 − U3·I3·pf3) / (I2·pf2), with the error of rounding.
///
/// Use it only with power factors that are *known*: assuming 1 where 0.95 is true is 15 % off with even and 45 % with
/// uneven currents; and only for an I2 from about 5 A (at 0.1 A steps 9 % at 1 A, 1 % at 10 A). Its better use is as a
/// test of the average. `None` when a number is missing, or I2 or its power factor is 0.
pub fn from_power(list: &Inputs, power_factor: [f64; 3], steps: Steps) -> Option<Estimate> {
    let [u1_v, u3_v] = list.outer_voltages()?;
    let [i1_a, i3_a] = list.outer_currents()?;
    let i2_a = list.current_a[1]?;
    let [pf1, pf2, pf3] = power_factor;
    let effective = i2_a * pf2;
    if effective <= 0.0 {
        return None;
    }
    let volts = (list.active_w() - u1_v * i1_a * pf1 - u3_v * i3_a * pf3) / effective;
    let numerator = steps.power_w / 2.0
        + (u1_v * pf1.abs() + u3_v * pf3.abs()) * steps.current_a / 2.0
        + (i1_a * pf1.abs() + i3_a * pf3.abs()) * steps.voltage_v / 2.0;
    let error_v = numerator / effective + volts.abs() * steps.current_a / (2.0 * i2_a);
    Some(Estimate { volts, error_v })
}
