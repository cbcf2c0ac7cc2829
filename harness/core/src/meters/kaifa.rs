//! Kaifa MA105 and MA304: bare values, known by their place (han-protocol, section 4.2).
//!
//! Source document: Kaifa HAN OBIS codes KFM_001 (2017-03-21); its table of types is wrong, everything
//! numeric is a u32 on the wire and texts are octet-strings.

use super::profile::{
    Cadence, Clock, Elements, Envelope, Evidence, Form, Holds, List, Profile, Quirk, Register, Tag, Zone,
    number, plain,
};
use crate::reading::{Family, Key};
use crate::wire::{apdu::TimeForm, time::DEVIATION_UNSPECIFIED};

const AB: [u8; 2] = [1, 0];

/// The registers in the order sent; `energy` is the type of the counters.
const fn registers(list_id_ab: [u8; 2], energy: Tag) -> [Register; 18] {
    let [a, b] = list_id_ab;
    [
        plain([a, b, 0, 2, 129, 255], Holds::ListId, Tag::Octets, 2),
        plain([0, 0, 96, 1, 0, 255], Holds::MeterId, Tag::Octets, 2),
        plain([0, 0, 96, 1, 7, 255], Holds::MeterType, Tag::Octets, 2),
        number(AB, Key::ActiveImport, Tag::U32, 0, 1),
        number(AB, Key::ActiveExport, Tag::U32, 0, 2),
        number(AB, Key::ReactiveImport, Tag::U32, 0, 2),
        number(AB, Key::ReactiveExport, Tag::U32, 0, 2),
        number(AB, Key::CurrentL1, Tag::U32, -3, 2),
        number(AB, Key::CurrentL2, Tag::U32, -3, 2),
        number(AB, Key::CurrentL3, Tag::U32, -3, 2),
        number(AB, Key::VoltageL1, Tag::U32, -1, 2),
        number(AB, Key::VoltageL2, Tag::U32, -1, 2),
        number(AB, Key::VoltageL3, Tag::U32, -1, 2),
        plain([0, 0, 1, 0, 0, 255], Holds::Clock, Tag::Octets, 3),
        number(AB, Key::EnergyActiveImport, energy, 0, 3),
        number(AB, Key::EnergyActiveExport, energy, 0, 3),
        number(AB, Key::EnergyReactiveImport, energy, 0, 3),
        number(AB, Key::EnergyReactiveExport, energy, 0, 3),
    ]
}

static REGISTERS: [Register; 18] = registers([1, 1], Tag::U32);
static REGISTERS_U64: [Register; 18] = registers([1, 1], Tag::U64);
static SWEDISH_PAIRS: [Register; 18] = registers([1, 0], Tag::U32);

const ZERO_U2: Quirk = Quirk {
    what: "U L2 is sent as 0 on a three-wire network and means \"not measured\"",
    source: "recorded streams of an MA304H3E; field bug P7",
};

/// The three-wire meter of which there are recorded streams; the others differ in a few fields.
pub(super) static KAIFA_MA304H3E: Profile = Profile {
    name: "kaifa-ma304h3e",
    title: "Kaifa MA304H3E, three phases, three wires",
    family: Family::Kaifa,
    evidence: Evidence::Recorded,
    source: "Kaifa HAN OBIS codes KFM_001; recorded streams",
    list_id: "KFM_001",
    types: &["MA304H3"],
    sample_id: b"6970631000000025",
    sample_type: b"MA304H3E",
    elements: Elements::Two,
    cadence: Cadence {
        list1_ms: Some(2_000),
        list2_ms: Some(10_000),
        list3_at_s: Some(10),
        list3_replaces_list2: true,
    },
    clock: Clock {
        zone: Zone::Civil,
        deviation: DEVIATION_UNSPECIFIED,
        status: (0, 0),
        sunday: 7,
        latched_at_hour: false,
    },
    envelope: Envelope {
        destination: &[0x01],
        source: &[0x02, 0x01],
        control: 0x10,
        invoke_id: 0x4000_0000,
        time: TimeForm::Tagged,
    },
    form: Form::Positional,
    registers: &REGISTERS,
    missing: &[],
    lists: &[List::One, List::Two, List::Three],
    zero_unmeasured: &[Key::VoltageL2],
    unannounced: &[],
    variants: &[],
    quirks: &[
        ZERO_U2,
        Quirk {
            what: "I L2 is not zero although the document says \"not measured\"",
            source: "recorded streams of an MA304H3E",
        },
    ],
};

