//! Every rule of the contract, section 3, both ways.

use crate::dsl::{expect, trial};
use hanbench_core::verdict::judge::judge;
use hanbench_core::verdict::{Cause, Verdict};

/// name, parts, terms, script, expected lines.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

fn run(cases: &[Case]) {
    for (name, parts, terms, script, lines) in cases {
        expect(name, &trial(parts, terms, script), lines);
    }
}

#[test]
fn a_right_dut_passes_and_says_what_that_rests_on() {
    run(&[
        (
            "list 2",
            "a b c",
            "",
            "play",
            &[
                "han.claim.answers PASS 3 claims with 3 telegrams sent",
                "han.claim.once PASS 3 of 3 intact telegrams",
                "han.claim.in-time PASS 3 claims within 2 s",
                "han.field.value PASS 3 of 3 telegrams, 21 values compared",
                "han.field.complete PASS 30 fields compared",
                "han.field.text PASS 9 texts compared",
                "han.field.absent PASS 3 claims compared",
                "han.claim.fresh PASS 2 claims that differ from an earlier one",
                "han.claim.explained PASS 3 claims, each explained",
                "han.field.time NOT_APPLICABLE no telegram of this capture carries a time",
                "han.scale.unannounced NOT_APPLICABLE",
                "han.link.fcs-reject NOT_APPLICABLE",
                "han.link.resync NOT_APPLICABLE",
                "han.timing.claim-latency NOT_APPLICABLE not paced",
            ],
        ),
        (
            "equal telegrams",
            "l l l",
            "",
            "play",
            &["han.claim.once PASS 3 of 3", "han.claim.fresh NOT_APPLICABLE same reading"],
        ),
        ("hourly list", "a h", "", "play", &["han.field.time PASS 2 of 2 telegrams, 4 times compared"]),
    ]);
}

#[test]
fn a_silent_dut_fails_one_check_and_proves_nothing_else() {
    let trial = trial("a b!FCS c ~ a", "", "mute");
    for outcome in judge(&trial, "x") {
        let wanted = if outcome.id == "han.claim.answers" { Verdict::Fail } else { Verdict::Inconclusive };
        assert_eq!(outcome.verdict, wanted, "{}", outcome.id);
        assert!(outcome.cause == Some(Cause::Dut) && outcome.reason.is_some(), "{}", outcome.id);
    }
    expect("silent", &trial, &["han.claim.answers FAIL 3 intact telegrams were sent and nothing was claimed: the dongle is silent"]
        .into_iter()
        .chain(INCONCLUSIVE_WHEN_SILENT.iter().copied())
        .collect::<Vec<_>>());
}

const INCONCLUSIVE_WHEN_SILENT: &[&str] = &[
    "han.dut.alive INCONCLUSIVE",
    "han.claim.once INCONCLUSIVE nothing was claimed",
    "han.claim.in-time INCONCLUSIVE",
    "han.claim.explained INCONCLUSIVE",
    "han.claim.fresh INCONCLUSIVE",
    "han.claim.form INCONCLUSIVE",
    "han.field.value INCONCLUSIVE",
    "han.field.complete INCONCLUSIVE",
    "han.field.absent INCONCLUSIVE",
    "han.field.time INCONCLUSIVE",
    "han.field.text INCONCLUSIVE",
    "han.scale.unannounced INCONCLUSIVE",
    "han.link.segmentation INCONCLUSIVE",
    "han.link.inner-flag INCONCLUSIVE",
    "han.link.shared-flag INCONCLUSIVE",
    "han.link.fcs-reject INCONCLUSIVE",
    "han.link.hcs-reject INCONCLUSIVE",
    "han.link.length-reject INCONCLUSIVE",
    "han.link.resync INCONCLUSIVE",
    "han.link.gap-bridged INCONCLUSIVE",
    "han.link.silence-ends-frame INCONCLUSIVE",
    "han.timing.claim-latency INCONCLUSIVE",
];

