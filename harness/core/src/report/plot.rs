//! Values over time as inline SVG: what was expected as steps, what was claimed as markers, deviations ringed.
//!
//! Draws what it is given and decides nothing. Only finite numbers reach the SVG; what cannot be drawn is left
//! out and counted in the caption. Colours are classes (`s0` `s1` `s2`), so that the page's style decides.

use maud::{Markup, PreEscaped, html};
use std::fmt::Write;

/// Size of the drawing in user units; the page scales it.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 224.0;
/// The frame inside it.
const LEFT: f64 = 58.0;
const RIGHT: f64 = WIDTH - 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = HEIGHT - 44.0;
/// Values beyond this are a DUT's fantasy and would press everything else into one line.
const VALUE_MAX: f64 = 1e12;
/// Most points drawn per series: keeps a drawing below some 30 kB.
const POINTS_MAX: usize = 600;
/// Most single deviations and marks drawn.
const DEVIATIONS_MAX: usize = 60;

/// One drawing: several quantities of one unit.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plot {
    /// `Currents`.
    pub title: String,
    /// `A`.
    pub unit: String,
    /// The quantities; the first three have colours of their own.
    pub series: Vec<Series>,
    /// Things to mark on the time axis.
    pub marks: Vec<Mark>,
    /// Whether the value axis must hold 0.
    pub zero: bool,
    /// The horizontal axis counts telegrams; otherwise it is time in seconds.
    pub by_number: bool,
}

/// One quantity.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Series {
    /// `L1`.
    pub name: String,
    /// What was expected; each value holds until the next. In order of `x`.
    pub expected: Vec<Step>,
    /// What was claimed.
    pub claimed: Vec<Step>,
    /// Where the two differ.
    pub deviations: Vec<Deviation>,
}

/// A value at a time.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Step {
    /// Seconds, or the number of the telegram.
    pub x: f64,
    /// The value in the unit of the plot.
    pub y: f64,
}

/// A deviation to ring.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Deviation {
    /// Seconds, or the number of the telegram.
    pub x: f64,
    /// Expected value, where there was one.
    pub expected: Option<f64>,
    /// Claimed value, where there was one.
    pub claimed: Option<f64>,
    /// Said when the pointer rests on it.
    pub text: String,
}

/// A mark on the time axis.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Mark {
    /// Seconds, or the number of the telegram.
    pub x: f64,
    /// A deviation that is about no value (filled), or a damaged telegram (hollow).
    pub deviation: bool,
    /// Said when the pointer rests on it.
    pub text: String,
}

fn drawable(value: f64) -> bool {
    value.is_finite() && value.abs() <= VALUE_MAX
}

impl Step {
    fn is_drawable(&self) -> bool {
        drawable(self.x) && drawable(self.y)
    }
}

/// A span of values and where it lies in the drawing.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Axis {
    /// An axis that holds all `values`, never empty, with room of `pad` of the span on both sides.
    pub(super) fn around(values: impl Iterator<Item = f64>, pad: f64, from: f64, to: f64) -> Axis {
        let (low, high) = values
            .filter(|value| drawable(*value))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return Axis { low: 0.0, high: 1.0, from, to };
        }
        // Two hundredths of the value: the noise of a steady voltage is not blown up to the whole height.
        let least = (low.abs().max(high.abs()) * 0.02).max(0.5);
        let missing = (least - (high - low)).max(0.0) / 2.0;
        let room = (high - low + 2.0 * missing) * pad;
        Axis { low: low - missing - room, high: high + missing + room, from, to }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round values (1, 2 or 5 times a power of ten) inside the axis, about `count` of them.
    pub(super) fn ticks(&self, count: f64) -> (Vec<f64>, usize) {
        let rough = (self.high - self.low) / count;
        let power = 10_f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|step| *step >= rough).unwrap_or(power);
        let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        let first = (self.low / step).ceil();
        let ticks = (0..32).map(|n| (first + f64::from(n)) * step);
        (ticks.take_while(|tick| *tick <= self.high + step * 1e-9).collect(), decimals)
    }
}

/// A coordinate with one decimal; a tenth of a unit cannot be seen.
pub(super) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_string).unwrap_or(text)
}

/// A tick label with narrow blanks between thousands, and a real minus.
pub(super) fn label(value: f64, decimals: usize) -> String {
    let digits = format!("{:.*}", decimals, value.abs());
    let (whole, rest) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 && whole.len() > 4 {
            grouped.push('\u{2009}');
        }
        grouped.push(digit);
    }
    let zero = digits.chars().all(|char| char == '0' || char == '.');
    let sign = if value < 0.0 && !zero { "−" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{rest}")
}

