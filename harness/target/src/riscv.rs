//! A RISC-V debug module (debug specification 0.13.2) with one hart of 32 bits, behind the JTAG registers DTMCS and DMI.
//!
//! Memory is reached by system bus access, registers by abstract commands while the hart is halted. There is no
//! program buffer, because nothing here executes instructions, no autoexec, and no trigger.

use crate::chip::{BusFault, Chip, Target};
use crate::faults::Hit;
use std::collections::BTreeMap;

/// JTAG instruction: identity.
pub const IR_IDCODE: u32 = 0x01;
/// JTAG instruction: control and status of the transport.
pub const IR_DTMCS: u32 = 0x10;
/// JTAG instruction: one access to the debug module.
pub const IR_DMI: u32 = 0x11;

/// Version 0.13, seven address bits, no idle cycles.
const DTMCS: u32 = 7 << 4 | 1;
const DTMCS_DMIRESET: u32 = 1 << 16;
const DMI_READ: u64 = 1;
const DMI_WRITE: u64 = 2;
/// DMI status: failed, and still busy. Both stick until DTMCS clears them.
const DMI_FAILED: u64 = 2;
const DMI_BUSY: u64 = 3;

const DATA0: u32 = 0x04;
const DATA1: u32 = 0x05;
const DMCONTROL: u32 = 0x10;
const DMSTATUS: u32 = 0x11;
const ABSTRACTCS: u32 = 0x16;
const COMMAND: u32 = 0x17;
const SBCS: u32 = 0x38;
const SBADDRESS0: u32 = 0x39;
const SBDATA0: u32 = 0x3C;
const HALTSUM0: u32 = 0x40;

const HALTREQ: u32 = 1 << 31;
const RESUMEREQ: u32 = 1 << 30;
const ACKHAVERESET: u32 = 1 << 28;
const SETRESETHALTREQ: u32 = 1 << 3;
const CLRRESETHALTREQ: u32 = 1 << 2;
const NDMRESET: u32 = 1 << 1;
const DMACTIVE: u32 = 1;

/// DMSTATUS: authenticated, can halt on reset, version 0.13.
const DMSTATUS_FIXED: u32 = 1 << 7 | 1 << 5 | 2;
const ANY_ALL_HALTED: u32 = 3 << 8;
const ANY_ALL_RUNNING: u32 = 3 << 10;
const ANY_ALL_UNAVAILABLE: u32 = 3 << 12;
const ANY_ALL_RESUMEACK: u32 = 3 << 16;
const ANY_ALL_HAVERESET: u32 = 3 << 18;

/// Results of an abstract command, as ABSTRACTCS shows them.
const CMD_NOT_SUPPORTED: u32 = 2;
const CMD_HALT_FIRST: u32 = 4;

/// SBCS: version 1, 32 address bits, accesses of 8, 16 and 32 bits.
const SBCS_FIXED: u32 = 1 << 29 | 32 << 5 | 7;
const SB_READ_ON_ADDRESS: u32 = 1 << 20;
const SB_AUTOINCREMENT: u32 = 1 << 16;
const SB_READ_ON_DATA: u32 = 1 << 15;
const SBCS_WRITABLE: u32 = SB_READ_ON_ADDRESS | 7 << 17 | SB_AUTOINCREMENT | SB_READ_ON_DATA;
const SB_ERROR: u32 = 7 << 12;
const SB_BAD_ADDRESS: u32 = 2 << 12;
const SB_BAD_SIZE: u32 = 4 << 12;

const DCSR: u32 = 0x7B0;
const DPC: u32 = 0x7B1;
const MISA: u32 = 0x301;
/// RV32IMC.
const MISA_VALUE: u32 = 0x4000_1104;
/// Triggers: selecting and setting one does nothing, and TINFO says that there is none.
const TRIGGERS: std::ops::RangeInclusive<u32> = 0x7A0..=0x7A5;
const TINFO: u32 = 0x7A4;
/// External debug, machine mode.
const DCSR_FIXED: u32 = 4 << 28 | 3;
const DCSR_STEP: u32 = 1 << 2;
const DCSR_CAUSE: u32 = 7 << 6;
const CAUSE_HALTREQ: u32 = 3;
const CAUSE_STEP: u32 = 4;
const CAUSE_RESET: u32 = 5;

