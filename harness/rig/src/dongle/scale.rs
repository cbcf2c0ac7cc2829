//! The dongle's own way with current transformers: currents, powers and counters times the ratio.

use hanbench_core::reading::{Key, Kind, Milli, json};
use hanbench_core::site::ratio::{Ratio, RatioError};
use serde_json::{Map, Value};

/// What values are multiplied by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scale {
    times: i64,
    by: i64,
}

impl Scale {
    /// No transformers.
    pub const ONE: Scale = Scale { times: 1, by: 1 };

    /// Of a ratio such as `100:5`.
    ///
    /// # Errors
    /// The text is no ratio.
    pub fn parse(ratio: &str) -> Result<Scale, RatioError> {
        let (times, by) = Ratio::parse(ratio)?.factor().fraction();
        Ok(Scale { times: times.into(), by: by.into() })
    }

    /// Multiplies what flows through the transformers, for the kinds that are `wanted`.
    pub(super) fn apply(self, claim: &mut Map<String, Value>, wanted: impl Fn(Kind) -> bool) {
        if self == Scale::ONE {
            return;
        }
        for (key, value) in claim.iter_mut() {
            let kind = Key::from_name(key).map(Key::kind);
            let through = kind.filter(|kind| flows(*kind) && wanted(*kind));
            if let (Some(_), Some(secondary)) = (through, value.as_number().and_then(json::milli)) {
                let product = i128::from(secondary.0) * i128::from(self.times);
                let half = i128::from(self.by) / 2 * product.signum();
                let primary = i64::try_from((product + half) / i128::from(self.by)).unwrap_or(i64::MAX);
                *value = json::number(Milli(primary));
            }
        }
    }
}

fn flows(kind: Kind) -> bool {
    match kind {
        Kind::Voltage | Kind::PowerFactor | Kind::Frequency | Kind::Distortion => false,
        Kind::Current
        | Kind::ActivePower
        | Kind::ReactivePower
        | Kind::ActiveEnergy
        | Kind::ReactiveEnergy => true,
    }
}
