//! One phase of the rule: `PhaseMonitor` in `balancers/optimised_load_balancer.py` of
//! dirkgroenen/hass-evse-load-balancer, before and after its pull request #92 (balancing, section 3.1).

/// Risk at which a phase is cut, in thousandths of the product's unit.
const RISK_MAX: u64 = 60_000;

/// What a monitor does about an overload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Lets it last for as long as it thinks that a breaker would.
    Optimised,
    /// Reports what would be left of the last limit, which the allocator takes for a surplus. Before #92.
    ConservativeOld,
    /// Reports it at once.
    Conservative,
}

/// One phase, as the product's own unit tests call it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Monitor {
    mode: Mode,
    fuse_a: i64,
    limit_a: i64,
    risk: u64,
    last_ms: Option<u64>,
}

impl Monitor {
    /// A phase with this fuse, amperes.
    pub fn new(mode: Mode, fuse_a: i64) -> Monitor {
        Monitor { mode, fuse_a, limit_a: fuse_a, risk: 0, last_ms: None }
    }

    /// From amperes that are free at `t_ms`, negative if too many flow, to amperes that may be given or must be taken.
    pub fn update(&mut self, free_a: i64, t_ms: u64) -> i64 {
        let elapsed = t_ms - self.last_ms.replace(t_ms).unwrap_or(t_ms);
        if free_a >= 0 {
            self.risk = self.risk.saturating_sub(elapsed);
            self.limit_a = free_a.min(self.fuse_a);
            return self.limit_a;
        }
        match self.mode {
            Mode::Optimised => {
                self.risk += self.risk_per_ms(-free_a) * elapsed;
                if self.risk >= RISK_MAX {
                    self.risk = 0;
                    self.limit_a = free_a;
                }
            }
            Mode::ConservativeOld => self.limit_a = (self.limit_a + free_a).max(0),
            Mode::Conservative => self.limit_a = free_a,
        }
        self.limit_a
    }

    fn risk_per_ms(&self, over_a: i64) -> u64 {
        let within = |percent: i64| over_a * 100 <= percent * self.fuse_a;
        match () {
            () if within(13) => 1,
            () if within(40) => 2,
            () if within(100) => 6,
            () => 60,
        }
    }
}
