//! The tables `[[expect]]`: what has to come of a scenario, beyond the checks that hold for all of them.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `what` | – | see below |
//! | `at_s`, or `from_s` and `to_s` | the whole time | when it holds |
//! | `charger` | all together | which one |
//! | `circuit`, `line` | `main`, all | which line, from 1 |
//! | `a` with `tol_a`, or `min_a`, `max_a` | –, 0.1 | amperes, over the whole time between |
//! | `kwh`, `tol_kwh`; `count` | – | `energy`, at the end; `starts`, at most |
//! | `part` | – | `heat`, at most: 1 blows the fuse |
//! | `about` | – | `alarm`: wiring, meter, charger, settings or overload |
//! | `fails` | – | `checks`: those that this scenario breaks, whoever balances, and no others |
//! | `hold` | – | `laws`: their words |
//!
//! | `what` | meaning |
//! |---|---|
//! | `offered` | what a charger offers its car |
//! | `drawn` | what the car takes, on its busiest terminal |
//! | `current` | what flows in a line of a circuit |
//! | `energy` | what a charger has delivered |
//! | `starts` | how often its contactor has closed |
//! | `heat` | how warm the fuse of a circuit gets, over the heat that blows it |
//! | `alarm`, `no-alarm` | the balancer says so within the time, or does not |
//! | `checks` | the checks that fail |
//! | `laws` | what is offered within the time, on average, beside that of a changed house: see `law` |

use super::{Charger, Circuit, Law, grid, milli, station};
use crate::balance::About;
use crate::spec_file::{File, SpecError, nearest};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// Something that has to come of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Expect {
    /// From when, milliseconds.
    pub from_ms: u64,
    /// Until when, inclusive.
    pub to_ms: u64,
    /// What.
    pub what: Quantity,
    /// Line of the file, for the report.
    pub line: usize,
}

/// Milliamperes between which something has to stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Band {
    /// Smallest.
    pub min_ma: i64,
    /// Largest.
    pub max_ma: i64,
}

