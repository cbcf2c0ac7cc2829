//! The tables `[[load]]`: what the house draws, apart from its chargers.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `at` | – | with a neutral `L1`, `L2`, `L3`, else `L1-L2`, `L2-L3`, `L3-L1`; or `all`: each of them alike |
//! | `circuit` | `main` | where it hangs |
//! | `a` or `w` | – | amperes or watts from the start; negative feeds in |
//! | `pf` | 1 | cos φ, 0.1 to 1 |
//! | `lead` | false | the rest of the current leads |
//! | `steps` | none | `[[s, value], …]`: from then on so many amperes or watts |
//! | `every_s` | none | `steps` begin again after so many seconds |
//! | `trace`, `column` | none | a CSV file beside the scenario with `t_s` in its first column |
//! | `house` | none | a whole seeded household instead: appliances, standby, heat pump; its value is the seed |
//! | `sun_w` | 0 | `house`: panels of so many watts at noon |

use super::{Circuit, grid, milli};
use crate::balance::Grid;
use crate::plant::network::Place;
use crate::spec_file::{File, SpecError};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// What a load may be.
const AMPERES: std::ops::RangeInclusive<f64> = -4000.0..=4000.0;
const WATTS: std::ops::RangeInclusive<f64> = -1e6..=1e6;
/// Most changes of one load.
const CHANGES_MAX: usize = 1_000_000;

/// What the house draws at one place.
#[derive(Clone, PartialEq, Debug)]
pub struct Load {
    /// Circuit.
    pub circuit: usize,
    /// Between which conductors. A household is everywhere.
    pub place: Place,
    /// cos φ.
    pub pf: f64,
    /// The reactive part leads.
    pub lead: bool,
    /// How much, when.
    pub draw: Draw,
}

