//! Every waveform fixture, measured by the reference clamp dongle and by its deliberately broken variants.

#![allow(clippy::unwrap_used, missing_docs)]

mod clamp_trial;

use clamp_trial::{fixture, trial};
use hanbench_core::clamps::Fault;
use hanbench_core::verdict::ct;
use hanbench_core::verdict::results::Outcome;
use hanbench_core::verdict::trial::{Event, What};
use hanbench_core::verdict::{Cause, Verdict};
use hanbench_core::wave::spec::Spec;
use hanbench_core::wave::truth::{over, over_three_wire};
use rstest::rstest;
use std::path::PathBuf;

fn judged(text: &str, fault: Option<Fault>) -> Vec<Outcome> {
    ct::judge(&trial(text, fault), "evidence/x.json")
}

fn with(outcomes: &[Outcome], verdict: Verdict) -> Vec<&Outcome> {
    outcomes.iter().filter(|outcome| outcome.verdict == verdict).collect()
}

#[rstest]
fn the_reference_dongle_meets_every_waveform(#[files("../../fixtures/waveforms/*.toml")] path: PathBuf) {
    let text = std::fs::read_to_string(&path).unwrap();
    let outcomes = judged(&text, None);
    for outcome in &outcomes {
        assert!(
            !matches!(outcome.verdict, Verdict::Fail | Verdict::Error),
            "{}: {:?}: {:?}\n{:#?}",
            outcome.id,
            outcome.verdict,
            outcome.reason,
            outcome.measures
        );
    }
    assert!(with(&outcomes, Verdict::Pass).len() >= 3, "{outcomes:#?}");
    let told = outcomes.iter().filter(|outcome| ct::FOR_A_FITTER.contains(&outcome.id.as_str()));
    let told: Vec<&str> = told.flat_map(|one| &one.findings).map(|finding| finding.text.as_str()).collect();
    assert_eq!(told, Spec::parse(&text).unwrap().expect.findings, "what a fitter is told");
}

#[rstest]
fn every_broken_dongle_is_caught_by_the_check_that_is_meant_for_it(
    #[files("../../fixtures/waveforms/*.toml")] path: PathBuf,
) {
    let text = std::fs::read_to_string(&path).unwrap();
    for broken in Spec::parse(&text).unwrap().expect.broken {
        let fault = Fault::named(&broken.dongle).unwrap_or_else(|| panic!("no dongle {}", broken.dongle));
        let outcomes = judged(&text, Some(fault));
        let failed: Vec<&str> = with(&outcomes, Verdict::Fail).iter().map(|one| one.id.as_str()).collect();
        for check in &broken.fails {
            assert!(
                failed.contains(&check.as_str()),
                "{}: {failed:?} without {check}\n{outcomes:#?}",
                broken.dongle
            );
        }
    }
}

/// The figures of ct-waveforms, section 5.4: a load that is changed in a file makes another scenario of it.
#[test]
fn the_scenarios_carry_the_figures_they_are_named_for() {
    const ANY: f64 = f64::NAN;
    type Figures = [f64; 3];
    // Waveform, second before which the window ends, volts, amperes, watts; `ANY` where the table says nothing.
    let table: [(&str, f64, Figures, Figures, Figures); 14] = [
        ("idle-noise", 2.0, [230.0; 3], [0.0; 3], [0.0; 3]),
        ("one-reversed", 2.0, [230.0; 3], [10.0; 3], [2300.0, -2300.0, 2300.0]),
        ("swap-l1-l2", 2.0, [230.0; 3], [10.0; 3], [-1150.0, -1150.0, 2300.0]),
        ("rotate-123", 2.0, [230.0; 3], [10.0; 3], [-1150.0; 3]),
        ("low-pf", 2.0, [230.0, ANY, ANY], [0.87, ANY, ANY], [20.0, ANY, ANY]),
        ("unbalanced-real", 2.0, [230.0; 3], [70.0, 70.0, 50.0], [16_100.0, 16_100.0, 11_500.0]),
        ("pv-export", 2.0, [230.0; 3], [5.0, 16.0, 5.0], [1150.0, -3680.0, 1150.0]),
        ("netting", 2.0, [230.0; 3], [ANY; 3], [1000.0, -1000.0, 0.0]),
        ("lost-neutral", 5.0, [362.2, 36.2, 382.0], [1.575, 1.575, 0.0], [ANY; 3]),
        ("missing-u2-tn", 5.0, [229.9, 217.2, 235.3], [0.0, 32.0, 0.0], [0.0, 6950.0, 0.0]),
        ("it-missing-i2", 2.0, [230.0; 3], [34.77, 8.66, 34.77], [ANY; 3]),
        ("ratio-100-5", 2.0, [230.0; 3], [50.0; 3], [10_350.0; 3]),
        ("ratio-50-1", 2.0, [230.0; 3], [30.0; 3], [6210.0; 3]),
        ("clamp-400-at-450", 2.0, [230.0; 3], [450.0, 100.0, 100.0], [103_500.0, 23_000.0, 23_000.0]),
    ];
    for (name, until_s, volts, amperes, watts) in table {
        let spec = Spec::parse(&fixture(name)).unwrap();
        let rate = spec.waveform.rate;
        let window = (rate.index(until_s - 0.2), rate.index(until_s));
        let over = if spec.net.kind.has_neutral() { over } else { over_three_wire };
        let truth = over(&ct::wired(&spec), rate, window.0, window.1).unwrap();
        for (at, line) in truth.lines.iter().enumerate() {
            let known = [line.u.map(|u| u.rms), line.i.map(|i| i.rms), line.power.map(|power| power.p_w)];
            for (expected, known) in [volts[at], amperes[at], watts[at]].into_iter().zip(known) {
                let close =
                    known.is_some_and(|known| (known - expected).abs() <= 0.002 * expected.abs() + 0.01);
                assert!(expected.is_nan() || close, "{name} L{}: {known:?}, not {expected}", at + 1);
            }
        }
    }
}

