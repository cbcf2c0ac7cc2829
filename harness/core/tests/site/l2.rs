//! I2 on three wires: the golden table, degenerate lists, and which formula a claim betrays.

use crate::house::{Branch, even_lines, resistive, three_wire};
use hanbench_core::reading::{Field, Key, Milli, Reading};
use hanbench_core::site::l2::estimators::{CURRENT, Estimator};
use hanbench_core::site::l2::identify::{Identified, identify};
use hanbench_core::site::l2::triangle::{Candidates, Missing, candidates, rounding};
use hanbench_core::site::l2::{Inputs, Steps, bound};
use std::fmt::Write;

fn estimator(name: &str) -> &'static Estimator {
    CURRENT.iter().find(|row| row.name == name).expect("a row of the table")
}

fn near(found: f64, printed: f64, step: f64) -> bool {
    (found - printed).abs() <= step / 2.0 + 1e-9
}

/// Loads, true I1, I2, I3, and four estimates.
type Row = (&'static str, [Branch; 3], [f64; 3], f64, f64, f64, f64);

/// Loads of 10 A at 230 V unless named otherwise: true I1, I2, I3; the formula with √3 (not cut at 0); balanced; mean;
/// the "+" root. Printed figures of an independent calculation in another language.
#[test]
fn the_table_of_estimates_on_three_wires() {
    let r = resistive;
    let none = resistive(0.0);
    let cases: [Row; 10] = [
        ("balanced R", [r(10.0); 3], [17.3, 17.3, 17.3], 17.3, 17.3, 17.3, 17.32),
        ("balanced 0.8", [Branch(10.0, 0.8); 3], [17.3, 17.3, 17.3], 6.9, 17.3, 17.3, 17.32),
        ("L1-L2 only", [r(10.0), none, none], [10.0, 10.0, 0.0], 7.3, 10.0, 5.0, 10.0),
        ("L3-L1 only", [none, none, r(10.0)], [10.0, 0.0, 10.0], -2.7, 10.0, 10.0, 0.0),
        ("L1-L2 + L2-L3", [r(10.0), r(10.0), none], [10.0, 17.3, 10.0], 14.6, 10.0, 10.0, 17.32),
        ("L1-L2 + L3-L1", [r(10.0), none, r(10.0)], [17.3, 10.0, 10.0], 7.3, 15.1, 13.7, 10.0),
        ("EV L3-L1", [r(5.0), r(5.0), r(32.0)], [34.8, 8.7, 34.8], 3.2, 34.8, 34.8, 8.66),
        ("EV L1-L2", [r(32.0), r(5.0), r(5.0)], [34.8, 34.8, 8.7], 29.3, 31.4, 21.7, 34.77),
        ("PV L1-L2", [r(-11.0), r(5.0), r(5.0)], [9.5, 9.5, 8.7], -19.9, 9.1, 9.1, 8.72),
        ("heat pump", [none, Branch(10.0, 0.85), r(10.0)], [10.0, 10.0, 13.9], 8.1, 12.4, 12.0, 10.0),
    ];
    for (name, loads, truth, sqrt3, balanced, mean, plus) in cases {
        let (list, currents) = three_wire(even_lines(), loads);
        for (found, printed) in currents.into_iter().zip(truth) {
            assert!(near(found, printed, 0.1), "{name}: {currents:?} instead of {truth:?}");
        }
        let [u1, u2, u3] = list.voltage_v.map(Option::unwrap);
        let [i1, i3] = [currents[0], currents[2]];
        let uncut = (3.0_f64.sqrt() * list.active_w() - u1 * i1 - u3 * i3) / u2;
        assert!(near(uncut, sqrt3, 0.1), "{name}: {uncut} instead of {sqrt3}");
        for (row, printed, step) in
            [("balanced", balanced, 0.1), ("mean", mean, 0.1), ("triangle+", plus, 0.01)]
        {
            let found = estimator(row).of(&list).expect("an estimate");
            assert!(near(found, printed, step), "{name}: {row} gives {found} instead of {printed}");
        }
        if i3 > 1e-9 {
            let shipped = estimator("sqrt3-net-2020").of(&list).expect("an estimate");
            let expected = if list.export_w == 0.0 { uncut.max(0.0) } else { uncut };
            assert!((shipped - expected).abs() < 1e-9, "{name}: {shipped} instead of {expected}");
        }
        assert!(bound(i1, i3, 1e-9).contains(currents[1]), "{name}");
    }
}

/// Feeding in moves the truth to the other root; nothing in the list says so.
#[test]
fn with_export_the_mirror_root_can_be_the_truth() {
    let (list, currents) = three_wire(even_lines(), [resistive(-11.0), resistive(5.0), resistive(5.0)]);
    let Ok(Candidates::Two { plus_a, minus_a }) = candidates(&list, Steps::KAIFA) else {
        panic!("a triangle")
    };
    assert!((minus_a - currents[1]).abs() < 1e-6 && (plus_a - currents[1]).abs() > 0.5);
}

/// The hidden overload of field bugs, section 0: neither outer line shows what L2 carries.
#[test]
fn l2_can_carry_more_than_both_others() {
    let (list, currents) =
        three_wire(even_lines(), [resistive(32.0), resistive(5000.0 / 230.0), resistive(0.0)]);
    assert!(near(currents[0], 32.0, 0.1) && near(currents[1], 46.8, 0.1) && near(currents[2], 21.7, 0.1));
    assert!((estimator("triangle+").of(&list).expect("a root") - currents[1]).abs() < 1e-6);
    assert_eq!(estimator("larger").of(&list), list.current_a[0]);
}

#[test]
fn lists_without_a_triangle_say_why() {
    let steps = Steps::AIDON;
    let (list, _) = three_wire(even_lines(), [resistive(10.0), resistive(0.0), resistive(0.0)]);
    let loop_only = Inputs { current_a: [Some(10.0), None, Some(0.0)], ..list };
    assert_eq!(candidates(&loop_only, steps), Ok(Candidates::OneLoop(10.0)));
    let idle = Inputs { current_a: [Some(0.0), None, Some(0.0)], ..list };
    assert_eq!(candidates(&idle, steps), Ok(Candidates::OneLoop(0.0)));
    let unscaled = Inputs { current_a: [Some(0.5), None, Some(0.5)], ..list };
    assert!(matches!(candidates(&unscaled, steps), Ok(Candidates::NoTriangle(cosine)) if cosine > 1.0));
    assert_eq!(Candidates::NoTriangle(2.0).distance_a(3.0), None);
    let without = |list: Inputs| candidates(&list, steps);
    let even = Inputs { current_a: [Some(5.0), None, Some(5.0)], ..list };
    assert_eq!(without(Inputs { reactive_var: None, ..even }), Err(Missing::Reactive));
    assert_eq!(without(Inputs { voltage_v: [None; 3], ..even }), Err(Missing::Voltage));
    assert_eq!(without(Inputs { current_a: [Some(5.0), Some(5.0), None], ..even }), Err(Missing::Current));
}

/// 10 A on L1–L2 and 0.04 A elsewhere, to 0.1 A: the cosine comes out above 1, and rounding explains that.
#[test]
fn rounding_alone_does_not_break_a_triangle() {
    let list = Inputs {
        import_w: 2305.0,
        reactive_var: Some(0.0),
        current_a: [Some(9.9), None, Some(0.1)],
        voltage_v: [Some(230.0), Some(230.0), Some(230.0)],
        ..Inputs::default()
    };
    assert!(matches!(candidates(&list, Steps::AIDON), Ok(Candidates::Two { .. })));
    assert!(matches!(candidates(&list, Steps::KAIFA), Ok(Candidates::NoTriangle(_))));
    let [plus, minus] = rounding(&list, Steps::AIDON).expect("a complete list");
    // I3 is 0.05 to 0.15 A at any angle, so I2 is 9.85 to 9.95 A plus or minus that.
    for range in [plus, minus] {
        assert!(range.low >= 9.7 - 1e-9 && range.high <= 10.1 + 1e-9, "{range:?}");
    }
}

/// Unequal line voltages: the angle between U12 and U32 comes from the third.
#[test]
fn the_third_voltage_sets_the_angle() {
    let lines = {
        let (u12, u23) = (crate::house::polar(236.0, 30.0), crate::house::polar(221.0, -87.0));
        [u12, u23, -u12 - u23]
    };
    let (list, currents) = three_wire(lines, [resistive(20.0), resistive(3.0), resistive(9.0)]);
    let with = estimator("triangle+").of(&list).expect("a root");
    let [u1, _, u3] = list.voltage_v;
    let without = estimator("triangle+").of(&Inputs { voltage_v: [u1, None, u3], ..list }).expect("a root");
    assert!((with - currents[1]).abs() < 1e-6, "{with} instead of {}", currents[1]);
    assert!((without - currents[1]).abs() > 0.1, "60° is an assumption: {without} for {}", currents[1]);
}

#[test]
fn a_voltage_of_zero_is_not_reported_and_a_current_of_zero_is() {
    let mut reading = Reading::default();
    assert_eq!(Inputs::of(&reading), None);
    for (key, milli) in [
        (Key::ActiveImport, 1_036_000),
        (Key::ReactiveExport, 78_000),
        (Key::CurrentL1, -1_985),
        (Key::CurrentL2, 0),
        (Key::VoltageL1, 239_900),
        (Key::VoltageL2, 0),
    ] {
        reading.set(key, Field::Present(Milli(milli)));
    }
    let list = Inputs::of(&reading).expect("a list with power");
    assert_eq!(list.current_a, [Some(1.985), Some(0.0), None]);
    assert_eq!(list.voltage_v, [Some(239.9), None, None]);
    assert_eq!((list.active_w(), list.reactive_var), (1036.0, Some(-78.0)));
}

/// Lists on which the formulas differ: loads between all lines, some inductive, and export in every third list.
fn uneven_lists() -> Vec<Inputs> {
    (0..24)
        .map(|at| {
            let at = f64::from(at);
            let first = if at % 3.0 == 0.0 { resistive(-20.0 - at) } else { Branch(2.0 + at, 0.9) };
            let loads = [first, resistive(1.0 + (at * 7.0) % 23.0), Branch(3.0 + (at * 5.0) % 17.0, 0.97)];
            three_wire(even_lines(), loads).0
        })
        .collect()
}

fn claims(formula: impl Fn(&Inputs) -> f64) -> Vec<(Inputs, f64)> {
    uneven_lists().into_iter().map(|list| (list, (formula(&list) * 10.0).round() / 10.0)).collect()
}

#[test]
fn the_formula_of_a_dut_is_recognised_from_rounded_claims() {
    for row in &CURRENT {
        let claims = claims(|list| row.of(list).expect("a complete list"));
        match identify(&CURRENT, &claims, 0.06) {
            Identified::One { best, runner_up: Some(second) } => {
                assert_eq!(best.estimator.name, row.name);
                assert!(second.residual > 0.06 && best.residual <= 0.05 && best.worst <= 0.05 + 1e-9);
            }
            other => panic!("{}: {other:?}", row.name),
        }
    }
}

#[test]
fn an_unknown_formula_is_none_of_those_known() {
    let claims = claims(|list| 0.8 * list.current_a[0].expect("I1"));
    assert!(matches!(identify(&CURRENT, &claims, 0.06), Identified::Unknown { nearest: Some(_) }));
    assert!(matches!(identify(&CURRENT, &claims[..3], 0.06), Identified::TooFew(3)));
}

#[test]
fn balanced_lists_do_not_tell_formulas_apart() {
    let claims: Vec<_> = (1..20)
        .map(|at| three_wire(even_lines(), [resistive(f64::from(at)); 3]))
        .map(|(list, currents)| (list, currents[1]))
        .collect();
    let Identified::Several(fits) = identify(&CURRENT, &claims, 0.06) else { panic!("several fit") };
    let mut names: Vec<_> = fits.iter().map(|fit| fit.estimator.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["balanced", "larger", "mean", "sqrt3-2020", "sqrt3-net-2020", "triangle+"]);
}

/// A car on L3–L1 grows beside 5 A on both other pairs, then a car on L1–L2, then export on L1–L2.
#[test]
fn estimates_over_a_sweep_of_unbalance() {
    let mut table = String::from("load             I1     I2     I3 |");
    for row in &CURRENT {
        write!(table, " {:>14}", row.name).expect("a string");
    }
    table.push('\n');
    for (name, pair) in [("L3-L1", 2), ("L1-L2", 0), ("L2-L3", 1)] {
        for amperes in [-16.0, -6.0, 0.0, 6.0, 16.0, 32.0] {
            let mut loads = [resistive(5.0), Branch(5.0, 0.9), resistive(5.0)];
            loads[pair].0 += amperes;
            let (list, [i1, i2, i3]) = three_wire(even_lines(), loads);
            write!(table, "{name} {amperes:>5} A {i1:>6.2} {i2:>6.2} {i3:>6.2} |").expect("a string");
            for row in &CURRENT {
                write!(table, " {:>14.2}", row.of(&list).expect("a complete list")).expect("a string");
            }
            table.push('\n');
        }
    }
    insta::assert_snapshot!(table);
}
