//! `explain`: every byte and what it means.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::ExplainFlags;
use crate::{console, input};
use hanbench_core::explain::{Annotated, explain, text};
use hanbench_core::meters::Profile;
use hanbench_core::wire::cipher::Keys;
use std::path::Path;

/// Most bytes that are explained.
const LARGEST: usize = 4 * 1024 * 1024;

/// Explains hex from the command line, a file, or standard input.
///
/// A stream is explained at once: segments, shared flags and list 1 only make sense beside what came before them.
/// An APDU without link layer is explained by itself.
pub fn run(flags: &ExplainFlags) -> Outcome {
    let (profile, keys) = super::decode::meter(&flags.meter)?;
    let path = Path::new(&flags.input);
    let pieces = match input::hex_text(&flags.input) {
        Some(_) if !path.exists() => input::literal(&flags.input)?,
        None if flags.input != "-" && !path.exists() => return Err(neither(&flags.input)),
        _ => input::open(path)?,
    };
    explained(pieces, profile, keys, &flags.input, &mut |text| console::out(text))?;
    Ok(PASSED)
}

/// Neither bytes nor a file: says what is wrong with what it was most likely meant to be.
fn neither(input: &str) -> Failure {
    let digits = input.bytes().filter(u8::is_ascii_hexdigit).count();
    let blanks = input.bytes().filter(u8::is_ascii_whitespace).count();
    Failure::input(if digits > 0 && digits + blanks == input.len() {
        format!("{input:?}: an odd number of hex digits ({digits}); every byte has two")
    } else {
        format!("{input}: there is no such file, and it is no hex")
    })
}

/// Explains pieces and hands out text. `name` is what messages call the input.
fn explained(
    pieces: input::Pieces,
    profile: Option<&'static Profile>,
    keys: Keys,
    name: &str,
    out: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let mut before = 0;
    let mut lines: Vec<(usize, usize)> = Vec::new();
    let mut show = |bytes: &mut Vec<u8>, lines: &[(usize, usize)], junk: Option<String>| {
        if bytes.is_empty() {
            return;
        }
        let mut rows = match junk {
            None => explain(bytes, keys, profile),
            Some(why) => {
                vec![note(format!("junk: {why}")), Annotated { bytes: bytes.clone(), ..note("junk".into()) }]
            }
        };
        // Offsets are those of the input, except inside a message that does not stand there.
        for row in rows.iter_mut().filter(|row| !row.is_inside()) {
            row.offset += before;
            let line = lines.partition_point(|&(at, _)| at <= row.offset).checked_sub(1);
            if let Some((_, line)) = line.and_then(|index| lines.get(index)).filter(|_| row.is_note()) {
                row.meaning = format!("line {line}: {}", row.meaning);
            }
        }
        out(&format!("{}\n", text(&rows)));
        before += bytes.len();
        bytes.clear();
    };
    let mut given = 0;
    let mut stream = Vec::new();
    for piece in pieces {
        let mut piece = piece?;
        lines.extend(piece.lines.iter().map(|&(at, line)| (given + at, line)));
        given += piece.bytes.len();
        if piece.apdu || piece.junk.is_some() {
            show(&mut stream, &lines, None);
            show(&mut piece.bytes, &lines, piece.junk);
        } else {
            stream.extend(piece.bytes);
        }
        if stream.len() > LARGEST {
            let limit = LARGEST / (1024 * 1024);
            return Err(Failure::input(format!(
                "{name}: it is larger than {limit} MiB, more than anyone reads byte by byte; use decode, or cut it"
            )));
        }
    }
    show(&mut stream, &lines, None);
    Ok(())
}

fn note(meaning: String) -> Annotated {
    Annotated { offset: 0, bytes: Vec::new(), meaning, value: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_lines_are_those_of_the_input() {
        let apdu = "0f40000000000101020309060100010700ff06000004d202020f00161b";
        let frame = format!("7ea02a410883130413e6e700{apdu}19f27e");
        let pieces = input::literal(&format!("{frame}\n{apdu}\n{frame}\n{frame}")).expect("hex");
        let mut shown = String::new();
        explained(pieces, None, Keys::default(), "test", &mut |text| shown.push_str(text))
            .expect("explained");
        let heads: Vec<&str> = shown.lines().filter(|line| line.contains("list 1, family")).collect();
        let expected = ["# 0 line 1: ", "# 44 line 2: ", "# 73 line 3: ", "# 117 line 4: "];
        assert_eq!(heads.len(), expected.len(), "{shown}");
        for (head, expected) in heads.iter().zip(expected) {
            assert!(head.starts_with(expected), "{head} instead of {expected}");
        }
    }

    #[test]
    fn a_line_that_lost_a_digit_stands_in_its_place() {
        let frame =
            "7ea02a410883130413e6e7000f40000000000101020309060100010700ff06000004d202020f00161b19f27e";
        let pieces = input::literal(&format!("{frame}\n{}\n{frame}", &frame[1..])).expect("hex");
        let mut shown = String::new();
        explained(pieces, None, Keys::default(), "test", &mut |text| shown.push_str(text))
            .expect("explained");
        let expected = "# 44 line 2: junk: an odd number of hex digits (87), the last one left out";
        assert_eq!(shown.lines().filter(|line| line.starts_with(expected)).count(), 1, "{shown}");
        assert_eq!(shown.matches("list 1, family").count(), 2, "{shown}");
    }
}
