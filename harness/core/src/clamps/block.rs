//! Cuts the stream into blocks of whole cycles, without a gap, so that energy loses nothing.
//!
//! A block ends at the tenth rising zero crossing of the first voltage. Where there are no crossings (an
//! interruption, or no voltage at all) it ends after 300 ms.

use super::Fault;
use crate::samples::{Quantity, Settings};
use alloc::vec::Vec;

/// Cycles in a block: the basic interval of IEC 61000-4-30 at 50 Hz.
const CYCLES: u32 = 10;
/// A block without crossings ends after so many seconds: longer than ten cycles at 40 Hz.
const PATIENCE_S: f64 = 0.3;
/// A crossing counts after the voltage was at least this far below zero, in volts: noise near zero is none.
const HYSTERESIS_V: f64 = 10.0;

/// A stretch of samples, cut at fractions of a sample.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Interleaved samples; the first and last count in part.
    pub(super) samples: Vec<i16>,
    /// Where the block begins, in samples after the first one's instant; −0.5 to 0.5.
    pub(super) lead: f64,
    /// Length in samples, a fraction.
    pub(super) length: f64,
    /// Whole cycles in it; `None` where no crossings were seen.
    pub(super) cycles: Option<u32>,
    /// Number of the sample at whose instant or behind it the block ends, since the start.
    pub(super) end: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Cutter {
    width: usize,
    reference: Option<(usize, f64, f64)>,
    patience: f64,
    fixed: Option<f64>,
    samples: Vec<i16>,
    /// Number of the first sample held.
    first: u64,
    /// Where the block begins, in samples since the start.
    start: f64,
    count: u64,
    before: f64,
    armed: bool,
    crossings: u32,
    last_crossing: f64,
    /// The block began at a crossing.
    in_step: bool,
}

impl Cutter {
    pub(super) fn new(settings: &Settings, fault: Option<Fault>) -> Cutter {
        let voltage = settings.inputs.iter().position(|input| input.quantity == Quantity::Voltage);
        let reference = voltage.map(|at| (at, settings.inputs[at].per_lsb, settings.inputs[at].zero));
        Cutter {
            width: settings.inputs.len().max(1),
            reference,
            patience: PATIENCE_S * settings.rate_hz,
            fixed: (fault == Some(Fault::FixedWindow)).then_some(0.2 * settings.rate_hz),
            samples: Vec::new(),
            first: 0,
            start: 0.0,
            count: 0,
            before: 0.0,
            armed: false,
            crossings: 0,
            last_crossing: 0.0,
            in_step: false,
        }
    }

    /// Takes one sample of each input. Returns a block when one is complete.
    pub(super) fn push(&mut self, frame: &[i16]) -> Option<Block> {
        self.samples.extend_from_slice(frame);
        let now = self.count as f64;
        self.count += 1;
        if let Some(length) = self.fixed {
            return (now - self.start >= length).then(|| self.cut(self.start + length, None));
        }
        if let Some(crossing) = self.crossing(frame, now) {
            self.last_crossing = crossing;
            if !self.in_step {
                // What lies before the first crossing is a block of its own: it belongs to the energy too.
                return Some(self.cut_in_step(crossing, None));
            }
            self.crossings += 1;
            if self.crossings == CYCLES {
                return Some(self.cut_in_step(crossing, Some(CYCLES)));
            }
        }
        if now - self.start < self.patience {
            return None;
        }
        // The voltage is gone: up to its last crossing these were cycles, behind it they were none.
        if self.in_step && self.crossings > 0 && self.last_crossing > self.start {
            let cycles = self.crossings;
            let block = self.cut(self.last_crossing, Some(cycles));
            self.in_step = false;
            return Some(block);
        }
        self.in_step = false;
        Some(self.cut(now, None))
    }

    /// Where the voltage rose through zero between the last sample and this one, in samples since the start.
    fn crossing(&mut self, frame: &[i16], now: f64) -> Option<f64> {
        let (at, per_lsb, zero) = self.reference?;
        let value = (f64::from(frame[at]) - zero) * per_lsb;
        let before = core::mem::replace(&mut self.before, value);
        if value < -HYSTERESIS_V {
            self.armed = true;
        }
        if !self.armed || value < 0.0 {
            return None;
        }
        self.armed = false;
        Some(now - value / (value - before))
    }

    fn cut_in_step(&mut self, end: f64, cycles: Option<u32>) -> Block {
        let block = self.cut(end, cycles);
        self.in_step = true;
        block
    }

    /// The block from its start to `end`; what lies behind stays for the next.
    fn cut(&mut self, end: f64, cycles: Option<u32>) -> Block {
        let held = self.samples.len() / self.width;
        // A sample stands for the half interval on both sides of it. The one at the cut belongs to both blocks.
        let last = (libm::floor(end + 0.5) as u64).saturating_sub(self.first);
        let taken = usize::try_from(last + 1).unwrap_or(held).min(held);
        let block = Block {
            samples: self.samples[..taken * self.width].to_vec(),
            lead: self.start - self.first as f64,
            length: end - self.start,
            cycles,
            end: libm::ceil(end) as u64,
        };
        let gone = taken.saturating_sub(1);
        self.samples.drain(..gone * self.width);
        self.first += gone as u64;
        self.start = end;
        self.crossings = 0;
        block
    }
}
