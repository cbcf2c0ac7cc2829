//! The table `[net]`: the grid up to the meter.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `kind` | `tn` | `tn`, `tt` (the same to a waveform), `it` (three wires, no neutral), `split` (two lines in opposition), `single` |
//! | `u_v` | 230; `split` 120 | open-circuit volts to neutral of each line, or one number for all; `it`: between lines |
//! | `angle_deg` | 0, −120, 120; `split` 0, 180 | of each line's open-circuit voltage |
//! | `f_hz` | 50 | a number, or `[[t_s, f_hz, ramp_s], …]`: from `t_s` on, reached within `ramp_s` (0 when left out) |
//! | `unbalance` | none | `k2`, `k0`: negative and zero sequence as a part of the mean voltage, at `phi2_deg`, `phi0_deg` |
//! | `u_harm` | none | `[[order, percent of the fundamental, deg], …]` |
//! | `z_phase_ohm`, `z_neutral_ohm` | 0, 0 | `[R, X]` of a line and of the neutral; X at the fundamental |
//! | `neutral` | `ok` | `ok` or `open` |

use super::{File, Rate, SpecError};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use toml::Spanned;

/// Hertz that a net may have: 50 Hz and 60 Hz with the ±15 % that EN 50160 grants an island.
pub(super) const F_HZ: RangeInclusive<f64> = 42.5..=69.0;

/// The grid up to the meter.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Net {
    /// Wires and earthing.
    pub kind: NetKind,
    /// Open-circuit volts of each line; on IT √3 times the voltage to the star point, which is the line voltage.
    pub u_v: Vec<f64>,
    /// Phase of each line's open-circuit voltage, in degrees.
    pub angle_deg: Vec<f64>,
    /// Frequency over time, the first entry at 0 s.
    #[serde(rename = "f_hz")]
    pub tempo: Vec<Tempo>,
    /// Negative and zero sequence.
    pub unbalance: Unbalance,
    /// Harmonics of the open-circuit voltage, in percent of its fundamental.
    pub u_harm: Vec<Harmonic>,
    /// Resistance and reactance of a line; the reactance grows with the order.
    pub z_phase_ohm: [f64; 2],
    /// The same of the neutral.
    pub z_neutral_ohm: [f64; 2],
    /// Whether the neutral is connected.
    pub neutral: Neutral,
}

impl Net {
    /// The highest frequency of all.
    pub fn f_max_hz(&self) -> f64 {
        self.tempo.iter().fold(0.0, |most, tempo| most.max(tempo.f_hz))
    }
}

/// Wires and earthing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetKind {
    /// Three lines and a neutral.
    #[default]
    Tn,
    /// The same with an earth of the site's own: no difference between lines and neutral.
    Tt,
    /// Three lines, no neutral.
    It,
    /// Two lines in opposition and a neutral.
    Split,
    /// One line and a neutral.
    Single,
}

impl NetKind {
    /// Number of lines.
    pub fn lines(self) -> usize {
        match self {
            NetKind::Tn | NetKind::Tt | NetKind::It => 3,
            NetKind::Split => 2,
            NetKind::Single => 1,
        }
    }

    /// Whether there is a neutral.
    pub fn has_neutral(self) -> bool {
        self != NetKind::It
    }
}

/// Whether the neutral is connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Neutral {
    #[default]
    Ok,
    Open,
}

/// A frequency from some time on: `[t_s, f_hz, ramp_s]`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(into = "[f64; 3]")]
pub struct Tempo {
    /// Seconds.
    pub t_s: f64,
    /// Hertz.
    pub f_hz: f64,
    /// Seconds from `t_s` until it is reached, linearly.
    pub ramp_s: f64,
}

impl From<Tempo> for [f64; 3] {
    fn from(tempo: Tempo) -> [f64; 3] {
        [tempo.t_s, tempo.f_hz, tempo.ramp_s]
    }
}

/// Symmetrical components of the fundamental beside the positive one, as a part of the mean voltage.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the names of the file")]
pub struct Unbalance {
    pub k2: f64,
    pub phi2_deg: f64,
    pub k0: f64,
    pub phi0_deg: f64,
}

/// A harmonic as a part of its fundamental: `[order, percent, deg]`. Its phase counts, in degrees of its own frequency,
/// from the zero at which its fundamental rises, so that the same numbers give the same shape on each line and at each φ.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(into = "(u8, f64, f64)")]
pub struct Harmonic {
    /// From 2.
    pub order: u8,
    /// Percent of the fundamental.
    pub percent: f64,
    /// Degrees at the harmonic's own frequency.
    pub deg: f64,
}

