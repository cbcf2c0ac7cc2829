//! What the samples of a whole file say, gathered while they pass: in constant memory, and in whole numbers, so that the
//! size of the pieces changes nothing.
//!
//! RMS, P and energy come from sums of products of codes. The fundamental and its harmonics come from one period of
//! samples on which all others are laid: exact, but only where the file holds one steady state for whole periods.
//! Otherwise they are unknown, and [`Unsteady`] says why.

use super::Layout;
use super::figures::{Figures, LineFigures, PowerFigures, WaveFigures};
use crate::wave::spec::{Channel, NetKind, Spec};
use crate::wave::{ORDER_MAX, Phasor, Segment, Signal};
use std::f64::consts::{PI, SQRT_2};

/// Longest period in samples that is looked for.
const PERIOD_MAX: u64 = 1 << 20;
/// Frames whose sums fit 64 bits: products have 30.
const PIECE: usize = 4096;
/// Channels that a file may have.
const CHANNELS: usize = 6;

/// Why the samples of a file have no fundamental of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsteady {
    /// Something changes on the way.
    #[error("the waveform changes within the file")]
    Changes,
    /// The clock of the converter is wrong, so that cycles are no whole number of samples.
    #[error("the converter's clock is off, and cycles are no whole number of samples")]
    Clock,
    /// The file ends within a cycle, or cycles are no whole number of samples within reach.
    #[error("the file does not hold whole cycles of a whole number of samples")]
    Cycles,
}

/// The whole of a file's mains cycles: after how many samples phase and samples meet again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period {
    /// Samples.
    pub samples: u64,
    /// Mains cycles in them.
    pub cycles: u64,
}

impl Period {
    /// The period of a phase that grows so much from sample to sample, in 2⁻⁶⁴ turns. `None` beyond a million samples.
    pub fn of(step: u64) -> Option<Period> {
        // The step comes from a quotient of doubles: three roundings of 2⁻⁵³ leave less than 2¹³ of 2⁶⁴ a cycle.
        let cycles = |samples: u64| (u128::from(step) * u128::from(samples) + (1 << 63)) >> 64;
        let meets = |samples: &u64| {
            let off = (step.wrapping_mul(*samples) as i64).unsigned_abs();
            let cycles = cycles(*samples);
            cycles > 0 && u128::from(off) <= u128::from(*samples) + (cycles << 13)
        };
        let samples = (1..=PERIOD_MAX).find(meets)?;
        Some(Period { samples, cycles: cycles(samples) as u64 })
    }

    /// The period of a file, if what is in it is one steady state over whole periods.
    ///
    /// # Errors
    /// Why it is not.
    pub fn of_file(spec: &Spec, at_clamp: &[Segment]) -> Result<Period, Unsteady> {
        let first = at_clamp.first().ok_or(Unsteady::Changes)?;
        let same =
            |segment: &Segment| (segment.step, &segment.u, &segment.i) == (first.step, &first.u, &first.i);
        let steady = |signal: &Signal| matches!(signal, Signal::Steady(_));
        if !at_clamp.iter().all(same) || !first.u.iter().chain(&first.i).all(steady) {
            return Err(Unsteady::Changes);
        }
        if spec.frontend.clock_ppm != 0.0 {
            return Err(Unsteady::Clock);
        }
        let period = Period::of(first.step).ok_or(Unsteady::Cycles)?;
        let whole = spec.waveform.samples().is_multiple_of(period.samples);
        if whole { Ok(period) } else { Err(Unsteady::Cycles) }
    }
}

/// Sums over the samples of a file.
#[derive(Clone, Debug)]
pub struct Sums {
    layout: Layout,
    kind: NetKind,
    period: Option<Period>,
    frames: u64,
    singles: [i128; CHANNELS],
    products: [[i128; CHANNELS]; CHANNELS],
    /// Codes of one period, all periods added; a channel's are together.
    laid: Vec<Vec<i64>>,
}

impl Sums {
    /// Nothing yet. `period` is that of the file; without one the fundamental stays unknown.
    pub fn new(layout: &Layout, kind: NetKind, period: Option<Period>) -> Sums {
        let length = period.map_or(0, |period| period.samples as usize);
        Sums {
            layout: layout.clone(),
            kind,
            period,
            frames: 0,
            singles: [0; CHANNELS],
            products: [[0; CHANNELS]; CHANNELS],
            laid: vec![vec![0; length]; layout.columns.len()],
        }
    }

