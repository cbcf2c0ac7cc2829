//! Which check catches which broken dongle, without a pty: bytes into the dongle's decoder, its lines to the judge.

use super::broken::Breaker;
use super::{Broken, Scale, reference};
use hanbench_core::reading::Instant;
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::judge::judge;
use hanbench_core::verdict::results::Outcome;
use hanbench_core::verdict::stimulus::{l2, scaling};
use hanbench_core::verdict::trial::{
    DutTerms, Event, Part, RatioSetting, Stimulus, TRIAL_VERSION, Trial, What,
};
use hanbench_core::wire::cipher::Keys;

fn settable() -> DutTerms {
    DutTerms { ratio: RatioSetting::Running, ..DutTerms::default() }
}

fn outcomes(stimulus: &Stimulus, broken: Option<Broken>) -> Vec<Outcome> {
    let mut decode = reference(Keys::default());
    let mut breaker = Breaker::new(broken, Scale::ONE);
    let mut events = Vec::new();
    for (index, part) in stimulus.parts.iter().enumerate() {
        let t_us = index as u64 * 10_000_000;
        let telegram = match part {
            Part::Telegram(telegram) => telegram,
            Part::Ratio { ratio, .. } => {
                breaker.set(Scale::parse(ratio).expect("a ratio"));
                continue;
            }
            Part::Noise { .. } | Part::Silence { .. } => panic!("no part of these stimuli"),
        };
        events.push(Event { t_us, what: What::Sent { index, pauses: Vec::new() } });
        let steps = decode(&telegram.bytes, Instant(t_us)).steps;
        for line in steps.into_iter().flat_map(|step| breaker.lines(step)) {
            let claim = serde_json::from_str(&line.text).expect("an object");
            events.push(Event { t_us: t_us + 1, what: What::Claim { claim, raw: line.text } });
        }
    }
    let dut = settable();
    judge(&Trial { version: TRIAL_VERSION, stimulus: stimulus.clone(), dut, events, pacing: None }, "")
}

/// `subject check: VERDICT` of all that is neither PASS nor NOT_APPLICABLE.
fn caught(stimuli: &[Stimulus], broken: Option<Broken>) -> Vec<String> {
    let all = stimuli.iter().flat_map(|stimulus| outcomes(stimulus, broken));
    let bad = all.filter(|one| !matches!(one.verdict, Verdict::Pass | Verdict::NotApplicable));
    bad.map(|one| format!("{} {}: {}", one.subject, one.id, one.verdict.word())).collect()
}

fn failed(stimuli: &[Stimulus], broken: Broken, subject: &str) -> Vec<String> {
    let all = caught(stimuli, Some(broken));
    let head = format!("{subject} ");
    let fail = |line: &String| Some(line.strip_prefix(&head)?.strip_suffix(": FAIL")?.to_string());
    all.iter().filter_map(fail).collect()
}

#[test]
fn the_healthy_dongle_passes_everything_about_l2() {
    let stimuli = l2().expect("stimuli");
    assert_eq!(caught(&stimuli, None), [""; 0]);
    let passed = stimuli.iter().flat_map(|stimulus| outcomes(stimulus, None));
    let method = passed.filter(|one| one.id == "l2.estimate.method");
    let said: Vec<String> = method.map(|one| one.rests_on.unwrap_or_default()).collect();
    assert!(said[0].contains("I2 by triangle+"), "{said:?}");
    assert!(said[2].contains("I2 by triangle+") && said[2].contains("U2 by average"), "{said:?}");
}

#[test]
fn every_broken_estimate_is_caught_by_its_check() {
    let stimuli = l2().expect("stimuli");
    let (bound, overload, marked) = ("l2.current.bound", "l2.current.overload", "l2.estimate.marked");
    for (broken, expected) in [
        (Broken::L2Sqrt3, vec![bound, overload, marked]),
        (Broken::L2Mean, vec![bound]),
        (Broken::L2Zero, vec![bound, overload, marked]),
        (Broken::L2Unmarked, vec![marked]),
    ] {
        assert_eq!(failed(&stimuli, broken, "l2/aidon-6525"), expected, "{}", broken.name());
    }
    // A 0 in place of the 0 that the meter sends may be passed on.
    assert_eq!(failed(&stimuli, Broken::L2Zero, "l2/kaifa-ma304t3"), [""; 0]);
    assert_eq!(failed(&stimuli, Broken::L2Unmarked, "l2/kaifa-ma304h3e-i2-blanked"), [marked]);
}

