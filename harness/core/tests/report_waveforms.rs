//! What the reports say of waveforms played into a clamp dongle.

#![allow(clippy::unwrap_used, missing_docs)]

mod clamp_trial;
mod markup;

use clamp_trial::{fixture, trial};
use hanbench_core::clamps::Fault;
use hanbench_core::report;
use hanbench_core::verdict::checks;
use hanbench_core::verdict::ct::{self, CtTrial};
use hanbench_core::verdict::results::Results;
use hanbench_core::verdict::trial::What;
use hanbench_core::verdict::trials::Trials;
use hanbench_core::wave::spec::Spec;
use markup::{attributes, number_problem, tag_problem};
use serde_json::json;
use std::path::Path;

fn purposes(id: &str) -> Option<(&'static str, &'static str)> {
    checks::find(id).map(|check| (check.purpose, check.source))
}

/// A fixture played into the dongle, or into a broken one.
fn played(name: &str, fault: Option<&str>) -> CtTrial {
    let mut trial = trial(&fixture(name), fault.and_then(Fault::named));
    trial.name = format!("ct-{name}");
    trial.subject = format!("fixtures/waveforms/{name}.toml");
    trial
}

fn results(trials: &[CtTrial]) -> Results {
    let judged = trials.iter().flat_map(|trial| ct::judge(trial, &format!("evidence/{}.json", trial.name)));
    let mut results = Results {
        version: 1,
        run: Default::default(),
        rig: "virtual".into(),
        dut: "clamp dongle".into(),
        seed: 1,
        totals: Default::default(),
        checks: judged.collect(),
    };
    results.count();
    results
}

fn html(results: &Results, trials: &[CtTrial]) -> String {
    let trials = Trials { clamps: trials.to_vec(), ..Trials::default() };
    report::html(results, &trials, &purposes, &|_| Vec::new())
}

fn page(trials: &[CtTrial]) -> String {
    html(&results(trials), trials)
}

/// The section of a waveform.
fn section<'a>(page: &'a str, name: &str) -> &'a str {
    let sections = page.split("<details class=\"trial\"");
    let section = sections.skip(1).find(|section| section.contains(&format!(">{name}<"))).unwrap();
    section.split("</section>").next().unwrap()
}

/// What a reader reads: the words, one piece a line; a drawing is named and its words are left out.
fn words(section: &str) -> String {
    let mut words = String::new();
    let mut in_drawing = false;
    for piece in section.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap();
        if tag.starts_with("svg") {
            let name = attributes(&format!("<{tag}>"), "aria-label").join("");
            words.push_str(&format!("[{name}]\n"));
            in_drawing = true;
        } else if tag.starts_with("/svg") {
            in_drawing = false;
        }
        if !in_drawing && !text.trim().is_empty() {
            words.push_str(text.trim());
            words.push('\n');
        }
    }
    words
}

#[test]
fn the_words_of_a_section() {
    let page = page(&[played("one-reversed", Some("absolute-power"))]);
    insta::assert_snapshot!(words(section(&page, "ct-one-reversed")));
}

#[test]
fn a_fitter_reads_whole_sentences_beside_the_window_that_they_are_about() {
    let trial = played("dc-and-halfwave", None);
    let told = Spec::parse(&trial.spec).unwrap().expect.findings;
    let page = page(&[trial]);
    let words = words(section(&page, "ct-dc-and-halfwave"));
    assert!(told.len() == 2 && told.iter().all(|told| words.contains(told)), "{words}");
    // The half waves begin at 9 s.
    let drawn = words.split_once("in which the clamps hide most, ").unwrap().1;
    let from_s: f64 = drawn.split_once(' ').unwrap().0.parse().unwrap();
    assert!(from_s >= 9.0, "{drawn}");
}

#[test]
fn every_waveform_is_drawn_with_finite_numbers_and_the_page_stays_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/waveforms");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut names: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().into()).collect();
    names.sort();
    let trials: Vec<CtTrial> = names.iter().map(|name| played(name, None)).collect();
    let page = page(&trials);
    assert_eq!(tag_problem(&page), None);
    assert_eq!(number_problem(&page), None);
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    let ids = attributes(&page, "id");
    for href in attributes(&page, "href") {
        let known = href.strip_prefix('#').is_none_or(|target| ids.contains(&target));
        assert!(known, "{href} leads nowhere");
    }
    for name in &names {
        let section = section(&page, &format!("ct-{name}"));
        assert!(section.contains("Voltages and currents at the clamps over time"), "{name}");
    }
}

/// Paths of a class in a drawing.
fn paths<'a>(svg: &'a str, class: &str) -> Vec<&'a str> {
    let paths = svg.split("<path ").filter(|path| path.starts_with(&format!("class=\"{class} ")));
    paths.map(|path| path.split(" d=\"").nth(1).unwrap().split('"').next().unwrap()).collect()
}

