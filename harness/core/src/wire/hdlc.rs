//! HDLC frame format type 3 (IEC 62056-46, ISO/IEC 13239): header, frame, encoder.
//!
//! ```text
//! 7E | A0…AF len | destination 1…4 | source 1…4 | control | HCS | information | FCS | 7E
//! ```
//!
//! The length decides where a frame ends. There is no byte stuffing: 7E and 7D occur freely between the flags
//! (field bug H2), so nothing here looks for the closing flag. A frame without information has an FCS only.
//! Refuses to interpret addresses and the control byte; they differ per vendor and mean nothing to a reader.

use alloc::vec::Vec;

use nom::bytes::streaming::take_while_m_n;
use nom::combinator::{recognize, verify};
use nom::number::streaming::{be_u16, le_u16, u8};
use nom::{IResult, Parser};

use super::crc;

/// Stands before and behind every frame; two frames may share one.
pub const FLAG: u8 = 0x7E;
/// Longest frame between its flags: the length field has eleven bits.
pub const LENGTH_MAX: usize = 0x7FF;
/// Shortest frame between its flags: format, two addresses, control, FCS.
pub const LENGTH_MIN: usize = 7;
/// Longest address (IEC 62056-46, 6.4.2.3).
pub const ADDRESS_MAX: usize = 4;
/// Longest header including flag and HCS: no more bytes are ever needed to tell whether a frame starts here.
pub(crate) const HEADER_MAX: usize = 1 + 2 + 2 * ADDRESS_MAX + 1 + 2;

/// One frame, good or bad. Bytes are as sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// More frames of the same message follow (bit S of the format field).
    pub segmented: bool,
    /// Length field: bytes between the flags, as announced.
    pub length: usize,
    /// Destination address.
    pub destination: &'a [u8],
    /// Source address.
    pub source: &'a [u8],
    /// Control byte.
    pub control: u8,
    /// The header check sequence fits. For a frame without information: the FCS, which is all it has.
    pub hcs_ok: bool,
    /// The frame check sequence fits *and* the closing flag stands where the length says.
    pub fcs_ok: bool,
    /// What the frame carries, LLC included. Of a bad frame: what is there, for display only.
    pub information: &'a [u8],
    /// It starts with a flag of its own. False: the flag before it belongs to the frame before.
    pub opening_flag: bool,
    /// A flag stands where the length says.
    pub closing_flag: bool,
}

impl<'a> Frame<'a> {
    /// Header and frame check fit: only such a frame may be read.
    pub fn is_good(&self) -> bool {
        self.hcs_ok && self.fcs_ok
    }

    /// Reads the bytes of one frame, starting with a flag, and checks them.
    ///
    /// For bytes that somebody says are one frame (a pasted dump). Bytes behind the announced end are ignored;
    /// a frame that is cut has `fcs_ok == false`. `None` when not even the header fields are there.
    pub fn decode(bytes: &'a [u8]) -> Option<Frame<'a>> {
        let body = bytes.strip_prefix(&[FLAG])?;
        let (_, fields) = header(body).ok()?;
        let whole = fields.length + 2;
        let fcs_ok = bytes.len() >= whole && is_intact(&bytes[..whole], true);
        Some(Frame::new(&bytes[..bytes.len().min(whole)], true, fields, fields.check_fits(body), fcs_ok))
    }

    /// The frame in `bytes`, whose header was accepted before and whose check is known.
    pub(crate) fn accepted(bytes: &'a [u8], opening_flag: bool, fcs_ok: bool) -> Frame<'a> {
        let (_, fields) = header(&bytes[usize::from(opening_flag)..])
            .expect("the framer gives out a frame only behind a header that was read");
        Frame::new(bytes, opening_flag, fields, true, fcs_ok)
    }

    fn new(bytes: &'a [u8], opening_flag: bool, fields: Header<'a>, hcs_ok: bool, fcs_ok: bool) -> Frame<'a> {
        let body = &bytes[usize::from(opening_flag)..];
        let end = fields.length.saturating_sub(2).min(body.len());
        let information = body.get(fields.size + 2..end).unwrap_or(&[]);
        Frame {
            segmented: fields.segmented,
            length: fields.length,
            destination: fields.destination,
            source: fields.source,
            control: fields.control,
            hcs_ok,
            fcs_ok,
            information,
            opening_flag,
            closing_flag: body.get(fields.length) == Some(&FLAG),
        }
    }
}

/// What the bytes behind a flag are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Probe {
    /// No frame of format type 3.
    No,
    /// The header goes on behind the bytes that are there.
    NotYet,
    /// A format field whose length has no room for the header, or an address without an end.
    WrongLength,
    /// A header whose check sequence is wrong.
    WrongChecksum,
    /// A header with a right check sequence.
    Header {
        /// Bytes between the flags.
        length: usize,
        /// Bytes from the format field to the header check sequence.
        header: usize,
    },
}

