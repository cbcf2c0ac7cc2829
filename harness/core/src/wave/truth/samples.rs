//! What an ideal device could read from samples: sums over them, nothing known beside rate and frequency.

use super::{Line, Power, Truth, Wave};
use crate::wave::spec::Channel;
use crate::wave::{ORDER_MAX, Phasor, Rate};
use std::f64::consts::{PI, SQRT_2};

/// The samples of one channel, in volts or amperes.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// Which.
    pub channel: Channel,
    /// Its values over the window.
    pub values: &'a [f64],
}

/// What the samples say, of a net with a neutral. All channels are equally long and start at the same moment; what has
/// no channel stays unknown. Fundamental and harmonics are sums against sines at `f_hz` and its multiples below half the
/// rate, which is exact over whole cycles only. A window has one direction of energy for each line.
///
/// `None` without samples, or where channels differ in length.
pub fn of_samples(channels: &[Samples<'_>], rate: Rate, f_hz: f64) -> Option<Truth> {
    let count = channels.first()?.values.len();
    if count == 0 || channels.iter().any(|samples| samples.values.len() != count) {
        return None;
    }
    let seconds = rate.seconds(count as u64);
    let find = |current: bool, line: usize| {
        let mut found = channels.iter().filter(|samples| samples.channel.is_current() == current);
        found.find(|samples| samples.channel.line() == line).map(|samples| samples.values)
    };
    let lines = [0, 1, 2].map(|line| {
        let (u, i) = (find(false, line), find(true, line));
        let power = u.zip(i).map(|(u, i)| {
            let first = part(u, rate, f_hz, 1) * part(i, rate, f_hz, 1).conj();
            let p_w = mean(u, i);
            let mut power = Power { p_w, p1_w: first.re, q1_var: first.im, ..Power::default() };
            power.s_va = (mean(u, u) * mean(i, i)).sqrt();
            power.book(p_w * seconds / 3600.0, p_w);
            power
        });
        Line { u: u.map(|u| wave(u, rate, f_hz)), i: i.map(|i| wave(i, rate, f_hz)), power }
    });
    let currents: Option<Vec<&[f64]>> = (0..3).map(|line| find(true, line)).collect();
    let i_n_a = currents.map(|currents| {
        let sum = |at: usize| currents.iter().map(|values| values[at]).sum::<f64>();
        ((0..count).map(|at| sum(at) * sum(at)).sum::<f64>() / count as f64).sqrt()
    });
    let powers: Option<Vec<Power>> = lines.iter().map(|line| line.power).collect();
    let total = powers.map(|powers| {
        let sum = |field: fn(&Power) -> f64| powers.iter().map(field).sum::<f64>();
        let p_w = sum(|power| power.p_w);
        let mut total = Power { p_w, p1_w: sum(|power| power.p1_w), ..Power::default() };
        (total.q1_var, total.s_va) = (sum(|power| power.q1_var), sum(|power| power.s_va));
        total.book(p_w * seconds / 3600.0, p_w);
        total
    });
    Some(Truth { seconds, f_hz, lines, total, i_n_a, numeric: true })
}

fn mean(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / a.len() as f64
}

fn wave(values: &[f64], rate: Rate, f_hz: f64) -> Wave {
    let orders = (2..=ORDER_MAX).take_while(|order| f64::from(*order) * f_hz < rate.hz() / 2.0);
    Wave {
        rms: mean(values, values).sqrt(),
        fundamental: part(values, rate, f_hz, 1).norm_sqr().sqrt(),
        harmonics: orders.map(|order| part(values, rate, f_hz, order).norm_sqr()).sum::<f64>().sqrt(),
    }
}

/// One order as an RMS phasor, against sines that start with the window.
fn part(values: &[f64], rate: Rate, f_hz: f64, order: u8) -> Phasor {
    let radians = 2.0 * PI * f_hz * f64::from(order);
    let terms = values.iter().enumerate().map(|(at, value)| {
        let (sin, cos) = libm::sincos(radians * rate.seconds(at as u64));
        Phasor::new(cos, -sin) * *value
    });
    terms.sum::<Phasor>() * Phasor::I * (SQRT_2 / values.len() as f64)
}
