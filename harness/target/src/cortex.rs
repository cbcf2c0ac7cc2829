//! The debug registers of a Cortex-M, as in the architecture manuals (ARMv7-M, chapter C1), as far as debuggers use them.
//!
//! Everything that is not named here keeps what is written to it. That is enough for the start-up sequences of
//! debuggers that set a chip's own debug configuration.

use crate::chip::Chip;

/// Identity of the core.
const CPUID: u32 = 0xE000_ED00;
const AIRCR: u32 = 0xE000_ED0C;
const DFSR: u32 = 0xE000_ED30;
/// Media and floating point features.
const MVFR0: u32 = 0xE000_EF40;
/// Halting control and status.
pub const DHCSR: u32 = 0xE000_EDF0;
/// Core register selector.
pub const DCRSR: u32 = 0xE000_EDF4;
/// Core register data.
pub const DCRDR: u32 = 0xE000_EDF8;
/// Exception and monitor control; bit 0 catches the reset vector.
pub const DEMCR: u32 = 0xE000_EDFC;
const FP_CTRL: u32 = 0xE000_2000;
const FP_COMP: u32 = 0xE000_2008;
/// ROM table and the system control space that it points at.
const ROM_TABLE: u32 = 0xE00F_F000;
const SCS: u32 = 0xE000_E000;

/// Needed in the upper half of a write to DHCSR.
pub const DHCSR_KEY: u32 = 0xA05F_0000;
/// DHCSR: debugging enabled.
pub const C_DEBUGEN: u32 = 1 << 0;
/// DHCSR: stop.
pub const C_HALT: u32 = 1 << 1;
/// DHCSR: one instruction.
pub const C_STEP: u32 = 1 << 2;
const C_MASKINTS: u32 = 1 << 3;
const S_REGRDY: u32 = 1 << 16;
/// DHCSR: stopped.
pub const S_HALT: u32 = 1 << 17;
const S_LOCKUP: u32 = 1 << 19;
const S_RETIRE_ST: u32 = 1 << 24;
/// DHCSR: there was a reset since the last reading.
pub const S_RESET_ST: u32 = 1 << 25;

const DFSR_HALTED: u32 = 1;
const DFSR_BKPT: u32 = 2;
const DFSR_VCATCH: u32 = 8;
const VC_CORERESET: u32 = 1;

const COMPARATORS: usize = 6;
const SP: usize = 13;
const LR: usize = 14;
const PC: usize = 15;
const XPSR: usize = 16;
const MSP: usize = 17;

/// State of the core as its debugger sees it.
#[derive(Debug, Default)]
pub(crate) struct Cortex {
    registers: Vec<u32>,
    debug_enabled: bool,
    interrupts_masked: bool,
    stepping: bool,
    /// A reset hit the vector catch while debugging was off: it counts when debugging comes on. Debuggers that release
    /// the reset pin before they enable debugging depend on that.
    catch_pending: bool,
    was_reset: bool,
    retired: bool,
    demcr: u32,
    dfsr: u32,
    dcrdr: u32,
    breakpoints_enabled: bool,
    breakpoints: [u32; COMPARATORS],
}

impl Cortex {
    pub(crate) fn register(&self, number: usize) -> u32 {
        let number = if number == SP { MSP } else { number };
        self.registers.get(number).copied().unwrap_or(0)
    }

    fn set_register(&mut self, number: usize, value: u32) {
        let number = if number == SP { MSP } else { number };
        if self.registers.len() <= number {
            self.registers.resize(number + 1, 0);
        }
        self.registers[number] = value;
    }
}

