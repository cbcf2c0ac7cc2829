//! One function per check: from a trial put in order to verdict, cause and reason.
//!
//! A silent dongle fails `han.claim.answers` and nothing else: all other checks are inconclusive, so that one cause
//! does not look like twenty (basic interconnection test, ISO/IEC 9646).

use super::fields::Comparison;
use super::session::{About, End, Sent, Session, list};
use super::{FINDINGS_MAX, Ruling, bench, link};
use crate::verdict::Cause;
use crate::verdict::checks::{self, FieldRule, Rule, ScalingRule};
use crate::verdict::results::Finding;
use crate::verdict::trial::{DamageKind, Part, Telegram, What};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Judges one check.
pub(super) fn rule(id: &str, session: &Session<'_>) -> Ruling {
    let Some(check) = checks::find(id) else {
        return Ruling::error(format!("no rule is known for check {id}"));
    };
    let heard = |judged: &dyn Fn() -> Ruling| nothing_to_judge(session).unwrap_or_else(judged);
    match check.rule {
        Rule::Reviewed => {
            Ruling::error(format!("{id} is decided before anything is played, and no trial carries it"))
        }
        Rule::Loop => Ruling::error(format!("{id} is judged on a closed loop, and no telegram carries it")),
        Rule::Probe => Ruling::error(format!("{id} is judged on a debug probe, and no telegram carries it")),
        Rule::Clamps => Ruling::error(format!("{id} is judged on waveforms, and no telegram carries it")),
        Rule::Alive => alive(session),
        Rule::Answers => answers(session),
        Rule::Once => heard(&|| once(session)),
        Rule::InTime => heard(&|| in_time(session)),
        Rule::Explained => heard(&|| explained(session)),
        Rule::Fresh => heard(&|| fresh(session)),
        Rule::Fields(rule) => heard(&|| fields(session, rule)),
        Rule::Refused(kind) => heard(&|| link::refused(session, kind)),
        Rule::Claimed(concern) => heard(&|| link::claimed_all(session, concern)),
        Rule::Latency => heard(&|| latency(session)),
        Rule::Scaling(ScalingRule::FuseRule) => super::scaling::fuse(&session.trial.dut),
        Rule::Scaling(rule) => heard(&|| super::scaling::rule(rule, session)),
        Rule::L2(rule) => heard(&|| super::l2::rule(rule, session)),
    }
}

/// `1 telegram`, `2 telegrams`.
pub(super) fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

pub(super) fn finding(sent: &Sent<'_>, text: String) -> Finding {
    Finding { part: Some(sent.part), text, ..Finding::default() }
}

/// The telegrams that a DUT must have claimed.
fn due<'s, 'a>(session: &'s Session<'a>) -> impl Iterator<Item = (usize, &'s Sent<'a>)> {
    session.sent.iter().enumerate().filter(|(_, sent)| sent.is_due() && sent.excuse().is_none())
}

/// What the bench itself did wrong, when that leaves something unproven.
pub(super) fn spoiled<'s>(
    session: &Session<'_>,
    faults: impl Iterator<Item = (&'s Sent<'s>, String)>,
) -> Option<Ruling> {
    let faults: Vec<String> =
        faults.map(|(sent, fault)| format!("{}: {fault}", session.name(sent))).collect();
    let more = if faults.len() > 1 { format!("; {} more", faults.len() - 1) } else { String::new() };
    faults.first().map(|first| Ruling::inconclusive(Cause::Rig, format!("{first}{more}")))
}

/// Telegrams that a DUT behind the newest neither claimed nor lost.
pub(super) fn stale<'s, 'a: 's>(
    session: &Session<'a>,
    among: impl Iterator<Item = &'s Sent<'a>>,
) -> Option<Ruling> {
    let texts: Vec<String> = among
        .filter_map(|sent| {
            let how = match sent.stale {
                Some(_) => "was answered with an older reading",
                None if session.came_late(sent) => "was claimed only in answer to a later one",
                None => return None,
            };
            Some(format!("{} {how}; see han.claim.fresh", session.name(sent)))
        })
        .collect();
    let more = if texts.len() > 1 { format!("; {} more", texts.len() - 1) } else { String::new() };
    let reason = format!("{}{more}", texts.first()?);
    Some(Ruling::inconclusive(Cause::Dut, reason))
}

