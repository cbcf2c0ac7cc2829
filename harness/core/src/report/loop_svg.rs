//! A run of the balancing loop as inline SVG: currents against the fuse, heat, set-points, and what happened.
//!
//! Decides nothing. One panel below the other, all on one axis of time: the currents of the lines with the rating of
//! the main fuse, its heat as a part of that which blows it, what each charger offers, and marks for events.

use super::plot::{Axis, coordinate, label};
use super::text::{LINE_MAX, visible};
use crate::scenario::Scenario;
use crate::verdict::balance::Series;
use maud::{Markup, PreEscaped, html};
use std::fmt::Write;

/// Size of the drawing in user units; the page scales it.
const WIDTH: f64 = 920.0;
const LEFT: f64 = 58.0;
/// Behind it there is room for half of the last label.
const RIGHT: f64 = WIDTH - 26.0;
/// Heights of the panels, and the room below each for the next one's title.
const PANELS: [f64; 3] = [190.0, 90.0, 120.0];
const GAP: f64 = 46.0;
const TOP: f64 = 26.0;
/// Most chargers whose set-points are drawn.
const OFFERED_MAX: usize = 6;
/// Width of a letter of a legend, at most, and the room between two names.
const LETTER: f64 = 7.6;
const BETWEEN: f64 = 14.0;
/// Longest name of a charger in a legend, in characters.
const NAME_MAX: usize = 16;
/// Most marks of events.
const MARKS_MAX: usize = 40;

/// One panel.
struct Panel {
    title: String,
    unit: &'static str,
    series: Vec<(String, Vec<f64>)>,
    /// A value that must not be exceeded, and its name.
    limit: Option<(f64, String)>,
}

/// The drawing as one `<svg>` element.
pub(super) fn drawing(scenario: &Scenario, series: &Series) -> Markup {
    let panels = panels(scenario, series);
    let height = TOP + PANELS.iter().sum::<f64>() + GAP * PANELS.len() as f64;
    let duration_s = scenario.duration_ms as f64 / 1000.0;
    let (unit, per) = if duration_s > 7200.0 { ("h", 3600.0) } else { ("min", 60.0) };
    let x = Axis { low: 0.0, high: duration_s / per, from: LEFT, to: RIGHT };
    let size = format!("0 0 {WIDTH} {height}");
    let tops = [TOP, TOP + PANELS[0] + GAP, TOP + PANELS[0] + PANELS[1] + 2.0 * GAP];
    html! {
        svg viewBox=(size) role="img" aria-label="Currents, heat of the fuse and set-points over time" {
            @for ((panel, tall), top) in panels.iter().zip(PANELS).zip(tops) {
                (draw(panel, series.every_ms, &x, (top, top + tall), (unit, per)))
            }
            (marks(series, &x, per, height - GAP))
        }
    }
}

/// The same as a file that needs nothing else.
pub fn loop_svg(scenario: &Scenario, series: &Series) -> String {
    let style = PreEscaped(include_str!("html/style.css"));
    let height = TOP + PANELS.iter().sum::<f64>() + GAP * PANELS.len() as f64;
    let size = format!("0 0 {WIDTH} {height}");
    let file = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(size) style="background:var(--panel)" {
            style { (style) }
            (drawing(scenario, series))
        }
    };
    file.into_string() + "\n"
}

fn panels(scenario: &Scenario, series: &Series) -> [Panel; 3] {
    let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>();
    let lines =
        (0..scenario.grid.lines()).map(|line| (format!("L{}", line + 1), wide(&series.lines_a[line])));
    let main = scenario.circuits.first();
    let rated = main.and_then(|main| main.fuse).map(|fuse| fuse.rated_ma() as f64 / 1000.0);
    let offered_title = match scenario.chargers.len() {
        all if all > OFFERED_MAX => {
            format!("Offered to the cars at the first {OFFERED_MAX} of {all} chargers")
        }
        _ => "Offered to the cars".into(),
    };
    let offered = scenario.chargers.iter().zip(&series.offered_a).take(OFFERED_MAX);
    let offered = offered.map(|(charger, values)| (charger.name.clone(), wide(values)));
    [
        Panel {
            title: "Currents at the main fuse".into(),
            unit: "A",
            series: lines.collect(),
            limit: rated.map(|rated| (rated, format!("fuse {rated} A"))),
        },
        Panel {
            title: "Heat of the fuse, 1 = blown".into(),
            unit: "",
            series: vec![("heat".into(), wide(&series.heat))],
            limit: Some((1.0, "blown".into())),
        },
        Panel { title: offered_title, unit: "A", series: offered.collect(), limit: None },
    ]
}

