//! The device under test: something that hears HAN bytes and prints lines.
//!
//! Refuses to interpret a line; that is the adapter's job.

mod firmware;
mod inbox;
mod process;
mod serial;

pub use firmware::{Firmware, Said, Talk};
pub use inbox::{Inbox, LINE_MAX, Stream, TextLine};
pub use process::Program;
pub use serial::Console;

use crate::adapter;
use crate::error::RigError;
use crate::interrupt::interrupted;
use std::time::{Duration, Instant};

/// How long a DUT may take to say that it is ready; then it gets bytes anyway (contract, section 3).
const READY_WITHIN: Duration = Duration::from_secs(2);

/// A running DUT.
#[derive(Debug)]
pub enum Running {
    /// A program on this machine.
    Program(Program),
    /// A real dongle with a serial console.
    Console(Console),
    /// Firmware behind a debug probe.
    Firmware(Firmware),
}

/// That a DUT is no longer there.
#[derive(Debug)]
pub enum Gone {
    /// The program ended by itself: how, in one line. This is the DUT's fault.
    Exited(String),
    /// It cannot be heard any more. This is the rig's fault.
    Lost(RigError),
    /// The chip restarted unasked. It can be used again; whose fault that was cannot be told.
    Restarted(String),
}

impl Running {
    /// Where its lines arrive.
    pub fn inbox(&self) -> &Inbox {
        match self {
            Running::Program(program) => program.inbox(),
            Running::Console(console) => console.inbox(),
            Running::Firmware(firmware) => firmware.inbox(),
        }
    }

    /// Whether it is gone. For a program, everything it printed has arrived in the inbox before this says so.
    pub fn gone(&mut self) -> Option<Gone> {
        match self {
            Running::Program(program) => program.exited().map(Gone::Exited),
            Running::Console(console) => console.lost().map(Gone::Lost),
            Running::Firmware(firmware) => firmware.gone(),
        }
    }

    /// For how long it cannot be heard by now, and the longest such time since [`Running::hear_anew`]. Pipes and ports wait
    /// until somebody reads them; RAM does not.
    pub(crate) fn deaf(&self) -> (Duration, Duration) {
        match self {
            Running::Program(_) | Running::Console(_) => (Duration::ZERO, Duration::ZERO),
            Running::Firmware(firmware) => firmware.deaf(),
        }
    }

    /// What could not be heard before is of no interest any more.
    pub(crate) fn hear_anew(&mut self) {
        if let Running::Firmware(firmware) = self {
            firmware.hear_anew();
        }
    }

    /// Tells it a line, where it can be told one: the console of a real dongle is only read.
    pub(crate) fn tell(&mut self, line: &str) {
        match self {
            Running::Program(program) => program.tell(line),
            Running::Firmware(firmware) => firmware.tell(line),
            Running::Console(_) => {}
        }
    }

    /// Whether it can be started anew, so that no trial pays for another. The console of a real dongle cannot.
    pub(crate) fn can_restart(&self) -> bool {
        !matches!(self, Running::Console(_))
    }
}

/// Waits until a DUT tells of an event, has ended, or [`READY_WITHIN`] is over. Returns what it printed until then.
fn wait_for(inbox: &Inbox, event: &str, mut ended: impl FnMut() -> bool) -> Vec<TextLine> {
    let until = Instant::now() + READY_WITHIN;
    let mut seen = Vec::new();
    loop {
        let new = inbox.take(until.min(Instant::now() + Duration::from_millis(20)));
        let told =
            new.iter().any(|line| line.stream == Stream::Readings && adapter::is_event(&line.text, event));
        seen.extend(new);
        if told || interrupted() || Instant::now() >= until || ended() {
            return seen;
        }
    }
}
