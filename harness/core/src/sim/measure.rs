//! How the plant is measured: by a meter whose telegrams go through a dongle, or by clamps.

use super::clamps::ClampSite;
use super::dongle::{Claim, Dongle};
use super::mail::{Mail, Post};
use crate::balance::Trouble;
use crate::meters::sample::Meter;
use crate::meters::schedule::{Due, schedule};
use crate::meters::{List, encode};
use crate::plant::network::Plant;
use crate::plant::{Counters, State};
use crate::reading::Milli;
use crate::scenario::{Measured, Scenario};
use crate::site::ratio::Factor;

/// Time of one byte on the wire: 2400 baud, ten bits (han-protocol, section 1).
const BYTE_US: u64 = 4167;
const HOUR_MS: i64 = 3_600_000;

/// The meter or the clamps of a scenario.
pub(super) struct Measure<'a> {
    scenario: &'a Scenario,
    due_ms: u64,
    way: Way,
    claims: Vec<Claim>,
}

enum Way {
    Han { meter: Meter<'static>, list: List, next: Box<dyn Iterator<Item = Due>>, hour: Counters },
    Clamps(ClampSite),
}

impl<'a> Measure<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Measure<'a> {
        let (due_ms, way) = match &scenario.meter.measured {
            Measured::Clamps(clamps) => (clamps.every_ms, Way::Clamps(ClampSite::new(scenario, *clamps))),
            Measured::Han(profile) => {
                let from_ms = scenario.utc_ms;
                let mut next = Box::new(schedule(profile, from_ms, from_ms + scenario.duration_ms as i64));
                let first = next.next();
                let list = first.map_or(List::One, |due| due.list);
                let way = Way::Han { meter: Meter::usual(profile), list, next, hour: Counters::default() };
                (since(scenario, first), way)
            }
        };
        Measure { scenario, due_ms, way, claims: Vec::new() }
    }

    /// When the plant is measured next.
    pub(super) fn due(&self) -> u64 {
        self.due_ms
    }

    /// Sends what is due at `t_ms`. Whether currents are in it.
    pub(super) fn send(&mut self, t_ms: u64, plant: &Plant, mail: &mut Mail) -> bool {
        if t_ms < self.due_ms {
            return false;
        }
        let scenario = self.scenario;
        match &mut self.way {
            Way::Clamps(clamps) => {
                self.due_ms = t_ms + clamps.every_ms();
                let sample = clamps.sample(plant);
                mail.send(t_ms, &scenario.links.meter, Post::Sample(sample));
                true
            }
            Way::Han { meter, list, next, hour } => {
                let state = secondary(plant.state(), scenario.meter.ratio);
                let utc_ms = scenario.utc_ms + t_ms as i64;
                let mut bytes = mail.buffer();
                if utc_ms.rem_euclid(HOUR_MS) == 0 {
                    *hour = state.counters;
                }
                // A meter that latches its clock shows the counters of that moment too.
                let latched = *list == List::Three && meter.profile.clock.latched_at_hour;
                let counters = if latched { *hour } else { state.counters };
                let telegram = meter.telegram(*list, utc_ms.div_euclid(1000), &state, &counters);
                // A value that its register cannot hold is not sent: such a telegram does not exist.
                let exists = encode::encode_frame(meter.profile, *list, &telegram, &mut bytes).is_ok();
                let currents = exists && *list != List::One;
                if exists {
                    let over_ms = t_ms + bytes.len() as u64 * BYTE_US / 1000;
                    mail.post(over_ms, Post::Bytes(bytes));
                }
                let due = next.next();
                *list = due.map_or(*list, |due| due.list);
                self.due_ms = since(scenario, due);
                currents
            }
        }
    }

    /// The dongle hears a telegram; what it claims goes to the balancer when the dongle has said it.
    pub(super) fn hear(
        &mut self,
        t_ms: u64,
        bytes: &[u8],
        dongle: &mut dyn Dongle,
        mail: &mut Mail,
    ) -> Result<(), Trouble> {
        self.claims.clear();
        dongle.hear(t_ms, bytes, &mut self.claims)?;
        for (delay_ms, sample) in self.claims.drain(..) {
            mail.send(t_ms + delay_ms, &self.scenario.links.meter, Post::Sample(sample));
        }
        Ok(())
    }
}

fn since(scenario: &Scenario, due: Option<Due>) -> u64 {
    due.map_or(u64::MAX, |due| (due.utc_ms - scenario.utc_ms).max(0) as u64)
}

/// What a meter behind transformers sees.
fn secondary(state: State, ratio: Factor) -> State {
    if ratio == Factor::ONE {
        return state;
    }
    let (num, den) = ratio.fraction();
    let down = |value: Milli| Milli(value.0 * i64::from(den) / i64::from(num));
    let counters = Counters {
        active_import: down(state.counters.active_import),
        active_export: down(state.counters.active_export),
        reactive_import: down(state.counters.reactive_import),
        reactive_export: down(state.counters.reactive_export),
        phase_import: state.counters.phase_import.map(down),
        phase_export: state.counters.phase_export.map(down),
    };
    State {
        current: state.current.map(down),
        voltage: state.voltage,
        active: down(state.active),
        reactive: down(state.reactive),
        phase_active: state.phase_active.map(down),
        phase_reactive: state.phase_reactive.map(down),
        counters,
    }
}
