//! Judging a load balancer while the closed loop runs: fuses, lines, commands, outages, and what cars got.
//!
//! | file | what |
//! |---|---|
//! | `hazard` | what fuses and lines went through |
//! | `expected` | what the scenario expects of its own |
//! | [`metrics`] | numbers and curves of a run |
//! | `tally` | what one check has seen, and what it says |
//!
//! The plant's truth is the judge, never what anybody claims; but a balancer owes nothing that it could not know. What
//! the house does alone is the house's. A check that found nothing to judge is NOT_APPLICABLE and says why.
//!
//! Looks closely only when a current has changed; between two changes a span costs next to nothing.

mod expected;
mod hazard;
pub mod metrics;
mod tally;

use super::results::Outcome;
use super::{Cause, Verdict};
use crate::balance::{Command, Event, Trouble};
use crate::plant::car::NJ_PER_WH;
use crate::plant::charger::Charger;
use crate::plant::network::{Plant, line_phasors};
use crate::scenario::{Happening, Scenario, system};
use crate::sim::{Ended, Watch};
use expected::Expected;
use hazard::Hazard;
use metrics::{Metrics, Series};
use serde_json::{Value, json};
use tally::Ruling;

/// The suite of these checks.
pub const SUITE: &str = "balance";

/// The judge of one run.
///
/// ```
/// # use hanbench_core::{balance::{Balancer, Command, Event, Trouble}, scenario::Scenario, sim, verdict};
/// struct Idle;
/// impl Balancer for Idle {
///     fn answer(&mut self, _: u64, _: &[Event], _: &mut Vec<Command>) -> Result<(), Trouble> {
///         Ok(())
///     }
/// }
/// let text = "[scenario]\nabout = \"nothing\"\nsource = \"our own\"\nduration_s = 60\n[fuse]\nrated_a = 25\n";
/// let scenario = Scenario::parse(text, &|name| Err(name.into())).unwrap();
/// let mut judge = verdict::balance::Judge::new(&scenario, "idle");
/// let ended = sim::run(&scenario, &mut sim::ReferenceDongle::default(), &mut Idle, &mut judge);
/// let judgement = judge.finish(&ended);
/// assert_eq!(judgement.verdict(), verdict::Verdict::Pass);
/// ```
pub struct Judge<'a> {
    scenario: &'a Scenario,
    subject: String,
    /// The plant's number of changes when it was last looked at.
    changes: Option<u64>,
    /// Reasons why the balancer hears no meter, or does nothing at all.
    blind: u32,
    hazard: Hazard<'a>,
    expected: Expected<'a>,
    metrics: Metrics,
    series: Series,
}

/// What came of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// What each check says of the run as it was, in the order of [`super::checks::BALANCE`].
    pub outcomes: Vec<Outcome>,
    /// Checks that the scenario expects to fail; empty for most.
    pub to_fail: Vec<String>,
    /// Numbers of the run.
    pub metrics: Metrics,
    /// Its curves.
    pub series: Series,
    /// The trace of the loop, folded.
    pub trace_hash: u64,
}

impl<'a> Judge<'a> {
    /// A judge for one run of a scenario, which results call `subject`.
    pub fn new(scenario: &'a Scenario, subject: &str) -> Judge<'a> {
        Judge {
            scenario,
            subject: subject.into(),
            changes: None,
            blind: 0,
            hazard: Hazard::new(scenario),
            expected: Expected::new(scenario),
            metrics: Metrics::default(),
            series: Series::new(scenario),
        }
    }

    /// What came of it all.
    pub fn finish(mut self, ended: &Ended) -> Judgement {
        let simulated_ms = (self.metrics.simulated_s * 1000.0).round() as u64;
        let mut rulings = vec![
            ("balance.protocol", protocol(ended, simulated_ms)),
            ("balance.fuse", self.hazard.fuse_ruling(simulated_ms)),
            ("balance.overload", self.hazard.overload_ruling(simulated_ms)),
        ];
        let fails = |ruling: &Ruling| ruling.verdict == Verdict::Fail;
        let failed: Vec<&str> =
            rulings.iter().filter(|(_, ruling)| fails(ruling)).map(|(id, _)| *id).collect();
        let expected = self.expected.ruling(&failed);
        rulings.insert(1, ("balance.expected", expected));
        Judgement {
            outcomes: rulings.into_iter().map(|(id, ruling)| ruling.outcome(id, &self.subject)).collect(),
            to_fail: self.expected.checks().map_or(Vec::new(), |(ids, _)| ids.to_vec()),
            metrics: self.metrics,
            series: self.series,
            trace_hash: ended.trace_hash,
        }
    }
}

impl Watch for Judge<'_> {
    fn span(&mut self, from_ms: u64, plant: &Plant) {
        let changed = self.changes != Some(plant.changes());
        if changed {
            self.changes = Some(plant.changes());
            self.hazard.changed(from_ms, plant, self.blind > 0);
        }
        self.hazard.pass(plant.t_ms() - from_ms, plant);
        self.expected.pass(from_ms, changed, plant);
        self.series.pass(from_ms, changed, plant);
    }

    fn answered(&mut self, t_ms: u64, events: &[Event], commands: &[Command]) {
        for event in events {
            if let Event::Meter(sample) = event
                && sample.i_ma.iter().any(Option::is_some)
            {
                self.hazard.heard(t_ms);
            }
        }
        for command in commands {
            if let Command::Alarm { about, text } = command {
                self.expected.alarm(t_ms, *about, text);
                self.series.mark(t_ms, || format!("alarm, {}: {text}", about.word()));
            }
        }
    }

