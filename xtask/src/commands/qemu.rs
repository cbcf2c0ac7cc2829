//! `qemu`: real firmware in QEMU at the end of a simulated debug cable, started by a rig file that says so.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::QemuFlags;
use crate::{console, workspace};
use hanbench_rig::interrupt::{self, interrupted};
use hanbench_rig::qemu::{Machine, Settings};
use hanbench_rig::{RigError, qemu};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How soon it notices that it should end.
const POLL: Duration = Duration::from_millis(20);

/// Runs until it is told to end, by SIGTERM or by a pipe on standard input that closes; until the line is gone, and with it
/// whoever started this; or until QEMU ends by itself.
pub fn run(flags: &QemuFlags) -> Outcome {
    interrupt::install();
    let found = || qemu::find(&workspace::root()?).ok_or_else(|| Failure::from(qemu::missing()));
    let program = flags.qemu.clone().map_or_else(found, Ok)?;
    let settings = Settings {
        program,
        firmware: flags.firmware.clone(),
        han: flags.han.clone(),
        socket: flags.socket.clone(),
    };
    let let_go = interrupt::when_let_go();
    let mut machine = Machine::start(&settings)?;
    console::line("{\"event\":\"ready\"}");
    while !interrupted() && !let_go.load(Ordering::Relaxed) && Path::new(&flags.han).exists() {
        if let Some(how) = machine.ended() {
            return Err(RigError::Lost { what: "QEMU".into(), why: format!("it {how}") }.into());
        }
        std::thread::sleep(POLL);
    }
    Ok(PASSED)
}
