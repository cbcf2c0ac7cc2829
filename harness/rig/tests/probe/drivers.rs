//! Two drivers for the real probe-rs whose cable ends at a simulated chip: SWD and JTAG.
//!
//! Registered once per process; a board is found by the serial number of its selector.

use bitvec::prelude::*;
use hanbench_target::dap::{Dap, Port, Refusal};
use hanbench_target::riscv::DebugModule;
use hanbench_target::{Architecture, Target};
use probe_rs::CoreStatus;
use probe_rs::architecture::arm::sequences::ArmDebugSequence;
use probe_rs::architecture::arm::{
    ArmCommunicationInterface, ArmDebugInterface, ArmError, DapError, DapProbe, RawDapAccess, RegisterAddress,
};
use probe_rs::architecture::riscv::JtagDtmBuilder;
use probe_rs::architecture::riscv::communication_interface::{RiscvError, RiscvInterfaceBuilder};
use probe_rs::config::ScanChainElement;
use probe_rs::plugin::{Plugin, register_plugin};
use probe_rs::probe::list::ProbeListItem;
use probe_rs::probe::{
    DebugProbe, DebugProbeError, DebugProbeInfo, DebugProbeSelector, JtagAccess, JtagSequence,
    ProbeCreationError, ProbeFactory, WireProtocol,
};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, Once};

const VENDOR: u16 = 0xF055;
const PRODUCT: u16 = 0x0001;
const RDBUFF: u8 = 0xC;
const NRESET: u32 = 1 << 7;

static BOARDS: LazyLock<Mutex<BTreeMap<String, (Architecture, Target)>>> = LazyLock::new(Default::default);
static FACTORY: Factory = Factory;

/// Makes a chip reachable, and returns its selector.
pub fn plug_in(name: &str, architecture: Architecture, target: &Target) -> String {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| register_plugin(Plugin { probe_drivers: &[&FACTORY], ..Plugin::default() }));
    let mut boards = BOARDS.lock().expect("boards");
    let taken = boards.insert(name.to_string(), (architecture, target.clone()));
    assert!(taken.is_none(), "two boards {name}");
    format!("{VENDOR:04x}:{PRODUCT:04x}:{name}")
}

#[derive(Debug)]
struct Factory;

impl fmt::Display for Factory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated probe")
    }
}

impl ProbeFactory for Factory {
    fn open(&self, selector: &DebugProbeSelector) -> Result<Box<dyn DebugProbe>, DebugProbeError> {
        let missing = || DebugProbeError::ProbeCouldNotBeCreated(ProbeCreationError::NotFound);
        if (selector.vendor_id, selector.product_id) != (VENDOR, PRODUCT) {
            return Err(missing());
        }
        let serial = selector.serial_number.as_deref().ok_or_else(missing)?;
        let boards = BOARDS.lock().expect("boards");
        let (architecture, target) = boards.get(serial).ok_or_else(missing)?;
        Ok(match architecture {
            Architecture::CortexM => Box::new(Swd::new(target.clone())),
            Architecture::RiscV => Box::new(Jtag::new(target.clone())),
        })
    }

    fn list_probes(&self) -> Vec<ProbeListItem> {
        let boards = BOARDS.lock().expect("boards");
        let info = |name: &String| {
            DebugProbeInfo::new("simulated probe", VENDOR, PRODUCT, Some(name.clone()), &FACTORY, None, false)
        };
        boards.keys().map(|name| ProbeListItem::accessible(info(name))).collect()
    }
}

/// An SWD probe.
#[derive(Debug)]
struct Swd {
    dap: Dap,
    khz: u32,
    nreset: bool,
}

impl Swd {
    fn new(target: Target) -> Swd {
        Swd { dap: Dap::new(target), khz: 4000, nreset: true }
    }

    fn transfer(&mut self, register: RegisterAddress, write: Option<u32>) -> Result<u32, ArmError> {
        let port = if register.is_ap() { Port::Access } else { Port::Debug };
        self.raw(port, register.lsb(), write)
    }

    fn raw(&mut self, port: Port, address: u8, write: Option<u32>) -> Result<u32, ArmError> {
        let answer = self.dap.transfer_repeated(port, address, write);
        answer.map_err(|refusal| {
            match refusal {
                Refusal::Wait => DapError::WaitResponse,
                Refusal::Fault => DapError::FaultResponse,
                Refusal::Silence => DapError::NoAcknowledge,
            }
            .into()
        })
    }

