//! The closed loop through a dongle that is a program of its own: the simulated meter's bytes go over a pty, and the
//! balancer hears what the program prints.

#![cfg(unix)]

use hanbench_core::balance::reference::Reference;
use hanbench_core::balance::{Balancer, Trouble, rules};
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{self, Claim, Dongle, Ended, Heard, ReferenceDongle, ReplayedDongle};
use hanbench_core::verdict::balance::{Judge, Judgement};
use hanbench_core::verdict::{Cause, Verdict};
use hanbench_rig::pty::Pty;
use hanbench_rig::session::LoopDongle;
use hanbench_rig::{Rig, Speed};
use std::path::Path;
use std::time::{Duration, Instant};

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

const HEALTHY: &str = "kind = \"virtual\"";

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

/// What a run over a line may differ by from one in process. The samples are the same; only the time that the program
/// took is different, and it moves what a balancer decides by that time and at most to its next tick, once for each step
/// of the load: so much longer is the fuse overloaded, by at most 16 A, which is 0.02 of its heat a second. A program
/// that took less than a millisecond each time changes nothing at all.
fn as_near_as_the_time_it_took(near: &Judgement, far: &Judgement, heard: &[Heard]) {
    let most_ms = heard.iter().flat_map(|heard| &heard.claims).map(|(delay_ms, _)| *delay_ms).max();
    if most_ms == Some(0) {
        assert_eq!(near.metrics, far.metrics);
        return;
    }
    let late_s = 3.0 * (1.0 + most_ms.expect("claims") as f64 / 1000.0);
    let (near, far) = (&near.metrics, &far.metrics);
    assert!((near.overload_s - far.overload_s).abs() <= late_s, "{near:?} {far:?}");
    assert!((near.fuse_heat_max - far.fuse_heat_max).abs() <= late_s * 0.02, "{near:?} {far:?}");
    for ((name, kwh), (_, other)) in near.energy_kwh.iter().zip(&far.energy_kwh) {
        // 16 A on three phases are 11 kW.
        assert!((kwh - other).abs() <= late_s * 11.0 / 3600.0, "{name}: {near:?} {far:?}");
    }
}

#[test]
fn a_healthy_dongle_behind_a_line_keeps_the_fuse_as_the_decoder_in_process_does() {
    let mut dongle = open(HEALTHY, Speed::Max);
    for name in ["rules-9a-step", "han-step-25A", "it-three-phase"] {
        let scenario = scenario(name);
        let (_, near) = judged(&scenario, &mut ReferenceDongle::default(), &mut *reference(&scenario));
        let (ended, far, heard) = through(&mut dongle, &scenario, &mut *reference(&scenario));
        assert_eq!((ended.trouble, far.verdict()), (None, Verdict::Pass), "{name}: {:?}", far.failed());
        assert!(heard.iter().all(|heard| heard.claims.len() == 1), "{name}: each telegram is claimed once");
        as_near_as_the_time_it_took(&near, &far, &heard);
    }
}

#[test]
fn what_was_heard_plays_the_same_run_again_without_the_dongle() {
    let scenario = scenario("rules-9a-step");
    for dut in [HEALTHY, "kind = \"virtual\"\nbroken = \"exit-after-5\""] {
        let (ended, first, heard) =
            through(&mut open(dut, Speed::Max), &scenario, &mut *reference(&scenario));
        let kept = serde_json::to_string(&(&heard, ended.trouble.as_ref().map(|(_, trouble)| trouble)))
            .expect("JSON");
        let (heard, end): (Vec<Heard>, Option<Trouble>) = serde_json::from_str(&kept).expect("what was kept");
        let mut replayed = ReplayedDongle::new(&heard, end);
        assert_eq!(judged(&scenario, &mut replayed, &mut *reference(&scenario)), (ended, first));
    }
}

/// The meter says 17 A where 16 A charge on a fuse of 25 A. What each dongle makes of it, what each balancer makes of
/// that, and what becomes of the fuse and the car: `heat` is the part of what the fuse stands, 1 is blown.
#[test]
fn a_broken_dongle_blows_the_fuse_or_stops_the_car_as_physics_says() {
    let scenario = scenario("rules-9a-step");
    let healthy = (0.7..0.9, 3.0..4.0);
    // As if nobody balanced: 1199 s of 33 A.
    let blown = (1.1..1.2, 5.5..5.6);
    // 8 A and 16 A before the step; then no more than a charger takes on its own, or nothing.
    let (fallen_back, stopped) = ((0.5..0.6, 1.8..2.2), (0.25..0.35, 0.0..0.1));
    for (dongle, balancer, (heat, kwh), why) in [
        ("", "ev-load-balancer", healthy.clone(), "it hears the truth"),
        ("", "smartevse", healthy, "it hears the truth"),
        ("scale-tenth", "ev-load-balancer", blown.clone(), "3.3 A are no reason to lower anything"),
        ("scale-tenth", "smartevse", blown.clone(), "3.3 A are no reason to lower anything"),
        ("scale-tenth", "reference", fallen_back.clone(), "the power says that the currents cannot be"),
        ("scale-ten", "smartevse", stopped.clone(), "80 A without any car: there is never room"),
        ("silent", "ev-load-balancer", blown.clone(), "it never notices that nobody speaks"),
        ("silent", "smartevse", stopped, "it stops when it hears nothing"),
        ("silent", "reference", fallen_back.clone(), "it falls back when it hears nothing"),
        ("string-numbers", "ev-load-balancer", blown, "a text is no number: the same as silence"),
        ("string-numbers", "reference", fallen_back, "a text is no number: the same as silence"),
        (
            "zero-for-absent",
            "smartevse",
            (1.0..1.1, 5.0..5.2),
            "three of four readings say that nothing flows",
        ),
    ] {
        let broken = if dongle.is_empty() { String::new() } else { format!("broken = \"{dongle}\"\n") };
        let dut = format!("kind = \"virtual\"\nclaim_within_s = 0.5\n{broken}");
        let mut rule = rules::by_name(balancer).unwrap_or_else(|| reference(&scenario));
        let (ended, judgement, _) = through(&mut open(&dut, Speed::Max), &scenario, &mut *rule);
        let (got, said) = (&judgement.metrics, format!("{dongle} and {balancer}: {why}"));
        assert_eq!(ended.trouble, None, "{said}");
        assert!(heat.contains(&got.fuse_heat_max) && kwh.contains(&got.energy_kwh[0].1), "{said}: {got:?}");
        assert_eq!(judgement.failed().contains(&"balance.fuse"), got.fuse_heat_max >= 1.0, "{said}");
    }
}

