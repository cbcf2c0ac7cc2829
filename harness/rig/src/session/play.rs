//! One trial.
//!
//! Lock-step (`Speed::Max`): an intact telegram is sent and its claim awaited, for at most `claim_within`. What is
//! damaged, and noise, is sent without waiting: the intact telegram behind it is the sentinel that shows whether
//! the damage cost anything.
//!
//! No claim of a healthy DUT is missed: every intact telegram is waited for as long as a claim may take. What comes
//! after the last one can only be surplus. It is caught by a settle time, and if it comes still later, it stands at
//! time 0 of the next trial, where no telegram explains it: it is never lost silently, and after a trial with any
//! surplus a program is started anew. When surplus claims were seen, one of them may have been taken for the answer
//! to the last telegram; then the settle time is a whole `claim_within`.

use super::{Speed, told_ratio};
use crate::adapter::Adapter;
use crate::config::Parity;
use crate::dut::{Running, TextLine};
use crate::error::RigError;
use crate::hearing::{End, Hearing, TICK, micros};
use crate::line::{Line, WriteFailure};
use crate::pace::{Lateness, WRITE_WITHIN, Written, byte_time, sharpen_timers, write_paced};
use hanbench_core::verdict::trial::{DutTerms, Part, Pause, Stimulus, TRIAL_VERSION, Telegram, Trial, What};
use std::time::{Duration, Instant};

/// In lock-step, how long a DUT that prints a second line behind a claim may take for it. A DUT that was heard to say
/// more than it was asked for is given as long as at the end.
pub(super) const CLAIM_OVER: Duration = Duration::from_millis(1);
/// Quiet time after the last part in lock-step.
pub(super) const SETTLE_MAX: Duration = Duration::from_millis(25);
/// The same at line speed.
const SETTLE_REAL: Duration = Duration::from_millis(300);
/// After so many telegrams in a row without a claim the rest is not sent: a silent dongle costs seconds.
pub(super) const SILENT_AFTER: usize = 3;
/// Room in the deadline of a trial for what the scheduler does.
const SLACK: Duration = Duration::from_secs(10);

