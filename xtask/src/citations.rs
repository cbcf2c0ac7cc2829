//! What the sources cite is listed in `docs/sources.md`, and what is listed there is cited.
//!
//! A citation is a word and ids behind it: `field bug H1`, `field bugs D1 and L6`, `field bugs C1 to C3`,
//! `field bugs, section 14.1`, `han-protocol, sections 4.1 and 4.3`, `ct-waveforms, section 2.3`,
//! `balancing, sections 2.3 and 5b`. The requirements and the external cases of balancing need no word: `B-06`,
//! `B-53 to B-67`, `X6 and X7`.

use regex::Regex;
use std::collections::BTreeMap;

/// Where the ids are explained.
pub const LIST: &str = "docs/sources.md";

/// The forms of a citation: pattern whose first group holds the ids, the word before an id in the list, and the
/// form of one id. A match without that group cites nothing.
const FORMS: [(&str, &str, &str); 7] = [
    (r"[Ff]ield bugs? ((?:[A-Z]\d+(?:, and | and | to |, )?)+)", "", r"[A-Z]\d+"),
    (r"[Ff]ield bugs?, section (\d+(?:\.\d+)?)", "field bugs ", r"\d+(?:\.\d+)?"),
    (
        r"han-protocol, sections? (\d+(?:\.\d+)?(?:(?:, | and )\d+(?:\.\d+)?)*)",
        "han-protocol ",
        r"\d+(?:\.\d+)?",
    ),
    (
        r"ct-waveforms, sections? (\d+(?:\.\d+)?(?:(?:, | and )\d+(?:\.\d+)?)*)",
        "ct-waveforms ",
        r"\d+(?:\.\d+)?",
    ),
    // What follows a comma without a letter or a point is a number within the section: `section 5b, 7`.
    (
        r"[Bb]alancing, sections? (\d+(?:\.\d+|[a-z])?(?:(?:, | and )\d+(?:\.\d+|[a-z]))*)",
        "balancing ",
        r"\d+(?:\.\d+|[a-z])?",
    ),
    (r"\b(B-\d{2}(?:(?:, and | and | to |, )B-\d{2})*)\b", "", r"B-\d{2}"),
    // There are field bugs X1 and X2 as well: the first half takes them away.
    (
        concat!(
            r"[Ff]ield bugs? (?:[A-Z]\d+(?:, and | and | to |, )?)+|",
            r"\b(X(?:1?\d|20)(?:(?:, and | and | to |, )X(?:1?\d|20))*)\b"
        ),
        "balancing ",
        r"X\d+",
    ),
];

/// Adds the ids that a file cites, each with the first place that does.
pub fn cited(name: &str, text: &str, found: &mut BTreeMap<String, String>) {
    let (joined, lines) = joined(text);
    for (form, word, id) in FORMS {
        // The patterns are constants, and a test uses each of them.
        let (Ok(form), Ok(id)) = (Regex::new(form), Regex::new(id)) else { continue };
        for citation in form.captures_iter(&joined) {
            let (Some(ids), Some(whole)) = (citation.get(1), citation.get(0)) else { continue };
            let line = lines.iter().take_while(|start| **start <= whole.start()).count();
            let ids: Vec<&str> = id.find_iter(ids.as_str()).map(|id| id.as_str()).collect();
            let range = whole.as_str().contains(" to ");
            let ids = if range { between(&ids) } else { ids.into_iter().map(String::from).collect() };
            for id in ids {
                found.entry(format!("{word}{id}")).or_insert_with(|| format!("{name}:{line}"));
            }
        }
    }
}

/// The text with its line ends and comment signs taken out, for citations that run over a line; and where each
/// line starts in it.
fn joined(text: &str) -> (String, Vec<usize>) {
    let mut joined = String::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(joined.len());
        joined.push_str(line.trim().trim_start_matches(['/', '!', '#']).trim_start());
        joined.push(' ');
    }
    (joined, lines)
}

/// `C1`, `C3` → `C1`, `C2`, `C3`; `B-05`, `B-07` → `B-05`, `B-06`, `B-07`.
fn between(ends: &[&str]) -> Vec<String> {
    let [first, last] = ends else { return ends.iter().map(|id| (*id).to_string()).collect() };
    let (word, from) = parts(first);
    let (_, to) = parts(last);
    let width = from.len();
    let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse::<u32>()) else { return Vec::new() };
    (from..=to).map(|number| format!("{word}{number:0width$}")).collect()
}

