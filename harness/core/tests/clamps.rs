//! The reference clamp dongle against plain sines, whose truth needs no library.

#![allow(clippy::unwrap_used, missing_docs)]

use hanbench_core::clamps::{Alarm, ClampDongle, Fault, Output};
use hanbench_core::reading::{Field, Key};
use hanbench_core::samples::{Calibration, Input, Netting, Quantity, Settings};
use std::f64::consts::{SQRT_2, TAU};

const RATE: f64 = 8000.0;
const VOLT_LSB: f64 = 0.02;
const AMPERE_LSB: f64 = 0.005;

fn settings(voltages: usize) -> Settings {
    let input = |quantity, phase, per_lsb| Input {
        quantity,
        phase,
        per_lsb,
        zero: 0.0,
        codes: (i16::MIN, i16::MAX),
        slot_s: 0.0,
    };
    let volts = (0..voltages).map(|phase| input(Quantity::Voltage, phase, VOLT_LSB));
    let amperes = (0..3).map(|phase| input(Quantity::Current, phase, AMPERE_LSB));
    Settings {
        rate_hz: RATE,
        inputs: volts.chain(amperes).collect(),
        calibration: Calibration::default(),
        neutral: true,
        factor: 1.0,
        start_a: 0.02,
        range_a: 100.0,
        netting: Netting::Summed,
        pulses_per_kwh: 1000,
    }
}

/// One sine: RMS value, lag in degrees behind L1's voltage.
type Sine = (f64, f64);

fn samples(settings: &Settings, sines: &[Sine], hertz: f64, seconds: f64) -> Vec<i16> {
    let count = (seconds * RATE) as usize;
    let mut out = Vec::new();
    for at in 0..count {
        for (input, (rms, lag)) in settings.inputs.iter().zip(sines) {
            let time = at as f64 / RATE + input.slot_s;
            let value = rms * SQRT_2 * (TAU * hertz * time - lag.to_radians()).sin();
            out.push((value / input.per_lsb + input.zero).round() as i16);
        }
    }
    out
}

fn three(amperes: [Sine; 3]) -> Vec<Sine> {
    [(230.0, 0.0), (230.0, 120.0), (230.0, 240.0)].into_iter().chain(amperes).collect()
}

fn measured(settings: &Settings, fault: Option<Fault>, samples: &[i16]) -> Output {
    ClampDongle::new(settings.clone(), fault).push(samples).last().unwrap().clone()
}

fn value(output: &Output, key: Key) -> f64 {
    match output.reading.get(key) {
        Field::Present(milli) => milli.0 as f64 / 1000.0,
        other => panic!("{}: {other:?}", key.name()),
    }
}

fn near(output: &Output, key: Key, expected: f64, within: f64) {
    let got = value(output, key);
    assert!((got - expected).abs() <= within, "{}: {got} instead of {expected} ± {within}", key.name());
}

#[test]
fn a_lagging_and_a_generating_phase_are_measured_with_their_signs() {
    let settings = settings(3);
    // 10 A lagging 60°, 16 A exported, 5 A leading 37°.
    let sines = three([(10.0, 60.0), (16.0, 300.0), (5.0, 203.0)]);
    for hertz in [47.0, 49.93, 50.0, 52.3] {
        let output = measured(&settings, None, &samples(&settings, &sines, hertz, 3.2));
        near(&output, Key::Frequency, hertz, 0.002);
        near(&output, Key::VoltageL2, 230.0, 0.01);
        near(&output, Key::CurrentL1, 10.0, 0.002);
        near(&output, Key::ActiveImportL1, 1150.0, 0.3);
        near(&output, Key::ReactiveImportL1, 1991.86, 0.3);
        near(&output, Key::ActiveImportL2, 0.0, 0.0);
        near(&output, Key::ActiveExportL2, 3680.0, 0.5);
        near(&output, Key::PowerFactorL2, -1.0, 0.001);
        near(&output, Key::ActiveImportL3, 918.43, 0.3);
        near(&output, Key::ReactiveExportL3, 692.09, 0.3);
        near(&output, Key::ActiveExport, 3680.0 - 1150.0 - 918.43, 0.6);
        near(&output, Key::DistortionCurrentL1, 0.0, 0.1);
        assert!(output.alarms.is_empty(), "{:?}", output.alarms);
    }
}

