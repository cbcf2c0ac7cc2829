//! What one check has seen, and what it says in the end.

use super::SUITE;
use crate::verdict::results::{Finding, Outcome};
use crate::verdict::{Cause, Verdict};

/// How many findings an outcome keeps; the reason counts them all.
const FINDINGS_MAX: usize = 20;

/// What one check has seen. Memory does not grow with time.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Things judged.
    pub(super) judged: u64,
    wrong: u64,
    findings: Vec<Finding>,
    notes: Vec<Finding>,
}

impl Tally {
    /// One thing was judged and was right.
    pub(super) fn right(&mut self) {
        self.judged += 1;
    }

    /// One thing was judged and was wrong.
    pub(super) fn wrong(&mut self, text: impl FnOnce() -> String) {
        self.judged += 1;
        self.wrong += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { text: text(), ..Finding::default() });
        }
    }

    /// At least one thing was wrong.
    pub(super) fn is_wrong(&self) -> bool {
        self.wrong > 0
    }

    /// Something worth saying that breaks no rule.
    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.notes.len() < FINDINGS_MAX {
            self.notes.push(Finding { text: text(), weightless: true, ..Finding::default() });
        }
    }

    /// What another has seen as well.
    pub(super) fn join(&mut self, other: Tally) {
        self.judged += other.judged;
        self.wrong += other.wrong;
        self.findings.extend(other.findings);
        self.notes.extend(other.notes);
    }

    /// What comes of it when a PASS rests on how many things were judged: `3 outages`.
    pub(super) fn of(self, thing: &str, nothing: &str) -> Ruling {
        self.ruling(|judged| count(judged, thing), nothing)
    }

    /// What comes of it. `rests_on` names what a PASS rests on, `nothing` why nothing could be judged.
    pub(super) fn ruling(self, rests_on: impl FnOnce(u64) -> String, nothing: &str) -> Ruling {
        let mut ruling = match (self.wrong, self.judged) {
            (0, 0) => Ruling::not_applicable(nothing),
            (0, judged) => Ruling::pass(rests_on(judged)),
            (wrong, _) => {
                let first = self.findings.first().map_or("", |finding| finding.text.as_str());
                let more = if wrong > 1 { format!("; {} more", wrong - 1) } else { String::new() };
                Ruling::new(Verdict::Fail, Some(Cause::Dut), format!("{first}{more}"))
            }
        };
        ruling.findings = self.findings;
        ruling.findings.extend(self.notes);
        ruling
    }
}

/// What one check says.
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    pub(super) cause: Option<Cause>,
    reason: Option<String>,
    rests_on: Option<String>,
    findings: Vec<Finding>,
}

impl Ruling {
    pub(super) fn new(verdict: Verdict, cause: Option<Cause>, reason: String) -> Ruling {
        Ruling { verdict, cause, reason: Some(reason), rests_on: None, findings: Vec::new() }
    }

    pub(super) fn pass(rests_on: String) -> Ruling {
        Ruling { rests_on: Some(rests_on), reason: None, ..Ruling::new(Verdict::Pass, None, String::new()) }
    }

    pub(super) fn not_applicable(reason: &str) -> Ruling {
        Ruling::new(Verdict::NotApplicable, None, reason.into())
    }

    /// The same with words in front of the reason.
    pub(super) fn behind(self, words: &str) -> Ruling {
        Ruling { reason: self.reason.map(|reason| format!("{words}{reason}")), ..self }
    }

    /// A mark that was missed is what the caller makes of it.
    pub(super) fn scored(self, missed: Verdict) -> Ruling {
        let verdict = if self.verdict == Verdict::Fail { missed } else { self.verdict };
        Ruling { verdict, ..self }
    }

    pub(super) fn outcome(self, id: &str, subject: &str) -> Outcome {
        let outcome = Outcome::of_trial((SUITE, id, subject), self.verdict, self.cause, "");
        Outcome {
            reason: self.reason,
            evidence: Vec::new(),
            rests_on: self.rests_on,
            findings: self.findings,
            ..outcome
        }
    }
}

/// `3 changes`, `1 change`.
pub(super) fn count(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// Milliseconds as seconds, for people.
pub(super) fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{:.1} s", ms as f64 / 1000.0) }
}

/// Milliamperes as amperes, for people.
pub(super) fn amperes(ma: i64) -> String {
    format!("{:.1} A", ma as f64 / 1000.0)
}
