//! The tables `[told]` and `[[budget]]`: the settings of the balancer, where they differ from what is built.
//!
//! Without them a balancer is told the truth. Each key here is a mistake of the fitter, or a choice.
//!
//! | key of `[told]` | default | meaning |
//! |---|---|---|
//! | `grid` | as built | a kind of grid (B-10) |
//! | `supply_max_a` | the main fuse | "supply max current" (B-55) |
//! | `ratio` | as built | transformers in front of the meter (B-24) |
//! | `phase_order` | `[1, 2, 3]` | (B-56) |
//! | `chargers_included` | true | the meter sees the chargers (B-36) |
//! | `max_online_a`, `max_offline_a` | the main fuse, 6 A for each charger | limits of the group (B-53) |
//! | `min_a` | 6 | (B-54) |
//! | `zone` | `Europe/Oslo` | where the budgets hold (B-19) |
//! | `circuit.<name>.limit_a`, `.parent` | as built | (B-01, B-07) |
//! | `charger.<name>.order`, `.circuit`, `.priority`, `.offline_a`, `.offline_phase`, `.switches` | as built | (B-56, B-57, B-58, B-59) |
//!
//! | key of `[[budget]]` | default | meaning |
//! |---|---|---|
//! | `from`, `to` | – | wall clock, `22:00`; over midnight when `to` is earlier |
//! | `limit_a` or `limit_w` | – | per line, or on average over an hour |

