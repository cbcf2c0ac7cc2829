//! Finds runs of bytes in one line of text: hex in every layout seen in bug reports, and byte literals.
//!
//! Refuses to judge what a run means; a clock time, a counter or an address can come out as a short run here.

use std::sync::LazyLock;

use regex::Regex;

use super::stamp::{GAP, pattern};

/// How bytes were written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Style {
    /// Words of several bytes: `7ea02a41…`, `7EA02A41 08831304`.
    Grouped,
    /// One byte per word: `7E A0 2A`, `7E:A0:2A`.
    Separated,
    /// `0x7e, 0xa0`.
    Prefixed,
    /// `b'~\xa0*A'`.
    Literal,
    /// Rows with an offset: hexdump -C, xxd.
    Dump,
}

/// Bytes that stand together in one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Run {
    pub(super) bytes: Vec<u8>,
    /// Offsets in `bytes` at which a word begins.
    pub(super) words: Vec<usize>,
    pub(super) style: Style,
    /// The text in front with its digits made alike: lines of one dump share it.
    pub(super) shape: String,
    /// Nothing but punctuation follows on the line.
    pub(super) last: bool,
    /// The offset column of a dump.
    pub(super) offset: Option<u64>,
    /// Exactly six words joined by `:` or `-`: the form of a MAC address.
    pub(super) like_mac: bool,
}

impl Run {
    fn new(bytes: Vec<u8>, style: Style, before: &str, after: &str) -> Self {
        Run {
            bytes,
            words: vec![0],
            style,
            shape: shape(before),
            last: is_punctuation(after),
            offset: None,
            like_mac: false,
        }
    }
}

/// `00000000  7e a0 2a …  |~.*…|`. Without the bar, the offset must open the line and look unlike a byte or a
/// group of four: eight digits and two blanks (hexdump -C), or six and one (od -A x).
static HEXDUMP: LazyLock<Regex> = LazyLock::new(|| {
    let bytes = r"[0-9a-fA-F]{2}(?: {1,2}[0-9a-fA-F]{2}){0,31}";
    pattern(&format!(
        r"^(?:(?P<before>|.*?\W)(?:0x)?(?P<at>[0-9a-fA-F]{{4,8}}):? {{1,3}}(?P<hex>{bytes}) *\|.*|\s*(?P<at2>[0-9a-fA-F]{{8}} |[0-9a-fA-F]{{6}}) (?P<hex2>{bytes}) *)$"
    ))
});
/// `00000000: 7ea0 2a41 …  ~.*A`.
static XXD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(?P<at>[0-9a-fA-F]{4,8}): (?P<hex>(?:[0-9a-fA-F]{2}){1,16}(?: (?:[0-9a-fA-F]{2}){1,16})*)(?:  .*)?\s*$",
    )
});
static COMMENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"/\*.*?\*/|(?:^|[\s,])//.*$"));

/// No number in a log has more digits than 2^64 has.
const NUMBER_MAX: usize = 20;

/// How many digits each word of a line has that would be hex, were not half a byte of it lost. Shorter ones may be
/// any number.
pub(super) fn odd(line: &str) -> impl Iterator<Item = usize> {
    let digits = words(line).into_iter().map(|(start, end)| bare(&line[start..end]));
    let hex = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex.map(str::len).filter(|count| *count > NUMBER_MAX && !count.is_multiple_of(2))
}

/// All runs of one line, left to right. The line has lost its time stamps ([`super::stamp::take`]).
pub(super) fn runs(line: &str) -> Vec<Run> {
    // A dump first: its text column may hold anything, quotes too.
    if let Some(run) = dump(line) {
        return vec![run];
    }
    let literals = literals(line);
    if !literals.is_empty() {
        return literals;
    }
    hex(&COMMENT.replace_all(line, " "))
}

/// A row of a hex dump with an offset column.
fn dump(line: &str) -> Option<Run> {
    let found = XXD.captures(line).or_else(|| HEXDUMP.captures(line))?;
    let either = |names: [&str; 2]| names.iter().find_map(|name| found.name(name)).map(|text| text.as_str());
    let digits: String = either(["hex", "hex2"])?.split_whitespace().collect();
    let before = found.name("before").map_or("", |text| text.as_str());
    let mut run = Run::new(crate::hex::bytes(&digits)?, Style::Dump, before, "");
    run.offset = u64::from_str_radix(either(["at", "at2"])?.trim(), 16).ok();
    Some(run)
}

/// Words of hex digits, joined where only blanks or a separator stand between them.
fn hex(line: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut current: Vec<(usize, usize)> = Vec::new();
    for (start, end) in words(line) {
        let digits = &line[start..end];
        if !is_hex_word(digits) {
            finish(line, &mut current, &mut runs);
            continue;
        }
        if current.last().is_some_and(|&(_, last)| !joins(&line[last..start])) {
            finish(line, &mut current, &mut runs);
        }
        current.push((start, end));
    }
    finish(line, &mut current, &mut runs);
    runs
}

/// Start and end of every word of letters, digits and underscores.
fn words(line: &str) -> Vec<(usize, usize)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in line.char_indices() {
        match (is_word(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|from| (from, line.len())));
    words
}

fn bare(word: &str) -> &str {
    word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word)
}