#[test]
fn every_intact_telegram_is_claimed_once_and_in_order() {
    let missing: &[&str] = &["han.claim.once FAIL telegram 2 of 3 (list 2) was not claimed within 2 s"];
    run(&[
        ("missing", "a b c", "", "sent 0; claim 0; sent 1; wait 2s; sent 2; claim 2", missing),
        (
            "twice",
            "a b c",
            "",
            "sent 0; claim 0; claim 0; sent 1; claim 1; sent 2; claim 2",
            &["han.claim.once FAIL telegram 1 of 3 (list 2) was claimed twice"],
        ),
        (
            "twice and wrong",
            "a b",
            "",
            "sent 0; claim 0 current_l1_a=9; claim 0 current_l1_a=9; sent 1; claim 1",
            &[
                "han.claim.once FAIL claimed twice",
                "han.field.value FAIL current_l1_a: 9 claimed, 4.6 expected",
            ],
        ),
        (
            "twice at the end",
            "a b",
            "",
            "sent 0; claim 0; sent 1; claim 1; claim 1",
            &["han.claim.once FAIL telegram 2 of 2 (list 2) was claimed twice"],
        ),
        (
            "out of order",
            "a b c",
            "",
            "sent 0; sent 1; sent 2; claim 1; claim 0; claim 2",
            &["han.claim.once FAIL telegram 1 of 3 (list 2) was claimed after a later one"],
        ),
        ("behind one another", "a b c", "", "sent 0; sent 1; sent 2; claim 0; claim 1; claim 2", &[]),
        (
            "a hair before the closing flag",
            "a b",
            "",
            "sent 0; claim 0; wait 1s; claim 1; sent 1",
            &[
                // Only a claim within 20 ms of its telegram's end is early; this one comes 101 ms before.
                "han.claim.once FAIL telegram 2",
                "han.claim.explained FAIL no telegram explains the claim",
            ],
        ),
    ]);
}

#[test]
fn a_claim_just_before_the_closing_flag_belongs_to_its_telegram() {
    let mut early = trial("a b", "", "sent 0; claim 0; sent 1; claim 1");
    early.events.swap(2, 3);
    early.events[2].t_us = early.events[3].t_us - 4_000;
    expect("early", &early, &["han.claim.once PASS 2 of 2"]);
}

#[test]
fn late_claims_are_late_and_still_compared() {
    run(&[
        (
            "late",
            "a b",
            "",
            "sent 0; claim 0; sent 1; wait 3s; claim 1 active_import_w=5",
            &[
                "han.claim.in-time FAIL telegram 2 of 2 (list 2) was claimed later than 2 s",
                "han.field.value FAIL active_import_w: 5 claimed, 3050 expected (telegram 2, list 2)",
            ],
        ),
        (
            "late but paced",
            "a",
            "paced",
            "sent 0; wait 3s; claim 0",
            &["han.claim.in-time FAIL", "han.timing.claim-latency FAIL later than 2 s"],
        ),
        ("paced", "a b", "paced", "play", &["han.timing.claim-latency PASS 2 claims within 2 s"]),
        (
            "a bench too slow to judge",
            "a b",
            "badly-paced",
            "play",
            &["han.timing.claim-latency INCONCLUSIVE the bench"],
        ),
    ]);
}

