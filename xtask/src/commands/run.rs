//! `run`: the main job. Captures and waveforms into a dongle, scenarios to a balancer; everything they say is judged.
//!
//! | file | what |
//! |---|---|
//! | `select` | captures and checks to stimuli |
//! | `play` | the loop |
//! | `ct` | the same for waveforms |
//! | `balance` | the same for scenarios |
//! | `probe` | the steps with a debug probe |
//! | `crew` | trials that several threads play |
//! | `about` | folder, time, host, commit |

mod about;
mod balance;
mod crew;
mod ct;
mod play;
mod probe;
mod select;

pub use select::purpose;

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::RunFlags;
use crate::reporting::{self, Written};
use crate::{console, scenarios, workspace};
use about::{about, folder, point_latest};
use hanbench_core::verdict::probe::SUITE;
use hanbench_core::verdict::results::Outcome as Judged;
use hanbench_core::verdict::trial::Stimulus;
use hanbench_core::verdict::trials::Trials;
use hanbench_core::verdict::{balance as loops, ct as clamps};
use hanbench_rig::clamps::{ClampBench, fixtures};
use hanbench_rig::config::{ClampKind, Dut, Input, Rig};
use hanbench_rig::evidence::{Folder, RUN_VERSION, Run};
use hanbench_rig::file::FileError;
use hanbench_rig::interrupt;
use hanbench_rig::library::{self, Recording};
use hanbench_rig::session::{Session, Speed};
use play::{not_carried_out, play};
use select::{Wanted, propose, select};
use std::path::Path;
use std::time::Instant;

/// Plays everything that was asked for, judges it, writes the reports.
pub fn run(flags: &RunFlags) -> Outcome {
    let root = workspace::root()?;
    let rig_path = flags.rig.clone().unwrap_or_else(|| root.join("rigs/virtual.toml"));
    let rig = Rig::load(&rig_path)?;
    let recordings = library::load(&root).map_err(|error: FileError| Failure::input(error.to_string()))?;
    let (tasks, mut beside) = Tasks::select(flags, &root, &recordings, &rig)?;
    let listed = tasks.listed();
    if listed.is_empty() && (beside.is_empty() || flags.list) {
        return Err(no_check());
    }
    if flags.list {
        listed.iter().for_each(|line| console::line(line));
        return Ok(PASSED);
    }
    interrupt::install();
    // Before anything is written: a bench that is not there leaves no report.
    let session = han(flags, &rig, &tasks.stimuli)?;
    let benches = ct::open(&rig, flags.speed, &tasks.waveforms)?;
    let started = jiff::Timestamp::now();
    let clock = Instant::now();
    let out = folder(flags, &root, &rig.name, started);
    let mut folder = Folder::create(&out).map_err(|error| Failure::input(error.to_string()))?;
    keep_rig_file(&mut folder, &rig_path)?;
    propose(&recordings)?;
    let (trials, lost) = tasks.play((session, benches), flags.speed, &rig, &mut folder, &mut beside)?;
    let pacings = trials.han.iter().map(|trial| trial.pacing);
    let pacings = pacings.chain(trials.clamps.iter().map(|trial| trial.pacing));
    let pacings = pacings.chain(trials.loops.iter().map(|trial| trial.run.pacing));
    let run = Run {
        version: RUN_VERSION,
        rig: rig.name.clone(),
        dut: rig.about.clone(),
        seed: flags.seed,
        run: about(started, clock, flags, (&rig_path, &rig.terms), pacings.flatten()),
        trials: trials.han.iter().map(|trial| trial.stimulus.name.clone()).collect(),
        ct_trials: trials.clamps.iter().map(|trial| trial.name.clone()).collect(),
        probe_trials: trials.probes.iter().map(|trial| trial.name.clone()).collect(),
        loop_trials: trials.loops.iter().map(|trial| trial.name.clone()).collect(),
        outcomes: beside,
    };
    folder.close(&run).map_err(|error| Failure::input(error.to_string()))?;
    let written = reporting::write(&out, &run, &trials)?;
    point_latest(&root, &out);
    finish(&written, &root, lost)
}

/// Everything that is to be played, of all kinds.
struct Tasks {
    steps: Option<probe::Task>,
    stimuli: Vec<Stimulus>,
    waveforms: Vec<ct::Task>,
    scenarios: Vec<balance::Task>,
}