/// How much, when.
#[derive(Clone, PartialEq, Debug)]
pub enum Draw {
    /// From each time in milliseconds on so many milliamperes. The first time is 0.
    Steps(Vec<(u64, i64)>),
    /// A seeded household.
    House {
        /// Its seed.
        seed: u64,
        /// Watts of its panels at noon.
        sun_w: f64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLoad {
    at: Option<Spanned<String>>,
    circuit: Option<Spanned<String>>,
    a: Option<Spanned<f64>>,
    w: Option<Spanned<f64>>,
    pf: Option<Spanned<f64>>,
    lead: Option<Spanned<bool>>,
    #[serde(default)]
    steps: Vec<Spanned<[f64; 2]>>,
    every_s: Option<Spanned<f64>>,
    trace: Option<Spanned<String>>,
    column: Option<Spanned<String>>,
    house: Option<Spanned<u64>>,
    sun_w: Option<Spanned<f64>>,
}

/// What the tables are read against.
pub(super) struct Around<'a> {
    pub(super) grid: Grid,
    pub(super) volts: f64,
    pub(super) circuits: &'a [Circuit],
    pub(super) duration_ms: u64,
    pub(super) trace: &'a dyn Fn(&str) -> Result<String, String>,
}

pub(super) fn check(
    file: File<'_>,
    raw: Vec<Spanned<RawLoad>>,
    around: &Around<'_>,
) -> Result<Vec<Load>, SpecError> {
    raw.into_iter().map(|raw| one(file, raw.span(), raw.get_ref(), around)).collect()
}

fn one(file: File<'_>, span: Range<usize>, raw: &RawLoad, around: &Around<'_>) -> Result<Load, SpecError> {
    let circuit = match &raw.circuit {
        None => 0,
        Some(name) => grid::by_name(file, around.circuits, name)?,
    };
    let pf = file.number_or(raw.pf.as_ref(), "pf", 0.1..=1.0, 1.0)?;
    strays(file, raw)?;
    if let Some(seed) = &raw.house {
        if raw.at.is_some()
            || raw.a.is_some()
            || raw.w.is_some()
            || raw.trace.is_some()
            || !raw.steps.is_empty()
        {
            return Err(file.error(seed.span(), "a `house` is everywhere and draws as it likes; expected no other key but `circuit` and `sun_w`"));
        }
        let sun_w = file.number_or(raw.sun_w.as_ref(), "sun_w", 0.0..=100_000.0, 0.0)?;
        let draw = Draw::House { seed: *seed.get_ref(), sun_w };
        return Ok(Load { circuit, place: Place::All, pf, lead: false, draw });
    }
    let lead = raw.lead.as_ref().is_some_and(|lead| *lead.get_ref());
    let at = file.needed(raw.at.as_ref(), &span, "at", "where the load is connected")?;
    let place = place(file, at, around.grid)?;
    // Milliamperes of one unit of the table.
    let unit_ma = match (&raw.a, &raw.w) {
        (Some(_), Some(watts)) => {
            return Err(file.error(watts.span(), "`a` and `w` say the same; expected one of them"));
        }
        (None, Some(_)) => 1000.0 / (around.volts * pf),
        (Some(_) | None, None) => 1000.0,
    };
    let limits = if raw.w.is_some() { WATTS } else { AMPERES };
    let mut changes = Vec::new();
    let first = raw.a.as_ref().or(raw.w.as_ref());
    if let Some(value) = first {
        changes.push((0, (file.number(value, "a` or `w", limits.clone())? * unit_ma).round() as i64));
    }
    if let Some(name) = &raw.trace {
        if !raw.steps.is_empty() || first.is_some() {
            return Err(file.error(name.span(), "a `trace` says everything; expected no `a`, `w` or `steps`"));
        }
        changes = rows(file, name, raw.column.as_ref().map(Spanned::get_ref), around.volts * pf, around)?;
    } else if first.is_none() {
        return Err(file.error(span, "a load needs `a`, `w`, `trace` or `house`"));
    }
    steps(file, raw, limits, unit_ma, around.duration_ms, &mut changes)?;
    Ok(Load { circuit, place, pf, lead, draw: Draw::Steps(changes) })
}

/// Keys that mean nothing beside the others.
fn strays(file: File<'_>, raw: &RawLoad) -> Result<(), SpecError> {
    let every = raw.every_s.as_ref().map(Spanned::span);
    file.strays("a load without `steps`", [("every_s", every, !raw.steps.is_empty())])?;
    let column = raw.column.as_ref().map(Spanned::span);
    file.strays("a load without a `trace`", [("column", column, raw.trace.is_some())])?;
    let house = raw.house.is_some();
    file.strays("a load that is no `house`", [("sun_w", raw.sun_w.as_ref().map(Spanned::span), house)])?;
    let (pf, lead) = (raw.pf.as_ref().map(Spanned::span), raw.lead.as_ref().map(Spanned::span));
    file.strays("a `house`", [("pf", pf, !house), ("lead", lead, !house)])
}

fn steps(
    file: File<'_>,
    raw: &RawLoad,
    limits: std::ops::RangeInclusive<f64>,
    unit_ma: f64,
    duration_ms: u64,
    changes: &mut Vec<(u64, i64)>,
) -> Result<(), SpecError> {
    let every_ms = match &raw.every_s {
        None => duration_ms.max(1),
        Some(every) => milli(file.number(every, "every_s", 0.1..=31.0 * 86_400.0)?) as u64,
    };
    let mut last_ms = 0;
    for step in &raw.steps {
        let [at_s, value] = *step.get_ref();
        if !(0.0..=31.0 * 86_400.0).contains(&at_s) || !limits.contains(&value) {
            return Err(file.error(step.span(), format!("step [{at_s}, {value}]; expected [seconds, value]")));
        }
        let at_ms = milli(at_s) as u64;
        if at_ms < last_ms || at_ms >= every_ms && raw.every_s.is_some() {
            return Err(file.error(step.span(), "steps go forward in time, all before `every_s`"));
        }
        last_ms = at_ms;
    }
    let mut start_ms = 0;
    while start_ms < duration_ms {
        for step in &raw.steps {
            let [at_s, value] = *step.get_ref();
            let at_ms = start_ms + milli(at_s) as u64;
            if at_ms < duration_ms {
                changes.push((at_ms, (value * unit_ma).round() as i64));
            }
        }
        if changes.len() > CHANGES_MAX {
            let span = raw.steps.first().map_or(0..0, Spanned::span);
            return Err(file.error(span, format!("more than {CHANGES_MAX} steps")));
        }
        start_ms += every_ms;
    }
    Ok(())
}

fn place(file: File<'_>, at: &Spanned<String>, grid: Grid) -> Result<Place, SpecError> {
    let neutral = grid.has_neutral();
    let one = grid.lines() == 1;
    let place = match at.get_ref().as_str() {
        "all" if !one => Place::All,
        "L1" if neutral || one => Place::Branch(0),
        "L2" if neutral && !one => Place::Branch(1),
        "L3" if neutral && !one => Place::Branch(2),
        "L1-L2" if !neutral && !one => Place::Branch(0),
        "L2-L3" if !neutral && !one => Place::Branch(1),
        "L3-L1" if !neutral && !one => Place::Branch(2),
        other => {
            let known = match (one, neutral) {
                (true, _) => "L1",
                (false, true) => "L1, L2, L3 or all",
                (false, false) => "L1-L2, L2-L3, L3-L1 or all",
            };
            return Err(
                file.error(at.span(), format!("no load is at {other:?} on this grid; expected {known}"))
            );
        }
    };
    Ok(place)
}

/// The rows of a trace.
fn rows(
    file: File<'_>,
    name: &Spanned<String>,
    column: Option<&String>,
    watts_per_a: f64,
    around: &Around<'_>,
) -> Result<Vec<(u64, i64)>, SpecError> {
    let fault = |what: String| file.error(name.span(), format!("{}: {what}", name.get_ref()));
    let text = (around.trace)(name.get_ref()).map_err(fault)?;
    let mut reader =
        csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| fault(error.to_string()))?.clone();
    let at = match column {
        None => 1,
        Some(column) => headers.iter().position(|header| header == column).ok_or_else(|| {
            fault(format!(
                "no column is called {column:?}; it has {}",
                headers.iter().collect::<Vec<_>>().join(", ")
            ))
        })?,
    };
    let titles: Vec<&str> = headers.iter().collect();
    if titles.iter().any(|title| title.parse::<f64>().is_ok()) {
        return Err(fault(format!("line 1: expected the names of the columns, not {}", titles.join(", "))));
    }
    let watts = titles.get(at).is_some_and(|title| title.ends_with("_w"));
    let (unit_ma, limits) = if watts { (1000.0 / watts_per_a, WATTS) } else { (1000.0, AMPERES) };
    let mut changes = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| fault(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let number =
            |at: usize| record.get(at).and_then(|text| text.parse::<f64>().ok()).filter(|n| n.is_finite());
        let (Some(t_s), Some(value)) = (number(0), number(at)) else {
            return Err(fault(format!(
                "line {line}: expected two numbers, the time in seconds and the value"
            )));
        };
        if !limits.contains(&value) {
            let (least, most) = (limits.start(), limits.end());
            return Err(fault(format!("line {line}: {value}; expected {least} to {most}")));
        }
        let (t_ms, ma) = (milli(t_s.max(0.0)) as u64, (value * unit_ma).round() as i64);
        if changes.last().is_some_and(|&(before, _)| before > t_ms) || t_s < 0.0 {
            return Err(fault(format!("line {line}: time goes backwards")));
        }
        if changes.is_empty() && t_ms > 0 {
            changes.push((0, 0));
        }
        changes.push((t_ms, ma));
        if changes.len() > CHANGES_MAX {
            return Err(fault(format!("more than {CHANGES_MAX} rows")));
        }
    }
    if changes.is_empty() {
        return Err(fault("it has no row".into()));
    }
    Ok(changes)
}
