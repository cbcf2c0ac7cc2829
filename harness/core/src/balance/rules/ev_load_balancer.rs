//! The rule of cryptotomte/ev-load-balancer, `calculator.py`, `hysteresis.py` and `const.py` (balancing, section 3.1).
//!
//! On every phase that the charger uses: the fuse, less what flows without the charger, less 2 A. The smallest counts,
//! in whole amperes and never below 6 A. Down at once, up 5 s after the last change. Under 6 A for 15 s pauses; above
//! 8 A for 30 s lets it go on. Without the meter it pauses. Left out: one phase of the meter lost.
//!
//! The product balances one charger; several are balanced here as by several installations of it. It looks whenever
//! one of its sensors says something new, which with a charger beside a meter is about every second.

use super::seen::{Point, Seen};
use crate::balance::{Balancer, Command, Event, Link, Trouble};

/// Kept free on every phase.
const MARGIN_MA: i64 = 2_000;
/// What more than the minimum has to be free to go on.
const RESUME_MA: i64 = 2_000;
/// Shortest time from a change to a rise.
const RISE_MS: u64 = 5_000;
/// So long too little is free until it pauses.
const PAUSE_MS: u64 = 15_000;
/// So long enough is free until it goes on.
const RESUME_MS: u64 = 30_000;

/// What it remembers of one charger.
#[derive(Clone, Copy, Default)]
struct Timers {
    paused: bool,
    below_since: Option<u64>,
    above_since: Option<u64>,
    changed_ms: Option<u64>,
}

/// The rule.
#[derive(Default)]
pub struct EvLoadBalancer {
    seen: Seen,
    timers: Vec<Timers>,
    lost: bool,
}

/// The smallest that is free for the charger on its phases; may be negative.
fn free(seen: &Seen, point: &Point, mains: [i64; 3]) -> i64 {
    let used = point.settings.order.into_iter().take(usize::from(point.settings.phases));
    let lines = used.map(|line| usize::from(line).saturating_sub(1).min(2));
    let left = lines.map(|line| seen.fuse_ma - (mains[line] - point.drawn_ma[line]) - MARGIN_MA);
    left.min().unwrap_or(0)
}

impl Timers {
    /// The limit that follows, if it is another one.
    fn next(&mut self, t_ms: u64, free: i64, point: &Point) -> Option<i64> {
        let (least, most) = (point.settings.min_ma, point.settings.max_ma);
        let target = (free.div_euclid(1000) * 1000).min(most).max(least);
        let lasts = |since: &mut Option<u64>, holds: bool, ms: u64| {
            *since = if holds { since.or(Some(t_ms)) } else { None };
            since.is_some_and(|since| t_ms - since >= ms)
        };
        if self.paused {
            let resumes = lasts(&mut self.above_since, free >= least + RESUME_MA, RESUME_MS);
            self.above_since = self.above_since.filter(|_| !resumes);
            self.paused = !resumes;
            return resumes.then_some(target);
        }
        if target < point.limit_ma {
            self.below_since = None;
            return Some(target);
        }
        if lasts(&mut self.below_since, free < least, PAUSE_MS) {
            *self = Timers { paused: true, ..Timers::default() };
            return Some(0);
        }
        let rested = self.changed_ms.is_none_or(|changed| t_ms - changed >= RISE_MS);
        (free >= least && target > point.limit_ma && rested).then_some(target)
    }
}

impl Balancer for EvLoadBalancer {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        let fresh = self.seen.hear(t_ms, events);
        self.timers.resize(self.seen.points.len(), Timers::default());
        self.lost = !fresh && (self.lost || events.contains(&Event::Link { what: Link::Meter, up: false }));
        if !fresh && !events.contains(&Event::Tick) {
            return Ok(());
        }
        for (id, timers) in self.timers.iter_mut().enumerate() {
            let point = &self.seen.points[id];
            if !point.has_car() {
                *timers = Timers::default();
                continue;
            }
            let next = match self.seen.mains_ma {
                _ if self.lost => {
                    timers.paused = true;
                    Some(0)
                }
                Some(mains) => timers.next(t_ms, free(&self.seen, point, mains), point),
                None => None,
            };
            if let Some(current_ma) = next.filter(|next| *next != point.limit_ma) {
                timers.changed_ms = Some(t_ms);
                self.seen.tell(id, current_ma, commands);
            }
        }
        Ok(())
    }
}
