//! RTT: channels between firmware and bench through RAM, while the core runs.
//!
//! The control block is found by its address (symbol `_SEGGER_RTT` of the ELF), never by searching: RAM may hold a second one
//! from before, or a copy in a buffer. A chip that resets makes its block anew; that is noticed at the next read, the
//! channels are attached again, and [`Heard::restarted`] says so.

use super::owner::Bench;
use super::{Probe, ProbeError};
use probe_rs::MemoryInterface;
use probe_rs::rtt::{Error, Rtt};
use std::time::{Duration, Instant};

const STEP: &str = "RTT";
/// Bytes of a control block that say that it is one.
const IDENTITY: usize = 16;
/// How often a chip that has just started is asked for its control block.
const POLL: Duration = Duration::from_millis(2);

/// A channel, as the firmware describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// Its number.
    pub number: usize,
    /// Its name; empty where it has none.
    pub name: String,
    /// Bytes of its ring.
    pub size: usize,
}

/// The channels that firmware offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channels {
    /// From chip to bench.
    pub up: Vec<Channel>,
    /// From bench to chip.
    pub down: Vec<Channel>,
}

/// What one reading brought.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// Everything that was in the ring.
    pub bytes: Vec<u8>,
    /// The firmware started anew since the last reading: what it had not sent by then is lost. A restart before the first
    /// byte was read cannot be told from none.
    pub restarted: bool,
}

impl Probe {
    /// Attaches to the control block at `address`, waiting for firmware to make it.
    ///
    /// # Errors
    ///
    /// No block within [`super::Deadlines::step`], a block that contradicts itself, or a chip that does not answer.
    pub fn rtt_attach(&mut self, address: u64) -> Result<Channels, ProbeError> {
        let within = self.deadlines.step / 2;
        self.perform(STEP, self.deadlines.step, move |bench| bench.attach_rtt(address, within))
    }

    /// Resets the chip, lets it run, and attaches to the control block that its firmware makes at `address`. A block that was
    /// there before is made invalid first, whoever made it: it must not be taken for the new one.
    ///
    /// # Errors
    ///
    /// As [`Probe::reset`] and [`Probe::rtt_attach`].
    pub fn restart_with_rtt(&mut self, address: u64) -> Result<Channels, ProbeError> {
        const STEP: &str = "reset";
        let within = self.deadlines.step;
        self.perform(STEP, within, move |bench| {
            bench.rtt = None;
            bench.invalidate(STEP, address, within / 4)?;
            bench.core(STEP)?.reset().map_err(|error| ProbeError::of(STEP, &error))
        })?;
        self.rtt_attach(address)
    }

    /// Everything that firmware wrote into an up channel since the last reading. Does not wait.
    ///
    /// # Errors
    ///
    /// RTT is not attached, there is no such channel, or the chip does not answer or restarted without RTT.
    pub fn rtt_read(&mut self, channel: usize) -> Result<Heard, ProbeError> {
        let within = self.deadlines.step / 2;
        self.perform(STEP, self.deadlines.step, move |bench| bench.read_rtt(channel, within))
    }

    /// Writes as many bytes into a down channel as its ring takes, and says how many. Does not wait.
    ///
    /// # Errors
    ///
    /// As [`Probe::rtt_read`].
    pub fn rtt_write(&mut self, channel: usize, bytes: &[u8]) -> Result<usize, ProbeError> {
        let bytes = bytes.to_vec();
        self.perform(STEP, self.deadlines.step, move |bench| {
            let mut core = bench.session.core(0).map_err(|error| ProbeError::of(STEP, &error))?;
            let rtt = bench.rtt.as_mut().ok_or_else(not_attached)?;
            let down = rtt.down_channel(channel).ok_or_else(|| no_channel("down", channel))?;
            down.write(&mut core, &bytes).map_err(|error| ProbeError::of(STEP, &error))
        })
    }
}

impl Bench {
    fn attach_rtt(&mut self, address: u64, within: Duration) -> Result<Channels, ProbeError> {
        let started = Instant::now();
        let mut core = self.session.core(0).map_err(|error| ProbeError::of(STEP, &error))?;
        let mut rtt = loop {
            match Rtt::attach_at(&mut core, address) {
                Ok(rtt) => break rtt,
                // Firmware makes its block in its own time, and is seen half-way.
                Err(Error::ControlBlockNotFound | Error::ControlBlockCorrupted(_))
                    if started.elapsed() < within =>
                {
                    std::thread::sleep(POLL);
                }
                Err(Error::ControlBlockNotFound) => {
                    let what =
                        format!("no control block at {address:#010x}; does the firmware run? Nothing came");
                    return Err(ProbeError::late(STEP, within, &what));
                }
                Err(error) => return Err(ProbeError::of(STEP, &error)),
            }
        };
        let describe = |number: usize, name: Option<&str>, size: usize| Channel {
            number,
            name: name.unwrap_or_default().to_string(),
            size,
        };
        let up = rtt.up_channels().iter().map(|up| describe(up.number(), up.name(), up.buffer_size()));
        let up = up.collect();
        let down =
            rtt.down_channels().iter().map(|down| describe(down.number(), down.name(), down.buffer_size()));
        let down = down.collect();
        self.rtt = Some(rtt);
        Ok(Channels { up, down })
    }

    fn read_rtt(&mut self, channel: usize, within: Duration) -> Result<Heard, ProbeError> {
        let mut core = self.session.core(0).map_err(|error| ProbeError::of(STEP, &error))?;
        let rtt = self.rtt.as_mut().ok_or_else(not_attached)?;
        let up = rtt.up_channel(channel).ok_or_else(|| no_channel("up", channel))?;
        let mut bytes = vec![0; up.buffer_size()];
        match up.read(&mut core, &mut bytes) {
            Ok(len) => {
                bytes.truncate(len);
                Ok(Heard { bytes, restarted: false })
            }
            // Only start-up code sets the indices back.
            Err(Error::ReadPointerChanged | Error::ControlBlockCorrupted(_)) => {
                let address = rtt.ptr();
                drop(core);
                self.rtt = None;
                self.attach_rtt(address, within)?;
                Ok(Heard { bytes: Vec::new(), restarted: true })
            }
            Err(error) => Err(ProbeError::of(STEP, &error)),
        }
    }

    /// Makes the control block invalid and forgets it, before a reset: what the last firmware left there must not be taken
    /// for what the next one makes. The core is halted after this.
    pub(super) fn forget_rtt(&mut self, step: &'static str, within: Duration) -> Result<(), ProbeError> {
        match self.rtt.take() {
            Some(rtt) => self.invalidate(step, rtt.ptr(), within),
            None => Ok(()),
        }
    }

    /// Halts the core, so that firmware does not make the control block again, and takes from it what says that it is one.
    fn invalidate(&mut self, step: &'static str, address: u64, within: Duration) -> Result<(), ProbeError> {
        let failed = |error: probe_rs::Error| ProbeError::of(step, &error);
        let mut core = self.core(step)?;
        core.halt(within).map_err(failed)?;
        core.write(address, &[0; IDENTITY]).map_err(failed)
    }
}

fn not_attached() -> ProbeError {
    ProbeError::rig(STEP, "not attached; after a reset the channels have to be attached again")
}

fn no_channel(direction: &str, channel: usize) -> ProbeError {
    ProbeError::rig(STEP, format!("the firmware offers no {direction} channel {channel}"))
}
