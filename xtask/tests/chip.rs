//! The virtual chip as a program of its own: it says that it is ready, and ends when nobody wants it any more.

#![cfg(all(unix, feature = "probe"))]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn start(folder: &Path, stdin: Stdio, more: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .arg("chip")
        .arg("--socket")
        .arg(folder.join("cable"))
        .arg("--image")
        .arg(folder.join("dongle.elf"));
    command.args(more).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("xtask starts")
}

fn ready(chip: &mut Child) {
    let mut line = String::new();
    let out = chip.stdout.as_mut().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("a line");
    assert_eq!(line.trim_end(), r#"{"event":"ready"}"#);
}

fn end(mut chip: Child) -> Option<i32> {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if let Some(status) = chip.try_wait().expect("a child") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = chip.kill();
    panic!("it goes on");
}

#[test]
fn it_is_there_when_it_says_so_and_ends_with_its_input() {
    let folder = TempDir::new().expect("a folder");
    let mut chip = start(folder.path(), Stdio::piped(), &[]);
    ready(&mut chip);
    let image = std::fs::read(folder.path().join("dongle.elf")).expect("an image");
    assert!(image.starts_with(b"\x7fELF"));
    UnixStream::connect(folder.path().join("cable")).expect("it listens");
    drop(chip.stdin.take());
    assert_eq!(end(chip), Some(0));
    assert!(!folder.path().join("cable").exists(), "the socket is removed");
}

#[test]
fn it_ends_when_it_is_told_to_and_without_input_not_before() {
    let folder = TempDir::new().expect("a folder");
    let mut chip = start(folder.path(), Stdio::null(), &["--fault", "slow"]);
    ready(&mut chip);
    // A client in the middle of something is no reason to stay.
    let _client = UnixStream::connect(folder.path().join("cable")).expect("it listens");
    assert!(chip.try_wait().expect("a child").is_none(), "input that is nothing has no end");
    let told = Command::new("kill").arg(chip.id().to_string()).status().expect("kill");
    assert!(told.success());
    assert_eq!(end(chip), Some(0));
    assert!(!folder.path().join("cable").exists());
}

#[test]
fn it_ends_when_whoever_started_it_is_killed() {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new("sh");
    command.args(["-c", r#""$0" chip --socket "$1/cable" --image "$1/dongle.elf" </dev/null & wait"#]);
    command.arg(env!("CARGO_BIN_EXE_xtask")).arg(folder.path()).stdout(Stdio::piped());
    let mut shell = command.spawn().expect("sh starts");
    ready(&mut shell);
    shell.kill().expect("it can be killed");
    shell.wait().expect("it ends");
    let until = Instant::now() + Duration::from_secs(10);
    while folder.path().join("cable").exists() {
        assert!(Instant::now() < until, "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn names_that_nobody_knows_are_bad_input() {
    for (flag, name, known) in
        [("--broken", "loud", "loses-a-line"), ("--fault", "fire", "cable-out-after-claims")]
    {
        let folder = TempDir::new().expect("a folder");
        let mut chip = start(folder.path(), Stdio::null(), &[flag, name]);
        let mut said = String::new();
        chip.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert!(said.contains(name) && said.contains(known), "{said}");
        assert_eq!(end(chip), Some(2));
    }
}