#[test]
fn how_samples_are_divided_changes_nothing() {
    let settings = settings(3);
    let samples = samples(&settings, &three([(10.0, 20.0), (8.0, 140.0), (6.0, 250.0)]), 50.2, 4.0);
    let whole = ClampDongle::new(settings.clone(), None).push(&samples);
    assert_eq!(whole.len(), 3);
    for frames in [1, 7, 160, 8000] {
        let mut dongle = ClampDongle::new(settings.clone(), None);
        let pieces: Vec<Output> = samples.chunks(frames * 6).flat_map(|piece| dongle.push(piece)).collect();
        assert_eq!(pieces, whole, "{frames} frames at a time");
    }
}

#[test]
fn energy_and_pulses_lose_nothing_between_blocks() {
    let settings = settings(3);
    // 23 kW: 6.39 pulses a second.
    let sines = three([(100.0 / 3.0, 0.0), (100.0 / 3.0, 120.0), (100.0 / 3.0, 240.0)]);
    let samples = samples(&settings, &sines, 49.7, 36.0);
    let outputs = ClampDongle::new(settings, None).push(&samples);
    let last = outputs.last().unwrap();
    let seconds = last.end as f64 / RATE;
    near(last, Key::EnergyActiveImport, 23_000.0 * seconds / 3600.0, 0.05);
    let pulses: Vec<u64> = outputs.iter().flat_map(|output| output.pulses.clone()).collect();
    assert_eq!(pulses.len(), (23.0 * seconds / 3.6) as usize);
    for (at, pulse) in pulses.iter().enumerate() {
        let due = (at + 1) as f64 * 3.6 / 23.0 * RATE;
        assert!((*pulse as f64 - due).abs() < 10.0, "pulse {at} at sample {pulse}, due at {due}");
    }
}

#[test]
fn phases_that_oppose_each_other_are_netted_as_told() {
    let sines = three([(1000.0 / 230.0, 0.0), (1000.0 / 230.0, 300.0), (0.0, 0.0)]);
    for (netting, imported) in [(Netting::Summed, 0.0), (Netting::PerPhase, 1000.0 * 8.6 / 3600.0)] {
        let settings = Settings { netting, ..settings(3) };
        let output = measured(&settings, None, &samples(&settings, &sines, 50.0, 9.0));
        near(&output, Key::EnergyActiveImport, imported, 0.3);
        near(&output, Key::EnergyActiveExport, imported, 0.3);
    }
}

#[test]
fn one_voltage_is_turned_for_the_other_phases_and_they_are_marked() {
    let settings = settings(1);
    let sines = [(230.0, 0.0), (10.0, 0.0), (10.0, 120.0), (10.0, 240.0)];
    let output = measured(&settings, None, &samples(&settings, &sines, 50.0, 2.2));
    near(&output, Key::ActiveImportL3, 2300.0, 1.0);
    assert!(output.estimated.contains(&Key::VoltageL2) && output.estimated.contains(&Key::ActiveImportL3));
    assert!(!output.estimated.contains(&Key::VoltageL1) && !output.estimated.contains(&Key::CurrentL2));
}

#[test]
fn without_a_neutral_two_wattmeters_give_the_power() {
    let settings = Settings { neutral: false, ..settings(3) };
    // 10 A between L1 and L2 at 230 V: U12 is the reference, U23 and U31 follow; the current leaves through L2.
    let sines = [(230.0, 0.0), (230.0, 120.0), (230.0, 240.0), (10.0, 0.0), (10.0, 180.0), (0.0, 0.0)];
    let output = measured(&settings, None, &samples(&settings, &sines, 50.0, 2.2));
    near(&output, Key::ActiveImport, 2300.0, 1.0);
    assert_eq!(output.reading.get(Key::ActiveImportL1), Field::Absent);
}

#[test]
fn voltages_in_the_wrong_order_and_overload_raise_alarms() {
    let settings = settings(3);
    let sines = [(230.0, 0.0), (230.0, 240.0), (230.0, 120.0), (110.0, 0.0), (1.0, 0.0), (1.0, 0.0)];
    let samples = samples(&settings, &sines, 50.0, 2.2);
    let output = measured(&settings, None, &samples);
    assert_eq!(output.alarms, [Alarm::OverRange(0), Alarm::PhaseOrder]);
    assert!(measured(&settings, Some(Fault::PhaseOrderUnseen), &samples).alarms == [Alarm::OverRange(0)]);
    assert!(measured(&settings, Some(Fault::SilentOverRange), &samples).alarms == [Alarm::PhaseOrder]);
}

