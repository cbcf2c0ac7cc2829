//! Dongles broken on purpose. Each variant breaks one rule, as devices in the field did.

use super::{Scale, Step};
use hanbench_core::reading::{Key, Kind};
use serde_json::{Map, Number, Value, json};
use std::time::Duration;

/// How a virtual dongle is broken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Broken {
    /// See [`Broken::describe`], as for all of them.
    IgnoreFcs,
    /// Repeats the previous reading.
    RepeatLast,
    /// Zero in place of unknown.
    ZeroForAbsent,
    /// Says nothing.
    Silent,
    /// A scale is wrong.
    ScaleTen,
    /// A scale is wrong, the other way.
    ScaleTenth,
    /// Phases are confused.
    SwapPhases,
    /// Answers too late.
    Late,
    /// Answers twice.
    Twice,
    /// Texts in place of numbers.
    StringNumbers,
    /// Does not know list 3.
    DropList3,
    /// Dies.
    ExitAfter5,
    /// Export as negative import.
    Sign,
    /// Loses digits.
    Float32,
    /// Takes a byte of the content for a flag.
    CutAt7e,
    /// L2 by a formula for a neutral.
    L2Sqrt3,
    /// L2 by the mean of its neighbours.
    L2Mean,
    /// L2 shown as nothing.
    L2Zero,
    /// An estimate passed off as a measurement.
    L2Unmarked,
    /// Transformers: values of the secondary.
    RatioForgotten,
    /// Transformers: the ratio squared.
    RatioTwice,
    /// Transformers: powers and nothing else.
    RatioPowerOnly,
}

impl Broken {
    /// All variants.
    pub const ALL: [Broken; 22] = [
        Broken::IgnoreFcs,
        Broken::RepeatLast,
        Broken::ZeroForAbsent,
        Broken::Silent,
        Broken::ScaleTen,
        Broken::ScaleTenth,
        Broken::SwapPhases,
        Broken::Late,
        Broken::Twice,
        Broken::StringNumbers,
        Broken::DropList3,
        Broken::ExitAfter5,
        Broken::Sign,
        Broken::Float32,
        Broken::CutAt7e,
        Broken::L2Sqrt3,
        Broken::L2Mean,
        Broken::L2Zero,
        Broken::L2Unmarked,
        Broken::RatioForgotten,
        Broken::RatioTwice,
        Broken::RatioPowerOnly,
    ];

    /// The word in rig files.
    pub fn name(self) -> &'static str {
        match self {
            Broken::IgnoreFcs => "ignore-fcs",
            Broken::RepeatLast => "repeat-last",
            Broken::ZeroForAbsent => "zero-for-absent",
            Broken::Silent => "silent",
            Broken::ScaleTen => "scale-ten",
            Broken::ScaleTenth => "scale-tenth",
            Broken::SwapPhases => "swap-phases",
            Broken::Late => "late",
            Broken::Twice => "twice",
            Broken::StringNumbers => "string-numbers",
            Broken::DropList3 => "drop-list-3",
            Broken::ExitAfter5 => "exit-after-5",
            Broken::Sign => "sign",
            Broken::Float32 => "float32",
            Broken::CutAt7e => "cut-at-7e",
            Broken::L2Sqrt3 => "l2-sqrt3",
            Broken::L2Mean => "l2-mean",
            Broken::L2Zero => "l2-zero",
            Broken::L2Unmarked => "l2-unmarked",
            Broken::RatioForgotten => "ratio-forgotten",
            Broken::RatioTwice => "ratio-twice",
            Broken::RatioPowerOnly => "ratio-power-only",
        }
    }

    /// What it does, in one line.
    pub fn describe(self) -> &'static str {
        match self {
            Broken::IgnoreFcs => "claims what damaged frames say, without looking at checksums",
            Broken::RepeatLast => "claims the previous reading once more before each new one",
            Broken::ZeroForAbsent => "claims 0 for powers, currents and voltages that the meter did not send",
            Broken::Silent => "reads everything and says nothing",
            Broken::ScaleTen => "claims ten times the current of L1",
            Broken::ScaleTenth => "claims a tenth of each current",
            Broken::SwapPhases => "confuses L1 and L2",
            Broken::Late => "takes 2.5 s for the first telegram after each start",
            Broken::Twice => "claims every telegram twice",
            Broken::StringNumbers => "prints numbers as texts",
            Broken::DropList3 => "loses the hourly list with the counters",
            Broken::ExitAfter5 => "ends with an error after five telegrams",
            Broken::Sign => "claims export as negative import",
            Broken::Float32 => "computes with 32-bit floats",
            Broken::CutAt7e => "takes a 7e inside a frame for its end, and loses the frame",
            Broken::L2Sqrt3 => "computes I2 by (√3·P − U1·I1 − U3·I3) / U2, and claims it like a measurement",
            Broken::L2Mean => "estimates I2 as the mean of I1 and I3",
            Broken::L2Zero => "claims 0 for the L2 that it would have to estimate",
            Broken::L2Unmarked => "claims its estimates of L2 like measurements",
            Broken::RatioForgotten => "does not multiply by the ratio of current transformers",
            Broken::RatioTwice => "multiplies by the ratio twice",
            Broken::RatioPowerOnly => "multiplies powers by the ratio, and neither currents nor counters",
        }
    }

    /// The variant of a word.
    pub fn from_name(name: &str) -> Option<Broken> {
        Broken::ALL.into_iter().find(|broken| broken.name() == name)
    }
}

