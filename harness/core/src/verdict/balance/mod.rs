//! Judging a load balancer while the closed loop runs: fuses, lines, commands, outages, and what cars got.
//!
//! | file | what |
//! |---|---|
//! | `view` | chargers and cars as they are |
//! | `knowledge` | what the balancer has been told |
//! | `hazard` | what fuses and lines went through |
//! | `commands` | what the balancer wants |
//! | `outage` | what happens while somebody hears nobody |
//! | `service` | what cars got, and what it cost the contactors |
//! | `settled` | what is made of the room once nothing changes |
//! | `margin` | what a balancer may keep free |
//! | `bound` | the most that there was room for, at a moment |
//! | `energy` | the same over the whole time |
//! | `expected` | what the scenario expects of its own |
//! | [`laws`] | the scenario beside one that differs in one thing |
//! | [`metrics`] | numbers and curves of a run |
//! | `tally` | what one check has seen, and what it says |
//! | [`trial`] | a run that is kept, and judged again |
//!
//! The plant's truth is the judge, never what anybody claims; but a balancer owes nothing that it could not know. What
//! the house does alone is the house's. A check that found nothing to judge is NOT_APPLICABLE and says why.
//!
//! Looks closely only when a current has changed; between two changes a span costs next to nothing.

mod bound;
mod commands;
mod energy;
mod expected;
mod hazard;
mod knowledge;
pub mod laws;
mod margin;
pub mod metrics;
mod outage;
mod service;
mod settled;
mod tally;
pub mod trial;
mod view;

use super::results::Outcome;
use super::{Cause, Verdict};
use crate::balance::{Command, Event, Trouble};
use crate::plant::car::NJ_PER_WH;
use crate::plant::network::Plant;
use crate::scenario::{Happening, Scenario};
use crate::sim::{Ended, Watch};
use commands::Commands;
use energy::Energy;
use expected::Expected;
use hazard::Hazard;
use knowledge::Knowledge;
use laws::{METAMORPHIC, Shares, Twin};
pub use metrics::{Metrics, Series};
use outage::Outages;
use serde_json::{Value, json};
use service::Service;
use settled::Settled;
use tally::{Ruling, Tally};
use view::View;

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
    marks: Marks,
    /// The plant's number of changes when it was last looked at.
    changes: Option<u64>,
    /// Reasons why the balancer hears no meter, or does nothing at all.
    blind: u32,
    /// Links that are broken, those of chargers included.
    broken: u32,
    /// A link has broken or works again, and nobody has looked since.
    link: Option<bool>,
    view: View,
    known: Knowledge<'a>,
    hazard: Hazard<'a>,
    commands: Commands<'a>,
    outages: Outages<'a>,
    service: Service<'a>,
    settled: Settled<'a>,
    energy: Energy<'a>,
    accounting: Option<Ruling>,
    expected: Expected<'a>,
    shares: Shares,
    twins: Vec<Twin>,
    /// Why there are no twins, where there are none.
    no_twins: &'static str,
    metrics: Metrics,
    series: Series,
}

/// How much a balancer has to make of the room (balancing, section 5d). The reference must meet its marks; another one
/// is scored by them, but for the part of the room that a requirement asks for (B-65).
#[derive(Clone, Copy)]
struct Marks {
    /// Largest part of the bound that may be left at a settled moment.
    gap: f64,
    /// Smallest part of the energy that there was room for.
    energy: f64,
    /// What missing one means where no requirement asks for it.
    missed: Verdict,
}

const OTHERS: Marks = Marks { gap: 0.05, energy: 0.85, missed: Verdict::Inconclusive };
const REFERENCE: Marks = Marks { gap: 0.02, energy: 0.92, missed: Verdict::Fail };

