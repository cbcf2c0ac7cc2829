//! What the balancer has been told so far. It owes nothing that it could not know.

use crate::balance::{Event, Sample, Site, Status};
use crate::plant::Phasor;
use crate::plant::magnitude;
use crate::plant::network::{Plant, STAR};
use crate::scenario::{Measured, Scenario};

/// A reading is stale when it is older (balancing, section 5d, invariant 5).
const STALE_MS: u64 = 15_000;
/// Measurements on their way that are remembered.
const WAYS: usize = 16;
/// How long a balancer may still go by the reading before the newest: its share of the time to react.
const THINKS_MS: u64 = 2_000;

/// What the balancer has been told.
pub(super) struct Knowledge<'a> {
    scenario: &'a Scenario,
    /// Its settings.
    pub(super) site: Site,
    /// What in them is not so; `None`: they are right, or stricter than need be.
    pub(super) differs: Option<String>,
    /// When the newest reading with currents arrived, or with power from a meter that says no currents.
    pub(super) heard_ms: Option<u64>,
    says_currents: bool,
    /// What chargers have said last.
    pub(super) statuses: Vec<Option<Status>>,
    /// Amperes of the house in the lines at the main fuse, when they were measured.
    measured: [(u64, [Phasor; 3]); WAYS],
    next: usize,
    newest: Option<[Phasor; 3]>,
    before: Option<[Phasor; 3]>,
    /// Lines of which the newest reading says nothing.
    pub(super) hidden: [bool; 3],
}

impl<'a> Knowledge<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Knowledge<'a> {
        Knowledge {
            scenario,
            site: scenario.site.clone(),
            differs: differs(scenario, &scenario.site),
            heard_ms: None,
            says_currents: false,
            statuses: vec![None; scenario.chargers.len()],
            measured: [(u64::MAX, [Phasor::default(); 3]); WAYS],
            next: 0,
            newest: None,
            before: None,
            hidden: [false; 3],
        }
    }

    /// The site was measured.
    pub(super) fn measured(&mut self, t_ms: u64, plant: &Plant) {
        let mut base = plant.base_phasors(0);
        if !self.site.signed {
            unsigned(&mut base);
        }
        self.measured[self.next] = (t_ms, base);
        self.next = (self.next + 1) % WAYS;
    }

    /// It hears something. Whether a reading with currents was in it.
    pub(super) fn hears(&mut self, t_ms: u64, events: &[Event]) -> bool {
        let mut fresh = false;
        for event in events {
            match event {
                Event::Config(site) => {
                    self.differs = differs(self.scenario, site);
                    self.site = (**site).clone();
                }
                Event::Meter(sample) => fresh |= self.reading(t_ms, sample),
                Event::Charger(status) => self.statuses[status.id] = Some(*status),
                Event::Link { .. } | Event::Tick => {}
            }
        }
        fresh
    }

    fn reading(&mut self, t_ms: u64, sample: &Sample) -> bool {
        let currents = sample.i_ma.iter().any(Option::is_some);
        self.says_currents |= currents;
        if !currents && (self.says_currents || sample.p_w.is_none()) {
            return false;
        }
        // The newest that can have arrived by now; in order, but for jitter.
        let latest = t_ms.saturating_sub(self.scenario.links.meter.delay_ms);
        let arrived = self.measured.iter().filter(|(measured_ms, _)| *measured_ms <= latest);
        if let Some((_, base)) = arrived.max_by_key(|(measured_ms, _)| *measured_ms) {
            self.before = self.newest.replace(*base);
        }
        for (phase, current) in sample.i_ma.iter().enumerate() {
            self.hidden[usize::from(self.site.phase_order[phase]) - 1] = current.is_none();
        }
        self.heard_ms = Some(t_ms);
        true
    }

    /// Its newest reading is too old to give more.
    pub(super) fn is_stale(&self, t_ms: u64) -> bool {
        let most = STALE_MS.max(self.site.currents_every_ms * 3 / 2);
        self.heard_ms.is_none_or(|heard_ms| t_ms > heard_ms + most)
    }

    /// What the house draws at the main fuse by what it may go by: the newest reading, and for a moment the one
    /// before. Empty while there is none or it is stale.
    pub(super) fn bases(&self, t_ms: u64) -> impl Iterator<Item = [Phasor; 3]> {
        let newest = self.newest.filter(|_| !self.is_stale(t_ms));
        let thinks = self.heard_ms.is_some_and(|heard_ms| t_ms < heard_ms + THINKS_MS);
        let before = self.before.filter(|_| thinks && newest.is_some());
        newest.into_iter().chain(before)
    }

    /// Why nothing about sharing can be judged, if so.
    pub(super) fn excuse(&self) -> Option<String> {
        self.differs.as_ref().map(|what| format!("the settings of the balancer are wrong: {what}"))
    }
}

/// The active part of a current in a line, amperes.
fn active(line: usize, flows: Phasor) -> f64 {
    flows.re * STAR[line].re + flows.im * STAR[line].im
}

/// Where nobody knows the direction, what flows out is no room (B-34).
pub(super) fn unsigned(base: &mut [Phasor; 3]) {
    for (line, flows) in base.iter_mut().enumerate() {
        if active(line, *flows) < 0.0 {
            *flows = Phasor::default();
        }
    }
}

/// Amperes in a line with a sign: negative while it feeds in.
pub(super) fn signed(line: usize, flows: Phasor) -> f64 {
    magnitude(flows).copysign(active(line, flows))
}

/// The first setting that is not as built. A limit may be lower than it need be.
fn differs(scenario: &Scenario, site: &Site) -> Option<String> {
    let (order, turned) = match &scenario.meter.measured {
        Measured::Han(_) => ([0, 1, 2], false),
        Measured::Clamps(clamps) => (clamps.order, clamps.reversed.contains(&true)),
    };
    let main = scenario.circuits.first().map_or(0, |circuit| circuit.limit_ma);
    let wrong = [
        (site.grid != scenario.grid, "the kind of grid"),
        (site.scale != scenario.meter.ratio, "the ratio of the transformers"),
        (site.phase_order != order.map(|line| line as u8 + 1), "the order of the phases"),
        (turned, "a clamp sits the wrong way round"),
        (!site.chargers_included, "the meter sees the chargers"),
        (site.supply_max_ma > main, "the main fuse"),
    ];
    if let Some((_, what)) = wrong.into_iter().find(|(wrong, _)| *wrong) {
        return Some(what.into());
    }
    for (told, built) in site.circuits.iter().zip(&scenario.circuits) {
        if told.parent != built.parent || told.limit_ma > built.limit_ma {
            return Some(format!("circuit {}", built.name));
        }
    }
    let pairs = site.chargers.iter().zip(&scenario.chargers);
    let mut wrong = pairs
        .filter(|(told, built)| told.circuit != built.circuit || told.order != built.settings.order)
        .map(|(_, built)| format!("charger {}", built.name));
    wrong.next()
}
