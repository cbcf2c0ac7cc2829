//! A run that is kept is judged again from what was kept, and from nothing else.

use crate::house::{Does, house};
use hanbench_core::balance::built_in::BuiltIn;
use hanbench_core::balance::reference::{Reference, Tuning};
use hanbench_core::balance::{Balancer, Command, Event, Site, Trouble};
use hanbench_core::report;
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{self, Ended, ReferenceDongle, Watch};
use hanbench_core::verdict::balance::Judge;
use hanbench_core::verdict::balance::trial::{
    Answer, Answers, LOOP_TRIAL_VERSION, LoopTrial, Recording, Stopped, checks, judge,
};
use hanbench_core::verdict::results::{Outcome, Results};
use hanbench_core::verdict::trials::Trials;
use hanbench_core::verdict::{Cause, Verdict};
use serde_json::{Value, json};

const PATH: &str = "evidence/balance-a.json";

fn parse(text: &str) -> Scenario {
    Scenario::parse(text, &|_| Err("it is not there".into())).expect("a scenario")
}

/// What a run leaves of a built-in balancer, or of a program that did as `balancer` does.
pub fn kept(text: &str, name: &str, program: Option<Box<dyn Balancer + '_>>) -> LoopTrial {
    let scenario = parse(text);
    let is_program = program.is_some();
    let own = || BuiltIn::named(name).expect("a name").start(scenario.tuning);
    let (ended, answers) = recorded(&scenario, program.unwrap_or_else(own), &mut ());
    LoopTrial {
        version: LOOP_TRIAL_VERSION,
        name: "balance-a".into(),
        subject: "fixtures/scenarios/a.toml".into(),
        checks: checks(),
        scenario: text.into(),
        traces: Default::default(),
        seed: scenario.seed,
        balancer: name.into(),
        run: Recording::new(&ended, is_program.then_some(answers)),
        twins: Vec::new(),
    }
}

/// One run, and what a program would have printed.
pub fn recorded(
    scenario: &Scenario,
    inner: Box<dyn Balancer + '_>,
    watch: &mut impl Watch,
) -> (Ended, Answers) {
    let mut recorder = Recorder { inner, site: None, answers: Answers::default() };
    let ended = sim::run(scenario, &mut ReferenceDongle::default(), &mut recorder, watch);
    (ended, recorder.answers)
}

/// Writes down what a balancer says, as the lines that a program would print.
struct Recorder<'a> {
    inner: Box<dyn Balancer + 'a>,
    site: Option<Site>,
    answers: Answers,
}

impl Balancer for Recorder<'_> {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        for event in events {
            if let Event::Config(site) = event {
                self.site = Some(Site::clone(site));
            }
        }
        self.inner.answer(t_ms, events, commands)?;
        let site = self.site.as_ref().expect("settings come first");
        if !commands.is_empty() {
            let said: Vec<Value> = commands.iter().map(|command| said(command, site)).collect();
            let line = json!({"commands": said}).to_string();
            self.answers.lines.push(Answer { batch: self.answers.batches, t_ms, line });
        }
        self.answers.batches += 1;
        Ok(())
    }
}

fn said(command: &Command, site: &Site) -> Value {
    let name = |id: usize| site.chargers[id].name.clone();
    match command {
        Command::Limit { id, current_ma, phases, ttl_ms } => json!({
            "type": "limit", "id": name(*id), "current_ma": current_ma, "phases": phases,
            "ttl_s": *ttl_ms as f64 / 1000.0,
        }),
        Command::Offline { id, current_ma, phase } => {
            json!({"type": "offline", "id": name(*id), "current_ma": current_ma, "phase": phase})
        }
        Command::Alarm { about, text } => json!({"type": "alarm", "about": about.word(), "text": text}),
    }
}

pub fn again(trial: &LoopTrial) -> LoopTrial {
    let text = serde_json::to_string(trial).expect("JSON");
    let read = serde_json::from_str(&text).expect("the same");
    assert_eq!(&read, trial);
    read
}

pub fn of<'a>(outcomes: &'a [Outcome], id: &str) -> &'a Outcome {
    outcomes.iter().find(|one| one.id == id).unwrap_or_else(|| panic!("{id}"))
}

/// Every check asked for is an error of the harness, and says these words.
pub fn refused(trial: &LoopTrial, words: &str) {
    let outcomes = judge(trial, PATH);
    assert_eq!(outcomes.len(), trial.checks.len());
    for outcome in outcomes {
        assert_eq!((outcome.verdict, outcome.cause), (Verdict::Error, Some(Cause::Harness)), "{outcome:?}");
        assert!(outcome.reason.as_deref().is_some_and(|reason| reason.contains(words)), "{outcome:?}");
    }
}

