//! Three phases or one (balancing, section 5b, step 6).
//!
//! A charger that can switch goes to one phase when its share on three has been below what is worth having for a
//! minute and one phase would give it as much power, and back when three phases have been worth more for ten. Until it
//! has said that it switched it is looked at as one that loads three lines, and gets no more than its share of three:
//! whoever gives one phase the sum of three during the change trips a breaker (EVerest#1038).

use super::Context;
use super::allocate::Problem;
use super::headroom::{Modes, build};
use super::layout::ONE;
use super::select::Queue;

/// So long before a change to one phase, milliseconds.
const TO_ONE_MS: u64 = 60_000;
/// So long before a change back, milliseconds.
const TO_THREE_MS: u64 = 600_000;
/// Changes of one session.
const CHANGES: u8 = 4;
/// What has to be won, milliamperes.
const GAIN_MA: f64 = 1_000.0;

/// How many phases a charger is to use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    /// 1 or 3.
    pub phases: u8,
    /// Since when the other would be better.
    better_ms: Option<u64>,
    changes: u8,
}

impl Mode {
    /// As many as are wired.
    pub fn new(wired: u8) -> Mode {
        Mode { phases: if wired == ONE { 1 } else { 3 }, better_ms: None, changes: 0 }
    }

    fn ripe(&mut self, t_ms: u64, better: bool, after_ms: u64) -> bool {
        if !better {
            self.better_ms = None;
            return false;
        }
        let since_ms = *self.better_ms.get_or_insert(t_ms);
        t_ms >= since_ms + after_ms && self.changes < CHANGES
    }

    fn change(&mut self, phases: u8) {
        *self = Mode { phases, better_ms: None, changes: self.changes + 1 };
    }
}

/// Looks at every charger that can switch. `now` is the allocation as it is; `other` is overwritten.
pub(super) fn consider(
    context: &Context<'_>,
    below_ma: i64,
    queue: &mut Queue,
    now: &Problem,
    other: &mut Problem,
    modes: &mut [Mode],
) {
    for (phases, look) in [(3, Modes::One), (1, Modes::Three)] {
        let concerned = |charger: usize, modes: &[Mode]| {
            let entry = &context.book[charger];
            context.layout.site.chargers[charger].switches
                && context.layout.wired(charger) != ONE
                && modes[charger].phases == phases
                && entry.used != Some(ONE)
                && now.asks[charger].max > 0.0
        };
        if !(0..modes.len()).any(|charger| concerned(charger, modes)) {
            continue;
        }
        build(other, context, look);
        queue.preview(other);
        other.fill();
        for charger in 0..modes.len() {
            if !concerned(charger, modes) {
                continue;
            }
            let worth = now.asks[charger].min.max(below_ma as f64);
            let (is, would) = (now.given[charger], other.given[charger]);
            let mode = &mut modes[charger];
            if phases == 3 {
                let better = is < worth && would > is + GAIN_MA && (is == 0.0 || would >= 0.9 * 3.0 * is);
                if mode.ripe(context.now.t_ms, better, TO_ONE_MS) {
                    mode.change(1);
                    queue.forgive(charger);
                }
            } else {
                let better = would >= worth + GAIN_MA && 3.0 * would > 1.1 * is;
                if mode.ripe(context.now.t_ms, better, TO_THREE_MS) {
                    mode.change(3);
                    queue.forgive(charger);
                }
            }
        }
    }
}
