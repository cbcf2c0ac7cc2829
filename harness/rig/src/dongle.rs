//! The virtual dongle: a program that reads HAN bytes from a serial device and prints claims, as the contract,
//! section 3 asks of any DUT. Also its deliberately broken variants, which show that the checks can fail.
//!
//! It opens the device through `serialport` like a real dongle's driver, and it decodes through a function that
//! the caller gives, usually [`reference()`]: this file knows ports and lines, not telegrams. [`Dongle`] is the same
//! without a port, for firmware on a chip.

mod broken;
#[cfg(test)]
mod caught;
mod decoder;
mod scale;

pub use broken::{Broken, Printed};
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

/// The dongle without a port: bytes with the time of their arrival in, lines out.
pub struct Dongle<D> {
    decode_step: D,
    breaker: Breaker,
    timeout: Option<reading::Instant>,
}

impl<D: FnMut(&[u8], reading::Instant) -> Decoded> Dongle<D> {
    /// A dongle that was just started. `decode_step` gets bytes and the time they arrived, or no bytes when its timeout
    /// has passed.
    pub fn new(broken: Option<Broken>, scale: Scale, decode_step: D) -> Dongle<D> {
        Dongle { decode_step, breaker: Breaker::new(broken, scale), timeout: None }
    }

    /// When it wants to be asked again even if no byte arrives.
    pub fn next_timeout(&self) -> Option<reading::Instant> {
        self.timeout
    }

    /// Takes what arrived until `now`, which may be nothing, and says what to print.
    pub fn take(&mut self, bytes: &[u8], now: reading::Instant) -> Vec<Printed> {
        if bytes.is_empty() && self.timeout.is_none_or(|at| now < at) {
            return Vec::new();
        }
        let decoded = (self.decode_step)(bytes, now);
        self.timeout = decoded.next_timeout;
        decoded.steps.into_iter().flat_map(|step| self.breaker.lines(step)).collect()
    }

    /// Follows a command: `{"set":{"ratio":"50:1"}}` holds for all that is taken from now on, and the answer says so.
    /// What is no command, or asks for a ratio that is none, changes nothing and is not answered.
    pub fn told(&mut self, line: &str) -> Option<String> {
        let command: Value = serde_json::from_str(line).ok()?;
        let ratio = command.pointer("/set/ratio")?.as_str()?;
        self.breaker.set(Scale::parse(ratio).ok()?);
        Some(json!({"event": "set", "ratio": ratio}).to_string())
    }
}

/// Runs until the port hangs up.
///
/// Lines on standard input are commands to the dongle, see [`Dongle::told`].
///
/// # Errors
///
/// The device cannot be opened, or `out` is closed.
pub fn run(
    han_path: &str,
    broken: Option<Broken>,
    scale: Scale,
    mut out: impl Write,
    decode_step: impl FnMut(&[u8], reading::Instant) -> Decoded,
) -> io::Result<()> {
    let mut port = serialport::new(han_path, BAUD).timeout(READ_WAIT).open()?;
    let start = Instant::now();
    let now = || reading::Instant(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
    let mut dongle = Dongle::new(broken, scale, decode_step);
    let told = listen();
    let mut buffer = [0; 4096];
    writeln!(out, "{{\"event\":\"ready\"}}")?;
    out.flush()?;
    loop {
        for answer in told.try_iter().filter_map(|line| dongle.told(&line)) {
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
        let wait = dongle.next_timeout().map_or(READ_WAIT, |at: reading::Instant| {
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
        for line in dongle.take(&buffer[..count], now()) {
            std::thread::sleep(line.delay);
            writeln!(out, "{}", line.text)?;
            out.flush()?;
            if let Some(code) = line.exit {
                return Err(io::Error::other(format!("broken on purpose: exits with code {code}")));
            }
        }
    }
}

/// The lines of standard input.
fn listen() -> Receiver<String> {
    let (sender, receiver) = channel();
    // Not joined: it ends with standard input, or with the program.
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
