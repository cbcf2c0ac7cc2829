//! `report`: reports made anew from the stored evidence, without hardware; several runs are merged.

use crate::failure::{Failure, Outcome};
use crate::flags::ReportFlags;
use crate::{console, reporting, workspace};
use hanbench_core::report::merge;
use hanbench_core::verdict::results::Results;
use hanbench_core::verdict::trial::Trial;
use hanbench_rig::evidence::{Folder, load};
use std::path::{Path, PathBuf};

/// Judges the evidence again and writes every report.
pub fn run(flags: &ReportFlags) -> Outcome {
    match (flags.dirs.as_slice(), &flags.out) {
        ([dir], None) => {
            let (run, trials) = read(dir)?;
            let written = reporting::write(dir, &run, &trials)?;
            console::out(&written.headlines);
            console::note(&format!("report: {}", written.report.display()));
            Ok(written.exit_code)
        }
        (dirs, out) => merged(dirs, out.as_deref()),
    }
}

fn read(dir: &Path) -> Result<(hanbench_rig::evidence::Run, Vec<Trial>), Failure> {
    load(dir).map_err(|error| Failure::input(error.to_string()))
}

/// Trials of different runs may have the same name.
fn renamed(mut trial: Trial, label: &str) -> Trial {
    trial.stimulus.name = hanbench_core::report::labelled(&trial.stimulus.name, label);
    trial
}

fn merged(dirs: &[PathBuf], out: Option<&Path>) -> Outcome {
    let mut all: Vec<Results> = Vec::new();
    let mut runs = Vec::new();
    for dir in dirs {
        let (run, trials) = read(dir)?;
        all.push(reporting::results(&run, &trials));
        runs.push(trials);
    }
    let out = match out {
        Some(out) => out.to_path_buf(),
        None => {
            let stamp = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
            workspace::root()?.join("reports").join(format!("{stamp}-merged"))
        }
    };
    let labels = hanbench_core::report::run_labels(&all);
    let trials: Vec<Trial> = runs
        .into_iter()
        .zip(&labels)
        .flat_map(|(trials, label)| trials.into_iter().map(move |trial| renamed(trial, label)))
        .collect();
    let results = merge(all).map_err(Failure::input)?;
    let mut folder = Folder::create(&out).map_err(|error| Failure::input(error.to_string()))?;
    for trial in &trials {
        folder.trial(trial).map_err(|error| Failure::input(error.to_string()))?;
    }
    folder.seal().map_err(|error| Failure::input(error.to_string()))?;
    let written = reporting::write_results(&out, &results, &trials)?;
    console::out(&written.headlines);
    console::note(&format!("report: {}", written.report.display()));
    Ok(written.exit_code)
}
