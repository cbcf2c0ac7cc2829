//! What meters say: profiles as data, and one decoder and one encoder for all of them.
//!
//! Refuses to know rigs and tolerances, and to guess a scale that nothing announces: a scale is chosen with
//! a profile, and what cannot be true in it is reported.
//!
//! | file | what |
//! |---|---|
//! | [`profile`] | the vocabulary: layout, scale, clock, cadence, quirks |
//! | `aidon`, `kaifa`, `kamstrup`, `nuri`, `stange`, `neighbours` | the profiles, one file per family |
//! | [`identify`] | which profile a telegram fits |
//! | [`telegram`] | the content of one telegram |
//! | [`decode`], `place` | APDU → telegram, one register at a time |
//! | `sample` | house → telegram |
//! | `schedule` | which list is due when, and what the clock shows |
//! | [`encode`] | telegram → APDU and frame |
//! | [`estimate`] | what may be said of an L2 that the telegram leaves out |
//! | [`ascii`] | P1 lines → telegram |
//! | [`stream`] | the whole way: bytes → entries |
//! | `json` | entries as the lines of `decode --json` |
//! | [`plausible`] | what cannot be true in the scale chosen |
//!
//! To add a meter: one `static` in its family's file and one line in [`PROFILES`]; see `docs/add-a-meter.md`.

mod aidon;
pub mod ascii;
pub mod decode;
pub mod encode;
pub mod estimate;
pub mod identify;
#[cfg(feature = "std")]
pub mod json;
mod kaifa;
mod kamstrup;
mod neighbours;
mod nuri;
pub(crate) mod place;
pub mod plausible;
pub mod profile;
#[cfg(feature = "std")]
pub mod sample;
#[cfg(feature = "std")]
pub mod schedule;
mod stange;
pub mod stream;
pub mod telegram;

pub use decode::{Decoded, Decoder};
pub use profile::{Evidence, List, Profile};
pub use telegram::{Address, Telegram};

use crate::reading::Obis;
use crate::wire;

/// All profiles. Within a family the more particular comes first: the first that fits is taken.
pub static PROFILES: &[&Profile] = &[
    &aidon::AIDON_6515,
    &aidon::AIDON_6525,
    &aidon::AIDON_6534,
    &aidon::AIDON_6540,
    &aidon::AIDON_SE,
    &kaifa::KAIFA_MA105H2E,
    &kaifa::KAIFA_MA304H3E,
    &kaifa::KAIFA_MA304H4,
    &kaifa::KAIFA_MA304T3,
    &kaifa::KAIFA_MA304T4,
    &kaifa::KAIFA_MA304T4_SE,
    &kaifa::KAIFA_MA105H2E_SE,
    &kaifa::KAIFA_MA304H4_SE,
    &kaifa::KAIFA_SE,
    &kamstrup::KAMSTRUP_6841131_1WH,
    &kamstrup::KAMSTRUP_6841131,
    &kamstrup::KAMSTRUP_6841121_2017,
    &kamstrup::KAMSTRUP_6841121,
    &kamstrup::KAMSTRUP_6841121_NO_I2,
    &kamstrup::KAMSTRUP_6861111,
    &kamstrup::KAMSTRUP_685,
    &kamstrup::KAMSTRUP_CENTIVOLT,
    &kamstrup::KAMSTRUP_1PH_1Q,
    &kamstrup::KAMSTRUP_1PH_4Q,
    &kamstrup::KAMSTRUP_DK,
    &kamstrup::KAMSTRUP_DK_CT,
    &kamstrup::KAMSTRUP_DK_1PH,
    &nuri::NURI_MA105H2E,
    &nuri::NURI_MA304H3E,
    &nuri::NURI_MA304H4,
    &nuri::NURI_MA304T4,
    &stange::STANGE_E350,
    &neighbours::ISKRA_AM550,
];

/// The profile of that name.
pub fn by_name(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().copied().find(|profile| profile.name == name)
}

/// Something about a telegram that a reader of the result should know, and where it shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Offset from the first byte of the APDU.
    pub offset: usize,
    /// What it is.
    pub kind: ProblemKind,
}

/// Everything that can be wrong with the meaning of a telegram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProblemKind {
    /// Below the meaning.
    Wire(wire::ProblemKind),
    /// The body is no array or structure.
    NoList,
    /// No profile has this layout; registers with an OBIS code were decoded all the same.
    LayoutUnknown,
    /// A bare value that no profile gives a meaning to.
    MeaningUnknown(usize),
    /// A register whose scale neither the telegram nor a profile says.
    ScaleUnknown(Obis),
    /// A value finer than a thousandth of its unit, or too large.
    OutOfRange(Obis),
    /// A unit that the quantity cannot have: the unit's code.
    WrongUnit(Obis, u8),
    /// A type that the register cannot have: the type's tag.
    WrongType(Obis, u8),
    /// The same register twice; the first stands.
    Repeated(Obis),
    /// More registers without a name than are kept.
    TooManyUnnamed,
    /// A date-time with unspecified or impossible parts; left out.
    ImpossibleTime,
    /// A line of a P1 telegram that cannot be read; skipped.
    BadLine,
    /// The values cannot be true, or hardly, in the scale of the profile.
    Scale(plausible::Suspicion),
}

impl core::fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ProblemKind::Wire(kind) => write!(f, "{kind}"),
            ProblemKind::NoList => write!(f, "the body is no array or structure"),
            ProblemKind::LayoutUnknown => write!(f, "no profile has this layout"),
            ProblemKind::MeaningUnknown(place) => write!(f, "no profile knows the value at place {place}"),
            ProblemKind::ScaleUnknown(obis) => write!(f, "nothing says the scale of {obis}"),
            ProblemKind::OutOfRange(obis) => {
                write!(f, "{obis} is finer than a thousandth of its unit, or too large")
            }
            ProblemKind::WrongUnit(obis, unit) => write!(f, "{obis} cannot have unit {unit}"),
            ProblemKind::WrongType(obis, tag) => write!(f, "{obis} cannot have type {tag:02x}"),
            ProblemKind::Repeated(obis) => write!(f, "{obis} comes twice; the first stands"),
            ProblemKind::TooManyUnnamed => write!(f, "more registers without a name than are kept"),
            ProblemKind::ImpossibleTime => {
                write!(f, "a date-time with unspecified or impossible parts; left out")
            }
            ProblemKind::BadLine => write!(f, "a line that cannot be read; skipped"),
            ProblemKind::Scale(suspicion) => write!(f, "{suspicion}"),
        }
    }
}
