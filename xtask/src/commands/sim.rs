//! `sim`: scenarios in the closed balancing loop, in virtual time, judged by the main fuse.

use crate::failure::{Failure, LOST, Outcome};
use crate::flags::SimFlags;
use crate::{balancers, console, scenarios};
use hanbench_core::report::loop_svg;
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{Ended, ReferenceDongle, Watch};
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::balance::{Judge, Judgement, laws};
use hanbench_core::verdict::results::{self, RESULTS_VERSION, Results};
use hanbench_rig::balancer::Spec;
use hanbench_rig::evidence::write_whole;
use hanbench_rig::interrupt;
use std::path::Path;
use std::time::Duration;

/// Runs every scenario and prints a line for each.
pub fn run(flags: &SimFlags) -> Outcome {
    let within = Duration::try_from_secs_f64(flags.answer_within_s).ok().filter(|within| !within.is_zero());
    let within = within.ok_or_else(|| Failure::input("--answer-within: seconds above 0 were expected"))?;
    let balancer = balancers::parse(&flags.balancer, within)?;
    let files = scenarios::read(&flags.scenarios)?;
    if let Some(folder) = &flags.plots {
        std::fs::create_dir_all(folder).map_err(|error| Failure::file("make this folder", folder, &error))?;
    }
    if flags.plots.is_some() {
        one_of_each_name(&files)?;
    }
    interrupt::install();
    if !flags.json {
        console::line(&head());
    }
    let mut outcomes = Vec::new();
    for scenarios::File { name, mut scenario, .. } in files {
        scenario.seed = flags.seed.unwrap_or(scenario.seed);
        let judgement = one(&name, &scenario, &balancer)?;
        let line = if flags.json { judgement.to_json(&name).to_string() } else { row(&name, &judgement) };
        console::line(&line);
        if !flags.json {
            for outcome in judgement.as_expected().iter().filter(|outcome| outcome.verdict > Verdict::Pass) {
                let reason = outcome.reason.as_deref().unwrap_or("");
                console::line(&format!("    {} {}: {reason}", outcome.verdict.word(), outcome.id));
            }
        }
        if let Some(folder) = &flags.plots {
            plot(folder, &name, &scenario, &judgement)?;
        }
        outcomes.extend(judgement.as_expected());
    }
    Ok(exit_code(outcomes))
}

/// Two plots cannot have one name.
fn one_of_each_name(files: &[scenarios::File]) -> Result<(), Failure> {
    let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let text = format!("--plots: two scenarios are called {}; expected a plot for each", pair[0]);
            Err(Failure::input(text))
        }
        None => Ok(()),
    }
}

/// One run and those of its twins, judged.
pub fn judged(name: &str, scenario: &Scenario, spec: &Spec) -> Result<Judgement, Failure> {
    let mut judge = Judge::new(scenario, name);
    let ended = play(scenario, spec, &mut judge)?;
    if ended.trouble.is_none() {
        judge.twins(laws::play(scenario, |_, twin, shares| play(twin, spec, shares))?);
    }
    Ok(judge.finish(&ended))
}

/// One run; of a built-in balancer two, so that the same trace twice is seen.
fn one(name: &str, scenario: &Scenario, spec: &Spec) -> Result<Judgement, Failure> {
    let mut judgement = judged(name, scenario, spec)?;
    if let Spec::BuiltIn(_) = spec {
        judgement.repeated(play(scenario, spec, &mut ())?.trace_hash);
    }
    Ok(judgement)
}

/// A run that Ctrl-C has cut short shows nothing.
fn play(scenario: &Scenario, spec: &Spec, watch: &mut impl Watch) -> Result<Ended, Failure> {
    let (ended, _) = spec.play(scenario, &mut ReferenceDongle::default(), watch)?;
    if interrupt::interrupted() {
        return Err(Failure { code: LOST, text: "interrupted".into() });
    }
    Ok(ended)
}

/// The exit code of all runs together (contract, section 1).
fn exit_code(checks: Vec<results::Outcome>) -> u8 {
    let mut all = Results {
        version: RESULTS_VERSION,
        run: Default::default(),
        rig: String::new(),
        dut: String::new(),
        seed: 0,
        totals: Default::default(),
        checks,
    };
    all.count();
    all.exit_code()
}

fn head() -> String {
    format!(
        "{:<28} {:<14} {:>6} {:>10} {:>9} {:>7} {:>8}",
        "scenario", "verdict", "heat", "over A·s", "kWh", "starts", "changes"
    )
}

fn row(name: &str, judgement: &Judgement) -> String {
    let metrics = &judgement.metrics;
    format!(
        "{:<28} {:<14} {:>6.3} {:>10.1} {:>9.2} {:>7} {:>8}",
        name,
        judgement.verdict().word(),
        metrics.fuse_heat_max,
        metrics.overload_a_s,
        metrics.energy_kwh.iter().fold(0.0, |sum, (_, kwh)| sum + kwh),
        metrics.starts.iter().map(|(_, starts)| starts).sum::<u64>(),
        metrics.setpoint_changes,
    )
}

fn plot(folder: &Path, name: &str, scenario: &Scenario, judgement: &Judgement) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.svg"));
    write_whole(&path, loop_svg(scenario, &judgement.series).as_bytes())
        .map_err(|error| Failure::input(error.to_string()))?;
    console::note(&format!("wrote {}", path.display()));
    Ok(())
}
