//! How much room there is: one row for each line of each circuit and of the supply (balancing, section 5b, step 3).
//!
//! The supply has a margin, because the house changes between two readings; a circuit has none, because nobody but
//! the chargers is on it. The margin is the larger of 1 A and 4 %, and so much more that the fuse outlasts a step of
//! the house that comes just after a reading (balancing, section 2.3).

use super::Context;
use super::allocate::{Problem, Row};
use super::book::Entry;
use super::layout::{Lines, ONE, Terminals};
use super::mutation::Mutation;
use num_complex::Complex64;

/// From what is measured to a car that draws less, apart from the wait for the reading, milliseconds: a telegram, two
/// links, a charger and a car.
const REACT_MS: u64 = 6_000;
/// Part of the heat that melts a fuse which a step may bring.
const HEAT: f64 = 0.99;
/// No more of the supply than this is kept for steps.
const MARGIN_PART: f64 = 0.15;
/// The gG lower gate: a fuse that holds 1.25 times its rating may melt when a first-order heat with this time constant
/// reaches 1.25² (balancing, section 2.3). Rating in amperes, seconds.
const GATES: [(i64, f64); 10] = [
    (16, 21.8),
    (20, 22.9),
    (25, 22.3),
    (32, 29.9),
    (40, 30.8),
    (50, 34.8),
    (63, 36.0),
    (80, 41.0),
    (100, 48.7),
    (125, 46.4),
];
/// The square of 1.25.
const MELTS: f64 = 1.5625;

/// The larger of 1 A and 4 %, milliamperes.
pub(super) fn least_ma(supply_ma: i64) -> i64 {
    (supply_ma / 25).max(1_000)
}

/// What is kept free of the supply, milliamperes.
///
/// A list of power alone does not help: what another line sheds at the same moment hides a step from it.
pub(super) fn margin_ma(supply_ma: i64, step_ma: i64, currents_every_ms: u64) -> i64 {
    let least = least_ma(supply_ma);
    let most = ((supply_ma as f64 * MARGIN_PART) as i64).max(least);
    let gate = GATES.iter().rfind(|(rated, _)| rated * 1000 <= supply_ma).unwrap_or(&GATES[0]);
    let decay = libm::exp(-((currents_every_ms + REACT_MS) as f64) / 1000.0 / gate.1);
    let survives = |margin: i64| {
        let part = |ma: i64| (ma as f64 / supply_ma as f64) * (ma as f64 / supply_ma as f64);
        let (before, after) = (part(supply_ma - margin), part(supply_ma - margin + step_ma));
        after - (after - before) * decay <= HEAT * MELTS
    };
    (least..most).step_by(100).find(|margin| survives(*margin)).unwrap_or(most)
}

/// How a charger is looked at: as it is, or as it would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Modes {
    /// On the terminals that it uses.
    AsIs,
    /// All that can switch use one.
    One,
    /// All that can switch use three.
    Three,
}

/// Makes rows and asks. Every charger has an ask under its own number; one that cannot be served has a `max` of 0.
pub(super) fn build(problem: &mut Problem, context: &Context<'_>, modes: Modes) {
    problem.clear();
    rows(problem, context);
    for (charger, entry) in context.book.iter().enumerate() {
        let terminals = terminals(context, charger, entry, modes);
        let first = problem.touches.len();
        let (min, max) = bounds(context, charger, entry);
        let asks = max >= min && max > 0;
        if entry.link_up && (asks || entry.allowed_ma() > 0) {
            touch(problem, context, charger, terminals);
        }
        let (min, max) = if asks { (min, max) } else { (0, 0) };
        problem.push_ask(min as f64, max as f64, context.layout.site.chargers[charger].priority, first);
    }
}

fn terminals(context: &Context<'_>, charger: usize, entry: &Entry, modes: Modes) -> Terminals {
    let wired = context.layout.wired(charger);
    let switches = context.layout.site.chargers[charger].switches && wired != ONE;
    match modes {
        Modes::One if switches => ONE,
        Modes::Three if switches => entry.used.unwrap_or(wired),
        _ => entry.terminals(wired),
    }
}

/// Least and most that a charger may be given, in its steps; the most is 0 when it cannot be served.
fn bounds(context: &Context<'_>, charger: usize, entry: &Entry) -> (i64, i64) {
    let settings = &context.layout.site.chargers[charger];
    let step = settings.step_ma;
    let min = (settings.min_ma.max(context.layout.site.group.min_ma) + step - 1) / step * step;
    let ready = entry.offline_held
        || entry.told.ma > 0
        || context.now.mutation == Some(Mutation::IgnoresOfflineLimits);
    if !entry.wants() || !entry.link_up || !ready {
        return (min, 0);
    }
    if entry.disobeys() && entry.told.ma > 0 {
        // What it takes above its limit is a load already; were the limit lowered, that load would only grow.
        return (entry.told.ma, entry.told.ma);
    }
    let most = settings.max_ma.min(entry.status.map_or(0, |status| status.max_ma));
    let most = if context.now.alone { most.min(entry.offline.0) } else { most };
    let wanted =
        entry.wanted_ma().map_or(most, |wanted| ((wanted + step - 1) / step * step).max(min).min(most));
    // What may not be raised cannot get more than it has.
    let may = if context.now.raises { wanted } else { wanted.min(entry.told.ma) };
    (min, may / step * step)
}

