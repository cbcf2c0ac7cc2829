//! Kamstrup.

use crate::line::*;
use hanbench_core::meters::profile::List;
use hanbench_core::plant::{State, System};

const HOUSE: &str =
    "simulated house; layout and habits as in the vendor's HAN-NVE interface description rev 3.1";
const PUBLISHED: &str = "values of published telegrams, meter id replaced";

pub(crate) fn all() -> Vec<Line> {
    vec![tn3(), tn3_hour()]
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

fn tn3_hour() -> Line {
    let meter = meter("kamstrup-6841131");
    let from = "2026-02-03T20:59:20Z";
    let mut line = Line::new("kamstrup/6841131-tn3-hour", &meter, "3-phase TN", HOUSE);
    line.window(&mut site(&meter, System::ThreeTn, 41, from), from, 90);
    line
}
