//! The table `[probe]`: a debug probe, the chip at its end, and the firmware that belongs into it.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `kind` | `usb` | `usb`; `virtual`: a simulated chip; `process`: a program that simulates one |
//! | `selector` | – | `usb` only: which probe: `VID:PID` or `VID:PID:serial number`, hexadecimal |
//! | `command` | – | `process` only: it serves the chip at `{socket}`, and may read HAN bytes from `{han}` |
//! | `chip` | – | the chip's name in the table of probe-rs, such as `nRF52840_xxAA`; the virtual chip has its own |
//! | `speed_khz` | the probe's own | clock of the debug line, 1 to 50000 |
//! | `connect_under_reset` | false | hold the reset pin while attaching; for firmware that switches its debug pins off |
//! | `image` | none | firmware file (ELF, HEX, BIN); its symbols say where RTT lies; the virtual chip has its own |
//! | `flash` | true | the bench may write the image into the chip, where it is not there already |
//! | `signed_by` | none | public key (PEM, Ed25519) that every image must be signed with before it is written |
//! | `broken` | none | `virtual` only: firmware that is broken on purpose |
//! | `fault` | none | `virtual` only: what goes wrong with cable or chip |
//!
//! Relative paths start at the folder of the rig file, but for `command`, which runs where hanbench was started. The table
//! is read by every build; only one with the feature `probe` can use it.

use super::raw::RawProbe;
use super::{Checker, Mistake};
use crate::probe::{broken_names, fault_names};
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;

/// A debug probe and what it is attached to: all that attaching needs.
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

impl ProbeSettings {
    /// A simulated chip that is served at the path of a unix socket: probe-rs takes it for one behind a Glasgow probe.
    pub fn at_socket(path: impl std::fmt::Display, chip: &str) -> ProbeSettings {
        ProbeSettings {
            selector: format!("20b7:9db1:unix:{path}"),
            chip: chip.to_string(),
            speed_khz: None,
            connect_under_reset: false,
            signed_by: None,
        }
    }
}

/// The table `[probe]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeTable {
    /// Where the chip comes from.
    pub kind: ProbeKind,
    /// How to attach. Where a program stands in for the chip, `{socket}` in the selector is its socket.
    pub settings: ProbeSettings,
    /// The firmware; the virtual chip brings its own.
    pub image: Option<PathBuf>,
    /// The bench may write the image.
    pub flash: bool,
}

/// Where the chip comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProbeKind {
    /// A real probe, on USB or wherever its selector points.
    Usb,
    /// hanbench's own simulated chip with its firmware, as a program of its own.
    Virtual {
        /// How its firmware is broken on purpose.
        broken: Option<String>,
        /// What goes wrong with it.
        fault: Option<String>,
    },
    /// A program that simulates a chip.
    Process {
        /// Program and arguments; `{socket}` stands for the socket to serve, `{han}` for the pty with the HAN bytes.
        command: Vec<String>,
    },
}

/// The chip that hanbench simulates, by its name in the table of probe-rs.
pub const VIRTUAL_CHIP: &str = "STM32F103C8";
const KINDS: [&str; 3] = ["usb", "virtual", "process"];

