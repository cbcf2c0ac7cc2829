//! Chargers and cars as they are, in the terms of the checks. Looked at anew when a current has changed.

use crate::plant::magnitude;
use crate::plant::network::{Plant, line_phasors};
use crate::plant::{Phasor, System};
use crate::scenario::{Scenario, system};
use std::ops::Range;

/// A charger and its car.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// A car that is not full and does not refuse.
    pub(super) wants: bool,
    /// It does what the group says.
    pub(super) heeds: bool,
    /// It can be told something.
    pub(super) hears: bool,
    /// Somebody answers for what it offers.
    pub(super) managed: bool,
    pub(super) offered_ma: i64,
    /// On its busiest terminal.
    pub(super) drawn_ma: i64,
    /// Smallest offer at which the car charges.
    pub(super) least_ma: i64,
    /// Largest offer that the car makes use of; 0 without one.
    pub(super) most_ma: i64,
    /// What the car draws of what it is offered.
    pub(super) gain: f64,
    /// The car takes less than it could, since it is nearly full.
    pub(super) tapers: bool,
    /// Terminals in use.
    terminals: Range<usize>,
    branches: usize,
    /// What an ampere through each of them is in the lines.
    pub(super) lines: [Phasor; 3],
    /// Their magnitudes.
    pub(super) shares: [f64; 3],
    /// The same as far as anybody can know: of all terminals, until the car has charged and shown which it uses.
    pub(super) likely: [Phasor; 3],
    pub(super) starts: u64,
}

impl Seen {
    /// It feeds this line.
    pub(super) fn feeds(&self, line: usize) -> bool {
        self.shares[line] > 0.0
    }

    /// How many times its current it charges with: three with a neutral, two between three wires.
    pub(super) fn phases(&self) -> usize {
        self.branches
    }

    /// What it is given of what it can use: 0 when that is too little to charge.
    pub(super) fn given_ma(&self) -> i64 {
        if self.wants && self.offered_ma >= self.least_ma { self.offered_ma.min(self.most_ma) } else { 0 }
    }

    /// The balancer can do something about it.
    pub(super) fn is_controllable(&self) -> bool {
        self.heeds && self.hears
    }
}

/// All chargers.
pub(super) struct View {
    pub(super) chargers: Vec<Seen>,
    orders: Vec<[u8; 3]>,
    /// Of each charger with all its terminals.
    wired: Vec<[Phasor; 3]>,
    system: System,
}

impl View {
    pub(super) fn new(scenario: &Scenario) -> View {
        let system = system(scenario.grid);
        let wired = scenario.chargers.iter().map(|charger| {
            let settings = &charger.settings;
            line_phasors(system, settings.order, 0..usize::from(settings.phases))
        });
        View {
            wired: wired.collect(),
            chargers: vec![Seen::default(); scenario.chargers.len()],
            orders: scenario.chargers.iter().map(|charger| charger.settings.order).collect(),
            system,
        }
    }

    pub(super) fn look(&mut self, plant: &Plant) {
        for (at, (seen, station)) in self.chargers.iter_mut().zip(plant.stations()).enumerate() {
            let charger = &station.charger;
            let settings = charger.settings();
            let terminals = charger.terminals();
            if terminals != seen.terminals {
                seen.lines = line_phasors(self.system, self.orders[at], terminals.clone());
                seen.shares = seen.lines.map(magnitude);
                seen.branches = match (self.system, terminals.len()) {
                    (System::ThreeIt, phases) => phases.saturating_sub(1).max(1),
                    (_, phases) => phases,
                };
                seen.terminals = terminals;
            }
            seen.heeds = charger.heeds();
            seen.hears = charger.hears();
            seen.managed = charger.is_managed();
            seen.offered_ma = charger.offered_ma();
            seen.starts = charger.starts();
            let Some(car) = charger.car() else {
                (seen.wants, seen.drawn_ma, seen.most_ma) = (false, 0, 0);
                continue;
            };
            let habits = car.settings();
            seen.wants = car.wants() && !car.refuses();
            seen.drawn_ma = car.draws_ma();
            seen.least_ma = settings.min_ma.max(habits.min_ma);
            seen.gain = habits.gain_ppm as f64 / 1e6;
            seen.most_ma = settings.most_ma().min(car.most_ma() * 1_000_000 / habits.gain_ppm);
            let charged = charger.session(plant.t_ms()).is_some_and(|session| session.energy_nj > 0);
            seen.likely = if charged || seen.drawn_ma > 0 { seen.lines } else { self.wired[at] };
            seen.tapers = car.most_ma() < habits.max_ma;
        }
    }
}
