//! `record`: what arrives on a serial line, with its times, as a capture.

use crate::console;
use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::RecordFlags;
use hanbench_core::capture::{Dir, Row, header_text};
use hanbench_rig::{interrupt, serial};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Records until Ctrl-C, the end of the time asked for, or the loss of the port. The file is whole at any end.
pub fn run(flags: &RecordFlags) -> Outcome {
    super::refuse_to_overwrite(flags.output.as_deref())?;
    interrupt::install();
    let end = flags.for_s.map(super::duration).transpose()?;
    let mut port = serial::open(&flags.port, flags.serial.baud, &flags.serial.parity)?;
    let mut sink = Sink::open(flags.output.as_deref())?;
    sink.write(&header_text(&header(flags)))?;
    let start = Instant::now();
    let mut buffer = [0; 4096];
    let (mut bytes, mut rows) = (0_u64, 0_u64);
    let mut lost = None;
    while !interrupt::interrupted() && end.is_none_or(|end| start.elapsed() < end) {
        match serial::read(port.as_mut(), &mut buffer) {
            Ok(0) => continue,
            Ok(count) => {
                let t_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                let row = Row { t_us, dir: Dir::Rx, bytes: buffer[..count].to_vec() };
                sink.write(&row.to_line())?;
                bytes += count as u64;
                rows += 1;
            }
            Err(error) => {
                lost = Some(Failure { code: 3, text: format!("{}: the port was lost: {error}", flags.port) });
                break;
            }
        }
    }
    if bytes == 0 {
        sink.discard();
        let text = format!(
            "{}: not a byte arrived in {:.1} s; nothing was written",
            flags.port,
            start.elapsed().as_secs_f64()
        );
        return Err(lost.unwrap_or(Failure { code: 4, text }));
    }
    sink.close()?;
    console::note(&format!("{bytes} bytes in {rows} rows, {:.1} s", start.elapsed().as_secs_f64()));
    lost.map_or(Ok(PASSED), Err)
}

fn header(flags: &RecordFlags) -> BTreeMap<String, String> {
    let started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    [
        ("baud", flags.serial.baud.to_string()),
        ("parity", flags.serial.parity.clone()),
        ("stage", "wire".into()),
        ("evidence", "recorded".into()),
        ("source", format!("recorded on {}", flags.port)),
        ("t0", started),
    ]
    .map(|(key, value)| (key.to_string(), value))
    .into()
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
            // Only a header is in it.
            let _ = std::fs::remove_file(part);
        }
    }
}
