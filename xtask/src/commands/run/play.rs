//! The loop of a run: every stimulus is played, kept as evidence, and judged at once, so that a failed trial costs
//! the next one nothing. What could not be played gets its outcome here too.

use crate::console;
use crate::failure::{Failure, INPUT, LOST};
use hanbench_core::verdict::results::Outcome as Judged;
use hanbench_core::verdict::trial::{Stimulus, TRIAL_VERSION, Trial, What};
use hanbench_core::verdict::{Cause, Verdict, judge::judge};
use hanbench_rig::config::Rig;
use hanbench_rig::evidence::Folder;
use hanbench_rig::interrupt;
use hanbench_rig::session::Session;
use indicatif::{ProgressBar, ProgressStyle};

/// After so many trials from the start without any claim, a dongle is silent and the rest is not played.
pub(super) const SILENT_TRIALS: usize = 3;

/// Plays the stimuli. A rig that is lost ends the run; what was played until then is kept and judged.
pub(super) fn play(
    session: &mut Session,
    rig: &Rig,
    stimuli: &[Stimulus],
    folder: &mut Folder,
) -> Result<(Vec<Trial>, Option<Failure>), Failure> {
    let bar = progress(stimuli.len());
    let mut trials: Vec<Trial> = Vec::with_capacity(stimuli.len());
    for stimulus in stimuli {
        bar.set_message(stimulus.subject.clone());
        // A dongle is plugged into one kind of meter: what it learned of another must not decide here.
        if trials.last().is_some_and(|before| before.stimulus.family != stimulus.family) {
            session.renew();
        }
        let played =
            if supported(stimulus, rig) { session.trial(stimulus) } else { Ok(not_played(stimulus, rig)) };
        let trial = match played {
            Ok(trial) => trial,
            Err(error) => {
                bar.finish_and_clear();
                return Ok((trials, Some(error.into())));
            }
        };
        folder.trial(&trial.stimulus.name, &trial).map_err(|error| Failure::input(error.to_string()))?;
        if failed(&trial) {
            session.renew();
        }
        tell(&bar, trials.len() + 1, stimuli.len());
        trials.push(trial);
        if interrupt::interrupted() || is_silent(&trials) {
            break;
        }
    }
    bar.finish_and_clear();
    Ok((trials, interrupted()))
}

/// Whether the DUT can do what the stimulus needs.
fn supported(stimulus: &Stimulus, rig: &Rig) -> bool {
    stimulus.obstacle(&rig.terms).is_none()
}

/// The trial of a stimulus that does not concern the DUT; the judge names the missing capability.
fn not_played(stimulus: &Stimulus, rig: &Rig) -> Trial {
    let (stimulus, dut) = (stimulus.clone(), rig.terms.clone());
    Trial { version: TRIAL_VERSION, stimulus, dut, events: Vec::new(), pacing: None }
}

/// Nothing was ever claimed. Playing on would cost minutes and prove nothing more.
fn is_silent(trials: &[Trial]) -> bool {
    let answered = |trial: &Trial| trial.events.iter().any(|event| matches!(event.what, What::Claim { .. }));
    let applies = |trial: &&Trial| !trial.events.is_empty();
    trials.iter().filter(applies).count() >= SILENT_TRIALS && !trials.iter().any(answered)
}

pub(super) fn progress(count: usize) -> ProgressBar {
    if !console::interactive() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{pos:>4}/{len} {bar:30} {elapsed} {wide_msg}");
    ProgressBar::new(count as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Moves the bar on; on no terminal, a plain line every now and then.
pub(super) fn tell(bar: &ProgressBar, played: usize, count: usize) {
    bar.inc(1);
    if !console::interactive() && (played.is_multiple_of(25) || played == count) {
        console::note(&format!("{played} of {count} trials"));
    }
}

/// Whether the trial shows the DUT in the wrong.
fn failed(trial: &Trial) -> bool {
    judge(trial, "").iter().any(|outcome| outcome.verdict == Verdict::Fail)
}

/// Why nothing more was played where the dongle was silent from the start.
pub(super) const SILENT: &str =
    "it was not played: the dongle had claimed nothing at all in the trials before";

/// What is said of what was not played, in one line; `silent` where nothing was lost.
pub(super) fn why_not(lost: Option<&Failure>, silent: &str) -> (Verdict, Cause, String) {
    let first = |text: &str| text.lines().next().unwrap_or_default().to_string();
    match lost {
        Some(lost) if lost.code == INPUT => (Verdict::Error, Cause::Config, first(&lost.text)),
        Some(lost) => (Verdict::Error, Cause::Rig, first(&lost.text)),
        None => (Verdict::Inconclusive, Cause::Dut, silent.into()),
    }
}

/// The failure of a run that someone ended with Ctrl-C.
pub(super) fn interrupted() -> Option<Failure> {
    interrupt::interrupted().then(|| Failure {
        code: LOST,
        text: "interrupted; what was played until then is in the report".into(),
    })
}

/// Outcomes for stimuli that were not played: the rig was lost, someone pressed Ctrl-C, the dongle is silent.
pub(super) fn not_carried_out(
    stimuli: &[Stimulus],
    trials: &[Trial],
    rig: &Rig,
    lost: Option<&Failure>,
) -> Vec<Judged> {
    let (verdict, cause, reason) = why_not(lost, SILENT);
    let rest = stimuli.get(trials.len()..).unwrap_or_default();
    let outcome = |stimulus: &Stimulus, id: &String| {
        let of = (stimulus.suite.as_str(), id.as_str(), stimulus.subject.as_str());
        let outcome = Judged::without_trial(of, verdict, Some(cause), &reason);
        Judged { capture_evidence: stimulus.evidence.clone(), ..outcome }
    };
    let each = |stimulus: &Stimulus| -> Vec<Judged> {
        if supported(stimulus, rig) {
            stimulus.checks.iter().map(|id| outcome(stimulus, id)).collect()
        } else {
            judge(&not_played(stimulus, rig), "")
        }
    };
    rest.iter().flat_map(each).collect()
}
