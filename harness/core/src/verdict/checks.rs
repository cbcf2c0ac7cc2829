//! Every check: its stable id, what it is for, where it comes from, and which rule judges it.
//!
//! An id is never reused and never changes its meaning. Whether a check can be carried out on a trial is decided
//! by [`super::judge`]; which stimulus is made for which check, by [`super::stimulus`].

mod balance;
mod probe;

pub use balance::BALANCE;
pub use probe::PROBE;

use super::trial::DamageKind;

/// One check of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckSpec {
    /// Stable id.
    pub id: &'static str,
    /// The suite it is run in first (a stimulus of another suite may carry it too).
    pub suite: &'static str,
    /// How it is judged. There is no check without a rule.
    pub(super) rule: Rule,
    /// What a PASS shows, in one sentence.
    pub purpose: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
}

const fn check(
    id: &'static str,
    suite: &'static str,
    rule: Rule,
    purpose: &'static str,
    source: &'static str,
) -> CheckSpec {
    CheckSpec { id, suite, rule, purpose, source }
}

/// The rules, one for each check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rule {
    /// Decided before anything is played; no trial carries it.
    Reviewed,
    /// Judged by [`super::ct`], on waveforms.
    Clamps,
    /// Judged by [`super::balance`], on a closed loop.
    Loop,
    /// Judged by [`super::probe`], on the steps done with a debug probe.
    Probe,
    Answers,
    Alive,
    Once,
    InTime,
    Explained,
    Fresh,
    /// Claims compared with their telegrams, field by field.
    Fields(FieldRule),
    /// Telegrams that are damaged in this way produce no claim.
    Refused(DamageKind),
    /// Every telegram that it is about is claimed, in time.
    Claimed(Concern),
    Latency,
    /// What is claimed for the L2 that a three-wire meter leaves out.
    L2(L2Rule),
    /// What is claimed behind current transformers.
    Scaling(ScalingRule),
}

/// The rules on current transformers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ScalingRule {
    Current,
    Power,
    Energy,
    Alike,
    Metamorphic,
    RuntimeChange,
    FuseRule,
}

/// The rules on a missing L2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum L2Rule {
    Bound,
    Candidate,
    Overload,
    Interval,
    Marked,
    Method,
}

/// The rules on fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FieldRule {
    Form,
    Value,
    Complete,
    Absent,
    Time,
    Text,
    Scale,
}

/// Which telegrams of a stimulus a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Concern {
    /// Those behind damage or noise.
    Resync,
    SharedFlag,
    InnerFlag,
    Segmentation,
    /// Those with a pause inside.
    GapBridged,
    /// Those behind a silence.
    SilenceEndsFrame,
}

