//! The allocation against what max-min means, and against its metamorphic laws (balancing, section 5d, no. 11).

use super::super::allocate::{Problem, Row};
use num_complex::Complex64;
use quickcheck::{Arbitrary, Gen, TestResult, quickcheck};

/// Circuits as (parent, cap), base of the supply on each line, asks as (circuit, first line or three, min, max,
/// priority). Whole amperes.
#[derive(Clone, Debug)]
struct Net {
    circuits: Vec<(Option<usize>, f64)>,
    base: [f64; 3],
    asks: Vec<(usize, Option<usize>, f64, f64, u8)>,
}

impl Arbitrary for Net {
    fn arbitrary(g: &mut Gen) -> Net {
        let pick = |g: &mut Gen, most: u64| u64::arbitrary(g) % most;
        let mut circuits = vec![(None, 10.0 + pick(g, 60) as f64)];
        for at in 0..pick(g, 4) as usize {
            circuits.push((Some(pick(g, at as u64 + 1) as usize), 6.0 + pick(g, 40) as f64));
        }
        let asks = (0..1 + pick(g, 5)).map(|_| {
            let circuit = pick(g, circuits.len() as u64) as usize;
            let line = [None, Some(0), Some(1), Some(2)][pick(g, 4) as usize];
            let min = 6.0 + pick(g, 3) as f64;
            (circuit, line, min, min + pick(g, 27) as f64, 0)
        });
        let asks = asks.collect();
        Net { circuits, base: [0, 1, 2].map(|_| pick(g, 12) as f64), asks }
    }
}

impl Net {
    fn problem(&self) -> Problem {
        let mut problem = Problem::default();
        for (at, (_, cap)) in self.circuits.iter().enumerate() {
            for line in 0..3 {
                let base = if at == 0 { self.base[line] } else { 0.0 };
                problem.rows.push(Row::scalar(base, *cap));
            }
        }
        for (circuit, line, min, max, priority) in &self.asks {
            let first = problem.touches.len();
            let mut at = Some(*circuit);
            while let Some(circuit) = at {
                let lines = line.map_or(0..3, |line| line..line + 1);
                problem.touches.extend(lines.map(|line| (circuit * 3 + line, Complex64::ONE)));
                at = self.circuits[circuit].0;
            }
            problem.push_ask(*min, *max, *priority, first);
        }
        problem
    }

    /// All served, or nobody.
    fn solve(&self) -> Option<Problem> {
        let mut problem = self.problem();
        for ask in 0..self.asks.len() {
            if !problem.serve(ask) {
                return None;
            }
        }
        problem.fill();
        Some(problem)
    }
}

const EPS: f64 = 1e-4;

/// Max-min by its definition: whoever is below his most shares a full row with nobody who has more than him and more
/// than his own least.
fn is_max_min(problem: &Problem, base: [f64; 3]) -> Result<(), String> {
    for (at, row) in problem.rows.iter().enumerate() {
        let flow = row.flow(Complex64::ZERO);
        // The house alone may be over; then nobody on that line is served.
        let alone = base.get(at).copied().unwrap_or(0.0);
        if flow > row.cap.max(alone) + EPS {
            return Err(format!("{flow} flows where {} may", row.cap));
        }
    }
    for (ask, given) in problem.given.iter().enumerate() {
        if *given >= problem.asks[ask].max - EPS {
            continue;
        }
        let rows = &problem.touches[problem.asks[ask].touches.clone()];
        let bottleneck = rows.iter().any(|(row, _)| {
            let full = problem.rows[*row].flow(Complex64::ZERO) >= problem.rows[*row].cap - EPS;
            full && problem.asks.iter().zip(&problem.given).all(|(other, theirs)| {
                let shares = problem.touches[other.touches.clone()].iter().any(|(at, _)| at == row);
                !shares || *theirs <= given + EPS || *theirs <= other.min + EPS
            })
        });
        if !bottleneck {
            return Err(format!("ask {ask} has {given} and nothing holds it there"));
        }
    }
    Ok(())
}

