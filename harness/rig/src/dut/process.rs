//! A program as DUT. It runs in a process group of its own, and no process of that group outlives the bench's
//! interest in it: SIGTERM first, SIGKILL after a grace.
//!
//! What has left the group (`setsid`, a daemon) is known by a variable of its environment and killed too, on Linux.
//! Two things escape: what has emptied its environment, and on other systems whatever has left the group.

use super::inbox::{Inbox, Stream, TextLine};
use crate::error::RigError;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(1);
/// How long the last lines of a program that has ended may take through the pipe. A child of it that lives on
/// can hold the pipe open for ever.
const LAST_LINES_WITHIN: Duration = Duration::from_millis(300);
/// How many of its last lines of log are quoted when it ends by itself.
const LAST_WORDS: usize = 3;
/// Longest quote, in characters.
const QUOTE_MAX: usize = 300;

/// The variable that every process of a program under test has in its environment.
const MARK: &str = "HANBENCH_DUT";
/// Programs that this process has started; makes each mark a new one.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// A running program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Its `NAME=value` of [`MARK`].
    mark: String,
    inbox: Inbox,
    /// Set once it has ended.
    status: Option<ExitStatus>,
    last_words: Vec<String>,
    /// Lines for its standard input, which a thread of its own writes: a program that does not read blocks nobody.
    said: Option<Sender<String>>,
}

impl Program {
    /// Starts `command`: a program and its arguments.
    ///
    /// Standard input is closed, unless it `listens`. The program runs in the current directory.
    ///
    /// # Errors
    ///
    /// [`RigError::Start`] when the system cannot start it.
    pub fn start(command: &[String], listens: bool) -> Result<Program, RigError> {
        let (name, arguments) = command
            .split_first()
            .ok_or_else(|| RigError::Start { program: String::new(), why: "the command is empty".into() })?;
        let mut command = Command::new(name);
        let stdin = if listens { Stdio::piped() } else { Stdio::null() };
        command.args(arguments).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mark = format!("{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        command.env(MARK, &mark);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let guard = crate::pty::spawn_guard();
        let started = command.spawn();
        drop(guard);
        let mut child = started.map_err(|error| RigError::Start {
            program: name.clone(),
            why: match error.kind() {
                std::io::ErrorKind::NotFound => "no such program; is it installed and on the PATH?".into(),
                std::io::ErrorKind::PermissionDenied => "it may not be executed; is it a program?".into(),
                _ => error.to_string(),
            },
        })?;
        let inbox = Inbox::default();
        if let Some(stdout) = child.stdout.take() {
            spawn_reader(&inbox, stdout, Stream::Readings);
        }
        if let Some(stderr) = child.stderr.take() {
            spawn_reader(&inbox, stderr, Stream::Log);
        }
        let mark = format!("{MARK}={mark}");
        let said = child.stdin.take().map(spawn_writer);
        Ok(Program { child, mark, inbox, status: None, last_words: Vec::new(), said })
    }

    /// Writes a line to its standard input. One that has ended takes none; its exit shows elsewhere.
    pub(crate) fn tell(&mut self, line: &str) {
        if let Some(said) = &self.said {
            let _ = said.send(format!("{line}\n"));
        }
    }

    /// Ends its standard input, behind everything that it was told.
    pub(crate) fn hang_up(&mut self) {
        self.said = None;
    }

    /// Where its lines arrive.
    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Waits until it says that it is ready, ends, or 2 s are over. Returns what it printed until then.
    pub fn wait_ready(&mut self) -> Vec<TextLine> {
        let inbox = self.inbox.clone();
        super::wait_for(&inbox, "ready", || self.ended())
    }

    /// Remembers a line of log for the case that the program ends by itself.
    pub(crate) fn note_words(&mut self, line: &str) {
        if !line.trim().is_empty() {
            self.last_words.push(line.trim().to_string());
            let surplus = self.last_words.len().saturating_sub(LAST_WORDS);
            self.last_words.drain(..surplus);
        }
    }

    fn ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status.is_some()
    }

