//! `emulate`: a live meter on a real port, fed by the simulated house.

use crate::console;
use crate::failure::{Failure, HARNESS, Outcome, PASSED};
use crate::flags::EmulateFlags;
use hanbench_core::meters::encode::encode_frame;
use hanbench_core::meters::profile::Elements;
use hanbench_core::meters::sample::{Meter, Site};
use hanbench_core::meters::schedule::schedule;
use hanbench_core::plant::{House, System};
use hanbench_rig::line::WriteFailure;
use hanbench_rig::pace::{Lateness, byte_time, sharpen_timers, sleep_until, write_paced};
use hanbench_rig::{interrupt, serial};
use std::time::{Duration, Instant};

const DAY_S: i64 = 86_400;

/// Sends every list when it is due by the clock of this computer, until Ctrl-C or the end of the time asked for.
pub fn run(flags: &EmulateFlags) -> Outcome {
    let profile = super::decode::profile(&flags.profile)?;
    let end = flags.for_s.map(super::duration).transpose()?;
    interrupt::install();
    let (mut line, _lock) = super::replay::open(&flags.port, &flags.serial, "emulate")?;
    let system = match profile.elements {
        Elements::One => System::OnePhase,
        Elements::Two => System::ThreeIt,
        Elements::Three => System::ThreeTn,
    };
    let (wall, start) = (jiff::Timestamp::now().as_millisecond(), Instant::now());
    let midnight_s = (wall / 1000).div_euclid(DAY_S) * DAY_S;
    let house = House::new(system, flags.seed);
    let mut site = Site { meter: Meter::usual(profile), house, midnight_s };
    console::note(&format!("{} on {}; Ctrl-C ends", profile.title, line.name()));
    sharpen_timers();
    let mut lateness = Lateness::default();
    let byte = byte_time(flags.serial.baud(), serial::parity(flags.serial.parity()), 1.0);
    let until = end.map_or(i64::MAX, |end| wall.saturating_add(end.as_millis() as i64));
    for due in schedule(profile, wall, until) {
        let at = start + Duration::from_millis((due.utc_ms - wall) as u64);
        // Long before the next list somebody may press Ctrl-C.
        if !sleep_until(at) {
            break;
        }
        let telegram = site.telegram(due);
        let mut frame = Vec::new();
        encode_frame(profile, due.list, &telegram, &mut frame)
            .map_err(|error| Failure { code: HARNESS, text: format!("{}: {error}", profile.name) })?;
        match write_paced(&mut line, &frame, at, byte, &mut lateness) {
            Ok(_) => {}
            Err(WriteFailure::Interrupted(_)) => break,
            // A meter talks whether or not anybody listens: a full buffer of a pty is no error.
            Err(WriteFailure::Stuck(_)) => console::note("nobody reads; the list was dropped"),
            Err(WriteFailure::Lost(error)) => return Err(error.into()),
        }
        if console::interactive() {
            let power = telegram.reading.get(hanbench_core::reading::Key::ActiveImport);
            let power = power.present().map_or_else(String::new, |power| format!("  {power} W"));
            console::note(&format!("list {}{power}", due.list.word()));
        }
    }
    Ok(PASSED)
}
