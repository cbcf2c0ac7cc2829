//! What cannot be true in the scale chosen: U times I against P and Q, and the limits of the hardware.
//!
//! Refuses to correct anything. Nothing in a Kamstrup telegram announces its scale, so the most that can be
//! done is to say that a value contradicts another (field bugs S2, S3, S4, L4).

use super::profile::{Profile, Sign};
use crate::reading::{Key, Reading};

/// Why the scale of a telegram is doubted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suspicion {
    /// P and Q are larger than U times I can be: currents or voltages are read too small, or powers too large.
    PowerTooLarge,
    /// U times I is about ten times what P and Q say, on every phase that carries current.
    CurrentTooLarge,
    /// A value outside what the hardware can measure; another profile was taken.
    Changed(Sign),
    /// A value outside what the hardware can measure, and no profile in which it fits.
    Impossible(Sign),
}

impl core::fmt::Display for Suspicion {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let sign = |sign: &Sign| match sign {
            Sign::VoltageAbove1000V => "a voltage above 1000 V",
            Sign::VoltageBelow50V => "a voltage between 0 and 50 V",
            Sign::CurrentAbove125A => "a current above 125 A",
        };
        match self {
            Suspicion::PowerTooLarge => {
                write!(
                    f,
                    "power is larger than U times I allows; a scale that nothing announces is suspected"
                )
            }
            Suspicion::CurrentTooLarge => {
                write!(f, "U times I is ten times the power; a scale that nothing announces is suspected")
            }
            Suspicion::Changed(what) => {
                write!(f, "{} cannot be; the profile with the other unannounced scale was taken", sign(what))
            }
            Suspicion::Impossible(what) => write!(f, "{} cannot be", sign(what)),
        }
    }
}

/// No doubt changes above 10^9 units; more would not fit the squares and products below.
const LIMIT: i64 = 1_000_000_000_000;

fn milli(reading: &Reading<'_>, key: Key) -> Option<i64> {
    reading.get(key).present().map(|value| value.0.clamp(-LIMIT, LIMIT))
}

/// Whether the reading shows the sign.
pub fn shows(reading: &Reading<'_>, sign: Sign) -> bool {
    let voltages = Key::VOLTAGES.iter().filter_map(|&key| milli(reading, key));
    let mut currents = Key::CURRENTS.iter().filter_map(|&key| milli(reading, key));
    match sign {
        Sign::VoltageAbove1000V => voltages.into_iter().any(|mv| mv > 1_000_000),
        Sign::VoltageBelow50V => {
            let mut any = false;
            for mv in voltages.filter(|&mv| mv != 0) {
                any = true;
                if mv >= 50_000 {
                    return false;
                }
            }
            any
        }
        Sign::CurrentAbove125A => currents.any(|ma| ma.abs() > 125_000),
    }
}

/// Doubts about the scale of a reading, in the scale of `profile`.
///
/// P and Q must not exceed the sum of U times I by more than a fifth (field bug S4). Small loads are left
/// alone: below 500 VA the rounding of the current is as large as the current.
pub fn suspicion(reading: &Reading<'_>, profile: &Profile) -> Option<Suspicion> {
    for sign in [Sign::VoltageAbove1000V, Sign::CurrentAbove125A] {
        let transformer = sign == Sign::CurrentAbove125A && !profile.unannounced.is_empty();
        if shows(reading, sign) && !transformer {
            return Some(Suspicion::Impossible(sign));
        }
    }
    let apparent_squared = apparent_power_squared(reading)?;
    let (sum, smallest_ma) = sum_of_u_times_i(reading)?;
    let va = 1_000_000_i128; // micro-volt-amperes
    // Rounding: half a tenth of an ampere on each of three phases at 250 V.
    let slack = 40 * va;
    // A limit whose square does not fit is above every power.
    let above = |limit: i128| limit.checked_mul(limit).is_some_and(|squared| apparent_squared > squared);
    if above(500 * va) && above((sum + slack) * 6 / 5) {
        return Some(Suspicion::PowerTooLarge);
    }
    let tenth = |numerator: i128| sum * numerator / 1000;
    let about_a_tenth = above(tenth(85)) && !above(tenth(105));
    (sum > 5_000 * va && smallest_ma > 1_000 && about_a_tenth).then_some(Suspicion::CurrentTooLarge)
}

