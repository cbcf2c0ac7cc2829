//! From phasors to values: what a steady signal is at any phase.
//!
//! | stretch | way | cost of a sample |
//! |---|---|---|
//! | from [`LONG`] samples | [`Table`]: one cycle as 2048 cubics (Hermite), made once | the same for 1 and 50 harmonics |
//! | shorter | [`Direct`]: harmonic by harmonic from a table of one sine | grows with the harmonics |
//!
//! Which way is taken depends on the length of the segment alone, and every value on its phase alone: no chunk changes a
//! sample. The error of a cubic is at most (2π·order/2048)⁴/384 of a harmonic's amplitude: 2·10⁻⁷ at order 31, 1.4·10⁻⁶ at
//! order 50; that of single precision 6·10⁻⁸ of the sum. One LSB of 16 bits is 3·10⁻⁵ of full scale.

use super::{Phasor, Spectrum};
use std::f64::consts::{PI, SQRT_2};

/// From this many samples on a table is worth making.
pub const LONG: u64 = 512;

/// Cubics of a cycle.
const POINTS: usize = 2048;
/// A cycle is cut into so many rows of so many points, to reuse sines: point `ROWS·a + b`.
const ROWS: usize = 32;
/// Half of the values of `a`; in the other half, half a turn on, odd harmonics change their sign.
const HALF: usize = POINTS / ROWS / 2;
/// Bits of a 32-bit phase below the number of the cubic.
const FINE_BITS: u32 = 32 - POINTS.ilog2();
const FINE: u32 = (1 << FINE_BITS) - 1;
const FINE_UNIT: f32 = 1.0 / (1u32 << FINE_BITS) as f32;
/// One turn of a 64-bit phase.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// Sines that are needed again and again.
#[derive(Clone, Debug)]
pub struct Sines {
    /// `e^(j2πk/POINTS)`.
    unit: Vec<Phasor>,
    /// Cubics of one sine.
    cubics: Vec<[f64; 4]>,
}

impl Sines {
    /// Computes them.
    pub fn new() -> Sines {
        let unit: Vec<Phasor> = (0..POINTS).map(|k| polar(k as f64 / POINTS as f64)).collect();
        let slope = 2.0 * PI / POINTS as f64;
        let next = |k: usize| unit.get((k + 1) % POINTS).copied().unwrap_or_default();
        let cubics = unit.iter().enumerate();
        let cubics =
            cubics.map(|(k, at)| cubic(at.im, at.re * slope, next(k).im, next(k).re * slope)).collect();
        Sines { unit, cubics }
    }

    fn unit(&self, k: usize) -> Phasor {
        self.unit.get(k % POINTS).copied().unwrap_or_default()
    }

    /// Sine of a 64-bit phase, within 3·10⁻¹³.
    fn sine(&self, phase: u64) -> f64 {
        let [a, b, c, d] = self.cubics.get((phase >> 53) as usize).copied().unwrap_or_default();
        let t = (phase & ((1 << 53) - 1)) as f64 / (1u64 << 53) as f64;
        a + t * (b + t * (c + t * d))
    }
}

impl Default for Sines {
    fn default() -> Sines {
        Sines::new()
    }
}

/// `e^(j2π·turns)`, the same bits on every machine.
pub(super) fn polar(turns: f64) -> Phasor {
    let (sin, cos) = libm::sincos(2.0 * PI * turns);
    Phasor::new(cos, sin)
}

/// The same of a 64-bit phase.
pub(super) fn polar_of(phase: u64) -> Phasor {
    polar(phase as i64 as f64 / TURN)
}

/// Value of a spectrum at a phase of its fundamental, with libm's sines: for the few places that need one value.
pub(super) fn value(spectrum: &Spectrum, phase: u64) -> f64 {
    let waves = spectrum
        .parts
        .iter()
        .map(|(order, part)| (part * polar_of(phase.wrapping_mul(u64::from(*order)))).im);
    spectrum.dc + SQRT_2 * waves.sum::<f64>()
}

/// The cubic that has these values and slopes at 0 and 1.
fn cubic(v0: f64, s0: f64, v1: f64, s1: f64) -> [f64; 4] {
    let rise = v1 - v0;
    [v0, s0, 3.0 * rise - 2.0 * s0 - s1, s0 + s1 - 2.0 * rise]
}

/// Sums of even or odd harmonics: value and slope.
#[derive(Clone, Copy)]
struct Sums {
    value: [[f64; HALF]; ROWS],
    slope: [[f64; HALF]; ROWS],
}

/// One cycle as cubics.
#[derive(Clone, Debug)]
pub struct Table {
    cubics: Box<[[f32; 4]; POINTS]>,
}

impl Table {
    /// A table of nothing but zeros.
    pub fn new() -> Table {
        Table { cubics: Box::new([[0.0; 4]; POINTS]) }
    }

