//! The tables `[meter]` and `[links]`: how the plant is measured, and how long news travels.
//!
//! | key of `[meter]` | default | meaning |
//! |---|---|---|
//! | `profile` | `aidon-6534` with a neutral, else `aidon-6525`; `aidon-6515` with one phase | the meter whose telegrams are sent |
//! | `ratio` | `1:1` | transformers in front of the meter or the clamps (B-24) |
//! | `clamps_a` | none | three clamps of this range instead of a meter: 100 or 400 (B-31) |
//! | `reversed` | none | `clamps_a`: phases from 1 whose clamp sits the wrong way round (B-32) |
//! | `order` | `[1, 2, 3]` | `clamps_a`: the line in each of them |
//! | `gain_pct` | 0 | `clamps_a`: per cent that they show too much (B-33) |
//! | `clamp` | perfect | `clamps_a`: a clamp that can be bought, with its errors: `sct-013-000`, …, as in waveform files |
//! | `voltages` | 3 | `clamps_a`: voltages connected, 1 or 3; with one, currents have no sign (B-34) |
//! | `every_s` | 10 | `clamps_a`: how often the dongle speaks |
//!
//! | key of `[links]` | default | meaning |
//! |---|---|---|
//! | `meter_s` | 1 | from the last byte of a telegram to the balancer, up to 60 |
//! | `charger_s` | 1 | a command to a charger, or its status back, up to 60 |
//! | `jitter_s` | 0 | up to so much more, drawn for each message |
//! | `loss` | 0 | part of the messages that is lost, up to 0.9 |
//! | `announced_s` | 5 | after so long somebody tells the balancer of a link that is down; negative: never |
//! | `report_s` | 10 | how often a charger speaks when nothing changes |

use super::milli;
use crate::balance::Grid;
use crate::meters::{self, Profile};
use crate::site::ratio::{Factor, Ratio};
use crate::spec_file::{File, SpecError};
use crate::wave::sensor::models::{MODELS, Model};
use serde::Deserialize;
use toml::Spanned;

/// Longest delay of a link, seconds: over a slower one nobody can fall back within a minute.
const LINK_MAX_S: f64 = 60.0;
/// Largest part of the messages that a link may lose: one that loses all is down, which is an event.
const LOSS_MAX: f64 = 0.9;

/// How the plant is measured.
#[derive(Clone, PartialEq, Debug)]
pub struct Meter {
    /// With what.
    pub measured: Measured,
    /// Transformers in front: primary over secondary.
    pub ratio: Factor,
}

/// With what the plant is measured.
#[derive(Clone, PartialEq, Debug)]
pub enum Measured {
    /// A meter that sends telegrams to a dongle.
    Han(&'static Profile),
    /// A dongle with clamps.
    Clamps(Clamps),
}

/// Three clamps as they really sit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Clamps {
    /// End of their range.
    pub range_ma: i64,
    /// Those that sit the wrong way round.
    pub reversed: [bool; 3],
    /// The line in each, from 0.
    pub order: [usize; 3],
    /// Parts per million that they show too much, besides the errors of their kind.
    pub gain_ppm: i64,
    /// What they are; `None`: perfect.
    pub model: Option<&'static Model>,
    /// All three voltages are connected, so that currents have a sign.
    pub signed: bool,
    /// How often the dongle speaks.
    pub every_ms: u64,
}

/// One link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Time of every message.
    pub delay_ms: u64,
    /// Up to so much more.
    pub jitter_ms: u64,
    /// Messages lost, per million.
    pub loss_ppm: u32,
}

