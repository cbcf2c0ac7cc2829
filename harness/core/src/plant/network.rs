//! The site as it is: circuits behind circuits, what hangs on them, and the current in every line.
//!
//! Loads and chargers draw their current whatever the voltage does. Currents are summed as phasors, because on three
//! wires loads lie between lines (balancing, section 2.2). Refuses to know what anybody measures or believes of it.

use super::charger::{Charger, Supply};
use super::fuse::{Cooling, Fuse, Heat};
use super::{Counters, Phasor, Phasors, State, System, magnitude};
use crate::reading::Milli;
use std::ops::Range;

/// cos 30°.
const COS_30: f64 = 0.866_025_403_784_438_6;

/// Where a load is connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A phase against the neutral; on three wires line L1–L2, L2–L3 or L3–L1; 0 to 2.
    Branch(usize),
    /// All three alike.
    All,
}

/// A circuit as it is built.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// The circuit in front; always an earlier one.
    pub parent: Option<usize>,
    /// What protects each of its lines.
    pub fuse: Option<Fuse>,
}

/// A charger where it hangs.
pub struct Station {
    /// Its circuit.
    pub node: usize,
    /// The line behind each of its terminals L1, L2, L3, from 0.
    order: [usize; 3],
    /// The charger, and the car on it.
    pub charger: Charger,
    /// It is among those that have acted.
    acted: bool,
    /// Amperes that it draws from each line, as phasors.
    lines: [Phasor; 3],
}

impl Station {
    /// A charger on a circuit.
    pub fn new(node: usize, charger: Charger) -> Station {
        Station {
            node,
            order: charger.settings().order.map(|line| usize::from(line) - 1),
            charger,
            acted: true,
            lines: [Phasor::default(); 3],
        }
    }

    fn drawn(&self, system: System) -> [Phasor; 3] {
        let mut lines = [Phasor::default(); 3];
        let drawn_ma = self.charger.draws_ma();
        for (terminal, ma) in drawn_ma.into_iter().enumerate() {
            if has_own_branch(system, drawn_ma[0] != 0, terminal) {
                let amperes = Phasor { re: ma as f64 / 1000.0, im: 0.0 };
                draw(system, &mut lines, branch_of(system, self.order, terminal), amperes);
            }
        }
        lines
    }
}

/// A load: a current that follows its own voltage by an angle.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Load {
    node: usize,
    place: Place,
    /// Amperes in phase with the voltage, and a quarter behind it (as a negative number).
    amperes: Phasor,
}

/// What a fuse has been through.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The circuit that it protects.
    pub node: usize,
    /// Its model.
    pub fuse: Fuse,
    cooling: Cooling,
    heat: [Heat; 3],
    base: [Heat; 3],
    /// Largest part of the heat that blows it, so far; 1 = blown.
    pub most: f64,
    /// The same without any charger: what the house alone would have done.
    pub most_base: f64,
    /// When it blew first, and on which line.
    pub blown: Option<(u64, usize)>,
}

/// The site.
pub struct Plant {
    system: System,
    t_ms: u64,
    voltage: [Phasor; 3],
    nodes: Vec<Node>,
    loads: Vec<Load>,
    stations: Vec<Station>,
    guards: Vec<Guard>,
    /// Per circuit: all that flows, and what flows without chargers.
    total: Vec<[Phasor; 3]>,
    base: Vec<[Phasor; 3]>,
    rms: Vec<[f64; 3]>,
    base_rms: Vec<[f64; 3]>,
    /// Thousandths of a watt-second, import and export; and of a var-second.
    active: [i64; 2],
    reactive: [i64; 2],
    stale: bool,
    /// The fuses have the temperature of what flowed before the start.
    warm: bool,
    changes: u64,
    /// Stations whose charger or car may have changed.
    acted: Vec<usize>,
    /// When the next charger or car does something by itself; `None` where that is not known.
    next: Option<u64>,
}

