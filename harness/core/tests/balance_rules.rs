//! The published rules in the closed loop, beside the table of balancing, section 3.4.

#![allow(clippy::unwrap_used, missing_docs)]

use hanbench_core::balance::{Command, rules};
use hanbench_core::plant::car::NJ_PER_WH;
use hanbench_core::plant::network::Plant;
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{ReferenceDongle, Watch, run};
use std::fmt::Write;

/// What the table has a column for.
#[derive(Default)]
struct Measured {
    over_ms: u64,
    heat: f64,
    blown: bool,
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
        self.blown = plant.guards()[0].blown.is_some();
        self.wh = (plant.stations()[0].charger.energy_nj() / NJ_PER_WH) as i64;
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

fn measure(scenario: &str, rule: &str) -> Measured {
    let scenario = Scenario::parse(scenario, &|_| Err("no traces".into())).unwrap();
    let mut measured = Measured { limit_ma: 16_000, ..Measured::default() };
    let mut balancer = rules::by_name(rule).unwrap();
    let ended = run(&scenario, &mut ReferenceDongle::default(), &mut *balancer, &mut measured);
    assert_eq!(ended.trouble, None);
    measured
}

#[test]
fn table() {
    let mut out = String::new();
    for (rule, _) in rules::ALL {
        let a = measure(&fixture("rules-9a-step"), rule);
        let b = measure(&fixture("rules-14a-thrice"), rule);
        writeln!(
            out,
            "{rule:22} {:6.1} {:.3} {} | {:6.1} {:.3} {} {:.2} {}",
            a.over_ms as f64 / 1000.0,
            a.heat,
            a.blown,
            b.over_ms as f64 / 1000.0,
            b.heat,
            b.blown,
            b.wh as f64 / 1000.0,
            b.changes
        )
        .unwrap();
    }
    println!("{out}");
}
