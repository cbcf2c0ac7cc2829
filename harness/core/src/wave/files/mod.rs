//! Samples as files that other tools read, and the page beside them that says what is true of them.
//!
//! Encoders write to any `Write`; no file is opened here. A file is the same whatever the size of the pieces it is fed.
//!
//! | file | what |
//! |---|---|
//! | `wav` | WAV, 16-bit PCM; up to 4 GiB |
//! | `csv` | text, one row a sample, in volts and amperes |
//! | `comtrade` | IEEE C37.111: the `.cfg` and its `.dat` |
//! | [`figures`] | truth at one point as a table |
//! | [`sums`] | what the samples themselves say, gathered in constant memory |
//! | [`sidecar`] | the page beside a file: units, scale, spec, truth |

mod comtrade;
mod csv;
pub mod figures;
pub mod sidecar;
pub mod sums;
mod wav;

pub use comtrade::Data;

use super::Rate;
use super::frontend::{Converter, Scale};
use super::spec::{Channel, Clamp, Spec};
use std::io::{self, Write};

/// How samples are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// WAV, 16-bit PCM; the codes as they are.
    Wav,
    /// Text in volts and amperes.
    Csv,
    /// Nothing but the codes: 16 bits, low byte first, one of each channel in turn.
    Raw,
    /// IEEE C37.111: a text that describes, and the samples in a file beside it.
    Comtrade(Data),
}

/// What a file says of its channels, whatever its format.
#[derive(Clone, PartialEq, Debug)]
pub struct Layout {
    /// Name of the waveform.
    pub name: String,
    /// Samples of a channel per second.
    pub rate: Rate,
    /// Samples of each channel.
    pub frames: u64,
    /// Hertz at the start.
    pub f_hz: f64,
    /// Channels in the order of the file.
    pub columns: Vec<Column>,
}

/// One channel of a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Column {
    /// Which.
    pub channel: Channel,
    /// `u1`, …
    pub name: &'static str,
    /// `V`, or `A` in the primary.
    pub unit: &'static str,
    /// What a code means.
    pub scale: Scale,
    /// Primary and secondary of the transformer in front.
    pub ratio: [f64; 2],
    /// Microseconds by which it is sampled late.
    pub skew_us: f64,
    /// Smallest and largest code.
    pub codes: [i32; 2],
    /// The conductors in the terms of COMTRADE: `A`, or `AB` where voltages are between lines.
    pub phase: &'static str,
}

/// A format that cannot hold this waveform.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

impl Layout {
    /// What a file of this waveform says of its channels.
    pub fn new(spec: &Spec, converter: &Converter) -> Layout {
        let half = 1_i32 << (spec.frontend.bits - 1);
        let columns = spec.waveform.channels.iter().enumerate().map(|(at, channel)| {
            let current = channel.is_current();
            let clamp = spec.clamps.iter().find(|clamp| clamp.channel == *channel);
            let star = current || spec.net.kind.has_neutral();
            Column {
                channel: *channel,
                name: ["u1", "u2", "u3", "i1", "i2", "i3"][*channel as usize],
                unit: if current { "A" } else { "V" },
                // A channel of the spec always has a scale.
                scale: converter.scale(at).unwrap_or(Scale { per_lsb: 1.0, zero: 0.0 }),
                ratio: clamp.map_or([1.0, 1.0], |clamp: &Clamp| clamp.outer_ratio),
                skew_us: spec.frontend.slot_us.get(at).copied().unwrap_or_default(),
                codes: [-half, half - 1],
                phase: if star { ["A", "B", "C"] } else { ["AB", "BC", "CA"] }[channel.line()],
            }
        });
        Layout {
            name: spec.waveform.name.clone(),
            rate: spec.waveform.rate,
            frames: spec.waveform.samples(),
            f_hz: spec.net.tempo.first().map_or(50.0, |tempo| tempo.f_hz),
            columns: columns.collect(),
        }
    }
}

/// Turns samples into the bytes of a file.
#[derive(Clone, Debug)]
pub struct Encoder {
    layout: Layout,
    format: Format,
    next: u64,
    altered: u64,
    buffer: Vec<u8>,
}

impl Encoder {
    /// An encoder for a whole file.
    ///
    /// # Errors
    /// The format cannot hold this waveform; the text says what could.
    pub fn new(layout: Layout, format: Format) -> Result<Encoder, Unfit> {
        match format {
            Format::Wav => wav::check(&layout)?,
            Format::Comtrade(data) => comtrade::check(&layout, data)?,
            Format::Csv | Format::Raw => {}
        }
        Ok(Encoder { layout, format, next: 0, altered: 0, buffer: Vec::new() })
    }

    /// What the file says of its channels.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What stands before the samples.
    pub fn head(&self) -> Vec<u8> {
        match self.format {
            Format::Wav => wav::head(&self.layout),
            Format::Csv => csv::head(&self.layout),
            Format::Raw | Format::Comtrade(_) => Vec::new(),
        }
    }

    /// The file that describes, where the format has one: the text of a `.cfg`.
    pub fn description(&self) -> Option<String> {
        match self.format {
            Format::Comtrade(data) => Some(comtrade::cfg(&self.layout, data)),
            Format::Wav | Format::Csv | Format::Raw => None,
        }
    }

    /// Writes the next samples, whole frames of one code for each channel.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&mut self, samples: &[i16], out: &mut impl Write) -> io::Result<()> {
        self.buffer.clear();
        match self.format {
            Format::Wav | Format::Raw => {
                self.buffer.extend(samples.iter().flat_map(|code| code.to_le_bytes()));
            }
            Format::Csv => csv::rows(&self.layout, self.next, samples, &mut self.buffer),
            Format::Comtrade(data) => {
                self.altered += comtrade::rows(&self.layout, data, self.next, samples, &mut self.buffer);
            }
        }
        self.next += (samples.len() / self.layout.columns.len().max(1)) as u64;
        out.write_all(&self.buffer)
    }

    /// Samples that the format cannot say and that were moved by one code: −32768 in COMTRADE BINARY, where that code
    /// means that a value is missing.
    pub fn altered(&self) -> u64 {
        self.altered
    }
}
