//! The laws of `[[expect]] what = "laws"`: changes of a house that must not matter to a balancer, or matter in one
//! direction only (balancing, section 5d, invariant 11).
//!
//! A changed scenario is the twin of the one in the file. Refuses to know what a balancer makes of it: see
//! [`crate::verdict::balance::laws`].
//!
//! | word | twins | what must come of it |
//! |---|---|---|
//! | `order` | chargers told in the reverse order; their names exchanged | the same shares, whoever has which |
//! | `turned` | everything but the meter, which measures all lines, one line further, and two | the same share for each |
//! | `ratio` | transformers that turn current down ten times more, and everybody knows | the same share for each, but for what the meter rounds away |
//! | `more-load` | 6 A more on one line, for each of them | cars draw no more on that line |
//! | `empty-place` | one charger more, like the first, without a car | the same shares, whoever has which |
//! | `larger-limit` | `max_online_a` at a quarter, half and three quarters | with more room the smallest share is not smaller |

use super::{Draw, Happening, Load, Quantity, Scenario};
use crate::balance::Site;
use crate::plant::network::Place;
use crate::spec_file::SpecError;
use std::fmt;

/// A law between two runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Law {
    /// The order and the names of chargers change nobody's share (a).
    Order,
    /// A house turned by a line gets the same (b).
    Turned,
    /// Transformers that everybody knows of change nothing (c).
    Ratio,
    /// More load on a line never gives cars more of it (d).
    MoreLoad,
    /// A charger without a car takes nothing from anybody (e).
    EmptyPlace,
    /// A larger limit never makes the smallest share smaller (f).
    LargerLimit,
}

impl Law {
    /// All of them.
    pub const ALL: [Law; 6] =
        [Law::Order, Law::Turned, Law::Ratio, Law::MoreLoad, Law::EmptyPlace, Law::LargerLimit];

    /// Its word in a scenario file.
    pub fn word(self) -> &'static str {
        match self {
            Law::Order => "order",
            Law::Turned => "turned",
            Law::Ratio => "ratio",
            Law::MoreLoad => "more-load",
            Law::EmptyPlace => "empty-place",
            Law::LargerLimit => "larger-limit",
        }
    }

    /// The changes that it says something of, for one scenario.
    fn changes(self, scenario: &Scenario) -> Vec<Change> {
        match self {
            Law::Order => vec![Change::Reversed, Change::Renamed],
            Law::Turned => vec![Change::Turned(1), Change::Turned(2)],
            Law::Ratio => vec![Change::Ratio],
            Law::MoreLoad => (0..scenario.grid.lines()).map(Change::MoreLoad).collect(),
            Law::EmptyPlace => vec![Change::EmptyPlace],
            Law::LargerLimit => vec![Change::Limit(75), Change::Limit(50), Change::Limit(25)],
        }
    }

    /// Why it says nothing of a scenario, if so.
    fn means_nothing(self, scenario: &Scenario) -> Option<&'static str> {
        let household = scenario.loads.iter().any(|load| matches!(load.draw, Draw::House { .. }));
        match self {
            Law::Order if scenario.chargers.len() < 2 => Some("one charger has no order"),
            Law::Turned if scenario.grid.lines() == 1 => Some("one line cannot be turned"),
            Law::Turned if household => Some("a `house` cannot be turned"),
            Law::MoreLoad if !scenario.grid.has_neutral() => {
                Some("without a neutral a load is on two lines at once")
            }
            Law::Ratio if scenario.meter.ratio.times(TURNED_DOWN).is_none() => {
                Some("no transformers turn current down ten times more than these")
            }
            _ => None,
        }
    }
}

/// How many times more the transformers of a twin turn current down.
const TURNED_DOWN: u32 = 10;
/// The load that a twin has more, milliamperes: the least that a car is given, so that somebody may have to wait.
const MORE_MA: i64 = 6000;
/// The charger that a twin has more.
const EMPTY: &str = "empty-place";

