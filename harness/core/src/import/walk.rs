//! Finds telegrams in bytes that were pasted: what [`crate::wire::framer`] finds, and what only the beginning of a
//! line tells.
//!
//! It answers two questions only: where does a telegram begin and end, and do its checks fit. It refuses to
//! decode, and to frame by itself: a dump without link layer and a frame with a damaged header have nothing that
//! proves where they begin, so that they count where a line of text begins, at the start, and right behind an
//! intact telegram. Sources: HAN protocol sheet sections 2 (frame formats, checks) and 3 (data-notification,
//! ciphering).

use crate::reading::Instant;
use crate::wire::blocks;
use crate::wire::framer::{Content, Framer, Item, PUSH_MAX};
use crate::wire::{apdu, cipher, hdlc, llc, mbus, p1};

/// What a telegram is wrapped in, outermost first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Link {
    Hdlc,
    Mbus,
    P1,
    /// From `E6 E7 00` on.
    Llc,
    /// A general-glo-ciphering APDU, `DB`.
    Ciphered,
    /// A data-notification APDU, `0F`, or a block of one, `E0`.
    Apdu,
}

impl Link {
    /// Whether the bytes are as on the serial line.
    pub(super) fn is_wire(self) -> bool {
        matches!(self, Link::Hdlc | Link::Mbus | Link::P1)
    }
}

/// Whether the checks of a telegram fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// Length and every checksum fit.
    Intact,
    /// The end is missing: this many bytes, where the length is known.
    Cut(usize),
    /// The length fits, the checksum over the frame does not.
    BadChecksum,
    /// The header itself is damaged, or the closing flag is not where the length says.
    BadHeader,
    /// Nothing to check: an APDU without link layer, or a P1 telegram without CRC.
    None,
}

/// The beginning of a telegram, as far as its first bytes tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Start {
    pub(super) link: Link,
    /// A checksum or a long fixed pattern vouches for it, so that it counts anywhere in a stream.
    pub(super) strong: bool,
}

/// A telegram within bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub(super) start: usize,
    /// End, exclusive.
    pub(super) end: usize,
    pub(super) link: Link,
    pub(super) check: Check,
}

/// Flag, format, two addresses, control and header checksum: what is shorter has no header that could be wrong.
pub(super) const HEADER_MIN: usize = 8;

/// First bytes of telegrams without link layer.
pub(super) const APDU_FIRST: [u8; 4] = [llc::LLC[0], apdu::DATA_NOTIFICATION, cipher::TAG, blocks::TAG];

/// What begins at the first byte, if a telegram does.
pub(super) fn probe(bytes: &[u8]) -> Option<Start> {
    let start = |link, strong| Some(Start { link, strong });
    match *bytes.first()? {
        hdlc::FLAG if bytes.len() >= 3 => match hdlc::probe(&bytes[1..]) {
            hdlc::Probe::No | hdlc::Probe::WrongLength => None,
            hdlc::Probe::NotYet | hdlc::Probe::WrongChecksum => start(Link::Hdlc, false),
            hdlc::Probe::Header { .. } => start(Link::Hdlc, true),
        },
        mbus::START if bytes.len() >= 4 => match mbus::probe(bytes) {
            mbus::Probe::No => None,
            mbus::Probe::NotYet => start(Link::Mbus, false),
            mbus::Probe::Header(len) => start(Link::Mbus, bytes.get(..len).is_some_and(mbus::is_intact)),
        },
        p1::START if is_p1_ident(bytes) => {
            start(Link::P1, matches!(p1::extent(bytes, 0, true), p1::Extent::Whole(..)))
        }
        _ if llc::strip(bytes).is_some() => start(Link::Llc, false),
        cipher::TAG if bytes.get(1) == Some(&8) && cipher_header(bytes).is_some() => {
            start(Link::Ciphered, false)
        }
        _ if apdu::likely_body(bytes).is_some() || starts_block(bytes) => start(Link::Apdu, false),
        _ => None,
    }
}

/// `/XXX5`: maker and version. Stricter than the framer, which nobody feeds a log with paths in it.
pub(super) fn is_p1_ident(bytes: &[u8]) -> bool {
    let ident = bytes.get(1..5);
    ident.is_some_and(|ident| ident[..3].iter().all(u8::is_ascii_alphabetic) && ident[3].is_ascii_digit())
}

/// `E0 control 00 number 00 00`: a block of a message of fewer than 256 that acknowledges nothing.
fn starts_block(bytes: &[u8]) -> bool {
    matches!(bytes, [blocks::TAG, _, 0x00, number, 0x00, 0x00, _, ..] if *number > 0)
}

/// Offset of what follows the invocation counter of a general-glo-ciphering APDU. Unlike
/// [`cipher::Header::decode`] it reads an APDU that is cut.
fn cipher_header(bytes: &[u8]) -> Option<usize> {
    let title = usize::from(*bytes.get(1)?);
    let at = 2 + title;
    let at = match *bytes.get(at)? {
        long @ 0x81..=0x84 => at + 1 + usize::from(long & 0x0f),
        0x80.. => return None,
        _ => at + 1,
    };
    let security = *bytes.get(at)?;
    // Suite 0 or 1, and at least one of authenticated and encrypted.
    (security & 0x0f <= 1 && security & 0x30 != 0).then_some(at + 5)
}

/// What a telegram carries inside ciphering, as far as that can be seen without a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Inside {
    /// Not ciphered.
    Plain,
    /// Ciphered.
    Ciphered,
    /// A ciphering header, and plain text behind it: dumped after deciphering in place (field bugs, section 0
    /// item 5).
    Deciphered,
}

