//! `junit.xml`: one test suite per suite, one test case per check and subject.

use super::{Purposes, deviations, gauge, grounds, index_trials, nearest, notes, text};
use crate::verdict::Verdict;
use crate::verdict::results::{Outcome, Results};
use crate::verdict::trial::Trial;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many findings of one outcome are written out; `results.json` has all.
const FINDINGS_MAX: usize = 20;

/// The results as JUnit XML.
///
/// FAIL is `failure`, ERROR is `error`, INCONCLUSIVE and NOT_APPLICABLE are `skipped`; the property `verdict`
/// keeps the exact word, because JUnit has no more than these. No clock is read: the only duration is
/// `run.duration_s`, where the results have one. `trials` tell which telegrams are inferred and how many bytes a
/// PASS rests on.
pub fn junit(results: &Results, trials: &[Trial], purposes: Purposes<'_>) -> String {
    let by_path = index_trials(trials);
    let mut report = Report::new("hanbench");
    if let Some(seconds) = results.run.get("duration_s").and_then(serde_json::Value::as_f64) {
        // A duration that is negative or too large is no duration and is left out.
        if let Ok(time) = Duration::try_from_secs_f64(seconds) {
            report.set_time(time);
        }
    }
    for name in suite_names(results) {
        let mut suite = TestSuite::new(text::visible(name, text::LINE_MAX));
        add_property(&mut suite.properties, "rig", &results.rig);
        add_property(&mut suite.properties, "dut", &results.dut);
        add_property(&mut suite.properties, "seed", &results.seed.to_string());
        if let Some(commit) = results.run.get("commit").and_then(serde_json::Value::as_str) {
            add_property(&mut suite.properties, "commit", commit);
        }
        for outcome in results.checks.iter().filter(|outcome| outcome.suite == name) {
            suite.add_test_case(test_case(outcome, (trials, &by_path), purposes));
        }
        report.add_test_suite(suite);
    }
    report.to_string().expect("quick-junit writes into memory and strips what XML does not allow")
}

/// The suites in the order they first appear.
fn suite_names(results: &Results) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for outcome in &results.checks {
        if !names.contains(&outcome.suite.as_str()) {
            names.push(&outcome.suite);
        }
    }
    names
}

fn test_case(
    outcome: &Outcome,
    (trials, by_path): (&[Trial], &BTreeMap<String, usize>),
    purposes: Purposes<'_>,
) -> TestCase {
    let inferred = grounds::inferred(outcome, trials, by_path);
    let name = text::visible(&format!("{} {}", outcome.id, outcome.subject), text::LINE_MAX);
    let mut case = TestCase::new(name, status(outcome, inferred.as_deref()));
    case.set_classname(text::visible(&format!("hanbench.{}", outcome.suite), text::LINE_MAX));
    add_property(&mut case.properties, "verdict", outcome.verdict.word());
    if let Some(cause) = outcome.cause {
        add_property(&mut case.properties, "cause", cause.word());
    }
    if let Some((purpose, source)) = purposes(&outcome.id) {
        add_property(&mut case.properties, "purpose", purpose);
        add_property(&mut case.properties, "source", source);
    }
    add_property(&mut case.properties, "attempts", &outcome.attempts.to_string());
    if let Some(rests_on) = grounds::rests_on(outcome, trials, by_path) {
        add_property(&mut case.properties, "rests_on", &rests_on);
    }
    if let Some(one) = nearest(outcome) {
        let value = format!("{}: {}", one.key, gauge::taken(one));
        add_property(&mut case.properties, "nearest_to_limit", &value);
    }
    if let Some(inferred) = &inferred {
        add_property(&mut case.properties, "evidence_level", inferred);
    }
    for note in notes(outcome).take(FINDINGS_MAX) {
        add_property(&mut case.properties, "note", &note.text);
    }
    for path in &outcome.evidence {
        add_property(&mut case.properties, "evidence", path);
    }
    case
}

fn add_property(properties: &mut Vec<Property>, name: &str, value: &str) {
    properties.push(Property::new(name, text::visible(value, text::LINE_MAX)));
}

fn status(outcome: &Outcome, inferred: Option<&str>) -> TestCaseStatus {
    let mut status = match outcome.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Inconclusive | Verdict::NotApplicable => TestCaseStatus::skipped(),
    };
    let reason = outcome.reason.as_deref().unwrap_or("no reason was given");
    let mut message = match outcome.verdict {
        // Many viewers show only the word "skipped", so the verdict leads.
        Verdict::Inconclusive | Verdict::NotApplicable => format!("{}: {reason}", outcome.verdict.word()),
        _ => reason.to_string(),
    };
    if let Some(inferred) = inferred {
        message.push_str(&format!(" ({inferred})"));
    }
    status.set_message(text::visible(&message, text::LINE_MAX));
    status.set_type(outcome.cause.map_or(outcome.verdict.word(), |cause| cause.word()));
    if !deviations(outcome).is_empty() {
        status.set_description(findings(outcome));
    }
    status
}

/// One line per finding.
fn findings(outcome: &Outcome) -> String {
    let mut lines: Vec<String> = Vec::new();
    let all = deviations(outcome);
    for finding in all.iter().take(FINDINGS_MAX) {
        let mut line = match finding.part {
            Some(part) => format!("part {part}: {}", finding.text),
            None => finding.text.clone(),
        };
        if let Some(key) = &finding.key {
            line.push_str(&format!(" [{key}]"));
        }
        if let Some(expected) = &finding.expected {
            line.push_str(&format!(" expected {expected}"));
        }
        if let Some(claimed) = &finding.claimed {
            line.push_str(&format!(" claimed {claimed}"));
        }
        lines.push(text::visible(&line, text::LINE_MAX));
    }
    if all.len() > FINDINGS_MAX {
        lines.push(format!("{} more in results.json", all.len() - FINDINGS_MAX));
    }
    lines.join("\n")
}
