//! `report.html`: one file that opens offline and is read by somebody who was not there.
//!
//! Order of the page: the verdict, how to read it, what was tested on what, the matrix, every check that needs
//! attention with its bytes, then everything else. No script, no font and no picture from outside; the page
//! forbids the browser to load any.
//!
//! | file | part of the page |
//! |---|---|
//! | [`head`] | verdict, explanation, what was tested, run data |
//! | [`matrix`] | check × family |
//! | [`card`] | one check that needs attention |
//! | [`bytes`] | bytes beside their meaning |
//! | [`section`] | one trial |
//! | [`waveform`], [`played`] | one waveform, and what it plays in words |
//! | [`scenario`] | one scenario of the balancing loop |
//! | [`drawings`] | the plots of a trial |
//! | [`lists`] | all checks, what was not applicable |

mod bytes;
mod card;
mod drawings;
mod head;
mod lists;
mod matrix;
mod played;
mod scenario;
mod section;
mod waveform;

use super::text::{LINE_MAX, visible};
use super::timeline::{Timeline, timeline};
use super::{Explain, Purposes, deviations, grounds, needs_attention, notes, trials_of};
use crate::verdict::Verdict;
use crate::verdict::balance::trial::LoopTrial;
use crate::verdict::ct::CtTrial;
use crate::verdict::results::{Finding, Outcome, Results};
use crate::verdict::trial::{Part, Trial};
use crate::verdict::trials::{Trials, evidence_path};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeMap;

/// How much of cards and trials is written in full, in bytes. What comes after is listed in brief and says so;
/// the evidence files have it all. A browser opens 20 MB without trouble.
const DETAIL_MAX: usize = 20_000_000;

/// Notes written out per outcome.
const NOTES_MAX: usize = 20;

/// The policy of the page: its own style and nothing else.
const LOAD_NOTHING: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The report as one HTML file.
///
/// `trials` are the evidence behind the results, found by `evidence/<name>.json`; a missing one only leaves its
/// section out. `explain` gives the meaning of a telegram's bytes.
pub fn html(results: &Results, trials: &Trials, purposes: Purposes<'_>, explain: Explain<'_>) -> String {
    let page = Page::new(results, trials, purposes, explain);
    let style = PreEscaped(include_str!("style.css"));
    let mut room = DETAIL_MAX;
    let cards = card::all(&page, &mut room);
    let sections = section::all(&page, &mut room);
    let waveforms = waveform::all(&page, &mut room);
    let scenarios = scenario::all(&page, &mut room);
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // The browser itself makes sure that nothing is loaded from outside.
                meta http-equiv="Content-Security-Policy" content=(LOAD_NOTHING);
                title { "hanbench: " (plain(&results.dut)) " on " (plain(&results.rig)) }
                style { (style) }
            }
            body {
                main {
                    (head::top(&page))
                    (head::how_to_read())
                    (head::what_was_tested(&page))
                    (matrix::section(&page))
                    (cards)
                    (sections)
                    (waveforms)
                    (scenarios)
                    (lists::checks(&page))
                    (lists::not_applicable(&page))
                    (head::run_data(&page))
                }
                footer { "Written by hanbench from results.json; that file is the one truth." }
            }
        }
    };
    document.into_string()
}

/// Findings by the part of the stimulus they are about.
type ByPart<'a> = BTreeMap<usize, Vec<(&'a Outcome, &'a Finding)>>;

/// What every part of the page needs.
struct Page<'a> {
    results: &'a Results,
    trials: &'a [Trial],
    waveforms: &'a [CtTrial],
    scenarios: &'a [LoopTrial],
    of_trials: Index,
    of_waveforms: Index,
    of_scenarios: Index,
    purposes: Purposes<'a>,
    explain: Explain<'a>,
    /// One per trial.
    timelines: Vec<Timeline<'a>>,
    /// For every outcome, in words that its telegrams are inferred, where they are.
    inferred: Vec<Option<String>>,
    /// Check ids in the order they first appear, with their suite.
    checks: Vec<(&'a str, &'a str)>,
}

/// Which outcomes rest on which trial, for one kind of trials.
struct Index {
    /// Where a trial stands, by the path of its evidence.
    by_path: BTreeMap<String, usize>,
    /// For every trial the outcomes that rest on it, as indices.
    outcomes: Vec<Vec<usize>>,
    /// The worst verdict about each; `None` where nothing was judged.
    worst: Vec<Option<Verdict>>,
}

