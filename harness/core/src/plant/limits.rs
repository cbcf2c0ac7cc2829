//! What a charger may offer at a time: the last limit and its lease, the standing offline limit, the link, and what a
//! restart leaves of them (balancing, sections 2.1 and 2.4, B-53 to B-66).

use super::charger::ChargerSettings;
use std::collections::VecDeque;

/// What a charger is told, on its way to the pilot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Limit(Limit),
    Offline { current_ma: i64, phase: Option<u8> },
}

/// A limit and when its lease ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Limit {
    current_ma: i64,
    phases: u8,
    /// `None`: never.
    until_ms: Option<u64>,
}

/// What became of the last limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// There was none since the start.
    Never,
    Live(Limit),
    /// Its lease is over.
    Ended,
}

/// What may be offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Allowed {
    /// Milliamperes as told, neither rounded nor bounded; `None`: nothing, whatever the charger makes of 0.
    pub(super) current_ma: Option<i64>,
    /// The one terminal to use, from 0; `None`: all that are wired.
    pub(super) terminal: Option<usize>,
}

/// The limits of one charger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Limits {
    under_way: VecDeque<(u64, Order)>,
    told: Told,
    offline_ma: Option<i64>,
    offline_phase: Option<u8>,
    /// Since when the link is down.
    lost_at: Option<u64>,
    /// The link has been down for long enough to know.
    alone: bool,
    stand_alone: bool,
}

impl Limits {
    pub(super) fn new(settings: &ChargerSettings) -> Limits {
        Limits {
            under_way: VecDeque::new(),
            told: Told::Never,
            offline_ma: settings.offline_ma,
            offline_phase: settings.offline_phase,
            lost_at: None,
            alone: false,
            stand_alone: settings.stand_alone,
        }
    }

    /// The lease counts from the command, not from when the charger gets round to it.
    pub(super) fn limit(&mut self, due_ms: u64, current_ma: i64, phases: u8, until_ms: u64) {
        let limit = Limit { current_ma, phases, until_ms: Some(until_ms) };
        self.under_way.push_back((due_ms, Order::Limit(limit)));
    }

    pub(super) fn offline(&mut self, due_ms: u64, current_ma: i64, phase: Option<u8>) {
        self.under_way.push_back((due_ms, Order::Offline { current_ma, phase }));
    }

    pub(super) fn link(&mut self, t_ms: u64, up: bool) {
        if up {
            self.lost_at = None;
            self.alone = false;
        } else if self.lost_at.is_none() {
            self.lost_at = Some(t_ms);
        }
    }

    pub(super) fn set_stand_alone(&mut self, on: bool) {
        self.stand_alone = on;
    }

    /// A restart forgets the limit and what was under way, and keeps the offline limit.
    pub(super) fn restart(&mut self, settings: &ChargerSettings) {
        self.under_way.clear();
        self.told = settings.resets_to_ma.map_or(Told::Never, |current_ma| {
            Told::Live(Limit { current_ma, phases: settings.phases, until_ms: None })
        });
    }

    /// A new charger in the place of the old one knows nothing, its offline limit neither. The link stays as it is.
    pub(super) fn replace(&mut self, settings: &ChargerSettings) {
        let nothing_told = Limits { offline_ma: None, offline_phase: None, ..Limits::new(settings) };
        *self = Limits { lost_at: self.lost_at, alone: self.alone, ..nothing_told };
    }

    pub(super) fn link_is_up(&self) -> bool {
        self.lost_at.is_none()
    }

    pub(super) fn stands_alone(&self) -> bool {
        self.stand_alone
    }

    /// A limit without an end is nobody's lease: a restart leaves one, or somebody else set it.
    pub(super) fn are_managed(&self) -> bool {
        match self.told {
            Told::Live(limit) if limit.until_ms.is_some_and(|until| until < u64::MAX) => true,
            Told::Live(_) => self.alone && self.offline_ma.is_some(),
            Told::Never | Told::Ended => self.offline_ma.is_some(),
        }
    }

    pub(super) fn offline_ma(&self) -> Option<i64> {
        self.offline_ma
    }

    pub(super) fn next_timeout(&self, settings: &ChargerSettings) -> Option<u64> {
        let order = self.under_way.front().map(|(due, _)| *due);
        let lease = match self.told {
            Told::Live(limit) => limit.until_ms,
            Told::Never | Told::Ended => None,
        };
        let lost =
            self.lost_at.filter(|_| !self.alone).map(|at| at.saturating_add(settings.offline_after_ms));
        [order, lease, lost].into_iter().flatten().min()
    }

    pub(super) fn timeout(&mut self, settings: &ChargerSettings, t_ms: u64) {
        while let Some((_, order)) = self.under_way.front().copied().filter(|(due, _)| *due <= t_ms) {
            self.under_way.pop_front();
            match order {
                Order::Limit(limit) => self.told = Told::Live(limit),
                Order::Offline { current_ma, phase } => {
                    self.offline_ma = Some(current_ma);
                    self.offline_phase = phase;
                }
            }
        }
        if matches!(self.told, Told::Live(Limit { until_ms: Some(until), .. }) if until <= t_ms) {
            self.told = Told::Ended;
        }
        self.alone = self.lost_at.is_some_and(|at| at.saturating_add(settings.offline_after_ms) <= t_ms);
    }

    /// What may be offered now.
    ///
    /// Without its link a charger holds its offline limit (B-57). When a lease ends it does so too, and with none it
    /// goes to its maximum: a TTL that falls back to it (field bug B12), and OCPP 1.6, section 3.13, "as if no
    /// constraints apply".
    pub(super) fn allowed(&self, settings: &ChargerSettings) -> Allowed {
        let unmanaged = Allowed { current_ma: Some(settings.max_ma), terminal: None };
        if self.stand_alone || settings.ignores_limits {
            return unmanaged;
        }
        let offline = self.offline_ma.map(|current_ma| Allowed {
            current_ma: Some(current_ma),
            terminal: self.offline_phase.and_then(|phase| settings.terminal_on(phase)),
        });
        match (self.told, offline) {
            (_, Some(offline)) if self.alone => offline,
            (Told::Live(limit), _) => {
                let one = limit.phases == 1 && settings.can_switch();
                Allowed { current_ma: Some(limit.current_ma), terminal: one.then_some(0) }
            }
            (Told::Ended, offline) => offline.unwrap_or(unmanaged),
            (Told::Never, _) if settings.locked => Allowed { current_ma: None, terminal: None },
            (Told::Never, offline) => offline.unwrap_or(unmanaged),
        }
    }
}
