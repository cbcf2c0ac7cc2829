//! Blocks of samples: what was sent arrives, what was damaged is missed, and a dongle says so.

use hanbench_core::clamps::Fault;
use hanbench_rig::clamps::dongle::Blocks;
use hanbench_rig::clamps::fixtures::Waveform;
use hanbench_rig::samples::{Block, Decoder, SAMPLES_MAX, data, end, head};
use serde_json::{Value, json};

fn decode(bytes: &[u8], chunk: usize) -> (Vec<Block>, usize) {
    let mut decoder = Decoder::default();
    let mut blocks: Vec<Block> = bytes.chunks(chunk).flat_map(|piece| decoder.push(piece)).collect();
    blocks.extend(decoder.paused());
    (blocks, decoder.take_lost())
}

fn samples(number: u32) -> Vec<i16> {
    // Some of them look like the mark of a block.
    let mark = i16::from_le_bytes([0xA5, 0x5A]);
    vec![i16::MIN, mark, i16::MAX, 0, mark, number as i16]
}

#[test]
fn what_is_sent_arrives_however_it_is_divided() {
    let mut bytes = head(br#"{"rate_hz":8000}"#);
    let mut expected = vec![Block::Head(br#"{"rate_hz":8000}"#.to_vec())];
    for number in 0..40 {
        let first = u64::from(number) * 2 + (1 << 40);
        bytes.extend(data(number, first, &samples(number)));
        expected.push(Block::Data { number, first, samples: samples(number) });
    }
    let largest = vec![-2; SAMPLES_MAX];
    bytes.extend(data(40, 7, &largest));
    expected.push(Block::Data { number: 40, first: 7, samples: largest });
    bytes.extend(end(u64::MAX));
    expected.push(Block::End { frames: u64::MAX });
    for chunk in [1, 2, 3, 7, 64, 4096, bytes.len()] {
        assert_eq!(decode(&bytes, chunk), (expected.clone(), 0), "{chunk} bytes at a time");
    }
}

#[test]
fn any_damage_costs_its_own_block_and_no_other() {
    let (before, hit, behind) = (data(0, 0, &samples(0)), data(1, 1, &samples(1)), data(2, 2, &samples(2)));
    let block = |number: u32| Block::Data { number, first: number.into(), samples: samples(number) };
    let expected = vec![block(0), block(2)];
    let with = |middle: &[u8]| decode(&[&before[..], middle, &behind].concat(), 5);
    for at in 0..hit.len() * 8 {
        let mut damaged = hit.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        assert_eq!(with(&damaged), (expected.clone(), hit.len()), "bit {at}");
    }
    for kept in 0..hit.len() {
        assert_eq!(with(&hit[..kept]), (expected.clone(), kept), "{kept} bytes of it");
        assert_eq!(with(&hit[hit.len() - kept..]), (expected.clone(), kept), "its last {kept} bytes");
    }
}

#[test]
fn a_block_that_is_too_long_is_damage() {
    let long = data(0, 0, &vec![1; SAMPLES_MAX + 1]);
    let (blocks, lost) = decode(&[long.clone(), end(1)].concat(), 4096);
    assert_eq!((blocks, lost), (vec![Block::End { frames: 1 }], long.len()));
}

fn told() -> Vec<u8> {
    let input = |quantity: &str, per_lsb: f64| {
        json!({"quantity": quantity, "phase": 0, "per_lsb": per_lsb, "zero": 0.0,
               "codes": [-32768, 32767], "slot_s": 0.0})
    };
    json!({"rate_hz": 1000.0, "inputs": [input("voltage", 0.02), input("current", 0.005)],
           "calibration": {"ratio_pct": [], "lead_deg": [[5.0, 1.5]]}, "neutral": true, "factor": 1.0,
           "start_a": 0.02, "range_a": 100.0, "netting": "summed", "pulses_per_kwh": 0})
    .to_string()
    .into_bytes()
}

/// Blocks of 20 ms of 230 V and 10 A at 50 Hz.
fn mains(blocks: u32) -> Vec<Block> {
    let sample =
        |at: u64, peak: f64| ((at as f64 * std::f64::consts::TAU / 20.0).sin() * peak).round() as i16;
    let block = |number: u32| {
        let first = u64::from(number) * 20;
        let volts = 230.0 * std::f64::consts::SQRT_2 / 0.02;
        let amperes = 10.0 * std::f64::consts::SQRT_2 / 0.005;
        let samples = (first..first + 20).flat_map(|at| [sample(at, volts), sample(at, amperes)]).collect();
        Block::Data { number, first, samples }
    };
    (0..blocks).map(block).collect()
}

fn lines(fault: Option<Fault>, blocks: impl IntoIterator<Item = Block>) -> Vec<Value> {
    let mut dongle = Blocks::new(fault);
    blocks.into_iter().flat_map(|block| dongle.take(block)).collect()
}

#[test]
fn a_dongle_claims_in_device_time_and_says_when_it_is_done() {
    let blocks = [Block::Head(told())].into_iter().chain(mains(110)).chain([Block::End { frames: 2200 }]);
    let said = lines(None, blocks);
    let [first, last, end] = &said[..] else { panic!("{said:#?}") };
    assert_eq!(*end, json!({"event": "end", "samples": 2200}));
    let number = |claim: &Value, key: &str| claim[key].as_f64().unwrap_or(f64::NAN);
    for claim in [first, last] {
        assert!((number(claim, "current_l1_a") - 10.0).abs() < 0.01, "{claim}");
        assert!((0.99..1.3).contains(&number(claim, "window_s")), "{claim}");
    }
    let apart = (number(last, "samples") - number(first, "samples")) / 1000.0;
    assert!((apart - number(last, "window_s")).abs() <= 0.001, "windows follow each other: {said:#?}");
}

#[test]
fn missing_samples_are_told_once_and_the_next_waveform_is_measured() {
    let gap = |expected: u64, got: u64| json!({"event": "gap", "expected": expected, "got": got});
    let end = || Block::End { frames: 2200 };
    let with = |change: fn(&mut Vec<Block>)| {
        let mut blocks = mains(110);
        change(&mut blocks);
        lines(None, [Block::Head(told())].into_iter().chain(blocks).chain([end()]))
    };
    assert_eq!(with(|blocks| drop(blocks.remove(5))), [gap(100, 120)]);
    assert_eq!(with(|blocks| drop(blocks.remove(0))), [gap(0, 20)]);
    assert_eq!(with(|blocks| blocks.insert(5, blocks[4].clone())), [gap(100, 80)]);
    let cut = with(|blocks| drop(blocks.pop()));
    assert_eq!(cut.last(), Some(&gap(2180, 2200)), "the end tells of the last block: {cut:#?}");
    assert_eq!(lines(None, mains(3)), [gap(0, 0)], "without a head nothing can be measured");
    let again = [Block::Head(told())].into_iter().chain(mains(110)).chain([end()]);
    let both: Vec<Block> = mains(3).into_iter().chain(again).collect();
    assert_eq!(lines(None, both).len(), 4, "a gap, two claims, the end");
}

#[test]
fn a_head_that_cannot_be_read_is_refused() {
    let said = lines(None, [Block::Head(b"{}".to_vec())]);
    assert!(said[0]["event"] == "rejected" && said[0]["reason"].to_string().contains("rate_hz"), "{said:?}");
}

#[test]
fn a_waveform_with_a_mistake_names_file_and_line() {
    let mistake = |text: &str| Waveform::parse("fixtures/waveforms/x.toml", text).unwrap_err().to_string();
    let head = "[waveform]\nrate_hz = 8000\nduration_s = 1.0\n";
    assert!(mistake(&format!("{head}[[load]]\nat = \"L9\"\n")).starts_with("fixtures/waveforms/x.toml:5: "));
    let device = mistake(&format!("{head}[expect]\ndevice = \"amp-guard\"\n"));
    assert!(device.contains("\"amp-guard\" is unknown; expected amp-guard-home"), "{device}");
}