/// A line to print.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Printed {
    /// The line, without its end.
    pub text: String,
    /// How long to wait before it.
    pub delay: Duration,
    /// Ends the program behind it, with this code.
    pub exit: Option<i32>,
}

/// Turns steps of the decoder into lines, breaking them where asked to.
pub(super) struct Breaker {
    broken: Option<Broken>,
    scale: Scale,
    previous: Option<Map<String, Value>>,
    claims: usize,
}

/// How late `late` is: later than any telegram may be by default (2 s).
const LATE: Duration = Duration::from_millis(2500);

impl Breaker {
    pub(super) fn new(broken: Option<Broken>, scale: Scale) -> Breaker {
        Breaker { broken, scale, previous: None, claims: 0 }
    }

    /// From now on the transformers have this ratio.
    pub(super) fn set(&mut self, scale: Scale) {
        self.scale = scale;
    }

    /// The primary side, as far as the variant gets it right.
    fn scaled(&self, mut claim: Map<String, Value>) -> Map<String, Value> {
        let power = |kind| matches!(kind, Kind::ActivePower | Kind::ReactivePower);
        let times = match self.broken {
            Some(Broken::RatioForgotten) => 0,
            Some(Broken::RatioTwice) => 2,
            _ => 1,
        };
        for _ in 0..times {
            self.scale.apply(&mut claim, |kind| self.broken != Some(Broken::RatioPowerOnly) || power(kind));
        }
        claim
    }

    /// What to print for a step.
    pub(super) fn lines(&mut self, step: Step) -> Vec<Printed> {
        let is = |broken| self.broken == Some(broken);
        if is(Broken::Silent) {
            return Vec::new();
        }
        let claim = match step {
            Step::Bad { unchecked: Some(claim), .. } if is(Broken::IgnoreFcs) => claim,
            Step::Bad { reason, .. } => return vec![rejected(&reason)],
            Step::Good { bytes, .. } if is(Broken::CutAt7e) && has_inner_flag(&bytes) => {
                return vec![rejected("fcs")];
            }
            Step::Good { claim, .. } if is(Broken::DropList3) && has_counter(&claim) => return Vec::new(),
            Step::Good { claim, .. } => claim,
        };
        let claim = self.scaled(claim);
        let delay = if is(Broken::Late) && self.claims == 0 { LATE } else { Duration::ZERO };
        let exit = (is(Broken::ExitAfter5) && self.claims == 4).then_some(1);
        let before = self.previous.take().filter(|_| is(Broken::RepeatLast));
        let after = is(Broken::Twice).then(|| claim.clone());
        if is(Broken::RepeatLast) {
            self.previous = Some(claim.clone());
        }
        self.claims += 1;
        let claim = self.broken.map_or_else(|| claim.clone(), |broken| altered(broken, claim.clone()));
        let all = before.into_iter().chain([claim]).chain(after);
        let mut lines: Vec<Printed> =
            all.map(|claim| Printed { text: Value::Object(claim).to_string(), delay, exit: None }).collect();
        if let Some(last) = lines.last_mut() {
            last.exit = exit;
        }
        lines
    }
}

fn rejected(reason: &str) -> Printed {
    let text = json!({"event": "rejected", "reason": reason}).to_string();
    Printed { text, delay: Duration::ZERO, exit: None }
}

/// A flag byte between the flags of a frame.
fn has_inner_flag(bytes: &[u8]) -> bool {
    bytes.len() > 2 && bytes[1..bytes.len() - 1].contains(&0x7E)
}

fn has_counter(claim: &Map<String, Value>) -> bool {
    claim.keys().any(|key| key.starts_with("energy_"))
}

