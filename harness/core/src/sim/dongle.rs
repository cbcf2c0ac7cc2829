//! What sits on the meter's port: bytes in, claims out.

use crate::balance::{Sample, Trouble};
use crate::meters::stream::Stream;
use crate::reading::{Field, Instant, Key, Milli, Reading};
use crate::wire::cipher::Keys;

/// A dongle in the loop.
pub trait Dongle {
    /// Hears bytes whose last one was over at `t_ms`, and appends what it claims.
    ///
    /// # Errors
    /// Only a dongle outside this program errs.
    fn hear(&mut self, t_ms: u64, bytes: &[u8], claims: &mut Vec<Sample>) -> Result<(), Trouble>;
}

/// The reference decoder, as it is.
pub struct ReferenceDongle(Stream);

impl Default for ReferenceDongle {
    fn default() -> Self {
        ReferenceDongle(Stream::new(None, Keys::default()))
    }
}

impl Dongle for ReferenceDongle {
    fn hear(&mut self, t_ms: u64, bytes: &[u8], claims: &mut Vec<Sample>) -> Result<(), Trouble> {
        self.0.push(bytes, Instant(t_ms * 1000), |entry| {
            let telegram = entry.decoded.as_ref().and_then(|decoded| decoded.telegram.as_ref());
            claims.extend(telegram.map(|telegram| sample(&telegram.reading)));
        });
        Ok(())
    }
}

/// What a balancer is told of a reading.
pub fn sample(reading: &Reading<'_>) -> Sample {
    let number = |key: Key| match reading.get(key) {
        Field::Present(Milli(value)) => Some(value),
        Field::Absent | Field::Invalid(_) => None,
    };
    // Watts from thousandths; import and export exclude each other, and one of them may not be sent at all. The list of
    // power alone has no export: an import of 0 in it says nothing of how much flows out.
    let net = |plus: Key, minus: Key| match (number(plus), number(minus)) {
        (Some(plus), Some(minus)) => Some((plus - minus) / 1000),
        (Some(plus), None) => (plus != 0).then_some(plus / 1000),
        (None, Some(minus)) => (minus != 0).then_some(-minus / 1000),
        (None, None) => None,
    };
    let i_ma = [Key::CurrentL1, Key::CurrentL2, Key::CurrentL3].map(number);
    Sample {
        i_ma,
        u_mv: [Key::VoltageL1, Key::VoltageL2, Key::VoltageL3].map(number),
        p_w: net(Key::ActiveImport, Key::ActiveExport),
        q_var: net(Key::ReactiveImport, Key::ReactiveExport),
        list: if i_ma.iter().any(Option::is_some) { 2 } else { 1 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list of power alone has an import and no export. While a house feeds in, its import is 0, and nobody knows
    /// by it how much flows out.
    #[test]
    fn an_import_of_nothing_is_no_power_of_nothing() {
        let said = |import: i64, export: Option<i64>| {
            let mut reading = Reading::default();
            reading.set(Key::ActiveImport, Field::Present(Milli(import)));
            if let Some(export) = export {
                reading.set(Key::ActiveExport, Field::Present(Milli(export)));
            }
            sample(&reading).p_w
        };
        assert_eq!(said(0, None), None);
        assert_eq!(said(733_000, None), Some(733));
        assert_eq!(said(0, Some(7_590_000)), Some(-7_590));
        assert_eq!(said(0, Some(0)), Some(0));
    }
}
