//! What the meter says, on the lines of the site and in primary amperes, and how old it is (B-24, B-56, B-34).

use super::layout::Layout;
use super::mutation::Mutation;
use crate::balance::Sample;
use crate::reading::Milli;
use crate::site::ratio::Factor;

/// A reading younger than this is fresh (balancing, section 5b, step 1). Nothing is raised on an older one.
pub(super) const FRESH_MS: u64 = 15_000;
/// After so long without currents the group falls back, early enough for the chargers to follow within a minute.
pub(super) const LOST_MS: u64 = 40_000;
/// A dongle may take so long to start (B-27).
pub(super) const BOOT_MS: u64 = 120_000;
/// Times the supply that no line carries: such a reading is a mistake of units (field bug B20).
const IMPOSSIBLE: f64 = 20.0;
/// Assumed where the meter says no voltage, volts.
const NOMINAL_V: f64 = 230.0;

/// How much a reading of the meter is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Health {
    /// Nothing with currents yet.
    Never,
    Fresh,
    /// Too old to raise on.
    Stale,
    /// Too old to rely on.
    Lost,
}

/// What the meter said last.
#[derive(Clone, Default, Debug)]
pub(super) struct Meter {
    /// Since when it is waited for.
    pub since_ms: u64,
    /// When currents came last.
    pub currents_ms: Option<u64>,
    /// They have not been looked at yet.
    pub new: bool,
    /// Current in each line, milliamperes; negative where the dongle knows that it flows out.
    pub line_ma: [Option<f64>; 3],
    /// Power when the currents were measured, import less export.
    pub p_w: Option<f64>,
    /// Reactive power then.
    pub q_var: Option<f64>,
    /// Between line and neutral, or between lines where there is none.
    pub volts: f64,
    /// Power of the newest list of any kind.
    pub power_w: Option<f64>,
    /// The newest reading was no possible one.
    pub impossible: bool,
}

impl Meter {
    pub fn new(t_ms: u64) -> Meter {
        Meter { since_ms: t_ms, volts: NOMINAL_V, ..Meter::default() }
    }

    /// Takes a reading. Currents with a list that has none stay as they are.
    pub fn hear(&mut self, t_ms: u64, sample: &Sample, layout: &Layout, mutation: Option<Mutation>) {
        let factor = if mutation == Some(Mutation::ForgetsScale) { Factor::ONE } else { layout.site.scale };
        let power = sample.p_w.map(|watts| scaled(watts, factor));
        let most = IMPOSSIBLE * layout.site.supply_max_ma as f64;
        self.impossible = sample.i_ma.iter().flatten().any(|ma| scaled(*ma, factor).abs() > most);
        if self.impossible {
            return;
        }
        self.power_w = power.or(self.power_w);
        let currents = sample.i_ma[..layout.lines].iter().any(Option::is_some);
        // A meter that never says currents is one that is watched by its power (field bug B17).
        let blind = self.currents_ms.is_none_or(|_| self.line_ma == [None; 3])
            && t_ms >= self.since_ms + 2 * layout.site.currents_every_ms.max(FRESH_MS)
            && power.is_some();
        if !currents && !blind {
            return;
        }
        self.line_ma = [None; 3];
        for (phase, line) in layout.phase[..layout.lines].iter().enumerate() {
            let ma = sample.i_ma[phase].map(|ma| scaled(ma, factor));
            self.line_ma[*line] = match mutation {
                Some(Mutation::UnsignedExport) if power.is_some_and(|watts| watts < 0.0) => {
                    ma.map(|ma| -ma.abs())
                }
                _ => ma,
            };
        }
        let (sum, count) = sample
            .u_mv
            .iter()
            .flatten()
            .filter(|mv| **mv > 100_000)
            .fold((0, 0), |sum, mv| (sum.0 + mv, sum.1 + 1));
        self.volts = if count > 0 { sum as f64 / f64::from(count) / 1000.0 } else { NOMINAL_V };
        self.p_w = power;
        self.q_var = sample.q_var.map(|var| scaled(var, factor));
        self.currents_ms = Some(t_ms);
        self.new = true;
    }

    pub fn health(&self, t_ms: u64) -> Health {
        match self.currents_ms.map(|heard_ms| t_ms.saturating_sub(heard_ms)) {
            None => Health::Never,
            Some(..FRESH_MS) => Health::Fresh,
            Some(FRESH_MS..LOST_MS) => Health::Stale,
            Some(LOST_MS..) => Health::Lost,
        }
    }
}

fn scaled(value: i64, factor: Factor) -> f64 {
    if factor == Factor::ONE {
        return value as f64;
    }
    // A product beyond 63 bits is no reading: it is caught as impossible.
    factor.apply(Milli(value)).map_or(f64::MAX, |scaled| scaled.value.0 as f64)
}
