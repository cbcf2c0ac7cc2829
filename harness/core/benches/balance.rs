//! How fast the closed loop runs: `cargo bench -p hanbench-core --bench balance`.
//!
//! One core; a household drawn anew every second, telegrams encoded and decoded on their way, the reference balancer and
//! once with the judge and once without. Simulated seconds per second of the machine. A word behind `--bench` plays only
//! the sites whose description holds it.

#![allow(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use hanbench_core::balance::reference::Reference;
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{self, ReferenceDongle};
use hanbench_core::verdict::balance::Judge;
use std::fmt::Write;
use std::time::Instant;

fn main() {
    // `cargo test --benches` only wants to see it run.
    let long = std::env::args().any(|argument| argument == "--bench");
    let hours = if long { 24 } else { 1 };
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    for (what, chargers, fuse_a, profile) in [
        ("one house, 3 chargers, currents every 10 s, power every 2.5 s", 3, 25, "aidon-6534"),
        ("one house, 3 chargers, currents every 10 s only", 3, 25, "kamstrup-6841131"),
        ("54 chargers, currents every 10 s, power every 2.5 s", 54, 160, "aidon-6534"),
        ("54 chargers, currents every 10 s only", 54, 160, "kamstrup-6841131"),
    ] {
        if wanted.as_ref().is_some_and(|wanted| !what.contains(wanted.as_str())) {
            continue;
        }
        let scenario = scenario(chargers, fuse_a, profile, hours);
        let simulated_s = scenario.duration_ms as f64 / 1000.0;
        let rounds = if long { 5 } else { 1 };
        let best = |judged: bool| {
            let rounds = (0..rounds).map(|_| seconds(&scenario, judged));
            simulated_s / rounds.fold(f64::INFINITY, f64::min)
        };
        println!("{what}: {:.0} simulated seconds per second, {:.0} with the judge", best(false), best(true));
    }
}

fn seconds(scenario: &Scenario, judged: bool) -> f64 {
    let mut balancer = Reference::new(scenario.tuning);
    let mut dongle = ReferenceDongle::default();
    let start = Instant::now();
    let ended = if judged {
        let mut judge = Judge::new(scenario, "speed");
        let ended = sim::run(scenario, &mut dongle, &mut balancer, &mut judge);
        assert!(!judge.finish(&ended).outcomes.is_empty(), "a judge says something");
        ended
    } else {
        sim::run(scenario, &mut dongle, &mut balancer, &mut ())
    };
    assert!(ended.trouble.is_none(), "a built-in balancer always answers");
    start.elapsed().as_secs_f64()
}

fn scenario(chargers: usize, fuse_a: u32, profile: &str, hours: u32) -> Scenario {
    let mut text = format!(
        "[scenario]\nabout = \"speed\"\nsource = \"none\"\nduration_s = {}\n[fuse]\nrated_a = {fuse_a}\n[meter]\n\
         profile = \"{profile}\"\n[[load]]\nhouse = 7\n",
        hours * 3600
    );
    for at in 0..chargers {
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "[[charger]]\nname = \"cp{at}\"\n[[car]]\ncharger = \"cp{at}\"\nfrom_s = {}\nkwh = 400\n",
            at * 20
        );
    }
    match Scenario::parse(&text, &|name| Err(format!("no file {name}"))) {
        Ok(scenario) => scenario,
        Err(error) => panic!("the scenario of the benchmark: {error}"),
    }
}
