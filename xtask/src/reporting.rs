//! Trials → outcomes → files. The same for a run that just ended and for one rebuilt from its evidence.

use crate::commands::run::purpose;
use crate::failure::Failure;
use hanbench_core::report::{Annotated, html, junit, labelled, merge, run_labels, summary};
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::results::{RESULTS_VERSION, Results};
use hanbench_core::verdict::trials::Trials;
use hanbench_core::wire::cipher::Keys;
use hanbench_rig::evidence::{Run, Stored, write_whole};
use std::path::{Path, PathBuf};

/// What was written, for the last lines on the terminal.
pub struct Written {
    /// A few lines: totals, and what did not pass.
    pub headlines: String,
    /// The HTML report.
    pub report: PathBuf,
    /// The exit code of the run.
    pub exit_code: u8,
}

/// Judges all trials.
pub fn results(run: &Run, trials: &Trials) -> Results {
    let mut checks = trials.judge();
    checks.extend(run.outcomes.iter().cloned());
    let mut results = Results {
        version: RESULTS_VERSION,
        run: run.run.clone(),
        rig: run.rig.clone(),
        dut: run.dut.clone(),
        seed: run.seed,
        totals: Default::default(),
        checks,
    };
    results.count();
    results
}

/// Judges the trials of one run, or of several runs that become one.
pub fn judged(runs: Vec<Stored>) -> Result<(Results, Trials), Failure> {
    let all = runs.iter().map(|stored| results(&stored.run, &stored.trials)).collect();
    let labels = run_labels(runs.iter().map(|stored| stored.run.rig.as_str()));
    let alone = runs.len() == 1;
    let mut trials = Trials::default();
    for (mut stored, label) in runs.into_iter().zip(&labels) {
        // Trials of different runs may have the same name.
        if !alone {
            stored.trials.rename(|name| labelled(name, label));
        }
        trials.append(stored.trials);
    }
    Ok((merge(all).map_err(Failure::input)?, trials))
}

/// Judges all trials and writes every report into the folder.
pub fn write(folder: &Path, run: &Run, trials: &Trials) -> Result<Written, Failure> {
    write_results(folder, &results(run, trials), trials)
}

/// Writes every report of results that are there already.
pub fn write_results(folder: &Path, results: &Results, trials: &Trials) -> Result<Written, Failure> {
    let json = serde_json::to_string_pretty(results).map_err(|error| Failure {
        code: crate::failure::HARNESS,
        text: format!("results cannot be written as JSON: {error}"),
    })?;
    let report = folder.join("report.html");
    let files = [
        (folder.join("results.json"), json + "\n"),
        (folder.join("junit.xml"), junit(results, &trials.han, &purpose)),
        (folder.join("summary.md"), summary(results, &trials.han)),
        (report.clone(), html(results, trials, &purpose, &explain)),
    ];
    for (path, text) in files {
        write_whole(&path, text.as_bytes()).map_err(|error| Failure::input(error.to_string()))?;
    }
    Ok(Written { headlines: headlines(results), report, exit_code: results.exit_code() })
}

fn explain(bytes: &[u8]) -> Vec<Annotated> {
    hanbench_core::explain::explain(bytes, Keys::default(), None)
}

/// Most findings shown on the terminal; the report has them all.
const SHOWN: usize = 20;

fn headlines(results: &Results) -> String {
    let proven = results.total(Verdict::Pass) + results.total(Verdict::Fail) > 0;
    // Where nothing was proven, the reasons for that are what did not pass.
    let bad = results.checks.iter().filter(|one| match one.verdict {
        Verdict::Fail | Verdict::Error => true,
        Verdict::Inconclusive | Verdict::NotApplicable => !proven,
        Verdict::Pass => false,
    });
    // One cause that stopped many checks is one line.
    let mut lines: Vec<(String, String, usize)> = Vec::new();
    for outcome in bad {
        let reason = outcome.reason.clone().unwrap_or_default();
        let head = format!("{:<5} {:<26} {}", outcome.verdict.word(), outcome.id, outcome.subject);
        match lines.iter_mut().find(|(_, known, _)| outcome.verdict != Verdict::Fail && *known == reason) {
            Some((_, _, count)) => *count += 1,
            None => lines.push((head, reason, 1)),
        }
    }
    let mut text = String::new();
    for (head, reason, count) in lines.iter().take(SHOWN) {
        let more = if *count > 1 { format!(" (and {} more checks)", count - 1) } else { String::new() };
        text += &format!("{head}: {reason}{more}\n");
    }
    if lines.len() > SHOWN {
        text += &format!("… and {} more, see the report\n", lines.len() - SHOWN);
    }
    let totals = Verdict::ALL.map(|verdict| format!("{} {}", results.total(verdict), verdict.word()));
    text + &totals.join("  ") + "\n"
}
