//! # hanbench-rig: everything hanbench does to the world
//!
//! Bytes of a [`hanbench_core::verdict::trial::Stimulus`] go in, a
//! [`hanbench_core::verdict::trial::Trial`] with everything that happened comes out. This crate refuses to know
//! what is right or wrong: it compares no value with another.
//!
//! | file | what |
//! |---|---|
//! | [`config`] | rig file → checked [`config::Rig`], with errors that point at the line |
//! | [`file`](mod@file) | text files of the user, bounded |
//! | [`keys`] | a meter's keys |
//! | [`error`] | everything that can go wrong, and the exit code it leads to |
//! | [`line`](mod@line) | where HAN bytes go: pty, serial port, TCP; never hangs |
//! | [`pty`] | a raw pty pair that nobody inherits |
//! | [`pace`] | bytes at line rate, with absolute deadlines |
//! | [`dut`] | the dongle: a program, a serial console or firmware behind a probe; its lines with their times |
//! | [`adapter`] | a line of text → claim, refusal or log |
//! | `hearing` | what a DUT says during one trial, and why a trial ends early |
//! | [`session`] | plays stimuli into a DUT: lock-step or real time; makes it the dongle of the closed loop |
//! | [`balancer`] | the load balancer: built in, or a program in lock-step |
//! | [`samples`] | blocks of samples on a line, and what a waveform is played into |
//! | [`clamps`] | plays waveforms into a clamp dongle; the virtual one |
//! | [`dongle`] | the virtual dongle, and its deliberately broken variants |
//! | [`library`] | captures with their reviewed readings |
//! | [`evidence`] | the folder of a run |
//! | [`wave_files`] | a waveform → files, whole or not at all |
//! | [`scpi`] | a channel of a waveform → an arbitrary-waveform generator |
//! | [`lock`] | one bench, one holder |
//! | [`serial`] | a port that is only listened to |
//! | [`probe`] | a debug probe: reset, RAM, RTT, flash; every step with a deadline. Without the feature `probe` its place is taken by `probe_left_out`, which says so |
//! | `chip` (feature `probe`) | the virtual chip: the reference dongles as firmware on a simulated target |
//! | `qemu` (feature `probe`, unix) | real firmware in QEMU as the chip at the end of a debug cable |
//! | [`scan`] | what is plugged in and installed: ports by stable names, USB, programs |
//! | [`interrupt`] | Ctrl-C as a flag that every loop looks at |

pub mod adapter;
pub mod balancer;
#[cfg(feature = "probe")]
pub mod chip;
pub mod clamps;
pub mod config;
pub mod dongle;
pub mod dut;
pub mod error;
pub mod evidence;
pub mod file;
mod hearing;
pub mod interrupt;
pub mod keys;
pub mod library;
pub mod line;
pub mod lock;
pub mod pace;
#[cfg_attr(not(feature = "probe"), path = "probe_left_out.rs")]
pub mod probe;
pub mod pty;
#[cfg(all(unix, feature = "probe"))]
pub mod qemu;
pub mod samples;
pub mod scan;
pub mod scpi;
pub mod serial;
pub mod session;
pub mod wave_files;

pub use config::Rig;
pub use error::RigError;
pub use session::{Session, Speed};