fn is_hex_word(word: &str) -> bool {
    let digits = bare(word);
    !digits.is_empty()
        && digits.len().is_multiple_of(2)
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether text between two words leaves them in one run.
fn joins(between: &str) -> bool {
    matches!(between.trim_matches([' ', '\t']), "" | "," | ";" | ":" | "-" | ".") && between.len() <= 8
}

fn finish(line: &str, current: &mut Vec<(usize, usize)>, runs: &mut Vec<Run>) {
    let (Some(&(start, first_end)), Some(&(_, end))) = (current.first(), current.last()) else {
        return;
    };
    let mut bytes = Vec::new();
    let mut offsets = Vec::new();
    for &(from, to) in current.iter() {
        offsets.push(bytes.len());
        bytes.extend(crate::hex::bytes(bare(&line[from..to])).unwrap_or_default());
    }
    let single = offsets.len() == bytes.len();
    let style = match (line[start..first_end].len() != bare(&line[start..first_end]).len(), single) {
        (true, _) => Style::Prefixed,
        (false, true) => Style::Separated,
        (false, false) => Style::Grouped,
    };
    let mut run = Run::new(bytes, style, &line[..start], &line[end..]);
    let joint = current.get(1).map_or("", |&(second, _)| &line[first_end..second]);
    run.like_mac = single && run.bytes.len() == 6 && matches!(joint, ":" | "-");
    run.words = offsets;
    runs.push(run);
    current.clear();
}

fn is_punctuation(text: &str) -> bool {
    !text.chars().any(char::is_alphanumeric)
}

/// Text in front of a run with digits, blanks and time stamps made alike; empty where it says nothing.
fn shape(before: &str) -> String {
    let mut shape = String::new();
    for c in before.chars().filter(|&c| c != GAP) {
        let c = match c {
            '0'..='9' => '#',
            _ if c.is_whitespace() => ' ',
            _ => c,
        };
        if !(matches!(c, '#' | ' ') && shape.ends_with(c)) {
            shape.push(c);
        }
    }
    if is_punctuation(&shape) && !shape.contains('#') { String::new() } else { shape }
}

/// Python and C byte literals: `b'…'` always, other quotes where they hold a `\x` escape, and bare `\x7e\xa0`.
fn literals(line: &str) -> Vec<Run> {
    if !line.contains(['\\', '\'', '"']) {
        return Vec::new();
    }
    let chars: Vec<char> = line.chars().collect();
    let mut runs = Vec::new();
    let mut at = 0;
    let mut before = 0;
    while at < chars.len() {
        let prefixed = at > before
            && matches!(chars[at - 1], 'b' | 'B')
            && !at.checked_sub(2).is_some_and(|i| chars[i].is_ascii_alphanumeric());
        let bare = chars[at] == '\\' && chars.get(at + 1) == Some(&'x');
        let quote = matches!(chars[at], '\'' | '"').then_some(chars[at]);
        let Some(literal) =
            (quote.is_some() || bare).then(|| literal(&chars, at + usize::from(!bare), quote))
        else {
            at += 1;
            continue;
        };
        if !(prefixed || bare || literal.escaped) {
            at += 1;
            continue;
        }
        let text = |range: std::ops::Range<usize>| chars[range].iter().collect::<String>();
        let front = text(before..at - usize::from(prefixed));
        let bytes = hex_in(&literal.bytes).unwrap_or(literal.bytes);
        runs.push(Run::new(bytes, Style::Literal, &front, &text(literal.end..chars.len())));
        before = literal.end;
        at = literal.end.max(at + 1);
    }
    runs
}

struct Literal {
    bytes: Vec<u8>,
    /// Holds at least one `\x` escape.
    escaped: bool,
    /// Index behind the closing quote.
    end: usize,
}

/// Reads from `at` to the closing quote, or to the end of the line where there is none.
fn literal(chars: &[char], mut at: usize, quote: Option<char>) -> Literal {
    let mut literal = Literal { bytes: Vec::new(), escaped: false, end: chars.len() };
    while let Some(&c) = chars.get(at) {
        if Some(c) == quote {
            literal.end = at + 1;
            return literal;
        }
        if quote.is_none() && matches!(c, '\'' | '"' | ' ' | '\t') {
            literal.end = at;
            return literal;
        }
        if c != '\\' {
            // The text was read byte by byte, so that every character is one byte.
            literal.bytes.push(u8::try_from(u32::from(c)).unwrap_or(b'?'));
            at += 1;
            continue;
        }
        let digits: String = chars.iter().skip(at + 2).take(2).collect();
        let hex = (chars.get(at + 1) == Some(&'x')).then(|| u8::from_str_radix(&digits, 16).ok()).flatten();
        if let Some(byte) = hex.filter(|_| digits.len() == 2) {
            literal.escaped = true;
            literal.bytes.push(byte);
            at += 4;
            continue;
        }
        let byte = chars.get(at + 1).and_then(|&c| escape(c));
        literal.bytes.push(byte.unwrap_or(b'\\'));
        at += if byte.is_some() { 2 } else { 1 };
    }
    literal
}

fn escape(c: char) -> Option<u8> {
    Some(match c {
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        '0' => 0,
        'a' => 7,
        'b' => 8,
        'v' => 11,
        'f' => 12,
        '\\' | '\'' | '"' => u8::try_from(c).ok()?,
        _ => return None,
    })
}

/// A literal may itself hold hex text (field bug L10: one reader sends hex text where another sends bytes).
fn hex_in(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    if text.len() < 16 {
        return None;
    }
    crate::hex::bytes(text)
}
