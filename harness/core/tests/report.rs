//! What a run writes: `junit.xml`, `summary.md`, `report.html`, and merged results.

mod markup;
mod report_sample;

use hanbench_core::report::{self, Deviation, Mark, Plot, Series, Step};
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::results::Results;
use hanbench_core::verdict::trial::{Event, Part, Trial, What};
use hanbench_core::verdict::trials::Trials;
use markup::{attributes, number_problem, tag_problem};
use quickcheck::{QuickCheck, TestResult};
use report_sample::{explain, purposes, results, trials};
use serde_json::json;

fn page(results: &Results, trials: &[Trial]) -> String {
    let trials = Trials { han: trials.to_vec(), ..Trials::default() };
    report::html(results, &trials, &purposes, &explain)
}

#[test]
fn junit_of_a_small_run() {
    insta::assert_snapshot!(report::junit(&results(), &trials(), &purposes));
}

#[test]
fn summary_of_a_small_run() {
    insta::assert_snapshot!(report::summary(&results(), &trials()));
}

#[test]
fn summary_of_a_run_in_which_all_passed_has_no_table_of_failures() {
    let mut results = results();
    results.checks.retain(|outcome| outcome.verdict == Verdict::Pass);
    let summary = report::summary(&results, &trials());
    assert!(summary.starts_with("**All judged checks passed.**\n7 checks passed, 0 failed"), "{summary}");
    assert!(!summary.contains("| reason |"), "{summary}");
}

#[test]
fn the_page_is_well_formed() {
    assert_eq!(tag_problem(&page(&results(), &trials())), None);
    assert_eq!(tag_problem(&page(&results(), &[])), None, "without evidence");
    let mut empty = results();
    empty.checks.clear();
    empty.run.clear();
    assert_eq!(tag_problem(&page(&empty, &[])), None, "of a run in which nothing ran");
}

#[test]
fn the_page_loads_nothing_and_all_its_links_lead_somewhere() {
    let page = page(&results(), &trials());
    for forbidden in
        ["http://", "https://", "<script", "<link", "<img", " src=", "url(", "@import", "<iframe"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
    let ids = attributes(&page, "id");
    for href in attributes(&page, "href") {
        match href.strip_prefix('#') {
            Some(target) => assert!(ids.contains(&target), "#{target} has no target"),
            None => assert!(href.starts_with("evidence/"), "{href}"),
        }
    }
    for (at, id) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(id), "id {id} twice");
    }
}

#[test]
fn evidence_outside_the_report_folder_is_not_linked() {
    let mut results = results();
    results.checks[0].evidence =
        vec!["javascript:alert(1)".into(), "evidence/../../secret".into(), "/etc/passwd".into()];
    let page = page(&results, &[]);
    assert!(page.contains("javascript:alert(1)"), "shown");
    for href in attributes(&page, "href") {
        assert!(href.starts_with('#') || (href.starts_with("evidence/") && !href.contains("..")), "{href}");
    }
}

