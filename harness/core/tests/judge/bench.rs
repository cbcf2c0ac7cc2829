//! The bench's own error: what it did wrong is never blamed on the DUT, and proves nothing.

use crate::dsl::trial;
use crate::rules::run;
use hanbench_core::verdict::judge::judge;
use hanbench_core::verdict::{Cause, Verdict};

#[test]
fn what_the_bench_did_wrong_is_not_the_duts() {
    run(&[
        (
            "a pause that got too long, lost",
            "a| b",
            "",
            "sent 0 312ms; wait 2s; sent 1; claim 1",
            &[
                "han.link.gap-bridged INCONCLUSIVE telegram 1 of 2 (list 2): the bench paused 312 ms inside it, 112 ms more than a DUT must bridge",
                "han.claim.once INCONCLUSIVE telegram 1 of 2 (list 2): the bench paused 312 ms inside it",
            ],
        ),
        (
            "a pause that got too long, bridged",
            "a| b",
            "",
            "sent 0 201ms; claim 0; sent 1; claim 1",
            &["han.link.gap-bridged INCONCLUSIVE 1 ms more", "han.claim.once PASS 2 of 2"],
        ),
        (
            "the longest that counts",
            "a| b",
            "",
            "sent 0 200ms; claim 0; sent 1; claim 1",
            &["han.link.gap-bridged PASS 1 of 1"],
        ),
        (
            "a pause that got too short",
            "a| b",
            "",
            "sent 0 150ms; claim 0; sent 1; claim 1",
            &[
                "han.link.gap-bridged INCONCLUSIVE the bench paused only 150 ms inside it, 40 ms less than was asked for",
            ],
        ),
        (
            "a pause that nobody measured",
            "a| b",
            "",
            "sent 0 unmeasured; claim 0; sent 1; claim 1",
            &[
                "han.link.gap-bridged INCONCLUSIVE the evidence does not say how long the bench paused inside it",
            ],
        ),
        (
            "one pause fair and lost, one too long",
            "a| b| c",
            "",
            "sent 0 500ms; sent 1; sent 2; claim 2",
            &["han.link.gap-bridged FAIL telegram 2 of 3", "han.claim.once FAIL telegram 2 of 3"],
        ),
        (
            "a stall that nobody asked for",
            "a ~ b c",
            "",
            "sent 0; claim 0; sent 1; sent 2 1500ms; wait 2s; sent 3; claim 3",
            &[
                "han.link.resync INCONCLUSIVE telegram 2 of 3 (list 2): the bench paused 1500 ms inside it, 1300 ms more",
                "han.claim.once INCONCLUSIVE telegram 2 of 3",
            ],
        ),
        (
            "the intact neighbour of a damaged one",
            "a b!FCS c",
            "",
            "sent 0; claim 0; sent 1; sent 2 900ms; wait 2s",
            &[
                "han.link.fcs-reject INCONCLUSIVE telegram 3 of 3 (list 2): the bench paused 900 ms inside it",
                "han.link.resync INCONCLUSIVE telegram 3 of 3 (list 2): the bench paused 900 ms",
                "han.claim.once INCONCLUSIVE telegram 3 of 3 (list 2): the bench paused 900 ms",
                "han.claim.fresh INCONCLUSIVE",
            ],
        ),
        (
            "a silence that got too short",
            "a b!unfinished _ l",
            "",
            "sent 0; claim 0; sent 1; sent 2 800ms; sent 3; claim 3",
            &[
                "han.link.silence-ends-frame INCONCLUSIVE telegram 3 of 3 (list 1): the bench was silent for only 800 ms before it, and more than 200 ms longer ends a frame",
            ],
        ),
        (
            "a silence that nobody measured",
            "a b!unfinished _ l",
            "",
            "sent 0; claim 0; sent 1; sent 2 unmeasured; sent 3; claim 3",
            &[
                "han.link.silence-ends-frame INCONCLUSIVE the evidence does not say how long the bench was silent",
            ],
        ),
        (
            "a silence that got longer",
            "a b!unfinished _ l",
            "",
            "sent 0; claim 0; sent 1; sent 2 9000ms; sent 3; claim 3",
            &["han.link.silence-ends-frame PASS 1 of 1"],
        ),
    ]);
    let torn = trial("a b", "", "sent 0 900ms; wait 2s; sent 1 900ms; wait 2s; log x");
    for outcome in judge(&torn, "x") {
        assert_eq!(
            (outcome.verdict, outcome.cause),
            (Verdict::Inconclusive, Some(Cause::Rig)),
            "{}",
            outcome.id
        );
        let words = "telegram 1 of 2 (list 2): the bench paused 900 ms inside it, 700 ms more than a DUT must bridge; 1 more";
        assert_eq!(outcome.reason.as_deref(), Some(words), "{}", outcome.id);
    }
}
