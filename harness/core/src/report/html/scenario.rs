//! One section per scenario of the balancing loop: what happened at the fuse, numbers, every check with its reason; and
//! all scenarios side by side in front of them.
//!
//! Curves and numbers are not stored: the run is repeated from its evidence, as for judging.

use super::{Page, badge, counted, evidence_link, is_open, plain, table_head, trial_badge};
use crate::balance::Grid;
use crate::report::loop_svg;
use crate::scenario::{Measured, Scenario};
use crate::sim::Heard;
use crate::verdict::Verdict;
use crate::verdict::balance::trial::{self, LoopTrial};
use crate::verdict::balance::{Judgement, Metrics};
use crate::verdict::results::Outcome;
use crate::verdict::trials::evidence_path;
use maud::{Markup, html};

/// Chargers whose own numbers are written out; a car park has hundreds.
const CHARGERS_MAX: usize = 12;
/// Tables of expectations quoted.
const EXPECTS_MAX: usize = 20;

/// A scenario as it was played, and what came of it; or why it cannot be repeated.
type Played = Result<(Scenario, Judgement), String>;

/// All scenarios, the worst verdict first. `room` is what is left of the page's size.
pub(super) fn all(page: &Page<'_>, room: &mut usize) -> Markup {
    if page.scenarios.is_empty() {
        return html! {};
    }
    let play = |trial: &LoopTrial| -> Played {
        let scenario = trial::scenario(trial)?;
        let judgement = trial::replay(trial, &scenario)?;
        Ok((scenario, judgement))
    };
    let played: Vec<Played> = page.scenarios.iter().map(play).collect();
    let table = overview(page, &played);
    let sections = page.of_scenarios.worst_first(room, |at, in_full| section(page, at, &played[at], in_full));
    html! {
        section #scenarios {
            h2 { "Scenarios of the balancing loop" }
            p.muted {
                "One scenario is a house with chargers and cars, in virtual time. The meter sends what the house draws as real "
                "telegrams, the dongle decodes them, the balancer sets limits, the cars follow with their delays, and "
                "the main fuse, computed from the true currents, is the judge. Worst first; those that passed are folded."
            }
            (table)
            @for section in &sections { (section) }
        }
    }
}

const COLUMNS: [&str; 8] = [
    "Verdict",
    "Scenario",
    "Heat of the fuse, 1 = blown",
    "#Over limit, A·s",
    "#Over limit, s",
    "#Charged, kWh",
    "#Starts",
    "#Limits changed",
];

/// All scenarios with the numbers that matter most.
fn overview(page: &Page<'_>, played: &[Played]) -> Markup {
    let mut order: Vec<usize> = (0..played.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(page.of_scenarios.worst[at]));
    html! {
        div.scroll { table.scenarios {
            (table_head(&COLUMNS))
            tbody { @for at in order {
                tr {
                    td { (trial_badge(page.of_scenarios.worst[at])) }
                    td.path { a href={ "#s" (at) } { (plain(&short(&page.scenarios[at]))) } }
                    @match &played[at] {
                        Ok((_, judgement)) => (numbers(&judgement.metrics)),
                        Err(what) => td colspan="6" { (plain(what)) },
                    }
                }
            } }
        } }
        p.note {
            "Heat: the largest part of the heat that blows the fuse, on its hottest line. Over limit: what flowed above a limit "
            "and is not the house's own. An overload by the house alone is no balancer's fault and may blow the fuse."
        }
    }
}

fn numbers(metrics: &Metrics) -> Markup {
    html! {
        td { (heat(metrics.fuse_heat_max)) }
        td.number { (format!("{:.1}", metrics.overload_a_s)) }
        td.number { (format!("{:.1}", metrics.overload_s)) }
        td.number { (format!("{:.2}", energy(metrics))) }
        td.number { (starts(metrics)) }
        td.number { (metrics.setpoint_changes) }
    }
}

/// The heat as a bar with its number; the bar ends where the fuse blows.
fn heat(part: f64) -> Markup {
    let width = format!("{:.1}", part.clamp(0.0, 1.0) * 90.0);
    let tone = if part >= 1.0 { "fail" } else { "pass" };
    html! { span class={ "heat " (tone) } {
        svg viewBox="0 0 90 8" aria-hidden="true" {
            rect class="all" width="90" height="8" rx="2" {}
            rect class="part" width=(width) height="8" rx="2" {}
        }
        b { (format!("{part:.2}")) }
    } }
}

fn energy(metrics: &Metrics) -> f64 {
    metrics.energy_kwh.iter().map(|(_, kwh)| kwh).sum()
}

fn starts(metrics: &Metrics) -> u64 {
    metrics.starts.iter().map(|(_, starts)| starts).sum()
}

/// The name of the scenario itself.
fn short(trial: &LoopTrial) -> String {
    // In a merged report the label of the run stands in front.
    trial.name.replacen("balance-", "", 1)
}

