//! Wired M-Bus long frame with DLMS inside (EN 13757-2, EN 13757-3): header, frame, encoder.
//!
//! ```text
//! 68 | L | L | 68 | C | A | CI | STSAP | DTSAP | data | sum from C to the last data byte | 16
//! ```
//!
//! CI is the transport control: bits 3–0 number the segment from 0, bit 4 marks the last one (Kaifa MA309M,
//! Sagemcom T210-D; protocol sheet, section 2). Refuses every other use of M-Bus: single characters, short
//! frames, and long frames with a measured-data CI carry nothing of this family.

use alloc::vec::Vec;

use nom::bytes::streaming::tag;
use nom::combinator::verify;
use nom::number::streaming::u8;
use nom::{IResult, Parser};

/// First and fourth byte of a long frame.
pub const START: u8 = 0x68;
/// Last byte of a frame.
pub const STOP: u8 = 0x16;
/// C, A, CI, STSAP, DTSAP: what the length counts before the first data byte.
pub const FIELDS: usize = 5;
/// Bytes around what the length counts.
const AROUND: usize = 6;
/// A length smaller than its own fields has lost its ninth bit (Sagemcom writes 01 for 257; field bug G6).
const WRAP: usize = 256;
/// Most data bytes of one segment, the lost ninth bit used.
pub const DATA_MAX: usize = WRAP + FIELDS - 1 - FIELDS;
/// Bytes that decide whether a frame starts: the length stands twice, and C, A, CI have few values.
pub(crate) const HEADER: usize = 7;

/// One frame, good or bad. Bytes are as sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// Control byte: 53 or 73, send user data.
    pub control: u8,
    /// Address byte: FF, broadcast.
    pub address: u8,
    /// Number of the segment, from 0.
    pub segment: u8,
    /// No segment of the message follows.
    pub last: bool,
    /// Source and destination service access point, where the frame is long enough.
    pub access_points: Option<[u8; 2]>,
    /// A part of the APDU. Of a bad frame: what is there, for display only.
    pub data: &'a [u8],
    /// The checksum fits and the stop byte stands where the length says.
    pub checksum_ok: bool,
}

impl<'a> Frame<'a> {
    /// The frame in `bytes`, whose header was accepted before and whose check is known.
    pub(crate) fn accepted(bytes: &'a [u8], checksum_ok: bool) -> Frame<'a> {
        let (_, header) =
            header(bytes).expect("the framer gives out a frame only behind a header that was read");
        let end = (header.length + AROUND - 2).min(bytes.len());
        let user = &bytes[HEADER.min(end)..end];
        let (access_points, data) = match user {
            [source, destination, data @ ..] => (Some([*source, *destination]), data),
            _ => (None, &[][..]),
        };
        Frame {
            control: header.control,
            address: header.address,
            segment: header.transport & 0x0F,
            last: header.transport & 0x10 != 0,
            access_points,
            data,
            checksum_ok,
        }
    }
}

/// What the bytes from a start byte on are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Probe {
    /// No frame.
    No,
    /// The header goes on behind the bytes that are there.
    NotYet,
    /// A header; so many bytes from the start byte to the stop byte.
    Header(usize),
}

/// Tests a header. `bytes` starts with the start byte.
pub(crate) fn probe(bytes: &[u8]) -> Probe {
    match header(bytes) {
        Ok((_, header)) => Probe::Header(header.length + AROUND),
        Err(nom::Err::Incomplete(_)) => Probe::NotYet,
        Err(_) => Probe::No,
    }
}

/// Checksum and stop byte fit. `bytes` is as long as its accepted header says.
pub(crate) fn is_intact(bytes: &[u8]) -> bool {
    match bytes {
        [_, _, _, _, summed @ .., check, STOP] => sum(summed) == *check,
        _ => false,
    }
}

/// The checksum of the bytes from C to the last data byte.
pub(crate) fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, &byte| sum.wrapping_add(byte))
}

struct Header {
    /// Bytes from C to the last data byte, the ninth bit restored.
    length: usize,
    control: u8,
    address: u8,
    transport: u8,
}

