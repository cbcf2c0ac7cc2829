//! What readers in the field put where L2 is missing, as a table.
//!
//! Each row is a formula that somebody ships or could ship, right or wrong. Refuses to rank them.

use super::Inputs;
use super::triangle::roots;

/// One formula.
#[derive(Debug)]
pub struct Estimator {
    /// Short name, unique.
    pub name: &'static str,
    /// The formula for people.
    pub formula: &'static str,
    /// Who uses it.
    pub source: &'static str,
    run: fn(&Inputs) -> Option<f64>,
}

impl Estimator {
    /// Amperes or volts for this list; `None` where the formula says nothing. The L2 of the list is not looked at,
    /// except that the cosine formulas and the triangle use a reported U2.
    pub fn of(&self, list: &Inputs) -> Option<f64> {
        (self.run)(list)
    }
}

/// Formulas for I2 on three wires, in amperes.
///
/// The three of amsreader-firmware work on lists with U1, U2, U3 and with I1 and I3 above 0; they are cut at 0 when
/// P− is 0. Where the telegram has no U2, that firmware has filled it by the cosine formula before.
pub static CURRENT: [Estimator; 10] = [
    Estimator {
        name: "sqrt3-2020",
        formula: "(√3·P+ − U1·I1 − U3·I3) / U2",
        source: "amsreader-firmware, 2020",
        run: |list| amsreader(list, 3.0_f64, list.import_w),
    },
    Estimator {
        name: "sqrt3-net-2020",
        formula: "(√3·(P+ − P−) − U1·I1 − U3·I3) / U2",
        source: "amsreader-firmware, 2020 to 2023",
        run: |list| amsreader(list, 3.0, list.active_w()),
    },
    Estimator {
        name: "net-2023",
        formula: "((P+ − P−) − U1·I1 − U3·I3) / U2",
        source: "amsreader-firmware, 2023, removed in December of that year",
        run: |list| amsreader(list, 1.0, list.active_w()),
    },
    Estimator {
        name: "mean",
        formula: "(I1 + I3) / 2",
        source: "the obvious guess; median error 10 A on random loads",
        run: |list| list.outer_currents().map(|[i1, i3]| f64::midpoint(i1, i3)),
    },
    Estimator {
        name: "balanced",
        formula: "√(I1² + I3² − I1·I3)",
        source: "I1 and I3 taken as 120° apart",
        run: |list| list.outer_currents().map(|[i1, i3]| libm::sqrt(i1 * i1 + i3 * i3 - i1 * i3)),
    },
    Estimator {
        name: "larger",
        formula: "max(I1, I3)",
        source: "balancers that watch I1 and I3 only",
        run: |list| list.outer_currents().map(|[i1, i3]| i1.max(i3)),
    },
    Estimator {
        name: "zero",
        formula: "0",
        source: "readers that show a missing current as 0",
        run: |_| Some(0.0),
    },
    Estimator {
        name: "sum",
        formula: "I1 + I3",
        source: "upper end of the bound; safe for a fuse",
        run: |list| list.outer_currents().map(|[i1, i3]| i1 + i3),
    },
    Estimator {
        name: "triangle+",
        formula: "√(I1² + I3² + 2·I1·I3·cos(γ + ψ))",
        source: "power triangle, S1 leads S3; exact for resistive loads",
        run: |list| roots(list).map(|[plus, _]| plus),
    },
    Estimator {
        name: "triangle-",
        formula: "√(I1² + I3² + 2·I1·I3·cos(γ − ψ))",
        source: "power triangle, mirror root",
        run: |list| roots(list).map(|[_, minus]| minus),
    },
];

/// Formulas for U2, in volts.
pub static VOLTAGE: [Estimator; 3] = [
    Estimator {
        name: "average",
        formula: "(U1 + U3) / 2",
        source: "estimate from L1 and L3 as the Zaptec APM article describes it; formula not public",
        run: |list| list.outer_voltages().map(|[u1, u3]| f64::midpoint(u1, u3)),
    },
    Estimator {
        name: "cosine",
        formula: "√(U1² + U3² − U1·U3)",
        source: "amsreader-firmware, still in use; for line voltages 60° apart",
        run: cosine_v,
    },
    Estimator {
        name: "cosine-plus",
        formula: "√(U1² + U3² + U1·U3)",
        source: "the line voltage of two phase voltages, √3 too high in place of U2: misuse",
        run: |list| list.outer_voltages().map(|[u1, u3]| libm::sqrt(u1 * u1 + u3 * u3 + u1 * u3)),
    },
];

fn cosine_v(list: &Inputs) -> Option<f64> {
    list.outer_voltages().map(|[u1, u3]| libm::sqrt(u1 * u1 + u3 * u3 - u1 * u3))
}

/// The three formulas differ in the square of the factor on the power and in which power they take.
fn amsreader(list: &Inputs, factor_square: f64, power_w: f64) -> Option<f64> {
    let [u1, u3] = list.outer_voltages()?;
    let [i1, i3] = list.outer_currents().filter(|[i1, i3]| *i1 > 0.0 && *i3 > 0.0)?;
    let u2 = list.voltage_v[1].or_else(|| cosine_v(list))?;
    let amperes = (libm::sqrt(factor_square) * power_w - u1 * i1 - u3 * i3) / u2;
    Some(if list.export_w == 0.0 { amperes.max(0.0) } else { amperes })
}
