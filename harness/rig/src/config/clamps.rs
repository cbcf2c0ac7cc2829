//! The table `[clamps]`: a clamp dongle, and how samples get into it.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `kind` | `virtual` where `[dut]` is | `virtual`, `process` (`command`), `serial` (`port`, `baud` 2 000 000), `ram` (through `[probe]`) |
//! | `devices` | `virtual`, or `ram` of the virtual chip: all | names of [`DEVICES`] that it can be; a waveform for another does not concern it |
//! | `omits` | none | keys it does not claim, by design |
//! | `command` | – | program and arguments; `{samples}` is the path of the serial device with the samples |
//! | `port`, `baud` | – | samples go in and lines come out of the same port |
//! | `broken` | – | `virtual` only: a deliberately broken variant, a name of [`Fault::ALL`] |

use super::raw::RawClamps;
use super::{Checker, Dut, Input, Mistake, ProbeKind, ProbeTable};
use hanbench_core::clamps::Fault;
use hanbench_core::verdict::ct::CtTerms;
use hanbench_core::verdict::ct::device::DEVICES;
use std::ops::Range;
use toml::Spanned;

/// A clamp dongle.
#[derive(Clone, PartialEq, Debug)]
pub struct Clamps {
    /// What it is.
    pub kind: ClampKind,
    /// What judging depends on.
    pub terms: CtTerms,
}

/// How samples get into a clamp dongle and claims come out.
#[derive(Clone, PartialEq, Debug)]
pub enum ClampKind {
    /// hanbench's own, as a program of its own.
    Virtual {
        /// How it is broken on purpose, with its name.
        broken: Option<(&'static str, Fault)>,
    },
    /// Any program.
    Process {
        /// Program and arguments; `{samples}` stands for the path of the pty.
        command: Vec<String>,
    },
    /// A real dongle with firmware that takes samples from its port in place of its converter's.
    Serial {
        /// Path of the port.
        port: String,
        /// Its speed.
        baud: u32,
    },
    /// A dongle that takes samples from a buffer in its RAM, which a debug probe fills, and answers over RTT.
    Ram,
}

/// Six inputs of 16 bits at 8000 samples a second are 960 000 baud, and blocks add to that.
const BAUD: u32 = 2_000_000;
const KINDS: [&str; 4] = ["virtual", "process", "serial", "ram"];

impl Checker<'_> {
    pub(super) fn clamps(
        &self,
        raw: Spanned<RawClamps>,
        input: &Input,
        dut: &Dut,
        probe: Option<&ProbeTable>,
    ) -> Result<Clamps, Mistake> {
        let whole = raw.span();
        let raw = raw.into_inner();
        let span = raw.kind.as_ref().map_or(whole, Spanned::span);
        let kind = match raw.kind {
            Some(kind) => kind.into_inner(),
            None if matches!(dut, Dut::Virtual { .. }) => "virtual".into(),
            None => {
                let what = format!("[clamps] needs `kind`; expected {}", KINDS.join(", "));
                return Err(self.error(span, what));
            }
        };
        if !KINDS.contains(&kind.as_str()) {
            return Err(self.unknown(span, "[clamps] kind", &kind, &KINDS));
        }
        let own = |owner: &str, key: &str, at: Option<Range<usize>>| match at {
            Some(at) if owner != kind => {
                Err(self.error(at, format!("[clamps] kind \"{kind}\" has no `{key}`")))
            }
            _ => Ok(()),
        };
        own("process", "command", raw.command.as_ref().map(Spanned::span))?;
        own("serial", "port", raw.port.as_ref().map(Spanned::span))?;
        own("serial", "baud", raw.baud.as_ref().map(Spanned::span))?;
        own("virtual", "broken", raw.broken.as_ref().map(Spanned::span))?;
        if kind == "ram" && probe.is_none() {
            let what = "[clamps] kind \"ram\" needs a table [probe], which says how to reach the chip";
            return Err(self.error(span, what));
        }
        let simulated = matches!(probe, Some(ProbeTable { kind: ProbeKind::Virtual { .. }, .. }));
        let ours = kind == "virtual" || (kind == "ram" && simulated);
        let terms =
            CtTerms { devices: self.devices(raw.devices, ours, &span)?, omits: self.omits(&raw.omits)? };
        let kind = match kind.as_str() {
            "virtual" => ClampKind::Virtual { broken: raw.broken.map(|word| self.fault(word)).transpose()? },
            "process" => ClampKind::Process { command: self.samples_command(raw.command, &span)? },
            "ram" => ClampKind::Ram,
            _ => ClampKind::Serial {
                port: self.own_port(raw.port, &span, input, dut)?,
                baud: self.baud(raw.baud, BAUD)?,
            },
        };
        Ok(Clamps { kind, terms })
    }

    fn devices(
        &self,
        named: Option<Spanned<Vec<Spanned<String>>>>,
        ours: bool,
        span: &Range<usize>,
    ) -> Result<Vec<String>, Mistake> {
        let known = DEVICES.map(|device| device.name);
        if named.is_none() && ours {
            return Ok(known.map(String::from).into());
        }
        let message = "[clamps] needs `devices`, the profiles that the dongle can be";
        let all = named.as_ref().map_or(0..0, Spanned::span);
        let named = self.needed(named, span, message)?;
        if named.is_empty() {
            return Err(self.error(all, format!("`devices` is empty; expected some of {}", known.join(", "))));
        }
        for word in &named {
            if !known.contains(&word.get_ref().as_str()) {
                return Err(self.unknown(word.span(), "`devices`", word.get_ref(), &known));
            }
        }
        Ok(named.into_iter().map(Spanned::into_inner).collect())
    }

    fn fault(&self, word: Spanned<String>) -> Result<(&'static str, Fault), Mistake> {
        let names = Fault::ALL.map(|(name, _)| name);
        let found = Fault::ALL.into_iter().find(|(name, _)| *name == word.get_ref());
        found.ok_or_else(|| self.unknown(word.span(), "`broken`", word.get_ref(), &names))
    }

    fn samples_command(
        &self,
        command: Option<Spanned<Vec<String>>>,
        kind: &Range<usize>,
    ) -> Result<Vec<String>, Mistake> {
        let span = command.as_ref().map_or(kind.clone(), Spanned::span);
        let message = "[clamps] kind \"process\" needs `command`, a list of words";
        let command = self.needed(command, kind, message)?;
        if command.first().is_none_or(|program| program.is_empty()) {
            return Err(self.error(span, "`command` is empty; expected a program and its arguments"));
        }
        if !command.iter().any(|word| word.contains("{samples}")) {
            return Err(self
                .error(
                    span,
                    "`command` never says {samples}, so the program cannot know which device to read",
                )
                .with_help(Some(
                    "{samples} is replaced by the path of the serial device with the samples".into(),
                )));
        }
        Ok(command)
    }

    fn own_port(
        &self,
        port: Option<Spanned<String>>,
        kind: &Range<usize>,
        input: &Input,
        dut: &Dut,
    ) -> Result<String, Mistake> {
        let span = port.as_ref().map_or(kind.clone(), Spanned::span);
        let message = "[clamps] kind \"serial\" needs `port`, the path of the dongle's port";
        let port = self.needed(port, kind, message)?;
        let of_input = matches!(input, Input::Serial { port: other, .. } if *other == port);
        let of_dut = matches!(dut, Dut::Serial { port: other, .. } if *other == port);
        if of_input || of_dut {
            let owner = if of_input { "[input]" } else { "[dut]" };
            let what = format!("{owner} has this port already; samples need one of their own");
            return Err(self.error(span, what));
        }
        Ok(port)
    }
}
