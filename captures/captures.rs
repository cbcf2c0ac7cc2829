//! Every capture against the reviewed snapshot beside it: the oracle of a run.
//!
//! A snapshot holds the lines of `decode --json`, one for every stretch of the capture.
//!
//! This test of `harness/core` lies here because `cargo insta review` looks for pending snapshots only below the
//! sources of a target.

use hanbench_core::capture::{Capture, keys};
use hanbench_core::meters::json;
use hanbench_core::verdict::expectation;
use hanbench_core::verdict::stimulus::{self, CaptureView};
use hanbench_core::verdict::trial::Part;
use rstest::rstest;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

fn read(path: &Path) -> Capture {
    let text = std::fs::read_to_string(path).expect("a capture");
    Capture::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn decode(capture: &Capture) -> Vec<Map<String, Value>> {
    json::lines(None, keys(&capture.header), capture.received())
}

#[rstest]
fn capture_says_what_was_reviewed(#[files("../../captures/**/*.csv")] path: PathBuf) {
    let lines = decode(&read(&path));
    let text: Vec<String> = lines.into_iter().map(|line| Value::Object(line).to_string()).collect();
    let folder = path.parent().expect("a file is in a folder");
    let name = path.file_stem().and_then(|name| name.to_str()).expect("a capture has a plain name");
    insta::with_settings!({
        snapshot_path => folder,
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text.join("\n"));
    });
}

#[rstest]
fn capture_has_its_header_and_intact_frames(#[files("../../captures/**/*.csv")] path: PathBuf) {
    let capture = read(&path);
    let text = |key: &str| capture.header.get(key).map_or("", String::as_str);
    for key in ["family", "model", "system", "baud", "parity", "stage", "source", "evidence", "t0"] {
        assert!(!text(key).is_empty(), "{}: no `# {key} = …`", path.display());
    }
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    assert_eq!(folder, Some(text("family")), "{}: lies in the folder of another family", path.display());
    if !text("damaged").is_empty() {
        return;
    }
    for line in decode(&capture) {
        let good = line["kind"] == "frame" && line["hcs_ok"] != false && line["fcs_ok"] != false;
        assert!(good, "{}: {} in a capture without `# damaged = …`", path.display(), Value::Object(line));
    }
}

/// What a run makes of the capture: telegrams to play in, each with its reading, and what a DUT must support.
#[rstest]
fn capture_and_snapshot_make_a_stimulus(#[files("../../captures/**/*.csv")] path: PathBuf) {
    let capture = read(&path);
    let subject = path.display().to_string();
    let snapshot =
        std::fs::read_to_string(path.with_extension("snap")).expect("a snapshot beside the capture");
    let items = expectation::parse(&snapshot).unwrap_or_else(|error| panic!("{subject}: {error}"));
    let chunks: Vec<_> = capture.received().map(|(at, bytes)| (at.0, bytes.to_vec())).collect();
    let view = CaptureView { subject: &subject, header: &capture.header, chunks: &chunks };
    let stimulus = stimulus::plain(view, &items).unwrap_or_else(|error| panic!("{error}"));
    let telegrams = stimulus.parts.iter().filter(|part| matches!(part, Part::Telegram(_)));
    assert_eq!(telegrams.count(), stimulus.parts.len(), "{subject}: bytes that belong to no telegram");
    let text = |key: &str| capture.header.get(key).map_or("", String::as_str);
    // A neighbour's meter is asked for by its link alone.
    let family = Some(text("family")).filter(|family| *family != "landis-gyr");
    let mut needs: Vec<&str> = family.into_iter().chain(text("needs").split_whitespace()).collect();
    let mut derived: Vec<&str> = stimulus.needs.iter().map(String::as_str).collect();
    needs.sort_unstable();
    derived.sort_unstable();
    assert_eq!(derived, needs, "{subject}: `# needs = …` does not say what the frames need");
}

#[test]
fn every_snapshot_has_its_capture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures");
    let mut seen = 0;
    let families = std::fs::read_dir(&folder).expect("the folder of captures").flatten();
    for family in families.filter(|family| family.path().is_dir()) {
        for file in std::fs::read_dir(family.path()).expect("a folder of a family").flatten() {
            let path = file.path();
            if path.extension().is_some_and(|extension| extension == "snap") {
                seen += 1;
                let capture = path.with_extension("csv");
                assert!(capture.exists(), "{}: no capture beside it", path.display());
            }
        }
    }
    assert!(seen > 0, "{}: no snapshots", folder.display());
}
