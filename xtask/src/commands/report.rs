//! `report`: reports made anew from the stored evidence, without hardware; several runs are merged.

use crate::failure::{Failure, Outcome};
use crate::flags::ReportFlags;
use crate::{console, reporting, workspace};
use hanbench_rig::evidence::{load, store};
use std::path::PathBuf;

/// Judges the evidence again and writes every report.
pub fn run(flags: &ReportFlags) -> Outcome {
    let failure = |error: hanbench_rig::evidence::EvidenceError| Failure::input(error.to_string());
    // A merged report is a folder of several runs, so it is rebuilt and merged like any other.
    let mut runs = Vec::new();
    for dir in &flags.dirs {
        runs.extend(load(dir).map_err(failure)?);
    }
    let out = match (flags.dirs.as_slice(), &flags.out) {
        ([dir], None) => dir.clone(),
        (_, out) => {
            let out = match out {
                Some(out) => out.clone(),
                None => merged_folder()?,
            };
            store(&out, &runs).map_err(failure)?;
            out
        }
    };
    let (results, trials) = reporting::judged(runs)?;
    let written = reporting::write_results(&out, &results, &trials)?;
    console::out(&written.headlines);
    console::note(&format!("report: {}", written.report.display()));
    Ok(written.exit_code)
}

fn merged_folder() -> Result<PathBuf, Failure> {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    Ok(workspace::root()?.join("reports").join(format!("{stamp}-merged")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanbench_core::verdict::Verdict;
    use hanbench_core::verdict::results::Results;
    use hanbench_core::verdict::trial::{
        DutTerms, Event, Part, Stimulus, TRIAL_VERSION, Telegram, Trial, What,
    };
    use hanbench_rig::evidence::{Folder, RUN_VERSION, Run};
    use serde_json::{Map, json};
    use std::fs;
    use std::path::Path;

    /// A trial of one telegram that says 733 W and of a device that claims so many.
    fn trial(name: &str, claimed_w: u32) -> Trial {
        let reading = |power: u32| Map::from_iter([("active_import_w".to_string(), json!(power))]);
        let telegram = Telegram {
            bytes: vec![0x7e, 0xa0, 0x7e],
            due_us: 0,
            gaps: Vec::new(),
            list: "1".into(),
            damage: None,
            reading: reading(733),
            unannounced: Vec::new(),
            zero_unmeasured: Vec::new(),
            truth: Default::default(),
            optional: false,
            glued: false,
        };
        let stimulus = Stimulus {
            paced: false,
            name: name.into(),
            suite: "decode".into(),
            subject: format!("captures/aidon/{name}.csv"),
            family: "aidon".into(),
            evidence: "rebuilt".into(),
            source: "this test".into(),
            checks: vec!["han.claim.once".into(), "han.field.value".into()],
            needs: vec!["aidon".into()],
            baud: 2400,
            parts: vec![Part::Telegram(telegram)],
        };
        let claim = reading(claimed_w);
        let raw = json!(claim).to_string();
        let events = vec![
            Event { t_us: 10, what: What::Sent { index: 0, pauses: Vec::new() } },
            Event { t_us: 20, what: What::Claim { claim, raw } },
        ];
        Trial { version: TRIAL_VERSION, stimulus, dut: DutTerms::default(), events, pacing: None }
    }

    /// A folder as `run` leaves it, without the reports.
    fn folder(at: &Path, rig: &str, seed: u64, trials: &[Trial]) -> PathBuf {
        let mut folder = Folder::create(at).expect("a new folder");
        folder.evidence("rig.toml", rig.as_bytes()).expect("the rig file");
        for trial in trials {
            folder.trial(&trial.stimulus.name, trial).expect("a trial");
        }
        let run = Run {
            version: RUN_VERSION,
            rig: rig.into(),
            dut: format!("dongle on {rig}"),
            seed,
            run: Map::from_iter([("command".to_string(), json!(format!("run {seed}")))]),
            trials: trials.iter().map(|trial| trial.stimulus.name.clone()).collect(),
            ct_trials: Vec::new(),
            loop_trials: Vec::new(),
            probe_trials: Vec::new(),
            outcomes: Vec::new(),
        };
        folder.close(&run).expect("run.json");
        at.to_path_buf()
    }

    fn report(dirs: &[&Path], out: Option<&Path>) -> Outcome {
        let dirs = dirs.iter().map(|dir| dir.to_path_buf()).collect();
        run(&ReportFlags { dirs, out: out.map(Path::to_path_buf) })
    }

    fn results(dir: &Path) -> Results {
        let text = fs::read(dir.join("results.json")).expect("results.json");
        serde_json::from_slice(&text).expect("results")
    }

    const REPORTS: [&str; 4] = ["results.json", "junit.xml", "summary.md", "report.html"];

    #[test]
    fn a_merged_report_is_rebuilt_from_its_own_evidence() {
        let temp = tempfile::tempdir().expect("a folder");
        let at = |name: &str| temp.path().join(name);
        let (good, bad) = (trial("one", 733), trial("one", 7330));
        let first = folder(&at("a"), "bench", 1, &[good.clone(), trial("two", 733)]);
        let second = folder(&at("b"), "bench", 2, &[bad]);
        assert_eq!(report(&[&first, &second], Some(&at("m"))).expect("merged"), 1, "the FAIL of one stays");
        let merged = results(&at("m"));
        let both: Vec<_> = merged.checks.iter().filter(|one| one.subject.contains("/one.csv")).collect();
        assert_eq!(both.len(), 2, "the same check on the same subject is one row");
        assert!(both.iter().all(|one| one.attempts == 2 && one.evidence.len() == 2));
        assert_eq!(both[1].verdict, Verdict::Fail);
        for outcome in &merged.checks {
            for path in &outcome.evidence {
                assert!(at("m").join(path).is_file(), "{path}");
            }
        }
        for label in ["1-bench", "2-bench"] {
            assert!(at("m").join("evidence").join(label).join("rig.toml").is_file());
        }
        let before = REPORTS.map(|name| fs::read_to_string(at("m").join(name)).expect("a report"));
        assert!(!before[3].contains("NOT JUDGED"), "the page finds every trial under its new name");
        for name in REPORTS {
            fs::remove_file(at("m").join(name)).expect("removed");
        }
        assert_eq!(report(&[&at("m")], None).expect("rebuilt"), 1);
        let after = REPORTS.map(|name| fs::read_to_string(at("m").join(name)).expect("a report"));
        assert_eq!(before, after);
    }

    #[test]
    fn a_merge_of_a_merge_is_the_merge_of_all() {
        let temp = tempfile::tempdir().expect("a folder");
        let at = |name: &str| temp.path().join(name);
        let runs = [("a", "bench", 733), ("b", "lab", 7330), ("c", "bench", 1)];
        let dirs: Vec<PathBuf> = runs
            .iter()
            .enumerate()
            .map(|(seed, (name, rig, power))| {
                folder(&at(name), rig, seed as u64, &[trial("one", *power), trial(name, 733)])
            })
            .collect();
        report(&[&dirs[0], &dirs[1]], Some(&at("ab"))).expect("merged");
        report(&[&at("ab"), &dirs[2]], Some(&at("ab-c"))).expect("merged again");
        report(&[&dirs[0], &dirs[1], &dirs[2]], Some(&at("abc"))).expect("merged at once");
        assert_eq!(results(&at("ab-c")), results(&at("abc")));
        assert_eq!(load(&at("ab-c")).expect("three runs").len(), 3);
        let lab = results(&at("abc"));
        assert!(lab.checks.iter().any(|one| one.subject == "captures/aidon/b.csv @ lab"), "{:?}", lab.checks);
    }

    #[test]
    fn one_run_in_another_folder_is_the_same_run() {
        let temp = tempfile::tempdir().expect("a folder");
        let first = folder(&temp.path().join("a"), "bench", 1, &[trial("one", 733)]);
        assert_eq!(report(&[&first], None).expect("rebuilt"), 0);
        let copy = temp.path().join("copy");
        assert_eq!(report(&[&first], Some(&copy)).expect("copied"), 0);
        assert_eq!(results(&copy), results(&first));
        assert_eq!(load(&copy).expect("a run"), load(&first).expect("a run"));
    }

    #[test]
    fn evidence_that_was_changed_in_a_merged_report_is_refused() {
        let temp = tempfile::tempdir().expect("a folder");
        let at = |name: &str| temp.path().join(name);
        let first = folder(&at("a"), "bench", 1, &[trial("one", 7330)]);
        let second = folder(&at("b"), "bench", 2, &[trial("one", 733)]);
        report(&[&first, &second], Some(&at("m"))).expect("merged");
        let part = at("m").join("evidence/1-bench/one.json");
        let honest = fs::read_to_string(&part).expect("a trial");
        fs::write(&part, honest.replace("7330", "733")).expect("written");
        let refused = report(&[&at("m")], None).expect_err("changed");
        assert!(
            refused.code == 2 && refused.text.contains("1-bench/one.json: its SHA-256"),
            "{}",
            refused.text
        );
        fs::remove_file(&part).expect("removed");
        let refused = report(&[&at("m")], None).expect_err("gone");
        assert!(
            refused.text.contains("1-bench/one.json: SHA256SUMS names it, and it is not there"),
            "{}",
            refused.text
        );
    }

    #[test]
    fn evidence_outside_of_the_folder_is_refused() {
        let temp = tempfile::tempdir().expect("a folder");
        let first = folder(&temp.path().join("a"), "bench", 1, &[trial("one", 733)]);
        let sums = first.join("evidence/SHA256SUMS");
        let text = fs::read_to_string(&sums).expect("the hashes");
        fs::write(&sums, format!("{text}{}  ../../away\n", "0".repeat(64))).expect("written");
        let refused = report(&[&first], Some(&temp.path().join("m"))).expect_err("outside");
        assert!(refused.text.contains("\"../../away\", which is not inside"), "{}", refused.text);
        assert!(!temp.path().join("m").exists());
    }
}
