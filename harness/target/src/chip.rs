//! The chip: its memory map, its reset and its power. Whoever holds it sees one consistent moment.
//!
//! | range | what |
//! |---|---|
//! | flash | readable by anyone; written only by [`crate::routine`] |
//! | RAM | readable and writable by probe and firmware |
//! | `0x4000_0000` to `0x5FFF_FFFF` | peripherals: words that keep what is written, 0 before |
//! | `0xE000_0000` and up (Cortex-M) | [`crate::cortex`] |
//! | anything else | bus fault |

use crate::cortex::Cortex;
use crate::faults::Faults;
use crate::flash::Flash;
use crate::routine::{Routine, Routines};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An access to an address where nothing answers, or that nothing there allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BusFault;

/// What kind of core, which decides how it starts after a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Architecture {
    /// Starts at the vector table in the first words of flash.
    CortexM,
    /// Starts at the first address of flash.
    RiscV,
}

/// What the chip says that it is. A test that wants the wrong chip changes this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// DPIDR of the debug port.
    pub dpidr: u32,
    /// CPUID of the core.
    pub cpuid: u32,
    /// Designer of the chip as in its ROM table: JEP106 continuation code and identity code.
    pub designer: (u8, u8),
    /// Its part number there, 12 bits.
    pub part: u16,
    /// IDCODE of the JTAG port (RISC-V).
    pub idcode: u32,
}

impl Default for Identity {
    /// A Cortex-M4 with an ADIv5 debug port, of the designer with the JEP106 code 0x20, part 0xABC.
    fn default() -> Identity {
        Identity {
            dpidr: 0x2BA0_1477,
            cpuid: 0x410F_C241,
            designer: (0, 0x20),
            part: 0xABC,
            idcode: 0x0000_5C25,
        }
    }
}

/// What happened to the chip so far, for tests.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Transfers on the debug cable, or scans.
    pub transfers: u64,
    /// Flash algorithm calls with their four arguments, in order.
    pub calls: Vec<(Routine, [u32; 4])>,
    /// Resets of any kind.
    pub resets: u64,
    /// Times that power came back.
    pub power_ups: u64,
}

/// RAM, at its address.
#[derive(Clone, Debug)]
pub struct Ram {
    base: u32,
    bytes: Vec<u8>,
}

/// The chip.
#[derive(Debug)]
pub struct Chip {
    /// What it says that it is.
    pub identity: Identity,
    /// Its flash.
    pub flash: Flash,
    /// Flash algorithms that it recognises, and how they misbehave.
    pub routines: Routines,
    /// What goes wrong on the cable.
    pub faults: Faults,
    /// What happened so far.
    pub counts: Counts,
    pub(crate) cortex: Cortex,
    pub(crate) words: BTreeMap<u32, u32>,
    architecture: Architecture,
    ram: Ram,
    pub(crate) halted: bool,
    pub(crate) locked_up: bool,
    in_reset: bool,
    powered: bool,
}

/// A chip that several may hold: the cable's end, the firmware, the test.
#[derive(Clone, Debug)]
pub struct Target(Arc<Mutex<Chip>>);

impl Target {
    /// Shares a chip.
    pub fn new(chip: Chip) -> Target {
        Target(Arc::new(Mutex::new(chip)))
    }

    /// The chip, for as long as the guard lives, which must not be asked for twice by one thread. A holder that panicked
    /// leaves the chip as it was.
    pub fn chip(&self) -> MutexGuard<'_, Chip> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chip {
    /// A powered chip with erased flash, out of reset. Sizes in bytes; `ram` is its base and size.
    pub fn new(architecture: Architecture, flash: Flash, ram: (u32, u32)) -> Chip {
        let mut chip = Chip {
            identity: Identity::default(),
            flash,
            routines: Routines::default(),
            faults: Faults::default(),
            counts: Counts::default(),
            cortex: Cortex::default(),
            words: BTreeMap::new(),
            architecture,
            ram: Ram { base: ram.0, bytes: vec![0; ram.1 as usize] },
            halted: false,
            locked_up: false,
            in_reset: false,
            powered: true,
        };
        chip.start_core();
        chip
    }

