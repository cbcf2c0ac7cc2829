//! The chip: its memory map, its reset and its power. Whoever holds it sees one consistent moment.
//!
//! | range | what |
//! |---|---|
//! | flash | readable by anyone; written only by [`crate::routine`] |
//! | RAM | readable and writable by probe and firmware; a file, where an emulator runs the firmware |
//! | `0x4000_0000` to `0x5FFF_FFFF` | peripherals: words that keep what is written, 0 before |
//! | `0xE000_0000` and up (Cortex-M) | [`crate::cortex`] |
//! | anything else | bus fault |

use crate::cortex::Cortex;
use crate::engine::Driven;
use crate::faults::Faults;
use crate::flash::Flash;
use crate::ram::Ram;
use crate::routine::{Routine, Routines};
use std::collections::BTreeMap;
use std::fs::File;
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
    pub(crate) engine: Option<Driven>,
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
            ram: Ram::new(ram.0, ram.1),
            halted: false,
            locked_up: false,
            in_reset: false,
            powered: true,
            engine: None,
        };
        chip.start_core();
        chip
    }

    /// From now on RAM is a file, which another program may map as its own. It has to be as long as the RAM: where it ends,
    /// a bus fault is. Only on systems with unix files.
    pub fn share_ram(&mut self, file: File) {
        self.ram.share(file);
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
        self.follow();
    }

    /// Power comes back: RAM holds garbage (the same every time), the debug logic forgot everything, and the core
    /// starts what is in flash.
    pub fn power_on(&mut self) {
        self.powered = true;
        self.counts.power_ups += 1;
        self.ram.fill_with_garbage();
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
        self.follow();
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
        self.follow();
    }

    fn start_core(&mut self) {
        match self.architecture {
            Architecture::CortexM => self.start_cortex(),
            Architecture::RiscV => (self.halted, self.locked_up) = (false, false),
        }
    }

    pub(crate) fn ram_contains(&self, address: u32) -> bool {
        // A stack pointer starts one past the end.
        self.ram.borders(address)
    }

    /// Bytes of RAM or flash as they lie in memory, which bytes of a shared file do not: those are only [`Chip::read`].
    ///
    /// # Errors
    ///
    /// [`BusFault`] where not all of them lie in one memory.
    pub fn bytes(&self, address: u32, len: usize) -> Result<&[u8], BusFault> {
        self.ram.slice(address, len).or_else(|| self.flash.get(address, len)).ok_or(BusFault)
    }

    /// Reads RAM or flash, as firmware or the probe do.
    ///
    /// # Errors
    ///
    /// As [`Chip::bytes`].
    pub fn read(&self, address: u32, bytes: &mut [u8]) -> Result<(), BusFault> {
        if let Some(read) = self.ram.read(address, bytes) {
            return read;
        }
        bytes.copy_from_slice(self.flash.get(address, bytes.len()).ok_or(BusFault)?);
        Ok(())
    }

    /// Writes RAM.
    ///
    /// # Errors
    ///
    /// [`BusFault`] outside RAM.
    pub fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), BusFault> {
        self.ram.write(address, bytes)
    }

    /// A word of RAM or flash, little-endian.
    ///
    /// # Errors
    ///
    /// [`BusFault`] elsewhere.
    pub fn word(&self, address: u32) -> Result<u32, BusFault> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Writes a word of RAM.
    ///
    /// # Errors
    ///
    /// [`BusFault`] elsewhere.
    pub fn write_word(&mut self, address: u32, word: u32) -> Result<(), BusFault> {
        self.write(address, &word.to_le_bytes())
    }

    /// One access of the probe on the system bus; `size` is 1, 2 or 4 bytes.
    pub(crate) fn bus_read(&mut self, address: u32, size: u32) -> Result<u32, BusFault> {
        if !address.is_multiple_of(size) {
            return Err(BusFault);
        }
        let mut bytes = [0; 4];
        if self.read(address, &mut bytes[..size as usize]).is_ok() {
            return Ok(u32::from_le_bytes(bytes));
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
        let written = if size == 4 { self.write_register(address, value) } else { Err(BusFault) };
        self.follow();
        written
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
