//! Which claim is shown beside which telegram.
//!
//! A drawing aid and no verdict: the judge has its own rules. Claims come in order, so each is put beside the
//! telegram sent before it whose reviewed reading it resembles most.

use crate::verdict::trial::{Event, Part, Telegram, Trial, What};
use serde_json::{Map, Value};

/// How many telegrams without a claim are looked at for one claim: bounds the work for a DUT that lags far
/// behind.
const LOOK_BACK: usize = 64;

/// A telegram and what came of it.
pub(super) struct Row<'a> {
    /// Index into the parts of the stimulus.
    pub(super) part: usize,
    /// 1 for the first telegram; noise and silence are not counted.
    pub(super) number: usize,
    /// The telegram.
    pub(super) telegram: &'a Telegram,
    /// When its last byte was handed to the line; `None` when it was not sent.
    pub(super) sent_us: Option<u64>,
    /// The claim shown beside it.
    pub(super) claim: Option<Claim<'a>>,
}

/// A claim and when it came.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    /// Microseconds since the start of the trial.
    pub(super) t_us: u64,
    /// The claimed reading.
    pub(super) claim: &'a Map<String, Value>,
    /// As printed.
    pub(super) raw: &'a str,
}

/// All telegrams of a trial with their claims, and the claims left over.
pub(super) struct Timeline<'a> {
    /// In the order sent.
    pub(super) rows: Vec<Row<'a>>,
    /// Claims that no telegram is left for.
    pub(super) stray: Vec<Claim<'a>>,
}

impl Timeline<'_> {
    /// The row of a part, where the part is a telegram.
    pub(super) fn row_of(&self, part: usize) -> Option<&Row<'_>> {
        self.rows.iter().find(|row| row.part == part)
    }
}

/// Puts the claims of a trial beside its telegrams.
pub(super) fn timeline(trial: &Trial) -> Timeline<'_> {
    let mut rows = Vec::new();
    let mut row_of_part = vec![None; trial.stimulus.parts.len()];
    for (part, content) in trial.stimulus.parts.iter().enumerate() {
        if let Part::Telegram(telegram) = content {
            row_of_part[part] = Some(rows.len());
            rows.push(Row { part, number: rows.len() + 1, telegram, sent_us: None, claim: None });
        }
    }
    let mut stray = Vec::new();
    // Sent and not yet claimed, in order.
    let mut open: Vec<usize> = Vec::new();
    for Event { t_us, what } in &trial.events {
        match what {
            What::Sent { index, .. } => {
                if let Some(row) = row_of_part.get(*index).copied().flatten() {
                    rows[row].sent_us = Some(*t_us);
                    open.push(row);
                }
            }
            What::Claim { claim, raw } => {
                let claim = Claim { t_us: *t_us, claim, raw };
                match best(&open, &rows, &claim, trial.dut.claim_within_us) {
                    Some(at) => {
                        rows[open[at]].claim = Some(claim);
                        // Claims come in order: what was sent before stays without one.
                        open.drain(..=at);
                    }
                    None => stray.push(claim),
                }
            }
            What::Rejected { .. }
            | What::Log { .. }
            | What::Exited { .. }
            | What::Stopped { .. }
            | What::Restarted { .. }
            | What::Unheard { .. } => {}
        }
    }
    Timeline { rows, stray }
}

/// Index into `open` of the telegram that `claim` is most like. Among equals one whose time for a claim is not
/// over goes first, and then the oldest.
fn best(open: &[usize], rows: &[Row<'_>], claim: &Claim<'_>, within_us: u64) -> Option<usize> {
    let from = open.len().saturating_sub(LOOK_BACK);
    let mut best = None;
    for (at, &row) in open.iter().enumerate().skip(from) {
        let likeness = likeness(&rows[row].telegram.reading, claim.claim);
        let in_time = rows[row].sent_us.is_some_and(|sent| claim.t_us.saturating_sub(sent) <= within_us);
        if best.is_none_or(|(score, _)| (likeness, in_time) > score) {
            best = Some(((likeness, in_time), at));
        }
    }
    best.map(|(_, at)| at)
}

/// How many keys say the same.
fn likeness(reading: &Map<String, Value>, claim: &Map<String, Value>) -> usize {
    reading.iter().filter(|(key, value)| claim.get(*key).is_some_and(|claimed| same(value, claimed))).count()
}

fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::trial::{DutTerms, Stimulus};
    use serde_json::json;

    /// Telegrams with these powers, and events as `(seconds, Ok(sent telegram) or Err(claimed power))`.
    fn trial(powers: &[u64], events: &[(u64, Result<usize, u64>)]) -> Trial {
        let object = |power: u64| Map::from_iter([("active_import_w".to_string(), json!(power))]);
        let telegram = |power: &u64| {
            Part::Telegram(Telegram {
                bytes: vec![0x7e],
                due_us: 0,
                gaps: Vec::new(),
                list: "1".into(),
                damage: None,
                reading: object(*power),
                unannounced: Vec::new(),
                zero_unmeasured: Vec::new(),
                truth: Default::default(),
                optional: false,
                glued: false,
            })
        };
        let event = |&(seconds, what): &(u64, Result<usize, u64>)| Event {
            t_us: seconds * 1_000_000,
            what: match what {
                Ok(index) => What::Sent { index, pauses: Vec::new() },
                Err(power) => What::Claim { claim: object(power), raw: String::new() },
            },
        };
        let stimulus = Stimulus {
            paced: false,
            name: "t".into(),
            suite: "decode".into(),
            subject: "t".into(),
            family: "aidon".into(),
            evidence: "inferred".into(),
            source: String::new(),
            checks: Vec::new(),
            needs: Vec::new(),
            baud: 2400,
            parts: powers.iter().map(telegram).collect(),
        };
        let events = events.iter().map(event).collect();
        Trial { version: 1, stimulus, dut: DutTerms::default(), events, pacing: None }
    }

    fn claimed(trial: &Trial) -> Vec<Option<u64>> {
        timeline(trial).rows.iter().map(|row| row.claim.map(|claim| claim.t_us / 1_000_000)).collect()
    }

    #[test]
    fn a_missed_telegram_does_not_take_the_claim_of_the_next_equal_one() {
        let missed = trial(&[5, 5, 5], &[(0, Ok(0)), (10, Ok(1)), (11, Err(5)), (20, Ok(2)), (21, Err(5))]);
        assert_eq!(claimed(&missed), [None, Some(11), Some(21)]);
    }

    #[test]
    fn equal_telegrams_in_one_burst_are_claimed_in_order() {
        let burst = trial(&[5, 5, 5], &[(0, Ok(0)), (0, Ok(1)), (0, Ok(2)), (1, Err(5)), (1, Err(5))]);
        assert_eq!(claimed(&burst), [Some(1), Some(1), None]);
    }

    #[test]
    fn a_claim_goes_to_the_telegram_it_resembles() {
        let skipped = trial(&[5, 6, 7], &[(0, Ok(0)), (0, Ok(1)), (0, Ok(2)), (1, Err(7)), (1, Err(6))]);
        assert_eq!(claimed(&skipped), [None, None, Some(1)]);
        assert_eq!(timeline(&skipped).stray.len(), 1, "nothing is left for a claim out of order");
    }

    #[test]
    fn a_claim_before_any_telegram_belongs_to_none() {
        let early = trial(&[5], &[(0, Err(5)), (1, Ok(0))]);
        assert_eq!(claimed(&early), [None]);
        assert_eq!(timeline(&early).stray.len(), 1);
    }
}
