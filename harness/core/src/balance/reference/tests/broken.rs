//! Every mutation changes what the chain does, in a way that can be seen from outside.

use super::*;

/// True when something went wrong.
fn shows(mutation: Option<Mutation>, of: Mutation) -> bool {
    let start = |site: Site, tuning: Tuning| match mutation {
        None => Rig::new(site, tuning),
        Some(mutation) => Rig::broken(site, tuning, mutation),
    };
    let over =
        |rig: &Rig| rig.lines().iter().any(|line| *line * 1000.0 > rig.site.supply_max_ma as f64 + 50.0);
    match of {
        Mutation::RaisesOnStale => {
            let mut rig = start(site(40, 1), Tuning::default());
            rig.plug(0, CAR);
            rig.run(45);
            rig.meter_up = false;
            let silent = rig.t;
            rig.run(100);
            rig.limits(0).windows(2).any(|pair| pair[1].0 > silent + 17 && pair[1].1 > pair[0].1)
        }
        Mutation::WrongPhaseOrder => {
            let mut site = site(25, 1);
            (site.chargers[0].phases, site.chargers[0].order) = (1, [3, 1, 2]);
            let mut rig = start(site, Tuning::default());
            rig.house = [2.0, 2.0, 20.0];
            rig.plug(0, CAR);
            rig.run(60);
            over(&rig)
        }
        Mutation::ForgetsScale => {
            let mut site = site(100, 4);
            site.scale = crate::site::ratio::Ratio::parse("100:5").unwrap().factor();
            let mut rig = start(site, Tuning::default());
            (rig.ratio, rig.house) = (20.0, [80.0; 3]);
            (0..4).for_each(|charger| rig.plug(charger, CAR));
            rig.run(60);
            over(&rig)
        }
        Mutation::IgnoresOfflineLimits => {
            let mut rig = start(site(25, 1), Tuning::default());
            rig.plug(0, CAR);
            rig.run(120);
            let installed = rig.plugs[0].offline.is_some();
            rig.meter_up = false;
            rig.run(65);
            !installed || rig.offered()[0] > 6_000
        }
        Mutation::SumsPhases => {
            let mut rig = start(site(25, 1), Tuning::default());
            rig.house = [18.0, 2.0, 2.0];
            rig.plug(0, CAR);
            rig.run(200);
            over(&rig)
        }
        Mutation::UnsignedExport => {
            let mut site = site(25, 1);
            site.signed = false;
            let mut rig = start(site, Tuning::default());
            (rig.unsigned, rig.house) = (true, [10.0, -60.0, -50.0]);
            rig.plug(0, CAR);
            rig.run(600);
            over(&rig)
        }
        Mutation::HysteresisTriples => {
            let mut site = site(32, 3);
            for (line, charger) in site.chargers.iter_mut().enumerate() {
                charger.switches = true;
                charger.order = [[1, 2, 3], [2, 3, 1], [3, 1, 2]][line];
            }
            let mut rig = start(site, Tuning { switch_below_ma: 15_000, ..bare() });
            rig.switch_s = 40;
            (0..3).for_each(|charger| rig.plug(charger, CAR));
            rig.run(400);
            rig.most.iter().any(|most| *most > 32.1)
        }
        Mutation::NeverRotates => {
            let mut rig = start(site(15, 3), bare());
            (0..3).for_each(|charger| rig.plug(charger, CAR));
            rig.run(1_200);
            (0..3).any(|charger| rig.limits(charger).iter().all(|(_, ma)| *ma == 0))
        }
        Mutation::EndlessLease => {
            let mut rig = start(site(25, 1), Tuning::default());
            rig.plug(0, CAR);
            rig.run(120);
            rig.plugs[0].unreachable = true;
            rig.run(70);
            rig.offered()[0] > 6_000
        }
        Mutation::IgnoresCircuits => {
            let mut site = site(63, 2);
            site.circuits.push(Circuit { name: "garage".into(), parent: Some(0), limit_ma: 20_000 });
            site.chargers.iter_mut().for_each(|charger| charger.circuit = 1);
            let mut rig = start(site, Tuning::default());
            (0..2).for_each(|charger| rig.plug(charger, CAR));
            rig.run(120);
            rig.offered().iter().sum::<i64>() > 20_000
        }
        Mutation::FirstIgnoresBase => {
            let mut rig = start(site(20, 1), Tuning::default());
            rig.house = [8.0; 3];
            rig.plug(0, CAR);
            rig.run(60);
            rig.most[0] > 20.0
        }
        Mutation::CountsTwice => {
            let mut rig = start(site(25, 1), Tuning::default());
            rig.house = [5.0; 3];
            rig.plug(0, CAR);
            rig.run(300);
            rig.offered()[0] < 15_000
        }
        Mutation::ScalarIt => {
            let mut site = Site { grid: Grid::It3, ..site(40, 1) };
            (site.chargers[0].phases, site.chargers[0].order) = (1, [1, 2, 3]);
            let mut rig = start(site, Tuning::default());
            (rig.hides_l2, rig.house) = (true, [0.0, 5_000.0 / 230.0, 0.0]);
            rig.plug(0, CAR);
            rig.run(400);
            over(&rig)
        }
        Mutation::BudgetInUtc => {
            // Noon in Oslo is eleven in Greenwich.
            let mut site = site(25, 1);
            site.utc_ms = 1_768_474_200_000;
            site.budgets = vec![Budget { from_min: 720, to_min: 780, limit_ma: Some(10_000), limit_w: None }];
            let mut rig = start(site, Tuning::default());
            rig.plug(0, CAR);
            rig.run(2_400);
            rig.offered()[0] > 10_000
        }
        Mutation::ForgetsReboots => {
            // A renewed lease would put it right by chance; that must not be what is relied on.
            (0..20).any(|later| {
                let mut rig = start(site(25, 1), Tuning::default());
                rig.house = [8.0; 3];
                rig.plug(0, CAR);
                rig.run(300 + later);
                let plug = &mut rig.plugs[0];
                (plug.boots, plug.limit_ma, plug.until) = (2, 40_000, u64::MAX);
                rig.run(10);
                over(&rig)
            })
        }
    }
}

#[test]
fn every_mutation_shows_and_the_reference_does_not() {
    for mutation in Mutation::ALL {
        assert!(!shows(None, mutation), "{} in the reference", mutation.name());
        assert!(shows(Some(mutation), mutation), "{} is not seen", mutation.name());
    }
}
