//! Three wires without neutral: what the currents of the lines and the power say of their angles.
//!
//! The line currents sum to zero, so their three magnitudes are a triangle, and that fixes the angles between them but
//! for a mirror image. Power and reactive power turn the triangle into its place and tell the two images apart, because
//! their apparent powers differ. Without reactive power several places are left, and a limit has to hold in all of
//! them; without power there are no angles, and magnitudes are added, which is never too little (balancing, section
//! 2.2).
//!
//! Where I2 is not sent it comes from power, reactive power and the two others, with a margin of an ampere; without
//! reactive power only the bound I1 + I3 is used. Power alone would be up to 9 A too low there.

use super::layout::Lines;
use num_complex::Complex64;
use std::f64::consts::FRAC_PI_3;

/// What an estimate of I2 may be too low by, milliamperes (balancing, section 2.2: p1 is −1.04 A).
const I2_MARGIN_MA: f64 = 1_000.0;
/// A mirror image is out when its apparent power is off by more than this part, and …
const APPARENT_PART: f64 = 0.03;
/// … so many volt-amperes: rounding of the currents.
const APPARENT_VA: f64 = 60.0;
/// Half √3.
const COS_30: f64 = 0.866_025_403_784_438_6;
/// Directions of the lines against the middle of the triangle.
const STAR: Lines = [Complex64::new(1.0, 0.0), Complex64::new(-0.5, -COS_30), Complex64::new(-0.5, COS_30)];

/// What is known of the currents in the lines.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Seen {
    /// Places that the triangle of currents may have.
    pub places: [Lines; 4],
    /// How many of them; 0: the angles are not known.
    pub count: usize,
    /// Magnitudes, milliamperes; what is not sent is bounded.
    pub ma: [Option<f64>; 3],
    /// What the magnitudes in `places` may be too low by.
    pub margin_ma: [f64; 3],
}

/// What the meter says: milliamperes, watts, vars, volts between lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub ma: [Option<f64>; 3],
    pub p_w: Option<f64>,
    pub q_var: Option<f64>,
    pub volts: f64,
}

impl Said {
    /// √(P² + Q²).
    fn apparent_va(&self) -> Option<f64> {
        let (p_w, q_var) = (self.p_w?, self.q_var?);
        Some((p_w * p_w + q_var * q_var).sqrt())
    }

    /// The current that is missing, from the two others and the power: the law of cosines twice. `None` where the
    /// three powers form no triangle.
    fn missing_ma(&self, one: f64, other: f64) -> Option<f64> {
        if one < 1.0 || other < 1.0 {
            return Some(one.max(other));
        }
        let line_ma = self.apparent_va()? / self.volts * 1000.0;
        let cosine = (line_ma * line_ma - one * one - other * other) / (2.0 * one * other);
        if !(-1.02..=1.02).contains(&cosine) {
            return None;
        }
        let angle = FRAC_PI_3 + libm::acos(cosine.clamp(-1.0, 1.0));
        Some((one * one + other * other + 2.0 * one * other * libm::cos(angle)).max(0.0).sqrt())
    }

    /// All that follows from it.
    pub fn seen(&self) -> Seen {
        let mut seen = Seen {
            places: [Lines::default(); 4],
            count: 0,
            ma: self.ma.map(|ma| ma.map(f64::abs)),
            margin_ma: [0.0; 3],
        };
        let mut missing = (0..3).filter(|line| seen.ma[*line].is_none());
        let (first, second) = (missing.next(), missing.next());
        let ma = match (first, second) {
            (None, _) => seen.ma.map(Option::unwrap_or_default),
            (Some(_), Some(_)) => return seen,
            (Some(line), None) => {
                let [one, other] = [1, 2].map(|step| seen.ma[(line + step) % 3].unwrap_or_default());
                seen.ma[line] = Some(one + other);
                let Some(ma) = self.missing_ma(one, other) else { return seen };
                seen.margin_ma[line] = I2_MARGIN_MA.min(one + other - ma).max(0.0);
                seen.ma[line] = Some(ma + seen.margin_ma[line]);
                let mut all = seen.ma.map(Option::unwrap_or_default);
                all[line] = ma;
                all
            }
        };
        for mirror in [1.0, -1.0] {
            self.place(triangle(ma, mirror), &mut seen);
        }
        seen
    }

    /// Turns the triangle into the places that fit the power.
    fn place(&self, lines: Lines, seen: &mut Seen) {
        let Some(p_w) = self.p_w else { return };
        let star = self.volts / (2.0 * COS_30);
        let power: Complex64 =
            STAR.iter().zip(lines).map(|(volts, ma)| *volts * star * ma.conj() / 1000.0).sum();
        let apparent = power.norm_sqr().sqrt();
        if apparent < 1.0 {
            push(seen, lines, Complex64::ONE);
        } else if let Some(told) = self.apparent_va() {
            let (p_w, q_var) = (p_w, self.q_var.unwrap_or_default());
            if (apparent - told).abs() <= APPARENT_PART * told + APPARENT_VA && told > 0.0 {
                push(seen, lines, power / apparent * Complex64::new(p_w, -q_var) / told);
            }
        } else {
            let cosine = p_w / apparent;
            if cosine.abs() <= 1.0 + APPARENT_PART {
                let cosine = cosine.clamp(-1.0, 1.0);
                let sine = (1.0 - cosine * cosine).sqrt();
                for sine in [sine, -sine] {
                    push(seen, lines, power / apparent * Complex64::new(cosine, sine));
                }
            }
        }
    }
}

fn push(seen: &mut Seen, lines: Lines, turn: Complex64) {
    if let Some(place) = seen.places.get_mut(seen.count) {
        *place = lines.map(|ma| ma * turn);
        seen.count += 1;
    }
}

/// Three phasors with these magnitudes and the sum 0, the longest along the real axis; `mirror` is 1 or −1.
fn triangle(ma: [f64; 3], mirror: f64) -> Lines {
    let first = (0..3).fold(0, |longest, line| if ma[line] > ma[longest] { line } else { longest });
    let (second, third) = ((first + 1) % 3, (first + 2) % 3);
    let mut lines = Lines::default();
    lines[first] = Complex64::new(ma[first], 0.0);
    if ma[first] > 0.0 && ma[second] > 0.0 {
        let square = ma[third] * ma[third] - ma[first] * ma[first] - ma[second] * ma[second];
        let cosine = (square / (2.0 * ma[first] * ma[second])).clamp(-1.0, 1.0);
        let sine = (1.0 - cosine * cosine).sqrt() * mirror;
        lines[second] = Complex64::new(cosine, sine) * ma[second];
    }
    lines[third] = -(lines[first] + lines[second]);
    lines
}