impl Chip {
    /// Reset state: stack pointer and program counter from the vector table. Without a table that could be one the core
    /// locks up at once.
    pub(crate) fn start_cortex(&mut self) {
        let table = self.flash.base();
        let (stack, entry) = (self.word(table).unwrap_or(0), self.word(table + 4).unwrap_or(0));
        self.locked_up = !(self.ram_contains(stack) && entry & 1 == 1 && self.flash.contains(entry));
        let core = &mut self.cortex;
        core.registers.clear();
        for (number, value) in [(MSP, stack), (PC, entry & !1), (LR, !0), (XPSR, 0x0100_0000)] {
            core.set_register(number, value);
        }
        (core.interrupts_masked, core.stepping, core.was_reset) = (false, false, true);
        let caught = core.demcr & VC_CORERESET != 0;
        core.catch_pending = caught && !core.debug_enabled;
        self.halted = caught && core.debug_enabled;
        if self.halted {
            core.dfsr |= DFSR_VCATCH;
        }
    }

    /// A word of the private peripheral space.
    pub(crate) fn read_system(&mut self, address: u32) -> u32 {
        match address {
            CPUID => self.identity.cpuid,
            AIRCR => 0xFA05_0000,
            DFSR => self.cortex.dfsr,
            MVFR0 => 0x1011_0021,
            DHCSR => self.read_dhcsr(),
            DCRDR => self.cortex.dcrdr,
            DEMCR => self.cortex.demcr,
            FP_CTRL => 1 << 28 | (COMPARATORS as u32) << 4 | u32::from(self.cortex.breakpoints_enabled),
            _ => match comparator(address) {
                Some(number) => self.cortex.breakpoints[number],
                None => self.component(address).or(self.words.get(&address).copied()).unwrap_or(0),
            },
        }
    }

    /// Writes a word of the private peripheral space.
    pub(crate) fn write_system(&mut self, address: u32, value: u32) {
        match address {
            AIRCR if value >> 16 == 0x05FA && value & 4 != 0 => self.reset(),
            AIRCR | CPUID | MVFR0 => {}
            DFSR => self.cortex.dfsr &= !value,
            DHCSR => self.write_dhcsr(value),
            DCRSR => {
                let number = (value & 0x7F) as usize;
                if value & 1 << 16 == 0 {
                    self.cortex.dcrdr = self.cortex.register(number);
                    return;
                }
                if number == PC {
                    self.routines.disarm();
                }
                self.cortex.set_register(number, self.cortex.dcrdr);
            }
            DCRDR => self.cortex.dcrdr = value,
            DEMCR => self.cortex.demcr = value,
            FP_CTRL if value & 2 != 0 => self.cortex.breakpoints_enabled = value & 1 != 0,
            FP_CTRL => {}
            _ => match comparator(address) {
                Some(number) => self.cortex.breakpoints[number] = value,
                None => {
                    self.words.insert(address, value);
                }
            },
        }
    }

    /// Identification registers of the ROM table, which has one entry, and of the system control space.
    fn component(&self, address: u32) -> Option<u32> {
        let (continuation, identity) = self.identity.designer;
        let (base, class, part) = match address & !0xFFF {
            ROM_TABLE => (ROM_TABLE, 0x10, u32::from(self.identity.part)),
            SCS => (SCS, 0xE0, 0x00C),
            _ => return None,
        };
        let (continuation, identity) =
            if base == SCS { (4, 0x3B) } else { (u32::from(continuation), u32::from(identity)) };
        Some(match address - base {
            0 if base == ROM_TABLE => SCS.wrapping_sub(ROM_TABLE) | 3,
            0xFD0 => continuation,
            0xFE0 => part & 0xFF,
            0xFE4 => (identity & 0xF) << 4 | part >> 8,
            0xFE8 => 1 << 3 | identity >> 4,
            0xFF0 => 0x0D,
            0xFF4 => class,
            0xFF8 => 0x05,
            0xFFC => 0xB1,
            _ => return None,
        })
    }