impl Checker<'_> {
    pub(super) fn probe(&self, raw: Spanned<RawProbe>) -> Result<ProbeTable, Mistake> {
        let table = raw.span();
        let raw = raw.into_inner();
        let span = raw.kind.as_ref().map_or(table, Spanned::span);
        let kind = raw.kind.as_ref().map_or("usb", |kind| kind.get_ref().as_str()).to_string();
        if !KINDS.contains(&kind.as_str()) {
            return Err(self.unknown(span, "[probe] kind", &kind, &KINDS));
        }
        let own = |owners: &[&str], key: &str, at: Option<Range<usize>>| match at {
            Some(at) if !owners.contains(&kind.as_str()) => {
                Err(self.error(at, format!("[probe] kind \"{kind}\" has no `{key}`")))
            }
            _ => Ok(()),
        };
        own(&["usb"], "selector", raw.selector.as_ref().map(Spanned::span))?;
        own(&["process"], "command", raw.command.as_ref().map(Spanned::span))?;
        own(&["usb", "process"], "chip", raw.chip.as_ref().map(Spanned::span))?;
        own(&["usb", "process"], "image", raw.image.as_ref().map(Spanned::span))?;
        own(&["usb", "process"], "signed_by", raw.signed_by.as_ref().map(Spanned::span))?;
        own(&["virtual"], "broken", raw.broken.as_ref().map(Spanned::span))?;
        own(&["virtual"], "fault", raw.fault.as_ref().map(Spanned::span))?;
        let chip = match kind.as_str() {
            "virtual" => VIRTUAL_CHIP.to_string(),
            _ => self.needed(raw.chip, &span, "[probe] needs `chip`, such as \"nRF52840_xxAA\"")?,
        };
        let simulated = ProbeSettings::at_socket("{socket}", &chip);
        let selector = match kind.as_str() {
            "usb" => self.selector(raw.selector, &span)?,
            _ => simulated.selector.clone(),
        };
        let settings = ProbeSettings {
            selector,
            speed_khz: self.speed_khz(raw.speed_khz)?,
            connect_under_reset: raw.connect_under_reset,
            signed_by: raw.signed_by.map(|path| self.beside(path.get_ref())),
            ..simulated
        };
        let kind = match kind.as_str() {
            "usb" => ProbeKind::Usb,
            "virtual" => ProbeKind::Virtual {
                broken: raw.broken.map(|word| self.one_of(word, "`broken`", broken_names())).transpose()?,
                fault: raw.fault.map(|word| self.one_of(word, "`fault`", fault_names())).transpose()?,
            },
            _ => ProbeKind::Process { command: self.chip_command(raw.command, &span)? },
        };
        let image = raw.image.map(|path| self.beside(path.get_ref()));
        Ok(ProbeTable { kind, settings, image, flash: raw.flash })
    }

    /// A word of a list; any word where this build does not know the list.
    fn one_of(&self, word: Spanned<String>, key: &str, known: Vec<&'static str>) -> Result<String, Mistake> {
        if known.is_empty() || known.contains(&word.get_ref().as_str()) {
            return Ok(word.into_inner());
        }
        Err(self.unknown(word.span(), key, word.get_ref(), &known))
    }

    fn selector(&self, selector: Option<Spanned<String>>, table: &Range<usize>) -> Result<String, Mistake> {
        let span = selector.as_ref().map_or(table.clone(), Spanned::span);
        let message = "[probe] needs `selector`, \"VID:PID\" or \"VID:PID:serial number\"";
        let selector = self.needed(selector, table, message)?;
        let mut parts = selector.splitn(3, ':');
        // An interface number may stand behind the product: 1366:1015-2.
        let product = |part: &str| hex4(part.split_once('-').map_or(part, |(product, _)| product));
        if !(parts.next().is_some_and(hex4) && parts.next().is_some_and(product)) {
            return Err(self.error(
                span,
                format!("`selector` is {selector:?}; expected \"VID:PID\" or \"VID:PID:serial number\", hexadecimal"),
            ));
        }
        Ok(selector)
    }

    fn speed_khz(&self, speed: Option<Spanned<i64>>) -> Result<Option<u32>, Mistake> {
        let Some(speed) = speed else { return Ok(None) };
        match u32::try_from(*speed.get_ref()) {
            Ok(khz) if (1..=50_000).contains(&khz) => Ok(Some(khz)),
            _ => {
                let text = format!("`speed_khz` is {}; expected 1 to 50000 kHz", speed.get_ref());
                Err(self.error(speed.span(), text))
            }
        }
    }

    fn chip_command(
        &self,
        command: Option<Spanned<Vec<String>>>,
        kind: &Range<usize>,
    ) -> Result<Vec<String>, Mistake> {
        let span = command.as_ref().map_or(kind.clone(), Spanned::span);
        let message = "[probe] kind \"process\" needs `command`, a list of words";
        let command = self.needed(command, kind, message)?;
        if command.first().is_none_or(|program| program.is_empty()) {
            return Err(self.error(span, "`command` is empty; expected a program and its arguments"));
        }
        if !command.iter().any(|word| word.contains("{socket}")) {
            let what = "`command` never says {socket}, so the program cannot know where to serve its chip";
            let help =
                "{socket} is replaced by the path of a unix socket; the protocol is that of a Glasgow probe";
            return Err(self.error(span, what).with_help(Some(help.into())));
        }
        Ok(command)
    }
}

/// One to four hexadecimal digits.
fn hex4(part: &str) -> bool {
    (1..=4).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_hexdigit())
}
