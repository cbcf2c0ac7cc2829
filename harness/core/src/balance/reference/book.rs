//! What is known of each charger: what it said, what it was told, and what it may draw by that.
//!
//! A charger reports every few seconds and a car follows its pilot a few seconds late, so at the moment of a reading
//! the draw is often not a number but an interval. [`Entry::draw`] gives both ends; it is the caller who decides which
//! of them is safe. Nothing here looks at the meter.

use super::layout::{ONE, THREE, Terminals};
use crate::balance::{Doing, Status};

/// A command, a charger and a car take no longer than this together: a report that came so long after the last change
/// shows where it led. Milliseconds.
pub(super) const SETTLE_MS: u64 = 8_000;
/// A car follows its pilot within 5 s (balancing, section 2.1), and a second is for the report. Milliseconds.
const FOLLOW_MS: u64 = 6_000;
/// A charger that was silent for so long, or for half as long again as it usually is, may be drawing anything it was
/// allowed, or nothing. Milliseconds.
const SILENT_MS: u64 = 12_000;
/// A reading of the meter is about so old when it comes, milliseconds.
const RECENT_MS: u64 = 3_000;
/// How long a command takes to show in a report, milliseconds.
const OBEY_MS: u64 = 4_000;
/// What a draw may be over the limit before it is over, milliamperes.
const TOLERANCE_MA: i64 = 500;
/// A terminal that carries less carries nothing, milliamperes.
pub(super) const NOTHING_MA: i64 = 500;
/// How long the excess of a charger is remembered, milliseconds.
const EXCESS_MS: u64 = 60_000;
/// A draw that stays so long below what is offered is all that the car wants, milliseconds.
const CONTENT_MS: u64 = 60_000;
/// What a car that wants no more is offered above its draw, milliamperes.
const SPARE_MA: i64 = 500;

/// What a charger was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Told {
    /// Limit, milliamperes.
    pub ma: i64,
    /// Terminals: 1 or 3.
    pub phases: u8,
    /// When this limit was told first.
    pub at_ms: u64,
    /// When it ends if it is not told again.
    pub until_ms: u64,
    /// When it was told last.
    pub renewed_ms: u64,
}

/// The ends of what may flow through each terminal, milliamperes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Draw {
    pub low: [i64; 3],
    pub high: [i64; 3],
    /// The two are the same.
    pub settled: bool,
    /// It has not been heard for long.
    pub silent: bool,
}

/// What the car was found to want.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Appetite {
    /// As much as it gets.
    #[default]
    All,
    /// It has stayed below its offer since then, and drew so much at most.
    Less { since_ms: u64, drew_ma: i64 },
    /// It is offered this much, and drew `drew_ma` when it was offered more. `sure`: it still does.
    Up { to_ma: i64, drew_ma: i64, sure: bool },
    /// It draws a part of whatever it is offered.
    Part,
}

/// What is known of one charger.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The newest report.
    pub status: Option<Status>,
    /// When it came.
    pub heard_ms: u64,
    /// Its link is not known to be down.
    pub link_up: bool,
    /// It has restarted and has to be told everything again.
    pub restarted: bool,
    /// The last limit.
    pub told: Told,
    /// A larger limit that it may still follow, and until when.
    pub held: Option<Told>,
    /// The offline limit that it is to have, and its line.
    pub offline: (i64, Option<u8>),
    /// When that was told last.
    pub offline_told_ms: Option<u64>,
    /// It has said that it holds it.
    pub offline_held: bool,
    /// Terminals that the car uses, as far as seen.
    pub used: Option<Terminals>,
    /// What it was seen to draw above its limit, and when.
    excess: ([i64; 3], u64),
    before_ma: [i64; 3],
    changed_ms: u64,
    /// When what it offers changed last.
    offered_ms: u64,
    /// Between its two newest reports.
    gap_ms: u64,
    appetite: Appetite,
}

impl Default for Entry {
    fn default() -> Entry {
        Entry {
            status: None,
            heard_ms: 0,
            link_up: true,
            restarted: false,
            told: Told::default(),
            held: None,
            offline: (0, None),
            offline_told_ms: None,
            offline_held: false,
            used: None,
            excess: ([0; 3], 0),
            before_ma: [0; 3],
            changed_ms: 0,
            offered_ms: 0,
            gap_ms: 0,
            appetite: Appetite::All,
        }
    }
}

