//! What every rule reads alike: the last currents at the main fuse, and the chargers as they say they are.

use crate::balance::{ChargerSettings, Command, Doing, Event, Sample, Site};
use crate::reading::Milli;
use crate::site::ratio::Factor;

/// No rule leases its limits: half of all milliseconds there are, so that nothing added to it overflows.
const FOR_EVER_MS: u64 = u64::MAX / 2;

/// A charger as a rule knows it.
pub(super) struct Point {
    pub(super) settings: ChargerSettings,
    /// The limit that it was told, or that it has by itself: its maximum.
    pub(super) limit_ma: i64,
    /// What it draws on each line of the site.
    pub(super) drawn_ma: [i64; 3],
    told: bool,
    doing: Doing,
    boots: u32,
}

impl Point {
    /// A car is there that is not full.
    pub(super) fn has_car(&self) -> bool {
        matches!(self.doing, Doing::Waiting | Doing::Charging)
    }
}

/// What a rule knows.
#[derive(Default)]
pub(super) struct Seen {
    /// The main fuse.
    pub(super) fuse_ma: i64,
    scale: Option<Factor>,
    phase_order: [u8; 3],
    one_line: bool,
    /// The last currents at the main fuse; with one phase it stands there three times. `None`: not one list with
    /// currents so far, or the last one lacked a line.
    pub(super) mains_ma: Option<[i64; 3]>,
    /// When they were heard.
    pub(super) heard_ms: u64,
    pub(super) points: Vec<Point>,
}

impl Seen {
    /// Takes in what there is to hear. Whether currents were among it.
    pub(super) fn hear(&mut self, t_ms: u64, events: &[Event]) -> bool {
        let mut fresh = false;
        for event in events {
            match event {
                Event::Config(site) => self.configure(site),
                Event::Meter(sample) if sample.i_ma.iter().any(Option::is_some) => {
                    self.mains_ma = self.mains(sample);
                    fresh = self.mains_ma.is_some();
                    self.heard_ms = if fresh { t_ms } else { self.heard_ms };
                }
                Event::Charger(status) => {
                    let Some(point) = self.points.get_mut(status.id) else { continue };
                    point.doing = status.doing;
                    for (line, drawn) in point.settings.order.into_iter().zip(status.i_ma) {
                        if let Some(place) = point.drawn_ma.get_mut(usize::from(line).wrapping_sub(1)) {
                            *place = drawn;
                        }
                    }
                    // It has started again and has its own limit: these rules read it back from the charger.
                    if status.boots > point.boots {
                        if point.boots > 0 {
                            point.limit_ma = status.max_ma;
                            point.told = false;
                        }
                        point.boots = status.boots;
                    }
                }
                Event::Meter(_) | Event::Link { .. } | Event::Tick => {}
            }
        }
        fresh
    }

    fn configure(&mut self, site: &Site) {
        self.fuse_ma = site.supply_max_ma;
        self.scale = Some(site.scale);
        self.phase_order = site.phase_order;
        self.one_line = site.grid.lines() == 1;
        self.points.truncate(site.chargers.len());
        for (id, settings) in site.chargers.iter().enumerate() {
            if let Some(point) = self.points.get_mut(id) {
                point.settings = settings.clone();
                continue;
            }
            self.points.push(Point {
                settings: settings.clone(),
                limit_ma: settings.max_ma,
                drawn_ma: [0; 3],
                told: false,
                doing: Doing::Unplugged,
                boots: 0,
            });
        }
    }

    fn mains(&self, sample: &Sample) -> Option<[i64; 3]> {
        let on = |line: u8| {
            let phase = self.phase_order.iter().position(|at| *at == line)?;
            let phase = if self.one_line { 0 } else { phase };
            Some(self.scale?.apply(Milli(sample.i_ma[phase]?))?.value.0)
        };
        Some([on(1)?, on(2)?, on(3)?])
    }

    /// Tells a charger a limit, unless it was told so already.
    pub(super) fn tell(&mut self, id: usize, current_ma: i64, commands: &mut Vec<Command>) {
        let Some(point) = self.points.get_mut(id) else { return };
        if point.told && point.limit_ma == current_ma {
            return;
        }
        point.told = true;
        point.limit_ma = current_ma;
        let phases = point.settings.phases;
        commands.push(Command::Limit { id, current_ma, phases, ttl_ms: FOR_EVER_MS });
    }
}
