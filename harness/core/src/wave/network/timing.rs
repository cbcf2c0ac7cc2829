//! When a new segment starts: the phase of the fundamental over time, and every moment at which something changes.

use super::GONE;
use crate::wave::Rate;
use crate::wave::spec::{Event, EventKind, Lasts, Load, Spec, Tempo};

/// One turn as an integer phase.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// The phase of the fundamental: stretches of constant frequency.
pub(super) struct Clock {
    ticks: Vec<Tick>,
    end: u64,
}

/// Samples `from..to` at one frequency; see [`Segment`](crate::wave::Segment) for `turn` and `step`.
struct Tick {
    from: u64,
    to: u64,
    turn: u64,
    step: u64,
}

impl Tick {
    fn phase(&self, sample: u64) -> u64 {
        self.turn.wrapping_add((sample - self.from).wrapping_mul(self.step))
    }
}

/// Phase from one sample to the next, in 2⁻⁶⁴ turns.
fn step(f_hz: f64, rate: Rate) -> u64 {
    (f_hz * f64::from(rate.den) / f64::from(rate.num) * TURN).round() as u64
}

/// What counts as nothing beside a step: phases of a rounded step are not exact.
fn nothing(step: u64) -> u128 {
    u128::from(step / 1024)
}

/// Samples until so much phase has passed, in 2⁻⁶⁴ turns.
fn samples(turns: u128, step: u64) -> u64 {
    turns.saturating_sub(nothing(step)).div_ceil(u128::from(step)) as u64
}

/// Phase from `phase` to the end of its cycle; who is just there has a whole cycle ahead.
fn to_zero(phase: u64, step: u64) -> u128 {
    let left = (1_u128 << 64) - u128::from(phase);
    if left <= nothing(step) { left + (1 << 64) } else { left }
}

impl Clock {
    pub(super) fn new(spec: &Spec) -> Clock {
        let (rate, end) = (spec.waveform.rate, spec.waveform.samples());
        let tempo = &spec.net.tempo;
        let mut marks: Vec<u64> = tempo.iter().map(|entry| rate.index(entry.t_s)).collect();
        marks.extend(tempo.iter().map(|entry| rate.index(entry.t_s + entry.ramp_s)));
        marks.push(end);
        marks.sort_unstable();
        let (mut ticks, mut from, mut turn) = (Vec::new(), 0_u64, 0_u64);
        while from < end {
            let next = marks.iter().copied().find(|mark| *mark > from).unwrap_or(end).min(end);
            let middle_hz = |to: u64| f_hz(tempo, (rate.seconds(from) + rate.seconds(to)) / 2.0).0;
            let (here_hz, ramping) = f_hz(tempo, rate.seconds(from));
            // A ramp is a stair with a step at each zero of the fundamental. Where that is depends on the frequency of
            // the step, and the other way round; the second guess is right to a fraction of a sample.
            let to = match ramping {
                true => {
                    let zero = |f_hz: f64| from + samples(to_zero(turn, step(f_hz, rate)), step(f_hz, rate));
                    next.min(zero(middle_hz(zero(here_hz))))
                }
                false => next,
            };
            let step = step(middle_hz(to), rate);
            ticks.push(Tick { from, to, turn, step });
            turn = turn.wrapping_add((to - from).wrapping_mul(step));
            from = to;
        }
        Clock { ticks, end }
    }

    /// The stretches from the one of `sample` on.
    fn from(&self, sample: u64) -> impl Iterator<Item = &Tick> {
        let first = self.ticks.partition_point(|tick| tick.to <= sample);
        self.ticks[first..].iter()
    }

    /// Phase at a sample, and from it to the next, in 2⁻⁶⁴ turns.
    pub(super) fn at(&self, sample: u64) -> (u64, u64) {
        self.from(sample).next().map_or((0, 1), |tick| (tick.phase(sample), tick.step))
    }

    /// The first sample from `sample` on at which so much phase has passed, in 2⁻⁶⁴ turns; the end if there is none.
    fn after(&self, sample: u64, mut turns: u128) -> u64 {
        let mut at = sample;
        for tick in self.from(sample) {
            let needed = samples(turns, tick.step);
            if needed <= tick.to - at {
                return at + needed;
            }
            turns -= u128::from(tick.to - at) * u128::from(tick.step);
            at = tick.to;
        }
        self.end
    }

    /// The first sample behind `sample` in a new cycle; the end if there is none.
    fn next_zero(&self, sample: u64) -> u64 {
        let (phase, step) = self.at(sample);
        self.after(sample, to_zero(phase, step))
    }

