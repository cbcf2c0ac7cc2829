//! What is said to a charger, and for how long (balancing, section 5b, step 9; B-53, B-57, B-61, B-62).
//!
//! The offline limit is installed before anything may be drawn, and again after a restart. All of them together are
//! safe without a balancer. A limit holds for a minute, and one above the offline limit for no longer than a minute
//! after the reading it rests on: whatever falls silent, meter, balancer or link, the charger is at its offline limit
//! within that minute by itself.

use super::allocate::{Problem, Row};
use super::book::Entry;
use super::layout::{Layout, ONE, THREE, Terminals};
use super::mutation::Mutation;
use crate::balance::{ChargerId, Command};
use num_complex::Complex64;

/// How long a limit holds, milliseconds.
const LEASE_MS: u64 = 60_000;
/// How long before its end it is told again, milliseconds.
const RENEW_MS: u64 = 40_000;
/// An offline limit that was not confirmed is told again after so long, milliseconds.
const INSIST_MS: u64 = 10_000;
/// A limit that a charger does not follow is told again after so long, milliseconds.
const REPEAT_MS: u64 = 5_000;

/// Limits for when nobody says anything: what the fitter set, and no more than fits together under the offline limit
/// of the group and under every circuit. The line is the one that was set.
pub(super) fn offline_limits(layout: &Layout) -> Vec<(i64, Option<u8>)> {
    let lines = layout.lines;
    let mut problem = Problem::default();
    for (at, circuit) in layout.site.circuits.iter().enumerate() {
        let cap =
            if at == 0 { circuit.limit_ma.min(layout.site.group.max_offline_ma) } else { circuit.limit_ma };
        let row = Row::new(layout.three_wire, Complex64::ZERO, cap as f64);
        problem.rows.extend(std::iter::repeat_n(row, lines));
    }
    for (charger, settings) in layout.site.chargers.iter().enumerate() {
        let first = problem.touches.len();
        let load = layout.load(charger, offline_terminals(layout, charger));
        for circuit in layout.path(charger) {
            for (line, share) in
                load[..lines].iter().enumerate().filter(|(_, share)| share.norm_sqr() > 1e-12)
            {
                problem.touches.push((circuit * lines + line, *share));
            }
        }
        let step = settings.step_ma;
        let min = (settings.min_ma.max(layout.site.group.min_ma) + step - 1) / step * step;
        let max = settings.offline_ma.unwrap_or(settings.max_ma).min(settings.max_ma) / step * step;
        problem.push_ask(min as f64, max as f64, 0, first);
        if max >= min {
            problem.serve(charger);
        }
    }
    problem.fill();
    let chargers = layout.site.chargers.iter().zip(&problem.given);
    let limit = |given: f64, step: i64| (given + 1e-3) as i64 / step * step;
    chargers.map(|(settings, given)| (limit(*given, settings.step_ma), settings.offline_phase)).collect()
}

fn offline_terminals(layout: &Layout, charger: usize) -> Terminals {
    let settings = &layout.site.chargers[charger];
    if layout.wired(charger) == ONE {
        return ONE;
    }
    let line = settings.offline_phase.filter(|_| settings.switches);
    let terminal = line.and_then(|line| settings.order.iter().position(|at| *at == line));
    terminal.map_or(THREE, |terminal| 1 << terminal)
}

/// What a charger is to be told now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// Its limit, milliamperes.
    pub ma: i64,
    /// Terminals: 1 or 3.
    pub phases: u8,
    /// When currents came last.
    pub currents_ms: Option<u64>,
    /// They are fresh.
    pub fresh: bool,
}

/// Says what has to be said. True when the limit is another one than before.
pub(super) fn speak(
    t_ms: u64,
    id: ChargerId,
    entry: &mut Entry,
    wish: Wish,
    mutation: Option<Mutation>,
    commands: &mut Vec<Command>,
) -> bool {
    let offline = mutation != Some(Mutation::IgnoresOfflineLimits);
    if offline
        && !entry.offline_held
        && entry.offline_told_ms.is_none_or(|told_ms| t_ms >= told_ms + INSIST_MS)
    {
        let (current_ma, phase) = entry.offline;
        commands.push(Command::Offline { id, current_ma, phase });
        entry.offline_told_ms = Some(t_ms);
    }
    let forgets = mutation == Some(Mutation::ForgetsReboots);
    let again = entry.restarted && !forgets;
    let changed = (wish.ma, wish.phases) != (entry.told.ma, entry.told.phases) || entry.told.until_ms == 0;
    let ignored = !forgets && entry.is_above_told() && t_ms >= entry.told.renewed_ms + REPEAT_MS;
    let safe = wish.ma <= entry.offline.0 || !offline;
    // One that has ended is not told again on an old reading, not even at what it fell to: that would be a rise.
    let ended = t_ms >= entry.told.until_ms;
    let ends = t_ms + RENEW_MS >= entry.told.until_ms && (wish.fresh || safe && !ended);
    if !(again || changed || ignored || ends) {
        return false;
    }
    let ttl_ms = match (mutation, wish.currents_ms) {
        (Some(Mutation::EndlessLease), _) => u64::MAX / 2,
        (_, Some(currents_ms)) if !safe => (currents_ms + LEASE_MS).saturating_sub(t_ms).max(1_000),
        _ => LEASE_MS,
    };
    commands.push(Command::Limit { id, current_ma: wish.ma, phases: wish.phases, ttl_ms });
    entry.tell(t_ms, wish.ma, wish.phases, t_ms.saturating_add(ttl_ms));
    entry.restarted = false;
    changed
}

/// When something has to be said to this charger even if nothing happens.
pub(super) fn due(entry: &Entry) -> u64 {
    let insists = entry.offline_told_ms.filter(|_| !entry.offline_held).map(|told_ms| told_ms + INSIST_MS);
    insists.unwrap_or(u64::MAX).min(entry.told.until_ms.saturating_sub(RENEW_MS))
}
