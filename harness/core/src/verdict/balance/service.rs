//! What cars got, and what it cost the contactors: the checks `balance.alive`, `balance.wear`, `balance.accounting`.

use super::hazard::Times;
use super::knowledge::Knowledge;
use super::margin::{Margins, told_a};
use super::tally::{Ruling, Tally, count, seconds};
use super::view::{Seen, View};
use crate::plant::car::NJ_PER_WH;
use crate::plant::{magnitude, network::Plant};
use crate::scenario::Scenario;
use crate::verdict::{Cause, Verdict};
use std::collections::VecDeque;

/// What a waiting car gets at least, in how long for each that waits (balancing, section 5d, invariant 8).
const TURN_MS: u64 = 600_000;
const TURN_EVERY_MS: u64 = 900_000;
/// Most starts of a contactor in an hour.
const STARTS_PER_HOUR: usize = 6;
/// What there has to be besides before it begins (balancing, section 5b, 7).
const RESUME_A: f64 = 1.0;

/// Watches what cars get.
pub(super) struct Service<'a> {
    scenario: &'a Scenario,
    margins: Margins,
    since_ms: u64,
    /// Free amperes of each line of each circuit.
    room: Vec<[f64; 3]>,
    windows: Vec<Window>,
    starts: Vec<Starts>,
    counted: u64,
    pub(super) alive: Tally,
    pub(super) wear: Tally,
}

/// The time in which a car has to get its turn.
#[derive(Clone, Default)]
struct Window {
    from_ms: u64,
    served_ms: u64,
    /// Most cars that waited at once.
    waiting: u64,
    /// State since the last look.
    counts: bool,
    served: bool,
}

#[derive(Clone, Default)]
struct Starts {
    seen: u64,
    excused: u64,
    last: VecDeque<u64>,
}