    /// The result of the last access to the access port; a posted write that failed shows here and not at whatever
    /// comes next.
    fn posted(&mut self) -> Result<u32, ArmError> {
        self.raw(Port::Debug, RDBUFF, None)
    }

    fn set_nreset(&mut self, high: bool) {
        if high != self.nreset {
            self.nreset = high;
            self.dap.set_reset_pin(high);
        }
    }
}

impl RawDapAccess for Swd {
    fn raw_read_register(&mut self, register: RegisterAddress) -> Result<u32, ArmError> {
        let value = self.transfer(register, None)?;
        if register.is_ap() { self.posted() } else { Ok(value) }
    }

    fn raw_read_block(&mut self, register: RegisterAddress, values: &mut [u32]) -> Result<(), ArmError> {
        if !register.is_ap() || values.is_empty() {
            return values.iter_mut().try_for_each(|value| {
                *value = self.transfer(register, None)?;
                Ok(())
            });
        }
        self.transfer(register, None)?;
        let last = values.len() - 1;
        for (place, value) in values.iter_mut().enumerate() {
            *value = if place == last { self.posted()? } else { self.transfer(register, None)? };
        }
        Ok(())
    }

    fn raw_write_register(&mut self, register: RegisterAddress, value: u32) -> Result<(), ArmError> {
        self.raw_write_block(register, &[value])
    }

    fn raw_write_block(&mut self, register: RegisterAddress, values: &[u32]) -> Result<(), ArmError> {
        for value in values {
            self.transfer(register, Some(*value))?;
        }
        if register.is_ap() { self.posted().map(drop) } else { Ok(()) }
    }

    fn jtag_sequence(&mut self, _cycles: u8, _tms: bool, _tdi: u64) -> Result<(), DebugProbeError> {
        Err(DebugProbeError::CommandNotSupportedByProbe { command_name: "jtag_sequence" })
    }

    fn swj_sequence(&mut self, len: u8, bits: u64) -> Result<(), DebugProbeError> {
        self.dap.sequence(len.into(), bits);
        Ok(())
    }

    fn swj_pins(&mut self, out: u32, select: u32, _wait: u32) -> Result<u32, DebugProbeError> {
        if select & NRESET != 0 {
            self.set_nreset(out & NRESET != 0);
        }
        Ok(if self.nreset { NRESET } else { 0 })
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }

    fn core_status_notification(&mut self, _status: CoreStatus) -> Result<(), DebugProbeError> {
        Ok(())
    }
}

impl DapProbe for Swd {}

impl DebugProbe for Swd {
    fn get_name(&self) -> &str {
        "simulated SWD probe"
    }

    fn speed_khz(&self) -> u32 {
        self.khz
    }

    fn set_speed(&mut self, khz: u32) -> Result<u32, DebugProbeError> {
        self.khz = khz;
        Ok(khz)
    }

    fn attach(&mut self) -> Result<(), DebugProbeError> {
        Ok(())
    }

    fn detach(&mut self) -> Result<(), probe_rs::Error> {
        Ok(())
    }

    fn target_reset(&mut self) -> Result<(), DebugProbeError> {
        self.set_nreset(false);
        self.set_nreset(true);
        Ok(())
    }

    fn target_reset_assert(&mut self) -> Result<(), DebugProbeError> {
        self.set_nreset(false);
        Ok(())
    }

    fn target_reset_deassert(&mut self) -> Result<(), DebugProbeError> {
        self.set_nreset(true);
        Ok(())
    }

    fn select_protocol(&mut self, protocol: WireProtocol) -> Result<(), DebugProbeError> {
        if protocol == WireProtocol::Swd {
            Ok(())
        } else {
            Err(DebugProbeError::UnsupportedProtocol(protocol))
        }
    }

    fn active_protocol(&self) -> Option<WireProtocol> {
        Some(WireProtocol::Swd)
    }

    fn has_arm_interface(&self) -> bool {
        true
    }

