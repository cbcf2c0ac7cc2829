//! Programs as clamp dongles: silent, dead, deaf, and one that misses samples. None can hang the bench.

#![cfg(unix)]

use hanbench_core::verdict::ct::{self, CtTrial};
use hanbench_core::verdict::results::Outcome;
use hanbench_core::verdict::trial::What;
use hanbench_core::verdict::{Cause, Verdict};
use hanbench_rig::clamps::{ClampBench, fixtures::Waveform};
use hanbench_rig::pty::Pty;
use hanbench_rig::{Rig, Speed};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const WAVEFORM: &str = r#"
[waveform]
rate_hz = 8000
duration_s = 3.0
[[load]]
at = "L1-L2-L3-N"
kind = "current"
i_a = 10.0
"#;

fn play(script: &str, speed: Speed, quiet_ms: u64) -> CtTrial {
    let rig = "[dut]\nkind = \"virtual\"\n[clamps]\nkind = \"process\"\ndevices = [\"amp-guard-home\"]\n\
               command = [\"sh\", \"-c\", '''SCRIPT''', \"sh\", \"{samples}\"]\n";
    let rig = Rig::parse(&rig.replace("SCRIPT", script), "script.toml").expect("a rig");
    let clamps = rig.clamps.expect("a clamp dongle");
    let waveform = Waveform::parse("fixtures/waveforms/x.toml", WAVEFORM).expect("a waveform");
    let mut bench =
        ClampBench::open(clamps, None, speed, Duration::from_millis(quiet_ms), None).expect("a bench");
    bench.trial(&waveform, &ct::checks(&waveform.spec)).expect("a trial")
}

fn judged(trial: &CtTrial, id: &str) -> Outcome {
    ct::judge(trial, "").into_iter().find(|outcome| outcome.id == id).expect("the check")
}

fn last(trial: &CtTrial) -> &What {
    &trial.events.last().expect("events").what
}

