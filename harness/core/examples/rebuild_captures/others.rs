//! Nuri (Kaifa hardware) and the inferred meter of Stange Energi.

use crate::line::*;
use hanbench_core::meters::profile::List;
use hanbench_core::meters::sample::Meter;
use hanbench_core::plant::{State, System};

pub(crate) fn all() -> Vec<Line> {
    vec![nuri_it3_hour(), stange_it3()]
}

fn nuri_it3_hour() -> Line {
    let meter = meter("nuri-ma304h3e");
    let from = "2026-01-17T20:59:50Z";
    let source = "simulated house; the telegrams are those of the Kaifa meter that carries the name";
    let mut line = Line::new("nuri/ma304h3e-it3-hour", &meter, "3-phase IT", source);
    line.window(&mut site(&meter, System::ThreeIt, 61, from), from, 30);
    line
}

fn stange_it3() -> Line {
    let meter = meter("stange-e350");
    let nameless = Meter { meter_type: b"\0\0\0\0", ..meter };
    let source = "inferred: values of published Embriq telegrams of another grid company, meter id replaced";
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
