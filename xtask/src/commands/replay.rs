//! `replay`: a capture on a serial line, at the times it was recorded.

use crate::console;
use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::{ReplayFlags, SerialFlags};
use hanbench_core::capture::{Capture, Dir};
use hanbench_rig::line::{Line, WriteFailure};
use hanbench_rig::pace::{Lateness, byte_time, sharpen_timers, sleep_until, write_paced};
use hanbench_rig::session::Speed;
use hanbench_rig::{config::Input, interrupt, serial};
use std::time::{Duration, Instant};

/// Plays the bytes that came from the meter and says how late they were.
pub fn run(flags: &ReplayFlags) -> Outcome {
    let name = flags.capture.display();
    if flags.capture.is_dir() {
        return Err(Failure::input(format!("{name}: it is a folder, a capture was expected")));
    }
    let text = std::fs::read_to_string(&flags.capture)
        .map_err(|error| Failure::file("read", &flags.capture, &error))?;
    let capture = Capture::parse(&text)
        .map_err(|error| Failure::input(format!("{name}:{}: {}", error.line, error.what)))?;
    interrupt::install();
    let mut line = open(&flags.port, &flags.serial)?;
    let factor = match flags.speed {
        Speed::Max => 0.0,
        Speed::Real => 1.0,
        Speed::Factor(factor) => factor,
    };
    sharpen_timers();
    let mut lateness = Lateness::default();
    let start = Instant::now();
    let mut sent = 0;
    for row in capture.rows.iter().filter(|row| row.dir == Dir::Rx) {
        let due = if factor > 0.0 {
            start + Duration::from_secs_f64(row.t_us as f64 / 1e6 / factor)
        } else {
            Instant::now()
        };
        if !sleep_until(due) {
            break;
        }
        let byte = byte_time(flags.serial.baud, if factor > 0.0 { factor } else { 1000.0 });
        match write_paced(&mut line, &row.bytes, due.max(Instant::now()), byte, &mut lateness) {
            Ok(_) => sent += row.bytes.len(),
            Err(WriteFailure::Interrupted) => break,
            Err(WriteFailure::Lost(error)) => return Err(error.into()),
            Err(WriteFailure::Stuck(_)) => {
                let text = format!("{}: no byte was taken for two seconds; nobody reads", flags.port);
                return Err(Failure { code: 3, text });
            }
        }
    }
    let error = lateness.pacing().map_or(String::new(), |pacing| {
        format!(", timing error p50 {} µs, p99 {} µs", pacing.p50_us, pacing.p99_us)
    });
    console::note(&format!("{sent} bytes in {:.1} s{error}", start.elapsed().as_secs_f64()));
    Ok(PASSED)
}

/// A serial port, or a new pty whose path is printed for whoever wants to listen.
pub fn open(port: &str, flags: &SerialFlags) -> Result<Line, Failure> {
    let input = if port == "pty" {
        Input::Pty
    } else {
        let parity = serial::parity(&flags.parity);
        Input::Serial { port: port.to_string(), baud: flags.baud, parity }
    };
    let line = Line::open(&input)?;
    if let Some(path) = line.path().filter(|_| port == "pty") {
        console::line(path);
    }
    Ok(line)
}
