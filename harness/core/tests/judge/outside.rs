//! What no telegram carries: the missing L2, the ratio, the fuse.

use crate::dsl::object;
use Verdict::{Fail, Inconclusive, NotApplicable, Pass};
use hanbench_core::verdict::judge::judge;
use hanbench_core::verdict::results::Outcome;
use hanbench_core::verdict::stimulus::{l2, scaling};
use hanbench_core::verdict::trial::{DutTerms, Event, Part, RatioSetting, Stimulus, Telegram, Trial, What};
use hanbench_core::verdict::{Cause, Verdict};
use serde_json::{Map, Value, json};

type Claim = Map<String, Value>;

/// Judges a DUT that answers each telegram as `claim` says.
fn judged(stimulus: &Stimulus, dut: &DutTerms, claim: impl Fn(&Telegram) -> Claim) -> Vec<Outcome> {
    let mut events = Vec::new();
    for (index, part) in stimulus.parts.iter().enumerate() {
        let t_us = index as u64 * 10_000_000;
        if let Part::Telegram(telegram) = part {
            events.push(Event { t_us, what: What::Sent { index, pauses: Vec::new() } });
            let claim = claim(telegram);
            events.push(Event { t_us: t_us + 5, what: What::Claim { claim, raw: String::new() } });
        }
    }
    let (stimulus, dut) = (stimulus.clone(), dut.clone());
    judge(&Trial { version: 2, stimulus, dut, events, pacing: None }, "evidence/x.json")
}

fn aidon(claim: impl Fn(&Telegram) -> Claim) -> Vec<Outcome> {
    let stimuli = l2().expect("stimuli");
    judged(&stimuli[0], &DutTerms::default(), claim)
}

/// The claim that says what was sent, and `i2` of L2.
fn with_i2(telegram: &Telegram, i2: f64, marked: bool) -> Claim {
    let mut claim = telegram.reading.clone();
    claim.insert("current_l2_a".into(), json!(i2));
    if marked {
        claim.insert("estimated".into(), json!(["current_l2_a"]));
    }
    claim
}

fn truth(telegram: &Telegram) -> f64 {
    telegram.truth["current_l2_a"].as_f64().expect("a number")
}

fn one<'a>(outcomes: &'a [Outcome], id: &str) -> &'a Outcome {
    outcomes.iter().find(|one| one.id == id).unwrap_or_else(|| panic!("no {id}"))
}

fn verdicts(outcomes: &[Outcome]) -> Vec<(&str, Verdict)> {
    let own = outcomes.iter().filter(|one| one.id.starts_with("l2."));
    own.map(|one| (one.id.as_str(), one.verdict)).collect()
}

#[test]
fn a_dongle_that_leaves_l2_out_is_only_asked_whether_it_did() {
    let outcomes = aidon(|telegram| telegram.reading.clone());
    let expected = [
        ("l2.current.bound", NotApplicable),
        ("l2.current.candidate", NotApplicable),
        ("l2.current.overload", NotApplicable),
        ("l2.estimate.marked", Pass),
        ("l2.estimate.method", NotApplicable),
    ];
    assert_eq!(verdicts(&outcomes), expected);
    let reason = one(&outcomes, "l2.current.bound").reason.as_deref().unwrap_or_default();
    assert!(reason.starts_with("the dongle leaves the current of L2 out"), "{reason}");
}

#[test]
fn the_truth_fits_bound_and_candidates_of_every_meter() {
    for stimulus in l2().expect("stimuli") {
        let outcomes = judged(&stimulus, &DutTerms::default(), |telegram| {
            let mut claim = telegram.reading.clone();
            claim.extend(telegram.truth.clone());
            let keys: Vec<&String> = telegram.truth.keys().collect();
            claim.insert("estimated".into(), json!(keys));
            claim
        });
        let bad: Vec<_> = verdicts(&outcomes).into_iter().filter(|(_, verdict)| *verdict != Pass).collect();
        // Feeding in has the other root, so no one formula gives the truth.
        assert_eq!(bad, [("l2.estimate.method", Inconclusive)], "{}", stimulus.subject);
    }
}

#[test]
fn inside_the_bound_and_off_the_candidates_is_inconclusive_with_both_values() {
    // The lower end of the bound is always possible, and here mostly neither root.
    let lowest = |telegram: &Telegram| {
        let value = |key: &str| telegram.reading[key].as_f64().expect("a number").abs();
        (value("current_l1_a") - value("current_l3_a")).abs()
    };
    let outcomes = aidon(|telegram| with_i2(telegram, lowest(telegram), true));
    assert_eq!(one(&outcomes, "l2.current.bound").verdict, Pass);
    let candidate = one(&outcomes, "l2.current.candidate");
    assert_eq!((candidate.verdict, candidate.cause), (Inconclusive, Some(Cause::Dut)));
    let first = &candidate.findings[0];
    // Both roots are one where two branches of one power factor meet in L2.
    assert_eq!(
        first.text,
        "telegram 1 of 16 (list 2): 10.3 A claimed for L2, but P, Q, U and I leave 46.8 A"
    );
    assert!(candidate.findings.iter().any(|finding| finding.text.contains(" or ")), "{candidate:?}");
}

