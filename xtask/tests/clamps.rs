//! `run --suite ct` as a user runs it: waveforms into a clamp dongle that is a program of its own.

#![cfg(unix)]

mod suite;

use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::ct::CtTrial;
use hanbench_core::verdict::results::Outcome;
use std::path::Path;
use std::time::{Duration, Instant};
use suite::{Ran, results, xtask};

/// Runs suite ct with a rig file of this text, or with the default one.
fn run(folder: &Path, name: &str, rig: Option<&str>, more: &[&str]) -> Ran {
    suite::run("ct", folder, name, rig, more)
}

const ONE: [&str; 2] = ["--filter", "/one-reversed"];

#[test]
fn a_waveform_goes_through_the_dongle_and_its_report_is_made_again_from_the_evidence() {
    let temp = tempfile::tempdir().expect("a folder");
    let ran = run(temp.path(), "a", None, &ONE);
    assert_eq!(ran.code, Some(0), "{}", ran.words);
    let command = &results(&ran.out).run["command"];
    assert_eq!(command, "cargo xtask run --seed 1 --suite ct --filter '/one-reversed'");
    assert_eq!(ran.of("ct.wiring.found").verdict, Verdict::Pass);
    assert_eq!(ran.of("ct.power.direction").evidence, ["evidence/ct-one-reversed.json"]);
    let trial: CtTrial = serde_json::from_slice(&ran.evidence("ct-one-reversed")).expect("a trial");
    let sent = trial.sent.expect("all samples");
    assert_eq!((sent.frames, sent.bytes, sent.sha256.len()), (48_000, 48_000 * 12, 64));
    let before = ran.reports();
    assert_eq!(ran.report_again(), Some(0));
    assert_eq!(before, ran.reports());
}

#[test]
fn a_broken_dongle_fails_the_check_that_is_meant_for_it_and_stays_so_in_a_merged_report() {
    let temp = tempfile::tempdir().expect("a folder");
    let broken = "[dut]\nkind = \"virtual\"\n[clamps]\nbroken = \"absolute-power\"\n";
    let ran = run(temp.path(), "virtual", Some(broken), &ONE);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let direction = ran.of("ct.power.direction");
    assert_eq!(direction.verdict, Verdict::Fail);
    // One check is repeated by one filter.
    let page = std::fs::read_to_string(ran.out.join("report.html")).expect("a page");
    let repeat = "--seed 1 --suite ct --filter 'ct.power.direction fixtures/waveforms/one-reversed.toml$'<";
    assert!(page.contains(repeat), "{page}");
    assert!(
        direction.reason.as_deref().is_some_and(|why| why.contains("is claimed as import")),
        "{direction:?}"
    );
    assert_eq!(ran.of("ct.current.rms").verdict, Verdict::Pass, "currents have no sign");
    let good =
        run(temp.path(), "good", Some("name = \"virtual\"\n[dut]\nkind = \"virtual\"\n[clamps]\n"), &ONE);
    let (merged, first, second) = (temp.path().join("m"), good.out.display(), ran.out.display());
    let arguments =
        ["report", &first.to_string(), &second.to_string(), "--out", &merged.display().to_string()];
    assert_eq!(xtask(&arguments).status.code(), Some(1));
    let both = results(&merged);
    let direction = both.checks.iter().find(|one| one.id == "ct.power.direction").expect("merged");
    assert_eq!((direction.verdict, direction.attempts), (Verdict::Fail, 2), "{direction:?}");
    assert!(direction.evidence.iter().all(|path| merged.join(path).is_file()), "{direction:?}");
    assert_eq!(xtask(&["report", &merged.display().to_string()]).status.code(), Some(1));
    assert_eq!(results(&merged), both);
}

#[test]
fn the_same_waveforms_give_the_same_results_on_any_number_of_dongles_and_at_any_speed() {
    let temp = tempfile::tempdir().expect("a folder");
    let some = ["--filter", "/(one-reversed|swap-l1-l2|phase-order|pv-export)"];
    let first = run(temp.path(), "a", None, &some);
    let second = run(temp.path(), "b", None, &[&some[..], &["--speed", "20"]].concat());
    assert!(first.checks.len() >= 60 && first.code == Some(0), "{}", first.words);
    assert_eq!(first.checks, second.checks);
    let order: Vec<&str> = first.checks.iter().map(|one| one.subject.as_str()).collect();
    assert!(order.is_sorted(), "{order:?}");
    let paced = results(&second.out).run.contains_key("timing_error_us");
    assert!(paced && !results(&first.out).run.contains_key("timing_error_us"));
}

#[test]
fn a_rig_without_clamps_says_so_when_it_is_asked_and_nothing_otherwise() {
    let temp = tempfile::tempdir().expect("a folder");
    let rig = "[dut]\nkind = \"virtual\"\n";
    let ran = run(temp.path(), "a", Some(rig), &ONE);
    assert_eq!(ran.code, Some(4), "nothing was proven: {}", ran.words);
    let reason = "the rig file has no table [clamps]: this rig has no clamp dongle";
    for outcome in &ran.checks {
        assert_eq!((outcome.verdict, outcome.reason.as_deref()), (Verdict::NotApplicable, Some(reason)));
    }
    let path = temp.path().join("a.toml").display().to_string();
    let list = |rig: &[&str]| xtask(&[&["run", "--list", "--filter", "^ct "], rig].concat());
    assert_eq!(list(&["--rig", &path]).status.code(), Some(4), "nothing of it can be carried out");
    let listed = String::from_utf8_lossy(&list(&[]).stdout).into_owned();
    assert!(
        listed.contains("ct       ct.power.direction           fixtures/waveforms/one-reversed.toml"),
        "{listed}"
    );
}

#[test]
fn a_dongle_that_is_dead_from_the_start_ends_the_run_after_three_waveforms() {
    let temp = tempfile::tempdir().expect("a folder");
    let rig = "[dut]\nkind = \"virtual\"\n[clamps]\nkind = \"process\"\ndevices = [\"amp-guard-home\"]\n\
               command = [\"sh\", \"-c\", \"echo no converter >&2; exit 7\", \"{samples}\"]\n";
    let started = Instant::now();
    let ran = run(temp.path(), "a", Some(rig), &[]);
    assert!(started.elapsed() < Duration::from_secs(60));
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let answers: Vec<&Outcome> = ran.checks.iter().filter(|one| one.id == "ct.claim.answers").collect();
    let failed: Vec<_> = answers.iter().filter(|one| one.verdict == Verdict::Fail).collect();
    assert_eq!(failed.len(), 3, "{}", ran.words);
    assert!(failed[0].reason.as_deref().is_some_and(|why| why.contains("exit code 7: no converter")));
    assert!(answers.iter().any(|one| one.verdict == Verdict::Inconclusive && one.attempts == 0));
    assert!(answers.iter().any(|one| one.verdict == Verdict::NotApplicable), "those for other devices");
}

#[test]
fn a_program_that_cannot_be_started_is_bad_input() {
    let temp = tempfile::tempdir().expect("a folder");
    let rig = "[dut]\nkind = \"virtual\"\n[clamps]\nkind = \"process\"\ndevices = [\"amp-guard-home\"]\n\
               command = [\"no-such-dongle\", \"{samples}\"]\n";
    let ran = run(temp.path(), "a", Some(rig), &ONE);
    assert_eq!(ran.code, Some(2), "{}", ran.words);
    assert!(ran.words.contains("no-such-dongle") && ran.words.contains("PATH"), "{}", ran.words);
}
