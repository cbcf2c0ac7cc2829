//! One decision after the other: hears events, runs the chain, says what came of it.

use super::allocate::Problem;
use super::base::{Base, Drawn};
use super::book::Entry;
use super::budgets::Budgets;
use super::fast::Fast;
use super::headroom::{self, Modes};
use super::layout::Layout;
use super::lease::{self, Wish};
use super::observe::{BOOT_MS, Health, LOST_MS, Meter};
use super::pace::{self, Move, Pace, Step};
use super::phases::{self, Mode};
use super::select::Queue;
use super::wiring::Wiring;
use super::{Context, Mutation, Now, Tuning, alarm};
use crate::balance::{About, Command, Event, Link, Site};
use crate::site::ratio::{Factor, Need, needs_factor};
use num_complex::Complex64;

/// What an event means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    Nothing,
    /// The power is new, the currents are not.
    Power,
    Decide,
}

/// What has been said to people already, so that it is said once.
#[derive(Clone, Copy, Default, Debug)]
struct Told {
    silent: bool,
    impossible: bool,
    overload: bool,
    unsaid: bool,
}

/// Everything that follows from the settings and what has been heard since.
pub(super) struct Desk {
    layout: Layout,
    meter: Meter,
    book: Vec<Entry>,
    base: Base,
    queue: Queue,
    paces: Vec<Pace>,
    modes: Vec<Mode>,
    /// Reports in a row that were above the limit.
    disobeyed: Vec<u8>,
    /// Times that it offered more than it was told, though it had offered less.
    overruled: Vec<u8>,
    budgets: Budgets,
    fast: Fast,
    wiring: Wiring,
    told: Told,
    /// What is kept free of the supply.
    margin_ma: Option<i64>,
    /// What the chargers drew when the power was looked at last.
    drawn: Drawn,
    /// Kept so that nothing is allocated.
    problem: Problem,
    other: Problem,
    bare: Vec<Complex64>,
    steps: Vec<Step>,
}

impl Desk {
    /// From settings. What is known of chargers and meter under the old ones is kept, by name; what was learnt of the
    /// wiring is not, because that is what settings change.
    pub fn new(
        t_ms: u64,
        site: &Site,
        old: Option<Desk>,
        mutation: Option<Mutation>,
        commands: &mut Vec<Command>,
    ) -> Desk {
        let layout = Layout::new(site.clone(), mutation);
        let count = layout.site.chargers.len();
        let mut desk = Desk {
            meter: Meter::new(t_ms),
            book: vec![Entry::default(); count],
            base: Base::default(),
            queue: Queue::default(),
            paces: vec![Pace::default(); count],
            modes: (0..count).map(|charger| Mode::new(layout.wired(charger))).collect(),
            disobeyed: vec![0; count],
            overruled: vec![0; count],
            budgets: Budgets::new(&layout.site, mutation),
            fast: Fast::default(),
            wiring: Wiring::default(),
            told: Told::default(),
            margin_ma: None,
            drawn: Drawn::default(),
            problem: Problem::default(),
            other: Problem::default(),
            bare: Vec::new(),
            steps: Vec::new(),
            layout,
        };
        desk.queue.resize(count);
        desk.queue.never_rotates = mutation == Some(Mutation::NeverRotates);
        if let Some(old) = old {
            desk.inherit(old);
        }
        let limits = lease::offline_limits(&desk.layout);
        for ((entry, limit), settings) in desk.book.iter_mut().zip(limits).zip(&desk.layout.site.chargers) {
            if entry.offline != limit || entry.offline_told_ms.is_none() {
                (entry.offline, entry.offline_told_ms) = (limit, None);
                entry.offline_held = entry.status.is_some_and(|status| status.offline_ma == Some(limit.0));
            }
            if settings.offline_ma.is_some_and(|set| set > limit.0) {
                let text = format!(
                    "{}: its offline limit and those of the others are more than the group may draw without a meter; it is lowered to {} mA",
                    settings.name, limit.0
                );
                alarm(commands, About::Settings, text);
            }
        }
        desk.complain(commands);
        desk
    }

    fn inherit(&mut self, old: Desk) {
        let moved = old.layout.site.scale != self.layout.site.scale
            || old.layout.site.phase_order != self.layout.site.phase_order
            || old.layout.site.grid != self.layout.site.grid
            || old.layout.site.chargers_included != self.layout.site.chargers_included;
        if !moved {
            (self.meter, self.base, self.fast, self.wiring) = (old.meter, old.base, old.fast, old.wiring);
        }
        if self.budgets.same(&old.budgets) {
            self.budgets = old.budgets;
        }
        self.told = old.told;
        for (new, settings) in self.layout.site.chargers.iter().enumerate() {
            let Some(at) = old.layout.site.chargers.iter().position(|other| other.name == settings.name)
            else {
                continue;
            };
            self.book[new] = old.book[at].clone();
            self.paces[new] = old.paces[at];
            if self.layout.wired(new) == old.layout.wired(at) {
                self.modes[new] = old.modes[at];
            }
            self.queue.inherit(new, &old.queue, at);
        }
    }

