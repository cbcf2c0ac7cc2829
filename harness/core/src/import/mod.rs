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
//! | `header` | what a capture says of its meter |

mod blocks;
mod header;
mod lines;
mod p1;
mod redact;
mod stamp;
mod walk;

use std::collections::BTreeMap;

use crate::capture::{self, Capture, CaptureError, Dir, Row, Stage};
use crate::wire::hdlc;
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

/// What the bytes are wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A capture to keep: meter ids are replaced, and all telegrams are of one stage.
    Capture,
    /// Looking at them now: ids stay. Input that is nothing but bytes (binary, or hex and blanks) holds no
    /// chatter, so that every byte of it comes out, whatever it is.
    Decode,
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
    /// Its lines in the input: offset of the first byte from that line, and number of the line, from 1. Empty
    /// where the input has no lines.
    pub lines: Vec<(usize, usize)>,
    /// It stands without a link layer: one APDU, with or without LLC.
    pub apdu: bool,
    /// Why it is no part of any telegram, whatever its bytes are; only for [`Purpose::Decode`].
    pub junk: Option<String>,
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
    /// The header of the input where that was a capture of ours.
    header: BTreeMap<String, String>,
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
    /// Hex that lost a digit, and nothing else.
    #[error("line {line}: an odd number of hex digits ({digits}); every byte has two")]
    OddDigits {
        /// The first such line, from 1.
        line: usize,
        /// Its digits.
        digits: usize,
    },
    /// A capture of ours with a mistake in it. What is left of it would be something else.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

impl ImportError {
    /// The message with its place: `log.txt:2: an odd number …`. `name` is what the input is called.
    pub fn at(&self, name: &str) -> String {
        let text = self.to_string();
        match text.strip_prefix("line ") {
            Some(rest) => format!("{name}:{rest}"),
            None => format!("{name}: {text}"),
        }
    }
}

/// Notes, not more than a person would read.
#[derive(Debug, Default)]
struct Notes {
    kept: Vec<Note>,
    more: usize,
    /// The first line with an odd number of digits, and that number.
    first_odd: Option<(usize, usize)>,
}

impl Notes {
    fn odd(&mut self, line: usize, digits: usize) {
        self.first_odd.get_or_insert((line, digits));
        self.at(line, format!("an odd number of hex digits ({digits}); left out"));
    }

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
    lines: Vec<(usize, usize)>,
    stamp: Option<Stamp>,
    format: Format,
    replaced: usize,
    notes: Vec<&'static str>,
    /// See [`Block::odd`].
    odd: Option<usize>,
}

