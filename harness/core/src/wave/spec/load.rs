//! The tables `[[load]]`: what draws current, where and when.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `at` | – | `L1-N` …, `L1-L2`, `L2-L3`, `L3-L1`, `L1-L2-L3` (three wires), `L1-L2-L3-N` (one part on each line) |
//! | `kind` | – | `current`, `impedance`, `profile`, `half-wave` |
//! | `i_a` | – | `current`, `profile`: amperes RMS of the fundamental, in each line |
//! | `pf` | 1 | `current`: cos φ of the fundamental against the open-circuit voltage, −1 to 1; negative feeds in |
//! | `lead` | false | `current`: the current leads |
//! | `harm` | none | `current`: `[[order, percent of the fundamental, deg], …]` |
//! | `dc_a` | 0 | `current`: amperes of direct current on top |
//! | `r_ohm`, `x_ohm` | –, 0 | `impedance`: of each part; X at the fundamental, negative for a capacitor |
//! | `profile` | – | `profile`: a name of [`profiles`](crate::wave::profiles) |
//! | `i_peak_a` | – | `half-wave`: a sine of that peak behind a diode |
//! | `from_s`, `to_s` | start, end | when it is connected |
//! | `ramp_s` | 0 | the first seconds, in which its current rises from nothing, one step per cycle |
//! | `decay_s` | – | its current dies away with this time constant, one step per cycle: inrush |
//! | `burst_s` | – | `[on, off]`: connected for so many seconds, then not, again and again |

use super::net::{Harmonic, Net, RawHarmonic, harmonics};
use super::{File, SpecError, Waveform};
use crate::wave::profiles;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use toml::Spanned;

/// The largest current that a load may draw, in amperes: ten times the peak of a 400 A inrush.
const A_MAX: f64 = 10_000.0;

/// What draws current, where and when.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Load {
    /// Between which conductors.
    pub at: At,
    /// What it is.
    #[serde(flatten)]
    pub draw: Draw,
    /// Connected from so many seconds on.
    pub from_s: f64,
    /// Until so many seconds.
    pub to_s: f64,
    /// Seconds in which the current rises from nothing.
    pub ramp_s: f64,
    /// Time constant in seconds with which the current dies away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay_s: Option<f64>,
    /// Seconds on, seconds off, from `from_s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_s: Option<[f64; 2]>,
}

/// Between which conductors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum At {
    #[serde(rename = "L1-N")]
    L1N,
    #[serde(rename = "L2-N")]
    L2N,
    #[serde(rename = "L3-N")]
    L3N,
    #[serde(rename = "L1-L2")]
    L1L2,
    #[serde(rename = "L2-L3")]
    L2L3,
    #[serde(rename = "L3-L1")]
    L3L1,
    /// Three wires: its currents sum to zero.
    #[serde(rename = "L1-L2-L3")]
    ThreeWire,
    /// The same on each line against the neutral.
    #[serde(rename = "L1-L2-L3-N")]
    FourWire,
}

impl At {
    /// The lines it is connected to, 0 to 2.
    pub fn lines(self) -> &'static [usize] {
        match self {
            At::L1N => &[0],
            At::L2N => &[1],
            At::L3N => &[2],
            At::L1L2 => &[0, 1],
            At::L2L3 => &[1, 2],
            At::L3L1 => &[2, 0],
            At::ThreeWire | At::FourWire => &[0, 1, 2],
        }
    }

    /// Whether it uses the neutral.
    pub fn uses_neutral(self) -> bool {
        matches!(self, At::L1N | At::L2N | At::L3N | At::FourWire)
    }
}

/// What a load is.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Draw {
    /// Amperes that do not depend on the voltage.
    Current {
        /// RMS of the fundamental.
        i_a: f64,
        /// cos φ of the fundamental against the open-circuit voltage; negative feeds in.
        pf: f64,
        /// The current leads.
        lead: bool,
        /// Its harmonics.
        harm: Vec<Harmonic>,
        /// Direct current.
        dc_a: f64,
    },
    /// Ohms.
    Impedance {
        /// Resistance, above 0.
        r_ohm: f64,
        /// Reactance at the fundamental.
        x_ohm: f64,
    },
    /// A current of a named shape.
    Profile {
        /// Its name.
        profile: String,
        /// RMS of the fundamental.
        i_a: f64,
    },
    /// A sine behind a diode.
    HalfWave {
        /// Peak.
        i_peak_a: f64,
    },
}

