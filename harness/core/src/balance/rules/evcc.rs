//! The rule of evcc-io/evcc, `core/circuit/circuit.go` with `setLimit` of its load point (balancing, section 3.1).
//!
//! The current of a circuit is that of its worst phase. A car that draws `old` and may have `new` gets `new` if the
//! difference fits under the fuse, else what it draws plus what is left, which may be less than nothing. Whole
//! amperes; below the minimum it is switched off. Without a reading for 60 s the circuit counts as overloaded. In
//! each interval one load point is looked at, in turn (evcc-io/evcc#30366).
//!
//! The product's interval has nothing to do with the meter's. Here the first begins with the first reading, so that
//! it looks at readings when they are new: the best case.

use super::seen::Seen;
use crate::balance::{Balancer, Command, Event, Trouble};

/// Time without a reading after which a circuit counts as overloaded.
const TIMEOUT_MS: u64 = 60_000;

/// The rule with its interval.
pub struct Evcc {
    seen: Seen,
    period_ms: u64,
    next_ms: Option<u64>,
    turn: usize,
}

impl Evcc {
    /// With an interval of so many milliseconds.
    pub fn every(period_ms: u64) -> Evcc {
        Evcc { seen: Seen::default(), period_ms, next_ms: None, turn: 0 }
    }

    fn look(&mut self, t_ms: u64, id: usize, commands: &mut Vec<Command>) {
        let point = &self.seen.points[id];
        let (least, most) = (point.settings.min_ma, point.settings.max_ma);
        let old = point.drawn_ma.into_iter().max().unwrap_or(0);
        let known = self.seen.mains_ma.filter(|_| t_ms - self.seen.heard_ms <= TIMEOUT_MS);
        let allowed = known.map_or(0, |[l1, l2, l3]| {
            let left = self.seen.fuse_ma - l1.max(l2).max(l3);
            if (most - old).max(0) > left { (old + left).max(0) } else { most }
        });
        let whole = allowed / 1000 * 1000;
        self.seen.tell(id, if whole >= least { whole } else { 0 }, commands);
    }
}

impl Balancer for Evcc {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        if self.seen.hear(t_ms, events) {
            self.next_ms.get_or_insert(t_ms);
        }
        if let Some(next) = self.next_ms.filter(|next| *next <= t_ms) {
            self.next_ms = Some(next + self.period_ms);
            let id = self.turn % self.seen.points.len().max(1);
            self.turn += 1;
            if self.seen.points.get(id).is_some_and(super::seen::Point::has_car) {
                self.look(t_ms, id, commands);
            }
        }
        Ok(())
    }
}
