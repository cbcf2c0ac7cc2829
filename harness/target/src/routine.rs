//! Flash algorithms, carried out without executing them.
//!
//! A flash loader puts a blob of code into RAM (first word: two breakpoint instructions), sets the program counter to
//! the entry of a routine, the link register to that first word, and lets the core run. Here the chip sees the
//! program counter at a known distance from a word of breakpoints that the link register points at, does natively what
//! the routine is named for, and "returns" onto the breakpoint. So the algorithm of any Cortex-M chip will do, as
//! long as the distances of its entries are told.

use crate::chip::Chip;
use crate::flash::FlashError;
use std::collections::BTreeMap;

/// The first word of a blob: two `BKPT 0`.
const HEADER: u32 = 0xBE00_BE00;

/// A routine of a flash algorithm, named as in CMSIS-Pack. Results are 0 for success where not said otherwise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Routine {
    /// `(address, clock, operation)`
    Init,
    /// `(operation)`
    UnInit,
    /// `(address)`
    EraseSector,
    /// `()`
    EraseChip,
    /// `(address, size, buffer)`
    ProgramPage,
    /// `(address, size, buffer)`, result: address behind the last byte that agrees.
    Verify,
}

/// Results other than success; any number but 0 will do.
const FAILED: u32 = 1;
const NOT_ERASED: u32 = 2;

/// What the chip recognises, and how it misbehaves.
#[derive(Debug, Default)]
pub struct Routines {
    /// Distance of each entry from the code behind the header, in bytes, bit 0 (Thumb) clear.
    pub entries: BTreeMap<u32, Routine>,
    /// This routine reports this result and does nothing.
    pub fails: Option<(Routine, u32)>,
    /// This routine never returns.
    pub hangs: Option<Routine>,
    /// How often a debugger sees the core running before a routine is done.
    pub looks: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Idle,
    /// Its first instruction has been stepped over.
    Armed(Routine),
    /// Done when so many more looks have been taken; `None`: never.
    Running(Option<u32>),
}

impl Routines {
    /// Whether the core is inside one.
    pub(crate) fn active(&self) -> bool {
        self.state != State::Idle
    }

    /// The debugger stopped the core, or it was reset.
    pub(crate) fn abandon(&mut self) {
        self.state = State::Idle;
    }

    /// The program counter was set anew.
    pub(crate) fn disarm(&mut self) {
        if matches!(self.state, State::Armed(_)) {
            self.state = State::Idle;
        }
    }

    /// One look at the core: whether a running routine is done now.
    pub(crate) fn finished(&mut self) -> bool {
        match self.state {
            State::Running(Some(0)) => {
                self.state = State::Idle;
                true
            }
            State::Running(Some(left)) => {
                self.state = State::Running(Some(left - 1));
                false
            }
            _ => false,
        }
    }
}

impl Chip {
    /// Whether the program counter stands at a known routine, or at the second instruction of one that it stepped into.
    pub(crate) fn arm_routine(&mut self, pc: u32, back: u32) -> bool {
        if matches!(self.routines.state, State::Armed(_)) {
            return true;
        }
        if self.word(back) != Ok(HEADER) {
            return false;
        }
        let entry = self.routines.entries.get(&pc.wrapping_sub(back.wrapping_add(4)));
        let Some(routine) = entry.copied() else {
            return false;
        };
        self.routines.state = State::Armed(routine);
        true
    }

    /// Carries out the routine that is armed. `None`: none is. `Some(None)`: it does not return.
    pub(crate) fn call_routine(&mut self, arguments: [u32; 4]) -> Option<Option<u32>> {
        let State::Armed(routine) = self.routines.state else {
            return None;
        };
        self.counts.calls.push((routine, arguments));
        if self.routines.hangs == Some(routine) {
            self.routines.state = State::Running(None);
            return Some(None);
        }
        self.routines.state = State::Running(Some(self.routines.looks));
        let result = match self.routines.fails {
            Some((failing, result)) if failing == routine => Ok(result),
            _ => self.perform(routine, arguments),
        };
        Some(match result {
            Ok(result) => Some(result),
            Err(FlashError::NotErased) => Some(NOT_ERASED),
            Err(FlashError::OutOfRange) => Some(FAILED),
            Err(FlashError::PowerLost) => {
                self.power_off();
                None
            }
        })
    }

