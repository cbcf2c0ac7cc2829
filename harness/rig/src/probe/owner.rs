//! The thread that owns a session, and the handle that gives it steps.

use super::ProbeError;
use super::attach::attach;
use super::watch::{Missed, wait};
use crate::config::ProbeSettings;
use crate::interrupt::interrupted;
use probe_rs::rtt::Rtt;
use probe_rs::{Core, MemoryInterface, Session};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long a step may take before the probe counts as lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// Opening the probe and attaching to the chip.
    pub attach: Duration,
    /// Any step but flashing.
    pub step: Duration,
    /// Writing and verifying an image.
    pub flash: Duration,
}

impl Default for Deadlines {
    /// Generous for a slow probe: a megabyte at 10 kB/s is flashed in 100 s.
    fn default() -> Deadlines {
        Deadlines {
            attach: Duration::from_secs(4),
            step: Duration::from_secs(2),
            flash: Duration::from_secs(180),
        }
    }
}

/// What is attached, for the head of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct About {
    /// The probe's own name.
    pub probe: String,
    /// The chip as probe-rs calls it.
    pub chip: String,
    /// Clock of the debug line, as the probe says.
    pub speed_khz: u32,
}

/// Everything that lives in the thread.
pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) rtt: Option<Rtt>,
}

impl Bench {
    /// The first core, which is the one that firmware of a dongle runs on.
    pub(super) fn core(&mut self, step: &'static str) -> Result<Core<'_>, ProbeError> {
        self.session.core(0).map_err(|error| ProbeError::of(step, &error))
    }

    /// Refuses an address that the image gives for `symbol` and that is no RAM of the chip: what lies there may be anything.
    /// A chip that probe-rs knows only by its core has any RAM.
    fn is_in_ram(&self, step: &'static str, symbol: &str, address: u64) -> Result<(), ProbeError> {
        let target = self.session.target();
        let mut known = target.memory_map.iter().filter_map(|region| region.as_ram_region()).peekable();
        if known.peek().is_none() || known.any(|ram| ram.range.contains(&address)) {
            return Ok(());
        }
        let name = &target.name;
        let what = format!("the image has `{symbol}` at {address:#010x}, where {name} has no RAM");
        Err(ProbeError::config(step, what))
    }
}

impl Drop for Bench {
    /// Lets the core run again. probe-rs leaves it halted where a chip's own sequence for the end of a session (all STM32)
    /// takes the place of the general one.
    fn drop(&mut self) {
        // Without a cable there is nothing to let run.
        let _ = self.session.resume_all_cores();
    }
}

type Work = Box<dyn FnOnce(&mut Bench) + Send>;

#[derive(Debug)]
enum Line {
    /// The thread takes steps.
    Open(Sender<Work>),
    /// Nothing answered any more, and the thread has ended the session or is about to.
    Lost,
    /// A step missed its deadline, and the thread is still at it.
    Stuck,
}

/// A session with a chip. Dropping it lets the chip run and frees the probe.
#[derive(Debug)]
pub struct Probe {
    about: About,
    pub(super) deadlines: Deadlines,
    /// What images have to be signed with, as the rig file says.
    pub(super) signed_by: Option<PathBuf>,
    line: Line,
    /// Ends when the thread does.
    thread: Receiver<()>,
}

impl Probe {
    /// Opens the probe that the rig file names and attaches to the chip.
    ///
    /// # Errors
    ///
    /// No such probe or chip, a chip that does not answer or is another one than the rig file says, or none of that known
    /// within [`Deadlines::attach`].
    pub fn open(settings: &ProbeSettings, deadlines: Deadlines) -> Result<Probe, ProbeError> {
        const STEP: &str = "attach";
        let (work, steps) = channel::<Work>();
        let (attached, outcome) = channel();
        let (alive, thread) = channel();
        let (settings, signed_by) = (settings.clone(), settings.signed_by.clone());
        let body = move || {
            let _alive = alive;
            let (session, about) = match attach(&settings) {
                Ok(attached) => attached,
                Err(error) => {
                    // Whoever no longer listens has been told that time was up.
                    let _ = attached.send(Err(error));
                    return;
                }
            };
            let mut bench = Bench { session, rtt: None };
            if attached.send(Ok(about)).is_ok() {
                let panicked = |step: Work| catch_unwind(AssertUnwindSafe(|| step(&mut bench))).is_err();
                if steps.into_iter().any(panicked) {
                    // Dropped, it would ask its probe once more, and a second panic ends the whole program.
                    std::mem::forget(bench);
                }
            }
        };
        std::thread::Builder::new()
            .name("probe".into())
            .spawn(body)
            .map_err(|error| ProbeError::rig(STEP, error.to_string()))?;
        let about = match wait(&outcome, (deadlines.attach, deadlines.step), interrupted) {
            Ok(about) => about?,
            Err(Missed::Late) => {
                let what =
                    "neither a chip nor an error; is the cable plugged in and the chip powered? Nothing";
                return Err(ProbeError::late(STEP, deadlines.attach, what));
            }
            Err(missed) => return Err(given_up(STEP, missed)),
        };
        Ok(Probe { about, deadlines, signed_by, line: Line::Open(work), thread })
    }

