//! One block → what each phase carries: RMS over all frequencies, powers from the phasors of each harmonic.

use super::block::Block;
use super::{Fault, at_current};
use crate::samples::{Quantity, Settings};
use alloc::vec::Vec;
use num_complex::Complex64;

/// Highest harmonic looked at (IEC 61000-4-7 goes to 40); fewer where the sampling rate allows no more.
const ORDERS: usize = 40;
/// Below this voltage a phase is dead and has no frequency, in volts.
const DEAD_V: f64 = 5.0;

/// Two voltages follow each other clearly when the sine of the angle between them is larger than this.
const CLEAR: f64 = 0.5;

/// What one block says of one phase.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Phase {
    /// Volts, where an input measures it or it was turned out of L1's.
    pub(super) volts: Option<f64>,
    /// The voltage was not measured but taken from the other lines.
    pub(super) derived: bool,
    /// The current was not measured but follows from the other two.
    pub(super) returned: bool,
    /// Amperes.
    pub(super) amperes: Option<f64>,
    /// Watts, positive into the site.
    pub(super) watts: Option<f64>,
    /// Vars of the fundamental, positive when the current lags.
    pub(super) vars: Option<f64>,
    /// RMS of the harmonics from the second on, and of the fundamental, of the current.
    pub(super) distortion: Option<(f64, f64)>,
    /// A sample stood at an end of the converter, or the current lies beyond the clamps' range.
    pub(super) over_range: bool,
}

/// What one block says.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Measured {
    pub(super) phases: [Phase; 3],
    /// Watts of all phases together.
    pub(super) watts: Option<f64>,
    /// Vars of all phases together.
    pub(super) vars: Option<f64>,
    pub(super) hertz: Option<f64>,
    /// The voltages follow each other as L1, L2, L3; `None` with fewer than three.
    pub(super) in_order: Option<bool>,
    pub(super) seconds: f64,
    pub(super) end: u64,
}

/// One input over one block.
struct Channel {
    rms: f64,
    /// RMS phasors of harmonic 1, 2, …
    harmonics: Vec<Complex64>,
    /// Its samples without their mean, so that a sum of products is a mean, and the phasors as they come out of them.
    /// `None` where it has no input of its own.
    sampled: Option<(Vec<f64>, Vec<Complex64>)>,
    clipped: bool,
}

impl Channel {
    fn fundamental(&self) -> Complex64 {
        self.harmonics.first().copied().unwrap_or_default()
    }
}

pub(super) fn measure(block: &Block, settings: &Settings, fault: Option<Fault>) -> Measured {
    let seconds = block.length / settings.rate_hz;
    let hertz = block.cycles.map(|cycles| f64::from(cycles) / seconds);
    // Without crossings nothing is known of the frequency; the nominal one makes the phasors of a dead phase.
    let assumed = hertz.unwrap_or(50.0);
    let orders = ORDERS.min((settings.rate_hz / 2.0 / assumed) as usize).max(1);
    let turns = turns(block, assumed / settings.rate_hz);
    let mut volts: [Option<Channel>; 3] = [None, None, None];
    let mut amperes: [Option<Channel>; 3] = [None, None, None];
    for (at, input) in settings.inputs.iter().enumerate() {
        let late = if fault == Some(Fault::NoSlotCompensation) { 0.0 } else { input.slot_s };
        let mut channel = analyse(block, settings, at, &turns, orders, fault);
        delay(&mut channel, late * assumed * core::f64::consts::TAU);
        let slot = match input.quantity {
            Quantity::Voltage => volts.get_mut(input.phase),
            Quantity::Current => {
                correct(&mut channel, settings, fault);
                amperes.get_mut(input.phase)
            }
        };
        if let Some(slot) = slot {
            *slot = Some(channel);
        }
    }
    let in_order = order(&volts);
    let derived = if settings.neutral { derive(&mut volts) } else { [false; 3] };
    let returned = if settings.neutral { [false; 3] } else { third_current(&mut amperes, fault) };
    let mut phases = [Phase::default(); 3];
    for (at, phase) in phases.iter_mut().enumerate() {
        *phase = combine(volts[at].as_ref(), amperes[at].as_ref(), settings, fault);
        (phase.derived, phase.returned) = (derived[at], returned[at]);
    }
    let (watts, vars) = if settings.neutral {
        sum(&phases)
    } else {
        two_wattmeters(&volts, &amperes, factors(settings, fault).1)
    };
    if !settings.neutral {
        for phase in &mut phases {
            (phase.watts, phase.vars) = (None, None);
        }
    }
    let alive = phases.iter().any(|phase| phase.volts.is_some_and(|volts| volts > DEAD_V));
    Measured { phases, watts, vars, hertz: hertz.filter(|_| alive), in_order, seconds, end: block.end }
}

