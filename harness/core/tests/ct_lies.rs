//! Claims that lie in ways other than a wrong number: the reference dongle measures, and its claims are bent.

#![allow(clippy::unwrap_used, missing_docs)]

mod clamp_trial;

use clamp_trial::{fixture, trial};
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::ct::{self, CtTrial};
use hanbench_core::verdict::results::Outcome;
use hanbench_core::verdict::trial::{Event, What};
use serde_json::{Map, Value, json};

type Claim = Map<String, Value>;

/// Not quantities but what is said about them.
const ABOUT: [&str; 5] = ["samples", "window_s", "alarms", "pulses", "estimated"];

fn judged(fixture_name: &str, bend: impl FnOnce(&mut Vec<Claim>)) -> Vec<Outcome> {
    let mut trial = trial(&fixture(fixture_name), None);
    let claim = |event: Event| match event.what {
        What::Claim { claim, .. } => claim,
        other => panic!("{other:?}"),
    };
    let mut claims: Vec<Claim> = trial.events.drain(..).map(claim).collect();
    bend(&mut claims);
    let event = |claim| Event { t_us: 0, what: What::Claim { claim, raw: String::new() } };
    trial.events = claims.into_iter().map(event).collect();
    let clipped = trial.sent.as_mut().unwrap();
    clipped.clipped = vec![0; 6];
    ct::judge(&trial, "")
}

/// What the check says, and that it fails.
fn failed(outcomes: &[Outcome], id: &str) -> String {
    let outcome = outcomes.iter().find(|outcome| outcome.id == id).unwrap();
    assert_eq!(outcome.verdict, Verdict::Fail, "{id}: {:?} {:?}", outcome.reason, outcome.rests_on);
    outcome.reason.clone().unwrap()
}

fn is_quantity(key: &str) -> bool {
    !ABOUT.contains(&key)
}

/// Bends every claim.
fn each(bend: impl Fn(&mut Claim)) -> impl FnOnce(&mut Vec<Claim>) {
    move |claims| claims.iter_mut().for_each(bend)
}

fn add(claim: &mut Claim, keys: &[&str], amount: f64) {
    for key in keys {
        let value = claim[*key].as_f64().unwrap();
        claim.insert((*key).into(), json!(value + amount));
    }
}

#[test]
fn nothing_bent_nothing_fails() {
    for name in ["unbalanced-real", "s0-pulses", "missing-u2-tn", "it-missing-i2", "one-voltage", "saturate"]
    {
        let outcomes = judged(name, |_| ());
        assert!(outcomes.iter().all(|outcome| outcome.verdict != Verdict::Fail), "{name}: {outcomes:#?}");
    }
}

#[test]
fn null_is_no_value_and_a_text_is_no_number() {
    let null = each(|claim| drop(claim.insert("current_l2_a".into(), Value::Null)));
    let said = failed(&judged("unbalanced-real", null), "ct.claim.complete");
    assert!(said.starts_with("current_l2_a is missing in "), "{said}");
    let texts = each(|claim| {
        for (_, value) in claim.iter_mut().filter(|(key, _)| is_quantity(key)) {
            *value = json!(value.to_string());
        }
    });
    let said = failed(&judged("unbalanced-real", texts), "ct.claim.complete");
    assert!(said.contains("which is no number"), "{said}");
    // Of what nobody has to claim, too.
    let text = each(|claim| drop(claim.insert("frequency_hz".into(), json!("50.0"))));
    let said = failed(&judged("unbalanced-real", text), "ct.claim.complete");
    assert_eq!(said, "frequency_hz is claimed as \"50.0\", which is no number");
    // Null is how an unknown value is claimed: it is no unmarked estimate.
    let unknown = each(|claim| {
        claim.insert("voltage_l2_v".into(), Value::Null);
        claim["estimated"].as_array_mut().unwrap().retain(|key| key != "voltage_l2_v");
    });
    let outcomes = judged("missing-u2-tn", unknown);
    let marked = outcomes.iter().find(|outcome| outcome.id == "ct.claim.estimates-marked").unwrap();
    assert_eq!(marked.verdict, Verdict::Pass, "{:?}", marked.reason);
}

#[test]
fn a_measurement_does_not_become_an_estimate_by_being_called_one() {
    let outcomes = judged(
        "unbalanced-real",
        each(|claim| {
            let keys: Vec<String> = claim.keys().filter(|key| is_quantity(key)).cloned().collect();
            claim.insert("estimated".into(), json!(keys));
            for key in ["voltage_l1_v", "current_l1_a", "active_import_l1_w", "energy_active_import_wh"] {
                claim.insert(key.into(), json!(2.0 * claim[key].as_f64().unwrap()));
            }
        }),
    );
    for id in ["ct.voltage.rms", "ct.current.rms", "ct.power.active", "ct.energy.register"] {
        failed(&outcomes, id);
    }
}