use super::{Charger, Circuit, Measured, Meter, grid, milli};
use crate::balance::{self, Budget, ChargerSettings, Grid, Group, Site};
use crate::site::ratio::Ratio;
use crate::spec_file::{File, SpecError};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// The smallest current that a control pilot can offer, milliamperes (balancing, section 2.1).
const PILOT_MIN_MA: i64 = 6000;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTold {
    grid: Option<Spanned<String>>,
    supply_max_a: Option<Spanned<f64>>,
    ratio: Option<Spanned<String>>,
    phase_order: Option<Spanned<[u8; 3]>>,
    chargers_included: Option<bool>,
    max_online_a: Option<Spanned<f64>>,
    max_offline_a: Option<Spanned<f64>>,
    min_a: Option<Spanned<f64>>,
    zone: Option<Spanned<String>>,
    circuit: BTreeMap<Spanned<String>, RawCircuit>,
    charger: BTreeMap<Spanned<String>, RawCharger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCircuit {
    limit_a: Option<Spanned<f64>>,
    parent: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCharger {
    order: Option<Spanned<[u8; 3]>>,
    circuit: Option<Spanned<String>>,
    priority: Option<u8>,
    offline_a: Option<Spanned<f64>>,
    offline_phase: Option<Spanned<u8>>,
    switches: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBudget {
    from: Spanned<String>,
    to: Spanned<String>,
    limit_a: Option<Spanned<f64>>,
    limit_w: Option<Spanned<f64>>,
}

/// The settings of a fitter who makes no mistake.
pub(super) fn site(
    grid: Grid,
    utc_ms: i64,
    circuits: &[Circuit],
    chargers: &[Charger],
    meter: &Meter,
) -> Site {
    let supply_max_ma = circuits.first().map_or(0, |main| main.limit_ma);
    let (signed, currents_every_ms) = match &meter.measured {
        Measured::Han(profile) => (true, u64::from(profile.cadence.list2_ms.unwrap_or(10_000))),
        Measured::Clamps(clamps) => (clamps.signed, clamps.every_ms),
    };
    Site {
        grid,
        utc_ms,
        zone: "Europe/Oslo".into(),
        supply_max_ma,
        scale: meter.ratio,
        phase_order: [1, 2, 3],
        chargers_included: true,
        signed,
        currents_every_ms,
        group: Group {
            max_online_ma: supply_max_ma,
            max_offline_ma: (PILOT_MIN_MA * chargers.len() as i64).min(supply_max_ma),
            min_ma: PILOT_MIN_MA,
        },
        circuits: circuits
            .iter()
            .map(|circuit| balance::Circuit {
                name: circuit.name.clone(),
                parent: circuit.parent,
                limit_ma: circuit.limit_ma,
            })
            .collect(),
        chargers: chargers.iter().map(known).collect(),
        budgets: Vec::new(),
    }
}

fn known(charger: &Charger) -> ChargerSettings {
    let settings = &charger.settings;
    ChargerSettings {
        name: charger.name.clone(),
        circuit: charger.circuit,
        order: settings.order,
        phases: settings.phases,
        switches: settings.switches,
        min_ma: settings.min_ma,
        max_ma: settings.max_ma,
        step_ma: settings.step_ma,
        offline_ma: settings.offline_ma,
        offline_phase: settings.offline_phase,
        priority: charger.priority,
    }
}

pub(super) fn check(
    file: File<'_>,
    raw: &RawTold,
    budgets: &[Spanned<RawBudget>],
    truth: &Site,
) -> Result<Site, SpecError> {
    let mut site = changed(file, raw, truth)?;
    site.budgets = budgets.iter().map(|budget| self::budget(file, budget)).collect::<Result<_, _>>()?;
    Ok(site)
}

/// `before` with what the table says.
pub(super) fn changed(file: File<'_>, raw: &RawTold, before: &Site) -> Result<Site, SpecError> {
    let mut site = before.clone();
    let amperes = |value: &Option<Spanned<f64>>, key: &str, old: i64| match value {
        None => Ok(old),
        Some(value) => file.number(value, key, 0.0..=4000.0).map(milli),
    };
    if let Some(word) = &raw.grid {
        site.grid = grid::kind(word.get_ref())
            .ok_or_else(|| file.error(word.span(), "expected tn-1, tn-3, it-1, it-3 or tt-3"))?;
    }
    site.supply_max_ma = amperes(&raw.supply_max_a, "supply_max_a", site.supply_max_ma)?;
    if let Some(ratio) = &raw.ratio {
        let parsed = Ratio::parse(ratio.get_ref());
        site.scale = parsed.map_err(|error| file.error(ratio.span(), format!("`ratio`: {error}")))?.factor();
    }
    if let Some(order) = &raw.phase_order {
        super::meter::lines(file, order)?;
        site.phase_order = *order.get_ref();
    }
    site.chargers_included = raw.chargers_included.unwrap_or(site.chargers_included);
    let group = &mut site.group;
    group.max_online_ma = amperes(&raw.max_online_a, "max_online_a", group.max_online_ma)?;
    group.max_offline_ma = amperes(&raw.max_offline_a, "max_offline_a", group.max_offline_ma)?;
    group.min_ma = amperes(&raw.min_a, "min_a", group.min_ma)?;
    if let Some(zone) = &raw.zone {
        if jiff::tz::TimeZoneDatabase::bundled().get(zone.get_ref()).is_err() {
            let what = format!("no zone is called {:?}; expected a name such as Europe/Oslo", zone.get_ref());
            return Err(file.error(zone.span(), what));
        }
        site.zone.clone_from(zone.get_ref());
    }
    for (name, told) in &raw.circuit {
        let at = circuit(file, &site, name)?;
        site.circuits[at].limit_ma = amperes(&told.limit_a, "limit_a", site.circuits[at].limit_ma)?;
        if let Some(parent) = &told.parent {
            let parent_at = circuit(file, &site, parent)?;
            if parent_at >= at {
                return Err(file.error(parent.span(), "a circuit stands behind an earlier one"));
            }
            site.circuits[at].parent = Some(parent_at);
        }
    }
    for (name, told) in &raw.charger {
        let at = site.chargers.iter().position(|charger| charger.name == *name.get_ref());
        let at =
            at.ok_or_else(|| file.error(name.span(), format!("no charger is called {:?}", name.get_ref())))?;
        if let Some(name) = &told.circuit {
            site.chargers[at].circuit = circuit(file, &site, name)?;
        }
        let charger = &mut site.chargers[at];
        if let Some(order) = &told.order {
            super::meter::lines(file, order)?;
            charger.order = *order.get_ref();
        }
        charger.priority = told.priority.unwrap_or(charger.priority);
        charger.switches = told.switches.unwrap_or(charger.switches);
        if let Some(offline) = &told.offline_a {
            charger.offline_ma = Some(milli(file.number(offline, "offline_a", 0.0..=1000.0)?));
        }
        if let Some(phase) = &told.offline_phase {
            charger.offline_phase = Some(line(file, phase)?);
        }
    }
    Ok(site)
}

/// A line from 1.
pub(super) fn line(file: File<'_>, phase: &Spanned<u8>) -> Result<u8, SpecError> {
    if (1..=3).contains(phase.get_ref()) {
        return Ok(*phase.get_ref());
    }
    Err(file.error(phase.span(), "expected a line, 1 to 3"))
}

fn circuit(file: File<'_>, site: &Site, name: &Spanned<String>) -> Result<usize, SpecError> {
    let at = site.circuits.iter().position(|circuit| circuit.name == *name.get_ref());
    at.ok_or_else(|| file.error(name.span(), format!("no circuit is called {:?}", name.get_ref())))
}

fn budget(file: File<'_>, table: &Spanned<RawBudget>) -> Result<Budget, SpecError> {
    let raw = table.get_ref();
    let minute = |text: &Spanned<String>| {
        let parts = text.get_ref().split_once(':');
        let parts =
            parts.and_then(|(hour, minute)| Some((hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?)));
        match parts {
            Some((hour, minute)) if hour < 24 && minute < 60 => Ok(hour * 60 + minute),
            _ => Err(file.error(text.span(), "expected a wall clock such as 22:00")),
        }
    };
    let limit = |value: &Option<Spanned<f64>>, key: &str, most: f64| match value {
        None => Ok(None),
        Some(value) => file.number(value, key, 0.0..=most).map(Some),
    };
    let limit_ma = limit(&raw.limit_a, "limit_a", 4000.0)?.map(milli);
    let limit_w = limit(&raw.limit_w, "limit_w", 1e7)?.map(|watts| watts.round() as i64);
    if limit_ma.is_none() == limit_w.is_none() {
        return Err(file.error(table.span(), "a budget needs one of `limit_a` and `limit_w`"));
    }
    Ok(Budget { from_min: minute(&raw.from)?, to_min: minute(&raw.to)?, limit_ma, limit_w })
}