    /// Makes it the table of a spectrum.
    pub fn set(&mut self, sines: &Sines, spectrum: &Spectrum) {
        let zero = Sums { value: [[0.0; HALF]; ROWS], slope: [[0.0; HALF]; ROWS] };
        let mut sums = [zero; 2];
        for (order, part) in &spectrum.parts {
            add(&mut sums[usize::from(order % 2)], sines, usize::from(*order), *part * SQRT_2);
        }
        let [even, odd] = &sums;
        let at = |k: usize| {
            let (a, b) = (k / ROWS % (2 * HALF), k % ROWS);
            let sign = if a < HALF { 1.0 } else { -1.0 };
            let a = a % HALF;
            let value = even.value[b][a] + sign * odd.value[b][a];
            (spectrum.dc + value, even.slope[b][a] + sign * odd.slope[b][a])
        };
        let mut left = at(0);
        for (k, to) in self.cubics.iter_mut().enumerate() {
            let right = at(k + 1);
            *to = cubic(left.0, left.1, right.0, right.1).map(|coefficient| coefficient as f32);
            left = right;
        }
    }

    /// Values from `phase` on, in steps of `step`.
    pub fn fill(&self, phase: u64, step: u64, values: &mut [f32]) {
        let cubics = &*self.cubics;
        let mut phase = phase;
        for value in values {
            let high = (phase >> 32) as u32;
            let [a, b, c, d] = cubics[(high >> FINE_BITS) as usize];
            let t = (high & FINE) as i32 as f32 * FINE_UNIT;
            *value = a + t * (b + t * (c + t * d));
            phase = phase.wrapping_add(step);
        }
    }
}

impl Default for Table {
    fn default() -> Table {
        Table::new()
    }
}

fn add(sums: &mut Sums, sines: &Sines, order: usize, part: Phasor) {
    let column: [Phasor; HALF] = std::array::from_fn(|a| sines.unit(order * a * ROWS));
    let (sin, cos) = (column.map(|unit| unit.im), column.map(|unit| unit.re));
    let slope = 2.0 * PI * order as f64 / POINTS as f64;
    for (b, (values, slopes)) in sums.value.iter_mut().zip(&mut sums.slope).enumerate() {
        let turned = part * sines.unit(order * b);
        let steep = turned * slope;
        for a in 0..HALF {
            values[a] += turned.re * sin[a] + turned.im * cos[a];
            slopes[a] += steep.re * cos[a] - steep.im * sin[a];
        }
    }
}

/// The harmonics of a short stretch.
#[derive(Clone, Debug, Default)]
pub struct Direct {
    dc: f64,
    /// Order, amplitude, phase.
    waves: Vec<(u64, f64, u64)>,
}

impl Direct {
    /// Makes it that of a spectrum.
    pub fn set(&mut self, spectrum: &Spectrum) {
        self.dc = spectrum.dc;
        self.waves.clear();
        self.waves.extend(spectrum.parts.iter().map(|(order, part)| {
            let turns = libm::atan2(part.im, part.re) / (2.0 * PI);
            (u64::from(*order), SQRT_2 * libm::hypot(part.re, part.im), (turns * TURN) as i64 as u64)
        }));
    }

    /// Values from `phase` on, in steps of `step`.
    pub fn fill(&self, sines: &Sines, phase: u64, step: u64, values: &mut [f32]) {
        let mut phase = phase;
        for value in values {
            let sum = self.waves.iter().fold(self.dc, |sum, (order, amplitude, ahead)| {
                sum + amplitude * sines.sine(phase.wrapping_mul(*order).wrapping_add(*ahead))
            });
            *value = sum as f32;
            phase = phase.wrapping_add(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half scale of 16 bits in the fundamental, and every harmonic up to `top`.
    fn rich(top: u8) -> Spectrum {
        let part = |order: u8| {
            let turned = polar(f64::from(order) * 0.237);
            (order, turned * (16_384.0 / SQRT_2 / f64::from(order)))
        };
        Spectrum { dc: 12.25, parts: (1..=top).map(part).collect() }
    }

    fn worst(spectrum: &Spectrum, made: impl Fn(u64, u64, &mut [f32])) -> f64 {
        let (turn, step) = (0x1234_5678_9ABC_DEF0, (TURN * 49.93 / 8000.0) as u64);
        let mut values = vec![0.0; 5000];
        made(turn, step, &mut values);
        let errors = values.iter().zip(0..).map(|(made, n): (&f32, u64)| {
            (f64::from(*made) - value(spectrum, turn.wrapping_add(step.wrapping_mul(n)))).abs()
        });
        errors.fold(0.0, f64::max)
    }

    #[test]
    fn a_table_is_within_a_hundredth_of_a_16_bit_lsb() {
        let (sines, mut table) = (Sines::new(), Table::new());
        for top in [0, 1, 20, 50] {
            table.set(&sines, &rich(top));
            let worst = worst(&rich(top), |phase, step, values| table.fill(phase, step, values));
            assert!(worst < 0.01, "{top} harmonics: {worst} LSB");
        }
    }

    #[test]
    fn harmonic_by_harmonic_is_exact_to_single_precision() {
        let (sines, mut direct) = (Sines::new(), Direct::default());
        direct.set(&rich(50));
        let worst = worst(&rich(50), |phase, step, values| direct.fill(&sines, phase, step, values));
        assert!(worst < 0.002, "{worst} LSB");
    }
}