#[test]
fn claims_need_a_telegram_that_explains_them() {
    run(&[
        (
            "before anything",
            "a b",
            "",
            "claim {} active_import_w=1; sent 0; claim 0; sent 1; claim 1",
            &["han.claim.explained FAIL no telegram explains the claim {\"active_import_w\":1}"],
        ),
        (
            "from noise",
            "a ~ b",
            "",
            "sent 0; claim 0; sent 1; claim {} active_import_w=77; sent 2; claim 2",
            &["han.claim.explained FAIL no telegram explains"],
        ),
        (
            "an old one again",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; claim 1; sent 2; claim 2; claim 0",
            &["han.claim.fresh FAIL the reading of telegram 1 of 3 (list 2) was claimed again later"],
        ),
        (
            "stale",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; claim 0; sent 2; claim 2",
            &["han.claim.fresh FAIL telegram 2 of 3 (list 2) was answered with the reading of telegram 1"],
        ),
        (
            "stuck",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; claim 0; sent 2; claim 0",
            &[
                "han.claim.fresh FAIL telegram 2 of 3 (list 2) was answered with the reading of telegram 1; 1 more",
            ],
        ),
        (
            "repetition without a check of its own",
            "a b",
            "only=han.claim.explained",
            "play; claim 1",
            &["han.claim.explained FAIL telegram 2 of 2 (list 2) was claimed twice"],
        ),
    ]);
}

#[test]
fn a_damaged_telegram_gives_no_claim() {
    run(&[
        (
            "refused",
            "a b!FCS_wrong c",
            "",
            "play",
            &[
                "han.link.fcs-reject PASS 1 of 1 damaged telegram refused",
                "han.link.resync PASS 1 of 1 intact telegram",
                "han.link.hcs-reject NOT_APPLICABLE",
            ],
        ),
        (
            "claimed",
            "a b!FCS_wrong c",
            "",
            "sent 0; claim 0; sent 1; claim 1 active_import_w=3051; sent 2; claim 2",
            &[
                "han.link.fcs-reject FAIL telegram 2 of 3 (list 2) was claimed although it was damaged (FCS wrong)",
            ],
        ),
        (
            "claimed, and the next lost",
            "a b!FCS c",
            "",
            "sent 0; claim 0; sent 1; sent 2; claim 1",
            &[
                "han.link.fcs-reject FAIL telegram 2",
                "han.claim.once FAIL telegram 3",
                "han.link.resync FAIL before it came: FCS",
                "han.claim.fresh INCONCLUSIVE",
            ],
        ),
        (
            "hcs",
            "a b!HCS_wrong c",
            "",
            "sent 0; claim 0; sent 1; claim 1; sent 2; claim 2",
            &["han.link.hcs-reject FAIL (HCS wrong)"],
        ),
        (
            "length",
            "a b!length_field_3_too_small c",
            "",
            "sent 0; claim 0; sent 1; claim 1; sent 2; claim 2",
            &["han.link.length-reject FAIL (length field 3 too small)"],
        ),
        ("same content as the intact one", "a a!HCS a", "", "play", &["han.link.hcs-reject PASS"]),
        (
            "same content, claimed",
            "a a!HCS a",
            "",
            "sent 0; claim 0; sent 1; claim 0; sent 2; claim 0",
            &["han.link.hcs-reject FAIL telegram 2 of 3"],
        ),
        (
            "rubbish right behind the damage",
            "a b!FCS c",
            "",
            "sent 0; claim 0; sent 1; claim {} meter_id=\"~\"; sent 2; claim 2",
            &["han.link.fcs-reject FAIL telegram 2 of 3"],
        ),
        (
            "a check that is not listed",
            "a b!FCS c",
            "only=han.claim.explained",
            "sent 0; claim 0; sent 1; claim 1; sent 2; claim 2",
            &["han.claim.explained FAIL telegram 2 of 3 (list 2) was claimed although it was damaged"],
        ),
        (
            "omitted keys do not hide it",
            "a b!FCS c",
            "omits=meter_id,meter_type,list_id,voltage_l1_v,voltage_l2_v,voltage_l3_v",
            "sent 0; claim 0; sent 1; sent 2; claim {} active_import_w=3050 active_export_w=0 current_l1_a=21 current_l3_a=9.9; claim 2",
            &["han.link.fcs-reject FAIL telegram 2"],
        ),
        (
            "silence behind the damage proves nothing",
            "a b!FCS c",
            "",
            "sent 0; claim 0; sent 1; sent 2",
            &[
                "han.link.fcs-reject INCONCLUSIVE told from silence",
                "han.claim.once FAIL telegram 3",
                "han.link.resync FAIL telegram 3 of 3 (list 2) was not claimed within 2 s; before it came: FCS",
                "han.claim.fresh INCONCLUSIVE",
            ],
        ),
    ]);
}

