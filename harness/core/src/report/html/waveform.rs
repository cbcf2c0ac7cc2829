//! One section per waveform: what was played, how it looked at the clamps, error against limit, truth at three points.

use super::played::{clamps, events, loads, net, samples};
use super::{Page, badge, chips, counted, evidence_link, is_open, plain, table_head, trial_badge};
use crate::reading::Key;
use crate::report::gauge;
use crate::report::plot::label;
use crate::report::waveform::Waveform;
use crate::verdict::Verdict;
use crate::verdict::ct::{CtTrial, FOR_A_FITTER, device};
use crate::verdict::results::{Measure, Outcome};
use crate::verdict::trial::What;
use crate::verdict::trials::evidence_path;
use crate::wave::spec::Spec;
use crate::wave::truth::{Line, Truth};
use maud::{Markup, html};
use serde_json::{Map, Value};

/// All waveforms, the worst verdict first. `room` is what is left of the page's size.
pub(super) fn all(page: &Page<'_>, room: &mut usize) -> Markup {
    let sections = page.of_waveforms.worst_first(room, |at, in_full| section(page, at, in_full));
    html! {
        @if !sections.is_empty() { section #waveforms {
            h2 { "Waveforms" }
            p.muted {
                "One waveform is voltages and currents made by calculation, handed to the device as samples. "
                "What it claims is compared with what a perfect device behind perfect clamps would read where these "
                "clamps sit. Worst first; those that passed are folded."
            }
            @for section in &sections { (section) }
        } }
    }
}

fn section(page: &Page<'_>, at: usize, in_full: bool) -> Markup {
    let trial = &page.waveforms[at];
    let worst = page.of_waveforms.worst[at];
    let outcomes = page.outcomes(&page.of_waveforms.outcomes[at]);
    let nearest = nearest(&outcomes);
    let spec = Spec::parse(&trial.spec);
    html! {
        details.trial open[is_open(worst)] {
            summary {
                (trial_badge(worst))
                span.name { (plain(&trial.name)) }
                span.muted { @match nearest {
                    Some(one) => { code { (plain(&one.key)) } ": " (gauge::taken(one)) },
                    None => "nothing was measured against a limit",
                } }
            }
            div.anchor id={ "w" (at) } {}
            (facts(page, at, spec.as_ref().ok()))
            @match &spec {
                Ok(spec) if in_full => (drawings(trial, spec, nearest)),
                Ok(_) => p.note { "Drawings are left out here to keep this file small; the evidence file has the waveform." },
                Err(error) => p.note { "The waveform file cannot be read: " (plain(&error.to_string())) },
            }
            (measures(&outcomes))
        }
    }
}

/// The measure that takes most of its limit.
fn nearest<'a>(outcomes: &[&'a Outcome]) -> Option<&'a Measure> {
    let all = outcomes.iter().flat_map(|outcome| &outcome.measures);
    all.max_by(|a, b| a.part().total_cmp(&b.part()))
}

fn facts(page: &Page<'_>, at: usize, spec: Option<&Spec>) -> Markup {
    let trial = &page.waveforms[at];
    let comment = comment(&trial.spec);
    let device = spec.and_then(device::of);
    let clipped = trial.sent.as_ref().map_or(0, |sent| sent.clipped.iter().sum::<u64>());
    html! {
        dl.facts {
            dt { "Subject" } dd.path { (plain(&trial.subject)) }
            @if !comment.is_empty() { dt { "Played" } dd { b { (plain(&comment)) } } }
            @if let Some(spec) = spec {
                dt { "Grid" } dd { (plain(&net(spec))) }
                dt { "Loads" } dd { (plain(&loads(spec))) }
                @if !spec.events.is_empty() { dt { "Events" } dd { (plain(&events(spec))) } }
                dt { "Clamps" } dd { (plain(&clamps(spec))) }
                dt { "Samples" } dd {
                    (plain(&samples(spec)))
                    @if clipped > 0 { "; " (clipped) " stood at an end of the converter" }
                    @if trial.sent.is_none() { "; they were not handed over" }
                }
            }
            @if let Some(device) = device { dt { "Device" } dd { (device.name) ", " (device.about) } }
            dt { "Checks" } dd.checks { (chips(page, &page.of_waveforms.outcomes[at])) }
            @for outcome in page.outcomes(&page.of_waveforms.outcomes[at]) { (for_a_fitter(outcome)) }
            dt { "Evidence" } dd { (evidence_link(&evidence_path(&trial.name))) }
        }
    }
}

