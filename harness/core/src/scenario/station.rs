//! The tables `[[charger]]` and `[[car]]`: chargers, and the cars that come and go.
//!
//! | key of `[[charger]]` | default | meaning |
//! |---|---|---|
//! | `name` | – | stable name |
//! | `count` | 1 | so many alike, called `name-1`, `name-2` and so on |
//! | `circuit` | `main` | where it hangs |
//! | `order` | `[1, 2, 3]` | the line behind each of its terminals (B-56) |
//! | `phases` | 3, or what the grid has | terminals that are wired: 1 or 3 |
//! | `min_a`, `max_a`, `step_a` | 6, 32, 1 | what it can offer; it rounds down to whole steps |
//! | `cable_a` | none | what its cable allows (B-66) |
//! | `latency_s` | 1 | from a command to the pilot, up to 60 |
//! | `resets_to_a` | none | limit after a restart (Easee: 40 or 80) |
//! | `offline_a`, `offline_phase` | none | what it was set to hold while it hears nobody (B-57, B-58) |
//! | `offline_after_s` | 30 | how long it hears nobody until it does |
//! | `stand_alone` | false | it ignores the balancer (B-63) |
//! | `switches`, `switch_s` | false, 10 | it changes between three phases and one, and how long that takes |
//! | `ignores_zero`, `ignores_limits` | false | field bug B3; accepts and does not obey |
//! | `locked` | false | it offers nothing before it was told a limit |
//! | `priority` | 0 | larger is served first |
//!
//! | key of `[[car]]` | default | meaning |
//! |---|---|---|
//! | `charger` | – | where; `a-*` is one at each charger whose name begins with `a-` |
//! | `from_s`, `to_s` | 0, to the end | when it is there |
//! | `phases` | 3, or what the grid has | of its on-board charger |
//! | `min_a`, `max_a` | 6, 16 | what it can take |
//! | `dead_s` | 2 | until it follows the pilot |
//! | `up_a_per_s`, `down_a_per_s` | 4, at once | how fast its current changes; 0 is at once |
//! | `quantum_a` | 0.1 | it follows in steps of this |
//! | `gain` | 1 | what it takes of what it is offered; 1.075 for a Zoe |
//! | `taper_percent` | 100 | state of charge from which it takes less |
//! | `kwh`, `stored_kwh` | 60, 0 | battery, and what is in it |
//! | `wake_fails` | 0 | part of its starts after a pause that fail |
//! | `refuses_after` | never | pauses after which it does not start again |

use super::{Circuit, grid, milli};
use crate::balance::Grid;
use crate::plant::car::{self, CarSettings};
use crate::plant::charger::{self, ChargerSettings};
use crate::spec_file::{File, SpecError};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// A charger of the scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Charger {
    /// Its name.
    pub name: String,
    /// Its circuit.
    pub circuit: usize,
    /// How it is wired and built.
    pub settings: ChargerSettings,
    /// Larger is served first.
    pub priority: u8,
}

/// A car of the scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Car {
    /// At which charger.
    pub charger: usize,
    /// When it comes.
    pub from_ms: u64,
    /// When it goes.
    pub to_ms: Option<u64>,
    /// What it is.
    pub settings: CarSettings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCharger {
    name: Spanned<String>,
    count: Option<Spanned<usize>>,
    circuit: Option<Spanned<String>>,
    order: Option<Spanned<[u8; 3]>>,
    phases: Option<u8>,
    min_a: Option<Spanned<f64>>,
    max_a: Option<Spanned<f64>>,
    step_a: Option<Spanned<f64>>,
    cable_a: Option<Spanned<f64>>,
    latency_s: Option<Spanned<f64>>,
    resets_to_a: Option<Spanned<f64>>,
    offline_a: Option<Spanned<f64>>,
    offline_phase: Option<Spanned<u8>>,
    offline_after_s: Option<Spanned<f64>>,
    #[serde(default)]
    stand_alone: bool,
    #[serde(default)]
    switches: bool,
    switch_s: Option<Spanned<f64>>,
    #[serde(default)]
    ignores_zero: bool,
    #[serde(default)]
    ignores_limits: bool,
    #[serde(default)]
    locked: bool,
    #[serde(default)]
    priority: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCar {
    charger: Spanned<String>,
    from_s: Option<Spanned<f64>>,
    to_s: Option<Spanned<f64>>,
    phases: Option<u8>,
    min_a: Option<Spanned<f64>>,
    max_a: Option<Spanned<f64>>,
    dead_s: Option<Spanned<f64>>,
    up_a_per_s: Option<Spanned<f64>>,
    down_a_per_s: Option<Spanned<f64>>,
    quantum_a: Option<Spanned<f64>>,
    gain: Option<Spanned<f64>>,
    taper_percent: Option<u8>,
    kwh: Option<Spanned<f64>>,
    stored_kwh: Option<Spanned<f64>>,
    wake_fails: Option<Spanned<f64>>,
    refuses_after: Option<u32>,
}

/// Reads amperes, seconds and kilowatt-hours as thousandths.
struct Thousandths<'a>(File<'a>);

