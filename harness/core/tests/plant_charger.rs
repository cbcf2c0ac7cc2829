//! What a charger makes of limits, leases, outages and cars, and laws that hold in whatever order they come.

#![allow(clippy::unwrap_used)]

use hanbench_core::plant::car::{Car, CarSettings, NJ_PER_WH};
use hanbench_core::plant::charger::{Charger, ChargerSettings, Doing, Supply};
use quickcheck::{Arbitrary, Gen, quickcheck};

const VOLTS: [i64; 3] = [230_000; 3];

/// Follows its pilot at once.
fn obedient() -> CarSettings {
    CarSettings { dead_ms: 0, up_ma_per_s: None, max_ma: 32_000, ..CarSettings::default() }
}

fn car(settings: CarSettings) -> Car {
    Car::new(settings, 1).unwrap()
}

/// Does what it is told without delay.
fn prompt() -> ChargerSettings {
    ChargerSettings { latency_ms: 0, ..ChargerSettings::default() }
}

fn charger(settings: ChargerSettings) -> Charger {
    let mut charger = Charger::new(settings).unwrap();
    charger.supply(0, Supply { volts_mv: VOLTS, two_ends: false });
    charger
}

fn with_car(settings: ChargerSettings) -> Charger {
    let mut charger = charger(settings);
    charger.plug(0, car(obedient()));
    charger
}

fn offered_at(charger: &mut Charger, t_ms: u64) -> i64 {
    charger.timeout(t_ms);
    charger.offered_ma()
}

#[test]
fn limits_are_rounded_down_and_bounded_by_charger_and_cable() {
    let settings = ChargerSettings { cable_ma: Some(20_000), ..prompt() };
    let mut charger = with_car(settings);
    let asked = [-1, 0, 5_999, 6_000, 6_999, 16_200, 20_999, 40_000, i64::MAX];
    let offered = asked.map(|asked| {
        charger.limit(0, asked, 3, 60_000);
        charger.offered_ma()
    });
    assert_eq!(offered, [0, 0, 0, 6_000, 6_000, 16_000, 20_000, 20_000, 20_000]);
    assert_eq!(charger.report(0).max_ma, 20_000);
}

#[test]
fn a_limit_reaches_the_pilot_after_its_latency_and_holds_for_its_lease_from_the_command_on() {
    let offline = ChargerSettings { latency_ms: 4_000, offline_ma: Some(6_000), ..prompt() };
    let mut charger = with_car(offline);
    assert_eq!(charger.offered_ma(), 6_000, "its offline limit, before anybody has spoken");
    charger.limit(10_000, 16_000, 3, 60_000);
    charger.limit(11_000, 10_000, 3, 60_000);
    let offered = [13_999, 14_000, 14_999, 15_000, 70_999, 71_000].map(|t_ms| offered_at(&mut charger, t_ms));
    assert_eq!(offered, [6_000, 16_000, 16_000, 10_000, 10_000, 6_000]);
}

#[test]
fn a_lease_that_ends_without_an_offline_limit_lets_it_go_to_its_maximum() {
    let mut charger = with_car(ChargerSettings { locked: true, ..prompt() });
    assert_eq!(charger.offered_ma(), 0);
    charger.limit(0, 10_000, 3, 60_000);
    assert_eq!(offered_at(&mut charger, 59_999), 10_000);
    assert_eq!(offered_at(&mut charger, 60_000), 32_000);
    charger.offline(61_000, 0, None);
    assert_eq!((charger.offered_ma(), charger.report(0).offline_ma), (0, Some(0)));
}

#[test]
fn nobody_has_spoken_means_its_maximum_unless_it_is_locked() {
    assert_eq!(with_car(prompt()).draws_ma(), [32_000; 3]);
    let mut locked = with_car(ChargerSettings { locked: true, offline_ma: Some(8_000), ..prompt() });
    assert_eq!((locked.draws_ma(), locked.report(0).doing), ([0; 3], Doing::Waiting));
    locked.limit(0, 16_000, 3, 1_000);
    assert_eq!(offered_at(&mut locked, 1_000), 8_000);
}