fn section(page: &Page<'_>, at: usize, played: &Played, in_full: bool) -> Markup {
    let trial = &page.scenarios[at];
    let worst = page.of_scenarios.worst[at];
    let outcomes = page.outcomes(&page.of_scenarios.outcomes[at]);
    html! {
        details.trial open[is_open(worst)] {
            summary {
                (trial_badge(worst))
                span.name { (plain(&short(trial))) }
                span.muted { @match played {
                    Ok((_, judgement)) => {
                        "heat " (format!("{:.2}", judgement.metrics.fuse_heat_max)) ", "
                        (format!("{:.2}", energy(&judgement.metrics))) " kWh"
                    },
                    Err(_) => "cannot be repeated",
                } }
            }
            div.anchor id={ "s" (at) } {}
            (facts(trial, played))
            @match played {
                Ok((scenario, judgement)) if in_full => {
                    div.loop {
                        figure { (loop_svg::drawing(scenario, &judgement.series)) }
                        (metrics(&judgement.metrics))
                    }
                    (happened(judgement))
                },
                Ok(_) => p.note { "The drawing is left out here to keep this file small; the evidence file makes it again." },
                Err(_) => {},
            }
            (checks(page, &outcomes))
        }
    }
}

fn facts(trial: &LoopTrial, played: &Played) -> Markup {
    html! {
        dl.facts {
            @match played {
                Ok((scenario, _)) => {
                    dt { "Shown" } dd { b { (plain(&scenario.about)) } }
                    dt { "Source" } dd { (plain(&scenario.source)) }
                    dt { "House" } dd { (plain(&house(scenario))) }
                    dt { "Measured" } dd { (plain(&measured(scenario))) }
                    (expected(trial, scenario))
                },
                Err(what) => { dt { "Repeated" } dd { (plain(what)) } },
            }
            dt { "Balancer" } dd { code { (plain(&trial.balancer)) }
                @if let Some(answers) = &trial.run.answers {
                    ", a program: " (counted(usize::try_from(answers.batches).unwrap_or(usize::MAX), "answer"))
                    ", " (answers.lines.len()) " with commands"
                }
            }
            @if let Some(heard) = &trial.run.heard {
                dt { "Dongle" } dd { (plain(&on_a_line(heard))) }
            }
            @if !trial.twins.is_empty() {
                dt { "Twins" } dd {
                    @for (number, twin) in trial.twins.iter().enumerate() {
                        @if number > 0 { br; }
                        "with " (plain(&twin.with)) ": trace " code { (plain(&twin.run.trace_hash)) }
                    }
                }
            }
            dt { "Seed" } dd { (trial.seed) ", trace " code { (plain(&trial.run.trace_hash)) } }
            dt { "Subject" } dd.path { (plain(&trial.subject)) }
            dt { "Evidence" } dd { (evidence_link(&evidence_path(&trial.name))) }
        }
    }
}

/// What the DUT made of the telegrams, where it was the dongle.
fn on_a_line(heard: &[Heard]) -> String {
    let claims = heard.iter().flat_map(|heard| &heard.claims);
    let slowest = claims.clone().map(|(delay_ms, _)| *delay_ms).max();
    let slowest = slowest.map_or(String::new(), |ms| format!(", the slowest {ms} ms behind its telegram"));
    format!(
        "the DUT of the rig, on its line: {}, {}{slowest}",
        counted(heard.len(), "telegram"),
        counted(claims.count(), "claim"),
    )
}

/// Supply, chargers, cars, and how long it runs.
fn house(scenario: &Scenario) -> String {
    let rated = scenario.circuits.first().and_then(|main| main.fuse).map(|fuse| fuse.rated_ma());
    let fuse = rated.map_or("no main fuse".into(), |ma| format!("main fuse {} A", ma as f64 / 1000.0));
    let circuits = match scenario.circuits.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(", {} behind it", counted(more, "circuit")),
    };
    format!(
        "{}, {} V, {fuse}{circuits}; {}, {}; simulated for {}",
        supply(scenario.grid),
        scenario.volts,
        counted(scenario.chargers.len(), "charger"),
        counted(scenario.cars.len(), "car"),
        duration(scenario.duration_ms)
    )
}

fn supply(grid: Grid) -> &'static str {
    match grid {
        Grid::Tn1 => "one phase and neutral (TN)",
        Grid::Tn3 => "three phases and neutral (TN)",
        Grid::It1 => "two lines without neutral (IT)",
        Grid::It3 => "three lines without neutral (IT)",
        Grid::Tt3 => "three lines without neutral (TT)",
    }
}

fn duration(ms: u64) -> String {
    let minutes = ms as f64 / 60_000.0;
    if minutes < 120.0 { format!("{minutes} min") } else { format!("{:.1} h", minutes / 60.0) }
}

fn measured(scenario: &Scenario) -> String {
    let (num, den) = scenario.meter.ratio.fraction();
    let ratio =
        if (num, den) == (1, 1) { String::new() } else { format!(", behind transformers × {num}/{den}") };
    match &scenario.meter.measured {
        Measured::Han(profile) => format!("by a meter {}{ratio}, its telegrams byte for byte", profile.name),
        Measured::Clamps(clamps) => {
            format!("by a dongle with clamps, every {} s{ratio}", clamps.every_ms as f64 / 1000.0)
        }
    }
}

