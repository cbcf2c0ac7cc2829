//! A waveform as inline SVG: some cycles at the clamps, and what their currents are made of.
//!
//! Drawn from segments, so that noise and rounding of a converter do not blur what a clamp does. Decides nothing.

mod curves;
mod spectrum;

use super::plot::coordinate;
use crate::verdict::ct;
use crate::wave::spec::{Channel, Spec};
use crate::wave::truth::{Truth, over, over_three_wire};
use crate::wave::{Segment, Signal, network, sensor};
use maud::{Markup, PreEscaped, html};
use std::fmt::Write;

/// Width of the drawings in user units; the page scales it.
const WIDTH: f64 = 460.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = WIDTH - 14.0;
/// Cycles drawn.
const CYCLES: f64 = 3.0;

/// A waveform worked out, for its drawings and what is true of it.
pub(super) struct Waveform<'a> {
    spec: &'a Spec,
    /// What flows.
    primary: Vec<Segment>,
    /// What perfect clamps would deliver where the spec puts them.
    wired: Vec<Segment>,
    /// What the clamps deliver.
    delivered: Vec<Segment>,
}

/// Some cycles of a waveform from sample `from` on, and below them what its currents are made of, as an SVG file.
pub fn waveform_svg(spec: &Spec, from: u64) -> String {
    let waveform = Waveform::of(spec);
    let (curves, _) = waveform.curves(from);
    let spectrum = waveform.spectrum(from);
    let height = curves::HEIGHT + if spectrum.is_some() { spectrum::HEIGHT } else { 0.0 };
    let size = format!("0 0 {WIDTH} {height}");
    // The page's style goes along; a viewer needs nothing else.
    let style = PreEscaped(include_str!("../html/style.css"));
    let file = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(size) style="background:var(--panel)" {
            style { (style) }
            svg width=(WIDTH) height=(curves::HEIGHT) { (curves) }
            @if let Some(spectrum) = spectrum {
                svg y=(curves::HEIGHT) width=(WIDTH) height=(spectrum::HEIGHT) { (spectrum) }
            }
        }
    };
    file.into_string() + "\n"
}

impl<'a> Waveform<'a> {
    /// Works a spec out.
    pub(super) fn of(spec: &'a Spec) -> Waveform<'a> {
        let primary = network::segments(spec);
        let delivered = sensor::at_clamp(&spec.clamps, spec.waveform.rate, &primary);
        Waveform { spec, primary, wired: ct::wired(spec), delivered }
    }

    /// First sample of the segment in which the clamps deliver most.
    pub(super) fn busiest(&self) -> u64 {
        let squares = |segment: &Segment| {
            let parts = segment.i.iter().map(|signal| match signal {
                Signal::Steady(spectrum) => {
                    spectrum.dc * spectrum.dc
                        + spectrum.parts.iter().map(|(_, part)| part.norm_sqr()).sum::<f64>()
                }
                Signal::Cycle(values) => {
                    values.iter().map(|value| value * value).sum::<f64>() / values.len().max(1) as f64
                }
            });
            parts.sum::<f64>()
        };
        let mut most = (0, f64::NEG_INFINITY);
        for segment in &self.delivered {
            let here = squares(segment);
            // A hair more, as between two equal segments, is no reason to move on.
            if here > most.1 * (1.0 + 1e-9) || most.1 == f64::NEG_INFINITY {
                most = (segment.from, here);
            }
        }
        most.0
    }

    /// The largest part of a current that a clamp keeps from what follows it, over the samples `from..to`.
    pub(super) fn hidden(&self, from: u64, to: u64) -> f64 {
        let [_, wired, delivered] = self.truths(from, to);
        let (Some(wired), Some(delivered)) = (wired, delivered) else { return 0.0 };
        let lines = wired.lines.iter().zip(&delivered.lines);
        let parts = lines.filter_map(|(wired, delivered)| {
            let (all, rest) = (wired.i?.rms, delivered.i?.rms);
            (all > 0.0).then(|| 1.0 - rest / all)
        });
        parts.fold(0.0, f64::max)
    }

    /// Where to begin drawing a window `from..to`: a cycle before something changes in it, else at its last cycles.
    pub(super) fn telling(&self, from: u64, to: u64) -> u64 {
        let (_, behind) = self.cycles(from);
        let cycle = (behind.saturating_sub(from) as f64 / CYCLES) as u64;
        let changed =
            self.delivered.iter().map(|segment| segment.from).find(|at| (from + 1..to).contains(at));
        changed.map_or(to.saturating_sub(3 * cycle), |at| at.saturating_sub(cycle)).max(from)
    }

    /// The samples to draw from `from` on: so many cycles, all inside the waveform.
    pub(super) fn cycles(&self, from: u64) -> (u64, u64) {
        let total = self.spec.waveform.samples();
        let step = segment_at(&self.delivered, from as f64).map_or(1, |segment| segment.step.max(1));
        let span = (CYCLES * 2f64.powi(64) / step as f64).ceil() as u64;
        let from = from.min(total.saturating_sub(span));
        (from, total.min(from.saturating_add(span)))
    }

    /// What is true of the samples `from..to`: of what flows, of what perfect clamps would deliver, and of what these do.
    pub(super) fn truths(&self, from: u64, to: u64) -> [Option<Truth>; 3] {
        let rate = self.spec.waveform.rate;
        let neutral = self.spec.net.kind.has_neutral();
        let of = |segments: &[Segment]| match neutral {
            true => over(segments, rate, from, to),
            false => over_three_wire(segments, rate, from, to),
        };
        [of(&self.primary), of(&self.wired), of(&self.delivered)]
    }

    /// Whether the dongle has an input for it.
    fn is_measured(&self, channel: Channel) -> bool {
        self.spec.waveform.channels.contains(&channel)
    }
}

/// The segment that holds a place; the last for what lies behind all.
fn segment_at(segments: &[Segment], sample: f64) -> Option<&Segment> {
    let at = segments.partition_point(|segment| segment.to as f64 <= sample);
    segments.get(at).or(segments.last())
}

/// A line through these places of the drawing; what lies on a straight line between its neighbours is left out.
fn path(points: &[(f64, f64)]) -> String {
    /// A tenth of a unit cannot be seen.
    const SEEN: f64 = 0.08;
    let mut line = String::new();
    let mut kept: Option<(f64, f64)> = None;
    for (at, &(x, y)) in points.iter().enumerate() {
        if let (Some((x0, y0)), Some(&(x1, y1))) = (kept, points.get(at + 1)) {
            let between = y0 + (y1 - y0) * (x - x0) / (x1 - x0);
            if (between - y).abs() < SEEN {
                continue;
            }
        }
        let mark = if line.is_empty() { 'M' } else { 'L' };
        // Writing into a String cannot fail.
        let _ = write!(line, "{mark}{} {}", coordinate(x), coordinate(y));
        kept = Some((x, y));
    }
    line
}

/// The name of a channel, `I2`.
fn name(channel: Channel) -> String {
    format!("{}{}", if channel.is_current() { 'I' } else { 'U' }, channel.line() + 1)
}

/// A word in the colour of a line.
fn word(line: usize, x: f64, y: f64, anchor: &str, text: &str) -> Markup {
    html! {
        text class={ "w s" (line) } x=(coordinate(x)) y=(coordinate(y)) text-anchor=(anchor) { (text) }
    }
}

fn drawn(class: String, points: &[(f64, f64)]) -> Markup {
    html! { path class=(class) d=(PreEscaped(path(points))) {} }
}
