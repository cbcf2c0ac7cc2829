//! Everything a run writes, made from [`Results`] and the trials behind it: `junit.xml`, `summary.md` and
//! `report.html`.
//!
//! Rendering only. Nothing here judges, decodes, opens a file or asks for the time; the same input gives the
//! same text on every machine. What a reader needs and the results do not hold is passed in: the purpose and
//! source of a check ([`Purposes`]) and the meaning of a telegram's bytes ([`Explain`]).
//!
//! Text that came from a device is foreign text. It is escaped, its control and direction characters are made
//! visible, and it is cut where it is long (`text`). A report never loads anything from outside.
//!
//! | file | what |
//! |---|---|
//! | [`junit`](fn@junit) | for CI servers |
//! | [`summary`](fn@summary) | Markdown, one page |
//! | [`html`](fn@html) | one file for people; `html/` has one file per part of the page |
//! | [`merge`](fn@merge) | results of several runs become one |
//! | `plot` | values over time as SVG |
//! | [`waveform_svg`] | a waveform as SVG; `waveform/` has its two drawings |
//! | [`loop_svg`](fn@loop_svg) | a run of the balancing loop as SVG |
//! | `gauge` | an error against its limit as a bar |
//! | `grounds` | what an outcome rests on: bytes, and whether they are inferred |
//! | `timeline` | which claim is drawn beside which telegram |
//! | `text` | foreign text made harmless |

mod gauge;
mod grounds;
mod html;
mod junit;
mod loop_svg;
mod merge;
mod plot;
mod summary;
mod text;
mod timeline;
mod waveform;

pub use crate::explain::Annotated;
pub use html::html;
pub use junit::junit;
pub use loop_svg::loop_svg;
pub use merge::{labelled, merge, run_labels};
pub use plot::{Deviation, Mark, Plot, Series, Step};
pub use summary::summary;
pub use waveform::waveform_svg;

use crate::verdict::results::{Finding, Measure, Outcome, Results};
use crate::verdict::trial::Trial;
use crate::verdict::trials::evidence_path;
use crate::verdict::{Cause, Verdict};
use crate::verdict::{balance, ct, probe};
use serde_json::Value;
use std::collections::BTreeMap;

/// Purpose and source of a check, by its id: `("verify that …", "IEC 62056-46, 6.4.4")`.
/// `None` for an id that the list of checks does not hold.
pub type Purposes<'a> = &'a dyn Fn(&str) -> Option<(&'static str, &'static str)>;

/// What the bytes of a telegram mean, in order of their offsets. An empty answer shows the bytes alone.
pub type Explain<'a> = &'a dyn Fn(&[u8]) -> Vec<Annotated>;

/// The trials that an outcome rests on, as indices into `trials`, in the order the outcome names them.
fn trials_of(outcome: &Outcome, by_path: &BTreeMap<String, usize>) -> Vec<usize> {
    outcome.evidence.iter().filter_map(|path| by_path.get(path).copied()).collect()
}

/// Finds trials by the path of their evidence file.
fn index_trials(trials: &[Trial]) -> BTreeMap<String, usize> {
    let path = |trial: &Trial| evidence_path(&trial.stimulus.name);
    trials.iter().enumerate().map(|(index, trial)| (path(trial), index)).collect()
}

/// The meter family of an outcome: that of its first trial, else the folder of the capture, else `other`. Waveforms
/// come from no meter and are a family of their own; so are scenarios, in which the balancer is under test, and the debug
/// probe of the rig.
fn family_of(outcome: &Outcome, trials: &[Trial], by_path: &BTreeMap<String, usize>) -> String {
    match outcome.suite.as_str() {
        ct::SUITE => return "waveforms".to_string(),
        balance::SUITE => return "scenarios".to_string(),
        probe::SUITE => return "debug probe".to_string(),
        _ => {}
    }
    if let Some(&trial) = trials_of(outcome, by_path).first() {
        return trials[trial].stimulus.family.clone();
    }
    let mut folders = outcome.subject.split('/');
    match (folders.next(), folders.next(), folders.next()) {
        (Some("captures"), Some(family), Some(_)) => family.to_string(),
        _ => "other".to_string(),
    }
}

/// FAIL with cause `dut`: the only kind that counts against the device under test.
fn counts_against_dut(outcome: &Outcome) -> bool {
    outcome.verdict == Verdict::Fail && outcome.cause == Some(Cause::Dut)
}

/// What was noted beside an outcome and breaks no rule.
fn notes(outcome: &Outcome) -> impl Iterator<Item = &Finding> {
    outcome.findings.iter().filter(|finding| finding.weightless)
}

/// What a FAIL rests on.
fn deviations(outcome: &Outcome) -> Vec<&Finding> {
    outcome.findings.iter().filter(|finding| !finding.weightless).collect()
}

/// What came nearest to its limit.
fn nearest(outcome: &Outcome) -> Option<&Measure> {
    outcome.measures.iter().max_by(|a, b| a.part().total_cmp(&b.part()))
}

/// FAIL, ERROR and INCONCLUSIVE: what a reader must look at.
fn needs_attention(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Error | Verdict::Inconclusive)
}

