//! `run`: the main job. Captures in, claims out, every claim judged.

use crate::failure::{Failure, Outcome};
use crate::flags::RunFlags;
use crate::reporting::{self, Written};
use crate::{console, workspace};
use hanbench_core::verdict::checks;
use hanbench_core::verdict::results::Outcome as Judged;
use hanbench_core::verdict::stimulus::{CaptureView, plan};
use hanbench_core::verdict::trial::{DutTerms, Stimulus, TRIAL_VERSION, Trial, What};
use hanbench_core::verdict::{Cause, Verdict, judge::judge};
use hanbench_rig::evidence::{Folder, RUN_VERSION, Run, write_whole};
use hanbench_rig::library::{self, Recording};
use hanbench_rig::session::{Session, Speed};
use hanbench_rig::{config::Input, config::Rig, interrupt};
use indicatif::{ProgressBar, ProgressStyle};
use regex::Regex;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// After so many trials from the start without any claim, a dongle is silent and the rest is not played.
const SILENT_TRIALS: usize = 3;

/// The check that a capture has a reviewed snapshot.
const REVIEWED: &str = "bench.expectation.reviewed";

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
        return Err(Failure { code: 4, text: "no check of any capture was asked for; try --list".into() });
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

/// The stimuli of the run, each with the checks asked for, and outcomes that need no trial.
fn select(flags: &RunFlags, recordings: &[Recording]) -> Result<(Vec<Stimulus>, Vec<Judged>), Failure> {
    let filter = flags.filter.as_deref().map(Regex::new).transpose();
    let filter =
        filter.map_err(|error| Failure::input(format!("--filter is no regular expression: {error}")))?;
    let wanted = |suite: &str, id: &str, subject: &str| {
        let in_suite = flags.suite.is_empty() || flags.suite.iter().any(|name| name == suite);
        in_suite && filter.as_ref().is_none_or(|filter| filter.is_match(&format!("{suite} {id} {subject}")))
    };
    let reviewed: Vec<_> = recordings
        .iter()
        .filter_map(|one| one.reviewed.as_ref().map(|items| (view(one), items.as_slice())))
        .collect();
    let mut stimuli = plan(&reviewed, flags.seed).map_err(|error| Failure::input(error.to_string()))?;
    for stimulus in &mut stimuli {
        let (suite, subject) = (stimulus.suite.clone(), stimulus.subject.clone());
        stimulus.checks.retain(|id| wanted(&suite, id, &subject));
    }
    stimuli.retain(|stimulus| !stimulus.checks.is_empty());
    let unreviewed = recordings.iter().filter(|one| one.reviewed.is_none());
    let unreviewed = unreviewed.filter(|one| wanted("decode", REVIEWED, &one.subject));
    Ok((stimuli, unreviewed.map(without_snapshot).collect()))
}

fn view(recording: &Recording) -> CaptureView<'_> {
    CaptureView { subject: &recording.subject, header: &recording.header, chunks: &recording.chunks }
}

