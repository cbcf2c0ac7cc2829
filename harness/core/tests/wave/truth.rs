//! What is true of a window: figures worked out elsewhere, sums by brute force, and laws.

use crate::{load, near, rms, segments, truth};
use hanbench_core::wave::spec::Channel;
use hanbench_core::wave::truth::{Samples, Truth, of_samples, over, over_three_wire};
use hanbench_core::wave::{Phasor, Rate, Segment, Signal, Spectrum, profiles};
use quickcheck::{Arbitrary, Gen, QuickCheck};
use std::f64::consts::{PI, SQRT_2};

const RATE: Rate = Rate { num: 8000, den: 1 };

/// The value of a signal at a time in samples, straight from the definition of [`Phasor`].
fn value(segment: &Segment, signal: &Signal, sample: f64) -> f64 {
    let Signal::Steady(spectrum) = signal else { panic!("steady") };
    let turns = (segment.turn as f64 + (sample - segment.from as f64) * segment.step as f64) / 2_f64.powi(64);
    let wave = |(order, part): &(u8, Phasor)| (part * Phasor::cis(2.0 * PI * f64::from(*order) * turns)).im;
    spectrum.dc + SQRT_2 * spectrum.parts.iter().map(wave).sum::<f64>()
}

/// Mean of the product of two signals, by the midpoint rule with many small steps.
fn brute(segment: &Segment, a: &Signal, b: &Signal, from: f64, to: f64) -> f64 {
    let steps = 40_000;
    let at = |step: i32| from + (to - from) * (f64::from(step) + 0.5) / f64::from(steps);
    (0..steps).map(|step| value(segment, a, at(step)) * value(segment, b, at(step))).sum::<f64>()
        / f64::from(steps)
}

#[test]
fn profiles_have_their_figures() {
    // Name, THD in percent, power factor, crest factor, and what a meter reads that takes the mean for the RMS.
    let table = [
        ("ev_obc_32", 3.7, 0.999, 1.53, -0.7),
        ("ev_obc_6", 10.8, 0.972, 1.72, -2.4),
        ("heat_pump", 14.2, 0.986, 1.76, -4.2),
        ("six_pulse", 70.7, 0.804, 2.20, -24.0),
        ("led_smps", 110.0, 0.672, 3.06, -44.9),
        ("pv_export", 2.2, -1.000, 1.38, 0.4),
    ];
    assert_eq!(table.len(), profiles::ALL.len());
    for (name, thd, pf, crest, average) in table {
        // On each line: a shape moves with its voltage.
        for at in ["L1-N", "L2-N", "L3-N"] {
            let rest = load(at, &format!("kind = \"profile\"\nprofile = \"{name}\"\ni_a = 10"));
            let (line, truth) = (usize::from(at.as_bytes()[1] - b'1'), truth(0.2, &rest));
            let (wave, power) = (truth.lines[line].i.unwrap(), truth.lines[line].power.unwrap());
            near(wave.thd().unwrap() * 100.0, thd, if thd > 100.0 { 0.51 } else { 0.051 });
            near(power.pf().unwrap(), pf, 6e-4);
            near(wave.fundamental, 10.0, 1e-9);
            let (_, segments) = segments(0.02, &rest);
            let at =
                (0..16_000).map(|step| value(&segments[0], &segments[0].i[line], f64::from(step) / 100.0));
            let (peak, sum) = at.fold((0.0_f64, 0.0), |(peak, sum), i| (peak.max(i.abs()), sum + i.abs()));
            near(peak / wave.rms, crest, 0.0051);
            let reads = sum / 16_000.0 * PI / (2.0 * SQRT_2) / wave.rms;
            near((reads - 1.0) * 100.0, average, 0.051);
        }
    }
}

