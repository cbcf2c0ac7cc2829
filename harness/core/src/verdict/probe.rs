//! Judging the way to a chip through a debug probe: attach, image, reset, RAM, RTT.
//!
//! What is judged is the bench and its cable. So nothing here is ever the fault of a DUT: a chip that does not answer may
//! have no power, and firmware that does not speak may not be there.
//!
//! Refuses to know how a probe is driven: it reads what was done, step by step, and what came of it.

use super::results::Outcome;
use super::{Cause, Verdict};
use serde::{Deserialize, Serialize};

/// The suite of these checks.
pub const SUITE: &str = "probe";

/// Version of the trial file. Readers accept all older ones.
pub const PROBE_TRIAL_VERSION: u32 = 1;

/// Everything that was done with one probe, and what came of it. Stored as `evidence/<name>.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProbeTrial {
    /// See [`PROBE_TRIAL_VERSION`].
    pub version: u32,
    /// Stable name, used for the evidence file.
    pub name: String,
    /// What the results call it: the chip that the rig file names.
    pub subject: String,
    /// Ids of the checks asked for.
    pub checks: Vec<String>,
    /// In the order they were done. Behind one that failed there is none.
    pub steps: Vec<Step>,
}

/// One thing done with a probe.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// What.
    pub what: What,
    /// How long it took, microseconds of the wall clock.
    pub took_us: u64,
    /// How long it may take before the bench gives the probe up, microseconds.
    pub within_us: u64,
    /// What came of it.
    pub came: Came,
}

/// What is done with a probe, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Open the probe, attach to the chip, ask it what it is.
    Attach,
    /// Put the image into the chip.
    Flash,
    /// The same image once more.
    FlashAgain,
    /// Reset the chip, and wait for its firmware to offer RTT.
    Reset,
    /// Hear a whole line on the first up channel.
    Hear,
    /// Write a symbol of the image in RAM while the core runs, and read it back.
    Ram,
}

/// What came of a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Came {
    /// It succeeded; in words, without times.
    Done(String),
    /// It was carried out, and what came back is not what belongs there.
    Wrong(String),
    /// It is not for this rig: which capability is missing.
    Missing(String),
    /// It could not be carried out.
    Failed {
        /// Rig, configuration or time; never the DUT.
        cause: Cause,
        /// Every reason, the outermost first.
        why: String,
    },
}

/// Each check and the step that it judges.
const CHECKS: [(&str, What); 6] = [
    ("probe.attach", What::Attach),
    ("probe.flash.written", What::Flash),
    ("probe.flash.kept", What::FlashAgain),
    ("probe.reset", What::Reset),
    ("probe.rtt", What::Hear),
    ("probe.ram", What::Ram),
];

/// Ids of all checks of the suite, in the order of the reports.
pub fn ids() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|(id, _)| *id)
}

/// Judges one trial: one outcome for each check asked for, in that order.
///
/// `evidence_path` is where the trial is stored, below the report folder.
pub fn judge(trial: &ProbeTrial, evidence_path: &str) -> Vec<Outcome> {
    let outcome = |id: &String| {
        let (verdict, cause, said) = rule(id, &trial.steps);
        let (reason, rests_on) =
            if verdict == Verdict::Pass { (None, Some(said)) } else { (Some(said), None) };
        let of = (SUITE, id.as_str(), trial.subject.as_str());
        Outcome { reason, rests_on, ..Outcome::of_trial(of, verdict, cause, evidence_path) }
    };
    trial.checks.iter().map(outcome).collect()
}

fn rule(id: &str, steps: &[Step]) -> (Verdict, Option<Cause>, String) {
    let Some((_, what)) = CHECKS.iter().find(|(known, _)| *known == id) else {
        return (Verdict::Error, Some(Cause::Harness), format!("there is no check {id}"));
    };
    let Some(step) = steps.iter().find(|step| step.what == *what) else {
        return not_reached(steps);
    };
    match &step.came {
        Came::Done(said) => (Verdict::Pass, None, said.clone()),
        Came::Wrong(said) => (Verdict::Fail, Some(Cause::Rig), said.clone()),
        Came::Missing(said) => (Verdict::NotApplicable, None, said.clone()),
        Came::Failed { cause, why } => (Verdict::Error, Some(blame(*cause)), why.clone()),
    }
}

