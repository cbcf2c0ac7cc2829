//! The core of a clamp: magnetic flux as state.
//!
//! With x = 1 the flux peak of the rated current and θ the phase of the mains at [`NOMINAL_HZ`],
//!
//! ```text
//! dx/dθ = i − tan δ·x − (x/x_k)^n         (n odd)
//! secondary = gain · dx/dθ
//! ```
//!
//! The two terms are the magnetising current: of the winding's resistance and burden, and of iron that is full. Ratio,
//! phase, direct current, remanence and inrush all follow from it; x_k, n, δ and gain are fitted to a measured clamp.
//! Solved with a Runge–Kutta of fourth order in at least [`POINTS`] steps per cycle.

use super::synth::{polar, polar_of, value};
use super::{ORDER_MAX, Phasor, Spectrum};
use serde::Serialize;
use std::f64::consts::{PI, SQRT_2};
use std::sync::Arc;

/// Values of a cycle.
pub const POINTS: usize = 400;
/// Frequency for which tan δ and x_k hold. Flux falls, and both matter less, as the frequency rises.
pub const NOMINAL_HZ: f64 = 50.0;
/// A core is steady when the flux changes less than this from cycle to cycle.
const STEADY: f64 = 1e-6;
/// Cycles after which warming up is given up; tan 0.05° needs 2600.
const WARM_MAX: usize = 20_000;
/// Peaks of the rated current that one step per point can follow: the equation grows stiff with the overload.
const PEAKS_PER_STEP: f64 = 8.0;
/// Peaks of the rated current above which the drive is cut: the core is then full all the time but for a spike at each
/// zero, and that is far beyond any range.
const PEAKS_MAX: f64 = 200.0;

/// What a core is made of.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Saturation {
    /// Flux at which the iron is full, with 1 the peak of the rated current.
    pub x_k: f64,
    /// How sharp the knee is: odd, 3 to 21.
    pub n: i32,
    /// Phase lead while the iron is not full, in degrees.
    pub delta_deg: f64,
    /// Ratio of the delivered to the nominal current while the iron is not full.
    pub gain: f64,
    /// Flux at the first sample, in x_k; left out, the core is steady from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remanence: Option<f64>,
}

/// A phase and how fast it runs.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Phase of the fundamental, 2⁶⁴ a turn.
    pub turn: u64,
    /// Hertz.
    pub f_hz: f64,
}

/// What a core makes of one cycle.
#[derive(Clone, PartialEq, Debug)]
pub enum Response {
    /// Like the cycle before.
    Steady(Spectrum),
    /// [`POINTS`] values at equal steps of phase.
    Cycle(Arc<[f64]>),
}

/// The core of one clamp, with its flux.
#[derive(Clone, Debug)]
pub struct Core {
    made_of: Saturation,
    tan_delta: f64,
    /// Amperes of peak that count as 1.
    peak_a: f64,
    flux: f64,
    warm: bool,
    /// Flux at each point of the last cycle, and values.
    path: Vec<f64>,
    values: Vec<f64>,
    unit: Vec<Phasor>,
}

impl Core {
    /// A core for a rated RMS current; `leak` adds to tan δ (an air gap).
    pub fn new(made_of: Saturation, rated_a: f64, leak: f64) -> Core {
        let flux = made_of.remanence.unwrap_or(0.0) * made_of.x_k;
        Core {
            made_of,
            tan_delta: libm::tan(made_of.delta_deg.to_radians()) + leak,
            peak_a: rated_a * SQRT_2,
            flux,
            warm: made_of.remanence.is_some(),
            path: Vec::new(),
            values: Vec::new(),
            unit: (0..POINTS).map(|k| polar(k as f64 / POINTS as f64)).collect(),
        }
    }

    /// The cycle that starts at `clock`, given the current in amperes. The flux stays until [`Core::advance`].
    pub fn cycle(&mut self, current: &Spectrum, clock: Clock, orders: u8) -> Response {
        let steps = self.steps(current);
        let drive = self.drive(current, clock.turn, 2 * POINTS * steps);
        if !self.warm {
            for _ in 0..WARM_MAX {
                let before = self.flux;
                self.flux = self.run(&drive, steps, clock.f_hz);
                if (self.flux - before).abs() < STEADY {
                    break;
                }
            }
            self.warm = true;
        }
        let after = self.run(&drive, steps, clock.f_hz);
        if (after - self.flux).abs() < STEADY {
            return Response::Steady(self.spectrum(clock.turn, orders));
        }
        Response::Cycle(self.values.as_slice().into())
    }