/// Telegrams that were not claimed because the bench tore them.
pub(super) fn excused(session: &Session<'_>) -> Option<Ruling> {
    let due = session.sent.iter().filter(|sent| sent.is_due());
    spoiled(session, due.filter_map(|sent| Some((sent, sent.excuse()?))))
}

/// The same, when there is no telegram left that the DUT owes a claim.
fn all_excused(session: &Session<'_>) -> Option<Ruling> {
    if due(session).next().is_none() { excused(session) } else { None }
}

/// Who ended a trial before this could be judged, and how.
fn ended_early(session: &Session<'_>) -> (Cause, String) {
    match session.end {
        Some(End::Exited(how)) => {
            (Cause::Dut, format!("the DUT ended by itself before this could be judged: {how}"))
        }
        Some(End::Misbehaved(why)) => {
            (Cause::Dut, format!("the bench had to stop before this could be judged: {why}"))
        }
        Some(End::Stopped(why)) if session.sent.is_empty() => {
            (Cause::Rig, format!("nothing was sent: {why}"))
        }
        Some(End::Stopped(why)) => {
            (Cause::Timeout, format!("the bench stopped before this could be judged: {why}"))
        }
        None => (Cause::Rig, "nothing was sent".to_string()),
    }
}

/// What every check but `han.claim.answers` and `han.dut.alive` says when nothing was claimed.
fn nothing_to_judge(session: &Session<'_>) -> Option<Ruling> {
    if !session.claims.is_empty() {
        return None;
    }
    if session.sent.iter().all(|sent| !sent.judged) {
        let (cause, reason) = ended_early(session);
        return Some(Ruling::inconclusive(cause, reason));
    }
    let reason = "nothing was claimed, so nothing could be compared";
    Some(all_excused(session).unwrap_or_else(|| Ruling::inconclusive(Cause::Dut, reason)))
}

fn alive(session: &Session<'_>) -> Ruling {
    match session.end {
        Some(End::Exited(how)) => {
            let text = format!("the DUT ended by itself: {how}");
            Ruling::fail(vec![Finding { text, ..Finding::default() }])
        }
        Some(End::Misbehaved(why)) => {
            let text = format!("the bench had to stop: {why}");
            Ruling::fail(vec![Finding { text, ..Finding::default() }])
        }
        _ if session.sent.is_empty() => {
            let (cause, reason) = ended_early(session);
            Ruling::inconclusive(cause, reason)
        }
        _ if session.claims.is_empty() => {
            let reason = "nothing was claimed, so it gave no sign of life";
            all_excused(session).unwrap_or_else(|| Ruling::inconclusive(Cause::Dut, reason))
        }
        _ => {
            let sent = count(session.sent.len(), "telegram");
            Ruling::pass(format!("{sent} sent, {} seen", count(session.claims.len(), "claim")))
        }
    }
}

fn answers(session: &Session<'_>) -> Ruling {
    let intact = due(session).count();
    if !session.claims.is_empty() {
        let claims = count(session.claims.len(), "claim");
        return Ruling::pass(format!("{claims} with {} sent", count(session.sent.len(), "telegram")));
    }
    if required(session).next().is_none() {
        return Ruling::not_applicable("there is no intact telegram to answer");
    }
    if let (Some(End::Exited(how)), false) = (&session.end, session.sent.is_empty()) {
        let text = format!("the DUT ended by itself before it claimed anything: {how}");
        return Ruling::fail(vec![Finding { text, ..Finding::default() }]);
    }
    if intact == 0 {
        let (cause, reason) = ended_early(session);
        return all_excused(session).unwrap_or_else(|| Ruling::inconclusive(cause, reason));
    }
    let were = if intact == 1 { "was" } else { "were" };
    let sent = count(intact, "intact telegram");
    let text = format!("{sent} {were} sent and nothing was claimed: {}", instead(session));
    Ruling::fail(vec![Finding { text, ..Finding::default() }])
}

/// `{"event":"ready"}` and its like are no failed attempt at a claim.
fn is_event(line: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(line).is_ok_and(|object| object.contains_key("event"))
}

