//! The checks on a load balancer in the closed loop.

use super::{CheckSpec, Rule};

const fn check(id: &'static str, purpose: &'static str, source: &'static str) -> CheckSpec {
    super::check(id, "balance", Rule::Loop, purpose, source)
}

/// All checks on the closed loop, in the order of the reports.
pub const BALANCE: &[CheckSpec] = &[
    check(
        "balance.protocol",
        "The balancer answers every batch once, in time, with commands that can be read.",
        "contract, section 4",
    ),
    check(
        "balance.expected",
        "What the scenario expects beyond the checks comes true.",
        "the scenario file, its tables [[expect]]",
    ),
    check(
        "balance.fuse",
        "No fuse blows that the house alone would not have blown.",
        "balancing, section 5d, invariant 1; B-18, B-61",
    ),
    check(
        "balance.overload",
        "While cars take more than their minimum, no line stays overloaded longer than news and cars need.",
        "balancing, section 5d, invariant 2; B-06, B-65; field bugs B1, B2 and B22",
    ),
    check(
        "balance.feasible",
        "What is commanded fits, beside what the house is known to draw, in every line of every circuit.",
        "balancing, section 5d, invariant 3; B-02, B-06, B-18; field bug B7",
    ),
    check(
        "balance.range",
        "A limit is 0, or between the least and the most that charger and cable offer, in whole steps.",
        "balancing, section 5d, invariant 4; B-54, B-66; field bugs B5 and B10",
    ),
    check(
        "balance.stale",
        "Nothing is raised while the newest reading is older than 15 s.",
        "balancing, section 5d, invariant 5; field bug B1",
    ),
    check(
        "balance.fallback",
        "Within 60 s of the last reading all cars, and of the last contact each car, are down to the offline limit.",
        "balancing, section 5d, invariant 6; B-53, B-57, B-61; field bugs B1 and B12",
    ),
    check(
        "balance.unmanaged",
        "No car charges for more than 60 s with neither a lease nor a standing offline limit.",
        "balancing, section 5d, invariant 7; field bug B12",
    ),
    check(
        "balance.alive",
        "A car that waits while there is room for it gets its turn.",
        "balancing, section 5d, invariant 8; B-16; KEBA M20 configuration manual, section 9.1",
    ),
    check(
        "balance.wear",
        "Contactors close at most 6 times an hour, and limits do not hunt in steady load.",
        "balancing, section 5d, invariant 9; field bugs B4, B9 and B10",
    ),
    check(
        "balance.accounting",
        "The energy of the sessions adds up to the energy given.",
        "balancing, section 5d, invariant 10; B-11, B-64",
    ),
    check(
        "balance.gap",
        "Two minutes after the last change no more could be given to any car without taking from another.",
        "balancing, section 5d, Metrics; B-16, B-65, B-66",
    ),
    check(
        "balance.fair",
        "Cars that differ in nothing are given the same.",
        "balancing, section 5d, Metrics",
    ),
    check(
        "balance.energy",
        "Cars get most of the energy that somebody who knows the future could have given them.",
        "balancing, section 5d, Metrics",
    ),
    check(
        "balance.recovery",
        "Two minutes after an outage everything is given again as before.",
        "balancing, section 5d, Metrics; field bug B13",
    ),
    check(
        "balance.metamorphic",
        "What must not matter does not, and more load or a larger limit matters in one direction only.",
        "balancing, section 5d, invariant 11",
    ),
    check(
        "balance.deterministic",
        "The same scenario, seed and balancer give the same trace again.",
        "balancing, section 5d, invariant 12",
    ),
];
