//! The analog part of the front end, on phasors where a signal is steady and over time where it is not.

use super::super::sensor::{added, scaled};
use super::super::spec::{Channel, Spec};
use super::super::synth::{polar, value};
use super::super::{Phasor, Segment, Signal, Spectrum};
use super::{CYCLE, Leg, Scale, Wave};
use std::f64::consts::PI;

/// One turn of a 64-bit phase.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// Everything before the noise.
pub(super) struct Analog<'a> {
    spec: &'a Spec,
    scales: &'a [Scale],
    /// Samples of the converter for one of the spec.
    pace: f64,
    /// Of the converter, in hertz.
    rate_hz: f64,
    /// Time constant of the low-pass in samples of the converter; 0 without one.
    tau: f64,
}

impl<'a> Analog<'a> {
    pub(super) fn new(spec: &'a Spec, scales: &'a [Scale]) -> Analog<'a> {
        let pace = 1.0 + spec.frontend.clock_ppm * 1e-6;
        let rate_hz = spec.waveform.rate.hz() * pace;
        let tau = spec.frontend.alias_filter_hz.map_or(0.0, |hz| rate_hz / (2.0 * PI * hz));
        Analog { spec, scales, pace, rate_hz, tau }
    }

    /// The segments as the converter sees them.
    pub(super) fn legs(&self, segments: &[Segment]) -> Vec<Leg> {
        let segments: Vec<Segment> = segments
            .iter()
            .map(|segment| self.paced(segment))
            .filter(|segment| segment.from < segment.to)
            .collect();
        let mut legs: Vec<Leg> = segments
            .iter()
            .map(|segment| Leg {
                from: segment.from,
                to: segment.to,
                turn: segment.turn,
                step: segment.step,
                waves: Vec::new(),
            })
            .collect();
        for (at, channel) in self.spec.waveform.channels.iter().enumerate() {
            self.channel(at, *channel, &segments, &mut legs);
        }
        legs
    }

    /// The segment on the converter's clock.
    fn paced(&self, segment: &Segment) -> Segment {
        if self.pace == 1.0 {
            return segment.clone();
        }
        let index = |index: u64| (index as f64 * self.pace).round() as u64;
        let from = index(segment.from);
        // Both differences are small, so that what is large stays exact.
        let step = segment.step.wrapping_sub((segment.step as f64 * (1.0 - 1.0 / self.pace)) as i64 as u64);
        let late = from as f64 / self.pace - segment.from as f64;
        let turn = segment.turn.wrapping_add((segment.step as f64 * late) as i64 as u64);
        Segment { from, to: index(segment.to), turn, step, ..segment.clone() }
    }

    fn channel(&self, at: usize, channel: Channel, segments: &[Segment], legs: &mut [Leg]) {
        let Some(scale) = self.scales.get(at) else { return };
        let of = |list: &[f64]| list.get(at).copied().unwrap_or(0.0);
        let gain = (1.0 + of(&self.spec.frontend.gain_err_pct) / 100.0) / scale.per_lsb;
        let late = of(&self.spec.frontend.slot_us) * 1e-6 * self.rate_hz;
        // Output of the low-pass at the end of the segment before.
        let mut held: Option<f64> = None;
        for (number, (segment, leg)) in segments.iter().zip(legs).enumerate() {
            let samples = (segment.to - segment.from) as f64;
            let wave = match self.mixed(channel, segment) {
                Some(spectrum) => {
                    let filtered = scaled(&self.low_passed(&spectrum, segment.step), gain);
                    let end = segment.turn.wrapping_add(segment.step.wrapping_mul(segment.to - segment.from));
                    held = Some(value(&filtered, end));
                    let mut spectrum = delayed(&filtered, segment.step, late);
                    spectrum.dc += scale.zero;
                    Wave::Steady(spectrum)
                }
                None => {
                    let per_point = TURN / segment.step as f64 / CYCLE as f64;
                    // Beyond the end too, for a channel that is sampled late.
                    let points = CYCLE + 3 + (late / per_point).ceil() as usize;
                    let times = (0..points).map(|k| k as f64 * per_point);
                    let input: Vec<f64> =
                        times.map(|time| self.input(channel, &segments[number..], time) * gain).collect();
                    let output = self.low_passed_values(input, per_point, held);
                    held = Some(between(&output, samples / per_point));
                    let shift = late / per_point;
                    let values = (0..CYCLE + 3).map(|k| between(&output, k as f64 + shift) + scale.zero);
                    Wave::Cycle(values.collect())
                }
            };
            leg.waves.push(wave);
        }
    }

    /// What reaches the channel when all of it is steady.
    fn mixed(&self, channel: Channel, segment: &Segment) -> Option<Spectrum> {
        let line = channel.line();
        if !channel.is_current() {
            return steady(&segment.u[line]).cloned();
        }
        let mut sum = steady(&segment.i[line])?.clone();
        for (other, part) in
            self.spec.frontend.crosstalk[line].iter().enumerate().filter(|(_, part)| **part != 0.0)
        {
            sum = added(&sum, &scaled(steady(&segment.i[other])?, *part));
        }
        Some(sum)
    }

    /// What reaches the channel so many samples after the start of the first segment.
    fn input(&self, channel: Channel, segments: &[Segment], samples: f64) -> f64 {
        let mut left = samples;
        let mut present = None;
        for segment in segments {
            present = Some((segment, left));
            let length = (segment.to - segment.from) as f64;
            if left < length {
                break;
            }
            left -= length;
        }
        let Some((segment, left)) = present else { return 0.0 };
        let turns = left * segment.step as f64 / TURN;
        let of = |signal: &Signal| match signal {
            Signal::Steady(spectrum) => {
                value(spectrum, segment.turn.wrapping_add(((turns - turns.floor()) * TURN) as u64))
            }
            Signal::Cycle(values) => between(values, turns * values.len() as f64),
        };
        let line = channel.line();
        if !channel.is_current() {
            return of(&segment.u[line]);
        }
        let others = self.spec.frontend.crosstalk[line].iter().zip(&segment.i);
        let others = others.filter(|(part, _)| **part != 0.0).map(|(part, signal)| part * of(signal));
        of(&segment.i[line]) + others.sum::<f64>()
    }

    fn low_passed(&self, spectrum: &Spectrum, step: u64) -> Spectrum {
        if self.tau == 0.0 {
            return spectrum.clone();
        }
        let radians = 2.0 * PI * step as f64 / TURN * self.tau;
        let part =
            |(order, part): &(u8, Phasor)| (*order, part / Phasor::new(1.0, radians * f64::from(*order)));
        Spectrum { dc: spectrum.dc, parts: spectrum.parts.iter().map(part).collect() }
    }

    /// The low-pass over values at equal steps, straight between them: exact.
    fn low_passed_values(&self, input: Vec<f64>, per_point: f64, held: Option<f64>) -> Vec<f64> {
        if self.tau == 0.0 {
            return input;
        }
        let fade = libm::exp(-per_point / self.tau);
        let mut state = held.or(input.first().copied()).unwrap_or(0.0);
        let mut output = vec![state];
        for pair in input.windows(2) {
            let lag = (pair[1] - pair[0]) / per_point * self.tau;
            state = pair[1] - lag + (state - pair[0] + lag) * fade;
            output.push(state);
        }
        output
    }
}

fn steady(signal: &Signal) -> Option<&Spectrum> {
    match signal {
        Signal::Steady(spectrum) => Some(spectrum),
        Signal::Cycle(_) => None,
    }
}

/// Sampled so many samples late.
fn delayed(spectrum: &Spectrum, step: u64, late: f64) -> Spectrum {
    if late == 0.0 {
        return spectrum.clone();
    }
    let turns = step as f64 / TURN * late;
    let part = |(order, part): &(u8, Phasor)| (*order, part * polar(turns * f64::from(*order)));
    Spectrum { dc: spectrum.dc, parts: spectrum.parts.iter().map(part).collect() }
}

/// The value at a place between two, straight; beyond the last the last.
fn between(values: &[f64], at: f64) -> f64 {
    let value = |at: usize| values.get(at).or(values.last()).copied().unwrap_or(0.0);
    let (left, part) = (at as usize, at - at.floor());
    value(left) + (value(left + 1) - value(left)) * part
}
