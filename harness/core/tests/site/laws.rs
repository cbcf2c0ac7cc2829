//! Laws, for any currents, loads and ratios.

use crate::house::{Branch, even_lines, three_wire, with_neutral};
use hanbench_core::reading::Milli;
use hanbench_core::site::l2::triangle::{candidates, rounding};
use hanbench_core::site::l2::voltage::{from_power, possible};
use hanbench_core::site::l2::{Inputs, Steps, bound};
use hanbench_core::site::ratio::Ratio;
use num_complex::Complex64;
use quickcheck::{QuickCheck, TestResult};

/// 0 to 65.535 A.
fn amperes(raw: u16) -> f64 {
    f64::from(raw) / 1000.0
}

/// 0 to 32.767 A, every fourth load off.
fn load(raw: u16) -> f64 {
    if raw.is_multiple_of(4) { 0.0 } else { f64::from(raw) / 2000.0 }
}

fn plus(list: &Inputs) -> f64 {
    let [plus, _] = hanbench_core::site::l2::triangle::roots(list).expect("a complete list");
    plus
}

/// Not only sines: RMS of any two waveforms and of their sum, here four harmonics each.
#[test]
fn the_bound_holds_for_any_currents_that_sum_to_zero() {
    fn law(one: Vec<(i16, i16)>, three: Vec<(i16, i16)>) -> bool {
        let phasor = |wave: &[(i16, i16)], order: usize| {
            wave.get(order)
                .map_or(Complex64::default(), |(re, im)| Complex64::new(f64::from(*re), f64::from(*im)))
        };
        let (mut i1, mut i2, mut i3) = (0.0, 0.0, 0.0);
        for order in 0..one.len().max(three.len()) {
            let (first, third) = (phasor(&one, order), phasor(&three, order));
            i1 += first.norm_sqr();
            i3 += third.norm_sqr();
            i2 += (first + third).norm_sqr();
        }
        let [i1, i2, i3] = [i1, i2, i3].map(f64::sqrt);
        bound(i1, i3, 1e-9 * (i1 + i3)).contains(i2)
    }
    QuickCheck::new().tests(2000).quickcheck(law as fn(Vec<(i16, i16)>, Vec<(i16, i16)>) -> bool);
}

/// And for what a telegram carries of them, with the slack of rounding.
#[test]
fn the_bound_holds_for_rounded_currents() {
    fn law(first: (i16, i16), third: (i16, i16)) -> bool {
        let phasor = |(re, im): (i16, i16)| Complex64::new(f64::from(re), f64::from(im)) / 1000.0;
        let (first, third) = (phasor(first), phasor(third));
        let rounded = |value: f64| (value * 10.0).round() / 10.0;
        let slack = Steps::AIDON.bound_slack_a() + 1e-9;
        bound(rounded(first.norm()), rounded(third.norm()), slack).contains((first + third).norm())
    }
    QuickCheck::new().tests(2000).quickcheck(law as fn((i16, i16), (i16, i16)) -> bool);
}

#[test]
fn the_plus_root_is_exact_for_resistive_loads() {
    fn law(loads: (u16, u16, u16)) -> bool {
        let (list, currents) =
            three_wire(even_lines(), [loads.0, loads.1, loads.2].map(|raw| Branch(load(raw), 1.0)));
        (plus(&list) - currents[1]).abs() < 1e-5
    }
    QuickCheck::new().tests(5000).quickcheck(law as fn((u16, u16, u16)) -> bool);
}

#[test]
fn the_plus_root_is_exact_for_one_power_factor() {
    fn law(loads: (u16, u16, u16), factor: u8) -> bool {
        let factor = 0.3 + f64::from(factor) / 400.0;
        let (list, currents) =
            three_wire(even_lines(), [loads.0, loads.1, loads.2].map(|raw| Branch(load(raw), factor)));
        (plus(&list) - currents[1]).abs() < 1e-5
    }
    QuickCheck::new().tests(5000).quickcheck(law as fn((u16, u16, u16), u8) -> bool);
}