impl Entry {
    /// Takes a report. True when it changes what should be done now.
    pub fn hear(&mut self, t_ms: u64, status: &Status) -> bool {
        let old = self.status.replace(*status);
        let same = |old: &Status| {
            (old.doing, old.phases, old.max_ma, old.offline_ma)
                == (status.doing, status.phases, status.max_ma, status.offline_ma)
        };
        let news = !old.as_ref().is_some_and(same);
        let offers = old.is_none_or(|old| old.offered_ma != status.offered_ma);
        if news || offers {
            self.changed_ms = t_ms;
        }
        if offers {
            self.offered_ms = t_ms;
        }
        if old.is_some_and(|old| status.boots > old.boots) {
            self.restarted = true;
            self.offline_told_ms = None;
            self.changed_ms = t_ms;
        }
        self.before_ma = old.map_or(status.i_ma, |old| old.i_ma);
        self.gap_ms = t_ms.saturating_sub(self.heard_ms).max(self.gap_ms / 2);
        self.heard_ms = t_ms;
        self.link_up = true;
        self.offline_held = status.offline_ma == Some(self.offline.0);
        if status.doing == Doing::Unplugged {
            (self.used, self.appetite) = (None, Appetite::All);
        }
        let most = status.i_ma.into_iter().max().unwrap_or(0);
        let follows = status.offered_ma <= self.told.ma && most <= self.told.ma + TOLERANCE_MA;
        if t_ms > self.told.at_ms && (follows || self.is_settled()) && !self.restarted {
            self.held = None;
        }
        if self.is_settled() {
            self.settle(t_ms, status);
        }
        news || self.restarted
    }

    /// The report shows where everything led.
    fn settle(&mut self, t_ms: u64, status: &Status) {
        let over = status.i_ma.map(|ma| (ma - self.told.ma).max(0));
        let old = self.excess_ma(t_ms);
        self.excess = ([0, 1, 2].map(|at| over[at].max(old[at])), t_ms);
        let flows = [0, 1, 2].map(|at| u8::from(status.i_ma[at] > NOTHING_MA) << at);
        let used = flows[0] | flows[1] | flows[2];
        if used != 0 && status.phases == 3 {
            self.used = Some(used | self.used.unwrap_or(0));
        }
        self.taste(t_ms, status);
    }

    /// Finds out whether the car wants less than it is offered.
    fn taste(&mut self, t_ms: u64, status: &Status) {
        let drew_ma = status.i_ma.into_iter().max().unwrap_or(0);
        let offered_ma = status.offered_ma;
        if status.doing != Doing::Charging || offered_ma == 0 {
            return;
        }
        let below = drew_ma < offered_ma * 9 / 10 - 300;
        self.appetite = match self.appetite {
            Appetite::Part => Appetite::Part,
            Appetite::All if below => Appetite::Less { since_ms: t_ms, drew_ma },
            Appetite::Less { since_ms, drew_ma: most } if below => {
                let drew_ma = drew_ma.max(most);
                if t_ms >= since_ms + CONTENT_MS {
                    Appetite::Up { to_ma: drew_ma + SPARE_MA, drew_ma, sure: false }
                } else {
                    Appetite::Less { since_ms, drew_ma }
                }
            }
            Appetite::All | Appetite::Less { .. } => Appetite::All,
            // It was offered less and drew less: that is no appetite but a part of what it is offered.
            Appetite::Up { to_ma, drew_ma: before, sure: false }
                if offered_ma <= to_ma.max(before) + 1_000 =>
            {
                if drew_ma < before - 400 {
                    Appetite::Part
                } else {
                    Appetite::Up { to_ma, drew_ma: before, sure: true }
                }
            }
            Appetite::Up { to_ma, drew_ma: before, sure } => {
                if drew_ma > offered_ma - 200 && offered_ma + 1_000 > to_ma {
                    Appetite::All
                } else if below {
                    Appetite::Less { since_ms: t_ms, drew_ma }
                } else {
                    Appetite::Up { to_ma, drew_ma: before, sure }
                }
            }
        };
    }

    /// Most that the car was found to want, milliamperes.
    pub fn wanted_ma(&self) -> Option<i64> {
        match self.appetite {
            Appetite::Up { to_ma, .. } => Some(to_ma),
            _ => None,
        }
    }

    /// It is told a limit.
    pub fn tell(&mut self, t_ms: u64, ma: i64, phases: u8, until_ms: u64) {
        if (ma, phases) == (self.told.ma, self.told.phases) && !self.restarted {
            (self.told.until_ms, self.told.renewed_ms) = (until_ms, t_ms);
            return;
        }
        let old = self.told;
        let larger = old.ma > ma || (old.ma > 0 && old.phases != phases);
        if larger && self.held.is_none_or(|held| held.ma <= old.ma) {
            self.held = Some(old);
        }
        self.told = Told { ma, phases, at_ms: t_ms, until_ms, renewed_ms: t_ms };
        self.changed_ms = t_ms;
    }

