//! Which claim belongs to which telegram.
//!
//! Claims carry no number, so they are aligned with the telegrams that were sent: in order, no claim before its
//! telegram, as much agreement as possible. A dongle whose every value is wrong is still aligned, by order and time,
//! so that its values can be called wrong. Damaged telegrams take part, so that a claim of one is recognised.

use super::fields::{FieldKind, kind, trimmed};
use crate::reading::json;
use serde_json::{Map, Value};

/// A telegram as far as aligning needs it.
pub(super) struct Candidate<'a> {
    pub(super) intact: bool,
    /// Place among the trial's events.
    pub(super) order: usize,
    pub(super) t_us: u64,
    pub(super) reading: &'a Map<String, Value>,
}

/// A claim as far as aligning needs it.
pub(super) struct Statement<'a> {
    pub(super) order: usize,
    pub(super) t_us: u64,
    pub(super) claim: &'a Map<String, Value>,
}

/// How many telegrams back the one is looked for that a claim is about. Bounds time and memory.
pub(super) const LOOK_BACK: usize = 256;
/// A dongle that goes by the length may claim before the closing flag is sent: by one byte at 2400 baud, and what the
/// bench's own clock is late.
const EARLY_US: u64 = 20_000;
/// What full agreement is worth on top.
const WHOLE: i64 = 1000;
/// Agreement above which a claim is recognised as that of a damaged telegram, in thousandths.
const RECOGNISED: i64 = 600;

/// What is known of a telegram and a claim beyond likeness, both by index.
pub(super) struct Pairs<'a> {
    /// The claim is in full the reading of the intact telegram.
    pub(super) exact: &'a dyn Fn(usize, usize) -> bool,
    /// The claim may be the acceptance of the damaged telegram.
    pub(super) acceptable: &'a dyn Fn(usize, usize) -> bool,
}

