//! The network against figures that were worked out elsewhere.

use crate::{load, near, rms, segments, truth};
use hanbench_core::wave::{Signal, Spectrum};
use quickcheck::QuickCheck;

/// The reference impedance of IEC 60725.
const REFERENCE: &str = "[net]\nz_phase_ohm = [0.24, 0.15]\nz_neutral_ohm = [0.16, 0.10]\n";

fn spectrum(signal: &Signal) -> &Spectrum {
    match signal {
        Signal::Steady(spectrum) => spectrum,
        Signal::Cycle(_) => panic!("the network is steady"),
    }
}

#[test]
fn a_load_on_l2_moves_all_three_voltages() {
    let on_l2 = |rest: &str| load("L2-N", &format!("kind = \"current\"\n{rest}"));
    let neighbours =
        load("L1-N", "kind = \"current\"\ni_a = 32") + &load("L3-N", "kind = \"current\"\ni_a = 32");
    // Volts, and the percentage by which the mean of L1 and L3 misses L2.
    let table = [
        (on_l2("i_a = 6"), [230.0, 227.6, 231.0], 1.26),
        (on_l2("i_a = 10"), [229.9, 226.0, 231.7], 2.12),
        (on_l2("i_a = 16"), [229.9, 223.6, 232.7], 3.42),
        (on_l2("i_a = 25"), [229.9, 220.1, 234.2], 5.43),
        (on_l2("i_a = 32"), [229.9, 217.3, 235.3], 7.02),
        (on_l2("i_a = 32\npf = 0.8"), [233.5, 215.0, 232.6], 8.42),
        (on_l2("i_a = 63"), [229.9, 205.4, 240.6], 14.5),
        (on_l2("i_a = 16\npf = -1"), [230.1, 236.4, 227.3], -3.26),
        (neighbours, [222.8, 235.1, 217.0], -6.48),
    ];
    for (loads, volts, percent) in table {
        let (u, _) = rms(&truth(0.2, &format!("{REFERENCE}{loads}")));
        u.iter().zip(volts).for_each(|(u, volts)| near(*u, volts, 0.051));
        // The last digit that the figure was given with.
        let digit = if percent > 10.0 { 0.051 } else { 0.0051 };
        near(((u[0] + u[2]) / 2.0 / u[1] - 1.0) * 100.0, percent, digit);
    }
}

#[test]
fn unbalance_reaches_the_known_worst_cases() {
    // k2, k0, and the largest percentage by which the mean of two neighbours misses the third.
    for (k2, k0, percent) in [(0.01, 0.0, 1.52), (0.02, 0.0, 3.08), (0.02, 0.02, 6.25), (0.02, 0.04, 9.59)] {
        let mut worst = 0.0_f64;
        for phi2 in (0..360).step_by(12) {
            for phi0 in (0..if k0 > 0.0 { 360 } else { 1 }).step_by(12) {
                let net = format!(
                    "[net]\nunbalance = {{ k2 = {k2}, phi2_deg = {phi2}, k0 = {k0}, phi0_deg = {phi0} }}"
                );
                let (u, _) = rms(&truth(0.02, &net));
                worst = worst.max((((u[0] + u[2]) / 2.0 / u[1] - 1.0) * 100.0).abs());
            }
        }
        near(worst, percent, 0.0051);
    }
}

#[test]
fn a_lost_neutral_shares_the_line_voltage() {
    let loads =
        load("L1-N", "kind = \"impedance\"\nr_ohm = 230") + &load("L2-N", "kind = \"impedance\"\nr_ohm = 23");
    let event = "[[event]]\nkind = \"lost-neutral\"\nt_s = 0.5\nduration_s = 0.3\n";
    let (spec, segments) = segments(1.0, &format!("{loads}{event}"));
    let over = |from, to| hanbench_core::wave::truth::over(&segments, spec.waveform.rate, from, to).unwrap();
    let (u, i) = rms(&over(4000, 6400));
    [362.2, 36.2, 381.6].iter().zip(u).for_each(|(expected, u)| near(u, *expected, 0.1));
    [1.575, 1.575, 0.0].iter().zip(i).for_each(|(expected, i)| near(i, *expected, 5e-4));
    for (from, to) in [(0, 4000), (6400, 8000)] {
        let (u, i) = rms(&over(from, to));
        u.iter().for_each(|u| near(*u, 230.0, 1e-9));
        [1.0, 10.0, 0.0].iter().zip(i).for_each(|(expected, i)| near(i, *expected, 1e-9));
    }
}

