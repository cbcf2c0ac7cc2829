//! Boards: a chip, firmware that runs on it, and a probe at its debug port.

use crate::drivers::plug_in;
use crate::images::{EM_ARM, elf, file};
use hanbench_rig::chip::hardware::{self, vectors};
pub use hanbench_rig::chip::hardware::{FLASH, RAM};
use hanbench_rig::config::ProbeSettings;
use hanbench_rig::probe::{Deadlines, Image, Probe, ProbeError};
use hanbench_target::flash::Flash;
use hanbench_target::{Architecture, Chip, Firmware, FirmwareThread, Rtt, Target};
use probe_rs::config::Registry;
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;

/// Where the firmware model has its control block: `_SEGGER_RTT`.
pub const BLOCK: u32 = RAM + 0x400;
/// A word that the firmware counts up once per tick: `ticks`.
pub const TICKS: u32 = RAM + 0x100;

/// probe-rs's table of chips, which takes a while to make.
pub static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::from_builtin_families);

/// Firmware that says hello, echoes lines in capitals, and counts.
struct Echo {
    rtt: Option<Rtt>,
    /// Bytes that had no room in the ring.
    waiting: Vec<u8>,
}

impl Firmware for Echo {
    fn start(&mut self, chip: &mut Chip) {
        // Start-up code clears what it uses.
        chip.write_word(TICKS, 0).expect("RAM");
        self.rtt = Rtt::place(chip, BLOCK, &[("Terminal", 256)], &[("Commands", 64)]).ok();
        self.waiting = b"hello\n".to_vec();
    }

    fn tick(&mut self, chip: &mut Chip, _now_us: u64) {
        let ticks = chip.word(TICKS).unwrap_or(0);
        let _ = chip.write_word(TICKS, ticks.wrapping_add(1));
        // Whoever spoils the block (a debugger, flashing) silences the firmware until it starts again.
        let Some(rtt) = &self.rtt else { return };
        if let Ok(heard) = rtt.read(chip, 0) {
            self.waiting.extend(heard.to_ascii_uppercase());
        }
        if let Ok(sent) = rtt.write(chip, 0, &self.waiting) {
            self.waiting.drain(..sent);
        }
    }
}

pub struct Board {
    pub target: Target,
    pub settings: ProbeSettings,
    pub folder: TempDir,
    _firmware: FirmwareThread,
}

impl Board {
    /// An STM32F103C8 with firmware on it that starts.
    pub fn stm32(name: &str) -> Board {
        let chip = hardware::chip(&REGISTRY, &vectors()).expect("a chip that probe-rs knows");
        Board::new(name, hardware::NAME, Architecture::CortexM, chip)
    }

    /// A GD32VF103CB with firmware that runs.
    pub fn gd32(name: &str) -> Board {
        let flash = Flash::new(FLASH, 0x2_0000, 0x400);
        let hardware = Chip::new(Architecture::RiscV, flash, (RAM, 0x8000));
        Board::new(name, "GD32VF103CBT6", Architecture::RiscV, hardware)
    }

    fn new(name: &str, chip: &str, architecture: Architecture, hardware: Chip) -> Board {
        let target = Target::new(hardware);
        let selector = plug_in(name, architecture, &target);
        let firmware = Echo { rtt: None, waiting: Vec::new() };
        let firmware = FirmwareThread::start(target.clone(), firmware, Duration::from_micros(200));
        let settings = ProbeSettings {
            selector,
            chip: chip.to_string(),
            speed_khz: None,
            connect_under_reset: false,
            signed_by: None,
        };
        Board { target, settings, folder: TempDir::new().expect("a folder"), _firmware: firmware }
    }

    pub fn open(&self) -> Probe {
        self.try_open().unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_open(&self) -> Result<Probe, ProbeError> {
        Probe::open(&self.settings, Deadlines::default())
    }

    /// An ELF with `len` bytes of flash that differ by `seed`, and the symbols of the firmware.
    pub fn image(&self, seed: u8, len: usize) -> Image {
        let symbols = [("_SEGGER_RTT", BLOCK), ("ticks", TICKS)];
        let bytes = elf(EM_ARM, FLASH, &program(seed, len), &symbols);
        Image::load(&file(self.folder.path(), &format!("{seed}.elf"), &bytes)).expect("an image")
    }

    /// What the flash holds at its start.
    pub fn flash(&self, len: usize) -> Vec<u8> {
        self.target.chip().flash.cells()[..len].to_vec()
    }
}

/// Bytes for the start of the flash.
pub fn program(seed: u8, len: usize) -> Vec<u8> {
    let body = (8..len).map(|place| (place as u8).wrapping_mul(7).wrapping_add(seed));
    vectors().into_iter().chain(body).collect()
}

/// Polls RTT until the text came, for at most a second.
pub fn hear(probe: &mut Probe, wanted: &str) -> String {
    let (mut text, started) = (String::new(), std::time::Instant::now());
    while !text.contains(wanted) {
        assert!(started.elapsed() < Duration::from_secs(1), "waited for {wanted:?}, heard {text:?}");
        let heard = probe.rtt_read(0).unwrap_or_else(|error| panic!("{error}"));
        text.push_str(&String::from_utf8_lossy(&heard.bytes));
        std::thread::sleep(Duration::from_micros(200));
    }
    text
}
