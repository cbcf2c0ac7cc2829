//! What the authors of external cases published, through the whole chain (balancing, sections 3.2 and 5e).

use super::*;

/// X1: 24 A and 8 A of 32 A.
#[test]
fn a_small_car_leaves_the_rest_to_the_other() {
    let mut site = site(32, 2);
    site.chargers[1].max_ma = 8_000;
    let mut rig = Rig::new(site, bare());
    rig.plug(0, CAR);
    rig.plug(1, CAR);
    rig.run(120);
    assert!(close(&rig.offered(), &[24_000, 8_000], 100), "{:?}", rig.offered());
    assert!(rig.most[0] <= 32.0, "{:?}", rig.most);
}

/// evcc#30340: cars that arrive one after the other share what there is, within a minute.
#[test]
fn a_third_car_gets_its_share() {
    let mut rig = Rig::new(site(35, 3), bare());
    let car = Car { max_ma: 16_000, ..CAR };
    rig.plug(0, car);
    rig.run(300);
    rig.plug(1, car);
    rig.run(300);
    assert!(close(&rig.offered(), &[16_000, 16_000, 0], 600), "{:?}", rig.offered());
    rig.plug(2, car);
    rig.run(65);
    assert!(close(&rig.offered(), &[11_667; 3], 50), "{:?}", rig.offered());
    assert!(rig.most[0] <= 35.0, "{:?}", rig.most);
    let paused = (0..2).any(|charger| rig.limits(charger).iter().skip(2).any(|(_, ma)| *ma == 0));
    assert!(!paused, "{:?}", rig.limits(0));
}

/// B-06: 125 A over three circuits of 63 A and twelve cars.
#[test]
fn twelve_cars_share_a_hundred_and_twenty_five_amperes() {
    let mut site = site(125, 12);
    site.scale = crate::site::ratio::Ratio::parse("100:5").unwrap().factor();
    for circuit in 1..4 {
        site.circuits.push(Circuit { name: format!("c{circuit}"), parent: Some(0), limit_ma: 63_000 });
    }
    for (number, charger) in site.chargers.iter_mut().enumerate() {
        charger.circuit = 1 + number / 4;
    }
    let mut rig = Rig::new(site, bare());
    rig.ratio = 20.0;
    (0..12).for_each(|charger| rig.plug(charger, CAR));
    rig.run(150);
    assert!(close(&rig.offered(), &[10_416; 12], 60), "{:?}", rig.offered());
    // Six leave; the others rise, and circuit 3 keeps to its 63 A.
    (0..6).for_each(|charger| rig.plugs[charger].car = None);
    rig.run(150);
    let offered = rig.offered();
    assert!(close(&offered[6..8], &[31_000; 2], 1_100), "{offered:?}");
    assert!(close(&offered[8..], &[15_750; 4], 60), "{offered:?}");
}

/// X8: single-phase cars, each on its own line.
#[test]
fn single_phases_do_not_hold_each_other_back() {
    let mut site = site(31, 3);
    for (line, charger) in site.chargers.iter_mut().enumerate() {
        (charger.phases, charger.max_ma) = (1, 16_000);
        charger.order = [[1, 2, 3], [2, 3, 1], [3, 1, 2]][line];
    }
    let mut rig = Rig::new(site, bare());
    rig.house = [17.0, 15.0, 17.0];
    (0..3).for_each(|charger| rig.plug(charger, CAR));
    rig.run(120);
    assert!(close(&rig.offered(), &[14_000, 16_000, 14_000], 60), "{:?}", rig.offered());
}

