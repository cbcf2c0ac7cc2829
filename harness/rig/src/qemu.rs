//! Firmware that is really firmware: QEMU executes it, and a simulated chip makes it reachable for a debug probe.
//!
//! QEMU's machine `mps2-an385` (a Cortex-M3) gets the firmware as its image, a serial device with HAN bytes as its second
//! UART, and a file as its RAM. The chip of [`hanbench_target`] has the same file as its RAM and the image as its flash, and
//! passes halt, run and reset on through QEMU's control socket (QMP). What QEMU says, and what the firmware prints on its
//! first UART, goes to standard error.
//!
//! Refuses what only an emulator with a debugger of its own could do: core registers, steps and breakpoints are the model's
//! and not QEMU's. The image is loaded by QEMU and cannot be flashed by the probe. Its time is no time to judge by: a UART
//! takes bytes as fast as they come.

mod qmp;

use crate::error::RigError;
use crate::file::words;
use crate::probe::{Image, ProbeError};
use hanbench_core::verdict::Cause;
use hanbench_target::flash::Flash;
use hanbench_target::glasgow::Server;
use hanbench_target::{Architecture, Chip, Target};
use object::Endianness;
use object::elf::{FileHeader32, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use qmp::Qmp;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The name of QEMU's program for Arm machines.
const PROGRAM: &str = "qemu-system-arm";
/// Where `rigs/qemu/get-qemu.sh` puts one, from the root of the checkout.
const PRIVATE: &str = "target/qemu";
/// Code memory of the board: first address and bytes.
const FLASH: (u32, u32) = (0, 4 << 20);
/// Its external RAM, which is the one that QEMU can share.
const RAM: (u32, u32) = (0x2100_0000, 16 << 20);
/// What debuggers take for a sector. Nothing is ever erased.
const SECTOR: u32 = 4096;
/// CPUID of a Cortex-M3, revision r2p1.
const CORTEX_M3: u32 = 0x412F_C231;
/// How long QEMU may take until it answers: it needs 0.1 s, on a busy machine longer.
const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// What is to run, and where it is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// QEMU's program for Arm machines, see [`find`].
    pub program: PathBuf,
    /// ELF of the firmware, linked for the board.
    pub firmware: PathBuf,
    /// Path of the serial device with the HAN bytes.
    pub han: String,
    /// Path of the unix socket at which a debug probe finds the chip.
    pub socket: PathBuf,
}

/// A running machine. Dropping it ends QEMU and takes the socket away.
pub struct Machine {
    // Dropped first: no probe may reach a chip whose QEMU is gone.
    _server: Server,
    qemu: Running,
}

/// QEMU, which ends with this.
struct Running(Child);

/// QEMU for Arm machines: the one on the PATH, else the private one of this checkout.
pub fn find(root: &Path) -> Option<PathBuf> {
    let private = || Some(root.join(PRIVATE).join(PROGRAM)).filter(|program| program.is_file());
    crate::scan::program(Path::new(PROGRAM)).or_else(private)
}

/// What is missing, and what to do about it.
pub fn missing() -> RigError {
    let help = "rigs/qemu/get-qemu.sh unpacks one from Debian, see docs/firmware.md";
    unavailable("QEMU", format!("no {PROGRAM} is on the PATH, nor in {PRIVATE}; {help}"))
}

impl Machine {
    /// Starts the firmware, and serves the socket until it is dropped.
    ///
    /// # Errors
    ///
    /// [`RigError::Unavailable`] (exit code 3): there is no QEMU, no such serial device, no place for the socket.
    /// [`RigError::Probe`] (exit code 2): the firmware is no ELF for this board.
    pub fn start(settings: &Settings) -> Result<Machine, RigError> {
        let mut chip = chip(&settings.firmware)?;
        std::fs::metadata(&settings.han)
            .map_err(|error| unavailable(format!("the serial device {}", settings.han), words(&error)))?;
        let folder = shared_folder().map_err(|error| unavailable("a folder for shared memory", error))?;
        let (ram, control) = (folder.path().join("ram"), folder.path().join("control"));
        let mut qemu = Running::start(settings, &ram, &control)?;
        let qmp = qemu.connect(&control)?;
        let shared = File::options().read(true).write(true).open(&ram);
        chip.share_ram(shared.map_err(|error| unavailable("the shared memory", words(&error)))?);
        // Both sides have it open now. Without its name nothing is left behind, however this ends.
        drop(folder);
        let target = Target::new(chip);
        let server = Server::start(&settings.socket, target.clone()).map_err(|error| {
            unavailable(format!("the socket {}", settings.socket.display()), words(&error))
        })?;
        target.chip().drive(Box::new(qmp));
        Ok(Machine { _server: server, qemu })
    }

