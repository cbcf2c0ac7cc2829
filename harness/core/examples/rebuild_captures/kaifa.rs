//! Kaifa: three wirings, civil time, the Swedish forms, M-Bus.

use crate::line::*;
use hanbench_core::meters::profile::List;
use hanbench_core::meters::sample::Meter;
use hanbench_core::meters::schedule::schedule;
use hanbench_core::plant::{Counters, State, System};
use hanbench_core::reading::Milli;
use hanbench_core::reading::json::reading_object;
use hanbench_core::wire::mbus;

const IT: System = System::ThreeIt;
const TN: System = System::ThreeTn;

pub(crate) fn all() -> Vec<Line> {
    vec![
        it3(),
        hour("kaifa/ma304h3e-it3-hour", "kaifa-ma304h3e", IT, 21, ("2026-01-15T20:59:50Z", 30)),
        tn3(),
        hour("kaifa/ma304h4-tn3-hour", "kaifa-ma304h4", TN, 22, ("2026-07-03T19:59:50Z", 30)),
        one_phase(),
        hour("kaifa/ma105h2e-1ph-hour", "kaifa-ma105h2e", System::OnePhase, 23, ("2026-03-05T16:59:50Z", 30)),
        export(),
        night("kaifa/ma304h3e-it3-dst-october", "kaifa-ma304h3e", IT, 24, "2026-10-25"),
        night("kaifa/ma304h4-tn3-dst-march", "kaifa-ma304h4", TN, 25, "2026-03-29"),
        transformer("kaifa/ma304t3-it3-hour", "kaifa-ma304t3", IT, "3-phase IT"),
        transformer("kaifa/ma304t4-tn3-hour", "kaifa-ma304t4", TN, "3-phase TN"),
        wide_counters(),
        swedish_pairs(),
        swedish_values(),
        swedish_one_phase(),
        inner_flags(),
        large_counters(),
        impossible_time(),
        over_mbus(),
    ]
}

fn watts(watts: i64) -> State {
    values(watts, 0, [0; 3], [0; 3])
}

fn it3() -> Line {
    let meter = meter("kaifa-ma304h3e");
    let mut line = Line::new("kaifa/ma304h3e-it3", &meter, "3-phase IT", PUBLISHED);
    for (list, second, state) in [
        (List::One, "06", watts(4524)),
        (List::One, "12", watts(4537)),
        (List::One, "14", watts(4538)),
        (List::Two, "20", values(4539, -127, [14_413, 15_494, 5211], [2383, 0, 2396])),
    ] {
        let digits = format!("2017-09-13T00:00:{second}");
        let mut telegram = published(&meter, list, &digits, &state);
        // Seconds after midnight the weekday was still that of the day before.
        change_times(&mut telegram, |time| time.0[4] = 2);
        line.published_as(&meter, list, &digits, &telegram);
    }
    for (digits, state) in [
        ("2017-09-14T19:45:30", values(712, -126, [1755, 1906, 2463], [2375, 0, 2383])),
        ("2017-09-15T05:33:40", values(948, -64, [1416, 3241, 3119], [2385, 0, 2389])),
        ("2017-09-15T08:28:20", values(4053, 3, [13_928, 15_211, 3652], [2351, 0, 2373])),
        ("2020-02-15T01:08:50", values(8127, -452, [35_156, 32_717, 5304], [2132, 0, 2195])),
    ] {
        line.published(&meter, List::Two, digits, &state);
    }
    for (digits, state, wh) in [
        (
            "2017-09-14T20:00:10",
            values(1022, -64, [1937, 3229, 3430], [2369, 0, 2380]),
            [180_073, 0, 247, 16_380],
        ),
        (
            "2017-09-15T09:00:10",
            values(1150, 49, [1481, 4228, 4089], [2394, 0, 2394]),
            [195_093, 0, 356, 17_676],
        ),
        (
            "2020-02-03T16:00:10",
            values(119, -289, [678, 808, 1019], [2287, 0, 2298]),
            [10_494_991, 0, 79_233, 2_059_951],
        ),
    ] {
        line.published(&meter, List::Three, digits, &counted(state, wh));
    }
    line
}

fn tn3() -> Line {
    let meter = meter("kaifa-ma304h4");
    let mut line = Line::new("kaifa/ma304h4-tn3", &meter, "3-phase TN", PUBLISHED);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    send(List::Two, "2022-10-29T19:59:00", &values(1418, -375, [1683, 1751, 3104], [2408, 2404, 2359]));
    let state = values(2512, -233, [1490, 7733, 1774], [2397, 2390, 2403]);
    send(List::Three, "2022-10-30T12:00:10", &counted(state, [100_395_290, 0, 216_716, 7_012_177]));
    send(List::Two, "2024-10-01T19:00:00", &values(5056, -469, [19_679, 1292, 923], [2356, 2409, 2393]));
    let state = values(5056, -469, [19_677, 1294, 912], [2356, 2409, 2393]);
    send(List::Three, "2024-10-01T19:00:10", &counted(state, [42_879_838, 0, 9_909_726, 562_991]));
    for (digits, power) in [("2022-01-02T14:37:18", 4117), ("2023-03-22T03:28:42", 2277)] {
        send(List::One, digits, &watts(power));
    }
    line
}

