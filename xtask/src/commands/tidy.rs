//! `tidy`: the rules of the source tree that no compiler checks. The same rules run as a test.

use crate::failure::{FAILED, Outcome, PASSED};
use crate::{citations, console, workspace};
use hanbench_core::reading::Key;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest file and longest function, in lines: what a reader can hold.
const FILE_MAX: usize = 600;
const FUNCTION_MAX: usize = 70;

/// The architecture page: its table says which modules of `harness/core` a module may name.
const PAGE: &str = "harness/core/src/lib.rs";

/// A module and the modules that it may name.
type Layer = (String, Vec<String>);

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

/// Whether the code names this, and not something whose name ends like it (`fastrand` draws what its seed says).
fn touches(code: &str, world: &str) -> bool {
    let inside = |at: usize| code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    code.match_indices(world).any(|(at, _)| !inside(at))
}

/// Prints every violation.
pub fn run() -> Outcome {
    let root = workspace::root()?;
    let violations = violations(&root);
    for violation in &violations {
        console::line(violation);
    }
    console::note(&format!("{} violations", violations.len()));
    Ok(if violations.is_empty() { PASSED } else { FAILED })
}

/// Every violation as `file:line: rule`.
pub fn violations(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut files = Vec::new();
    for folder in ["harness", "xtask", "captures", "fixtures"] {
        with_extension(&root.join(folder), "rs", &mut files);
    }
    files.sort();
    let table = table(&fs::read_to_string(root.join(PAGE)).unwrap_or_default());
    if table.is_empty() {
        found.push(format!("{PAGE}:1: no table `| module | may use | … |`"));
    }
    for path in &files {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let name = workspace::shown(root, path);
        lengths(&name, &text, &mut found);
        if let Some(inside) = name.strip_prefix("harness/core/src/") {
            layers(&table, &name, inside, &text, &mut found);
        }
    }
    commands(root, &mut found);
    keys(root, &mut found);
    citations(root, files, &mut found);
    found
}

fn with_extension(folder: &Path, wanted: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            with_extension(&path, wanted, files);
        } else if path.extension().is_some_and(|extension| extension == wanted) {
            files.push(path);
        }
    }
}

/// The list of keys for people names every number a reading can carry.
fn keys(root: &Path, found: &mut Vec<String>) {
    let list = fs::read_to_string(root.join("docs/keys.md")).unwrap_or_default();
    for key in Key::ALL {
        let unit = key.kind().unit();
        let row = format!("| `{}` | {} |", key.name(), if unit.is_empty() { "1" } else { unit });
        if !list.contains(&row) {
            found.push(format!("docs/keys.md:1: the table of keys lacks the row {row} …"));
        }
    }
}

/// Every document that sources, fixtures and pages cite has its line in the list of sources. The list itself cites
/// nothing: it would vouch for its own rows.
fn citations(root: &Path, mut files: Vec<PathBuf>, found: &mut Vec<String>) {
    for extension in ["hex", "toml", "md"] {
        with_extension(&root.join("fixtures"), extension, &mut files);
    }
    with_extension(&root.join("docs"), "md", &mut files);
    files.push(root.join("README.md"));
    let list = root.join(citations::LIST);
    files.retain(|path| *path != list);
    let mut cited = BTreeMap::new();
    for path in &files {
        let Ok(text) = fs::read_to_string(path) else { continue };
        citations::cited(&workspace::shown(root, path), &text, &mut cited);
    }
    match fs::read_to_string(list) {
        Ok(list) => citations::compare(&list, &cited, found),
        Err(_) => found.push(format!("{}:1: there is none", citations::LIST)),
    }
}

fn lengths(name: &str, text: &str, found: &mut Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > FILE_MAX {
        found.push(format!("{name}:{}: a file has at most {FILE_MAX} lines", lines.len()));
    }
    for (number, line) in lines.iter().enumerate() {
        // A table of cases in a test may be long; code may not.
        let length = function(&lines[number..]).filter(|_| !name.contains("/tests/")).unwrap_or(0);
        if length > FUNCTION_MAX {
            let what = format!("a function has at most {FUNCTION_MAX} lines, this has {length}");
            found.push(format!("{name}:{}: {what}", number + 1));
        }
        let marker = concat!("TO", "DO");
        if line.contains(marker) && !line.contains('#') {
            found.push(format!("{name}:{}: a {marker} names its issue", number + 1));
        }
    }
}

/// Lines of the function that the first line begins, its signature included; `None` where none begins, or one
/// without a body.
fn function(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?;
    let mut words = first.trim_start().split(' ').skip_while(|word| {
        word.starts_with("pub")
            || word.starts_with('"')
            || ["const", "async", "unsafe", "extern"].contains(word)
    });
    if words.next() != Some("fn") {
        return None;
    }
    // A long signature is wrapped; its last line opens the body.
    let opens = lines.iter().position(|line| line.ends_with(['{', '}', ';']))?;
    if !lines[opens].ends_with('{') {
        return None;
    }
    // rustfmt puts the closing brace alone under the first column of the function.
    let indent = first.len() - first.trim_start().len();
    let end = format!("{}}}", " ".repeat(indent));
    lines.iter().position(|line| *line == end)
}

