//! The rule of dingo35/SmartEVSE-3.5, `SmartEVSE-3/src/main.cpp`, `CalcBalancedCurrent` in its smart mode, with what
//! its one-second timer does about a shortage (balancing, section 3.1).
//!
//! With every reading the sum of all set-points falls by what is too much on the worst phase, or rises by a quarter
//! of what is free, and never above what the house leaves. It is shared evenly, in tenths of an ampere. Below the
//! minimum all get the minimum, and after three such readings, or at twice the fuse, all stop. They start again 60 s
//! after one more minimum has come free. A meter that is silent for 11 s stops them too.
//!
//! What a car starts again with is the minimum, the last sum before the stop.

use super::seen::{Point, Seen};
use crate::balance::{Balancer, Command, Event, Trouble};

/// Silence of the meter that stops everything.
const SILENT_MS: u64 = 11_000;
/// From when there is enough again to the start.
const DELAY_MS: u64 = 60_000;
/// Readings with too little for the minimum, of which the next stops everything.
const SHORTAGES_MAX: u32 = 2;
/// Largest sum that is ever set.
const MOST_MA: i64 = 80_000;

/// The rule.
#[derive(Default)]
pub struct SmartEvse {
    seen: Seen,
    /// The sum of all set-points; `None` before the first reading.
    sum_ma: Option<i64>,
    shortages: u32,
    stopped: bool,
    /// Since when there is enough to start again.
    enough_since: Option<u64>,
}

impl SmartEvse {
    fn regulate(&mut self, worst: i64, active: &[usize]) {
        let sum_of = |of: fn(&Point) -> i64| active.iter().map(|id| of(&self.seen.points[*id])).sum::<i64>();
        let set = sum_of(|point| point.limit_ma);
        let least = sum_of(|point| point.settings.min_ma);
        let most = sum_of(|point| point.settings.max_ma);
        let free = self.seen.fuse_ma - worst;
        let step = if free > 0 { free / 100 / 4 * 100 } else { free };
        let room = free + set;
        let sum = (self.sum_ma.unwrap_or(most) + step).clamp(0, MOST_MA).min(room);
        if sum < least {
            self.shortages += u32::from(least > room);
        } else {
            self.shortages = 0;
        }
        self.sum_ma = Some(sum.max(least).min(most));
        if self.shortages > SHORTAGES_MAX || worst > 2 * self.seen.fuse_ma {
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.shortages = 0;
        self.enough_since = None;
    }

    /// Who can take no more than an even share gets it all, the others share the rest.
    fn share(&mut self, active: &[usize], commands: &mut Vec<Command>) {
        let mut left = self.sum_ma.unwrap_or(0);
        let mut open = active.to_vec();
        open.sort_by_key(|id| self.seen.points[*id].settings.max_ma);
        for (at, id) in open.iter().enumerate() {
            let even = left / (open.len() - at) as i64 / 100 * 100;
            let given = even.min(self.seen.points[*id].settings.max_ma);
            left -= given;
            self.seen.tell(*id, given, commands);
        }
    }
}

impl Balancer for SmartEvse {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        let fresh = self.seen.hear(t_ms, events);
        let points = self.seen.points.iter().enumerate();
        let active: Vec<usize> = points.filter(|(_, point)| point.has_car()).map(|(id, _)| id).collect();
        let silent = t_ms.saturating_sub(self.seen.heard_ms) > SILENT_MS;
        let worst = self.seen.mains_ma.and_then(|lines| lines.into_iter().max());
        if silent {
            self.stop();
        }
        if self.stopped {
            let least = active.first().map_or(0, |id| self.seen.points[*id].settings.min_ma);
            let enough = !silent && worst.is_some_and(|worst| least + worst <= self.seen.fuse_ma);
            self.enough_since = if enough { self.enough_since.or(Some(t_ms)) } else { None };
            self.stopped = self.enough_since.is_none_or(|since| t_ms - since < DELAY_MS);
            let least_of_all = active.iter().map(|id| self.seen.points[*id].settings.min_ma).sum();
            self.sum_ma = Some(if self.stopped { 0 } else { least_of_all });
        } else if let (true, Some(worst)) = (fresh && !active.is_empty(), worst) {
            self.regulate(worst, &active);
            self.sum_ma = if self.stopped { Some(0) } else { self.sum_ma };
        } else {
            return Ok(());
        }
        self.share(&active, commands);
        Ok(())
    }
}
