//! A-XDR elements (IEC 62056-6-2), as data-notifications carry them.
//!
//! A body is walked element by element, depth first, without building a tree and without allocating.
//! Refuses to know what an element means, and to follow more than [`DEPTH_MAX`] levels or [`COUNT_MAX`]
//! elements: foreign input is bounded input.

use super::{Problem, ProblemKind, ber};
use alloc::vec::Vec;
use nom::{
    IResult, Parser,
    bytes::complete::take,
    combinator::map,
    error::{Error, ErrorKind},
    number::complete::{be_i8, be_i16, be_i32, be_i64, be_u8, be_u16, be_u32, be_u64},
};

/// Deepest nesting of arrays and structures that is followed.
pub const DEPTH_MAX: usize = 8;
/// Most elements of one body that are followed. The largest list seen (Denmark) has 65.
pub const COUNT_MAX: usize = 256;

/// One element. Containers carry only their count; their children follow in the walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Element<'a> {
    /// Tag 00.
    Null,
    /// Tag 01: so many children follow.
    Array(usize),
    /// Tag 02: so many children follow.
    Structure(usize),
    /// Tag 03, the byte as sent.
    Boolean(u8),
    /// Tag 05, double-long.
    I32(i32),
    /// Tag 06, double-long-unsigned.
    U32(u32),
    /// Tag 09, octet-string.
    Octets(&'a [u8]),
    /// Tag 0A, visible-string; the bytes as sent, which may hold NULs.
    Text(&'a [u8]),
    /// Tag 0F, integer.
    I8(i8),
    /// Tag 10, long.
    I16(i16),
    /// Tag 11, unsigned.
    U8(u8),
    /// Tag 12, long-unsigned.
    U16(u16),
    /// Tag 14, long64.
    I64(i64),
    /// Tag 15, long64-unsigned.
    U64(u64),
    /// Tag 16, enum.
    Enum(u8),
    /// Tag 19, date-time.
    DateTime(&'a [u8]),
}

impl Element<'_> {
    /// The tag byte.
    pub fn tag(&self) -> u8 {
        match self {
            Element::Null => 0x00,
            Element::Array(_) => 0x01,
            Element::Structure(_) => 0x02,
            Element::Boolean(_) => 0x03,
            Element::I32(_) => 0x05,
            Element::U32(_) => 0x06,
            Element::Octets(_) => 0x09,
            Element::Text(_) => 0x0A,
            Element::I8(_) => 0x0F,
            Element::I16(_) => 0x10,
            Element::U8(_) => 0x11,
            Element::U16(_) => 0x12,
            Element::I64(_) => 0x14,
            Element::U64(_) => 0x15,
            Element::Enum(_) => 0x16,
            Element::DateTime(_) => 0x19,
        }
    }

    /// The number, for the number types; `None` for others and for a u64 above 2^63.
    pub fn integer(&self) -> Option<i64> {
        match *self {
            Element::I8(value) => Some(value.into()),
            Element::I16(value) => Some(value.into()),
            Element::I32(value) => Some(value.into()),
            Element::I64(value) => Some(value),
            Element::U8(value) => Some(value.into()),
            Element::U16(value) => Some(value.into()),
            Element::U32(value) => Some(value.into()),
            Element::U64(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// The name the standard gives this type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Element::Null => "null-data",
            Element::Array(_) => "array",
            Element::Structure(_) => "structure",
            Element::Boolean(_) => "boolean",
            Element::I32(_) => "double-long",
            Element::U32(_) => "double-long-unsigned",
            Element::Octets(_) => "octet-string",
            Element::Text(_) => "visible-string",
            Element::I8(_) => "integer",
            Element::I16(_) => "long",
            Element::U8(_) => "unsigned",
            Element::U16(_) => "long-unsigned",
            Element::I64(_) => "long64",
            Element::U64(_) => "long64-unsigned",
            Element::Enum(_) => "enum",
            Element::DateTime(_) => "date-time",
        }
    }

    /// Appends the element as it goes on the wire; for a container only its head.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
        match *self {
            Element::Null => {}
            Element::Array(count) | Element::Structure(count) => ber::encode_length(out, count),
            Element::Boolean(value) | Element::U8(value) | Element::Enum(value) => out.push(value),
            Element::I32(value) => out.extend(value.to_be_bytes()),
            Element::U32(value) => out.extend(value.to_be_bytes()),
            Element::I8(value) => out.extend(value.to_be_bytes()),
            Element::I16(value) => out.extend(value.to_be_bytes()),
            Element::U16(value) => out.extend(value.to_be_bytes()),
            Element::I64(value) => out.extend(value.to_be_bytes()),
            Element::U64(value) => out.extend(value.to_be_bytes()),
            Element::Octets(bytes) | Element::Text(bytes) => {
                ber::encode_length(out, bytes.len());
                out.extend(bytes);
            }
            Element::DateTime(bytes) => out.extend(bytes),
        }
    }
}

/// The bytes of a string: length, then so many.
fn string(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let (input, count) = ber::length(input)?;
    take(count)(input)
}

/// One element, head only for containers.
fn element(input: &[u8]) -> IResult<&[u8], Element<'_>> {
    let (rest, tag) = be_u8(input)?;
    match tag {
        0x00 => Ok((rest, Element::Null)),
        0x01 => map(ber::length, Element::Array).parse(rest),
        0x02 => map(ber::length, Element::Structure).parse(rest),
        0x03 => map(be_u8, Element::Boolean).parse(rest),
        0x05 => map(be_i32, Element::I32).parse(rest),
        0x06 => map(be_u32, Element::U32).parse(rest),
        0x09 => map(string, Element::Octets).parse(rest),
        0x0A => map(string, Element::Text).parse(rest),
        0x0F => map(be_i8, Element::I8).parse(rest),
        0x10 => map(be_i16, Element::I16).parse(rest),
        0x11 => map(be_u8, Element::U8).parse(rest),
        0x12 => map(be_u16, Element::U16).parse(rest),
        0x14 => map(be_i64, Element::I64).parse(rest),
        0x15 => map(be_u64, Element::U64).parse(rest),
        0x16 => map(be_u8, Element::Enum).parse(rest),
        0x19 => map(take(12_usize), Element::DateTime).parse(rest),
        _ => Err(nom::Err::Failure(Error::new(input, ErrorKind::Tag))),
    }
}

