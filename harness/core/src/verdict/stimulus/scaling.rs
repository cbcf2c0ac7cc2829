//! Telegrams of meters behind current transformers: they carry the secondary side, and the ratio in no field.

use super::StimulusError;
use super::made::{Source, load, state};
use crate::meters::profile::List;
use crate::plant::{Counters, State, System};
use crate::reading::Milli;
use crate::verdict::trial::{DutTerms, NO_RATIO, Part, RatioSetting, Stimulus};

const METERS: [(&str, System); 2] = [("aidon-6540", System::ThreeIt), ("kaifa-ma304t4", System::ThreeTn)];
/// Two ratios and the number each stands for.
const RATIOS: [(&str, i64); 2] = [("100:5", 20), ("50:1", 50)];

/// Secondary amperes of the three loads of each list, and degrees of lag. The originals of 50:1 stay below the 125 A
/// that a meter on a HAN port measures directly.
const LOADS: [([f64; 3], f64); 4] =
    [([1.2, 0.8, 0.5], 0.0), ([0.4, 1.3, 0.9], 20.0), ([1.0, 1.0, 1.0], 10.0), ([0.7, 0.3, 1.1], 30.0)];

/// The stimuli of the suite `scaling` for this DUT.
///
/// # Errors
/// A profile is gone or cannot send these values.
pub fn scaling(dut: &DutTerms) -> Result<Vec<Stimulus>, StimulusError> {
    let fixed = match &dut.ratio {
        RatioSetting::Fixed(ratio) => Some(ratio.as_str()),
        RatioSetting::AtStart | RatioSetting::Running => None,
    };
    let usual = || [NO_RATIO].into_iter().chain(RATIOS.map(|(ratio, _)| ratio));
    let other = fixed.filter(|fixed| !usual().any(|ratio| ratio == *fixed));
    let mut stimuli = Vec::new();
    for (profile, system) in METERS {
        for ratio in usual().chain(other) {
            stimuli.push(factor(profile, system, ratio)?);
        }
        for (ratio, times) in RATIOS {
            stimuli.push(metamorphic(profile, system, ratio, times)?);
        }
        stimuli.push(runtime_change(profile, system)?);
    }
    let site = named(METERS[0].0, "site")?;
    let parts = vec![at_start(fixed.unwrap_or(NO_RATIO))];
    // It is about the rig file alone: nothing is sent, and no DUT lacks what it needs.
    let checks = vec!["scaling.fuse-rule".to_string()];
    stimuli.push(Stimulus {
        checks,
        parts,
        needs: Vec::new(),
        source: "the rig file".to_string(),
        ..site.stimulus("scaling", "")
    });
    Ok(stimuli)
}

fn named(profile: &str, what: &str) -> Result<Source, StimulusError> {
    Source::new(format!("scaling/{profile}#{what}"), profile, &[])
}

fn at_start(ratio: &str) -> Part {
    Part::Ratio { ratio: ratio.to_string(), running: false }
}

fn made(source: &Source, checks: &[&str]) -> Stimulus {
    let mut stimulus = source.stimulus("scaling", "loads calculated from phasors, as the secondary side");
    stimulus.checks.extend(checks.iter().map(|id| (*id).to_string()));
    stimulus
}

/// Each list 2 of [`LOADS`] and a list 3.
fn lists(source: &Source, system: System, from: usize) -> Result<Vec<Part>, StimulusError> {
    let counters = Counters {
        active_import: Milli(1_234_560_000),
        active_export: Milli(70_000_000),
        reactive_import: Milli(345_670_000),
        reactive_export: Milli(8_910_000),
        ..Counters::default()
    };
    let seen = LOADS.map(|(amperes, lag_deg)| {
        let loads = amperes.map(|amperes| load(amperes, lag_deg));
        State { counters, ..state(system, loads, [0.01, -0.005, 0.0]) }
    });
    let hour = (List::Three, &seen[0]);
    let all = seen.iter().map(|state| (List::Two, state)).chain([hour]);
    let telegram = |(at, (list, state))| source.telegram(from + at, list, state).map(Part::Telegram);
    all.enumerate().map(telegram).collect()
}

