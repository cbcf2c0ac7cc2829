//! `decode`: bytes → readings, problems, junk.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::{DecodeFlags, MeterFlags};
use crate::{console, input};
use hanbench_core::meters::{self, Profile, json, stream::Stream};
use hanbench_core::reading::{Instant, Key};
use hanbench_core::wire::cipher::Keys;
use hanbench_rig::{RigError, keys};
use serde_json::{Map, Value};

/// Decodes a file, a capture or a pasted log.
pub fn run(flags: &DecodeFlags) -> Outcome {
    let (profile, keys) = meter(&flags.meter)?;
    let pieces = input::open(&flags.file)?;
    let mut print = |line: Map<String, Value>| {
        if flags.json {
            console::line(&Value::Object(line).to_string());
        } else {
            console::out(&for_people(&line));
        }
    };
    decode(pieces, profile, keys, &mut print)?;
    Ok(PASSED)
}

/// Decodes pieces of input and hands out one JSON object per item, in stream order.
pub fn decode(
    pieces: input::Pieces,
    profile: Option<&'static Profile>,
    keys: Keys,
    each: &mut dyn FnMut(Map<String, Value>),
) -> Result<(), Failure> {
    let mut stream = Stream::new(profile, keys);
    let mut offset = 0;
    for piece in pieces {
        let piece = piece?;
        if crate::console::closed() {
            return Ok(());
        }
        if piece.apdu {
            let (assembly, decoded) = stream.raw(&piece.bytes);
            each(json::raw(offset, &piece.bytes, &assembly, decoded.as_ref()));
            offset += piece.bytes.len() as u64;
            continue;
        }
        let mut entry = |entry: &meters::stream::Entry<'_>| each(json::entry(entry));
        if let (Some(now), Some(due)) = (piece.at, stream.next_timeout())
            && now >= due
        {
            stream.timeout(due, &mut entry);
        }
        offset += piece.bytes.len() as u64;
        stream.push(&piece.bytes, piece.at.unwrap_or(Instant(0)), &mut entry);
    }
    stream.finish(|entry| each(json::entry(entry)));
    Ok(())
}

/// What the flags say of the meter.
///
/// # Errors
/// A profile that does not exist, a key file that cannot be read.
pub fn meter(flags: &MeterFlags) -> Result<(Option<&'static Profile>, Keys), Failure> {
    let profile = flags.profile.as_deref().map(profile).transpose()?;
    let keys = flags.key_file.as_deref().map_or(Ok(Keys::default()), keys::load).map_err(RigError::from)?;
    Ok((profile, keys))
}

/// The profile of a name; the message for a wrong name lists them all.
pub fn profile(name: &str) -> Result<&'static Profile, Failure> {
    meters::by_name(name).ok_or_else(|| {
        let names: Vec<_> = meters::PROFILES.iter().map(|profile| profile.name).collect();
        Failure::input(format!("there is no profile {name:?}; expected one of: {}", names.join(", ")))
    })
}

/// Bytes of a run of junk that a person is shown; `--json` has them all.
const JUNK_SHOWN: usize = 64;

/// One item for a person: a line of heads, then a line per value.
fn for_people(line: &Map<String, Value>) -> String {
    let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str| line.get(key).and_then(Value::as_u64).unwrap_or_default();
    let mut shown = format!("@{} +{}  ", number("offset"), number("len"));
    if text("kind") == "junk" {
        let hex = text("hex");
        let (start, rest) = hex.split_at(hex.len().min(2 * JUNK_SHOWN));
        let rest = if rest.is_empty() { "" } else { "…" };
        shown.push_str(&paint("2", &format!("junk: {} ({start}{rest})", text("reason"))));
        shown.push('\n');
        return shown;
    }
    shown.push_str(text("link"));
    for (key, name) in [("hcs_ok", "header checksum wrong"), ("fcs_ok", "checksum wrong")] {
        if line.get(key) == Some(&Value::Bool(false)) {
            shown.push_str(&format!("  {}", paint("31", name)));
        }
    }
    if line.get("pending") == Some(&Value::Bool(true)) {
        shown.push_str("  part of a longer message");
    }
    if line.contains_key("reading") {
        let profile = line.get("profile").and_then(Value::as_str).unwrap_or("no known layout");
        let assumed =
            if line.contains_key("profile_assumed") { " (assumed: the list names no meter)" } else { "" };
        shown.push_str(&format!("  {}  {profile}{assumed}  list {}", text("family"), text("list")));
        if text("evidence") == "inferred" {
            shown.push_str("  (inferred)");
        }
    }
    shown.push('\n');
    for (key, value) in line.get("reading").and_then(Value::as_object).into_iter().flatten() {
        shown.push_str(&value_line(key, value));
    }
    for key in line.get("absent").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        shown.push_str(&paint("2", &format!("    {key:<30} {:>14}\n", "not sent")));
    }
    for problem in line.get("problems").and_then(Value::as_array).into_iter().flatten() {
        let what = problem["text"].as_str().unwrap_or_default();
        shown.push_str(&paint("33", &format!("    ! {what} (offset {} of the APDU)\n", problem["offset"])));
    }
    shown
}

fn value_line(key: &str, value: &Value) -> String {
    let unit = Key::from_name(key).map_or("", |key| key.kind().unit());
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Null => "not specified".into(),
        other => other.to_string(),
    };
    format!("    {key:<30} {value:>14} {unit}\n").replace(" \n", "\n")
}

fn paint(code: &str, text: &str) -> String {
    if console::colour() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}