/// An element and where it starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token<'a> {
    /// Offset of the tag byte from the start of the body.
    pub offset: usize,
    /// Bytes of the element, for a container of its head.
    pub len: usize,
    /// 0 for the outermost element.
    pub depth: usize,
    /// The element.
    pub element: Element<'a>,
}

/// Walks a body depth first. Ends after the outermost element is complete, or after the first problem.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    body: &'a [u8],
    at: usize,
    /// Children still to come, per open container.
    open: [usize; DEPTH_MAX],
    depth: usize,
    count: usize,
    ended: bool,
}

impl<'a> Walk<'a> {
    /// Starts at the first byte of `body`.
    pub fn new(body: &'a [u8]) -> Self {
        Walk { body, at: 0, open: [0; DEPTH_MAX], depth: 0, count: 0, ended: false }
    }

    /// Bytes behind the outermost element; meaningful once the walk has ended.
    pub fn trailing(&self) -> usize {
        self.body.len() - self.at
    }

    /// Offset of the next element.
    pub fn offset(&self) -> usize {
        self.at
    }

    fn fail(&mut self, kind: ProblemKind) -> Option<Result<Token<'a>, Problem>> {
        self.ended = true;
        Some(Err(Problem { offset: self.at, kind }))
    }

    /// Opens a container, and closes those that are complete.
    fn descend(&mut self, children: usize) -> Result<(), ProblemKind> {
        if children > 0 {
            if self.depth == DEPTH_MAX {
                return Err(ProblemKind::TooDeep);
            }
            self.open[self.depth] = children;
            self.depth += 1;
            return Ok(());
        }
        while self.depth > 0 {
            self.open[self.depth - 1] -= 1;
            if self.open[self.depth - 1] > 0 {
                return Ok(());
            }
            self.depth -= 1;
        }
        self.ended = true;
        Ok(())
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Token<'a>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.count == COUNT_MAX {
            return self.fail(ProblemKind::TooMany);
        }
        let rest = &self.body[self.at..];
        let (after, element) = match element(rest) {
            Ok(found) => found,
            Err(nom::Err::Failure(error)) if error.code == ErrorKind::Tag => {
                return self.fail(ProblemKind::UnknownTag(rest[0]));
            }
            Err(nom::Err::Failure(error)) if error.code == ErrorKind::LengthValue => {
                return self.fail(ProblemKind::LengthForm(error.input[0]));
            }
            Err(_) => return self.fail(ProblemKind::Truncated),
        };
        let token = Token { offset: self.at, len: rest.len() - after.len(), depth: self.depth, element };
        let children = match element {
            Element::Array(children) | Element::Structure(children) => children,
            _ => 0,
        };
        if let Err(kind) = self.descend(children) {
            return self.fail(kind);
        }
        self.at += token.len;
        self.count += 1;
        Some(Ok(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn every_type_comes_back_as_it_was_written() {
        let elements = [
            Element::Structure(15),
            Element::Null,
            Element::Boolean(1),
            Element::I32(-5),
            Element::U32(0xFFFF_FFFF),
            Element::Octets(&[1, 2, 3]),
            Element::Text(b"KFM_001"),
            Element::I8(-3),
            Element::I16(-300),
            Element::U8(200),
            Element::U16(50_000),
            Element::I64(-7),
            Element::U64(u64::MAX),
            Element::Enum(27),
            Element::DateTime(&[9; 12]),
            Element::Array(0),
        ];
        let mut bytes = Vec::new();
        for element in &elements {
            element.encode(&mut bytes);
        }
        let back: Vec<_> = Walk::new(&bytes).map(|token| token.expect("well-formed").element).collect();
        assert_eq!(back, elements);
    }

    #[test]
    fn nesting_and_counting_are_bounded() {
        let deep = [2_u8, 1].repeat(20);
        assert_eq!(Walk::new(&deep).last().expect("tokens").map_err(|p| p.kind), Err(ProblemKind::TooDeep));
        let mut many = vec![1, 0x82, 0xFF, 0xFF];
        many.extend(vec![0; 70_000]);
        assert_eq!(Walk::new(&many).last().expect("tokens").map_err(|p| p.kind), Err(ProblemKind::TooMany));
    }

    #[test]
    fn a_cut_body_says_where_it_ends() {
        let problem = Walk::new(&[2, 2, 6, 0, 0, 0, 9, 6, 0, 0]).last().expect("tokens").expect_err("cut");
        assert_eq!(problem, Problem { offset: 7, kind: ProblemKind::Truncated });
    }

    #[test]
    fn a_length_of_a_form_that_no_telegram_has_is_not_taken_for_a_cut() {
        for body in [&[2, 0x83, 0, 0, 1, 0][..], &[9, 0x83, 0, 0, 1, 0]] {
            let problem = Walk::new(body).last().expect("a problem").expect_err("no such length");
            assert_eq!(problem, Problem { offset: 0, kind: ProblemKind::LengthForm(0x83) });
        }
    }
}
