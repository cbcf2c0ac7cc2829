//! Aidon: three wirings, export, the repeated hour, 7E inside, the Swedish list.

use crate::line::*;
use hanbench_core::meters::profile::List;
use hanbench_core::meters::sample::Meter;
use hanbench_core::meters::schedule::schedule;
use hanbench_core::plant::{State, System};
use hanbench_core::reading::Milli;
use hanbench_core::reading::json::reading_object;
use hanbench_core::wire::{hdlc, llc::LLC};

const IT: System = System::ThreeIt;
const TN: System = System::ThreeTn;

pub(crate) fn all() -> Vec<Line> {
    vec![
        it3(),
        hour("aidon/6525-it3-hour", "aidon-6525", IT, 1, ("2026-01-15T20:59:50Z", 30)),
        tn3(),
        hour("aidon/6534-tn3-hour", "aidon-6534", TN, 2, ("2026-02-03T20:59:50Z", 30)),
        one_phase(),
        hour("aidon/6515-1ph-hour", "aidon-6515", System::OnePhase, 3, ("2026-01-20T16:59:50Z", 30)),
        export(),
        transformer(),
        four_wire_transformer(),
        night("aidon/6525-it3-dst-october", "aidon-6525", IT, 5, "2026-10-25"),
        night("aidon/6534-tn3-dst-march", "aidon-6534", TN, 6, "2026-03-29"),
        repeated_hour(),
        inner_flags(),
        large_counters(),
        impossible_clock(),
        left_over(),
        swedish(),
        segmented(),
    ]
}

fn it3() -> Line {
    let meter = meter("aidon-6525");
    let mut line = Line::new("aidon/6525-it3", &meter, "3-phase IT", PUBLISHED);
    let day = "2019-06-12T";
    let mut send = |list, time: &str, state: State| {
        let digits = format!("{day}{time}");
        let mut telegram = published(&meter, list, &digits, &state);
        // This firmware of 2019 said +60 where later ones say 0.
        set_deviation(&mut telegram, 60);
        line.published_as(&meter, list, &digits, &telegram);
    };
    let list2 = [
        values(2162, -126, [4600, 0, 7300], [2376, 2363, 2366]),
        values(2198, -125, [4700, 0, 7500], [2381, 2365, 2367]),
        values(2083, -60, [4600, 0, 6900], [2376, 2360, 2362]),
        values(2851, 162, [10_900, 0, 9500], [2376, 2357, 2371]),
    ];
    for (at, state) in list2.into_iter().enumerate() {
        send(List::Two, &format!("17:5{at}:00"), state);
        let watts = [2174, 2194, 1917, 5782][at];
        send(List::One, &format!("17:5{at}:02"), values(watts, 0, [0; 3], [0; 3]));
    }
    let hour = values(2204, -135, [4800, 0, 6900], [2377, 2364, 2368]);
    send(List::Three, "18:00:10", counted(hour, [21_882_340, 0, 333_500, 725_400]));
    let hour = values(1446, -143, [5000, 0, 5100], [2384, 2367, 2376]);
    send(List::Three, "19:00:10", counted(hour, [21_885_170, 0, 333_590, 725_430]));
    line
}

