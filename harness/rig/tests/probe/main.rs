//! The probe rig against a simulated chip, through the real probe-rs.
//!
//! One binary, because linking probe-rs costs seconds.

mod board;
mod cable;
#[cfg(unix)]
mod chip;
mod drivers;
mod flash;
#[cfg(unix)]
mod glasgow;
mod images;
mod logs;
mod riscv;
mod session;
#[cfg(unix)]
mod waves;
