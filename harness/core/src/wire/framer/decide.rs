//! What the bytes that wait are: the three rules of the framer, without its buffer.
//!
//! Everything here is a function of the bytes and of the silence behind them. What is decided on some bytes is
//! decided the same way on more of them; that is what makes the items independent of the chunking.

use memchr::{memchr, memchr2, memchr3_iter};

use super::{JUNK_MAX, Junk};
use crate::wire::{hdlc, mbus, p1};

/// What need not be looked at again before more bytes come. Saves work and never changes an item.
#[derive(Clone, Copy, Default)]
pub(super) struct Progress {
    /// Bytes that must be there before anything new can be decided.
    pub(super) needed: usize,
    /// Bytes that hold neither an end (of a telegram) nor a start (behind junk).
    pub(super) scanned: usize,
    /// The telegram that seemed to start here is known to be none.
    pub(super) broken: bool,
}

/// Link layers with a length in the header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Hdlc { opening_flag: bool },
    Mbus,
}

/// How an item is cut: what it will be, without its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Frame { link: Link, intact: bool },
    P1 { crc_ok: Option<bool> },
    Junk(Junk),
}

pub(super) enum Decision {
    /// The first so many bytes are this.
    Item(usize, Cut),
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
    P1,
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
            p1::Probe::Start => Start::P1,
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
pub(super) struct View<'a> {
    pub(super) window: &'a [u8],
    pub(super) sealed: bool,
    pub(super) after_flag: bool,
}

impl View<'_> {
    pub(super) fn decide(&self, progress: Progress) -> Decision {
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
            Start::P1 if progress.broken => self.decide_junk(Junk::P1, scanned),
            Start::P1 => self.decide_p1(scanned),
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
            let cut = match length < outer.header {
                true => Cut::Junk(Junk::NoFrame),
                false => Cut::Frame { link: outer.link, intact },
            };
            Decision::Item(length, cut)
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
                Start::Nothing | Start::Wrong(_) | Start::P1 => {}
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

    fn decide_p1(&self, scanned: usize) -> Decision {
        match p1::extent(self.window, scanned, self.sealed) {
            p1::Extent::Whole(length, crc_ok) => Decision::Item(length, Cut::P1 { crc_ok }),
            p1::Extent::Broken => self.decide_junk(Junk::P1, 0),
            p1::Extent::NotYet => {
                // The byte before a `!` decides whether it ends the telegram, and digits follow it.
                let scanned = self.window.len().saturating_sub(p1::END_MAX + 1);
                Decision::Wait(Progress { needed: self.window.len() + 1, scanned, broken: false })
            }
        }
    }

    /// Junk goes up to the next byte at which something starts, be it only a wrong header.
    fn decide_junk(&self, why: Junk, scanned: usize) -> Decision {
        let broken = why == Junk::P1;
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
                Start::Wrong(_) | Start::Frame(_) | Start::P1 => {
                    return Decision::Item(at, Cut::Junk(why));
                }
            }
        }
        if limit == JUNK_MAX || self.sealed {
            return Decision::Item(limit, Cut::Junk(why));
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
