//! TOML files that people write: every mistake names its line.
//!
//! Refuses to know what is in them.

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
