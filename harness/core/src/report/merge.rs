//! Results of several runs (shards, rigs, attempts) become one.
//!
//! Evidence files of two runs may have the same name. So every run gets a label ([`run_labels`]) and a folder
//! of that name below `evidence/`, and whoever shows the trials gives them the same new name ([`labelled`]).
//! Nothing is judged anew.

use crate::verdict::results::{Outcome, RESULTS_VERSION, Results};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Longest part of a rig's name in a label, in characters.
const LABEL_MAX: usize = 40;

/// One label per run: its number and its rig, `1-virtual`. Unique, and a folder name on every file system.
pub fn run_labels<'a>(rigs: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let plain = |char: char| if char.is_ascii_alphanumeric() || "-_".contains(char) { char } else { '+' };
    let label = |(index, rig): (usize, &str)| {
        format!("{}-{}", index + 1, rig.chars().map(plain).take(LABEL_MAX).collect::<String>())
    };
    rigs.into_iter().enumerate().map(label).collect()
}

/// The name of a trial of the run with this label, in a merged report.
pub fn labelled(name: &str, label: &str) -> String {
    format!("{label}/{name}")
}

/// Merges runs in the order given and counts the totals anew. One run alone comes back unchanged.
///
/// - The same check on the same subject and evidence, on the same rig, is a further attempt: attempts add up,
///   the worse verdict stays with its cause, reason and findings, and the reason says that the attempts
///   differed. A pass never hides a failure.
/// - With more than one rig every subject gets ` @ <rig>`, so that two rigs never share a row.
/// - `run` holds the heads of all runs under `"runs"`; `rig` and `dut` name all of them, `seed` is the first's.
///
/// # Errors
///
/// No runs at all, or a run of a newer version than this program knows.
pub fn merge(runs: Vec<Results>) -> Result<Results, String> {
    if let Some(newer) = runs.iter().find(|run| run.version > RESULTS_VERSION) {
        return Err(format!(
            "results of rig {} have version {}, this program knows versions up to {RESULTS_VERSION}",
            newer.rig, newer.version
        ));
    }
    let labels = run_labels(runs.iter().map(|run| run.rig.as_str()));
    let duts: BTreeSet<String> =
        runs.iter().map(|run| run.dut.clone()).filter(|dut| !dut.is_empty()).collect();
    let rigs: BTreeSet<String> = runs.iter().map(|run| run.rig.clone()).collect();
    let heads: Vec<Value> = runs.iter().zip(&labels).map(|(run, label)| head(run, label)).collect();
    let mut runs = runs;
    if runs.len() == 1 {
        let mut only = runs.remove(0);
        only.count();
        return Ok(only);
    }
    let Some(first) = runs.first() else {
        return Err("there are no results to merge".to_string());
    };
    let mut merged = Results {
        version: RESULTS_VERSION,
        run: Map::from_iter([("runs".to_string(), Value::Array(heads))]),
        rig: rigs.iter().cloned().collect::<Vec<_>>().join("+"),
        dut: duts.into_iter().collect::<Vec<_>>().join(" + "),
        seed: first.seed,
        totals: BTreeMap::new(),
        checks: Vec::new(),
    };
    let mut seen: BTreeMap<(String, String, String, Vec<String>), usize> = BTreeMap::new();
    for (run, label) in runs.into_iter().zip(&labels) {
        let mut of_this_run = Vec::new();
        for mut outcome in run.checks {
            let key =
                (run.rig.clone(), outcome.id.clone(), outcome.subject.clone(), outcome.evidence.clone());
            outcome.evidence = outcome.evidence.iter().map(|path| labelled_path(path, label)).collect();
            match seen.get(&key) {
                Some(&at) => add_attempt(&mut merged.checks[at], outcome),
                None => {
                    if rigs.len() > 1 {
                        outcome.subject = format!("{} @ {}", outcome.subject, run.rig);
                    }
                    of_this_run.push((key, merged.checks.len()));
                    merged.checks.push(outcome);
                }
            }
        }
        // Only now: two outcomes of one run are never two attempts of each other.
        seen.extend(of_this_run);
    }
    merged.count();
    Ok(merged)
}

fn head(run: &Results, label: &str) -> Value {
    json!({"label": label, "rig": run.rig, "dut": run.dut, "seed": run.seed, "run": run.run})
}

/// An outcome without a trial has no path that could be moved.
fn labelled_path(path: &str, label: &str) -> String {
    match path.strip_prefix("evidence/") {
        Some(name) => format!("evidence/{}", labelled(name, label)),
        None => path.to_string(),
    }
}

/// Folds a further attempt into an outcome; the worse of the two leads.
fn add_attempt(kept: &mut Outcome, mut next: Outcome) {
    let attempts = kept.attempts.saturating_add(next.attempts);
    let differ = kept.verdict != next.verdict;
    let words = format!("{} and {}", kept.verdict.word(), next.verdict.word());
    if next.verdict > kept.verdict {
        next.subject.clone_from(&kept.subject);
        std::mem::swap(kept, &mut next);
    }
    // The leading attempt's evidence stays first: findings are about it.
    kept.evidence.append(&mut next.evidence);
    kept.attempts = attempts;
    if differ {
        kept.reason = Some(match kept.reason.take() {
            Some(reason) => format!("{reason} (attempts differed: {words})"),
            None => format!("attempts differed: {words}"),
        });
    }
}