fn tn3() -> Line {
    let meter = meter("aidon-6534");
    let mut line = Line::new("aidon/6534-tn3", &meter, "3-phase TN", PUBLISHED);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    for (digits, watts) in [("2021-10-31T20:00:02", 512), ("2021-10-31T20:00:05", 733)] {
        send(List::One, digits, &values(watts, 0, [0; 3], [0; 3]));
    }
    let hours = [
        (
            "2021-10-31T20",
            values(2413, -603, [1700, 300, 9000], [2308, 2306, 2284]),
            [56_768_820, 89_120, 7_183_160],
        ),
        (
            "2022-10-12T13",
            values(3670, -455, [2400, 5300, 8200], [2321, 2317, 2334]),
            [163_607_700, 872_650, 6_259_920],
        ),
        (
            "2022-10-12T16",
            values(3356, -431, [1700, 12_800, 200], [2322, 2305, 2357]),
            [163_613_870, 872_650, 6_260_910],
        ),
        (
            "2024-09-21T19",
            values(625, -496, [600, 500, 2300], [2367, 2358, 2338]),
            [92_795_070, 106_060, 13_071_420],
        ),
        (
            "2024-10-27T11",
            values(682, -460, [200, 1100, 2200], [2351, 2304, 2319]),
            [93_812_310, 106_370, 13_281_660],
        ),
    ];
    for (hour, state, [active, inductive, capacitive]) in hours {
        send(List::Three, &format!("{hour}:00:10"), &counted(state, [active, 0, inductive, capacitive]));
    }
    send(List::Two, "2022-10-12T16:00:20", &values(4532, -439, [1900, 9800, 8300], [2325, 2304, 2347]));
    send(List::Two, "2022-10-12T16:00:30", &values(4561, -448, [1900, 9800, 8300], [2326, 2303, 2345]));
    for (digits, watts) in [("2024-10-27T11:00:12", 2390), ("2024-10-27T11:00:15", 5271)] {
        send(List::One, digits, &values(watts, 0, [0; 3], [0; 3]));
    }
    line
}

fn one_phase() -> Line {
    let meter = meter("aidon-6515");
    let mut line = Line::new("aidon/6515-1ph", &meter, "1-phase", PUBLISHED);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    send(List::Two, "2019-02-15T12:00:20", &values(1362, 996, [9300, 0, 0], [2500, 0, 0]));
    for (digits, watts) in [("2019-02-15T12:00:22", 4019), ("2019-02-15T12:00:25", 280)] {
        send(List::One, digits, &values(watts, 0, [0; 3], [0; 3]));
    }
    line
}

fn export() -> Line {
    let meter = meter("aidon-6534");
    let from = "2026-06-14T10:59:50Z";
    let mut site = site(&meter, System::ThreeTn, 4, from);
    site.house = site.house.with_sun(9_000);
    let mut line = Line::new("aidon/6534-tn3-export", &meter, "3-phase TN", HOUSE);
    line.window(&mut site, from, 30);
    line
}

fn transformer() -> Line {
    let meter = meter("aidon-6540");
    let from = "2026-02-10T16:59:50Z";
    let source = "simulated house of 20 times the current; no telegram of this meter is published";
    let mut line = Line::new("aidon/6540-it3-hour", &meter, "3-phase IT", source);
    line.secondary_window(&mut site(&meter, IT, 7, from), 20, from, 30);
    line
}

fn four_wire_transformer() -> Line {
    let meter = Meter { meter_type: b"6550", ..meter("aidon-6534") };
    let from = "2026-02-11T16:59:50Z";
    let source = "simulated house of 20 times the current; no telegram of this meter is published";
    let mut line = Line::new("aidon/6550-tn3-hour", &meter, "3-phase TN", source);
    line.secondary_window(&mut site(&meter, TN, 8, from), 20, from, 30);
    line
}

/// Field bug C6. Powers, counters and clocks of the four hours are published; of the second and third hour
/// currents and voltages are not, and made up here to fit the power.
fn repeated_hour() -> Line {
    let meter = meter("aidon-6534");
    let source = "values of a published issue (list 3 of four hours, the third repeats the second), meter id \
                  replaced; currents and voltages of the second and third hour made up";
    let mut line = Line::new("aidon/6534-tn3-repeated-hour", &meter, "3-phase TN", source);
    let wh = |active, inductive, capacitive| [active, 0, inductive, capacitive];
    let hours = [
        (
            16,
            16,
            values(4027, -472, [500, 300, 16_800], [2330, 2334, 2311]),
            wh(109_552_250, 130_480, 15_319_720),
        ),
        (
            17,
            17,
            values(319, -440, [300, 1100, 1400], [2338, 2331, 2329]),
            wh(109_554_020, 130_480, 15_319_850),
        ),
        (
            18,
            17,
            values(12_633, -210, [18_400, 17_900, 18_700], [2297, 2289, 2294]),
            wh(109_554_020, 130_480, 15_319_850),
        ),
        (
            19,
            19,
            values(763, -421, [400, 1100, 2300], [2328, 2320, 2313]),
            wh(109_562_070, 130_490, 15_320_120),
        ),
    ];
    for (sent, shown, state, wh) in hours {
        let digits = format!("2025-12-14T{sent}:00:10");
        let shown = format!("2025-12-14T{shown}:00:10");
        let telegram = published(&meter, List::Three, &shown, &counted(state, wh));
        line.published_as(&meter, List::Three, &digits, &telegram);
        let next = values(state.active.0 / 1000 + 7, 0, [0; 3], [0; 3]);
        line.published(&meter, List::One, &format!("2025-12-14T{sent}:00:12"), &next);
    }
    line
}