#[test]
fn without_its_link_it_holds_its_offline_limit_on_the_phase_set_for_it() {
    let settings = ChargerSettings { order: [2, 3, 1], offline_after_ms: 30_000, ..prompt() };
    let switching = ChargerSettings { switches: true, switch_ms: 10_000, ..settings.clone() };
    for (settings, alone) in [(settings, [8_000; 3]), (switching, [0, 0, 8_000])] {
        let mut charger = with_car(settings);
        charger.offline(0, 8_000, Some(1));
        charger.limit(0, 16_000, 3, 600_000);
        charger.link(5_000, false);
        charger.link(6_000, false);
        assert!(!charger.hears());
        charger.limit(7_000, 20_000, 3, 600_000);
        assert_eq!(offered_at(&mut charger, 34_999), 16_000);
        charger.timeout(35_000);
        charger.timeout(45_000);
        assert_eq!((charger.offered_ma(), charger.draws_ma()), (8_000, alone));
        charger.link(50_000, true);
        charger.timeout(60_000);
        assert_eq!(
            (charger.offered_ma(), charger.draws_ma()),
            (16_000, [16_000; 3]),
            "the lease lives still"
        );
    }
}

#[test]
fn a_link_that_flaps_does_not_take_the_limit_away() {
    let mut charger = with_car(ChargerSettings { offline_ma: Some(6_000), ..prompt() });
    charger.limit(0, 16_000, 3, 6_000_000);
    for at in (0..200_000).step_by(40_000) {
        charger.link(at, false);
        assert_eq!(offered_at(&mut charger, at + 20_000), 16_000);
        charger.link(at + 20_000, true);
    }
}

#[test]
fn a_restart_opens_the_contactor_and_resets_the_limit_but_not_the_offline_limit() {
    let easee = ChargerSettings { resets_to_ma: Some(40_000), offline_ma: Some(6_000), ..prompt() };
    let mut charger = with_car(easee);
    charger.limit(0, 10_000, 3, 6_000_000);
    charger.reboot(60_000, 20_000);
    assert_eq!((charger.draws_ma(), charger.hears(), charger.starts()), ([0; 3], false, 1));
    charger.limit(70_000, 8_000, 3, 6_000_000);
    charger.timeout(79_999);
    assert_eq!((charger.offered_ma(), charger.report(0).boots), (0, 1));
    charger.timeout(80_000);
    assert_eq!((charger.draws_ma(), charger.report(0).boots, charger.starts()), ([32_000; 3], 2, 2));
    charger.link(90_000, false);
    assert_eq!(offered_at(&mut charger, 120_000), 6_000);

    let mut forgetful = with_car(ChargerSettings { locked: true, latency_ms: 5_000, ..prompt() });
    forgetful.limit(0, 10_000, 3, 6_000_000);
    forgetful.reboot(1_000, 1_000);
    assert_eq!(offered_at(&mut forgetful, 10_000), 0, "a command under way is lost, and it is locked again");
}

#[test]
fn stand_alone_and_deaf_chargers_offer_their_maximum_whatever_they_are_told() {
    let mut alone = with_car(prompt());
    let mut deaf = with_car(ChargerSettings { ignores_limits: true, ..prompt() });
    for charger in [&mut alone, &mut deaf] {
        charger.stand_alone(0, true);
        charger.limit(0, 6_000, 3, 60_000);
        charger.offline(0, 0, None);
        assert_eq!(charger.offered_ma(), 32_000);
        assert_eq!(charger.report(0).offline_ma, Some(0), "accepted, and not kept to");
        charger.stand_alone(1_000, false);
    }
    assert_eq!((alone.offered_ma(), deaf.offered_ma()), (6_000, 32_000));
    assert_eq!(
        with_car(ChargerSettings { stand_alone: true, locked: true, ..prompt() }).offered_ma(),
        32_000
    );
}

/// Field bug B3.
#[test]
fn one_that_does_not_know_zero_goes_on_at_its_minimum() {
    let mut charger = with_car(ChargerSettings { ignores_zero: true, step_ma: 4_000, ..prompt() });
    for (asked, offered) in [(0, 6_000), (7_000, 6_000), (11_999, 8_000)] {
        charger.limit(0, asked, 3, 60_000);
        assert_eq!(charger.offered_ma(), offered);
    }
    let locked = with_car(ChargerSettings { ignores_zero: true, locked: true, ..prompt() });
    assert_eq!(locked.offered_ma(), 0, "not told anything is another thing than told 0");
}

