//! The folder of a run: trials as they happened, what they were judged to be, and the reports made from them.
//!
//! ```text
//! DIR/
//!   results.json  junit.xml  report.html  summary.md      made anew by `report` at any time
//!   evidence/
//!     run.json          rig, seed, host, versions, and outcomes that need no trial
//!     rig.toml          the rig file as it was
//!     <stimulus>.json   one trial: bytes in both directions with times, damage injected
//!     ct-<waveform>.json  the same of a clamp dongle: the waveform file, the SHA-256 of its samples, claims
//!     balance-<scenario>.json  the same of a load balancer: the scenario file, what a program answered, the trace
//!     probe-<chip>.json  what was done with a debug probe, and what came of it
//!     SHA256SUMS        of every file of evidence; stock tools can check it
//! ```
//!
//! A merged report holds the evidence of its runs as it was, byte for byte, one folder per run, so that it is
//! judged again as they were, and merged again with others:
//!
//! ```text
//!   evidence/
//!     merged.json       the folders below, in the order of the runs
//!     1-virtual/        run.json, rig.toml, <stimulus>.json of the first run
//!     2-bench/          … of the second
//!     SHA256SUMS
//! ```
//!
//! A file is written beside its name and moved there when it is whole. Refuses to judge, and refuses evidence
//! whose hash does not fit.

use crate::file::words;
use hanbench_core::report::run_labels;
use hanbench_core::verdict::balance::trial::{LOOP_TRIAL_VERSION, LoopTrial};
use hanbench_core::verdict::ct::{CT_TRIAL_VERSION, CtTrial};
use hanbench_core::verdict::probe::{PROBE_TRIAL_VERSION, ProbeTrial};
use hanbench_core::verdict::results::Outcome;
use hanbench_core::verdict::trial::{TRIAL_VERSION, Trial};
use hanbench_core::verdict::trials::Trials;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Version of `run.json`. Readers accept all older ones. Since 2 there are trials of load balancers, since
/// 3 of debug probes.
pub const RUN_VERSION: u32 = 3;
const SUMS: &str = "SHA256SUMS";
const RUN: &str = "run.json";
const MERGED: &str = "merged.json";
/// Version of `merged.json`.
const MERGED_VERSION: u32 = 1;

/// Why a folder of a run cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The system says no.
    #[error("{path}: cannot {doing}: {why}", why = words(source))]
    Io {
        /// What was tried: `read`, `write`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is no evidence of ours.
    #[error("{path}: {what}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        what: String,
    },
}

/// What belongs to a run as a whole.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// See [`RUN_VERSION`].
    pub version: u32,
    /// Name of the rig.
    pub rig: String,
    /// One line about the DUT.
    pub dut: String,
    /// The seed.
    pub seed: u64,
    /// What differs from run to run: start, duration, host, commit, versions.
    pub run: Map<String, Value>,
    /// Names of the trials in the order they were played.
    pub trials: Vec<String>,
    /// The same of waveforms in a clamp dongle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ct_trials: Vec<String>,
    /// The same of scenarios with a load balancer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loop_trials: Vec<String>,
    /// The same of steps done with a debug probe.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probe_trials: Vec<String>,
    /// Outcomes that rest on no trial: captures without a reviewed snapshot, checks the rig cannot carry out.
    pub outcomes: Vec<Outcome>,
}

/// A run as its folder holds it, every file proven against its hash.
#[derive(Clone, PartialEq, Debug)]
pub struct Stored {
    /// What belongs to the run as a whole.
    pub run: Run,
    /// Its trials, in the order they were played.
    pub trials: Trials,
    /// All files of evidence as they are, by name.
    files: Files,
}

type Files = BTreeMap<String, Vec<u8>>;

/// What a merged report was merged from.
#[derive(Serialize, Deserialize)]
struct Merged {
    version: u32,
    /// Folders below `evidence/`, one per run.
    runs: Vec<String>,
}

/// A folder that a run writes to.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    sums: BTreeMap<String, String>,
}

