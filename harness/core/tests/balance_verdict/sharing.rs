//! `balance.alive`, `balance.gap`, `balance.fair`, `balance.energy`.

use crate::house::*;
use hanbench_core::balance::{Balancer, Command, Event};
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{self, ReferenceDongle};
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::balance::Judge;

/// Gives each charger what a function says of the time, each 10 s.
fn gives<const N: usize>(share: impl Fn(u64) -> [i64; N]) -> impl Balancer {
    let mut heard = false;
    Does(move |t_ms, events: &[Event], commands: &mut Vec<Command>| {
        heard |= events.iter().any(|event| matches!(event, Event::Meter(sample) if sample.i_ma[0].is_some()));
        if heard && t_ms % 10_000 == 0 {
            commands.extend(share(t_ms).into_iter().enumerate().map(|(id, ma)| limit(id, ma)));
        }
    })
}

/// So many chargers with a car each behind a fuse, for a time.
fn garage(chargers: usize, rated_a: u32, duration_s: u32, charger: &str, car: &str) -> String {
    let mut text = format!(
        "[scenario]\nabout = \"a garage\"\nsource = \"our own\"\nduration_s = {duration_s}\n[fuse]\nrated_a = {rated_a}\n"
    );
    for at in 1..=chargers {
        text += &format!(
            "[[charger]]\nname = \"cp{at}\"\noffline_a = 0\n{charger}\n[[car]]\ncharger = \"cp{at}\"\n{car}\n"
        );
    }
    text
}

/// Case X17 of balancing, and KEBA's rotation: 16 A for three cars, two at a time.
#[test]
fn a_car_that_waits_gets_its_turn() {
    let text = garage(3, 20, 14_400, "", "kwh = 100");
    let starves = judged(&text, gives(|_| [8_000, 8_000, 0]));
    fails(
        &starves,
        "balance.alive",
        &["the car at cp3 is offered enough for 0 s in 3300 s", "expected 600 s"],
    );
    let rotates = judged(
        &text,
        gives(|t_ms| {
            let pauses = (t_ms / 900_000 % 3) as usize;
            [0, 1, 2].map(|at| if at == pauses { 0 } else { 8_000 })
        }),
    );
    passes(&rotates, "balance.alive", &["turns"]);
}

/// A car that needs 8 A is not served by 6 A (dingo35/SmartEVSE-3.5#335).
#[test]
fn too_little_for_the_car_is_no_turn() {
    let text = garage(1, 25, 7_200, "", "min_a = 8");
    let too_little = judged(&text, gives(|_| [6_000]));
    fails(&too_little, "balance.alive", &["the car at cp1"]);
    assert_eq!(too_little.metrics.gap, Some(1.0));
    passes(&judged(&text, gives(|_| [8_000])), "balance.alive", &[]);
    // Where there is no room for it nobody owes it anything.
    let full = format!("{text}[[load]]\nat = \"L1\"\na = 16\n");
    idle(&judged(&full, gives(|_| [0])), "balance.alive", &["no car wanted to charge, with room for it"]);
}

#[test]
fn room_is_used_once_the_load_is_settled() {
    let little = judged(HOUSE, always(6_000));
    fails(
        &little,
        "balance.gap",
        &["cars are given 18.0 A, over all their phases, of 48.0 A", "would take nothing from anybody"],
    );
    assert!((little.metrics.gap.unwrap() - 0.625).abs() < 1e-6);
    let all = judged(HOUSE, always(16_000));
    passes(&all, "balance.gap", &["settled moment"]);
    assert!(all.metrics.gap.unwrap().abs() < 1e-6);
    let restless: Vec<String> = (0..60).map(|at| format!("[{}, {}]", at * 60, at % 2)).collect();
    let restless = house(&format!("[[load]]\nat = \"L3\"\na = 0\nsteps = [{}]\n", restless.join(", ")));
    idle(&judged(&restless, always(6_000)), "balance.gap", &["never settled"]);
}