    /// First sample of an event, and the first behind it.
    pub(super) fn event(&self, event: &Event, spec: &Spec) -> (u64, u64) {
        let mut from = spec.waveform.rate.index(event.t_s).min(self.end);
        if let Some(deg) = event.phase_on_deg {
            let l1_deg = spec.net.angle_deg.first().copied().unwrap_or(0.0);
            let turns = ((deg - l1_deg) / 360.0).rem_euclid(1.0);
            let target = (turns * TURN) as u64;
            let (phase, step) = self.at(from);
            // Who is a hair behind the phase is there, and does not wait for the next cycle.
            let behind = u128::from(phase.wrapping_sub(target)) <= nothing(step);
            from = if behind { from } else { self.after(from, u128::from(target.wrapping_sub(phase))) };
        }
        let to = match event.lasts {
            Lasts::Seconds(seconds) => from + spec.waveform.rate.index(seconds),
            Lasts::Cycles(cycles) => self.after(from, (cycles * TURN) as u128),
        };
        (from, to.min(self.end))
    }
}

/// Frequency at a time, and whether it is just changing.
fn f_hz(tempo: &[Tempo], t_s: f64) -> (f64, bool) {
    let now = tempo.iter().rposition(|entry| entry.t_s <= t_s).unwrap_or(0);
    let Some(entry) = tempo.get(now) else {
        return (50.0, false);
    };
    let since_s = t_s - entry.t_s;
    match now.checked_sub(1).and_then(|before| tempo.get(before)) {
        Some(before) if since_s < entry.ramp_s => {
            (before.f_hz + (entry.f_hz - before.f_hz) * since_s / entry.ramp_s, true)
        }
        _ => (entry.f_hz, false),
    }
}

/// Every sample at which something changes, with 0 and the end, rising.
pub(super) fn boundaries<'a>(
    spec: &Spec,
    clock: &Clock,
    events: impl Iterator<Item = (u64, u64, &'a Event)>,
) -> Vec<u64> {
    let rate = spec.waveform.rate;
    let mut marks: Vec<u64> = clock.ticks.iter().map(|tick| tick.from).collect();
    marks.extend([0, clock.end]);
    for load in &spec.loads {
        load_marks(load, rate, clock, &mut marks);
    }
    for (from, to, event) in events {
        marks.extend([from, to]);
        if let EventKind::Flicker { f_hz, .. } = event.kind {
            let halves = (1..).map(|half| rate.index(rate.seconds(from) + f64::from(half) / (2.0 * f_hz)));
            marks.extend(halves.take_while(|mark| *mark < to));
        }
    }
    marks.retain(|mark| *mark <= clock.end);
    marks.sort_unstable();
    marks.dedup();
    marks
}

fn load_marks(load: &Load, rate: Rate, clock: &Clock, marks: &mut Vec<u64>) {
    let (from, to) = (rate.index(load.from_s), rate.index(load.to_s));
    marks.extend([from, to]);
    if let Some([on_s, off_s]) = load.burst_s {
        let starts = (0..).map(|burst| load.from_s + f64::from(burst) * (on_s + off_s));
        for start_s in starts.take_while(|start_s| *start_s < load.to_s) {
            marks.extend(
                [start_s, start_s + on_s].map(|t_s| rate.index(t_s)).into_iter().filter(|mark| *mark < to),
            );
        }
    }
    // One step per cycle while the current rises or dies away.
    let changing_s = load.decay_s.map_or(load.ramp_s, |decay_s| load.ramp_s.max(GONE * decay_s));
    let changed = rate.index(load.from_s + changing_s).min(to).min(clock.end);
    let mut at = from;
    while at < changed {
        at = clock.next_zero(at).min(changed);
        marks.push(at);
    }
}

/// The most segments that a file may need: what fits into memory with every channel full of harmonics.
pub(in crate::wave) const SEGMENTS_MAX: f64 = 100_000.0;

/// An upper bound of the segments that a file needs, without making them.
pub(in crate::wave) fn segments_needed(spec: &Spec) -> f64 {
    let end_s = spec.waveform.duration_s;
    let f_max_hz = spec.net.f_max_hz();
    let tempo: f64 = spec.net.tempo.iter().map(|entry| 2.0 + entry.ramp_s.min(end_s) * f_max_hz).sum();
    let loads = spec.loads.iter().map(|load| {
        let length_s = load.to_s - load.from_s;
        let changing_s = load.decay_s.map_or(load.ramp_s, |decay_s| load.ramp_s.max(GONE * decay_s));
        let bursts = load.burst_s.map_or(0.0, |[on_s, off_s]| 2.0 * length_s / (on_s + off_s));
        3.0 + changing_s.min(length_s) * f_max_hz + bursts
    });
    let events = spec.events.iter().map(|event| match event.kind {
        EventKind::Flicker { f_hz, .. } => 2.0 + 2.0 * f_hz * end_s,
        _ => 2.0,
    });
    tempo + loads.sum::<f64>() + events.sum::<f64>()
}