    /// How it ended, if it has, in one line without its last words.
    ///
    /// Everything it printed has arrived in the inbox before this says so.
    pub(crate) fn exited(&mut self) -> Option<String> {
        if !self.ended() {
            return None;
        }
        let until = Instant::now() + LAST_LINES_WITHIN;
        while !self.inbox.closed() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.status.map(describe)
    }

    /// Its last lines, for the reason of an exit; empty when it printed nothing.
    pub(crate) fn last_words(&self) -> String {
        let words = self.last_words.join(" | ");
        match words.char_indices().nth(QUOTE_MAX) {
            Some((cut, _)) => format!("{}…", &words[..cut]),
            None => words,
        }
    }

    /// Ends it and all its children: asks, waits, kills.
    fn stop(&mut self) {
        if !self.ended() {
            self.signal(Signal::Terminate);
            let until = Instant::now() + GRACE;
            while !self.ended() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        // Also after an orderly end: a child of the program may still be there.
        self.signal(Signal::Kill);
        if self.status.is_none() {
            // Killed, so this returns; an error means that it is already gone.
            self.status = self.child.wait().ok();
        }
        self.kill_strays();
    }

    /// Kills what has left the group. Again while there was something, because a process may have forked meanwhile.
    #[cfg(target_os = "linux")]
    fn kill_strays(&self) {
        for _ in 0..STRAYS_ROUNDS {
            let strays = marked(&self.mark);
            if strays.is_empty() {
                return;
            }
            strays.into_iter().for_each(|pid| kill(pid, Signal::Kill));
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn kill_strays(&self) {
        // Nothing here tells whose process it was.
        let _ = &self.mark;
    }

    #[cfg(unix)]
    fn signal(&mut self, signal: Signal) {
        let Ok(group) = libc::pid_t::try_from(self.child.id()) else {
            return;
        };
        // The group is the one made for this child; when it is empty nothing happens.
        kill(-group, signal);
    }

    #[cfg(not(unix))]
    fn signal(&mut self, signal: Signal) {
        // There is no polite request here. A child that has ended gives an error, which changes nothing.
        if matches!(signal, Signal::Terminate | Signal::Kill) {
            let _ = self.child.kill();
        }
    }
}

/// How often strays are looked for. A program that forks faster than it is killed is not worth more.
#[cfg(target_os = "linux")]
const STRAYS_ROUNDS: usize = 10;

/// The processes whose environment holds `mark`. One that has ended and waits to be reaped has no environment.
#[cfg(target_os = "linux")]
fn marked(mark: &str) -> Vec<libc::pid_t> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &libc::pid_t| {
            // Of another user's processes, and of those that end meanwhile, nothing can be read.
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        })
        .collect()
}

/// Sends a signal to a process, or to a group when the number is negative.
#[cfg(unix)]
fn kill(pid: libc::pid_t, signal: Signal) {
    let number = match signal {
        Signal::Terminate => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
    };
    #[allow(unsafe_code, reason = "kill exists only as a C function")]
    // SAFETY: integers only; a process that is gone gives an error, which changes nothing.
    unsafe {
        libc::kill(pid, number);
    }
}

#[derive(Clone, Copy)]
enum Signal {
    Terminate,
    Kill,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn_writer(mut stdin: ChildStdin) -> Sender<String> {
    let (said, lines) = std::sync::mpsc::channel::<String>();
    // Not joined: it ends with the program, or when nobody can tell it anything any more.
    std::thread::spawn(move || {
        for line in lines {
            if stdin.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
    });
    said
}

fn spawn_reader(inbox: &Inbox, source: impl std::io::Read + Send + 'static, stream: Stream) {
    inbox.open();
    let inbox = inbox.clone();
    // Not joined: it ends with the pipe, which a stray grandchild may hold open.
    std::thread::spawn(move || inbox.read_lines(source, stream, || false));
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("ended by signal {signal}");
    }
    status.code().map_or("ended".to_string(), |code| format!("ended with exit code {code}"))
}
