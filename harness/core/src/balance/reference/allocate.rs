//! Shares a network out: lexicographic max-min, exact, by progressive filling (balancing, section 5b, step 5).
//!
//! Knows rows and asks and nothing else. A row is one line of one circuit: what flows there already and the most that
//! may. An ask is a charger: least, most, and how an ampere of it loads each row. All asks begin at their least; the
//! lowest are raised together until one is full or a row is, those stop, and the rest goes on.
//!
//! Refuses to choose who is served ([`super::select`]) and to know what a row stands for.

use num_complex::Complex64;
use std::ops::Range;

/// Milliamperes that count as nothing: far below a step of any charger, far above rounding of sums.
const NOTHING: f64 = 1e-6;

/// One line of one circuit, or a sum that is limited like one. Milliamperes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// What flows without the asks; on a scalar row only the real part counts.
    pub load: Complex64,
    /// The most that may flow.
    pub cap: f64,
    /// Loads add as numbers. Otherwise they add as phasors and the magnitude counts.
    pub scalar: bool,
    /// What limits that stand already may be over the cap before they are lowered: keeps them from following every
    /// tenth of an ampere of the house.
    pub slack: f64,
    /// What those that charge already may be over the cap with their least, before one of them has to stop.
    pub keep: f64,
    /// Part of the cap that is only kept free because the house has just drawn it.
    pub peak: f64,
    /// What one more milliampere of everyone who rises adds.
    slope: Complex64,
    /// Nothing more fits.
    full: bool,
}

impl Row {
    /// On three wires a row of phasors, else one of numbers.
    pub fn new(three_wire: bool, load: Complex64, cap: f64) -> Row {
        if three_wire { Row::phasor(load, cap) } else { Row::scalar(load.re, cap) }
    }

    /// The same row with another load.
    pub fn with(self, load: Complex64) -> Row {
        Row { load, ..self }
    }

    /// A row on which loads add as numbers; `load` below 0 is export and gives room.
    pub fn scalar(load: f64, cap: f64) -> Row {
        Row { scalar: true, ..Row::phasor(Complex64::new(load, 0.0), cap) }
    }

    /// A row on which loads lie between lines and add as phasors.
    pub fn phasor(load: Complex64, cap: f64) -> Row {
        Row {
            load,
            cap,
            scalar: false,
            slack: 0.0,
            keep: 0.0,
            peak: 0.0,
            slope: Complex64::ZERO,
            full: false,
        }
    }

    /// What would flow with `more`.
    pub fn flow(&self, more: Complex64) -> f64 {
        if self.scalar { (self.load + more).re } else { magnitude(self.load + more) }
    }

    /// What flows is above the cap and what limits may stand above it.
    pub fn is_over(&self) -> bool {
        self.flow(Complex64::ZERO) > self.cap + self.slack + NOTHING
    }

    /// True when `more` does not take the row over its cap.
    fn takes(&self, more: Complex64) -> bool {
        self.flow(more) <= self.cap + NOTHING
    }

    /// How far the asks that rise may rise before the row is full; infinite where they do not load it.
    fn room(&self) -> f64 {
        if self.scalar {
            let slope = self.slope.re;
            return if slope > 0.0 { ((self.cap - self.load.re) / slope).max(0.0) } else { f64::INFINITY };
        }
        // |load + x·slope| = cap is a quadratic in x; the larger root is where the magnitude leaves the circle.
        let square = self.slope.norm_sqr();
        if square < 1e-12 {
            return f64::INFINITY;
        }
        let half = self.load.re * self.slope.re + self.load.im * self.slope.im;
        let rest = self.cap * self.cap - self.load.norm_sqr();
        if self.cap <= 0.0 || rest <= 0.0 {
            return 0.0;
        }
        (((half * half + square * rest).sqrt() - half) / square).max(0.0)
    }
}

/// √ of + and ×: the same bits on every machine.
pub(super) fn magnitude(phasor: Complex64) -> f64 {
    phasor.norm_sqr().sqrt()
}

/// What a charger asks for. Milliamperes per terminal.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// Least that is of any use.
    pub min: f64,
    /// Most that it can take, not below `min`.
    pub max: f64,
    /// Larger is filled first.
    pub priority: u8,
    /// Part of [`Problem::touches`].
    pub touches: Range<usize>,
}

/// Rows, asks and how the asks load the rows. Kept from one decision to the next, so that nothing is allocated.
#[derive(Default, Debug)]
pub(super) struct Problem {
    /// The rows.
    pub rows: Vec<Row>,
    /// The asks.
    pub asks: Vec<Ask>,
    /// Row and what an ampere of the ask adds there.
    pub touches: Vec<(usize, Complex64)>,
    /// The answer: milliamperes of each ask; 0 for one that is not served.
    pub given: Vec<f64>,
    /// Asks that may still rise.
    open: Vec<usize>,
}

