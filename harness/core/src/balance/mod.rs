//! What a load balancer is told and what it may answer; and the balancers that are built in.
//!
//! A balancer sees only what a real one sees: its settings, decoded meter readings, what chargers report, and which of
//! its links are down. Refuses the plant: nothing here knows true currents, fuses that heat up, or what a car will do.
//! Refuses a clock too: the time comes with every batch, in milliseconds since the start.
//!
//! All currents are in milliamperes, voltages in millivolts, and an unknown value is `None`, never 0.

pub mod built_in;
pub mod json;
pub mod reference;
pub mod rules;

use crate::site::ratio::Factor;
use serde::{Deserialize, Serialize};

/// How the supply is wired (B-10 of balancing). On IT and TT loads lie between lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grid {
    /// One phase and neutral.
    Tn1,
    /// Three phases and neutral.
    Tn3,
    /// Two lines of an IT net.
    It1,
    /// Three lines, no neutral.
    It3,
    /// Three lines of a TT net; behaves as IT.
    Tt3,
}

impl Grid {
    /// There is a neutral: a load on one phase loads one line.
    pub fn has_neutral(self) -> bool {
        matches!(self, Grid::Tn1 | Grid::Tn3)
    }

    /// Lines that carry current apart from the neutral. On one phase of IT both lines carry the same.
    pub fn lines(self) -> usize {
        match self {
            Grid::Tn1 | Grid::It1 => 1,
            Grid::Tn3 | Grid::It3 | Grid::Tt3 => 3,
        }
    }
}

/// Everything a balancer is told about the site: what a fitter enters in the portal, right or wrong.
#[derive(Clone, PartialEq, Debug)]
pub struct Site {
    /// How the supply is wired.
    pub grid: Grid,
    /// UTC milliseconds since 1970 at `t_ms` = 0.
    pub utc_ms: i64,
    /// IANA name of the zone that budgets are meant in, `Europe/Oslo` (B-19).
    pub zone: String,
    /// The main fuse where the meter measures: "supply max current" (B-55), primary amperes.
    pub supply_max_ma: i64,
    /// What meter readings are multiplied by to get primary amperes (B-24). Readings arrive unscaled.
    pub scale: Factor,
    /// Which line of the site each phase of the meter is, from 1; usually 1, 2, 3 (B-56).
    pub phase_order: [u8; 3],
    /// The meter sees what the chargers draw (B-36).
    pub chargers_included: bool,
    /// The meter measures power with its direction. Without it a current has no sign and export looks like import (B-34).
    pub signed: bool,
    /// How often the meter says currents, milliseconds.
    pub currents_every_ms: u64,
    /// Limits of the whole group (B-53, B-54).
    pub group: Group,
    /// Circuits; the first is the installation, every other one stands behind its parent (B-01).
    pub circuits: Vec<Circuit>,
    /// Chargers in the group.
    pub chargers: Vec<ChargerSettings>,
    /// Limits by time of day (B-19, B-20).
    pub budgets: Vec<Budget>,
}

/// Settings of the group as a whole, per phase.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Group {
    /// Most that all chargers together may draw while the meter is heard (B-53).
    pub max_online_ma: i64,
    /// The same while it is not (B-53).
    pub max_offline_ma: i64,
    /// Smallest current that a charger is given; below it waits (B-54).
    pub min_ma: i64,
}

/// A circuit of the installation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Circuit {
    /// Stable name.
    pub name: String,
    /// Index of the circuit in front; `None` for the installation itself. Always smaller than its own index.
    pub parent: Option<usize>,
    /// Most that may flow here, per line (B-06, B-07).
    pub limit_ma: i64,
}

/// What is known of a charger.
#[derive(Clone, PartialEq, Debug)]
pub struct ChargerSettings {
    /// Stable name, the `id` of the contract.
    pub name: String,
    /// Index of its circuit.
    pub circuit: usize,
    /// The line behind each of its terminals L1, L2, L3, from 1.
    pub order: [u8; 3],
    /// Terminals that are wired: 1 or 3.
    pub phases: u8,
    /// It can be told to use one of its three phases.
    pub switches: bool,
    /// Smallest current it can offer a car; 6 A by the control pilot.
    pub min_ma: i64,
    /// Largest current it can offer.
    pub max_ma: i64,
    /// It takes multiples of this and rounds down.
    pub step_ma: i64,
    /// Limit it holds while it hears nobody (B-57), as far as set already; `None`: nobody has told it one.
    pub offline_ma: Option<i64>,
    /// Line that it charges on while it hears nobody (B-58), from 1; `None`: all that are wired.
    pub offline_phase: Option<u8>,
    /// Larger is served first.
    pub priority: u8,
}

/// A limit that holds between two times of every day, by the wall clock of the site.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// First minute of the day, from midnight.
    pub from_min: u16,
    /// First minute after it; smaller than `from_min` over midnight.
    pub to_min: u16,
    /// Most that the site may draw per line, if limited in amperes.
    pub limit_ma: Option<i64>,
    /// Most that the site may draw on average over an hour, if limited in power.
    pub limit_w: Option<i64>,
}

