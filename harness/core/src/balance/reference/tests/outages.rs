//! Silence, restarts, and what was installed before.

use super::*;

/// Seconds after the start at which nobody offers more than so much.
fn below(rig: &mut Rig, within: u64, ma: i64) -> bool {
    let until = rig.t + within;
    while rig.t < until {
        rig.second();
        if rig.offered().iter().sum::<i64>() <= ma {
            return true;
        }
    }
    false
}

/// B-53; balancing, section 5d, invariant 6: the meter falls silent, and within a minute the group is at its offline
/// limit.
#[test]
fn without_a_meter_the_group_falls_back() {
    let mut rig = Rig::new(site(40, 3), Tuning::default());
    rig.site.group.max_offline_ma = 18_000;
    (0..3).for_each(|charger| rig.plug(charger, CAR));
    rig.run(300);
    assert!(rig.offered().iter().sum::<i64>() > 35_000, "{:?}", rig.offered());
    rig.meter_up = false;
    assert!(below(&mut rig, 60, 18_000), "{:?}", rig.offered());
    rig.run(300);
    assert!(rig.offered().iter().sum::<i64>() <= 18_000, "{:?}", rig.offered());
    assert!(rig.alarms().iter().any(|(_, about)| *about == About::Meter));
    rig.meter_up = true;
    rig.run(120);
    assert!(rig.offered().iter().sum::<i64>() > 35_000, "{:?}", rig.offered());
}

/// B-61: a charger loses everybody; its lease ends and it falls to its offline limit, which the others leave free.
#[test]
fn a_charger_that_hears_nobody_falls_back_by_itself() {
    let mut rig = Rig::new(site(40, 3), bare());
    (0..3).for_each(|charger| rig.plug(charger, CAR));
    rig.run(300);
    rig.plugs[0].unreachable = true;
    rig.inbox.push((rig.t + 5, Event::Link { what: Link::Charger(0), up: false }));
    rig.run(65);
    assert_eq!(rig.offered()[0], 6_000, "{:?}", rig.offered());
    rig.run(120);
    assert!(close(&rig.offered()[1..], &[17_000; 2], 100), "{:?}", rig.offered());
    assert!(rig.most[0] <= 40.01, "{:?}", rig.most);
    rig.plugs[0].unreachable = false;
    rig.run(120);
    assert!(close(&rig.offered(), &[13_333; 3], 100), "{:?}", rig.offered());
}

/// What an unreachable charger drew before its lease ended is no explanation for what the house draws now.
#[test]
fn a_charger_that_fell_silent_hides_no_step_of_the_house() {
    let mut site = site(25, 2);
    site.group.max_offline_ma = 0;
    let mut rig = Rig::new(site, Tuning::default());
    rig.house = [8.0, 6.0, 4.0];
    rig.plug(0, Car { max_ma: 16_000, ..CAR });
    rig.run(200);
    rig.plugs[0].unreachable = true;
    rig.inbox.push((rig.t + 5, Event::Link { what: Link::Charger(0), up: false }));
    rig.plug(1, CAR);
    rig.run(200);
    assert!(rig.offered()[0] == 0 && rig.offered()[1] >= 14_000, "{:?}", rig.offered());
    rig.house[0] += 9.0;
    rig.run(25);
    assert!(rig.lines()[0] <= 25.0, "{:?}", rig.lines());
}

/// Everything falls silent at once, while the house rises.
#[test]
fn when_everything_is_silent_the_fuse_is_safe() {
    let mut rig = Rig::new(site(25, 3), Tuning::default());
    rig.site.group.max_offline_ma = 6_000;
    rig.inbox[0] = (0, Event::Config(Box::new(rig.site.clone())));
    (0..3).for_each(|charger| rig.plug(charger, Car { max_ma: 16_000, ..CAR }));
    rig.house = [5.0; 3];
    rig.run(300);
    rig.meter_up = false;
    rig.plugs.iter_mut().for_each(|plug| plug.unreachable = true);
    assert!(below(&mut rig, 65, 6_000), "{:?}", rig.offered());
}

