//! `run --suite balance` as a user runs it: scenarios with a balancer, built in or a program of its own.

#![cfg(unix)]

mod suite;

use hanbench_core::verdict::balance::trial::LoopTrial;
use hanbench_core::verdict::results::{Outcome, Results};
use hanbench_core::verdict::{Cause, Verdict};
use std::path::Path;
use std::process::{Command, Stdio};
use suite::{Ran, results, xtask};

/// Runs suite balance with a rig file whose `[balancer]` says this, or with the default one.
fn run(folder: &Path, name: &str, balancer: Option<&str>, more: &[&str]) -> Ran {
    let rig = balancer.map(|table| format!("[dut]\nkind = \"virtual\"\n[balancer]\n{table}\n"));
    suite::run("balance", folder, name, rig.as_deref(), more)
}

fn trial(ran: &Ran, name: &str) -> LoopTrial {
    serde_json::from_slice(&ran.evidence(name)).expect("a trial")
}

/// `kind = "process"` with a shell script.
fn script(text: &str) -> String {
    format!("kind = \"process\"\ncommand = [\"sh\", \"-c\", '''{text}''']")
}

/// Lets the car take 16 A for ever, whatever the house draws, and says nothing else.
const RECKLESS: &str = r#"
IFS= read -r line
echo "{\"commands\":[{\"type\":\"offline\",\"id\":\"A\",\"current_ma\":6000},{\"type\":\"limit\",\"id\":\"A\",\"current_ma\":16000,\"phases\":3,\"ttl_s\":9000}]}"
while IFS= read -r line; do echo "{\"commands\":[]}"; done"#;

const STEP: [&str; 2] = ["--filter", "/rules-9a-step"];

#[test]
fn a_program_that_blows_the_fuse_fails_and_its_report_is_made_again_without_it() {
    let temp = tempfile::tempdir().expect("a folder");
    let ran = run(temp.path(), "a", Some(&script(RECKLESS)), &STEP);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let fuse = ran.of("balance.fuse");
    assert_eq!((fuse.verdict, fuse.cause), (Verdict::Fail, Some(Cause::Dut)));
    assert_eq!(fuse.evidence, ["evidence/balance-rules-9a-step.json"]);
    assert_eq!(ran.of("balance.protocol").verdict, Verdict::Pass);
    let trial = trial(&ran, "balance-rules-9a-step");
    let answers = trial.run.answers.expect("answers");
    assert!(answers.batches > 1800 && answers.lines.len() == 1, "{} lines", answers.lines.len());
    let before = ran.reports();
    assert!(before[1].contains("hanbench.balance") && before[2].contains("balance.fuse"));
    // The program is gone; what it answered is not.
    std::fs::remove_file(temp.path().join("a.toml")).expect("removed");
    assert_eq!(ran.report_again(), Some(1));
    assert_eq!(ran.reports(), before);
}

#[test]
fn a_rule_that_is_built_in_fails_too_and_stays_so_in_a_merged_report() {
    let temp = tempfile::tempdir().expect("a folder");
    let rule = "kind = \"rule\"\nname = \"hass-conservative-old\"";
    let bad = run(temp.path(), "bad", Some(rule), &STEP);
    assert_eq!(bad.code, Some(1), "{}", bad.words);
    assert_eq!(bad.of("balance.fuse").cause, Some(Cause::Dut));
    assert_eq!(bad.of("balance.deterministic").verdict, Verdict::Pass);
    assert_eq!(trial(&bad, "balance-rules-9a-step").run.answers, None);
    let good = run(temp.path(), "good", Some("kind = \"reference\""), &STEP);
    assert_eq!(good.code, Some(0), "{}", good.words);
    let merged = temp.path().join("m");
    let (first, second, out) = (good.out.display(), bad.out.display(), merged.display());
    let arguments = ["report", &first.to_string(), &second.to_string(), "--out", &out.to_string()];
    assert_eq!(xtask(&arguments).status.code(), Some(1));
    let both = results(&merged);
    let fuses: Vec<Verdict> =
        both.checks.iter().filter(|one| one.id == "balance.fuse").map(|one| one.verdict).collect();
    assert_eq!(fuses, [Verdict::Pass, Verdict::Fail], "two rigs never share a row");
    let page = std::fs::read_to_string(merged.join("report.html")).expect("a page");
    assert!(!page.contains("NOT JUDGED"), "the page finds every trial under its new name");
    assert_eq!(xtask(&["report", &out.to_string()]).status.code(), Some(1));
    assert_eq!(results(&merged), both);
}

