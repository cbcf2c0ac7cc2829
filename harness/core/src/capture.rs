//! A capture: bytes of a serial line with their arrival times, as a CSV text file (contract, section 6).
//!
//! ```text
//! # family = aidon
//! # evidence = rebuilt
//! t_us,dir,hex
//! 0,rx,7ea02a41…
//! ```
//!
//! Refuses to guess: a bad line is an error that names the line and what was expected there.

use std::collections::BTreeMap;

/// One recording.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Capture {
    /// The `# key = value` lines: `family`, `model`, `system`, `baud`, `parity`, `stage`, `source`, `evidence`, `t0`, …
    pub header: BTreeMap<String, String>,
    /// The chunks, in order of time.
    pub rows: Vec<Row>,
}

/// One chunk of a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Microseconds since the start of the capture.
    pub t_us: u64,
    /// `rx`: what the meter sent. `tx`: what was sent to it.
    pub dir: Dir,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Direction of a chunk, seen from the one who listens to the meter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dir {
    /// From the meter.
    Rx,
    /// To the meter.
    Tx,
}