fn altered(broken: Broken, mut claim: Map<String, Value>) -> Map<String, Value> {
    match broken {
        Broken::ZeroForAbsent => {
            let instantaneous = Key::ALL.iter().map(|key| key.name()).take(10);
            for key in instantaneous {
                claim.entry(key).or_insert(Value::from(0));
            }
        }
        Broken::ScaleTen => scale(&mut claim, &["current_l1_a"], 10.0),
        Broken::ScaleTenth => scale(&mut claim, &["current_l1_a", "current_l2_a", "current_l3_a"], 0.1),
        Broken::SwapPhases => {
            claim = claim.into_iter().map(|(key, value)| (other_phase(&key), value)).collect();
        }
        Broken::StringNumbers => each_number(&mut claim, |number| Value::String(number.to_string())),
        Broken::Sign => {
            let export = claim.get("active_export_w").and_then(Value::as_f64).filter(|watts| *watts > 0.0);
            if let Some(watts) = export {
                claim.shift_remove("active_export_w");
                claim.insert("active_import_w".into(), double(-watts));
            }
        }
        Broken::Float32 => each_number(&mut claim, |number| {
            number.as_f64().map_or(Value::Null, |value| double(f64::from(value as f32)))
        }),
        Broken::L2Sqrt3 => {
            if let Some(amperes) = sqrt3(&claim) {
                claim.shift_remove("current_l2_a");
                claim.extend(amperes.map(|amperes| ("current_l2_a".to_string(), double(amperes))));
                unmark(&mut claim, &["current_l2_a"]);
            }
        }
        Broken::L2Mean => {
            if is_estimated(&claim, "current_l2_a")
                && let (Some(i1), Some(i3)) = (amount(&claim, "current_l1_a"), amount(&claim, "current_l3_a"))
            {
                claim.insert("current_l2_a".into(), double((i1.abs() + i3.abs()) / 2.0));
            }
        }
        Broken::L2Zero => {
            for key in L2.into_iter().filter(|key| is_estimated(&claim, key)).collect::<Vec<_>>() {
                claim.insert(key.into(), Value::from(0));
            }
            unmark(&mut claim, &L2);
        }
        Broken::L2Unmarked => unmark(&mut claim, &L2),
        Broken::IgnoreFcs
        | Broken::RepeatLast
        | Broken::Silent
        | Broken::Late
        | Broken::Twice
        | Broken::DropList3
        | Broken::ExitAfter5
        | Broken::CutAt7e
        | Broken::RatioForgotten
        | Broken::RatioTwice
        | Broken::RatioPowerOnly => {}
    }
    claim
}

/// Multiplies numbers, in whole thousandths.
fn scale(claim: &mut Map<String, Value>, keys: &[&str], factor: f64) {
    for key in keys {
        if let Some(value) = claim.get_mut(*key)
            && let Some(amount) = value.as_f64()
        {
            *value = double((amount * factor * 1000.0).round() / 1000.0);
        }
    }
}

/// What the reference dongle estimates.
const L2: [&str; 2] = ["current_l2_a", "voltage_l2_v"];

fn amount(claim: &Map<String, Value>, key: &str) -> Option<f64> {
    claim.get(key).and_then(Value::as_f64)
}

fn is_estimated(claim: &Map<String, Value>, key: &str) -> bool {
    let list = claim.get("estimated").and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|other| other == key))
}

/// Takes keys off the list of estimates.
fn unmark(claim: &mut Map<String, Value>, keys: &[&str]) {
    if let Some(Value::Array(list)) = claim.get_mut("estimated") {
        list.retain(|other| !keys.iter().any(|key| other == key));
        if list.is_empty() {
            claim.shift_remove("estimated");
        }
    }
}

/// I2 as amsreader-firmware had it in 2020, in the place of an estimate; `Some(None)` on a list that it leaves alone.
fn sqrt3(claim: &Map<String, Value>) -> Option<Option<f64>> {
    if !is_estimated(claim, "current_l2_a") {
        return None;
    }
    let value = |key: &str| amount(claim, key).map(f64::abs);
    let (i1, i3) = (value("current_l1_a")?, value("current_l3_a")?);
    if i1 == 0.0 || i3 == 0.0 {
        return Some(None);
    }
    let (u1, u3) = (value("voltage_l1_v")?, value("voltage_l3_v")?);
    let u2 = match is_estimated(claim, "voltage_l2_v") {
        true => (u1 * u1 + u3 * u3 - u1 * u3).sqrt(),
        false => value("voltage_l2_v")?,
    };
    let amperes = (3.0_f64.sqrt() * value("active_import_w")? - u1 * i1 - u3 * i3) / u2;
    let exports = value("active_export_w").is_some_and(|watts| watts > 0.0);
    Some(Some(if exports { amperes } else { amperes.max(0.0) }))
}