/// How news travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Links {
    /// Dongle to balancer.
    pub meter: Link,
    /// Charger to balancer and back.
    pub charger: Link,
    /// After so long the balancer is told of a link that is down.
    pub announced_ms: Option<u64>,
    /// How often a charger speaks when nothing changes.
    pub report_ms: u64,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMeter {
    profile: Option<Spanned<String>>,
    ratio: Option<Spanned<String>>,
    clamps_a: Option<Spanned<f64>>,
    reversed: Vec<Spanned<u8>>,
    order: Option<Spanned<[u8; 3]>>,
    gain_pct: Option<Spanned<f64>>,
    clamp: Option<Spanned<String>>,
    voltages: Option<Spanned<u8>>,
    every_s: Option<Spanned<f64>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLinks {
    meter_s: Option<Spanned<f64>>,
    charger_s: Option<Spanned<f64>>,
    jitter_s: Option<Spanned<f64>>,
    loss: Option<Spanned<f64>>,
    announced_s: Option<Spanned<f64>>,
    report_s: Option<Spanned<f64>>,
}

pub(super) fn check(file: File<'_>, raw: RawMeter, grid: Grid) -> Result<Meter, SpecError> {
    let ratio = match &raw.ratio {
        None => Factor::ONE,
        Some(text) => Ratio::parse(text.get_ref())
            .map_err(|error| file.error(text.span(), format!("`ratio`: {error}")))?
            .factor(),
    };
    let Some(range) = &raw.clamps_a else {
        let stray = raw.reversed.first().map(Spanned::span).or(raw.order.as_ref().map(Spanned::span));
        let stray = stray.or(raw.clamp.as_ref().map(Spanned::span));
        if let Some(span) = stray.or(raw.gain_pct.as_ref().map(Spanned::span)) {
            return Err(file.error(span, "only clamps sit wrong; expected `clamps_a` beside this key"));
        }
        return Ok(Meter { measured: Measured::Han(profile(file, raw.profile.as_ref(), grid)?), ratio });
    };
    if let Some(profile) = &raw.profile {
        return Err(file.error(
            profile.span(),
            "a site is measured by a meter or by clamps; expected one of `profile` and `clamps_a`",
        ));
    }
    let mut reversed = [false; 3];
    for phase in &raw.reversed {
        let at = usize::from(*phase.get_ref()).wrapping_sub(1);
        *reversed.get_mut(at).ok_or_else(|| file.error(phase.span(), "expected phases 1 to 3"))? = true;
    }
    let signed = match raw.voltages.as_ref().map(|voltages| (voltages.span(), *voltages.get_ref())) {
        None | Some((_, 3)) => true,
        Some((_, 1)) => false,
        Some((span, _)) => return Err(file.error(span, "`voltages` is 1 or 3")),
    };
    let clamps = Clamps {
        range_ma: milli(file.number(range, "clamps_a", 1.0..=4000.0)?),
        reversed,
        order: match &raw.order {
            None => [0, 1, 2],
            Some(order) => lines(file, order)?,
        },
        gain_ppm: (file.number_or(raw.gain_pct.as_ref(), "gain_pct", -50.0..=50.0, 0.0)? * 1e4).round()
            as i64,
        model: model(file, raw.clamp.as_ref())?,
        signed,
        every_ms: milli(file.number_or(raw.every_s.as_ref(), "every_s", 0.2..=60.0, 10.0)?) as u64,
    };
    Ok(Meter { measured: Measured::Clamps(clamps), ratio })
}

fn model(file: File<'_>, name: Option<&Spanned<String>>) -> Result<Option<&'static Model>, SpecError> {
    let Some(name) = name else { return Ok(None) };
    let found = MODELS.iter().find(|model| model.name == name.get_ref());
    found.map(Some).ok_or_else(|| {
        let known: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
        file.error(name.span(), format!("`clamp`: expected one of {}", known.join(", ")))
    })
}

/// Lines from 1, each once, as lines from 0.
pub(super) fn lines(file: File<'_>, order: &Spanned<[u8; 3]>) -> Result<[usize; 3], SpecError> {
    let mut sorted = *order.get_ref();
    sorted.sort_unstable();
    if sorted != [1, 2, 3] {
        return Err(file.error(order.span(), "expected each of 1, 2 and 3 once"));
    }
    Ok(order.get_ref().map(|line| usize::from(line) - 1))
}

fn profile(file: File<'_>, raw: Option<&Spanned<String>>, grid: Grid) -> Result<&'static Profile, SpecError> {
    let usual = match grid {
        Grid::Tn1 | Grid::It1 => "aidon-6515",
        Grid::Tn3 => "aidon-6534",
        Grid::It3 | Grid::Tt3 => "aidon-6525",
    };
    let name = raw.map_or(usual, |name| name.get_ref().as_str());
    meters::by_name(name).ok_or_else(|| {
        let span = raw.map_or(0..0, Spanned::span);
        let known: Vec<&str> = meters::PROFILES.iter().map(|profile| profile.name).collect();
        file.error(span, format!("no meter is called {name:?}; known: {}", known.join(", ")))
    })
}

pub(super) fn links(file: File<'_>, raw: &RawLinks) -> Result<Links, SpecError> {
    let seconds = |value: &Option<Spanned<f64>>, key: &str, default: f64| {
        file.number_or(value.as_ref(), key, 0.0..=LINK_MAX_S, default).map(|s| milli(s) as u64)
    };
    let jitter_ms = seconds(&raw.jitter_s, "jitter_s", 0.0)?;
    let loss_ppm = (file.number_or(raw.loss.as_ref(), "loss", 0.0..=LOSS_MAX, 0.0)? * 1e6).round() as u32;
    let announced = file.number_or(raw.announced_s.as_ref(), "announced_s", -1.0..=3600.0, 5.0)?;
    let link = |delay_ms| Link { delay_ms, jitter_ms, loss_ppm };
    Ok(Links {
        meter: link(seconds(&raw.meter_s, "meter_s", 1.0)?),
        charger: link(seconds(&raw.charger_s, "charger_s", 1.0)?),
        announced_ms: (announced >= 0.0).then(|| milli(announced) as u64),
        report_ms: milli(file.number_or(raw.report_s.as_ref(), "report_s", 0.5..=3600.0, 10.0)?) as u64,
    })
}
