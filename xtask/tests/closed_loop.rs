//! The closed loop through a dongle that is a program of its own: the simulated meter's bytes go over a pty, and the
//! balancer hears what the program prints.

#![cfg(unix)]

use hanbench_core::balance::reference::Reference;
use hanbench_core::balance::{Balancer, Trouble, rules};
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{self, Dongle, Ended, Heard, ReferenceDongle, ReplayedDongle};
use hanbench_core::verdict::balance::{Judge, Judgement};
use hanbench_rig::session::LoopDongle;
use hanbench_rig::{Rig, Speed};
use std::path::Path;

fn scenario(name: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../fixtures/scenarios/{name}.toml"));
    let text = std::fs::read_to_string(path).expect("a scenario");
    Scenario::parse(&text, &|_| Err("it names no trace".into())).expect("a scenario")
}

fn judged(scenario: &Scenario, dongle: &mut dyn Dongle, balancer: &mut dyn Balancer) -> (Ended, Judgement) {
    let mut judge = Judge::new(scenario, "loop");
    let ended = sim::run(scenario, dongle, balancer, &mut judge);
    let judgement = judge.finish(&ended);
    (ended, judgement)
}

fn reference(scenario: &Scenario) -> Box<dyn Balancer> {
    Box::new(Reference::new(scenario.tuning))
}

fn rig(dut: &str) -> Rig {
    Rig::parse(&format!("[dut]\n{dut}\n"), "loop.toml").expect("a rig")
}

fn open(dut: &str, speed: Speed) -> LoopDongle {
    let program = env!("CARGO_BIN_EXE_xtask").into();
    LoopDongle::open(rig(dut), speed, Some(program)).expect("a dongle")
}

fn through(
    dongle: &mut LoopDongle,
    scenario: &Scenario,
    balancer: &mut dyn Balancer,
) -> (Ended, Judgement, Vec<Heard>) {
    dongle.begin().expect("it starts");
    let (ended, judgement) = judged(scenario, dongle, balancer);
    (ended, judgement, dongle.finish().0)
}

#[test]
fn probe() {
    for name in ["rules-9a-step", "han-step-25A", "it-three-phase", "aidon-no-l2"] {
        let scenario = scenario(name);
        let (_, near) = judged(&scenario, &mut ReferenceDongle::default(), &mut *reference(&scenario));
        eprintln!("{name} in-process {:?} {}", near.verdict(), near.metrics.to_json());
        for broken in [
            "",
            "scale-tenth",
            "scale-ten",
            "silent",
            "repeat-last",
            "zero-for-absent",
            "swap-phases",
            "late",
            "exit-after-5",
            "l2-zero",
            "l2-unmarked",
            "string-numbers",
            "float32",
        ] {
            let dut = if broken.is_empty() {
                "kind = \"virtual\"".into()
            } else {
                format!("kind = \"virtual\"\nbroken = \"{broken}\"")
            };
            let mut dongle = open(&dut, Speed::Max);
            let started = std::time::Instant::now();
            let (ended, judgement, heard) = through(&mut dongle, &scenario, &mut *reference(&scenario));
            let most = heard.iter().flat_map(|heard| &heard.claims).map(|claim| claim.0).max();
            let m = &judgement.metrics;
            eprintln!(
                "{name} {broken:16} {:?} heat {:.4} over {:.1}s {:.0}As kwh {:?} fails {:?} | {:?} telegrams {} delay {most:?} took {:?}",
                judgement.verdict(),
                m.fuse_heat_max,
                m.overload_s,
                m.overload_a_s,
                m.energy_kwh,
                judgement.failed(),
                ended.trouble,
                heard.len(),
                started.elapsed()
            );
        }
    }
    let _ = (rules::ALL, Trouble::Rig(String::new()), ReplayedDongle::new(&[], None));
}