    /// A lease is over that nobody renewed: it falls to its offline limit.
    pub fn lapse(&mut self, t_ms: u64, most_ma: i64) {
        self.held = self.held.filter(|held| held.until_ms > t_ms);
        // It counts from when it heard, which was later.
        if t_ms < self.told.until_ms.saturating_add(OBEY_MS) || self.told.until_ms == 0 {
            return;
        }
        let ma = if self.offline_held { self.offline.0 } else { most_ma };
        if ma != self.told.ma {
            self.told.ma = ma;
            self.changed_ms = t_ms;
        }
        if let Some(status) = &mut self.status {
            status.offered_ma = status.offered_ma.min(ma);
        }
    }

    /// A car is there that would charge.
    pub fn wants(&self) -> bool {
        self.status.is_some_and(|status| matches!(status.doing, Doing::Waiting | Doing::Charging))
    }

    /// The most that it may draw: by what it was told, and by what it offers while that has not settled.
    pub fn allowed_ma(&self) -> i64 {
        let held = self.held.map_or(self.told.ma, |held| held.ma.max(self.told.ma));
        let offered = self.status.filter(|_| !self.is_settled()).map_or(0, |status| status.offered_ma);
        held.max(offered)
    }

    /// It uses or may still use three terminals, whatever it was told last.
    pub fn is_on_three(&self) -> bool {
        self.status.is_none_or(|status| status.phases == 3) || self.told.phases == 3
    }

    /// Terminals that a limit loads. Until it is seen which the car uses: all that it may.
    pub fn terminals(&self, wired: Terminals) -> Terminals {
        match self.used {
            _ if wired == ONE || !self.is_on_three() => ONE,
            Some(used) => used,
            None => THREE,
        }
    }

    fn is_settled(&self) -> bool {
        self.link_up && self.heard_ms >= self.changed_ms + SETTLE_MS
    }

    /// What flows, as far as known at `t_ms`. What it takes above its limit is not part of it: that is a load like
    /// any other, and nobody can lower it.
    pub fn draw(&self, t_ms: u64) -> Draw {
        let Some(status) = self.status else { return Draw { settled: true, ..Draw::default() } };
        let silent = !self.link_up || t_ms > self.heard_ms + SILENT_MS.max(self.gap_ms * 3 / 2);
        if self.is_settled() && !silent {
            let ma = status.i_ma.map(|ma| ma.min(self.told.ma));
            return Draw { low: ma, high: ma, settled: true, silent };
        }
        let most = status.max_ma.max(0);
        let (now, before) = (status.i_ma, self.before_ma);
        let mut draw = Draw { silent, ..Draw::default() };
        // It offers no more than it was told, and the car has had its time: what it drew before is over.
        let followed = status.offered_ma <= self.told.ma && t_ms >= self.offered_ms + FOLLOW_MS && !silent;
        let (now, before) = if followed {
            (now.map(|ma| ma.min(self.told.ma)), now.map(|ma| ma.min(self.told.ma)))
        } else {
            (now, before)
        };
        let recent = t_ms <= self.heard_ms + RECENT_MS;
        let top = if followed { self.told.ma } else { self.allowed_ma() };
        for at in 0..3 {
            // A report as young as the reading shows what there was of the last limit then.
            let low = now[at].min(before[at]).min(if recent { i64::MAX } else { self.told.ma });
            draw.low[at] = if silent { 0 } else { low };
            let may = self.used.unwrap_or(THREE) >> at & 1 == 1;
            // No more than is kept free for it: base and limits together have to come to what the meter shows.
            draw.high[at] = now[at].max(before[at]).max(if may { most } else { 0 }).min(top);
            draw.low[at] = draw.low[at].min(draw.high[at]);
        }
        draw.settled = draw.low == draw.high;
        draw
    }

    /// What each terminal takes above its limit, milliamperes. Sinks over a minute.
    pub fn excess_ma(&self, t_ms: u64) -> [i64; 3] {
        let left_ms = EXCESS_MS.saturating_sub(t_ms.saturating_sub(self.excess.1)) as i64;
        self.excess.0.map(|ma| ma * left_ms / EXCESS_MS as i64)
    }

    /// It offers more than it was told, though it had time: perhaps it did not hear.
    pub fn is_above_told(&self) -> bool {
        let had_time = self.heard_ms >= self.told.at_ms + OBEY_MS;
        had_time && self.status.is_some_and(|status| status.offered_ma > self.told.ma)
    }

    /// It has drawn much more than it was told, though it had time.
    pub fn disobeys(&self) -> bool {
        let limit_ma = self.allowed_ma();
        let most = self.status.map_or(0, |status| status.i_ma.into_iter().max().unwrap_or(0));
        self.is_settled() && most > limit_ma + (limit_ma * 12 / 100).max(1_500)
    }
}
