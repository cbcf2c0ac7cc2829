//! Sources, impedances and loads: the voltages and currents of each segment.
//!
//! The grid is four conductors between the source's star point and the meter. For each harmonic order, voltages `v` of
//! L1, L2, L3 and N at the meter follow from
//!
//! ```text
//! v = e − z·(Y·v + J)        e: open-circuit voltages, z: impedance of each conductor
//!                            Y: admittances of the loads, J: currents that loads draw whatever the voltage
//! ```
//!
//! which holds for impedances of zero too. A disconnected conductor has the row `Y·v + J = 0` instead; so that its
//! voltage is defined without any load, a line is then tied to the neutral, and the neutral to the star point, by
//! 1 GΩ, whose current is not counted. A current that is drawn whatever the voltage keeps its phase to the
//! open-circuit voltage between its terminals, and stops when a line of it is disconnected.

mod timing;

use super::spec::{At, Draw, Event, EventKind, Harmonic, Load, Neutral, Spec};
use super::{ORDER_MAX, Phasor, Segment, Signal, Spectrum, profiles};
use std::f64::consts::{FRAC_1_SQRT_2, PI};
use timing::{Clock, boundaries};
pub(super) use timing::{SEGMENTS_MAX, segments_needed};

/// Siemens between a disconnected conductor and the next: 1 GΩ.
const TIE_S: f64 = 1e-9;
/// Time constants after which nothing is left of a decaying current (2·10⁻⁹).
const GONE: f64 = 20.0;
/// The neutral among the four conductors.
const N: usize = 3;

type Four = [Phasor; 4];
type Matrix = [Four; 4];

/// The voltages and currents at the primary, over the whole duration.
pub fn segments(spec: &Spec) -> Vec<Segment> {
    let clock = Clock::new(spec);
    let events: Vec<Span<'_>> = spec.events.iter().map(|event| Span::new(event, spec, &clock)).collect();
    let marks = boundaries(spec, &clock, events.iter().map(|span| (span.from, span.to, span.event)));
    let mut list: Vec<Segment> = Vec::with_capacity(marks.len());
    let mut last: Option<State> = None;
    for pair in marks.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let state = State::at(spec, &events, from, to);
        let (turn, step) = clock.at(from);
        let (u, i) = match list.last() {
            // Reactances belong to the fundamental, so that a new frequency alone changes nothing.
            Some(segment) if last.as_ref() == Some(&state) => (segment.u.clone(), segment.i.clone()),
            _ => state.solve(spec),
        };
        list.push(Segment { from, to, turn, step, u, i });
        last = Some(state);
    }
    list
}

/// An event with its first sample and the first behind it.
struct Span<'a> {
    event: &'a Event,
    from: u64,
    to: u64,
}