fn factor(profile: &str, system: System, ratio: &str) -> Result<Stimulus, StimulusError> {
    let source = named(profile, ratio)?;
    let kinds = ["scaling.factor.current", "scaling.factor.power", "scaling.factor.energy"];
    let mut stimulus = made(&source, &kinds);
    if ratio != NO_RATIO {
        // With 1:1 every way to treat a value gives the same.
        stimulus.checks.push("scaling.factor.alike".to_string());
    }
    stimulus.parts = vec![at_start(ratio)];
    stimulus.parts.extend(lists(&source, system, 0)?);
    Ok(stimulus)
}

/// Telegrams divided by the ratio, with the ratio, then the originals with 1:1. In this order no right claim repeats
/// the reading of a telegram before it, which would look like an old reading claimed again.
fn metamorphic(profile: &str, system: System, ratio: &str, times: i64) -> Result<Stimulus, StimulusError> {
    let source = named(profile, &format!("metamorphic-{ratio}"))?;
    let mut stimulus = made(&source, &["scaling.metamorphic"]);
    stimulus.parts = vec![at_start(ratio)];
    stimulus.parts.extend(lists(&source, system, 0)?);
    stimulus.parts.push(at_start(NO_RATIO));
    stimulus.parts.extend(lists(&source.times(times), system, LOADS.len() + 1)?);
    Ok(stimulus)
}

fn runtime_change(profile: &str, system: System) -> Result<Stimulus, StimulusError> {
    let source = named(profile, "runtime-change")?;
    let mut stimulus = made(&source, &["scaling.runtime-change"]);
    let (first, then) = (RATIOS[0].0, RATIOS[1].0);
    stimulus.parts = vec![at_start(first)];
    stimulus.parts.extend(lists(&source, system, 0)?);
    stimulus.parts.push(Part::Ratio { ratio: then.to_string(), running: true });
    stimulus.parts.extend(lists(&source, system, LOADS.len() + 1)?);
    Ok(stimulus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::trial::Telegram;

    #[test]
    fn the_originals_are_the_telegrams_times_the_ratio() {
        let stimuli = scaling(&DutTerms::default()).expect("stimuli");
        let metamorphic =
            stimuli.iter().filter(|one| one.checks.iter().any(|id| id == "scaling.metamorphic"));
        for stimulus in metamorphic {
            let times = if stimulus.subject.ends_with("100:5") { 20.0 } else { 50.0 };
            let telegrams: Vec<&Telegram> = super::super::telegrams(&stimulus.parts).collect();
            let (divided, originals) = telegrams.split_at(telegrams.len() / 2);
            for (original, divided) in originals.iter().zip(divided) {
                for key in ["active_import_w", "current_l1_a", "voltage_l1_v"] {
                    let value = |one: &Telegram| one.reading[key].as_f64().expect("a number").abs();
                    let times = if key.starts_with('v') { 1.0 } else { times };
                    assert!(
                        (value(original) - times * value(divided)).abs() < 1e-6,
                        "{}: {key}",
                        stimulus.subject
                    );
                }
            }
        }
    }

    #[test]
    fn a_ratio_of_the_rig_file_gets_stimuli_of_its_own() {
        let dut = DutTerms { ratio: RatioSetting::Fixed("200:5".into()), ..DutTerms::default() };
        let possible: Vec<String> = scaling(&dut)
            .expect("stimuli")
            .into_iter()
            .filter(|one| one.obstacle(&dut).is_none())
            .map(|one| one.subject)
            .collect();
        let expected = ["scaling/aidon-6540#200:5", "scaling/kaifa-ma304t4#200:5", "scaling/aidon-6540#site"];
        assert_eq!(possible, expected);
    }
}
