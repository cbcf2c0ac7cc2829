//! Where a value meets the end of a register, of a range, or of what can be seen at all.

use super::super::windows::{Session, Window};
use super::{Ruling, figure, told, windows};
use crate::reading::Key;
use crate::wave::{Segment, Signal};

/// Part of the reference current (a tenth of the range) below which a device may see nothing: 0.4 % (class 1 of
/// IEC 62053-21, as far as known; our own limit here).
const START: f64 = 0.004;
/// Registers that have wrapped in the field: 16 bits of milliamperes, of centiamperes (unsigned and signed), of watts.
const CURRENT_CLIFFS_A: [f64; 3] = [65.536, 327.68, 655.36];
const POWER_CLIFFS_W: [f64; 2] = [32_768.0, 65_536.0];

/// With nothing on, nothing is read and nothing is counted.
pub(super) fn idle(session: &Session<'_>) -> Ruling {
    let limit = START * session.device.range_a / 10.0 * session.outer();
    let idle = |window: &&Window| window.truth.lines.iter().all(|line| line.i.is_none_or(|i| i.rms < 1e-6));
    let quiet: Vec<_> = session.windows.iter().filter(idle).collect();
    if quiet.is_empty() {
        return Ruling::not_applicable("a current flows all the time");
    }
    for window in &quiet {
        for (line, key) in Key::CURRENTS.into_iter().enumerate() {
            if let Some(amperes) = window.number(key)
                && amperes > limit
            {
                return Ruling::fail(format!(
                    "L{}: {} A are claimed while none flow; at most {limit:.3} A may be seen",
                    line + 1,
                    figure(amperes)
                ));
            }
        }
    }
    for pair in quiet.windows(2).filter(|pair| pair[0].to == pair[1].from || pair[1].from <= pair[0].to + 1) {
        for key in [Key::EnergyActiveImport, Key::EnergyActiveExport] {
            if let (Some(before), Some(after)) = (pair[0].number(key), pair[1].number(key))
                && after > before
            {
                return Ruling::fail(format!(
                    "{} creeps from {before} to {after} while no current flows",
                    key.name()
                ));
            }
        }
    }
    Ruling::pass(windows(quiet.len()))
}

/// No value jumps where a register of 16 bits would be full.
pub(super) fn register(session: &Session<'_>) -> Ruling {
    let mut beyond = 0;
    for window in &session.windows {
        for line in 0..3 {
            let truth = &window.truth.lines[line];
            let amperes = truth.i.map_or(0.0, |i| i.rms);
            if amperes > session.device.range_a * session.outer() {
                continue;
            }
            let watts = truth.power.map_or(0.0, |power| power.p_w);
            let claimed_w = window.signed(Key::ACTIVE[line]);
            let found = wrapped(window.number(Key::CURRENTS[line]), amperes, &CURRENT_CLIFFS_A, &mut beyond)
                .map(|text| format!("the current of L{} {text}", line + 1))
                .or_else(|| {
                    wrapped(claimed_w, watts, &POWER_CLIFFS_W, &mut beyond)
                        .or_else(|| unsigned(window.number(Key::ACTIVE[line][0]), watts))
                        .map(|text| format!("the power of L{} {text}", line + 1))
                });
            if let Some(found) = found {
                return Ruling::fail(found);
            }
        }
    }
    if beyond == 0 && !session.windows.iter().any(|window| exports(&window.truth)) {
        return Ruling::not_applicable("no value reaches the end of a 16-bit register, and none is negative");
    }
    Ruling::pass(format!(
        "{beyond} values beyond the ends of 16-bit registers in {}",
        windows(session.windows.len())
    ))
}

fn exports(truth: &crate::wave::truth::Truth) -> bool {
    truth.lines.iter().any(|line| line.power.is_some_and(|power| power.p_w < 0.0))
}