/// For each claim the index of its telegram, if it has one. Indices rise. Keys under `omits` do not count.
pub(super) fn align(
    sent: &[Candidate<'_>],
    claims: &[Statement<'_>],
    omits: &[String],
    pairs: &Pairs<'_>,
) -> Vec<Option<usize>> {
    let telegrams: Vec<Fields<'_>> = sent.iter().map(|one| fields(one.reading, omits)).collect();
    let rows: Vec<Row> = claims.iter().map(|claim| row(sent, claim)).collect();
    // best[j][i]: highest score with the first j + 1 claims and the first low + i telegrams.
    let mut best: Vec<Vec<i64>> = Vec::with_capacity(claims.len());
    let mut scores: Vec<Vec<Option<i64>>> = Vec::with_capacity(claims.len());
    for (j, (claim, row)) in claims.iter().zip(&rows).enumerate() {
        let claimed = fields(claim.claim, omits);
        let band = row.low..row.high;
        let likenesses: Vec<(i64, i64)> = band.clone().map(|i| likeness(&telegrams[i], &claimed)).collect();
        let exact: Vec<bool> = band.clone().map(|i| sent[i].intact && (pairs.exact)(i, j)).collect();
        let known = exact.contains(&true);
        let score: Vec<Option<i64>> = band
            .zip(likenesses.iter().zip(&exact))
            .map(|(i, (likeness, exact))| match sent[i].intact {
                // What is in full one reading is no wrong claim of another.
                true => (*exact || !known).then(|| score(*likeness, i, row.sent)),
                false => score_of_damaged(likeness.0).filter(|_| (pairs.acceptable)(i, j)),
            })
            .collect();
        let mut line = Vec::with_capacity(score.len() + 1);
        for i in row.low..=row.high {
            let mut value = before(&best, &rows, j, i);
            if i > row.low {
                value = value.max(line[i - row.low - 1]);
                if let Some(score) = score[i - row.low - 1] {
                    value = value.max(before(&best, &rows, j, i - 1) + score);
                }
            }
            line.push(value);
        }
        best.push(line);
        scores.push(score);
    }
    walk_back(&rows, &best, &scores)
}

fn walk_back(rows: &[Row], best: &[Vec<i64>], scores: &[Vec<Option<i64>>]) -> Vec<Option<usize>> {
    let mut matches = vec![None; rows.len()];
    let mut i = usize::MAX;
    for j in (0..rows.len()).rev() {
        let row = &rows[j];
        i = i.min(row.high).max(row.low);
        loop {
            let here = best[j][i - row.low];
            // Of two equal claims the first is the claim of the telegram and the second one too many.
            if before(best, rows, j, i) == here {
                break;
            }
            let score = if i > row.low { scores[j][i - row.low - 1] } else { None };
            if score.is_some_and(|score| before(best, rows, j, i - 1) + score == here) {
                matches[j] = Some(i - 1);
                i -= 1;
                break;
            }
            if i == row.low {
                break;
            }
            i -= 1;
        }
    }
    matches
}

/// The telegrams a claim can belong to: `low..high`, of which the first `sent` were sent before it.
struct Row {
    low: usize,
    high: usize,
    sent: usize,
}

fn row(sent: &[Candidate<'_>], claim: &Statement<'_>) -> Row {
    let count = sent.partition_point(|one| one.order < claim.order);
    let early = sent.get(count).is_some_and(|next| next.t_us.saturating_sub(claim.t_us) <= EARLY_US);
    Row { low: count.saturating_sub(LOOK_BACK), high: count + usize::from(early), sent: count }
}

/// The best score of the claims before `j` with the first `i` telegrams.
fn before(best: &[Vec<i64>], rows: &[Row], j: usize, i: usize) -> i64 {
    let Some(last) = j.checked_sub(1) else { return 0 };
    let row = &rows[last];
    // Rows only move up: below the band of the row before there is nothing, above it nothing is added.
    best[last][i.clamp(row.low, row.high) - row.low]
}

/// Ids, list names and idle registers are the same in every telegram of a meter. One pair that agrees in all it has
/// must be worth more than two that agree in these.
fn whole(agreement: i64) -> i64 {
    if agreement == 1000 { agreement + WHOLE } else { agreement }
}

/// What a damaged telegram and a claim are worth; `None` when they cannot be a pair.
fn score_of_damaged(agreement: i64) -> Option<i64> {
    // An intact telegram with the same content is always the better explanation.
    (agreement >= RECOGNISED).then_some(whole(agreement) - 100)
}

/// What an intact telegram and a claim are worth.
fn score((agreement, shape): (i64, i64), index: usize, sent_before: usize) -> i64 {
    let age = match sent_before.checked_sub(index + 1) {
        Some(age) => age.min(10) as i64,
        // Claimed before its end: only if nothing else fits.
        None => 15,
    };
    whole(agreement) + shape * 150 / 1000 + 20 - age
}

/// How much of the telegram the claim repeats, and how alike the sets of keys are; in thousandths.
fn likeness(telegram: &Fields<'_>, claim: &Fields<'_>) -> (i64, i64) {
    let (mut same, mut shared, mut at) = (0, 0, 0);
    for (key, value) in telegram {
        while claim.get(at).is_some_and(|(other, _)| other < key) {
            at += 1;
        }
        if let Some((_, other)) = claim.get(at).filter(|(other, _)| other == key) {
            shared += 1;
            same += i64::from(value == other && *value != Plain::Other);
        }
    }
    let all = (telegram.len() + claim.len()) as i64 - shared;
    (same * 1000 / (telegram.len() as i64).max(1), shared * 1000 / all.max(1))
}

/// The comparable fields of a reading, by key.
type Fields<'a> = Vec<(&'a str, Plain<'a>)>;

#[derive(PartialEq)]
enum Plain<'a> {
    Milli(i64),
    Text(&'a str),
    /// Something that equals nothing.
    Other,
}

fn fields<'a>(reading: &'a Map<String, Value>, omits: &[String]) -> Fields<'a> {
    let wanted = |key: &str| {
        matches!(kind(key), Some(FieldKind::Number | FieldKind::Text | FieldKind::Time))
            && !omits.iter().any(|omitted| omitted == key)
    };
    let mut fields: Fields<'a> = reading
        .iter()
        .filter(|(key, value)| wanted(key) && !value.is_null())
        .map(|(key, value)| {
            let plain = match value {
                Value::Number(number) => {
                    json::milli(number).map_or(Plain::Other, |value| Plain::Milli(value.0))
                }
                Value::String(text) => Plain::Text(trimmed(text)),
                _ => Plain::Other,
            };
            (key.as_str(), plain)
        })
        .collect();
    fields.sort_by_key(|(key, _)| *key);
    fields
}