/// Of every sample of a block, what turns the fundamental back to the block's start.
fn turns(block: &Block, turns_per_sample: f64) -> Vec<Complex64> {
    let turn = |at: usize| {
        let angle = -core::f64::consts::TAU * turns_per_sample * (at as f64 - block.lead);
        Complex64::new(libm::cos(angle), libm::sin(angle))
    };
    (0..libm::ceil(block.lead + block.length + 0.5) as usize + 1).map(turn).collect()
}

/// RMS and phasors of one input. Each sample counts for the half intervals around it; the two at the ends count
/// for what of theirs lies inside the block.
fn analyse(
    block: &Block,
    settings: &Settings,
    at: usize,
    turns: &[Complex64],
    orders: usize,
    fault: Option<Fault>,
) -> Channel {
    let input = &settings.inputs[at];
    let width = settings.inputs.len();
    let column = || block.samples.iter().skip(at).step_by(width);
    let (from, to) = (block.lead, block.lead + block.length);
    let weight = |index: usize| {
        let index = index as f64;
        ((index + 0.5).min(to) - (index - 0.5).max(from)).max(0.0)
    };
    let values: Vec<f64> = column().map(|code| (f64::from(*code) - input.zero) * input.per_lsb).collect();
    let mean =
        values.iter().enumerate().map(|(index, value)| value * weight(index)).sum::<f64>() / block.length;
    let (mut square, mut rectified) = (0.0, 0.0);
    let mut sums = alloc::vec![Complex64::default(); orders];
    for ((index, value), turn) in values.iter().enumerate().zip(turns) {
        let weighted = (value - mean) * weight(index);
        square += weighted * (value - mean);
        rectified += libm::fabs(weighted);
        let mut power = *turn;
        for sum in &mut sums {
            *sum += power * weighted;
            power *= turn;
        }
    }
    let harmonics: Vec<Complex64> =
        sums.into_iter().map(|sum| sum * (core::f64::consts::SQRT_2 / block.length)).collect();
    let rms = match fault {
        // A sine's form factor: π/(2√2).
        Some(Fault::AverageResponding) => rectified / block.length * 1.110_720_734_539_592,
        Some(Fault::FundamentalOnly) => harmonics.first().map_or(0.0, |phasor| phasor.norm()),
        _ => libm::sqrt(square / block.length),
    };
    let part = |(index, value): (usize, &f64)| (value - mean) * libm::sqrt(weight(index) / block.length);
    let sampled = Some((values.iter().enumerate().map(part).collect(), harmonics.clone()));
    let (low, high) = input.codes;
    Channel { rms, harmonics, sampled, clipped: column().any(|code| *code <= low || *code >= high) }
}

/// Turns every harmonic back by `angle` of the fundamental: an input that is sampled late sees the wave ahead.
fn delay(channel: &mut Channel, angle: f64) {
    let turn = Complex64::new(libm::cos(angle), -libm::sin(angle));
    let mut power = turn;
    for phasor in &mut channel.harmonics {
        *phasor *= power;
        power *= turn;
    }
}

