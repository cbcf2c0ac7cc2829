//! Direct current through a clamp that is a transformer: what the clamp hides, and what the dongle makes of the rest.
//!
//! A current transformer passes no direct current, and the flux that it leaves behind fills the core, so that part of
//! the alternating current is lost too. A dongle behind it sees samples in which that part does not stand. It is
//! not to blame for it, so that accuracy against what flows is NOT_APPLICABLE where the spec says `beyond`. What it
//! can be held to is the current that the clamp still delivers, as distorted as it is: this check passes, fails or stays
//! undecided by that, within the same limits. How much too little is shown then, and why, is a finding for the
//! fitter: like a clamp that sits wrong, a defect of the site, told under a check that the dongle passes.

use super::super::limits;
use super::super::windows::{Session, Window, line_of};
use super::{Ruling, accuracy, told, windows};
use crate::reading::Key;
use crate::verdict::Verdict;
use crate::wave::spec::{Clamp, Draw};

/// Amperes of direct current below which nothing is said: no clamp is as exact.
const LEAST_A: f64 = 0.01;

pub(super) fn direct_current(session: &Session<'_>) -> Ruling {
    let mut sentences = Vec::new();
    let mut seen = false;
    for clamp in session.clamps().iter().filter(|clamp| !clamp.is_ideal()) {
        let direct = |window: &&Window| session.direct_a(window, clamp.channel.line()).abs() > LEAST_A;
        let with = session.windows.iter().filter(direct);
        let (half, other): (Vec<&Window>, Vec<&Window>) =
            with.partition(|window| half_wave(session, clamp, window));
        seen |= !half.is_empty() || !other.is_empty();
        sentences.extend(sentence(session, clamp, &half));
        sentences.extend(sentence(session, clamp, &other));
    }
    if !seen {
        return Ruling::not_applicable("no direct current flows through a clamp that is a transformer");
    }
    let behind = session.behind_cores();
    let judged = [accuracy::current(&behind), accuracy::active(&behind)];
    let judged = judged.into_iter().filter(|one| one.verdict != Verdict::NotApplicable);
    let Some(worst) = judged.max_by_key(|one| one.verdict) else {
        return Ruling::not_applicable("no claim carries a current or a power");
    };
    match (worst.verdict, worst.reason) {
        (Verdict::Fail, Some(reason)) => {
            // The findings stay: each is a key that is off. What they are compared with is not what flows.
            let ruling = Ruling::fail(format!("not even what the clamp delivers is measured: {reason}"));
            Ruling { findings: worst.findings, ..ruling }
        }
        (Verdict::Pass, _) if sentences.is_empty() => {
            Ruling::pass(format!("{}: it takes nothing from what is shown", windows(session.windows.len())))
        }
        (Verdict::Pass, _) => told(windows(session.windows.len()), sentences),
        (_, reason) => Ruling::inconclusive(reason.unwrap_or_default()),
    }
}

/// Where a clamp hides the largest part, if it is more than the limit of the current: how much, and what to do.
fn sentence(session: &Session<'_>, clamp: &Clamp, with: &[&Window]) -> Option<String> {
    let line = clamp.channel.line();
    let current = |window: &Window| {
        Some((window.truth.lines[line].i?.rms, window.number(Key::CURRENTS[line])?))
            .filter(|(flows, shown)| flows - shown > session.scaled(*flows, limits::current).limit)
    };
    let hidden = with.iter().filter_map(|window| Some((*window, current(window)?)));
    let lost = |(_, (flows, shown)): &(&Window, (f64, f64))| 1.0 - shown / flows;
    let (window, (flows, shown)) = hidden.max_by(|one, other| lost(one).total_cmp(&lost(other)))?;
    let less = |flows: f64, shown: f64| 100.0 * (flows - shown) / flows;
    let mut text = format!(
        "L{}: {flows:.1} A flow and {shown:.1} A are shown, {:.0} % too little",
        line + 1,
        less(flows, shown)
    );
    let power = window.truth.lines[line].power.map(|power| power.p_w).filter(|watts| watts.abs() > 1.0);
    if let Some((flows, shown)) = power.zip(window.signed(Key::ACTIVE[line])) {
        text.push_str(&format!("; of {flows:.0} W {:.0} % are missing", less(flows, shown)));
    }
    let direct = session.direct_a(window, line).abs();
    text.push_str(&format!(
        ". {}: {direct:.1} A of direct current fill the core of the clamp, and no dongle can see that. Change the load, \
         or fit a clamp that stands direct current.",
        if half_wave(session, clamp, window) {
            "A load on this line draws half of each wave, like a heater that a diode sets to half power"
        } else {
            "A load on this line draws direct current"
        }
    ));
    Some(text)
}

/// Whether a load behind a diode is on in the window, on the line inside the clamp.
fn half_wave(session: &Session<'_>, clamp: &Clamp, window: &Window) -> bool {
    let rate = session.spec.waveform.rate;
    let (from_s, to_s) = (rate.seconds(window.from), rate.seconds(window.to));
    let Some(line) = line_of(clamp.on) else { return false };
    session.spec.loads.iter().any(|load| {
        matches!(load.draw, Draw::HalfWave { .. })
            && load.from_s < to_s
            && load.to_s > from_s
            && load.at.lines().contains(&(usize::from(line) - 1))
    })
}
