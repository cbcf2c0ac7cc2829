//! Logs of firmware that uses defmt: the chip sends the number of a format string and the arguments, the strings themselves
//! stand in the ELF.
//!
//! An ELF that uses defmt has a section `.defmt` with one symbol for each string; the address is its number, and the name is
//! JSON with the string. A frame is number, timestamp, arguments, all little-endian, packed with rzCOBS and ended by a zero
//! (defmt book, wire format versions 3 and 4).
//!
//! Refuses the encoding `raw`, in which one lost byte costs everything behind it. Times of every kind are shown in
//! seconds, flags as a number, and CBOR as bytes.

use super::ProbeError;
use super::image::{Format, Image};
use defmt_parser::{
    DisplayHint, Fragment, Parameter, ParserMode, TimePrecision, Type, get_max_bitfield_range,
};
use object::{Object, ObjectSection, ObjectSymbol};
use std::collections::BTreeMap;
use std::fmt::Write;

const STEP: &str = "read the table of log strings";
/// Formats in formats; deeper is rubbish, or made to overflow the stack.
const DEPTH_MAX: u32 = 16;
/// Elements of one list, which may take no bytes at all.
const ELEMENTS_MAX: usize = 4096;
/// Bytes without an end of frame, after which they are given up.
const FRAME_MAX: usize = 64 << 10;

/// The strings of an ELF.
#[derive(Clone, Debug, Default)]
pub struct Strings {
    by_number: BTreeMap<u64, Entry>,
    /// What stands before every message.
    timestamp: Option<String>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// None for strings that are only parts of others.
    level: Option<&'static str>,
    text: String,
}

/// Name of a symbol in `.defmt`.
#[derive(serde::Deserialize)]
struct Name {
    tag: String,
    data: String,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// `trace`, `debug`, `info`, `warn`, `error`, or `println`.
    pub level: &'static str,
    /// What the firmware calls the time; empty where it says none.
    pub timestamp: String,
    /// The message.
    pub text: String,
}

impl Image {
    /// The strings of its log; none where the firmware does not use defmt, or the image is no ELF.
    ///
    /// # Errors
    ///
    /// A damaged ELF, another wire format, the encoding `raw`.
    pub fn log_strings(&self) -> Result<Option<Strings>, ProbeError> {
        if self.format() != Format::Elf {
            return Ok(None);
        }
        let wrong = |what: String| ProbeError::config(STEP, format!("{}: {what}", self.path().display()));
        let elf = self.elf().map_err(wrong)?;
        let setting = |key: &str| {
            let names = elf.symbols().filter_map(|symbol| symbol.name().ok());
            // A linker may keep the quotes of its script.
            let mut values =
                names.filter_map(|name| name.trim_matches('"').strip_prefix(key)?.strip_prefix(" = "));
            values.next().map(String::from)
        };
        let Some(version) = setting("_defmt_version_") else {
            return Ok(None);
        };
        if !["3", "4"].contains(&version.as_str()) {
            return Err(wrong(format!("defmt's wire format {version}; expected 3 or 4")));
        }
        match setting("_defmt_encoding_") {
            Some(encoding) if encoding == "rzcobs" => {}
            encoding => {
                let encoding = encoding.unwrap_or("none".into());
                return Err(wrong(format!("defmt's encoding is {encoding}; expected rzcobs, its default")));
            }
        }
        let mut strings = Strings::default();
        for symbol in elf.symbols() {
            let section = symbol.section_index().and_then(|index| elf.section_by_index(index).ok());
            let ours =
                section.is_some_and(|section| section.name().is_ok_and(|name| name.starts_with(".defmt")));
            let Some(name) = symbol.name().ok().filter(|name| ours && name.starts_with('{')) else {
                continue;
            };
            let Name { tag, data } = serde_json::from_str(name)
                .map_err(|error| wrong(format!("the defmt symbol {name:?} is damaged: {error}")))?;
            match tag.as_str() {
                "defmt_timestamp" => strings.timestamp = Some(data),
                tag => {
                    let levels = ["trace", "debug", "info", "warn", "error", "println"];
                    let level = levels.into_iter().find(|level| tag.strip_prefix("defmt_") == Some(level));
                    strings.by_number.insert(symbol.address(), Entry { level, text: data });
                }
            }
        }
        Ok(Some(strings))
    }
}

