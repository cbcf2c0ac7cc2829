//! What the balancer wants: the checks `balance.feasible`, `balance.range`, `balance.stale`, and its share of
//! `balance.wear`.

use super::knowledge::Knowledge;
use super::tally::{Tally, amperes, seconds};
use super::view::View;
use crate::balance::{Command, Doing};
use crate::plant::Phasor;
use crate::plant::magnitude;
use crate::scenario::{Measured, Scenario};
use std::collections::VecDeque;

/// The meter's last digit, and what rounding makes of several, milliamperes.
const DIGIT_A: f64 = 0.1;
/// How far an estimate of a line that the meter says nothing of may be off, amperes (balancing, section 5e, 15).
const ESTIMATE_A: f64 = 1.5;
/// Load is steady after so long without a change (balancing, section 5d: settled).
pub(super) const STEADY_MS: u64 = 120_000;
/// In steady load a set-point changes at most once in so long, and so often in an hour.
const CHANGE_MS: u64 = 10_000;
const CHANGES_PER_HOUR: usize = 60;

/// What a charger was told last.
#[derive(Clone, Copy)]
struct Standing {
    current_ma: i64,
    phases: u8,
    until_ms: u64,
}

/// Watches commands.
pub(super) struct Commands<'a> {
    scenario: &'a Scenario,
    below: Vec<Vec<usize>>,
    standing: Vec<Option<Standing>>,
    offline_ma: Vec<Option<i64>>,
    /// Changes of each charger's set-point in the steady load that goes on.
    changes: Vec<VecDeque<u64>>,
    pub(super) setpoint_changes: u64,
    pub(super) range: Tally,
    pub(super) stale: Tally,
    pub(super) feasible: Tally,
    pub(super) steady: Tally,
}

