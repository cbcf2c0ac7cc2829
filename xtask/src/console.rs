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

static CLOSED: AtomicBool = AtomicBool::new(false);
static FULL: AtomicBool = AtomicBool::new(false);

/// Writes to standard output. When nobody reads any more, the rest is dropped: the exit code is still the
/// verdict's, and that is what scripts look at.
pub fn out(text: &str) {
    if closed() {
        return;
    }
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        CLOSED.store(true, Ordering::Relaxed);
        FULL.store(error.kind() != std::io::ErrorKind::BrokenPipe, Ordering::Relaxed);
    }
}

/// Nobody reads standard output any more; long work that only prints may end.
pub fn closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Output was lost because it could not be written, not because nobody wanted it.
pub fn lost() -> bool {
    FULL.load(Ordering::Relaxed)
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
