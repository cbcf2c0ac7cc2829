//! Scenario files: those on the command line, and those of the checkout.

use crate::failure::Failure;
use hanbench_core::scenario::Scenario;
use hanbench_rig::file::{self, read_text};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Where those of the checkout are, from its root.
const FOLDER: &str = "fixtures/scenarios";

/// One scenario file.
pub struct File {
    /// That of the file, without its ending.
    pub name: String,
    /// Where it was read, with forward slashes; from the root of the checkout for one of its own.
    pub subject: String,
    /// The file, whole.
    pub text: String,
    /// The traces that it names, by their names.
    pub traces: BTreeMap<String, String>,
    /// What it says.
    pub scenario: Scenario,
}

/// Reads every scenario. Folders are searched to their bottom, in the order of the names.
pub fn read(paths: &[PathBuf]) -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            collect(path, &mut BTreeSet::new(), &mut files)?;
            if files.len() == before {
                return Err(Failure::input(format!(
                    "{}: no scenario (*.toml) is in this folder",
                    path.display()
                )));
            }
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|path| one(path)).collect()
}

/// Reads all scenarios of a checkout, in the order of their names.
pub fn of_checkout(root: &Path) -> Result<Vec<File>, Failure> {
    let mut files = read(&[root.join(FOLDER)])?;
    for file in &mut files {
        let inside =
            file.subject.strip_prefix(&slashed(root)).map(|path| path.trim_start_matches('/').to_string());
        file.subject = inside.unwrap_or_else(|| file.subject.clone());
    }
    Ok(files)
}

/// A folder that a link leads back to is not searched again.
fn collect(folder: &Path, seen: &mut BTreeSet<PathBuf>, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let real = std::fs::canonicalize(folder).map_err(|error| Failure::file("read", folder, &error))?;
    if !seen.insert(real) {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(|error| Failure::file("read", folder, &error))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, seen, files)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

/// One scenario file; every mistake with file and line.
fn one(path: &Path) -> Result<File, Failure> {
    let text =
        read_text(path, "a scenario file", file::SMALL).map_err(|error| Failure::input(error.to_string()))?;
    let traces = RefCell::new(BTreeMap::new());
    let beside = |name: &str| {
        let trace = path.parent().unwrap_or(Path::new(".")).join(name);
        let text = read_text(&trace, "a trace", file::CAPTURE).map_err(|error| error.to_string())?;
        traces.borrow_mut().insert(name.to_string(), text.clone());
        Ok(text)
    };
    let scenario = Scenario::parse(&text, &beside)
        .map_err(|error| Failure::input(format!("{}:{}: {}", path.display(), error.line, error.what)))?;
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(File { name, subject: slashed(path), text, traces: traces.into_inner(), scenario })
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
