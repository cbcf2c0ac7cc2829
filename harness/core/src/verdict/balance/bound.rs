//! The most that cars could be given at one moment: an upper bound by linear programming.
//!
//! Maximise `Σ w·x` over what each car is given, with `y·min ≤ x ≤ y·max` and every line of every circuit within its
//! limit (balancing, section 5d, Metrics). `y` is 0 or 1 for up to a dozen cars and anything between for more, which
//! can only raise the bound. With a neutral currents add up by their magnitudes. On three wires a line carries the
//! magnitude of a sum of phasors: a circle, bounded from outside by tangents, of which more are added where the
//! solution lies outside the circle. The bound stays an upper one and is right to a thousandth, and no solver of cones
//! is needed.

use super::knowledge::signed;
use crate::plant::Phasor;
use crate::plant::magnitude;
use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

/// Up to so many cars are served or not; of more a part of each may be.
const WHOLE_MAX: usize = 12;
/// Tangents of each circle to begin with, and rounds of adding more.
const TANGENTS: usize = 12;
const ROUNDS: usize = 12;
/// How far outside a circle a solution may lie.
const OUTSIDE: f64 = 5e-4;

/// A car that could be given something.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its circuit.
    pub(super) node: usize,
    /// What an ampere offered to it is in the lines, amperes.
    pub(super) lines: [Phasor; 3],
    pub(super) least_a: f64,
    pub(super) most_a: f64,
    /// What an ampere counts.
    pub(super) weight: f64,
    /// What it has now; 0 where it waits.
    pub(super) has_a: f64,
}

/// What there is to share.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// There is a neutral.
    pub(super) neutral: bool,
    /// Of each circuit the one in front, its limit in amperes, and what is not shared in its lines.
    pub(super) circuits: Vec<(Option<usize>, f64, [Phasor; 3])>,
    /// Most that all of them may be given together, per line, amperes.
    pub(super) group_a: f64,
    pub(super) places: Vec<Place>,
}

/// One line of one circuit, or of the group.
struct Line {
    limit_a: f64,
    base: Phasor,
    /// Amperes from which the magnitude counts as the base, with a sign.
    signed_a: f64,
    terms: Vec<(usize, Phasor)>,
}

impl Room {
    /// The largest sum of weighted amperes. `more`: nobody gets less than now. `None` where that cannot be, or the
    /// house alone needs more than there is.
    pub(super) fn most(&self, more: bool) -> Option<f64> {
        let lines = self.lines();
        let mut tangents: Vec<Vec<Phasor>> = lines.iter().map(|line| self.first_tangents(line)).collect();
        for _ in 0..ROUNDS {
            let (value, given) = self.solve(more, &lines, &tangents)?;
            if self.neutral || !tighten(&lines, &given, &mut tangents) {
                return Some(value);
            }
        }
        self.solve(more, &lines, &tangents).map(|(value, _)| value)
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let none = [Phasor::default(); 3];
        let whole = std::iter::once((None, self.group_a, none));
        let circuits =
            self.circuits.iter().enumerate().map(|(node, (_, limit, base))| (Some(node), *limit, *base));
        for (node, limit_a, base) in whole.chain(circuits) {
            for (at, base) in base.into_iter().enumerate() {
                let feeds = |place: &Place| magnitude(place.lines[at]) > 0.0;
                let terms = self.places.iter().enumerate();
                let terms = terms.filter(|(_, place)| feeds(place) && self.is_behind(place.node, node));
                let terms: Vec<_> = terms.map(|(place, car)| (place, car.lines[at])).collect();
                if !terms.is_empty() {
                    lines.push(Line { limit_a, base, signed_a: signed(at, base), terms });
                }
            }
        }
        lines
    }

    /// `node` is behind this circuit; `None` is in front of all.
    fn is_behind(&self, node: usize, circuit: Option<usize>) -> bool {
        let mut next = Some(node);
        while let (Some(at), Some(wanted)) = (next, circuit) {
            if at == wanted {
                return true;
            }
            next = self.circuits[at].0;
        }
        circuit.is_none()
    }

    fn first_tangents(&self, line: &Line) -> Vec<Phasor> {
        if self.neutral || line.limit_a <= 0.0 {
            return Vec::new();
        }
        (0..TANGENTS)
            .map(|at| {
                let angle = at as f64 * std::f64::consts::TAU / TANGENTS as f64;
                Phasor { re: libm::cos(angle), im: libm::sin(angle) }
            })
            .collect()
    }

