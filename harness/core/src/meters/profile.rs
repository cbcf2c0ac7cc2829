//! What one meter sends, as data: layout, scale, addresses, cadence, clock habit, quirks, each with its source.
//!
//! One description serves decoding and encoding. Refuses to hold code: whatever differs between meters is a
//! value in a [`Profile`].

use crate::reading::{Family, Key, Obis};
use crate::wire::apdu::TimeForm;

/// How well a profile is founded (contract, section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// Read from telegrams recorded on a line.
    Recorded,
    /// Built from a document's layout.
    Rebuilt,
    /// A guess that nothing has confirmed.
    Inferred,
}

impl Evidence {
    /// The word in JSON and captures.
    pub const fn word(self) -> &'static str {
        match self {
            Evidence::Recorded => "recorded",
            Evidence::Rebuilt => "rebuilt",
            Evidence::Inferred => "inferred",
        }
    }
}

/// How many current-voltage pairs the meter measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Elements {
    /// Single phase.
    One,
    /// Three wires (IT, TT): I1, I3 and the line voltages.
    Two,
    /// Four wires (TN).
    Three,
}

/// How often each list comes. `None` = never.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cadence {
    /// List 1, power only, in milliseconds.
    pub list1_ms: Option<u32>,
    /// List 2 (or the only list), in milliseconds.
    pub list2_ms: Option<u32>,
    /// List 3: seconds after the full hour.
    pub list3_at_s: Option<u32>,
    /// List 3 takes the place of the list 2 due then.
    pub list3_replaces_list2: bool,
}

/// Which wall clock the meter follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Zone {
    /// Central European standard time all year.
    StandardAllYear,
    /// Civil time, with daylight saving.
    Civil,
}

/// What the clock field looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// The wall clock followed.
    pub zone: Zone,
    /// Deviation sent, minutes to add to get UTC; 8000 hex = unspecified.
    pub deviation: i16,
    /// Status byte in winter and in summer.
    pub status: (u8, u8),
    /// Byte sent for Sunday: 7 by the standard, 0 by Aidon.
    pub sunday: u8,
    /// The clock object shows the full hour although the list is sent seconds later (Aidon).
    pub latched_at_hour: bool,
}

/// Addresses and head of every telegram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// HDLC destination address as sent.
    pub destination: &'static [u8],
    /// HDLC source address as sent.
    pub source: &'static [u8],
    /// HDLC control byte.
    pub control: u8,
    /// Long-invoke-id-and-priority.
    pub invoke_id: u32,
    /// Form of the APDU date-time.
    pub time: TimeForm,
}

/// How the body is laid out (see [`crate::wire::rows`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// An array of structures, each with OBIS, value and scaler-unit.
    Nested,
    /// A structure of OBIS and value in turn; the list id stands in front without an OBIS code when `bare_id`.
    /// What the meter does not measure is left out, or sent as two nulls when `null_pairs`.
    Pairs {
        /// The list id has no OBIS code.
        bare_id: bool,
        /// Unmeasured registers keep their place as null-data.
        null_pairs: bool,
    },
    /// A structure of bare values.
    Positional,
}

/// The list a register is part of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum List {
    /// Power only, every 2 to 2.5 s.
    One,
    /// Instantaneous values, every 10 s.
    Two,
    /// With clock and counters, every hour.
    Three,
    /// Everything in one list: the documented word for it.
    Full(&'static str),
}

impl List {
    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            List::One => "1",
            List::Two => "2",
            List::Three => "3",
            List::Full(word) => word,
        }
    }
}

/// Type of a register on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tag {
    /// Double-long-unsigned.
    U32,
    /// Long64-unsigned.
    U64,
    /// Long-unsigned.
    U16,
    /// Long.
    I16,
    /// Octet-string.
    Octets,
    /// Visible-string.
    Text,
}

/// What a register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holds {
    /// A number of the reading.
    Number(Key),
    /// The list id.
    ListId,
    /// The meter id.
    MeterId,
    /// The meter type.
    MeterType,
    /// The clock, twelve bytes.
    Clock,
    /// A number that has no name of ours, kept raw under its OBIS code.
    Unnamed,
}

/// One register of a layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Register {
    /// Its OBIS code as sent (or as documented, where it is not sent).
    pub obis: Obis,
    /// What it holds.
    pub holds: Holds,
    /// Its type.
    pub tag: Tag,
    /// value = raw · 10^scaler, in the unit of the key.
    pub scaler: i8,
    /// First list it is part of: 1, 2 or 3.
    pub from: u8,
}

