//! How fast the closed loop runs: `cargo bench -p hanbench-core --bench balance`.
//!
//! One core; a household drawn anew every second, telegrams encoded and decoded on their way, the reference balancer and
//! the judge. Simulated seconds per second of the machine, and for comparison how many telegrams a second the meter and
//! the dongle alone could do.

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
    for (what, chargers, fuse_a, profile) in [
        ("one house, 3 chargers, currents every 10 s, power every 2.5 s", 3, 25, "aidon-6534"),
        ("one house, 3 chargers, currents every 10 s only", 3, 25, "kamstrup-6841131"),
        ("54 chargers", 54, 160, "aidon-6534"),
    ] {
        let scenario = scenario(chargers, fuse_a, profile, hours);
        let simulated_s = scenario.duration_ms as f64 / 1000.0;
        let best = (0..if long { 5 } else { 1 }).map(|_| {
            let mut balancer = Reference::new(scenario.tuning);
            let start = Instant::now();
            let mut judge = Judge::new(&scenario, "speed");
            let ended = sim::run(&scenario, &mut ReferenceDongle::default(), &mut balancer, &mut judge);
            let judgement = judge.finish(&ended);
            assert!(
                ended.trouble.is_none() && !judgement.outcomes.is_empty(),
                "a built-in balancer always answers"
            );
            start.elapsed().as_secs_f64()
        });
        let best = best.fold(f64::INFINITY, f64::min);
        println!("{what}: {:.0} simulated seconds per second", simulated_s / best);
    }
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
