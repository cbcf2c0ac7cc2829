//! Kaifa: three wirings, civil time.

use crate::line::*;
use hanbench_core::meters::profile::List;
use hanbench_core::plant::{State, System};

const HOUSE: &str = "simulated house; layout and habits as in the vendor's list KFM_001 and recorded streams";
const PUBLISHED: &str = "values of published telegrams, meter id replaced";

pub(crate) fn all() -> Vec<Line> {
    vec![it3(), it3_hour()]
}

fn it3() -> Line {
    let meter = meter("kaifa-ma304h3e");
    let mut line = Line::new("kaifa/ma304h3e-it3", &meter, "3-phase IT", PUBLISHED);
    let mut send = |list, digits: &str, state: &State| line.published(&meter, list, digits, state);
    let one = |watts| values(watts, 0, [0; 3], [0; 3]);
    for (digits, watts) in [("00:00:06", 4524), ("00:00:12", 4537), ("00:00:14", 4538)] {
        send(List::One, &format!("2017-09-13T{digits}"), &one(watts));
    }
    for (digits, state) in [
        ("2017-09-13T00:00:20", values(4539, -127, [14_413, 15_494, 5211], [2383, 0, 2396])),
        ("2017-09-14T19:45:30", values(712, -126, [1755, 1906, 2463], [2375, 0, 2383])),
        ("2017-09-15T05:33:40", values(948, -64, [1416, 3241, 3119], [2385, 0, 2389])),
        ("2017-09-15T08:28:20", values(4053, 3, [13_928, 15_211, 3652], [2351, 0, 2373])),
        ("2020-02-15T01:08:50", values(8127, -452, [35_156, 32_717, 5304], [2132, 0, 2195])),
    ] {
        send(List::Two, digits, &state);
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
        send(List::Three, digits, &counted(state, wh));
    }
    line
}

fn it3_hour() -> Line {
    let meter = meter("kaifa-ma304h3e");
    let from = "2026-01-15T20:59:50Z";
    let mut line = Line::new("kaifa/ma304h3e-it3-hour", &meter, "3-phase IT", HOUSE);
    line.window(&mut site(&meter, System::ThreeIt, 21, from), from, 30);
    line
}