/// A margin that lets the fuse outlast 14 A more, and whole steps, are not a gap: 14 A of 17 A on a 25 A fuse.
#[test]
fn a_margin_and_whole_steps_are_forgiven() {
    let text = house("").replace("[[car]]", "[[car]]\nmax_a = 32");
    passes(&judged(&text, always(14_000)), "balance.gap", &[]);
    let gap = judged(&text, always(15_000)).metrics.gap.unwrap();
    assert!((gap - (1.0 - 15.0 / 17.0)).abs() < 1e-6, "{gap}");
    fails(&judged(&text, always(12_000)), "balance.gap", &["of 51.0 A"]);
}

/// The reference has to use more than others: of 315 A on a 125 A fuse nearly all.
#[test]
fn the_reference_has_stricter_marks() {
    let text = garage(4, 125, 3_600, "max_a = 32", "max_a = 32");
    let run = |reference: bool| {
        let scenario: Scenario = parse(&text);
        let mut judge =
            if reference { Judge::of_reference(&scenario, "x") } else { Judge::new(&scenario, "x") };
        let mut balancer = gives(|_| [28_000; 4]);
        let ended = sim::run(&scenario, &mut ReferenceDongle::default(), &mut balancer, &mut judge);
        judge.finish(&ended)
    };
    // 112 A of 125 A: 5 A are margin, 4 A are steps, and 4 A (3.2 %) are left.
    passes(&run(false), "balance.gap", &[]);
    fails(&run(true), "balance.gap", &["12.0 A more"]);
}

#[test]
fn on_three_wires_the_room_is_that_of_phasors() {
    let it = |a: u32| {
        format!(
            "[scenario]\nabout = \"three wires\"\nsource = \"our own\"\nduration_s = 1800\n[grid]\nkind = \"it-3\"\n\
             [fuse]\nrated_a = 63\n[[load]]\nat = \"L1-L2\"\na = 20\n[[load]]\nat = \"L2-L3\"\na = 10\n\
             [[load]]\nat = \"L3-L1\"\na = 5\n[[charger]]\nname = \"cp1\"\nphases = 1\norder = [3, 1, 2]\n\
             offline_a = 6\nmax_a = 80\nstep_a = 0.5\n[[car]]\ncharger = \"cp1\"\nmax_a = {a}\n"
        )
    };
    // 20/10/5 A and x on L3–L1: √(20² + 20(5 + x) + (5 + x)²) = 63 at x = 45.6 A, where sums would say 40.1 A.
    let judgement = judged(&it(80), always(39_000));
    fails(&judgement, "balance.gap", &["of 45.6 A"]);
    passes(&judged(&it(80), always(42_000)), "balance.gap", &[]);
    passes(&judged(&it(16), always(16_000)), "balance.gap", &[]);
}

#[test]
fn who_takes_from_another_has_not_made_more_of_the_room() {
    // 24 A: one car with 16 A and one with 8 A leave nothing, fair or not.
    let text = garage(2, 25, 3_600, "", "");
    let unfair = judged(&text, gives(|_| [16_000, 8_000]));
    passes(&unfair, "balance.gap", &[]);
    let fair = outcome(&unfair, "balance.fair");
    assert_eq!(fair.verdict, Verdict::Inconclusive, "{fair:?}");
    assert!(
        fair.reason.as_ref().unwrap().contains("equals are given cp1 16.0 A, cp2 8.0 A (Jain 0.900)"),
        "{fair:?}"
    );
    assert_eq!(unfair.metrics.min_fair_a, Some(8.0));
    passes(&judged(&text, gives(|_| [12_000, 12_000])), "balance.fair", &["comparison"]);
    // A whole step is as near as it gets.
    passes(&judged(&text, gives(|_| [13_000, 12_000])), "balance.fair", &[]);
    // A car on one phase and one on three: to take from the first would make more in sum, and nobody asks for that.
    let mixed =
        garage(2, 50, 3_600, "", "max_a = 32").replacen("offline_a = 0\n", "offline_a = 0\nphases = 1\n", 1);
    passes(&judged(&mixed, gives(|_| [24_000, 24_000])), "balance.gap", &[]);
    fails(&judged(&mixed, gives(|_| [16_000, 24_000])), "balance.gap", &[]);
    // Who comes first by his settings may have more.
    let ranked = text.replacen("offline_a = 0\n", "offline_a = 0\npriority = 1\n", 1);
    idle(&judged(&ranked, gives(|_| [16_000, 8_000])), "balance.fair", &["no two cars alike"]);
}

