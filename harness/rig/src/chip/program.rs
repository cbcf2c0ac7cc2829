//! The chip with its socket, and as a program of its own.

use super::Variant;
use super::firmware::DongleFirmware;
use super::hardware::{chip, image};
use super::uart::{Uart, Wire};
use crate::interrupt;
use hanbench_target::glasgow::Server;
use hanbench_target::{FirmwareThread, Target};
use probe_rs::config::Registry;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often the firmware gets to work.
const TICK: Duration = Duration::from_micros(200);
/// How soon the program notices that it should end.
const POLL: Duration = Duration::from_millis(20);

/// Where the chip meets the world.
#[derive(Clone, Debug)]
pub struct Places {
    /// The debug cable: a unix socket that is made here. Selector `20b7:9db1:unix:<path>`.
    pub socket: PathBuf,
    /// A serial device with the HAN bytes.
    pub han: Option<String>,
}

/// A chip that runs until it is dropped. Field order matters: no client any more, then no bytes, then no firmware.
pub struct VirtualChip {
    target: Target,
    server: Option<Server>,
    _wire: Option<Wire>,
    _firmware: FirmwareThread,
}

impl VirtualChip {
    /// Starts a chip with erased flash: nothing runs on it before it is flashed with [`image()`].
    ///
    /// # Errors
    ///
    /// The serial device cannot be opened, or the socket not made.
    pub fn start(places: &Places, variant: Variant) -> io::Result<VirtualChip> {
        let mut hardware = chip(&Registry::from_builtin_families(), &[])?;
        if let Some(fault) = variant.fault {
            fault.prepare(&mut hardware);
        }
        let (target, uart) = (Target::new(hardware), Uart::default());
        let connect = |path: &String| Wire::connect(path, uart.clone(), target.clone());
        let wire = places.han.as_ref().map(connect).transpose()?;
        let firmware = FirmwareThread::start(target.clone(), DongleFirmware::new(variant, uart), TICK);
        let powered = |target: &Target| {
            let mut chip = target.chip();
            if !chip.powered() {
                chip.power_on();
            }
        };
        let server = Server::start_with(&places.socket, target.clone(), powered)?;
        Ok(VirtualChip { target, server: Some(server), _wire: wire, _firmware: firmware })
    }

    /// The chip itself.
    pub fn target(&self) -> &Target {
        &self.target
    }
}

impl Drop for VirtualChip {
    fn drop(&mut self) {
        // A cable that is slow on purpose must not hold up the end.
        self.target.chip().faults.delay = Duration::ZERO;
        self.server = None;
    }
}

/// Writes the image, starts the chip, says `{"event":"ready"}`, and goes on until Ctrl-C or SIGTERM, until standard input
/// ends where that is a pipe, or until the program that started this one is gone.
///
/// # Errors
///
/// As [`VirtualChip::start`], and the image or `out` cannot be written.
pub fn run(places: &Places, variant: Variant, image_file: &Path, mut out: impl Write) -> io::Result<()> {
    interrupt::install();
    let parent = parent_id();
    fs::write(image_file, image())
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", image_file.display())))?;
    let chip = VirtualChip::start(places, variant)?;
    writeln!(out, "{{\"event\":\"ready\"}}")?;
    out.flush()?;
    let let_go = interrupt::when_let_go();
    while !interrupt::interrupted() && parent_id() == parent && !let_go.load(Ordering::Relaxed) {
        std::thread::sleep(POLL);
    }
    drop(chip);
    Ok(())
}
