//! Is the meter wired as the settings say? A charger that changes is a test signal (balancing, section 5b, step 10;
//! B-32, B-36).
//!
//! Between two moments at which nothing moves, what the chargers changed is held against what the meter changed, phase
//! by phase. A step that comes back on another phase, with the other sign, not at all though the chargers are said to
//! be included, or at all though they are not, speaks against the settings; twice the same way is no accident of the
//! house. Only where there is a neutral: on three wires a step has no phase of its own. A balanced step of three phases
//! does not show their order.

use super::base::Drawn;
use super::layout::Layout;
use super::observe::Meter;

/// Smaller steps prove nothing, milliamperes.
const STEP_MA: f64 = 2_500.0;
/// The house may move by so much at the same time, milliamperes, …
const TOLERANCE_MA: f64 = 1_000.0;
/// … or this part of the step.
const TOLERANCE_PART: f64 = 0.3;
/// So many steps of one kind are enough.
const ENOUGH: u8 = 2;

/// What would explain a step.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Guess {
    /// The meter does not see the chargers, or a transformer ratio is missing.
    Unseen,
    /// The meter sees them, though it should not.
    Seen,
    /// Meter phase `from[line]` is on the line, with this sign.
    Placed { from: [usize; 3], sign: [f64; 3] },
    /// The meter sees a multiple.
    TooMuch,
}

/// A moment at which nothing moved.
#[derive(Clone, Copy, Debug)]
struct Still {
    meter_ma: [f64; 3],
    drawn_ma: [f64; 3],
    watts: Option<f64>,
}

/// What has been seen so far.
#[derive(Clone, Default, Debug)]
pub(super) struct Wiring {
    last: Option<Still>,
    /// Least and most of each line since then, milliamperes.
    range_ma: [(f64, f64); 3],
    guess: Option<Guess>,
    count: u8,
    /// A step has come back as it should.
    proved: bool,
    /// Readings cannot be used.
    pub wrong: bool,
}

impl Wiring {
    /// A step spoke against the settings, or none has spoken for them yet: the next one has to be seen.
    pub fn suspects(&self, layout: &Layout) -> bool {
        self.guess.is_some() || !self.proved && !layout.three_wire
    }

    /// The meter seems to see more than there is: a jump of power would be exaggerated.
    pub fn exaggerates(&self) -> bool {
        self.guess == Some(Guess::TooMuch) && !self.proved
    }

    /// Takes new currents. What is wrong, for people, when it has just become sure.
    pub fn look(&mut self, meter: &Meter, drawn: &Drawn, layout: &Layout) -> Option<String> {
        let lines = layout.lines;
        if layout.three_wire || meter.line_ma[..lines].iter().any(Option::is_none) {
            return None;
        }
        let meter_ma = meter.line_ma.map(Option::unwrap_or_default);
        for (range, ma) in self.range_ma.iter_mut().zip(meter_ma) {
            *range = (range.0.min(ma), range.1.max(ma));
        }
        if !drawn.settled {
            return None;
        }
        let now = Still { meter_ma, drawn_ma: drawn.low.map(|ma| ma.re), watts: meter.p_w };
        let range_ma = std::mem::replace(&mut self.range_ma, meter_ma.map(|ma| (ma, ma)));
        let last = self.last.replace(now)?;
        let step = |now: [f64; 3], last: [f64; 3]| [0, 1, 2].map(|line| now[line] - last[line]);
        let (saw, did) = (step(now.meter_ma, last.meter_ma), step(now.drawn_ma, last.drawn_ma));
        let most = did.iter().fold(0.0_f64, |most, ma| most.max(ma.abs()));
        if most < STEP_MA {
            return None;
        }
        let near = Near((TOLERANCE_PART * most).max(TOLERANCE_MA));
        let included = layout.site.chargers_included;
        let expected = if included { did } else { [0.0; 3] };
        if near.both(saw, expected) {
            (self.guess, self.count, self.proved) = (None, 0, true);
            return None;
        }
        // A house that rises makes chargers fall: only a rise of theirs can speak against the settings, and only if
        // nothing else came and went meanwhile.
        let between = (0..lines).all(|line| {
            let (low, high) =
                (last.meter_ma[line].min(meter_ma[line]), last.meter_ma[line].max(meter_ma[line]));
            range_ma[line].0 >= low - TOLERANCE_MA && range_ma[line].1 <= high + TOLERANCE_MA
        });
        if !between || did.iter().sum::<f64>() < 0.0 {
            return None;
        }
        let watts = now.watts.zip(last.watts).map(|(now, last)| now - last);
        let said_w = did.iter().sum::<f64>() * meter.volts / 1000.0;
        let signs =
            layout.site.signed && watts.is_none_or(|watts| (watts - said_w).abs() > 0.4 * said_w.abs());
        let guess = explain(saw, did, &near, included, signs, lines)?;
        self.count = if self.guess == Some(guess) { self.count + 1 } else { 1 };
        self.guess = Some(guess);
        // Without signs a rise through an export of the same size comes back unchanged, once.
        let enough = if layout.site.signed { ENOUGH } else { ENOUGH + 1 };
        if self.count < enough || self.wrong {
            return None;
        }
        self.count = 0;
        self.wrong = guess != Guess::TooMuch;
        Some(words(guess))
    }
}

struct Near(f64);

impl Near {
    fn both(&self, one: [f64; 3], other: [f64; 3]) -> bool {
        one.iter().zip(other).all(|(one, other)| (one - other).abs() <= self.0)
    }
}

fn explain(
    saw: [f64; 3],
    did: [f64; 3],
    near: &Near,
    included: bool,
    signs: bool,
    lines: usize,
) -> Option<Guess> {
    if !included {
        return near.both(saw, did).then_some(Guess::Seen);
    }
    if near.both(saw, [0.0; 3]) {
        return Some(Guess::Unseen);
    }
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let orders = if lines == 1 { &ORDERS[..1] } else { &ORDERS[..] };
    for from in orders {
        for flips in 0..if signs { 8_u8 } else { 1 } {
            let sign = [0, 1, 2].map(|line| if flips >> line & 1 == 1 { -1.0 } else { 1.0 });
            if near.both(saw, [0, 1, 2].map(|line| sign[line] * did[from[line]])) {
                return Some(Guess::Placed { from: *from, sign });
            }
        }
    }
    let (saw_ma, did_ma): (f64, f64) = (saw.iter().sum(), did.iter().sum());
    let ratio = saw_ma / did_ma;
    let alike = Near(near.0 * ratio.abs());
    (ratio > 1.5 && alike.both(saw, did.map(|ma| ma * ratio))).then_some(Guess::TooMuch)
}

fn words(guess: Guess) -> String {
    match guess {
        Guess::Unseen => {
            "the meter does not see the chargers though it should: it is not in front of them, or the \
                          transformer ratio is missing"
                .into()
        }
        Guess::Seen => "the meter sees the chargers though it should not".into(),
        Guess::TooMuch => {
            "the meter sees more than the chargers draw: the transformer ratio is too large".into()
        }
        Guess::Placed { from, sign } => {
            let of = |line: usize| {
                let minus = if sign[line] < 0.0 { "-" } else { "" };
                format!("{minus}L{}", from[line] + 1)
            };
            format!(
                "what is measured as L1, L2, L3 is {}, {}, {}: clamps or phases are exchanged",
                of(0),
                of(1),
                of(2)
            )
        }
    }
}