    /// What is wrong with the settings.
    fn complain(&self, commands: &mut Vec<Command>) {
        for fault in &self.layout.faults {
            alarm(commands, About::Settings, fault.clone());
        }
        let site = &self.layout.site;
        let fuse_a = u32::try_from(site.supply_max_ma / 1000).unwrap_or(0);
        if needs_factor(fuse_a) == Need::Yes && site.scale == Factor::ONE {
            let text =
                format!("a supply of {fuse_a} A is measured through transformers, but no ratio is set");
            alarm(commands, About::Settings, text);
        }
        if !self.budgets.zone_is_known() {
            let text = format!("no zone is called {:?}: the budgets hold all day", site.zone);
            alarm(commands, About::Settings, text);
        }
    }

    /// Takes an event.
    pub fn hear(
        &mut self,
        t_ms: u64,
        event: &Event,
        mutation: Option<Mutation>,
        commands: &mut Vec<Command>,
    ) -> News {
        match event {
            Event::Meter(sample) => {
                self.meter.hear(t_ms, sample, &self.layout, mutation);
                if self.meter.impossible {
                    if !self.told.impossible {
                        alarm(commands, About::Meter, "a current that no line can carry is ignored".into());
                    }
                    self.told.impossible = true;
                    return News::Nothing;
                }
                self.told.impossible = false;
                if let Some(watts) = self.meter.power_w {
                    self.budgets.power(t_ms, watts as i64);
                }
                if self.meter.new { News::Decide } else { News::Power }
            }
            Event::Charger(status) => {
                let Some(entry) = self.book.get_mut(status.id) else { return News::Nothing };
                let was_above = entry.is_above_told();
                let mut news = entry.hear(t_ms, status);
                if mutation == Some(Mutation::ForgetsReboots) {
                    entry.restarted = false;
                }
                let (disobeyed, overruled) = (&mut self.disobeyed[status.id], &mut self.overruled[status.id]);
                *disobeyed = if entry.disobeys() { disobeyed.saturating_add(1) } else { 0 };
                if *disobeyed == 2 {
                    let name = &self.layout.site.chargers[status.id].name;
                    let text =
                        format!("{name} draws more than it was told; it is counted as a load of the house");
                    alarm(commands, About::Charger, text);
                }
                if status.doing == crate::balance::Doing::Unplugged {
                    self.modes[status.id] = Mode::new(self.layout.wired(status.id));
                }
                let above = entry.is_above_told();
                news |= above;
                if above && !was_above {
                    *overruled = overruled.saturating_add(1);
                    if *overruled == 3 {
                        let name = &self.layout.site.chargers[status.id].name;
                        alarm(commands, About::Charger, format!("somebody else sets the limit of {name}"));
                    }
                }
                if news { News::Decide } else { News::Nothing }
            }
            Event::Link { what: Link::Charger(id), up } => {
                let Some(entry) = self.book.get_mut(*id) else { return News::Nothing };
                entry.link_up = *up;
                News::Decide
            }
            // What counts is how old the readings are: a link can be down without a word, and back for a moment.
            Event::Link { what: Link::Meter, .. } | Event::Config(_) | Event::Tick => News::Nothing,
        }
    }

    /// True when the power says that a line may carry too much.
    pub fn jumps(&mut self, t_ms: u64) -> bool {
        // Power knows no lines: the sum is enough.
        let high_ma: i64 = self.book.iter().flat_map(|entry| entry.draw(t_ms).high).sum();
        self.drawn.high_ma = high_ma as f64;
        self.bump_ma().is_some()
    }

    /// What may have come on a line since the last currents, if that is too much.
    fn bump_ma(&self) -> Option<f64> {
        let believed = !self.meter.new && !self.wiring.exaggerates();
        self.fast.bump_ma(&self.meter, &self.drawn).filter(|_| believed)
    }

