//! Cuts a byte stream into frames and junk. The heart of `wire`: everything that reads bytes reads its items.
//!
//! Every input byte belongs to exactly one item, in stream order. The items are a function of the bytes alone:
//! any chunking gives the same ones (field bug H8). Only silence ([`Framer::timeout`]) and the end of the
//! stream ([`Framer::finish`]) add anything.
//!
//! Three rules decide:
//!
//! 1. A header must prove itself before its length is believed: HDLC by its check sequence, M-Bus by the
//!    doubled length and its few control values. What does not is junk, and the search goes on one byte later.
//! 2. A frame that proves wrong at its announced end is a *bad frame*. It ends before the first header inside
//!    it that proves itself, so that a frame that lost bytes does not cost its neighbour (H1, H6, E9).
//! 3. An intact frame that lies wholly inside an announced one makes the outer one a bad frame at once; the
//!    inner one that ends first decides. A cut frame never delays the intact one behind it. Where both end
//!    with the same byte the inner one is believed: it has a header check more to its name.
//!
//! Refuses to find raw DLMS: without a link layer there is no check, and without a check there is no framing.

use alloc::vec::Vec;

use memchr::{memchr, memchr2, memchr3_iter};

use super::{hdlc, mbus, p1};
use crate::reading::Instant;

/// Silence that ends an unfinished frame, microseconds (contract, section 3; gaps of 200 ms are bridged).
pub const SILENCE_US: u64 = 1_000_000;
/// Longest piece of junk in one item; longer junk is several items.
pub const JUNK_MAX: usize = 1024;
/// Most bytes that are still held when [`Framer::poll`] has nothing to give.
pub const HELD_MAX: usize = p1::TELEGRAM_MAX + p1::END_MAX + hdlc::HEADER_MAX;
/// Most bytes to give to [`Framer::push`] at once, so that memory stays bounded.
pub const PUSH_MAX: usize = 64 * 1024;

/// A piece of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item<'a> {
    /// Where it starts, in bytes from the start of the stream.
    pub offset: u64,
    /// Its bytes as received.
    pub bytes: &'a [u8],
    /// What it is.
    pub what: What<'a>,
}

/// What a piece of the stream is. Frames may be bad; ask them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What<'a> {
    /// An HDLC frame behind a header that proved itself.
    Hdlc(hdlc::Frame<'a>),
    /// An M-Bus long frame behind a plausible header.
    Mbus(mbus::Frame<'a>),
    /// A P1 telegram with both ends.
    P1(p1::Telegram<'a>),
    /// None of them, and why.
    Junk(Junk),
}

/// Why bytes are junk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Junk {
    /// Nothing that starts like a frame.
    NoFrame,
    /// Starts like an HDLC frame whose header check sequence is wrong.
    HeaderChecksum,
    /// Starts like an HDLC frame whose length or addresses leave no room for a frame.
    HeaderLength,
    /// Starts like a P1 telegram that breaks off or holds bytes that are no text.
    Telegram,
}

impl core::fmt::Display for Junk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Junk::NoFrame => "no frame starts here",
            Junk::HeaderChecksum => "header checksum is wrong",
            Junk::HeaderLength => "header length or address is impossible",
            Junk::Telegram => "telegram breaks off",
        })
    }
}

/// Cuts a byte stream into items. Holds at most one that is unfinished.
///
/// Feed at most [`PUSH_MAX`] bytes at a time and poll until `None` before the next input; then memory is
/// bounded for any stream, and nothing is allocated once the buffer has grown.
///
/// ```
/// use hanbench_core::reading::Instant;
/// use hanbench_core::wire::{framer::{Framer, What}, hdlc};
///
/// let mut bytes = vec![0xFF];
/// hdlc::encode(&mut bytes, &[0x41], &[0x08, 0x83], 0x13, false, b"any bytes");
/// let mut framer = Framer::new();
/// framer.push(&bytes, Instant(0));
/// assert!(matches!(framer.poll().unwrap().what, What::Junk(_)));
/// let item = framer.poll().unwrap();
/// assert!(matches!(item.what, What::Hdlc(frame) if frame.is_good() && item.offset == 1));
/// ```
#[derive(Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// First byte of the buffer that is in no item yet.
    start: usize,
    /// Where that byte stands in the stream.
    offset: u64,
    /// Bytes of the buffer before this one are followed by silence or by the end of the stream.
    sealed: Option<usize>,
    /// The item before ended in the closing flag of a good frame, which the next frame may share.
    after_flag: bool,
    progress: Progress,
    last_push: Instant,
}