impl<'a> Commands<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Commands<'a> {
        let count = scenario.chargers.len();
        Commands {
            scenario,
            below: super::hazard::below(scenario),
            standing: vec![None; count],
            offline_ma: scenario.site.chargers.iter().map(|charger| charger.offline_ma).collect(),
            changes: vec![VecDeque::new(); count],
            setpoint_changes: 0,
            range: Tally::default(),
            stale: Tally::default(),
            feasible: Tally::default(),
            steady: Tally::default(),
        }
    }

    /// The load is no longer what it was.
    pub(super) fn unsettled(&mut self) {
        self.changes.iter_mut().for_each(VecDeque::clear);
    }

    /// `steady`: the load has not changed for long.
    pub(super) fn hears(
        &mut self,
        t_ms: u64,
        commands: &[Command],
        known: &Knowledge<'_>,
        view: &View,
        steady: bool,
    ) {
        let mut decided = false;
        for command in commands {
            match *command {
                Command::Limit { id, current_ma, phases, ttl_ms } => {
                    if self.in_range(t_ms, id, current_ma, phases, known) {
                        self.raised(t_ms, id, current_ma, known);
                        self.changed(t_ms, id, current_ma, phases, steady);
                        let until_ms = t_ms.saturating_add(ttl_ms);
                        self.standing[id] = Some(Standing { current_ma, phases, until_ms });
                        decided = true;
                    }
                }
                Command::Offline { id, current_ma, .. } => {
                    if id < self.offline_ma.len() && current_ma >= 0 {
                        self.offline_ma[id] = Some(current_ma);
                    } else {
                        self.range.wrong(|| {
                            format!(
                                "at {} an offline limit of {} for charger {id}",
                                seconds(t_ms),
                                amperes(current_ma)
                            )
                        });
                    }
                }
                Command::Alarm { .. } => {}
            }
        }
        if decided && known.differs.is_none() {
            self.is_feasible(t_ms, known, view);
        }
    }

    /// Whether anything more can be said of this limit.
    fn in_range(&mut self, t_ms: u64, id: usize, current_ma: i64, phases: u8, known: &Knowledge<'_>) -> bool {
        let Some(settings) = known.site.chargers.get(id) else {
            self.range.wrong(|| format!("at {} a limit for charger {id}, which there is not", seconds(t_ms)));
            return false;
        };
        let cable = known.statuses[id].map_or(settings.max_ma, |status| status.max_ma);
        let (least, most) = (settings.min_ma.max(known.site.group.min_ma), settings.max_ma.min(cable));
        let fault = if current_ma != 0 && !(least..=most).contains(&current_ma) {
            format!("expected 0, or {} to {}", amperes(least), amperes(most))
        } else if current_ma % settings.step_ma != 0 {
            format!("expected whole steps of {}", amperes(settings.step_ma))
        } else if phases != 1 && phases != settings.phases {
            format!("on {phases} phases, expected 1 or {}", settings.phases)
        } else {
            self.range.right();
            return true;
        };
        let name = &settings.name;
        self.range.wrong(|| {
            format!("at {} {name} is set to {:.2} A, {fault}", seconds(t_ms), current_ma as f64 / 1000.0)
        });
        true
    }

    fn raised(&mut self, t_ms: u64, id: usize, current_ma: i64, known: &Knowledge<'_>) {
        let live = self.standing[id].filter(|standing| standing.until_ms > t_ms);
        let before_ma = live.map_or(0, |standing| standing.current_ma);
        if current_ma <= before_ma {
            return;
        }
        // What it may hold while nobody hears the meter, it may be given then.
        let share = known.site.group.max_offline_ma / self.standing.len() as i64;
        let offline_ma = self.offline_ma[id].unwrap_or(0).max(share);
        if !known.is_stale(t_ms) || current_ma <= offline_ma {
            return self.stale.right();
        }
        let name = &self.scenario.chargers[id].name;
        let age = known.heard_ms.map_or("there has never been one".to_string(), |heard_ms| {
            format!("the newest came {} before", seconds(t_ms - heard_ms))
        });
        self.stale.wrong(|| {
            format!(
                "at {} {name} is raised from {} to {} without a fresh reading: {age}",
                seconds(t_ms),
                amperes(before_ma),
                amperes(current_ma)
            )
        });
    }

    fn changed(&mut self, t_ms: u64, id: usize, current_ma: i64, phases: u8, steady: bool) {
        let same = self.standing[id]
            .is_some_and(|standing| standing.current_ma == current_ma && standing.phases == phases);
        if same {
            return;
        }
        self.setpoint_changes += u64::from(self.standing[id].is_some());
        if !steady {
            return;
        }
        let changes = &mut self.changes[id];
        let soon = changes.back().is_some_and(|last| t_ms < last + CHANGE_MS);
        changes.push_back(t_ms);
        while changes.front().is_some_and(|first| first + 3_600_000 <= t_ms) {
            changes.pop_front();
        }
        let many = changes.len() > CHANGES_PER_HOUR;
        if many {
            changes.pop_front();
        }
        let name = &self.scenario.chargers[id].name;
        let at = seconds(t_ms);
        match (soon, many) {
            (true, _) => self.steady.wrong(|| {
                format!("at {at} the limit of {name} changes twice within 10 s, though nothing else does")
            }),
            (_, true) => self.steady.wrong(|| {
                format!(
                    "by {at} the limit of {name} has changed more than 60 times in an hour of steady load"
                )
            }),
            _ => self.steady.right(),
        }
    }

    /// What is commanded, beside what the house is known to draw, fits everywhere.
    fn is_feasible(&mut self, t_ms: u64, known: &Knowledge<'_>, view: &View) {
        let mut worst: Option<String> = None;
        let mut judged = false;
        // By either reading that the balancer may go by.
        for base in known.bases(t_ms) {
            judged = true;
            worst = self.excess(t_ms, base, known, view);
            if worst.is_none() {
                break;
            }
        }
        match worst {
            Some(what) => self.feasible.wrong(|| format!("at {} {what}", seconds(t_ms))),
            None if judged => self.feasible.right(),
            None => {}
        }
    }

    /// The first line in which what is commanded does not fit.
    fn excess(&self, t_ms: u64, base: [Phasor; 3], known: &Knowledge<'_>, view: &View) -> Option<String> {
        let site = &known.site;
        let main_ma = site.circuits.first()?.limit_ma.min(site.supply_max_ma);
        let none = [Phasor::default(); 3];
        let group = self.beyond(t_ms, none, site.group.max_online_ma, 0, known, view);
        if let Some((line, flows)) = group {
            return Some(self.tells("all chargers together", line, flows, site.group.max_online_ma));
        }
        for (node, circuit) in site.circuits.iter().enumerate() {
            // Nobody measures what the house draws behind another circuit.
            let (base, limit_ma) = if node == 0 { (base, main_ma) } else { (none, circuit.limit_ma) };
            if let Some((line, flows)) = self.beyond(t_ms, base, limit_ma, node, known, view) {
                return Some(self.tells(&circuit.name, line, flows, limit_ma));
            }
        }
        None
    }

    fn tells(&self, what: &str, line: usize, flows: f64, limit_ma: i64) -> String {
        let told: Vec<String> = self
            .standing
            .iter()
            .zip(&self.scenario.chargers)
            .filter_map(|(standing, charger)| {
                Some(format!("{} {}", charger.name, amperes((*standing)?.current_ma)))
            })
            .collect();
        let chargers = if told.len() > 4 { format!("{} chargers", told.len()) } else { told.join(", ") };
        format!(
            "{chargers} and what the house is known to draw make {flows:.1} A in L{} of {what}, of {}",
            line + 1,
            amperes(limit_ma)
        )
    }

    /// The line in which more is commanded than fits, where somebody there is given more than the least.
    fn beyond(
        &self,
        t_ms: u64,
        base: [Phasor; 3],
        limit_ma: i64,
        node: usize,
        known: &Knowledge<'_>,
        view: &View,
    ) -> Option<(usize, f64)> {
        let mut sums = base;
        let mut more = [false; 3];
        for at in &self.below[node] {
            let seen = &view.chargers[*at];
            let live = self.standing[*at].filter(|standing| standing.until_ms > t_ms);
            let Some(standing) = live.filter(|_| seen.is_controllable()) else { continue };
            let plugged = known.statuses[*at]
                .is_some_and(|status| matches!(status.doing, Doing::Waiting | Doing::Charging));
            if !plugged {
                continue;
            }
            let least_ma = known.site.chargers[*at].min_ma.max(known.site.group.min_ma);
            for line in 0..3 {
                if seen.feeds(line) {
                    let a = standing.current_ma as f64 / 1000.0;
                    sums[line].re += seen.lines[line].re * a;
                    sums[line].im += seen.lines[line].im * a;
                    more[line] |= standing.current_ma > least_ma;
                }
            }
        }
        let (num, den) = self.scenario.meter.ratio.fraction();
        let digit = DIGIT_A * f64::from(num) / f64::from(den);
        let gain = match &self.scenario.meter.measured {
            Measured::Clamps(clamps) => clamps.gain_ppm.unsigned_abs() as f64 / 1e6,
            Measured::Han(_) => 0.0,
        };
        let limit = limit_ma as f64 / 1000.0;
        (0..3).find_map(|line| {
            let estimate = if known.hidden[line] { ESTIMATE_A } else { 0.0 };
            let flows = magnitude(sums[line]);
            (more[line] && flows > limit * (1.0 + gain) + digit + estimate).then_some((line, flows))
        })
    }
}
