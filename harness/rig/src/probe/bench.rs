//! The chip of a rig, ready to be a DUT: whatever stands in for it, the probe at it, its image, and its RTT channels.
//!
//! A simulated chip is a program of its own that serves a socket, so that it is reached as any probe is. Refuses to go on
//! with a chip that does not hold the image of the rig file.

use super::talk::{Rtt, SharedProbe, held};
use super::{Channels, Deadlines, Flashed, Image, Probe, ProbeError, RamSamples, Symbol};
use crate::config::{Input, ProbeKind, ProbeTable};
use crate::dut::{Firmware, Program, Stream};
use crate::error::RigError;
use crate::line::Line;
use crate::lock::Lock;
use crate::samples::{SampleSink, ram};
use crate::session::this_program;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use tempfile::TempDir;

/// The control block of RTT, by the name that all firmware gives it.
const BLOCK: &str = "_SEGGER_RTT";
/// Longest path of the folder for temporary files that leaves room for a socket in a folder in it: the path of a unix
/// socket has 104 bytes at least (sun_path on macOS; Linux has 108).
const FOLDER_MAX: usize = 70;

/// A chip and everything around it. Field order matters: the probe lets go before what it is attached to ends.
#[derive(Debug)]
pub struct ChipBench {
    table: ProbeTable,
    probe: Option<SharedProbe>,
    image: Option<Image>,
    line: Option<Line>,
    _stand_in: Option<StandIn>,
    _lock: Option<Lock>,
}

/// A program in the place of a chip, and the folder with its socket.
#[derive(Debug)]
struct StandIn {
    _program: Program,
    _folder: TempDir,
}

impl ChipBench {
    /// Starts the program that stands in for the chip, where there is one. The chip is not touched yet.
    ///
    /// `virtual_chip` overrides the program that plays the virtual chip; by default it is this executable with the
    /// subcommand `chip`.
    ///
    /// # Errors
    /// The program cannot be started, or ends at once; the image cannot be read; someone else holds the probe.
    pub fn open(table: &ProbeTable, virtual_chip: Option<PathBuf>) -> Result<ChipBench, RigError> {
        let mut table = table.clone();
        let (mut line, mut stand_in, mut lock) = (None, None, None);
        if table.kind == ProbeKind::Usb {
            lock = Some(Lock::take(&table.settings.selector, "run")?);
        } else {
            let folder = temporary()?;
            let socket = folder.path().join("probe");
            if matches!(table.kind, ProbeKind::Virtual { .. }) {
                table.image = Some(folder.path().join("dongle.elf"));
            }
            let pty = Line::open(&Input::Pty)?;
            let command = command(&table, &socket, pty.path().unwrap_or_default(), virtual_chip)?;
            table.settings.selector =
                table.settings.selector.replace("{socket}", &socket.display().to_string());
            line = Some(pty);
            stand_in = Some(StandIn { _program: started(&command)?, _folder: folder });
        }
        let image = table.image.as_deref().map(Image::load).transpose()?;
        Ok(ChipBench { table, probe: None, image, line, _stand_in: stand_in, _lock: lock })
    }

