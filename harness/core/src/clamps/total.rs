//! Blocks → one reading a second, with energy, pulses and alarms.

use super::Fault;
use super::measure::{Measured, Phase};
use crate::reading::{Field, Key, Milli, Reading};
use crate::samples::{Netting, Settings};
use alloc::vec::Vec;

/// A reading is due after so many seconds of blocks.
const REPORT_S: f64 = 0.99;
const JOULES_PER_WH: f64 = 3600.0;

/// Something a fitter must look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// An input of this phase (from 0) is beyond its range: its values are too low.
    OverRange(usize),
    /// The voltages follow each other as L1, L3, L2.
    PhaseOrder,
}

/// What one second of samples gives.
#[derive(Clone, PartialEq, Debug)]
pub struct Output {
    /// Samples of each input taken when the window ended.
    pub end: u64,
    /// Length of the window in seconds.
    pub seconds: f64,
    /// Readings. Power of a phase goes to import or export by its sign.
    pub reading: Reading<'static>,
    /// Keys of the reading that were not measured but follow from other inputs.
    pub estimated: Vec<Key>,
    /// What a fitter must look at.
    pub alarms: Vec<Alarm>,
    /// Number of the sample at which each pulse of the window began.
    pub pulses: Vec<u64>,
}

/// Sums over a window of one phase: squares of RMS values and means, each times seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    volts: Option<f64>,
    amperes: Option<f64>,
    watts: Option<f64>,
    vars: Option<f64>,
    distortion: Option<(f64, f64)>,
    derived: bool,
    returned: bool,
    over_range: bool,
}

/// What is made of all phases.
const TOTALS: [Key; 6] = [
    Key::ActiveImport,
    Key::ActiveExport,
    Key::ReactiveImport,
    Key::ReactiveExport,
    Key::EnergyActiveImport,
    Key::EnergyActiveExport,
];

#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    seconds: f64,
    phases: [Sums; 3],
    watts: Option<f64>,
    vars: Option<f64>,
    cycles: Option<(f64, f64)>,
    out_of_order: bool,
    pulses: Vec<u64>,
    /// Joules imported and exported since the start.
    imported: f64,
    exported: f64,
    pulses_sent: u64,
}

fn add(sum: &mut Option<f64>, value: Option<f64>) {
    if let Some(value) = value {
        *sum = Some(sum.unwrap_or_default() + value);
    }
}

impl Totals {
    pub(super) fn add(
        &mut self,
        block: &Measured,
        settings: &Settings,
        fault: Option<Fault>,
    ) -> Option<Output> {
        let seconds = block.seconds;
        for (sums, phase) in self.phases.iter_mut().zip(&block.phases) {
            sums.add(phase, seconds);
        }
        add(&mut self.watts, block.watts.map(|watts| watts * seconds));
        add(&mut self.vars, block.vars.map(|vars| vars * seconds));
        if let Some(hertz) = block.hertz {
            let (cycles, long) = self.cycles.unwrap_or_default();
            self.cycles = Some((cycles + hertz * seconds, long + seconds));
        }
        self.out_of_order |= block.in_order == Some(false);
        self.count_energy(block, settings, fault);
        self.seconds += seconds;
        (self.seconds >= REPORT_S).then(|| self.report(block.end, fault))
    }

    fn count_energy(&mut self, block: &Measured, settings: &Settings, fault: Option<Fault>) {
        let summed = (settings.netting == Netting::Summed) != (fault == Some(Fault::OtherNetting));
        let powers: Vec<f64> = if summed || !settings.neutral {
            block.watts.into_iter().collect()
        } else {
            block.phases.iter().filter_map(|phase| phase.watts).collect()
        };
        let before = self.imported;
        for watts in powers {
            let watts = if fault == Some(Fault::AbsolutePower) { libm::fabs(watts) } else { watts };
            if watts > 0.0 {
                self.imported += watts * block.seconds;
            } else {
                self.exported -= watts * block.seconds;
            }
        }
        self.pulse(before, block, settings);
    }

    /// Pulses for the energy of a block, spread over it as if its power were even.
    fn pulse(&mut self, before: f64, block: &Measured, settings: &Settings) {
        if settings.pulses_per_kwh == 0 {
            return;
        }
        let per_pulse = 1000.0 * JOULES_PER_WH / f64::from(settings.pulses_per_kwh);
        let length = block.seconds * settings.rate_hz;
        while (self.pulses_sent + 1) as f64 * per_pulse <= self.imported {
            self.pulses_sent += 1;
            let share = (self.pulses_sent as f64 * per_pulse - before) / (self.imported - before);
            self.pulses.push((block.end as f64 - length * (1.0 - share)).max(0.0) as u64);
        }
    }

