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

use crate::meters::{Decoded, Evidence, Profile, stream::Stream};
use crate::reading::Instant;
use crate::wire::assemble::{Assembled, Assembly, Protection};
use crate::wire::{assemble, cipher::Keys, llc};
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
    if frames == 0 && assemble::is_apdu(llc::strip(bytes).unwrap_or(bytes)) {
        return raw(bytes, keys, profile);
    }
    rows.append(&mut problems);
    rows
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
    let profile = match decoded.profile {
        None => "no profile has this layout".into(),
        Some(profile) if profile.evidence == Evidence::Inferred => {
            format!("profile {}, inferred", profile.name)
        }
        Some(profile) => format!("profile {}", profile.name),
    };
    format!(": list {}, family {}, {profile}", decoded.list.word(), decoded.family.word())
}

/// Further rows for the APDU that came of an item, where it does not stand in the item as it is.
fn put_inside(
    rows: &mut Vec<Annotated>,
    payload: &[u8],
    assembly: &Assembly<'_>,
    decoded: Option<&Decoded<'_>>,
) {
    let Assembled::Apdu { bytes, protection } = assembly.outcome else { return };
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

/// Notes about what is absent from or wrong with the telegram of an item, whose payload stands at `start`.
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
        Assembled::Refused { problem, .. } => {
            problems.push(rows::note(start + problem.offset, "problem", problem.kind.to_string()));
            return;
        }
        Assembled::Apdu { bytes, .. } => bytes == payload,
        // A P1 telegram: offsets count from its slash.
        Assembled::Pending | Assembled::Nothing => true,
    };
    let absent: Vec<_> = decoded.into_iter().flat_map(|decoded| decoded.absent()).map(names::key).collect();
    if !absent.is_empty() {
        problems.push(rows::note(start, "absent, other meters of the family send it", absent.join(", ")));
    }
    for problem in decoded.map_or(&[][..], |decoded| &decoded.problems) {
        let (offset, meaning) = match in_place {
            true => (start + problem.offset, "problem".to_string()),
            false => (problem.offset, format!("{INSIDE}problem")),
        };
        problems.push(rows::note(offset, meaning, problem.kind.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{blocks, cipher, hdlc, mbus, p1};
    use quickcheck::QuickCheck;

    const KEYS: Keys = Keys { encryption: Some([7; 16]), authentication: Some([9; 16]) };

    /// Aidon list 1 without LLC, 1234 W.
    fn list1() -> Vec<u8> {
        let hex = "0f40000000000101020309060100010700ff06000004d202020f00161b";
        crate::hex::bytes(hex).expect("hex")
    }

    fn frame(segmented: bool, information: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        hdlc::encode(&mut out, &[0x41], &[0x08, 0x83], 0x13, segmented, information);
        out
    }

    fn with_llc(apdu: &[u8]) -> Vec<u8> {
        [&llc::LLC[..], apdu].concat()
    }

    /// One of everything that a line carries.
    fn pieces() -> Vec<Vec<u8>> {
        let apdu = list1();
        let mut ciphered = Vec::new();
        cipher::encode(&mut ciphered, &KEYS, b"KAME\0\0\0\x01", 0x30, 1, &apdu);
        let (mut whole, mut segments, mut text) = (Vec::new(), Vec::new(), Vec::new());
        mbus::encode(&mut whole, 200, &ciphered);
        mbus::encode(&mut segments, 20, &ciphered);
        p1::encode(
            &mut text,
            "KAM5",
            &["0-0:1.0.0(240514192005W)", "1-0:1.7.0(00.498*kW)", "1-0:4:24.7.0(1)"],
        );
        let blocks = blocks::encode(12, &apdu);
        let mut all = vec![
            frame(false, &with_llc(&apdu)),
            frame(false, &with_llc(&ciphered)),
            frame(true, &with_llc(&apdu[..11])),
            frame(false, &apdu[11..]),
            frame(false, &[]),
            whole,
            segments,
            text,
            vec![0x7E, 0xA7, 0xFF],
        ];
        all.extend(blocks.iter().map(|block| frame(false, &with_llc(block))));
        all
    }

    /// The rows of any profile and keys give the bytes back.
    fn tiles(bytes: &[u8]) -> bool {
        let nuri = crate::meters::by_name("nuri-ma304t4");
        [(None, Keys::default()), (None, KEYS), (nuri, KEYS)].into_iter().all(|(profile, keys)| {
            let rows = explain(bytes, keys, profile);
            let mut at = 0;
            let input = rows.iter().filter(|row| !row.is_inside() && !row.is_note());
            let in_order = input.clone().all(|row| {
                let in_order = row.offset == at;
                at += row.bytes.len();
                in_order
            });
            assert!(text(&rows).lines().all(|line| line == line.trim_end()));
            in_order && input.flat_map(|row| row.bytes.clone()).eq(bytes.iter().copied())
        })
    }

    #[test]
    fn rows_tile_any_bytes() {
        fn law(bytes: Vec<u8>) -> bool {
            let apdus = [0x0F, cipher::TAG, blocks::TAG].map(|tag| [&[tag], &bytes[..]].concat());
            tiles(&bytes) && apdus.iter().all(|apdu| tiles(apdu) && tiles(&with_llc(apdu)))
        }
        QuickCheck::new().tests(1000).quickcheck(law as fn(Vec<u8>) -> bool);
    }

    #[test]
    fn rows_tile_any_body_of_a_good_frame() {
        fn law(tag: u8, count: u8, body: Vec<u8>) -> bool {
            let head = [0x0F, 0x40, 0, 0, 0, 0, 1 + tag % 2, count];
            let notification = frame(false, &with_llc(&[&head[..], &body].concat()));
            let other = frame(
                tag & 4 != 0,
                &with_llc(&[&[[0x0F, 0xDB, 0xE0][usize::from(tag % 3)]], &body[..]].concat()),
            );
            tiles(&notification) && tiles(&other) && tiles(&[other, notification].concat())
        }
        QuickCheck::new().tests(1000).quickcheck(law as fn(u8, u8, Vec<u8>) -> bool);
    }

    #[test]
    fn rows_tile_any_damaged_line() {
        fn law(picks: Vec<(u8, u8, u8)>) -> bool {
            let pieces = pieces();
            let mut stream = Vec::new();
            for (pick, at, how) in picks {
                let mut piece = pieces[usize::from(pick) % pieces.len()].clone();
                let at = usize::from(at) % piece.len();
                match how % 5 {
                    0 => piece[at] ^= how | 1,
                    1 => piece.truncate(at),
                    2 => drop(piece.remove(at)),
                    _ => {}
                }
                stream.extend(piece);
            }
            tiles(&stream)
        }
        QuickCheck::new().tests(1000).quickcheck(law as fn(Vec<(u8, u8, u8)>) -> bool);
    }

    fn value(rows: &[Annotated], meaning: &str) -> String {
        let row = rows.iter().find(|row| row.meaning.contains(meaning));
        row.unwrap_or_else(|| panic!("no row {meaning:?} in\n{}", text(rows))).value.clone()
    }

    #[test]
    fn a_register_shows_raw_scale_and_result() {
        let rows = explain(&frame(false, &with_llc(&list1())), Keys::default(), None);
        assert_eq!(value(&rows, "1-0:1.7.0.255 active power import"), "u32 1234 · 10^0 W = 1234 W");
    }

    #[test]
    fn what_is_wrong_stands_first_with_the_right_check() {
        let mut bytes = frame(false, &with_llc(&list1()));
        let fcs = bytes.len() - 3;
        let right = crate::hex::text(&bytes[fcs..fcs + 1]);
        bytes[fcs] ^= 1;
        let rows = explain(&bytes, Keys::default(), None);
        assert!(
            rows[0].is_note() && rows[0].value.contains("frame check sequence is wrong"),
            "{:?}",
            rows[0]
        );
        assert!(value(&rows, "FCS").starts_with(&format!("wrong, should be {right}")));
    }

    #[test]
    fn rows_of_a_deciphered_message_are_marked() {
        let mut ciphered = Vec::new();
        cipher::encode(&mut ciphered, &KEYS, b"KAME\0\0\0\x01", 0x30, 1, &list1());
        let bytes = frame(false, &with_llc(&ciphered));
        let rows = explain(&bytes, KEYS, None);
        let inside: Vec<u8> =
            rows.iter().filter(|row| row.is_inside()).flat_map(|row| row.bytes.clone()).collect();
        assert_eq!(inside, list1());
        assert_eq!(value(&rows, "inside: 1-0:1.7.0.255"), "u32 1234 · 10^0 W = 1234 W");
        assert!(!explain(&bytes, Keys::default(), None).iter().any(Annotated::is_inside));
    }

    #[test]
    fn bytes_without_a_link_layer_are_read_as_an_apdu() {
        for bytes in [list1(), with_llc(&list1())] {
            let rows = explain(&bytes, Keys::default(), None);
            assert_eq!(value(&rows, "1-0:1.7.0.255"), "u32 1234 · 10^0 W = 1234 W");
        }
        let junk = explain(&[0x55; 20], Keys::default(), None);
        assert_eq!((junk.len(), junk[1].meaning.as_str()), (2, "junk"));
    }

    #[test]
    fn hex_is_wrapped_and_notes_have_none() {
        let rows = [
            rows::note(3, "problem", "something"),
            Annotated { offset: 3, bytes: vec![0xAB; 17], meaning: "some bytes".into(), value: "17".into() },
        ];
        let ab = ["ab"; 16].join(" ");
        assert_eq!(
            text(&rows),
            format!("# 3 problem: something\n     3  {ab}  some bytes  17\n        ab\n")
        );
    }
}
