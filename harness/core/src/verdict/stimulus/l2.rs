//! Loads on three wires, as the meters send them that leave L2 out or send 0 for it.
//!
//! The sweep goes over balance: one branch, two, three, a car on each pair, feeding in, a lagging heat pump, and the
//! overload that hides in L2. What L2 really carries is known from the phasors and goes along as truth.

use super::StimulusError;
use super::made::{Source, load, state};
use crate::meters::profile::List;
use crate::plant::{Phasor, System};
use crate::reading::Key;
use crate::verdict::trial::{Part, Stimulus};

/// Subject, profile, and what it blanks beyond that. The document of the Kaifa says "0 A not measured" of I L2, while
/// the meters that were recorded send it (han-protocol, section 4.2): here it is as in the document.
const METERS: [(&str, &str, &[Key]); 4] = [
    ("l2/aidon-6525", "aidon-6525", &[]),
    ("l2/kaifa-ma304h3e-i2-blanked", "kaifa-ma304h3e", &[Key::CurrentL2]),
    ("l2/kaifa-ma304t3", "kaifa-ma304t3", &[]),
    ("l2/stange-e350", "stange-e350", &[]),
];

/// Degrees by which the current of a power factor of 0.85 lags.
const LAG_085: f64 = 31.788;
/// The same of 0.7.
const LAG_070: f64 = 45.573;

/// Amperes and degrees of lag in the branches L1–L2, L2–L3 and L3–L1. Feeding in is a load turned by 180°.
type Branches = [(f64, f64); 3];

const NONE: (f64, f64) = (0.0, 0.0);

/// The sweep. In more than [`crate::site::l2::identify::LISTS_MIN`] of them both I1 and I3 flow, which the formulas
/// in the field need.
const SWEEP: [Branches; 16] = [
    // The overload: a car of 7.36 kW and 5 kW of the house meet in L2 (field bugs, section 0): 32.0, 46.8, 21.7 A.
    [(32.0, 0.0), (5_000.0 / 230.0, 0.0), NONE],
    [(5.0, 0.0), (5.0, 0.0), (32.0, 0.0)],
    [(32.0, 0.0), (5.0, 0.0), (5.0, 0.0)],
    [(5.0, 0.0), (32.0, 0.0), (5.0, 0.0)],
    [(10.0, 0.0), (10.0, 0.0), (10.0, 0.0)],
    [(10.0, 36.87), (10.0, 36.87), (10.0, 36.87)],
    [(10.0, 0.0), NONE, NONE],
    [NONE, (10.0, 0.0), NONE],
    [NONE, NONE, (10.0, 0.0)],
    [(10.0, 0.0), (10.0, 0.0), NONE],
    [(10.0, 0.0), NONE, (10.0, 0.0)],
    // 16 A of sun on L1–L2, 5 A of loads everywhere.
    [(11.0, 180.0), (5.0, 0.0), (5.0, 0.0)],
    [NONE, (10.0, LAG_085), (10.0, 0.0)],
    // An uneven load that lags far, a motor: formulas that go by P alone leave the bound here.
    [(25.0, LAG_070), NONE, (4.0, 0.0)],
    [(3.0, 0.0), (14.0, LAG_085), (8.0, 0.0)],
    [(20.0, 0.0), (3.0, 0.0), (12.0, 0.0)],
];

/// Deviations of the lines, in turn. They stay within 2 % of negative sequence, which EN 50160 allows; even lines first.
const UNEVEN: [[f64; 3]; 3] = [[0.0; 3], [0.012, -0.006, -0.006], [-0.010, 0.002, 0.012]];

const CURRENT: [&str; 3] = ["l2.current.bound", "l2.current.candidate", "l2.current.overload"];
const ESTIMATE: [&str; 2] = ["l2.estimate.marked", "l2.estimate.method"];

/// The stimuli of the suite `l2`, one for each meter.
///
/// # Errors
/// A profile is gone or cannot send these values.
pub fn l2() -> Result<Vec<Stimulus>, StimulusError> {
    METERS.iter().map(|(subject, profile, blanked)| one(subject, profile, blanked)).collect()
}

fn one(subject: &str, profile: &str, blanked: &'static [Key]) -> Result<Stimulus, StimulusError> {
    let source = Source::new(subject.to_string(), profile, blanked)?;
    let mut stimulus = source.stimulus("l2", "three-wire loads calculated from phasors");
    let mut voltage = false;
    for (at, branches) in SWEEP.iter().enumerate() {
        let loads: [Phasor; 3] = branches.map(|(amperes, lag_deg)| load(amperes, lag_deg));
        let seen = state(System::ThreeIt, loads, UNEVEN[at % UNEVEN.len()]);
        let telegram = source.telegram(at, List::Two, &seen)?;
        voltage |= telegram.truth.contains_key(Key::VoltageL2.name());
        stimulus.parts.push(Part::Telegram(telegram));
    }
    let checks = CURRENT.iter().chain(voltage.then_some(&"l2.voltage.interval")).chain(&ESTIMATE);
    stimulus.checks.extend(checks.map(|id| (*id).to_string()));
    Ok(stimulus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::trial::Telegram;

    fn telegrams(stimulus: &Stimulus) -> Vec<&Telegram> {
        super::super::telegrams(&stimulus.parts).collect()
    }

    fn number(telegram: &Telegram, key: &str) -> f64 {
        let value = telegram.reading.get(key).or(telegram.truth.get(key));
        value.and_then(serde_json::Value::as_f64).expect(key).abs()
    }

    #[test]
    fn the_overload_hides_in_l2() {
        for stimulus in l2().expect("stimuli") {
            let first = telegrams(&stimulus)[0];
            for (key, amperes) in [("current_l1_a", 32.0), ("current_l3_a", 21.7)] {
                assert!((number(first, key) - amperes).abs() < 0.05, "{}: {key}", stimulus.subject);
            }
            let truth = first.truth["current_l2_a"].as_f64().expect("a number");
            assert!((truth - 46.8).abs() < 0.05, "{}: {truth} A", stimulus.subject);
        }
    }

    #[test]
    fn the_lists_carry_no_l2_current_and_differ_enough_to_tell_formulas_apart() {
        for stimulus in l2().expect("stimuli") {
            let lists = telegrams(&stimulus);
            let both =
                |one: &&&Telegram| number(one, "current_l1_a") > 0.0 && number(one, "current_l3_a") > 0.0;
            assert!(lists.iter().filter(both).count() >= crate::site::l2::identify::LISTS_MIN);
            for one in lists {
                let sent = one.reading.get("current_l2_a").and_then(serde_json::Value::as_f64);
                assert!(matches!(sent, None | Some(0.0)), "{}: {sent:?}", stimulus.subject);
                let (i1, i3) = (number(one, "current_l1_a"), number(one, "current_l3_a"));
                let i2 = one.truth["current_l2_a"].as_f64().expect("a number");
                assert!(crate::site::l2::bound(i1, i3, 0.101).contains(i2), "{}", stimulus.subject);
            }
        }
    }
}
