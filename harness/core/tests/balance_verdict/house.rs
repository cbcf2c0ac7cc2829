//! Small scenarios, and balancers of a few lines.

use hanbench_core::balance::{Balancer, Command, Event, Trouble};
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{self, ReferenceDongle};
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::balance::{Judge, Judgement};
use hanbench_core::verdict::results::Outcome;

/// A house with a 25 A fuse, 8/6/4 A in it, one charger `cp1` and a car of 16 A on three phases, for an hour.
pub const HOUSE: &str = r#"
[scenario]
about = "a small house"
source = "our own"
duration_s = 3600
[fuse]
rated_a = 25
[[load]]
at = "L1"
a = 8
[[load]]
at = "L2"
a = 6
[[load]]
at = "L3"
a = 4
[[charger]]
name = "cp1"
offline_a = 6
[[car]]
charger = "cp1"
"#;

/// The house with more tables behind it.
pub fn house(more: &str) -> String {
    format!("{HOUSE}{more}")
}

/// A balancer that is a function: time, what it hears, what it wants.
pub struct Does<F>(pub F);

impl<F: FnMut(u64, &[Event], &mut Vec<Command>)> Balancer for Does<F> {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        (self.0)(t_ms, events, commands);
        Ok(())
    }
}

pub fn limit(id: usize, current_ma: i64) -> Command {
    Command::Limit { id, current_ma, phases: 3, ttl_ms: 60_000 }
}

/// Sets every charger to the same, each 10 s, once the meter has been heard.
pub fn always(current_ma: i64) -> impl Balancer {
    following(move |_, _| current_ma)
}

/// Sets every charger to what a function makes of the time and the last currents, each 10 s and when readings come.
pub fn following(target: impl Fn(u64, [i64; 3]) -> i64) -> impl Balancer {
    let mut chargers = 0;
    let mut heard: Option<[i64; 3]> = None;
    Does(move |t_ms, events: &[Event], commands: &mut Vec<Command>| {
        let mut fresh = false;
        for event in events {
            match event {
                Event::Config(site) => chargers = site.chargers.len(),
                Event::Meter(sample) if sample.i_ma[0].is_some() => {
                    heard = Some(sample.i_ma.map(|ma| ma.unwrap_or(0)));
                    fresh = true;
                }
                _ => {}
            }
        }
        if let Some(lines) = heard.filter(|_| fresh || t_ms % 10_000 == 0) {
            commands.extend((0..chargers).map(|id| limit(id, target(t_ms, lines))));
        }
    })
}

pub fn parse(text: &str) -> Scenario {
    Scenario::parse(text, &|name| Err(format!("no trace {name}"))).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a scenario and judges it.
pub fn judged(text: &str, mut balancer: impl Balancer) -> Judgement {
    let scenario = parse(text);
    let mut judge = Judge::new(&scenario, "small");
    let ended = sim::run(&scenario, &mut ReferenceDongle::default(), &mut balancer, &mut judge);
    judge.finish(&ended)
}

pub fn outcome<'a>(judgement: &'a Judgement, id: &str) -> &'a Outcome {
    judgement.outcomes.iter().find(|outcome| outcome.id == id).unwrap_or_else(|| panic!("no {id}"))
}

/// The check fails, and its reason holds all these words.
#[track_caller]
pub fn fails(judgement: &Judgement, id: &str, words: &[&str]) {
    let outcome = outcome(judgement, id);
    let reason = outcome.reason.clone().unwrap_or_default();
    assert_eq!(outcome.verdict, Verdict::Fail, "{id}: {reason} {:?}", outcome.rests_on);
    for word in words {
        assert!(reason.contains(word), "{id}: {word:?} is not in {reason:?}");
    }
}

/// The check passes, and what it rests on holds all these words.
#[track_caller]
pub fn passes(judgement: &Judgement, id: &str, words: &[&str]) {
    let outcome = outcome(judgement, id);
    assert_eq!(outcome.verdict, Verdict::Pass, "{id}: {:?}", outcome.reason);
    let rests_on = outcome.rests_on.clone().unwrap_or_default();
    for word in words {
        assert!(rests_on.contains(word), "{id}: {word:?} is not in {rests_on:?}");
    }
}

/// The check has nothing to judge, and says why.
#[track_caller]
pub fn idle(judgement: &Judgement, id: &str, words: &[&str]) {
    let outcome = outcome(judgement, id);
    let reason = outcome.reason.clone().unwrap_or_default();
    assert_eq!(outcome.verdict, Verdict::NotApplicable, "{id}: {reason} {:?}", outcome.rests_on);
    for word in words {
        assert!(reason.contains(word), "{id}: {word:?} is not in {reason:?}");
    }
}