/// How a twin differs from its scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The chargers are told in the reverse order.
    Reversed,
    /// The first charger has the name of the last, and so on.
    Renamed,
    /// Loads and terminals are so many lines further.
    Turned(usize),
    /// The transformers turn current down ten times more.
    Ratio,
    /// There is more load on this line, from 0.
    MoreLoad(usize),
    /// There is a charger more, without a car.
    EmptyPlace,
    /// All chargers together may draw this part of what they may, per cent.
    Limit(u8),
}

impl fmt::Display for Change {
    /// To be read behind the word "with".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Reversed => f.write_str("the chargers in the reverse order"),
            Change::Renamed => f.write_str("the names of the chargers exchanged"),
            Change::Turned(1) => f.write_str("everything but the meter one line further"),
            Change::Turned(by) => write!(f, "everything but the meter {by} lines further"),
            Change::Ratio => write!(f, "transformers that turn current down {TURNED_DOWN} times more"),
            Change::MoreLoad(line) => write!(f, "{} A more on L{}", MORE_MA / 1000, line + 1),
            Change::EmptyPlace => f.write_str("one charger more that has no car"),
            Change::Limit(percent) => write!(f, "{percent} % of `max_online_a`"),
        }
    }
}

impl Change {
    /// The law that says what must come of it.
    pub fn law(self) -> Law {
        match self {
            Change::Reversed | Change::Renamed => Law::Order,
            Change::Turned(_) => Law::Turned,
            Change::Ratio => Law::Ratio,
            Change::MoreLoad(_) => Law::MoreLoad,
            Change::EmptyPlace => Law::EmptyPlace,
            Change::Limit(_) => Law::LargerLimit,
        }
    }

    /// The charger of the scenario that is at this place of the twin. `count`: chargers of the scenario.
    pub fn charger(self, place: usize, count: usize) -> Option<usize> {
        (place < count).then(|| if self == Change::Reversed { count - 1 - place } else { place })
    }

    /// The scenario with this change. It expects nothing: what it is for is decided between the two.
    pub fn twin(self, scenario: &Scenario) -> Scenario {
        let mut twin = Scenario { expects: Vec::new(), ..scenario.clone() };
        match self {
            Change::Reversed => reverse(&mut twin),
            Change::Renamed => rename(&mut twin),
            Change::Turned(by) => turn(&mut twin, by),
            Change::Ratio => {
                // A ratio that cannot be larger was refused with the file.
                let more = |ratio: &mut crate::site::ratio::Factor| {
                    *ratio = ratio.times(TURNED_DOWN).unwrap_or(*ratio);
                };
                more(&mut twin.meter.ratio);
                told(&mut twin, |site| more(&mut site.scale));
            }
            Change::MoreLoad(line) => twin.loads.push(Load {
                circuit: 0,
                place: Place::Branch(line),
                pf: 1.0,
                lead: false,
                draw: Draw::Steps(vec![(0, MORE_MA)]),
            }),
            Change::EmptyPlace => add_charger(&mut twin),
            Change::Limit(percent) => told(&mut twin, |site| {
                site.group.max_online_ma = site.group.max_online_ma * i64::from(percent) / 100;
            }),
        }
        twin
    }
}

/// Changes what the balancer is told, at the start and later.
fn told(twin: &mut Scenario, change: impl Fn(&mut Site)) {
    change(&mut twin.site);
    for event in &mut twin.events {
        if let Happening::Settings(site) = &mut event.what {
            change(site);
        }
    }
}

fn reverse(twin: &mut Scenario) {
    let last = twin.chargers.len().saturating_sub(1);
    twin.chargers.reverse();
    twin.cars.iter_mut().for_each(|car| car.charger = last - car.charger);
    told(twin, |site| site.chargers.reverse());
    for event in &mut twin.events {
        match &mut event.what {
            Happening::Charger { id, .. }
            | Happening::Reboot { id, .. }
            | Happening::Swap { id, .. }
            | Happening::StandAlone { id, .. }
            | Happening::Override { id, .. } => *id = last - *id,
            Happening::Meter { .. }
            | Happening::Dongle { .. }
            | Happening::Cloud { .. }
            | Happening::Balancer { .. }
            | Happening::Volts(_)
            | Happening::Settings(_) => {}
        }
    }
}

