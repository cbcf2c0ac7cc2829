//! Finds telegrams in what people paste into bug reports: hex of every layout, byte literals, dumps, logs, P1
//! text and raw binary.
//!
//! Says for every import at which stage of a reader's pipeline the bytes were taken, because a log dump is not a
//! wire capture (field bugs, section 0 item 5), and replaces meter ids ([`redact()`]).
//! Refuses to take clock times, counters and addresses for hex: bytes count only where a telegram begins, and in
//! the rows that directly follow. What is left out is noted with its line.
//!
//! | file | what |
//! |---|---|
//! | `stamp` | time stamps of log lines |
//! | `lines` | runs of bytes in one line |
//! | `blocks` | rows that belong together |
//! | `p1` | P1 telegrams as text |
//! | `walk` | where a telegram begins and ends, and its checks |
//! | `redact` | fake meter ids |

mod blocks;
mod lines;
mod p1;
mod redact;
mod stamp;
mod walk;

use std::collections::BTreeMap;

use crate::capture::{Capture, Dir, Row, Stage};
use blocks::{Block, Piece};
use lines::Style;
use stamp::{DAY_US, Stamp};
use walk::{Check, Frame, Inside, Link};

pub use redact::{Redacted, redact};

/// The most notes that are kept; a last one counts the rest.
const NOTES_MAX: usize = 200;
/// Time of one byte at 2400 baud 8N1, in microseconds, rounded up.
const BYTE_US: u64 = 4167;
/// Pause between telegrams whose times nobody wrote down: longer than the second after which an unfinished
/// frame is over (contract, section 3).
const PAUSE_US: u64 = 2_000_000;

/// What [`import`] is to do besides finding the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Replace meter ids.
    pub redact: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { redact: true }
    }
}

/// The layout that most of the bytes had.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Format {
    /// Not text: the bytes themselves.
    Binary,
    /// A capture of ours.
    Capture,
    /// Continuous hex or hex in groups.
    Hex,
    /// Hex, byte by byte.
    SpacedHex,
    /// `0x7e, 0xa0`.
    CArray,
    /// `b'~\xa0'`.
    BytesLiteral,
    /// Rows with an offset column.
    HexDump,
    /// Rows under `HDLC frame:` and the like.
    ReaderLog,
    /// A P1 telegram as text.
    P1Text,
}

/// One telegram, or what is left of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// Microseconds since the first chunk with a time; `None` where the log has no time for it.
    pub t_us: Option<u64>,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The line it began on, from 1; 0 in binary input.
    pub line: usize,
}

/// Something the user should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Line number, from 1; 0 for the input as a whole.
    pub line: usize,
    /// One sentence.
    pub text: String,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// The telegrams, in the order found.
    pub chunks: Vec<Chunk>,
    /// Where in a reader's pipeline all of them were taken.
    pub stage: Stage,
    /// What was left out, is damaged, or could not be replaced.
    pub notes: Vec<Note>,
    /// The layout.
    pub format: Format,
    /// Time of the first chunk with a time, RFC 3339, without an offset where the log has none; `None` where the
    /// log has no dates.
    pub t0: Option<String>,
    /// Meter ids that were replaced.
    pub ids_replaced: usize,
}

/// Why there is nothing to import.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImportError {
    /// No bytes at all, or only blanks.
    #[error("the input is empty; expected a log, a dump or a recording with telegrams in it")]
    Empty,
    /// Nothing that begins like a telegram.
    #[error(
        "no telegram found in {lines} lines; looked for hex (continuous, spaced, 0x…, \\x…, dumps), byte literals and binary that begin with 7e a…, 68 … 68, e6 e7 00, db 08 or 0f, and for P1 text that begins with /"
    )]
    NothingFound {
        /// Lines that were read.
        lines: usize,
    },
}

/// Notes, not more than a person would read.
#[derive(Debug, Default)]
struct Notes {
    kept: Vec<Note>,
    more: usize,
}

impl Notes {
    fn push(&mut self, note: Note) {
        if self.kept.len() < NOTES_MAX {
            self.kept.push(note);
        } else {
            self.more += 1;
        }
    }

    fn at(&mut self, line: usize, text: impl Into<String>) {
        self.push(Note { line, text: text.into() });
    }