#[test]
fn hostile_text_is_shown_and_not_obeyed() {
    let hostile = "<script>alert(1)</script>\"'><img src=x> \u{202e}evil\u{0}\u{1b}[2J\u{feff}\u{2028}";
    let (mut results, mut trials) = (results(), trials());
    results.dut = hostile.into();
    results.rig = hostile.into();
    results.run.insert(hostile.into(), json!({ hostile: [hostile] }));
    for outcome in &mut results.checks {
        outcome.subject = hostile.into();
        outcome.reason = Some(hostile.into());
        outcome.rests_on = Some(hostile.into());
        for finding in &mut outcome.findings {
            finding.claimed = Some(hostile.into());
            finding.text = hostile.into();
        }
    }
    for trial in &mut trials {
        trial.stimulus.source = hostile.into();
        trial.stimulus.family = hostile.into();
        for event in &mut trial.events {
            if let What::Claim { claim, raw } = &mut event.what {
                *raw = hostile.repeat(20_000);
                claim.insert(hostile.into(), json!(hostile));
            }
        }
        trial.events.push(Event { t_us: 5, what: What::Exited { how: hostile.repeat(20_000) } });
    }
    let page = page(&results, &trials);
    assert_eq!(tag_problem(&page), None);
    assert!(page.contains("&lt;script&gt;alert(1)"), "the text is there");
    assert!(page.contains("\\u{202e}evil\\u{0}\\u{1b}[2J\\u{feff}\\u{2028}"), "and nothing of it is hidden");
    assert!(page.contains("characters in all)"), "long lines are cut with a note");
    assert!(page.len() < 600_000, "{} bytes", page.len());
    let summary = report::summary(&results, &trials);
    for (what, text) in
        [("page", page), ("summary", summary), ("junit", report::junit(&results, &trials, &purposes))]
    {
        let obeyed =
            |char: char| (char.is_control() && char != '\n') || "\u{202e}\u{feff}\u{2028}".contains(char);
        assert_eq!(text.chars().find(|char| obeyed(*char)), None, "{what}");
        // Inside a code span of Markdown a tag is text.
        let (markup, code) = if what == "summary" { ("    cargo", '`') } else { ("", '\0') };
        let outside = text.lines().filter(|line| markup.is_empty() || !line.starts_with(markup));
        let outside: String = outside.flat_map(|line| line.split(code).step_by(2)).collect();
        assert!(!outside.contains("<script"), "{what}");
    }
}

#[test]
fn everything_that_did_not_pass_is_explained() {
    let page = page(&results(), &trials());
    for outcome in results().checks.iter().filter(|outcome| outcome.verdict != Verdict::Pass) {
        let reason = outcome.reason.as_ref().expect("only a PASS has no reason");
        assert!(page.contains(reason.as_str()), "{reason}");
    }
    let at = |text| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(at("u32 current L1") < at("All bytes of the telegram"), "the bytes concerned stand in front");
    assert!(page.contains("06 00 00 00 ae"), "174 tenths of an ampere");
    assert!(page.contains("\u{a0}s"), "times have a unit");
    assert!(page.contains("bytes late by 41"), "pacing is told");
}

#[test]
fn every_check_is_listed_with_purpose_and_source() {
    let page = page(&results(), &trials());
    let list = page.split("id=\"checks\"").nth(1).expect("the list of all checks");
    for outcome in &results().checks {
        assert!(list.contains(outcome.subject.as_str()), "{}", outcome.subject);
        match purposes(&outcome.id) {
            Some((purpose, source)) => {
                assert!(list.contains(purpose), "{purpose}");
                assert!(list.contains(source), "{source}");
            }
            None => assert!(list.contains("holds no purpose for this id")),
        }
    }
}

#[test]
fn what_nobody_has_published_is_called_inferred_wherever_it_shows() {
    let (mut results, trials) = (results(), trials());
    let note = "inferred: no published telegram; vendor's HAN interface description, example telegram";
    let nuri = results.checks.iter_mut().find(|one| one.subject.contains("nuri")).expect("the sample has it");
    (nuri.verdict, nuri.cause, nuri.reason) = (Verdict::Pass, None, None);
    nuri.findings.clear();
    nuri.rests_on = Some("6 telegrams".into());
    let subject = nuri.subject.clone();
    results.count();
    let sentence = "1 of the 8 that passed rest on inferred telegrams";
    let summary = report::summary(&results, &trials);
    assert!(summary.contains(sentence), "{summary}");
    assert!(summary.contains(&format!("- `{subject}`, 1 check: {note}")), "{summary}");
    let junit = report::junit(&results, &trials, &purposes);
    let note = note.replace('\'', "&apos;");
    assert_eq!(junit.matches(&format!("name=\"evidence_level\" value=\"{note}\"")).count(), 1, "{junit}");
    let page = page(&results, &trials);
    assert!(page.contains(sentence));
    assert_eq!(
        page.matches(">inferred</span>").count(),
        3,
        "its column, its trial, its row among all checks"
    );
    assert!(page.contains("<dd>inferred: no published telegram; vendor"), "and why");
}