/// What is said of a step that a failure before it kept from being done.
fn not_reached(steps: &[Step]) -> (Verdict, Option<Cause>, String) {
    let failed = steps.iter().find_map(|step| match &step.came {
        Came::Failed { cause, why } => Some((*cause, why)),
        _ => None,
    });
    match failed {
        Some((cause, why)) => {
            (Verdict::Inconclusive, Some(blame(cause)), format!("it was not tried, because of this: {why}"))
        }
        None => (Verdict::Inconclusive, Some(Cause::Rig), "the run ended before it was tried".into()),
    }
}

/// Evidence may say what it likes: a probe shows nothing that counts against a DUT.
fn blame(cause: Cause) -> Cause {
    if cause == Cause::Dut { Cause::Rig } else { cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(steps: &[(What, Came)]) -> ProbeTrial {
        let step =
            |(what, came): &(What, Came)| Step { what: *what, took_us: 1, within_us: 2, came: came.clone() };
        ProbeTrial {
            version: PROBE_TRIAL_VERSION,
            name: "probe".into(),
            subject: "STM32F103C8".into(),
            checks: ids().map(String::from).collect(),
            steps: steps.iter().map(step).collect(),
        }
    }

    fn verdicts(steps: &[(What, Came)]) -> Vec<(Verdict, Option<Cause>)> {
        judge(&trial(steps), "evidence/probe.json").iter().map(|one| (one.verdict, one.cause)).collect()
    }

    fn done() -> Came {
        Came::Done("as it should be".into())
    }

    #[test]
    fn each_step_is_one_check_and_what_it_rests_on_is_said() {
        let whats = CHECKS.map(|(_, what)| (what, done()));
        let outcomes = judge(&trial(&whats), "evidence/probe.json");
        assert_eq!(outcomes.len(), CHECKS.len());
        for outcome in outcomes {
            assert_eq!((outcome.verdict, outcome.reason), (Verdict::Pass, None), "{}", outcome.id);
            assert_eq!(outcome.rests_on.as_deref(), Some("as it should be"));
            assert_eq!(outcome.evidence, ["evidence/probe.json"]);
        }
    }

    #[test]
    fn a_failed_step_is_an_error_and_what_it_kept_from_being_tried_is_open() {
        let failed = Came::Failed { cause: Cause::Timeout, why: "no cable".into() };
        let seen = verdicts(&[(What::Attach, done()), (What::Flash, failed)]);
        assert_eq!(seen[..2], [(Verdict::Pass, None), (Verdict::Error, Some(Cause::Timeout))]);
        assert!(seen[2..].iter().all(|one| *one == (Verdict::Inconclusive, Some(Cause::Timeout))));
        let rest =
            judge(&trial(&[(What::Attach, Came::Failed { cause: Cause::Rig, why: "no cable".into() })]), "");
        assert_eq!(rest[5].reason.as_deref(), Some("it was not tried, because of this: no cable"));
    }

    #[test]
    fn nothing_is_ever_the_fault_of_the_dut() {
        let failed = Came::Failed { cause: Cause::Dut, why: "a file said so".into() };
        assert_eq!(verdicts(&[(What::Attach, failed)])[0], (Verdict::Error, Some(Cause::Rig)));
        let wrong = Came::Wrong("other bytes came back".into());
        assert_eq!(verdicts(&[(What::Attach, wrong)])[0], (Verdict::Fail, Some(Cause::Rig)));
        let missing = Came::Missing("no image".into());
        assert_eq!(verdicts(&[(What::Attach, missing)])[0], (Verdict::NotApplicable, None));
        assert_eq!(verdicts(&[])[0], (Verdict::Inconclusive, Some(Cause::Rig)));
    }
}
