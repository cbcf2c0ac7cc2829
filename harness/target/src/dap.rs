//! The SWD line, an ADIv5 debug port and one memory access port, as a probe sees them bit by bit (Arm IHI 0031).
//!
//! Kept true where debuggers trip: reads of the access port are posted (a transfer answers what the read before it
//! found), a bus error shows at the *next* transfer and sticks until it is cleared, the address counter wraps within
//! 1 KiB, and after a line reset nothing but DPIDR may be read.

use crate::chip::{BusFault, Chip, Target};
use crate::faults::Hit;

/// Which port a transfer goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Port {
    /// The debug port.
    Debug,
    /// The access port that SELECT names.
    Access,
}

/// Any answer but OK.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Try again.
    Wait,
    /// An earlier transfer went wrong; the sticky error has to be cleared.
    Fault,
    /// No answer at all.
    Silence,
}

/// How often a probe repeats a transfer that is answered with WAIT.
const RETRIES: u32 = 100;

const ABORT: u8 = 0x0;
const CTRL_STAT: u8 = 0x4;
const SELECT: u8 = 0x8;
const RDBUFF: u8 = 0xC;

/// ABORT: gives up the transfer that answers WAIT.
const DAP_ABORT: u32 = 1;
/// ABORT: clears every sticky flag.
const CLEAR_ALL: u32 = 0x1E;
const STKERRCLR: u32 = 1 << 2;

const STICKYERR: u32 = 1 << 5;
const CDBGPWRUPREQ: u32 = 1 << 28;
const CSYSPWRUPREQ: u32 = 1 << 30;
/// What a write to CTRL/STAT keeps: power requests, overrun detection, transaction mode and mask.
const CTRL_WRITABLE: u32 = 0x5000_0F01;

const TO_SWD: u16 = 0xE79E;
const TO_JTAG: u16 = 0xE73C;
/// Ones on the line that reset it, when a zero follows.
const LINE_RESET: u32 = 50;

const CSW_RESET: u32 = 0x2300_0042;
const CSW_WRITABLE: u32 = 0x7F00_0037;
const CSW_DEVICE_ENABLED: u32 = 0x40;
/// The ROM table's address, with "present" and "format".
const BASE: u32 = 0xE00F_F003;
/// AHB3, a memory access port.
const IDR: u32 = 0x2477_0011;

/// What is on the line before the debug port listens.
#[derive(Debug, Default)]
struct Line {
    ones: u32,
    last: u16,
    swd: bool,
    /// After a line reset the identity has to be read first.
    identify_first: bool,
}

/// The debug access port of a chip.
#[derive(Debug)]
pub struct Dap {
    target: Target,
    line: Line,
    control: u32,
    select: u32,
    /// The result of the last read of the access port.
    posted: u32,
    csw: u32,
    tar: u32,
    power_ups: u64,
}

impl Dap {
    /// The port of a chip that was just powered.
    pub fn new(target: Target) -> Dap {
        let power_ups = target.chip().counts.power_ups;
        let line = Line { identify_first: true, ..Line::default() };
        Dap { target, line, control: 0, select: 0, posted: 0, csw: CSW_RESET, tar: 0, power_ups }
    }

    /// The chip behind it.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Clocks `len` bits onto SWDIO, the lowest first. Nobody answers to this, plugged in or not.
    pub fn sequence(&mut self, len: u32, bits: u64) {
        self.forget_if_power_was_lost();
        if self.target.chip().faults.unplugged {
            return;
        }
        for place in 0..len {
            let one = bits >> place & 1 == 1;
            if one {
                self.line.ones += 1;
            } else {
                if self.line.ones >= LINE_RESET {
                    self.line.identify_first = true;
                    self.select = 0;
                }
                self.line.ones = 0;
            }
            self.line.last = self.line.last >> 1 | u16::from(one) << 15;
            match self.line.last {
                TO_SWD => (self.line.swd, self.line.identify_first) = (true, true),
                TO_JTAG => self.line.swd = false,
                _ => {}
            }
        }
    }

    /// The reset pin.
    pub fn set_reset_pin(&mut self, high: bool) {
        let mut chip = self.target.chip();
        if !chip.faults.unplugged {
            chip.set_reset_pin(high);
        }
    }

