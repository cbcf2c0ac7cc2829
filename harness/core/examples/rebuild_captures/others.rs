//! Nuri (Kaifa hardware), the inferred meter of Stange Energi, and what needs more than plain HDLC: keys and P1.

use crate::line::*;
use hanbench_core::meters::profile::List;
use hanbench_core::meters::sample::Meter;
use hanbench_core::meters::schedule::schedule;
use hanbench_core::plant::{State, System};
use hanbench_core::reading::json::{number, reading_object};
use hanbench_core::reading::{Key, Milli};
use hanbench_core::wire::cipher::{self, Keys};
use hanbench_core::wire::{hdlc, llc::LLC, p1};
use serde_json::{Map, Value};

const IT: System = System::ThreeIt;
const TN: System = System::ThreeTn;

pub(crate) fn all() -> Vec<Line> {
    vec![
        hour("nuri/ma304h3e-it3-hour", "nuri-ma304h3e", IT, 61, ("2026-01-17T20:59:50Z", 30)),
        hour("nuri/ma304h4-tn3-hour", "nuri-ma304h4", TN, 62, ("2026-01-18T20:59:50Z", 30)),
        hour("nuri/ma105h2e-1ph-hour", "nuri-ma105h2e", System::OnePhase, 63, ("2026-01-19T16:59:50Z", 30)),
        night("nuri/ma304h3e-it3-dst-october", "nuri-ma304h3e", IT, 64, "2026-10-25"),
        nuri_transformer(),
        stange_it3(),
        hour("stange/e350-it3-hour", "stange-e350", IT, 71, ("2026-01-21T20:59:50Z", 30)),
        kamstrup_ciphered(),
        kaifa_ciphered(),
        ascii("kamstrup/p1-tn3", "KAM5", "kamstrup", KAMSTRUP_ASCII),
        ascii("landis-gyr/e360-tn3-p1", "LGF5E360", "landis-gyr", LANDIS_GYR_ASCII),
    ]
}

/// The pre-release firmware of January 2017: list 3 at the full hour; secondary side of a laboratory.
fn nuri_transformer() -> Line {
    let meter = meter("nuri-ma304t4");
    let mut line = Line::new("nuri/ma304t4-tn3-2017", &meter, "3-phase TN", PUBLISHED);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    send(List::One, "2017-01-18T14:17:54", &values(446, 0, [0; 3], [0; 3]));
    send(List::Two, "2017-01-18T14:18:00", &values(446, -5, [1616, 914, 950], [1387, 1378, 1377]));
    let hour = values(215, -5, [892, 896, 25], [1381, 1372, 1373]);
    send(List::Three, "2017-01-18T15:00:00", &counted(hour, [801_652, 113, 188_933, 6041]));
    line
}

fn stange_it3() -> Line {
    let meter = meter("stange-e350");
    let nameless = Meter { meter_type: b"\0\0\0\0", ..meter };
    let source = "layout and values deduced from published Embriq telegrams of another grid company, meter id replaced";
    let mut line = Line::new("stange/e350-it3", &meter, "3-phase IT", source);
    let mut send =
        |meter: &Meter<'_>, list, digits: &str, state: &State| line.published(meter, list, digits, state);
    let time = |seconds: i64| format!("2025-08-22T16:10:{seconds:02}");
    for (at, state) in [
        (0, values(9380, 70, [31_750, 0, 34_210], [2350, 0, 2310])),
        (10, values(9429, 60, [31_910, 0, 34_230], [2350, 0, 2310])),
        (20, values(9460, 49, [31_800, 0, 34_320], [2350, 0, 2320])),
    ] {
        send(&meter, List::Two, &time(at), &state);
        send(&meter, List::One, &time(at + 2), &state);
    }
    send(&nameless, List::Two, &time(30), &values(9440, 40, [31_760, 0, 34_210], [2350, 0, 2320]));
    line
}

/// The example keys that every DLMS document uses; no meter has them.
const KEYS: &str = "000102030405060708090a0b0c0d0e0f d0d1d2d3d4d5d6d7d8d9dadbdcdddedf";

fn keys() -> Keys {
    Keys {
        encryption: Some(std::array::from_fn(|at| at as u8)),
        authentication: Some(std::array::from_fn(|at| 0xD0 + at as u8)),
    }
}

/// How one maker ciphers: addresses and control, and its part of the system title.
struct Ciphering {
    destination: &'static [u8],
    source: &'static [u8],
    control: u8,
    title: [u8; 8],
    /// Security control of the telegrams in turn.
    security: &'static [u8],
    /// Writes the length as `82 hh ll` although one byte would do.
    long_length: bool,
}

