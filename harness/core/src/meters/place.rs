//! One register → its place in the telegram: type, unit and scale checked.
//!
//! Refuses to replace: of a register that comes twice the first stands.

use super::ProblemKind;
use super::identify::Names;
use super::profile::{Holds, Profile};
use super::telegram::Telegram;
use crate::reading::{Field, Key, Kind, Milli, Obis, Reading};
use crate::wire::{
    axdr::Element,
    rows::{Name, Row},
    time::CosemTime,
};

/// Places a register by its own OBIS code.
pub(super) fn put_row<'a>(
    telegram: &mut Telegram<'a>,
    row: &Row<'a>,
    relative: Option<&'static Profile>,
    names: &Names<'a>,
) -> Result<(), ProblemKind> {
    let obis = match row.name {
        Name::Obis(obis) => obis,
        Name::NullPair => return Ok(()),
        Name::Position(place) => {
            return match row.value {
                Element::Text(text) | Element::Octets(text)
                    if !names.list_id.is_empty() && Reading::trimmed(text) == names.list_id =>
                {
                    telegram.reading.list_id = Some(text);
                    Ok(())
                }
                Element::Array(_) | Element::Structure(_) => Ok(()),
                _ => Err(ProblemKind::MeaningUnknown(place)),
            };
        }
    };
    if let Some(holds) = plain_register(obis) {
        return put_plain(telegram, obis, holds, &row.value);
    }
    let Some(key) = Key::from_obis(obis) else {
        return put_unnamed(&mut telegram.reading, obis, &row.value);
    };
    let scale = row.scaler_unit.or_else(|| {
        let register = relative?.register(key)?;
        Some((register.scaler, unit_code(key.kind())))
    });
    put_number(&mut telegram.reading, obis, key, &row.value, scale)
}

/// Registers that hold texts and clocks, by any vendor's address (NVE letter of 2016-06-27; han-protocol, section 6).
pub(crate) fn plain_register(obis: Obis) -> Option<Holds> {
    match obis.0 {
        [1, _, 0, 2, 129, 255] => Some(Holds::ListId),
        [0, 0, 96, 1, 0, 255] | [1, 1, 0, 0, 5, 255] => Some(Holds::MeterId),
        [0, 0, 96, 1, 7, 255] | [1, 1, 96, 1, 1, 255] => Some(Holds::MeterType),
        [0, _, 1, 0, 0, 255] => Some(Holds::Clock),
        _ => None,
    }
}

/// Unit codes of IEC 62056-6-2, table 4.
pub(super) const fn unit_code(kind: Kind) -> u8 {
    match kind {
        Kind::ActivePower => 27,
        Kind::ReactivePower => 29,
        Kind::ActiveEnergy => 30,
        Kind::ReactiveEnergy => 32,
        Kind::Current => 33,
        Kind::Voltage => 35,
        Kind::Frequency => 44,
        Kind::PowerFactor | Kind::Distortion => 255,
    }
}

pub(super) fn put_number(
    reading: &mut Reading<'_>,
    obis: Obis,
    key: Key,
    value: &Element<'_>,
    scale: Option<(i8, u8)>,
) -> Result<(), ProblemKind> {
    if *value == Element::Null {
        return Ok(());
    }
    if reading.get(key) != Field::Absent {
        return Err(ProblemKind::Repeated(obis));
    }
    let raw = value.integer().ok_or(ProblemKind::WrongType(obis, value.tag()))?;
    let (field, problem) = match scale {
        None => (Field::Invalid(raw), Some(ProblemKind::ScaleUnknown(obis))),
        Some((_, unit)) if unit != unit_code(key.kind()) => {
            (Field::Invalid(raw), Some(ProblemKind::WrongUnit(obis, unit)))
        }
        Some((scaler, _)) => match Milli::scaled(raw, scaler) {
            Some(value) => (Field::Present(value), None),
            None => (Field::Invalid(raw), Some(ProblemKind::OutOfRange(obis))),
        },
    };
    reading.set(key, field);
    problem.map_or(Ok(()), Err)
}

pub(super) fn put_unnamed(
    reading: &mut Reading<'_>,
    obis: Obis,
    value: &Element<'_>,
) -> Result<(), ProblemKind> {
    // Texts and containers without a name of ours are no numbers; they are left to `explain`.
    let Some(raw) = value.integer() else { return Ok(()) };
    if reading.push_other(obis, raw) { Ok(()) } else { Err(ProblemKind::TooManyUnnamed) }
}

pub(super) fn put_plain<'a>(
    telegram: &mut Telegram<'a>,
    obis: Obis,
    holds: Holds,
    value: &Element<'a>,
) -> Result<(), ProblemKind> {
    let wrong = ProblemKind::WrongType(obis, value.tag());
    let bytes = match *value {
        Element::Text(bytes) | Element::Octets(bytes) | Element::DateTime(bytes) => bytes,
        Element::Null => return Ok(()),
        _ => return Err(wrong),
    };
    let text = match holds {
        Holds::ListId => &mut telegram.reading.list_id,
        Holds::MeterId => &mut telegram.reading.meter_id,
        Holds::MeterType => &mut telegram.reading.meter_type,
        Holds::Clock if telegram.clock.is_some() => return Err(ProblemKind::Repeated(obis)),
        Holds::Clock => {
            telegram.clock = Some(CosemTime::from_slice(bytes).ok_or(wrong)?);
            return Ok(());
        }
        Holds::Number(_) | Holds::Unnamed => return Err(wrong),
    };
    if text.is_some() {
        return Err(ProblemKind::Repeated(obis));
    }
    *text = Some(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::Decoder;
    use crate::wire::apdu::{TimeForm, encode_head};
    use alloc::vec::Vec;

    #[test]
    fn of_a_register_that_comes_twice_the_first_stands() {
        const ID: [u8; 6] = [0, 0, 96, 1, 0, 255];
        const CLOCK: [u8; 6] = [0, 0, 1, 0, 0, 255];
        const CURRENT: [u8; 6] = [1, 0, 31, 7, 0, 255];
        let registers = [
            (ID, Element::Text(b"first"), Element::Text(b"second")),
            (CLOCK, Element::Octets(&[7; 12]), Element::Octets(&[8; 12])),
            (CURRENT, Element::I16(5), Element::I16(6)),
        ];
        for (obis, first, second) in registers {
            let mut apdu = Vec::new();
            encode_head(0, TimeForm::Absent, None, &mut apdu);
            Element::Array(2).encode(&mut apdu);
            for value in [first, second] {
                let scaled = [Element::Structure(2), Element::I8(-1), Element::Enum(33)];
                let scaled = if obis == CURRENT { &scaled[..] } else { &[] };
                Element::Structure(if scaled.is_empty() { 2 } else { 3 }).encode(&mut apdu);
                for element in [Element::Octets(&obis), value].iter().chain(scaled) {
                    element.encode(&mut apdu);
                }
            }
            let decoded = Decoder::new().decode(&apdu, None);
            let repeated = ProblemKind::Repeated(Obis(obis));
            assert!(
                decoded.problems.iter().any(|problem| problem.kind == repeated),
                "{:?}",
                decoded.problems
            );
            let telegram = decoded.telegram.expect("a telegram");
            match obis {
                ID => assert_eq!(telegram.reading.meter_id, Some(&b"first"[..])),
                CLOCK => assert_eq!(telegram.clock, Some(CosemTime([7; 12]))),
                _ => assert_eq!(telegram.reading.get(Key::CurrentL1), Field::Present(Milli(500))),
            }
        }
    }
}
