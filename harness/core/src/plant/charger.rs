//! A charger with its contactor, its pilot and its counter (balancing, sections 2.1 and 2.4, B-53 to B-66).
//!
//! Sans-IO: commands and faults go in with their time in milliseconds, currents and reports come out, and what it
//! does by itself it does at [`Charger::next_timeout`]. Knows no protocol; a face for one drives these verbs. Time
//! never runs backwards: an earlier one counts as the latest heard.
//!
//! Between two verbs or timeouts its currents are constant, so that the energy of the time between is one product; a
//! battery that takes less from some charge on is one more timeout.

use super::car::{Car, NJ_PER_WH};
use super::limits::Limits;
use std::ops::Range;

/// After so long a pilot of "no charging" the contactor opens even under a car that still draws (SmartEVSE, C1Timer;
/// balancing, section 2.1).
const FORCE_MS: u64 = 6_000;

/// No voltage is larger, so that no product overflows; millivolts.
const MOST_MV: i64 = 1_000_000_000;

/// How a charger is wired, set up and built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChargerSettings {
    /// The line behind each of its terminals L1, L2, L3, from 1.
    pub order: [u8; 3],
    /// Terminals that are wired: 1 or 3. With one it is L1.
    pub phases: u8,
    /// Smallest current that it can offer, milliamperes.
    pub min_ma: i64,
    /// Largest, milliamperes.
    pub max_ma: i64,
    /// What its cable allows, milliamperes (B-66); `None`: no less than the charger.
    pub cable_ma: Option<i64>,
    /// It takes multiples of this and rounds down, milliamperes.
    pub step_ma: i64,
    /// From a command to the pilot that follows it, milliseconds.
    pub latency_ms: u64,
    /// Limit it has after a restart, milliamperes: 40 A or 80 A for an Easee. `None`: none, as if never told one.
    pub resets_to_ma: Option<i64>,
    /// Limit it holds while it hears nobody, milliamperes (B-57); `None`: nobody has told it one.
    pub offline_ma: Option<i64>,
    /// Line from 1 that it charges on then (B-58), if it can switch; `None`: all that are wired.
    pub offline_phase: Option<u8>,
    /// How long its link must be down until it holds its offline limit, milliseconds.
    pub offline_after_ms: u64,
    /// It ignores the group (B-63).
    pub stand_alone: bool,
    /// It can use one of its three terminals.
    pub switches: bool,
    /// How long it offers nothing while it changes between three and one, milliseconds.
    pub switch_ms: u64,
    /// It takes a limit below its minimum, 0 too, for its minimum (field bug B3).
    pub ignores_zero: bool,
    /// It accepts limits and does not keep to them.
    pub ignores_limits: bool,
    /// It offers nothing before it was told a limit since its start.
    pub locked: bool,
}

impl Default for ChargerSettings {
    /// Three phases of 32 A in order, whole amperes, obedient, not locked, without offline limit.
    fn default() -> ChargerSettings {
        ChargerSettings {
            order: [1, 2, 3],
            phases: 3,
            min_ma: 6_000,
            max_ma: 32_000,
            cable_ma: None,
            step_ma: 1_000,
            latency_ms: 1_000,
            resets_to_ma: None,
            offline_ma: None,
            offline_phase: None,
            offline_after_ms: 30_000,
            stand_alone: false,
            switches: false,
            switch_ms: 10_000,
            ignores_zero: false,
            ignores_limits: false,
            locked: false,
        }
    }
}

impl ChargerSettings {
    fn check(&self) -> Result<(), String> {
        let wrong = |what: String| Err(format!("charger: {what}"));
        let mut lines = self.order;
        lines.sort_unstable();
        if lines != [1, 2, 3] {
            return wrong(format!("order is {:?}, expected each of 1, 2, 3 once", self.order));
        }
        if self.phases != 1 && self.phases != 3 {
            return wrong(format!("phases is {}, expected 1 or 3", self.phases));
        }
        if self.min_ma < 1 || self.step_ma < 1 {
            return wrong(format!(
                "minimum is {} mA and step {} mA, expected 1 or more",
                self.min_ma, self.step_ma
            ));
        }
        if !(self.min_ma..=1_000_000).contains(&self.max_ma) {
            return wrong(format!("maximum is {} mA, expected {} to 1000000", self.max_ma, self.min_ma));
        }
        if self.cable_ma.is_some_and(|cable| cable < 1) {
            return wrong(format!("cable is {:?} mA, expected 1 or more", self.cable_ma));
        }
        if self.offline_phase.is_some_and(|line| !(1..=3).contains(&line)) {
            return wrong(format!("offline phase is {:?}, expected 1, 2 or 3", self.offline_phase));
        }
        Ok(())
    }