/// Whole amperes by trying all of them: the lexicographically largest sorted vector. For at most three asks.
fn brute_force(net: &Net) -> Option<Vec<i64>> {
    let problem = net.problem();
    let ranges: Vec<Vec<i64>> = net.asks.iter().map(|ask| (ask.2 as i64..=ask.3 as i64).collect()).collect();
    let mut best: Option<Vec<i64>> = None;
    let mut index = vec![0; ranges.len()];
    'all: loop {
        let given: Vec<i64> = index.iter().zip(&ranges).map(|(at, range)| range[*at]).collect();
        let mut loads: Vec<f64> = problem.rows.iter().map(|row| row.load.re).collect();
        for (ask, ma) in problem.asks.iter().zip(&given) {
            for (row, _) in &problem.touches[ask.touches.clone()] {
                loads[*row] += *ma as f64;
            }
        }
        // The house alone may be over on a line that nobody is on.
        if loads.iter().zip(&problem.rows).all(|(load, row)| *load <= row.cap.max(row.load.re)) {
            let mut sorted = given;
            sorted.sort_unstable();
            if best.as_ref().is_none_or(|best| *best < sorted) {
                best = Some(sorted);
            }
        }
        for at in 0..=index.len() {
            if at == index.len() {
                break 'all;
            }
            index[at] += 1;
            if index[at] < ranges[at].len() {
                break;
            }
            index[at] = 0;
        }
    }
    best
}

#[test]
fn shares_are_feasible_and_max_min() {
    fn law(net: Net) -> TestResult {
        let Some(problem) = net.solve() else { return TestResult::discard() };
        match is_max_min(&problem, net.base) {
            Ok(()) => TestResult::passed(),
            Err(why) => TestResult::error(why),
        }
    }
    quickcheck::QuickCheck::new().tests(2_000).max_tests(100_000).quickcheck(law as fn(Net) -> TestResult);
}

#[test]
fn shares_are_what_trying_everything_finds() {
    fn law(mut net: Net) -> TestResult {
        net.asks.truncate(3);
        let Some(problem) = net.solve() else { return TestResult::discard() };
        let Some(best) = brute_force(&net) else {
            return TestResult::error("nothing fits, but something was given");
        };
        // Fractions win something over whole amperes, and less than one for each ask.
        let mut given = problem.given.clone();
        given.sort_unstable_by(f64::total_cmp);
        let first = (given[0] - best[0] as f64, 1.0);
        if first.0 < -EPS || first.0 >= first.1 {
            return TestResult::error(format!("{given:?} against {best:?}"));
        }
        TestResult::passed()
    }
    quickcheck::QuickCheck::new().tests(400).max_tests(100_000).quickcheck(law as fn(Net) -> TestResult);
}

/// What everybody gets, smallest first.
fn shares(net: &Net) -> Option<Vec<f64>> {
    let mut given = net.solve()?.given;
    given.sort_unstable_by(f64::total_cmp);
    Some(given)
}

fn same(one: &[f64], other: &[f64]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| (one - other).abs() < EPS)
}

quickcheck! {
    fn order_does_not_matter(net: Net) -> TestResult {
        let mut other = net.clone();
        other.asks.reverse();
        match (shares(&net), shares(&other)) {
            (Some(one), Some(other)) => TestResult::from_bool(same(&one, &other)),
            _ => TestResult::discard(),
        }
    }

    fn turning_the_phases_turns_the_shares(net: Net) -> TestResult {
        let mut other = net.clone();
        other.base.rotate_right(1);
        for ask in &mut other.asks {
            ask.1 = ask.1.map(|line| (line + 1) % 3);
        }
        match (net.solve(), other.solve()) {
            (Some(one), Some(other)) => TestResult::from_bool(same(&one.given, &other.given)),
            (None, None) => TestResult::discard(),
            _ => TestResult::failed(),
        }
    }

    fn more_base_never_raises_what_a_line_carries(net: Net, line: u8) -> TestResult {
        let line = usize::from(line % 3);
        let mut other = net.clone();
        other.base[line] += 1.0;
        let on = |problem: &Problem, base: f64| problem.rows[line].flow(Complex64::ZERO) - base;
        match (net.solve(), other.solve()) {
            (Some(one), Some(more)) => {
                TestResult::from_bool(on(&more, other.base[line]) <= on(&one, net.base[line]) + EPS)
            }
            _ => TestResult::discard(),
        }
    }

    fn a_larger_cap_never_lowers_the_smallest_share(net: Net, at: u8) -> TestResult {
        let mut other = net.clone();
        let at = usize::from(at) % other.circuits.len();
        other.circuits[at].1 += 1.0;
        match (shares(&net), shares(&other)) {
            (Some(one), Some(other)) => TestResult::from_bool(other[0] >= one[0] - EPS),
            _ => TestResult::discard(),
        }
    }
}

