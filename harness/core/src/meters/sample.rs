//! House → telegram: what one meter makes of the state of the house.
//!
//! Refuses to invent: a register that the state has no value for stays absent, and encoding such a telegram is an
//! error. Rounds as the meter does: powers, currents and voltages to the nearest step, counters down.

use super::profile::{Holds, List, Profile, Register, Tag};
use super::schedule::{Due, cosem_time, counters_of};
use super::telegram::{Address, Telegram};
use crate::plant::{Counters, House, State};
use crate::reading::{Field, Key, Milli, Reading};
use crate::wire::apdu::TimeForm;

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

impl Meter<'static> {
    /// The made-up meter of this profile.
    pub fn usual(profile: &'static Profile) -> Meter<'static> {
        Meter { profile, id: profile.sample_id, meter_type: profile.sample_type }
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
    use crate::meters::schedule::tests::{profile, utc};
    use crate::plant::System;

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
    }
}