#[test]
fn three_to_one_and_back_goes_behind_an_open_contactor() {
    let mut charger = with_car(ChargerSettings { switches: true, switch_ms: 10_000, ..prompt() });
    charger.limit(0, 16_000, 3, 600_000);
    charger.limit(20_000, 32_000, 1, 600_000);
    assert_eq!((charger.offered_ma(), charger.draws_ma(), charger.report(0).phases), (0, [0; 3], 3));
    charger.timeout(29_999);
    assert_eq!(charger.draws_ma(), [0; 3]);
    charger.timeout(30_000);
    assert_eq!((charger.draws_ma(), charger.report(0).phases), ([32_000, 0, 0], 1));
    charger.limit(40_000, 0, 3, 600_000);
    charger.limit(41_000, 16_000, 3, 600_000);
    assert_eq!(charger.draws_ma(), [16_000; 3], "a charger that offers nothing changes at once");
    assert_eq!(charger.starts(), 3);
}

#[test]
fn a_car_that_does_not_stop_is_switched_off_after_six_seconds() {
    let slow = CarSettings { dead_ms: 5_000, down_ma_per_s: Some(8_000), ..obedient() };
    let mut charger = charger(prompt());
    charger.plug(0, car(slow));
    charger.limit(0, 32_000, 3, 600_000);
    charger.timeout(5_000);
    assert_eq!(charger.draws_ma(), [32_000; 3]);
    charger.limit(10_000, 0, 3, 600_000);
    charger.timeout(15_950);
    assert_eq!((charger.offered_ma(), charger.draws_ma()), (0, [24_800; 3]));
    charger.timeout(16_000);
    assert_eq!((charger.draws_ma(), charger.next_timeout()), ([0; 3], Some(610_000)));
}

#[test]
fn terminals_change_behind_a_forced_contactor_if_the_car_does_not_let_go_in_time() {
    let slow = CarSettings { dead_ms: 5_000, ..obedient() };
    let mut charger = charger(ChargerSettings { switches: true, switch_ms: 3_000, ..prompt() });
    charger.plug(0, car(slow));
    charger.timeout(5_000);
    charger.limit(10_000, 16_000, 1, 600_000);
    charger.timeout(12_999);
    assert_eq!((charger.offered_ma(), charger.draws_ma()), (0, [32_000; 3]));
    charger.timeout(13_000);
    assert_eq!((charger.offered_ma(), charger.draws_ma(), charger.starts()), (16_000, [0; 3], 1));
    charger.timeout(18_000);
    assert_eq!((charger.draws_ma(), charger.starts()), ([16_000, 0, 0], 2));
}

#[test]
fn an_earlier_time_counts_as_the_latest_heard() {
    let mut charger = with_car(ChargerSettings { offline_ma: Some(6_000), ..prompt() });
    charger.timeout(10_000);
    charger.limit(5_000, 16_000, 3, 1_000);
    assert_eq!(offered_at(&mut charger, 10_999), 16_000);
    assert_eq!(offered_at(&mut charger, 11_000), 6_000);
}

#[test]
fn a_car_uses_the_terminals_it_has_phases_for() {
    let drawn = |phases: u8, wired: u8| {
        let mut charger = charger(ChargerSettings { phases: wired, ..prompt() });
        charger.plug(0, car(CarSettings { phases, ..obedient() }));
        charger.draws_ma().map(|current| current / 1_000)
    };
    assert_eq!([drawn(1, 3), drawn(2, 3), drawn(3, 3)], [[32, 0, 0], [32, 32, 0], [32, 32, 32]]);
    assert_eq!([drawn(1, 1), drawn(3, 1)], [[32, 0, 0], [32, 0, 0]]);
}

#[test]
fn it_says_what_it_is_doing() {
    let mut charger = charger(prompt());
    assert_eq!(charger.report(0).doing, Doing::Unplugged);
    charger.limit(0, 0, 3, 600_000);
    charger.plug(0, car(CarSettings { capacity_wh: 10, min_ma: 8_000, ..obedient() }));
    assert_eq!(charger.report(0).doing, Doing::Waiting);
    charger.limit(0, 7_000, 3, 600_000);
    assert_eq!((charger.report(0).doing, charger.offered_ma()), (Doing::Waiting, 7_000));
    charger.limit(0, 10_000, 3, 600_000);
    assert_eq!(charger.report(0).doing, Doing::Charging);
    charger.timeout(10_000);
    assert_eq!((charger.report(0).doing, charger.draws_ma()), (Doing::Finished, [0; 3]));
    assert_eq!(charger.report(10_000).session_wh, 10);
}

