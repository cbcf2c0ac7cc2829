//! amshan's dictionary as one JSON object per line, field bugs, section 14.6 (package `amshan`, module `han.obis_map`).
//!
//! Units as amshan 2.1 reports them: W, var, A, V, Wh and varh. Its date-time is printed by the caller in ISO form;
//! digits and zone are split, nothing is converted.

use super::object;
use hanbench_core::verdict::trial::What;
use serde_json::{Map, Value};

const KEYS: [(&str, &str); 33] = [
    ("active_power_import", "active_import_w"),
    ("active_power_export", "active_export_w"),
    ("reactive_power_import", "reactive_import_var"),
    ("reactive_power_export", "reactive_export_var"),
    ("current_l1", "current_l1_a"),
    ("current_l2", "current_l2_a"),
    ("current_l3", "current_l3_a"),
    ("voltage_l1", "voltage_l1_v"),
    ("voltage_l2", "voltage_l2_v"),
    ("voltage_l3", "voltage_l3_v"),
    ("active_power_import_total", "energy_active_import_wh"),
    ("active_power_export_total", "energy_active_export_wh"),
    ("reactive_power_import_total", "energy_reactive_import_varh"),
    ("reactive_power_export_total", "energy_reactive_export_varh"),
    ("active_power_import_l1", "active_import_l1_w"),
    ("active_power_import_l2", "active_import_l2_w"),
    ("active_power_import_l3", "active_import_l3_w"),
    ("active_power_export_l1", "active_export_l1_w"),
    ("active_power_export_l2", "active_export_l2_w"),
    ("active_power_export_l3", "active_export_l3_w"),
    ("reactive_power_import_l1", "reactive_import_l1_var"),
    ("reactive_power_import_l2", "reactive_import_l2_var"),
    ("reactive_power_import_l3", "reactive_import_l3_var"),
    ("reactive_power_export_l1", "reactive_export_l1_var"),
    ("reactive_power_export_l2", "reactive_export_l2_var"),
    ("reactive_power_export_l3", "reactive_export_l3_var"),
    ("power_factor", "power_factor"),
    ("power_factor_l1", "power_factor_l1"),
    ("power_factor_l2", "power_factor_l2"),
    ("power_factor_l3", "power_factor_l3"),
    ("list_ver_id", "list_id"),
    ("meter_id", "meter_id"),
    ("meter_type", "meter_type"),
];

/// A claim, or `None` for text that is no dictionary of amshan's. amshan is a library: the program around it says
/// what it refuses as the contract has it, `{"event":"rejected"}`.
pub(super) fn line(text: &str) -> Option<What> {
    let theirs = object(text)?;
    if theirs.contains_key("event") {
        return super::jsonl::line(text);
    }
    let mut claim = Map::new();
    for (key, ours) in KEYS {
        if let Some(value) = theirs.get(key) {
            claim.insert(ours.into(), value.clone());
        }
    }
    if let Some(time) = theirs.get("meter_datetime") {
        insert_time(&mut claim, time);
    }
    let is_reading = !claim.is_empty() || theirs.contains_key("meter_manufacturer");
    is_reading.then(|| What::Claim { claim, raw: text.to_string() })
}

/// `2021-08-11T23:56:50+02:00` → the digits, and 120 minutes. Anything else is claimed as it is.
fn insert_time(claim: &mut Map<String, Value>, time: &Value) {
    let text = time.as_str().unwrap_or_default();
    let split = text.char_indices().skip(19).find(|(_, c)| matches!(c, '+' | '-'));
    let (digits, zone) = split.map_or((text, ""), |(at, _)| text.split_at(at));
    let offset = zone.get(1..).and_then(|zone| zone.split_once(':')).and_then(|(hours, minutes)| {
        let east = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
        Some(if zone.starts_with('-') { -east } else { east })
    });
    match (zone.is_empty(), offset) {
        (false, Some(offset)) => {
            claim.insert("timestamp".into(), Value::from(digits.replacen(' ', "T", 1)));
            claim.insert("timestamp_utc_offset_min".into(), Value::from(offset));
        }
        (true, _) if !text.is_empty() => {
            claim.insert("timestamp".into(), Value::from(text.replacen(' ', "T", 1)));
        }
        _ => {
            claim.insert("timestamp".into(), time.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(text: &str) -> String {
        match line(text) {
            Some(What::Claim { claim, .. }) => Value::Object(claim).to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_are_renamed_and_the_zone_is_split_off() {
        assert_eq!(
            claim(
                r#"{"meter_manufacturer":"Aidon","active_power_import":5,"meter_datetime":"2021-08-11T23:56:50-02:30"}"#
            ),
            r#"{"active_import_w":5,"timestamp":"2021-08-11T23:56:50","timestamp_utc_offset_min":-150}"#
        );
        assert_eq!(
            claim(r#"{"current_l1":1.5,"meter_datetime":"2021-08-11 23:56:50"}"#),
            r#"{"current_l1_a":1.5,"timestamp":"2021-08-11T23:56:50"}"#
        );
    }

    #[test]
    fn a_reading_without_values_is_an_empty_claim_and_other_objects_are_log() {
        assert_eq!(claim(r#"{"meter_manufacturer":"Aidon"}"#), "{}");
        assert_eq!(line(r#"{"level":"info"}"#), None);
        assert_eq!(line(r#"{"event":"ready","active_power_import":5}"#), None);
        let refused = line(r#"{"event":"rejected","reason":"fcs"}"#);
        assert_eq!(refused, Some(What::Rejected { reason: "fcs".into() }));
    }
}
