//! The firmware's side of [`samples::ram`](crate::samples::ram): takes blocks that the bench put into RAM.

use super::hardware::{SAMPLES, SLOT_SIZE, SLOTS};
use crate::samples::ram::{GIVEN_AT, MAGIC, SLOT_COUNT_AT, SLOT_HEAD, SLOT_SIZE_AT, SLOTS_AT, TAKEN_AT};
use hanbench_target::{BusFault, Chip};

/// The buffer, and how many blocks were taken out of it.
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    taken: u32,
}

impl Buffer {
    /// Sets the buffer up, as firmware does when it starts.
    ///
    /// # Errors
    ///
    /// [`BusFault`] when RAM ends before.
    pub fn place(chip: &mut Chip) -> Result<Buffer, BusFault> {
        let at = SAMPLES.address;
        chip.write(at, &[0; SLOTS_AT as usize])?;
        for slot in 0..SLOTS {
            chip.write_word(Buffer::slot(slot), 0)?;
        }
        chip.write_word(at + SLOT_COUNT_AT, SLOTS)?;
        chip.write_word(at + SLOT_SIZE_AT, SLOT_SIZE)?;
        chip.write_word(at, MAGIC)?;
        Ok(Buffer { taken: 0 })
    }

    /// Takes the next block out. A length that no slot has gives a block without bytes: whoever counts blocks notices.
    ///
    /// # Errors
    ///
    /// [`BusFault`] when the buffer is no longer in RAM, which does not happen.
    pub fn take(&mut self, chip: &mut Chip) -> Result<Option<Vec<u8>>, BusFault> {
        let given = chip.word(SAMPLES.address + GIVEN_AT)?;
        // A bench that gave more than there is room for speaks of a time before the last reset.
        if !(1..=SLOTS).contains(&given.wrapping_sub(self.taken)) {
            return Ok(None);
        }
        let slot = Buffer::slot(self.taken % SLOTS);
        let length = chip.word(slot)?;
        let length = if length <= SLOT_SIZE { length as usize } else { 0 };
        let block = chip.bytes(slot + SLOT_HEAD, length)?.to_vec();
        self.taken = self.taken.wrapping_add(1);
        chip.write_word(SAMPLES.address + TAKEN_AT, self.taken)?;
        Ok(Some(block))
    }

    fn slot(number: u32) -> u32 {
        SAMPLES.address + SLOTS_AT + number * (SLOT_HEAD + SLOT_SIZE)
    }
}
