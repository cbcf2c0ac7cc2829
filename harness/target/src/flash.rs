//! NOR flash. Programming can only clear bits, erasing sets a whole sector; what is not erased cannot be programmed.
//!
//! Two ways of going wrong are built in: a cell whose bit no longer clears, and power that ends after so many cells.

/// What an erased cell reads.
pub const ERASED: u8 = 0xFF;

/// Why an operation ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlashError {
    /// Beyond the end.
    OutOfRange,
    /// A bit would have to go from 0 to 1, which only erasing can do.
    NotErased,
    /// Power failed: cells before this one are done, those behind it untouched, and this one is neither.
    PowerLost,
}

/// One bank of flash.
#[derive(Clone, Debug)]
pub struct Flash {
    base: u32,
    sector_size: u32,
    cells: Vec<u8>,
    /// Address and bit mask of a cell that cannot be cleared any more.
    worn: Option<(u32, u8)>,
    /// Cells that can still be changed before power fails.
    cells_until_dark: Option<u32>,
}

impl Flash {
    /// Erased flash of `len` bytes. `sector_size` is a power of two, in bytes.
    pub fn new(base: u32, len: u32, sector_size: u32) -> Flash {
        Flash { base, sector_size, cells: vec![ERASED; len as usize], worn: None, cells_until_dark: None }
    }

    /// First address.
    pub fn base(&self) -> u32 {
        self.base
    }

    /// Everything in it.
    pub fn cells(&self) -> &[u8] {
        &self.cells
    }

    /// Whether the address lies in it.
    pub fn contains(&self, address: u32) -> bool {
        self.offset(address, 1).is_some()
    }

    /// The bytes at an address, or nothing where they leave the bank.
    pub fn get(&self, address: u32, len: usize) -> Option<&[u8]> {
        let start = self.offset(address, len)?;
        Some(&self.cells[start..start + len])
    }

    /// Puts bytes there as a factory would: without erasing, wear, or power. Returns whether they fit.
    pub fn preload(&mut self, address: u32, bytes: &[u8]) -> bool {
        let Some(start) = self.offset(address, bytes.len()) else {
            return false;
        };
        self.cells[start..start + bytes.len()].copy_from_slice(bytes);
        true
    }

    /// From now on the bits of `mask` at `address` stay 1, whatever is programmed.
    pub fn wear_out(&mut self, address: u32, mask: u8) {
        self.worn = Some((address, mask));
    }

    /// Power fails when `cells` more cells have been changed by erasing or programming.
    pub fn lose_power_after(&mut self, cells: u32) {
        self.cells_until_dark = Some(cells);
    }

    /// Erases the sector that the address lies in.
    ///
    /// # Errors
    ///
    /// [`FlashError::OutOfRange`], [`FlashError::PowerLost`].
    pub fn erase_sector(&mut self, address: u32) -> Result<(), FlashError> {
        let start = self.offset(address, 1).ok_or(FlashError::OutOfRange)? & !(self.sector_size as usize - 1);
        let end = (start + self.sector_size as usize).min(self.cells.len());
        self.erase(start, end)
    }

    /// Erases everything.
    ///
    /// # Errors
    ///
    /// [`FlashError::PowerLost`].
    pub fn erase_all(&mut self) -> Result<(), FlashError> {
        self.erase(0, self.cells.len())
    }

    fn erase(&mut self, start: usize, end: usize) -> Result<(), FlashError> {
        for at in start..end {
            if !self.still_powered() {
                // Neither the old content nor erased.
                self.cells[at] |= 0x55;
                return Err(FlashError::PowerLost);
            }
            self.cells[at] = ERASED;
        }
        Ok(())
    }

