//! The scenarios of a run: which, the loop with the balancer of the rig, and what is said of those that were not played.
//!
//! A built-in balancer runs on every core. A program is started for one scenario after the other: two of it at once
//! might want the same port or file. Where the DUT is the dongle there is one of it, and one scenario at a time too.

use super::crew::{self, Next};
use super::play::{SILENT_TRIALS, why_not};
use super::select::Wanted;
use crate::failure::Failure;
use crate::scenarios::File;
use hanbench_core::balance::Trouble;
use hanbench_core::scenario::{Measured, Scenario};
use hanbench_core::sim::ReferenceDongle;
use hanbench_core::verdict::balance::SUITE;
use hanbench_core::verdict::balance::laws::{self, METAMORPHIC};
use hanbench_core::verdict::balance::trial::{
    LOOP_TRIAL_VERSION, LoopTrial, Recording, Stopped, TwinTrial, checks,
};
use hanbench_core::verdict::results::Outcome as Judged;
use hanbench_core::verdict::trial::{NO_RATIO, RatioSetting};
use hanbench_core::verdict::{Cause, Verdict};
use hanbench_rig::balancer::Spec;
use hanbench_rig::config::{Input, Rig};
use hanbench_rig::evidence::Folder;
use hanbench_rig::session::{LoopDongle, Speed};
use hanbench_rig::{RigError, interrupt};
use std::thread;

/// What a balancer lives on.
const CURRENTS: [&str; 3] = ["current_l1_a", "current_l2_a", "current_l3_a"];

/// A scenario, with the seed that it is played with, and the checks asked for.
pub(super) struct Task {
    pub(super) file: File,
    pub(super) checks: Vec<String>,
}

/// The scenarios of the run. On a rig without a balancer they are only spoken of where the suite was named.
///
/// The seed of the run moves that of each scenario: 1, the default, leaves it as it is, `N` adds N − 1.
pub(super) fn select(
    wanted: &Wanted<'_>,
    seed: u64,
    files: Vec<File>,
    rig: &Rig,
) -> (Vec<Task>, Vec<Judged>) {
    let mut tasks: Vec<Task> = Vec::new();
    for mut file in files {
        let mut checks = checks();
        checks.retain(|id| wanted.wants(SUITE, id, &file.subject));
        file.scenario.seed = file.scenario.seed.wrapping_add(seed.wrapping_sub(1));
        if !checks.is_empty() {
            tasks.push(Task { file, checks });
        }
    }
    if rig.balancer.is_some() {
        let (tasks, others): (Vec<Task>, Vec<Task>) =
            tasks.into_iter().partition(|task| not_for_dut(rig, &task.file.scenario).is_none());
        let each = |task: &Task| {
            let reason = not_for_dut(rig, &task.file.scenario).unwrap_or_default();
            beside(task, Verdict::NotApplicable, None, &reason)
        };
        let outcomes = others.iter().flat_map(each).collect();
        return (tasks, outcomes);
    }
    if !wanted.names(SUITE) {
        return (Vec::new(), Vec::new());
    }
    let reason = "the rig file has no table [balancer]: this rig has no load balancer";
    let each = |task: &Task| beside(task, Verdict::NotApplicable, None, reason);
    let outcomes = tasks.iter().flat_map(each).collect();
    (Vec::new(), outcomes)
}

/// Why a scenario says nothing of the DUT of this rig, where that is the dongle.
fn not_for_dut(rig: &Rig, scenario: &Scenario) -> Option<String> {
    if !rig.dut_in_loop {
        return None;
    }
    let Measured::Han(profile) = &scenario.meter.measured else {
        return Some("this site is measured by clamps; the DUT hears no meter".into());
    };
    let family = profile.family.word();
    if !rig.terms.supports.iter().any(|word| word == family) {
        return Some(format!("the rig file does not list `{family}` under [dut] supports"));
    }
    if let Some(key) = CURRENTS.into_iter().find(|key| rig.terms.omits.iter().any(|word| word == key)) {
        return Some(format!(
            "the rig file lists `{key}` under [dut] omits, and no balancer can do without it"
        ));
    }
    // The balancer is told the ratio of the site and multiplies by itself.
    match &rig.terms.ratio {
        RatioSetting::Fixed(fixed) if fixed != NO_RATIO => Some(format!(
            "the DUT is set to a ratio of {fixed}, and the scenarios need one that does not multiply"
        )),
        _ => None,
    }
}