#[test]
fn an_overload_may_be_estimated_too_low_but_not_shown_too_low() {
    let short = |marked| aidon(move |telegram| with_i2(telegram, truth(telegram) - 3.0, marked));
    let shown = short(false);
    let overload = one(&shown, "l2.current.overload");
    assert_eq!((overload.verdict, overload.cause), (Fail, Some(Cause::Dut)));
    let reason = overload.reason.as_deref().unwrap_or_default();
    assert!(
        reason.starts_with(
            "telegram 1 of 16 (list 2): L2 carries 46.8 A, more than L1 and L3, but the dongle shows 43.8 A as if it \
             were measured"
        ),
        "{reason}"
    );
    let estimated = short(true);
    let overload = one(&estimated, "l2.current.overload");
    assert_eq!(overload.verdict, NotApplicable);
    assert!(!overload.findings.is_empty() && overload.findings.iter().all(|finding| finding.weightless));
    let near = aidon(|telegram| with_i2(telegram, truth(telegram) - 2.4, false));
    assert_eq!(one(&near, "l2.current.overload").verdict, Pass);
}

#[test]
fn a_voltage_outside_its_interval_fails() {
    let stimuli = l2().expect("stimuli");
    let kaifa = stimuli.iter().find(|one| one.subject == "l2/kaifa-ma304t3").expect("it");
    let with_u2 = |volts: f64| {
        let outcomes = judged(kaifa, &DutTerms::default(), move |telegram| {
            let mut claim = telegram.reading.clone();
            claim.insert("voltage_l2_v".into(), json!(volts));
            claim.insert("estimated".into(), json!(["voltage_l2_v"]));
            claim
        });
        one(&outcomes, "l2.voltage.interval").verdict
    };
    // The line voltage of two phase voltages, which is the misuse of the formula.
    assert_eq!((with_u2(230.0), with_u2(398.0), with_u2(0.0)), (Pass, Fail, Fail));
}

fn fuse(ratio: RatioSetting, main_fuse_a: Option<u32>) -> Outcome {
    let dut = DutTerms { ratio, main_fuse_a, ..DutTerms::default() };
    let stimuli = scaling(&dut).expect("stimuli");
    let site = stimuli.iter().find(|one| one.subject.ends_with("#site")).expect("it");
    let outcomes = judged(site, &dut, |_| object(json!({})));
    assert_eq!(outcomes.len(), 1);
    outcomes.into_iter().next().expect("one")
}

#[test]
fn the_fuse_calls_for_a_ratio_and_63_amperes_for_a_look_at_the_meter() {
    let fixed = |ratio: &str| RatioSetting::Fixed(ratio.to_string());
    for (ratio, amperes, expected) in [
        (fixed("1:1"), Some(62), (Pass, None)),
        (fixed("100:5"), Some(62), (Inconclusive, Some(Cause::Config))),
        (fixed("1:1"), Some(63), (Inconclusive, Some(Cause::Config))),
        (fixed("100:5"), Some(63), (Inconclusive, Some(Cause::Config))),
        (fixed("1:1"), Some(64), (Fail, Some(Cause::Config))),
        (fixed("5:5"), Some(64), (Fail, Some(Cause::Config))),
        (fixed("200:5"), Some(64), (Pass, None)),
        (fixed("1:1"), None, (NotApplicable, None)),
        (RatioSetting::Running, Some(80), (NotApplicable, None)),
    ] {
        let outcome = fuse(ratio.clone(), amperes);
        assert_eq!((outcome.verdict, outcome.cause), expected, "{ratio:?} {amperes:?}");
    }
    let both = fuse(fixed("1:1"), Some(63)).reason.unwrap_or_default();
    assert!(both.contains("above 63 A") && both.contains("63 A or higher"), "{both}");
}