/// Decodes a stream of frames.
#[derive(Clone, Debug)]
pub struct Decoder {
    strings: Strings,
    waiting: Vec<u8>,
}

impl Decoder {
    /// At the start of a stream, or anywhere in it: what comes before the first end of a frame may be lost.
    pub fn new(strings: Strings) -> Decoder {
        Decoder { strings, waiting: Vec::new() }
    }

    /// Takes what came out of the channel, and gives the messages that are whole now. `Err` is a frame that says nothing, with
    /// the bytes that came: some were lost before, or the chip runs other firmware than the ELF.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Line, Vec<u8>>> {
        self.waiting.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.waiting.iter().position(|byte| *byte == 0) {
            let frame: Vec<u8> = self.waiting.drain(..=end).take(end).collect();
            if !frame.is_empty() {
                lines.push(unpack(&frame).and_then(|bytes| self.strings.line(&bytes)).ok_or(frame));
            }
        }
        if self.waiting.len() > FRAME_MAX {
            lines.push(Err(std::mem::take(&mut self.waiting)));
        }
        lines
    }
}

/// rzCOBS, which is written and read from its end: a code says which of the next seven bytes are zero, or how many bytes without
/// any follow.
fn unpack(frame: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = frame.iter().rev().copied();
    while let Some(code) = rest.next() {
        match code {
            0 => return None,
            1..=0x7F => {
                for place in (0..7).rev() {
                    bytes.push(if code >> place & 1 == 1 { 0 } else { rest.next()? });
                }
            }
            code => {
                if code != 0xFF {
                    bytes.push(0);
                }
                let run = if code == 0xFF { 134 } else { code - 0x80 + 7 };
                for _ in 0..run {
                    bytes.push(rest.next()?);
                }
            }
        }
    }
    bytes.reverse();
    Some(bytes)
}

/// An argument, as it came.
enum Value<'t> {
    Unsigned(u128),
    Signed(i128, u32),
    Single(f32),
    Double(f64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Format(&'t str, Vec<Value<'t>>),
    List(Vec<Value<'t>>),
    Sequence(Vec<Value<'t>>),
}

/// Where in a frame, and how deep in its formats.
struct Cursor<'b> {
    bytes: &'b [u8],
    depth: u32,
}

impl Cursor<'_> {
    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(taken)
    }

    fn number(&mut self, len: usize) -> Option<u128> {
        Some(self.take(len)?.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number(4)?).ok()
    }
}

impl Strings {
    fn line(&self, frame: &[u8]) -> Option<Line> {
        let mut cursor = Cursor { bytes: frame, depth: 0 };
        let entry = self.by_number.get(&(cursor.number(2)? as u64))?;
        let level = entry.level?;
        let mut said = |text: &str| Some(shown(text, &self.arguments(text, &mut cursor)?, None));
        let timestamp = self.timestamp.as_deref().map_or(Some(String::new()), &mut said)?;
        let text = said(&entry.text)?;
        // rzCOBS fills its last group up with zeros.
        cursor.bytes.iter().all(|byte| *byte == 0).then_some(Line { level, timestamp, text })
    }

    /// The text of a part.
    fn part(&self, cursor: &mut Cursor) -> Option<&str> {
        Some(&self.by_number.get(&(cursor.number(2)? as u64))?.text)
    }

