//! One section per trial: what was played in, what was claimed, values over time, what the device printed.

use super::{
    ByPart, Page, chips, counted, drawings, evidence_link, inferred_tag, is_open, plain, seconds, table_head,
    trial_badge,
};
use crate::report::grounds::inferred_trial;
use crate::report::timeline::{Claim, Row, Timeline};
use crate::verdict::trial::{Part, Trial, What};
use crate::verdict::trials::evidence_path;
use maud::{Markup, html};

/// Telegrams listed per trial.
const ROWS_MAX: usize = 200;
/// Lines of device output listed per trial.
const LINES_MAX: usize = 60;

/// All trials, the worst verdict first. `room` is what is left of the page's size.
pub(super) fn all(page: &Page<'_>, room: &mut usize) -> Markup {
    if !page.shows_trials() {
        return html! {};
    }
    let sections = page.of_trials.worst_first(room, |trial, in_full| section(page, trial, in_full));
    html! {
        section #trials {
            h2 { "Trials" }
            @if sections.is_empty() { p.muted { "No evidence of a trial was at hand." } }
            @else {
                p.muted {
                    "One trial is one stimulus played into the device. "
                    "Worst first; those that passed are folded."
                }
            }
            @for section in &sections { (section) }
        }
    }
}

fn section(page: &Page<'_>, index: usize, in_full: bool) -> Markup {
    let trial = &page.trials[index];
    let timeline = &page.timelines[index];
    let worst = page.of_trials.worst[index];
    let (sent, claimed) =
        (timeline.rows.len(), timeline.rows.iter().filter(|row| row.claim.is_some()).count());
    let damaged = timeline.rows.iter().filter(|row| row.telegram.damage.is_some()).count();
    let findings = page.findings_of(index);
    let inferred = inferred_trial(trial);
    html! {
        details.trial open[is_open(worst)] {
            summary {
                (trial_badge(worst))
                span.name { (plain(&trial.stimulus.name)) }
                (inferred_tag(inferred.as_deref()))
                span.muted {
                    (counted(sent, "telegram")) @if damaged > 0 { " (" (damaged) " damaged)" }
                    ", " (counted(claimed, "claim"))
                }
            }
            // The target of links lies inside, because browsers open what holds the target.
            div.anchor id={ "t" (index) } {}
            (facts(page, index))
            @if in_full {
                (plots(timeline, &findings))
                (telegrams(trial, timeline, &findings))
                (output(trial, &timeline.stray))
            } @else {
                p.note {
                    "Plots and telegrams are left out here to keep this file small; "
                    "the evidence file has them."
                }
            }
        }
    }
}

fn facts(page: &Page<'_>, index: usize) -> Markup {
    let trial = &page.trials[index];
    let stimulus = &trial.stimulus;
    let noise = stimulus.parts.iter().filter_map(|part| match part {
        Part::Noise { bytes, why } => Some(format!("{} of noise: {why}", counted(bytes.len(), "byte"))),
        Part::Silence { us } => Some(format!("silence of {}", seconds(*us))),
        Part::Ratio { ratio, running } => {
            let how = if *running { "told while it runs" } else { "at its start" };
            Some(format!("ratio {ratio}, {how}"))
        }
        Part::Telegram(_) => None,
    });
    let noise: Vec<String> = noise.take(8).collect();
    html! {
        dl.facts {
            dt { "Subject" } dd.path { (plain(&stimulus.subject)) }
            dt { "Meter family" }
            dd { (plain(&stimulus.family)) }
            dt { "Evidence level" } dd { @match inferred_trial(trial) {
                Some(note) => (plain(&note)),
                None => (plain(&stimulus.evidence)),
            } }
            dt { "Source" } dd { (plain(&stimulus.source)) }
            dt { "Line" } dd { (stimulus.baud) " baud, 8N1" }
            @if !noise.is_empty() { dt { "Also sent" } dd { (plain(&noise.join("; "))) } }
            dt { "Pacing" } dd { @match trial.pacing {
                Some(pacing) => {
                    "bytes late by " (pacing.p50_us) " µs (median), " (pacing.p99_us) " µs (99th percentile)"
                },
                None => "lock-step: each telegram waits for its claim, no timing is judged",
            } }
            dt { "Checks" } dd.checks { (chips(page, &page.of_trials.outcomes[index])) }
            dt { "Evidence" } dd { (evidence_link(&evidence_path(&trial.stimulus.name))) }
        }
    }
}

fn plots(timeline: &Timeline<'_>, findings: &ByPart<'_>) -> Markup {
    let plots = drawings::plots(timeline, findings);
    html! {
        @if !plots.is_empty() {
            div.plots { @for plot in &plots {
                figure {
                    figcaption {
                        b { (plain(&plot.title)) } @if !plot.unit.is_empty() { " in " (plot.unit) }
                        (plot.legend())
                    }
                    (plot.svg())
                }
            } }
        }
    }
}

