//! P1/DSMR text telegrams (DSMR 5.0.2, IEC 62056-21): where one ends, its check, its lines, an encoder.
//!
//! ```text
//! /KAM5⏎ ⏎ 1-0:1.7.0(00.498*kW)⏎ … !7DD1⏎
//! ```
//!
//! The CRC covers `/` to `!`. Meters without one exist (Iskra in Slovenia), and bare line feeds as line ends.
//! A line that is no register costs that line and nothing else (field bug D10). Refuses telegrams that hold a
//! byte which is no text, or that are longer than [`LENGTH_MAX`]: both mean that no telegram started here.

use alloc::vec::Vec;

use memchr::memchr_iter;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::u8 as number;
use nom::combinator::opt;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::crc;
use crate::reading::Obis;

/// First byte of a telegram.
pub const START: u8 = b'/';
/// Longest telegram that is waited for; the longest seen has 700 bytes, the 13-month table of field bug U13 more.
pub const LENGTH_MAX: usize = 8192;
/// `!`, four digits, CR, LF: what may follow the longest telegram.
pub(crate) const END_MAX: usize = 7;

/// One telegram as the link layer sees it, good or bad. Bytes are as sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// From `/` to the end of the last line.
    pub text: &'a str,
    /// Whether the CRC fits; `None` where the meter sends none.
    pub crc_ok: Option<bool>,
}

impl<'a> Frame<'a> {
    pub(crate) fn accepted(bytes: &'a [u8], crc_ok: Option<bool>) -> Frame<'a> {
        Frame { text: core::str::from_utf8(bytes).unwrap_or(""), crc_ok }
    }

    /// Nothing says that the telegram is damaged: only such a one may be read.
    pub fn is_good(&self) -> bool {
        self.crc_ok != Some(false)
    }

    /// The first line without `/`: maker, baud digit, name (`LGF5E360`).
    pub fn ident(&self) -> &'a str {
        self.text.lines().next().unwrap_or("").trim_start_matches('/')
    }

    /// The lines between the ident and `!`, blank ones left out.
    pub fn lines(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        let text = self.text;
        text.split('\n')
            .scan(0, |next, line| {
                let offset = *next;
                *next += line.len() + 1;
                Some((offset, line.trim_end_matches('\r')))
            })
            .skip(1)
            .take_while(|(_, line)| !line.starts_with('!'))
            .filter(|(_, line)| !line.is_empty())
            .map(|(offset, text)| Line { offset, text, register: register(text) })
    }
}

/// One line of a telegram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// Where it starts, from the `/` of the telegram.
    pub offset: usize,
    /// The line without its end.
    pub text: &'a str,
    /// What it says; `None` for a line that is not made like a register.
    pub register: Option<Register<'a>>,
}

/// A register code and what stands behind it in parentheses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Register<'a> {
    /// The address; group F is 255 where the line has none.
    pub obis: Obis,
    values: &'a str,
}

impl<'a> Register<'a> {
    /// The values in the order sent; most registers have one.
    pub fn values(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut rest = self.values;
        core::iter::from_fn(move || {
            let (behind, value) = value(rest).ok()?;
            rest = behind;
            Some(value)
        })
    }
}

/// What stands in one pair of parentheses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value<'a> {
    /// Up to the asterisk: `00.498`.
    pub text: &'a str,
    /// Behind the asterisk: `kW`; empty where there is none.
    pub unit: &'a str,
}

/// `obis value value …` and nothing behind it.
fn register(line: &str) -> Option<Register<'_>> {
    let (values, obis) = obis(line).ok()?;
    let (mut rest, _) = value(values).ok()?;
    while !rest.is_empty() {
        (rest, _) = value(rest).ok()?;
    }
    Some(Register { obis, values })
}

/// `A-B:C.D.E` with an optional `*F`.
fn obis(input: &str) -> IResult<&str, Obis> {
    let (rest, a) = number(input)?;
    let (rest, b) = preceded(tag("-"), number).parse(rest)?;
    let (rest, c) = preceded(tag(":"), number).parse(rest)?;
    let (rest, d) = preceded(tag("."), number).parse(rest)?;
    let (rest, e) = preceded(tag("."), number).parse(rest)?;
    let (rest, f) = opt(preceded(tag("*"), number)).parse(rest)?;
    Ok((rest, Obis([a, b, c, d, e, f.unwrap_or(255)])))
}

/// `(text)` or `(text*unit)`.
fn value(input: &str) -> IResult<&str, Value<'_>> {
    let inside = take_while(|char| char != '(' && char != ')');
    let (rest, inside) = delimited(tag("("), inside, tag(")")).parse(input)?;
    let (text, unit) = inside.split_once('*').unwrap_or((inside, ""));
    Ok((rest, Value { text, unit }))
}

/// What the bytes from a `/` on are, as far as its first bytes tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Probe {
    /// No telegram.
    No,
    /// The first bytes are not all there.
    NotYet,
    /// Slash and three letters or digits.
    Start,
}