/// The rows of the table with the head `| module | may use | … |`: every name in the first column with those in the
/// second.
fn table(page: &str) -> Vec<Layer> {
    let rows = page.lines().skip_while(|line| !line.contains("| module | may use |")).skip(2);
    let rows = rows.map_while(|line| line.strip_prefix("//! |"));
    rows.flat_map(|row| {
        let mut cells = row.split('|').map(names);
        let (modules, allowed) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        modules.into_iter().map(move |module| (module, allowed.clone()))
    })
    .collect()
}

/// The words of a cell that stand between backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(String::from).collect()
}

/// Tests may look at anything; code before `#[cfg(test)]` only at the layers below.
fn layers(table: &[Layer], name: &str, inside: &str, text: &str, found: &mut Vec<String>) {
    let module = inside.split(['/', '.']).next().unwrap_or_default();
    // A part of a module may have a row of its own, with what it may use besides.
    let part = inside.split(['/', '.']).take(2).collect::<Vec<_>>().join("::");
    let besides = table.iter().filter(|(layer, _)| *layer == part).flat_map(|(_, allowed)| allowed.clone());
    let own = table.iter().find(|(layer, _)| layer == module);
    let allowed = own.map(|(_, allowed)| allowed.iter().cloned().chain(besides).collect::<Vec<String>>());
    if allowed.is_none() && module != "lib" {
        found.push(format!("{name}:1: the table of the architecture page ({PAGE}) has no module `{module}`"));
    }
    for (number, line) in text.lines().enumerate() {
        if line.trim() == "#[cfg(test)]" {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        for world in WORLD.iter().filter(|world| touches(code, world)) {
            found.push(format!("{name}:{}: core must not touch {world}", number + 1));
        }
        let Some(allowed) = &allowed else { continue };
        for named in code.split("crate::").skip(1) {
            let named: String =
                named.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            let known = table.iter().any(|(layer, _)| *layer == named);
            if known && named != module && !allowed.contains(&named) {
                found.push(format!("{name}:{}: `{module}` must not use `{named}`", number + 1));
            }
        }
    }
}

/// The README's table of commands equals what `--help` says, and every `--help` has an example.
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
        if !command.get_after_help().is_some_and(|help| help.to_string().starts_with("Example")) {
            found.push(format!("xtask/src/flags.rs:1: `{} --help` has no example", command.get_name()));
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

    fn page() -> Vec<Layer> {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
        let table = table(&fs::read_to_string(page).expect("the page with the layer table"));
        assert!(table.len() >= 10, "{table:?}");
        table
    }

    #[test]
    fn a_step_out_of_line_is_seen() {
        let (page, mut found) = (page(), Vec::new());
        layers(
            &page,
            "x",
            "wire/hdlc.rs",
            "use crate::meters::Profile;\nuse std::time::Instant;\n",
            &mut found,
        );
        layers(
            &page,
            "x",
            "verdict/judge.rs",
            "use crate::plant;\n#[cfg(test)]\nuse crate::meters;\n",
            &mut found,
        );
        layers(&page, "x", "meters/sample.rs", "use crate::plant::State;\n", &mut found);
        layers(&page, "x", "verdict/stimulus/made.rs", "use crate::meters::Profile;\n", &mut found);
        layers(&page, "x", "nowhere.rs", "", &mut found);
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn the_table_is_read_with_all_its_names() {
        let text = "//! | a | b | c |\n//! |---|---|---|\n//! | [`no`] | `x` | |\n//!\n\
                    //! | module | may use | must not know |\n//! |---|---|---|\n\
                    //! | [`low`], `hex` | nothing | `all` |\n//! | `high` | `low` (in `one`), `hex` | |\n//!\n";
        let named =
            |module: &str, may: &[&str]| (module.to_string(), may.iter().map(ToString::to_string).collect());
        let expected = [named("low", &[]), named("hex", &[]), named("high", &["low", "one", "hex"])];
        assert_eq!(table(text), expected);
    }

    #[test]
    fn a_long_function_is_seen_however_its_signature_is_written() {
        let body = "        1;\n".repeat(80);
        let heads = [
            "fn long() {",
            "pub fn long() {",
            "pub(crate) const unsafe fn long() {",
            "pub extern \"C\" fn long() {",
            "pub(super) async fn long(\n        argument: &str,\n        another: &str,\n    ) -> bool {",
            "fn long<T>(argument: T)\n    where\n        T: Send,\n    {",
        ];
        for head in heads {
            let mut found = Vec::new();
            lengths("x", &format!("impl X {{\n    {head}\n{body}    }}\n}}\n"), &mut found);
            assert_eq!(found.len(), 1, "{head}: {found:?}");
            assert!(found[0].starts_with("x:2: a function"), "{found:?}");
        }
        let mut found = Vec::new();
        let short = "trait X {\n    fn no_body(\n        &self,\n    );\n    fn one_line() {}\n";
        lengths(
            "x",
            &format!("{short}    const Y: [u8; 9] = [\n{body}    ];\n    fn short() {{\n    }}\n}}\n"),
            &mut found,
        );
        assert_eq!(found, [""; 0]);
    }
}
