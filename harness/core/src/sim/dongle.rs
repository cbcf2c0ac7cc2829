//! What sits on the meter's port: bytes in, claims out.

use crate::balance::{Sample, Trouble};
use crate::meters::stream::Stream;
use crate::reading::{Field, Instant, Key, Milli, Reading, json};
use crate::wire::cipher::Keys;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A claim: how long the dongle took for it, in milliseconds behind the last byte, and what it says.
pub type Claim = (u64, Sample);

/// A dongle in the loop.
pub trait Dongle {
    /// Hears bytes whose last one was over at `t_ms`, and appends what it claims, in order.
    ///
    /// # Errors
    /// Only a dongle outside this program errs.
    fn hear(&mut self, t_ms: u64, bytes: &[u8], claims: &mut Vec<Claim>) -> Result<(), Trouble>;

    /// Comes back when the loop may go on to `t_ms`. Only a dongle that lives in real time makes it wait.
    ///
    /// # Errors
    /// Somebody pressed Ctrl-C.
    fn wait(&mut self, _t_ms: u64) -> Result<(), Trouble> {
        Ok(())
    }
}

/// What a dongle made of one telegram: all that it takes to play the loop again without it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Heard {
    /// When the telegram's last byte was over, in milliseconds since the start.
    pub t_ms: u64,
    /// What it claimed; empty where it said nothing.
    pub claims: Vec<Claim>,
}

/// A dongle that says again what another one said.
#[derive(Clone, Debug)]
pub struct ReplayedDongle<'a> {
    heard: std::slice::Iter<'a, Heard>,
    end: Option<Trouble>,
}

impl<'a> ReplayedDongle<'a> {
    /// `end`: the trouble that ended the recording, if the dongle was the one that made it.
    pub fn new(heard: &'a [Heard], end: Option<Trouble>) -> ReplayedDongle<'a> {
        ReplayedDongle { heard: heard.iter(), end }
    }
}

impl Dongle for ReplayedDongle<'_> {
    fn hear(&mut self, t_ms: u64, _: &[u8], claims: &mut Vec<Claim>) -> Result<(), Trouble> {
        let other = |what: String| Err(Trouble::Rig(format!("the recording is of another run: {what}")));
        match (self.heard.next(), self.end.take()) {
            (Some(heard), end) if heard.t_ms == t_ms => {
                self.end = end;
                claims.extend(&heard.claims);
                Ok(())
            }
            (Some(heard), _) => {
                other(format!("a telegram at {t_ms} ms, where it has one at {} ms", heard.t_ms))
            }
            (None, Some(trouble)) => Err(trouble),
            (None, None) => other(format!("it has no telegram at {t_ms} ms")),
        }
    }
}

/// The reference decoder, as it is.
pub struct ReferenceDongle(Stream);

impl Default for ReferenceDongle {
    fn default() -> Self {
        ReferenceDongle(Stream::new(None, Keys::default()))
    }
}

impl Dongle for ReferenceDongle {
    fn hear(&mut self, t_ms: u64, bytes: &[u8], claims: &mut Vec<Claim>) -> Result<(), Trouble> {
        self.0.push(bytes, Instant(t_ms * 1000), |entry| {
            let telegram = entry.decoded.as_ref().and_then(|decoded| decoded.telegram.as_ref());
            claims.extend(telegram.map(|telegram| (0, sample(&telegram.reading))));
        });
        Ok(())
    }
}

/// What a balancer is told of a reading.
pub fn sample(reading: &Reading<'_>) -> Sample {
    told(|key| match reading.get(key) {
        Field::Present(Milli(value)) => Some(value),
        Field::Absent | Field::Invalid(_) => None,
    })
}

/// The same of a claim in the keys of the contract, section 2.
///
/// A text in place of a number is unknown, and so is what the dongle itself lists as `estimated`: a sample is of what
/// was measured. Numbers finer than a thousandth are rounded, as a balancer would.
pub fn claimed(claim: &Map<String, Value>) -> Sample {
    let estimated = claim.get("estimated").and_then(Value::as_array);
    told(|key| {
        if estimated.is_some_and(|keys| keys.iter().any(|one| one.as_str() == Some(key.name()))) {
            return None;
        }
        let Some(Value::Number(number)) = claim.get(key.name()) else { return None };
        let rounded = || {
            let thousandths = (number.as_f64()? * 1000.0).round();
            // Up to there a double knows every whole number.
            (thousandths.abs() < 9_007_199_254_740_992.0).then_some(thousandths as i64)
        };
        json::milli(number).map(|milli| milli.0).or_else(rounded)
    })
}