/// The offline limit comes before the first limit above 0, and is confirmed.
#[test]
fn an_offline_limit_is_installed_before_anything_is_drawn() {
    let mut rig = Rig::new(site(25, 2), Tuning::default());
    (0..2).for_each(|charger| rig.plug(charger, CAR));
    rig.run(120);
    for charger in 0..2 {
        let offline = |command: &Command| matches!(command, Command::Offline { id, .. } if *id == charger);
        let allowed = |command: &Command| matches!(command, Command::Limit { id, current_ma, .. } if *id == charger && *current_ma > 0);
        let first =
            |wanted: &dyn Fn(&Command) -> bool| rig.said.iter().position(|(_, command)| wanted(command));
        let (installed, drawn) = (first(&offline).unwrap(), first(&allowed).unwrap());
        assert!(installed < drawn, "{:?}", &rig.said[..=drawn]);
        assert!(rig.said[drawn].0 >= rig.said[installed].0 + 3, "not confirmed before");
    }
}

/// What nobody set is shared out so that it is safe together; what somebody set too high is lowered, and said.
#[test]
fn offline_limits_fit_together() {
    let mut site = site(25, 3);
    site.group.max_offline_ma = 13_000;
    site.chargers[0].offline_ma = Some(32_000);
    let mut rig = Rig::new(site, Tuning::default());
    rig.run(60);
    let limits: Vec<i64> = rig.plugs.iter().map(|plug| plug.offline.unwrap()).collect();
    assert_eq!(limits, [6_500, 6_500, 0]);
    assert!(rig.alarms().iter().any(|(_, about)| *about == About::Settings));
}

/// easee: after a restart a charger offers 40 A; it is told again within 10 s.
#[test]
fn a_restart_is_answered() {
    let mut rig = Rig::new(site(25, 1), Tuning::default());
    rig.plug(0, CAR);
    rig.house = [8.0; 3];
    rig.run(300);
    let before = rig.offered()[0];
    let plug = &mut rig.plugs[0];
    (plug.boots, plug.limit_ma, plug.until) = (2, 40_000, u64::MAX);
    rig.run(10);
    assert!(rig.offered()[0] <= before, "{:?}", rig.offered());
}

/// B-27: nothing is said for two minutes, and then that nothing was ever heard.
#[test]
fn a_dongle_has_two_minutes_to_start() {
    let mut rig = Rig::new(site(25, 1), Tuning::default());
    rig.meter_up = false;
    rig.plug(0, CAR);
    rig.run(119);
    assert_eq!(rig.alarms(), []);
    assert!(rig.limits(0).iter().all(|(_, ma)| *ma == 0), "{:?}", rig.limits(0));
    rig.run(5);
    assert_eq!(rig.alarms(), [(120, About::Meter)]);
    // It is told nothing more, and falls to its offline limit by itself.
    rig.run(120);
    assert!(rig.limits(0).iter().all(|(_, ma)| *ma == 0), "{:?}", rig.limits(0));
    assert_eq!(rig.offered(), [6_000]);
}

/// Balancing, section 5d, invariant 5: whatever happens, nothing is raised on an old reading.
#[test]
fn nothing_rises_on_an_old_reading() {
    let mut rig = Rig::new(site(40, 2), Tuning::default());
    rig.plug(0, CAR);
    rig.run(45);
    rig.meter_up = false;
    let silent = rig.t;
    rig.run(20);
    rig.plug(1, CAR);
    rig.run(300);
    for charger in 0..2 {
        for pair in rig.limits(charger).windows(2) {
            assert!(pair[1].0 < silent + 17 || pair[1].1 < pair[0].1, "{:?}", rig.limits(charger));
        }
    }
}

/// B-50: a link that is up for 20 s and down for 20 s moves nothing.
#[test]
fn a_flapping_link_moves_nothing() {
    let mut rig = Rig::new(site(25, 1), Tuning::default());
    rig.house = [5.0; 3];
    rig.plug(0, CAR);
    rig.run(200);
    let (before, offered) = (rig.limits(0).len(), rig.offered());
    for _ in 0..30 {
        rig.meter_up = !rig.meter_up;
        rig.run(20);
    }
    assert_eq!((rig.limits(0).len(), rig.offered()), (before, offered));
}