#[test]
fn displacement_is_that_of_the_fundamental() {
    let mixed = "kind = \"current\"\ni_a = 10\npf = 0.8\nharm = [[3, 50, 0]]";
    let power = truth(0.2, &load("L1-N", mixed)).lines[0].power.unwrap();
    near(power.displacement_pf().unwrap(), 0.8, 1e-12);
    near(power.pf().unwrap(), 0.8 / 1.25_f64.sqrt(), 1e-12);
    near(power.q1_var, 1380.0, 1e-9);
    let leading = truth(0.2, &load("L3-N", &format!("{mixed}\nlead = true"))).lines[2].power.unwrap();
    near(leading.q1_var, -1380.0, 1e-9);
    let idle = truth(0.2, "").lines[0];
    assert_eq!((idle.power.unwrap().pf(), idle.power.unwrap().displacement_pf()), (None, None));
    assert_eq!(idle.i.unwrap().thd(), None);
}

#[test]
fn a_real_unbalance_has_its_figures() {
    let each = |at: &str, i_a: u32| load(at, &format!("kind = \"current\"\ni_a = {i_a}"));
    let truth = truth(1.0, &(each("L1-N", 70) + &each("L2-N", 70) + &each("L3-N", 50)));
    near(truth.total.unwrap().p_w, 43_700.0, 1e-6);
    near(truth.i_n_a.unwrap(), 20.0, 1e-9);
    near(truth.f_hz, 50.0, 1e-9);
    near(truth.seconds, 1.0, 0.0);
}

#[test]
fn a_diode_halves_the_square() {
    let truth = truth(0.2, &load("L1-N", "kind = \"half-wave\"\ni_peak_a = 50"));
    // The series ends at order 50: what is missing is below a thousandth of an ampere.
    near(truth.lines[0].i.unwrap().rms, 25.0, 1e-3);
    near(truth.lines[0].power.unwrap().p_w, 230.0 * 50.0 / 2.0 / SQRT_2, 1e-9);
}

#[test]
fn three_wires_have_the_power_of_their_branches() {
    let loads = load("L1-L2", "kind = \"impedance\"\nr_ohm = 23")
        + &load("L3-L1", "kind = \"current\"\ni_a = 7\npf = 0.6");
    let truth = truth(0.2, &format!("[net]\nkind = \"it\"\n{loads}"));
    let total = truth.total.unwrap();
    near(total.p_w, 2300.0 + 7.0 * 230.0 * 0.6, 1e-9);
    near(total.q1_var, 7.0 * 230.0 * 0.8, 1e-9);
    near(truth.i_n_a.unwrap(), 0.0, 1e-6);
    assert!(truth.lines.iter().all(|line| line.power.is_none()) && truth.energy_per_line_wh().is_none());
    let balanced: String =
        ["L1-L2", "L2-L3", "L3-L1"].map(|at| load(at, "kind = \"impedance\"\nr_ohm = 23")).concat();
    let total = crate::truth(0.2, &format!("[net]\nkind = \"it\"\n{balanced}")).total.unwrap();
    near(total.s_va, 6900.0, 1e-6);
    near(total.pf().unwrap(), 1.0, 1e-9);
}

#[test]
fn energy_is_netted_in_two_ways() {
    let watts =
        |at: &str, pf: i32| load(at, &format!("kind = \"current\"\ni_a = {}\npf = {pf}", 1000.0 / 230.0));
    let truth = truth(3600.0, &(watts("L1-N", 1) + &watts("L2-N", -1)));
    let total = truth.total.unwrap();
    near(total.import_wh, 0.0, 1e-9);
    near(total.export_wh, 0.0, 1e-9);
    let (import, export) = truth.energy_per_line_wh().unwrap();
    near(import, 1000.0, 1e-6);
    near(export, 1000.0, 1e-6);
}

#[test]
fn a_sag_leaves_an_exact_energy() {
    let event = "[[event]]\nkind = \"sag\"\nresidual = 0.4\nt_s = 0.2\nduration_s = 0.5\n";
    let truth = truth(1.0, &(load("L1-N", "kind = \"impedance\"\nr_ohm = 23") + event));
    near(truth.total.unwrap().import_wh * 3600.0, 2300.0 * (0.5 + 0.5 * 0.16), 1e-6);
    near(rms(&truth).0[0], 230.0 * (0.5_f64 + 0.5 * 0.16).sqrt(), 1e-9);
}

