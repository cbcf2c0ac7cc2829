//! Samples through RAM: where a debugger puts blocks for firmware, while it runs.
//!
//! Firmware has a structure of little-endian words in RAM under the name [`SYMBOL`], and sets it up when it starts:
//!
//! | offset | word | written by |
//! |---|---|---|
//! | 0 | [`MAGIC`], last of all | firmware, once |
//! | 4 | number of slots, 2 or more | firmware, once |
//! | 8 | bytes of a slot, a multiple of 4 | firmware, once |
//! | 12 | taken: blocks taken out since the start | firmware |
//! | 16 | given: blocks put in since the start | bench |
//! | 20 | the slots: length of the block in bytes, then room for so many bytes | bench |
//!
//! Block number *n* since the start goes into slot *n* modulo the number of slots, exactly one block of this module's
//! parent in each. The bench writes a slot only when less than all slots hold blocks that were not taken, and `given` behind
//! it; firmware takes blocks while `taken` is not `given`, and `taken` says so when it needs the bytes no more. Both
//! numbers begin at 0 and go round at 2³². Each word has one writer, so that nothing has to be locked.

/// Name of the structure in the ELF of the firmware.
pub const SYMBOL: &str = "hanbench_samples";
/// First word of the structure, `HANS` in memory.
pub const MAGIC: u32 = u32::from_le_bytes(*b"HANS");
/// Offset of the number of slots.
pub const SLOT_COUNT_AT: u32 = 4;
/// Offset of the bytes of a slot.
pub const SLOT_SIZE_AT: u32 = 8;
/// Offset of the number of blocks taken.
pub const TAKEN_AT: u32 = 12;
/// Offset of the number of blocks given.
pub const GIVEN_AT: u32 = 16;
/// Offset of the first slot.
pub const SLOTS_AT: u32 = 20;
/// Bytes of a slot in front of its block: the length.
pub const SLOT_HEAD: u32 = 4;
