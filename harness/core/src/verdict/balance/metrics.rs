//! Numbers of a run, and its curves.

use crate::plant::network::Plant;
use crate::scenario::Scenario;
use serde_json::{Map, Value, json};

/// Numbers of a run (contract, section 5; balancing, section 5d). `None` where nothing could be measured.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Metrics {
    /// Largest part of the heat that blows a fuse, θ/k²; 1 = blown.
    pub fuse_heat_max: f64,
    /// Ampere-seconds over a limit that are not the house's own, of the worst line at each moment.
    pub overload_a_s: f64,
    /// Seconds in which there were any.
    pub overload_s: f64,
    /// Largest part of the room at a settled moment that was not given, margins and steps included.
    pub gap: Option<f64>,
    /// What cars got of the energy that there was room for.
    pub energy_part: Option<f64>,
    /// Largest difference among equals at a settled moment, amperes.
    pub min_fair_a: Option<f64>,
    /// Smallest Jain index among equals.
    pub jain: Option<f64>,
    /// Energy of each charger, by name, kilowatt-hours.
    pub energy_kwh: Vec<(String, f64)>,
    /// Starts of each contactor, by name.
    pub starts: Vec<(String, u64)>,
    /// Limits that differed from the one before.
    pub setpoint_changes: u64,
    /// Longest time until nine tenths of an overload were gone, seconds.
    pub t90_down_s: Option<f64>,
    /// Simulated time, seconds.
    pub simulated_s: f64,
}

impl Metrics {
    /// As in `sim --json`.
    pub fn to_json(&self) -> Value {
        let named = |pairs: Vec<(&String, Value)>| {
            Value::Object(pairs.into_iter().map(|(name, value)| (name.clone(), value)).collect())
        };
        let mut all = Map::new();
        let mut put = |key: &str, value: Value| all.insert(key.to_string(), value);
        put("fuse_heat_max", rounded(self.fuse_heat_max, 1e4));
        put("overload_a_s", rounded(self.overload_a_s, 1e3));
        put("overload_s", rounded(self.overload_s, 1e3));
        put("gap", self.gap.map_or(Value::Null, |gap| rounded(gap, 1e4)));
        put(
            "energy_kwh",
            named(self.energy_kwh.iter().map(|(name, kwh)| (name, rounded(*kwh, 1e3))).collect()),
        );
        put("starts", named(self.starts.iter().map(|(name, starts)| (name, json!(starts))).collect()));
        put("setpoint_changes", json!(self.setpoint_changes));
        put("simulated_s", rounded(self.simulated_s, 1e3));
        Value::Object(all)
    }
}

/// Few digits, so that lines stay readable; the unrounded number is in the struct.
fn rounded(value: f64, per_unit: f64) -> Value {
    json!((value * per_unit).round() / per_unit)
}

/// Most slots of the curves.
const SLOTS: u64 = 1000;
/// Most marks.
const MARKS_MAX: usize = 200;

/// Curves of a run for a plot: equal slots of time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Series {
    /// Length of a slot, milliseconds.
    pub every_ms: u64,
    /// Largest current of each line at the main fuse, amperes.
    pub lines_a: [Vec<f32>; 3],
    /// Part of the heat that blows the main fuse on its hottest line, at the end of the slot.
    pub heat: Vec<f32>,
    /// What each charger offered last, amperes.
    pub offered_a: Vec<Vec<f32>>,
    /// Largest current of each charger on its busiest terminal, amperes.
    pub drawn_a: Vec<Vec<f32>>,
    /// What happened, and alarms: when in milliseconds, and in words.
    pub marks: Vec<(u64, String)>,
}

impl Series {
    pub(super) fn new(scenario: &Scenario) -> Series {
        let every_ms = scenario.duration_ms.div_ceil(SLOTS).max(1);
        let slots = vec![0.0; scenario.duration_ms.div_ceil(every_ms) as usize];
        let chargers = vec![slots.clone(); scenario.chargers.len()];
        Series {
            every_ms,
            lines_a: [slots.clone(), slots.clone(), slots.clone()],
            heat: slots,
            offered_a: chargers.clone(),
            drawn_a: chargers,
            marks: Vec::new(),
        }
    }

    pub(super) fn mark(&mut self, t_ms: u64, text: impl FnOnce() -> String) {
        if self.marks.len() < MARKS_MAX {
            self.marks.push((t_ms, text()));
        }
    }

    /// From `from_ms` until now everything flowed as the plant says. `changed`: not as before.
    pub(super) fn pass(&mut self, from_ms: u64, changed: bool, plant: &Plant) {
        let (first, last) = (from_ms / self.every_ms, (plant.t_ms() - 1) / self.every_ms);
        if !changed && first == last && !from_ms.is_multiple_of(self.every_ms) {
            return;
        }
        let lines = plant.amperes(0);
        let heat = if plant.guards().is_empty() { [0.0; 3] } else { plant.heat(0) };
        let heat = heat.into_iter().fold(0.0, f64::max) as f32;
        for slot in first as usize..=last as usize {
            for (curve, amperes) in self.lines_a.iter_mut().zip(lines) {
                curve[slot] = curve[slot].max(amperes as f32);
            }
            self.heat[slot] = heat;
            for (at, station) in plant.stations().iter().enumerate() {
                let drawn = station.charger.draws_ma().into_iter().max().unwrap_or(0);
                self.offered_a[at][slot] = station.charger.offered_ma() as f32 / 1000.0;
                self.drawn_a[at][slot] = self.drawn_a[at][slot].max(drawn as f32 / 1000.0);
            }
        }
    }
}
