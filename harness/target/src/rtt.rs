//! The target's side of RTT: rings in RAM that a debugger empties and fills while the core runs.
//!
//! Control block: an identity of 16 bytes, the numbers of up and down channels, and a descriptor of six words for each:
//! name, buffer, size, write index, read index, flags. The identity is written last, so that a debugger that searches
//! for it never finds half a block. One byte of every ring stays unused.

use crate::chip::{BusFault, Chip};

const IDENTITY: &[u8; 16] = b"SEGGER RTT\0\0\0\0\0\0";
const HEADER: u32 = 24;
const DESCRIPTOR: u32 = 24;
const WRITE_INDEX: u32 = 12;
const READ_INDEX: u32 = 16;

/// A control block with its rings, in the RAM of a chip.
#[derive(Clone, Debug)]
pub struct Rtt {
    up: Vec<Ring>,
    down: Vec<Ring>,
    end: u32,
}

#[derive(Clone, Copy, Debug)]
struct Ring {
    descriptor: u32,
    buffer: u32,
    size: u32,
}

impl Rtt {
    /// Places block, names and rings at `address`, as firmware does when it starts. Channels are `(name, bytes)`.
    ///
    /// # Errors
    ///
    /// [`BusFault`] when RAM ends before.
    pub fn place(
        chip: &mut Chip,
        address: u32,
        up: &[(&str, u32)],
        down: &[(&str, u32)],
    ) -> Result<Rtt, BusFault> {
        chip.write(address, &[0; 16])?;
        chip.write_word(address + 16, up.len() as u32)?;
        chip.write_word(address + 20, down.len() as u32)?;
        let mut rings = Vec::new();
        let mut free = address + HEADER + (up.len() + down.len()) as u32 * DESCRIPTOR;
        for (number, (name, size)) in (0u32..).zip(up.iter().chain(down)) {
            let descriptor = address + HEADER + number * DESCRIPTOR;
            let (text, buffer) = (free, free + aligned(name.len() as u32 + 1));
            chip.write(text, name.as_bytes())?;
            chip.write(text + name.len() as u32, &[0])?;
            for (place, word) in (0u32..).zip([text, buffer, *size, 0, 0, 0]) {
                chip.write_word(descriptor + place * 4, word)?;
            }
            rings.push(Ring { descriptor, buffer, size: *size });
            free = buffer + aligned(*size);
        }
        chip.write(address, IDENTITY)?;
        let down = rings.split_off(up.len());
        Ok(Rtt { up: rings, down, end: free })
    }

    /// First address behind it.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Writes as much as fits into an up channel, and says how much that was.
    ///
    /// # Errors
    ///
    /// [`BusFault`] for a channel that is not there, and for indices that no ring can have: someone wrote over them.
    pub fn write(&self, chip: &mut Chip, channel: usize, bytes: &[u8]) -> Result<usize, BusFault> {
        let ring = self.up.get(channel).ok_or(BusFault)?;
        let (mut write, read) = ring.indices(chip)?;
        let mut written = 0;
        while written < bytes.len() {
            let room = match read.checked_sub(write) {
                Some(0) | None => ring.size - write - u32::from(read == 0),
                Some(ahead) => ahead - 1,
            };
            let count = (room as usize).min(bytes.len() - written);
            if count == 0 {
                break;
            }
            chip.write(ring.buffer + write, &bytes[written..written + count])?;
            written += count;
            write = (write + count as u32) % ring.size;
        }
        chip.write_word(ring.descriptor + WRITE_INDEX, write)?;
        Ok(written)
    }

    /// Takes everything out of a down channel.
    ///
    /// # Errors
    ///
    /// As [`Rtt::write`].
    pub fn read(&self, chip: &mut Chip, channel: usize) -> Result<Vec<u8>, BusFault> {
        let ring = self.down.get(channel).ok_or(BusFault)?;
        let (write, read) = ring.indices(chip)?;
        let mut bytes = Vec::new();
        if write < read {
            bytes.extend_from_slice(chip.bytes(ring.buffer + read, (ring.size - read) as usize)?);
            bytes.extend_from_slice(chip.bytes(ring.buffer, write as usize)?);
        } else {
            bytes.extend_from_slice(chip.bytes(ring.buffer + read, (write - read) as usize)?);
        }
        chip.write_word(ring.descriptor + READ_INDEX, write)?;
        Ok(bytes)
    }
}

impl Ring {
    fn indices(&self, chip: &Chip) -> Result<(u32, u32), BusFault> {
        let write = chip.word(self.descriptor + WRITE_INDEX)?;
        let read = chip.word(self.descriptor + READ_INDEX)?;
        if write < self.size && read < self.size { Ok((write, read)) } else { Err(BusFault) }
    }
}

fn aligned(len: u32) -> u32 {
    len.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::tests::chip;

    const AT: u32 = 0x2000_0100;

    fn placed() -> (Chip, Rtt) {
        let mut chip = chip();
        let rtt = Rtt::place(&mut chip, AT, &[("Terminal", 8)], &[("Commands", 4)]).expect("RAM");
        (chip, rtt)
    }

    #[test]
    fn the_block_is_laid_out_as_debuggers_read_it() {
        let (chip, rtt) = placed();
        assert_eq!(chip.bytes(AT, 16), Ok(&IDENTITY[..]));
        assert_eq!((chip.word(AT + 16), chip.word(AT + 20)), (Ok(1), Ok(1)));
        let name = chip.word(AT + 24).expect("name");
        assert_eq!(chip.bytes(name, 9), Ok(&b"Terminal\0"[..]));
        assert_eq!((chip.word(AT + 32), rtt.end()), (Ok(8), AT + 24 + 48 + 12 + 8 + 12 + 4));
    }

    #[test]
    fn a_full_ring_takes_no_more_until_it_is_read() {
        let (mut chip, rtt) = placed();
        assert_eq!(rtt.write(&mut chip, 0, b"0123456789"), Ok(7), "one byte stays unused");
        assert_eq!(rtt.write(&mut chip, 0, b"x"), Ok(0));
        chip.write_word(AT + 24 + READ_INDEX, 5).expect("RAM");
        assert_eq!(rtt.write(&mut chip, 0, b"abcdefg"), Ok(5));
        let buffer = chip.word(AT + 28).expect("buffer");
        assert_eq!(chip.bytes(buffer, 8), Ok(&b"bcde456a"[..]));
    }

    #[test]
    fn a_down_channel_is_read_over_its_end() {
        let (mut chip, rtt) = placed();
        let descriptor = AT + 24 + 24;
        let buffer = chip.word(descriptor + 4).expect("buffer");
        chip.write(buffer, b"cdab").expect("RAM");
        chip.write_word(descriptor + READ_INDEX, 2).expect("RAM");
        chip.write_word(descriptor + WRITE_INDEX, 1).expect("RAM");
        assert_eq!(rtt.read(&mut chip, 0), Ok(b"abc".to_vec()));
        assert_eq!(rtt.read(&mut chip, 0), Ok(vec![]));
    }

    #[test]
    fn indices_that_someone_wrote_over_are_no_panic() {
        let (mut chip, rtt) = placed();
        chip.write_word(AT + 24 + READ_INDEX, 8).expect("RAM");
        assert_eq!(rtt.write(&mut chip, 0, b"x"), Err(BusFault));
        assert_eq!(rtt.write(&mut chip, 1, b"x"), Err(BusFault), "no such channel");
        assert!(Rtt::place(&mut chip, 0x2000_0FF0, &[("Terminal", 64)], &[]).is_err());
    }
}
