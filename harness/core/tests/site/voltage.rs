//! U2 with and without a neutral: the golden table and its band.

use crate::house::{Branch, resistive, with_neutral};
use hanbench_core::site::l2::estimators::VOLTAGE;
use hanbench_core::site::l2::voltage::{self, Grid, REFERENCE_LOOP_OHM};
use hanbench_core::site::l2::{Inputs, Steps};
use std::fmt::Write;

fn estimate(name: &str, list: &Inputs) -> f64 {
    let row = VOLTAGE.iter().find(|row| row.name == name).expect("a row of the table");
    row.of(list).expect("an estimate")
}

fn only_l2(load: Branch) -> [Branch; 3] {
    [resistive(0.0), load, resistive(0.0)]
}

/// Loads, U1/U2/U3, the average and its error in per cent.
type Row = (&'static str, [Branch; 3], [f64; 3], f64, f64);

/// Printed figures of an independent calculation.
fn table() -> [Row; 9] {
    let r = resistive;
    [
        ("6 A", only_l2(r(6.0)), [230.0, 227.6, 231.0], 230.5, 1.26),
        ("10 A", only_l2(r(10.0)), [229.9, 226.0, 231.7], 230.8, 2.12),
        ("16 A", only_l2(r(16.0)), [229.9, 223.6, 232.7], 231.3, 3.42),
        ("25 A", only_l2(r(25.0)), [229.9, 220.1, 234.2], 232.0, 5.43),
        ("32 A", only_l2(r(32.0)), [229.9, 217.3, 235.3], 232.6, 7.02),
        ("32 A 0.8", only_l2(Branch(32.0, 0.8)), [233.5, 215.0, 232.6], 233.1, 8.42),
        ("63 A", only_l2(r(63.0)), [229.9, 205.4, 240.6], 235.2, 14.5),
        ("-16 A", only_l2(r(-16.0)), [230.1, 236.4, 227.3], 228.7, -3.26),
        ("L1+L3", [r(32.0), r(0.0), r(32.0)], [222.8, 235.1, 217.0], 219.9, -6.48),
    ]
}

#[test]
fn the_table_of_u2_behind_the_reference_impedance() {
    for (name, loads, volts, average, error) in table() {
        let (list, _) = with_neutral(loads);
        for (found, printed) in list.voltage_v.into_iter().zip(volts) {
            assert!((found.unwrap() - printed).abs() < 0.0501, "{name}: {:?}", list.voltage_v);
        }
        let found = estimate("average", &list);
        let truth = list.voltage_v[1].unwrap();
        assert!((found - average).abs() < 0.0501, "{name}: {found}");
        assert!(((found / truth - 1.0) * 100.0 - error).abs() < 0.0501, "{name}: {found} for {truth}");
        let band = voltage::with_neutral(&list, Grid::EN_50160).expect("a complete list");
        assert!(band.contains(truth), "{name}: {truth} outside {band:?}");
        assert!(band.contains(found));
        let possible = voltage::possible(&list);
        assert_eq!(possible.is_none(), name == "L1+L3", "no current, no bound");
        assert!(possible.is_none_or(|range| range.distance(truth) < 1e-9), "{name}");
    }
}

#[test]
fn the_band_follows_impedance_and_unbalance() {
    let (list, _) = with_neutral(only_l2(resistive(32.0)));
    let width = |grid| voltage::with_neutral(&list, grid).map(|band| band.high - band.low).unwrap();
    let stiff = Grid { k2: 0.0, k0: 0.0, loop_ohm: REFERENCE_LOOP_OHM * 0.5 };
    let full = Grid { loop_ohm: REFERENCE_LOOP_OHM, ..stiff };
    assert!((width(full) / width(stiff) - 2.0).abs() < 1e-9);
    let sequences = Grid { k2: 0.01, k0: 0.02, ..full };
    assert!((width(sequences) - width(full) - 2.0 * 232.6 * 0.045).abs() < 0.1);
}

/// The ends of EN 50160, where the average is as wrong as it gets.
#[test]
fn the_ends_of_the_standard() {
    for (volts, error) in
        [([253.0, 207.0, 253.0], 22.2), ([207.0, 253.0, 207.0], -18.2), ([253.0, 230.0, 207.0], 0.0)]
    {
        let list = Inputs { voltage_v: volts.map(Some), ..Inputs::default() };
        assert!(((estimate("average", &list) / volts[1] - 1.0) * 100.0 - error).abs() < 0.0501);
    }
}

/// The cosine form belongs to line voltages. From phase voltages it lands near the average by luck; with the other
/// sign it is a line voltage, √3 too high.
#[test]
fn the_cosine_form_and_its_misuse() {
    let of =
        |name, u1, u3| estimate(name, &Inputs { voltage_v: [Some(u1), None, Some(u3)], ..Inputs::default() });
    assert!((of("cosine", 239.9, 240.6) - 240.25).abs() < 0.005);
    assert!((of("cosine", 235.0, 217.0) - 226.5).abs() < 0.0501);
    assert!((of("cosine", 253.0, 207.0) - 233.4).abs() < 0.0501);
    assert!((of("cosine-plus", 230.0, 230.0) - 398.4).abs() < 0.0501);
}

/// Negative sequence of 2 % on three wires at every angle: the worst error is 3.08 % for both forms.
#[test]
fn three_wires_keep_the_third_voltage_close() {
    let mut worst = [0.0_f64; 2];
    for degrees in 0..360 {
        let line = |at: f64| {
            crate::house::polar(230.0, -120.0 * at)
                + crate::house::polar(4.6, 120.0 * at + f64::from(degrees))
        };
        let [u12, u23, u31] = [line(0.0), line(1.0), line(2.0)].map(|volts| volts.norm());
        let list = Inputs { voltage_v: [Some(u12), None, Some(u23)], ..Inputs::default() };
        for (worst, name) in worst.iter_mut().zip(["average", "cosine"]) {
            *worst = worst.max((estimate(name, &list) / u31 - 1.0).abs() * 100.0);
        }
        let band = voltage::three_wire(&list, Grid { k2: 0.0208, ..Grid::EN_50160 }).expect("two voltages");
        assert!(band.contains(u31), "{degrees}: {u31} outside {band:?}");
    }
    assert!(worst.iter().all(|worst| (worst - 3.08).abs() < 0.02), "{worst:?}");
}

#[test]
fn from_power_needs_the_power_factors() {
    let even = |amperes: f64, factor: f64| Inputs {
        import_w: 3.0 * 230.0 * amperes * factor,
        current_a: [Some(amperes); 3],
        voltage_v: [Some(230.0); 3],
        ..Inputs::default()
    };
    let known = voltage::from_power(&even(10.0, 0.95), [0.95; 3], Steps::AIDON).expect("a value");
    assert!((known.volts - 230.0).abs() < 1e-9 && known.interval().contains(230.0));
    let assumed = voltage::from_power(&even(10.0, 0.95), [1.0; 3], Steps::AIDON).expect("a value");
    assert!((assumed.volts / 230.0 - 0.85).abs() < 1e-9, "15 % low");
    let uneven = Inputs {
        import_w: 45.0 * 230.0 * 0.95,
        current_a: [Some(20.0), Some(5.0), Some(20.0)],
        ..even(5.0, 1.0)
    };
    let assumed = voltage::from_power(&uneven, [1.0; 3], Steps::AIDON).expect("a value");
    assert!((assumed.volts / 230.0 - 0.55).abs() < 1e-9, "45 % low");
    assert_eq!(voltage::from_power(&even(0.0, 1.0), [1.0; 3], Steps::AIDON), None);
    // 1.6 % at 10 A and 0.1 A steps, beside currents of up to 16 A.
    let beside =
        Inputs { current_a: [Some(16.0), Some(10.0), Some(16.0)], import_w: 42.0 * 230.0, ..even(10.0, 1.0) };
    let error = voltage::from_power(&beside, [1.0; 3], Steps::AIDON).expect("a value").error_v;
    assert!((error / 230.0 * 100.0 - 1.6).abs() < 0.05, "{error} V");
}

#[test]
fn estimates_over_a_load_on_l2() {
    let mut table = String::from(
        "L2 load     U1     U2     U3 | average cosine cosine-plus | band           | possible\n",
    );
    for amperes in [-32.0, -16.0, -6.0, 0.0, 6.0, 16.0, 32.0, 63.0] {
        let (list, _) = with_neutral([resistive(5.0), resistive(amperes), resistive(5.0)]);
        let [u1, u2, u3] = list.voltage_v.map(Option::unwrap);
        let [average, cosine, plus] = ["average", "cosine", "cosine-plus"].map(|name| estimate(name, &list));
        let band = voltage::with_neutral(&list, Grid::EN_50160).expect("a complete list");
        let possible = voltage::possible(&list)
            .map_or("no current".into(), |range| format!("{:.1}..{:.1}", range.low, range.high));
        writeln!(
            table,
            "{amperes:>5} A  {u1:>6.1} {u2:>6.1} {u3:>6.1} | {average:>7.1} {cosine:>6.1} {plus:>11.1} | {:>6.1}..{:>6.1} | {possible}",
            band.low, band.high
        )
        .expect("a string");
    }
    insta::assert_snapshot!(table);
}