const TELEGRAM_COLUMNS: [&str; 8] =
    ["#No.", "#Due", "List", "#Bytes", "Damage", "#Sent", "#Claimed after", "Findings"];

/// The telegrams; those with findings are never left out before others.
fn telegrams(trial: &Trial, timeline: &Timeline<'_>, findings: &ByPart<'_>) -> Markup {
    let bad = |row: &Row<'_>| findings.contains_key(&row.part);
    let mut shown: Vec<usize> = (0..timeline.rows.len()).collect();
    if shown.len() > ROWS_MAX {
        shown.sort_by_key(|&row| !bad(&timeline.rows[row]));
        shown.truncate(ROWS_MAX);
        shown.sort_unstable();
    }
    let left_out = timeline.rows.len() - shown.len();
    html! {
        @if !shown.is_empty() { details open[timeline.rows.len() <= 12] {
            summary { "Telegrams" }
            div.scroll { table.telegrams {
                (table_head(&TELEGRAM_COLUMNS))
                tbody { @for &row in &shown { (telegram_row(&timeline.rows[row], findings)) } }
            } }
            @if left_out > 0 {
                p.note {
                    (counted(left_out, "telegram")) " left out; those with findings are kept first. "
                    "The evidence file has all."
                }
            }
            p.muted.small {
                "Times from the start of the trial; “claimed after” counts from the last byte of the telegram. "
                "The evidence file holds the telegrams in this order."
                @if trial.pacing.is_none() {
                    " In lock-step “due” is the capture's time and not the time of sending."
                }
            }
        } }
    }
}

fn telegram_row(row: &Row<'_>, findings: &ByPart<'_>) -> Markup {
    let here = findings.get(&row.part).map_or(&[][..], Vec::as_slice);
    let telegram = row.telegram;
    html! {
        tr.hit[!here.is_empty()] {
            td.number { (row.number) }
            td.number { (seconds(telegram.due_us)) }
            td { (plain(&telegram.list)) }
            td.number { (telegram.bytes.len()) }
            td { @match &telegram.damage {
                Some(damage) => (plain(&damage.how)),
                None if telegram.optional => "none; claiming is optional",
                None => span.muted { "none" },
            } }
            td.number { @match row.sent_us { Some(sent) => (seconds(sent)), None => "not sent" } }
            td.number { @match (&row.claim, row.sent_us) {
                (Some(claim), Some(sent)) => { "+" (seconds(claim.t_us.saturating_sub(sent))) },
                (Some(claim), None) => (seconds(claim.t_us)),
                (None, _) => span.muted { "no claim" },
            } }
            td { @for (number, (outcome, finding)) in here.iter().take(4).enumerate() {
                @if number > 0 { br; }
                @if let Some(key) = finding.key.as_ref().filter(|key| !finding.text.contains(key.as_str())) {
                    code { (plain(key)) } " "
                }
                (plain(&finding.text)) " " span.muted { (plain(&outcome.id)) }
            } @if here.len() > 4 { br; span.muted { (here.len() - 4) " more" } } }
        }
    }
}

/// What the device printed that is no claim, and claims that belong to no telegram.
fn output(trial: &Trial, stray: &[Claim<'_>]) -> Markup {
    let others = trial.events.iter().filter_map(|event| {
        let (kind, text) = match &event.what {
            What::Rejected { reason } => ("rejected", reason),
            What::Log { line } => ("log", line),
            What::Exited { how } => ("ended", how),
            What::Stopped { why, .. } => ("bench stopped", why),
            What::Restarted { why } => ("chip restarted", why),
            What::Unheard { why } => ("not heard", why),
            What::Sent { .. } | What::Claim { .. } => return None,
        };
        Some((event.t_us, kind, text.as_str()))
    });
    let mut lines: Vec<(u64, &str, &str)> = others.collect();
    lines.extend(stray.iter().map(|claim| (claim.t_us, "claim without telegram", claim.raw)));
    lines.sort_by_key(|line| line.0);
    // How it ended matters most, so the last lines are kept.
    let from = lines.len().saturating_sub(LINES_MAX);
    html! {
        @if !lines.is_empty() { details {
            summary { "Other output of the device (" (lines.len()) ")" }
            @if from > 0 { p.note { (counted(from, "earlier line")) " left out." } }
            div.scroll { table.output { tbody { @for (at, kind, text) in &lines[from..] {
                tr { td.number { (seconds(*at)) } td.nowrap { (kind) } td.raw { (plain(text)) } }
            } } } }
        } }
    }
}
