//! The 48 ways to place three clamps.

use hanbench_core::site::wiring::Combination;
use hanbench_core::site::wiring::classify::{Loads, Placed, Power, Step, Voltages, after_step, classify};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

fn power(va: f64, degrees: f64) -> Power {
    let (sin, cos) = degrees.to_radians().sin_cos();
    Power { active_w: va * cos, reactive_var: va * sin }
}

/// What the channels read where every line carries a load of 2300 VA at its own angle.
fn readings(placed: Combination, phi_deg: [f64; 3]) -> [Power; 3] {
    let off = placed.angles_deg(0.0);
    [0, 1, 2].map(|at: usize| power(2300.0, off[at] + phi_deg[usize::from(placed.on()[at] - 1)]))
}

fn found(placed: Combination, phi_deg: [f64; 3], loads: Loads) -> Placed {
    classify(&readings(placed, phi_deg).map(Some), Voltages::All, loads)
}

fn combination(on: [u8; 3], reversed: [bool; 3]) -> Combination {
    Combination::new(on, reversed).expect("one clamp on each line")
}

const NONE: [bool; 3] = [false; 3];
const EVERY: [bool; 3] = [true; 3];

#[test]
fn there_are_48_and_each_line_has_one_clamp() {
    let all: BTreeSet<_> = Combination::all().collect();
    assert_eq!((all.len(), Combination::all().next()), (48, Some(Combination::RIGHT)));
    assert_eq!(Combination::new([1, 1, 3], NONE), None);
    let signatures: BTreeSet<_> =
        Combination::all().map(|one| one.angles_deg(0.0).map(|angle| angle as i32)).collect();
    assert_eq!(signatures.len(), 48);
}

#[test]
fn the_total_alone_cannot_diagnose() {
    let mut counts = BTreeMap::new();
    for one in Combination::all() {
        *counts.entry(one.total_sixths()).or_insert(0) += 1;
        assert!((one.total_ratio(0.0) - f64::from(one.total_sixths()) / 6.0).abs() < 1e-12, "{one}");
    }
    let expected =
        [(-6, 1), (-4, 3), (-3, 2), (-2, 9), (-1, 6), (0, 6), (1, 6), (2, 9), (3, 2), (4, 3), (6, 1)];
    assert_eq!(counts, BTreeMap::from(expected));
    let positive: i32 = counts.iter().filter(|(sixths, _)| **sixths > 0).map(|(_, count)| count).sum();
    assert_eq!(positive, 21);
    // The six that read 0 do so for every load: two clamps swapped, with all arrows right or all wrong.
    for phi in [-50.0, 25.0, 70.0] {
        let silent: Vec<_> = Combination::all().filter(|one| one.total_ratio(phi).abs() < 1e-12).collect();
        assert_eq!(silent.len(), 6, "{phi}: {silent:?}");
        assert!(silent.iter().all(|one| one.total_sixths() == 0));
    }
}

#[test]
fn blind_spots_of_a_total_that_looks_right() {
    let turned = combination([2, 3, 1], EVERY);
    assert!((turned.total_ratio(30.0) - 1.0).abs() < 1e-12);
    assert!(turned.angles_deg(30.0).iter().all(|angle| (angle + 30.0).abs() < 1e-9), "each leads by 30°");
    assert!((combination([3, 1, 2], NONE).total_ratio(60.0) - 1.0).abs() < 1e-12);
}

/// Scenarios 2 to 4: one turned round, two swapped, all rotated, each with 3 × 10 A.
#[test]
fn the_scenarios_of_the_field() {
    let watts = |placed| readings(placed, [0.0; 3]).map(|power: Power| power.active_w.round() as i32);
    assert_eq!(watts(combination([1, 2, 3], [false, true, false])), [2300, -2300, 2300]);
    assert_eq!(watts(combination([2, 1, 3], NONE)), [-1150, -1150, 2300]);
    assert_eq!(watts(combination([2, 3, 1], NONE)), [-1150, -1150, -1150]);
}

#[test]
fn up_to_30_degrees_the_answer_is_the_truth_or_a_list_with_it() {
    for placed in Combination::all() {
        for phi in [[0.0; 3], [29.0; 3], [-29.0; 3], [25.0, -25.0, 10.0]] {
            match found(placed, phi, Loads::ORDINARY) {
                Placed::Exactly(one) => assert_eq!(one, placed),
                Placed::Ambiguous(list) => {
                    // Only where right wiring with a poor power factor would read the same.
                    assert_eq!(list, [Combination::RIGHT, placed]);
                    assert!(
                        placed == combination([2, 3, 1], EVERY) || placed == combination([3, 1, 2], EVERY)
                    );
                }
                Placed::NotObservable(why) => panic!("{placed} at {phi:?}: {why}"),
            }
        }
    }
    // A heater behind rotated, turned clamps is a power factor of 0.5 behind right ones.
    let rotated = combination([2, 3, 1], EVERY);
    let both = Placed::Ambiguous(vec![Combination::RIGHT, rotated]);
    assert_eq!(found(rotated, [0.0; 3], Loads::ORDINARY), both);
    assert_eq!(found(Combination::RIGHT, [-60.0; 3], Loads::ORDINARY), both);
}