fn double(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn other_phase(key: &str) -> String {
    if key.contains("_l1_") { key.replace("_l1_", "_l2_") } else { key.replace("_l2_", "_l1_") }
}

fn each_number(claim: &mut Map<String, Value>, change: impl Fn(&Number) -> Value) {
    for value in claim.values_mut() {
        if let Value::Number(number) = value {
            *value = change(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(claim: Value, bytes: &[u8]) -> Step {
        let Value::Object(claim) = claim else { panic!("an object") };
        Step::Good { claim, bytes: bytes.to_vec() }
    }

    fn texts(broken: Option<Broken>, steps: Vec<Step>) -> Vec<String> {
        let mut breaker = Breaker::new(broken, Scale::ONE);
        steps.into_iter().flat_map(|step| breaker.lines(step)).map(|line| line.text).collect()
    }

    #[test]
    fn the_healthy_dongle_prints_what_was_decoded() {
        let bad = Step::Bad { reason: "fcs".into(), unchecked: Some(Map::new()) };
        let steps = vec![good(json!({"active_import_w": 5}), b""), bad];
        assert_eq!(
            texts(None, steps),
            [r#"{"active_import_w":5}"#, r#"{"event":"rejected","reason":"fcs"}"#]
        );
    }

    #[test]
    fn every_variant_breaks_something_and_has_a_name_of_its_own() {
        let claim = |watts: i64| {
            json!({"active_import_w": watts, "active_export_w": 7, "current_l1_a": 1.5, "current_l3_a": 2,
                   "current_l2_a": 3, "voltage_l1_v": 230, "voltage_l2_v": 230, "voltage_l3_v": 230,
                   "estimated": ["current_l2_a", "voltage_l2_v"], "energy_active_import_wh": 109_554_021})
        };
        let steps = || {
            let unchecked = Some(Map::new());
            let mut steps = vec![Step::Bad { reason: "fcs".into(), unchecked }];
            steps.extend((0..6).map(|watts| good(claim(watts), b"\x7ea\x7eb\x7e")));
            steps
        };
        let whole = |broken| -> Vec<Printed> {
            let mut breaker = Breaker::new(broken, Scale::parse("100:5").expect("a ratio"));
            steps().into_iter().flat_map(|step| breaker.lines(step)).collect()
        };
        let right = whole(None);
        for broken in Broken::ALL {
            assert_ne!(whole(Some(broken)), right, "{}", broken.name());
            assert_eq!(Broken::from_name(broken.name()), Some(broken));
            assert!(!broken.describe().is_empty());
        }
    }

    #[test]
    fn single_variants_do_what_their_name_says() {
        let one = |broken, claim| texts(Some(broken), vec![good(claim, b"")]).join("");
        assert_eq!(one(Broken::ScaleTen, json!({"current_l1_a": 1.23})), r#"{"current_l1_a":12.3}"#);
        assert_eq!(
            one(Broken::ScaleTenth, json!({"current_l1_a": 1.2, "current_l2_a": 4})),
            r#"{"current_l1_a":0.12,"current_l2_a":0.4}"#
        );
        assert_eq!(
            one(Broken::SwapPhases, json!({"current_l1_a": 1, "voltage_l2_v": 2, "current_l3_a": 3})),
            r#"{"current_l2_a":1,"voltage_l1_v":2,"current_l3_a":3}"#
        );
        assert_eq!(one(Broken::Sign, json!({"active_export_w": 7})), r#"{"active_import_w":-7.0}"#);
        assert_eq!(
            one(Broken::Float32, json!({"energy_active_import_wh": 109_554_021})),
            r#"{"energy_active_import_wh":109554024.0}"#
        );
        assert_eq!(one(Broken::StringNumbers, json!({"active_import_w": 5})), r#"{"active_import_w":"5"}"#);
        assert_eq!(one(Broken::DropList3, json!({"energy_active_import_wh": 5})), "");
        let zeros = one(Broken::ZeroForAbsent, json!({"active_import_w": 5}));
        assert!(zeros.contains(r#""voltage_l2_v":0"#) && zeros.contains(r#""active_import_w":5"#), "{zeros}");
        assert!(!zeros.contains("energy_") && !zeros.contains("thd"), "{zeros}");
        let inner = vec![good(json!({}), b"\x7ea\x7e"), good(json!({}), b"\x7ea\x7eb\x7e")];
        assert_eq!(texts(Some(Broken::CutAt7e), inner).len(), 2);
    }
}
