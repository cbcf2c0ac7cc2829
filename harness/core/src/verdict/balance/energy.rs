//! What cars got of what somebody who knows the future could have given them: the check `balance.energy`.
//!
//! The bound adds up, moment by moment, the most that fits beside the house. Cars on three phases and cars on one are
//! taken together: `T` amperes on all lines and `S` on each with `T + S ≤ room` there, circuit by circuit from the
//! leaves; that can only raise it. It leaves out what a balancer may keep free.

use super::hazard::Times;
use super::knowledge::{Knowledge, signed};
use super::margin::{Margins, told_a};
use super::tally::{Tally, count};
use super::view::View;
use crate::plant::car::NJ_PER_WH;
use crate::plant::network::Plant;
use crate::scenario::Scenario;

/// After a car has come or an outage is over there is time to begin (balancing, section 5d: 60 s, and 120 s).
const BEGINS_MS: u64 = 120_000;
/// And a car that there was no room for may rest for so long: 6 starts an hour are the most (5d, invariant 9).
pub(super) const RESTS_MS: u64 = 600_000;
/// Shorter than this nothing can be said.
const LEAST_MS: u64 = 1_800_000;

/// Why nothing could be judged.
pub(super) const NOTHING: &str =
    "cars could charge for less than half an hour, or there is no neutral and so no quick bound";

/// Watches energy.
pub(super) struct Energy<'a> {
    scenario: &'a Scenario,
    /// The part of the bound that has to be given.
    mark: f64,
    margins: Margins,
    begins_ms: u64,
    counts_from: u64,
    last_ms: u64,
    given_before: f64,
    bound_w: f64,
    counts: bool,
    /// Watt-hours.
    bound_wh: f64,
    given_wh: f64,
    counted_ms: u64,
    /// Room of each circuit: on all lines, and on each.
    flows: Vec<(f64, [f64; 3])>,
    /// Watt-hours that fit into the cars, less what they got while nothing was counted.
    needed_wh: f64,
}