#[test]
fn noise_costs_no_telegram() {
    run(&[
        ("skipped", "a ~ b", "", "play", &["han.link.resync PASS 1 of 1"]),
        (
            "lost behind noise",
            "a ~ b c",
            "",
            "sent 0; claim 0; sent 1; sent 2; sent 3; claim 3",
            &[
                "han.link.resync FAIL telegram 2 of 3 (list 2) was not claimed within 2 s; before it came: noise 7ea7ff: looks like a frame",
                "han.claim.once FAIL",
            ],
        ),
        (
            "lost before any noise",
            "a b ~ c",
            "",
            "sent 0; sent 1; claim 1; sent 2; sent 3; claim 3",
            &["han.link.resync PASS 1 of 1", "han.claim.once FAIL telegram 1 of 3"],
        ),
    ]);
}

#[test]
fn gaps_are_bridged_and_silence_ends_a_frame() {
    run(&[
        ("bridged", "a| b", "", "play", &["han.link.gap-bridged PASS 1 of 1"]),
        (
            "not bridged",
            "a| b",
            "",
            "sent 0; sent 1; claim 1",
            &[
                "han.link.gap-bridged FAIL telegram 1 of 2 (list 2), which has a short pause inside, was not claimed",
                "han.claim.once FAIL",
            ],
        ),
        ("silence", "a b!unfinished _ l", "", "play", &["han.link.silence-ends-frame PASS 1 of 1"]),
        (
            "swallowed",
            "a b!unfinished _ l",
            "",
            "sent 0; claim 0; sent 1; sent 2; sent 3; wait 3s",
            &[
                "han.link.silence-ends-frame FAIL telegram 3 of 3 (list 1), which came after an unfinished frame",
                "han.claim.fresh INCONCLUSIVE",
                "han.claim.once FAIL",
                "han.link.resync FAIL",
            ],
        ),
    ]);
}

#[test]
fn bytes_behind_the_body_leave_the_choice() {
    run(&[
        ("claimed", "a b? c", "", "play", &["han.claim.once PASS 2 of 2"]),
        (
            "refused",
            "a b? c",
            "",
            "sent 0; claim 0; sent 1; sent 2; claim 2",
            &["han.claim.once PASS 2 of 2"],
        ),
        (
            "claimed wrong",
            "a b? c",
            "",
            "sent 0; claim 0; sent 1; claim 1 active_import_w=1; sent 2; claim 2",
            &["han.field.value FAIL active_import_w: 1 claimed"],
        ),
    ]);
}

#[test]
fn numbers_are_compared_by_value_and_to_the_last_digit() {
    run(&[
        (
            "other spelling",
            "a",
            "",
            "sent 0; claim 0 current_l1_a=4.600 active_import_w=2162.0 active_export_w=0e3",
            &["han.field.value PASS 7 values"],
        ),
        (
            "factor 10",
            "b",
            "",
            "sent 0; claim 0 current_l1_a=2.1 current_l3_a=0.99",
            &[
                "han.field.value FAIL current_l1_a: 2.1 claimed, 21 expected, off by a factor of 10 (telegram 1, list 2); 1 more",
            ],
        ),
        (
            "all values off",
            "a b c",
            "",
            "sent 0; claim 0 current_l1_a=46 active_import_w=21620; sent 1; claim 1 current_l1_a=210 active_import_w=30500; sent 2; claim 2 current_l1_a=12 active_import_w=8110",
            &["han.field.value FAIL off by a factor of 10 (telegram 1, list 2); 5 more"],
        ),
        ("sign", "a", "", "sent 0; claim 0 current_l1_a=-4.6", &["han.field.value FAIL the sign is wrong"]),
        (
            "a 32-bit float",
            "h",
            "",
            "sent 0; claim 0 energy_active_import_wh=109554016",
            &["han.field.value FAIL 32-bit float"],
        ),
        (
            "finer than exact",
            "a",
            "",
            "sent 0; claim 0 voltage_l1_v=237.60000610",
            &["han.field.value FAIL finer than a thousandth"],
        ),
        (
            "zero for a value",
            "a",
            "",
            "sent 0; claim 0 voltage_l1_v=0",
            &["han.field.value FAIL voltage_l1_v: 0 claimed, 237.6 expected"],
        ),
        (
            "every list 1 wrong",
            "l m",
            "",
            "sent 0; claim 0 active_import_w=7330; sent 1; claim 1 active_import_w=9020",
            &[
                "han.field.value FAIL active_import_w: 7330 claimed, 733 expected, off by a factor of 10 (telegram 1, list 1); 1 more",
            ],
        ),
    ]);
}

