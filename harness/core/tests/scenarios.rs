//! Every scenario of the repository: it can be read, it says what has to come of it, and with the reference balancer
//! that comes.

#![allow(clippy::unwrap_used, missing_docs)]

use hanbench_core::balance::reference::Reference;
use hanbench_core::balance::{About, Command, Doing, Event, Link, Sample, Status, json};
use hanbench_core::scenario::{Draw, Quantity, Scenario};
use hanbench_core::sim::{ReferenceDongle, Watch, run};
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::balance::{Judge, Judgement};
use hanbench_core::verdict::results::Outcome;
use rstest::rstest;
use std::fmt::Write as _;
use std::path::PathBuf;

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::parse(text, &|_| Err("it is not there".into())).map_err(|error| error.to_string())
}

fn read(path: &PathBuf) -> Scenario {
    let text = std::fs::read_to_string(path).unwrap();
    parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn judged(scenario: &Scenario) -> Judgement {
    let mut judge = Judge::new(scenario, "reference");
    let mut balancer = Reference::new(scenario.tuning);
    let ended = run(scenario, &mut ReferenceDongle::default(), &mut balancer, &mut judge);
    judge.finish(&ended)
}

#[rstest]
fn a_scenario_says_what_it_shows_and_what_has_to_come_of_it(
    #[files("../../fixtures/scenarios/*.toml")] path: PathBuf,
) {
    let scenario = read(&path);
    assert!(scenario.about.len() > 30, "{}", scenario.about);
    let source = scenario.source.as_str();
    let cites = ["balancing, section", "field bug", "B-"].iter().any(|start| source.starts_with(start));
    assert!(cites, "{source}");
    // Scenarios that measure rules expect nothing of their own; the checks hold for them as for all.
    let measures = path.file_stem().unwrap().to_str().unwrap().starts_with("rules-");
    assert!(measures || !scenario.expects.is_empty());
    for expect in &scenario.expects {
        if let Quantity::Checks(ids) = &expect.what {
            assert!(!ids.is_empty() && ids.iter().all(|id| id.starts_with("balance.")), "{ids:?}");
        }
    }
}

#[rstest]
fn the_reference_balancer_does_what_is_expected(#[files("../../fixtures/scenarios/*.toml")] path: PathBuf) {
    let scenario = read(&path);
    let judgement = judged(&scenario);
    let short = |one: &Outcome| {
        format!("{} {}: {}", one.verdict.word(), one.id, one.reason.clone().unwrap_or_default())
    };
    let missed = judgement
        .as_expected()
        .iter()
        .filter(|one| one.verdict > Verdict::Pass)
        .map(short)
        .collect::<Vec<_>>();
    assert!(missed.is_empty(), "{}: {missed:#?}", path.display());
}

/// Hears alarms about the wiring.
#[derive(Default)]
struct Wiring(Vec<u64>);

impl Watch for Wiring {
    fn answered(&mut self, t_ms: u64, _events: &[Event], commands: &[Command]) {
        let about = |command: &&Command| matches!(command, Command::Alarm { about: About::Wiring, .. });
        self.0.extend(commands.iter().find(about).map(|_| t_ms));
    }
}

/// All 48 ways to put on three clamps (B-32): the right one is believed, all others are found while each car comes,
/// goes and comes again, and the fuse holds.
#[test]
fn every_wrong_way_to_put_on_clamps_is_found() {
    let text = include_str!("../../../fixtures/scenarios/clamp-faults-none.toml");
    let right = "reversed = []\norder = [1, 2, 3]";
    assert!(text.contains(right));
    let mut silent = Vec::new();
    for order in ["1, 2, 3", "1, 3, 2", "2, 1, 3", "2, 3, 1", "3, 1, 2", "3, 2, 1"] {
        for reversed in ["", "1", "2", "3", "1, 2", "1, 3", "2, 3", "1, 2, 3"] {
            let clamps = format!("reversed = [{reversed}]\norder = [{order}]");
            let scenario = parse(&text.replace(right, &clamps)).unwrap();
            let mut wiring = Wiring::default();
            let mut balancer = Reference::new(scenario.tuning);
            run(&scenario, &mut ReferenceDongle::default(), &mut balancer, &mut wiring);
            if wiring.0.is_empty() {
                silent.push(clamps);
            }
            let fuse = judged(&scenario).outcomes.into_iter().find(|outcome| outcome.id == "balance.fuse");
            let fuse = fuse.unwrap();
            assert_eq!(fuse.verdict, Verdict::Pass, "{order}, {reversed} reversed: {:?}", fuse.reason);
        }
    }
    assert_eq!(silent, [right]);
}

const HOUSE: &str = "\
[scenario]
about = \"a house\"
source = \"our own\"
duration_s = 600

[fuse]
rated_a = 25

[[charger]]
name = \"cp\"

[[car]]
charger = \"cp\"
";

const LAWS: &str = "[[expect]]\nwhat = \"laws\"\n";

#[test]
fn a_bad_file_is_refused_with_the_line_and_what_was_expected() {
    assert_eq!(parse(HOUSE).err(), None);
    let end = |table: &str| format!("{HOUSE}\n{table}");
    let laws = |keys: &str| format!("{HOUSE}\n{LAWS}{keys}");
    let cases = [
        ("no such table", end("[fuses]\nrated_a = 25")),
        ("a typo in a key", HOUSE.replace("rated_a", "rated")),
        ("no fuse", HOUSE.replace("[fuse]\nrated_a = 25\n", "")),
        ("a fuse of no table", HOUSE.replace("rated_a = 25", "rated_a = 12")),
        ("half an ampere of fuse", HOUSE.replace("rated_a = 25", "rated_a = 25.5")),
        ("a kind of fuse that nobody makes", HOUSE.replace("rated_a = 25", "rated_a = 25\nmodel = \"slow\"")),
        ("no number", HOUSE.replace("rated_a = 25", "rated_a = nan")),
        ("a text for a number", HOUSE.replace("duration_s = 600", "duration_s = \"600\"")),
        ("no time at all", HOUSE.replace("duration_s = 600", "duration_s = 0")),
        (
            "a start on no calendar",
            HOUSE.replace("duration_s = 600", "duration_s = 600\nstart = \"2026-02-30T00:00:00Z\""),
        ),
        (
            "a start that no clock of a meter shows",
            HOUSE.replace("duration_s = 600", "duration_s = 600\nstart = \"9999-12-30T22:00:00Z\""),
        ),
        ("a circuit without a name", end("[[circuit]]\nname = \"\"\nlimit_a = 16")),
        ("a limit above the breaker", end("[[circuit]]\nname = \"a\"\nbreaker_a = 16\nlimit_a = 80")),
        ("a charger like the link of the dongle", end("[[charger]]\nname = \"meter\"")),
        ("a cable of nothing", HOUSE.replace("name = \"cp\"", "name = \"cp\"\ncable_a = 0")),
        (
            "three phases of one",
            end("[grid]\nkind = \"tn-1\"").replace("name = \"cp\"", "name = \"cp\"\nphases = 3"),
        ),
        ("a column of no trace", end("[[load]]\nat = \"L1\"\na = 1\ncolumn = \"x\"")),
        ("the sun without a house", end("[[load]]\nat = \"L1\"\na = 1\nsun_w = 5000")),
        ("the charger of another event", end("[[event]]\nat_s = 1\nwhat = \"meter-down\"\ncharger = \"cp\"")),
        ("an event that never happens", end("[[event]]\nat_s = 1\nwhat = \"meter-down\"\ntimes = 0")),
        ("a zone that is not there", end("[told]\nzone = \"Europe/Trondheim\"")),
        (
            "a key of another expectation",
            end("[[expect]]\nwhat = \"alarm\"\nabout = \"meter\"\ncharger = \"cp\""),
        ),
        ("more at least than at most", end("[[expect]]\nwhat = \"offered\"\nmin_a = 10\nmax_a = 6")),
        ("one value and two", end("[[expect]]\nwhat = \"offered\"\na = 10\nmax_a = 12")),
        ("a link that loses everything", end("[links]\nloss = 1")),
        ("an unknown grid", end("[grid]\nkind = \"tn-2\"")),
        (
            "two circuits of one name",
            end("[[circuit]]\nname = \"a\"\nlimit_a = 16\n[[circuit]]\nname = \"a\"\nlimit_a = 16"),
        ),
        (
            "a circuit behind one that comes later",
            end("[[circuit]]\nname = \"a\"\nparent = \"b\"\nlimit_a = 16"),
        ),
        ("a circuit without a limit", end("[[circuit]]\nname = \"a\"")),
        ("a load on a phase that is not there", end("[[load]]\nat = \"L1-L2\"\na = 1")),
        ("a load of two units", end("[[load]]\nat = \"L1\"\na = 1\nw = 230")),
        ("a load of nothing", end("[[load]]\nat = \"L1\"")),
        ("steps that go back", end("[[load]]\nat = \"L1\"\na = 1\nsteps = [[20, 1], [10, 2]]")),
        ("a trace that is not there", end("[[load]]\nat = \"L1\"\ntrace = \"house.csv\"")),
        ("two chargers of one name", end("[[charger]]\nname = \"cp\"")),
        ("no charger at all of many", end("[[charger]]\nname = \"p\"\ncount = 0")),
        ("a charger of two phases", HOUSE.replace("name = \"cp\"", "name = \"cp\"\nphases = 2")),
        ("lines that are no order", HOUSE.replace("name = \"cp\"", "name = \"cp\"\norder = [1, 1, 2]")),
        ("a car at no charger", HOUSE.replace("charger = \"cp\"", "charger = \"pc\"")),
        ("cars at no charger", HOUSE.replace("charger = \"cp\"", "charger = \"pc*\"")),
        ("two cars at one charger", end("[[car]]\ncharger = \"cp\"\nfrom_s = 300")),
        (
            "a car that goes before it comes",
            HOUSE.replace("charger = \"cp\"", "charger = \"cp\"\nfrom_s = 20\nto_s = 10"),
        ),
        ("a car of too much", HOUSE.replace("charger = \"cp\"", "charger = \"cp\"\nmin_a = 16\nmax_a = 6")),
        ("negative seconds", end("[[event]]\nat_s = -1\nwhat = \"meter-down\"")),
        ("an unknown event", end("[[event]]\nat_s = 1\nwhat = \"earthquake\"")),
        ("an event without its charger", end("[[event]]\nat_s = 1\nwhat = \"reboot\"")),
        ("an event again and again at once", end("[[event]]\nat_s = 1\nwhat = \"meter-down\"\ntimes = 3")),
        (
            "a change that would end by itself",
            end("[[event]]\nat_s = 1\nfor_s = 5\nwhat = \"voltage\"\nvolts = [184, 184, 184]"),
        ),
        ("an unknown meter", end("[meter]\nprofile = \"aidon\"")),
        ("a meter and clamps", end("[meter]\nprofile = \"aidon-6534\"\nclamps_a = 100")),
        ("clamps of a meter", end("[meter]\nreversed = [1]")),
        ("a ratio that is none", end("[meter]\nratio = \"100\"")),
        ("a loss of more than all", end("[links]\nloss = 1.5")),
        ("settings of an unknown charger", end("[told.charger.pc]\npriority = 1")),
        ("settings of an unknown circuit", end("[told.circuit.b]\nlimit_a = 10")),
        ("a budget without a limit", end("[[budget]]\nfrom = \"22:00\"\nto = \"06:00\"")),
        ("a budget on no clock", end("[[budget]]\nfrom = \"25:00\"\nto = \"06:00\"\nlimit_a = 10")),
        ("a typo of the balancer", end("[balancer]\nmargin = 1")),
        ("an expectation of nothing", end("[[expect]]\nwhat = \"offered\"")),
        ("an unknown expectation", end("[[expect]]\nwhat = \"joy\"")),
        ("an expectation after the end", end("[[expect]]\nwhat = \"offered\"\na = 6\nat_s = 601")),
        (
            "an expectation that ends before it begins",
            end("[[expect]]\nwhat = \"offered\"\na = 6\nfrom_s = 20\nto_s = 10"),
        ),
        (
            "heat of a circuit without a fuse",
            end(
                "[[circuit]]\nname = \"a\"\nlimit_a = 16\n[[expect]]\nwhat = \"heat\"\ncircuit = \"a\"\npart = 1",
            ),
        ),
        ("a law with a slip of the finger", laws("hold = [\"order\", \"more-laod\"]")),
        ("a law that nobody made", laws("hold = [\"gravity\"]")),
        ("laws without one", laws("")),
        ("a law twice", laws("hold = [\"ratio\", \"ratio\"]")),
        ("the order of one", laws("hold = [\"order\"]")),
        ("laws at a moment", laws("hold = [\"ratio\"]\nat_s = 300")),
        (
            "laws about nobody",
            laws("hold = [\"ratio\"]").replace("charger = \"cp\"", "charger = \"cp\"\nfrom_s = 10"),
        ),
        ("laws in two places", format!("{}{LAWS}hold = [\"turned\"]\n", laws("hold = [\"ratio\"]\n"))),
        ("a household that is turned", laws("hold = [\"turned\"]\n[[load]]\nhouse = 7")),
        ("one line that is turned", laws("hold = [\"turned\"]\n[grid]\nkind = \"tn-1\"")),
        ("load on one of three wires", laws("hold = [\"more-load\"]\n[grid]\nkind = \"it-3\"")),
        ("ten times too much", laws("hold = [\"ratio\"]\n[meter]\nratio = \"200000:1\"")),
        ("the laws of an alarm", end("[[expect]]\nwhat = \"alarm\"\nabout = \"meter\"\nhold = [\"ratio\"]")),
        ("an alarm about nothing known", end("[[expect]]\nwhat = \"alarm\"\nabout = \"weather\"")),
    ];
    let mut words = String::new();
    for (what, text) in cases {
        let error = parse(&text).err().unwrap_or_else(|| panic!("{what} was accepted"));
        writeln!(words, "{what}\n    {error}").unwrap();
    }
    insta::assert_snapshot!(words);
}

/// The unit stands in the name of the column, whether the scenario names the column or takes the second.
#[test]
fn a_trace_is_in_the_unit_that_its_column_says() {
    let traced = |key: &str, trace: &str| {
        let text = format!("{HOUSE}\n[[load]]\nat = \"L1\"\ntrace = \"t.csv\"\n{key}");
        Scenario::parse(&text, &|_| Ok(trace.to_string())).map_err(|error| error.to_string())
    };
    let steps = |key: &str, trace: &str| match traced(key, trace).unwrap().loads[0].draw.clone() {
        Draw::Steps(steps) => steps,
        house => panic!("{house:?}"),
    };
    let both = "t_s,l1_w,l1_a\n0,2300,7\n10,230,8\n";
    assert_eq!(steps("", both), [(0, 10_000), (10_000, 1_000)]);
    assert_eq!(steps("column = \"l1_w\"", both), steps("", both));
    assert_eq!(steps("column = \"l1_a\"", both), [(0, 7_000), (10_000, 8_000)]);
    for (trace, words) in [
        ("0,5\n10,7\n", "line 1: expected the names of the columns, not 0, 5"),
        ("t_s,a\n0,1\n5,1e9\n", "line 3: 1000000000; expected -4000 to 4000"),
        ("t_s,a_w\n0,nan\n", "line 2: expected two numbers"),
    ] {
        let error = traced("", trace).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn many_chargers_alike_have_numbers_and_a_car_may_be_at_each() {
    let many = HOUSE.replace("name = \"cp\"", "name = \"cp\"\ncount = 3\nmax_a = 20");
    let scenario = parse(&many.replace("charger = \"cp\"", "charger = \"cp-*\"")).unwrap();
    let names: Vec<&str> = scenario.chargers.iter().map(|charger| charger.name.as_str()).collect();
    assert_eq!(names, ["cp-1", "cp-2", "cp-3"]);
    assert!(scenario.chargers.iter().all(|charger| charger.settings.max_ma == 20_000));
    assert_eq!(scenario.cars.iter().map(|car| car.charger).collect::<Vec<_>>(), [0, 1, 2]);
}

/// The blocks of code in the part of the README that begins with this heading.
fn blocks(heading: &str) -> Vec<String> {
    let readme = include_str!("../../../fixtures/README.md");
    let (_, part) = readme.split_once(&format!("\n{heading}\n")).unwrap();
    part.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap().1.to_string()).collect()
}

#[test]
fn the_scenario_in_the_readme_is_the_file() {
    let file = include_str!("../../../fixtures/scenarios/outage-none.toml");
    let example = parse(&blocks("## Scenarios")[0]).unwrap();
    let file = parse(file).unwrap();
    assert_eq!((&example.about, &example.source), (&file.about, &file.source));
    assert!(example.expects.iter().all(|expect| file.expects.iter().any(|other| other.what == expect.what)));
}

#[test]
fn the_batch_and_the_answer_in_the_readme_are_those_of_the_protocol() {
    let budget = "[[budget]]\nfrom = \"22:00\"\nto = \"06:00\"\nlimit_a = 10\n";
    let site = parse(&format!("{HOUSE}\n{budget}")).unwrap().site;
    let sample = Sample {
        i_ma: [Some(8_100), None, Some(3_900)],
        u_mv: [Some(230_100), Some(230_000), Some(229_800)],
        p_w: Some(4_200),
        q_var: Some(-120),
        list: 2,
    };
    let status = Status {
        id: 0,
        doing: Doing::Charging,
        i_ma: [5_900; 3],
        offered_ma: 6_000,
        phases: 3,
        max_ma: 32_000,
        offline_ma: Some(6_000),
        boots: 1,
        session_wh: 1_250,
    };
    let events = [
        Event::Config(Box::new(site.clone())),
        Event::Meter(sample),
        Event::Charger(status),
        Event::Link { what: Link::Meter, up: false },
        Event::Tick,
    ];
    let said: serde_json::Value = serde_json::from_str(&json::batch(10_000, &events, &site)).unwrap();
    let shown = blocks("## The `process` balancer");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown[0]).unwrap(), said, "{said}");
    let mut commands = Vec::new();
    json::answer(&shown[1], &site, &mut commands).unwrap();
    assert_eq!(commands.len(), 3, "{commands:?}");
}
