//! A firmware file: what is to be flashed, whether it is signed, and where its symbols lie.
//!
//! ELF is recognised by its first bytes, Intel HEX by its first character; everything else is taken as a plain copy of the
//! flash from its start (BIN).
//!
//! A signature is a file beside the image with `.sig` behind its name: 64 bytes, Ed25519 over the bytes of the image file.
//! OpenSSL makes it:
//!
//! ```text
//! openssl genpkey -algorithm ed25519 -out release.pem
//! openssl pkey -in release.pem -pubout -out release.pub.pem         # this one is `signed_by` of the rig file
//! openssl pkeyutl -sign -rawin -inkey release.pem -in dongle.elf -out dongle.elf.sig
//! ```

use super::ProbeError;
use crate::file::{read_bytes, words};
use ed25519_dalek::pkcs8::DecodePublicKey;
use ed25519_dalek::{Signature, VerifyingKey};
use object::{Architecture, Object, ObjectSymbol};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const STEP: &str = "read the image";
const CHECK: &str = "check the signature";
/// Most bytes of an image file, debug information and all.
const LIMIT: u64 = 256 << 20;
/// Most bytes of a key or a signature: both are far smaller.
const KEY_LIMIT: u64 = 64 << 10;

/// How the bytes of the file are to be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Segments with addresses, and symbols.
    Elf,
    /// Intel HEX.
    Hex,
    /// The flash from its start.
    Bin,
}

/// A firmware file, in memory: what is checked is what is flashed.
#[derive(Clone, Debug)]
pub struct Image {
    path: PathBuf,
    bytes: Arc<[u8]>,
    format: Format,
}

/// Something in the memory of the chip that the firmware gave a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// First address.
    pub address: u64,
    /// Bytes; 0 where the ELF does not say.
    pub size: u64,
}

impl Image {
    /// Reads a firmware file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is empty or larger than 256 MiB.
    pub fn load(path: &Path) -> Result<Image, ProbeError> {
        let wrong = |what: &str| ProbeError::config(STEP, format!("{}: {what}", path.display()));
        let bytes: Arc<[u8]> = read_bytes(path, LIMIT).map_err(|error| wrong(&words(&error)))?.into();
        if bytes.is_empty() {
            return Err(wrong("it has 0 bytes; expected a firmware file of 1 byte to 256 MiB"));
        }
        let format = match bytes.first_chunk() {
            Some(b"\x7fELF") => Format::Elf,
            Some([b':', ..]) => Format::Hex,
            _ => Format::Bin,
        };
        Ok(Image { path: path.to_path_buf(), bytes, format })
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How its bytes are understood.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the file, as 64 hexadecimal digits.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Where the firmware keeps what it calls `name`.
    ///
    /// # Errors
    ///
    /// The image is no ELF, or has no such symbol.
    pub fn symbol(&self, name: &str) -> Result<Symbol, ProbeError> {
        let wrong =
            |what: &str| ProbeError::config("find a symbol", format!("{}: {what}", self.path.display()));
        let elf = self.elf().map_err(|what| wrong(&what))?;
        let found = elf.symbols().find(|symbol| symbol.is_definition() && symbol.name() == Ok(name));
        let symbol = found.ok_or_else(|| {
            wrong(&format!("there is no symbol `{name}`; is it stripped, or was the symbol optimised away?"))
        })?;
        Ok(Symbol { address: symbol.address(), size: symbol.size() })
    }

    /// Architecture that an ELF is for; nothing for other formats, which do not say.
    pub(super) fn architecture(&self) -> Result<Option<Architecture>, ProbeError> {
        if self.format != Format::Elf {
            return Ok(None);
        }
        let elf = self.elf();
        let elf = elf.map_err(|what| ProbeError::config(STEP, format!("{}: {what}", self.path.display())))?;
        Ok(Some(elf.architecture()))
    }

    pub(super) fn elf(&self) -> Result<object::File<'_>, String> {
        if self.format != Format::Elf {
            return Err("it is no ELF, which alone has symbols".into());
        }
        object::File::parse(&*self.bytes).map_err(|error| format!("a damaged ELF: {error}"))
    }

    /// Checks the signature beside the image against a public key.
    ///
    /// # Errors
    ///
    /// The key or the signature cannot be read, or the image is not what the holder of the key signed.
    pub fn check_signature(&self, key_file: &Path) -> Result<(), ProbeError> {
        let wrong =
            |path: &Path, what: &str| ProbeError::config(CHECK, format!("{}: {what}", path.display()));
        let pem = read_bytes(key_file, KEY_LIMIT).map_err(|error| wrong(key_file, &words(&error)))?;
        let key = VerifyingKey::from_public_key_pem(&String::from_utf8_lossy(&pem)).map_err(|_| {
            wrong(key_file, "no public key; expected Ed25519 in PEM, as `openssl pkey -pubout` writes it")
        })?;
        let mut beside = self.path.clone().into_os_string();
        beside.push(".sig");
        let beside = PathBuf::from(beside);
        let signature = read_bytes(&beside, KEY_LIMIT).map_err(|error| wrong(&beside, &words(&error)))?;
        let signature = Signature::from_slice(&signature).map_err(|_| {
            let what = format!("it has {} bytes; expected a signature of 64 bytes", signature.len());
            wrong(&beside, &what)
        })?;
        key.verify_strict(&self.bytes, &signature).map_err(|_| {
            let what = format!("its signature is not one of {} over these bytes", key_file.display());
            wrong(&self.path, &what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with OpenSSL 3.0 by the commands at the top of this file.
    const IMAGE: &[u8] = b"firmware of a dongle\n";
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAPhQXdkQ47JeM0Lvn7uLuQLnGdrSmYiCqGbDgY7GDTi0=\n\
        -----END PUBLIC KEY-----\n";
    const SIGNATURE: &str = "35dcd4e34a9496171a7fbc1cb5591b0ff642579c211855b12c891a62f7a0bba3\
        836d724040bffc538488709534c3e1fc3f2da3a47ad9eb3bd9e691e9e4ea9d0f";

    #[test]
    fn what_openssl_signed_is_accepted_and_one_flipped_bit_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("write");
            path
        };
        let key = file("release.pub.pem", KEY.as_bytes());
        let path = file("dongle.bin", IMAGE);
        let mut signature = hanbench_core::hex::bytes(SIGNATURE).expect("hex");
        file("dongle.bin.sig", &signature);
        let image = Image::load(&path).expect("an image");
        assert_eq!(image.check_signature(&key), Ok(()));
        signature[40] ^= 0x10;
        file("dongle.bin.sig", &signature);
        assert_eq!(
            image.check_signature(&key).expect_err("flipped").cause,
            hanbench_core::verdict::Cause::Config
        );
    }

    #[test]
    fn an_empty_file_is_no_image() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("empty.bin");
        std::fs::write(&path, b"").expect("write");
        assert!(Image::load(&path).expect_err("empty").why.contains("0 bytes"));
    }
}
