//! `summary.md`: the run on one page, in the Markdown that GitHub step summaries accept.

use super::grounds::{inferred, inferred_sentence};
use super::text::{markdown, markdown_code};
use super::{
    counts_against_dut, counts_sentence, family_of, gauge, headline, index_trials, nearest, needs_attention,
    notes, reproduce,
};
use crate::verdict::Verdict;
use crate::verdict::results::{Measure, Outcome, Results};
use crate::verdict::trial::Trial;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Rows of the table of failures. A step summary is cut off by GitHub above 1 MiB; 200 rows stay far below.
const ROWS_MAX: usize = 200;

/// The results as Markdown: the verdict in one sentence, what needs attention, counts, how to repeat the run.
///
/// `trials` are used for the meter family and the evidence level of a subject; without them the folder of the
/// capture is taken, and nothing is said to be inferred.
pub fn summary(results: &Results, trials: &[Trial]) -> String {
    let mut page = String::new();
    let by_path = index_trials(trials);
    let inferred: Vec<Option<String>> =
        results.checks.iter().map(|outcome| inferred(outcome, trials, &by_path)).collect();
    let against = results.checks.iter().filter(|outcome| counts_against_dut(outcome)).count();
    push(&mut page, &format!("**{}.**", headline(results).1));
    push(&mut page, &counts_sentence(results));
    let failed = results.total(Verdict::Fail);
    if failed > against {
        let others = failed - against;
        push(&mut page, &format!("{others} of the {failed} failures do not count against the device."));
    }
    if let Some(sentence) = inferred_sentence(results, &inferred) {
        push(&mut page, &sentence);
    }
    push(&mut page, "");
    attention(&mut page, results, &inferred);
    counts(&mut page, results, trials);
    margins(&mut page, results);
    not_published(&mut page, results, &inferred);
    noted(&mut page, results);
    not_applicable(&mut page, results);
    again(&mut page, results);
    page
}

fn push(page: &mut String, line: &str) {
    page.push_str(line);
    page.push('\n');
}

/// FAIL first, then ERROR, then INCONCLUSIVE.
fn attention(page: &mut String, results: &Results, inferred: &[Option<String>]) {
    let all = results.checks.iter().zip(inferred);
    let mut rows: Vec<(&Outcome, &Option<String>)> =
        all.filter(|(outcome, _)| needs_attention(outcome.verdict)).collect();
    if rows.is_empty() {
        return;
    }
    let rank = |verdict| match verdict {
        Verdict::Fail => 0,
        Verdict::Error => 1,
        _ => 2,
    };
    rows.sort_by_key(|(outcome, _)| rank(outcome.verdict));
    push(page, "## Failed, not carried out, inconclusive\n");
    push(page, "| verdict | cause | check | subject | reason |");
    push(page, "|---|---|---|---|---|");
    for (outcome, inferred) in rows.iter().take(ROWS_MAX) {
        let row = format!(
            "| {} | {} | {} | {} | {}{} |",
            outcome.verdict.word(),
            outcome.cause.map_or("", |cause| cause.word()),
            markdown_code(&outcome.id),
            markdown_code(&outcome.subject),
            markdown(outcome.reason.as_deref().unwrap_or("no reason was given")),
            inferred.as_ref().map_or_else(String::new, |note| format!(" ({})", markdown(note))),
        );
        push(page, &row);
    }
    push(page, "");
    if rows.len() > ROWS_MAX {
        push(
            page,
            &format!("{} more rows are in `report.html` and `results.json`.\n", rows.len() - ROWS_MAX),
        );
    }
}

/// Counts per family and suite.
fn counts(page: &mut String, results: &Results, trials: &[Trial]) {
    if results.checks.is_empty() {
        return;
    }
    let by_path = index_trials(trials);
    let mut cells: BTreeMap<(String, &str), BTreeMap<Verdict, usize>> = BTreeMap::new();
    for outcome in &results.checks {
        let family = family_of(outcome, trials, &by_path);
        let cell = cells.entry((family, outcome.suite.as_str())).or_default();
        *cell.entry(outcome.verdict).or_default() += 1;
    }
    push(page, "## By family and suite\n");
    push(page, "| family | suite | PASS | FAIL | INCONCLUSIVE | NOT_APPLICABLE | ERROR |");
    push(page, "|---|---|---:|---:|---:|---:|---:|");
    for ((family, suite), cell) in &cells {
        let mut row = format!("| {} | {} |", markdown(family), markdown(suite));
        for verdict in Verdict::ALL {
            // Writing into a String cannot fail.
            let _ = write!(row, " {} |", cell.get(&verdict).copied().unwrap_or(0));
        }
        push(page, &row);
    }
    push(page, "");
}