impl Thousandths<'_> {
    fn of(&self, raw: Option<&Spanned<f64>>, key: &str, most: f64, default: i64) -> Result<i64, SpecError> {
        raw.map_or(Ok(default), |raw| self.0.number(raw, key, 0.0..=most).map(milli))
    }

    /// The same for what cannot be 0.
    fn some(&self, raw: Option<&Spanned<f64>>, key: &str, most: f64, default: i64) -> Result<i64, SpecError> {
        raw.map_or(Ok(default), |raw| self.0.number(raw, key, 0.001..=most).map(milli))
    }

    fn maybe(&self, raw: Option<&Spanned<f64>>, key: &str, most: f64) -> Result<Option<i64>, SpecError> {
        raw.map(|raw| self.0.number(raw, key, 0.0..=most).map(milli)).transpose()
    }
}

/// Largest current in a file, amperes.
const A_MAX: f64 = 1000.0;
/// Most chargers of a scenario.
const CHARGERS_MAX: usize = 1000;
/// Longest time from a command to the pilot, seconds: with a slower charger nobody can fall back within a minute.
const LATENCY_MAX_S: f64 = 60.0;
/// What the link of the dongle is called where chargers go by their names.
const METER: &str = "meter";
/// Longest time of a habit, seconds.
const S_MAX: f64 = 86_400.0;

pub(super) fn chargers(
    file: File<'_>,
    raw: Vec<Spanned<RawCharger>>,
    grid: Grid,
    circuits: &[Circuit],
) -> Result<Vec<Charger>, SpecError> {
    let mut chargers: Vec<Charger> = Vec::new();
    for table in raw {
        let plan = one(file, table.span(), table.get_ref(), grid, circuits)?;
        let stem = super::name(file, &table.get_ref().name)?;
        if stem == METER {
            let what = format!("no charger can be called {METER:?}: that is the link of the dongle");
            return Err(file.error(table.get_ref().name.span(), what));
        }
        for name in names(file, table.get_ref())? {
            if chargers.iter().any(|other| other.name == name) {
                let what = format!("two chargers are called {name:?}");
                return Err(file.error(table.get_ref().name.span(), what));
            }
            chargers.push(Charger { name, ..plan.clone() });
        }
        if chargers.len() > CHARGERS_MAX {
            return Err(file.error(table.span(), format!("more than {CHARGERS_MAX} chargers")));
        }
    }
    Ok(chargers)
}

fn names(file: File<'_>, raw: &RawCharger) -> Result<Vec<String>, SpecError> {
    let name = raw.name.get_ref();
    match &raw.count {
        None => Ok(vec![name.clone()]),
        Some(count) if (1..=CHARGERS_MAX).contains(count.get_ref()) => {
            Ok((1..=*count.get_ref()).map(|number| format!("{name}-{number}")).collect())
        }
        Some(count) => Err(file.error(count.span(), format!("`count` is 1 to {CHARGERS_MAX}"))),
    }
}

