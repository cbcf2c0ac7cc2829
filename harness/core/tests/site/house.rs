//! Small networks whose truth is known.

use hanbench_core::site::l2::Inputs;
use num_complex::Complex64;

pub fn polar(magnitude: f64, degrees: f64) -> Complex64 {
    Complex64::from_polar(magnitude, degrees.to_radians())
}

/// What a load draws at its voltage: amperes (negative: it feeds in), power factor, and whether the current leads.
#[derive(Clone, Copy)]
pub struct Branch(pub f64, pub f64);

impl Branch {
    /// The current at a voltage; a negative power factor means leading.
    fn current(self, volts: Complex64) -> Complex64 {
        let Branch(amperes, factor) = self;
        let lag = factor.abs().acos() * factor.signum();
        volts / volts.norm() * Complex64::from_polar(amperes, -lag)
    }
}

pub fn resistive(amperes: f64) -> Branch {
    Branch(amperes, 1.0)
}

/// Three wires with loads L1–L2, L2–L3, L3–L1, at these line voltages U12, U23, U31.
pub fn three_wire(lines: [Complex64; 3], loads: [Branch; 3]) -> (Inputs, [f64; 3]) {
    let [u12, u23, u31] = lines;
    let [i12, i23, i31] = [0, 1, 2].map(|at: usize| loads[at].current(lines[at]));
    let [i1, i2, i3] = [i12 - i31, i23 - i12, i31 - i23];
    let power = u12 * i1.conj() - u23 * i3.conj();
    // Blondel: two elements measure what the three loads draw.
    assert!((power - (u12 * i12.conj() + u23 * i23.conj() + u31 * i31.conj())).norm() < 1e-6);
    let currents = [i1, i2, i3].map(Complex64::norm);
    let list = Inputs {
        import_w: power.re.max(0.0),
        export_w: (-power.re).max(0.0),
        reactive_var: Some(power.im),
        current_a: [Some(currents[0]), None, Some(currents[2])],
        voltage_v: [Some(u12.norm()), Some(u31.norm()), Some(u23.norm())],
    };
    (list, currents)
}

/// 230 V between all lines.
pub fn even_lines() -> [Complex64; 3] {
    [polar(230.0, 30.0), polar(230.0, -90.0), polar(230.0, 150.0)]
}

/// With a neutral, behind the IEC 60725 impedance: loads at the ideal phase angles, as U_k = E_k − Zp·I_k − Zn·ΣI.
/// The list is complete; the power factors are those at the real voltages.
pub fn with_neutral(loads: [Branch; 3]) -> (Inputs, [f64; 3]) {
    let (line, neutral) = (Complex64::new(0.24, 0.15), Complex64::new(0.16, 0.10));
    let source = [polar(230.0, 0.0), polar(230.0, -120.0), polar(230.0, 120.0)];
    let current = [0, 1, 2].map(|at: usize| loads[at].current(source[at]));
    let drop = neutral * current.iter().sum::<Complex64>();
    let volts = [0, 1, 2].map(|at: usize| source[at] - line * current[at] - drop);
    let power: Complex64 = volts.iter().zip(&current).map(|(u, i)| u * i.conj()).sum();
    let factors = [0, 1, 2].map(|at: usize| {
        let power = volts[at] * current[at].conj();
        if power.norm() == 0.0 { 1.0 } else { power.re / power.norm() }
    });
    let list = Inputs {
        import_w: power.re.max(0.0),
        export_w: (-power.re).max(0.0),
        reactive_var: Some(power.im),
        current_a: current.map(|i| Some(i.norm())),
        voltage_v: volts.map(|u| Some(u.norm())),
    };
    (list, factors)
}
