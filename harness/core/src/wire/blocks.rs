//! General block transfer: a message in blocks numbered from 1, each an APDU of its own (L+G E450; field bug G2).
//!
//! ```text
//! E0 | block control | number (2) | acknowledged number (2) | length | data
//! ```
//!
//! Refuses a block out of order, and drops the whole message with it: what was lost must not be glued over.

use alloc::vec::Vec;

use nom::bytes::complete::{tag, take};
use nom::number::complete::{be_u16, u8};
use nom::{IResult, Parser};

use super::assemble::append;
use super::{Problem, ProblemKind, ber};

/// First byte of a block.
pub const TAG: u8 = 0xE0;
/// Bit of the block control that marks the last block.
const LAST: u8 = 0x80;

/// Puts one message together; at most one is unfinished.
#[derive(Default)]
pub(super) struct Blocks {
    data: Vec<u8>,
    /// Number of the last block that was taken; 0 when none is open.
    taken: u16,
}

/// What a block came to.
pub(super) enum Block<'a> {
    /// The message, and whether another one was given up for it.
    Whole(&'a [u8], bool),
    Pending(bool),
    Refused(Problem),
}

impl Blocks {
    /// Drops what is unfinished; true when there was something.
    pub(super) fn give_up(&mut self) -> bool {
        core::mem::take(&mut self.taken) > 0
    }

    /// Takes one block; on refusal the whole message is dropped.
    pub(super) fn push(&mut self, apdu: &[u8]) -> Block<'_> {
        let taken = core::mem::take(&mut self.taken);
        let refused = |offset, kind| Block::Refused(Problem { offset, kind });
        let Ok((_, (control, number, data))) = block(apdu) else {
            return refused(apdu.len(), ProblemKind::Truncated);
        };
        let restarted = number == 1 && taken > 0;
        if number == 1 {
            self.data.clear();
        } else if taken == 0 || number != taken.wrapping_add(1) {
            return refused(2, ProblemKind::OutOfOrder);
        }
        if !append(&mut self.data, data) {
            return refused(0, ProblemKind::TooLong);
        }
        if control & LAST != 0 {
            return Block::Whole(&self.data, restarted);
        }
        self.taken = number;
        Block::Pending(restarted)
    }
}

/// `E0 control number acknowledged length data`.
fn block(input: &[u8]) -> IResult<&[u8], (u8, u16, &[u8])> {
    let (rest, _) = tag(&[TAG][..]).parse(input)?;
    let (rest, control) = u8(rest)?;
    let (rest, number) = be_u16(rest)?;
    let (rest, _acknowledged) = be_u16(rest)?;
    let (rest, length) = ber::length(rest)?;
    let (rest, data) = take(length).parse(rest)?;
    Ok((rest, (control, number, data)))
}

/// Writes an APDU as blocks of at most `data_max` bytes, each one an APDU for a frame of its own.
///
/// Panics when `data_max` is 0 or above 65 535.
pub fn encode(data_max: usize, apdu: &[u8]) -> Vec<Vec<u8>> {
    assert!((1..=usize::from(u16::MAX)).contains(&data_max), "blocks of {data_max} bytes");
    let parts = apdu.chunks(data_max);
    let count = parts.len();
    parts
        .enumerate()
        .map(|(at, data)| {
            let last = if at + 1 == count { LAST } else { 0 };
            // 40: streaming, which is how a meter pushes without being asked.
            let mut block = Vec::from([TAG, 0x40 | last]);
            block.extend_from_slice(&(at as u16 + 1).to_be_bytes());
            block.extend_from_slice(&[0, 0]);
            ber::encode_length(&mut block, data.len());
            block.extend_from_slice(data);
            block
        })
        .collect()
}
