//! The waveform file: TOML in, a checked [`Spec`] with every default filled in out.
//!
//! Serde reads each table as it stands, unknown keys refused; then one file per table turns it into the form in which
//! what cannot be cannot be said. Every mistake names its line. A serialised [`Spec`] is a valid file again.
//!
//! | table | file | what |
//! |---|---|---|
//! | `[waveform]` | here | rate, duration, seed, channels |
//! | `[net]` | `net` | sources, impedances, frequency |
//! | `[[load]]` | `load` | what draws current, where and when |
//! | `[[event]]` | `event` | sags, swells, interruptions, a lost neutral, flicker |
//! | `[[clamp]]` | `clamp` | where the clamps are and what is wrong with them |
//! | `[frontend]` | `frontend` | filter, converter, noise |
//! | `[expect]` | `expect` | what a dongle has to say; only read here, judged elsewhere |
//!
//! | key of `[waveform]` | default | meaning |
//! |---|---|---|
//! | `name` | `waveform` | name in reports |
//! | `rate_hz` or `rate = [num, den]` | – | samples per second, 400 to 1 000 000 |
//! | `duration_s` | – | above 0, up to 31 days |
//! | `seed` | 0 | of everything random |
//! | `channels` | all that the net has | what is written, in this order: `u1` … `u3`, `i1` … `i3` |

mod clamp;
mod event;
mod expect;
mod frontend;
mod load;
mod net;

pub use clamp::{Clamp, Conductor, Secondary};
pub use event::{Event, EventKind, Lasts};
pub use expect::{BrokenDongle, Expect};
pub use frontend::Frontend;
pub use load::{At, Draw, Load};
pub use net::{Harmonic, Net, NetKind, Neutral, Tempo, Unbalance};

pub use crate::spec_file::SpecError;

use super::{Rate, network};
use crate::spec_file::File;
use serde::{Deserialize, Serialize};
use std::ops::{Range, RangeInclusive};
use toml::Spanned;

/// A waveform, checked and complete.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Spec {
    /// Rate, duration, seed, channels.
    pub waveform: Waveform,
    /// The grid.
    pub net: Net,
    /// What draws current.
    #[serde(rename = "load")]
    pub loads: Vec<Load>,
    /// What happens to the grid.
    #[serde(rename = "event")]
    pub events: Vec<Event>,
    /// One clamp for each line of the net, in their order.
    #[serde(rename = "clamp")]
    pub clamps: Vec<Clamp>,
    /// The converter.
    pub frontend: Frontend,
    /// What a dongle has to say.
    pub expect: Expect,
}

/// The table `[waveform]`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Waveform {
    /// Name in reports.
    pub name: String,
    /// Samples per second.
    #[serde(serialize_with = "as_pair")]
    pub rate: Rate,
    /// Seconds.
    pub duration_s: f64,
    /// Of everything random.
    pub seed: u64,
    /// What is written, in this order.
    pub channels: Vec<Channel>,
}

impl Waveform {
    /// Number of samples of each channel.
    pub fn samples(&self) -> u64 {
        self.rate.index(self.duration_s)
    }
}

/// One measured quantity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it: voltage or current of a line")]
pub enum Channel {
    U1,
    U2,
    U3,
    I1,
    I2,
    I3,
}

impl Channel {
    /// All channels: voltages, then currents.
    pub const ALL: [Channel; 6] =
        [Channel::U1, Channel::U2, Channel::U3, Channel::I1, Channel::I2, Channel::I3];

    /// 0 for L1 (or L1–L2) to 2.
    pub fn line(self) -> usize {
        self as usize % 3
    }

