//! Fixtures: one telegram or a few per file, with a snapshot beside it that a person can review.
//!
//! A snapshot holds every byte with its meaning, and the lines of `decode --json`. What a fixture file looks
//! like stands in `fixtures/README.md`.

use std::path::{Path, PathBuf};

use hanbench_core::explain::{Annotated, explain, text};
use hanbench_core::hex;
use hanbench_core::import::redact;
use hanbench_core::meters::{self, Profile, json, stream::Stream};
use hanbench_core::reading::{Family, Instant, Key, json::milli};
use hanbench_core::wire::{cipher::Keys, hdlc};
use rstest::rstest;
use serde_json::{Map, Value};

/// The folders that a fixture may lie under, beside those of the families.
const FOLDERS: [&str; 2] = ["neighbours", "damaged"];

struct Fixture {
    header: Map<String, Value>,
    bytes: Vec<u8>,
    keys: Keys,
    profile: Option<&'static Profile>,
}

impl Fixture {
    fn read(path: &Path) -> Fixture {
        let file = std::fs::read_to_string(path).expect("a fixture is a readable text");
        let mut header = Map::new();
        let mut digits = String::new();
        for (index, line) in file.lines().enumerate() {
            let place = format!("{}:{}", path.display(), index + 1);
            match line.strip_prefix('#') {
                Some(_) if !digits.is_empty() => panic!("{place}: header lines stand before the hex"),
                Some(head) => {
                    let (key, value) =
                        head.split_once(": ").unwrap_or_else(|| panic!("{place}: no `key: value`"));
                    header.insert(key.trim().into(), value.trim().into());
                }
                None => digits.extend(line.split_whitespace()),
            }
        }
        let bytes = hex::bytes(&digits).unwrap_or_else(|| panic!("{}: no hex", path.display()));
        let mut keys =
            header.get("key").and_then(Value::as_str).unwrap_or_default().split_whitespace().map(key);
        let keys = Keys { encryption: keys.next(), authentication: keys.next() };
        let profile = header.get("profile").and_then(Value::as_str).map(|name| {
            meters::by_name(name).unwrap_or_else(|| panic!("{}: no profile {name}", path.display()))
        });
        Fixture { header, bytes, keys, profile }
    }

    fn is_damaged(&self) -> bool {
        self.header.contains_key("damaged")
    }

    fn explained(&self) -> Vec<Annotated> {
        explain(&self.bytes, self.keys, self.profile)
    }

    /// The lines of `decode --json`.
    fn decoded(&self) -> Vec<Map<String, Value>> {
        let mut stream = Stream::new(self.profile, self.keys);
        if self.header["stage"] != "wire" {
            let (assembly, decoded) = stream.raw(&self.bytes);
            return vec![json::raw(0, &self.bytes, &assembly, decoded.as_ref())];
        }
        let mut lines = Vec::new();
        let mut each = |entry: &meters::stream::Entry<'_>| lines.push(json::entry(entry));
        stream.push(&self.bytes, Instant(0), &mut each);
        stream.finish(&mut each);
        lines
    }
}

fn key(text: &str) -> [u8; 16] {
    hex::bytes(text).and_then(|bytes| bytes.try_into().ok()).expect("a key is 32 hex digits")
}

#[rstest]
fn is_explained_and_decoded_as_reviewed(#[files("../../fixtures/**/*.hex")] path: PathBuf) {
    let fixture = Fixture::read(&path);
    let mut snapshot = text(&fixture.explained());
    for line in fixture.decoded() {
        snapshot += &format!("\n{}", Value::Object(line));
    }
    insta::with_settings!({
        snapshot_path => path.parent().unwrap(),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), snapshot);
    });
}