    fn try_get_arm_debug_interface<'probe>(
        self: Box<Self>,
        sequence: Arc<dyn ArmDebugSequence>,
    ) -> Result<Box<dyn ArmDebugInterface + 'probe>, (Box<dyn DebugProbe>, ArmError)> {
        Ok(ArmCommunicationInterface::create(self, sequence, false))
    }

    fn try_as_dap_probe(&mut self) -> Option<&mut dyn DapProbe> {
        Some(self)
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }
}

/// A JTAG probe with one RISC-V hart on its chain.
#[derive(Debug)]
struct Jtag {
    module: DebugModule,
    idle_cycles: u8,
}

impl Jtag {
    fn new(target: Target) -> Jtag {
        Jtag { module: DebugModule::new(target), idle_cycles: 0 }
    }
}

impl JtagAccess for Jtag {
    fn set_expected_scan_chain(&mut self, _chain: &[ScanChainElement]) -> Result<(), DebugProbeError> {
        Ok(())
    }

    fn set_scan_chain(&mut self, _chain: &[ScanChainElement]) -> Result<(), DebugProbeError> {
        Ok(())
    }

    fn scan_chain(&mut self) -> Result<&[ScanChainElement], DebugProbeError> {
        Ok(&[])
    }

    fn shift_raw_sequence(&mut self, _sequence: JtagSequence) -> Result<BitVec, DebugProbeError> {
        Err(DebugProbeError::NotImplemented { function_name: "shift_raw_sequence" })
    }

    fn tap_reset(&mut self) -> Result<(), DebugProbeError> {
        Ok(())
    }

    fn set_idle_cycles(&mut self, cycles: u8) -> Result<(), DebugProbeError> {
        self.idle_cycles = cycles;
        Ok(())
    }

    fn idle_cycles(&self) -> u8 {
        self.idle_cycles
    }

    fn write_register(&mut self, register: u32, data: &[u8], len: u32) -> Result<BitVec, DebugProbeError> {
        let value = data.iter().take(8).rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let shifted_out = self.module.scan(register, value);
        let mut bits = BitVec::new();
        bits.extend((0..len).map(|place| shifted_out >> place & 1 == 1));
        Ok(bits)
    }

    fn write_dr(&mut self, _data: &[u8], _len: u32) -> Result<BitVec, DebugProbeError> {
        Err(DebugProbeError::NotImplemented { function_name: "write_dr" })
    }
}

impl DebugProbe for Jtag {
    fn get_name(&self) -> &str {
        "simulated JTAG probe"
    }

    fn speed_khz(&self) -> u32 {
        1000
    }

    fn set_speed(&mut self, khz: u32) -> Result<u32, DebugProbeError> {
        Err(DebugProbeError::UnsupportedSpeed(khz))
    }

    fn attach(&mut self) -> Result<(), DebugProbeError> {
        Ok(())
    }

    fn detach(&mut self) -> Result<(), probe_rs::Error> {
        Ok(())
    }

    fn target_reset(&mut self) -> Result<(), DebugProbeError> {
        self.module.set_reset_pin(false);
        self.module.set_reset_pin(true);
        Ok(())
    }

    fn target_reset_assert(&mut self) -> Result<(), DebugProbeError> {
        self.module.set_reset_pin(false);
        Ok(())
    }

    fn target_reset_deassert(&mut self) -> Result<(), DebugProbeError> {
        self.module.set_reset_pin(true);
        Ok(())
    }

    fn select_protocol(&mut self, protocol: WireProtocol) -> Result<(), DebugProbeError> {
        if protocol == WireProtocol::Jtag {
            Ok(())
        } else {
            Err(DebugProbeError::UnsupportedProtocol(protocol))
        }
    }

    fn active_protocol(&self) -> Option<WireProtocol> {
        Some(WireProtocol::Jtag)
    }

    fn has_riscv_interface(&self) -> bool {
        true
    }

    fn try_get_riscv_interface_builder<'probe>(
        &'probe mut self,
    ) -> Result<Box<dyn RiscvInterfaceBuilder<'probe> + 'probe>, RiscvError> {
        Ok(Box::new(JtagDtmBuilder::new(self)))
    }

    fn try_as_jtag_probe(&mut self) -> Option<&mut dyn JtagAccess> {
        Some(self)
    }

    fn into_probe(self: Box<Self>) -> Box<dyn DebugProbe> {
        self
    }
}