/// Tests a header. `body` starts with the format field.
///
/// The check sequence is tested before the length is believed: stray `7E A7 FF` must not swallow the good
/// frames behind it.
pub(crate) fn probe(body: &[u8]) -> Probe {
    match body.first() {
        None => return Probe::NotYet,
        Some(byte) if byte >> 4 != 0xA => return Probe::No,
        Some(_) => {}
    }
    match header(body) {
        Err(nom::Err::Incomplete(_)) => Probe::NotYet,
        Err(_) => Probe::WrongLength,
        Ok((_, fields)) if !fields.length_fits() => Probe::WrongLength,
        Ok((_, fields)) if fields.check_fits(body) => {
            Probe::Header { length: fields.length, header: fields.size + 2 }
        }
        Ok(_) => Probe::WrongChecksum,
    }
}

/// The frame check fits and the flags are there. `bytes` is as long as its accepted header says.
pub(crate) fn is_intact(bytes: &[u8], opening_flag: bool) -> bool {
    let body = &bytes[usize::from(opening_flag)..];
    match body {
        [checked @ .., low, high, FLAG] => crc::x25(checked) == u16::from_le_bytes([*low, *high]),
        _ => false,
    }
}

/// The fields before the first check sequence.
#[derive(Clone, Copy)]
struct Header<'a> {
    segmented: bool,
    length: usize,
    destination: &'a [u8],
    source: &'a [u8],
    control: u8,
    /// Bytes from the format field to the control byte.
    size: usize,
    /// The two bytes behind it: HCS, or FCS of a frame without information.
    check: u16,
}

impl Header<'_> {
    /// Behind the first check sequence comes nothing, or at least an FCS.
    fn length_fits(&self) -> bool {
        let behind = self.length.checked_sub(self.size + 2);
        behind.is_some_and(|behind| behind == 0 || behind >= 2)
    }

    fn check_fits(&self, body: &[u8]) -> bool {
        self.length_fits() && crc::x25(&body[..self.size]) == self.check
    }
}

/// `format destination source control check`, from the format field on.
fn header(input: &[u8]) -> IResult<&[u8], Header<'_>> {
    let (rest, format) = format_field(input)?;
    let (rest, destination) = address(rest)?;
    let (rest, source) = address(rest)?;
    let (rest, control) = u8(rest)?;
    let size = input.len() - rest.len();
    let (rest, check) = le_u16(rest)?;
    let header = Header {
        segmented: format & 0x0800 != 0,
        length: usize::from(format & 0x07FF),
        destination,
        source,
        control,
        size,
        check,
    };
    Ok((rest, header))
}

/// Type 3 in the upper four bits, S, and a length with room for the shortest frame.
fn format_field(input: &[u8]) -> IResult<&[u8], u16> {
    verify(be_u16, |format| format >> 12 == 0xA && usize::from(format & 0x07FF) >= LENGTH_MIN).parse(input)
}

/// One to four bytes; only the last one has its lowest bit set.
fn address(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let more = take_while_m_n(0, ADDRESS_MAX - 1, |byte: u8| byte & 1 == 0);
    recognize((more, verify(u8, |byte| byte & 1 == 1))).parse(input)
}

/// Writes one frame with both flags.
///
/// An address is its bytes as sent, the last one odd. Without information there is no HCS, as the standard has it.
/// Panics when an address is none or the frame would be longer than [`LENGTH_MAX`].
pub fn encode(
    out: &mut Vec<u8>,
    destination: &[u8],
    source: &[u8],
    control: u8,
    segmented: bool,
    information: &[u8],
) {
    for address in [destination, source] {
        assert!(is_address(address), "HDLC address {address:02x?}: 1 to 4 bytes, only the last one odd");
    }
    let header = 2 + destination.len() + source.len() + 1;
    let length = header + 2 + if information.is_empty() { 0 } else { information.len() + 2 };
    assert!(length <= LENGTH_MAX, "HDLC frame of {length} bytes, at most {LENGTH_MAX} fit");
    let format = 0xA000 | (u16::from(segmented) << 11) | length as u16;

    out.push(FLAG);
    let start = out.len();
    out.extend_from_slice(&format.to_be_bytes());
    out.extend_from_slice(destination);
    out.extend_from_slice(source);
    out.push(control);
    if !information.is_empty() {
        let hcs = crc::x25(&out[start..]);
        out.extend_from_slice(&hcs.to_le_bytes());
        out.extend_from_slice(information);
    }
    let fcs = crc::x25(&out[start..]);
    out.extend_from_slice(&fcs.to_le_bytes());
    out.push(FLAG);
}

