//! Dongles that claim too much or the wrong reading: each has words of its own (contract, section 3).

use crate::dsl::{expect, trial};
use crate::rules::run;
use hanbench_core::verdict::trial::{Part, Trial};

#[test]
fn each_claim_twice_fails_once_and_nothing_else() {
    run(&[
        (
            "with a check of its own",
            "a b c",
            "",
            "sent 0; claim 0; claim 0; sent 1; claim 1; claim 1; sent 2; claim 2; claim 2",
            &["han.claim.once FAIL telegram 1 of 3 (list 2) was claimed twice; 2 more"],
        ),
        (
            "three times",
            "a b",
            "",
            "sent 0; claim 0; claim 0; claim 0; sent 1; claim 1",
            &["han.claim.once FAIL telegram 1 of 2 (list 2) was claimed twice; 1 more"],
        ),
        (
            "without a check of its own",
            "a b",
            "only=han.claim.explained",
            "sent 0; claim 0; claim 0; sent 1; claim 1",
            &["han.claim.explained FAIL telegram 1 of 2 (list 2) was claimed twice"],
        ),
    ]);
}

#[test]
fn the_last_reading_before_each_new_one_fails_fresh() {
    run(&[
        (
            "with a check of its own",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; claim 0; claim 1; sent 2; claim 1; claim 2",
            &[
                "han.claim.fresh FAIL the reading of telegram 1 of 3 (list 2) was claimed again while telegram 2 was the newest; 1 more",
            ],
        ),
        (
            "without a check of its own",
            "a b",
            "only=han.claim.explained",
            "sent 0; claim 0; sent 1; claim 0; claim 1",
            &[
                "han.claim.explained FAIL the reading of telegram 1 of 2 (list 2) was claimed again while telegram 2 was the newest",
            ],
        ),
        (
            "in place of the last new one",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; claim 1; sent 2; claim 1",
            &[
                "han.claim.fresh FAIL telegram 3 of 3 (list 2) was answered with the reading of telegram 2",
                "han.claim.once INCONCLUSIVE telegram 3 of 3 (list 2) was answered with an older reading",
            ],
        ),
    ]);
}

/// `a` to `c` agree in six of ten fields: enough to be recognised, were they damaged.
#[test]
fn a_repetition_is_no_acceptance_of_a_damaged_telegram() {
    run(&[
        (
            "before the next new one",
            "a b!HCS_wrong c l!HCS_wrong b",
            "",
            "sent 0; claim 0; sent 1; sent 2; claim 2; sent 3; sent 4; claim 2; claim 4",
            &[
                "han.claim.fresh FAIL the reading of telegram 3 of 5 (list 2) was claimed again while telegram 5 was the newest",
                "han.link.hcs-reject PASS 2 of 2 damaged telegrams refused",
            ],
        ),
        (
            "in reply to the damaged one",
            "a b!HCS_wrong c",
            "",
            "sent 0; claim 0; sent 1; claim 0; sent 2; claim 2",
            &[
                "han.claim.fresh FAIL the reading of telegram 1 of 3 (list 2) was claimed again while telegram 2 was the newest",
                "han.link.hcs-reject PASS 1 of 1",
            ],
        ),
        (
            "of a wrong value",
            "a b!HCS_wrong c",
            "",
            "sent 0; claim 0 current_l1_a=46; sent 1; claim 0 current_l1_a=46; sent 2; claim 2",
            &[
                "han.field.value FAIL current_l1_a: 46 claimed, 4.6 expected",
                "han.claim.fresh FAIL the reading of telegram 1 of 3",
                "han.link.hcs-reject PASS 1 of 1",
            ],
        ),
        (
            "accepted, and the same words twice",
            "a b!HCS_wrong c",
            "",
            "sent 0; claim 0; sent 1; claim 1; claim 1; sent 2; claim 2",
            &[
                "han.link.hcs-reject FAIL telegram 2 of 3 (list 2) was claimed although it was damaged (HCS wrong)",
                "han.claim.once FAIL telegram 2 of 3 (list 2) was claimed twice",
            ],
        ),
    ]);
}

#[test]
fn always_one_telegram_behind_fails_fresh() {
    run(&[
        (
            "silent first",
            "a b c",
            "only=han.claim.fresh,han.claim.once,han.claim.explained,han.claim.in-time,han.field.value",
            "sent 0; wait 2s; sent 1; claim 0; sent 2; claim 1; wait 2s",
            &[
                "han.claim.fresh FAIL telegram 2 of 3 (list 2) was answered with the reading of telegram 1; 1 more",
                "han.claim.once FAIL telegram 1 of 3 (list 2) was not claimed within 2 s",
                "han.field.value INCONCLUSIVE no claim has",
                "han.claim.in-time INCONCLUSIVE no claim belongs",
            ],
        ),
        (
            "right first, then one behind",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; claim 0; sent 2; claim 1; wait 2s",
            &[
                "han.claim.once INCONCLUSIVE telegram 2 of 3 (list 2) was answered with an older reading",
                "han.claim.fresh FAIL telegram 2 of 3 (list 2) was answered with the reading of telegram 1; 1 more",
            ],
        ),
        (
            "at the speed of the line",
            "a b c",
            "paced only=han.claim.fresh,han.claim.once",
            "sent 0; wait 3s; sent 1; claim 0; wait 3s; sent 2; claim 1; wait 3s",
            &[
                "han.claim.fresh FAIL telegram 2 of 3 (list 2) was answered with the reading of telegram 1; 1 more",
                "han.claim.once FAIL telegram 1 of 3 (list 2) was not claimed within 2 s",
            ],
        ),
    ]);
}