    /// Decides, and says when to look again at the latest.
    pub fn decide(
        &mut self,
        t_ms: u64,
        tuning: Tuning,
        mutation: Option<Mutation>,
        commands: &mut Vec<Command>,
    ) -> u64 {
        self.budgets.look(t_ms);
        for (entry, settings) in self.book.iter_mut().zip(&self.layout.site.chargers) {
            entry.lapse(t_ms, settings.max_ma);
        }
        self.observe(t_ms, mutation, commands);
        let health = self.meter.health(t_ms);
        self.diagnose(t_ms, health, commands);
        let now = self.now(t_ms, health, tuning, mutation);
        self.meter.new = false;
        let Desk { layout, book, base, problem, queue, modes, .. } = self;
        let context = Context { layout, book, base, now };
        headroom::build(problem, &context, Modes::AsIs);
        self.bare.clear();
        self.bare.extend(problem.rows.iter().map(|row| row.load));
        queue.serve(t_ms, problem);
        problem.fill();
        if now.raises {
            phases::consider(&context, tuning.switch_below_ma, queue, problem, &mut self.other, modes);
        }
        self.go(now);
        self.spare(now, commands);
        self.say(now, commands)
    }

    /// What holds now.
    fn now(&mut self, t_ms: u64, health: Health, tuning: Tuning, mutation: Option<Mutation>) -> Now {
        let site = &self.layout.site;
        let (supply_ma, every_ms) = (site.supply_max_ma, site.currents_every_ms);
        let margin_ma = *self.margin_ma.get_or_insert_with(|| {
            tuning.margin_ma.unwrap_or_else(|| headroom::margin_ma(supply_ma, tuning.step_ma, every_ms))
        });
        let fresh =
            health == Health::Fresh || mutation == Some(Mutation::RaisesOnStale) && health != Health::Never;
        let bump_ma = self.bump_ma();
        let blind = matches!(health, Health::Never | Health::Lost) || self.wiring.wrong;
        let offline = blind && mutation != Some(Mutation::IgnoresOfflineLimits);
        let (online_ma, offline_ma) = (site.group.max_online_ma, site.group.max_offline_ma);
        // What may have jumped is held against all that the supply carries: that is what the margin is for.
        let line_ma = if bump_ma.is_some() { site.supply_max_ma } else { site.supply_max_ma - margin_ma };
        Now {
            t_ms,
            mutation,
            fresh,
            raises: fresh && bump_ma.is_none(),
            alone: offline && self.is_alone(t_ms),
            supply: health != Health::Never,
            group_ma: if offline { online_ma.min(offline_ma) } else { online_ma },
            line_ma: self.budgets.line_ma.map_or(line_ma, |budget_ma| budget_ma.min(line_ma)),
            slack_ma: (margin_ma / 3).min(500) as f64,
            // What may only have jumped lowers, and pauses nobody.
            keep_ma: if bump_ma.is_some() {
                f64::INFINITY
            } else {
                (margin_ma - headroom::least_ma(site.supply_max_ma)).max(0) as f64
            },
            bump_ma: bump_ma.unwrap_or(0.0),
            power_w: self.budgets.allowed_w(t_ms),
            volts: self.meter.volts,
        }
    }

    /// What is new of the meter.
    fn observe(&mut self, t_ms: u64, mutation: Option<Mutation>, commands: &mut Vec<Command>) {
        if !self.meter.new {
            return;
        }
        self.drawn = Drawn::of(&self.layout, self.book.iter().map(|entry| entry.draw(t_ms)));
        if let Some(what) = self.wiring.look(&self.meter, &self.drawn, &self.layout) {
            alarm(commands, About::Wiring, what);
        }
        self.base.update(t_ms, &self.meter, self.drawn, &self.layout, mutation);
        if self.wiring.wrong {
            self.base.distrust(t_ms, &self.meter, &self.layout);
        }
        self.fast.anchor(&self.meter, &self.drawn);
        let unsaid = self.base.unsaid.iter().any(|unsaid| *unsaid);
        if unsaid && !self.told.unsaid {
            let text = "the meter does not say the current of every phase: is the kind of grid right?";
            alarm(commands, About::Meter, text.into());
        }
        self.told.unsaid = unsaid;
    }

    /// Nobody has seen a reading for longer than a dongle takes to start.
    fn is_alone(&self, t_ms: u64) -> bool {
        t_ms >= self.meter.currents_ms.unwrap_or(self.meter.since_ms) + BOOT_MS
    }

    /// Says once that the meter is not heard, and why that may be.
    fn diagnose(&mut self, t_ms: u64, health: Health, commands: &mut Vec<Command>) {
        let text = match health {
            Health::Fresh => {
                self.told.silent = false;
                return;
            }
            Health::Never if t_ms >= self.meter.since_ms + BOOT_MS => {
                "no reading since the start: is the port of the meter open, has the dongle power?"
            }
            Health::Lost => "readings with currents have stopped",
            _ => return,
        };
        if !self.told.silent {
            alarm(commands, About::Meter, text.into());
        }
        self.told.silent = true;
    }

