//! Stange Energi: **inferred**. No telegram and no document names its meter (han-protocol, section 4.5).
//!
//! The stand-in is the Embriq HAN module in a Landis+Gyr E350 of a neighbouring grid company, the only other
//! Norwegian family with published telegrams. When a real capture arrives, this file alone is replaced.

use super::aidon;
use super::profile::{Elements, Evidence, Family, Holds, Profile, Quirk, Register, Tag, number, plain};
use crate::reading::Key;

const AB: [u8; 2] = [1, 0];

const REGISTERS: &[Register] = &[
    plain([1, 1, 0, 2, 129, 255], Holds::ListId, Tag::Text, 2),
    plain([0, 0, 96, 1, 0, 255], Holds::MeterId, Tag::Text, 2),
    plain([0, 0, 96, 1, 7, 255], Holds::MeterType, Tag::Text, 2),
    number(AB, Key::ActiveImport, Tag::U32, 0, 1),
    number(AB, Key::ActiveExport, Tag::U32, 0, 2),
    number(AB, Key::ReactiveImport, Tag::U32, 0, 2),
    number(AB, Key::ReactiveExport, Tag::U32, 0, 2),
    number(AB, Key::CurrentL1, Tag::I16, -2, 2),
    number(AB, Key::CurrentL2, Tag::I16, -2, 2),
    number(AB, Key::CurrentL3, Tag::I16, -2, 2),
    number(AB, Key::VoltageL1, Tag::U16, -1, 2),
    number(AB, Key::VoltageL2, Tag::U16, -1, 2),
    number(AB, Key::VoltageL3, Tag::U16, -1, 2),
    plain([0, 0, 1, 0, 0, 255], Holds::Clock, Tag::Octets, 3),
    number(AB, Key::EnergyActiveImport, Tag::U32, 1, 3),
    number(AB, Key::EnergyActiveExport, Tag::U32, 1, 3),
    number(AB, Key::EnergyReactiveImport, Tag::U32, 1, 3),
    number(AB, Key::EnergyReactiveExport, Tag::U32, 1, 3),
];

pub(super) static STANGE_E350: Profile = Profile {
    name: "stange-e350",
    title: "Stange Energi (inferred): Landis+Gyr E350 with Embriq module, three wires",
    family: Family::Stange,
    evidence: Evidence::Inferred,
    source: "Embriq telegrams of another grid company; list 3 is the Aidon form by analogy, unconfirmed",
    list_id: "EMBRIQ_V1_1",
    types: &["ZFF1"],
    elements: Elements::Two,
    registers: REGISTERS,
    zero_unmeasured: &[Key::CurrentL2, Key::VoltageL2],
    quirks: &[
        Quirk {
            what: "current is in 0.01 A (scaler -2), not 0.1 A as at Aidon",
            source: "published Embriq telegrams",
        },
        Quirk {
            what: "I L2 and U L2 are sent as 0 and mean \"not measured\"",
            source: "published Embriq telegrams",
        },
        Quirk {
            what: "the meter id is padded with NULs; the type is four NULs in some telegrams",
            source: "published Embriq telegrams (one list 2 in five)",
        },
    ],
    ..aidon::AIDON_6534
};
