//! Ctrl-C. Alone in its file, because the flag is one for the whole process.

#![cfg(unix)]

mod support;

use hanbench_rig::{Session, Speed, interrupt};
use std::time::{Duration, Instant};
use support::{intact, script, story};

#[test]
fn ctrl_c_ends_a_trial_and_its_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("ended");
    let program = format!(
        r#"kill -INT {}; echo '{{"event":"ready"}}'; cat "$1" >/dev/null 2>&1; : > '{}'"#,
        std::process::id(),
        mark.display()
    )
    .replace("kill", "trap '' TERM; kill");
    interrupt::install();
    let started = Instant::now();
    let mut session = Session::open(script(&program, 30.0), Speed::Max, None).expect("a session");
    let trial = session.trial(&intact(&["AAAA"])).expect("a trial that was cut short");
    assert_eq!(story(&trial).last().map(String::as_str), Some("stopped interrupted"));
    assert!(interrupt::interrupted() && started.elapsed() < Duration::from_secs(20));
    assert!(mark.exists(), "the program saw its line close and ended before the trial was over");
}
