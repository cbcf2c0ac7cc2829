//! The table `[dut]`: what is under test, how its claims come out, and what judging depends on.

use super::raw::RawDut;
use super::{Checker, Dut, Input, Mistake, ProbeKind, ProbeTable, Readings};
use crate::dongle::Broken;
use hanbench_core::site::ratio::Ratio;
use hanbench_core::verdict::trial::{DutTerms, RatioSetting};
use std::ops::Range;
use toml::Spanned;

impl Checker<'_> {
    pub(super) fn dut(
        &self,
        raw: Spanned<RawDut>,
        input: &Input,
        input_span: Range<usize>,
        probe: Option<&ProbeTable>,
    ) -> Result<Dut, Mistake> {
        let raw = raw.into_inner();
        let (kind, span) = (raw.kind.get_ref().as_str(), raw.kind.span());
        self.kind_of_dut(kind, &span)?;
        self.strays_of_dut(&raw, kind)?;
        match kind {
            "virtual" if *input != Input::Pty => {
                Err(self
                    .error(input_span, "the virtual dongle listens on a pty; [input] kind must be \"pty\""))
            }
            "virtual" if raw.key_file.is_none() && ciphering(&raw).is_some() => Err(self
                .error(
                    ciphering(&raw).unwrap_or(span),
                    "`supports` lists \"ciphering\", but without `key_file` nothing can be deciphered",
                )
                .with_help(Some("name a `key_file`, or take \"ciphering\" from the list".into()))),
            "virtual" => Ok(Dut::Virtual {
                broken: raw.broken.map(|word| self.broken(word)).transpose()?,
                key_file: raw.key_file.map(|path| self.beside(&path.into_inner())),
            }),
            "process" => {
                let readings = self.readings(raw.readings)?;
                Ok(Dut::Process { command: self.command(raw.command, &span, input)?, readings })
            }
            "rtt" => {
                self.way_to_chip(&span, input, probe)?;
                Ok(Dut::Rtt { readings: self.readings(raw.readings)? })
            }
            _ if *input == Input::Pty => {
                Err(self.error(span, "a dongle with a serial console cannot listen on a pty").with_help(
                    Some("say under [input] how bytes get into it: kind = \"serial\" or \"tcp\"".into()),
                ))
            }
            _ => Ok(Dut::Serial {
                port: self.needed(
                    raw.port,
                    &span,
                    "[dut] kind \"serial\" needs `port`, the path of its console",
                )?,
                baud: self.baud(raw.baud, 115_200)?,
                readings: self.readings(raw.readings)?,
            }),
        }
    }

    /// A kind that this version can use.
    fn kind_of_dut(&self, kind: &str, span: &Range<usize>) -> Result<(), Mistake> {
        match kind {
            "virtual" | "process" | "serial" | "rtt" => Ok(()),
            "mqtt" | "http" => {
                let what = format!("[dut] kind \"{kind}\" cannot be used in this version");
                let help = "kind = \"process\" runs a program of yours that prints what it sees there";
                Err(self.error(span.clone(), what).with_help(Some(help.into())))
            }
            other => {
                let known = ["virtual", "process", "serial", "rtt", "mqtt", "http"];
                Err(self.unknown(span.clone(), "[dut] kind", other, &known))
            }
        }
    }

    /// Keys that belong to another kind.
    fn strays_of_dut(&self, raw: &RawDut, kind: &str) -> Result<(), Mistake> {
        let own = |owner: &[&str], key: &str, at: Option<Range<usize>>| match at {
            Some(at) if !owner.contains(&kind) => {
                Err(self.error(at, format!("[dut] kind \"{kind}\" has no `{key}`")))
            }
            _ => Ok(()),
        };
        own(&["process"], "command", raw.command.as_ref().map(Spanned::span))?;
        own(&["process", "serial", "rtt"], "readings", raw.readings.as_ref().map(Spanned::span))?;
        own(&["serial"], "port", raw.port.as_ref().map(Spanned::span))?;
        own(&["serial"], "baud", raw.baud.as_ref().map(Spanned::span))?;
        own(&["virtual"], "key_file", raw.key_file.as_ref().map(Spanned::span))?;
        own(&["virtual"], "broken", raw.broken.as_ref().map(Spanned::span))
    }

    /// Firmware that speaks over RTT has a probe, and hears HAN bytes where there is something that can.
    fn way_to_chip(
        &self,
        span: &Range<usize>,
        input: &Input,
        probe: Option<&ProbeTable>,
    ) -> Result<(), Mistake> {
        let Some(probe) = probe else {
            let what = "[dut] kind \"rtt\" needs a table [probe], which says how to reach the chip";
            return Err(self.error(span.clone(), what));
        };
        if probe.image.is_none() && !matches!(probe.kind, ProbeKind::Virtual { .. }) {
            let what = "[dut] kind \"rtt\" needs `image` under [probe]: the symbol _SEGGER_RTT of its ELF says where RTT is";
            return Err(self.error(span.clone(), what));
        }
        let on_pty = match &probe.kind {
            ProbeKind::Usb => false,
            ProbeKind::Virtual { .. } => true,
            ProbeKind::Process { command } => command.iter().any(|word| word.contains("{han}")),
        };
        match (on_pty, *input == Input::Pty) {
            (false, true) => Err(self.error(span.clone(), "a real chip cannot listen on a pty").with_help(
                Some("say under [input] how bytes get into it: kind = \"serial\" or \"tcp\"".into()),
            )),
            (true, false) => {
                Err(self
                    .error(span.clone(), "the simulated chip listens on a pty; [input] kind must be \"pty\""))
            }
            _ => Ok(()),
        }
    }

    fn command(
        &self,
        command: Option<Spanned<Vec<String>>>,
        kind: &Range<usize>,
        input: &Input,
    ) -> Result<Vec<String>, Mistake> {
        let span = command.as_ref().map_or(kind.clone(), Spanned::span);
        let command =
            self.needed(command, kind, "[dut] kind \"process\" needs `command`, a list of words")?;
        if command.first().is_none_or(|program| program.is_empty()) {
            return Err(self.error(span, "`command` is empty; expected a program and its arguments"));
        }
        let mentions = command.iter().any(|word| word.contains("{han}"));
        if *input == Input::Pty && !mentions {
            return Err(self
                .error(span, "`command` never says {han}, so the program cannot know which device to read")
                .with_help(Some(
                    "{han} is replaced by the path of the serial device with the HAN bytes".into(),
                )));
        }
        if *input != Input::Pty && mentions {
            return Err(self.error(
                span,
                "`command` says {han}, but only [input] kind \"pty\" has such a path; name the program's own port",
            ));
        }
        Ok(command)
    }

    fn readings(&self, word: Option<Spanned<String>>) -> Result<Readings, Mistake> {
        let Some(word) = word else {
            return Ok(Readings::Jsonl);
        };
        let known = ["jsonl", "amsreader-json", "amshan", "esphome-log"];
        match word.get_ref().as_str() {
            "jsonl" => Ok(Readings::Jsonl),
            "amsreader-json" => Ok(Readings::AmsreaderJson),
            "amshan" => Ok(Readings::Amshan),
            "esphome-log" => Ok(Readings::EsphomeLog),
            late @ ("amsreader-raw" | "tibber-pulse" | "tasmota-sml") => Err(self.error(
                word.span(),
                format!("`readings` \"{late}\" arrives by MQTT, which cannot be used in this version; available are {}", known.join(", ")),
            )),
            other => Err(self.unknown(word.span(), "`readings`", other, &known)),
        }
    }

    fn broken(&self, word: Spanned<String>) -> Result<Broken, Mistake> {
        let names: Vec<&str> = Broken::ALL.iter().map(|broken| broken.name()).collect();
        Broken::from_name(word.get_ref())
            .ok_or_else(|| self.unknown(word.span(), "`broken`", word.get_ref(), &names))
    }

    /// `simulated`: the chip of the rig is hanbench's own.
    pub(super) fn terms(&self, raw: &RawDut, simulated: bool) -> Result<DutTerms, Mistake> {
        let mut terms = DutTerms::default();
        if let Some(supports) = &raw.supports {
            let words = DutTerms::supportable();
            for word in supports {
                if !words.contains(&word.get_ref().as_str()) {
                    return Err(self.unknown(word.span(), "`supports`", word.get_ref(), &words));
                }
            }
            terms.supports = supports.iter().map(|word| word.get_ref().clone()).collect();
        }
        terms.omits = self.omits(&raw.omits)?;
        if let Some(within) = &raw.claim_within_s {
            let seconds = *within.get_ref();
            if !(0.05..=60.0).contains(&seconds) {
                let message = format!("`claim_within_s` is {seconds}; expected 0.05 to 60 seconds");
                return Err(self.error(within.span(), message));
            }
            terms.claim_within_us = (seconds * 1e6).round() as u64;
        }
        terms.scale_told = raw.scale_told;
        terms.ratio = self.ratio(raw, simulated)?;
        Ok(terms)
    }

    fn ratio(&self, raw: &RawDut, simulated: bool) -> Result<RatioSetting, Mistake> {
        let kind = raw.kind.get_ref();
        let is_virtual = kind == "virtual" || (kind == "rtt" && simulated);
        let words = raw.command.as_ref().map(|command| command.get_ref().as_slice()).unwrap_or_default();
        let settable = words.iter().any(|word| word.contains("{ratio}"));
        match &raw.ratio {
            None if is_virtual => Ok(RatioSetting::Running),
            None if settable => Ok(RatioSetting::AtStart),
            None => Ok(RatioSetting::default()),
            Some(ratio) if settable => Err(self.error(
                ratio.span(),
                "`ratio` says what the DUT is set to, and `command` says {ratio}, which lets the bench set it: \
                 expected one of the two",
            )),
            Some(ratio) => match Ratio::parse(ratio.get_ref()) {
                // Written alike wherever it is compared.
                Ok(_) => Ok(RatioSetting::Fixed(ratio.get_ref().replace(' ', ""))),
                Err(error) => {
                    Err(self.error(ratio.span(), format!("`ratio` is {:?}: {error}", ratio.get_ref())))
                }
            },
        }
    }
}

