//! Aidon 65xx: array of structures, scaler and unit in the telegram (han-protocol, section 4.1).
//!
//! Source documents: Aidon HAN Interface Description v1.1A (2019-02-15), recorded streams of 6525 meters.

use super::profile::{
    Cadence, Clock, Elements, Envelope, Evidence, Form, Holds, List, Profile, Quirk, Register, Tag, Zone,
    number, plain,
};
use crate::reading::{Family, Key};
use crate::wire::apdu::TimeForm;

const AB: [u8; 2] = [1, 0];

/// The registers of the Norwegian lists; `current` is the power of ten of the ampere.
pub(super) const fn registers(current: i8) -> [Register; 18] {
    [
        plain([1, 1, 0, 2, 129, 255], Holds::ListId, Tag::Text, 2),
        plain([0, 0, 96, 1, 0, 255], Holds::MeterId, Tag::Text, 2),
        plain([0, 0, 96, 1, 7, 255], Holds::MeterType, Tag::Text, 2),
        number(AB, Key::ActiveImport, Tag::U32, 0, 1),
        number(AB, Key::ActiveExport, Tag::U32, 0, 2),
        number(AB, Key::ReactiveImport, Tag::U32, 0, 2),
        number(AB, Key::ReactiveExport, Tag::U32, 0, 2),
        number(AB, Key::CurrentL1, Tag::I16, current, 2),
        number(AB, Key::CurrentL2, Tag::I16, current, 2),
        number(AB, Key::CurrentL3, Tag::I16, current, 2),
        number(AB, Key::VoltageL1, Tag::U16, -1, 2),
        number(AB, Key::VoltageL2, Tag::U16, -1, 2),
        number(AB, Key::VoltageL3, Tag::U16, -1, 2),
        plain([0, 0, 1, 0, 0, 255], Holds::Clock, Tag::Octets, 3),
        number(AB, Key::EnergyActiveImport, Tag::U32, 1, 3),
        number(AB, Key::EnergyActiveExport, Tag::U32, 1, 3),
        number(AB, Key::EnergyReactiveImport, Tag::U32, 1, 3),
        number(AB, Key::EnergyReactiveExport, Tag::U32, 1, 3),
    ]
}

static REGISTERS: [Register; 18] = registers(-1);

const SWEDISH_REGISTERS: &[Register] = &[
    plain([0, 0, 1, 0, 0, 255], Holds::Clock, Tag::Octets, 2),
    number(AB, Key::ActiveImport, Tag::U32, 0, 2),
    number(AB, Key::ActiveExport, Tag::U32, 0, 2),
    number(AB, Key::ReactiveImport, Tag::U32, 0, 2),
    number(AB, Key::ReactiveExport, Tag::U32, 0, 2),
    number(AB, Key::CurrentL1, Tag::I16, -1, 2),
    number(AB, Key::CurrentL2, Tag::I16, -1, 2),
    number(AB, Key::CurrentL3, Tag::I16, -1, 2),
    number(AB, Key::VoltageL1, Tag::U16, -1, 2),
    number(AB, Key::VoltageL2, Tag::U16, -1, 2),
    number(AB, Key::VoltageL3, Tag::U16, -1, 2),
    number(AB, Key::ActiveImportL1, Tag::U32, 0, 2),
    number(AB, Key::ActiveExportL1, Tag::U32, 0, 2),
    number(AB, Key::ReactiveImportL1, Tag::U32, 0, 2),
    number(AB, Key::ReactiveExportL1, Tag::U32, 0, 2),
    number(AB, Key::ActiveImportL2, Tag::U32, 0, 2),
    number(AB, Key::ActiveExportL2, Tag::U32, 0, 2),
    number(AB, Key::ReactiveImportL2, Tag::U32, 0, 2),
    number(AB, Key::ReactiveExportL2, Tag::U32, 0, 2),
    number(AB, Key::ActiveImportL3, Tag::U32, 0, 2),
    number(AB, Key::ActiveExportL3, Tag::U32, 0, 2),
    number(AB, Key::ReactiveImportL3, Tag::U32, 0, 2),
    number(AB, Key::ReactiveExportL3, Tag::U32, 0, 2),
    number(AB, Key::EnergyActiveImport, Tag::U32, 0, 2),
    number(AB, Key::EnergyActiveExport, Tag::U32, 0, 2),
    number(AB, Key::EnergyReactiveImport, Tag::U32, 0, 2),
    number(AB, Key::EnergyReactiveExport, Tag::U32, 0, 2),
];