pub(super) struct Play<'a> {
    line: &'a mut Line,
    heard: Hearing<'a>,
    stimulus: &'a Stimulus,
    terms: &'a DutTerms,
    speed: Speed,
    deadline: Instant,
    lateness: Lateness,
    /// Telegrams that a claim was seen for, as far as counting can tell.
    answered: usize,
    /// Intact telegrams sent, and when, since the last claim.
    unanswered: Vec<Instant>,
    /// Intact telegrams sent without waiting, because the next one must follow at once: claims before the first
    /// of them, and how many.
    owed: Option<(usize, usize)>,
    /// Ended early, or a claim was missing.
    trouble: bool,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        line: &'a mut Line,
        dut: &'a mut Running,
        adapter: &'a mut Adapter,
        stimulus: &'a Stimulus,
        terms: &'a DutTerms,
        speed: Speed,
    ) -> Play<'a> {
        sharpen_timers();
        let heard = Hearing::new(dut, adapter);
        Play {
            deadline: heard.start + bound(stimulus, terms, speed),
            line,
            heard,
            stimulus,
            terms,
            speed,
            lateness: Lateness::default(),
            answered: 0,
            unanswered: Vec::new(),
            owed: None,
            trouble: false,
        }
    }

    /// Plays the whole stimulus. `early` are lines that came while the DUT started.
    pub(super) fn run(&mut self, early: Vec<TextLine>) -> Result<(), RigError> {
        let ended = self.heard.hear(&early).and_then(|()| self.parts()).and_then(|()| self.settle());
        self.trouble |= ended.is_err();
        let ended = match ended {
            Err(known @ (End::Lost(_) | End::Restarted(_))) => Err(known),
            // At line speed nobody has looked yet whether something was late.
            _ if self.healthy() && self.speed.factor().is_none() => Ok(()),
            unsure => self.heard.all_heard(Duration::from_micros(self.terms.claim_within_us)).and(unsure),
        };
        let Err(end) = ended else { return Ok(()) };
        self.trouble = true;
        self.heard.ended(end)
    }

    /// Nothing was missing, late or too much: the DUT can go on as it is.
    pub(super) fn healthy(&self) -> bool {
        !self.trouble && self.heard.claims == self.answered
    }

    pub(super) fn into_trial(self) -> Trial {
        Trial {
            version: TRIAL_VERSION,
            stimulus: self.stimulus.clone(),
            dut: self.terms.clone(),
            events: self.heard.into_events(),
            pacing: self.speed.factor().and_then(|_| self.lateness.pacing()),
        }
    }

    fn parts(&mut self) -> Result<(), End> {
        // What arrived since the last trial belongs to this one, at its very beginning.
        self.pump(Instant::now())?;
        let mut cursor = self.heard.start;
        for (index, part) in self.stimulus.parts.iter().enumerate() {
            cursor = match part {
                Part::Silence { us } => {
                    let until = cursor.max(Instant::now()) + Duration::from_micros(*us);
                    self.pump_until(until)?;
                    let took = pause(0, *us, cursor, Instant::now());
                    self.heard.note(until, What::Sent { index, pauses: vec![took] });
                    until
                }
                Part::Noise { bytes, .. } => self.send(index, bytes, &[], cursor)?,
                Part::Ratio { ratio, running } => self.ratio(index, ratio, *running)?,
                Part::Telegram(telegram) => self.telegram(index, telegram, cursor)?,
            };
            self.pump(Instant::now())?;
        }
        Ok(())
    }

    fn telegram(&mut self, index: usize, telegram: &Telegram, cursor: Instant) -> Result<Instant, End> {
        let mut due = cursor;
        if let Some(factor) = self.speed.factor() {
            due = due.max(self.heard.start + Duration::from_secs_f64(telegram.due_us as f64 / 1e6 / factor));
            // Anything that the DUT says before is heard in time; the last stretch is left to the pacing.
            self.pump_until(due.checked_sub(TICK).unwrap_or(due))?;
        }
        let (claims, rejections) = (self.heard.claims, self.heard.rejections);
        let over = self.send(index, &telegram.bytes, &telegram.gaps, due)?;
        if telegram.damage.is_some() {
            return Ok(over);
        }
        if self.next_is_glued(index) && !telegram.optional {
            self.unanswered.push(over);
            let (before, count) = self.owed.unwrap_or((claims, 0));
            self.owed = Some((before, count + 1));
            return Ok(over);
        }
        if telegram.optional {
            if self.speed.factor().is_none() {
                // As long as any other: a late claim must not be taken for the answer to the next telegram.
                self.wait_for(over + Duration::from_micros(self.terms.claim_within_us), |play| {
                    play.heard.claims > claims || play.heard.rejections > rejections
                })?;
                self.answered += usize::from(self.heard.claims > claims);
                self.hear_more()?;
            } else {
                self.answered += 1;
            }
            return Ok(over);
        }
        self.unanswered.push(over);
        let (before, owed) = self.owed.take().map_or((claims, 1), |(before, count)| (before, count + 1));
        if self.speed.factor().is_none() {
            let within = over + Duration::from_micros(self.terms.claim_within_us);
            let complete = self.wait_for(within, |play| play.heard.claims >= before + owed)?;
            self.trouble |= !complete;
            self.answered += owed.min(self.heard.claims - before);
            if complete {
                self.hear_more()?;
            }
        } else {
            self.answered += owed;
        }
        self.give_up_on_silence()?;
        Ok(over)
    }

    /// Tells a running DUT its ratio, after everything that it owes was heard, and waits until it says that it has it.
    /// At a start it has the ratio already.
    fn ratio(&mut self, index: usize, ratio: &str, running: bool) -> Result<Instant, End> {
        if running {
            let within = Duration::from_micros(self.terms.claim_within_us);
            self.wait_for(Instant::now() + within, |play| play.heard.claims >= play.answered)?;
            self.heard.dut.tell(&told_ratio(ratio));
            let told = self.heard.told;
            let heard = self.wait_for(Instant::now() + within, |play| play.heard.told > told)?;
            self.trouble |= !heard;
        }
        let now = Instant::now();
        self.heard.note(now, What::Sent { index, pauses: Vec::new() });
        Ok(now)
    }

    /// What a DUT says right behind a claim must not be taken for the answer to the next telegram.
    fn hear_more(&mut self) -> Result<(), End> {
        let more = if self.heard.claims > self.answered { SETTLE_MAX } else { CLAIM_OVER };
        self.pump_until(Instant::now() + more)
    }

    fn next_is_glued(&self, index: usize) -> bool {
        matches!(self.stimulus.parts.get(index + 1), Some(Part::Telegram(next)) if next.glued)
    }

    /// Stops when the last telegrams, each given its time, brought no claim at all.
    fn give_up_on_silence(&mut self) -> Result<(), End> {
        let within = Duration::from_micros(self.terms.claim_within_us);
        let now = Instant::now();
        let overdue = self.unanswered.iter().filter(|&&sent| now >= sent + within).count();
        if overdue >= SILENT_AFTER {
            let seconds = within.as_secs_f64();
            return Err(End::Stopped(format!("no claim for {overdue} telegrams in a row, {seconds} s each")));
        }
        Ok(())
    }

    /// Sends bytes with the pauses inside them. Returns when the last byte was over.
    fn send(
        &mut self,
        index: usize,
        bytes: &[u8],
        gaps: &[(usize, u64)],
        start: Instant,
    ) -> Result<Instant, End> {
        let mut cursor = start;
        let mut sent = 0;
        let mut over = Instant::now();
        let mut pauses = Vec::new();
        // The pause that the next byte ends: how long it was is known only then.
        let mut open: Option<(Instant, u64)> = None;
        let last = (bytes.len(), 0);
        for &(until, pause_us) in gaps.iter().chain(std::iter::once(&last)) {
            let until = until.clamp(sent, bytes.len());
            if until > sent {
                let written = self.write(&bytes[sent..until], cursor)?;
                pauses.extend(open.take().map(|(from, asked)| pause(sent, asked, from, written.began)));
                pauses.extend(written.stalls.iter().map(|&(after, took)| Pause {
                    after: sent + after,
                    asked_us: 0,
                    took_us: micros(took),
                }));
                over = written.over;
                sent = until;
            }
            if pause_us > 0 {
                cursor = over.max(Instant::now()) + Duration::from_micros(pause_us);
                self.pump_until(cursor)?;
                let (from, asked) = open.unwrap_or((over, 0));
                open = Some((from, asked + pause_us));
            }
        }
        pauses.extend(open.map(|(from, asked)| pause(sent, asked, from, Instant::now())));
        self.heard.note(over, What::Sent { index, pauses });
        Ok(over)
    }

    /// Writes bytes that belong together.
    ///
    /// The end is taken before the write that finishes them: a DUT on another core can answer before this thread
    /// runs again, and no claim may seem to come before its telegram.
    fn write(&mut self, bytes: &[u8], start: Instant) -> Result<Written, End> {
        let written = write(self.line, bytes, start, self.stimulus.baud, self.speed, &mut self.lateness);
        written.map_err(|failure| self.heard.unwritten(failure))
    }

    /// Waits until `done` or `until`; whether it was `done`.
    fn wait_for(&mut self, until: Instant, done: impl Fn(&Self) -> bool) -> Result<bool, End> {
        loop {
            if done(self) {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            self.pump(until)?;
        }
    }

    fn pump_until(&mut self, until: Instant) -> Result<(), End> {
        self.wait_for(until, |_| false).map(drop)
    }

    /// After the last part: first what is still owed at line speed, then until it is quiet.
    fn settle(&mut self) -> Result<(), End> {
        let within = Duration::from_micros(self.terms.claim_within_us);
        if self.speed.factor().is_some()
            && let Some(&last) = self.unanswered.last()
        {
            let complete = self.wait_for(last + within, |play| play.heard.claims >= play.answered)?;
            self.trouble |= !complete;
            self.give_up_on_silence()?;
        }
        let usual = if self.speed.factor().is_none() { SETTLE_MAX } else { SETTLE_REAL };
        let limit = Instant::now() + (within * 2).max(usual * 4);
        loop {
            let quiet = if self.heard.claims > self.answered { within.max(usual) } else { usual };
            let seen = (self.heard.claims, self.heard.rejections);
            let until = limit.min(Instant::now() + quiet);
            if !self.wait_for(until, |play| (play.heard.claims, play.heard.rejections) != seen)?
                || until == limit
            {
                return Ok(());
            }
        }
    }

    /// Hears what arrives, waiting for it no longer than a tick or `until`.
    fn pump(&mut self, until: Instant) -> Result<(), End> {
        if Instant::now() >= self.deadline {
            return Err(End::Stopped("the trial took longer than its deadline".into()));
        }
        let claims = self.heard.claims;
        self.heard.take(until)?;
        if self.heard.claims > claims {
            self.unanswered.clear();
        }
        self.heard.exit()
    }
}

