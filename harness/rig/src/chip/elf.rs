//! The smallest ELF that a flash loader takes: one segment, and symbols.

/// Machine of an ELF: Arm.
pub const EM_ARM: u16 = 40;
/// Machine of an ELF: RISC-V.
pub const EM_RISCV: u16 = 243;

const FILE_HEAD: u32 = 52;
const PROGRAM_HEAD: u32 = 32;
const SECTION_HEAD: u32 = 40;

/// Something in the memory of the chip that has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol<'a> {
    /// Its name.
    pub name: &'a str,
    /// First address, or any other value.
    pub address: u32,
    /// Bytes.
    pub size: u32,
}

/// A 32-bit executable, little-endian, with one segment at `address`, which is also the section named `section`.
pub fn elf(section: &str, machine: u16, address: u32, segment: &[u8], symbols: &[Symbol<'_>]) -> Vec<u8> {
    let names = format!("\0.symtab\0.strtab\0{section}\0");
    let (mut strings, mut table) = (names.into_bytes(), vec![0; 16]);
    for symbol in symbols {
        let place = strings.len() as u32;
        strings.extend_from_slice(symbol.name.as_bytes());
        strings.push(0);
        // Global object in section 1.
        table.extend(words(&[place, symbol.address, symbol.size]).into_iter().chain([0x11, 0, 1, 0]));
    }
    let text = FILE_HEAD + PROGRAM_HEAD;
    let symtab = (text + segment.len() as u32).next_multiple_of(4);
    let strtab = symtab + table.len() as u32;
    let sections = (strtab + strings.len() as u32).next_multiple_of(4);
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend(halves(&[2, machine]));
    file.extend(words(&[1, address, FILE_HEAD, sections, 0]));
    file.extend(halves(&[FILE_HEAD as u16, PROGRAM_HEAD as u16, 1, SECTION_HEAD as u16, 4, 3]));
    let size = segment.len() as u32;
    file.extend(words(&[1, text, address, address, size, size, 5, 4]));
    file.extend_from_slice(segment);
    file.resize(symtab as usize, 0);
    file.extend(table.iter().chain(&strings));
    file.resize(sections as usize, 0);
    file.extend(words(&[0; 10]));
    file.extend(words(&[17, 1, 6, address, text, size, 0, 0, 4, 0]));
    file.extend(words(&[1, 2, 0, 0, symtab, table.len() as u32, 3, 1, 4, 16]));
    file.extend(words(&[9, 3, 0, 0, strtab, strings.len() as u32, 0, 0, 1, 0]));
    file
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn halves(halves: &[u16]) -> Vec<u8> {
    halves.iter().flat_map(|half| half.to_le_bytes()).collect()
}