impl Index {
    fn new<'a>(names: impl Iterator<Item = &'a String>, results: &Results) -> Index {
        let by_path: BTreeMap<String, usize> =
            names.enumerate().map(|(at, name)| (evidence_path(name), at)).collect();
        let (mut outcomes, mut worst) = (vec![Vec::new(); by_path.len()], vec![None; by_path.len()]);
        for (index, outcome) in results.checks.iter().enumerate() {
            for trial in trials_of(outcome, &by_path) {
                outcomes[trial].push(index);
                worst[trial] = worst[trial].max(Some(outcome.verdict));
            }
        }
        Index { by_path, outcomes, worst }
    }

    /// The sections of all trials, the worst verdict first. `section` takes a trial and whether there is room for all
    /// of it; `room` is what is left of the page's size.
    fn worst_first(&self, room: &mut usize, section: impl Fn(usize, bool) -> Markup) -> Vec<Markup> {
        let mut order: Vec<usize> = (0..self.worst.len()).collect();
        order.sort_by_key(|&trial| std::cmp::Reverse(self.worst[trial]));
        let mut sections = Vec::new();
        for trial in order {
            let section = section(trial, *room > 0);
            *room = room.saturating_sub(section.0.len());
            sections.push(section);
        }
        sections
    }
}

impl<'a> Page<'a> {
    fn new(
        results: &'a Results,
        trials: &'a Trials,
        purposes: Purposes<'a>,
        explain: Explain<'a>,
    ) -> Page<'a> {
        let of_trials = Index::new(trials.han.iter().map(|trial| &trial.stimulus.name), results);
        let mut checks: Vec<(&str, &str)> = Vec::new();
        let mut known = BTreeMap::new();
        for outcome in &results.checks {
            if known.insert(outcome.id.as_str(), ()).is_none() {
                checks.push((&outcome.id, &outcome.suite));
            }
        }
        let timelines = trials.han.iter().map(timeline).collect();
        let inferred =
            results.checks.iter().map(|outcome| grounds::inferred(outcome, &trials.han, &of_trials.by_path));
        let inferred = inferred.collect();
        Page {
            results,
            trials: &trials.han,
            waveforms: &trials.clamps,
            scenarios: &trials.loops,
            of_trials,
            of_waveforms: Index::new(trials.clamps.iter().map(|trial| &trial.name), results),
            of_scenarios: Index::new(trials.loops.iter().map(|trial| &trial.name), results),
            purposes,
            explain,
            timelines,
            inferred,
            checks,
        }
    }

    /// Telegrams are spoken of where some were played, and where nothing else was.
    fn shows_trials(&self) -> bool {
        !self.trials.is_empty() || self.waveforms.is_empty() && self.scenarios.is_empty()
    }

    /// Outcomes by their indices.
    fn outcomes(&self, indices: &[usize]) -> Vec<&'a Outcome> {
        indices.iter().map(|&index| &self.results.checks[index]).collect()
    }

    /// The trial that a finding is about: the first of the outcome's trials that has such a part.
    fn trial_of(&self, outcome: &Outcome, finding: &Finding) -> Option<usize> {
        let trials = trials_of(outcome, &self.of_trials.by_path);
        match finding.part {
            Some(part) => trials.into_iter().find(|&trial| self.trials[trial].stimulus.parts.len() > part),
            None => trials.first().copied(),
        }
    }

    /// All findings about the parts of a trial, with the outcomes they belong to.
    fn findings_of(&self, trial: usize) -> ByPart<'a> {
        let mut by_part = ByPart::new();
        for &index in &self.of_trials.outcomes[trial] {
            let outcome = &self.results.checks[index];
            for finding in deviations(outcome) {
                if let (Some(part), true) = (finding.part, self.trial_of(outcome, finding) == Some(trial)) {
                    by_part.entry(part).or_default().push((outcome, finding));
                }
            }
        }
        by_part
    }

    /// Where a reader finds more about an outcome.
    fn link(&self, outcome: usize) -> String {
        if needs_attention(self.results.checks[outcome].verdict) {
            format!("#o{outcome}")
        } else {
            self.check_link(&self.results.checks[outcome].id)
        }
    }

    fn check_link(&self, id: &str) -> String {
        let number = self.checks.iter().position(|(known, _)| *known == id);
        number.map_or_else(|| "#checks".to_string(), |number| format!("#c{number}"))
    }
}