fn kamstrup_ciphered() -> Line {
    let ciphering = Ciphering {
        destination: &[0x41],
        source: &[0x03],
        control: 0x13,
        title: *b"KAM\x45\0\0\0\x33",
        security: &[0x30],
        long_length: true,
    };
    let window = ("2026-02-04T20:59:40Z", 50_000);
    let source = "synthetic: simulated house, ciphered with the example keys";
    ciphered("kamstrup/6841131-tn3-ciphered", "kamstrup-6841131", &ciphering, window, source)
}

fn kaifa_ciphered() -> Line {
    let ciphering = Ciphering {
        destination: &[0x01],
        source: &[0x02, 0x01],
        control: 0x10,
        title: *b"KFM\x10\0\0\0\x25",
        security: &[0x30, 0x20, 0x21],
        long_length: false,
    };
    let window = ("2026-02-04T20:59:50Z", 26_000);
    let source = "synthetic: simulated house, ciphered with the example keys; no such telegram is published";
    ciphered("kaifa/ma304h4-tn3-ciphered", "kaifa-ma304h4", &ciphering, window, source)
}

fn ciphered(path: &str, name: &str, ciphering: &Ciphering, window: (&str, i64), source: &str) -> Line {
    let meter = meter(name);
    let mut line = Line::new(path, &meter, "3-phase TN", source)
        .with("evidence", "inferred")
        .with("needs", "ciphering")
        .with("keys", KEYS);
    let from_ms = utc_ms(window.0);
    let mut site = site(&meter, TN, 65, window.0);
    for (at, due) in schedule(meter.profile, from_ms, from_ms + window.1).enumerate() {
        let telegram = site.telegram(due);
        let plain = apdu(meter.profile, due.list, &telegram);
        let security = ciphering.security[at % ciphering.security.len()];
        let mut secret = Vec::new();
        cipher::encode(&mut secret, &keys(), &ciphering.title, security, 1000 + at as u32, &plain);
        if ciphering.long_length {
            secret = with_long_length(&secret);
        }
        let information = [&LLC, &secret[..]].concat();
        let mut bytes = Vec::new();
        let Ciphering { destination, source, control, .. } = *ciphering;
        hdlc::encode(&mut bytes, destination, source, control, false, &information);
        line.bytes(due.utc_ms, bytes, Some(reading_object(&telegram.reading)));
    }
    line
}

/// Kamstrup writes the length of the ciphered part in three bytes whatever it is (han-protocol, section 3).
fn with_long_length(secret: &[u8]) -> Vec<u8> {
    let (head, rest) = secret.split_at(10);
    let behind = match rest[0] {
        0x82 => &rest[3..],
        0x81 => &rest[2..],
        _ => &rest[1..],
    };
    let length = u16::try_from(behind.len()).expect("an APDU of 65 kB at most").to_be_bytes();
    [head, &[0x82], &length, behind].concat()
}

/// One P1 telegram: time as sent, and values in thousandths of kW, kvar, kWh and kvarh, tenths of V and A.
struct Ascii {
    digits: &'static str,
    season: char,
    /// A+, A−, R+, R−.
    counters: [i64; 4],
    /// P+, P−, Q+, Q−.
    power: [i64; 4],
    /// P+ and P−, then Q+ and Q− of each phase.
    phases: [[i64; 4]; 3],
    voltage: [i64; 3],
    current: [i64; 3],
}

const KAMSTRUP_ASCII: &[Ascii] = &[
    Ascii {
        digits: "2025-05-25T18:42:15",
        season: 'S',
        counters: [28_073_776, 0, 1_724_067, 1_932_145],
        power: [976, 0, 0, 119],
        phases: [[134, 0, 0, 102], [209, 0, 0, 10], [633, 0, 0, 7]],
        voltage: [2339, 2344, 2338],
        current: [9, 12, 28],
    },
    Ascii {
        digits: "2025-05-25T18:42:25",
        season: 'S',
        counters: [28_073_778, 0, 1_724_067, 1_932_145],
        power: [981, 0, 0, 121],
        phases: [[135, 0, 0, 103], [212, 0, 0, 11], [634, 0, 0, 7]],
        voltage: [2340, 2343, 2337],
        current: [9, 12, 29],
    },
];