/// Undoes what the factory knows of the clamp. The lead is taken as the same angle at every harmonic.
fn correct(channel: &mut Channel, settings: &Settings, fault: Option<Fault>) {
    let at = if fault == Some(Fault::SinglePoint) { 10.0 } else { channel.rms };
    let gain = 1.0 / (1.0 + at_current(&settings.calibration.ratio_pct, at) / 100.0);
    let lead = if fault == Some(Fault::NoPhaseCorrection) {
        0.0
    } else {
        at_current(&settings.calibration.lead_deg, channel.rms).to_radians()
    };
    let turn = Complex64::new(libm::cos(lead), -libm::sin(lead)) * gain;
    channel.rms *= gain;
    for phasor in &mut channel.harmonics {
        *phasor *= turn;
    }
}

/// Voltages without an input. With one only, the others are it turned by a third (Amp Guard manual, 5.2: N and L1 are
/// enough where nothing is generated). With two, the third has the mean of their sizes, a third behind the one before.
/// Returns which were derived.
fn derive(volts: &mut [Option<Channel>; 3]) -> [bool; 3] {
    let derived = [0, 1, 2].map(|line: usize| volts[line].is_none());
    let known = derived.iter().filter(|derived| !**derived).count();
    if known == 0 || known == 3 {
        return [false; 3];
    }
    let mean = volts.iter().flatten().map(|channel| channel.rms).sum::<f64>() / known as f64;
    for line in 0..3 {
        let before = (line + 2) % 3;
        let (from, thirds) = if volts[before].is_some() { (before, 1.0) } else { ((line + 1) % 3, -1.0) };
        if volts[line].is_some() {
            continue;
        }
        let Some(other) = &volts[from] else { continue };
        let size = if other.rms > 0.0 { mean / other.rms } else { 0.0 };
        let harmonics = other.harmonics.iter().map(|phasor| phasor * size).collect();
        let mut channel = Channel { rms: mean, harmonics, sampled: None, clipped: other.clipped };
        delay(&mut channel, thirds * core::f64::consts::TAU / 3.0);
        volts[line] = Some(channel);
    }
    derived
}

/// Without a neutral the three currents sum to zero: a clamp that is not there follows from the other two.
fn third_current(amperes: &mut [Option<Channel>; 3], fault: Option<Fault>) -> [bool; 3] {
    let missing = [0, 1, 2].map(|line: usize| amperes[line].is_none());
    let Some(line) = missing.iter().position(|missing| *missing) else { return [false; 3] };
    let [Some(one), Some(other)] = [(line + 1) % 3, (line + 2) % 3].map(|at| amperes[at].as_ref()) else {
        return [false; 3];
    };
    let harmonics: Vec<Complex64> =
        one.harmonics.iter().zip(&other.harmonics).map(|(one, other)| -(one + other)).collect();
    let exact = libm::sqrt(harmonics.iter().map(|phasor| phasor.norm_sqr()).sum());
    let rms = if fault == Some(Fault::BalancedGuess) { (one.rms + other.rms) / 2.0 } else { exact };
    amperes[line] = Some(Channel { rms, harmonics, sampled: None, clipped: one.clipped || other.clipped });
    missing
}

fn order(volts: &[Option<Channel>; 3]) -> Option<bool> {
    let [Some(one), Some(two), Some(three)] = volts else { return None };
    if [one, two, three].iter().any(|channel| channel.rms < DEAD_V) {
        return None;
    }
    // The sine of the angle between two voltages: of a third of a turn it is 0.87. Near 0, as after the loss of the
    // neutral, there is no order.
    let turn = |ahead: &Channel, behind: &Channel| {
        let (ahead, behind) = (ahead.fundamental(), behind.fundamental());
        (ahead * behind.conj()).im / (ahead.norm() * behind.norm())
    };
    let turns = [turn(one, two), turn(two, three)];
    turns.iter().all(|turn| libm::fabs(*turn) > CLEAR).then(|| turns.iter().all(|turn| *turn > 0.0))
}