#[test]
fn slots_and_clamp_leads_are_undone() {
    let mut settings = settings(3);
    for (at, input) in settings.inputs.iter_mut().enumerate() {
        input.slot_s = at as f64 * 104e-6;
    }
    settings.calibration.lead_deg = vec![[4.0, 3.0], [1e9, 2.7]];
    settings.calibration.ratio_pct = vec![[5.0, -2.0], [1e9, 1.5]];
    let lead = 2.7;
    let sines = three([(10.15, 60.0 - lead), (10.15, 180.0 - lead), (10.15, 300.0 - lead)]);
    let samples = samples(&settings, &sines, 50.0, 2.2);
    let output = measured(&settings, None, &samples);
    for key in [Key::ActiveImportL1, Key::ActiveImportL2, Key::ActiveImportL3] {
        near(&output, key, 1150.0, 1.0);
    }
    // Five slots of 1.872° and three fewer slots of L3's voltage: 5.6° too little lag is +16 % at PF 0.5.
    let broken = measured(&settings, Some(Fault::NoSlotCompensation), &samples);
    assert!(value(&broken, Key::ActiveImportL3) > 1150.0 * 1.15, "{}", value(&broken, Key::ActiveImportL3));
    let broken = measured(&settings, Some(Fault::NoPhaseCorrection), &samples);
    near(&broken, Key::ActiveImportL1, 1150.0 * 1.0805, 3.0);
}

#[test]
fn an_interruption_stops_the_frequency_and_loses_no_energy() {
    let settings = settings(3);
    let on = three([(10.0, 0.0), (10.0, 120.0), (10.0, 240.0)]);
    let mut all = samples(&settings, &on, 50.0, 2.0);
    all.extend(samples(&settings, &[(0.0, 0.0); 6], 50.0, 3.0));
    all.extend(samples(&settings, &on, 50.0, 3.0));
    let outputs = ClampDongle::new(settings, None).push(&all);
    let dark = outputs.iter().find(|output| output.end > 29_000).unwrap();
    assert_eq!(dark.reading.get(Key::Frequency), Field::Absent);
    near(dark, Key::VoltageL1, 0.0, 0.001);
    let last = outputs.last().unwrap();
    let seconds = last.end as f64 / RATE - 3.0;
    near(last, Key::EnergyActiveImport, 6900.0 * seconds / 3600.0, 0.02);
}

#[test]
fn each_fault_shows_in_what_it_is_about() {
    let mut settings = settings(3);
    settings.factor = 20.0;
    settings.range_a = 400.0;
    let sines = three([(8.0, 0.0), (8.0, 120.0), (2.0, 60.0)]);
    let samples = samples(&settings, &sines, 50.0, 2.2);
    let with = |fault| measured(&settings, Some(fault), &samples);
    let good = measured(&settings, None, &samples);
    near(&good, Key::CurrentL1, 160.0, 0.05);
    near(&good, Key::ActiveImportL1, 36_800.0, 10.0);
    near(&good, Key::ActiveExportL3, 9200.0, 5.0);
    near(&with(Fault::AbsolutePower), Key::ActiveImportL3, 9200.0, 5.0);
    near(&with(Fault::CurrentIn16Bits), Key::CurrentL1, 160.0 - 131.072, 0.05);
    near(&with(Fault::PowerIn16Bits), Key::ActiveExportL1, 65_536.0 - 36_800.0, 10.0);
    near(&with(Fault::UnsignedPower), Key::ActiveImportL3, 4_294_967_296.0 - 9200.0, 5.0);
    near(&with(Fault::FactorForgotten), Key::CurrentL1, 8.0, 0.01);
    near(&with(Fault::FactorForgotten), Key::ActiveImport, (36_800.0 * 2.0 - 9200.0) / 20.0, 2.0);
    near(&with(Fault::FactorTwice), Key::ActiveImportL1, 736_000.0, 200.0);
    near(&with(Fault::FactorTwice), Key::CurrentL1, 160.0, 0.05);
}
