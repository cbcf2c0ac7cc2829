//! What happens while somebody hears nobody: the checks `balance.fallback`, `balance.unmanaged`, `balance.recovery`.

use super::hazard::Times;
use super::knowledge::Knowledge;
use super::tally::{Tally, amperes, seconds};
use super::view::View;
use crate::plant::Phasor;
use crate::plant::{magnitude, network::Plant};
use crate::scenario::Scenario;

/// What chargers draw is down to the offline limit after so long, and what cars need for it.
const FALLBACK_MS: u64 = 60_000;
/// Nothing draws for longer without somebody who answers for it.
const UNMANAGED_MS: u64 = 60_000;
/// After an outage what was given before is given again within so long.
const RECOVERY_MS: u64 = 120_000;
/// What the house may draw more or less and count as unchanged, amperes.
pub(super) const SAME_A: f64 = 0.5;
/// Largest rounding of currents that are given in whole milliamperes, amperes.
const ROUNDING_A: f64 = 0.05;

/// Watches outages.
pub(super) struct Outages<'a> {
    scenario: &'a Scenario,
    /// Since when each charger hears nobody.
    alone_ms: Vec<Option<u64>>,
    /// Of the outage of the readings, and of each charger: 0 not due, 1 right so far, 2 wrong.
    group: State,
    each: Vec<State>,
    unmanaged_ms: Vec<Option<u64>>,
    command_ms: u64,
    recover_ms: u64,
    period_ms: u64,
    /// When a state must be looked at though nothing changes.
    due_ms: u64,
    outage: Option<Before>,
    recovers: Option<Recovers>,
    pub(super) fallback: Tally,
    pub(super) unmanaged: Tally,
    pub(super) recovery: Tally,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    NotDue,
    Right,
    Wrong,
}

/// What was given before an outage, and at which load.
#[derive(Clone, Copy)]
struct Before {
    given_ma: i64,
    wants: usize,
    base_a: [f64; 3],
}

struct Recovers {
    before: Before,
    from_ms: u64,
}

