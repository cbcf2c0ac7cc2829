//! Blocks ↔ bytes. The decoder takes any bytes, finds the next whole block, and never fails.

use hanbench_core::wire::crc::x25;

/// First bytes of every block.
const MARK: [u8; 2] = [0xA5, 0x5A];
/// Mark, kind, length.
const HEAD: usize = 5;
/// Bytes of a block beside its payload.
const AROUND: usize = HEAD + 2;
/// Largest payload in bytes. A length beyond it is no block's.
const PAYLOAD_MAX: usize = 16_384;
/// Bytes of a data payload in front of its samples.
const DATA_HEAD: usize = 12;
/// Most samples of a data block, all inputs together.
pub const SAMPLES_MAX: usize = (PAYLOAD_MAX - DATA_HEAD) / 2;

/// One block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// What the dongle is told, as JSON.
    Head(Vec<u8>),
    /// Samples.
    Data {
        /// Number of the block since the head.
        number: u32,
        /// Number of the first sample of each input since the head.
        first: u64,
        /// Samples of the inputs in turn.
        samples: Vec<i16>,
    },
    /// The waveform is over.
    End {
        /// Samples of each input that were sent.
        frames: u64,
    },
}

/// Most samples of a data block that takes no more than so many bytes in all.
pub fn samples_within(bytes: usize) -> usize {
    (bytes.saturating_sub(AROUND + DATA_HEAD) / 2).min(SAMPLES_MAX)
}

/// A head block.
pub fn head(json: &[u8]) -> Vec<u8> {
    block(b'S', json)
}

/// A data block, of at most [`SAMPLES_MAX`] samples; a receiver takes a longer one for damage.
pub fn data(number: u32, first: u64, samples: &[i16]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(DATA_HEAD + 2 * samples.len());
    payload.extend(number.to_le_bytes());
    payload.extend(first.to_le_bytes());
    payload.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    block(b'D', &payload)
}

/// An end block.
pub fn end(frames: u64) -> Vec<u8> {
    block(b'E', &frames.to_le_bytes())
}

fn block(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(AROUND + payload.len());
    bytes.extend(MARK);
    bytes.push(kind);
    bytes.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(payload);
    let check = x25(&bytes[MARK.len()..]);
    bytes.extend(check.to_le_bytes());
    bytes
}

/// Bytes → blocks.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    held: Vec<u8>,
    /// Bytes that belonged to no block since the last call that asked.
    lost: usize,
}

impl Decoder {
    /// Takes bytes as they come and returns the blocks that became whole.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Block> {
        self.held.extend_from_slice(bytes);
        self.blocks()
    }

    /// Nothing has come for a while: a block that is not whole will not become so. What hides behind its
    /// beginning is returned.
    pub fn paused(&mut self) -> Vec<Block> {
        let mut found = Vec::new();
        while !self.held.is_empty() {
            self.held.drain(..1);
            self.lost += 1;
            found.extend(self.blocks());
        }
        found
    }

    /// Bytes that belonged to no whole block, since the last call.
    pub fn take_lost(&mut self) -> usize {
        std::mem::take(&mut self.lost)
    }

    fn blocks(&mut self) -> Vec<Block> {
        let mut found = Vec::new();
        let mut at = 0;
        loop {
            let rest = &self.held[at..];
            match step(rest) {
                Step::Block(block, length) => {
                    found.push(block);
                    at += length;
                }
                Step::Skip(count) => {
                    self.lost += count;
                    at += count;
                }
                Step::Wait => break,
            }
        }
        self.held.drain(..at);
        found
    }
}

enum Step {
    Block(Block, usize),
    /// No block begins in so many bytes, at least one.
    Skip(usize),
    /// More bytes decide.
    Wait,
}

fn step(bytes: &[u8]) -> Step {
    let Some(&first) = bytes.first() else { return Step::Wait };
    if first != MARK[0] {
        let next = bytes.iter().position(|byte| *byte == MARK[0]);
        return Step::Skip(next.unwrap_or(bytes.len()));
    }
    if bytes.len() >= 2 && bytes[1] != MARK[1] {
        return Step::Skip(1);
    }
    let Some(&[_, _, kind, low, high]) = bytes.first_chunk::<HEAD>() else { return Step::Wait };
    let length = usize::from(u16::from_le_bytes([low, high]));
    if !b"SDE".contains(&kind) || length > PAYLOAD_MAX {
        return Step::Skip(1);
    }
    let Some(whole) = bytes.get(..length + AROUND) else { return Step::Wait };
    let (body, check) = whole.split_at(length + HEAD);
    if x25(&body[MARK.len()..]).to_le_bytes() != check {
        return Step::Skip(1);
    }
    match parse(kind, &body[HEAD..]) {
        Some(block) => Step::Block(block, length + AROUND),
        None => Step::Skip(1),
    }
}

fn parse(kind: u8, payload: &[u8]) -> Option<Block> {
    match kind {
        b'S' => Some(Block::Head(payload.to_vec())),
        b'D' => {
            let (head, samples) = payload.split_at_checked(DATA_HEAD)?;
            let (number, first) = head.split_at_checked(4)?;
            let (pairs, odd) = samples.as_chunks::<2>();
            odd.is_empty().then_some(())?;
            Some(Block::Data {
                number: u32::from_le_bytes(number.try_into().ok()?),
                first: u64::from_le_bytes(first.try_into().ok()?),
                samples: pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect(),
            })
        }
        _ => Some(Block::End { frames: u64::from_le_bytes(payload.try_into().ok()?) }),
    }
}
