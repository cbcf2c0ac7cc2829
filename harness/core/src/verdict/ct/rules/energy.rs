//! Registers and pulses against the integral of the power.

use super::super::windows::{Session, Window};
use super::{Ruling, windows};
use crate::reading::{Key, Kind};
use crate::verdict::results::{Finding, Measure};
use serde_json::Value;

/// A pulse may come so many seconds late or early: a device may count in blocks of ten cycles.
const PULSE_JITTER_S: f64 = 0.25;
const IMPORT: Key = Key::EnergyActiveImport;
const EXPORT: Key = Key::EnergyActiveExport;

/// What the registers have grown by between the first and the last window, and what was true.
pub(super) fn register(session: &Session<'_>) -> Ruling {
    let (Some(first), Some(last)) = (session.windows.first(), session.windows.last()) else {
        return Ruling::inconclusive("no window");
    };
    if first.to == last.to {
        return Ruling::inconclusive("a single window shows no growth of a register");
    }
    if let Some(reason) = not_asked_for(session) {
        return Ruling::not_applicable(reason);
    }
    let Some(truth) = session.truth(first.to, last.to) else {
        return Ruling::inconclusive("the windows lie outside the waveform");
    };
    for pair in session.windows.windows(2) {
        for key in [IMPORT, EXPORT] {
            let (before, after) = (pair[0].number(key), pair[1].number(key));
            if let (Some(before), Some(after)) = (before, after)
                && after < before
            {
                return Ruling::fail(format!("{} goes back from {before} to {after}", key.name()));
            }
        }
    }
    let per_line = truth.energy_per_line_wh();
    let summed = truth.total.map(|total| (total.import_wh, total.export_wh));
    let (declared, other) = if session.device.summed { (summed, per_line) } else { (per_line, summed) };
    let Some(declared) = declared else { return Ruling::inconclusive("the energy is not known") };
    let allowed = allowed_wh(session, first.to);
    let mut measures = Vec::new();
    for (key, due, otherwise) in
        [(IMPORT, declared.0, other.map(|other| other.0)), (EXPORT, declared.1, other.map(|other| other.1))]
    {
        let (Some(before), Some(after)) = (first.number(key), last.number(key)) else { continue };
        let grown = after - before;
        let t_s = session.spec.waveform.rate.seconds(last.to);
        measures.push(Measure {
            key: key.name().into(),
            t_s,
            truth: due,
            claimed: grown,
            limit: allowed,
            uncertainty: 0.001,
        });
        if (grown - due).abs() > allowed {
            let mut reason =
                format!("{} grew by {grown:.3} Wh instead of {due:.3} Wh (±{allowed:.3})", key.name());
            if otherwise.is_some_and(|otherwise| (grown - otherwise).abs() <= allowed) {
                reason.push_str(if session.device.summed {
                    ": it counts every phase for itself, but the device declares that it adds them first"
                } else {
                    ": it adds the phases first, but the device declares that each counts for itself"
                });
            }
            let mut ruling = Ruling::fail(reason.clone());
            ruling.findings =
                vec![Finding { key: Some(key.name().into()), text: reason, ..Finding::default() }];
            ruling.measures = measures;
            return ruling;
        }
    }
    if measures.is_empty() {
        return Ruling::inconclusive("no claim carries an energy register");
    }
    let mut ruling = Ruling::pass(format!("registers of {}", windows(session.windows.len())));
    ruling.measures = measures;
    ruling
}

/// Why nobody can ask for the energy of this waveform.
fn not_asked_for(session: &Session<'_>) -> Option<String> {
    if let Some(beyond) = &session.spec.expect.beyond {
        return Some(format!("beyond what clamps of this kind can do: {beyond}"));
    }
    let rests_on = |window: &Window| {
        let keys = Key::ALL.iter().filter(|key| matches!(key.kind(), Kind::ActivePower | Kind::ActiveEnergy));
        keys.into_iter().any(|key| session.is_estimate(window, *key))
    };
    if session.windows.iter().any(rests_on) {
        return Some("the energy rests on a power that the dongle calls an estimate".into());
    }
    if session.windows.iter().any(|window| !session.in_range(window)) {
        return Some("part of the energy flowed beyond the declared range of clamp or input".into());
    }
    None
}

/// The limit of the power of every phase, over time, and what one claim may round away. A stretch between two windows
/// counts as the later one, and one that several windows cover counts once.
fn allowed_wh(session: &Session<'_>, from: u64) -> f64 {
    let rate = session.spec.waveform.rate;
    let (mut allowed, mut covered) = (0.01, from);
    for window in &session.windows {
        if window.to > covered {
            let seconds = rate.seconds(window.to - covered);
            allowed += session.total_limit(&window.truth).limit * seconds / 3600.0;
            covered = window.to;
        }
    }
    allowed
}

/// Pulse k belongs to the moment at which the imported energy reaches k pulses' worth.
pub(super) fn pulses(session: &Session<'_>) -> Ruling {
    let per_kwh = session.device.pulses_per_kwh;
    if per_kwh == 0 {
        return Ruling::not_applicable("the device has no pulse output");
    }
    let rate = session.spec.waveform.rate;
    let sent: Vec<u64> = session
        .windows
        .iter()
        .flat_map(|window| window.claim.get("pulses").and_then(Value::as_array).into_iter().flatten())
        .filter_map(Value::as_u64)
        .collect();
    let (Some(first), Some(last)) = (session.windows.first(), session.windows.last()) else {
        return Ruling::inconclusive("no window");
    };
    for window in &session.windows {
        // It can be known of a pulse only once it has begun; blocks of ten cycles are rounded.
        let latest = window.to + rate.index(PULSE_JITTER_S);
        let mut begun = window.claim.get("pulses").and_then(Value::as_array).into_iter().flatten();
        if let Some(pulse) = begun.find(|pulse| pulse.as_u64().is_none_or(|at| at > latest)) {
            let to = window.to;
            return Ruling::fail(format!("a pulse at sample {pulse} is claimed at sample {to}"));
        }
    }
    let per_pulse = 1000.0 / f64::from(per_kwh);
    let imported = |to: u64| session.truth(0, to).and_then(|truth| truth.total).map(|total| total.import_wh);
    let (Some(before), Some(after)) = (imported(first.from), imported(last.to)) else {
        return Ruling::inconclusive("the energy is not known");
    };
    let due = (after / per_pulse).floor() - (before / per_pulse).floor();
    if due < 1.0 && sent.is_empty() {
        return Ruling::inconclusive("the waveform is too short for a pulse");
    }
    let class = session.device.class / 100.0;
    let allowed = 1.0 + due * class;
    if (sent.len() as f64 - due).abs() > allowed {
        return Ruling::fail(format!("{} pulses instead of {due:.0} (±{allowed:.1})", sent.len()));
    }
    for (at, pair) in sent.windows(2).enumerate() {
        let (Some(from), Some(to)) = (imported(pair[0]), imported(pair[1])) else { continue };
        let seconds = rate.seconds(pair[1].saturating_sub(pair[0]));
        let watts = (to - from) * 3600.0 / seconds.max(1e-9);
        let jitter = watts * PULSE_JITTER_S / 3600.0;
        if (to - from - per_pulse).abs() > per_pulse * class + jitter {
            return Ruling::fail(format!(
                "between pulses {} and {} {:.3} Wh flowed instead of {per_pulse:.3} Wh",
                at + 1,
                at + 2,
                to - from
            ));
        }
    }
    Ruling::pass(format!("{} pulses", sent.len()))
}
