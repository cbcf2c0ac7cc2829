//! Kamstrup OMNIPOWER: pairs of OBIS code and value, no scale in the telegram (han-protocol, section 4.3).
//!
//! Source documents: Kamstrup HAN-NVE interface description rev 3.1; OMNIPOWER HAN interface specification
//! 5512-2584 A2. The scale is a meter configuration that nothing announces, so a profile per scale.

use super::profile::{
    Cadence, Clock, Elements, Envelope, Evidence, Form, Holds, List, Profile, Quirk, Register, Sign, Tag,
    Variant, Zone, number, plain,
};
use crate::reading::{Family, Key};
use crate::wire::{apdu::TimeForm, time::DEVIATION_UNSPECIFIED};

const AB: [u8; 2] = [1, 1];

/// The registers of the Norwegian lists for one configuration of the scale.
const fn registers(current: i8, voltage: i8, energy: i8) -> [Register; 18] {
    [
        plain([1, 1, 0, 2, 129, 255], Holds::ListId, Tag::Text, 2),
        plain([1, 1, 0, 0, 5, 255], Holds::MeterId, Tag::Text, 2),
        plain([1, 1, 96, 1, 1, 255], Holds::MeterType, Tag::Text, 2),
        number(AB, Key::ActiveImport, Tag::U32, 0, 2),
        number(AB, Key::ActiveExport, Tag::U32, 0, 2),
        number(AB, Key::ReactiveImport, Tag::U32, 0, 2),
        number(AB, Key::ReactiveExport, Tag::U32, 0, 2),
        number(AB, Key::CurrentL1, Tag::U32, current, 2),
        number(AB, Key::CurrentL2, Tag::U32, current, 2),
        number(AB, Key::CurrentL3, Tag::U32, current, 2),
        number(AB, Key::VoltageL1, Tag::U16, voltage, 2),
        number(AB, Key::VoltageL2, Tag::U16, voltage, 2),
        number(AB, Key::VoltageL3, Tag::U16, voltage, 2),
        plain([0, 1, 1, 0, 0, 255], Holds::Clock, Tag::Octets, 3),
        number(AB, Key::EnergyActiveImport, Tag::U32, energy, 3),
        number(AB, Key::EnergyActiveExport, Tag::U32, energy, 3),
        number(AB, Key::EnergyReactiveImport, Tag::U32, energy, 3),
        number(AB, Key::EnergyReactiveExport, Tag::U32, energy, 3),
    ]
}

static REGISTERS: [Register; 18] = registers(-2, 0, 1);
static REGISTERS_1WH: [Register; 18] = registers(-2, 0, 0);
static REGISTERS_CENTIVOLT: [Register; 18] = registers(-2, -2, 1);
static REGISTERS_MILLIAMP: [Register; 18] = registers(-3, 0, 1);

/// The long list of Denmark; `current` is its power of ten of the ampere.
///
/// The counters per phase are in 1 Wh where the totals are in 10 Wh, as the published decodes have it.
/// A single-phase telegram whose L1 counter equals its total digit by digit speaks against that; nothing
/// in a telegram settles it.
const fn danish(current: i8) -> [Register; 33] {
    [
        plain([1, 1, 0, 2, 129, 255], Holds::ListId, Tag::Text, 2),
        number(AB, Key::EnergyActiveImport, Tag::U32, 1, 2),
        number(AB, Key::EnergyActiveExport, Tag::U32, 1, 2),
        number(AB, Key::EnergyReactiveImport, Tag::U32, 1, 2),
        number(AB, Key::EnergyReactiveExport, Tag::U32, 1, 2),
        plain([1, 1, 0, 0, 1, 255], Holds::Unnamed, Tag::U32, 2),
        number(AB, Key::ActiveImport, Tag::U32, 0, 2),
        number(AB, Key::ActiveExport, Tag::U32, 0, 2),
        number(AB, Key::ReactiveImport, Tag::U32, 0, 2),
        number(AB, Key::ReactiveExport, Tag::U32, 0, 2),
        plain([0, 1, 1, 0, 0, 255], Holds::Clock, Tag::Octets, 2),
        number(AB, Key::VoltageL1, Tag::U16, 0, 2),
        number(AB, Key::VoltageL2, Tag::U16, 0, 2),
        number(AB, Key::VoltageL3, Tag::U16, 0, 2),
        number(AB, Key::CurrentL1, Tag::U32, current, 2),
        number(AB, Key::CurrentL2, Tag::U32, current, 2),
        number(AB, Key::CurrentL3, Tag::U32, current, 2),
        number(AB, Key::ActiveImportL1, Tag::U32, 0, 2),
        number(AB, Key::ActiveImportL2, Tag::U32, 0, 2),
        number(AB, Key::ActiveImportL3, Tag::U32, 0, 2),
        number(AB, Key::PowerFactorL1, Tag::U16, -2, 2),
        number(AB, Key::PowerFactorL2, Tag::U16, -2, 2),
        number(AB, Key::PowerFactorL3, Tag::U16, -2, 2),
        number(AB, Key::PowerFactor, Tag::U16, -2, 2),
        number(AB, Key::ActiveExportL1, Tag::U32, 0, 2),
        number(AB, Key::ActiveExportL2, Tag::U32, 0, 2),
        number(AB, Key::ActiveExportL3, Tag::U32, 0, 2),
        number(AB, Key::EnergyActiveExportL1, Tag::U32, 0, 2),
        number(AB, Key::EnergyActiveExportL2, Tag::U32, 0, 2),
        number(AB, Key::EnergyActiveExportL3, Tag::U32, 0, 2),
        number(AB, Key::EnergyActiveImportL1, Tag::U32, 0, 2),
        number(AB, Key::EnergyActiveImportL2, Tag::U32, 0, 2),
        number(AB, Key::EnergyActiveImportL3, Tag::U32, 0, 2),
    ]
}