    /// Most that charger and cable allow, milliamperes.
    pub fn most_ma(&self) -> i64 {
        self.cable_ma.map_or(self.max_ma, |cable| cable.min(self.max_ma))
    }

    pub(super) fn can_switch(&self) -> bool {
        self.switches && self.phases == 3
    }

    /// The terminal on this line, if it can use that one alone.
    pub(super) fn terminal_on(&self, line: u8) -> Option<usize> {
        self.order.iter().position(|at| *at == line).filter(|_| self.can_switch())
    }

    /// What the car is offered at a limit: never more than 0 and less than the minimum.
    fn offer(&self, limit_ma: i64) -> i64 {
        let most = self.most_ma();
        let asked = if self.ignores_zero { limit_ma.max(self.min_ma) } else { limit_ma };
        let steps = asked.min(most).max(0) / self.step_ma * self.step_ma;
        if steps >= self.min_ma {
            steps
        } else if self.ignores_zero && most >= self.min_ma {
            self.min_ma
        } else {
            0
        }
    }
}

/// What a charger is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// No car.
    Unplugged,
    /// A car that is not full and draws nothing: it is offered nothing, has not begun yet, or does not wake up.
    Waiting,
    /// The contactor is closed.
    Charging,
    /// The car is full.
    Finished,
}

/// What a charger says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// What it is doing.
    pub doing: Doing,
    /// Current through each of its terminals L1, L2, L3, milliamperes.
    pub i_ma: [i64; 3],
    /// What it offers the car, milliamperes; 0 while it offers nothing.
    pub offered_ma: i64,
    /// Terminals in use: 1 or 3.
    pub phases: u8,
    /// Most that charger and cable allow, milliamperes.
    pub max_ma: i64,
    /// Its offline limit, milliamperes, if it was told one.
    pub offline_ma: Option<i64>,
    /// Times that it has started, from 1.
    pub boots: u32,
    /// Energy of this session, whole watt-hours.
    pub session_wh: i64,
}

/// From plugging in to unplugging.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    /// When it was plugged in, milliseconds.
    pub from_ms: u64,
    /// When it was unplugged; `None`: it is there still.
    pub to_ms: Option<u64>,
    /// Energy given, nanojoules: [`NJ_PER_WH`] are a watt-hour.
    pub energy_nj: i128,
}

/// What lies behind the terminals of a charger.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Supply {
    /// Volts across the branch behind each terminal L1, L2, L3, in thousandths; below 0 counts as 0.
    pub volts_mv: [i64; 3],
    /// L1 and L2 are the two ends of one branch: what flows in at the one flows out at the other, and counts once.
    pub two_ends: bool,
}

/// A charger, and the car at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charger {
    settings: ChargerSettings,
    limits: Limits,
    car: Option<Car>,
    now_ms: u64,
    boots: u32,
    /// Until when it is starting.
    down_until: Option<u64>,
    /// The one terminal in use, from 0; `None`: all that are wired.
    terminal: Option<usize>,
    /// Until when it changes its terminals.
    switch_until: Option<u64>,
    /// When the contactor opens by force.
    force_at: Option<u64>,
    offered_ma: i64,
    draws_ma: [i64; 3],
    supply: Supply,
    /// What flows into the car.
    power_uw: i64,
    /// Until when the energy is counted.
    counted_ms: u64,
    next: Option<u64>,
    closed: bool,
    starts: u64,
    session: Option<Session>,
    sessions: Vec<Session>,
    energy_nj: i128,
}

