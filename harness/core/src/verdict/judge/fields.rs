//! One claim against one telegram, field by field (contract, section 3).
//!
//! Refuses to judge what no rule covers: unknown keys are noted, not compared.

use crate::reading::{Key, Milli, json};
use crate::verdict::checks::FieldRule;
use crate::verdict::results::Finding;
use crate::verdict::trial::{DutTerms, Telegram};
use serde_json::{Map, Number, Value};
use std::collections::BTreeSet;

/// How many rules there are.
const RULES: usize = FieldRule::Scale as usize + 1;

/// What comparing showed. Adds up over claims.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparison {
    /// Per rule: how much the telegrams give to compare.
    expected: [usize; RULES],
    /// Per rule: how much of it was compared.
    compared: [usize; RULES],
    findings: [Vec<Finding>; RULES],
    /// Claimed keys that no document has; ignored.
    pub(super) unknown: BTreeSet<String>,
    /// Keys claimed as estimates where no interval is known.
    pub(super) unbounded: BTreeSet<String>,
}

impl Comparison {
    pub(super) fn expected(&self, rule: FieldRule) -> usize {
        self.expected[rule as usize]
    }

    pub(super) fn compared(&self, rule: FieldRule) -> usize {
        self.compared[rule as usize]
    }

    pub(super) fn findings(&self, rule: FieldRule) -> &[Finding] {
        &self.findings[rule as usize]
    }

    /// The claim is this reading, as far as scales that nobody announced allow to say.
    pub(super) fn is_exact(&self) -> bool {
        let count: usize = self.findings.iter().map(Vec::len).sum();
        count == self.findings(FieldRule::Scale).len()
    }

    /// Something claimed is not what was sent. Leaving out contradicts nothing.
    pub(super) fn contradicts(&self) -> bool {
        let rules = [FieldRule::Value, FieldRule::Text, FieldRule::Time, FieldRule::Absent];
        rules.iter().any(|rule| !self.findings(*rule).is_empty())
    }

    /// Adds what another telegram gives to compare, and nothing of what was claimed for it.
    pub(super) fn add_expected(&mut self, other: &Comparison) {
        for (sum, count) in self.expected.iter_mut().zip(other.expected) {
            *sum += count;
        }
    }

    pub(super) fn add(&mut self, other: Comparison) {
        self.add_expected(&other);
        for (sum, count) in self.compared.iter_mut().zip(other.compared) {
            *sum += count;
        }
        for (all, more) in self.findings.iter_mut().zip(other.findings) {
            all.extend(more);
        }
        self.unknown.extend(other.unknown);
        self.unbounded.extend(other.unbounded);
    }

    fn found(
        &mut self,
        rule: FieldRule,
        key: &str,
        expected: Option<String>,
        claimed: Option<&Value>,
        text: String,
    ) {
        self.findings[rule as usize].push(Finding {
            part: None,
            key: Some(key.to_string()),
            expected,
            claimed: claimed.map(ToString::to_string),
            text: format!("{key}: {text}"),
            weightless: false,
        });
    }
}

/// What kind of field a key names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FieldKind {
    Number,
    Text,
    Time,
    /// Minutes east of UTC, beside a time.
    Offset,
    /// Clock status byte, beside a time.
    Status,
}

/// The keys of the contract, section 2. `None` for all others, `obis_…` among them.
pub(super) fn kind(key: &str) -> Option<FieldKind> {
    match key {
        "meter_id" | "meter_type" | "list_id" => Some(FieldKind::Text),
        "timestamp" | "clock" => Some(FieldKind::Time),
        "timestamp_utc_offset_min" | "clock_utc_offset_min" => Some(FieldKind::Offset),
        "timestamp_status" | "clock_status" => Some(FieldKind::Status),
        _ => Key::from_name(key).map(|_| FieldKind::Number),
    }
}

/// The time that an offset or status stands beside.
fn base(key: &str) -> &str {
    if key.starts_with("clock") { "clock" } else { "timestamp" }
}

/// A text without its padding: NULs and blanks at the end.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_end_matches(['\0', ' '])
}

