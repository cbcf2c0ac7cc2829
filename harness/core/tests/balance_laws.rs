//! Laws between two runs (balancing, section 5d, invariant 11), as `balance.metamorphic` judges them: on more sites than
//! there are scenario files with laws, and on those files.

use hanbench_core::balance::Site;
use hanbench_core::balance::built_in::BuiltIn;
use hanbench_core::balance::reference::Mutation;
use hanbench_core::balance::rules;
use hanbench_core::scenario::{Change, Event, Happening, Scenario};
use hanbench_core::sim::{self, ReferenceDongle};
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::balance::laws::{self, METAMORPHIC};
use hanbench_core::verdict::balance::{Judge, Judgement};
use hanbench_core::verdict::results::Outcome;
use std::fmt::Write;
use std::path::Path;

/// Plays a scenario and its twins.
fn judged(scenario: &Scenario, balancer: BuiltIn) -> Judgement {
    let mut judge = Judge::new(scenario, "laws");
    let start = || balancer.start(scenario.tuning);
    let ended = sim::run(scenario, &mut ReferenceDongle::default(), &mut *start(), &mut judge);
    let twins = laws::play(scenario, |_, twin, shares| {
        Ok::<_, ()>(sim::run(twin, &mut ReferenceDongle::default(), &mut *start(), shares))
    });
    judge.twins(twins.expect("nothing in process errs"));
    judge.finish(&ended)
}

fn metamorphic(scenario: &Scenario, balancer: BuiltIn) -> Outcome {
    let judgement = judged(scenario, balancer);
    judgement.outcomes.into_iter().find(|outcome| outcome.id == METAMORPHIC).expect("it is always there")
}

/// A house of so many amperes on L1, L2, L3, and one charger each: phases, and most that its car draws, amperes.
fn site(house_a: [f64; 3], chargers: &[(u8, u32)]) -> Scenario {
    let mut text = "[scenario]\nabout = \"law\"\nsource = \"law\"\nduration_s = 1500\n[fuse]\nrated_a = 35\n\
                    [[expect]]\nwhat = \"laws\"\nfrom_s = 1200\n\
                    hold = [\"order\", \"turned\", \"ratio\", \"more-load\", \"empty-place\", \"larger-limit\"]\n"
        .to_string();
    for (line, amperes) in house_a.iter().enumerate() {
        write!(text, "[[load]]\nat = \"L{}\"\na = {amperes}\n", line + 1).expect("a String takes everything");
    }
    for (at, (phases, most_a)) in chargers.iter().enumerate() {
        write!(
            text,
            "[[charger]]\nname = \"c{at}\"\nphases = {phases}\n\
             [[car]]\ncharger = \"c{at}\"\nphases = {phases}\nfrom_s = 60\nmax_a = {most_a}\nkwh = 100\n"
        )
        .expect("a String takes everything");
    }
    Scenario::parse(&text, &|name| Err(name.into())).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn sites() -> Vec<(String, Scenario)> {
    let cars = [
        vec![(3, 32), (3, 16), (1, 32)],
        vec![(3, 16), (3, 16), (3, 32), (1, 16)],
        vec![(1, 32), (1, 32)],
        vec![(3, 32), (3, 32)],
    ];
    let houses = [[2.0, 4.0, 6.0], [10.0, 1.0, 3.0], [0.5, 0.5, 12.0]];
    let all = houses.iter().flat_map(|house| cars.iter().map(|cars| (*house, cars)));
    all.map(|(house, cars)| (format!("{house:?} {cars:?}"), site(house, cars))).collect()
}

#[test]
fn the_reference_keeps_every_law_on_every_site() {
    for (name, site) in sites() {
        let outcome = metamorphic(&site, BuiltIn::Reference(None));
        assert_eq!(outcome.verdict, Verdict::Pass, "{name}: {:?}", outcome.reason);
        assert!(outcome.rests_on.is_some_and(|words| words.starts_with("12 twins, ")), "{name}");
    }
}

/// The scenario files, by their names.
fn files() -> Vec<(String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/scenarios");
    let paths = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<(String, Scenario)> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a scenario");
            let scenario = Scenario::parse(&text, &|name| Err(name.into())).expect("a scenario");
            (path.file_stem().expect("a name").to_string_lossy().into_owned(), scenario)
        })
        .collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files
}

/// Who is meant by what happens, and what somebody sets chargers to, by the names of the chargers.
fn meant(scenario: &Scenario) -> Vec<String> {
    let told = |site: &Site| {
        let mut told: Vec<String> = site.chargers.iter().map(|charger| format!("{charger:?}")).collect();
        told.sort();
        told
    };
    let of_event = |event: &Event| match &event.what {
        Happening::Charger { id, .. }
        | Happening::Reboot { id, .. }
        | Happening::Swap { id, .. }
        | Happening::StandAlone { id, .. }
        | Happening::Override { id, .. } => vec![scenario.chargers[*id].name.clone()],
        Happening::Settings(site) => told(site),
        _ => Vec::new(),
    };
    let cars = scenario.cars.iter().map(|car| scenario.chargers[car.charger].name.clone());
    cars.chain(scenario.events.iter().flat_map(of_event)).chain(told(&scenario.site)).collect()
}

#[test]
fn a_twin_is_the_same_house_and_the_twin_of_the_twin_the_same_file() {
    for (name, scenario) in files() {
        let scenario = Scenario { expects: Vec::new(), ..scenario };
        let reversed = Change::Reversed.twin(&scenario);
        assert_eq!(meant(&reversed), meant(&scenario), "{name}");
        assert_eq!(Change::Reversed.twin(&reversed), scenario, "{name}");
        assert_eq!(Change::Renamed.twin(&Change::Renamed.twin(&scenario)), scenario, "{name}");
        assert_eq!(Change::Turned(1).twin(&Change::Turned(2).twin(&scenario)), scenario, "{name}");
        if scenario.chargers.len() > 1 {
            assert_ne!(reversed, scenario, "{name}");
        }
    }
}

/// Where the laws catch a balancer, and what they say.
fn caught(balancer: BuiltIn) -> String {
    let mut words = String::new();
    for (name, scenario) in files().into_iter().filter(|(_, scenario)| scenario.laws().is_some()) {
        let outcome = metamorphic(&scenario, balancer);
        if outcome.verdict == Verdict::Fail {
            let reason = outcome.reason.unwrap_or_default();
            writeln!(words, "{:<26} {name}: {reason}", balancer.name()).expect("a String takes everything");
        }
    }
    words
}

#[test]
fn the_files_with_laws_catch_who_breaks_them() {
    assert_eq!(caught(BuiltIn::Reference(None)), "");
    let broken: String = Mutation::ALL.map(|mutation| caught(BuiltIn::Reference(Some(mutation)))).concat();
    for mutation in [Mutation::WrongPhaseOrder, Mutation::ForgetsScale, Mutation::CountsTwice] {
        assert!(broken.contains(mutation.name()), "{} is not caught:\n{broken}", mutation.name());
    }
    let rules: String = rules::ALL.map(|(name, _)| caught(BuiltIn::Rule(name))).concat();
    insta::assert_snapshot!(format!("{broken}{rules}"));
}