#[test]
fn cars_get_most_of_the_energy_that_there_was_room_for() {
    let steps = "[[load]]\nat = \"L1\"\na = 0\nsteps = [[1800, 4], [2400, 0]]\n";
    let good = judged(&house(steps), following(|_, _| 13_000));
    let part = good.metrics.energy_part.unwrap();
    // 14.1 A fit with a margin, and 10.1 A for ten minutes.
    assert!((0.93..0.97).contains(&part), "{part}");
    let poor = judged(&house(steps), always(10_000));
    let outcome = outcome(&poor, "balance.energy");
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    assert!(outcome.reason.as_ref().unwrap().contains("expected 85 %"), "{outcome:?}");
    passes(&judged(HOUSE, always(16_000)), "balance.energy", &["100 % of what"]);
    // A car that is full before is no loss.
    let full = HOUSE.replace("[[car]]", "[[car]]\nkwh = 5");
    passes(&judged(&full, always(10_000)), "balance.energy", &[]);
    let short = HOUSE.replace("duration_s = 3600", "duration_s = 900");
    idle(&judged(&short, always(16_000)), "balance.energy", &["less than half an hour"]);
}

/// A fitter's mistake or a budget: what there was to share is not for these checks to say.
#[test]
fn wrong_settings_and_budgets_excuse_how_room_is_shared() {
    let wrong = house("[told]\nphase_order = [2, 3, 1]\n");
    let judgement = judged(&wrong, always(6_000));
    for id in ["balance.gap", "balance.fair", "balance.energy", "balance.alive"] {
        idle(&judgement, id, &["settings of the balancer are wrong: the order of the phases"]);
    }
    let turned = house("[meter]\nclamps_a = 100\nreversed = [1]\n");
    idle(&judged(&turned, always(6_000)), "balance.gap", &["a clamp sits the wrong way round"]);
    let budget = house("[[budget]]\nfrom = \"00:00\"\nto = \"23:59\"\nlimit_a = 16\n");
    idle(&judged(&budget, always(6_000)), "balance.gap", &["budgets by the time of day"]);
}

/// Which phases a car uses shows when it charges. Until then L2 is full for a car that would only use L1.
#[test]
fn nobody_fails_for_room_that_he_cannot_know_of() {
    let text = format!("{}[[load]]\nat = \"L2\"\na = 20\n", garage(1, 25, 7_200, "", "phases = 1"));
    let careful = judged(&text, gives(|_| [0]));
    assert_ne!(outcome(&careful, "balance.gap").verdict, Verdict::Fail, "{:?}", careful.failed());
    assert_ne!(outcome(&careful, "balance.alive").verdict, Verdict::Fail, "{:?}", careful.failed());
    let free = text.replace("at = \"L2\"\na = 20", "at = \"L2\"\na = 10");
    fails(&judged(&free, gives(|_| [0])), "balance.gap", &["cars are given 0.0 A"]);
}

/// Fifty cars behind 25 A, and nobody is given anything: that is a gap, however many steps fifty chargers have.
#[test]
fn many_cars_do_not_hide_that_nobody_is_served() {
    let many = garage(1, 25, 3_600, "count = 50", "").replace("charger = \"cp1\"", "charger = \"*\"");
    fails(&judged(&many, gives(|_| [0; 50])), "balance.gap", &["cars are given 0.0 A"]);
}
