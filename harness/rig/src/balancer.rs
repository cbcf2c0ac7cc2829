//! The load balancer under test: built in, or a program of its own.
//!
//! A program gets one batch on its standard input and prints one line, in lock-step and virtual time; every line that
//! asks for something is kept. Nothing hangs: an answer has its time, a program that does not read is not waited for,
//! and one that ends is found out. Refuses to guess: an answer that is none, comes twice or too late ends the run with the reason.

use crate::dut::{Program, Stream, TextLine};
use crate::error::RigError;
use crate::interrupt::interrupted;
use hanbench_core::balance::built_in::BuiltIn;
use hanbench_core::balance::{Balancer, Command, Event, Site, Trouble, json};
use hanbench_core::scenario::Scenario;
use hanbench_core::sim::{self, Dongle, Ended, Watch};
use hanbench_core::verdict::balance::trial::{Answer, Answers};
use std::time::{Duration, Instant};

/// Longest wait for lines before Ctrl-C and exit are looked at.
const TICK: Duration = Duration::from_millis(20);
/// How long a program may go on talking after its input has ended.
const LAST_LINES_WITHIN: Duration = Duration::from_millis(500);
/// Longest quote of a bad answer, in characters.
const QUOTE_MAX: usize = 200;

/// Which balancer.
#[derive(Clone, PartialEq, Debug)]
pub enum Spec {
    /// One of this program.
    BuiltIn(BuiltIn),
    /// A program and its arguments, and how long an answer may take.
    Process(Vec<String>, Duration),
}

impl Spec {
    /// The word for reports.
    pub fn name(&self) -> String {
        match self {
            Spec::BuiltIn(one) => one.name(),
            Spec::Process(command, _) => format!("process:{}", command.join(" ")),
        }
    }

    /// Runs a scenario with it, the dongle between it and the meter. Ctrl-C ends the run with [`Trouble::Rig`]. Of a
    /// program also what it answered.
    ///
    /// # Errors
    ///
    /// [`RigError::Start`] when the system cannot start the program.
    pub fn play(
        &self,
        scenario: &Scenario,
        dongle: &mut dyn Dongle,
        watch: &mut impl Watch,
    ) -> Result<(Ended, Option<Answers>), RigError> {
        match self {
            Spec::BuiltIn(one) => {
                let mut balancer = Interruptible(one.start(scenario.tuning));
                Ok((sim::run(scenario, dongle, &mut balancer, watch), None))
            }
            Spec::Process(command, within) => {
                let mut balancer = ProcessBalancer::start(command, *within)?;
                let mut ended = sim::run(scenario, dongle, &mut balancer, watch);
                let answers = std::mem::take(&mut balancer.answers);
                if ended.trouble.is_none() {
                    ended.trouble = balancer.finish().err().map(|trouble| (scenario.duration_ms, trouble));
                }
                Ok((ended, Some(answers)))
            }
        }
    }
}

/// A balancer whose run Ctrl-C ends.
struct Interruptible(Box<dyn Balancer>);

impl Balancer for Interruptible {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        if interrupted() {
            return Err(Trouble::Rig("interrupted".into()));
        }
        self.0.answer(t_ms, events, commands)
    }
}

/// A program as balancer under test.
pub struct ProcessBalancer {
    program: Program,
    within: Duration,
    site: Option<Site>,
    answers: Answers,
}

impl ProcessBalancer {
    /// Starts it. Each answer may take `within`.
    ///
    /// # Errors
    ///
    /// [`RigError::Start`] when the system cannot start it.
    pub fn start(command: &[String], within: Duration) -> Result<ProcessBalancer, RigError> {
        Ok(ProcessBalancer {
            program: Program::start(command, true)?,
            within,
            site: None,
            answers: Answers::default(),
        })
    }

    /// After the last batch: what it says now was not asked for.
    ///
    /// # Errors
    ///
    /// [`Trouble::Twice`] with the line.
    pub fn finish(mut self) -> Result<(), Trouble> {
        self.program.hang_up();
        let until = Instant::now() + LAST_LINES_WITHIN;
        while Instant::now() < until && !self.program.inbox().closed() {
            self.nothing_waits(until.min(Instant::now() + TICK))?;
        }
        self.nothing_waits(Instant::now())
    }

    /// Nothing may be there that no batch asked for.
    fn nothing_waits(&mut self, until: Instant) -> Result<(), Trouble> {
        let lines = self.program.inbox().take(until);
        self.answers(lines).first().map_or(Ok(()), |line| {
            Err(Trouble::Twice(format!("a second line came for one batch: {}", quote(line))))
        })
    }

    /// Its lines of answer; its log is remembered for its last words.
    fn answers(&mut self, lines: Vec<TextLine>) -> Vec<String> {
        let mut answers = Vec::new();
        for line in lines {
            match line.stream {
                Stream::Log => self.program.note_words(&line.text),
                Stream::Readings => answers.push(line.text),
            }
        }
        answers
    }

    fn gone(&mut self) -> Option<Trouble> {
        let how = self.program.exited()?;
        let rest = self.program.inbox().take(Instant::now());
        self.answers(rest);
        let words = self.program.last_words();
        let last = if words.is_empty() { "it printed no error".to_string() } else { words };
        Some(Trouble::Gone(format!("{how}: {last}")))
    }
}

impl Balancer for ProcessBalancer {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        for event in events {
            if let Event::Config(site) = event {
                self.site = Some(Site::clone(site));
            }
        }
        let Some(site) = self.site.take() else {
            return Err(Trouble::Rig("the first batch has no settings".into()));
        };
        self.nothing_waits(Instant::now())?;
        self.program.tell(&json::batch(t_ms, events, &site));
        let until = Instant::now() + self.within;
        let line = loop {
            let lines = self.program.inbox().take(until.min(Instant::now() + TICK));
            let mut answers = self.answers(lines).into_iter();
            if let Some(line) = answers.next() {
                if let Some(more) = answers.next() {
                    let text = format!("two lines came for one batch, the second: {}", quote(&more));
                    return Err(Trouble::Twice(text));
                }
                break line;
            }
            if interrupted() {
                return Err(Trouble::Rig("interrupted".into()));
            }
            if let Some(gone) = self.gone() {
                return Err(gone);
            }
            if Instant::now() >= until {
                let seconds = self.within.as_secs_f64();
                return Err(Trouble::Late(format!("no answer within {seconds} s")));
            }
        };
        let before = commands.len();
        let read = json::answer(&line, &site, commands);
        self.site = Some(site);
        read.map_err(|what| Trouble::Rubbish(format!("{what}; it said: {}", quote(&line))))?;
        if commands.len() > before {
            self.answers.lines.push(Answer { batch: self.answers.batches, t_ms, line });
        }
        self.answers.batches += 1;
        Ok(())
    }
}

fn quote(line: &str) -> String {
    match line.char_indices().nth(QUOTE_MAX) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line.to_string(),
    }
}
