//! The folder of a run: trials as they happened, what they were judged to be, and the reports made from them.
//!
//! ```text
//! DIR/
//!   results.json  junit.xml  report.html  summary.md      made anew by `report` at any time
//!   evidence/
//!     run.json          rig, seed, host, versions, and outcomes that need no trial
//!     rig.toml          the rig file as it was
//!     <stimulus>.json   one trial: bytes in both directions with times, damage injected
//!     SHA256SUMS        of every file of evidence; stock tools can check it
//! ```
//!
//! A file is written beside its name and moved there when it is whole. Refuses to judge, and refuses evidence
//! whose hash does not fit.

use hanbench_core::verdict::results::Outcome;
use hanbench_core::verdict::trial::{TRIAL_VERSION, Trial};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Version of `run.json`. Readers accept all older ones.
pub const RUN_VERSION: u32 = 1;
const SUMS: &str = "SHA256SUMS";
const RUN: &str = "run.json";

/// Why a folder of a run cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The system says no.
    #[error("{path}: cannot {doing}: {source}")]
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
    /// Outcomes that rest on no trial: captures without a reviewed snapshot, checks the rig cannot carry out.
    pub outcomes: Vec<Outcome>,
}

/// Path of a trial below the folder of its run, as results name it.
pub fn trial_path(name: &str) -> String {
    format!("evidence/{name}.json")
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
        if evidence.exists() {
            let what = "it holds the evidence of another run; choose another folder or remove it".into();
            return Err(EvidenceError::Form { path: path.to_path_buf(), what });
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

    /// Writes one trial.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn trial(&mut self, trial: &Trial) -> Result<(), EvidenceError> {
        let text = pretty(trial, &self.path)?;
        self.evidence(&format!("{}.json", trial.stimulus.name), text.as_bytes())
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

    /// Writes the hashes of all evidence. For a merged report, which belongs to no single run.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn seal(self) -> Result<(), EvidenceError> {
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

/// Reads the folder of a run and proves every file against its hash.
///
/// # Errors
/// A file is missing, is no evidence of ours, is of a later version, or was changed since the run.
pub fn load(path: &Path) -> Result<(Run, Vec<Trial>), EvidenceError> {
    let folder = path.join("evidence");
    let sums_path = folder.join(SUMS);
    if !sums_path.exists() {
        let what =
            "it holds no evidence/SHA256SUMS: it is no folder of a run, or the run was killed before its end";
        return Err(EvidenceError::Form { path: path.to_path_buf(), what: what.into() });
    }
    let sums = fs::read_to_string(&sums_path).map_err(|source| io_error("read", &sums_path, source))?;
    let sums: BTreeMap<&str, &str> =
        sums.lines().filter_map(|line| line.split_once("  ").map(|(sum, name)| (name, sum))).collect();
    let read = |name: &str| -> Result<Vec<u8>, EvidenceError> {
        let file = folder.join(name);
        let bytes = fs::read(&file).map_err(|source| io_error("read", &file, source))?;
        if sums.get(name).is_none_or(|sum| *sum != sha256(&bytes)) {
            let what =
                format!("its SHA-256 is not the one in {SUMS}; the evidence was changed after the run");
            return Err(EvidenceError::Form { path: file, what });
        }
        Ok(bytes)
    };
    for name in sums.keys() {
        read(name)?;
    }
    if !folder.join(RUN).exists() {
        let what = "it holds no run.json; a merged report is made again from the folders it was merged from";
        return Err(EvidenceError::Form { path: folder, what: what.into() });
    }
    let run: Run = parse(&folder.join(RUN), &read(RUN)?)?;
    if run.version > RUN_VERSION {
        return Err(too_new(&folder.join(RUN), run.version));
    }
    let mut trials = Vec::with_capacity(run.trials.len());
    for name in &run.trials {
        let file = format!("{name}.json");
        let trial: Trial = parse(&folder.join(&file), &read(&file)?)?;
        if trial.version > TRIAL_VERSION {
            return Err(too_new(&folder.join(&file), trial.version));
        }
        trials.push(trial);
    }
    Ok((run, trials))
}

/// Writes a file so that it is there whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
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

fn parse<T: for<'de> Deserialize<'de>>(path: &Path, bytes: &[u8]) -> Result<T, EvidenceError> {
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
