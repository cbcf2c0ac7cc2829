//! COSEM date-time: twelve bytes (IEC 62056-6-2, 4.1.6.1). Kept as sent, so that it can be sent again.
//!
//! Refuses to convert: digits stay digits, and a part that is unspecified or impossible gives no time at all.

use crate::reading::LocalTime;

/// Twelve bytes as sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CosemTime(pub [u8; 12]);

/// Deviation that means "not specified".
pub const DEVIATION_UNSPECIFIED: i16 = i16::MIN;

impl CosemTime {
    /// From a slice of exactly twelve bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<CosemTime> {
        bytes.try_into().ok().map(CosemTime)
    }

    /// Writes a time the way a meter would: hundredths unspecified.
    ///
    /// `weekday` is the byte sent (1 = Monday … 7 = Sunday; Aidon sends 0 for Sunday), `deviation` the
    /// minutes to add to get UTC, negative east of Greenwich, or [`DEVIATION_UNSPECIFIED`].
    pub fn from_local(local: &LocalTime, weekday: u8, deviation: i16, status: u8) -> CosemTime {
        let [year_high, year_low] = local.year.to_be_bytes();
        let [deviation_high, deviation_low] = deviation.to_be_bytes();
        CosemTime([
            year_high,
            year_low,
            local.month,
            local.day,
            weekday,
            local.hour,
            local.minute,
            local.second,
            0xFF,
            deviation_high,
            deviation_low,
            status,
        ])
    }

    /// Minutes to add to get UTC, as sent.
    pub fn deviation(&self) -> i16 {
        i16::from_be_bytes([self.0[9], self.0[10]])
    }

    /// Weekday byte as sent.
    pub fn weekday(&self) -> u8 {
        self.0[4]
    }

    /// The civil time, if all of year to second are specified and name a time that exists.
    ///
    /// The offset is minus the deviation (the field is what must be added to get UTC; field bug C3), absent
    /// when it is 8000 or beyond the ±720 minutes the standard allows (+840 for UTC+14 is let through).
    pub fn local(&self) -> Option<LocalTime> {
        let [year_high, year_low, month, day, _, hour, minute, second, ..] = self.0;
        let year = u16::from_be_bytes([year_high, year_low]);
        let local = LocalTime::new((year, month, day), (hour, minute, second))?;
        let offset = match self.deviation() {
            DEVIATION_UNSPECIFIED => None,
            deviation @ -840..=840 => Some(-deviation),
            _ => None,
        };
        Some(LocalTime { utc_offset_min: offset, status: Some(self.0[11]), ..local })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_minus_the_deviation() {
        let winter = CosemTime([0x07, 0xE5, 3, 23, 2, 18, 50, 0, 0xFF, 0xFF, 0xC4, 0]);
        assert_eq!(winter.local().expect("a time").utc_offset_min, Some(60));
        let unknown = CosemTime([0x07, 0xE5, 3, 23, 2, 18, 50, 0, 0xFF, 0x80, 0x00, 0]);
        assert_eq!(unknown.local().expect("a time").utc_offset_min, None);
    }

    #[test]
    fn an_unspecified_part_leaves_no_time() {
        for (index, byte) in [(0, 0xFF), (2, 0xFF), (3, 0xFE), (5, 0xFF), (6, 0xFF), (7, 0xFF)] {
            let mut bytes = [0x07, 0xE5, 3, 23, 2, 18, 50, 0, 0xFF, 0x80, 0x00, 0];
            bytes[index] = byte;
            assert_eq!(CosemTime(bytes).local(), None, "byte {index}");
        }
    }

    #[test]
    fn writing_and_reading_agree() {
        let bytes = CosemTime([0x07, 0xE9, 12, 14, 0, 16, 0, 0, 0xFF, 0, 0, 0]);
        let local = bytes.local().expect("a time");
        assert_eq!(CosemTime::from_local(&local, 0, 0, 0), bytes);
    }
}