impl Plot {
    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.series
            .iter()
            .all(|one| one.expected.is_empty() && one.claimed.is_empty() && one.deviations.is_empty())
    }

    fn axes(&self) -> (Axis, Axis) {
        let steps = || self.series.iter().flat_map(|one| one.expected.iter().chain(&one.claimed));
        let deviations = || self.series.iter().flat_map(|one| &one.deviations);
        let xs = steps().map(|step| step.x).chain(deviations().map(|one| one.x));
        let xs = xs.chain(self.marks.iter().map(|mark| mark.x));
        let ys = steps().map(|step| step.y);
        let ys = ys.chain(deviations().flat_map(|one| one.expected.into_iter().chain(one.claimed)));
        let ys = ys.chain(self.zero.then_some(0.0));
        (Axis::around(xs, 0.02, LEFT, RIGHT), Axis::around(ys, 0.06, BOTTOM, TOP))
    }

    /// The drawing as one `<svg>` element, without legend.
    pub fn svg(&self) -> Markup {
        let (x, y) = self.axes();
        let size = format!("0 0 {WIDTH} {HEIGHT}");
        let name = format!("{} in {}, expected and claimed", self.title, self.unit);
        html! {
            svg viewBox=(size) role="img" aria-label=(name) {
                (self.grid(x, y))
                @for (index, one) in self.series.iter().enumerate() {
                    (draw_series(one, index, x, y))
                }
                @for mark in self.marks.iter().filter(|mark| drawable(mark.x)).take(DEVIATIONS_MAX) {
                    (draw_mark(mark, x))
                }
                @for one in &self.series {
                    @for deviation in one.deviations.iter().take(DEVIATIONS_MAX) {
                        (draw_deviation(deviation, x, y))
                    }
                }
            }
        }
    }

    fn grid(&self, x: Axis, y: Axis) -> Markup {
        let (time, unit) = self.time_unit(x);
        let shown = Axis { low: x.low / time, high: x.high / time, ..x };
        let (x_ticks, x_decimals) = shown.ticks(6.0);
        let (y_ticks, y_decimals) = y.ticks(4.0);
        // Half a telegram or a tenth of a volt on an axis of whole numbers would be noise.
        let whole = |tick: &&f64| !self.by_number || (tick.fract() == 0.0 && **tick >= 1.0);
        html! {
            g class="grid" {
                @for tick in &y_ticks {
                    line x1=(LEFT) x2=(RIGHT) y1=(coordinate(y.at(*tick))) y2=(coordinate(y.at(*tick))) {}
                    text x=(LEFT - 7.0) y=(coordinate(y.at(*tick) + 4.0)) text-anchor="end" {
                        (label(*tick, y_decimals))
                    }
                }
                @for tick in x_ticks.iter().filter(whole) {
                    line class="tick" x1=(coordinate(shown.at(*tick))) x2=(coordinate(shown.at(*tick)))
                        y1=(BOTTOM) y2=(BOTTOM + 4.0) {}
                    text x=(coordinate(shown.at(*tick))) y=(BOTTOM + 18.0) text-anchor="middle" {
                        (label(*tick, x_decimals))
                    }
                }
                line class="axis" x1=(LEFT) x2=(RIGHT) y1=(BOTTOM) y2=(BOTTOM) {}
                text x=(coordinate((LEFT + RIGHT) / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" { (unit) }
            }
        }
    }

    /// By how much seconds are divided for the labels, and what the axis is called.
    fn time_unit(&self, x: Axis) -> (f64, &'static str) {
        match x.high - x.low {
            _ if self.by_number => (1.0, "telegram"),
            span if span > 7200.0 => (3600.0, "time due, hours"),
            span if span > 240.0 => (60.0, "time due, minutes"),
            _ => (1.0, "time due, seconds"),
        }
    }

    /// What the lines, markers and rings mean, and what could not be drawn.
    pub fn legend(&self) -> Markup {
        let left_out = self.left_out();
        let deviations = self.series.iter().map(|one| one.deviations.len()).max().unwrap_or(0);
        let longest = self.series.iter().map(|one| one.expected.len().max(one.claimed.len())).max();
        let stride = stride(longest.unwrap_or(0));
        html! {
            span.legend {
                @for (index, one) in self.series.iter().enumerate() {
                    span.key {
                        svg.swatch viewBox="0 0 34 14" aria-hidden="true" {
                            path class={ "e s" (index % 3) } d="M1 7H33" {}
                            path class={ "c s" (index % 3) } d={ "M17 7" (marker(index)) } {}
                        }
                        (one.name)
                    }
                }
                span.key.muted { "line: expected, marker: claimed" }
                @if deviations > 0 {
                    span.key { svg.swatch.small viewBox="0 0 14 14" aria-hidden="true" {
                        circle class="ring" cx="7" cy="7" r="5.5" {}
                    } "deviation" }
                }
                @for (deviation, text) in [(true, "other deviation"), (false, "damaged telegram")] {
                    @if self.marks.iter().any(|mark| mark.deviation == deviation) {
                        span.key { svg.swatch.small viewBox="0 0 14 14" aria-hidden="true" {
                            path class=(mark_class(deviation)) d="M7 2L12 12H2Z" {}
                        } (text) }
                    }
                }
                @if stride > 1 { span.key.muted { "1 of " (stride) " values drawn" } }
                @if deviations > DEVIATIONS_MAX {
                    span.key.muted { "the first " (DEVIATIONS_MAX) " of " (deviations) " deviations ringed" }
                }
                @if left_out > 0 {
                    span.key.muted { (left_out) " values cannot be drawn (not finite or beyond ±10¹²)" }
                }
            }
        }
    }

    fn left_out(&self) -> usize {
        let steps = self.series.iter().flat_map(|one| one.expected.iter().chain(&one.claimed));
        steps.filter(|step| !step.is_drawable()).count()
    }
}

/// One marker as a relative sub-path: disc, square, diamond; a marker tells the series apart without colour.
fn marker(index: usize) -> &'static str {
    match index % 3 {
        0 => "m-2.6 0a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0-5.2 0",
        1 => "m-2.4-2.4h4.8v4.8h-4.8z",
        _ => "m0-3.3l3.3 3.3l-3.3 3.3l-3.3-3.3z",
    }
}

