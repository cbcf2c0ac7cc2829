//! What a car makes of the control pilot, with the habits that break balancers (balancing, section 2.1).
//!
//! Deterministic: which wake-ups fail is decided by the seed. Time is told with every call, in milliseconds, and what
//! happens by itself happens at [`Car::next_timeout`]. The car counts the energy that it is given; how much that is
//! at which voltage is the charger's business.

use std::collections::VecDeque;

/// Nanojoules in a watt-hour. A milliampere at a millivolt for a millisecond is one nanojoule.
pub const NJ_PER_WH: i128 = 3_600_000_000_000;

/// A ramp moves once in so many milliseconds (balancing, section 5a).
const RAMP_STEP_MS: u64 = 100;

/// How a car behaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CarSettings {
    /// Phases of its on-board charger: 1, 2 or 3.
    pub phases: u8,
    /// Smallest pilot that it charges at, milliamperes; 6 A by the standard, 7 or 8 A in some cars.
    pub min_ma: i64,
    /// Most that it draws on each phase, milliamperes.
    pub max_ma: i64,
    /// From a change of the pilot to the first change of its current, milliseconds; 5 s at most by the standard.
    pub dead_ms: u64,
    /// How fast its current rises, milliamperes per second; `None`: at once.
    pub up_ma_per_s: Option<i64>,
    /// How fast it falls; `None`: at once.
    pub down_ma_per_s: Option<i64>,
    /// It follows the pilot in multiples of this, rounding down; milliamperes.
    pub quantum_ma: i64,
    /// What it draws over what the pilot allows, in millionths: 1 075 000 for a Zoe.
    pub gain_ppm: i64,
    /// Whole percent of its capacity from which its maximum falls in a line to the minimum when full; 100: it does not.
    pub taper_from_percent: u8,
    /// Watt-hours that it holds.
    pub capacity_wh: i64,
    /// Watt-hours in it when it arrives.
    pub stored_wh: i64,
    /// How many in a million of its starts after a pause fail, until the next pause.
    pub wake_fails_ppm: u32,
    /// It does not start again after so many pauses, until it is plugged in anew; `None`: it always does.
    pub refuses_after: Option<u32>,
}

impl Default for CarSettings {
    /// An obedient car of three phases and 16 A, with an empty battery of 60 kWh.
    fn default() -> CarSettings {
        CarSettings {
            phases: 3,
            min_ma: 6_000,
            max_ma: 16_000,
            dead_ms: 2_000,
            up_ma_per_s: Some(4_000),
            down_ma_per_s: None,
            quantum_ma: 100,
            gain_ppm: 1_000_000,
            taper_from_percent: 100,
            capacity_wh: 60_000,
            stored_wh: 0,
            wake_fails_ppm: 0,
            refuses_after: None,
        }
    }
}

impl CarSettings {
    fn check(&self) -> Result<(), String> {
        let wrong = |what: String| Err(format!("car: {what}"));
        if !(1..=3).contains(&self.phases) {
            return wrong(format!("phases is {}, expected 1, 2 or 3", self.phases));
        }
        if !(1..=self.min_ma).contains(&self.quantum_ma) {
            return wrong(format!("quantum is {} mA, expected 1 to its minimum", self.quantum_ma));
        }
        if !(self.min_ma..=1_000_000).contains(&self.max_ma) {
            return wrong(format!("maximum is {} mA, expected {} to 1000000", self.max_ma, self.min_ma));
        }
        if !(500_000..=2_000_000).contains(&self.gain_ppm) {
            return wrong(format!("gain is {} millionths, expected 500000 to 2000000", self.gain_ppm));
        }
        if self.taper_from_percent > 100 {
            return wrong(format!("taper begins at {} %, expected 0 to 100", self.taper_from_percent));
        }
        if !(0..=self.capacity_wh).contains(&self.stored_wh) || self.capacity_wh == 0 {
            return wrong(format!(
                "{} Wh stored of {} Wh, expected 0 to its capacity, above 0",
                self.stored_wh, self.capacity_wh
            ));
        }
        for rate in [self.up_ma_per_s, self.down_ma_per_s].into_iter().flatten() {
            if !(10..=1_000_000).contains(&rate) {
                return wrong(format!("ramp of {rate} mA/s, expected 10 to 1000000"));
            }
        }
        Ok(())
    }
}