/// Debug module and transport of a chip.
#[derive(Debug)]
pub struct DebugModule {
    target: Target,
    /// What the next capture of DMI shows: the value of the last access, and a status that sticks.
    captured: u64,
    control: u32,
    resets_seen: u64,
    resume_acknowledged: bool,
    halt_on_reset: bool,
    data: [u32; 2],
    command_error: u32,
    sbcs: u32,
    sbaddress: u32,
    sbdata: u32,
    registers: BTreeMap<u32, u32>,
}

impl DebugModule {
    /// The debug module of a chip.
    pub fn new(target: Target) -> DebugModule {
        DebugModule {
            target,
            captured: 0,
            control: 0,
            // Counted from nothing, so that the start of the chip shows as a reset.
            resets_seen: u64::MAX,
            resume_acknowledged: false,
            halt_on_reset: false,
            data: [0; 2],
            command_error: 0,
            sbcs: 2 << 17,
            sbaddress: 0,
            sbdata: 0,
            registers: BTreeMap::new(),
        }
    }

    /// One scan: selects the register of `instruction`, shifts `value` in, and gives what was shifted out, lowest bit
    /// first. What an access to the debug module finds comes out with the scan after it. Without a cable the line is
    /// pulled up and every bit reads one.
    pub fn scan(&mut self, instruction: u32, value: u64) -> u64 {
        let (hit, idcode) = {
            let mut chip = self.target.chip();
            chip.counts.transfers += 1;
            let hit = chip.faults.next(instruction == IR_DMI);
            (if chip.powered() { hit } else { Hit::Silence }, chip.identity.idcode)
        };
        match (hit, instruction) {
            (Hit::Silence, _) => return u64::MAX,
            (Hit::Wait, IR_DMI) => self.captured = DMI_BUSY,
            (Hit::Fault, IR_DMI) => self.captured = DMI_FAILED,
            _ => {}
        }
        match instruction {
            IR_IDCODE => u64::from(idcode),
            IR_DTMCS => {
                let status = self.captured & 3;
                if value as u32 & DTMCS_DMIRESET != 0 {
                    self.captured &= !3;
                }
                u64::from(DTMCS) | status << 10
            }
            IR_DMI => {
                let captured = self.captured;
                if captured & 3 == 0 {
                    let address = (value >> 34) as u32 & 0x7F;
                    match value & 3 {
                        DMI_READ => self.captured = u64::from(self.read(address)) << 2,
                        DMI_WRITE => self.write(address, (value >> 2) as u32),
                        _ => {}
                    }
                }
                captured
            }
            _ => 0,
        }
    }

    /// The reset pin.
    pub fn set_reset_pin(&mut self, high: bool) {
        let target = self.target.clone();
        let mut chip = target.chip();
        if !chip.faults.unplugged {
            chip.set_reset_pin(high);
            self.after_reset(&mut chip);
        }
    }

    fn read(&mut self, address: u32) -> u32 {
        match address {
            DATA0 | DATA1 => self.data[(address - DATA0) as usize],
            DMCONTROL => self.control,
            DMSTATUS => self.status(),
            // Two data registers, no program buffer.
            ABSTRACTCS => self.command_error << 8 | 2,
            SBCS => SBCS_FIXED | self.sbcs,
            SBADDRESS0 => self.sbaddress,
            SBDATA0 => {
                let value = self.sbdata;
                if self.sbcs & SB_READ_ON_DATA != 0 {
                    self.bus(None);
                }
                value
            }
            HALTSUM0 => u32::from(self.target.chip().halted()),
            _ => 0,
        }
    }

