//! What flows without the chargers: the meter less what they draw, remembered for a minute (balancing, section 5b,
//! steps 2 and 3).
//!
//! While a charger changes, its draw at the moment of the reading is an interval, and so is the rest. The old value is
//! kept as long as it lies inside, because houses change less often than cars that were just told to; outside it moves
//! no further than it must. So a car that follows its limit is never taken for a load of the house (field bug B9), and
//! the base and all limits together are never less than what the meter shows.

use super::allocate::magnitude;
use super::book::Draw;
use super::layout::{Layout, Lines};
use super::mutation::Mutation;
use super::observe::Meter;
use super::three_wire::{Said, Seen};
use num_complex::Complex64;

/// A peak is remembered for so long, milliseconds.
const HOLD_MS: u64 = 60_000;
/// A power factor below this is not expected of a house, where a current has to be bounded by power.
const POWER_FACTOR: f64 = 0.85;
/// What rounding and a little more of the house explain, milliamperes.
const NOISE_MA: f64 = 500.0;

/// A value, and the peak that it comes from.
#[derive(Clone, Copy, Default, Debug)]
struct Hold {
    now: f64,
    peak: f64,
    peak_ms: u64,
}

impl Hold {
    fn set(&mut self, t_ms: u64, now: f64) {
        if now >= self.now + self.above(t_ms) {
            (self.peak, self.peak_ms) = (now, t_ms);
        }
        self.now = now;
    }

    /// How far the remembered peak lies above the value.
    fn above(&self, t_ms: u64) -> f64 {
        let left_ms = HOLD_MS.saturating_sub(t_ms.saturating_sub(self.peak_ms));
        (self.peak - self.now).max(0.0) * left_ms as f64 / HOLD_MS as f64
    }
}

/// What flows without the chargers.
#[derive(Clone, Default, Debug)]
pub(super) struct Base {
    /// Milliamperes in each line; `None`: not known, and not bounded. Of no use on three wires while `places` counts.
    pub line_ma: [Option<f64>; 3],
    /// Lines that the meter does not say; what stands for them is a bound, if there is one.
    pub unsaid: [bool; 3],
    /// On three wires: places that the currents may have.
    pub places: [Lines; 4],
    /// How many of them. 0: magnitudes are added.
    pub count: usize,
    /// What an estimate of a line may be too low by, milliamperes.
    pub margin_ma: [f64; 3],
    /// Watts.
    pub watts: Option<f64>,
    hold: [Hold; 3],
    /// What the reading before came to, milliamperes.
    before_ma: [f64; 3],
    /// On three wires: the reading before was lower.
    fell: bool,
}

/// What the chargers draw together: the least and the most.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Drawn {
    /// On each line.
    pub low: Lines,
    /// On each line.
    pub high: Lines,
    /// Sum over all terminals, milliamperes.
    pub low_ma: f64,
    /// Sum over all terminals, milliamperes.
    pub high_ma: f64,
    /// Nothing changes.
    pub settled: bool,
    /// One that may draw something has not been heard for long.
    pub silent: bool,
}

impl Drawn {
    /// Of all chargers.
    pub fn of(layout: &Layout, draws: impl Iterator<Item = Draw>) -> Drawn {
        let mut drawn = Drawn { settled: true, ..Drawn::default() };
        for (charger, draw) in draws.enumerate() {
            if draw.high == [0; 3] && draw.low == [0; 3] {
                drawn.settled &= draw.settled;
                continue;
            }
            let (low, high) = (draw.low.map(|ma| ma as f64), draw.high.map(|ma| ma as f64));
            add(&mut drawn.low, layout.drawn(charger, low));
            add(&mut drawn.high, layout.drawn(charger, high));
            drawn.low_ma += low.iter().sum::<f64>();
            drawn.high_ma += high.iter().sum::<f64>();
            drawn.settled &= draw.settled;
            drawn.silent |= draw.silent;
        }
        drawn
    }
}

fn add(sum: &mut Lines, more: Lines) {
    for (line, more) in sum.iter_mut().zip(more) {
        *line += more;
    }
}

impl Base {
    /// Takes new currents.
    pub fn update(
        &mut self,
        t_ms: u64,
        meter: &Meter,
        mut drawn: Drawn,
        layout: &Layout,
        mutation: Option<Mutation>,
    ) {
        if !layout.site.chargers_included || mutation == Some(Mutation::CountsTwice) {
            drawn = Drawn { settled: true, ..Drawn::default() };
        }
        self.watts = meter.p_w.or_else(|| bound_w(meter, layout)).map(|watts| {
            let per_ma = meter.volts / 1000.0;
            keep(self.watts, watts - drawn.high_ma * per_ma, watts - drawn.low_ma * per_ma)
        });
        if layout.three_wire && mutation != Some(Mutation::ScalarIt) {
            let said = Said { ma: meter.line_ma, p_w: meter.p_w, q_var: meter.q_var, volts: meter.volts };
            self.update_places(t_ms, &said.seen(), &drawn);
        } else {
            self.count = 0;
            self.margin_ma = [0.0; 3];
            self.unsaid = [false; 3];
            self.update_lines(t_ms, meter.line_ma, &drawn, layout, mutation);
            if !layout.three_wire {
                self.bound_unknown(t_ms, meter, layout);
            }
        }
        if mutation == Some(Mutation::SumsPhases) {
            let sum: f64 = self.line_ma.iter().flatten().sum();
            self.line_ma = self.line_ma.map(|ma| ma.map(|_| sum / layout.lines as f64));
        }
    }

