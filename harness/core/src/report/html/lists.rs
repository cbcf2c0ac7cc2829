//! Everything else: every check with every subject, and what was not applicable with its reason.

use super::{Page, badge, class, counted, evidence_link, inferred_tag, noted, plain, table_head};
use crate::report::grounds::rests_on;
use crate::report::needs_attention;
use crate::verdict::Verdict;
use crate::verdict::results::Outcome;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Subjects listed per check, and checks listed per reason.
const ROWS_MAX: usize = 500;

/// All checks, folded, each with all its outcomes.
pub(super) fn checks(page: &Page<'_>) -> Markup {
    let mut of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, outcome) in page.results.checks.iter().enumerate() {
        of.entry(&outcome.id).or_default().push(index);
    }
    html! {
        section #checks {
            h2 { "All checks" }
            p.muted { "What a source such as “field bug H1” stands for is in docs/sources.md of hanbench." }
            @for (number, (id, _)) in page.checks.iter().enumerate() {
                (check(page, number, id, of.get(id).map_or(&[][..], Vec::as_slice)))
            }
        }
    }
}

fn check(page: &Page<'_>, number: usize, id: &str, outcomes: &[usize]) -> Markup {
    let all: Vec<&Outcome> = outcomes.iter().map(|&index| &page.results.checks[index]).collect();
    let count = |verdict| all.iter().filter(|outcome| outcome.verdict == verdict).count();
    let spec = (page.purposes)(id);
    html! {
        details.check {
            summary {
                code { (plain(id)) }
                span.counts { @for verdict in Verdict::ALL { @if count(verdict) > 0 {
                    span class={ "chip " (class(verdict)) } {
                        b { (count(verdict)) } " " (verdict.word().replace('_', " "))
                    } " "
                } } }
            }
            div.anchor id={ "c" (number) } {}
            @match spec {
                Some((purpose, source)) => p { (purpose) br; span.muted { "Source: " (source) } },
                None => p.muted { "The list of checks holds no purpose for this id." },
            }
            div.scroll { table {
                (table_head(&["Verdict", "Subject", "Rests on, or reason", "#Attempts", "Evidence"]))
                tbody { @for &index in outcomes.iter().take(ROWS_MAX) { (outcome_row(page, index)) } }
            } }
            @if outcomes.len() > ROWS_MAX {
                p.note { (counted(outcomes.len() - ROWS_MAX, "more subject")) " in results.json." }
            }
        }
    }
}

fn outcome_row(page: &Page<'_>, index: usize) -> Markup {
    let outcome = &page.results.checks[index];
    let said = outcome.reason.clone().or_else(|| rests_on(outcome, page.trials, &page.of_trials.by_path));
    html! {
        tr {
            td { @if needs_attention(outcome.verdict) {
                a.quiet href=(page.link(index)) { (badge(outcome.verdict)) }
            } @else { (badge(outcome.verdict)) } }
            td.path { (plain(&outcome.subject)) (inferred_tag(page.inferred[index].as_deref())) }
            td { @if let Some(said) = &said { (plain(said)) } @else { span.muted { "no reason was given" } }
                (noted(outcome)) }
            td.number { (outcome.attempts) }
            td { @for (number, path) in outcome.evidence.iter().enumerate() {
                @if number > 0 { ", " } (evidence_link(path))
            } }
        }
    }
}

/// NOT_APPLICABLE by reason.
pub(super) fn not_applicable(page: &Page<'_>) -> Markup {
    let mut reasons: BTreeMap<&str, Vec<(&Outcome, Option<&str>)>> = BTreeMap::new();
    let all = page.results.checks.iter().zip(&page.inferred);
    for (outcome, inferred) in all.filter(|(outcome, _)| outcome.verdict == Verdict::NotApplicable) {
        let reason = outcome.reason.as_deref().unwrap_or("no reason was given");
        reasons.entry(reason).or_default().push((outcome, inferred.as_deref()));
    }
    html! {
        section #not-applicable {
            h2 { "Not applicable" }
            @if reasons.is_empty() { p.muted { "Every check applied." } }
            @else { p.muted { "These were not judged, and nothing is claimed about them." } }
            @for (reason, outcomes) in &reasons {
                details.check open[outcomes.len() <= 12] {
                    summary {
                        span.reason { (plain(reason)) }
                        span.chip.na { b { (outcomes.len()) } " NOT APPLICABLE" }
                    }
                    ul.plain { @for (outcome, inferred) in outcomes.iter().take(ROWS_MAX) {
                        li {
                            code { (plain(&outcome.id)) } " " span.path.muted { (plain(&outcome.subject)) }
                            (inferred_tag(*inferred))
                        }
                    } }
                    @if outcomes.len() > ROWS_MAX {
                        p.note { (outcomes.len() - ROWS_MAX) " more in results.json." }
                    }
                }
            }
        }
    }
}
