//! Means of products of two signals over a part of a segment.
//!
//! `√2·Im(A·e^(jmθ)) · √2·Im(B·e^(jnθ)) = Re(A·B̄·e^(j(m−n)θ)) − Re(A·B·e^(j(m+n)θ))`, so that everything needed is the
//! mean of `e^(jdθ)` over the window for the orders `d` from 0 to twice the highest.

use crate::wave::{ORDER_MAX, Phasor, Segment, Signal, Spectrum};
use std::f64::consts::{PI, SQRT_2};

/// One turn as an integer phase.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// A part of a segment.
pub(super) struct Window<'a> {
    segment: &'a Segment,
    from: u64,
    to: u64,
    /// Mean of `e^(jdθ)`, by d.
    means: Vec<Phasor>,
}

/// Fundamental and harmonics of a signal.
pub(super) struct Content {
    /// The fundamental, as [`Spectrum`] has it.
    pub(super) first: Phasor,
    /// Mean square of all harmonics above it.
    pub(super) harmonics: f64,
}

impl<'a> Window<'a> {
    /// The samples `from..to` of a segment.
    pub(super) fn new(segment: &'a Segment, from: u64, to: u64) -> Window<'a> {
        let signals = segment.u.iter().chain(&segment.i);
        let highest = signals.map(order).max().unwrap_or(0);
        let start = segment.turn.wrapping_add((from - segment.from).wrapping_mul(segment.step));
        let end = segment.turn.wrapping_add((to - segment.from).wrapping_mul(segment.step));
        let radians = (to - from) as f64 * segment.step as f64 / TURN * (2.0 * PI);
        let mean = |order: u64| match order {
            0 => Phasor::ONE,
            // Whole turns drop out exactly, because phases are integers.
            _ => {
                (unit(end.wrapping_mul(order)) - unit(start.wrapping_mul(order)))
                    / (Phasor::I * (order as f64 * radians))
            }
        };
        let means = (0..=2 * u64::from(highest)).map(mean).collect();
        Window { segment, from, to, means }
    }

    /// First sample, and the first behind the window.
    pub(super) fn samples(&self) -> (u64, u64) {
        (self.from, self.to)
    }

    /// Turns of the fundamental in the window.
    pub(super) fn turns(&self) -> f64 {
        (self.to - self.from) as f64 * self.segment.step as f64 / TURN
    }

    /// Whether some signal is a table.
    pub(super) fn is_numeric(&self) -> bool {
        self.segment.u.iter().chain(&self.segment.i).any(|signal| matches!(signal, Signal::Cycle(_)))
    }

    /// Mean of the product of two signals in the window.
    pub(super) fn mean(&self, a: &Signal, b: &Signal) -> f64 {
        match (a, b) {
            (Signal::Steady(a), Signal::Steady(b)) => self.closed(a, b),
            _ => self.tabled(a, b),
        }
    }

    /// Mean of the product of two signals over whole cycles of the segment, for the direction of energy.
    pub(super) fn cycle_mean(&self, a: &Signal, b: &Signal) -> f64 {
        match (a, b) {
            (Signal::Steady(a), Signal::Steady(b)) => {
                let find = |order: u8| b.parts.iter().find(|part| part.0 == order);
                let product = |(order, value): &(u8, Phasor)| {
                    find(*order).map_or(0.0, |(_, other)| (value * other.conj()).re)
                };
                a.parts.iter().map(product).sum::<f64>() + a.dc * b.dc
            }
            // Such a segment is at most a cycle long.
            _ => Window::new(self.segment, self.segment.from, self.segment.to).tabled(a, b),
        }
    }

    fn closed(&self, a: &Spectrum, b: &Spectrum) -> f64 {
        let wave = |(order, value): &(u8, Phasor)| SQRT_2 * (value * self.means[usize::from(*order)]).im;
        let mut mean = a.dc * b.dc;
        mean += a.dc * b.parts.iter().map(wave).sum::<f64>() + b.dc * a.parts.iter().map(wave).sum::<f64>();
        for (m, left) in &a.parts {
            for (n, right) in &b.parts {
                let apart = self.means[usize::from(m.abs_diff(*n))];
                let apart = if m < n { apart.conj() } else { apart };
                let both = self.means[usize::from(*m) + usize::from(*n)];
                mean += (left * right.conj() * apart).re - (left * right * both).re;
            }
        }
        mean
    }

    /// Simpson's rule between each two values of the longest table: exact for two tables read with straight lines.
    fn tabled(&self, a: &Signal, b: &Signal) -> f64 {
        let cells = table_len(a).max(table_len(b)) as f64;
        // Phase since the start of the segment, in cells.
        let cell =
            |sample: u64| (sample - self.segment.from) as f64 * self.segment.step as f64 / TURN * cells;
        let (start, end) = (cell(self.from), cell(self.to));
        let value = |at: f64| self.segment.value(a, at / cells) * self.segment.value(b, at / cells);
        let (mut sum, mut left) = (0.0, start);
        while left < end {
            let right = (left.floor() + 1.0).min(end);
            sum += (right - left) / 6.0 * (value(left) + 4.0 * value((left + right) / 2.0) + value(right));
            left = right;
        }
        sum / (end - start)
    }
}

impl Content {
    pub(super) fn of(signal: &Signal, window: &Window<'_>) -> Content {
        match signal {
            Signal::Steady(spectrum) => {
                let above = spectrum.parts.iter().filter(|part| part.0 > 1);
                let first = spectrum.parts.iter().find(|part| part.0 == 1);
                Content {
                    first: first.map_or(Phasor::ZERO, |part| part.1),
                    harmonics: above.map(|part| part.1.norm_sqr()).sum(),
                }
            }
            // As if the table were one cycle of a steady signal.
            Signal::Cycle(table) => {
                let count = table.len() as f64;
                let angle = |at: usize| window.segment.turn.wrapping_add((at as f64 / count * TURN) as u64);
                let terms = table.iter().enumerate().map(|(at, value)| unit(angle(at)).conj() * *value);
                let first = terms.sum::<Phasor>() * Phasor::I * (SQRT_2 / count);
                let (dc, square) = table
                    .iter()
                    .fold((0.0, 0.0), |sum, value| (sum.0 + value / count, sum.1 + value * value / count));
                Content { first, harmonics: (square - dc * dc - first.norm_sqr()).max(0.0) }
            }
        }
    }
}

/// `e^(jθ)` of an integer phase, with a sine that has the same bits on every machine.
fn unit(turn: u64) -> Phasor {
    // As a signed phase, so that a hair below a whole turn is a small angle and not a large one.
    let (sin, cos) = libm::sincos(turn as i64 as f64 / TURN * (2.0 * PI));
    Phasor::new(cos, sin)
}

fn order(signal: &Signal) -> u8 {
    match signal {
        Signal::Steady(spectrum) => spectrum.parts.last().map_or(0, |part| part.0.min(ORDER_MAX)),
        Signal::Cycle(_) => 0,
    }
}

fn table_len(signal: &Signal) -> usize {
    match signal {
        Signal::Steady(_) => 1,
        Signal::Cycle(table) => table.len(),
    }
}
