//! Bytes with a meaning beside them: what `explain` prints and what a reviewer of a fixture reads.
//!
//! Every input byte stands in exactly one row, in order, whatever the bytes are. A register's row shows what was
//! sent, its scale, where the scale comes from, and the result, so that a wrong scale is seen without
//! calculating. What is not known is said; refuses to guess a meaning, and to colour (the caller's business).
//!
//! Three kinds of row:
//!
//! | kind | bytes | offset counts from |
//! |---|---|---|
//! | input | input bytes | the first input byte |
//! | inside, [`Annotated::is_inside`] | those of a message that was put together or deciphered | the message's first byte |
//! | note, [`Annotated::is_note`] | none: what is wrong, what a frame is, problems at the end | as the bytes it is about |
//!
//! Reads nothing by itself: frames, assembly and telegrams are those of [`crate::meters::stream`].

mod apdu;
mod link;
mod names;
mod rows;

pub use rows::text;

use crate::meters::{Decoded, Profile, stream::Stream};
use crate::reading::Instant;
use crate::wire::assemble::{Assembly, Outcome, Protection};
use crate::wire::{apdu::DATA_NOTIFICATION, assemble, cipher, cipher::Keys, llc};
use link::Link;
pub use names::key as title;
use rows::Out;

/// Begins the meaning of a row inside a message that does not stand in the input as it is.
pub const INSIDE: &str = "inside: ";

/// Some bytes and what they mean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Annotated {
    /// Where they stand; see the module's table for what it counts from.
    pub offset: usize,
    /// The bytes. None for a note.
    pub bytes: Vec<u8>,
    /// What they are.
    pub meaning: String,
    /// What they say; empty where the meaning is all.
    pub value: String,
}

impl Annotated {
    /// Bytes of a message that was put together from parts or deciphered, not of the input.
    pub fn is_inside(&self) -> bool {
        self.meaning.starts_with(INSIDE)
    }

    /// A remark without bytes.
    pub fn is_note(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Explains bytes of a line, or one APDU without a link layer (with or without LLC).
///
/// `keys` of a meter that ciphers; `profile` as told by the user, else found by the decoder. The bytes count as
/// complete: an unfinished frame at the end is over.
pub fn explain(bytes: &[u8], keys: Keys, profile: Option<&'static Profile>) -> Vec<Annotated> {
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    let mut link = Link::new(profile);
    let mut frames = 0;
    let mut stream = Stream::new(profile, keys);
    let mut each = |entry: &crate::meters::stream::Entry<'_>| {
        frames += usize::from(link.entry(entry, &mut rows, &mut problems));
    };
    stream.push(bytes, Instant(0), &mut each);
    stream.finish(&mut each);
    if frames == 0 && is_apdu(bytes) {
        return raw(bytes, keys, profile);
    }
    rows.append(&mut problems);
    rows
}

/// Begins like an APDU that meters push.
fn is_apdu(bytes: &[u8]) -> bool {
    let apdu = llc::strip(bytes).unwrap_or(bytes);
    matches!(apdu.first(), Some(&(DATA_NOTIFICATION | cipher::TAG | assemble::BLOCK_TAG)))
}

/// One APDU that somebody cut out of its link layer.
fn raw(bytes: &[u8], keys: Keys, profile: Option<&'static Profile>) -> Vec<Annotated> {
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    let mut stream = Stream::new(profile, keys);
    let (assembly, decoded) = stream.raw(bytes);
    let what = format!("APDU without link layer, {} bytes{}", bytes.len(), telegram(decoded.as_ref()));
    rows.push(rows::note(0, what, ""));
    let mut out = Out::new(&mut rows, bytes, 0);
    apdu::llc(&mut out);
    let start = out.at;
    apdu::whole(&mut out, &assembly, decoded.as_ref());
    put_inside(&mut rows, &bytes[start..], &assembly, decoded.as_ref());
    put_problems(&mut problems, start, &bytes[start..], &assembly, decoded.as_ref());
    rows.append(&mut problems);
    rows
}

/// `: list 2, family aidon, profile aidon-6525`.
fn telegram(decoded: Option<&Decoded<'_>>) -> String {
    let Some(decoded) = decoded.filter(|decoded| decoded.telegram.is_some()) else { return String::new() };
    let profile = decoded.profile.map_or("no profile has this layout".into(), |profile| {
        format!("profile {} ({})", profile.name, profile.evidence.word())
    });
    format!(": list {}, family {}, {profile}", decoded.list.word(), decoded.family.word())
}

/// Further rows for the APDU that came of an item, where it does not stand in the item as it is.
fn put_inside(
    rows: &mut Vec<Annotated>,
    payload: &[u8],
    assembly: &Assembly<'_>,
    decoded: Option<&Decoded<'_>>,
) {
    let Outcome::Apdu { bytes, protection } = assembly.outcome else { return };
    if bytes == payload {
        return;
    }
    let how = match protection {
        Protection::Plain => "put together from its parts",
        Protection::Verified => "deciphered, proven by its tag",
        Protection::Unverified => "deciphered; nothing proves it (no tag, or no authentication key)",
    };
    rows.push(rows::note(0, format!("{INSIDE}the message, {} bytes{}", bytes.len(), telegram(decoded)), how));
    let mut out = Out::inside(rows, bytes);
    apdu::plain(&mut out, decoded);
}

/// Notes about all that is wrong with an item that starts at `start` with its APDU.
fn put_problems(
    problems: &mut Vec<Annotated>,
    start: usize,
    payload: &[u8],
    assembly: &Assembly<'_>,
    decoded: Option<&Decoded<'_>>,
) {
    if let Some(problem) = assembly.gave_up {
        let value = format!("an unfinished message was given up: {}", problem.kind);
        problems.push(rows::note(start + problem.offset, "problem", value));
    }
    let in_place = match assembly.outcome {
        Outcome::Refused { problem, .. } => {
            problems.push(rows::note(start + problem.offset, "problem", problem.kind.to_string()));
            return;
        }
        Outcome::Apdu { bytes, .. } => bytes == payload,
        // A P1 telegram: offsets count from its slash.
        Outcome::Pending | Outcome::Nothing => true,
    };
    for problem in decoded.map_or(&[][..], |decoded| &decoded.problems) {
        let (offset, meaning) = match in_place {
            true => (start + problem.offset, "problem".to_string()),
            false => (problem.offset, format!("{INSIDE}problem")),
        };
        problems.push(rows::note(offset, meaning, problem.kind.to_string()));
    }
}
