//! One file per command.

#[cfg(all(unix, feature = "probe"))]
pub mod chip;
pub mod ci;
pub mod decode;
pub mod dongle;
pub mod emulate;
pub mod explain;
pub mod hunt;
pub mod import;
pub mod mutants;
#[cfg(all(unix, feature = "probe"))]
pub mod qemu;
pub mod record;
pub mod replay;
pub mod report;
pub mod rig;
pub mod run;
pub mod sim;
pub mod tidy;
pub mod wave;

use crate::failure::Failure;
use std::path::Path;
use std::time::Duration;

/// The longest time that can be asked for, in seconds: a year.
const LONGEST_S: f64 = 31_536_000.0;

/// A time given in seconds on the command line.
fn duration(seconds: f64) -> Result<Duration, Failure> {
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds <= LONGEST_S);
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| {
        let text = format!("--for {seconds:?}: seconds above 0 and up to {LONGEST_S} (a year) were expected");
        Failure::input(text)
    })
}

/// A capture may hold an hour of somebody's work in its header.
fn refuse_to_overwrite(path: Option<&Path>) -> Result<(), Failure> {
    match path.filter(|path| path.exists()) {
        Some(path) => {
            Err(Failure::input(format!("{}: it is there already; remove it first", path.display())))
        }
        None => Ok(()),
    }
}
