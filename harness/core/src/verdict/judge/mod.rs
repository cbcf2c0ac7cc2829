//! Trial → outcomes: what a dongle claimed, judged by the rules of the contract, section 3.
//!
//! | file | what |
//! |---|---|
//! | `bench.rs` | what the bench itself got wrong |
//! | `align.rs` | which claim belongs to which telegram |
//! | `session.rs` | the trial put in order; what each claim is about |
//! | `fields.rs` | one claim against one telegram, field by field |
//! | `rules.rs` | one function per check on claims: verdict, cause, reason |
//! | `link.rs` | the same for the link layer: refused, claimed all the same |
//! | `l2.rs` | the rules on what the meter leaves out of L2 |
//! | `scaling.rs` | the rules on current transformers |
//!
//! Needs nothing but the trial, so that stored evidence can be judged again. Calls no decoder (lib.rs, invariant 3),
//! never says PASS without naming what it rests on, and keeps measured times out of its words, so that the same
//! behaviour gives the same outcome; only the bench's own error is told in numbers.

mod align;
mod bench;
mod fields;
mod l2;
mod link;
mod rules;
mod scaling;
mod session;

use super::results::{Finding, Outcome};
use super::trial::{Trial, What};
use super::{Cause, Verdict};
use session::Session;

/// How many findings an outcome keeps; the reason counts them all.
const FINDINGS_MAX: usize = 100;

/// Judges one trial: one outcome for each check that its stimulus lists, in that order.
///
/// `evidence_path` is where the trial is stored, below the report folder.
pub fn judge(trial: &Trial, evidence_path: &str) -> Vec<Outcome> {
    let obstacle = trial.stimulus.obstacle(&trial.dut);
    let session = Session::of(trial);
    let spoiled = trial.events.iter().find_map(|event| match &event.what {
        What::Restarted { why } | What::Unheard { why } => Some(why),
        _ => None,
    });
    let ruling = |id: &str| match (&obstacle, &session, spoiled) {
        (Some(lacks), ..) => Ruling::not_applicable(lacks.clone()),
        // Whatever was claimed or missing by then: nobody can tell what the restart or the silence took away.
        (None, Ok(_), Some(why)) => Ruling::new(Verdict::Error, Some(Cause::Rig), why.clone()),
        (None, Ok(session), None) => rules::rule(id, session),
        (None, Err(what), _) => Ruling::error(format!("the trial contradicts itself: {what}")),
    };
    let outcome = |id: &String| ruling(id).outcome(id, trial, evidence_path);
    trial.stimulus.checks.iter().map(outcome).collect()
}

/// What one rule says about one trial.
struct Ruling {
    verdict: Verdict,
    cause: Option<Cause>,
    reason: Option<String>,
    rests_on: Option<String>,
    findings: Vec<Finding>,
}

impl Ruling {
    fn new(verdict: Verdict, cause: Option<Cause>, reason: String) -> Ruling {
        Ruling { verdict, cause, reason: Some(reason), rests_on: None, findings: Vec::new() }
    }

    fn pass(rests_on: String) -> Ruling {
        let rests_on = Some(rests_on);
        Ruling { verdict: Verdict::Pass, cause: None, reason: None, rests_on, findings: Vec::new() }
    }

    fn not_applicable(reason: impl Into<String>) -> Ruling {
        Ruling::new(Verdict::NotApplicable, None, reason.into())
    }

    fn inconclusive(cause: Cause, reason: impl Into<String>) -> Ruling {
        Ruling::new(Verdict::Inconclusive, Some(cause), reason.into())
    }

    fn error(reason: String) -> Ruling {
        Ruling::new(Verdict::Error, Some(Cause::Harness), reason)
    }

    /// FAIL by the DUT. The reason is the first finding and how many more there are.
    fn fail(mut findings: Vec<Finding>) -> Ruling {
        let mut reason = findings.first().map(|first| first.text.clone()).unwrap_or_default();
        if findings.len() > 1 {
            reason.push_str(&format!("; {} more", findings.len() - 1));
        }
        findings.truncate(FINDINGS_MAX);
        Ruling { findings, ..Ruling::new(Verdict::Fail, Some(Cause::Dut), reason) }
    }

    fn outcome(self, id: &str, trial: &Trial, evidence_path: &str) -> Outcome {
        let of = (trial.stimulus.suite.as_str(), id, trial.stimulus.subject.as_str());
        Outcome {
            reason: self.reason,
            capture_evidence: trial.stimulus.evidence.clone(),
            rests_on: self.rests_on,
            findings: self.findings,
            ..Outcome::of_trial(of, self.verdict, self.cause, evidence_path)
        }
    }
}
