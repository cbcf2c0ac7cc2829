//! The rules that other people have published for balancing, as small balancers of our own: what to compare with.
//!
//! They follow the published rule, not the product around it: no installation of any product was run for this, and a
//! product may have changed since. None of them leases its limits, so every limit is given for ever, and none sets an
//! offline limit: that is how their chargers are used, and it shows when a link goes down (balancing, section 3.1).
//!
//! Every file names the source that its rule is published in. What is common to all, reading the meter and telling
//! the chargers, is in `seen`.

pub mod ev_load_balancer;
pub mod evcc;
pub mod hass;
pub mod none;
mod seen;
pub mod smartevse;

use super::Balancer;
use hass::Mode;

/// Every rule: its name, and what it does in one sentence.
pub const ALL: [(&str, &str); 8] = [
    ("none", "lets every charger give all it can, and balances nothing"),
    ("evcc", "every 30 s lets a car take what it has plus what the worst line has left"),
    ("evcc-10s", "the same every 10 s"),
    ("smartevse", "with every reading takes away all that is too much, or adds a quarter of what is free"),
    (
        "hass-optimised",
        "lets an overload last for 60, 30, 10 or 1 s, the larger the shorter, then cuts by it",
    ),
    (
        "hass-conservative-old",
        "meant to cut at once; reports what would be left as if it were free, and never cuts",
    ),
    ("hass-conservative", "cuts at once by what is too much, adds after a quarter of an hour"),
    ("ev-load-balancer", "keeps 2 A free, down at once, up after 5 s, pauses after 15 s under 6 A"),
];

/// The rule of that name.
pub fn by_name(name: &str) -> Option<Box<dyn Balancer>> {
    Some(match name {
        "none" => Box::<none::None>::default(),
        "evcc" => Box::new(evcc::Evcc::every(30_000)),
        "evcc-10s" => Box::new(evcc::Evcc::every(10_000)),
        "smartevse" => Box::<smartevse::SmartEvse>::default(),
        "hass-optimised" => Box::new(hass::Hass::new(Mode::Optimised)),
        "hass-conservative-old" => Box::new(hass::Hass::new(Mode::ConservativeOld)),
        "hass-conservative" => Box::new(hass::Hass::new(Mode::Conservative)),
        "ev-load-balancer" => Box::<ev_load_balancer::EvLoadBalancer>::default(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_rule_and_no_other_has() {
        for (name, _) in ALL {
            assert!(by_name(name).is_some(), "{name}");
        }
        assert!(by_name("reference").is_none());
    }
}
