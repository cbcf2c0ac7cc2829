//! Lines of a DUT with the time they arrived. Bounded: a DUT that floods loses lines and is found out, it never
//! eats the bench's memory and never makes its own claims look late by blocking the reader.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest line in bytes; the rest of a longer one is dropped and the line marked.
pub const LINE_MAX: usize = 64 * 1024;
/// Lines that may wait.
const LINES_MAX: usize = 10_000;
/// Bytes that may wait.
const BYTES_MAX: usize = 4 << 20;

/// A line that is still without its end after so long is shown, so that nobody takes its DUT for silent.
const UNFINISHED_AFTER: Duration = Duration::from_millis(500);

/// How many bytes of it.
const UNFINISHED_MAX: usize = 200;

/// Where a line came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// Standard output, or the console: may hold claims.
    Readings,
    /// Standard error: log only.
    Log,
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextLine {
    /// Taken directly after the read that completed it.
    pub at: Instant,
    /// Where it came from.
    pub stream: Stream,
    /// The text without its line end; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// It was longer than [`LINE_MAX`], and this is its beginning.
    pub cut: bool,
}

/// Where the readers of a DUT put lines and the session takes them.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<TextLine>,
    bytes: usize,
    /// There was no room for a line.
    flooded: bool,
    open: usize,
    error: Option<String>,
    /// The beginnings of lines, one per reader, when they last grew, and where they came from.
    unfinished: Vec<(Stream, Instant, String)>,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        // A reader thread that panicked has left whole lines behind.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All lines that have arrived; waits for the first one until `until` or until nothing can come any more.
    pub fn take(&self, until: Instant) -> Vec<TextLine> {
        let mut state = self.state();
        while state.lines.is_empty() && state.open > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.0.news.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.bytes = 0;
        let old = Instant::now().checked_sub(UNFINISHED_AFTER);
        let State { lines, unfinished, .. } = &mut *state;
        for (_, at, text) in unfinished.extract_if(.., |(_, at, _)| old.is_some_and(|old| *at <= old)) {
            // It is no line, so no claim is looked for in it.
            let text = format!("(no line end yet) {text}");
            lines.push_back(TextLine { at, stream: Stream::Log, text, cut: false });
        }
        lines.drain(..).collect()
    }

    /// Whether lines were lost since the last call because too many waited.
    pub fn take_flooded(&self) -> bool {
        std::mem::take(&mut self.state().flooded)
    }

    /// No reader is left: nothing more can arrive.
    pub fn closed(&self) -> bool {
        self.state().open == 0
    }

    /// Why a reader gave up, where it was not a plain end.
    pub fn error(&self) -> Option<String> {
        self.state().error.clone()
    }

    fn put(&self, line: TextLine) {
        let mut state = self.state();
        if state.lines.len() >= LINES_MAX || state.bytes + line.text.len() > BYTES_MAX {
            state.flooded = true;
            return;
        }
        state.bytes += line.text.len();
        state.lines.push_back(line);
        self.0.news.notify_all();
    }

    fn show_unfinished(&self, line: &Partial, at: Instant, stream: Stream) {
        let unfinished = &mut self.state().unfinished;
        unfinished.retain(|(other, ..)| *other != stream);
        if !line.bytes.is_empty() {
            let shown = &line.bytes[..line.bytes.len().min(UNFINISHED_MAX)];
            unfinished.push((stream, at, String::from_utf8_lossy(shown).into_owned()));
        }
    }

    /// Announces a reader, before its thread starts.
    pub(super) fn open(&self) {
        self.state().open += 1;
    }

    fn close(&self, error: Option<String>) {
        let mut state = self.state();
        state.open -= 1;
        if error.is_some() {
            state.error = error;
        }
        self.0.news.notify_all();
    }

    /// Reads lines until the end; for a thread of its own, after [`Inbox::open`]. A read that times out is no end,
    /// `stopped` is.
    pub(super) fn read_lines(&self, mut source: impl Read, stream: Stream, stopped: impl Fn() -> bool) {
        let mut chunk = [0; 4096];
        let mut line = Partial::default();
        let error = loop {
            if stopped() {
                break None;
            }
            match source.read(&mut chunk) {
                Ok(0) => break None,
                Ok(count) => {
                    let at = Instant::now();
                    for piece in chunk[..count].split_inclusive(|&byte| byte == b'\n') {
                        if line.push(piece) {
                            self.put(line.take(at, stream));
                        }
                    }
                    self.show_unfinished(&line, at, stream);
                }
                Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                Err(error) => break Some(error.to_string()),
            }
        };
        if !line.bytes.is_empty() {
            self.put(line.take(Instant::now(), stream));
        }
        self.close(error);
    }
}