    /// From shares to the next limits.
    fn go(&mut self, now: Now) {
        self.steps.clear();
        for (charger, entry) in self.book.iter().enumerate() {
            let from_ma = entry.told.ma;
            if !entry.link_up {
                self.steps.push(Step { from_ma, next_ma: from_ma, share_ma: from_ma, may_ma: 0 });
                continue;
            }
            let ask = &self.problem.asks[charger];
            let step_ma = self.layout.site.chargers[charger].step_ma;
            let share_ma = (self.problem.given[charger] + 1e-3) as i64 / step_ma * step_ma;
            let to = Move {
                from_ma,
                share_ma,
                min_ma: ask.min as i64,
                step_ma,
                careful: self.wiring.suspects(&self.layout),
            };
            let mut next_ma = self.paces[charger].next(now.t_ms, now.raises, to);
            if now.mutation == Some(Mutation::FirstIgnoresBase) && from_ma == 0 && next_ma > 0 {
                next_ma = ask.max as i64;
            }
            let switches = self.modes[charger].phases == 1 && entry.is_on_three() && entry.told.phases > 0;
            if now.mutation == Some(Mutation::HysteresisTriples) && switches && from_ma > 0 {
                next_ma = (3 * share_ma).min(ask.max as i64);
            }
            self.steps.push(Step { from_ma, may_ma: entry.allowed_ma(), share_ma, next_ma });
        }
        pace::agree(&mut self.problem, &self.bare, &mut self.steps, now.mutation);
    }

    /// How much power may jump before a line carries too much; and whether the house does that alone.
    fn spare(&mut self, now: Now, commands: &mut Vec<Command>) {
        let more_ma = (self.layout.site.supply_max_ma - now.line_ma) as f64 + now.bump_ma;
        let first = self.layout.site.circuits.len() * self.layout.lines;
        let count = if now.supply { self.base.count.max(1) * self.layout.lines } else { 0 };
        let supply = first..first + count;
        pace::put(&mut self.problem, &self.bare, &self.steps, |step| step.next_ma);
        let (mut spare_ma, mut alone) = (f64::INFINITY, false);
        for (row, bare) in self.problem.rows[supply.clone()].iter().zip(&self.bare[supply]) {
            spare_ma = spare_ma.min(row.cap + more_ma - row.flow(Complex64::ZERO));
            alone |= row.with(*bare).flow(Complex64::ZERO) > row.cap + more_ma;
        }
        self.fast.spare_ma = spare_ma;
        if alone && !self.told.overload {
            alarm(commands, About::Overload, "the house alone needs more than the supply carries".into());
        }
        self.told.overload = alone;
    }

    /// Says what is new, and when to look again.
    fn say(&mut self, now: Now, commands: &mut Vec<Command>) -> u64 {
        let t_ms = now.t_ms;
        let mut wake_ms = u64::MAX;
        let mut wake = |due_ms: u64| wake_ms = if due_ms > t_ms { wake_ms.min(due_ms) } else { wake_ms };
        for (charger, entry) in self.book.iter_mut().enumerate() {
            let step = self.steps[charger];
            let waits = step.next_ma == 0 && entry.wants() && entry.offline.0 > 0;
            // Without readings nobody may be told more than he has; but who is told nothing falls to his offline
            // limit by himself, and that is what it is for.
            if entry.link_up && !(now.alone && waits && entry.told.ma == 0) {
                let phases = self.modes[charger].phases;
                let currents_ms = self.meter.currents_ms;
                let wish = Wish { ma: step.next_ma, phases, currents_ms, fresh: now.fresh };
                if lease::speak(t_ms, charger, entry, wish, now.mutation, commands)
                    && step.next_ma != step.from_ma
                {
                    self.paces[charger].moved(t_ms);
                }
                wake(lease::due(entry));
                if step.share_ma > step.next_ma {
                    self.paces[charger].due().into_iter().for_each(&mut wake);
                }
            } else {
                wake(entry.told.until_ms);
            }
            let wants = entry.wants();
            let lacks = wants && now.raises && self.problem.asks[charger].max > 0.0;
            self.queue.settle(t_ms, charger, wants, lacks, entry.told.ma > 0);
        }
        let since_ms = self.meter.since_ms;
        wake(self.meter.currents_ms.map_or(since_ms + BOOT_MS, |heard_ms| heard_ms + LOST_MS));
        wake(self.meter.currents_ms.unwrap_or(since_ms) + BOOT_MS);
        self.budgets.due().into_iter().for_each(&mut wake);
        wake_ms
    }
}