    /// What is attached.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Stops the core.
    ///
    /// # Errors
    ///
    /// The chip does not answer, or not in time.
    pub fn halt(&mut self) -> Result<(), ProbeError> {
        const STEP: &str = "halt";
        let within = self.deadlines.step;
        self.perform(STEP, within, move |bench| {
            bench.core(STEP)?.halt(within / 2).map(drop).map_err(|error| ProbeError::of(STEP, &error))
        })
    }

    /// Lets the core run.
    ///
    /// # Errors
    ///
    /// As [`Probe::halt`].
    pub fn run(&mut self) -> Result<(), ProbeError> {
        const STEP: &str = "run";
        self.perform(STEP, self.deadlines.step, |bench| {
            bench.core(STEP)?.run().map_err(|error| ProbeError::of(STEP, &error))
        })
    }

    /// Resets the chip and lets it run. RTT has to be attached again, because its control block is made anew; the old one
    /// is made invalid first, so that it cannot be mistaken for the new.
    ///
    /// # Errors
    ///
    /// As [`Probe::halt`].
    pub fn reset(&mut self) -> Result<(), ProbeError> {
        const STEP: &str = "reset";
        let within = self.deadlines.step;
        self.perform(STEP, within, move |bench| {
            bench.forget_rtt(STEP, within / 4)?;
            bench.core(STEP)?.reset().map_err(|error| ProbeError::of(STEP, &error))
        })
    }

    /// Resets the chip and holds it before its first instruction.
    ///
    /// # Errors
    ///
    /// As [`Probe::halt`].
    pub fn reset_and_halt(&mut self) -> Result<(), ProbeError> {
        const STEP: &str = "reset and halt";
        let within = self.deadlines.step;
        self.perform(STEP, within, move |bench| {
            bench.forget_rtt(STEP, within / 4)?;
            let halted = bench.core(STEP)?.reset_and_halt(within / 4);
            halted.map(drop).map_err(|error| ProbeError::of(STEP, &error))
        })
    }

    /// Refuses a symbol of an image that does not lie in the RAM of the chip, as far as probe-rs knows its RAM.
    ///
    /// # Errors
    ///
    /// It is elsewhere.
    pub fn check_ram(&mut self, symbol: &'static str, address: u64) -> Result<(), ProbeError> {
        const STEP: &str = "find a symbol";
        self.perform(STEP, self.deadlines.step, move |bench| bench.is_in_ram(STEP, symbol, address))
    }

    /// Reads memory while the core runs.
    ///
    /// # Errors
    ///
    /// As [`Probe::halt`], and an address where nothing is.
    pub fn read(&mut self, address: u64, len: usize) -> Result<Vec<u8>, ProbeError> {
        const STEP: &str = "read memory";
        self.perform(STEP, self.deadlines.step, move |bench| {
            let mut bytes = vec![0; len];
            let read = bench.core(STEP)?.read(address, &mut bytes);
            read.map(|()| bytes).map_err(|error| ProbeError::of(STEP, &error))
        })
    }

    /// Writes RAM while the core runs.
    ///
    /// # Errors
    ///
    /// As [`Probe::read`].
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), ProbeError> {
        const STEP: &str = "write memory";
        let bytes = bytes.to_vec();
        self.perform(STEP, self.deadlines.step, move |bench| {
            bench.core(STEP)?.write(address, &bytes).map_err(|error| ProbeError::of(STEP, &error))
        })
    }

    /// Has the thread do something, and waits for that.
    pub(super) fn perform<T: Send + 'static>(
        &mut self,
        step: &'static str,
        within: Duration,
        work: impl FnOnce(&mut Bench) -> Result<T, ProbeError> + Send + 'static,
    ) -> Result<T, ProbeError> {
        let (done, outcome) = channel();
        let thread = match &self.line {
            Line::Open(thread) => thread,
            Line::Lost => {
                return Err(ProbeError::rig(step, "the chip was lost before; open the probe again"));
            }
            Line::Stuck => {
                let why = "an earlier step missed its deadline, and the probe was given up; open it again";
                return Err(ProbeError::rig(step, why));
            }
        };
        let work: Work = Box::new(move |bench| {
            // Nobody listens any more when time was up.
            let _ = done.send(work(bench));
        });
        if thread.send(work).is_err() {
            return Err(given_up(step, Missed::Ended));
        }
        match wait(&outcome, (within, self.deadlines.step), interrupted) {
            Ok(Err(error)) if error.line_lost => {
                self.line = Line::Lost;
                Err(error)
            }
            Ok(result) => result,
            Err(Missed::Late) => {
                self.line = Line::Stuck;
                Err(ProbeError::late(step, within, "the probe did not come back"))
            }
            Err(missed) => {
                self.line = Line::Stuck;
                Err(given_up(step, missed))
            }
        }
    }
}

impl Drop for Probe {
    /// Waits for the session to end, which lets the chip run again, but no longer than for any other step.
    fn drop(&mut self) {
        // Without the other end of the channel the thread comes to its end.
        if !matches!(std::mem::replace(&mut self.line, Line::Lost), Line::Stuck) {
            let _ = self.thread.recv_timeout(self.deadlines.step);
        }
    }
}

/// What it means that the thread has nothing to say any more, other than that time was up.
fn given_up(step: &'static str, missed: Missed) -> ProbeError {
    match missed {
        Missed::Interrupted => ProbeError::rig(step, "interrupted, and not finished soon after"),
        // Only a panic inside probe-rs ends the thread so.
        Missed::Late | Missed::Ended => {
            ProbeError::rig(step, "the software that drives the probe gave up; its message stands in the log")
        }
    }
}
