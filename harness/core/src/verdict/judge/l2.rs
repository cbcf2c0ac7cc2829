//! What a dongle says of L2 where the meter says nothing.
//!
//! Judged is membership: the bound and the two candidates that the other numbers leave ([`crate::site::l2`]). The truth
//! that the telegrams were made from is asked in one rule only, the one about a fuse. A 0 that the meter itself sends in
//! place of a measurement may be passed on (contract, section 3) and counts as left out.

use super::rules::{finding, unseen};
use super::session::{About, Sent, Session};
use super::{FINDINGS_MAX, Ruling};
use crate::reading::{Key, Milli};
use crate::site::Interval;
use crate::site::l2::estimators::{self, Estimator};
use crate::site::l2::identify::{Identified, identify};
use crate::site::l2::triangle::{Candidates, candidates};
use crate::site::l2::{Inputs, Steps, bound, voltage};
use crate::verdict::checks::L2Rule;
use crate::verdict::results::Finding;
use crate::verdict::trial::{Part, Telegram};
use crate::verdict::{Cause, Verdict};
use serde_json::{Map, Value};

/// Half a digit of a claim with one decimal, in amperes or volts.
const HALF_DIGIT: f64 = 0.05;
/// How far from a candidate a claim may be, in amperes; real lists miss the nearer one by 2.14 A at most (field bugs,
/// section 0). An overload counts as hidden from the same size on.
const NEAR_A: f64 = 2.5;
/// A formula explains claims that are so near to it, root of the mean square, in amperes or volts.
const SAME: f64 = 0.1;

const CURRENT: &str = "current_l2_a";
const VOLTAGE: &str = "voltage_l2_v";

/// A telegram with the claim that belongs to it.
struct Case<'s> {
    sent: &'s Sent<'s>,
    claim: &'s Map<String, Value>,
    list: Inputs,
    steps: Steps,
}

/// A claim for a key that the meter did not send.
struct Estimate<'s> {
    case: &'s Case<'s>,
    /// As claimed: a current may carry a sign.
    claimed: f64,
    /// Its size.
    value: f64,
    marked: bool,
}

/// Judges one rule.
pub(super) fn rule(rule: L2Rule, session: &Session<'_>) -> Ruling {
    let material = |part: &Part| matches!(part, Part::Telegram(telegram) if !telegram.truth.is_empty());
    if !session.trial.stimulus.parts.iter().any(material) {
        return Ruling::not_applicable("no telegram of this stimulus leaves out an L2 that is known");
    }
    let cases = cases(session);
    if cases.is_empty() {
        return unseen(session, "no telegram without L2 was claimed");
    }
    let about: &[&'static str] = match rule {
        L2Rule::Interval => &[VOLTAGE],
        L2Rule::Bound | L2Rule::Candidate | L2Rule::Overload => &[CURRENT],
        L2Rule::Marked | L2Rule::Method => &[CURRENT, VOLTAGE],
    };
    if let Some(what) = no_number(&cases, about) {
        return Ruling::inconclusive(Cause::Dut, what);
    }
    let (currents, volts) = (estimates(&cases, CURRENT), estimates(&cases, VOLTAGE));
    let needed = match rule {
        L2Rule::Marked => return marked(session, &cases),
        L2Rule::Method => currents.len() + volts.len(),
        L2Rule::Interval => volts.len(),
        L2Rule::Bound | L2Rule::Candidate | L2Rule::Overload => currents.len(),
    };
    if needed == 0 {
        let what = if rule == L2Rule::Interval { "the voltage" } else { "the current" };
        let reason = format!(
            "the dongle leaves {what} of L2 out, or passes on the 0 that the meter sends in its place"
        );
        return Ruling::not_applicable(reason);
    }
    match rule {
        L2Rule::Bound => inside(session, &currents, "A", |one| {
            Some(bound(
                one.list.current_a[0]?,
                one.list.current_a[2]?,
                one.steps.bound_slack_a() + HALF_DIGIT,
            ))
        }),
        L2Rule::Interval => inside(session, &volts, "V", |one| {
            let range = voltage::three_wire(&one.list, voltage::Grid::EN_50160)?;
            let slack = one.steps.voltage_v + HALF_DIGIT;
            Some(Interval { low: range.low - slack, high: range.high + slack })
        }),
        L2Rule::Candidate => candidate(session, &currents),
        L2Rule::Overload => overload(session, &currents),
        L2Rule::Marked | L2Rule::Method => method(&currents, &volts),
    }
}

fn cases<'s>(session: &'s Session<'s>) -> Vec<Case<'s>> {
    let own = |(at, sent): (usize, &'s Sent<'s>)| {
        let claim = &session.claims[sent.claim?];
        let whole = claim.about == About::Telegram(at) && !sent.telegram.truth.is_empty();
        let (claim, list) = (claim.claim, inputs(sent.telegram)?);
        whole.then_some(Case { sent, claim, list, steps: steps(&session.trial.stimulus.family) })
    };
    session.sent.iter().enumerate().filter_map(own).collect()
}

