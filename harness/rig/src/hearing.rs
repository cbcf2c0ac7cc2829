//! What a DUT says during one trial, and why a trial ends early: the same for telegrams and for waveforms.
//!
//! Refuses to know what was to be said: it counts, and whoever plays a trial compares.

use crate::adapter::{self, Adapter};
use crate::dut::{Gone, Running, Stream, TextLine};
use crate::error::RigError;
use crate::interrupt::interrupted;
use crate::line::WriteFailure;
use crate::pace::WRITE_WITHIN;
use hanbench_core::verdict::trial::{Event, What};
use std::time::{Duration, Instant};

/// Longest wait for lines before Ctrl-C, exit and idle adapters are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(20);
/// Most events of one trial.
const EVENTS_MAX: usize = 10_000;
/// Most text in one trial, in bytes.
const TEXT_MAX: usize = 4 << 20;

/// Why a trial ended early.
pub(crate) enum End {
    /// Nothing more is sent; the words go into the evidence. The rig or the user is the reason.
    Stopped(String),
    /// The same, because of what the DUT does.
    Misbehaved(String),
    /// The DUT ended by itself.
    Exited(String),
    /// The chip of the DUT restarted unasked.
    Restarted(String),
    /// The bench could not hear the DUT.
    Unheard(String),
    /// The rig is gone.
    Lost(RigError),
}

/// Everything that happened in one trial, as far as it is known.
pub(crate) struct Hearing<'a> {
    pub(crate) dut: &'a mut Running,
    adapter: &'a mut Adapter,
    /// Time 0 of the trial.
    pub(crate) start: Instant,
    pub(crate) claims: usize,
    pub(crate) rejections: usize,
    /// How often the DUT said that it was set.
    pub(crate) told: usize,
    events: Vec<Event>,
    text: usize,
}

impl<'a> Hearing<'a> {
    /// Starts the clock of the trial.
    pub(crate) fn new(dut: &'a mut Running, adapter: &'a mut Adapter) -> Hearing<'a> {
        dut.hear_anew();
        let (start, events) = (Instant::now(), Vec::new());
        Hearing { dut, adapter, start, claims: 0, rejections: 0, told: 0, events, text: 0 }
    }

    /// Hears what arrives, waiting for it no longer than a tick or `until`, and hands it on. Whether the DUT is still
    /// there is asked for with [`Hearing::exit`], behind whatever its lines mean.
    pub(crate) fn take(&mut self, until: Instant) -> Result<Vec<TextLine>, End> {
        if interrupted() {
            return Err(End::Stopped("interrupted".into()));
        }
        let lines = self.dut.inbox().take(until.min(Instant::now() + TICK));
        self.hear(&lines)?;
        if let Some((at, what)) = self.adapter.idle(Instant::now()) {
            self.note(at, what);
        }
        if self.dut.inbox().take_flooded() {
            return Err(flooded());
        }
        Ok(lines)
    }

    pub(crate) fn hear(&mut self, lines: &[TextLine]) -> Result<(), End> {
        for line in lines {
            if let Running::Program(program) = &mut *self.dut
                && line.stream == Stream::Log
            {
                program.note_words(&line.text);
            }
            self.text += line.text.len();
            for (at, what) in self.adapter.line(line) {
                self.note(at, what);
            }
            if self.events.len() >= EVENTS_MAX || self.text > TEXT_MAX {
                return Err(flooded());
            }
        }
        Ok(())
    }

    pub(crate) fn note(&mut self, at: Instant, what: What) {
        match &what {
            What::Claim { .. } => self.claims += 1,
            What::Rejected { .. } => self.rejections += 1,
            What::Log { line } if adapter::is_event(line, "set") => self.told += 1,
            What::Sent { .. }
            | What::Log { .. }
            | What::Exited { .. }
            | What::Stopped { .. }
            | What::Restarted { .. }
            | What::Unheard { .. } => {}
        }
        self.events.push(Event { t_us: micros(at.saturating_duration_since(self.start)), what });
    }

    /// Ends the trial when the DUT is gone, after its last lines were heard.
    pub(crate) fn exit(&mut self) -> Result<(), End> {
        match self.dut.gone() {
            None => Ok(()),
            Some(Gone::Lost(error)) => Err(End::Lost(error)),
            Some(Gone::Restarted(why)) => {
                let lines = self.dut.inbox().take(Instant::now());
                self.hear(&lines)?;
                Err(End::Restarted(why))
            }
            Some(Gone::Exited(how)) => {
                let lines = self.dut.inbox().take(Instant::now());
                self.hear(&lines)?;
                let words = match &*self.dut {
                    Running::Program(program) => program.last_words(),
                    Running::Console(_) | Running::Firmware(_) => String::new(),
                };
                let last = if words.is_empty() { "it printed no error".to_string() } else { words };
                Err(End::Exited(format!("{how}: {last}")))
            }
        }
    }

    /// For a trial in which something is missing, or may be late: what it means where the DUT could not be heard for a
    /// quarter of the time that a claim may take. First waits until it can be heard again, or is lost.
    pub(crate) fn all_heard(&mut self, within: Duration) -> Result<(), End> {
        let limit = within / 4;
        // Ends, because whoever cannot hear gives up by itself.
        while self.dut.deaf().0 > limit {
            self.take(Instant::now() + TICK)?;
            self.exit()?;
        }
        if self.dut.deaf().1 <= limit {
            return Ok(());
        }
        let limit = limit.as_secs_f64();
        Err(End::Unheard(format!(
            "the probe did not answer for more than {limit} s, so that nothing was heard"
        )))
    }

    /// What it means that bytes were not taken.
    pub(crate) fn unwritten(&mut self, failure: WriteFailure) -> End {
        match failure {
            WriteFailure::Interrupted(_) => End::Stopped("interrupted".into()),
            WriteFailure::Stuck(_) => self.exit().err().unwrap_or_else(|| {
                let seconds = WRITE_WITHIN.as_secs();
                End::Misbehaved(format!("the DUT does not read: no byte was taken for {seconds} s"))
            }),
            WriteFailure::Lost(error) => End::Lost(error),
        }
    }

    /// Notes an early end as the last event; only a lost rig leaves no trial behind.
    pub(crate) fn ended(&mut self, end: End) -> Result<(), RigError> {
        let what = match end {
            End::Stopped(why) => What::Stopped { why, misbehaved: false },
            End::Misbehaved(why) => What::Stopped { why, misbehaved: true },
            End::Exited(how) => What::Exited { how },
            End::Restarted(why) => What::Restarted { why },
            End::Unheard(why) => What::Unheard { why },
            End::Lost(error) => return Err(error),
        };
        self.note(Instant::now(), what);
        Ok(())
    }

    /// All events by time. Lines of two streams and the bench's own notes; equal times keep the order in which they
    /// were noted.
    pub(crate) fn into_events(mut self) -> Vec<Event> {
        self.events.sort_by_key(|event| event.t_us);
        self.events
    }
}

