//! Exact decimals.

/// Thousandths of a unit, exact. `Milli(230_100)` of a volt is 230.1 V.
///
/// Every scaler seen in the field is exact in thousandths (watts, 0.001 A, 0.01 V, 0.001 kWh); a finer one is
/// refused by [`Milli::scaled`] and never rounded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Milli(pub i64);

impl Milli {
    /// `raw · 10^scaler` units, exact.
    ///
    /// `None` when the result is finer than a thousandth of the unit or does not fit 63 bits.
    ///
    /// ```
    /// # use hanbench_core::reading::Milli;
    /// assert_eq!(Milli::scaled(2303, -1), Some(Milli(230_300))); // 0.1 V
    /// assert_eq!(Milli::scaled(7, 1), Some(Milli(70_000))); // 10 Wh
    /// assert_eq!(Milli::scaled(15, -4), None); // 0.0015 has no exact thousandths
    /// ```
    pub fn scaled(raw: i64, scaler: i8) -> Option<Milli> {
        let exponent = i32::from(scaler) + 3;
        let power = 10_i64.checked_pow(exponent.unsigned_abs());
        match (raw, power) {
            (0, _) => Some(Milli(0)),
            (_, None) => None,
            (_, Some(power)) if exponent >= 0 => raw.checked_mul(power).map(Milli),
            (_, Some(power)) => (raw % power == 0).then_some(Milli(raw / power)),
        }
    }

    /// The raw number that a meter with this scaler would send; the inverse of [`Milli::scaled`].
    ///
    /// `None` when the value is finer than the scaler.
    pub fn raw(self, scaler: i8) -> Option<i64> {
        let exponent = i32::from(scaler) + 3;
        let power = 10_i64.checked_pow(exponent.unsigned_abs());
        match (self.0, power) {
            (0, _) => Some(0),
            (_, None) => None,
            (value, Some(power)) if exponent >= 0 => (value % power == 0).then_some(value / power),
            (value, Some(power)) => value.checked_mul(power),
        }
    }
}

impl core::fmt::Display for Milli {
    /// The shortest exact decimal: `230.1`, `0`, `-0.05`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let whole = self.0.unsigned_abs() / 1000;
        let rest = self.0.unsigned_abs() % 1000;
        let sign = if self.0 < 0 { "-" } else { "" };
        match rest {
            0 => write!(f, "{sign}{whole}"),
            _ if rest.is_multiple_of(100) => write!(f, "{sign}{whole}.{}", rest / 100),
            _ if rest.is_multiple_of(10) => write!(f, "{sign}{whole}.{:02}", rest / 10),
            _ => write!(f, "{sign}{whole}.{rest:03}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_thousandth_is_the_finest_value() {
        assert_eq!(Milli::scaled(10_955_402, 1), Some(Milli(109_554_020_000)));
        assert_eq!(Milli::scaled(-3, -2), Some(Milli(-30)));
        assert_eq!(Milli::scaled(30, -4), Some(Milli(3)));
        assert_eq!(Milli::scaled(31, -4), None);
        assert_eq!(Milli::scaled(i64::MAX, 0), None);
        assert_eq!(Milli::scaled(1, 127), None);
        assert_eq!(Milli::scaled(1, -128), None);
        assert_eq!(Milli::scaled(0, 127), Some(Milli(0)));
    }

    #[test]
    fn decimals_are_printed_without_padding() {
        for (milli, text) in [(0, "0"), (230_100, "230.1"), (-50, "-0.05"), (7, "0.007"), (1_000, "1")] {
            assert_eq!(Milli(milli).to_string(), text);
        }
    }
}