/// Whether the claim is the truth less a full register. Counts values beyond a cliff.
fn wrapped(claimed: Option<f64>, truth: f64, cliffs: &[f64], beyond: &mut usize) -> Option<String> {
    let claimed = claimed?;
    let reached = cliffs.iter().filter(|cliff| truth.abs() >= **cliff);
    let mut found = None;
    for cliff in reached {
        *beyond += 1;
        // What is turned round has lost its sign, and what grew has lost nothing.
        let turned = (claimed + truth).abs() < 0.03 * truth.abs();
        // A signed register loses twice its end.
        for lost in [*cliff, 2.0 * cliff] {
            let times = ((truth - claimed) / lost).round() * truth.signum();
            let left = (truth - claimed).abs() - times * lost;
            let far = (truth - claimed).abs() > 0.2 * truth.abs();
            if times >= 1.0 && far && left.abs() < 0.015 * truth.abs() && !turned {
                found = Some(format!("is {claimed:.3} instead of {truth:.3}: its register wraps at {cliff}"));
            }
        }
    }
    found
}

/// A small negative power as 32 bits without a sign is some four billion watts.
fn unsigned(import: Option<f64>, truth: f64) -> Option<String> {
    let import = import?;
    (truth < 0.0 && import > 2e9)
        .then(|| format!("is {import:.0} instead of {truth:.0}: a negative value is shown without its sign"))
}

/// An alarm for too large a value although no sample of the line was at an end of the converter, and its current was
/// below half the range in every moment. Unknown is no false alarm.
fn is_false_alarm(session: &Session<'_>, window: &Window, line: usize) -> bool {
    if !window.texts("alarms").contains(&format!("over-range:l{}", line + 1).as_str()) {
        return false;
    }
    let channels = &session.spec.waveform.channels;
    let of_line: Vec<Option<&u64>> = channels
        .iter()
        .enumerate()
        .filter(|(_, channel)| channel.line() == line)
        .map(|(at, _)| session.clipped.get(at))
        .collect();
    if !of_line.iter().all(|clipped| *clipped == Some(&0)) {
        return false;
    }
    let half = 0.5 * session.device.range_a * session.outer();
    let within = |segment: &&Segment| segment.from < window.to && segment.to > window.from;
    session.wired.iter().filter(within).all(|segment| match &segment.i[line] {
        Signal::Steady(spectrum) => {
            let squares: f64 = spectrum.parts.iter().map(|(_, phasor)| phasor.norm_sqr()).sum();
            (spectrum.dc * spectrum.dc + squares).sqrt() < half
        }
        Signal::Cycle(values) => values.iter().all(|value| value.abs() < half),
    })
}

/// Beyond its range a device says so, or is right all the same. Of each line the window with the most is told.
pub(super) fn flagged(session: &Session<'_>) -> Ruling {
    let range = session.device.range_a * session.outer();
    let (mut over, mut sentences) = (0, Vec::new());
    for (line, key) in Key::CURRENTS.into_iter().enumerate() {
        let mut most = (range, None);
        for window in &session.windows {
            let flows = window.truth.lines[line].i.map_or(0.0, |current| current.rms);
            if is_false_alarm(session, window, line) {
                return Ruling::fail(format!(
                    "L{}: an alarm for more than {range:.0} A is raised while {flows:.1} A flow; an installer learns to \
                     ignore it",
                    line + 1
                ));
            }
            if flows <= range {
                continue;
            }
            over += 1;
            let claimed = window.number(key).unwrap_or_default();
            let says = format!(
                "L{}: {flows:.1} A flow, beyond the {range:.0} A of the clamp; {claimed:.1} A are claimed",
                line + 1
            );
            let right = (claimed - flows).abs() <= session.device.class / 100.0 * flows;
            let flagged = window.texts("alarms").contains(&format!("over-range:l{}", line + 1).as_str());
            if !right && !flagged {
                return Ruling::fail(format!(
                    "{says} without a warning. A load balancer would share out current that is not there"
                ));
            }
            if flows > most.0 {
                let how = if flagged { "with a warning" } else { "which is right all the same" };
                most = (flows, Some(format!("{says}, {how}. Clamps for more than that belong here.")));
            }
        }
        sentences.extend(most.1);
    }
    if over == 0 {
        return Ruling::not_applicable("nothing is beyond the clamps' range");
    }
    told(format!("{over} values beyond the range"), sentences)
}
