//! One function per check: what the windows of a trial say about it.

mod accuracy;
mod direct;
mod energy;
mod range;
mod wiring;

use super::windows::Session;
use crate::reading::Key;
use crate::verdict::results::{Finding, Measure};
use crate::verdict::{Cause, Verdict};
use crate::wave::spec::Channel;

/// What one rule says about one trial.
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    pub(super) cause: Option<Cause>,
    pub(super) reason: Option<String>,
    pub(super) rests_on: Option<String>,
    pub(super) findings: Vec<Finding>,
    pub(super) measures: Vec<Measure>,
}

impl Ruling {
    fn new(verdict: Verdict, cause: Option<Cause>, reason: String) -> Ruling {
        let (rests_on, findings, measures) = (None, Vec::new(), Vec::new());
        Ruling { verdict, cause, reason: Some(reason), rests_on, findings, measures }
    }

    fn pass(rests_on: String) -> Ruling {
        Ruling { rests_on: Some(rests_on), reason: None, ..Ruling::new(Verdict::Pass, None, String::new()) }
    }

    pub(super) fn not_applicable(reason: impl Into<String>) -> Ruling {
        Ruling::new(Verdict::NotApplicable, None, reason.into())
    }

    fn inconclusive(reason: impl Into<String>) -> Ruling {
        Ruling::new(Verdict::Inconclusive, Some(Cause::Dut), reason.into())
    }

    pub(super) fn error(reason: String) -> Ruling {
        Ruling::new(Verdict::Error, Some(Cause::Harness), reason)
    }

    pub(super) fn rig(reason: String) -> Ruling {
        Ruling::new(Verdict::Error, Some(Cause::Rig), reason)
    }

    fn fail(reason: impl Into<String>) -> Ruling {
        Ruling::new(Verdict::Fail, Some(Cause::Dut), reason.into())
    }
}

/// The rule of a check.
type Rule = fn(&Session<'_>) -> Ruling;

/// Every check of the suite and its rule, in the order of the reports.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("ct.claim.answers", answers),
    ("ct.claim.complete", complete),
    ("ct.claim.estimates-marked", estimates_marked),
    ("ct.claim.estimates-near", estimates_near),
    ("ct.voltage.rms", accuracy::voltage),
    ("ct.current.rms", accuracy::current),
    ("ct.power.active", accuracy::active),
    ("ct.power.reactive", accuracy::reactive),
    ("ct.power.factor", accuracy::factor),
    ("ct.power.direction", accuracy::direction),
    ("ct.power.sum", accuracy::sum),
    ("ct.current.thd", accuracy::distortion),
    ("ct.frequency", accuracy::frequency),
    ("ct.energy.register", energy::register),
    ("ct.energy.pulses", energy::pulses),
    ("ct.idle.none", range::idle),
    ("ct.range.register", range::register),
    ("ct.range.flagged", range::flagged),
    ("ct.range.direct-current", direct::direct_current),
    ("ct.wiring.phase-order", wiring::phase_order),
    ("ct.wiring.found", wiring::found),
];

/// Judges one check. An id without a rule is the harness's fault.
pub(super) fn rule(id: &str, session: &Session<'_>) -> Ruling {
    match RULES.iter().find(|(known, _)| *known == id) {
        None => Ruling::error(format!("there is no rule for {id}")),
        Some((_, answers)) if session.windows.is_empty() && id == "ct.claim.answers" => answers(session),
        Some(_) if session.windows.is_empty() => Ruling::inconclusive(nothing(session)),
        Some((_, rule)) => rule(session),
    }
}

fn nothing(session: &Session<'_>) -> String {
    match (&session.ended, session.claims, session.printed) {
        (Some(how), _, _) => format!("the dongle ended before it claimed anything that can be judged: {how}"),
        (None, 0, (lines, Some(first))) => {
            let first: String = first.chars().take(100).collect();
            format!(
                "the dongle claimed nothing; it printed {lines} lines that are no claims, the first: {first}"
            )
        }
        (None, 0, _) => "the dongle is silent: it claimed nothing".into(),
        (None, claims, _) => misplaced(session)
            .unwrap_or_else(|| format!("the windows of all {claims} claims begin before the settling time")),
    }
}

/// Claims without a place in the device time of the waveform.
fn misplaced(session: &Session<'_>) -> Option<String> {
    let (unplaced, claims) = (session.unplaced, session.claims);
    let why = session.misplaced.as_ref()?;
    Some(format!(
        "{unplaced} of {claims} claims do not say when in device time they were measured; the first {why}"
    ))
}

/// How much longer than usual a dongle may take for a claim, in seconds, and how much more across an event of the grid:
/// five seconds to recover from an interruption (ct-waveforms, section 5.4, no. 14).
const LATE_S: f64 = 0.5;
const RECOVERY_S: f64 = 5.0;

/// A stretch of device time from which claims were to be expected, by the dongle's own habit, and did not come. The
/// verdict on it.
fn gap(session: &Session<'_>) -> Option<Ruling> {
    let rate = session.spec.waveform.rate;
    let mut marks: Vec<f64> = session.ends.iter().map(|end| rate.seconds(*end)).collect();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    marks.insert(0, 0.0);
    let mut usual: Vec<f64> = marks.windows(2).map(|pair| pair[1] - pair[0]).collect();
    usual.sort_by(f64::total_cmp);
    // Three quarters of all claims come sooner: neither a burst nor a hole makes the habit.
    let usual = *usual.get(usual.len() * 3 / 4)?;
    let habit = marks.len() > 2;
    let whole = rate.seconds(session.spec.waveform.samples());
    marks.push(whole);
    let (from, to) = marks.windows(2).map(|pair| (pair[0], pair[1])).find(|(from, to)| {
        let shaken = session.spec.events.iter().any(|event| (from - 1.0..*to).contains(&event.t_s));
        to - from > 2.0 * usual + LATE_S + if shaken { RECOVERY_S } else { 0.0 }
    })?;
    let reason = format!(
        "no claim for the time from {from:.1} s to {to:.1} s of {whole:.1} s, where one every {usual:.1} s is usual for it"
    );
    // One claim makes no habit.
    Some(if habit { Ruling::fail(reason) } else { Ruling::inconclusive(reason) })
}

