//! Entries as JSON lines: what `decode --json` prints and snapshots hold (contract, section 2).

use super::stream::{Entry, Stream};
use super::{Decoded, Evidence, ProblemKind, Profile};
use crate::hex;
use crate::reading::Instant;
use crate::reading::json::reading_object;
use crate::wire;
use crate::wire::assemble::{Assembled, Assembly, Protection};
use crate::wire::cipher::Keys;
use crate::wire::framer::Content;
use serde_json::{Map, Value, json};

/// The lines of a whole recording: its bytes with the times they arrived at.
pub fn lines<'a>(
    profile: Option<&'static Profile>,
    keys: Keys,
    chunks: impl IntoIterator<Item = (Instant, &'a [u8])>,
) -> Vec<Map<String, Value>> {
    let mut lines = Vec::new();
    let mut each = |line| lines.push(line);
    let mut all = Lines::new(profile, keys);
    for (now, bytes) in chunks {
        all.push(bytes, now, &mut each);
    }
    all.finish(&mut each);
    lines
}

/// Bytes in, lines out. Every offset counts from the first byte given, in whatever way it was given.
#[derive(Default)]
pub struct Lines {
    stream: Stream,
    /// Bytes that the stream did not see, all of them before what it sees next.
    apdus: u64,
    pushed: u64,
}

impl Lines {
    /// `profile`: told by the user, else found. `keys`: of a meter that ciphers.
    pub fn new(profile: Option<&'static Profile>, keys: Keys) -> Self {
        Lines { stream: Stream::new(profile, keys), ..Lines::default() }
    }

    /// Takes bytes of a line that arrived at `now`.
    pub fn push(&mut self, bytes: &[u8], now: Instant, each: &mut dyn FnMut(Map<String, Value>)) {
        self.pushed += bytes.len() as u64;
        let before = self.apdus;
        self.stream.push(bytes, now, |one| each(placed(one, before)));
    }

    /// Takes one APDU that stands without a link layer. What the line left unfinished is over.
    pub fn apdu(&mut self, bytes: &[u8], each: &mut dyn FnMut(Map<String, Value>)) {
        self.finish(each);
        let offset = self.pushed + self.apdus;
        let (assembly, decoded) = self.stream.raw(bytes);
        each(raw(offset, bytes, &assembly, decoded.as_ref()));
        self.apdus += bytes.len() as u64;
    }

    /// Takes bytes that are no part of any telegram, for a reason that is known. What the line left unfinished is
    /// over.
    pub fn junk(&mut self, bytes: &[u8], reason: &str, each: &mut dyn FnMut(Map<String, Value>)) {
        self.finish(each);
        let mut line = Map::new();
        line.insert("offset".into(), (self.pushed + self.apdus).into());
        line.insert("len".into(), bytes.len().into());
        junk(&mut line, bytes, reason);
        each(line);
        self.apdus += bytes.len() as u64;
    }

    /// Says that no byte will follow.
    pub fn finish(&mut self, each: &mut dyn FnMut(Map<String, Value>)) {
        let before = self.apdus;
        self.stream.finish(|one| each(placed(one, before)));
    }
}

fn placed(one: &Entry<'_>, before: u64) -> Map<String, Value> {
    let mut line = entry(one);
    line.insert("offset".into(), (before + one.item.offset).into());
    line
}

/// One entry of a stream.
pub fn entry(entry: &Entry<'_>) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("offset".into(), entry.item.offset.into());
    line.insert("len".into(), entry.item.bytes.len().into());
    let (link, hcs_ok, fcs_ok) = match entry.item.content {
        Content::Hdlc(frame) => ("hdlc", Some(frame.hcs_ok), Some(frame.fcs_ok)),
        Content::Mbus(frame) => ("mbus", None, Some(frame.checksum_ok)),
        Content::P1(frame) => ("p1", None, frame.crc_ok),
        Content::Junk(why) => {
            junk(&mut line, entry.item.bytes, &why.to_string());
            return line;
        }
    };
    line.insert("kind".into(), "frame".into());
    line.insert("link".into(), link.into());
    line.insert("hcs_ok".into(), json!(hcs_ok));
    line.insert("fcs_ok".into(), json!(fcs_ok));
    content(&mut line, &entry.assembly, entry.decoded.as_ref());
    line
}

fn junk(line: &mut Map<String, Value>, bytes: &[u8], reason: &str) {
    line.insert("kind".into(), "junk".into());
    line.insert("reason".into(), reason.into());
    line.insert("hex".into(), hex::text(bytes).into());
}

/// One raw APDU: a line of a dump without link layer.
fn raw(
    offset: u64,
    bytes: &[u8],
    assembly: &Assembly<'_>,
    decoded: Option<&Decoded<'_>>,
) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("offset".into(), offset.into());
    line.insert("len".into(), bytes.len().into());
    line.insert("kind".into(), "frame".into());
    line.insert("link".into(), "raw".into());
    line.insert("hcs_ok".into(), Value::Null);
    line.insert("fcs_ok".into(), Value::Null);
    content(&mut line, assembly, decoded);
    line
}

fn content(line: &mut Map<String, Value>, assembly: &Assembly<'_>, decoded: Option<&Decoded<'_>>) {
    let mut problems = Vec::new();
    if let Some(problem) = assembly.gave_up {
        problems.push(json!({"offset": problem.offset, "text": format!("an unfinished message was given up: {}", problem.kind)}));
    }
    match assembly.outcome {
        Assembled::Pending => {
            line.insert("pending".into(), true.into());
        }
        Assembled::Refused { problem, .. } => {
            problems.push(json!({"offset": problem.offset, "text": problem.kind.to_string()}));
        }
        Assembled::Apdu { protection: Protection::Verified, .. } => {
            line.insert("protection".into(), "verified".into());
        }
        Assembled::Apdu { protection: Protection::Unverified, .. } => {
            line.insert("protection".into(), "unverified".into());
        }
        Assembled::Apdu { .. } | Assembled::Nothing => {}
    }
    if let Some(decoded) = decoded {
        reading(line, decoded);
        let found = decoded.problems.iter();
        problems
            .extend(found.map(|problem| json!({"offset": problem.offset, "text": problem.kind.to_string()})));
    }
    line.insert("problems".into(), Value::Array(problems));
}

fn reading(line: &mut Map<String, Value>, decoded: &Decoded<'_>) {
    let Some(telegram) = &decoded.telegram else { return };
    line.insert("family".into(), decoded.family.word().into());
    line.insert("profile".into(), json!(decoded.profile.map(|profile| profile.name)));
    if decoded.profile.is_some_and(|profile| profile.evidence == Evidence::Inferred) {
        line.insert("evidence".into(), "inferred".into());
    }
    if decoded.assumed {
        line.insert("profile_assumed".into(), true.into());
    }
    line.insert("list".into(), decoded.list.word().into());
    line.insert("reading".into(), Value::Object(reading_object(&telegram.reading)));
    if let Some(bytes) = decoded.problems.iter().find_map(|problem| match problem.kind {
        ProblemKind::Wire(wire::ProblemKind::Trailing(bytes)) => Some(bytes),
        _ => None,
    }) {
        line.insert("left_over".into(), bytes.into());
    }
    let absent: Vec<_> = decoded.absent().map(|key| Value::from(key.name())).collect();
    line.insert("absent".into(), Value::Array(absent));
}
