//! Top of the page: the verdict, how to read it, what was tested; and the run data at its end.

use super::{Page, attention_order, badge, class, counted, plain, table_head};
use crate::report::{
    counts_against_dut, counts_sentence, grounds, headline, needs_attention, reproduce, text,
};
use crate::verdict::Verdict;
use crate::verdict::trial::{Part, Trial};
use maud::{Markup, html};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Title, verdict in one sentence, totals, contents.
pub(super) fn top(page: &Page<'_>) -> Markup {
    let results = page.results;
    let (verdict, line) = headline(results);
    let failed = results.total(Verdict::Fail);
    let against = results.checks.iter().filter(|outcome| counts_against_dut(outcome)).count();
    let attention = results.checks.iter().filter(|outcome| needs_attention(outcome.verdict)).count();
    html! {
        header {
            p.eyebrow { "hanbench test report" }
            h1 { @if results.dut.is_empty() { "Device under test" } @else { (plain(&results.dut)) } }
            p.muted {
                "Rig " b { (plain(&results.rig)) } ", seed " b { (results.seed) }
                @if let Some(Value::String(started)) = results.run.get("started") {
                    ", started " b { (plain(started)) }
                }
            }
        }
        section class={ "banner " (class(verdict)) } aria-label="Verdict" {
            h2 { (line) }
            p {
                (counts_sentence(results))
                @if failed > against {
                    " " (failed - against) " of the " (failed) " failures do not count against the device."
                }
                @if let Some(sentence) = grounds::inferred_sentence(results, &page.inferred) { " " (sentence) }
            }
            ul.totals {
                @for verdict in Verdict::ALL {
                    li class=(class(verdict)) {
                        b { (results.total(verdict)) } span { (verdict.word().replace('_', " ")) }
                    }
                }
            }
        }
        (digest(page))
        nav aria-label="Contents" {
            @if attention > 0 { a href="#attention" { "What needs attention (" (attention) ")" } }
            a href="#tested" { "What was tested" }
            a href="#matrix" { "Matrix" }
            @if page.shows_trials() { a href="#trials" { "Trials" } }
            @if !page.waveforms.is_empty() { a href="#waveforms" { "Waveforms" } }
            @if !page.scenarios.is_empty() { a href="#scenarios" { "Scenarios" } }
            a href="#checks" { "All checks" }
            a href="#not-applicable" { "Not applicable" }
            a href="#run" { "Run data" }
        }
    }
}

/// Most lines of the digest.
const DIGEST_MAX: usize = 10;

/// What did not pass, one line per check and verdict with the first reason: on how many subjects, and where to
/// read on. One reason that stopped many checks is one line.
fn digest(page: &Page<'_>) -> Markup {
    let mut lines: Vec<(usize, usize, BTreeSet<&str>)> = Vec::new();
    for at in attention_order(page) {
        let one = &page.results.checks[at];
        let same = |first: usize| {
            let first = &page.results.checks[first];
            let stopped = one.verdict != Verdict::Fail && one.reason == first.reason;
            one.verdict == first.verdict && (one.id == first.id || stopped)
        };
        match lines.iter_mut().find(|(first, ..)| same(*first)) {
            Some((_, count, ids)) => {
                *count += 1;
                ids.insert(&one.id);
            }
            None => lines.push((at, 1, BTreeSet::from([one.id.as_str()]))),
        }
    }
    html! {
        @if !lines.is_empty() {
            ul.digest aria-label="What did not pass" {
                @for (first, count, ids) in lines.iter().take(DIGEST_MAX) {
                    @let outcome = &page.results.checks[*first];
                    li {
                        (badge(outcome.verdict)) " " a href=(page.link(*first)) { code { (plain(&outcome.id)) } }
                        span.muted {
                            @if ids.len() > 1 {
                                " and " (counted(ids.len() - 1, "more check")) ", " (count) " times: "
                            } @else { " on " (counted(*count, "subject")) ": " }
                        }
                        (plain(outcome.reason.as_deref().unwrap_or("no reason was given")))
                        @if *count > 1 { span.muted { " (" (plain(&outcome.subject)) ")" } }
                    }
                }
                @if lines.len() > DIGEST_MAX {
                    li.muted { (counted(lines.len() - DIGEST_MAX, "more check")) " below." }
                }
            }
        }
    }
}

