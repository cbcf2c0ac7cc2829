//! The matrix: check × family. A cell carries a letter and counts, never colour alone.

use super::{Page, class, inferred_tag, letter, plain};
use crate::report::family_of;
use crate::report::grounds::inferred_trial;
use crate::verdict::Verdict;
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// All outcomes of one check in one family.
#[derive(Default)]
struct Cell {
    count: BTreeMap<Verdict, usize>,
    /// The first outcome of the worst verdict: where the cell leads to.
    leads_to: Option<(Verdict, usize)>,
}

impl Cell {
    fn add(&mut self, verdict: Verdict, outcome: usize) {
        *self.count.entry(verdict).or_default() += 1;
        if self.leads_to.is_none_or(|(worst, _)| verdict > worst) {
            self.leads_to = Some((verdict, outcome));
        }
    }

    /// `2 of 14`; what was not applicable does not count among the judged.
    fn text(&self, worst: Verdict) -> String {
        let of = |verdict| self.count.get(&verdict).copied().unwrap_or(0);
        let judged: usize = self.count.values().sum::<usize>() - of(Verdict::NotApplicable);
        match worst {
            Verdict::Pass | Verdict::NotApplicable => of(worst).to_string(),
            _ if judged == of(worst) => of(worst).to_string(),
            _ => format!("{} of {judged}", of(worst)),
        }
    }

    /// `12 PASS, 2 FAIL`, shown when the pointer rests on the cell.
    fn title(&self) -> String {
        let words = self.count.iter().map(|(verdict, count)| format!("{count} {}", verdict.word()));
        words.collect::<Vec<_>>().join(", ")
    }
}

/// The matrix with its legend.
pub(super) fn section(page: &Page<'_>) -> Markup {
    let mut cells: BTreeMap<(&str, String), Cell> = BTreeMap::new();
    let mut families = BTreeSet::new();
    for (index, outcome) in page.results.checks.iter().enumerate() {
        let family = family_of(outcome, page.trials, &page.of_trials.by_path);
        families.insert(family.clone());
        cells.entry((&outcome.id, family)).or_default().add(outcome.verdict, index);
    }
    let mut suites: Vec<&str> = Vec::new();
    for (_, suite) in &page.checks {
        if !suites.contains(suite) {
            suites.push(suite);
        }
    }
    html! {
        section #matrix {
            h2 { "Matrix: check by meter family" }
            @if page.checks.is_empty() { p.muted { "No check was judged." } } @else {
                p.muted {
                    "P pass, F fail, I inconclusive, N not applicable, E error, "
                    "each with the number of subjects. "
                    "A cell shows the worst verdict in it and leads to it."
                }
                div.scroll { table.matrix {
                    thead { tr { th { "Check" } @for family in &families {
                        th { (plain(family)) (inferred_tag(wholly_inferred(page, family).as_deref())) }
                    } } }
                    @for suite in &suites {
                        tbody {
                            tr.suite { th colspan=(families.len() + 1) { span { (plain(suite)) } } }
                            @for (id, _) in page.checks.iter().filter(|(_, of)| of == suite) {
                                (row(page, id, &families, &cells))
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// Said above a column in which nothing rests on a published telegram.
fn wholly_inferred(page: &Page<'_>, family: &str) -> Option<String> {
    let mut trials = page.trials.iter().filter(|trial| trial.stimulus.family == family);
    let first = inferred_trial(trials.next()?)?;
    trials.all(|trial| inferred_trial(trial).is_some()).then_some(first)
}

fn row(
    page: &Page<'_>,
    id: &str,
    families: &BTreeSet<String>,
    cells: &BTreeMap<(&str, String), Cell>,
) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href=(page.check_link(id)) { code {
                    // May break behind a dot, which narrow windows need.
                    @for piece in plain(id).split_inclusive('.') { (piece) wbr; }
                } }
                @if let Some((purpose, _)) = (page.purposes)(id) { span.purpose { (purpose) } }
            }
            @for family in families {
                @let cell = cells.get(&(id, family.clone()));
                @match cell.and_then(|cell| cell.leads_to.map(|to| (cell, to))) {
                    Some((cell, (worst, outcome))) => td class=(class(worst)) {
                        a href=(page.link(outcome)) title=(cell.title()) {
                            b { (letter(worst)) } " " (cell.text(worst))
                        }
                    },
                    None => td.none { span aria-label="not judged" { "·" } },
                }
            }
        }
    }
}
