//! Bytes beside their meaning.

use super::{counted, plain, table_head};
use crate::explain::title;
use crate::hex;
use crate::reading::Key;
use crate::report::{Annotated, Explain};
use maud::{Markup, html};

/// Bytes of one telegram that are shown.
const BYTES_MAX: usize = 4096;
/// Rows of one telegram that are shown.
const ROWS_MAX: usize = 400;
/// Bytes of one row.
const ROW_BYTES_MAX: usize = 32;

/// The bytes with their meaning. Rows that name one of `keys` stand in front and the whole telegram can be
/// opened; where no row does, `unfold` shows the whole telegram at once.
pub(super) fn table(bytes: &[u8], explain: Explain<'_>, keys: &[&str], unfold: bool) -> Markup {
    let shown = &bytes[..bytes.len().min(BYTES_MAX)];
    let mut rows = explain(shown);
    if rows.is_empty() {
        rows = unexplained(shown);
    }
    let concerned = |row: &Annotated| keys.iter().any(|key| names(&row.meaning, key));
    let concerned: Vec<bool> = rows.iter().map(concerned).collect();
    let any = concerned.contains(&true);
    let all: Vec<(&Annotated, bool)> = rows.iter().zip(concerned).collect();
    let front: Vec<(&Annotated, bool)> = all.iter().copied().filter(|(_, concerned)| *concerned).collect();
    html! {
        @if any { (listing(&front)) }
        details open[unfold && !any] {
            summary { "All bytes of the telegram" }
            (listing(&all[..all.len().min(ROWS_MAX)]))
            @if all.len() > ROWS_MAX { p.note { (counted(all.len() - ROWS_MAX, "more row")) " left out." } }
            @if bytes.len() > BYTES_MAX {
                p.note { (counted(bytes.len() - BYTES_MAX, "more byte")) " left out; the evidence file has them." }
            }
        }
    }
}

/// Whether a row is about `key`: its meaning ends with the key's title, or with a text key's own words.
fn names(meaning: &str, key: &str) -> bool {
    let words = Key::from_name(key).map_or_else(|| key.replace('_', " "), |key| title(key).to_string());
    // "reactive energy import" is not about "active energy import".
    meaning.strip_suffix(words.as_str()).is_some_and(|front| front.is_empty() || front.ends_with(' '))
}

fn listing(rows: &[(&Annotated, bool)]) -> Markup {
    html! {
        div.scroll { table.bytes {
            (table_head(&["Offset", "Bytes", "Meaning", "Value"]))
            tbody { @for (row, concerned) in rows {
                tr.hit[*concerned] {
                    td.offset { (row.offset) }
                    td.hex { (hex_groups(&row.bytes)) }
                    td { (plain(&row.meaning)) }
                    td.value { (plain(&row.value)) }
                }
            } }
        } }
    }
}

/// `7e a0 2a`, cut where it is long.
fn hex_groups(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(ROW_BYTES_MAX)];
    let mut text: Vec<String> = shown.iter().map(|byte| hex::text(&[*byte])).collect();
    if bytes.len() > ROW_BYTES_MAX {
        text.push(format!("… {} bytes", bytes.len()));
    }
    text.join(" ")
}

/// Sixteen bytes a row with their printable characters, for bytes that nobody explains.
fn unexplained(bytes: &[u8]) -> Vec<Annotated> {
    let rows = bytes.chunks(16).enumerate();
    rows.map(|(number, chunk)| Annotated {
        offset: number * 16,
        bytes: chunk.to_vec(),
        meaning: chunk
            .iter()
            .map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '.' })
            .collect(),
        value: String::new(),
    })
    .collect()
}
