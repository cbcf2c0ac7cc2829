//! `balance.fallback`, `balance.unmanaged`, `balance.recovery`.

use crate::house::*;
use hanbench_core::balance::{Balancer, Command, Event};

/// Keeps the lease of 16 A alive as long as it lives, whatever the meter says; `offline_ma` first.
fn stubborn(offline_ma: Option<i64>, ttl_ms: u64) -> impl Balancer {
    Does(move |t_ms, _: &[Event], commands: &mut Vec<Command>| {
        if t_ms == 0 {
            commands.extend(offline_ma.map(|current_ma| Command::Offline { id: 0, current_ma, phase: None }));
        }
        if t_ms >= 20_000 && t_ms % 10_000 == 0 {
            commands.push(Command::Limit { id: 0, current_ma: 16_000, phases: 3, ttl_ms });
        }
    })
}

/// The same, but it goes to 6 A when no reading has come for 20 s.
fn careful() -> impl Balancer {
    let mut heard = None;
    Does(move |t_ms, events: &[Event], commands: &mut Vec<Command>| {
        let currents = |event: &Event| matches!(event, Event::Meter(sample) if sample.i_ma[0].is_some());
        if events.iter().any(currents) {
            heard = Some(t_ms);
        }
        if t_ms % 1_000 == 0 {
            let fresh = heard.is_some_and(|heard| t_ms < heard + 20_000);
            commands.push(limit(0, if fresh { 16_000 } else { 6_000 }));
        }
    })
}

fn event(what: &str, for_s: u64) -> String {
    house(&format!("[[event]]\nat_s = 1000\nwhat = \"{what}\"\nfor_s = {for_s}\n"))
}

/// evcc-io/evcc#14248: the meter is lost and the car keeps 3 × 16 A.
#[test]
fn without_readings_cars_are_down_to_the_offline_limit_in_a_minute() {
    let text = event("meter-down", 600);
    fails(
        &judged(&text, stubborn(Some(6_000), 60_000)),
        "balance.fallback",
        &["cars draw 16.0 A on one line, expected at most 6.0 A offline: the last reading came at 9"],
    );
    passes(&judged(&text, careful()), "balance.fallback", &["1 outage"]);
    passes(&judged(&event("dongle-off", 600), careful()), "balance.fallback", &["1 outage"]);
    idle(
        &judged(&event("meter-down", 30), stubborn(Some(6_000), 60_000)),
        "balance.fallback",
        &["no outage"],
    );
}

#[test]
fn a_dongle_that_never_speaks_is_an_outage_too() {
    let text = house("[[event]]\nat_s = 0\nwhat = \"dongle-off\"\n");
    fails(&judged(&text, stubborn(None, 60_000)), "balance.fallback", &["no reading has ever come"]);
}

/// nordicopen/easee_hass#663: the balancer dies; what its lease leaves counts.
#[test]
fn a_dead_balancer_has_left_something_safe() {
    let text = event("balancer-dead", 600);
    passes(&judged(&text, stubborn(Some(6_000), 60_000)), "balance.fallback", &["1 outage"]);
    fails(&judged(&text, stubborn(Some(6_000), 600_000)), "balance.fallback", &["cars draw 16.0 A"]);
}

#[test]
fn a_charger_that_hears_nobody_holds_its_offline_limit() {
    let text = event("charger-down\"\ncharger = \"cp1", 600);
    passes(&judged(&text, stubborn(Some(6_000), 60_000)), "balance.fallback", &["1 outage"]);
    // A charger that takes longer than its lease lasts, and a balancer that gives it one of an hour.
    let slow = text.replace("offline_a = 6", "offline_a = 6\noffline_after_s = 300");
    fails(
        &judged(&slow, stubborn(None, 3_600_000)),
        "balance.fallback",
        &["the car at cp1 draws 16.0 A, expected at most 6.0 A: it hears nobody since 1000 s"],
    );
    let cloud = event("cloud-down", 600);
    passes(&judged(&cloud, stubborn(Some(6_000), 60_000)), "balance.fallback", &["2 outages"]);
}

#[test]
fn nobody_charges_without_somebody_who_answers_for_it() {
    let text = HOUSE.replace("offline_a = 6\n", "");
    let short = Does(|t_ms, _: &[Event], commands: &mut Vec<Command>| {
        if t_ms == 20_000 {
            commands.push(limit(0, 10_000));
        }
    });
    fails(
        &judged(&text, short),
        "balance.unmanaged",
        &["cp1 charges from 8", "for 35", "with neither a lease nor an offline limit"],
    );
    passes(&judged(&text, stubborn(None, 60_000)), "balance.unmanaged", &["every charger that charged"]);
    // The same with an offline limit that stands.
    passes(&judged(HOUSE, Does(|_, _: &[Event], _: &mut Vec<Command>| {})), "balance.unmanaged", &[]);
    let empty = text.replace("[[car]]\ncharger = \"cp1\"\n", "");
    idle(&judged(&empty, stubborn(None, 60_000)), "balance.unmanaged", &["nothing charged"]);
}

/// An Easee that restarts has a limit of 40 A that nobody answers for, until it is told again.
#[test]
fn a_limit_that_a_restart_leaves_is_nobodys() {
    let text = house("[[event]]\nat_s = 1000\nwhat = \"reboot\"\ncharger = \"cp1\"\n");
    let text = text.replace("offline_a = 6", "offline_a = 6\nresets_to_a = 40");
    let until = |end_ms: u64| {
        Does(move |t_ms, _: &[Event], commands: &mut Vec<Command>| {
            if t_ms < end_ms && t_ms % 10_000 == 0 {
                commands.push(limit(0, 6_000));
            }
        })
    };
    fails(&judged(&text, until(1_000_000)), "balance.unmanaged", &["cp1 charges from 102"]);
    passes(&judged(&text, until(3_600_000)), "balance.unmanaged", &[]);
}

/// nordicopen/easee_hass#520: stuck at the fall-back after a short outage.
#[test]
fn after_an_outage_everything_is_as_before() {
    let text = event("meter-down", 300);
    passes(&judged(&text, careful()), "balance.recovery", &["1 return"]);
    let mut careful = careful();
    let stuck = Does(move |t_ms, events: &[Event], commands: &mut Vec<Command>| {
        careful.answer(t_ms, events, commands).unwrap();
        if t_ms > 1_100_000 {
            commands.clear();
            commands.push(limit(0, 6_000));
        }
    });
    fails(
        &judged(&text, stuck),
        "balance.recovery",
        &["everything works again since 1300 s", "cars are given 6.0 A in sum, before it was 16.0 A"],
    );
    // With more in the house it need not be as before.
    let more = format!("{text}[[load]]\nat = \"L1\"\na = 0\nsteps = [[1200, 3]]\n");
    idle(&judged(&more, always(16_000)), "balance.recovery", &["no outage ended"]);
}
