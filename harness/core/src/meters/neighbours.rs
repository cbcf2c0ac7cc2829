//! Meters beyond the five families, as far as telegrams of them are public (han-protocol, section 7).
//!
//! Meters that send OBIS code, scaler and unit need no profile; only positional ones stand here.

use super::profile::{
    Cadence, Clock, Elements, Envelope, Evidence, Form, Holds, List, Profile, Quirk, Register, Tag, Zone,
    number, plain,
};
use crate::reading::{Family, Key};
use crate::wire::apdu::TimeForm;

const AB: [u8; 2] = [1, 0];

const AM550: &[Register] = &[
    plain([0, 0, 96, 1, 0, 255], Holds::MeterId, Tag::Octets, 2),
    plain([0, 0, 96, 1, 1, 255], Holds::MeterType, Tag::Octets, 2),
    number(AB, Key::ActiveImport, Tag::U32, 0, 2),
    number(AB, Key::ActiveExport, Tag::U32, 0, 2),
    number(AB, Key::ReactiveImport, Tag::U32, 0, 2),
    number(AB, Key::ReactiveExport, Tag::U32, 0, 2),
    number(AB, Key::VoltageL1, Tag::U16, -1, 2),
    number(AB, Key::VoltageL2, Tag::U16, -1, 2),
    number(AB, Key::VoltageL3, Tag::U16, -1, 2),
    number(AB, Key::CurrentL1, Tag::U16, -2, 2),
    number(AB, Key::CurrentL2, Tag::U16, -2, 2),
    number(AB, Key::CurrentL3, Tag::U16, -2, 2),
    number(AB, Key::ActiveImportL1, Tag::U32, 0, 2),
    number(AB, Key::ActiveImportL2, Tag::U32, 0, 2),
    number(AB, Key::ActiveImportL3, Tag::U32, 0, 2),
    number(AB, Key::ActiveExportL1, Tag::U32, 0, 2),
    number(AB, Key::ActiveExportL2, Tag::U32, 0, 2),
    number(AB, Key::ActiveExportL3, Tag::U32, 0, 2),
];

pub(super) static ISKRA_AM550: Profile = Profile {
    name: "iskra-am550",
    title: "Iskraemeco AM550 in Slovenia: 18 bare values",
    family: Family::Iskra,
    evidence: Evidence::Inferred,
    source: "two published telegrams; the order was inferred from sums of the phase powers and from U times I",
    list_id: "",
    types: &[],
    sample_id: b"0000000000000058",
    sample_type: b"AM550",
    elements: Elements::Three,
    cadence: Cadence { list1_ms: None, list2_ms: Some(5_000), list3_at_s: None, list3_replaces_list2: false },
    clock: Clock {
        zone: Zone::Civil,
        deviation: -60,
        status: (0x00, 0x80),
        sunday: 7,
        latched_at_hour: false,
    },
    envelope: Envelope {
        destination: &[0xCF],
        source: &[0x02, 0x23],
        control: 0x13,
        invoke_id: 0,
        time: TimeForm::Length,
    },
    form: Form::Positional,
    registers: AM550,
    missing: &[],
    lists: &[List::Full("iskra-18")],
    zero_unmeasured: &[],
    unannounced: &[],
    variants: &[],
    quirks: &[Quirk { what: "the invoke id counts up with every telegram", source: "published telegrams" }],
};
