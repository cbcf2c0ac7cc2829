//! One function per check: what the windows of a trial say about it.

mod accuracy;
mod energy;
mod range;
mod wiring;

use super::windows::Session;
use crate::verdict::results::{Finding, Measure};
use crate::verdict::{Cause, Verdict};

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
    if session.windows.is_empty() {
        return Ruling::fail(nothing(session));
    }
    if let Some(how) = &session.ended {
        return Ruling::fail(format!("the dongle ended by itself: {how}"));
    }
    Ruling::pass(windows(session.windows.len()))
}

fn windows(count: usize) -> String {
    if count == 1 { "1 window".into() } else { format!("{count} windows") }
}

/// Every quantity that the inputs give is claimed in every window.
fn complete(session: &Session<'_>) -> Ruling {
    let keys = accuracy::expected_keys(session);
    let mut missing: Vec<Finding> = Vec::new();
    for key in &keys {
        let without = session.windows.iter().filter(|window| !window.claim.contains_key(*key)).count();
        if without > 0 {
            missing.push(Finding {
                key: Some((*key).into()),
                text: format!("{key} is missing in {without} of {}", windows(session.windows.len())),
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

/// A voltage that was not measured is no voltage that was (contract, section 2).
fn estimates_marked(session: &Session<'_>) -> Ruling {
    use crate::wave::spec::Channel;
    let measured = |channel: Channel| session.spec.waveform.channels.contains(&channel);
    let keys: Vec<&str> = [(Channel::U2, "voltage_l2_v"), (Channel::U3, "voltage_l3_v")]
        .into_iter()
        .filter(|(channel, _)| !measured(*channel) && session.spec.net.kind.lines() > channel.line())
        .map(|(_, key)| key)
        .collect();
    if keys.is_empty() {
        return Ruling::not_applicable("every voltage is measured");
    }
    for window in &session.windows {
        let marked = window.texts("estimated");
        if let Some(key) = keys.iter().find(|key| window.claim.contains_key(**key) && !marked.contains(*key))
        {
            let reason = format!("{key} is claimed as if it were measured; the dongle has no such input");
            return Ruling::fail(reason);
        }
    }
    Ruling::pass(windows(session.windows.len()))
}
