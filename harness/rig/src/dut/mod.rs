//! The device under test: something that hears HAN bytes and prints lines.
//!
//! Refuses to interpret a line; that is the adapter's job.

mod inbox;
mod process;
mod serial;

pub use inbox::{Inbox, LINE_MAX, Stream, TextLine};
pub use process::Program;
pub use serial::Console;

use crate::error::RigError;

/// A running DUT.
#[derive(Debug)]
pub enum Running {
    /// A program on this machine.
    Program(Program),
    /// A real dongle with a serial console.
    Console(Console),
}

/// That a DUT is no longer there.
#[derive(Debug)]
pub enum Gone {
    /// The program ended by itself: how, in one line. This is the DUT's fault.
    Exited(String),
    /// The console cannot be read any more. This is the rig's fault.
    Lost(RigError),
}

impl Running {
    /// Where its lines arrive.
    pub fn inbox(&self) -> &Inbox {
        match self {
            Running::Program(program) => program.inbox(),
            Running::Console(console) => console.inbox(),
        }
    }

    /// Whether it is gone. For a program, everything it printed has arrived in the inbox before this says so.
    pub fn gone(&mut self) -> Option<Gone> {
        match self {
            Running::Program(program) => program.exited().map(Gone::Exited),
            Running::Console(console) => console.lost().map(Gone::Lost),
        }
    }
}
