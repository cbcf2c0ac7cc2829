//! A measure as a bar: the error as a part of its limit, with the uncertainty and the band of a marginal pass.

use super::plot::{coordinate, label};
use crate::verdict::ct::limits::{Call, Limit, MARGINAL};
use crate::verdict::results::Measure;
use maud::{Markup, html};

const WIDTH: f64 = 180.0;
const HEIGHT: f64 = 16.0;
/// Parts of the limit from the middle to an end; a bar beyond is cut and ends in a point.
const REACH: f64 = 1.5;
/// Numbers beyond this are written with an exponent.
const LONG: f64 = 1e9;

/// What the measure comes to.
pub(super) fn call(one: &Measure) -> Call {
    Limit { limit: one.limit, uncertainty: one.uncertainty }.call(one.error())
}

/// Its word and its class.
fn word(call: Call) -> (&'static str, &'static str) {
    match call {
        Call::Pass => ("within", "pass"),
        Call::Marginal => ("marginal", "inconclusive"),
        Call::Undecided => ("undecided", "inconclusive"),
        Call::Fail => ("beyond", "fail"),
    }
}

/// Decimals that show a hundredth of the limit, at most four.
pub(super) fn decimals(limit: f64) -> usize {
    if limit > 0.0 { (2.0 - limit.log10().floor()).clamp(0.0, 4.0) as usize } else { 3 }
}

/// A number for a table, short whatever it is.
pub(super) fn number(value: f64, decimals: usize) -> String {
    if value.abs() < LONG { label(value, decimals) } else { format!("{value:.2e}") }
}

/// `43 % of its limit, within`.
pub(super) fn taken(one: &Measure) -> String {
    let taken = 100.0 * one.part();
    let shown = if taken < 1000.0 { number(taken, 0) } else { "more than 1000".into() };
    format!("{shown} % of its limit, {}", word(call(one)).0)
}

/// What is left of the limit, `57 %, within`.
pub(super) fn left(one: &Measure) -> String {
    let left = 100.0 * (1.0 - one.part());
    // As where the truth is 0 and nothing at all is allowed.
    let shown = if left > -1000.0 { number(left, 0) } else { "below −1000".into() };
    format!("{shown} %, {}", word(call(one)).0)
}

/// The bar.
pub(super) fn svg(one: &Measure) -> Markup {
    let limit = one.limit.max(1e-12);
    let part = |value: f64| if value.is_finite() { (value / limit).clamp(-REACH, REACH) } else { REACH };
    let at = |part: f64| (part / REACH + 1.0) / 2.0 * WIDTH;
    let (error, middle) = (part(one.error()), HEIGHT / 2.0);
    let [low, high] = [part(one.error() - one.uncertainty), part(one.error() + one.uncertainty)].map(at);
    let (from, to) = (at(error.min(0.0)), at(error.max(0.0)));
    let band = at(1.0) - at(1.0 - MARGINAL);
    let bar = if error.abs() < REACH {
        format!("M{} 4V12H{}V4Z", coordinate(from), coordinate(to))
    } else {
        let (end, back) = (at(error), at(error - error.signum() * 0.08));
        format!(
            "M{} 4H{}L{} 8L{} 12H{}Z",
            at(0.0),
            coordinate(back),
            coordinate(end),
            coordinate(back),
            at(0.0)
        )
    };
    let size = format!("0 0 {WIDTH} {HEIGHT}");
    html! {
        svg viewBox=(size) width=(WIDTH) height=(HEIGHT) role="img" aria-label=(taken(one)) class=(word(call(one)).1) {
            @for side in [-1.0, 1.0 - MARGINAL] {
                rect class="band" x=(coordinate(at(side))) y="0" width=(coordinate(band)) height=(HEIGHT) {}
            }
            path class="ends" d={
                "M" (coordinate(at(-1.0))) " 0V" (HEIGHT) "M" (at(0.0)) " 0V" (HEIGHT) "M" (coordinate(at(1.0))) " 0V" (HEIGHT)
            } {}
            path class="bar" d=(bar) {}
            path class="whisker" d={ "M" (coordinate(low)) " " (middle) "H" (coordinate(high)) } {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(error: f64, uncertainty: f64) -> Measure {
        Measure {
            key: "current_l1_a".into(),
            t_s: 2.0,
            truth: 10.0,
            claimed: 10.0 + error,
            limit: 0.2,
            uncertainty,
        }
    }

    #[test]
    fn words_and_colour_follow_the_judge() {
        let said = |error| (left(&measure(error, 0.01)), word(call(&measure(error, 0.01))).1);
        assert_eq!(said(0.05), ("70 %, within".into(), "pass"));
        assert_eq!(said(-0.18), ("5 %, marginal".into(), "inconclusive"));
        assert_eq!(said(0.195), ("−2 %, undecided".into(), "inconclusive"));
        assert_eq!(said(0.4), ("−105 %, beyond".into(), "fail"));
    }

    #[test]
    fn a_bar_lies_on_the_side_of_its_error_and_never_leaves_the_drawing() {
        let bar = |error| svg(&measure(error, 0.01)).0;
        assert!(bar(0.1).contains("d=\"M90 4V12H120V4Z\""), "{}", bar(0.1));
        assert!(bar(-0.1).contains("d=\"M60 4V12H90V4Z\""), "{}", bar(-0.1));
        for odd in [5.0, -5.0, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let svg = bar(odd);
            assert!(!svg.contains("NaN\"") && !svg.contains("infM") && !svg.contains("MNaN"), "{svg}");
        }
    }
}
