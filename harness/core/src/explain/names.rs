//! Names of registers, units and types for people. One table each.

use crate::meters::place::plain_register;
use crate::meters::profile::Holds;
use crate::reading::{Key, Obis};
use crate::wire::axdr::Element;

/// A key in words.
pub fn key(key: Key) -> &'static str {
    match key {
        Key::ActiveImport => "active power import",
        Key::ActiveExport => "active power export",
        Key::ReactiveImport => "reactive power import",
        Key::ReactiveExport => "reactive power export",
        Key::CurrentL1 => "current L1",
        Key::CurrentL2 => "current L2",
        Key::CurrentL3 => "current L3",
        Key::VoltageL1 => "voltage L1",
        Key::VoltageL2 => "voltage L2",
        Key::VoltageL3 => "voltage L3",
        Key::ActiveImportL1 => "active power import L1",
        Key::ActiveExportL1 => "active power export L1",
        Key::ReactiveImportL1 => "reactive power import L1",
        Key::ReactiveExportL1 => "reactive power export L1",
        Key::ActiveImportL2 => "active power import L2",
        Key::ActiveExportL2 => "active power export L2",
        Key::ReactiveImportL2 => "reactive power import L2",
        Key::ReactiveExportL2 => "reactive power export L2",
        Key::ActiveImportL3 => "active power import L3",
        Key::ActiveExportL3 => "active power export L3",
        Key::ReactiveImportL3 => "reactive power import L3",
        Key::ReactiveExportL3 => "reactive power export L3",
        Key::PowerFactor => "power factor",
        Key::PowerFactorL1 => "power factor L1",
        Key::PowerFactorL2 => "power factor L2",
        Key::PowerFactorL3 => "power factor L3",
        Key::Frequency => "frequency",
        Key::DistortionCurrentL1 => "harmonic distortion of current L1",
        Key::DistortionCurrentL2 => "harmonic distortion of current L2",
        Key::DistortionCurrentL3 => "harmonic distortion of current L3",
        Key::EnergyActiveImport => "active energy import",
        Key::EnergyActiveExport => "active energy export",
        Key::EnergyReactiveImport => "reactive energy import",
        Key::EnergyReactiveExport => "reactive energy export",
        Key::EnergyActiveImportL1 => "active energy import L1",
        Key::EnergyActiveExportL1 => "active energy export L1",
        Key::EnergyActiveImportL2 => "active energy import L2",
        Key::EnergyActiveExportL2 => "active energy export L2",
        Key::EnergyActiveImportL3 => "active energy import L3",
        Key::EnergyActiveExportL3 => "active energy export L3",
    }
}

/// What a register of a profile holds, in words.
pub(super) fn holds(holds: Holds, obis: Obis) -> &'static str {
    match holds {
        Holds::Number(number) => key(number),
        Holds::ListId => "list version id",
        Holds::MeterId => "meter id",
        Holds::MeterType => "meter type",
        Holds::Clock => "clock",
        Holds::Unnamed => unnamed(obis),
    }
}

/// What a register that no profile names holds, as its address says.
pub(super) fn register(obis: Obis) -> Option<Holds> {
    plain_register(obis).or_else(|| Key::from_obis(obis).map(Holds::Number))
}

/// Registers without a key of ours.
pub(super) fn unnamed(obis: Obis) -> &'static str {
    match obis.0 {
        [1, 1, 0, 0, 1, 255] => "meter number",
        _ => "register without a name",
    }
}

/// The unit of a code (IEC 62056-6-2, table 4); `None` for a code that no HAN list uses.
pub(super) fn unit(code: u8) -> Option<&'static str> {
    Some(match code {
        27 => "W",
        28 => "VA",
        29 => "var",
        30 => "Wh",
        31 => "VAh",
        32 => "varh",
        33 => "A",
        35 => "V",
        44 => "Hz",
        255 => "",
        _ => return None,
    })
}

/// The type of a number, short.
pub(super) fn number_type(element: &Element<'_>) -> &'static str {
    match element {
        Element::I8(_) => "i8",
        Element::I16(_) => "i16",
        Element::I32(_) => "i32",
        Element::I64(_) => "i64",
        Element::U8(_) => "u8",
        Element::U16(_) => "u16",
        Element::U32(_) => "u32",
        Element::U64(_) => "u64",
        other => other.type_name(),
    }
}
