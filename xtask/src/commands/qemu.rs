//! `qemu`: real firmware in QEMU at the end of a simulated debug cable, started by a rig file that says so.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::QemuFlags;
use crate::{console, workspace};
use hanbench_rig::interrupt::{self, interrupted};
use hanbench_rig::qemu::{Machine, Settings};
use hanbench_rig::{RigError, qemu};
use std::io::{Read, stdin};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    let hung_up = watch_input();
    let mut machine = Machine::start(&settings)?;
    console::line("{\"event\":\"ready\"}");
    while !interrupted() && !hung_up.load(Ordering::Relaxed) && Path::new(&flags.han).exists() {
        if let Some(how) = machine.ended() {
            return Err(RigError::Lost { what: "QEMU".into(), why: format!("it {how}") }.into());
        }
        std::thread::sleep(POLL);
    }
    Ok(PASSED)
}

/// Becomes true when standard input ends. Only a pipe or a socket counts: a program without input has none from its start.
fn watch_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let handle = stdin().as_fd().try_clone_to_owned().map(std::fs::File::from);
    let kind = handle.and_then(|input| input.metadata()).map(|about| about.file_type());
    if kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket()) {
        let ended = ended.clone();
        // Not joined: it ends with standard input, or with the program.
        std::thread::spawn(move || {
            let (mut input, mut scratch) = (stdin().lock(), [0; 256]);
            while input.read(&mut scratch).is_ok_and(|count| count > 0) {}
            ended.store(true, Ordering::Relaxed);
        });
    }
    ended
}
