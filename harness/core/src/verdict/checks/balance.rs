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
];