#[test]
fn values_have_the_json_type_of_the_contract() {
    run(&[
        (
            "string",
            "a",
            "",
            "sent 0; claim 0 current_l1_a=\"4.6\"",
            &["han.claim.form FAIL current_l1_a: \"4.6\" claimed, a number expected"],
        ),
        (
            "number as text",
            "a",
            "",
            "sent 0; claim 0 meter_id=7359990000000001",
            &["han.claim.form FAIL meter_id: 7359990000000001 claimed, a string"],
        ),
        ("bool", "a", "", "sent 0; claim 0 voltage_l1_v=true", &["han.claim.form FAIL"]),
        ("number as time", "h", "", "sent 0; claim 0 clock=1765728000", &["han.claim.form FAIL clock"]),
        (
            "estimated is a list",
            "a",
            "",
            "sent 0; claim 0 estimated=\"current_l2_a\"",
            &["han.claim.form FAIL estimated"],
        ),
        (
            "string for what was not sent",
            "a",
            "",
            "sent 0; claim 0 current_l2_a=\"\"",
            &["han.claim.form FAIL current_l2_a"],
        ),
        (
            "unknown keys",
            "a",
            "",
            "sent 0; claim 0 rssi=\"strong\" obis_1=\"x\"",
            &["han.claim.form PASS unknown key `rssi` ignored"],
        ),
    ]);
}

#[test]
fn every_field_that_was_sent_is_claimed() {
    run(&[
        (
            "left out",
            "a b",
            "",
            "sent 0; claim 0 -voltage_l2_v; sent 1; claim 1 voltage_l2_v=null -meter_id",
            &["han.field.complete FAIL voltage_l2_v: left out, 236.3 expected (telegram 1, list 2); 2 more"],
        ),
        (
            "omitted by the rig file",
            "a",
            "omits=voltage_l2_v,meter_id",
            "sent 0; claim 0 -voltage_l2_v -meter_id",
            &["han.field.complete PASS 8 fields"],
        ),
        (
            "omitted and yet claimed",
            "a",
            "omits=voltage_l2_v",
            "sent 0; claim 0 voltage_l2_v=1",
            &["han.field.value FAIL voltage_l2_v"],
        ),
        (
            "nothing in it",
            "a b",
            "",
            "sent 0; claim {}; sent 1; claim {}",
            &[
                "han.field.complete FAIL left out",
                "han.field.value INCONCLUSIVE no claim has a number",
                "han.field.text INCONCLUSIVE",
                "han.claim.form INCONCLUSIVE",
            ],
        ),
        (
            "status and unnamed registers are free",
            "h",
            "",
            "sent 0; claim 0 -timestamp_status -obis_1.0.9.7.0.255",
            &["han.field.complete PASS 14 fields"],
        ),
        (
            "time left out is one finding",
            "h",
            "",
            "sent 0; claim 0 -timestamp -timestamp_utc_offset_min -timestamp_status",
            &[
                "han.field.complete FAIL timestamp: left out, \"2025-12-14T16:00:00\" expected (telegram 1, list 3)",
            ],
        ),
        (
            "offset left out",
            "h",
            "",
            "sent 0; claim 0 timestamp_utc_offset_min=null",
            &["han.field.complete FAIL timestamp_utc_offset_min"],
        ),
        (
            "offset left out by the rig file",
            "h",
            "omits=timestamp_utc_offset_min",
            "sent 0; claim 0 -timestamp_utc_offset_min",
            &[],
        ),
    ]);
}

