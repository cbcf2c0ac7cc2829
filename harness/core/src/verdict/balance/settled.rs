//! What is made of the room once nothing changes any more: the checks `balance.gap` and `balance.fair`.

use super::bound::{Place, Room};
use super::commands::STEADY_MS;
use super::energy::RESTS_MS;
use super::hazard::Times;
use super::knowledge::{Knowledge, unsigned};
use super::margin::{Margins, told_a};
use super::tally::{Tally, seconds};
use super::view::View;
use crate::plant::Phasor;
use crate::plant::network::Plant;
use crate::scenario::Scenario;

/// How far the house may move and count as unchanged, amperes.
const SAME_A: f64 = 0.2;
/// The best of so long is judged, so that a moment of change does not count.
const LOOKS_MS: u64 = 60_000;
/// And again after so long.
const AGAIN_MS: u64 = 600_000;
/// Among equals the most may exceed the least by so much, or by a step of the charger (balancing, section 5d).
const FAIR_MA: i64 = 500;
const JAIN: f64 = 0.98;

/// Watches settled moments.
pub(super) struct Settled<'a> {
    scenario: &'a Scenario,
    margins: Margins,
    settle_ms: u64,
    /// Largest part of the bound that may be left, besides margin and steps.
    mark: f64,
    since_ms: u64,
    base_a: [f64; 3],
    wants: Vec<bool>,
    /// Of each charger whether its car is served, and since when.
    served: Vec<(bool, u64)>,
    due_ms: u64,
    looks_from: u64,
    best: Option<(f64, Vec<i64>)>,
    pub(super) gap: Tally,
    pub(super) fair: Tally,
    /// Largest part of the bound that was not given, margin and steps included.
    pub(super) gap_max: Option<f64>,
    /// Smallest Jain index among equals, and largest difference in milliamperes.
    pub(super) jain_min: Option<f64>,
    pub(super) spread_ma: Option<i64>,
}