/// The lines of comment in front of the file, as one text.
fn comment(spec: &str) -> String {
    let lines = spec.lines().map_while(|line| line.trim_start().strip_prefix('#'));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// What whoever stands before the board is told. What the dongle passed is no good news for the site, so that the
/// sentences then stand without a verdict.
fn for_a_fitter(outcome: &Outcome) -> Markup {
    let said = outcome.reason.as_ref().or(outcome.rests_on.as_ref());
    let told = outcome.verdict == Verdict::Pass && !outcome.findings.is_empty();
    html! {
        @if FOR_A_FITTER.contains(&outcome.id.as_str()) && outcome.verdict != Verdict::NotApplicable {
            dt { "For the fitter" } dd {
                @if !told { (badge(outcome.verdict)) " " @if let Some(said) = said { (plain(said)) } }
                @match outcome.findings.as_slice() {
                    [one] if told => (plain(&one.text)),
                    all if told || said.is_none_or(|said| all.iter().any(|one| !said.contains(&one.text))) => {
                        ul { @for finding in all { li { (plain(&finding.text)) } } }
                    },
                    _ => {}
                }
            }
        }
    }
}

/// A stretch of the waveform that a reader should see, and the claim about it.
struct Moment<'a> {
    from: u64,
    to: u64,
    claim: Option<&'a Map<String, Value>>,
}

impl Moment<'_> {
    /// The window of the measure; the one in which the clamps hide most where they cannot do it; without a measure
    /// some cycles of the largest currents.
    fn of<'a>(
        trial: &'a CtTrial,
        spec: &Spec,
        waveform: &Waveform<'_>,
        nearest: Option<&Measure>,
    ) -> Moment<'a> {
        let rate = spec.waveform.rate;
        let claims = trial.events.iter().filter_map(|event| match &event.what {
            What::Claim { claim, .. } => Some(claim),
            _ => None,
        });
        let window = |claim: &'a Map<String, Value>| {
            let to = claim.get("samples").and_then(Value::as_u64)?;
            let length = rate.index(claim.get("window_s").and_then(Value::as_f64)?);
            let from = to.checked_sub(length).filter(|from| *from < to && to <= spec.waveform.samples())?;
            Some(Moment { from, to, claim: Some(claim) })
        };
        let mut windows = claims.filter_map(window);
        let hidden = |one: &Moment<'_>| waveform.hidden(one.from, one.to);
        let ends = nearest.map(|one| rate.index(one.t_s));
        let busiest = || {
            let (from, to) = waveform.cycles(waveform.busiest());
            Moment { from, to, claim: None }
        };
        let found = match spec.expect.beyond {
            Some(_) => windows.max_by(|one, other| hidden(one).total_cmp(&hidden(other))),
            None => windows.find(|window| Some(window.to) == ends),
        };
        found.unwrap_or_else(busiest)
    }
}

fn drawings(trial: &CtTrial, spec: &Spec, nearest: Option<&Measure>) -> Markup {
    let waveform = Waveform::of(spec);
    let moment = Moment::of(trial, spec, &waveform, nearest);
    let from = waveform.telling(moment.from, moment.to);
    let (curves, notes) = waveform.curves(from);
    let rate = spec.waveform.rate;
    let window =
        format!("{} to {} s", label(rate.seconds(moment.from), 2), label(rate.seconds(moment.to), 2));
    html! {
        p.small {
            @match nearest.filter(|_| moment.claim.is_some()) {
                _ if moment.claim.is_some() && spec.expect.beyond.is_some() => {
                    "Drawn from the window in which the clamps hide most, " (window) "."
                },
                Some(one) => {
                    "Drawn from the worst window, " (window) ": " code { (plain(&one.key)) } " takes " (gauge::taken(one)) "."
                },
                None => "Drawn where the clamps deliver most.",
            }
        }
        div.plots.waves {
            figure {
                figcaption {
                    b { "At the clamps" }
                    span.legend { @for note in &notes { span.key.muted { (note) } } }
                }
                (curves)
            }
            figure {
                @match waveform.spectrum(from) {
                    Some(spectrum) => { figcaption { b { "Currents at the clamps" } span.legend { span.key.muted { "above: fundamental and distortion; bars: per cent of the fundamental" } } } (spectrum) },
                    None => figcaption { b { "Currents at the clamps" } ": pure sines, no harmonics" },
                }
            }
        }
        (truths(spec, waveform.truths(moment.from, moment.to), moment.claim))
    }
}

/// A quantity of a line: name, unit, what is true of it, keys of a line in the claim (the second counts negative).
struct Quantity {
    name: &'static str,
    unit: &'static str,
    of: fn(&Line) -> Option<f64>,
    keys: fn(usize) -> (Key, Option<Key>),
}