const COOKER: &str = "[[load]]\nat = \"L1\"\na = 0\nsteps = [[600, 9], [1800, 0]]\n";

#[test]
fn a_built_in_balancer_is_judged_again_from_its_name() {
    let text = house(COOKER);
    let trial = again(&kept(&text, "none", None));
    let outcomes = judge(&trial, PATH);
    assert_eq!(of(&outcomes, "balance.fuse").verdict, Verdict::Fail);
    assert_eq!(of(&outcomes, "balance.fuse").cause, Some(Cause::Dut));
    let twice = of(&outcomes, "balance.deterministic");
    assert_eq!(twice.verdict, Verdict::Pass);
    assert!(twice.rests_on.as_deref().is_some_and(|words| words.contains(&trial.run.trace_hash)));
    let scenario = parse(&text);
    let mut watch = Judge::new(&scenario, &trial.subject);
    let mut balancer = BuiltIn::named("none").expect("a rule").start(Tuning::default());
    let ended = sim::run(&scenario, &mut ReferenceDongle::default(), balancer.as_mut(), &mut watch);
    let mut direct = watch.finish(&ended).as_expected();
    for outcome in &mut direct {
        outcome.evidence = vec![PATH.into()];
    }
    direct.last_mut().expect("balance.deterministic").clone_from(twice);
    assert_eq!(outcomes, direct);
}

#[test]
fn a_program_is_judged_again_from_what_it_answered() {
    let text = house(COOKER);
    let trial = again(&kept(&text, "process:mine", Some(Box::new(Reference::new(Tuning::default())))));
    let answers = trial.run.answers.as_ref().expect("answers");
    assert!(answers.lines.len() * 4 < answers.batches as usize, "those that ask for nothing are left out");
    let outcomes = judge(&trial, PATH);
    assert!(outcomes.iter().all(|one| one.verdict <= Verdict::Pass), "{outcomes:#?}");
    assert_eq!(of(&outcomes, "balance.overload").verdict, Verdict::Pass);
    assert_eq!(of(&outcomes, "balance.deterministic").verdict, Verdict::NotApplicable, "it was run once");
    // The reference by its name, and the recording of it, are the same run.
    assert_eq!(kept(&text, "reference", None).run.trace_hash, trial.run.trace_hash);
}

#[test]
fn a_recording_that_does_not_come_to_its_trace_is_refused() {
    let text = house(COOKER);
    let honest = kept(&text, "process:mine", Some(Box::new(Reference::new(Tuning::default()))));
    let mut bent = honest.clone();
    let lines = &mut bent.run.answers.as_mut().expect("answers").lines;
    let line = lines.iter_mut().find(|one| one.line.contains("\"limit\"")).expect("a limit");
    line.line = line.line.replacen("\"current_ma\":", "\"current_ma\":1", 1);
    refused(&bent, "and no longer");
    let mut short = honest.clone();
    short.run.answers.as_mut().expect("answers").batches = 100;
    refused(&short, "and no longer");
    let mut moved = honest.clone();
    moved.run.answers.as_mut().expect("answers").lines[3].batch += 1;
    refused(&moved, "and no longer");
    // The last words of a recording are none, and the trace is that of the whole run.
    let mut ended = honest.clone();
    let trouble = Trouble::Twice("a second line".into());
    ended.run.stopped = Some(Stopped { t_ms: 5000, trouble });
    refused(&ended, "does not end as it was recorded");
    let renamed = LoopTrial { balancer: "smartevse".into(), ..kept(&text, "none", None) };
    refused(&renamed, "and no longer");
    let unknown = LoopTrial { balancer: "nobody".into(), ..kept(&text, "none", None) };
    refused(&unknown, "no balancer is called \"nobody\"");
    refused(&LoopTrial { scenario: "[scenario]\n".into(), ..honest }, "missing field");
}

