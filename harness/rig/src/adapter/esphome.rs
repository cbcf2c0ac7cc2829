//! ESPHome's log, field bugs, section 14.4: every sensor is published on a line of its own, and a reading is over when
//! nothing came for 300 ms or a sensor comes a second time.
//!
//! The number is claimed as printed: five decimals of a 32-bit float (1626.199 prints as 1626.19897), because that
//! is what the device says. The `timestamp` text is claimed without the `Z` that the component writes behind the
//! meter's local time, and without an offset.

use crate::dut::TextLine;
use hanbench_core::verdict::trial::What;
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// Silence after which a reading is over.
const QUIET: Duration = Duration::from_millis(300);

/// Name of the entity in snake case, our key, unit as printed when the point does not move.
const KEYS: [(&str, &str); 15] = [
    ("voltage_l1", "voltage_l1_v"),
    ("voltage_l2", "voltage_l2_v"),
    ("voltage_l3", "voltage_l3_v"),
    ("current_l1", "current_l1_a"),
    ("current_l2", "current_l2_a"),
    ("current_l3", "current_l3_a"),
    ("active_power_plus", "active_import_w"),
    ("active_power_minus", "active_export_w"),
    ("reactive_power_plus", "reactive_import_var"),
    ("reactive_power_minus", "reactive_export_var"),
    ("active_energy_plus", "energy_active_import_wh"),
    ("active_energy_minus", "energy_active_export_wh"),
    ("reactive_energy_plus", "energy_reactive_import_varh"),
    ("reactive_energy_minus", "energy_reactive_export_varh"),
    ("power_factor", "power_factor"),
];

/// Collects the lines of one reading.
#[derive(Debug, Default)]
pub struct Collector {
    claim: Map<String, Value>,
    raw: Vec<String>,
    last: Option<Instant>,
}

impl Collector {
    /// Takes a line; gives the reading that it closes, or the line as log.
    pub(super) fn line(&mut self, line: &TextLine) -> Vec<(Instant, What)> {
        let Some((key, value)) = sensor(&line.text) else {
            return vec![(line.at, What::Log { line: line.text.clone() })];
        };
        let closed = if self.claim.contains_key(key) { self.close() } else { None };
        self.claim.insert(key.into(), value);
        self.raw.push(line.text.clone());
        self.last = Some(line.at);
        closed.into_iter().collect()
    }

    /// Gives the reading when it has been quiet long enough.
    pub(super) fn idle(&mut self, now: Instant) -> Option<(Instant, What)> {
        let quiet = now.saturating_duration_since(self.last?);
        if quiet >= QUIET { self.close() } else { None }
    }

    fn close(&mut self) -> Option<(Instant, What)> {
        let at = self.last.take()?;
        let claim = std::mem::take(&mut self.claim);
        let raw = std::mem::take(&mut self.raw).join("\n");
        Some((at, What::Claim { claim, raw }))
    }
}

/// `…'Voltage L1': Sending state 230.10000 V with 1 decimals…` and `…'meternumber': Sending state '123'`.
fn sensor(line: &str) -> Option<(&'static str, Value)> {
    let (head, state) = line.split_once("': Sending state ")?;
    let (_, name) = head.rsplit_once('\'')?;
    let name = name.trim().to_lowercase().replace(' ', "_");
    if let Some(text) = state.trim_end_matches("\u{1b}[0m").trim().strip_prefix('\'') {
        let text = text.strip_suffix('\'').unwrap_or(text);
        return match name.as_str() {
            "meternumber" => Some(("meter_id", Value::from(text))),
            "timestamp" => Some(("timestamp", Value::from(text.strip_suffix('Z').unwrap_or(text)))),
            _ => None,
        };
    }
    let (_, key) = KEYS.iter().find(|(theirs, _)| *theirs == name)?;
    let mut words = state.split_whitespace();
    let (digits, unit) = (words.next()?, words.next().unwrap_or_default());
    // Some configurations publish kW and kWh.
    let places = if unit.starts_with('k') { 3 } else { 0 };
    let value = match digits.to_ascii_lowercase().as_str() {
        "nan" | "na" => Value::Null,
        _ => super::shift_text(digits, places).map_or_else(|| Value::from(digits), Value::Number),
    };
    Some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dut::Stream;

    fn line(at: Instant, text: &str) -> TextLine {
        TextLine { at, stream: Stream::Readings, text: text.into(), cut: false }
    }

    #[test]
    fn quiet_closes_a_reading() {
        let (mut collector, start) = (Collector::default(), Instant::now());
        let voltage =
            "[12:00:00][D][sensor:093]: 'Voltage L1': Sending state 230.10000 V with 1 decimals of accuracy";
        let power =
            "[D][sensor:094]: 'Active Power Plus': Sending state 1.50000 kW with 3 decimals of accuracy";
        let id = "[D][text_sensor:069]: 'meternumber': Sending state '42'";
        for text in [voltage, power, id] {
            assert!(collector.line(&line(start, text)).is_empty());
        }
        assert_eq!(collector.idle(start + QUIET / 2), None);
        let (at, what) = collector.idle(start + QUIET).expect("closed");
        let What::Claim { claim, raw } = what else { panic!() };
        assert_eq!(
            Value::Object(claim).to_string(),
            r#"{"voltage_l1_v":230.1,"active_import_w":1500,"meter_id":"42"}"#
        );
        assert_eq!((at, raw.lines().count()), (start, 3));
        assert_eq!(collector.idle(start + QUIET * 9), None, "once");
    }

    #[test]
    fn a_sensor_that_comes_again_starts_the_next_reading() {
        let (mut collector, start) = (Collector::default(), Instant::now());
        let text = "[D]: 'Current L1': Sending state nan A with 3 decimals of accuracy";
        assert!(collector.line(&line(start, text)).is_empty());
        let closed = collector.line(&line(start, text));
        assert!(matches!(&closed[..], [(_, What::Claim { claim, .. })] if claim["current_l1_a"].is_null()));
        assert!(matches!(collector.line(&line(start, "[I] hello")).remove(0).1, What::Log { .. }));
    }
}
