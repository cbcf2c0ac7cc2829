//! Samples on their way into a clamp dongle, in blocks that show when something was lost.
//!
//! ```text
//! A5 5A  kind  length (u16)  payload …  check (u16)
//! ```
//!
//! Numbers are little-endian. The check is CRC-16/X-25 over kind, length and payload.
//!
//! | kind | payload |
//! |---|---|
//! | `S` | the head: [`Settings`] as JSON. Starts a new waveform, whatever came before |
//! | `D` | number of the block from 0 (u32), number of its first sample (u64), samples (i16) of the inputs in turn |
//! | `E` | number of samples of each input that were sent (u64) |
//!
//! [`SampleSink`] is what a waveform is played into: [`SampleStream`] over a line here, [a buffer in RAM](ram)
//! behind a debug probe elsewhere. Refuses to know what samples mean.

mod blocks;
pub mod ram;

pub use blocks::{Block, Decoder, SAMPLES_MAX, data, end, head, samples_within};

use crate::line::{Line, WriteFailure};
use crate::pace::WRITE_WITHIN;
use hanbench_core::samples::Settings;
use std::time::Instant;

/// What the samples of a waveform are played into.
pub trait SampleSink: std::fmt::Debug {
    /// Starts a waveform: what the dongle is told before the first sample.
    ///
    /// # Errors
    /// See [`WriteFailure`].
    fn head(&mut self, settings: &Settings) -> Result<(), WriteFailure>;

    /// Hands over samples of the inputs in turn; `first` is the number of the first one since the head.
    ///
    /// # Errors
    /// See [`WriteFailure`]; what was taken until then is not known.
    fn write(&mut self, first: u64, samples: &[i16]) -> Result<(), WriteFailure>;

    /// Ends the waveform after so many samples of each input.
    ///
    /// # Errors
    /// See [`WriteFailure`].
    fn end(&mut self, frames: u64) -> Result<(), WriteFailure>;
}

/// Samples over a line, in the blocks of this module.
#[derive(Debug)]
pub struct SampleStream<'a> {
    line: &'a mut Line,
    /// Number of the next block.
    next: u32,
}

impl<'a> SampleStream<'a> {
    /// A stream over this line.
    pub fn new(line: &'a mut Line) -> SampleStream<'a> {
        SampleStream { line, next: 0 }
    }

    fn send(&mut self, block: &[u8]) -> Result<(), WriteFailure> {
        // A real port takes bytes no faster than its UART sends them; there is room for a buffer that is still full.
        let on_the_line = match &*self.line {
            Line::Serial { byte_time, .. } => {
                byte_time.saturating_mul(u32::try_from(block.len()).unwrap_or(u32::MAX))
            }
            Line::Pty(_) | Line::Tcp { .. } => std::time::Duration::ZERO,
        };
        self.line.write_all(block, Instant::now() + on_the_line * 2 + WRITE_WITHIN)
    }
}

impl<S: SampleSink + ?Sized> SampleSink for &mut Box<S> {
    fn head(&mut self, settings: &Settings) -> Result<(), WriteFailure> {
        (***self).head(settings)
    }

    fn write(&mut self, first: u64, samples: &[i16]) -> Result<(), WriteFailure> {
        (***self).write(first, samples)
    }

    fn end(&mut self, frames: u64) -> Result<(), WriteFailure> {
        (***self).end(frames)
    }
}

impl SampleSink for SampleStream<'_> {
    fn head(&mut self, settings: &Settings) -> Result<(), WriteFailure> {
        self.next = 0;
        let text = serde_json::to_vec(settings).unwrap_or_default();
        self.send(&head(&text))
    }

    fn write(&mut self, first: u64, samples: &[i16]) -> Result<(), WriteFailure> {
        let block = data(self.next, first, samples);
        self.next = self.next.wrapping_add(1);
        self.send(&block)
    }

    fn end(&mut self, frames: u64) -> Result<(), WriteFailure> {
        self.send(&end(frames))
    }
}