impl Charger {
    /// A charger that has just started, without a car, its link up.
    ///
    /// # Errors
    /// Which of the settings cannot be, and what was expected.
    pub fn new(settings: ChargerSettings) -> Result<Charger, String> {
        settings.check()?;
        Ok(Charger {
            limits: Limits::new(&settings),
            settings,
            car: None,
            now_ms: 0,
            boots: 1,
            down_until: None,
            terminal: None,
            switch_until: None,
            force_at: None,
            offered_ma: 0,
            draws_ma: [0; 3],
            supply: Supply::default(),
            power_uw: 0,
            counted_ms: 0,
            next: None,
            closed: false,
            starts: 0,
            session: None,
            sessions: Vec::new(),
            energy_nj: 0,
        })
    }

    /// How it is wired, set up and built.
    pub fn settings(&self) -> &ChargerSettings {
        &self.settings
    }

    /// A car is plugged in; one that is there is unplugged.
    pub fn plug(&mut self, t_ms: u64, mut car: Car) {
        self.unplug(t_ms);
        car.plug();
        self.car = Some(car);
        self.session = Some(Session { from_ms: self.now_ms, to_ms: None, energy_nj: 0 });
        self.settle();
    }

    /// The car leaves, and its session is closed.
    pub fn unplug(&mut self, t_ms: u64) -> Option<Car> {
        self.timeout(t_ms);
        self.open();
        if let Some(session) = self.session.take() {
            self.sessions.push(Session { to_ms: Some(self.now_ms), ..session });
        }
        let car = self.car.take();
        self.settle();
        car
    }

    /// It is told a limit on so many terminals, 1 or 3, for `ttl_ms` from now; 0 A pauses. Not heard while it starts
    /// or its link is down.
    pub fn limit(&mut self, t_ms: u64, current_ma: i64, phases: u8, ttl_ms: u64) {
        self.timeout(t_ms);
        if self.hears() {
            let due = self.now_ms.saturating_add(self.settings.latency_ms);
            self.limits.limit(due, current_ma, phases, self.now_ms.saturating_add(ttl_ms));
            self.follow();
        }
    }

    /// It is told what to hold while it hears nobody, on which line from 1 (`None`: all). Kept over restarts. Not
    /// heard while it starts or its link is down.
    pub fn offline(&mut self, t_ms: u64, current_ma: i64, phase: Option<u8>) {
        self.timeout(t_ms);
        if self.hears() {
            let due = self.now_ms.saturating_add(self.settings.latency_ms);
            self.limits.offline(due, current_ma, phase);
            self.follow();
        }
    }

    /// Its link goes down or comes back.
    pub fn link(&mut self, t_ms: u64, up: bool) {
        self.timeout(t_ms);
        self.limits.link(self.now_ms, up);
        self.follow();
    }

    /// Somebody makes it ignore the group, or no longer (B-63).
    pub fn stand_alone(&mut self, t_ms: u64, on: bool) {
        self.timeout(t_ms);
        self.limits.set_stand_alone(on);
        self.settle();
    }

    /// It restarts and is gone for so long. Its contactor opens, its limit is forgotten.
    pub fn reboot(&mut self, t_ms: u64, down_ms: u64) {
        self.timeout(t_ms);
        let until = self.now_ms.saturating_add(down_ms);
        self.down_until = Some(self.down_until.map_or(until, |other| other.max(until)));
        self.switch_until = None;
        self.open();
        self.limits.restart(&self.settings);
        self.follow();
    }

    /// A new charger of the same kind is put in its place, gone for so long. Its car is unplugged and plugged in again,
    /// in a new session. Nobody has told it anything, and it counts its starts from 1 (B-11). What was counted before
    /// stays with the place.
    pub fn swap(&mut self, t_ms: u64, down_ms: u64) {
        let car = self.unplug(t_ms);
        self.boots = 0;
        self.down_until = Some(self.now_ms.saturating_add(down_ms));
        self.switch_until = None;
        self.terminal = None;
        self.limits.replace(&self.settings);
        match car {
            Some(car) => self.plug(t_ms, car),
            None => self.settle(),
        }
    }

