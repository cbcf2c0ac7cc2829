//! What goes wrong with the cable and the chip: counted in claims and flash cells, never in time, so that it is the same
//! every time. None of it is the firmware's fault.

use super::hardware::{PAGE, program};
use hanbench_target::Chip;
use hanbench_target::routine::Routine;
use std::time::Duration;

/// Claims that are heard before the fault that begins in the middle: it strikes when the next one is due.
pub const CLAIMS_BEFORE: u64 = 3;
/// How long each transfer takes on a slow cable: attaching needs some hundred.
const SLOW: Duration = Duration::from_millis(50);
/// How long one takes on a cable that stalls: longer than any step but flashing may.
const STALLS: Duration = Duration::from_secs(3);
/// A core that this chip does not have: a Cortex-M0.
const OTHER_CORE: u32 = 0x410C_C200;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The cable is out from the start, and stays out.
    CableOut,
    /// The cable falls out when the claim behind [`CLAIMS_BEFORE`] is due, and stays out.
    CableOutAfterClaims,
    /// The chip resets itself when the claim behind [`CLAIMS_BEFORE`] is due, once.
    ResetAfterClaims,
    /// Each transfer takes 3 s from when the claim behind [`CLAIMS_BEFORE`] is due.
    StallsAfterClaims,
    /// No sector of the flash can be erased.
    EraseFails,
    /// Power fails in the middle of the image, once, and comes back for the next client.
    PowerLost,
    /// The chip has another core than it should.
    WrongChip,
    /// Each transfer takes 50 ms, so that attaching misses its deadline.
    Slow,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 8] = [
        Fault::CableOut,
        Fault::CableOutAfterClaims,
        Fault::ResetAfterClaims,
        Fault::StallsAfterClaims,
        Fault::EraseFails,
        Fault::PowerLost,
        Fault::WrongChip,
        Fault::Slow,
    ];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Fault::CableOut => "cable-out",
            Fault::CableOutAfterClaims => "cable-out-after-claims",
            Fault::ResetAfterClaims => "reset-after-claims",
            Fault::StallsAfterClaims => "stalls-after-claims",
            Fault::EraseFails => "erase-fails",
            Fault::PowerLost => "power-lost",
            Fault::WrongChip => "wrong-chip",
            Fault::Slow => "slow",
        }
    }

    /// The fault of a name.
    pub fn named(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Makes the chip what it has to be at the start.
    pub(super) fn prepare(self, chip: &mut Chip) {
        match self {
            Fault::CableOut => chip.faults.unplugged = true,
            Fault::EraseFails => chip.routines.fails = Some((Routine::EraseSector, 1)),
            // All sectors are erased before the first page is programmed.
            Fault::PowerLost => {
                let len = program().len() as u32;
                chip.flash.lose_power_after(len.next_multiple_of(PAGE) + len / 2);
            }
            Fault::WrongChip => chip.identity.cpuid = OTHER_CORE,
            Fault::Slow => chip.faults.delay = SLOW,
            Fault::CableOutAfterClaims | Fault::ResetAfterClaims | Fault::StallsAfterClaims => {}
        }
    }

    /// What happens when the claim behind [`CLAIMS_BEFORE`] is due. True where the chip starts anew.
    pub(super) fn strike(self, chip: &mut Chip) -> bool {
        match self {
            Fault::CableOutAfterClaims => chip.faults.unplugged = true,
            Fault::ResetAfterClaims => chip.reset(),
            Fault::StallsAfterClaims => chip.faults.delay = STALLS,
            _ => {}
        }
        self == Fault::ResetAfterClaims
    }
}