    /// How QEMU ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.qemu.ended()
    }
}

impl Running {
    fn start(settings: &Settings, ram: &Path, control: &Path) -> Result<Running, RigError> {
        let console = std::io::stderr().as_fd().try_clone_to_owned();
        let console = console.map_or(Stdio::null(), Stdio::from);
        let mut command = Command::new(&settings.program);
        command
            .args(["-M", "mps2-an385,memory-backend=ram", "-object"])
            .arg(format!("memory-backend-file,id=ram,size={},mem-path={},share=on", RAM.1, option(ram)))
            .args(["-nodefaults", "-display", "none", "-S", "-serial", "stdio", "-chardev"])
            .arg(format!("serial,id=han,path={}", option(Path::new(&settings.han))))
            .args(["-serial", "chardev:han", "-chardev"])
            .arg(format!("socket,id=control,server=on,wait=off,path={}", option(control)))
            .args(["-mon", "chardev=control,mode=control", "-kernel"])
            .arg(&settings.firmware)
            .stdin(Stdio::null())
            .stdout(console);
        let guard = crate::pty::spawn_guard();
        let started = command.spawn();
        drop(guard);
        started.map(Running).map_err(|error| {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such program",
                std::io::ErrorKind::PermissionDenied => "it may not be executed",
                _ => &words(&error),
            };
            unavailable(format!("QEMU ({})", settings.program.display()), why)
        })
    }

    /// Waits for it to listen at its control socket.
    fn connect(&mut self, control: &Path) -> Result<Qmp, RigError> {
        let until = Instant::now() + STARTS_WITHIN;
        loop {
            match Qmp::connect(control) {
                Ok(qmp) => return Ok(qmp),
                Err(error) if Instant::now() >= until => {
                    return Err(unavailable("QEMU's control socket", words(&error)));
                }
                Err(_) => {}
            }
            if let Some(how) = self.ended() {
                return Err(unavailable("QEMU", format!("it {how}; its words stand above")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn ended(&mut self) -> Option<String> {
        let status = self.0.try_wait().ok().flatten()?;
        Some(status.code().map_or("ended by a signal".into(), |code| format!("ended with exit code {code}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already gives an error, which changes nothing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn unavailable(what: impl Into<String>, why: impl Into<String>) -> RigError {
    RigError::Unavailable { what: what.into(), why: why.into() }
}

/// A path as a value of QEMU's options, where a comma ends a value unless it is doubled.
fn option(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

/// A folder in memory where the system has one, else on a disk, whose cache does the same.
fn shared_folder() -> Result<tempfile::TempDir, String> {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("hanbench-qemu-").tempdir_in(&parent);
    folder.map_err(|error| format!("{}: {}", parent.display(), words(&error)))
}

/// A chip that holds the firmware, and starts with it.
fn chip(firmware: &Path) -> Result<Chip, RigError> {
    let image = Image::load(firmware)?;
    let wrong = |why: String| {
        let why = format!("{}: {why}", firmware.display());
        ProbeError { step: "load the firmware", why, cause: Cause::Config, line_lost: false }
    };
    let mut flash = Flash::new(FLASH.0, FLASH.1, SECTOR);
    for (address, bytes) in segments(image.bytes()).map_err(wrong)? {
        if !flash.preload(address, bytes) {
            let (len, end) = (bytes.len(), FLASH.0 + FLASH.1);
            let why = format!(
                "{len} bytes at {address:#010x} are outside the code memory, which ends at {end:#010x}"
            );
            return Err(wrong(why).into());
        }
    }
    let mut chip = Chip::new(Architecture::CortexM, flash, RAM);
    chip.identity.cpuid = CORTEX_M3;
    if !chip.executes() {
        let why = format!(
            "it has no vector table at {:#010x} with a stack in the RAM from {:#010x}; is it linked with \
             harness/firmware/memory.x?",
            FLASH.0, RAM.0
        );
        return Err(wrong(why).into());
    }
    Ok(chip)
}

/// What an ELF puts into memory before it starts, by physical address.
fn segments(elf: &[u8]) -> Result<Vec<(u32, &[u8])>, String> {
    let damaged = |error: object::Error| format!("no ELF of a 32-bit machine: {error}");
    let header = FileHeader32::<Endianness>::parse(elf).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let mut found = Vec::new();
    for segment in header.program_headers(endian, elf).map_err(damaged)? {
        if segment.p_type(endian) == PT_LOAD && segment.p_filesz(endian) > 0 {
            let bytes = segment.data(endian, elf);
            let bytes = bytes.map_err(|()| "a damaged ELF: a segment leaves the file".to_string())?;
            found.push((segment.p_paddr(endian), bytes));
        }
    }
    Ok(found)
}