    /// When it next does something by itself. `None` while it is steady.
    pub fn next_timeout(&self) -> Option<u64> {
        self.next
    }

    /// Does everything that is due at `t_ms`, in order. Costs next to nothing when nothing is.
    pub fn timeout(&mut self, t_ms: u64) {
        while let Some(due) = self.next.filter(|due| *due <= t_ms) {
            self.now_ms = due.max(self.now_ms);
            self.count();
            self.follow();
        }
        self.now_ms = t_ms.max(self.now_ms);
        self.count();
    }

    /// Nanojoules that have flowed since they were last counted.
    fn flowed_nj(&self, t_ms: u64) -> i128 {
        i128::from(self.power_uw) * i128::from(t_ms.saturating_sub(self.counted_ms))
    }

    /// Counts the energy, exactly: in how many pieces makes no difference.
    fn count(&mut self) {
        let energy_nj = self.flowed_nj(self.now_ms);
        self.counted_ms = self.now_ms;
        if energy_nj == 0 {
            return;
        }
        if let Some(car) = &mut self.car {
            car.consume(energy_nj);
        }
        if let Some(session) = &mut self.session {
            session.energy_nj += energy_nj;
        }
        self.energy_nj += energy_nj;
    }

    /// The voltages behind its terminals change.
    pub fn supply(&mut self, t_ms: u64, supply: Supply) {
        self.timeout(t_ms);
        self.supply = Supply { volts_mv: supply.volts_mv.map(|volts| volts.clamp(0, MOST_MV)), ..supply };
        self.refresh();
    }

    /// Current through each terminal, milliamperes.
    pub fn draws_ma(&self) -> [i64; 3] {
        self.draws_ma
    }

    /// What it offers the car, milliamperes; 0 while it offers nothing.
    pub fn offered_ma(&self) -> i64 {
        self.offered_ma
    }

    /// The car at it.
    pub fn car(&self) -> Option<&Car> {
        self.car.as_ref()
    }

    /// It has started and its link is up: it can be told something, and report.
    pub fn hears(&self) -> bool {
        self.down_until.is_none() && self.limits.link_is_up()
    }

    /// It does what the group says: neither stands alone nor accepts limits without keeping to them.
    pub fn heeds(&self) -> bool {
        !self.limits.stands_alone() && !self.settings.ignores_limits
    }

    /// Somebody answers for what it offers: a limit with a lease that goes on, or else a standing offline limit.
    pub fn is_managed(&self) -> bool {
        self.limits.are_managed()
    }

    /// Terminals that its car draws from, or would, from 0.
    pub fn terminals(&self) -> Range<usize> {
        let phases = self.car.as_ref().map_or(self.settings.phases, |car| car.settings().phases);
        let used = usize::from(phases.min(self.settings.phases));
        self.terminal.map_or(0..used, |at| at..at + 1)
    }

    /// What it says of itself, if it did nothing since it was last spoken to.
    pub fn report(&self, t_ms: u64) -> Report {
        let given_nj = self.session(t_ms).map_or(0, |session| session.energy_nj);
        // Asked for all the time, and 128 bits divide slowly; 64 hold two megawatt-hours.
        let session_wh = match i64::try_from(given_nj) {
            Ok(small_nj) => small_nj / NJ_PER_WH as i64,
            Err(_) => i64::try_from(given_nj / NJ_PER_WH).unwrap_or(i64::MAX),
        };
        Report {
            doing: self.doing(),
            i_ma: self.draws_ma,
            offered_ma: self.offered_ma,
            phases: if self.terminal.is_some() { 1 } else { self.settings.phases },
            max_ma: self.settings.most_ma(),
            offline_ma: self.limits.offline_ma(),
            boots: self.boots,
            session_wh,
        }
    }

    /// Times that its contactor has closed.
    pub fn starts(&self) -> u64 {
        self.starts
    }

    /// The sessions that are over, oldest first.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// The session that goes on, as it is at `t_ms`.
    pub fn session(&self, t_ms: u64) -> Option<Session> {
        let flowed_nj = self.flowed_nj(t_ms);
        self.session.map(|session| Session { energy_nj: session.energy_nj + flowed_nj, ..session })
    }