/// What need not be looked at again before more bytes come. Saves work and never changes an item.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// Bytes that must be there before anything new can be decided.
    needed: usize,
    /// Bytes that hold neither an end (of a telegram) nor a start (behind junk).
    scanned: usize,
    /// The telegram that seemed to start here is known to be none.
    broken: bool,
}

impl Framer {
    /// A framer at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends received bytes. Poll until `None` before the next call.
    ///
    /// When [`Framer::next_timeout`] lies before `now`, call [`Framer::timeout`] first.
    pub fn push(&mut self, bytes: &[u8], now: Instant) {
        if bytes.is_empty() {
            return;
        }
        self.buffer.drain(..self.start);
        self.sealed = self.sealed.map(|end| end - self.start);
        self.start = 0;
        let bound = HELD_MAX + PUSH_MAX;
        if self.buffer.capacity() > bound && self.buffer.len() + bytes.len() <= bound {
            self.buffer.shrink_to(bound);
        }
        self.buffer.extend_from_slice(bytes);
        self.last_push = now;
    }

    /// The next item, if the bytes so far decide it.
    pub fn poll(&mut self) -> Option<Item<'_>> {
        let end = self.sealed.unwrap_or(self.buffer.len());
        let window = &self.buffer[self.start..end];
        let sealed = self.sealed.is_some();
        if window.is_empty() || (!sealed && window.len() < self.progress.needed) {
            return None;
        }
        let view = View { window, sealed, after_flag: self.after_flag };
        let (length, kind) = match view.decide(self.progress) {
            Decision::Item(length, kind) => (length, kind),
            Decision::Wait(progress) => {
                debug_assert!(!sealed, "silence decides everything that waits");
                self.progress = progress;
                return None;
            }
        };
        let (from, offset) = (self.start, self.offset);
        self.start += length;
        self.offset += length as u64;
        self.progress = Progress::default();
        self.after_flag = matches!(kind, ItemKind::Frame { link: Link::Hdlc { .. }, intact: true });
        if self.sealed == Some(self.start) {
            self.sealed = None;
        }
        let bytes = &self.buffer[from..self.start];
        Some(Item { offset, bytes, what: kind.what(bytes) })
    }

    /// When the bytes that wait are over if nothing more comes. `None` when nothing waits.
    pub fn next_timeout(&self) -> Option<Instant> {
        let waits = self.start < self.buffer.len() && self.sealed.is_none();
        waits.then(|| self.last_push.plus_us(SILENCE_US))
    }

    /// Tells the time. After [`SILENCE_US`] without bytes all that waits becomes items; poll for them.
    pub fn timeout(&mut self, now: Instant) {
        if self.next_timeout().is_some_and(|due| due <= now) {
            self.seal();
        }
    }

    /// The stream has ended: all that waits becomes items; poll for them.
    pub fn finish(&mut self) {
        self.seal();
    }

    fn seal(&mut self) {
        if self.start < self.buffer.len() {
            self.sealed = Some(self.buffer.len());
            self.progress = Progress::default();
        }
    }
}

/// Link layers with a length in the header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Hdlc { opening_flag: bool },
    Mbus,
}

/// What an item will be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ItemKind {
    Frame { link: Link, intact: bool },
    Telegram { crc_ok: Option<bool> },
    Junk(Junk),
}

impl ItemKind {
    fn what(self, bytes: &[u8]) -> What<'_> {
        match self {
            ItemKind::Frame { link: Link::Hdlc { opening_flag }, intact } => {
                What::Hdlc(hdlc::Frame::accepted(bytes, opening_flag, intact))
            }
            ItemKind::Frame { link: Link::Mbus, intact } => What::Mbus(mbus::Frame::accepted(bytes, intact)),
            ItemKind::Telegram { crc_ok } => What::P1(p1::Telegram::accepted(bytes, crc_ok)),
            ItemKind::Junk(why) => What::Junk(why),
        }
    }
}

enum Decision {
    /// The first so many bytes are this.
    Item(usize, ItemKind),
    /// More bytes are needed.
    Wait(Progress),
}

impl Decision {
    fn wait(needed: usize) -> Decision {
        Decision::Wait(Progress { needed, ..Progress::default() })
    }
}