fn solved(
    circuits: Vec<(Option<usize>, f64)>,
    base: [f64; 3],
    asks: Vec<(usize, Option<usize>, f64, f64, u8)>,
) -> Vec<f64> {
    Net { circuits, base, asks }.solve().unwrap().given
}

/// The numbers that their authors published (balancing, section 3.2).
#[test]
fn published_shares() {
    let all = |count: usize, circuit: usize, min: f64, max: f64| vec![(circuit, None, min, max, 0); count];
    let is =
        |given: Vec<f64>, should: &[f64]| assert!(same(&given, should), "{given:?}, expected {should:?}");
    // X1
    is(
        solved(vec![(None, 32.0)], [0.0; 3], vec![(0, None, 6.0, 32.0, 0), (0, None, 6.0, 8.0, 0)]),
        &[24.0, 8.0],
    );
    // X6, and X7 without the waste
    let nested = vec![(None, 32.0), (Some(0), 16.0)];
    let cars = |first: u8, second: u8, third: u8| {
        vec![(0, None, 10.0, 16.0, first), (1, None, 6.0, 16.0, second), (1, None, 6.0, 16.0, third)]
    };
    is(solved(nested.clone(), [0.0; 3], cars(1, 0, 0)), &[16.0, 8.0, 8.0]);
    is(solved(nested.clone(), [0.0; 3], cars(1, 0, 1)), &[16.0, 6.0, 10.0]);
    // X8
    let singles = (0..3).map(|line| (0, Some(line), 6.0, 16.0, 0)).collect();
    is(solved(vec![(None, 31.0)], [17.0, 15.0, 17.0], singles), &[14.0, 16.0, 14.0]);
    // X9 as max-min
    is(
        solved(
            vec![(None, 24.0)],
            [0.0; 3],
            vec![(0, Some(0), 10.0, 16.0, 0), (0, Some(0), 6.0, 16.0, 0), (0, Some(0), 6.0, 16.0, 0)],
        ),
        &[10.0, 7.0, 7.0],
    );
    // X11
    let mut evcc = all(3, 1, 6.0, 32.0);
    evcc.extend(all(2, 2, 6.0, 32.0));
    is(solved(vec![(None, 48.0), (Some(0), 32.0), (Some(0), 32.0)], [0.0; 3], evcc), &[9.6; 5]);
    // X13: 7000 W per phase at 230 V; 12 000 W on three phases, 16 000 W on three single ones
    let watts = |watts: f64| watts / 230.0;
    let house = [3000.0, 1500.0, 500.0].map(watts);
    is(solved(vec![(None, watts(7000.0))], house, all(1, 0, 6.0, 100.0)), &[watts(4000.0)]);
    let singles = (0..3).map(|line| (0, Some(line), 6.0, 100.0, 0)).collect();
    let singles = solved(vec![(None, watts(7000.0))], house, singles);
    assert!((singles.iter().sum::<f64>() * 230.0 - 16_000.0).abs() < 0.01, "{singles:?}");
    // B-06 and the third car of evcc#30340
    let mut pro = Vec::new();
    for circuit in 1..4 {
        pro.extend(all(4, circuit, 6.0, 32.0));
    }
    let tree = vec![(None, 125.0), (Some(0), 63.0), (Some(0), 63.0), (Some(0), 63.0)];
    is(solved(tree, [0.0; 3], pro), &[125.0 / 12.0; 12]);
    is(solved(vec![(None, 35.0)], [0.0; 3], all(3, 0, 6.0, 16.0)), &[35.0 / 3.0; 3]);
    // X17
    is(solved(vec![(None, 15.0)], [0.0; 3], all(2, 0, 6.0, 32.0)), &[7.5, 7.5]);
    // X18 on three phases
    is(solved(vec![(None, 32.0)], [0.0; 3], all(3, 0, 6.0, 32.0)), &[32.0 / 3.0; 3]);
}

#[test]
fn phasors_fill_up_to_the_magnitude() {
    // 40 A along the axis, a car at 60°: |40 + x·(½ + i·√3/2)| = 63.
    let mut problem = Problem::default();
    problem.rows.push(Row::phasor(Complex64::new(40.0, 0.0), 63.0));
    problem.touches.push((0, Complex64::new(0.5, 0.75_f64.sqrt())));
    problem.push_ask(6.0, 63.0, 0, 0);
    assert!(problem.serve(0));
    problem.fill();
    let x = problem.given[0];
    assert!((x * x + 40.0 * x + 1600.0 - 63.0 * 63.0).abs() < 1e-6, "{x}");
}