#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Current,
    Impedance,
    Profile,
    HalfWave,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLoad {
    at: Spanned<At>,
    kind: Spanned<Kind>,
    i_a: Option<Spanned<f64>>,
    pf: Option<Spanned<f64>>,
    lead: Option<Spanned<bool>>,
    harm: Option<Spanned<Vec<RawHarmonic>>>,
    dc_a: Option<Spanned<f64>>,
    r_ohm: Option<Spanned<f64>>,
    x_ohm: Option<Spanned<f64>>,
    profile: Option<Spanned<String>>,
    i_peak_a: Option<Spanned<f64>>,
    from_s: Option<Spanned<f64>>,
    to_s: Option<Spanned<f64>>,
    ramp_s: Option<Spanned<f64>>,
    decay_s: Option<Spanned<f64>>,
    burst_s: Option<Spanned<[f64; 2]>>,
}

pub(super) fn check(
    file: File<'_>,
    raw: Spanned<RawLoad>,
    net: &Net,
    waveform: &Waveform,
) -> Result<Load, SpecError> {
    let span = raw.span();
    let raw = raw.into_inner();
    own_keys(file, &raw)?;
    let at = *raw.at.get_ref();
    place(file, &raw.at, net)?;
    let draw = draw(file, &raw, &span, net, waveform)?;
    if at == At::ThreeWire {
        three_wire(file, raw.kind.span(), &draw, net)?;
    }
    let end = waveform.duration_s;
    let from_s = file.number_or(raw.from_s.as_ref(), "from_s", 0.0..=end, 0.0)?;
    let to_s = file.number_or(raw.to_s.as_ref(), "to_s", from_s..=end, end)?;
    let ramp_s = file.number_or(raw.ramp_s.as_ref(), "ramp_s", 0.0..=to_s - from_s, 0.0)?;
    let decay_s = raw.decay_s.map(|raw| file.number(&raw, "decay_s", 1e-3..=3600.0)).transpose()?;
    let burst_s = raw.burst_s.map(|raw| match raw.get_ref() {
        [on, off] if (1e-3..=3600.0).contains(on) && (1e-3..=3600.0).contains(off) => Ok(*raw.get_ref()),
        _ => Err(file.error(raw.span(), "`burst_s`: expected [on, off], each 0.001 to 3600 seconds")),
    });
    Ok(Load { at, draw, from_s, to_s, ramp_s, decay_s, burst_s: burst_s.transpose()? })
}

/// Refuses keys that another kind has.
fn own_keys(file: File<'_>, raw: &RawLoad) -> Result<(), SpecError> {
    use Kind::{Current, HalfWave, Impedance, Profile};
    fn at<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
        value.as_ref().map(Spanned::span)
    }
    let kind = *raw.kind.get_ref();
    type Key<'a> = (&'a str, Option<Range<usize>>, &'a [Kind]);
    let keys: [Key<'_>; 9] = [
        ("i_a", at(&raw.i_a), &[Current, Profile]),
        ("pf", at(&raw.pf), &[Current]),
        ("lead", at(&raw.lead), &[Current]),
        ("harm", at(&raw.harm), &[Current]),
        ("dc_a", at(&raw.dc_a), &[Current]),
        ("r_ohm", at(&raw.r_ohm), &[Impedance]),
        ("x_ohm", at(&raw.x_ohm), &[Impedance]),
        ("profile", at(&raw.profile), &[Profile]),
        ("i_peak_a", at(&raw.i_peak_a), &[HalfWave]),
    ];
    for (key, span, owners) in keys {
        if let Some(span) = span
            && !owners.contains(&kind)
        {
            return Err(file.error(span, format!("a load of this kind has no `{key}`")));
        }
    }
    Ok(())
}

