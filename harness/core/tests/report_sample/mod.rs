//! A hand-made run: passes, a current ten times too large, a damaged telegram that was claimed, a silent
//! device, a scale nobody announced, a lost port, and what was not applicable. All bytes are made up here.

use hanbench_core::explain::title;
use hanbench_core::reading::Key;
use hanbench_core::report::Annotated;
use hanbench_core::verdict::results::{Finding, Outcome, Results};
use hanbench_core::verdict::trial::{
    Damage, DamageKind, DutTerms, Event, Pacing, Part, Stimulus, Telegram, Trial, What,
};
use hanbench_core::verdict::{Cause, Verdict};
use serde_json::{Map, Value, json};

const KEYS: [(&str, u8, i8, u8, &str); 6] = [
    ("active_import_w", 1, 0, 27, "W"),
    ("current_l1_a", 31, -1, 33, "A"),
    ("current_l3_a", 71, -1, 33, "A"),
    ("voltage_l1_v", 32, -1, 35, "V"),
    ("voltage_l2_v", 52, -1, 35, "V"),
    ("voltage_l3_v", 72, -1, 35, "V"),
];

/// Raw values of telegram `n`: an oven and a car come and go.
fn raw(n: u32) -> [u32; 6] {
    let car = if (18..47).contains(&n) { 3600 } else { 0 };
    let oven = if n % 13 < 5 { 1850 } else { 0 };
    let base = 410 + (n * 37) % 90;
    let power = base + car + oven;
    let sag = power / 1200;
    [power, 18 + car / 23, 21 + oven / 23 + car / 23, 2312 - sag, 2304 - (n * 7) % 4, 2296 - sag - n % 3]
}

fn reading(n: u32) -> Map<String, Value> {
    let values = KEYS.iter().zip(raw(n)).map(|((key, _, scaler, ..), raw)| {
        let value = if *scaler == 0 { json!(raw) } else { json!(f64::from(raw) / 10.0) };
        (key.to_string(), value)
    });
    values.collect()
}

fn bytes(n: u32) -> Vec<u8> {
    let mut bytes = vec![
        0x7e,
        0xa0,
        0x8a,
        0x41,
        0x08,
        0x83,
        0x13,
        0x5e,
        0x9d,
        0xe6,
        0xe7,
        0x00,
        0x0f,
        0x40,
        0,
        0,
        0,
        0,
        1,
        KEYS.len() as u8,
    ];
    for ((_, c, scaler, unit, _), raw) in KEYS.iter().zip(raw(n)) {
        bytes.extend([2, 3, 9, 6, 1, 0, *c, 7, 0, 255, 6]);
        bytes.extend(raw.to_be_bytes());
        bytes.extend([2, 2, 0x0f, scaler.to_be_bytes()[0], 0x16, *unit]);
    }
    bytes.extend([0x3a, 0x71, 0x7e]);
    bytes
}

/// The meaning of the bytes made by [`bytes`].
pub(crate) fn explain(all: &[u8]) -> Vec<Annotated> {
    let mut rows = Vec::new();
    let mut push = |offset: usize, len: usize, meaning: String, value: String| {
        if let Some(bytes) = all.get(offset..offset + len) {
            rows.push(Annotated { offset, bytes: bytes.to_vec(), meaning, value });
        }
    };
    push(0, 1, "opening flag".into(), String::new());
    push(1, 2, "frame format type 3, length".into(), "138 bytes".into());
    push(3, 4, "addresses and control".into(), "UI".into());
    push(7, 2, "HCS".into(), "right".into());
    push(9, 3, "LLC header".into(), String::new());
    push(12, 6, "data-notification".into(), "no date-time".into());
    push(18, 2, "array of registers".into(), "6".into());
    for (n, (key, c, scaler, _, unit)) in KEYS.iter().enumerate() {
        let at = 20 + n * 21;
        let raw =
            all.get(at + 11..at + 15).map_or(0, |raw| u32::from_be_bytes(raw.try_into().expect("four")));
        push(at, 2, "structure of 3".into(), String::new());
        push(at + 2, 8, format!("OBIS 1-0:{c}.7.0.255"), String::new());
        push(
            at + 10,
            5,
            format!("u32 {}", Key::from_name(key).map_or(*key, title)),
            format!("{raw} × 10^{scaler} {unit}"),
        );
        push(at + 15, 6, format!("scaler and unit of {key}"), format!("10^{scaler}, {unit}"));
    }
    push(all.len().saturating_sub(3), 2, "FCS".into(), "see damage".into());
    push(all.len().saturating_sub(1), 1, "closing flag".into(), String::new());
    rows
}