    /// Energy given from when it was built until `t_ms`, nanojoules.
    pub fn energy_nj(&self, t_ms: u64) -> i128 {
        self.energy_nj + self.flowed_nj(t_ms)
    }

    fn doing(&self) -> Doing {
        match &self.car {
            None => Doing::Unplugged,
            Some(car) if car.takes() => Doing::Charging,
            Some(car) if car.wants() => Doing::Waiting,
            Some(_) => Doing::Finished,
        }
    }

    /// What is due now happens.
    fn follow(&mut self) {
        if self.down_until.is_some_and(|until| until <= self.now_ms) {
            self.down_until = None;
            self.boots += 1;
        }
        self.limits.timeout(&self.settings, self.now_ms);
        if let Some(car) = &mut self.car {
            car.timeout(self.now_ms);
        }
        self.settle();
    }

    /// Brings terminals, pilot and contactor in line with what is allowed now.
    fn settle(&mut self) {
        let allowed = self.limits.allowed(&self.settings);
        let up = self.down_until.is_none() && self.car.is_some();
        let offer = allowed.current_ma.filter(|_| up).map_or(0, |limit_ma| self.settings.offer(limit_ma));
        self.switch(allowed.terminal, offer);
        self.offered_ma = if self.switch_until.is_some() { 0 } else { offer };
        if let Some(car) = &mut self.car {
            car.pilot(self.now_ms, self.offered_ma);
        }
        self.force();
        self.refresh();
    }

    /// Terminals change behind an open contactor only.
    fn switch(&mut self, terminal: Option<usize>, offer: i64) {
        let takes = self.car.as_ref().is_some_and(Car::takes);
        if self.switch_until.is_none() && terminal != self.terminal {
            if !takes {
                self.terminal = terminal;
            } else if offer > 0 {
                self.switch_until = Some(self.now_ms.saturating_add(self.settings.switch_ms));
            }
        }
        if self.switch_until.is_some_and(|until| until <= self.now_ms) {
            self.switch_until = None;
            self.open();
            self.terminal = terminal;
        }
    }

    /// The contactor opens under a car that is offered nothing and goes on.
    fn force(&mut self) {
        let takes = self.car.as_ref().is_some_and(Car::takes);
        if self.offered_ma > 0 || !takes {
            self.force_at = None;
            return;
        }
        let at = *self.force_at.get_or_insert(self.now_ms.saturating_add(FORCE_MS));
        if at <= self.now_ms {
            self.force_at = None;
            self.open();
        }
    }

    fn open(&mut self) {
        self.closed = false;
        if let Some(car) = &mut self.car {
            car.cut();
        }
    }

    /// Currents, power, contactor and next timeout follow from the rest.
    fn refresh(&mut self) {
        self.draws_ma = [0; 3];
        let mut closed = false;
        if let Some(car) = &self.car {
            closed = car.takes();
            let terminals = self.terminals();
            if let Some(terminals) = self.draws_ma.get_mut(terminals) {
                terminals.fill(car.draws_ma());
            }
        }
        self.starts += u64::from(closed && !self.closed);
        self.closed = closed;
        let car = self.car.as_ref().and_then(Car::next_timeout);
        let limits = self.limits.next_timeout(&self.settings);
        let own = [self.down_until, self.switch_until, self.force_at, self.battery()];
        self.next = own.into_iter().chain([car, limits]).flatten().min();
    }

    /// Power follows from the currents. When the car draws less by itself, or nothing, because its battery fills up.
    fn battery(&mut self) -> Option<u64> {
        let Supply { mut volts_mv, two_ends } = self.supply;
        if two_ends && self.draws_ma[0] != 0 {
            volts_mv[1] = 0;
        }
        let each = self.draws_ma.into_iter().zip(volts_mv);
        self.power_uw = each.map(|(current, volts)| current * volts).sum();
        let car = self.car.as_ref().filter(|_| self.power_uw > 0)?;
        let power_uw = i128::from(self.power_uw);
        let ms = (car.left_nj() + power_uw - 1) / power_uw;
        self.now_ms.checked_add(u64::try_from(ms.max(1)).ok()?)
    }
}
