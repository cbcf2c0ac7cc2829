//! The results of a whole run: the one truth that every report is made from.

use super::{Cause, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Version of `results.json`. Readers accept all older ones.
pub const RESULTS_VERSION: u32 = 1;

/// What one check said about one subject (contract, section 5).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Stable id of the check, `han.link.fcs-reject`.
    pub id: String,
    /// Its suite.
    pub suite: String,
    /// What was played in: the path of a capture.
    pub subject: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Who is to blame, unless PASS or NOT_APPLICABLE.
    pub cause: Option<Cause>,
    /// One sentence a stranger understands, unless PASS.
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// Paths below the report folder of what the verdict rests on: `evidence/aidon-6525-it3.json`.
    pub evidence: Vec<String>,
    /// How the bytes played in are known: `recorded`, `rebuilt` or `inferred` (contract, section 6). Empty where the
    /// capture does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub capture_evidence: String,
    /// What a PASS rests on, in words: `3 of 3 telegrams, 21 values compared`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_on: Option<String>,
    /// Single deviations, in order; the reason sums them up. Behind them what was only noted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What was measured against a limit: of each key the window in which it came nearest to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
}

impl Outcome {
    /// What is said of a check that no trial was played for; `of` is its suite, its id and its subject.
    pub fn without_trial(
        of: (&str, &str, &str),
        verdict: Verdict,
        cause: Option<Cause>,
        reason: &str,
    ) -> Outcome {
        let reason = Some(reason.into());
        Outcome { reason, attempts: 0, evidence: Vec::new(), ..Outcome::of_trial(of, verdict, cause, "") }
    }

    /// The verdict on one trial, which is stored at `evidence_path`, without a word on why yet.
    pub(super) fn of_trial(
        (suite, id, subject): (&str, &str, &str),
        verdict: Verdict,
        cause: Option<Cause>,
        evidence_path: &str,
    ) -> Outcome {
        Outcome {
            id: id.into(),
            suite: suite.into(),
            subject: subject.into(),
            verdict,
            cause,
            reason: None,
            attempts: 1,
            evidence: vec![evidence_path.to_string()],
            capture_evidence: String::new(),
            rests_on: None,
            findings: Vec::new(),
            measures: Vec::new(),
        }
    }
}

/// A claimed quantity against its limit. All numbers in the unit of the key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Measure {
    /// Key of the reading.
    pub key: String,
    /// End of the window, seconds of device time.
    pub t_s: f64,
    /// What was true.
    pub truth: f64,
    /// What was claimed.
    pub claimed: f64,
    /// Largest deviation allowed.
    pub limit: f64,
    /// Expanded uncertainty of the comparison, k = 2.
    pub uncertainty: f64,
}

impl Measure {
    /// Claimed less true.
    pub fn error(&self) -> f64 {
        self.claimed - self.truth
    }

    /// How much of the limit error and uncertainty take together; 1 is all of it.
    pub fn part(&self) -> f64 {
        (self.error().abs() + self.uncertainty) / self.limit.max(1e-12)
    }
}

/// One deviation, or a note: where, what was expected, what was claimed.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Finding {
    /// Index into the stimulus's parts, where the deviation belongs to a telegram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// Key of the reading, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Expected value or interval as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Claimed value as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<String>,
    /// The deviation in words.
    pub text: String,
    /// Noted only: it breaks no rule and no verdict rests on it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub weightless: bool,
}

/// Everything a run found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Results {
    /// See [`RESULTS_VERSION`].
    pub version: u32,
    /// What differs from run to run: start, duration, host, commit, versions, timing error of the bench.
    pub run: Map<String, Value>,
    /// Name of the rig.
    pub rig: String,
    /// One line about the DUT, for the head of the report.
    #[serde(default)]
    pub dut: String,
    /// The seed.
    pub seed: u64,
    /// Number of outcomes per verdict word; all five words are there.
    pub totals: BTreeMap<String, u64>,
    /// All outcomes, in the order they were judged.
    pub checks: Vec<Outcome>,
}

impl Results {
    /// Counts the totals anew.
    pub fn count(&mut self) {
        self.totals = Verdict::ALL.iter().map(|verdict| (verdict.word().to_string(), 0)).collect();
        for outcome in &self.checks {
            *self.totals.entry(outcome.verdict.word().to_string()).or_default() += 1;
        }
    }

    /// How many outcomes have this verdict.
    pub fn total(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|outcome| outcome.verdict == verdict).count()
    }

    /// The exit code of the contract, section 1.
    ///
    /// The first of these that there is: a bug in the harness (70), a config error such as a program that cannot be
    /// started (2), any other ERROR (3), FAIL (1), nothing proven (4), 0.
    pub fn exit_code(&self) -> u8 {
        let error = |cause| {
            self.checks
                .iter()
                .any(|outcome| outcome.verdict == Verdict::Error && outcome.cause == Some(cause))
        };
        if error(Cause::Harness) {
            70
        } else if error(Cause::Config) {
            2
        } else if self.total(Verdict::Error) > 0 {
            3
        } else if self.total(Verdict::Fail) > 0 {
            1
        } else if self.total(Verdict::Pass) == 0 {
            4
        } else {
            0
        }
    }
}