#[test]
fn currents_on_three_wires() {
    let resistor = |at: &str| load(at, "kind = \"impedance\"\nr_ohm = 23");
    let amperes = |at: &str, rest: &str| load(at, &format!("kind = \"current\"\n{rest}"));
    let five = |at: &str| amperes(at, "i_a = 5");
    let all = |f: &dyn Fn(&str) -> String| f("L1-L2") + &f("L2-L3") + &f("L3-L1");
    let table = [
        (all(&resistor), [17.32, 17.32, 17.32]),
        (all(&|at| amperes(at, "i_a = 10\npf = 0.8")), [17.32, 17.32, 17.32]),
        (resistor("L1-L2"), [10.0, 10.0, 0.0]),
        (resistor("L3-L1"), [10.0, 0.0, 10.0]),
        (resistor("L1-L2") + &resistor("L2-L3"), [10.0, 17.32, 10.0]),
        (resistor("L1-L2") + &resistor("L3-L1"), [17.32, 10.0, 10.0]),
        (amperes("L3-L1", "i_a = 32") + &five("L1-L2") + &five("L2-L3"), [34.77, 8.66, 34.77]),
        (amperes("L1-L2", "i_a = 32") + &five("L2-L3") + &five("L3-L1"), [34.77, 34.77, 8.66]),
        (amperes("L1-L2", "i_a = 16\npf = -1") + &all(&five), [9.54, 9.54, 8.66]),
        (amperes("L2-L3", "i_a = 10\npf = 0.85") + &resistor("L3-L1"), [10.0, 10.0, 13.92]),
    ];
    for (loads, expected) in table {
        let (u, i) = rms(&truth(0.2, &format!("[net]\nkind = \"it\"\n{loads}")));
        u.iter().for_each(|u| near(*u, 230.0, 1e-9));
        i.iter().zip(expected).for_each(|(i, expected)| near(*i, expected, 0.0051));
    }
}

#[test]
fn currents_of_three_wires_sum_to_zero() {
    fn law(ohms: [u8; 3], shunt: [u8; 3], harmonic: u8) -> bool {
        let mut loads = String::new();
        for (at, (r, x)) in ["L1-L2", "L2-L3", "L3-L1"].iter().zip(ohms.iter().zip(shunt)) {
            loads += &load(
                at,
                &format!(
                    "kind = \"impedance\"\nr_ohm = {}\nx_ohm = {}",
                    u32::from(*r) + 1,
                    i32::from(x) - 128
                ),
            );
        }
        loads += &load("L3-L1", "kind = \"profile\"\nprofile = \"led_smps\"\ni_a = 7");
        let order = harmonic % 12 + 2;
        let net = format!(
            "[net]\nkind = \"it\"\nu_v = [230, 210, 240]\nu_harm = [[{order}, 5, 33]]\nz_phase_ohm = [0.3, 0.2]\n"
        );
        let (_, segments) = segments(0.1, &format!("{net}{loads}"));
        let sum = |order: u8| {
            let parts = segments[0].i.iter().flat_map(|i| &spectrum(i).parts).filter(|part| part.0 == order);
            parts.map(|part| part.1).sum::<num_complex::Complex64>()
        };
        (1..=50).all(|order| sum(order).norm() < 1e-9)
    }
    QuickCheck::new().tests(50).quickcheck(law as fn([u8; 3], [u8; 3], u8) -> bool);
}

