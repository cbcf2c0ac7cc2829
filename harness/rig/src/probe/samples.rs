//! Samples into a buffer of the firmware, while it runs: the bench's side of [`samples::ram`](crate::samples::ram).
//!
//! A block costs two writes (the slot, then the number that makes it valid), and a read of how many were taken only where
//! all slots were full when it was last looked. Whoever else uses the probe gets it between two blocks.

use super::ProbeError;
use super::image::Symbol;
use super::owner::Bench;
use super::talk::{SharedProbe, held};
use crate::error::RigError;
use crate::interrupt::interrupted;
use crate::line::WriteFailure;
use crate::pace::WRITE_WITHIN;
use crate::samples::ram::{
    GIVEN_AT, MAGIC, SLOT_COUNT_AT, SLOT_HEAD, SLOT_SIZE_AT, SLOTS_AT, SYMBOL, TAKEN_AT,
};
use crate::samples::{SampleSink, data, end, head, samples_within};
use hanbench_core::samples::Settings;
use probe_rs::MemoryInterface;
use std::sync::Arc;
use std::time::{Duration, Instant};

const STEP: &str = "hand samples over";
/// How often a buffer without room is looked at.
const POLL: Duration = Duration::from_micros(100);
/// No firmware has a buffer of more bytes.
const BUFFER_MAX: u64 = 1 << 20;

/// What waveforms are played into when the dongle takes samples from its RAM. The probe is held only while it does
/// something, so that others can hear meanwhile what the firmware says.
#[derive(Debug)]
pub struct RamSamples {
    probe: SharedProbe,
    symbol: Symbol,
    buffer: Option<Buffer>,
    /// Inputs of the present waveform.
    inputs: usize,
    /// Number of its next block of samples.
    next: u32,
}

/// The buffer as its firmware describes it, and what is known of it.
#[derive(Clone, Copy, Debug)]
struct Buffer {
    address: u64,
    slots: u32,
    slot_size: u32,
    given: u32,
    /// At least so many were taken.
    taken: u32,
}

impl RamSamples {
    /// A way into what the image calls [`SYMBOL`]. Nothing is sent before the first head.
    pub fn new(probe: SharedProbe, symbol: Symbol) -> RamSamples {
        RamSamples { probe, symbol, buffer: None, inputs: 1, next: 0 }
    }

    /// Waits for firmware that has its buffer and took everything out of it.
    fn sync(&mut self) -> Result<Buffer, WriteFailure> {
        let symbol = self.symbol;
        let until = Instant::now() + WRITE_WITHIN;
        loop {
            let found = self.step(move |bench| bench.sample_buffer(symbol))?;
            if let Some(buffer) = found.filter(|buffer| buffer.given == buffer.taken) {
                return Ok(buffer);
            }
            if Instant::now() >= until {
                return Err(match found {
                    Some(_) => WriteFailure::Stuck(0),
                    None => lost(no_buffer(symbol.address)),
                });
            }
            pause()?;
        }
    }

    /// Gives one block, as soon as there is a slot for it.
    fn give(&mut self, block: &[u8]) -> Result<(), WriteFailure> {
        let Some(mut buffer) = self.buffer else {
            return Err(lost(ProbeError::rig(STEP, "samples came before a head")));
        };
        let slot = buffer.filled(block);
        let slot: Arc<[u8]> = slot.map_err(lost)?.into();
        let until = Instant::now() + WRITE_WITHIN;
        loop {
            let bytes = Arc::clone(&slot);
            buffer = self.step(move |bench| bench.give_block(buffer, &bytes))?;
            let given = self.buffer.is_some_and(|before| before.given != buffer.given);
            self.buffer = Some(buffer);
            if given {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(WriteFailure::Stuck(0));
            }
            pause()?;
        }
    }

    fn step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Bench) -> Result<T, ProbeError> + Send + 'static,
    ) -> Result<T, WriteFailure> {
        let mut probe = held(&self.probe);
        let within = probe.deadlines.step;
        probe.perform(STEP, within, work).map_err(lost)
    }
}

impl SampleSink for RamSamples {
    fn head(&mut self, settings: &Settings) -> Result<(), WriteFailure> {
        self.buffer = Some(self.sync()?);
        (self.next, self.inputs) = (0, settings.inputs.len().max(1));
        let text = serde_json::to_vec(settings).unwrap_or_default();
        self.give(&head(&text))
    }