/// A car at a charger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Car {
    settings: CarSettings,
    seed: u64,
    /// Energy in the battery, nanojoules.
    stored_nj: i128,
    /// Energy at which its maximum changes next, nanojoules.
    changes_nj: i128,
    /// Most that it draws now, for the taper.
    tapered_ma: i64,
    /// The pilot, as last shown to it.
    shown_ma: i64,
    /// Pilots that it has seen and not followed yet, and when it will.
    seen: VecDeque<(u64, i64)>,
    /// The pilot that it follows.
    follows_ma: i64,
    /// It follows a pilot that is enough for it.
    invited: bool,
    /// It has asked for power and takes what it is offered.
    takes: bool,
    /// Pauses so far.
    pauses: u32,
    /// Times that it was asked to start.
    calls: u32,
    target_ma: i64,
    level_ma: i64,
    /// When its ramp moves next.
    moves_at: Option<u64>,
}

impl Car {
    /// A car that has just been plugged in and is offered nothing yet.
    ///
    /// # Errors
    /// Which of the settings cannot be, and what was expected.
    pub fn new(settings: CarSettings, seed: u64) -> Result<Car, String> {
        settings.check()?;
        let stored_nj = i128::from(settings.stored_wh) * NJ_PER_WH;
        let mut car = Car {
            tapered_ma: settings.max_ma,
            settings,
            seed,
            stored_nj,
            changes_nj: 0,
            shown_ma: 0,
            seen: VecDeque::new(),
            follows_ma: 0,
            invited: false,
            takes: false,
            pauses: 0,
            calls: 0,
            target_ma: 0,
            level_ma: 0,
            moves_at: None,
        };
        car.taper();
        Ok(car)
    }

    /// How it behaves.
    pub fn settings(&self) -> &CarSettings {
        &self.settings
    }

    /// The charger shows it a pilot that allows so many milliamperes; 0 tells it to stop.
    pub fn pilot(&mut self, t_ms: u64, offered_ma: i64) {
        if offered_ma != self.shown_ma {
            self.shown_ma = offered_ma;
            self.seen.push_back((t_ms.saturating_add(self.settings.dead_ms), offered_ma));
            self.timeout(t_ms);
        }
    }

    /// The contactor opens under it: it draws nothing at once, and has seen no pilot.
    pub fn cut(&mut self) {
        self.shown_ma = 0;
        self.seen.clear();
        self.follow(0);
        self.level_ma = 0;
        self.moves_at = None;
    }

    /// It is plugged in at another place, or again: pauses are forgotten.
    pub fn plug(&mut self) {
        self.cut();
        self.pauses = 0;
    }

    /// When it next does something by itself. `None` while it is steady.
    pub fn next_timeout(&self) -> Option<u64> {
        let seen = self.seen.front().map(|(due, _)| *due);
        [seen, self.moves_at].into_iter().flatten().min()
    }

    /// Does everything that is due at `t_ms`.
    pub fn timeout(&mut self, t_ms: u64) {
        while let Some(due) = self.next_timeout().filter(|due| *due <= t_ms) {
            if self.moves_at == Some(due) {
                self.step(due);
            }
            while let Some((_, offered_ma)) = self.seen.front().copied().filter(|(seen, _)| *seen <= due) {
                self.seen.pop_front();
                self.follow(offered_ma);
                self.aim(due);
            }
        }
    }

    /// What it draws on each phase that it uses, milliamperes.
    pub fn draws_ma(&self) -> i64 {
        self.level_ma
    }

    /// Most that it draws at its present charge, milliamperes.
    pub fn most_ma(&self) -> i64 {
        self.tapered_ma
    }

    /// It has closed its side: the charger's contactor is closed for it.
    pub fn takes(&self) -> bool {
        self.takes || self.level_ma > 0
    }

    /// It is not full.
    pub fn wants(&self) -> bool {
        self.stored_nj < self.full_nj()
    }

    /// It has been paused too often and does not start again.
    pub fn refuses(&self) -> bool {
        self.settings.refuses_after.is_some_and(|most| self.pauses >= most)
    }

