//! `chip`: the reference dongles as firmware on a simulated chip, started by `run` as a program of its own behind a debug
//! cable.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::ChipFlags;
use hanbench_rig::chip::{self, Broken, Fault, Places, Variant};
use std::io::stdout;

/// Runs until it is asked to end, or nobody is there any more who could.
pub fn run(flags: &ChipFlags) -> Outcome {
    let (broken, fault) = (flags.broken.as_deref(), flags.fault.as_deref());
    let broken = broken.map(|name| found("--broken", name, Broken::named(name), &Broken::names()));
    let faults = Fault::ALL.map(Fault::name);
    let fault = fault.map(|name| found("--fault", name, Fault::named(name), &faults));
    let variant = Variant { broken: broken.transpose()?, fault: fault.transpose()? };
    let places = Places { socket: flags.socket.clone(), han: flags.han.clone() };
    chip::run(&places, variant, &flags.image, stdout())
        .map_err(|error| Failure::input(format!("chip at {}: {error}", flags.socket.display())))?;
    Ok(PASSED)
}

fn found<T>(flag: &str, name: &str, found: Option<T>, names: &[&str]) -> Result<T, Failure> {
    found.ok_or_else(|| Failure::input(format!("{flag} {name:?}: expected one of: {}", names.join(", "))))
}