/// Tests the first four bytes; `bytes` starts with the slash.
pub(crate) fn probe(bytes: &[u8]) -> Probe {
    let maker = &bytes[1..bytes.len().min(4)];
    if !maker.iter().all(u8::is_ascii_alphanumeric) {
        Probe::No
    } else if maker.len() < 3 {
        Probe::NotYet
    } else {
        Probe::Start
    }
}

/// How far a telegram goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extent {
    /// A byte that is no text, or no end within [`LENGTH_MAX`], or another telegram starts inside it.
    Broken,
    /// The end is not there; all bytes up to here are text without an end.
    NotYet,
    /// So many bytes, and what the CRC says.
    Whole(usize, Option<bool>),
}

/// Looks for the end of the telegram that starts `bytes`, of which the first `scanned` hold no end.
///
/// `sealed` says that silence follows the bytes.
pub(crate) fn extent(bytes: &[u8], scanned: usize, sealed: bool) -> Extent {
    let limit = bytes.len().min(LENGTH_MAX);
    let from = scanned.clamp(1, limit);
    // The end is a `!` that starts a line; one inside a value is text.
    let end = memchr_iter(b'!', &bytes[from..limit]).map(|at| from + at).find(|&at| bytes[at - 1] == b'\n');
    if !bytes[from..end.unwrap_or(limit)].iter().all(|&byte| is_text(byte)) {
        return Extent::Broken;
    }
    let Some(end) = end else {
        return if sealed || limit == LENGTH_MAX { Extent::Broken } else { Extent::NotYet };
    };
    let Some((behind, digits)) = end_of_telegram(&bytes[end + 1..], sealed) else {
        return Extent::NotYet;
    };
    let crc_ok = match digits {
        Digits::None => None,
        Digits::Crc(sent) => Some(crc::arc(&bytes[..=end]) == sent),
        Digits::Other => Some(false),
    };
    if crc_ok != Some(true) && restarts(&bytes[..end]) {
        return Extent::Broken;
    }
    Extent::Whole(end + 1 + behind, crc_ok)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Digits {
    None,
    Crc(u16),
    Other,
}

/// What stands behind `!`: nothing or four hex digits, then CR LF, CR or LF. Gives its length.
///
/// `None` while bytes that decide are missing.
fn end_of_telegram(bytes: &[u8], sealed: bool) -> Option<(usize, Digits)> {
    let count = bytes.iter().take(4).take_while(|byte| byte.is_ascii_hexdigit()).count();
    if count == bytes.len() && count < 4 && !sealed {
        return None;
    }
    let digits = match (count, bytes.get(count)) {
        (4, _) => Digits::Crc(hex(&bytes[..4])),
        (0, None | Some(b'\r' | b'\n')) => Digits::None,
        _ => return Some((count, Digits::Other)),
    };
    let line_end = match (bytes.get(count), bytes.get(count + 1)) {
        (Some(b'\r'), Some(b'\n')) => 2,
        (Some(b'\r'), None) | (None, _) if !sealed => return None,
        (Some(b'\r' | b'\n'), _) => 1,
        _ => 0,
    };
    Some((count + line_end, digits))
}

fn hex(digits: &[u8]) -> u16 {
    let digit = |&byte: &u8| (byte as char).to_digit(16).unwrap_or(0) as u16;
    digits.iter().fold(0, |value, byte| value << 4 | digit(byte))
}

/// Another telegram starts behind the first byte: this one lost its end.
///
/// Asked only where no CRC proves the telegram whole. A first line holds no parentheses, so that a slash in
/// a value is no start.
fn restarts(bytes: &[u8]) -> bool {
    bytes[1..].split(|&byte| byte == b'\n').any(|line| {
        let values_end = line.iter().rposition(|byte| matches!(byte, b'(' | b')')).map_or(0, |last| last + 1);
        let rest = &line[values_end..];
        memchr_iter(START, rest).any(|at| probe(&rest[at..]) == Probe::Start)
    })
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')
}

/// Writes a telegram with its CRC. `ident` is the first line without `/`, `lines` those behind the blank one.
///
/// Panics when the ident does not start with three letters or digits, or when a text is not printable ASCII.
pub fn encode(out: &mut Vec<u8>, ident: &str, lines: &[&str]) {
    let printable = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    assert!(
        ident.len() >= 3 && ident.bytes().take(3).all(|byte| byte.is_ascii_alphanumeric()),
        "P1 ident {ident:?} must start with three letters or digits"
    );
    let start = out.len();
    out.push(START);
    out.extend_from_slice(ident.as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    for line in lines.iter().chain([&ident]) {
        assert!(printable(line), "P1 line {line:?} is not printable ASCII");
    }
    for line in lines {
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.push(b'!');
    let check = crc::arc(&out[start..]);
    for shift in [12, 8, 4, 0] {
        out.push(b"0123456789ABCDEF"[usize::from(check >> shift & 0xF)]);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn encoded() -> String {
        let mut out = Vec::new();
        let lines =
            ["1-0:1.7.0(00.498*kW)", "1-0:4:24.7.0(1)", "0-1:24.2.1*1(210101)(1.5*m3)", "0-0:96.13.0()"];
        encode(&mut out, "KAM5", &lines);
        String::from_utf8(out).expect("P1 telegrams are ASCII")
    }

    #[test]
    fn lines_are_registers_and_a_malformed_one_costs_itself_only() {
        let text = encoded();
        let frame = Frame::accepted(text.as_bytes(), Some(true));
        assert_eq!(frame.ident(), "KAM5");
        let lines: Vec<_> = frame.lines().collect();
        assert_eq!(lines.len(), 4);
        for line in &lines {
            assert_eq!(&text[line.offset..line.offset + line.text.len()], line.text);
        }
        let power = lines[0].register.expect("a register with a number");
        assert_eq!(power.obis, Obis([1, 0, 1, 7, 0, 255]));
        assert_eq!(power.values().collect::<Vec<_>>(), [Value { text: "00.498", unit: "kW" }]);
        assert_eq!(lines[1].register, None);
        let gas = lines[2].register.expect("a register with two values");
        assert_eq!(gas.obis, Obis([0, 1, 24, 2, 1, 1]));
        let values: Vec<_> = gas.values().collect();
        assert_eq!(values, [Value { text: "210101", unit: "" }, Value { text: "1.5", unit: "m3" }]);
        let empty = lines[3].register.expect("a register with an empty value");
        assert_eq!(empty.values().next(), Some(Value { text: "", unit: "" }));
    }

    #[test]
    fn lines_that_are_no_registers_are_none() {
        for line in [
            "",
            "1-0:1.7.0",
            "1-0:1.7(1)",
            "256-0:1.7.0(1)",
            "1-0:1.7.0(1",
            "1-0:1.7.0(1)x",
            "(1)",
            "1-0:1.7.0((1))",
        ] {
            assert_eq!(register(line), None, "{line}");
        }
    }

    #[test]
    fn crc_decides_and_its_absence_is_no_error() {
        let text = encoded();
        let whole = text.len();
        assert_eq!(extent(text.as_bytes(), 0, false), Extent::Whole(whole, Some(true)));
        let altered = text.replace("00.498", "00.499");
        assert_eq!(extent(altered.as_bytes(), 0, false), Extent::Whole(whole, Some(false)));
        let end = text.find('!').expect("the end of the telegram");
        for (tail, length, crc_ok) in
            [("!\r\n", 3, None), ("!\n", 2, None), ("!12\r\n", 3, Some(false)), ("!x", 1, Some(false))]
        {
            let text = [&text[..end], tail].concat();
            assert_eq!(extent(text.as_bytes(), 0, false), Extent::Whole(end + length, crc_ok), "{tail:?}");
        }
    }

    #[test]
    fn bare_line_feeds_end_lines_too() {
        let text = "/ISK5x\n\n1-0:1.7.0(1*kW)\n!\n";
        assert_eq!(extent(text.as_bytes(), 0, false), Extent::Whole(text.len(), None));
        let frame = Frame::accepted(text.as_bytes(), None);
        assert_eq!(frame.ident(), "ISK5x");
        assert_eq!(frame.lines().map(|line| line.text).collect::<Vec<_>>(), ["1-0:1.7.0(1*kW)"]);
    }

    #[test]
    fn end_mark_inside_a_value_is_text() {
        let mut out = Vec::new();
        encode(&mut out, "KAM5", &["0-0:96.13.0(a!bcd)"]);
        assert_eq!(extent(&out, 0, false), Extent::Whole(out.len(), Some(true)));
    }

    #[test]
    fn telegram_with_a_foreign_byte_or_without_an_end_is_broken() {
        let mut bytes = encoded().into_bytes();
        bytes[20] = 0xA0;
        assert_eq!(extent(&bytes, 0, false), Extent::Broken);
        let mut endless = b"/KAM5\r\n".to_vec();
        endless.resize(LENGTH_MAX - 1, b'.');
        assert_eq!(extent(&endless, 0, false), Extent::NotYet);
        endless.push(b'.');
        assert_eq!(extent(&endless, 0, false), Extent::Broken);
        assert_eq!(extent(&encoded().as_bytes()[..50], 0, true), Extent::Broken);
    }

    #[test]
    fn telegram_that_lost_its_end_does_not_swallow_the_next() {
        let next = "/ISK5x\r\n\r\n1-0:1.7.0(2*kW)\r\n!\r\n";
        let cut = ["/ISK5x\r\n\r\n1-0:1.7", next].concat();
        assert_eq!(extent(cut.as_bytes(), 0, false), Extent::Broken);
        let slash = "/ISK5x\r\n\r\n0-0:96.13.0(a/bcd)\r\n!\r\n";
        assert_eq!(
            extent(slash.as_bytes(), 0, false),
            Extent::Whole(slash.len(), None),
            "a slash in a value"
        );
    }
}
