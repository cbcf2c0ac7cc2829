//! `balance.fuse`, `balance.overload`, `balance.expected`, `balance.protocol`, and the metrics.

use crate::house::*;
use hanbench_core::balance::{About, Balancer, Command, Event, Trouble};
use hanbench_core::verdict::{Cause, Verdict};
use serde_json::json;

/// 14 A more on L1 from ten minutes on, for twenty.
const STEP: &str = "[[load]]\nat = \"L1\"\na = 0\nsteps = [[602, 14], [1802, 0]]\n";

/// 9 A more: what a balancer with 10 s readings can still master.
const MILD: &str = "[[load]]\nat = \"L1\"\na = 0\nsteps = [[602, 9], [1802, 0]]\n";

/// What remains of 24 A on the worst line, at once down and at once up.
fn obedient() -> impl Balancer {
    let mut offered = 0;
    let mut last: Option<i64> = None;
    Does(move |_, events: &[Event], commands: &mut Vec<Command>| {
        for event in events {
            match event {
                Event::Charger(status) => offered = status.i_ma[0],
                Event::Meter(sample) if sample.i_ma[0].is_some() => {
                    let worst = sample.i_ma.iter().flatten().max().copied().unwrap_or(0);
                    let free = (24_000 - worst + offered) / 1000 * 1000;
                    last = Some(if free < 6000 { 0 } else { free.min(16_000) });
                }
                Event::Tick => {}
                _ => {}
            }
        }
        if let Some(last) = last {
            commands.push(limit(0, last));
        }
    })
}

#[test]
fn a_fuse_that_cars_blow_fails_with_place_and_time() {
    let judgement = judged(&house(STEP), always(16_000));
    fails(&judgement, "balance.fuse", &["25 A fuse of main blows on L1 at 6", "by the house alone"]);
    fails(
        &judgement,
        "balance.overload",
        &["L1 of main carries up to 38.0 A of 25.0 A", "and 19 s are enough"],
    );
    assert!(judgement.metrics.fuse_heat_max > 1.0);
    assert!((judgement.metrics.overload_s - 1200.0).abs() < 1.0, "{}", judgement.metrics.overload_s);
    assert!((judgement.metrics.overload_a_s - 13.0 * 1200.0).abs() < 13.0);
    assert_eq!(judgement.verdict(), Verdict::Fail);
}

#[test]
fn a_balancer_that_lowers_in_time_passes() {
    let judgement = judged(&house(MILD), obedient());
    passes(&judgement, "balance.fuse", &["1 fuse over 3600 s", "of the heat"]);
    passes(
        &judgement,
        "balance.overload",
        &["3 lines over 3600 s; 1 overload through cars, gone within 19 s"],
    );
    assert!(judgement.metrics.t90_down_s.is_some_and(|seconds| seconds > 2.0 && seconds < 19.0));
}

#[test]
fn the_house_alone_is_no_balancers_fault() {
    let house = house("[[load]]\nat = \"L3\"\na = 40\n");
    let judgement = judged(&house, Does(|_, _: &[Event], _: &mut Vec<Command>| {}));
    idle(&judgement, "balance.fuse", &["the house alone blows every fuse"]);
    let notes = &outcome(&judgement, "balance.fuse").findings;
    assert!(notes[0].weightless && notes[0].text.contains("no balancer could help it"), "{notes:?}");
}

/// evcc-io/evcc#29532: L3 overloaded by the house, the car on L1.
#[test]
fn a_car_on_another_line_is_not_to_blame() {
    let text = HOUSE.replace("offline_a = 6", "phases = 1");
    let text = format!("{text}[[load]]\nat = \"L3\"\na = 23.9\n");
    let judgement = judged(&text, always(14_000));
    passes(&judgement, "balance.overload", &["0 overloads"]);
    assert_eq!(judgement.metrics.overload_a_s, 0.0);
    // The same car on L3.
    let text = text.replace("phases = 1", "phases = 1\norder = [3, 1, 2]");
    fails(&judged(&text, always(14_000)), "balance.overload", &["L3 of main"]);
}

#[test]
fn a_car_at_its_minimum_cannot_be_helped() {
    let text = house("[[load]]\nat = \"L1\"\na = 11.5\n");
    passes(&judged(&text, always(6_000)), "balance.overload", &["0 overloads"]);
    fails(&judged(&text, always(7_000)), "balance.overload", &["L1 of main"]);
}

/// What the meter cannot show is nobody's fault: 0.1 A is its last digit.
#[test]
fn less_than_the_meters_last_digit_is_no_overload() {
    let text = house("[[load]]\nat = \"L1\"\na = 1.05\n");
    passes(&judged(&text, always(16_000)), "balance.overload", &["0 overloads"]);
    let text = house("[[load]]\nat = \"L1\"\na = 1.15\n");
    fails(&judged(&text, always(16_000)), "balance.overload", &["L1 of main"]);
}

