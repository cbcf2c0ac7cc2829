//! Gives one channel of a waveform to an arbitrary-waveform generator, as an IEEE 488.2 definite-length block over a
//! serial line.
//!
//! The instrument repeats what it was given, so that it is given whole mains cycles. Full scale of the converter is full
//! scale of the instrument; amplitude and playing rate are set by hand. Nothing here switches an output on.
//!
//! Ranges and commands of the Rigol follow excerpts of its manual; in which order it takes the two bytes of a point is
//! that of published scripts (low byte first). The Agilent's are from second-hand notes, its most points and its command
//! from memory. These dialects have met a simulated instrument only: check against the manual of yours.

use crate::config::{Input, Parity};
use crate::error::{RigError, open_port_error};
use crate::interrupt::interrupted;
use crate::line::{Line, WriteFailure};
use crate::serial;
use serialport::SerialPort;
use std::time::{Duration, Instant};

/// How long an instrument may take to answer a question.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How long it may take to store a block that has arrived.
const STORE_WITHIN: Duration = Duration::from_secs(10);
/// Longest answer that is read.
const ANSWER_MAX: usize = 4096;

/// How a point is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coding {
    /// 0 is the lowest value.
    OffsetBinary,
    /// 0 is the middle, negative values have their highest bit set.
    TwosComplement,
}

/// Which byte of a point comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Order {
    LowFirst,
    HighFirst,
}

/// What one make of instrument wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dialect {
    /// Name on the command line.
    pub name: &'static str,
    /// Bits of a point, in two bytes.
    pub bits: u8,
    /// How they are written.
    pub coding: Coding,
    /// Which byte comes first.
    pub order: Order,
    /// Smallest value, 0 being the middle.
    pub lowest: i32,
    /// Fewest and most points of a waveform.
    pub points: (u64, u64),
    /// Commands before the block.
    pub setup: &'static [&'static str],
    /// What stands right before the block.
    pub command: &'static str,
}

/// All that are known.
pub const DIALECTS: [Dialect; 2] = [
    Dialect {
        name: "rigol",
        bits: 14,
        coding: Coding::OffsetBinary,
        order: Order::LowFirst,
        lowest: -8192,
        points: (8, 16_384),
        setup: &[],
        command: ":TRAC:DATA:DAC16 VOLATILE,END,",
    },
    Dialect {
        name: "agilent",
        bits: 14,
        coding: Coding::TwosComplement,
        order: Order::HighFirst,
        lowest: -8191,
        points: (8, 65_536),
        setup: &["FORM:BORD NORM"],
        command: "DATA:DAC VOLATILE,",
    },
];

impl Dialect {
    /// The dialect of this name.
    pub fn named(name: &str) -> Option<&'static Dialect> {
        DIALECTS.iter().find(|dialect| dialect.name == name)
    }

    /// The most points for `frames` samples that are whole periods of so many. `None` where not one fits.
    pub fn whole(&self, period: u64, frames: u64) -> Option<u64> {
        let most = self.points.1.min(frames);
        let points = most - most.checked_rem(period)?;
        (points >= self.points.0.max(1)).then_some(points)
    }

    /// The bytes of points, from codes of a converter of so many bits.
    pub fn encode(&self, codes: &[i16], bits: u8) -> Vec<u8> {
        let half = 1_i32 << (self.bits - 1);
        let point = |code: &i16| {
            let code = f64::from(*code) * f64::from(half) / f64::from(1_i32 << (bits - 1));
            let value = (code.round_ties_even() as i32).clamp(self.lowest, half - 1);
            let value = if self.coding == Coding::OffsetBinary { value + half } else { value };
            let [low, high, ..] = value.to_le_bytes();
            if self.order == Order::LowFirst { [low, high] } else { [high, low] }
        };
        codes.iter().flat_map(point).collect()
    }
}

/// A block of IEEE 488.2: `#`, how many digits the length has, the length in bytes, the bytes.
pub fn block(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_string();
    let mut block = format!("#{}{length}", length.len()).into_bytes();
    block.extend(bytes);
    block
}

/// Why the instrument has no waveform.
#[derive(Debug, thiserror::Error)]
pub enum ScpiError {
    /// The port is not there, or was lost.
    #[error(transparent)]
    Rig(#[from] RigError),
    /// No answer.
    #[error(
        "port {port}: no answer to `{question}` within {seconds} s; is it the right port, speed and instrument?"
    )]
    Silent {
        /// The port.
        port: String,
        /// What was asked.
        question: String,
        /// How long was waited.
        seconds: u64,
    },
    /// It takes no more bytes.
    #[error("port {port}: the instrument took {taken} of {length} bytes of the block and then no more")]
    Stuck {
        /// The port.
        port: String,
        /// Bytes taken.
        taken: usize,
        /// Bytes of the block and its command.
        length: usize,
    },
    /// It says that something is wrong.
    #[error("port {port}: the instrument refuses: {answer}")]
    Refused {
        /// The port.
        port: String,
        /// Its words: `-223,"Too much data"`.
        answer: String,
    },
    /// Ctrl-C.
    #[error(
        "interrupted; an instrument that was being sent a block may wait for the rest until it is switched off"
    )]
    Interrupted,
}