/// Index of a charger in [`Site::chargers`].
pub type ChargerId = usize;

/// Something a balancer hears.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// The settings: first of all, and again when the user changes them.
    Config(Box<Site>),
    /// A reading of the meter, as the dongle claims it.
    Meter(Sample),
    /// What a charger says of itself.
    Charger(Status),
    /// A link went down or came back, where somebody notices. A link can be down without a word.
    Link {
        /// Which.
        what: Link,
        /// It works again.
        up: bool,
    },
    /// A second has passed.
    Tick,
}

/// A link of the balancer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// To the dongle.
    Meter,
    /// To a charger.
    Charger(ChargerId),
}

/// One reading of the meter. Unscaled: behind transformers these are secondary amperes and watts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    /// RMS current of each phase of the meter. Negative where the dongle knows that it flows out.
    pub i_ma: [Option<i64>; 3],
    /// RMS voltage of each.
    pub u_mv: [Option<i64>; 3],
    /// Active power in watts, import less export.
    pub p_w: Option<i64>,
    /// Reactive power in var, import less export.
    pub q_var: Option<i64>,
    /// List of the meter: 1 carries power alone.
    pub list: u8,
}

/// What a charger is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// No car.
    Unplugged,
    /// A car that would charge and is offered nothing, or has not begun yet.
    Waiting,
    /// A car draws, or is offered enough to.
    Charging,
    /// A car that wants no more.
    Finished,
}

impl Doing {
    /// The word of the protocol.
    pub fn word(self) -> &'static str {
        match self {
            Doing::Unplugged => "unplugged",
            Doing::Waiting => "waiting",
            Doing::Charging => "charging",
            Doing::Finished => "finished",
        }
    }
}

/// What a charger says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// Which charger.
    pub id: ChargerId,
    /// What it is doing.
    pub doing: Doing,
    /// Current through each of its terminals L1, L2, L3.
    pub i_ma: [i64; 3],
    /// What it offers the car; 0 while it offers nothing.
    pub offered_ma: i64,
    /// Terminals in use: 1 or 3.
    pub phases: u8,
    /// Most that charger and cable allow (B-66).
    pub max_ma: i64,
    /// The limit it will hold when it hears nobody, if it was told one (B-57).
    pub offline_ma: Option<i64>,
    /// Times it has started, from 1: a larger number than before means that it has forgotten its limit.
    pub boots: u32,
    /// Energy of this session, watt-hours.
    pub session_wh: i64,
}

/// Something a balancer wants.
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// A charger may offer this much from now on, for so long.
    Limit {
        /// Which charger.
        id: ChargerId,
        /// 0 pauses.
        current_ma: i64,
        /// Terminals to use: 1 or 3.
        phases: u8,
        /// After this it falls to its offline limit.
        ttl_ms: u64,
    },
    /// What a charger holds while it hears nobody, until told otherwise.
    Offline {
        /// Which charger.
        id: ChargerId,
        /// 0 stops it.
        current_ma: i64,
        /// Line from 1 that it charges on; `None`: all that are wired.
        phase: Option<u8>,
    },
    /// Something a person should look at.
    Alarm {
        /// What kind of thing.
        about: About,
        /// In words.
        text: String,
    },
}

/// What an alarm is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// Clamps or phases are not where the settings say.
    Wiring,
    /// Readings are missing, impossible or old.
    Meter,
    /// A charger does not do what it was told.
    Charger,
    /// The settings contradict themselves or the readings.
    Settings,
    /// The house alone needs more than there is.
    Overload,
}

impl About {
    /// All of them.
    pub const ALL: [About; 5] =
        [About::Wiring, About::Meter, About::Charger, About::Settings, About::Overload];

    /// The word of the protocol.
    pub fn word(self) -> &'static str {
        match self {
            About::Wiring => "wiring",
            About::Meter => "meter",
            About::Charger => "charger",
            About::Settings => "settings",
            About::Overload => "overload",
        }
    }
}

/// Why the loop cannot go on: a balancer gave no usable answer, or the dongle in front of it is gone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "what")]
pub enum Trouble {
    /// It answered something that is no answer; what was wrong.
    Rubbish(String),
    /// It answered after its time was over, or not at all.
    Late(String),
    /// It answered more than once.
    Twice(String),
    /// It is gone; how it ended and its last words.
    Gone(String),
    /// The dongle ended, does not read, or floods; how, and its last words. A dongle that is merely silent is none: then
    /// the balancer hears nothing.
    Dongle(String),
    /// One of them could not be reached for a reason that is not its own.
    Rig(String),
}

/// A load balancer.
pub trait Balancer {
    /// Hears everything that reached it at `t_ms` and appends what it wants done.
    ///
    /// # Errors
    /// Only a balancer outside this program errs.
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble>;
}
