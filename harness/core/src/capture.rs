//! A capture: bytes of a serial line with their arrival times, as a CSV text file (contract, section 6).
//!
//! ```text
//! # family = aidon
//! # evidence = rebuilt
//! t_us,dir,hex
//! 0,rx,7ea02a41…
//! ```
//!
//! Refuses to guess: a bad line is an error that names the line and what was expected there.
//!
//! What is accepted besides the canonical form that [`Capture::to_text`] writes: a byte order mark, CR LF line
//! ends, blank lines, upper-case hex, a missing line end after the last row. Limits: [`ROW_BYTES_MAX`] bytes in
//! one row, [`HEADER_LINE_MAX`] bytes in one header line, [`HEADER_LINES_MAX`] header lines. [`Reader`] holds one
//! row at a time, so the length of a capture is not limited.

use crate::reading::Instant;
use crate::wire::cipher::Keys;
use std::collections::BTreeMap;
use std::io::{BufRead, Read};

/// The most bytes in one row: 64 KiB. A chunk of a serial line is far smaller; a longer row is a damaged file.
pub const ROW_BYTES_MAX: usize = 64 * 1024;
/// The most bytes in one header line.
pub const HEADER_LINE_MAX: usize = 4096;
/// The most lines before the column line.
pub const HEADER_LINES_MAX: usize = 256;

/// The column line.
const COLUMNS: &str = "t_us,dir,hex";
/// These keys come first, in this order; all others follow alphabetically.
const KEY_ORDER: [&str; 9] =
    ["family", "model", "system", "baud", "parity", "stage", "source", "evidence", "t0"];
/// Hex digits of the longest row and room for its time, direction, commas and line end.
const ROW_LINE_MAX: usize = 2 * ROW_BYTES_MAX + 64;

/// One recording.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Capture {
    /// The `# key = value` lines: `family`, `model`, `system`, `baud`, `parity`, `stage`, `source`, `evidence`, `t0`, …
    pub header: BTreeMap<String, String>,
    /// The chunks, in order of time.
    pub rows: Vec<Row>,
}

/// One chunk of a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Microseconds since the start of the capture.
    pub t_us: u64,
    /// `rx`: what the meter sent. `tx`: what was sent to it.
    pub dir: Dir,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Direction of a chunk, seen from the one who listens to the meter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dir {
    /// From the meter.
    Rx,
    /// To the meter.
    Tx,
}

impl Dir {
    /// The word in the column `dir`.
    pub fn word(self) -> &'static str {
        match self {
            Dir::Rx => "rx",
            Dir::Tx => "tx",
        }
    }
}

/// Where in the pipeline of a reader bytes were taken (header key `stage`; field bugs, section 0 item 5:
/// a log dump is not a wire capture).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// As on the serial line, link layer included.
    Wire,
    /// Without the link layer: from the LLC or the APDU on.
    Unwrapped,
    /// After ciphering was undone, in place or in a copy.
    Decrypted,
}

impl Stage {
    /// The word in the header.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Wire => "wire",
            Stage::Unwrapped => "unwrapped",
            Stage::Decrypted => "decrypted",
        }
    }
}

/// What is wrong with a capture file, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct CaptureError {
    /// Line number, from 1.
    pub line: usize,
    /// What was found, and what was expected.
    pub what: String,
}

impl CaptureError {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

impl Capture {
    /// Reads a whole capture. For a large file use [`Reader`], which this is made of.
    ///
    /// # Errors
    /// The first line that is not as the module page says, or a capture without rows.
    pub fn parse(text: &str) -> Result<Self, CaptureError> {
        Self::read(text.as_bytes())
    }

    /// The same from bytes that may be no text.
    ///
    /// # Errors
    /// As [`Capture::parse`].
    pub fn read(bytes: &[u8]) -> Result<Self, CaptureError> {
        let mut reader = Reader::new(bytes)?;
        let mut rows = Vec::new();
        for row in &mut reader {
            rows.push(row?);
        }
        Ok(Self { header: reader.header, rows })
    }

    /// What the meter sent, with the times it arrived at.
    pub fn received(&self) -> impl Iterator<Item = (Instant, &[u8])> {
        let rows = self.rows.iter().filter(|row| row.dir == Dir::Rx);
        rows.map(|row| (Instant(row.t_us), &row.bytes[..]))
    }