    /// Energy in its battery, nanojoules.
    pub fn stored_nj(&self) -> i128 {
        self.stored_nj
    }

    /// Energy until what it draws may change by itself, nanojoules: more than 0 unless it is full.
    pub fn left_nj(&self) -> i128 {
        self.changes_nj - self.stored_nj
    }

    /// It was given so much energy, nanojoules. At [`Car::left_nj`] it draws less than before, or nothing.
    pub fn consume(&mut self, energy_nj: i128) {
        self.stored_nj += energy_nj;
        if self.stored_nj < self.changes_nj {
            return;
        }
        self.taper();
        if !self.wants() {
            self.takes = false;
            self.target_ma = 0;
        }
        self.target_ma = self.target_ma.min(self.tapered_ma);
        // The steps of a taper are small and go at once, and a full car opens its contactor.
        self.level_ma = self.level_ma.min(if self.wants() { self.tapered_ma } else { 0 });
        if self.level_ma == self.target_ma {
            self.moves_at = None;
        }
    }

    fn full_nj(&self) -> i128 {
        i128::from(self.settings.capacity_wh) * NJ_PER_WH
    }

    /// Most that it draws at its present charge, in steps of a percent of its capacity.
    fn taper(&mut self) {
        let full = self.full_nj();
        let from = i128::from(self.settings.taper_from_percent);
        let percent = self.stored_nj * 100 / full;
        if percent < from || from >= 100 {
            self.tapered_ma = self.settings.max_ma;
            self.changes_nj = full * from.min(100) / 100;
            return;
        }
        let percent = percent.min(100);
        let span = i128::from(self.settings.max_ma - self.settings.min_ma);
        let lost = span * (percent - from) / (100 - from);
        self.tapered_ma = self.settings.max_ma - i64::try_from(lost).unwrap_or(0);
        self.changes_nj = full * (percent + 1).min(100) / 100;
    }

    /// It answers a pilot.
    fn follow(&mut self, offered_ma: i64) {
        self.follows_ma = offered_ma;
        let enough = offered_ma >= self.settings.min_ma;
        if !enough {
            self.pauses += u32::from(self.takes);
            self.takes = false;
        } else if !self.invited {
            self.calls += 1;
            self.takes = self.wants() && !self.refuses() && !self.oversleeps();
        }
        self.invited = enough;
        self.target_ma = if self.takes { self.drawn_at(offered_ma) } else { 0 };
    }

    fn drawn_at(&self, offered_ma: i64) -> i64 {
        let steps = offered_ma / self.settings.quantum_ma * self.settings.quantum_ma;
        (steps * self.settings.gain_ppm / 1_000_000).min(self.tapered_ma)
    }

    fn oversleeps(&self) -> bool {
        self.pauses > 0 && one_in_a_million(self.seed, self.calls) < self.settings.wake_fails_ppm
    }

    /// Goes to its target at once where there is no ramp, else begins or goes on with one.
    fn aim(&mut self, t_ms: u64) {
        if self.rate().is_none() {
            self.level_ma = self.target_ma;
        }
        if self.level_ma == self.target_ma {
            self.moves_at = None;
        } else if self.moves_at.is_none() {
            self.moves_at = Some(t_ms.saturating_add(RAMP_STEP_MS));
        }
    }

    /// Milliamperes per second towards the target.
    fn rate(&self) -> Option<i64> {
        if self.target_ma > self.level_ma { self.settings.up_ma_per_s } else { self.settings.down_ma_per_s }
    }

    fn step(&mut self, t_ms: u64) {
        let step_ma = self.rate().map_or(i64::MAX, |rate| rate * RAMP_STEP_MS as i64 / 1000);
        let missing = self.target_ma - self.level_ma;
        self.level_ma += missing.clamp(-step_ma, step_ma);
        self.moves_at = None;
        self.aim(t_ms);
    }
}