fn answers(session: &Session<'_>) -> Ruling {
    if let Some(why) = &session.misbehaved {
        return Ruling::fail(format!("the bench gave up: {why}"));
    }
    if session.windows.is_empty() {
        return Ruling::fail(nothing(session));
    }
    if let Some(how) = &session.ended {
        return Ruling::fail(format!("the dongle ended by itself: {how}"));
    }
    if let Some(why) = misplaced(session) {
        return Ruling::fail(why);
    }
    if let Some(ruling) = gap(session) {
        return ruling;
    }
    Ruling::pass(windows(session.windows.len()))
}

/// A pass with something that a fitter must know, in sentences: it is no fault of the dongle.
fn told(seen: String, sentences: Vec<String>) -> Ruling {
    let mut ruling = Ruling::pass(format!("{seen}: {}", sentences.join(" ")));
    ruling.findings = noted(sentences);
    ruling
}

/// Sentences as findings that do not count against the dongle.
fn noted(sentences: Vec<String>) -> Vec<Finding> {
    let note = |text| Finding { text, weightless: true, ..Finding::default() };
    sentences.into_iter().map(note).collect()
}

fn windows(count: usize) -> String {
    if count == 1 { "1 window".into() } else { format!("{count} windows") }
}

/// Three decimals; as a power of ten what no meter shows.
fn figure(value: f64) -> String {
    if value.abs() < 1e12 { format!("{value:.3}") } else { format!("{value:.1e}") }
}

/// Every quantity that the inputs give is claimed in every window, as a number.
fn complete(session: &Session<'_>) -> Ruling {
    let keys = accuracy::expected_keys(session);
    let mut missing: Vec<Finding> = Vec::new();
    if let Some((key, value)) = session.windows.iter().find_map(|window| window.malformed()) {
        let claimed: String = value.to_string().chars().take(40).collect();
        missing.push(Finding {
            key: Some(key.name().into()),
            text: format!("{} is claimed as {claimed}, which is no number", key.name()),
            claimed: Some(claimed),
            ..Finding::default()
        });
    }
    for key in &keys {
        let without = session.windows.iter().filter(|window| !window.has(*key)).count();
        if without > 0 {
            missing.push(Finding {
                key: Some(key.name().into()),
                text: format!("{} is missing in {without} of {}", key.name(), windows(session.windows.len())),
                ..Finding::default()
            });
        }
    }
    if missing.is_empty() {
        return Ruling::pass(format!("{} keys in {}", keys.len(), windows(session.windows.len())));
    }
    let mut ruling = Ruling::fail(missing[0].text.clone());
    ruling.findings = missing;
    ruling
}

/// Keys of inputs that the dongle does not have.
fn unmeasured(session: &Session<'_>) -> Vec<(Channel, Key)> {
    let keys = Key::VOLTAGES.into_iter().chain(Key::CURRENTS);
    let lines = session.spec.net.kind.lines();
    Channel::ALL
        .into_iter()
        .zip(keys)
        .filter(|(channel, _)| channel.line() < lines && !session.spec.waveform.channels.contains(channel))
        .collect()
}

/// What was not measured is not claimed as if it had been (contract, section 2).
fn estimates_marked(session: &Session<'_>) -> Ruling {
    let keys = unmeasured(session);
    if keys.is_empty() {
        return Ruling::not_applicable("every voltage and current is measured");
    }
    for window in &session.windows {
        if let Some((_, key)) = keys.iter().find(|(_, key)| window.has(*key) && !window.estimates(*key)) {
            return Ruling::fail(format!(
                "{} is claimed as if it were measured; the dongle has no such input",
                key.name()
            ));
        }
    }
    Ruling::pass(windows(session.windows.len()))
}

/// An estimate may be off, but not by more than a fuse forgives (ct-waveforms, section 5.4, nos. 18 and 19).
fn estimates_near(session: &Session<'_>) -> Ruling {
    const AMPERES: f64 = 1.5;
    /// The mean of the neighbours is up to 22 % off at the ends of what EN 50160 allows (ct-waveforms, section 6.1).
    const VOLTS_PART: f64 = 0.222;
    let mut seen = 0;
    for window in &session.windows {
        for (channel, key) in unmeasured(session) {
            let Some(claimed) = window.number(key) else { continue };
            let line = &window.truth.lines[channel.line()];
            let truth = if channel.is_current() { line.i } else { line.u }.map(|wave| wave.rms);
            let Some(truth) = truth else { continue };
            seen += 1;
            let (allowed, unit) =
                if channel.is_current() { (AMPERES, "A") } else { (VOLTS_PART * truth, "V") };
            if claimed < 0.0 || (claimed - truth).abs() > allowed {
                return Ruling::fail(format!(
                    "{} is estimated as {claimed:.2} {unit} while {truth:.2} {unit} are there; ±{allowed:.2} are allowed",
                    key.name()
                ));
            }
        }
    }
    if seen == 0 {
        return Ruling::not_applicable("nothing is estimated");
    }
    Ruling::pass(format!("{seen} estimates in {}", windows(session.windows.len())))
}
