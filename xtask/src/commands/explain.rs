//! `explain`: every byte and what it means.

use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::ExplainFlags;
use crate::{console, input};
use hanbench_core::explain::{explain, text};
use std::path::Path;

/// Most bytes that are explained.
const LARGEST: usize = 4 * 1024 * 1024;

/// Explains hex from the command line, a file, or standard input.
///
/// The whole input is explained at once: segments, shared flags and list 1 only make sense beside what came
/// before them.
pub fn run(flags: &ExplainFlags) -> Outcome {
    let (profile, keys) = super::decode::meter(&flags.meter)?;
    let path = Path::new(&flags.input);
    let pieces = match input::hex_text(&flags.input) {
        Some(_) if !path.exists() => input::literal(&flags.input)?,
        None if flags.input != "-" && !path.exists() => {
            let text = format!("{:?} is neither an even number of hex digits nor a file", flags.input);
            return Err(Failure::input(text));
        }
        _ => input::open(path)?,
    };
    let mut before = 0;
    let mut show = |bytes: &mut Vec<u8>| {
        if bytes.is_empty() {
            return;
        }
        let mut rows = explain(bytes, keys, profile);
        // Offsets are those of the input, except inside a message that does not stand there.
        rows.iter_mut().filter(|row| !row.is_inside()).for_each(|row| row.offset += before);
        console::out(&format!("{}\n", text(&rows)));
        before += bytes.len();
        bytes.clear();
    };
    let mut stream = Vec::new();
    for piece in pieces {
        let mut piece = piece?;
        if piece.apdu {
            show(&mut stream);
            show(&mut piece.bytes);
        } else {
            stream.extend(piece.bytes);
        }
        if stream.len() > LARGEST {
            let limit = LARGEST / (1024 * 1024);
            return Err(Failure::input(format!(
                "{}: it is larger than {limit} MiB, more than anyone reads byte by byte; use decode, or cut it",
                flags.input
            )));
        }
    }
    show(&mut stream);
    Ok(PASSED)
}
