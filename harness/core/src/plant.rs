//! The simulated house: what the grid, the loads and the sun do, and what an ideal meter would see of it.
//!
//! Pure and seeded: the state at a second depends on the system, the seed and that second alone. Refuses to know
//! how a meter rounds, what it leaves out and when it sends; that is [`crate::meters::sample`]. Refuses a clock
//! too: time is counted in seconds from a midnight.

pub mod car;
pub mod charger;
pub mod fuse;
mod limits;
mod loads;
pub mod network;

use crate::reading::Milli;
use num_complex::Complex64;

/// How the house is connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    /// One phase and neutral, 230 V.
    OnePhase,
    /// Three phases and neutral, 400 V between the lines.
    ThreeTn,
    /// Three lines without neutral, 230 V between them. The currents of the lines sum to zero.
    ThreeIt,
}

/// An alternating quantity: amperes, volts or volt-amperes. The real part is in phase with the reference, voltage L1,
/// the imaginary part a quarter of a period ahead of it; the magnitude of a voltage or current is its RMS value.
pub type Phasor = Complex64;

/// From magnitude and angle in degrees.
pub fn polar(magnitude: f64, degrees: f64) -> Phasor {
    let (sin, cos) = libm::sincos(degrees.to_radians());
    Phasor::new(magnitude * cos, magnitude * sin)
}

/// RMS of a voltage or current. A square root is the same on every machine; `hypot`, which [`Phasor::norm`] uses, is not.
pub fn magnitude(phasor: Phasor) -> f64 {
    libm::sqrt(phasor.re * phasor.re + phasor.im * phasor.im)
}

/// The electrical truth at one second.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Phasors {
    /// Volts of each line against the neutral, real or imagined. Zero where the house has no such line.
    pub voltage: [Phasor; 3],
    /// Amperes into the house on each line.
    pub current: [Phasor; 3],
}

impl Phasors {
    /// What flows at these voltages of the lines into loads that draw `drawn` volt-amperes. On three wires the loads
    /// lie at L1–L2, L2–L3 and L3–L1, else between a line and the neutral.
    pub fn of_loads(system: System, voltage: [Phasor; 3], drawn: [Phasor; 3]) -> Phasors {
        Phasors { voltage, current: loads::currents(system, &drawn, &voltage) }
    }

    /// The voltages as the meters of this system show them: to neutral, or on three wires
    /// L1–L2, L1–L3 and L2–L3 (han-protocol, sections 4.1 and 4.3).
    pub fn shown_voltage(&self, system: System) -> [Phasor; 3] {
        let [l1, l2, l3] = self.voltage;
        match system {
            System::OnePhase | System::ThreeTn => self.voltage,
            System::ThreeIt => [l1 - l2, l1 - l3, l2 - l3],
        }
    }

    /// Volt-amperes of each measuring element. A meter on three wires has two: I1 at L1–L2 and I3 at L3–L2.
    pub fn elements(&self, system: System) -> [Phasor; 3] {
        let [l1, l2, l3] = self.voltage;
        let [i1, i2, i3] = self.current;
        match system {
            System::OnePhase | System::ThreeTn => [l1 * i1.conj(), l2 * i2.conj(), l3 * i3.conj()],
            System::ThreeIt => [(l1 - l2) * i1.conj(), Phasor::default(), (l3 - l2) * i3.conj()],
        }
    }
}

/// Energy counters, in Wh and varh.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// A+, counted while the sum of the phases is drawn from the grid.
    pub active_import: Milli,
    /// A−, counted while the sum of the phases is fed in.
    pub active_export: Milli,
    /// R+.
    pub reactive_import: Milli,
    /// R−.
    pub reactive_export: Milli,
    /// A+ of each phase.
    pub phase_import: [Milli; 3],
    /// A− of each phase.
    pub phase_export: [Milli; 3],
}

/// What an ideal meter sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// RMS amperes of each line, negative while its element feeds power into the grid.
    pub current: [Milli; 3],
    /// RMS volts as the meters of the system show them, see [`Phasors::shown_voltage`].
    pub voltage: [Milli; 3],
    /// Watts in total, positive when drawn from the grid.
    pub active: Milli,
    /// Vars in total, positive when inductive.
    pub reactive: Milli,
    /// Watts of each element, positive when drawn.
    pub phase_active: [Milli; 3],
    /// Vars of each element, positive when inductive.
    pub phase_reactive: [Milli; 3],
    /// The counters.
    pub counters: Counters,
}

