//! Everything that can go wrong between a rig file and a dongle, and the exit code it leads to.
//!
//! A dongle that misbehaves is no error: that is evidence and belongs in the trial.

use crate::file::FileError;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// Why a rig cannot be used, or is no longer there.
#[derive(Debug, thiserror::Error)]
pub enum RigError {
    /// A rig file or key file cannot be read, or a key file is none.
    #[error(transparent)]
    File(#[from] FileError),
    /// The rig file says something that cannot be.
    #[error("{0:#}")]
    Config(Box<ConfigError>),
    /// The program of a `command` cannot be started.
    #[error("cannot start the program {program:?} of `command`: {why}")]
    Start {
        /// The first word of the command.
        program: String,
        /// The system's words, and what to look at.
        why: String,
    },
    /// A port or address of the rig cannot be opened.
    #[error("{what} is not available: {why}")]
    Unavailable {
        /// Port, address or feature of the platform.
        what: String,
        /// Why, and what to do about it.
        why: String,
    },
    /// Someone else uses the rig.
    #[error("{resource} is held by {holder}")]
    Held {
        /// Port or address.
        resource: String,
        /// Who, since when, doing what.
        holder: String,
    },
    /// The rig was there and is gone, or no longer takes bytes.
    #[error("{what} was lost: {why}")]
    Lost {
        /// Port or address.
        what: String,
        /// Why.
        why: String,
    },
    /// A debug probe, or what it was asked to do.
    #[cfg(feature = "probe")]
    #[error(transparent)]
    Probe(#[from] crate::probe::ProbeError),
}

impl RigError {
    /// The exit code of the contract, section 1: 2 for bad input, 3 for a rig that is not there.
    pub fn exit_code(&self) -> u8 {
        match self {
            RigError::File(_) | RigError::Config(_) | RigError::Start { .. } => 2,
            RigError::Unavailable { .. } | RigError::Held { .. } | RigError::Lost { .. } => 3,
            #[cfg(feature = "probe")]
            RigError::Probe(error) => error.exit_code(),
        }
    }

    /// The text for a person: a config error with the line of the file and a caret, any other in one line.
    pub fn pretty(&self) -> String {
        let RigError::Config(config) = self else {
            return self.to_string();
        };
        let mut text = String::new();
        let theme = miette::GraphicalTheme::unicode_nocolor();
        let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(100);
        match handler.render_report(&mut text, config.as_ref()) {
            Ok(()) => text.trim_end().to_string(),
            Err(fmt::Error) => format!("{config:#}"),
        }
    }
}

/// A mistake in a rig file: where, what, and what was expected.
#[derive(Debug)]
pub struct ConfigError {
    /// Name of the file as the user gave it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what was expected.
    pub message: String,
    /// What the user probably meant, or what to do.
    pub help: Option<String>,
    source: miette::NamedSource<String>,
    span: miette::SourceSpan,
}

impl ConfigError {
    /// A mistake at the bytes `span` of `text`.
    pub(crate) fn new(file: &str, text: &str, span: Range<usize>, message: String) -> ConfigError {
        // A span from the parser may lie behind the last byte, or (in a broken file) inside a character.
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ConfigError {
            file: file.to_string(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
            help: None,
            source: miette::NamedSource::new(file, text.to_string()),
            span: (start..span.end.clamp(start, text.len())).into(),
        }
    }

    /// The same with a hint.
    #[must_use]
    pub(crate) fn with_help(mut self: Box<Self>, help: Option<String>) -> Box<ConfigError> {
        self.help = help;
        self
    }
}

impl fmt::Display for ConfigError {
    /// `rigs/oslo.toml:4:8: unknown field …`; in its alternate form with the hint behind it: one line, also for JSON
    /// and logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match self.help.as_ref().filter(|_| f.alternate()) {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

impl miette::Diagnostic for ConfigError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(miette::LabeledSpan::new_with_span(Some("here".into()), self.span))))
    }
}

/// The text of an opening error of a serial port, with what to do about it.
pub(crate) fn open_port_error(port: &str, error: &serialport::Error) -> RigError {
    use serialport::ErrorKind;
    let why = match error.kind() {
        // Elsewhere a port is no path, and the system's words are all there is.
        _ if cfg!(unix) && !Path::new(port).exists() => match crate::serial::ports() {
            found if found.is_empty() => {
                "there is no such port, and no other; is the adapter plugged in?".to_string()
            }
            found => format!("there is no such port; there are: {}", found.join(", ")),
        },
        _ if !is_device(port) => "it is no serial port".to_string(),
        ErrorKind::Io(std::io::ErrorKind::PermissionDenied) => format!(
            "permission denied; add yourself to the group that owns the port (`ls -l {port}` shows it, \
             often dialout): `sudo usermod -aG dialout $USER`, then log in again"
        ),
        // serialport says so of a port that is locked, and on Windows of one that is not there.
        ErrorKind::NoDevice => format!("another program holds it open ({error})"),
        _ if !is_terminal(port) => "it is no serial port".to_string(),
        _ => error.to_string(),
    };
    RigError::Unavailable { what: format!("port {port}"), why }
}

#[cfg(unix)]
fn is_device(port: &str) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(port).is_ok_and(|about| about.file_type().is_char_device())
}

#[cfg(not(unix))]
fn is_device(_port: &str) -> bool {
    true
}

/// Whether it has a speed that could be set; true where it cannot be asked.
#[cfg(unix)]
fn is_terminal(port: &str) -> bool {
    use std::io::IsTerminal;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    // Without waiting for a modem at its other end.
    let opened = options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(port);
    opened.map_or(true, |file| file.is_terminal())
}

#[cfg(not(unix))]
fn is_terminal(_port: &str) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use serialport::{Error, ErrorKind};

    fn why(port: &str, kind: ErrorKind) -> String {
        open_port_error(port, &Error::new(kind, "the system's words")).to_string()
    }

    #[test]
    fn a_port_that_is_not_there_is_not_held_by_anyone() {
        let denied = ErrorKind::Io(std::io::ErrorKind::PermissionDenied);
        let text = why("/dev/no-such-port", ErrorKind::Io(std::io::ErrorKind::NotFound));
        assert!(text.starts_with("port /dev/no-such-port is not available: there is no such port"), "{text}");
        for found in crate::serial::ports() {
            assert!(text.contains(&found), "{text} lacks {found}");
        }
        assert!(!text.contains("another program") && !text.contains("rig scan"), "{text}");
        assert!(
            why("/dev/null", ErrorKind::NoDevice)
                .ends_with("another program holds it open (the system's words)")
        );
        assert!(why("/dev/null", denied).contains("permission denied"));
        assert!(why("/dev/null", ErrorKind::Unknown).ends_with("it is no serial port"));
        let pty = crate::pty::Pty::open().expect("a pty");
        assert!(why(pty.path(), ErrorKind::Unknown).ends_with("not available: the system's words"));
        assert!(why("/etc/passwd", ErrorKind::Unknown).ends_with("it is no serial port"));
    }
}
