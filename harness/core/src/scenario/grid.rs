//! The tables `[grid]`, `[fuse]` and `[[circuit]]`: supply, main fuse, and circuits behind it.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `[grid] kind` | `tn-3` | `tn-1`, `tn-3`, `it-1`, `it-3`, `tt-3` |
//! | `voltage_v` | 230 | to neutral, or between lines where there is none; 180 to 270 |
//! | `[fuse] rated_a` | – | the main fuse; also the limit of the installation |
//! | `model` | `gg-lower` | what judges: `gg-lower`, `mcb-nominal`, `mcb-fast`, `mcb-slow` |
//! | `[[circuit]] name`, `parent` | –, `main` | its name, and the circuit in front |
//! | `limit_a` | the breaker | what the balancer may let flow (B-07: may be below the breaker, B-08: never above) |
//! | `breaker_a`, `model` | none, `mcb-nominal` | what protects it |

use super::milli;
use crate::balance::Grid;
use crate::plant::System;
use crate::plant::fuse::{Fuse, Model};
use crate::spec_file::{File, SpecError};
use serde::Deserialize;
use toml::Spanned;

/// Name of the first circuit.
const MAIN: &str = "main";

/// A circuit as it is built.
#[derive(Clone, PartialEq, Debug)]
pub struct Circuit {
    /// Its name; `main` for the first.
    pub name: String,
    /// The circuit in front.
    pub parent: Option<usize>,
    /// Most that is meant to flow, per line.
    pub limit_ma: i64,
    /// What protects it.
    pub fuse: Option<Fuse>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGrid {
    kind: Option<Spanned<String>>,
    voltage_v: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFuse {
    rated_a: Spanned<f64>,
    model: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCircuit {
    name: Spanned<String>,
    parent: Option<Spanned<String>>,
    limit_a: Option<Spanned<f64>>,
    breaker_a: Option<Spanned<f64>>,
    model: Option<Spanned<String>>,
}

/// The kind of supply by its word.
pub(super) fn kind(word: &str) -> Option<Grid> {
    Some(match word {
        "tn-1" => Grid::Tn1,
        "tn-3" => Grid::Tn3,
        "it-1" => Grid::It1,
        "it-3" => Grid::It3,
        "tt-3" => Grid::Tt3,
        _ => return None,
    })
}

/// How the plant sums currents on this supply.
pub fn system(grid: Grid) -> System {
    match grid {
        Grid::Tn1 | Grid::It1 => System::OnePhase,
        Grid::Tn3 => System::ThreeTn,
        Grid::It3 | Grid::Tt3 => System::ThreeIt,
    }
}

pub(super) fn supply(file: File<'_>, raw: &RawGrid) -> Result<(Grid, f64), SpecError> {
    let grid = match &raw.kind {
        None => Grid::Tn3,
        Some(word) => kind(word.get_ref()).ok_or_else(|| {
            let what =
                format!("no grid is called {:?}; expected tn-1, tn-3, it-1, it-3 or tt-3", word.get_ref());
            file.error(word.span(), what)
        })?,
    };
    Ok((grid, file.number_or(raw.voltage_v.as_ref(), "voltage_v", 180.0..=270.0, 230.0)?))
}

fn model(file: File<'_>, raw: Option<&Spanned<String>>, default: Model) -> Result<Model, SpecError> {
    let Some(word) = raw else { return Ok(default) };
    Model::of(word.get_ref()).ok_or_else(|| {
        let what = format!(
            "no fuse is called {:?}; expected gg-lower, mcb-nominal, mcb-fast or mcb-slow",
            word.get_ref()
        );
        file.error(word.span(), what)
    })
}

fn fuse(file: File<'_>, rated_a: &Spanned<f64>, key: &str, model: Model) -> Result<(i64, Fuse), SpecError> {
    let rated = milli(file.number(rated_a, key, 1.0..=4000.0)?);
    let whole = u32::try_from(rated / 1000).ok().filter(|_| rated % 1000 == 0);
    let fuse = whole.and_then(|rated_a| Fuse::new(model, rated_a)).ok_or_else(|| {
        let what = format!("no table has a {} fuse of {} A", model.word(), rated_a.get_ref());
        file.error(rated_a.span(), what)
    })?;
    Ok((rated, fuse))
}

pub(super) fn circuits(
    file: File<'_>,
    main: &Spanned<RawFuse>,
    raw: Vec<Spanned<RawCircuit>>,
) -> Result<Vec<Circuit>, SpecError> {
    let main = main.get_ref();
    let (limit_ma, protects) =
        fuse(file, &main.rated_a, "rated_a", model(file, main.model.as_ref(), Model::GgLower)?)?;
    let mut circuits = vec![Circuit { name: MAIN.into(), parent: None, limit_ma, fuse: Some(protects) }];
    for table in raw {
        let span = table.span();
        let raw = table.into_inner();
        let name = super::name(file, &raw.name)?;
        if circuits.iter().any(|circuit| circuit.name == name) {
            return Err(file.error(raw.name.span(), format!("two circuits are called {name:?}")));
        }
        let parent = match &raw.parent {
            None => 0,
            Some(parent) => by_name(file, &circuits, parent)?,
        };
        let breaker = match &raw.breaker_a {
            None => None,
            Some(amperes) => {
                let model = model(file, raw.model.as_ref(), Model::McbNominal)?;
                Some(fuse(file, amperes, "breaker_a", model)?)
            }
        };
        let limit_ma = match (&raw.limit_a, breaker) {
            (Some(limit), _) => milli(file.number(limit, "limit_a", 0.0..=4000.0)?),
            (None, Some((rated, _))) => rated,
            (None, None) => {
                return Err(file.error(span, "a circuit needs `limit_a` or `breaker_a`"));
            }
        };
        if let (Some(limit), Some((rated, _))) = (&raw.limit_a, breaker)
            && limit_ma > rated
        {
            let what = "`limit_a` is above `breaker_a` (B-08); expected no more, or the mistake in `[told]`";
            return Err(file.error(limit.span(), what));
        }
        circuits.push(Circuit { name, parent: Some(parent), limit_ma, fuse: breaker.map(|(_, fuse)| fuse) });
    }
    Ok(circuits)
}

/// The circuit of that name among those before.
pub(super) fn by_name(
    file: File<'_>,
    circuits: &[Circuit],
    name: &Spanned<String>,
) -> Result<usize, SpecError> {
    let found = circuits.iter().position(|circuit| circuit.name == *name.get_ref());
    found.ok_or_else(|| {
        let known: Vec<&str> = circuits.iter().map(|circuit| circuit.name.as_str()).collect();
        let what =
            format!("no circuit before this is called {:?}; known: {}", name.get_ref(), known.join(", "));
        file.error(name.span(), what)
    })
}