/// Any loads, feeding in or not, each with its own power factor: the truth is one of the two.
#[test]
fn the_truth_is_one_of_the_candidates() {
    fn law(loads: [(i16, u8); 3]) -> TestResult {
        let loads =
            loads.map(|(raw, factor)| Branch(f64::from(raw) / 1000.0, (f64::from(factor) - 127.5) / 127.5));
        let (list, currents) = three_wire(even_lines(), loads);
        if currents[0] < 0.01 || currents[2] < 0.01 {
            return TestResult::discard();
        }
        let found = candidates(&list, Steps::KAIFA).expect("a complete list");
        TestResult::from_bool(found.distance_a(currents[1]).is_some_and(|distance| distance < 1e-4))
    }
    fn arrays(a: (i16, u8), b: (i16, u8), c: (i16, u8)) -> TestResult {
        law([a, b, c])
    }
    QuickCheck::new().tests(5000).quickcheck(arrays as fn((i16, u8), (i16, u8), (i16, u8)) -> TestResult);
}

/// Rounded as Aidon sends it, the truth stays inside what rounding can do to the "+" root.
#[test]
fn rounding_stays_inside_its_interval() {
    fn law(loads: (u16, u16, u16)) -> TestResult {
        let (list, currents) =
            three_wire(even_lines(), [loads.0, loads.1, loads.2].map(|raw| Branch(load(raw), 1.0)));
        let to = |value: f64, step: f64| (value / step).round() * step;
        let rounded = Inputs {
            import_w: to(list.import_w, 1.0),
            reactive_var: list.reactive_var.map(|value| to(value, 1.0)),
            current_a: list.current_a.map(|value| value.map(|value| to(value, 0.1))),
            voltage_v: list.voltage_v.map(|value| value.map(|value| to(value, 0.1))),
            ..list
        };
        if rounded.current_a[0] == Some(0.0) || rounded.current_a[2] == Some(0.0) {
            return TestResult::discard();
        }
        let [plus, _] = rounding(&rounded, Steps::AIDON).expect("a complete list");
        TestResult::from_bool(plus.distance(currents[1]) < 0.01)
    }
    QuickCheck::new().tests(3000).quickcheck(law as fn((u16, u16, u16)) -> TestResult);
}

#[test]
fn with_a_neutral_u2_is_possible_and_known_from_power() {
    fn law(loads: (u16, u16, u16), factors: (u8, u8, u8)) -> TestResult {
        let branch = |raw, factor| Branch(amperes(raw) / 2.0, 0.5 + f64::from(factor) / 510.0);
        let loads = [branch(loads.0, factors.0), branch(loads.1, factors.1), branch(loads.2, factors.2)];
        let (list, power_factor) = with_neutral(loads);
        if list.current_a[1].is_none_or(|current| current < 1.0) {
            return TestResult::discard();
        }
        let truth = list.voltage_v[1].expect("a complete list");
        let range = possible(&list).expect("a complete list");
        let to = |value: f64, step: f64| (value / step).round() * step;
        let rounded = Inputs {
            import_w: to(list.import_w, 1.0),
            current_a: list.current_a.map(|value| value.map(|value| to(value, 0.01))),
            voltage_v: list.voltage_v.map(|value| value.map(|value| to(value, 0.1))),
            ..list
        };
        let steps = Steps { current_a: 0.01, ..Steps::KAIFA };
        let found = from_power(&rounded, power_factor, steps).expect("a current in L2");
        // A hundredth: the error is of first order.
        let close = (found.volts - truth).abs() <= 1.01 * found.error_v;
        TestResult::from_bool(range.distance(truth) < 1e-6 && close)
    }
    QuickCheck::new().tests(3000).quickcheck(law as fn((u16, u16, u16), (u8, u8, u8)) -> TestResult);
}

#[test]
fn scaling_is_exact_or_the_nearest_thousandth() {
    fn law(primary: u16, secondary: u16, milli: i64) -> TestResult {
        let (num, den) = (i128::from(primary.max(secondary)), i128::from(primary.min(secondary)));
        if den == 0 {
            return TestResult::discard();
        }
        let factor = Ratio::parse(&format!("{num}:{den}")).expect("a ratio").factor();
        let product = i128::from(milli) * num;
        match factor.apply(Milli(milli)) {
            None => TestResult::from_bool(product.abs() / den >= i128::from(i64::MAX)),
            Some(scaled) => {
                let off = (i128::from(scaled.value.0) * den - product).abs();
                TestResult::from_bool(2 * off <= den && scaled.exact == (off == 0))
            }
        }
    }
    QuickCheck::new().tests(5000).quickcheck(law as fn(u16, u16, i64) -> TestResult);
}
