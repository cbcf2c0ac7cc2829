//! A reading as JSON, with the keys of the contract, section 2.

use super::{Field, LocalTime, Milli, Reading};
use serde_json::{Map, Number, Value};

/// The object printed by `decode --json`, by dongles and in snapshots: only what the meter sent.
///
/// Keys come in a fixed order: powers, currents and voltages, counters, texts, times, unnamed registers.
/// An [`Field::Invalid`] value is left out; the caller reports it as a problem.
pub fn reading_object(reading: &Reading<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    for (key, field) in reading.numbers() {
        if let Field::Present(value) = field {
            object.insert(key.name().into(), number(value));
        }
    }
    for (name, text) in
        [("meter_id", reading.meter_id), ("meter_type", reading.meter_type), ("list_id", reading.list_id)]
    {
        if let Some(text) = text {
            let text = String::from_utf8_lossy(Reading::trimmed(text));
            object.insert(name.into(), Value::String(text.into_owned()));
        }
    }
    for (name, time) in [("timestamp", reading.timestamp), ("clock", reading.clock)] {
        if let Some(time) = time {
            insert_time(&mut object, name, time);
        }
    }
    for (obis, raw) in reading.others() {
        let [a, b, c, d, e, f] = obis.0;
        object.insert(format!("obis_{a}.{b}.{c}.{d}.{e}.{f}"), Value::from(*raw));
    }
    object
}

/// `timestamp`, `timestamp_utc_offset_min` (null = not specified) and, where the format has one, `timestamp_status`.
fn insert_time(object: &mut Map<String, Value>, name: &str, time: LocalTime) {
    object.insert(name.into(), Value::String(time.to_string()));
    object.insert(format!("{name}_utc_offset_min"), time.utc_offset_min.map_or(Value::Null, Value::from));
    if let Some(status) = time.status {
        object.insert(format!("{name}_status"), Value::from(status));
    }
}

/// An exact decimal as a JSON number: an integer where it is whole.
pub fn number(value: Milli) -> Value {
    if value.0 % 1000 == 0 {
        return Value::from(value.0 / 1000);
    }
    // The nearest double of a decimal with three places prints as that decimal again up to 2^53 thousandths.
    let nearest = value.0 as f64 / 1000.0;
    Number::from_f64(nearest).map_or(Value::Null, Value::Number)
}

/// What a few operations in double precision may add, relative to the value: four units in the last place.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The exact thousandths of a JSON number; `None` when it is finer than a thousandth or too large.
///
/// A program that computes 1765 · 0.01 in double precision prints 17.650000000000002: that is 17.65 and not a
/// finer value, so the last bits of a double (`ROUNDING`) do not count. Single precision is far coarser and is
/// told apart (field bug S11: 109554.016 for 109554.020).
pub fn milli(number: &Number) -> Option<Milli> {
    if let Some(whole) = number.as_i64() {
        return whole.checked_mul(1000).map(Milli);
    }
    let value = number.as_f64()?;
    let thousandths = (value * 1000.0).round();
    // 2^53: above it neighbouring doubles are further apart than a thousandth.
    let exact = thousandths.abs() < 9_007_199_254_740_992.0
        && (thousandths / 1000.0 - value).abs() <= ROUNDING * value.abs();
    exact.then_some(Milli(thousandths as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_the_trip_through_json() {
        for value in [0, 1, -1, 230_100, 109_554_020_000, 4_294_967_295_001, 999] {
            let text = number(Milli(value)).to_string();
            let Value::Number(back) = serde_json::from_str(&text).expect("own number") else {
                panic!("{text} is not a number");
            };
            assert_eq!(milli(&back), Some(Milli(value)), "{text}");
        }
        let Value::Number(fine) = serde_json::from_str("230.0004").expect("a number") else { panic!() };
        assert_eq!(milli(&fine), None);
        let computed = Number::from_f64(1765.0 * 0.01).expect("a number");
        assert_eq!(
            (computed.to_string(), milli(&computed)),
            ("17.650000000000002".into(), Some(Milli(17_650)))
        );
        let single = Number::from_f64(f64::from(109_554.02_f32)).expect("a number");
        assert_eq!(milli(&single), None, "{single} lost its last digits");
    }
}