/// A house that takes more every second: whatever is done about it comes too late, and yet all was done in time.
#[test]
fn the_time_begins_anew_when_the_house_takes_more() {
    let steps: Vec<String> = (0..=30)
        .map(|second| format!("[{}, {}.{}]", 602 + second, second * 3 / 10, second * 3 % 10))
        .collect();
    let text = house(&format!("[[load]]\nat = \"L1\"\na = 0\nsteps = [{}]\n", steps.join(", ")));
    let judgement = judged(&text, obedient());
    assert!(judgement.metrics.overload_s > 19.0, "{}", judgement.metrics.overload_s);
    passes(&judgement, "balance.overload", &["overload"]);
    fails(&judged(&text, always(16_000)), "balance.overload", &["L1 of main"]);
}

#[test]
fn a_balancer_without_readings_owes_no_reaction_to_an_overload() {
    let down = "[[event]]\nat_s = 590\nwhat = \"meter-down\"\nfor_s = 60\n";
    let step = "[[load]]\nat = \"L1\"\na = 0\nsteps = [[602, 4], [640, 0]]\n";
    passes(&judged(&house(&format!("{step}{down}")), always(16_000)), "balance.overload", &["0 overloads"]);
    fails(&judged(&house(step), always(16_000)), "balance.overload", &["for 38 s"]);
    // Nor does one that is dead: that is for the leases that it has left.
    let dead = "[[event]]\nat_s = 615\nwhat = \"balancer-dead\"\nfor_s = 20\n";
    passes(&judged(&house(&format!("{step}{dead}")), always(16_000)), "balance.overload", &["2 overloads"]);
}

#[test]
fn expectations_name_the_line_of_the_file() {
    let expects = "[[expect]]\nwhat = \"offered\"\nfrom_s = 100\na = 10\n\
                   [[expect]]\nwhat = \"offered\"\nto_s = 1\na = 6\n\
                   [[expect]]\nwhat = \"energy\"\nkwh = 6.9\ntol_kwh = 0.2\n\
                   [[expect]]\nwhat = \"starts\"\ncount = 1\n\
                   [[expect]]\nwhat = \"current\"\nline = 1\nat_s = 3600\na = 18\n\
                   [[expect]]\nwhat = \"no-alarm\"\nabout = \"meter\"\n";
    let text = house(expects);
    passes(&judged(&text, always(10_000)), "balance.expected", &["6 expectations"]);
    let judgement = judged(&text, always(12_000));
    let line = text.lines().position(|line| line == "[[expect]]").unwrap() + 1;
    fails(
        &judgement,
        "balance.expected",
        &[&format!(
            "line {line}: all chargers together: offered 12.0 A, expected 9.9 A to 10.1 A, at 100 s; 2 more"
        )],
    );
    assert_eq!(judgement.verdict(), Verdict::Fail);
    idle(&judged(HOUSE, always(10_000)), "balance.expected", &["expects nothing"]);
}

#[test]
fn alarms_are_expected_within_their_time() {
    let expects = "[[expect]]\nwhat = \"alarm\"\nabout = \"wiring\"\nfrom_s = 100\nto_s = 200\n\
                   [[expect]]\nwhat = \"no-alarm\"\nabout = \"meter\"\n";
    let at = |when: u64, about: About| {
        Does(move |t_ms, _: &[Event], commands: &mut Vec<Command>| {
            if t_ms == when {
                commands.push(Command::Alarm { about, text: "look".into() });
            }
        })
    };
    let judgement = judged(&house(expects), at(150_000, About::Wiring));
    passes(&judgement, "balance.expected", &["2 expectations"]);
    assert_eq!(judgement.series.marks, [(150_000, "alarm, wiring: look".to_string())]);
    let late = judged(&house(expects), at(250_000, About::Wiring));
    fails(&late, "balance.expected", &["no alarm about wiring from 100 s to 200 s"]);
    let other = judged(&house(expects), at(150_000, About::Meter));
    fails(&other, "balance.expected", &["no alarm about wiring", "1 more"]);
}

#[test]
fn a_scenario_may_expect_checks_to_fail() {
    let expects = "[[expect]]\nwhat = \"checks\"\nfails = [\"balance.fuse\", \"balance.overload\"]\n";
    let text = house(&format!("{STEP}{expects}"));
    let judgement = judged(&text, only_hazard(always(16_000)));
    assert_eq!(judgement.to_fail, ["balance.fuse", "balance.overload"]);
    assert!(judgement.failed().contains(&"balance.fuse"));
    let good = judged(&text.replace("602, 14", "602, 9"), obedient());
    fails(&good, "balance.expected", &["balance.fuse does not fail", "1 more"]);
    assert_eq!(good.verdict(), Verdict::Fail);
    let unexpected =
        judged(&house(&format!("{STEP}{}", expects.replace("\"balance.fuse\", ", ""))), always(16_000));
    fails(&unexpected, "balance.expected", &["balance.fuse fails, which is not expected"]);
}