    fn happened(&mut self, t_ms: u64, what: &Happening) {
        if let Happening::Meter { up }
        | Happening::Dongle { up }
        | Happening::Cloud { up }
        | Happening::Balancer { up } = what
        {
            self.blind = if *up { self.blind.saturating_sub(1) } else { self.blind + 1 };
            // What it owes begins or ends here, whether or not a current changes.
            self.changes = None;
        }
        self.series.mark(t_ms, || words(self.scenario, what));
    }

    fn ended(&mut self, plant: &Plant) {
        self.hazard.ended(plant);
        self.expected.ended(plant);
        let metrics = &mut self.metrics;
        metrics.simulated_s = plant.t_ms() as f64 / 1000.0;
        metrics.fuse_heat_max = self.hazard.heat_max();
        metrics.overload_a_s = self.hazard.over_a_s;
        metrics.overload_s = self.hazard.over_ms as f64 / 1000.0;
        metrics.t90_down_s = self.hazard.t90_ms.map(|ms| ms as f64 / 1000.0);
        for (plan, station) in self.scenario.chargers.iter().zip(plant.stations()) {
            let kwh = (station.charger.energy_nj() * 1000 / NJ_PER_WH) as f64 / 1e6;
            metrics.energy_kwh.push((plan.name.clone(), kwh));
            metrics.starts.push((plan.name.clone(), station.charger.starts()));
        }
    }
}

impl Judgement {
    /// Ids of the checks that fail, whether expected or not.
    pub fn failed(&self) -> Vec<&str> {
        let failed = self.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Fail);
        failed.map(|outcome| outcome.id.as_str()).collect()
    }

    /// The scenario as a whole: PASS where exactly those checks fail that it expects to, which mostly is none.
    pub fn verdict(&self) -> Verdict {
        let left = self.as_expected();
        left.iter().map(|outcome| outcome.verdict).max().unwrap_or(Verdict::NotApplicable)
    }

    /// The outcomes for a report: a check that fails as the scenario expects has passed, and says what it rests on.
    pub fn as_expected(&self) -> Vec<Outcome> {
        let mut outcomes = self.outcomes.clone();
        for outcome in &mut outcomes {
            if outcome.verdict == Verdict::Fail && self.to_fail.contains(&outcome.id) {
                let reason = outcome.reason.take().unwrap_or_default();
                outcome.verdict = Verdict::Pass;
                outcome.cause = None;
                outcome.rests_on = Some(format!("fails, as the scenario expects: {reason}"));
                for finding in &mut outcome.findings {
                    finding.weightless = true;
                }
            }
        }
        outcomes
    }

    /// The line of `sim --json` (contract, section 5). `failed` holds the checks that fail, expected or not.
    pub fn to_json(&self, scenario: &str) -> Value {
        json!({
            "scenario": scenario,
            "verdict": self.verdict().word(),
            "failed": self.failed(),
            "metrics": self.metrics.to_json(),
            "trace_hash": format!("{:016x}", self.trace_hash),
        })
    }
}

fn protocol(ended: &Ended, simulated_ms: u64) -> Ruling {
    let Some((t_ms, trouble)) = &ended.trouble else {
        return Ruling::pass(format!("every batch of {} was answered", tally::seconds(simulated_ms)));
    };
    let at = tally::seconds(*t_ms);
    let fail = |what: String| Ruling::new(Verdict::Fail, Some(Cause::Dut), what);
    match trouble {
        Trouble::Rubbish(what) => fail(format!("at {at} the balancer answered what is no answer: {what}")),
        Trouble::Late(what) => fail(format!("at {at} the balancer did not answer in time: {what}")),
        Trouble::Twice(what) => fail(format!("at {at} the balancer answered more than once: {what}")),
        Trouble::Gone(what) => fail(format!("at {at} the balancer was gone: {what}")),
        Trouble::Rig(what) => Ruling::new(
            Verdict::Error,
            Some(Cause::Rig),
            format!("at {at} the balancer could not be reached, which is not its fault: {what}"),
        ),
    }
}

/// The lines that a charger feeds with the terminals that its car uses.
fn feeds(scenario: &Scenario, at: usize, charger: &Charger) -> [bool; 3] {
    let order = scenario.chargers[at].settings.order;
    let lines = line_phasors(system(scenario.grid), order, charger.terminals());
    lines.map(|line| line.re != 0.0 || line.im != 0.0)
}

/// What happened, in a few words for a plot.
fn words(scenario: &Scenario, what: &Happening) -> String {
    let name = |id: &usize| &scenario.chargers[*id].name;
    let again = |up: &bool| if *up { "works again" } else { "is lost" };
    match what {
        Happening::Meter { up } => format!("the meter's link {}", again(up)),
        Happening::Dongle { up } => format!("the dongle {}", again(up)),
        Happening::Charger { id, up } => format!("the link of {} {}", name(id), again(up)),
        Happening::Cloud { up } => format!("the cloud {}", again(up)),
        Happening::Balancer { up } => format!("the balancer {}", again(up)),
        Happening::Reboot { id, .. } => format!("{} restarts", name(id)),
        Happening::Swap { id, .. } => format!("{} is replaced by another", name(id)),
        Happening::StandAlone { id, on: true } => format!("{} stands alone", name(id)),
        Happening::StandAlone { id, on: false } => format!("{} obeys again", name(id)),
        Happening::Volts(_) => "the voltage changes".into(),
        Happening::Settings(_) => "the settings change".into(),
        Happening::Override { id, current_ma } => {
            format!("somebody sets {} to {}", name(id), tally::amperes(*current_ma))
        }
    }
}
