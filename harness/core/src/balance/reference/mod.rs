//! The reference balancer: shares what a fuse has left among chargers, and is safe when nobody hears anybody.
//!
//! ```text
//! observe ─► base ─► headroom ─► select ─► allocate ─► phases ─► pace ─► lease
//! readings   less    rows with   who is    exact       1 or 3    down    limits that
//! and age    cars    caps        served    max-min     phases    at once end, offline limits
//! ```
//!
//! Each step takes what the one before made and knows nothing of the one behind it. Beside the chain: `fast` lowers
//! on a jump of power, `wiring` holds steps of chargers against steps of the meter, `budgets` knows the clock,
//! `book` and `layout` hold what chargers and settings say.
//!
//! It refuses to raise anything on a reading older than 15 s, to count export as room where currents have no sign, to
//! take a missing phase for 0, to allow charging before an offline limit is installed, to lend room that another
//! charger has not left yet, and to give one phase more than its share of three while a charger switches.
//!
//! Sources: balancing, section 5b; requirements B-53 to B-67; field bugs, section 13. Milliamperes are `f64` inside the
//! allocation, where shares are fractions, and whole numbers everywhere else.

mod allocate;
mod base;
mod book;
mod budgets;
mod desk;
mod fast;
mod headroom;
mod layout;
mod lease;
mod mutation;
mod observe;
mod pace;
mod phases;
mod select;
#[cfg(test)]
mod tests;
mod three_wire;
mod wiring;

pub use mutation::Mutation;

use super::{About, Balancer, Command, Event, Trouble};
use base::Base;
use book::Entry;
use desk::{Desk, News};
use layout::Layout;
use serde::Deserialize;

/// What can be set on the reference balancer, and no product offers. In a scenario: `[balancer]`, in amperes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tuning {
    /// What stays free of the supply, milliamperes. `None`: the larger of 1 A and 4 %, and so much more, up to 15 %,
    /// that a gG fuse outlasts `step_ma` (balancing, sections 2.3 and 5b). External cases that allow none say 0.
    #[serde(rename = "margin_a", deserialize_with = "maybe_milli")]
    pub margin_ma: Option<i64>,
    /// The largest step of the house on one line that the fuse has to outlast if it comes just after a reading,
    /// milliamperes. 14 A: a cooker or an instant water heater on one phase.
    #[serde(rename = "step_a", deserialize_with = "milli")]
    pub step_ma: i64,
    /// A charger that can switch goes to one phase when its share on three is below this, milliamperes, and never
    /// above its minimum when 0. Zaptec calls it the switch current and sets 15 A.
    #[serde(rename = "switch_below_a", deserialize_with = "milli")]
    pub switch_below_ma: i64,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning { margin_ma: None, step_ma: 14_000, switch_below_ma: 0 }
    }
}

/// Milliamperes from amperes, 0 to 1000.
fn milli<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let amperes = f64::deserialize(from)?;
    if !(0.0..=1000.0).contains(&amperes) {
        return Err(serde::de::Error::custom(format!("{amperes} A; expected 0 to 1000")));
    }
    Ok((amperes * 1000.0).round() as i64)
}

fn maybe_milli<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    milli(from).map(Some)
}

/// What a decision looks at.
struct Context<'a> {
    layout: &'a Layout,
    book: &'a [Entry],
    base: &'a Base,
    now: Now,
}

/// What holds in one decision.
#[derive(Clone, Copy)]
struct Now {
    t_ms: u64,
    mutation: Option<Mutation>,
    /// Readings are fresh.
    fresh: bool,
    /// Limits may rise.
    raises: bool,
    /// Nobody has seen a reading for long: everybody keeps to his own offline limit.
    alone: bool,
    /// The supply counts.
    supply: bool,
    /// Most that the group may draw per line.
    group_ma: i64,
    /// Most that the supply may carry per line, less its margin.
    line_ma: i64,
    /// Part of the margin that limits which stand already may use.
    slack_ma: f64,
    /// Part of the margin that those may use that charge with their least.
    keep_ma: f64,
    /// What power says may have come since the last currents.
    bump_ma: f64,
    /// Most that the site may import.
    power_w: Option<i64>,
    /// Between line and neutral, or between lines.
    volts: f64,
}

/// The reference balancer.
pub struct Reference {
    tuning: Tuning,
    mutation: Option<Mutation>,
    desk: Option<Desk>,
    /// When something has to be done even if nothing is heard.
    wake_ms: u64,
}

impl Reference {
    /// A balancer that knows nothing yet; the first event tells it the settings.
    pub fn new(tuning: Tuning) -> Reference {
        Reference { tuning, mutation: None, desk: None, wake_ms: 0 }
    }

    /// One with a defect.
    pub fn with_mutation(tuning: Tuning, mutation: Mutation) -> Reference {
        Reference { mutation: Some(mutation), ..Reference::new(tuning) }
    }
}

impl Balancer for Reference {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        let mut decide = t_ms >= self.wake_ms;
        let mut power = false;
        for event in events {
            match event {
                Event::Config(site) => {
                    let old = self.desk.take();
                    self.desk = Some(Desk::new(t_ms, site, old, self.mutation, commands));
                    decide = true;
                }
                Event::Tick => {}
                _ => {
                    if let Some(desk) = &mut self.desk {
                        let news = desk.hear(t_ms, event, self.mutation, commands);
                        decide |= news == News::Decide;
                        power |= news == News::Power;
                    }
                }
            }
        }
        let Some(desk) = &mut self.desk else { return Ok(()) };
        if power && !decide {
            decide = desk.jumps(t_ms);
        }
        if decide {
            self.wake_ms = desk.decide(t_ms, self.tuning, self.mutation, commands);
        }
        Ok(())
    }
}

fn alarm(commands: &mut Vec<Command>, about: About, text: String) {
    commands.push(Command::Alarm { about, text });
}
