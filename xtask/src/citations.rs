//! What the sources cite is listed in `docs/sources.md`, and what is listed there is cited.
//!
//! A citation is a word and ids behind it: `field bug H1`, `field bugs D1 and L6`, `field bugs C1 to C3`,
//! `field bugs, section 14.1`, `han-protocol, sections 4.1 and 4.3`, `ct-waveforms, section 2.3`.

use regex::Regex;
use std::collections::BTreeMap;

/// Where the ids are explained.
pub const LIST: &str = "docs/sources.md";

/// The forms of a citation: pattern whose first group holds the ids, the word before an id in the list, and the
/// form of one id.
const FORMS: [(&str, &str, &str); 4] = [
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

/// `C1`, `C3` → `C1`, `C2`, `C3`.
fn between(ends: &[&str]) -> Vec<String> {
    let number = |id: &str| id.get(1..).and_then(|digits| digits.parse::<u32>().ok());
    match ends {
        [first, last] => match (number(first), number(last)) {
            (Some(from), Some(to)) => (from..=to).map(|number| format!("{}{number}", &first[..1])).collect(),
            _ => Vec::new(),
        },
        _ => ends.iter().map(|id| (*id).to_string()).collect(),
    }
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
