//! From measured powers to the way the clamps are placed.
//!
//! Right wiring is never ruled out while a real load could explain the readings: a fitter who is told to move clamps
//! that sit right is worse off than one who is told to switch a heater on and look again.

use super::Combination;
use crate::site::wrapped;
use alloc::vec::Vec;

/// Active and reactive power of one channel.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Power {
    /// Watts.
    pub active_w: f64,
    /// Vars, positive where the current lags.
    pub reactive_var: f64,
}

impl Power {
    fn angle_deg(self) -> f64 {
        libm::atan2(self.reactive_var, self.active_w).to_degrees()
    }

    fn apparent_va(self) -> f64 {
        libm::hypot(self.active_w, self.reactive_var)
    }

    fn minus(self, other: Power) -> Power {
        Power {
            active_w: self.active_w - other.active_w,
            reactive_var: self.reactive_var - other.reactive_var,
        }
    }
}

/// Which voltages the device has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voltages {
    /// L1, L2, L3 and N.
    All,
    /// L1 and N only, which the Amp Guard manual allows where nothing generates. The powers of channels 2 and 3 are then
    /// no measurement, whatever the device shows.
    OnlyL1,
}

/// What is known about the loads while it is measured.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Loads {
    /// Largest angle to either side, in degrees. Up to 30 the answer can be unique; at 30 and above it never is.
    pub phi_max_deg: f64,
    /// Largest difference between the angles of two lines, in degrees.
    pub spread_deg: f64,
    /// Something may feed in on any line: then a clamp turned round and export are the same thing.
    pub generation: bool,
}

impl Loads {
    /// Power factor above 0.866 on each line, nothing generates.
    pub const ORDINARY: Loads = Loads { phi_max_deg: 29.9, spread_deg: 59.8, generation: false };
    /// Any load that does not feed in, the three lines alike within 60°: what right wiring may have to carry.
    const PASSIVE: Loads = Loads { phi_max_deg: 90.0, spread_deg: 60.0, generation: false };
}

/// Which combinations explain the powers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Placed {
    /// Only this one.
    Exactly(Combination),
    /// Each of these; two at least. The right wiring comes first where it is one of them.
    Ambiguous(Vec<Combination>),
    /// None, and why.
    NotObservable(&'static str),
}

impl Placed {
    fn from(mut fitting: Vec<Combination>, none: &'static str) -> Placed {
        match (fitting.pop(), fitting.is_empty()) {
            (None, _) => Placed::NotObservable(none),
            (Some(one), true) => Placed::Exactly(one),
            (Some(last), false) => {
                fitting.push(last);
                Placed::Ambiguous(fitting)
            }
        }
    }
}

/// Which combinations explain what the three channels measure.
///
/// `None` for a channel without enough current to have an angle; it then excludes nothing. Right wiring counts as an
/// explanation with any passive load, every other combination only with loads as in `loads`.
pub fn classify(measured: &[Option<Power>; 3], voltages: Voltages, loads: Loads) -> Placed {
    let mut angles = measured.map(|power| power.map(Power::angle_deg));
    if voltages == Voltages::OnlyL1 {
        angles = [angles[0], None, None];
    }
    if angles.iter().all(Option::is_none) {
        return Placed::NotObservable("no channel with a voltage of its own carries a current");
    }
    let fitting = Combination::all()
        .filter(|combination| {
            explains(*combination, &angles, loads)
                || (*combination == Combination::RIGHT && explains(*combination, &angles, Loads::PASSIVE))
        })
        .collect();
    Placed::from(fitting, "no way to place one clamp on each line gives these angles with such loads")
}

fn explains(combination: Combination, angles: &[Option<f64>; 3], loads: Loads) -> bool {
    let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
    for (angle, off) in angles.iter().zip(combination.angles_deg(0.0)) {
        let Some(angle) = angle else { continue };
        let mut phi = wrapped(angle - off);
        if loads.generation && phi.abs() > 90.0 {
            phi = wrapped(phi - 180.0);
        }
        // A hair of room, because the angles come out of an arc tangent.
        if phi.abs() > loads.phi_max_deg + 1e-9 {
            return false;
        }
        (lowest, highest) = (lowest.min(phi), highest.max(phi));
    }
    highest - lowest <= loads.spread_deg + 1e-9
}

/// A load switched on between two measurements.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The line, 1 to 3, it is connected to, and the neutral.
    pub line: u8,
    /// What the channels measured before.
    pub before: [Power; 3],
    /// And with the load on.
    pub after: [Power; 3],
}

/// Those of `candidates` that the step leaves.
///
/// The load need not be resistive, only no generator and with a power factor above 0: the channel whose power changed
/// sits on its line, and that line known, the change has only two possible half planes. One step singles out one of
/// any group of look-alikes; two steps on different lines and the direction of the third clamp settle all 48.
pub fn after_step(candidates: &[Combination], step: &Step) -> Placed {
    let changes = [0, 1, 2].map(|at: usize| step.after[at].minus(step.before[at]));
    let sizes = changes.map(Power::apparent_va);
    let mut order = [0, 1, 2];
    order.sort_by(|one: &usize, other: &usize| sizes[*other].total_cmp(&sizes[*one]));
    let [most, next, _] = order;
    // Half: the other loads of the house move too, but a step that is no clear winner says nothing.
    if sizes[most] <= 2.0 * sizes[next] {
        return Placed::NotObservable("the step shows in more than one channel, or in none");
    }
    let angle = changes[most].angle_deg();
    let fitting = candidates
        .iter()
        .copied()
        .filter(|combination| {
            let off = combination.angles_deg(0.0)[most];
            combination.on()[most] == step.line && wrapped(angle - off).abs() < 90.0
        })
        .collect();
    Placed::from(fitting, "none of the candidates explains the step")
}