/// A cheap look before [`compare`]: false when a number alone shows that the claim is not this reading.
pub(super) fn is_alike(telegram: &Telegram, claim: &Map<String, Value>) -> bool {
    let lenient = |key: &String| telegram.unannounced.contains(key) || telegram.zero_unmeasured.contains(key);
    telegram.reading.iter().all(|(key, sent)| match (sent, claim.get(key)) {
        (Value::Number(sent), Some(Value::Number(claimed))) if kind(key) == Some(FieldKind::Number) => {
            json::milli(sent) == json::milli(claimed) || lenient(key)
        }
        _ => true,
    })
}

/// Compares. With an empty claim, [`Comparison::expected`] still says what there was to compare.
pub(super) fn compare(telegram: &Telegram, claim: &Map<String, Value>, terms: &DutTerms) -> Comparison {
    let pair = Pair { telegram, claim, terms };
    let mut result = Comparison::default();
    result.expected[FieldRule::Absent as usize] = 1;
    result.compared[FieldRule::Absent as usize] = 1;
    for (key, expected) in &telegram.reading {
        match kind(key) {
            Some(FieldKind::Number) => pair.number(key, expected, &mut result),
            Some(FieldKind::Text) => pair.text(key, expected, &mut result),
            Some(FieldKind::Time) => pair.time(key, expected, &mut result),
            Some(FieldKind::Offset) => pair.offset(key, expected, &mut result),
            Some(FieldKind::Status) => pair.status(key, expected, &mut result),
            None => {}
        }
    }
    for (key, claimed) in claim {
        if key == "estimated" {
            let keys = claimed.as_array().is_some_and(|list| list.iter().all(Value::is_string));
            if !keys && !claimed.is_null() {
                let text = format!("{claimed} claimed, a list of keys expected");
                result.found(FieldRule::Form, key, None, Some(claimed), text);
            }
        } else if kind(key).is_none() && !telegram.reading.contains_key(key) {
            result.unknown.insert(key.clone());
        } else if !telegram.reading.contains_key(key) && !claimed.is_null() {
            pair.not_sent(key, claimed, &mut result);
        }
    }
    result
}

struct Pair<'a> {
    telegram: &'a Telegram,
    claim: &'a Map<String, Value>,
    terms: &'a DutTerms,
}