const LANDIS_GYR_ASCII: &[Ascii] = &[
    Ascii {
        digits: "2023-03-27T06:42:30",
        season: 'W',
        counters: [2_564_183, 67_342, 284, 2_130_176],
        power: [2, 7, 0, 244],
        phases: [[0, 14, 0, 196], [2, 0, 0, 3], [8, 0, 0, 43]],
        voltage: [2294, 2307, 2301],
        current: [9, 0, 1],
    },
    Ascii {
        digits: "2023-03-27T06:42:40",
        season: 'W',
        counters: [2_564_183, 67_343, 284, 2_130_177],
        power: [0, 5, 0, 243],
        phases: [[0, 15, 0, 195], [2, 0, 0, 3], [8, 0, 0, 43]],
        voltage: [2295, 2306, 2301],
        current: [9, 0, 1],
    },
];

/// Keys of a block of four registers: C of the first, then one up.
const QUARTETS: [(u8, [Key; 4]); 5] = [
    (
        8,
        [
            Key::EnergyActiveImport,
            Key::EnergyActiveExport,
            Key::EnergyReactiveImport,
            Key::EnergyReactiveExport,
        ],
    ),
    (7, [Key::ActiveImport, Key::ActiveExport, Key::ReactiveImport, Key::ReactiveExport]),
    (7, [Key::ActiveImportL1, Key::ActiveExportL1, Key::ReactiveImportL1, Key::ReactiveExportL1]),
    (7, [Key::ActiveImportL2, Key::ActiveExportL2, Key::ReactiveImportL2, Key::ReactiveExportL2]),
    (7, [Key::ActiveImportL3, Key::ActiveExportL3, Key::ReactiveImportL3, Key::ReactiveExportL3]),
];

fn ascii(path: &str, ident: &str, family: &str, telegrams: &[Ascii]) -> Line {
    let meter = meter("kamstrup-6841131");
    let source = "values of a published telegram, and of a made-up one ten seconds later";
    let mut line = Line::new(path, &meter, "3-phase TN", source)
        .with("family", family)
        .with("model", ident)
        .with("baud", "115200")
        .with("needs", "p1");
    for telegram in telegrams {
        let (lines, reading) = ascii_lines(telegram);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut bytes = Vec::new();
        p1::encode(&mut bytes, ident, &lines);
        let hours = if telegram.season == 'S' { 2 } else { 1 };
        let utc_ms = utc_ms(&format!("{}Z", telegram.digits)) - hours * 3_600_000;
        line.bytes(utc_ms, bytes, Some(reading));
    }
    line
}

/// The lines of a telegram, and what they say.
fn ascii_lines(telegram: &Ascii) -> (Vec<String>, Map<String, Value>) {
    let mut reading = Map::new();
    let digits: String = telegram.digits.chars().skip(2).filter(char::is_ascii_digit).collect();
    reading.insert("timestamp".into(), telegram.digits.into());
    let offset = if telegram.season == 'S' { 120 } else { 60 };
    reading.insert("timestamp_utc_offset_min".into(), offset.into());
    let mut lines = vec![format!("0-0:1.0.0({digits}{})", telegram.season)];
    let [l1, l2, l3] = telegram.phases;
    for ((d, keys), values) in QUARTETS.into_iter().zip([telegram.counters, telegram.power, l1, l2, l3]) {
        for (key, value) in keys.into_iter().zip(values) {
            let (c, _) = key.obis_cd();
            let unit = match (key.name().contains("reactive"), d) {
                (false, 8) => "kWh",
                (true, 8) => "kVArh",
                (false, _) => "kW",
                (true, _) => "kVAr",
            };
            let width = if d == 8 { 8 } else { 4 };
            lines.push(format!("1-0:{c}.{d}.0({:0width$}.{:03}*{unit})", value / 1000, value % 1000));
            reading.insert(key.name().into(), value.into());
        }
    }
    let volts = [Key::VoltageL1, Key::VoltageL2, Key::VoltageL3];
    let amperes = [Key::CurrentL1, Key::CurrentL2, Key::CurrentL3];
    for (keys, values, unit) in [(volts, telegram.voltage, "V"), (amperes, telegram.current, "A")] {
        for (key, tenths) in keys.into_iter().zip(values) {
            let (c, d) = key.obis_cd();
            lines.push(format!("1-0:{c}.{d}.0({:03}.{}*{unit})", tenths / 10, tenths % 10));
            reading.insert(key.name().into(), number(Milli(tenths * 100)));
        }
    }
    (lines, reading)
}