impl State {
    /// What an ideal meter with these counters sees.
    pub fn of(phasors: &Phasors, system: System, counters: Counters) -> State {
        let elements = phasors.elements(system);
        let mut state = State { counters, ..State::default() };
        for (at, volts) in phasors.shown_voltage(system).into_iter().enumerate() {
            let amperes = magnitude(phasors.current[at]);
            let fed_in = elements[at].re < 0.0;
            state.voltage[at] = thousandths(magnitude(volts));
            state.current[at] = thousandths(if fed_in { -amperes } else { amperes });
            state.phase_active[at] = thousandths(elements[at].re);
            state.phase_reactive[at] = thousandths(elements[at].im);
        }
        // Summed after rounding, so that the phases of a telegram add up to its total.
        state.active = sum(state.phase_active);
        state.reactive = sum(state.phase_reactive);
        state
    }
}

fn sum(phases: [Milli; 3]) -> Milli {
    Milli(phases.iter().map(|value| value.0).sum())
}

fn thousandths(value: f64) -> Milli {
    Milli((value * 1000.0).round() as i64)
}

/// Counter readings in thousandths of a watt-second, and the second up to which they count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counted {
    t_s: u64,
    active: [i64; 2],
    reactive: [i64; 2],
    phases: [[i64; 2]; 3],
}

impl Counted {
    /// One second of `state`.
    fn add(&mut self, state: &State) {
        let place = |value: Milli| usize::from(value.0 < 0);
        self.active[place(state.active)] += state.active.0.abs();
        self.reactive[place(state.reactive)] += state.reactive.0.abs();
        for (phase, watts) in self.phases.iter_mut().zip(state.phase_active) {
            phase[place(watts)] += watts.0.abs();
        }
        self.t_s += 1;
    }

    fn counters(&self, before: &Counters) -> Counters {
        // 3600 watt-seconds are a watt-hour.
        let on = |before: Milli, counted: i64| Milli(before.0 + counted / 3600);
        let phase = |at: usize, way: usize, before: [Milli; 3]| on(before[at], self.phases[at][way]);
        Counters {
            active_import: on(before.active_import, self.active[0]),
            active_export: on(before.active_export, self.active[1]),
            reactive_import: on(before.reactive_import, self.reactive[0]),
            reactive_export: on(before.reactive_export, self.reactive[1]),
            phase_import: [0, 1, 2].map(|at| phase(at, 0, before.phase_import)),
            phase_export: [0, 1, 2].map(|at| phase(at, 1, before.phase_export)),
        }
    }
}

/// A house with its loads.
///
/// ```
/// use hanbench_core::plant::{House, System};
///
/// let mut house = House::new(System::ThreeTn, 7);
/// let noon = house.at(12 * 3600);
/// assert_eq!(noon, House::new(System::ThreeTn, 7).at(12 * 3600));
/// assert!(noon.active.0 > 0);
/// ```
#[derive(Clone, Debug)]
pub struct House {
    system: System,
    seed: u64,
    sun_w: f64,
    before: Counters,
    counted: Counted,
    /// The counters at the last full hour before `counted`: meters ask back to it.
    hour: Counted,
}

impl House {
    /// A house without solar panels, all counters at 0 at second 0.
    pub fn new(system: System, seed: u64) -> House {
        House {
            system,
            seed,
            sun_w: 0.0,
            before: Counters::default(),
            counted: Counted::default(),
            hour: Counted::default(),
        }
    }

    /// The same house with panels of so many watts at noon.
    #[must_use]
    pub fn with_sun(self, peak_w: u32) -> House {
        House { sun_w: f64::from(peak_w), counted: Counted::default(), hour: Counted::default(), ..self }
    }

    /// The same house with these counters at second 0.
    #[must_use]
    pub fn with_counters(self, before: Counters) -> House {
        House { before, ..self }
    }

    /// How it is connected.
    pub fn system(&self) -> System {
        self.system
    }

    /// Volt-amperes that its loads draw in second `t_s`: to neutral, or on three wires between the lines.
    pub fn drawn(&self, t_s: u64) -> [Phasor; 3] {
        loads::drawn(self.system, self.seed, self.sun_w, t_s)
    }

    /// The electrical truth in second `t_s` after a midnight.
    pub fn phasors(&self, t_s: u64) -> Phasors {
        loads::phasors(self.system, self.seed, self.sun_w, t_s)
    }

