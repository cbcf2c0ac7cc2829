//! QEMU's control socket: one JSON object per line, a command and its answer, events in between (QMP).

use hanbench_target::{Engine, Gone};
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long an answer may take. A debugger waits meanwhile, and has a deadline of its own.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// A connection.
#[derive(Debug)]
pub(super) struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects, and gets through QEMU's greeting.
    pub(super) fn connect(path: &Path) -> io::Result<Qmp> {
        let stream = UnixStream::connect(path)?;
        stream.set_write_timeout(Some(ANSWERS_WITHIN))?;
        let mut qmp = Qmp { stream: BufReader::new(stream) };
        let until = Instant::now() + ANSWERS_WITHIN;
        while qmp.hear(until)?.get("QMP").is_none() {}
        qmp.command("qmp_capabilities", None)?;
        Ok(qmp)
    }

    /// Has a command done, and waits for the event that says so where the answer comes before that: the event may still
    /// overtake the answer. Other events are nobody's concern.
    fn command(&mut self, name: &str, event: Option<&str>) -> io::Result<()> {
        let line = format!("{}\n", json!({ "execute": name }));
        self.stream.get_mut().write_all(line.as_bytes())?;
        let until = Instant::now() + ANSWERS_WITHIN;
        let (mut answered, mut done) = (false, event.is_none());
        while !(answered && done) {
            let object = self.hear(until)?;
            if let Some(refusal) = object.get("error") {
                return Err(io::Error::other(format!("QEMU refuses {name}: {refusal}")));
            }
            answered |= object.get("return").is_some();
            done |= event.is_some_and(|event| object["event"] == event);
        }
        Ok(())
    }

    fn hear(&mut self, until: Instant) -> io::Result<Value> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.get_mut().set_read_timeout(Some(left))?;
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Engine for Qmp {
    fn stop(&mut self) -> Result<(), Gone> {
        self.command("stop", None).map_err(|_| Gone)
    }

    fn go(&mut self) -> Result<(), Gone> {
        self.command("cont", None).map_err(|_| Gone)
    }

    fn reset(&mut self) -> Result<(), Gone> {
        self.command("system_reset", Some("RESET")).map_err(|_| Gone)
    }
}
