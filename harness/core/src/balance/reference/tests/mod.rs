//! The chain as a whole, driven by hand: a house, a few cars, a meter, and news that takes its time.
//!
//! One second a step. A command takes 2 s to a charger and its car 3 s more; a status takes 1 s; the meter is read every
//! 10 s and heard 2 s later.

mod allocating;
mod broken;
mod chain;
mod learning;
mod outages;
mod sharing;
mod steps;
mod three_wires;

use super::{Mutation, Reference, Tuning};
use crate::balance::*;
use crate::site::ratio::Factor;

/// A car: most per phase, terminals that it uses, what it takes of its offer.
#[derive(Clone, Copy)]
struct Car {
    max_ma: i64,
    terminals: usize,
    gain: f64,
}

const CAR: Car = Car { max_ma: 32_000, terminals: 3, gain: 1.0 };

#[derive(Clone, Copy, Default, Debug)]
struct Plug {
    car: Option<(i64, usize, f64)>,
    limit_ma: i64,
    until: u64,
    offline: Option<i64>,
    phases: u8,
    /// Another number of phases, and when.
    switching: Option<(u64, u8)>,
    offered_ma: i64,
    /// Offers on their way to the car: when, and how much.
    coming: [(u64, i64); 4],
    draws_ma: i64,
    boots: u32,
    unreachable: bool,
    deaf: bool,
    told: Option<(Doing, i64, u8, Option<i64>, u32)>,
}

struct Rig {
    t: u64,
    site: Site,
    balancer: Reference,
    /// Amperes of the house on each line.
    house: [f64; 3],
    plugs: Vec<Plug>,
    meter_up: bool,
    fast: bool,
    /// Messages to the balancer and to the chargers, with the second at which they arrive.
    inbox: Vec<(u64, Event)>,
    orders: Vec<(u64, Command)>,
    /// Everything that was ever said.
    said: Vec<(u64, Command)>,
    /// Largest current of each line so far, amperes.
    most: [f64; 3],
    /// Readings are divided by this.
    ratio: f64,
    /// Currents are magnitudes.
    unsigned: bool,
    /// The meter does not send L2, or reactive power.
    hides_l2: bool,
    hides_q: bool,
    /// Seconds from a command to another number of phases.
    switch_s: u64,
}

fn charger(name: &str) -> ChargerSettings {
    ChargerSettings {
        name: name.into(),
        circuit: 0,
        order: [1, 2, 3],
        phases: 3,
        switches: false,
        min_ma: 6_000,
        max_ma: 32_000,
        step_ma: 1,
        offline_ma: None,
        offline_phase: None,
        priority: 0,
    }
}

/// A site with so many chargers of three phases on one circuit.
fn site(supply_a: i64, chargers: usize) -> Site {
    Site {
        grid: Grid::Tn3,
        utc_ms: 1_768_492_800_000,
        zone: "Europe/Oslo".into(),
        supply_max_ma: supply_a * 1000,
        scale: Factor::ONE,
        phase_order: [1, 2, 3],
        chargers_included: true,
        signed: true,
        currents_every_ms: 10_000,
        group: Group {
            max_online_ma: supply_a * 1000,
            max_offline_ma: 6_000 * chargers as i64,
            min_ma: 6_000,
        },
        circuits: vec![Circuit { name: "main".into(), parent: None, limit_ma: supply_a * 1000 }],
        chargers: (1..=chargers).map(|number| charger(&format!("cp{number}"))).collect(),
        budgets: Vec::new(),
    }
}

fn bare() -> Tuning {
    Tuning { margin_ma: Some(0), ..Tuning::default() }
}

impl Rig {
    fn new(site: Site, tuning: Tuning) -> Rig {
        Rig::of(site, Reference::new(tuning))
    }

    fn broken(site: Site, tuning: Tuning, mutation: Mutation) -> Rig {
        Rig::of(site, Reference::with_mutation(tuning, mutation))
    }