/// What the scenario expects of its own, as its file says it.
fn expected(trial: &LoopTrial, scenario: &Scenario) -> Markup {
    let quote = |line: usize| {
        let lines = trial.scenario.lines().skip(line.saturating_sub(1));
        let lines = lines.skip_while(|text| text.trim_start().starts_with("[["));
        let keys = lines.map(str::trim).take_while(|text| !text.is_empty() && !text.starts_with('['));
        keys.filter(|text| !text.starts_with('#')).collect::<Vec<_>>().join(", ")
    };
    let more = scenario.expects.len().saturating_sub(EXPECTS_MAX);
    html! {
        @if !scenario.expects.is_empty() {
            dt { "Expected" } dd {
                @for (number, expect) in scenario.expects.iter().take(EXPECTS_MAX).enumerate() {
                    @if number > 0 { br; }
                    code { (plain(&quote(expect.line))) }
                }
                @if more > 0 { br; (more) " more in the evidence file" }
            }
        }
    }
}

/// Events and alarms, in order of time.
fn happened(judgement: &Judgement) -> Markup {
    let marks = &judgement.series.marks;
    html! {
        @if !marks.is_empty() { details {
            summary { "Events and alarms (" (marks.len()) ")" }
            div.scroll { table.output { tbody { @for (t_ms, text) in marks {
                tr { td.number { (format!("{:.1}\u{a0}s", *t_ms as f64 / 1000.0)) } td { (plain(text)) } }
            } } } }
        } }
    }
}

/// Every number of the run, in words.
fn metrics(metrics: &Metrics) -> Markup {
    let percent = |part: f64| format!("{:.1} %", part * 100.0);
    let mut rows = vec![
        ("Heat of the fuse, 1 = blown", format!("{:.3}", metrics.fuse_heat_max)),
        (
            "Over a limit, not by the house",
            format!("{:.1} A·s, {:.1} s", metrics.overload_a_s, metrics.overload_s),
        ),
        ("Charged", format!("{:.2} kWh", energy(metrics))),
        ("Starts of contactors", starts(metrics).to_string()),
        ("Changes of limits", metrics.setpoint_changes.to_string()),
    ];
    let mut known = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
    known("Part of the energy there was room for", metrics.energy_part.map(percent));
    known("Room left at a settled moment, at most", metrics.gap.map(percent));
    known("Difference among equals, at most", metrics.min_fair_a.map(|amperes| format!("{amperes:.1} A")));
    known("Jain index among equals, at least", metrics.jain.map(|index| format!("{index:.3}")));
    known(
        "Until nine tenths of an overload were gone",
        metrics.t90_down_s.map(|seconds| format!("{seconds:.1} s")),
    );
    let each = metrics.energy_kwh.iter().zip(&metrics.starts).take(CHARGERS_MAX);
    let more = metrics.energy_kwh.len().saturating_sub(CHARGERS_MAX);
    html! {
        div {
            table { tbody {
                @for (name, value) in &rows { tr { th scope="row" { (name) } td.number { (value) } } }
                @if metrics.energy_kwh.len() > 1 { @for ((name, kwh), (_, starts)) in each {
                    tr {
                        th scope="row" { code { (plain(name)) } }
                        td.number { (format!("{kwh:.2} kWh, ")) (counted(usize::try_from(*starts).unwrap_or(usize::MAX), "start")) }
                    }
                } }
            } }
            @if more > 0 { p.note { (counted(more, "more charger")) " not listed here." } }
        }
    }
}

/// Every check: those that were judged in a table, the others behind a line.
fn checks(page: &Page<'_>, outcomes: &[&Outcome]) -> Markup {
    let (idle, judged): (Vec<&Outcome>, Vec<&Outcome>) =
        outcomes.iter().copied().partition(|outcome| outcome.verdict == Verdict::NotApplicable);
    let row = |outcome: &Outcome| {
        let said = outcome.reason.as_ref().or(outcome.rests_on.as_ref());
        html! {
            tr {
                td { (badge(outcome.verdict)) }
                td { a href=(page.check_link(&outcome.id)) { code { @for piece in plain(&outcome.id).split_inclusive('.') { (piece) wbr; } } } }
                td { @if let Some(said) = said { (plain(said)) } }
            }
        }
    };
    let table = |rows: &[&Outcome]| {
        html! { div.scroll { table { (table_head(&["Verdict", "Check", "Reason, or what it rests on"]))
        tbody { @for outcome in rows { (row(outcome)) } } } } }
    };
    html! {
        @if !judged.is_empty() { h4 { (counted(judged.len(), "check")) " judged" } (table(&judged)) }
        @if !idle.is_empty() { details {
            summary { (counted(idle.len(), "check")) " not applicable here" }
            (table(&idle))
        } }
    }
}
