//! IT and TT through the whole chain: what lies between lines adds as phasors, and L2 is not forgotten.

use super::*;

fn between(supply_a: i64, chargers: usize) -> Site {
    Site { grid: Grid::It3, ..site(supply_a, chargers) }
}

/// it-63-skew: branches of 20, 10 and 5 A, then cars of one phase one after the other between L3 and L1.
#[test]
fn cars_between_lines_fill_the_fuse_and_no_more() {
    let mut site = between(63, 3);
    for charger in &mut site.chargers {
        (charger.phases, charger.order) = (1, [3, 1, 2]);
    }
    let mut rig = Rig::new(site, bare());
    rig.house = [20.0, 10.0, 5.0];
    rig.plug(0, Car { max_ma: 16_000, ..CAR });
    rig.run(120);
    let [one, two, three] = rig.lines();
    assert!(
        (one - 35.51).abs() < 0.1 && (two - 26.46).abs() < 0.1 && (three - 27.40).abs() < 0.1,
        "{:?}",
        rig.lines()
    );
    rig.plug(1, CAR);
    rig.plug(2, CAR);
    rig.run(300);
    // All on the branch from L3 to L1: √(20² + x² + 20·x) = 63 holds x at 50.6 A, 5 A of which are the house's.
    let cars: i64 = rig.offered().iter().sum();
    assert!((cars - 45_590).abs() < 460, "{cars} in all, {:?}", rig.lines());
    assert!(rig.most[0] <= 63.1, "{:?}", rig.most);
}

/// Field bug B22: 7.4 kW between L1 and L2 and 5 kW between L2 and L3 are 46.8 A in L2, which the meter does not send.
#[test]
fn a_line_that_is_not_sent_is_not_overloaded() {
    for hides_q in [false, true] {
        let mut site = between(40, 1);
        (site.chargers[0].phases, site.chargers[0].order) = (1, [1, 2, 3]);
        let mut rig = Rig::new(site.clone(), Tuning::default());
        (rig.hides_l2, rig.hides_q) = (true, hides_q);
        rig.house = [0.0, 5_000.0 / 230.0, 0.0];
        rig.plug(0, CAR);
        rig.run(400);
        assert!(rig.lines()[1] <= 40.0, "{:?} without Q: {hides_q}", rig.lines());
        assert!(rig.offered()[0] >= 8_000, "{:?} without Q: {hides_q}", rig.offered());
    }
}

/// Without reactive power the places that are left are all kept below the fuse.
#[test]
fn unknown_angles_are_bounded() {
    let mut rig = Rig::new(between(40, 2), Tuning::default());
    rig.hides_q = true;
    rig.house = [10.0, 3.0, 6.0];
    (0..2).for_each(|charger| rig.plug(charger, Car { terminals: 1, ..CAR }));
    rig.run(400);
    assert!(rig.lines().iter().all(|amperes| *amperes <= 40.0), "{:?}", rig.lines());
    assert!(rig.offered().iter().all(|ma| *ma >= 6_000), "{:?}", rig.offered());
}