/// A trial of `count` telegrams; `claim` turns the reviewed reading of telegram `n` into what the DUT prints.
fn trial(
    name: &str,
    family: &str,
    count: u32,
    claim: &dyn Fn(u32, Map<String, Value>) -> Option<Map<String, Value>>,
) -> Trial {
    let (mut parts, mut events) = (Vec::new(), Vec::new());
    for n in 0..count {
        let due_us = u64::from(n) * 10_000_000;
        let telegram = Telegram {
            bytes: bytes(n),
            due_us,
            gaps: vec![],
            list: "2".into(),
            damage: None,
            reading: reading(n),
            unannounced: vec![],
            zero_unmeasured: vec![],
            truth: Default::default(),
            optional: false,
            glued: false,
        };
        parts.push(Part::Telegram(telegram));
        events.push(Event {
            t_us: due_us + 600_000,
            what: What::Sent { index: n as usize, pauses: Vec::new() },
        });
        if let Some(claim) = claim(n, reading(n)) {
            let raw = Value::Object(claim.clone()).to_string();
            events.push(Event {
                t_us: due_us + 731_000 + u64::from(n % 7) * 9_000,
                what: What::Claim { claim, raw },
            });
        }
    }
    let base = name.split('.').next().unwrap_or(name);
    let stimulus = Stimulus {
        paced: false,
        name: name.into(),
        suite: "decode".into(),
        subject: format!("captures/{family}/{base}.csv"),
        family: family.into(),
        evidence: match family {
            "aidon" => "recorded",
            "nuri" => "inferred",
            _ => "rebuilt",
        }
        .into(),
        source: "vendor's HAN interface description, example telegram".into(),
        checks: vec!["han.value.exact".into()],
        needs: vec![family.into()],
        baud: 2400,
        parts,
    };
    let pacing = Some(Pacing { p50_us: 41, p99_us: 310 });
    Trial { version: 1, stimulus, dut: DutTerms::default(), events, pacing }
}

fn damage(trial: &mut Trial, index: usize, how: &str) {
    if let Part::Telegram(telegram) = &mut trial.stimulus.parts[index] {
        telegram.damage = Some(Damage { kind: DamageKind::Fcs, how: how.into() });
        let last = telegram.bytes.len() - 2;
        telegram.bytes[last] ^= 0x01;
    }
}

pub(crate) fn trials() -> Vec<Trial> {
    let good = |_: u32, reading| Some(reading);
    let mut tenfold = trial("kaifa-ma304", "kaifa", 60, &|n, mut reading| {
        if (20..26).contains(&n) || n == 51 {
            reading.insert("current_l1_a".into(), json!(f64::from(raw(n)[1])));
        }
        Some(reading)
    });
    tenfold.events.push(Event { t_us: 595_000_000, what: What::Log { line: "heap 21344".into() } });
    let mut fcs = trial("kamstrup-omnipower.fcs", "kamstrup", 12, &good);
    for at in [3, 8] {
        damage(&mut fcs, at, "last byte of the FCS changed from 71 to 70");
    }
    // The DUT refuses the second of the two.
    fcs.events.retain(|event| !(matches!(event.what, What::Claim { .. }) && event.t_us / 10_000_000 == 8));
    let mut silent = trial("nuri-1", "nuri", 6, &|_, _| None);
    silent.pacing = None;
    silent.events.push(Event {
        t_us: 1,
        what: What::Log { line: "<script>alert(1)</script> \u{202e}txet\u{0} \u{1b}[31m".into() },
    });
    silent.events.push(Event { t_us: 2, what: What::Log { line: "x".repeat(5000) } });
    vec![
        trial("aidon-6525-it3", "aidon", 60, &good),
        tenfold,
        fcs,
        silent,
        trial("kamstrup-omnipower", "kamstrup", 12, &good),
    ]
}

fn outcome(id: &str, suite: &str, subject: &str, verdict: Verdict, evidence: &[&str]) -> Outcome {
    Outcome {
        id: id.into(),
        suite: suite.into(),
        subject: subject.into(),
        verdict,
        cause: None,
        reason: None,
        attempts: 1,
        capture_evidence: "rebuilt".into(),
        evidence: evidence.iter().map(|name| format!("evidence/{name}.json")).collect(),
        rests_on: (verdict == Verdict::Pass).then(|| "60 telegrams, 8940 bytes".into()),
        findings: vec![],
        measures: vec![],
    }
}

fn because(mut outcome: Outcome, cause: Option<Cause>, reason: &str) -> Outcome {
    outcome.cause = cause;
    outcome.reason = Some(reason.into());
    outcome
}

fn tenfold_findings() -> Vec<Finding> {
    let finding = |n: u32| Finding {
        part: Some(n as usize),
        key: Some("current_l1_a".into()),
        expected: Some(format!("{}", f64::from(raw(n)[1]) / 10.0)),
        claimed: Some(format!("{}", raw(n)[1])),
        text: "ten times the value: the scaler −1 was not applied".into(),
        ..Finding::default()
    };
    (20..26).chain([51]).map(finding).collect()
}

