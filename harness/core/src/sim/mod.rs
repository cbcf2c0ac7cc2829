//! The closed loop in virtual time: plant → meter → dongle → balancer → chargers → plant.
//!
//! Time jumps from event to event in whole milliseconds; between two of them nothing changes. Whatever crosses the
//! meter's port crosses it as the bytes that the meter sends, never as a number. The same scenario, seed and answers
//! give the same trace, byte for byte: the order of everything that falls on one millisecond is fixed below.
//!
//! Refuses to judge; whoever wants to know what happened is a [`Watch`].

mod clamps;
mod dongle;
mod mail;
mod measure;
mod trace;

pub use dongle::{Claim, Dongle, Heard, ReferenceDongle, ReplayedDongle, claimed};
pub use trace::Trace;

use crate::balance::{Balancer, Command, Event, Link, Status, Trouble};
use crate::plant::car::Car;
use crate::plant::network::{Node, Place, Plant, Station};
use crate::plant::{House, Phasor, charger};
use crate::scenario::{Draw, Happening, Scenario, system};
use mail::{Mail, Post};
use measure::Measure;

/// A second, in milliseconds: how often the balancer hears that time passes.
const TICK_MS: u64 = 1000;

/// Somebody who watches the loop. All times in milliseconds since the start.
pub trait Watch {
    /// From `from_ms` until now everything flowed as the plant says.
    fn span(&mut self, _from_ms: u64, _plant: &Plant) {}
    /// The balancer heard this, and wants that.
    fn answered(&mut self, _t_ms: u64, _events: &[Event], _commands: &[Command]) {}
    /// A command reached its charger.
    fn arrived(&mut self, _t_ms: u64, _command: &Command, _plant: &Plant) {}
    /// Something happened that the scenario says.
    fn happened(&mut self, _t_ms: u64, _what: &Happening) {}
    /// A car came to a charger, or left it.
    fn plugged(&mut self, _t_ms: u64, _charger: usize, _comes: bool) {}
    /// The site was measured; what is made of it is on its way, or lost.
    fn measured(&mut self, _t_ms: u64, _plant: &Plant) {}
    /// It is over: the end of the scenario, or of a program that gave no usable answer.
    fn ended(&mut self, _plant: &Plant) {}
}

/// Nobody watches.
impl Watch for () {}

/// How a run ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Ended {
    /// What the trace comes to.
    pub trace_hash: u64,
    /// When a program outside gave no usable answer, and why; the run ends there.
    pub trouble: Option<(u64, Trouble)>,
}

/// Runs a scenario to its end.
pub fn run(
    scenario: &Scenario,
    dongle: &mut dyn Dongle,
    balancer: &mut dyn Balancer,
    watch: &mut impl Watch,
) -> Ended {
    let mut sim = Sim::new(scenario);
    let trouble = sim.run(dongle, balancer, watch).err().map(|trouble| (sim.plant.t_ms(), trouble));
    watch.ended(&sim.plant);
    Ended { trace_hash: sim.trace.value(), trouble }
}

/// A load of the scenario as it changes.
struct Changes<'a> {
    load: usize,
    steps: &'a [(u64, i64)],
    next: usize,
    pf: f64,
    lead: bool,
}

/// A household, drawn anew every second.
struct Household {
    house: House,
    loads: [usize; 3],
}

struct Sim<'a> {
    scenario: &'a Scenario,
    plant: Plant,
    changes: Vec<Changes<'a>>,
    households: Vec<Household>,
    /// Arrivals and departures: time, car, whether it comes.
    cars: Vec<(u64, usize, bool)>,
    next_car: usize,
    next_event: usize,
    measure: Measure<'a>,
    mail: Mail,
    reports: Vec<Reports>,
    /// The charger that speaks next if nothing happens: they take turns.
    turn: usize,
    /// Chargers that may have news.
    news: Vec<usize>,
    links: Links,
    next_tick: u64,
    inbox: Vec<Event>,
    commands: Vec<Command>,
    trace: Trace,
}

/// What a charger said last, and when it speaks again.
struct Reports {
    last: Option<(crate::balance::Doing, i64, u8, u32, Option<i64>)>,
    next_ms: u64,
}

/// What works now. Counters, because outages overlap.
struct Links {
    meter_down: u32,
    dongle_off: u32,
    cloud_down: u32,
    balancer_dead: u32,
    charger_down: Vec<u32>,
}

