//! `run`: the main job. Captures in, claims out, every claim judged.
//!
//! | file | what |
//! |---|---|
//! | `select` | captures and checks to stimuli |
//! | `play` | the loop |
//! | `about` | folder, time, host, commit |

mod about;
mod play;
mod select;

pub use select::purpose;

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::RunFlags;
use crate::reporting::{self, Written};
use crate::{console, workspace};
use about::{about, folder, point_latest};
use hanbench_core::verdict::trial::Stimulus;
use hanbench_rig::evidence::{Folder, RUN_VERSION, Run};
use hanbench_rig::library;
use hanbench_rig::session::{Session, Speed};
use hanbench_rig::{config::Input, config::Rig, interrupt};
use play::{not_carried_out, play};
use select::{propose, select};
use std::path::Path;
use std::time::Instant;

/// Plays everything that was asked for, judges it, writes the reports.
pub fn run(flags: &RunFlags) -> Outcome {
    let root = workspace::root()?;
    let rig_path = flags.rig.clone().unwrap_or_else(|| root.join("rigs/virtual.toml"));
    let rig = Rig::load(&rig_path)?;
    let recordings = library::load(&root).map_err(|error| Failure::input(error.to_string()))?;
    let (stimuli, mut beside) = select(flags, &recordings)?;
    if flags.list {
        return list(&stimuli);
    }
    if stimuli.is_empty() && beside.is_empty() {
        return Err(no_check());
    }
    interrupt::install();
    let default = if rig.input == Input::Pty { Speed::Max } else { Speed::Real };
    // Before anything is written: a bench that is not there leaves no report.
    let mut session = Session::open(rig.clone(), flags.speed.unwrap_or(default), None)?;
    let started = jiff::Timestamp::now();
    let clock = Instant::now();
    let out = folder(flags, &root, &rig.name, started);
    let mut folder = Folder::create(&out).map_err(|error| Failure::input(error.to_string()))?;
    keep_rig_file(&mut folder, &rig_path)?;
    propose(&recordings)?;
    let (trials, lost) = play(&mut session, &rig, &stimuli, &mut folder)?;
    beside.extend(not_carried_out(&stimuli, &trials, &rig, lost.as_ref()));
    let run = Run {
        version: RUN_VERSION,
        rig: rig.name.clone(),
        dut: rig.about.clone(),
        seed: flags.seed,
        run: about(started, clock, flags, (&rig_path, &rig.terms), &trials),
        trials: trials.iter().map(|trial| trial.stimulus.name.clone()).collect(),
        outcomes: beside,
    };
    folder.close(&run).map_err(|error| Failure::input(error.to_string()))?;
    let written = reporting::write(&out, &run, &trials)?;
    point_latest(&root, &out);
    finish(&written, &root, lost)
}

/// What a run came to, for the person who started it.
fn finish(written: &Written, root: &Path, lost: Option<Failure>) -> Outcome {
    console::out(&written.headlines);
    let report = workspace::shown(root, &written.report);
    console::note(&format!("report: {report}"));
    match lost {
        Some(failure) => Err(failure),
        None => Ok(written.exit_code),
    }
}

fn list(stimuli: &[Stimulus]) -> Outcome {
    for stimulus in stimuli {
        for id in &stimulus.checks {
            console::line(&format!("{:<8} {id:<28} {}", stimulus.suite, stimulus.subject));
        }
    }
    if stimuli.is_empty() { Err(no_check()) } else { Ok(PASSED) }
}

fn no_check() -> Failure {
    let text = "no check matches; --list without --suite and --filter shows them all".into();
    Failure { code: 4, text }
}

fn keep_rig_file(folder: &mut Folder, path: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    folder.evidence("rig.toml", &bytes).map_err(|error| Failure::input(error.to_string()))
}
