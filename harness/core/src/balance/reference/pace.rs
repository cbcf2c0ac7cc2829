//! How fast a limit moves: down at once, up slowly (balancing, section 5b, step 7).
//!
//! A limit rises when its share has been above it for half a minute, and then by half of what is missing every ten
//! seconds; the last two amperes go at once. It starts at the least. A share that is only a little below
//! leaves the limit where it is, as long as everything fits: houses move by tenths of an ampere all the time.

use super::allocate::{Problem, Row};
use super::mutation::Mutation;
use num_complex::Complex64;

/// The share must have been larger for so long, milliseconds.
const CALM_MS: u64 = 30_000;
/// Between two changes upwards, milliseconds.
const EVERY_MS: u64 = 10_000;
/// What goes at once, milliamperes.
const REST_MA: i64 = 2_000;
/// A step that is to prove something is no larger, milliamperes, …
const PROOF_MA: i64 = 4_000;
/// … and has so long to be seen, milliseconds.
const PROOF_MS: u64 = 30_000;
/// A share so little below the limit does not move it by itself, milliamperes.
const NEAR_MA: i64 = 500;

/// The pace of one charger.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Pace {
    /// Since when its share has been above its limit.
    calm_ms: Option<u64>,
    /// When its limit changed last.
    moved_ms: u64,
}

/// What a limit may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    /// The limit as it stands, milliamperes.
    pub from_ma: i64,
    /// The share, milliamperes.
    pub share_ma: i64,
    /// Least that the charger can be given.
    pub min_ma: i64,
    /// Its steps.
    pub step_ma: i64,
    /// Something is wrong with the readings perhaps: rise by steps that can be told apart.
    pub careful: bool,
}

impl Pace {
    /// The next limit.
    pub fn next(&mut self, t_ms: u64, raises: bool, to: Move) -> i64 {
        if to.share_ma < to.from_ma {
            self.calm_ms = None;
            let near = to.share_ma > 0 && to.from_ma - to.share_ma <= NEAR_MA.max(to.step_ma);
            return if near { to.from_ma } else { to.share_ma };
        }
        if !raises {
            self.calm_ms = None;
            return to.from_ma;
        }
        if to.share_ma == to.from_ma {
            self.calm_ms = None;
            return to.from_ma;
        }
        let calm_ms = *self.calm_ms.get_or_insert(t_ms);
        if to.from_ma == 0 {
            return to.min_ma;
        }
        let every_ms = if to.careful { PROOF_MS } else { EVERY_MS };
        if t_ms < (calm_ms + CALM_MS).max(self.moved_ms + every_ms) {
            return to.from_ma;
        }
        let gap_ma = to.share_ma - to.from_ma;
        let rise_ma = if gap_ma <= REST_MA { gap_ma } else { (gap_ma / 2).max(to.step_ma) };
        let rise_ma = if to.careful { rise_ma.min(PROOF_MA.max(to.step_ma)) } else { rise_ma };
        (to.from_ma + rise_ma) / to.step_ma * to.step_ma
    }

    /// When the next change upwards may come, if one is wanted.
    pub fn due(&self) -> Option<u64> {
        self.calm_ms.map(|calm_ms| (calm_ms + CALM_MS).max(self.moved_ms + EVERY_MS))
    }

    /// The limit has changed.
    pub fn moved(&mut self, t_ms: u64) {
        self.moved_ms = t_ms;
    }
}

/// One charger on its way to its next limit, milliamperes.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Step {
    /// Its limit as it stands.
    pub from_ma: i64,
    /// Most that it may still draw by what it was told.
    pub may_ma: i64,
    /// Its share.
    pub share_ma: i64,
    /// Its next limit.
    pub next_ma: i64,
}

/// Makes the next limits fit together.
///
/// First nobody stays above his share at the expense of a full row. Then nobody rises into room that another one has
/// been told to leave and has not left yet. `bare` is what flows in each row without any charger.
pub(super) fn agree(
    problem: &mut Problem,
    bare: &[Complex64],
    steps: &mut [Step],
    mutation: Option<Mutation>,
) {
    if flows_over(problem, bare, steps, |step| step.next_ma) {
        for (charger, step) in steps.iter_mut().enumerate() {
            if step.next_ma > step.share_ma && step.next_ma <= step.from_ma && touches_over(problem, charger)
            {
                step.next_ma = step.share_ma;
            }
        }
    }
    let rises = steps.iter().any(|step| step.next_ma > step.from_ma);
    let looks = !matches!(mutation, Some(Mutation::FirstIgnoresBase | Mutation::HysteresisTriples));
    if rises && looks && flows_over(problem, bare, steps, |step| step.next_ma.max(step.may_ma)) {
        for (charger, step) in steps.iter_mut().enumerate() {
            if step.next_ma > step.from_ma && touches_over(problem, charger) {
                step.next_ma = step.from_ma;
            }
        }
    }
}

/// Puts these limits on the bare rows. True when one is over its cap and slack.
fn flows_over(problem: &mut Problem, bare: &[Complex64], steps: &[Step], ma: impl Fn(&Step) -> i64) -> bool {
    put(problem, bare, steps, ma);
    problem.rows.iter().any(Row::is_over)
}

/// Puts these limits on the bare rows.
pub(super) fn put(problem: &mut Problem, bare: &[Complex64], steps: &[Step], ma: impl Fn(&Step) -> i64) {
    for (row, bare) in problem.rows.iter_mut().zip(bare) {
        row.load = *bare;
    }
    for (step, ask) in steps.iter().zip(&problem.asks) {
        let ma = ma(step) as f64;
        if ma > 0.0 {
            for (row, share) in &problem.touches[ask.touches.clone()] {
                problem.rows[*row].load += *share * ma;
            }
        }
    }
}

fn touches_over(problem: &Problem, charger: usize) -> bool {
    let touches = &problem.touches[problem.asks[charger].touches.clone()];
    touches.iter().any(|(row, _)| problem.rows[*row].is_over())
}
