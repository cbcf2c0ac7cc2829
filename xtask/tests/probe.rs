//! A dongle behind a debug probe, as a user runs it: the program, a simulated chip behind a socket, and everything that can
//! go wrong with cable, chip, image and firmware. What goes wrong on the bench is never the device's failure; what the
//! firmware does wrong is.

#![cfg(all(unix, feature = "probe"))]

mod suite;

use hanbench_core::verdict::probe::{ProbeTrial, ids};
use hanbench_core::verdict::{Cause, Verdict};
use std::path::Path;
use std::time::Duration;
use suite::{Ran, run};

/// The chip as DUT, with lines for [probe].
fn rig(probe: &str) -> String {
    format!("[dut]\nkind = \"rtt\"\n[probe]\nkind = \"virtual\"\n{probe}\n[clamps]\nkind = \"ram\"\n")
}

/// One capture with all that is made of it, and the probe.
const TELEGRAMS: [&str; 4] = ["--suite", "decode", "--filter", "probe|aidon/6525-it3.csv"];
/// A step that misses its deadline is known that soon behind it.
const SLACK: Duration = Duration::from_secs(1);

fn played(folder: &Path, name: &str, lines: &str) -> Ran {
    run("probe", folder, name, Some(&rig(lines)), &TELEGRAMS)
}

fn steps(ran: &Ran) -> ProbeTrial {
    serde_json::from_slice(&ran.evidence("probe-stm32f103c8")).expect("a trial")
}

/// Nothing is the device's fault, and no step took longer than it may.
fn blames_nobody(ran: &Ran) {
    for one in &ran.checks {
        assert!(one.verdict != Verdict::Fail, "{}: {:?}", one.id, one.reason);
        assert!(one.verdict != Verdict::Error || one.cause != Some(Cause::Dut), "{}", one.id);
    }
    for step in steps(ran).steps {
        let (took, within) = (Duration::from_micros(step.took_us), Duration::from_micros(step.within_us));
        assert!(took <= within + SLACK, "{:?} took {took:?} of {within:?}", step.what);
    }
}

#[test]
fn a_healthy_chip_passes_and_its_report_is_made_again_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = played(folder.path(), "healthy", "");
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    blames_nobody(&ran);
    for id in ids() {
        assert_eq!(ran.of(id).verdict, Verdict::Pass, "{id}: {:?}", ran.of(id).reason);
    }
    assert_eq!(ran.of("han.field.value").verdict, Verdict::Pass);
    let before = ran.reports();
    assert!(before[3].contains("probe.flash.kept"), "the page shows the steps");
    assert_eq!(ran.report_again(), Some(0));
    assert_eq!(ran.reports(), before);
}

#[test]
fn what_goes_wrong_with_cable_and_chip_is_said_and_blames_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    // The step that fails, its cause, the exit code, words of the reason.
    let cases = [
        ("cable-out", "probe.attach", Cause::Timeout, 3, "is the cable plugged in"),
        ("slow", "probe.attach", Cause::Timeout, 3, "within 4000 ms"),
        ("wrong-chip", "probe.attach", Cause::Config, 2, "wrong chip"),
        ("erase-fails", "probe.flash.written", Cause::Rig, 3, "erase"),
        ("power-lost", "probe.flash.written", Cause::Rig, 3, "probe, flash"),
    ];
    for (fault, id, cause, code, words) in cases {
        let ran = played(folder.path(), fault, &format!("fault = \"{fault}\""));
        assert_eq!(ran.code, Some(code), "{fault}: {}", ran.words);
        blames_nobody(&ran);
        let failed = ran.of(id);
        assert_eq!((failed.verdict, failed.cause), (Verdict::Error, Some(cause)), "{fault}: {failed:?}");
        let reason = failed.reason.as_deref().unwrap_or_default();
        assert!(reason.contains(words), "{fault}: {reason}");
        // What is reached through the probe is not played, and says why.
        let telegram = ran.of("han.field.value");
        assert_eq!(telegram.verdict, Verdict::Error, "{fault}: {telegram:?}");
        assert!(
            telegram.reason.as_deref().is_some_and(|said| said.contains("probe, ")),
            "{fault}: {telegram:?}"
        );
    }
}

#[test]
fn a_cable_that_falls_out_in_the_middle_ends_the_run_and_a_restart_only_its_trial() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = played(folder.path(), "out", "fault = \"cable-out-after-claims\"");
    assert_eq!(ran.code, Some(3), "{}", ran.words);
    blames_nobody(&ran);
    assert!(
        ran.checks.iter().any(|one| one.suite == "decode" && one.cause == Some(Cause::Rig)),
        "{}",
        ran.words
    );
    assert_eq!(ran.of("probe.rtt").verdict, Verdict::Pass, "it was in at the beginning");
    let several = ["--suite", "decode", "--filter", "probe|aidon/6525-it3"];
    let ran = run("probe", folder.path(), "reset", Some(&rig("fault = \"reset-after-claims\"")), &several);
    assert_eq!(ran.code, Some(3), "{}", ran.words);
    blames_nobody(&ran);
    let restarted: Vec<_> = ran.checks.iter().filter(|one| one.verdict == Verdict::Error).collect();
    assert!(!restarted.is_empty(), "{}", ran.words);
    for one in &restarted {
        assert_eq!(one.cause, Some(Cause::Rig));
        assert!(one.reason.as_deref().is_some_and(|why| why.contains("restarted")), "{one:?}");
    }
    let passed = ran.checks.iter().filter(|one| one.suite == "decode" && one.verdict == Verdict::Pass);
    assert!(passed.count() > 0, "the trials around it are judged: {}", ran.words);
}

