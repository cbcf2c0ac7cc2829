//! Dongles that claim too much or the wrong reading: each has words of its own (contract, section 3).

use crate::rules::run;

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
            &["han.claim.fresh FAIL telegram 3 of 3 (list 2) was answered with the reading of telegram 2"],
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
            ],
        ),
        (
            "right first, then one behind",
            "a b c",
            "",
            "sent 0; claim 0; sent 1; claim 0; sent 2; claim 1; wait 2s",
            &[
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
