//! The scenario file: TOML in, a checked [`Scenario`] with every default filled in out.
//!
//! A scenario is a house, what happens in it, what the balancer was told, and what has to come of it. Everything that
//! is true stands in the tables of the plant; `[told]` says where the settings differ from it. Refuses files: a trace
//! that it names is handed in as text.
//!
//! | table | file | what |
//! |---|---|---|
//! | `[scenario]` | here | name, source, duration, start, seed |
//! | `[grid]`, `[fuse]`, `[[circuit]]` | `grid` | supply, main fuse, circuits behind it |
//! | `[[load]]` | `load` | what the house draws |
//! | `[[charger]]`, `[[car]]` | `station` | chargers and the cars that come and go |
//! | `[meter]`, `[links]` | `meter` | how the plant is measured, and how long news travels |
//! | `[[event]]` | `event` | what breaks, and when |
//! | `[told]`, `[[budget]]`, `[balancer]` | `told` | the settings of the balancer |
//! | `[[expect]]` | `expect` | what has to come of it; `law`: and of one that differs a little |
//!
//! | key of `[scenario]` | default | meaning |
//! |---|---|---|
//! | `about` | – | one sentence: what goes wrong here, or what is shown |
//! | `source` | – | where it comes from |
//! | `duration_s` | – | up to 31 days |
//! | `start` | `2026-01-15T16:00:00Z` | civil time of second 0, from 1970 to 2099 |
//! | `seed` | 1 | of everything random |

mod event;
mod expect;
mod grid;
mod law;
mod load;
mod meter;
mod station;
mod told;

pub use event::{Event, Happening};
pub use expect::{Band, Expect, Quantity};
pub use grid::{Circuit, system};
pub use law::{Change, Law};
pub use load::{Draw, Load};
pub use meter::{Clamps, Link, Links, Measured, Meter};
pub use station::{Car, Charger};

use crate::balance::reference::Tuning;
use crate::balance::{Grid, Site};
use crate::spec_file::{File, SpecError};
use serde::Deserialize;
use toml::Spanned;

/// Longest scenario, seconds.
const DURATION_MAX_S: f64 = 31.0 * 86_400.0;
/// When a scenario may start, UTC milliseconds since 1970: clocks of meters have no other years.
const STARTS_MS: std::ops::Range<i64> = 0..4_102_444_800_000;

/// A scenario, checked and complete.
#[derive(Clone, PartialEq, Debug)]
pub struct Scenario {
    /// One sentence on what it shows.
    pub about: String,
    /// Where it comes from.
    pub source: String,
    /// How long it runs.
    pub duration_ms: u64,
    /// UTC milliseconds since 1970 at its start.
    pub utc_ms: i64,
    /// Of everything random.
    pub seed: u64,
    /// How the supply is wired.
    pub grid: Grid,
    /// Volts to neutral, or between lines where there is none.
    pub volts: f64,
    /// Circuits; the first is the installation behind the main fuse.
    pub circuits: Vec<Circuit>,
    /// What the house draws.
    pub loads: Vec<Load>,
    /// Chargers.
    pub chargers: Vec<Charger>,
    /// Cars, in the order of the file.
    pub cars: Vec<Car>,
    /// How the plant is measured.
    pub meter: Meter,
    /// How news travels.
    pub links: Links,
    /// What happens, sorted by time.
    pub events: Vec<Event>,
    /// What the balancer is told.
    pub site: Site,
    /// Settings of the reference balancer.
    pub tuning: Tuning,
    /// What has to come of it.
    pub expects: Vec<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    scenario: Head,
    #[serde(default)]
    grid: grid::RawGrid,
    fuse: Spanned<grid::RawFuse>,
    #[serde(default)]
    circuit: Vec<Spanned<grid::RawCircuit>>,
    #[serde(default)]
    load: Vec<Spanned<load::RawLoad>>,
    #[serde(default)]
    charger: Vec<Spanned<station::RawCharger>>,
    #[serde(default)]
    car: Vec<Spanned<station::RawCar>>,
    #[serde(default)]
    meter: meter::RawMeter,
    #[serde(default)]
    links: meter::RawLinks,
    #[serde(default)]
    event: Vec<Spanned<event::RawEvent>>,
    #[serde(default)]
    told: told::RawTold,
    #[serde(default)]
    budget: Vec<Spanned<told::RawBudget>>,
    #[serde(default)]
    balancer: Tuning,
    #[serde(default)]
    expect: Vec<Spanned<expect::RawExpect>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    about: String,
    source: String,
    duration_s: Spanned<f64>,
    start: Option<Spanned<String>>,
    seed: Option<u64>,
}

/// A name that can be shown in a line of text.
fn name(file: File<'_>, name: &Spanned<String>) -> Result<String, SpecError> {
    if name.get_ref().is_empty() || name.get_ref().contains(char::is_control) {
        return Err(file.error(name.span(), format!("no name is {:?}; expected some text", name.get_ref())));
    }
    Ok(name.get_ref().clone())
}

/// Thousandths of what a file says, for seconds and amperes.
fn milli(value: f64) -> i64 {
    (value * 1000.0).round() as i64
}

impl Scenario {
    /// Reads a scenario file. `trace` gives the text of a file that it names.
    ///
    /// # Errors
    ///
    /// The first mistake, with its line.
    pub fn parse(text: &str, trace: &dyn Fn(&str) -> Result<String, String>) -> Result<Scenario, SpecError> {
        let file = File { text };
        let raw: RawScenario = file.parse()?;
        let duration_s = file.number(&raw.scenario.duration_s, "duration_s", 1.0..=DURATION_MAX_S)?;
        let duration_ms = milli(duration_s) as u64;
        let utc_ms = match &raw.scenario.start {
            None => 1_768_492_800_000,
            Some(start) => {
                let time = start.get_ref().parse::<jiff::Timestamp>();
                time.map_err(|error| {
                    file.error(
                        start.span(),
                        format!("`start`: {error}; expected a time such as 2026-01-15T16:00:00Z"),
                    )
                })?
                .as_millisecond()
            }
        };
        if let Some(start) = raw.scenario.start.as_ref().filter(|_| !STARTS_MS.contains(&utc_ms)) {
            let what = format!("`start` is {}; expected a time from 1970 to 2099", start.get_ref());
            return Err(file.error(start.span(), what));
        }
        let (grid, volts) = grid::supply(file, &raw.grid)?;
        let circuits = grid::circuits(file, &raw.fuse, raw.circuit)?;
        let around = load::Around { grid, volts, circuits: &circuits, duration_ms, trace };
        let loads = load::check(file, raw.load, &around)?;
        let chargers = station::chargers(file, raw.charger, grid, &circuits)?;
        let cars = station::cars(file, raw.car, grid, &chargers, duration_ms)?;
        let meter = meter::check(file, raw.meter, grid)?;
        let links = meter::links(file, &raw.links)?;
        let truth = told::site(grid, utc_ms, &circuits, &chargers, &meter);
        let site = told::check(file, &raw.told, &raw.budget, &truth)?;
        let events = event::check(file, raw.event, &chargers, &site, duration_ms)?;
        let expects = expect::check(file, raw.expect, &circuits, &chargers, duration_ms)?;
        let scenario = Scenario {
            about: raw.scenario.about,
            source: raw.scenario.source,
            duration_ms,
            utc_ms,
            seed: raw.scenario.seed.unwrap_or(1),
            grid,
            volts,
            circuits,
            loads,
            chargers,
            cars,
            meter,
            links,
            events,
            site,
            tuning: raw.balancer,
            expects,
        };
        law::check(&scenario)?;
        Ok(scenario)
    }
}