#[test]
fn fixed_windows_beat_with_the_frequency() {
    // Hertz, window in samples, worst RMS error in percent over all starts.
    let table = [
        (49.9, 1600, 0.10),
        (49.5, 1600, 0.47),
        (49.0, 1600, 0.78),
        (47.0, 1600, 0.50),
        (52.0, 1600, 0.45),
        (49.93, 8000, 0.07),
    ];
    for (f_hz, window, percent) in table {
        let (_, segments) = segments(2.0, &format!("[net]\nf_hz = {f_hz}"));
        let errors = (0..200).map(|from| {
            let truth = over(&segments, RATE, from, from + window).unwrap();
            (rms(&truth).0[0] / 230.0 - 1.0).abs() * 100.0
        });
        near(errors.fold(0.0, f64::max), percent, 0.0051);
    }
}

#[test]
fn a_window_outside_is_refused() {
    let (_, segments) = segments(0.1, "");
    for (from, to) in [(0, 801), (5, 5), (7, 6), (800, 900)] {
        assert_eq!(over(&segments, RATE, from, to), None, "{from}..{to}");
        assert_eq!(over_three_wire(&segments, RATE, from, to), None, "{from}..{to}");
    }
    let mut gap = segments.clone();
    gap[0].to = 400;
    gap.push(Segment { from: 401, ..segments[0].clone() });
    assert_eq!(over(&gap, RATE, 300, 500), None);
}

/// One or more segments with any harmonics, and three cuts.
#[derive(Clone, Debug)]
struct Any {
    segments: Vec<Segment>,
    cuts: [u64; 3],
}

fn any_signal(gen_: &mut Gen) -> Signal {
    let mut small = || f64::from(i16::arbitrary(gen_)) / 1000.0;
    let mut spectrum = Spectrum { dc: small(), parts: Vec::new() };
    for order in [1, 2, 3, 7, 50] {
        let part = Phasor::new(small(), small());
        if part.re > 0.0 {
            spectrum.parts.push((order, part));
        }
    }
    Signal::Steady(spectrum)
}

impl Arbitrary for Any {
    fn arbitrary(gen_: &mut Gen) -> Any {
        let (mut segments, mut from, mut turn) = (Vec::new(), 0_u64, u64::arbitrary(gen_));
        for _ in 0..1 + u8::arbitrary(gen_) % 3 {
            let to = from + 1 + u64::from(u16::arbitrary(gen_) % 2000);
            let step = ((40.0 + f64::from(u8::arbitrary(gen_)) / 10.0) / 8000.0 * 2_f64.powi(64)) as u64;
            let u = [0; 3].map(|_| any_signal(gen_));
            let i = [0; 3].map(|_| any_signal(gen_));
            segments.push(Segment { from, to, turn, step, u, i });
            turn = turn.wrapping_add((to - from).wrapping_mul(step));
            from = to;
        }
        let mut cuts = [0; 3].map(|_| u64::arbitrary(gen_) % (from + 1));
        cuts.sort_unstable();
        Any { segments, cuts }
    }
}

