//! Lengths in the basic encoding rules (ITU-T X.690, 8.1.3), as strings, ciphering and blocks carry them.
//!
//! One byte up to 7F, or 81 and one byte, or 82 and two. Refuses longer forms: nothing that long fits a telegram.

use alloc::vec::Vec;

use nom::error::{Error, ErrorKind};
use nom::number::complete::{be_u16, u8};
use nom::{IResult, Parser};

/// Reads a length, shortest form or not: Kamstrup writes `82 00 E7` (han-protocol, section 3).
///
/// A form that no telegram has is a failure of kind `LengthValue` at its first byte.
pub(crate) fn length(input: &[u8]) -> IResult<&[u8], usize> {
    let (rest, first) = u8(input)?;
    match first {
        0..=0x7F => Ok((rest, first.into())),
        0x81 => u8.map(usize::from).parse(rest),
        0x82 => be_u16.map(usize::from).parse(rest),
        _ => Err(nom::Err::Failure(Error::new(input, ErrorKind::LengthValue))),
    }
}

/// Appends a length as short as possible.
///
/// # Panics
/// If it does not fit 16 bits; no APDU of these meters comes near.
pub(crate) fn encode_length(out: &mut Vec<u8>, length: usize) {
    assert!(length <= 0xFFFF, "a length of {length} does not fit an APDU");
    match length {
        0..=0x7F => out.push(length as u8),
        0x80..=0xFF => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_and_is_as_short_as_can_be() {
        for (value, bytes) in [(0, 1), (0x7F, 1), (0x80, 2), (0xFF, 2), (0x100, 3), (0xFFFF, 3)] {
            let mut out = Vec::new();
            encode_length(&mut out, value);
            assert_eq!(out.len(), bytes);
            assert_eq!(length(&out), Ok((&[][..], value)));
            assert!(length(&out[..bytes - 1]).is_err(), "{value} cut");
        }
    }

    #[test]
    fn a_length_need_not_be_minimal_but_has_two_bytes_at_most() {
        assert_eq!(length(&[0x82, 0x00, 0xE7]), Ok((&[][..], 0xE7)));
        for form in [0x80, 0x83, 0xFF] {
            assert!(length(&[form, 0, 0, 1]).is_err(), "{form:02x}");
        }
    }
}