    fn solve(&self, more: bool, lines: &[Line], tangents: &[Vec<Phasor>]) -> Option<(f64, Vec<f64>)> {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let whole = self.places.len() <= WHOLE_MAX;
        let mut given: Vec<Variable> = Vec::with_capacity(self.places.len());
        let mut next = vec![true; self.circuits.len()];
        for place in &self.places {
            let has = more && place.has_a > 0.0;
            // Of more than a dozen the first that waits behind each circuit stands for all that do.
            let asks = more && !has && !whole && std::mem::take(&mut next[place.node]);
            let fixed = more && !has && !whole && !asks;
            let most = if fixed { 0.0 } else { place.most_a.max(place.has_a) };
            let x = problem.add_var(place.weight, (if has { place.has_a } else { 0.0 }, most));
            given.push(x);
            if has || fixed || place.least_a <= 0.0 {
                continue;
            }
            let y =
                if whole || asks { problem.add_binary_var(0.0) } else { problem.add_var(0.0, (0.0, 1.0)) };
            problem.add_constraint([(x, 1.0), (y, -place.most_a)], ComparisonOp::Le, 0.0);
            problem.add_constraint([(x, 1.0), (y, -place.least_a)], ComparisonOp::Ge, 0.0);
        }
        for (line, tangents) in lines.iter().zip(tangents) {
            if self.neutral {
                let terms: Vec<_> =
                    line.terms.iter().map(|(at, unit)| (given[*at], magnitude(*unit))).collect();
                problem.add_constraint(&terms[..], ComparisonOp::Le, (line.limit_a - line.signed_a).max(0.0));
            }
            for along in tangents {
                let terms: Vec<_> =
                    line.terms.iter().map(|(at, unit)| (given[*at], dot(*along, *unit))).collect();
                let free = line.limit_a - dot(*along, line.base);
                problem.add_constraint(&terms[..], ComparisonOp::Le, free);
            }
        }
        let solution = problem.solve().ok()?.into_solution().ok()?;
        Some((solution.objective(), given.iter().map(|x| solution.var_value(*x)).collect()))
    }
}

/// Adds tangents where the solution lies outside a circle. Whether it did.
fn tighten(lines: &[Line], given: &[f64], tangents: &mut [Vec<Phasor>]) -> bool {
    let mut outside = false;
    for (line, tangents) in lines.iter().zip(tangents) {
        let sum = line.terms.iter().fold(line.base, |sum, (at, unit)| Phasor {
            re: sum.re + unit.re * given[*at],
            im: sum.im + unit.im * given[*at],
        });
        let flows = magnitude(sum);
        if flows > line.limit_a * (1.0 + OUTSIDE) {
            tangents.push(Phasor { re: sum.re / flows, im: sum.im / flows });
            outside = true;
        }
    }
    outside
}

