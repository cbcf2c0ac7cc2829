//! A line of text → what it says: a claim, a refusal, or log.
//!
//! An adapter renames keys and shifts decimal points. It never fills a hole, never repairs and never judges: what
//! a dongle prints as 0 is claimed as 0, and a text in place of a number stays a text.

mod amshan;
mod amsreader;
mod esphome;
mod jsonl;

pub use jsonl::is_event;

use crate::config::Readings;
use crate::dut::{Stream, TextLine};
use hanbench_core::verdict::trial::What;
use serde_json::{Map, Number, Value};
use std::time::Instant;

/// Reads the lines of one DUT.
#[derive(Debug)]
pub enum Adapter {
    /// The line format of the contract, section 3.
    Jsonl,
    /// amsreader-firmware (field bugs, section 14.1).
    AmsreaderJson,
    /// amshan (field bugs, section 14.6).
    Amshan,
    /// ESPHome (field bugs, section 14.4): a reading is many lines.
    Esphome(esphome::Collector),
}

impl Adapter {
    /// The adapter that a rig file names.
    pub fn new(readings: Readings) -> Adapter {
        match readings {
            Readings::Jsonl => Adapter::Jsonl,
            Readings::AmsreaderJson => Adapter::AmsreaderJson,
            Readings::Amshan => Adapter::Amshan,
            Readings::EsphomeLog => Adapter::Esphome(esphome::Collector::default()),
        }
    }

    /// What a line says, and when that became known.
    pub fn line(&mut self, line: &TextLine) -> Vec<(Instant, What)> {
        let log = || What::Log { line: line.text.clone() };
        if line.cut {
            let text: String = line.text.chars().take(200).collect();
            let kept = line.text.len();
            return vec![(
                line.at,
                What::Log { line: format!("(a line of more than {kept} bytes, cut) {text}") },
            )];
        }
        if line.stream == Stream::Log {
            return vec![(line.at, log())];
        }
        let what = match self {
            Adapter::Jsonl => jsonl::line(&line.text),
            Adapter::AmsreaderJson => amsreader::line(&line.text),
            Adapter::Amshan => amshan::line(&line.text),
            Adapter::Esphome(collector) => return collector.line(line),
        };
        vec![(line.at, what.unwrap_or_else(log))]
    }

    /// What has become known because nothing was printed for a while.
    pub fn idle(&mut self, now: Instant) -> Option<(Instant, What)> {
        match self {
            Adapter::Esphome(collector) => collector.idle(now),
            Adapter::Jsonl | Adapter::AmsreaderJson | Adapter::Amshan => None,
        }
    }
}

/// The object of a line that is one JSON object and nothing else.
fn object(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    if !text.starts_with('{') {
        return None;
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) | Err(_) => None,
    }
}

/// A JSON number times 10^`places`, by moving the point in its decimal text: no multiplication, no rounding.
///
/// Exact for up to 15 digits, which a double carries through JSON unchanged. Anything but a number, and a number
/// in exponent form, stays what it is as text, so that it is seen and fails.
fn shifted(value: &Value, places: usize) -> Value {
    let Value::Number(number) = value else {
        return value.clone();
    };
    if places == 0 {
        return value.clone();
    }
    let text = number.to_string();
    shift_text(&text, places).map_or(Value::String(text), Value::Number)
}

/// [`shifted`] on the text of a plain decimal.
fn shift_text(text: &str, places: usize) -> Option<Number> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (moved, rest) = fraction.split_at(fraction.len().min(places));
    let whole = format!("{whole}{moved}{}", "0".repeat(places - moved.len()));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    serde_json::from_str(&format!("{sign}{whole}{point}{rest}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilowatt_hours_become_watt_hours_digit_by_digit() {
        for (kwh, wh) in [
            ("109554.020", "109554020"),
            ("0.001", "1"),
            ("0.000", "0"),
            ("-1.5", "-1500"),
            ("7", "7000"),
            ("1.2345", "1234.5"),
            ("109552.251", "109552251"),
        ] {
            assert_eq!(shift_text(kwh, 3).map(|number| number.to_string()).as_deref(), Some(wh), "{kwh}");
            let value: Value = serde_json::from_str(kwh).expect("a number");
            assert_eq!(shifted(&value, 3).to_string(), wh, "{kwh} through JSON");
        }
    }

    #[test]
    fn what_is_no_plain_decimal_is_not_made_one() {
        for text in ["1e9", "", "-", ".5", "NaN"] {
            assert_eq!(shift_text(text, 3), None, "{text}");
        }
        assert_eq!(shifted(&Value::String("12.0".into()), 3), Value::String("12.0".into()));
        assert_eq!(shifted(&Value::Null, 3), Value::Null);
    }

    #[test]
    fn log_stays_log_whatever_it_looks_like() {
        let mut adapter = Adapter::new(Readings::Jsonl);
        let line = |stream, cut| TextLine { at: Instant::now(), stream, text: "{}".into(), cut };
        let what = |adapter: &mut Adapter, line| adapter.line(&line).remove(0).1;
        assert!(matches!(what(&mut adapter, line(Stream::Readings, false)), What::Claim { .. }));
        assert!(matches!(what(&mut adapter, line(Stream::Log, false)), What::Log { .. }));
        assert!(matches!(what(&mut adapter, line(Stream::Readings, true)), What::Log { .. }));
    }
}
