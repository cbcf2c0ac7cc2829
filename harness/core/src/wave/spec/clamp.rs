//! The tables `[[clamp]]`: one for each current channel; a channel without one has a perfect clamp on its own line.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `channel` | – | `i1`, `i2` or `i3` |
//! | `on` | its line | the conductor inside: `l1`, `l2`, `l3`, `n`, `pe`, `l1+n`, `none` |
//! | `direction` | 1 | 1, or −1 with the arrow against the current |
//! | `passes` | 1 | times that the conductor goes through the hole, up to 100; not part of the nominal ratio |
//! | `rated_a` | 100, or the model's | amperes RMS |
//! | `outer_ratio` | `1:1` | of the instrument transformer in front, as in `100:5`; part of the nominal ratio |
//! | `model` | – | a clamp by name: `sct-013-000`, … |
//! | `class` | – | a clamp at the limits of an IEC 61869-2 class: `0.5`, … |
//! | `ratio_pct`, `phase_deg` | none | `[[amperes, value], …]`: too much delivered, and lead; a value holds up to its amperes, the last for all above |
//! | `sat` | none | saturation in place of the tables: `x_k` 1.348, `n` 11, `delta_deg` 2.7, `gain` 1.0128, `remanence` none |
//! | `gap_mm` | 0 | air in the core, up to 2 |
//! | `secondary` | `ok` | `ok`, `open`, `short` |

use super::{Channel, File, Net, NetKind, SpecError};
use crate::wave::flux::Saturation;
use crate::wave::sensor::models::{CLASSES, MODELS, Row};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use toml::Spanned;

/// One clamp.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Clamp {
    /// The current channel that it feeds.
    pub channel: Channel,
    /// The conductor inside.
    pub on: Conductor,
    /// 1 or −1.
    pub direction: i8,
    /// Times that the conductor goes through the hole.
    pub passes: u8,
    /// Amperes RMS.
    pub rated_a: f64,
    /// Primary and secondary amperes of the instrument transformer in front.
    #[serde(serialize_with = "as_text")]
    pub outer_ratio: [f64; 2],
    /// Percent by which it delivers too much.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ratio_pct: Vec<Row>,
    /// Degrees by which the delivered current leads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phase_deg: Vec<Row>,
    /// Millimetres of air in the core.
    pub gap_mm: f64,
    /// What is connected to the winding.
    pub secondary: Secondary,
    /// Saturation, in place of the tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sat: Option<Saturation>,
}

impl Clamp {
    /// A perfect clamp on the channel's own line.
    fn perfect(channel: Channel) -> Clamp {
        Clamp {
            channel,
            on: [Conductor::L1, Conductor::L2, Conductor::L3][channel.line()],
            direction: 1,
            passes: 1,
            rated_a: 100.0,
            outer_ratio: [1.0, 1.0],
            ratio_pct: Vec::new(),
            phase_deg: Vec::new(),
            gap_mm: 0.0,
            secondary: Secondary::Ok,
            sat: None,
        }
    }

    /// Perfect clamps, each on the line of its own channel.
    pub fn perfect_on_all() -> [Clamp; 3] {
        [Channel::ALL[3], Channel::ALL[4], Channel::ALL[5]].map(Clamp::perfect)
    }

    /// Factor of the instrument transformer in front.
    pub fn outer(&self) -> f64 {
        self.outer_ratio[0] / self.outer_ratio[1]
    }

    /// Whether it has no error of its own.
    pub fn is_ideal(&self) -> bool {
        self.ratio_pct.is_empty() && self.phase_deg.is_empty() && self.gap_mm == 0.0 && self.sat.is_none()
    }
}

/// What a clamp is around.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Conductor {
    L1,
    L2,
    L3,
    N,
    Pe,
    #[serde(rename = "l1+n")]
    L1N,
    None,
}