fn rename(twin: &mut Scenario) {
    let names: Vec<String> = twin.chargers.iter().rev().map(|charger| charger.name.clone()).collect();
    for (charger, name) in twin.chargers.iter_mut().zip(&names) {
        charger.name.clone_from(name);
    }
    told(twin, |site| {
        for (charger, name) in site.chargers.iter_mut().zip(&names) {
            charger.name.clone_from(name);
        }
    });
}

fn turn(twin: &mut Scenario, by: usize) {
    for load in &mut twin.loads {
        if let Place::Branch(branch) = &mut load.place {
            *branch = (*branch + by) % 3;
        }
    }
    // `by` is 1 or 2, and lines are from 1.
    let further = |line: u8| (line + 2 + by as u8) % 3 + 1;
    for charger in &mut twin.chargers {
        charger.settings.order = charger.settings.order.map(further);
        charger.settings.offline_phase = charger.settings.offline_phase.map(further);
    }
    told(twin, |site| {
        for charger in &mut site.chargers {
            charger.order = charger.order.map(further);
            charger.offline_phase = charger.offline_phase.map(further);
        }
    });
    for event in &mut twin.events {
        if let Happening::Volts(volts) = &mut event.what {
            volts.rotate_right(by);
        }
    }
}

fn add_charger(twin: &mut Scenario) {
    let taken = |name: &str| twin.chargers.iter().any(|charger| charger.name == name);
    let mut name = EMPTY.to_string();
    while taken(&name) {
        name.push('+');
    }
    twin.chargers.extend(twin.chargers.first().cloned());
    twin.chargers.last_mut().into_iter().for_each(|charger| charger.name.clone_from(&name));
    told(twin, |site| {
        site.chargers.extend(site.chargers.first().cloned());
        site.chargers.last_mut().into_iter().for_each(|charger| charger.name.clone_from(&name));
    });
}

impl Scenario {
    /// The laws that hold for it, and from when to when shares are compared, milliseconds; `None` where the file names
    /// no law.
    pub fn laws(&self) -> Option<(&[Law], (u64, u64))> {
        self.expects.iter().find_map(|expect| match &expect.what {
            Quantity::Laws(laws) => Some((laws.as_slice(), (expect.from_ms, expect.to_ms))),
            _ => None,
        })
    }

    /// The twins that its laws ask for, in the order of the file.
    pub fn changes(&self) -> Vec<Change> {
        let laws = self.laws().map_or(&[][..], |(laws, _)| laws);
        laws.iter().flat_map(|law| law.changes(self)).collect()
    }
}

/// Laws that say something of this scenario, once.
pub(super) fn check(scenario: &Scenario) -> Result<(), SpecError> {
    let mut of_laws = scenario.expects.iter().filter(|expect| matches!(expect.what, Quantity::Laws(_)));
    let (Some(expect), Some((laws, (from_ms, to_ms)))) = (of_laws.next(), scenario.laws()) else {
        return Ok(());
    };
    let error = |line: usize, what: String| Err(SpecError { line, what });
    if let Some(second) = of_laws.next() {
        return error(second.line, format!("laws stand in one table; expected them at line {}", expect.line));
    }
    if from_ms == to_ms {
        return error(expect.line, "laws compare shares over a time; expected `to_s` after `from_s`".into());
    }
    let stays = |car: &super::Car| car.from_ms <= from_ms && car.to_ms.is_none_or(|gone_ms| gone_ms >= to_ms);
    if !scenario.cars.iter().any(stays) {
        let (from_s, to_s) = (from_ms as f64 / 1000.0, to_ms as f64 / 1000.0);
        let what = format!("no car is there all the time from {from_s} to {to_s} s; expected one to compare");
        return error(expect.line, what);
    }
    for law in laws {
        if let Some(why) = law.means_nothing(scenario) {
            let what =
                format!("the law `{}` means nothing here: {why}; expected it to be left out", law.word());
            return error(expect.line, what);
        }
    }
    Ok(())
}