/// What a DUT that claims nothing did instead.
fn instead(session: &Session<'_>) -> String {
    let mut refusals = Vec::new();
    let mut lines = Vec::new();
    for event in &session.trial.events {
        match &event.what {
            What::Rejected { reason } => refusals.push(reason),
            What::Log { line } if !is_event(line) => lines.push(line),
            _ => {}
        }
    }
    let short = |text: &str| -> String { text.chars().take(80).collect() };
    match (refusals.first(), lines.last()) {
        (Some(first), _) => {
            format!("it refused {} times, first because of {:?}", refusals.len(), short(first))
        }
        (None, Some(last)) => {
            let lines = count(lines.len(), "line");
            format!("it printed {lines}, nothing of which is a claim, last {:?}", short(last))
        }
        (None, None) => "the dongle is silent".to_string(),
    }
}

fn once(session: &Session<'_>) -> Ruling {
    let mut findings = Vec::new();
    let mut judged = 0;
    for (_, sent) in due(session) {
        judged += 1;
        if !sent.is_answered() {
            let text = format!("{} was not claimed within {}", session.name(sent), session.within());
            findings.push(finding(sent, text));
        }
    }
    for claim in &session.claims {
        if matches!(claim.about, About::Twice(_) | About::OutOfOrder(_)) {
            findings.extend(too_many(session, claim.about));
        }
    }
    findings.sort_by_key(|finding| finding.part);
    if let (true, Some(excused)) = (findings.is_empty(), excused(session)) {
        return excused;
    }
    if let (true, Some(stale)) = (findings.is_empty(), stale(session, due(session).map(|(_, sent)| sent))) {
        return stale;
    }
    match judged {
        _ if !findings.is_empty() => Ruling::fail(findings),
        0 if required(session).next().is_none() => {
            Ruling::not_applicable("there is no intact telegram to claim")
        }
        0 => unseen(session, "no intact telegram was sent"),
        _ => Ruling::pass(format!("{judged} of {}", count(judged, "intact telegram"))),
    }
}

/// What the stimulus has was not seen: the trial ended early, or the DUT did not claim it.
pub(super) fn unseen(session: &Session<'_>, reason: &str) -> Ruling {
    if session.end.is_some() {
        let (cause, reason) = ended_early(session);
        return Ruling::inconclusive(cause, reason);
    }
    Ruling::inconclusive(Cause::Dut, reason)
}

/// The telegrams of the stimulus, sent or not, with their part.
pub(super) fn telegrams<'a>(session: &Session<'a>) -> impl Iterator<Item = (usize, &'a Telegram)> {
    session.trial.stimulus.parts.iter().enumerate().filter_map(|(at, part)| match part {
        Part::Telegram(telegram) => Some((at, telegram)),
        Part::Noise { .. } | Part::Silence { .. } | Part::Ratio { .. } => None,
    })
}

/// The telegrams of the stimulus that must be claimed once they are sent.
pub(super) fn required<'a>(session: &Session<'a>) -> impl Iterator<Item = (usize, &'a Telegram)> {
    telegrams(session).filter(|(_, telegram)| telegram.damage.is_none() && !telegram.optional)
}

fn in_time(session: &Session<'_>) -> Ruling {
    let claimed = session.sent.iter().filter(|sent| sent.is_intact() && sent.claim.is_some());
    let (mut findings, mut judged) = (Vec::new(), 0);
    for sent in claimed {
        judged += 1;
        if session.late(sent) {
            let text = format!("{} was claimed later than {}", session.name(sent), session.within());
            findings.push(finding(sent, text));
        }
    }
    match judged {
        _ if !findings.is_empty() => Ruling::fail(findings),
        0 => unseen(session, "no claim belongs to an intact telegram"),
        _ => Ruling::pass(format!("{} within {}", count(judged, "claim"), session.within())),
    }
}

/// At the speed of the line. The bench's own error must be small beside the limit.
fn latency(session: &Session<'_>) -> Ruling {
    let Some(pacing) = session.trial.pacing else {
        return Ruling::not_applicable("the bytes were not paced at the speed of the line");
    };
    let limit = session.trial.dut.claim_within_us / 10;
    if pacing.p99_us > limit {
        let (late, limit) = (bench::ms(pacing.p99_us), bench::ms(limit));
        let reason =
            format!("the bench sent its own bytes up to {late} late; to judge, at most {limit} will do");
        return Ruling::inconclusive(Cause::Rig, reason);
    }
    in_time(session)
}

/// A check with this rule is listed for the trial.
fn lists(session: &Session<'_>, rule: Rule) -> bool {
    let checks = &session.trial.stimulus.checks;
    checks.iter().any(|id| checks::find(id).is_some_and(|check| check.rule == rule))
}