    /// The canonical text. [`Capture::parse`] gives the same capture back when the header keeps its rules
    /// (trimmed values without line breaks, keys of letters, digits, `_`, `-` and `.`) and the rows are in
    /// order of time.
    pub fn to_text(&self) -> String {
        let mut text = header_text(&self.header);
        for row in &self.rows {
            text.push_str(&row.to_line());
        }
        text
    }
}

impl Row {
    /// The row as one line of a capture file, line end included.
    pub fn to_line(&self) -> String {
        format!("{},{},{}\n", self.t_us, self.dir.word(), crate::hex::text(&self.bytes))
    }
}

/// The keys of a meter that ciphers, as the header says them: `keys = <encryption> <authentication>`. None where it
/// says nothing.
pub fn keys(header: &BTreeMap<String, String>) -> Keys {
    let mut keys = header.get("keys").map_or("", String::as_str).split_whitespace().map(cipher_key);
    Keys { encryption: keys.next().flatten(), authentication: keys.next().flatten() }
}

fn is_keys(text: &str) -> bool {
    let mut keys = text.split_whitespace().map(cipher_key);
    matches!((keys.next(), keys.next(), keys.next()), (Some(Some(_)), None | Some(Some(_)), None))
}

fn cipher_key(digits: &str) -> Option<[u8; 16]> {
    crate::hex::bytes(digits)?.try_into().ok()
}

/// Bytes that [`begins_like_one`] looks at.
const BEGINNING: usize = 4096;

/// Whether input is meant as a capture, with or without mistakes: the column line stands near its beginning, or
/// something like it opens the file.
pub fn begins_like_one(input: &[u8]) -> bool {
    let head = input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(input);
    let head = &head[..head.len().min(BEGINNING)];
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let own = lines.clone().any(|line| line.starts_with(COLUMNS.as_bytes()));
    own || lines.find(|line| !line.is_empty()).is_some_and(|first| first.starts_with(b"t_us"))
}

/// The header lines and the column line: what a recorder writes before its first [`Row::to_line`].
pub fn header_text(header: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    let known = KEY_ORDER.iter().filter_map(|&key| header.get_key_value(key));
    let others = header.iter().filter(|(key, _)| !KEY_ORDER.contains(&key.as_str()));
    for (key, value) in known.chain(others) {
        text.push_str(&format!("# {key} = {value}\n"));
    }
    text.push_str(COLUMNS);
    text.push('\n');
    text
}

/// Reads a capture row by row, in constant memory.
pub struct Reader<R: BufRead> {
    header: BTreeMap<String, String>,
    rows: csv::Reader<Lines<R>>,
    record: csv::ByteRecord,
    /// Line of the column line; lines of rows are counted from there.
    column_line: usize,
    last_t_us: u64,
    seen: usize,
    over: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header, up to and with the column line.
    ///
    /// # Errors
    /// A header line that is not `# key = value`, a key given twice, a value that its key does not allow,
    /// or no column line.
    pub fn new(mut input: R) -> Result<Self, CaptureError> {
        let mut header = BTreeMap::new();
        let mut column_line = 0;
        loop {
            column_line += 1;
            let Some(line) = header_line(&mut input, column_line)? else {
                let what = format!("the file ends before the column line `{COLUMNS}`");
                return Err(CaptureError::new(column_line, what));
            };
            let line = if column_line == 1 { line.trim_start_matches('\u{feff}') } else { &line };
            if line == COLUMNS {
                break;
            }
            if column_line > HEADER_LINES_MAX {
                let what = format!("more than {HEADER_LINES_MAX} lines before the column line `{COLUMNS}`");
                return Err(CaptureError::new(column_line, what));
            }
            if !line.trim().is_empty() {
                let (key, value) =
                    header_entry(line, &header).map_err(|what| CaptureError::new(column_line, what))?;
                header.insert(key, value);
            }
        }
        let rows = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .quoting(false)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(Lines { input, line_len: 0, ended: true });
        let record = csv::ByteRecord::new();
        Ok(Self { header, rows, record, column_line, last_t_us: 0, seen: 0, over: false })
    }

    /// The `# key = value` lines.
    pub fn header(&self) -> &BTreeMap<String, String> {
        &self.header
    }

    fn next_row(&mut self) -> Result<Option<Row>, CaptureError> {
        loop {
            let read = self.rows.read_byte_record(&mut self.record);
            // Every line ends with a line end by the time the parser sees it, so that it is now one line ahead.
            let ahead = usize::try_from(self.rows.position().line()).unwrap_or(usize::MAX);
            match read {
                Ok(true) => {}
                Ok(false) if self.seen == 0 => {
                    return Err(CaptureError::new(self.column_line, "no rows after the column line"));
                }
                Ok(false) => return Ok(None),
                Err(error) => {
                    let what = format!("cannot be read: {error}");
                    return Err(CaptureError::new(self.column_line.saturating_add(ahead), what));
                }
            }
            let line = self.column_line.saturating_add(ahead).saturating_sub(1);
            if self.record.len() == 1 && self.record[0].trim_ascii().is_empty() {
                continue;
            }
            let row = row(&self.record).map_err(|what| CaptureError::new(line, what))?;
            if row.t_us < self.last_t_us {
                let what = format!(
                    "time {} goes backwards; expected at least {}, the time of the row before",
                    row.t_us, self.last_t_us
                );
                return Err(CaptureError::new(line, what));
            }
            self.last_t_us = row.t_us;
            self.seen += 1;
            return Ok(Some(row));
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Row, CaptureError>;

    /// Ends after the first error: what follows a bad line has no known time.
    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let row = self.next_row().transpose();
        self.over = !matches!(row, Some(Ok(_)));
        row
    }
}

/// One header line without its line end; `None` at the end of the file.
fn header_line(input: &mut impl BufRead, line: usize) -> Result<Option<String>, CaptureError> {
    let mut bytes = Vec::new();
    let limit = HEADER_LINE_MAX as u64 + 1;
    let read = Read::take(&mut *input, limit).read_until(b'\n', &mut bytes);
    read.map_err(|error| CaptureError::new(line, format!("cannot be read: {error}")))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.contains(&0) {
        return Err(CaptureError::new(line, "not a text file: found a NUL byte; expected a capture"));
    }
    if bytes.len() > HEADER_LINE_MAX {
        let what = format!("longer than {HEADER_LINE_MAX} bytes; expected a header line or `{COLUMNS}`");
        return Err(CaptureError::new(line, what));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| CaptureError::new(line, "not a text file: found bytes that are no UTF-8"))?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_string()))
}

