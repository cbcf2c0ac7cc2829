//! The one front door of hanbench: `cargo xtask <command>`.
//!
//! Refuses to know protocol details and to judge: it reads flags, calls the libraries, prints, and turns what
//! came back into an exit code.

mod balancers;
mod citations;
mod commands;
mod console;
mod failure;
mod flags;
mod input;
mod reporting;
mod scenarios;
mod workspace;

use clap::Parser;
use flags::{Command, Flags};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Every panic is a bug of ours; 70 says so, and no panic of ours looks like a verdict.
    let outcome = std::panic::catch_unwind(|| {
        let flags = Flags::parse();
        console::set_quiet(flags.quiet);
        run(flags.command)
    });
    match outcome {
        Ok(Ok(failure::PASSED)) if console::lost() => {
            console::error("standard output cannot be written");
            ExitCode::from(failure::INPUT)
        }
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(failure)) => {
            console::error(&failure.text);
            ExitCode::from(failure.code)
        }
        Err(_) => {
            console::error("this is a bug in hanbench; please report it with the lines above");
            ExitCode::from(failure::HARNESS)
        }
    }
}

fn run(command: Command) -> failure::Outcome {
    match command {
        Command::Run(flags) => commands::run::run(&flags),
        Command::Decode(flags) => commands::decode::run(&flags),
        Command::Explain(flags) => commands::explain::run(&flags),
        Command::Import(flags) => commands::import::run(&flags),
        Command::Record(flags) => commands::record::run(&flags),
        Command::Replay(flags) => commands::replay::run(&flags),
        Command::Emulate(flags) => commands::emulate::run(&flags),
        Command::Wave(flags) => commands::wave::run(&flags),
        Command::Sim(flags) => commands::sim::run(&flags),
        Command::Hunt(flags) => commands::hunt::run(&flags),
        Command::Mutants(flags) => commands::mutants::run(&flags),
        Command::Report(flags) => commands::report::run(&flags),
        Command::Rig(flags) => commands::rig::run(&flags),
        Command::Tidy => commands::tidy::run(),
        Command::Ci => commands::ci::run(),
        Command::Dongle(flags) => commands::dongle::run(&flags),
        #[cfg(all(unix, feature = "probe"))]
        Command::Chip(flags) => commands::chip::run(&flags),
        #[cfg(all(unix, feature = "probe"))]
        Command::Qemu(flags) => commands::qemu::run(&flags),
    }
}