#[test]
fn a_session_runs_from_plug_to_unplug_and_the_car_takes_its_energy_along() {
    let mut charger = with_car(prompt());
    charger.limit(0, 10_000, 3, 36_000_000);
    for at in 1..=3_600 {
        charger.timeout(at * 1_000);
    }
    assert_eq!(charger.report(3_600_000).session_wh, 6_900);
    charger.reboot(3_600_000, 5_000);
    assert_eq!(charger.session(3_600_000).unwrap().energy_nj, 6_900 * NJ_PER_WH, "a restart ends no session");
    let car = charger.unplug(3_604_000).unwrap();
    assert_eq!(car.stored_nj(), 6_900 * NJ_PER_WH);
    let [session] = charger.sessions() else { panic!("{:?}", charger.sessions()) };
    assert_eq!((session.from_ms, session.to_ms), (0, Some(3_604_000)));
    assert_eq!((session.energy_nj, charger.energy_nj(3_604_000)), (6_900 * NJ_PER_WH, 6_900 * NJ_PER_WH));
    charger.plug(3_800_000, car);
    assert_eq!(
        (charger.report(3_800_000).session_wh, charger.session(3_800_000).unwrap().from_ms),
        (0, 3_800_000)
    );
}

#[test]
fn impossible_chargers_are_refused_with_what_was_expected() {
    let wrong = [
        (ChargerSettings { order: [1, 1, 3], ..prompt() }, "order is [1, 1, 3]"),
        (ChargerSettings { phases: 2, ..prompt() }, "phases is 2"),
        (ChargerSettings { min_ma: 0, ..prompt() }, "minimum is 0 mA"),
        (ChargerSettings { step_ma: 0, ..prompt() }, "step 0 mA"),
        (ChargerSettings { max_ma: 5_000, ..prompt() }, "maximum is 5000 mA"),
        (ChargerSettings { cable_ma: Some(0), ..prompt() }, "cable is Some(0) mA"),
        (ChargerSettings { offline_phase: Some(0), ..prompt() }, "offline phase is Some(0)"),
    ];
    for (settings, expected) in wrong {
        let message = Charger::new(settings).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}

/// One input of a charger.
#[derive(Clone, Debug)]
enum Input {
    Plug(CarSettings),
    Unplug,
    Limit(i64, u8, u64),
    Offline(i64, Option<u8>),
    Link(bool),
    StandAlone(bool),
    Reboot(u64),
    Nothing,
}

/// An input, and how many milliseconds pass before it.
#[derive(Clone, Debug)]
struct Step(u64, Input);

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Step {
        let number = |g: &mut Gen, most: u64| u64::arbitrary(g) % most;
        let current = |g: &mut Gen| number(g, 40_000) as i64 - 2_000;
        let input = match number(g, 12) {
            0 | 1 => Input::Plug(some_car(g)),
            2 => Input::Unplug,
            3..=6 => Input::Limit(current(g), u8::arbitrary(g) % 4, number(g, 90_000)),
            7 => Input::Offline(current(g), Option::<u8>::arbitrary(g).map(|line| line % 5)),
            8 => Input::Link(bool::arbitrary(g)),
            9 => Input::StandAlone(number(g, 3) == 0),
            10 => Input::Reboot(number(g, 20_000)),
            _ => Input::Nothing,
        };
        Step(number(g, 20_000), input)
    }
}

fn some_car(g: &mut Gen) -> CarSettings {
    let pick = |g: &mut Gen, from: &[i64]| *g.choose(from).unwrap();
    CarSettings {
        phases: pick(g, &[1, 2, 3]) as u8,
        min_ma: pick(g, &[6_000, 8_000]),
        max_ma: pick(g, &[8_000, 16_000, 32_000]),
        dead_ms: pick(g, &[0, 200, 5_000]) as u64,
        up_ma_per_s: *g.choose(&[None, Some(500), Some(8_000)]).unwrap(),
        down_ma_per_s: *g.choose(&[None, Some(8_000)]).unwrap(),
        quantum_ma: pick(g, &[1, 100, 1_000]),
        gain_ppm: pick(g, &[930_000, 1_000_000, 1_075_000]),
        taper_from_percent: pick(g, &[0, 80, 100]) as u8,
        capacity_wh: pick(g, &[1, 50, 60_000]),
        stored_wh: 0,
        wake_fails_ppm: pick(g, &[0, 500_000]) as u32,
        refuses_after: *g.choose(&[None, Some(2)]).unwrap(),
    }
}

