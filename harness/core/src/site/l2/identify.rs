//! Which formula a DUT uses, from what it claimed on many lists.

use super::Inputs;
use super::estimators::Estimator;
use alloc::vec::Vec;

/// Fewest lists that say anything: with fewer, several formulas meet by accident.
pub const LISTS_MIN: usize = 8;

/// How well one formula explains the claims.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    /// The formula.
    pub estimator: &'static Estimator,
    /// Root of the mean square of claim − formula, in amperes or volts.
    pub residual: f64,
    /// Largest |claim − formula|.
    pub worst: f64,
}

/// What the claims say.
#[derive(Clone, Debug)]
pub enum Identified {
    /// One formula fits and every other known one does not.
    One {
        /// The formula.
        best: Fit,
        /// The next best that could be computed on these lists.
        runner_up: Option<Fit>,
    },
    /// Several fit: these lists do not tell them apart. Best first, two at least.
    Several(Vec<Fit>),
    /// None of those known.
    Unknown {
        /// The nearest one.
        nearest: Option<Fit>,
    },
    /// Fewer than [`LISTS_MIN`] lists with a claim: so many there were.
    TooFew(usize),
}

/// Which of `known` explains `claims`, where a claim may be off by `tolerance` for the DUT's own rounding.
///
/// A formula fits when its residual is within the tolerance. One that says nothing on a list on which the DUT claimed
/// a value is out: the DUT must have used something else there.
pub fn identify(known: &'static [Estimator], claims: &[(Inputs, f64)], tolerance: f64) -> Identified {
    if claims.len() < LISTS_MIN {
        return Identified::TooFew(claims.len());
    }
    let mut fits: Vec<Fit> = known.iter().filter_map(|estimator| fit(estimator, claims)).collect();
    fits.sort_by(|one, other| one.residual.total_cmp(&other.residual));
    let within = fits.iter().take_while(|fit| fit.residual <= tolerance).count();
    match (within, fits.first().copied()) {
        (1, Some(best)) => Identified::One { best, runner_up: fits.get(1).copied() },
        (0, nearest) => Identified::Unknown { nearest },
        _ => {
            fits.truncate(within);
            Identified::Several(fits)
        }
    }
}

fn fit(estimator: &'static Estimator, claims: &[(Inputs, f64)]) -> Option<Fit> {
    let (mut squares, mut worst) = (0.0, 0.0_f64);
    for (list, claimed) in claims {
        let off = claimed - estimator.of(list)?;
        squares += off * off;
        worst = worst.max(off.abs());
    }
    Some(Fit { estimator, residual: libm::sqrt(squares / claims.len() as f64), worst })
}
