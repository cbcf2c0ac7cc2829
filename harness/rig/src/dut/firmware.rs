//! Firmware that speaks through a debug probe: lines out of one channel of its RAM, lines into another.
//!
//! Refuses to know what a probe is; it is given a [`Talk`].

use super::inbox::{Inbox, Stream, TextLine};
use super::{Gone, wait_for};
use crate::error::RigError;
use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the reader looks for bytes before it looks whether it should stop; also the longest time closing takes.
const READ_WAIT: Duration = Duration::from_millis(50);
/// Pause between two looks at a channel that was empty.
const POLL: Duration = Duration::from_micros(200);
/// How long a line to firmware may wait for room.
const TELL_WITHIN: Duration = Duration::from_millis(500);

/// What comes out of a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// Bytes, maybe none.
    Bytes(Vec<u8>),
    /// The firmware started anew since the last look, unasked.
    Restarted,
}

/// Both directions between bench and firmware. Neither waits.
pub trait Talk: Send + std::fmt::Debug {
    /// What the firmware said since the last look.
    ///
    /// # Errors
    /// The chip cannot be reached any more.
    fn read(&mut self) -> Result<Said, RigError>;

    /// Hands over as many bytes as there is room for, and says how many.
    ///
    /// # Errors
    /// As [`Talk::read`].
    fn write(&mut self, bytes: &[u8]) -> Result<usize, RigError>;
}

type Shared<T> = Arc<Mutex<T>>;

/// Looks into the channel, and how long they take: as long as one lasts, nothing is heard.
#[derive(Debug, Default)]
struct Looks {
    /// When the present one began.
    began: Option<Instant>,
    /// The longest one until now.
    longest: Duration,
}

impl Looks {
    fn present(&self) -> Duration {
        self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }
}

/// Running firmware and the thread that listens to it.
#[derive(Debug)]
pub struct Firmware {
    inbox: Inbox,
    channel: Shared<Box<dyn Talk>>,
    /// Why the reader ended by itself.
    ended: Shared<Option<Gone>>,
    looks: Shared<Looks>,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Firmware {
    /// Starts to listen.
    pub fn on(channel: Box<dyn Talk>) -> Firmware {
        let inbox = Inbox::default();
        inbox.open();
        let (channel, ended) = (Arc::new(Mutex::new(channel)), Arc::new(Mutex::new(None)));
        let stop = Arc::new(AtomicBool::new(false));
        let looks = Shared::default();
        let source = Source {
            channel: Arc::clone(&channel),
            ended: Arc::clone(&ended),
            looks: Arc::clone(&looks),
            held: Vec::new(),
        };
        let reader = {
            let (inbox, stop) = (inbox.clone(), Arc::clone(&stop));
            std::thread::spawn(move || {
                inbox.read_lines(source, Stream::Readings, || stop.load(Ordering::Relaxed));
            })
        };
        Firmware { inbox, channel, ended, looks, stop, reader: Some(reader) }
    }

    /// Waits until it says that it is ready, as for a program. Returns what it said until then.
    pub(crate) fn wait_ready(&self) -> Vec<TextLine> {
        wait_for(&self.inbox, "ready", || self.inbox.closed())
    }

    /// Says a line to it, and waits for its answer as long. Returns what it said until then.
    pub(crate) fn ask(&mut self, line: &str, answer: &str) -> Vec<TextLine> {
        self.tell(line);
        wait_for(&self.inbox, answer, || self.inbox.closed())
    }

    /// Says a line to it. Firmware that takes none has not heard it, which shows when its answer is missing.
    pub(crate) fn tell(&mut self, line: &str) {
        let line = format!("{line}\n");
        let (mut rest, until) = (line.as_bytes(), Instant::now() + TELL_WITHIN);
        while !rest.is_empty() && Instant::now() < until {
            match held(&self.channel).write(rest) {
                Ok(taken) => rest = rest.get(taken..).unwrap_or_default(),
                // The reader meets the same, and says so.
                Err(_) => return,
            }
            if !rest.is_empty() {
                std::thread::sleep(POLL);
            }
        }
    }

    /// Whether a whole line came in time.
    ///
    /// # Errors
    /// Why nothing more can be heard.
    pub fn hear_line(&mut self, within: Duration) -> Result<bool, Gone> {
        if self.inbox.take(Instant::now() + within).iter().any(|line| line.stream == Stream::Readings) {
            return Ok(true);
        }
        self.gone().map_or(Ok(false), Err)
    }

    /// How long the present look into its channel takes by now, and the longest one since [`Firmware::hear_anew`].
    pub(super) fn deaf(&self) -> (Duration, Duration) {
        let looks = held(&self.looks);
        (looks.present(), looks.longest.max(looks.present()))
    }

    pub(super) fn hear_anew(&mut self) {
        held(&self.looks).longest = Duration::ZERO;
    }

    /// Where its lines arrive.
    pub(super) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Why nothing more can be heard.
    pub(super) fn gone(&mut self) -> Option<Gone> {
        if !self.inbox.closed() {
            return None;
        }
        let why = held(&self.ended).take();
        Some(why.unwrap_or_else(|| Gone::Restarted("the chip was heard to restart before".into())))
    }
}

impl Drop for Firmware {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            // It ends within READ_WAIT and a step of the probe; that it panicked is of no interest any more.
            let _ = reader.join();
        }
    }
}