static DANISH: [Register; 33] = danish(-2);
static DANISH_MILLIAMP: [Register; 33] = danish(-3);

/// A meter with an unusual scale is a meter of its own.
const UNUSUAL_ID: &[u8] = b"5706567000000041";

const ENERGIES: &[Key] =
    &[Key::EnergyActiveImport, Key::EnergyActiveExport, Key::EnergyReactiveImport, Key::EnergyReactiveExport];

const OFFSET: Quirk = Quirk {
    what: "the hourly list is stamped and sent at :05, :25, :35 or :55 depending on firmware and country",
    source: "published telegrams of 2017, 2021 and 2022 (han-protocol, section 5)",
};

const UNSIGNED: Quirk = Quirk { what: "currents have no sign on export", source: "field bug X2" };

const CENTIVOLT_SIGN: Variant = Variant { sign: Sign::VoltageAbove1000V, profile: "kamstrup-6841-centivolt" };

/// The four-wire meter; the others differ in scale and in what they leave out.
pub(super) static KAMSTRUP_6841131: Profile = Profile {
    name: "kamstrup-6841131",
    title: "Kamstrup 6841131, three phases, four wires",
    family: Family::Kamstrup,
    evidence: Evidence::Recorded,
    source: "Kamstrup HAN-NVE interface description rev 3.1; published telegrams",
    list_id: "Kamstrup_V0001",
    types: &["684113"],
    sample_id: b"5706567000000033",
    sample_type: b"6841131BN243101040",
    elements: Elements::Three,
    cadence: Cadence {
        list1_ms: None,
        list2_ms: Some(10_000),
        list3_at_s: Some(5),
        list3_replaces_list2: false,
    },
    clock: Clock {
        zone: Zone::StandardAllYear,
        deviation: DEVIATION_UNSPECIFIED,
        status: (0x00, 0x80),
        sunday: 7,
        latched_at_hour: false,
    },
    envelope: Envelope {
        destination: &[0x2B],
        source: &[0x21],
        control: 0x13,
        invoke_id: 0,
        time: TimeForm::Length,
    },
    form: Form::Pairs { bare_id: true, null_pairs: false },
    registers: &REGISTERS,
    missing: &[],
    lists: &[List::Two, List::Three],
    zero_unmeasured: &[],
    unannounced: &[],
    variants: &[CENTIVOLT_SIGN],
    quirks: &[OFFSET, UNSIGNED],
};

pub(super) static KAMSTRUP_6841121: Profile = Profile {
    name: "kamstrup-6841121",
    title: "Kamstrup 6841121, three phases, three wires; U L2 is calculated by the meter",
    types: &["684112"],
    sample_type: b"6841121BN243101040",
    elements: Elements::Two,
    ..KAMSTRUP_6841131
};

pub(super) static KAMSTRUP_6841121_NO_I2: Profile = Profile {
    name: "kamstrup-6841121-no-i2",
    title: "Kamstrup 6841121 of a firmware that leaves I L2 out (23 and 33 elements)",
    evidence: Evidence::Rebuilt,
    source: "element counts of a public reader (han-protocol, section 4.3); no telegram published",
    missing: &[Key::CurrentL2],
    ..KAMSTRUP_6841121
};

pub(super) static KAMSTRUP_6841121_2017: Profile = Profile {
    name: "kamstrup-6841121-2017",
    title: "Kamstrup 6841121, firmware of 2017 with the tagged date-time",
    source: "recorded stream of 2017-10",
    envelope: Envelope { time: TimeForm::Tagged, ..KAMSTRUP_6841131.envelope },
    ..KAMSTRUP_6841121
};

pub(super) static KAMSTRUP_6861111: Profile = Profile {
    name: "kamstrup-6861111",
    title: "Kamstrup 6861111, single phase, null pairs for what it does not measure",
    types: &["6861"],
    sample_type: b"6861111BN242101040",
    elements: Elements::One,
    form: Form::Pairs { bare_id: true, null_pairs: true },
    missing: &[Key::CurrentL2, Key::CurrentL3, Key::VoltageL2, Key::VoltageL3],
    variants: &[],
    ..KAMSTRUP_6841131
};