#[test]
fn claims_that_come_while_the_next_telegram_is_sent_are_in_order() {
    run(&[
        ("all of them", "a b c", "paced", "sent 0; sent 1; claim 0; sent 2; claim 1; claim 2", &[]),
        (
            "and one lost",
            "a b c",
            "paced",
            "sent 0; sent 1; claim 0; sent 2; claim 1; wait 2s",
            &["han.claim.once FAIL telegram 3 of 3 (list 2) was not claimed within 2 s"],
        ),
        (
            "one late claim",
            "a b c",
            "",
            "sent 0; wait 2s; sent 1; wait 1s; claim 0; claim 1; sent 2; claim 2",
            &["han.claim.in-time FAIL telegram 1 of 3 (list 2) was claimed later than 2 s"],
        ),
    ]);
}

#[test]
fn out_of_order_has_its_own_words() {
    run(&[
        (
            "with a check of its own",
            "a b c",
            "",
            "sent 0; sent 1; claim 1; claim 0; sent 2; claim 2",
            &["han.claim.once FAIL telegram 1 of 3 (list 2) was claimed after a later one"],
        ),
        (
            "without a check of its own",
            "a b",
            "only=han.claim.explained",
            "sent 0; sent 1; claim 1; claim 0",
            &["han.claim.explained FAIL telegram 1 of 2 (list 2) was claimed after a later one"],
        ),
    ]);
}

/// It is stuck on words of an earlier trial: no telegram of this one has that reading.
#[test]
fn a_stuck_dongle_fails_fresh_and_is_not_said_to_accept_damage_or_to_claim_wrong_values() {
    const STUCK: &str = "sent 0; claim 1 active_import_w=7; sent 1; rejected; sent 2; claim 1 active_import_w=7; sent 3; rejected; sent 4; claim 1 active_import_w=7";
    for (name, script) in
        [("and says that it refused", STUCK.to_string()), ("in silence", STUCK.replace("rejected; ", ""))]
    {
        expect(
            name,
            &trial("a b!HCS c b!HCS l", "", &script),
            &[
                "han.claim.fresh FAIL telegram 1 of 5 (list 2) was answered with a reading from before; 2 more",
                "han.claim.once INCONCLUSIVE telegram 1 of 5 (list 2) was answered with an older reading",
                "han.link.hcs-reject INCONCLUSIVE answered with an older reading; see han.claim.fresh",
                "han.link.resync INCONCLUSIVE telegram 3 of 5 (list 2) was answered with an older reading",
                "han.claim.in-time INCONCLUSIVE",
                "han.claim.form INCONCLUSIVE",
                "han.field.value INCONCLUSIVE",
                "han.field.complete INCONCLUSIVE",
                "han.field.absent INCONCLUSIVE",
                "han.field.text INCONCLUSIVE",
            ],
        );
    }
    run(&[
        (
            "on the reading of a telegram that comes later",
            "a b!HCS c b",
            "only=han.claim.fresh,han.field.value,han.link.hcs-reject,han.claim.explained",
            "sent 0; claim 3; sent 1; sent 2; claim 3; sent 3; claim 3",
            &[
                "han.claim.fresh FAIL telegram 1 of 4 (list 2) was answered with a reading from before; 1 more",
            ],
        ),
        (
            "no dongle that only leaves out",
            "a b",
            "only=han.claim.fresh,han.field.text",
            "sent 0; claim {} list_id=\"AIDON_V0001\"; sent 1; claim {} list_id=\"AIDON_V0001\"",
            &[],
        ),
    ]);
}

#[test]
fn a_refusal_said_before_the_next_claim_speaks_for_the_dongle() {
    run(&[
        (
            "refused, then something like it",
            "a b!FCS c",
            "",
            "sent 0; claim 0; sent 1; rejected; sent 2; claim 1 active_import_w=3051; claim 2",
            &["han.claim.explained FAIL no telegram explains the claim"],
        ),
        (
            "accepted before that",
            "a b!FCS c",
            "",
            "sent 0; claim 0; sent 1; claim 1; rejected; sent 2; claim 2",
            &["han.link.fcs-reject FAIL telegram 2 of 3"],
        ),
    ]);
}

