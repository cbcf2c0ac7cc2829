//! `balance.metamorphic`: each law is seen to hold and to be broken; and the runs of twins are judged again from what
//! was kept of them.

use crate::house::*;
use crate::kept::{again, kept, of, recorded, refused};
use hanbench_core::balance::built_in::BuiltIn;
use hanbench_core::balance::{Balancer, Command, Event, Site, Trouble};
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{self, ReferenceDongle};
use hanbench_core::verdict::balance::laws::{self, METAMORPHIC};
use hanbench_core::verdict::balance::trial::{LoopTrial, Recording, TwinTrial, judge};
use hanbench_core::verdict::balance::{Judge, Judgement};
use hanbench_core::verdict::{Cause, Verdict};

const ALL: &str = r#""order", "turned", "ratio", "more-load", "empty-place", "larger-limit""#;

/// Two cars behind 35 A, which differ, beside 8 A of the house on L1.
fn two(laws: &str) -> String {
    format!(
        "[scenario]\nabout = \"two cars\"\nsource = \"our own\"\nduration_s = 600\n[fuse]\nrated_a = 35\n\
         [[load]]\nat = \"L1\"\na = 8\n[[charger]]\nname = \"big\"\n[[charger]]\nname = \"small\"\nmax_a = 10\n\
         [[car]]\ncharger = \"*\"\nmax_a = 32\n\
         [[expect]]\nwhat = \"laws\"\nhold = [{laws}]\nfrom_s = 300\n"
    )
}

/// Every 10 s, once the meter was heard: what a function makes of the settings and the last currents.
fn gives<'a>(share: impl Fn(&Site, [i64; 3]) -> Vec<i64> + 'a) -> Box<dyn Balancer + 'a> {
    let mut site: Option<Site> = None;
    let mut heard: Option<[i64; 3]> = None;
    Box::new(Does(move |t_ms, events: &[Event], commands: &mut Vec<Command>| {
        for event in events {
            match event {
                Event::Config(told) => site = Some(Site::clone(told)),
                Event::Meter(sample) if sample.i_ma[0].is_some() => {
                    heard = Some(sample.i_ma.map(|ma| ma.unwrap_or(0)));
                }
                _ => {}
            }
        }
        if let (Some(site), Some(lines), 0) = (&site, heard, t_ms % 10_000) {
            commands.extend(share(site, lines).into_iter().enumerate().map(|(id, ma)| limit(id, ma)));
        }
    }))
}

/// The scenario and its twins, each with a balancer of its own.
fn with_twins<'a>(scenario: &Scenario, start: impl Fn() -> Box<dyn Balancer + 'a>) -> Judgement {
    let mut judge = Judge::new(scenario, "two");
    let ended = sim::run(scenario, &mut ReferenceDongle::default(), &mut *start(), &mut judge);
    let twins = laws::play(scenario, |_, twin, shares| {
        Ok::<_, ()>(sim::run(twin, &mut ReferenceDongle::default(), &mut *start(), shares))
    });
    judge.twins(twins.expect("nothing errs here"));
    judge.finish(&ended)
}

fn each(site: &Site, ma: i64) -> Vec<i64> {
    vec![ma; site.chargers.len()]
}

#[test]
fn a_balancer_that_does_the_same_whatever_it_is_told_keeps_every_law() {
    let judgement = with_twins(&parse(&two(ALL)), || gives(|site, _| each(site, 8_000)));
    passes(
        &judgement,
        METAMORPHIC,
        &["12 twins, 2 chargers over 300 s each: order, turned, ratio", "larger-limit"],
    );
}

/// Chargers in the order of their names, or as they are told; the first gets all that it can take.
fn first_served(site: &Site, by_name: bool) -> Vec<i64> {
    let named = |at: &usize| (by_name.then(|| site.chargers[*at].name.clone()), *at);
    let first = (0..site.chargers.len()).min_by_key(named);
    let share = |at| if Some(at) == first { site.chargers[at].max_ma.min(16_000) } else { 6_000 };
    (0..site.chargers.len()).map(share).collect()
}

#[test]
fn each_law_is_broken_by_a_balancer_that_breaks_no_other() {
    type Share = fn(&Site, [i64; 3]) -> Vec<i64>;
    let cases: [(&str, Share, &[&str]); 7] = [
        (
            "order",
            |site, _| first_served(site, false),
            &[
                "order: with the chargers in the reverse order the shares are not the same: 10.0 A for small where big is offered 16.0 A",
            ],
        ),
        (
            "order",
            |site, _| first_served(site, true),
            &["with the names of the chargers exchanged", "16.0 A"],
        ),
        (
            "turned",
            |site, lines| each(site, if lines[0] > lines[1] { 6_000 } else { 9_000 }),
            &[
                "turned: big is offered 6.0 A, and 9.0 A with everything but the meter one line further; 1 more",
            ],
        ),
        (
            "ratio",
            |site, lines| each(site, if lines[0] < 3_000 { 9_000 } else { 6_000 }),
            &[
                "ratio: big is offered 6.0 A, and 9.0 A with transformers that turn current down 10 times more",
            ],
        ),
        (
            "more-load",
            |site, lines| {
                each(site, if (5_000..7_000).contains(&(lines[2] - lines[1])) { 9_000 } else { 6_000 })
            },
            &[
                "more-load: cars draw 12.0 A on L3, and",
                "with 6 A more on L3, the car at",
                "in place of 6.0 A",
            ],
        ),
        (
            "empty-place",
            |site, _| each(site, 20_000 / site.chargers.len() as i64),
            &[
                "empty-place: with one charger more that has no car the shares are not the same: 6.0 A for big where big is offered 10.0 A",
            ],
        ),
        (
            "larger-limit",
            |site, _| each(site, if site.group.max_online_ma > 20_000 { 6_000 } else { 9_000 }),
            &[
                "larger-limit: big is offered least, 6.0 A; with 50 % of `max_online_a` the least is 9.0 A, at big; 1 more",
            ],
        ),
    ];
    for (law, share, words) in cases {
        let judgement = with_twins(&parse(&two(ALL)), || gives(share));
        fails(&judgement, METAMORPHIC, words);
        let broken = &outcome(&judgement, METAMORPHIC).findings;
        assert!(broken.iter().all(|finding| finding.text.starts_with(law)), "{law}: {broken:#?}");
    }
}

