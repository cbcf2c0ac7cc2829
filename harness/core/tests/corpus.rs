//! Real telegrams with ground truth from outside this project, where a corpus is at hand.
//!
//! Looks in `HANBENCH_CORPUS`, then beside the checkout. Without a corpus there is one trial, shown as ignored
//! with the reason in its name. Its bytes never enter the repository.

use hanbench_core::hex;
use hanbench_core::meters::{encode::encode_frame, json, stream::Stream};
use hanbench_core::reading::Instant;
use hanbench_core::wire::{cipher::Keys, framer::Content};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

fn main() {
    let arguments = Arguments::from_args();
    let trials = match corpus() {
        Some(folder) => trials(&folder),
        None => vec![
            Trial::test(
                "corpus (skipped: HANBENCH_CORPUS is not set and ../shared/corpus does not exist)",
                || Ok(()),
            )
            .with_ignored_flag(true),
        ],
    };
    libtest_mimic::run(&arguments, trials).exit();
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = std::env::var_os("HANBENCH_CORPUS").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn trials(folder: &Path) -> Vec<Trial> {
    let mut trials = Vec::new();
    for group in ["aidon", "embriq-landis-gyr", "kaifa", "kamstrup", "other"] {
        for path in files(&folder.join(group), ".json") {
            let name = format!("corpus::{group}::{}", stem(&path));
            trials.push(Trial::test(name, move || telegram(&path, group != "other")));
        }
    }
    for path in files(&folder.join("streams"), ".expected.jsonl") {
        for chunk in [1, 2, 3, 7, 64, 1000, usize::MAX] {
            let name = format!("corpus::streams::{}::chunks_of_{chunk}", stem(&path));
            let path = path.clone();
            trials.push(Trial::test(name, move || stream(&path, chunk)));
        }
    }
    assert!(!trials.is_empty(), "a corpus folder without telegrams: {}", folder.display());
    trials
}

fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.split('.').next().unwrap_or_default().to_string()
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    files.sort();
    files
}

/// One telegram: what a decoder must say of it, and that it can be written again.
fn telegram(path: &Path, vendor_group: bool) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let file: Value = serde_json::from_str(&text)?;
    let bytes = hex::bytes(file["hex"].as_str().unwrap_or_default()).ok_or("no hex")?;
    let mut readings = Vec::new();
    let mut stream = Stream::new(None, Keys::default());
    match file["kind"].as_str().unwrap_or_default() {
        "llc" | "dlms" => {
            let (_, decoded) = stream.raw(&bytes);
            let decoded = decoded.ok_or("not decoded")?;
            let telegram = decoded.telegram.as_ref().ok_or("no telegram")?;
            readings.push(hanbench_core::reading::json::reading_object(&telegram.reading));
        }
        _ => readings = through_stream(&mut stream, &bytes, vendor_group)?,
    }
    let expected = &file["expected"];
    if file["expect"].as_str().is_some_and(|expect| expect.starts_with("reject")) || file["crc_ok"] == false {
        return if readings.is_empty() { Ok(()) } else { Err("accepted what is damaged".into()) };
    }
    // The corpus README: only in `other/` may the truth be missing, where no mapping was made.
    let Value::Object(expected) = expected else {
        let why = "no expected values, and not called damaged";
        return if vendor_group { Err(why.into()) } else { Ok(()) };
    };
    let [reading] = readings.as_slice() else {
        return Err(format!("{} readings instead of one", readings.len()).into());
    };
    compare(reading, expected, vendor_group)
}

/// Readings of a stream; every good HDLC frame of one telegram must be written again byte for byte.
fn through_stream(
    stream: &mut Stream,
    bytes: &[u8],
    write_again: bool,
) -> Result<Vec<Map<String, Value>>, Failed> {
    let mut readings = Vec::new();
    let mut failure = None;
    let mut each = |entry: &hanbench_core::meters::stream::Entry<'_>| {
        let Value::Object(reading) = json::entry(entry).remove("reading").unwrap_or_default() else { return };
        readings.push(reading);
        let (Content::Hdlc(_), Some(decoded), true) = (entry.item.content, &entry.decoded, write_again)
        else {
            return;
        };
        if let Err(why) = same_again(entry.item.bytes, decoded) {
            failure = Some(why);
        }
    };
    stream.push(bytes, Instant(0), &mut each);
    stream.finish(&mut each);
    failure.map_or(Ok(readings), |why| Err(why.into()))
}