    fn of(site: Site, balancer: Reference) -> Rig {
        let plugs =
            site.chargers.iter().map(|charger| Plug { phases: charger.phases, boots: 1, ..Plug::default() });
        Rig {
            t: 0,
            balancer,
            house: [0.0; 3],
            plugs: plugs.collect(),
            meter_up: true,
            fast: false,
            inbox: vec![(0, Event::Config(Box::new(site.clone())))],
            orders: Vec::new(),
            said: Vec::new(),
            most: [0.0; 3],
            ratio: 1.0,
            unsigned: false,
            hides_l2: false,
            hides_q: false,
            switch_s: 0,
            site,
        }
    }

    fn plug(&mut self, charger: usize, car: Car) {
        self.plugs[charger].car = Some((car.max_ma, car.terminals, car.gain));
    }

    fn terminals(&self, charger: usize) -> [i64; 3] {
        let plug = &self.plugs[charger];
        let used = plug.car.map_or(0, |(_, terminals, _)| terminals.min(usize::from(plug.phases)));
        [0, 1, 2].map(|at| if at < used { plug.draws_ma } else { 0 })
    }

    /// Amperes in each line, all told. On three wires `house` are the loads between L1–L2, L2–L3, L3–L1, all at power
    /// factor 1, and so are the cars: terminals L1 and L2 between their lines, terminal L3 from its line to that of L1.
    fn lines(&self) -> [f64; 3] {
        let loads = self.loads();
        if self.site.grid.has_neutral() {
            return loads;
        }
        let [a, b, c] = loads;
        [a * a + c * c + a * c, a * a + b * b + a * b, b * b + c * c + b * c].map(f64::sqrt)
    }

    /// Amperes of each phase or branch.
    fn loads(&self) -> [f64; 3] {
        let mut loads = self.house;
        for charger in 0..self.plugs.len() {
            let order = self.site.chargers[charger].order.map(|line| usize::from(line) - 1);
            for (at, ma) in self.terminals(charger).into_iter().enumerate() {
                let (from, to) = if at == 2 { (order[2], order[0]) } else { (order[0], order[1]) };
                let branch = if (from + 1) % 3 == to { from } else { to };
                loads[if self.site.grid.has_neutral() { order[at] } else { branch }] += ma as f64 / 1000.0;
            }
        }
        loads
    }

    fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.second();
        }
    }

    fn second(&mut self) {
        let t = self.t;
        self.chargers(t);
        let lines = self.lines();
        for (most, now) in self.most.iter_mut().zip(lines) {
            *most = most.max(now);
        }
        self.measure(t, lines);
        self.report(t);
        let mut events: Vec<Event> = Vec::new();
        self.inbox.retain(|(due, event)| {
            if *due <= t {
                events.push(event.clone());
            }
            *due > t
        });
        events.push(Event::Tick);
        let mut commands = Vec::new();
        self.balancer.answer(t * 1000, &events, &mut commands).unwrap();
        for command in commands {
            self.said.push((t, command.clone()));
            self.orders.push((t + 2, command));
        }
        self.t += 1;
    }

    fn chargers(&mut self, t: u64) {
        let orders: Vec<Command> =
            self.orders.iter().filter(|(due, _)| *due == t).map(|(_, order)| order.clone()).collect();
        for order in orders {
            match order {
                Command::Limit { id, current_ma, phases, ttl_ms } => {
                    let plug = &mut self.plugs[id];
                    if !plug.unreachable && !plug.deaf {
                        plug.limit_ma = current_ma;
                        if plug.phases != phases && plug.switching.is_none() {
                            plug.switching = Some((t + self.switch_s, phases));
                        }
                        plug.until = t.saturating_add(ttl_ms / 1000);
                    }
                }
                Command::Offline { id, current_ma, .. } if !self.plugs[id].unreachable => {
                    self.plugs[id].offline = Some(current_ma);
                }
                _ => {}
            }
        }
        for (plug, settings) in self.plugs.iter_mut().zip(&self.site.chargers) {
            if let Some((_, phases)) = plug.switching.filter(|(due, _)| *due <= t) {
                (plug.phases, plug.switching) = (phases, None);
            }
            let live = t < plug.until;
            // Before it was told anything it offers nothing.
            let limit =
                if live { plug.limit_ma } else { plug.offline.filter(|_| plug.until > 0).unwrap_or(0) };
            let offer = limit.min(settings.max_ma) / settings.step_ma * settings.step_ma;
            let offer = if plug.car.is_none() || offer < settings.min_ma { 0 } else { offer };
            if offer != plug.offered_ma {
                plug.offered_ma = offer;
                plug.coming.rotate_left(1);
                plug.coming[3] = (t + 3, offer);
            }
            let followed =
                plug.coming.iter().filter(|(due, _)| *due <= t && *due > 0).max_by_key(|(due, _)| *due);
            plug.draws_ma = match (plug.car, followed) {
                (Some((max_ma, _, gain)), Some((_, offer))) => ((*offer as f64 * gain) as i64).min(max_ma),
                _ => 0,
            };
        }
    }

    fn measure(&mut self, t: u64, lines: [f64; 3]) {
        let watts = self.loads().iter().sum::<f64>() * 230.0 / self.ratio;
        let sample = if t.is_multiple_of(10) {
            let sign = |amperes: f64| if self.unsigned { amperes.abs() } else { amperes };
            let mut i_ma = lines.map(|amperes| Some((sign(amperes) * 1000.0 / self.ratio).round() as i64));
            i_ma[1] = i_ma[1].filter(|_| !self.hides_l2);
            Sample {
                i_ma,
                u_mv: [Some(230_000); 3],
                p_w: Some(watts.round() as i64),
                q_var: Some(0).filter(|_| !self.hides_q),
                list: 2,
            }
        } else if self.fast && t % 5 == 3 {
            Sample { p_w: Some(watts.round() as i64), list: 1, ..Sample::default() }
        } else {
            return;
        };
        if self.meter_up {
            self.inbox.push((t + 2, Event::Meter(sample)));
        }
    }

    fn report(&mut self, t: u64) {
        for id in 0..self.plugs.len() {
            let i_ma = self.terminals(id);
            let max_ma = self.site.chargers[id].max_ma;
            let plug = &mut self.plugs[id];
            let doing = match plug.car {
                None => Doing::Unplugged,
                Some(_) if plug.draws_ma > 0 => Doing::Charging,
                Some(_) => Doing::Waiting,
            };
            let now = (doing, plug.offered_ma, plug.phases, plug.offline, plug.boots);
            if plug.unreachable || (plug.told == Some(now) && !(t + id as u64).is_multiple_of(10)) {
                continue;
            }
            plug.told = Some(now);
            let status = Status {
                id,
                doing,
                i_ma,
                offered_ma: plug.offered_ma,
                phases: plug.phases,
                max_ma,
                offline_ma: plug.offline,
                boots: plug.boots,
                session_wh: 0,
            };
            self.inbox.push((t + 1, Event::Charger(status)));
        }
    }

    /// What each charger offers, milliamperes.
    fn offered(&self) -> Vec<i64> {
        self.plugs.iter().map(|plug| plug.offered_ma).collect()
    }

    /// Limits told to a charger, with the second.
    fn limits(&self, charger: usize) -> Vec<(u64, i64)> {
        let mut limits: Vec<(u64, i64)> = Vec::new();
        for (t, command) in &self.said {
            if let Command::Limit { id, current_ma, .. } = command {
                let last = limits.last().map(|(_, ma)| *ma);
                if *id == charger && last != Some(*current_ma) {
                    limits.push((*t, *current_ma));
                }
            }
        }
        limits
    }

    fn alarms(&self) -> Vec<(u64, About)> {
        let alarm = |(t, command): &(u64, Command)| match command {
            Command::Alarm { about, .. } => Some((*t, *about)),
            _ => None,
        };
        self.said.iter().filter_map(alarm).collect()
    }
}

/// True when each value is within so many milliamperes.
fn close(is: &[i64], should: &[i64], by: i64) -> bool {
    is.len() == should.len() && is.iter().zip(should).all(|(is, should)| (is - should).abs() <= by)
}
