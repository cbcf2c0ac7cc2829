//! Limits by time of day, on the wall clock of the site (B-19, B-20).
//!
//! The zone database is linked in and never read from the machine: the same scenario gives the same nights
//! everywhere. Minutes of the day are those of the wall clock, so the night of the change to summer time has 23 hours
//! and the other one 25. An unknown zone makes every budget hold all day, which is safe, and is said.

use super::mutation::Mutation;
use crate::balance::{Budget, Site};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// The budgets of a site and what has been used.
#[derive(Debug)]
pub(super) struct Budgets {
    list: Vec<Budget>,
    zone: Option<TimeZone>,
    utc_ms: i64,
    /// Until when what is known of the clock holds.
    until_ms: u64,
    /// Most per line now, milliamperes.
    pub line_ma: Option<i64>,
    /// Most on average over the hour, watts.
    limit_w: Option<i64>,
    /// Where the hour ends, and where counting began in it; milliseconds, before the start perhaps.
    hour_end_ms: i64,
    counted_from_ms: i64,
    /// Watt-milliseconds imported since then.
    used: i64,
    /// The last power, and up to when it is counted.
    power_w: Option<i64>,
    counted_to_ms: u64,
}

impl Budgets {
    pub fn new(site: &Site, mutation: Option<Mutation>) -> Budgets {
        let zone = match mutation {
            Some(Mutation::BudgetInUtc) => Some(TimeZone::UTC),
            _ => TimeZoneDatabase::bundled().get(&site.zone).ok(),
        };
        Budgets {
            list: site.budgets.clone(),
            zone,
            utc_ms: site.utc_ms,
            until_ms: 0,
            line_ma: None,
            limit_w: None,
            hour_end_ms: i64::MIN,
            counted_from_ms: 0,
            used: 0,
            power_w: None,
            counted_to_ms: 0,
        }
    }

    /// True when the settings are those of the other one.
    pub fn same(&self, other: &Budgets) -> bool {
        (&self.list, &self.zone, self.utc_ms) == (&other.list, &other.zone, other.utc_ms)
    }

    /// False when there are budgets and nobody knows when they hold.
    pub fn zone_is_known(&self) -> bool {
        self.list.is_empty() || self.zone.is_some()
    }

    /// When the clock has to be looked at again.
    pub fn due(&self) -> Option<u64> {
        (!self.list.is_empty()).then_some(self.until_ms)
    }

    /// The meter says so much power.
    pub fn power(&mut self, t_ms: u64, watts: i64) {
        if self.list.is_empty() {
            return;
        }
        self.count(t_ms);
        self.power_w = Some(watts);
    }

    /// Looks at the clock.
    pub fn look(&mut self, t_ms: u64) {
        if self.list.is_empty() || t_ms < self.until_ms {
            return;
        }
        self.count(t_ms);
        let utc_ms = self.utc_ms + t_ms as i64;
        self.until_ms = t_ms + (MINUTE_MS - utc_ms.rem_euclid(MINUTE_MS)) as u64;
        let minute = self.minute(utc_ms);
        let holds = |budget: &&Budget| minute.is_none_or(|minute| budget.holds(minute));
        self.line_ma = self.list.iter().filter(holds).filter_map(|budget| budget.limit_ma).min();
        let limit_w = self.list.iter().filter(holds).filter_map(|budget| budget.limit_w).min();
        // Offsets from UTC are whole minutes, so the hour of the wall clock ends with a minute of UTC.
        let in_hour = i64::from(minute.unwrap_or(0) % 60) * MINUTE_MS + utc_ms.rem_euclid(MINUTE_MS);
        let hour_end_ms = t_ms as i64 - in_hour + HOUR_MS;
        if hour_end_ms != self.hour_end_ms || limit_w != self.limit_w {
            self.used = 0;
            self.counted_from_ms = t_ms as i64;
        }
        (self.hour_end_ms, self.limit_w) = (hour_end_ms, limit_w);
    }

    /// Most that may be imported from now on, watts: the limit, and what the rest of the hour has left of it. Unused
    /// energy is not made up for.
    pub fn allowed_w(&self, t_ms: u64) -> Option<i64> {
        let limit_w = self.limit_w?;
        let total = limit_w * (self.hour_end_ms - self.counted_from_ms);
        let left_ms = (self.hour_end_ms - t_ms as i64).max(MINUTE_MS);
        Some(limit_w.min((total - self.used) / left_ms).max(0))
    }

    fn count(&mut self, t_ms: u64) {
        let passed_ms = t_ms.saturating_sub(self.counted_to_ms) as i64;
        self.used += self.power_w.unwrap_or(0).max(0) * passed_ms;
        self.counted_to_ms = t_ms;
    }

    /// Minute of the day at the site.
    fn minute(&self, utc_ms: i64) -> Option<u16> {
        let zone = self.zone.as_ref()?;
        let time = zone.to_datetime(Timestamp::from_millisecond(utc_ms).ok()?);
        Some(u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs()))
    }
}

impl Budget {
    /// True in the minute of the day `minute`, from midnight. The same minute twice is all day.
    fn holds(&self, minute: u16) -> bool {
        if self.from_min < self.to_min {
            (self.from_min..self.to_min).contains(&minute)
        } else {
            minute >= self.from_min || minute < self.to_min
        }
    }
}
