//! The reference dongles as firmware: HAN bytes from a receiver and samples from RAM in, claims through RTT out.
//!
//! Up channel 0 carries the lines of the contract, section 3, `{"event":"ready"}` first after each start. Down channel 0
//! takes the commands that the dongle of the serial rig takes on its standard input. A reset takes everything away.
//!
//! What has no room in the ring waits, and meanwhile nothing is decoded and no block of samples is taken.

use super::Variant;
use super::broken::Broken;
use super::buffer::Buffer;
use super::fault::{CLAIMS_BEFORE, Fault};
use super::hardware::{FLASH, PROBE_WORD, RTT, program};
use super::uart::Uart;
use crate::clamps::dongle::Blocks;
use crate::dongle::{self, Decoded, Dongle, Printed, Scale};
use crate::samples::{Block, Decoder};
use hanbench_core::reading::Instant;
use hanbench_core::wire::cipher::Keys;
use hanbench_target::{BusFault, Chip, Firmware, Rtt};
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;

/// Up channel 0 and down channel 0: name, and bytes of the ring.
const UP: (&str, u32) = ("claims", 4096);
const DOWN: (&str, u32) = ("settings", 256);
/// Longest command in bytes; a longer one is none.
const COMMAND_MAX: usize = 1024;
/// What firmware sets [`PROBE_WORD`] to.
const VERSION: u32 = 1;
/// Which claim is lost: every seventh.
const LOST: u64 = 7;
/// Which block of each waveform is dropped: 0.4 s into it.
const DROPPED: u32 = 20;

/// The firmware, over resets.
pub struct DongleFirmware {
    variant: Variant,
    uart: Uart,
    /// What the flash has to hold.
    program: Vec<u8>,
    /// What is still to go wrong after some claims.
    fault: Option<Fault>,
    running: Option<Running>,
}

/// The decoder of the HAN dongle.
type Decode = Box<dyn FnMut(&[u8], Instant) -> Decoded + Send>;

/// What a reset takes away.
struct Running {
    broken: Option<Broken>,
    rtt: Rtt,
    buffer: Buffer,
    han: Dongle<Decode>,
    clamps: Blocks,
    dropped: Dropped,
    command: Vec<u8>,
    /// Lines to print, each with the time before which it is not.
    lines: VecDeque<(u64, Printed)>,
    /// Bytes that had no room in the ring.
    waiting: Vec<u8>,
    claims: u64,
    /// It ended, and only a reset helps.
    dead: bool,
}

impl DongleFirmware {
    /// Firmware that hears `uart`.
    pub fn new(variant: Variant, uart: Uart) -> DongleFirmware {
        let fault = variant.fault;
        DongleFirmware { variant, uart, program: program(), fault, running: None }
    }

