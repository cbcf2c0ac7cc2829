//! What an outcome rests on: how many bytes were played in, and whether anybody has seen such telegrams.

use super::trials_of;
use crate::verdict::Verdict;
use crate::verdict::results::{Outcome, Results};
use crate::verdict::trial::{Part, Trial, What};
use std::collections::BTreeMap;

/// What the judge says a PASS rests on, with the bytes that were played in.
pub(super) fn rests_on(
    outcome: &Outcome,
    trials: &[Trial],
    by_path: &BTreeMap<String, usize>,
) -> Option<String> {
    let words = outcome.rests_on.as_ref()?;
    let played: usize = trials_of(outcome, by_path).into_iter().map(|trial| bytes_sent(&trials[trial])).sum();
    if played == 0 || words.contains(" bytes") {
        return Some(words.clone());
    }
    Some(format!("{words}; {played} bytes played in"))
}

fn bytes_sent(trial: &Trial) -> usize {
    let sent = trial.events.iter().filter_map(|event| match event.what {
        What::Sent { index, .. } => trial.stimulus.parts.get(index),
        _ => None,
    });
    let len = |part: &Part| match part {
        Part::Telegram(telegram) => telegram.bytes.len(),
        Part::Noise { bytes, .. } => bytes.len(),
        Part::Silence { .. } | Part::Ratio { .. } => 0,
    };
    sent.map(len).sum()
}

/// In plain words that the telegrams of a trial are `inferred` (contract, section 6), and from what.
pub(super) fn inferred_trial(trial: &Trial) -> Option<String> {
    let stimulus = &trial.stimulus;
    (stimulus.evidence == "inferred").then(|| format!("inferred: no published telegram; {}", stimulus.source))
}

/// The same of an outcome: said where one of its trials, or its capture, is inferred.
pub(super) fn inferred(
    outcome: &Outcome,
    trials: &[Trial],
    by_path: &BTreeMap<String, usize>,
) -> Option<String> {
    let known = trials_of(outcome, by_path).into_iter().find_map(|trial| inferred_trial(&trials[trial]));
    // What was not played has no trial, and its capture is no more published for that.
    let unplayed = || "inferred: no published telegram".to_string();
    known.or_else(|| (outcome.capture_evidence == "inferred").then(unplayed))
}

/// How much of what passed rests on inferred telegrams; `None` where nothing does.
pub(super) fn inferred_sentence(results: &Results, inferred: &[Option<String>]) -> Option<String> {
    let passed = results.checks.iter().zip(inferred).filter(|(one, _)| one.verdict == Verdict::Pass);
    let resting = passed.filter(|(_, inferred)| inferred.is_some()).count();
    let all = results.total(Verdict::Pass);
    (resting > 0).then(|| {
        format!("{resting} of the {all} that passed rest on inferred telegrams, of which no published ones are known.")
    })
}