pub(super) static KAMSTRUP_1PH_1Q: Profile = Profile {
    name: "kamstrup-1ph-1q",
    title: "Kamstrup single phase, one quadrant, as in the interface description (15 elements hourly)",
    evidence: Evidence::Rebuilt,
    source: "example of the Kamstrup HAN-NVE interface description",
    elements: Elements::One,
    types: &[],
    sample_type: KAMSTRUP_6861111.sample_type,
    missing: &[
        Key::ActiveExport,
        Key::ReactiveImport,
        Key::ReactiveExport,
        Key::CurrentL2,
        Key::CurrentL3,
        Key::VoltageL2,
        Key::VoltageL3,
        Key::EnergyActiveExport,
        Key::EnergyReactiveImport,
        Key::EnergyReactiveExport,
    ],
    ..KAMSTRUP_6841131
};

pub(super) static KAMSTRUP_1PH_4Q: Profile = Profile {
    name: "kamstrup-1ph-4q",
    title: "Kamstrup single phase, four quadrants, absent registers left out (17 and 27 elements)",
    types: &[],
    missing: &[Key::CurrentL2, Key::CurrentL3, Key::VoltageL2, Key::VoltageL3],
    ..KAMSTRUP_1PH_1Q
};

pub(super) static KAMSTRUP_6841131_1WH: Profile = Profile {
    name: "kamstrup-6841131-1wh",
    title: "Kamstrup 6841131 in Sweden, configured to count in 1 Wh",
    types: &["6841131BN245101092"],
    sample_id: UNUSUAL_ID,
    sample_type: b"6841131BN245101092",
    source: "published telegrams of a Swedish meter; field bug S2",
    registers: &REGISTERS_1WH,
    unannounced: ENERGIES,
    ..KAMSTRUP_6841131
};

pub(super) static KAMSTRUP_CENTIVOLT: Profile = Profile {
    name: "kamstrup-6841-centivolt",
    title: "Kamstrup 6841 configured to send voltages in 0.01 V",
    types: &["6841439", "6841438"],
    sample_id: UNUSUAL_ID,
    sample_type: b"6841439BN243101010",
    source: "published telegrams of Danish meters; field bug S3",
    registers: &REGISTERS_CENTIVOLT,
    unannounced: &Key::VOLTAGES,
    variants: &[Variant { sign: Sign::VoltageBelow50V, profile: "kamstrup-6841131" }],
    ..KAMSTRUP_6841131
};

pub(super) static KAMSTRUP_685: Profile = Profile {
    name: "kamstrup-685",
    title: "Kamstrup 685 behind current transformers: currents in 0.001 A",
    types: &["685"],
    sample_id: UNUSUAL_ID,
    sample_type: b"6851131BN243101040",
    evidence: Evidence::Rebuilt,
    source: "field bug L4; no Norwegian telegram published",
    registers: &REGISTERS_MILLIAMP,
    unannounced: &Key::CURRENTS,
    variants: &[],
    ..KAMSTRUP_6841131
};

pub(super) static KAMSTRUP_DK: Profile = Profile {
    name: "kamstrup-dk",
    title: "Kamstrup in Denmark and Switzerland: 65 elements in one list",
    types: &[],
    sample_type: b"",
    source: "published telegrams",
    cadence: Cadence { list3_at_s: None, ..KAMSTRUP_6841131.cadence },
    registers: &DANISH,
    lists: &[List::Full("dk-65")],
    variants: &[Variant { sign: Sign::CurrentAbove125A, profile: "kamstrup-dk-ct" }],
    ..KAMSTRUP_6841131
};

pub(super) static KAMSTRUP_DK_CT: Profile = Profile {
    name: "kamstrup-dk-ct",
    title: "Kamstrup in Denmark behind current transformers: currents in 0.001 A",
    sample_id: UNUSUAL_ID,
    source: "published telegram in which U times I fits P and Q only in 0.001 A",
    registers: &DANISH_MILLIAMP,
    unannounced: &Key::CURRENTS,
    variants: &[],
    ..KAMSTRUP_DK
};

pub(super) static KAMSTRUP_DK_1PH: Profile = Profile {
    name: "kamstrup-dk-1ph",
    title: "Kamstrup in Denmark, single phase: 37 elements in one list",
    sample_type: KAMSTRUP_6861111.sample_type,
    elements: Elements::One,
    missing: &[
        Key::VoltageL2,
        Key::VoltageL3,
        Key::CurrentL2,
        Key::CurrentL3,
        Key::ActiveImportL2,
        Key::ActiveImportL3,
        Key::PowerFactorL2,
        Key::PowerFactorL3,
        Key::ActiveExportL2,
        Key::ActiveExportL3,
        Key::EnergyActiveExportL2,
        Key::EnergyActiveExportL3,
        Key::EnergyActiveImportL2,
        Key::EnergyActiveImportL3,
    ],
    lists: &[List::Full("dk-37")],
    variants: &[],
    ..KAMSTRUP_DK
};