    fn finish(mut self) -> Vec<Note> {
        self.kept.sort_by_key(|note| note.line);
        if self.more > 0 {
            self.kept.push(Note { line: 0, text: format!("{} further notes left out", self.more) });
        }
        self.kept
    }
}

/// A telegram on its way to becoming a [`Chunk`].
struct Found {
    bytes: Vec<u8>,
    link: Link,
    check: Check,
    inside: Inside,
    line: usize,
    stamp: Option<Stamp>,
    format: Format,
    replaced: usize,
    notes: Vec<&'static str>,
}

impl Found {
    /// The stage of this telegram by itself.
    fn stage(&self) -> Stage {
        match (self.inside, self.link) {
            // A frame that is intact and plain inside a ciphering header was sent that way.
            (Inside::Deciphered, _) if self.check != Check::Intact => Stage::Decrypted,
            (_, link) if link.is_wire() => Stage::Wire,
            _ => Stage::Unwrapped,
        }
    }
}

/// Finds all telegrams in a log, dump or recording.
///
/// # Errors
/// When the input is empty, or nothing in it begins like a telegram.
pub fn import(input: &[u8], options: Options) -> Result<Imported, ImportError> {
    if input.iter().all(u8::is_ascii_whitespace) {
        return Err(ImportError::Empty);
    }
    if let Some(imported) = own_capture(input, options) {
        return Ok(imported);
    }
    let text = text_of(input);
    let (blocks, mut notes) = match &text {
        Some(text) => blocks::blocks(text),
        None => (vec![binary(input)], Notes::default()),
    };
    let found: Vec<Found> = blocks.into_iter().flat_map(|block| split(block, options)).collect();
    if found.is_empty() {
        let lines = text.map_or(0, |text| text.lines().count());
        return Err(ImportError::NothingFound { lines });
    }
    let found = outermost(found, &mut notes);
    Ok(assembled(found, notes))
}

impl Imported {
    /// The capture. Where a chunk has no time, telegrams are laid one after another with a pause of two seconds,
    /// and the header says `times = assumed`.
    pub fn to_capture(&self) -> Capture {
        let mut header = BTreeMap::new();
        header.insert("stage".to_string(), self.stage.word().to_string());
        let evidence = if self.ids_replaced > 0 { "rebuilt" } else { "recorded" };
        header.insert("evidence".to_string(), evidence.to_string());
        if let Some(t0) = &self.t0 {
            header.insert("t0".to_string(), t0.clone());
        }
        if self.chunks.iter().any(|chunk| chunk.t_us.is_none()) {
            header.insert("times".to_string(), "assumed".to_string());
        }
        let mut rows = Vec::new();
        let mut next_us = 0_u64;
        let mut last_us = 0_u64;
        for chunk in &self.chunks {
            let t_us = chunk.t_us.unwrap_or(next_us).max(last_us);
            last_us = t_us;
            next_us = t_us.saturating_add(chunk.bytes.len() as u64 * BYTE_US + PAUSE_US);
            for part in chunk.bytes.chunks(crate::capture::ROW_BYTES_MAX) {
                rows.push(Row { t_us, dir: Dir::Rx, bytes: part.to_vec() });
            }
        }
        Capture { header, rows }
    }
}

/// A capture of ours keeps its chunks, times and stage; only ids are replaced.
fn own_capture(input: &[u8], options: Options) -> Option<Imported> {
    let capture = Capture::parse(std::str::from_utf8(input).ok()?).ok()?;
    let stage = match capture.header.get("stage").map(String::as_str) {
        Some("unwrapped") => Stage::Unwrapped,
        Some("decrypted") => Stage::Decrypted,
        _ => Stage::Wire,
    };
    let mut ids_replaced = 0;
    let mut notes = Notes::default();
    let sent = capture.rows.iter().filter(|row| row.dir == Dir::Tx).count();
    if sent > 0 {
        notes.at(0, format!("{sent} rows that were sent to the meter left out"));
    }
    let mut bytes: Vec<u8> = Vec::new();
    let rows: Vec<Row> = capture.rows.into_iter().filter(|row| row.dir == Dir::Rx).collect();
    // A telegram may be spread over rows, so that ids are looked for in the whole stream.
    rows.iter().for_each(|row| bytes.extend(&row.bytes));
    if options.redact {
        let redacted = redact(&bytes);
        bytes = redacted.bytes;
        ids_replaced = redacted.replaced;
        redacted.notes.into_iter().for_each(|text| notes.at(0, text));
    }
    let mut rest = bytes.as_slice();
    let mut chunks = Vec::new();
    for row in &rows {
        let (head, tail) = rest.split_at(row.bytes.len());
        chunks.push(Chunk { t_us: Some(row.t_us), bytes: head.to_vec(), line: 0 });
        rest = tail;
    }
    let t0 = capture.header.get("t0").cloned();
    Some(Imported { chunks, stage, notes: notes.finish(), format: Format::Capture, t0, ids_replaced })
}