#[test]
fn what_the_source_gives_is_what_loads_and_wires_take() {
    fn law(amperes: [u8; 3], ohms: [u8; 3], star: bool, lead: bool) -> bool {
        let mut loads = String::new();
        for (line, (i_a, r)) in amperes.iter().zip(ohms).enumerate() {
            let at = format!("L{}-N", line + 1);
            loads += &load(&at, &format!("kind = \"current\"\ni_a = {i_a}\npf = 0.7\nlead = {lead}"));
            loads += &load(&at, &format!("kind = \"impedance\"\nr_ohm = {}\nx_ohm = 3", u32::from(r) + 1));
        }
        let at = if star { "L1-L2-L3" } else { "L1-L2-L3-N" };
        loads += &load(at, "kind = \"impedance\"\nr_ohm = 12\nx_ohm = -5");
        let rest = format!("{REFERENCE}{loads}");
        let (truth, (_, segments)) = (truth(0.2, &rest), segments(0.2, &rest));
        let i = segments[0].i.each_ref().map(|i| spectrum(i).parts[0].1);
        // 230 V behind each line, worked out here once more.
        let source: f64 = (0..3)
            .map(|line| {
                let turn = -(line as f64) * 120.0_f64.to_radians();
                (num_complex::Complex64::from_polar(230.0, turn) * i[line].conj()).re
            })
            .sum();
        let neutral = i[0] + i[1] + i[2];
        let wires = 0.24 * i.iter().map(|i| i.norm_sqr()).sum::<f64>() + 0.16 * neutral.norm_sqr();
        (source - truth.total.unwrap().p_w - wires).abs() < 1e-7
    }
    QuickCheck::new().tests(50).quickcheck(law as fn([u8; 3], [u8; 3], bool, bool) -> bool);
}

#[test]
fn a_three_wire_star_is_a_delta_of_three_times_the_ohms() {
    let star = load("L1-L2-L3", "kind = \"impedance\"\nr_ohm = 10\nx_ohm = 4");
    let delta: String = ["L1-L2", "L2-L3", "L3-L1"]
        .map(|at| load(at, "kind = \"impedance\"\nr_ohm = 30\nx_ohm = 12"))
        .concat();
    let net = "[net]\nu_v = [200, 230, 250]\nz_phase_ohm = [0.5, 0.1]\n";
    let ((u, i), (u2, i2)) =
        (rms(&truth(0.1, &format!("{net}{star}"))), rms(&truth(0.1, &format!("{net}{delta}"))));
    u.iter().chain(&i).zip(u2.iter().chain(&i2)).for_each(|(a, b)| near(*a, *b, 1e-9));
}

#[test]
fn an_interrupted_line_is_dead_and_stops_its_fixed_loads() {
    let loads =
        load("L1-N", "kind = \"current\"\ni_a = 5") + &load("L2-N", "kind = \"impedance\"\nr_ohm = 23");
    let all = truth(0.1, &format!("{loads}[[event]]\nkind = \"interruption\"\nt_s = 0\nduration_s = 0.1"));
    rms(&all).0.iter().chain(&rms(&all).1).for_each(|value| near(*value, 0.0, 1e-6));
    let event = "[[event]]\nkind = \"interruption\"\nphases = [1]\nt_s = 0\nduration_s = 0.1";
    let one = truth(0.1, &format!("{loads}{event}"));
    let (u, i) = rms(&one);
    [0.0, 230.0, 230.0].iter().zip(u).for_each(|(expected, u)| near(u, *expected, 1e-6));
    [0.0, 10.0, 0.0].iter().zip(i).for_each(|(expected, i)| near(i, *expected, 1e-6));
}

#[test]
fn a_sag_starts_at_its_phase_and_lasts_its_cycles() {
    let event = "[[event]]\nkind = \"sag\"\nphases = [2]\nresidual = 0.4\nt_s = 0.101\ncycles = 25\nphase_on_deg = 90\n";
    let (_, segments) = segments(1.0, event);
    // 0.101 s is 18° into a cycle of 160 samples; 90° is sample 40 of it.
    let marks: Vec<u64> = segments.iter().map(|segment| segment.from).collect();
    assert_eq!(marks, [0, 840, 840 + 25 * 160]);
    assert!(segments[1].turn.abs_diff(1 << 62) < segments[1].step / 1024);
    near(spectrum(&segments[1].u[1]).parts[0].1.norm(), 92.0, 1e-9);
    near(spectrum(&segments[1].u[0]).parts[0].1.norm(), 230.0, 1e-9);
}