/// An instrument on a serial line.
#[derive(Debug)]
pub struct Instrument {
    line: Line,
    answers: Box<dyn SerialPort>,
    port: String,
    baud: u32,
    heard: Vec<u8>,
}

impl Instrument {
    /// Opens the port and asks who is there. Gives the instrument and what it says of itself.
    ///
    /// # Errors
    /// See [`ScpiError`].
    pub fn open(port: &str, baud: u32) -> Result<(Instrument, String), ScpiError> {
        let line = Line::open(&Input::Serial { port: port.into(), baud, parity: Parity::None })?;
        let Line::Serial { port: opened, .. } = &line else {
            return Err(
                RigError::Unavailable { what: port.into(), why: "it is no serial port".into() }.into()
            );
        };
        let answers = opened.try_clone().map_err(|error| open_port_error(port, &error))?;
        let mut instrument = Instrument { line, answers, port: port.into(), baud, heard: Vec::new() };
        // What an earlier program left in the queue of errors is not ours.
        instrument.send(b"*CLS\n", ANSWER_WITHIN)?;
        let name = instrument.ask("*IDN?", ANSWER_WITHIN)?;
        Ok((instrument, name))
    }

    /// Gives it the points of a waveform, and waits until it has stored them and found nothing wrong.
    ///
    /// # Errors
    /// See [`ScpiError`].
    pub fn upload(&mut self, dialect: &Dialect, points: &[u8]) -> Result<(), ScpiError> {
        for command in dialect.setup {
            self.send(format!("{command}\n").as_bytes(), ANSWER_WITHIN)?;
        }
        let mut message = dialect.command.as_bytes().to_vec();
        message.extend(block(points));
        message.push(b'\n');
        // Ten bits a byte, and as long again for an instrument that pauses.
        let sending = Duration::from_secs_f64(message.len() as f64 * 20.0 / f64::from(self.baud));
        self.send(&message, sending + ANSWER_WITHIN)?;
        let done = self.ask("*OPC?", sending + STORE_WITHIN)?;
        // IEEE 488.2 knows no other answer: an instrument answers late, and then 1.
        if done.trim_start_matches('+') != "1" {
            let answer = format!("*OPC? was answered by {done:?}, where 1 was expected");
            return Err(ScpiError::Refused { port: self.port.clone(), answer });
        }
        let answer = self.ask("SYST:ERR?", ANSWER_WITHIN)?;
        let code = answer.split(',').next().unwrap_or_default().trim().parse::<i32>();
        if code == Ok(0) { Ok(()) } else { Err(ScpiError::Refused { port: self.port.clone(), answer }) }
    }

    fn send(&mut self, bytes: &[u8], within: Duration) -> Result<(), ScpiError> {
        self.line.write_all(bytes, Instant::now() + within).map_err(|failure| match failure {
            WriteFailure::Stuck(taken) => {
                ScpiError::Stuck { port: self.port.clone(), taken, length: bytes.len() }
            }
            WriteFailure::Interrupted(_) => ScpiError::Interrupted,
            WriteFailure::Lost(error) => error.into(),
        })
    }

    /// Asks, and gives the line that comes back.
    fn ask(&mut self, question: &str, within: Duration) -> Result<String, ScpiError> {
        self.send(format!("{question}\n").as_bytes(), ANSWER_WITHIN)?;
        let deadline = Instant::now() + within;
        let mut buffer = [0; 256];
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                // What an instrument says goes to a terminal: nothing of it may steer one.
                let text = String::from_utf8_lossy(&line).trim().to_string();
                return Ok(text.replace(char::is_control, "\u{fffd}"));
            }
            if interrupted() {
                return Err(ScpiError::Interrupted);
            }
            if Instant::now() >= deadline || self.heard.len() > ANSWER_MAX {
                let (port, question) = (self.port.clone(), question.to_string());
                return Err(ScpiError::Silent { port, question, seconds: within.as_secs() });
            }
            let count = serial::read(self.answers.as_mut(), &mut buffer).map_err(|error| RigError::Lost {
                what: format!("port {}", self.port),
                why: error.to_string(),
            })?;
            self.heard.extend(&buffer[..count]);
        }
    }
}
