//! Rows of an APDU: data-notification, ciphering header, block of a general block transfer.

use super::names;
use super::rows::Out;
use crate::meters::profile::{Form, Holds, Profile, Register};
use crate::meters::{Decoded, decode::relative};
use crate::reading::{Key, Milli, Reading};
use crate::wire::apdu::{DATA_NOTIFICATION, DataNotification, TimeForm};
use crate::wire::assemble::{Assembled, Assembly};
use crate::wire::axdr::{Element, Walk};
use crate::wire::rows::{Name, Row, Rows};
use crate::wire::time::{CosemTime, DEVIATION_UNSPECIFIED};
use crate::wire::{ber, blocks, cipher, llc as link_llc};

/// The LLC, where there is one.
pub(super) fn llc(out: &mut Out<'_>) {
    if link_llc::strip(out.rest()).is_some() {
        out.row(link_llc::LLC.len(), "LLC", "destination e6, source e7, quality 00");
    }
}

/// The APDU or block that is all the rest. `decoded` belongs to it only where it stands there in plain.
pub(super) fn whole(out: &mut Out<'_>, assembly: &Assembly<'_>, decoded: Option<&Decoded<'_>>) {
    let payload = out.rest();
    let in_place = matches!(assembly.outcome, Assembled::Apdu { bytes, .. } if bytes == payload);
    plain_or_wrapped(out, decoded.filter(|_| in_place));
}

/// As [`whole`], of bytes that nobody has decoded but the caller.
pub(super) fn plain_or_wrapped(out: &mut Out<'_>, decoded: Option<&Decoded<'_>>) {
    match out.rest().first() {
        Some(&cipher::TAG) => ciphered(out),
        Some(&blocks::TAG) => block(out),
        _ => plain(out, decoded),
    }
}

/// A data-notification or an APDU of another kind.
pub(super) fn plain(out: &mut Out<'_>, decoded: Option<&Decoded<'_>>) {
    let (start, apdu) = (out.at, out.rest());
    match apdu.first() {
        None => return,
        Some(&DATA_NOTIFICATION) => out.row(1, "data-notification", ""),
        Some(tag) => return out.rest_is(format!("APDU with tag {tag:02x}"), "not known"),
    }
    out.row(4, "long-invoke-id-and-priority", "");
    match DataNotification::parse(apdu) {
        Ok(notification) => {
            let value = match notification.time {
                None => "absent (length 0)".into(),
                Some(time) => format!("{}: {}", form(notification.time_form), date_time(time)),
            };
            out.upto(start + notification.body_offset, "date-time", value);
            body(out, notification.body, decoded);
        }
        Err(problem) => out.rest_is("unreadable", problem.kind.to_string()),
    }
}

fn form(form: TimeForm) -> &'static str {
    match form {
        TimeForm::Absent => "absent",
        TimeForm::Length => "by length only",
        TimeForm::Tagged => "tagged octet-string",
        TimeForm::DateTime => "date-time element",
    }
}

/// A date-time in words, with what is strange about it.
pub(super) fn date_time(time: CosemTime) -> String {
    let [_, _, month, day, weekday, hour, minute, second, hundredths, _, _, status] = time.0;
    let year = u16::from_be_bytes([time.0[0], time.0[1]]);
    let mut text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    if hundredths != 0 && hundredths != 0xFF {
        text += &format!(".{hundredths:02}");
    }
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    text += &match (weekday, time.local().map(|local| local.weekday())) {
        (_, None) => ", impossible or unspecified: no time".into(),
        (0xFF, _) => ", weekday not specified".into(),
        (sent, Some(real)) => {
            let name = DAYS[usize::from(real) - 1];
            if sent == real { format!(", {name}") } else { format!(", weekday {sent}, but it is a {name}") }
        }
    };
    text += &match time.deviation() {
        DEVIATION_UNSPECIFIED => ", deviation not specified".into(),
        deviation @ -840..=840 => format!(", deviation {deviation} min: UTC{:+} min", -i32::from(deviation)),
        deviation => format!(", deviation {deviation} min is impossible"),
    };
    text += &match status {
        0xFF => ", status not specified".into(),
        status if status & 0x80 != 0 => format!(", status {status:02x}: daylight saving"),
        status if status & 0x01 != 0 => format!(", status {status:02x}: invalid"),
        status => format!(", status {status:02x}"),
    };
    text
}

/// The notification body, register by register.
fn body(out: &mut Out<'_>, body: &[u8], decoded: Option<&Decoded<'_>>) {
    let start = out.at;
    let context = Context::new(decoded);
    let mut rows = Rows::new(body);
    if let (Some(outline), Some(Ok(head))) = (rows.outline(), Walk::new(body).next()) {
        let word = if outline.array { "array" } else { "structure" };
        out.row(head.len, format!("{word} of {}", outline.count), "");
    }
    let mut slots = context.slots.iter();
    for row in rows.by_ref() {
        match row {
            Ok(row) => {
                let (meaning, value) = context.register(&row, slots.next().copied());
                out.upto(start + row.end, meaning, value);
            }
            Err(problem) => {
                out.rest_is("unreadable", problem.kind.to_string());
            }
        }
    }
    let left = out.rest().len();
    out.rest_is("left over", format!("{left} bytes behind the body, which is complete"));
}

