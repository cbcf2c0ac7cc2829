//! One suite of `run` as a user runs it: the program, what it said, and what it left.

use hanbench_core::verdict::results::{Outcome, Results};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a run leaves for people.
const REPORTS: [&str; 4] = ["results.json", "junit.xml", "summary.md", "report.html"];

/// The program, from the root of the checkout.
pub fn xtask(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let program = env!("CARGO_BIN_EXE_xtask");
    Command::new(program).args(arguments).current_dir(root).output().expect("xtask starts")
}

pub struct Ran {
    pub code: Option<i32>,
    pub words: String,
    pub out: PathBuf,
    pub checks: Vec<Outcome>,
}

impl Ran {
    pub fn of(&self, id: &str) -> &Outcome {
        self.checks.iter().find(|one| one.id == id).unwrap_or_else(|| panic!("{id}: {}", self.words))
    }

    pub fn reports(&self) -> [String; 4] {
        REPORTS.map(|name| std::fs::read_to_string(self.out.join(name)).expect("a report"))
    }

    /// The trial of that name, as it is stored.
    pub fn evidence(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.out.join(format!("evidence/{name}.json"))).expect("the trial")
    }

    /// Takes the reports away and has them made again from the evidence: the exit code of that.
    pub fn report_again(&self) -> Option<i32> {
        REPORTS.iter().for_each(|name| std::fs::remove_file(self.out.join(name)).expect("removed"));
        xtask(&["report", &self.out.display().to_string()]).status.code()
    }
}

pub fn results(out: &Path) -> Results {
    let text = std::fs::read(out.join("results.json")).expect("results.json");
    serde_json::from_slice(&text).expect("results")
}

/// Runs one suite with a rig file of this text, or with the default one. What it leaves is called `name`.
pub fn run(suite: &str, folder: &Path, name: &str, rig: Option<&str>, more: &[&str]) -> Ran {
    let out = folder.join(name);
    let path = out.display().to_string();
    let mut arguments = vec!["run", "--suite", suite, "--out", &path];
    let rig_path = folder.join(format!("{name}.toml")).display().to_string();
    if let Some(text) = rig {
        std::fs::write(&rig_path, text).expect("written");
        arguments.extend(["--rig", &rig_path]);
    }
    arguments.extend(more);
    let output = xtask(&arguments);
    let words =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let checks = if out.is_dir() { results(&out).checks } else { Vec::new() };
    Ran { code: output.status.code(), words, out, checks }
}
