//! Writes every rebuilt capture of `captures/`, and compares what was put in with the reviewed snapshots.
//!
//! ```text
//! cargo run -p hanbench-core --example rebuild_captures
//! ```
//!
//! Values come from published telegrams (retyped, meter ids replaced by made-up ones) or from the simulated
//! house. What is written depends on this program alone, so that `git diff` shows what a change of it does.
//! It refuses to write a snapshot: those are reviewed by a person (`cargo insta review`).

#![allow(clippy::print_stdout, reason = "a program that reports what it wrote")]

mod aidon;
mod kaifa;
mod kamstrup;
mod line;
mod others;

use line::Line;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures");
    let lines = [aidon::all(), kaifa::all(), kamstrup::all(), others::all()].concat();
    let (mut bytes, mut compared, mut wrong) = (0, 0, 0);
    for line in &lines {
        let path = folder.join(format!("{}.csv", line.path));
        let text = line.text();
        bytes += text.len();
        std::fs::create_dir_all(path.parent().expect("a capture has a family folder"))
            .and_then(|()| std::fs::write(&path, text))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        match std::fs::read_to_string(path.with_extension("snap")) {
            Ok(snapshot) => {
                let differences = line.compare(&snapshot);
                compared += line.sent.len();
                wrong += differences.len();
                for difference in differences {
                    println!("{}: {difference}", line.path);
                }
            }
            Err(_) => println!("{}: no snapshot yet", line.path),
        }
    }
    println!("{} captures, {} kB; {compared} telegrams compared, {wrong} differ", lines.len(), bytes / 1000);
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