fn one(
    file: File<'_>,
    span: Range<usize>,
    raw: &RawCharger,
    grid: Grid,
    circuits: &[Circuit],
) -> Result<Charger, SpecError> {
    let read = Thousandths(file);
    let usual = ChargerSettings::default();
    let phases = raw.phases.unwrap_or(if grid.lines() == 1 { 1 } else { usual.phases });
    let settings = ChargerSettings {
        order: match &raw.order {
            None => usual.order,
            Some(order) => super::meter::lines(file, order)?.map(|line| line as u8 + 1),
        },
        phases,
        min_ma: read.some(raw.min_a.as_ref(), "min_a", A_MAX, usual.min_ma)?,
        max_ma: read.some(raw.max_a.as_ref(), "max_a", A_MAX, usual.max_ma)?,
        cable_ma: raw
            .cable_a
            .as_ref()
            .map(|_| read.some(raw.cable_a.as_ref(), "cable_a", A_MAX, 0))
            .transpose()?,
        step_ma: read.some(raw.step_a.as_ref(), "step_a", A_MAX, usual.step_ma)?,
        latency_ms: read.of(raw.latency_s.as_ref(), "latency_s", LATENCY_MAX_S, usual.latency_ms as i64)?
            as u64,
        resets_to_ma: read.maybe(raw.resets_to_a.as_ref(), "resets_to_a", A_MAX)?,
        offline_ma: read.maybe(raw.offline_a.as_ref(), "offline_a", A_MAX)?,
        offline_phase: raw.offline_phase.as_ref().map(|line| super::told::line(file, line)).transpose()?,
        offline_after_ms: read.of(
            raw.offline_after_s.as_ref(),
            "offline_after_s",
            S_MAX,
            usual.offline_after_ms as i64,
        )? as u64,
        stand_alone: raw.stand_alone,
        switches: raw.switches,
        switch_ms: read.of(raw.switch_s.as_ref(), "switch_s", S_MAX, usual.switch_ms as i64)? as u64,
        ignores_zero: raw.ignores_zero,
        ignores_limits: raw.ignores_limits,
        locked: raw.locked,
    };
    above_least(file, raw.max_a.as_ref(), raw.min_a.as_ref(), settings.max_ma, settings.min_ma)?;
    if phases != 1 && grid.lines() == 1 {
        return Err(file.error(span, format!("`phases` is {phases}; this grid has one phase")));
    }
    charger::Charger::new(settings.clone()).map_err(|what| file.error(span, what))?;
    let circuit = match &raw.circuit {
        None => 0,
        Some(name) => grid::by_name(file, circuits, name)?,
    };
    Ok(Charger { name: raw.name.get_ref().clone(), circuit, settings, priority: raw.priority })
}

/// `max_a` is not below `min_a`, whichever of them the file says.
fn above_least(
    file: File<'_>,
    max: Option<&Spanned<f64>>,
    min: Option<&Spanned<f64>>,
    max_ma: i64,
    min_ma: i64,
) -> Result<(), SpecError> {
    let (most, least) = (max_ma as f64 / 1000.0, min_ma as f64 / 1000.0);
    match max.or(min).filter(|_| max_ma < min_ma) {
        Some(raw) => {
            Err(file.error(raw.span(), format!("`max_a` is {most}, below `min_a`, which is {least}")))
        }
        None => Ok(()),
    }
}

/// The charger of that name.
pub(super) fn by_name(
    file: File<'_>,
    chargers: &[Charger],
    name: &Spanned<String>,
) -> Result<usize, SpecError> {
    let found = chargers.iter().position(|charger| charger.name == *name.get_ref());
    found.ok_or_else(|| {
        let known: Vec<&str> = chargers.iter().map(|charger| charger.name.as_str()).collect();
        let what = format!("no charger is called {:?}; known: {}", name.get_ref(), known.join(", "));
        file.error(name.span(), what)
    })
}

