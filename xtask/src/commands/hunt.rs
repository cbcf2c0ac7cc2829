//! `hunt`: searches for a scenario in which a balancer blows the fuse or wastes room, and makes it small.

use crate::commands::sim::judged;
use crate::failure::{FAILED, Failure, LOST, Outcome, PASSED};
use crate::flags::HuntFlags;
use crate::{balancers, console};
use hanbench_core::hunt::{Genome, Search, shrink};
use hanbench_core::scenario::Scenario;
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::balance::Judgement;
use hanbench_rig::balancer::Spec;
use hanbench_rig::evidence::write_whole;
use hanbench_rig::{file, interrupt};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::time::{Duration, Instant};

/// What is searched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Objective {
    /// The main fuse blows, and not by the house alone.
    Fuse,
    /// Room is left that cars could have used.
    Gap,
}

/// The balancer and what it is searched for.
struct Hunt {
    balancer: Spec,
    objective: Objective,
}

/// Searches until something is found or the time is over.
pub fn run(flags: &HuntFlags) -> Outcome {
    let balancer = balancers::parse(&flags.balancer, Duration::from_secs(5))?;
    let hunt = Hunt { balancer, objective: flags.objective };
    let budget = budget(&flags.budget)?;
    writable(&flags.output)?;
    interrupt::install();
    let bar = bar(budget);
    let (start, mut search, mut tried, mut worst) = (Instant::now(), Search::new(flags.seed), 0_u64, 0.0_f64);
    let found = loop {
        if start.elapsed() >= budget {
            break None;
        }
        let genome = search.ask().clone();
        let judgement = hunt.judge(&genome)?;
        let badness = hunt.badness(&judgement);
        tried += 1;
        worst = worst.max(badness);
        bar.set_position(start.elapsed().as_secs());
        bar.set_message(format!("{tried} scenarios, worst {} {worst:.3}", hunt.measure()));
        if hunt.breaks(&judgement) {
            break Some((genome, judgement));
        }
        search.tell(badness);
    };
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let name = hunt.balancer.name();
    let Some((genome, first)) = found else {
        console::line(&format!(
            "{name}: {} in {tried} scenarios, {seconds:.1} s; worst {} {worst:.3} of 1 (seed {})",
            hunt.nothing(),
            hunt.measure(),
            flags.seed
        ));
        return Ok(PASSED);
    };
    let (smallest, judgement) = hunt.smallest(&genome, first)?;
    let path = &flags.output;
    let about = format!("{name}: {}", hunt.found());
    write_whole(path, smallest.to_toml(&about).as_bytes())
        .map_err(|error| Failure::input(error.to_string()))?;
    console::line(&format!(
        "{name}: {}, {} {:.3}; found after {tried} scenarios, {seconds:.1} s; {} left of {}",
        hunt.found(),
        hunt.measure(),
        hunt.badness(&judgement),
        events(smallest.genes.len()),
        genome.genes.len()
    ));
    console::line(&format!(
        "wrote {}; replay: cargo xtask sim {} --balancer '{}'",
        path.display(),
        path.display(),
        flags.balancer
    ));
    Ok(FAILED)
}

fn events(count: usize) -> String {
    format!("{count} event{}", if count == 1 { "" } else { "s" })
}

impl Hunt {
    /// One scenario, judged. A balancer that does not answer cannot be hunted: nothing that it does not do is to its
    /// credit.
    fn judge(&self, genome: &Genome) -> Result<Judgement, Failure> {
        let text = genome.to_toml("a candidate");
        let scenario = Scenario::parse(&text, &|name| Err(format!("no file {name}")));
        let scenario = scenario.map_err(|error| Failure {
            code: crate::failure::HARNESS,
            text: format!("the hunt made a scenario that is none: {error}\n{text}"),
        })?;
        let judgement = judged("hunt", &scenario, &self.balancer)?;
        let protocol = judgement.outcomes.iter().find(|outcome| outcome.id == "balance.protocol");
        match protocol.filter(|outcome| outcome.verdict > Verdict::Pass) {
            Some(outcome) => {
                let reason = outcome.reason.as_deref().unwrap_or_default();
                let code = if outcome.verdict == Verdict::Fail { FAILED } else { LOST };
                Err(Failure { code, text: format!("{}: {reason}", self.balancer.name()) })
            }
            None => Ok(judgement),
        }
    }

    /// The smallest scenario, and what came of it. After Ctrl-C the smallest so far.
    fn smallest(&self, genome: &Genome, first: Judgement) -> Result<(Genome, Judgement), Failure> {
        let (mut failure, mut last) = (None, first);
        let smallest = shrink(genome, &mut |genome| match self.judge(genome) {
            _ if failure.is_some() => false,
            Ok(judgement) if self.breaks(&judgement) => {
                last = judgement;
                true
            }
            Ok(_) => false,
            Err(error) => {
                failure = Some(error);
                false
            }
        });
        match failure {
            Some(_) if interrupt::interrupted() => {
                console::note("interrupted: this is the smallest so far");
                Ok((smallest, last))
            }
            Some(error) => Err(error),
            None => Ok((smallest, last)),
        }
    }

    fn badness(&self, judgement: &Judgement) -> f64 {
        match self.objective {
            Objective::Fuse => judgement.metrics.fuse_heat_max,
            Objective::Gap => judgement.metrics.gap.unwrap_or(0.0),
        }
    }

    fn breaks(&self, judgement: &Judgement) -> bool {
        let id = match self.objective {
            Objective::Fuse => "balance.fuse",
            Objective::Gap => "balance.gap",
        };
        judgement.outcomes.iter().any(|outcome| outcome.id == id && outcome.verdict == Verdict::Fail)
    }

    fn measure(&self) -> &'static str {
        match self.objective {
            Objective::Fuse => "heat",
            Objective::Gap => "gap",
        }
    }

    fn found(&self) -> &'static str {
        match self.objective {
            Objective::Fuse => "the fuse blows",
            Objective::Gap => "cars get less than there is room for",
        }
    }

    fn nothing(&self) -> &'static str {
        match self.objective {
            Objective::Fuse => "no fuse blown",
            Objective::Gap => "no room left unused",
        }
    }
}

/// A place where nothing can be written is better known before a long search than after it.
fn writable(path: &Path) -> Result<(), Failure> {
    let fails = |error: &std::io::Error| Failure::file("write", path, error);
    let target = file::target(path).map_err(|error| fails(&error))?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::read_dir(folder.unwrap_or(Path::new("."))).map(|_| ()).map_err(|error| fails(&error))
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