fn one_phase() -> Line {
    let meter = meter("kaifa-ma105h2e");
    let mut line = Line::new("kaifa/ma105h2e-1ph", &meter, "1-phase", PUBLISHED);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    let one = |p, q, ma, dv| values(p, q, [ma, 0, 0], [dv, 0, 0]);
    send(List::Two, "2019-05-08T22:32:40", &one(933, 33, 4110, 2314));
    let state = one(1655, -12, 6952, 2424);
    send(List::Three, "2022-05-05T21:00:10", &counted(state, [25_591_693, 0, 4_152_622, 417_719]));
    send(List::Two, "2022-10-12T17:45:10", &one(1347, -330, 6005, 2350));
    let state = one(1802, -333, 7931, 2340);
    send(List::Three, "2022-10-14T21:00:10", &counted(state, [96_513_956, 0, 228_109, 9_686_786]));
    send(List::One, "2023-03-22T03:28:46", &watts(2271));
    line
}

fn export() -> Line {
    let meter = meter("kaifa-ma304h4");
    let from = "2026-06-14T10:59:50Z";
    let mut site = site(&meter, TN, 26, from);
    site.house = site.house.with_sun(9_000);
    let mut line = Line::new("kaifa/ma304h4-tn3-export", &meter, "3-phase TN", HOUSE);
    line.window(&mut site, from, 22);
    line
}

fn transformer(path: &str, name: &str, system: System, words: &str) -> Line {
    let meter = meter(name);
    let from = "2026-02-10T16:59:50Z";
    let source = "simulated house of 20 times the current, sent as the secondary side";
    let mut line = Line::new(path, &meter, words, source);
    line.secondary_window(&mut site(&meter, system, 27, from), 20, from, 30);
    line
}

fn wide_counters() -> Line {
    let meter = meter("kaifa-ma304t4-se");
    let from = "2026-02-10T16:59:50Z";
    let mut site = site(&meter, TN, 28, from);
    site.house = site.house.with_counters(Counters {
        active_import: Milli(5_000_000_000_123),
        reactive_export: Milli(4_294_967_290_000),
        ..Counters::default()
    });
    let source = "simulated house; 64-bit counters as in the annotated example of a Swedish grid company";
    let mut line = Line::new("kaifa/ma304t4-se-tn3-wide-counters", &meter, "3-phase TN", source);
    line.window(&mut site, from, 30);
    line
}

fn swedish_pairs() -> Line {
    let meter = meter("kaifa-se");
    let mut line = Line::new("kaifa/se-36-tn3", &meter, "3-phase TN", PUBLISHED);
    for (digits, state, wh) in [
        ("2021-03-23T18:50:00", values(3, 0, [32, 0, 0], [2322, 0, 0]), [1142, 0, 67, 0]),
        (
            "2021-09-20T22:05:30",
            values(482, -94, [984, 634, 657], [2384, 2347, 2356]),
            [4_773_424, 0, 26_184, 575_712],
        ),
        (
            "2021-09-22T17:31:15",
            values(1778, -81, [4286, 841, 3439], [2319, 2282, 2282]),
            [4_786_835, 0, 26_228, 578_523],
        ),
        (
            "2022-10-15T15:08:15",
            values(297, -107, [616, 529, 558], [2354, 2369, 2352]),
            [9_732_707, 0, 77_766, 1_272_619],
        ),
    ] {
        line.published(&meter, List::Full("se-36"), digits, &counted(state, wh));
    }
    line
}

fn swedish_values() -> Line {
    let meter = meter("kaifa-ma304h4-se");
    let mut line = Line::new("kaifa/ma304h4-se-tn3", &meter, "3-phase TN", PUBLISHED);
    let bench = Meter { meter_type: b"MA304H4D", ..meter };
    let state = values(7, -45, [199, 0, 0], [2434, 0, 0]);
    line.published(&bench, List::Three, "2021-05-07T14:53:45", &counted(state, [137_166, 0, 0, 435_653]));
    for (digits, state, wh) in [
        (
            "2024-12-01T17:21:40",
            values(2250, -819, [2712, 5327, 3504], [2327, 2328, 2320]),
            [117_795_570, 0, 2_980_017, 1_551_425],
        ),
        (
            "2024-12-01T17:22:10",
            values(2249, -824, [2750, 5365, 3442], [2315, 2324, 2320]),
            [117_795_588, 0, 2_980_017, 1_551_432],
        ),
    ] {
        let mut telegram = published(&meter, List::Three, digits, &counted(state, wh));
        set_deviation(&mut telegram, -60);
        line.published_as(&meter, List::Three, digits, &telegram);
    }
    line
}