impl<'a> Service<'a> {
    pub(super) fn new(scenario: &'a Scenario, times: &Times) -> Service<'a> {
        let count = scenario.chargers.len();
        Service {
            scenario,
            margins: Margins::new(scenario, times),
            since_ms: 0,
            room: vec![[0.0; 3]; scenario.circuits.len()],
            windows: vec![Window::default(); count],
            starts: vec![Starts::default(); count],
            counted: 0,
            alive: Tally::default(),
            wear: Tally::default(),
        }
    }

    /// The next start of a charger is not the balancer's doing: a car has come, or it has started again.
    pub(super) fn excuse(&mut self, charger: usize) {
        let starts = &mut self.starts[charger];
        starts.excused = starts.seen + 1;
    }

    /// Things are as the view says from `t_ms` on. `calm`: all links work.
    pub(super) fn changed(
        &mut self,
        t_ms: u64,
        plant: &Plant,
        view: &View,
        known: &Knowledge<'_>,
        calm: bool,
    ) {
        self.until(t_ms);
        let judged = calm && known.differs.is_none();
        if judged {
            self.look(plant, known);
        }
        let waits = |seen: &Seen| seen.wants && seen.offered_ma < seen.least_ma;
        let waiting = view.chargers.iter().filter(|seen| waits(seen)).count() as u64;
        for (at, seen) in view.chargers.iter().enumerate() {
            let least_ma = seen.least_ma.max(known.site.group.min_ma);
            let fits = judged
                && seen.wants
                && seen.is_controllable()
                && fits(self.scenario, &self.room, seen, least_ma, self.scenario.chargers[at].circuit);
            let window = &mut self.windows[at];
            if !fits {
                *window = Window { from_ms: t_ms, ..Window::default() };
            }
            window.counts = fits;
            window.served = !waits(seen);
            window.waiting = window.waiting.max(waiting);
            self.start(t_ms, at, seen.starts);
        }
    }

    /// What is free in each line of each circuit, with what a balancer may keep free.
    fn look(&mut self, plant: &Plant, known: &Knowledge<'_>) {
        let group = known.site.group.max_online_ma as f64 / 1000.0;
        for (node, room) in self.room.iter_mut().enumerate() {
            let free = self.margins.free_a(node, told_a(&known.site, node).min(group)) - RESUME_A;
            *room = plant.base_amperes(node).map(|base| free - base);
        }
    }

    fn start(&mut self, t_ms: u64, at: usize, now: u64) {
        let starts = &mut self.starts[at];
        if now == starts.seen {
            return;
        }
        starts.seen = now;
        if now <= starts.excused {
            return;
        }
        self.counted += 1;
        starts.last.push_back(t_ms);
        while starts.last.front().is_some_and(|first| first + 3_600_000 <= t_ms) {
            starts.last.pop_front();
        }
        if starts.last.len() > STARTS_PER_HOUR {
            starts.last.clear();
            let name = &self.scenario.chargers[at].name;
            self.wear.wrong(|| {
                format!(
                    "by {} the contactor of {name} has closed more than 6 times in an hour",
                    seconds(t_ms)
                )
            });
        }
    }

    /// Time passes as it was.
    fn until(&mut self, t_ms: u64) {
        for (at, window) in self.windows.iter_mut().enumerate() {
            let mut from_ms = self.since_ms;
            while window.counts {
                let end_ms = window.from_ms + window.waiting.max(1) * TURN_EVERY_MS + TURN_MS;
                let to_ms = end_ms.min(t_ms);
                window.served_ms += if window.served { to_ms.saturating_sub(from_ms) } else { 0 };
                if end_ms > t_ms {
                    break;
                }
                if window.served_ms >= TURN_MS {
                    self.alive.right();
                } else {
                    let name = &self.scenario.chargers[at].name;
                    let (since, served) = (seconds(window.from_ms), seconds(window.served_ms));
                    let within = seconds(end_ms - window.from_ms);
                    self.alive.wrong(|| {
                        format!(
                            "from {since} on the car at {name} is offered enough for {served} in {within}, though there is \
                             room for it; expected 600 s"
                        )
                    });
                }
                let waiting = u64::from(!window.served);
                *window = Window { from_ms: end_ms, served_ms: 0, waiting, ..*window };
                from_ms = end_ms;
            }
        }
        self.since_ms = t_ms;
    }

    pub(super) fn ended(&mut self, t_ms: u64) {
        self.until(t_ms);
    }

    /// With what the commands did in steady load.
    pub(super) fn wear_ruling(&mut self, mut steady: Tally) -> Ruling {
        let changes = steady.judged;
        steady.join(std::mem::take(&mut self.wear));
        steady.right();
        let starts = count(self.counted, "start");
        let changes = count(changes, "change");
        let nothing = self.scenario.chargers.is_empty();
        if nothing {
            return Ruling::not_applicable("there is no charger");
        }
        steady.ruling(|_| format!("{starts} after a pause, {changes} of limits in steady load"), "")
    }
}

/// The least that this car needs fits into the room of every circuit in front of it.
fn fits(scenario: &Scenario, room: &[[f64; 3]], seen: &Seen, least_ma: i64, circuit: usize) -> bool {
    if seen.most_ma < least_ma {
        return false;
    }
    let least = least_ma as f64 / 1000.0 * seen.gain.max(1.0);
    let mut next = Some(circuit);
    while let Some(node) = next {
        // A line that it does not feed may be as full as it likes.
        let full = (0..3).any(|line| {
            let share = magnitude(seen.likely[line]);
            share > 0.0 && share * least > room[node][line]
        });
        if full {
            return false;
        }
        next = scenario.circuits[node].parent;
    }
    true
}

/// What chargers have counted over their sessions is what they have given. If not, the plant is at fault.
pub(super) fn accounting(scenario: &Scenario, plant: &Plant) -> Ruling {
    let mut sessions = 0;
    let mut total = 0;
    for (plan, station) in scenario.chargers.iter().zip(plant.stations()) {
        let charger = &station.charger;
        let open = charger.session(plant.t_ms());
        let (mut counted_nj, mut own) = (0_i128, 0);
        for session in charger.sessions().iter().copied().chain(open) {
            counted_nj += session.energy_nj;
            own += 1;
        }
        let given_nj = charger.energy_nj(plant.t_ms());
        let allowed_nj = given_nj / 1000 + NJ_PER_WH * own;
        if (counted_nj - given_nj).abs() > allowed_nj {
            let (counted, given) = (counted_nj / NJ_PER_WH, given_nj / NJ_PER_WH);
            let what = format!("{}: {counted} Wh in its sessions, {given} Wh given", plan.name);
            return Ruling::new(Verdict::Error, Some(Cause::Harness), what);
        }
        sessions += own;
        total += given_nj;
    }
    if sessions == 0 {
        return Ruling::not_applicable("no car came");
    }
    let kwh = (total / NJ_PER_WH) as f64 / 1000.0;
    Ruling::pass(format!("{}, {kwh:.1} kWh", count(sessions as u64, "session")))
}