impl Problem {
    /// Empties everything and keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.asks.clear();
        self.touches.clear();
        self.given.clear();
    }

    /// Adds an ask whose touches have been pushed since `first`.
    pub fn push_ask(&mut self, min: f64, max: f64, priority: u8, first: usize) {
        self.asks.push(Ask { min, max: max.max(min), priority, touches: first..self.touches.len() });
        self.given.push(0.0);
    }

    /// True when `amperes` more of this ask fit everywhere.
    pub fn fits(&self, ask: usize, milliamperes: f64) -> bool {
        self.touches(ask).iter().all(|(row, share)| self.rows[*row].takes(*share * milliamperes))
    }

    /// The same for one that does not charge yet, were it not for what the house has just drawn.
    pub fn would_fit(&self, ask: usize, milliamperes: f64) -> bool {
        self.within(ask, milliamperes, |row| row.peak + row.slack)
    }

    /// Serves this ask with its least if that fits; false if not.
    pub fn serve(&mut self, ask: usize) -> bool {
        let min = self.asks[ask].min;
        let fits = self.fits(ask, min);
        if fits {
            self.add(ask, min);
        }
        fits
    }

    /// The same for one that charges already.
    pub fn keep(&mut self, ask: usize) {
        let min = self.asks[ask].min;
        if self.within(ask, min, |row| row.keep) {
            self.add(ask, min);
        }
    }

    /// The same for one that is to begin, and for those that charge where somebody has to make room for it: what may
    /// stand above the cap is no room to rise into.
    pub fn start(&mut self, ask: usize) -> bool {
        let min = self.asks[ask].min;
        let fits = self.within(ask, min, |row| row.slack);
        if fits {
            self.add(ask, min);
        }
        fits
    }

    /// So much more of this ask fits everywhere, with what a row may carry above its cap.
    fn within(&self, ask: usize, milliamperes: f64, more: impl Fn(&Row) -> f64) -> bool {
        self.touches(ask).iter().all(|(row, share)| {
            let row = &self.rows[*row];
            row.flow(*share * milliamperes) <= row.cap + more(row) + NOTHING
        })
    }

    /// Takes back all that was given.
    pub fn withdraw(&mut self) {
        for ask in 0..self.asks.len() {
            self.add(ask, -self.given[ask]);
        }
    }

    /// Raises what is served as far as it goes. Asks with 0 stay out.
    pub fn fill(&mut self) {
        let mut below = u16::from(u8::MAX) + 1;
        while let Some(class) = self.class_below(below) {
            let mut open = std::mem::take(&mut self.open);
            open.clear();
            open.extend((0..self.asks.len()).filter(|ask| self.is_open(*ask, class)));
            while !open.is_empty() {
                self.lift(&open);
                open.retain(|ask| self.stays_open(*ask));
            }
            self.open = open;
            below = u16::from(class);
        }
    }

    fn touches(&self, ask: usize) -> &[(usize, Complex64)] {
        &self.touches[self.asks[ask].touches.clone()]
    }

    fn add(&mut self, ask: usize, milliamperes: f64) {
        self.given[ask] += milliamperes;
        for (row, share) in &self.touches[self.asks[ask].touches.clone()] {
            self.rows[*row].load += *share * milliamperes;
        }
    }

    fn class_below(&self, below: u16) -> Option<u8> {
        let served = self.asks.iter().zip(&self.given).filter(|(_, given)| **given > 0.0);
        served.map(|(ask, _)| ask.priority).filter(|class| u16::from(*class) < below).max()
    }

    fn is_open(&self, ask: usize, class: u8) -> bool {
        self.asks[ask].priority == class && self.given[ask] > 0.0
    }

    /// Raises the lowest of `open` to the next level at which something changes.
    fn lift(&mut self, open: &[usize]) {
        let Problem { rows, asks, touches, given, .. } = self;
        for row in rows.iter_mut() {
            row.slope = Complex64::ZERO;
        }
        let level = open.iter().map(|ask| given[*ask]).fold(f64::INFINITY, f64::min);
        let rises = |given: f64| given <= level + NOTHING;
        let mut stop = f64::INFINITY;
        for ask in open {
            if !rises(given[*ask]) {
                stop = stop.min(given[*ask]);
                continue;
            }
            stop = stop.min(asks[*ask].max);
            for (row, share) in &touches[asks[*ask].touches.clone()] {
                rows[*row].slope += *share;
            }
        }
        let lift = rows.iter().map(Row::room).fold((stop - level).max(0.0), f64::min);
        for row in rows.iter_mut() {
            row.full = row.room() <= lift + NOTHING;
            row.load += row.slope * lift;
        }
        for ask in open {
            if rises(given[*ask]) {
                given[*ask] = level + lift;
            }
        }
    }

    /// False for one that is at its most, or that a full row holds at the level of those that just rose.
    fn stays_open(&self, ask: usize) -> bool {
        let room = self.given[ask] < self.asks[ask].max - NOTHING;
        room && !self.touches(ask).iter().any(|(row, _)| self.rows[*row].full)
    }
}