impl<'a> Outages<'a> {
    pub(super) fn new(scenario: &'a Scenario, times: &Times) -> Outages<'a> {
        let count = scenario.chargers.len();
        Outages {
            scenario,
            alone_ms: vec![None; count],
            group: State::default(),
            each: vec![State::default(); count],
            unmanaged_ms: vec![None; count],
            command_ms: times.command,
            recover_ms: RECOVERY_MS + times.react,
            period_ms: scenario.site.currents_every_ms,
            due_ms: 0,
            outage: None,
            recovers: None,
            fallback: Tally::default(),
            unmanaged: Tally::default(),
            recovery: Tally::default(),
        }
    }

    /// From `from_ms` until now everything flowed as the view says.
    pub(super) fn pass(
        &mut self,
        from_ms: u64,
        changed: bool,
        plant: &Plant,
        view: &View,
        known: &Knowledge<'_>,
    ) {
        let to_ms = plant.t_ms();
        if !changed && to_ms <= self.due_ms {
            return;
        }
        self.due_ms = u64::MAX;
        for (at, seen) in view.chargers.iter().enumerate() {
            // A charger that starts again is alone for as long as it is down, and draws nothing.
            if seen.hears {
                self.alone_ms[at] = None;
            } else if self.alone_ms[at].is_none() {
                self.alone_ms[at] = Some(from_ms);
            }
            let draws_unmanaged = seen.heeds && seen.drawn_ma > 0 && !seen.managed;
            if draws_unmanaged {
                self.unmanaged_ms[at].get_or_insert(from_ms);
            } else {
                self.managed(from_ms, at);
            }
            if seen.drawn_ma > 0 {
                self.unmanaged.judged += 1;
            }
        }
        self.group(to_ms, view, known);
        for at in 0..self.each.len() {
            self.one(to_ms, at, view, known);
        }
        self.recover(from_ms, to_ms, plant, view);
    }

    /// A charger is managed again, or draws nothing.
    fn managed(&mut self, t_ms: u64, at: usize) {
        let Some(since_ms) = self.unmanaged_ms[at].take() else { return };
        let lasted_ms = t_ms - since_ms;
        if lasted_ms > UNMANAGED_MS {
            let name = &self.scenario.chargers[at].name;
            self.unmanaged.wrong(|| {
                format!(
                    "{name} charges from {} on for {} with neither a lease nor an offline limit",
                    seconds(since_ms),
                    seconds(lasted_ms)
                )
            });
        }
    }

    /// Readings are missing: what all draw together is bounded.
    fn group(&mut self, to_ms: u64, view: &View, known: &Knowledge<'_>) {
        let due_ms = known.heard_ms.unwrap_or(0) + self.period_ms + FALLBACK_MS + self.command_ms;
        if to_ms <= due_ms {
            self.due_ms = self.due_ms.min(due_ms);
            self.judged(None);
            return;
        }
        if self.group == State::Wrong {
            return;
        }
        self.group = State::Right;
        let mut sums = [Phasor::default(); 3];
        for seen in view.chargers.iter().filter(|seen| seen.heeds) {
            let a = seen.drawn_ma.min(seen.offered_ma) as f64 / 1000.0;
            for (sum, unit) in sums.iter_mut().zip(seen.lines) {
                *sum = Phasor { re: sum.re + unit.re * a, im: sum.im + unit.im * a };
            }
        }
        let limit_ma = known.site.group.max_offline_ma;
        let most = sums.map(magnitude).into_iter().fold(0.0, f64::max);
        if most > limit_ma as f64 / 1000.0 + ROUNDING_A {
            self.group = State::Wrong;
            let last = known.heard_ms.map_or("no reading has ever come".into(), |heard_ms| {
                format!("the last reading came at {}", seconds(heard_ms))
            });
            self.fallback.wrong(|| {
                format!(
                    "at {} cars draw {most:.1} A on one line, expected at most {} offline: {last}",
                    seconds(to_ms),
                    amperes(limit_ma)
                )
            });
        }
    }

    /// A charger hears nobody: what it draws is bounded.
    fn one(&mut self, to_ms: u64, at: usize, view: &View, known: &Knowledge<'_>) {
        let seen = &view.chargers[at];
        let Some(alone_ms) = self.alone_ms[at].filter(|_| seen.heeds) else {
            self.judged(Some(at));
            return;
        };
        let due_ms = alone_ms + FALLBACK_MS + self.command_ms;
        if to_ms <= due_ms {
            self.due_ms = self.due_ms.min(due_ms);
            return;
        }
        if self.each[at] == State::Wrong {
            return;
        }
        self.each[at] = State::Right;
        let told = known.statuses[at].and_then(|status| status.offline_ma);
        let told = told.or(known.site.chargers.get(at).and_then(|charger| charger.offline_ma));
        let limit_ma = told.unwrap_or(known.site.group.max_offline_ma / self.each.len() as i64);
        let drawn_ma = seen.drawn_ma.min(seen.offered_ma);
        if drawn_ma > limit_ma {
            self.each[at] = State::Wrong;
            let name = &self.scenario.chargers[at].name;
            self.fallback.wrong(|| {
                format!(
                    "at {} the car at {name} draws {}, expected at most {}: it hears nobody since {}",
                    seconds(to_ms),
                    amperes(drawn_ma),
                    amperes(limit_ma),
                    seconds(alone_ms)
                )
            });
        }
    }

    /// An outage is over, of the readings or of a charger.
    fn judged(&mut self, charger: Option<usize>) {
        let state = match charger {
            None => &mut self.group,
            Some(at) => &mut self.each[at],
        };
        if std::mem::take(state) == State::Right {
            self.fallback.right();
        }
    }

    /// A link breaks (the first of them), or the last that was broken works again.
    pub(super) fn link(&mut self, t_ms: u64, up: bool, plant: &Plant, view: &View) {
        if up {
            self.recovers = self.outage.take().map(|before| Recovers { before, from_ms: t_ms });
        } else {
            let given_ma = view.chargers.iter().map(super::view::Seen::given_ma).sum();
            let wants = view.chargers.iter().filter(|seen| seen.wants).count();
            self.outage = Some(Before { given_ma, wants, base_a: plant.base_amperes(0) });
            self.recovers = None;
        }
    }

    /// Something else has happened: what was given before is no measure any more.
    pub(super) fn disturbed(&mut self) {
        self.outage = None;
        self.recovers = None;
    }

    fn recover(&mut self, from_ms: u64, to_ms: u64, plant: &Plant, view: &View) {
        let Some(recovers) = &self.recovers else { return };
        let before = recovers.before;
        let wants = view.chargers.iter().filter(|seen| seen.wants).count();
        let more =
            plant.base_amperes(0).into_iter().zip(before.base_a).any(|(now, then)| now > then + SAME_A);
        if more || wants != before.wants || before.given_ma == 0 {
            self.recovers = None;
            return;
        }
        let given_ma: i64 = view.chargers.iter().map(super::view::Seen::given_ma).sum();
        let due_ms = recovers.from_ms + self.recover_ms;
        if given_ma * 10 >= before.given_ma * 9 && from_ms <= due_ms {
            self.recovery.right();
            self.recovers = None;
        } else if to_ms > due_ms {
            let since = recovers.from_ms;
            self.recovery.wrong(|| {
                format!(
                    "everything works again since {}, and at {} cars are given {} in sum, before it was {}",
                    seconds(since),
                    seconds(due_ms),
                    amperes(given_ma),
                    amperes(before.given_ma)
                )
            });
            self.recovers = None;
        } else {
            self.due_ms = self.due_ms.min(due_ms);
        }
    }

    pub(super) fn ended(&mut self, t_ms: u64) {
        self.judged(None);
        for at in 0..self.each.len() {
            self.judged(Some(at));
            self.managed(t_ms, at);
        }
    }
}