/// A balancer that breaks nothing but what the test is about.
fn only_hazard(balancer: impl Balancer) -> impl Balancer {
    balancer
}

#[test]
fn the_line_of_json_is_that_of_the_contract() {
    let judgement = judged(HOUSE, always(10_000));
    let line = judgement.to_json("small.toml");
    assert_eq!(line["scenario"], "small.toml");
    assert_eq!(line["verdict"], judgement.verdict().word());
    assert_eq!(line["failed"], json!(judgement.failed()));
    assert_eq!(line["metrics"]["simulated_s"], 3600.0);
    assert_eq!(line["metrics"]["starts"], json!({"cp1": 1}));
    let kwh = line["metrics"]["energy_kwh"]["cp1"].as_f64().unwrap();
    assert!((kwh - 6.9).abs() < 0.1, "{kwh}");
    assert_eq!(line["metrics"]["overload_a_s"], 0.0);
    assert_eq!(line["trace_hash"].as_str().map(str::len), Some(16));
}

struct Broken(Trouble);

impl Balancer for Broken {
    fn answer(&mut self, t_ms: u64, _: &[Event], _: &mut Vec<Command>) -> Result<(), Trouble> {
        if t_ms < 30_000 { Ok(()) } else { Err(self.0.clone()) }
    }
}

#[test]
fn what_an_outside_balancer_does_wrong_is_named() {
    let cases = [
        (
            Trouble::Rubbish("expected `{`".into()),
            "at 30 s the balancer answered what is no answer: expected `{`",
        ),
        (Trouble::Late("2 s are over".into()), "did not answer in time: 2 s are over"),
        (Trouble::Twice("two lines".into()), "answered more than once: two lines"),
        (Trouble::Gone("exit code 1".into()), "the balancer was gone: exit code 1"),
        (Trouble::Dongle("exit code 2".into()), "the dongle was gone: exit code 2"),
    ];
    for (trouble, words) in cases {
        let judgement = judged(HOUSE, Broken(trouble));
        fails(&judgement, "balance.protocol", &[words]);
        assert_eq!(judgement.metrics.simulated_s, 30.0);
        assert_eq!(judgement.verdict(), Verdict::Fail);
    }
    let judgement = judged(HOUSE, Broken(Trouble::Rig("no such program".into())));
    let outcome = outcome(&judgement, "balance.protocol");
    assert_eq!((outcome.verdict, outcome.cause), (Verdict::Error, Some(Cause::Rig)));
    assert!(outcome.reason.as_ref().unwrap().contains("fault of nobody under test: no such program"));
    assert_eq!(judgement.verdict(), Verdict::Error);
    passes(&judged(HOUSE, always(10_000)), "balance.protocol", &["every batch of 3600 s"]);
}

#[test]
fn a_second_run_with_another_trace_is_a_bug_of_ours() {
    let mut judgement = judged(HOUSE, always(10_000));
    idle(&judgement, "balance.deterministic", &["once"]);
    judgement.repeated(judgement.trace_hash);
    passes(&judgement, "balance.deterministic", &["two runs"]);
    judgement.repeated(judgement.trace_hash ^ 1);
    let outcome = outcome(&judgement, "balance.deterministic");
    assert_eq!((outcome.verdict, outcome.cause), (Verdict::Error, Some(Cause::Harness)));
    assert_eq!(judgement.verdict(), Verdict::Error);
}

/// Chargers that give all until somebody has told them something blow a small fuse before anybody can have told them.
#[test]
fn nobody_fails_for_what_comes_before_a_first_command() {
    let text = |car: &str| {
        let head =
            "[scenario]\nabout = \"a start\"\nsource = \"our own\"\nduration_s = 600\n[fuse]\nrated_a = 16\n";
        let rest = "[[charger]]\nname = \"cp\"\nmax_a = 250\n[[car]]\ncharger = \"cp\"\nmax_a = 250\nup_a_per_s = 0\n";
        format!("{head}{rest}{car}")
    };
    let early = judged(&text("dead_s = 0\n"), always(0));
    let fuse = outcome(&early, "balance.fuse");
    assert_ne!(fuse.verdict, Verdict::Fail, "{fuse:?}");
    assert!(
        fuse.findings.iter().any(|finding| finding.text.contains("before a command can arrive")),
        "{fuse:?}"
    );
    // Later it is the balancer's again.
    let late = judged(&text("dead_s = 0\nfrom_s = 30\n"), always(250_000));
    fails(&late, "balance.fuse", &["blows on L1 at 3"]);
}
