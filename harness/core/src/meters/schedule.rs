//! When a meter says what: the lists that are due, and what its clock shows then.
//!
//! Refuses a clock of its own: times come in, in seconds or milliseconds since 1970, UTC.

use super::profile::{List, Profile, Zone};
use crate::reading::LocalTime;
use crate::wire::time::CosemTime;
use jiff::tz::TimeZone;

/// Central European civil time: summer time from the last Sunday of March to that of October, changed at
/// 01:00 UTC (directive 2000/84/EC).
const CIVIL: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// The wall clock of a zone at `utc_s`, and whether it is summer there by civil time.
pub fn wall_clock(zone: Zone, utc_s: i64) -> (LocalTime, bool) {
    let civil = TimeZone::posix(CIVIL).expect("the rule of Central Europe is a POSIX time zone");
    let instant = jiff::Timestamp::from_second(utc_s).expect("a time between the years 1 and 9999");
    let info = civil.to_offset_info(instant);
    let summer = info.dst().is_dst();
    let offset = match zone {
        Zone::Civil => info.offset(),
        Zone::StandardAllYear => jiff::tz::offset(1),
    };
    let there = offset.to_datetime(instant);
    let date = (there.year() as u16, there.month() as u8, there.day() as u8);
    let time = (there.hour() as u8, there.minute() as u8, there.second() as u8);
    (LocalTime::new(date, time).expect("jiff gives times that exist"), summer)
}

/// The clock field of a meter at `utc_s`.
pub fn cosem_time(profile: &Profile, utc_s: i64) -> CosemTime {
    let clock = &profile.clock;
    let (local, summer) = wall_clock(clock.zone, utc_s);
    let weekday = match local.weekday() {
        7 => clock.sunday,
        other => other,
    };
    let status = if summer { clock.status.1 } else { clock.status.0 };
    CosemTime::from_local(&local, weekday, clock.deviation, status)
}

/// The time whose counters and clock a telegram of `utc_s` shows: the full hour where the meter latches them.
pub fn counters_of(profile: &Profile, utc_s: i64) -> i64 {
    if profile.clock.latched_at_hour { utc_s - utc_s.rem_euclid(3600) } else { utc_s }
}

/// A list, and when its first byte is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    /// Milliseconds since 1970, UTC.
    pub utc_ms: i64,
    /// The list.
    pub list: List,
}

/// The lists that are due from `from_ms` up to but not including `to_ms` (milliseconds since 1970, UTC).
///
/// Walks second by second and half by half, so that a year is long but not endless.
pub fn schedule(profile: &'static Profile, from_ms: i64, to_ms: i64) -> impl Iterator<Item = Due> {
    // All cadences are multiples of half a second.
    const STEP: i64 = 500;
    let first = from_ms.div_euclid(STEP) + i64::from(from_ms.rem_euclid(STEP) != 0);
    (first..)
        .map(|step| step * STEP)
        .take_while(move |&utc_ms| utc_ms < to_ms)
        .filter_map(move |utc_ms| due(profile, utc_ms).map(|list| Due { utc_ms, list }))
}