pub(super) fn damage_kind(telegram: &Telegram) -> Option<DamageKind> {
    telegram.damage.as_ref().map(|damage| damage.kind)
}

pub(super) fn damaged_claimed(session: &Session<'_>, at: usize) -> Finding {
    let sent = &session.sent[at];
    let damage = sent.telegram.damage.as_ref().map_or("", |damage| damage.how.as_str());
    finding(sent, format!("{} was claimed although it was damaged ({damage})", session.name(sent)))
}

/// Claims that no telegram explains, and those of other kinds that no listed check is about.
fn explained(session: &Session<'_>) -> Ruling {
    let mut findings = Vec::new();
    for claim in &session.claims {
        match claim.about {
            About::Telegram(_) => {}
            About::Damaged(at) => {
                let kind = damage_kind(session.sent[at].telegram);
                if !kind.is_some_and(|kind| lists(session, Rule::Refused(kind))) {
                    findings.push(damaged_claimed(session, at));
                }
            }
            About::Twice(_) | About::OutOfOrder(_) if lists(session, Rule::Once) => {}
            About::Stale { .. } | About::Old { .. } if lists(session, Rule::Fresh) => {}
            About::Twice(_) | About::OutOfOrder(_) | About::Stale { .. } | About::Old { .. } => {
                findings.extend(too_many(session, claim.about));
            }
            About::Nothing => {
                let text = serde_json::to_string(claim.claim).unwrap_or_default();
                let short: String = text.chars().take(80).collect();
                let dots = if short.len() < text.len() { "…" } else { "" };
                let text = format!("no telegram explains the claim {short}{dots}");
                findings.push(Finding { text, ..Finding::default() });
            }
        }
    }
    if !findings.is_empty() {
        return Ruling::fail(findings);
    }
    Ruling::pass(format!("{}, each explained by a telegram", count(session.claims.len(), "claim")))
}

/// A claim of a reading whose telegram has its claim already, or had its turn: which of these it is.
fn too_many(session: &Session<'_>, about: About) -> Option<Finding> {
    let (at, text) = match about {
        About::Twice(at) => (at, format!("{} was claimed twice", session.name(&session.sent[at]))),
        About::OutOfOrder(at) => {
            (at, format!("{} was claimed after a later one", session.name(&session.sent[at])))
        }
        About::Old { repeats, newest } => {
            let (name, newest) = (session.name(&session.sent[repeats]), session.sent[newest].number);
            (
                repeats,
                format!("the reading of {name} was claimed again while telegram {newest} was the newest"),
            )
        }
        About::Stale { of, repeats } => {
            let name = session.name(&session.sent[of]);
            let old = match repeats {
                Some(old) => format!("the reading of telegram {}", session.sent[old].number),
                None => "a reading from before".to_string(),
            };
            (of, format!("{name} was answered with {old}"))
        }
        About::Telegram(_) | About::Damaged(_) | About::Nothing => return None,
    };
    Some(finding(&session.sent[at], text))
}

fn fresh(session: &Session<'_>) -> Ruling {
    let (mut findings, mut judged) = (Vec::new(), 0);
    for claim in &session.claims {
        match claim.about {
            About::Stale { .. } | About::Old { .. } => findings.extend(too_many(session, claim.about)),
            About::Telegram(at) => {
                let reading = &session.sent[at].telegram.reading;
                let could = session.sent[..at].iter().any(|old| old.telegram.reading != *reading);
                judged += usize::from(could);
            }
            _ => {}
        }
    }
    if !findings.is_empty() {
        return Ruling::fail(findings);
    }
    let mut readings =
        telegrams(session).filter(|(_, one)| one.damage.is_none()).map(|(_, one)| &one.reading);
    let first = readings.next();
    match judged {
        0 if readings.all(|reading| Some(reading) == first) => {
            Ruling::not_applicable("all intact telegrams of this capture carry the same reading")
        }
        0 => unseen(session, "no telegram after a different one was claimed"),
        _ => Ruling::pass(format!("{} that differ from an earlier one", count(judged, "claim"))),
    }
}

