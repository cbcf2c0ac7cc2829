//! Waiting for a thread that drives a probe, no longer than it is worth it.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How soon a wait notices that someone wants the program to end.
const LOOK: Duration = Duration::from_millis(20);

/// How waiting ended without what was waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Missed {
    /// Time was up.
    Late,
    /// Someone wants the program to end, and the grace for it was up.
    Interrupted,
    /// The thread is gone without a word.
    Ended,
}

/// Waits for what the thread sends, for `within`; from the moment that `interrupted` says so, no longer than `grace`.
pub(super) fn wait<T>(
    outcome: &Receiver<T>,
    (within, grace): (Duration, Duration),
    interrupted: impl Fn() -> bool,
) -> Result<T, Missed> {
    let (mut until, mut missed) = (Instant::now() + within, Missed::Late);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match outcome.recv_timeout(left.min(LOOK)) {
            Ok(came) => return Ok(came),
            Err(RecvTimeoutError::Disconnected) => return Err(Missed::Ended),
            Err(RecvTimeoutError::Timeout) if left.is_zero() => return Err(missed),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let limit = Instant::now() + grace;
        if missed == Missed::Late && limit < until && interrupted() {
            (until, missed) = (limit, Missed::Interrupted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const NEVER: Duration = Duration::from_secs(60);

    #[test]
    fn an_interrupt_shortens_a_wait_and_does_not_lengthen_one() {
        let (sender, outcome) = channel::<()>();
        let started = Instant::now();
        let (short, grace) = (Duration::from_millis(60), Duration::from_millis(30));
        assert_eq!(wait(&outcome, (NEVER, grace), || true), Err(Missed::Interrupted));
        assert_eq!(wait(&outcome, (short, grace), || false), Err(Missed::Late));
        assert_eq!(wait(&outcome, (short, NEVER), || true), Err(Missed::Late));
        drop(sender);
        assert_eq!(wait(&outcome, (NEVER, NEVER), || false), Err(Missed::Ended));
        assert!(started.elapsed() < NEVER / 2);
    }

    #[test]
    fn what_comes_in_the_grace_still_counts() {
        let (sender, outcome) = channel();
        let late = std::thread::spawn(move || {
            std::thread::sleep(LOOK * 3);
            sender.send(7)
        });
        assert_eq!(wait(&outcome, (NEVER, NEVER / 2), || true), Ok(7));
        assert_eq!(late.join().expect("a thread"), Ok(()));
    }
}