#[test]
fn a_silent_dongle_costs_one_quiet_time_and_fails() {
    let started = Instant::now();
    let trial = play(r#"echo "{\"event\":\"ready\"}"; exec cat "$1" >/dev/null"#, Speed::Max, 300);
    assert!(started.elapsed() < Duration::from_secs(10));
    let sent = trial.sent.as_ref().expect("it took everything");
    assert_eq!((sent.frames, sent.bytes, sent.sha256.len()), (24_000, 24_000 * 12, 64));
    let outcome = judged(&trial, "ct.claim.answers");
    assert_eq!((outcome.verdict, outcome.cause), (Verdict::Fail, Some(Cause::Dut)));
    assert_eq!(judged(&trial, "ct.current.rms").verdict, Verdict::Inconclusive);
}

#[test]
fn a_dongle_that_dies_is_reported_with_its_last_words() {
    let script =
        r#"echo "{\"event\":\"ready\"}"; head -c 9000 "$1" >/dev/null; echo "out of memory" >&2; exit 3"#;
    let started = Instant::now();
    let trial = play(script, Speed::Max, 30_000);
    assert!(started.elapsed() < Duration::from_secs(10), "nobody waits for the dead");
    let What::Exited { how } = last(&trial) else { panic!("{:?}", trial.events) };
    assert_eq!(how, "ended with exit code 3: out of memory");
    assert_eq!(judged(&trial, "ct.claim.answers").verdict, Verdict::Fail);
}

#[test]
fn a_dongle_that_does_not_read_cannot_hang_the_bench() {
    let started = Instant::now();
    let trial = play(r#"echo "{\"event\":\"ready\"}"; exec sleep 1000"#, Speed::Max, 30_000);
    assert!(started.elapsed() < Duration::from_secs(15));
    let What::Stopped { why, misbehaved: true } = last(&trial) else { panic!("{:?}", trial.events) };
    assert_eq!(why, "the DUT does not read: no byte was taken for 2 s");
    assert_eq!(trial.sent, None);
    assert_eq!(judged(&trial, "ct.claim.answers").cause, Some(Cause::Dut));
}

/// A dongle on a cable that gets some samples, claims something, and then tells of a gap up to sample `got`.
fn cable_with_gap(got: u64) -> CtTrial {
    let pty = Pty::open().expect("a pty");
    let rig = format!(
        "[dut]\nkind = \"virtual\"\n[clamps]\nkind = \"serial\"\nport = \"{}\"\ndevices = [\"amp-guard-home\"]\n",
        pty.path()
    );
    let clamps = Rig::parse(&rig, "cable.toml").expect("a rig").clamps.expect("a clamp dongle");
    let over = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&over);
    let dongle = std::thread::spawn(move || {
        let (mut taken, mut buffer, mut said) = (0, [0; 4096], false);
        while !stop.load(Ordering::Relaxed) {
            taken += pty.master().read(&mut buffer).unwrap_or(0);
            if taken > 9000 && !std::mem::replace(&mut said, taken > 9000) {
                let claim = r#"{"current_l1_a":99,"samples":16000,"window_s":1}"#;
                let gap = format!(r#"{{"event":"gap","expected":160,"got":{got}}}"#);
                pty.master().write_all(format!("{claim}\r\n{gap}\r\n").as_bytes()).expect("room");
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    });
    let waveform = Waveform::parse("fixtures/waveforms/x.toml", WAVEFORM).expect("a waveform");
    let mut bench =
        ClampBench::open(clamps, None, Speed::Max, Duration::from_millis(300), None).expect("a bench");
    let trial = bench.trial(&waveform, &ct::checks(&waveform.spec)).expect("a trial");
    over.store(true, Ordering::Relaxed);
    dongle.join().expect("the dongle");
    trial
}

#[test]
fn samples_that_were_lost_on_a_cable_are_the_rig_s_fault_whatever_was_claimed() {
    let started = Instant::now();
    let trial = cable_with_gap(480);
    assert!(started.elapsed() < Duration::from_secs(10), "nothing more is waited for");
    for outcome in ct::judge(&trial, "") {
        assert_eq!((outcome.verdict, outcome.cause), (Verdict::Error, Some(Cause::Rig)), "{}", outcome.id);
        let reason = outcome.reason.expect("a reason");
        assert!(reason.ends_with("number 160 was due and 480 came"), "{reason}");
    }
}

#[test]
fn a_gap_that_cannot_be_is_the_dongle_s_own() {
    // No block began with sample 481, and the last one of 24 000 was never sent; a pty loses nothing.
    let script = r#"echo "{\"event\":\"ready\"}"; head -c 9000 "$1" >/dev/null
        echo "{\"event\":\"gap\",\"expected\":160,\"got\":480}"; exec cat "$1" >/dev/null"#;
    for (trial, expected) in [
        (
            cable_with_gap(481),
            "the dongle tells of a block that was never sent: number 160 was due and 481 came",
        ),
        (
            cable_with_gap(160_000),
            "the dongle tells of a block that was never sent: number 160 was due and 160000 came",
        ),
        (
            play(script, Speed::Max, 30_000),
            "the dongle lost samples that were handed to it: number 160 was due and 480 came",
        ),
    ] {
        let answers = judged(&trial, "ct.claim.answers");
        assert_eq!((answers.verdict, answers.cause), (Verdict::Fail, Some(Cause::Dut)), "{answers:?}");
        assert!(answers.reason.as_deref().is_some_and(|why| why.contains(expected)), "{answers:?}");
    }
}

#[test]
fn a_flood_of_lines_ends_the_trial() {
    let started = Instant::now();
    let trial = play(r#"echo "{\"event\":\"ready\"}"; exec yes "{}""#, Speed::Max, 300);
    assert!(matches!(last(&trial), What::Stopped { misbehaved: true, .. }));
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn at_a_given_speed_samples_are_paced_and_their_lateness_is_told() {
    let script = r#"echo "{\"event\":\"ready\"}"; exec cat "$1" >/dev/null"#;
    let started = Instant::now();
    let trial = play(script, Speed::Factor(5.0), 100);
    assert!(started.elapsed() >= Duration::from_millis(600), "3 s of samples, five times faster");
    assert!(trial.pacing.is_some());
    assert_eq!(play(script, Speed::Max, 100).pacing, None);
}
