//! One capture while it is made: what is sent when, and what it means.

use hanbench_core::capture::{Capture, Dir, Row};
use hanbench_core::meters::encode::{encode_apdu, encode_frame};
use hanbench_core::meters::profile::{Evidence, List, Profile, Zone};
use hanbench_core::meters::sample::{Meter, Site};
use hanbench_core::meters::schedule::{Due, counters_of, schedule, wall_clock};
use hanbench_core::meters::{Telegram, by_name};
use hanbench_core::plant::{Counters, House, State, System};
use hanbench_core::reading::json::reading_object;
use hanbench_core::reading::{Field, Key, Milli};
use hanbench_core::wire::time::CosemTime;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Source of what the simulated house made.
pub(crate) const HOUSE: &str =
    "simulated house; layout and habits as the profile of the meter documents them";
/// Source of what was published.
pub(crate) const PUBLISHED: &str = "values of published telegrams, meter id replaced";

/// Source of what is published at first, and then made by the simulated house.
pub(crate) const THEN_HOUSE: &str =
    "values of published telegrams, meter id replaced; those of 2026 from the simulated house";

/// A capture being made.
#[derive(Clone)]
pub(crate) struct Line {
    /// Family and name: `aidon/6525-it3`.
    pub(crate) path: String,
    header: BTreeMap<String, String>,
    rows: Vec<Row>,
    /// Where each telegram ends, and the reading that was put in.
    pub(crate) sent: Vec<(u64, Map<String, Value>)>,
    /// The time that is row time 0, in milliseconds since 1970.
    zero_ms: Option<i64>,
    end: u64,
}