const SUNDAY: Quirk = Quirk {
    what: "Sunday is sent as weekday 0, not 7",
    source: "telegrams of 2021-10-31, 2024-10-27 and 2025-12-14 (han-protocol, section 5)",
};

const LATCHED: Quirk = Quirk {
    what: "clock and counters of list 3 are latched at the full hour, powers and currents are of 10 s later",
    source: "two recorded hours of a 6525 (han-protocol, section 4.1)",
};

const REPEATED_HOUR: Quirk = Quirk {
    what: "list 3 sometimes repeats clock and counters of the hour before, with fresh powers",
    source: "field bug C6",
};

/// The four-wire meter; the others differ in what they leave out.
pub(super) static AIDON_6534: Profile = Profile {
    name: "aidon-6534",
    title: "Aidon 6534, three phases, four wires",
    family: Family::Aidon,
    evidence: Evidence::Recorded,
    source: "Aidon HAN Interface Description v1.1A; published telegrams",
    list_id: "AIDON_V0001",
    types: &["6534", "6550"],
    sample_id: b"7359990000000017",
    sample_type: b"6534",
    elements: Elements::Three,
    cadence: Cadence {
        list1_ms: Some(2_500),
        list2_ms: Some(10_000),
        list3_at_s: Some(10),
        list3_replaces_list2: true,
    },
    clock: Clock {
        zone: Zone::StandardAllYear,
        deviation: 0,
        status: (0, 0),
        sunday: 0,
        latched_at_hour: true,
    },
    envelope: Envelope {
        destination: &[0x41],
        source: &[0x08, 0x83],
        control: 0x13,
        invoke_id: 0x4000_0000,
        time: TimeForm::Absent,
    },
    form: Form::Nested,
    registers: &REGISTERS,
    missing: &[],
    lists: &[List::One, List::Two, List::Three],
    zero_unmeasured: &[],
    unannounced: &[],
    variants: &[],
    quirks: &[SUNDAY, LATCHED, REPEATED_HOUR],
};

pub(super) static AIDON_6525: Profile = Profile {
    name: "aidon-6525",
    title: "Aidon 6525, three phases, three wires",
    types: &["6525"],
    sample_type: b"6525",
    elements: Elements::Two,
    source: "Aidon HAN Interface Description v1.1A; recorded streams",
    missing: &[Key::CurrentL2],
    quirks: &[
        SUNDAY,
        LATCHED,
        REPEATED_HOUR,
        Quirk {
            what: "the item for I L2 is absent; U L2 is the voltage between L1 and L3",
            source: "Aidon HAN Interface Description v1.1A; the NVE table of 2016 says 0 A instead",
        },
    ],
    ..AIDON_6534
};

pub(super) static AIDON_6540: Profile = Profile {
    name: "aidon-6540",
    title: "Aidon 6540, three wires behind current transformers; sends the secondary side",
    types: &["6540"],
    sample_type: b"6540",
    evidence: Evidence::Rebuilt,
    ..AIDON_6525
};

pub(super) static AIDON_6515: Profile = Profile {
    name: "aidon-6515",
    title: "Aidon 6515, single phase",
    types: &["6515"],
    sample_type: b"6515",
    elements: Elements::One,
    missing: &[Key::CurrentL2, Key::CurrentL3, Key::VoltageL2, Key::VoltageL3],
    ..AIDON_6534
};

pub(super) static AIDON_SE: Profile = Profile {
    name: "aidon-se",
    title: "Aidon 6479, 6483, 6484 in Sweden: 27 items in one list",
    source: "published telegrams of Swedish meters",
    list_id: "",
    types: &[],
    sample_type: b"",
    cadence: Cadence {
        list1_ms: None,
        list2_ms: Some(10_000),
        list3_at_s: None,
        list3_replaces_list2: false,
    },
    clock: Clock {
        zone: Zone::StandardAllYear,
        deviation: crate::wire::time::DEVIATION_UNSPECIFIED,
        status: (0xFF, 0xFF),
        sunday: 0,
        latched_at_hour: false,
    },
    registers: SWEDISH_REGISTERS,
    lists: &[List::Full("se-27")],
    quirks: &[Quirk {
        what: "sends no list id, meter id or type; counters are in 1 Wh",
        source: "published telegrams of Swedish meters (han-protocol, section 4.1)",
    }],
    ..AIDON_6534
};