fn draw(
    panel: &Panel,
    every_ms: u64,
    x: &Axis,
    (top, bottom): (f64, f64),
    (time, per): (&str, f64),
) -> Markup {
    let values = panel.series.iter().flat_map(|(_, values)| values.iter().copied());
    let values = values.chain([0.0]).chain(panel.limit.iter().map(|(limit, _)| limit * 1.05));
    let y = Axis::around(values, 0.0, bottom, top);
    let (ticks, decimals) = y.ticks(4.0);
    let (times, time_decimals) = x.ticks(8.0);
    html! {
        text x=(coordinate(LEFT)) y=(coordinate(top - 9.0)) class="head" { (panel.title) }
        @for (index, end) in legend(panel).into_iter().enumerate() {
            text x=(coordinate(end)) y=(coordinate(top - 9.0)) text-anchor="end" class=(colour(index)) {
                (brief(&panel.series[index].0))
            }
        }
        @for tick in &ticks {
            g class="grid" {
                line x1=(coordinate(LEFT)) x2=(coordinate(RIGHT)) y1=(coordinate(y.at(*tick))) y2=(coordinate(y.at(*tick))) {}
            }
            text x=(coordinate(LEFT - 6.0)) y=(coordinate(y.at(*tick) + 3.5)) text-anchor="end" { (label(*tick, decimals)) " " (panel.unit) }
        }
        @for tick in &times {
            text x=(coordinate(x.at(*tick))) y=(coordinate(bottom + 18.0)) text-anchor="middle" { (label(*tick, time_decimals)) " " (time) }
        }
        @if let Some((limit, name)) = &panel.limit {
            line class="limit" x1=(coordinate(LEFT)) x2=(coordinate(RIGHT)) y1=(coordinate(y.at(*limit))) y2=(coordinate(y.at(*limit))) {
                title { (name) }
            }
        }
        @for (index, (name, values)) in panel.series.iter().enumerate() {
            path class=(colour(index)) d=(steps(values, every_ms, x, per, &y)) { title { (name) } }
        }
    }
}

/// Where each name of the legend ends, so that the last one ends at the right edge.
fn legend(panel: &Panel) -> Vec<f64> {
    let mut ends = Vec::new();
    let mut end = RIGHT;
    for (name, _) in panel.series.iter().rev() {
        ends.push(end);
        end -= brief(name).chars().count() as f64 * LETTER + BETWEEN;
    }
    ends.reverse();
    ends
}

/// A name short enough for a legend.
fn brief(name: &str) -> String {
    visible(name, LINE_MAX).chars().take(NAME_MAX).collect()
}

/// Three colours, then the same with broken lines.
fn colour(index: usize) -> String {
    format!("w s{}{}", index % 3, if index < 3 { "" } else { " unseen" })
}

/// A line that holds each value over its bucket.
fn steps(values: &[f64], every_ms: u64, x: &Axis, per: f64, y: &Axis) -> String {
    let mut line = String::new();
    let mut last: Option<String> = None;
    for (at, value) in values.iter().enumerate() {
        let here = coordinate(y.at(*value));
        if last.as_ref() == Some(&here) && at + 1 < values.len() {
            continue;
        }
        let start = x.at(at as f64 * every_ms as f64 / 1000.0 / per);
        // Writing into a String cannot fail.
        let _ = match last {
            None => write!(line, "M{} {here}", coordinate(start)),
            Some(_) => write!(line, "H{}V{here}", coordinate(start)),
        };
        last = Some(here);
    }
    let _ = write!(
        line,
        "H{}",
        coordinate(x.at(values.len() as f64 * every_ms as f64 / 1000.0 / per).min(RIGHT))
    );
    line
}

fn marks(series: &Series, x: &Axis, per: f64, bottom: f64) -> Markup {
    html! {
        @for (t_ms, text) in series.marks.iter().take(MARKS_MAX) {
            @let at = coordinate(x.at(*t_ms as f64 / 1000.0 / per));
            line class="when" x1=(at) x2=(at) y1=(coordinate(TOP)) y2=(coordinate(bottom)) {
                title { (format!("{:.1} s: {text}", *t_ms as f64 / 1000.0)) }
            }
        }
    }
}
