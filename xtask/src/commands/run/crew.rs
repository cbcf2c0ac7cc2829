//! Several hands on one list of trials: each takes the next one that nobody plays yet. What comes of it is that of one
//! hand after the other.

use super::play::{interrupted, progress, tell};
use crate::failure::Failure;
use hanbench_rig::RigError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// The trials up to the first that is missing, and why it is.
pub(super) type Played<T> = Result<(Vec<T>, Option<Failure>), Failure>;

/// Plays `count` trials in their order; each of the hands is one thread's own. `keep` is told of each, in order, with
/// those before it, and says whether to go on.
pub(super) fn play<H: Send, T: Send>(
    hands: Vec<H>,
    count: usize,
    trial: impl Fn(&mut H, usize) -> Result<T, RigError> + Sync,
    keep: impl FnMut(&T, &[T]) -> Result<Next, Failure>,
) -> Played<T> {
    let next = AtomicUsize::new(0);
    let (send, receive) = channel();
    thread::scope(|scope| {
        for mut hand in hands {
            let (send, next, trial) = (send.clone(), &next, &trial);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    let played = trial(&mut hand, at);
                    let over = played.is_err() || interrupted().is_some();
                    // Nobody listens any more when nothing more is wanted.
                    if send.send((at, played)).is_err() || over {
                        return;
                    }
                }
            });
        }
        drop(send);
        let gathered = gather(&receive, count, keep);
        // Whatever the reason for the end, nothing new is begun.
        next.store(count, Ordering::Relaxed);
        gathered
    })
}

/// What becomes of a trial, and whether others follow.
pub(super) enum Next {
    /// It is kept.
    GoOn,
    /// It is kept, and nothing more is played.
    Enough,
    /// It was cut short and is none.
    Drop,
}

/// Takes trials as they come and keeps them in order, up to the first that is missing.
fn gather<T>(
    receive: &Receiver<(usize, Result<T, RigError>)>,
    count: usize,
    mut keep: impl FnMut(&T, &[T]) -> Result<Next, Failure>,
) -> Played<T> {
    let bar = progress(count);
    let (mut waiting, mut trials) = (BTreeMap::new(), Vec::new());
    for (at, played) in receive {
        waiting.insert(at, played);
        while let Some(played) = waiting.remove(&trials.len()) {
            let trial = match played {
                Ok(trial) => trial,
                Err(error) => {
                    bar.finish_and_clear();
                    return Ok((trials, Some(error.into())));
                }
            };
            let next = keep(&trial, &trials)?;
            if !matches!(next, Next::Drop) {
                tell(&bar, trials.len() + 1, count);
                trials.push(trial);
            }
            if !matches!(next, Next::GoOn) {
                bar.finish_and_clear();
                return Ok((trials, interrupted()));
            }
        }
    }
    bar.finish_and_clear();
    Ok((trials, interrupted()))
}
