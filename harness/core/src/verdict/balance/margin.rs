//! What a balancer may keep free without being told that it wastes room.

use super::hazard::Times;
use crate::balance::Site;
use crate::plant::fuse::{Cooling, Fuse, Heat};
use crate::scenario::Scenario;

/// An ampere, or a twenty-fifth of the limit (balancing, section 5b, 3).
const LEAST_A: f64 = 1.0;
const LEAST_PART: f64 = 0.04;
/// And so much that the main fuse outlasts a step of the house: the largest of the table in balancing, section 3.4.
const STEP_A: f64 = 14.0;
/// But no more of it than a fifth.
const RESERVE_PART: f64 = 0.2;

/// Limits of the circuits, less what may be kept free.
pub(super) struct Margins {
    /// What the main fuse allows so, amperes.
    main_a: f64,
}

impl Margins {
    pub(super) fn new(scenario: &Scenario, times: &Times) -> Margins {
        let fuse = scenario.circuits.first().and_then(|main| main.fuse);
        Margins { main_a: fuse.map_or(f64::INFINITY, |fuse| outlasts(&fuse, times.react)) }
    }

    /// What may be counted on at a circuit that is told a limit, amperes.
    pub(super) fn free_a(&self, node: usize, limit_a: f64) -> f64 {
        let free = limit_a - LEAST_A.max(limit_a * LEAST_PART);
        if node == 0 { free.min(self.main_a) } else { free }
    }
}

/// The largest current from which the fuse outlasts the step for so long, amperes.
fn outlasts(fuse: &Fuse, react_ms: u64) -> f64 {
    let rated_a = fuse.rated_ma() as f64 / 1000.0;
    let least_a = rated_a * (1.0 - RESERVE_PART);
    let holds = |before_a: f64| {
        let mut heat = Heat::after_long_at(fuse, before_a);
        heat.advance(fuse, &mut Cooling::default(), before_a + STEP_A, react_ms);
        heat.part(fuse) < 1.0
    };
    let mut before_a = rated_a;
    while before_a > least_a && !holds(before_a) {
        before_a -= 0.1;
    }
    before_a.max(least_a)
}

/// Most that a circuit may carry as the balancer is told, amperes.
pub(super) fn told_a(site: &Site, node: usize) -> f64 {
    let limit_ma = site.circuits[node].limit_ma;
    let limit_ma = if node == 0 { limit_ma.min(site.supply_max_ma) } else { limit_ma };
    limit_ma as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::fuse::Model;

    /// Table 3.4 of balancing: at 25 A a step of 14 A leaves no slack without a margin.
    #[test]
    fn a_small_fuse_needs_more_than_an_ampere_and_a_large_one_does_not() {
        let free = |rated_a: u32| {
            let fuse = Fuse::new(Model::GgLower, rated_a).unwrap();
            Margins { main_a: outlasts(&fuse, 19_000) }.free_a(0, f64::from(rated_a))
        };
        assert!((22.0..23.0).contains(&free(25)), "{}", free(25));
        assert!((free(125) - 120.0).abs() < 1e-9, "{}", free(125));
        assert!((free(16) - 12.8).abs() < 0.11, "{}", free(16));
    }
}