impl Folder {
    /// Makes the folder, and `evidence/` in it.
    ///
    /// # Errors
    /// The folder cannot be made, or holds the evidence of another run, which is never overwritten.
    pub fn create(path: &Path) -> Result<Folder, EvidenceError> {
        let evidence = path.join("evidence");
        let refused = |what: &str| Err(EvidenceError::Form { path: path.to_path_buf(), what: what.into() });
        if path.exists() && !path.is_dir() {
            return refused("it is a file, a folder was expected");
        }
        if evidence.exists() {
            return refused("it holds the evidence of another run; choose another folder or remove it");
        }
        fs::create_dir_all(path).map_err(|source| io_error("make the folder", path, source))?;
        // Not `create_dir_all`: of two runs that start at once only one may have it.
        fs::create_dir(&evidence).map_err(|source| io_error("make the folder", &evidence, source))?;
        Ok(Folder { path: path.to_path_buf(), sums: BTreeMap::new() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one trial of any kind, under its name.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn trial(&mut self, name: &str, trial: &impl Serialize) -> Result<(), EvidenceError> {
        let text = pretty(trial, &self.path)?;
        self.evidence(&format!("{name}.json"), text.as_bytes())
    }

    /// Writes what belongs to the run, and the hashes of all evidence.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn close(mut self, run: &Run) -> Result<(), EvidenceError> {
        let text = pretty(run, &self.path)?;
        self.evidence(RUN, text.as_bytes())?;
        self.seal()
    }

    fn seal(self) -> Result<(), EvidenceError> {
        let sums: String = self.sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
        write_whole(&self.path.join("evidence").join(SUMS), sums.as_bytes())
    }

    /// Writes a file of evidence.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn evidence(&mut self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        write_whole(&self.path.join("evidence").join(name), bytes)?;
        self.sums.insert(name.to_string(), sha256(bytes));
        Ok(())
    }
}

/// Copies the evidence of runs, byte for byte, into a folder of its own: one run as it was, several as a
/// merged report. [`load`] gives the same runs back.
///
/// # Errors
/// The folder cannot be made, holds the evidence of another run, or a file cannot be written.
pub fn store(path: &Path, runs: &[Stored]) -> Result<(), EvidenceError> {
    let mut folder = Folder::create(path)?;
    if let [only] = runs {
        for (name, bytes) in &only.files {
            folder.evidence(name, bytes)?;
        }
        return folder.seal();
    }
    let labels = run_labels(runs.iter().map(|stored| stored.run.rig.as_str()));
    for (stored, label) in runs.iter().zip(&labels) {
        let part = path.join("evidence").join(label);
        fs::create_dir(&part).map_err(|source| io_error("make the folder", &part, source))?;
        for (name, bytes) in &stored.files {
            folder.evidence(&format!("{label}/{name}"), bytes)?;
        }
    }
    let merged = pretty(&Merged { version: MERGED_VERSION, runs: labels }, path)?;
    folder.evidence(MERGED, merged.as_bytes())?;
    folder.seal()
}

/// Reads the folder of a run, or of a merged report with its runs in their order, and proves every file against
/// its hash.
///
/// # Errors
/// A file is missing, is no evidence of ours, is of a later version, or was changed since the run.
pub fn load(path: &Path) -> Result<Vec<Stored>, EvidenceError> {
    let files = proven(path)?;
    let folder = path.join("evidence");
    let Some(bytes) = files.get(MERGED) else { return Ok(vec![stored(&folder, files)?]) };
    let merged: Merged = parse(&folder.join(MERGED), bytes)?;
    if merged.version > MERGED_VERSION {
        return Err(too_new(&folder.join(MERGED), merged.version));
    }
    let of = |label: &String| {
        let inside = files.iter().filter_map(|(name, bytes)| {
            let name = name.strip_prefix(label.as_str())?.strip_prefix('/')?;
            Some((name.to_string(), bytes.clone()))
        });
        stored(&folder.join(label), inside.collect())
    };
    merged.runs.iter().map(of).collect()
}

/// All files that `SHA256SUMS` names, each with the hash it has there.
fn proven(path: &Path) -> Result<Files, EvidenceError> {
    let folder = path.join("evidence");
    let sums_path = folder.join(SUMS);
    let refused =
        |path: &Path, what: &str| Err(EvidenceError::Form { path: path.to_path_buf(), what: what.into() });
    if !path.exists() {
        return refused(path, "there is no such folder; the folder of a run was expected");
    }
    if !path.is_dir() {
        return refused(path, "it is a file; the folder of a run was expected");
    }
    if !sums_path.exists() {
        let what =
            "it holds no evidence/SHA256SUMS: it is no folder of a run, or the run was killed before its end";
        return refused(path, what);
    }
    let sums = fs::read_to_string(&sums_path).map_err(|source| io_error("read", &sums_path, source))?;
    let mut files = Files::new();
    for (sum, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
        // Merging writes files under these names: none may lead out of the folder.
        if !Path::new(name).components().all(|step| matches!(step, Component::Normal(_))) {
            return refused(
                &sums_path,
                &format!("it names the file {name:?}, which is not inside the folder"),
            );
        }
        let file = folder.join(name);
        if !file.exists() {
            return refused(&file, &format!("{SUMS} names it, and it is not there"));
        }
        let bytes = fs::read(&file).map_err(|source| io_error("read", &file, source))?;
        if sum != sha256(&bytes) {
            let what = "its SHA-256 is not the one in SHA256SUMS; the evidence was changed after the run";
            return refused(&file, what);
        }
        files.insert(name.to_string(), bytes);
    }
    Ok(files)
}

/// The run that these files are the evidence of; `folder` is where they lie, for messages.
fn stored(folder: &Path, files: Files) -> Result<Stored, EvidenceError> {
    let missing = |what: String| EvidenceError::Form { path: folder.to_path_buf(), what };
    let bytes = files.get(RUN).ok_or_else(|| missing(format!("{SUMS} names no {RUN}: it is no run")))?;
    let run: Run = parse(&folder.join(RUN), bytes)?;
    if run.version > RUN_VERSION {
        return Err(too_new(&folder.join(RUN), run.version));
    }
    let trials = Trials {
        han: named(folder, &files, &run.trials, |trial: &Trial| (trial.version, TRIAL_VERSION))?,
        clamps: named(folder, &files, &run.ct_trials, |trial: &CtTrial| (trial.version, CT_TRIAL_VERSION))?,
        loops: named(folder, &files, &run.loop_trials, |trial: &LoopTrial| {
            (trial.version, LOOP_TRIAL_VERSION)
        })?,
        probes: named(folder, &files, &run.probe_trials, |trial: &ProbeTrial| {
            (trial.version, PROBE_TRIAL_VERSION)
        })?,
    };
    Ok(Stored { run, trials, files })
}

/// The trials of these names; `versions` gives that of a trial and the latest one known.
fn named<T: DeserializeOwned>(
    folder: &Path,
    files: &Files,
    names: &[String],
    versions: impl Fn(&T) -> (u32, u32),
) -> Result<Vec<T>, EvidenceError> {
    let mut trials = Vec::with_capacity(names.len());
    for name in names {
        let file = format!("{name}.json");
        let bytes = files.get(&file).ok_or_else(|| EvidenceError::Form {
            path: folder.to_path_buf(),
            what: format!("{RUN} names the trial {name}, but {SUMS} has no {file}"),
        })?;
        let trial: T = parse(&folder.join(&file), bytes)?;
        let (version, latest) = versions(&trial);
        if version > latest {
            return Err(too_new(&folder.join(&file), version));
        }
        trials.push(trial);
    }
    Ok(trials)
}

/// Writes a file so that it is there whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
    let target = crate::file::target(path).map_err(|source| io_error("write", path, source))?;
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let part = target.with_file_name(name);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, &target));
    written.map_err(|source| {
        // The half-written file is of no use to anyone; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&part);
        io_error("write", path, source)
    })
}

fn sha256(bytes: &[u8]) -> String {
    hanbench_core::hex::text(&Sha256::digest(bytes))
}

fn pretty(value: &impl Serialize, path: &Path) -> Result<String, EvidenceError> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| EvidenceError::Form { path: path.to_path_buf(), what: error.to_string() })
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, EvidenceError> {
    serde_json::from_slice(bytes).map_err(|error| EvidenceError::Form {
        path: path.to_path_buf(),
        what: format!("it is no evidence of hanbench: {error}"),
    })
}

fn too_new(path: &Path, version: u32) -> EvidenceError {
    let what = format!("it was written by a later hanbench (version {version} of the format)");
    EvidenceError::Form { path: path.to_path_buf(), what }
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> EvidenceError {
    EvidenceError::Io { doing, path: path.to_path_buf(), source }
}
