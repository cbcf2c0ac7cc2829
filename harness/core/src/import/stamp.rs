//! Time stamps in front of the lines of a log, and taking them out of the way of hex.
//!
//! Refuses to find a time inside hex: a stamp stands alone, between blanks or brackets.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Stands where a stamp was: no hex, no blank, no letter, so that nothing joins across it.
pub(super) const GAP: char = '\u{1}';

/// Microseconds of one day.
pub(super) const DAY_US: i64 = 86_400_000_000;

/// When a line was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    /// Microseconds since 1970-01-01T00:00:00 UTC, or since midnight without a date. A date without an offset
    /// is taken as UTC.
    pub(super) us: i64,
    pub(super) dated: bool,
    /// Whether the log said its offset from UTC.
    pub(super) zoned: bool,
}

static DATE_TIME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?:(?P<y>\d{4})-(?P<mo>\d\d)-(?P<d>\d\d)|(?P<d2>\d{1,2})\.(?P<mo2>\d{1,2})\.(?P<y2>\d{4}))",
        r"(?:[T_]|,?[ \t]+)(?P<h>\d{1,2}):(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?",
        r"(?P<z>Z|[+-]\d\d:?\d\d)?"
    ))
});
static TIME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<h>\d{1,2}):(?P<m>\d\d):(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?"));
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{4}",
        r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2}"
    ))
});
/// Seconds, milliseconds or microseconds since 1970, first on the line.
static EPOCH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^[\s\[(<]*(?P<e>1\d{9}(?:\d{3}){0,2})(?:[.,](?P<f>\d{1,9}))?(?:[\s\])>:,;]|$)")
});
/// A line that is nothing but a compact date, with or without time: `20210614`, `20210614173730`.
static COMPACT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\s*20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[T ]?[0-2]\d[0-5]\d(?:[0-5]\d)?)?\s*$")
});
static ANSI: LazyLock<Regex> = LazyLock::new(|| pattern("\u{1b}\\[[0-9;]*[A-Za-z]"));

/// A pattern of this module.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("patterns in the source are valid")
}

/// Takes the stamps (and terminal colours) out of a line. The first stamp is the time of the line.
pub(super) fn take(line: &str) -> (Option<Stamp>, String) {
    let mut text = ANSI.replace_all(line, "").into_owned();
    if COMPACT.is_match(&text) {
        return (None, GAP.to_string());
    }
    let mut first: Option<(usize, Stamp)> = None;
    if let Some(stamp) = EPOCH.captures(&text).and_then(|found| epoch(&found)) {
        first = Some((0, stamp));
        text = EPOCH.replace(&text, " \u{1} ").into_owned();
    }
    for regex in [&*DATE_TIME, &*TIME, &*DATE] {
        let mut rest = String::with_capacity(text.len());
        let mut copied = 0;
        for found in regex.captures_iter(&text) {
            let Some(whole) = found.get(0) else { continue };
            let stamp = time(&found);
            if !stands_alone(&text, whole.range()) || (found.name("h").is_some() && stamp.is_none()) {
                continue;
            }
            // Behind another stamp and last on the line: three bytes with colons between them, `00:00:00`.
            let second = first.is_some_and(|(at, _)| at < whole.start());
            if second && text[whole.end()..].trim().is_empty() {
                continue;
            }
            if let Some(stamp) = stamp.filter(|_| first.is_none_or(|(at, _)| whole.start() < at)) {
                first = Some((whole.start(), stamp));
            }
            rest.push_str(&text[copied..whole.start()]);
            rest.push(GAP);
            copied = whole.end();
        }
        rest.push_str(&text[copied..]);
        text = rest;
    }
    (first.map(|(_, stamp)| stamp), text)
}

/// Not a part of something longer, such as colon-separated hex or a version number.
fn stands_alone(text: &str, range: std::ops::Range<usize>) -> bool {
    let joins = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_');
    let before = text[..range.start].chars().next_back();
    let mut after = text[range.end..].chars();
    let next = after.next();
    let goes_on = match next {
        // A colon or dash may close a stamp, but not lead to more digits.
        Some(':' | '-' | '.' | ',') => after.next().is_some_and(|c| c.is_ascii_hexdigit()),
        Some(c) => c.is_ascii_alphanumeric(),
        None => false,
    };
    !before.is_some_and(|c| joins(c) || c == '.') && !goes_on
}

fn number(found: &Captures<'_>, name: &str) -> Option<i64> {
    found.name(name)?.as_str().parse().ok()
}

/// Digits behind the decimal point of a second, in microseconds.
fn fraction(found: &Captures<'_>) -> i64 {
    let digits: String =
        found.name("f").map_or("", |m| m.as_str()).chars().chain("000000".chars()).take(6).collect();
    digits.parse().unwrap_or(0)
}

fn time(found: &Captures<'_>) -> Option<Stamp> {
    let (hour, minute) = (number(found, "h")?, number(found, "m")?);
    let second = number(found, "s").unwrap_or(0);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let of_day = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction(found);
    let Some(year) = number(found, "y").or_else(|| number(found, "y2")) else {
        return Some(Stamp { us: of_day, dated: false, zoned: false });
    };
    let part = |names: [&str; 2]| {
        names.iter().find_map(|name| number(found, name)).and_then(|part| i8::try_from(part).ok())
    };
    let date =
        jiff::civil::Date::new(i16::try_from(year).ok()?, part(["mo", "mo2"])?, part(["d", "d2"])?).ok()?;
    let days = i64::from(date.since(jiff::civil::Date::constant(1970, 1, 1)).ok()?.get_days());
    let zone = found.name("z").map(|zone| offset_us(zone.as_str()));
    Some(Stamp { us: days * DAY_US + of_day - zone.unwrap_or(0), dated: true, zoned: zone.is_some() })
}

/// `+02:00`, `+0200` or `Z` in microseconds east of UTC.
fn offset_us(zone: &str) -> i64 {
    let digits: i64 = zone.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    let minutes = digits / 100 * 60 + digits % 100;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    sign * minutes * 60_000_000
}

fn epoch(found: &Captures<'_>) -> Option<Stamp> {
    let digits = number(found, "e")?;
    let us = match found.name("e")?.as_str().len() {
        10 => digits * 1_000_000 + fraction(found),
        13 => digits * 1000,
        _ => digits,
    };
    Some(Stamp { us, dated: true, zoned: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_bytes_at_the_end_of_a_stamped_line_are_no_second_stamp() {
        let (stamp, rest) = take("[14:17:02][D][uart:114]: <<< 00:00:00");
        assert_eq!(stamp.map(|stamp| stamp.us), Some((14 * 3600 + 17 * 60 + 2) * 1_000_000));
        assert!(rest.ends_with("00:00:00"), "{rest}");
    }
}
