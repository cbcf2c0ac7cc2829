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
    match (&session.ended, session.claims, session.unplaced) {
        (Some(how), _, _) => format!("the dongle ended before it claimed anything that can be judged: {how}"),
        (None, 0, _) => "the dongle is silent: it claimed nothing".into(),
        (None, claims, 0) => format!("all {claims} claims lie before the settling time"),
        (None, claims, unplaced) => format!(
            "{unplaced} of {claims} claims do not say when in device time they were measured (`samples`, `window_s`)"
        ),
    }
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

/// Every quantity that the inputs give is claimed in every window.
fn complete(session: &Session<'_>) -> Ruling {
    let keys = accuracy::expected_keys(session);
    let mut missing: Vec<Finding> = Vec::new();
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
