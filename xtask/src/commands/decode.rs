//! `decode`: bytes → readings, problems, junk.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::{DecodeFlags, MeterFlags};
use crate::{console, input};
use hanbench_core::meters::{self, Profile, json};
use hanbench_core::reading::{Instant, Key};
use hanbench_core::wire::cipher::Keys;
use hanbench_rig::{RigError, keys};
use serde_json::{Map, Value};
use std::collections::VecDeque;

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

/// Decodes pieces of input and hands out one JSON object per item, in stream order. Offsets count the bytes of the
/// input, in whatever pieces they came; items of a pasted text also have the line that they begin on.
pub fn decode(
    pieces: input::Pieces,
    profile: Option<&'static Profile>,
    keys: Keys,
    each: &mut dyn FnMut(Map<String, Value>),
) -> Result<(), Failure> {
    let mut decoder = json::Lines::new(profile, keys);
    let mut places = Places::default();
    for piece in pieces {
        let piece = piece?;
        if crate::console::closed() {
            return Ok(());
        }
        places.add(&piece);
        let mut each = |line| each(places.tell(line));
        if let Some(reason) = &piece.junk {
            decoder.junk(&piece.bytes, reason, &mut each);
        } else if piece.apdu {
            decoder.apdu(&piece.bytes, &mut each);
        } else {
            decoder.push(&piece.bytes, piece.at.unwrap_or(Instant(0)), &mut each);
        }
    }
    decoder.finish(&mut |line| each(places.tell(line)));
    Ok(())
}

/// Which line of a pasted text a byte came from.
#[derive(Default)]
struct Places {
    given: u64,
    /// Offset of the first byte and number of every line that may still be asked for.
    lines: VecDeque<(u64, usize)>,
}

impl Places {
    fn add(&mut self, piece: &input::Piece) {
        self.lines.extend(piece.lines.iter().map(|&(at, line)| (self.given + at as u64, line)));
        self.given += piece.bytes.len() as u64;
    }

    /// Adds the line to an item. Items come in order, so that what lies before is not asked for again.
    fn tell(&mut self, mut item: Map<String, Value>) -> Map<String, Value> {
        let offset = item.get("offset").and_then(Value::as_u64).unwrap_or_default();
        while self.lines.get(1).is_some_and(|&(at, _)| at <= offset) {
            self.lines.pop_front();
        }
        if let Some(&(_, line)) = self.lines.front() {
            item.insert("line".into(), line.into());
        }
        item
    }
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
    let place = line.get("line").map(|line| format!("line {line} ")).unwrap_or_default();
    let mut shown = format!("{place}@{} +{}  ", number("offset"), number("len"));
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIST1: &str = "0f40000000000101020309060100010700ff06000004d202020f00161b";

    fn lines(text: &str) -> Vec<Map<String, Value>> {
        let mut lines = Vec::new();
        let pieces = input::literal(text).expect("hex");
        decode(pieces, None, Keys::default(), &mut |line| lines.push(line)).expect("decoded");
        lines
    }

    #[test]
    fn offsets_count_the_bytes_of_the_input_whatever_they_are() {
        let frame = format!("7ea02a410883130413e6e700{LIST1}19f27e");
        let rows = ["00ff", LIST1, &frame, LIST1, &frame[..60], &frame];
        let lines = lines(&rows.join("\n"));
        let shown: Vec<(u64, u64, u64, &str)> = lines
            .iter()
            .map(|line| {
                let number = |key: &str| line[key].as_u64().expect("a number");
                let link = line.get("link").and_then(Value::as_str).unwrap_or("junk");
                (number("offset"), number("len"), number("line"), link)
            })
            .collect();
        let expected = [
            (0, 2, 1, "junk"),
            (2, 29, 2, "raw"),
            (31, 44, 3, "hdlc"),
            (75, 29, 4, "raw"),
            (104, 30, 5, "hdlc"),
            (134, 44, 6, "hdlc"),
        ];
        assert_eq!(shown, expected);
        let values: Vec<_> = lines.iter().filter_map(|line| line.get("reading")).collect();
        assert_eq!(values.len(), 4, "{lines:?}");
        assert!(values.iter().all(|reading| reading["active_import_w"] == 1234));
    }

    #[test]
    fn a_line_that_lost_a_digit_is_junk_that_says_so_and_costs_no_other() {
        let frame = format!("7ea02a410883130413e6e700{LIST1}19f27e");
        for lost in [1, 30, frame.len() - 1] {
            let mut odd = frame.clone();
            odd.remove(lost);
            let told: Vec<_> = lines(&format!("{frame}\n{odd}\n{LIST1}\n{odd}\n{odd}\n{frame}\n"))
                .into_iter()
                .map(|line| (line["offset"].clone(), line["line"].clone(), line.get("reason").cloned()))
                .collect();
            let reason = Some(Value::from("an odd number of hex digits (87), the last one left out"));
            let expected = [
                (0.into(), 1.into(), None),
                (44.into(), 2.into(), reason.clone()),
                (87.into(), 3.into(), None),
                (116.into(), 4.into(), reason.clone()),
                (159.into(), 5.into(), reason),
                (202.into(), 6.into(), None),
            ];
            assert_eq!(told, expected, "digit {lost}");
        }
        // An APDU has no check sum: shifted by half a byte it would be read as what it is not.
        let apdus = lines(&format!("{LIST1}\n{}\n", &LIST1[..57]));
        assert_eq!((apdus.len(), &apdus[1]["kind"]), (2, &Value::from("junk")), "{apdus:?}");
    }

    #[test]
    fn a_single_line_has_no_number() {
        assert!(!lines(LIST1)[0].contains_key("line"));
    }
}