fn touch(problem: &mut Problem, context: &Context<'_>, charger: usize, terminals: Terminals) {
    let layout = context.layout;
    let lines = layout.lines;
    let load = layout.load(charger, terminals);
    for circuit in layout.path(charger) {
        push(problem, circuit * lines, &load, lines, false);
    }
    let mut row = layout.site.circuits.len() * lines;
    if context.now.supply {
        for _ in 0..context.base.count.max(1) {
            push(problem, row, &load, lines, layout.three_wire && context.base.count == 0);
            row += lines;
        }
    }
    if context.now.power_w.is_some() {
        problem.touches.push((row, Complex64::new(f64::from(terminals.count_ones()), 0.0)));
    }
}

fn push(problem: &mut Problem, first: usize, load: &Lines, lines: usize, magnitudes: bool) {
    for (line, share) in load[..lines].iter().enumerate() {
        if share.norm_sqr() > 1e-12 {
            let magnitude = Complex64::new(share.norm_sqr().sqrt(), 0.0);
            problem.touches.push((first + line, if magnitudes { magnitude } else { *share }));
        }
    }
}

/// Circuits, then the supply in each of its places, then the power.
fn rows(problem: &mut Problem, context: &Context<'_>) {
    let layout = context.layout;
    let lines = layout.lines;
    for (at, circuit) in layout.site.circuits.iter().enumerate() {
        let cap = match (at, context.now.mutation) {
            (0, _) => circuit.limit_ma.min(context.now.group_ma),
            (_, Some(Mutation::IgnoresCircuits)) => i64::MAX / 4,
            _ => circuit.limit_ma,
        };
        for _ in 0..lines {
            problem.rows.push(Row::new(layout.three_wire, Complex64::ZERO, cap as f64));
        }
    }
    if context.now.supply {
        supply(problem, context);
    }
    if let Some(watts) = context.now.power_w {
        let per_ma = context.now.volts / 1000.0;
        let base = context.base.watts.unwrap_or(0.0).max(0.0);
        problem.rows.push(Row::scalar(base / per_ma, watts as f64 / per_ma));
    }
    for (charger, entry) in context.book.iter().enumerate() {
        uncontrolled(problem, context, charger, entry);
    }
}

fn supply(problem: &mut Problem, context: &Context<'_>) {
    let (base, lines) = (context.base, context.layout.lines);
    let cap = |line: usize| {
        context.now.line_ma as f64
            - context.now.bump_ma
            - base.above(context.now.t_ms, line)
            - base.margin_ma[line]
    };
    let first = problem.rows.len();
    for place in &base.places[..base.count] {
        for (line, load) in place.iter().enumerate() {
            problem.rows.push(Row::new(true, *load, cap(line)));
        }
    }
    if base.count == 0 {
        // What the group may draw without a meter it may draw on a line that the meter does not say.
        let unsaid = context.layout.site.group.max_offline_ma as f64;
        for line in 0..lines {
            problem.rows.push(match base.line_ma[line] {
                Some(ma) if !base.unsaid[line] || cap(line) - ma > unsaid => Row::scalar(ma, cap(line)),
                // L2 of a balancer that does not look at it.
                None if context.now.mutation == Some(Mutation::ScalarIt) => Row::scalar(0.0, f64::MAX),
                _ => Row::scalar(0.0, unsaid),
            });
        }
    }
    for (at, row) in problem.rows[first..].iter_mut().enumerate() {
        (row.slack, row.keep) = (context.now.slack_ma, context.now.keep_ma);
        row.peak = base.above(context.now.t_ms, at % lines);
    }
}

/// What cannot be lowered: the excess of a charger, and all that one draws which cannot be reached. The meter sees the
/// excess as part of the house, circuits do not.
fn uncontrolled(problem: &mut Problem, context: &Context<'_>, charger: usize, entry: &Entry) {
    let layout = context.layout;
    let lines = layout.lines;
    let excess = entry.excess_ma(context.now.t_ms);
    if excess != [0; 3] {
        let load = layout.drawn(charger, excess.map(|ma| ma as f64));
        for circuit in layout.path(charger) {
            add(problem, circuit * lines, &load[..lines], false);
        }
        if !layout.site.chargers_included && context.now.supply {
            let count = context.base.count.max(1);
            for place in 0..count {
                let first = (layout.site.circuits.len() + place) * lines;
                add(problem, first, &load[..lines], context.base.count == 0);
            }
        }
    }
    if !entry.link_up && entry.allowed_ma() > 0 {
        let first = problem.touches.len();
        touch(problem, context, charger, entry.terminals(layout.wired(charger)));
        let ma = entry.allowed_ma() as f64;
        for (row, share) in problem.touches.drain(first..) {
            problem.rows[row].load += share * ma;
        }
    }
}

fn add(problem: &mut Problem, first: usize, load: &[Complex64], magnitudes: bool) {
    for (line, ma) in load.iter().enumerate() {
        let magnitude = Complex64::new(ma.norm_sqr().sqrt(), 0.0);
        problem.rows[first + line].load += if magnitudes { magnitude } else { *ma };
    }
}
