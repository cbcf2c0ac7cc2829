//! The virtual chip: the reference dongles as firmware on a simulated target, which the bench reaches through the real
//! probe-rs and nothing else.
//!
//! ```text
//! bench ─► probe-rs ─► socket ─► SWD ─► chip ─┬─ flash: the image has to be there, or nothing runs
//!   └────► pty ───► receiver of the chip ─────┼─► firmware ─► RTT up channel 0 ─► … ─► bench
//!                                             └─ RAM: samples
//! ```
//!
//! | file | what |
//! |---|---|
//! | [`hardware`] | the chip, where everything lies in it, and the image for its flash |
//! | [`elf`] | the file of that image |
//! | [`firmware`] | the reference dongles as firmware |
//! | `buffer` | its end of the buffer for samples |
//! | [`uart`] | its HAN port |
//! | [`broken`] | firmware that is broken on purpose |
//! | [`fault`] | what goes wrong with cable and chip |
//! | `program` (unix) | all of it as a program of its own |
//!
//! It refuses to be a proof of timing: the chip is thousands of times faster than a real one behind a real probe.

pub mod broken;
mod buffer;
pub mod elf;
pub mod fault;
pub mod firmware;
pub mod hardware;
#[cfg(unix)]
mod program;
#[cfg(test)]
mod tests;
pub mod uart;

pub use broken::Broken;
pub use fault::Fault;
#[cfg(unix)]
pub use program::{Places, VirtualChip, run};

/// How a chip differs from a healthy one.
#[derive(Clone, Copy, Default)]
pub struct Variant {
    /// How the firmware is broken.
    pub broken: Option<Broken>,
    /// What goes wrong with cable and chip.
    pub fault: Option<Fault>,
}