#[test]
fn a_window_is_the_sum_of_its_parts() {
    fn law(any: Any) -> bool {
        let [a, b, c] = any.cuts;
        if a == b || b == c {
            return true;
        }
        type Over = fn(&[Segment], Rate, u64, u64) -> Option<Truth>;
        [over as Over, over_three_wire].iter().all(|over| {
            let of = |from, to| over(&any.segments, RATE, from, to).unwrap();
            let (left, right, whole) = (of(a, b), of(b, c), of(a, c));
            let (x, y) = ((b - a) as f64 / (c - a) as f64, (c - b) as f64 / (c - a) as f64);
            let weighted = |f: &dyn Fn(&Truth) -> f64| (f(&left) * x + f(&right) * y, f(&whole));
            let summed = |f: &dyn Fn(&Truth) -> f64| (f(&left) + f(&right), f(&whole));
            let mut pairs = vec![
                weighted(&|t| t.total.unwrap().p_w),
                weighted(&|t| t.total.unwrap().q1_var),
                weighted(&|t| t.f_hz),
                weighted(&|t| t.i_n_a.unwrap().powi(2)),
                summed(&|t| t.seconds * 1e3),
                summed(&|t| t.total.unwrap().import_wh * 3.6e6),
                summed(&|t| t.total.unwrap().export_wh * 3.6e6),
            ];
            for line in 0..3 {
                pairs.push(weighted(&|t| t.lines[line].u.unwrap().rms.powi(2)));
                pairs.push(weighted(&|t| t.lines[line].i.unwrap().rms.powi(2)));
                pairs.push(weighted(&|t| t.lines[line].i.unwrap().harmonics.powi(2)));
            }
            pairs.iter().all(|(parts, whole)| (parts - whole).abs() < 1e-6 * (1.0 + whole.abs()))
        })
    }
    QuickCheck::new().tests(200).quickcheck(law as fn(Any) -> bool);
}

#[test]
fn energy_is_power_times_time() {
    fn law(any: Any) -> bool {
        let [a, _, c] = any.cuts;
        a == c
            || over(&any.segments, RATE, a, c).is_some_and(|truth| {
                let total = truth.total.unwrap();
                let net = (total.import_wh - total.export_wh) * 3600.0;
                let (import, export) = truth.energy_per_line_wh().unwrap();
                (net - total.p_w * truth.seconds).abs() < 1e-6
                    && ((import - export) * 3600.0 - total.p_w * truth.seconds).abs() < 1e-6
            })
    }
    QuickCheck::new().quickcheck(law as fn(Any) -> bool);
}

#[test]
fn over_whole_cycles_the_square_is_the_sum_of_the_parts_squared() {
    fn law(any: Any, cycles: u8) -> bool {
        let mut segment = any.segments[0].clone();
        // 160 samples a cycle, exactly.
        let step = 2_f64.powi(64) / 160.0;
        segment.step = step as u64;
        segment.to = segment.from + 160 * (1 + u64::from(cycles));
        let truth = over(std::slice::from_ref(&segment), RATE, segment.from, segment.to).unwrap();
        (0..3).all(|line| {
            let Signal::Steady(spectrum) = &segment.u[line] else { return false };
            let square =
                spectrum.dc.powi(2) + spectrum.parts.iter().map(|part| part.1.norm_sqr()).sum::<f64>();
            (truth.lines[line].u.unwrap().rms.powi(2) - square).abs() < 1e-9 * (1.0 + square)
        })
    }
    QuickCheck::new().quickcheck(law as fn(Any, u8) -> bool);
}

#[test]
fn the_closed_form_is_what_brute_force_finds() {
    fn law(any: Any) -> bool {
        let segment = &any.segments[0];
        let (from, to) = (any.cuts[0].min(segment.to - 1), any.cuts[2].min(segment.to));
        // A stretch that the steps of the midpoint rule resolve at order 50.
        let to = to.min(from + 400);
        to <= from
            || over(&any.segments, RATE, from, to).is_some_and(|truth| {
                let (a, b) = (from as f64, to as f64);
                let square = brute(segment, &segment.u[1], &segment.u[1], a, b);
                let product = brute(segment, &segment.u[1], &segment.i[1], a, b);
                (truth.lines[1].u.unwrap().rms.powi(2) - square).abs() < 2e-3 * (1.0 + square)
                    && (truth.lines[1].power.unwrap().p_w - product).abs() < 2e-3 * (1.0 + square)
            })
    }
    QuickCheck::new().tests(20).quickcheck(law as fn(Any) -> bool);
}