fn steps(family: &str) -> Steps {
    match family {
        "kaifa" | "nuri" => Steps::KAIFA,
        "kamstrup" => Steps::KAMSTRUP,
        // Embriq: as Aidon, with currents in 0.01 A.
        "stange" => Steps { current_a: 0.01, ..Steps::AIDON },
        _ => Steps::AIDON,
    }
}

/// What the telegram says, without the zeros that stand for nothing.
fn inputs(telegram: &Telegram) -> Option<Inputs> {
    let number = |key: Key| {
        let zero = telegram.zero_unmeasured.iter().any(|other| other == key.name());
        let value = telegram.reading.get(key.name())?.as_f64()?;
        (!zero || value != 0.0).then_some(value.abs())
    };
    let reactive = number(Key::ReactiveImport).zip(number(Key::ReactiveExport));
    Some(Inputs {
        import_w: number(Key::ActiveImport)?,
        export_w: number(Key::ActiveExport).unwrap_or(0.0),
        reactive_var: reactive.map(|(import, export)| import - export),
        current_a: Key::CURRENTS.map(number),
        voltage_v: Key::VOLTAGES.map(number),
    })
}

/// The claims for a key that the meter did not send, its own zeros passed on left out.
fn estimates<'s>(cases: &'s [Case<'s>], key: &str) -> Vec<Estimate<'s>> {
    let one = |case: &'s Case<'s>| {
        case.sent.telegram.truth.get(key)?;
        let claimed = case.claim.get(key)?.as_f64()?;
        let value = claimed.abs();
        let list = case.claim.get("estimated").and_then(Value::as_array);
        let marked = list.is_some_and(|list| list.iter().any(|other| other.as_str() == Some(key)));
        let passed_on = value == 0.0 && !marked && case.sent.telegram.reading.contains_key(key);
        (!passed_on).then_some(Estimate { case, claimed, value, marked })
    };
    cases.iter().filter_map(one).collect()
}

/// An L2 that is claimed as something else than a number: nothing can be held against it, and it is not left out.
fn no_number(cases: &[Case<'_>], about: &[&'static str]) -> Option<String> {
    let claimed = cases.iter().flat_map(|case| {
        let keys = about.iter().copied().filter(|key| case.sent.telegram.truth.contains_key(*key));
        keys.filter_map(|key| Some((key, case.claim.get(key)?)))
    });
    let (key, value) = claimed.into_iter().find(|(_, value)| !value.is_number() && !value.is_null())?;
    let value: String = value.to_string().chars().take(40).collect();
    Some(format!("{key} is claimed as {value}, which is no number"))
}

fn found(session: &Session<'_>, one: &Estimate<'_>, key: &str, expected: String, text: String) -> Finding {
    let text = format!("{}: {text}", session.name(one.case.sent));
    let claimed = Some(shown(one.value));
    Finding { key: Some(key.to_string()), expected: Some(expected), claimed, ..finding(one.case.sent, text) }
}

/// At most three decimals; as a power of ten what no meter shows.
fn shown(value: f64) -> String {
    if value.abs() < 1e12 { Milli((value * 1000.0).round() as i64).to_string() } else { format!("{value:e}") }
}

fn count(number: usize, all: usize) -> String {
    format!("{number} of {all} claims for L2")
}

/// Every claim lies in its interval.
fn inside(
    session: &Session<'_>,
    claims: &[Estimate<'_>],
    unit: &str,
    range: impl Fn(&Case<'_>) -> Option<Interval>,
) -> Ruling {
    let key = if unit == "A" { CURRENT } else { VOLTAGE };
    let (mut findings, mut judged) = (Vec::new(), 0);
    for one in claims {
        let Some(range) = range(one.case) else { continue };
        judged += 1;
        if !range.contains(one.value) {
            let allowed = format!("{:.2} to {:.2} {unit}", range.low, range.high);
            let text = format!("{} {unit} claimed for L2, but only {allowed} is possible", shown(one.value));
            findings.push(found(session, one, key, allowed, text));
        }
    }
    match judged {
        _ if !findings.is_empty() => Ruling::fail(findings),
        0 => unseen(session, "no telegram that was claimed carries L1 and L3"),
        _ => Ruling::pass(format!("{} inside", count(judged, claims.len()))),
    }
}

fn candidate(session: &Session<'_>, claims: &[Estimate<'_>]) -> Ruling {
    let (mut findings, mut judged) = (Vec::new(), 0);
    for one in claims {
        let Ok(candidates) = candidates(&one.case.list, one.case.steps) else { continue };
        let both = match candidates {
            Candidates::Two { plus_a, minus_a } if (plus_a - minus_a).abs() < HALF_DIGIT => {
                format!("{plus_a:.1} A")
            }
            Candidates::Two { plus_a, minus_a } => format!("{plus_a:.1} or {minus_a:.1} A"),
            Candidates::OneLoop(amperes) => format!("{amperes:.1} A"),
            Candidates::NoTriangle(_) => continue,
        };
        judged += 1;
        if candidates.distance_a(one.value).is_some_and(|off| off > NEAR_A) {
            let text = format!("{} A claimed for L2, but P, Q, U and I leave {both}", shown(one.value));
            findings.push(found(session, one, CURRENT, both, text));
        }
    }
    match judged {
        0 => unseen(session, "no telegram that was claimed leaves candidates for L2"),
        _ if findings.is_empty() => {
            Ruling::pass(format!("{} within {NEAR_A} A of a candidate", count(judged, claims.len())))
        }
        // Soft: the waveform may be why. What is impossible fails under the bound.
        _ => Ruling { verdict: Verdict::Inconclusive, ..Ruling::fail(findings) },
    }
}

/// The one question a fuse asks: is L2 the fullest line, and does the dongle say less?
fn overload(session: &Session<'_>, claims: &[Estimate<'_>]) -> Ruling {
    let (mut hidden, mut told, mut judged) = (Vec::new(), Vec::new(), 0);
    for one in claims {
        let Some(truth) = one.case.sent.telegram.truth.get(CURRENT).and_then(Value::as_f64) else { continue };
        let outer = [one.case.list.current_a[0], one.case.list.current_a[2]];
        if outer.into_iter().flatten().any(|amperes| amperes > truth) {
            continue;
        }
        judged += 1;
        if one.value >= truth - NEAR_A {
            continue;
        }
        let (claimed, short) = (one.value, truth - one.value);
        let expected = format!("{truth:.1} A");
        if one.marked {
            let text =
                format!("L2 carries {truth:.1} A; the estimate says {claimed:.1} A, {short:.1} A too little");
            told.push(Finding { weightless: true, ..found(session, one, CURRENT, expected, text) });
        } else {
            let text = format!(
                "L2 carries {truth:.1} A, more than L1 and L3, but the dongle shows {claimed:.1} A as if it were \
                 measured: whoever sets a charger by it can overload the fuse of L2 by {short:.1} A"
            );
            hidden.push(found(session, one, CURRENT, expected, text));
        }
    }
    told.truncate(FINDINGS_MAX);
    let mut ruling = match judged {
        _ if !hidden.is_empty() => Ruling::fail(hidden),
        0 => unseen(session, "no telegram in which L2 carries most was claimed"),
        _ if told.is_empty() => {
            Ruling::pass(format!("{judged} claims where L2 carries most, none too small"))
        }
        _ => Ruling::not_applicable(
            "every claim that is too small is marked as an estimate, which bound and candidates judge",
        ),
    };
    ruling.findings.extend(told);
    ruling
}

/// What the meter did not send is listed under `estimated`.
fn marked(session: &Session<'_>, cases: &[Case<'_>]) -> Ruling {
    let mut findings = Vec::new();
    let mut claimed = 0;
    for key in [CURRENT, VOLTAGE] {
        for one in estimates(cases, key) {
            claimed += 1;
            if !one.marked {
                let text = format!("{} claimed for {key} as if the meter had sent it", shown(one.value));
                findings.push(found(session, &one, key, "listed under `estimated`".to_string(), text));
            }
        }
    }
    findings.sort_by_key(|finding| finding.part);
    match claimed {
        _ if !findings.is_empty() => Ruling::fail(findings),
        0 => Ruling::pass(format!(
            "{} claims, none of them with an L2 that the meter did not send",
            cases.len()
        )),
        _ => Ruling::pass(format!("{claimed} estimates, all listed")),
    }
}

