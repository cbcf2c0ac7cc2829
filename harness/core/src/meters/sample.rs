//! House → telegram: what one meter makes of the state of the house, and when it says so.
//!
//! Refuses to invent: a register that the state has no value for stays absent, and encoding such a telegram is an
//! error. Rounds as the meter does: powers, currents and voltages to the nearest step, counters down.

use super::decode::{Address, Telegram};
use super::profile::{Elements, Family, Holds, List, Profile, Register, Tag, Zone};
use crate::plant::{Counters, House, State};
use crate::reading::{Field, Key, LocalTime, Milli, Reading};
use crate::wire::apdu::TimeForm;
use crate::wire::time::CosemTime;
use jiff::tz::TimeZone;

/// One meter on the wall: its profile and what it says its name is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Meter<'a> {
    /// What kind of meter it is.
    pub profile: &'static Profile,
    /// Meter id as sent, padding included.
    pub id: &'a [u8],
    /// Meter type as sent, padding included.
    pub meter_type: &'a [u8],
}

/// Type texts as meters send them, found by the profile.
const TYPES: [&str; 17] = [
    "6515",
    "6525",
    "6534",
    "6540",
    "MA105H2E",
    "MA304H3E",
    "MA304H4",
    "MA304T3",
    "MA304T4",
    "6841131BN243101040",
    "6841131BN245101092",
    "6841121BN243101040",
    "6861111BN242101040",
    "6841439BN243101010",
    "6851131BN243101040",
    "ZFF1",
    "AM550",
];

impl Meter<'static> {
    /// A meter of this profile with a made-up id: the first digits are those of its maker, the others nobody's.
    pub fn usual(profile: &'static Profile) -> Meter<'static> {
        let id: &[u8] = match profile.family {
            Family::Aidon => b"7359990000000017",
            Family::Kaifa | Family::Nuri => b"6970631000000025",
            // An unusual scale is a meter of its own.
            Family::Kamstrup if !profile.unannounced.is_empty() => b"5706567000000041",
            Family::Kamstrup => b"5706567000000033",
            Family::Stange => b"13000041\0\0\0\0\0\0\0\0",
            _ => b"0000000000000058",
        };
        let by_type = TYPES.iter().find(|text| profile.types.iter().any(|start| text.starts_with(start)));
        let by_name = || TYPES.iter().find(|text| profile.name.contains(&text.to_ascii_lowercase()));
        let other = match (profile.family, profile.elements) {
            (Family::Kamstrup, Elements::One) => "6861111BN242101040",
            _ => "",
        };
        let meter_type = by_type.or_else(by_name).copied().unwrap_or(other);
        Meter { profile, id, meter_type: meter_type.as_bytes() }
    }
}

impl<'a> Meter<'a> {
    /// The telegram of a list at `utc_s` (seconds since 1970), with the values of `state` and these counters.
    ///
    /// A meter that latches its clock (Aidon) shows the full hour; hand it the counters of that hour, see
    /// [`counters_of`].
    pub fn telegram(&self, list: List, utc_s: i64, state: &State, counters: &Counters) -> Telegram<'a> {
        let profile = self.profile;
        let envelope = &profile.envelope;
        let mut reading = Reading::default();
        let mut clock = None;
        for slot in profile.slots(list).filter(|slot| profile.sends(slot)) {
            match slot.holds {
                Holds::ListId => reading.list_id = Some(profile.list_id.as_bytes()),
                Holds::MeterId => reading.meter_id = Some(self.id),
                Holds::MeterType => reading.meter_type = Some(self.meter_type),
                Holds::Clock => clock = Some(cosem_time(profile, counters_of(profile, utc_s))),
                Holds::Number(key) => reading.set(key, self.number(slot, key, state, counters)),
                Holds::Unnamed => {
                    let room = reading.push_other(slot.obis, self.number_of_id());
                    assert!(room, "{} has more unnamed registers than a reading holds", profile.name);
                }
            }
        }
        let time = (envelope.time != TimeForm::Absent).then(|| cosem_time(profile, utc_s));
        reading.clock = clock.and_then(|clock| clock.local());
        reading.timestamp = time.or(clock).and_then(|time| time.local());
        let address =
            Address { destination: envelope.destination, source: envelope.source, control: envelope.control };
        Telegram {
            address: Some(address),
            invoke_id: envelope.invoke_id,
            time_form: envelope.time,
            time,
            clock,
            reading,
        }
    }

    fn number(&self, slot: &Register, key: Key, state: &State, counters: &Counters) -> Field {
        if self.profile.zero_unmeasured.contains(&key) {
            return Field::Present(Milli(0));
        }
        let (value, counts) = match value(key, state) {
            Some(value) => (Some(value), false),
            None => (counter(key, counters), true),
        };
        value.map_or(Field::Absent, |value| Field::Present(as_shown(slot, value, counts)))
    }

    /// The last eight digits of the id (Danish lists carry the number of the meter as a number).
    fn number_of_id(&self) -> i64 {
        let digits = self.id.iter().filter(|byte| byte.is_ascii_digit());
        digits.fold(0, |number, digit| (number * 10 + i64::from(digit - b'0')) % 100_000_000)
    }
}