/// A charger of any kind.
#[derive(Clone, Debug)]
struct Kind(ChargerSettings);

impl Arbitrary for Kind {
    fn arbitrary(g: &mut Gen) -> Kind {
        let pick = |g: &mut Gen, from: &[i64]| *g.choose(from).unwrap();
        Kind(ChargerSettings {
            order: *g.choose(&[[1, 2, 3], [2, 3, 1], [3, 2, 1]]).unwrap(),
            phases: pick(g, &[1, 3, 3]) as u8,
            min_ma: pick(g, &[6_000, 8_000]),
            max_ma: pick(g, &[16_000, 32_000]),
            cable_ma: *g.choose(&[None, Some(5_000), Some(20_000)]).unwrap(),
            step_ma: pick(g, &[1, 100, 1_000, 4_000]),
            latency_ms: pick(g, &[0, 100, 10_000]) as u64,
            resets_to_ma: *g.choose(&[None, Some(40_000)]).unwrap(),
            offline_ma: *g.choose(&[None, Some(0), Some(6_000), Some(9_500)]).unwrap(),
            offline_phase: *g.choose(&[None, Some(1), Some(2), Some(3)]).unwrap(),
            offline_after_ms: pick(g, &[0, 15_000]) as u64,
            stand_alone: pick(g, &[0, 0, 0, 1]) == 1,
            switches: bool::arbitrary(g),
            switch_ms: pick(g, &[0, 3_000, 10_000]) as u64,
            ignores_zero: pick(g, &[0, 0, 1]) == 1,
            ignores_limits: pick(g, &[0, 0, 0, 1]) == 1,
            locked: bool::arbitrary(g),
        })
    }
}

fn input(charger: &mut Charger, t_ms: u64, input: &Input) {
    match input {
        Input::Plug(settings) => charger.plug(t_ms, Car::new(settings.clone(), t_ms).unwrap()),
        Input::Unplug => drop(charger.unplug(t_ms)),
        Input::Limit(current_ma, phases, ttl_ms) => charger.limit(t_ms, *current_ma, *phases, *ttl_ms),
        Input::Offline(current_ma, phase) => charger.offline(t_ms, *current_ma, *phase),
        Input::Link(up) => charger.link(t_ms, *up),
        Input::StandAlone(on) => charger.stand_alone(t_ms, *on),
        Input::Reboot(down_ms) => charger.reboot(t_ms, *down_ms),
        Input::Nothing => (),
    }
}

/// Lets time pass from `from` to `to` in pieces that end at timeouts, and at every multiple of `piece_ms`.
fn pass(charger: &mut Charger, from: u64, to: u64, piece_ms: u64, mut look: impl FnMut(&Charger)) {
    let mut now = from;
    while now < to {
        let piece = (now / piece_ms + 1).saturating_mul(piece_ms);
        let next = charger.next_timeout().unwrap_or(to).min(piece).min(to);
        assert!(next > now, "a timeout at {next} is left over at {now}");
        charger.timeout(next);
        look(charger);
        now = next;
    }
}

fn play(kind: &Kind, steps: &[Step], piece_ms: u64, mut look: impl FnMut(&Charger)) -> Charger {
    let mut charger = charger(kind.0.clone());
    let mut now = 0;
    for Step(wait_ms, what) in steps {
        pass(&mut charger, now, now + wait_ms, piece_ms, &mut look);
        now += wait_ms;
        input(&mut charger, now, what);
        look(&charger);
    }
    charger
}

