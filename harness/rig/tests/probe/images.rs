//! Firmware files for tests: ELF, Intel HEX, and signatures.

use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer, SigningKey};
pub use hanbench_rig::chip::elf::EM_ARM;
use hanbench_rig::chip::elf::{self, Symbol};
use std::path::{Path, PathBuf};

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
    let symbols: Vec<Symbol<'_>> =
        symbols.iter().map(|(name, address)| Symbol { name, address: *address, size: 4 }).collect();
    elf::elf(section, machine, address, segment, &symbols)
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
