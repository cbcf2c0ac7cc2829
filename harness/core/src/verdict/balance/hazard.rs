//! What fuses and lines went through: the checks `balance.fuse` and `balance.overload`.

use super::tally::{Ruling, Tally, count, seconds};
use super::view::View;
use crate::plant::fuse::{Cooling, Fuse, Heat, Model};
use crate::plant::network::Plant;
use crate::scenario::{Link, Measured, Scenario};

/// A car's share of the time to react: it follows a new pilot within 5 s (balancing, section 5d, invariant 2).
pub(super) const CAR_MS: u64 = 5_000;
/// The balancer's and the charger's share of it.
const DECIDE_MS: u64 = 2_000;
/// No overload that can be helped may last longer.
const REACT_MOST_MS: u64 = 25_000;
/// Resolution of the meters' currents, amperes: an overload below it cannot be seen.
const RESOLUTION_A: f64 = 0.1;

/// Watches fuses and lines.
pub(super) struct Hazard<'a> {
    scenario: &'a Scenario,
    /// Chargers behind each circuit.
    below: Vec<Vec<usize>>,
    /// Most that may flow in each circuit, amperes; and from where on a balancer can see that it is too much.
    limits: Vec<(f64, f64)>,
    times: Times,
    running: Vec<Option<Overload>>,
    overload: Tally,
    shadows: Vec<Shadow>,
    fuses: Vec<Fused>,
    /// Amperes over the limit now that are not the house's own.
    over_a: f64,
    /// Ampere-seconds over a limit that are not the house's own, the worst line at each moment.
    pub(super) over_a_s: f64,
    /// Milliseconds in which there were any.
    pub(super) over_ms: u64,
    /// Longest time until nine tenths of an overload were gone, milliseconds.
    pub(super) t90_ms: Option<u64>,
}

/// How long news and cars need in a scenario, milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// From an overload to its end.
    pub(super) react: u64,
    /// From the news of it to its end.
    pub(super) command: u64,
    /// From a measurement to the balancer, at least.
    news: u64,
    /// From the start to the first current that a command can have changed.
    first: u64,
}

/// A line that is overloaded by cars that could take less.
struct Overload {
    from_ms: u64,
    /// Since when the balancer owes a reaction: later than `from_ms` where the house has taken more since.
    owes_ms: u64,
    /// What the house drew then, amperes.
    base_a: f64,
    /// When a reading of it reached the balancer.
    heard_ms: Option<u64>,
    most_a: f64,
    gone: bool,
}

/// The fastest breaker allowed of the same size: what would have tripped with bad luck.
struct Shadow {
    guard: usize,
    fuse: Fuse,
    cooling: Cooling,
    heat: [Heat; 3],
    most: f64,
}

/// A guard at the end.
struct Fused {
    node: usize,
    rated_ma: i64,
    most: f64,
    most_base: f64,
    blown: Option<(u64, usize)>,
}