impl<'a> Energy<'a> {
    pub(super) fn new(scenario: &'a Scenario, times: &Times, mark: f64) -> Energy<'a> {
        let needed = scenario.cars.iter().map(|car| car.settings.capacity_wh - car.settings.stored_wh);
        Energy {
            scenario,
            mark,
            margins: Margins::new(scenario, times),
            begins_ms: BEGINS_MS + times.react,
            counts_from: 0,
            last_ms: 0,
            given_before: 0.0,
            bound_w: 0.0,
            counts: false,
            bound_wh: 0.0,
            given_wh: 0.0,
            counted_ms: 0,
            flows: vec![(0.0, [0.0; 3]); scenario.circuits.len()],
            needed_wh: needed.sum::<i64>() as f64,
        }
    }

    /// Somebody has to begin anew.
    pub(super) fn begins(&mut self, t_ms: u64) {
        self.counts_from = t_ms + self.begins_ms;
    }

    /// Things are as the view says from `t_ms` on.
    pub(super) fn changed(
        &mut self,
        t_ms: u64,
        plant: &Plant,
        view: &View,
        known: &Knowledge<'_>,
        calm: bool,
    ) {
        self.until(t_ms, plant);
        self.counts = calm
            && known.differs.is_none()
            && known.site.budgets.is_empty()
            && self.scenario.grid.has_neutral();
        let wants = view.chargers.iter().any(|seen| seen.wants && seen.is_controllable());
        self.bound_w = if wants { self.bound(plant, view, known) } else { 0.0 };
        if wants && self.bound_w == 0.0 {
            self.counts_from = t_ms + RESTS_MS;
        }
        self.counts &= t_ms >= self.counts_from;
    }

    fn until(&mut self, t_ms: u64, plant: &Plant) {
        let given = plant.stations().iter().map(|station| station.charger.energy_nj(t_ms)).sum::<i128>();
        let given_wh = given as f64 / NJ_PER_WH as f64;
        let dt_ms = t_ms - self.last_ms;
        if self.counts {
            self.bound_wh += self.bound_w * dt_ms as f64 / 3_600_000.0;
            self.given_wh += given_wh - self.given_before;
            self.counted_ms += if self.bound_w > 0.0 { dt_ms } else { 0 };
        } else {
            self.needed_wh -= given_wh - self.given_before;
        }
        self.given_before = given_wh;
        self.last_ms = t_ms;
    }

    /// Watts that fit now.
    fn bound(&mut self, plant: &Plant, view: &View, known: &Knowledge<'_>) -> f64 {
        self.flows.fill((0.0, [0.0; 3]));
        let mut least = f64::INFINITY;
        for (plan, seen) in self.scenario.chargers.iter().zip(&view.chargers) {
            if !(seen.wants && seen.is_controllable()) {
                continue;
            }
            least = least.min(seen.least_ma as f64 / 1000.0);
            let most = seen.most_ma as f64 / 1000.0 * seen.gain;
            let flows = &mut self.flows[plan.circuit];
            if (0..3).all(|line| seen.feeds(line)) {
                flows.0 += most;
            } else {
                for line in (0..3).filter(|line| seen.feeds(*line)) {
                    flows.1[line] += most;
                }
            }
        }
        for node in (0..self.flows.len()).rev() {
            let circuit = &known.site.circuits[node];
            let limit = self.margins.free_a(node, told_a(&known.site, node));
            let base = plant.base_phasors(node);
            let group = known.site.group.max_online_ma as f64 / 1000.0;
            let (mut all, mut each) = self.flows[node];
            for line in 0..3 {
                let flows = if known.site.signed {
                    signed(line, base[line])
                } else {
                    signed(line, base[line]).max(0.0)
                };
                let room = (limit - flows).min(group).max(0.0);
                // Less than the least is no use to anybody.
                let room = if room < least { 0.0 } else { room };
                all = all.min(room);
                each[line] = each[line].min(room);
                self.flows[node].1[line] = room;
            }
            match circuit.parent {
                Some(parent) => {
                    self.flows[parent].0 += all;
                    for (sum, room) in self.flows[parent].1.iter_mut().zip(each) {
                        *sum += room;
                    }
                }
                // An ampere on three lines is worth more than what it takes from any of them.
                None => {
                    for (most, room) in each.iter_mut().zip(self.flows[node].1) {
                        *most = most.min(room - all);
                    }
                }
            }
            self.flows[node] = (all, each);
        }
        let (all, each) = self.flows[0];
        let volts = plant.line_volts();
        (0..3).map(|line| volts[line] * (all + each[line])).sum()
    }

    pub(super) fn ended(&mut self, plant: &Plant) {
        self.until(plant.t_ms(), plant);
    }

    /// What was given of what could have been; `None` where there was too little time to say.
    pub(super) fn part(&self) -> Option<f64> {
        let bound = self.bound_wh.min(self.needed_wh);
        // Who keeps less free than he may gets more than all of it.
        (self.counted_ms >= LEAST_MS && bound > 0.0).then(|| (self.given_wh / bound).min(1.0))
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        if let Some(part) = self.part() {
            let (given, bound) = (self.given_wh / 1000.0, self.bound_wh.min(self.needed_wh) / 1000.0);
            let percent = part * 100.0;
            if part < self.mark {
                let mark = self.mark * 100.0;
                tally.wrong(|| {
                    format!("cars got {given:.1} kWh of {bound:.1} kWh, {percent:.0} %, expected {mark:.0} %")
                });
            } else {
                tally.right();
            }
        }
        tally
    }

    pub(super) fn rests_on(&self) -> String {
        let minutes = count(self.counted_ms / 60_000, "minute");
        format!("{:.0} % of what {minutes} had room for", self.part().unwrap_or(0.0) * 100.0)
    }
}
