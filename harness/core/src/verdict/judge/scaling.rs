//! What a dongle makes of the ratio of current transformers.
//!
//! Right is what the telegram carries times the ratio that was set ([`crate::site::ratio`]), to one digit of a display.
//! Which mistake explains a wrong value is said where one mistake alone does.

use super::Ruling;
use super::rules::{finding, unseen};
use super::session::{About, Sent, Session};
use crate::reading::{Key, Kind, Milli, json};
use crate::site::ratio::{Compared, Diagnosis, FUSE_RULES, Factor, Need, Ratio, diagnose, needs_factor};
use crate::verdict::checks::ScalingRule;
use crate::verdict::results::Finding;
use crate::verdict::trial::{DutTerms, NO_RATIO, Part, RatioSetting, Telegram};
use crate::verdict::{Cause, is_scaled};
use serde_json::Value;

/// One claimed number and its telegram.
struct Case<'s> {
    sent: &'s Sent<'s>,
    key: Key,
    ratio: &'s str,
    factor: Factor,
    compared: Compared,
}

/// One digit of a display: 0.1 A, whole volts, watts and watt-hours, as the coarsest meters show them, and 0.01 of a
/// power factor.
fn step(kind: Kind) -> Milli {
    Milli(match kind {
        Kind::Current => 100,
        Kind::PowerFactor => 10,
        _ => 1000,
    })
}

/// Judges one rule.
pub(super) fn rule(rule: ScalingRule, session: &Session<'_>) -> Ruling {
    if !session.trial.stimulus.parts.iter().any(|part| matches!(part, Part::Ratio { .. })) {
        return Ruling::not_applicable("no ratio is set in this stimulus");
    }
    let cases = match cases(session) {
        Ok(cases) => cases,
        Err(what) => return Ruling::error(what),
    };
    match rule {
        ScalingRule::Current => right(session, &cases, |kind| kind == Kind::Current),
        ScalingRule::Power => {
            right(session, &cases, |kind| matches!(kind, Kind::ActivePower | Kind::ReactivePower))
        }
        ScalingRule::Energy => {
            right(session, &cases, |kind| matches!(kind, Kind::ActiveEnergy | Kind::ReactiveEnergy))
        }
        ScalingRule::Alike => alike(session, &cases),
        ScalingRule::Metamorphic => metamorphic(session, &cases),
        ScalingRule::RuntimeChange => runtime_change(session, &cases),
        ScalingRule::FuseRule => fuse(&session.trial.dut),
    }
}

/// All claimed numbers that a ratio changes.
fn cases<'s>(session: &'s Session<'s>) -> Result<Vec<Case<'s>>, String> {
    let mut cases = Vec::new();
    for (at, sent) in session.sent.iter().enumerate() {
        let own = sent.claim.map(|claim| &session.claims[claim]);
        let Some(own) = own.filter(|claim| claim.about == About::Telegram(at)) else { continue };
        let ratio = session.trial.stimulus.ratio_at(sent.part);
        let factor = Ratio::parse(ratio).map_err(|error| format!("ratio {ratio:?}: {error}"))?.factor();
        for key in Key::ALL.iter().copied().filter(|key| is_scaled(key.kind())) {
            let Some(secondary) = carried(sent.telegram, key) else { continue };
            let Some(claimed) = own.claim.get(key.name()).and_then(nearest) else { continue };
            let kind = key.kind();
            let compared = Compared { kind, claimed, secondary, step: step(kind) };
            cases.push(Case { sent, key, ratio, factor, compared });
        }
    }
    Ok(cases)
}

/// What the telegram carries, without zeros that stand for nothing.
fn carried(telegram: &Telegram, key: Key) -> Option<Milli> {
    let unmeasured = telegram.zero_unmeasured.iter().any(|other| other == key.name());
    let value = telegram.reading.get(key.name())?.as_number().and_then(json::milli)?;
    (!unmeasured).then_some(value)
}