impl Plant {
    /// A site whose voltages are `volts` (to neutral, or between lines where there is none), all fuses as warm as the
    /// loads of the first moment keep them.
    pub fn new(system: System, volts: f64, nodes: Vec<Node>, stations: Vec<Station>) -> Plant {
        let count = nodes.len();
        let guards = nodes.iter().enumerate().filter_map(|(node, each)| {
            let fuse = each.fuse?;
            Some(Guard {
                node,
                fuse,
                cooling: Cooling::default(),
                heat: [Heat::default(); 3],
                base: [Heat::default(); 3],
                most: 0.0,
                most_base: 0.0,
                blown: None,
            })
        });
        let guards = guards.collect();
        let acted = (0..stations.len()).collect();
        let mut plant = Plant {
            system,
            t_ms: 0,
            voltage: [Phasor::default(); 3],
            nodes,
            loads: Vec::new(),
            stations,
            guards,
            total: vec![[Phasor::default(); 3]; count],
            base: vec![[Phasor::default(); 3]; count],
            rms: vec![[0.0; 3]; count],
            base_rms: vec![[0.0; 3]; count],
            active: [0; 2],
            reactive: [0; 2],
            stale: true,
            warm: false,
            changes: 0,
            acted,
            next: None,
        };
        plant.set_volts([volts; 3]);
        plant
    }

    /// Changes the voltages, as [`Plant::new`] takes them. On three wires they are kept as a star: the part of each
    /// line.
    pub fn set_volts(&mut self, volts: [f64; 3]) {
        let star = match self.system {
            System::OnePhase | System::ThreeTn => 1.0,
            System::ThreeIt => 1.0 / 3.0_f64.sqrt(),
        };
        for (line, volts) in volts.into_iter().enumerate() {
            let lines = if self.system == System::OnePhase { 1 } else { 3 };
            self.voltage[line] =
                if line < lines { along(STAR[line], volts * star) } else { Phasor::default() };
        }
        let volts_mv = self.branch_volts().map(|volts| (volts * 1000.0).round() as i64);
        let (system, t_ms) = (self.system, self.t_ms);
        let two_ends = system == System::ThreeIt;
        for station in 0..self.stations.len() {
            let order = self.stations[station].order;
            let volts_mv = [0, 1, 2].map(|terminal| volts_mv[branch_of(system, order, terminal)]);
            self.charger(station).supply(t_ms, Supply { volts_mv, two_ends });
        }
        self.stale = true;
    }

    /// Adds a load that draws nothing yet, and gives its number.
    pub fn add_load(&mut self, node: usize, place: Place) -> usize {
        self.loads.push(Load { node, place, amperes: Phasor::default() });
        self.loads.len() - 1
    }

    /// Lets a load draw `amperes` (negative feeds in) of which the part `pf` is active; `lead` where the rest leads.
    pub fn set_load(&mut self, load: usize, amperes: f64, pf: f64, lead: bool) {
        let rest = amperes * (1.0 - pf * pf).max(0.0).sqrt();
        self.set_phasor(load, Phasor { re: amperes * pf, im: if lead { rest } else { -rest } });
    }

    /// The same as a phasor against the voltage of the load's own branch.
    pub fn set_phasor(&mut self, load: usize, amperes: Phasor) {
        self.stale |= self.loads[load].amperes != amperes;
        self.loads[load].amperes = amperes;
    }

    /// The chargers and what they hang on.
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// A charger to act on; its currents are summed anew.
    pub fn charger(&mut self, station: usize) -> &mut Charger {
        self.stale = true;
        self.next = None;
        let acting = &mut self.stations[station];
        if !std::mem::replace(&mut acting.acted, true) {
            self.acted.push(station);
        }
        &mut acting.charger
    }

    /// Lets every charger do what is due by `t_ms`.
    pub fn timeouts(&mut self, t_ms: u64) {
        if self.next_timeout().is_none_or(|due| due > t_ms) {
            return;
        }
        for station in 0..self.stations.len() {
            if self.stations[station].charger.next_timeout().is_some_and(|due| due <= t_ms) {
                self.charger(station).timeout(t_ms);
            }
        }
    }

    /// When the next charger or car does something by itself.
    pub fn next_timeout(&mut self) -> Option<u64> {
        if self.next.is_none() {
            let dues = self.stations.iter().filter_map(|station| station.charger.next_timeout());
            self.next = Some(dues.min().unwrap_or(u64::MAX));
        }
        self.next.filter(|due| *due < u64::MAX)
    }