fn inner_flags() -> Line {
    let meter = meter("aidon-6534");
    let source = "values chosen so that 7E stands in the body, in the FCS, and right before the closing flag";
    let mut line = Line::new("aidon/6534-tn3-inner-flag", &meter, "3-phase TN", source);
    let state = |watts| values(watts, 126, [12_600, 300, 1200], [2330, 2334, 2311]);
    for (at, property) in INNER_FLAGS.into_iter().enumerate() {
        for (list, second) in [(List::Two, 0), (List::One, 2)] {
            let digits = format!("2026-03-01T12:0{at}:0{second}");
            let watts = if list == List::Two { 1500 } else { 60 };
            let telegram = searched(&meter, list, &digits, state(watts), property);
            line.published_as(&meter, list, &digits, &telegram);
        }
    }
    // The raw counters 007EA02A and 7EA02A41 look like the start of a list 1.
    let wh = [0x007E_A02A * 10, 0, 0x7EA0_2A41 * 10, 0];
    line.published(&meter, List::Three, "2026-03-01T13:00:10", &counted(state(1777), wh));
    line.published(&meter, List::Two, "2026-03-01T13:00:20", &state(1778));
    line
}

/// Field bug S11: what a 32-bit float loses.
fn large_counters() -> Line {
    let meter = meter("aidon-6525");
    let source = "counters chosen around 2^24, 2^31 and 2^32 steps of 10 Wh; the last one starts again at 0";
    let mut line = Line::new("aidon/6525-it3-counters", &meter, "3-phase IT", source);
    let steps = [(1 << 24) - 1, (1 << 24) + 1, 10_955_402, (1 << 31) + 3, (1_i64 << 32) - 1, 1 << 32];
    for (hour, steps) in (6..).zip(steps) {
        let state = values(2000 + hour, -150, [4800, 0, 6900], [2377, 2364, 2368]);
        let wh = [steps * 10, (steps / 3) * 10, (steps / 7) * 10, (steps / 2) * 10];
        line.published(&meter, List::Three, &format!("2026-04-02T{hour:02}:00:10"), &counted(state, wh));
    }
    line
}

fn impossible_clock() -> Line {
    let meter = meter("aidon-6534");
    let source = "clock parts that are unspecified or impossible; the rest of the reading stands";
    let mut line = Line::new("aidon/6534-tn3-impossible-clock", &meter, "3-phase TN", source);
    let state = |watts| values(watts, -300, [1700, 300, 9000], [2308, 2306, 2284]);
    for (hour, (byte, value)) in (8..).zip([(0, 0xFF), (2, 13), (3, 0xFE), (5, 24), (6, 0xFF), (7, 0xFF)]) {
        let digits = format!("2026-05-03T{hour:02}:00:10");
        let counters = counted(state(2400 + hour), [56_768_820 + 1200 * hour, 0, 89_120, 7_183_160]);
        let mut telegram = published(&meter, List::Three, &digits, &counters);
        change_times(&mut telegram, |time| {
            time.0[byte] = value;
            // An unspecified year is FFFF.
            time.0[1] = if byte == 0 { value } else { time.0[1] };
        });
        line.published_as(&meter, List::Three, &digits, &telegram);
        line.published(&meter, List::Two, &format!("2026-05-03T{hour:02}:00:20"), &state(2500 + hour));
    }
    line
}

