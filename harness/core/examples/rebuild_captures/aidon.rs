//! Aidon: three wirings, export, the repeated hour, 7E inside, the Swedish list.

use crate::line::*;
use hanbench_core::meters::profile::List;
use hanbench_core::meters::sample::{Due, Meter};
use hanbench_core::plant::{Counters, House, State, System};
use hanbench_core::reading::Milli;

const HOUSE: &str = "simulated house; layout and habits as in the vendor's interface description v1.1A";
const PUBLISHED: &str = "values of published telegrams, meter id replaced";

pub(crate) fn all() -> Vec<Line> {
    vec![it3(), it3_hour(), tn3(), tn3_hour(), one_phase(), one_phase_hour(), export()]
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

fn it3_hour() -> Line {
    let meter = meter("aidon-6525");
    let from = "2026-01-15T20:59:50Z";
    let mut line = Line::new("aidon/6525-it3-hour", &meter, "3-phase IT", HOUSE);
    line.window(&mut site(&meter, System::ThreeIt, 1, from), from, 30);
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

fn tn3_hour() -> Line {
    let meter = meter("aidon-6534");
    let from = "2026-02-03T20:59:50Z";
    let mut line = Line::new("aidon/6534-tn3-hour", &meter, "3-phase TN", HOUSE);
    line.window(&mut site(&meter, System::ThreeTn, 2, from), from, 30);
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

fn one_phase_hour() -> Line {
    let meter = meter("aidon-6515");
    let from = "2026-01-20T16:59:50Z";
    let mut line = Line::new("aidon/6515-1ph-hour", &meter, "1-phase", HOUSE);
    line.window(&mut site(&meter, System::OnePhase, 3, from), from, 30);
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