#[test]
fn claims_that_stop_or_stand_still_are_no_answer() {
    let stopped = |claims: &mut Vec<Claim>| claims.truncate(3);
    let said = failed(&judged("unbalanced-real", stopped), "ct.claim.answers");
    assert_eq!(
        said,
        "no claim for the time from 3.0 s to 6.0 s of 6.0 s, where one every 1.0 s is usual for it"
    );
    let still = |claims: &mut Vec<Claim>| {
        let second = claims[1].clone();
        claims[1..].fill(second);
    };
    let said = failed(&judged("unbalanced-real", still), "ct.claim.answers");
    assert!(said.starts_with("no claim for the time from 2.0 s to 6.0 s"), "{said}");
    let hole = |claims: &mut Vec<Claim>| drop(claims.drain(4..9));
    failed(&judged("range-sweep", hole), "ct.claim.answers");
    // Every third claim is a habit.
    let seldom = |claims: &mut Vec<Claim>| {
        let mut at = 0;
        claims.retain(|_| {
            at += 1;
            at % 3 == 0
        });
    };
    let outcomes = judged("range-sweep", seldom);
    assert!(outcomes.iter().all(|outcome| outcome.verdict != Verdict::Fail), "{outcomes:#?}");
}

#[test]
fn a_claim_without_its_place_in_time_is_not_overlooked_among_others() {
    let future = |claims: &mut Vec<Claim>| {
        claims[2].insert("samples".into(), json!(80_000_000));
        claims[2].insert("current_l1_a".into(), json!(999.0));
    };
    let said = failed(&judged("unbalanced-real", future), "ct.claim.answers");
    assert!(said.starts_with("1 of ") && said.contains("of a waveform of 6 s"), "{said}");
    let timeless = |claims: &mut Vec<Claim>| drop(claims[2].remove("samples"));
    let said = failed(&judged("unbalanced-real", timeless), "ct.claim.answers");
    assert!(said.contains("the first has no `samples`"), "{said}");
}

#[test]
fn saying_it_more_often_does_not_widen_the_limit_of_a_register() {
    let outcomes = judged("unbalanced-real", |claims| {
        for claim in claims.iter_mut() {
            let energy = claim["energy_active_import_wh"].as_f64().unwrap();
            claim.insert("energy_active_import_wh".into(), json!(1.10 * energy));
        }
        *claims = claims.iter().flat_map(|claim| vec![claim.clone(); 20]).collect();
    });
    failed(&outcomes, "ct.energy.register");
}

#[test]
fn power_does_not_flow_both_ways_at_once() {
    let line = each(|claim| add(claim, &["active_import_l2_w", "active_export_l2_w"], 5000.0));
    let said = failed(&judged("unbalanced-real", line), "ct.power.direction");
    assert!(said.starts_with("L2: ") && said.contains("5000 W of export are claimed at once"), "{said}");
    let total = each(|claim| add(claim, &["active_import_w", "active_export_w"], 5000.0));
    let said = failed(&judged("unbalanced-real", total), "ct.power.direction");
    assert!(said.starts_with("all lines: "), "{said}");
    // One line feeds in and another draws: both sides of the total may be told.
    let outcomes =
        judged("netting", each(|claim| add(claim, &["active_import_w", "active_export_w"], 1000.0)));
    let direction = outcomes.iter().find(|outcome| outcome.id == "ct.power.direction").unwrap();
    assert_eq!(direction.verdict, Verdict::Pass, "{:?}", direction.reason);
}

#[test]
fn the_total_is_judged_too_on_three_wires_above_all() {
    for name in ["it-missing-i2", "unbalanced-real"] {
        let ten = each(|claim| {
            let watts = claim["active_import_w"].as_f64().unwrap();
            claim.insert("active_import_w".into(), json!(10.0 * watts));
        });
        let said = failed(&judged(name, ten), "ct.power.active");
        assert!(said.starts_with("active_import_w is "), "{name}: {said}");
    }
}

#[test]
fn an_alarm_without_a_reason_is_a_false_alarm() {
    let alarm = || each(|claim| drop(claim.insert("alarms".into(), json!(["over-range:l1"]))));
    let said = failed(&judged("low-pf", alarm()), "ct.range.flagged");
    assert!(said.starts_with("L1: an alarm for more than 100 A is raised while 0.9 A flow"), "{said}");
    // At 70 A of 100 A nobody is blamed for being careful.
    let outcomes = judged("unbalanced-real", alarm());
    let flagged = outcomes.iter().find(|outcome| outcome.id == "ct.range.flagged").unwrap();
    assert_eq!(flagged.verdict, Verdict::NotApplicable);
}