    fn write(&mut self, address: u32, value: u32) {
        match address {
            DATA0 | DATA1 => self.data[(address - DATA0) as usize] = value,
            DMCONTROL => self.write_control(value),
            ABSTRACTCS => self.command_error &= !(value >> 8),
            COMMAND if self.command_error == 0 => self.command_error = self.command(value),
            SBCS => self.sbcs = value & SBCS_WRITABLE | self.sbcs & SB_ERROR & !value,
            SBADDRESS0 => {
                self.sbaddress = value;
                if self.sbcs & SB_READ_ON_ADDRESS != 0 {
                    self.bus(None);
                }
            }
            SBDATA0 => self.bus(Some(value)),
            _ => {}
        }
    }

    fn status(&self) -> u32 {
        let chip = self.target.chip();
        let hart = match (chip.in_reset(), chip.halted()) {
            (true, _) => ANY_ALL_UNAVAILABLE,
            (false, true) => ANY_ALL_HALTED,
            (false, false) => ANY_ALL_RUNNING,
        };
        let resumed = if self.resume_acknowledged { ANY_ALL_RESUMEACK } else { 0 };
        let reset = if self.resets_seen != chip.counts.resets { ANY_ALL_HAVERESET } else { 0 };
        DMSTATUS_FIXED | hart | resumed | reset
    }

    fn write_control(&mut self, value: u32) {
        let target = self.target.clone();
        let mut chip = target.chip();
        if value & SETRESETHALTREQ != 0 {
            self.halt_on_reset = true;
        }
        if value & CLRRESETHALTREQ != 0 {
            self.halt_on_reset = false;
        }
        if value & ACKHAVERESET != 0 {
            self.resets_seen = chip.counts.resets;
        }
        let before = self.control;
        self.control = value & (HALTREQ | NDMRESET | DMACTIVE);
        if (before ^ value) & NDMRESET != 0 {
            chip.set_reset_pin(value & NDMRESET == 0);
            self.after_reset(&mut chip);
        }
        if value & HALTREQ != 0 {
            if !chip.halted() && !chip.in_reset() {
                self.halt(&mut chip, CAUSE_HALTREQ);
            }
        } else if value & RESUMEREQ != 0 {
            self.resume(&mut chip);
        }
        if value & DMACTIVE == 0 {
            // The module forgets what it was told, and lets go.
            self.halt_on_reset = false;
            chip.halted = false;
        }
    }

    /// The hart starts anew, and halts before its first instruction where that was asked for.
    fn after_reset(&mut self, chip: &mut Chip) {
        self.registers.clear();
        self.registers.insert(DPC, chip.flash.base());
        if !chip.in_reset() && (self.halt_on_reset || self.control & HALTREQ != 0) {
            self.halt(chip, if self.halt_on_reset { CAUSE_RESET } else { CAUSE_HALTREQ });
        }
    }

    fn halt(&mut self, chip: &mut Chip, cause: u32) {
        chip.halted = true;
        let dcsr = self.registers.entry(DCSR).or_default();
        *dcsr = *dcsr & !DCSR_CAUSE | cause << 6;
    }

    fn resume(&mut self, chip: &mut Chip) {
        self.resume_acknowledged = chip.halted();
        if !chip.halted() {
            return;
        }
        chip.halted = false;
        if self.registers.get(&DCSR).is_some_and(|dcsr| dcsr & DCSR_STEP != 0) {
            let pc = self.registers.entry(DPC).or_default();
            *pc = pc.wrapping_add(4);
            self.halt(chip, CAUSE_STEP);
        }
    }

    /// An abstract command: reads or writes one register of 32 bits. Returns the error, 0 for none.
    fn command(&mut self, command: u32) -> u32 {
        let (kind, size, post_execute) = (command >> 24, command >> 20 & 7, command >> 18 & 1 == 1);
        if kind != 0 || size != 2 || post_execute {
            return CMD_NOT_SUPPORTED;
        }
        if !self.target.chip().halted() {
            return CMD_HALT_FIRST;
        }
        let register = command & 0xFFFF;
        // Control registers, then the general ones. No floating point.
        if !(0..=0x0FFF).contains(&register) && !(0x1000..=0x101F).contains(&register) {
            return CMD_NOT_SUPPORTED;
        }
        match (command >> 17 & 1 == 1, command >> 16 & 1 == 1) {
            (false, _) => {}
            (true, false) => self.data[0] = self.register(register),
            (true, true) if !TRIGGERS.contains(&register) && register != 0x1000 => {
                self.registers.insert(register, self.data[0]);
            }
            (true, true) => {}
        }
        0
    }

