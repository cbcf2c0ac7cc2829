//! What the user hands in as FILE, `-` or hex: a capture, hex text, a pasted log, or raw bytes.
//!
//! Raw bytes and captures are read piece by piece, so that a recording of any length needs the same memory.
//! What the input is follows from its bytes alone, never from how they arrive. Refuses to know a telegram when
//! it sees one: where telegrams begin, and which of them have no link layer, `import` says.

use crate::failure::Failure;
use hanbench_core::capture::{self, Dir, Reader};
use hanbench_core::import::{Purpose, has_link_layer, import, is_text, may_begin_apdu};
use hanbench_core::reading::Instant;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

/// Bytes looked at to tell text from a raw recording, and the longest APDU that stands alone in a file.
const SNIFF: usize = 4096;

/// Longest text that is read: it is searched as a whole. A night of a HAN port as hex text has about 20 MB.
const TEXT_MAX: u64 = 256 * 1024 * 1024;

/// A piece of input with the time it arrived.
#[derive(Debug)]
pub struct Piece {
    /// When it arrived, where the input says so.
    pub at: Option<Instant>,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The piece is one APDU and no part of a stream of frames.
    pub apdu: bool,
    /// Why the piece is no part of any telegram, where that is known.
    pub junk: Option<String>,
    /// Its lines in a pasted text: offset of the first byte from that line, and number of the line.
    pub lines: Vec<(usize, usize)>,
}

/// An open input: pieces in order.
pub type Pieces = Box<dyn Iterator<Item = Result<Piece, Failure>>>;

/// Opens a file or, for `-`, standard input.
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
    pieces(reader, &name)
}

/// The pieces of hex that was given in the command line.
pub fn literal(hex: &str) -> Result<Pieces, Failure> {
    text(Box::new(Cursor::new(hex.as_bytes().to_vec())), "the hex given")
}

/// Hex digits with blanks between them, as bytes.
pub fn hex_text(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_whitespace().collect();
    (!digits.is_empty()).then(|| hanbench_core::hex::bytes(&digits)).flatten()
}

/// The pieces of whatever comes out of a reader. `name` is what messages call it.
fn pieces(mut reader: Box<dyn Read>, name: &str) -> Result<Pieces, Failure> {
    let mut head = Vec::new();
    while head.len() < SNIFF && !is_surely_raw(&head) {
        if more(&mut reader, &mut head, SNIFF, name)? == 0 {
            break;
        }
    }
    if head.is_empty() {
        let text = format!("{name}: it is empty; a capture, hex or raw bytes were expected");
        return Err(Failure::input(text));
    }
    let kind = kind(&head);
    let whole: Box<dyn Read> = Box::new(Cursor::new(head).chain(reader));
    match kind {
        Kind::Capture => recording(whole, name.to_string()),
        Kind::Text => text(whole, name),
        Kind::Raw => raw(whole, name.to_string()),
    }
}

/// Appends what one read gives, up to `limit` bytes in all; 0 at the end.
fn more(reader: &mut dyn Read, head: &mut Vec<u8>, limit: usize, name: &str) -> Result<usize, Failure> {
    let have = head.len();
    head.resize(limit, 0);
    let read = loop {
        match reader.read(&mut head[have..]) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    head.truncate(have + read.as_ref().map_or(0, |count| *count));
    read.map_err(|error| Failure::file("read", Path::new(name), &error))
}

enum Kind {
    Capture,
    Text,
    Raw,
}

/// Whether these first bytes are those of a raw recording whatever follows them. A live line is shown from then
/// on. Once true of some bytes it is true of more of them.
fn is_surely_raw(head: &[u8]) -> bool {
    // Windows shells write UTF-16, which is full of NULs.
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        return false;
    }
    // A P1 stream is text and raw bytes at once. Its lines end with CR LF, which pasting loses.
    let line = head.iter().position(|byte| *byte == b'\n').map_or(&[][..], |end| &head[..end]);
    let p1 = line.first() == Some(&b'/') && line.ends_with(b"\r");
    let ascii: Vec<u8> = head.iter().copied().filter(u8::is_ascii).collect();
    p1 || !is_text(&ascii)
}

fn kind(head: &[u8]) -> Kind {
    if is_surely_raw(head) || !is_text(head) {
        return Kind::Raw;
    }
    if capture::begins_like_one(head) { Kind::Capture } else { Kind::Text }
}

