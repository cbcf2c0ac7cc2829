//! Which clamps are misplaced, as far as the dongle's own numbers tell.

use super::super::windows::{Session, Window, line_of};
use super::{Ruling, noted, told, windows};
use crate::reading::Key;
use crate::site::wiring::Combination;
use crate::site::wiring::classify::{Loads, Placed, Power, Voltages, classify};
use crate::wave::spec::Channel;

/// Below so many volt-amperes a channel has no angle worth its name.
const LEAST_VA: f64 = 20.0;

/// An alarm for voltages in the wrong order, and none where the order is right.
pub(super) fn phase_order(session: &Session<'_>) -> Ruling {
    let channels = &session.spec.waveform.channels;
    if ![Channel::U1, Channel::U2, Channel::U3].iter().all(|channel| channels.contains(channel)) {
        return Ruling::not_applicable("the order is seen with three voltages only");
    }
    let [one, two, three] = [0, 1, 2].map(|line: usize| session.spec.net.angle_deg.get(line).copied());
    let (Some(one), Some(two), Some(three)) = (one, two, three) else {
        return Ruling::not_applicable("the net has one phase");
    };
    let behind = |ahead: f64, behind: f64| (ahead - behind).rem_euclid(360.0) < 180.0;
    let right = behind(one, two) && behind(two, three);
    // A shifted neutral or a dead phase leaves no order: the phase voltages need not go round the point between them.
    let sound =
        |window: &&Window| {
            window.truth.lines.iter().zip(&session.spec.net.u_v).all(|(line, nominal)| {
                line.u.is_some_and(|u| (0.7 * nominal..=1.3 * nominal).contains(&u.rms))
            })
        };
    let judged: Vec<&Window> = session.windows.iter().filter(sound).collect();
    if judged.is_empty() {
        return Ruling::not_applicable("the voltages are too uneven in every window to have an order");
    }
    let alarmed = judged.iter().filter(|window| window.texts("alarms").contains(&"phase-order")).count();
    match (right, alarmed) {
        (true, 0) => Ruling::pass(format!("no alarm in {}", windows(judged.len()))),
        (true, alarmed) => Ruling::fail(format!(
            "the phases follow each other as L1, L2, L3, and {alarmed} claims say otherwise"
        )),
        (false, 0) => Ruling::fail("the phases follow each other as L1, L3, L2, and no claim says so"),
        (false, alarmed) => Ruling::pass(windows(alarmed)),
    }
}

/// From the powers that the dongle claims it can be told where its clamps sit, as well as physics allows.
pub(super) fn found(session: &Session<'_>) -> Ruling {
    if !session.spec.net.kind.has_neutral() || session.spec.net.kind.lines() < 3 {
        return Ruling::not_applicable("told from three phases with a neutral");
    }
    let Some(actual) = actual(session) else {
        return Ruling::not_applicable(
            "a clamp is on no line, or two are on one: not one of the 48 combinations",
        );
    };
    let unknown = |keys: [Key; 2]| session.windows.iter().all(|window| window.signed(keys).is_none());
    if (0..3).any(|line| !unknown(Key::ACTIVE[line]) && unknown(Key::REACTIVE[line])) {
        return Ruling::not_applicable(
            "the dongle claims no reactive power, and without it no angle is known",
        );
    }
    let channels = &session.spec.waveform.channels;
    let voltages = if channels.contains(&Channel::U2) && channels.contains(&Channel::U3) {
        Voltages::All
    } else {
        Voltages::OnlyL1
    };
    let generation = session.spec.expect.generation;
    let loads = Loads { generation, ..Loads::ORDINARY };
    let said = |placed: &[Combination]| noted(placed.iter().map(|one| one.sentence()).collect());
    let right = actual == Combination::RIGHT;
    match classify(&powers(session), voltages, loads) {
        Placed::Exactly(one) if one == actual && right => {
            Ruling::pass(format!("{}: {}", windows(session.windows.len()), one.sentence()))
        }
        Placed::Exactly(one) if one == actual => told(windows(session.windows.len()), vec![one.sentence()]),
        Placed::Exactly(one) => Ruling::fail(format!(
            "the claimed powers say: {} In truth: {}",
            one.sentence(),
            actual.sentence()
        )),
        // Nothing was misplaced to be found, and other loads than these would be needed to say so.
        Placed::Ambiguous(several) if several.contains(&actual) && right => Ruling::not_applicable(format!(
            "with these loads {} ways to place the clamps look alike",
            several.len()
        )),
        Placed::NotObservable(why) if right => Ruling::not_applicable(why),
        Placed::Ambiguous(several) if several.contains(&actual) => {
            let mut ruling = Ruling::inconclusive(format!(
                "{} ways to place the clamps explain the claimed powers, the true one among them; a load switched on \
                 one phase alone tells them apart",
                several.len()
            ));
            ruling.findings = said(&several);
            ruling
        }
        Placed::Ambiguous(several) => {
            let mut ruling = Ruling::fail(format!(
                "no way to place the clamps that fits the claims is the true one: {}",
                actual.sentence()
            ));
            ruling.findings = said(&several);
            ruling
        }
        Placed::NotObservable(why) => Ruling::inconclusive(why),
    }
}

/// Where the spec puts the clamps.
fn actual(session: &Session<'_>) -> Option<Combination> {
    let mut on = [1, 2, 3];
    let mut reversed = [false; 3];
    for clamp in session.clamps() {
        let at = clamp.channel.line();
        on[at] = line_of(clamp.on)?;
        reversed[at] = clamp.direction < 0;
    }
    Combination::new(on, reversed)
}

/// Mean power of each channel over all windows, by the dongle's own numbers.
fn powers(session: &Session<'_>) -> [Option<Power>; 3] {
    [0, 1, 2].map(|line: usize| {
        let mean = |keys: [Key; 2]| {
            let all: Vec<f64> = session.windows.iter().filter_map(|window| window.signed(keys)).collect();
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        };
        let power = Power {
            active_w: mean(Key::ACTIVE[line])?,
            reactive_var: mean(Key::REACTIVE[line]).unwrap_or_default(),
        };
        (power.active_w.hypot(power.reactive_var) >= LEAST_VA).then_some(power)
    })
}