/// A number below a million that seed and index decide (splitmix64).
fn one_in_a_million(seed: u64, index: u32) -> u32 {
    let mut mixed = seed.wrapping_mul(0xA24B_AED4_963E_E407) ^ u64::from(index);
    mixed = mixed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) % 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn car(settings: CarSettings) -> Car {
        Car::new(settings, 1).unwrap()
    }

    fn at_once() -> CarSettings {
        CarSettings { dead_ms: 0, up_ma_per_s: None, ..CarSettings::default() }
    }

    /// Tells a pilot and waits until the car is steady; the time then.
    fn steady(car: &mut Car, t_ms: u64, offered_ma: i64) -> u64 {
        car.pilot(t_ms, offered_ma);
        let mut end = t_ms;
        while let Some(due) = car.next_timeout() {
            assert!(due >= end, "{due} after {end}");
            car.timeout(due);
            end = due;
        }
        end
    }

    #[test]
    fn it_waits_its_dead_time_and_climbs_in_steps_of_a_tenth_of_a_second() {
        let mut car = car(CarSettings { dead_ms: 2_000, up_ma_per_s: Some(4_000), ..CarSettings::default() });
        car.pilot(1_000, 10_000);
        assert_eq!((car.next_timeout(), car.draws_ma(), car.takes()), (Some(3_000), 0, false));
        car.timeout(2_999);
        assert!(!car.takes());
        car.timeout(3_000);
        assert_eq!((car.next_timeout(), car.draws_ma(), car.takes()), (Some(3_100), 0, true));
        car.timeout(3_150);
        assert_eq!((car.next_timeout(), car.draws_ma()), (Some(3_200), 400));
        car.timeout(5_500);
        assert_eq!((car.next_timeout(), car.draws_ma()), (None, 10_000));
        assert_eq!(steady(&mut car, 6_000, 0), 8_000);
        assert_eq!(car.draws_ma(), 0);
    }

    #[test]
    fn it_falls_on_a_ramp_too_if_it_has_one() {
        let mut car = car(CarSettings { down_ma_per_s: Some(8_000), ..at_once() });
        steady(&mut car, 0, 16_000);
        assert_eq!(steady(&mut car, 1_000, 8_000), 2_000);
        car.pilot(3_000, 0);
        assert!(car.takes(), "its contactor stays closed until the current is gone");
        car.timeout(3_500);
        assert_eq!(car.draws_ma(), 4_000);
        assert_eq!(steady(&mut car, 3_600, 0), 4_000);
        assert!(!car.takes());
    }

    #[test]
    fn pilots_are_followed_each_after_its_own_dead_time() {
        let mut car = car(CarSettings { dead_ms: 5_000, ..at_once() });
        for (t_ms, offered_ma) in [(0, 16_000), (1_000, 6_000), (2_000, 0), (3_000, 8_000)] {
            car.pilot(t_ms, offered_ma);
        }
        let followed = [4_999, 5_000, 6_000, 7_000, 7_999, 8_000].map(|t_ms| {
            car.timeout(t_ms);
            car.draws_ma()
        });
        assert_eq!(followed, [0, 16_000, 6_000, 0, 0, 8_000]);
    }

    /// Renault Zoe: 7.5 % over the pilot, nothing below 8 A, whole amperes (balancing, section 2.1).
    #[test]
    fn a_zoe_draws_more_than_it_may_and_does_not_start_below_its_own_minimum() {
        let zoe = CarSettings { min_ma: 8_000, max_ma: 32_000, gain_ppm: 1_075_000, ..at_once() };
        let mut car = car(CarSettings { quantum_ma: 1_000, ..zoe });
        let drawn = [6_000, 7_999, 8_000, 10_900, 7_900, 32_000].map(|offered_ma| {
            steady(&mut car, 0, offered_ma);
            car.draws_ma()
        });
        assert_eq!(drawn, [0, 0, 8_600, 10_750, 0, 32_000]);
    }

    #[test]
    fn above_its_knee_it_takes_less_with_every_percent_and_nothing_when_full() {
        let battery = CarSettings { capacity_wh: 50_000, stored_wh: 39_000, ..at_once() };
        let mut car = car(CarSettings { taper_from_percent: 80, max_ma: 16_000, ..battery });
        steady(&mut car, 0, 32_000);
        let percent = 500 * NJ_PER_WH;
        let mut drawn = Vec::new();
        while car.wants() {
            assert!(car.left_nj() > 0 && car.left_nj() <= 2 * percent, "{}", car.left_nj());
            car.consume(car.left_nj() - 1);
            drawn.push(car.draws_ma());
            car.consume(1);
        }
        assert_eq!(drawn.len(), 21);
        assert_eq!(drawn[..3], [16_000, 16_000, 15_500]);
        assert_eq!(drawn[20], 6_500);
        assert_eq!((car.draws_ma(), car.takes(), car.stored_nj()), (0, false, 50_000 * NJ_PER_WH));
        steady(&mut car, 0, 0);
        steady(&mut car, 0, 16_000);
        assert_eq!(car.draws_ma(), 0, "a full car does not begin again");
    }

    #[test]
    fn a_percent_more_does_not_shorten_a_ramp_downwards() {
        let battery = CarSettings { capacity_wh: 50_000, stored_wh: 40_000, ..at_once() };
        let mut car = car(CarSettings { taper_from_percent: 80, down_ma_per_s: Some(1_000), ..battery });
        steady(&mut car, 0, 16_000);
        car.pilot(0, 6_000);
        car.timeout(1_000);
        car.consume(car.left_nj());
        assert_eq!((car.draws_ma(), car.next_timeout()), (15_000, Some(1_100)));
    }

    #[test]
    fn after_so_many_pauses_it_starts_no_more_until_it_is_plugged_in_anew() {
        let mut car = car(CarSettings { refuses_after: Some(2), ..at_once() });
        for expected in [16_000, 16_000, 0, 0] {
            steady(&mut car, 0, 16_000);
            assert_eq!(car.draws_ma(), expected);
            assert_eq!(car.refuses(), expected == 0);
            steady(&mut car, 0, 0);
        }
        car.plug();
        steady(&mut car, 0, 16_000);
        assert_eq!(car.draws_ma(), 16_000);
    }

    #[test]
    fn some_starts_after_a_pause_fail_and_the_seed_says_which() {
        let wakes = |seed: u64| {
            let mut car = Car::new(CarSettings { wake_fails_ppm: 250_000, ..at_once() }, seed).unwrap();
            (0..400)
                .map(|_| {
                    steady(&mut car, 0, 16_000);
                    let woke = car.takes();
                    steady(&mut car, 0, 12_000);
                    assert_eq!(car.takes(), woke, "another pilot alone wakes nobody");
                    steady(&mut car, 0, 0);
                    woke
                })
                .collect::<Vec<bool>>()
        };
        assert_eq!(wakes(7), wakes(7));
        assert_ne!(wakes(7), wakes(8));
        for seed in 0..20 {
            let failed = wakes(seed).iter().filter(|woke| !**woke).count();
            assert!((60..=140).contains(&failed), "{failed} of 400 with seed {seed}");
            assert!(wakes(seed)[0], "the first start is no wake-up");
        }
    }

    #[test]
    fn a_contactor_that_opens_ends_it_at_once_and_counts_as_a_pause() {
        let mut car = car(CarSettings { refuses_after: Some(1), dead_ms: 3_000, ..at_once() });
        steady(&mut car, 0, 16_000);
        car.pilot(5_000, 10_000);
        car.cut();
        assert_eq!((car.draws_ma(), car.takes(), car.next_timeout()), (0, false, None));
        assert!(car.refuses());
    }

    #[test]
    fn impossible_cars_are_refused_with_what_was_expected() {
        let usual = CarSettings::default;
        let wrong = [
            (CarSettings { phases: 4, ..usual() }, "phases is 4"),
            (CarSettings { quantum_ma: 0, ..usual() }, "quantum is 0 mA"),
            (CarSettings { quantum_ma: 7_000, ..usual() }, "quantum is 7000 mA"),
            (CarSettings { max_ma: 5_000, ..usual() }, "maximum is 5000 mA"),
            (CarSettings { gain_ppm: 1_075, ..usual() }, "gain is 1075"),
            (CarSettings { taper_from_percent: 101, ..usual() }, "taper begins at 101 %"),
            (CarSettings { stored_wh: 70_000, ..usual() }, "70000 Wh stored of 60000 Wh"),
            (CarSettings { capacity_wh: 0, ..usual() }, "0 Wh stored of 0 Wh"),
            (CarSettings { up_ma_per_s: Some(0), ..usual() }, "ramp of 0 mA/s"),
        ];
        for (settings, expected) in wrong {
            let message = Car::new(settings, 0).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