impl<'a> Pair<'a> {
    fn claimed(&self, key: &str) -> Option<&'a Value> {
        self.claim.get(key).filter(|value| !value.is_null())
    }

    fn omitted(&self, key: &str) -> bool {
        self.terms.omits.iter().any(|other| other == key)
    }

    fn estimated(&self, key: &str) -> bool {
        let list = self.claim.get("estimated").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|other| other.as_str() == Some(key)))
    }

    fn expected_milli(&self, key: &str) -> Option<Milli> {
        self.telegram.reading.get(key).and_then(Value::as_number).and_then(json::milli)
    }

    /// Counts a carried field as claimed or left out. True when there is a claim to compare.
    fn carried(&self, key: &str, expected: &Value, is_claimed: bool, result: &mut Comparison) -> bool {
        if !self.omitted(key) {
            result.expected[FieldRule::Complete as usize] += 1;
            if is_claimed {
                result.compared[FieldRule::Complete as usize] += 1;
            } else {
                let text = format!("left out, {expected} expected");
                result.found(FieldRule::Complete, key, Some(expected.to_string()), None, text);
            }
        }
        is_claimed
    }

    /// Counts one more thing to compare under the rule, unless the rig file says that it will not come.
    fn expect(&self, rule: FieldRule, key: &str, result: &mut Comparison) {
        if !self.omitted(key) || self.claimed(key).is_some() {
            result.expected[rule as usize] += 1;
        }
    }

    fn number(&self, key: &str, expected: &Value, result: &mut Comparison) {
        let claimed = self.claimed(key);
        let unannounced = self.telegram.unannounced.iter().any(|other| other == key);
        let rule = if unannounced { FieldRule::Scale } else { FieldRule::Value };
        let Some(right) = self.expected_milli(key) else { return };
        if right == Milli(0) && self.telegram.zero_unmeasured.iter().any(|other| other == key) {
            if let Some(claimed) = claimed {
                self.unmeasured(key, claimed, result);
            }
            return;
        }
        self.expect(rule, key, result);
        if !self.carried(key, expected, claimed.is_some(), result) {
            return;
        }
        let Some(claimed) = claimed.and_then(|value| number(key, value, result)) else { return };
        if unannounced && !self.terms.scale_told {
            return;
        }
        result.compared[rule as usize] += 1;
        if json::milli(claimed) != Some(right) {
            let text = format!("{claimed} claimed, {right} expected{}", hint(claimed, right));
            result.found(rule, key, Some(right.to_string()), self.claimed(key), text);
        }
    }

    /// The meter sent 0 in place of "not measured": 0, or an estimate listed as such.
    fn unmeasured(&self, key: &str, claimed: &Value, result: &mut Comparison) {
        let Some(number) = number(key, claimed, result) else { return };
        if self.estimated(key) {
            self.estimate(key, number, result);
        } else if json::milli(number) != Some(Milli(0)) {
            let text = format!("{number} claimed, but the meter sent 0 in place of a measurement");
            let expected = "0, absent, or listed under `estimated`".to_string();
            result.found(FieldRule::Absent, key, Some(expected), Some(claimed), text);
        }
    }

    fn text(&self, key: &str, expected: &Value, result: &mut Comparison) {
        let claimed = self.claimed(key);
        let right = trimmed(expected.as_str().unwrap_or_default());
        let Some(text) = claimed.map_or(Some(""), Value::as_str).map(trimmed) else {
            return wrong_form(key, claimed, "a string", result);
        };
        if right.is_empty() {
            if let (false, Some(claimed)) = (text.is_empty(), claimed) {
                self.not_sent(key, claimed, result);
            }
            return;
        }
        self.expect(FieldRule::Text, key, result);
        if !self.carried(key, expected, !text.is_empty(), result) {
            return;
        }
        result.compared[FieldRule::Form as usize] += 1;
        result.compared[FieldRule::Text as usize] += 1;
        if text != right {
            let words = format!("{text:?} claimed, {right:?} expected");
            result.found(FieldRule::Text, key, Some(right.to_string()), claimed, words);
        }
    }

    fn time(&self, key: &str, expected: &Value, result: &mut Comparison) {
        self.expect(FieldRule::Time, key, result);
        let claimed = self.claimed(key);
        if !self.carried(key, expected, claimed.is_some(), result) {
            return;
        }
        let Some(text) = claimed.and_then(Value::as_str) else {
            return wrong_form(key, claimed, "a string", result);
        };
        result.compared[FieldRule::Form as usize] += 1;
        result.compared[FieldRule::Time as usize] += 1;
        let right = expected.as_str().unwrap_or_default();
        if text != right {
            let words = format!("{text} claimed, {right} expected");
            result.found(FieldRule::Time, key, Some(right.to_string()), claimed, words);
        }
    }

    fn offset(&self, key: &str, expected: &Value, result: &mut Comparison) {
        let claimed = self.claimed(key);
        let time = base(key);
        let Some(right) = expected.as_number() else {
            // Not specified by the meter: nothing is required, and nothing may be invented.
            if let Some(claimed) = claimed {
                let text = format!("{claimed} claimed, but the meter did not specify it");
                result.found(FieldRule::Time, key, Some("null".to_string()), Some(claimed), text);
            }
            return;
        };
        // A left-out time is one finding, not two.
        let without_time = self.claimed(time).is_none() || self.omitted(time);
        if claimed.is_none() && without_time || !self.carried(key, expected, claimed.is_some(), result) {
            return;
        }
        let Some(claimed) = claimed.and_then(|value| number(key, value, result)) else { return };
        self.same_time_part(key, claimed, right, result);
    }

    fn status(&self, key: &str, expected: &Value, result: &mut Comparison) {
        let (Some(claimed), Some(right)) = (self.claimed(key), expected.as_number()) else { return };
        let Some(claimed) = number(key, claimed, result) else { return };
        self.same_time_part(key, claimed, right, result);
    }

    fn same_time_part(&self, key: &str, claimed: &Number, right: &Number, result: &mut Comparison) {
        result.expected[FieldRule::Time as usize] += 1;
        result.compared[FieldRule::Time as usize] += 1;
        if json::milli(claimed) != json::milli(right) {
            let text = format!("{claimed} claimed, {right} expected");
            result.found(FieldRule::Time, key, Some(right.to_string()), self.claimed(key), text);
        }
    }

    /// A field that the telegram did not carry, claimed as something.
    fn not_sent(&self, key: &str, claimed: &Value, result: &mut Comparison) {
        match kind(key) {
            Some(FieldKind::Number) => {
                let Some(number) = number(key, claimed, result) else { return };
                if self.estimated(key) {
                    return self.estimate(key, number, result);
                }
            }
            Some(FieldKind::Text) => match claimed.as_str() {
                Some(text) if trimmed(text).is_empty() => return,
                Some(_) => {}
                None => return wrong_form(key, Some(claimed), "a string", result),
            },
            Some(FieldKind::Time | FieldKind::Offset | FieldKind::Status) | None => {}
        }
        let text = format!("{claimed} claimed, but the meter did not send it");
        result.found(FieldRule::Absent, key, Some("absent or null".to_string()), Some(claimed), text);
    }

    /// A value that is listed as computed: inside what physics leaves open, where that is known.
    fn estimate(&self, key: &str, claimed: &Number, result: &mut Comparison) {
        let Some((low, high)) = self.interval(key) else {
            result.unbounded.insert(key.to_string());
            return;
        };
        let value = claimed.as_f64().unwrap_or(f64::NAN);
        let size = if key == "current_l2_a" { value.abs() } else { value };
        // An estimate is computed, so it may be off its bound by less than the last digit of a reading.
        let inside = (size * 1000.0 + 0.5 >= low.0 as f64) && (size * 1000.0 - 0.5 <= high.0 as f64);
        if !inside {
            let text = format!("estimated as {claimed}, but only {low} to {high} is possible on three wires");
            let expected = format!("{low} to {high}");
            result.found(FieldRule::Absent, key, Some(expected), self.claimed(key), text);
        }
    }

    /// `|L1−L3| ≤ L2 ≤ L1+L3` of magnitudes, for the current in and the voltage over the unmeasured phase of three
    /// wires (field-bug list, section 0).
    fn interval(&self, key: &str) -> Option<(Milli, Milli)> {
        let (first, third) = match key {
            "current_l2_a" => ("current_l1_a", "current_l3_a"),
            "voltage_l2_v" => ("voltage_l1_v", "voltage_l3_v"),
            _ => return None,
        };
        let known = |key: &str| {
            let unknown = |keys: &[String]| keys.iter().any(|other| other == key);
            let value = self.expected_milli(key)?;
            let unmeasured = value == Milli(0) && unknown(&self.telegram.zero_unmeasured);
            (!unmeasured && !unknown(&self.telegram.unannounced)).then_some(value.0.abs())
        };
        let (first, third) = (known(first)?, known(third)?);
        Some((Milli((first - third).abs()), Milli(first.saturating_add(third))))
    }
}

