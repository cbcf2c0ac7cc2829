//! What goes to the terminal: results on standard output, everything else on standard error.
//!
//! A closed pipe ends the program quietly (`… | head` is no error). Colour only on a terminal, and never with
//! `NO_COLOR`; `--quiet` silences everything but results and errors.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static QUIET: AtomicBool = AtomicBool::new(false);

/// Says whether notes and progress are wanted.
pub fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Whether notes and progress are unwanted.
pub fn quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Whether standard error is a terminal on which things may move.
pub fn interactive() -> bool {
    std::io::stderr().is_terminal() && !quiet()
}

/// Whether results may be coloured.
pub fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes to standard output; ends the program when nobody reads any more.
pub fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(0);
    }
}

/// A line on standard output.
pub fn line(text: &str) {
    out(&format!("{text}\n"));
}

/// A remark on standard error, unless `--quiet`.
pub fn note(text: &str) {
    if !quiet() {
        to_stderr(text);
    }
}

/// An error on standard error.
pub fn error(text: &str) {
    to_stderr(&format!("error: {text}"));
}

fn to_stderr(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