    /// Adds the stations whose charger or car may have changed since this was last asked, each once, in no order. The
    /// others have no news but their energy.
    pub fn take_acted(&mut self, into: &mut Vec<usize>) {
        for station in &self.acted {
            self.stations[*station].acted = false;
        }
        into.append(&mut self.acted);
    }

    /// Time of the plant, milliseconds.
    pub fn t_ms(&self) -> u64 {
        self.t_ms
    }

    /// Grows whenever a current may have changed: between two equal numbers everything flowed as before.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Volts of each line against the neutral, real or imagined.
    pub fn line_volts(&self) -> [f64; 3] {
        self.voltage.map(magnitude)
    }

    /// Amperes in each line of a circuit without the chargers, as phasors: in the direction of [`STAR`] is active.
    pub fn base_phasors(&self, node: usize) -> [Phasor; 3] {
        self.base[node]
    }

    /// RMS amperes of each line of a circuit.
    pub fn amperes(&self, node: usize) -> [f64; 3] {
        self.rms[node]
    }

    /// The same without the chargers.
    pub fn base_amperes(&self, node: usize) -> [f64; 3] {
        self.base_rms[node]
    }

    /// What the fuses have been through.
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// Part of the heat that blows fuse `guard`, per line, now.
    pub fn heat(&self, guard: usize) -> [f64; 3] {
        let guard = &self.guards[guard];
        guard.heat.map(|heat| heat.part(&guard.fuse))
    }

    /// Everything flows on as it is until `t_ms`: fuses warm up, energy is counted.
    pub fn advance(&mut self, t_ms: u64) {
        let dt_ms = t_ms - self.t_ms;
        if dt_ms == 0 {
            return;
        }
        for guard in &mut self.guards {
            let (rms, base) = (self.rms[guard.node], self.base_rms[guard.node]);
            for line in 0..3 {
                guard.heat[line].advance(&guard.fuse, &mut guard.cooling, rms[line], dt_ms);
                guard.base[line].advance(&guard.fuse, &mut guard.cooling, base[line], dt_ms);
                let part = guard.heat[line].part(&guard.fuse);
                guard.most = guard.most.max(part);
                guard.most_base = guard.most_base.max(guard.base[line].part(&guard.fuse));
                if part >= 1.0 && guard.blown.is_none() {
                    guard.blown = Some((t_ms, line));
                }
            }
        }
        let power = self.power();
        let count = |sums: &mut [i64; 2], watts: f64| {
            let thousandths = (watts * dt_ms as f64).round() as i64;
            sums[usize::from(thousandths < 0)] += thousandths.abs();
        };
        count(&mut self.active, power.re);
        count(&mut self.reactive, power.im);
        self.t_ms = t_ms;
    }

    /// Sums the currents again if anything has changed. Whether it had.
    pub fn refresh(&mut self) -> bool {
        if !self.stale {
            return false;
        }
        self.stale = false;
        self.changes += 1;
        self.base.fill([Phasor::default(); 3]);
        for load in &self.loads {
            match load.place {
                Place::Branch(branch) => draw(self.system, &mut self.base[load.node], branch, load.amperes),
                Place::All => {
                    for branch in 0..3 {
                        draw(self.system, &mut self.base[load.node], branch, load.amperes);
                    }
                }
            }
        }
        self.total.copy_from_slice(&self.base);
        for station in &mut self.stations {
            // One that has not acted draws what it drew.
            if station.acted {
                station.lines = station.drawn(self.system);
            }
            for (sum, amperes) in self.total[station.node].iter_mut().zip(station.lines) {
                *sum += amperes;
            }
        }
        for node in (1..self.nodes.len()).rev() {
            let parent = self.nodes[node].parent.unwrap_or(0);
            for line in 0..3 {
                self.base[parent][line] = self.base[parent][line] + self.base[node][line];
                self.total[parent][line] = self.total[parent][line] + self.total[node][line];
            }
        }
        for node in 0..self.nodes.len() {
            self.rms[node] = self.total[node].map(magnitude);
            self.base_rms[node] = self.base[node].map(magnitude);
        }
        if !self.warm {
            self.warm = true;
            for guard in &mut self.guards {
                let base = self.base_rms[guard.node];
                guard.heat = base.map(|amperes| Heat::after_long_at(&guard.fuse, amperes));
                guard.base = guard.heat;
            }
        }
        true
    }