pub(super) fn cars(
    file: File<'_>,
    raw: Vec<Spanned<RawCar>>,
    grid: Grid,
    chargers: &[Charger],
    duration_ms: u64,
) -> Result<Vec<Car>, SpecError> {
    let mut cars: Vec<Car> = Vec::new();
    for table in raw {
        let plan = car(file, &table, grid, duration_ms)?;
        for charger in places(file, chargers, &table.get_ref().charger)? {
            let car = Car { charger, ..plan.clone() };
            let end = |car: &Car| car.to_ms.unwrap_or(duration_ms);
            let met = cars.iter().any(|other| {
                other.charger == car.charger && other.from_ms < end(&car) && car.from_ms < end(other)
            });
            if met {
                return Err(file.error(table.span(), "two cars are at one charger at the same time"));
            }
            cars.push(car);
        }
    }
    Ok(cars)
}

/// The chargers that a car of the file is at.
fn places(file: File<'_>, chargers: &[Charger], name: &Spanned<String>) -> Result<Vec<usize>, SpecError> {
    let Some(start) = name.get_ref().strip_suffix('*') else {
        return Ok(vec![by_name(file, chargers, name)?]);
    };
    let named = chargers.iter().enumerate().filter(|(_, charger)| charger.name.starts_with(start));
    let places: Vec<usize> = named.map(|(at, _)| at).collect();
    if places.is_empty() {
        return Err(file.error(name.span(), format!("the name of no charger begins with {start:?}")));
    }
    Ok(places)
}

/// A car as the table says; where it is, the caller knows.
fn car(file: File<'_>, table: &Spanned<RawCar>, grid: Grid, duration_ms: u64) -> Result<Car, SpecError> {
    let (raw, read) = (table.get_ref(), Thousandths(file));
    let usual = CarSettings::default();
    let most = duration_ms as f64 / 1000.0;
    // 0 is at once.
    let rate = |raw: &Option<Spanned<f64>>, key: &str, default: Option<i64>| {
        let rate = read.maybe(raw.as_ref(), key, A_MAX)?;
        Ok(rate.map_or(default, |rate| (rate > 0).then_some(rate)))
    };
    let settings = CarSettings {
        phases: raw.phases.unwrap_or(if grid.lines() == 1 { 1 } else { usual.phases }),
        min_ma: read.some(raw.min_a.as_ref(), "min_a", A_MAX, usual.min_ma)?,
        max_ma: read.some(raw.max_a.as_ref(), "max_a", A_MAX, usual.max_ma)?,
        dead_ms: read.of(raw.dead_s.as_ref(), "dead_s", S_MAX, usual.dead_ms as i64)? as u64,
        up_ma_per_s: rate(&raw.up_a_per_s, "up_a_per_s", usual.up_ma_per_s)?,
        down_ma_per_s: rate(&raw.down_a_per_s, "down_a_per_s", usual.down_ma_per_s)?,
        quantum_ma: read.some(raw.quantum_a.as_ref(), "quantum_a", A_MAX, usual.quantum_ma)?,
        gain_ppm: milli(file.number_or(raw.gain.as_ref(), "gain", 0.5..=2.0, 1.0)? * 1000.0),
        taper_from_percent: raw.taper_percent.unwrap_or(usual.taper_from_percent),
        capacity_wh: read.some(raw.kwh.as_ref(), "kwh", 10_000.0, usual.capacity_wh)?,
        stored_wh: read.of(raw.stored_kwh.as_ref(), "stored_kwh", 10_000.0, usual.stored_wh)?,
        wake_fails_ppm: milli(file.number_or(raw.wake_fails.as_ref(), "wake_fails", 0.0..=1.0, 0.0)? * 1000.0)
            as u32,
        refuses_after: raw.refuses_after,
    };
    above_least(file, raw.max_a.as_ref(), raw.min_a.as_ref(), settings.max_ma, settings.min_ma)?;
    car::Car::new(settings.clone(), 0).map_err(|what| file.error(table.span(), what))?;
    let from_ms = read.of(raw.from_s.as_ref(), "from_s", most, 0)? as u64;
    let to_ms = read.maybe(raw.to_s.as_ref(), "to_s", most)?.map(|ms| ms as u64);
    if to_ms.is_some_and(|to_ms| to_ms <= from_ms) {
        return Err(file.error(table.span(), "`to_s` is not after `from_s`"));
    }
    Ok(Car { charger: 0, from_ms, to_ms, settings })
}