fn swedish_one_phase() -> Line {
    let meter = meter("kaifa-ma105h2e-se");
    let mut line = Line::new("kaifa/ma105h2e-se-1ph", &meter, "1-phase", THEN_HOUSE);
    let state = values(0, 0, [66, 0, 0], [2442, 0, 0]);
    line.published(&meter, List::Three, "2021-05-07T14:50:15", &counted(state, [204, 0, 0, 94]));
    let from = "2026-05-11T15:59:50Z";
    line.cut(utc_ms(from), 10_000);
    line.window(&mut site(&meter, System::OnePhase, 29, from), from, 30);
    line
}

fn inner_flags() -> Line {
    let meter = meter("kaifa-ma304h3e");
    let source = "values chosen so that 7E stands in the body, in the FCS, and right before the closing flag";
    let mut line = Line::new("kaifa/ma304h3e-it3-inner-flag", &meter, "3-phase IT", source);
    let state = |watts| values(watts, 126, [1985, 3230, 3454], [2399, 0, 2406]);
    for (at, property) in INNER_FLAGS.into_iter().enumerate() {
        for (list, second) in [(List::Two, 0), (List::One, 2)] {
            let digits = format!("2026-03-01T12:0{at}:0{second}");
            let watts = if list == List::Two { 1500 } else { 60 };
            let telegram = searched(&meter, list, &digits, state(watts), property);
            line.published_as(&meter, list, &digits, &telegram);
        }
    }
    // The counters 007EA027 and 7EA02701 look like the start of a list 1.
    let wh = [0x007E_A027, 0, 0x7EA0_2701, 0];
    line.published(&meter, List::Three, "2026-03-01T13:00:10", &counted(state(1777), wh));
    line.published(&meter, List::Two, "2026-03-01T13:00:20", &state(1778));
    line
}

fn large_counters() -> Line {
    let meter = meter("kaifa-ma304h4");
    let source = "counters chosen around 2^24, 2^31 and 2^32 Wh; the last one starts again at 0";
    let mut line = Line::new("kaifa/ma304h4-tn3-counters", &meter, "3-phase TN", source);
    let steps = [(1 << 24) - 1, (1 << 24) + 1, 109_554_021, (1 << 31) + 3, (1_i64 << 32) - 1, 1 << 32];
    for (hour, wh) in (6..).zip(steps) {
        let state = values(2500 + hour, -233, [1490, 7733, 1774], [2397, 2390, 2403]);
        let state = counted(state, [wh, wh / 3, wh / 7, wh / 2]);
        line.published(&meter, List::Three, &format!("2026-04-02T{hour:02}:00:10"), &state);
    }
    line
}

fn impossible_time() -> Line {
    let meter = meter("kaifa-ma304h3e");
    let source = "time parts that are unspecified or impossible; the rest of the reading stands";
    let mut line = Line::new("kaifa/ma304h3e-it3-impossible-time", &meter, "3-phase IT", source);
    let state = |watts| values(watts, -64, [1937, 3229, 3430], [2369, 0, 2380]);
    for (hour, (byte, value)) in (8..).zip([(0, 0xFF), (2, 13), (3, 0xFE), (5, 24), (6, 0xFF)]) {
        for (list, second) in [(List::Three, 10), (List::One, 12), (List::Two, 20)] {
            let digits = format!("2026-05-03T{hour:02}:00:{second}");
            let counters = counted(state(1000 + hour + second), [180_073 + 900 * hour, 0, 247, 16_380]);
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

/// Austrian Kaifa meters send ciphered DLMS over M-Bus; in plain only the frames are theirs.
fn over_mbus() -> Line {
    let meter = meter("kaifa-ma304h4");
    let source =
        "synthetic: the lists of KFM_001 in M-Bus long frames of 64 bytes, as the maker sends in Austria";
    let mut line = Line::new("kaifa/ma304h4-tn3-mbus", &meter, "3-phase TN", source)
        .with("evidence", "inferred")
        .with("needs", "mbus segmentation");
    let from = "2026-02-04T16:59:50Z";
    let mut site = site(&meter, TN, 30, from);
    for due in schedule(meter.profile, utc_ms(from), utc_ms(from) + 25_000) {
        let telegram = site.telegram(due);
        let mut bytes = Vec::new();
        mbus::encode(&mut bytes, 64, &apdu(meter.profile, due.list, &telegram));
        line.bytes(due.utc_ms, bytes, Some(reading_object(&telegram.reading)));
    }
    line
}
