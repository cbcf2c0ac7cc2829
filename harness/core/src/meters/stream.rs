//! The whole way from bytes to readings: framer, assembler and decoder in one.
//!
//! Refuses to drop anything: every item of the stream comes out as one [`Entry`], junk and bad frames included.

use super::decode::{Decoded, Decoder};
use super::telegram::Address;
use super::{Profile, ascii};
use crate::reading::Instant;
use crate::wire::{
    assemble::{Assembled, Assembler, Assembly},
    cipher::Keys,
    framer::{Content, Framer, Item, PUSH_MAX},
    hdlc,
};

/// Content one item of the stream came to.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The bytes and what they are.
    pub item: Item<'a>,
    /// Content the link layers made of it.
    pub assembly: Assembly<'a>,
    /// Content the telegram that this item completes says.
    pub decoded: Option<Decoded<'a>>,
}

/// Turns a byte stream into entries.
#[derive(Default)]
pub struct Stream {
    framer: Framer,
    assembler: Assembler,
    decoder: Decoder,
}

impl Stream {
    /// `profile`: told by the user, else found by the decoder. `keys`: of a meter that ciphers.
    pub fn new(profile: Option<&'static Profile>, keys: Keys) -> Self {
        Stream {
            framer: Framer::new(),
            assembler: Assembler::new(keys),
            decoder: profile.map_or_else(Decoder::new, Decoder::with_profile),
        }
    }

    /// Takes bytes that arrived at `now` and gives out every entry that they complete. What silence has ended
    /// before `now` comes first.
    pub fn push(&mut self, bytes: &[u8], now: Instant, mut each: impl FnMut(&Entry<'_>)) {
        self.timeout(now, &mut each);
        for piece in bytes.chunks(PUSH_MAX) {
            self.framer.push(piece, now);
            self.drain(&mut each);
        }
    }

    /// When [`Stream::timeout`] gives out what waits, if nothing arrives before.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.framer.next_timeout()
    }

    /// Says that it is `now`: an unfinished frame is over after a second of silence.
    pub fn timeout(&mut self, now: Instant, mut each: impl FnMut(&Entry<'_>)) {
        self.framer.timeout(now);
        self.drain(&mut each);
    }

    /// Says that no byte will follow.
    pub fn finish(&mut self, mut each: impl FnMut(&Entry<'_>)) {
        self.framer.finish();
        self.drain(&mut each);
    }

    /// Decodes bytes that somebody says are one APDU, with or without LLC and ciphering.
    pub fn raw<'a>(&'a mut self, bytes: &'a [u8]) -> (Assembly<'a>, Option<Decoded<'a>>) {
        let assembly = self.assembler.push_raw(bytes);
        let decoded = match assembly.outcome {
            Assembled::Apdu { bytes, .. } => Some(self.decoder.decode(bytes, None)),
            _ => None,
        };
        (assembly, decoded)
    }

    fn drain(&mut self, each: &mut impl FnMut(&Entry<'_>)) {
        while let Some(item) = self.framer.poll() {
            let assembly = self.assembler.push(&item);
            let decoded = match (assembly.outcome, item.content) {
                (Assembled::Apdu { bytes, .. }, Content::Hdlc(frame)) => {
                    let hdlc::Frame { destination, source, control, .. } = frame;
                    Some(self.decoder.decode(bytes, Some(Address { destination, source, control })))
                }
                (Assembled::Apdu { bytes, .. }, _) => Some(self.decoder.decode(bytes, None)),
                (_, Content::P1(frame)) if frame.is_good() => Some(ascii::decode(&frame)),
                _ => None,
            };
            each(&Entry { item, assembly, decoded });
        }
    }
}
