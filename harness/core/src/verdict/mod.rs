//! Judging: what was played in, what was claimed, and whether that was right.
//!
//! Refuses to know how a claim arrived, and never decodes a telegram to learn what is right:
//! expectations come from the reviewed snapshot beside a capture ([`expectation`]).
//!
//! | file | what |
//! |---|---|
//! | [`checks`] | the list of all checks: id, purpose, source |
//! | [`expectation`] | reviewed readings of a capture |
//! | [`stimulus`] | what to play in, made from a capture, with damage |
//! | [`trial`] | stimulus and everything that happened: the evidence |
//! | [`judge`] | trial → outcomes |
//! | [`ct`] | the same for a dongle that measures with clamps |
//! | [`balance`] | a load balancer in the closed loop, judged while it runs |
//! | [`probe`] | the way to a chip through a debug probe |
//! | [`trials`] | all trials of a run, of every kind |
//! | [`results`] | outcomes of a whole run, and its totals |

pub mod balance;
pub mod checks;
pub mod ct;
pub mod expectation;
pub mod judge;
pub mod probe;
pub mod results;
pub mod stimulus;
pub mod trial;
pub mod trials;

use crate::reading::Kind;
use serde::{Deserialize, Serialize};

/// Longest pause inside a frame that a DUT must bridge, in microseconds (contract, section 3).
const GAP_MAX_US: u64 = 200_000;
/// After more silence than this an unfinished frame is over, in microseconds (contract, section 3).
const SILENCE_MIN_US: u64 = 1_000_000;

/// Whether current transformers in front of a meter change what it says of this quantity. Voltages are measured directly.
fn is_scaled(kind: Kind) -> bool {
    use Kind::{ActiveEnergy, ActivePower, Current, ReactiveEnergy, ReactivePower};
    matches!(kind, Current | ActivePower | ReactivePower | ActiveEnergy | ReactiveEnergy)
}

/// What an attempt showed (contract, section 5). Ordered: within one attempt a verdict only gets worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// The rig or the DUT lacks what the check needs; the reason names the missing capability.
    NotApplicable,
    /// Evidence was seen and all of it was right.
    Pass,
    /// The DUT did nothing wrong that can be shown, but the purpose was not met.
    Inconclusive,
    /// Evidence was seen that breaks the rule.
    Fail,
    /// The check could not be carried out.
    Error,
}

impl Verdict {
    /// All verdicts in the order of the totals in `results.json`.
    pub const ALL: [Verdict; 5] =
        [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::NotApplicable, Verdict::Error];

    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Fail => "FAIL",
            Verdict::Inconclusive => "INCONCLUSIVE",
            Verdict::NotApplicable => "NOT_APPLICABLE",
            Verdict::Error => "ERROR",
        }
    }
}

/// Who is to blame for a verdict that is not PASS. Only FAIL with cause `dut` counts against the DUT.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The device under test.
    Dut,
    /// Ports, cables, power of the bench.
    Rig,
    /// hanbench itself.
    Harness,
    /// A file the user wrote.
    Config,
    /// Something did not happen in time, and it is not known whose fault that was.
    Timeout,
}

impl Cause {
    /// The word in `results.json`.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Dut => "dut",
            Cause::Rig => "rig",
            Cause::Harness => "harness",
            Cause::Config => "config",
            Cause::Timeout => "timeout",
        }
    }
}