#[test]
fn a_steady_waveform_looks_the_same_in_every_second() {
    let spec = Spec::parse(&fixture("one-reversed")).unwrap();
    let svg = |seconds: u64| report::waveform_svg(&spec, seconds * 8000);
    let (first, third) = (svg(0), svg(3));
    assert_eq!(tag_problem(&first), None);
    let curves = paths(&first, "w");
    assert_eq!(curves.len(), 6, "three voltages, three currents");
    assert!(curves.iter().all(|path| path.len() > 500), "sines, and no straight lines: {curves:?}");
    assert_eq!(curves, paths(&third, "w"));
    assert!(!first.contains("order of the harmonic"), "pure sines have no bars");
}

#[test]
fn what_a_clamp_makes_of_the_current_stands_beside_what_flows() {
    let drawn = |name: &str, seconds: f64| {
        let spec = Spec::parse(&fixture(name)).unwrap();
        let svg = report::waveform_svg(&spec, spec.waveform.rate.index(seconds));
        (paths(&svg, "w pale").len(), paths(&svg, "w unseen").len(), svg.contains("order of the harmonic"))
    };
    assert_eq!(drawn("dc-and-halfwave", 10.0), (1, 0, true));
    assert_eq!(drawn("one-reversed", 1.0), (0, 0, false), "a reversed clamp has no error of its own");
    assert_eq!(drawn("missing-u2-tn", 1.0).1, 1, "the voltage without an input");
}

#[test]
fn the_page_leads_from_a_failure_to_its_waveform_and_to_its_error() {
    let page = page(&[played("harmonic-mix", None), played("range-sweep", Some("single-point"))]);
    let card = page.split("<article").skip(1).find(|card| card.contains(">ct.current.rms<")).unwrap();
    assert!(card.contains("href=\"#w1\">ct-range-sweep<"), "{card}");
    let section = section(&page, "ct-range-sweep");
    assert!(section.contains("class=\"fail\""), "a bar beyond its limit");
    let order =
        ["ct-range-sweep", "ct-harmonic-mix"].map(|name| page.find(&format!("\"name\">{name}<")).unwrap());
    assert!(order[0] < order[1], "the worst comes first");
}

#[test]
fn summary_and_junit_say_what_came_nearest_to_its_limit() {
    let results = results(&[played("harmonic-mix", None), played("range-sweep", Some("single-point"))]);
    let summary = report::summary(&results, &[]);
    let row = summary.split("## Nearest to the limit").nth(1).unwrap().lines();
    let row = row.into_iter().find(|row| row.contains("`ct.power.active`")).unwrap();
    assert!(
        row.contains("range-sweep") && row.contains("active_import_l1_w") && row.contains("beyond |"),
        "{row}"
    );
    let junit = report::junit(&results, &[], &purposes);
    let measuring = results.checks.iter().filter(|outcome| !outcome.measures.is_empty()).count();
    assert_eq!(junit.matches("name=\"nearest_to_limit\"").count(), measuring);
}

#[test]
fn hostile_waveforms_and_claims_are_shown_and_not_obeyed() {
    let hostile = "<script>alert(1)</script>\"'><img src=x> \u{202e}evil";
    let mut odd = played("one-reversed", None);
    odd.spec = format!("# {hostile}\n{}", odd.spec);
    odd.subject = hostile.into();
    for (at, event) in odd.events.iter_mut().enumerate() {
        let What::Claim { claim, .. } = &mut event.what else { continue };
        claim.insert("voltage_l1_v".into(), json!(if at % 2 == 0 { 1e300 } else { -1e300 }));
        claim.insert(hostile.into(), json!(hostile));
        if at % 3 == 0 {
            claim.insert("samples".into(), json!(u64::MAX));
            claim.insert("window_s".into(), json!(-1e300));
        }
    }
    let mut unreadable = played("low-pf", None);
    unreadable.spec = format!("[waveform]\n{hostile}");
    let mut results = results(&[odd.clone(), unreadable.clone()]);
    for outcome in &mut results.checks {
        for measure in &mut outcome.measures {
            (measure.key, measure.limit, measure.t_s) = (hostile.into(), 0.0, 1e300);
        }
    }
    let trials = [odd, unreadable];
    let page = html(&results, &trials);
    assert_eq!(tag_problem(&page), None);
    assert_eq!(number_problem(&page), None);
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'));
    assert!(page.contains("&lt;script&gt;alert(1)"), "the text is there");
    assert!(page.contains("The waveform file cannot be read"), "and so is the waveform that is none");
    assert!(page.len() < 400_000, "{} bytes", page.len());
}
