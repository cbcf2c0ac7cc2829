//! A trial put in order: what was sent, what was claimed, and what each claim is about.

use super::align::{Candidate, LOOK_BACK, Pairs, Statement, align};
use super::bench;
use super::fields::{Comparison, compare, is_alike};
use crate::hex;
use crate::verdict::trial::{Part, Pause, Telegram, Trial, What};
use serde_json::{Map, Value};
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// A telegram whose last byte was handed to the line.
pub(super) struct Sent<'a> {
    /// Index into the stimulus's parts.
    pub(super) part: usize,
    /// For people: from 1, damaged telegrams counted.
    pub(super) number: usize,
    pub(super) telegram: &'a Telegram,
    /// The pauses that the bench made inside it.
    pub(super) pauses: &'a [Pause],
    order: usize,
    t_us: u64,
    /// The claim that is about it, right or wrong.
    pub(super) claim: Option<usize>,
    /// The claim of an older reading that came in its place. It is no claim of this telegram.
    pub(super) stale: Option<usize>,
    /// The DUT said that it refused something, after this was sent and before it claimed anything.
    rejected: bool,
    /// Long enough ago for a missing claim to be the DUT's fault.
    pub(super) judged: bool,
}

impl Sent<'_> {
    /// It is owed a claim, unless the bench tore it.
    pub(super) fn is_due(&self) -> bool {
        self.judged && self.is_intact() && !self.telegram.optional
    }

    /// Not claimed, and the bench is to blame: in which words.
    pub(super) fn excuse(&self) -> Option<String> {
        if self.is_answered() { None } else { bench::torn(self.pauses) }
    }

    /// Something was claimed for it, if only an older reading.
    pub(super) fn is_answered(&self) -> bool {
        self.claim.is_some() || self.stale.is_some()
    }

    pub(super) fn is_intact(&self) -> bool {
        self.telegram.damage.is_none()
    }
}

/// One claim and what it is about.
pub(super) struct Claimed<'a> {
    pub(super) claim: &'a Map<String, Value>,
    order: usize,
    t_us: u64,
    pub(super) about: About,
}

/// What a claim is about. Numbers are indices into [`Session::sent`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum About {
    /// An intact telegram, right or wrong.
    Telegram(usize),
    /// It stands where telegram `of` should be claimed, and is an older reading: that of `repeats`, where it was sent
    /// in this trial.
    Stale { of: usize, repeats: Option<usize> },
    /// A damaged telegram.
    Damaged(usize),
    /// The telegram of an earlier claim once more, with nothing sent in between.
    Twice(usize),
    /// A telegram that was passed over, behind the claim of a later one.
    OutOfOrder(usize),
    /// Telegram `repeats` once more, after others were sent: `newest` was the last of them.
    Old { repeats: usize, newest: usize },
    /// No telegram that was sent.
    Nothing,
}

