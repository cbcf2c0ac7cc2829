//! Kamstrup: three wirings, its scales that nothing announces, hourly offsets, null pairs, the Danish list.

use crate::line::*;
use hanbench_core::meters::Telegram;
use hanbench_core::meters::profile::List;
use hanbench_core::meters::sample::Meter;
use hanbench_core::plant::{State, System};
use hanbench_core::reading::Key;

const IT: System = System::ThreeIt;
const TN: System = System::ThreeTn;
const ONE: System = System::OnePhase;

pub(crate) fn all() -> Vec<Line> {
    let window = ("2026-02-03T20:59:30Z", 60);
    vec![
        tn3(),
        hour("kamstrup/6841131-tn3-hour", "kamstrup-6841131", TN, 41, window),
        it3(),
        hour("kamstrup/6841121-it3-hour", "kamstrup-6841121", IT, 42, ("2026-07-05T19:59:30Z", 60)),
        one_phase(),
        hour("kamstrup/6861111-1ph-hour", "kamstrup-6861111", ONE, 43, window),
        tagged_time(),
        hour("kamstrup/6841121-it3-no-i2", "kamstrup-6841121-no-i2", IT, 44, window),
        hour("kamstrup/1q-1ph-hour", "kamstrup-1ph-1q", ONE, 45, window),
        hour("kamstrup/4q-1ph-hour", "kamstrup-1ph-4q", ONE, 46, window),
        hour("kamstrup/6841439-tn3-centivolt", "kamstrup-6841-centivolt", TN, 47, window),
        watt_hours(),
        milliamperes(),
        offsets(),
        night("kamstrup/6841121-it3-dst-october", "kamstrup-6841121", IT, 48, "2026-10-25"),
        night("kamstrup/6841131-tn3-dst-march", "kamstrup-6841131", TN, 49, "2026-03-29"),
        danish(),
        danish_transformer(),
        danish_one_phase(),
        inner_flags(),
        large_counters(),
        impossible_time(),
        export(),
    ]
}

fn tn3() -> Line {
    let meter = meter("kamstrup-6841131");
    let mut line = Line::new("kamstrup/6841131-tn3", &meter, "3-phase TN", PUBLISHED);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    for (digits, state) in [
        ("2021-11-24T11:05:50", values(6254, -735, [11_660, 2370, 13_400], [2320, 2350, 2330])),
        ("2021-11-24T11:06:00", values(6271, -733, [11_750, 2380, 13_380], [2320, 2350, 2320])),
        ("2021-11-24T11:06:10", values(6318, -736, [11_940, 2410, 13_370], [2320, 2340, 2320])),
        ("2021-11-24T11:06:40", values(6295, -735, [11_780, 2440, 13_370], [2320, 2350, 2330])),
        ("2021-11-25T22:01:00", values(1954, -188, [1750, 3280, 4120], [2350, 2360, 2350])),
    ] {
        send(List::Two, digits, &state);
    }
    let hour = values(1247, -417, [1890, 3270, 1280], [2360, 2360, 2360]);
    let wh = [85_823_280, 4_540_830, 153_270, 14_774_380];
    send(List::Three, "2021-11-25T23:00:55", &counted(hour, wh));
    send(List::Two, "2021-11-25T23:01:00", &values(1225, -418, [1800, 3270, 1290], [2360, 2360, 2360]));
    line
}

fn it3() -> Line {
    let meter = meter("kamstrup-6841121");
    let mut line = Line::new("kamstrup/6841121-it3", &meter, "3-phase IT", PUBLISHED);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    send(List::Two, "2018-03-04T20:52:00", &values(3815, -191, [13_690, 4920, 13_000], [2250, 2210, 2220]));
    send(List::Two, "2018-03-04T20:59:50", &values(4392, 132, [13_820, 7800, 13_700], [2240, 2230, 2230]));
    let hour = values(3643, 134, [10_570, 7800, 10_520], [2260, 2240, 2230]);
    send(List::Three, "2018-03-04T21:00:05", &counted(hour, [17_203_930, 0, 13_800, 1_625_930]));
    let hour = values(2690, -218, [2840, 8960, 10_210], [2380, 2390, 2400]);
    send(List::Three, "2022-11-26T15:00:05", &counted(hour, [155_232_510, 0, 3_242_890, 7_243_620]));
    let state = values(4596, 320, [18_320, 14_910, 5280], [2280, 2300, 2330]);
    let mut summer = published(&meter, List::Two, "2020-04-26T08:20:00", &state);
    // This meter did not say that it was summer; others of 2021 do.
    change_times(&mut summer, |time| time.0[11] = 0);
    line.published_as(&meter, List::Two, "2020-04-26T08:20:00", &summer);
    line
}