fn dot(one: Phasor, other: Phasor) -> f64 {
    one.re * other.re + one.im * other.im
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::System;
    use crate::plant::network::line_phasors;

    fn place(system: System, order: [u8; 3], phases: usize, most_a: f64) -> Place {
        let lines = line_phasors(system, order, 0..phases);
        Place { node: 0, lines, least_a: 6.0, most_a, weight: phases as f64, has_a: 0.0 }
    }

    fn room(neutral: bool, limit_a: f64, base: [Phasor; 3], places: Vec<Place>) -> Room {
        Room { neutral, circuits: vec![(None, limit_a, base)], group_a: limit_a, places }
    }

    fn most(room: &Room) -> f64 {
        room.most(false).unwrap()
    }

    const NONE: [Phasor; 3] = [Phasor { re: 0.0, im: 0.0 }; 3];
    const TN: System = System::ThreeTn;

    fn star(amperes: [f64; 3]) -> [Phasor; 3] {
        let mut base = NONE;
        for (line, amperes) in amperes.into_iter().enumerate() {
            let unit = crate::plant::network::STAR[line];
            base[line] = Phasor { re: unit.re * amperes, im: unit.im * amperes };
        }
        base
    }

    /// Case X13 of balancing: 7000 W per phase, 3000/1500/500 W drawn.
    #[test]
    fn three_cars_of_one_phase_use_what_one_of_three_cannot() {
        let base = star([3000.0 / 230.0, 1500.0 / 230.0, 500.0 / 230.0]);
        let limit = 7000.0 / 230.0;
        let three = room(true, limit, base, vec![place(TN, [1, 2, 3], 3, 32.0)]);
        assert!((most(&three) * 230.0 - 12_000.0).abs() < 0.1, "{}", most(&three) * 230.0);
        let orders = [[1, 2, 3], [2, 3, 1], [3, 1, 2]];
        let one = room(true, limit, base, orders.map(|order| place(TN, order, 1, 32.0)).to_vec());
        assert!((most(&one) * 230.0 - 16_000.0).abs() < 0.1, "{}", most(&one) * 230.0);
    }

    /// Case X17: 15 A for three cars serve two.
    #[test]
    fn a_car_is_served_from_its_least_on_or_not_at_all() {
        let cars = vec![place(TN, [1, 2, 3], 1, 32.0); 3];
        assert!((most(&room(true, 15.0, NONE, cars.clone())) - 15.0).abs() < 1e-6);
        assert!(most(&room(true, 5.0, NONE, cars.clone())).abs() < 1e-6);
        let seven = vec![place(TN, [1, 2, 3], 1, 7.0); 3];
        assert!((most(&room(true, 17.0, NONE, seven)) - 14.0).abs() < 1e-6);
    }

    /// Cases X6 and X7: 32 A over a circuit of 16 A.
    #[test]
    fn circuits_bound_what_is_behind_them() {
        let mut cars = vec![place(TN, [1, 2, 3], 3, 16.0); 3];
        cars[1].node = 1;
        cars[2].node = 1;
        let mut nested = room(true, 32.0, NONE, cars);
        nested.circuits.push((Some(0), 16.0, NONE));
        assert!((most(&nested) - 96.0).abs() < 1e-6);
        nested.circuits[1].1 = 14.0;
        assert!((most(&nested) - 90.0).abs() < 1e-6);
        // What openWB gives: one ampere of 32 is left.
        for (place, has) in nested.places.iter_mut().zip([15.0, 6.0, 10.0]) {
            place.has_a = has;
        }
        nested.circuits[1].1 = 16.0;
        let more = nested.most(true).unwrap();
        assert!((more - 96.0).abs() < 1e-6, "{more}");
        // The group as a whole has a limit of its own.
        nested.group_a = 30.0;
        assert_eq!(nested.most(true), None);
    }

    /// Section 2.2: three branches of 16 A make 27.71 A in each line.
    #[test]
    fn on_three_wires_lines_carry_the_magnitude_of_a_sum() {
        let it = System::ThreeIt;
        let cars: Vec<_> = [[1, 2, 3], [2, 3, 1], [3, 1, 2]].map(|order| place(it, order, 1, 32.0)).to_vec();
        let three = room(false, 27.712_81, NONE, cars);
        assert!((most(&three) - 48.0).abs() < 0.05, "{}", most(&three));
        let one = room(false, 20.0, NONE, vec![place(it, [1, 2, 3], 1, 32.0)]);
        assert!((most(&one) - 20.0).abs() < 0.02, "{}", most(&one));
        // A car on three phases: √3 in the line that its two branches share.
        let both = room(false, 27.712_81, NONE, vec![place(it, [1, 2, 3], 3, 32.0)]);
        assert!((most(&both) / 3.0 - 16.0).abs() < 0.02, "{}", most(&both) / 3.0);
    }

    /// Fifty cars of which nobody is given anything: one of them at least could be.
    #[test]
    fn of_many_that_wait_one_could_begin() {
        let mut cars: Vec<_> = (0..50).map(|_| place(TN, [1, 2, 3], 3, 16.0)).collect();
        let more = |cars: &[Place]| room(true, 25.0, NONE, cars.to_vec()).most(true).unwrap();
        assert!((more(&cars) - 48.0).abs() < 1e-6, "{}", more(&cars));
        // Four charge with all that there is but an ampere: nobody else can begin.
        cars[..4].iter_mut().for_each(|place| place.has_a = 6.0);
        assert!((more(&cars) - 75.0).abs() < 1e-6, "{}", more(&cars));
        cars[..4].iter_mut().for_each(|place| place.most_a = 6.0);
        assert!((more(&cars) - 72.0).abs() < 1e-6, "{}", more(&cars));
    }

    #[test]
    fn more_cars_than_a_dozen_are_bounded_too() {
        let cars: Vec<_> = (0..54).map(|_| place(TN, [1, 2, 3], 3, 16.0)).collect();
        assert!((most(&room(true, 125.0, star([20.0; 3]), cars)) - 315.0).abs() < 1e-3);
    }
}
