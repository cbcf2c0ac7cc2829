//! The tables `[[event]]`: what happens to the grid.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `kind` | – | `sag`, `swell`, `interruption`, `lost-neutral`, `flicker` |
//! | `phases` | all lines | `[1, 3]`; not of `lost-neutral` |
//! | `residual` | – | `sag`: 0.01 to 1, `swell`: 1 to 2 times the open-circuit voltage |
//! | `depth_pct`, `f_hz` | – | `flicker`: the voltage changes by so many percent, half up and half down, so many times a second |
//! | `t_s` | – | start |
//! | `duration_s` or `cycles` | – | length, in seconds or mains cycles |
//! | `phase_on_deg` | – | starts only when L1 is at that phase: up to one cycle later |

use super::net::{Net, Neutral};
use super::{File, Load, SpecError, Waveform};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use toml::Spanned;

/// Something that happens to the grid.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Event {
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
    /// The lines it happens to, from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<u8>,
    /// Start in seconds.
    pub t_s: f64,
    /// How long.
    #[serde(flatten)]
    pub lasts: Lasts,
    /// The phase of L1 that the start waits for, in degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase_on_deg: Option<f64>,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EventKind {
    /// Less voltage.
    Sag {
        /// Times the open-circuit voltage.
        residual: f64,
    },
    /// More voltage.
    Swell {
        /// Times the open-circuit voltage.
        residual: f64,
    },
    /// The lines are disconnected.
    Interruption,
    /// The neutral is disconnected.
    LostNeutral,
    /// The voltage goes up and down.
    Flicker {
        /// From the lower to the upper voltage, in percent of the open-circuit voltage.
        depth_pct: f64,
        /// Ups and downs in a second.
        f_hz: f64,
    },
}

/// How long.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub enum Lasts {
    /// Seconds.
    #[serde(rename = "duration_s")]
    Seconds(f64),
    /// Mains cycles.
    #[serde(rename = "cycles")]
    Cycles(f64),
}

#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Sag,
    Swell,
    Interruption,
    LostNeutral,
    Flicker,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvent {
    kind: Spanned<Kind>,
    phases: Option<Spanned<Vec<u8>>>,
    residual: Option<Spanned<f64>>,
    depth_pct: Option<Spanned<f64>>,
    f_hz: Option<Spanned<f64>>,
    t_s: Spanned<f64>,
    duration_s: Option<Spanned<f64>>,
    cycles: Option<Spanned<f64>>,
    phase_on_deg: Option<Spanned<f64>>,
}

pub(super) fn check(
    file: File<'_>,
    raw: Spanned<RawEvent>,
    net: &Net,
    waveform: &Waveform,
) -> Result<Event, SpecError> {
    let span = raw.span();
    let raw = raw.into_inner();
    let kind = kind(file, &raw, &span, net)?;
    let end = waveform.duration_s;
    let lasts = match (&raw.duration_s, &raw.cycles) {
        (Some(seconds), None) => Lasts::Seconds(file.number(seconds, "duration_s", 1e-3..=end)?),
        (None, Some(cycles)) => Lasts::Cycles(file.number(cycles, "cycles", 0.25..=end * net.f_max_hz())?),
        (None, None) => return Err(file.error(span, "`duration_s` or `cycles` is missing")),
        (Some(_), Some(cycles)) => {
            return Err(
                file.error(cycles.span(), "`cycles` and `duration_s` say the same; expected one of them")
            );
        }
    };
    Ok(Event {
        kind,
        phases: phases(file, raw.phases, kind, net)?,
        t_s: file.number(&raw.t_s, "t_s", 0.0..=end)?,
        lasts,
        phase_on_deg: raw
            .phase_on_deg
            .map(|deg| file.number(&deg, "phase_on_deg", super::DEG))
            .transpose()?,
    })
}