/// A header that proved itself, and how many bytes it announces, flags and stop byte included.
#[derive(Clone, Copy)]
struct Announced {
    link: Link,
    length: usize,
    /// Bytes of the header itself, flag included.
    header: usize,
}

impl Announced {
    /// Whether `bytes`, as many as announced, are a good frame.
    fn is_intact(self, bytes: &[u8]) -> bool {
        match self.link {
            Link::Hdlc { opening_flag } => hdlc::is_intact(bytes, opening_flag),
            Link::Mbus => mbus::is_intact(bytes),
        }
    }

    /// The next byte that could start another frame inside this one.
    ///
    /// An HDLC frame is ended by HDLC only: its header is proven, an M-Bus header is merely plausible.
    fn next_mark(self, bytes: &[u8]) -> Option<usize> {
        match self.link {
            Link::Hdlc { .. } => memchr(hdlc::FLAG, bytes),
            Link::Mbus => memchr2(hdlc::FLAG, mbus::START, bytes),
        }
    }
}

/// What starts at a byte.
enum Start {
    Nothing,
    NotYet,
    Wrong(Junk),
    Frame(Announced),
    Telegram,
}

/// Looks at the first byte of `bytes` and as many more as it takes.
fn start_of(bytes: &[u8]) -> Start {
    match bytes[0] {
        hdlc::FLAG => hdlc_start(&bytes[1..], true),
        mbus::START => match mbus::probe(bytes) {
            mbus::Probe::No => Start::Nothing,
            mbus::Probe::NotYet => Start::NotYet,
            mbus::Probe::Header(length) => {
                Start::Frame(Announced { link: Link::Mbus, length, header: mbus::HEADER })
            }
        },
        p1::START => match p1::probe(bytes) {
            p1::Probe::No => Start::Nothing,
            p1::Probe::NotYet => Start::NotYet,
            p1::Probe::Telegram => Start::Telegram,
        },
        _ => Start::Nothing,
    }
}

fn hdlc_start(body: &[u8], opening_flag: bool) -> Start {
    match hdlc::probe(body) {
        hdlc::Probe::No => Start::Nothing,
        hdlc::Probe::NotYet => Start::NotYet,
        hdlc::Probe::WrongLength => Start::Wrong(Junk::HeaderLength),
        hdlc::Probe::WrongChecksum => Start::Wrong(Junk::HeaderChecksum),
        hdlc::Probe::Header { length, header } => {
            let flag = usize::from(opening_flag);
            let link = Link::Hdlc { opening_flag };
            Start::Frame(Announced { link, length: length + 1 + flag, header: header + flag })
        }
    }
}

/// The bytes that wait, and what is known about their surroundings.
struct View<'a> {
    window: &'a [u8],
    sealed: bool,
    after_flag: bool,
}