    /// Nobody knows which line a reading belongs to, which way it flows, or what of it is the chargers': every line may
    /// carry as much as the fullest reading, besides them.
    pub fn distrust(&mut self, t_ms: u64, meter: &Meter, layout: &Layout) {
        let most = meter.line_ma.iter().flatten().map(|ma| ma.abs()).fold(0.0, f64::max);
        for line in 0..layout.lines {
            self.line_ma[line] = Some(most);
            self.hold[line].set(t_ms, most);
        }
    }

    /// How far the remembered peak of a line lies above its value, milliamperes.
    pub fn above(&self, t_ms: u64, line: usize) -> f64 {
        self.hold[line].above(t_ms)
    }

    /// Where loads add as numbers; on three wires that is never too little.
    fn update_lines(
        &mut self,
        t_ms: u64,
        ma: [Option<f64>; 3],
        drawn: &Drawn,
        layout: &Layout,
        mutation: Option<Mutation>,
    ) {
        for line in 0..layout.lines {
            let Some(ma) = ma[line] else {
                self.line_ma[line] = None;
                continue;
            };
            let (high, low) = (ma - magnitude(drawn.low[line]), ma - magnitude(drawn.high[line]));
            let grew = self.line_ma[line].is_some_and(|old| old < low);
            let mut base = keep(self.line_ma[line], low, high);
            if grew && !drawn.silent && ma > layout.site.supply_max_ma as f64 {
                // The house has certainly grown, and the line is overloaded: now the worst of the interval. What a
                // silent charger may draw is kept free for it anyway.
                base = high;
            }
            let signed = layout.site.signed || mutation == Some(Mutation::UnsignedExport);
            if !signed && !layout.three_wire {
                // A magnitude below the draw of the chargers is export, which is no room (B-34).
                base = base.max(0.0);
            }
            // A fall has to be seen twice: a charger may have stopped without a word.
            let stops = drawn.high_ma > 0.0;
            let twice = if stops && self.line_ma[line].is_some_and(|old| base < old) {
                base.max(self.before_ma[line])
            } else {
                base
            };
            self.before_ma[line] = base;
            self.line_ma[line] = Some(twice);
            self.hold[line].set(t_ms, twice);
        }
    }

    /// A phase that the meter does not say, but its power: no more can flow there than all the house takes, and what
    /// other phases may give back (field bug B17).
    fn bound_unknown(&mut self, t_ms: u64, meter: &Meter, layout: &Layout) {
        self.unsaid = [0, 1, 2].map(|line| line < layout.lines && meter.line_ma[line].is_none());
        let Some(watts) = self.watts.filter(|_| meter.p_w.is_some()) else { return };
        let given_back: f64 = meter
            .line_ma
            .iter()
            .flatten()
            .map(|ma| if *ma < 0.0 || !layout.site.signed { ma.abs() } else { 0.0 })
            .sum();
        let bound = (watts.max(0.0) / meter.volts * 1000.0 + given_back) / POWER_FACTOR;
        for line in 0..layout.lines {
            if self.unsaid[line] {
                self.line_ma[line] = Some(bound);
                self.hold[line].set(t_ms, bound);
            }
        }
    }

    fn update_places(&mut self, t_ms: u64, seen: &Seen, drawn: &Drawn) {
        self.margin_ma = seen.margin_ma;
        if seen.count == 0 {
            self.count = 0;
            for line in 0..3 {
                self.line_ma[line] = seen.ma[line].map(|ma| {
                    keep(
                        self.line_ma[line],
                        ma - magnitude(drawn.high[line]),
                        ma - magnitude(drawn.low[line]),
                    )
                });
                self.hold[line].set(t_ms, self.line_ma[line].unwrap_or_default());
            }
            return;
        }
        let most = |places: &[Lines; 4], count: usize, line: usize, more: Complex64| {
            places[..count].iter().map(|place| magnitude(place[line] + more)).fold(0.0, f64::max)
        };
        // While something changes the old base is kept as long as it explains what the meter shows; a base that was
        // found from too large a draw would point backwards and be as wrong as one from too small a one.
        let explained = self.count > 0
            && (0..3).all(|line| {
                let old = |drawn: Complex64| most(&self.places, self.count, line, drawn);
                most(&seen.places, seen.count, line, Complex64::ZERO)
                    <= old(drawn.low[line]).max(old(drawn.high[line])) + NOISE_MA
            });
        let mut places = seen.places;
        for place in &mut places {
            for (line, drawn) in place.iter_mut().zip(drawn.low) {
                *line -= drawn;
            }
        }
        let falls = explained
            && drawn.high_ma > 0.0
            && (0..3).any(|line| {
                let flow = |places: &[Lines; 4], count: usize| most(places, count, line, Complex64::ZERO);
                flow(&places, seen.count) < flow(&self.places, self.count) - NOISE_MA
            });
        // A fall has to be seen twice.
        if !explained || drawn.settled && (!falls || self.fell) {
            (self.places, self.count) = (places, seen.count);
        }
        self.fell = falls && drawn.settled;
        self.line_ma = [None; 3];
        for line in 0..3 {
            self.hold[line].set(t_ms, most(&self.places, self.count, line, Complex64::ZERO));
        }
    }
}

/// The old value, moved into the interval if it is outside.
fn keep(old: Option<f64>, low: f64, high: f64) -> f64 {
    old.unwrap_or(high).min(high).max(low)
}

/// No more power than this can flow, where the meter says none.
fn bound_w(meter: &Meter, layout: &Layout) -> Option<f64> {
    let known = meter.line_ma[..layout.lines].iter().all(Option::is_some);
    let sum: f64 = meter.line_ma.iter().flatten().map(|ma| ma.abs()).sum();
    known.then_some(sum * meter.volts / 1000.0)
}
