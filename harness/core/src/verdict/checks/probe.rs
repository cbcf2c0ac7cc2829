//! The checks on a debug probe and the chip at its end.

use super::{CheckSpec, Rule};

const fn check(id: &'static str, purpose: &'static str, source: &'static str) -> CheckSpec {
    super::check(id, "probe", Rule::Probe, purpose, source)
}

/// All checks on a probe, in the order they are done.
pub const PROBE: &[CheckSpec] = &[
    check(
        "probe.attach",
        "The probe of the rig file reaches the chip of the rig file within its deadline, and it is that chip.",
        "docs/debug-probes.md; ADIv5 and ARMv7-M: DPIDR, CPUID and the ROM table",
    ),
    check(
        "probe.flash.written",
        "The image of the rig file is in the chip, every byte read back; where a signature is demanded, it was checked first.",
        "docs/debug-probes.md",
    ),
    check(
        "probe.flash.kept",
        "An image that is in the chip already is not written again, which wears flash out and takes time.",
        "docs/debug-probes.md",
    ),
    check(
        "probe.reset",
        "After a reset the firmware starts anew and offers its RTT channels.",
        "docs/debug-probes.md",
    ),
    check(
        "probe.rtt",
        "A whole line of the firmware arrives over RTT while the core runs.",
        "contract, section 3",
    ),
    check(
        "probe.ram",
        "What is written into RAM by the name of a symbol is read back, while the core runs.",
        "docs/debug-probes.md",
    ),
];