#[test]
fn a_dut_that_cannot_have_the_ratio_is_not_applicable_with_the_reason() {
    let fixed = DutTerms { ratio: RatioSetting::Fixed("100:5".into()), ..DutTerms::default() };
    let outcomes = judged(&l2().expect("stimuli")[0], &fixed, |telegram| telegram.reading.clone());
    for outcome in &outcomes {
        assert_eq!(outcome.verdict, NotApplicable);
        assert_eq!(outcome.reason.as_deref(), Some("it needs a ratio of 1:1, and the DUT is set to 100:5"));
    }
    let at_start = DutTerms { ratio: RatioSetting::AtStart, ..DutTerms::default() };
    let stimuli = scaling(&at_start).expect("stimuli");
    let changed = stimuli.iter().find(|one| one.subject.ends_with("#runtime-change")).expect("it");
    let reason = changed.obstacle(&at_start).unwrap_or_default();
    assert_eq!(reason, "the bench cannot change the ratio of this DUT while it runs");
}

#[test]
fn a_text_for_l2_is_neither_left_out_nor_marked() {
    let outcomes = aidon(|telegram| {
        let mut claim = telegram.reading.clone();
        claim.insert("current_l2_a".into(), json!("12.0"));
        claim
    });
    for id in ["l2.current.bound", "l2.current.overload", "l2.estimate.marked"] {
        let outcome = one(&outcomes, id);
        assert_eq!((outcome.verdict, outcome.cause), (Inconclusive, Some(Cause::Dut)), "{id}");
        let reason = outcome.reason.as_deref();
        assert_eq!(reason, Some("current_l2_a is claimed as \"12.0\", which is no number"));
    }
    let form = one(&outcomes, "han.claim.form");
    assert_eq!(form.verdict, Fail, "{form:?}");
}

#[test]
fn a_telegram_that_is_passed_over_is_missed() {
    let stimuli = l2().expect("stimuli");
    let mut trial = Trial {
        version: 2,
        stimulus: stimuli[0].clone(),
        dut: DutTerms::default(),
        events: Vec::new(),
        pacing: None,
    };
    for (index, part) in trial.stimulus.parts.iter().enumerate() {
        let Part::Telegram(telegram) = part else { continue };
        let t_us = index as u64 * 10_000_000;
        trial.events.push(Event { t_us, what: What::Sent { index, pauses: Vec::new() } });
        // The first is the one in which L2 carries most.
        if index > 0 {
            let claim = telegram.reading.clone();
            trial.events.push(Event { t_us: t_us + 5, what: What::Claim { claim, raw: String::new() } });
        }
    }
    let once = judge(&trial, "").into_iter().find(|one| one.id == "han.claim.once").expect("it");
    assert_eq!(once.verdict, Fail, "{once:?}");
}

#[test]
fn a_ratio_changes_no_voltage() {
    let dut = DutTerms { ratio: RatioSetting::AtStart, ..DutTerms::default() };
    let stimuli = scaling(&dut).expect("stimuli");
    for stimulus in stimuli.iter().filter(|one| one.subject.ends_with("#100:5")) {
        let scaled = |volts: f64| {
            judged(stimulus, &dut, move |telegram| {
                let mut claim = telegram.reading.clone();
                for (key, value) in claim.iter_mut() {
                    let times = match key.split('_').next() {
                        Some("current" | "active" | "reactive" | "energy") => 20.0,
                        Some("voltage") => volts,
                        _ => continue,
                    };
                    *value = json!(value.as_f64().expect(key) * times);
                }
                claim
            })
        };
        assert!(
            scaled(1.0).iter().all(|one| matches!(one.verdict, Pass | NotApplicable)),
            "{:#?}",
            scaled(1.0)
        );
        let outcomes = scaled(20.0);
        let alike = one(&outcomes, "scaling.factor.alike");
        let reason = alike.reason.as_deref().unwrap_or_default();
        assert_eq!(alike.verdict, Fail, "{alike:?}");
        assert!(
            reason.contains("voltage_l1_v") && reason.contains("expected whatever the ratio"),
            "{reason}"
        );
    }
}

#[test]
fn one_digit_of_a_display_is_allowed_and_no_more() {
    let dut = DutTerms { ratio: RatioSetting::AtStart, ..DutTerms::default() };
    let stimuli = scaling(&dut).expect("stimuli");
    let stimulus = stimuli.iter().find(|one| one.subject == "scaling/aidon-6540#100:5").expect("it");
    let off = |by: f64| {
        let outcomes = judged(stimulus, &dut, move |telegram| {
            let mut claim = telegram.reading.clone();
            for (key, value) in claim.iter_mut().filter(|(key, _)| key.starts_with("current_")) {
                *value = json!(value.as_f64().expect(key) * 20.0 + by);
            }
            claim
        });
        one(&outcomes, "scaling.factor.current").verdict
    };
    assert_eq!((off(0.0), off(0.09), off(-0.09), off(0.1), off(-0.1)), (Pass, Pass, Pass, Fail, Fail));
}