/// Which known formula it is.
fn method(currents: &[Estimate<'_>], volts: &[Estimate<'_>]) -> Ruling {
    let pairs = |claims: &[Estimate<'_>]| -> Vec<(Inputs, f64)> {
        claims.iter().map(|one| (one.case.list, one.claimed)).collect()
    };
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    let all: [(&str, &[Estimate<'_>], &'static [Estimator]); 2] =
        [("I2", currents, &estimators::CURRENT), ("U2", volts, &estimators::VOLTAGE)];
    for (name, claims, table) in all.into_iter().filter(|(_, claims, _)| !claims.is_empty()) {
        match identify(table, &pairs(claims), SAME) {
            Identified::One { best, .. } => known.push(format!("{name} by {}", described(best.estimator))),
            Identified::Several(fits) => {
                let names: Vec<String> = fits.iter().map(|fit| described(fit.estimator)).collect();
                known.push(format!("{name} by {}", names.join(" or ")));
            }
            Identified::Unknown { nearest } => {
                let nearest = nearest.map_or(String::new(), |fit| {
                    format!("; the nearest is {}, {:.1} off", described(fit.estimator), fit.residual)
                });
                unknown.push(format!("no known formula gives the claims of {name}{nearest}"));
            }
            Identified::TooFew(lists) => {
                unknown.push(format!("{lists} claims of {name} are too few to tell"))
            }
        }
    }
    if unknown.is_empty() {
        return Ruling::pass(format!("the dongle computes {}", known.join(", ")));
    }
    let note = |text| Finding { text, weightless: true, ..Finding::default() };
    let findings = known.into_iter().map(|text| note(format!("the dongle computes {text}"))).collect();
    Ruling { findings, ..Ruling::inconclusive(Cause::Dut, unknown.join("; ")) }
}

fn described(estimator: &Estimator) -> String {
    format!("{} = {}", estimator.name, estimator.formula)
}
