//! `record`: what arrives on a serial line, with its times, as a capture.

use crate::console;
use crate::failure::{Failure, LOST, Outcome, PASSED};
use crate::flags::RecordFlags;
use hanbench_core::capture::{Dir, Row, header_text};
use hanbench_core::meters::profile::Elements;
use hanbench_core::meters::stream::{Entry, Stream};
use hanbench_core::reading;
use hanbench_rig::file::words;
use hanbench_rig::lock::Lock;
use hanbench_rig::{interrupt, serial};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long rows are held back so that the header above them can name the meter. Every meter that names itself
/// does so within 10 s, but for what it sends hourly.
const NAMED_WITHIN: Duration = Duration::from_secs(30);

/// Records until Ctrl-C, the end of the time asked for, or the loss of the port. The file is whole at any end.
pub fn run(flags: &RecordFlags) -> Outcome {
    super::refuse_to_overwrite(flags.output.as_deref())?;
    interrupt::install();
    let end = flags.for_s.map(super::duration).transpose()?;
    let _lock = Lock::take(&flags.port, "record")?;
    let mut port = serial::open(&flags.port, flags.serial.baud(), flags.serial.parity())?;
    let mut recording = Recording::new(header(flags), Sink::open(flags.output.as_deref())?);
    let start = Instant::now();
    let mut buffer = [0; 4096];
    let mut lost = None;
    while !interrupt::interrupted() && end.is_none_or(|end| start.elapsed() < end) {
        match serial::read(port.as_mut(), &mut buffer) {
            Ok(0) => recording.idle()?,
            Ok(count) => {
                let t_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                recording.row(Row { t_us, dir: Dir::Rx, bytes: buffer[..count].to_vec() })?;
            }
            Err(error) => {
                lost = Some(Failure {
                    code: LOST,
                    text: format!("{}: the port was lost: {}", flags.port, words(&error)),
                });
                break;
            }
        }
    }
    let (bytes, rows) = (recording.bytes, recording.rows);
    if bytes == 0 {
        recording.sink.discard();
        let text = format!(
            "{}: not a byte arrived in {:.1} s; nothing was written",
            flags.port,
            start.elapsed().as_secs_f64()
        );
        return Err(lost.unwrap_or(Failure { code: 4, text }));
    }
    recording.close()?;
    console::note(&format!("{bytes} bytes in {rows} rows, {:.1} s", start.elapsed().as_secs_f64()));
    lost.map_or(Ok(PASSED), Err)
}

fn header(flags: &RecordFlags) -> BTreeMap<String, String> {
    let started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    [
        ("baud", flags.serial.baud().to_string()),
        ("parity", flags.serial.parity().to_string()),
        ("stage", "wire".into()),
        ("evidence", "recorded".into()),
        ("source", format!("recorded on {}", flags.port)),
        ("t0", started),
    ]
    .map(|(key, value)| (key.to_string(), value))
    .into()
}

/// A capture that grows. Its rows wait until the meter is named or will not be.
struct Recording {
    sink: Sink,
    header: BTreeMap<String, String>,
    meter: Meter,
    /// Rows that wait for the header, and since when; `None` once it is written.
    held: Option<(String, Option<Instant>)>,
    bytes: u64,
    rows: u64,
}

impl Recording {
    fn new(header: BTreeMap<String, String>, sink: Sink) -> Recording {
        let held = Some((String::new(), None));
        Recording { sink, header, meter: Meter::default(), held, bytes: 0, rows: 0 }
    }

    fn row(&mut self, row: Row) -> Result<(), Failure> {
        self.bytes += row.bytes.len() as u64;
        self.rows += 1;
        let Some((text, since)) = &mut self.held else {
            return self.sink.write(&row.to_line());
        };
        text.push_str(&row.to_line());
        since.get_or_insert_with(Instant::now);
        self.meter.hear(&row);
        self.idle()
    }

    /// Writes the header and what waits for it, when that is due.
    fn idle(&mut self) -> Result<(), Failure> {
        let since = self.held.as_ref().and_then(|(_, since)| *since);
        let over = since.is_some_and(|since| since.elapsed() >= NAMED_WITHIN);
        if self.meter.named() || over { self.release() } else { Ok(()) }
    }