/// Writes an information field as one frame, or as segmented frames of at most `part_max` bytes of it each.
///
/// Panics as [`encode`] does, and when `part_max` is 0.
pub fn encode_segmented(
    out: &mut Vec<u8>,
    destination: &[u8],
    source: &[u8],
    control: u8,
    part_max: usize,
    information: &[u8],
) {
    assert!(part_max > 0, "segments of 0 bytes never end");
    let mut rest = information;
    while rest.len() > part_max {
        let (part, behind) = rest.split_at(part_max);
        encode(out, destination, source, control, true, part);
        rest = behind;
    }
    encode(out, destination, source, control, false, rest);
}

fn is_address(bytes: &[u8]) -> bool {
    address(bytes).is_ok_and(|(rest, _)| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(destination: &[u8], source: &[u8], information: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, destination, source, 0x13, false, information);
        out
    }

    #[test]
    fn header_is_the_one_the_vendors_document() {
        // Aidon list 1: length 42, header check 04 13 (protocol sheet, section 2).
        let frame = encoded(&[0x41], &[0x08, 0x83], &[0; 32]);
        assert_eq!(frame[..9], [0x7E, 0xA0, 0x2A, 0x41, 0x08, 0x83, 0x13, 0x04, 0x13]);
        assert_eq!(frame.len(), 44);
    }

    #[test]
    fn every_address_length_is_read() {
        for destination in [&[0x41][..], &[0x02, 0x01], &[0x02, 0x04, 0x06, 0x01]] {
            for source in [&[0x21][..], &[0x08, 0x83], &[0x00, 0x00, 0x00, 0x01]] {
                let bytes = encoded(destination, source, b"information");
                let frame = Frame::decode(&bytes).expect("a frame");
                assert!(frame.is_good() && frame.opening_flag && frame.closing_flag && !frame.segmented);
                assert_eq!((frame.destination, frame.source), (destination, source));
                assert_eq!((frame.control, frame.information), (0x13, &b"information"[..]));
                assert_eq!(frame.length, bytes.len() - 2);
            }
        }
    }

    #[test]
    fn frame_without_information_has_one_check_only() {
        let bytes = encoded(&[0x41], &[0x03], &[]);
        assert_eq!(bytes.len(), 9);
        let frame = Frame::decode(&bytes).expect("a frame");
        assert!(frame.is_good() && frame.information.is_empty());
    }

    #[test]
    fn each_check_is_reported_by_itself() {
        let bytes = encoded(&[0x41], &[0x03], b"information");
        let checks = |at: usize| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x10;
            let frame = Frame::decode(&bytes).expect("a frame");
            (frame.hcs_ok, frame.fcs_ok)
        };
        assert_eq!(checks(6), (false, false), "an HCS byte is covered by the FCS");
        assert_eq!(checks(8), (true, false));
        assert_eq!(checks(bytes.len() - 2), (true, false));
        assert_eq!(checks(bytes.len() - 1), (true, false), "no closing flag");
        assert!(Frame::decode(&bytes[..bytes.len() - 1]).is_some_and(|frame| !frame.fcs_ok));
    }

    #[test]
    fn zeroed_frame_check_is_no_frame_check() {
        let mut bytes = encoded(&[0x41], &[0x03], b"information");
        let fcs = bytes.len() - 3;
        bytes[fcs..fcs + 2].fill(0);
        assert!(Frame::decode(&bytes).is_some_and(|frame| !frame.fcs_ok));
    }

    #[test]
    fn header_is_tested_before_its_length_is_believed() {
        let bytes = encoded(&[0x41], &[0x03], b"information");
        assert_eq!(probe(&bytes[1..8]), Probe::Header { length: bytes.len() - 2, header: 7 });
        assert_eq!(probe(&bytes[1..7]), Probe::NotYet);
        assert_eq!(probe(&[0xA7, 0xFF, 0x41, 0x03, 0x13, 0, 0]), Probe::WrongChecksum);
        assert_eq!(probe(&[0xA0, 0x06]), Probe::WrongLength);
        assert_eq!(probe(&[0xA0, 0x2A, 0, 0, 0, 0]), Probe::WrongLength, "an address without an end");
        assert_eq!(probe(&[0x7E]), Probe::No);
    }

    #[test]
    fn segments_carry_the_whole_and_only_the_last_says_so() {
        let mut bytes = Vec::new();
        encode_segmented(&mut bytes, &[0x41], &[0x03], 0x13, 4, b"information");
        let mut whole = Vec::new();
        let mut flags = Vec::new();
        while !bytes.is_empty() {
            let frame = Frame::decode(&bytes).expect("a frame");
            whole.extend_from_slice(frame.information);
            flags.push(frame.segmented);
            let size = frame.length + 2;
            bytes.drain(..size);
        }
        assert_eq!((&whole[..], &flags[..]), (&b"information"[..], &[true, true, false][..]));
    }
}