#[rstest]
fn says_what_it_is_and_has_right_checks(#[files("../../fixtures/**/*.hex")] path: PathBuf) {
    let folder = path.parent().and_then(Path::file_name).unwrap().to_str().unwrap();
    let known = Family::NORWEGIAN.map(Family::word).contains(&folder) || FOLDERS.contains(&folder);
    assert!(known, "{folder} is no family and none of {FOLDERS:?}");
    let fixture = Fixture::read(&path);
    for (at, key) in ["what", "source", "stage"].into_iter().enumerate() {
        assert_eq!(fixture.header.keys().nth(at).map(String::as_str), Some(key), "header line {}", at + 1);
    }
    for key in fixture.header.keys() {
        assert!(["what", "source", "stage", "damaged", "key", "profile"].contains(&key.as_str()), "# {key}");
    }
    let stage = fixture.header["stage"].as_str().unwrap();
    assert!(["wire", "unwrapped", "decrypted"].contains(&stage), "# stage: {stage}");
    let lines = fixture.decoded();
    let bad = |line: &Map<String, Value>| {
        line["kind"] == "junk" || line["hcs_ok"] == false || line["fcs_ok"] == false
    };
    if fixture.is_damaged() {
        let shows = |line| bad(line) || line["problems"].as_array().is_some_and(|all| !all.is_empty());
        assert!(lines.iter().any(shows), "called damaged, but nothing is wrong");
    } else {
        assert!(!lines.iter().any(bad), "a bad checksum or junk, and no `# damaged:` line: {lines:?}");
    }
}

#[rstest]
fn names_no_real_meter(#[files("../../fixtures/**/*.hex")] path: PathBuf) {
    assert_eq!(redact(&Fixture::read(&path).bytes).replaced, 0, "an id that the importer would replace");
}

#[rstest]
fn rows_tile_the_bytes(#[files("../../fixtures/**/*.hex")] path: PathBuf) {
    let fixture = Fixture::read(&path);
    assert_tiled(&fixture.explained(), &fixture.bytes);
}

/// Right checks prove nothing about what they cover: firmware sends what it likes.
#[rstest]
fn any_byte_behind_right_checks_is_explained(#[files("../../fixtures/**/*.hex")] path: PathBuf) {
    let fixture = Fixture::read(&path);
    let Some(frame) = hdlc::Frame::decode(&fixture.bytes).filter(hdlc::Frame::is_good) else { return };
    let mut bytes = Vec::new();
    for at in 0..frame.information.len() {
        for value in [0x00, 0x01, 0x0B, 0x7F, 0x80, 0xFF] {
            let mut information = frame.information.to_vec();
            information[at] = value;
            bytes.clear();
            hdlc::encode(
                &mut bytes,
                frame.destination,
                frame.source,
                frame.control,
                frame.segmented,
                &information,
            );
            assert_tiled(&explain(&bytes, fixture.keys, fixture.profile), &bytes);
        }
    }
}

fn assert_tiled(rows: &[Annotated], bytes: &[u8]) {
    let mut tiled = Vec::new();
    for row in rows.iter().filter(|row| !row.is_inside() && !row.is_note()) {
        assert_eq!(row.offset, tiled.len(), "{}", row.meaning);
        tiled.extend_from_slice(&row.bytes);
    }
    assert_eq!(tiled, bytes);
}

/// The explanation calculates by itself; the decoder must agree with every result that it shows.
#[rstest]
fn the_explanation_shows_the_values_that_the_decoder_gives(
    #[files("../../fixtures/**/*.hex")] path: PathBuf,
) {
    let fixture = Fixture::read(&path);
    let rows = fixture.explained();
    let mut shown: Vec<String> = rows.iter().flat_map(|row| results(&row.value)).collect();
    for line in fixture.decoded() {
        let Some(Value::Object(reading)) = line.get("reading") else { continue };
        for (name, value) in reading {
            let (Some(key), Value::Number(number)) = (Key::from_name(name), value) else { continue };
            let value = milli(number).unwrap();
            let result = format!("{value} {}", key.kind().unit()).trim_end().to_string();
            let at = shown.iter().position(|shown| *shown == result);
            shown.remove(at.unwrap_or_else(|| panic!("{name} = {result} is not shown: {shown:?}")));
        }
    }
}

/// What stands behind the equals sign, up to a remark.
fn results(value: &str) -> Vec<String> {
    let result = value.split_once(" = ").map(|(_, result)| result);
    result
        .and_then(|result| result.split([':', '(']).next())
        .map(|result| result.trim().into())
        .into_iter()
        .collect()
}
