//! What a clamp makes of the current: the segments at the clamp.
//!
//! Currents come out as primary amperes by the clamp's nominal ratio, so that a perfect clamp at its place changes nothing.
//!
//! | fault or property | effect |
//! |---|---|
//! | conductor, direction, passes | which current, its sign, how often it goes through the hole |
//! | outer ratio | the clamp sees the secondary of an instrument transformer; its errors are those at that small current |
//! | ratio and phase tables | gain and lead at the RMS current; the lead of order h is δ/h, as R/(hωL) makes it |
//! | air gap | magnetising current more: ratio and lead of 1/(1 − j·leak/h) |
//! | saturation | the core of `flux`, cycle by cycle until it is steady |
//! | short | nothing is delivered |
//! | open | a square wave far beyond any range, leading by 90°: the voltage of an unloaded winding, cut by its TVS |
//!
//! A clamp with any model is a transformer and passes no direct current; one without is ideal and passes it.

pub mod models;

use super::flux::{Clock, Core, Response};
use super::spec::{Clamp, Conductor, Secondary};
use super::synth::polar;
use super::{ORDER_MAX, Phasor, Rate, Segment, Signal, Spectrum};
use std::f64::consts::{PI, SQRT_2};

/// tan δ that a millimetre of air adds: 15° of lead at 0.1 mm, measured on an SCT-013.
const LEAK_PER_MM: f64 = 2.2;
/// Voltage of an open winding, in peaks of the rated current through the burden: about 16 V against 0.94 V peak to peak.
const OPEN_PEAKS: f64 = 17.0;
/// One turn of a 64-bit phase.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// The segments at the clamps. Segments in which a core is not steady are cut to single cycles.
pub fn at_clamp(clamps: &[Clamp], rate: Rate, segments: &[Segment]) -> Vec<Segment> {
    let mut clamps: Vec<Sensor<'_>> = clamps.iter().map(Sensor::new).collect();
    let mut list = Vec::new();
    for segment in segments {
        pass(&mut clamps, segment, rate.hz(), &mut list);
    }
    list
}

/// What the current of a line is made of; a single cycle as if it went on like that.
pub fn content(segment: &Segment, line: usize) -> Spectrum {
    spectrum(&segment.i[line], segment.turn, orders(segment.step))
}

/// A clamp, and its core when it has one.
struct Sensor<'a> {
    clamp: &'a Clamp,
    core: Option<Core>,
}

/// What a clamp makes of one segment.
enum Through {
    Done(Signal),
    /// Amperes in the core.
    Core(Spectrum),
}