/// X17 and X19: 15 A for three cars of at least 6 A; everybody gets two thirds of the time, in turns of a quarter of
/// an hour.
#[test]
fn who_waits_gets_a_turn() {
    let mut rig = Rig::new(site(15, 3), bare());
    (0..3).for_each(|charger| rig.plug(charger, CAR));
    rig.run(120);
    assert!(close(&rig.offered(), &[7_500, 7_500, 0], 60), "{:?}", rig.offered());
    let mut charged = [0_u32; 3];
    for _ in 0..4 * 3600 {
        rig.second();
        for (count, offered) in charged.iter_mut().zip(rig.offered()) {
            *count += u32::from(offered >= 6_000);
        }
    }
    for count in charged {
        assert!((8_160..=10_560).contains(&count), "{charged:?} of 14400 s, expected two thirds ± 10 %");
    }
    assert!(rig.most[0] <= 15.01, "{:?}", rig.most);
    for charger in 0..3 {
        let starts = rig.limits(charger).windows(2).filter(|pair| pair[0].1 == 0 && pair[1].1 > 0).count();
        assert!(starts <= 9, "{starts} starts in four hours");
    }
}

/// X18: below the switch current of 15 A three cars of three phases become three of one.
#[test]
fn cars_go_to_one_phase_where_that_is_worth_it() {
    let mut site = site(32, 3);
    for (line, charger) in site.chargers.iter_mut().enumerate() {
        charger.switches = true;
        charger.order = [[1, 2, 3], [2, 3, 1], [3, 1, 2]][line];
    }
    let mut rig = Rig::new(site.clone(), Tuning { switch_below_ma: 15_000, ..bare() });
    (0..3).for_each(|charger| rig.plug(charger, CAR));
    rig.run(400);
    assert!(close(&rig.offered(), &[32_000; 3], 60), "{:?}", rig.offered());
    assert!(rig.plugs.iter().all(|plug| plug.phases == 1));
    assert!(rig.most.iter().all(|most| *most <= 32.01), "{:?}", rig.most);

    let mut rig = Rig::new(site, Tuning { switch_below_ma: 10_000, ..bare() });
    (0..3).for_each(|charger| rig.plug(charger, CAR));
    rig.run(400);
    assert!(close(&rig.offered(), &[10_666; 3], 60), "{:?}", rig.offered());
}

/// X3: a limit that jumps every second is never answered with less than the least.
#[test]
fn a_jumping_limit_is_never_answered_with_too_little() {
    let mut rig = Rig::new(site(40, 1), bare());
    rig.plug(0, CAR);
    rig.run(100);
    for limit in [31_000, 5_000, 6_000, 32_000, 32_000, 0, 32_000] {
        rig.site.circuits[0].limit_ma = limit;
        rig.inbox.push((rig.t, Event::Config(Box::new(rig.site.clone()))));
        rig.second();
        let (_, ma) = *rig.limits(0).last().unwrap();
        assert!(ma == 0 || (ma >= 6_000 && ma <= limit), "{ma} under {limit}");
    }
}

/// Four cars at 6 A fit behind 25 A, but not beside what is kept free for a step of the house: three charge, and the
/// fourth gets its turn. What those that charge may stand above the cap is no room to begin in.
#[test]
fn four_cars_that_come_at_once_take_turns_behind_the_margin() {
    let mut rig = Rig::new(site(25, 4), Tuning::default());
    (0..4).for_each(|charger| rig.plug(charger, CAR));
    rig.run(300);
    let served = |rig: &Rig| rig.offered().iter().filter(|ma| **ma >= 6_000).count();
    assert_eq!(served(&rig), 3, "{:?}", rig.offered());
    let mut turns = [0; 4];
    for _ in 0..240 {
        rig.run(15);
        for (turns, ma) in turns.iter_mut().zip(rig.offered()) {
            *turns += u32::from(ma >= 6_000);
        }
    }
    assert!(turns.iter().all(|turns| *turns >= 120), "of 240 looks {turns:?}");
    assert!(rig.most[0] <= 25.0, "{:?}", rig.most);
}

/// One that comes with priority has room made for it, though the others may stand above the cap with their least.
#[test]
fn a_car_that_comes_first_has_room_made_for_it() {
    let mut site = site(25, 4);
    site.chargers[3].priority = 1;
    let mut rig = Rig::new(site, Tuning::default());
    (0..3).for_each(|charger| rig.plug(charger, CAR));
    rig.run(300);
    rig.plug(3, CAR);
    rig.run(120);
    assert!(rig.offered()[3] >= 6_000, "{:?}", rig.offered());
    assert!(rig.most[0] <= 25.0, "{:?}", rig.most);
}