/// The words of a field rule: one thing compared, and what a telegram would have to carry.
fn words(rule: FieldRule) -> (&'static str, &'static str) {
    match rule {
        FieldRule::Form => ("field", "a field"),
        FieldRule::Value => ("value", "a number in an announced scale"),
        FieldRule::Complete => ("field", "a field"),
        FieldRule::Absent => ("claim", "anything"),
        FieldRule::Time => ("time", "a time"),
        FieldRule::Text => ("text", "a text"),
        FieldRule::Scale => ("value", "a number in an unannounced scale"),
    }
}

/// All claims that belong to a telegram, compared; and what the rest would have given to compare.
fn compared(session: &Session<'_>, rule: FieldRule) -> (Comparison, Vec<Finding>, usize) {
    let mut all = Comparison::default();
    let (mut findings, mut claimed) = (Vec::new(), 0);
    let own = |(at, sent): &(usize, &Sent<'_>)| {
        let own = [About::Telegram(*at), About::OutOfOrder(*at)];
        sent.claim.is_some_and(|claim| own.contains(&session.claims[claim].about))
    };
    // Per part: the telegram as sent and claimed.
    let claimed_parts: BTreeMap<usize, usize> =
        session.sent.iter().enumerate().filter(own).map(|(at, sent)| (sent.part, at)).collect();
    for (part, telegram) in telegrams(session).filter(|(_, telegram)| telegram.damage.is_none()) {
        let sent = claimed_parts.get(&part).map(|at| (*at, &session.sent[*at]));
        let own = sent.and_then(|(at, sent)| sent.claim.map(|claim| (at, sent, claim)));
        let Some((at, sent, claim)) = own else {
            all.add_expected(&super::fields::compare(telegram, &Map::new(), &session.trial.dut));
            continue;
        };
        claimed += 1;
        let result = session.compare(at, claim);
        let list = list(telegram).map(|list| format!(", {list}")).unwrap_or_default();
        findings.extend(result.findings(rule).iter().map(|one| Finding {
            part: Some(part),
            text: format!("{} (telegram {}{list})", one.text, sent.number),
            ..one.clone()
        }));
        all.add(result);
    }
    (all, findings, claimed)
}

fn fields(session: &Session<'_>, rule: FieldRule) -> Ruling {
    let (all, findings, claimed) = compared(session, rule);
    let unknown = all.unknown.iter().take(if rule == FieldRule::Form { FINDINGS_MAX } else { 0 });
    let notes: Vec<Finding> = unknown
        .map(|key| Finding {
            key: Some(key.clone()),
            text: format!("unknown key `{key}` ignored"),
            weightless: true,
            ..Finding::default()
        })
        .collect();
    let mut ruling = fields_compared(session, rule, (&all, findings, claimed));
    ruling.findings.extend(notes);
    ruling
}

fn fields_compared(
    session: &Session<'_>,
    rule: FieldRule,
    (all, findings, claimed): (&Comparison, Vec<Finding>, usize),
) -> Ruling {
    let telegrams = session.sent.iter().filter(|sent| sent.is_intact() && sent.judged).count();
    let (thing, carried) = words(rule);
    let omits = match session.trial.dut.omits.is_empty() {
        true => "",
        false => ", but for what the rig file lists under omits",
    };
    if !findings.is_empty() {
        return Ruling::fail(findings);
    }
    if all.expected(rule) == 0 && rule != FieldRule::Form {
        return Ruling::not_applicable(format!("no telegram of this capture carries {carried}{omits}"));
    }
    if rule == FieldRule::Scale && !session.trial.dut.scale_told {
        let reason = "the rig file does not say that this DUT was told the scale";
        return Ruling::inconclusive(Cause::Config, reason);
    }
    if all.compared(rule) == 0 {
        return unseen(session, &format!("no claim has {carried} that could be compared"));
    }
    let compared = count(all.compared(rule), thing);
    if rule == FieldRule::Absent && !all.unbounded.is_empty() {
        let keys: Vec<String> = all.unbounded.iter().map(|key| format!("`{key}`")).collect();
        let keys = keys.join(", ");
        let reason = format!("no interval is known for what was claimed as an estimate: {keys}");
        return Ruling::inconclusive(Cause::Harness, reason);
    }
    let stale = session.sent.iter().filter(|sent| sent.stale.is_some()).count();
    let stale = match stale {
        0 => String::new(),
        _ => format!("; {stale} answered with an older reading, which is not compared"),
    };
    Ruling::pass(format!("{claimed} of {}, {compared} compared{stale}", count(telegrams, "telegram")))
}
