//! What is made from a capture, looked at byte by byte.

use crate::laws::{Sample, x25};
use hanbench_core::verdict::expectation::parse;
use hanbench_core::verdict::stimulus::{CaptureView, plain, plan};
use hanbench_core::verdict::trial::{DamageKind, Part, Stimulus, Telegram};
use std::collections::BTreeMap;

fn named(stimuli: &[Stimulus], ending: &str) -> Stimulus {
    let found = stimuli.iter().find(|stimulus| stimulus.subject.ends_with(ending));
    found.unwrap_or_else(|| panic!("no stimulus {ending}")).clone()
}

fn telegrams(stimulus: &Stimulus) -> Vec<Telegram> {
    let telegram = |part: &Part| match part {
        Part::Telegram(telegram) => Some(telegram.clone()),
        _ => None,
    };
    stimulus.parts.iter().filter_map(telegram).collect()
}

fn damaged(stimulus: &Stimulus) -> Vec<Telegram> {
    telegrams(stimulus).into_iter().filter(|telegram| telegram.damage.is_some()).collect()
}

/// Which of length, HCS and FCS hold, for the addresses of the sample frames (header of eight bytes).
fn holds(bytes: &[u8]) -> (bool, bool, bool) {
    let length = usize::from(bytes[1] & 7) << 8 | usize::from(bytes[2]);
    let end = bytes.len() - 3;
    let sum = |range: std::ops::Range<usize>| x25(&bytes[range]).to_le_bytes();
    (length + 2 == bytes.len(), sum(1..7)[..] == bytes[7..9], sum(1..end)[..] == bytes[end..end + 2])
}

#[test]
fn the_plain_stimulus_is_the_capture() {
    let sample = Sample::of(3, 7);
    let stimulus = sample.plain();
    let bytes: Vec<u8> = stimulus
        .parts
        .iter()
        .flat_map(|part| match part {
            Part::Telegram(telegram) => telegram.bytes.clone(),
            Part::Noise { bytes, .. } => bytes.clone(),
            Part::Silence { .. } | Part::Ratio { .. } => Vec::new(),
        })
        .collect();
    assert_eq!(bytes, sample.bytes());
    assert_eq!(stimulus.name, "aidon-sample");
    assert_eq!(stimulus.needs, ["aidon"]);
    let due: Vec<u64> = telegrams(&stimulus).iter().map(|telegram| telegram.due_us).collect();
    assert_eq!(due, [0, 2_500_000, 5_000_000]);
}

#[test]
fn each_damage_breaks_only_what_it_names() {
    for seed in 0..50 {
        let sample = Sample::of(4, seed);
        let stimuli = sample.plan(seed);
        for (name, wanted) in
            [("#fcs", (true, true, false)), ("#hcs", (true, false, true)), ("#length", (false, true, true))]
        {
            let stimulus = named(&stimuli, name);
            let broken = damaged(&stimulus);
            assert!(broken.len() >= 3, "{name} has {} damaged telegrams", broken.len());
            for telegram in broken {
                assert_eq!(holds(&telegram.bytes), wanted, "{name} seed {seed}: {:?}", telegram.damage);
            }
            let intact = telegrams(&stimulus).into_iter().filter(|telegram| telegram.damage.is_none());
            assert!(intact.map(|telegram| holds(&telegram.bytes)).all(|holds| holds == (true, true, true)));
        }
    }
}

#[test]
fn damage_stands_between_intact_telegrams_with_other_readings() {
    let stimuli = Sample::of(4, 1).plan(1);
    for name in ["#fcs", "#hcs", "#length"] {
        let all = telegrams(&named(&stimuli, name));
        assert!(all.len() % 2 == 1 && all.len() >= 7);
        for (at, telegram) in all.iter().enumerate() {
            assert_eq!(telegram.damage.is_some(), at % 2 == 1, "{name} {at}");
        }
        assert!(all.windows(2).all(|pair| pair[0].reading != pair[1].reading), "{name}");
    }
}

#[test]
fn what_is_damaged_has_a_reading_that_is_not_sent_intact() {
    for seed in 0..50 {
        for sample in [Sample::of(2, seed), Sample::of(3, seed), Sample::mixed()] {
            for name in ["#fcs", "#hcs", "#length", "#resync"] {
                let stimulus = named(&sample.plan(seed), name);
                let all = telegrams(&stimulus);
                for one in all.iter().filter(|one| one.damage.is_some()) {
                    let sent = all.iter().any(|other| other.damage.is_none() && other.reading == one.reading);
                    assert!(!sent, "{name} seed {seed}: {:?}", one.damage);
                }
            }
        }
    }
}