#[test]
fn an_old_reading_before_each_new_one_costs_nothing_while_the_new_one_follows_at_once() {
    let scenario = scenario("it-three-phase");
    let mut dongle = open("kind = \"virtual\"\nbroken = \"repeat-last\"", Speed::Max);
    let (_, judgement, heard) = through(&mut dongle, &scenario, &mut *reference(&scenario));
    let said: usize = heard.iter().map(|heard| heard.claims.len()).sum();
    assert_eq!((said, judgement.verdict()), (2 * heard.len() - 1, Verdict::Pass), "{:?}", judgement.failed());
}

#[test]
fn a_dongle_that_ends_is_at_fault_and_a_line_that_is_lost_is_not() {
    let scenario = scenario("rules-9a-step");
    let protocol = |judgement: &Judgement| {
        let found = judgement.outcomes.iter().find(|one| one.id == "balance.protocol").expect("judged");
        (found.verdict, found.cause, found.reason.clone().unwrap_or_default())
    };
    let ends =
        "kind = \"process\"\ncommand = [\"sh\", \"-c\", \"head -c 99 $1 >&2; exit 7\", \"sh\", \"{han}\"]";
    let (_, judgement, _) = through(&mut open(ends, Speed::Max), &scenario, &mut *reference(&scenario));
    let (verdict, cause, reason) = protocol(&judgement);
    assert_eq!((verdict, cause), (Verdict::Fail, Some(Cause::Dut)), "{reason}");
    assert!(reason.contains("the dongle was gone: ended with exit code 7"), "{reason}");

    for lost in [0, 1] {
        let mut ends = vec![Pty::open().expect("a pty"), Pty::open().expect("a pty")];
        let dut = format!(
            "kind = \"serial\"\nport = \"{}\"\n[input]\nkind = \"serial\"\nport = \"{}\"",
            ends[0].path(),
            ends[1].path()
        );
        let mut dongle = open(&dut, Speed::Max);
        dongle.begin().expect("both are there");
        let name = ends.remove(lost).path().to_string();
        let (_, judgement) = judged(&scenario, &mut dongle, &mut *reference(&scenario));
        let (verdict, cause, reason) = protocol(&judgement);
        assert_eq!((verdict, cause), (Verdict::Error, Some(Cause::Rig)), "{reason}");
        assert!(reason.contains(&format!("port {name} was lost")), "{reason}");
    }
}

/// Looks at the wall clock whenever the loop goes on.
struct Clocked {
    dongle: LoopDongle,
    began: Instant,
    factor: f64,
}

impl Clocked {
    fn behind(&self, t_ms: u64) {
        let wall_ms = self.began.elapsed().as_secs_f64() * 1000.0 * self.factor;
        assert!(t_ms as f64 <= wall_ms, "it is {t_ms} ms in the loop and {wall_ms} ms on the wall");
    }
}

impl Dongle for Clocked {
    fn hear(&mut self, t_ms: u64, bytes: &[u8], claims: &mut Vec<Claim>) -> Result<(), Trouble> {
        self.behind(t_ms);
        self.dongle.hear(t_ms, bytes, claims)
    }

    fn wait(&mut self, t_ms: u64) -> Result<(), Trouble> {
        self.dongle.wait(t_ms)?;
        self.behind(t_ms);
        Ok(())
    }
}

#[test]
fn at_line_speed_the_loop_never_runs_ahead_of_the_wall_clock() {
    let text = "[scenario]\nabout = \"a minute\"\nsource = \"our own\"\nduration_s = 60\n[fuse]\nrated_a = 25\n\
                [meter]\nprofile = \"aidon-6534\"\n[[load]]\nat = \"L1\"\na = 8\n";
    let scenario = Scenario::parse(text, &|name| Err(name.into())).expect("a scenario");
    let factor = 20.0;
    let mut dongle = open(HEALTHY, Speed::Factor(factor));
    let began = Instant::now();
    dongle.begin().expect("it starts");
    let mut clocked = Clocked { dongle, began, factor };
    let (ended, _) = judged(&scenario, &mut clocked, &mut *reference(&scenario));
    let (heard, pacing) = clocked.dongle.finish();
    assert_eq!((ended.trouble, heard.len()), (None, 24));
    assert!(heard.iter().all(|heard| heard.claims.len() == 1), "{heard:?}");
    assert!(pacing.is_some() && began.elapsed() >= Duration::from_secs(3));
}
