//! Which profile a telegram fits: by its list id, its type, its layout, in that order.

use super::PROFILES;
use super::profile::{Form, Holds, List, Profile, Register, Tag};
use super::telegram::Address;
use crate::reading::{Family, Obis, Reading};
use crate::wire::{
    apdu::DataNotification,
    axdr::Element,
    rows::{Body, Name, Row},
};

/// A profile and the list of it that a telegram is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fit {
    /// The profile.
    pub profile: &'static Profile,
    /// The list.
    pub list: List,
    /// The telegram names no meter, none was seen before, and other models of the family send the same: the model
    /// is the first of them and no more.
    pub assumed: bool,
}

/// What a telegram says about its own origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Names<'a> {
    /// List id, padding removed.
    pub list_id: &'a [u8],
    /// Meter type, padding removed.
    pub meter_type: &'a [u8],
    /// Which meter it is, where it says so.
    pub meter: Option<Identity>,
}

impl Names<'_> {
    /// The telegram does not say where it comes from.
    fn is_silent(&self) -> bool {
        *self == Names::default()
    }
}

/// What tells one meter from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Identity {
    /// A hash of the meter id and type.
    Id(u64),
    /// The number that a meter sends in place of an id (Denmark).
    Number(i64),
}

impl Identity {
    /// FNV-1a: enough to tell the meters of one stream apart.
    fn of(id: &[u8], meter_type: &[u8]) -> Identity {
        let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Identity::Id(id.iter().chain(meter_type).fold(0xcbf2_9ce4_8422_2325, hash))
    }
}

/// Known list ids and the family behind each.
const LIST_IDS: [(&[u8], Family); 5] = [
    (b"AIDON_", Family::Aidon),
    (b"KFM_", Family::Kaifa),
    (b"KAIFA_", Family::Kaifa),
    (b"Kamstrup_", Family::Kamstrup),
    (b"EMBRIQ_", Family::Stange),
];

/// How many registers are looked at for names; the Danish list has its number in the sixth.
const NAMED_WITHIN: usize = 6;
/// Fewest digits of a meter id (L+G: 8, all others 16).
const ID_MIN: usize = 8;
/// The meter number of the Danish list.
const NUMBER: Obis = Obis([1, 1, 0, 0, 1, 255]);

/// The text of a string element, padding removed.
fn text<'a>(element: &Element<'a>) -> Option<&'a [u8]> {
    match element {
        Element::Octets(bytes) | Element::Text(bytes) => Some(Reading::trimmed(bytes)),
        _ => None,
    }
}

/// Reads list id, meter id and meter type: the texts among the first registers, or the number in their place.
pub fn names<'a>(body: &Body<'a>) -> Names<'a> {
    let mut names = Names::default();
    let mut id: Option<&[u8]> = None;
    for row in body.rows.iter().take(NAMED_WITHIN) {
        if row.name == Name::Obis(NUMBER) {
            names.meter = row.value.integer().map(Identity::Number);
        }
        let Some(text) = text(&row.value) else { continue };
        if text.len() >= ID_MIN && text.iter().all(u8::is_ascii_digit) {
            id = id.or(Some(text));
        } else if LIST_IDS.iter().any(|(start, _)| text.starts_with(start)) {
            names.list_id = text;
        } else if PROFILES.iter().any(|profile| of_type(profile, text)) {
            names.meter_type = text;
        }
    }
    names.meter = id.map(|id| Identity::of(id, names.meter_type)).or(names.meter);
    names
}

/// The family that a list id belongs to.
pub fn family(list_id: &[u8]) -> Option<Family> {
    LIST_IDS.iter().find(|(start, _)| list_id.starts_with(start)).map(|(_, family)| *family)
}

fn of_type(profile: &Profile, meter_type: &[u8]) -> bool {
    profile.types.iter().any(|start| meter_type.starts_with(start.as_bytes()))
}

/// The longest beginning of a type text that the profile names.
fn type_match(profile: &Profile, meter_type: &[u8]) -> usize {
    let matching = profile.types.iter().filter(|start| meter_type.starts_with(start.as_bytes()));
    matching.map(|start| start.len()).max().unwrap_or(0)
}

