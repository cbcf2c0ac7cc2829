//! Bytes at line rate.
//!
//! Deadlines are absolute (start + n × byte time) and never relative sleeps: a late byte does not make the next
//! one late. What the scheduler adds is recorded and reported; nobody may judge a time finer than that.

use crate::config::Parity;
use crate::interrupt::interrupted;
use crate::line::{Line, WriteFailure};
use hanbench_core::verdict::trial::{Pacing, Pause};
use std::time::{Duration, Instant};

/// How long one write may take beyond its deadline before the other end counts as not reading.
pub(crate) const WRITE_WITHIN: Duration = Duration::from_secs(2);
/// Longest single sleep, so that Ctrl-C is seen soon.
const NAP: Duration = Duration::from_millis(50);
/// How many latenesses are kept; more bytes are paced but no longer measured.
const SAMPLES_MAX: usize = 1 << 20;

/// Time of one byte on the line: a start bit, eight data bits, the parity bit if there is one, and a stop bit.
pub fn byte_time(baud: u32, parity: Parity, factor: f64) -> Duration {
    let bits = match parity {
        Parity::None => 10.0,
        Parity::Even | Parity::Odd => 11.0,
    };
    Duration::from_secs_f64(bits / (f64::from(baud.max(1)) * factor))
}

/// Sleeps until `when`; false when Ctrl-C came first.
pub fn sleep_until(when: Instant) -> bool {
    loop {
        if interrupted() {
            return false;
        }
        let left = when.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(NAP));
    }
}

/// How late bytes were, in microseconds.
#[derive(Debug, Default)]
pub struct Lateness(Vec<u32>);

impl Lateness {
    pub(crate) fn note(&mut self, deadline: Instant) {
        if self.0.len() < SAMPLES_MAX {
            let late = Instant::now().saturating_duration_since(deadline);
            self.0.push(u32::try_from(late.as_micros()).unwrap_or(u32::MAX));
        }
    }

    /// Median and 99th percentile; `None` when no byte was paced.
    pub fn pacing(mut self) -> Option<Pacing> {
        self.0.sort_unstable();
        let at = |percent: usize| self.0.get(self.0.len().saturating_sub(1) * percent / 100).copied();
        Some(Pacing { p50_us: u64::from(at(50)?), p99_us: u64::from(at(99)?) })
    }
}

/// When bytes were really on the line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// When the first one began.
    pub began: Instant,
    /// When the last one was handed over, and is over on the line.
    pub over: Instant,
    /// Where the bench fell behind: after so many of these bytes, nothing was sent for so long. Only stalls longer
    /// than [`Pause::NOTED_US`]; a port that paces itself hides them.
    pub stalls: Vec<(usize, Duration)>,
}

/// Writes `bytes` so that byte n is on the line at `start` + n × `byte_time`.
///
/// A real port paces itself: it gets everything at `start`, and this function waits until its UART must be done.
///
/// # Errors
///
/// See [`WriteFailure`].
pub fn write_paced(
    line: &mut Line,
    bytes: &[u8],
    start: Instant,
    byte_time: Duration,
    lateness: &mut Lateness,
) -> Result<Written, WriteFailure> {
    let whole = byte_time.saturating_mul(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    if line.paces_itself() {
        wait(start, 0)?;
        lateness.note(start);
        let began = Instant::now();
        // The deadline has room for a UART that was still busy with the part before.
        line.write_all(bytes, start + whole * 2 + WRITE_WITHIN)?;
        wait(start + whole, bytes.len())?;
        return Ok(Written { began, over: start + whole, stalls: Vec::new() });
    }
    let mut written = Written { began: start, over: start, stalls: Vec::new() };
    for (index, byte) in (0_u32..).zip(bytes) {
        // A byte is complete at the receiver only after its last bit.
        let deadline = start + byte_time.saturating_mul(index + 1);
        wait(deadline, index as usize)?;
        lateness.note(deadline);
        let now = Instant::now();
        let began = now.checked_sub(byte_time).unwrap_or(now);
        let stall = began.saturating_duration_since(written.over);
        if index == 0 {
            written.began = began;
        } else if stall > Duration::from_micros(Pause::NOTED_US) {
            written.stalls.push((index as usize, stall));
        }
        written.over = now;
        line.write_all(std::slice::from_ref(byte), deadline + WRITE_WITHIN).map_err(
            |failure| match failure {
                WriteFailure::Interrupted(count) => WriteFailure::Interrupted(index as usize + count),
                other => other,
            },
        )?;
    }
    Ok(written)
}

/// Waits; an interruption comes after `done` bytes.
pub(crate) fn wait(until: Instant, done: usize) -> Result<(), WriteFailure> {
    if sleep_until(until) { Ok(()) } else { Err(WriteFailure::Interrupted(done)) }
}

/// Asks the system to wake this thread within a nanosecond instead of 50 µs of a deadline; halves the median
/// lateness. Linux only; elsewhere nothing happens.
pub fn sharpen_timers() {
    #[cfg(target_os = "linux")]
    #[allow(unsafe_code, reason = "prctl exists only as a C function")]
    // SAFETY: integers only; a failure leaves the default slack.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1_usize);
    }
}