    fn read_dhcsr(&mut self) -> u32 {
        if self.routines.finished() {
            self.end_routine();
        }
        let running = !self.halted && !self.in_reset();
        let (held, locked) = (self.halted, self.locked_up && !self.halted);
        let core = &mut self.cortex;
        let bits = [
            (core.debug_enabled, C_DEBUGEN),
            (held, C_HALT | S_HALT),
            (core.stepping, C_STEP),
            (core.interrupts_masked, C_MASKINTS),
            (true, S_REGRDY),
            (locked, S_LOCKUP),
            (core.retired || running, S_RETIRE_ST),
            (core.was_reset || !running && !held, S_RESET_ST),
        ];
        (core.was_reset, core.retired) = (false, false);
        bits.into_iter().filter(|(set, _)| *set).fold(0, |word, (_, bit)| word | bit)
    }

    fn write_dhcsr(&mut self, value: u32) {
        if value & 0xFFFF_0000 != DHCSR_KEY {
            return;
        }
        let in_reset = self.in_reset();
        let core = &mut self.cortex;
        core.debug_enabled = value & C_DEBUGEN != 0;
        if !core.debug_enabled {
            // A debugger that leaves lets the core run.
            core.stepping = false;
            self.halted = false;
            return;
        }
        (core.interrupts_masked, core.stepping) = (value & C_MASKINTS != 0, value & C_STEP != 0);
        if std::mem::take(&mut core.catch_pending) {
            core.dfsr |= DFSR_VCATCH;
            self.halted = true;
        } else if value & C_HALT != 0 {
            if !self.halted && !in_reset {
                core.dfsr |= DFSR_HALTED;
                self.halted = true;
                self.routines.abandon();
            }
        } else if self.halted {
            if core.stepping { self.step() } else { self.go() }
        }
    }

    /// One instruction. The first of a flash algorithm arms the algorithm; anything else only moves on.
    fn step(&mut self) {
        let pc = self.cortex.register(PC) & !1;
        self.cortex.retired = true;
        self.cortex.dfsr |= DFSR_HALTED;
        let armed = self.arm_routine(pc, self.cortex.register(LR) & !1);
        if !armed && self.is_breakpoint_instruction(pc) {
            self.cortex.dfsr |= DFSR_BKPT;
            return;
        }
        self.cortex.set_register(PC, pc.wrapping_add(2));
    }

    /// Lets it run: into a flash algorithm, onto a breakpoint, or off.
    fn go(&mut self) {
        let pc = self.cortex.register(PC) & !1;
        self.arm_routine(pc, self.cortex.register(LR) & !1);
        let arguments = [0, 1, 2, 3].map(|number| self.cortex.register(number));
        if let Some(result) = self.call_routine(arguments) {
            self.halted = false;
            if let Some(result) = result {
                self.cortex.set_register(0, result);
                if self.routines.looks == 0 && self.routines.finished() {
                    self.end_routine();
                }
            }
            return;
        }
        let hit = |comparator: &u32| comparator & 1 == 1 && comparator & !1 == pc;
        let breakpoint = self.cortex.breakpoints_enabled && self.cortex.breakpoints.iter().any(hit);
        self.halted = breakpoint || self.is_breakpoint_instruction(pc);
        if self.halted {
            self.cortex.dfsr |= DFSR_BKPT;
        }
    }

    /// A flash algorithm returned onto the breakpoint that its caller put there.
    fn end_routine(&mut self) {
        let back = self.cortex.register(LR) & !1;
        self.cortex.set_register(PC, back);
        self.cortex.dfsr |= DFSR_BKPT;
        self.halted = true;
    }

    fn is_breakpoint_instruction(&self, pc: u32) -> bool {
        let mut code = [0; 2];
        self.read(pc, &mut code).is_ok() && code[1] == 0xBE
    }
}

