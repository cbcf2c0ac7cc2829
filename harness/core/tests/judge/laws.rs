//! Laws over generated captures and stimuli, with simulated dongles that are right, silent, or wrong in one way.

use crate::dsl::pauses;
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::expectation::{Frame, Item, ItemKind};
use hanbench_core::verdict::judge::judge;
use hanbench_core::verdict::results::Outcome;
use hanbench_core::verdict::stimulus::{CaptureView, plain, plan};
use hanbench_core::verdict::trial::{DutTerms, Event, Pacing, Part, Stimulus, Telegram, Trial, What};
use quickcheck::{QuickCheck, TestResult};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// CRC-16/X-25, bit by bit: not the code under test.
pub(crate) fn x25(bytes: &[u8]) -> u16 {
    let mut sum = 0xFFFF_u16;
    for byte in bytes {
        sum ^= u16::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0x8408 } else { sum >> 1 };
        }
    }
    !sum
}

/// A made-up capture: frames with a notification of 32-bit numbers.
pub(crate) struct Sample {
    pub(crate) header: BTreeMap<String, String>,
    pub(crate) items: Vec<Item>,
    frames: Vec<Vec<u8>>,
}

/// The numbers of the longest list; a list of another length has the first of them.
const KEYS: [&str; 8] = [
    "active_import_w",
    "active_export_w",
    "reactive_import_var",
    "reactive_export_var",
    "current_l1_a",
    "current_l3_a",
    "voltage_l1_v",
    "energy_active_import_wh",
];

fn frame(numbers: &[u32]) -> Vec<u8> {
    let mut info = vec![0xE6, 0xE7, 0x00, 0x0F, 0x40, 0x00, 0x00, 0x00, 0x00, 0x02, numbers.len() as u8];
    for number in numbers {
        info.push(0x06);
        info.extend(number.to_be_bytes());
    }
    let length = 8 + info.len() + 2;
    let mut bytes = vec![0x7E, 0xA0 | (length >> 8) as u8, length as u8, 0x41, 0x08, 0x83, 0x13];
    bytes.extend(x25(&bytes[1..]).to_le_bytes());
    bytes.extend(info);
    bytes.extend(x25(&bytes[1..]).to_le_bytes());
    bytes.push(0x7E);
    bytes
}

fn reading(numbers: &[u32]) -> Map<String, Value> {
    let mut reading: Map<String, Value> =
        KEYS.iter().zip(numbers).map(|(key, number)| (key.to_string(), json!(number))).collect();
    if numbers.len() > 1 {
        reading.insert("meter_id".into(), json!("7359990000000001"));
        reading.insert("timestamp".into(), json!("2025-12-14T16:00:00"));
        reading.insert("timestamp_utc_offset_min".into(), Value::Null);
    }
    reading
}

impl Sample {
    /// Telegrams with these numbers; no two neighbours alike, as a meter's counter or noise sees to.
    pub(crate) fn with(lists: &[Vec<u32>]) -> Sample {
        let header = [("family", "aidon"), ("evidence", "rebuilt"), ("source", "made up")]
            .map(|(key, value)| (key.to_string(), value.to_string()));
        let frames: Vec<Vec<u8>> = lists.iter().map(|numbers| frame(numbers)).collect();
        let mut offset = 0;
        let item = |(numbers, bytes): (&Vec<u32>, &Vec<u8>)| {
            let frame = Frame {
                link: "hdlc".into(),
                hcs_ok: Some(true),
                fcs_ok: Some(true),
                family: Some("aidon".into()),
                list: Some(if numbers.len() == 1 { "1" } else { "2" }.into()),
                reading: Some(reading(numbers)),
                ..Frame::default()
            };
            let item = Item { offset, len: bytes.len(), kind: ItemKind::Frame(frame) };
            offset += bytes.len();
            item
        };
        let items = lists.iter().zip(&frames).map(item).collect();
        Sample { header: header.into(), items, frames }
    }

    /// `count` telegrams of the longest list, different in every number but two.
    pub(crate) fn of(count: usize, seed: u64) -> Sample {
        let number =
            |at: usize, key: usize| ((seed as u32 % 1000) * 31 + (at * 1009 + key * 17) as u32) % 200_000;
        let numbers =
            |at| (0..KEYS.len()).map(|key| if key == 1 || key == 2 { 0 } else { number(at, key) }).collect();
        Sample::with(&(0..count).map(numbers).collect::<Vec<_>>())
    }

