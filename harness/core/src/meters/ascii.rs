//! P1 telegrams: lines of OBIS code, decimal and unit (DSMR 5.0.2; han-protocol, sections 2 and 7).
//!
//! Refuses to guess a unit: a value without one that we know stays out of the reading.

use super::decode::Decoded;
use super::profile::List;
use super::telegram::Telegram;
use super::{Problem, ProblemKind};
use crate::reading::{Family, Field, Key, Kind, LocalTime, Milli, Obis, Reading};
use crate::wire::{apdu::TimeForm, p1};
use alloc::vec::Vec;

/// Decodes one telegram. The meter is named by the first three letters of the ident (FLAG association).
pub fn decode<'a>(frame: &p1::Frame<'a>) -> Decoded<'a> {
    let mut telegram = Telegram {
        address: None,
        invoke_id: 0,
        time_form: TimeForm::Absent,
        time: None,
        clock: None,
        reading: Reading::default(),
    };
    let mut problems = Vec::new();
    for line in frame.lines() {
        let Some(register) = line.register else {
            problems.push(Problem { offset: line.offset, kind: ProblemKind::BadLine });
            continue;
        };
        let Some(value) = register.values().next() else { continue };
        if let Err(kind) = put(&mut telegram.reading, register.obis, value) {
            problems.push(Problem { offset: line.offset, kind });
        }
    }
    let family = family(frame.ident());
    Decoded {
        family,
        profile: None,
        assumed: false,
        list: List::Full("p1"),
        telegram: Some(telegram),
        problems,
    }
}

fn family(ident: &str) -> Family {
    match ident.get(..3) {
        Some("KAM") => Family::Kamstrup,
        Some("KFM") => Family::Kaifa,
        Some("AID" | "ADN") => Family::Aidon,
        Some("ISK" | "ISk") => Family::Iskra,
        Some("LGF" | "LGZ" | "LGB") => Family::LandisGyr,
        Some("SAG" | "Sag") => Family::Sagemcom,
        Some("EGM" | "ELG") => Family::Elgama,
        _ => Family::Other,
    }
}

fn put<'a>(reading: &mut Reading<'a>, obis: Obis, value: p1::Value<'a>) -> Result<(), ProblemKind> {
    match obis.0 {
        [0, 0, 1, 0, 0, _] => {
            reading.timestamp = Some(time(value.text).ok_or(ProblemKind::ImpossibleTime)?);
            return Ok(());
        }
        [0, 0, 96, 1, 0 | 1, _] if reading.meter_id.is_none() => {
            reading.meter_id = Some(value.text.as_bytes());
            return Ok(());
        }
        _ => {}
    }
    // Registers that no key names (tariffs, counters of events) stay out: their numbers are no HAN values.
    let Some(key) = Key::from_obis(obis) else { return Ok(()) };
    if reading.get(key) != Field::Absent {
        return Err(ProblemKind::Repeated(obis));
    }
    let (raw, decimals) = decimal(value.text).ok_or(ProblemKind::OutOfRange(obis))?;
    let Some(prefix) = prefix(key.kind(), value.unit) else {
        reading.set(key, Field::Invalid(raw));
        return Err(ProblemKind::ScaleUnknown(obis));
    };
    let field = Milli::scaled(raw, prefix - decimals);
    reading.set(key, field.map_or(Field::Invalid(raw), Field::Present));
    field.map(|_| ()).ok_or(ProblemKind::OutOfRange(obis))
}

/// Power of ten that brings a unit to the unit of the key; `None` for a unit that cannot be it.
fn prefix(kind: Kind, unit: &str) -> Option<i8> {
    let (thousand, base) = match unit.strip_prefix('k') {
        Some(base) => (3, base),
        None => (0, unit),
    };
    let fits = match kind {
        Kind::ActivePower => base == "W",
        Kind::ReactivePower => base.eq_ignore_ascii_case("var"),
        Kind::ActiveEnergy => base == "Wh",
        Kind::ReactiveEnergy => base.eq_ignore_ascii_case("varh"),
        Kind::Current => base == "A",
        Kind::Voltage => base == "V",
        Kind::Frequency => base == "Hz",
        Kind::PowerFactor => base.is_empty(),
        Kind::Distortion => base == "%",
    };
    fits.then_some(thousand)
}

/// `-00.498` → (-498, 3). `None` for anything else than digits with at most one point and sign.
fn decimal(text: &str) -> Option<(i64, i8)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || fraction.len() > 9 {
        return None;
    }
    let mut raw = 0_i64;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        raw = raw.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    Some((if negative { -raw } else { raw }, fraction.len() as i8))
}

/// `231221124233W`: two-digit year of this century; W is CET, S is CEST (DSMR 5.0.2).
fn time(text: &str) -> Option<LocalTime> {
    let bytes: &[u8; 13] = text.as_bytes().try_into().ok()?;
    let pair = |at: usize| -> Option<u8> {
        let digits = core::str::from_utf8(&bytes[at..at + 2]).ok()?;
        digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let date = (2000 + u16::from(pair(0)?), pair(2)?, pair(4)?);
    let local = LocalTime::new(date, (pair(6)?, pair(8)?, pair(10)?))?;
    let utc_offset_min = match bytes[12] {
        b'W' => Some(60),
        b'S' => Some(120),
        _ => return None,
    };
    Some(LocalTime { utc_offset_min, ..local })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(decimal("00009222.471"), Some((9_222_471, 3)));
        assert_eq!(decimal("-1.5"), Some((-15, 1)));
        for bad in ["", ".5", "1e3", "1,5", "1.2.3", "99999999999999999999", "E2.1"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }

    #[test]
    fn kilo_belongs_to_the_unit() {
        assert_eq!(prefix(Kind::ActivePower, "kW"), Some(3));
        assert_eq!(prefix(Kind::ReactiveEnergy, "kVArh"), Some(3));
        assert_eq!(prefix(Kind::Current, "A"), Some(0));
        assert_eq!(prefix(Kind::Current, "kW"), None);
    }

    #[test]
    fn summer_is_two_hours_east() {
        assert_eq!(time("250525184215S").expect("a time").utc_offset_min, Some(120));
        assert_eq!(time("231321124233W"), None, "there is no month 13");
    }
}
