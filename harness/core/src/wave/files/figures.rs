//! Truth at one point of the chain as a table for people and scripts. What is unknown is left out, never zero.

use super::super::spec::NetKind;
use super::super::truth::{Power, Truth, Wave};
use serde::Serialize;

/// What is true at one point.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Figures {
    /// Length of the window.
    pub seconds: f64,
    /// Mean frequency.
    pub f_hz: f64,
    /// One for each line of the net.
    pub lines: Vec<LineFigures>,
    /// All lines together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<PowerFigures>,
    /// RMS of the neutral current in amperes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub i_n_a: Option<f64>,
}

/// What is true of one line.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct LineFigures {
    /// Volts to neutral; without one, to the next line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub u: Option<WaveFigures>,
    /// Primary amperes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub i: Option<WaveFigures>,
    /// Of both; without a neutral a single line has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<PowerFigures>,
}

/// What is true of one quantity.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct WaveFigures {
    /// Root mean square.
    pub rms: f64,
    /// RMS of the fundamental.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fundamental: Option<f64>,
    /// Harmonics as a part of the fundamental.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thd: Option<f64>,
}

/// Power and energy.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct PowerFigures {
    /// Watts into the site.
    pub p_w: f64,
    /// Of the fundamental, positive where the current lags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q1_var: Option<f64>,
    /// Volt-amperes.
    pub s_va: f64,
    /// P/S.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pf: Option<f64>,
    /// cos φ of the fundamental.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub displacement_pf: Option<f64>,
    /// Watt-hours into the site.
    pub import_wh: f64,
    /// Watt-hours out of it.
    pub export_wh: f64,
}

impl Figures {
    /// The table of a truth of a net of this kind.
    pub fn of(truth: &Truth, kind: NetKind) -> Figures {
        let lines = truth.lines[..kind.lines()].iter().map(|line| LineFigures {
            u: line.u.map(WaveFigures::of),
            i: line.i.map(WaveFigures::of),
            power: line.power.map(PowerFigures::of),
        });
        Figures {
            seconds: truth.seconds,
            f_hz: truth.f_hz,
            lines: lines.collect(),
            total: truth.total.map(PowerFigures::of),
            i_n_a: truth.i_n_a.filter(|_| kind.has_neutral()),
        }
    }
}

impl WaveFigures {
    fn of(wave: Wave) -> WaveFigures {
        WaveFigures { rms: wave.rms, fundamental: Some(wave.fundamental), thd: wave.thd() }
    }
}

impl PowerFigures {
    fn of(power: Power) -> PowerFigures {
        PowerFigures {
            p_w: power.p_w,
            q1_var: Some(power.q1_var),
            s_va: power.s_va,
            pf: power.pf(),
            displacement_pf: power.displacement_pf(),
            import_wh: power.import_wh,
            export_wh: power.export_wh,
        }
    }
}