fn recording(reader: Box<dyn Read>, name: String) -> Result<Pieces, Failure> {
    let located = move |error: &hanbench_core::capture::CaptureError| {
        Failure::input(format!("{name}:{}: {}", error.line, error.what))
    };
    let reader = Reader::new(BufReader::new(reader)).map_err(|error| located(&error))?;
    let unwrapped = reader.header().get("stage").is_some_and(|stage| stage != "wire");
    let rows = reader.filter(|row| !matches!(row, Ok(row) if row.dir == Dir::Tx));
    Ok(Box::new(rows.map(move |row| {
        let row = row.map_err(|error| located(&error))?;
        let apdu = unwrapped && !has_link_layer(&row.bytes);
        Ok(Piece { at: Some(Instant(row.t_us)), bytes: row.bytes, apdu, junk: None, lines: Vec::new() })
    })))
}

fn text(reader: Box<dyn Read>, name: &str) -> Result<Pieces, Failure> {
    let mut bytes = Vec::new();
    reader
        .take(TEXT_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file("read", Path::new(name), &error))?;
    if bytes.len() as u64 > TEXT_MAX {
        let limit = TEXT_MAX / (1024 * 1024);
        return Err(Failure::input(format!("{name}: it is text and larger than {limit} MiB; cut it first")));
    }
    imported(&bytes, name)
}

/// The pieces that `import` finds.
fn imported(bytes: &[u8], name: &str) -> Result<Pieces, Failure> {
    let imported = import(bytes, Purpose::Decode).map_err(|error| Failure::input(error.at(name)))?;
    for note in &imported.notes {
        let line = if note.line == 0 { String::new() } else { format!(":{}", note.line) };
        crate::console::note(&format!("{name}{line}: {}", note.text));
    }
    // Of a single line there is nothing to tell.
    let one_line = !bytes.trim_ascii().contains(&b'\n');
    Ok(Box::new(imported.chunks.into_iter().map(move |chunk| {
        let lines = if one_line { Vec::new() } else { chunk.lines };
        let (at, junk) = (chunk.t_us.map(Instant), chunk.junk);
        Ok(Piece { at, bytes: chunk.bytes, apdu: chunk.apdu, junk, lines })
    })))
}