impl Line {
    /// A capture of this meter. `system`: `1-phase`, `3-phase TN` or `3-phase IT`.
    pub(crate) fn new(path: &str, meter: &Meter<'_>, system: &str, source: &str) -> Line {
        let profile = meter.profile;
        let evidence = if profile.evidence == Evidence::Inferred { "inferred" } else { "rebuilt" };
        let model = String::from_utf8_lossy(meter.meter_type);
        let model = if model.is_empty() { profile.title } else { &model };
        let mut line = Line {
            path: path.into(),
            header: BTreeMap::new(),
            rows: Vec::new(),
            sent: Vec::new(),
            zero_ms: None,
            end: 0,
        };
        for (key, value) in [
            ("family", profile.family.word()),
            ("model", model),
            ("system", system),
            ("baud", "2400"),
            ("parity", "none"),
            ("stage", "wire"),
            ("source", source),
            ("evidence", evidence),
        ] {
            line.header.insert(key.into(), value.into());
        }
        let names = |keys: &[Key]| keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" ");
        for (key, keys) in
            [("unannounced", profile.unannounced), ("zero_unmeasured", profile.zero_unmeasured)]
        {
            if !keys.is_empty() {
                line.header.insert(key.into(), names(keys));
            }
        }
        line
    }

    /// One more header line.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Line {
        self.header.insert(key.into(), value.into());
        self
    }

    /// A telegram on the line at `utc_ms`, whatever link layer `bytes` are of.
    pub(crate) fn bytes(&mut self, utc_ms: i64, bytes: Vec<u8>, reading: Option<Map<String, Value>>) {
        let zero_ms = *self.zero_ms.get_or_insert(utc_ms);
        self.header.entry("t0".into()).or_insert_with(|| rfc3339(utc_ms));
        let t_us = u64::try_from(utc_ms - zero_ms).expect("telegrams come in order of time") * 1000;
        self.end += bytes.len() as u64;
        self.rows.push(Row { t_us, dir: Dir::Rx, bytes });
        self.sent.extend(reading.map(|reading| (self.end, reading)));
    }

    /// A telegram in its HDLC frame.
    pub(crate) fn telegram(&mut self, meter: &Meter<'_>, due: Due, telegram: &Telegram<'_>) {
        let frame = frame(meter.profile, due.list, telegram);
        self.bytes(due.utc_ms, frame, Some(reading_object(&telegram.reading)));
    }

    /// Everything the meter of a house sends in a window.
    pub(crate) fn window(&mut self, site: &mut Site<'_>, from: &str, seconds: i64) {
        let from_ms = utc_ms(from);
        for due in schedule(site.meter.profile, from_ms, from_ms + seconds * 1000) {
            let telegram = site.telegram(due);
            self.telegram(&site.meter, due, &telegram);
        }
    }

    /// The same behind current transformers: the meter sees and sends the secondary side.
    pub(crate) fn secondary_window(&mut self, site: &mut Site<'_>, ratio: i64, from: &str, seconds: i64) {
        let from_ms = utc_ms(from);
        let Site { meter, house, midnight_s } = site;
        for due in schedule(meter.profile, from_ms, from_ms + seconds * 1000) {
            let utc_s = due.utc_ms / 1000;
            let mut at = |utc_s: i64| {
                secondary(house.at(u64::try_from(utc_s - *midnight_s).expect("after midnight")), ratio)
            };
            let counters = at(counters_of(meter.profile, utc_s)).counters;
            let telegram = meter.telegram(due.list, utc_s, &at(utc_s), &counters);
            self.telegram(meter, due, &telegram);
        }
    }

    /// One telegram of a house, out of schedule.
    pub(crate) fn one(&mut self, site: &mut Site<'_>, list: List, utc: &str) {
        let due = Due { utc_ms: utc_ms(utc), list };
        let telegram = site.telegram(due);
        self.telegram(&site.meter, due, &telegram);
    }

    /// A published telegram. `digits` is the time on the meter's own wall clock.
    ///
    /// Published telegrams are of different days: they are put ten seconds apart.
    pub(crate) fn published(&mut self, meter: &Meter<'_>, list: List, digits: &str, state: &State) {
        let telegram = published(meter, list, digits, state);
        self.published_as(meter, list, digits, &telegram);
    }

    /// The same with a telegram that was changed.
    pub(crate) fn published_as(
        &mut self,
        meter: &Meter<'_>,
        list: List,
        digits: &str,
        telegram: &Telegram<'_>,
    ) {
        let utc_ms = utc_of(meter.profile, digits) * 1000;
        self.cut(utc_ms, 10_000);
        self.telegram(meter, Due { utc_ms, list }, telegram);
    }

    /// Leaves out idle time: what is sent at `utc_ms` comes `gap_ms` after what was sent last.
    pub(crate) fn cut(&mut self, utc_ms: i64, gap_ms: i64) {
        let Some(last) = self.rows.last() else { return };
        self.header.entry("gaps".into()).or_insert_with(|| "idle time left out".into());
        self.zero_ms = Some(utc_ms - gap_ms - (last.t_us / 1000) as i64);
    }

    /// The capture file.
    pub(crate) fn text(&self) -> String {
        Capture { header: self.header.clone(), rows: self.rows.clone() }.to_text()
    }

    /// Differences between what was put in and what the snapshot says.
    pub(crate) fn compare(&self, snapshot: &str) -> Vec<String> {
        let lines = snapshot.lines().filter(|line| line.starts_with('{'));
        let items =
            lines.map(|line| serde_json::from_str::<Value>(line).expect("a snapshot holds JSON lines"));
        let says: BTreeMap<u64, Value> = items
            .filter(|item| item["reading"].is_object())
            .map(|item| {
                let end = item["offset"].as_u64().zip(item["len"].as_u64()).map(|(at, len)| at + len);
                (end.expect("an item has a place"), item["reading"].clone())
            })
            .collect();
        let mut wrong = Vec::new();
        for (end, reading) in &self.sent {
            match says.get(end) {
                Some(Value::Object(said)) if said == reading => {}
                said => {
                    wrong.push(format!("telegram up to byte {end}: sent {reading:?}, snapshot says {said:?}"))
                }
            }
        }
        if says.len() != self.sent.len() {
            wrong.push(format!("{} telegrams sent, snapshot has {} readings", self.sent.len(), says.len()));
        }
        wrong
    }
}

