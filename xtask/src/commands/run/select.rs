//! What a run plays: the checks asked for of every reviewed capture, and what is said of those nobody reviewed.

use crate::failure::Failure;
use crate::flags::RunFlags;
use hanbench_core::verdict::checks;
use hanbench_core::verdict::results::Outcome as Judged;
use hanbench_core::verdict::stimulus::{CaptureView, l2, plan, scaling};
use hanbench_core::verdict::trial::{DutTerms, Stimulus};
use hanbench_core::verdict::{Cause, Verdict};
use hanbench_rig::evidence::write_whole;
use hanbench_rig::library::{self, Recording};
use regex::Regex;

/// The check that a capture has a reviewed snapshot.
const REVIEWED: &str = "bench.expectation.reviewed";

/// Which checks were asked for.
pub(super) struct Wanted<'a> {
    suites: &'a [String],
    filter: Option<Regex>,
}

impl<'a> Wanted<'a> {
    /// By the flags.
    pub(super) fn of(flags: &'a RunFlags) -> Result<Wanted<'a>, Failure> {
        let filter = flags.filter.as_deref().map(Regex::new).transpose();
        let filter =
            filter.map_err(|error| Failure::input(format!("--filter is no regular expression: {error}")))?;
        Ok(Wanted { suites: &flags.suite, filter })
    }

    /// Whether the suite was named, and not only left in.
    pub(super) fn names(&self, suite: &str) -> bool {
        self.suites.iter().any(|name| name == suite)
    }

    pub(super) fn wants(&self, suite: &str, id: &str, subject: &str) -> bool {
        let in_suite = self.suites.is_empty() || self.names(suite);
        let line = || format!("{suite} {id} {subject}");
        in_suite && self.filter.as_ref().is_none_or(|filter| filter.is_match(&line()))
    }
}

/// The stimuli of the run, each with the checks asked for, and outcomes that need no trial.
pub(super) fn select(
    wanted: &Wanted<'_>,
    seed: u64,
    recordings: &[Recording],
    dut: &DutTerms,
) -> Result<(Vec<Stimulus>, Vec<Judged>), Failure> {
    let reviewed: Vec<_> = recordings
        .iter()
        .filter_map(|one| one.reviewed.as_ref().map(|items| (view(one), items.as_slice())))
        .collect();
    let mut stimuli = plan(&reviewed, seed).map_err(|error| Failure::input(error.to_string()))?;
    stimuli.extend(scaling(dut).map_err(|error| Failure::input(error.to_string()))?);
    stimuli.extend(l2().map_err(|error| Failure::input(error.to_string()))?);
    for stimulus in &mut stimuli {
        let (suite, subject) = (stimulus.suite.clone(), stimulus.subject.clone());
        stimulus.checks.retain(|id| wanted.wants(&suite, id, &subject));
    }
    stimuli.retain(|stimulus| !stimulus.checks.is_empty());
    let unreviewed = recordings.iter().filter(|one| one.reviewed.is_none());
    let unreviewed = unreviewed.filter(|one| wanted.wants("decode", REVIEWED, &one.subject));
    Ok((stimuli, unreviewed.map(without_snapshot).collect()))
}

fn view(recording: &Recording) -> CaptureView<'_> {
    CaptureView { subject: &recording.subject, header: &recording.header, chunks: &recording.chunks }
}

/// Nothing is accepted without a review: with `CI` set a missing snapshot fails (contract, section 6).
fn without_snapshot(recording: &Recording) -> Judged {
    let verdict = if in_ci() { Verdict::Fail } else { Verdict::Inconclusive };
    let reason = "nobody has reviewed the readings of this capture; read the .snap.new beside it, or use cargo insta review";
    let of = ("decode", REVIEWED, recording.subject.as_str());
    let capture_evidence = recording.header.get("evidence").cloned().unwrap_or_default();
    let outcome = Judged::without_trial(of, verdict, Some(Cause::Config), reason);
    Judged { capture_evidence, attempts: 1, ..outcome }
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// Leaves a proposal beside every capture without a snapshot.
pub(super) fn propose(recordings: &[Recording]) -> Result<(), Failure> {
    if in_ci() {
        return Ok(());
    }
    for recording in recordings.iter().filter(|one| one.reviewed.is_none()) {
        let path = recording.path.with_extension("snap.new");
        write_whole(&path, library::proposal(recording).as_bytes())
            .map_err(|error| Failure::input(error.to_string()))?;
    }
    Ok(())
}

/// Purpose and source of a check, those of the bench itself included.
pub fn purpose(id: &str) -> Option<(&'static str, &'static str)> {
    if id == REVIEWED {
        return Some(("The readings of a capture have been reviewed by a person.", "contract, section 6"));
    }
    checks::find(id).map(|check| (check.purpose, check.source))
}