#[test]
fn a_wider_window_is_never_unique() {
    for phi_max_deg in [30.0, 45.0, 60.0] {
        let loads = Loads { phi_max_deg, ..Loads::ORDINARY };
        for placed in Combination::all() {
            let Placed::Ambiguous(list) = found(placed, [30.0; 3], loads) else { panic!("{placed}") };
            assert!(list.contains(&placed));
        }
    }
}

#[test]
fn eight_groups_of_six_look_alike() {
    let mut groups = BTreeSet::new();
    for placed in Combination::all() {
        let alike = placed.look_alikes();
        assert_eq!(alike[0], (placed, 0.0));
        for (other, shift) in &alike {
            for (own, theirs) in placed.angles_deg(0.0).into_iter().zip(other.angles_deg(*shift)) {
                assert!((own - theirs).rem_euclid(360.0) < 1e-9, "{placed} {other}");
            }
        }
        let mut shifts: Vec<_> = alike.iter().map(|(_, shift)| *shift as i32).collect();
        shifts.sort_unstable();
        assert_eq!(shifts, [-120, -60, 0, 60, 120, 180]);
        groups.insert(alike.into_iter().map(|(other, _)| other).collect::<BTreeSet<_>>());
    }
    assert_eq!(groups.len(), 8);
}

#[test]
fn with_one_voltage_two_clamps_are_not_observable() {
    let exported = combination([1, 2, 3], [false, true, false]);
    let Placed::Ambiguous(list) =
        classify(&readings(exported, [0.0; 3]).map(Some), Voltages::OnlyL1, Loads::ORDINARY)
    else {
        panic!("ambiguous")
    };
    assert_eq!((list.len(), list[0]), (8, Combination::RIGHT));
    assert!(list.iter().all(|one| one.on()[0] == 1 && !one.reversed()[0]));
    let idle = classify(&[None, Some(power(100.0, 0.0)), None], Voltages::OnlyL1, Loads::ORDINARY);
    assert!(matches!(idle, Placed::NotObservable(why) if why.contains("carries a current")));
}

#[test]
fn an_idle_channel_leaves_its_direction_open() {
    let placed = combination([2, 1, 3], [false, false, true]);
    let [one, two, _] = readings(placed, [0.0; 3]);
    let seen = classify(&[Some(one), Some(two), None], Voltages::All, Loads::ORDINARY);
    assert_eq!(seen, Placed::Ambiguous(vec![combination([2, 1, 3], NONE), placed]));
}

#[test]
fn with_generation_turned_and_exporting_are_the_same() {
    let loads = Loads { generation: true, ..Loads::ORDINARY };
    let Placed::Ambiguous(list) = found(Combination::RIGHT, [0.0, 180.0, 0.0], loads) else {
        panic!("ambiguous")
    };
    assert_eq!(list.len(), 8, "every direction");
    assert!(list.iter().all(|one| one.on() == [1, 2, 3]));
}

#[test]
fn two_clamps_on_one_line_are_none_of_the_48() {
    let seen = classify(
        &[power(2300.0, 0.0), power(2300.0, -120.0), power(2300.0, 0.0)].map(Some),
        Voltages::All,
        Loads::ORDINARY,
    );
    assert!(matches!(seen, Placed::NotObservable(why) if why.contains("one clamp on each line")), "{seen:?}");
}

/// The load that is switched on may lag by almost 90°.
#[test]
fn one_step_singles_out_a_look_alike() {
    for placed in Combination::all() {
        for (line, phi) in [(1, 0.0), (2, 80.0), (3, -80.0)] {
            let before = readings(placed, [0.0; 3]);
            let at = placed.on().iter().position(|on| *on == line).expect("a clamp on each line");
            let mut after = before;
            let more = power(2000.0, placed.angles_deg(phi)[at]);
            after[at].active_w += more.active_w;
            after[at].reactive_var += more.reactive_var;
            let step = Step { line, before, after };
            let alike: Vec<_> = placed.look_alikes().into_iter().map(|(other, _)| other).collect();
            assert_eq!(after_step(&alike, &step), Placed::Exactly(placed), "{placed}, step on L{line}");
        }
    }
}

#[test]
fn a_step_in_two_channels_says_nothing() {
    let before = readings(Combination::RIGHT, [0.0; 3]);
    let more = power(1000.0, 0.0);
    let after = [0, 1, 2].map(|at: usize| Power {
        active_w: before[at].active_w + if at < 2 { more.active_w } else { 0.0 },
        ..before[at]
    });
    let all: Vec<_> = Combination::all().collect();
    assert!(matches!(after_step(&all, &Step { line: 1, before, after }), Placed::NotObservable(_)));
    assert!(matches!(after_step(&all, &Step { line: 1, before, after: before }), Placed::NotObservable(_)));
}

#[test]
fn all_combinations_for_the_fitter() {
    let mut table = String::from("lines    | angles at PF 1   | total | sentence\n");
    for one in Combination::all() {
        let [a, b, c] = one.angles_deg(0.0);
        let (name, total) = (one.to_string(), one.total_sixths());
        writeln!(table, "{name:<8} | {a:>4} {b:>4} {c:>4}°  | {total:>2}/6  | {}", one.sentence())
            .expect("a string");
    }
    insta::assert_snapshot!(table);
}
