//! `tidy`: the rules of the source tree that no compiler checks. The same rules run as a test.

use crate::failure::{Outcome, PASSED};
use crate::{console, workspace};
use std::fs;
use std::path::{Path, PathBuf};

/// Longest file and longest function, in lines: what a reader can hold.
const FILE_MAX: usize = 600;
const FUNCTION_MAX: usize = 70;

/// Which modules of `harness/core` a module may name; the table of the architecture page (lib.rs).
const LAYERS: [(&str, &[&str]); 13] = [
    ("reading", &[]),
    ("hex", &[]),
    ("wire", &["reading"]),
    ("plant", &["reading"]),
    ("wave", &["reading"]),
    ("clamps", &["reading"]),
    ("site", &["reading"]),
    ("meters", &["reading", "wire", "plant", "hex"]),
    ("capture", &["reading", "hex"]),
    ("import", &["reading", "wire", "meters", "capture", "hex"]),
    ("explain", &["reading", "wire", "meters", "hex"]),
    ("verdict", &["reading", "hex"]),
    ("report", &["reading", "hex", "verdict", "explain"]),
];

/// What core must not touch (architecture page, invariant 1).
const WORLD: [&str; 10] = [
    "std::time::Instant",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
    "rand::",
];

/// Prints every violation.
pub fn run() -> Outcome {
    let root = workspace::root()?;
    let violations = violations(&root);
    for violation in &violations {
        console::line(violation);
    }
    console::note(&format!("{} violations", violations.len()));
    Ok(if violations.is_empty() { PASSED } else { 1 })
}

/// Every violation as `file:line: rule`.
pub fn violations(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut files = Vec::new();
    for folder in ["harness", "xtask"] {
        sources(&root.join(folder), &mut files);
    }
    files.sort();
    for path in &files {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let name = workspace::shown(root, path);
        lengths(&name, &text, &mut found);
        if let Some(inside) = name.strip_prefix("harness/core/src/") {
            layers(&name, inside, &text, &mut found);
        }
    }
    commands(root, &mut found);
    found
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn lengths(name: &str, text: &str, found: &mut Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > FILE_MAX {
        found.push(format!("{name}:{}: a file has at most {FILE_MAX} lines", lines.len()));
    }
    for (number, line) in lines.iter().enumerate() {
        // A table of cases in a test may be long; code may not.
        if is_function(line) && !name.contains("/tests/") {
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            // rustfmt puts the closing brace alone under the first column of the function.
            let length = lines[number..].iter().position(|line| *line == end).unwrap_or(0);
            if length > FUNCTION_MAX {
                found.push(format!(
                    "{name}:{}: a function has at most {FUNCTION_MAX} lines, this has {length}",
                    number + 1
                ));
            }
        }
        let marker = concat!("TO", "DO");
        if line.contains(marker) && !line.contains('#') {
            found.push(format!("{name}:{}: a {marker} names its issue", number + 1));
        }
    }
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let line = line
        .strip_prefix("pub ")
        .or_else(|| line.split_once(") ").filter(|(head, _)| head.starts_with("pub(")).map(|(_, rest)| rest))
        .unwrap_or(line);
    let line = line.strip_prefix("const ").unwrap_or(line);
    line.starts_with("fn ") && line.ends_with('{')
}

/// Tests may look at anything; code before `#[cfg(test)]` only at the layers below.
fn layers(name: &str, inside: &str, text: &str, found: &mut Vec<String>) {
    let module = inside.split(['/', '.']).next().unwrap_or_default();
    let allowed = LAYERS.iter().find(|(layer, _)| *layer == module).map(|(_, allowed)| *allowed);
    if allowed.is_none() && module != "lib" {
        found.push(format!("{name}:1: the architecture page and `tidy` know no module `{module}`"));
    }
    for (number, line) in text.lines().enumerate() {
        if line.trim() == "#[cfg(test)]" {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        for world in WORLD.iter().filter(|world| code.contains(**world)) {
            found.push(format!("{name}:{}: core must not touch {world}", number + 1));
        }
        let Some(allowed) = allowed else { continue };
        for named in code.split("crate::").skip(1) {
            let named: String =
                named.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            let known = LAYERS.iter().any(|(layer, _)| *layer == named);
            if known && named != module && !allowed.contains(&named.as_str()) {
                found.push(format!("{name}:{}: `{module}` must not use `{named}`", number + 1));
            }
        }
    }
}

/// The README's table of commands equals what `--help` says.
fn commands(root: &Path, found: &mut Vec<String>) {
    use clap::CommandFactory;
    let Ok(readme) = fs::read_to_string(root.join("README.md")) else {
        found.push("README.md:1: there is none".into());
        return;
    };
    for command in crate::flags::Flags::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let row = format!("| `{}` | {} |", command.get_name(), about.trim_end_matches('.'));
        if !readme.contains(&row) {
            found.push(format!("README.md:1: the table of commands lacks the row {row}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let violations = violations(&root);
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }

    #[test]
    fn a_step_out_of_line_is_seen() {
        let mut found = Vec::new();
        layers("x", "wire/hdlc.rs", "use crate::meters::Profile;\nuse std::time::Instant;\n", &mut found);
        layers("x", "verdict/judge.rs", "use crate::wire;\n#[cfg(test)]\nuse crate::meters;\n", &mut found);
        lengths("x", &format!("fn long() {{\n{}}}\n", "    1;\n".repeat(80)), &mut found);
        assert_eq!(found.len(), 4, "{found:?}");
    }
}