#[test]
fn a_failure_on_inferred_telegrams_says_so_beside_its_reason() {
    let note = "(inferred: no published telegram; vendor";
    for text in [report::summary(&results(), &trials()), report::junit(&results(), &trials(), &purposes)] {
        let line = text.lines().find(|line| line.contains("none of 6 intact telegrams"));
        assert!(line.is_some_and(|line| line.contains(note)), "{line:?}");
    }
    let page = page(&results(), &trials());
    let card = page.split("<article").find(|card| card.contains("captures/nuri/nuri-1.csv"));
    assert!(card.is_some_and(|card| card.contains("inferred: no published telegram")), "{card:?}");
}

#[test]
fn a_pass_names_the_bytes_it_rests_on() {
    let (mut results, trials) = (results(), trials());
    let passed =
        results.checks.iter_mut().find(|one| one.verdict == Verdict::Pass).expect("the sample has it");
    passed.rests_on = Some("60 claims with 60 telegrams sent".into());
    // 60 telegrams of 149 bytes each.
    let words = "60 claims with 60 telegrams sent; 8940 bytes played in";
    assert!(report::junit(&results, &trials, &purposes).contains(words));
    assert!(page(&results, &trials).contains(words));
}

#[test]
fn the_top_of_the_page_says_what_failed_once_per_check() {
    let (mut results, trials) = (results(), trials());
    let again = results.checks.iter().find(|one| one.verdict == Verdict::Fail).cloned();
    results.checks.extend([again.expect("the sample has one")]);
    let page = page(&results, &trials);
    let digest = page.split("class=\"digest\"").nth(1).and_then(|rest| rest.split("</ul>").next());
    let digest = digest.expect("a digest");
    assert_eq!(
        digest.matches("<li").count(),
        5,
        "three checks failed, one is unclear, one was lost: {digest}"
    );
    assert_eq!(digest.matches("ten times too large").count(), 1);
    assert!(digest.contains("on 2 subjects: "), "{digest}");
}

#[test]
fn what_was_noted_shows_and_weighs_nothing() {
    let (mut results, trials) = (results(), trials());
    let before = page(&results, &trials).matches("class=\"hit\"").count();
    let note = hanbench_core::verdict::results::Finding {
        part: Some(0),
        text: "unknown key rssi ignored".into(),
        weightless: true,
        ..Default::default()
    };
    for verdict in [Verdict::Pass, Verdict::Fail] {
        let one = results.checks.iter_mut().find(|one| one.verdict == verdict).expect("the sample has it");
        one.findings.push(note.clone());
    }
    let summary = report::summary(&results, &trials);
    assert!(
        summary.contains("## Noted, and breaks no rule\n\n- 2 × unknown key rssi ignored\n"),
        "{summary}"
    );
    let junit = report::junit(&results, &trials, &purposes);
    assert_eq!(junit.matches("name=\"note\" value=\"unknown key rssi ignored\"").count(), 2, "{junit}");
    assert_eq!(junit.matches("rssi").count(), 2, "it is no reason for a failure");
    let page = page(&results, &trials);
    assert_eq!(page.matches("Noted, and breaks no rule: unknown key rssi").count(), 3, "a card and two rows");
    assert_eq!(page.matches("class=\"hit\"").count(), before, "no telegram is marked for it");
}

