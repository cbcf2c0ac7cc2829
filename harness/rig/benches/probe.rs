//! How fast the probe path is against a simulated chip: `cargo bench -p hanbench-rig --features probe --bench probe`.
//!
//! Attaching, flashing, RTT and samples into RAM through the real probe-rs. The figures say how much time our own code and
//! probe-rs take; a real probe is thousands of times slower, so no budget comes from here. A regression shows.

#![allow(clippy::print_stdout, reason = "figures are what a benchmark is for")]
#![allow(clippy::unwrap_used, dead_code, reason = "support shared with the tests")]

#[path = "../tests/probe/board.rs"]
mod board;
#[path = "../tests/probe/drivers.rs"]
mod drivers;
#[path = "../tests/probe/images.rs"]
mod images;
#[path = "../tests/probe/waves.rs"]
mod waves;

use board::{BLOCK, Board, RAM};
use hanbench_rig::chip::{Places, Variant, VirtualChip, hardware};
use hanbench_rig::config::ProbeSettings;
use hanbench_rig::probe::{Deadlines, Image, Probe, ProbeError, RamSamples};
use hanbench_rig::samples::ram;
use hanbench_target::glasgow::Server;
use hanbench_target::{Chip, Firmware, FirmwareThread, Rtt};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Firmware that writes as much as the ring takes: words that count up.
struct Flood {
    rtt: Option<Rtt>,
    next: u32,
    /// Bytes of a word that had no room.
    rest: Vec<u8>,
}

const FLOOD: u32 = RAM + 0x1000;

impl Firmware for Flood {
    fn start(&mut self, chip: &mut Chip) {
        self.rtt = Rtt::place(chip, FLOOD, &[("flood", 4096)], &[]).ok();
        (self.next, self.rest) = (0, Vec::new());
    }

    fn tick(&mut self, chip: &mut Chip, _now_us: u64) {
        let Some(rtt) = &self.rtt else { return };
        while self.rest.len() < 4096 {
            self.rest.extend(self.next.to_le_bytes());
            self.next = self.next.wrapping_add(1);
        }
        if let Ok(sent) = rtt.write(chip, 0, &self.rest) {
            self.rest.drain(..sent);
        }
    }
}

fn main() -> Result<(), ProbeError> {
    // `cargo test --benches` only wants to see it run.
    let long = std::env::args().any(|argument| argument == "--bench");
    let board = Board::stm32("bench");
    measure("in process", &board, long)?;
    let mut board = Board::stm32("bench-socket");
    let socket = board.folder.path().join("probe");
    let server = Server::start(&socket, board.target.clone()).map_err(|error| panic!("{error}"));
    board.settings = ProbeSettings::at_socket(socket.display(), &board.settings.chip);
    measure("unix socket", &board, long)?;
    drop(server);
    samples(long)
}

