//! Plays stimuli into a DUT, one trial at a time, and keeps everything that happened.
//!
//! Refuses to judge. It looks at claims only to know when to go on, never at their values.

mod closed_loop;
mod play;

pub use closed_loop::LoopDongle;

use crate::adapter::Adapter;
use crate::config::{Dut, Input, Readings, Rig};
use crate::dut::{Console, Program, Running, TextLine};
use crate::error::RigError;
use crate::interrupt::interrupted;
use crate::line::Line;
use crate::lock::Lock;
use crate::probe::ChipBench;
use hanbench_core::verdict::trial::{NO_RATIO, Part, RatioSetting, Stimulus, TRIAL_VERSION, Trial};
use play::Play;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How fast a stimulus is played. One about the speed of the line ([`Stimulus::paced`]) is always played at that
/// speed: what is judged is a time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Speed {
    /// Lock-step: the next part as soon as the DUT has answered. Only pauses that are themselves the stimulus
    /// (`Silence`, `gaps`) take their time. No timing is judged.
    Max,
    /// As recorded: due times kept, bytes at line rate.
    Real,
    /// So many times faster than recorded. Pauses that are themselves the stimulus stay as they are.
    Factor(f64),
}

impl Speed {
    /// By how much due times and byte times are divided; `None` in lock-step.
    pub fn factor(self) -> Option<f64> {
        match self {
            Speed::Max => None,
            Speed::Real => Some(1.0),
            Speed::Factor(factor) => Some(factor),
        }
    }
}

impl std::str::FromStr for Speed {
    type Err = String;

    /// `real`, `max`, or a factor from 0.01 to 10000.
    fn from_str(text: &str) -> Result<Speed, String> {
        match text {
            "max" => Ok(Speed::Max),
            "real" => Ok(Speed::Real),
            _ => match text.parse::<f64>() {
                Ok(factor) if (0.01..=10_000.0).contains(&factor) => Ok(Speed::Factor(factor)),
                _ => Err(format!("speed {text:?}: expected real, max, or a number from 0.01 to 10000")),
            },
        }
    }
}

/// An open bench with its DUT, held until dropped.
#[derive(Debug)]
pub struct Session {
    rig: Rig,
    speed: Speed,
    /// Program and arguments of the virtual dongle.
    virtual_command: Vec<String>,
    /// As in [`Session::open`].
    virtual_program: Option<PathBuf>,
    adapter: Adapter,
    bench: Option<Bench>,
    /// The ratio that a program is started with.
    ratio: String,
    /// The way in for the first program, where that is no pty.
    line: Option<Line>,
    /// What firmware runs on, from the first trial on.
    chip: Option<ChipBench>,
    /// Lines that the DUT printed before it was ready; they belong to the next trial.
    early: Vec<TextLine>,
    _locks: Vec<Lock>,
}

/// What bytes go into and come out of. Field order matters: the line closes first, so that a program sees the
/// hang-up before it is asked to end (contract, section 3).
#[derive(Debug)]
struct Bench {
    line: Line,
    dut: Running,
}

impl Session {
    /// Takes hold of the rig. A program is started by the first trial.
    ///
    /// `virtual_program` overrides the program that plays virtual dongles and chips; by default it is this executable
    /// with the subcommand `dongle` or `chip`.
    ///
    /// # Errors
    ///
    /// [`RigError`]: held by someone else, a port that cannot be opened, or a key file that is none.
    pub fn open(rig: Rig, speed: Speed, virtual_program: Option<PathBuf>) -> Result<Session, RigError> {
        let locks = Lock::take_rig(&rig, "run")?;
        let virtual_command = match &rig.dut {
            Dut::Virtual { broken, key_file } => {
                let mut command = virtual_command(virtual_program.clone())?;
                command.extend(broken.iter().flat_map(|broken| ["--broken".into(), broken.name().into()]));
                if let Some(file) = key_file {
                    // A mistake in it is to show now, and as input.
                    crate::keys::load(file)?;
                    command.extend(["--key-file".into(), file.display().to_string()]);
                }
                command
            }
            Dut::Process { .. } | Dut::Serial { .. } | Dut::Rtt { .. } => Vec::new(),
        };
        let adapter = Adapter::new(readings(&rig));
        let ratio = match &rig.terms.ratio {
            RatioSetting::Fixed(ratio) => ratio.clone(),
            RatioSetting::AtStart | RatioSetting::Running => NO_RATIO.to_string(),
        };
        // Ports that are missing must show at once and not in the middle of a run.
        let line = if rig.input == Input::Pty { None } else { Some(Line::open(&rig.input)?) };
        let mut session = Session {
            ratio,
            rig,
            speed,
            virtual_command,
            virtual_program,
            adapter,
            bench: None,
            line,
            chip: None,
            early: Vec::new(),
            _locks: locks,
        };
        if matches!(session.rig.dut, Dut::Serial { .. }) {
            session.bench = Some(session.open_bench()?);
        }
        Ok(session)
    }

