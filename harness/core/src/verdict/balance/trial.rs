//! One scenario with one balancer, kept so that it can be judged again anywhere: without the program that balanced,
//! without its files, at any time.
//!
//! Of a built-in balancer the name is enough. Of a program outside every line that says something is kept, and the run
//! is repeated with those; of a dongle on a line, what it claimed and how long it took. The twins that the laws of a
//! scenario ask for are made from it again, and their runs are kept as it is. A repeated run has to come to the trace of
//! the recorded one; otherwise nothing can be said, and that is a bug of ours.

use super::laws::{self, METAMORPHIC};
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

/// Version of the trial file. Readers accept all older ones; 1 has no twins.
pub const LOOP_TRIAL_VERSION: u32 = 2;
/// The first version with twins.
const WITH_TWINS: u32 = 2;

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
    /// What is kept of its run.
    #[serde(flatten)]
    pub run: Recording,
    /// The twins that its laws ask for, up to the first that did not come to its end; none with the dongle of a rig.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<TwinTrial>,
}

/// What is kept of one run, so that it can be repeated.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Recording {
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

/// One twin, as it was played.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TwinTrial {
    /// How it differs from the scenario, in the words of [`crate::scenario::Change`].
    pub with: String,
    /// What is kept of its run.
    #[serde(flatten)]
    pub run: Recording,
}

impl Recording {
    /// Of a run with the reference decoder as dongle, which ended so; of a program also what it answered.
    pub fn new(ended: &Ended, answers: Option<Answers>) -> Recording {
        let stopped = ended.trouble.clone().map(|(t_ms, trouble)| Stopped { t_ms, trouble });
        let trace_hash = trace_text(ended.trace_hash);
        Recording { answers, heard: None, pacing: None, trace_hash, stopped }
    }
}

impl LoopTrial {
    /// Its own run and those of its twins, in the order played.
    pub fn runs(&self) -> impl Iterator<Item = &Recording> {
        std::iter::once(&self.run).chain(self.twins.iter().map(|twin| &twin.run))
    }
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

/// Repeats the run under the eyes of the judge, and those of its twins.
///
/// # Errors
/// In words: the trial contradicts itself, or a run of it cannot be repeated.
pub fn replay(trial: &LoopTrial, scenario: &Scenario) -> Result<Judgement, String> {
    let mut judge = Judge::new(scenario, &trial.subject);
    let ended = repeat(&trial.balancer, &trial.run, scenario, &mut judge)?;
    let asked = trial.checks.iter().any(|id| id == METAMORPHIC);
    if trial.run.heard.is_some() {
        judge.without_twins(NO_TWINS_OF_DONGLES);
    } else if asked && trial.version >= WITH_TWINS && ended.trouble.is_none() {
        judge.twins(twins(trial, scenario)?);
    }
    let mut judgement = judge.finish(&ended);
    if trial.run.answers.is_none() {
        // The first run is the recorded one.
        judgement.repeated(ended.trace_hash);
    }
    Ok(judgement)
}

/// A law compares balancers, and a dongle on a line takes another time in every run.
const NO_TWINS_OF_DONGLES: &str = "the dongle of the rig is in the loop, and laws are judged without one";

/// Repeats the runs of the twins; each has to be the one that its law makes.
fn twins(trial: &LoopTrial, scenario: &Scenario) -> Result<Vec<laws::Twin>, String> {
    let mut kept = trial.twins.iter();
    let twins = laws::play(scenario, |change, twin, shares| {
        let with = change.to_string();
        let kept = kept.next().filter(|kept| kept.with == with);
        let kept = kept.ok_or_else(|| format!("the run with {with} is missing from the trial"))?;
        repeat(&trial.balancer, &kept.run, twin, shares).map_err(|what| format!("with {with}: {what}"))
    })?;
    match kept.next() {
        None => Ok(twins),
        Some(more) => Err(format!("the trial has a run with {}, which no law asks for", more.with)),
    }
}

/// Runs a scenario as it was recorded, and compares.
fn repeat(
    balancer: &str,
    run: &Recording,
    scenario: &Scenario,
    watch: &mut impl Watch,
) -> Result<Ended, String> {
    let mut balancer: Box<dyn Balancer + '_> = match &run.answers {
        Some(answers) => Box::new(Recorded::new(answers, run.stopped.as_ref())),
        None => BuiltIn::named(balancer)?.start(scenario.tuning),
    };
    let stopped = run.stopped.as_ref().map(|stopped| stopped.trouble.clone());
    let by_dongle = stopped.filter(|trouble| matches!(trouble, Trouble::Dongle(_) | Trouble::Rig(_)));
    let mut dongle: Box<dyn Dongle + '_> = match &run.heard {
        Some(heard) => Box::new(ReplayedDongle::new(heard, by_dongle)),
        None => Box::new(ReferenceDongle::default()),
    };
    let mut ended = sim::run(scenario, dongle.as_mut(), balancer.as_mut(), watch);
    // What it said behind the last batch is no answer to any.
    let late = run.stopped.as_ref().filter(|stopped| stopped.t_ms == scenario.duration_ms);
    if let (None, Some(stopped)) = (&ended.trouble, late) {
        ended.trouble = Some((stopped.t_ms, stopped.trouble.clone()));
    }
    let now = trace_text(ended.trace_hash);
    if now != run.trace_hash {
        let then = &run.trace_hash;
        return Err(format!(
            "repeated, the run has the trace {now} and no longer {then}: it was recorded by another version of \
             hanbench, or this is a bug of it"
        ));
    }
    let stopped = ended.trouble.clone().map(|(t_ms, trouble)| Stopped { t_ms, trouble });
    if stopped != run.stopped {
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