    fn release(&mut self) -> Result<(), Failure> {
        let Some((text, _)) = self.held.take() else { return Ok(()) };
        let Meter { family, model, system, .. } = &self.meter;
        for (key, found) in [("family", family), ("model", model), ("system", system)] {
            let found = found.clone().unwrap_or_else(|| "unknown".into());
            self.header.insert(key.into(), found);
        }
        self.sink.write(&header_text(&self.header))?;
        self.sink.write(&text)
    }

    fn close(mut self) -> Result<(), Failure> {
        self.release()?;
        self.sink.close()
    }
}

/// What the line tells of the meter, as the decoder understands it.
#[derive(Default)]
struct Meter {
    stream: Stream,
    family: Option<String>,
    model: Option<String>,
    system: Option<String>,
}

impl Meter {
    fn named(&self) -> bool {
        self.family.is_some() && self.model.is_some() && self.system.is_some()
    }

    fn hear(&mut self, row: &Row) {
        let Meter { stream, family, model, system } = self;
        let now = reading::Instant(row.t_us);
        let mut each = |entry: &Entry<'_>| {
            let Some(decoded) = &entry.decoded else { return };
            let Some(telegram) = &decoded.telegram else { return };
            *family = Some(decoded.family.word().to_string());
            let word = telegram.reading.meter_type.and_then(|text| std::str::from_utf8(text).ok());
            let word = word.map(|text| text.trim_matches(|c: char| c == '\0' || c.is_whitespace()));
            // A header line cannot hold a line break, and what holds one is no model.
            let word = word.filter(|text| !text.is_empty() && !text.contains(char::is_control));
            if let Some(word) = word {
                *model = Some(word.to_string());
            }
            // A list that names no meter leaves the number of its wires open.
            if let Some(profile) = decoded.profile.filter(|_| !decoded.assumed) {
                let word = match profile.elements {
                    Elements::One => "1-phase",
                    Elements::Two => "3-phase IT",
                    Elements::Three => "3-phase TN",
                };
                *system = Some(word.to_string());
            }
        };
        if stream.next_timeout().is_some_and(|due| now >= due) {
            stream.timeout(now, &mut each);
        }
        stream.push(&row.bytes, now, &mut each);
    }
}

/// A file that grows beside its name and moves there when it is complete; or standard output.
enum Sink {
    Stdout,
    File { part: PathBuf, path: PathBuf, file: BufWriter<std::fs::File>, flushed: Instant },
}

impl Sink {
    fn open(path: Option<&Path>) -> Result<Sink, Failure> {
        let Some(path) = path else { return Ok(Sink::Stdout) };
        let mut part = path.as_os_str().to_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        // Two recordings into one file would be none.
        let file = std::fs::File::create_new(&part).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Failure::input(format!(
                "{}: another recording writes to it, or one was killed and left it; look at it and remove it",
                part.display()
            )),
            _ => Failure::file("write", &part, &error),
        })?;
        Ok(Sink::File { part, path: path.to_path_buf(), file: BufWriter::new(file), flushed: Instant::now() })
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        match self {
            Sink::Stdout => console::out(text),
            Sink::File { part, file, flushed, .. } => {
                file.write_all(text.as_bytes()).map_err(|error| Failure::file("write", part, &error))?;
                // A loss of power costs a second, not a night.
                if flushed.elapsed() > Duration::from_secs(1) {
                    file.flush().map_err(|error| Failure::file("write", part, &error))?;
                    *flushed = Instant::now();
                }
            }
        }
        Ok(())
    }

    fn close(self) -> Result<(), Failure> {
        let Sink::File { part, path, mut file, .. } = self else { return Ok(()) };
        let moved = file.flush().and_then(|()| std::fs::rename(&part, &path));
        moved.map_err(|error| Failure::file("write", &path, &error))
    }

    fn discard(self) {
        if let Sink::File { part, .. } = self {
            // Nothing is in it.
            let _ = std::fs::remove_file(part);
        }
    }
}