impl View<'_> {
    fn decide(&self, progress: Progress) -> Decision {
        let scanned = progress.scanned;
        if self.after_flag && self.window[0] != hdlc::FLAG {
            match hdlc_start(self.window, false) {
                Start::Frame(announced) => return self.decide_frame(announced),
                Start::NotYet if !self.sealed => return self.wait_for_more(),
                _ => {}
            }
        }
        match start_of(self.window) {
            Start::Frame(announced) => self.decide_frame(announced),
            Start::Telegram if progress.broken => self.decide_junk(Junk::Telegram, scanned),
            Start::Telegram => self.decide_telegram(scanned),
            Start::NotYet if !self.sealed => self.wait_for_more(),
            Start::Wrong(why) => self.decide_junk(why, scanned),
            Start::NotYet | Start::Nothing => self.decide_junk(Junk::NoFrame, scanned),
        }
    }

    fn wait_for_more(&self) -> Decision {
        Decision::wait(self.window.len() + 1)
    }

    fn decide_frame(&self, outer: Announced) -> Decision {
        let item = |length, intact| {
            // What another frame cuts inside its header was no frame: the header is partly the other one's.
            let kind = match length < outer.header {
                true => ItemKind::Junk(Junk::NoFrame),
                false => ItemKind::Frame { link: outer.link, intact },
            };
            Decision::Item(length, kind)
        };
        let inside = self.intact_inside(outer);
        if let Some(end) = inside.end {
            // Only what that end lets one know may count, or the cut would depend on the chunking.
            let known = View { window: &self.window[..end], sealed: true, after_flag: false };
            return match known.first_header(outer) {
                FirstHeader::At(cut) => item(cut, false),
                _ => unreachable!("the intact frame inside starts with a header"),
            };
        }
        let whole = self.window.len() >= outer.length;
        if whole && outer.is_intact(&self.window[..outer.length]) {
            return item(outer.length, true);
        }
        if !whole && !self.sealed {
            return Decision::wait(inside.next.min(outer.length));
        }
        match self.first_header(outer) {
            FirstHeader::At(cut) => item(cut, false),
            FirstHeader::NotYet => self.wait_for_more(),
            FirstHeader::Nowhere if !whole => item(self.window.len(), false),
            FirstHeader::Nowhere => {
                let last = self.window[outer.length - 1];
                let closed = last == if outer.link == Link::Mbus { mbus::STOP } else { hdlc::FLAG };
                // A byte in the place of the closing flag that is none belongs to what follows.
                item(outer.length - usize::from(!closed), false)
            }
        }
    }

    /// The intact frame inside `outer` that ends first, if it ends no later than `outer` does.
    fn intact_inside(&self, outer: Announced) -> Inside {
        let mut inside = Inside { end: None, next: usize::MAX };
        let limit = self.window.len().min(outer.length.saturating_sub(hdlc::LENGTH_MIN + 1));
        let mut from = 1;
        while let Some(mark) = self.window.get(from..limit).and_then(|rest| outer.next_mark(rest)) {
            let at = from + mark;
            from = at + 1;
            match start_of(&self.window[at..]) {
                Start::Frame(inner) => {
                    let end = at + inner.length;
                    if end > outer.length {
                        continue;
                    }
                    match self.window.get(at..end) {
                        None => inside.next = inside.next.min(end),
                        Some(bytes) if inner.is_intact(bytes) => {
                            inside.end = Some(inside.end.map_or(end, |first: usize| first.min(end)));
                        }
                        Some(_) => {}
                    }
                }
                Start::NotYet => inside.next = inside.next.min(self.window.len() + 1),
                Start::Nothing | Start::Wrong(_) | Start::Telegram => {}
            }
        }
        inside
    }

    /// The first header inside `outer`, closing flag included, that proves itself.
    fn first_header(&self, outer: Announced) -> FirstHeader {
        let limit = self.window.len().min(outer.length);
        let mut from = 1;
        while let Some(mark) = self.window.get(from..limit).and_then(|rest| outer.next_mark(rest)) {
            let at = from + mark;
            from = at + 1;
            match start_of(&self.window[at..]) {
                Start::Frame(_) => return FirstHeader::At(at),
                Start::NotYet if !self.sealed => return FirstHeader::NotYet,
                _ => {}
            }
        }
        FirstHeader::Nowhere
    }

    fn decide_telegram(&self, scanned: usize) -> Decision {
        match p1::extent(self.window, scanned, self.sealed) {
            p1::Extent::Whole(length, crc_ok) => Decision::Item(length, ItemKind::Telegram { crc_ok }),
            p1::Extent::Broken => self.decide_junk(Junk::Telegram, 0),
            p1::Extent::NotYet => {
                // The byte before a `!` decides whether it ends the telegram, and digits follow it.
                let scanned = self.window.len().saturating_sub(p1::END_MAX + 1);
                Decision::Wait(Progress { needed: self.window.len() + 1, scanned, broken: false })
            }
        }
    }

    /// Junk goes up to the next byte at which something starts, be it only a wrong header.
    fn decide_junk(&self, why: Junk, scanned: usize) -> Decision {
        let broken = why == Junk::Telegram;
        let limit = self.window.len().min(JUNK_MAX);
        let from = scanned.clamp(1, limit);
        for mark in memchr3_iter(hdlc::FLAG, mbus::START, p1::START, &self.window[from..limit]) {
            let at = from + mark;
            match start_of(&self.window[at..]) {
                Start::Nothing => {}
                Start::NotYet if self.sealed => {}
                Start::NotYet => {
                    return Decision::Wait(Progress { needed: self.window.len() + 1, scanned: at, broken });
                }
                Start::Wrong(_) | Start::Frame(_) | Start::Telegram => {
                    return Decision::Item(at, ItemKind::Junk(why));
                }
            }
        }
        if limit == JUNK_MAX || self.sealed {
            return Decision::Item(limit, ItemKind::Junk(why));
        }
        Decision::Wait(Progress { needed: limit + 1, scanned: limit, broken })
    }
}

