//! One HDLC frame, and what can be done to it.
//!
//! Knows the outside of a frame only (IEC 62056-46, frame format type 3): flag, format with length, two addresses,
//! control, HCS, information, FCS, flag. It refuses frames that are not whole, so that damage is always the one
//! that was meant.

use crate::wire::crc::x25;
use std::ops::Range;

pub(super) const FLAG: u8 = 0x7E;

/// splitmix64: a small random sequence, the same on every machine.
pub(super) struct Seeded(pub(super) u64);

impl Seeded {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }
}

/// A whole HDLC frame that is not segmented: both flags, right length, right HCS and FCS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HdlcFrame {
    pub(super) bytes: Vec<u8>,
    /// Index of the HCS; the information field starts two bytes later.
    hcs: usize,
}

impl HdlcFrame {
    /// `None` when the bytes are not exactly such a frame. A flag missing at the start or end, because the
    /// neighbour owns it, is put back.
    pub(super) fn of(bytes: &[u8]) -> Option<HdlcFrame> {
        let mut whole = bytes.to_vec();
        if whole.first() != Some(&FLAG) {
            whole.insert(0, FLAG);
        }
        let [_, high, low, ..] = *whole else { return None };
        let length = usize::from(high & 0x07) << 8 | usize::from(low);
        if whole.len() == length + 1 {
            whole.push(FLAG);
        }
        if high & 0xF8 != 0xA0 || whole.len() != length + 2 || whole.last() != Some(&FLAG) {
            return None;
        }
        let mut at = 3;
        for _ in 0..2 {
            let last = whole.get(at..)?.iter().take(4).position(|byte| byte & 1 == 1)?;
            at += last + 1;
        }
        let frame = HdlcFrame { hcs: at + 1, bytes: whole };
        (frame.info().start < frame.fcs() && frame.checks_hold()).then_some(frame)
    }

    fn fcs(&self) -> usize {
        self.bytes.len() - 3
    }

    fn info(&self) -> Range<usize> {
        self.hcs + 2..self.fcs()
    }

    fn checks_hold(&self) -> bool {
        let mut right = self.clone();
        right.set_hcs();
        right.set_fcs();
        right == *self
    }

    fn set_hcs(&mut self) {
        let sum = x25(&self.bytes[1..self.hcs]);
        self.bytes[self.hcs..self.hcs + 2].copy_from_slice(&sum.to_le_bytes());
    }

    fn set_fcs(&mut self) {
        let at = self.fcs();
        let sum = x25(&self.bytes[1..at]);
        self.bytes[at..at + 2].copy_from_slice(&sum.to_le_bytes());
    }

    /// The four bytes of the invoke id of a plain data-notification: any value is legal and means nothing to a
    /// reading.
    fn invoke_id(&self) -> Option<Range<usize>> {
        let start = self.info().start;
        (self.bytes[self.info()].starts_with(&[0xE6, 0xE7, 0x00, 0x0F]) && start + 8 < self.fcs())
            .then_some(start + 4..start + 8)
    }

    /// A byte of the body whose change leaves the telegram readable: the last of the invoke id, or just some byte.
    fn harmless_byte(&self) -> usize {
        self.invoke_id().map_or(self.info().start + self.info().len() / 2, |id| id.end - 1)
    }

    /// The low byte of some 32-bit number of the body.
    ///
    /// Found by its look: tag 06 that is no length, and a high byte of 0, as all but the largest counters have.
    fn number_byte(&self, seeded: &mut Seeded) -> Option<usize> {
        let info = self.info();
        let is_number =
            |at: &usize| self.bytes[at - 1] != 0x09 && self.bytes[*at..].starts_with(&[0x06, 0x00]);
        let numbers: Vec<usize> = (info.start + 8..info.end.saturating_sub(4)).filter(is_number).collect();
        (!numbers.is_empty()).then(|| numbers[seeded.below(numbers.len())] + 4)
    }

    /// One bit of the body flipped, FCS left. With `in_number` a value changes, otherwise nothing that is read.
    pub(super) fn body_bit(&self, in_number: bool, seeded: &mut Seeded) -> Vec<u8> {
        let number = if in_number { self.number_byte(seeded) } else { None };
        let mut bytes = self.bytes.clone();
        bytes[number.unwrap_or(self.harmless_byte())] ^= 1 << seeded.below(8);
        bytes
    }

    /// One bit of the body flipped and the FCS zeroed (field bug H5).
    pub(super) fn zeroed_fcs(&self, in_number: bool, seeded: &mut Seeded) -> Vec<u8> {
        let mut bytes = self.body_bit(in_number, seeded);
        let at = self.fcs();
        // Should zero happen to be right for the flipped body, the old FCS stays and is wrong.
        if x25(&bytes[1..at]) != 0 {
            bytes[at..at + 2].fill(0);
        }
        bytes
    }