    /// Moves the flux on by so many turns since the start of the last [`Core::cycle`]; of a steady one any number.
    pub fn advance(&mut self, current: &Spectrum, clock: Clock, turns: f64) {
        let points = (turns - turns.floor()) * POINTS as f64;
        // A whole turn of one cycle is its end, not its start.
        let points = if points == 0.0 && turns > 0.0 { POINTS as f64 } else { points };
        let whole = points.floor();
        let Some(flux) = self.path.get(whole as usize).copied() else { return };
        let (step, at) = ((points - whole) / POINTS as f64, whole / POINTS as f64);
        // Twice as many steps as one point needs: this is one point at most.
        let parts = 2 * self.steps(current);
        let phase = |turns: f64| clock.turn.wrapping_add(((turns - turns.floor()) * 2f64.powi(64)) as u64);
        let drive = |part: f64| {
            let drive = value(current, phase(at + step * part / parts as f64)) / self.peak_a;
            drive.clamp(-PEAKS_MAX, PEAKS_MAX)
        };
        let width = 2.0 * PI * step / parts as f64;
        self.flux = (0..parts).map(|part| part as f64).fold(flux, |flux, part| {
            self.step(flux, [drive(part), drive(part + 0.5), drive(part + 1.0)], width, clock.f_hz)
        });
    }

    /// Steps per point.
    fn steps(&self, current: &Spectrum) -> usize {
        let peak = current.parts.iter().map(|(_, part)| SQRT_2 * libm::hypot(part.re, part.im)).sum::<f64>();
        1 + (((peak + current.dc.abs()) / self.peak_a).min(PEAKS_MAX) / PEAKS_PER_STEP) as usize
    }

    /// The current over one cycle at `count` points and the first of the next, in peaks of the rated one.
    fn drive(&self, current: &Spectrum, turn: u64, count: usize) -> Vec<f64> {
        let mut drive = vec![current.dc / self.peak_a; count + 1];
        for (order, part) in &current.parts {
            let mut at = part * polar_of(turn.wrapping_mul(u64::from(*order))) * (SQRT_2 / self.peak_a);
            let turned = polar(f64::from(*order) / count as f64);
            for drive in &mut drive {
                *drive += at.im;
                at *= turned;
            }
        }
        drive.iter_mut().for_each(|drive| *drive = drive.clamp(-PEAKS_MAX, PEAKS_MAX));
        drive
    }

    /// One cycle from the present flux; gives the flux behind it and leaves path and values.
    fn run(&mut self, drive: &[f64], steps: usize, f_hz: f64) -> f64 {
        let width = 2.0 * PI / (POINTS * steps) as f64;
        let mut flux = self.flux;
        let (mut path, mut values) = (std::mem::take(&mut self.path), std::mem::take(&mut self.values));
        path.clear();
        values.clear();
        for (at, drive) in drive.windows(3).step_by(2).enumerate() {
            let [first, middle, last] = drive else { continue };
            if at % steps == 0 {
                path.push(flux);
                values.push(self.made_of.gain * self.peak_a * (first - self.magnetising(flux)));
            }
            flux = self.step(flux, [*first, *middle, *last], width, f_hz);
        }
        path.push(flux);
        (self.path, self.values) = (path, values);
        flux
    }

    /// One step of Runge and Kutta, given the current at its start, middle and end.
    fn step(&self, flux: f64, drive: [f64; 3], width: f64, f_hz: f64) -> f64 {
        let width = width * NOMINAL_HZ / f_hz;
        let [first, middle, last] = drive;
        let k1 = first - self.magnetising(flux);
        let k2 = middle - self.magnetising(flux + width / 2.0 * k1);
        let k3 = middle - self.magnetising(flux + width / 2.0 * k2);
        let k4 = last - self.magnetising(flux + width * k3);
        flux + width / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    }

    fn magnetising(&self, flux: f64) -> f64 {
        let (mut power, mut square) = (flux / self.made_of.x_k, 1.0);
        let base = power * power;
        // base^((n − 1)/2) by squaring, in an order that is the same everywhere.
        let (mut factor, mut left) = (base, (self.made_of.n - 1) / 2);
        while left > 0 {
            if left % 2 == 1 {
                square *= factor;
            }
            factor *= factor;
            left /= 2;
        }
        power *= square;
        self.tan_delta * flux + power
    }

    fn spectrum(&self, turn: u64, orders: u8) -> Spectrum {
        // What a steady core delivers has no mean: it is the slope of a flux that comes back to where it was.
        let part = |order: u8| {
            let angle =
                |k: usize| self.unit.get(k * usize::from(order) % POINTS).copied().unwrap_or_default();
            let sum: Phasor = self.values.iter().enumerate().map(|(k, value)| angle(k).conj() * *value).sum();
            let start = polar_of(turn.wrapping_mul(u64::from(order))).conj();
            (order, sum * start * Phasor::new(0.0, SQRT_2 / POINTS as f64))
        };
        Spectrum { dc: 0.0, parts: (1..=orders.min(ORDER_MAX)).map(part).collect() }
    }
}