/// Gives both cars of `laws-one-phase` 12 A, and 6 A where there is a charger more.
const CROWDED: &str = r#"
IFS= read -r line
case $line in *empty-place*) a=6000;; *) a=12000;; esac
give() { echo "{\"type\":\"limit\",\"id\":\"$1\",\"current_ma\":$a,\"ttl_s\":9000}"; }
echo "{\"commands\":[$(give left),$(give right)]}"
while IFS= read -r line; do echo "{\"commands\":[]}"; done"#;

const LAWS: &str = "balance.metamorphic .*/laws-one-phase";

#[test]
fn a_program_that_breaks_a_law_fails_and_its_twins_are_judged_again_without_it() {
    let temp = tempfile::tempdir().expect("a folder");
    let ran = run(temp.path(), "a", Some(&script(CROWDED)), &["--filter", LAWS]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let laws = ran.of("balance.metamorphic");
    assert_eq!((laws.verdict, laws.cause), (Verdict::Fail, Some(Cause::Dut)));
    let reason = "empty-place: with one charger more that has no car the shares are not the same: 6.0 A for left \
                  where left is offered 12.0 A";
    assert_eq!(laws.reason.as_deref(), Some(reason));
    let trial = trial(&ran, "balance-laws-one-phase");
    assert_eq!((trial.version, trial.twins.len()), (2, 12));
    for twin in &trial.twins {
        let answers = twin.run.answers.as_ref().expect("answers");
        assert!(answers.batches > 1400 && answers.lines.len() == 1, "{}", twin.with);
    }
    let before = ran.reports();
    for report in &before {
        assert!(report.contains("with one charger more that has no car"), "{report}");
    }
    std::fs::remove_file(temp.path().join("a.toml")).expect("removed");
    assert_eq!(ran.report_again(), Some(1));
    assert_eq!(ran.reports(), before);
}

#[test]
fn twins_are_played_for_their_check_alone_and_by_a_balancer_alone() {
    let temp = tempfile::tempdir().expect("a folder");
    let ran = run(temp.path(), "all", None, &["--filter", "/laws-one-phase"]);
    assert_eq!((ran.code, ran.of("balance.metamorphic").verdict), (Some(0), Verdict::Pass), "{}", ran.words);
    assert_eq!(trial(&ran, "balance-laws-one-phase").twins.len(), 12);
    let fuse = run(temp.path(), "fuse", None, &["--filter", "balance.fuse .*/laws-one-phase"]);
    assert_eq!(trial(&fuse, "balance-laws-one-phase").twins, []);
    let dongle = "kind = \"reference\"\ndongle = \"dut\"";
    let dongle = run(temp.path(), "dongle", Some(dongle), &["--filter", LAWS]);
    let laws = dongle.of("balance.metamorphic");
    assert_eq!((dongle.code, laws.verdict), (Some(4), Verdict::NotApplicable), "{}", dongle.words);
    assert!(laws.reason.as_deref().is_some_and(|why| why.contains("the dongle of the rig is in the loop")));
}

#[test]
fn evidence_that_was_changed_is_refused_and_a_recording_that_lies_is_found_out() {
    let temp = tempfile::tempdir().expect("a folder");
    let ran = run(temp.path(), "a", Some(&script(RECKLESS)), &STEP);
    let path = ran.out.join("evidence/balance-rules-9a-step.json");
    let sums = ran.out.join("evidence/SHA256SUMS");
    let honest = std::fs::read_to_string(&path).expect("the trial");
    let lie = honest.replace("16000", "10000");
    assert_ne!(lie, honest);
    std::fs::write(&path, &lie).expect("written");
    let out = ran.out.display().to_string();
    let refused = xtask(&["report", &out]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("its SHA-256"));
    // With a fitting hash the trace still tells.
    let sum = |text: &str| {
        let one = temp.path().join("one");
        std::fs::write(&one, text).expect("written");
        let output = Command::new("sha256sum").arg(&one).output().expect("sha256sum");
        String::from_utf8_lossy(&output.stdout)[..64].to_string()
    };
    let listed = std::fs::read_to_string(&sums).expect("the hashes");
    let forged = listed.replace(&sum(&honest), &sum(&lie));
    assert_ne!(forged, listed);
    std::fs::write(&sums, forged).expect("written");
    assert_eq!(xtask(&["report", &out]).status.code(), Some(70));
    for outcome in results(&ran.out).checks {
        assert_eq!((outcome.verdict, outcome.cause), (Verdict::Error, Some(Cause::Harness)));
        assert!(outcome.reason.is_some_and(|why| why.contains("and no longer")), "{}", outcome.id);
    }
}

#[test]
fn the_same_seed_gives_the_same_results_and_another_one_another_trace() {
    let temp = tempfile::tempdir().expect("a folder");
    // In the first of them messages are late at random.
    let some = ["--filter", "/(evcc-slow-reports|short-outages|rules-9a-step)"];
    let first = run(temp.path(), "a", None, &some);
    let second = run(temp.path(), "b", None, &[&some[..], &["--seed", "1"]].concat());
    assert_eq!(first.code, Some(0), "{}", first.words);
    let without_run = |ran: &Ran| Results { run: Default::default(), ..results(&ran.out) };
    assert_eq!(without_run(&first), without_run(&second));
    let order: Vec<&str> = first.checks.iter().map(|one| one.subject.as_str()).collect();
    assert!(order.is_sorted() && order.len() == 3 * 18, "{order:?}");
    let other = run(temp.path(), "c", None, &[&some[..], &["--seed", "8"]].concat());
    let (own, moved) =
        (trial(&first, "balance-evcc-slow-reports"), trial(&other, "balance-evcc-slow-reports"));
    assert_eq!(moved.seed, own.seed + 7, "the run's seed moves the scenario's");
    assert_ne!(moved.run.trace_hash, own.run.trace_hash);
    for trial in [own, moved] {
        let seed = trial.seed.to_string();
        let output = xtask(&["sim", "fixtures/scenarios/evcc-slow-reports.toml", "--json", "--seed", &seed]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(&trial.run.trace_hash), "`sim` comes to the same trace: {said}");
    }
}

#[test]
fn a_rig_without_a_balancer_says_so_when_it_is_asked_and_nothing_otherwise() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("plain.toml").display().to_string();
    std::fs::write(&path, "[dut]\nkind = \"virtual\"\n").expect("written");
    let ran = run(temp.path(), "a", None, &["--rig", &path, "--filter", "/pro-125"]);
    assert_eq!(ran.code, Some(4), "nothing was proven: {}", ran.words);
    assert_eq!(ran.checks.len(), 18);
    let reason = "the rig file has no table [balancer]: this rig has no load balancer";
    for outcome in &ran.checks {
        assert_eq!((outcome.verdict, outcome.reason.as_deref()), (Verdict::NotApplicable, Some(reason)));
    }
    let list = |rig: &[&str]| xtask(&[&["run", "--list", "--filter", "^balance "], rig].concat());
    assert_eq!(list(&["--rig", &path]).status.code(), Some(4), "nothing of it can be carried out");
    let listed = String::from_utf8_lossy(&list(&[]).stdout).into_owned();
    assert!(
        listed.contains("balance  balance.fuse                 fixtures/scenarios/pro-125.toml"),
        "{listed}"
    );
}

