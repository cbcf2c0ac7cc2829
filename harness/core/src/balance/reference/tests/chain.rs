//! House and cars behind one fuse: first limits, other phases, steps, cars that take too much.

use super::*;

/// evcc#26380: 10 A, the house has 3.2 A of them.
#[test]
fn the_first_limit_knows_what_the_house_draws() {
    let mut rig = Rig::new(site(10, 1), bare());
    rig.house = [3.2; 3];
    rig.plug(0, CAR);
    rig.run(200);
    let first = rig.limits(0).iter().find(|(_, ma)| *ma > 0).copied();
    assert!(first.is_some_and(|(t, ma)| ma <= 6_800 && t <= 60), "{first:?}");
    assert!(close(&rig.offered(), &[6_800], 50), "{:?}", rig.offered());
    assert!(rig.most[0] <= 10.0, "{:?}", rig.most);
}

/// X14: 25 A with a margin of 2 A and 18.3/12.1/15.7 A, 10 A of which are the car's.
#[test]
fn the_own_current_is_no_load_of_the_house() {
    let mut rig = Rig::new(site(25, 1), Tuning { margin_ma: Some(2_000), ..Tuning::default() });
    rig.house = [8.3, 2.1, 5.7];
    rig.plug(0, CAR);
    rig.run(300);
    assert!(close(&rig.offered(), &[14_700], 50), "{:?}", rig.offered());
}

/// evcc#29532: the house overloads L3; a car on L1 has nothing to do with it, and people are told.
#[test]
fn another_phase_is_no_reason_to_pause() {
    let mut site = site(25, 1);
    (site.chargers[0].phases, site.chargers[0].max_ma) = (1, 16_000);
    let mut rig = Rig::new(site, Tuning::default());
    rig.house = [5.0, 5.0, 5.0];
    rig.plug(0, CAR);
    rig.run(200);
    rig.house[2] = 27.9;
    rig.run(200);
    assert!(rig.offered()[0] >= 10_000, "{:?}", rig.offered());
    assert!(rig.alarms().iter().any(|(_, about)| *about == About::Overload), "{:?}", rig.alarms());
}

/// Rotated chargers: each line is kept by the car that is on it (field bug P10).
#[test]
fn every_order_of_the_phases_is_booked_where_it_flows() {
    for order in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
        let mut site = site(25, 1);
        (site.chargers[0].phases, site.chargers[0].order) = (1, order);
        let mut rig = Rig::new(site, bare());
        rig.house = [5.0, 9.0, 13.0];
        rig.plug(0, CAR);
        rig.run(200);
        let line = usize::from(order[0]) - 1;
        let should = 25_000 - (rig.house[line] * 1000.0) as i64;
        assert!(close(&rig.offered(), &[should], 50), "{order:?}: {:?}", rig.offered());
    }
}

/// A step of the house is followed down with the next reading, and up again slowly.
#[test]
fn a_step_of_the_house_is_followed() {
    let mut rig = Rig::new(site(40, 1), Tuning { margin_ma: Some(1_600), ..Tuning::default() });
    rig.house = [8.0, 6.0, 4.0];
    rig.plug(0, CAR);
    rig.run(205);
    assert!(close(&rig.offered(), &[30_400], 100), "{:?}", rig.offered());
    rig.house[0] += 14.0;
    rig.run(20);
    assert!(rig.offered()[0] <= 16_400, "{:?}", rig.offered());
    rig.house[0] -= 14.0;
    rig.run(10);
    assert!(rig.offered()[0] <= 16_400, "{:?}", rig.offered());
    rig.run(150);
    assert!(close(&rig.offered(), &[30_400], 300), "{:?}", rig.offered());
}

/// han-step-25A with power every 2.5 s: nobody waits for the currents.
#[test]
fn a_jump_of_power_is_followed_at_once() {
    let mut rig = Rig::new(site(25, 1), Tuning::default());
    rig.fast = true;
    rig.house = [8.0, 6.0, 4.0];
    rig.plug(0, Car { max_ma: 16_000, ..CAR });
    rig.run(311);
    let before = rig.offered()[0];
    assert!(before >= 14_000, "{before}");
    rig.house[0] += 14.0;
    rig.run(8);
    assert!(rig.offered()[0] < before - 5_000, "{:?}", rig.offered());
}

/// A Zoe takes 7.5 % more than it is offered: that is a load of the house, and no reason to hunt (field bug B10).
#[test]
fn a_car_that_takes_too_much_does_not_make_the_limit_hunt() {
    let mut site = site(25, 1);
    site.chargers[0].step_ma = 1_000;
    let mut rig = Rig::new(site, Tuning::default());
    rig.house = [5.37, 2.0, 2.0];
    rig.plug(0, Car { gain: 1.075, ..CAR });
    rig.run(300);
    let until = rig.limits(0).len();
    rig.run(900);
    assert!(rig.limits(0).len() <= until + 2, "{:?}", rig.limits(0));
    assert!(rig.lines()[0] <= 25.0 && rig.offered()[0] >= 14_000, "{:?} {:?}", rig.lines(), rig.offered());
}

/// A house that moves by tenths all the time does not wear out the contactor or the car.
#[test]
fn small_changes_are_left_alone() {
    let mut rig = Rig::new(site(25, 2), Tuning::default());
    (0..2).for_each(|charger| rig.plug(charger, CAR));
    rig.run(300);
    let before = rig.limits(0).len();
    for minute in 0..60 {
        rig.house = [4.0 + f64::from(minute * 7 % 4) * 0.1, 3.0, 3.0];
        rig.run(60);
    }
    assert!(rig.limits(0).len() - before <= 20, "{} changes in an hour", rig.limits(0).len() - before);
}

/// B-63: one that ignores the group is a load of the house; the rest shrinks, and people are told.
#[test]
fn a_charger_that_ignores_the_group_is_counted() {
    let mut rig = Rig::new(site(40, 2), Tuning::default());
    (0..2).for_each(|charger| rig.plug(charger, Car { max_ma: 25_000, ..CAR }));
    rig.run(200);
    rig.plugs[0].deaf = true;
    (rig.plugs[0].limit_ma, rig.plugs[0].until) = (25_000, u64::MAX);
    rig.run(120);
    assert!(rig.lines()[0] <= 40.0, "{:?} {:?}", rig.lines(), rig.offered());
    assert!(rig.alarms().iter().any(|(_, about)| *about == About::Charger), "{:?}", rig.alarms());
}

/// Field bug B9: a report that comes later than the reading does not make a car a load of the house.
#[test]
fn a_late_report_does_not_stop_a_car() {
    let mut rig = Rig::new(site(20, 1), Tuning::default());
    rig.house = [6.0; 3];
    rig.plug(0, CAR);
    rig.run(600);
    let starts = rig.limits(0).iter().filter(|(_, ma)| *ma > 0).count();
    let stops = rig.limits(0).iter().skip(1).filter(|(_, ma)| *ma == 0).count();
    assert!(stops == 0 && starts <= 6, "{:?}", rig.limits(0));
}
