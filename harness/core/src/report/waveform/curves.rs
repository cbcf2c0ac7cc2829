//! Voltages and currents over some cycles.

use super::{LEFT, RIGHT, WIDTH, Waveform, drawn, name, segment_at, word};
use crate::report::plot::{Axis, coordinate, label};
use crate::wave::Segment;
use crate::wave::spec::Channel;
use maud::{Markup, html};

pub(super) const HEIGHT: f64 = 312.0;
/// Top and bottom of the voltages and of the currents.
const PANELS: [(f64, f64); 2] = [(16.0, 122.0), (140.0, 268.0)];
/// Points of a curve: 80 in a cycle show order 31 as a ripple, not its shape.
const POINTS: u32 = 240;
/// Part of the peak by which a clamp has to be off before what a perfect one would deliver is drawn as well.
const SEEN: f64 = 0.01;

/// One curve, in volts or amperes.
struct Curve {
    channel: Channel,
    /// The dongle has an input for it.
    measured: bool,
    values: Vec<f64>,
    /// What a perfect clamp would deliver, where that is something else.
    perfect: Option<Vec<f64>>,
}

impl Waveform<'_> {
    /// Some cycles from sample `from` on as one `<svg>` element, and words for what is no plain line in it.
    pub(in crate::report) fn curves(&self, from: u64) -> (Markup, Vec<&'static str>) {
        let (from, to) = self.cycles(from);
        let place = |k: u32| from as f64 + (to - from) as f64 * f64::from(k) / f64::from(POINTS);
        let places: Vec<f64> = (0..=POINTS).map(place).collect();
        let lines = self.spec.net.kind.lines();
        let channels = Channel::ALL.into_iter().filter(|channel| channel.line() < lines);
        let curves: Vec<Curve> = channels.map(|channel| self.curve(channel, &places)).collect();
        let rate = self.spec.waveform.rate;
        let span_ms = 1000.0 * rate.seconds(to - from);
        let x = Axis { low: 0.0, high: span_ms, from: LEFT, to: RIGHT };
        let size = format!("0 0 {WIDTH} {HEIGHT}");
        let mut notes = Vec::new();
        if curves.iter().any(|curve| !curve.measured) {
            notes.push("dashed: it is there, but the dongle has no input for it");
        }
        if curves.iter().any(|curve| curve.perfect.is_some()) {
            notes.push("pale: what a perfect clamp in its place would deliver");
        }
        let svg = html! {
            svg viewBox=(size) role="img" aria-label="Voltages and currents at the clamps over time" {
                @for (panel, current) in PANELS.into_iter().zip([false, true]) {
                    (draw_panel(&curves, current, panel))
                }
                (draw_time(x, rate.seconds(from)))
            }
        };
        (svg, notes)
    }

    fn curve(&self, channel: Channel, places: &[f64]) -> Curve {
        let along = |segments: &[Segment]| -> Vec<f64> {
            places.iter().map(|place| value(segments, channel, *place)).collect()
        };
        let values = along(&self.delivered);
        let differs = |perfect: &Vec<f64>| {
            let apart = perfect.iter().zip(&values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            apart > SEEN * peak(perfect).max(peak(&values))
        };
        let perfect = channel.is_current().then(|| along(&self.wired)).filter(differs);
        Curve { channel, measured: self.is_measured(channel), values, perfect }
    }
}

fn value(segments: &[Segment], channel: Channel, place: f64) -> f64 {
    let Some(segment) = segment_at(segments, place) else { return 0.0 };
    let signals = if channel.is_current() { &segment.i } else { &segment.u };
    segment.value(&signals[channel.line()], segment.turns(place))
}

fn peak(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

/// All voltages, or all currents.
fn draw_panel(curves: &[Curve], current: bool, (top, bottom): (f64, f64)) -> Markup {
    let curves: Vec<&Curve> = curves.iter().filter(|curve| curve.channel.is_current() == current).collect();
    let all = curves.iter().flat_map(|curve| curve.values.iter().chain(curve.perfect.iter().flatten()));
    let (low, high) = all.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(*value), high.max(*value)));
    let room = ((high - low) * 0.08).max(1e-3);
    let y = Axis { low: low - room, high: high + room, from: bottom, to: top };
    let (ticks, decimals) = y.ticks(4.0);
    let unit = if current { "A" } else { "V" };
    let points = |values: &[f64]| -> Vec<(f64, f64)> {
        let at = |(k, value): (usize, &f64)| {
            (LEFT + (RIGHT - LEFT) * k as f64 / (values.len().max(2) - 1) as f64, y.at(*value))
        };
        values.iter().enumerate().map(at).collect()
    };
    html! {
        g class="grid" {
            @for tick in &ticks {
                line class=[(tick.abs() < 1e-9).then_some("axis")] x1=(LEFT) x2=(RIGHT)
                    y1=(coordinate(y.at(*tick))) y2=(coordinate(y.at(*tick))) {}
                text x=(LEFT - 7.0) y=(coordinate(y.at(*tick) + 4.0)) text-anchor="end" {
                    (label(*tick, decimals))
                }
            }
            text x="4" y=(top + 4.0) { (unit) }
        }
        @for curve in &curves {
            @if let Some(perfect) = &curve.perfect {
                (drawn(format!("w pale s{}", curve.channel.line()), &points(perfect)))
            }
        }
        @for curve in &curves {
            @let kind = if curve.measured { "w" } else { "w unseen" };
            (drawn(format!("{kind} s{}", curve.channel.line()), &points(&curve.values)))
        }
        @for curve in curves.iter().filter(|curve| peak(&curve.values) > 0.05 * (y.high - y.low)) {
            (draw_name(curve, &points(&curve.values)))
        }
    }
}

/// The name stands over the first of the highest points, so that no colour is needed.
fn draw_name(curve: &Curve, points: &[(f64, f64)]) -> Markup {
    let higher = |best: (f64, f64), point: &(f64, f64)| if point.1 < best.1 - 0.5 { *point } else { best };
    let (x, y) = points.iter().fold((LEFT, f64::INFINITY), higher);
    let line = curve.channel.line();
    word(line, x.clamp(LEFT + 10.0, RIGHT - 10.0), y - 3.0, "middle", &name(curve.channel))
}

fn draw_time(x: Axis, start_s: f64) -> Markup {
    let (ticks, decimals) = x.ticks(6.0);
    let (_, bottom) = PANELS[1];
    html! {
        g class="grid" {
            @for tick in &ticks {
                line class="tick" x1=(coordinate(x.at(*tick))) x2=(coordinate(x.at(*tick))) y1=(bottom) y2=(bottom + 4.0) {}
                text x=(coordinate(x.at(*tick))) y=(bottom + 18.0) text-anchor="middle" { (label(*tick, decimals)) }
            }
            line class="axis" x1=(LEFT) x2=(RIGHT) y1=(bottom) y2=(bottom) {}
            text x=(coordinate((LEFT + RIGHT) / 2.0)) y=(HEIGHT - 8.0) text-anchor="middle" {
                "milliseconds from " (label(start_s, 3)) " s on"
            }
        }
    }
}