#[test]
fn what_follows_a_cut_off_telegram_fills_it() {
    for seed in 0..50 {
        let all = telegrams(&named(&Sample::mixed().plan(seed), "#resync"));
        let at = all
            .iter()
            .position(|one| one.damage.as_ref().is_some_and(|damage| damage.how.contains("cut off")));
        let (cut, next) = at.map(|at| (&all[at].bytes, &all[at + 1])).expect("one is cut off");
        let announced = 2 + (usize::from(cut[1] & 7) << 8 | usize::from(cut[2]));
        assert!(
            next.glued && cut.len() < announced && cut.len() + next.bytes.len() >= announced,
            "seed {seed}"
        );
    }
}

#[test]
fn variants_with_different_telegrams_ask_for_fresh_readings() {
    for stimulus in Sample::of(4, 3).plan(3) {
        let intact = || telegrams(&stimulus).into_iter().filter(|one| one.damage.is_none());
        let differ = intact().any(|one| one.reading != telegrams(&stimulus)[0].reading);
        let lists = stimulus.checks.iter().any(|check| check == "han.claim.fresh");
        assert_eq!(lists, differ, "{}", stimulus.subject);
    }
    assert!(named(&Sample::of(4, 3).plan(3), "#hcs").checks.contains(&"han.claim.fresh".to_string()));
}

#[test]
fn shared_flag_between_frames_is_one_flag() {
    let mut all = telegrams(&named(&Sample::of(3, 5).plan(5), "#shared-flag"));
    assert!(all.pop().is_some_and(|last| !last.glued), "one by itself tells lost from late");
    let line: Vec<u8> = all.iter().flat_map(|telegram| telegram.bytes.clone()).collect();
    let mut at = 0;
    for _ in &all {
        assert_eq!(line[at], 0x7E);
        let length = usize::from(line[at + 1] & 7) << 8 | usize::from(line[at + 2]);
        assert_eq!(holds(&line[at..at + length + 2]), (true, true, true));
        at += length + 1;
    }
    assert_eq!(at + 1, line.len(), "the last closing flag is the end");
    assert!(all[1..].iter().all(|telegram| telegram.glued), "no wait between them");
}

#[test]
fn inner_flags_are_in_the_body_and_in_the_fcs_and_the_frame_is_right() {
    let all = telegrams(&named(&Sample::of(3, 5).plan(5), "#inner-flag"));
    for telegram in &all {
        assert_eq!(holds(&telegram.bytes), (true, true, true));
        assert!(telegram.bytes[9..telegram.bytes.len() - 3].contains(&0x7E));
    }
    let in_fcs = |telegram: &&Telegram| {
        telegram.bytes[telegram.bytes.len() - 3..].iter().filter(|b| **b == 0x7E).count() > 1
    };
    assert!(all.iter().filter(in_fcs).count() >= 2);
}

#[test]
fn silence_follows_the_longest_and_the_shortest_comes_after() {
    let stimulus = named(&Sample::mixed().plan(3), "#silence");
    let at = stimulus.parts.iter().position(|part| matches!(part, Part::Silence { us } if *us > 1_000_000));
    let Some((Part::Telegram(cut), Part::Telegram(next))) =
        at.map(|at| (&stimulus.parts[at - 1], &stimulus.parts[at + 1]))
    else {
        panic!("expected an unfinished telegram, silence and a telegram: {stimulus:?}");
    };
    let announced = usize::from(cut.bytes[1] & 7) << 8 | usize::from(cut.bytes[2]);
    assert!(
        announced + 2 - cut.bytes.len() > next.bytes.len(),
        "the next one would not fill the unfinished one"
    );
    assert!(cut.damage.is_some() && next.damage.is_none());
}

