//! The bench's own error: what it really sent, against what the stimulus asks for and the contract's limits.
//!
//! A rule about pauses is judged only where the bench made the pauses that the rule is about, and a telegram that the
//! bench itself tore apart is not the DUT's to claim. All words say by how much.

use super::session::Sent;
use crate::verdict::trial::Pause;
use crate::verdict::{GAP_MAX_US, SILENCE_MIN_US};

/// The bench paused inside the telegram for longer than a DUT must bridge.
pub(super) fn torn(pauses: &[Pause]) -> Option<String> {
    let longest = pauses.iter().map(|pause| pause.took_us).max().filter(|took| *took > GAP_MAX_US)?;
    let (took, over) = (ms(longest), ms(longest - GAP_MAX_US));
    Some(format!("the bench paused {took} inside it, {over} more than a DUT must bridge"))
}

/// The pauses inside the telegram are not those that were asked for.
pub(super) fn wrong_gap(sent: &Sent<'_>) -> Option<String> {
    let asked = || sent.pauses.iter().filter(|pause| pause.asked_us > 0);
    let measured: u128 = asked().map(|pause| u128::from(pause.asked_us)).sum();
    let wanted: u128 = sent.telegram.gaps.iter().map(|(_, us)| u128::from(*us)).sum();
    let short = || {
        let pause = asked().find(|pause| pause.took_us < pause.asked_us)?;
        let (took, under) = (ms(pause.took_us), ms(pause.asked_us - pause.took_us));
        Some(format!("the bench paused only {took} inside it, {under} less than was asked for"))
    };
    match measured == wanted {
        true => torn(sent.pauses).or_else(short),
        false => Some("the evidence does not say how long the bench paused inside it".to_string()),
    }
}

/// The silence before the telegram was none that ends a frame. `pauses`: those of the silence.
pub(super) fn short_silence(pauses: &[Pause]) -> Option<String> {
    let Some(pause) = pauses.first() else {
        return Some("the evidence does not say how long the bench was silent before it".to_string());
    };
    let under = SILENCE_MIN_US.checked_sub(pause.took_us)?;
    let (took, under) = (ms(pause.took_us), ms(under));
    Some(format!("the bench was silent for only {took} before it, and more than {under} longer ends a frame"))
}

/// `190.5 ms`.
pub(super) fn ms(us: u64) -> String {
    format!("{} ms", (us / 100) as f64 / 10.0)
}
