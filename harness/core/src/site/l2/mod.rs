//! L2 where the telegram leaves it out.
//!
//! On three wires the line currents sum to zero, so I2 is bounded by I1 and I3 alone ([`bound`]), and P and Q leave
//! exactly two candidates ([`triangle`]). A missing voltage is less bound: see [`voltage`]. What readers in the
//! field calculate instead is a table ([`estimators`]), and [`identify`] finds out which row a DUT uses.
//!
//! Which voltage a telegram means by U1, U2, U3 on three wires: L1–L2, L1–L3, L2–L3 (documents of Aidon and
//! Kamstrup). The Kaifa MA304H3E sends U2 = 0 in every list 2 of the captures that were read; its U1 and U3 are
//! taken as L1–L2 and L2–L3 like those of the others. Its own I2 fits that (the power triangle over U1·I1 and U3·I3
//! gives it back within 1.1 A), but does not prove it: the two differ by 1.3 % at most, and every other pairing of
//! so nearly equal line voltages with two of the three currents fits as well. A voltage of 0 beside a current is read as "not reported"
//! ([`Inputs::of`]); a current of 0 is a current.
//!
//! Sources: the wattmeter theorem of Blondel; field bugs, section 0 (bound and candidates on 7 036 real records).

pub mod estimators;
pub mod identify;
pub mod triangle;
pub mod voltage;

use super::Interval;
use crate::reading::{Key, Reading};

/// What a list says that has to do with L2. RMS magnitudes; `None` is what the telegram does not carry.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Inputs {
    /// P+ in watts.
    pub import_w: f64,
    /// P− in watts.
    pub export_w: f64,
    /// Q+ − Q− in vars.
    pub reactive_var: Option<f64>,
    /// I1, I2, I3 in amperes.
    pub current_a: [Option<f64>; 3],
    /// U1, U2, U3 in volts: to neutral, or on three wires L1–L2, L1–L3, L2–L3.
    pub voltage_v: [Option<f64>; 3],
}

impl Inputs {
    /// From a decoded list; `None` when it carries no active power, as P+ is in every list.
    ///
    /// A voltage of 0 becomes `None`: Kaifa and Embriq meters on three wires send 0 for the L2 they do not report, and
    /// no line without voltage carries a current. A missing P−, Q+ or Q− beside its partner counts as 0, because a
    /// meter without export registers cannot export.
    pub fn of(reading: &Reading<'_>) -> Option<Inputs> {
        let number = |key: Key| reading.get(key).present().map(|value| value.0 as f64 / 1000.0);
        let voltage = |key: Key| number(key).filter(|volts| *volts > 0.0);
        let reactive = [number(Key::ReactiveImport), number(Key::ReactiveExport)];
        Some(Inputs {
            import_w: number(Key::ActiveImport)?,
            export_w: number(Key::ActiveExport).unwrap_or(0.0),
            reactive_var: match reactive {
                [None, None] => None,
                [import, export] => Some(import.unwrap_or(0.0) - export.unwrap_or(0.0)),
            },
            current_a: Key::CURRENTS.map(|key| number(key).map(f64::abs)),
            voltage_v: Key::VOLTAGES.map(voltage),
        })
    }

    /// P+ − P− in watts.
    pub fn active_w(&self) -> f64 {
        self.import_w - self.export_w
    }

    /// |S| = √(P² + Q²) in volt-amperes.
    pub fn apparent_va(&self) -> Option<f64> {
        self.reactive_var.map(|reactive| libm::hypot(self.active_w(), reactive))
    }

    /// I1 and I3 in amperes.
    fn outer_currents(&self) -> Option<[f64; 2]> {
        self.current_a[0].zip(self.current_a[2]).map(|(i1, i3)| [i1, i3])
    }

    /// U1 and U3 in volts.
    fn outer_voltages(&self) -> Option<[f64; 2]> {
        self.voltage_v[0].zip(self.voltage_v[2]).map(|(u1, u3)| [u1, u3])
    }
}

/// The steps in which a telegram carries its numbers. A number is off by half a step at most.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Steps {
    /// Amperes.
    pub current_a: f64,
    /// Volts.
    pub voltage_v: f64,
    /// Watts and vars.
    pub power_w: f64,
}

impl Steps {
    /// Aidon: scalers −1 for I and U, 0 for P and Q.
    pub const AIDON: Steps = Steps { current_a: 0.1, voltage_v: 0.1, power_w: 1.0 };
    /// Kaifa and Nuri: 1 mA, 0.1 V, 1 W.
    pub const KAIFA: Steps = Steps { current_a: 0.001, voltage_v: 0.1, power_w: 1.0 };
    /// Kamstrup in Norway: 10 mA, 1 V, 1 W.
    pub const KAMSTRUP: Steps = Steps { current_a: 0.01, voltage_v: 1.0, power_w: 1.0 };

    /// Slack of [`bound`] for rounding alone: half a step of I1 and half a step of I3. Whoever compares an I2 that is
    /// rounded too adds half a step of that one.
    pub fn bound_slack_a(self) -> f64 {
        self.current_a
    }
}

/// |I1 − I3| − slack ≤ I2 ≤ I1 + I3 + slack, not below 0, in amperes.
///
/// Holds for every waveform, because RMS is a norm, as long as no current leaves the three wires (earth leakage
/// widens it by its own RMS) and the three are taken over the same time.
pub fn bound(i1_a: f64, i3_a: f64, slack_a: f64) -> Interval {
    let low = (i1_a - i3_a).abs() - slack_a;
    Interval { low: low.max(0.0), high: i1_a + i3_a + slack_a }
}