    /// The chip in `slot`, made now where there is none.
    ///
    /// # Errors
    /// As [`ChipBench::open`]; a rig file without a table `[probe]`.
    pub(crate) fn ready<'a>(
        slot: &'a mut Option<ChipBench>,
        table: Option<&ProbeTable>,
        virtual_chip: Option<PathBuf>,
    ) -> Result<&'a mut ChipBench, RigError> {
        let chip = match (slot.take(), table) {
            (Some(chip), _) => chip,
            (None, Some(table)) => ChipBench::open(table, virtual_chip)?,
            (None, None) => {
                return Err(ProbeError::config("attach", "the rig file has no table [probe]").into());
            }
        };
        Ok(slot.insert(chip))
    }

    /// The way in for HAN bytes that the stand-in listens to, once.
    pub fn take_line(&mut self) -> Option<Line> {
        self.line.take()
    }

    /// The rig file says that the bench may write the image.
    pub fn flashes(&self) -> bool {
        self.table.flash && self.image.is_some()
    }

    /// The firmware of the rig file.
    pub fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// The probe, attached now where it was not.
    ///
    /// # Errors
    /// As [`Probe::open`].
    pub fn probe(&mut self) -> Result<MutexGuard<'_, Probe>, ProbeError> {
        self.attached().map(held)
    }

    fn attached(&mut self) -> Result<&SharedProbe, ProbeError> {
        let probe = match self.probe.take() {
            Some(probe) => probe,
            None => Arc::new(Mutex::new(Probe::open(&self.table.settings, Deadlines::default())?)),
        };
        Ok(self.probe.insert(probe))
    }

    /// Puts the image into the chip, see [`Probe::flash`].
    ///
    /// # Errors
    /// As there, and a rig without image.
    pub fn flash(&mut self) -> Result<Flashed, ProbeError> {
        let image = self.image.clone().ok_or_else(no_image)?;
        self.probe()?.flash(&image)
    }

    /// Something that the image keeps in RAM.
    ///
    /// # Errors
    /// As [`Image::symbol`] and [`Probe::check_ram`], and a rig without image.
    pub fn symbol(&mut self, name: &'static str) -> Result<Symbol, ProbeError> {
        let symbol = self.image.as_ref().ok_or_else(no_image)?.symbol(name)?;
        self.probe()?.check_ram(name, symbol.address)?;
        Ok(symbol)
    }

    /// Resets the chip and waits for its firmware to offer RTT.
    ///
    /// # Errors
    /// As [`Probe::restart_with_rtt`]; an image without the symbol `_SEGGER_RTT`.
    pub fn restart(&mut self) -> Result<Channels, ProbeError> {
        let block = self.symbol(BLOCK)?.address;
        self.probe()?.restart_with_rtt(block)
    }

    /// Firmware that has just started: the chip is attached, holds the image, and was reset.
    ///
    /// # Errors
    /// Whatever keeps the bench from one of these steps.
    pub fn start(&mut self) -> Result<Firmware, RigError> {
        if self.probe.is_none() {
            self.attached()?;
            if self.flashes() {
                self.flash()?;
            }
        }
        let channels = self.restart()?;
        Ok(self.listen(&channels)?)
    }

    /// Listens to firmware that was started and offers these channels.
    ///
    /// # Errors
    /// As [`Probe::open`], where nothing was attached, and [`Image::log_strings`].
    pub fn listen(&mut self, channels: &Channels) -> Result<Firmware, ProbeError> {
        let strings = self.image.as_ref().map(Image::log_strings).transpose()?.flatten();
        let probe = Arc::clone(self.attached()?);
        Ok(Firmware::on(Box::new(Rtt::new(probe, channels, strings))))
    }

    /// The sample buffer in the RAM of the firmware that was started.
    ///
    /// # Errors
    /// The image has no symbol `hanbench_samples`.
    pub fn samples(&mut self) -> Result<Box<dyn SampleSink + Send>, RigError> {
        let symbol = self.symbol(ram::SYMBOL)?;
        let probe = Arc::clone(self.attached()?);
        Ok(Box::new(RamSamples::new(probe, symbol)))
    }
}

fn no_image() -> ProbeError {
    ProbeError::config(
        "find a symbol",
        "the rig file names no `image` under [probe], and symbols stand in its ELF",
    )
}

/// Program and arguments of what stands in for the chip.
fn command(
    table: &ProbeTable,
    socket: &Path,
    han: &str,
    virtual_chip: Option<PathBuf>,
) -> Result<Vec<String>, RigError> {
    let socket = socket.display().to_string();
    let (broken, fault) = match &table.kind {
        ProbeKind::Usb => return Ok(Vec::new()),
        ProbeKind::Process { command } => {
            let word = |word: &String| word.replace("{socket}", &socket).replace("{han}", han);
            return Ok(command.iter().map(word).collect());
        }
        ProbeKind::Virtual { broken, fault } => (broken, fault),
    };
    let image = table.image.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let mut command = vec![this_program(virtual_chip)?];
    command.extend(["chip", "--socket", &socket, "--han", han, "--image", &image].map(String::from));
    command.extend(broken.iter().flat_map(|name| ["--broken".to_string(), name.clone()]));
    command.extend(fault.iter().flat_map(|name| ["--fault".to_string(), name.clone()]));
    Ok(command)
}

/// Starts a stand-in and waits until it says that it is ready.
fn started(command: &[String]) -> Result<Program, RigError> {
    let mut program = Program::start(command, false)?;
    for line in program.wait_ready().iter().filter(|line| line.stream == Stream::Log) {
        program.note_words(&line.text);
    }
    match program.exited() {
        None => Ok(program),
        Some(how) => {
            for line in program.inbox().take(std::time::Instant::now()) {
                program.note_words(&line.text);
            }
            let program_name = command.first().cloned().unwrap_or_default();
            Err(RigError::Start { program: program_name, why: format!("{how}: {}", program.last_words()) })
        }
    }
}

/// A folder of its own for the socket, gone with its holder.
fn temporary() -> Result<TempDir, RigError> {
    let usual = std::env::temp_dir();
    let parent = if usual.as_os_str().len() > FOLDER_MAX { PathBuf::from("/tmp") } else { usual };
    tempfile::Builder::new().prefix("hanbench-").tempdir_in(parent).map_err(|error| RigError::Unavailable {
        what: "a folder for temporary files".into(),
        why: crate::file::words(&error),
    })
}