    /// A transfer as a probe's firmware does it: repeated while the answer is WAIT, and with the sticky error cleared
    /// on FAULT, so that the next transfer stands for itself.
    ///
    /// # Errors
    ///
    /// The last answer.
    pub fn transfer_repeated(&mut self, port: Port, address: u8, write: Option<u32>) -> Result<u32, Refusal> {
        let mut tries = 0;
        loop {
            let refusal = match self.transfer(port, address, write) {
                Ok(value) => return Ok(value),
                Err(Refusal::Wait) if tries < RETRIES => {
                    tries += 1;
                    continue;
                }
                Err(refusal) => refusal,
            };
            let abort = match refusal {
                Refusal::Wait => Some(DAP_ABORT),
                Refusal::Fault => Some(CLEAR_ALL),
                Refusal::Silence => None,
            };
            if let Some(abort) = abort {
                // What became of the first refusal is what counts.
                let _ = self.transfer(Port::Debug, ABORT, Some(abort));
            }
            return Err(refusal);
        }
    }

    /// One transfer. `address` is the register's, 0x0 to 0xC; a read of the access port answers the one before it.
    ///
    /// # Errors
    ///
    /// Any answer but OK.
    pub fn transfer(&mut self, port: Port, address: u8, write: Option<u32>) -> Result<u32, Refusal> {
        self.forget_if_power_was_lost();
        let (hit, delay) = {
            let mut chip = self.target.chip();
            chip.counts.transfers += 1;
            let hit = chip.faults.next(port == Port::Access);
            (if chip.powered() { hit } else { Hit::Silence }, chip.faults.delay)
        };
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        match hit {
            Hit::None => {}
            Hit::Silence => return Err(Refusal::Silence),
            Hit::Wait => return Err(Refusal::Wait),
            Hit::Fault => {
                self.control |= STICKYERR;
                return Err(Refusal::Fault);
            }
        }
        let address = address & 0xC;
        if !self.line.swd {
            return Err(Refusal::Silence);
        }
        if std::mem::take(&mut self.line.identify_first)
            && (port, address, write) != (Port::Debug, ABORT, None)
        {
            self.line.identify_first = true;
            return Err(Refusal::Silence);
        }
        match (port, write) {
            (Port::Debug, None) => self.read_debug(address),
            (Port::Debug, Some(value)) => self.write_debug(address, value).map(|()| 0),
            (Port::Access, _) => self.access(address, write),
        }
    }

    fn forget_if_power_was_lost(&mut self) {
        let power_ups = self.target.chip().counts.power_ups;
        if power_ups != self.power_ups {
            *self = Dap::new(self.target.clone());
        }
    }

    fn sticky(&self) -> Result<(), Refusal> {
        if self.control & STICKYERR == 0 { Ok(()) } else { Err(Refusal::Fault) }
    }

    fn read_debug(&mut self, address: u8) -> Result<u32, Refusal> {
        match (address, self.select & 0xF) {
            (ABORT, _) => Ok(self.target.chip().identity.dpidr),
            // Whoever asks for power has it at once: the acknowledgement is the bit above the request.
            (CTRL_STAT, 0) => Ok(self.control | (self.control & (CDBGPWRUPREQ | CSYSPWRUPREQ)) << 1),
            (CTRL_STAT, _) => Ok(0),
            _ => self.sticky().map(|()| self.posted),
        }
    }

    fn write_debug(&mut self, address: u8, value: u32) -> Result<(), Refusal> {
        match (address, self.select & 0xF) {
            (ABORT, _) if value & STKERRCLR != 0 => self.control &= !STICKYERR,
            (ABORT, _) => {}
            (CTRL_STAT, 0) => self.control = value & CTRL_WRITABLE | self.control & STICKYERR,
            (SELECT, _) => {
                self.sticky()?;
                self.select = value;
            }
            (RDBUFF, _) => self.sticky()?,
            _ => {}
        }
        Ok(())
    }

    fn access(&mut self, address: u8, write: Option<u32>) -> Result<u32, Refusal> {
        self.sticky()?;
        if self.control & CDBGPWRUPREQ == 0 {
            self.control |= STICKYERR;
            return Err(Refusal::Fault);
        }
        let target = self.target.clone();
        let mut chip = target.chip();
        let before = self.posted;
        // Any other access port is not there, which its identity of zero says.
        let result = if self.select >> 24 == 0 { self.register(&mut chip, address, write) } else { Ok(0) };
        match result {
            Ok(value) if write.is_none() => self.posted = value,
            Ok(_) => {}
            Err(BusFault) => self.control |= STICKYERR,
        }
        Ok(if write.is_none() { before } else { 0 })
    }

