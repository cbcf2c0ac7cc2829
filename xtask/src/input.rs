//! What the user hands in as FILE, `-` or hex: a capture, hex text, a pasted log, or raw bytes.
//!
//! Raw bytes and captures are read piece by piece, so that a recording of any length needs the same memory.

use crate::failure::Failure;
use hanbench_core::capture::{Dir, Reader};
use hanbench_core::import::{Options, import};
use hanbench_core::reading::Instant;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes looked at to tell text from a raw recording.
const SNIFF: usize = 4096;

/// Longest text that is read: it is searched as a whole. A night of a HAN port as hex text has about 20 MB.
const TEXT_MAX: u64 = 256 * 1024 * 1024;

/// A piece of input with the time it arrived.
pub struct Piece {
    /// When it arrived, where the input says so.
    pub at: Option<Instant>,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The piece is one APDU and no part of a stream of frames.
    pub apdu: bool,
}

/// An open input: pieces in order.
pub type Pieces = Box<dyn Iterator<Item = Result<Piece, Failure>>>;

/// Opens a file or, for `-`, standard input. `name` is what messages call it.
///
/// # Errors
/// A file that cannot be opened, an empty one, a folder, a capture with a bad line, text without any hex.
pub fn open(path: &Path) -> Result<Pieces, Failure> {
    let name = if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
    let reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        if path.is_dir() {
            return Err(Failure::input(format!("{name}: it is a folder, a file was expected")));
        }
        Box::new(File::open(path).map_err(|error| Failure::file("open", path, &error))?)
    };
    let mut reader = BufReader::with_capacity(SNIFF.max(64 * 1024), reader);
    let head = fill(&mut reader).map_err(|error| Failure::file("read", path, &error))?;
    if head.is_empty() {
        return Err(Failure::input(format!(
            "{name}: it is empty; a capture, hex or raw bytes were expected"
        )));
    }
    match kind(head) {
        Kind::Capture => capture(reader, name),
        Kind::Text => text(reader, &name),
        Kind::Raw => Ok(raw(reader, name)),
    }
}

/// The pieces of bytes that were given in the command line.
pub fn literal(bytes: Vec<u8>) -> Pieces {
    let apdu = looks_like_apdu(&bytes);
    Box::new(std::iter::once(Ok(Piece { at: None, bytes, apdu })))
}

/// Hex digits with blanks between them, as bytes.
pub fn hex_text(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_whitespace().collect();
    (!digits.is_empty()).then(|| hanbench_core::hex::bytes(&digits)).flatten()
}

fn fill(reader: &mut BufReader<Box<dyn Read>>) -> std::io::Result<&[u8]> {
    reader.fill_buf()
}

enum Kind {
    Capture,
    Text,
    Raw,
}

fn kind(head: &[u8]) -> Kind {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let text = head.iter().all(|byte| matches!(byte, 0x20..=0x7E | b'\r' | b'\n' | b'\t' | 0x80..));
    if !text || std::str::from_utf8(head).is_err_and(|error| error.error_len().is_some()) {
        // UTF-16 logs carry NULs; `import` knows them by their byte order mark.
        return if head.starts_with(b"\xFF\xFE") { Kind::Text } else { Kind::Raw };
    }
    let first = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let first = first.unwrap_or_default().trim_ascii();
    let own = head.split(|byte| *byte == b'\n').any(|line| line.trim_ascii().starts_with(b"t_us,dir,hex"));
    match first {
        // A P1 stream is text and raw bytes at once; its bytes are the recording.
        [b'/', ..] => Kind::Raw,
        _ if own || first.starts_with(b"t_us") => Kind::Capture,
        _ => Kind::Text,
    }
}

fn capture(reader: BufReader<Box<dyn Read>>, name: String) -> Result<Pieces, Failure> {
    let located = move |error: &hanbench_core::capture::CaptureError| {
        Failure::input(format!("{name}:{}: {}", error.line, error.what))
    };
    let reader = Reader::new(reader).map_err(|error| located(&error))?;
    let stage = reader.header().get("stage").map_or("wire", String::as_str);
    let apdu = stage != "wire";
    let rows = reader.filter(|row| !matches!(row, Ok(row) if row.dir == Dir::Tx));
    Ok(Box::new(rows.map(move |row| match row {
        Ok(row) => Ok(Piece { at: Some(Instant(row.t_us)), bytes: row.bytes, apdu }),
        Err(error) => Err(located(&error)),
    })))
}

fn text(reader: BufReader<Box<dyn Read>>, name: &str) -> Result<Pieces, Failure> {
    let mut bytes = Vec::new();
    reader
        .take(TEXT_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::input(format!("{name}: cannot read: {error}")))?;
    if bytes.len() as u64 > TEXT_MAX {
        let limit = TEXT_MAX / (1024 * 1024);
        return Err(Failure::input(format!("{name}: it is text and larger than {limit} MiB; cut it first")));
    }
    if let Some(hex) = std::str::from_utf8(&bytes).ok().and_then(hex_text) {
        return Ok(literal(hex));
    }
    let imported = import(&bytes, Options { redact: false })
        .map_err(|error| Failure::input(format!("{name}: {error}")))?;
    for note in &imported.notes {
        crate::console::note(&format!("{name}:{}: {}", note.line, note.text));
    }
    Ok(Box::new(imported.chunks.into_iter().map(|chunk| {
        let apdu = looks_like_apdu(&chunk.bytes);
        Ok(Piece { at: chunk.t_us.map(Instant), bytes: chunk.bytes, apdu })
    })))
}

fn raw(mut reader: BufReader<Box<dyn Read>>, name: String) -> Pieces {
    let mut first = true;
    Box::new(std::iter::from_fn(move || {
        let bytes = match reader.fill_buf() {
            Ok([]) => return None,
            Ok(bytes) => bytes.to_vec(),
            Err(error) => return Some(Err(Failure::input(format!("{name}: cannot read: {error}")))),
        };
        reader.consume(bytes.len());
        let apdu = first && bytes.len() <= SNIFF && looks_like_apdu(&bytes);
        first = false;
        Some(Ok(Piece { at: None, bytes, apdu }))
    }))
}

/// Starts like an APDU with or without LLC, and reads as one: nothing frames an APDU, so only its content tells.
fn looks_like_apdu(bytes: &[u8]) -> bool {
    if !matches!(bytes, [0xE6, 0xE7, 0x00, ..] | [0x0F | 0xDB | 0xE0, ..]) {
        return false;
    }
    let mut stream = hanbench_core::meters::stream::Stream::default();
    let (assembly, decoded) = stream.raw(bytes);
    decoded.is_some_and(|decoded| decoded.telegram.is_some())
        || matches!(assembly.outcome, hanbench_core::wire::assemble::Assembled::Refused { .. })
            && bytes.first() != Some(&0x0F)
}