#[test]
fn without_laws_twins_or_anything_offered_there_is_nothing_to_judge() {
    let six = || gives(|site, _| each(site, 6_000));
    idle(&with_twins(&parse(HOUSE), six), METAMORPHIC, &["names no law"]);
    idle(&judged(&two(ALL), always(6_000)), METAMORPHIC, &["were not played"]);
    idle(
        &with_twins(&parse(&two(ALL)), || gives(|site, _| each(site, 0))),
        METAMORPHIC,
        &["nothing was offered"],
    );
}

/// Ends in the first twin that has a charger more.
struct Crowded;

impl Balancer for Crowded {
    fn answer(&mut self, _: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        commands.extend([limit(0, 6_000), limit(1, 6_000)]);
        let crowded = |event: &Event| matches!(event, Event::Config(site) if site.chargers.len() > 2);
        match events.iter().any(crowded) {
            true => Err(Trouble::Gone("exit code 1: too many chargers".into())),
            false => Ok(()),
        }
    }
}

#[test]
fn a_balancer_that_ends_in_a_twin_fails_for_that() {
    let judgement = with_twins(&parse(&two(ALL)), || Box::new(Crowded));
    let words =
        ["with one charger more that has no car: at 0 s the balancer was gone: exit code 1: too many"];
    fails(&judgement, METAMORPHIC, &words);
    assert_eq!(outcome(&judgement, METAMORPHIC).cause, Some(Cause::Dut));
    passes(&judgement, "balance.protocol", &[]);
}

/// What a run leaves of a program that did as these balancers do.
fn kept_with_twins<'a>(text: &str, start: impl Fn() -> Box<dyn Balancer + 'a>) -> LoopTrial {
    let mut trial = kept(text, "process:mine", Some(start()));
    let twins = laws::play(&parse(text), |change, twin, shares| {
        let (ended, answers) = recorded(twin, start(), shares);
        let run = Recording::new(&ended, Some(answers));
        trial.twins.push(TwinTrial { with: change.to_string(), run });
        Ok::<_, ()>(ended)
    });
    assert_eq!(twins.map(|twins| twins.len()), Ok(trial.twins.len()));
    trial
}

#[test]
fn twins_are_judged_again_from_what_a_program_answered_to_them() {
    let trial = again(&kept_with_twins(&two(ALL), || gives(|site, _| first_served(site, false))));
    assert_eq!(trial.twins.len(), 12);
    let outcomes = judge(&trial, "evidence/balance-a.json");
    let related = of(&outcomes, METAMORPHIC);
    assert_eq!((related.verdict, related.cause), (Verdict::Fail, Some(Cause::Dut)));
    // What was kept before there were twins is read, and says so.
    let old = LoopTrial { version: 1, twins: Vec::new(), ..trial.clone() };
    let text = serde_json::to_value(&old).expect("JSON");
    assert!(text["trace_hash"].is_string() && text["answers"].is_object() && text["twins"].is_null());
    let outcomes = judge(&again(&old), "evidence/balance-a.json");
    assert_eq!(of(&outcomes, METAMORPHIC).verdict, Verdict::NotApplicable);
    assert!(of(&outcomes, "balance.protocol").verdict == Verdict::Pass);
    // Twins that do not belong to the scenario are refused.
    let mut less = trial.clone();
    less.twins.pop();
    refused(&less, "the run with 25 % of `max_online_a` is missing");
    let mut other = trial.clone();
    other.twins.swap(0, 1);
    refused(&other, "the run with the chargers in the reverse order is missing");
    let mut more = trial.clone();
    more.twins.push(trial.twins[0].clone());
    refused(&more, "which no law asks for");
    let mut bent = trial;
    bent.twins[3].run.answers.as_mut().expect("answers").lines.pop();
    refused(&bent, "with everything but the meter 2 lines further: repeated, the run has the trace");
}

#[test]
fn twins_of_a_built_in_balancer_are_played_again_from_its_name() {
    let text = two("\"order\", \"ratio\"");
    let mut trial = kept(&text, "none", None);
    let scenario = parse(&text);
    let own = || BuiltIn::named("none").expect("a rule").start(scenario.tuning);
    trial.twins = kept_with_twins(&text, own).twins;
    trial.twins.iter_mut().for_each(|twin| twin.run.answers = None);
    let outcomes = judge(&again(&trial), "evidence/balance-a.json");
    assert_eq!(of(&outcomes, METAMORPHIC).verdict, Verdict::Pass, "{:?}", of(&outcomes, METAMORPHIC));
    // A run of one check has no twins unless it is that one.
    let one = LoopTrial { checks: vec!["balance.fuse".into()], twins: Vec::new(), ..trial };
    assert_eq!(judge(&one, "evidence/balance-a.json").len(), 1);
    assert_ne!(judge(&one, "evidence/balance-a.json")[0].verdict, Verdict::Error);
}