fn one_phase() -> Line {
    let meter = meter("kamstrup-6861111");
    let mut line = Line::new("kamstrup/6861111-1ph", &meter, "1-phase", PUBLISHED);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    send(List::Two, "2022-01-17T12:44:40", &values(1896, -493, [8960, 0, 0], [2250, 0, 0]));
    send(List::Two, "2022-02-05T13:00:10", &values(616, 83, [2900, 0, 0], [2260, 0, 0]));
    line
}

/// Firmware of 2017 writes the date-time with its tag, so that every telegram is a byte longer, and says no summer.
fn tagged_time() -> Line {
    let meter = meter("kamstrup-6841121-2017");
    let mut line = Line::new("kamstrup/6841121-it3-2017", &meter, "3-phase IT", PUBLISHED);
    let hour = values(2531, -440, [9960, 2070, 9650], [2310, 2260, 2320]);
    let hour = counted(hour, [4_272_440, 0, 800, 618_130]);
    for (list, time, state) in [
        (List::Two, "03:43:30", values(1468, -462, [5640, 2020, 5110], [2320, 2280, 2330])),
        (List::Two, "03:44:50", values(1471, -460, [5660, 2030, 5110], [2310, 2270, 2330])),
        (List::Two, "03:53:20", values(1551, -457, [5910, 2000, 5480], [2340, 2290, 2340])),
        (List::Three, "04:00:05", hour),
        (List::Two, "04:03:10", values(2686, -233, [11_010, 2430, 9610], [2310, 2280, 2320])),
        (List::Two, "04:08:40", values(2685, -238, [10_990, 2420, 9610], [2310, 2280, 2340])),
    ] {
        let digits = format!("2017-10-20T{time}");
        let mut telegram = published(&meter, list, &digits, &state);
        change_times(&mut telegram, |time| time.0[11] = 0);
        line.published_as(&meter, list, &digits, &telegram);
    }
    line
}

fn watt_hours() -> Line {
    let meter = meter("kamstrup-6841131-1wh");
    let mut line = Line::new("kamstrup/6841131-tn3-watt-hours", &meter, "3-phase TN", THEN_HOUSE);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    send(List::Two, "2022-02-17T22:33:50", &values(3503, 1562, [5810, 5600, 4460], [2430, 2420, 2430]));
    let hour = values(2269, -400, [2870, 5990, 1060], [2410, 2400, 2430]);
    send(List::Three, "2022-02-18T22:00:35", &counted(hour, [32_014_158, 0, 5_796_235, 1_073_187]));
    let from = "2026-01-18T20:59:40Z";
    line.cut(utc_ms(from), 10_000);
    line.window(&mut site(&meter, TN, 50, from), from, 40);
    line
}

fn milliamperes() -> Line {
    let meter = meter("kamstrup-685");
    let from = "2026-02-10T16:59:40Z";
    let source = "simulated house of 20 times the current, sent as the secondary side in 0.001 A";
    let mut line = Line::new("kamstrup/6851131-tn3-milliamperes", &meter, "3-phase TN", source);
    line.secondary_window(&mut site(&meter, TN, 51, from), 20, from, 40);
    line
}

/// The second of the hourly list by firmware and country (han-protocol, section 5).
fn offsets() -> Line {
    let meter = meter("kamstrup-6841131");
    let mut site = site(&meter, TN, 52, "2026-01-19T08:00:00Z");
    let mut line = Line::new("kamstrup/6841131-tn3-hour-offsets", &meter, "3-phase TN", HOUSE);
    for (hour, second) in (8..).zip([5, 25, 35, 55]) {
        let at = |second: i64| format!("2026-01-19T{hour:02}:00:{second:02}Z");
        line.cut(utc_ms(&at(second - 5)), 10_000);
        line.one(&mut site, List::Two, &at(second - 5));
        line.one(&mut site, List::Three, &at(second));
    }
    line
}