    /// Programs bytes into erased cells.
    ///
    /// # Errors
    ///
    /// [`FlashError::OutOfRange`] and [`FlashError::NotErased`] before anything was changed from that cell on,
    /// [`FlashError::PowerLost`].
    pub fn program(&mut self, address: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let start = self.offset(address, bytes.len()).ok_or(FlashError::OutOfRange)?;
        for (number, byte) in bytes.iter().enumerate() {
            let at = start + number;
            if self.cells[at] & byte != *byte {
                return Err(FlashError::NotErased);
            }
            let powered = self.still_powered();
            // Half of the bits make it when power goes.
            let written = if powered { *byte } else { byte | 0xAA };
            let stuck = self.worn.filter(|(worn, _)| (worn.wrapping_sub(self.base)) as usize == at);
            self.cells[at] &= written | stuck.map_or(0, |(_, mask)| mask);
            if !powered {
                return Err(FlashError::PowerLost);
            }
        }
        Ok(())
    }

    /// Counts a cell against what power is left; once it is out, the plan is used up.
    fn still_powered(&mut self) -> bool {
        match self.cells_until_dark {
            None => true,
            Some(0) => {
                self.cells_until_dark = None;
                false
            }
            Some(left) => {
                self.cells_until_dark = Some(left - 1);
                true
            }
        }
    }

    fn offset(&self, address: u32, len: usize) -> Option<usize> {
        let start = address.checked_sub(self.base)? as usize;
        (start < self.cells.len() && start.checked_add(len)? <= self.cells.len()).then_some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flash() -> Flash {
        Flash::new(0x0800_0000, 0x2000, 0x800)
    }

    #[test]
    fn bits_only_go_down_until_the_sector_is_erased() {
        let mut flash = flash();
        assert_eq!(flash.program(0x0800_0804, &[0x0F, 0xF0]), Ok(()));
        assert_eq!(flash.program(0x0800_0804, &[0x0E]), Ok(()), "clearing one more bit needs no erasing");
        assert_eq!(flash.program(0x0800_0804, &[0xFF]), Err(FlashError::NotErased));
        assert_eq!(flash.get(0x0800_0804, 2), Some(&[0x0E, 0xF0][..]));
        assert_eq!(flash.erase_sector(0x0800_07FF), Ok(()), "the sector before");
        assert_eq!(flash.get(0x0800_0804, 1), Some(&[0x0E][..]));
        assert_eq!(flash.erase_sector(0x0800_0FFF), Ok(()));
        assert!(flash.cells().iter().all(|cell| *cell == ERASED));
    }

    #[test]
    fn nothing_lies_beyond_its_ends() {
        let mut flash = flash();
        assert_eq!(flash.program(0x0800_1FFF, &[0, 0]), Err(FlashError::OutOfRange));
        assert_eq!(flash.erase_sector(0x0800_2000), Err(FlashError::OutOfRange));
        assert_eq!(flash.erase_sector(0x07FF_FFFF), Err(FlashError::OutOfRange));
        assert_eq!(flash.get(0xFFFF_FFFF, usize::MAX), None);
        assert!(!flash.preload(0x0800_1FFF, &[1, 2]) && flash.cells().iter().all(|cell| *cell == ERASED));
    }

    #[test]
    fn a_worn_cell_keeps_its_bit() {
        let mut flash = flash();
        flash.wear_out(0x0800_0001, 0x01);
        assert_eq!(flash.program(0x0800_0000, &[0x12, 0x34, 0x56]), Ok(()));
        assert_eq!(flash.get(0x0800_0000, 3), Some(&[0x12, 0x35, 0x56][..]));
    }

    #[test]
    fn power_leaves_one_cell_undecided_and_the_rest_alone() {
        let mut flash = flash();
        flash.lose_power_after(2);
        assert_eq!(flash.program(0x0800_0000, &[0x11, 0x22, 0x33, 0x44]), Err(FlashError::PowerLost));
        assert_eq!(flash.get(0x0800_0000, 4), Some(&[0x11, 0x22, 0x33 | 0xAA, ERASED][..]));
        assert_eq!(flash.erase_sector(0x0800_0000), Ok(()), "power is back, and the plan used up");
        assert_eq!(flash.program(0x0800_0000, &[0, 0, 0, 0]), Ok(()));
        flash.lose_power_after(1);
        assert_eq!(flash.erase_sector(0x0800_0000), Err(FlashError::PowerLost));
        assert_eq!(flash.get(0x0800_0000, 3), Some(&[ERASED, 0x55, 0][..]));
    }
}
