//! One scenario with one balancer, kept so that it can be judged again anywhere: without the program that balanced,
//! without its files, at any time.
//!
//! Of a built-in balancer the name is enough. Of a program outside every line that says something is kept, and the run
//! is repeated with those; of a dongle on a line, what it claimed and how long it took. Either way the repeated run has to come to the trace of the recorded one; otherwise nothing
//! can be said, and that is a bug of ours.

use super::{Judge, Judgement, Ruling, SUITE};
use crate::balance::built_in::BuiltIn;
use crate::balance::{Balancer, Command, Event, Site, Trouble, json};
use crate::scenario::Scenario;
use crate::sim::{self, Dongle, Ended, Heard, ReferenceDongle, ReplayedDongle, Watch};
use crate::verdict::checks::BALANCE;
use crate::verdict::results::Outcome;
use crate::verdict::trial::Pacing;
use crate::verdict::{Cause, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the trial file. Readers accept all older ones.
pub const LOOP_TRIAL_VERSION: u32 = 1;

/// One scenario played with one balancer. Stored as `evidence/<name>.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LoopTrial {
    /// See [`LOOP_TRIAL_VERSION`].
    pub version: u32,
    /// Stable name, used for the evidence file: `balance-han-step-25A`.
    pub name: String,
    /// What the results call it: the path of the file, `fixtures/scenarios/han-step-25A.toml`.
    pub subject: String,
    /// Ids of the checks asked for.
    pub checks: Vec<String>,
    /// The scenario file, whole.
    pub scenario: String,
    /// The traces that it names, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traces: BTreeMap<String, String>,
    /// The seed it was played with, in place of the one in the file.
    pub seed: u64,
    /// Who balanced: a name that [`BuiltIn::named`] takes, or `process:` and a command.
    pub balancer: String,
    /// What a program outside answered; `None` for a balancer that is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    /// What the dongle of a rig claimed, telegram by telegram; `None` where the reference decoder was the dongle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Vec<Heard>>,
    /// How exactly its bytes were paced; `None` where they went as fast as it took them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing: Option<Pacing>,
    /// What the trace came to, 16 hex digits.
    pub trace_hash: String,
    /// How a program outside ended the run early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

/// Everything a program outside answered.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Answers {
    /// Batches that got a usable answer.
    pub batches: u64,
    /// The lines that ask for something; all others were `{"commands":[]}`, in one spelling or another.
    pub lines: Vec<Answer>,
}

/// A line of answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Number of the batch that it answers, from 0. Two batches may fall on one millisecond.
    pub batch: u64,
    /// When, milliseconds since the start.
    pub t_ms: u64,
    /// The line as it came.
    pub line: String,
}

/// A run that a program outside ended early.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stopped {
    /// When, milliseconds since the start.
    pub t_ms: u64,
    /// Why.
    pub trouble: Trouble,
}

/// The trace as reports and evidence write it.
pub fn trace_text(trace_hash: u64) -> String {
    format!("{trace_hash:016x}")
}

/// Ids of the checks that concern a scenario: all of them. What depends on the run is decided when it was judged.
pub fn checks() -> Vec<String> {
    BALANCE.iter().map(|check| check.id.to_string()).collect()
}

/// The scenario as it was played, with the seed of the trial.
///
/// # Errors
/// The text is no scenario; the line and what is wrong there.
pub fn scenario(trial: &LoopTrial) -> Result<Scenario, String> {
    let beside =
        |name: &str| trial.traces.get(name).cloned().ok_or_else(|| format!("no trace {name} was kept"));
    let mut scenario = Scenario::parse(&trial.scenario, &beside).map_err(|error| error.to_string())?;
    scenario.seed = trial.seed;
    Ok(scenario)
}

/// Repeats the run under the eyes of the judge.
///
/// # Errors
/// In words: the trial contradicts itself, or its run cannot be repeated.
pub fn replay(trial: &LoopTrial, scenario: &Scenario) -> Result<Judgement, String> {
    let mut judge = Judge::new(scenario, &trial.subject);
    let ended = repeat(trial, scenario, &mut judge)?;
    let mut judgement = judge.finish(&ended);
    if trial.answers.is_none() {
        // The first run is the recorded one.
        judgement.repeated(ended.trace_hash);
    }
    Ok(judgement)
}