/// Of every check that measures what came nearest to its limit.
fn margins(page: &mut String, results: &Results) {
    let mut checks: BTreeMap<&str, (&Outcome, &Measure)> = BTreeMap::new();
    for outcome in &results.checks {
        let Some(one) = nearest(outcome) else { continue };
        let kept = checks.entry(&outcome.id).or_insert((outcome, one));
        if one.part() > kept.1.part() {
            *kept = (outcome, one);
        }
    }
    if checks.is_empty() {
        return;
    }
    push(page, "## Nearest to the limit\n");
    push(page, "| check | subject | key | error | limit | left of limit |");
    push(page, "|---|---|---|---:|---:|---:|");
    for (id, (outcome, one)) in checks {
        let decimals = gauge::decimals(one.limit);
        let row = format!(
            "| {} | {} | {} | {} | ±{} | {} |",
            markdown_code(id),
            markdown_code(&outcome.subject),
            markdown_code(&one.key),
            gauge::number(one.error(), decimals),
            gauge::number(one.limit, decimals),
            gauge::left(one),
        );
        push(page, &row);
    }
    push(page, "");
}

/// Every capture whose telegrams nobody has published: its results stand above among the others.
fn not_published(page: &mut String, results: &Results, inferred: &[Option<String>]) {
    let mut subjects: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for (outcome, note) in results.checks.iter().zip(inferred) {
        if let Some(note) = note {
            // Damaged variants, `captures/x.csv#fcs`, are of the same telegrams.
            let capture = outcome.subject.split('#').next().unwrap_or_default();
            subjects.entry(capture).or_insert((note, 0)).1 += 1;
        }
    }
    if subjects.is_empty() {
        return;
    }
    push(page, "## Inferred\n");
    for (subject, (note, count)) in subjects.iter().take(ROWS_MAX) {
        let checks = if *count == 1 { "check" } else { "checks" };
        push(page, &format!("- {}, {count} {checks}: {}", markdown_code(subject), markdown(note)));
    }
    if subjects.len() > ROWS_MAX {
        push(page, &format!("- {} more subjects are in `report.html`", subjects.len() - ROWS_MAX));
    }
    push(page, "");
}

/// What was noted and breaks no rule, such as keys that nobody knows.
fn noted(page: &mut String, results: &Results) {
    let mut texts: BTreeMap<&str, usize> = BTreeMap::new();
    for note in results.checks.iter().flat_map(notes) {
        *texts.entry(&note.text).or_default() += 1;
    }
    if texts.is_empty() {
        return;
    }
    push(page, "## Noted, and breaks no rule\n");
    for (text, count) in texts.iter().take(ROWS_MAX) {
        push(page, &format!("- {count} × {}", markdown(text)));
    }
    if texts.len() > ROWS_MAX {
        push(page, &format!("- {} more are in `results.json`", texts.len() - ROWS_MAX));
    }
    push(page, "");
}

/// Every reason for NOT_APPLICABLE with its count: what was not tested is never hidden.
fn not_applicable(page: &mut String, results: &Results) {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in results.checks.iter().filter(|outcome| outcome.verdict == Verdict::NotApplicable) {
        *reasons.entry(outcome.reason.as_deref().unwrap_or("no reason was given")).or_default() += 1;
    }
    if reasons.is_empty() {
        return;
    }
    push(page, "## Not applicable\n");
    for (reason, count) in reasons.iter().take(ROWS_MAX) {
        push(page, &format!("- {count} × {}", markdown(reason)));
    }
    if reasons.len() > ROWS_MAX {
        push(page, &format!("- {} more reasons are in `report.html`", reasons.len() - ROWS_MAX));
    }
    push(page, "");
}

fn again(page: &mut String, results: &Results) {
    push(page, "## How to repeat it\n");
    if !results.dut.is_empty() {
        push(page, &format!("Device under test: {}.", markdown(&results.dut)));
    }
    push(page, &format!("Rig: {}, seed {}.", markdown(&results.rig), results.seed));
    if let Some(commit) = results.run.get("commit").and_then(serde_json::Value::as_str) {
        push(page, &format!("Commit: {}.", markdown_code(commit)));
    }
    // Indented and not fenced: no text can end such a block.
    push(page, &format!("\n    {}", reproduce(results, None)));
}