    /// Whether it is a current.
    pub fn is_current(self) -> bool {
        self as usize >= 3
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpec {
    waveform: Spanned<RawWaveform>,
    #[serde(default)]
    net: net::RawNet,
    #[serde(default)]
    load: Vec<Spanned<load::RawLoad>>,
    #[serde(default)]
    event: Vec<Spanned<event::RawEvent>>,
    #[serde(default)]
    clamp: Vec<Spanned<clamp::RawClamp>>,
    #[serde(default)]
    frontend: frontend::RawFrontend,
    #[serde(default)]
    expect: expect::RawExpect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWaveform {
    name: Option<String>,
    rate_hz: Option<Spanned<u32>>,
    rate: Option<Spanned<[u32; 2]>>,
    duration_s: Spanned<f64>,
    #[serde(default)]
    seed: u64,
    channels: Option<Spanned<Vec<Spanned<Channel>>>>,
}

impl Spec {
    /// Reads a waveform file.
    ///
    /// # Errors
    ///
    /// The first mistake, with its line.
    pub fn parse(text: &str) -> Result<Spec, SpecError> {
        let file = File { text };
        let raw: RawSpec = file.parse()?;
        let rate = rate(file, &raw.waveform)?;
        let net = net::check(file, raw.net, rate)?;
        let waveform_span = raw.waveform.span();
        let waveform = waveform(file, raw.waveform.into_inner(), rate, &net)?;
        let spans: Vec<Range<usize>> = raw.load.iter().map(Spanned::span).collect();
        let each_load = raw.load.into_iter().map(|raw| load::check(file, raw, &net, &waveform));
        let loads: Vec<Load> = each_load.collect::<Result<_, _>>()?;
        let each_event = raw.event.into_iter().map(|raw| event::check(file, raw, &net, &waveform));
        let events: Vec<Event> = each_event.collect::<Result<_, _>>()?;
        event::check_neutral(file, &spans, &loads, &events, &net)?;
        let clamps = clamp::check(file, raw.clamp, &net)?;
        let frontend = frontend::check(file, raw.frontend, &waveform, &clamps)?;
        let expect = expect::check(file, raw.expect, &waveform)?;
        let spec = Spec { waveform, net, loads, events, clamps, frontend, expect };
        let needed = network::segments_needed(&spec);
        if needed > network::SEGMENTS_MAX {
            let what = format!(
                "ramps, bursts and flicker need {needed:.0} segments; at most {}",
                network::SEGMENTS_MAX
            );
            return Err(file.error(waveform_span, what));
        }
        Ok(spec)
    }
}

fn rate(file: File<'_>, raw: &Spanned<RawWaveform>) -> Result<Rate, SpecError> {
    let waveform = raw.get_ref();
    let (span, [num, den]) = match (&waveform.rate_hz, &waveform.rate) {
        (Some(hz), None) => (hz.span(), [*hz.get_ref(), 1]),
        (None, Some(rate)) => (rate.span(), *rate.get_ref()),
        (None, None) => {
            return Err(
                file.error(raw.span(), "`rate_hz` is missing: samples per second, or `rate = [num, den]`")
            );
        }
        (Some(_), Some(rate)) => {
            return Err(file.error(rate.span(), "`rate` and `rate_hz` say the same; expected one of them"));
        }
    };
    let rate = Rate { num, den };
    if den == 0 || !RATE_HZ.contains(&rate.hz()) {
        let what = format!("{num}/{den} samples per second; expected 400 to 1000000");
        return Err(file.error(span, what));
    }
    Ok(rate)
}

fn waveform(file: File<'_>, raw: RawWaveform, rate: Rate, net: &Net) -> Result<Waveform, SpecError> {
    let duration_s = file.number(&raw.duration_s, "duration_s", 1e-3..=31.0 * 86_400.0)?;
    if rate.index(duration_s) == 0 {
        return Err(file.error(raw.duration_s.span(), "`duration_s` is shorter than one sample"));
    }
    let lines = net.kind.lines();
    let Some(named) = raw.channels else {
        let channels = Channel::ALL.into_iter().filter(|channel| channel.line() < lines).collect();
        return Ok(Waveform {
            name: raw.name.unwrap_or_else(|| "waveform".into()),
            rate,
            duration_s,
            seed: raw.seed,
            channels,
        });
    };
    let span = named.span();
    let mut channels = Vec::new();
    for channel in named.into_inner() {
        if channel.get_ref().line() >= lines {
            let what = format!("this net has no line {}", channel.get_ref().line() + 1);
            return Err(file.error(channel.span(), what));
        }
        if channels.contains(channel.get_ref()) {
            return Err(file.error(channel.span(), "the channel is named twice"));
        }
        channels.push(channel.into_inner());
    }
    if channels.is_empty() {
        return Err(file.error(span, "`channels` is empty; expected at least one of u1 to u3 and i1 to i3"));
    }
    Ok(Waveform {
        name: raw.name.unwrap_or_else(|| "waveform".into()),
        rate,
        duration_s,
        seed: raw.seed,
        channels,
    })
}

fn as_pair<S: serde::Serializer>(rate: &Rate, to: S) -> Result<S::Ok, S::Error> {
    [rate.num, rate.den].serialize(to)
}

/// Degrees that a file may name.
const DEG: RangeInclusive<f64> = -360.0..=360.0;
/// Samples per second that a file may ask for.
const RATE_HZ: RangeInclusive<f64> = 400.0..=1e6;