/// Refuses conductors that the net has not, and lines without voltage.
fn place(file: File<'_>, at: &Spanned<At>, net: &Net) -> Result<(), SpecError> {
    let place = *at.get_ref();
    if place.uses_neutral() && !net.kind.has_neutral() {
        return Err(file.error(at.span(), "an IT net has no neutral to connect a load to"));
    }
    for line in place.lines() {
        match net.u_v.get(*line) {
            None => return Err(file.error(at.span(), format!("this net has no line L{}", line + 1))),
            Some(volts) if *volts == 0.0 => {
                let what = format!("L{} has no voltage (`u_v` is 0), so a load there has no power", line + 1);
                return Err(file.error(at.span(), what));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn draw(
    file: File<'_>,
    raw: &RawLoad,
    span: &Range<usize>,
    net: &Net,
    waveform: &Waveform,
) -> Result<Draw, SpecError> {
    let amperes = || {
        let raw = file.needed(raw.i_a.as_ref(), span, "i_a", "amperes RMS of the fundamental")?;
        file.number(raw, "i_a", 0.0..=A_MAX)
    };
    match raw.kind.get_ref() {
        Kind::Current => Ok(Draw::Current {
            i_a: amperes()?,
            pf: file.number_or(raw.pf.as_ref(), "pf", -1.0..=1.0, 1.0)?,
            lead: raw.lead.as_ref().is_some_and(|lead| *lead.get_ref()),
            harm: match &raw.harm {
                Some(harm) => harmonics(file, harm.get_ref(), net.f_max_hz(), waveform.rate)?,
                None => Vec::new(),
            },
            dc_a: file.number_or(raw.dc_a.as_ref(), "dc_a", -A_MAX..=A_MAX, 0.0)?,
        }),
        Kind::Impedance => {
            let r_ohm = file.needed(raw.r_ohm.as_ref(), span, "r_ohm", "ohms of each part")?;
            // Above zero: without loss a resonance with the grid could have no solution.
            let r_ohm = file.number(r_ohm, "r_ohm", 1e-3..=1e9)?;
            Ok(Draw::Impedance {
                r_ohm,
                x_ohm: file.number_or(raw.x_ohm.as_ref(), "x_ohm", -1e9..=1e9, 0.0)?,
            })
        }
        Kind::Profile => {
            let name = file.needed(raw.profile.as_ref(), span, "profile", "the name of a shape")?;
            let Some(shape) = profiles::named(name.get_ref()) else {
                let known: Vec<&str> = profiles::ALL.iter().map(|profile| profile.name).collect();
                let what = format!("no profile {:?}; expected {}", name.get_ref(), known.join(", "));
                return Err(file.error(name.span(), what));
            };
            let order = shape.harmonics.iter().map(|harmonic| harmonic.0).max().unwrap_or(1);
            if f64::from(order) * net.f_max_hz() >= waveform.rate.hz() / 2.0 {
                let what = format!(
                    "the profile has harmonic {order}, which is not below half the sample rate of {} Hz",
                    waveform.rate.hz()
                );
                return Err(file.error(name.span(), what));
            }
            Ok(Draw::Profile { profile: shape.name.to_string(), i_a: amperes()? })
        }
        Kind::HalfWave => {
            let peak = file.needed(raw.i_peak_a.as_ref(), span, "i_peak_a", "amperes at the peak")?;
            Ok(Draw::HalfWave { i_peak_a: file.number(peak, "i_peak_a", -A_MAX..=A_MAX)? })
        }
    }
}

/// Three wires without a neutral carry only what sums to zero: no direct current, no multiple of the third harmonic.
fn three_wire(file: File<'_>, span: Range<usize>, draw: &Draw, net: &Net) -> Result<(), SpecError> {
    let orders: Vec<u8> = match draw {
        Draw::Current { harm, dc_a, .. } => {
            let direct = (*dc_a != 0.0).then_some(0);
            harm.iter().map(|harmonic| harmonic.order).chain(direct).collect()
        }
        Draw::Profile { profile, .. } => profiles::named(profile)
            .map_or(Vec::new(), |shape| shape.harmonics.iter().map(|harmonic| harmonic.0).collect()),
        Draw::HalfWave { .. } => vec![0],
        Draw::Impedance { .. } => return Ok(()),
    };
    if let Some(order) = orders.into_iter().find(|order| order % 3 == 0) {
        let name = if order == 0 { "direct current".into() } else { format!("harmonic {order}") };
        let what = format!("{name} of a three-wire load does not sum to zero; expected at = \"L1-L2-L3-N\"");
        return Err(file.error(span, what));
    }
    let steps = [net.angle_deg[1] - net.angle_deg[0], net.angle_deg[2] - net.angle_deg[1]];
    let third = |deg: f64, by: f64| (deg - by).rem_euclid(360.0) == 0.0;
    if !(steps.iter().all(|deg| third(*deg, 120.0)) || steps.iter().all(|deg| third(*deg, -120.0))) {
        return Err(
            file.error(span, "the three currents sum to zero only if `angle_deg` is a third of a turn apart")
        );
    }
    Ok(())
}

impl Load {
    /// Whether the load is a current that the grid has to carry whatever its voltage.
    pub fn is_source(&self) -> bool {
        !matches!(self.draw, Draw::Impedance { .. })
    }
}