/// What the winding is connected to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Secondary {
    /// Its burden.
    #[default]
    Ok,
    /// Nothing.
    Open,
    /// Itself.
    Short,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClamp {
    channel: Spanned<Channel>,
    on: Option<Spanned<Conductor>>,
    direction: Option<Spanned<i8>>,
    passes: Option<Spanned<u8>>,
    rated_a: Option<Spanned<f64>>,
    outer_ratio: Option<Spanned<String>>,
    model: Option<Spanned<String>>,
    class: Option<Spanned<String>>,
    ratio_pct: Option<Spanned<Vec<Row>>>,
    phase_deg: Option<Spanned<Vec<Row>>>,
    sat: Option<RawSaturation>,
    gap_mm: Option<Spanned<f64>>,
    #[serde(default)]
    secondary: Secondary,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSaturation {
    x_k: Option<Spanned<f64>>,
    n: Option<Spanned<i32>>,
    delta_deg: Option<Spanned<f64>>,
    gain: Option<Spanned<f64>>,
    remanence: Option<Spanned<f64>>,
}

/// One clamp for each line of the net, in their order.
pub(super) fn check(file: File<'_>, raw: Vec<Spanned<RawClamp>>, net: &Net) -> Result<Vec<Clamp>, SpecError> {
    let lines = net.kind.lines();
    let mut clamps: Vec<Clamp> =
        Channel::ALL[3..3 + lines].iter().map(|channel| Clamp::perfect(*channel)).collect();
    let mut named = Vec::new();
    for raw in raw {
        let span = raw.get_ref().channel.span();
        let clamp = one(file, raw.into_inner(), net)?;
        if named.contains(&clamp.channel) {
            return Err(file.error(span, "the channel has two clamps"));
        }
        named.push(clamp.channel);
        let line = clamp.channel.line();
        clamps[line] = clamp;
    }
    Ok(clamps)
}

fn one(file: File<'_>, raw: RawClamp, net: &Net) -> Result<Clamp, SpecError> {
    let channel = *raw.channel.get_ref();
    if !channel.is_current() || channel.line() >= net.kind.lines() {
        return Err(file.error(raw.channel.span(), "expected a current channel of this net: i1, i2 or i3"));
    }
    let mut clamp = Clamp::perfect(channel);
    if let Some(on) = &raw.on {
        clamp.on = conductor(file, on, net.kind)?;
    }
    if let Some(direction) = raw.direction {
        if ![1, -1].contains(direction.get_ref()) {
            return Err(file.error(direction.span(), "`direction`: expected 1 or -1"));
        }
        clamp.direction = direction.into_inner();
    }
    if let Some(passes) = raw.passes {
        if !(1..=100).contains(passes.get_ref()) {
            return Err(file.error(passes.span(), "`passes`: expected 1 to 100"));
        }
        clamp.passes = passes.into_inner();
    }
    if let Some(text) = raw.outer_ratio {
        clamp.outer_ratio = outer_ratio(text.get_ref()).ok_or_else(|| {
            file.error(text.span(), "`outer_ratio`: expected primary and secondary amperes as in \"100:5\"")
        })?;
    }
    let rated_a = file.number_or(raw.rated_a.as_ref(), "rated_a", 0.1..=100_000.0, 0.0)?;
    let model = named(file, raw.model.as_ref(), "model", &MODELS, |model| model.name)?;
    clamp.rated_a = match model {
        _ if rated_a > 0.0 => rated_a,
        Some(model) => model.rated_a,
        None => clamp.rated_a,
    };
    if let Some(model) = model {
        (clamp.ratio_pct, clamp.phase_deg) = (model.ratio_pct.to_vec(), model.phase_deg.to_vec());
    }
    if let Some(class) = named(file, raw.class.as_ref(), "class", &CLASSES, |class| class.name)? {
        [clamp.ratio_pct, clamp.phase_deg] = class.tables(clamp.rated_a);
    }
    let spans = [span(raw.model.as_ref()), span(raw.class.as_ref())];
    let own = [span(raw.ratio_pct.as_ref()), span(raw.phase_deg.as_ref())];
    let sources = [&spans[..1], &spans[1..], &own[..]];
    let sources: Vec<_> = sources.iter().filter_map(|spans| spans.iter().flatten().next()).collect();
    if let [_, second, ..] = sources[..] {
        return Err(file.error(second.clone(), "expected one of `model`, `class` and tables of your own"));
    }
    clamp.ratio_pct = table(file, raw.ratio_pct, "ratio_pct", 100.0)?.unwrap_or(clamp.ratio_pct);
    clamp.phase_deg = table(file, raw.phase_deg, "phase_deg", 90.0)?.unwrap_or(clamp.phase_deg);
    clamp.gap_mm = file.number_or(raw.gap_mm.as_ref(), "gap_mm", 0.0..=2.0, 0.0)?;
    clamp.secondary = raw.secondary;
    if let Some(raw) = raw.sat {
        if let Some(span) = own.iter().chain(&spans[1..]).flatten().next() {
            return Err(file.error(span.clone(), "`sat` takes the place of tables; expected one of them"));
        }
        clamp.sat = Some(saturation(file, &raw)?);
        (clamp.ratio_pct, clamp.phase_deg) = (Vec::new(), Vec::new());
    }
    Ok(clamp)
}

fn span<T>(raw: Option<&Spanned<T>>) -> Option<Range<usize>> {
    raw.map(Spanned::span)
}

fn conductor(file: File<'_>, on: &Spanned<Conductor>, kind: NetKind) -> Result<Conductor, SpecError> {
    let (line, neutral) = match on.get_ref() {
        Conductor::L1 => (0, false),
        Conductor::L2 => (1, false),
        Conductor::L3 => (2, false),
        Conductor::N | Conductor::L1N => (0, true),
        Conductor::Pe | Conductor::None => (0, false),
    };
    if line >= kind.lines() || (neutral && !kind.has_neutral()) {
        return Err(file.error(on.span(), "this net has no such conductor"));
    }
    Ok(*on.get_ref())
}

fn outer_ratio(text: &str) -> Option<[f64; 2]> {
    let (primary, secondary) = text.split_once(':')?;
    let amperes = [primary.trim().parse().ok()?, secondary.trim().parse().ok()?];
    amperes.iter().all(|amperes| (0.01..=100_000.0).contains(amperes)).then_some(amperes)
}

fn as_text<S: serde::Serializer>(ratio: &[f64; 2], to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{}:{}", ratio[0], ratio[1]))
}

/// The entry that a file names.
fn named<T: Copy>(
    file: File<'_>,
    raw: Option<&Spanned<String>>,
    key: &str,
    list: &[T],
    name: fn(&T) -> &'static str,
) -> Result<Option<T>, SpecError> {
    let Some(raw) = raw else { return Ok(None) };
    let found = list.iter().find(|entry| name(entry) == raw.get_ref());
    found.copied().map(Some).ok_or_else(|| {
        let names: Vec<&str> = list.iter().map(name).collect();
        file.error(
            raw.span(),
            format!("`{key}` is \"{}\"; expected one of {}", raw.get_ref(), names.join(", ")),
        )
    })
}

fn table(
    file: File<'_>,
    raw: Option<Spanned<Vec<Row>>>,
    key: &str,
    most: f64,
) -> Result<Option<Vec<Row>>, SpecError> {
    let Some(raw) = raw else { return Ok(None) };
    let rows = raw.get_ref();
    let rising = rows.is_sorted_by(|a, b| a[0] < b[0]);
    let sane = rows.iter().all(|[amperes, value]| (0.0..=1e9).contains(amperes) && value.abs() <= most);
    if rows.is_empty() || !rising || !sane {
        let what =
            format!("`{key}`: expected [[amperes, value], ...], amperes rising, values -{most} to {most}");
        return Err(file.error(raw.span(), what));
    }
    Ok(Some(raw.into_inner()))
}

fn saturation(file: File<'_>, raw: &RawSaturation) -> Result<Saturation, SpecError> {
    let n = match &raw.n {
        Some(n) if !(3..=21).contains(n.get_ref()) || n.get_ref() % 2 == 0 => {
            return Err(
                file.error(n.span(), format!("`n` is {}; expected an odd number from 3 to 21", n.get_ref()))
            );
        }
        n => n.as_ref().map_or(11, |n| *n.get_ref()),
    };
    let remanence =
        raw.remanence.as_ref().map(|raw| file.number(raw, "remanence", -1.0..=1.0)).transpose()?;
    Ok(Saturation {
        x_k: file.number_or(raw.x_k.as_ref(), "x_k", 0.1..=100.0, 1.348)?,
        n,
        delta_deg: file.number_or(raw.delta_deg.as_ref(), "delta_deg", 0.05..=60.0, 2.7)?,
        gain: file.number_or(raw.gain.as_ref(), "gain", 0.1..=10.0, 1.0128)?,
        remanence,
    })
}