impl Tasks {
    /// What was asked for, and outcomes that need no trial.
    fn select(
        flags: &RunFlags,
        root: &Path,
        recordings: &[Recording],
        rig: &Rig,
    ) -> Result<(Tasks, Vec<Judged>), Failure> {
        let wanted = Wanted::of(flags)?;
        let waveforms = fixtures::load(root).map_err(|error: FileError| Failure::input(error.to_string()))?;
        let (stimuli, mut beside) = select(&wanted, flags.seed, recordings, &rig.terms)?;
        let (waveforms, no_clamps) = ct::select(&wanted, waveforms, rig);
        let (scenarios, no_balancer) =
            balance::select(&wanted, flags.seed, scenarios::of_checkout(root)?, rig);
        let (steps, no_probe) = probe::select(&wanted, rig);
        beside.extend(no_clamps.into_iter().chain(no_balancer).chain(no_probe));
        Ok((Tasks { steps, stimuli, waveforms, scenarios }, beside))
    }

    /// Plays one kind after the other and keeps what was played; what was not gets its outcome `beside`. Where the bench is
    /// lost, the rest is not played.
    fn play(
        &self,
        (session, benches): (Option<Session>, Vec<ClampBench>),
        speed: Option<Speed>,
        rig: &Rig,
        folder: &mut Folder,
        beside: &mut Vec<Judged>,
    ) -> Result<(Trials, Option<Failure>), Failure> {
        let (mut trials, mut lost) = (Trials::default(), None);
        if let Some(steps) = &self.steps {
            let (played, failed) = probe::play(rig, steps, folder)?;
            beside.extend(probe::not_carried_out(steps, &played, failed.as_ref()));
            trials.probes = played;
            // Whatever else is on the bench may be well.
            lost = failed.filter(|_| through_probe(rig));
        }
        if let Some(mut session) = session.filter(|_| lost.is_none()) {
            (trials.han, lost) = play(&mut session, rig, &self.stimuli, folder)?;
        }
        beside.extend(not_carried_out(&self.stimuli, &trials.han, rig, lost.as_ref()));
        if lost.is_none() {
            (trials.clamps, lost) = ct::play(benches, rig, &self.waveforms, folder)?;
        }
        beside.extend(ct::not_carried_out(&self.waveforms, &trials.clamps, rig, lost.as_ref()));
        if lost.is_none() {
            (trials.loops, lost) = balance::play(rig, speed, &self.scenarios, folder)?;
        }
        beside.extend(balance::not_carried_out(&self.scenarios, &trials.loops, lost.as_ref()));
        Ok((trials, lost))
    }

    /// One check and subject a line.
    fn listed(&self) -> Vec<String> {
        let line = |suite: &str, id: &str, subject: &str| format!("{suite:<8} {id:<28} {subject}");
        let mut lines = Vec::new();
        for stimulus in &self.stimuli {
            lines.extend(stimulus.checks.iter().map(|id| line(&stimulus.suite, id, &stimulus.subject)));
        }
        for task in &self.waveforms {
            lines.extend(task.checks.iter().map(|id| line(clamps::SUITE, id, &task.waveform.subject)));
        }
        for task in &self.scenarios {
            lines.extend(task.checks.iter().map(|id| line(loops::SUITE, id, &task.file.subject)));
        }
        if let Some(task) = &self.steps {
            lines.extend(task.checks.iter().map(|id| line(SUITE, id, &task.subject)));
        }
        lines
    }
}

/// The bench for telegrams; none where none are to be played, so that it need not be there.
fn han(flags: &RunFlags, rig: &Rig, stimuli: &[Stimulus]) -> Result<Option<Session>, Failure> {
    if stimuli.is_empty() {
        return Ok(None);
    }
    let default = if rig.input == Input::Pty { Speed::Max } else { Speed::Real };
    Ok(Some(Session::open(rig.clone(), flags.speed.unwrap_or(default), None)?))
}

/// The DUT, or the clamp dongle, is reached through the probe.
fn through_probe(rig: &Rig) -> bool {
    matches!(rig.dut, Dut::Rtt { .. })
        || rig.clamps.as_ref().is_some_and(|clamps| clamps.kind == ClampKind::Ram)
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

fn no_check() -> Failure {
    let text = "no check matches; --list without --suite and --filter shows them all".into();
    Failure { code: 4, text }
}

fn keep_rig_file(folder: &mut Folder, path: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    folder.evidence("rig.toml", &bytes).map_err(|error| Failure::input(error.to_string()))
}