#[test]
fn ramps_are_stairs_of_one_step_per_cycle_with_a_continuous_phase() {
    let ramp = "[net]\nf_hz = [[0, 50], [0.2, 49, 0.5], [0.9, 52]]\n";
    let rise = load("L1-N", "kind = \"current\"\ni_a = 32\nfrom_s = 1.0\nto_s = 1.9\nramp_s = 0.5");
    let (spec, segments) = segments(2.0, &format!("{ramp}{rise}"));
    assert_eq!(segments[0].from, 0);
    assert_eq!(segments.last().unwrap().to, spec.waveform.samples());
    for pair in segments.windows(2) {
        assert_eq!(pair[0].to, pair[1].from);
        let turns = (pair[0].to - pair[0].from).wrapping_mul(pair[0].step);
        assert_eq!(pair[0].turn.wrapping_add(turns), pair[1].turn);
    }
    let between = |from: u64, to: u64| segments.iter().filter(move |s| s.from >= from && s.to <= to);
    // 0.5 s around 49.5 Hz are 24.75 cycles; each step starts within one sample of a zero.
    let steps: Vec<_> = between(1600, 5600).collect();
    assert!((25..=26).contains(&steps.len()), "{}", steps.len());
    assert!(steps[1..].iter().all(|s| s.turn.wrapping_add(s.step / 1024) < s.step));
    assert!(steps.windows(2).all(|pair| pair[0].step > pair[1].step));
    // The current rises in steps, and has its mean on the way.
    let amperes: Vec<f64> =
        between(8000, 12_000).map(|segment| spectrum(&segment.i[0]).parts[0].1.norm()).collect();
    assert!(amperes.len() >= 26 && amperes.windows(2).all(|pair| pair[0] < pair[1]));
    near(amperes.iter().sum::<f64>() / amperes.len() as f64, 16.0, 0.5);
    let after = between(12_000, 15_200).next().unwrap();
    near(spectrum(&after.i[0]).parts[0].1.norm(), 32.0, 1e-12);
    assert!(spectrum(&segments.last().unwrap().i[0]).parts.is_empty());
}

#[test]
fn bursts_inrush_and_flicker_come_and_go() {
    let burst = load("L1-N", "kind = \"current\"\ni_a = 10\nburst_s = [0.04, 0.06]");
    let (_, on_off) = segments(0.2, &burst);
    let marks: Vec<u64> = on_off.iter().map(|segment| segment.from).collect();
    assert_eq!(marks, [0, 320, 800, 1120]);
    let amperes: Vec<usize> = on_off.iter().map(|segment| spectrum(&segment.i[0]).parts.len()).collect();
    assert_eq!(amperes, [1, 0, 1, 0]);

    let inrush = load("L1-N", "kind = \"half-wave\"\ni_peak_a = 100\ndecay_s = 0.1");
    let (_, dying) = segments(1.0, &inrush);
    let means: Vec<f64> = dying.iter().map(|segment| spectrum(&segment.i[0]).dc).collect();
    near(means[0], 100.0 / std::f64::consts::PI * (-0.1_f64).exp(), 1e-9);
    means.windows(2).for_each(|pair| near(pair[1] / pair[0], (-0.2_f64).exp(), 1e-9));

    let flicker =
        "[[event]]\nkind = \"flicker\"\ndepth_pct = 2\nf_hz = 10\nt_s = 0.1\nduration_s = 0.1\nphases = [3]";
    let (_, up_down) = segments(0.3, flicker);
    let volts: Vec<f64> = up_down.iter().map(|s| spectrum(&s.u[2]).parts[0].1.norm().round()).collect();
    assert_eq!(volts, [230.0, 232.0, 228.0, 230.0]);
}