    fn report(&mut self, end: u64, fault: Option<Fault>) -> Output {
        let mut reading = Reading::default();
        let mut estimated = Vec::new();
        let mut alarms = Vec::new();
        let seconds = self.seconds;
        for (at, sums) in self.phases.iter().enumerate() {
            sums.claim(at, seconds, fault, &mut reading);
            if sums.derived {
                let ([import, export], [lagging, leading]) = (Key::ACTIVE[at], Key::REACTIVE[at]);
                let keys = [Key::VOLTAGES[at], import, export, lagging, leading, Key::POWER_FACTORS[at]];
                estimated.extend(keys.into_iter().filter(|key| reading.get(*key) != Field::Absent));
            }
            if sums.returned {
                estimated.push(Key::CURRENTS[at]);
            }
            if sums.over_range && fault != Some(Fault::SilentOverRange) {
                alarms.push(Alarm::OverRange(at));
            }
        }
        if self.out_of_order && fault != Some(Fault::PhaseOrderUnseen) {
            alarms.push(Alarm::PhaseOrder);
        }
        let mean = |sum: Option<f64>| sum.map(|sum| sum / seconds);
        directed(&mut reading, [Key::ActiveImport, Key::ActiveExport], mean(self.watts), fault);
        directed(&mut reading, [Key::ReactiveImport, Key::ReactiveExport], mean(self.vars), None);
        let hertz = self.cycles.map(|(cycles, long)| cycles / long);
        set(&mut reading, Key::Frequency, hertz);
        let energy = |joules: f64| Some(joules / JOULES_PER_WH);
        set(&mut reading, Key::EnergyActiveImport, energy(self.imported));
        set(&mut reading, Key::EnergyActiveExport, energy(self.exported));
        if self.phases.iter().any(|sums| sums.derived) {
            // A total is no surer than the least sure of its parts.
            estimated.extend(TOTALS.into_iter().filter(|key| reading.get(*key) != Field::Absent));
        }
        if fault == Some(Fault::EstimateUnmarked) {
            estimated.clear();
        }
        let pulses = core::mem::take(&mut self.pulses);
        let kept = (self.imported, self.exported, self.pulses_sent);
        *self = Totals::default();
        (self.imported, self.exported, self.pulses_sent) = kept;
        Output { end, seconds, reading, estimated, alarms, pulses }
    }
}

impl Sums {
    fn add(&mut self, phase: &Phase, seconds: f64) {
        add(&mut self.volts, phase.volts.map(|volts| volts * volts * seconds));
        add(&mut self.amperes, phase.amperes.map(|amperes| amperes * amperes * seconds));
        add(&mut self.watts, phase.watts.map(|watts| watts * seconds));
        add(&mut self.vars, phase.vars.map(|vars| vars * seconds));
        if let Some((higher, first)) = phase.distortion {
            let (highers, firsts) = self.distortion.unwrap_or_default();
            self.distortion = Some((highers + higher * higher * seconds, firsts + first * first * seconds));
        }
        self.derived |= phase.derived;
        self.returned |= phase.returned;
        self.over_range |= phase.over_range;
    }

    /// Writes what is known of phase `at` into the reading.
    fn claim(&self, at: usize, seconds: f64, fault: Option<Fault>, reading: &mut Reading<'_>) {
        let root = |sum: Option<f64>| sum.map(|sum| libm::sqrt(sum / seconds));
        let (volts, amperes) = (root(self.volts), root(self.amperes));
        set(reading, Key::VOLTAGES[at], volts);
        let shown = amperes.map(|amperes| match fault {
            Some(Fault::CurrentIn16Bits) => (libm::round(amperes * 1000.0) as u64 % 65_536) as f64 / 1000.0,
            _ => amperes,
        });
        set(reading, Key::CURRENTS[at], shown);
        let watts = self.watts.map(|sum| sum / seconds);
        directed(reading, Key::ACTIVE[at], watts, fault);
        directed(reading, Key::REACTIVE[at], self.vars.map(|sum| sum / seconds), None);
        if let (Some(volts), Some(amperes), Some(watts)) = (volts, amperes, watts)
            && volts * amperes > 0.0
        {
            set(reading, Key::POWER_FACTORS[at], Some(watts / (volts * amperes)));
        }
        if let Some((higher, first)) = self.distortion
            && first > 0.0
        {
            set(reading, Key::DISTORTIONS[at], Some(100.0 * libm::sqrt(higher / first)));
        }
    }
}

/// A value in thousandths; one that is no number stays absent.
fn set(reading: &mut Reading<'_>, key: Key, value: Option<f64>) {
    if let Some(value) = value.filter(|value| value.is_finite()) {
        reading.set(key, Field::Present(Milli(libm::round(value * 1000.0) as i64)));
    }
}

/// A signed power as import and export; one of the two is 0, because the direction is known.
fn directed(reading: &mut Reading<'_>, keys: [Key; 2], value: Option<f64>, fault: Option<Fault>) {
    let Some(value) = value else { return };
    let value = match fault {
        Some(Fault::AbsolutePower) => libm::fabs(value),
        Some(Fault::PowerIn16Bits) => f64::from(libm::round(value) as i64 as i16),
        Some(Fault::UnsignedPower) => f64::from(libm::round(value) as i64 as u32),
        _ => value,
    };
    set(reading, keys[0], Some(value.max(0.0)));
    set(reading, keys[1], Some((-value).max(0.0)));
}