/// `68 L L 68 C A CI`.
fn header(input: &[u8]) -> IResult<&[u8], Header> {
    let (rest, _) = tag(&[START][..]).parse(input)?;
    let (rest, length) = u8(rest)?;
    let (rest, _) = tag(&[length, START][..]).parse(rest)?;
    let (rest, control) = verify(u8, |&byte| byte == 0x53 || byte == 0x73).parse(rest)?;
    let (rest, address) = u8(rest)?;
    let (rest, transport) = verify(u8, |&byte| byte < 0x20).parse(rest)?;
    let length = usize::from(length);
    let length = if length < FIELDS { length + WRAP } else { length };
    Ok((rest, Header { length, control, address, transport }))
}

/// Writes an APDU as long frames with at most `data_max` bytes of it each, numbered from 0.
///
/// C 53, A FF, access points 01 and 67, as the Austrian meters send.
/// Panics when `data_max` is 0 or above [`DATA_MAX`], or when sixteen segments are not enough.
pub fn encode(out: &mut Vec<u8>, data_max: usize, apdu: &[u8]) {
    assert!((1..=DATA_MAX).contains(&data_max), "M-Bus segment of {data_max} bytes: 1 to {DATA_MAX} fit");
    let count = apdu.len().div_ceil(data_max).max(1);
    assert!(count <= 16, "{count} M-Bus segments: the number has four bits");
    for number in 0..count {
        let data = &apdu[number * data_max..apdu.len().min((number + 1) * data_max)];
        let last = if number + 1 == count { 0x10 } else { 0 };
        // The cast drops the ninth bit, which is how 257 bytes are announced as 01.
        let length = (data.len() + FIELDS) as u8;
        out.extend_from_slice(&[START, length, length, START]);
        let summed = out.len();
        out.extend_from_slice(&[0x53, 0xFF, last | number as u8, 0x01, 0x67]);
        out.extend_from_slice(data);
        let check = sum(&out[summed..]);
        out.extend_from_slice(&[check, STOP]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(data_max: usize, apdu: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, data_max, apdu);
        out
    }

    #[test]
    fn last_segment_is_numbered_and_marked() {
        let bytes = encoded(2, &[1, 2, 3]);
        assert_eq!(bytes[..13], [0x68, 7, 7, 0x68, 0x53, 0xFF, 0x00, 0x01, 0x67, 1, 2, 0xBD, 0x16]);
        let frame = Frame::accepted(&bytes[13..], true);
        assert_eq!((frame.segment, frame.last, frame.data), (1, true, &[3][..]));
        assert_eq!((frame.control, frame.address, frame.access_points), (0x53, 0xFF, Some([0x01, 0x67])));
    }

    #[test]
    fn length_that_lost_its_ninth_bit_is_restored() {
        for (data, sent) in [(250, 0xFF), (251, 0x00), (252, 0x01), (255, 0x04)] {
            let bytes = encoded(data, &[0xAA; 255][..data]);
            assert_eq!((bytes[1], bytes.len()), (sent, data + 11));
            assert_eq!(probe(&bytes), Probe::Header(data + 11));
            assert!(is_intact(&bytes));
            assert_eq!(Frame::accepted(&bytes, true).data.len(), data);
        }
    }

    #[test]
    fn header_must_repeat_its_length_and_carry_dlms() {
        let bytes = encoded(100, &[1, 2, 3]);
        assert_eq!(probe(&bytes[..6]), Probe::NotYet);
        for (at, byte) in [(1, 9), (2, 9), (3, 0x69), (4, 0x08), (6, 0x72)] {
            let mut other = bytes.clone();
            other[at] = byte;
            assert_eq!(probe(&other), Probe::No, "byte {at}");
        }
    }

    #[test]
    fn checksum_and_stop_byte_must_fit() {
        let bytes = encoded(100, &[1, 2, 3]);
        for at in 4..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x20;
            assert!(!is_intact(&other), "byte {at}");
        }
    }
}