/// P² + Q² in (micro-volt-ampere)².
fn apparent_power_squared(reading: &Reading<'_>) -> Option<i128> {
    let net = |import, export| {
        let import = milli(reading, import)?;
        Some(i128::from(import - milli(reading, export).unwrap_or(0)) * 1000)
    };
    let p = net(Key::ActiveImport, Key::ActiveExport)?;
    let q = net(Key::ReactiveImport, Key::ReactiveExport).unwrap_or(0);
    Some(p * p + q * q)
}

/// Sum of U times I over the phases that have a current, in micro-volt-amperes, and the smallest current.
///
/// A voltage that is missing or 0 is taken from a neighbour: on three wires the line voltages are alike.
fn sum_of_u_times_i(reading: &Reading<'_>) -> Option<(i128, i64)> {
    let any_voltage =
        Key::VOLTAGES.iter().filter_map(|&key| milli(reading, key)).max().filter(|&mv| mv > 0)?;
    let mut sum = 0_i128;
    let mut smallest = None;
    for (current, voltage) in Key::CURRENTS.iter().zip(Key::VOLTAGES) {
        let Some(ma) = milli(reading, *current) else { continue };
        let mv = milli(reading, voltage).filter(|&mv| mv > 0).unwrap_or(any_voltage);
        sum += i128::from(ma.abs()) * i128::from(mv);
        smallest = Some(smallest.map_or(ma.abs(), |least: i64| least.min(ma.abs())));
    }
    smallest.map(|least| (sum, least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::by_name;
    use crate::reading::{Field, Milli};

    fn reading(p_w: i64, ma: [i64; 3], volt: i64) -> Reading<'static> {
        let mut reading = Reading::default();
        reading.set(Key::ActiveImport, Field::Present(Milli(p_w * 1000)));
        for (key, ma) in Key::CURRENTS.iter().zip(ma) {
            reading.set(*key, Field::Present(Milli(ma)));
        }
        for key in Key::VOLTAGES {
            reading.set(key, Field::Present(Milli(volt * 1000)));
        }
        reading
    }

    #[test]
    fn ten_times_too_much_is_suspected_and_a_normal_house_is_not() {
        let kamstrup = by_name("kamstrup-6841131").expect("a profile");
        let doubt = |p, ma, u| suspicion(&reading(p, ma, u), kamstrup);
        assert_eq!(doubt(4_100, [6_000, 6_000, 6_000], 230), None);
        assert_eq!(doubt(4_100, [600, 600, 600], 230), Some(Suspicion::PowerTooLarge));
        assert_eq!(doubt(4_100, [60_000, 60_000, 60_000], 230), Some(Suspicion::CurrentTooLarge));
        assert_eq!(doubt(30, [0, 0, 0], 230), None, "a standby load below the rounding of the current");
        let above = Some(Suspicion::Impossible(Sign::VoltageAbove1000V));
        assert_eq!(doubt(4_100, [6_000; 3], 23_452), above);
    }

    #[test]
    fn values_that_no_meter_has_are_no_panic() {
        for profile in ["kamstrup-6841131", "kamstrup-685"] {
            let profile = by_name(profile).expect("a profile");
            for value in [i64::MIN, i64::MIN + 1, -1, i64::MAX] {
                let mut reading = Reading::default();
                for &key in Key::ALL {
                    reading.set(key, Field::Present(Milli(value)));
                }
                suspicion(&reading, profile);
                reading.set(Key::ActiveImport, Field::Present(Milli(i64::MAX)));
                suspicion(&reading, profile);
                for key in Key::VOLTAGES {
                    reading.set(key, Field::Present(Milli(1)));
                }
                suspicion(&reading, profile);
            }
        }
    }

    #[test]
    fn sun_on_one_phase_and_load_on_another_is_no_wrong_scale() {
        let kamstrup = by_name("kamstrup-6841131").expect("a profile");
        let mut sunny = reading(400, [10_000, 11_000, 500], 230);
        sunny.set(Key::ActiveExport, Field::Present(Milli(0)));
        assert_eq!(suspicion(&sunny, kamstrup), None);
    }
}
