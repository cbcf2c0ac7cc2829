//! A debug probe and the chip at its end, through probe-rs: reset, RAM, RTT, flash.
//!
//! Everything probe-rs does blocks, some of it for seconds, and some of it for ever when a cable is bad. So one thread owns
//! the session, a [`Probe`] hands it one step after another, and every step has a deadline. A step that misses its
//! deadline costs the probe: its thread is left behind to end by itself, and whoever wants to go on opens anew.
//!
//! | file | what |
//! |---|---|
//! | `bench` | the chip of a rig as a DUT: stand-in, image, RTT |
//! | `owner` | the thread, its steps and their deadlines |
//! | `watch` | waiting for the thread, no longer than it is worth it |
//! | `attach` | selector → probe → session, and whether this is the chip that the rig file names |
//! | `image` | firmware files: ELF, HEX, BIN; symbols; signatures |
//! | `flash` | writing an image, unless it is there already |
//! | `rtt` | channels between firmware and bench, over resets |
//! | `talk` | RTT as lines, logs in defmt among them |
//! | `samples` | samples into a buffer of the firmware |
//! | [`defmt`] | log frames of firmware that uses defmt |
//! | `trial` | the steps of the suite `probe` |
//! | `error` | what failed, with every reason, and whose fault it can be |
//!
//! It refuses to erase a chip that is locked, and never says that a device failed: all it sees are cables and chips.
//!
//! Attaching halts a running core for a moment (microseconds to milliseconds), because probe-rs clears its breakpoints;
//! so a test attaches before it starts to measure time.

use crate::chip;
use crate::config::{ProbeKind, ProbeTable};

mod attach;
mod bench;
pub mod defmt;
mod error;
mod flash;
mod image;
mod owner;
mod rtt;
mod samples;
mod talk;
mod trial;
mod watch;

pub use bench::ChipBench;
pub use error::ProbeError;
pub use flash::Flashed;
pub use image::{Format, Image, Symbol};
pub use owner::{About, Deadlines, Probe};
pub use rtt::{Channel, Channels, Heard};
pub use samples::RamSamples;
pub use trial::{play, subject};

/// Tells probe-rs of the chips and probes that it does not bring along, once.
fn register_plugins() {
    #[cfg(feature = "espressif")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(probe_rs_espressif::register_plugin);
    }
}

/// The selectors of the probes that this computer has, with their names: `1366:1015:000123  J-Link`.
pub fn list() -> Vec<String> {
    register_plugins();
    let probes = probe_rs::probe::list::Lister::new().list_all();
    probes.iter().map(|probe| format!("{}  {}", attach::selector_of(probe), probe.identifier)).collect()
}

/// Why this computer cannot reach the chip of a rig at all, where that is known beforehand.
pub fn obstacle(table: &ProbeTable) -> Option<&'static str> {
    (cfg!(not(unix)) && table.kind != ProbeKind::Usb)
        .then_some("a simulated chip is reached through a unix socket, which this system has not")
}

/// How the firmware of the virtual chip can be broken on purpose.
pub(crate) fn broken_names() -> Vec<&'static str> {
    chip::Broken::names()
}

/// What can go wrong with the virtual chip.
pub(crate) fn fault_names() -> Vec<&'static str> {
    chip::Fault::ALL.map(chip::Fault::name).into()
}
