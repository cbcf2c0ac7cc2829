//! `dongle`: the reference dongle, started by `run` as a program of its own behind a pty.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::DongleFlags;
use hanbench_core::wire::cipher::Keys;
use hanbench_rig::dongle::{self, Broken, Scale};
use hanbench_rig::{RigError, keys};

/// Runs until the line hangs up.
pub fn run(flags: &DongleFlags) -> Outcome {
    let broken = flags.broken.as_deref().map(variant).transpose()?;
    let keys = flags.key_file.as_deref().map_or(Ok(Keys::default()), keys::load).map_err(RigError::from)?;
    let scale = Scale::parse(&flags.ratio)
        .map_err(|error| Failure::input(format!("--ratio is {:?}: {error}", flags.ratio)))?;
    dongle::run(&flags.han, broken, scale, std::io::stdout(), dongle::reference(keys))
        .map_err(|error| Failure::input(format!("dongle at {}: {error}", flags.han)))?;
    Ok(PASSED)
}

fn variant(name: &str) -> Result<Broken, Failure> {
    Broken::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Broken::ALL.iter().map(|broken| broken.name()).collect();
        Failure::input(format!("there is no broken dongle {name:?}; expected one of: {}", names.join(", ")))
    })
}