/// A time in whole microseconds.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// One sentence for both bounds: which of them is met first depends on the scheduler.
fn flooded() -> End {
    let mib = TEXT_MAX >> 20;
    End::Misbehaved(format!("the DUT printed more than {EVENTS_MAX} lines or {mib} MiB in one trial"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Readings;
    use crate::dut::{Firmware, Said, Talk};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A channel with one look that takes a while, and whether anything comes of it. It begins when told to.
    #[derive(Debug)]
    struct Stalls {
        go: Arc<AtomicBool>,
        look: Option<(Duration, bool)>,
    }

    impl Talk for Stalls {
        fn read(&mut self) -> Result<Said, RigError> {
            if self.go.load(Ordering::Relaxed)
                && let Some((takes, comes_back)) = self.look.take()
            {
                std::thread::sleep(takes);
                if !comes_back {
                    return Err(RigError::Lost { what: "the chip".into(), why: "no answer".into() });
                }
            }
            Ok(Said::Bytes(Vec::new()))
        }

        fn write(&mut self, _bytes: &[u8]) -> Result<usize, RigError> {
            Ok(0)
        }
    }

    fn after(stall: Duration, comes_back: bool, within: Duration) -> Result<(), End> {
        let go = Arc::new(AtomicBool::new(false));
        let channel = Stalls { go: Arc::clone(&go), look: Some((stall, comes_back)) };
        let mut dut = Running::Firmware(Firmware::on(Box::new(channel)));
        let mut adapter = Adapter::new(Readings::Jsonl);
        let mut heard = Hearing::new(&mut dut, &mut adapter);
        go.store(true, Ordering::Relaxed);
        let until = Instant::now() + Duration::from_secs(10);
        while heard.dut.deaf().1 < stall / 2 {
            assert!(Instant::now() < until, "it never looked");
            std::thread::sleep(Duration::from_millis(1));
        }
        heard.all_heard(within)
    }

    #[test]
    fn who_could_not_be_heard_owes_nothing_and_who_is_lost_is_lost() {
        let stall = Duration::from_millis(300);
        let (tight, wide) = (Duration::from_millis(200), Duration::from_secs(600));
        assert!(after(stall, true, wide).is_ok(), "a short one changes nothing");
        assert!(matches!(after(stall, true, tight), Err(End::Unheard(_))));
        assert!(matches!(after(stall, false, tight), Err(End::Lost(_))));
    }
}