#[test]
fn the_formula_of_a_broken_estimate_is_named() {
    let stimulus = &l2().expect("stimuli")[0];
    for (broken, name) in
        [(Broken::L2Sqrt3, "sqrt3-2020"), (Broken::L2Mean, "mean"), (Broken::L2Zero, "zero")]
    {
        let outcomes = outcomes(stimulus, Some(broken));
        let method = outcomes.iter().find(|one| one.id == "l2.estimate.method").expect("judged");
        let said = method.rests_on.as_deref().unwrap_or_default();
        assert!(
            said.starts_with(&format!("the dongle computes I2 by {name} ")),
            "{}: {method:?}",
            broken.name()
        );
    }
}

#[test]
fn the_healthy_dongle_passes_everything_about_scaling() {
    let stimuli = scaling(&settable()).expect("stimuli");
    assert_eq!(caught(&stimuli, None), [""; 0]);
    let all: Vec<Outcome> = stimuli.iter().flat_map(|stimulus| outcomes(stimulus, None)).collect();
    let inapplicable: Vec<&str> =
        all.iter().filter(|one| one.verdict == Verdict::NotApplicable).map(|one| one.id.as_str()).collect();
    assert_eq!(inapplicable, ["scaling.fuse-rule"], "the rig file says nothing of a fuse");
}

#[test]
fn every_broken_ratio_is_caught_by_its_check() {
    let stimuli = scaling(&settable()).expect("stimuli");
    let (current, power, energy) =
        ("scaling.factor.current", "scaling.factor.power", "scaling.factor.energy");
    let alike = "scaling.factor.alike";
    for (broken, expected) in [
        (Broken::RatioForgotten, vec![current, power, energy]),
        (Broken::RatioTwice, vec![current, power, energy]),
        (Broken::RatioPowerOnly, vec![current, energy, alike]),
    ] {
        for meter in ["aidon-6540", "kaifa-ma304t4"] {
            let failed = |what: &str| failed(&stimuli, broken, &format!("scaling/{meter}#{what}"));
            assert_eq!(failed("100:5"), expected, "{}", broken.name());
            assert_eq!(failed("50:1"), expected, "{}", broken.name());
            assert_eq!(failed("1:1"), [""; 0], "{}", broken.name());
            assert_eq!(failed("metamorphic-50:1"), ["scaling.metamorphic"], "{}", broken.name());
            assert_eq!(failed("runtime-change"), ["scaling.runtime-change"], "{}", broken.name());
        }
    }
}

#[test]
fn the_mistake_with_the_ratio_is_named() {
    let stimuli = scaling(&settable()).expect("stimuli");
    let stimulus = stimuli.iter().find(|one| one.subject == "scaling/aidon-6540#100:5").expect("it");
    for (broken, words) in [
        (Broken::RatioForgotten, "not scaled: k times too small (k = 20)"),
        (Broken::RatioTwice, "scaled twice: k times too large (k = 20)"),
    ] {
        let outcomes = outcomes(stimulus, Some(broken));
        let current = outcomes.iter().find(|one| one.id == "scaling.factor.current").expect("judged");
        assert!(current.findings.iter().any(|one| one.text.contains(words)), "{current:?}");
    }
    let alike = outcomes(stimulus, Some(Broken::RatioPowerOnly));
    let alike = alike.into_iter().find(|one| one.id == "scaling.factor.alike").expect("judged");
    let expected = "current: not scaled: k times too small; power: scaled by the ratio; energy: not scaled: k times too \
                    small";
    assert_eq!(alike.reason.as_deref(), Some(expected));
}