fn combine(
    volts: Option<&Channel>,
    amperes: Option<&Channel>,
    settings: &Settings,
    fault: Option<Fault>,
) -> Phase {
    let mut phase = Phase { volts: volts.map(|channel| channel.rms), ..Phase::default() };
    phase.over_range = volts.is_some_and(|channel| channel.clipped);
    let Some(current) = amperes else { return phase };
    phase.over_range |= current.clipped || current.rms > settings.range_a;
    // Noise is spread over all frequencies and a load is not: what the harmonics carry decides whether one is there.
    let in_band: f64 = current.harmonics.iter().map(|phasor| phasor.norm_sqr()).sum();
    let idle = libm::sqrt(in_band) < settings.start_a && fault != Some(Fault::NoStartCurrent);
    let (of_current, of_power) = factors(settings, fault);
    phase.amperes = Some(if idle { 0.0 } else { current.rms * of_current });
    if !idle {
        let higher: f64 = current.harmonics.iter().skip(1).map(|phasor| phasor.norm_sqr()).sum();
        phase.distortion = Some((libm::sqrt(higher), current.fundamental().norm()));
    }
    let Some(voltage) = volts else { return phase };
    let (watts, vars) = power(voltage, current, fault);
    let scale = if idle { 0.0 } else { of_power };
    (phase.watts, phase.vars) = (Some(watts * scale), Some(vars * scale));
    phase
}

/// What a current and a power are multiplied by for the transformers in front of the clamps.
fn factors(settings: &Settings, fault: Option<Fault>) -> (f64, f64) {
    match fault {
        Some(Fault::FactorForgotten) => (1.0, 1.0),
        Some(Fault::FactorTwice) => (settings.factor, settings.factor * settings.factor),
        _ => (settings.factor, settings.factor),
    }
}

/// Active power over all frequencies, reactive power of the fundamental (IEEE 1459).
fn power(voltage: &Channel, current: &Channel, fault: Option<Fault>) -> (f64, f64) {
    let orders = if fault == Some(Fault::FundamentalOnly) { 1 } else { usize::MAX };
    let pairs = voltage.harmonics.iter().zip(&current.harmonics).take(orders);
    let real = |(volts, amperes): (&Complex64, &Complex64)| (volts * amperes.conj()).re;
    let mut watts: f64 = pairs.map(real).sum();
    if let (Some((volts, plain_volts)), Some((amperes, plain_amperes))) = (&voltage.sampled, &current.sampled)
        && fault != Some(Fault::FundamentalOnly)
    {
        // Within a block that a sag begins in, part of the power lies between the harmonics; it has no angle to correct.
        let whole: f64 = volts.iter().zip(amperes).map(|(volts, amperes)| volts * amperes).sum();
        let between: f64 = whole - plain_volts.iter().zip(plain_amperes).map(real).sum::<f64>();
        watts += between;
    }
    let vars = (voltage.fundamental() * current.fundamental().conj()).im;
    (watts, vars)
}

fn sum(phases: &[Phase; 3]) -> (Option<f64>, Option<f64>) {
    let add = |pick: fn(&Phase) -> Option<f64>| {
        let known: Vec<f64> = phases.iter().filter_map(pick).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    };
    (add(|phase| phase.watts), add(|phase| phase.vars))
}

/// Two wattmeters (Blondel): without a neutral, S = U12·I1* + U32·I3*.
fn two_wattmeters(
    volts: &[Option<Channel>; 3],
    amperes: &[Option<Channel>; 3],
    factor: f64,
) -> (Option<f64>, Option<f64>) {
    let ([Some(u12), Some(u23), _], [Some(one), _, Some(three)]) = (volts, amperes) else {
        return (None, None);
    };
    let (first, second) = (power(u12, one, None), power(u23, three, None));
    let of = |first: f64, second: f64| Some((first - second) * factor);
    (of(first.0, second.0), of(first.1, second.1))
}
