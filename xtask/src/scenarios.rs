//! Scenario files from the command line: files, and folders full of them.

use crate::failure::Failure;
use hanbench_core::scenario::Scenario;
use hanbench_rig::file::{self, read_text};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Reads every scenario: its name, which is that of its file, and its content. Folders are searched to their bottom,
/// in the order of the names.
pub fn read(paths: &[PathBuf]) -> Result<Vec<(String, Scenario)>, Failure> {
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
pub fn one(path: &Path) -> Result<(String, Scenario), Failure> {
    let text =
        read_text(path, "a scenario file", file::SMALL).map_err(|error| Failure::input(error.to_string()))?;
    let beside = |name: &str| {
        let trace = path.parent().unwrap_or(Path::new(".")).join(name);
        read_text(&trace, "a trace", file::CAPTURE).map_err(|error| error.to_string())
    };
    let scenario = Scenario::parse(&text, &beside)
        .map_err(|error| Failure::input(format!("{}:{}: {}", path.display(), error.line, error.what)))?;
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok((name, scenario))
}
