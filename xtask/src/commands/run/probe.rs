//! The steps with the debug probe of a rig, and what is said where there is none.

use super::select::Wanted;
use crate::failure::{Failure, INPUT, LOST};
use hanbench_core::verdict::probe::{Came, ProbeTrial, SUITE, ids};
use hanbench_core::verdict::results::Outcome as Judged;
use hanbench_core::verdict::{Cause, Verdict};
use hanbench_rig::config::Rig;
use hanbench_rig::evidence::Folder;
use hanbench_rig::probe;

/// The checks asked for, on the chip of the rig.
pub(super) struct Task {
    pub(super) subject: String,
    pub(super) checks: Vec<String>,
}

/// What is to be done with the probe of the rig; nothing on a rig without one, which is only spoken of where the suite was
/// named.
pub(super) fn select(wanted: &Wanted<'_>, rig: &Rig) -> (Option<Task>, Vec<Judged>) {
    let subject = rig.probe.as_ref().map_or_else(|| rig.name.clone(), probe::subject);
    let checks: Vec<String> =
        ids().filter(|id| wanted.wants(SUITE, id, &subject)).map(String::from).collect();
    let task = Task { subject, checks };
    if let Some(obstacle) = rig.probe.as_ref().and_then(probe::obstacle) {
        return (None, beside(&task, Verdict::NotApplicable, None, obstacle));
    }
    if rig.probe.is_some() {
        return ((!task.checks.is_empty()).then_some(task), Vec::new());
    }
    if !wanted.names(SUITE) {
        return (None, Vec::new());
    }
    let reason = "the rig file has no table [probe]: this rig has no debug probe";
    (None, beside(&task, Verdict::NotApplicable, None, reason))
}

/// Does the steps and keeps them as evidence, and says what kept them from being done.
pub(super) fn play(
    rig: &Rig,
    task: &Task,
    folder: &mut Folder,
) -> Result<(Vec<ProbeTrial>, Option<Failure>), Failure> {
    let Some(table) = &rig.probe else { return Ok((Vec::new(), None)) };
    let trial = match probe::play(table, task.checks.clone(), None) {
        Ok(trial) => trial,
        Err(error) => return Ok((Vec::new(), Some(error.into()))),
    };
    folder.trial(&trial.name, &trial).map_err(|error| Failure::input(error.to_string()))?;
    let lost = trial.steps.iter().find_map(|step| match &step.came {
        Came::Failed { cause, why } => Some(Failure { code: code(*cause), text: why.clone() }),
        _ => None,
    });
    Ok((vec![trial], lost))
}

fn code(cause: Cause) -> u8 {
    if cause == Cause::Config { INPUT } else { LOST }
}

/// Outcomes where the steps could not even begin.
pub(super) fn not_carried_out(task: &Task, trials: &[ProbeTrial], lost: Option<&Failure>) -> Vec<Judged> {
    if !trials.is_empty() {
        return Vec::new();
    }
    let (verdict, cause, reason) = super::play::why_not(lost, "it was not tried");
    beside(task, verdict, Some(cause), &reason)
}

fn beside(task: &Task, verdict: Verdict, cause: Option<Cause>, reason: &str) -> Vec<Judged> {
    let outcome = |id: &String| Judged::without_trial((SUITE, id, &task.subject), verdict, cause, reason);
    task.checks.iter().map(outcome).collect()
}
