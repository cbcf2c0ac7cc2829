//! What physics and the fitter leave open at a site: the missing L2, the transformer ratio, misplaced clamps.
//!
//! Pure functions. They say what is possible and why, as intervals, candidates and lists of combinations, so that a
//! check can ask for membership instead of a value that nobody knows. Refuses verdicts, tolerances of a device, and
//! a guess where two explanations fit.
//!
//! | module | question |
//! |---|---|
//! | [`l2`] | Where can the current or voltage of L2 lie when a telegram leaves it out? Which formula does a DUT use? |
//! | [`ratio`] | What does a transformer 100:5 do to a value, and which mistake explains a claim? |
//! | [`wiring`] | Which of the 48 ways to place three clamps gave these powers? |
//!
//! Numbers that went through a square root or a sine are `f64` with the unit in the name; ratios are applied to
//! [`Milli`](crate::reading::Milli) exactly. Angles are in degrees, a current that lags has a positive one.

pub mod l2;
pub mod ratio;
pub mod wiring;

/// A closed interval, in the unit of what it bounds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// Lowest value.
    pub low: f64,
    /// Highest value, not below `low`.
    pub high: f64,
}

impl Interval {
    /// `centre ± half`.
    pub fn around(centre: f64, half: f64) -> Interval {
        Interval { low: centre - half, high: centre + half }
    }

    /// True inside and on the ends.
    pub fn contains(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// How far `value` lies outside; 0 inside.
    pub fn distance(self, value: f64) -> f64 {
        (self.low - value).max(value - self.high).max(0.0)
    }
}

/// `degrees` as the same angle above −180 and up to 180.
fn wrapped(degrees: f64) -> f64 {
    let turn = degrees - 360.0 * libm::floor(degrees / 360.0);
    if turn > 180.0 { turn - 360.0 } else { turn }
}
