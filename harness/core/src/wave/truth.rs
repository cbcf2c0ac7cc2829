//! What is true of a window: RMS, P, Q, power factor, distortion, energy.
//!
//! [`over`] and [`over_three_wire`] integrate the segments themselves: the mean of a product of two sinusoids over any
//! stretch is a closed form, so that nothing depends on the sample rate and a window may start and end anywhere in a cycle.
//! Only a [`Signal::Cycle`](super::Signal::Cycle) is integrated numerically over its table, and [`Truth::numeric`] then says so. [`of_samples`]
//! is the exception: what an ideal device could read from samples.
//!
//! Terms of IEEE 1459, from knowledge of the text: Q is Q1, of the fundamental, positive where the current lags; S is the
//! product of the RMS values; distortion is THD = harmonics / fundamental, without direct current.
//!
//! | of several segments | is |
//! |---|---|
//! | RMS, P | that of the whole window |
//! | Q1, P1 | the mean, weighted by time |
//! | fundamental, THD | from root mean squares weighted by time |
//! | energy | imported or exported by the sign of each segment's P over whole cycles |

mod integral;
mod samples;

pub use samples::{Samples, of_samples};

use super::{Rate, Segment};
use integral::{Content, Window};

/// What is true of a window.
#[derive(Clone, PartialEq, Debug)]
pub struct Truth {
    /// Length of the window.
    pub seconds: f64,
    /// Mean frequency in hertz.
    pub f_hz: f64,
    /// L1, L2, L3.
    pub lines: [Line; 3],
    /// All lines together; energy netted across the lines at every moment.
    pub total: Option<Power>,
    /// RMS of the sum of the three currents in amperes: what the neutral carries.
    pub i_n_a: Option<f64>,
    /// Whether some part was integrated over a table, not in closed form.
    pub numeric: bool,
}

/// What is true of one line.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Line {
    /// Voltage to neutral; with three wires to the next line.
    pub u: Option<Wave>,
    /// Current.
    pub i: Option<Wave>,
    /// Of voltage and current. `None` with three wires: there a single line has no power of its own.
    pub power: Option<Power>,
}

/// What is true of one quantity.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Wave {
    /// Root mean square, in V or A.
    pub rms: f64,
    /// RMS of the fundamental.
    pub fundamental: f64,
    /// RMS of all harmonics above it.
    pub harmonics: f64,
}

impl Wave {
    /// Total harmonic distortion as a part of the fundamental. `None` without a fundamental.
    pub fn thd(&self) -> Option<f64> {
        (self.fundamental > 0.0).then(|| self.harmonics / self.fundamental)
    }
}

/// Power and energy.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Power {
    /// Active power in watts, positive into the site.
    pub p_w: f64,
    /// Active power of the fundamental in watts.
    pub p1_w: f64,
    /// Reactive power of the fundamental in var, positive where the current lags.
    pub q1_var: f64,
    /// Apparent power in VA: of a line U·I; of all lines the sum of theirs; with three wires 3·Ue·Ie of IEEE 1459.
    pub s_va: f64,
    /// Energy into the site in Wh. Over a part of a cycle it may be slightly below zero: it is the integral.
    pub import_wh: f64,
    /// Energy out of the site in Wh.
    pub export_wh: f64,
}

impl Power {
    /// P/S. `None` where S is 0.
    pub fn pf(&self) -> Option<f64> {
        (self.s_va > 0.0).then(|| self.p_w / self.s_va)
    }

    /// Displacement factor: cos φ of the fundamental. `None` without power.
    pub fn displacement_pf(&self) -> Option<f64> {
        let s1 = (self.p1_w * self.p1_w + self.q1_var * self.q1_var).sqrt();
        (s1 > 0.0).then(|| self.p1_w / s1)
    }

    /// Adds energy on the side that `sign` tells.
    fn book(&mut self, watt_hours: f64, sign: f64) {
        if sign < 0.0 {
            self.export_wh -= watt_hours;
        } else {
            self.import_wh += watt_hours;
        }
    }
}

impl Truth {
    /// Energy in Wh, imported and exported, where every line is counted on its own: the other netting method beside
    /// that of [`Truth::total`]. `None` where a line is unknown.
    pub fn energy_per_line_wh(&self) -> Option<(f64, f64)> {
        let powers: Option<Vec<Power>> = self.lines.iter().map(|line| line.power).collect();
        let sum = |side: fn(&Power) -> f64| Some(powers.as_ref()?.iter().map(side).sum());
        Some((sum(|power| power.import_wh)?, sum(|power| power.export_wh)?))
    }
}

/// What is true of the samples `from..to` of a net with a neutral: the time from sample `from` to sample `to`.
///
/// `None` where the segments do not cover the window or the window is empty.
pub fn over(segments: &[Segment], rate: Rate, from: u64, to: u64) -> Option<Truth> {
    let mut sums = Sums::over(segments, rate, from, to)?;
    let mut total = Power::default();
    let lines = [0, 1, 2].map(|line| {
        let power = sums.lines[line];
        total.p_w += power.p_w;
        total.p1_w += power.p1_w;
        total.q1_var += power.q1_var;
        total.s_va += sums.u[line].rms * sums.i[line].rms;
        let power = Power { s_va: sums.u[line].rms * sums.i[line].rms, ..power };
        Line { u: Some(sums.u[line]), i: Some(sums.i[line]), power: Some(power) }
    });
    (total.import_wh, total.export_wh) = (sums.netted.import_wh, sums.netted.export_wh);
    sums.truth.total = Some(total);
    Some(Truth { lines, ..sums.truth })
}