/// Where `supports` lists ciphering.
fn ciphering(dut: &RawDut) -> Option<Range<usize>> {
    dut.supports.iter().flatten().find(|word| word.get_ref() == "ciphering").map(Spanned::span)
}

pub(super) fn about(dut: &RawDut, probe: Option<&ProbeTable>) -> String {
    let parts = [&dut.name, &dut.model, &dut.firmware];
    let said: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    let named = if said.is_empty() { dut.kind.get_ref().clone() } else { said.join(", ") };
    // What a reader of the report needs to know which thing was on the bench.
    let command = dut.command.as_ref().map(|command| format!("`{}`", command.get_ref().join(" ")));
    let port = dut.port.as_ref().map(|port| format!("on {}", port.get_ref()));
    let broken = dut.broken.as_ref().map(|broken| format!("broken on purpose: {}", broken.get_ref()));
    let chip = probe.map(|probe| match &probe.kind {
        ProbeKind::Usb => format!("{} at {}", probe.settings.chip, probe.settings.selector),
        ProbeKind::Virtual { broken: None, .. } => format!("simulated {}", probe.settings.chip),
        ProbeKind::Virtual { broken: Some(broken), .. } => {
            format!("simulated {}, broken on purpose: {broken}", probe.settings.chip)
        }
        ProbeKind::Process { command } => format!("{} of `{}`", probe.settings.chip, command.join(" ")),
    });
    let chip = chip.filter(|_| dut.kind.get_ref() == "rtt");
    [Some(named), command, port, broken, chip].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