fn comparator(address: u32) -> Option<usize> {
    let number = (address.checked_sub(FP_COMP)? / 4) as usize;
    (number < COMPARATORS).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::tests::chip;

    fn control(chip: &mut Chip, bits: u32) {
        chip.write_system(DHCSR, DHCSR_KEY | C_DEBUGEN | bits);
    }

    fn set(chip: &mut Chip, register: u32, value: u32) {
        chip.write_system(DCRDR, value);
        chip.write_system(DCRSR, 1 << 16 | register);
    }

    fn get(chip: &mut Chip, register: u32) -> u32 {
        chip.write_system(DCRSR, register);
        chip.read_system(DCRDR)
    }

    #[test]
    fn halt_and_run_need_the_key_and_debugging() {
        let mut chip = chip();
        chip.write_system(DHCSR, C_DEBUGEN | C_HALT);
        assert!(chip.executes(), "no key");
        control(&mut chip, C_HALT);
        assert!(chip.halted() && chip.read_system(DHCSR) & S_HALT != 0);
        assert_eq!(get(&mut chip, 15), 0x0800_0040);
        control(&mut chip, 0);
        assert!(chip.executes());
        control(&mut chip, C_HALT);
        chip.write_system(DHCSR, DHCSR_KEY);
        assert!(chip.executes(), "a debugger that leaves lets go");
    }

    #[test]
    fn a_reset_shows_once_and_keeps_what_the_debugger_set() {
        let mut chip = chip();
        control(&mut chip, 0);
        chip.read_system(DHCSR);
        chip.write_system(DEMCR, VC_CORERESET);
        chip.write_system(AIRCR, 0x05FA_0004);
        let seen = chip.read_system(DHCSR);
        assert_eq!(seen & (S_RESET_ST | S_HALT | C_DEBUGEN), S_RESET_ST | S_HALT | C_DEBUGEN);
        assert_eq!(chip.read_system(DFSR) & DFSR_VCATCH, DFSR_VCATCH);
        assert_eq!(chip.read_system(DHCSR) & S_RESET_ST, 0);
        assert_eq!((get(&mut chip, 13), get(&mut chip, 15)), (0x2000_1000, 0x0800_0040));
    }

    #[test]
    fn a_caught_reset_waits_for_debugging() {
        let mut chip = chip();
        chip.write_system(DEMCR, VC_CORERESET);
        chip.set_reset_pin(false);
        chip.set_reset_pin(true);
        assert!(chip.executes());
        control(&mut chip, 0);
        assert!(chip.halted());
    }

    #[test]
    fn a_step_stays_halted_and_breakpoints_stop() {
        let mut chip = chip();
        control(&mut chip, C_HALT);
        control(&mut chip, C_STEP);
        assert!(chip.halted());
        assert_eq!(get(&mut chip, 15), 0x0800_0042);
        chip.write_system(FP_CTRL, 3);
        chip.write_system(FP_COMP + 4, 0x2000_0101);
        set(&mut chip, 15, 0x2000_0100);
        control(&mut chip, 0);
        assert!(chip.halted(), "a comparator");
        chip.write(0x2000_0200, &[0x00, 0xBE]).expect("RAM");
        set(&mut chip, 15, 0x2000_0200);
        control(&mut chip, 0);
        assert!(chip.halted(), "a breakpoint instruction");
        set(&mut chip, 15, 0x2000_0300);
        control(&mut chip, 0);
        assert!(!chip.halted());
    }

    #[test]
    fn registers_are_kept_and_both_names_of_the_stack_pointer_are_one() {
        let mut chip = chip();
        control(&mut chip, C_HALT);
        set(&mut chip, 17, 0x2000_0800);
        assert_eq!(get(&mut chip, 13), 0x2000_0800);
        set(&mut chip, 0, 5);
        assert_eq!((get(&mut chip, 0), get(&mut chip, 12)), (5, 0));
    }

    #[test]
    fn the_rom_table_names_the_designer() {
        let mut chip = chip();
        chip.identity.designer = (0x02, 0x44);
        chip.identity.part = 0x123;
        let peripheral = [0xFE0, 0xFE4, 0xFE8, 0xFD0].map(|offset| chip.read_system(ROM_TABLE + offset));
        assert_eq!(peripheral, [0x23, 0x41, 0x0C, 0x02]);
        assert_eq!(chip.read_system(ROM_TABLE), 0xFFF0_F003);
        assert_eq!(chip.read_system(SCS + 0xFE0), 0x0C);
    }
}