#[test]
fn a_long_trial_is_listed_in_part_and_says_so() {
    let (mut results, mut trials) = (results(), trials());
    let many = &mut trials[0].stimulus.parts;
    let one = many[0].clone();
    while many.len() < 5000 {
        let mut next = one.clone();
        if let Part::Telegram(telegram) = &mut next {
            telegram.due_us = many.len() as u64 * 10_000_000;
        }
        many.push(next);
    }
    // A deviation near the end must be among the telegrams that are listed.
    let (failed, finding) = (results.checks.iter().position(|one| one.id == "han.value.exact"), 4949);
    let failed = &mut results.checks[failed.expect("the sample has it")];
    failed.findings = vec![hanbench_core::verdict::results::Finding {
        part: Some(finding),
        text: "late in the trial".into(),
        ..Default::default()
    }];
    let page = page(&results, &trials);
    assert!(page.contains("4800 telegrams left out"), "the number left out is told");
    assert!(
        page.contains("<td class=\"number\">4950</td>"),
        "a telegram with a finding is listed before others"
    );
    assert!(!page.contains("<td class=\"number\">4949</td>"));
    assert!(page.len() < 800_000, "{} bytes", page.len());
}

#[test]
fn a_run_of_a_thousand_trials_still_opens_in_a_browser() {
    let sample = &trials()[0];
    let copy = |number: usize| {
        let mut trial = sample.clone();
        trial.stimulus.name = format!("copy-{number}");
        trial
    };
    let page = page(&results(), &(0..1000).map(copy).collect::<Vec<_>>());
    assert!(page.contains("left out here to keep this file small"));
    assert!(page.contains("copy-999"), "every trial is listed all the same");
    assert!(page.len() < 26_000_000, "{} bytes", page.len());
}

#[test]
fn the_same_results_give_the_same_text() {
    assert_eq!(page(&results(), &trials()), page(&results(), &trials()));
    assert_eq!(
        report::junit(&results(), &trials(), &purposes),
        report::junit(&results(), &trials(), &purposes)
    );
}

#[test]
fn one_run_alone_is_merged_into_itself() {
    assert_eq!(report::merge(vec![results()]), Ok(results()));
    assert!(report::merge(Vec::new()).is_err());
}

#[test]
fn results_of_a_newer_version_are_refused() {
    let newer = Results { version: 99, ..results() };
    let error = report::merge(vec![results(), newer]).expect_err("99 is newer");
    assert!(error.contains("version 99"), "{error}");
}

#[test]
fn a_second_attempt_never_hides_a_failure() {
    let mut second = results();
    for outcome in &mut second.checks {
        outcome.verdict = Verdict::Pass;
        outcome.findings.clear();
        outcome.reason = None;
    }
    for runs in [vec![results(), second.clone()], vec![second.clone(), results()]] {
        let merged = report::merge(runs).expect("two good runs");
        assert_eq!(merged.checks.len(), results().checks.len());
        assert_eq!(merged.totals["FAIL"], 3);
        let failed =
            merged.checks.iter().find(|one| one.id == "han.value.exact" && one.verdict == Verdict::Fail);
        let failed = failed.expect("the failure is kept");
        assert_eq!(failed.attempts, 2);
        assert_eq!(failed.findings.len(), 7);
        assert!(failed.reason.as_deref().is_some_and(|reason| reason.contains("attempts differed")));
        assert_eq!(failed.evidence.len(), 2);
    }
}

#[test]
fn two_rigs_never_share_a_row() {
    let other = Results { rig: "lab 2".into(), ..results() };
    let runs = vec![results(), other];
    let labels = report::run_labels(runs.iter().map(|run| run.rig.as_str()));
    assert_eq!(labels, ["1-bench-3", "2-lab+2"]);
    let merged = report::merge(runs).expect("two good runs");
    assert_eq!(merged.checks.len(), 2 * results().checks.len());
    assert_eq!(merged.totals["FAIL"], 6);
    assert!(merged.checks.iter().all(|one| one.subject.contains(" @ ")));
    let mut all = Vec::new();
    for label in &labels {
        for mut trial in trials() {
            trial.stimulus.name = report::labelled(&trial.stimulus.name, label);
            all.push(trial);
        }
    }
    let page = page(&merged, &all);
    assert_eq!(tag_problem(&page), None);
    assert!(!page.contains("NOT JUDGED"), "every trial is found under its new name");
}

