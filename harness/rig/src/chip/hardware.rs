//! The chip that the reference dongles run on: what it is, where everything lies in it, and the image for its flash.

use super::elf::{EM_ARM, Symbol, elf};
use crate::config::VIRTUAL_CHIP;
use crate::samples::ram;
use hanbench_target::flash::Flash;
use hanbench_target::routine::Routine;
use hanbench_target::{Architecture, Chip};
use probe_rs::config::{Registry, Target};
use std::io;

/// The chip, as probe-rs calls it.
pub const NAME: &str = VIRTUAL_CHIP;
/// First address of its flash.
pub const FLASH: u32 = 0x0800_0000;
/// First address of its RAM.
pub const RAM: u32 = 0x2000_0000;

/// A word that belongs to the bench: firmware sets it to 1 when it starts and never looks at it again.
pub const PROBE_WORD: Symbol<'_> = Symbol { name: "hanbench_probe", address: RAM + 0x100, size: 4 };
/// The control block of RTT.
pub const RTT: Symbol<'_> = Symbol { name: "_SEGGER_RTT", address: RAM + 0x400, size: 24 + 2 * 24 };
/// Where samples are handed over, see [`ram`].
pub const SAMPLES: Symbol<'_> = Symbol {
    name: ram::SYMBOL,
    address: RAM + 0x2000,
    size: ram::SLOTS_AT + SLOTS * (ram::SLOT_HEAD + SLOT_SIZE),
};
/// Slots of the buffer for samples: one is filled while the other is measured.
pub const SLOTS: u32 = 2;
/// Bytes of a slot. 20 ms of six inputs at 8 kHz are 1939 bytes, and heads are shorter.
pub const SLOT_SIZE: u32 = 2048;

/// Bytes of its flash: 64 KiB.
const FLASH_SIZE: u32 = 0x1_0000;
/// Bytes of its RAM: 20 KiB.
const RAM_SIZE: u32 = 0x5000;
/// What is erased at once, in bytes.
pub(super) const PAGE: u32 = 0x400;
/// Bytes of the program. They only have to be there: no instruction of them is executed.
const PROGRAM: u32 = 6000;
/// A Cortex-M3.
const CPUID: u32 = 0x412F_C231;
/// Its part number in the ROM table.
const PART: u16 = 0x410;

/// The chip, with `content` at the start of its flash and the rest erased. `registry` is the table of chips that knows
/// its flash algorithm.
///
/// # Errors
///
/// The table does not know the chip, or the flash is smaller than its content.
pub fn chip(registry: &Registry, content: &[u8]) -> io::Result<Chip> {
    let target = registry.get_target_by_name(NAME).map_err(io::Error::other)?;
    let mut flash = Flash::new(FLASH, FLASH_SIZE, PAGE);
    if !flash.preload(FLASH, content) {
        return Err(io::Error::other(format!("{NAME} has {FLASH_SIZE} bytes of flash")));
    }
    let mut chip = Chip::new(Architecture::CortexM, flash, (RAM, RAM_SIZE));
    (chip.identity.cpuid, chip.identity.part) = (CPUID, PART);
    chip.routines.entries.extend(entries(&target)?);
    Ok(chip)
}

/// Where the routines of the chip's flash algorithm begin, behind its header.
fn entries(target: &Target) -> io::Result<impl Iterator<Item = (u32, Routine)>> {
    let algorithm = target.flash_algorithms.iter().find(|algorithm| algorithm.default);
    let algorithm = algorithm.or(target.flash_algorithms.first());
    let algorithm = algorithm.ok_or_else(|| io::Error::other(format!("no flash algorithm for {NAME}")))?;
    let entries = [
        (algorithm.pc_init, Routine::Init),
        (algorithm.pc_uninit, Routine::UnInit),
        (Some(algorithm.pc_program_page), Routine::ProgramPage),
        (Some(algorithm.pc_erase_sector), Routine::EraseSector),
        (algorithm.pc_erase_all, Routine::EraseChip),
    ];
    // Bit 0 of an entry says Thumb.
    Ok(entries.into_iter().filter_map(|(entry, routine)| Some((entry? as u32 & !1, routine))))
}

/// What the flash has to hold for the firmware to run: a vector table, and bytes.
pub fn program() -> Vec<u8> {
    let body = (8..PROGRAM).map(|place| (place.wrapping_mul(0x9E37_79B1) >> 24) as u8);
    vectors().into_iter().chain(body).collect()
}

/// Initial stack pointer and entry.
pub fn vectors() -> [u8; 8] {
    let [a, b, c, d] = (RAM + RAM_SIZE).to_le_bytes();
    let [e, f, g, h] = (FLASH + 0x41).to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

/// The firmware as a file: [`program`] with the symbols above.
pub fn image() -> Vec<u8> {
    elf(".text", EM_ARM, FLASH, &program(), &[RTT, SAMPLES, PROBE_WORD])
}