pub(crate) fn results() -> Results {
    let (aidon, kaifa) = ("captures/aidon/aidon-6525-it3.csv", "captures/kaifa/kaifa-ma304.csv");
    let (kamstrup, nuri) = ("captures/kamstrup/kamstrup-omnipower.csv", "captures/nuri/nuri-1.csv");
    let mut checks = Vec::new();
    for (subject, name) in
        [(aidon, "aidon-6525-it3"), (kaifa, "kaifa-ma304"), (kamstrup, "kamstrup-omnipower")]
    {
        checks.push(outcome("han.claim.once", "decode", subject, Verdict::Pass, &[name]));
        checks.push(outcome("han.value.absent", "decode", subject, Verdict::Pass, &[name]));
    }
    checks.push(outcome("han.value.exact", "decode", aidon, Verdict::Pass, &["aidon-6525-it3"]));
    let tenfold = outcome("han.value.exact", "decode", kaifa, Verdict::Fail, &["kaifa-ma304"]);
    let tenfold = because(
        tenfold,
        Some(Cause::Dut),
        "current_l1_a was claimed ten times too large in 7 of 60 telegrams",
    );
    checks.push(Outcome { findings: tenfold_findings(), ..tenfold });
    let fcs = outcome("han.link.fcs-reject", "decode", kamstrup, Verdict::Fail, &["kamstrup-omnipower.fcs"]);
    let fcs = because(fcs, Some(Cause::Dut), "a telegram with a wrong frame check sequence was claimed");
    let finding = Finding {
        part: Some(3),
        claimed: Some("a reading".into()),
        expected: Some("no claim".into()),
        text: "claimed, although its FCS is wrong".into(),
        ..Finding::default()
    };
    checks.push(Outcome { findings: vec![finding], ..fcs });
    let silent = outcome("han.claim.once", "decode", nuri, Verdict::Fail, &["nuri-1"]);
    let silent = because(silent, Some(Cause::Dut), "none of 6 intact telegrams was claimed within 2 s");
    let missed = |part| Finding {
        part: Some(part),
        expected: Some("one claim".into()),
        claimed: Some("none".into()),
        text: "not claimed within 2 s of its last byte".into(),
        ..Finding::default()
    };
    checks.push(Outcome { findings: (0..6).map(missed).collect(), ..silent });
    let scale =
        outcome("han.scale.unannounced", "scaling", kamstrup, Verdict::Inconclusive, &["kamstrup-omnipower"]);
    checks.push(because(
        scale,
        Some(Cause::Config),
        "the rig file does not say whether the device was told that this meter counts in 0.01 A",
    ));
    let lost = outcome("han.time.gap-bridged", "timing", aidon, Verdict::Error, &[]);
    checks.push(because(
        lost,
        Some(Cause::Rig),
        "the serial port /dev/ttyUSB0 was gone after 3 of 12 telegrams",
    ));
    for id in ["han.p1.crc", "han.cipher.gcm"] {
        let skipped = outcome(id, "decode", "captures/p1/esmr5.csv", Verdict::NotApplicable, &[]);
        checks.push(because(skipped, None, "the rig file does not list p1 under [dut] supports"));
    }
    let run = json!({"started": "2026-11-21T08:30:00Z", "duration_s": 624.8, "host": "bench-3", "commit": "50ad737",
        "versions": {"hanbench": "0.1.0", "rustc": "1.89.0"}, "pacing": {"p50_us": 41, "p99_us": 310}});
    let Value::Object(run) = run else { unreachable!("written as an object above") };
    let mut results = Results {
        version: 1,
        run,
        rig: "bench-3".into(),
        dut: "example dongle 2.1.0 | serial, 115200 baud".into(),
        seed: 7,
        totals: Default::default(),
        checks,
    };
    results.count();
    results
}

pub(crate) fn purposes(id: &str) -> Option<(&'static str, &'static str)> {
    Some(match id {
        "han.claim.once" => (
            "Verify that every intact telegram is claimed exactly once and in order.",
            "hanbench contract, section 3",
        ),
        "han.value.exact" => (
            "Verify that every claimed number is the number the meter sent, to the last digit.",
            "IEC 62056-62, scaler_unit; field bug S3",
        ),
        "han.value.absent" => {
            ("Verify that a value the meter did not send is not claimed as zero.", "field bugs D8, P5")
        }
        "han.link.fcs-reject" => (
            "Verify that a frame with a wrong frame check sequence is not claimed.",
            "IEC 62056-46, 6.4.4; field bug H1",
        ),
        "han.scale.unannounced" => (
            "Verify the scales that no telegram announces, where the device was told them.",
            "vendor's HAN description",
        ),
        "han.time.gap-bridged" => {
            ("Verify that pauses up to 200 ms inside a frame are bridged.", "hanbench contract, section 3")
        }
        "han.p1.crc" => {
            ("Verify that a P1 telegram with a wrong CRC is not claimed.", "P1 companion standard 5.0.2, 6.2")
        }
        _ => return None,
    })
}