/// How far above real time six inputs at 8 kHz go through the socket, with claims heard meanwhile as the bench does it.
fn samples(long: bool) -> Result<(), ProbeError> {
    let folder = tempfile::tempdir().unwrap();
    let (socket, file) = (folder.path().join("cable"), folder.path().join("dongle.elf"));
    std::fs::write(&file, hardware::image()).unwrap();
    let chip = VirtualChip::start(&Places { socket: socket.clone(), han: None }, Variant::default()).unwrap();
    let settings = ProbeSettings::at_socket(socket.display(), hardware::NAME);
    let image = Image::load(&file)?;
    let mut probe = Probe::open(&settings, Deadlines::default())?;
    probe.flash(&image)?;
    probe.rtt_attach(image.symbol("_SEGGER_RTT")?.address)?;
    let probe = Arc::new(Mutex::new(probe));
    let (said, lines) = channel();
    let ears = Arc::clone(&probe);
    let reader = std::thread::spawn(move || -> Result<(), ProbeError> {
        loop {
            let heard = ears.lock().unwrap().rtt_read(0)?;
            if said.send(heard.bytes).is_err() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let mut sink = RamSamples::new(Arc::clone(&probe), image.symbol(ram::SYMBOL)?);
    let wave = waves::wave("one-reversed", if long { 6.0 } else { 0.5 });
    let seconds = wave.frames() as f64 / wave.told.rate_hz;
    let before = chip.target().chip().counts.transfers;
    let rounds = if long { 10 } else { 1 };
    let mut played = 0;
    let time = best(rounds, || {
        played += 1;
        wave.play(&mut sink, || {});
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains(r#"{"event":"end""#) {
            text.extend(lines.recv().unwrap());
        }
        Ok(())
    })?;
    let transfers = chip.target().chip().counts.transfers - before;
    drop(lines);
    reader.join().unwrap()?;
    println!(
        "unix socket: {} inputs at {} Hz into RAM, measured and claimed: {:.0} times real time, {:.0} transfers a block of \
         20 ms",
        wave.inputs,
        wave.told.rate_hz,
        seconds / time.as_secs_f64(),
        transfers as f64 / (seconds * 50.0 * f64::from(played)),
    );
    Ok(())
}

fn measure(way: &str, board: &Board, long: bool) -> Result<(), ProbeError> {
    let rounds = if long { 10 } else { 1 };
    let _ = board::REGISTRY.families();
    let attach = best(rounds, || board.try_open().map(drop))?;
    let mut probe = board.try_open()?;
    let mut seed = 0;
    let flash = best(rounds, || {
        seed += 1;
        probe.flash(&board.image(seed, 20_000)).map(drop)
    })?;
    let skip = best(rounds, || probe.flash(&board.image(seed, 20_000)).map(drop))?;
    let read = best(rounds, || probe.read(RAM.into(), 16 * 1024).map(drop))?;
    probe.rtt_attach(BLOCK.into())?;
    let poll = best(rounds * 10, || probe.rtt_read(0).map(drop))?;
    let flood = Flood { rtt: None, next: 0, rest: Vec::new() };
    let thread = FirmwareThread::start(board.target.clone(), flood, Duration::from_micros(20));
    let stream = stream(&mut probe, if long { 1000 } else { 20 })?;
    drop(thread);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{way}: attach {:.1} ms, flash 20 kB and verify {:.1} ms, leave it {:.1} ms",
        ms(attach),
        ms(flash),
        ms(skip)
    );
    println!(
        "{way}: read {:.1} MB/s, RTT {:.2} MB/s, empty RTT poll {:.3} ms",
        16.384 / 1e3 / read.as_secs_f64(),
        stream / 1e6,
        ms(poll)
    );
    Ok(())
}

/// Bytes per second of a stream whose every word is checked.
fn stream(probe: &mut Probe, millis: u64) -> Result<f64, ProbeError> {
    probe.rtt_attach(FLOOD.into())?;
    let (started, mut bytes, mut seen) = (Instant::now(), Vec::new(), 0usize);
    let mut expected = None;
    while started.elapsed() < Duration::from_millis(millis) {
        let heard = probe.rtt_read(0)?.bytes;
        seen += heard.len();
        bytes.extend(heard);
        let whole = bytes.len() / 4 * 4;
        for word in bytes.drain(..whole).collect::<Vec<u8>>().chunks_exact(4) {
            let word = word.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
            assert!(expected.is_none_or(|expected| word == expected), "{word} after {expected:?}");
            expected = Some(word.wrapping_add(1));
        }
    }
    Ok(seen as f64 / started.elapsed().as_secs_f64())
}

fn best(rounds: usize, mut work: impl FnMut() -> Result<(), ProbeError>) -> Result<Duration, ProbeError> {
    let mut fastest = Duration::MAX;
    for _ in 0..rounds {
        let started = Instant::now();
        work()?;
        fastest = fastest.min(started.elapsed());
    }
    Ok(fastest)
}