#[test]
fn what_was_not_sent_is_absent_null_or_a_possible_estimate() {
    run(&[
        (
            "null",
            "a",
            "",
            "sent 0; claim 0 current_l2_a=null clock=null meter_type=\"6525\"",
            &["han.field.absent PASS 1 claim"],
        ),
        (
            "zero",
            "a",
            "",
            "sent 0; claim 0 current_l2_a=0",
            &["han.field.absent FAIL current_l2_a: 0 claimed, but the meter did not send it"],
        ),
        (
            "computed and not listed",
            "a",
            "",
            "sent 0; claim 0 current_l2_a=7",
            &["han.field.absent FAIL current_l2_a"],
        ),
        (
            "estimate",
            "a",
            "",
            "sent 0; claim 0 current_l2_a=7 estimated=[\"current_l2_a\"]",
            &["han.field.absent PASS"],
        ),
        (
            "estimate on the lower bound",
            "a",
            "",
            "sent 0; claim 0 current_l2_a=2.7 estimated=[\"current_l2_a\"]",
            &["han.field.absent PASS"],
        ),
        (
            "estimate of other sign",
            "a",
            "",
            "sent 0; claim 0 current_l2_a=-7.000001 estimated=[\"current_l2_a\"]",
            &["han.field.absent PASS"],
        ),
        (
            "estimate too low",
            "a",
            "",
            "sent 0; claim 0 current_l2_a=2.6 estimated=[\"current_l2_a\"]",
            &[
                "han.field.absent FAIL current_l2_a: estimated as 2.6, but only 2.7 to 11.9 is possible on three wires (telegram 1, list 2)",
            ],
        ),
        (
            "estimate too high",
            "a",
            "",
            "sent 0; claim 0 current_l2_a=12 estimated=[\"current_l2_a\"]",
            &["han.field.absent FAIL 2.7 to 11.9"],
        ),
        (
            "no interval known",
            "a",
            "",
            "sent 0; claim 0 power_factor=0.9 estimated=[\"power_factor\"]",
            &["han.field.absent PASS estimate of `power_factor` accepted"],
        ),
        (
            "nothing to bound it by",
            "l",
            "",
            "sent 0; claim 0 current_l2_a=9 estimated=[\"current_l2_a\"]",
            &["han.field.absent PASS accepted"],
        ),
        (
            "an own clock",
            "a",
            "",
            "sent 0; claim 0 timestamp=\"2026-01-01T00:00:00\"",
            &["han.field.absent FAIL timestamp"],
        ),
        (
            "old fields with a list 1",
            "a l",
            "",
            "sent 0; claim 0; sent 1; claim 1 voltage_l1_v=237.6",
            &["han.field.absent FAIL voltage_l1_v"],
        ),
    ]);
}

#[test]
fn a_zero_for_not_measured_may_be_zero_absent_or_estimated() {
    run(&[
        ("zero", "z", "", "sent 0; claim 0", &["han.field.value PASS 7 values"]),
        ("absent", "z", "", "sent 0; claim 0 -voltage_l2_v", &["han.field.complete PASS"]),
        (
            "estimated",
            "z",
            "",
            "sent 0; claim 0 voltage_l2_v=236.5 estimated=[\"voltage_l2_v\"]",
            &["han.field.absent PASS"],
        ),
        (
            "estimated too high",
            "z",
            "",
            "sent 0; claim 0 voltage_l2_v=473.4 estimated=[\"voltage_l2_v\"]",
            &["han.field.absent FAIL 0.1 to 473.3"],
        ),
        (
            "invented",
            "z",
            "",
            "sent 0; claim 0 voltage_l2_v=236.5",
            &["han.field.absent FAIL the meter sent 0 in place of a measurement"],
        ),
        (
            "a measured value stays a value",
            "z",
            "",
            "sent 0; claim 0 current_l2_a=0",
            &["han.field.value FAIL current_l2_a: 0 claimed, 6.896"],
        ),
    ]);
}