fn kind(file: File<'_>, raw: &RawEvent, span: &Range<usize>, net: &Net) -> Result<EventKind, SpecError> {
    let kind = *raw.kind.get_ref();
    let own = |owns: bool, key: &str, value: &Option<Spanned<f64>>| match value {
        Some(value) if !owns => {
            Err(file.error(value.span(), format!("an event of this kind has no `{key}`")))
        }
        _ => Ok(()),
    };
    own(matches!(kind, Kind::Sag | Kind::Swell), "residual", &raw.residual)?;
    own(kind == Kind::Flicker, "depth_pct", &raw.depth_pct)?;
    own(kind == Kind::Flicker, "f_hz", &raw.f_hz)?;
    let residual = |limits| {
        let raw = file.needed(raw.residual.as_ref(), span, "residual", "times the open-circuit voltage")?;
        file.number(raw, "residual", limits)
    };
    match kind {
        Kind::Sag => Ok(EventKind::Sag { residual: residual(0.01..=1.0)? }),
        Kind::Swell => Ok(EventKind::Swell { residual: residual(1.0..=2.0)? }),
        Kind::Interruption => Ok(EventKind::Interruption),
        Kind::LostNeutral if !net.kind.has_neutral() => {
            Err(file.error(raw.kind.span(), "an IT net has no neutral to lose"))
        }
        Kind::LostNeutral => Ok(EventKind::LostNeutral),
        Kind::Flicker => {
            let depth = file.needed(raw.depth_pct.as_ref(), span, "depth_pct", "percent of the voltage")?;
            let f_hz = file.needed(raw.f_hz.as_ref(), span, "f_hz", "ups and downs in a second")?;
            Ok(EventKind::Flicker {
                depth_pct: file.number(depth, "depth_pct", 0.0..=50.0)?,
                f_hz: file.number(f_hz, "f_hz", 0.001..=40.0)?,
            })
        }
    }
}

fn phases(
    file: File<'_>,
    raw: Option<Spanned<Vec<u8>>>,
    kind: EventKind,
    net: &Net,
) -> Result<Vec<u8>, SpecError> {
    let lines = net.kind.lines() as u8;
    match raw {
        None if kind == EventKind::LostNeutral => Ok(Vec::new()),
        None => Ok((1..=lines).collect()),
        Some(raw) if kind == EventKind::LostNeutral => {
            Err(file.error(raw.span(), "a lost neutral has no `phases`"))
        }
        Some(raw) => {
            let list = raw.get_ref();
            let distinct = list.iter().enumerate().all(|(at, phase)| !list[..at].contains(phase));
            if list.is_empty() || !distinct || list.iter().any(|phase| !(1..=lines).contains(phase)) {
                return Err(
                    file.error(raw.span(), format!("`phases`: expected lines of 1 to {lines}, each once"))
                );
            }
            Ok(raw.into_inner())
        }
    }
}

/// Refuses currents that no voltage can drive: a source of current to a neutral that is open at some time.
pub(super) fn check_neutral(
    file: File<'_>,
    spans: &[Range<usize>],
    loads: &[Load],
    events: &[Event],
    net: &Net,
) -> Result<(), SpecError> {
    let mut open: Vec<(f64, f64)> = Vec::new();
    if net.neutral == Neutral::Open {
        open.push((0.0, f64::INFINITY));
    }
    for event in events.iter().filter(|event| event.kind == EventKind::LostNeutral) {
        let length = match event.lasts {
            Lasts::Seconds(seconds) => seconds,
            // At the lowest frequency a net may have, and one cycle for the phase that the start may wait for.
            Lasts::Cycles(cycles) => cycles / super::net::F_HZ.start(),
        };
        let slack = 1.0 / super::net::F_HZ.start();
        open.push((event.t_s, event.t_s + length + slack));
    }
    for (load, span) in loads.iter().zip(spans) {
        let fed = load.is_source() && load.at.uses_neutral();
        if fed && open.iter().any(|(from, to)| load.from_s < *to && load.to_s > *from) {
            let what = "a fixed current cannot return through an open neutral; expected kind = \"impedance\"";
            return Err(file.error(span.clone(), what));
        }
    }
    Ok(())
}