    fn perform(&mut self, routine: Routine, [address, size, buffer, _]: [u32; 4]) -> Result<u32, FlashError> {
        match routine {
            Routine::Init | Routine::UnInit => Ok(0),
            Routine::EraseSector => self.flash.erase_sector(address).map(|()| 0),
            Routine::EraseChip => self.flash.erase_all().map(|()| 0),
            Routine::ProgramPage => {
                let data = self.bytes(buffer, size as usize).map_err(|_| FlashError::OutOfRange)?.to_vec();
                self.flash.program(address, &data).map(|()| 0)
            }
            Routine::Verify => {
                let wanted = self.bytes(buffer, size as usize).map_err(|_| FlashError::OutOfRange)?;
                let found = self.flash.get(address, size as usize).ok_or(FlashError::OutOfRange)?;
                let same = wanted.iter().zip(found).take_while(|(wanted, found)| wanted == found).count();
                Ok(address + same as u32)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::tests::chip;
    use crate::cortex::{C_DEBUGEN, C_HALT, C_STEP, DCRDR, DCRSR, DHCSR, DHCSR_KEY, S_HALT};

    const BLOB: u32 = 0x2000_0400;

    fn call(chip: &mut Chip, entry: u32, arguments: [u32; 3]) {
        chip.write_system(DHCSR, DHCSR_KEY | C_DEBUGEN | C_HALT);
        chip.write_word(BLOB, HEADER).expect("RAM");
        let registers =
            [(15, BLOB + 4 + entry), (14, BLOB + 1), (0, arguments[0]), (1, arguments[1]), (2, arguments[2])];
        for (register, value) in registers {
            chip.write_system(DCRDR, value);
            chip.write_system(DCRSR, 1 << 16 | register);
        }
        chip.write_system(DHCSR, DHCSR_KEY | C_DEBUGEN | C_STEP);
        chip.write_system(DHCSR, DHCSR_KEY | C_DEBUGEN);
    }

    fn returned(chip: &mut Chip) -> Option<u32> {
        let halted = chip.read_system(DHCSR) & S_HALT != 0;
        halted.then(|| {
            assert_eq!(chip.cortex.register(15), BLOB);
            chip.cortex.register(0)
        })
    }

    fn ready() -> Chip {
        let mut chip = chip();
        let entries = [
            (0, Routine::Init),
            (8, Routine::EraseSector),
            (16, Routine::ProgramPage),
            (24, Routine::Verify),
        ];
        chip.routines.entries.extend(entries);
        chip
    }

    #[test]
    fn routines_do_what_they_are_named_for() {
        let mut chip = ready();
        chip.write(0x2000_0000, b"hello").expect("RAM");
        call(&mut chip, 16, [0x0800_0800, 5, 0x2000_0000]);
        assert_eq!(returned(&mut chip), Some(0));
        assert_eq!(chip.flash.get(0x0800_0800, 5), Some(&b"hello"[..]));
        chip.write(0x2000_0000, b"hexes").expect("RAM");
        call(&mut chip, 24, [0x0800_0800, 5, 0x2000_0000]);
        assert_eq!(returned(&mut chip), Some(0x0800_0802));
        call(&mut chip, 16, [0x0800_0800, 5, 0x2000_0000]);
        assert_eq!(returned(&mut chip), Some(NOT_ERASED));
        call(&mut chip, 8, [0x0800_0800, 0, 0]);
        call(&mut chip, 16, [0x0800_0800, 5, 0x2000_0000]);
        assert_eq!(returned(&mut chip), Some(0));
        assert_eq!(chip.counts.calls.len(), 5);
    }

    #[test]
    fn an_unknown_entry_is_only_code_that_runs() {
        let mut chip = ready();
        call(&mut chip, 4, [0; 3]);
        assert_eq!(returned(&mut chip), None);
        assert!(chip.counts.calls.is_empty());
        // The distance alone does not make it a routine: the link register has to point at the header.
        chip.write_system(DHCSR, DHCSR_KEY | C_DEBUGEN | C_HALT);
        chip.write_word(BLOB, 0).expect("RAM");
        for (register, value) in [(15, BLOB + 4), (14, BLOB + 1)] {
            chip.write_system(DCRDR, value);
            chip.write_system(DCRSR, 1 << 16 | register);
        }
        chip.write_system(DHCSR, DHCSR_KEY | C_DEBUGEN);
        assert!(chip.counts.calls.is_empty());
    }

    #[test]
    fn a_routine_may_take_time_fail_or_hang() {
        let mut chip = ready();
        chip.routines.looks = 2;
        call(&mut chip, 0, [0; 3]);
        assert!(!chip.executes(), "firmware does not run meanwhile");
        assert_eq!([0; 3].map(|_| returned(&mut chip)), [None, None, Some(0)]);
        chip.routines.looks = 0;
        chip.routines.fails = Some((Routine::EraseSector, 9));
        call(&mut chip, 8, [0x0800_0000, 0, 0]);
        assert_eq!(returned(&mut chip), Some(9));
        assert_ne!(chip.flash.cells()[0], 0xFF);
        chip.routines.hangs = Some(Routine::Init);
        call(&mut chip, 0, [0; 3]);
        assert_eq!(returned(&mut chip), None);
        chip.write_system(DHCSR, DHCSR_KEY | C_DEBUGEN | C_HALT);
        assert!(chip.halted() && !chip.routines.active(), "a debugger may give up on it");
    }

    #[test]
    fn power_that_fails_while_programming_takes_the_chip_with_it() {
        let mut chip = ready();
        chip.write(0x2000_0000, &[0; 16]).expect("RAM");
        chip.flash.lose_power_after(3);
        call(&mut chip, 16, [0x0800_0800, 16, 0x2000_0000]);
        assert!(!chip.powered());
        assert_eq!(chip.flash.get(0x0800_0800, 6), Some(&[0, 0, 0, 0xAA, 0xFF, 0xFF][..]));
    }
}