#[test]
fn unannounced_scales_fail_their_own_check_only() {
    run(&[
        (
            "not told",
            "u",
            "",
            "sent 0; claim 0 voltage_l1_v=22199 energy_active_import_wh=1234560",
            &[
                "han.scale.unannounced INCONCLUSIVE the rig file does not say that this DUT was told the scale",
            ],
        ),
        (
            "told, wrong",
            "u",
            "told",
            "sent 0; claim 0 voltage_l1_v=22199",
            &[
                "han.scale.unannounced FAIL voltage_l1_v: 22199 claimed, 221.99 expected, off by a factor of 100 (telegram 1, 10 s list)",
            ],
        ),
        ("told, right", "u", "told", "sent 0; claim 0", &["han.scale.unannounced PASS 2 values"]),
        (
            "other values are judged",
            "u",
            "",
            "sent 0; claim 0 voltage_l3_v=1",
            &["han.field.value FAIL voltage_l3_v", "han.scale.unannounced INCONCLUSIVE"],
        ),
        (
            "leaving it out is no matter of scale",
            "u",
            "",
            "sent 0; claim 0 -voltage_l1_v",
            &["han.field.complete FAIL voltage_l1_v", "han.scale.unannounced INCONCLUSIVE"],
        ),
        (
            "stale all the same",
            "u a",
            "",
            "sent 0; claim 0 voltage_l1_v=22199; sent 1; claim 0 voltage_l1_v=22199",
            &["han.claim.fresh FAIL telegram 2 of 2", "han.scale.unannounced INCONCLUSIVE"],
        ),
    ]);
}

#[test]
fn times_are_the_digits_as_sent() {
    run(&[
        (
            "an hour off",
            "h",
            "",
            "sent 0; claim 0 timestamp=\"2025-12-14T15:00:00\"",
            &[
                "han.field.time FAIL timestamp: 2025-12-14T15:00:00 claimed, 2025-12-14T16:00:00 expected (telegram 1, list 3)",
            ],
        ),
        (
            "an invented Z",
            "h",
            "",
            "sent 0; claim 0 clock=\"2025-12-14T16:00:00Z\"",
            &["han.field.time FAIL clock"],
        ),
        (
            "wrong sign of the offset",
            "h",
            "",
            "sent 0; claim 0 timestamp_utc_offset_min=-60",
            &["han.field.time FAIL -60 claimed, 60 expected"],
        ),
        (
            "an invented offset",
            "h",
            "",
            "sent 0; claim 0 clock_utc_offset_min=60",
            &["han.field.time FAIL the meter did not specify it"],
        ),
        (
            "an unspecified offset left out",
            "h",
            "",
            "sent 0; claim 0 -clock_utc_offset_min",
            &["han.field.time PASS"],
        ),
        (
            "status differs",
            "h",
            "",
            "sent 0; claim 0 timestamp_status=0",
            &["han.field.time FAIL timestamp_status"],
        ),
        (
            "all times omitted",
            "h",
            "omits=timestamp,clock",
            "sent 0; claim 0 -timestamp -timestamp_utc_offset_min -timestamp_status -clock -clock_utc_offset_min",
            &["han.field.time NOT_APPLICABLE but for what the rig file lists under omits"],
        ),
    ]);
}