    /// What an ideal meter sees in second `t_s` after a midnight; its counters hold the seconds before.
    ///
    /// The answer does not depend on earlier calls. Counting goes on from the call before, so that a call costs
    /// as much as the time since then; going back by more than an hour counts from the start.
    pub fn at(&mut self, t_s: u64) -> State {
        if t_s < self.counted.t_s {
            self.counted = if t_s >= self.hour.t_s { self.hour } else { Counted::default() };
            self.hour = self.counted;
        }
        while self.counted.t_s < t_s {
            if self.counted.t_s.is_multiple_of(3600) {
                self.hour = self.counted;
            }
            let second = self.phasors(self.counted.t_s);
            self.counted.add(&State::of(&second, self.system, Counters::default()));
        }
        State::of(&self.phasors(t_s), self.system, self.counted.counters(&self.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEMS: [System; 3] = [System::OnePhase, System::ThreeTn, System::ThreeIt];

    /// Seconds over a day, out of step with every schedule.
    fn moments() -> impl Iterator<Item = u64> {
        (0..86_400).step_by(397)
    }

    #[test]
    fn currents_of_three_wires_sum_to_zero() {
        let house = House::new(System::ThreeIt, 3);
        for t_s in moments() {
            let [i1, i2, i3] = house.phasors(t_s).current;
            assert!((i1 + i2 + i3).norm() < 1e-9, "at {t_s} s");
            let bound = (i1.norm() - i3.norm()).abs() - 1e-9..=i1.norm() + i3.norm() + 1e-9;
            assert!(bound.contains(&i2.norm()), "at {t_s} s: I2 {} outside {bound:?}", i2.norm());
        }
    }

    #[test]
    fn meters_on_three_wires_show_the_voltage_between_l1_and_l3_as_that_of_l2() {
        let truth = House::new(System::ThreeIt, 3).phasors(1_000);
        let [u12, u13, u23] = truth.shown_voltage(System::ThreeIt);
        assert_eq!((u12, u13), (truth.voltage[0] - truth.voltage[1], truth.voltage[0] - truth.voltage[2]));
        assert!((u12 + u23 - u13).norm() < 1e-9, "the triangle closes");
    }

    #[test]
    fn power_is_the_sum_of_the_loads_whatever_the_wiring() {
        for system in SYSTEMS {
            let house = House::new(system, 5).with_sun(6_000);
            for t_s in moments() {
                let drawn = loads::total(system, 5, 6_000.0, t_s);
                let elements = house.phasors(t_s).elements(system);
                let measured: Phasor = elements.into_iter().sum();
                assert!((drawn - measured).norm() < 1e-6, "{system:?} at {t_s} s: {drawn:?} {measured:?}");
            }
        }
    }

    #[test]
    fn voltages_and_currents_are_those_of_a_house() {
        for system in SYSTEMS {
            let mut house = House::new(system, 11).with_sun(8_000);
            for t_s in moments() {
                let state = house.at(t_s);
                for (at, volts) in state.voltage.into_iter().enumerate() {
                    let here = system != System::OnePhase || at == 0;
                    let range = if here { 207_000..=253_000 } else { 0..=0 };
                    assert!(range.contains(&volts.0), "{system:?} at {t_s} s: {volts} V");
                    assert!(state.current[at].0.abs() < 80_000, "{system:?} at {t_s} s");
                }
            }
        }
    }

    #[test]
    fn counters_do_not_depend_on_the_calls_before() {
        let fresh = |t_s: u64| House::new(System::ThreeTn, 9).with_sun(9_000).at(t_s);
        let mut house = House::new(System::ThreeTn, 9).with_sun(9_000);
        for t_s in [10, 45_000, 44_990, 43_200, 46_800, 46_810, 46_799, 100, 3_600] {
            assert_eq!(house.at(t_s), fresh(t_s), "at {t_s} s");
        }
    }

    #[test]
    fn sun_at_noon_feeds_in_and_counts_as_export() {
        let mut house = House::new(System::ThreeTn, 2).with_sun(12_000);
        let noon = house.at(12 * 3600);
        assert!(noon.active.0 < 0, "{}", noon.active);
        assert!(noon.current.iter().all(|amperes| amperes.0 < 0));
        assert!(noon.counters.active_export.0 > 0);
        let mut dark = House::new(System::ThreeTn, 2);
        assert_eq!(dark.at(12 * 3600).counters.active_export, Milli(0));
    }

    #[test]
    fn one_hour_of_power_is_what_the_counter_gains() {
        let mut house = House::new(System::ThreeIt, 4);
        let gained = |house: &mut House, t_s| house.at(t_s).counters.active_import.0;
        let sum: i64 = (0..3600).map(|t_s| house.at(61_200 + t_s).active.0).sum();
        let gain = gained(&mut house, 64_800) - gained(&mut house, 61_200);
        assert!((sum / 3600 - gain).abs() <= 1, "{sum} mWs, {gain} mWh");
    }
}
