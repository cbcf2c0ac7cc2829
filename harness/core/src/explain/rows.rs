//! Rows that tile their bytes by construction, and their plain text.

use super::{Annotated, INSIDE};
use crate::hex;
use std::fmt::Write;

/// Bytes of one line of text.
const WRAP: usize = 16;
/// Widest meaning that the others are aligned to.
const MEANING_MAX: usize = 48;

/// Writes rows over some bytes from the first to the last; a row takes the bytes from where the one before ended.
pub(super) struct Out<'a> {
    rows: &'a mut Vec<Annotated>,
    pub(super) bytes: &'a [u8],
    /// First byte that is in no row yet.
    pub(super) at: usize,
    /// Offset of the first byte.
    base: usize,
    inside: bool,
}

impl<'a> Out<'a> {
    /// Over input bytes that stand at `base`.
    pub(super) fn new(rows: &'a mut Vec<Annotated>, bytes: &'a [u8], base: usize) -> Self {
        Out { rows, bytes, at: 0, base, inside: false }
    }

    /// Over a message that does not stand in the input as it is.
    pub(super) fn inside(rows: &'a mut Vec<Annotated>, bytes: &'a [u8]) -> Self {
        Out { rows, bytes, at: 0, base: 0, inside: true }
    }

    /// Lets `explain` write the rows up to `end`; it sees no byte behind it.
    pub(super) fn within(&mut self, end: usize, explain: impl FnOnce(&mut Out<'_>)) {
        let end = end.min(self.bytes.len()).max(self.at);
        let Out { at, base, inside, .. } = *self;
        let mut part = Out { rows: self.rows, bytes: &self.bytes[..end], at, base, inside };
        explain(&mut part);
        part.upto(end, "unreadable", "");
        self.at = end;
    }

    /// The bytes that are in no row yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// One row up to `end`, or to the last byte where there are fewer; none where no byte is left.
    pub(super) fn upto(&mut self, end: usize, meaning: impl Into<String>, value: impl Into<String>) {
        let bytes = self.bytes.get(self.at..end.min(self.bytes.len())).unwrap_or(&[]);
        if bytes.is_empty() {
            return;
        }
        let meaning = meaning.into();
        let meaning = if self.inside { format!("{INSIDE}{meaning}") } else { meaning };
        let offset = self.base + self.at;
        self.rows.push(Annotated { offset, bytes: bytes.to_vec(), meaning, value: value.into() });
        self.at += bytes.len();
    }

    /// One row of `count` bytes.
    pub(super) fn row(&mut self, count: usize, meaning: impl Into<String>, value: impl Into<String>) {
        self.upto(self.at.saturating_add(count), meaning, value);
    }

    /// One row of all that is left.
    pub(super) fn rest_is(&mut self, meaning: impl Into<String>, value: impl Into<String>) {
        self.upto(usize::MAX, meaning, value);
    }
}

/// A remark without bytes.
pub(super) fn note(offset: usize, meaning: impl Into<String>, value: impl Into<String>) -> Annotated {
    Annotated { offset, bytes: Vec::new(), meaning: meaning.into(), value: value.into() }
}

/// Bytes with blanks between them.
pub(super) fn spaced(bytes: &[u8]) -> String {
    bytes.chunks(1).map(hex::text).collect::<Vec<_>>().join(" ")
}

/// Aligned plain text: offset, hex in lines of 16 bytes, meaning, value.
///
/// A `+` stands before offsets that count inside a message; notes stand behind `#`.
pub fn text(rows: &[Annotated]) -> String {
    let width = rows.iter().filter(|row| !row.is_note()).map(|row| meaning(row).chars().count());
    let width = width.filter(|&width| width <= MEANING_MAX).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        if row.is_note() {
            put_note(&mut text, row);
        } else {
            put_bytes(&mut text, row, width);
        }
    }
    text
}

fn meaning(row: &Annotated) -> &str {
    row.meaning.strip_prefix(INSIDE).unwrap_or(&row.meaning)
}

fn offset(row: &Annotated) -> String {
    format!("{}{}", if row.is_inside() { "+" } else { "" }, row.offset)
}

fn put_note(text: &mut String, row: &Annotated) {
    let colon = if row.value.is_empty() { "" } else { ": " };
    put_line(text, format_args!("# {} {}{colon}{}", offset(row), meaning(row), row.value));
}

fn put_bytes(text: &mut String, row: &Annotated, width: usize) {
    for (line, bytes) in row.bytes.chunks(WRAP).enumerate() {
        if line == 0 {
            let words = format_args!("{:width$}  {}", meaning(row), row.value).to_string();
            put_line(text, format_args!("{:>6}  {:47}  {words}", offset(row), spaced(bytes)));
        } else {
            put_line(text, format_args!("{:8}{}", "", spaced(bytes)));
        }
    }
}

fn put_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let start = text.len();
    write!(text, "{line}").expect("a String takes everything");
    text.truncate(start + text[start..].trim_end().len());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_part_leaves_out_is_a_row_of_its_own() {
        let mut rows = Vec::new();
        let mut out = Out::new(&mut rows, &[1, 2, 3, 4, 5], 10);
        out.row(1, "first", "");
        out.within(4, |out| out.row(1, "second", ""));
        out.row(9, "last", "");
        let found: Vec<_> =
            rows.iter().map(|row| (row.offset, &row.bytes[..], row.meaning.as_str())).collect();
        let expected =
            [(10, &[1][..], "first"), (11, &[2], "second"), (12, &[3, 4], "unreadable"), (14, &[5], "last")];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_part_sees_no_byte_behind_it() {
        let mut rows = Vec::new();
        let mut out = Out::new(&mut rows, &[1, 2, 3], 0);
        out.within(2, |out| out.row(9, "part", ""));
        assert_eq!(out.at, 2);
        assert_eq!(rows[0].bytes, [1, 2]);
    }
}
