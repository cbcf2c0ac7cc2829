//! The reviewed readings of a capture: an insta snapshot beside it, whose body is what `decode --json` prints.
//!
//! ```text
//! ---
//! source: …
//! ---
//! {"offset":0,"len":44,"kind":"frame","link":"hdlc","fcs_ok":true,"list":"1","reading":{"active_import_w":733},…}
//! {"offset":44,"len":3,"kind":"junk","reason":"no frame starts here","hex":"00ff7e"}
//! ```
//!
//! Refuses a snapshot that does not have this form and names the line. Keys it does not know are ignored, so that
//! `decode` may print more. It never decodes a byte: what a person reviewed is what is right.

use crate::reading::Key;
use serde_json::{Map, Value};
use thiserror::Error;

/// One line of a snapshot: a stretch of the capture and what a person agreed it says.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// Offset of its first byte in the capture.
    pub offset: usize,
    /// How many bytes it covers.
    pub len: usize,
    /// What it is.
    pub kind: ItemKind,
}

/// What a stretch of a capture is.
#[derive(Clone, PartialEq, Debug)]
pub enum ItemKind {
    /// A frame of a link layer.
    Frame(Frame),
    /// Bytes that belong to no frame, and why.
    Junk(String),
}

/// A frame as reviewed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Frame {
    /// `hdlc`, `mbus`, `p1` or `raw`.
    pub link: String,
    /// Header check, where the link layer has one.
    pub hcs_ok: Option<bool>,
    /// Frame check.
    pub fcs_ok: Option<bool>,
    /// Meter family, where it was recognised.
    pub family: Option<String>,
    /// `1`, `2`, `3` or another documented word.
    pub list: Option<String>,
    /// The reading, where the frame (or the last of several) carries one.
    pub reading: Option<Map<String, Value>>,
    /// The frame is a segment; the reading follows with a later frame.
    pub pending: bool,
    /// How many bytes are left over behind the body of the APDU.
    pub left_over: usize,
}

impl Frame {
    /// No check of the link layer failed.
    pub fn intact(&self) -> bool {
        self.hcs_ok != Some(false) && self.fcs_ok != Some(false)
    }
}

/// A snapshot that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("line {line}: {what}")]
pub struct ExpectationError {
    /// Line of the snapshot file, from 1.
    pub line: usize,
    /// What is wrong and what was expected.
    pub what: String,
}

/// Reads the text of a snapshot file.
///
/// # Errors
/// No header between `---` lines, a line that is no JSON object, a missing or wrong `offset`, `len` or `kind`,
/// or items that do not follow each other without a hole.
pub fn parse(text: &str) -> Result<Vec<Item>, ExpectationError> {
    let fail = |line: usize, what: &str| ExpectationError { line, what: what.to_string() };
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end()));
    if lines.next().is_none_or(|(_, line)| line != "---") {
        return Err(fail(1, "expected `---`, the start of the snapshot's header"));
    }
    if !lines.any(|(_, line)| line == "---") {
        return Err(fail(1, "the snapshot's header has no end: expected a second `---`"));
    }
    let mut items = Vec::new();
    let mut next = 0;
    for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
        let object = serde_json::from_str::<Map<String, Value>>(text)
            .map_err(|error| fail(line, &format!("expected a JSON object: {error}")))?;
        let item = item(&object).map_err(|what| fail(line, &what))?;
        if item.offset != next {
            let what =
                format!("the item starts at {}, expected {next}: every byte has one item", item.offset);
            return Err(fail(line, &what));
        }
        next = item.offset.saturating_add(item.len);
        items.push(item);
    }
    Ok(items)
}

