//! What can go wrong between a rig file and a chip at the end of a debug cable.

use hanbench_core::verdict::Cause;
use probe_rs::architecture::arm::{ArmError, DapError};
use probe_rs::probe::DebugProbeError;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A step with the probe that failed. Never the device's fault: a probe sees cables, power and chips.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeError {
    /// What was being done, such as `attach`.
    pub step: &'static str,
    /// Why it failed: every error from the outermost to the innermost, or what to do.
    pub why: String,
    /// [`Cause::Rig`], [`Cause::Config`] or [`Cause::Timeout`].
    pub cause: Cause,
    /// Nothing answered on the debug line: cable, power, or a probe that is gone. The session cannot go on, because what
    /// probe-rs remembers of the chip's registers may no longer be so.
    pub line_lost: bool,
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "probe, {}: {}", self.step, self.why)
    }
}

impl Error for ProbeError {}

impl ProbeError {
    /// The bench: cable, power, chip.
    pub(super) fn rig(step: &'static str, why: impl Into<String>) -> ProbeError {
        ProbeError { step, why: why.into(), cause: Cause::Rig, line_lost: false }
    }

    /// A file of the user: rig file, image, key.
    pub(super) fn config(step: &'static str, why: impl Into<String>) -> ProbeError {
        ProbeError { step, why: why.into(), cause: Cause::Config, line_lost: false }
    }

    /// Nothing came back in time.
    pub(super) fn late(step: &'static str, within: Duration, what: &str) -> ProbeError {
        let why = format!("{what} within {} ms", within.as_millis());
        ProbeError { step, why, cause: Cause::Timeout, line_lost: false }
    }

    /// What probe-rs says, with its whole chain.
    pub(super) fn of(step: &'static str, error: &(dyn Error + 'static)) -> ProbeError {
        let cause = if errors(error).any(is_timeout) { Cause::Timeout } else { Cause::Rig };
        ProbeError { step, why: chain(error), cause, line_lost: errors(error).any(is_silence) }
    }

    /// The exit code of the contract, section 1.
    pub fn exit_code(&self) -> u8 {
        if self.cause == Cause::Config { 2 } else { 3 }
    }
}

fn errors<'a>(outermost: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(outermost), |error| (*error).source())
}

/// Every error of the chain in one line. What an error only repeats of the one before it is said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for error in errors(error) {
        let words = error.to_string();
        let words = words.trim().trim_end_matches('.');
        if text.is_empty() {
            text.push_str(words);
        } else if !text.ends_with(words) {
            text.push_str(": ");
            text.push_str(words);
        }
    }
    text
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(probe_rs::Error::Timeout))
        || matches!(error.downcast_ref(), Some(ArmError::Timeout))
        || matches!(error.downcast_ref(), Some(DebugProbeError::Timeout))
}

/// A Glasgow probe says that nothing answered with an error of the protocol.
fn is_silence(error: &(dyn Error + 'static)) -> bool {
    let silent = |error: &DapError| matches!(error, DapError::NoAcknowledge | DapError::Protocol(_));
    error.downcast_ref().is_some_and(silent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Outer(&'static str, #[source] Box<dyn Error + Send + Sync>);

    #[test]
    fn the_whole_chain_is_said_once_and_a_timeout_at_its_end_is_one() {
        let inner = Outer("reading DRW.", "no answer".into());
        let error = ProbeError::of("attach", &Outer("reading DRW", Box::new(inner)));
        assert_eq!(error.to_string(), "probe, attach: reading DRW: no answer");
        assert_eq!((error.cause, error.exit_code()), (Cause::Rig, 3));
        let late = ProbeError::of("reset", &Outer("reset", Box::new(probe_rs::Error::Timeout)));
        assert_eq!((late.cause, late.line_lost), (Cause::Timeout, false));
        assert!(ProbeError::of("reset", &Outer("reset", Box::new(DapError::NoAcknowledge))).line_lost);
        assert_eq!(ProbeError::config("flash", "x").exit_code(), 2);
    }
}
