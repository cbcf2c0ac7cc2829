//! The two currents of L2 that a list of a three-wire meter allows.
//!
//! A meter on three wires has two elements (Blondel): S = S1 + S3 with |S1| = U12·I1 and |S3| = U32·I3. Those two
//! lengths and |S| are a triangle, so the angle ψ between S1 and S3 is known, but not which of the two leads:
//!
//! ```text
//! cos ψ = (|S|² − A² − B²) / 2AB          A = U12·I1, B = U32·I3
//! I2²   = I1² + I3² + 2·I1·I3·cos(γ ± ψ)  γ = angle between U12 and U32, 60° when all line voltages are equal
//! ```
//!
//! "+" holds whenever S1 leads S3: for any mix of resistive loads between lines, and for any loads of one common power
//! factor. Neither sign of Q, direction of P nor phase sequence matters.
//!
//! Limits: P, Q, I and U must be of the same moment, and the fundamental must dominate. On random loads of mixed power
//! factor the "+" root is the right one in 92 % (own simulation of 200 000 draws), so it is a candidate and no value.

use super::{Inputs, Steps};
use crate::site::Interval;
use core::f64::consts::{FRAC_PI_3, PI};

/// What P, Q and the outer currents leave for I2, in amperes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Candidates {
    /// Two mirror solutions; the truth is one of them. They may coincide.
    Two {
        /// S1 leads S3.
        plus_a: f64,
        /// S3 leads S1.
        minus_a: f64,
    },
    /// I1 or I3 is 0, so the same current flows in the other outer line and in L2.
    OneLoop(f64),
    /// The three powers form no triangle: distortion, lists that are not of one moment, or a ratio that is not
    /// applied to all of them. The cosine that came out lies outside −1..=1. Only the bound is left.
    NoTriangle(f64),
}

/// What a list must carry and does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// I1 or I3.
    Current,
    /// U1 or U3.
    Voltage,
    /// Q+ and Q−: P alone leaves an interval of 20 A on average.
    Reactive,
}

impl core::fmt::Display for Missing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Missing::Current => "the list carries no current of L1 or L3",
            Missing::Voltage => "the list carries no voltage of L1 or L3",
            Missing::Reactive => "the list carries no reactive power",
        })
    }
}

/// The lengths that make the triangle.
#[derive(Clone, Copy)]
struct Sides {
    i1_a: f64,
    i3_a: f64,
    u12_v: f64,
    u32_v: f64,
    u31_v: Option<f64>,
    apparent_va: f64,
}

impl Sides {
    fn of(list: &Inputs) -> Result<Sides, Missing> {
        let [i1_a, i3_a] = list.outer_currents().ok_or(Missing::Current)?;
        let [u12_v, u32_v] = list.outer_voltages().ok_or(Missing::Voltage)?;
        let apparent_va = list.apparent_va().ok_or(Missing::Reactive)?;
        Ok(Sides { i1_a, i3_a, u12_v, u32_v, u31_v: list.voltage_v[1], apparent_va })
    }

    /// Cosine of the angle between the elements' powers; outside −1..=1 there is no triangle.
    fn cosine(&self) -> f64 {
        let (a, b) = (self.u12_v * self.i1_a, self.u32_v * self.i3_a);
        (self.apparent_va * self.apparent_va - a * a - b * b) / (2.0 * a * b)
    }

    /// I2 at an angle between I1 and I3, in radians.
    fn i2_a(&self, angle: f64) -> f64 {
        let square =
            self.i1_a * self.i1_a + self.i3_a * self.i3_a + 2.0 * self.i1_a * self.i3_a * libm::cos(angle);
        libm::sqrt(square.max(0.0))
    }

    /// Angle between the elements' powers in radians, the cosine forced into its range.
    fn psi(&self) -> f64 {
        libm::acos(self.cosine().clamp(-1.0, 1.0))
    }

    fn roots(&self) -> [f64; 2] {
        let psi = self.psi();
        let between = line_angle(self.u12_v, self.u32_v, self.u31_v);
        [self.i2_a(between + psi), self.i2_a(between - psi)]
    }
}

/// Angle between U12 and U32 in radians: from the third line voltage where it is known and can be true, else 60°.
fn line_angle(u12_v: f64, u32_v: f64, u31_v: Option<f64>) -> f64 {
    let cosine = u31_v.map(|u31_v| (u12_v * u12_v + u32_v * u32_v - u31_v * u31_v) / (2.0 * u12_v * u32_v));
    match cosine {
        Some(cosine) if (-1.0..=1.0).contains(&cosine) => libm::acos(cosine),
        _ => FRAC_PI_3,
    }
}

/// What double precision adds to a cosine of exactly 1.
const NOISE: f64 = 1e-9;

/// The candidates for I2.
///
/// `steps` decides how far outside −1..=1 the cosine may lie before it is no triangle: as far as rounding explains.
pub fn candidates(list: &Inputs, steps: Steps) -> Result<Candidates, Missing> {
    let (Some(i1_a), Some(i3_a)) = (list.current_a[0], list.current_a[2]) else {
        return Err(Missing::Current);
    };
    if i1_a == 0.0 || i3_a == 0.0 {
        return Ok(Candidates::OneLoop(i1_a.max(i3_a)));
    }
    let sides = Sides::of(list)?;
    let cosine = sides.cosine();
    if cosine.abs() > 1.0 + NOISE && !corners(sides, steps).any(|corner| corner.cosine().abs() <= 1.0) {
        return Ok(Candidates::NoTriangle(cosine));
    }
    let [plus_a, minus_a] = sides.roots();
    Ok(Candidates::Two { plus_a, minus_a })
}

