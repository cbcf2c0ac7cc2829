//! The tables `[[event]]`: what breaks, and when.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `at_s` | – | when |
//! | `what` | – | see below |
//! | `for_s` | to the end | until it works again |
//! | `every_s`, `times` | –, 1 | it happens again |
//! | `charger` | – | which one, where one is meant |
//! | `a` | – | `override`: amperes |
//! | `volts` | – | `voltage`: one for each phase |
//! | `told` | – | `settings`: as in `[told]` |
//!
//! | `what` | meaning |
//! |---|---|
//! | `meter-down` | what the dongle says does not arrive (B-51) |
//! | `dongle-off` | the dongle has no power; it hears nothing and takes two minutes to start again (B-27, B-28) |
//! | `charger-down` | a charger hears nothing and is not heard (B-61) |
//! | `cloud-down` | nobody reaches the balancer (B-15) |
//! | `balancer-dead` | the balancer itself stands still (field bug B12) |
//! | `reboot` | a charger starts again, dead for `for_s` (default 20), and has forgotten its limit |
//! | `swap` | a charger is replaced by a new one, the car unplugged for `for_s` (default 120), and the new one was told nothing (B-11) |
//! | `stand-alone` | a charger ignores the balancer (B-63) |
//! | `voltage` | other voltages (B-37) |
//! | `settings` | somebody changes the settings |
//! | `override` | somebody else sets a charger's limit (field bug B14) |

use super::told::{self, RawTold};
use super::{Charger, milli, station};
use crate::balance::Site;
use crate::spec_file::{File, SpecError};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// Most events of a scenario.
const EVENTS_MAX: usize = 100_000;
/// Longest time from power to the first reading of a dongle, milliseconds (B-27).
const DONGLE_STARTS_MS: u64 = 120_000;

/// How long it takes to put another charger in the place of one, milliseconds.
const SWAP_MS: u64 = 120_000;

/// Something that happens.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// When.
    pub at_ms: u64,
    /// What.
    pub what: Happening,
}

