//! TOML files that people write: every mistake names its line.
//!
//! Refuses to know what is in them.

use serde::de::DeserializeOwned;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;

/// A mistake in a file that a person wrote.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct SpecError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, and what was expected.
    pub what: String,
}

/// The text of the file, for the line of a mistake.
#[derive(Clone, Copy)]
pub(crate) struct File<'a> {
    pub(crate) text: &'a str,
}

impl File<'_> {
    /// The file as `T`.
    pub(crate) fn parse<T: DeserializeOwned>(self) -> Result<T, SpecError> {
        toml::from_str(self.text)
            .map_err(|error| self.error(error.span().unwrap_or(0..0), plain(self.text, &error)))
    }

    /// Line of the first byte of `span`, from 1.
    pub(crate) fn line(self, span: &Range<usize>) -> usize {
        self.text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count() + 1
    }

    /// A mistake at the bytes `span`.
    pub(crate) fn error(self, span: Range<usize>, what: impl Into<String>) -> SpecError {
        SpecError { line: self.line(&span), what: what.into() }
    }

    /// A number within limits; NaN and infinity are within none.
    pub(crate) fn number(
        self,
        raw: &Spanned<f64>,
        key: &str,
        limits: RangeInclusive<f64>,
    ) -> Result<f64, SpecError> {
        let value = *raw.get_ref();
        if limits.contains(&value) {
            return Ok(value);
        }
        let what = format!("`{key}` is {value}; expected {} to {}", limits.start(), limits.end());
        Err(self.error(raw.span(), what))
    }

    /// The same for a number that may be left out.
    pub(crate) fn number_or(
        self,
        raw: Option<&Spanned<f64>>,
        key: &str,
        limits: RangeInclusive<f64>,
        default: f64,
    ) -> Result<f64, SpecError> {
        raw.map_or(Ok(default), |raw| self.number(raw, key, limits))
    }

    /// Refuses keys that mean nothing beside the rest of a table: each with its place, if it is there, and whether it
    /// means something.
    pub(crate) fn strays<const N: usize>(
        self,
        whose: &str,
        keys: [(&str, Option<Range<usize>>, bool); N],
    ) -> Result<(), SpecError> {
        for (key, span, means) in keys {
            if let Some(span) = span.filter(|_| !means) {
                let what = format!("`{key}` means nothing for {whose}; expected it to be left out");
                return Err(self.error(span, what));
            }
        }
        Ok(())
    }

    /// A value without which the table at `span` says nothing.
    pub(crate) fn needed<T>(
        self,
        value: Option<T>,
        span: &Range<usize>,
        key: &str,
        why: &str,
    ) -> Result<T, SpecError> {
        value.ok_or_else(|| self.error(span.clone(), format!("`{key}` is missing: {why}")))
    }
}

/// Longest value that is quoted whole, in characters.
const QUOTE_MAX: usize = 40;

/// What the parser says of a value, in the words of the file and not of this program: which key, what it is, what was
/// expected. What it says of anything else, such as an unknown key, stays as it is.
pub fn plain(text: &str, error: &toml::de::Error) -> String {
    let said = error.message().trim().replace('\n', ", ");
    let span = error.span().unwrap_or(0..0);
    let (Some(before), Some(value)) = (text.get(..span.start), text.get(span)) else { return said };
    // What it says of a word that is one of several.
    let said = said.replace("wanted string or table", "expected a string");
    let of_a_value = [
        "invalid ",
        "expected ",
        "integer number ",
        "floating-point number ",
        "string values must be quoted",
    ];
    let Some(key) = key_before(before).filter(|_| of_a_value.iter().any(|start| said.starts_with(start)))
    else {
        return said;
    };
    if said.contains("number overflowed") {
        let digits = value.chars().filter(char::is_ascii_digit).count();
        return format!("`{key}` is {} with {digits} digits; expected a number of at most 18", quoted(value));
    }
    let expected = match said.rsplit_once("expected ") {
        Some((_, expected)) => in_the_file(expected),
        // A value that the parser itself cannot read.
        None => return format!("`{key}`: {said}"),
    };
    match said.strip_prefix("invalid length ").and_then(|rest| rest.split_once(',')) {
        Some((length, _)) => format!("`{key}` has {length} values; expected {expected}"),
        None if value.trim().is_empty() => format!("`{key}` has no value; expected {expected}"),
        None => format!("`{key}` is {}; expected {expected}", quoted(value)),
    }
}

/// The key whose value begins behind `before`, or around there: what stands before the last `=` that has a key on
/// its left.
fn key_before(before: &str) -> Option<&str> {
    let part_of_key = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    before.match_indices('=').rev().find_map(|(at, _)| {
        let left = before[..at].trim_end_matches([' ', '\t']);
        let key = &left[left.trim_end_matches(part_of_key).len()..];
        let around = left[..left.len() - key.len()].trim_end_matches([' ', '\t']).chars().next_back();
        let begins = around.is_none_or(|letter| "\n{,".contains(letter));
        (begins && !key.is_empty()).then_some(key)
    })
}

/// What the parser expected, in words of the file.
fn in_the_file(expected: &str) -> String {
    let whole = |from: &str, to: &str| format!("a whole number from {from} to {to}");
    match expected {
        "f64" | "f32" => "a number".into(),
        "u8" => whole("0", "255"),
        "u16" => whole("0", "65535"),
        "u32" => whole("0", "4294967295"),
        "u64" | "usize" => "a whole number from 0".into(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".into(),
        // A word without quotes; by its first letter the parser takes it for one of these.
        "literal string" | "`true`" | "`false`" | "`inf`" | "`nan`" => "a number, or a text in quotes".into(),
        "a string" => "a text in quotes".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list".into(),
        "a map" => "a table".into(),
        _ if expected.starts_with("struct ") => "a table".into(),
        _ => expected
            .strip_prefix("an array of length ")
            .map_or_else(|| expected.to_string(), |length| format!("a list of {length}")),
    }
}

/// A value on one line, and not all of a long one.
fn quoted(value: &str) -> String {
    let line = value.lines().next().unwrap_or_default();
    match line.char_indices().nth(QUOTE_MAX) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None if line.len() < value.trim_end().len() => format!("{line}…"),
        None => line.to_string(),
    }
}

/// The known word that is nearest to what was written, where one is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|candidate| (distance(word, candidate), candidate));
    let (score, best) = scored.min_by_key(|(score, _)| *score)?;
    (score <= 1 + best.len() / 4).then_some(best)
}

/// Levenshtein distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
