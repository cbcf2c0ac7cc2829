//! `explain`: every byte and what it means.

use crate::failure::{Outcome, PASSED};
use crate::flags::ExplainFlags;
use crate::{console, input};
use hanbench_core::explain::{explain, text};
use hanbench_core::wire::framer::{Framer, PUSH_MAX};
use std::path::Path;

/// Explains hex from the command line, a file, or standard input.
pub fn run(flags: &ExplainFlags) -> Outcome {
    let (profile, keys) = super::decode::meter(&flags.meter)?;
    let path = Path::new(&flags.input);
    let pieces = match input::hex_text(&flags.input) {
        Some(bytes) if !path.exists() => input::literal(bytes),
        _ => input::open(path)?,
    };
    let mut framer = Framer::new();
    let show = |bytes: &[u8]| console::out(&format!("{}\n", text(&explain(bytes, keys, profile))));
    for piece in pieces {
        let piece = piece?;
        if piece.apdu {
            show(&piece.bytes);
            continue;
        }
        for part in piece.bytes.chunks(PUSH_MAX) {
            framer.push(part, piece.at.unwrap_or_default());
            while let Some(item) = framer.poll() {
                show(item.bytes);
            }
        }
    }
    framer.finish();
    while let Some(item) = framer.poll() {
        show(item.bytes);
    }
    Ok(PASSED)
}