    /// One bit of the header flipped, HCS left, FCS right. `which`: 0 the control byte, 1 the HCS itself.
    pub(super) fn header_bit(&self, which: usize, seeded: &mut Seeded) -> Vec<u8> {
        let mut frame = self.clone();
        let at = if which == 0 { self.hcs - 1 } else { self.hcs };
        frame.bytes[at] ^= 1 << seeded.below(8);
        frame.set_fcs();
        frame.bytes
    }

    /// The HCS zeroed, FCS right (field bug H5). `None` when the right HCS is zero.
    pub(super) fn zeroed_hcs(&self) -> Option<Vec<u8>> {
        let mut frame = self.clone();
        frame.bytes[self.hcs..self.hcs + 2].fill(0);
        frame.set_fcs();
        (frame != *self).then_some(frame.bytes)
    }

    /// The length field off by `delta`, HCS and FCS right over all bytes, so that only the length contradicts.
    ///
    /// `None` when the length leaves the eleven bits, cuts the header, or an FCS would hold at the wrong end too.
    pub(super) fn wrong_length(&self, delta: isize) -> Option<Vec<u8>> {
        let mut frame = self.clone();
        let length = (self.bytes.len() - 2).checked_add_signed(delta)?;
        if length > 0x7FF || length < self.hcs + 4 {
            return None;
        }
        frame.bytes[1] = 0xA0 | (length >> 8) as u8;
        frame.bytes[2] = (length & 0xFF) as u8;
        frame.set_hcs();
        frame.set_fcs();
        let cut = frame.bytes.get(1..length - 1);
        let holds =
            cut.is_some_and(|cut| delta < 0 && x25(cut).to_le_bytes() == frame.bytes[length - 1..length + 1]);
        (!holds).then_some(frame.bytes)
    }

    /// One byte of the body gone.
    pub(super) fn dropped_byte(&self, seeded: &mut Seeded) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.remove(self.info().start + seeded.below(self.info().len()));
        bytes
    }

    /// One byte too many in the body.
    pub(super) fn inserted_byte(&self, seeded: &mut Seeded) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.insert(self.info().start + seeded.below(self.info().len()), 0x55);
        bytes
    }

    /// The same reading with `7E A0 07` in its invoke id, which looks like the start of a frame; with `in_fcs` with
    /// `7E` in the invoke id and in the FCS.
    pub(super) fn with_inner_flag(&self, in_fcs: bool) -> Option<Vec<u8>> {
        let id = self.invoke_id()?;
        let mut frame = self.clone();
        frame.bytes[id.start + 1] = FLAG;
        // One FCS of 128 has a 7E, so that the search is short.
        for step in 0..=u16::MAX {
            let last = 0xA007_u16.wrapping_add(step).to_be_bytes();
            frame.bytes[id.start + 2..id.end].copy_from_slice(&last);
            frame.set_fcs();
            if !in_fcs || frame.bytes[frame.fcs()..frame.fcs() + 2].contains(&FLAG) {
                return Some(frame.bytes);
            }
        }
        None
    }
}

/// A 7E between the flags of an HDLC frame.
pub(in crate::verdict) fn has_inner_flag(bytes: &[u8]) -> bool {
    let start = usize::from(bytes.first() == Some(&FLAG));
    let end = bytes.len() - usize::from(bytes.len() > 1 && bytes.last() == Some(&FLAG));
    is_hdlc(bytes)
        && !is_segmented(bytes)
        && bytes.get(start..end).is_some_and(|inside| inside.contains(&FLAG))
}

/// The first frame says that more follow.
pub(in crate::verdict) fn is_segmented(bytes: &[u8]) -> bool {
    let format = bytes.get(usize::from(bytes.first() == Some(&FLAG))).copied().unwrap_or(0);
    is_hdlc(bytes) && format & 0x08 != 0
}

/// A frame with, or after a shared flag without, its opening flag: the format type is 3.
fn is_hdlc(bytes: &[u8]) -> bool {
    let format = bytes.get(usize::from(bytes.first() == Some(&FLAG))).copied().unwrap_or(0);
    format & 0xF0 == 0xA0
}

/// The bytes before the last frame of a segmented telegram; `None` when it is not that.
pub(super) fn without_last_segment(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    while is_segmented(bytes) {
        let flag = usize::from(bytes.get(at) == Some(&FLAG));
        let format = bytes.get(at + flag..at + flag + 2)?;
        if format[0] & 0x08 == 0 {
            return bytes.get(..at).filter(|front| !front.is_empty());
        }
        let close = at + flag + (usize::from(format[0] & 0x07) << 8 | usize::from(format[1]));
        // The next frame has an opening flag of its own, or shares this closing one.
        at = close + usize::from(bytes.get(close + 1) == Some(&FLAG));
    }
    None
}