struct Inside {
    /// Where the intact frame that ends first ends.
    end: Option<usize>,
    /// How many bytes must be there before another one can be known.
    next: usize,
}

enum FirstHeader {
    At(usize),
    NotYet,
    Nowhere,
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::{format, vec};

    use super::*;

    fn frame(information: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        hdlc::encode(&mut out, &[0x41], &[0x08, 0x83], 0x13, false, information);
        out
    }

    /// The items of a stream as `offset+length what`, silence behind it.
    fn items(stream: &[u8]) -> Vec<String> {
        let mut framer = Framer::new();
        framer.push(stream, Instant(0));
        framer.finish();
        drain(&mut framer)
    }

    fn drain(framer: &mut Framer) -> Vec<String> {
        let mut items = Vec::new();
        while let Some(item) = framer.poll() {
            let what = match item.what {
                What::Hdlc(frame) if frame.is_good() && !frame.opening_flag => "good, shared flag".into(),
                What::Hdlc(frame) => if frame.is_good() { "good" } else { "bad" }.into(),
                What::Mbus(frame) => format!("mbus {}", frame.checksum_ok),
                What::P1(telegram) => format!("p1 {:?}", telegram.crc_ok),
                What::Junk(why) => format!("{why:?}"),
            };
            items.push(format!("{}+{} {what}", item.offset, item.bytes.len()));
        }
        items
    }

    #[test]
    fn flag_inside_a_frame_is_data() {
        let inside = frame(&[0x7E, 0x7D, 0x7E, 0x7E, 0xA0, 0x7E]);
        assert_eq!(items(&[inside.clone(), inside].concat()), ["0+18 good", "18+18 good"]);
    }

    #[test]
    fn shared_flag_between_frames_is_one_flag() {
        let stream = [&frame(&[1])[..], &frame(&[2])[1..], &[0x7E], &frame(&[3])].concat();
        assert_eq!(items(&stream), ["0+13 good", "13+12 good, shared flag", "25+1 NoFrame", "26+13 good"]);
    }

    #[test]
    fn header_that_belongs_to_two_frames_makes_the_first_one_junk() {
        // The second start byte stands in the first header's address, its length in the transport control.
        let mut stream = vec![0x68, 0x0B, 0x0B, 0x68, 0x53];
        mbus::encode(&mut stream, 4, &[1; 4]);
        assert_eq!(items(&stream), ["0+5 NoFrame", "5+15 mbus true"]);
    }

    #[test]
    fn wrong_header_does_not_swallow_what_follows() {
        let stream = [&[0x7E, 0xA7, 0xFF][..], &frame(&[1]), &frame(&[2])].concat();
        let mut framer = Framer::new();
        framer.push(&stream, Instant(0));
        // Two kilobytes are announced, and the check of that header is wrong.
        assert_eq!(drain(&mut framer), ["0+3 HeaderChecksum", "3+13 good", "16+13 good"]);
        assert_eq!(items(&[0x7E, 0xA0, 0x03, 0x55]), ["0+4 HeaderLength"]);
    }

    #[test]
    fn frame_that_lost_bytes_does_not_cost_its_neighbour() {
        let (long, short) = (frame(&[0x55; 40]), frame(&[1]));
        for cut in 9..long.len() - 1 {
            // Between the two: nothing, a flag of its own, a shared flag.
            for between in [&[][..], &[0x7E]] {
                let stream = [&long[..cut], between, &short, &short].concat();
                let items = items(&stream);
                assert_eq!(items.iter().filter(|item| item.ends_with("good")).count(), 2, "{cut}: {items:?}");
                assert!(items[0].ends_with("bad"), "{cut}: {items:?}");
            }
        }
    }

    #[test]
    fn intact_frame_ends_the_cut_one_without_waiting() {
        let stream = [&frame(&[0x55; 200])[..20], &frame(&[1])].concat();
        let mut framer = Framer::new();
        framer.push(&stream, Instant(0));
        assert_eq!(drain(&mut framer), ["0+20 bad", "20+13 good"]);
        assert_eq!(framer.next_timeout(), None);
    }