    fn register(&mut self, chip: &mut Chip, address: u8, write: Option<u32>) -> Result<u32, BusFault> {
        match (self.select as u8 & 0xF0 | address, write) {
            (0x00, None) => Ok(self.csw),
            (0x00, Some(value)) => {
                self.csw = value & CSW_WRITABLE | CSW_DEVICE_ENABLED;
                Ok(0)
            }
            (0x04, None) => Ok(self.tar),
            (0x04, Some(value)) => {
                self.tar = value;
                Ok(0)
            }
            (0x0C, _) => {
                let result = self.memory(chip, self.tar, write)?;
                if self.csw >> 4 & 3 == 1 {
                    let next = self.tar.wrapping_add(1 << (self.csw & 7));
                    self.tar = self.tar & !0x3FF | next & 0x3FF;
                }
                Ok(result)
            }
            (banked @ 0x10..=0x1C, _) => self.memory(chip, self.tar & !0xF | u32::from(banked & 0xC), write),
            (0xF8, None) => Ok(BASE),
            (0xFC, None) => Ok(IDR),
            _ => Ok(0),
        }
    }

    /// One access on the bus: bytes and halfwords travel in the lane that their address names.
    fn memory(&self, chip: &mut Chip, address: u32, write: Option<u32>) -> Result<u32, BusFault> {
        let size = 1u32 << (self.csw & 7);
        if size > 4 {
            return Err(BusFault);
        }
        let lane = (address & 3 & !(size - 1)) * 8;
        match write {
            None => chip.bus_read(address, size).map(|value| value << lane),
            Some(value) => chip.bus_write(address, size, value >> lane).map(|()| 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::tests::chip;

    fn connected() -> Dap {
        let mut dap = Dap::new(Target::new(chip()));
        connect(&mut dap);
        dap
    }

    fn connect(dap: &mut Dap) {
        dap.sequence(51, !0);
        dap.sequence(16, u64::from(TO_SWD));
        dap.sequence(54, (1 << 51) - 1);
        assert_eq!(dap.transfer(Port::Debug, ABORT, None), Ok(0x2BA0_1477));
        assert_eq!(dap.transfer(Port::Debug, CTRL_STAT, Some(CDBGPWRUPREQ | CSYSPWRUPREQ)), Ok(0));
    }

    fn set(dap: &mut Dap, address: u8, value: u32) {
        assert_eq!(dap.transfer(Port::Access, address, Some(value)), Ok(0), "{address:x}");
    }

    fn read(dap: &mut Dap, address: u8) -> Result<u32, Refusal> {
        dap.transfer(Port::Access, address, None)?;
        dap.transfer(Port::Debug, RDBUFF, None)
    }

    #[test]
    fn it_listens_only_after_the_switch_to_swd_and_the_identity() {
        let mut dap = Dap::new(Target::new(chip()));
        assert_eq!(dap.transfer(Port::Debug, ABORT, None), Err(Refusal::Silence));
        dap.sequence(51, !0);
        dap.sequence(16, u64::from(TO_SWD));
        dap.sequence(54, (1 << 51) - 1);
        assert_eq!(dap.transfer(Port::Debug, CTRL_STAT, None), Err(Refusal::Silence), "identity first");
        assert_eq!(dap.transfer(Port::Debug, ABORT, None), Ok(0x2BA0_1477));
        assert_eq!(dap.transfer(Port::Debug, CTRL_STAT, None), Ok(0));
        assert_eq!(dap.transfer(Port::Access, 0xC, None), Err(Refusal::Fault), "no power yet");
    }

    #[test]
    fn power_is_acknowledged_and_kept_over_a_line_reset() {
        let mut dap = connected();
        assert_eq!(dap.transfer(Port::Debug, CTRL_STAT, None), Ok(0xF000_0000));
        dap.sequence(54, (1 << 51) - 1);
        assert_eq!(dap.transfer(Port::Debug, CTRL_STAT, None), Err(Refusal::Silence));
        assert_eq!(dap.transfer(Port::Debug, ABORT, None), Ok(0x2BA0_1477));
        assert_eq!(dap.transfer(Port::Debug, CTRL_STAT, None), Ok(0xF000_0000));
    }

    #[test]
    fn reads_are_posted_and_addresses_wrap_within_a_kibibyte() {
        let mut dap = connected();
        dap.target().chip().write_word(0x2000_03FC, 0x11).expect("RAM");
        dap.target().chip().write_word(0x2000_0000, 0x22).expect("RAM");
        set(&mut dap, 0x0, 0x12);
        set(&mut dap, 0x4, 0x2000_03FC);
        let stale = dap.transfer(Port::Access, 0xC, None);
        assert_ne!(stale, Ok(0x11));
        assert_eq!(dap.transfer(Port::Access, 0xC, None), Ok(0x11));
        assert_eq!(dap.transfer(Port::Debug, RDBUFF, None), Ok(0x22), "not what lies at 0x20000400");
    }

    #[test]
    fn bytes_travel_in_their_lanes() {
        let mut dap = connected();
        dap.target().chip().write_word(0x2000_0000, 0x4433_2211).expect("RAM");
        set(&mut dap, 0x0, 0x00);
        set(&mut dap, 0x4, 0x2000_0002);
        assert_eq!(read(&mut dap, 0xC), Ok(0x0033_0000));
        set(&mut dap, 0xC, 0xAABB_CCDD);
        assert_eq!(dap.target().chip().word(0x2000_0000), Ok(0x44BB_2211));
    }

    #[test]
    fn a_bus_error_sticks_until_it_is_cleared() {
        let mut dap = connected();
        set(&mut dap, 0x0, 0x02);
        set(&mut dap, 0x4, 0x3000_0000);
        assert_eq!(dap.transfer(Port::Access, 0xC, Some(1)), Ok(0), "a write is posted as well");
        assert_eq!(dap.transfer(Port::Access, 0x4, None), Err(Refusal::Fault));
        assert_eq!(dap.transfer(Port::Debug, RDBUFF, None), Err(Refusal::Fault));
        assert_eq!(dap.transfer(Port::Debug, SELECT, Some(0)), Err(Refusal::Fault));
        assert_eq!(dap.transfer(Port::Debug, CTRL_STAT, None), Ok(0xF000_0000 | STICKYERR));
        assert_eq!(dap.transfer(Port::Debug, ABORT, Some(CLEAR_ALL)), Ok(0));
        assert!(read(&mut dap, 0x4).is_ok());
        set(&mut dap, 0x4, 0x3000_0000);
        assert_eq!(dap.transfer_repeated(Port::Access, 0xC, None).map(drop), Ok(()));
        assert_eq!(dap.transfer_repeated(Port::Debug, RDBUFF, None), Err(Refusal::Fault));
        assert!(read(&mut dap, 0x4).is_ok(), "cleared for the next one");
    }

    #[test]
    fn waits_are_repeated_up_to_a_limit() {
        let mut dap = connected();
        dap.target().chip().faults.wait = RETRIES;
        assert!(dap.transfer_repeated(Port::Debug, ABORT, None).is_ok());
        dap.target().chip().faults.wait = RETRIES + 1;
        assert_eq!(dap.transfer_repeated(Port::Debug, ABORT, None), Err(Refusal::Wait));
    }

    #[test]
    fn a_cable_or_power_that_is_gone_answers_nothing() {
        let mut dap = connected();
        dap.target().chip().faults.unplug_after = Some(1);
        assert!(dap.transfer(Port::Debug, ABORT, None).is_ok());
        assert_eq!(dap.transfer(Port::Debug, ABORT, None), Err(Refusal::Silence));
        dap.target().chip().faults.unplugged = false;
        assert!(dap.transfer(Port::Debug, ABORT, None).is_ok(), "the port kept its state");
        dap.target().chip().power_off();
        assert_eq!(dap.transfer(Port::Debug, ABORT, None), Err(Refusal::Silence));
        dap.target().chip().power_on();
        assert_eq!(dap.transfer(Port::Debug, ABORT, None), Err(Refusal::Silence), "it has to be woken again");
        connect(&mut dap);
    }

    #[test]
    fn other_access_ports_are_absent() {
        let mut dap = connected();
        assert_eq!(dap.transfer(Port::Debug, SELECT, Some(0xF0)), Ok(0));
        assert_eq!(read(&mut dap, 0xC), Ok(IDR));
        assert_eq!(dap.transfer(Port::Debug, SELECT, Some(0x0100_00F0)), Ok(0));
        assert_eq!(read(&mut dap, 0xC), Ok(0));
    }
}
