//! A waveform as an SVG: some cycles of voltage and current as sampled, and the spectrum that the clamps deliver.
//!
//! Colours follow the line: L1, L2, L3. Only finite numbers are drawn.

use super::Layout;
use crate::wave::{Signal, Spectrum};
use maud::{Markup, html};
use std::f64::consts::PI;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const PANEL: f64 = 200.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 16.0;
const TOP: f64 = 44.0;
const GAP: f64 = 44.0;
/// Colours of L1, L2, L3, to be told apart by everyone.
const COLOURS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];
/// The foot of the spectrum: 0.01 % of the fundamental.
const FLOOR: f64 = 1e-4;
/// Most points of a curve.
const POINTS_MAX: usize = 4000;

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Drawing<'a> {
    /// The channels of `samples`.
    pub layout: &'a Layout,
    /// Number of the first sample.
    pub from: u64,
    /// Codes, one of each channel in turn.
    pub samples: &'a [i16],
    /// What the clamps deliver there, for each channel.
    pub signals: &'a [Signal],
}

impl Drawing<'_> {
    /// The SVG.
    pub fn svg(&self) -> String {
        let panels = [self.curves(false, TOP), self.curves(true, TOP + PANEL + GAP)];
        let spectra =
            [self.bars(false, TOP + 2.0 * (PANEL + GAP)), self.bars(true, TOP + 3.0 * (PANEL + GAP))];
        let height = TOP + 4.0 * (PANEL + GAP);
        let size = format!("0 0 {WIDTH} {height}");
        let markup = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(size) width=(WIDTH) height=(height)
                font-family="sans-serif" font-size="12" {
                rect width=(WIDTH) height=(height) fill="white" {}
                text x=(LEFT) y="22" font-size="15" { (self.layout.name) }
                @for panel in panels.iter().chain(&spectra).flatten() { (panel) }
            }
        };
        markup.into_string() + "\n"
    }

    /// Places of the channels that are currents, or voltages.
    fn places(&self, current: bool) -> Vec<usize> {
        let columns = self.layout.columns.iter().enumerate();
        columns.filter(|(_, column)| column.channel.is_current() == current).map(|(at, _)| at).collect()
    }

    fn values(&self, at: usize) -> Vec<f64> {
        let scale = self.layout.columns[at].scale;
        let codes = self.samples.chunks_exact(self.layout.columns.len()).map(|frame| f64::from(frame[at]));
        codes.map(|code| (code - scale.zero) * scale.per_lsb).collect()
    }

    /// Values over time.
    fn curves(&self, current: bool, top: f64) -> Option<Markup> {
        let places = self.places(current);
        let curves: Vec<Vec<f64>> = places.iter().map(|at| self.values(*at)).collect();
        let count = curves.first()?.len();
        let most =
            curves.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs())).max(1e-9) * 1.05;
        let seconds = self.layout.rate.seconds(count as u64);
        let stride = count.div_ceil(POINTS_MAX).max(1);
        let line = |curve: &Vec<f64>| {
            let mut points = String::new();
            for (n, value) in curve.iter().enumerate().step_by(stride) {
                let x = LEFT + (RIGHT - LEFT) * n as f64 / count as f64;
                let y = top + PANEL * (0.5 - value / most / 2.0);
                // Writing to a text does not fail.
                let _ = write!(points, "{x:.1},{y:.1} ");
            }
            points
        };
        let start = self.layout.rate.seconds(self.from);
        let (unit, name) = if current { ("A", "current") } else { ("V", "voltage") };
        Some(html! {
            (frame(&format!("{name}, samples"), top))
            line x1=(LEFT) x2=(RIGHT) y1=(top + PANEL / 2.0) y2=(top + PANEL / 2.0) stroke="#bbb" {}
            (label(LEFT - 6.0, top + 12.0, "end", &format!("{most:.4} {unit}")))
            (label(LEFT - 6.0, top + PANEL, "end", &format!("-{most:.4} {unit}")))
            (label(LEFT, top + PANEL + 16.0, "start", &format!("{start:.4} s")))
            (label(RIGHT, top + PANEL + 16.0, "end", &format!("{:.4} s", start + seconds)))
            @for (curve, at) in curves.iter().zip(&places) {
                polyline fill="none" stroke=(self.colour(*at)) stroke-width="1.2" points=(line(curve).trim_end()) {}
            }
            (self.legend(&places, top))
        })
    }

    /// Harmonics as parts of the fundamental, on a logarithmic axis.
    fn bars(&self, current: bool, top: f64) -> Option<Markup> {
        let places = self.places(current);
        let each: Vec<Vec<(u8, f64)>> =
            places.iter().map(|at| self.signals.get(*at).map(parts).unwrap_or_default()).collect();
        let last = each.iter().flatten().map(|(order, _)| *order).max()?.max(10);
        let slot = (RIGHT - LEFT) / f64::from(last);
        let width = slot * 0.8 / places.len() as f64;
        let height = |part: f64| PANEL * (1.0 - part.clamp(FLOOR, 1.0).log10() / FLOOR.log10());
        let name = if current { "current" } else { "voltage" };
        Some(html! {
            (frame(&format!("{name}, harmonics at the clamp as a part of the fundamental"), top))
            @for (part, text) in [(1.0, "100 %"), (0.1, "10 %"), (0.01, "1 %"), (1e-3, "0.1 %"), (FLOOR, "0.01 %")] {
                (label(LEFT - 6.0, top + PANEL - height(part) + 4.0, "end", text))
                line x1=(LEFT) x2=(RIGHT) y1=(top + PANEL - height(part)) y2=(top + PANEL - height(part)) stroke="#eee" {}
            }
            @for order in (1..=last).filter(|order| last <= 20 || order % 2 == 1) {
                (label(LEFT + slot * (f64::from(order) - 0.5), top + PANEL + 16.0, "middle", &order.to_string()))
            }
            @for (n, (bars, at)) in each.iter().zip(&places).enumerate() {
                @for (order, part) in bars.iter().filter(|(_, part)| *part > FLOOR) {
                    rect x=(format!("{:.1}", LEFT + slot * (f64::from(*order) - 0.9) + width * n as f64))
                        y=(format!("{:.1}", top + PANEL - height(*part))) width=(format!("{width:.1}"))
                        height=(format!("{:.1}", height(*part))) fill=(self.colour(*at)) {}
                }
            }
            (self.legend(&places, top))
        })
    }

    fn colour(&self, at: usize) -> &'static str {
        COLOURS[self.layout.columns[at].channel.line()]
    }

    fn legend(&self, places: &[usize], top: f64) -> Markup {
        html! {
            @for (n, at) in places.iter().enumerate() {
                text x=(RIGHT - 30.0 * (places.len() - n) as f64 + 6.0) y=(top - 6.0) fill=(self.colour(*at)) {
                    (self.layout.columns[*at].name)
                }
            }
        }
    }
}

