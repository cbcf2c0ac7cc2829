//! One check that needs attention: what it is for, what went wrong, and the bytes it went wrong on.

use super::{
    Page, attention_order, badge, bytes, class, counted, evidence_link, noted, part_name, plain, table_head,
};
use crate::report::{deviations, reproduce, trials_of};
use crate::verdict::results::{Finding, Outcome};
use crate::verdict::trial::Part;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Findings written out per card.
const FINDINGS_MAX: usize = 60;
/// Telegrams whose bytes are shown per card.
const TELEGRAMS_MAX: usize = 2;
/// Cards at all; a DUT that says nothing fails everything, and the first hundred say it.
const CARDS_MAX: usize = 400;

/// All cards: FAIL first, then ERROR, then INCONCLUSIVE. `room` is what is left of the page's size.
pub(super) fn all(page: &Page<'_>, room: &mut usize) -> Markup {
    let order = attention_order(page);
    if order.is_empty() {
        return html! {};
    }
    let mut cards = Vec::new();
    for &at in order.iter().take(CARDS_MAX) {
        let card = card(page, at, *room > 0);
        *room = room.saturating_sub(card.0.len());
        cards.push(card);
    }
    html! {
        section #attention {
            h2 { "What needs attention" }
            @for card in &cards { (card) }
            @if order.len() > CARDS_MAX {
                p.note {
                    (order.len() - CARDS_MAX) " more are listed under " a href="#checks" { "all checks" }
                    " and in results.json."
                }
            }
        }
    }
}

fn card(page: &Page<'_>, at: usize, in_full: bool) -> Markup {
    let outcome = &page.results.checks[at];
    let spec = (page.purposes)(&outcome.id);
    let trials = trials_of(outcome, &page.of_trials.by_path);
    html! {
        article class={ "card " (class(outcome.verdict)) } id={ "o" (at) } {
            h3 {
                (badge(outcome.verdict)) " "
                a.quiet href=(page.check_link(&outcome.id)) { code { (plain(&outcome.id)) } }
                @if let Some(cause) = outcome.cause { " " span.cause { "cause " b { (cause.word()) } } }
            }
            p.reason { (plain(outcome.reason.as_deref().unwrap_or("no reason was given"))) }
            dl.facts {
                dt { "Subject" } dd.path { (plain(&outcome.subject)) }
                @if let Some((purpose, source)) = spec {
                    dt { "Purpose" } dd { (purpose) }
                    dt { "Source" } dd { (source) }
                }
                @if let Some(note) = &page.inferred[at] { dt { "Evidence level" } dd { (plain(note)) } }
                @if outcome.attempts != 1 { dt { "Attempts" } dd { (outcome.attempts) } }
                @if let Some(rests_on) = &outcome.rests_on { dt { "Rests on" } dd { (plain(rests_on)) } }
                @if !trials.is_empty() {
                    dt { "Trial" } dd.path {
                        @for (number, trial) in trials.iter().enumerate() {
                            @if number > 0 { ", " }
                            a href={ "#t" (trial) } { (plain(&page.trials[*trial].stimulus.name)) }
                        }
                    }
                }
                @for waveform in trials_of(outcome, &page.of_waveforms.by_path) {
                    dt { "Waveform" }
                    dd.path { a href={ "#w" (waveform) } { (plain(&page.waveforms[waveform].name)) } }
                }
                @for scenario in trials_of(outcome, &page.of_scenarios.by_path) {
                    dt { "Scenario" }
                    dd.path { a href={ "#s" (scenario) } { (plain(&page.scenarios[scenario].name)) } }
                }
                @if !outcome.evidence.is_empty() {
                    dt { "Evidence" } dd { @for (number, path) in outcome.evidence.iter().enumerate() {
                        @if number > 0 { ", " } (evidence_link(path))
                    } }
                }
                dt { "Repeat" } dd { code { (reproduce(page.results, Some(outcome))) } }
            }
            (findings(page, outcome))
            @if in_full { (telegrams(page, outcome)) }
            @else {
                p.note { "The bytes are left out here to keep this file small; the evidence file has them." }
            }
        }
    }
}