#[test]
fn gaps_are_up_to_200_ms_and_inside_the_frame() {
    for telegram in telegrams(&named(&Sample::of(2, 5).plan(5), "#gap")) {
        let (after, us) = telegram.gaps[0];
        assert!(after > 0 && after < telegram.bytes.len() && us <= 200_000);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let sample = Sample::of(4, 9);
    assert_eq!(sample.plan(1), sample.plan(1));
    assert_ne!(sample.plan(1), sample.plan(2));
}

#[test]
fn one_capture_of_each_family_gets_the_variants() {
    let (poor, rich) = (Sample::of(1, 1), Sample::of(4, 2));
    let (poor_chunks, rich_chunks) = (poor.chunks(), rich.chunks());
    let view = |subject, sample, chunks| CaptureView { subject, header: sample, chunks };
    let captures = [
        (view("captures/aidon/poor.csv", &poor.header, &poor_chunks[..]), &poor.items[..]),
        (view("captures/aidon/rich.csv", &rich.header, &rich_chunks[..]), &rich.items[..]),
    ];
    let stimuli = plan(&captures, 1).expect("snapshots fit");
    let subjects: Vec<&str> = stimuli.iter().map(|stimulus| stimulus.subject.as_str()).collect();
    assert_eq!(subjects[..2], ["captures/aidon/poor.csv", "captures/aidon/rich.csv"]);
    assert_eq!(subjects.len(), 12);
    assert!(subjects[2..].iter().all(|subject| subject.starts_with("captures/aidon/rich.csv#")));
}

#[test]
fn a_snapshot_of_another_capture_is_refused() {
    let sample = Sample::of(2, 1);
    let chunks = vec![(0, vec![0x7E; 5])];
    let view = CaptureView { subject: "captures/aidon/x.csv", header: &sample.header, chunks: &chunks };
    let error = plain(view, &sample.items).expect_err("five bytes only");
    assert!(error.to_string().starts_with("captures/aidon/x.csv: the snapshot covers"), "{error}");
    assert!(error.to_string().ends_with("but the capture has 5"), "{error}");
}

/// Items of a snapshot with these kinds of frames, ten bytes each.
fn cut(lines: &[&str]) -> Stimulus {
    let mut text = "---\nsource: x\n---\n".to_string();
    for (at, line) in lines.iter().enumerate() {
        text.push_str(&format!("{{\"offset\":{},\"len\":10,{line}}}\n", at * 10));
    }
    let items = parse(&text).expect("a snapshot");
    let header = BTreeMap::from([
        ("family".to_string(), "kaifa".to_string()),
        ("needs".to_string(), "ciphering segmentation".to_string()),
        ("unannounced".to_string(), "voltage_l1_v active_import_w".to_string()),
    ]);
    let bytes = (0..lines.len() * 10).map(|at| at as u8).collect();
    let chunks = vec![(500, bytes)];
    plain(CaptureView { subject: "captures/k/a b.csv", header: &header, chunks: &chunks }, &items)
        .expect("it fits")
}

const FRAME: &str =
    r#""kind":"frame","link":"hdlc","hcs_ok":true,"fcs_ok":true,"list":"2","reading":{"active_import_w":1}"#;
const SEGMENT: &str = r#""kind":"frame","link":"hdlc","hcs_ok":true,"fcs_ok":true,"pending":true"#;
const JUNK: &str = r#""kind":"junk","reason":"idle""#;
const BAD: &str = r#""kind":"frame","link":"mbus","fcs_ok":false,"list":"2""#;

#[test]
fn segments_make_one_telegram_with_what_lies_between() {
    let stimulus = cut(&[JUNK, SEGMENT, JUNK, SEGMENT, FRAME, FRAME]);
    let lens: Vec<usize> = telegrams(&stimulus).iter().map(|telegram| telegram.bytes.len()).collect();
    assert_eq!((lens, stimulus.parts.len()), (vec![40, 10], 3));
    assert_eq!(stimulus.needs, ["kaifa", "segmentation", "ciphering"]);
    assert_eq!(stimulus.name, "k-a-b");
}

#[test]
fn segments_without_an_end_are_noise() {
    let stimulus = cut(&[FRAME, SEGMENT, JUNK]);
    assert!(
        matches!(&stimulus.parts[1], Part::Noise { bytes, .. } if bytes.len() == 20),
        "{:?}",
        stimulus.parts
    );
}

#[test]
fn recorded_damage_must_be_refused_and_other_links_are_needed() {
    let stimulus = cut(&[FRAME, BAD, FRAME]);
    let all = telegrams(&stimulus);
    let damage = all[1].damage.as_ref().expect("its FCS is wrong");
    assert_eq!((damage.kind, damage.how.as_str()), (DamageKind::Fcs, "FCS wrong in the recording"));
    assert!(stimulus.checks.contains(&"han.link.fcs-reject".to_string()));
    assert!(stimulus.needs.contains(&"mbus".to_string()));
    assert_eq!(all[0].unannounced, ["active_import_w"]);
    assert!(!stimulus.checks.contains(&"han.field.value".to_string()), "no number in an announced scale");
    assert!(stimulus.checks.contains(&"han.scale.unannounced".to_string()));
}

#[test]
fn bytes_left_over_behind_the_body_make_a_telegram_optional() {
    let trailing = FRAME.to_string() + r#","left_over":3,"problems":["in other words"]"#;
    let all = telegrams(&cut(&[&trailing, FRAME]));
    assert_eq!((all[0].optional, all[1].optional), (true, false));
}