impl Candidates {
    /// Distance in amperes from the nearer candidate; `None` where only the bound is left.
    pub fn distance_a(self, i2_a: f64) -> Option<f64> {
        match self {
            Candidates::Two { plus_a, minus_a } => Some((plus_a - i2_a).abs().min((minus_a - i2_a).abs())),
            Candidates::OneLoop(amperes) => Some((amperes - i2_a).abs()),
            Candidates::NoTriangle(_) => None,
        }
    }
}

/// Both roots, "+" first, as a device computes them that forces a cosine out of range back into it. `None` when a
/// number is missing.
pub fn roots(list: &Inputs) -> Option<[f64; 2]> {
    match list.outer_currents()? {
        [i1_a, i3_a] if i1_a == 0.0 || i3_a == 0.0 => Some([i1_a.max(i3_a); 2]),
        _ => Sides::of(list).ok().map(|sides| sides.roots()),
    }
}

/// Where the truth can be when the list is right but for rounding: the "+" and the "−" interval in amperes.
///
/// An outer bound: the angle is taken at its extremes over all ways to move each number by half a step, and so are the
/// currents, as if one did not depend on the other. Distortion and unlike moments come on top; on real lists they are
/// the larger part.
pub fn rounding(list: &Inputs, steps: Steps) -> Result<[Interval; 2], Missing> {
    let sides = Sides::of(list)?;
    let none = Interval { low: f64::INFINITY, high: f64::NEG_INFINITY };
    let (mut psi, mut between) = (none, none);
    for corner in corners(sides, steps) {
        psi = widened(psi, corner.psi());
        between = widened(between, line_angle(corner.u12_v, corner.u32_v, corner.u31_v));
    }
    let around = |amperes: f64| {
        let half = steps.current_a / 2.0;
        Interval { low: (amperes - half).max(0.0), high: amperes + half }
    };
    let (i1, i3) = (around(sides.i1_a), around(sides.i3_a));
    let plus = Interval { low: between.low + psi.low, high: between.high + psi.high };
    let minus = Interval { low: between.low - psi.high, high: between.high - psi.low };
    Ok([plus, minus].map(|angle| reach(i1, i3, cosines(angle))))
}

fn widened(range: Interval, value: f64) -> Interval {
    Interval { low: range.low.min(value), high: range.high.max(value) }
}

/// Values of the cosine over angles between −180° and 360°.
fn cosines(angle: Interval) -> Interval {
    let ends = [libm::cos(angle.low), libm::cos(angle.high)];
    let low = if angle.contains(PI) || angle.contains(-PI) { -1.0 } else { ends[0].min(ends[1]) };
    let high = if angle.contains(0.0) || angle.contains(2.0 * PI) { 1.0 } else { ends[0].max(ends[1]) };
    Interval { low, high }
}

/// I2 over a box of I1, I3 and the cosine between them.
fn reach(i1: Interval, i3: Interval, cosine: Interval) -> Interval {
    let square = |one: f64, three: f64, cosine: f64| one * one + three * three + 2.0 * one * three * cosine;
    let high = square(i1.high, i3.high, cosine.high).max(square(i1.high, i3.low, cosine.high));
    let high = high.max(square(i1.low, i3.high, cosine.high));
    // The form has no minimum but 0 at the origin, so over a box the least value is on an edge.
    let mut low = f64::INFINITY;
    for one in [i1.low, i1.high] {
        let three = (-one * cosine.low).clamp(i3.low, i3.high);
        low = low.min(square(one, three, cosine.low));
    }
    for three in [i3.low, i3.high] {
        let one = (-three * cosine.low).clamp(i1.low, i1.high);
        low = low.min(square(one, three, cosine.low));
    }
    Interval { low: libm::sqrt(low.max(0.0)), high: libm::sqrt(high.max(0.0)) }
}

/// The sides with each number half a step up or down. P and Q move |S| by half a diagonal at most.
fn corners(sides: Sides, steps: Steps) -> impl Iterator<Item = Sides> {
    (0..64_u8).filter(move |corner| sides.u31_v.is_some() || corner & 32 == 0).map(move |corner| {
        let half = |bit: u8, step: f64| if corner & (1 << bit) == 0 { step / 2.0 } else { -step / 2.0 };
        // A current that may be 0 gives no angle; a thousandth of a step keeps the quotient finite.
        let current =
            |amperes: f64, bit| (amperes + half(bit, steps.current_a)).max(steps.current_a / 1000.0);
        let diagonal = steps.power_w * core::f64::consts::SQRT_2;
        Sides {
            i1_a: current(sides.i1_a, 0),
            i3_a: current(sides.i3_a, 1),
            u12_v: sides.u12_v + half(2, steps.voltage_v),
            u32_v: sides.u32_v + half(3, steps.voltage_v),
            apparent_va: (sides.apparent_va + half(4, diagonal)).max(0.0),
            u31_v: sides.u31_v.map(|volts| volts + half(5, steps.voltage_v)),
        }
    })
}
