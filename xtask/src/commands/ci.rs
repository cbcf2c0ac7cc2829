//! `ci`: exactly what CI runs, step by step, stopping at the first that fails.

use crate::failure::{Failure, Outcome, PASSED};
use crate::{console, workspace};
use std::path::Path;
use std::process::Command;

/// The steps: what a log reader sees, and the command.
///
/// "decoder without std" is checked for this computer, which has std: it catches a use of std in our own modules, and
/// cannot catch a dependency that needs std. Only a target without std can (`--target thumbv7em-none-eabi`), which
/// is not installed everywhere.
const STEPS: [(&str, &[&str]); 7] = [
    ("format", &["fmt", "--all", "--check"]),
    ("lints", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    ("decoder without std", &["check", "--quiet", "--package", "hanbench-core", "--no-default-features"]),
    ("without probes", &["check", "--quiet", "--package", "xtask", "--no-default-features"]),
    ("documentation", &["doc", "--workspace", "--no-deps", "--quiet"]),
    ("main job", &["run", "--quiet", "--package", "xtask", "--", "run"]),
    ("tests", &["test"]),
];

/// Runs every step.
pub fn run() -> Outcome {
    let root = workspace::root()?;
    for (name, arguments) in STEPS {
        console::note(&format!("== {name}: cargo {}", arguments.join(" ")));
        step(&root, name, arguments)?;
    }
    console::note("== everything passed");
    Ok(PASSED)
}

fn step(root: &Path, name: &str, arguments: &[&str]) -> Result<(), Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root).env("RUSTDOCFLAGS", "-D warnings");
    // A missing snapshot fails and nothing is accepted (contract, section 6).
    command.env("CI", "true").env("INSTA_UPDATE", "no");
    let status =
        command.status().map_err(|error| Failure::input(format!("cargo cannot be started: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure {
        code: if name == "main job" { code } else { 1 },
        text: format!("the step \"{name}\" failed"),
    })
}
