//! Rig file → checked [`Rig`]. One TOML file per bench; what it does not say has a default.
//!
//! Two steps: the raw file as serde reads it, unknown keys refused; then the checked form, in which what cannot
//! work cannot be said. Every mistake points at its place in the file.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `name` | file stem | name in reports |
//! | `[input] kind` | `pty` | `pty`, `serial` (`port`, `baud` 2400, `parity` none), `tcp` (`address`) |
//! | `[dut] kind` | – | `virtual`, `process` (`command`), `serial` (`port`, `baud` 115200), `rtt` (through `[probe]`) |
//! | `[dut] readings` | `jsonl` | what its lines look like, see [`Readings`] |
//! | `[dut] supports` | the five families | see [`DutTerms::supportable`] |
//! | `[dut] omits` | none | keys it does not claim, by design |
//! | `[dut] claim_within_s` | 2.0 | from the last byte of a telegram to its claim, 0.05 to 60 |
//! | `[dut] scale_told` | false | it was told the scales that no telegram announces |
//! | `[dut] ratio` | see below | ratio of current transformers that it was set to, `100:5` |
//! | `[site] main_fuse_a` | – | main fuse of the site that the DUT is set up for, 1 to 10000 A |
//! | `[dut] name`, `model`, `firmware` | – | free text for the report |
//! | `[dut] key_file` | – | `virtual` only: the meters' keys, see [`crate::keys`] |
//! | `[dut] broken` | – | `virtual` only: a deliberately broken variant, see [`Broken`] |
//! | `[clamps]` | none | a clamp dongle, see [`Clamps`] |
//! | `[balancer] kind` | – | a load balancer: `reference`, `rule` (`name`), `process` (`command`, `answer_within_s`) |
//! | `[probe]` | none | a debug probe, see [`ProbeTable`] |
//!
//! Without `ratio` the bench sets it: it tells a virtual dongle, also while it runs, and starts a program with the ratio
//! in place of `{ratio}` in `command`. Any other DUT counts as set to 1:1.
//!
//! Relative paths in `command` start at the directory that hanbench was started in, because the program runs there.
//! A relative `key_file` starts at the folder of the rig file.

mod balancer;
mod clamps;
mod dut;
mod probe;
mod raw;

pub use clamps::{ClampKind, Clamps};
pub use probe::{ProbeKind, ProbeSettings, ProbeTable, VIRTUAL_CHIP};

use crate::balancer::Spec;
use crate::dongle::Broken;
use crate::error::{ConfigError, RigError};
use crate::file::{SMALL, read_text};
use hanbench_core::balance::built_in::BuiltIn;
use hanbench_core::reading::Key;
use hanbench_core::spec_file::{nearest, plain};
use hanbench_core::verdict::trial::DutTerms;
use raw::{RawInput, RawRig};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Keys of a reading that are no numbers (contract, section 2).
const TEXT_KEYS: [&str; 9] = [
    "meter_id",
    "meter_type",
    "list_id",
    "timestamp",
    "timestamp_utc_offset_min",
    "timestamp_status",
    "clock",
    "clock_utc_offset_min",
    "clock_status",
];

/// One bench, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Rig {
    /// Name in reports.
    pub name: String,
    /// How bytes get in.
    pub input: Input,
    /// What they get into.
    pub dut: Dut,
    /// What judging depends on.
    pub terms: DutTerms,
    /// The clamp dongle, where the bench has one.
    pub clamps: Option<Clamps>,
    /// The load balancer, where the bench has one.
    pub balancer: Option<Spec>,
    /// Its scenarios go through the DUT; otherwise the reference decoder is the dongle.
    pub dut_in_loop: bool,
    /// The debug probe, where the bench has one.
    pub probe: Option<ProbeTable>,
    /// One line about the DUT for the head of the report: name, model, firmware.
    pub about: String,
}

/// How HAN bytes get into the DUT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A pty that the program under test opens by its path.
    Pty,
    /// A port with a transmitter (USB to M-Bus, USB to P1).
    Serial {
        /// Path of the port.
        port: String,
        /// Line speed.
        baud: u32,
        /// Parity bit.
        parity: Parity,
    },
    /// A port server that passes bytes on as they are (ser2net raw, esp-link).
    Tcp {
        /// `host:port`.
        address: String,
    },
}

/// Parity bit of a serial line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// 8N1.
    #[default]
    None,
    /// 8E1.
    Even,
    /// 8O1.
    Odd,
}

impl Parity {
    pub(crate) fn setting(self) -> serialport::Parity {
        match self {
            Parity::None => serialport::Parity::None,
            Parity::Even => serialport::Parity::Even,
            Parity::Odd => serialport::Parity::Odd,
        }
    }
}