/// A habit worth knowing, and where it was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quirk {
    /// The habit, one sentence.
    pub what: &'static str,
    /// Document, issue or capture.
    pub source: &'static str,
}

/// One meter.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Profile {
    /// `aidon-6525`.
    pub name: &'static str,
    /// One line for people.
    pub title: &'static str,
    /// Who made it.
    pub family: Family,
    /// How well this description is founded.
    pub evidence: Evidence,
    /// Where it comes from.
    pub source: &'static str,
    /// List id it sends, empty when it sends none.
    pub list_id: &'static str,
    /// Beginnings of the meter type texts that belong to it. Empty: never chosen by type.
    pub types: &'static [&'static str],
    /// Meter id of a made-up meter of this profile, padding included: the first digits are those of the maker, the
    /// others nobody's.
    pub sample_id: &'static [u8],
    /// Meter type of such a meter, padding included; empty where none is known.
    pub sample_type: &'static [u8],
    /// How many elements it measures with.
    pub elements: Elements,
    /// How often each list comes.
    pub cadence: Cadence,
    /// Its clock.
    pub clock: Clock,
    /// Its addresses.
    pub envelope: Envelope,
    /// Its body.
    pub form: Form,
    /// All registers it knows, in the order sent.
    pub registers: &'static [Register],
    /// Keys of `registers` that this meter does not send.
    pub missing: &'static [Key],
    /// The lists it sends.
    pub lists: &'static [List],
    /// Keys where it sends 0 in place of "not measured".
    pub zero_unmeasured: &'static [Key],
    /// Keys whose scale is unusual in the family, with nothing in the telegram to say so.
    pub unannounced: &'static [Key],
    /// Profiles to change to when values cannot be true in this one's scale.
    pub variants: &'static [Variant],
    /// Habits worth knowing.
    pub quirks: &'static [Quirk],
}

/// Values that a meter of this profile cannot have, and the profile of the meter that can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Variant {
    /// What cannot be.
    pub sign: Sign,
    /// Name of the profile in which it can.
    pub profile: &'static str,
}

/// A value outside what the hardware can measure: proof of another scale, not a guess.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// No mains voltage is above 1000 V (field bugs S3, S6).
    VoltageAbove1000V,
    /// No mains voltage that measures power is between 0 and 50 V.
    VoltageBelow50V,
    /// No meter on a HAN port measures more than 125 A: the largest direct type ends at 100 A, and
    /// transformer types send the secondary side (han-protocol, sections 4 and 6).
    CurrentAbove125A,
}

impl Profile {
    /// The registers of a list as this meter knows them, those it does not send included.
    pub fn slots(&self, list: List) -> impl Iterator<Item = &'static Register> + use<> {
        let depth = match list {
            List::One => 1,
            List::Two => 2,
            List::Three | List::Full(_) => 3,
        };
        self.registers.iter().filter(move |register| register.from <= depth)
    }

    /// Whether this meter sends the register.
    pub fn sends(&self, register: &Register) -> bool {
        !matches!(register.holds, Holds::Number(key) if self.missing.contains(&key))
    }

    /// Number of elements the telegram announces for a list: registers, OBIS codes and nulls as the form has them.
    pub fn count(&self, list: List) -> usize {
        let slots = self.slots(list).count();
        let sent = self.slots(list).filter(|register| self.sends(register)).count();
        match self.form {
            Form::Nested | Form::Positional => sent,
            Form::Pairs { bare_id, null_pairs } => {
                2 * if null_pairs { slots } else { sent } - usize::from(bare_id)
            }
        }
    }

    /// The register that holds a key.
    pub fn register(&self, key: Key) -> Option<&'static Register> {
        self.registers.iter().find(|register| register.holds == Holds::Number(key))
    }
}

/// A register of a number; the OBIS code is built from the key.
pub(super) const fn number(ab: [u8; 2], key: Key, tag: Tag, scaler: i8, from: u8) -> Register {
    let (c, d) = key.obis_cd();
    Register { obis: Obis([ab[0], ab[1], c, d, 0, 255]), holds: Holds::Number(key), tag, scaler, from }
}

/// A register of a text or a clock.
pub(super) const fn plain(obis: [u8; 6], holds: Holds, tag: Tag, from: u8) -> Register {
    Register { obis: Obis(obis), holds, tag, scaler: 0, from }
}
