//! P1 telegrams that stand in a log as text.

use super::blocks::{Block, Piece};
use super::lines::Style;
use super::stamp::{self, GAP, Stamp};
use super::walk::{self, Check, Link};
use super::{Note, Notes};

/// More lines than any P1 telegram has.
const LINES_MAX: usize = 400;

/// The telegram that begins with the first of `lines`, and how many lines it takes.
///
/// P1 ends its lines with CR LF, which pasting loses; they are put back where the CRC does not vouch for what
/// stands there.
pub(super) fn telegram(
    lines: &[&str],
    number: usize,
    stamp: Option<Stamp>,
    notes: &mut Notes,
) -> Option<(Block, usize)> {
    let (_, first) = stamp::take(lines.first()?);
    let at = first.find('/')?;
    let (prefix, ident) = first.split_at(at);
    let is_ident = walk::is_p1_ident(ident.as_bytes())
        && prefix.chars().all(|c| c.is_whitespace() || c == GAP || "()[]<>|VDIWE\"'".contains(c));
    if !is_ident {
        return None;
    }
    let mut body = vec![ident.trim_end().to_string()];
    let mut ended = false;
    for line in lines.iter().skip(1).take(LINES_MAX) {
        let (_, line) = stamp::take(line);
        let line = line.strip_prefix(prefix).unwrap_or(&line).trim_end().to_string();
        let foreign = !line.is_empty() && !line.starts_with(['(', '!']) && !is_object(&line);
        if foreign {
            break;
        }
        ended = line.starts_with('!');
        body.push(line);
        if ended {
            break;
        }
    }
    if body.len() < 3 {
        return None;
    }
    if !ended {
        notes.push(Note {
            line: number,
            text: "this P1 telegram has no line with `!`: its end is missing".into(),
        });
    }
    let bytes = whole(&body, number, notes);
    let piece = Piece { at: 0, line: number, stamp, style: Style::Literal };
    Some((Block { bytes, pieces: vec![piece], label: Some(Link::P1), odd: None }, body.len()))
}

/// `1-0:1.8.0(…)`.
fn is_object(line: &str) -> bool {
    line.split_once('(').is_some_and(|(obis, _)| {
        obis.contains('.') && obis.bytes().all(|byte| byte.is_ascii_digit() || b"-:.*".contains(&byte))
    })
}

/// The lines with the line end that the CRC vouches for, or CR LF.
fn whole(body: &[String], number: usize, notes: &mut Notes) -> Vec<u8> {
    let with = |end: &str| {
        let text: String = body.iter().flat_map(|line| [line.as_str(), end]).collect();
        // One character per byte.
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect::<Vec<u8>>()
    };
    let bare = with("\n");
    if walk::frames(&bare, &[]).last().is_some_and(|frame| frame.check == Check::Intact) {
        notes.push(Note { line: number, text: "this P1 telegram ends its lines with LF alone".into() });
        return bare;
    }
    with("\r\n")
}