#[test]
fn how_a_program_ended_is_kept() {
    let mut batches = 0;
    let dies = Failing(|| {
        batches += 1;
        (batches > 700).then(|| Trouble::Gone("exit code 7: no more".into()))
    });
    let trial = again(&kept(&house(""), "process:dies", Some(Box::new(dies))));
    let outcomes = judge(&trial, PATH);
    let protocol = of(&outcomes, "balance.protocol");
    assert_eq!((protocol.verdict, protocol.cause), (Verdict::Fail, Some(Cause::Dut)));
    assert!(
        protocol.reason.as_deref().is_some_and(|words| words.contains("exit code 7: no more")),
        "{protocol:?}"
    );
    let idle = Does(|_, _: &[Event], _: &mut Vec<Command>| ());
    let mut talks = kept(&house(""), "process:talks", Some(Box::new(idle)));
    let trouble = Trouble::Twice("a second line came".into());
    talks.run.stopped = Some(Stopped { t_ms: 3_600_000, trouble });
    let outcomes = judge(&talks, PATH);
    assert_eq!(of(&outcomes, "balance.protocol").verdict, Verdict::Fail, "what came behind the last batch");
}

/// Does nothing until it fails.
struct Failing<F>(F);

impl<F: FnMut() -> Option<Trouble>> Balancer for Failing<F> {
    fn answer(&mut self, _: u64, _: &[Event], _: &mut Vec<Command>) -> Result<(), Trouble> {
        (self.0)().map_or(Ok(()), Err)
    }
}

#[test]
fn what_a_scenario_expects_to_fail_has_passed_when_it_fails() {
    let text = house(&format!(
        "{COOKER}[[expect]]\nwhat = \"checks\"\nfails = [\"balance.fuse\", \"balance.overload\", \"balance.unmanaged\"]\n"
    ));
    let outcomes = judge(&kept(&text, "none", None), PATH);
    let fuse = of(&outcomes, "balance.fuse");
    assert_eq!((fuse.verdict, fuse.cause), (Verdict::Pass, None));
    assert!(
        fuse.rests_on.as_deref().is_some_and(|words| words.starts_with("fails, as the scenario expects"))
    );
}

#[test]
fn only_the_checks_asked_for_are_judged_and_in_their_order() {
    let mut trial = kept(&house(""), "reference", None);
    trial.checks = vec!["balance.wear".into(), "balance.fuse".into(), "balance.no-such".into()];
    let outcomes = judge(&trial, PATH);
    let ids: Vec<&str> = outcomes.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["balance.wear", "balance.fuse", "balance.no-such"]);
    assert_eq!(outcomes[2].cause, Some(Cause::Harness));
}

fn page(trials: &[LoopTrial]) -> String {
    let trials = Trials { loops: trials.to_vec(), ..Trials::default() };
    let mut results = Results {
        version: 1,
        run: Default::default(),
        rig: "virtual".into(),
        dut: String::new(),
        seed: 1,
        totals: Default::default(),
        checks: trials.judge(),
    };
    results.count();
    report::html(&results, &trials, &|_| None, &|_| Vec::new())
}

#[test]
fn the_page_shows_each_scenario_and_all_side_by_side() {
    let named = |name: &str, trial: LoopTrial| LoopTrial {
        name: format!("balance-{name}"),
        subject: format!("fixtures/scenarios/{name}.toml"),
        ..trial
    };
    let expects = "[[expect]]\nwhat = \"heat\"\npart = 0.9\n";
    let good = named("good", kept(&house(&format!("{COOKER}{expects}")), "reference", None));
    let bad = named("bad", kept(&house(COOKER), "none", None));
    let mut lost = named("lost", good.clone());
    lost.run.trace_hash = "0".into();
    let page = page(&[good, bad, lost]);
    let table = page.split("<table class=\"scenarios\">").nth(1).expect("the table");
    let table = table.split("</table>").next().expect("its end");
    let at = |text: &str| table.find(text).unwrap_or_else(|| panic!("{text} is not in {table}"));
    assert!(at(">lost<") < at(">bad<") && at(">bad<") < at(">good<"), "the worst first");
    assert!(table.contains("class=\"heat fail\"") && table.contains("class=\"heat pass\""));
    assert!(table.contains("and no longer"), "a run that cannot be repeated says why");
    for name in ["good", "bad", "lost"] {
        let section =
            page.split("<details class=\"trial\"").find(|part| part.contains(&format!(">{name}</span>")));
        let section = section.unwrap_or_else(|| panic!("no section {name}"));
        assert_eq!(section.contains("Currents at the main fuse"), name != "lost", "{name}");
        assert!(section.contains(&format!("evidence/balance-{name}.json")));
        assert_eq!(section.starts_with(" open"), name != "good", "what did not pass is unfolded");
    }
    assert!(page.contains("what = &quot;heat&quot;, part = 0.9"), "expectations are quoted");
    assert!(page.contains("href=\"#s0\"") && page.contains("id=\"s0\""));
}