#[test]
fn every_label_is_a_folder_name_of_its_own() {
    let labels = report::run_labels(["a", "A", "..", "", "a/b", "SHA256SUMS"]);
    assert_eq!(labels, ["1-a", "2-A", "3-++", "4-", "5-a+b", "6-SHA256SUMS"]);
}

#[test]
fn a_merged_report_says_how_each_of_its_runs_is_repeated() {
    let command = |command: &str| {
        let mut one = results();
        one.run.insert("command".into(), json!(command));
        one
    };
    let merged = report::merge(vec![command("run one"), command("run two"), command("run one")]);
    let summary = report::summary(&merged.expect("three good runs"), &[]);
    assert!(summary.ends_with("\n    run one; run two\n"), "{summary}");
}

/// A plot of these values; `by_number` and 0 on the axis are taken from the first two.
fn plot(values: &[(f64, f64, f64)]) -> Plot {
    let series = |shift: usize| Series {
        name: format!("L{shift}"),
        expected: values.iter().map(|value| Step { x: value.0, y: value.1 }).collect(),
        claimed: values.iter().skip(shift).map(|value| Step { x: value.0, y: value.2 }).collect(),
        deviations: values
            .iter()
            .map(|value| Deviation {
                x: value.0,
                expected: Some(value.1),
                claimed: Some(value.2),
                text: "<off>".into(),
            })
            .collect(),
    };
    Plot {
        title: "Currents <&>".into(),
        unit: "A".into(),
        series: vec![series(0), series(1)],
        marks: values
            .iter()
            .map(|value| Mark { x: value.1, deviation: value.2 > 0.0, text: "\"".into() })
            .collect(),
        zero: values.len().is_multiple_of(2),
        by_number: values.len().is_multiple_of(3),
    }
}

/// What is wrong with the SVG of a plot.
fn svg_problem(plot: &Plot) -> Option<String> {
    let svg = format!("{}{}", plot.svg().into_string(), plot.legend().into_string());
    if let Some(problem) = tag_problem(&svg) {
        return Some(problem);
    }
    number_problem(&svg).or_else(|| (svg.len() > 200_000).then(|| format!("{} bytes", svg.len())))
}

#[test]
fn a_plot_of_anything_holds_finite_numbers_only() {
    fn law(values: Vec<(f64, f64, f64)>) -> TestResult {
        match svg_problem(&plot(&values)) {
            Some(problem) => TestResult::error(problem),
            None => TestResult::passed(),
        }
    }
    QuickCheck::new().tests(300).quickcheck(law as fn(Vec<(f64, f64, f64)>) -> TestResult);
}

#[test]
fn the_corners_of_plotting_are_drawn() {
    let odd = [f64::NAN, f64::INFINITY, f64::MAX, 1e12, -1e12, 0.0, -0.0, f64::MIN_POSITIVE, 1e-300, 230.1];
    assert_eq!(svg_problem(&plot(&[])), None);
    for x in odd {
        for y in odd {
            assert_eq!(svg_problem(&plot(&[(x, y, y)])), None, "single point {x} {y}");
            assert_eq!(svg_problem(&plot(&[(0.0, y, x), (10.0, y, x), (20.0, x, y)])), None, "{x} {y}");
        }
    }
    let long: Vec<_> = (0..20_000).map(|n| (f64::from(n), f64::from(n % 7), f64::from(n % 5))).collect();
    assert_eq!(svg_problem(&plot(&long)), None);
    let legend = plot(&long).legend().into_string();
    assert!(legend.contains("1 of 34 values drawn"), "{legend}");
    assert!(legend.contains("the first 60 of 20000 deviations ringed"), "{legend}");
}

#[test]
fn values_that_cannot_be_drawn_are_counted() {
    let plot = plot(&[(0.0, 1.0, 1e300), (1.0, f64::NAN, 2.0)]);
    assert!(
        plot.legend().into_string().contains("3 values cannot be drawn"),
        "{}",
        plot.legend().into_string()
    );
}
