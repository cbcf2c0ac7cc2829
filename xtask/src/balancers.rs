//! The balancer that a user names on the command line: one that is built in, or a program.

use crate::failure::Failure;
use hanbench_core::balance::built_in::BuiltIn;
use hanbench_rig::balancer::Spec;
use std::time::Duration;

/// Reads the word behind `--balancer`; a program may take `within` for an answer.
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
    BuiltIn::named(text)
        .map(Spec::BuiltIn)
        .map_err(|what| Failure::input(format!("--balancer: {what}, or process:COMMAND")))
}