/// How a trial ended before its time.
pub(super) enum End<'a> {
    /// The DUT ended by itself.
    Exited(&'a str),
    /// The bench gave up.
    Stopped(&'a str),
    /// The bench gave up because of what the DUT did.
    Misbehaved(&'a str),
}

/// A trial put in order.
pub(super) struct Session<'a> {
    pub(super) trial: &'a Trial,
    pub(super) sent: Vec<Sent<'a>>,
    pub(super) claims: Vec<Claimed<'a>>,
    pub(super) end: Option<End<'a>>,
    /// Telegrams of the stimulus, sent or not.
    pub(super) total: usize,
    /// The pauses that the bench made of silences, by part.
    silences: BTreeMap<usize, &'a [Pause]>,
}

impl<'a> Session<'a> {
    /// Puts the trial in order.
    ///
    /// # Errors
    /// An event names a part that the stimulus does not have.
    pub(super) fn of(trial: &'a Trial) -> Result<Session<'a>, String> {
        let parts = &trial.stimulus.parts;
        let is_telegram = |part: &&Part| matches!(part, Part::Telegram(_));
        let mut session = Session {
            trial,
            sent: Vec::new(),
            claims: Vec::new(),
            end: None,
            total: parts.iter().filter(is_telegram).count(),
            silences: BTreeMap::new(),
        };
        let mut end_us = None;
        for (order, event) in trial.events.iter().enumerate() {
            match &event.what {
                What::Sent { index, pauses } => {
                    let part = parts.get(*index);
                    let have = parts.len();
                    let part = part.ok_or_else(|| format!("event {order} sent part {index} of {have}"))?;
                    let telegram = match part {
                        Part::Telegram(telegram) => telegram,
                        Part::Silence { .. } => {
                            session.silences.insert(*index, pauses);
                            continue;
                        }
                        Part::Noise { .. } | Part::Ratio { .. } => continue,
                    };
                    let number = parts[..=*index].iter().filter(is_telegram).count();
                    session.sent.push(Sent {
                        part: *index,
                        number,
                        telegram,
                        pauses,
                        order,
                        t_us: event.t_us,
                        claim: None,
                        stale: None,
                        rejected: false,
                        judged: true,
                    });
                }
                What::Claim { claim, .. } => {
                    session.claims.push(Claimed { claim, order, t_us: event.t_us, about: About::Nothing });
                }
                What::Exited { how } if session.end.is_none() => {
                    (session.end, end_us) = (Some(End::Exited(how)), Some(event.t_us));
                }
                What::Stopped { why, misbehaved } if session.end.is_none() => {
                    let end = if *misbehaved { End::Misbehaved(why) } else { End::Stopped(why) };
                    (session.end, end_us) = (Some(end), Some(event.t_us));
                }
                What::Rejected { .. } => session.note_rejected(),
                What::Exited { .. }
                | What::Stopped { .. }
                | What::Restarted { .. }
                | What::Unheard { .. }
                | What::Log { .. } => {}
            }
        }
        session.attribute();
        let within = trial.dut.claim_within_us;
        for sent in &mut session.sent {
            let over = end_us.is_none_or(|end| end >= sent.t_us.saturating_add(within));
            sent.judged = sent.is_answered() || over;
        }
        Ok(session)
    }

    /// A refusal speaks for every telegram since the last claim.
    fn note_rejected(&mut self) {
        let since = self.claims.last().map_or(0, |claim| claim.order);
        for sent in self.sent.iter_mut().rev().take_while(|sent| sent.order >= since) {
            sent.rejected = true;
        }
    }

    /// Says of every claim what it is about.
    fn attribute(&mut self) {
        let candidates: Vec<Candidate<'_>> = self.sent.iter().map(candidate).collect();
        let statements: Vec<Statement<'_>> = self.claims.iter().map(statement).collect();
        let known: Vec<OnceCell<bool>> = vec![OnceCell::new(); self.claims.len()];
        let known = |claim: usize| *known[claim].get_or_init(|| self.is_known(claim));
        let pairs = Pairs {
            exact: &|sent, claim| self.repeats(sent, claim),
            acceptable: &|sent, claim| self.may_accept(sent, claim) && !known(claim),
        };
        let matches = align(&candidates, &statements, &self.trial.dut.omits, &pairs);
        for (j, sent) in matches.iter().enumerate() {
            if let Some(i) = *sent {
                self.sent[i].claim = Some(j);
            }
        }
        for (j, sent) in matches.iter().enumerate() {
            self.claims[j].about = match *sent {
                Some(i) if self.sent[i].is_intact() => self.telegram_or_stale(j, i),
                Some(i) => About::Damaged(i),
                None => self.left_over(j),
            };
        }
        self.only_one_thing_said();
        for j in 0..self.claims.len() {
            match self.claims[j].about {
                About::Stale { of, repeats } => self.answer_stale(j, of, repeats),
                About::OutOfOrder(missed) if self.sent[missed].claim.is_none() => {
                    self.sent[missed].claim = Some(j);
                }
                _ => {}
            }
        }
        self.one_behind();
    }

    fn answer_stale(&mut self, claim: usize, of: usize, repeats: Option<usize>) {
        self.claims[claim].about = About::Stale { of, repeats };
        (self.sent[of].claim, self.sent[of].stale) = (None, Some(claim));
    }

    /// A dongle that says one and the same of telegrams that differ is stuck. What it is stuck on may come from an
    /// earlier trial, so that nothing here has that reading; it is still no wrong value.
    fn only_one_thing_said(&mut self) {
        let same = self.claims.windows(2).all(|pair| pair[0].claim == pair[1].claim);
        let own: Vec<(usize, usize)> = (0..self.claims.len())
            .filter_map(|claim| match self.claims[claim].about {
                About::Telegram(of) => Some((claim, of)),
                _ => None,
            })
            .collect();
        let reading = |of: usize| &self.sent[of].telegram.reading;
        let differ = own.iter().any(|(_, of)| reading(*of) != reading(own[0].1));
        if !same || !differ || !own.iter().all(|(claim, of)| self.compare(*of, *claim).contradicts()) {
            return;
        }
        for (claim, of) in own {
            self.claims[claim].about = About::Stale { of, repeats: None };
        }
    }

    /// A dongle that is always one telegram behind claims every reading but the last, each in answer to the telegram
    /// after it. Seen from a telegram that was never claimed: the claim of the one before came only when this one
    /// was sent, so it is the answer to this one, and a stale one; then the one before has no claim of its own, and
    /// so on. At the speed of the line a claim may come that late, as long as it is in time.
    fn one_behind(&mut self) {
        let in_lock_step = self.trial.pacing.is_none();
        // What it had left from an earlier trial comes first, and shows that it is behind.
        let carried_over = self.claims.first().is_some_and(|first| {
            first.about == About::Nothing && self.sent.first().is_some_and(|sent| sent.order < first.order)
        });
        let mut open: Option<usize> = None;
        for before in (0..self.sent.len()).rev() {
            if !self.sent[before].is_intact() {
                continue;
            }
            let claim = self.sent[before].claim;
            let moved = open.zip(claim).filter(|(own, claim)| {
                let (own, other) = (&self.sent[*own], &self.sent[before]);
                self.claims[*claim].about == About::Telegram(before)
                    && self.claims[*claim].order > own.order
                    && own.telegram.reading != other.telegram.reading
                    && (in_lock_step || self.late(other))
                    && self.repeats(before, *claim)
            });
            if let Some((own, claim)) = moved {
                self.answer_stale(claim, own, Some(before));
                self.sent[before].claim = None;
            }
            let sent = &self.sent[before];
            let misses = !sent.is_answered() && !sent.telegram.optional;
            // Before a glued telegram nobody waits for a claim of the one before it.
            open = (misses && (carried_over || !sent.telegram.glued)).then_some(before);
        }
        if let (true, Some(first)) = (carried_over, open) {
            self.answer_stale(0, first, None);
        }
        for claim in 0..self.claims.len() {
            if let Some((of, repeats)) = self.unanswered(claim) {
                self.answer_stale(claim, of, Some(repeats));
            }
        }
    }

    /// For a claim that says an earlier one again: the telegram that it stands in place of, and the one it repeats.
    fn unanswered(&self, claim: usize) -> Option<(usize, usize)> {
        let open = |at: &usize| {
            let sent = &self.sent[*at];
            sent.is_intact() && !sent.is_answered() && sent.order < self.claims[claim].order
        };
        match self.claims[claim].about {
            About::Old { repeats, newest } => Some(newest).filter(open).map(|of| (of, repeats)),
            // Of telegrams that were sent one behind the other, claims can only come after all of them.
            About::Twice(repeats) => {
                let mut glued = (repeats + 1..self.sent.len()).take_while(|at| self.sent[*at].telegram.glued);
                glued.find(open).map(|of| (of, repeats))
            }
            _ => None,
        }
    }

    /// The claim can be the acceptance of this damaged telegram: the DUT did not say that it refused it, and had not
    /// said the same before anything damaged with this reading was sent.
    fn may_accept(&self, damaged: usize, claim: usize) -> bool {
        let reading = &self.sent[damaged].telegram.reading;
        let first = self.sent.iter().find(|sent| !sent.is_intact() && sent.telegram.reading == *reading);
        let words = self.claims[claim].claim;
        let mut before =
            self.claims[..claim].iter().take_while(|old| first.is_some_and(|sent| old.order < sent.order));
        !self.sent[damaged].rejected && !before.any(|old| old.claim == words)
    }

    /// The claim came after this telegram, and the DUT did not say that it refused it.
    pub(super) fn is_open_for(&self, sent: usize, claim: usize) -> bool {
        self.sent[sent].order < self.claims[claim].order && !self.sent[sent].rejected
    }

    /// Its reading was claimed, but only in answer to a later telegram.
    pub(super) fn came_late(&self, sent: &Sent<'_>) -> bool {
        let repeats = |at: usize| self.sent[at].part == sent.part;
        sent.claim.is_none()
            && self
                .claims
                .iter()
                .any(|claim| matches!(claim.about, About::Stale { repeats: Some(at), .. } if repeats(at)))
    }

    /// The claim is in full the reading of an intact telegram of the stimulus, sent or not: then it is about that one,
    /// in this trial or an earlier one, and shows no accepted damage and no wrong field.
    fn is_known(&self, claim: usize) -> bool {
        self.trial.stimulus.parts.iter().any(|part| match part {
            Part::Telegram(telegram) => telegram.damage.is_none() && self.is_reading(telegram, claim),
            Part::Noise { .. } | Part::Silence { .. } | Part::Ratio { .. } => false,
        })
    }

    fn telegram_or_stale(&self, claim: usize, own: usize) -> About {
        if self.compare(own, claim).is_exact() {
            return About::Telegram(own);
        }
        let older = (0..own).rev().find(|i| self.sent[*i].is_intact() && self.repeats(*i, claim));
        match older {
            None if !self.is_known(claim) => About::Telegram(own),
            repeats => About::Stale { of: own, repeats },
        }
    }

    /// A claim that no alignment has room for.
    fn left_over(&self, claim: usize) -> About {
        let order = self.claims[claim].order;
        let before = self.sent.partition_point(|sent| sent.order < order);
        let recent = || (0..before).rev().take(LOOK_BACK);
        let last = recent().find(|i| self.sent[*i].claim.is_some_and(|other| other < claim));
        if let Some(last) = last {
            let same = self.sent[last].claim.map(|other| self.claims[other].claim);
            if same == Some(self.claims[claim].claim) {
                return self.twice_or_old(last, claim);
            }
        }
        let exact = |i: &usize| self.sent[*i].is_intact() && self.repeats(*i, claim);
        if let Some(missed) = recent().filter(|i| self.sent[*i].claim.is_none()).find(exact) {
            return About::OutOfOrder(missed);
        }
        match recent().find(exact) {
            Some(known) => self.twice_or_old(known, claim),
            None if self.is_known(claim) => About::Nothing,
            None => match before.checked_sub(1) {
                Some(damaged) if !self.sent[damaged].is_intact() && self.may_accept(damaged, claim) => {
                    About::Damaged(damaged)
                }
                _ => About::Nothing,
            },
        }
    }

    /// A claim that says an earlier one again: twice, unless something was sent in between.
    fn twice_or_old(&self, repeats: usize, claim: usize) -> About {
        let order = self.claims[claim].order;
        let first =
            self.sent[repeats].claim.map_or(self.sent[repeats].order, |first| self.claims[first].order);
        let newest = self.sent.partition_point(|sent| sent.order < order).saturating_sub(1);
        match self.sent[newest].order > first {
            true => About::Old { repeats, newest },
            false => About::Twice(repeats),
        }
    }

    /// The claim is the reading of that telegram, in full.
    pub(super) fn repeats(&self, sent: usize, claim: usize) -> bool {
        self.is_reading(self.sent[sent].telegram, claim)
    }

    fn is_reading(&self, telegram: &Telegram, claim: usize) -> bool {
        // A claim carries the ratio and a telegram does not: equal numbers say nothing of which belongs to which.
        if self.trial.stimulus.parts.iter().any(|part| matches!(part, Part::Ratio { .. })) {
            return false;
        }
        let claim = self.claims[claim].claim;
        !telegram.reading.is_empty()
            && is_alike(telegram, claim)
            && compare(telegram, claim, &self.trial.dut).is_exact()
    }

    pub(super) fn compare(&self, sent: usize, claim: usize) -> Comparison {
        compare(self.sent[sent].telegram, self.claims[claim].claim, &self.trial.dut)
    }

    /// The claim came later than the rig file allows.
    pub(super) fn late(&self, sent: &Sent<'_>) -> bool {
        let within = self.trial.dut.claim_within_us;
        sent.claim.is_some_and(|claim| self.claims[claim].t_us > sent.t_us.saturating_add(within))
    }

    /// What the bench did wrong with the silence right before the telegram.
    pub(super) fn short_silence(&self, sent: &Sent<'_>) -> Option<String> {
        let silence = sent.part.checked_sub(1).and_then(|before| self.silences.get(&before));
        bench::short_silence(silence.copied().unwrap_or_default())
    }

    /// `telegram 4 of 12 (list 2)`.
    pub(super) fn name(&self, sent: &Sent<'_>) -> String {
        let list = list(sent.telegram).map(|list| format!(" ({list})")).unwrap_or_default();
        format!("telegram {} of {}{list}", sent.number, self.total)
    }

    /// `2 s`.
    pub(super) fn within(&self) -> String {
        format!("{} s", self.trial.dut.claim_within_us as f64 / 1_000_000.0)
    }

    /// What stands before a telegram, when that is not an intact telegram.
    pub(super) fn trouble_before(&self, sent: &Sent<'_>) -> Option<String> {
        let parts = &self.trial.stimulus.parts[..sent.part];
        match parts.iter().rev().find(|part| !matches!(part, Part::Silence { .. } | Part::Ratio { .. }))? {
            Part::Telegram(telegram) => telegram.damage.as_ref().map(|damage| damage.how.clone()),
            Part::Noise { bytes, why } => {
                let shown = hex::text(bytes.get(..8).unwrap_or(bytes));
                let dots = if bytes.len() > 8 { "…" } else { "" };
                Some(format!("noise {shown}{dots}: {why}"))
            }
            Part::Silence { .. } | Part::Ratio { .. } => None,
        }
    }
}

/// `list 2`, or the list's own word.
pub(super) fn list(telegram: &Telegram) -> Option<String> {
    let name = telegram.list.as_str();
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    (!name.is_empty()).then(|| if is_number { format!("list {name}") } else { name.to_string() })
}

fn candidate<'a>(sent: &Sent<'a>) -> Candidate<'a> {
    let reading = &sent.telegram.reading;
    Candidate { intact: sent.is_intact(), order: sent.order, t_us: sent.t_us, reading }
}

fn statement<'a>(claim: &Claimed<'a>) -> Statement<'a> {
    Statement { order: claim.order, t_us: claim.t_us, claim: claim.claim }
}