/// Looks behind link layer and LLC of one telegram.
pub(super) fn inside(telegram: &[u8], link: Link) -> Inside {
    let information = match link {
        Link::Hdlc => hdlc_information(telegram),
        // Access points too.
        Link::Mbus => mbus::HEADER + 2,
        Link::P1 | Link::Llc | Link::Ciphered | Link::Apdu => 0,
    };
    let apdu = telegram.get(information..).unwrap_or_default();
    let apdu = llc::strip(apdu).unwrap_or(apdu);
    match cipher_header(apdu) {
        Some(plain) if apdu[0] == cipher::TAG => {
            let rest = apdu.get(plain..).unwrap_or_default();
            if rest.len() > 6 && apdu::likely_body(rest).is_some() {
                Inside::Deciphered
            } else {
                Inside::Ciphered
            }
        }
        _ => Inside::Plain,
    }
}

/// Bytes of the header of an HDLC frame, with or without its opening flag; the header itself may be damaged.
fn hdlc_information(telegram: &[u8]) -> usize {
    let shared = telegram.first() != Some(&hdlc::FLAG);
    let with_flag = [&[hdlc::FLAG][..usize::from(shared)], telegram].concat();
    let header = hdlc::Frame::decode(&with_flag).map(|frame| {
        // Format, both addresses, control, HCS.
        2 + frame.destination.len() + frame.source.len() + 1 + 2
    });
    header.map_or(0, |header| header + usize::from(!shared))
}

/// All telegrams in `bytes`, in order; what lies between two of them belongs to neither.
///
/// `breaks` are the offsets at which a line of text began, ascending.
pub(super) fn frames(bytes: &[u8], breaks: &[usize]) -> Vec<Frame> {
    let proven = proven(bytes);
    let behind = proven.iter().filter(|frame| frame.check == Check::Intact).map(|frame| frame.end);
    let mut anchors: Vec<usize> = std::iter::once(0).chain(breaks.iter().copied()).chain(behind).collect();
    anchors.sort_unstable();
    anchors.dedup();
    let mut frames: Vec<Frame> = Vec::with_capacity(proven.len());
    let mut ahead = proven.into_iter().peekable();
    for at in anchors {
        while let Some(frame) = ahead.next_if(|frame| frame.start <= at) {
            frames.push(frame);
        }
        let limit = ahead.peek().map_or(bytes.len(), |next| next.start);
        let start = bytes.get(at..).and_then(probe);
        let counts = |start: &Start| frames.last().is_none_or(|before| before.may_end(at, start.link));
        if let Some(start) = start.filter(counts) {
            if let Some(before) = frames.last_mut() {
                before.cut(at);
            }
            let check = match start.link {
                Link::Hdlc if limit - at < HEADER_MIN => Check::Cut(0),
                Link::Hdlc => Check::BadHeader,
                Link::Mbus | Link::P1 => Check::Cut(0),
                Link::Llc | Link::Ciphered | Link::Apdu => Check::None,
            };
            frames.push(Frame { start: at, end: limit, link: start.link, check });
        }
    }
    frames.extend(ahead);
    frames
}

impl Frame {
    /// Whether this telegram may be over where a line begins like another one.
    fn may_end(&self, at: usize, by: Link) -> bool {
        let inside = at < self.end && (self.check == Check::Intact || self.link.is_wire() && !by.is_wire());
        self.start != at && !inside
    }

    /// Another telegram begins before this one is over: that is an end missing, whatever the check said.
    fn cut(&mut self, at: usize) {
        let lost = self.end.saturating_sub(at);
        self.end -= lost;
        self.check = match self.check {
            Check::Cut(missing) if missing > 0 => Check::Cut(missing + lost),
            Check::BadChecksum if lost > 0 => Check::Cut(lost),
            other => other,
        };
    }
}

/// The telegrams that the framer finds: those whose header proves itself.
fn proven(bytes: &[u8]) -> Vec<Frame> {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    let mut drain = |framer: &mut Framer| {
        while let Some(item) = framer.poll() {
            frames.extend(proven_frame(&item, bytes.len()));
        }
    };
    for piece in bytes.chunks(PUSH_MAX) {
        framer.push(piece, Instant(0));
        drain(&mut framer);
    }
    framer.finish();
    drain(&mut framer);
    // A frame that another one cuts lost its end; one that goes on behind the place of its last byte has none.
    for index in 0..frames.len() {
        let next = frames.get(index + 1).map_or(bytes.len(), |next: &Frame| next.start);
        let frame = &mut frames[index];
        if matches!(frame.check, Check::Cut(1)) && frame.end < next {
            frame.check = Check::BadHeader;
        }
    }
    frames
}

fn proven_frame(item: &Item<'_>, whole: usize) -> Option<Frame> {
    let len = item.bytes.len();
    let checked = |link, ok: bool, announced: usize| {
        let check = match announced.saturating_sub(len) {
            _ if ok => Check::Intact,
            0 => Check::BadChecksum,
            missing => Check::Cut(missing),
        };
        (link, check)
    };
    let (link, check) = match item.content {
        Content::Hdlc(frame) => {
            checked(Link::Hdlc, frame.is_good(), frame.length + 1 + usize::from(frame.opening_flag))
        }
        Content::Mbus(frame) => {
            let mbus::Probe::Header(announced) = mbus::probe(item.bytes) else { return None };
            checked(Link::Mbus, frame.checksum_ok, announced)
        }
        Content::P1(telegram) => match telegram.crc_ok {
            None => (Link::P1, Check::None),
            Some(ok) => checked(Link::P1, ok, 0),
        },
        Content::Junk(_) => return None,
    };
    let start = usize::try_from(item.offset).unwrap_or(whole);
    Some(Frame { start, end: start + len, link, check })
}
