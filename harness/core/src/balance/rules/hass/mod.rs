//! The rule of dirkgroenen/hass-evse-load-balancer, `balancers/optimised_load_balancer.py`, `power_allocator.py` and
//! `coordinator.py`, in its two modes, the second before and after its pull request #92 (balancing, section 3.1).
//!
//! Once a second a monitor for each phase turns what is free under the fuse into what may be given or has to be
//! taken; the allocator shares that out in whole amperes over the limits that the chargers have, and the lowest phase
//! counts. A limit changes at most every 20 s, and rises at most every 15 minutes. No minimum: a charger that is left
//! 3 A stops by itself. Left out: a user who changes a limit by hand.

mod monitor;

pub use monitor::{Mode, Monitor};

use super::seen::{Point, Seen};
use crate::balance::{Balancer, Command, Event, Trouble};

/// Shortest time between two changes.
const CHANGE_MS: u64 = 20_000;
/// Shortest time from a change to a rise, 15 minutes as delivered.
const RISE_MS: u64 = 900_000;

/// The rule in one of its modes.
pub struct Hass {
    mode: Mode,
    seen: Seen,
    monitors: [Option<Monitor>; 3],
    /// When each charger was told something last.
    told_ms: Vec<Option<u64>>,
}

impl Hass {
    /// In this mode.
    pub fn new(mode: Mode) -> Hass {
        Hass { mode, seen: Seen::default(), monitors: [None; 3], told_ms: Vec::new() }
    }

    /// What charger `id` gets of `free_a` on one phase: a part of the cut by its limit, or of the rise by what it lacks.
    fn part(&self, id: usize, free_a: i64) -> i64 {
        let weight = |point: &Point| match (point.has_car(), free_a < 0) {
            (false, _) => 0,
            (true, true) => point.limit_ma,
            (true, false) => point.settings.max_ma - point.limit_ma,
        };
        let all: i64 = self.seen.points.iter().map(weight).sum();
        let (own, limit) = (weight(&self.seen.points[id]), self.seen.points[id].limit_ma);
        let part_ma = if all > 0 { (free_a * own).div_euclid(all) * 1000 } else { 0 };
        (limit + part_ma.min(own / 1000 * 1000)).max(0)
    }

    fn may_tell(&self, t_ms: u64, id: usize, lower: bool) -> bool {
        let since = self.told_ms.get(id).copied().flatten().map(|told| t_ms - told);
        since.is_none_or(|since| since > CHANGE_MS && (lower || since > RISE_MS))
    }
}

impl Balancer for Hass {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        self.seen.hear(t_ms, events);
        self.told_ms.resize(self.seen.points.len(), None);
        let Some(mains) = self.seen.mains_ma.filter(|_| events.contains(&Event::Tick)) else { return Ok(()) };
        if !self.seen.points.iter().any(Point::has_car) {
            return Ok(());
        }
        let fuse_a = self.seen.fuse_ma / 1000;
        let mut free = [0; 3];
        for (line, monitor) in self.monitors.iter_mut().enumerate() {
            let left_a = (fuse_a * 1000 - mains[line]).div_euclid(1000).min(fuse_a);
            free[line] = monitor.get_or_insert(Monitor::new(self.mode, fuse_a)).update(left_a, t_ms);
        }
        for id in 0..self.seen.points.len() {
            let point = &self.seen.points[id];
            let now = point.limit_ma;
            let new = free.into_iter().map(|free_a| self.part(id, free_a)).min().unwrap_or(now);
            if point.has_car() && new != now && self.may_tell(t_ms, id, new < now) {
                self.told_ms[id] = Some(t_ms);
                self.seen.tell(id, new, commands);
            }
        }
        Ok(())
    }
}