/// All counts in one sentence.
fn counts_sentence(results: &Results) -> String {
    let total = |verdict| results.total(verdict);
    let (passed, failed) = (total(Verdict::Pass), total(Verdict::Fail));
    let (unclear, not_applicable) = (total(Verdict::Inconclusive), total(Verdict::NotApplicable));
    format!(
        "{passed} {} passed, {failed} failed, {unclear} {} inconclusive, {not_applicable} {} not applicable \
         and {} could not be carried out.",
        if passed == 1 { "check" } else { "checks" },
        if unclear == 1 { "was" } else { "were" },
        if not_applicable == 1 { "was" } else { "were" },
        total(Verdict::Error),
    )
}

/// What the run says as a whole, in a few words, and the verdict whose colour it wears.
///
/// Follows what counts against the device, not the exit code: a reader wants to know about the device first.
fn headline(results: &Results) -> (Verdict, String) {
    let failed = results.checks.iter().filter(|outcome| counts_against_dut(outcome)).count();
    let (errors, unclear) = (results.total(Verdict::Error), results.total(Verdict::Inconclusive));
    let other_fails = results.total(Verdict::Fail) - failed;
    let checks = |count: usize| if count == 1 { "1 check".to_string() } else { format!("{count} checks") };
    if failed > 0 {
        (Verdict::Fail, format!("The device failed {}", checks(failed)))
    } else if errors + other_fails > 0 {
        (Verdict::Error, format!("{} went wrong outside the device", checks(errors + other_fails)))
    } else if results.total(Verdict::Pass) == 0 {
        (Verdict::Inconclusive, "Nothing was proven".to_string())
    } else if unclear > 0 {
        (Verdict::Inconclusive, format!("No check failed, {} inconclusive", checks(unclear)))
    } else {
        (Verdict::Pass, "All judged checks passed".to_string())
    }
}

/// The command that repeats the run, narrowed to one outcome where `only` is given. A merged report has one for
/// each of its runs.
///
/// `run.command` is used where the caller stored it; else the command is built from rig and seed.
fn reproduce(results: &Results, only: Option<&Outcome>) -> String {
    let mut commands: Vec<String> = Vec::new();
    let mut add = |run: Option<&Value>, rig: &str, seed: u64| {
        let mut command = match run.and_then(|run| run.get("command")).and_then(Value::as_str) {
            Some(command) => command.to_string(),
            None if rig == "virtual" => format!("cargo xtask run --seed {seed}"),
            None => format!("cargo xtask run --rig rigs/{rig}.toml --seed {seed}"),
        };
        if let Some(outcome) = only {
            // What is narrowed to one check needs no other filter; a command takes one.
            command.truncate(command.find(" --filter ").unwrap_or(command.len()));
            command.push_str(&format!(" --filter '{}'", filter(outcome, rig)));
        }
        if !commands.contains(&command) {
            commands.push(command);
        }
    };
    match results.run.get("runs").and_then(Value::as_array) {
        Some(heads) => heads.iter().for_each(|head| {
            let rig = head.get("rig").and_then(Value::as_str).unwrap_or_default();
            add(head.get("run"), rig, head.get("seed").and_then(Value::as_u64).unwrap_or(results.seed));
        }),
        None => add(Some(&Value::Object(results.run.clone())), &results.rig, results.seed),
    }
    text::visible(&commands.join("; "), text::LINE_MAX)
}

/// A pattern for `--filter` that matches "id subject" of this outcome alone.
fn filter(outcome: &Outcome, rig: &str) -> String {
    // A merged report names the rig behind the subject; `run` knows nothing of that.
    let subject = outcome.subject.strip_suffix(&format!(" @ {rig}")).unwrap_or(&outcome.subject);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.#@ ".contains(letter);
    if subject.chars().all(plain) { format!("{} {subject}$", outcome.id) } else { outcome.id.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(verdicts: &[(Verdict, Option<Cause>)]) -> Results {
        let outcome = |(verdict, cause): &(Verdict, Option<Cause>)| Outcome {
            id: "han.value.exact".into(),
            suite: "decode".into(),
            subject: "captures/aidon/x.csv".into(),
            verdict: *verdict,
            cause: *cause,
            reason: None,
            attempts: 1,
            evidence: Vec::new(),
            capture_evidence: String::new(),
            rests_on: None,
            findings: Vec::new(),
            measures: Vec::new(),
        };
        Results {
            version: 1,
            run: serde_json::Map::new(),
            rig: "virtual".into(),
            dut: String::new(),
            seed: 1,
            totals: BTreeMap::new(),
            checks: verdicts.iter().map(outcome).collect(),
        }
    }

    #[test]
    fn only_a_fail_of_the_device_is_called_its_failure() {
        let pass = (Verdict::Pass, None);
        let line = |verdicts: &[_]| headline(&results(verdicts)).1;
        assert_eq!(line(&[pass, (Verdict::Fail, Some(Cause::Dut))]), "The device failed 1 check");
        assert_eq!(line(&[pass, (Verdict::Fail, Some(Cause::Rig))]), "1 check went wrong outside the device");
        assert_eq!(
            line(&[pass, (Verdict::Error, Some(Cause::Rig))]),
            "1 check went wrong outside the device"
        );
        assert_eq!(line(&[pass, (Verdict::Inconclusive, None)]), "No check failed, 1 check inconclusive");
        assert_eq!(line(&[pass, (Verdict::NotApplicable, None)]), "All judged checks passed");
    }

    #[test]
    fn a_run_without_a_pass_proves_nothing() {
        for verdicts in [&[][..], &[(Verdict::NotApplicable, None)], &[(Verdict::Inconclusive, None)]] {
            assert_eq!(
                headline(&results(verdicts)),
                (Verdict::Inconclusive, "Nothing was proven".to_string())
            );
        }
    }
}