/// What is known about the meter that sent a body.
struct Context {
    profile: Option<&'static Profile>,
    /// The registers of the list in the order sent, where a profile has this layout.
    slots: Vec<&'static Register>,
    /// Where no profile has this layout: the profile whose scale stands in, because the list id names its family.
    relative: Option<&'static Profile>,
}

impl Context {
    fn new(decoded: Option<&Decoded<'_>>) -> Self {
        let profile = decoded.and_then(|decoded| decoded.profile);
        let slots = profile.zip(decoded).map_or(Vec::new(), |(profile, decoded)| {
            let null_pairs = matches!(profile.form, Form::Pairs { null_pairs: true, .. });
            profile.slots(decoded.list).filter(|slot| null_pairs || profile.sends(slot)).collect()
        });
        let relative = decoded.filter(|_| profile.is_none()).and_then(|decoded| relative(decoded.family));
        Context { profile, slots, relative }
    }

    /// Meaning and value of one register.
    fn register(&self, row: &Row<'_>, slot: Option<&'static Register>) -> (String, String) {
        let (place, obis) = match row.name {
            Name::Obis(obis) => (obis.to_string(), Some(obis)),
            Name::Position(place) => (format!("[{place}]"), slot.map(|slot| slot.obis)),
            Name::NullPair => {
                let name = slot.map_or("register", |slot| names::holds(slot.holds, slot.obis));
                let value = "absent: null-data in place of OBIS and value";
                return (name.into(), value.into());
            }
        };
        let holds = slot.map(|slot| slot.holds).or_else(|| obis.and_then(names::register));
        let name = match (holds, obis) {
            (Some(holds), Some(obis)) => names::holds(holds, obis),
            (None, Some(obis)) => names::unnamed(obis),
            (_, None) if is_list_id(&row.value) => "list version id",
            (_, None) => "value without a name",
        };
        let value = match holds {
            Some(Holds::Number(key)) => self.number(row, key, slot),
            _ => plain_value(&row.value, row.scaler_unit),
        };
        (format!("{place} {name}"), value)
    }

    /// `i16 93 · 10^-1 A = 9.3 A`, and where the scale comes from unless the telegram says it.
    fn number(&self, row: &Row<'_>, key: Key, slot: Option<&Register>) -> String {
        let Some(raw) = row.value.integer() else {
            let value = plain_value(&row.value, row.scaler_unit);
            return match row.value {
                Element::Null => "absent: null-data".into(),
                _ => format!("{value}: a {} cannot be this type; left out", names::key(key)),
            };
        };
        let sent = format!("{} {raw}", names::number_type(&row.value));
        let stand_in = || {
            let relative = self.relative?;
            relative.register(key).map(|register| (register.scaler, relative))
        };
        let told = slot.zip(self.profile).map(|(slot, profile)| (slot.scaler, profile)).or_else(stand_in);
        let (scaler, unit, source) = match (row.scaler_unit, told) {
            (Some((scaler, code)), _) => {
                let Some(unit) = names::unit(code).filter(|&unit| unit == key.kind().unit()) else {
                    let unit = names::unit(code).filter(|unit| !unit.is_empty());
                    let unit = unit.map_or(format!("unit {code}"), Into::into);
                    return format!("{sent} · 10^{scaler} in {unit}: the wrong unit; left out");
                };
                (scaler, unit, String::new())
            }
            (None, Some((scaler, profile))) => (scaler, key.kind().unit(), scale_source(profile, key)),
            (None, None) => return format!("{sent}: nothing says the scale; left out"),
        };
        let space = if unit.is_empty() { "" } else { " " };
        let sent = format!("{sent} · 10^{scaler}{space}{unit}");
        let Some(result) = Milli::scaled(raw, scaler) else {
            return format!("{sent}: finer than a thousandth, or too large; left out{source}");
        };
        let zero = raw == 0 && self.profile.is_some_and(|profile| profile.zero_unmeasured.contains(&key));
        let zero = if zero { ": 0 = not measured" } else { "" };
        format!("{sent} = {result}{space}{unit}{zero}{source}")
    }
}

fn scale_source(profile: &Profile, key: Key) -> String {
    let unusual =
        if profile.unannounced.contains(&key) { ", which nothing in the telegram announces" } else { "" };
    format!(" (scale by profile {}{unusual})", profile.name)
}

fn is_list_id(element: &Element<'_>) -> bool {
    matches!(element, Element::Text(text) | Element::Octets(text)
        if crate::meters::identify::family(Reading::trimmed(text)).is_some())
}