pub(super) static KAIFA_MA304H4: Profile = Profile {
    name: "kaifa-ma304h4",
    title: "Kaifa MA304H4, three phases, four wires",
    types: &["MA304H4"],
    sample_type: b"MA304H4",
    source: "Kaifa HAN OBIS codes KFM_001; published telegrams",
    elements: Elements::Three,
    zero_unmeasured: &[],
    quirks: &[],
    ..KAIFA_MA304H3E
};

pub(super) static KAIFA_MA304T3: Profile = Profile {
    name: "kaifa-ma304t3",
    title: "Kaifa MA304T3, three wires behind current transformers; sends the secondary side",
    types: &["MA304T3"],
    sample_type: b"MA304T3",
    evidence: Evidence::Rebuilt,
    source: "Kaifa HAN OBIS codes KFM_001; no telegram published",
    zero_unmeasured: &[Key::CurrentL2, Key::VoltageL2],
    quirks: &[ZERO_U2],
    ..KAIFA_MA304H3E
};

pub(super) static KAIFA_MA304T4: Profile = Profile {
    name: "kaifa-ma304t4",
    title: "Kaifa MA304T4, four wires behind current transformers; sends the secondary side",
    types: &["MA304T4"],
    sample_type: b"MA304T4",
    ..KAIFA_MA304H4
};

pub(super) static KAIFA_MA304T4_SE: Profile = Profile {
    name: "kaifa-ma304t4-se",
    title: "Kaifa MA304T4 in Sweden: 64-bit counters",
    evidence: Evidence::Rebuilt,
    source: "annotated example of a Swedish grid company (han-protocol, section 4.2)",
    registers: &REGISTERS_U64,
    envelope: SWEDISH_ENVELOPE,
    ..KAIFA_MA304T4
};

pub(super) static KAIFA_MA105H2E: Profile = Profile {
    name: "kaifa-ma105h2e",
    title: "Kaifa MA105H2E, single phase",
    types: &["MA105"],
    sample_type: b"MA105H2E",
    elements: Elements::One,
    missing: &[Key::CurrentL2, Key::CurrentL3, Key::VoltageL2, Key::VoltageL3],
    ..KAIFA_MA304H4
};

const SWEDISH_ENVELOPE: Envelope = Envelope {
    destination: &[0x01],
    source: &[0x00, 0x01],
    control: 0x10,
    invoke_id: 0x4000_0000,
    time: TimeForm::Tagged,
};

/// The source of all Swedish profiles with bare values.
const SWEDISH: &str =
    "published telegrams and annotated examples of Swedish grid companies (han-protocol, section 4.2)";

pub(super) static KAIFA_MA304H4_SE: Profile = Profile {
    name: "kaifa-ma304h4-se",
    title: "Kaifa MA304H4 and MA304H4D in Sweden, bare values",
    types: &["MA304H4", "MA304H4D"],
    source: SWEDISH,
    envelope: SWEDISH_ENVELOPE,
    quirks: &[Quirk {
        what: "stamps such as :10, :15, :40 and :45; some say CET (deviation -60), some nothing",
        source: SWEDISH,
    }],
    ..KAIFA_MA304H4
};

pub(super) static KAIFA_MA105H2E_SE: Profile = Profile {
    name: "kaifa-ma105h2e-se",
    title: "Kaifa MA105H2E in Sweden, bare values",
    source: SWEDISH,
    envelope: SWEDISH_ENVELOPE,
    ..KAIFA_MA105H2E
};

pub(super) static KAIFA_SE: Profile = Profile {
    name: "kaifa-se",
    title: "Kaifa MA304H4 in Sweden: 18 pairs of OBIS code and value in one list",
    cadence: Cadence {
        list1_ms: None,
        list2_ms: Some(10_000),
        list3_at_s: None,
        list3_replaces_list2: false,
    },
    clock: Clock {
        zone: Zone::StandardAllYear,
        deviation: -60,
        status: (0, 0),
        sunday: 7,
        latched_at_hour: false,
    },
    envelope: Envelope { time: TimeForm::Absent, ..SWEDISH_ENVELOPE },
    form: Form::Pairs { bare_id: false, null_pairs: false },
    registers: &SWEDISH_PAIRS,
    lists: &[List::Full("se-36")],
    quirks: &[Quirk {
        what: "the deviation says CET in summer months too",
        source: "telegram of 2021-09-22 (han-protocol, section 5)",
    }],
    ..KAIFA_MA304H4
};