    /// Adds the next samples, whole frames.
    pub fn add(&mut self, samples: &[i16]) {
        let channels = self.layout.columns.len().clamp(1, CHANNELS);
        for piece in samples.chunks(PIECE * channels) {
            let (mut singles, mut products) = ([0_i64; CHANNELS], [[0_i64; CHANNELS]; CHANNELS]);
            for frame in piece.chunks_exact(channels) {
                for (a, code) in frame.iter().enumerate() {
                    singles[a] += i64::from(*code);
                    for (b, other) in frame.iter().enumerate().skip(a) {
                        products[a][b] += i64::from(*code) * i64::from(*other);
                    }
                }
            }
            self.lay(piece, channels);
            self.frames += (piece.len() / channels) as u64;
            for (sum, single) in self.singles.iter_mut().zip(singles) {
                *sum += i128::from(single);
            }
            for (sum, product) in self.products.iter_mut().flatten().zip(products.iter().flatten()) {
                *sum += i128::from(*product);
            }
        }
    }

    fn lay(&mut self, piece: &[i16], channels: usize) {
        let Some(period) = self.period else { return };
        let mut at = (self.frames % period.samples) as usize;
        for frame in piece.chunks_exact(channels) {
            for (laid, code) in self.laid.iter_mut().zip(frame) {
                laid[at] += i64::from(*code);
            }
            at = if at + 1 == period.samples as usize { 0 } else { at + 1 };
        }
    }

    /// What they say. `f_hz` is the mean frequency, which no sum tells. `None` before the first sample.
    pub fn figures(&self, f_hz: f64) -> Option<Figures> {
        if self.frames == 0 {
            return None;
        }
        let spectra: Vec<Option<Vec<Phasor>>> =
            (0..self.layout.columns.len()).map(|at| self.spectrum(at)).collect();
        let first = |at: usize| spectra.get(at)?.as_ref()?.first().copied();
        let seconds = self.layout.rate.seconds(self.frames);
        let wave = |at: usize| {
            let fundamental = first(at).map(|first| first.norm());
            let above = |parts: &Vec<Phasor>| parts[1..].iter().map(Phasor::norm_sqr).sum::<f64>().sqrt();
            let harmonics = spectra.get(at)?.as_ref().map(above);
            let thd =
                fundamental.filter(|first| *first > 0.0).zip(harmonics).map(|(first, above)| above / first);
            Some(WaveFigures { rms: self.mean(at, at)?.max(0.0).sqrt(), fundamental, thd })
        };
        let lines = 0..self.kind.lines();
        let power = |line: usize| {
            let (u, i) = (self.find(false, line)?, self.find(true, line)?);
            let s1 = first(u).zip(first(i)).map(|(u, i)| u * i.conj());
            let s_va = (self.mean(u, u)? * self.mean(i, i)?).max(0.0).sqrt();
            Some(power_figures(self.mean(u, i)?, s1, s_va, seconds))
        };
        let each = lines.clone().map(|line| LineFigures {
            u: self.find(false, line).and_then(wave),
            i: self.find(true, line).and_then(wave),
            power: power(line).filter(|_| self.kind.has_neutral()),
        });
        let total = if self.kind.has_neutral() {
            lines.clone().map(power).collect::<Option<Vec<_>>>().map(|each| sum(&each, seconds))
        } else {
            self.three_wire(first, seconds)
        };
        let i_n_a = self.neutral().filter(|_| self.kind.has_neutral());
        Some(Figures { seconds, f_hz, lines: each.collect(), total, i_n_a })
    }