/// The claimed number; a finding when it is something else.
fn number<'a>(key: &str, claimed: &'a Value, result: &mut Comparison) -> Option<&'a Number> {
    let number = claimed.as_number();
    if number.is_some() {
        result.compared[FieldRule::Form as usize] += 1;
    } else {
        wrong_form(key, Some(claimed), "a number", result);
    }
    number
}

fn wrong_form(key: &str, claimed: Option<&Value>, expected: &str, result: &mut Comparison) {
    let shown = claimed.map(ToString::to_string).unwrap_or_default();
    let text = format!("{shown} claimed, {expected} expected");
    result.found(FieldRule::Form, key, Some(expected.to_string()), claimed, text);
}

/// What a wrong number looks like, for the reason.
fn hint(claimed: &Number, right: Milli) -> String {
    let Some(wrong) = json::milli(claimed) else { return ", finer than a thousandth".to_string() };
    if right != Milli(0) && wrong.0.checked_neg() == Some(right.0) {
        return ", the sign is wrong".to_string();
    }
    let factor = [10, 100, 1000, 10_000].into_iter().find(|factor| {
        let times = |a: i64, b: i64| b != 0 && a.checked_mul(*factor) == Some(b);
        times(wrong.0, right.0) || times(right.0, wrong.0)
    });
    if let Some(factor) = factor {
        return format!(", off by a factor of {factor}");
    }
    if (wrong.0 as f64 / 1000.0) as f32 == (right.0 as f64 / 1000.0) as f32 {
        return ", the last digits are lost as in a 32-bit float".to_string();
    }
    String::new()
}