    /// Whether firmware makes progress: powered, out of reset, started from a valid image, not halted, and not inside
    /// a flash algorithm.
    pub fn executes(&self) -> bool {
        self.powered && !self.in_reset && !self.halted && !self.locked_up && !self.routines.active()
    }

    /// Whether a debugger holds the core.
    pub fn halted(&self) -> bool {
        self.halted
    }

    /// Whether it has power.
    pub fn powered(&self) -> bool {
        self.powered
    }

    pub(crate) fn in_reset(&self) -> bool {
        self.in_reset
    }

    /// Takes the power away. Nothing answers any more, and RAM is lost.
    pub fn power_off(&mut self) {
        self.powered = false;
        self.routines.abandon();
    }

    /// Power comes back: RAM holds garbage (the same every time), the debug logic forgot everything, and the core
    /// starts what is in flash.
    pub fn power_on(&mut self) {
        self.powered = true;
        self.counts.power_ups += 1;
        let mut garbage = 0x2545_F491u32;
        for byte in &mut self.ram.bytes {
            garbage ^= garbage << 13;
            garbage ^= garbage >> 17;
            garbage ^= garbage << 5;
            *byte = garbage as u8;
        }
        self.cortex = Cortex::default();
        self.words.clear();
        self.halted = false;
        self.reset();
    }

    /// A system reset, whoever asked for it. What the debugger set up survives.
    pub fn reset(&mut self) {
        self.counts.resets += 1;
        self.routines.abandon();
        self.start_core();
    }

    /// The reset pin. Held low it stops the core; letting it go is a reset.
    pub fn set_reset_pin(&mut self, high: bool) {
        let released = self.in_reset && high;
        self.in_reset = !high;
        if !high {
            self.halted = false;
        }
        if released {
            self.reset();
        }
    }

    fn start_core(&mut self) {
        match self.architecture {
            Architecture::CortexM => self.start_cortex(),
            Architecture::RiscV => (self.halted, self.locked_up) = (false, false),
        }
    }

    pub(crate) fn ram_contains(&self, address: u32) -> bool {
        // A stack pointer starts one past the end.
        let offset = address.wrapping_sub(self.ram.base) as usize;
        offset <= self.ram.bytes.len()
    }

    /// Bytes of RAM or flash, as firmware or the probe reads them.
    ///
    /// # Errors
    ///
    /// [`BusFault`] where not all of them lie in one memory.
    pub fn bytes(&self, address: u32, len: usize) -> Result<&[u8], BusFault> {
        match self.ram_range(address, len) {
            Some(range) => Ok(&self.ram.bytes[range]),
            None => self.flash.get(address, len).ok_or(BusFault),
        }
    }