#[test]
fn a_pulse_is_not_known_before_it_begins() {
    let future = each(|claim| {
        for pulse in claim["pulses"].as_array_mut().unwrap() {
            *pulse = json!(pulse.as_u64().unwrap() + 80_000_000);
        }
    });
    let said = failed(&judged("s0-pulses", future), "ct.energy.pulses");
    assert!(said.starts_with("a pulse at sample 80"), "{said}");
}

#[test]
fn ten_times_too_much_and_a_lost_sign_are_no_full_register() {
    let ten = each(|claim| {
        for line in 1..=3 {
            let key = format!("current_l{line}_a");
            let amperes = claim[&key].as_f64().unwrap();
            claim.insert(key, json!(10.0 * amperes));
        }
    });
    let outcomes = judged("wrap-64k-public", ten);
    failed(&outcomes, "ct.current.rms");
    let register = outcomes.iter().find(|outcome| outcome.id == "ct.range.register").unwrap();
    assert_eq!(register.verdict, Verdict::Pass, "{:?}", register.reason);
    let turned = each(|claim| {
        for line in 1..=3 {
            let [import, export] = ["import", "export"].map(|way| format!("active_{way}_l{line}_w"));
            let (one, other) = (claim[&import].clone(), claim[&export].clone());
            claim.insert(import, other);
            claim.insert(export, one);
        }
    });
    let outcomes = judged("wrap-64k-public", turned);
    failed(&outcomes, "ct.power.direction");
    let register = outcomes.iter().find(|outcome| outcome.id == "ct.range.register").unwrap();
    assert_eq!(register.verdict, Verdict::Pass, "{:?}", register.reason);
}

#[test]
fn a_figure_beyond_reason_is_short() {
    let huge = each(|claim| drop(claim.insert("current_l1_a".into(), json!(1e308))));
    let said = failed(&judged("unbalanced-real", huge), "ct.current.rms");
    assert!(said.starts_with("current_l1_a is 1.0e308 instead of 70.000 at "), "{said}");
}

fn verdict<'a>(outcomes: &'a [Outcome], id: &str) -> (Verdict, Option<&'a str>) {
    let outcome = outcomes.iter().find(|outcome| outcome.id == id).unwrap();
    (outcome.verdict, outcome.reason.as_deref())
}

#[test]
fn what_has_no_input_may_be_left_out() {
    for (name, keys) in [
        ("it-missing-i2", &["current_l2_a"][..]),
        ("missing-u2-tn", &["voltage_l2_v", "active_import_l2_w", "active_export_l2_w", "active_import_w"]),
        ("one-voltage", &["voltage_l2_v", "voltage_l3_v", "active_import_w", "energy_active_import_wh"]),
    ] {
        let outcomes = judged(name, each(|claim| claim.retain(|key, _| !keys.contains(&key.as_str()))));
        assert_eq!(verdict(&outcomes, "ct.claim.complete"), (Verdict::Pass, None), "{name}");
    }
}

#[test]
fn without_reactive_power_nobody_guesses_an_angle() {
    let outcomes = judged("rotate-123", each(|claim| claim.retain(|key, _| !key.starts_with("reactive_"))));
    let (verdict, reason) = verdict(&outcomes, "ct.wiring.found");
    assert_eq!(verdict, Verdict::NotApplicable, "{reason:?}");
    assert!(reason.unwrap().starts_with("the dongle claims no reactive power"), "{reason:?}");
}

#[test]
fn a_shifted_neutral_leaves_no_order_of_phases() {
    let alarm = |claims: &mut Vec<Claim>| {
        for claim in claims.iter_mut().skip(4) {
            claim.insert("alarms".into(), json!(["phase-order"]));
        }
    };
    let outcomes = judged("lost-neutral", alarm);
    assert_eq!(verdict(&outcomes, "ct.wiring.phase-order"), (Verdict::Pass, None));
    let early = |claims: &mut Vec<Claim>| drop(claims[1].insert("alarms".into(), json!(["phase-order"])));
    failed(&judged("lost-neutral", early), "ct.wiring.phase-order");
}

#[test]
fn printing_something_else_is_not_silence() {
    let mut trial: CtTrial = trial(&fixture("unbalanced-real"), None);
    trial.events = vec![Event { t_us: 0, what: What::Log { line: "{\"current_l1_a\": NaN}".into() } }];
    let event = Event { t_us: 0, what: What::Log { line: "{\"event\":\"ready\"}".into() } };
    trial.events.insert(0, event.clone());
    let said = failed(&ct::judge(&trial, ""), "ct.claim.answers");
    trial.events = vec![event];
    let silent = failed(&ct::judge(&trial, ""), "ct.claim.answers");
    assert_eq!(silent, "the dongle is silent: it claimed nothing");
    assert_eq!(
        said,
        "the dongle claimed nothing; it printed 1 lines that are no claims, the first: {\"current_l1_a\": NaN}"
    );
}
