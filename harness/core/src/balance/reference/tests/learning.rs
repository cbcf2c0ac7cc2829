//! What is found out from the way that chargers and meter move: appetites, and wrong wiring.

use super::*;

/// B-66: what a car does not want goes to the others.
#[test]
fn what_a_car_does_not_take_goes_to_the_others() {
    let mut rig = Rig::new(site(40, 2), bare());
    rig.plug(0, Car { max_ma: 10_000, ..CAR });
    rig.plug(1, CAR);
    rig.run(300);
    assert!(rig.lines()[0] >= 39.0, "{:?} {:?}", rig.lines(), rig.offered());
    // It wants more: it is offered more.
    rig.plug(0, CAR);
    rig.run(300);
    assert!(close(&rig.offered(), &[20_000; 2], 600), "{:?}", rig.offered());
}

/// A car that takes 90 % of whatever it is offered has no smaller appetite.
#[test]
fn a_car_that_takes_a_part_is_not_starved() {
    let mut rig = Rig::new(site(25, 1), bare());
    rig.plug(0, Car { gain: 0.87, ..CAR });
    rig.run(1_200);
    assert!(rig.offered()[0] >= 24_000, "{:?}", rig.limits(0));
}

fn signed(rig: &mut Rig, order: [usize; 3], sign: [f64; 3]) -> Option<u64> {
    // The rig's own meter is switched off; this one sits wrong.
    rig.meter_up = false;
    for _ in 0..400 {
        if rig.t.is_multiple_of(10) {
            let lines = rig.lines();
            let seen = [0, 1, 2].map(|phase| sign[phase] * lines[order[phase]]);
            let sample = Sample {
                i_ma: seen.map(|amperes| Some((amperes * 1000.0).round() as i64)),
                u_mv: [Some(230_000); 3],
                p_w: Some((seen.iter().sum::<f64>() * 230.0).round() as i64),
                q_var: None,
                list: 2,
            };
            rig.inbox.push((rig.t + 2, Event::Meter(sample)));
        }
        rig.second();
        let steps = rig.limits(0).len();
        if let Some((t, _)) = rig.alarms().iter().find(|(_, about)| *about == About::Wiring) {
            assert!(steps <= 5, "{steps} limits until it was found");
            return Some(*t);
        }
    }
    None
}

/// B-32: a clamp the wrong way round, or on another phase, is found within three steps of a car of one phase.
#[test]
fn wrong_clamps_are_found() {
    let straight = ([0, 1, 2], [1.0; 3]);
    let cases = [
        straight,
        ([0, 1, 2], [-1.0, 1.0, 1.0]),
        ([0, 1, 2], [-1.0; 3]),
        ([1, 0, 2], [1.0; 3]),
        ([1, 2, 0], [1.0, 1.0, 1.0]),
        ([2, 1, 0], [-1.0, 1.0, -1.0]),
    ];
    for (order, sign) in cases {
        let mut site = site(40, 1);
        site.chargers[0].phases = 1;
        let mut rig = Rig::new(site, Tuning::default());
        rig.house = [4.0, 5.0, 6.0];
        rig.plug(0, CAR);
        let found = signed(&mut rig, order, sign);
        assert_eq!(found.is_some(), (order, sign) != straight, "{order:?} {sign:?}: {:?}", rig.alarms());
        if found.is_some() {
            rig.run(60);
            assert!(rig.offered()[0] <= 6_000, "safe limit: {:?}", rig.offered());
        }
    }
}

/// B-36: the flag says that the meter sees the chargers, and it does not; and the other way round.
#[test]
fn a_wrong_flag_is_found() {
    let mut excluded = site(40, 1);
    excluded.chargers_included = false;
    let mut rig = Rig::new(excluded, Tuning::default());
    rig.plug(0, CAR);
    rig.run(300);
    assert!(rig.alarms().iter().any(|(_, about)| *about == About::Wiring), "{:?}", rig.alarms());

    let mut rig = Rig::new(site(40, 1), Tuning::default());
    rig.plug(0, CAR);
    rig.meter_up = false;
    for _ in 0..300 {
        if rig.t.is_multiple_of(10) {
            let sample = Sample { i_ma: [Some(3_000); 3], p_w: Some(2_070), list: 2, ..Sample::default() };
            rig.inbox.push((rig.t + 2, Event::Meter(sample)));
        }
        rig.second();
    }
    assert!(rig.alarms().iter().any(|(_, about)| *about == About::Wiring), "{:?}", rig.alarms());
}

/// A house that rises makes the cars fall by as much, again and again: the meter shows nothing, and nothing is wrong.
#[test]
fn a_house_that_makes_cars_fall_is_no_wrong_wiring() {
    let mut rig = Rig::new(site(25, 2), Tuning::default());
    (0..2).for_each(|charger| rig.plug(charger, Car { terminals: 1, ..CAR }));
    rig.house = [3.0, 5.0, 4.0];
    for _ in 0..6 {
        rig.run(300);
        rig.house[0] = 14.0;
        rig.run(300);
        rig.house[0] = 3.0;
    }
    assert_eq!(rig.alarms(), []);
}

/// Readings that are known to be placed wrong still bound what may flow: the offline limit of the group is not safe
/// beside every house.
#[test]
fn wrong_readings_are_not_thrown_away() {
    let mut site = site(40, 1);
    site.chargers_included = false;
    let mut rig = Rig::new(site, Tuning::default());
    rig.plug(0, CAR);
    rig.house = [3.0, 5.0, 4.0];
    rig.run(400);
    assert!(rig.alarms().iter().any(|(_, about)| *about == About::Wiring), "{:?}", rig.alarms());
    assert_eq!(rig.offered(), [6_000]);
    rig.house[0] = 36.0;
    rig.run(40);
    assert!(rig.lines()[0] <= 40.0, "{:?} {:?}", rig.lines(), rig.offered());
}

/// Export on one phase of a meter that says magnitudes is no reversed clamp: the power goes the right way.
#[test]
fn export_is_no_wrong_wiring() {
    let mut site = site(40, 1);
    site.chargers[0].phases = 1;
    let mut rig = Rig::new(site, Tuning::default());
    rig.house = [-20.0, 14.0, 14.0];
    rig.plug(0, CAR);
    rig.meter_up = false;
    for _ in 0..400 {
        if rig.t.is_multiple_of(10) {
            let lines = rig.lines();
            let sample = Sample {
                i_ma: lines.map(|amperes| Some((amperes.abs() * 1000.0).round() as i64)),
                u_mv: [Some(230_000); 3],
                p_w: Some((lines.iter().sum::<f64>() * 230.0).round() as i64),
                q_var: None,
                list: 2,
            };
            rig.inbox.push((rig.t + 2, Event::Meter(sample)));
        }
        rig.second();
    }
    assert_eq!(rig.alarms(), []);
}

/// B-24: readings of the secondary and the ratio give what readings of the primary give.
#[test]
fn a_ratio_changes_nothing() {
    let run = |ratio: f64, scale: &str| {
        let mut site = site(100, 3);
        site.scale = crate::site::ratio::Ratio::parse(scale).unwrap().factor();
        let mut rig = Rig::new(site, Tuning::default());
        rig.ratio = ratio;
        rig.house = [40.0, 20.0, 60.0];
        (0..3).for_each(|charger| rig.plug(charger, CAR));
        rig.run(200);
        rig.offered()
    };
    assert!(close(&run(1.0, "1:1"), &run(20.0, "100:5"), 100));
}
