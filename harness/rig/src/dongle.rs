//! The virtual dongle: a program that reads HAN bytes from a serial device and prints claims, as the contract,
//! section 3 asks of any DUT. Also its deliberately broken variants, which show that the checks can fail.
//!
//! It opens the device through `serialport` like a real dongle's driver, and it decodes through a function that
//! the caller gives, usually [`reference()`]: this file knows ports and lines, not telegrams.

mod broken;
#[cfg(test)]
mod caught;
mod decoder;
mod scale;

pub use broken::Broken;
pub use decoder::reference;
pub use scale::Scale;

use broken::Breaker;
use hanbench_core::reading;
use serde_json::{Map, Value, json};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Line speed of a Norwegian HAN port (M-Bus, 2400 8N1). A pty takes any.
const BAUD: u32 = 2400;
/// Longest wait for bytes; the decoder's own timeouts shorten it.
const READ_WAIT: Duration = Duration::from_millis(50);

/// What the decoder made of bytes, or of their absence.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// A telegram with right checksums.
    Good {
        /// Its reading in the keys of the contract.
        claim: Map<String, Value>,
        /// Its bytes on the line, flags included; only broken variants look at them.
        bytes: Vec<u8>,
    },
    /// A frame that is refused.
    Bad {
        /// Why: `fcs`, `hcs`, `length`, …
        reason: String,
        /// What a decoder that does not check would claim, where the bytes still make a reading. Only the broken
        /// variant `ignore-fcs` prints it.
        unchecked: Option<Map<String, Value>>,
    },
}

/// What one call of the decoder gives.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Decoded {
    /// In stream order.
    pub steps: Vec<Step>,
    /// When the decoder wants to be called again even if no byte arrives.
    pub next_timeout: Option<reading::Instant>,
}

/// Runs until the port hangs up.
///
/// A line `{"set":{"ratio":"50:1"}}` on standard input changes `scale`; `{"event":"set","ratio":"50:1"}` is printed
/// once it holds for all that is read from then on. `decode_step` gets bytes and the time they arrived, or no bytes when its timeout has passed.
///
/// # Errors
///
/// The device cannot be opened, or `out` is closed.
pub fn run(
    han_path: &str,
    broken: Option<Broken>,
    scale: Scale,
    mut out: impl Write,
    mut decode_step: impl FnMut(&[u8], reading::Instant) -> Decoded,
) -> io::Result<()> {
    let mut port = serialport::new(han_path, BAUD).timeout(READ_WAIT).open()?;
    let start = Instant::now();
    let now = || reading::Instant(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
    let mut breaker = Breaker::new(broken, scale);
    let told = listen();
    let mut timeout = None;
    let mut buffer = [0; 4096];
    writeln!(out, "{{\"event\":\"ready\"}}")?;
    out.flush()?;
    loop {
        for ratio in told.try_iter() {
            // A ratio that is none changes nothing and is not confirmed.
            if let Ok(scale) = Scale::parse(&ratio) {
                breaker.set(scale);
                writeln!(out, "{}", json!({"event": "set", "ratio": ratio}))?;
                out.flush()?;
            }
        }
        let wait = timeout.map_or(READ_WAIT, |at: reading::Instant| {
            Duration::from_micros(at.since_us(now())).clamp(Duration::from_millis(1), READ_WAIT)
        });
        port.set_timeout(wait)?;
        let count = match port.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => 0,
            // A hang-up has many names: broken pipe, input/output error, no such device.
            Err(_) => return Ok(()),
        };
        let arrived = now();
        if count == 0 && timeout.is_none_or(|at| arrived < at) {
            continue;
        }
        let decoded = decode_step(&buffer[..count], arrived);
        timeout = decoded.next_timeout;
        for step in decoded.steps {
            for line in breaker.lines(step) {
                std::thread::sleep(line.delay);
                writeln!(out, "{}", line.text)?;
                out.flush()?;
                if let Some(code) = line.exit {
                    return Err(io::Error::other(format!("broken on purpose: exits with code {code}")));
                }
            }
        }
    }
}

/// The ratios that lines on standard input ask for; all else there is ignored.
fn listen() -> Receiver<String> {
    let (sender, receiver) = channel();
    // Not joined: it ends with standard input, or with the program.
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            let command: Value = serde_json::from_str(&line).unwrap_or_default();
            let ratio = command.pointer("/set/ratio").and_then(Value::as_str);
            if ratio.is_some_and(|ratio| sender.send(ratio.to_string()).is_err()) {
                return;
            }
        }
    });
    receiver
}