impl<'a> Settled<'a> {
    pub(super) fn new(scenario: &'a Scenario, times: &Times, mark: f64) -> Settled<'a> {
        let mut settled = Settled {
            scenario,
            margins: Margins::new(scenario, times),
            settle_ms: STEADY_MS + times.react,
            mark,
            since_ms: 0,
            base_a: [0.0; 3],
            wants: vec![false; scenario.chargers.len()],
            served: vec![(false, 0); scenario.chargers.len()],
            due_ms: 0,
            looks_from: 0,
            best: None,
            gap: Tally::default(),
            fair: Tally::default(),
            gap_max: None,
            jain_min: None,
            spread_ma: None,
        };
        settled.disturbed(0);
        settled
    }

    /// Something is not as it was.
    pub(super) fn disturbed(&mut self, t_ms: u64) {
        self.since_ms = t_ms;
        self.looks(t_ms + self.settle_ms);
    }

    fn looks(&mut self, from_ms: u64) {
        self.looks_from = from_ms;
        self.due_ms = from_ms;
        self.best = None;
    }

    /// The load has not changed for long.
    pub(super) fn is_steady(&self, t_ms: u64) -> bool {
        t_ms >= self.since_ms + STEADY_MS
    }

    /// Currents have changed. Whether the house or the wish of a car was part of it.
    pub(super) fn changed(&mut self, t_ms: u64, plant: &Plant, view: &View) -> bool {
        let base = plant.base_amperes(0);
        let mut moved = base.into_iter().zip(self.base_a).any(|(now, then)| (now - then).abs() > SAME_A);
        for (wants, seen) in self.wants.iter_mut().zip(&view.chargers) {
            moved |= *wants != seen.wants;
            *wants = seen.wants;
        }
        for (served, seen) in self.served.iter_mut().zip(&view.chargers) {
            if served.0 != (seen.given_ma() > 0) {
                *served = (!served.0, t_ms);
            }
        }
        if moved {
            self.base_a = base;
            self.disturbed(t_ms);
        }
        moved
    }

    /// From `from_ms` until now everything was as the view says.
    pub(super) fn pass(&mut self, changed: bool, plant: &Plant, view: &View, known: &Knowledge<'_>) {
        let to_ms = plant.t_ms();
        if to_ms <= self.due_ms && !(changed && to_ms > self.looks_from) {
            return;
        }
        let total: i64 = view.chargers.iter().map(|seen| seen.given_ma() * seen.phases() as i64).sum();
        let total = total as f64 / 1000.0;
        if self.best.as_ref().is_none_or(|(best, _)| total > *best) {
            let given = view.chargers.iter().map(super::view::Seen::given_ma).collect();
            self.best = Some((total, given));
        }
        self.due_ms = self.looks_from + LOOKS_MS;
        if to_ms > self.due_ms {
            if self.changes_hands(to_ms) {
                return self.looks(to_ms);
            }
            if known.excuse().is_none() && known.site.budgets.is_empty() {
                self.judge(to_ms, plant, view, known);
            }
            self.looks(to_ms + AGAIN_MS);
        }
    }

    /// A car has only just begun, or rests so that its contactor is spared.
    fn changes_hands(&self, t_ms: u64) -> bool {
        let mut cars = self.served.iter().zip(&self.wants).filter(|(_, wants)| **wants);
        cars.any(|((served, since_ms), _)| {
            let rests_ms = if *served { self.settle_ms } else { RESTS_MS };
            // Who waits since the beginning has never been paused.
            *since_ms > 0 && t_ms < since_ms + rests_ms
        })
    }

    fn judge(&mut self, t_ms: u64, plant: &Plant, view: &View, known: &Knowledge<'_>) {
        let Some((total, given)) = self.best.take() else { return };
        // A car that sleeps or is nearly full does not say what it could take.
        let unclear = |seen: &super::view::Seen| {
            seen.wants && (seen.tapers || (seen.offered_ma >= seen.least_ma && seen.drawn_ma == 0))
        };
        if known.is_stale(t_ms) || view.chargers.iter().any(unclear) {
            return;
        }
        let Some(mut room) = self.room(plant, view, known, &given) else { return };
        let Some(bound) = room.most(false).filter(|bound| *bound > 0.0) else { return };
        let gap = 1.0 - total / bound;
        self.gap_max = Some(self.gap_max.map_or(gap, |most| most.max(gap)));
        for (node, (_, limit, _)) in room.circuits.iter_mut().enumerate() {
            *limit = self.margins.free_a(node, *limit);
        }
        let step = |at: usize| self.scenario.chargers[at].settings.step_ma as f64 / 1000.0;
        // Whoever is given something may lack a step of it, and nobody else does.
        let served = view.chargers.iter().enumerate().filter(|(at, seen)| seen.wants && given[*at] > 0);
        let steps: f64 = served.map(|(at, seen)| step(at) * seen.phases() as f64).sum();
        let left = room.most(true).map_or(0.0, |most| most - total - steps);
        if left > bound * self.mark {
            self.gap.wrong(|| {
                format!(
                    "at {} cars are given {total:.1} A, over all their phases, of {bound:.1} A; {left:.1} A more would take \
                     nothing from anybody, besides a margin and whole steps",
                    seconds(t_ms)
                )
            });
        } else {
            self.gap.right();
        }
        self.equals(t_ms, view, &given);
    }

    /// What there is to share; `None` where nobody wants any.
    fn room(&self, plant: &Plant, view: &View, known: &Knowledge<'_>, given: &[i64]) -> Option<Room> {
        let site = &known.site;
        let mut circuits: Vec<(Option<usize>, f64, [Phasor; 3])> = Vec::new();
        for (node, circuit) in site.circuits.iter().enumerate() {
            let mut base = plant.base_phasors(node);
            if !site.signed {
                unsigned(&mut base);
            }
            circuits.push((circuit.parent, told_a(site, node), base));
        }
        let mut places = Vec::new();
        for (at, seen) in view.chargers.iter().enumerate() {
            let node = self.scenario.chargers[at].circuit;
            if seen.wants && seen.is_controllable() {
                let scale = |unit: Phasor| Phasor { re: unit.re * seen.gain, im: unit.im * seen.gain };
                let least_ma = seen.least_ma.max(site.group.min_ma);
                places.push(Place {
                    node,
                    lines: seen.likely.map(scale),
                    least_a: least_ma as f64 / 1000.0,
                    most_a: if seen.most_ma < least_ma { 0.0 } else { seen.most_ma as f64 / 1000.0 },
                    weight: seen.phases() as f64,
                    has_a: given[at] as f64 / 1000.0,
                });
                continue;
            }
            // What nobody can share is load.
            let drawn = seen.drawn_ma as f64 / 1000.0;
            let mut next = Some(node);
            while let Some(node) = next {
                for (sum, unit) in circuits[node].2.iter_mut().zip(seen.lines) {
                    *sum = Phasor { re: sum.re + unit.re * drawn, im: sum.im + unit.im * drawn };
                }
                next = circuits[node].0;
            }
        }
        let group_a = site.group.max_online_ma as f64 / 1000.0;
        let neutral = site.grid.has_neutral() || site.grid.lines() == 1;
        (!places.is_empty()).then_some(Room { neutral, circuits, group_a, places })
    }

    /// Cars that differ in nothing get the same.
    fn equals(&mut self, t_ms: u64, view: &View, given: &[i64]) {
        let mut judged = vec![false; given.len()];
        for first in 0..given.len() {
            let group: Vec<usize> =
                (first..given.len()).filter(|at| !judged[*at] && self.are_equal(view, first, *at)).collect();
            group.iter().for_each(|at| judged[*at] = true);
            // Where somebody waits his turn, `balance.alive` looks after it.
            if group.len() < 2 || group.iter().any(|at| given[*at] == 0) {
                continue;
            }
            let shares = group.iter().map(|at| given[*at]);
            let spread = shares.clone().max().unwrap_or(0) - shares.clone().min().unwrap_or(0);
            let sum: f64 = shares.clone().map(|ma| ma as f64).sum();
            let squares: f64 = shares.map(|ma| (ma * ma) as f64).sum();
            let jain = sum * sum / (group.len() as f64 * squares);
            self.spread_ma = self.spread_ma.max(Some(spread));
            self.jain_min = Some(self.jain_min.map_or(jain, |least| least.min(jain)));
            let step_ma = self.scenario.chargers[first].settings.step_ma;
            if spread <= FAIR_MA.max(step_ma) && jain >= JAIN {
                self.fair.right();
                continue;
            }
            let told: Vec<String> = group
                .iter()
                .take(6)
                .map(|at| format!("{} {:.1} A", self.scenario.chargers[*at].name, given[*at] as f64 / 1000.0))
                .collect();
            self.fair.wrong(|| {
                format!("at {} equals are given {} (Jain {jain:.3})", seconds(t_ms), told.join(", "))
            });
        }
    }

    fn are_equal(&self, view: &View, one: usize, other: usize) -> bool {
        let (first, second) = (&self.scenario.chargers[one], &self.scenario.chargers[other]);
        let (seen, other) = (&view.chargers[one], &view.chargers[other]);
        let key =
            |seen: &super::view::Seen| (seen.wants && seen.is_controllable(), seen.least_ma, seen.most_ma);
        key(seen) == key(other)
            && seen.wants
            && seen.is_controllable()
            && seen.lines == other.lines
            && seen.gain == other.gain
            && first.circuit == second.circuit
            && first.priority == second.priority
    }
}