fn danish() -> Line {
    let meter = meter("kamstrup-dk");
    let mut line = Line::new("kamstrup/dk-65-tn3", &meter, "3-phase TN", THEN_HOUSE);
    let list = List::Full("dk-65");
    let state = values(-528, -5, [1470, 1620, 1710], [2340, 2360, 2330]);
    let mut telegram =
        phases(&meter, list, "2022-10-31T11:27:00", state, [1_717_350, 251_270, 24_880, 1_645_330]);
    set_phases(&mut telegram, [-189, -42, -297], [0.90, 0.53, 0.89, 0.99]);
    set_counters(&mut telegram, [61_079, 93_156, 19_174], [9665, 6154, 10_982]);
    line.published_as(&meter, list, "2022-10-31T11:27:00", &telegram);
    let from = "2026-01-19T12:59:50Z";
    line.cut(utc_ms(from), 10_000);
    line.window(&mut site(&meter, TN, 53, from), from, 30);
    line
}

/// Currents of 90 A that only 0.001 A explains: power and voltage of the same telegram say so.
fn danish_transformer() -> Line {
    let meter = meter("kamstrup-dk-ct");
    let mut line = Line::new("kamstrup/dk-65-tn3-milliamperes", &meter, "3-phase TN", PUBLISHED);
    let list = List::Full("dk-65");
    let state = values(-2585, 63_364, [90_999, 93_955, 92_645], [2330, 2330, 2330]);
    let wh = [127_676_000, 206_977_490, 1_445_173_100, 791_330];
    let mut telegram = phases(&meter, list, "2022-02-01T09:17:20", state, wh);
    set_phases(&mut telegram, [-448, -1133, -1004], [0.02, 0.05, 0.04, 0.04]);
    set_counters(&mut telegram, [3_430_405, 4_321_780, 6_451_436], [7_311_006, 7_053_750, 7_769_013]);
    line.published_as(&meter, list, "2022-02-01T09:17:20", &telegram);
    line
}

fn danish_one_phase() -> Line {
    let meter = meter("kamstrup-dk-1ph");
    let mut line = Line::new("kamstrup/dk-37-1ph", &meter, "1-phase", THEN_HOUSE);
    let list = List::Full("dk-37");
    let digits = "2023-04-06T13:49:50";
    let state = values(485, -172, [2440, 0, 0], [2320, 0, 0]);
    let mut telegram = phases(&meter, list, digits, state, [13_529_970, 0, 125_130, 5_828_840]);
    let number = |key, thousandths| (key, thousandths);
    set(
        &mut telegram,
        &[
            number(Key::ActiveImportL1, 485_000),
            number(Key::PowerFactor, 940),
            number(Key::PowerFactorL1, 940),
            number(Key::EnergyActiveImportL1, 1_352_997_000),
        ],
    );
    line.published_as(&meter, list, digits, &telegram);
    let from = "2026-01-19T12:59:50Z";
    line.cut(utc_ms(from), 10_000);
    line.window(&mut site(&meter, ONE, 54, from), from, 30);
    line
}

