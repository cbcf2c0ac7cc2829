//! # hanbench-target: a microcontroller as a debug probe sees it
//!
//! Takes the place of a real dongle at the end of a debug cable, so that the bench's probe path can run without
//! hardware, and so that a cable can be pulled at any bit. It knows nothing of the software that drives probes, and
//! depends on nothing: what stands in for hardware must share no code with what is tested against it.
//!
//! ```text
//! in process ─┐                       ┌► debug registers ─┐
//!             ├► SWD link ► DP ► AP ──┤                   ├─► chip: RAM, flash, reset, power ◄─ firmware model
//! socket ─────┘                       └► memory           │
//! in process ──► JTAG DTM ► RISC-V debug module ──────────┘
//! ```
//!
//! | file | what |
//! |---|---|
//! | [`chip`] | the chip: memory map, reset, power, and who may touch it |
//! | [`flash`] | NOR flash: bits go from 1 to 0, sectors go back; worn-out cells, power that fails in the middle |
//! | [`cortex`] | the debug registers of a Cortex-M: halt, step, run, reset, core registers |
//! | [`routine`] | flash algorithms: recognised by their entry address and carried out without executing them |
//! | [`faults`] | what goes wrong on the cable, and when |
//! | [`dap`] | SWD line, debug port, memory access port, with posted reads and sticky errors |
//! | [`riscv`] | a RISC-V debug module 0.13 behind DTMCS and DMI |
//! | [`rtt`] | the target's side of RTT |
//! | [`firmware`] | a model of firmware, ticked by a test's clock or by a thread |
//! | `ram`, [`engine`] | RAM shared with an emulator, which then executes real firmware in the model's place |
//! | [`cobs`], `glasgow` | the server that lets a program of its own reach the chip through a unix socket |
//!
//! ## What it refuses to do
//!
//! - It executes no instruction. What a chip *does* is a [`firmware::Firmware`] in Rust, or an [`engine::Engine`]'s business;
//!   flash algorithms are done by [`routine`]. A step moves the program counter by one halfword, and that is all.
//! - No caches, no interrupts, no MPU, no SWO or ITM, no multi-drop, no ADIv6, no JTAG for ARM, no Xtensa, and no
//!   behaviour of a probe's own firmware. Vendors' locks (nRF CTRL-AP, ESP sequences) are missing.
//! - It is thousands of times faster than any probe. No budget of time may be derived from it; where time matters,
//!   [`faults::Faults::delay`] slows every transfer down.
//!
//! Nothing in it asks for the time but [`firmware::FirmwareThread`], which is what a test avoids when it wants the
//! same bytes every time, and that delay.

pub mod chip;
pub mod cobs;
pub mod cortex;
pub mod dap;
pub mod engine;
pub mod faults;
pub mod firmware;
pub mod flash;
#[cfg(unix)]
pub mod glasgow;
mod ram;
pub mod riscv;
pub mod routine;
pub mod rtt;

pub use chip::{Architecture, BusFault, Chip, Identity, Target};
pub use dap::{Dap, Port, Refusal};
pub use engine::{Engine, Gone};
pub use firmware::{Firmware, FirmwareThread, Runner};
pub use rtt::Rtt;