fn told(number: impl Fn(Key) -> Option<i64>) -> Sample {
    // Watts from thousandths; import and export exclude each other, and one of them may not be sent at all. The list of
    // power alone has no export: an import of 0 in it says nothing of how much flows out.
    let net = |plus: Key, minus: Key| match (number(plus), number(minus)) {
        (Some(plus), Some(minus)) => Some((plus - minus) / 1000),
        (Some(plus), None) => (plus != 0).then_some(plus / 1000),
        (None, Some(minus)) => (minus != 0).then_some(-minus / 1000),
        (None, None) => None,
    };
    let i_ma = [Key::CurrentL1, Key::CurrentL2, Key::CurrentL3].map(&number);
    Sample {
        i_ma,
        u_mv: [Key::VoltageL1, Key::VoltageL2, Key::VoltageL3].map(&number),
        p_w: net(Key::ActiveImport, Key::ActiveExport),
        q_var: net(Key::ReactiveImport, Key::ReactiveExport),
        list: if i_ma.iter().any(Option::is_some) { 2 } else { 1 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list of power alone has an import and no export. While a house feeds in, its import is 0, and nobody knows
    /// by it how much flows out.
    #[test]
    fn an_import_of_nothing_is_no_power_of_nothing() {
        let said = |import: i64, export: Option<i64>| {
            let mut reading = Reading::default();
            reading.set(Key::ActiveImport, Field::Present(Milli(import)));
            if let Some(export) = export {
                reading.set(Key::ActiveExport, Field::Present(Milli(export)));
            }
            sample(&reading).p_w
        };
        assert_eq!(said(0, None), None);
        assert_eq!(said(733_000, None), Some(733));
        assert_eq!(said(0, Some(7_590_000)), Some(-7_590));
        assert_eq!(said(0, Some(0)), Some(0));
    }

    fn of(text: &str) -> Sample {
        claimed(&serde_json::from_str(text).expect("an object"))
    }

    #[test]
    fn a_claim_says_what_its_keys_say_and_nothing_else() {
        let whole = of(r#"{"active_import_w":0,"active_export_w":1500,"reactive_export_var":20,
            "current_l1_a":-6.5,"current_l2_a":0,"voltage_l1_v":230.1,"meter_id":"x"}"#);
        let expected = Sample {
            i_ma: [Some(-6500), Some(0), None],
            u_mv: [Some(230_100), None, None],
            p_w: Some(-1500),
            q_var: Some(-20),
            list: 2,
        };
        assert_eq!(whole, expected);
        assert_eq!(of(r#"{"active_import_w":733}"#), Sample { p_w: Some(733), list: 1, ..Sample::default() });
        assert_eq!(of("{}"), Sample { list: 1, ..Sample::default() });
    }

    #[test]
    fn what_was_not_measured_is_unknown_and_never_zero() {
        let odd = of(r#"{"current_l1_a":"4.6","current_l2_a":3.1,"current_l3_a":null,"voltage_l1_v":1e300,
            "estimated":["current_l2_a"]}"#);
        assert_eq!(odd, Sample { list: 1, ..Sample::default() });
        assert_eq!(of(r#"{"current_l1_a":4.599999904632568}"#).i_ma[0], Some(4600));
    }

    #[test]
    fn a_recording_says_the_same_again_and_fits_no_other_run() {
        let said = [(3, Sample { list: 1, ..Sample::default() })];
        let heard = [Heard { t_ms: 10, claims: said.to_vec() }, Heard { t_ms: 20, claims: Vec::new() }];
        let gone = Trouble::Dongle("exit code 1".into());
        let mut replayed = ReplayedDongle::new(&heard, Some(gone.clone()));
        let mut claims = Vec::new();
        assert_eq!(replayed.hear(10, &[], &mut claims), Ok(()));
        assert_eq!(replayed.hear(20, &[], &mut claims), Ok(()));
        assert_eq!(claims, said);
        assert_eq!(replayed.hear(30, &[], &mut claims), Err(gone));
        assert!(matches!(replayed.hear(40, &[], &mut claims), Err(Trouble::Rig(_))));
        let mut other = ReplayedDongle::new(&heard, None);
        assert!(matches!(other.hear(11, &[], &mut claims), Err(Trouble::Rig(_))));
    }
}