impl<'a> Span<'a> {
    fn new(event: &'a Event, spec: &Spec, clock: &Clock) -> Span<'a> {
        let (from, to) = clock.event(event, spec);
        Span { event, from, to }
    }
}

/// What voltages and currents of a segment depend on.
#[derive(Clone, PartialEq, Debug)]
struct State {
    /// Part of its current that each load draws.
    gains: Vec<f64>,
    /// Times the open-circuit voltage.
    factor: [f64; 3],
    /// Which of L1, L2, L3, N are disconnected.
    open: [bool; 4],
}

impl State {
    fn at(spec: &Spec, events: &[Span<'_>], from: u64, to: u64) -> State {
        let rate = spec.waveform.rate;
        let middle_s = (rate.seconds(from) + rate.seconds(to)) / 2.0;
        let (mut factor, mut open) = ([1.0; 3], [false; 4]);
        open[N] = spec.net.neutral == Neutral::Open;
        for span in events.iter().filter(|span| span.from <= from && from < span.to) {
            let lines = span.event.phases.iter().map(|phase| usize::from(*phase) - 1);
            match span.event.kind {
                EventKind::Sag { residual } | EventKind::Swell { residual } => {
                    lines.for_each(|line| factor[line] *= residual);
                }
                EventKind::Interruption => lines.for_each(|line| open[line] = true),
                EventKind::LostNeutral => open[N] = true,
                EventKind::Flicker { depth_pct, f_hz } => {
                    let halves = ((middle_s - rate.seconds(span.from)) * 2.0 * f_hz).floor();
                    let sign = if halves % 2.0 == 0.0 { 1.0 } else { -1.0 };
                    lines.for_each(|line| factor[line] *= 1.0 + sign * depth_pct / 200.0);
                }
            }
        }
        let gain = |load: &Load| match load.is_source() && load.at.lines().iter().any(|line| open[*line]) {
            true => 0.0,
            false => gain(load, middle_s),
        };
        State { gains: spec.loads.iter().map(gain).collect(), factor, open }
    }

    fn solve(&self, spec: &Spec) -> ([Signal; 3], [Signal; 3]) {
        let (mut u, mut i): ([Spectrum; 3], [Spectrum; 3]) = Default::default();
        for order in 0..=ORDER_MAX {
            let (volts, amperes) = self.solve_order(spec, order);
            for line in 0..3 {
                push(&mut u[line], order, volts[line]);
                push(&mut i[line], order, amperes[line]);
            }
        }
        (u.map(Signal::Steady), i.map(Signal::Steady))
    }

    /// Voltages and currents of one order.
    fn solve_order(&self, spec: &Spec, order: u8) -> ([Phasor; 3], [Phasor; 3]) {
        let net = &spec.net;
        let mut source = open_circuit(spec, order);
        source.iter_mut().zip(self.factor).for_each(|(volts, factor)| *volts *= factor);
        let (mut admittance, mut drawn) = (Matrix::default(), Four::default());
        for (load, gain) in spec.loads.iter().zip(&self.gains).filter(|(_, gain)| **gain != 0.0) {
            match &load.draw {
                Draw::Impedance { r_ohm, x_ohm } => {
                    connect(&mut admittance, load.at, admittance_of(*r_ohm, *x_ohm, order) * *gain);
                }
                _ => draw(&mut drawn, load, *gain, order, spec),
            }
        }
        if source.iter().chain(&drawn).all(|value| *value == Phasor::ZERO) {
            return Default::default();
        }
        let (mut matrix, mut right) = (Matrix::default(), Four::default());
        for row in 0..4 {
            let exists = if row == N { net.kind.has_neutral() } else { row < net.kind.lines() };
            if !exists {
                matrix[row][row] = Phasor::ONE;
            } else if self.open[row] {
                matrix[row] = admittance[row];
                matrix[row][row] += TIE_S;
                if row != N {
                    matrix[row][N] -= TIE_S;
                }
                right[row] = -drawn[row];
            } else {
                let [r, x] = if row == N { net.z_neutral_ohm } else { net.z_phase_ohm };
                let z = Phasor::new(r, x * f64::from(order));
                matrix[row] = admittance[row].map(|y| z * y);
                matrix[row][row] += 1.0;
                right[row] = source.get(row).copied().unwrap_or_default() - z * drawn[row];
            }
        }
        let v = eliminate(matrix, right);
        let current = |line: usize| match self.open[line] {
            true => Phasor::ZERO,
            false => (0..4).fold(drawn[line], |sum, node| sum + admittance[line][node] * v[node]),
        };
        let volts = match net.kind.has_neutral() {
            true => [0, 1, 2].map(|line| if line < net.kind.lines() { v[line] - v[N] } else { Phasor::ZERO }),
            false => [v[0] - v[1], v[1] - v[2], v[2] - v[0]],
        };
        (volts, [current(0), current(1), current(2)])
    }
}

fn push(spectrum: &mut Spectrum, order: u8, value: Phasor) {
    if order == 0 {
        spectrum.dc = value.re;
    } else if value != Phasor::ZERO {
        spectrum.parts.push((order, value));
    }
}

/// The part of its current that a load draws at a time.
fn gain(load: &Load, t_s: f64) -> f64 {
    if !(load.from_s..load.to_s).contains(&t_s) {
        return 0.0;
    }
    let since_s = t_s - load.from_s;
    if let Some([on_s, off_s]) = load.burst_s
        && since_s % (on_s + off_s) >= on_s
    {
        return 0.0;
    }
    let ramp = if since_s < load.ramp_s { since_s / load.ramp_s } else { 1.0 };
    let decay = load.decay_s.map_or(1.0, |decay_s| match since_s / decay_s {
        gone if gone > GONE => 0.0,
        constants => libm::exp(-constants),
    });
    ramp * decay
}

/// Magnitude and angle, with a sine that has the same bits on every machine.
fn polar(magnitude: f64, deg: f64) -> Phasor {
    let (sin, cos) = libm::sincos(deg % 360.0 * (PI / 180.0));
    Phasor::new(magnitude * cos, magnitude * sin)
}

/// RMS of the open-circuit fundamental against the star point.
fn star_v(spec: &Spec, line: usize) -> f64 {
    let volts = spec.net.u_v.get(line).copied().unwrap_or(0.0);
    if spec.net.kind.has_neutral() { volts } else { volts / libm::sqrt(3.0) }
}

/// Open-circuit voltages of one order against the star point.
fn open_circuit(spec: &Spec, order: u8) -> [Phasor; 3] {
    let net = &spec.net;
    let mut volts = [Phasor::ZERO; 3];
    let mean = (0..3).map(|line| star_v(spec, line)).sum::<f64>() / net.kind.lines() as f64;
    for (line, angle) in net.angle_deg.iter().enumerate() {
        let star = star_v(spec, line);
        volts[line] = match order {
            0 => Phasor::ZERO,
            // The negative sequence turns the other way, the zero sequence not at all.
            1 => {
                let unbalance = net.unbalance;
                polar(star, *angle)
                    + polar(mean * unbalance.k2, unbalance.phi2_deg - angle)
                    + polar(mean * unbalance.k0, unbalance.phi0_deg)
            }
            _ => part(&net.u_harm, order).map_or(Phasor::ZERO, |harmonic| {
                polar(star * harmonic.percent / 100.0, harmonic.deg + f64::from(order) * angle)
            }),
        };
    }
    volts
}

fn part(list: &[Harmonic], order: u8) -> Option<&Harmonic> {
    list.iter().find(|harmonic| harmonic.order == order)
}

/// Siemens of one order. A coil's reactance grows with it, a capacitor's falls.
fn admittance_of(r_ohm: f64, x_ohm: f64, order: u8) -> Phasor {
    let order = f64::from(order);
    match x_ohm < 0.0 {
        true if order == 0.0 => Phasor::ZERO,
        true => Phasor::new(r_ohm, x_ohm / order).inv(),
        false => Phasor::new(r_ohm, x_ohm * order).inv(),
    }
}

fn connect(admittance: &mut Matrix, at: At, siemens: Phasor) {
    let mut branch = |a: usize, b: usize, siemens: Phasor| {
        admittance[a][a] += siemens;
        admittance[b][b] += siemens;
        admittance[a][b] -= siemens;
        admittance[b][a] -= siemens;
    };
    match (at, at.lines()) {
        // Three parts to a star point of their own are the same as a third of each between the lines.
        (At::ThreeWire, _) => {
            [(0, 1), (1, 2), (2, 0)].into_iter().for_each(|(a, b)| branch(a, b, siemens / 3.0));
        }
        (_, [a, b]) => branch(*a, *b, siemens),
        (_, lines) => lines.iter().for_each(|line| branch(*line, N, siemens)),
    }
}

/// Adds what a load draws whatever the voltage.
fn draw(drawn: &mut Four, load: &Load, gain: f64, order: u8, spec: &Spec) {
    let mut branch = |a: usize, b: Option<usize>, amperes: Phasor| {
        drawn[a] += amperes;
        if let Some(b) = b {
            drawn[b] -= amperes;
        }
    };
    let angle = |line: usize| spec.net.angle_deg.get(line).copied().unwrap_or(0.0);
    match (load.at, load.at.lines()) {
        (At::ThreeWire, lines) => {
            lines
                .iter()
                .for_each(|line| branch(*line, None, amperes(spec, &load.draw, order, angle(*line)) * gain));
        }
        (_, [a, b]) => {
            let open = polar(star_v(spec, *a), angle(*a)) - polar(star_v(spec, *b), angle(*b));
            let deg = libm::atan2(open.im, open.re) * (180.0 / PI);
            branch(*a, Some(*b), amperes(spec, &load.draw, order, deg) * gain);
        }
        (_, lines) => {
            let each =
                |line: &usize| branch(*line, Some(N), amperes(spec, &load.draw, order, angle(*line)) * gain);
            lines.iter().for_each(each);
        }
    }
}

/// The current of one order where the open-circuit fundamental has the angle `u_deg`.
fn amperes(spec: &Spec, draw: &Draw, order: u8, u_deg: f64) -> Phasor {
    let times = f64::from(order);
    match draw {
        Draw::Impedance { .. } => Phasor::ZERO,
        Draw::Current { i_a, pf, lead, harm, dc_a } => {
            let lag_deg = libm::acos(*pf) * (180.0 / PI);
            let i_deg = u_deg + if *lead { lag_deg } else { -lag_deg };
            match order {
                0 => Phasor::new(*dc_a, 0.0),
                1 => polar(*i_a, i_deg),
                _ => part(harm, order).map_or(Phasor::ZERO, |harmonic| {
                    polar(i_a * harmonic.percent / 100.0, harmonic.deg + times * i_deg)
                }),
            }
        }
        Draw::Profile { profile, i_a } => profiles::named(profile).map_or(Phasor::ZERO, |shape| {
            let (i_deg, listed) =
                (u_deg + shape.lead_deg, shape.harmonics.iter().find(|part| part.0 == order));
            match (order, listed) {
                (1, _) => polar(*i_a, i_deg),
                (_, Some((_, percent, deg))) => polar(i_a * percent / 100.0, deg + times * i_deg),
                (_, None) => Phasor::ZERO,
            }
        }),
        Draw::HalfWave { i_peak_a } => half_wave(spec, order, *i_peak_a, u_deg),
    }
}

/// Fourier series of a sine behind a diode, up to the last order below half the sample rate.
fn half_wave(spec: &Spec, order: u8, peak_a: f64, u_deg: f64) -> Phasor {
    let times = f64::from(order);
    match order {
        0 => Phasor::new(peak_a / PI, 0.0),
        1 => polar(peak_a / 2.0 * FRAC_1_SQRT_2, u_deg),
        _ if order % 2 == 1 || times * spec.net.f_max_hz() >= spec.waveform.rate.hz() / 2.0 => Phasor::ZERO,
        _ => polar(2.0 * peak_a / PI / (times * times - 1.0) * FRAC_1_SQRT_2, times * u_deg - 90.0),
    }
}

/// Solves four linear equations (Gauss, largest pivot first). Loads have resistance, so that there is a solution.
fn eliminate(mut matrix: Matrix, mut right: Four) -> Four {
    // Rows of disconnected conductors are small; only their proportions count.
    for (row, value) in matrix.iter_mut().zip(&mut right) {
        let largest = row.iter().fold(0.0, |most: f64, entry| most.max(entry.l1_norm()));
        row.iter_mut().for_each(|entry| *entry /= largest);
        *value /= largest;
    }
    for column in 0..4 {
        let pivot =
            (column..4).max_by(|a, b| matrix[*a][column].l1_norm().total_cmp(&matrix[*b][column].l1_norm()));
        let pivot = pivot.unwrap_or(column);
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let (above, above_right) = (matrix[column], right[column]);
        for row in column + 1..4 {
            let factor = matrix[row][column] / above[column];
            matrix[row].iter_mut().zip(above).for_each(|(entry, above)| *entry -= factor * above);
            right[row] -= factor * above_right;
        }
    }
    let mut solution = Four::default();
    for row in (0..4).rev() {
        let known = (row + 1..4).fold(right[row], |rest, entry| rest - matrix[row][entry] * solution[entry]);
        solution[row] = known / matrix[row][row];
    }
    solution
}
