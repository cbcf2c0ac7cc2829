//! A clamp dongle on a cable: samples go in and claims come out of one port. Two ptys and a thread between them are the
//! cable; the dongle on its other end is the repository's own, healthy and broken.

#![cfg(unix)]

use hanbench_core::verdict::results::{Outcome, Results};
use hanbench_core::verdict::{Cause, Verdict};
use hanbench_rig::pty::Pty;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No more bytes than this wait in the cable.
const ROOM: usize = 4096;

/// When the cable is pulled.
#[derive(Clone, Copy, PartialEq)]
enum Pulled {
    Never,
    /// After so many bytes to the dongle.
    After(u64),
    /// When the dongle is about to say that everything was said.
    BeforeEnd,
}

/// A dongle on a cable. Dropping it pulls the cable.
struct Cable {
    /// The port at the bench's end.
    port: String,
    stop: Arc<AtomicBool>,
    carried: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Cable {
    fn to_dongle(broken: &[&str], pulled: Pulled) -> Cable {
        let (bench, dongle) = (Pty::open().expect("a pty"), Pty::open().expect("a pty"));
        let port = bench.path().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["dongle", "--clamps", dongle.path()]).args(broken).stdout(Stdio::piped());
        let mut child = command.spawn().expect("xtask starts");
        let said = lines(&mut child);
        let (stop, carried) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (end, count) = (Arc::clone(&stop), Arc::clone(&carried));
        let thread = std::thread::spawn(move || {
            carry(&bench, &dongle, &said, pulled, &end, &count);
            // Both ends hang up here: the bench loses its port, the dongle its line.
            drop((bench, dongle));
            let _ = child.kill();
            child.wait().expect("it ends");
        });
        Cable { port, stop, carried, thread: Some(thread) }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().into_iter().for_each(|thread| thread.join().expect("the cable"));
    }
}

