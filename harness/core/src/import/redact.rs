//! Replaces meter ids by stable fake ones, so that a published telegram can be kept in a repository.
//!
//! An id keeps its length and the part that names the vendor; the rest becomes `0000` and digits from a hash,
//! so that an id can be seen to be fake and the real one cannot be computed back: many ids share each fake.
//! Checksums that fitted before fit again afterwards. A damaged telegram keeps its damage.
//! Refuses to touch what it cannot keep intact: ciphered bodies and the system title, which is part of the IV.

use std::sync::LazyLock;

use regex::bytes::Regex;
use sha2::{Digest, Sha256};

use super::walk::{self, Check, Frame, Inside, Link};
use crate::wire::{crc, mbus};

/// Digits with which the ids of one vendor begin (GS1 company prefixes).
const VENDORS: [&[u8]; 3] = [b"735999", b"6970631", b"5706567"];
/// An id on the wire: a text of 16 bytes.
const ID_LEN: usize = 16;
/// Fewer digits than these are no id.
const DIGITS_LEAST: usize = 6;
/// So many digits in a damaged telegram are an id; Kamstrup's type has a row of nine.
const DIGITS_MIN: usize = 10;
/// Marks a replaced id.
const FAKE: &[u8] = b"0000";

/// Bytes without the ids of their meters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Redacted {
    /// As many bytes as before.
    pub bytes: Vec<u8>,
    /// Ids that were replaced.
    pub replaced: usize,
    /// What was found that could not be replaced, or only in part.
    pub notes: Vec<String>,
}

/// Objects of a P1 telegram that hold an id: `0-0:96.1.0`, `0-0:96.1.1`, and those of sub-meters.
static P1_ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d-\d{1,2}:96\.1\.[01](?:\.255)?\(([0-9A-Za-z]{8,64})\)")
        .expect("patterns in the source are valid")
});
/// Kamstrup's meter number as u32, 1-1:0.0.1.255 (Danish list).
const KAMSTRUP_NUMBER: [u8; 9] = [0x09, 0x06, 0x01, 0x01, 0x00, 0x00, 0x01, 0xff, 0x06];

/// Replaces every meter id that can be recognised in a piece of a stream.
pub fn redact(bytes: &[u8]) -> Redacted {
    let mut redacted = Redacted { bytes: bytes.to_vec(), ..Redacted::default() };
    for done in redact_frames(&mut redacted.bytes, &walk::frames(bytes, &[])) {
        redacted.replaced += done.replaced;
        redacted.notes.extend(done.note.map(str::to_string));
    }
    redacted.notes.sort();
    redacted.notes.dedup();
    redacted
}

/// What was done to one telegram, or to the bytes between two.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Done {
    pub(super) replaced: usize,
    pub(super) note: Option<&'static str>,
}

/// Replaces ids in `bytes`, of which `frames` are the telegrams. Gives what was done to the bytes before the
/// first frame, and then for every frame to itself and to the bytes behind it.
pub(super) fn redact_frames(bytes: &mut [u8], frames: &[Frame]) -> Vec<Done> {
    let mut done = Vec::new();
    let mut at = 0;
    for frame in frames {
        done.push(loose(&mut bytes[at..frame.start]));
        done.push(one(&mut bytes[frame.start..frame.end], frame));
        at = frame.end;
    }
    done.push(loose(&mut bytes[at..]));
    done
}

/// Bytes that belong to no telegram may hold an id or a piece of one.
fn loose(bytes: &mut [u8]) -> Done {
    Done { replaced: ids(bytes) + damaged_ids(bytes), note: None }
}

fn one(telegram: &mut [u8], frame: &Frame) -> Done {
    let inside = walk::inside(telegram, frame.link);
    if inside == Inside::Ciphered {
        let note = "ciphered: ids inside and the serial number in the system title remain";
        return Done { replaced: 0, note: Some(note) };
    }
    if frame.link == Link::P1 {
        return Done { replaced: p1_ids(telegram, frame.check), note: None };
    }
    let mut replaced = ids(telegram);
    let mut note = (inside == Inside::Deciphered).then_some("the serial number in the system title remains");
    if frame.check != Check::Intact {
        replaced += damaged_ids(telegram);
        if replaced > 0 && frame.check != Check::None {
            note = note.or(Some("damaged telegram: its id was replaced, its checksum left as it was"));
        }
    } else if replaced > 0 {
        restore_check(telegram, frame);
    }
    Done { replaced, note }
}