/// The input as text with one character per byte; `None` where it is binary.
fn text_of(input: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        // Characters beyond one byte never are hex.
        units.map(|unit| u8::try_from(unit).map_or('?', char::from)).collect::<String>()
    };
    match input {
        // Windows shells write logs in this form.
        [0xff, 0xfe, rest @ ..] => return Some(utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => return Some(utf16(rest, u16::from_be_bytes)),
        _ => {}
    }
    let input = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let control = |byte: &u8| matches!(byte, 0..=6 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    let high = input.iter().filter(|byte| **byte >= 0x80).count();
    let text = !input.iter().any(control) && (std::str::from_utf8(input).is_ok() || high * 10 < input.len());
    text.then(|| input.iter().map(|&byte| char::from(byte)).collect())
}

fn binary(input: &[u8]) -> Block {
    Block { bytes: input.to_vec(), ..Block::default() }
}

/// Cuts a block where a telegram begins. Bytes in front of the first belong to it, bytes behind any to that.
fn split(mut block: Block, options: Options) -> Vec<Found> {
    let breaks: Vec<usize> = block.pieces.iter().map(|piece| piece.at).collect();
    let mut frames = walk::frames(&block.bytes, &breaks);
    if frames.is_empty() && block.pieces.is_empty() && block.bytes.first() != Some(&0x7e) {
        return Vec::new();
    }
    if frames.is_empty() {
        let link = block.label.unwrap_or(Link::Hdlc);
        let check = if link.is_wire() { Check::BadHeader } else { Check::None };
        frames.push(Frame { start: 0, end: block.bytes.len(), link, check });
    }
    let insides: Vec<Inside> =
        frames.iter().map(|frame| walk::inside(&block.bytes[frame.start..frame.end], frame.link)).collect();
    let done = if options.redact { redact::redact_frames(&mut block.bytes, &frames) } else { Vec::new() };
    let mut found = Vec::new();
    for (index, (frame, inside)) in frames.iter().zip(insides).enumerate() {
        let start = if index == 0 { 0 } else { frame.start };
        let end = frames.get(index + 1).map_or(block.bytes.len(), |next| next.start);
        let piece = block.piece_of(start);
        // Before the first frame, then for every frame: itself, and what lies behind it.
        let from = if index == 0 { 0 } else { 2 * index + 1 };
        let here = done.iter().take(2 * index + 3).skip(from);
        found.push(Found {
            bytes: block.bytes[start..end].to_vec(),
            link: frame.link,
            check: frame.check,
            inside,
            line: piece.map_or(0, |piece| piece.line),
            stamp: piece.and_then(|piece| piece.stamp),
            format: format_of(&block, piece, frame.link),
            replaced: here.clone().map(|done| done.replaced).sum(),
            notes: here.filter_map(|done| done.note).collect(),
        });
    }
    found
}

fn format_of(block: &Block, piece: Option<&Piece>, link: Link) -> Format {
    match piece.map(|piece| piece.style) {
        None => Format::Binary,
        Some(Style::Literal) if link == Link::P1 && block.label == Some(Link::P1) => Format::P1Text,
        Some(_) if block.label.is_some() => Format::ReaderLog,
        Some(Style::Grouped) => Format::Hex,
        Some(Style::Separated) => Format::SpacedHex,
        Some(Style::Prefixed) => Format::CArray,
        Some(Style::Literal) => Format::BytesLiteral,
        Some(Style::Dump) => Format::HexDump,
    }
}

/// Keeps the telegrams of the outermost stage: one log may show the same telegram at several.
fn outermost(found: Vec<Found>, notes: &mut Notes) -> Vec<Found> {
    // A reader that deciphers in place shows the wire frame with plain text in it.
    let rank = |found: &Found| match found.link {
        link if link.is_wire() => usize::from(found.stage() == Stage::Decrypted),
        Link::Llc => 2,
        Link::Ciphered => 3,
        _ => 4,
    };
    let Some(best) = found.iter().map(rank).min() else {
        return found;
    };
    let (kept, rest): (Vec<Found>, Vec<Found>) = found.into_iter().partition(|found| rank(found) == best);
    for other in rest {
        let what = match other.link {
            Link::Llc => "from the LLC on",
            Link::Ciphered => "from the ciphered APDU on",
            Link::Apdu => "from the APDU on",
            Link::Hdlc | Link::Mbus | Link::P1 => "after deciphering",
        };
        let text = format!("{} bytes left out: {what}, and the log has an earlier stage", other.bytes.len());
        notes.at(other.line, text);
    }
    kept
}

fn assembled(found: Vec<Found>, mut notes: Notes) -> Imported {
    let stage = found.first().map_or(Stage::Wire, Found::stage);
    damage_notes(&found, stage, &mut notes);
    let mut counts: BTreeMap<Format, usize> = BTreeMap::new();
    for one in &found {
        *counts.entry(one.format).or_default() += one.bytes.len();
        one.notes.iter().for_each(|&text| notes.at(one.line, text));
    }
    let format =
        counts.into_iter().max_by_key(|&(_, bytes)| bytes).map_or(Format::Binary, |(format, _)| format);
    let ids_replaced = found.iter().map(|one| one.replaced).sum();
    let (times, t0) = times(&found, &mut notes);
    let chunks = found.into_iter().zip(times);
    let chunks = chunks.map(|(one, t_us)| Chunk { t_us, bytes: one.bytes, line: one.line }).collect();
    Imported { chunks, stage, notes: notes.finish(), format, t0, ids_replaced }
}

fn damage_notes(found: &[Found], stage: Stage, notes: &mut Notes) {
    if stage == Stage::Decrypted {
        notes.at(0, "plain text behind a ciphering header: this dump was taken after the reader deciphered it in place");
        return;
    }
    let checked: Vec<&Found> = found.iter().filter(|found| found.check != Check::None).collect();
    for one in &checked {
        let text = match one.check {
            Check::Cut(0) => "the end of this telegram is missing".to_string(),
            Check::Cut(missing) => format!("{missing} bytes of this telegram are missing"),
            Check::BadChecksum => "this telegram fails its checksum".to_string(),
            Check::BadHeader => "the length or the header checksum of this telegram is wrong".to_string(),
            Check::Intact | Check::None => continue,
        };
        notes.at(one.line, text);
    }
    if stage == Stage::Wire && !checked.is_empty() && checked.iter().all(|one| one.check != Check::Intact) {
        let text = "every frame fails its checksum: either the line is bad or this dump was taken after the firmware changed it";
        notes.at(0, text);
    }
}

/// Time of every telegram since the first that has one, and the date of that.
fn times(found: &[Found], notes: &mut Notes) -> (Vec<Option<u64>>, Option<String>) {
    let Some(first) = found.iter().find_map(|one| one.stamp) else {
        return (vec![None; found.len()], None);
    };
    let mut last = first.us;
    let mut times = Vec::with_capacity(found.len());
    for one in found {
        let Some(stamp) = one.stamp.filter(|stamp| stamp.dated == first.dated) else {
            times.push(None);
            continue;
        };
        let mut us = stamp.us;
        if !stamp.dated {
            // Without a date, half a day back is the next day.
            us += (last - us + DAY_US / 2).div_euclid(DAY_US) * DAY_US;
        }
        if us < last {
            notes.at(one.line, "the time on this line goes backwards; the time before is used");
        }
        last = last.max(us);
        times.push(u64::try_from(last - first.us).ok());
    }
    (times, first.dated.then(|| rfc3339(first)).flatten())
}

fn rfc3339(stamp: Stamp) -> Option<String> {
    let time = jiff::Timestamp::from_microsecond(stamp.us).ok()?.to_string();
    Some(if stamp.zoned { time } else { time.trim_end_matches('Z').to_string() })
}