/// A reader that panicked has left whole values behind.
fn held<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The channel as a stream that ends where firmware or probe do.
struct Source {
    channel: Shared<Box<dyn Talk>>,
    ended: Shared<Option<Gone>>,
    looks: Shared<Looks>,
    /// Bytes that had no room in the last buffer.
    held: Vec<u8>,
}

impl Source {
    /// Not held while sleeping: someone may want to tell the firmware something.
    fn look(&self) -> Result<Said, RigError> {
        held(&self.looks).began = Some(Instant::now());
        let said = held(&self.channel).read();
        let mut looks = held(&self.looks);
        looks.longest = looks.longest.max(looks.present());
        looks.began = None;
        said
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let until = Instant::now() + READ_WAIT;
        while self.held.is_empty() {
            match self.look() {
                Ok(Said::Bytes(bytes)) => self.held = bytes,
                Ok(Said::Restarted) => {
                    let why =
                        "the chip restarted: power, reset line or its firmware; a probe cannot tell which";
                    *held(&self.ended) = Some(Gone::Restarted(why.into()));
                    return Ok(0);
                }
                Err(error) => {
                    *held(&self.ended) = Some(Gone::Lost(error));
                    return Ok(0);
                }
            }
            if self.held.is_empty() {
                if Instant::now() >= until {
                    return Err(ErrorKind::TimedOut.into());
                }
                std::thread::sleep(POLL);
            }
        }
        let count = self.held.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.held[..count]);
        self.held.drain(..count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A channel that plays a list, then is empty.
    #[derive(Debug)]
    struct Played {
        script: Vec<Result<Said, &'static str>>,
        heard: Shared<Vec<u8>>,
    }

    impl Talk for Played {
        fn read(&mut self) -> Result<Said, RigError> {
            if self.script.is_empty() {
                return Ok(Said::Bytes(Vec::new()));
            }
            let lost = |why: &str| RigError::Lost { what: "the chip".into(), why: why.into() };
            self.script.remove(0).map_err(lost)
        }

        fn write(&mut self, bytes: &[u8]) -> Result<usize, RigError> {
            let count = bytes.len().min(3);
            held(&self.heard).extend_from_slice(&bytes[..count]);
            Ok(count)
        }
    }

    fn firmware(script: Vec<Result<Said, &'static str>>) -> (Firmware, Shared<Vec<u8>>) {
        let heard = Shared::default();
        let channel = Played { script, heard: Arc::clone(&heard) };
        (Firmware::on(Box::new(channel)), heard)
    }

    fn bytes(text: &str) -> Result<Said, &'static str> {
        Ok(Said::Bytes(text.as_bytes().to_vec()))
    }

    /// Everything it says until it is gone, and how that was.
    fn end_of(firmware: &mut Firmware) -> (Vec<String>, Gone) {
        let until = Instant::now() + Duration::from_secs(5);
        let mut lines = Vec::new();
        loop {
            lines.extend(firmware.inbox().take(Instant::now() + READ_WAIT).into_iter().map(|line| line.text));
            if let Some(gone) = firmware.gone() {
                return (lines, gone);
            }
            assert!(Instant::now() < until, "it is still there");
        }
    }

    #[test]
    fn lines_are_put_together_and_a_lost_probe_is_the_rigs() {
        let (mut firmware, _) =
            firmware(vec![bytes("{\"event\":\"re"), bytes("ady\"}\n{}\n"), Err("no cable")]);
        assert!(firmware.wait_ready().iter().any(|line| line.text.contains("ready")));
        let (_, gone) = end_of(&mut firmware);
        assert!(matches!(gone, Gone::Lost(error) if error.to_string().contains("no cable")));
    }

    #[test]
    fn a_restart_ends_it_and_is_nobodys_fault() {
        let (mut firmware, _) = firmware(vec![bytes("{}\n"), Ok(Said::Restarted), bytes("never\n")]);
        let (lines, gone) = end_of(&mut firmware);
        assert_eq!(lines, ["{}"]);
        assert!(matches!(gone, Gone::Restarted(_)));
    }

    #[test]
    fn a_line_is_told_in_pieces_where_there_is_little_room() {
        let (mut firmware, heard) = firmware(Vec::new());
        firmware.tell("{\"set\":1}");
        assert_eq!(held(&heard).as_slice(), b"{\"set\":1}\n");
    }
}
