//! No balancing at all: what a house does without.

use super::seen::Seen;
use crate::balance::{Balancer, Command, Event, Trouble};

/// Every charger gives all it can.
#[derive(Default)]
pub struct None {
    seen: Seen,
}

impl Balancer for None {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        self.seen.hear(t_ms, events);
        for id in 0..self.seen.points.len() {
            let most = self.seen.points[id].settings.max_ma;
            self.seen.tell(id, most, commands);
        }
        Ok(())
    }
}