#[test]
fn a_program_that_is_dead_from_the_start_ends_the_run_after_three_scenarios() {
    let temp = tempfile::tempdir().expect("a folder");
    let ran = run(temp.path(), "a", Some(&script("echo no licence >&2; exit 7")), &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.words);
    let protocol: Vec<&Outcome> = ran.checks.iter().filter(|one| one.id == "balance.protocol").collect();
    let failed: Vec<_> = protocol.iter().filter(|one| one.verdict == Verdict::Fail).collect();
    assert_eq!(failed.len(), 3, "{}", ran.words);
    let why = failed[0].reason.as_deref().unwrap_or_default();
    assert!(why.contains("exit code 7: no licence"), "{why}");
    assert!(protocol.iter().any(|one| one.verdict == Verdict::Inconclusive && one.attempts == 0));
}

#[test]
fn a_program_that_cannot_be_started_is_bad_input() {
    let temp = tempfile::tempdir().expect("a folder");
    let ran = run(temp.path(), "a", Some("kind = \"process\"\ncommand = [\"no-such-balancer\"]"), &STEP);
    assert_eq!(ran.code, Some(2), "{}", ran.words);
    assert!(ran.words.contains("no-such-balancer"), "{}", ran.words);
}

#[test]
fn ctrl_c_leaves_whole_evidence_of_what_was_played() {
    let temp = tempfile::tempdir().expect("a folder");
    let mark = temp.path().join("mark");
    // Started for the second time it never answers.
    let text = format!(
        "n={}; if [ -e $n.first ]; then touch $n; sleep 600; fi; touch $n.first; \
         while IFS= read -r line; do echo \"{{\\\"commands\\\":[]}}\"; done",
        mark.display()
    );
    let rig = temp.path().join("a.toml");
    let table = format!("[dut]\nkind = \"virtual\"\n[balancer]\n{}\nanswer_within_s = 600\n", script(&text));
    std::fs::write(&rig, table).expect("written");
    let out = temp.path().join("a");
    let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["run", "--suite", "balance", "--filter", "/rules-", "--quiet", "--rig"])
        .arg(&rig)
        .arg("--out")
        .arg(&out)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stderr(Stdio::null())
        .spawn()
        .expect("xtask starts");
    while !mark.exists() {
        assert!(child.try_wait().expect("a child").is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(told.success());
    assert_eq!(child.wait().expect("an end").code(), Some(3));
    let results = results(&out);
    let of = |subject: &str| -> Vec<&Outcome> {
        results.checks.iter().filter(|one| one.subject.contains(subject)).collect()
    };
    let (played, cut) = (of("rules-14a-thrice"), of("rules-9a-step"));
    assert!(played.iter().all(|one| one.attempts == 1) && !played.is_empty(), "{played:?}");
    assert!(cut.iter().all(|one| one.attempts == 0 && one.verdict == Verdict::Error) && !cut.is_empty());
    assert!(!xtask(&["report", &out.display().to_string()]).stdout.is_empty(), "it is whole");
}

/// The DUT on its line is the dongle: whole, and one that claims a tenth of each current to a balancer that believes it.
#[test]
fn what_the_dut_claims_is_all_that_the_balancer_knows() {
    let temp = tempfile::tempdir().expect("a folder");
    let rule = "kind = \"rule\"\nname = \"smartevse\"\ndongle = \"dut\"\n[dut]\nkind = \"virtual\"\nclaim_within_s = 0.5";
    for (name, broken, code, verdict) in
        [("whole", "", 0, Verdict::Pass), ("tenth", "broken = \"scale-tenth\"", 1, Verdict::Fail)]
    {
        let rig = temp.path().join(format!("{name}-dut.toml"));
        std::fs::write(&rig, format!("[balancer]\n{rule}\n{broken}\n")).expect("written");
        let rig = rig.display().to_string();
        let filter = "balance.fuse .*/rules-9a-step";
        let ran = run(temp.path(), name, None, &["--rig", &rig, "--filter", filter]);
        assert_eq!(ran.code, Some(code), "{}", ran.words);
        let fuse = ran.of("balance.fuse");
        assert_eq!(fuse.verdict, verdict, "{fuse:?}");
        assert_eq!(fuse.cause, (verdict == Verdict::Fail).then_some(Cause::Dut), "{fuse:?}");
        let trial = trial(&ran, "balance-rules-9a-step");
        let heard = trial.run.heard.as_ref().expect("claims of the DUT");
        assert!(heard.len() > 100 && heard.iter().all(|heard| heard.claims.len() == 1), "{}", heard.len());
        let before = ran.reports();
        let again = xtask(&["report", &ran.out.display().to_string()]);
        assert_eq!(again.status.code(), Some(code), "{again:?}");
        assert_eq!(ran.reports(), before, "made again without the dongle");
    }
    for (name, terms, scenario, why) in [
        ("clamps", "", "clamp-order", "measured by clamps"),
        ("kaifa", "supports = [\"kaifa\"]", "rules-9a-step", "`aidon` under [dut] supports"),
        ("l2", "omits = [\"current_l2_a\"]", "rules-9a-step", "`current_l2_a` under [dut] omits"),
        ("ratio", "ratio = \"100:5\"", "rules-9a-step", "100:5"),
    ] {
        let rig = temp.path().join(format!("{name}-dut.toml"));
        std::fs::write(&rig, format!("[balancer]\n{rule}\n{terms}\n")).expect("written");
        let ran = run(temp.path(), name, None, &["--rig", &rig.display().to_string(), "--filter", scenario]);
        let fuse = ran.of("balance.fuse");
        assert_eq!((ran.code, fuse.verdict), (Some(4), Verdict::NotApplicable), "{}", ran.words);
        assert!(fuse.reason.as_deref().is_some_and(|reason| reason.contains(why)), "{fuse:?}");
    }
}
