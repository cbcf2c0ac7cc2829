//! Stange Energi: **inferred**. No telegram and no document names its meter (han-protocol, section 4.5).
//!
//! The stand-in is the Embriq HAN module in a Landis+Gyr E350 of a neighbouring grid company, the only other
//! Norwegian family with published telegrams. When a real capture arrives, this file alone is replaced.

use super::aidon;
use super::profile::{Elements, Evidence, Profile, Quirk, Register};
use crate::reading::{Family, Key};

static REGISTERS: [Register; 18] = aidon::registers(-2);

pub(super) static STANGE_E350: Profile = Profile {
    name: "stange-e350",
    title: "Stange Energi (inferred): Landis+Gyr E350 with Embriq module, three wires",
    family: Family::Stange,
    evidence: Evidence::Inferred,
    source: "Embriq telegrams of another grid company; list 3 is the Aidon form by analogy, unconfirmed",
    list_id: "EMBRIQ_V1_1",
    types: &["ZFF1"],
    sample_id: b"13000041\0\0\0\0\0\0\0\0",
    sample_type: b"ZFF1",
    elements: Elements::Two,
    registers: &REGISTERS,
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