/// Every n-th point, so that at most [`POINTS_MAX`] are left.
fn thinned(steps: &[Step]) -> impl Iterator<Item = &Step> {
    steps.iter().filter(|step| step.is_drawable()).step_by(stride(steps.len()))
}

/// One point in so many is drawn.
fn stride(points: usize) -> usize {
    points.div_ceil(POINTS_MAX).max(1)
}

fn draw_series(one: &Series, index: usize, x: Axis, y: Axis) -> Markup {
    let mut line = String::new();
    // Writing into a String cannot fail.
    for step in thinned(&one.expected) {
        let (x, y) = (coordinate(x.at(step.x)), coordinate(y.at(step.y)));
        let _ = if line.is_empty() { write!(line, "M{x} {y}") } else { write!(line, "H{x}V{y}") };
    }
    if !line.is_empty() {
        let _ = write!(line, "H{RIGHT}");
    }
    let mut markers = String::new();
    for step in thinned(&one.claimed) {
        let (x, y) = (coordinate(x.at(step.x)), coordinate(y.at(step.y)));
        let _ = write!(markers, "M{x} {y}{}", marker(index));
    }
    html! {
        @if !line.is_empty() { path class={ "e s" (index % 3) } d=(PreEscaped(line)) {} }
        @if !markers.is_empty() { path class={ "c s" (index % 3) } d=(PreEscaped(markers)) {} }
    }
}

fn draw_deviation(one: &Deviation, x: Axis, y: Axis) -> Markup {
    let place =
        |value: Option<f64>| value.filter(|value| drawable(*value)).map(|value| coordinate(y.at(value)));
    let (expected, claimed) = (place(one.expected), place(one.claimed));
    let Some(ring) = claimed.as_ref().or(expected.as_ref()).filter(|_| drawable(one.x)) else {
        return html! {};
    };
    let cx = coordinate(x.at(one.x));
    html! {
        g class="deviation" {
            title { (one.text) }
            @if let (Some(expected), Some(claimed)) = (&expected, &claimed) {
                line x1=(cx) x2=(cx) y1=(expected) y2=(claimed) {}
            }
            circle class={ "ring" @if claimed.is_none() { " missing" } } cx=(cx) cy=(ring) r="5.5" {}
        }
    }
}

fn mark_class(deviation: bool) -> &'static str {
    if deviation { "mark bad" } else { "mark" }
}

fn draw_mark(mark: &Mark, x: Axis) -> Markup {
    let place = format!("M{} {}l4.5 8h-9Z", coordinate(x.at(mark.x)), BOTTOM - 9.0);
    html! {
        path class=(mark_class(mark.deviation)) d=(place) { title { (mark.text) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(low: f64, high: f64) -> Vec<String> {
        let (ticks, decimals) = Axis { low, high, from: 0.0, to: 1.0 }.ticks(4.0);
        ticks.into_iter().map(|tick| label(tick, decimals)).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(ticks(-250.0, 6200.0), ["0", "2000", "4000", "6000"]);
        assert_eq!(ticks(228.9, 231.2), ["229", "230", "231"]);
        assert_eq!(ticks(-0.3, 0.3), ["−0.2", "0.0", "0.2"]);
        assert_eq!(ticks(0.0, 50_000_000.0), ["0", "20\u{2009}000\u{2009}000", "40\u{2009}000\u{2009}000"]);
    }

    #[test]
    fn an_axis_is_never_empty() {
        for values in [&[][..], &[0.0], &[230.0, 230.0], &[-1e12], &[f64::NAN, f64::INFINITY]] {
            let axis = Axis::around(values.iter().copied(), 0.05, 0.0, 100.0);
            assert!(axis.high > axis.low, "{values:?}");
            let inside = values.iter().filter(|value| drawable(**value));
            for value in inside {
                assert!((0.0..=100.0).contains(&axis.at(*value)), "{value}");
            }
        }
    }
}