    /// P = U12·I1 − U23·I3, S = 3·Ue·Ie, as [`over_three_wire`](crate::wave::truth::over_three_wire) has them.
    fn three_wire(&self, first: impl Fn(usize) -> Option<Phasor>, seconds: f64) -> Option<PowerFigures> {
        let find = |current: bool| [0, 1, 2].map(|line| self.find(current, line));
        let ([u12, u23, u31], [i1, i2, i3]) = (find(false), find(true));
        let squares = |at: [Option<usize>; 3]| {
            let each = at.map(|at| at.and_then(|at| self.mean(at, at)));
            Some(each[0]? + each[1]? + each[2]?)
        };
        let p_w = self.mean(u12?, i1?)? - self.mean(u23?, i3?)?;
        let phasor = |u: usize, i: usize| Some(first(u)? * first(i)?.conj());
        let s1 = phasor(u12?, i1?).zip(phasor(u23?, i3?)).map(|(a, b)| a - b);
        let s_va = (squares([u12, u23, u31])? * squares([i1, i2, i3])? / 3.0).max(0.0).sqrt();
        Some(power_figures(p_w, s1, s_va, seconds))
    }

    /// RMS of the sum of all currents of the net.
    fn neutral(&self) -> Option<f64> {
        let currents: Vec<usize> =
            (0..self.kind.lines()).map(|line| self.find(true, line)).collect::<Option<_>>()?;
        let pairs = currents.iter().flat_map(|a| currents.iter().map(move |b| self.mean(*a, *b)));
        Some(pairs.sum::<Option<f64>>()?.max(0.0).sqrt())
    }

    fn find(&self, current: bool, line: usize) -> Option<usize> {
        let wanted = Channel::ALL[if current { 3 + line } else { line }];
        self.layout.columns.iter().position(|column| column.channel == wanted)
    }

    /// Mean of the product of two channels in their units.
    fn mean(&self, a: usize, b: usize) -> Option<f64> {
        let (a, b) = (a.min(b), a.max(b));
        let (left, right) = (self.layout.columns.get(a)?.scale, self.layout.columns.get(b)?.scale);
        let count = self.frames as f64;
        let product = self.products[a][b] as f64 / count;
        let crossed =
            right.zero * self.singles[a] as f64 / count + left.zero * self.singles[b] as f64 / count;
        Some((product - crossed + left.zero * right.zero) * left.per_lsb * right.per_lsb)
    }

    /// The fundamental and its harmonics below half the rate as RMS phasors.
    fn spectrum(&self, at: usize) -> Option<Vec<Phasor>> {
        let period = self.period?;
        let (laid, scale) = (self.laid.get(at)?, self.layout.columns.get(at)?.scale);
        let turn = 2.0 * PI / period.samples as f64;
        let sines: Vec<Phasor> = (0..period.samples)
            .map(|n| libm::sincos(turn * n as f64))
            .map(|(sin, cos)| Phasor::new(cos, -sin))
            .collect();
        let orders =
            (1..=u64::from(ORDER_MAX)).take_while(|order| 2 * order * period.cycles < period.samples);
        let part = |order: u64| {
            let mut phase = 0;
            let mut sum = Phasor::default();
            for code in laid {
                sum += sines[phase as usize] * *code as f64;
                phase = (phase + order * period.cycles) % period.samples;
            }
            sum * Phasor::I * (SQRT_2 * scale.per_lsb / self.frames as f64)
        };
        let parts: Vec<Phasor> = orders.map(part).collect();
        (!parts.is_empty()).then_some(parts)
    }
}

fn power_figures(p_w: f64, s1: Option<Phasor>, s_va: f64, seconds: f64) -> PowerFigures {
    let watt_hours = p_w * seconds / 3600.0;
    PowerFigures {
        p_w,
        q1_var: s1.map(|s1| s1.im),
        s_va,
        pf: (s_va > 0.0).then(|| p_w / s_va),
        displacement_pf: s1.filter(|s1| s1.norm() > 0.0).map(|s1| s1.re / s1.norm()),
        import_wh: watt_hours.max(0.0),
        export_wh: (-watt_hours).max(0.0),
    }
}

/// All lines together, energy by the direction of the sum.
fn sum(each: &[PowerFigures], seconds: f64) -> PowerFigures {
    let p_w = each.iter().map(|power| power.p_w).sum();
    let q1_var: Option<f64> = each.iter().map(|power| power.q1_var).sum();
    // P1 of a line from its displacement factor would lose those without power; S1 is not needed for the total.
    let total = power_figures(p_w, None, each.iter().map(|power| power.s_va).sum(), seconds);
    PowerFigures { q1_var, ..total }
}
