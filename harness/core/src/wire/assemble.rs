//! From items to APDUs: HDLC segments, M-Bus segments, general block transfer, ciphering.
//!
//! Holds at most one unfinished message per layer and never more than [`APDU_MAX`] bytes of it (field bug G5).
//! A complete frame, a bad frame or a part out of order ends an unfinished message: what was lost must not be
//! glued to what comes next (G4). Refuses to guess: a part whose beginning is missing is reported and dropped.

use alloc::vec::Vec;

use super::blocks::{self, Block, Blocks};
use super::cipher::{self, Deciphered, Keys};
use super::framer::{Content, Item, Junk};
use super::{Problem, ProblemKind, hdlc, llc, mbus};

/// Longest message put together; the longest of this family has 581 bytes.
pub const APDU_MAX: usize = 4096;
/// Junk of at least so many bytes may be what is left of a lost segment.
const LOST_FRAME_MIN: usize = hdlc::LENGTH_MIN + 2;

/// Content an item came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assembly<'a> {
    /// Content there is now.
    pub outcome: Assembled<'a>,
    /// An unfinished message was given up because of this item. Says nothing about the item itself.
    pub gave_up: Option<Problem>,
}

/// Content there is after an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Assembled<'a> {
    /// The item carries no part of an APDU: junk, a bad frame, a P1 telegram, a frame without information.
    Nothing,
    /// A part of a message; more must follow.
    Pending,
    /// A whole APDU in plain, beginning with its tag (0F for a data-notification).
    Apdu {
        /// The APDU without LLC. Borrows from the item where the item holds it in plain.
        bytes: &'a [u8],
        /// How it was protected.
        protection: Protection,
    },
    /// A part or a whole that cannot be used.
    Refused {
        /// Why; the offset counts from the start of the APDU or block.
        problem: Problem,
        /// The plain APDU in the place of the ciphertext: these bytes come from a log that was written after
        /// deciphering, not from a wire. For marking an import, never for reading.
        plain_inside: Option<&'a [u8]>,
    },
}

/// How an APDU was protected on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protection {
    /// Sent in plain.
    Plain,
    /// Ciphered, and proven by its tag.
    Verified,
    /// Ciphered without proof: no tag, or no key to check it.
    Unverified,
}

/// Puts APDUs together from the items of one stream.
///
/// ```
/// use hanbench_core::reading::Instant;
/// use hanbench_core::wire::{assemble::{Assembler, Assembled}, cipher::Keys, framer::Framer, hdlc};
///
/// let mut bytes = Vec::new();
/// let message = [0xE6, 0xE7, 0x00, 0x0F, 1, 2, 3, 4, 5];
/// hdlc::encode_segmented(&mut bytes, &[0x41], &[0x08, 0x83], 0x13, 5, &message);
/// let (mut framer, mut assembler) = (Framer::new(), Assembler::new(Keys::default()));
/// framer.push(&bytes, Instant(0));
/// let Some(first) = framer.poll() else { panic!("the first segment") };
/// assert_eq!(assembler.push(&first).outcome, Assembled::Pending);
/// let Some(last) = framer.poll() else { panic!("the last segment") };
/// let Assembled::Apdu { bytes, .. } = assembler.push(&last).outcome else { panic!("a whole APDU") };
/// assert_eq!(bytes, &message[3..]);
/// ```
#[derive(Default)]
pub struct Assembler {
    keys: Keys,
    message: Message,
    segments: Vec<u8>,
    blocks: Blocks,
    plain: Vec<u8>,
}

/// The message that the link layer is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Message {
    #[default]
    None,
    Hdlc,
    /// The rest of a segmented HDLC message whose beginning is lost or was refused: dropped to its last frame.
    HdlcLost,
    /// The number that the next segment must have.
    Mbus(u8),
}

/// Content a frame adds.
enum Added<'a> {
    Whole(&'a [u8]),
    WholeFromSegments,
    Pending,
    Nothing,
    Refused(ProblemKind),
}

impl Assembler {
    /// Waits for the first item; `keys` are those of the meter, if it ciphers.
    pub fn new(keys: Keys) -> Self {
        Self { keys, ..Self::default() }
    }

