//! `hunt`: searches for a scenario in which a balancer blows the fuse, and makes it small.

use crate::commands::sim::judged;
use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::HuntFlags;
use crate::{balancers, console};
use hanbench_core::hunt::{Genome, Search, shrink};
use hanbench_core::scenario::Scenario;
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::balance::Judgement;
use hanbench_rig::balancer::Spec;
use hanbench_rig::evidence::write_whole;
use hanbench_rig::interrupt;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// At least one FAIL (contract, section 1).
const FAILED: u8 = 1;

/// Searches until something is found or the time is over.
pub fn run(flags: &HuntFlags) -> Outcome {
    let balancer = balancers::parse(&flags.balancer, Duration::from_secs(5))?;
    let budget = budget(&flags.budget)?;
    interrupt::install();
    let bar = bar(budget);
    let (start, mut search, mut tried, mut worst) = (Instant::now(), Search::new(flags.seed), 0_u64, 0.0_f64);
    let found = loop {
        if start.elapsed() >= budget {
            break None;
        }
        if interrupt::interrupted() {
            return Err(Failure { code: 3, text: "interrupted".into() });
        }
        let genome = search.ask().clone();
        let judgement = judge(&genome, &balancer)?;
        let heat = judgement.metrics.fuse_heat_max;
        tried += 1;
        worst = worst.max(heat);
        bar.set_position(start.elapsed().as_secs());
        bar.set_message(format!("{tried} scenarios, worst heat {worst:.3}"));
        if breaks(&judgement) {
            break Some(genome);
        }
        search.tell(heat);
    };
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let Some(genome) = found else {
        console::line(&format!(
            "{}: no fuse blown in {tried} scenarios, {seconds:.1} s; worst heat {worst:.3} of 1 (seed {})",
            balancer.name(),
            flags.seed
        ));
        return Ok(PASSED);
    };
    let smallest =
        shrink(&genome, &mut |genome| judge(genome, &balancer).is_ok_and(|judged| breaks(&judged)));
    let judgement = judge(&smallest, &balancer)?;
    let about = format!("{} blows the fuse", balancer.name());
    let path = &flags.output;
    write_whole(path, smallest.to_toml(&about).as_bytes())
        .map_err(|error| Failure::input(error.to_string()))?;
    console::line(&format!(
        "{}: the fuse blows, heat {:.3}; found after {tried} scenarios, {seconds:.1} s; {} events left of {}",
        balancer.name(),
        judgement.metrics.fuse_heat_max,
        smallest.genes.len(),
        genome.genes.len()
    ));
    console::line(&format!(
        "wrote {}; replay: cargo xtask sim {} --balancer {}",
        path.display(),
        path.display(),
        flags.balancer
    ));
    Ok(FAILED)
}

fn judge(genome: &Genome, balancer: &Spec) -> Result<Judgement, Failure> {
    let text = genome.to_toml("a candidate");
    let scenario = Scenario::parse(&text, &|name| Err(format!("no file {name}")));
    let scenario = scenario.map_err(|error| Failure {
        code: crate::failure::HARNESS,
        text: format!("the hunt made a scenario that is none: {error}\n{text}"),
    })?;
    judged("hunt", &scenario, balancer)
}

/// The fuse blows, and not by the house alone.
fn breaks(judgement: &Judgement) -> bool {
    judgement.outcomes.iter().any(|outcome| outcome.id == "balance.fuse" && outcome.verdict == Verdict::Fail)
}

/// `60s`, `5min` or plain seconds.
fn budget(text: &str) -> Result<Duration, Failure> {
    let (number, unit) = match text.strip_suffix("min") {
        Some(number) => (number, 60.0),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok().map(|number| number * unit);
    let seconds = seconds.filter(|seconds| (0.1..=604_800.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| {
        Failure::input(format!(
            "--budget {text}: a time from 0.1s to a week was expected, such as 60s or 5min"
        ))
    })
}

fn bar(budget: Duration) -> ProgressBar {
    if !console::interactive() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {elapsed} of {len} s  {msg}");
    ProgressBar::new(budget.as_secs()).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