fn same_again(bytes: &[u8], decoded: &hanbench_core::meters::Decoded<'_>) -> Result<(), String> {
    let profile = decoded.profile.ok_or("no profile has this layout")?;
    let telegram = decoded.telegram.as_ref().ok_or("no telegram")?;
    let mut again = Vec::new();
    encode_frame(profile, decoded.list, telegram, &mut again).map_err(|error| error.to_string())?;
    if again == bytes {
        Ok(())
    } else {
        Err(format!("as {}:\n  sent  {}\n  again {}", profile.name, hex::text(bytes), hex::text(&again)))
    }
}

fn compare(reading: &Map<String, Value>, expected: &Map<String, Value>, strict: bool) -> Result<(), Failed> {
    let mut wrong = Vec::new();
    for (key, value) in expected {
        if !same_value(reading.get(key), value) {
            wrong.push(format!("{key}: {:?} instead of {value}", reading.get(key)));
        }
    }
    if strict {
        let invented = reading.keys().filter(|key| !expected.contains_key(*key));
        wrong.extend(invented.map(|key| format!("{key} was not in the telegram")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn same_value(ours: Option<&Value>, truth: &Value) -> bool {
    match (ours, truth) {
        (Some(Value::Number(ours)), Value::Number(truth)) => {
            let (ours, truth) = (ours.as_f64().unwrap_or(f64::NAN), truth.as_f64().unwrap_or(f64::NAN));
            (ours - truth).abs() <= 1e-6 * truth.abs()
        }
        (Some(ours), truth) => ours == truth,
        (None, truth) => truth.is_null(),
    }
}

/// A recording: every good frame is found, none is invented, at this size of chunk.
fn stream(path: &Path, chunk: usize) -> Result<(), Failed> {
    let bytes = recording(path)?;
    let chunks = bytes.chunks(chunk.min(bytes.len())).map(|piece| (Instant(0), piece));
    let mut found = Vec::new();
    let (mut next, mut bad) = (0, 0);
    for mut line in json::lines(None, Keys::default(), chunks) {
        if line["offset"] != next {
            return Err(format!("an item at {} instead of {next}", line["offset"]).into());
        }
        next += line["len"].as_u64().ok_or("no length")?;
        bad += usize::from(line.get("fcs_ok") == Some(&Value::Bool(false)));
        if let Some(Value::Object(reading)) = line.remove("reading") {
            found.push((line, reading));
        }
    }
    if next != bytes.len() as u64 {
        return Err(format!("{next} of {} bytes came out again", bytes.len()).into());
    }
    let truth = std::fs::read_to_string(path)?;
    let truth: Vec<Value> = truth.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    if truth.len() != found.len() {
        return Err(format!("{} good frames instead of {}", found.len(), truth.len()).into());
    }
    let about: Value = serde_json::from_str(&std::fs::read_to_string(base(path) + ".json")?)?;
    if about["good_frames"] != found.len() || about["bad_frames"] != bad {
        let (good, truth_bad) = (&about["good_frames"], &about["bad_frames"]);
        let what = format!("{} good and {bad} bad frames instead of {good} and {truth_bad}", found.len());
        return Err(what.into());
    }
    for (truth, (line, reading)) in truth.iter().zip(&found) {
        let offset = &line["offset"];
        for (ours, theirs) in [("offset", "off"), ("len", "len"), ("list", "list")] {
            let list = truth[theirs].as_str().map(|list| list.trim_start_matches("list ").into());
            let theirs = list.as_ref().unwrap_or(&truth[theirs]);
            if line[ours] != *theirs {
                return Err(format!("frame at {offset}: {ours} {} instead of {theirs}", line[ours]).into());
            }
        }
        let expected = truth["expected"].as_object().ok_or("no expected values")?;
        // The truth of streams has the digits of a time and neither its offset nor its status.
        let mut reading = reading.clone();
        for time in ["timestamp", "clock"].into_iter().filter(|time| expected.contains_key(*time)) {
            reading
                .retain(|key, _| ![format!("{time}_utc_offset_min"), format!("{time}_status")].contains(key));
        }
        compare(&reading, expected, true).map_err(|why| format!("frame at {offset}: {why:?}"))?;
    }
    Ok(())
}

/// The path of a stream without what tells its files apart.
fn base(expected: &Path) -> String {
    expected.to_string_lossy().replace(".expected.jsonl", "")
}

fn recording(expected: &Path) -> Result<Vec<u8>, Failed> {
    let base = base(expected);
    if let Ok(bytes) = std::fs::read(format!("{base}.bin")) {
        return Ok(bytes);
    }
    let mut bytes = Vec::new();
    for line in std::fs::read_to_string(format!("{base}.chunks.jsonl"))?.lines() {
        let chunk: Value = serde_json::from_str(line)?;
        bytes.extend(hex::bytes(chunk["hex"].as_str().unwrap_or_default()).ok_or("no hex")?);
    }
    Ok(bytes)
}
