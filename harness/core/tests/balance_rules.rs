//! The published rules in the closed loop, beside the table of balancing, section 3.4.
//!
//! The loop says the same as the table: who trips, in which order, at which heat to two hundredths. Where a number
//! differs, this is why:
//!
//! - *Seconds over, at +14 A, all rules:* the source counts 15 s for a step where its car ramps down, and whole
//!   seconds. Here the car changes at once, and milliseconds count: 13.7 s.
//! - *kWh without balancing:* 11.03, not 11.04; the car takes 3 s to begin.
//! - `evcc`: 1.28, not 1.29, for the same reason as the seconds.
//! - `smartevse`: 101 s, not 357 s, and less energy. The source lets it try again 60 s after it has stopped, whatever
//!   flows. The published rule asks first whether 6 A are free, and waits 60 s from then. With a blind retry this loop
//!   gives 355 s and 8.61 kWh, against 357 s and 8.63 kWh.
//! - `hass-optimised`, `hass-conservative`: 161 s and 56 s, not 24 s and 15 s, and 6 changes, not 2. They cut 16 A to
//!   3 A, at which the charger stops. A quarter of an hour later, in the next step, 3 A are free, and the published
//!   rule adds them: 6 A at which it starts, and 28 A on a fuse of 25 A. The source takes 3 A for 0 A and begins to
//!   count anew after each look; with that, this loop gives 22.8 s and 13.8 s, both 2.74 kWh and 2 changes, against 24 s
//!   and 15 s, both 2.75 kWh and 2 changes. The heat is the same: it is of the first step.
//! - `ev-load-balancer`: 46 changes, not 10. It takes what the charger says now from what the meter said up to 10 s
//!   ago, and corrects its own correction for half a minute after each start. In the source both are of one instant.
//!
//! The source does not say when the three steps are; see the head of the second scenario.

#![allow(clippy::unwrap_used, missing_docs)]

use hanbench_core::balance::rules::hass::{Mode, Monitor};
use hanbench_core::balance::{Command, Doing, Event, Sample, Status, rules};
use hanbench_core::plant::car::NJ_PER_WH;
use hanbench_core::plant::network::Plant;
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{ReferenceDongle, Watch, run};
use rstest::rstest;
use std::fmt::Write;

/// Rule; then as published: seconds over and heat at +9 A; seconds over, heat, kWh and changes at three times +14 A.
const PUBLISHED: [(&str, &str, &str); 8] = [
    ("none", "1199 / 1.12", "897 / 1.48 / 11.04 / 0"),
    ("evcc", "34 / 1.00", "105 / 1.29 / 8.54 / 6"),
    ("evcc-10s", "14 / 0.83", "45 / 1.00 / 8.36 / 6"),
    ("smartevse", "14 / 0.83", "357 / 1.00 / 8.63 / 57"),
    ("hass-optimised", "43 / 1.04", "24 / 1.16 / 2.75 / 2"),
    ("hass-conservative-old", "1199 / 1.12", "897 / 1.48 / 11.04 / 0"),
    ("hass-conservative", "14 / 0.83", "15 / 1.00 / 2.75 / 2"),
    ("ev-load-balancer", "14 / 0.78", "87 / 0.94 / 7.63 / 10"),
];

/// What the table has a column for.
struct Measured {
    over_ms: u64,
    /// Largest part of the heat that blows the fuse; blown from 1 on.
    heat: f64,
    wh: i64,
    changes: u32,
    limit_ma: i64,
}

impl Watch for Measured {
    fn span(&mut self, from_ms: u64, plant: &Plant) {
        if plant.amperes(0).iter().any(|amperes| *amperes > 25.0) {
            self.over_ms += plant.t_ms() - from_ms;
        }
        self.heat = plant.guards()[0].most;
        self.wh = (plant.stations()[0].charger.energy_nj(plant.t_ms()) / NJ_PER_WH) as i64;
    }

    fn arrived(&mut self, _: u64, command: &Command, _: &Plant) {
        if let Command::Limit { current_ma, .. } = command {
            self.changes += u32::from(*current_ma != self.limit_ma);
            self.limit_ma = *current_ma;
        }
    }
}

fn fixture(name: &str) -> String {
    let path = format!("{}/../../fixtures/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn scenario(text: &str) -> Scenario {
    Scenario::parse(text, &|_| Err("it names no trace".into())).unwrap()
}

fn measure(text: &str, rule: &str) -> Measured {
    // The charger begins at its maximum.
    let mut measured = Measured { over_ms: 0, heat: 0.0, wh: 0, changes: 0, limit_ma: 16_000 };
    let mut balancer = rules::by_name(rule).unwrap();
    let ended = run(&scenario(text), &mut ReferenceDongle::default(), &mut *balancer, &mut measured);
    assert_eq!(ended.trouble, None);
    measured
}

fn blown_by(text: &str) -> Vec<&'static str> {
    let rules = rules::ALL.into_iter().map(|(rule, _)| rule);
    rules.filter(|rule| measure(text, rule).heat >= 1.0).collect()
}

