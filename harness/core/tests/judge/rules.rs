//! The rules on telegrams and claims (contract, section 3), both ways.

use crate::dsl::{expect, trial};
use hanbench_core::verdict::judge::judge;
use hanbench_core::verdict::trial::{Damage, DamageKind};
use hanbench_core::verdict::{Cause, Verdict};

/// name, parts, terms, script, expected lines.
pub(crate) type Case = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

pub(crate) fn run(cases: &[Case]) {
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

#[test]
fn a_dut_that_prints_something_else_is_not_called_silent() {
    run(&[(
        "half a line",
        "a",
        "only=han.claim.answers",
        "sent 0; log one; log (no line end yet) {",
        &[
            r#"han.claim.answers FAIL claimed: it printed 2 lines, nothing of which is a claim, last "(no line end yet) {""#,
        ],
    )]);
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
            "twice in other words",
            "a b",
            "",
            "sent 0; claim 0; claim 0 rssi=1; sent 1; claim 1",
            &["han.claim.once FAIL telegram 1 of 2 (list 2) was claimed twice"],
        ),
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
                "han.claim.fresh INCONCLUSIVE",
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
            &[
                "han.timing.claim-latency INCONCLUSIVE the bench sent its own bytes up to 900 ms late; to judge, at most 200 ms will do",
            ],
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
            &[
                "han.claim.fresh FAIL the reading of telegram 1 of 3 (list 2) was claimed again while telegram 3 was the newest",
            ],
        ),
        (
            "stale",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; claim 0; sent 2; claim 2",
            &[
                "han.claim.fresh FAIL telegram 2 of 3 (list 2) was answered with the reading of telegram 1",
                "han.claim.once INCONCLUSIVE telegram 2 of 3 (list 2) was answered with an older reading",
            ],
        ),
        (
            "stuck",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; claim 0; sent 2; claim 0",
            &[
                "han.claim.fresh FAIL telegram 2 of 3 (list 2) was answered with the reading of telegram 1; 1 more",
                "han.claim.once INCONCLUSIVE telegram 2 of 3 (list 2) was answered with an older reading; see han.claim.fresh; 1 more",
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
            "rubbish that is not the damaged one",
            "a b!FCS c",
            "",
            "sent 0; claim 0; sent 1; sent 2; claim {} active_import_w=77 meter_type=\"6525\" list_id=\"AIDON_V0001\"; claim 2",
            &[
                "han.claim.explained FAIL no telegram explains the claim {\"active_import_w\":77,",
                "han.link.fcs-reject PASS",
            ],
        ),
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
            &[
                // Repeated or accepted: the words are the same.
                "han.link.hcs-reject INCONCLUSIVE a damaged telegram has the reading of an intact one",
                "han.claim.fresh FAIL the reading of telegram 1 of 3 (list 2) was claimed again while telegram 2",
            ],
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
        (
            "late behind noise",
            "a ~ b",
            "",
            "sent 0; claim 0; sent 1; sent 2; wait 3s; claim 2",
            &[
                "han.link.resync FAIL telegram 2 of 2 (list 2) was claimed later than 2 s; before it came: noise",
                "han.claim.in-time FAIL",
            ],
        ),
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
fn every_check_has_a_rule_that_a_trial_can_carry_but_the_review() {
    for outcome in judge(&trial("a b", "", "play"), "x") {
        assert_ne!(outcome.verdict, Verdict::Error, "{}", outcome.id);
    }
    let review = judge(&trial("a", "only=bench.expectation.reviewed", "play"), "x");
    assert_eq!((review[0].verdict, review[0].cause), (Verdict::Error, Some(Cause::Harness)));
}

#[test]
fn outcomes_say_how_the_bytes_are_known() {
    assert!(judge(&trial("a", "", "play"), "x").iter().all(|one| one.capture_evidence == "inferred"));
}

#[test]
fn damage_of_old_evidence_is_read_by_its_first_word() {
    for (stored, kind) in [
        (r#""FCS wrong: one bit""#, DamageKind::Fcs),
        (r#""HCS wrong in the recording""#, DamageKind::Hcs),
        (r#""length field 3 too small""#, DamageKind::Length),
        (r#""unfinished: cut off""#, DamageKind::Torn),
        (r#"{"kind":"hcs","how":"FCS wrong"}"#, DamageKind::Hcs),
    ] {
        let damage: Damage = serde_json::from_str(stored).expect("damage");
        assert_eq!(damage.kind, kind, "{stored}");
    }
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