/// All checks on claims, in the order of the reports. Those on the closed loop are in [`BALANCE`],
/// those on a debug probe in [`PROBE`].
pub const CHECKS: &[CheckSpec] = &[
    check(
        "bench.expectation.reviewed",
        "decode",
        Rule::Reviewed,
        "A person has reviewed the readings that claims are compared with.",
        "contract, section 6",
    ),
    check(
        "han.claim.answers",
        "decode",
        Rule::Answers,
        "The dongle claims anything at all when intact telegrams are sent.",
        "basic interconnection test, ISO/IEC 9646",
    ),
    check(
        "han.dut.alive",
        "decode",
        Rule::Alive,
        "The dongle does not end by itself while telegrams are sent.",
        "contract, section 3",
    ),
    check(
        "han.claim.once",
        "decode",
        Rule::Once,
        "Every intact telegram is claimed exactly once, in the order sent.",
        "contract, section 3",
    ),
    check(
        "han.claim.in-time",
        "decode",
        Rule::InTime,
        "Every claim comes within the time the rig file allows after the last byte of its telegram.",
        "contract, section 3",
    ),
    check(
        "han.claim.explained",
        "decode",
        Rule::Explained,
        "Nothing is claimed that no telegram explains.",
        "contract, section 3; field bug H4",
    ),
    check(
        "han.claim.fresh",
        "decode",
        Rule::Fresh,
        "An earlier reading is never claimed again as if it were new.",
        "contract, section 3; field bug E6",
    ),
    check(
        "han.claim.form",
        "decode",
        Rule::Fields(FieldRule::Form),
        "Numbers are claimed as JSON numbers, texts and times as strings.",
        "contract, section 3",
    ),
    check(
        "han.field.value",
        "decode",
        Rule::Fields(FieldRule::Value),
        "Every claimed number equals the number sent, to the last digit.",
        "contract, sections 2 and 3; field bugs S1 and S11",
    ),
    check(
        "han.field.complete",
        "decode",
        Rule::Fields(FieldRule::Complete),
        "Every field that a telegram carries is claimed, but for those the rig file lists under omits.",
        "contract, section 3; field bugs D1 and L6",
    ),
    check(
        "han.field.absent",
        "decode",
        Rule::Fields(FieldRule::Absent),
        "What the meter did not send is absent or null, or an estimate inside the interval physics allows.",
        "contract, sections 2 and 3; field bugs D8, P4 and P5",
    ),
    check(
        "han.field.time",
        "decode",
        Rule::Fields(FieldRule::Time),
        "Claimed times are the digits as sent, with the offset as sent.",
        "contract, sections 2 and 3; field bugs C1 to C3",
    ),
    check(
        "han.field.text",
        "decode",
        Rule::Fields(FieldRule::Text),
        "Claimed meter ids, types and list ids equal those sent, without padding.",
        "contract, section 3; field bug D4",
    ),
    check(
        "han.scale.unannounced",
        "decode",
        Rule::Fields(FieldRule::Scale),
        "Values whose unusual scale no telegram announces are claimed in the right scale.",
        "contract, section 3; field bugs S2 and S3",
    ),
    check(
        "han.link.segmentation",
        "decode",
        Rule::Claimed(Concern::Segmentation),
        "A telegram spread over several frames is claimed as one reading.",
        "contract, section 3; field bug G1",
    ),
    check(
        "han.link.inner-flag",
        "decode",
        Rule::Claimed(Concern::InnerFlag),
        "A telegram with 7E between its flags is claimed: the length field ends a frame, not the next 7E.",
        "IEC 62056-46, frame format type 3; field bug H2",
    ),
    check(
        "han.link.shared-flag",
        "decode",
        Rule::Claimed(Concern::SharedFlag),
        "Telegrams that share one flag are all claimed.",
        "contract, section 3; field bug H1",
    ),
    check(
        "han.link.fcs-reject",
        "decode",
        Rule::Refused(DamageKind::Fcs),
        "A telegram with a wrong frame check sequence produces no claim.",
        "contract, section 3; IEC 62056-46; field bugs H4 and H5",
    ),
    check(
        "han.link.hcs-reject",
        "decode",
        Rule::Refused(DamageKind::Hcs),
        "A telegram whose header check sequence alone is wrong produces no claim.",
        "contract, section 3; IEC 62056-46; field bug H5",
    ),
    check(
        "han.link.length-reject",
        "decode",
        Rule::Refused(DamageKind::Length),
        "A telegram whose length field alone is wrong produces no claim.",
        "contract, section 3; IEC 62056-46",
    ),
    check(
        "han.link.resync",
        "decode",
        Rule::Claimed(Concern::Resync),
        "Damage and noise on the line cost no intact telegram.",
        "contract, section 3; field bugs H1, H6, H7, E9 and G4",
    ),
    check(
        "han.link.gap-bridged",
        "timing",
        Rule::Claimed(Concern::GapBridged),
        "A telegram with a pause of up to 200 ms inside is claimed.",
        "contract, section 3",
    ),
    check(
        "han.link.silence-ends-frame",
        "timing",
        Rule::Claimed(Concern::SilenceEndsFrame),
        "After more than 1 s of silence an unfinished frame is over and the next telegram is claimed.",
        "contract, section 3",
    ),
    check(
        "han.timing.claim-latency",
        "timing",
        Rule::Latency,
        "At the speed of the line, every claim comes in time after the last byte of its telegram.",
        "contract, section 3",
    ),
    check(
        "ct.claim.answers",
        "ct",
        Rule::Clamps,
        "The clamp dongle claims from start to end, every claim with its place in device time, and does not end by itself.",
        "docs/clamp-dongles.md; basic interconnection test, ISO/IEC 9646",
    ),
    check(
        "ct.claim.complete",
        "ct",
        Rule::Clamps,
        "Every quantity that the inputs give is claimed in every window as a number, but for those under omits.",
        "contract, section 3",
    ),
    check(
        "ct.claim.estimates-marked",
        "ct",
        Rule::Clamps,
        "What has no input of its own is claimed as an estimate or not at all.",
        "contract, section 2",
    ),
    check(
        "ct.claim.estimates-near",
        "ct",
        Rule::Clamps,
        "An estimate of a voltage or current lies where physics allows it.",
        "contract, section 3; ct-waveforms, section 6",
    ),
    check(
        "ct.voltage.rms",
        "ct",
        Rule::Clamps,
        "Every measured voltage is within half the class of the device.",
        "our own limit; a device declares its class",
    ),
    check(
        "ct.current.rms",
        "ct",
        Rule::Clamps,
        "Every current is within the class of the device, wider towards small currents.",
        "our own limit, shaped like IEC 61869-2, table 201",
    ),
    check(
        "ct.power.active",
        "ct",
        Rule::Clamps,
        "The active power of every line and of all together is within what ratio and angle of the class allow.",
        "our own limit, shaped like IEC 61869-2; ct-waveforms, section 2.3",
    ),
    check(
        "ct.power.reactive",
        "ct",
        Rule::Clamps,
        "The reactive power of every line is within what ratio and angle of the class allow.",
        "our own limit, shaped like IEC 61869-2; of the fundamental, as IEEE 1459 does as far as known",
    ),
    check(
        "ct.power.factor",
        "ct",
        Rule::Clamps,
        "The power factor of every line fits its power, voltage and current.",
        "our own limit, from those of power, voltage and current",
    ),
    check(
        "ct.power.direction",
        "ct",
        Rule::Clamps,
        "What flows in is claimed as import and what flows out as export, line by line, and never both at once.",
        "contract, section 2; ct-waveforms, section 4",
    ),
    check(
        "ct.power.sum",
        "ct",
        Rule::Clamps,
        "The powers of the lines add up to the total, by the device's own numbers.",
        "our own limit: a thousandth, and rounding",
    ),
    check(
        "ct.current.thd",
        "ct",
        Rule::Clamps,
        "The harmonic distortion of every current is within 5 % of itself or 0.15 % of the range.",
        "our own limit, shaped like IEC 61000-4-7, class I, as far as known",
    ),
    check(
        "ct.frequency",
        "ct",
        Rule::Clamps,
        "The frequency is right to 50 mHz.",
        "our own limit, shaped like IEC 61000-4-30, class S, as far as known",
    ),
    check(
        "ct.energy.register",
        "ct",
        Rule::Clamps,
        "Registers grow by the integral of the power, netted over the lines as the device declares.",
        "our own limit; ct-waveforms, section 4",
    ),
    check(
        "ct.energy.pulses",
        "ct",
        Rule::Clamps,
        "Pulses come when the energy of each is complete, as many as the energy asks for.",
        "our own limit; ct-waveforms, section 2.4",
    ),
    check(
        "ct.idle.none",
        "ct",
        Rule::Clamps,
        "With nothing on, no current is claimed and no register creeps.",
        "our own limit, shaped like the starting current of IEC 62053-21, as far as known",
    ),
    check(
        "ct.range.register",
        "ct",
        Rule::Clamps,
        "No value wraps or loses its sign where a register of 16 or 32 bits ends.",
        "ct-waveforms, section 4",
    ),
    check(
        "ct.range.flagged",
        "ct",
        Rule::Clamps,
        "Beyond its range the device warns, or is right all the same; below half of it it does not warn.",
        "contract, section 2: an unknown value is never a number",
    ),
    check(
        "ct.range.direct-current",
        "ct",
        Rule::Clamps,
        "Where direct current fills the core of a clamp, what the clamp still delivers is measured right; how much it hides is told.",
        "ct-waveforms, sections 1.3 and 5.4, no. 17; our own rule",
    ),
    check(
        "ct.wiring.phase-order",
        "ct",
        Rule::Clamps,
        "An alarm comes for voltages in the wrong order, and none for the right one.",
        "Amp Guard installation manual; our own rule",
    ),
    check(
        "ct.wiring.found",
        "ct",
        Rule::Clamps,
        "The claimed powers tell on which lines the clamps sit and which are turned round, as far as physics does.",
        "ct-waveforms, section 0; our own rule",
    ),
    check(
        "l2.current.bound",
        "l2",
        Rule::L2(L2Rule::Bound),
        "A claimed current of L2 is one that three wires allow: from |I1 − I3| to I1 + I3.",
        "Kirchhoff's current law; field bugs, section 0; field bug P4",
    ),
    check(
        "l2.current.candidate",
        "l2",
        Rule::L2(L2Rule::Candidate),
        "A claimed current of L2 is near one of the two that P, Q, U and I of the telegram leave.",
        "wattmeter theorem of Blondel; field bugs, section 0",
    ),
    check(
        "l2.current.overload",
        "l2",
        Rule::L2(L2Rule::Overload),
        "A current of L2 that is claimed like a measurement hides no overload of L2.",
        "field bugs, section 0",
    ),
    check(
        "l2.voltage.interval",
        "l2",
        Rule::L2(L2Rule::Interval),
        "A claimed voltage of L2 lies where the other two line voltages and 2 % of unbalance put it.",
        "EN 50160; field bug P7",
    ),
    check(
        "l2.estimate.marked",
        "l2",
        Rule::L2(L2Rule::Marked),
        "What the meter did not send of L2 is left out or listed as an estimate.",
        "contract, sections 2 and 3; field bugs P4 and P5",
    ),
    check(
        "l2.estimate.method",
        "l2",
        Rule::L2(L2Rule::Method),
        "The formula by which the dongle computes L2 is a known one, and is named.",
        "field bug P4; han-protocol, section 5",
    ),
    check(
        "scaling.factor.current",
        "scaling",
        Rule::Scaling(ScalingRule::Current),
        "Every claimed current is that of the telegram times the ratio, to 0.1 A.",
        "Zaptec APM article, section on meters measuring through transformers",
    ),
    check(
        "scaling.factor.power",
        "scaling",
        Rule::Scaling(ScalingRule::Power),
        "Every claimed power is that of the telegram times the ratio, to 1 W or var.",
        "Zaptec APM article, section on meters measuring through transformers",
    ),
    check(
        "scaling.factor.energy",
        "scaling",
        Rule::Scaling(ScalingRule::Energy),
        "Every claimed counter is that of the telegram times the ratio, to 1 Wh or varh.",
        "Zaptec APM article, section on meters measuring through transformers",
    ),
    check(
        "scaling.factor.alike",
        "scaling",
        Rule::Scaling(ScalingRule::Alike),
        "The same is done with the ratio to current, power and energy, and nothing to what it does not change.",
        "a transformer turns down the current, and with it power and energy, but no voltage",
    ),
    check(
        "scaling.metamorphic",
        "scaling",
        Rule::Scaling(ScalingRule::Metamorphic),
        "Telegrams divided by the ratio, claimed with the ratio, say the same as the originals claimed with 1:1.",
        "metamorphic relation: no expected value is needed",
    ),
    check(
        "scaling.runtime-change",
        "scaling",
        Rule::Scaling(ScalingRule::RuntimeChange),
        "A ratio that is set while the dongle runs holds for every later claim and for no earlier one.",
        "Zaptec APM article, configuration in the app",
    ),
    check(
        "scaling.fuse-rule",
        "scaling",
        Rule::Scaling(ScalingRule::FuseRule),
        "A site whose main fuse calls for current transformers has a ratio set.",
        "Zaptec APM article, both sentences on the main fuse",
    ),
];