    #[test]
    fn cut_frame_whose_check_fits_by_chance_does_not_hide_the_intact_one() {
        // Both end with the same check and flag; two bytes are tried until the outer check is the inner one.
        let inner = frame(&[0; 38]);
        let outer = (0..=u16::MAX)
            .map(|seed| frame(&[&seed.to_be_bytes()[..], &[0; 11], &inner[..inner.len() - 3]].concat()))
            .find(|outer| outer.ends_with(&inner))
            .expect("the check takes every value");
        assert_eq!(items(&outer), ["0+22 bad", "22+50 good"]);
    }

    #[test]
    fn wrong_frame_check_and_missing_flag_make_a_bad_frame() {
        let mut checked = frame(&[1, 2, 3]);
        checked[10] ^= 1;
        let mut unclosed = frame(&[1, 2, 3]);
        *unclosed.last_mut().unwrap() = 0x7F;
        let stream = [checked, unclosed, frame(&[1])].concat();
        assert_eq!(items(&stream), ["0+15 bad", "15+14 bad", "29+1 NoFrame", "30+13 good"]);
    }

    #[test]
    fn silence_of_a_second_ends_a_frame_and_less_does_not() {
        let bytes = frame(&[1, 2, 3]);
        let mut framer = Framer::new();
        assert_eq!(framer.next_timeout(), None);
        framer.push(&bytes[..12], Instant(5));
        assert_eq!(drain(&mut framer), [""; 0]);
        assert_eq!(framer.next_timeout(), Some(Instant(1_000_005)));
        framer.timeout(Instant(1_000_004));
        framer.push(&bytes[12..], Instant(1_000_004));
        assert_eq!(drain(&mut framer), ["0+15 good"]);
        framer.push(&bytes[..12], Instant(2_000_000));
        framer.timeout(Instant(3_000_000));
        assert_eq!(drain(&mut framer), ["15+12 bad"]);
        framer.push(&bytes[12..], Instant(3_000_000));
        framer.push(&bytes, Instant(3_000_001));
        assert_eq!(drain(&mut framer), ["27+3 NoFrame", "30+15 good"]);
    }

    #[test]
    fn bytes_behind_a_silence_do_not_join_what_waited() {
        let bytes = frame(&[1, 2, 3]);
        let mut framer = Framer::new();
        framer.push(&bytes[..12], Instant(0));
        framer.timeout(Instant(SILENCE_US));
        // Not polled in between: the silence still counts.
        framer.push(&bytes[12..], Instant(SILENCE_US));
        assert_eq!(drain(&mut framer), ["0+12 bad"]);
        framer.finish();
        assert_eq!(drain(&mut framer), ["12+3 NoFrame"]);
    }

    #[test]
    fn mbus_frames_of_a_telegram_are_found_among_noise() {
        let mut stream = vec![0x68, 0x05, 0x05];
        mbus::encode(&mut stream, 252, &[0x68; 300]);
        assert_eq!(items(&stream), ["0+3 NoFrame", "3+263 mbus true", "266+59 mbus true"]);
        let mut cut = stream[3..100].to_vec();
        mbus::encode(&mut cut, 20, &[1; 20]);
        assert_eq!(items(&cut), ["0+97 mbus false", "97+31 mbus true"]);
    }

    #[test]
    fn telegram_is_found_and_a_broken_one_is_junk() {
        let mut telegram = Vec::new();
        p1::encode(&mut telegram, "KAM5", &["1-0:1.7.0(00.498*kW)"]);
        let stream = [&telegram[..12], &telegram].concat();
        assert_eq!(items(&stream), ["0+12 Telegram", "12+38 p1 Some(true)"]);
        let mut foreign = telegram.clone();
        foreign[20] |= 0x80;
        assert_eq!(items(&[foreign, telegram].concat()), ["0+38 Telegram", "38+38 p1 Some(true)"]);
    }

    #[test]
    fn junk_is_cut_at_its_longest_and_memory_stays_bounded() {
        let mut framer = Framer::new();
        let mut given = 0;
        for (at, byte) in [0x00, b'a', 0x7E, b'/', 0x68].into_iter().enumerate() {
            for _ in 0..8 {
                framer.push(&[byte; PUSH_MAX], Instant(at as u64));
                while let Some(item) = framer.poll() {
                    assert!(item.bytes.len() <= JUNK_MAX);
                    given += item.bytes.len();
                }
                assert!(framer.buffer.len() - framer.start <= HELD_MAX);
                assert!(framer.buffer.capacity() <= 2 * (HELD_MAX + PUSH_MAX));
            }
        }
        assert!(given + HELD_MAX >= 40 * PUSH_MAX);
    }
}