const QUANTITIES: [Quantity; 4] = [
    Quantity {
        name: "voltage",
        unit: "V",
        of: |line| line.u.map(|u| u.rms),
        keys: |line| (Key::VOLTAGES[line], None),
    },
    Quantity {
        name: "current",
        unit: "A",
        of: |line| line.i.map(|i| i.rms),
        keys: |line| (Key::CURRENTS[line], None),
    },
    Quantity {
        name: "active power",
        unit: "W",
        of: |line| line.power.map(|power| power.p_w),
        keys: |line| (Key::ACTIVE[line][0], Some(Key::ACTIVE[line][1])),
    },
    Quantity {
        name: "reactive power",
        unit: "var",
        of: |line| line.power.map(|power| power.q1_var),
        keys: |line| (Key::REACTIVE[line][0], Some(Key::REACTIVE[line][1])),
    },
];

const TRUTH_COLUMNS: [&str; 6] =
    ["Quantity", "#In the cable", "#As wired", "#At the clamps", "#Claimed", "Unit"];

/// What is true at the three points, and what was claimed.
fn truths(spec: &Spec, truths: [Option<Truth>; 3], claim: Option<&Map<String, Value>>) -> Markup {
    let number = |key: Key| claim.and_then(|claim| claim.get(key.name())).and_then(Value::as_f64);
    let shown = |value: Option<f64>, unit: &str| {
        value.map_or_else(String::new, |value| gauge::number(value, if unit == "A" { 3 } else { 1 }))
    };
    let row = |line: usize, quantity: &Quantity| {
        let true_of =
            truths.each_ref().map(|truth| truth.as_ref().and_then(|truth| (quantity.of)(&truth.lines[line])));
        let (plus, minus) = (quantity.keys)(line);
        let claimed = number(plus).map(|plus| plus - minus.and_then(number).unwrap_or_default());
        html! {
            tr {
                td { "L" (line + 1) " " (quantity.name) }
                @for value in true_of { td.number { (shown(value, quantity.unit)) } }
                td.number { (shown(claimed, quantity.unit)) }
                td { (quantity.unit) }
            }
        }
    };
    let rows =
        QUANTITIES.iter().flat_map(|quantity| (0..spec.net.kind.lines()).map(move |line| (line, quantity)));
    let rows = rows.filter(|(line, quantity)| {
        truths[0].as_ref().is_some_and(|truth| (quantity.of)(&truth.lines[*line]).is_some())
    });
    html! {
        details {
            summary { "What was true there: in the cable, as wired, at the clamps" }
            p.note {
                "In the cable: what flows in the line. As wired: what a perfect clamp would deliver where this one sits; "
                "claims are judged by it. At the clamps: with their own errors."
            }
            div.scroll { table.narrow {
                (table_head(&TRUTH_COLUMNS))
                tbody { @for (line, quantity) in rows { (row(line, quantity)) } }
            } }
        }
    }
}

const MEASURE_COLUMNS: [&str; 8] =
    ["Key", "Error against limit", "#Claimed", "#True", "#Error", "#Limit ±", "#Left of limit", "#At"];

/// Every key against its limit.
fn measures(outcomes: &[&Outcome]) -> Markup {
    let all: Vec<&Measure> = outcomes.iter().flat_map(|outcome| &outcome.measures).collect();
    html! {
        @if !all.is_empty() {
            h4 { (counted(all.len(), "quantity").replace("quantitys", "quantities")) " against their limits" }
            p.note {
                "Of each key the window in which it came nearest to its limit. The bar is the error, from the middle; the lines "
                "on both sides are the limit, the whisker is the bench's own uncertainty (k = 2), and the shaded band the last tenth of the limit."
            }
            div.scroll { table.measures {
                (table_head(&MEASURE_COLUMNS))
                tbody { @for one in &all { (measure_row(one)) } }
            } }
        }
    }
}

fn measure_row(one: &Measure) -> Markup {
    let decimals = gauge::decimals(one.limit);
    html! {
        tr {
            td { code { (plain(&one.key)) } }
            td.gauge { (gauge::svg(one)) }
            td.number { (gauge::number(one.claimed, decimals)) }
            td.number { (gauge::number(one.truth, decimals)) }
            td.number { (gauge::number(one.error(), decimals)) }
            td.number { (gauge::number(one.limit, decimals)) }
            td.number { (gauge::left(one)) }
            td.number { (gauge::number(one.t_s, 1)) " s" }
        }
    }
}
