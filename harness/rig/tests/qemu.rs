//! Real firmware in QEMU, through the real probe-rs: what it claims, and what halt and reset do to it.
//!
//! Needs QEMU and the firmware (docs/firmware.md). Without one of them there is one trial, shown as ignored with the reason in
//! its name.

use libtest_mimic::{Arguments, Trial};

#[cfg(unix)]
mod machine;

fn main() {
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trials()).exit();
}

#[cfg(unix)]
fn trials() -> Vec<Trial> {
    match machine::Tools::find() {
        Ok(tools) => machine::trials(&tools),
        Err(reason) => vec![skipped(&reason)],
    }
}

#[cfg(not(unix))]
fn trials() -> Vec<Trial> {
    vec![skipped("the simulated probe is reached through a unix socket")]
}

fn skipped(reason: &str) -> Trial {
    Trial::test(format!("qemu (skipped: {reason})"), || Ok(())).with_ignored_flag(true)
}