/// Key and value of a header line.
fn header_entry(line: &str, header: &BTreeMap<String, String>) -> Result<(String, String), String> {
    let Some(entry) = line.strip_prefix('#') else {
        return Err(format!(
            "found `{}`; expected `# key = value` or the column line `{COLUMNS}`",
            shown(line.as_bytes())
        ));
    };
    let Some((key, value)) = entry.split_once('=') else {
        return Err(format!("found `{}` without `=`; expected `# key = value`", shown(line.as_bytes())));
    };
    let (key, value) = (key.trim(), value.trim());
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        return Err(format!(
            "found the key `{}`; expected letters, digits, `_`, `-` or `.`",
            shown(key.as_bytes())
        ));
    }
    if header.contains_key(key) {
        return Err(format!("the key `{key}` was already given; expected each key once"));
    }
    let allowed: &[&str] = match key {
        "evidence" => &["recorded", "rebuilt", "inferred"],
        "stage" => &["wire", "unwrapped", "decrypted"],
        "parity" => &["none", "even", "odd"],
        "keys" if !is_keys(value) => {
            // A key is nothing to be shown.
            return Err("keys are not as expected: one or two of 32 hex digits, encryption first".into());
        }
        "baud" if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(format!("baud is `{}`; expected a number such as 2400", shown(value.as_bytes())));
        }
        _ => &[],
    };
    if !allowed.is_empty() && !allowed.contains(&value) {
        return Err(format!(
            "{key} is `{}`; expected one of {}",
            shown(value.as_bytes()),
            allowed.join(", ")
        ));
    }
    Ok((key.to_string(), value.to_string()))
}

/// One row of the CSV part.
fn row(record: &csv::ByteRecord) -> Result<Row, String> {
    if record.iter().any(|field| field.contains(&0)) {
        return Err("not a text file: found a NUL byte; expected a row".to_string());
    }
    if record.len() != 3 {
        return Err(format!("found {} columns; expected three: {COLUMNS}", record.len()));
    }
    let (time, dir, hex) = (&record[0], &record[1], record[2].trim_ascii_end());
    let t_us = digits(time).ok_or_else(|| {
        format!("found `{}` in column t_us; expected microseconds as a whole number", shown(time))
    })?;
    let dir = match dir {
        b"rx" => Dir::Rx,
        b"tx" => Dir::Tx,
        other => return Err(format!("found `{}` in column dir; expected rx or tx", shown(other))),
    };
    if let Some(at) = hex.iter().position(|byte| !byte.is_ascii_hexdigit()) {
        let column = time.len() + 1 + dir.word().len() + 1 + at + 1;
        return Err(format!("found `{}` at column {column}; expected a hex digit", shown(&hex[at..=at])));
    }
    if !hex.len().is_multiple_of(2) {
        return Err(format!("found {} hex digits; expected an even number", hex.len()));
    }
    if hex.len() / 2 > ROW_BYTES_MAX {
        return Err(format!("found {} bytes in one row; expected at most {ROW_BYTES_MAX}", hex.len() / 2));
    }
    let bytes =
        std::str::from_utf8(hex).ok().and_then(crate::hex::bytes).ok_or("expected hex digits".to_string())?;
    Ok(Row { t_us, dir, bytes })
}

/// A number written in decimal digits only.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Foreign text for an error message: short and without control characters.
fn shown(text: &[u8]) -> String {
    let whole = String::from_utf8_lossy(&text[..text.len().min(160)]);
    let mut short: String = whole.chars().take(40).flat_map(char::escape_default).collect();
    if text.len() > 40 {
        short.push('…');
    }
    short
}

/// Passes bytes on, adds the line end that a last line may lack, and stops at a line that no row can be:
/// the CSV parser behind it would otherwise collect that line in memory whatever its length.
struct Lines<R: BufRead> {
    input: R,
    line_len: usize,
    ended: bool,
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(out)?;
        if read == 0 {
            if self.ended || out.is_empty() {
                return Ok(0);
            }
            self.ended = true;
            out[0] = b'\n';
            return Ok(1);
        }
        for &byte in &out[..read] {
            self.line_len = if byte == b'\n' { 0 } else { self.line_len + 1 };
            if self.line_len > ROW_LINE_MAX {
                let what = format!("a row is longer than {ROW_BYTES_MAX} bytes");
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
            }
        }
        self.ended = out[read - 1] == b'\n';
        Ok(read)
    }
}
