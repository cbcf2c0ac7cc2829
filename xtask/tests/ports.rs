//! `record` and `replay` as a user runs them, on ptys that stand for serial ports.

#![cfg(unix)]

use hanbench_core::capture::Capture;
use hanbench_rig::lock::Lock;
use hanbench_rig::pty::Pty;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("xtask starts")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures")
}

/// A capture made from another with its rows as they are and lines of the header replaced or added.
fn with_header(folder: &Path, source: &str, changes: &[(&str, &str)]) -> String {
    let text = std::fs::read_to_string(captures().join(source)).expect("a capture");
    let mut capture = Capture::parse(&text).expect("a capture");
    capture.rows.truncate(1);
    for (key, value) in changes {
        capture.header.insert((*key).to_string(), (*value).to_string());
    }
    let path = folder.join("changed.csv");
    std::fs::write(&path, capture.to_text()).expect("written");
    path.display().to_string()
}

#[test]
fn a_port_that_is_held_is_refused_by_every_command_that_would_open_it() {
    let pty = Pty::open().expect("a pty");
    let lock = Lock::take(pty.path(), "soak run").expect("free");
    let capture = captures().join("kaifa/ma304h3e-it3.csv").display().to_string();
    for command in [
        vec!["record", "--port", pty.path(), "--for", "1"],
        vec!["replay", &capture, "--port", pty.path()],
        vec!["emulate", "--profile", "kaifa-ma304h3e", "--port", pty.path(), "--for", "1"],
    ] {
        let output = xtask(&command);
        let expected = format!("error: {} is held by pid {} since", pty.path(), std::process::id());
        assert_eq!(output.status.code(), Some(3), "{command:?}: {}", words(&output));
        assert!(words(&output).contains(&expected), "{command:?}: {}", words(&output));
    }
    drop(lock);
    let output = xtask(&["record", "--port", pty.path(), "--for", "0.1"]);
    assert_eq!(output.status.code(), Some(4), "free again, but silent: {}", words(&output));
}

/// Writes bytes while somebody reads them.
fn feed(pty: Arc<Pty>, bytes: Vec<u8>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let (mut done, until) = (0, Instant::now() + Duration::from_secs(10));
        while done < bytes.len() {
            match pty.master().write(&bytes[done..]) {
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
            assert!(Instant::now() < until, "nobody reads");
        }
    })
}

#[test]
fn a_recording_names_its_meter_and_its_line() {
    let text = std::fs::read_to_string(captures().join("kaifa/ma304h3e-it3.csv")).expect("a capture");
    let played = Capture::parse(&text).expect("a capture");
    // List 1 names no meter; the fourth row is a list 2. So much of list 1 comes before it that no read gets both.
    let mut whole = played.rows[0].bytes.repeat(200);
    let unnamed = whole.len();
    whole.extend(&played.rows[3].bytes);
    for (count, expected) in
        [(unnamed, ["kaifa", "unknown", "unknown"]), (whole.len(), ["kaifa", "MA304H3E", "3-phase IT"])]
    {
        let pty = Arc::new(Pty::open().expect("a pty"));
        let bytes = whole[..count].to_vec();
        let meter = feed(Arc::clone(&pty), bytes.clone());
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("night.csv").display().to_string();
        let output = xtask(&[
            "record",
            "--port",
            pty.path(),
            "-o",
            &file,
            "--for",
            "1",
            "--parity",
            "even",
            "--baud",
            "9600",
        ]);
        meter.join().expect("every byte had room");
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
        let text = std::fs::read_to_string(&file).expect("a capture");
        let recorded = Capture::parse(&text).expect("a capture");
        let header = ["family", "model", "system"].map(|key| recorded.header[key].as_str());
        assert_eq!(header, expected, "{text}");
        let line = ["baud", "parity", "stage", "evidence"].map(|key| recorded.header[key].as_str());
        assert_eq!(line, ["9600", "even", "wire", "recorded"]);
        let heard: Vec<u8> = recorded.rows.iter().flat_map(|row| row.bytes.clone()).collect();
        assert_eq!(heard, bytes, "not a byte is lost");
    }
}

/// Nobody can see the speed of a pty, but the time that the bytes take.
#[test]
fn a_replay_takes_the_speed_of_its_line_from_the_capture_unless_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let capture =
        with_header(folder.path(), "kaifa/ma304h3e-it3.csv", &[("baud", "300"), ("parity", "even")]);
    let took = |flags: &[&str]| {
        let pty = Pty::open().expect("a pty");
        let started = Instant::now();
        let output = xtask(&[&["replay", &capture, "--port", pty.path()], flags].concat());
        assert_eq!(output.status.code(), Some(0), "{}", words(&output));
        started.elapsed()
    };
    // 41 bytes of eleven bits, the parity bit among them: 1.5 s at 300 baud, 4 ms at 115200.
    let (said, told) = (took(&[]), took(&["--baud", "115200"]));
    assert!(said >= Duration::from_millis(1503), "{said:?}");
    assert!(told < said - Duration::from_millis(500), "{told:?} and {said:?}");
}

#[test]
fn what_cannot_be_replayed_is_refused_before_the_port_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    for (changes, expected) in [
        (("stage", "unwrapped"), "changed.csv: its stage is `unwrapped`"),
        (("stage", "decrypted"), "a capture whose stage is `wire` was expected"),
        (("baud", "0"), "changed.csv: its baud is 0; a number from 1 to 4000000 was expected"),
    ] {
        let capture = with_header(folder.path(), "kaifa/ma304h3e-it3.csv", &[changes]);
        let output = xtask(&["replay", &capture, "--port", "/dev/no-such-port"]);
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        assert!(words(&output).contains(expected), "{}", words(&output));
    }
    let good = captures().join("kaifa/ma304h3e-it3.csv").display().to_string();
    let output = xtask(&["replay", &good, "--port", "/dev/no-such-port"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(words(&output).contains("there is no such port"), "{}", words(&output));
}

#[test]
fn a_replay_that_was_interrupted_says_how_far_it_came() {
    let text = std::fs::read_to_string(captures().join("kaifa/ma304h3e-it3.csv")).expect("a capture");
    let mut capture = Capture::parse(&text).expect("a capture");
    capture.rows.truncate(2);
    capture.rows[1].t_us = 600_000_000;
    let sizes: Vec<usize> = capture.rows.iter().map(|row| row.bytes.len()).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.csv");
    std::fs::write(&path, capture.to_text()).expect("written");
    for signal in ["-INT", "-TERM"] {
        let pty = Pty::open().expect("a pty");
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("replay").arg(&path).args(["--port", pty.path(), "--baud", "115200"]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("xtask starts");
        // The first row is out; the second is due in ten minutes.
        let (mut heard, until) = (0, Instant::now() + Duration::from_secs(20));
        while heard < sizes[0] && child.try_wait().expect("a status").is_none() {
            match pty.master().read(&mut [0; 256]) {
                Ok(count) => heard += count,
                Err(_) => std::thread::yield_now(),
            }
            assert!(Instant::now() < until, "nothing is sent");
        }
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(3), "{signal}: {}", words(&output));
        let expected = format!("interrupted after {} of {} bytes", sizes[0], sizes[0] + sizes[1]);
        assert!(words(&output).contains(&expected), "{signal}: {}", words(&output));
    }
}