/// Both claiming and refusing such a telegram are right (contract, section 3).
fn left_over() -> Line {
    let meter = meter("aidon-6525");
    let source = "bytes left over behind the body of an intact APDU, length and checks right";
    let mut line = Line::new("aidon/6525-it3-left-over", &meter, "3-phase IT", source);
    let extra: [&[u8]; 6] = [&[], &[0x00], &[], &[0x02, 0x00, 0x0F], &[0x7E, 0xA0, 0x2A], &[]];
    for (at, extra) in extra.into_iter().enumerate() {
        let state = values(2083 + at as i64, -60, [4600, 0, 6900], [2376, 2360, 2362]);
        let digits = format!("2026-05-04T09:10:{}0", at);
        let telegram = published(&meter, List::Two, &digits, &state);
        let mut information = LLC.to_vec();
        information.extend(apdu(meter.profile, List::Two, &telegram));
        information.extend(extra);
        let envelope = &meter.profile.envelope;
        let mut bytes = Vec::new();
        hdlc::encode(
            &mut bytes,
            envelope.destination,
            envelope.source,
            envelope.control,
            false,
            &information,
        );
        let utc_ms = utc_of(meter.profile, &digits) * 1000;
        line.bytes(utc_ms, bytes, Some(reading_object(&telegram.reading)));
    }
    line
}

fn swedish() -> Line {
    let meter = meter("aidon-se");
    let mut line = Line::new("aidon/se-27-tn3", &meter, "3-phase TN", PUBLISHED);
    let watts = |values: [i64; 3]| values.map(|watts| Milli(watts * 1000));
    for (digits, state, p, q, wh) in [
        (
            "2019-12-16T07:59:40",
            values(1122, 1507, [0, 7500, 0], [2307, 2499, 2308]),
            [0, 1122, 0],
            [0, 1506, 0],
            [10_049_926, 8, 6_614_347, 5],
        ),
        (
            "2021-02-18T21:06:20",
            values(741, -620, [1100, 2100, 900], [2337, 2326, 2326]),
            [133, 413, 191],
            [-233, 281, -110],
            [22_024_223, 0, 7_073_078, 2_109_458],
        ),
        (
            "2021-12-01T09:24:50",
            values(3547, -659, [9600, 2400, 4000], [2289, 2303, 2293]),
            [2213, 523, 812],
            [0, -231, -428],
            [62_414_155, 0, 285_951, 11_737_029],
        ),
        (
            "2021-12-10T16:57:00",
            values(2021, -584, [900, 3700, 4600], [2275, 2264, 2271]),
            [213, 780, 1017],
            [-54, 289, -233],
            [63_068_772, 0, 285_958, 11_836_809],
        ),
    ] {
        let state = State { phase_active: watts(p), phase_reactive: watts(q), ..counted(state, wh) };
        line.published(&meter, List::Full("se-27"), digits, &state);
    }
    line
}

/// No Norwegian vendor segments; meters of other countries do (han-protocol, section 2).
fn segmented() -> Line {
    let meter = meter("aidon-6534");
    let source = "synthetic: Aidon lists in HDLC segments of 64 bytes, as other makers send theirs";
    let mut line = Line::new("aidon/6534-tn3-segmented", &meter, "3-phase TN", source)
        .with("evidence", "inferred")
        .with("needs", "segmentation");
    let from = "2026-02-04T16:59:50Z";
    let mut site = site(&meter, TN, 9, from);
    for due in schedule(meter.profile, utc_ms(from), utc_ms(from) + 25_000) {
        let telegram = site.telegram(due);
        let mut information = LLC.to_vec();
        information.extend(apdu(meter.profile, due.list, &telegram));
        let envelope = &meter.profile.envelope;
        let mut bytes = Vec::new();
        hdlc::encode_segmented(
            &mut bytes,
            envelope.destination,
            envelope.source,
            envelope.control,
            64,
            &information,
        );
        line.bytes(due.utc_ms, bytes, Some(reading_object(&telegram.reading)));
    }
    line
}