impl From<Harmonic> for (u8, f64, f64) {
    fn from(harmonic: Harmonic) -> (u8, f64, f64) {
        (harmonic.order, harmonic.percent, harmonic.deg)
    }
}

/// `[order, percent, deg]`.
pub(super) type RawHarmonic = Spanned<(u8, f64, f64)>;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawNet {
    kind: NetKind,
    u_v: Option<Spanned<OneOrEach>>,
    angle_deg: Option<Spanned<Vec<f64>>>,
    f_hz: Option<Spanned<RawTempo>>,
    unbalance: RawUnbalance,
    u_harm: Vec<RawHarmonic>,
    z_phase_ohm: Option<Spanned<[f64; 2]>>,
    z_neutral_ohm: Option<Spanned<[f64; 2]>>,
    neutral: Option<Spanned<Neutral>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected volts, or a list with the volts of each line")]
enum OneOrEach {
    One(f64),
    Each(Vec<f64>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected hertz, or a list of [t_s, f_hz] or [t_s, f_hz, ramp_s]")]
enum RawTempo {
    One(f64),
    List(Vec<Vec<f64>>),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawUnbalance {
    k2: Option<Spanned<f64>>,
    phi2_deg: Option<Spanned<f64>>,
    k0: Option<Spanned<f64>>,
    phi0_deg: Option<Spanned<f64>>,
}

pub(super) fn check(file: File<'_>, raw: RawNet, rate: Rate) -> Result<Net, SpecError> {
    let kind = raw.kind;
    let tempo = tempo(file, raw.f_hz)?;
    let f_max_hz = tempo.iter().fold(0.0, |most: f64, tempo| most.max(tempo.f_hz));
    let (z_neutral, neutral) = (raw.z_neutral_ohm.as_ref(), raw.neutral.as_ref());
    let open = neutral.filter(|neutral| *neutral.get_ref() == Neutral::Open).map(Spanned::span);
    let ohms = z_neutral.filter(|ohms| *ohms.get_ref() != [0.0; 2]).map(Spanned::span);
    if let Some(span) = open.or(ohms)
        && !kind.has_neutral()
    {
        return Err(file.error(span, "an IT net has no neutral"));
    }
    let neutral = neutral.map_or(Neutral::Ok, |neutral| *neutral.get_ref());
    let ratio = 0.0..=0.5;
    let unbalance = Unbalance {
        k2: file.number_or(raw.unbalance.k2.as_ref(), "k2", ratio.clone(), 0.0)?,
        phi2_deg: file.number_or(raw.unbalance.phi2_deg.as_ref(), "phi2_deg", super::DEG, 0.0)?,
        k0: file.number_or(raw.unbalance.k0.as_ref(), "k0", ratio, 0.0)?,
        phi0_deg: file.number_or(raw.unbalance.phi0_deg.as_ref(), "phi0_deg", super::DEG, 0.0)?,
    };
    if unbalance.k2 + unbalance.k0 > 0.0 && kind.lines() != 3 {
        let span = [raw.unbalance.k2, raw.unbalance.k0].into_iter().flatten().map(|k| k.span()).next();
        return Err(file.error(span.unwrap_or(0..0), "sequence components need three lines"));
    }
    Ok(Net {
        kind,
        u_v: u_v(file, raw.u_v, kind)?,
        angle_deg: angles(file, raw.angle_deg, kind)?,
        tempo,
        unbalance,
        u_harm: harmonics(file, &raw.u_harm, f_max_hz, rate)?,
        z_phase_ohm: impedance(file, raw.z_phase_ohm, "z_phase_ohm")?,
        z_neutral_ohm: impedance(file, raw.z_neutral_ohm, "z_neutral_ohm")?,
        neutral,
    })
}

fn u_v(file: File<'_>, raw: Option<Spanned<OneOrEach>>, kind: NetKind) -> Result<Vec<f64>, SpecError> {
    let (lines, usual) = (kind.lines(), if kind == NetKind::Split { 120.0 } else { 230.0 });
    let Some(raw) = raw else {
        return Ok(vec![usual; lines]);
    };
    let span = raw.span();
    let volts = match raw.into_inner() {
        OneOrEach::One(volts) => vec![volts; lines],
        OneOrEach::Each(volts) => volts,
    };
    if volts.len() != lines {
        let what = format!("`u_v` has {} numbers; this net has {lines} lines", volts.len());
        return Err(file.error(span, what));
    }
    match volts.iter().find(|volts| !(0.0..=1000.0).contains(*volts)) {
        Some(wrong) => Err(file.error(span, format!("`u_v` is {wrong}; expected 0 to 1000"))),
        None => Ok(volts),
    }
}

fn angles(file: File<'_>, raw: Option<Spanned<Vec<f64>>>, kind: NetKind) -> Result<Vec<f64>, SpecError> {
    let usual: &[f64] = if kind == NetKind::Split { &[0.0, 180.0] } else { &[0.0, -120.0, 120.0] };
    let Some(raw) = raw else {
        return Ok(usual[..kind.lines()].to_vec());
    };
    let angles = raw.get_ref();
    if angles.len() != kind.lines() || !angles.iter().all(|angle| super::DEG.contains(angle)) {
        let what = format!("`angle_deg`: expected {} numbers from -360 to 360", kind.lines());
        return Err(file.error(raw.span(), what));
    }
    Ok(raw.into_inner())
}

fn tempo(file: File<'_>, raw: Option<Spanned<RawTempo>>) -> Result<Vec<Tempo>, SpecError> {
    let Some(raw) = raw else {
        return Ok(vec![Tempo { t_s: 0.0, f_hz: 50.0, ramp_s: 0.0 }]);
    };
    let span = raw.span();
    let wrong = |what: String| file.error(span.clone(), format!("`f_hz`: {what}"));
    let rows = match raw.into_inner() {
        RawTempo::One(f_hz) => vec![vec![0.0, f_hz]],
        RawTempo::List(rows) => rows,
    };
    let mut list: Vec<Tempo> = Vec::new();
    for row in rows {
        let (t_s, f_hz, ramp_s) = match row[..] {
            [t_s, f_hz] => (t_s, f_hz, 0.0),
            [t_s, f_hz, ramp_s] => (t_s, f_hz, ramp_s),
            _ => return Err(wrong("expected [t_s, f_hz] or [t_s, f_hz, ramp_s]".into())),
        };
        if !F_HZ.contains(&f_hz) {
            return Err(wrong(format!("{f_hz} Hz; expected {} to {}", F_HZ.start(), F_HZ.end())));
        }
        let earliest = list.last().map_or(0.0, |last| last.t_s + last.ramp_s);
        let first = list.is_empty();
        if !t_s.is_finite() || !(0.0..=3600.0).contains(&ramp_s) || (first && (t_s != 0.0 || ramp_s != 0.0)) {
            return Err(wrong("expected [0, f_hz] first, and a ramp of 0 to 3600 s".into()));
        }
        if !first && (t_s < earliest || t_s == 0.0) {
            return Err(wrong(format!("{t_s} s; the entry before it ends at {earliest} s")));
        }
        list.push(Tempo { t_s, f_hz, ramp_s });
    }
    if list.is_empty() {
        return Err(wrong("the list is empty; expected [0, f_hz] first".into()));
    }
    Ok(list)
}

fn impedance(file: File<'_>, raw: Option<Spanned<[f64; 2]>>, key: &str) -> Result<[f64; 2], SpecError> {
    let Some(raw) = raw else {
        return Ok([0.0; 2]);
    };
    match raw.get_ref().iter().find(|ohm| !(0.0..=1000.0).contains(*ohm)) {
        Some(wrong) => Err(file.error(raw.span(), format!("`{key}` is {wrong}; expected 0 to 1000 ohms"))),
        None => Ok(raw.into_inner()),
    }
}

/// A list of harmonics: orders from 2, each once, below half the rate at the highest frequency.
pub(super) fn harmonics(
    file: File<'_>,
    raw: &[RawHarmonic],
    f_max_hz: f64,
    rate: Rate,
) -> Result<Vec<Harmonic>, SpecError> {
    let mut list: Vec<Harmonic> = Vec::new();
    for entry in raw {
        let wrong = |what: String| Err(file.error(entry.span(), what));
        let (order, percent, deg) = *entry.get_ref();
        if !(2..=crate::wave::ORDER_MAX).contains(&order) {
            return wrong(format!("harmonic {order}; expected order 2 to {}", crate::wave::ORDER_MAX));
        }
        if f64::from(order) * f_max_hz >= rate.hz() / 2.0 {
            return wrong(format!(
                "harmonic {order} of {f_max_hz} Hz is not below half the sample rate of {} Hz",
                rate.hz()
            ));
        }
        if !(0.0..=200.0).contains(&percent) || !super::DEG.contains(&deg) {
            return wrong(format!(
                "[{order}, {percent}, {deg}]; expected [order, 0 to 200 percent, -360 to 360 deg]"
            ));
        }
        if list.iter().any(|harmonic| harmonic.order == order) {
            return wrong(format!("harmonic {order} is named twice"));
        }
        list.push(Harmonic { order, percent, deg });
    }
    list.sort_by_key(|harmonic| harmonic.order);
    Ok(list)
}
