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

use self::decide::{Cut, Decision, Link, Progress, View};
use super::{hdlc, mbus, p1};
use crate::reading::Instant;

mod decide;

/// Silence that ends an unfinished frame, microseconds (contract, section 3; gaps of 200 ms are bridged).
pub const SILENCE_US: u64 = 1_000_000;
/// Longest piece of junk in one item; longer junk is several items.
pub const JUNK_MAX: usize = 1024;
/// Most bytes that are still held when [`Framer::poll`] has nothing to give.
pub const HELD_MAX: usize = p1::LENGTH_MAX + p1::END_MAX + hdlc::HEADER_MAX;
/// Most bytes to give to [`Framer::push`] at once, so that memory stays bounded.
pub const PUSH_MAX: usize = 64 * 1024;

/// A piece of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item<'a> {
    /// Where it starts, in bytes from the start of the stream.
    pub offset: u64,
    /// Its bytes as received.
    pub bytes: &'a [u8],
    /// What they are.
    pub content: Content<'a>,
}

/// What a piece of the stream is: the link layer it belongs to, or junk. Frames may be bad; ask them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// An HDLC frame behind a header that proved itself.
    Hdlc(hdlc::Frame<'a>),
    /// An M-Bus long frame behind a plausible header.
    Mbus(mbus::Frame<'a>),
    /// A P1 telegram with both ends.
    P1(p1::Frame<'a>),
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
    P1,
}

impl core::fmt::Display for Junk {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Junk::NoFrame => "no frame starts here",
            Junk::HeaderChecksum => "header checksum is wrong",
            Junk::HeaderLength => "header length or address is impossible",
            Junk::P1 => "telegram breaks off",
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
/// use hanbench_core::wire::{framer::{Content, Framer}, hdlc};
///
/// let mut bytes = vec![0xFF];
/// hdlc::encode(&mut bytes, &[0x41], &[0x08, 0x83], 0x13, false, b"any bytes");
/// let mut framer = Framer::new();
/// framer.push(&bytes, Instant(0));
/// assert!(framer.poll().is_some_and(|item| matches!(item.content, Content::Junk(_))));
/// let Some(item) = framer.poll() else { panic!("the frame behind the junk") };
/// assert!(matches!(item.content, Content::Hdlc(frame) if frame.is_good() && item.offset == 1));
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
        let (length, cut) = match view.decide(self.progress) {
            Decision::Item(length, cut) => (length, cut),
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
        self.after_flag = matches!(cut, Cut::Frame { link: Link::Hdlc { .. }, intact: true });
        if self.sealed == Some(self.start) {
            self.sealed = None;
        }
        let bytes = &self.buffer[from..self.start];
        Some(Item { offset, bytes, content: cut.content(bytes) })
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

impl Cut {
    fn content(self, bytes: &[u8]) -> Content<'_> {
        match self {
            Cut::Frame { link: Link::Hdlc { opening_flag }, intact } => {
                Content::Hdlc(hdlc::Frame::accepted(bytes, opening_flag, intact))
            }
            Cut::Frame { link: Link::Mbus, intact } => Content::Mbus(mbus::Frame::accepted(bytes, intact)),
            Cut::P1 { crc_ok } => Content::P1(p1::Frame::accepted(bytes, crc_ok)),
            Cut::Junk(why) => Content::Junk(why),
        }
    }
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
            let what = match item.content {
                Content::Hdlc(frame) if frame.is_good() && !frame.opening_flag => "good, shared flag".into(),
                Content::Hdlc(frame) => if frame.is_good() { "good" } else { "bad" }.into(),
                Content::Mbus(frame) => format!("mbus {}", frame.checksum_ok),
                Content::P1(frame) => format!("p1 {:?}", frame.crc_ok),
                Content::Junk(why) => format!("{why:?}"),
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
        *unclosed.last_mut().expect("a closing flag") = 0x7F;
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
        assert_eq!(items(&stream), ["0+12 P1", "12+38 p1 Some(true)"]);
        let mut foreign = telegram.clone();
        foreign[20] |= 0x80;
        assert_eq!(items(&[foreign, telegram].concat()), ["0+38 P1", "38+38 p1 Some(true)"]);
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