    /// Writes RAM.
    ///
    /// # Errors
    ///
    /// [`BusFault`] outside RAM.
    pub fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), BusFault> {
        let range = self.ram_range(address, bytes.len()).ok_or(BusFault)?;
        self.ram.bytes[range].copy_from_slice(bytes);
        Ok(())
    }

    /// A word of RAM or flash, little-endian.
    ///
    /// # Errors
    ///
    /// [`BusFault`] elsewhere.
    pub fn word(&self, address: u32) -> Result<u32, BusFault> {
        let bytes = self.bytes(address, 4)?;
        Ok(bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)))
    }

    /// Writes a word of RAM.
    ///
    /// # Errors
    ///
    /// [`BusFault`] elsewhere.
    pub fn write_word(&mut self, address: u32, word: u32) -> Result<(), BusFault> {
        self.write(address, &word.to_le_bytes())
    }

    fn ram_range(&self, address: u32, len: usize) -> Option<std::ops::Range<usize>> {
        let start = address.checked_sub(self.ram.base)? as usize;
        let end = start.checked_add(len)?;
        (start < self.ram.bytes.len() && end <= self.ram.bytes.len()).then_some(start..end)
    }

    /// One access of the probe on the system bus; `size` is 1, 2 or 4 bytes.
    pub(crate) fn bus_read(&mut self, address: u32, size: u32) -> Result<u32, BusFault> {
        if !address.is_multiple_of(size) {
            return Err(BusFault);
        }
        if let Ok(bytes) = self.bytes(address, size as usize) {
            return Ok(bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)));
        }
        let word = self.read_register(address & !3)?;
        let shifted = word >> ((address & 3) * 8);
        Ok(if size == 4 { shifted } else { shifted & ((1 << (size * 8)) - 1) })
    }

    /// The same, writing. Flash refuses: only its own controller programs it.
    pub(crate) fn bus_write(&mut self, address: u32, size: u32, value: u32) -> Result<(), BusFault> {
        if !address.is_multiple_of(size) {
            return Err(BusFault);
        }
        if self.write(address, &value.to_le_bytes()[..size as usize]).is_ok() {
            return Ok(());
        }
        if size == 4 { self.write_register(address, value) } else { Err(BusFault) }
    }

    fn read_register(&mut self, address: u32) -> Result<u32, BusFault> {
        match address {
            0x4000_0000..=0x5FFF_FFFF => Ok(self.words.get(&address).copied().unwrap_or(0)),
            0xE000_0000.. if self.architecture == Architecture::CortexM => Ok(self.read_system(address)),
            _ => Err(BusFault),
        }
    }

    fn write_register(&mut self, address: u32, value: u32) -> Result<(), BusFault> {
        match address {
            0x4000_0000..=0x5FFF_FFFF => {
                self.words.insert(address, value);
            }
            0xE000_0000.. if self.architecture == Architecture::CortexM => self.write_system(address, value),
            _ => return Err(BusFault),
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A Cortex-M with 8 KiB of flash, 4 KiB of RAM, and an image that starts.
    pub(crate) fn chip() -> Chip {
        let mut flash = Flash::new(0x0800_0000, 0x2000, 0x800);
        assert!(flash.preload(0x0800_0000, &[0x00, 0x10, 0x00, 0x20, 0x41, 0x00, 0x00, 0x08]));
        Chip::new(Architecture::CortexM, flash, (0x2000_0000, 0x1000))
    }

    #[test]
    fn memory_ends_where_it_ends() {
        let mut chip = chip();
        assert_eq!(chip.write_word(0x2000_0FFC, 0x0403_0201), Ok(()));
        assert_eq!(chip.bytes(0x2000_0FFC, 4), Ok(&[1, 2, 3, 4][..]));
        assert_eq!(chip.write_word(0x2000_0FFD, 0), Err(BusFault));
        assert_eq!(chip.word(0x2000_1000), Err(BusFault));
        assert_eq!(chip.write(0x0800_0000, &[0]), Err(BusFault), "flash is not written like RAM");
        assert_eq!(chip.bus_read(0x2000_0FFE, 2), Ok(0x0403));
        assert_eq!(chip.bus_read(0x2000_0FFF, 2), Err(BusFault), "unaligned");
        assert_eq!(chip.bus_read(0x3000_0000, 4), Err(BusFault));
    }

    #[test]
    fn power_takes_ram_and_debug_settings_but_not_flash() {
        let mut chip = chip();
        chip.write_word(0x2000_0000, 7).expect("RAM");
        chip.write_system(crate::cortex::DEMCR, 1);
        chip.power_off();
        assert!(!chip.executes());
        chip.power_on();
        assert!(chip.executes());
        assert_ne!(chip.word(0x2000_0000), Ok(7));
        assert_eq!(chip.read_system(crate::cortex::DEMCR), 0);
        assert_eq!(chip.word(0x0800_0004), Ok(0x0800_0041));
    }

    #[test]
    fn without_an_image_it_does_not_start() {
        let mut chip = chip();
        chip.flash.erase_all().expect("power");
        assert!(chip.executes(), "what runs goes on running");
        chip.reset();
        assert!(!chip.executes());
        let riscv =
            Chip::new(Architecture::RiscV, Flash::new(0x4200_0000, 0x1000, 0x1000), (0x3FC8_0000, 0x1000));
        assert!(riscv.executes());
    }

    #[test]
    fn the_reset_pin_stops_and_restarts() {
        let mut chip = chip();
        chip.set_reset_pin(true);
        assert_eq!(chip.counts.resets, 0, "it was not held");
        chip.set_reset_pin(false);
        assert!(!chip.executes());
        chip.set_reset_pin(true);
        assert!(chip.executes());
        assert_eq!(chip.counts.resets, 1);
    }
}