/// The list due at exactly this time. At most one is: no vendor lets two collide.
fn due(profile: &Profile, utc_ms: i64) -> Option<List> {
    let cadence = &profile.cadence;
    let every = |ms: Option<u32>| ms.is_some_and(|ms| utc_ms.rem_euclid(i64::from(ms)) == 0);
    let third = cadence.list3_at_s.is_some_and(|s| utc_ms.rem_euclid(3_600_000) == i64::from(s) * 1000);
    let (second, first) = (every(cadence.list2_ms), every(cadence.list1_ms));
    let ten_seconds = || profile.lists.iter().copied().find(|list| matches!(list, List::Two | List::Full(_)));
    let list = match (third, second, first) {
        // Where list 3 is sent between two lists 2, nothing is due with it.
        (true, _, _) => Some(List::Three),
        (false, true, _) => ten_seconds(),
        (false, false, true) => Some(List::One),
        (false, false, false) => None,
    };
    list.filter(|list| profile.lists.contains(list))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::meters::by_name;

    pub(in crate::meters) fn profile(name: &str) -> &'static Profile {
        by_name(name).expect("a profile")
    }

    /// Seconds since 1970.
    pub(in crate::meters) fn utc(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("a time").as_second()
    }

    /// `list@second` of everything due in a range.
    fn plan(name: &str, from: &str, seconds: i64) -> Vec<(String, f64)> {
        let from_ms = utc(from) * 1000;
        let lists = schedule(profile(name), from_ms, from_ms + seconds * 1000);
        lists.map(|due| (due.list.word().into(), (due.utc_ms - from_ms) as f64 / 1000.0)).collect()
    }

    fn words(plan: &[(String, f64)]) -> Vec<(&str, f64)> {
        plan.iter().map(|(list, at)| (list.as_str(), *at)).collect()
    }

    #[test]
    fn list_3_of_aidon_takes_the_place_of_list_2_ten_seconds_past_the_hour() {
        let lists = plan("aidon-6525", "2026-01-15T11:00:00Z", 21);
        let expected = [
            ("2", 0.0),
            ("1", 2.5),
            ("1", 5.0),
            ("1", 7.5),
            ("3", 10.0),
            ("1", 12.5),
            ("1", 15.0),
            ("1", 17.5),
            ("2", 20.0),
        ];
        assert_eq!(words(&lists), expected);
    }

    #[test]
    fn list_3_of_kamstrup_comes_between_two_lists_2() {
        let lists = plan("kamstrup-6841131", "2026-01-15T11:00:00Z", 11);
        assert_eq!(words(&lists), [("2", 0.0), ("3", 5.0), ("2", 10.0)]);
    }

    #[test]
    fn list_1_of_kaifa_comes_at_even_seconds() {
        let lists = plan("kaifa-ma304h4", "2026-01-15T11:30:00Z", 10);
        assert_eq!(words(&lists), [("2", 0.0), ("1", 2.0), ("1", 4.0), ("1", 6.0), ("1", 8.0)]);
        let swedish = plan("kaifa-se", "2026-01-15T11:00:00Z", 20);
        assert_eq!(words(&swedish), [("se-36", 0.0), ("se-36", 10.0)]);
    }

    #[test]
    fn civil_time_changes_at_one_utc_and_standard_time_never() {
        let clock = |zone, text| {
            let (local, summer) = wall_clock(zone, utc(text));
            (local.to_string(), summer)
        };
        for (at, civil, standard, summer) in [
            ("2026-03-29T00:59:59Z", "2026-03-29T01:59:59", "2026-03-29T01:59:59", false),
            ("2026-03-29T01:00:00Z", "2026-03-29T03:00:00", "2026-03-29T02:00:00", true),
            ("2026-10-25T00:59:59Z", "2026-10-25T02:59:59", "2026-10-25T01:59:59", true),
            ("2026-10-25T01:00:00Z", "2026-10-25T02:00:00", "2026-10-25T02:00:00", false),
            ("2027-01-01T00:00:00Z", "2027-01-01T01:00:00", "2027-01-01T01:00:00", false),
        ] {
            assert_eq!(clock(Zone::Civil, at), (civil.to_string(), summer));
            assert_eq!(clock(Zone::StandardAllYear, at), (standard.to_string(), summer));
        }
    }

    #[test]
    fn clock_fields_follow_the_habits_of_their_meters() {
        let sunday = utc("2026-07-05T12:00:10Z");
        let aidon = cosem_time(profile("aidon-6525"), sunday);
        assert_eq!((aidon.weekday(), aidon.deviation(), aidon.0[5]), (0, 0, 13), "CET and Sunday 0");
        let kaifa = cosem_time(profile("kaifa-ma304h3e"), sunday);
        assert_eq!((kaifa.weekday(), kaifa.deviation(), kaifa.0[5]), (7, i16::MIN, 14), "summer time");
        let kamstrup = cosem_time(profile("kamstrup-6841131"), sunday);
        assert_eq!((kamstrup.0[11], kamstrup.0[5]), (0x80, 13), "says summer, shows CET");
    }
}