    /// The rig.
    pub fn rig(&self) -> &Rig {
        &self.rig
    }

    /// Plays one stimulus and returns all that happened.
    ///
    /// Always ends: every wait in it has a bound. After a trial in which something was missing, too late or too
    /// much, a program is started anew for the next one, so that no trial pays for another.
    ///
    /// # Errors
    ///
    /// [`RigError::Start`] when the program cannot be started, [`RigError::Lost`] when a port is gone. A DUT that
    /// ends or is silent is no error but an event of the trial.
    pub fn trial(&mut self, stimulus: &Stimulus) -> Result<Trial, RigError> {
        let began = Instant::now();
        let mut whole = Trial {
            version: TRIAL_VERSION,
            stimulus: stimulus.clone(),
            dut: self.rig.terms.clone(),
            events: Vec::new(),
            pacing: None,
        };
        for stretch in stretches(stimulus) {
            if let Some(Part::Ratio { ratio, running: false }) = stimulus.parts.get(stretch.start) {
                self.set_ratio(ratio);
            } else {
                self.set_ratio(NO_RATIO);
            }
            let shift_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            // Played on its own, it starts at the beginning: what was due later is due at once.
            let parts = from_zero(&stimulus.parts[stretch.clone()]);
            let piece = self.stretch(&Stimulus { parts, ..stimulus.clone() })?;
            let over = piece.events.iter().any(|event| event.what.ends_trial());
            whole.events.extend(piece.events.into_iter().map(|event| event.moved(stretch.start, shift_us)));
            whole.pacing = whole.pacing.into_iter().chain(piece.pacing).max_by_key(|pacing| pacing.p99_us);
            if over {
                break;
            }
        }
        Ok(whole)
    }

    /// A program that the bench can set is started anew with another ratio.
    fn set_ratio(&mut self, ratio: &str) {
        if !matches!(self.rig.terms.ratio, RatioSetting::Fixed(_)) && self.ratio != ratio {
            self.renew();
            self.ratio = ratio.to_string();
        }
    }

    /// Parts in which the DUT is not started anew.
    fn stretch(&mut self, stimulus: &Stimulus) -> Result<Trial, RigError> {
        let mut bench = match self.bench.take() {
            Some(bench) => bench,
            None => self.open_bench()?,
        };
        let early = std::mem::take(&mut self.early);
        let terms = &self.rig.terms;
        let speed = if stimulus.paced { Speed::Real } else { self.speed };
        let mut play = Play::new(&mut bench.line, &mut bench.dut, &mut self.adapter, stimulus, terms, speed);
        play.run(early)?;
        let healthy = play.healthy();
        let trial = play.into_trial();
        // Whoever was told another ratio on the way is not what it was started as.
        let told = stimulus.parts.iter().any(|part| matches!(part, Part::Ratio { running: true, .. }));
        if !healthy {
            // Half a reading of this trial must not become part of the next one's first.
            self.adapter = Adapter::new(readings(&self.rig));
        }
        if healthy && !told {
            self.bench = Some(bench);
        } else if bench.dut.can_restart() {
            self.end(bench);
        } else {
            self.calm_down(&bench);
            self.bench = Some(bench);
        }
        Ok(trial)
    }

    /// Ends a DUT that is to be started anew: a program by closing its line and SIGTERM. A chip keeps its line.
    fn end(&mut self, bench: Bench) {
        if let Bench { line, dut: Running::Firmware(_) } = bench {
            self.line = Some(line);
        }
    }

    /// Brings the DUT to a known state: a program is started anew for the next trial, a chip is reset. Does nothing to a
    /// real dongle with a serial console, which cannot be.
    pub fn renew(&mut self) {
        if let Some(bench) = self.bench.take_if(|bench| bench.dut.can_restart()) {
            self.end(bench);
        }
    }

    /// A real dongle cannot be started anew: what it still had to say is heard and dropped.
    fn calm_down(&self, bench: &Bench) {
        let until = Instant::now() + Duration::from_micros(self.rig.terms.claim_within_us);
        while Instant::now() < until && !interrupted() && !bench.dut.inbox().closed() {
            bench.dut.inbox().take(until.min(Instant::now() + Duration::from_millis(50)));
        }
        bench.dut.inbox().take_flooded();
    }