/// The five verdicts and the causes, for somebody who has never seen such a report.
pub(super) fn how_to_read() -> Markup {
    html! {
        section.read aria-label="How to read it" {
            dl {
                dt { (badge(Verdict::Pass)) } dd { "Evidence was seen and all of it was right." }
                dt { (badge(Verdict::Fail)) } dd { "Evidence was seen that breaks the rule." }
                dt { (badge(Verdict::Inconclusive)) }
                dd { "Nothing wrong can be shown, but the purpose was not met." }
                dt { (badge(Verdict::NotApplicable)) } dd { "The rig or the device lacks what the check needs." }
                dt { (badge(Verdict::Error)) } dd { "The check could not be carried out." }
            }
            p {
                "A check is judged once for every subject, a capture of a meter's telegrams, a waveform or a scenario, "
                "and counted as often. "
                "Beside the verdict stands the cause: " b { "dut" } " (the device under test), " b { "rig" }
                " (ports, cables, power), " b { "harness" } " (hanbench itself), " b { "config" }
                " (a file the user wrote) or " b { "timeout" }
                " (something did not happen in time, and it is not known why). "
                b { "Only FAIL with cause dut counts against the device." }
            }
        }
    }
}

/// Run data that a reader looks for first.
const RUN_FACTS: [(&str, &str); 4] =
    [("host", "Host"), ("commit", "Commit"), ("started", "Started"), ("duration_s", "Duration, s")];

/// A longer table would push what failed off the first pages.
const SUBJECTS_OPEN: usize = 12;

const SUBJECT_COLUMNS: [&str; 8] =
    ["Subject", "Family", "Evidence", "Source", "#Trials", "#Telegrams", "#Damaged", "Worst verdict"];

/// The subjects with their evidence levels.
pub(super) fn what_was_tested(page: &Page<'_>) -> Markup {
    let mut families: Vec<&str> = page.trials.iter().map(|trial| trial.stimulus.family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    let subjects = subjects(page);
    let telegrams: usize = page.trials.iter().map(|trial| telegram_counts(trial).0).sum();
    html! {
        section #tested {
            h2 { "What was tested" }
            dl.facts {
                dt { "Device under test" }
                dd { @if page.results.dut.is_empty() { "not described" } @else { (plain(&page.results.dut)) } }
                dt { "Rig" } dd { (plain(&page.results.rig)) }
                @for (name, label) in RUN_FACTS {
                    @if let Some(value) = page.results.run.get(name) {
                        dt { (label) } dd { (plain(&value_text(value))) }
                    }
                }
                dt { "Seed" } dd { (page.results.seed) }
                @if page.shows_trials() {
                    dt { "Meter families" }
                    dd { @if families.is_empty() { "none" } @else { (plain(&families.join(", "))) } }
                    dt { "Played in" } dd {
                        (counted(telegrams, "telegram")) " in " (counted(page.trials.len(), "trial"))
                        " made from " (counted(subjects.len(), "subject"))
                    }
                }
                @if !page.waveforms.is_empty() {
                    dt { "Played in as samples" } dd { (counted(page.waveforms.len(), "waveform")) }
                }
                @if !page.scenarios.is_empty() {
                    dt { "Run in the balancing loop" } dd { (counted(page.scenarios.len(), "scenario")) }
                }
                dt { "Repeat the run" } dd { code { (reproduce(page.results, None)) } }
            }
            @if !subjects.is_empty() {
                p.muted {
                    "Evidence level of a capture: " b { "recorded" } " from a real meter; " b { "rebuilt" }
                    " from published values, with meter ids replaced; " b { "inferred" }
                    " from documents, no meter was at hand."
                }
                details open[subjects.len() <= SUBJECTS_OPEN] {
                    summary { "All " (counted(subjects.len(), "subject")) " with source and evidence level" }
                    div.scroll { table {
                        (table_head(&SUBJECT_COLUMNS))
                        tbody { @for (subject, trials) in &subjects { (subject_row(page, subject, trials)) } }
                    } }
                }
            }
        }
    }
}