quickcheck! {
    fn what_is_offered_is_nothing_or_a_step_between_minimum_and_maximum(kind: Kind, steps: Vec<Step>) -> bool {
        let Kind(settings) = &kind;
        let mut fine = true;
        play(&kind, &steps, u64::MAX, |charger| {
            let offered = charger.offered_ma();
            let range = (settings.min_ma..=settings.most_ma()).contains(&offered);
            let step = offered % settings.step_ma == 0 || settings.ignores_zero && offered == settings.min_ma;
            fine &= offered == 0 || range && step;
        });
        fine
    }

    fn a_steady_car_draws_no_more_than_it_is_offered_times_its_gain(kind: Kind, steps: Vec<Step>) -> bool {
        let mut fine = true;
        play(&kind, &steps, u64::MAX, |charger| {
            let Some(car) = charger.car() else {
                fine &= charger.draws_ma() == [0; 3];
                return;
            };
            let settings = car.settings();
            let most = settings.max_ma.min(charger.offered_ma() * settings.gain_ppm / 1_000_000);
            let steady = car.next_timeout().is_none();
            let used = charger.draws_ma().iter().filter(|current| **current > 0).count();
            fine &= !steady || charger.draws_ma().iter().all(|current| (0..=most).contains(current));
            fine &= used <= usize::from(settings.phases.min(charger.report(0).phases));
        });
        fine
    }

    fn time_in_pieces_changes_nothing(kind: Kind, steps: Vec<Step>, piece_ms: u16) -> bool {
        let whole = play(&kind, &steps, u64::MAX, |_| ());
        let pieces = play(&kind, &steps, u64::from(piece_ms % 5_000) + 1, |_| ());
        whole == pieces
    }

    fn no_energy_is_lost_between_charger_sessions_and_cars(kind: Kind, steps: Vec<Step>) -> bool {
        let charger = play(&kind, &steps, 1_000, |_| ());
        let sessions: i128 = charger.sessions().iter().map(|session| session.energy_nj).sum();
        let now = steps.iter().map(|Step(wait_ms, _)| wait_ms).sum();
        let open = charger.session(now).map_or(0, |session| session.energy_nj);
        let stored = charger.car().map_or(0, Car::stored_nj);
        charger.energy_nj(now) == sessions + open && stored == open
    }

    fn every_lease_ends(kind: Kind, steps: Vec<Step>, current_ma: u16, ttl_ms: u16) -> bool {
        let mut charger = play(&kind, &steps, u64::MAX, |_| ());
        let now: u64 = steps.iter().map(|Step(wait_ms, _)| wait_ms).sum::<u64>() + 60_000;
        charger.timeout(now);
        charger.plug(now, car(obedient()));
        charger.link(now, true);
        charger.limit(now, i64::from(current_ma), 3, u64::from(ttl_ms));
        // Longer than the lease, its latency and a change of terminals.
        charger.timeout(now + 100_000);
        let Kind(settings) = &kind;
        let ended = if settings.ignores_limits { None } else { charger.report(0).offline_ma };
        let mut twin = with_car(ChargerSettings { offline_ma: ended, locked: false, stand_alone: false, ..settings.clone() });
        twin.timeout(100_000);
        // A charger that somebody made stand-alone keeps to nothing.
        charger.stand_alone(now + 100_000, false);
        charger.timeout(now + 200_000);
        charger.offered_ma() == twin.offered_ma()
    }

    fn no_order_of_inputs_and_no_time_makes_it_panic(kind: Kind, steps: Vec<Step>, times: Vec<u64>) -> bool {
        let mut charger = charger(kind.0);
        for (Step(dt_ms, what), t_ms) in steps.iter().zip(times) {
            let t_ms = if dt_ms % 2 == 0 { t_ms } else { t_ms % 100_000 };
            input(&mut charger, t_ms, what);
            charger.supply(t_ms, Supply { volts_mv: [i64::MAX, i64::MIN, 230_000], two_ends: dt_ms % 3 == 0 });
            charger.timeout(*dt_ms);
            charger.report(t_ms);
        }
        true
    }
}

#[test]
fn a_new_charger_in_its_place_was_told_nothing_and_starts_a_session() {
    let mut charger = with_car(ChargerSettings { offline_ma: Some(6_000), ..prompt() });
    charger.link(500, true);
    charger.limit(1_000, 10_000, 3, 3_600_000);
    let given = charger.energy_nj(20_000);
    assert!(given > 0);
    charger.swap(20_000, 60_000);
    assert!(!charger.hears());
    assert_eq!((charger.offered_ma(), charger.report(20_000).session_wh), (0, 0));
    assert_eq!(offered_at(&mut charger, 80_000), 32_000, "neither a limit nor an offline limit is left");
    let report = charger.report(80_000);
    assert_eq!((report.boots, report.offline_ma), (1, None));
    assert_eq!(charger.sessions().len(), 1, "the session of the old one is over");
    assert_eq!(charger.energy_nj(20_000), given, "what the place has given stays counted");
}