#[test]
fn texts_are_compared_without_padding() {
    run(&[
        (
            "trimmed",
            "e",
            "",
            "sent 0; claim 0 meter_id=\"12345678\" -meter_type list_id=\"AIDON_V0001\\u0020\\u0000\"",
            &["han.field.text PASS 2 texts"],
        ),
        ("empty", "e", "", "sent 0; claim 0 meter_type=\"\"", &[]),
        (
            "invented",
            "e",
            "",
            "sent 0; claim 0 meter_type=\"ZFF1\"",
            &["han.field.absent FAIL meter_type: \"ZFF1\" claimed"],
        ),
        (
            "wrong",
            "a",
            "",
            "sent 0; claim 0 meter_id=\"KFM0000\"",
            &["han.field.text FAIL meter_id: \"KFM0000\" claimed, \"7359990000000001\" expected"],
        ),
        (
            "empty instead of a text",
            "a",
            "",
            "sent 0; claim 0 meter_id=\"\"",
            &["han.field.complete FAIL meter_id"],
        ),
    ]);
}

#[test]
fn missing_capabilities_are_named() {
    let trial = trial("a", "without=aidon needs=segmentation", "mute");
    for outcome in judge(&trial, "x") {
        assert_eq!(outcome.verdict, Verdict::NotApplicable);
        let reason = "the rig file does not list `aidon` and `segmentation` under supports";
        assert_eq!((outcome.reason.as_deref(), outcome.cause), (Some(reason), None));
    }
}

#[test]
fn what_was_not_sent_is_not_judged() {
    run(&[
        (
            "stopped",
            "a b c",
            "",
            "sent 0; claim 0; stop the user pressed Ctrl-C",
            &["han.claim.once PASS 1 of 1", "han.claim.fresh INCONCLUSIVE"],
        ),
        (
            "stopped while waiting",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; stop Ctrl-C",
            &["han.claim.once PASS 1 of 1", "han.claim.fresh INCONCLUSIVE"],
        ),
        (
            "stopped for silence",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; wait 2s; stop no claim for 2 s",
            &["han.claim.once FAIL telegram 2 of 3", "han.claim.fresh INCONCLUSIVE"],
        ),
        (
            "exited",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; exit exit code 1: panicked",
            &[
                "han.dut.alive FAIL the DUT ended by itself: exit code 1: panicked",
                "han.claim.once PASS 1 of 1",
                "han.claim.fresh INCONCLUSIVE",
            ],
        ),
    ]);
    for (script, verdict, cause, said) in [
        ("stop port lost", Verdict::Inconclusive, Cause::Rig, "nothing was sent: port lost"),
        (
            "exit code 2",
            Verdict::Inconclusive,
            Cause::Dut,
            "ended by itself before this could be judged: code 2",
        ),
        ("sent 0; stop Ctrl-C", Verdict::Inconclusive, Cause::Timeout, "Ctrl-C"),
        ("sent 7", Verdict::Error, Cause::Harness, "event 0 sent part 7 of 2"),
    ] {
        for outcome in
            judge(&trial("a b", "only=han.claim.once,han.field.value,han.claim.answers", script), "x")
        {
            assert_eq!((outcome.verdict, outcome.cause), (verdict, Some(cause)), "{script}: {}", outcome.id);
            assert!(outcome.reason.as_ref().is_some_and(|reason| reason.contains(said)), "{outcome:?}");
        }
    }
    expect(
        "exit before any claim",
        &trial("a b", "only=han.claim.answers,han.dut.alive", "sent 0; exit signal 11"),
        &[
            "han.claim.answers FAIL the DUT ended by itself before it claimed anything: signal 11",
            "han.dut.alive FAIL signal 11",
        ],
    );
}

#[test]
fn an_unknown_check_is_an_error_of_the_harness() {
    let outcomes = judge(&trial("a", "only=han.no.such", "play"), "x");
    assert_eq!((outcomes[0].verdict, outcomes[0].cause), (Verdict::Error, Some(Cause::Harness)));
}