    /// Voltages and currents at the main switch.
    pub fn phasors(&self) -> Phasors {
        Phasors { voltage: self.voltage, current: self.total[0] }
    }

    /// What an ideal meter at the main switch sees.
    pub fn state(&self) -> State {
        let phasors = self.phasors();
        let watt_hours = |thousandths: i64| Milli(thousandths / 3_600_000);
        let counters = Counters {
            active_import: watt_hours(self.active[0]),
            active_export: watt_hours(self.active[1]),
            reactive_import: watt_hours(self.reactive[0]),
            reactive_export: watt_hours(self.reactive[1]),
            ..Counters::default()
        };
        State::of(&phasors, self.system, counters)
    }

    /// Volt-amperes of the whole site, import positive.
    pub fn power(&self) -> Phasor {
        let lines = self.voltage.iter().zip(&self.total[0]);
        lines.fold(Phasor::default(), |sum, (volts, amperes)| sum + *volts * amperes.conj())
    }

    /// Volts across each branch.
    fn branch_volts(&self) -> [f64; 3] {
        let [l1, l2, l3] = self.voltage;
        match self.system {
            System::OnePhase | System::ThreeTn => self.voltage.map(magnitude),
            System::ThreeIt => [l1 - l2, l2 - l3, l3 - l1].map(magnitude),
        }
    }
}

/// What one ampere through each of these terminals of a charger is in the lines, as phasors.
pub fn line_phasors(system: System, order: [u8; 3], terminals: Range<usize>) -> [Phasor; 3] {
    let order = order.map(|line| usize::from(line) - 1);
    let mut lines = [Phasor::default(); 3];
    let first = terminals.contains(&0);
    for terminal in terminals.filter(|terminal| has_own_branch(system, first, *terminal)) {
        draw(system, &mut lines, branch_of(system, order, terminal), Phasor { re: 1.0, im: 0.0 });
    }
    lines
}

/// Angles of the lines against the neutral, real or imagined, as unit phasors: 0°, −120°, 120°.
pub const STAR: [Phasor; 3] =
    [Phasor { re: 1.0, im: 0.0 }, Phasor { re: -0.5, im: -COS_30 }, Phasor { re: -0.5, im: COS_30 }];
/// Angles between the lines: 30°, −90°, 150° (balancing, section 2.2).
const DELTA: [Phasor; 3] =
    [Phasor { re: COS_30, im: 0.5 }, Phasor { re: 0.0, im: -1.0 }, Phasor { re: -COS_30, im: 0.5 }];

fn along(unit: Phasor, length: f64) -> Phasor {
    Phasor { re: unit.re * length, im: unit.im * length }
}

/// The branch behind a terminal of a charger. On three wires its three terminals L1, L2, L3 are two branches with L1
/// in common, L1–L2 and L3–L1: that is how a car with three phases charges there.
fn branch_of(system: System, order: [usize; 3], terminal: usize) -> usize {
    match system {
        System::OnePhase => 0,
        System::ThreeTn => order[terminal],
        System::ThreeIt => {
            let (from, to) = if terminal == 2 { (order[2], order[0]) } else { (order[0], order[1]) };
            // Lines a and b without the third: 0–1 is branch 0, 1–2 branch 1, 2–0 branch 2.
            if (from + 1) % 3 == to { from } else { to }
        }
    }
}

/// On three wires the terminals L1 and L2 are the two ends of one branch: what flows in at the first (`first`: it does)
/// is what flows out at the other, and counts once.
fn has_own_branch(system: System, first: bool, terminal: usize) -> bool {
    system != System::ThreeIt || terminal != 1 || !first
}

/// Adds the current of one branch to the lines that it flows in.
fn draw(system: System, lines: &mut [Phasor; 3], branch: usize, amperes: Phasor) {
    match system {
        System::OnePhase => lines[0] += amperes,
        System::ThreeTn => lines[branch] += STAR[branch] * amperes,
        System::ThreeIt => {
            let current = DELTA[branch] * amperes;
            lines[branch] += current;
            let back = (branch + 1) % 3;
            lines[back] -= current;
        }
    }
}
