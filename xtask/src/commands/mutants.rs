//! `mutants`: balancers that are broken on purpose run through every scenario, and which check catches each.

use crate::commands::sim::judged;
use crate::failure::{FAILED, Failure, LOST, Outcome, PASSED};
use crate::flags::MutantsFlags;
use crate::{console, scenarios, workspace};
use hanbench_core::balance::built_in::BuiltIn;
use hanbench_core::balance::reference::Mutation;
use hanbench_core::scenario::Scenario;
use hanbench_core::verdict::Verdict;
use hanbench_rig::balancer::Spec;
use hanbench_rig::interrupt;
use std::collections::BTreeMap;

/// Scenarios named for each check.
const NAMED: usize = 2;

/// Runs the suite against every broken balancer.
pub fn run(flags: &MutantsFlags) -> Outcome {
    if let Some(suite) = flags.suite.iter().find(|suite| *suite != "balance") {
        let text =
            format!("--suite {suite}: mutants are made for balance only; broken dongles are in the tests");
        return Err(Failure::input(text));
    }
    let root = workspace::root()?;
    let files = scenarios::of_checkout(&root)?;
    interrupt::install();
    // What the whole reference does not pass proves nothing about a broken one.
    let mut sound = Vec::new();
    for scenarios::File { name, scenario, .. } in files {
        if judged(&name, &scenario, &Spec::BuiltIn(BuiltIn::Reference(None)))?.verdict() == Verdict::Pass {
            sound.push((name, scenario));
        } else {
            console::note(&format!("{name}: the reference itself does not pass; left out"));
        }
    }
    let mut survived = 0;
    for mutation in Mutation::ALL {
        let caught = caught(mutation, &sound)?;
        console::line(&row(mutation, &caught));
        survived += u32::from(caught.is_empty());
    }
    if survived > 0 {
        console::line(&format!("{survived} of {} were not caught", Mutation::ALL.len()));
        return Ok(FAILED);
    }
    console::line(&format!("all {} were caught, in {} scenarios", Mutation::ALL.len(), sound.len()));
    Ok(PASSED)
}

/// The checks that fail, and in which scenarios.
fn caught(
    mutation: Mutation,
    scenarios: &[(String, Scenario)],
) -> Result<BTreeMap<String, Vec<&str>>, Failure> {
    let mut caught: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, scenario) in scenarios {
        if interrupt::interrupted() {
            return Err(Failure { code: LOST, text: "interrupted".into() });
        }
        let judgement = judged(name, scenario, &Spec::BuiltIn(BuiltIn::Reference(Some(mutation))))?;
        for outcome in judgement.as_expected().iter().filter(|one| one.verdict == Verdict::Fail) {
            caught.entry(outcome.id.clone()).or_default().push(name);
        }
    }
    Ok(caught)
}

fn row(mutation: Mutation, caught: &BTreeMap<String, Vec<&str>>) -> String {
    let checks: Vec<String> = caught
        .iter()
        .map(|(id, names)| {
            let more = names.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(", {more} more") } else { String::new() };
            format!("{id} ({}{more})", names[..names.len().min(NAMED)].join(", "))
        })
        .collect();
    let text = if checks.is_empty() { "NOT CAUGHT".to_string() } else { checks.join("; ") };
    format!("{:<24} {text}", mutation.name())
}