/// The same for three wires without a neutral, where segments hold voltages between lines: P = U12·I1 + U32·I3.
pub fn over_three_wire(segments: &[Segment], rate: Rate, from: u64, to: u64) -> Option<Truth> {
    let mut sums = Sums::over(segments, rate, from, to)?;
    let squares = |waves: &[Wave; 3]| waves.iter().map(|wave| wave.rms * wave.rms).sum::<f64>();
    // Ue² = (U12² + U23² + U31²)/9, Ie² = (I1² + I2² + I3²)/3.
    let s_va = (squares(&sums.u) * squares(&sums.i) / 3.0).sqrt();
    sums.truth.total = Some(Power { s_va, ..sums.three_wire });
    let lines = [0, 1, 2].map(|line| Line { u: Some(sums.u[line]), i: Some(sums.i[line]), power: None });
    Some(Truth { lines, ..sums.truth })
}

/// Means over the window; `lines`, `netted` and `three_wire` without apparent power.
struct Sums {
    truth: Truth,
    u: [Wave; 3],
    i: [Wave; 3],
    lines: [Power; 3],
    netted: Power,
    three_wire: Power,
}

impl Sums {
    fn over(segments: &[Segment], rate: Rate, from: u64, to: u64) -> Option<Sums> {
        let first = segments.partition_point(|segment| segment.to <= from);
        let inside = segments[first..].iter().take_while(|segment| segment.from < to);
        let mut sums = Sums {
            truth: Truth {
                seconds: rate.seconds(to.checked_sub(from)?),
                f_hz: 0.0,
                lines: Default::default(),
                total: None,
                i_n_a: None,
                numeric: false,
            },
            u: Default::default(),
            i: Default::default(),
            lines: Default::default(),
            netted: Power::default(),
            three_wire: Power::default(),
        };
        let (mut covered, mut neutral) = (from, 0.0);
        for segment in inside {
            let window = Window::new(segment, segment.from.max(from), segment.to.min(to));
            let (start, end) = window.samples();
            if start != covered {
                return None;
            }
            covered = end;
            let hours = rate.seconds(end - start) / 3600.0;
            neutral += sums.add(segment, &window, (end - start) as f64 / (to - from) as f64, hours);
            sums.truth.f_hz += window.turns() / sums.truth.seconds;
        }
        if covered != to || from == to {
            return None;
        }
        for wave in sums.u.iter_mut().chain(&mut sums.i) {
            *wave = Wave {
                rms: wave.rms.max(0.0).sqrt(),
                fundamental: wave.fundamental.sqrt(),
                harmonics: wave.harmonics.max(0.0).sqrt(),
            };
        }
        sums.truth.i_n_a = Some(neutral.max(0.0).sqrt());
        Some(sums)
    }

    /// Adds one segment with its part of the window; gives the square of the neutral current.
    fn add(&mut self, segment: &Segment, window: &Window<'_>, weight: f64, hours: f64) -> f64 {
        let (u, i) = (
            segment.u.each_ref().map(|u| Content::of(u, window)),
            segment.i.each_ref().map(|i| Content::of(i, window)),
        );
        self.truth.numeric |= window.is_numeric();
        for line in 0..3 {
            for (sum, signal, content) in [
                (&mut self.u[line], &segment.u[line], &u[line]),
                (&mut self.i[line], &segment.i[line], &i[line]),
            ] {
                sum.rms += weight * window.mean(signal, signal);
                sum.fundamental += weight * content.first.norm_sqr();
                sum.harmonics += weight * content.harmonics;
            }
        }
        // Power of a voltage and a current: in the window, over whole cycles, and that of the fundamental.
        let power = |volts: usize, amperes: usize| {
            let first = u[volts].first * i[amperes].first.conj();
            let mean = window.mean(&segment.u[volts], &segment.i[amperes]);
            (mean, window.cycle_mean(&segment.u[volts], &segment.i[amperes]), first)
        };
        let pairs = [power(0, 0), power(1, 1), power(2, 2)];
        for (sum, (mean, cycle, first)) in self.lines.iter_mut().zip(pairs) {
            sum.p_w += weight * mean;
            sum.p1_w += weight * first.re;
            sum.q1_var += weight * first.im;
            sum.book(mean * hours, cycle);
        }
        let (mean, cycle) = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        self.netted.book(mean * hours, cycle);
        let (a, b) = (power(0, 0), power(1, 2));
        let (mean, cycle, first) = (a.0 - b.0, a.1 - b.1, a.2 - b.2);
        self.three_wire.p_w += weight * mean;
        self.three_wire.p1_w += weight * first.re;
        self.three_wire.q1_var += weight * first.im;
        self.three_wire.book(mean * hours, cycle);
        let squares = (0..9).map(|pair| window.mean(&segment.i[pair / 3], &segment.i[pair % 3]));
        weight * squares.sum::<f64>()
    }
}
