//! Two kinds of time that must not be mixed: what a meter's clock says, and when something happened here.

/// Microseconds since the start of a session. Real time becomes this at the edge; tests count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// This instant and `us` microseconds more; stops at the end of time.
    #[must_use]
    pub fn plus_us(self, us: u64) -> Instant {
        Instant(self.0.saturating_add(us))
    }

    /// Microseconds from `earlier` to here; 0 when `earlier` is later.
    pub fn since_us(self, earlier: Instant) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A civil time as the meter sent it: digits, and what it said about the zone. Never converted.
///
/// Always a time that exists; a meter that sends the 32nd of a month yields no `LocalTime` at all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalTime {
    /// Year, 1 to 9999.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
    /// Minutes east of UTC, where the meter said it (COSEM sends the negated value, `deviation`).
    pub utc_offset_min: Option<i16>,
    /// Clock status byte as sent (bit 7 = daylight saving), where the format has one.
    pub status: Option<u8>,
}

impl LocalTime {
    /// Checks that the digits name a time that exists.
    ///
    /// `None` for a month 13, a 30th of February, an hour 24 and the like.
    pub fn new(date: (u16, u8, u8), time: (u8, u8, u8)) -> Option<LocalTime> {
        let ((year, month, day), (hour, minute, second)) = (date, time);
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        let exists = (1..=9999).contains(&year)
            && (1..=days).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        exists.then_some(LocalTime {
            year,
            month,
            day,
            hour,
            minute,
            second,
            utc_offset_min: None,
            status: None,
        })
    }

    /// Day of the week, 1 = Monday … 7 = Sunday (the COSEM numbering).
    pub fn weekday(&self) -> u8 {
        // Sakamoto's congruence for the Gregorian calendar; 0 = Sunday.
        const SHIFT: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = u32::from(self.year) - u32::from(self.month < 3);
        let shift = SHIFT[usize::from(self.month) - 1];
        let sunday_zero = (year + year / 4 - year / 100 + year / 400 + shift + u32::from(self.day)) % 7;
        if sunday_zero == 0 { 7 } else { sunday_zero as u8 }
    }
}

impl core::fmt::Display for LocalTime {
    /// `2025-12-14T16:00:00`, the digits as sent.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_that_exist_are_times() {
        assert!(LocalTime::new((2028, 2, 29), (23, 59, 59)).is_some());
        for (date, time) in [
            ((2027, 2, 29), (0, 0, 0)),
            ((2026, 13, 1), (0, 0, 0)),
            ((2026, 0, 1), (0, 0, 0)),
            ((2026, 10, 0xFE), (0, 0, 0)),
            ((2026, 10, 25), (24, 0, 0)),
            ((2026, 10, 25), (0, 0, 60)),
            ((0xFFFF, 1, 1), (0, 0, 0)),
        ] {
            assert_eq!(LocalTime::new(date, time), None, "{date:?} {time:?}");
        }
    }

    #[test]
    fn sunday_is_seven() {
        let sunday = LocalTime::new((2025, 12, 14), (16, 0, 0)).expect("a real date");
        assert_eq!(sunday.weekday(), 7);
        let wednesday = LocalTime::new((2017, 1, 18), (14, 0, 0)).expect("a real date");
        assert_eq!(wednesday.weekday(), 3);
    }
}
