//! A run as a person wants to see it: currents, heat and set-points over time, and what happened when.
//!
//! Keeps a fixed number of buckets, however long the run is; each holds the largest value that was in it, so that no
//! peak is lost.

use super::Watch;
use crate::balance::{Command, Event};
use crate::plant::network::Plant;
use crate::scenario::{Happening, Scenario};

/// Buckets of a run.
const BUCKETS: u64 = 800;
/// Most notes that are kept.
const NOTES_MAX: usize = 500;

/// Largest values in one stretch of time.
#[derive(Clone, PartialEq, Debug)]
pub struct Bucket {
    /// RMS amperes of each line at the main fuse.
    pub amperes: [f64; 3],
    /// The same without chargers.
    pub base: [f64; 3],
    /// Heat of the main fuse over that which blows it, the warmest line.
    pub heat: f64,
    /// What each charger offers, amperes.
    pub offered: Vec<f64>,
    /// What each car takes, amperes on its busiest terminal.
    pub drawn: Vec<f64>,
}

/// A run over time.
pub struct History {
    /// Milliseconds of a bucket.
    pub every_ms: u64,
    /// From the start on.
    pub buckets: Vec<Bucket>,
    /// What happened, in words, and when in milliseconds.
    pub notes: Vec<(u64, String)>,
    chargers: Vec<String>,
}

impl History {
    /// Of a run of this scenario.
    pub fn new(scenario: &Scenario) -> History {
        History {
            every_ms: scenario.duration_ms.div_ceil(BUCKETS).max(1),
            buckets: Vec::new(),
            notes: Vec::new(),
            chargers: scenario.chargers.iter().map(|charger| charger.name.clone()).collect(),
        }
    }

    fn note(&mut self, t_ms: u64, text: String) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push((t_ms, text));
        }
    }

    fn words(&self, what: &Happening) -> String {
        let name = |id: usize| self.chargers.get(id).map_or("?", String::as_str);
        let ends = |up: bool| if up { "is back" } else { "is lost" };
        match what {
            Happening::Meter { up } => format!("the dongle's link {}", ends(*up)),
            Happening::Dongle { up } => format!("the dongle's power {}", ends(*up)),
            Happening::Charger { id, up } => format!("the link of {} {}", name(*id), ends(*up)),
            Happening::Cloud { up } => format!("the balancer's network {}", ends(*up)),
            Happening::Balancer { up } => format!("the balancer {}", ends(*up)),
            Happening::Reboot { id, .. } => format!("{} starts again", name(*id)),
            Happening::Swap { id, .. } => format!("{} is replaced by another charger", name(*id)),
            Happening::StandAlone { id, on: true } => format!("{} stands alone", name(*id)),
            Happening::StandAlone { id, on: false } => format!("{} joins the group again", name(*id)),
            Happening::Volts([l1, l2, l3]) => format!("voltages {l1}, {l2}, {l3} V"),
            Happening::Settings(_) => "the settings change".into(),
            Happening::Override { id, current_ma } => {
                format!("somebody else sets {} to {} A", name(*id), *current_ma as f64 / 1000.0)
            }
        }
    }
}

impl Watch for History {
    fn span(&mut self, from_ms: u64, plant: &Plant) {
        let heat =
            plant.guards().iter().position(|guard| guard.node == 0).map_or([0.0; 3], |at| plant.heat(at));
        let heat = heat.into_iter().fold(0.0, f64::max);
        let (amperes, base) = (plant.amperes(0), plant.base_amperes(0));
        let stations = plant.stations();
        let last = (plant.t_ms() - 1) / self.every_ms;
        for at in from_ms / self.every_ms..=last {
            while self.buckets.len() as u64 <= at {
                let none = vec![0.0; stations.len()];
                let bucket = Bucket {
                    amperes: [0.0; 3],
                    base: [0.0; 3],
                    heat: 0.0,
                    offered: none.clone(),
                    drawn: none,
                };
                self.buckets.push(bucket);
            }
            let bucket = &mut self.buckets[at as usize];
            for line in 0..3 {
                bucket.amperes[line] = bucket.amperes[line].max(amperes[line]);
                bucket.base[line] = bucket.base[line].max(base[line]);
            }
            // Within a span the heat moves to its end in one direction.
            if at == last {
                bucket.heat = bucket.heat.max(heat);
            }
            for (charger, station) in stations.iter().enumerate() {
                let offered = station.charger.offered_ma() as f64 / 1000.0;
                let drawn = station.charger.draws_ma().into_iter().max().unwrap_or(0) as f64 / 1000.0;
                bucket.offered[charger] = bucket.offered[charger].max(offered);
                bucket.drawn[charger] = bucket.drawn[charger].max(drawn);
            }
        }
        if from_ms / self.every_ms != last {
            self.warm(from_ms / self.every_ms, last, heat);
        }
    }

    fn answered(&mut self, t_ms: u64, _events: &[Event], commands: &[Command]) {
        for command in commands {
            if let Command::Alarm { about, text } = command {
                self.note(t_ms, format!("alarm ({}): {text}", about.word()));
            }
        }
    }

    fn happened(&mut self, t_ms: u64, what: &Happening) {
        self.note(t_ms, self.words(what));
    }
}

impl History {
    /// Buckets between the ends of one long span have the heat of its end, which is its largest or its smallest.
    fn warm(&mut self, first: u64, last: u64, heat: f64) {
        let before = if first == 0 { 0.0 } else { self.buckets[first as usize].heat };
        for at in first + 1..last {
            self.buckets[at as usize].heat = before.max(heat);
        }
    }
}

/// Two who watch.
pub struct Both<'a, A, B>(pub &'a mut A, pub &'a mut B);

impl<A: Watch, B: Watch> Watch for Both<'_, A, B> {
    fn span(&mut self, from_ms: u64, plant: &Plant) {
        self.0.span(from_ms, plant);
        self.1.span(from_ms, plant);
    }

    fn answered(&mut self, t_ms: u64, events: &[Event], commands: &[Command]) {
        self.0.answered(t_ms, events, commands);
        self.1.answered(t_ms, events, commands);
    }

    fn arrived(&mut self, t_ms: u64, command: &Command, plant: &Plant) {
        self.0.arrived(t_ms, command, plant);
        self.1.arrived(t_ms, command, plant);
    }

    fn happened(&mut self, t_ms: u64, what: &Happening) {
        self.0.happened(t_ms, what);
        self.1.happened(t_ms, what);
    }
}