    /// Takes the next item of the stream.
    pub fn push<'a>(&'a mut self, item: &Item<'a>) -> Assembly<'a> {
        match item.content {
            Content::Hdlc(frame) if frame.is_good() => {
                let starts = llc::strip(frame.information).is_some();
                let gave_up = starts && self.give_up_message();
                let added = self.hdlc(&frame, starts);
                self.deliver(added, gave_up)
            }
            Content::Mbus(frame) if frame.checksum_ok => {
                let in_order = self.message == Message::Mbus(frame.segment) && frame.segment > 0;
                let gave_up = !in_order && self.give_up_message();
                let added = self.mbus(&frame, in_order);
                self.deliver(added, gave_up)
            }
            Content::Hdlc(frame) => {
                let gave_up = self.give_up();
                if frame.segmented {
                    self.message = Message::HdlcLost;
                }
                self.deliver(Added::Nothing, gave_up)
            }
            Content::Mbus(_) => {
                let gave_up = self.give_up();
                self.deliver(Added::Nothing, gave_up)
            }
            Content::Junk(why) => {
                let lost_frame = why != Junk::NoFrame || item.bytes.len() >= LOST_FRAME_MIN;
                let gave_up = lost_frame && self.give_up();
                self.deliver(Added::Nothing, gave_up)
            }
            Content::P1(_) => self.deliver(Added::Nothing, false),
        }
    }

    /// Takes an APDU that somebody cut out of its link layer (`E6 E7 00 0F …`, `0F …`, `DB …`, `E0 …`).
    pub fn push_raw<'a>(&'a mut self, bytes: &'a [u8]) -> Assembly<'a> {
        self.deliver(Added::Whole(llc::strip(bytes).unwrap_or(bytes)), false)
    }

    /// One good frame. `starts` says that it begins with an LLC, which only the first one of a message does.
    fn hdlc<'a>(&mut self, frame: &hdlc::Frame<'a>, starts: bool) -> Added<'a> {
        let payload = llc::strip(frame.information).unwrap_or(frame.information);
        if payload.is_empty() {
            return Added::Nothing;
        }
        let segmented = frame.segmented;
        match self.message {
            Message::HdlcLost if !starts => {
                self.message = if segmented { Message::HdlcLost } else { Message::None };
                Added::Refused(ProblemKind::OutOfOrder)
            }
            Message::Hdlc => self.continue_hdlc(payload, segmented),
            _ if !segmented => {
                self.message = Message::None;
                Added::Whole(payload)
            }
            _ if starts || is_apdu(payload) => {
                self.segments.clear();
                self.continue_hdlc(payload, segmented)
            }
            _ => {
                self.message = Message::HdlcLost;
                Added::Refused(ProblemKind::OutOfOrder)
            }
        }
    }

    fn continue_hdlc<'a>(&mut self, payload: &[u8], segmented: bool) -> Added<'a> {
        let fits = append(&mut self.segments, payload);
        self.message = match (segmented, fits) {
            (false, _) => Message::None,
            (true, true) => Message::Hdlc,
            (true, false) => Message::HdlcLost,
        };
        match (fits, segmented) {
            (false, _) => Added::Refused(ProblemKind::TooLong),
            (true, true) => Added::Pending,
            (true, false) => Added::WholeFromSegments,
        }
    }

    /// One good frame; `in_order` says that it continues the message that is open.
    fn mbus<'a>(&mut self, frame: &mbus::Frame<'a>, in_order: bool) -> Added<'a> {
        if frame.data.is_empty() {
            self.message = Message::None;
            return Added::Nothing;
        }
        match (frame.segment, frame.last) {
            (0, true) => return Added::Whole(frame.data),
            (0, false) => self.segments.clear(),
            _ if !in_order => return Added::Refused(ProblemKind::OutOfOrder),
            _ => {}
        }
        self.message = Message::None;
        if !append(&mut self.segments, frame.data) {
            return Added::Refused(ProblemKind::TooLong);
        }
        if frame.last {
            return Added::WholeFromSegments;
        }
        self.message = Message::Mbus(frame.segment + 1);
        Added::Pending
    }

    /// Drops what is unfinished in the link layer; true when there was something.
    fn give_up_message(&mut self) -> bool {
        let message = core::mem::take(&mut self.message);
        matches!(message, Message::Hdlc | Message::Mbus(_))
    }

    /// Drops everything unfinished after a loss on the line; true when there was something.
    fn give_up(&mut self) -> bool {
        let message = self.message;
        let blocks = self.blocks.give_up();
        let gave_up = self.give_up_message() || blocks;
        if matches!(message, Message::Hdlc | Message::HdlcLost) {
            // The frames that follow without an LLC are the rest of the same message.
            self.message = Message::HdlcLost;
        }
        gave_up
    }

    /// Undoes block transfer and ciphering.
    fn deliver<'a>(&'a mut self, added: Added<'a>, gave_up: bool) -> Assembly<'a> {
        let Assembler { keys, segments, blocks, plain, .. } = self;
        let dropped = |gave_up: bool| gave_up.then_some(Problem { offset: 0, kind: ProblemKind::OutOfOrder });
        let done = |outcome, gave_up| Assembly { outcome, gave_up: dropped(gave_up) };
        let refused = |problem| Assembled::Refused { problem, plain_inside: None };
        let bytes: &'a [u8] = match added {
            Added::Whole(bytes) => bytes,
            Added::WholeFromSegments => segments,
            Added::Pending => return done(Assembled::Pending, gave_up),
            Added::Nothing => return done(Assembled::Nothing, gave_up),
            Added::Refused(kind) => return done(refused(Problem { offset: 0, kind }), gave_up),
        };
        let (bytes, gave_up) = if bytes.first() == Some(&blocks::TAG) {
            match blocks.push(bytes) {
                Block::Whole(bytes, restarted) => (bytes, gave_up || restarted),
                Block::Pending(restarted) => return done(Assembled::Pending, gave_up || restarted),
                Block::Refused(problem) => return done(refused(problem), gave_up),
            }
        } else {
            (bytes, blocks.give_up() || gave_up)
        };
        if bytes.first() != Some(&cipher::TAG) {
            return done(Assembled::Apdu { bytes, protection: Protection::Plain }, gave_up);
        }
        let protection = match cipher::decipher(bytes, keys, plain) {
            Deciphered::Verified => Protection::Verified,
            Deciphered::Unverified => Protection::Unverified,
            Deciphered::Refused(problem) => {
                let plain_inside = cipher::plain_inside(bytes);
                return done(Assembled::Refused { problem, plain_inside }, gave_up);
            }
        };
        done(Assembled::Apdu { bytes: plain, protection }, gave_up)
    }
}

