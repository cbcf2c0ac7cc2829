//! The shared vocabulary: exact numbers with units, the keys of a reading, presence, civil time, virtual time.
//!
//! Everything else in hanbench speaks in these words, and this module knows nothing of anything else.
//! It refuses two things: floating point, and a zero in place of "unknown".
//!
//! Sources: the public contract, section 2 (keys, exact decimals, presence); field bug S11 (counters kept in
//! 32-bit floats lose their last digits), D8 and P5 (an absent register shown as 0).

mod family;
#[cfg(feature = "std")]
pub mod json;
mod key;
mod number;
mod time;

pub use family::Family;
pub use key::{Key, Kind};
pub use number::Milli;
pub use time::{Instant, LocalTime};

/// Address of a register, `A-B:C.D.E.F` (IEC 62056-61).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Obis(pub [u8; 6]);

impl core::fmt::Display for Obis {
    /// `1-0:1.7.0.255`, the form the vendors' documents use.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a}-{b}:{c}.{d}.{e}.{g}")
    }
}

impl core::fmt::Debug for Obis {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// What is known about one number of a reading.
///
/// Three cases and not an `Option`, because "the meter did not send it" and "the meter sent something that
/// is no value" lead to different verdicts, and neither of them is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Field {
    /// The meter sent this value.
    Present(Milli),
    /// The meter sent nothing for it.
    #[default]
    Absent,
    /// The meter sent these raw digits, which cannot be a value (wrong type, or finer than a thousandth).
    Invalid(i64),
}

impl Field {
    /// The value, where there is one.
    pub fn present(self) -> Option<Milli> {
        match self {
            Field::Present(value) => Some(value),
            Field::Absent | Field::Invalid(_) => None,
        }
    }
}

/// How many registers without a name of ours one reading can hold; more are reported as a problem.
pub const OTHERS_MAX: usize = 32;

/// The values of one telegram.
///
/// Borrows its texts from the frame and holds everything else in place, so that decoding allocates nothing.
/// Units are those of the [`Key`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading<'a> {
    numbers: [Field; Key::COUNT],
    others: [(Obis, i64); OTHERS_MAX],
    others_len: usize,
    /// Meter id as sent, padding included.
    pub meter_id: Option<&'a [u8]>,
    /// Meter type as sent, padding included.
    pub meter_type: Option<&'a [u8]>,
    /// List version id as sent, e.g. `AIDON_V0001`.
    pub list_id: Option<&'a [u8]>,
    /// Time of the telegram: the date-time of the APDU, or the clock object where the APDU has none.
    pub timestamp: Option<LocalTime>,
    /// The clock object of the hourly list.
    pub clock: Option<LocalTime>,
}

impl Default for Reading<'_> {
    fn default() -> Self {
        Self {
            numbers: [Field::Absent; Key::COUNT],
            others: [(Obis([0; 6]), 0); OTHERS_MAX],
            others_len: 0,
            meter_id: None,
            meter_type: None,
            list_id: None,
            timestamp: None,
            clock: None,
        }
    }
}

impl<'a> Reading<'a> {
    /// What is known about `key`.
    pub fn get(&self, key: Key) -> Field {
        self.numbers[key as usize]
    }

    /// Replaces what is known about `key`.
    pub fn set(&mut self, key: Key, field: Field) {
        self.numbers[key as usize] = field;
    }

    /// All numbers that are not absent, in the order of the keys.
    pub fn numbers(&self) -> impl Iterator<Item = (Key, Field)> + '_ {
        Key::ALL.iter().map(|&key| (key, self.get(key))).filter(|(_, field)| *field != Field::Absent)
    }

    /// Keeps the raw value of a register that has no name of ours. Returns false when there is no room left.
    #[must_use]
    pub fn push_other(&mut self, obis: Obis, raw: i64) -> bool {
        let Some(slot) = self.others.get_mut(self.others_len) else {
            return false;
        };
        *slot = (obis, raw);
        self.others_len += 1;
        true
    }

    /// Raw values of registers that have no name of ours, in the order sent.
    pub fn others(&self) -> &[(Obis, i64)] {
        &self.others[..self.others_len]
    }

    /// A text without its padding: NULs and blanks at the end are not part of a meter's name
    /// (contract, section 3; L+G E350 pads with NUL).
    pub fn trimmed(text: &'a [u8]) -> &'a [u8] {
        let end = text.iter().rposition(|&byte| byte != 0 && byte != b' ').map_or(0, |last| last + 1);
        &text[..end]
    }
}