fn phases(meter: &Meter<'_>, list: List, digits: &str, state: State, wh: [i64; 4]) -> Telegram<'static> {
    published(meter, list, digits, &counted(state, wh))
}

/// Net watts of each phase; power factors of the phases and in total.
fn set_phases(telegram: &mut Telegram<'_>, watts: [i64; 3], factors: [f64; 4]) {
    let import = [Key::ActiveImportL1, Key::ActiveImportL2, Key::ActiveImportL3];
    let export = [Key::ActiveExportL1, Key::ActiveExportL2, Key::ActiveExportL3];
    for ((import, export), watts) in import.into_iter().zip(export).zip(watts) {
        set(telegram, &[(import, watts.max(0) * 1000), (export, (-watts).max(0) * 1000)]);
    }
    let keys = [Key::PowerFactorL1, Key::PowerFactorL2, Key::PowerFactorL3, Key::PowerFactor];
    for (key, factor) in keys.into_iter().zip(factors) {
        set(telegram, &[(key, (factor * 1000.0).round() as i64)]);
    }
}

fn set_counters(telegram: &mut Telegram<'_>, import_wh: [i64; 3], export_wh: [i64; 3]) {
    let import = [Key::EnergyActiveImportL1, Key::EnergyActiveImportL2, Key::EnergyActiveImportL3];
    let export = [Key::EnergyActiveExportL1, Key::EnergyActiveExportL2, Key::EnergyActiveExportL3];
    for (keys, wh) in [(import, import_wh), (export, export_wh)] {
        for (key, wh) in keys.into_iter().zip(wh) {
            set(telegram, &[(key, wh * 1000)]);
        }
    }
}

fn inner_flags() -> Line {
    let meter = meter("kamstrup-6841131");
    let source = "values chosen so that 7E stands in the body, in the FCS, and right before the closing flag";
    let mut line = Line::new("kamstrup/6841131-tn3-inner-flag", &meter, "3-phase TN", source);
    let state = |watts| values(watts, 126, [12_600, 2380, 1260], [2320, 2350, 2320]);
    for (at, property) in INNER_FLAGS.into_iter().enumerate() {
        let digits = format!("2026-03-01T12:0{at}:00");
        let telegram = searched(&meter, List::Two, &digits, state(1500 + 100 * at as i64), property);
        line.published_as(&meter, List::Two, &digits, &telegram);
    }
    // The raw counters 007EA0E2 and 7EA0E22B look like the start of a list 2.
    let wh = [0x007E_A0E2 * 10, 0, 0x7EA0_E22B * 10, 0];
    for (at, property) in INNER_FLAGS.into_iter().enumerate() {
        let digits = format!("2026-03-01T1{}:00:05", 3 + at);
        let telegram = searched(&meter, List::Three, &digits, counted(state(1777), wh), property);
        line.published_as(&meter, List::Three, &digits, &telegram);
    }
    line.published(&meter, List::Two, "2026-03-01T16:00:20", &state(1778));
    line
}

fn large_counters() -> Line {
    let meter = meter("kamstrup-6841121");
    let source = "counters chosen around 2^24, 2^31 and 2^32 steps of 10 Wh; the last one starts again at 0";
    let mut line = Line::new("kamstrup/6841121-it3-counters", &meter, "3-phase IT", source);
    let steps = [(1 << 24) - 1, (1 << 24) + 1, 10_955_402, (1 << 31) + 3, (1_i64 << 32) - 1, 1 << 32];
    for (hour, steps) in (6..).zip(steps) {
        let state = values(2600 + hour, -218, [2840, 8960, 10_210], [2380, 2390, 2400]);
        let wh = [steps * 10, (steps / 3) * 10, (steps / 7) * 10, (steps / 2) * 10];
        line.published(&meter, List::Three, &format!("2026-04-02T{hour:02}:00:05"), &counted(state, wh));
    }
    line
}

fn impossible_time() -> Line {
    let meter = meter("kamstrup-6841131");
    let source = "time parts that are unspecified or impossible; the rest of the reading stands";
    let mut line = Line::new("kamstrup/6841131-tn3-impossible-time", &meter, "3-phase TN", source);
    let state = |watts| values(watts, -417, [1890, 3270, 1280], [2360, 2360, 2360]);
    for (hour, (byte, value)) in (8..).zip([(0, 0xFF), (2, 13), (3, 0xFE), (5, 24), (6, 0xFF)]) {
        for (list, second) in [(List::Three, 5), (List::Two, 10)] {
            let digits = format!("2026-05-03T{hour:02}:00:{second:02}");
            let counters =
                counted(state(1200 + hour + second), [85_823_280 + 1000 * hour, 0, 153_270, 14_774_380]);
            let mut telegram = published(&meter, list, &digits, &counters);
            change_times(&mut telegram, |time| {
                time.0[byte] = value;
                // An unspecified year is FFFF.
                time.0[1] = if byte == 0 { value } else { time.0[1] };
            });
            line.published_as(&meter, list, &digits, &telegram);
        }
    }
    line
}

/// Currents have no sign, so that only the powers say that the sun feeds in (field bug X2).
fn export() -> Line {
    let meter = meter("kamstrup-6841131");
    let from = "2026-06-14T10:59:30Z";
    let mut site = site(&meter, TN, 55, from);
    site.house = site.house.with_sun(9_000);
    let mut line = Line::new("kamstrup/6841131-tn3-export", &meter, "3-phase TN", HOUSE);
    line.window(&mut site, from, 60);
    line
}
