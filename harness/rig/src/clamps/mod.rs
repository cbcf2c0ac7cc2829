//! Waveforms played into clamp dongles.
//!
//! | file | what |
//! |---|---|
//! | [`dongle`] | the virtual clamp dongle: blocks of samples in, claims out |
//! | [`fixtures`] | the waveforms of the checkout |
//! | `play` | one trial |
//!
//! Refuses to judge, and to know what is true of a waveform.

pub mod dongle;
pub mod fixtures;
mod play;

use crate::adapter::Adapter;
use crate::config::{ClampKind, Clamps, Parity, ProbeTable, Readings};
use crate::dut::{Console, Program, Running, TextLine};
use crate::error::{RigError, open_port_error};
use crate::line::Line;
use crate::lock::Lock;
use crate::pace::byte_time;
use crate::probe::ChipBench;
use crate::samples::{SampleSink, SampleStream};
use crate::session::{Speed, this_program};
use fixtures::Waveform;
use hanbench_core::verdict::ct::CtTrial;
use play::Play;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long one attempt to read or write a port may block.
const PORT_WAIT: Duration = Duration::from_millis(50);

/// A clamp dongle, and the way into it, held until dropped.
#[derive(Debug)]
pub struct ClampBench {
    clamps: Clamps,
    speed: Speed,
    /// Quiet time after which a dongle that does not say that it is done has nothing more to say.
    quiet: Duration,
    /// Program and arguments; empty for a real dongle.
    command: Vec<String>,
    open: Option<Open>,
    /// What firmware runs on, from the first trial on.
    chip: Option<ChipBench>,
    probe: Option<ProbeTable>,
    /// As in [`ClampBench::open`].
    virtual_program: Option<PathBuf>,
    early: Vec<TextLine>,
    _lock: Option<Lock>,
}

/// Field order matters: the line closes first, so that a program sees the hang-up before it is asked to end.
#[derive(Debug)]
struct Open {
    way: Way,
    dut: Running,
}

/// How samples get into a dongle.
#[derive(Debug)]
enum Way {
    Line(Line),
    Ram(Box<dyn SampleSink + Send>),
}

impl Way {
    /// Nothing is lost on it.
    fn lossless(&self) -> bool {
        matches!(self, Way::Line(Line::Pty(_)) | Way::Ram(_))
    }

    fn sink(&mut self) -> Box<dyn SampleSink + '_> {
        match self {
            Way::Line(line) => Box::new(SampleStream::new(line)),
            Way::Ram(sink) => Box::new(sink),
        }
    }
}

impl ClampBench {
    /// Takes hold of the bench. A program is started by the first trial.
    ///
    /// `probe` is that of the rig, for a dongle that takes samples from its RAM. `quiet` is how long a dongle may take for
    /// its last claim. `virtual_program` overrides the program that plays virtual dongles and chips; by default it is this
    /// executable with the subcommand `dongle --clamps` or `chip`.
    ///
    /// # Errors
    /// [`RigError`]: a port that is held by someone else or cannot be opened.
    pub fn open(
        clamps: Clamps,
        probe: Option<&ProbeTable>,
        speed: Speed,
        quiet: Duration,
        virtual_program: Option<PathBuf>,
    ) -> Result<ClampBench, RigError> {
        let (mut lock, mut command) = (None, Vec::new());
        match &clamps.kind {
            ClampKind::Virtual { broken } => {
                command = vec![
                    this_program(virtual_program.clone())?,
                    "dongle".into(),
                    "--clamps".into(),
                    "{samples}".into(),
                ];
                if let Some((name, _)) = broken {
                    command.extend(["--broken".into(), (*name).into()]);
                }
            }
            ClampKind::Process { command: given } => command.clone_from(given),
            ClampKind::Ram => {}
            ClampKind::Serial { port, .. } => lock = Some(Lock::take(port, "run")?),
        }
        let mut bench = ClampBench {
            clamps,
            speed,
            quiet,
            command,
            open: None,
            chip: None,
            probe: probe.cloned(),
            virtual_program,
            early: Vec::new(),
            _lock: lock,
        };
        if matches!(bench.clamps.kind, ClampKind::Serial { .. }) {
            // A port that is missing must show at once and not in the middle of a run.
            bench.open = Some(bench.start()?);
        }
        Ok(bench)
    }

    /// Plays one waveform and returns all that happened. Always ends: every wait in it has a bound.
    ///
    /// # Errors
    /// [`RigError::Start`] when the program cannot be started, [`RigError::Lost`] when a port is gone. A dongle that
    /// ends or is silent is no error but an event of the trial.
    pub fn trial(&mut self, waveform: &Waveform, checks: &[String]) -> Result<CtTrial, RigError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.start()?,
        };
        let early = std::mem::take(&mut self.early);
        if matches!(open.dut, Running::Console(_)) {
            // What a real dongle said before belongs to no waveform.
            open.dut.inbox().take(Instant::now());
        }
        let lossless = open.way.lossless();
        let mut sink = open.way.sink();
        let mut adapter = Adapter::new(Readings::Jsonl);
        let mut play = Play::new((&mut *sink, lossless), &mut open.dut, &mut adapter, self.speed, self.quiet);
        play.run(waveform, early)?;
        let done = play.said_done();
        let trial = play.into_trial(waveform, checks, &self.clamps.terms);
        drop(sink);
        if done {
            self.open = Some(open);
        } else if matches!(open.dut, Running::Console(_)) {
            // It cannot be started anew: what it still has to say is heard and dropped.
            let until = Instant::now() + self.quiet;
            while Instant::now() < until && !crate::interrupt::interrupted() && !open.dut.inbox().closed() {
                open.dut.inbox().take(until.min(Instant::now() + PORT_WAIT));
            }
            self.open = Some(open);
        }
        // A program that did not say that it was done may speak of this waveform during the next one; it is ended, and
        // a chip is reset.
        Ok(trial)
    }

    fn start(&mut self) -> Result<Open, RigError> {
        if let ClampKind::Serial { port, baud } = &self.clamps.kind {
            return both_ways(port, *baud);
        }
        if self.clamps.kind == ClampKind::Ram {
            return self.firmware();
        }
        let line = Line::open(&crate::config::Input::Pty)?;
        let path = line.path().unwrap_or_default().to_string();
        let command: Vec<String> = self.command.iter().map(|word| word.replace("{samples}", &path)).collect();
        let mut program = Program::start(&command, false)?;
        self.early = program.wait_ready();
        Ok(Open { way: Way::Line(line), dut: Running::Program(program) })
    }

    /// A chip whose firmware has just started.
    fn firmware(&mut self) -> Result<Open, RigError> {
        let chip = ChipBench::ready(&mut self.chip, self.probe.as_ref(), self.virtual_program.clone())?;
        let firmware = chip.start()?;
        let way = Way::Ram(chip.samples()?);
        self.early = firmware.wait_ready();
        Ok(Open { way, dut: Running::Firmware(firmware) })
    }
}

/// A real dongle: samples go in and claims come out of one port.
fn both_ways(port: &str, baud: u32) -> Result<Open, RigError> {
    let wrong = |error: serialport::Error| open_port_error(port, &error);
    let writer = serialport::new(port, baud).timeout(PORT_WAIT).open().map_err(wrong)?;
    let reader = writer.try_clone().map_err(wrong)?;
    let console = Console::on(port, reader);
    let byte_time = byte_time(baud, Parity::None, 1.0);
    let line = Line::Serial { port: writer, path: port.to_string(), byte_time };
    Ok(Open { way: Way::Line(line), dut: Running::Console(console) })
}
