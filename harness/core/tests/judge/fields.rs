//! The rules on fields (contract, section 3), both ways.

use crate::dsl::trial;
use crate::rules::run;
use hanbench_core::verdict::Verdict;
use hanbench_core::verdict::judge::judge;

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
        ("unknown keys", "a", "", "sent 0; claim 0 rssi=\"strong\" obis_1=\"x\"", &["han.claim.form PASS"]),
    ]);
}

#[test]
fn unknown_keys_are_noted_and_weigh_nothing() {
    for (claim, verdict, deviations) in [
        ("sent 0; claim 0 rssi=9 obis_1=1", Verdict::Pass, 0),
        ("sent 0; claim 0 rssi=9 obis_1=1 current_l1_a=\"4.6\"", Verdict::Fail, 1),
    ] {
        let outcomes = judge(&trial("a", "only=han.claim.form", claim), "x");
        let (notes, found): (Vec<_>, Vec<_>) = outcomes[0].findings.iter().partition(|one| one.weightless);
        assert_eq!((outcomes[0].verdict, found.len()), (verdict, deviations));
        let notes: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(notes, ["unknown key `obis_1` ignored", "unknown key `rssi` ignored"]);
        assert!(outcomes[0].reason.as_ref().is_none_or(|reason| !reason.contains("more")), "{outcomes:?}");
    }
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
            &[
                "han.field.absent INCONCLUSIVE no interval is known for what was claimed as an estimate: `power_factor`",
            ],
        ),
        (
            "nothing to bound it by",
            "l",
            "",
            "sent 0; claim 0 current_l2_a=9 estimated=[\"current_l2_a\"]",
            &[
                "han.field.absent INCONCLUSIVE no interval is known for what was claimed as an estimate: `current_l2_a`",
            ],
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
            "told, wrong and stale",
            "u a",
            "told",
            "sent 0; claim 0 voltage_l1_v=22199; sent 1; claim 0 voltage_l1_v=22199",
            &[
                "han.claim.fresh FAIL telegram 2 of 2",
                "han.scale.unannounced FAIL",
                "han.claim.once INCONCLUSIVE telegram 2 of 2 (list 2) was answered with an older reading",
            ],
        ),
        (
            "no interval from an unannounced scale",
            "w",
            "told",
            "sent 0; claim 0 voltage_l2_v=9999 estimated=[\"voltage_l2_v\"]",
            &[
                "han.field.absent INCONCLUSIVE no interval is known for what was claimed as an estimate: `voltage_l2_v`",
            ],
        ),
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
            &[
                "han.claim.fresh FAIL telegram 2 of 2",
                "han.scale.unannounced INCONCLUSIVE",
                "han.claim.once INCONCLUSIVE telegram 2 of 2 (list 2) was answered with an older reading",
            ],
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
        ("empty where none was sent", "l", "", "sent 0; claim 0 meter_id=\"\"", &["han.field.absent PASS"]),
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
