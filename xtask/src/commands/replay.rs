//! `replay`: a capture on a serial line, at the times it was recorded.

use crate::console;
use crate::failure::{Failure, LOST, Outcome, PASSED};
use crate::flags::{ReplayFlags, SerialFlags};
use hanbench_core::capture::{Capture, Dir};
use hanbench_rig::file::{CAPTURE, read_text};
use hanbench_rig::line::{Line, WriteFailure};
use hanbench_rig::lock::Lock;
use hanbench_rig::pace::{Lateness, byte_time, sharpen_timers, sleep_until, write_paced};
use hanbench_rig::{RigError, config::Input, interrupt, serial};
use std::time::{Duration, Instant};

/// Lock-step has no meaning on a line that never answers; `max` is so many times its speed.
const FASTEST: f64 = 1000.0;

/// Plays the bytes that came from the meter and says how late they were.
pub fn run(flags: &ReplayFlags) -> Outcome {
    let capture = capture(flags)?;
    let settings = settings(flags, &capture)?;
    interrupt::install();
    let (mut line, _lock) = open(&flags.port, &settings, "replay")?;
    let factor = flags.speed.factor();
    let parity = serial::parity(settings.parity());
    let byte = byte_time(settings.baud(), parity, factor.unwrap_or(FASTEST));
    sharpen_timers();
    let mut lateness = Lateness::default();
    let start = Instant::now();
    let mut sent = 0;
    let whole: usize = capture.rows.iter().filter(|row| row.dir == Dir::Rx).map(|row| row.bytes.len()).sum();
    let interrupted = |sent: usize| {
        let text = format!("interrupted after {sent} of {whole} bytes");
        Err(Failure { code: LOST, text })
    };
    for row in capture.rows.iter().filter(|row| row.dir == Dir::Rx) {
        let due = factor.map(|factor| start + Duration::from_secs_f64(row.t_us as f64 / 1e6 / factor));
        let due = due.unwrap_or_else(Instant::now);
        if !sleep_until(due) {
            return interrupted(sent);
        }
        match write_paced(&mut line, &row.bytes, due.max(Instant::now()), byte, &mut lateness) {
            Ok(_) => sent += row.bytes.len(),
            Err(WriteFailure::Interrupted(count)) => return interrupted(sent + count),
            Err(WriteFailure::Lost(error)) => return Err(error.into()),
            Err(WriteFailure::Stuck(_)) => {
                let text = format!("{}: no byte was taken for two seconds; nobody reads", flags.port);
                return Err(Failure { code: LOST, text });
            }
        }
    }
    let error = lateness.pacing().map_or(String::new(), |pacing| {
        format!(", timing error p50 {} µs, p99 {} µs", pacing.p50_us, pacing.p99_us)
    });
    console::note(&format!("{sent} bytes in {:.1} s{error}", start.elapsed().as_secs_f64()));
    Ok(PASSED)
}

/// The capture to play. Bytes that lost their link layer are nothing that a meter's line ever carries.
fn capture(flags: &ReplayFlags) -> Result<Capture, Failure> {
    let name = flags.capture.display();
    let text = read_text(&flags.capture, "a capture", CAPTURE).map_err(RigError::from)?;
    let capture = Capture::parse(&text)
        .map_err(|error| Failure::input(format!("{name}:{}: {}", error.line, error.what)))?;
    match capture.header.get("stage").map(String::as_str) {
        None | Some("wire") => Ok(capture),
        Some(stage) => Err(Failure::input(format!(
            "{name}: its stage is `{stage}`: these bytes were not taken from the line; \
             a capture whose stage is `wire` was expected"
        ))),
    }
}

/// Speed and parity: what the user says, else what the capture says, else those of a HAN port.
fn settings(flags: &ReplayFlags, capture: &Capture) -> Result<SerialFlags, Failure> {
    let said = capture.header.get("baud");
    let baud = said.map(|text| match text.parse() {
        Ok(baud) if (1..=4_000_000).contains(&baud) => Ok(baud),
        _ => {
            let name = flags.capture.display();
            Err(Failure::input(format!(
                "{name}: its baud is {text}; a number from 1 to 4000000 was expected"
            )))
        }
    });
    Ok(SerialFlags {
        baud: flags.serial.baud.or(baud.transpose()?),
        parity: flags.serial.parity.clone().or_else(|| capture.header.get("parity").cloned()),
    })
}

/// A serial port, held against every other run of hanbench; or a new pty, whose path is printed for whoever wants
/// to listen.
pub fn open(port: &str, flags: &SerialFlags, doing: &str) -> Result<(Line, Option<Lock>), Failure> {
    if port == "pty" {
        let line = Line::open(&Input::Pty)?;
        if let Some(path) = line.path() {
            console::line(path);
        }
        return Ok((line, None));
    }
    let lock = Lock::take(port, doing)?;
    let parity = serial::parity(flags.parity());
    let line = Line::open(&Input::Serial { port: port.to_string(), baud: flags.baud(), parity })?;
    Ok((line, Some(lock)))
}