/// Nothing is accepted without a review: with `CI` set a missing snapshot fails (contract, section 6).
fn without_snapshot(recording: &Recording) -> Judged {
    let verdict = if in_ci() { Verdict::Fail } else { Verdict::Inconclusive };
    Judged {
        id: REVIEWED.into(),
        suite: "decode".into(),
        subject: recording.subject.clone(),
        capture_evidence: recording.header.get("evidence").cloned().unwrap_or_default(),
        verdict,
        cause: Some(Cause::Config),
        reason: Some("nobody has reviewed the readings of this capture; read the .snap.new beside it, or use cargo insta review".into()),
        attempts: 1,
        evidence: Vec::new(),
        rests_on: None,
        findings: Vec::new(),
    }
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// Leaves a proposal beside every capture without a snapshot.
fn propose(recordings: &[Recording]) -> Result<(), Failure> {
    if in_ci() {
        return Ok(());
    }
    for recording in recordings.iter().filter(|one| one.reviewed.is_none()) {
        let path = recording.path.with_extension("snap.new");
        write_whole(&path, library::proposal(recording).as_bytes())
            .map_err(|error| Failure::input(error.to_string()))?;
    }
    Ok(())
}

fn list(stimuli: &[Stimulus]) -> Outcome {
    for stimulus in stimuli {
        for id in &stimulus.checks {
            console::line(&format!("{:<8} {id:<28} {}", stimulus.suite, stimulus.subject));
        }
    }
    Ok(if stimuli.is_empty() { 4 } else { 0 })
}

fn folder(flags: &RunFlags, root: &Path, rig: &str, started: jiff::Timestamp) -> PathBuf {
    let stamp = started.strftime("%Y%m%d-%H%M%S");
    // The name comes from a file of the user; a folder gets only what every file system takes.
    let plain = |letter: char| if letter.is_alphanumeric() || "-_".contains(letter) { letter } else { '-' };
    let rig: String = rig.chars().map(plain).take(40).collect();
    let base = root.join("reports").join(format!("{stamp}-{rig}"));
    let numbered = (2..).map(|count| base.with_file_name(format!("{stamp}-{rig}-{count}")));
    // Two runs may start within a second.
    let free = std::iter::once(base.clone()).chain(numbered).find(|path| !path.exists());
    flags.out.clone().unwrap_or_else(|| free.unwrap_or(base))
}

fn keep_rig_file(folder: &mut Folder, path: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    folder.evidence("rig.toml", &bytes).map_err(|error| Failure::input(error.to_string()))
}

/// Plays the stimuli. A rig that is lost ends the run; what was played until then is kept and judged.
fn play(
    session: &mut Session,
    rig: &Rig,
    stimuli: &[Stimulus],
    folder: &mut Folder,
) -> Result<(Vec<Trial>, Option<Failure>), Failure> {
    let bar = progress(stimuli.len());
    let mut trials: Vec<Trial> = Vec::with_capacity(stimuli.len());
    for stimulus in stimuli {
        bar.set_message(stimulus.subject.clone());
        // A dongle is plugged into one kind of meter: what it learned of another must not decide here.
        if trials.last().is_some_and(|before| before.stimulus.family != stimulus.family) {
            session.renew();
        }
        let played =
            if supported(stimulus, rig) { session.trial(stimulus) } else { Ok(not_played(stimulus, rig)) };
        let trial = match played {
            Ok(trial) => trial,
            Err(error) => {
                bar.finish_and_clear();
                return Ok((trials, Some(error.into())));
            }
        };
        folder.trial(&trial).map_err(|error| Failure::input(error.to_string()))?;
        if failed(&trial) {
            session.renew();
        }
        tell(&bar, trials.len() + 1, stimuli.len());
        trials.push(trial);
        if interrupt::interrupted() || is_silent(&trials) {
            break;
        }
    }
    bar.finish_and_clear();
    let interrupted = interrupt::interrupted();
    let lost = interrupted.then(|| Failure {
        code: 3,
        text: "interrupted; what was played until then is in the report".into(),
    });
    Ok((trials, lost))
}

/// Whether the rig file says that the DUT can do what the stimulus needs.
fn supported(stimulus: &Stimulus, rig: &Rig) -> bool {
    stimulus.needs.iter().all(|need| rig.terms.supports.contains(need))
}

/// The trial of a stimulus that does not concern the DUT; the judge names the missing capability.
fn not_played(stimulus: &Stimulus, rig: &Rig) -> Trial {
    let (stimulus, dut) = (stimulus.clone(), rig.terms.clone());
    Trial { version: TRIAL_VERSION, stimulus, dut, events: Vec::new(), pacing: None }
}

/// Nothing was ever claimed. Playing on would cost minutes and prove nothing more.
fn is_silent(trials: &[Trial]) -> bool {
    let answered = |trial: &Trial| trial.events.iter().any(|event| matches!(event.what, What::Claim { .. }));
    let applies = |trial: &&Trial| !trial.events.is_empty();
    trials.iter().filter(applies).count() >= SILENT_TRIALS && !trials.iter().any(answered)
}

fn progress(count: usize) -> ProgressBar {
    if !console::interactive() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{pos:>4}/{len} {bar:30} {elapsed} {wide_msg}");
    ProgressBar::new(count as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Moves the bar on; on no terminal, a plain line every now and then.
fn tell(bar: &ProgressBar, played: usize, count: usize) {
    bar.inc(1);
    if !console::interactive() && (played.is_multiple_of(25) || played == count) {
        console::note(&format!("{played} of {count} trials"));
    }
}

/// Whether the trial shows the DUT in the wrong.
fn failed(trial: &Trial) -> bool {
    judge(trial, "").iter().any(|outcome| outcome.verdict == Verdict::Fail)
}

/// Outcomes for stimuli that were not played: the rig was lost, someone pressed Ctrl-C, the dongle is silent.
fn not_carried_out(stimuli: &[Stimulus], trials: &[Trial], rig: &Rig, lost: Option<&Failure>) -> Vec<Judged> {
    let (verdict, cause, reason) = match lost {
        Some(lost) if lost.code == crate::failure::INPUT => {
            (Verdict::Error, Cause::Config, lost.text.as_str())
        }
        Some(lost) => (Verdict::Error, Cause::Rig, lost.text.as_str()),
        None => {
            let silent = "it was not played: the dongle had claimed nothing at all in the trials before";
            (Verdict::Inconclusive, Cause::Dut, silent)
        }
    };
    let rest = stimuli.get(trials.len()..).unwrap_or_default();
    let outcome = |stimulus: &Stimulus, id: &String| Judged {
        id: id.clone(),
        suite: stimulus.suite.clone(),
        subject: stimulus.subject.clone(),
        capture_evidence: stimulus.evidence.clone(),
        verdict,
        cause: Some(cause),
        reason: reason.lines().next().map(String::from),
        attempts: 0,
        evidence: Vec::new(),
        rests_on: None,
        findings: Vec::new(),
    };
    let each = |stimulus: &Stimulus| -> Vec<Judged> {
        if supported(stimulus, rig) {
            stimulus.checks.iter().map(|id| outcome(stimulus, id)).collect()
        } else {
            judge(&not_played(stimulus, rig), "")
        }
    };
    rest.iter().flat_map(each).collect()
}

/// What differs from run to run.
fn about(
    started: jiff::Timestamp,
    clock: Instant,
    flags: &RunFlags,
    (rig, terms): (&Path, &DutTerms),
    trials: &[Trial],
) -> Map<String, Value> {
    let mut about = Map::new();
    let seconds = (clock.elapsed().as_millis() as f64) / 1000.0;
    about.insert("started".into(), started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into());
    about.insert("duration_s".into(), json!(seconds));
    about.insert("host".into(), host().into());
    about.insert("commit".into(), commit().into());
    about.insert("hanbench".into(), env!("CARGO_PKG_VERSION").into());
    about.insert("system".into(), format!("{} {}", std::env::consts::OS, std::env::consts::ARCH).into());
    about.insert(
        "speed".into(),
        flags.speed.map_or("default".into(), |speed| format!("{speed:?}").to_lowercase()).into(),
    );
    about.insert("rig_file".into(), rig.display().to_string().into());
    let rig = flags.rig.as_ref().map_or_else(String::new, |rig| format!(" --rig {}", rig.display()));
    about.insert("command".into(), format!("cargo xtask run{rig} --seed {}", flags.seed).into());
    about.insert("supports".into(), terms.supports.join(" ").into());
    about.insert("omits".into(), terms.omits.join(" ").into());
    about.insert("claim_within_s".into(), json!(terms.claim_within_us as f64 / 1e6));
    about.insert("scale_told".into(), terms.scale_told.into());
    let worst = trials.iter().filter_map(|trial| trial.pacing).max_by_key(|pacing| pacing.p99_us);
    if let Some(pacing) = worst {
        about.insert("timing_error_us".into(), json!({"p50": pacing.p50_us, "p99": pacing.p99_us}));
    }
    about
}

fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named =
        named.or_else(|| std::env::var("HOSTNAME").ok()).or_else(|| std::env::var("COMPUTERNAME").ok());
    named
        .map(|name| name.trim().to_string())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".into())
}

/// The commit of the checkout; `unknown` outside of one.
fn commit() -> String {
    let output =
        std::process::Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    text.and_then(|text| String::from_utf8(text).ok())
        .map_or_else(|| "unknown".into(), |text| text.trim().to_string())
}

/// `reports/latest` points to the newest run, where the system has symbolic links.
fn point_latest(root: &Path, out: &Path) {
    #[cfg(unix)]
    {
        let latest = root.join("reports/latest");
        let target = out.canonicalize().unwrap_or_else(|_| out.to_path_buf());
        let target = target
            .file_name()
            .filter(|_| target.parent() == root.join("reports").canonicalize().ok().as_deref())
            .map_or(target.clone(), PathBuf::from);
        // A link that cannot be made costs a convenience, not the run.
        let _ = std::fs::remove_file(&latest);
        let _ = std::os::unix::fs::symlink(target, latest);
    }
    #[cfg(not(unix))]
    let _ = (root, out);
}

/// Purpose and source of a check, those of the bench itself included.
pub fn purpose(id: &str) -> Option<(&'static str, &'static str)> {
    if id == REVIEWED {
        return Some(("The readings of a capture have been reviewed by a person.", "contract, section 6"));
    }
    checks::find(id).map(|check| (check.purpose, check.source))
}