    /// Samples that do not fit into one slot are given in several blocks.
    fn write(&mut self, first: u64, samples: &[i16]) -> Result<(), WriteFailure> {
        let room = self.buffer.map_or(0, |buffer| samples_within(buffer.slot_size as usize));
        let frames = room / self.inputs;
        if frames == 0 {
            return Err(lost(too_small("one sample of each input", self.inputs * 2, room * 2)));
        }
        for (at, piece) in (first..).step_by(frames).zip(samples.chunks(frames * self.inputs)) {
            self.give(&data(self.next, at, piece))?;
            self.next = self.next.wrapping_add(1);
        }
        Ok(())
    }

    fn end(&mut self, frames: u64) -> Result<(), WriteFailure> {
        self.give(&end(frames))
    }
}

impl Buffer {
    /// What a slot with this block holds.
    fn filled(&self, block: &[u8]) -> Result<Vec<u8>, ProbeError> {
        if block.len() > self.slot_size as usize {
            return Err(too_small("a block of this waveform", block.len(), self.slot_size as usize));
        }
        let mut slot = (block.len() as u32).to_le_bytes().to_vec();
        slot.extend_from_slice(block);
        slot.resize(slot.len().next_multiple_of(4), 0);
        Ok(slot)
    }

    /// There is no slot for another block. Firmware that started anew has forgotten what it was given, and looks as if it
    /// took nothing any more; whoever listens to it hears why.
    fn is_full(&self) -> bool {
        self.given.wrapping_sub(self.taken) >= self.slots
    }
}

impl Bench {
    /// The buffer as it is now; nothing where firmware has not made one yet.
    fn sample_buffer(&mut self, symbol: Symbol) -> Result<Option<Buffer>, ProbeError> {
        let mut bytes = [0; SLOTS_AT as usize];
        let address = symbol.address;
        self.core(STEP)?.read(address, &mut bytes).map_err(|error| ProbeError::of(STEP, &error))?;
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if word(0) != MAGIC {
            return Ok(None);
        }
        let (slots, slot_size) = (word(SLOT_COUNT_AT as usize), word(SLOT_SIZE_AT as usize));
        let (taken, given) = (word(TAKEN_AT as usize), word(GIVEN_AT as usize));
        let size = u64::from(SLOTS_AT) + u64::from(slots) * (u64::from(SLOT_HEAD) + u64::from(slot_size));
        let room = if symbol.size == 0 { BUFFER_MAX } else { symbol.size };
        if slots < 2 || !slot_size.is_multiple_of(4) || size > room {
            let what = format!(
                "`{SYMBOL}` at {address:#010x} says {slots} slots of {slot_size} bytes; expected 2 or more of a multiple \
                 of 4, {room} bytes in all"
            );
            return Err(ProbeError::config(STEP, what));
        }
        Ok(Some(Buffer { address, slots, slot_size, given, taken }))
    }

    /// Gives a block where there is a slot for it; where there is none, only what was taken is new.
    fn give_block(&mut self, mut buffer: Buffer, slot: &[u8]) -> Result<Buffer, ProbeError> {
        let failed = |error: probe_rs::Error| ProbeError::of(STEP, &error);
        let mut core = self.core(STEP)?;
        if buffer.is_full() {
            buffer.taken = core.read_word_32(buffer.address + u64::from(TAKEN_AT)).map_err(failed)?;
            if buffer.is_full() {
                return Ok(buffer);
            }
        }
        let number = u64::from(buffer.given % buffer.slots);
        let place = u64::from(SLOTS_AT) + number * u64::from(SLOT_HEAD + buffer.slot_size);
        core.write(buffer.address + place, slot).map_err(failed)?;
        buffer.given = buffer.given.wrapping_add(1);
        core.write_word_32(buffer.address + u64::from(GIVEN_AT), buffer.given).map_err(failed)?;
        Ok(buffer)
    }
}

fn pause() -> Result<(), WriteFailure> {
    if interrupted() {
        return Err(WriteFailure::Interrupted(0));
    }
    std::thread::sleep(POLL);
    Ok(())
}

fn lost(error: ProbeError) -> WriteFailure {
    WriteFailure::Lost(RigError::Probe(error))
}

fn no_buffer(address: u64) -> ProbeError {
    let what =
        format!("the firmware made no buffer for samples at {address:#010x} (`{SYMBOL}`); nothing came");
    ProbeError::late(STEP, WRITE_WITHIN, &what)
}

fn too_small(what: &str, bytes: usize, room: usize) -> ProbeError {
    let why = format!("{what} takes {bytes} bytes, and a slot of `{SYMBOL}` has room for {room}");
    ProbeError::config(STEP, why)
}