/// Subjects in the order of the trials, each with its trials.
fn subjects<'a>(page: &Page<'a>) -> Vec<(&'a str, Vec<usize>)> {
    let mut order: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, trial) in page.trials.iter().enumerate() {
        let subject = trial.stimulus.subject.as_str();
        let at = *known.entry(subject).or_insert_with(|| {
            order.push((subject, Vec::new()));
            order.len() - 1
        });
        order[at].1.push(index);
    }
    order
}

fn subject_row(page: &Page<'_>, subject: &str, trials: &[usize]) -> Markup {
    let stimulus = trials.first().map(|&first| &page.trials[first].stimulus);
    let counts = trials.iter().map(|&trial| telegram_counts(&page.trials[trial]));
    let (telegrams, damaged) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let worst = trials.iter().filter_map(|&trial| page.of_trials.worst[trial].map(|worst| (worst, trial)));
    // The first of the worst trials is the one a reader wants to open.
    let worst = worst.fold(None, |best: Option<(Verdict, usize)>, one| match best {
        Some(best) if best.0 >= one.0 => Some(best),
        _ => Some(one),
    });
    html! {
        tr {
            td.path { (plain(subject)) }
            @if let Some(stimulus) = stimulus {
                td { (plain(&stimulus.family)) }
                td { (plain(&stimulus.evidence)) }
                td.source { (plain(&stimulus.source)) }
            } @else { td {} td {} td {} }
            td.number { (trials.len()) } td.number { (telegrams) } td.number { (damaged) }
            td { @match worst {
                Some((verdict, trial)) => a.quiet href={ "#t" (trial) } { (badge(verdict)) },
                None => "not judged",
            } }
        }
    }
}

/// Telegrams of a trial, and how many of them are damaged.
pub(super) fn telegram_counts(trial: &Trial) -> (usize, usize) {
    let telegrams = trial.stimulus.parts.iter().filter_map(|part| match part {
        Part::Telegram(telegram) => Some(telegram),
        Part::Noise { .. } | Part::Silence { .. } | Part::Ratio { .. } => None,
    });
    telegrams.fold((0, 0), |(all, damaged), one| (all + 1, damaged + usize::from(one.damage.is_some())))
}

/// Everything the run noted about itself.
pub(super) fn run_data(page: &Page<'_>) -> Markup {
    let mut rows = Vec::new();
    for (name, value) in &page.results.run {
        flatten(name, value, 0, &mut rows);
    }
    html! {
        section #run {
            h2 { "Run data" }
            @if rows.is_empty() { p.muted { "The run noted nothing about itself." } }
            @else {
                p.muted {
                    "What may differ from run to run. "
                    "The same seed and inputs on a virtual rig give the same results otherwise."
                }
                div.scroll { table.narrow {
                    tbody { @for (name, value) in &rows {
                        tr { th scope="row" { (plain(name)) } td { (plain(value)) } }
                    } }
                } }
            }
        }
    }
}

/// Most rows of run data shown.
const RUN_ROWS_MAX: usize = 500;

/// `pacing.p50_us` and the like; deep or endless structures are printed as they are.
fn flatten(name: &str, value: &Value, depth: usize, rows: &mut Vec<(String, String)>) {
    if rows.len() >= RUN_ROWS_MAX {
        return;
    }
    match value {
        Value::Object(object) if depth < 4 && !object.is_empty() => {
            for (inner, value) in object {
                flatten(&format!("{name}.{inner}"), value, depth + 1, rows);
            }
        }
        Value::Array(list) if depth < 4 && list.iter().any(Value::is_object) => {
            for (number, value) in list.iter().enumerate() {
                flatten(&format!("{name}.{number}"), value, depth + 1, rows);
            }
        }
        _ => rows.push((text::visible(name, text::LINE_MAX), value_text(value))),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(value_text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