/// The device under test, and how its claims come out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Dut {
    /// hanbench's own dongle, as a program of its own.
    Virtual {
        /// How it is broken on purpose.
        broken: Option<Broken>,
        /// Key file of the meters that cipher.
        key_file: Option<PathBuf>,
    },
    /// Any program.
    Process {
        /// Program and arguments; `{han}` stands for the path of the pty.
        command: Vec<String>,
        /// Language of its lines.
        readings: Readings,
    },
    /// The serial console of a real dongle.
    Serial {
        /// Path of the port.
        port: String,
        /// Its speed.
        baud: u32,
        /// Language of its lines.
        readings: Readings,
    },
    /// A dongle whose firmware speaks over RTT, through the debug probe of the rig.
    Rtt {
        /// Language of its lines.
        readings: Readings,
    },
}

/// The language that a DUT prints its readings in: which [`crate::adapter`] reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Readings {
    /// One JSON object per telegram with the keys of the contract.
    #[default]
    Jsonl,
    /// amsreader-firmware, JSON classic and flat.
    AmsreaderJson,
    /// amshan's dictionary as JSON.
    Amshan,
    /// An ESPHome log, one sensor per line.
    EsphomeLog,
}

impl Rig {
    /// Reads a rig file.
    ///
    /// # Errors
    ///
    /// [`RigError::File`] and [`RigError::Config`], both exit code 2.
    pub fn load(path: &Path) -> Result<Rig, RigError> {
        let text = read_text(path, "a rig file", SMALL)?;
        Rig::parse(&text, &path.display().to_string())
    }

    /// Reads the text of a rig file; `file` is its name, for messages and the default of `name`.
    ///
    /// # Errors
    ///
    /// [`RigError::Config`], exit code 2.
    pub fn parse(text: &str, file: &str) -> Result<Rig, RigError> {
        let check = Checker { file, text };
        check.rig().map_err(RigError::Config)
    }
}

/// Boxed, because results carry it through every function here.
type Mistake = Box<ConfigError>;

struct Checker<'a> {
    file: &'a str,
    text: &'a str,
}