/// Runs it as it was recorded, and compares.
fn repeat(trial: &LoopTrial, scenario: &Scenario, watch: &mut impl Watch) -> Result<Ended, String> {
    let mut balancer: Box<dyn Balancer + '_> = match &trial.answers {
        Some(answers) => Box::new(Recorded::new(answers, trial.stopped.as_ref())),
        None => BuiltIn::named(&trial.balancer)?.start(scenario.tuning),
    };
    let stopped = trial.stopped.as_ref().map(|stopped| stopped.trouble.clone());
    let by_dongle = stopped.filter(|trouble| matches!(trouble, Trouble::Dongle(_) | Trouble::Rig(_)));
    let mut dongle: Box<dyn Dongle + '_> = match &trial.heard {
        Some(heard) => Box::new(ReplayedDongle::new(heard, by_dongle)),
        None => Box::new(ReferenceDongle::default()),
    };
    let mut ended = sim::run(scenario, dongle.as_mut(), balancer.as_mut(), watch);
    // What it said behind the last batch is no answer to any.
    let late = trial.stopped.as_ref().filter(|stopped| stopped.t_ms == scenario.duration_ms);
    if let (None, Some(stopped)) = (&ended.trouble, late) {
        ended.trouble = Some((stopped.t_ms, stopped.trouble.clone()));
    }
    let now = trace_text(ended.trace_hash);
    if now != trial.trace_hash {
        let then = &trial.trace_hash;
        return Err(format!(
            "repeated, the run has the trace {now} and no longer {then}: it was recorded by another version of \
             hanbench, or this is a bug of it"
        ));
    }
    let stopped = ended.trouble.clone().map(|(t_ms, trouble)| Stopped { t_ms, trouble });
    if stopped != trial.stopped {
        return Err("repeated, the run does not end as it was recorded".into());
    }
    Ok(ended)
}

/// Judges one trial: one outcome for each check asked for, in that order. What the scenario expects to fail has passed
/// when it fails.
///
/// `evidence_path` is where the trial is stored, below the report folder.
pub fn judge(trial: &LoopTrial, evidence_path: &str) -> Vec<Outcome> {
    let judged = scenario(trial).and_then(|scenario| replay(trial, &scenario));
    let all = match judged {
        Ok(judgement) => judgement.as_expected(),
        Err(what) => {
            let error = |id: &String| {
                Ruling::new(Verdict::Error, Some(Cause::Harness), what.clone()).outcome(id, &trial.subject)
            };
            trial.checks.iter().map(error).collect()
        }
    };
    let outcome = |id: &String| {
        let found = all.iter().find(|outcome| outcome.id == *id).cloned();
        let mut outcome = found.unwrap_or_else(|| {
            let what = format!("suite {SUITE} has no check {id}");
            Ruling::new(Verdict::Error, Some(Cause::Harness), what).outcome(id, &trial.subject)
        });
        outcome.evidence = vec![evidence_path.to_string()];
        outcome
    };
    trial.checks.iter().map(outcome).collect()
}

/// Answers as a program outside once did.
struct Recorded<'a> {
    answers: &'a Answers,
    stopped: Option<&'a Stopped>,
    site: Option<Site>,
    batch: u64,
    next: usize,
}

impl<'a> Recorded<'a> {
    fn new(answers: &'a Answers, stopped: Option<&'a Stopped>) -> Recorded<'a> {
        Recorded { answers, stopped, site: None, batch: 0, next: 0 }
    }
}

impl Balancer for Recorded<'_> {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        for event in events {
            if let Event::Config(site) = event {
                self.site = Some(Site::clone(site));
            }
        }
        let batch = self.batch;
        self.batch += 1;
        if batch >= self.answers.batches {
            let ends = || Trouble::Rig("the recording ends here".into());
            return Err(self.stopped.map_or_else(ends, |stopped| stopped.trouble.clone()));
        }
        let Some(answer) = self.answers.lines.get(self.next).filter(|answer| answer.batch == batch) else {
            return Ok(());
        };
        self.next += 1;
        let Some(site) = self.site.as_ref().filter(|_| answer.t_ms == t_ms) else {
            let (at, then) = (super::tally::seconds(t_ms), super::tally::seconds(answer.t_ms));
            return Err(Trouble::Rig(format!("batch {batch} comes at {at}, and was recorded at {then}")));
        };
        json::answer(&answer.line, site, commands).map_err(Trouble::Rubbish)
    }
}
