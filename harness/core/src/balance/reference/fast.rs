//! Power comes more often than currents: what a jump of it may mean (balancing, section 5b, step 8).
//!
//! Nobody knows on which phase it fell, so it is taken for all of it on each: if that would be more than the supply
//! carries, chargers are lowered now, and the next list with currents says how much too far. Cars that rise to what
//! they were allowed account for power too; that part is no jump.

use super::base::Drawn;
use super::observe::Meter;

/// What the power is compared with: the moment of the last currents.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Fast {
    power_w: Option<f64>,
    /// What the chargers drew then at least, summed over terminals, milliamperes.
    drawn_ma: f64,
    /// How far the fullest line is from the supply without margin, milliamperes.
    pub spare_ma: f64,
}

impl Fast {
    /// Currents came.
    pub fn anchor(&mut self, meter: &Meter, drawn: &Drawn) {
        (self.power_w, self.drawn_ma) = (meter.p_w, drawn.low_ma);
    }

    /// Milliamperes that may have come on one line since then; `None` when everything fits even so.
    pub fn bump_ma(&self, meter: &Meter, drawn: &Drawn) -> Option<f64> {
        let per_ma = meter.volts / 1000.0;
        let risen_w = (drawn.high_ma - self.drawn_ma).max(0.0) * per_ma;
        let bump_ma = (meter.power_w? - self.power_w? - risen_w) / per_ma;
        (bump_ma > self.spare_ma.max(0.0)).then_some(bump_ma)
    }
}
