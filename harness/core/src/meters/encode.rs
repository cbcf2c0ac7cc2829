//! Telegram → APDU → frame, by the same profile that decodes it.

use super::place::unit_code;
use super::profile::{Form, Holds, List, Profile, Register, Tag};
use super::telegram::{Address, Telegram};
use crate::reading::{Field, Key, Obis};
use crate::wire::{apdu, axdr::Element, hdlc, llc};
use alloc::vec::Vec;

/// Why a telegram cannot be sent by this meter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EncodeError {
    /// The profile has no such list.
    NoList,
    /// The meter sends this number, and the telegram has none.
    Missing(Key),
    /// The meter sends this text, clock or unnamed number, and the telegram has none.
    MissingText(Obis),
    /// The value is finer than the meter's scale, or does not fit its type.
    OutOfRange(Key),
    /// The APDU of this profile carries a date-time, and the telegram has none.
    MissingTime,
}

impl core::fmt::Display for EncodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            EncodeError::NoList => write!(f, "the profile has no such list"),
            EncodeError::Missing(key) => write!(f, "the meter sends {}, and there is no value", key.name()),
            EncodeError::MissingText(obis) => write!(f, "the meter sends {obis}, and there is no value"),
            EncodeError::OutOfRange(key) => {
                write!(f, "{} is finer than the meter's scale, or does not fit its type", key.name())
            }
            EncodeError::MissingTime => write!(f, "the APDU carries a date-time, and there is none"),
        }
    }
}

/// Appends the APDU of a telegram.
///
/// # Errors
/// See [`EncodeError`]; `out` may then hold a part of the APDU.
pub fn encode_apdu(
    profile: &Profile,
    list: List,
    telegram: &Telegram<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if !profile.lists.contains(&list) {
        return Err(EncodeError::NoList);
    }
    if telegram.time_form != apdu::TimeForm::Absent && telegram.time.is_none() {
        return Err(EncodeError::MissingTime);
    }
    apdu::encode_head(telegram.invoke_id, telegram.time_form, telegram.time, out);
    let count = profile.count(list);
    match profile.form {
        Form::Nested => Element::Array(count).encode(out),
        Form::Pairs { .. } | Form::Positional => Element::Structure(count).encode(out),
    }
    for slot in profile.slots(list) {
        encode_register(profile, slot, telegram, out)?;
    }
    Ok(())
}

/// Appends the HDLC frame of a telegram, flags included, with the head of the telegram or, where it has none,
/// that of the profile.
///
/// # Errors
/// See [`EncodeError`]; nothing is appended then.
pub fn encode_frame(
    profile: &Profile,
    list: List,
    telegram: &Telegram<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut information = llc::LLC.to_vec();
    encode_apdu(profile, list, telegram, &mut information)?;
    let envelope = &profile.envelope;
    let address = telegram.address.unwrap_or(Address {
        destination: envelope.destination,
        source: envelope.source,
        control: envelope.control,
    });
    hdlc::encode(out, address.destination, address.source, address.control, false, &information);
    Ok(())
}

fn encode_register(
    profile: &Profile,
    slot: &Register,
    telegram: &Telegram<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if !profile.sends(slot) {
        if let Form::Pairs { null_pairs: true, .. } = profile.form {
            Element::Null.encode(out);
            Element::Null.encode(out);
        }
        return Ok(());
    }
    let name = Element::Octets(&slot.obis.0);
    let number = match slot.holds {
        Holds::Number(key) => Some(key),
        _ => None,
    };
    match profile.form {
        Form::Nested => {
            Element::Structure(if number.is_some() { 3 } else { 2 }).encode(out);
            name.encode(out);
        }
        Form::Pairs { bare_id: true, .. } if slot.holds == Holds::ListId => {}
        Form::Pairs { .. } => name.encode(out),
        Form::Positional => {}
    }
    encode_value(slot, telegram, out)?;
    if let (Form::Nested, Some(key)) = (profile.form, number) {
        Element::Structure(2).encode(out);
        Element::I8(slot.scaler).encode(out);
        Element::Enum(unit_code(key.kind())).encode(out);
    }
    Ok(())
}

fn encode_value(slot: &Register, telegram: &Telegram<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let reading = &telegram.reading;
    let text = |text: Option<&[u8]>, out: &mut Vec<u8>| {
        let bytes = text.ok_or(EncodeError::MissingText(slot.obis))?;
        let element = if slot.tag == Tag::Text { Element::Text(bytes) } else { Element::Octets(bytes) };
        element.encode(out);
        Ok(())
    };
    match slot.holds {
        Holds::ListId => text(reading.list_id, out),
        Holds::MeterId => text(reading.meter_id, out),
        Holds::MeterType => text(reading.meter_type, out),
        Holds::Clock => text(telegram.clock.as_ref().map(|clock| &clock.0[..]), out),
        Holds::Unnamed => {
            let raw = reading.others().iter().find(|(obis, _)| *obis == slot.obis).map(|(_, raw)| *raw);
            let raw = raw.ok_or(EncodeError::MissingText(slot.obis))?;
            integer(slot.tag, raw).ok_or(EncodeError::MissingText(slot.obis))?.encode(out);
            Ok(())
        }
        Holds::Number(key) => {
            let raw = match reading.get(key) {
                Field::Present(value) => value.raw(slot.scaler),
                Field::Invalid(raw) => Some(raw),
                Field::Absent => return Err(EncodeError::Missing(key)),
            };
            let element = raw.and_then(|raw| integer(slot.tag, raw));
            element.ok_or(EncodeError::OutOfRange(key))?.encode(out);
            Ok(())
        }
    }
}

/// A raw number in its type; `None` when it does not fit.
fn integer(tag: Tag, raw: i64) -> Option<Element<'static>> {
    match tag {
        Tag::U32 => raw.try_into().ok().map(Element::U32),
        Tag::U64 => raw.try_into().ok().map(Element::U64),
        Tag::U16 => raw.try_into().ok().map(Element::U16),
        Tag::I16 => raw.try_into().ok().map(Element::I16),
        Tag::Octets | Tag::Text => None,
    }
}
