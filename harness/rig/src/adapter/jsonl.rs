//! The line format of the contract, section 3: one JSON object per accepted telegram, and events.

use super::object;
use hanbench_core::verdict::trial::What;
use serde_json::Value;

/// A claim or a refusal; `None` for anything else, which is log. An object with any `event` is never a claim.
pub(super) fn line(text: &str) -> Option<What> {
    let claim = object(text)?;
    match claim.get("event") {
        None => Some(What::Claim { claim, raw: text.to_string() }),
        Some(Value::String(event)) if event == "rejected" => {
            let reason = match claim.get("reason") {
                Some(Value::String(reason)) => reason.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            Some(What::Rejected { reason })
        }
        Some(_) => None,
    }
}

/// An event of that name, such as `{"event":"ready"}`.
pub fn is_event(text: &str, name: &str) -> bool {
    object(text).is_some_and(|object| object.get("event").and_then(Value::as_str) == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_a_claim_unless_it_is_an_event() {
        assert!(matches!(line(r#" {"active_import_w":5} "#), Some(What::Claim { .. })));
        assert!(matches!(line("{}"), Some(What::Claim { claim, .. }) if claim.is_empty()));
        assert_eq!(
            line(r#"{"event":"rejected","reason":"fcs"}"#),
            Some(What::Rejected { reason: "fcs".into() })
        );
        for log in
            ["", "hello", r#"{"event":"ready"}"#, r#"{"event":"beep","active_import_w":5}"#, "[1]", "{\"a\":"]
        {
            assert_eq!(line(log), None, "{log}");
        }
        assert!(
            is_event(r#"{"event":"ready"}"#, "ready")
                && !is_event("ready", "ready")
                && !is_event("{}", "ready")
        );
    }

    #[test]
    fn hostile_nesting_is_log() {
        let deep = format!("{}1{}", "{\"a\":".repeat(20_000), "}".repeat(20_000));
        assert_eq!(line(&deep), None);
    }
}
