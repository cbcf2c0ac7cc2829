//! RTT as a conversation of lines: readings in one channel, logs in defmt in another.
//!
//! Readings come from the first up channel, unless that is the one called `defmt`. Frames of defmt become lines of text, so
//! that firmware with nothing else may print its readings with `defmt::println!`. Refuses to know which line is a reading.

use super::defmt::{Decoder, Line, Strings};
use super::{Channels, Probe};
use crate::dut::{LINE_MAX, Said, Talk};
use crate::error::RigError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the library defmt-rtt calls its channel.
const DEFMT: &str = "defmt";
/// Channel for settings, downwards.
const SETTINGS: usize = 0;

/// A probe that several may use in turn.
pub(super) type SharedProbe = Arc<Mutex<Probe>>;

/// A step that panicked has left a probe that says so itself.
pub(super) fn held(probe: &SharedProbe) -> MutexGuard<'_, Probe> {
    probe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Both directions, through a probe.
#[derive(Debug)]
pub(super) struct Rtt {
    probe: SharedProbe,
    /// The channel with lines of text.
    text: Option<usize>,
    log: Option<(usize, Decoder)>,
    /// The beginning of a line of text, which no line of the log may come into.
    begun: Vec<u8>,
}

impl Rtt {
    /// Through these channels. Without `strings` a log in defmt means nothing and is left alone.
    pub(super) fn new(probe: SharedProbe, channels: &Channels, strings: Option<Strings>) -> Rtt {
        let of_defmt = |name: &str| strings.is_some() && name == DEFMT;
        let text = channels.up.iter().find(|up| !of_defmt(&up.name)).map(|up| up.number);
        let log = channels.up.iter().find(|up| of_defmt(&up.name)).map(|up| up.number);
        let log = log.zip(strings.map(Decoder::new));
        Rtt { probe, text, log, begun: Vec::new() }
    }
}

impl Talk for Rtt {
    fn read(&mut self) -> Result<Said, RigError> {
        let mut lines = Vec::new();
        let mut probe = held(&self.probe);
        if let Some(channel) = self.text {
            let heard = probe.rtt_read(channel)?;
            if heard.restarted {
                return Ok(Said::Restarted);
            }
            self.begun.extend(heard.bytes);
            lines.extend(self.begun.drain(..whole(&self.begun, self.log.is_some())));
        }
        if let Some((channel, decoder)) = &mut self.log {
            let heard = probe.rtt_read(*channel)?;
            if heard.restarted {
                return Ok(Said::Restarted);
            }
            lines.extend(decoder.feed(&heard.bytes).iter().flat_map(|one| logged(one).into_bytes()));
        }
        Ok(Said::Bytes(lines))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, RigError> {
        Ok(held(&self.probe).rtt_write(SETTINGS, bytes)?)
    }
}

/// How many of these bytes go on. Only where there are other lines for the same reader does the beginning of one wait, and
/// no longer than a line may be.
fn whole(begun: &[u8], mixed: bool) -> usize {
    if !mixed || begun.len() > LINE_MAX {
        return begun.len();
    }
    begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// A message as one line.
fn logged(message: &Result<Line, Vec<u8>>) -> String {
    let line = match message {
        Ok(Line { level: "println", text, .. }) => text.clone(),
        Ok(Line { level, timestamp, text }) => format!("{timestamp} {level} {text}").trim_start().to_string(),
        Err(bytes) => {
            format!("a log frame that the ELF does not explain: {}", hanbench_core::hex::text(bytes))
        }
    };
    line.replace('\n', " ") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_line_waits_only_where_another_could_come_into_it() {
        assert_eq!((whole(b"one\ntw", true), whole(b"one\ntw", false), whole(b"tw", true)), (4, 6, 0));
        assert_eq!(
            whole(&vec![b'x'; LINE_MAX + 1], true),
            LINE_MAX + 1,
            "firmware without line ends fills no memory"
        );
    }

    #[test]
    fn a_message_is_one_line_and_a_println_is_only_its_text() {
        let line = |level: &'static str, text: &str| {
            logged(&Ok(Line { level, timestamp: "0.000123".into(), text: text.into() }))
        };
        assert_eq!(line("println", "{\"active_import_w\":733}"), "{\"active_import_w\":733}\n");
        assert_eq!(line("warn", "two\nlines"), "0.000123 warn two lines\n");
        assert_eq!(logged(&Err(vec![1, 0xAB])), "a log frame that the ELF does not explain: 01ab\n");
    }
}