#[test]
fn split_and_single_nets_have_two_lines_and_one() {
    let split = truth(
        0.1,
        &format!("[net]\nkind = \"split\"\nf_hz = 60\n{}", load("L1-L2", "kind = \"impedance\"\nr_ohm = 24")),
    );
    let (u, i) = rms(&split);
    assert_eq!(u.map(|u| (u * 1e6).round() / 1e6), [120.0, 120.0, 0.0]);
    assert_eq!(i.map(|i| (i * 1e6).round() / 1e6), [10.0, 10.0, 0.0]);
    near(split.total.unwrap().p_w, 2400.0, 1e-6);
    near(split.i_n_a.unwrap(), 0.0, 1e-6);
    let (u, i) = rms(&truth(
        0.1,
        &format!("[net]\nkind = \"single\"\n{}", load("L1-N", "kind = \"impedance\"\nr_ohm = 23")),
    ));
    assert_eq!(u.map(|u| (u * 1e6).round() / 1e6), [230.0, 0.0, 0.0]);
    assert_eq!(i.map(|i| (i * 1e6).round() / 1e6), [10.0, 0.0, 0.0]);
}

#[test]
fn reactances_follow_the_order() {
    // A fifth harmonic behind R + jX: coils count five times, a capacitor a fifth.
    let net = "[net]\nkind = \"single\"\nu_harm = [[5, 10, 0]]\nz_phase_ohm = [1, 2]\n";
    for (x, at_fifth) in [(3.0, 15.0), (-3.0, -0.6)] {
        let rest = format!("{net}{}", load("L1-N", &format!("kind = \"impedance\"\nr_ohm = 4\nx_ohm = {x}")));
        let i = truth(0.2, &rest).lines[0].i.unwrap();
        near(i.fundamental, 230.0 / 5.0_f64.hypot(2.0 + x), 1e-9);
        near(i.harmonics, 23.0 / 5.0_f64.hypot(10.0 + at_fifth), 1e-9);
    }
}

#[test]
fn direct_current_sees_resistance_only() {
    let net = "[net]\nkind = \"single\"\nz_phase_ohm = [1, 2]\nz_neutral_ohm = [0.5, 2]\n";
    let rest = format!("{net}{}", load("L1-N", "kind = \"current\"\ni_a = 0\ndc_a = 4"));
    let (_, segments) = segments(0.1, &rest);
    near(spectrum(&segments[0].i[0]).dc, 4.0, 1e-12);
    near(spectrum(&segments[0].u[0]).dc, -6.0, 1e-12);
}

#[test]
fn a_dead_line_has_the_voltage_of_the_neutral() {
    let event = "[[event]]\nkind = \"interruption\"\nphases = [1]\nt_s = 0\nduration_s = 0.1";
    let rest = format!("{REFERENCE}{}{event}", load("L2-N", "kind = \"impedance\"\nr_ohm = 5"));
    near(rms(&truth(0.1, &rest)).0[0], 0.0, 1e-6);
}

#[test]
fn a_stair_has_one_step_per_cycle_at_any_rate() {
    // Rates at which the step from sample to sample rounds up, down, and is no part of a cycle.
    for (num, den) in [(8000, 1), (7000, 1), (9600, 1), (48_000, 7), (44_100, 6), (6400, 1)] {
        let rise = load("L1-N", "kind = \"current\"\ni_a = 1\nramp_s = 2");
        let text = format!("[waveform]\nrate = [{num}, {den}]\nduration_s = 2\n{rise}");
        let spec = hanbench_core::wave::spec::Spec::parse(&text).unwrap();
        assert_eq!(hanbench_core::wave::network::segments(&spec).len(), 100, "{num}/{den}");
    }
    // And whole cycles are a whole number of samples where they can be.
    for rate in [8000, 7000, 9600, 6400, 12_000] {
        let event = "[[event]]\nkind = \"swell\"\nresidual = 1.1\nt_s = 0.1\ncycles = 25\n";
        let text = format!("[waveform]\nrate_hz = {rate}\nduration_s = 1\n{event}");
        let spec = hanbench_core::wave::spec::Spec::parse(&text).unwrap();
        let marks: Vec<u64> = hanbench_core::wave::network::segments(&spec).iter().map(|s| s.from).collect();
        assert_eq!(marks, [0, rate / 10, rate / 10 + rate / 2]);
    }
}
