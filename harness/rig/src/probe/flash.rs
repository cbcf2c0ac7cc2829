//! Writing an image: checked first, written only where the chip holds something else, read back after.

use super::image::{Format, Image};
use super::owner::Bench;
use super::{Probe, ProbeError};
use object::Architecture as Machine;
use probe_rs::flashing::{DownloadOptions, FileDownloadError, FlashError, FlashLoader, image_format};
use probe_rs::{Architecture, MemoryInterface, Session};
use std::io::Cursor;

const STEP: &str = "flash";
/// Bytes compared at a time.
const PIECE: usize = 4096;

/// What flashing did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flashed {
    /// False when every byte of the image was there already, which was read back and compared.
    pub written: bool,
    /// Bytes of the image in the chip.
    pub bytes: u64,
    /// SHA-256 of the image file.
    pub sha256: String,
}

impl Probe {
    /// Puts an image into the chip, verifies it, and starts it. An image that is there already is left alone, and so is
    /// the core that runs it.
    ///
    /// Where the rig file says `signed_by`, the image must be signed with that key: otherwise nothing is sent to the chip.
    ///
    /// # Errors
    ///
    /// The image is not signed, is damaged, or is for another chip; or the chip cannot be erased or written, or reads back
    /// otherwise than it was written.
    pub fn flash(&mut self, image: &Image) -> Result<Flashed, ProbeError> {
        if let Some(key_file) = &self.signed_by {
            image.check_signature(key_file)?;
        }
        let image = image.clone();
        self.perform(STEP, self.deadlines.flash, move |bench| bench.flash(&image))
    }
}

impl Bench {
    fn flash(&mut self, image: &Image) -> Result<Flashed, ProbeError> {
        let loader = load(&mut self.session, image)?;
        let bytes = loader.data().map(|(_, data)| data.len() as u64).sum();
        let written = !holds(&mut self.session, &loader)?;
        if written {
            let mut options = DownloadOptions::default();
            options.verify = true;
            // The algorithm takes the RAM that firmware had.
            self.rtt = None;
            loader.commit(&mut self.session, options).map_err(|error| ProbeError::of(STEP, &error))?;
            self.core(STEP)?.reset().map_err(|error| ProbeError::of(STEP, &error))?;
        }
        Ok(Flashed { written, bytes, sha256: image.sha256() })
    }
}

/// Sorts the bytes of the image to the addresses of the chip.
fn load(session: &mut Session, image: &Image) -> Result<FlashLoader, ProbeError> {
    let wrong = |what: String| ProbeError::config(STEP, format!("{}: {what}", image.path().display()));
    let fits = match image.architecture()? {
        None => true,
        Some(Machine::Arm) => session.architecture() == Architecture::Arm,
        Some(Machine::Riscv32) => session.architecture() == Architecture::Riscv,
        Some(_) => false,
    };
    if !fits {
        return Err(wrong(format!("an ELF for another architecture than that of {}", session.target().name)));
    }
    let mut loader = session.target().flash_loader();
    // An image that cannot be sorted is a mistake of whoever named it, unless the chip had to be asked.
    let result = match image.format() {
        Format::Bin => {
            let flash = session.target().memory_map.iter().filter_map(|region| region.as_nvm_region());
            let boot = flash.clone().find(|region| region.access.as_ref().is_some_and(|access| access.boot));
            let start = boot.or(flash.clone().next()).map(|region| region.range.start);
            let start = start.ok_or_else(|| wrong(format!("{} has no flash", session.target().name)))?;
            loader.add_data(start, image.bytes()).map_err(FileDownloadError::from)
        }
        format => {
            let name = if format == Format::Elf { "elf" } else { "hex" };
            let reader = image_format(name)
                .ok_or_else(|| ProbeError::rig(STEP, format!("probe-rs cannot read {name} files")))?;
            let bytes = &mut Cursor::new(image.bytes());
            loader.load_image(session, bytes, reader.create_loader(None), None)
        }
    };
    match result {
        // What is nothing is there always, which would look like a proof.
        Ok(()) if loader.data().all(|(_, data)| data.is_empty()) => {
            Err(wrong("there is nothing in it for the flash or the RAM of the chip".into()))
        }
        Ok(()) => Ok(loader),
        Err(FileDownloadError::Flash(FlashError::NoSuitableNvm { range, .. })) => Err(wrong(format!(
            "bytes for {:#010x} to {:#010x}, where {} has neither flash nor RAM",
            range.start,
            range.end,
            session.target().name
        ))),
        Err(error) => Err(wrong(ProbeError::of(STEP, &error).why)),
    }
}

/// Whether the chip holds every byte of the image. What cannot be read counts as different.
fn holds(session: &mut Session, loader: &FlashLoader) -> Result<bool, ProbeError> {
    let mut core = session.core(0).map_err(|error| ProbeError::of(STEP, &error))?;
    let mut there = [0; PIECE];
    for (address, data) in loader.data() {
        for (at, piece) in (address..).step_by(PIECE).zip(data.chunks(PIECE)) {
            let there = &mut there[..piece.len()];
            if core.read(at, there).is_err() || there != piece {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