fn findings(page: &Page<'_>, outcome: &Outcome) -> Markup {
    let all = deviations(outcome);
    if all.is_empty() {
        return noted(outcome);
    }
    let place = |finding: &Finding| {
        let trial = page.trial_of(outcome, finding).map(|trial| &page.trials[trial]);
        finding.part.map(|part| part_name(trial, part))
    };
    // Columns with nothing in them would only push the words off a narrow window.
    let any = |has: fn(&Finding) -> bool| all.iter().any(|one| has(one));
    let (placed, keyed) = (any(|one| one.part.is_some()), any(|one| one.key.is_some()));
    let valued = any(|one| one.expected.is_some() || one.claimed.is_some());
    let columns = [(placed, "Where"), (keyed, "Key"), (valued, "Expected"), (valued, "Claimed")];
    let mut columns: Vec<&str> =
        columns.into_iter().filter(|(shown, _)| *shown).map(|(_, name)| name).collect();
    columns.push("What is wrong");
    html! {
        div.scroll { table.findings {
            (table_head(&columns))
            tbody { @for finding in all.iter().take(FINDINGS_MAX) {
                tr {
                    @if placed { td.nowrap { (place(finding).unwrap_or_default()) } }
                    @if keyed { td { @if let Some(key) = &finding.key { code { (plain(key)) } } } }
                    @if valued {
                        td.value { @if let Some(expected) = &finding.expected { (plain(expected)) } }
                        td.value.wrong { @if let Some(claimed) = &finding.claimed { (plain(claimed)) } }
                    }
                    td { (plain(&finding.text)) }
                }
            } }
        } }
        @if all.len() > FINDINGS_MAX {
            p.note { (all.len() - FINDINGS_MAX) " more findings are in results.json." }
        }
        (noted(outcome))
    }
}

/// Telegrams that findings are about, byte by byte, with what the device printed.
fn telegrams(page: &Page<'_>, outcome: &Outcome) -> Markup {
    let mut places: BTreeMap<(usize, usize), Vec<&str>> = BTreeMap::new();
    for finding in deviations(outcome) {
        if let (Some(part), Some(trial)) = (finding.part, page.trial_of(outcome, finding)) {
            places.entry((trial, part)).or_default().extend(finding.key.as_deref());
        }
    }
    // A second telegram with the same keys wrong would teach nothing new.
    let mut shown: Vec<((usize, usize), Vec<&str>)> = Vec::new();
    for (place, keys) in &places {
        if shown.len() < TELEGRAMS_MAX && shown.iter().all(|(_, known)| known != keys) {
            shown.push((*place, keys.clone()));
        }
    }
    let more = places.len() - shown.len();
    html! {
        @for (number, ((trial, part), keys)) in shown.iter().enumerate() {
            (telegram(page, *trial, *part, keys, number == 0))
        }
        @if more > 0 { p.note { (counted(more, "more telegram")) " concerned; see the trial." } }
    }
}

fn telegram(page: &Page<'_>, at: usize, part: usize, keys: &[&str], unfold: bool) -> Markup {
    let trial = &page.trials[at];
    let sent = match &trial.stimulus.parts[part] {
        Part::Telegram(telegram) => &telegram.bytes,
        Part::Noise { bytes, .. } => bytes,
        Part::Silence { .. } | Part::Ratio { .. } => return html! {},
    };
    let row = page.timelines[at].row_of(part);
    html! {
        h4 {
            (part_name(Some(trial), part)) span.muted {
                @if let Some(row) = row { ", list " (plain(&row.telegram.list)) }
                ", " (counted(sent.len(), "byte"))
            }
        }
        @if let Some(row) = row {
            @if let Some(damage) = &row.telegram.damage { p { "Damage: " (plain(&damage.how)) } }
            p.said {
                @match &row.claim {
                    Some(claim) => { span.muted { "The device printed: " } code { (plain(claim.raw)) } },
                    None => span.muted { "The device claimed nothing for this telegram." },
                }
            }
        }
        (bytes::table(sent, page.explain, keys, unfold))
    }
}