fn outcome<'a>(outcomes: &'a [Outcome], id: &str) -> &'a Outcome {
    outcomes.iter().find(|outcome| outcome.id == id).unwrap()
}

/// What a fitter reads, word by word: a change of wording is a change that somebody must look at.
#[test]
fn the_words_for_a_fitter() {
    let mut words = String::new();
    for (name, fault) in [
        ("one-reversed", None),
        ("swap-l1-l2", None),
        ("rotate-123", None),
        ("rotate-and-reverse", None),
        ("one-voltage", None),
        ("one-reversed", Some("absolute-power")),
        ("clamp-400-at-450", None),
        ("clamp-400-at-450", Some("silent-over-range")),
        ("dc-and-halfwave", None),
        ("ratio-100-5", Some("factor-forgotten")),
        ("ratio-100-5", Some("factor-twice")),
        ("netting", Some("other-netting")),
        ("it-missing-i2", Some("balanced-guess")),
        ("wrap-64k-home", Some("current-in-16-bits")),
        ("pv-export", Some("unsigned-power")),
        ("phase-order", Some("phase-order-unseen")),
        ("missing-u2-tn", Some("estimate-unmarked")),
    ] {
        words.push_str(&format!("{name}{}\n", fault.map_or(String::new(), |fault| format!(" by {fault}"))));
        let outcomes = judged(&fixture(name), fault.and_then(Fault::named));
        for one in &outcomes {
            let dull = match one.verdict {
                Verdict::Pass => !ct::FOR_A_FITTER.contains(&one.id.as_str()),
                Verdict::NotApplicable => one.id != "ct.wiring.found",
                _ => false,
            };
            if dull && name != "dc-and-halfwave" {
                continue;
            }
            let said = one.reason.as_deref().or(one.rests_on.as_deref()).unwrap_or_default();
            words.push_str(&format!("  {:<28} {:<14} {said}\n", one.id, one.verdict.word()));
        }
    }
    insta::assert_snapshot!(words);
}

#[test]
fn a_silent_dongle_and_one_without_device_time_are_told_apart() {
    let mut silent = trial(&fixture("one-reversed"), None);
    silent.events.clear();
    let outcomes = ct::judge(&silent, "");
    let answers = outcome(&outcomes, "ct.claim.answers");
    assert_eq!(answers.reason.as_deref(), Some("the dongle is silent: it claimed nothing"));
    assert_eq!(with(&outcomes, Verdict::Fail).len(), 1);
    let mut timeless = trial(&fixture("one-reversed"), None);
    for event in &mut timeless.events {
        if let What::Claim { claim, .. } = &mut event.what {
            claim.remove("samples");
        }
    }
    let outcomes = ct::judge(&timeless, "");
    assert!(outcome(&outcomes, "ct.claim.answers").reason.as_deref().unwrap().contains("device time"));
}

#[test]
fn a_waveform_for_another_device_does_not_concern_the_dongle() {
    let mut other = trial(&fixture("one-reversed"), None);
    other.terms.devices = vec!["amp-guard-public".into()];
    let outcomes = ct::judge(&other, "");
    assert!(outcomes.iter().all(|outcome| outcome.verdict == Verdict::NotApplicable));
}

#[test]
fn samples_lost_on_the_way_are_an_error_of_the_rig_and_a_dongle_that_does_not_read_fails() {
    let stopped = |misbehaved| {
        let mut trial = trial(&fixture("one-reversed"), Some(Fault::AbsolutePower));
        trial.events.push(Event { t_us: 1, what: What::Stopped { why: "because".into(), misbehaved } });
        ct::judge(&trial, "")
    };
    let outcomes = stopped(false);
    for outcome in &outcomes {
        assert_eq!((outcome.verdict, outcome.cause), (Verdict::Error, Some(Cause::Rig)), "{}", outcome.id);
        assert_eq!(outcome.reason.as_deref(), Some("because"));
    }
    let outcomes = stopped(true);
    let answers = outcome(&outcomes, "ct.claim.answers");
    assert_eq!((answers.verdict, answers.cause), (Verdict::Fail, Some(Cause::Dut)));
    assert_eq!(answers.reason.as_deref(), Some("the bench gave up: because"));
    assert_eq!(outcome(&outcomes, "ct.power.direction").verdict, Verdict::Fail, "what was claimed is judged");
}
