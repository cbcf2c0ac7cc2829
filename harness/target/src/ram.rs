//! RAM: bytes of our own, or a file that another program maps as the RAM of what it runs.
//!
//! A file is read and written at every access and nothing of it is kept, so both sides see the same at once. A word is read
//! until two readings agree, because the other side may write it meanwhile, and a bus reads words whole. What is written here
//! is not protected like that: firmware may see half a word, in the nanoseconds that a copy of four bytes takes.

use crate::chip::BusFault;
use std::fs::File;
use std::ops::Range;

/// RAM, at its address.
#[derive(Debug)]
pub(crate) struct Ram {
    base: u32,
    len: usize,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    Own(Vec<u8>),
    Shared(File),
}

/// Readings of a word that are compared; more only when somebody writes it all the time.
const READINGS: usize = 8;

impl Ram {
    pub(crate) fn new(base: u32, len: u32) -> Ram {
        Ram { base, len: len as usize, cells: Cells::Own(vec![0; len as usize]) }
    }

    /// From now on its bytes are those of a file.
    pub(crate) fn share(&mut self, file: File) {
        self.cells = Cells::Shared(file);
    }

    /// Whether a stack may start there, which is one past the end at most.
    pub(crate) fn borders(&self, address: u32) -> bool {
        address.wrapping_sub(self.base) as usize <= self.len
    }

    /// Bytes as they lie in memory; none of a file.
    pub(crate) fn slice(&self, address: u32, len: usize) -> Option<&[u8]> {
        match &self.cells {
            Cells::Own(bytes) => Some(&bytes[self.range(address, len)?]),
            Cells::Shared(_) => None,
        }
    }

    /// Reads; `None` where not all of the bytes lie in it.
    pub(crate) fn read(&self, address: u32, bytes: &mut [u8]) -> Option<Result<(), BusFault>> {
        let range = self.range(address, bytes.len())?;
        match &self.cells {
            Cells::Own(own) => bytes.copy_from_slice(&own[range]),
            Cells::Shared(file) => return Some(read_stable(file, range.start as u64, bytes)),
        }
        Some(Ok(()))
    }

    /// Writes.
    pub(crate) fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), BusFault> {
        let range = self.range(address, bytes.len()).ok_or(BusFault)?;
        match &mut self.cells {
            Cells::Own(own) => own[range].copy_from_slice(bytes),
            Cells::Shared(file) => write_at(file, range.start as u64, bytes)?,
        }
        Ok(())
    }

    /// What is in it after power came back: garbage, the same every time.
    pub(crate) fn fill_with_garbage(&mut self) {
        let mut state = 0x2545_F491u32;
        let garbage = (0..self.len).map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        });
        let garbage: Vec<u8> = garbage.collect();
        // A file that cannot be written shows at the next access.
        let _ = self.write(self.base, &garbage);
    }

    fn range(&self, address: u32, len: usize) -> Option<Range<usize>> {
        let start = address.checked_sub(self.base)? as usize;
        let end = start.checked_add(len)?;
        (start < self.len && end <= self.len).then_some(start..end)
    }
}

fn read_stable(file: &File, offset: u64, bytes: &mut [u8]) -> Result<(), BusFault> {
    read_at(file, offset, bytes)?;
    if bytes.len() > 4 {
        return Ok(());
    }
    for _ in 1..READINGS {
        let mut again = [0; 4];
        let again = &mut again[..bytes.len()];
        read_at(file, offset, again)?;
        if again == bytes {
            return Ok(());
        }
        bytes.copy_from_slice(again);
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, offset: u64, bytes: &mut [u8]) -> Result<(), BusFault> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset).map_err(|_| BusFault)
}

#[cfg(unix)]
fn write_at(file: &File, offset: u64, bytes: &[u8]) -> Result<(), BusFault> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset).map_err(|_| BusFault)
}

/// Elsewhere two programs share memory in other ways.
#[cfg(not(unix))]
fn read_at(_file: &File, _offset: u64, _bytes: &mut [u8]) -> Result<(), BusFault> {
    Err(BusFault)
}

#[cfg(not(unix))]
fn write_at(_file: &File, _offset: u64, _bytes: &[u8]) -> Result<(), BusFault> {
    Err(BusFault)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    fn file(name: &str, len: u64) -> File {
        let path = std::env::temp_dir().join(format!("hanbench-ram-{name}-{}", std::process::id()));
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(&path).expect("a file");
        std::fs::remove_file(&path).expect("its name goes, the file stays");
        file.set_len(len).expect("a size");
        file
    }

    #[test]
    fn a_shared_file_is_seen_from_both_sides() {
        let file = file("both", 64);
        let mut ram = Ram::new(0x2100_0000, 64);
        ram.share(file.try_clone().expect("a second handle"));
        assert_eq!(ram.write(0x2100_0004, &[1, 2, 3, 4]), Ok(()));
        let mut bytes = [0; 4];
        file.read_exact_at(&mut bytes, 4).expect("read");
        assert_eq!(bytes, [1, 2, 3, 4]);
        file.write_all_at(&[9; 8], 56).expect("write");
        assert_eq!((ram.read(0x2100_003C, &mut bytes), bytes), (Some(Ok(())), [9; 4]));
        assert_eq!(ram.read(0x2100_003D, &mut bytes), None, "over the end");
        assert_eq!(ram.write(0x2100_003D, &bytes), Err(BusFault));
        assert!(ram.slice(0x2100_0000, 4).is_none());
    }

    #[test]
    fn a_file_that_is_too_short_is_a_bus_fault_and_no_zero() {
        let mut ram = Ram::new(0x2100_0000, 64);
        ram.share(file("short", 8));
        let mut bytes = [0; 4];
        assert_eq!(ram.read(0x2100_0004, &mut bytes), Some(Ok(())));
        assert_eq!(ram.read(0x2100_0008, &mut bytes), Some(Err(BusFault)));
    }
}
