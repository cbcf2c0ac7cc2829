//! Transformer ratios.

use hanbench_core::reading::{Kind, Milli};
use hanbench_core::site::ratio::{
    Compared, Diagnosis, FUSE_RULES, Factor, Need, Ratio, RatioError, Scaling, diagnose, needs_factor,
};

fn factor(text: &str) -> Factor {
    Ratio::parse(text).expect("a ratio").factor()
}

#[test]
fn ratios_of_the_sources() {
    for (text, fraction) in [
        ("100:5", (20, 1)),
        ("50:1", (50, 1)),
        ("1:1", (1, 1)),
        (" 600 : 5 ", (120, 1)),
        ("100:3", (100, 3)),
        ("7:2", (7, 2)),
        ("1000000:1", (1_000_000, 1)),
    ] {
        assert_eq!(factor(text).fraction(), fraction, "{text}");
    }
    assert_eq!((factor("100:5").to_string(), factor("100:3").to_string()), ("20".into(), "100/3".into()));
}

#[test]
fn transformers_may_turn_current_down_further() {
    assert_eq!(factor("100:5").times(10), Some(factor("1000:5")));
    assert_eq!(factor("7:2").times(2).map(Factor::fraction), Some((7, 1)), "in lowest terms");
    assert_eq!((factor("1:1").times(0), factor("200000:1").times(10)), (None, None));
}

#[test]
fn what_is_no_ratio_is_refused_with_its_reason() {
    for (text, error) in [
        ("", RatioError::Form),
        ("20", RatioError::Form),
        ("100/5", RatioError::Form),
        ("100:", RatioError::Form),
        ("a:b", RatioError::Form),
        ("100:5:1", RatioError::Form),
        ("100.5:5", RatioError::Form),
        ("+100:5", RatioError::Form),
        ("100:-", RatioError::Form),
        ("0:5", RatioError::Zero),
        ("100:0", RatioError::Zero),
        ("-100:5", RatioError::Negative),
        ("100:-5", RatioError::Negative),
        ("5:100", RatioError::SecondaryLarger),
        ("1000001:5", RatioError::TooLarge),
        ("99999999999999999999:5", RatioError::TooLarge),
    ] {
        assert_eq!(Ratio::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn values_are_scaled_exactly_or_say_that_they_are_not() {
    let of = |text, milli| factor(text).apply(Milli(milli)).map(|scaled| (scaled.value.0, scaled.exact));
    // Scenario "ratio": 2.5 A behind 100:5 is 50 A, 0.6 A behind 50:1 is 30 A.
    assert_eq!(of("100:5", 2_500), Some((50_000, true)));
    assert_eq!(of("50:1", 600), Some((30_000, true)));
    // A counter of 12 MWh to the watt-hour; a single-precision float cannot carry it.
    assert_eq!(of("100:5", 12_345_678_901_000), Some((246_913_578_020_000, true)));
    assert_eq!(of("100:3", 3), Some((100, true)));
    assert_eq!(of("100:3", 1), Some((33, false)));
    assert_eq!(of("100:3", 2), Some((67, false)));
    // Half a thousandth goes away from zero, to both sides.
    assert_eq!((of("7:2", 1), of("7:2", -1)), (Some((4, false)), Some((-4, false))));
    assert_eq!(of("100:5", i64::MAX), None);
    assert_eq!(Factor::ONE.apply(Milli(i64::MIN)).map(|scaled| scaled.value), Some(Milli(i64::MIN)));
}

#[test]
fn at_63_a_the_source_contradicts_itself() {
    let needs = [0, 40, 62, 63, 64, 400].map(needs_factor);
    assert_eq!(needs, [Need::No, Need::No, Need::No, Need::Ambiguous, Need::Yes, Need::Yes]);
    assert!(FUSE_RULES[0].1.contains("above 63 A") && FUSE_RULES[1].1.contains("63 A or higher"));
}

#[test]
fn each_mistake_has_its_own_number() {
    let of = |claimed, text| diagnose(Milli(claimed), Milli(2_500), factor(text), Milli(1));
    assert_eq!(of(50_000, "100:5"), Scaling::Right);
    assert_eq!(of(2_500, "100:5"), Scaling::Forgotten);
    assert_eq!(of(1_000_000, "100:5"), Scaling::Twice);
    assert_eq!(of(125, "100:5"), Scaling::Inverted);
    assert_eq!(of(49_000, "100:5"), Scaling::Other);
    assert_eq!(of(-50_000, "100:5"), Scaling::Other);
    // Without a transformer every mistake gives the right number.
    assert_eq!(of(2_500, "1:1"), Scaling::Undecided);
    // A display in whole amperes: 50.9 A is shown as 50 or 51.
    let coarse = |claimed| diagnose(Milli(claimed), Milli(2_545), factor("100:5"), Milli(1_000));
    assert_eq!(
        (coarse(50_000), coarse(51_000), coarse(52_000)),
        (Scaling::Right, Scaling::Right, Scaling::Other)
    );
    // 0.004 A: forgotten and divided both show 0.
    assert_eq!(diagnose(Milli(0), Milli(4), factor("50:1"), Milli(100)), Scaling::Undecided);
    assert_eq!(diagnose(Milli(0), Milli(0), factor("50:1"), Milli(1)), Scaling::Undecided);
}

#[test]
fn power_scaled_and_current_not_is_seen() {
    let row = |kind, claimed, secondary| Compared {
        kind,
        claimed: Milli(claimed),
        secondary: Milli(secondary),
        step: Milli(1),
    };
    let mut claims = vec![
        row(Kind::Current, 2_500, 2_500),
        row(Kind::Current, 0, 0),
        row(Kind::Voltage, 230_000, 230_000),
        row(Kind::ActivePower, 11_500_000, 575_000),
    ];
    let found = Diagnosis::of(&claims, factor("100:5"));
    assert_eq!(
        found,
        Diagnosis { current: Scaling::Forgotten, power: Scaling::Right, energy: Scaling::Undecided }
    );
    assert!(found.is_mixed());
    assert_eq!(
        found.to_string(),
        "current: not scaled: k times too small; power: scaled by the ratio; energy: too small, or the ratio too near 1, to tell"
    );
    claims.push(row(Kind::Current, 50_000, 2_500));
    assert_eq!(Diagnosis::of(&claims, factor("100:5")).current, Scaling::Other);
    let alike = [row(Kind::Current, 2_500, 2_500), row(Kind::ActiveEnergy, 7_000, 7_000)];
    assert!(!Diagnosis::of(&alike, factor("100:5")).is_mixed());
}