/// The profile of that name.
pub(crate) fn profile(name: &str) -> &'static Profile {
    by_name(name).unwrap_or_else(|| panic!("no profile {name}"))
}

/// The usual meter of a profile.
pub(crate) fn meter(name: &str) -> Meter<'static> {
    Meter::usual(profile(name))
}

/// The HDLC frame of a telegram.
pub(crate) fn frame(profile: &Profile, list: List, telegram: &Telegram<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_frame(profile, list, telegram, &mut frame)
        .unwrap_or_else(|error| panic!("{}: {error}", profile.name));
    frame
}

/// The APDU of a telegram.
pub(crate) fn apdu(profile: &Profile, list: List, telegram: &Telegram<'_>) -> Vec<u8> {
    let mut apdu = Vec::new();
    encode_apdu(profile, list, telegram, &mut apdu)
        .unwrap_or_else(|error| panic!("{}: {error}", profile.name));
    apdu
}

/// A house with this meter, counting from the local midnight before `from`, with some years on its counters.
pub(crate) fn site(meter: &Meter<'static>, system: System, seed: u64, from: &str) -> Site<'static> {
    let years = |wh: i64| Milli(wh * 1000);
    let before = Counters {
        active_import: years(12_345_678),
        active_export: years(0),
        reactive_import: years(345_670),
        reactive_export: years(1_234_560),
        phase_import: [4_115_226, 4_115_226, 4_115_226].map(years),
        phase_export: [0; 3].map(years),
    };
    let house = House::new(system, seed).with_counters(before);
    Site { meter: *meter, house, midnight_s: midnight_before(utc_ms(from) / 1000) }
}

fn midnight_before(utc_s: i64) -> i64 {
    let local = utc_s + 3600;
    utc_s - local.rem_euclid(86_400)
}

/// The same state seen through current transformers.
fn secondary(state: State, ratio: i64) -> State {
    let less = |value: Milli| Milli(value.0 / ratio);
    let counters = Counters {
        active_import: less(state.counters.active_import),
        active_export: less(state.counters.active_export),
        reactive_import: less(state.counters.reactive_import),
        reactive_export: less(state.counters.reactive_export),
        ..state.counters
    };
    State {
        current: state.current.map(less),
        active: less(state.active),
        reactive: less(state.reactive),
        counters,
        ..state
    }
}

/// A capture of the usual meter in a house, over one window.
pub(crate) fn hour(path: &str, name: &str, system: System, seed: u64, window: (&str, i64)) -> Line {
    let meter = meter(name);
    let mut line = Line::new(path, &meter, words(system), HOUSE);
    line.window(&mut site(&meter, system, seed, window.0), window.0, window.1);
    line
}

/// The night in which the clocks change: list 3 of the hour before, then the seconds around 01:00 UTC.
pub(crate) fn night(path: &str, name: &str, system: System, seed: u64, day: &str) -> Line {
    let meter = meter(name);
    let at = |time: &str| format!("{day}T{time}Z");
    let mut site = site(&meter, system, seed, &at("00:00:00"));
    let mut line = Line::new(path, &meter, words(system), HOUSE);
    let second = meter.profile.cadence.list3_at_s.expect("a meter with an hourly list");
    line.one(&mut site, List::Three, &at(&format!("00:00:{second:02}")));
    let from = if meter.profile.cadence.list1_ms.is_some() { "00:59:50" } else { "00:59:30" };
    line.cut(utc_ms(&at(from)), 10_000);
    let seconds = utc_ms(&at("01:00:30")) - utc_ms(&at(from));
    line.window(&mut site, &at(from), seconds / 1000);
    line
}

fn words(system: System) -> &'static str {
    match system {
        System::OnePhase => "1-phase",
        System::ThreeTn => "3-phase TN",
        System::ThreeIt => "3-phase IT",
    }
}

/// The first telegram with this property when the power goes up watt by watt.
pub(crate) fn searched(
    meter: &Meter<'_>,
    list: List,
    digits: &str,
    mut state: State,
    property: impl Fn(&[u8]) -> bool,
) -> Telegram<'static> {
    for _ in 0..70_000 {
        let telegram = published(meter, list, digits, &state);
        if property(&frame(meter.profile, list, &telegram)) {
            return telegram;
        }
        state.active.0 += 1000;
    }
    panic!("no power gives {} such a frame", meter.profile.name)
}