/// What has to come of it.
#[derive(Clone, PartialEq, Debug)]
pub enum Quantity {
    /// What a charger (or all together) offers.
    Offered(Option<usize>, Band),
    /// What a car (or all together) takes.
    Drawn(Option<usize>, Band),
    /// What flows in a line of a circuit, or in each of them.
    Current {
        /// Circuit.
        circuit: usize,
        /// Line from 0.
        line: Option<usize>,
        /// Where it stays.
        band: Band,
    },
    /// Watt-hours delivered at the end.
    Energy {
        /// Which charger; all together without.
        charger: Option<usize>,
        /// Watt-hours.
        wh: i64,
        /// May differ by so many.
        tol_wh: i64,
    },
    /// Times that a contactor has closed, at most.
    Starts(Option<usize>, u32),
    /// Largest heat of the fuse of a circuit over that which blows it, at most.
    Heat {
        /// Circuit; one with a fuse.
        circuit: usize,
        /// Millionths.
        most_ppm: u32,
    },
    /// An alarm.
    Alarm(About),
    /// No alarm of this kind.
    NoAlarm(About),
    /// Exactly these checks fail.
    Checks(Vec<String>),
    /// These laws hold.
    Laws(Vec<Law>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExpect {
    what: Spanned<String>,
    at_s: Option<Spanned<f64>>,
    from_s: Option<Spanned<f64>>,
    to_s: Option<Spanned<f64>>,
    charger: Option<Spanned<String>>,
    circuit: Option<Spanned<String>>,
    line: Option<Spanned<u8>>,
    a: Option<Spanned<f64>>,
    tol_a: Option<Spanned<f64>>,
    min_a: Option<Spanned<f64>>,
    max_a: Option<Spanned<f64>>,
    kwh: Option<Spanned<f64>>,
    tol_kwh: Option<Spanned<f64>>,
    count: Option<Spanned<u32>>,
    part: Option<Spanned<f64>>,
    about: Option<Spanned<String>>,
    #[serde(default)]
    fails: Vec<String>,
    #[serde(default)]
    hold: Vec<Spanned<String>>,
}

pub(super) fn check(
    file: File<'_>,
    raw: Vec<Spanned<RawExpect>>,
    circuits: &[Circuit],
    chargers: &[Charger],
    duration_ms: u64,
) -> Result<Vec<Expect>, SpecError> {
    raw.into_iter().map(|raw| one(file, raw.span(), raw.get_ref(), circuits, chargers, duration_ms)).collect()
}

fn one(
    file: File<'_>,
    span: Range<usize>,
    raw: &RawExpect,
    circuits: &[Circuit],
    chargers: &[Charger],
    duration_ms: u64,
) -> Result<Expect, SpecError> {
    let (from_ms, to_ms) = when(file, &span, raw, duration_ms)?;
    strays(file, raw)?;
    let charger = match &raw.charger {
        None => None,
        Some(name) => Some(station::by_name(file, chargers, name)?),
    };
    let what = match raw.what.get_ref().as_str() {
        "offered" => Quantity::Offered(charger, band(file, &span, raw)?),
        "drawn" => Quantity::Drawn(charger, band(file, &span, raw)?),
        "current" => Quantity::Current {
            circuit: circuit(file, raw, circuits)?,
            line: match &raw.line {
                None => None,
                Some(line) => Some(usize::from(super::told::line(file, line)?) - 1),
            },
            band: band(file, &span, raw)?,
        },
        "energy" => {
            let kwh = file.needed(raw.kwh.as_ref(), &span, "kwh", "how much is delivered")?;
            let wh = milli(file.number(kwh, "kwh", 0.0..=1e5)?);
            let tol_wh = milli(file.number_or(raw.tol_kwh.as_ref(), "tol_kwh", 0.0..=1e5, 0.1)?);
            Quantity::Energy { charger, wh, tol_wh }
        }
        "starts" => {
            let count = file.needed(raw.count.as_ref(), &span, "count", "how many at most")?;
            Quantity::Starts(charger, *count.get_ref())
        }
        "heat" => heat(file, &span, raw, circuits)?,
        "alarm" => Quantity::Alarm(about(file, &span, raw)?),
        "no-alarm" => Quantity::NoAlarm(about(file, &span, raw)?),
        "checks" => Quantity::Checks(raw.fails.clone()),
        "laws" => Quantity::Laws(laws(file, &span, &raw.hold)?),
        other => {
            let what = format!(
                "nothing to expect is called {other:?}; expected offered, drawn, current, energy, starts, heat, \
                 alarm, no-alarm, checks or laws"
            );
            return Err(file.error(raw.what.span(), what));
        }
    };
    Ok(Expect { from_ms, to_ms, what, line: file.line(&span) })
}

/// How warm a fuse gets at most.
fn heat(
    file: File<'_>,
    span: &Range<usize>,
    raw: &RawExpect,
    circuits: &[Circuit],
) -> Result<Quantity, SpecError> {
    let part = file.needed(raw.part.as_ref(), span, "part", "how warm at most")?;
    let most_ppm = milli(file.number(part, "part", 0.0..=10.0)? * 1000.0) as u32;
    let circuit = circuit(file, raw, circuits)?;
    if circuits[circuit].fuse.is_none() {
        return Err(file.error(span.clone(), format!("nothing protects {:?}", circuits[circuit].name)));
    }
    Ok(Quantity::Heat { circuit, most_ppm })
}

/// From when to when it holds, milliseconds.
fn when(
    file: File<'_>,
    span: &Range<usize>,
    raw: &RawExpect,
    duration_ms: u64,
) -> Result<(u64, u64), SpecError> {
    let most = duration_ms as f64 / 1000.0;
    let time = |value: &Option<Spanned<f64>>, key: &str, default: f64| {
        file.number_or(value.as_ref(), key, 0.0..=most, default).map(|s| milli(s) as u64)
    };
    let (from_ms, to_ms) = match &raw.at_s {
        Some(at) if raw.from_s.is_none() && raw.to_s.is_none() => {
            let at_ms = milli(file.number(at, "at_s", 0.0..=most)?) as u64;
            (at_ms, at_ms)
        }
        Some(at) => return Err(file.error(at.span(), "expected `at_s`, or `from_s` and `to_s`")),
        None => (time(&raw.from_s, "from_s", 0.0)?, time(&raw.to_s, "to_s", most)?),
    };
    if from_ms > to_ms {
        return Err(file.error(span.clone(), "`from_s` is after `to_s`"));
    }
    Ok((from_ms, to_ms))
}

/// Keys of another kind of expectation, which would look as if they were judged.
fn strays(file: File<'_>, raw: &RawExpect) -> Result<(), SpecError> {
    fn at<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
        value.as_ref().map(Spanned::span)
    }
    let what = raw.what.get_ref().as_str();
    let is = |words: &[&str]| words.contains(&what);
    let amperes = is(&["offered", "drawn", "current"]);
    let timed = amperes || is(&["alarm", "no-alarm", "laws"]);
    let one = is(&["offered", "drawn", "energy", "starts"]);
    let named = if amperes { "`a`, which says it all" } else { what };
    let keys = [
        ("at_s", at(&raw.at_s), timed),
        ("from_s", at(&raw.from_s), timed),
        ("to_s", at(&raw.to_s), timed),
        ("charger", at(&raw.charger), one),
        ("circuit", at(&raw.circuit), is(&["current", "heat"])),
        ("line", at(&raw.line), is(&["current"])),
        ("a", at(&raw.a), amperes),
        ("tol_a", at(&raw.tol_a), amperes && raw.a.is_some()),
        ("kwh", at(&raw.kwh), is(&["energy"])),
        ("tol_kwh", at(&raw.tol_kwh), is(&["energy"])),
        ("count", at(&raw.count), is(&["starts"])),
        ("part", at(&raw.part), is(&["heat"])),
        ("about", at(&raw.about), is(&["alarm", "no-alarm"])),
        ("fails", (!raw.fails.is_empty()).then(|| raw.what.span()), is(&["checks"])),
        ("hold", raw.hold.first().map(Spanned::span), is(&["laws"])),
    ];
    file.strays(what, keys)?;
    let band = amperes && raw.a.is_none();
    file.strays(named, [("min_a", at(&raw.min_a), band), ("max_a", at(&raw.max_a), band)])
}

fn circuit(file: File<'_>, raw: &RawExpect, circuits: &[Circuit]) -> Result<usize, SpecError> {
    raw.circuit.as_ref().map_or(Ok(0), |name| grid::by_name(file, circuits, name))
}

fn band(file: File<'_>, span: &Range<usize>, raw: &RawExpect) -> Result<Band, SpecError> {
    const LIMITS: std::ops::RangeInclusive<f64> = 0.0..=10_000.0;
    let band = match &raw.a {
        Some(amperes) => {
            let amperes = milli(file.number(amperes, "a", LIMITS)?);
            let tol = milli(file.number_or(raw.tol_a.as_ref(), "tol_a", LIMITS, 0.1)?);
            Band { min_ma: amperes - tol, max_ma: amperes + tol }
        }
        None if raw.min_a.is_none() && raw.max_a.is_none() => {
            return Err(file.error(span.clone(), "how much is missing: `a`, or `min_a` and `max_a`"));
        }
        None => Band {
            min_ma: milli(file.number_or(raw.min_a.as_ref(), "min_a", LIMITS, 0.0)?),
            max_ma: milli(file.number_or(raw.max_a.as_ref(), "max_a", LIMITS, 10_000.0)?),
        },
    };
    if band.min_ma > band.max_ma {
        return Err(file.error(span.clone(), "`min_a` is above `max_a`"));
    }
    Ok(band)
}

/// Each law once.
fn laws(file: File<'_>, span: &Range<usize>, words: &[Spanned<String>]) -> Result<Vec<Law>, SpecError> {
    file.needed(words.first(), span, "hold", "which laws do")?;
    let mut laws = Vec::new();
    for word in words {
        let text = word.get_ref();
        let found = Law::ALL.into_iter().find(|law| law.word() == text).ok_or_else(|| {
            let known = Law::ALL.map(Law::word);
            let meant = nearest(text, known.into_iter());
            let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant:?}?"));
            let what = format!("no law is called {text:?}; expected {}{meant}", known.join(", "));
            file.error(word.span(), what)
        })?;
        if laws.contains(&found) {
            return Err(file.error(word.span(), format!("`{text}` is named twice; expected it once")));
        }
        laws.push(found);
    }
    Ok(laws)
}

fn about(file: File<'_>, span: &Range<usize>, raw: &RawExpect) -> Result<About, SpecError> {
    let word = file.needed(raw.about.as_ref(), span, "about", "what the alarm is about")?;
    let found = About::ALL.into_iter().find(|about| about.word() == word.get_ref());
    found.ok_or_else(|| {
        let known = About::ALL.map(About::word).join(", ");
        file.error(word.span(), format!("no alarm is about {:?}; expected {known}", word.get_ref()))
    })
}