#[test]
fn a_probe_that_stalls_is_no_silence_of_the_device() {
    let folder = tempfile::tempdir().expect("a folder");
    // The claim is overdue before the probe is given up.
    let lines = rig("fault = \"stalls-after-claims\"").replace("[probe]", "claim_within_s = 1.0\n[probe]");
    let ran = run("probe", folder.path(), "stalls", Some(&lines), &TELEGRAMS);
    assert_eq!(ran.code, Some(3), "{}", ran.words);
    blames_nobody(&ran);
    let telegram = ran.of("han.field.value");
    assert_eq!((telegram.verdict, telegram.cause), (Verdict::Error, Some(Cause::Rig)), "{telegram:?}");
}

#[test]
fn an_image_that_nobody_signed_is_not_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let key = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPhQXdkQ47JeM0Lvn7uLuQLnGdrSmYiCqGbDgY7GDTi0=\n\
               -----END PUBLIC KEY-----\n";
    std::fs::write(at("release.pub.pem"), key).expect("written");
    std::fs::write(at("dongle.elf.sig"), [7; 64]).expect("written");
    let program = env!("CARGO_BIN_EXE_xtask");
    let words = ["chip", "--socket", "{socket}", "--han", "{han}", "--image", &at("dongle.elf")]
        .map(|word| format!("{word:?}"));
    let rig = |signed: &str| {
        format!(
            "[dut]\nkind = \"rtt\"\n[probe]\nkind = \"process\"\nchip = \"STM32F103C8\"\nimage = \"dongle.elf\"\n\
             command = [{program:?}, {}]\n{signed}\n",
            words.join(", ")
        )
    };
    let ran = run("probe", folder.path(), "signed", Some(&rig("signed_by = \"release.pub.pem\"")), &[]);
    assert_eq!(ran.code, Some(2), "{}", ran.words);
    blames_nobody(&ran);
    let refused = ran.of("probe.flash.written");
    assert_eq!((refused.verdict, refused.cause), (Verdict::Error, Some(Cause::Config)));
    assert!(
        refused.reason.as_deref().is_some_and(|why| why.contains("its signature is not one of")),
        "{refused:?}"
    );
    let free = run("probe", folder.path(), "free", Some(&rig("")), &[]);
    assert_eq!(free.code, Some(0), "{}", free.words);
    assert!(
        free.of("probe.flash.written").rests_on.as_deref().is_some_and(|said| said.contains("bytes written"))
    );
}

#[test]
fn firmware_that_is_broken_fails_as_the_device_with_the_right_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let failed = |name: &str, more: &[&str], id: &str| -> String {
        let ran = run("probe", folder.path(), name, Some(&rig(&format!("broken = \"{name}\""))), more);
        assert_eq!(ran.code, Some(1), "{name}: {}", ran.words);
        for step in ids().filter(|step| ran.checks.iter().any(|one| one.id == *step)) {
            assert_eq!(ran.of(step).verdict, Verdict::Pass, "{name}: the bench is well");
        }
        let failed = ran.checks.iter().find(|one| one.id == id && one.verdict == Verdict::Fail);
        let failed = failed.unwrap_or_else(|| panic!("{name}: {id} did not fail: {}", ran.words));
        assert_eq!(failed.cause, Some(Cause::Dut), "{name}");
        failed.reason.clone().unwrap_or_default()
    };
    let scale = failed("scale-tenth", &TELEGRAMS, "han.field.value");
    assert!(scale.contains("a tenth") || scale.contains("claimed"), "{scale}");
    let hour = ["--suite", "decode", "--filter", "probe|aidon/6515-1ph-hour.csv"];
    let lost = failed("loses-a-line", &hour, "han.claim.once");
    assert!(lost.contains("not claimed"), "{lost}");
    let waves = ["--suite", "ct", "--filter", "probe|one-reversed"];
    let dropped = failed("drops-a-buffer", &waves, "ct.claim.answers");
    assert!(dropped.contains("samples"), "{dropped}");
}

#[test]
fn a_name_that_does_not_exist_is_a_mistake_in_the_rig_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for (line, words) in [
        ("broken = \"lose-a-line\"", "did you mean \"loses-a-line\"?"),
        ("fault = \"cable\"", "\"cable\" is unknown; expected cable-out"),
    ] {
        let ran = played(folder.path(), "unknown", line);
        assert_eq!(ran.code, Some(2), "{line}: {}", ran.words);
        assert!(ran.words.contains("unknown.toml:5:") && ran.words.contains(words), "{}", ran.words);
        assert!(!ran.out.exists(), "nothing is written for a rig file with a mistake");
    }
}