/// What can happen. `up` and `on` say whether it begins to work or stops.
#[derive(Clone, PartialEq, Debug)]
pub enum Happening {
    /// The link from the dongle.
    Meter {
        /// It works.
        up: bool,
    },
    /// The power of the dongle.
    Dongle {
        /// It listens.
        up: bool,
    },
    /// The link of a charger.
    Charger {
        /// Which.
        id: usize,
        /// It works.
        up: bool,
    },
    /// All links of the balancer.
    Cloud {
        /// They work.
        up: bool,
    },
    /// The balancer.
    Balancer {
        /// It runs.
        up: bool,
    },
    /// A charger starts again.
    Reboot {
        /// Which.
        id: usize,
        /// Dead for so long.
        down_ms: u64,
    },
    /// Another charger is put in its place.
    Swap {
        /// Which.
        id: usize,
        /// No car is there for so long.
        down_ms: u64,
    },
    /// A charger ignores the balancer, or heeds it again.
    StandAlone {
        /// Which.
        id: usize,
        /// It ignores it.
        on: bool,
    },
    /// Other voltages of the phases.
    Volts([f64; 3]),
    /// Other settings.
    Settings(Box<Site>),
    /// Somebody else sets a limit.
    Override {
        /// Which charger.
        id: usize,
        /// Its limit.
        current_ma: i64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvent {
    at_s: Spanned<f64>,
    what: Spanned<String>,
    for_s: Option<Spanned<f64>>,
    every_s: Option<Spanned<f64>>,
    times: Option<Spanned<u32>>,
    charger: Option<Spanned<String>>,
    a: Option<Spanned<f64>>,
    volts: Option<Spanned<[f64; 3]>>,
    told: Option<RawTold>,
}

pub(super) fn check(
    file: File<'_>,
    raw: Vec<Spanned<RawEvent>>,
    chargers: &[Charger],
    site: &Site,
    duration_ms: u64,
) -> Result<Vec<Event>, SpecError> {
    let mut events = Vec::new();
    for table in raw {
        let span = table.span();
        let raw = table.into_inner();
        let times = raw.times.as_ref().map_or(1, |times| *times.get_ref());
        let every_ms = match &raw.every_s {
            None => 0,
            Some(every) => milli(file.number(every, "every_s", 0.1..=31.0 * 86_400.0)?) as u64,
        };
        if times > 1 && every_ms == 0 {
            return Err(file.error(span, "`times` needs `every_s`"));
        }
        if let Some(never) = raw.times.as_ref().filter(|times| *times.get_ref() == 0) {
            return Err(file.error(never.span(), "`times` is 0; expected 1 or more"));
        }
        strays(file, &raw)?;
        let most = duration_ms as f64 / 1000.0;
        let first_ms = milli(file.number(&raw.at_s, "at_s", 0.0..=most)?) as u64;
        let for_ms = match &raw.for_s {
            None => None,
            Some(lasts) => Some(milli(file.number(lasts, "for_s", 0.0..=most)?) as u64),
        };
        let (begins, ends) = happening(file, &span, &raw, for_ms, chargers, site)?;
        if let (Some(lasts), None) = (&raw.for_s, &ends) {
            let takes_time = matches!(begins, Happening::Reboot { .. } | Happening::Swap { .. });
            if !takes_time {
                return Err(file.error(
                    lasts.span(),
                    "this does not end by itself; expected another event instead of `for_s`",
                ));
            }
        }
        for turn in 0..u64::from(times) {
            let at_ms = first_ms + turn * every_ms;
            events.push(Event { at_ms, what: begins.clone() });
            if let (Some(for_ms), Some(ends)) = (for_ms, &ends) {
                let starts = if matches!(ends, Happening::Dongle { .. }) { DONGLE_STARTS_MS } else { 0 };
                events.push(Event { at_ms: at_ms + for_ms + starts, what: ends.clone() });
            }
            if events.len() > EVENTS_MAX {
                return Err(file.error(span, format!("more than {EVENTS_MAX} events")));
            }
        }
    }
    events.sort_by_key(|event| event.at_ms);
    Ok(events)
}

/// Keys of another kind of event: a charger beside `meter-down` does not make it the link of that charger.
fn strays(file: File<'_>, raw: &RawEvent) -> Result<(), SpecError> {
    let what = raw.what.get_ref().as_str();
    let one = matches!(what, "charger-down" | "stand-alone" | "reboot" | "swap" | "override");
    let keys = [
        ("charger", raw.charger.as_ref().map(Spanned::span), one),
        ("a", raw.a.as_ref().map(Spanned::span), what == "override"),
        ("volts", raw.volts.as_ref().map(Spanned::span), what == "voltage"),
        ("told", raw.told.as_ref().map(|_| raw.what.span()), what == "settings"),
    ];
    file.strays(what, keys)
}

fn happening(
    file: File<'_>,
    span: &Range<usize>,
    raw: &RawEvent,
    for_ms: Option<u64>,
    chargers: &[Charger],
    site: &Site,
) -> Result<(Happening, Option<Happening>), SpecError> {
    let id = || {
        let name = file.needed(raw.charger.as_ref(), span, "charger", "which one is meant")?;
        station::by_name(file, chargers, name)
    };
    Ok(match raw.what.get_ref().as_str() {
        "meter-down" => (Happening::Meter { up: false }, Some(Happening::Meter { up: true })),
        "dongle-off" => (Happening::Dongle { up: false }, Some(Happening::Dongle { up: true })),
        "cloud-down" => (Happening::Cloud { up: false }, Some(Happening::Cloud { up: true })),
        "balancer-dead" => (Happening::Balancer { up: false }, Some(Happening::Balancer { up: true })),
        "charger-down" => {
            let id = id()?;
            (Happening::Charger { id, up: false }, Some(Happening::Charger { id, up: true }))
        }
        "stand-alone" => {
            let id = id()?;
            (Happening::StandAlone { id, on: true }, Some(Happening::StandAlone { id, on: false }))
        }
        "reboot" => (Happening::Reboot { id: id()?, down_ms: for_ms.unwrap_or(20_000) }, None),
        "swap" => (Happening::Swap { id: id()?, down_ms: for_ms.unwrap_or(SWAP_MS) }, None),
        "override" => {
            let amperes = file.needed(raw.a.as_ref(), span, "a", "the limit that somebody sets")?;
            let current_ma = milli(file.number(amperes, "a", 0.0..=1000.0)?);
            (Happening::Override { id: id()?, current_ma }, None)
        }
        "voltage" => {
            let volts = file.needed(raw.volts.as_ref(), span, "volts", "one voltage for each phase")?;
            if !volts.get_ref().iter().all(|volts| (0.0..=400.0).contains(volts)) {
                return Err(file.error(volts.span(), "expected 0 to 400 V"));
            }
            (Happening::Volts(*volts.get_ref()), None)
        }
        "settings" => {
            let told = raw.told.as_ref().ok_or_else(|| {
                file.error(span.clone(), "`told` is missing: what somebody changes, as in `[told]`")
            })?;
            (Happening::Settings(Box::new(told::changed(file, told, site)?)), None)
        }
        other => {
            let what = format!(
                "nothing that happens is called {other:?}; expected meter-down, dongle-off, charger-down, \
                 cloud-down, balancer-dead, reboot, swap, stand-alone, voltage, settings or override"
            );
            return Err(file.error(raw.what.span(), what));
        }
    })
}