impl<'a> Sensor<'a> {
    fn new(clamp: &'a Clamp) -> Sensor<'a> {
        let core = clamp.sat.filter(|_| clamp.secondary == Secondary::Ok);
        Sensor { clamp, core: core.map(|core| Core::new(core, clamp.rated_a, clamp.gap_mm * LEAK_PER_MM)) }
    }

    fn through(&self, lines: &[Spectrum; 3], orders: u8) -> Through {
        let clamp = self.clamp;
        let current = scaled(&conductor(clamp, lines), f64::from(clamp.direction) * f64::from(clamp.passes));
        match clamp.secondary {
            Secondary::Short => return Through::Done(Signal::Steady(Spectrum::default())),
            Secondary::Open => return Through::Done(Signal::Steady(open(clamp, &current, orders))),
            Secondary::Ok => {}
        }
        if self.core.is_some() {
            return Through::Core(scaled(&current, 1.0 / clamp.outer()));
        }
        Through::Done(Signal::Steady(linear(clamp, current)))
    }
}

fn pass(sensors: &mut [Sensor<'_>], segment: &Segment, rate_hz: f64, list: &mut Vec<Segment>) {
    let orders = orders(segment.step);
    let lines: [Spectrum; 3] = std::array::from_fn(|line| spectrum(&segment.i[line], segment.turn, orders));
    let through: Vec<Through> = sensors.iter().map(|sensor| sensor.through(&lines, orders)).collect();
    let cycle = (u64::MAX / segment.step.max(1)).max(1);
    let f_hz = segment.step as f64 / TURN * rate_hz;
    let mut from = segment.from;
    while from < segment.to {
        let turn = segment.turn.wrapping_add(segment.step.wrapping_mul(from - segment.from));
        let clock = Clock { turn, f_hz };
        let mut made = Segment { from, turn, ..segment.clone() };
        for (sensor, through) in sensors.iter_mut().zip(&through) {
            let signal = match (through, &mut sensor.core) {
                (Through::Core(current), Some(core)) => {
                    let outer = sensor.clamp.outer();
                    match core.cycle(current, clock, orders) {
                        Response::Steady(spectrum) => Signal::Steady(scaled(&spectrum, outer)),
                        Response::Cycle(values) => {
                            Signal::Cycle(values.iter().map(|value| value * outer).collect())
                        }
                    }
                }
                (Through::Done(signal), _) => signal.clone(),
                (Through::Core(_), None) => continue,
            };
            made.i[sensor.clamp.channel.line()] = signal;
        }
        if made.i.iter().any(|signal| matches!(signal, Signal::Cycle(_))) {
            made.to = segment.to.min(from + cycle);
        }
        let turns = (made.to - from) as f64 * (segment.step as f64 / TURN);
        for (sensor, through) in sensors.iter_mut().zip(&through) {
            if let (Through::Core(current), Some(core)) = (through, &mut sensor.core) {
                core.advance(current, clock, turns);
            }
        }
        from = made.to;
        list.push(made);
    }
}

/// Orders below half the sample rate.
fn orders(step: u64) -> u8 {
    let below = ((1u64 << 63) - 1) / step.max(1);
    below.min(u64::from(ORDER_MAX)) as u8
}

/// A network's currents are steady; of a single cycle this is its own spectrum.
fn spectrum(signal: &Signal, turn: u64, orders: u8) -> Spectrum {
    let values = match signal {
        Signal::Steady(spectrum) => return spectrum.clone(),
        Signal::Cycle(values) => values,
    };
    let count = values.len().max(1) as f64;
    let part = |order: u8| {
        let start = turn as f64 / TURN;
        let angle = |k: f64| polar(-f64::from(order) * (start + k / count));
        let sum: Phasor = values.iter().zip(0..).map(|(value, k)| angle(f64::from(k)) * *value).sum();
        (order, sum * Phasor::new(0.0, SQRT_2 / count))
    };
    Spectrum { dc: values.iter().sum::<f64>() / count, parts: (1..=orders).map(part).collect() }
}

/// The current of the conductors inside the clamp, counted from the grid into the site.
fn conductor(clamp: &Clamp, lines: &[Spectrum; 3]) -> Spectrum {
    // What flows in on the lines flows out on the neutral.
    let parts: [f64; 3] = match clamp.on {
        Conductor::None | Conductor::Pe => [0.0, 0.0, 0.0],
        Conductor::L1 => return lines[0].clone(),
        Conductor::L2 => return lines[1].clone(),
        Conductor::L3 => return lines[2].clone(),
        Conductor::N => [-1.0, -1.0, -1.0],
        Conductor::L1N => [0.0, -1.0, -1.0],
    };
    let mut sum = Spectrum::default();
    for (line, part) in lines.iter().zip(parts).filter(|(_, part)| *part != 0.0) {
        sum = added(&sum, &scaled(line, part));
    }
    sum
}

/// A spectrum times a number; 1 changes no bit.
pub(super) fn scaled(spectrum: &Spectrum, factor: f64) -> Spectrum {
    let parts = spectrum.parts.iter().map(|(order, part)| (*order, part * factor)).collect();
    Spectrum { dc: spectrum.dc * factor, parts }
}

/// The sum of two spectra.
pub(super) fn added(a: &Spectrum, b: &Spectrum) -> Spectrum {
    let mut parts = a.parts.clone();
    for (order, part) in &b.parts {
        match parts.binary_search_by_key(order, |(order, _)| *order) {
            Ok(at) => parts[at].1 += part,
            Err(at) => parts.insert(at, (*order, *part)),
        }
    }
    Spectrum { dc: a.dc + b.dc, parts }
}

/// Ratio, phase and gap.
fn linear(clamp: &Clamp, current: Spectrum) -> Spectrum {
    if clamp.is_ideal() {
        return current;
    }
    let square: f64 = current.parts.iter().map(|(_, part)| part.norm_sqr()).sum();
    let amperes = square.sqrt() / clamp.outer();
    let gain = 1.0 + models::at(&clamp.ratio_pct, amperes) / 100.0;
    let lead_deg = models::at(&clamp.phase_deg, amperes);
    let leak = clamp.gap_mm * LEAK_PER_MM;
    let parts = current.parts.iter().map(|(order, part)| {
        let h = f64::from(*order);
        (*order, part * polar(lead_deg / 360.0 / h) * gain / Phasor::new(1.0, -leak / h))
    });
    Spectrum { dc: 0.0, parts: parts.collect() }
}

fn open(clamp: &Clamp, current: &Spectrum, orders: u8) -> Spectrum {
    let first = current.parts.iter().find(|(order, part)| *order == 1 && part.norm_sqr() > 0.0);
    let Some((_, first)) = first else { return Spectrum::default() };
    let lead = libm::atan2(first.im, first.re) / (2.0 * PI) + 0.25;
    let peak = OPEN_PEAKS * SQRT_2 * clamp.rated_a * clamp.outer();
    let odd = (1..=orders).step_by(2);
    let part = |order: u8| {
        let h = f64::from(order);
        (order, polar(lead * h) * (peak * 4.0 / PI / SQRT_2 / h))
    };
    Spectrum { dc: 0.0, parts: odd.map(part).collect() }
}