fn toggle(count: &mut u32, up: bool) {
    *count = if up { count.saturating_sub(1) } else { *count + 1 };
}

impl<'a> Sim<'a> {
    fn new(scenario: &'a Scenario) -> Sim<'a> {
        let nodes =
            scenario.circuits.iter().map(|circuit| Node { parent: circuit.parent, fuse: circuit.fuse });
        let stations = scenario.chargers.iter().map(|plan| {
            let charger = charger::Charger::new(plan.settings.clone());
            Station::new(plan.circuit, charger.expect("a scenario holds no charger that cannot be"))
        });
        let system = system(scenario.grid);
        let mut plant = Plant::new(system, scenario.volts, nodes.collect(), stations.collect());
        let mut changes = Vec::new();
        let mut households = Vec::new();
        for load in &scenario.loads {
            match &load.draw {
                Draw::Steps(steps) => {
                    let at = plant.add_load(load.circuit, load.place);
                    changes.push(Changes { load: at, steps, next: 0, pf: load.pf, lead: load.lead });
                }
                Draw::House { seed, sun_w } => {
                    let loads = [0, 1, 2].map(|branch| plant.add_load(load.circuit, Place::Branch(branch)));
                    let house = House::new(system, *seed).with_sun(*sun_w as u32);
                    households.push(Household { house, loads });
                }
            }
        }
        let mut cars: Vec<(u64, usize, bool)> = Vec::new();
        for (at, car) in scenario.cars.iter().enumerate() {
            cars.push((car.from_ms, at, true));
            cars.extend(car.to_ms.map(|to_ms| (to_ms, at, false)));
        }
        // A place is left before somebody else takes it.
        cars.sort_by_key(|&(t_ms, at, comes)| (t_ms, comes, at));
        let count = scenario.chargers.len() as u64;
        let report_ms = scenario.links.report_ms;
        // They do not all speak at once.
        let reports = (0..count).map(|at| Reports { last: None, next_ms: report_ms * at / count });
        Sim {
            scenario,
            plant,
            changes,
            households,
            cars,
            next_car: 0,
            next_event: 0,
            measure: Measure::new(scenario),
            mail: Mail::new(scenario.seed),
            reports: reports.collect(),
            turn: 0,
            news: Vec::new(),
            links: Links {
                meter_down: 0,
                dongle_off: 0,
                cloud_down: 0,
                balancer_dead: 0,
                charger_down: vec![0; scenario.chargers.len()],
            },
            next_tick: 0,
            inbox: vec![Event::Config(Box::new(scenario.site.clone()))],
            commands: Vec::new(),
            trace: Trace::default(),
        }
    }

    fn run(
        &mut self,
        dongle: &mut dyn Dongle,
        balancer: &mut dyn Balancer,
        watch: &mut impl Watch,
    ) -> Result<(), Trouble> {
        loop {
            let from_ms = self.plant.t_ms();
            let t_ms = self.due().max(from_ms).min(self.scenario.duration_ms);
            if t_ms > from_ms {
                dongle.wait(t_ms)?;
                self.plant.advance(t_ms);
                watch.span(from_ms, &self.plant);
            }
            if t_ms == self.scenario.duration_ms {
                return Ok(());
            }
            self.house(t_ms);
            self.happen(t_ms, watch);
            self.plant.timeouts(t_ms);
            self.deliver(t_ms, dongle, watch)?;
            self.settle(t_ms);
            if self.measure.send(t_ms, &self.plant, &mut self.mail) {
                watch.measured(t_ms, &self.plant);
            }
            self.report(t_ms);
            self.ask(t_ms, balancer, watch)?;
        }
    }

    /// When anything is due next.
    fn due(&mut self) -> u64 {
        let mut due = self.next_tick.min(self.measure.due());
        let mut sooner = |t_ms: u64| due = due.min(t_ms);
        for change in &self.changes {
            if let Some(&(t_ms, _)) = change.steps.get(change.next) {
                sooner(t_ms);
            }
        }
        if let Some(event) = self.scenario.events.get(self.next_event) {
            sooner(event.at_ms);
        }
        if let Some(&(t_ms, ..)) = self.cars.get(self.next_car) {
            sooner(t_ms);
        }
        if let Some(reports) = self.reports.get(self.turn) {
            sooner(reports.next_ms);
        }
        self.mail.due().into_iter().for_each(&mut sooner);
        self.plant.next_timeout().into_iter().for_each(&mut sooner);
        due
    }

    /// What the house switches.
    fn house(&mut self, t_ms: u64) {
        for change in &mut self.changes {
            while let Some(&(_, ma)) = change.steps.get(change.next).filter(|(due, _)| *due <= t_ms) {
                self.plant.set_load(change.load, ma as f64 / 1000.0, change.pf, change.lead);
                change.next += 1;
            }
        }
        if t_ms.is_multiple_of(TICK_MS) {
            let t_s = (self.scenario.utc_ms.div_euclid(1000).max(0) as u64) + t_ms / TICK_MS;
            for household in &self.households {
                let drawn = household.house.drawn(t_s);
                for (load, va) in household.loads.into_iter().zip(drawn) {
                    let volts = self.scenario.volts;
                    self.plant.set_phasor(load, Phasor { re: va.re / volts, im: -va.im / volts });
                }
            }
        }
    }

    fn happen(&mut self, t_ms: u64, watch: &mut impl Watch) {
        while let Some(event) = self.scenario.events.get(self.next_event).filter(|event| event.at_ms <= t_ms)
        {
            self.next_event += 1;
            self.happening(t_ms, &event.what);
            watch.happened(t_ms, &event.what);
        }
        while let Some(&(_, at, comes)) = self.cars.get(self.next_car).filter(|(due, ..)| *due <= t_ms) {
            self.next_car += 1;
            let car = &self.scenario.cars[at];
            let seed = self.scenario.seed ^ (at as u64) << 32;
            let charger = self.plant.charger(car.charger);
            if comes {
                let arrived = Car::new(car.settings.clone(), seed);
                charger.plug(t_ms, arrived.expect("a scenario holds no car that cannot be"));
            } else {
                charger.unplug(t_ms);
            }
            watch.plugged(t_ms, car.charger, comes);
        }
    }

    fn happening(&mut self, t_ms: u64, what: &Happening) {
        match what {
            Happening::Meter { up } => {
                toggle(&mut self.links.meter_down, *up);
                self.announce(t_ms, Link::Meter, *up);
            }
            Happening::Dongle { up } => {
                toggle(&mut self.links.dongle_off, *up);
                self.announce(t_ms, Link::Meter, *up);
            }
            Happening::Charger { id, up } => {
                toggle(&mut self.links.charger_down[*id], *up);
                self.link(t_ms, *id);
                self.announce(t_ms, Link::Charger(*id), *up);
            }
            Happening::Cloud { up } => {
                toggle(&mut self.links.cloud_down, *up);
                self.announce(t_ms, Link::Meter, *up);
                for id in 0..self.scenario.chargers.len() {
                    self.link(t_ms, id);
                    self.announce(t_ms, Link::Charger(id), *up);
                }
            }
            Happening::Balancer { up } => toggle(&mut self.links.balancer_dead, *up),
            Happening::Reboot { id, down_ms } => self.plant.charger(*id).reboot(t_ms, *down_ms),
            Happening::Swap { id, down_ms } => self.plant.charger(*id).swap(t_ms, *down_ms),
            Happening::StandAlone { id, on } => self.plant.charger(*id).stand_alone(t_ms, *on),
            Happening::Volts(volts) => self.plant.set_volts(*volts),
            Happening::Settings(site) => self.inbox.push(Event::Config(site.clone())),
            Happening::Override { id, current_ma } => {
                let phases = self.scenario.chargers[*id].settings.phases;
                self.plant.charger(*id).limit(t_ms, *current_ma, phases, u64::MAX);
            }
        }
    }

    fn reaches(&self, id: usize) -> bool {
        self.links.cloud_down == 0 && self.links.charger_down[id] == 0
    }

    /// The charger notices whether anybody can reach it.
    fn link(&mut self, t_ms: u64, id: usize) {
        let up = self.reaches(id);
        self.plant.charger(id).link(t_ms, up);
        if up {
            self.reports[id].last = None;
        }
    }

    fn announce(&mut self, t_ms: u64, what: Link, up: bool) {
        if let Some(after_ms) = self.scenario.links.announced_ms {
            self.mail.post(t_ms + after_ms, Post::Link { what, up });
        }
    }

    /// Everything that arrives now.
    fn deliver(&mut self, t_ms: u64, dongle: &mut dyn Dongle, watch: &mut impl Watch) -> Result<(), Trouble> {
        while let Some(post) = self.mail.take(t_ms) {
            match post {
                Post::Bytes(bytes) => {
                    if self.links.dongle_off == 0 {
                        self.trace.bytes(&bytes);
                        self.measure.hear(t_ms, &bytes, dongle, &mut self.mail)?;
                    }
                    self.mail.give_back(bytes);
                }
                Post::Sample(sample) => {
                    if self.links.meter_down == 0 && self.links.cloud_down == 0 && self.links.dongle_off == 0
                    {
                        self.inbox.push(Event::Meter(sample));
                    }
                }
                Post::Status(status) => {
                    if self.reaches(status.id) {
                        self.inbox.push(Event::Charger(status));
                    }
                }
                Post::Link { what, up } => self.inbox.push(Event::Link { what, up }),
                Post::Command(command) => self.obey(t_ms, &command, watch),
            }
        }
        Ok(())
    }

    fn obey(&mut self, t_ms: u64, command: &Command, watch: &mut impl Watch) {
        match command {
            Command::Limit { id, current_ma, phases, ttl_ms } if self.reaches(*id) => {
                self.trace.words(&[t_ms, *id as u64, *current_ma as u64, u64::from(*phases)]);
                self.plant.charger(*id).limit(t_ms, *current_ma, *phases, *ttl_ms);
            }
            Command::Offline { id, current_ma, phase } if self.reaches(*id) => {
                self.trace.words(&[t_ms, *id as u64, *current_ma as u64, phase.map_or(0, u64::from)]);
                self.plant.charger(*id).offline(t_ms, *current_ma, *phase);
            }
            _ => return,
        }
        watch.arrived(t_ms, command, &self.plant);
    }

    /// The currents that follow from everything that has changed.
    fn settle(&mut self, t_ms: u64) {
        if self.plant.refresh() {
            let lines = self.plant.amperes(0).map(|amperes| (amperes * 1000.0).round() as u64);
            self.trace.words(&[t_ms, lines[0], lines[1], lines[2]]);
        }
    }

    /// Chargers speak when something has changed, and from time to time.
    fn report(&mut self, t_ms: u64) {
        let count = self.reports.len();
        let mut news = std::mem::take(&mut self.news);
        self.plant.take_acted(&mut news);
        while let Some(reports) = self.reports.get_mut(self.turn).filter(|reports| reports.next_ms <= t_ms) {
            reports.next_ms += self.scenario.links.report_ms;
            reports.last = None;
            news.push(self.turn);
            self.turn = (self.turn + 1) % count;
        }
        news.sort_unstable();
        news.dedup();
        for id in news.drain(..) {
            let charger = &self.plant.stations()[id].charger;
            let status = status(id, &charger.report(t_ms));
            let now = (status.doing, status.offered_ma, status.phases, status.boots, status.offline_ma);
            if self.reports[id].last.replace(now) != Some(now) && charger.hears() {
                self.mail.send(t_ms, &self.scenario.links.charger, Post::Status(status));
            }
        }
        self.news = news;
    }

    fn ask(&mut self, t_ms: u64, balancer: &mut dyn Balancer, watch: &mut impl Watch) -> Result<(), Trouble> {
        if t_ms >= self.next_tick {
            self.next_tick = t_ms + TICK_MS;
            self.inbox.push(Event::Tick);
        }
        if self.inbox.is_empty() {
            return Ok(());
        }
        if self.links.balancer_dead > 0 {
            self.inbox.clear();
            return Ok(());
        }
        self.commands.clear();
        balancer.answer(t_ms, &self.inbox, &mut self.commands)?;
        watch.answered(t_ms, &self.inbox, &self.commands);
        self.inbox.clear();
        for command in self.commands.drain(..) {
            self.mail.send(t_ms, &self.scenario.links.charger, Post::Command(command));
        }
        Ok(())
    }
}

fn status(id: usize, report: &charger::Report) -> Status {
    Status {
        id,
        doing: match report.doing {
            charger::Doing::Unplugged => crate::balance::Doing::Unplugged,
            charger::Doing::Waiting => crate::balance::Doing::Waiting,
            charger::Doing::Charging => crate::balance::Doing::Charging,
            charger::Doing::Finished => crate::balance::Doing::Finished,
        },
        i_ma: report.i_ma,
        offered_ma: report.offered_ma,
        phases: report.phases,
        max_ma: report.max_ma,
        offline_ma: report.offline_ma,
        boots: report.boots,
        session_wh: report.session_wh,
    }
}