/// The value as the register can hold it.
///
/// Only a signed type carries the sign of a current (Aidon; field bug X2). A counter that is full starts again.
fn as_shown(slot: &Register, value: Milli, counts: bool) -> Milli {
    let step = 10_i64.pow(u32::from((slot.scaler + 3).unsigned_abs()));
    let value = if slot.tag == Tag::I16 { value.0 } else { value.0.abs() };
    let half = if counts { 0 } else { step / 2 };
    let raw = (value.abs() + half) / step * value.signum();
    let raw = if slot.tag == Tag::U32 { raw % (1 << 32) } else { raw };
    Milli(raw * step)
}

/// What a key means in the state of the house, except for counters; `None` for a key that the house does not know.
fn value(key: Key, state: &State) -> Option<Milli> {
    let import = |value: Milli| Milli(value.0.max(0));
    let export = |value: Milli| Milli((-value.0).max(0));
    let (p, q) = (state.phase_active, state.phase_reactive);
    Some(match key {
        Key::ActiveImport => import(state.active),
        Key::ActiveExport => export(state.active),
        Key::ReactiveImport => import(state.reactive),
        Key::ReactiveExport => export(state.reactive),
        Key::CurrentL1 => state.current[0],
        Key::CurrentL2 => state.current[1],
        Key::CurrentL3 => state.current[2],
        Key::VoltageL1 => state.voltage[0],
        Key::VoltageL2 => state.voltage[1],
        Key::VoltageL3 => state.voltage[2],
        Key::ActiveImportL1 => import(p[0]),
        Key::ActiveExportL1 => export(p[0]),
        Key::ReactiveImportL1 => import(q[0]),
        Key::ReactiveExportL1 => export(q[0]),
        Key::ActiveImportL2 => import(p[1]),
        Key::ActiveExportL2 => export(p[1]),
        Key::ReactiveImportL2 => import(q[1]),
        Key::ReactiveExportL2 => export(q[1]),
        Key::ActiveImportL3 => import(p[2]),
        Key::ActiveExportL3 => export(p[2]),
        Key::ReactiveImportL3 => import(q[2]),
        Key::ReactiveExportL3 => export(q[2]),
        Key::PowerFactor => power_factor(state.active, state.reactive),
        Key::PowerFactorL1 => power_factor(p[0], q[0]),
        Key::PowerFactorL2 => power_factor(p[1], q[1]),
        Key::PowerFactorL3 => power_factor(p[2], q[2]),
        _ => return None,
    })
}

/// |P| / S; 1 where nothing flows.
fn power_factor(active: Milli, reactive: Milli) -> Milli {
    let (p, q) = (active.0 as f64, reactive.0 as f64);
    let s = p.hypot(q);
    Milli(if s == 0.0 { 1000 } else { (1000.0 * p.abs() / s).round() as i64 })
}

fn counter(key: Key, counters: &Counters) -> Option<Milli> {
    Some(match key {
        Key::EnergyActiveImport => counters.active_import,
        Key::EnergyActiveExport => counters.active_export,
        Key::EnergyReactiveImport => counters.reactive_import,
        Key::EnergyReactiveExport => counters.reactive_export,
        Key::EnergyActiveImportL1 => counters.phase_import[0],
        Key::EnergyActiveImportL2 => counters.phase_import[1],
        Key::EnergyActiveImportL3 => counters.phase_import[2],
        Key::EnergyActiveExportL1 => counters.phase_export[0],
        Key::EnergyActiveExportL2 => counters.phase_export[1],
        Key::EnergyActiveExportL3 => counters.phase_export[2],
        _ => return None,
    })
}

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

