//! The table `[probe]`: a debug probe, and the chip at its end.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `selector` | – | which probe: `VID:PID` or `VID:PID:serial number`, hexadecimal |
//! | `chip` | – | the chip's name in the table of probe-rs, such as `nRF52840_xxAA` |
//! | `speed_khz` | the probe's own | clock of the debug line, 1 to 50000 |
//! | `connect_under_reset` | false | hold the reset pin while attaching; for firmware that switches its debug pins off |
//! | `signed_by` | none | public key (PEM, Ed25519) that every image must be signed with before it is written |
//!
//! A relative `signed_by` starts at the folder of the rig file. The table is read by every build; only one with the feature
//! `probe` can use it.

use super::raw::RawProbe;
use super::{Checker, Mistake};
use std::path::PathBuf;
use toml::Spanned;

/// A debug probe and what it is attached to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeSettings {
    /// Which probe.
    pub selector: String,
    /// Which chip.
    pub chip: String,
    /// Clock of the debug line in kHz; the probe's own where none is given.
    pub speed_khz: Option<u32>,
    /// Hold the reset pin while attaching.
    pub connect_under_reset: bool,
    /// Key file that images must be signed with.
    pub signed_by: Option<PathBuf>,
}

impl Checker<'_> {
    pub(super) fn probe(&self, raw: Spanned<RawProbe>) -> Result<ProbeSettings, Mistake> {
        let table = raw.span();
        let raw = raw.into_inner();
        let selector_span = raw.selector.as_ref().map_or(table.clone(), Spanned::span);
        let selector = self.needed(
            raw.selector,
            &table,
            "[probe] needs `selector`, \"VID:PID\" or \"VID:PID:serial number\"",
        )?;
        let mut parts = selector.splitn(3, ':');
        // An interface number may stand behind the product: 1366:1015-2.
        let product = |part: &str| hex4(part.split_once('-').map_or(part, |(product, _)| product));
        if !(parts.next().is_some_and(hex4) && parts.next().is_some_and(product)) {
            return Err(self.error(
                selector_span,
                format!("`selector` is {selector:?}; expected \"VID:PID\" or \"VID:PID:serial number\", hexadecimal"),
            ));
        }
        let chip = self.needed(raw.chip, &table, "[probe] needs `chip`, such as \"nRF52840_xxAA\"")?;
        let speed_khz = match raw.speed_khz {
            None => None,
            Some(speed) => match u32::try_from(*speed.get_ref()) {
                Ok(khz) if (1..=50_000).contains(&khz) => Some(khz),
                _ => {
                    let text = format!("`speed_khz` is {}; expected 1 to 50000 kHz", speed.get_ref());
                    return Err(self.error(speed.span(), text));
                }
            },
        };
        Ok(ProbeSettings {
            selector,
            chip,
            speed_khz,
            connect_under_reset: raw.connect_under_reset,
            signed_by: raw.signed_by.map(|path| self.beside(path.get_ref())),
        })
    }
}

/// One to four hexadecimal digits.
fn hex4(part: &str) -> bool {
    (1..=4).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_hexdigit())
}