fn frame(title: &str, top: f64) -> Markup {
    html! {
        text x=(LEFT) y=(top - 6.0) { (title) }
        rect x=(LEFT) y=(top) width=(RIGHT - LEFT) height=(PANEL) fill="none" stroke="#888" {}
    }
}

fn label(x: f64, y: f64, anchor: &str, text: &str) -> Markup {
    html! { text x=(format!("{x:.1}")) y=(format!("{y:.1}")) text-anchor=(anchor) fill="#444" font-size="11" { (text) } }
}

/// Orders with their part of the fundamental; nothing without a fundamental.
fn parts(signal: &Signal) -> Vec<(u8, f64)> {
    let parts = match signal {
        Signal::Steady(Spectrum { parts, .. }) => {
            parts.iter().map(|(order, part)| (*order, part.norm())).collect()
        }
        Signal::Cycle(values) => of_cycle(values),
    };
    let first = parts.iter().find(|(order, _)| *order == 1).map_or(0.0, |(_, part)| *part);
    let part = |(order, part): (u8, f64)| (order, part / first);
    if first > 0.0 { parts.into_iter().map(part).collect() } else { Vec::new() }
}

/// The same of one cycle of values.
fn of_cycle(values: &[f64]) -> Vec<(u8, f64)> {
    let part = |order: u8| {
        let turn = 2.0 * PI * f64::from(order) / values.len() as f64;
        let sums = values.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, value)| {
            let (sin, cos) = libm::sincos(turn * n as f64);
            (re + value * cos, im + value * sin)
        });
        (order, libm::hypot(sums.0, sums.1))
    };
    (1..=crate::wave::ORDER_MAX).map(part).collect()
}