/// What was noted beside an outcome, in words.
fn noted(outcome: &Outcome) -> Markup {
    let texts: Vec<String> = notes(outcome).take(NOTES_MAX).map(|note| plain(&note.text)).collect();
    let more = notes(outcome).count() - texts.len();
    html! {
        @if !texts.is_empty() {
            p.note {
                "Noted, and breaks no rule: " (texts.join("; ")) @if more > 0 { "; " (more) " more in results.json" }
            }
        }
    }
}

/// What needs attention, FAIL first, then ERROR, then INCONCLUSIVE.
fn attention_order(page: &Page<'_>) -> Vec<usize> {
    let checks = &page.results.checks;
    let mut order: Vec<usize> = (0..checks.len()).filter(|&at| needs_attention(checks[at].verdict)).collect();
    let rank = |verdict| match verdict {
        Verdict::Fail => 0,
        Verdict::Error => 1,
        _ => 2,
    };
    order.sort_by_key(|&at| rank(checks[at].verdict));
    order
}

/// Foreign text for a table or sentence.
fn plain(text: &str) -> String {
    visible(text, LINE_MAX)
}

/// The verdict as a coloured word.
fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge " (class(verdict)) } { (verdict.word().replace('_', " ")) } }
}

/// The word `inferred` where a result rests on telegrams that nobody has published; the pointer brings out why.
fn inferred_tag(note: Option<&str>) -> Markup {
    html! { @if let Some(note) = note { " " span.tag title=(plain(note)) { "inferred" } } }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
        Verdict::NotApplicable => "na",
        Verdict::Error => "error",
    }
}

/// The verdict on a trial as a coloured word.
fn trial_badge(worst: Option<Verdict>) -> Markup {
    html! { @match worst { Some(verdict) => (badge(verdict)), None => span.badge.na { "NOT JUDGED" } } }
}

/// What did not pass is shown unfolded.
fn is_open(worst: Option<Verdict>) -> bool {
    worst.is_some_and(needs_attention)
}

/// Outcomes in brief, each leading to where more is said.
fn chips(page: &Page<'_>, outcomes: &[usize]) -> Markup {
    html! { @for &outcome in outcomes {
        @let one = &page.results.checks[outcome];
        a.quiet href=(page.link(outcome)) { span class={ "chip " (class(one.verdict)) } {
            b { (one.verdict.word().replace('_', " ")) } " " (plain(&one.id))
        } } " "
    } }
}

/// The verdict as a short sign for crowded places: colour is never the only carrier.
fn letter(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "P",
        Verdict::Fail => "F",
        Verdict::Inconclusive => "I",
        Verdict::NotApplicable => "N",
        Verdict::Error => "E",
    }
}

/// `telegram 3` for a part that is a telegram; noise and silence are not counted.
fn part_name(trial: Option<&Trial>, part: usize) -> String {
    let parts = trial.map_or(&[][..], |trial| &trial.stimulus.parts[..]);
    match parts.get(part) {
        Some(Part::Telegram(_)) => {
            let before = parts[..part].iter().filter(|part| matches!(part, Part::Telegram(_))).count();
            format!("telegram {}", before + 1)
        }
        Some(Part::Noise { .. }) => format!("noise (part {part})"),
        Some(Part::Silence { .. }) => format!("silence (part {part})"),
        Some(Part::Ratio { ratio, .. }) => format!("ratio {ratio} (part {part})"),
        None => format!("part {part}"),
    }
}

/// A link to an evidence file, relative to the report. A path that leaves the report folder is shown and not
/// linked.
fn evidence_link(path: &str) -> Markup {
    let inside = path.starts_with("evidence/") && !path.split('/').any(|step| step == "..");
    if !inside {
        return html! { code { (plain(path)) } };
    }
    let mut address = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~@".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    html! { a href=(address) { code { (plain(path)) } } }
}

/// Column heads; `#` in front marks a column of numbers.
fn table_head(columns: &[&str]) -> Markup {
    html! {
        thead { tr { @for column in columns {
            @match column.strip_prefix('#') {
                Some(name) => th.number { (name) },
                None => th { (column) },
            }
        } } }
    }
}

/// `12.345 s`.
fn seconds(us: u64) -> String {
    format!("{}.{:03}\u{a0}s", us / 1_000_000, us % 1_000_000 / 1000)
}

/// `1 telegram`, `2 telegrams`.
fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