fn item(object: &Map<String, Value>) -> Result<Item, String> {
    let count = |key: &str| {
        let value = object.get(key).and_then(Value::as_u64).and_then(|value| usize::try_from(value).ok());
        value.ok_or(format!("`{key}` is missing or no count of bytes"))
    };
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(String::from);
    let kind = match text("kind").as_deref() {
        Some("junk") => ItemKind::Junk(text("reason").unwrap_or_default()),
        Some("frame") => ItemKind::Frame(Frame {
            link: text("link").ok_or("`link` is missing: expected hdlc, mbus, p1 or raw")?,
            hcs_ok: object.get("hcs_ok").and_then(Value::as_bool),
            fcs_ok: object.get("fcs_ok").and_then(Value::as_bool),
            family: text("family"),
            list: text("list"),
            reading: reading(object.get("reading"))?,
            pending: object.get("pending").and_then(Value::as_bool).unwrap_or(false),
            left_over: if object.contains_key("left_over") { count("left_over")? } else { 0 },
        }),
        Some(other) => return Err(format!("`kind` is {other:?}, expected \"frame\" or \"junk\"")),
        None => return Err("`kind` is missing: expected \"frame\" or \"junk\"".to_string()),
    };
    Ok(Item { offset: count("offset")?, len: count("len")?, kind })
}

fn reading(value: Option<&Value>) -> Result<Option<Map<String, Value>>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(reading)) => match reading.keys().find(|key| !is_known(key)) {
            Some(key) => Err(format!("`{key}` is no key of a reading")),
            None => Ok(Some(reading.clone())),
        },
        Some(_) => Err("`reading` is no object".to_string()),
    }
}

/// The keys of the contract, section 2; a slip of the pen in a snapshot must not be blamed on a dongle.
fn is_known(key: &str) -> bool {
    let time = ["timestamp", "clock"].iter().any(|time| {
        key.strip_prefix(time).is_some_and(|rest| ["", "_utc_offset_min", "_status"].contains(&rest))
    });
    time || ["meter_id", "meter_type", "list_id"].contains(&key)
        || key.starts_with("obis_")
        || Key::from_name(key).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "---\nsource: some/test.rs\nexpression: text\n---\n";

    #[test]
    fn a_snapshot_of_a_frame_and_junk_is_read() {
        let text = format!(
            "{HEAD}{}\n{}\n",
            r#"{"offset":0,"len":44,"kind":"frame","link":"hdlc","hcs_ok":true,"fcs_ok":true,"family":"aidon","list":"1","reading":{"active_import_w":733},"absent":[],"left_over":3,"problems":["odd",{"at":3}],"new":1}"#,
            r#"{"offset":44,"len":3,"kind":"junk","reason":"no frame starts here","hex":"00ff7e"}"#
        );
        let items = parse(&text).expect("a good snapshot");
        assert_eq!(items.len(), 2);
        let ItemKind::Frame(frame) = &items[0].kind else { panic!("expected a frame") };
        assert!(frame.intact() && !frame.pending);
        assert_eq!(frame.reading.as_ref().map(Map::len), Some(1));
        assert_eq!(frame.left_over, 3);
        assert_eq!(items[1].kind, ItemKind::Junk("no frame starts here".into()));
    }

    #[test]
    fn a_bad_snapshot_is_refused_with_its_line() {
        let frame = r#"{"offset":0,"len":4,"kind":"frame","link":"hdlc"}"#;
        for (text, line, what) in [
            (String::new(), 1, "expected `---`"),
            ("---\nsource: x\n".to_string(), 1, "no end"),
            (format!("{HEAD}[1]\n"), 5, "expected a JSON object"),
            (format!("{HEAD}{frame}\n{frame}\n"), 6, "starts at 0, expected 4"),
            (format!("{HEAD}{}\n", frame.replace("frame", "fram")), 5, "`kind` is \"fram\""),
            (format!("{HEAD}{}\n", frame.replace("\"len\":4,", "")), 5, "`len` is missing"),
            (format!("{HEAD}{}\n", frame.replace("\"link\"", "\"lynk\"")), 5, "`link` is missing"),
            (format!("{HEAD}{}\n", frame.replace("\"link\"", "\"left_over\":-1,\"link\"")), 5, "`left_over`"),
        ] {
            let error = parse(&text).expect_err(what);
            assert_eq!(error.line, line, "{error}");
            assert!(error.what.contains(what), "{error} instead of {what}");
        }
    }

    #[test]
    fn a_frame_with_one_wrong_check_is_not_intact() {
        let with = |hcs_ok, fcs_ok| Frame { hcs_ok, fcs_ok, ..Frame::default() }.intact();
        assert!(with(None, None) && with(Some(true), Some(true)));
        assert!(!with(Some(false), Some(true)) && !with(Some(true), Some(false)));
    }
}