/// A house with its meter.
#[derive(Clone, Debug)]
pub struct Site<'a> {
    /// The meter.
    pub meter: Meter<'a>,
    /// The house behind it.
    pub house: House,
    /// The midnight from which the house counts, in seconds since 1970, UTC.
    pub midnight_s: i64,
}

impl<'a> Site<'a> {
    /// What the meter sends. A time before the midnight of the house counts as that midnight.
    pub fn telegram(&mut self, due: Due) -> Telegram<'a> {
        let utc_s = due.utc_ms.div_euclid(1000);
        let state = self.at(utc_s);
        let counters = match counters_of(self.meter.profile, utc_s) {
            same if same == utc_s => state.counters,
            latched if due.list == List::Three => self.at(latched).counters,
            _ => state.counters,
        };
        self.meter.telegram(due.list, utc_s, &state, &counters)
    }

    fn at(&mut self, utc_s: i64) -> State {
        self.house.at(u64::try_from(utc_s - self.midnight_s).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::by_name;
    use crate::plant::System;

    fn profile(name: &str) -> &'static Profile {
        by_name(name).expect("a profile")
    }

    fn utc(text: &str) -> i64 {
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

    #[test]
    fn latched_meter_shows_clock_and_counters_of_the_full_hour() {
        let at = utc("2026-01-15T11:00:10Z");
        let mut site = Site {
            meter: Meter::usual(profile("aidon-6534")),
            house: House::new(System::ThreeTn, 1),
            midnight_s: utc("2026-01-14T23:00:00Z"),
        };
        let telegram = site.telegram(Due { utc_ms: at * 1000, list: List::Three });
        let clock = telegram.reading.clock.expect("a clock");
        assert_eq!(clock.to_string(), "2026-01-15T12:00:00");
        let hour = site.at(at - 10).counters.active_import.0 / 10_000 * 10_000;
        assert_eq!(telegram.reading.get(Key::EnergyActiveImport), Field::Present(Milli(hour)));
        let fresh = (site.at(at).active.0 + 500) / 1000 * 1000;
        assert_eq!(telegram.reading.get(Key::ActiveImport), Field::Present(Milli(fresh)));
    }

    #[test]
    fn rounding_is_to_the_nearest_step_and_counters_never_run_ahead() {
        let register = |name, key| profile(name).register(key).expect("a register");
        let current = register("aidon-6534", Key::CurrentL1);
        assert_eq!(as_shown(current, Milli(-1_250), false), Milli(-1_300), "0.1 A, signed");
        let magnitude = register("kamstrup-6841131", Key::CurrentL1);
        assert_eq!(as_shown(magnitude, Milli(-1_254), false), Milli(1_250), "0.01 A, no sign");
        let counter = register("aidon-6534", Key::EnergyActiveImport);
        assert_eq!(as_shown(counter, Milli(19_999), true), Milli(10_000), "10 Wh");
        let full = Milli((1 << 32) * 10_000 + 20_000);
        assert_eq!(as_shown(counter, full, true), Milli(20_000), "starts again");
    }

    #[test]
    fn current_is_negative_on_export_only_where_the_type_has_a_sign() {
        let state = State { current: [Milli(-5_000); 3], active: Milli(-3_000_000), ..State::default() };
        let l1 = |name| {
            let meter = Meter::usual(profile(name));
            let telegram = meter.telegram(List::Two, 0, &state, &state.counters);
            [Key::CurrentL1, Key::ActiveImport, Key::ActiveExport].map(|key| telegram.reading.get(key))
        };
        let present = |value| Field::Present(Milli(value));
        assert_eq!(l1("aidon-6534"), [present(-5_000), present(0), present(3_000_000)]);
        assert_eq!(l1("kaifa-ma304h4"), [present(5_000), present(0), present(3_000_000)]);
    }

    #[test]
    fn usual_meter_has_a_type_of_its_profile() {
        for profile in crate::meters::PROFILES {
            let meter_type = core::str::from_utf8(Meter::usual(profile).meter_type).expect("a text");
            let of_it =
                profile.types.is_empty() || profile.types.iter().any(|one| meter_type.starts_with(one));
            assert!(of_it, "{}: {meter_type:?}", profile.name);
        }
        for (name, meter_type) in [
            ("nuri-ma304t4", "MA304T4"),
            ("kamstrup-6841131", "6841131BN243101040"),
            ("kamstrup-6841131-1wh", "6841131BN245101092"),
        ] {
            assert_eq!(Meter::usual(profile(name)).meter_type, meter_type.as_bytes());
        }
    }
}