    /// The arguments that a format asks for, in the order of their numbers.
    fn arguments(&self, format: &str, cursor: &mut Cursor) -> Option<Vec<Value<'_>>> {
        cursor.depth += 1;
        if cursor.depth > DEPTH_MAX {
            return None;
        }
        let mut asked: Vec<Parameter> = fragments(format)?
            .into_iter()
            .filter_map(|fragment| match fragment {
                Fragment::Parameter(parameter) => Some(parameter),
                Fragment::Literal(_) => None,
            })
            .collect();
        asked.sort_by_key(|parameter| parameter.index);
        let mut values = Vec::new();
        for shared in asked.chunk_by(|one, other| one.index == other.index) {
            if let Type::BitField(_) = shared[0].ty {
                // Several places may show several bits of one argument, which is sent once.
                let (start, end) = get_max_bitfield_range(shared.iter())?;
                let (first, last) = (start / 8, end.checked_sub(1)? / 8);
                let size = usize::from(last - first + 1).next_power_of_two();
                values.push(Value::Unsigned(cursor.number(size)?.checked_shl(u32::from(first) * 8)?));
            } else {
                values.push(self.argument(&shared[0].ty, cursor)?);
            }
        }
        cursor.depth -= 1;
        Some(values)
    }

    fn argument(&self, kind: &Type, cursor: &mut Cursor) -> Option<Value<'_>> {
        let signed = |cursor: &mut Cursor, len: u32| {
            let unused = 128 - len * 8;
            Some(Value::Signed((cursor.number(len as usize)? << unused) as i128 >> unused, len * 8))
        };
        Some(match kind {
            Type::I8 => signed(cursor, 1)?,
            Type::I16 => signed(cursor, 2)?,
            Type::I32 | Type::Isize => signed(cursor, 4)?,
            Type::I64 => signed(cursor, 8)?,
            Type::I128 => signed(cursor, 16)?,
            Type::U8 => Value::Unsigned(cursor.number(1)?),
            Type::U16 => Value::Unsigned(cursor.number(2)?),
            Type::U32 | Type::Usize => Value::Unsigned(cursor.number(4)?),
            Type::U64 => Value::Unsigned(cursor.number(8)?),
            Type::U128 => Value::Unsigned(cursor.number(16)?),
            Type::F32 => Value::Single(f32::from_bits(cursor.number(4)? as u32)),
            Type::F64 => Value::Double(f64::from_bits(cursor.number(8)? as u64)),
            Type::Bool => Value::Bool(match cursor.number(1)? {
                0 => false,
                1 => true,
                _ => return None,
            }),
            Type::Char => Value::Text(char::from_u32(cursor.number(4)? as u32)?.to_string()),
            Type::Str => {
                let len = cursor.length()?;
                Value::Text(String::from_utf8(cursor.take(len)?.to_vec()).ok()?)
            }
            Type::IStr => Value::Text(self.part(cursor)?.to_string()),
            Type::U8Slice => {
                let len = cursor.length()?;
                Value::Bytes(cursor.take(len)?.to_vec())
            }
            Type::U8Array(len) => Value::Bytes(cursor.take(*len)?.to_vec()),
            // Written by the chip itself, up to a byte that no text has.
            Type::Debug | Type::Display => {
                let len = cursor.bytes.iter().position(|byte| *byte == 0xFF)?;
                let text = String::from_utf8(cursor.take(len)?.to_vec()).ok()?;
                cursor.take(1)?;
                Value::Text(text)
            }
            Type::Format => {
                let format = self.part(cursor)?;
                self.variant(format, cursor)?
            }
            Type::FormatSlice => {
                let len = cursor.length()?;
                self.list(len, cursor)?
            }
            Type::FormatArray(len) => self.list(*len, cursor)?,
            Type::FormatSequence => {
                let mut parts = Vec::new();
                while cursor.bytes.get(..2)? != [0, 0] {
                    let format = self.part(cursor)?;
                    parts.push(Value::Format(format, self.arguments(format, cursor)?));
                }
                cursor.take(2)?;
                Value::Sequence(parts)
            }
            Type::BitField(_) => return None,
        })
    }

    /// A format with alternatives (an enum) says first which of them it is.
    fn variant<'t>(&'t self, format: &'t str, cursor: &mut Cursor) -> Option<Value<'t>> {
        let alternatives = format.matches('|').count();
        let chosen = match alternatives {
            0 => format,
            1..=0xFF => format.split('|').nth(cursor.number(1)? as usize)?,
            _ => format.split('|').nth(cursor.number(2)? as usize)?,
        };
        Some(Value::Format(chosen, self.arguments(chosen, cursor)?))
    }

    fn list(&self, len: usize, cursor: &mut Cursor) -> Option<Value<'_>> {
        let format = self.part(cursor)?;
        let elements = (0..len.min(ELEMENTS_MAX + 1)).map(|_| self.variant(format, cursor));
        let elements = elements.collect::<Option<Vec<_>>>()?;
        (elements.len() <= ELEMENTS_MAX).then_some(Value::List(elements))
    }
}