    fn register(&self, register: u32) -> u32 {
        let kept = self.registers.get(&register).copied().unwrap_or(0);
        match register {
            DCSR => kept | DCSR_FIXED,
            MISA => MISA_VALUE,
            TINFO => 1,
            _ => kept,
        }
    }

    /// One access on the system bus. After an error nothing happens until the error is cleared.
    fn bus(&mut self, write: Option<u32>) {
        if self.sbcs & SB_ERROR != 0 {
            return;
        }
        let size = 1u32 << (self.sbcs >> 17 & 7);
        if size > 4 {
            self.sbcs |= SB_BAD_SIZE;
            return;
        }
        let result = {
            let mut chip = self.target.chip();
            match write {
                None => chip.bus_read(self.sbaddress, size),
                Some(value) => chip.bus_write(self.sbaddress, size, value).map(|()| self.sbdata),
            }
        };
        match result {
            Ok(value) => self.sbdata = value,
            Err(BusFault) => {
                self.sbcs |= SB_BAD_ADDRESS;
                return;
            }
        }
        if self.sbcs & SB_AUTOINCREMENT != 0 {
            self.sbaddress = self.sbaddress.wrapping_add(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, flash::Flash};

    fn module() -> DebugModule {
        let flash = Flash::new(0x4200_0000, 0x1000, 0x1000);
        let mut module =
            DebugModule::new(Target::new(Chip::new(Architecture::RiscV, flash, (0x3FC8_0000, 0x1000))));
        write(&mut module, DMCONTROL, DMACTIVE);
        module
    }

    fn dmi(module: &mut DebugModule, op: u64, address: u32, value: u32) -> u64 {
        module.scan(IR_DMI, u64::from(address) << 34 | u64::from(value) << 2 | op)
    }

    fn write(module: &mut DebugModule, address: u32, value: u32) {
        assert_eq!(dmi(module, DMI_WRITE, address, value) & 3, 0);
    }

    fn read(module: &mut DebugModule, address: u32) -> u32 {
        dmi(module, DMI_READ, address, 0);
        (dmi(module, 0, 0, 0) >> 2) as u32
    }

    /// Access-register command: transfer, 32 bits.
    fn command(write: bool, register: u32) -> u32 {
        2 << 20 | 1 << 17 | u32::from(write) << 16 | register
    }

    #[test]
    fn a_read_comes_out_with_the_scan_after_it() {
        let mut module = module();
        assert_eq!(module.scan(IR_DTMCS, 0), u64::from(DTMCS));
        write(&mut module, DATA0, 0x1234_5678);
        assert_ne!(dmi(&mut module, DMI_READ, DATA0, 0) >> 2, 0x1234_5678);
        assert_eq!(dmi(&mut module, 0, 0, 0) >> 2, 0x1234_5678);
    }

    #[test]
    fn the_hart_halts_resumes_and_steps() {
        let mut module = module();
        assert_eq!(read(&mut module, DMSTATUS) & ANY_ALL_RUNNING, ANY_ALL_RUNNING);
        write(&mut module, COMMAND, command(false, DPC));
        assert_eq!(read(&mut module, ABSTRACTCS) >> 8 & 7, CMD_HALT_FIRST);
        write(&mut module, ABSTRACTCS, 7 << 8);
        write(&mut module, DMCONTROL, DMACTIVE | HALTREQ);
        write(&mut module, DMCONTROL, DMACTIVE);
        assert_eq!(read(&mut module, DMSTATUS) & ANY_ALL_HALTED, ANY_ALL_HALTED);
        write(&mut module, DATA0, 0x4200_0100);
        write(&mut module, COMMAND, command(true, DPC));
        write(&mut module, DATA0, DCSR_STEP);
        write(&mut module, COMMAND, command(true, DCSR));
        write(&mut module, DMCONTROL, DMACTIVE | RESUMEREQ);
        assert_eq!(read(&mut module, DMSTATUS) & ANY_ALL_RESUMEACK, ANY_ALL_RESUMEACK);
        write(&mut module, COMMAND, command(false, DPC));
        assert_eq!(read(&mut module, DATA0), 0x4200_0104);
        write(&mut module, COMMAND, command(false, DCSR));
        assert_eq!(read(&mut module, DATA0) >> 6 & 7, CAUSE_STEP);
        write(&mut module, COMMAND, 3 << 20 | command(false, DPC));
        assert_eq!(read(&mut module, ABSTRACTCS) >> 8 & 7, CMD_NOT_SUPPORTED, "64 bits");
    }

    #[test]
    fn a_reset_is_seen_acknowledged_and_halted_on_request() {
        let mut module = module();
        assert_eq!(read(&mut module, DMSTATUS) & ANY_ALL_HAVERESET, ANY_ALL_HAVERESET);
        write(&mut module, DMCONTROL, DMACTIVE | ACKHAVERESET);
        assert_eq!(read(&mut module, DMSTATUS) & ANY_ALL_HAVERESET, 0);
        write(&mut module, DMCONTROL, DMACTIVE | SETRESETHALTREQ | NDMRESET);
        assert_eq!(read(&mut module, DMSTATUS) & ANY_ALL_UNAVAILABLE, ANY_ALL_UNAVAILABLE);
        write(&mut module, DMCONTROL, DMACTIVE);
        let status = read(&mut module, DMSTATUS);
        assert_eq!(status & (ANY_ALL_HAVERESET | ANY_ALL_HALTED), ANY_ALL_HAVERESET | ANY_ALL_HALTED);
        write(&mut module, COMMAND, command(false, DPC));
        assert_eq!(read(&mut module, DATA0), 0x4200_0000);
    }

    #[test]
    fn the_bus_reads_streams_and_stops_at_an_error_until_it_is_cleared() {
        let mut module = module();
        for word in [1u32, 2] {
            module.target.chip().write_word(0x3FC8_0000 + word * 4 - 4, word).expect("RAM");
        }
        write(&mut module, SBCS, SB_READ_ON_ADDRESS | SB_READ_ON_DATA | SB_AUTOINCREMENT | 2 << 17);
        write(&mut module, SBADDRESS0, 0x3FC8_0000);
        assert_eq!([read(&mut module, SBDATA0), read(&mut module, SBDATA0)], [1, 2]);
        write(&mut module, SBCS, 2 << 17);
        write(&mut module, SBADDRESS0, 0x1000_0000);
        write(&mut module, SBDATA0, 9);
        assert_eq!(read(&mut module, SBCS) & SB_ERROR, SB_BAD_ADDRESS);
        write(&mut module, SBADDRESS0, 0x3FC8_0000);
        write(&mut module, SBDATA0, 9);
        assert_eq!(module.target.chip().word(0x3FC8_0000), Ok(1));
        write(&mut module, SBCS, SB_ERROR | 2 << 17);
        write(&mut module, SBDATA0, 9);
        assert_eq!(module.target.chip().word(0x3FC8_0000), Ok(9));
    }

    #[test]
    fn faults_stick_until_the_transport_is_reset_and_no_cable_reads_ones() {
        let mut module = module();
        module.target.chip().faults.wait = 1;
        assert_eq!(dmi(&mut module, DMI_READ, DMSTATUS, 0) & 3, DMI_BUSY);
        assert_eq!(dmi(&mut module, DMI_READ, DMSTATUS, 0) & 3, DMI_BUSY);
        assert_eq!(module.scan(IR_DTMCS, u64::from(DTMCS_DMIRESET)) >> 10 & 3, DMI_BUSY);
        assert_ne!(read(&mut module, DMSTATUS), 0);
        module.target.chip().faults.unplugged = true;
        assert_eq!(module.scan(IR_DTMCS, 0), u64::MAX);
    }
}