    /// Short and long lists in turn.
    pub(crate) fn mixed() -> Sample {
        Sample::with(&[
            vec![733],
            (0..8).map(|n| n * 100 + 7).collect(),
            vec![902],
            (0..8).map(|n| n * 90 + 3).collect(),
        ])
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.frames.concat()
    }

    pub(crate) fn chunks(&self) -> Vec<(u64, Vec<u8>)> {
        self.frames
            .iter()
            .enumerate()
            .map(|(at, bytes)| (1_000 + 2_500_000 * at as u64, bytes.clone()))
            .collect()
    }

    pub(crate) fn plain(&self) -> Stimulus {
        let chunks = self.chunks();
        let view =
            CaptureView { subject: "captures/aidon/sample.csv", header: &self.header, chunks: &chunks };
        plain(view, &self.items).expect("the snapshot fits")
    }

    pub(crate) fn plan(&self, seed: u64) -> Vec<Stimulus> {
        let chunks = self.chunks();
        let view =
            CaptureView { subject: "captures/aidon/sample.csv", header: &self.header, chunks: &chunks };
        plan(&[(view, &self.items[..])], seed).expect("the snapshot fits")
    }
}

/// Plays a stimulus into a dongle that says for each part what it claims then.
fn play(stimulus: &Stimulus, mut dut: impl FnMut(usize, &Part) -> Vec<Map<String, Value>>) -> Trial {
    let mut events = Vec::new();
    let mut t_us = 0;
    for (index, part) in stimulus.parts.iter().enumerate() {
        t_us += 200_000;
        events.push(Event { t_us, what: What::Sent { index, pauses: pauses(part, "") } });
        for claim in dut(index, part) {
            t_us += 50_000;
            let raw = Value::Object(claim.clone()).to_string();
            events.push(Event { t_us, what: What::Claim { claim, raw } });
        }
    }
    let pacing = Some(Pacing { p50_us: 5, p99_us: 50 });
    Trial { version: 1, stimulus: stimulus.clone(), dut: DutTerms::default(), events, pacing }
}

fn intact(part: &Part) -> Option<&Telegram> {
    match part {
        Part::Telegram(telegram) if telegram.damage.is_none() => Some(telegram),
        _ => None,
    }
}

fn right(_: usize, part: &Part) -> Vec<Map<String, Value>> {
    intact(part).map(|telegram| telegram.reading.clone()).into_iter().collect()
}

fn verdict(outcomes: &[Outcome], id: &str) -> Option<Verdict> {
    outcomes.iter().find(|outcome| outcome.id == id).map(|outcome| outcome.verdict)
}

/// Any lists of 1 or 8 numbers below 2^24.
fn sample(seeds: &[u32]) -> Option<Sample> {
    let list = |seed: &u32| match seed % 3 {
        0 => vec![seed >> 8],
        _ => (0..8)
            .map(|key: u32| if key == 1 { 0 } else { (seed >> 8).wrapping_mul(2 * key + 1) & 0xFF_FFFF })
            .collect(),
    };
    let lists: Vec<Vec<u32>> = seeds.iter().take(12).map(list).collect();
    (!lists.is_empty()).then(|| Sample::with(&lists))
}

#[test]
fn a_perfect_dut_passes_every_check_of_every_stimulus() {
    fn law(seeds: Vec<u32>, seed: u64) -> TestResult {
        let Some(sample) = sample(&seeds) else { return TestResult::discard() };
        for stimulus in sample.plan(seed) {
            for outcome in judge(&play(&stimulus, right), "evidence/x.json") {
                if outcome.verdict != Verdict::Pass || outcome.rests_on.is_none() {
                    return TestResult::error(format!("{}: {outcome:?}", stimulus.subject));
                }
            }
        }
        TestResult::passed()
    }
    QuickCheck::new().tests(60).quickcheck(law as fn(Vec<u32>, u64) -> TestResult);
}

#[test]
fn a_silent_dut_passes_nothing() {
    fn law(seeds: Vec<u32>, seed: u64) -> TestResult {
        let Some(sample) = sample(&seeds) else { return TestResult::discard() };
        for stimulus in sample.plan(seed) {
            let outcomes = judge(&play(&stimulus, |_, _| Vec::new()), "evidence/x.json");
            let silent = outcomes.iter().all(|outcome| outcome.verdict > Verdict::Pass);
            if !silent || verdict(&outcomes, "han.claim.answers") != Some(Verdict::Fail) {
                return TestResult::error(format!("{}: {outcomes:?}", stimulus.subject));
            }
        }
        TestResult::passed()
    }
    QuickCheck::new().tests(60).quickcheck(law as fn(Vec<u32>, u64) -> TestResult);
}