/// What stands before the number of an id, and the number: `B-`, `05`.
fn parts(id: &str) -> (&str, &str) {
    id.split_at(id.find(|sign: char| sign.is_ascii_digit()).unwrap_or(id.len()))
}

/// Holds the citations against the list. A row of the list starts with the id in back-ticks.
pub fn compare(list: &str, cited: &BTreeMap<String, String>, found: &mut Vec<String>) {
    let id = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_string());
    let listed: Vec<(usize, String)> =
        list.lines().enumerate().filter_map(|(line, text)| Some((line + 1, id(text)?))).collect();
    for (id, place) in cited {
        if !listed.iter().any(|(_, known)| known == id) {
            found.push(format!("{place}: {LIST} lacks a row for `{id}`, which is cited here"));
        }
    }
    for (at, (line, id)) in listed.iter().enumerate() {
        if !cited.contains_key(id) {
            found.push(format!("{LIST}:{line}: `{id}` is cited nowhere"));
        }
        if listed[..at].iter().any(|(_, before)| before == id) {
            found.push(format!("{LIST}:{line}: `{id}` is listed twice"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_citation_is_found() {
        let text = concat!(
            "//! One (field ",
            "bug A1), and field ",
            "bugs B1, B2 and B3.\n/// Field ",
            "bugs C1 to C3; field ",
            "bugs, section\n/// 14.1, han-",
            "protocol, sections 4.1 and 4.10, ct-",
            "waveforms, section 5.4, no. 2.\n"
        );
        let mut found = BTreeMap::new();
        cited("x", text, &mut found);
        let ids: Vec<&str> = found.keys().map(String::as_str).collect();
        let sections = ["field bugs 14.1", "han-protocol 4.1", "han-protocol 4.10"];
        assert_eq!(ids[0..7], ["A1", "B1", "B2", "B3", "C1", "C2", "C3"]);
        assert_eq!(ids[7], "ct-waveforms 5.4");
        assert_eq!(ids[8..], sections);
        assert_eq!((found["A1"].as_str(), found["field bugs 14.1"].as_str()), ("x:1", "x:2"));
    }

    #[test]
    fn sections_requirements_and_cases_of_balancing_are_found() {
        let text = concat!(
            "//! One (balancing, sec",
            "tions 2.3 and 5b; B",
            "-01, B",
            "-03).\n/// Balancing, sec",
            "tion 5d, 7; B",
            "-08 to B",
            "-10.\n// field ",
            "bugs Q1 and X",
            "1; X",
            "6, X",
            "13 and X",
            "20; CRC-16/X",
            "25, X",
            "25.\n// X",
            "16 to X",
            "18\n"
        );
        let mut found = BTreeMap::new();
        cited("x", text, &mut found);
        let balancing: Vec<&str> = found.keys().filter_map(|id| id.strip_prefix("balancing ")).collect();
        let requirements: Vec<&str> = found.keys().filter_map(|id| id.strip_prefix("B-")).collect();
        let expected = ["2.3", "5b", "5d", "X13", "X16", "X17", "X18", "X20", "X6"];
        assert_eq!(balancing, expected);
        assert_eq!(requirements, ["01", "03", "08", "09", "10"]);
        assert_eq!((found["B-10"].as_str(), found["balancing X17"].as_str()), ("x:2", "x:4"));
        // And the two field bugs, which are no cases of balancing.
        assert_eq!(found.len(), balancing.len() + requirements.len() + 2);
    }

    #[test]
    fn what_is_not_listed_and_what_is_not_cited_is_named() {
        let cited = BTreeMap::from([("A1".to_string(), "x:1".to_string()), ("A2".into(), "x:2".into())]);
        let mut found = Vec::new();
        compare("| id |\n| `A1` | one | here |\n| `A3` | three | there |\n", &cited, &mut found);
        let expected = [
            "x:2: docs/sources.md lacks a row for `A2`, which is cited here",
            "docs/sources.md:3: `A3` is cited nowhere",
        ];
        assert_eq!(found, expected);
    }
}
