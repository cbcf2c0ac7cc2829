//! `dongle`: the reference dongles, started by `run` as programs of their own behind a pty.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::DongleFlags;
use hanbench_core::clamps::Fault;
use hanbench_core::wire::cipher::Keys;
use hanbench_rig::dongle::{self, Broken, Scale};
use hanbench_rig::{RigError, clamps, keys};
use std::io::{self, stdout};

/// Runs until the line hangs up.
pub fn run(flags: &DongleFlags) -> Outcome {
    let broken = flags.broken.as_deref();
    let (path, ended) = match (&flags.clamps, &flags.han) {
        (Some(path), _) => {
            let fault = broken.map(|name| found(name, Fault::named(name), Fault::ALL.map(|(name, _)| name)));
            (path, clamps::dongle::run(path, fault.transpose()?, stdout()))
        }
        (None, Some(path)) => {
            let names = Broken::ALL.map(Broken::name);
            let broken = broken.map(|name| found(name, Broken::from_name(name), names)).transpose()?;
            (path, han(flags, path, broken)?)
        }
        (None, None) => return Err(Failure::input("the path of a serial device was expected")),
    };
    ended.map_err(|error| Failure::input(format!("dongle at {path}: {error}")))?;
    Ok(PASSED)
}

fn han(flags: &DongleFlags, path: &str, broken: Option<Broken>) -> Result<io::Result<()>, Failure> {
    let keys = flags.key_file.as_deref().map_or(Ok(Keys::default()), keys::load).map_err(RigError::from)?;
    let scale = Scale::parse(&flags.ratio)
        .map_err(|error| Failure::input(format!("--ratio is {:?}: {error}", flags.ratio)))?;
    Ok(dongle::run(path, broken, scale, stdout(), dongle::reference(keys)))
}

fn found<T, const N: usize>(name: &str, found: Option<T>, names: [&str; N]) -> Result<T, Failure> {
    found.ok_or_else(|| {
        Failure::input(format!("there is no broken dongle {name:?}; expected one of: {}", names.join(", ")))
    })
}