/// The line that is being received.
#[derive(Default)]
struct Partial {
    bytes: Vec<u8>,
    cut: bool,
}

impl Partial {
    /// Takes a piece that ends at a line end or at the end of a read; true when the line is complete.
    fn push(&mut self, piece: &[u8]) -> bool {
        let room = LINE_MAX - self.bytes.len();
        let (text, ended) = match piece.strip_suffix(b"\n") {
            Some(text) => (text, true),
            None => (piece, false),
        };
        self.cut |= text.len() > room;
        self.bytes.extend_from_slice(&text[..text.len().min(room)]);
        ended
    }

    fn take(&mut self, at: Instant, stream: Stream) -> TextLine {
        let bytes = std::mem::take(&mut self.bytes);
        let text = String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(&bytes)).into_owned();
        TextLine { at, stream, text, cut: std::mem::take(&mut self.cut) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Inbox {
        let inbox = Inbox::default();
        inbox.open();
        inbox.read_lines(bytes, Stream::Readings, || false);
        inbox
    }

    fn texts(inbox: &Inbox) -> Vec<String> {
        inbox.take(Instant::now()).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_end_at_line_feed_and_at_the_end() {
        let inbox = read(b"one\r\n\ntwo\xff\nthree");
        assert_eq!(texts(&inbox), ["one", "", "two\u{fffd}", "three"]);
        assert!(inbox.closed());
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let mut bytes = vec![b'x'; LINE_MAX + 5000];
        bytes.extend(b"\nnext\n");
        let lines = read(&bytes).take(Instant::now());
        assert_eq!((lines[0].text.len(), lines[0].cut), (LINE_MAX, true));
        assert_eq!((lines[1].text.as_str(), lines[1].cut), ("next", false));
    }

    #[test]
    fn a_line_without_end_is_shown_as_log_and_stays_a_line() {
        let inbox = Inbox::default();
        let old = Instant::now() - UNFINISHED_AFTER;
        let mut line = Partial::default();
        assert!(!line.push(b"{\"active"));
        inbox.show_unfinished(&line, Instant::now(), Stream::Readings);
        assert!(inbox.take(Instant::now()).is_empty(), "its end may be on its way");
        inbox.show_unfinished(&line, old, Stream::Readings);
        let shown = inbox.take(Instant::now());
        assert_eq!((shown[0].text.as_str(), shown[0].stream), ("(no line end yet) {\"active", Stream::Log));
        assert!(inbox.take(Instant::now()).is_empty(), "once is enough");
        assert!(line.push(b"\":1}\n"));
        assert_eq!(line.take(old, Stream::Readings).text, "{\"active\":1}");
    }

    #[test]
    fn a_flood_is_bounded_and_noticed() {
        let inbox = read(&b"x\n".repeat(LINES_MAX + 1));
        assert!(inbox.take_flooded());
        assert_eq!(texts(&inbox).len(), LINES_MAX);
        let long = [vec![b'y'; LINE_MAX], b"\n".to_vec()].concat();
        let inbox = read(&long.repeat(BYTES_MAX / LINE_MAX + 1));
        assert!(inbox.take_flooded());
        assert_eq!(texts(&inbox).len(), BYTES_MAX / LINE_MAX);
        assert!(!read(b"quiet\n").take_flooded());
    }
}
