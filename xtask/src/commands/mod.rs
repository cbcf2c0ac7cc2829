//! One file per command.

pub mod ci;
pub mod decode;
pub mod dongle;
pub mod emulate;
pub mod explain;
pub mod import;
pub mod record;
pub mod replay;
pub mod report;
pub mod run;
pub mod tidy;
pub mod wave;

use crate::failure::Failure;
use std::path::Path;
use std::time::Duration;

/// A time given in seconds on the command line.
fn duration(seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| Failure::input(format!("--for {seconds}: a number of seconds above 0 was expected")))
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
