//! Checks on the link layer: what was damaged is refused, and what was not is claimed.

use super::rules::{
    count, damage_kind, damaged_claimed, excused, finding, required, spoiled, stale, telegrams, unseen,
};
use super::session::{About, Sent, Session};
use super::{Ruling, bench};
use crate::verdict::checks::Concern;
use crate::verdict::stimulus::{has_inner_flag, is_segmented};
use crate::verdict::trial::{DamageKind, Part, Telegram};
use crate::verdict::{Cause, SILENCE_MIN_US};

/// Damaged telegrams of one kind must produce no claim. Silence proves nothing: an intact neighbour must be claimed.
pub(super) fn refused(session: &Session<'_>, kind: DamageKind) -> Ruling {
    let is_target = |telegram: &Telegram| damage_kind(telegram) == Some(kind);
    let mut findings = Vec::new();
    for claim in &session.claims {
        if let About::Damaged(at) = claim.about
            && is_target(session.sent[at].telegram)
        {
            findings.push(damaged_claimed(session, at));
        }
    }
    if !findings.is_empty() {
        return Ruling::fail(findings);
    }
    let targets: Vec<usize> =
        (0..session.sent.len()).filter(|at| is_target(session.sent[*at].telegram)).collect();
    if !telegrams(session).any(|(_, telegram)| is_target(telegram)) {
        return Ruling::not_applicable("no telegram of this stimulus has this damage");
    }
    if targets.iter().any(|at| is_ambiguous(session, *at)) {
        let reason = "a damaged telegram has the reading of an intact one, and a claim of it too many may be of either";
        return Ruling::inconclusive(Cause::Dut, reason);
    }
    let proven = targets.iter().filter(|at| was_listening(session, **at)).count();
    if proven == 0 {
        let reason =
            "no intact telegram beside a damaged one was claimed, so refusing cannot be told from silence";
        let excuse = excused(session).or_else(|| stale(session, session.sent.iter()));
        return excuse.unwrap_or_else(|| Ruling::inconclusive(Cause::Dut, reason));
    }
    Ruling::pass(format!(
        "{proven} of {} refused by a DUT that claimed the intact ones",
        count(targets.len(), "damaged telegram")
    ))
}

/// After this damaged telegram its reading was claimed once more than intact telegrams account for.
fn is_ambiguous(session: &Session<'_>, at: usize) -> bool {
    (0..session.claims.len()).any(|claim| {
        let extra = matches!(session.claims[claim].about, About::Twice(_) | About::Old { .. });
        extra && session.is_open_for(at, claim) && session.repeats(at, claim)
    })
}

/// An intact telegram after this one was claimed; where none came after it, the one before.
fn was_listening(session: &Session<'_>, at: usize) -> bool {
    let claimed = |sent: &Sent<'_>| sent.is_intact() && sent.claim.is_some();
    let mut after = session.sent[at + 1..].iter().filter(|sent| sent.is_intact()).peekable();
    match after.peek() {
        Some(_) => after.any(claimed),
        None => session.sent[..at].iter().rev().find(|sent| sent.is_intact()).is_some_and(claimed),
    }
}

/// Whether the check is about this telegram, and why, for the reason.
fn concerns(concern: Concern, parts: &[Part], at: usize, telegram: &Telegram) -> Option<&'static str> {
    let shared = |at: usize| match parts.get(at) {
        Some(Part::Telegram(telegram)) => telegram.glued && telegram.bytes.first() != Some(&0x7E),
        _ => false,
    };
    let troubled = |part: &Part| match part {
        Part::Telegram(telegram) => telegram.damage.is_some(),
        Part::Noise { .. } => true,
        Part::Silence { .. } | Part::Ratio { .. } => false,
    };
    let ends_frame = |part: &Part| matches!(part, Part::Silence { us } if *us > SILENCE_MIN_US);
    let (is, how) = match concern {
        Concern::Resync => (parts[..at].iter().any(troubled), ""),
        Concern::SharedFlag => (shared(at) || shared(at + 1), ", which shares a flag with its neighbour,"),
        Concern::InnerFlag => (has_inner_flag(&telegram.bytes), ", which has 7E between its flags,"),
        Concern::Segmentation => (is_segmented(&telegram.bytes), ", which is spread over several frames,"),
        Concern::GapBridged => (!telegram.gaps.is_empty(), ", which has a short pause inside,"),
        Concern::SilenceEndsFrame => (
            at.checked_sub(1).is_some_and(|before| ends_frame(&parts[before])),
            ", which came after an unfinished frame and more than 1 s of silence,",
        ),
    };
    is.then_some(how)
}

/// Why the bench is to blame for what happened to a telegram that the check is about.
fn fault(session: &Session<'_>, concern: Concern, sent: &Sent<'_>) -> Option<String> {
    match concern {
        Concern::GapBridged => bench::wrong_gap(sent),
        Concern::SilenceEndsFrame => session.short_silence(sent).or_else(|| sent.excuse()),
        Concern::Resync | Concern::SharedFlag | Concern::InnerFlag | Concern::Segmentation => sent.excuse(),
    }
}

/// Every telegram that the check is about must be claimed, in time.
pub(super) fn claimed_all(session: &Session<'_>, concern: Concern) -> Ruling {
    let parts = &session.trial.stimulus.parts;
    let (mut findings, mut faults, mut older, mut judged) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for sent in session.sent.iter().filter(|sent| sent.is_due()) {
        let Some(how) = concerns(concern, parts, sent.part, sent.telegram) else { continue };
        if let Some(fault) = fault(session, concern, sent) {
            faults.push((sent, fault));
            continue;
        }
        judged += 1;
        if sent.stale.is_some() || session.came_late(sent) {
            older.push(sent);
            continue;
        }
        let verdict = match sent.claim {
            None => format!("was not claimed within {}", session.within()),
            Some(_) if session.late(sent) => format!("was claimed later than {}", session.within()),
            Some(_) => continue,
        };
        let trouble = match session.trouble_before(sent) {
            Some(trouble) if how.is_empty() => format!("; before it came: {trouble}"),
            _ => String::new(),
        };
        findings.push(finding(sent, format!("{}{how} {verdict}{trouble}", session.name(sent))));
    }
    if let (true, Some(spoiled)) = (findings.is_empty(), spoiled(session, faults.into_iter())) {
        return spoiled;
    }
    if let (true, Some(stale)) = (findings.is_empty(), stale(session, older.into_iter())) {
        return stale;
    }
    let mut all = required(session).filter_map(|(at, telegram)| concerns(concern, parts, at, telegram));
    match judged {
        _ if !findings.is_empty() => Ruling::fail(findings),
        0 if all.next().is_none() => Ruling::not_applicable("no telegram of this stimulus is of this kind"),
        0 => unseen(session, "no telegram of this kind was sent"),
        _ => Ruling::pass(format!("{judged} of {}", count(judged, "intact telegram"))),
    }
}