/// Writes bytes as the line and the speed want them: see [`Play::write`].
pub(super) fn write(
    line: &mut Line,
    bytes: &[u8],
    start: Instant,
    baud: u32,
    speed: Speed,
    lateness: &mut Lateness,
) -> Result<Written, WriteFailure> {
    let now = Instant::now();
    if line.paces_itself() {
        let byte = match &*line {
            Line::Serial { byte_time, .. } => *byte_time,
            Line::Pty(_) | Line::Tcp { .. } => byte_time(baud, Parity::None, 1.0),
        };
        return write_paced(line, bytes, start.max(now), byte, lateness);
    }
    if let Some(factor) = speed.factor() {
        return write_paced(line, bytes, start.max(now), byte_time(baud, Parity::None, factor), lateness);
    }
    line.write_all(bytes, now + WRITE_WITHIN)?;
    Ok(Written { began: now, over: now, stalls: Vec::new() })
}

fn pause(after: usize, asked_us: u64, from: Instant, until: Instant) -> Pause {
    Pause { after, asked_us, took_us: micros(until.saturating_duration_since(from)) }
}

/// No trial can take longer than this: the sum of everything that it may wait for.
fn bound(stimulus: &Stimulus, terms: &DutTerms, speed: Speed) -> Duration {
    let factor = speed.factor().map_or(1.0, |factor| factor.min(1.0));
    let byte = byte_time(stimulus.baud, Parity::None, factor);
    let within = Duration::from_micros(terms.claim_within_us);
    let mut total = SLACK + within * 3;
    let mut last_due = 0;
    for part in &stimulus.parts {
        let (bytes, extra) = match part {
            Part::Silence { us } => (0, Duration::from_micros(*us)),
            Part::Noise { bytes, .. } => (bytes.len(), Duration::ZERO),
            Part::Ratio { .. } => (0, within * 2),
            Part::Telegram(telegram) => {
                last_due = last_due.max(telegram.due_us);
                let pauses: u64 = telegram.gaps.iter().map(|(_, us)| us).sum();
                (telegram.bytes.len(), Duration::from_micros(pauses) + within)
            }
        };
        // Twice the time of the bytes: a port server may run slower than the stimulus says.
        let line_time = byte.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX)).saturating_mul(2);
        total = total.saturating_add(extra).saturating_add(line_time).saturating_add(TICK);
    }
    let due = if speed.factor().is_some() { last_due as f64 / 1e6 / factor } else { 0.0 };
    // Instants overflow at some thousands of years; a bound of a year is none, but it does not panic.
    total.saturating_add(Duration::from_secs_f64(due.min(1e7))).min(Duration::from_secs(366 * 86_400))
}