fn raw(mut reader: Box<dyn Read>, name: String) -> Result<Pieces, Failure> {
    let mut head = Vec::new();
    let mut limit = 1;
    // An APDU without link layer has no frame to be found by: it is one only if nothing else is in the input.
    while more(&mut reader, &mut head, limit, &name)? > 0 && may_begin_apdu(&head) && head.len() <= SNIFF {
        limit = SNIFF + 1;
    }
    if may_begin_apdu(&head) && head.len() <= SNIFF {
        return imported(&head, &name);
    }
    let mut reader: Box<dyn Read> = Box::new(Cursor::new(head).chain(reader));
    Ok(Box::new(std::iter::from_fn(move || {
        let mut bytes = Vec::new();
        match more(&mut reader, &mut bytes, 64 * 1024, &name) {
            Ok(0) => None,
            Ok(_) => Some(Ok(Piece { at: None, bytes, apdu: false, junk: None, lines: Vec::new() })),
            Err(failure) => Some(Err(failure)),
        }
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes per read, as a pipe may.
    struct Slow(Vec<u8>, usize, usize);

    impl Read for Slow {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let count = self.2.min(out.len()).min(self.0.len() - self.1);
            out[..count].copy_from_slice(&self.0[self.1..self.1 + count]);
            self.1 += count;
            Ok(count)
        }
    }

    /// Time, bytes, whether an APDU, lines.
    type Found = (Option<u64>, Vec<u8>, bool, Vec<(usize, usize)>);

    /// The pieces without the cuts that only the reads made.
    fn found(bytes: &[u8], per_read: usize) -> Vec<Found> {
        let reader = Slow(bytes.to_vec(), 0, per_read);
        let mut all: Vec<Found> = Vec::new();
        for piece in pieces(Box::new(reader), "test").expect("pieces") {
            let piece = piece.expect("a piece");
            let at = piece.at.map(|at| at.0);
            match all
                .last_mut()
                .filter(|last| at.is_none() && !last.2 && !piece.apdu && piece.lines.is_empty())
            {
                Some(last) => last.1.extend(piece.bytes),
                None => all.push((at, piece.bytes, piece.apdu, piece.lines)),
            }
        }
        all
    }

    const LIST1: &str = "0f40000000000101020309060100010700ff06000004d202020f00161b";

    fn inputs() -> Vec<(&'static str, Vec<u8>)> {
        let apdu = hex_text(LIST1).expect("hex");
        let frame = format!("7ea02a410883130413e6e700{LIST1}19f27e");
        let wire = hex_text(&frame).expect("hex");
        let mut long = apdu.clone();
        long.extend(wire.repeat(200));
        vec![
            ("apdu", apdu.clone()),
            ("apdu with LLC", [&[0xE6, 0xE7, 0x00][..], &apdu].concat()),
            ("frames", wire.repeat(300)),
            ("an APDU and then frames", [&apdu[..], &wire, &wire].concat()),
            ("a stream that begins with the end of an APDU", long),
            ("a frame that begins like an APDU", [&[0x0F], &wire[..]].concat()),
            ("hex", format!("{frame}\n{LIST1}\n").into_bytes()),
            ("two APDUs", format!("{LIST1}\n{LIST1}\n").into_bytes()),
            (
                "capture",
                format!("# family = aidon\n# stage = wire\nt_us,dir,hex\n5,rx,{frame}\n9,tx,00\n")
                    .into_bytes(),
            ),
            ("unwrapped capture", format!("# stage = unwrapped\nt_us,dir,hex\n5,rx,{LIST1}\n").into_bytes()),
            ("coloured log", format!("\x1b[0;36m[12:00:00] {frame}\x1b[0m\n").into_bytes()),
            ("p1", b"/KAM5\r\n\r\n1-0:1.7.0(00.498*kW)\r\n!\r\n".to_vec()),
            ("pasted p1", b"/KAM5\n\n1-0:1.7.0(00.498*kW)\n!\n".to_vec()),
            (
                "utf-16",
                [0xFF, 0xFE].into_iter().chain(frame.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
            ),
        ]
    }

    #[test]
    fn a_slow_pipe_gives_what_a_file_gives() {
        for (name, bytes) in inputs() {
            let whole = found(&bytes, usize::MAX);
            for per_read in [1, 2, 3, 61, 4095, 4096, 4097] {
                assert_eq!(found(&bytes, per_read), whole, "{name}, {per_read} bytes per read");
            }
        }
    }

    #[test]
    fn what_stands_without_a_link_layer_is_known_as_such() {
        let apdus: Vec<_> = inputs()
            .iter()
            .map(|(name, bytes)| (*name, found(bytes, 1).iter().map(|piece| piece.2).collect::<Vec<bool>>()))
            .collect();
        let expected = [
            ("apdu", vec![true]),
            ("apdu with LLC", vec![true]),
            ("frames", vec![false]),
            ("an APDU and then frames", vec![true, false]),
            ("a stream that begins with the end of an APDU", vec![false]),
            ("a frame that begins like an APDU", vec![false]),
            ("hex", vec![false, true]),
            ("two APDUs", vec![true, true]),
            ("capture", vec![false]),
            ("unwrapped capture", vec![true]),
            ("coloured log", vec![false]),
            ("p1", vec![false]),
            ("pasted p1", vec![false]),
            ("utf-16", vec![false]),
        ];
        assert_eq!(apdus, expected);
    }

    #[test]
    fn nothing_but_bytes_comes_out_whole() {
        for (name, bytes) in inputs() {
            let joined: Vec<u8> = found(&bytes, 7).into_iter().flat_map(|piece| piece.1).collect();
            let expected = match hex_text(&String::from_utf8_lossy(&bytes)) {
                Some(hex) => hex,
                None if ["capture", "unwrapped capture", "coloured log", "pasted p1", "utf-16"]
                    .contains(&name) =>
                {
                    continue;
                }
                None => bytes,
            };
            assert_eq!(joined, expected, "{name}");
        }
    }

    #[test]
    fn a_live_line_is_shown_before_it_ends() {
        /// A line that is silent from some byte on.
        struct Live(Slow);
        impl Read for Live {
            fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
                let count = self.0.read(out)?;
                assert!(count > 0, "waits for more than was needed");
                Ok(count)
            }
        }
        let frame = hex_text(&format!("7ea02a410883130413e6e700{LIST1}19f27e")).expect("hex");
        let mut pieces = pieces(Box::new(Live(Slow(frame.clone(), 0, 20))), "test").expect("pieces");
        let mut shown = Vec::new();
        while shown.len() < frame.len() {
            shown.extend(pieces.next().expect("more").expect("a piece").bytes);
        }
        assert_eq!(shown, frame);
    }
}
