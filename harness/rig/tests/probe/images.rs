//! Firmware files for tests: the smallest ELF that has a segment and symbols, Intel HEX, and signatures.

use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer, SigningKey};
use std::path::{Path, PathBuf};

pub const EM_ARM: u16 = 40;
pub const EM_RISCV: u16 = 243;

/// A 32-bit executable with one segment at `address` and symbols of 4 bytes.
pub fn elf(machine: u16, address: u32, segment: &[u8], symbols: &[(&str, u32)]) -> Vec<u8> {
    elf_with(".text", machine, address, segment, symbols)
}

/// The same with another name for its section.
pub fn elf_with(
    section: &str,
    machine: u16,
    address: u32,
    segment: &[u8],
    symbols: &[(&str, u32)],
) -> Vec<u8> {
    const EHDR: u32 = 52;
    const PHDR: u32 = 32;
    const SHDR: u32 = 40;
    let names = format!("\0.symtab\0.strtab\0{section}\0");
    let (mut strings, mut table) = (names.into_bytes(), vec![0; 16]);
    for (name, value) in symbols {
        let place = strings.len() as u32;
        strings.extend_from_slice(name.as_bytes());
        strings.push(0);
        // Global object in section 1.
        let entry = words(&[place, *value, 4]).into_iter().chain([0x11, 0, 1, 0]);
        table.extend(entry);
    }
    let text = EHDR + PHDR;
    let symtab = (text + segment.len() as u32).next_multiple_of(4);
    let strtab = symtab + table.len() as u32;
    let sections = (strtab + strings.len() as u32).next_multiple_of(4);
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend(halves(&[2, machine]));
    file.extend(words(&[1, address, EHDR, sections, 0]));
    file.extend(halves(&[EHDR as u16, PHDR as u16, 1, SHDR as u16, 4, 3]));
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

/// Intel HEX of bytes within one block of 64 KiB.
pub fn hex(address: u32, bytes: &[u8]) -> Vec<u8> {
    let record = |kind: u8, at: u16, data: &[u8]| {
        let head = [data.len() as u8, (at >> 8) as u8, at as u8, kind];
        let sum = head.iter().chain(data).fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
        let digits: String =
            head.iter().chain(data).chain([&sum]).map(|byte| format!("{byte:02X}")).collect();
        format!(":{digits}\n")
    };
    let mut text = record(4, 0, &((address >> 16) as u16).to_be_bytes());
    for (row, data) in (address as u16..).step_by(16).zip(bytes.chunks(16)) {
        text += &record(0, row, data);
    }
    (text + &record(1, 0, &[])).into_bytes()
}

/// Writes a file into a folder.
pub fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("write");
    path
}

/// Signs an image, and writes the public key; `seed` decides the key.
pub fn sign(image: &Path, seed: u8) -> PathBuf {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let signature = key.sign(&std::fs::read(image).expect("image"));
    let mut beside = image.to_path_buf().into_os_string();
    beside.push(".sig");
    std::fs::write(beside, signature.to_bytes()).expect("write");
    let pem = key.verifying_key().to_public_key_pem(LineEnding::LF).expect("PEM");
    let public = image.with_extension(format!("{seed}.pem"));
    std::fs::write(&public, pem).expect("write");
    public
}