/// A value that is no number of ours, as it was sent.
fn plain_value(element: &Element<'_>, scaler_unit: Option<(i8, u8)>) -> String {
    let value = match *element {
        Element::Null => "null-data".into(),
        Element::Array(count) => format!("array of {count}"),
        Element::Structure(count) => format!("structure of {count}"),
        Element::Boolean(byte) => format!("boolean {byte}"),
        Element::Enum(byte) => format!("enum {byte}"),
        Element::DateTime(bytes) => time_or_octets(bytes),
        Element::Octets(bytes) if bytes.len() == 12 => time_or_octets(bytes),
        Element::Text(bytes) => string("visible-string", bytes),
        Element::Octets(bytes) if bytes.iter().all(|&byte| byte == 0 || is_printable(byte)) => {
            string("octet-string", bytes)
        }
        Element::Octets(bytes) => format!("octet-string {}", super::rows::spaced(bytes)),
        // The numbers: all of these types have an integer but a u64 above 2^63.
        Element::U64(value) => format!("u64 {value}"),
        ref number => format!("{} {}", names::number_type(number), number.integer().unwrap_or_default()),
    };
    match scaler_unit {
        None => value,
        Some((scaler, code)) => {
            let unit = names::unit(code).map_or(format!("unit {code}"), Into::into);
            format!("{value} · 10^{scaler} {unit}").trim_end().into()
        }
    }
}

fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

fn string(kind: &str, bytes: &[u8]) -> String {
    let text = Reading::trimmed(bytes);
    let padding = match bytes.len() - text.len() {
        0 => String::new(),
        count => format!(" and {count} bytes of padding"),
    };
    format!("{kind} \"{}\"{padding}", text.escape_ascii())
}

fn time_or_octets(bytes: &[u8]) -> String {
    match CosemTime::from_slice(bytes) {
        // Twelve letters are a text and no time.
        Some(time) if !bytes.iter().all(|&byte| is_printable(byte)) => date_time(time),
        _ => string("octet-string", bytes),
    }
}

/// The readable part of a ciphered APDU, as far as it goes.
fn ciphered(out: &mut Out<'_>) {
    out.row(1, "general-glo-ciphering", "");
    let Some(&title_length) = out.rest().first() else { return };
    out.row(1, "length of the system title", title_length.to_string());
    let title = &out.rest()[..usize::from(title_length).min(out.rest().len())];
    out.row(title.len(), "system title", format!("\"{}\"", title.escape_ascii()));
    let rest = out.rest();
    let Ok((behind, length)) = ber::length(rest) else {
        return out.rest_is("unreadable", "no length");
    };
    out.row(rest.len() - behind.len(), "length", format!("{length} bytes follow"));
    let whole = out.at.saturating_add(length);
    let control = out.rest().first().copied().unwrap_or(0);
    out.row(1, "security control", security(control));
    let counter =
        out.rest().first_chunk().map_or("cut".into(), |bytes| u32::from_be_bytes(*bytes).to_string());
    out.row(4, "invocation counter", counter);
    if whole > out.bytes.len() {
        return out.rest_is("ciphertext", "goes on behind the bytes that are here");
    }
    let tag = if control & 0x10 == 0 { 0 } else { 12 };
    let text_end = whole.saturating_sub(tag).max(out.at);
    out.upto(text_end, "ciphertext", format!("{} bytes", text_end - out.at));
    out.upto(whole, "authentication tag", "");
    out.rest_is("left over", "behind the ciphered APDU");
}

/// The security control byte in words (protocol: DLMS general-glo-ciphering).
fn security(control: u8) -> String {
    let mode = match control & 0x30 {
        0x30 => "encrypted and authenticated",
        0x20 => "encrypted, not authenticated",
        0x10 => "authenticated, not encrypted",
        _ => "neither encrypted nor authenticated",
    };
    let broadcast = if control & 0x40 == 0 { "" } else { ", broadcast key" };
    let compressed = if control & 0x80 == 0 { "" } else { ", compressed" };
    format!("{mode}, suite {}{broadcast}{compressed}", control & 0x0F)
}

/// One block of a general block transfer.
fn block(out: &mut Out<'_>) {
    out.row(1, "general-block-transfer", "");
    let Some(&control) = out.rest().first() else { return };
    let more = if control & 0x80 == 0 { "more follow" } else { "last block" };
    let streaming = if control & 0x40 == 0 { "" } else { ", streaming" };
    out.row(1, "block control", format!("{more}{streaming}, window {}", control & 0x3F));
    for meaning in ["block number", "acknowledged block"] {
        let number =
            out.rest().first_chunk().map_or("cut".into(), |bytes| u16::from_be_bytes(*bytes).to_string());
        out.row(2, meaning, number);
    }
    let rest = out.rest();
    let Ok((behind, length)) = ber::length(rest) else {
        return out.rest_is("unreadable", "no length");
    };
    out.row(rest.len() - behind.len(), "length", length.to_string());
    out.within(out.at.saturating_add(length), |out| part(out, "data of the block"));
    out.rest_is("left over", "behind the block");
}

/// A part of a message: only a ciphering header is worth reading in it.
pub(super) fn part(out: &mut Out<'_>, meaning: &str) {
    if out.rest().first() == Some(&cipher::TAG) && cipher::Header::decode(out.rest()).is_none() {
        return ciphered(out);
    }
    let count = out.rest().len();
    out.rest_is(meaning, format!("{count} bytes"));
}