impl Found {
    /// The line it began on; 0 in binary input.
    fn line(&self) -> usize {
        self.lines.first().map_or(0, |&(_, line)| line)
    }

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
/// When the input is empty, nothing in it begins like a telegram, or it is a capture of ours with a mistake in it.
pub fn import(input: &[u8], purpose: Purpose) -> Result<Imported, ImportError> {
    if input.iter().all(u8::is_ascii_whitespace) {
        return Err(ImportError::Empty);
    }
    if capture::begins_like_one(input) {
        return Ok(own_capture(input, purpose)?);
    }
    let text = text_of(input);
    let all_bytes = match &text {
        None => Some(vec![Block { bytes: input.to_vec(), ..Block::default() }]),
        Some(text) if purpose == Purpose::Decode => blocks::hex_only(text),
        Some(_) => None,
    };
    let every_byte = purpose == Purpose::Decode && all_bytes.is_some();
    let (blocks, mut notes) = match (all_bytes, &text) {
        (Some(blocks), _) => (blocks, Notes::default()),
        (None, text) => blocks::blocks(text.as_deref().unwrap_or_default()),
    };
    let found: Vec<Found> = blocks.into_iter().flat_map(|block| split(block, purpose)).collect();
    if found.iter().all(|one| one.odd.is_some()) {
        let odd = found.iter().find_map(|one| Some((one.line(), one.odd?))).or(notes.first_odd);
        let lines = text.map_or(0, |text| text.lines().count());
        return Err(odd.map_or(ImportError::NothingFound { lines }, |(line, digits)| {
            ImportError::OddDigits { line, digits }
        }));
    }
    let found = if every_byte { found } else { outermost(found, &mut notes) };
    Ok(assembled(found, notes))
}

/// Whether input that begins like this is text, as far as that can be told from it.
pub fn is_text(head: &[u8]) -> bool {
    text_of(head).is_some()
}

/// Whether bytes may be a dump that begins below the link layer: by the first byte, which all that could follow
/// does not change.
pub fn may_begin_apdu(head: &[u8]) -> bool {
    head.first().is_some_and(|first| walk::APDU_FIRST.contains(first))
}

/// Whether bytes begin like a telegram of a serial line, link layer included.
pub fn has_link_layer(bytes: &[u8]) -> bool {
    walk::probe(bytes).is_some_and(|start| start.link.is_wire())
}

impl Imported {
    /// The capture. Where a chunk has no time, telegrams are laid one after another with a pause of two seconds,
    /// and the header says `times = assumed`.
    ///
    /// `source` names the input, in one line. What the telegrams do not tell of their meter is `unknown`, and a
    /// line speed, which nobody writes into a log, is left out. The header of a capture of ours stays.
    pub fn to_capture(&self, source: &str) -> Capture {
        let mut header = self.header.clone();
        let mut say = |key: &str, value: String| {
            header.entry(key.to_string()).or_insert(value);
        };
        let chunks = || self.chunks.iter().filter(|chunk| chunk.junk.is_none());
        for (key, value) in header::meter(chunks()) {
            say(key, value);
        }
        say("stage", self.stage.word().to_string());
        say("source", source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
        say("evidence", "recorded".to_string());
        if let Some(t0) = &self.t0 {
            say("t0", t0.clone());
        }
        if chunks().any(|chunk| chunk.t_us.is_none()) {
            say("times", "assumed".to_string());
        }
        if self.ids_replaced > 0 && header.get("evidence").is_some_and(|evidence| evidence == "recorded") {
            header.insert("evidence".to_string(), "rebuilt".to_string());
        }
        let mut rows = Vec::new();
        let mut next_us = 0_u64;
        let mut last_us = 0_u64;
        for chunk in chunks() {
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
fn own_capture(input: &[u8], purpose: Purpose) -> Result<Imported, CaptureError> {
    let capture = Capture::read(input)?;
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
    if purpose == Purpose::Capture {
        let redacted = redact(&bytes);
        bytes = redacted.bytes;
        ids_replaced = redacted.replaced;
        redacted.notes.into_iter().for_each(|text| notes.at(0, text));
    }
    let mut rest = bytes.as_slice();
    let mut chunks = Vec::new();
    for row in &rows {
        let (head, tail) = rest.split_at(row.bytes.len());
        let apdu = stage != Stage::Wire && !has_link_layer(head);
        let bytes = head.to_vec();
        chunks.push(Chunk { t_us: Some(row.t_us), bytes, lines: Vec::new(), apdu, junk: None });
        rest = tail;
    }
    let t0 = capture.header.get("t0").cloned();
    let (notes, format, header) = (notes.finish(), Format::Capture, capture.header);
    Ok(Imported { chunks, stage, notes, format, t0, ids_replaced, header })
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
    // A character that the end cuts is no error.
    let utf8 = std::str::from_utf8(input).map_or_else(|error| error.error_len().is_none(), |_| true);
    let text = !input.iter().any(control) && (utf8 || high * 10 < input.len());
    text.then(|| input.iter().map(|&byte| char::from(byte)).collect())
}

/// Cuts a block where a telegram begins. Bytes in front of the first belong to it, bytes behind any to that.
fn split(mut block: Block, purpose: Purpose) -> Vec<Found> {
    let breaks: Vec<usize> = block.pieces.iter().map(|piece| piece.at).collect();
    let mut frames = if block.odd.is_some() { Vec::new() } else { walk::frames(&block.bytes, &breaks) };
    let end = block.bytes.len();
    match frames.first() {
        None => {
            let flag = block.bytes.first() == Some(&hdlc::FLAG) && block.bytes.len() >= walk::HEADER_MIN;
            if purpose == Purpose::Capture && block.pieces.is_empty() && !flag {
                return Vec::new();
            }
            let link = block.label.unwrap_or(Link::Hdlc);
            let check =
                if link.is_wire() && flag && block.odd.is_none() { Check::BadHeader } else { Check::None };
            frames.push(Frame { start: 0, end, link, check });
        }
        // An APDU begins with its first byte and nowhere before.
        Some(first) if first.start > 0 && !first.link.is_wire() => {
            frames.insert(0, Frame { start: 0, end: first.start, link: Link::Hdlc, check: Check::None });
        }
        Some(_) => {}
    }
    let insides: Vec<Inside> =
        frames.iter().map(|frame| walk::inside(&block.bytes[frame.start..frame.end], frame.link)).collect();
    let redacts = purpose == Purpose::Capture;
    let done = if redacts { redact::redact_frames(&mut block.bytes, &frames) } else { Vec::new() };
    let mut found = Vec::new();
    for (index, (frame, inside)) in frames.iter().zip(insides).enumerate() {
        let start = if index == 0 { 0 } else { frame.start };
        let end = frames.get(index + 1).map_or(end, |next| next.start);
        let piece = block.piece_of(start);
        // Before the first frame, then for every frame: itself, and what lies behind it.
        let from = if index == 0 { 0 } else { 2 * index + 1 };
        let here = done.iter().take(2 * index + 3).skip(from);
        found.push(Found {
            bytes: block.bytes[start..end].to_vec(),
            link: frame.link,
            check: frame.check,
            inside,
            lines: block.lines(start, end),
            stamp: piece.and_then(|piece| piece.stamp),
            format: format_of(&block, piece, frame.link),
            replaced: here.clone().map(|done| done.replaced).sum(),
            notes: here.filter_map(|done| done.note).collect(),
            odd: block.odd,
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
        notes.at(other.line(), text);
    }
    kept
}

fn assembled(found: Vec<Found>, mut notes: Notes) -> Imported {
    let stage = found.iter().find(|one| one.odd.is_none()).map_or(Stage::Wire, Found::stage);
    damage_notes(&found, stage, &mut notes);
    let mut counts: BTreeMap<Format, usize> = BTreeMap::new();
    for one in &found {
        *counts.entry(one.format).or_default() += one.bytes.len();
        one.notes.iter().for_each(|&text| notes.at(one.line(), text));
    }
    let format =
        counts.into_iter().max_by_key(|&(_, bytes)| bytes).map_or(Format::Binary, |(format, _)| format);
    let ids_replaced = found.iter().map(|one| one.replaced).sum();
    let (times, t0) = times(&found, &mut notes);
    let chunks = found.into_iter().zip(times);
    let chunks = chunks.map(|(one, t_us)| Chunk {
        t_us,
        apdu: !one.link.is_wire(),
        junk: one.odd.map(|digits| format!("an odd number of hex digits ({digits}), the last one left out")),
        bytes: one.bytes,
        lines: one.lines,
    });
    let (chunks, notes, header) = (chunks.collect(), notes.finish(), BTreeMap::new());
    Imported { chunks, stage, notes, format, t0, ids_replaced, header }
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
        notes.at(one.line(), text);
    }
    let intact = checked.iter().any(|one| one.check == Check::Intact);
    let bad = |one: &&Found| matches!(one.check, Check::BadChecksum | Check::BadHeader);
    if stage == Stage::Wire && !intact && checked.iter().any(bad) {
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
            notes.at(one.line(), "the time on this line goes backwards; the time before is used");
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