#[test]
fn the_loop_finds_what_the_published_table_says() {
    let [once, thrice] = ["rules-9a-step", "rules-14a-thrice"].map(fixture);
    let mut table = String::from("seconds over / heat [/ kWh / changes]; published in brackets\n");
    for (rule, published_once, published_thrice) in PUBLISHED {
        let [once, thrice] = [&once, &thrice].map(|text| measure(text, rule));
        let first = format!("{:.1} / {:.2} ({published_once})", once.over_ms as f64 / 1000.0, once.heat);
        let second = format!(
            "{:.1} / {:.2} / {:.2} / {} ({published_thrice})",
            thrice.over_ms as f64 / 1000.0,
            thrice.heat,
            thrice.wh as f64 / 1000.0,
            thrice.changes
        );
        writeln!(table, "{rule:21} | {first:27} | {second}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_published_table_has_every_rule() {
    assert_eq!(PUBLISHED.map(|(rule, ..)| rule), rules::ALL.map(|(rule, _)| rule));
}

#[test]
fn those_blow_the_fuse_that_the_published_table_says() {
    // At +9 A the source has evcc at 1.00, here it is at 0.999: 0.2 s are left.
    let always = ["none", "hass-optimised", "hass-conservative-old"];
    assert_eq!(blown_by(&fixture("rules-9a-step")), always);
    let thrice = ["none", "evcc", "hass-optimised", "hass-conservative-old"];
    assert_eq!(blown_by(&fixture("rules-14a-thrice")), thrice);
}

/// "With a 10 s meter nobody has slack at 25 A without a margin or a fast path" (balancing, section 3.4).
#[test]
fn a_quarter_of_a_second_earlier_only_a_margin_saves_the_fuse() {
    let text = fixture("rules-14a-thrice").replace("01.95, 22", "01.70, 22");
    assert_eq!(text.matches("01.70, 22").count(), 3);
    let blown = blown_by(&text);
    let saved: Vec<_> =
        rules::ALL.into_iter().map(|(rule, _)| rule).filter(|rule| !blown.contains(rule)).collect();
    assert_eq!(saved, ["ev-load-balancer"]);
}

/// The product's own unit tests of its conservative mode before pull request #92, with our words and numbers: each
/// asks the monitor once what it makes of one reading, and each is green. 15 A is what may be left; it is returned
/// where the allocator expects how much has to go, so nothing goes, and the loop blows the fuse.
#[test]
fn a_rule_that_is_green_in_its_own_unit_tests_blows_the_fuse_in_the_loop() {
    let after = |first: i64, second: i64| {
        let mut monitor = Monitor::new(Mode::ConservativeOld, 25);
        (monitor.update(first, 0), monitor.update(second, 100_000))
    };
    assert_eq!(after(20, -5), (20, 15), "it reduces at once");
    assert_eq!(after(5, -10), (5, 0), "it never goes below zero");
    assert_eq!(after(5, 15), (5, 15), "it lets more flow again");

    let measured = measure(&fixture("rules-9a-step"), "hass-conservative-old");
    assert!(measured.heat >= 1.0 && measured.changes == 0, "{} of its heat", measured.heat);
    let repaired = measure(&fixture("rules-9a-step"), "hass-conservative");
    assert!(repaired.heat < 0.85 && repaired.changes == 1, "{} of its heat", repaired.heat);
}

/// External case X15: 5 A over on 25 A is let be for 5 s and cut after 100 s.
#[rstest]
#[case(5, 5)]
#[case(100, -5)]
fn the_optimised_monitor_answers_as_its_source_does(#[case] seconds: u64, #[case] expected_a: i64) {
    let mut monitor = Monitor::new(Mode::Optimised, 25);
    assert_eq!(monitor.update(5, 0), 5);
    assert_eq!(monitor.update(-5, seconds * 1000), expected_a);
}

/// External case X14: 25 A fuse, 2 A margin; first with a charger that draws 10 A, then with one that draws nothing.
#[rstest]
#[case([18_300, 12_100, 15_700], 10_000, 14_000)]
#[case([24_000, 24_000, 24_000], 0, 6_000)]
fn ev_load_balancer_answers_as_its_source_does(
    #[case] mains_ma: [i64; 3],
    #[case] drawn_ma: i64,
    #[case] expected_ma: i64,
) {
    let site = scenario(&fixture("rules-9a-step")).site;
    let status = Status {
        id: 0,
        doing: Doing::Charging,
        i_ma: [drawn_ma; 3],
        offered_ma: 16_000,
        phases: 3,
        max_ma: 16_000,
        offline_ma: None,
        boots: 1,
        session_wh: 0,
    };
    let sample = Sample { i_ma: mains_ma.map(Some), list: 2, ..Sample::default() };
    let events = [Event::Config(Box::new(site)), Event::Charger(status), Event::Meter(sample)];
    let mut commands = Vec::new();
    rules::by_name("ev-load-balancer").unwrap().answer(0, &events, &mut commands).unwrap();
    let [Command::Limit { current_ma, .. }] = commands[..] else { panic!("{commands:?}") };
    assert_eq!(current_ma, expected_ma);
}

/// The house draws 8 A and nobody hears the meter any more: those stop of which it is published, the others go on.
#[rstest]
#[case("none", 16_000)]
#[case("evcc", 0)]
#[case("evcc-10s", 0)]
#[case("smartevse", 0)]
#[case("hass-optimised", 16_000)]
#[case("hass-conservative", 16_000)]
#[case("ev-load-balancer", 0)]
fn a_lost_meter_stops_some(#[case] rule: &str, #[case] expected_ma: i64) {
    let text = fixture("rules-9a-step").replace("duration_s = 1801", "duration_s = 600");
    let text = text + "\n[[event]]\nat_s = 300\nwhat = \"meter-down\"\n";
    assert_eq!(measure(&text, rule).limit_ma, expected_ma);
}

/// A rule that forgot the ratio would see a fiftieth of the overload.
#[test]
fn readings_behind_transformers_are_multiplied() {
    let text = fixture("rules-9a-step").replace("\"aidon-6534\"", "\"aidon-6534\"\nratio = \"50:1\"");
    for rule in ["evcc-10s", "smartevse", "hass-conservative", "ev-load-balancer"] {
        assert!(measure(&text, rule).heat < 1.0, "{rule}");
    }
}