/// Plays the scenarios and keeps them as evidence, in their order.
pub(super) fn play(
    rig: &Rig,
    speed: Option<Speed>,
    tasks: &[Task],
    folder: &mut Folder,
) -> crew::Played<LoopTrial> {
    let Some(balancer) = rig.balancer.as_ref().filter(|_| !tasks.is_empty()) else {
        return Ok((Vec::new(), None));
    };
    let hands: Vec<Option<LoopDongle>> = match balancer {
        _ if rig.dut_in_loop => {
            let default = if rig.input == Input::Pty { Speed::Max } else { Speed::Real };
            vec![Some(LoopDongle::open(rig.clone(), speed.unwrap_or(default), None)?)]
        }
        Spec::BuiltIn(_) => {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            (0..cores.min(tasks.len())).map(|_| None).collect()
        }
        Spec::Process(..) => vec![None],
    };
    crew::play(
        hands,
        tasks.len(),
        |dongle, at| trial(balancer, dongle.as_mut(), &tasks[at]),
        |trial, before| {
            // What Ctrl-C has cut short shows nothing.
            if interrupt::interrupted() && is_cut(trial) {
                return Ok(Next::Drop);
            }
            folder.trial(&trial.name, trial).map_err(|error| Failure::input(error.to_string()))?;
            // Nothing was ever answered. Waiting on would cost minutes and prove nothing more.
            let silent =
                is_silent(trial) && before.len() + 1 >= SILENT_TRIALS && before.iter().all(is_silent);
            Ok(if silent { Next::Enough } else { Next::GoOn })
        },
    )
}

/// A run of it was ended by somebody else than the balancer.
fn is_cut(trial: &LoopTrial) -> bool {
    trial.runs().any(|run| matches!(&run.stopped, Some(Stopped { trouble: Trouble::Rig(_), .. })))
}

fn is_silent(trial: &LoopTrial) -> bool {
    trial.run.answers.as_ref().is_some_and(|answers| answers.batches == 0)
}

fn trial(balancer: &Spec, dongle: Option<&mut LoopDongle>, task: &Task) -> Result<LoopTrial, RigError> {
    let file = &task.file;
    let asked = task.checks.iter().any(|id| id == METAMORPHIC);
    let (run, twins) = match dongle {
        Some(dongle) => {
            dongle.begin()?;
            let (ended, answers) = balancer.play(&file.scenario, dongle, &mut ())?;
            let (heard, pacing) = dongle.finish();
            (Recording { heard: Some(heard), pacing, ..Recording::new(&ended, answers) }, Vec::new())
        }
        None => {
            let (ended, answers) = balancer.play(&file.scenario, &mut ReferenceDongle::default(), &mut ())?;
            let twins = if asked && ended.trouble.is_none() { twins(balancer, task)? } else { Vec::new() };
            (Recording::new(&ended, answers), twins)
        }
    };
    let name = file.subject.strip_prefix("fixtures/scenarios/").unwrap_or(&file.subject);
    let name = name.strip_suffix(".toml").unwrap_or(name).replace('/', "-");
    Ok(LoopTrial {
        version: LOOP_TRIAL_VERSION,
        name: format!("balance-{name}"),
        subject: file.subject.clone(),
        checks: task.checks.clone(),
        scenario: file.text.clone(),
        traces: file.traces.clone(),
        seed: file.scenario.seed,
        balancer: balancer.name(),
        run,
        twins,
    })
}

/// Plays the twins that the laws of a scenario ask for, each with the balancer at its start.
fn twins(balancer: &Spec, task: &Task) -> Result<Vec<TwinTrial>, RigError> {
    let mut kept = Vec::new();
    laws::play(&task.file.scenario, |change, twin, shares| {
        let (ended, answers) = balancer.play(twin, &mut ReferenceDongle::default(), shares)?;
        kept.push(TwinTrial { with: change.to_string(), run: Recording::new(&ended, answers) });
        Ok(ended)
    })
    .map(|_| kept)
}

/// Outcomes for scenarios that were not played.
pub(super) fn not_carried_out(tasks: &[Task], trials: &[LoopTrial], lost: Option<&Failure>) -> Vec<Judged> {
    let silent = "it was not played: the balancer had answered nothing at all in the scenarios before";
    let (verdict, cause, reason) = why_not(lost, silent);
    let rest = tasks.get(trials.len()..).unwrap_or_default();
    rest.iter().flat_map(|task| beside(task, verdict, Some(cause), &reason)).collect()
}

/// Outcomes that rest on no trial.
fn beside(task: &Task, verdict: Verdict, cause: Option<Cause>, reason: &str) -> Vec<Judged> {
    let subject = &task.file.subject;
    let outcome = |id: &String| Judged::without_trial((SUITE, id, subject), verdict, cause, reason);
    task.checks.iter().map(outcome).collect()
}
