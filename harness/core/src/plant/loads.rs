//! What is switched on when, and the currents that follow.

use super::{Phasor, Phasors, System, polar};

/// Seconds of a day.
const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
/// Ohms of the supply of each line: an ampere more is so many volts less.
const SUPPLY_OHM: f64 = 0.1;

/// Where a load is connected. On three wires place 0 is L1–L2, 1 is L2–L3, 2 is L3–L1; with a neutral it is the
/// phase; in a house of one phase all places are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    At(usize),
    Everywhere,
}

/// One of the sequences of random numbers of a house.
#[derive(Clone, Copy)]
enum Dice {
    Voltage = 1,
    Flicker,
    Standby,
    HeatPump,
    Kettle,
    Jitter,
    Cloud,
}

/// A number from 0 to 1 that seed, sequence and index decide (splitmix64).
fn random(seed: u64, dice: Dice, index: u64) -> f64 {
    let mut mixed = seed.wrapping_mul(0xA24B_AED4_963E_E407) ^ ((dice as u64) << 56) ^ index;
    mixed = mixed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Volt-amperes drawn at each place.
pub(super) fn drawn(system: System, seed: u64, sun_w: f64, t_s: u64) -> [Phasor; 3] {
    let second = t_s % DAY;
    let mut places = [Phasor::default(); 3];
    let mut add = |place: Place, watts: f64, vars: f64| match place {
        Place::At(at) => places[at] += Phasor::new(watts, vars),
        Place::Everywhere => {
            for place in &mut places {
                *place += Phasor::new(watts, vars) / 3.0;
            }
        }
    };
    // Two seconds are the fastest list of any meter, so that neighbouring telegrams differ.
    let jitter = 1.0 + 0.02 * (random(seed, Dice::Jitter, t_s / 2) - 0.5);
    for at in 0..3_u64 {
        let standby = 60.0 + 90.0 * random(seed, Dice::Standby, t_s / 30 * 3 + at);
        add(Place::At(at as usize), standby * jitter, -35.0);
    }
    if (t_s + seed % 1_800) % 1_800 < 700 {
        add(Place::At(1), 110.0 * jitter, 45.0);
    }
    let pump = random(seed, Dice::HeatPump, t_s / 900);
    if pump < 0.6 {
        let watts = (1_500.0 + 1_200.0 * pump) * jitter;
        add(Place::Everywhere, watts, 0.25 * watts);
    }
    let kettle_hours = (6 * HOUR..22 * HOUR).contains(&second);
    if kettle_hours && t_s % 600 < 150 && random(seed, Dice::Kettle, t_s / 600) < 0.15 {
        add(Place::At(2), 2_000.0 * jitter, 0.0);
    }
    if (17 * HOUR..18 * HOUR).contains(&second) && t_s % 75 < 45 {
        add(Place::At(1), 2_500.0 * jitter, 0.0);
    }
    // The car charges with 16 A: on all phases where there is a neutral to do it with, else on one pair.
    if !(HOUR..22 * HOUR).contains(&second) {
        let (place, watts) = match system {
            System::ThreeTn => (Place::Everywhere, 11_040.0),
            System::OnePhase | System::ThreeIt => (Place::At(0), 3_680.0),
        };
        add(place, watts * jitter, -0.02 * watts);
    }
    let height = libm::sin(core::f64::consts::PI * (second as f64 / 43_200.0 - 0.5));
    if height > 0.0 && sun_w > 0.0 {
        let cloud = 1.0 - 0.3 * random(seed, Dice::Cloud, t_s / 20);
        add(Place::Everywhere, -sun_w * height * cloud, 0.0);
    }
    places
}

/// Volts of each line against the neutral, before the supply's share is lost.
fn supply(system: System, seed: u64, t_s: u64) -> [Phasor; 3] {
    let mut lines = [Phasor::default(); 3];
    for (at, line) in (0_u64..).zip(&mut lines) {
        if system == System::OnePhase && at > 0 {
            break;
        }
        let slow = 0.02 * (random(seed, Dice::Voltage, t_s / 300 * 3 + at) - 0.5);
        let fast = 0.004 * (random(seed, Dice::Flicker, t_s / 2 * 3 + at) - 0.5);
        let nominal = match system {
            System::OnePhase | System::ThreeTn => 233.0,
            System::ThreeIt => 234.0 / 3.0_f64.sqrt(),
        };
        *line = polar(nominal * (1.0 + slow + fast), -120.0 * at as f64);
    }
    lines
}

/// The lines that a place lies between; the second is `None` for the neutral.
fn terminals(system: System, place: usize) -> (usize, Option<usize>) {
    match system {
        System::OnePhase => (0, None),
        System::ThreeTn => (place, None),
        System::ThreeIt => (place, Some((place + 1) % 3)),
    }
}

/// Voltages and currents in second `t_s`.
pub(super) fn phasors(system: System, seed: u64, sun_w: f64, t_s: u64) -> Phasors {
    let drawn = drawn(system, seed, sun_w, t_s);
    let mut voltage = supply(system, seed, t_s);
    // One step is enough: what the lost volts change in the current is below a thousandth of it.
    let lost = currents(system, &drawn, &voltage);
    for (volts, amperes) in voltage.iter_mut().zip(lost) {
        *volts -= amperes * SUPPLY_OHM;
    }
    Phasors { voltage, current: currents(system, &drawn, &voltage) }
}

pub(super) fn currents(system: System, drawn: &[Phasor; 3], voltage: &[Phasor; 3]) -> [Phasor; 3] {
    let mut current = [Phasor::default(); 3];
    for (place, &power) in drawn.iter().enumerate() {
        let (from, to) = terminals(system, place);
        let across = voltage[from] - to.map_or(Phasor::default(), |to| voltage[to]);
        let amperes = (power / across).conj();
        current[from] += amperes;
        if let Some(to) = to {
            current[to] -= amperes;
        }
    }
    current
}

/// Volt-amperes of all loads together.
#[cfg(test)]
pub(super) fn total(system: System, seed: u64, sun_w: f64, t_s: u64) -> Phasor {
    drawn(system, seed, sun_w, t_s).into_iter().sum()
}