/// What a dongle prints; it speaks into its end of the cable.
fn lines(child: &mut Child) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    std::thread::spawn(move || {
        let mut line = Vec::new();
        while out.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if send.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    receive
}

/// Bytes from the bench to the dongle and back, until the cable is pulled.
fn carry(
    bench: &Pty,
    dongle: &Pty,
    said: &Receiver<Vec<u8>>,
    pulled: Pulled,
    stop: &AtomicBool,
    carried: &AtomicU64,
) {
    let (mut to_dongle, mut to_bench, mut buffer) = (Vec::new(), Vec::new(), [0; ROOM]);
    while !stop.load(Ordering::Relaxed) {
        if matches!(pulled, Pulled::After(bytes) if carried.load(Ordering::Relaxed) >= bytes) {
            return;
        }
        let before = (to_dongle.len(), to_bench.len());
        if to_dongle.is_empty() {
            let count = waited(bench.master().read(&mut buffer));
            to_dongle.extend(&buffer[..count]);
            carried.fetch_add(count as u64, Ordering::Relaxed);
        }
        let count = waited(dongle.master().write(&to_dongle));
        to_dongle.drain(..count);
        for line in said.try_iter() {
            if pulled == Pulled::BeforeEnd && line.starts_with(b"{\"event\":\"end\"") {
                return;
            }
            to_bench.extend(line);
        }
        let count = waited(bench.master().write(&to_bench));
        to_bench.drain(..count);
        if before == (to_dongle.len(), to_bench.len()) {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

/// Bytes that there was room for, or that were there.
fn waited(result: std::io::Result<usize>) -> usize {
    match result {
        Ok(count) => count,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => panic!("the cable: {error}"),
    }
}

struct Ran {
    code: Option<i32>,
    words: String,
    took: Duration,
    results: Option<Results>,
}

impl Ran {
    fn of(&self, id: &str) -> &Outcome {
        let checks = &self.results.as_ref().expect("results").checks;
        checks.iter().find(|one| one.id == id).unwrap_or_else(|| panic!("{id}: {}", self.words))
    }
}

/// The unmodified main job, suite `ct`, on a rig with its dongle at this port.
fn run(port: &str, more: &[&str]) -> Ran {
    let temp = tempfile::tempdir().expect("a folder");
    let (rig, out) = (temp.path().join("cable.toml"), temp.path().join("out"));
    let text = format!(
        "[dut]\nkind = \"virtual\"\nclaim_within_s = 20.0\n[clamps]\nkind = \"serial\"\nport = \"{port}\"\n\
         devices = [\"amp-guard-home\"]\n"
    );
    std::fs::write(&rig, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["run", "--suite", "ct", "--rig"]).arg(&rig).arg("--out").arg(&out).args(more);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let started = Instant::now();
    let output = command.output().expect("xtask starts");
    let took = started.elapsed();
    let words =
        [output.stderr, output.stdout].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    let results = std::fs::read(out.join("results.json")).ok();
    let results = results.map(|text| serde_json::from_slice(&text).expect("results"));
    Ran { code: output.status.code(), words, took, results }
}

#[test]
fn a_healthy_dongle_passes_and_gets_one_waveform_after_the_other() {
    let cable = Cable::to_dongle(&[], Pulled::Never);
    let ran = run(&cable.port, &["--filter", "/(one-reversed|phase-order)", "--speed", "10"]);
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    assert_eq!(ran.of("ct.wiring.found").verdict, Verdict::Pass);
    let checks = &ran.results.as_ref().expect("results").checks;
    assert!(
        checks.iter().any(|one| one.subject.ends_with("phase-order.toml") && one.verdict == Verdict::Pass)
    );
    // Two waveforms of 6 s, six inputs of 16 bits at 8000 a second: not a byte of them went another way.
    assert!(cable.carried.load(Ordering::Relaxed) > 2 * 48_000 * 12);
}

#[test]
fn real_time_on_the_cable_is_real_time() {
    let cable = Cable::to_dongle(&[], Pulled::Never);
    let ran = run(&cable.port, &["--filter", "/one-reversed"]);
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    let about = &ran.results.as_ref().expect("results").run;
    let late =
        |which: &str| about["timing_error_us"][which].as_u64().expect("real time is the default on a port");
    eprintln!("blocks late: median {} µs, 99 % {} µs; whole run {:?}", late("p50"), late("p99"), ran.took);
    assert!(ran.took >= Duration::from_secs(6), "6 s of samples in {:?}", ran.took);
    // A block is 20 ms; on a loaded machine some come late, but half of them within their own length.
    assert!(late("p50") < 20_000, "{}", late("p50"));
}

#[test]
fn a_broken_dongle_is_found_out_over_the_cable() {
    let cable = Cable::to_dongle(&["--broken", "absolute-power"], Pulled::Never);
    let ran = run(&cable.port, &["--filter", "/one-reversed", "--speed", "10"]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let direction = ran.of("ct.power.direction");
    assert_eq!((direction.verdict, direction.cause), (Verdict::Fail, Some(Cause::Dut)), "{direction:?}");
    assert_eq!(ran.of("ct.current.rms").verdict, Verdict::Pass, "currents have no sign");
}

#[test]
fn a_port_that_is_not_there_is_the_rig_and_leaves_no_report() {
    let port = Pty::open().expect("a pty").path().to_string();
    let ran = run(&port, &["--filter", "/one-reversed"]);
    assert_eq!(ran.code, Some(3), "{}", ran.words);
    assert!(ran.words.contains(&format!("port {port} is not available")), "{}", ran.words);
    assert!(ran.results.is_none());
}

#[test]
fn a_cable_that_is_pulled_is_the_rig_and_ends_the_run_at_once() {
    // In the middle of the samples, and behind the last one, when only claims are still waited for.
    for pulled in [Pulled::After(200_000), Pulled::BeforeEnd] {
        let cable = Cable::to_dongle(&["--broken", "absolute-power"], pulled);
        let ran = run(&cable.port, &["--filter", "/(one-reversed|phase-order)", "--speed", "10"]);
        assert_eq!(ran.code, Some(3), "{}", ran.words);
        assert!(ran.took < Duration::from_secs(15), "nobody waits for what cannot come: {:?}", ran.took);
        assert!(ran.words.contains(&format!("port {} was lost", cable.port)), "{}", ran.words);
        for one in &ran.results.as_ref().expect("a report of what was lost").checks {
            let expected = (Verdict::Error, Some(Cause::Rig));
            assert!((one.verdict, one.cause) == expected || one.verdict == Verdict::NotApplicable, "{one:?}");
        }
    }
}
