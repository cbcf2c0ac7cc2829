//! What goes wrong with the cable and the chip: counted in claims and flash cells, never in time, so that it is the same
//! every time. None of it is the firmware's fault.

use super::hardware::{PAGE, program};
use hanbench_target::Chip;
use hanbench_target::routine::Routine;
use std::time::Duration;

/// Claims that are heard before the trouble that begins in the middle: it strikes when the next one is due.
pub const CLAIMS_BEFORE: u64 = 3;
/// How long each transfer takes on a slow cable: attaching needs some hundred.
const SLOW: Duration = Duration::from_millis(50);
/// A core that this chip does not have: a Cortex-M0.
const OTHER_CORE: u32 = 0x410C_C200;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// See [`Trouble::describe`], as for all of them.
    CableOut,
    /// Out in the middle.
    CableOutAfterClaims,
    /// A reset in the middle.
    ResetAfterClaims,
    /// Flash.
    EraseFails,
    /// Power.
    PowerLost,
    /// Another core.
    WrongChip,
    /// Time.
    Slow,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Trouble; 7] = [
        Trouble::CableOut,
        Trouble::CableOutAfterClaims,
        Trouble::ResetAfterClaims,
        Trouble::EraseFails,
        Trouble::PowerLost,
        Trouble::WrongChip,
        Trouble::Slow,
    ];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Trouble::CableOut => "cable-out",
            Trouble::CableOutAfterClaims => "cable-out-after-claims",
            Trouble::ResetAfterClaims => "reset-after-claims",
            Trouble::EraseFails => "erase-fails",
            Trouble::PowerLost => "power-lost",
            Trouble::WrongChip => "wrong-chip",
            Trouble::Slow => "slow",
        }
    }

    /// What happens, in one line.
    pub fn describe(self) -> &'static str {
        match self {
            Trouble::CableOut => "the cable is out from the start, and stays out",
            Trouble::CableOutAfterClaims => "the cable falls out when the fourth claim is due, and stays out",
            Trouble::ResetAfterClaims => "the chip resets itself when the fourth claim is due, once",
            Trouble::EraseFails => "no sector of the flash can be erased",
            Trouble::PowerLost => {
                "power fails in the middle of the image, once, and comes back for the next client"
            }
            Trouble::WrongChip => "the chip has another core than it should",
            Trouble::Slow => "each transfer takes 50 ms, so that attaching misses its deadline",
        }
    }

    /// The trouble of a word.
    pub fn from_name(name: &str) -> Option<Trouble> {
        Trouble::ALL.into_iter().find(|trouble| trouble.name() == name)
    }

    /// Makes the chip what it has to be at the start.
    pub(super) fn prepare(self, chip: &mut Chip) {
        match self {
            Trouble::CableOut => chip.faults.unplugged = true,
            Trouble::EraseFails => chip.routines.fails = Some((Routine::EraseSector, 1)),
            // All sectors are erased before the first page is programmed.
            Trouble::PowerLost => {
                let len = program().len() as u32;
                chip.flash.lose_power_after(len.next_multiple_of(PAGE) + len / 2);
            }
            Trouble::WrongChip => chip.identity.cpuid = OTHER_CORE,
            Trouble::Slow => chip.faults.delay = SLOW,
            Trouble::CableOutAfterClaims | Trouble::ResetAfterClaims => {}
        }
    }

    /// What happens when the claim behind [`CLAIMS_BEFORE`] is due. True where the chip starts anew.
    pub(super) fn strike(self, chip: &mut Chip) -> bool {
        match self {
            Trouble::CableOutAfterClaims => chip.faults.unplugged = true,
            Trouble::ResetAfterClaims => chip.reset(),
            _ => {}
        }
        self == Trouble::ResetAfterClaims
    }
}