/// Every check there is.
fn all() -> impl Iterator<Item = &'static CheckSpec> {
    CHECKS.iter().chain(BALANCE).chain(PROBE)
}

/// The check with this id.
pub fn find(id: &str) -> Option<&'static CheckSpec> {
    all().find(|check| check.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_every_check_says_what_it_is_for() {
        for check in all() {
            assert_eq!(all().filter(|other| other.id == check.id).count(), 1, "{}", check.id);
            assert!(
                match check.rule {
                    Rule::Reviewed => true,
                    Rule::Clamps => check.id.starts_with("ct.") && check.suite == "ct",
                    Rule::Loop => check.id.starts_with("balance.") && check.suite == "balance",
                    Rule::Probe => check.id.starts_with("probe.") && check.suite == "probe",
                    Rule::L2(_) => check.id.starts_with("l2.") && check.suite == "l2",
                    Rule::Scaling(_) => check.id.starts_with("scaling.") && check.suite == "scaling",
                    _ => check.id.starts_with("han.") && ["decode", "timing"].contains(&check.suite),
                } && check.purpose.ends_with('.'),
                "{}",
                check.id
            );
            assert!(!check.source.is_empty(), "{}", check.id);
            assert_eq!(find(check.id), Some(check));
        }
    }

    #[test]
    fn every_rule_on_waveforms_has_its_row_and_every_row_its_rule() {
        let rows = CHECKS.iter().filter(|check| check.rule == Rule::Clamps).map(|check| check.id);
        assert_eq!(rows.collect::<Vec<_>>(), crate::verdict::ct::ids().collect::<Vec<_>>());
        assert!(BALANCE.iter().all(|check| check.rule == Rule::Loop));
        let rows = PROBE.iter().filter(|check| check.rule == Rule::Probe).map(|check| check.id);
        assert_eq!(rows.collect::<Vec<_>>(), crate::verdict::probe::ids().collect::<Vec<_>>());
    }
}