#[test]
fn the_previous_reading_after_each_refusal_is_no_claim_of_the_telegram() {
    run(&[
        (
            "beside the link layer",
            "a b!FCS c l b!FCS m",
            "",
            "sent 0; claim 0; sent 1; rejected; sent 2; claim 0; sent 3; claim 3; sent 4; rejected; sent 5; claim 3",
            &[
                "han.claim.fresh FAIL telegram 3 of 6 (list 2) was answered with the reading of telegram 1; 1 more",
                "han.claim.once INCONCLUSIVE telegram 3 of 6 (list 2) was answered with an older reading; see han.claim.fresh; 1 more",
                "han.link.resync INCONCLUSIVE telegram 3 of 6 (list 2) was answered with an older reading; see han.claim.fresh; 1 more",
                "han.link.fcs-reject PASS 1 of 2",
                "han.field.value PASS 2 of 4 telegrams, 8 values compared; 2 answered with an older reading, which is not compared",
            ],
        ),
        (
            "where nothing else looks",
            "a b!FCS a",
            "only=han.claim.explained,han.link.fcs-reject,han.link.resync",
            "sent 0; claim 0; sent 1; rejected; sent 2; claim 0",
            &[],
        ),
        (
            "a stimulus without the check of its own",
            "a b!FCS c",
            "only=han.claim.explained",
            "sent 0; claim 0; sent 1; rejected; sent 2; claim 0",
            &[
                "han.claim.explained FAIL telegram 3 of 3 (list 2) was answered with the reading of telegram 1",
            ],
        ),
    ]);
}

/// The damaged telegram resembles the next one, which is claimed twice.
#[test]
fn one_claim_too_many_of_the_next_telegram_is_no_acceptance() {
    let twice = "sent 0; claim 0; claim 0; sent 1; sent 2; claim 2; claim 2";
    run(&[
        (
            "resembles",
            "a b!unfinished c",
            "",
            twice,
            &["han.claim.once FAIL telegram 1 of 3 (list 2) was claimed twice; 1 more"],
        ),
        (
            "is equal",
            "a c!unfinished c",
            "",
            twice,
            &["han.claim.once FAIL telegram 1 of 3 (list 2) was claimed twice; 1 more"],
        ),
    ]);
}

#[test]
fn a_dongle_always_behind_is_not_said_to_lose_telegrams() {
    const ONLY: &str =
        "only=han.claim.fresh,han.claim.explained,han.link.gap-bridged,han.link.resync,han.field.value";
    run(&[
        (
            "its first is from the trial before",
            "a| b c",
            ONLY,
            "sent 0; claim {} active_import_w=5; sent 1; claim 0; sent 2; claim 1; wait 2s",
            &[
                "han.claim.fresh FAIL telegram 1 of 3 (list 2) was answered with a reading from before; 2 more",
                "han.link.gap-bridged INCONCLUSIVE telegram 1 of 3 (list 2) was answered with an older reading; see han.claim.fresh",
                "han.field.value INCONCLUSIVE",
            ],
        ),
        (
            "silent first",
            "a| b c",
            ONLY,
            "sent 0; wait 2s; sent 1; claim 0; sent 2; claim 1; wait 2s",
            &[
                "han.claim.fresh FAIL",
                "han.link.gap-bridged INCONCLUSIVE telegram 1 of 3 (list 2) was claimed only in answer to a later one; see han.claim.fresh",
                "han.field.value INCONCLUSIVE",
            ],
        ),
    ]);
    let glued = glued(trial(
        "a b c",
        ONLY,
        "sent 0; sent 1; sent 2; claim {} active_import_w=5; claim 0; claim 1; wait 2s",
    ));
    expect(
        "one behind the other",
        &glued,
        &[
            "han.claim.fresh FAIL telegram 1 of 3 (list 2) was answered with a reading from before; 2 more",
            "han.field.value INCONCLUSIVE",
        ],
    );
}

#[test]
fn pairs_in_swapped_order_fail_once_and_no_field() {
    run(&[
        (
            "at once",
            "a b l m",
            "",
            "sent 0; sent 1; claim 1; claim 0; sent 2; sent 3; claim 3; claim 2",
            &["han.claim.once FAIL telegram 1 of 4 (list 2) was claimed after a later one; 1 more"],
        ),
        (
            "after the bench has waited",
            "a l b m",
            "",
            "sent 0; wait 2s; sent 1; claim 1; claim 0; sent 2; wait 2s; sent 3; claim 3; claim 2",
            &[
                "han.claim.once FAIL telegram 1 of 4 (list 2) was claimed after a later one; 1 more",
                "han.claim.in-time FAIL telegram 1 of 4 (list 2) was claimed later than 2 s; 1 more",
            ],
        ),
    ]);
}

/// All but the first telegram right behind the one before.
fn glued(mut trial: Trial) -> Trial {
    for part in &mut trial.stimulus.parts[1..] {
        if let Part::Telegram(telegram) = part {
            telegram.glued = true;
        }
    }
    trial
}

#[test]
fn stuck_on_the_first_of_several_at_once_is_not_twice() {
    expect(
        "stuck",
        &glued(trial(
            "a b c",
            "only=han.claim.fresh,han.claim.explained,han.field.value",
            "sent 0; sent 1; sent 2; claim 0; claim 0; claim 0",
        )),
        &[
            "han.claim.fresh FAIL telegram 2 of 3 (list 2) was answered with the reading of telegram 1; 1 more",
        ],
    );
}