impl Checker<'_> {
    fn error(&self, span: Range<usize>, message: impl Into<String>) -> Mistake {
        Box::new(ConfigError::new(self.file, self.text, span, message.into()))
    }

    fn rig(&self) -> Result<Rig, Mistake> {
        let raw: RawRig = toml::from_str(self.text).map_err(|error| self.toml_error(&error))?;
        let stem = Path::new(self.file).file_stem().map_or("rig".into(), |stem| stem.to_string_lossy());
        let name = raw.name.unwrap_or_else(|| stem.into_owned());
        let input_span = raw.input.as_ref().map_or(0..0, Spanned::span);
        let input = raw.input.map_or(Ok(Input::Pty), |input| self.input(input))?;
        let probe = raw.probe.map(|probe| self.probe(probe)).transpose()?;
        let simulated = matches!(&probe, Some(ProbeTable { kind: ProbeKind::Virtual { .. }, .. }));
        let terms = self.terms(raw.dut.get_ref(), simulated)?;
        let (mut terms, about) = (terms, dut::about(raw.dut.get_ref(), probe.as_ref()));
        terms.main_fuse_a =
            raw.site.and_then(|site| site.main_fuse_a).map(|fuse| self.fuse(&fuse)).transpose()?;
        let dut = self.dut(raw.dut, &input, input_span, probe.as_ref())?;
        let clamps =
            raw.clamps.map(|clamps| self.clamps(clamps, &input, &dut, probe.as_ref())).transpose()?;
        let balancer = raw.balancer.map(|balancer| self.balancer(balancer)).transpose()?;
        let (balancer, dut_in_loop) = balancer.map_or((None, false), |(spec, dut)| (Some(spec), dut));
        let about = match &balancer {
            // It is no device under test of anybody's.
            None | Some(Spec::BuiltIn(BuiltIn::Reference(None))) => about,
            Some(other) => format!("{about}, balancer `{}`", other.name()),
        };
        Ok(Rig { name, input, dut, terms, clamps, balancer, dut_in_loop, probe, about })
    }

    /// The parser's message, with the nearest word that would have been right.
    fn toml_error(&self, error: &toml::de::Error) -> Mistake {
        let span = error.span().unwrap_or(0..0);
        let message = plain(self.text, error);
        let mut quoted = message.split('`').skip(1).step_by(2);
        let help = message.starts_with("unknown ").then(|| {
            let wrong = quoted.next()?;
            nearest(wrong, quoted).map(|word| format!("did you mean `{word}`?"))
        });
        self.error(span, message.as_str()).with_help(help.flatten())
    }

    fn input(&self, raw: Spanned<RawInput>) -> Result<Input, Mistake> {
        let whole = raw.span();
        let RawInput { kind, port, baud, parity, address } = raw.into_inner();
        let kind_span = kind.as_ref().map_or(whole, Spanned::span);
        let kind = kind.map_or("pty".to_string(), Spanned::into_inner);
        let serial = kind == "serial";
        let own = |fits: bool, key: &str, span: Option<Range<usize>>| match span {
            Some(span) if !fits => Err(self.error(span, format!("[input] kind \"{kind}\" has no `{key}`"))),
            _ => Ok(()),
        };
        own(serial, "port", port.as_ref().map(Spanned::span))?;
        own(serial, "baud", baud.as_ref().map(Spanned::span))?;
        own(serial, "parity", parity.as_ref().map(Spanned::span))?;
        own(matches!(kind.as_str(), "tcp" | "rfc2217"), "address", address.as_ref().map(Spanned::span))?;
        match kind.as_str() {
            "pty" => Ok(Input::Pty),
            "serial" => Ok(Input::Serial {
                port: self.needed(
                    port,
                    &kind_span,
                    "[input] kind \"serial\" needs `port`, the path of the transmitter",
                )?,
                baud: self.baud(baud, 2400)?,
                parity: parity.map_or(Parity::None, Spanned::into_inner),
            }),
            "tcp" => {
                let span = address.as_ref().map(Spanned::span);
                let address =
                    self.needed(address, &kind_span, "[input] kind \"tcp\" needs `address`, \"host:port\"")?;
                match address.rsplit_once(':') {
                    Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                        Ok(Input::Tcp { address })
                    }
                    _ => Err(self.error(
                        span.unwrap_or(kind_span),
                        format!("`address` is {address:?}; expected \"host:port\""),
                    )),
                }
            }
            "rfc2217" => Err(self
                .error(kind_span, "[input] kind \"rfc2217\" cannot be used in this version")
                .with_help(Some("kind = \"tcp\" reaches the same port server when it is set to raw".into()))),
            other => {
                Err(self.unknown(kind_span, "[input] kind", other, &["pty", "serial", "tcp", "rfc2217"]))
            }
        }
    }

    /// A relative path starts at the folder of the rig file.
    fn beside(&self, path: &str) -> PathBuf {
        Path::new(self.file).parent().unwrap_or(Path::new("")).join(path)
    }

    fn fuse(&self, fuse: &Spanned<i64>) -> Result<u32, Mistake> {
        let message = || format!("`main_fuse_a` is {}; expected 1 to 10000 A", fuse.get_ref());
        let value = u32::try_from(*fuse.get_ref()).ok().filter(|amperes| (1..=10_000).contains(amperes));
        value.ok_or_else(|| self.error(fuse.span(), message()))
    }

    /// Keys of a reading.
    fn omits(&self, words: &[Spanned<String>]) -> Result<Vec<String>, Mistake> {
        let numbers = Key::ALL.iter().map(|key| key.name());
        let keys: Vec<&str> = numbers.chain(TEXT_KEYS).collect();
        for word in words {
            if !keys.contains(&word.get_ref().as_str()) {
                let help = nearest(word.get_ref(), keys.iter().copied());
                return Err(self
                    .error(
                        word.span(),
                        format!("`omits` names {:?}, which is no key of a reading", word.get_ref()),
                    )
                    .with_help(help.map(|key| format!("did you mean `{key}`?"))));
            }
        }
        Ok(words.iter().map(|word| word.get_ref().clone()).collect())
    }

    fn baud(&self, baud: Option<Spanned<i64>>, default: u32) -> Result<u32, Mistake> {
        let Some(baud) = baud else {
            return Ok(default);
        };
        match u32::try_from(*baud.get_ref()) {
            Ok(value) if (300..=4_000_000).contains(&value) => Ok(value),
            _ => Err(self.error(
                baud.span(),
                format!(
                    "`baud` is {}; expected 300 to 4000000, HAN ports run at 2400 or 115200",
                    baud.get_ref()
                ),
            )),
        }
    }

    fn needed<T>(&self, value: Option<Spanned<T>>, at: &Range<usize>, message: &str) -> Result<T, Mistake> {
        value.map(Spanned::into_inner).ok_or_else(|| self.error(at.clone(), message))
    }

    fn unknown(&self, span: Range<usize>, what: &str, word: &str, known: &[&str]) -> Mistake {
        let help = nearest(word, known.iter().copied()).map(|word| format!("did you mean \"{word}\"?"));
        self.error(span, format!("{what} \"{word}\" is unknown; expected {}", known.join(", ")))
            .with_help(help)
    }
}