fn fragments(format: &str) -> Option<Vec<Fragment<'_>>> {
    defmt_parser::parse(format, ParserMode::ForwardsCompatible).ok()
}

/// The text of a format with its arguments. `outer`: how the format around it wants numbers shown.
fn shown(format: &str, values: &[Value], outer: Option<&DisplayHint>) -> String {
    let mut text = String::new();
    for fragment in fragments(format).unwrap_or_default() {
        match fragment {
            Fragment::Literal(literal) => text.push_str(&literal),
            Fragment::Parameter(parameter) => {
                let hint = match &parameter.hint {
                    None | Some(DisplayHint::Debug) => outer.or(parameter.hint.as_ref()),
                    own => own.as_ref(),
                };
                // Arguments are numbered without holes.
                let Some(value) = values.get(parameter.index) else { continue };
                match (value, &parameter.ty) {
                    (Value::Unsigned(word), Type::BitField(bits)) => {
                        let kept = 128 - u32::from(bits.end);
                        text += &unsigned((word << kept) >> kept >> bits.start, hint);
                    }
                    (value, _) => text += &value.shown(hint),
                }
            }
        }
    }
    text
}

impl Value<'_> {
    fn shown(&self, hint: Option<&DisplayHint>) -> String {
        match self {
            Value::Unsigned(number) => unsigned(*number, hint),
            Value::Signed(number, bits) => match hint {
                // Two's complement of its own width, as Rust shows it.
                Some(
                    DisplayHint::Hexadecimal { .. } | DisplayHint::Binary { .. } | DisplayHint::Octal { .. },
                ) => unsigned(*number as u128 & (u128::MAX >> (128 - bits)), hint),
                _ if *number < 0 => format!("-{}", unsigned(number.unsigned_abs(), hint)),
                _ => unsigned(number.unsigned_abs(), hint),
            },
            Value::Single(number) => format!("{number:?}"),
            Value::Double(number) => format!("{number:?}"),
            Value::Bool(truth) => truth.to_string(),
            Value::Text(text) if hint == Some(&DisplayHint::Debug) => format!("{text:?}"),
            Value::Text(text) => text.clone(),
            Value::Bytes(bytes) if hint == Some(&DisplayHint::Ascii) => {
                format!("b\"{}\"", bytes.escape_ascii())
            }
            Value::Bytes(bytes) => listed(bytes.iter().map(|byte| unsigned(u128::from(*byte), hint))),
            Value::Format(format, values) => shown(format, values, hint),
            Value::List(values) => listed(values.iter().map(|value| value.shown(hint))),
            Value::Sequence(values) => values.iter().map(|value| value.shown(hint)).collect(),
        }
    }
}

fn listed(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

fn unsigned(number: u128, hint: Option<&DisplayHint>) -> String {
    let (digits, prefix, pad, alternate) = match hint {
        Some(DisplayHint::NoHint { zero_pad }) => (number.to_string(), "", *zero_pad, false),
        Some(DisplayHint::Hexadecimal { alternate, uppercase, zero_pad }) => {
            let digits = if *uppercase { format!("{number:X}") } else { format!("{number:x}") };
            (digits, "0x", *zero_pad, *alternate)
        }
        Some(DisplayHint::Octal { alternate, zero_pad }) => {
            (format!("{number:o}"), "0o", *zero_pad, *alternate)
        }
        Some(DisplayHint::Binary { alternate, zero_pad }) => {
            (format!("{number:b}"), "0b", *zero_pad, *alternate)
        }
        Some(DisplayHint::Seconds(unit) | DisplayHint::Time(unit) | DisplayHint::ISO8601(unit)) => {
            let places: usize = match unit {
                TimePrecision::Micros => 6,
                TimePrecision::Millis => 3,
                TimePrecision::Seconds => return number.to_string(),
            };
            let unit = 10u128.pow(places as u32);
            return format!("{}.{:0places$}", number / unit, number % unit);
        }
        _ => return number.to_string(),
    };
    let prefix = if alternate { prefix } else { "" };
    let mut text = String::from(prefix);
    // The width counts the prefix, as in Rust.
    let width = pad.saturating_sub(prefix.len());
    let _ = write!(text, "{digits:0>width$}");
    text
}
