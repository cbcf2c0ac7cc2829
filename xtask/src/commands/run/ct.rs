//! The waveforms of a run: which, the loop, and what is said of those that were not played.
//!
//! Several dongles may measure at once, each a program of its own; the outcome is that of one after the other.

use super::crew::{self, Next};
use super::play::{SILENT, SILENT_TRIALS, why_not};
use super::select::Wanted;
use crate::failure::Failure;
use hanbench_core::verdict::ct::{self, CT_TRIAL_VERSION, CtTerms, CtTrial, SUITE};
use hanbench_core::verdict::results::Outcome as Judged;
use hanbench_core::verdict::trial::What;
use hanbench_core::verdict::{Cause, Verdict};
use hanbench_rig::RigError;
use hanbench_rig::clamps::ClampBench;
use hanbench_rig::clamps::fixtures::Waveform;
use hanbench_rig::config::{ClampKind, Rig};
use hanbench_rig::evidence::Folder;
use hanbench_rig::session::Speed;
use std::thread;
use std::time::Duration;

/// A waveform and the checks asked for.
pub(super) struct Task {
    pub(super) waveform: Waveform,
    pub(super) checks: Vec<String>,
}

/// The waveforms of the run. On a rig without a clamp dongle they are only spoken of where the suite was named.
pub(super) fn select(wanted: &Wanted<'_>, waveforms: Vec<Waveform>, rig: &Rig) -> (Vec<Task>, Vec<Judged>) {
    let mut tasks: Vec<Task> = Vec::new();
    for waveform in waveforms {
        let mut checks = ct::checks(&waveform.spec);
        checks.retain(|id| wanted.wants(SUITE, id, &waveform.subject));
        if !checks.is_empty() {
            tasks.push(Task { waveform, checks });
        }
    }
    if rig.clamps.is_some() {
        return (tasks, Vec::new());
    }
    if !wanted.names(SUITE) {
        return (Vec::new(), Vec::new());
    }
    let reason = "the rig file has no table [clamps]: this rig has no clamp dongle";
    let each = |task: &Task| beside(task, Verdict::NotApplicable, None, reason);
    let outcomes = tasks.iter().flat_map(each).collect();
    (Vec::new(), outcomes)
}

/// The dongles of the run: one for each core, or the one that is there. None where nothing is to be played.
pub(super) fn open(rig: &Rig, speed: Option<Speed>, tasks: &[Task]) -> Result<Vec<ClampBench>, RigError> {
    let Some(clamps) = rig.clamps.as_ref().filter(|_| !tasks.is_empty()) else { return Ok(Vec::new()) };
    let real = matches!(clamps.kind, ClampKind::Serial { .. });
    let speed = speed.unwrap_or(if real { Speed::Real } else { Speed::Max });
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let one = real || clamps.kind == ClampKind::Ram;
    let count = if one { 1 } else { cores.min(tasks.len()) };
    let quiet = Duration::from_micros(rig.terms.claim_within_us);
    let probe = rig.probe.as_ref();
    (0..count).map(|_| ClampBench::open(clamps.clone(), probe, speed, quiet, None)).collect()
}

/// Plays the waveforms and keeps them as evidence, in their order.
pub(super) fn play(
    benches: Vec<ClampBench>,
    rig: &Rig,
    tasks: &[Task],
    folder: &mut Folder,
) -> crew::Played<CtTrial> {
    let terms = rig.clamps.as_ref().map(|clamps| clamps.terms.clone()).unwrap_or_default();
    let (mut claimed, mut played) = (false, 0);
    crew::play(
        benches,
        tasks.len(),
        |bench, at| trial(bench, &tasks[at], &terms),
        |trial, _| {
            folder.trial(&trial.name, trial).map_err(|error| Failure::input(error.to_string()))?;
            claimed |= trial.events.iter().any(|one| matches!(one.what, What::Claim { .. }));
            played += usize::from(!trial.events.is_empty() || trial.sent.is_some());
            // Nothing was ever claimed. Playing on would cost minutes and prove nothing more.
            Ok(if played >= SILENT_TRIALS && !claimed { Next::Enough } else { Next::GoOn })
        },
    )
}

fn trial(bench: &mut ClampBench, task: &Task, terms: &CtTerms) -> Result<CtTrial, RigError> {
    if terms.devices.iter().any(|name| name == task.waveform.device.name) {
        return bench.trial(&task.waveform, &task.checks);
    }
    Ok(not_played(task, terms))
}

/// The trial of a waveform that is for another device; the judge says so.
fn not_played(task: &Task, terms: &CtTerms) -> CtTrial {
    CtTrial {
        version: CT_TRIAL_VERSION,
        name: task.waveform.name.clone(),
        subject: task.waveform.subject.clone(),
        checks: task.checks.clone(),
        spec: task.waveform.text.clone(),
        terms: terms.clone(),
        sent: None,
        events: Vec::new(),
        pacing: None,
    }
}

/// Outcomes for waveforms that were not played.
pub(super) fn not_carried_out(
    tasks: &[Task],
    trials: &[CtTrial],
    rig: &Rig,
    lost: Option<&Failure>,
) -> Vec<Judged> {
    let terms = rig.clamps.as_ref().map(|clamps| clamps.terms.clone()).unwrap_or_default();
    let (verdict, cause, reason) = why_not(lost, SILENT);
    let each = |task: &Task| {
        if terms.devices.iter().any(|name| name == task.waveform.device.name) {
            beside(task, verdict, Some(cause), &reason)
        } else {
            ct::judge(&not_played(task, &terms), "")
        }
    };
    tasks.get(trials.len()..).unwrap_or_default().iter().flat_map(each).collect()
}

/// Outcomes that rest on no trial.
fn beside(task: &Task, verdict: Verdict, cause: Option<Cause>, reason: &str) -> Vec<Judged> {
    let subject = &task.waveform.subject;
    let outcome = |id: &String| Judged::without_trial((SUITE, id, subject), verdict, cause, reason);
    task.checks.iter().map(outcome).collect()
}
