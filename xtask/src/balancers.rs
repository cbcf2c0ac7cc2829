//! The balancer that a user names: the reference, one of the named rules, a broken reference, or a program.

use crate::failure::Failure;
use hanbench_core::balance::reference::{Mutation, Reference};
use hanbench_core::balance::{Balancer, Command, Event, Trouble, rules};
use hanbench_core::scenario::Scenario;
use hanbench_rig::balancer::ProcessBalancer;
use hanbench_rig::interrupt::interrupted;
use std::time::Duration;

/// What `--balancer` says.
#[derive(Clone, PartialEq, Debug)]
pub enum Spec {
    /// The reference, whole or broken in one place.
    Reference(Option<Mutation>),
    /// A named rule.
    Rule(&'static str),
    /// A program and its arguments, and how long an answer may take.
    Process(Vec<String>, Duration),
}

impl Spec {
    /// Reads the word of the command line.
    pub fn parse(text: &str, within: Duration) -> Result<Spec, Failure> {
        if let Some(command) = text.strip_prefix("process:") {
            let words: Vec<String> = command.split_whitespace().map(String::from).collect();
            return match words.is_empty() {
                true => Err(Failure::input("--balancer process: a command was expected behind the colon")),
                false => Ok(Spec::Process(words, within)),
            };
        }
        if matches!(text.split(':').next(), Some("ocpp" | "mqtt")) {
            return Err(Failure::input(format!("--balancer {text}: OCPP and MQTT cannot be used yet")));
        }
        if text == "reference" {
            return Ok(Spec::Reference(None));
        }
        if let Some(name) = text.strip_prefix("reference/") {
            let found = Mutation::ALL.into_iter().find(|mutation| mutation.name() == name);
            return found.map(|mutation| Spec::Reference(Some(mutation))).ok_or_else(|| {
                let known: Vec<&str> = Mutation::ALL.iter().map(|mutation| mutation.name()).collect();
                Failure::input(format!(
                    "no way to break the reference is called {name:?}; known: {}",
                    known.join(", ")
                ))
            });
        }
        let found = rules::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(name, _)| Spec::Rule(name)).ok_or_else(|| {
            let known: Vec<&str> = rules::ALL.iter().map(|(name, _)| *name).collect();
            Failure::input(format!(
                "no balancer is called {text:?}; expected reference, reference/MUTATION, process:COMMAND or one of: {}",
                known.join(", ")
            ))
        })
    }

    /// The word for reports.
    pub fn name(&self) -> String {
        match self {
            Spec::Reference(None) => "reference".into(),
            Spec::Reference(Some(mutation)) => format!("reference/{}", mutation.name()),
            Spec::Rule(name) => (*name).into(),
            Spec::Process(command, _) => format!("process:{}", command.join(" ")),
        }
    }

    /// Nothing outside this program takes part, so that a run can be repeated for nothing.
    pub fn is_built_in(&self) -> bool {
        !matches!(self, Spec::Process(..))
    }

    /// A balancer at its start.
    pub fn start(&self, scenario: &Scenario) -> Result<Running, Failure> {
        let tuning = scenario.tuning;
        Ok(match self {
            Spec::Reference(None) => Running::BuiltIn(Box::new(Reference::new(tuning))),
            Spec::Reference(Some(mutation)) => {
                Running::BuiltIn(Box::new(Reference::with_mutation(tuning, *mutation)))
            }
            Spec::Rule(name) => match rules::by_name(name) {
                Some(rule) => Running::BuiltIn(rule),
                None => return Err(Failure::input(format!("no balancer is called {name:?}"))),
            },
            Spec::Process(command, within) => {
                Running::Process(Box::new(ProcessBalancer::start(command, *within)?))
            }
        })
    }
}

/// A balancer at work. Ctrl-C ends its run.
pub enum Running {
    /// In this program.
    BuiltIn(Box<dyn Balancer>),
    /// A program of its own.
    Process(Box<ProcessBalancer>),
}

impl Running {
    /// After the last batch: whether it said more than it was asked.
    pub fn finish(self) -> Result<(), Trouble> {
        match self {
            Running::BuiltIn(_) => Ok(()),
            Running::Process(process) => process.finish(),
        }
    }
}

impl Balancer for Running {
    fn answer(&mut self, t_ms: u64, events: &[Event], commands: &mut Vec<Command>) -> Result<(), Trouble> {
        if interrupted() {
            return Err(Trouble::Rig("interrupted".into()));
        }
        match self {
            Running::BuiltIn(balancer) => balancer.answer(t_ms, events, commands),
            Running::Process(process) => process.answer(t_ms, events, commands),
        }
    }
}
