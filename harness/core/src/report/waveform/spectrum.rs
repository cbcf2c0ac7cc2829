//! What the currents at the clamps are made of: bars in per cent of the fundamental.

use super::{LEFT, RIGHT, WIDTH, Waveform, name, segment_at, word};
use crate::report::plot::{Axis, coordinate, label};
use crate::wave::sensor;
use crate::wave::spec::Channel;
use maud::{Markup, html};

pub(super) const HEIGHT: f64 = 232.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = HEIGHT - 44.0;
/// Least percentage that makes a bar.
const LEAST: f64 = 0.05;
/// The axis goes on to at least this order.
const ORDER_LEAST: u8 = 13;

/// One current.
struct Content {
    channel: Channel,
    /// Amperes RMS of the fundamental.
    fundamental: f64,
    /// Order and per cent of the fundamental; direct current as order 0, with its sign left out.
    parts: Vec<(u8, f64)>,
}

impl Content {
    /// Per cent.
    fn distortion(&self) -> f64 {
        self.parts.iter().filter(|(order, _)| *order > 1).map(|(_, part)| part * part).sum::<f64>().sqrt()
    }
}

impl Waveform<'_> {
    /// The spectrum of the currents at sample `from` as one `<svg>` element. `None` where all are pure sines, or none
    /// flows.
    pub(in crate::report) fn spectrum(&self, from: u64) -> Option<Markup> {
        let contents: Vec<Content> =
            Channel::ALL[3..].iter().filter_map(|channel| self.content(*channel, from)).collect();
        let bars = || {
            contents
                .iter()
                .flat_map(|content| &content.parts)
                .filter(|(order, part)| *order != 1 && *part >= LEAST)
        };
        let last = bars().map(|(order, _)| *order).max()?.max(ORDER_LEAST);
        let most = bars().fold(0.0_f64, |most, (_, part)| most.max(*part));
        let y = Axis { low: 0.0, high: most * 1.08, from: BOTTOM, to: TOP };
        // Order 1 has no bar, and its slot is left to direct current.
        let slot = (RIGHT - LEFT) / f64::from(last);
        let at = |order: u8| LEFT + slot * (f64::from(order.max(1)) - 0.5);
        let thick = (slot * 0.8 / contents.len() as f64).min(9.0);
        let size = format!("0 0 {WIDTH} {HEIGHT}");
        Some(html! {
            svg viewBox=(size) role="img" aria-label="Harmonics of the currents at the clamps" {
                (draw_grid(y, last, &at, bars().any(|(order, _)| *order == 0)))
                @for (place, content) in contents.iter().enumerate() {
                    @let shift = thick * (place as f64 - contents.len() as f64 / 2.0);
                    @for (order, part) in content.parts.iter().filter(|(order, part)| *order != 1 && *part >= LEAST) {
                        rect class={ "b s" (content.channel.line()) } x=(coordinate(at(*order) + shift)) width=(coordinate(thick))
                            y=(coordinate(y.at(*part))) height=(coordinate(BOTTOM - y.at(*part))) {}
                    }
                    (word(content.channel.line(), LEFT - 50.0 + 152.0 * place as f64, 14.0, "start", &said(content)))
                }
            }
        })
    }

    fn content(&self, channel: Channel, from: u64) -> Option<Content> {
        let segment = segment_at(&self.delivered, from as f64)?;
        let spectrum = sensor::content(segment, channel.line());
        let fundamental = spectrum.parts.iter().find(|(order, _)| *order == 1)?.1.norm();
        if fundamental <= 1e-9 {
            return None;
        }
        let per_cent = |amperes: f64| 100.0 * amperes / fundamental;
        let harmonics = spectrum.parts.iter().map(|(order, part)| (*order, per_cent(part.norm())));
        let parts = [(0, per_cent(spectrum.dc.abs()))].into_iter().chain(harmonics).collect();
        Some(Content { channel, fundamental, parts })
    }
}

/// Fundamental and distortion: `I1 10.00 A, 43.2 %`.
fn said(content: &Content) -> String {
    let decimals = if content.fundamental < 10.0 { 2 } else { 1 };
    format!(
        "{} {} A, {} %",
        name(content.channel),
        label(content.fundamental, decimals),
        label(content.distortion(), 1)
    )
}

fn draw_grid(y: Axis, last: u8, at: &dyn Fn(u8) -> f64, direct: bool) -> Markup {
    let (ticks, decimals) = y.ticks(4.0);
    // Labels need some 18 units each.
    let every =
        [1, 2, 5, 10].into_iter().find(|every| f64::from(*every) * (at(3) - at(2)) >= 18.0).unwrap_or(10);
    let labelled = |order: &u8| if every == 2 { order % 2 == 1 } else { order.is_multiple_of(every) };
    html! {
        g class="grid" {
            @for tick in &ticks {
                line x1=(LEFT) x2=(RIGHT) y1=(coordinate(y.at(*tick))) y2=(coordinate(y.at(*tick))) {}
                text x=(LEFT - 7.0) y=(coordinate(y.at(*tick) + 4.0)) text-anchor="end" { (label(*tick, decimals)) " %" }
            }
            @if direct { text x=(coordinate(at(1))) y=(BOTTOM + 18.0) text-anchor="middle" { "DC" } }
            @for order in (2..=last).filter(labelled) {
                text x=(coordinate(at(order))) y=(BOTTOM + 18.0) text-anchor="middle" { (order) }
            }
            line class="axis" x1=(LEFT) x2=(RIGHT) y1=(BOTTOM) y2=(BOTTOM) {}
            text x=(coordinate((LEFT + RIGHT) / 2.0)) y=(HEIGHT - 6.0) text-anchor="middle" { "order of the harmonic" }
        }
    }
}