/// A claim to the nearest thousandth.
fn nearest(claim: &Value) -> Option<Milli> {
    Some(Milli((claim.as_f64()? * 1000.0).round() as i64))
}

/// The claim is not what the ratio makes of the telegram.
fn wrong(session: &Session<'_>, case: &Case<'_>) -> Option<Finding> {
    let Compared { claimed, secondary, step, .. } = case.compared;
    let right = case.factor.apply(secondary)?.value;
    if claimed.0.abs_diff(right.0) < step.0.unsigned_abs() {
        return None;
    }
    let (name, key, ratio) = (session.name(case.sent), case.key.name(), case.ratio);
    let why = match case.factor {
        Factor::ONE => String::new(),
        factor => format!("; {} (k = {factor})", diagnose(claimed, secondary, factor, step).text()),
    };
    let text = format!("{name}: {key}: {claimed} claimed, {right} expected with {ratio}{why}");
    Some(Finding {
        key: Some(key.to_string()),
        expected: Some(right.to_string()),
        claimed: Some(claimed.to_string()),
        ..finding(case.sent, text)
    })
}

fn right(session: &Session<'_>, cases: &[Case<'_>], about: impl Fn(Kind) -> bool) -> Ruling {
    let judged: Vec<&Case<'_>> = cases.iter().filter(|case| about(case.compared.kind)).collect();
    let findings: Vec<Finding> = judged.iter().filter_map(|case| wrong(session, case)).collect();
    match judged.first() {
        _ if !findings.is_empty() => Ruling::fail(findings),
        None => unseen(session, "no claim has a value of this kind"),
        Some(first) => Ruling::pass(format!("{} values, each times {}", judged.len(), first.factor)),
    }
}

/// The same mistake everywhere is still alike; the other checks call it wrong.
fn alike(session: &Session<'_>, cases: &[Case<'_>]) -> Ruling {
    let Some(factor) = cases.first().map(|case| case.factor) else {
        return unseen(session, "no claim has a value that the ratio changes");
    };
    let compared: Vec<Compared> = cases.iter().map(|case| case.compared).collect();
    let diagnosis = Diagnosis::of(&compared, factor);
    let mut findings = touched(session);
    if diagnosis.is_mixed() {
        findings.insert(0, Finding { text: diagnosis.to_string(), ..Finding::default() });
    }
    if !findings.is_empty() {
        return Ruling::fail(findings);
    }
    Ruling::pass(format!("{} values; {diagnosis}", compared.len()))
}

/// Claims of what no current transformer changes, voltages above all, that are not what the telegram carries.
fn touched(session: &Session<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, sent) in session.sent.iter().enumerate() {
        let own = sent.claim.map(|claim| &session.claims[claim]);
        let Some(own) = own.filter(|claim| claim.about == About::Telegram(at)) else { continue };
        for key in Key::ALL.iter().copied().filter(|key| !is_scaled(key.kind())) {
            let (claimed, carried) =
                (own.claim.get(key.name()).and_then(nearest), carried(sent.telegram, key));
            let Some((claimed, carried)) = claimed.zip(carried) else { continue };
            if claimed.0.abs_diff(carried.0) >= step(key.kind()).0.unsigned_abs() {
                let (name, key) = (session.name(sent), key.name());
                let text = format!("{name}: {key}: {claimed} claimed, {carried} expected whatever the ratio");
                findings.push(Finding {
                    key: Some(key.to_string()),
                    expected: Some(carried.to_string()),
                    claimed: Some(claimed.to_string()),
                    ..finding(sent, text)
                });
            }
        }
    }
    findings
}

