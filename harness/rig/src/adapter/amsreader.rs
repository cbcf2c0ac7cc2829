//! amsreader-firmware, JSON classic (format 0: values under `data`) and flat (format 6), field bugs, section 14.1.
//!
//! `rtc` is not mapped: it is an epoch that the firmware made from the meter's digits with a zone of its own, and
//! the digits cannot be had back. A rig file lists `timestamp` and `clock` under `omits`.

use super::{object, shifted};
use hanbench_core::verdict::trial::What;
use serde_json::{Map, Value};

/// amsreader's key, our key, and how far the decimal point moves (kWh → Wh).
const KEYS: [(&str, &str, usize); 32] = [
    ("P", "active_import_w", 0),
    ("PO", "active_export_w", 0),
    ("Q", "reactive_import_var", 0),
    ("QO", "reactive_export_var", 0),
    ("I1", "current_l1_a", 0),
    ("I2", "current_l2_a", 0),
    ("I3", "current_l3_a", 0),
    ("U1", "voltage_l1_v", 0),
    ("U2", "voltage_l2_v", 0),
    ("U3", "voltage_l3_v", 0),
    ("tPI", "energy_active_import_wh", 3),
    ("tPO", "energy_active_export_wh", 3),
    ("tQI", "energy_reactive_import_varh", 3),
    ("tQO", "energy_reactive_export_varh", 3),
    ("P1", "active_import_l1_w", 0),
    ("P2", "active_import_l2_w", 0),
    ("P3", "active_import_l3_w", 0),
    ("PO1", "active_export_l1_w", 0),
    ("PO2", "active_export_l2_w", 0),
    ("PO3", "active_export_l3_w", 0),
    ("PF", "power_factor", 0),
    ("PF1", "power_factor_l1", 0),
    ("PF2", "power_factor_l2", 0),
    ("PF3", "power_factor_l3", 0),
    ("tPI1", "energy_active_import_l1_wh", 3),
    ("tPI2", "energy_active_import_l2_wh", 3),
    ("tPI3", "energy_active_import_l3_wh", 3),
    ("tPO1", "energy_active_export_l1_wh", 3),
    ("tPO2", "energy_active_export_l2_wh", 3),
    ("tPO3", "energy_active_export_l3_wh", 3),
    ("lv", "list_id", 0),
    ("type", "meter_type", 0),
];

/// A claim, or `None` for an object without the power that every list has (status, prices) and for other text.
pub(super) fn line(text: &str) -> Option<What> {
    let message = object(text)?;
    let nested = message.get("data").and_then(Value::as_object);
    let data = nested.unwrap_or(&message);
    if !data.contains_key("P") {
        return None;
    }
    let mut claim = Map::new();
    for (theirs, ours, places) in KEYS {
        if let Some(value) = data.get(theirs) {
            claim.insert(ours.into(), shifted(value, places));
        }
    }
    // Older versions call the meter's number `id`; in the flat form that is the reader's own address.
    let older = nested.and_then(|data| data.get("id"));
    if let Some(id) = data.get("meterId").or(older) {
        claim.insert("meter_id".into(), id.clone());
    }
    Some(What::Claim { claim, raw: text.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(text: &str) -> Option<String> {
        match line(text)? {
            What::Claim { claim, .. } => Some(Value::Object(claim).to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_found_under_data_and_flat() {
        let nested = r#"{"id":"AA:BB","t":17,"data":{"id":"7359","P":609,"I2":0.00,"U1":230.10,"tPI":109552.251},"realtime":{"h":0.2}}"#;
        let expected = r#"{"active_import_w":609,"current_l2_a":0.0,"voltage_l1_v":230.1,"energy_active_import_wh":109552251,"meter_id":"7359"}"#;
        assert_eq!(claim(nested).as_deref(), Some(expected));
        let flat = r#"{"id":"AA:BB","P":609,"rt_h":0.2}"#;
        assert_eq!(
            claim(flat).as_deref(),
            Some(r#"{"active_import_w":609}"#),
            "the reader's id is not the meter's"
        );
    }

    #[test]
    fn what_is_no_list_is_log() {
        for text in
            [r#"{"status":"online"}"#, r#"{"data":"7ea0"}"#, r#"{"name":"ams","up":5}"#, "(V) HDLC frame:"]
        {
            assert_eq!(claim(text), None, "{text}");
        }
    }
}
