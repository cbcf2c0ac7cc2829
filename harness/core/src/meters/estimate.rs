//! What a dongle may say of L2 on three wires where the meter says nothing: an estimate, to be listed as one.
//!
//! The decoder itself fills no hole (see [`super::decode`]); whoever wants an estimate asks for it here. Refuses a
//! current where P, Q, U or I of the two elements is missing.

use super::profile::{Elements, Profile};
use crate::reading::{Field, Key, Milli, Reading};
use num_complex::Complex64;

/// Estimates for what one telegram leaves out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Estimates {
    /// Amperes of L2, to the thousandth.
    pub current_l2: Option<Milli>,
    /// Volts of L2, to the thousandth.
    pub voltage_l2: Option<Milli>,
}

/// Estimates for L2 of a three-wire meter; nothing for others, and nothing that it sent itself.
pub fn missing_l2(profile: &Profile, reading: &Reading<'_>) -> Estimates {
    if profile.elements != Elements::Two {
        return Estimates::default();
    }
    let sent = |key: Key| match reading.get(key) {
        Field::Present(Milli(0)) if profile.zero_unmeasured.contains(&key) => None,
        Field::Present(value) => Some((value.0 as f64 / 1000.0).abs()),
        Field::Absent | Field::Invalid(_) => None,
    };
    let missing = |key: Key| sent(key).is_none() && !matches!(reading.get(key), Field::Invalid(_));
    let volts = sent(Key::VoltageL1).zip(sent(Key::VoltageL3)).filter(|(u12, u32)| *u12 > 0.0 && *u32 > 0.0);
    let amperes = sent(Key::CurrentL1).zip(sent(Key::CurrentL3));
    let net = |import: Key, export: Key| Some(sent(import)? - sent(export).unwrap_or(0.0));
    let power = net(Key::ActiveImport, Key::ActiveExport)
        .zip(net(Key::ReactiveImport, Key::ReactiveExport))
        .map(|(active, reactive)| Complex64::new(active, reactive).norm());
    let current = || Some(line_two(amperes?, volts?, sent(Key::VoltageL2), power?));
    let voltage = || volts.map(|(u12, u32)| (u12 + u32) / 2.0);
    Estimates {
        current_l2: missing(Key::CurrentL2).then(current).flatten().map(thousandths),
        voltage_l2: missing(Key::VoltageL2).then(voltage).flatten().map(thousandths),
    }
}

fn thousandths(value: f64) -> Milli {
    Milli(libm::round(value * 1000.0) as i64)
}

/// I2 = |I1 + I3|, with the powers of the two elements laid head to tail along their sum: the first one leads.
fn line_two((i1, i3): (f64, f64), (u12, u32): (f64, f64), u31: Option<f64>, sum: f64) -> f64 {
    let (first, second) = (u12 * i1, u32 * i3);
    if first == 0.0 || second == 0.0 {
        // One loop: the current of the other outer line comes back through L2.
        return i1.max(i3);
    }
    let lead = unit(if sum == 0.0 { 0.0 } else { opposite(first, sum, second) });
    let one = lead * first;
    let three = match Complex64::new(sum, 0.0) - one {
        zero if zero.norm() == 0.0 => zero,
        // Sides that form no triangle are stretched to one: the length of the second is measured, too.
        rest => rest * (second / rest.norm()),
    };
    let between = unit(u31.map_or(0.5, |u31| opposite(u12, u32, u31)));
    (one / u12 + three / u32 * between.conj()).norm()
}

/// Cosine of the angle between two sides of a triangle, by the third.
fn opposite(one: f64, other: f64, third: f64) -> f64 {
    ((one * one + other * other - third * third) / (2.0 * one * other)).clamp(-1.0, 1.0)
}

/// The direction of an angle from 0° to 180° with this cosine.
fn unit(cosine: f64) -> Complex64 {
    Complex64::new(cosine, libm::sqrt(1.0 - cosine * cosine))
}
