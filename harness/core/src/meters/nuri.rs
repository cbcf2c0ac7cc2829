//! "Nuri": Kaifa hardware under Nuri's head-end, SORIA grid companies (han-protocol, section 4.4).
//!
//! The telegrams are KFM_001 byte for byte; nothing in them says Nuri. So these profiles are never chosen by
//! the decoder, only by name, and exist so that a rig can say what it plays.

use super::kaifa;
use super::profile::{Profile, Quirk};
use crate::reading::Family;

const ALIAS: Quirk = Quirk {
    what: "nothing in the telegram tells this family from Kaifa",
    source: "SORIA alliance paper on the HAN port v1.11, tested on \"NURI AMS\" meters",
};

pub(super) static NURI_MA304H3E: Profile = Profile {
    name: "nuri-ma304h3e",
    title: "Nuri: Kaifa MA304H3E, three wires",
    family: Family::Nuri,
    types: &[],
    quirks: &[ALIAS],
    ..kaifa::KAIFA_MA304H3E
};

pub(super) static NURI_MA304T4: Profile = Profile {
    name: "nuri-ma304t4",
    title: "Nuri: Kaifa MA304T4, four wires behind current transformers",
    family: Family::Nuri,
    types: &[],
    quirks: &[
        ALIAS,
        Quirk {
            what: "the pre-release firmware of January 2017 sent list 3 at the full hour, in place of that list 2",
            source: "recorded telegrams of an MA304T4, 2017-01-18",
        },
    ],
    ..kaifa::KAIFA_MA304T4
};

pub(super) static NURI_MA304H4: Profile = Profile {
    name: "nuri-ma304h4",
    title: "Nuri: Kaifa MA304H4, four wires",
    family: Family::Nuri,
    types: &[],
    quirks: &[ALIAS],
    ..kaifa::KAIFA_MA304H4
};

pub(super) static NURI_MA105H2E: Profile = Profile {
    name: "nuri-ma105h2e",
    title: "Nuri: Kaifa MA105H2E, single phase",
    family: Family::Nuri,
    types: &[],
    quirks: &[ALIAS],
    ..kaifa::KAIFA_MA105H2E
};