#[test]
fn a_dut_that_ignores_one_kind_of_damage_fails_the_check_of_that_kind() {
    fn law(seeds: Vec<u32>, seed: u64) -> TestResult {
        let Some(sample) = sample(&seeds) else { return TestResult::discard() };
        for (kind, id) in [
            ("#fcs", "han.link.fcs-reject"),
            ("#hcs", "han.link.hcs-reject"),
            ("#length", "han.link.length-reject"),
        ] {
            let stimuli = sample.plan(seed);
            let stimulus = stimuli.iter().find(|stimulus| stimulus.subject.ends_with(kind)).expect(kind);
            let all = |_: usize, part: &Part| match part {
                Part::Telegram(telegram) => vec![telegram.reading.clone()],
                _ => Vec::new(),
            };
            let outcomes = judge(&play(stimulus, all), "x");
            let fails: Vec<&str> = outcomes
                .iter()
                .filter(|one| one.verdict == Verdict::Fail)
                .map(|one| one.id.as_str())
                .collect();
            let readings: Vec<_> = stimulus.parts.iter().filter_map(intact).map(|one| &one.reading).collect();
            let unique = |part: &Part| match part {
                Part::Telegram(one) => one.damage.is_none() || !readings.contains(&&one.reading),
                _ => true,
            };
            // Where the capture has one reading only, a claim of the damaged one may be a repetition.
            let wanted = if stimulus.parts.iter().all(unique) { [id] } else { ["han.claim.explained"] };
            if fails != wanted || verdict(&outcomes, id) == Some(Verdict::Pass) {
                return TestResult::error(format!("{kind}: {outcomes:?}"));
            }
        }
        TestResult::passed()
    }
    QuickCheck::new().tests(60).quickcheck(law as fn(Vec<u32>, u64) -> TestResult);
}

#[test]
fn a_dut_that_loses_what_follows_damage_fails_resync() {
    for stimulus in Sample::of(4, 3).plan(3) {
        if !stimulus.checks.iter().any(|check| check == "han.link.resync") {
            continue;
        }
        let parts = &stimulus.parts;
        let loses = |index: usize, part: &Part| {
            let trouble = index.checked_sub(1).is_some_and(|before| intact(&parts[before]).is_none());
            if trouble { Vec::new() } else { right(index, part) }
        };
        let outcomes = judge(&play(&stimulus, loses), "x");
        assert_eq!(verdict(&outcomes, "han.link.resync"), Some(Verdict::Fail), "{}", stimulus.subject);
    }
}

#[test]
fn judging_is_the_same_every_time_and_from_stored_evidence() {
    for stimulus in Sample::of(3, 3).plan(3) {
        let trial = play(&stimulus, right);
        let text = serde_json::to_string(&trial).expect("a trial is JSON");
        let stored: Trial = serde_json::from_str(&text).expect("its own JSON");
        assert_eq!(judge(&trial, "x"), judge(&stored, "x"));
    }
}

#[test]
fn no_trial_makes_the_judge_panic() {
    fn law(seeds: Vec<u32>, script: Vec<(u8, u8)>) -> bool {
        let Some(sample) = sample(&seeds) else { return true };
        for stimulus in sample.plan(1) {
            let mut t_us = 0;
            let events = script.iter().map(|(what, value)| {
                t_us += u64::from(*value) * 40_000;
                let part = &stimulus.parts[usize::from(*value) % stimulus.parts.len()];
                let what = match what % 8 {
                    0..3 => What::Sent {
                        index: usize::from(*value) % (stimulus.parts.len() + usize::from(*value == 255)),
                        pauses: Vec::new(),
                    },
                    3..6 => {
                        What::Claim { claim: right(0, part).pop().unwrap_or_default(), raw: String::new() }
                    }
                    6 => What::Exited { how: "signal 11".into() },
                    _ => What::Stopped { why: "Ctrl-C".into(), misbehaved: false },
                };
                Event { t_us, what }
            });
            let events = events.collect();
            let trial = Trial {
                version: 1,
                stimulus: stimulus.clone(),
                dut: DutTerms::default(),
                events,
                pacing: None,
            };
            let outcomes = judge(&trial, "x");
            if outcomes.len() != stimulus.checks.len()
                || outcomes.iter().any(|one| one.reason.is_none() && one.rests_on.is_none())
            {
                return false;
            }
        }
        true
    }
    QuickCheck::new().tests(100).quickcheck(law as fn(Vec<u32>, Vec<(u8, u8)>) -> bool);
}