/// Begins with the tag of an APDU that meters push.
pub(crate) fn is_apdu(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&(0x0F | cipher::TAG | blocks::TAG)))
}

/// False when the whole would be longer than [`APDU_MAX`]; then nothing is appended.
pub(super) fn append(whole: &mut Vec<u8>, part: &[u8]) -> bool {
    let fits = whole.len() + part.len() <= APDU_MAX;
    if fits {
        whole.extend_from_slice(part);
    }
    fits
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::{format, vec};

    use super::super::framer::Framer;
    use super::*;
    use crate::reading::Instant;

    /// Content came of each item, in words.
    fn outcomes(stream: &[u8]) -> Vec<String> {
        let (mut framer, mut assembler) = (Framer::new(), Assembler::new(Keys::default()));
        let mut words = Vec::new();
        framer.push(stream, Instant(0));
        framer.finish();
        while let Some(item) = framer.poll() {
            let assembly = assembler.push(&item);
            let outcome = match assembly.outcome {
                Assembled::Nothing => "nothing".to_string(),
                Assembled::Pending => "pending".to_string(),
                Assembled::Apdu { bytes, .. } if bytes.len() > 8 => format!("apdu of {}", bytes.len()),
                Assembled::Apdu { bytes, .. } => format!("apdu {bytes:x?}"),
                Assembled::Refused { problem, .. } => format!("refused: {}", problem.kind),
            };
            let gave_up = if assembly.gave_up.is_some() { "gave up; " } else { "" };
            words.push(format!("{gave_up}{outcome}"));
        }
        words
    }

    fn frame(segmented: bool, information: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        hdlc::encode(&mut out, &[0xCE, 0xFF], &[0x03], 0x13, segmented, information);
        out
    }

    fn first(apdu: &[u8]) -> Vec<u8> {
        [&llc::LLC[..], apdu].concat()
    }

    const OUT_OF_ORDER: &str = "refused: segment or block out of order";

    #[test]
    fn segments_make_one_apdu_and_only_the_first_has_an_llc() {
        let stream = [
            frame(true, &first(&[0x0F, 1])),
            frame(true, &[2, 3]),
            frame(false, &[4]),
            frame(false, &first(&[0x0F])),
        ];
        assert_eq!(outcomes(&stream.concat()), ["pending", "pending", "apdu [f, 1, 2, 3, 4]", "apdu [f]"]);
    }

    #[test]
    fn single_frame_after_a_lost_segment_is_itself() {
        let stream = [frame(true, &first(&[0x0F, 1])), frame(false, &first(&[0x0F, 9]))];
        assert_eq!(outcomes(&stream.concat()), ["pending", "gave up; apdu [f, 9]"]);
    }

    #[test]
    fn next_segmented_message_does_not_continue_the_cut_one() {
        let stream = [frame(true, &first(&[0x0F, 1])), frame(true, &first(&[0x0F, 8])), frame(false, &[9])];
        assert_eq!(outcomes(&stream.concat()), ["pending", "gave up; pending", "apdu [f, 8, 9]"]);
    }

    #[test]
    fn bad_segment_costs_its_message_and_no_other() {
        let mut bad = frame(true, &[2, 3]);
        bad[9] ^= 1;
        let ordinary = frame(false, &first(&[0x0F, 9]));
        for bad_at in 0..3 {
            let mut parts = [frame(true, &first(&[0x0F, 1])), frame(true, &[4]), frame(false, &[5])];
            parts[bad_at][9] ^= 1;
            let words = outcomes(&[parts.concat(), ordinary.clone()].concat());
            assert_eq!(words.iter().filter(|words| words.contains("apdu")).count(), 1, "{words:?}");
            assert!(words.last().is_some_and(|words| words.ends_with("apdu [f, 9]")), "{words:?}");
        }
        // The bad one is the first: what follows has no beginning, even if it is all of one frame.
        assert_eq!(outcomes(&[bad.clone(), frame(false, &[0x0F, 5])].concat()), ["nothing", OUT_OF_ORDER]);
        let stream = [frame(true, &first(&[0x0F, 1])), bad, frame(false, &[5])];
        assert_eq!(outcomes(&stream.concat()), ["pending", "gave up; nothing", OUT_OF_ORDER]);
    }

    #[test]
    fn segment_without_a_beginning_is_refused() {
        let stream = [frame(true, &[1, 2]), frame(false, &[3]), frame(false, &first(&[0x0F]))];
        assert_eq!(outcomes(&stream.concat()), [OUT_OF_ORDER, OUT_OF_ORDER, "apdu [f]"]);
    }

    #[test]
    fn flags_between_segments_are_not_a_loss_but_a_lost_frame_is() {
        let parts = [frame(true, &first(&[0x0F, 1])), vec![0x7E, 0x7E], frame(false, &[2])];
        assert_eq!(outcomes(&parts.concat()), ["pending", "nothing", "apdu [f, 1, 2]"]);
        let mut lost = frame(true, &[7]);
        lost[2] ^= 1;
        let parts = [frame(true, &first(&[0x0F, 1])), lost, frame(false, &[2])];
        assert_eq!(outcomes(&parts.concat()).last().map(String::as_str), Some(OUT_OF_ORDER));
    }

    #[test]
    fn message_that_is_too_long_is_refused_whole() {
        for total in [1025, 1500, 4000, APDU_MAX, APDU_MAX + 1, 9000] {
            let apdu: Vec<u8> = [0x0F].into_iter().chain((1..total).map(|_| 0x55)).collect();
            let mut stream = Vec::new();
            hdlc::encode_segmented(&mut stream, &[0x41], &[0x03], 0x13, 500, &first(&apdu));
            stream.extend_from_slice(&frame(false, &first(&[0x0F])));
            let words = outcomes(&stream);
            let whole = words.iter().find(|words| words.starts_with("apdu of"));
            assert_eq!(whole.is_some(), total <= APDU_MAX, "{total}: {words:?}");
            assert!(total <= APDU_MAX || words.iter().any(|words| words.starts_with("refused: APDU longer")));
            assert_eq!(words.last().map(String::as_str), Some("apdu [f]"));
        }
    }

    fn mbus_frames(apdu: &[u8], data_max: usize) -> Vec<Vec<u8>> {
        let mut stream = Vec::new();
        mbus::encode(&mut stream, data_max, apdu);
        let frame = data_max + 11;
        stream.chunks(frame).map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn mbus_segments_need_their_order() {
        let frames = mbus_frames(&[0x0F, 1, 2, 3, 4, 5], 2);
        let outcomes =
            |order: &[usize]| outcomes(&order.iter().map(|&at| &frames[at][..]).collect::<Vec<_>>().concat());
        assert_eq!(outcomes(&[0, 1, 2]), ["pending", "pending", "apdu [f, 1, 2, 3, 4, 5]"]);
        assert_eq!(outcomes(&[0, 2]), ["pending", &format!("gave up; {OUT_OF_ORDER}")]);
        assert_eq!(outcomes(&[0, 1, 1, 2])[3], OUT_OF_ORDER);
        assert_eq!(outcomes(&[1, 0, 1, 2])[3], "apdu [f, 1, 2, 3, 4, 5]");
        assert_eq!(outcomes(&[0, 0, 1, 2])[1], "gave up; pending");
    }

    #[test]
    fn blocks_need_their_order() {
        let parts = blocks::encode(2, &[0x0F, 1, 2, 3, 4, 5]);
        let outcomes = |order: &[usize]| {
            let frames: Vec<_> = order.iter().map(|&at| frame(false, &first(&parts[at]))).collect();
            outcomes(&frames.concat())
        };
        assert_eq!(outcomes(&[0, 1, 2]), ["pending", "pending", "apdu [f, 1, 2, 3, 4, 5]"]);
        assert_eq!(outcomes(&[0, 2, 1]), ["pending", OUT_OF_ORDER, OUT_OF_ORDER]);
        assert_eq!(outcomes(&[0, 1, 1, 2]), ["pending", "pending", OUT_OF_ORDER, OUT_OF_ORDER]);
        assert_eq!(outcomes(&[0, 0, 1, 2])[1..], ["gave up; pending", "pending", "apdu [f, 1, 2, 3, 4, 5]"]);
    }

    #[test]
    fn foreign_message_between_blocks_is_itself() {
        let parts = blocks::encode(4, &[0x0F, 1, 2, 3, 4, 5]);
        let stream = [
            frame(false, &first(&parts[0])),
            frame(false, &first(&[0xC2, 7])),
            frame(false, &first(&parts[1])),
        ];
        assert_eq!(outcomes(&stream.concat()), ["pending", "gave up; apdu [c2, 7]", OUT_OF_ORDER]);
    }

    #[test]
    fn ciphered_apdu_in_segments_is_deciphered() {
        let keys = Keys { encryption: Some([7; 16]), authentication: Some([9; 16]) };
        let plain = [0x0F, 0, 0, 0, 0, 0, 0x02, 0x01, 0x11, 0x05];
        let mut apdu = Vec::new();
        cipher::encode(&mut apdu, &keys, b"KAM\x00\x00\x00\x00\x01", 0x30, 1, &plain);
        let mut stream = Vec::new();
        mbus::encode(&mut stream, 15, &apdu);
        let (mut framer, mut assembler) = (Framer::new(), Assembler::new(keys));
        framer.push(&stream, Instant(0));
        for _ in 0..2 {
            let segment = framer.poll().expect("a segment with more behind it");
            assert_eq!(assembler.push(&segment).outcome, Assembled::Pending);
        }
        assert_eq!(
            assembler.push(&framer.poll().expect("the last segment")).outcome,
            Assembled::Apdu { bytes: &plain, protection: Protection::Verified }
        );
        // The same bytes as somebody cut them out of a log, once as sent and once after deciphering in place.
        let mut reader = Assembler::new(Keys::default());
        let no_key = Problem { offset: 0, kind: ProblemKind::NoKey };
        assert_eq!(
            reader.push_raw(&apdu).outcome,
            Assembled::Refused { problem: no_key, plain_inside: None }
        );
        let text = apdu.len() - 12 - plain.len();
        apdu[text..text + plain.len()].copy_from_slice(&plain);
        assert_eq!(
            reader.push_raw(&first(&apdu)).outcome,
            Assembled::Refused { problem: no_key, plain_inside: Some(&plain) }
        );
    }
}