/// Texts of 16 bytes made of digits, NUL-padded or not, and Kamstrup's meter number.
fn ids(telegram: &mut [u8]) -> usize {
    let mut replaced = 0;
    let mut at = 0;
    while at + 2 + ID_LEN <= telegram.len() {
        if matches!(telegram[at], 0x09 | 0x0a) && usize::from(telegram[at + 1]) == ID_LEN {
            let text = &mut telegram[at + 2..at + 2 + ID_LEN];
            let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits >= DIGITS_LEAST && text[digits..].iter().all(|&byte| byte == 0 || byte == b' ') {
                replaced += usize::from(fake(&mut text[..digits]));
                at += 2 + ID_LEN;
                continue;
            }
        }
        if let Some(number) =
            telegram[at..].strip_prefix(&KAMSTRUP_NUMBER).and_then(|rest| rest.first_chunk::<4>())
        {
            let mut digits = format!("{:08}", u32::from_be_bytes(*number)).into_bytes();
            replaced += usize::from(fake(&mut digits));
            let faked = digits
                .iter()
                .fold(0_u32, |sum, digit| sum.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')));
            let from = at + KAMSTRUP_NUMBER.len();
            telegram[from..from + 4].copy_from_slice(&faked.to_be_bytes());
            at = from + 4;
            continue;
        }
        at += 1;
    }
    replaced
}

/// Ids of which some bytes are lost or wrong: up to 16 bytes with digits in them, behind a vendor's prefix or
/// behind the tag and length of an id, and long rows of digits.
fn damaged_ids(bytes: &mut [u8]) -> usize {
    // P1 writes its times as a row of digits.
    let is_text = bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let mut replaced = 0;
    let mut at = 0;
    while at < bytes.len() {
        let end = bytes.len().min(at + ID_LEN);
        let window = &bytes[at..end];
        let count = window.iter().filter(|byte| byte.is_ascii_digit()).count();
        let row = window.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let vendor = VENDORS.iter().any(|vendor| window.starts_with(vendor));
        let tagged = at >= 2 && matches!(bytes[at - 2], 0x09 | 0x0a) && usize::from(bytes[at - 1]) == ID_LEN;
        if vendor || tagged && count >= DIGITS_MIN || !is_text && row >= DIGITS_MIN {
            replaced += usize::from(fake_mixed(&mut bytes[at..end]));
            at = end;
        } else {
            at += 1;
        }
    }
    replaced
}

fn p1_ids(telegram: &mut [u8], check: Check) -> usize {
    let ranges: Vec<_> =
        P1_ID.captures_iter(telegram).filter_map(|found| Some(found.get(1)?.range())).collect();
    let mut replaced = 0;
    for range in ranges {
        let value = &mut telegram[range];
        let decoded = std::str::from_utf8(value).ok().and_then(crate::hex::bytes);
        match decoded.filter(|text| text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')) {
            // Hex of ASCII: letters name the make and stay.
            Some(mut text) => {
                replaced += usize::from(fake_mixed(&mut text));
                let upper = value.iter().any(u8::is_ascii_uppercase);
                let hex = crate::hex::text(&text);
                let hex = if upper { hex.to_ascii_uppercase() } else { hex };
                value.copy_from_slice(hex.as_bytes());
            }
            None => replaced += usize::from(fake_mixed(value)),
        }
    }
    if replaced > 0 && check == Check::Intact {
        restore_p1_crc(telegram);
    }
    replaced
}

fn restore_p1_crc(telegram: &mut [u8]) {
    let Some(mark) = telegram.iter().position(|&byte| byte == b'!') else {
        return;
    };
    let crc = format!("{:04X}", crc::arc(&telegram[..=mark]));
    if let Some(field) = telegram.get_mut(mark + 1..mark + 5) {
        field.copy_from_slice(crc.as_bytes());
    }
}

/// Writes the checksum of a telegram that was intact. A frame that begins with the flag of the one before
/// lacks that flag here.
fn restore_check(telegram: &mut [u8], frame: &Frame) {
    let len = telegram.len();
    match frame.link {
        Link::Hdlc => {
            let from = usize::from(telegram[0] == 0x7e);
            let fcs = crc::x25(&telegram[from..len - 3]).to_le_bytes();
            telegram[len - 3..len - 1].copy_from_slice(&fcs);
        }
        Link::Mbus => telegram[len - 2] = mbus::sum(&telegram[4..len - 2]),
        Link::P1 | Link::Llc | Link::Ciphered | Link::Apdu => {}
    }
}

/// Replaces the digits of an id that has something else in it too.
fn fake_mixed(text: &mut [u8]) -> bool {
    let mut digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
    if digits.len() < DIGITS_LEAST || !fake(&mut digits) {
        return false;
    }
    for (byte, digit) in text.iter_mut().filter(|byte| byte.is_ascii_digit()).zip(digits) {
        *byte = digit;
    }
    true
}

/// Replaces an id of digits only. False where it is fake already.
fn fake(digits: &mut [u8]) -> bool {
    let vendor = VENDORS.iter().find(|vendor| digits.starts_with(vendor)).map_or(0, |vendor| vendor.len());
    // An unknown vendor's prefix is at least as long as GS1 makes it; a short number has none.
    let keep = if vendor == 0 && digits.len() >= ID_LEN { 6 } else { vendor };
    let rest = &mut digits[keep..];
    if rest.starts_with(FAKE) || rest.is_empty() {
        return false;
    }
    scramble(rest);
    true
}

/// `0000` and then digits of a hash of what stood there.
fn scramble(digits: &mut [u8]) {
    let hash = Sha256::digest(&*digits);
    for (at, digit) in digits.iter_mut().enumerate() {
        *digit = if at < FAKE.len() { b'0' } else { b'0' + hash[at % hash.len()] % 10 };
    }
}