#[test]
fn a_table_of_one_cycle_is_that_cycle() {
    let (_, steady) = segments(0.02, &load("L1-N", "kind = \"profile\"\nprofile = \"heat_pump\"\ni_a = 10"));
    let mut tabled = steady.clone();
    // A cycle that starts somewhere else than at phase 0.
    for segments in [&mut tabled, &mut steady.clone()] {
        segments[0].turn = 1 << 61;
    }
    let mut steady = steady;
    steady[0].turn = 1 << 61;
    let table: Vec<f64> =
        (0..4000).map(|at| value(&steady[0], &steady[0].i[0], f64::from(at) * 160.0 / 4000.0)).collect();
    tabled[0].i[0] = Signal::Cycle(table.into());
    for (from, to) in [(0, 160), (13, 97), (0, 1)] {
        let (a, b) = (over(&steady, RATE, from, to).unwrap(), over(&tabled, RATE, from, to).unwrap());
        assert!(!a.numeric && b.numeric);
        let all = |truth: &Truth| {
            let (wave, power) = (truth.lines[0].i.unwrap(), truth.lines[0].power.unwrap());
            let sums = [truth.i_n_a.unwrap(), truth.total.unwrap().import_wh * 3.6e6];
            [[wave.rms, wave.fundamental, wave.harmonics, power.q1_var].to_vec(), sums.to_vec()].concat()
        };
        all(&a).iter().zip(all(&b)).for_each(|(a, b)| near(b, *a, 1e-5 * (1.0 + a.abs())));
        near(b.lines[0].power.unwrap().p_w, a.lines[0].power.unwrap().p_w, 0.02);
    }
}

#[test]
fn samples_of_whole_cycles_say_the_same() {
    let loads = load("L1-N", "kind = \"profile\"\nprofile = \"led_smps\"\ni_a = 3")
        + &load("L2-N", "kind = \"current\"\ni_a = 5\npf = -0.5");
    let (_, segments) = segments(0.2, &format!("[net]\nu_harm = [[5, 2.5, 30]]\n{loads}"));
    let exact = over(&segments, RATE, 0, 1600).unwrap();
    let signals = segments[0].u.iter().chain(&segments[0].i);
    let waves: Vec<Vec<f64>> = signals
        .map(|signal| (0..1600).map(|at| value(&segments[0], signal, f64::from(at))).collect())
        .collect();
    let all: Vec<Samples<'_>> =
        Channel::ALL.into_iter().zip(&waves).map(|(channel, values)| Samples { channel, values }).collect();
    let read = of_samples(&all, RATE, 50.0).unwrap();
    for (a, b) in exact.lines.iter().zip(&read.lines) {
        let numbers = |line: &hanbench_core::wave::truth::Line| {
            let (u, i, power) = (line.u.unwrap(), line.i.unwrap(), line.power.unwrap());
            [
                u.rms,
                u.harmonics,
                i.rms,
                i.fundamental,
                i.harmonics,
                power.p_w,
                power.p1_w,
                power.q1_var,
                power.s_va,
                power.import_wh,
                power.export_wh,
            ]
        };
        numbers(a).iter().zip(numbers(b)).for_each(|(a, b)| near(b, *a, 1e-6));
    }
    near(read.i_n_a.unwrap(), exact.i_n_a.unwrap(), 1e-9);
    near(read.total.unwrap().q1_var, exact.total.unwrap().q1_var, 1e-6);

    // Without U2 there is no P2 and no total, and no number in their place.
    let without: Vec<Samples<'_>> =
        all.iter().copied().filter(|samples| samples.channel != Channel::U2).collect();
    let read = of_samples(&without, RATE, 50.0).unwrap();
    assert_eq!((read.lines[1].u, read.lines[1].power, read.total), (None, None, None));
    assert!(read.lines[0].power.is_some() && read.lines[1].i.is_some());
    let uneven = [all[0], Samples { values: &all[1].values[1..], ..all[1] }];
    assert_eq!((of_samples(&uneven, RATE, 50.0), of_samples(&[], RATE, 50.0)), (None, None));
}
