//! A rig's DUT as the dongle of the closed loop: it gets the bytes of the simulated meter, and a balancer hears what it
//! really claims.
//!
//! The time that it took becomes delay in virtual time. In lock-step the loop waits for each claim as long as one may
//! take, and nothing else takes time. At line speed virtual time never runs ahead of the wall clock.
//!
//! A DUT that says nothing gives no reading; that the balancer notices it is what is tested. What comes later than a claim
//! may, or without a telegram, is heard with the next telegram: no sooner than it was said.

use super::play::{CLAIM_OVER, SETTLE_MAX, SILENT_AFTER, write};
use super::{Session, Speed, readings};
use crate::adapter::Adapter;
use crate::config::Rig;
use crate::error::RigError;
use crate::hearing::{End, Hearing};
use crate::interrupt::interrupted;
use crate::pace::{Lateness, sharpen_timers, sleep_until};
use hanbench_core::balance::Trouble;
use hanbench_core::sim::{Claim, Dongle, Heard, claimed};
use hanbench_core::verdict::trial::{Event, NO_RATIO, Pacing, What};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Speed of the simulated meter's port (han-protocol, section 1).
const BAUD: u32 = 2400;

/// The DUT of a rig in the closed loop. One is used for many runs: [`LoopDongle::begin`] before each, and
/// [`LoopDongle::finish`] behind it.
#[derive(Debug)]
pub struct LoopDongle {
    session: Session,
    /// Time 0 of the run.
    start: Instant,
    heard: Vec<Heard>,
    /// Telegrams in a row without a claim.
    unanswered: usize,
    /// It was heard to say more than it was asked for.
    talks_more: bool,
    lateness: Lateness,
}

impl LoopDongle {
    /// Takes hold of the rig, see [`Session::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open(rig: Rig, speed: Speed, virtual_dongle: Option<PathBuf>) -> Result<LoopDongle, RigError> {
        let session = Session::open(rig, speed, virtual_dongle)?;
        Ok(LoopDongle {
            session,
            start: Instant::now(),
            heard: Vec::new(),
            unanswered: 0,
            talks_more: false,
            lateness: Lateness::default(),
        })
    }

    /// Starts a run, with a program that knows nothing of the last one. The wall clock is 0 from now on.
    ///
    /// # Errors
    /// [`RigError::Start`], or a port that is gone.
    pub fn begin(&mut self) -> Result<(), RigError> {
        sharpen_timers();
        self.session.renew();
        self.session.set_ratio(NO_RATIO);
        self.session.adapter = Adapter::new(readings(&self.session.rig));
        match &self.session.bench {
            // It cannot be started anew: what it said until now belongs to no run.
            Some(bench) => drop(bench.dut.inbox().take(Instant::now())),
            None => self.session.bench = Some(self.session.open_bench()?),
        }
        (self.heard, self.lateness) = (Vec::new(), Lateness::default());
        (self.unanswered, self.talks_more) = (0, false);
        self.start = Instant::now();
        Ok(())
    }

    /// Ends a run: what was heard in it, to be played again, and how late bytes were where they were paced.
    pub fn finish(&mut self) -> (Vec<Heard>, Option<Pacing>) {
        self.session.renew();
        if let Some(bench) = &self.session.bench {
            self.session.calm_down(bench);
        }
        let pacing = std::mem::take(&mut self.lateness).pacing();
        (std::mem::take(&mut self.heard), pacing.filter(|_| self.session.speed.factor().is_some()))
    }

    /// How long a claim is waited for. A DUT that has been silent for some telegrams is not waited for in lock-step,
    /// only listened to: it would cost hours.
    fn patience(&self) -> Duration {
        let silent = self.unanswered >= SILENT_AFTER && self.session.speed == Speed::Max;
        if silent { CLAIM_OVER } else { Duration::from_micros(self.session.rig.terms.claim_within_us) }
    }

    /// One telegram, and what is said to it.
    fn telegram(&mut self, bytes: &[u8]) -> Result<Vec<Claim>, End> {
        let (patience, speed) = (self.patience(), self.session.speed);
        let within = Duration::from_micros(self.session.rig.terms.claim_within_us);
        let session = &mut self.session;
        let Some(bench) = &mut session.bench else {
            return Err(End::Stopped("the run was never begun".into()));
        };
        let mut heard = Hearing::new(&mut bench.dut, &mut session.adapter);
        let start = heard.start;
        heard.hear(&std::mem::take(&mut session.early))?;
        heard.take(start)?;
        let (before, refused) = (heard.claims, heard.rejections);
        let written = write(&mut bench.line, bytes, start, BAUD, speed, &mut self.lateness);
        let over = written.map_err(|failure| heard.unwritten(failure))?.over;
        let until = over + patience;
        while heard.claims == before && heard.rejections == refused && Instant::now() < until {
            heard.take(until)?;
            heard.exit()?;
        }
        if heard.claims == before && heard.rejections == refused {
            heard.all_heard(within)?;
        }
        let more = if self.talks_more { SETTLE_MAX } else { CLAIM_OVER };
        let until = Instant::now() + more;
        while Instant::now() < until {
            heard.take(until)?;
        }
        heard.exit()?;
        // Claims that come late are owed and no surplus.
        self.talks_more |= heard.claims > self.unanswered + 1;
        self.unanswered = if heard.claims > 0 { 0 } else { self.unanswered + 1 };
        let events = heard.into_events();
        Ok(events.iter().filter_map(|event| claim(event, start, over)).collect())
    }
}

/// A claim, and how long behind the last byte it came; what came before it has waited for the telegram.
fn claim(event: &Event, start: Instant, over: Instant) -> Option<Claim> {
    let What::Claim { claim, .. } = &event.what else { return None };
    let at = start + Duration::from_micros(event.t_us);
    let delay_ms = at.saturating_duration_since(over).as_millis();
    Some((u64::try_from(delay_ms).unwrap_or(u64::MAX), claimed(claim)))
}

impl Dongle for LoopDongle {
    fn hear(&mut self, t_ms: u64, bytes: &[u8], claims: &mut Vec<Claim>) -> Result<(), Trouble> {
        let said = self.telegram(bytes).map_err(|end| match end {
            End::Exited(how) | End::Misbehaved(how) => Trouble::Dongle(how),
            End::Stopped(why) | End::Restarted(why) | End::Unheard(why) => Trouble::Rig(why),
            End::Lost(error) => Trouble::Rig(error.to_string()),
        })?;
        claims.extend(&said);
        self.heard.push(Heard { t_ms, claims: said });
        Ok(())
    }

    fn wait(&mut self, t_ms: u64) -> Result<(), Trouble> {
        let due =
            self.session.speed.factor().map(|factor| Duration::from_secs_f64(t_ms as f64 / 1000.0 / factor));
        let on = due.map_or_else(|| !interrupted(), |due| sleep_until(self.start + due));
        if on { Ok(()) } else { Err(Trouble::Rig("interrupted".into())) }
    }
}