/// A body with 7E, an FCS that starts with 7E, and one that ends with it, right before the closing flag.
pub(crate) const INNER_FLAGS: [fn(&[u8]) -> bool; 3] = [
    |frame| frame[1..frame.len() - 3].contains(&0x7E),
    |frame| frame[frame.len() - 3] == 0x7E,
    |frame| frame[frame.len() - 2] == 0x7E,
];

/// Values of a published telegram: net watts and vars (import positive), milliamperes, tenths of a volt.
pub(crate) fn values(active_w: i64, reactive_var: i64, current_ma: [i64; 3], voltage_dv: [i64; 3]) -> State {
    State {
        current: current_ma.map(Milli),
        voltage: voltage_dv.map(|dv| Milli(dv * 100)),
        active: Milli(active_w * 1000),
        reactive: Milli(reactive_var * 1000),
        ..State::default()
    }
}

/// The same with counters: A+, A−, R+, R− in Wh and varh.
pub(crate) fn counted(state: State, wh: [i64; 4]) -> State {
    let [active_import, active_export, reactive_import, reactive_export] = wh.map(|wh| Milli(wh * 1000));
    let counters =
        Counters { active_import, active_export, reactive_import, reactive_export, ..Counters::default() };
    State { counters, ..state }
}

/// The telegram with these values, `digits` on the meter's wall clock.
pub(crate) fn published(meter: &Meter<'_>, list: List, digits: &str, state: &State) -> Telegram<'static> {
    let meter = Meter { id: Meter::usual(meter.profile).id, meter_type: leaked(meter.meter_type), ..*meter };
    meter.telegram(list, utc_of(meter.profile, digits), state, &state.counters)
}

/// Texts of a few bytes that live as long as the program.
fn leaked(text: &[u8]) -> &'static [u8] {
    text.to_vec().leak()
}

/// Sets further numbers, in thousandths.
pub(crate) fn set(telegram: &mut Telegram<'_>, numbers: &[(Key, i64)]) {
    for &(key, thousandths) in numbers {
        telegram.reading.set(key, Field::Present(Milli(thousandths)));
    }
}

/// Changes the bytes of both time fields.
pub(crate) fn change_times(telegram: &mut Telegram<'_>, change: impl Fn(&mut CosemTime)) {
    for time in [&mut telegram.time, &mut telegram.clock].into_iter().flatten() {
        change(time);
    }
    telegram.reading.clock = telegram.clock.and_then(|clock| clock.local());
    telegram.reading.timestamp = telegram.time.or(telegram.clock).and_then(|time| time.local());
}

/// Says another deviation in both time fields.
pub(crate) fn set_deviation(telegram: &mut Telegram<'_>, minutes: i16) {
    change_times(telegram, |time| time.0[9..11].copy_from_slice(&minutes.to_be_bytes()));
}

/// Milliseconds since 1970 of an RFC 3339 time.
pub(crate) fn utc_ms(text: &str) -> i64 {
    let time = text.parse::<jiff::Timestamp>();
    time.unwrap_or_else(|error| panic!("{text}: {error}")).as_millisecond()
}

fn rfc3339(utc_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(utc_ms).expect("a time of this century").to_string()
}

/// The UTC second at which the meter's wall clock shows these digits (summer time first where both do).
pub(crate) fn utc_of(profile: &Profile, digits: &str) -> i64 {
    let as_utc = utc_ms(&format!("{digits}Z")) / 1000;
    let zone: Zone = profile.clock.zone;
    let shows = |utc_s: &i64| wall_clock(zone, *utc_s).0.to_string() == digits;
    let found = [2, 1].map(|hours| as_utc - hours * 3600).into_iter().find(shows);
    found.unwrap_or_else(|| panic!("no clock of {} ever shows {digits}", profile.name))
}