/// The check that only a second run can carry out.
const DETERMINISTIC: &str = "balance.deterministic";

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
        Judge::with_marks(scenario, subject, OTHERS)
    }

    /// The same for the reference balancer, which has to meet stricter marks.
    pub fn of_reference(scenario: &'a Scenario, subject: &str) -> Judge<'a> {
        Judge::with_marks(scenario, subject, REFERENCE)
    }

    fn with_marks(scenario: &'a Scenario, subject: &str, marks: Marks) -> Judge<'a> {
        let times = hazard::times(scenario);
        Judge {
            scenario,
            subject: subject.into(),
            marks,
            changes: None,
            blind: 0,
            broken: 0,
            link: None,
            view: View::new(scenario),
            known: Knowledge::new(scenario),
            hazard: Hazard::new(scenario, times),
            commands: Commands::new(scenario),
            outages: Outages::new(scenario, &times),
            service: Service::new(scenario, &times),
            settled: Settled::new(scenario, &times, marks.gap),
            energy: Energy::new(scenario, &times, marks.energy),
            accounting: None,
            expected: Expected::new(scenario),
            shares: Shares::new(scenario),
            twins: Vec::new(),
            no_twins: "the twins that its laws ask for were not played",
            metrics: Metrics::default(),
            series: Series::new(scenario),
        }
    }

    /// The twins of the scenario, played by the same balancer from its start: what `balance.metamorphic` rests on.
    pub fn twins(&mut self, twins: Vec<Twin>) {
        self.twins = twins;
    }

    /// Why the twins of the scenario are not played.
    pub fn without_twins(&mut self, why: &'static str) {
        self.no_twins = why;
    }

    /// What came of it all.
    pub fn finish(mut self, ended: &Ended) -> Judgement {
        let mut rulings = self.rulings(ended);
        let fails = |ruling: &Ruling| ruling.verdict == Verdict::Fail;
        let failed: Vec<&str> =
            rulings.iter().filter(|(_, ruling)| fails(ruling)).map(|(id, _)| *id).collect();
        let expected = self.expected.ruling(&failed);
        rulings.insert(1, ("balance.expected", expected));
        rulings.push((DETERMINISTIC, Ruling::not_applicable("it was run once")));
        Judgement {
            outcomes: rulings.into_iter().map(|(id, ruling)| ruling.outcome(id, &self.subject)).collect(),
            to_fail: self.expected.checks().map_or(Vec::new(), |(ids, _)| ids.to_vec()),
            metrics: self.metrics,
            series: self.series,
            trace_hash: ended.trace_hash,
        }
    }

    /// What each check says, but for `balance.expected`, which needs to know.
    fn rulings(&mut self, ended: &Ended) -> Vec<(&'static str, Ruling)> {
        let take = std::mem::take::<Tally>;
        let ms = (self.metrics.simulated_s * 1000.0).round() as u64;
        let wrong = self.known.excuse();
        let or = |nothing: &'static str| wrong.clone().unwrap_or_else(|| nothing.into());
        let no_decision = or("the balancer decided nothing by a fresh reading");
        let no_turn = or("no car wanted to charge, with room for it, for the length of a turn");
        let charged = |_| format!("every charger that charged, over {}", tally::seconds(ms));
        let (commands, outages) = (&mut self.commands, &mut self.outages);
        let steady = take(&mut commands.steady);
        let mut rulings = vec![
            ("balance.protocol", protocol(ended, ms)),
            ("balance.fuse", self.hazard.fuse_ruling(ms)),
            ("balance.overload", self.hazard.overload_ruling(ms)),
            ("balance.feasible", take(&mut commands.feasible).of("decision", &no_decision)),
            ("balance.range", take(&mut commands.range).of("limit", "the balancer set no limit")),
            ("balance.stale", take(&mut commands.stale).of("raised limit", "no limit was raised")),
            ("balance.fallback", take(&mut outages.fallback).of("outage", "no outage lasted for a minute")),
            ("balance.unmanaged", take(&mut outages.unmanaged).ruling(charged, "nothing charged")),
            ("balance.alive", take(&mut self.service.alive).of("turn", &no_turn)),
            ("balance.wear", self.service.wear_ruling(steady)),
            (
                "balance.accounting",
                self.accounting.take().unwrap_or_else(|| Ruling::not_applicable("no end")),
            ),
        ];
        let nothing_back = "no outage ended with everything else as before";
        rulings.extend(self.shared());
        rulings.push(("balance.recovery", take(&mut self.outages.recovery).of("return", nothing_back)));
        let related = laws::ruling(self.scenario, ended, &self.shares, &self.twins, self.no_twins);
        rulings.push((METAMORPHIC, related));
        rulings
    }

    /// The same for what was made of the room.
    fn shared(&mut self) -> [(&'static str, Ruling); 3] {
        let take = std::mem::take::<Tally>;
        let why = self.sharing();
        let or = |nothing: &'static str| why.clone().unwrap_or_else(|| nothing.into());
        let unsettled = or("the load was never settled for two minutes while a car wanted to charge");
        let gap = take(&mut self.settled.gap).of("settled moment", &unsettled);
        let fair = take(&mut self.settled.fair)
            .of("comparison", &or("no two cars alike were served at a settled moment"));
        let energy = self.energy.tally().ruling(|_| self.energy.rests_on(), &or(energy::NOTHING));
        let missed = self.marks.missed;
        [
            ("balance.gap", gap),
            ("balance.fair", fair.scored(missed)),
            ("balance.energy", energy.scored(missed)),
        ]
    }

    /// Why nothing can be said about how the room was shared, if so.
    fn sharing(&self) -> Option<String> {
        let budgets = "budgets by the time of day are judged by what the scenario expects";
        self.known.excuse().or((!self.known.site.budgets.is_empty()).then(|| budgets.into()))
    }

    /// Something changes by itself; whatever is measured over a settled time begins anew.
    fn disturbed(&mut self, t_ms: u64) {
        self.settled.disturbed(t_ms);
        self.commands.unsettled();
        // What a balancer owes may begin or end here, whether or not a current changes.
        self.changes = None;
    }
}

impl Watch for Judge<'_> {
    fn span(&mut self, from_ms: u64, plant: &Plant) {
        let changed = self.changes != Some(plant.changes());
        if changed {
            self.changes = Some(plant.changes());
            if let Some(up) = self.link.take() {
                // As it was before the link broke: the view is that of the span before.
                self.outages.link(from_ms, up, plant, &self.view);
            }
            self.view.look(plant);
            let calm = self.broken == 0;
            self.hazard.changed(from_ms, plant, &self.view, self.blind > 0);
            self.service.changed(from_ms, plant, &self.view, &self.known, calm);
            if self.settled.changed(from_ms, plant, &self.view) {
                self.commands.unsettled();
            }
            self.energy.changed(from_ms, plant, &self.view, &self.known, calm);
        }
        self.hazard.pass(plant.t_ms() - from_ms, plant);
        self.outages.pass(from_ms, changed, plant, &self.view, &self.known);
        self.settled.pass(changed, plant, &self.view, &self.known);
        self.expected.pass(from_ms, changed, plant);
        self.series.pass(from_ms, changed, plant);
        self.shares.span(from_ms, plant);
    }

    fn measured(&mut self, t_ms: u64, plant: &Plant) {
        self.known.measured(t_ms, plant);
    }

    fn answered(&mut self, t_ms: u64, events: &[Event], commands: &[Command]) {
        if events.iter().any(|event| matches!(event, Event::Config(_))) {
            self.disturbed(t_ms);
        }
        if self.known.hears(t_ms, events) {
            self.hazard.heard(t_ms);
        }
        for command in commands {
            if let Command::Alarm { about, text } = command {
                self.expected.alarm(t_ms, *about, text);
                self.series.mark(t_ms, || format!("alarm, {}: {text}", about.word()));
            }
        }
        let steady = self.settled.is_steady(t_ms);
        self.commands.hears(t_ms, commands, &self.known, &self.view, steady);
    }

    fn happened(&mut self, t_ms: u64, what: &Happening) {
        self.disturbed(t_ms);
        self.series.mark(t_ms, || words(self.scenario, what));
        let toggled = |count: u32, up: bool| if up { count.saturating_sub(1) } else { count + 1 };
        match what {
            Happening::Charger { up, .. }
            | Happening::Meter { up }
            | Happening::Dongle { up }
            | Happening::Cloud { up }
            | Happening::Balancer { up } => {
                if !matches!(what, Happening::Charger { .. }) {
                    self.blind = toggled(self.blind, *up);
                }
                let before = self.broken;
                self.broken = toggled(before, *up);
                if (before == 0) != (self.broken == 0) {
                    self.link = Some(*up);
                }
                if *up {
                    self.energy.begins(t_ms);
                }
            }
            Happening::Reboot { id, .. } | Happening::Swap { id, .. } | Happening::Override { id, .. } => {
                self.service.excuse(*id);
                self.outages.disturbed();
                self.energy.begins(t_ms);
            }
            _ => {
                self.outages.disturbed();
                self.energy.begins(t_ms);
            }
        }
    }

    fn plugged(&mut self, t_ms: u64, charger: usize, comes: bool) {
        self.disturbed(t_ms);
        self.outages.disturbed();
        if comes {
            self.service.excuse(charger);
            self.energy.begins(t_ms);
        }
    }

    fn ended(&mut self, plant: &Plant) {
        let t_ms = plant.t_ms();
        self.hazard.ended(plant);
        self.outages.ended(t_ms);
        self.service.ended(t_ms);
        self.energy.ended(plant);
        self.expected.ended(plant);
        self.accounting = Some(service::accounting(self.scenario, plant));
        self.metrics = Metrics {
            fuse_heat_max: self.hazard.heat_max(),
            overload_a_s: self.hazard.over_a_s,
            overload_s: self.hazard.over_ms as f64 / 1000.0,
            gap: self.settled.gap_max,
            energy_part: self.energy.part(),
            min_fair_a: self.settled.spread_ma.map(|ma| ma as f64 / 1000.0),
            jain: self.settled.jain_min,
            setpoint_changes: self.commands.setpoint_changes,
            t90_down_s: self.hazard.t90_ms.map(|ms| ms as f64 / 1000.0),
            simulated_s: t_ms as f64 / 1000.0,
            ..Metrics::default()
        };
        for (plan, station) in self.scenario.chargers.iter().zip(plant.stations()) {
            let kwh = (station.charger.energy_nj(plant.t_ms()) * 1000 / NJ_PER_WH) as f64 / 1e6;
            self.metrics.energy_kwh.push((plan.name.clone(), kwh));
            self.metrics.starts.push((plan.name.clone(), station.charger.starts()));
        }
    }
}

impl Judgement {
    /// The same was run once more, and its trace came to this. A difference is a bug of ours: no balancer outside this
    /// program is run twice.
    pub fn repeated(&mut self, trace_hash: u64) {
        let ruling = if trace_hash == self.trace_hash {
            Ruling::pass(format!("two runs, both with the trace {trace_hash:016x}"))
        } else {
            let first = self.trace_hash;
            let what = format!("run again, the trace is {trace_hash:016x} and no longer {first:016x}");
            Ruling::new(Verdict::Error, Some(Cause::Harness), what)
        };
        if let Some(outcome) = self.outcomes.iter_mut().find(|outcome| outcome.id == DETERMINISTIC) {
            *outcome = ruling.outcome(DETERMINISTIC, &outcome.subject);
        }
    }

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
            "trace_hash": trial::trace_text(self.trace_hash),
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
        Trouble::Dongle(what) => fail(format!("at {at} the dongle was gone: {what}")),
        Trouble::Rig(what) => Ruling::new(
            Verdict::Error,
            Some(Cause::Rig),
            format!("at {at} the loop was cut, which is the fault of nobody under test: {what}"),
        ),
    }
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