    fn open_bench(&mut self) -> Result<Bench, RigError> {
        let command = match &self.rig.dut {
            Dut::Rtt { .. } => return self.firmware(),
            Dut::Serial { port, baud, .. } => {
                let (port, baud) = (port.clone(), *baud);
                let line = self.open_line()?;
                return Ok(Bench { line, dut: Running::Console(Console::open(&port, baud)?) });
            }
            Dut::Process { command, .. } => command.clone(),
            Dut::Virtual { .. } => self.virtual_command.clone(),
        };
        let line = self.open_line()?;
        let dut = self.start(&command, &line)?;
        Ok(Bench { line, dut })
    }

    /// A new pty for every start: bytes that the last program did not read must not reach the next one.
    fn open_line(&mut self) -> Result<Line, RigError> {
        self.line.take().map_or_else(|| Line::open(&self.rig.input), Ok)
    }

    /// A chip whose firmware has just started. What it did not read from the line before is lost, as on any UART.
    fn firmware(&mut self) -> Result<Bench, RigError> {
        let chip = ChipBench::ready(&mut self.chip, self.rig.probe.as_ref(), self.virtual_program.clone())?;
        let mut firmware = chip.start()?;
        let line = self.line.take().or_else(|| chip.take_line());
        let line = line.map_or_else(|| Line::open(&self.rig.input), Ok)?;
        self.early = firmware.wait_ready();
        if self.rig.terms.ratio == RatioSetting::Running && self.ratio != NO_RATIO {
            self.early.extend(firmware.ask(&told_ratio(&self.ratio), "set"));
        }
        Ok(Bench { line, dut: Running::Firmware(firmware) })
    }

    fn start(&mut self, command: &[String], line: &Line) -> Result<Running, RigError> {
        let han = line.path().unwrap_or_default();
        let command: Vec<String> =
            command.iter().map(|word| word.replace("{han}", han).replace("{ratio}", &self.ratio)).collect();
        let mut program = Program::start(&command, self.rig.terms.ratio == RatioSetting::Running)?;
        self.early = program.wait_ready();
        Ok(Running::Program(program))
    }
}

/// The parts up to each one that starts the DUT anew, as ranges.
fn stretches(stimulus: &Stimulus) -> Vec<Range<usize>> {
    let starts =
        |(at, part): (usize, &Part)| matches!(part, Part::Ratio { running: false, .. }).then_some(at);
    let mut from: Vec<usize> = stimulus.parts.iter().enumerate().filter_map(starts).collect();
    if from.first() != Some(&0) {
        from.insert(0, 0);
    }
    let until = from.iter().copied().skip(1).chain([stimulus.parts.len()]).collect::<Vec<_>>();
    from.into_iter().zip(until).map(|(from, until)| from..until).collect()
}

/// The parts with the first telegram due at 0, unless they are the first of their stimulus and keep their times.
fn from_zero(parts: &[Part]) -> Vec<Part> {
    let due = |part: &Part| match part {
        Part::Telegram(telegram) => Some(telegram.due_us),
        Part::Noise { .. } | Part::Silence { .. } | Part::Ratio { .. } => None,
    };
    let moved_us = match parts.first() {
        Some(Part::Ratio { .. }) => parts.iter().find_map(due).unwrap_or(0),
        _ => 0,
    };
    let mut parts = parts.to_vec();
    for part in &mut parts {
        if let Part::Telegram(telegram) = part {
            telegram.due_us = telegram.due_us.saturating_sub(moved_us);
        }
    }
    parts
}

fn readings(rig: &Rig) -> Readings {
    match &rig.dut {
        Dut::Virtual { .. } => Readings::Jsonl,
        Dut::Process { readings, .. } | Dut::Serial { readings, .. } | Dut::Rtt { readings } => *readings,
    }
}

/// How a DUT is told a ratio while it runs.
fn told_ratio(ratio: &str) -> String {
    serde_json::json!({"set": {"ratio": ratio}}).to_string()
}

fn virtual_command(dongle: Option<PathBuf>) -> Result<Vec<String>, RigError> {
    Ok([&this_program(dongle)?, "dongle", "{han}", "--ratio", "{ratio}"].map(String::from).to_vec())
}

/// Path of the program that plays virtual dongles: the one given, else this executable.
pub(crate) fn this_program(instead: Option<PathBuf>) -> Result<String, RigError> {
    let program = match instead {
        Some(program) => program,
        None => std::env::current_exe().map_err(|error| RigError::Start {
            program: "the virtual dongle".into(),
            why: format!("this executable cannot be found: {error}"),
        })?,
    };
    program.into_os_string().into_string().map_err(|path| RigError::Start {
        program: path.to_string_lossy().into_owned(),
        why: "its path is no UTF-8".into(),
    })
}
