//! Samples into a buffer of the firmware, while it runs: the bench's side of [`samples::ram`](crate::samples::ram).
//!
//! A block costs two writes (the slot, then the number that makes it valid), and a read of how many were taken only where
//! all slots were full when it was last looked. Whoever else uses the probe gets it between two blocks.

use super::image::Symbol;
use super::owner::Bench;
use super::{Probe, ProbeError};
use crate::error::RigError;
use crate::interrupt::interrupted;
use crate::line::WriteFailure;
use crate::pace::WRITE_WITHIN;
use crate::samples::ram::{GIVEN_AT, MAGIC, SLOT_HEAD, SLOTS_AT, SYMBOL, TAKEN_AT};
use crate::samples::{SampleSink, data, end, head, samples_within};
use hanbench_core::samples::Settings;
use probe_rs::MemoryInterface;
use std::sync::{Arc, Mutex, PoisonError};
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
    probe: Arc<Mutex<Probe>>,
    buffer: Symbol,
    ring: Option<Ring>,
    /// Inputs of the present waveform.
    inputs: usize,
    /// Number of its next block of samples.
    next: u32,
}

/// The buffer as its firmware describes it, and what is known of it.
#[derive(Clone, Copy, Debug)]
struct Ring {
    address: u64,
    slots: u32,
    slot_size: u32,
    given: u32,
    /// At least so many were taken.
    taken: u32,
}

impl RamSamples {
    /// A way into `buffer`, the symbol [`SYMBOL`] of the image. Nothing is sent before the first head.
    pub fn new(probe: Arc<Mutex<Probe>>, buffer: Symbol) -> RamSamples {
        RamSamples { probe, buffer, ring: None, inputs: 1, next: 0 }
    }

    /// Waits for firmware that has its buffer and took everything out of it.
    fn sync(&mut self) -> Result<Ring, WriteFailure> {
        let buffer = self.buffer;
        let until = Instant::now() + WRITE_WITHIN;
        loop {
            let found = self.step(move |bench| bench.sample_ring(buffer))?;
            if let Some(ring) = found.filter(|ring| ring.given == ring.taken) {
                return Ok(ring);
            }
            if Instant::now() >= until {
                return Err(match found {
                    Some(_) => WriteFailure::Stuck(0),
                    None => lost(no_buffer(buffer.address)),
                });
            }
            pause()?;
        }
    }

    /// Gives one block, as soon as there is a slot for it.
    fn give(&mut self, block: &[u8]) -> Result<(), WriteFailure> {
        let Some(mut ring) = self.ring else {
            return Err(lost(ProbeError::rig(STEP, "samples came before a head")));
        };
        let slot = ring.filled(block);
        let slot: Arc<[u8]> = slot.map_err(lost)?.into();
        let until = Instant::now() + WRITE_WITHIN;
        loop {
            let bytes = Arc::clone(&slot);
            ring = self.step(move |bench| bench.give_block(ring, &bytes))?;
            let given = self.ring.is_some_and(|before| before.given != ring.given);
            self.ring = Some(ring);
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
        let mut probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        let within = probe.deadlines.step;
        probe.perform(STEP, within, work).map_err(lost)
    }
}

impl SampleSink for RamSamples {
    fn head(&mut self, settings: &Settings) -> Result<(), WriteFailure> {
        self.ring = Some(self.sync()?);
        (self.next, self.inputs) = (0, settings.inputs.len().max(1));
        let text = serde_json::to_vec(settings).unwrap_or_default();
        self.give(&head(&text))
    }

    /// Samples that do not fit into one slot are given in several blocks.
    fn write(&mut self, first: u64, samples: &[i16]) -> Result<(), WriteFailure> {
        let room = self.ring.map_or(0, |ring| samples_within(ring.slot_size as usize));
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

impl Ring {
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
    fn sample_ring(&mut self, buffer: Symbol) -> Result<Option<Ring>, ProbeError> {
        let mut bytes = [0; SLOTS_AT as usize];
        let address = buffer.address;
        self.core(STEP)?.read(address, &mut bytes).map_err(|error| ProbeError::of(STEP, &error))?;
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if word(0) != MAGIC {
            return Ok(None);
        }
        let (slots, slot_size) = (word(4), word(8));
        let (taken, given) = (word(TAKEN_AT as usize), word(GIVEN_AT as usize));
        let size = u64::from(SLOTS_AT) + u64::from(slots) * (u64::from(SLOT_HEAD) + u64::from(slot_size));
        let room = if buffer.size == 0 { BUFFER_MAX } else { buffer.size };
        if slots < 2 || !slot_size.is_multiple_of(4) || size > room {
            let what = format!(
                "`{SYMBOL}` at {address:#010x} says {slots} slots of {slot_size} bytes; expected 2 or more of a multiple \
                 of 4, {room} bytes in all"
            );
            return Err(ProbeError::config(STEP, what));
        }
        Ok(Some(Ring { address, slots, slot_size, given, taken }))
    }

    /// Gives a block where there is a slot for it; where there is none, only what was taken is new.
    fn give_block(&mut self, mut ring: Ring, slot: &[u8]) -> Result<Ring, ProbeError> {
        let failed = |error: probe_rs::Error| ProbeError::of(STEP, &error);
        let mut core = self.core(STEP)?;
        if ring.is_full() {
            ring.taken = core.read_word_32(ring.address + u64::from(TAKEN_AT)).map_err(failed)?;
            if ring.is_full() {
                return Ok(ring);
            }
        }
        let number = u64::from(ring.given % ring.slots);
        let place = u64::from(SLOTS_AT) + number * u64::from(SLOT_HEAD + ring.slot_size);
        core.write(ring.address + place, slot).map_err(failed)?;
        ring.given = ring.given.wrapping_add(1);
        core.write_word_32(ring.address + u64::from(GIVEN_AT), ring.given).map_err(failed)?;
        Ok(ring)
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