/// The best fit. `last` is the profile of the telegram before, and the meter it was found for: a list that names
/// no meter, or the same one, belongs to it.
///
/// Only a profile whose layout is that of the telegram, register by register, is a fit.
pub fn identify(
    notification: &DataNotification<'_>,
    body: &Body<'_>,
    address: Option<Address<'_>>,
    names: &Names<'_>,
    last: Option<(&'static Profile, Option<Identity>)>,
) -> Option<Fit> {
    if let Some((last, meter)) = last
        && (names.meter.is_none() || names.meter == meter)
        && (names.list_id.is_empty() || names.list_id == last.list_id.as_bytes())
        && let Some(fit) = fit_of(last, body)
    {
        return Some(fit);
    }
    let mut best: Option<(usize, Fit)> = None;
    for &profile in PROFILES {
        let Some(score) = score(profile, names, notification, address) else { continue };
        if best.is_some_and(|(least, _)| least >= score) {
            continue;
        }
        if let Some(list) = layout(profile, body) {
            best = Some((score, Fit { profile, list, assumed: false }));
        }
    }
    best.map(|(_, fit)| Fit { assumed: names.is_silent() && others_fit(fit.profile, body), ..fit })
}

/// Whether another model of the family sends the same layout.
fn others_fit(chosen: &Profile, body: &Body<'_>) -> bool {
    let relatives =
        PROFILES.iter().copied().filter(|other| other.family == chosen.family && *other != chosen);
    relatives.into_iter().any(|other| layout(other, body).is_some())
}

/// How well names and head speak for a profile; `None` when they speak against it.
///
/// Families that look like another one (Nuri) are never chosen: nothing in a telegram speaks for them.
fn score(
    profile: &Profile,
    names: &Names<'_>,
    notification: &DataNotification<'_>,
    address: Option<Address<'_>>,
) -> Option<usize> {
    if profile.family == Family::Nuri {
        return None;
    }
    if !names.list_id.is_empty() && names.list_id != profile.list_id.as_bytes() {
        return None;
    }
    let envelope = &profile.envelope;
    let by_address = address.is_some_and(|address| {
        address.destination == envelope.destination && address.source == envelope.source
    });
    let by_time = envelope.time == notification.time_form;
    if names.list_id.is_empty() && address.is_some() && !by_address {
        return None;
    }
    // A type outweighs the head, the longer the better.
    Some(1 + 4 * type_match(profile, names.meter_type) + 2 * usize::from(by_time) + usize::from(by_address))
}

/// The fit of a profile, if the body has its layout, whatever it says of its origin.
pub fn fit_of(profile: &'static Profile, body: &Body<'_>) -> Option<Fit> {
    layout(profile, body).map(|list| Fit { profile, list, assumed: false })
}

/// The list of the profile whose layout the body has, register by register.
fn layout(profile: &'static Profile, body: &Body<'_>) -> Option<List> {
    let outline = body.outline?;
    if outline.array != (profile.form == Form::Nested) {
        return None;
    }
    profile
        .lists
        .iter()
        .copied()
        .filter(|&list| profile.count(list) == outline.count)
        .find(|&list| matches(profile, list, body))
}

/// Compares row by row: name, place and type.
fn matches(profile: &'static Profile, list: List, body: &Body<'_>) -> bool {
    let null_pairs = matches!(profile.form, Form::Pairs { null_pairs: true, .. });
    let mut slots = profile.slots(list).filter(|slot| null_pairs || profile.sends(slot));
    let same = |row: &Row<'_>| slots.next().is_some_and(|slot| same(profile, slot, row));
    body.problem.is_none() && body.rows.iter().all(same) && slots.next().is_none()
}

fn same(profile: &Profile, slot: &Register, row: &Row<'_>) -> bool {
    let named = match (row.name, profile.form) {
        (Name::Obis(obis), Form::Nested | Form::Pairs { .. }) => obis == slot.obis,
        (Name::Position(_), Form::Positional) => true,
        (Name::Position(0), Form::Pairs { bare_id: true, .. }) => slot.holds == Holds::ListId,
        (Name::NullPair, Form::Pairs { null_pairs: true, .. }) => return !profile.sends(slot),
        _ => false,
    };
    let scaled = row.scaler_unit.is_some() == (profile.form == Form::Nested && is_number(slot));
    named && scaled && same_type(slot.tag, &row.value)
}

fn is_number(slot: &Register) -> bool {
    matches!(slot.holds, Holds::Number(_))
}

fn same_type(tag: Tag, element: &Element<'_>) -> bool {
    matches!(
        (tag, element),
        (Tag::U32, Element::U32(_))
            | (Tag::U64, Element::U64(_))
            | (Tag::U16, Element::U16(_))
            | (Tag::I16, Element::I16(_))
            | (Tag::Octets, Element::Octets(_))
            | (Tag::Text, Element::Text(_))
    )
}