/// Claim against claim, the n-th of the divided telegrams with the n-th of their originals, which come behind them.
fn metamorphic(session: &Session<'_>, cases: &[Case<'_>]) -> Ruling {
    let parts = &session.trial.stimulus.parts;
    let Some(change) = parts.iter().rposition(|part| matches!(part, Part::Ratio { .. })) else {
        return Ruling::not_applicable("no ratio is set in this stimulus");
    };
    let (mut findings, mut judged) = (Vec::new(), 0);
    for divided in cases.iter().filter(|case| case.sent.part < change) {
        let twin = divided.sent.part + change;
        let is_twin = |case: &&Case<'_>| case.sent.part == twin && case.key == divided.key;
        let Some(original) = cases.iter().find(is_twin) else { continue };
        judged += 1;
        let (one, other) = (original.compared.claimed, divided.compared.claimed);
        if one.0.abs_diff(other.0) >= divided.compared.step.0.unsigned_abs() {
            let (key, ratio) = (divided.key.name(), divided.ratio);
            let text = format!(
                "{}: {key}: {other} claimed with {ratio}, but {one} for its original with {}",
                session.name(divided.sent),
                original.ratio
            );
            let (expected, claimed) = (Some(one.to_string()), Some(other.to_string()));
            findings.push(Finding {
                key: Some(key.to_string()),
                expected,
                claimed,
                ..finding(divided.sent, text)
            });
        }
    }
    match judged {
        _ if !findings.is_empty() => Ruling::fail(findings),
        0 => unseen(session, "no telegram and its original were both claimed"),
        _ => Ruling::pass(format!("{judged} pairs of claims")),
    }
}

fn runtime_change(session: &Session<'_>, cases: &[Case<'_>]) -> Ruling {
    let parts = &session.trial.stimulus.parts;
    let Some(change) = parts.iter().position(|part| matches!(part, Part::Ratio { running: true, .. })) else {
        return Ruling::not_applicable("no ratio is set while the DUT runs in this stimulus");
    };
    let findings: Vec<Finding> = cases.iter().filter_map(|case| wrong(session, case)).collect();
    let behind = cases.iter().filter(|case| case.sent.part > change).count();
    match (cases.len() - behind, behind) {
        _ if !findings.is_empty() => Ruling::fail(findings),
        (0, _) | (_, 0) => {
            unseen(session, "nothing was claimed before the change of the ratio, or behind it")
        }
        (before, behind) => Ruling::pass(format!("{before} values before the change, {behind} behind it")),
    }
}

/// The main fuse against the ratio that the rig file says. What is wrong here was set by a person, so its cause is
/// `config`: no FAIL of it counts against the DUT.
pub(super) fn fuse(dut: &DutTerms) -> Ruling {
    let Some(fuse_a) = dut.main_fuse_a else {
        return Ruling::not_applicable("the rig file says no `main_fuse_a` under [site]");
    };
    let RatioSetting::Fixed(ratio) = &dut.ratio else {
        return Ruling::not_applicable("the bench sets the ratio of this DUT, so no site is set up");
    };
    let is_set = ratio != NO_RATIO && Ratio::parse(ratio).is_ok_and(|ratio| ratio.factor() != Factor::ONE);
    match (needs_factor(fuse_a), is_set) {
        (Need::Ambiguous, _) => {
            let [(one, says), (other, but)] = FUSE_RULES;
            let reason = format!(
                "at {fuse_a} A the source says two things: {says} ({one}), but {but} ({other}); the ratio is {ratio}: \
                 look at the meter"
            );
            Ruling::inconclusive(Cause::Config, reason)
        }
        (Need::Yes, false) => {
            let text = format!(
                "a main fuse of {fuse_a} A calls for current transformers, but the ratio is {ratio}: every current, \
                 power and counter is shown too small by the ratio"
            );
            Ruling {
                cause: Some(Cause::Config),
                ..Ruling::fail(vec![Finding { text, ..Finding::default() }])
            }
        }
        (Need::No, true) => {
            let reason = format!(
                "with a main fuse of {fuse_a} A a meter measures directly as a rule, but the ratio is {ratio}: look at \
                 the meter"
            );
            Ruling::inconclusive(Cause::Config, reason)
        }
        (Need::Yes, true) | (Need::No, false) => Ruling::pass(format!("main fuse {fuse_a} A, ratio {ratio}")),
    }
}