    fn started(&self, chip: &mut Chip) -> Result<Running, BusFault> {
        let rtt = Rtt::place(chip, RTT.address, &[UP], &[DOWN])?;
        let buffer = Buffer::place(chip)?;
        chip.write_word(PROBE_WORD.address, VERSION)?;
        let broken = self.variant.broken;
        let decode: Decode = Box::new(dongle::reference(Keys::default()));
        Ok(Running {
            broken,
            rtt,
            buffer,
            han: Dongle::new(broken.and_then(Broken::han), Scale::ONE, decode),
            clamps: Blocks::new(broken.and_then(Broken::clamps)),
            dropped: Dropped::default(),
            command: Vec::new(),
            lines: VecDeque::from([(0, line(r#"{"event":"ready"}"#.into()))]),
            waiting: Vec::new(),
            claims: 0,
            dead: false,
        })
    }
}

impl Firmware for DongleFirmware {
    fn start(&mut self, chip: &mut Chip) {
        self.uart.take();
        // Half an image does not run far enough to say a word.
        let whole = chip.flash.get(FLASH, self.program.len()) == Some(&self.program[..]);
        self.running = if whole { self.started(chip).ok() } else { None };
    }

    fn tick(&mut self, chip: &mut Chip, now_us: u64) {
        let Some(running) = self.running.as_mut().filter(|running| !running.dead) else { return };
        // Whoever spoils the rings (a flash loader, say) silences the firmware until it starts again.
        let _ = running.work(chip, &self.uart, &mut self.fault, now_us);
    }
}

impl Running {
    fn work(
        &mut self,
        chip: &mut Chip,
        uart: &Uart,
        fault: &mut Option<Fault>,
        now_us: u64,
    ) -> Result<(), BusFault> {
        self.print(chip, fault, now_us)?;
        self.obey(chip, now_us)?;
        if self.blocked() {
            return Ok(());
        }
        let said = self.han.take(&uart.take(), Instant(now_us));
        self.say(said, now_us);
        self.print(chip, fault, now_us)?;
        while !self.blocked()
            && let Some(bytes) = self.buffer.take(chip)?
        {
            let said = self.measure(&bytes);
            self.say(said, now_us);
            self.print(chip, fault, now_us)?;
        }
        Ok(())
    }

    /// Claims wait, and everything that would make more of them waits with them.
    fn blocked(&self) -> bool {
        self.dead || !self.waiting.is_empty() || !self.lines.is_empty()
    }

    fn say(&mut self, said: impl IntoIterator<Item = Printed>, now_us: u64) {
        for line in said {
            let before = self.lines.back().map_or(0, |(due, _)| *due);
            let delay = u64::try_from(line.delay.as_micros()).unwrap_or(u64::MAX);
            self.lines.push_back((before.max(now_us).saturating_add(delay), line));
        }
    }

    /// Writes what is due into the ring.
    fn print(&mut self, chip: &mut Chip, fault: &mut Option<Fault>, now_us: u64) -> Result<(), BusFault> {
        while self.lines.front().is_some_and(|(due, _)| *due <= now_us) && !self.dead {
            let Some((_, line)) = self.lines.pop_front() else { break };
            let claim = !line.text.starts_with(r#"{"event""#);
            self.claims += u64::from(claim);
            if claim
                && self.claims > CLAIMS_BEFORE
                && let Some(fault) = fault.take()
                && fault.strike(chip)
            {
                self.dead = true;
                return Ok(());
            }
            self.dead = line.exit.is_some();
            if claim && self.broken == Some(Broken::LosesALine) && self.claims.is_multiple_of(LOST) {
                continue;
            }
            self.waiting.extend_from_slice(line.text.as_bytes());
            self.waiting.push(b'\n');
        }
        let sent = self.rtt.write(chip, 0, &self.waiting)?;
        self.waiting.drain(..sent);
        Ok(())
    }

    /// Follows the commands of the bench.
    fn obey(&mut self, chip: &mut Chip, now_us: u64) -> Result<(), BusFault> {
        self.command.extend(self.rtt.read(chip, 0)?);
        while let Some(end) = self.command.iter().position(|byte| *byte == b'\n') {
            let command: Vec<u8> = self.command.drain(..=end).collect();
            let answer = self.han.told(&String::from_utf8_lossy(&command));
            self.say(answer.map(line), now_us);
        }
        if self.command.len() > COMMAND_MAX {
            self.command.clear();
        }
        Ok(())
    }

    /// What the clamp dongle says to the content of a slot. One that holds no block brings nothing: the next one shows
    /// that it is missing.
    fn measure(&mut self, bytes: &[u8]) -> Vec<Printed> {
        let mut blocks = Decoder::default().push(bytes);
        if self.broken == Some(Broken::DropsABuffer) {
            blocks = blocks.into_iter().filter_map(|block| self.dropped.pass(block)).collect();
        }
        let said = blocks.into_iter().flat_map(|block| self.clamps.take(block));
        said.map(|value: Value| line(value.to_string())).collect()
    }
}

fn line(text: String) -> Printed {
    Printed { text, delay: Duration::ZERO, exit: None }
}

/// Drops one block of each waveform, and makes the numbers of all behind it look as if it had never been.
#[derive(Clone, Copy, Debug, Default)]
struct Dropped {
    /// Number of the first sample of the block that was dropped.
    at: Option<u64>,
    /// Samples of each input that it held, once the next block has told.
    samples: Option<u64>,
}

impl Dropped {
    fn pass(&mut self, block: Block) -> Option<Block> {
        match block {
            Block::Head(_) => {
                *self = Dropped::default();
                Some(block)
            }
            Block::Data { number: DROPPED, first, .. } => {
                self.at = Some(first);
                None
            }
            Block::Data { number, first, samples } if self.at.is_some() => {
                Some(Block::Data { number: number.wrapping_sub(1), first: first - self.gone(first), samples })
            }
            Block::End { frames } => Some(Block::End { frames: frames - self.gone(frames) }),
            block @ Block::Data { .. } => Some(block),
        }
    }

    /// How many samples are missing before number `next`.
    fn gone(&mut self, next: u64) -> u64 {
        let at = self.at;
        *self.samples.get_or_insert_with(|| at.map_or(0, |at| next.saturating_sub(at)))
    }
}