impl<'a> Hazard<'a> {
    pub(super) fn new(scenario: &'a Scenario, times: Times) -> Hazard<'a> {
        let blind = match &scenario.meter.measured {
            Measured::Clamps(clamps) => clamps.gain_ppm.unsigned_abs() as f64 / 1e6,
            Measured::Han(_) => 0.0,
        };
        let (num, den) = scenario.meter.ratio.fraction();
        let step = RESOLUTION_A * f64::from(num) / f64::from(den);
        let limit = |circuit: &crate::scenario::Circuit| {
            let limit = circuit.limit_ma as f64 / 1000.0;
            (limit, limit * (1.0 + blind) + step)
        };
        let count = scenario.circuits.len();
        Hazard {
            scenario,
            below: below(scenario),
            limits: scenario.circuits.iter().map(limit).collect(),
            times,
            running: (0..count * 3).map(|_| None).collect(),
            overload: Tally::default(),
            shadows: shadows(scenario),
            fuses: Vec::new(),
            over_a: 0.0,
            over_a_s: 0.0,
            over_ms: 0,
            t90_ms: None,
        }
    }

    /// Everything flowed on for so long.
    pub(super) fn pass(&mut self, dt_ms: u64, plant: &Plant) {
        for shadow in &mut self.shadows {
            let rms = plant.amperes(plant.guards()[shadow.guard].node);
            for (heat, amperes) in shadow.heat.iter_mut().zip(rms) {
                heat.advance(&shadow.fuse, &mut shadow.cooling, amperes, dt_ms);
                shadow.most = shadow.most.max(heat.part(&shadow.fuse));
            }
        }
        if self.over_a > 0.0 {
            self.over_a_s += self.over_a * dt_ms as f64 / 1000.0;
            self.over_ms += dt_ms;
        }
    }

    /// Currents have changed. `blind`: the balancer hears no meter, or is dead; then it owes nothing here.
    pub(super) fn changed(&mut self, t_ms: u64, plant: &Plant, view: &View, blind: bool) {
        self.over_a = 0.0;
        for node in 0..self.limits.len() {
            let (total, base) = (plant.amperes(node), plant.base_amperes(node));
            let (limit, seen) = self.limits[node];
            for line in 0..3 {
                let at = node * 3 + line;
                if total[line] <= limit && self.running[at].is_none() {
                    continue;
                }
                self.over_a = self.over_a.max(total[line] - limit.max(base[line]));
                // Nobody measures what the house draws behind another circuit than the main one.
                let known = if node == 0 { total[line] } else { total[line] - base[line] };
                let helped = !blind && known > seen && self.can_be_helped(view, node, line);
                self.follow(t_ms, at, helped, total[line], base[line]);
            }
        }
    }

    /// Some charger behind this circuit feeds this line and gives its car more than the least.
    fn can_be_helped(&self, view: &View, node: usize, line: usize) -> bool {
        self.below[node].iter().any(|at| {
            let seen = &view.chargers[*at];
            let more = seen.offered_ma.min(seen.drawn_ma) > seen.least_ma;
            more && seen.is_controllable() && seen.feeds(line)
        })
    }

    fn follow(&mut self, t_ms: u64, at: usize, helped: bool, total: f64, base: f64) {
        let limit = self.limits[at / 3].0;
        let Some(overload) = self.running[at].as_mut().filter(|_| helped) else {
            self.close(t_ms, at);
            if helped {
                self.running[at] = Some(Overload {
                    from_ms: t_ms,
                    owes_ms: t_ms,
                    base_a: base,
                    heard_ms: None,
                    most_a: total,
                    gone: false,
                });
            }
            return;
        };
        overload.most_a = overload.most_a.max(total);
        if !overload.gone && total - limit <= (overload.most_a - limit) / 10.0 {
            overload.gone = true;
            self.t90_ms = self.t90_ms.max(Some(t_ms - overload.from_ms));
        }
        // What was owed is done, were it not that the house takes more than then: the time begins anew.
        if total - (base - overload.base_a) <= limit {
            let begun = Overload { owes_ms: t_ms, base_a: base, heard_ms: None, ..*overload };
            if let Some(done) = self.running[at].replace(begun) {
                self.judge(at, &done, t_ms);
            }
        } else {
            overload.base_a = overload.base_a.min(base);
        }
    }

    fn close(&mut self, t_ms: u64, at: usize) {
        let Some(overload) = self.running[at].take() else { return };
        if !overload.gone {
            self.t90_ms = self.t90_ms.max(Some(t_ms - overload.from_ms));
        }
        self.judge(at, &overload, t_ms);
    }

    fn judge(&mut self, at: usize, overload: &Overload, t_ms: u64) {
        let lasted_ms = t_ms - overload.owes_ms;
        if lasted_ms <= self.times.react {
            return self.overload.right();
        }
        // Without a reading of it nobody could know; that is for `balance.fallback`.
        let Some(heard_ms) = overload.heard_ms else { return };
        let allowed_ms = self.times.react.max(heard_ms - overload.owes_ms + self.times.command);
        if lasted_ms <= allowed_ms {
            return self.overload.right();
        }
        let (limit, most) = (self.limits[at / 3].0, overload.most_a);
        let circuit = &self.scenario.circuits[at / 3].name;
        self.overload.wrong(|| {
            format!(
                "L{} of {circuit} carries up to {most:.1} A of {limit:.1} A from {} on; nobody lowers what cars take for \
                 {}, and {} are enough",
                at % 3 + 1,
                seconds(overload.from_ms),
                seconds(lasted_ms),
                seconds(allowed_ms)
            )
        });
    }

    /// A reading with currents reached the balancer.
    pub(super) fn heard(&mut self, t_ms: u64) {
        for overload in self.running.iter_mut().flatten() {
            if overload.heard_ms.is_none() && t_ms >= overload.owes_ms + self.times.news {
                overload.heard_ms = Some(t_ms);
            }
        }
    }

    pub(super) fn ended(&mut self, plant: &Plant) {
        for at in 0..self.running.len() {
            self.close(plant.t_ms(), at);
        }
        self.fuses = plant
            .guards()
            .iter()
            .map(|guard| Fused {
                node: guard.node,
                rated_ma: guard.fuse.rated_ma(),
                most: guard.most,
                most_base: guard.most_base,
                blown: guard.blown,
            })
            .collect();
    }

    /// Largest part of the heat that blows a fuse; 1 = blown.
    pub(super) fn heat_max(&self) -> f64 {
        self.fuses.iter().map(|fuse| fuse.most).fold(0.0, f64::max)
    }

    pub(super) fn fuse_ruling(&self, simulated_ms: u64) -> Ruling {
        let mut tally = Tally::default();
        for fuse in &self.fuses {
            let name = &self.scenario.circuits[fuse.node].name;
            let rated = fuse.rated_ma / 1000;
            if fuse.most_base >= 1.0 {
                tally.note(|| {
                    format!("the house alone blows the {rated} A fuse of {name}; no balancer could help it")
                });
            } else if let Some((t_ms, _)) = fuse.blown.filter(|(t_ms, _)| *t_ms < self.times.first) {
                tally.note(|| {
                    format!(
                        "the {rated} A fuse of {name} blows at {}, before a command can arrive",
                        seconds(t_ms)
                    )
                });
            } else if let Some((t_ms, line)) = fuse.blown {
                tally.wrong(|| {
                    format!(
                        "the {rated} A fuse of {name} blows on L{} at {}: {:.2} of the heat that it stands, {:.2} by the \
                         house alone",
                        line + 1,
                        seconds(t_ms),
                        fuse.most,
                        fuse.most_base
                    )
                });
            } else {
                tally.right();
            }
        }
        for shadow in self.shadows.iter().filter(|shadow| shadow.most >= 1.0) {
            let fuse = &self.fuses[shadow.guard];
            if fuse.blown.is_none() {
                let name = &self.scenario.circuits[fuse.node].name;
                tally.note(|| {
                    format!(
                        "the fastest breaker that the standard allows would have tripped in place of the {} A fuse of {name}",
                        fuse.rated_ma / 1000
                    )
                });
            }
        }
        let most = self.fuses.iter().filter(|fuse| fuse.most_base < 1.0).map(|fuse| fuse.most);
        let most = most.fold(0.0, f64::max);
        let span = seconds(simulated_ms);
        tally.ruling(
            |fuses| {
                format!("{} over {span}, at most {most:.2} of the heat that blows one", count(fuses, "fuse"))
            },
            "the house alone blows every fuse",
        )
    }

    pub(super) fn overload_ruling(&mut self, simulated_ms: u64) -> Ruling {
        let mut tally = std::mem::take(&mut self.overload);
        let overloads = tally.judged;
        // A line that was never overloaded is judged as well: all of them are watched all the time.
        tally.right();
        let lines = self.limits.len() * self.scenario.grid.lines();
        let react = seconds(self.times.react);
        tally.ruling(
            |_| {
                let watched = format!("{} over {}", count(lines as u64, "line"), seconds(simulated_ms));
                format!("{watched}; {} through cars, gone within {react}", count(overloads, "overload"))
            },
            "",
        )
    }
}

/// Chargers behind each circuit.
pub(super) fn below(scenario: &Scenario) -> Vec<Vec<usize>> {
    let mut below = vec![Vec::new(); scenario.circuits.len()];
    for (at, charger) in scenario.chargers.iter().enumerate() {
        let mut next = Some(charger.circuit);
        while let Some(node) = next {
            below[node].push(at);
            next = scenario.circuits[node].parent;
        }
    }
    below
}

fn shadows(scenario: &Scenario) -> Vec<Shadow> {
    let fuses = scenario.circuits.iter().filter_map(|circuit| circuit.fuse);
    fuses
        .enumerate()
        .filter_map(|(guard, fuse)| {
            let fast = Fuse::new(Model::McbFast, u32::try_from(fuse.rated_ma() / 1000).ok()?)?;
            let shadow = Shadow {
                guard,
                fuse: fast,
                cooling: Cooling::default(),
                heat: [Heat::default(); 3],
                most: 0.0,
            };
            (fast.k() < fuse.k()).then_some(shadow)
        })
        .collect()
}

/// `T_react` of invariant 2, longer where the scenario makes cars, chargers or links slower than its sums suppose: no
/// balancer can hasten those.
pub(super) fn times(scenario: &Scenario) -> Times {
    let slow = |link: &Link| link.delay_ms + link.jitter_ms;
    let links = &scenario.links;
    let latency = scenario.chargers.iter().map(|charger| charger.settings.latency_ms).max().unwrap_or(0);
    let car = scenario.cars.iter().map(|car| {
        let settings = &car.settings;
        let falls = settings.max_ma - settings.min_ma;
        let ramp = settings.down_ma_per_s.map_or(0, |rate| (falls * 1000 / rate.max(1)).max(0) as u64);
        settings.dead_ms + ramp
    });
    let extra = latency.saturating_sub(DECIDE_MS) + car.max().unwrap_or(0).saturating_sub(CAR_MS);
    // A command that is lost is seen to be lost in the next report, and sent again.
    let again = if links.charger.loss_ppm > 0 { 2 * (links.report_ms + slow(&links.charger)) } else { 0 };
    let command = slow(&links.charger) + CAR_MS + DECIDE_MS + extra + again;
    let react = scenario.site.currents_every_ms + slow(&links.meter) + command;
    let most = REACT_MOST_MS.max(
        scenario.site.currents_every_ms + slow(&links.meter) + slow(&links.charger) + extra + again + CAR_MS,
    );
    let soonest = scenario.chargers.iter().map(|charger| charger.settings.latency_ms).min().unwrap_or(0);
    let follows = scenario.cars.iter().map(|car| car.settings.dead_ms).min().unwrap_or(0);
    let first = links.charger.delay_ms + soonest + follows;
    Times { react: react.min(most), command, news: links.meter.delay_ms, first }
}
