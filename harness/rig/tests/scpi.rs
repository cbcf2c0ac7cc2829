//! An instrument on a pty: one that takes a waveform, one that refuses it, one that says nothing.

#![cfg(unix)]

use hanbench_rig::pty::Pty;
use hanbench_rig::scpi::{Dialect, Instrument, ScpiError, block};
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What an instrument was told: its commands in order, and the bytes of the last block.
#[derive(Default, Clone, Debug)]
struct Told {
    commands: Vec<String>,
    block: Vec<u8>,
}

/// An instrument that takes blocks of up to so many bytes and answers as one would.
struct Simulated {
    port: String,
    told: Arc<Mutex<Told>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Simulated {
    fn new(most: usize, silent_on: &'static str) -> Simulated {
        Simulated::saying("1", most, silent_on)
    }

    /// `done`: what it answers when it is asked whether everything is done.
    fn saying(done: &'static str, most: usize, silent_on: &'static str) -> Simulated {
        let pty = Pty::open().expect("a pty");
        let (port, told, stop) = (pty.path().to_string(), Arc::default(), Arc::new(AtomicBool::new(false)));
        let (heard, end) = (Arc::clone(&told), Arc::clone(&stop));
        let thread = std::thread::spawn(move || serve(&pty, done, most, silent_on, &heard, &end));
        Simulated { port, told, stop, thread: Some(thread) }
    }

    fn told(&self) -> Told {
        self.told.lock().expect("whole").clone()
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(pty: &Pty, done: &str, most: usize, silent_on: &str, told: &Mutex<Told>, stop: &AtomicBool) {
    let (mut bytes, mut errors) = (Vec::new(), vec!["-113,\"Undefined header\"".to_string()]);
    let mut buffer = [0; 512];
    while !stop.load(Ordering::Relaxed) {
        match pty.master().read(&mut buffer) {
            Ok(count) => bytes.extend(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(_) => return,
        }
        while let Some((command, data, length)) = message(&bytes) {
            bytes.drain(..length);
            let mut told = told.lock().expect("whole");
            told.commands.push(command.clone());
            if let Some(data) = data {
                if data.len() > most {
                    errors.push("-223,\"Too much data\"".into());
                } else {
                    told.block = data;
                }
            }
            drop(told);
            let answer = match command.as_str() {
                asked if asked == silent_on => continue,
                "*CLS" => {
                    errors.clear();
                    continue;
                }
                "*IDN?" => "MAKER,MODEL 1,0001,1.0".to_string(),
                "*OPC?" => done.to_string(),
                "SYST:ERR?" if errors.is_empty() => "+0,\"No error\"".to_string(),
                "SYST:ERR?" => errors.remove(0),
                _ => continue,
            };
            pty.master().write_all(format!("{answer}\r\n").as_bytes()).expect("room for an answer");
        }
    }
}

/// The first whole message: its text before a block, the bytes of the block, its length.
fn message(bytes: &[u8]) -> Option<(String, Option<Vec<u8>>, usize)> {
    let stop = bytes.iter().position(|byte| *byte == b'\n' || *byte == b'#')?;
    let text = String::from_utf8_lossy(&bytes[..stop]).into_owned();
    if bytes[stop] == b'\n' {
        return Some((text, None, stop + 1));
    }
    let digits = usize::from(bytes.get(stop + 1)?.checked_sub(b'0')?);
    let from = stop + 2 + digits;
    let length: usize = std::str::from_utf8(bytes.get(stop + 2..from)?).ok()?.parse().ok()?;
    let data = bytes.get(from..from + length)?.to_vec();
    // A message with a block ends with a line break too.
    (*bytes.get(from + length)? == b'\n').then(|| (text, Some(data), from + length + 1))
}

fn dialect(name: &str) -> &'static Dialect {
    Dialect::named(name).expect("a dialect")
}

#[test]
fn a_waveform_arrives_whole_in_the_words_of_each_make() {
    // Every byte there is, line breaks and XON/XOFF among them, and more than a pty holds.
    let points: Vec<u8> = (0..32_768_u32).map(|n| (n * 7 / 3) as u8).collect();
    for (name, setup, command) in [
        ("rigol", None, ":TRAC:DATA:DAC16 VOLATILE,END,"),
        ("agilent", Some("FORM:BORD NORM"), "DATA:DAC VOLATILE,"),
    ] {
        let simulated = Simulated::new(32_768, "");
        let (mut instrument, who) = Instrument::open(&simulated.port, 115_200).expect("it answers");
        assert_eq!(who, "MAKER,MODEL 1,0001,1.0");
        instrument.upload(dialect(name), &points).expect("it takes them");
        let told = simulated.told();
        let commands: Vec<&str> = told.commands.iter().map(String::as_str).collect();
        let mut expected = vec!["*CLS", "*IDN?"];
        expected.extend(setup);
        expected.extend([command, "*OPC?", "SYST:ERR?"]);
        assert_eq!(commands, expected);
        assert!(told.block == points, "{name}: other bytes arrived");
    }
}

#[test]
fn a_block_that_is_too_long_is_refused_in_the_words_of_the_instrument() {
    let simulated = Simulated::new(1000, "");
    let (mut instrument, _) = Instrument::open(&simulated.port, 115_200).expect("it answers");
    let error = instrument.upload(dialect("rigol"), &[1; 1002]).expect_err("refused");
    let expected = format!("port {}: the instrument refuses: -223,\"Too much data\"", simulated.port);
    assert_eq!(error.to_string(), expected);
    // What it said then is not said again of the next.
    instrument.upload(dialect("rigol"), &[1; 1000]).expect("it takes them");
}

#[test]
fn an_instrument_that_is_not_done_has_no_waveform() {
    for (done, fine) in [("1", true), ("+1", true), ("0", false), ("", false)] {
        let simulated = Simulated::saying(done, 1000, "");
        let (mut instrument, _) = Instrument::open(&simulated.port, 115_200).expect("it answers");
        match instrument.upload(dialect("rigol"), &[1; 100]) {
            Ok(()) => assert!(fine, "{done:?}"),
            Err(error) => {
                let expected =
                    format!("the instrument refuses: *OPC? was answered by {done:?}, where 1 was expected");
                assert!(!fine && error.to_string().ends_with(&expected), "{error}");
            }
        }
    }
}

#[test]
fn a_silent_instrument_is_given_up_in_time() {
    for question in ["*IDN?", "SYST:ERR?"] {
        let simulated = Simulated::new(1000, question);
        let started = Instant::now();
        let opened = Instrument::open(&simulated.port, 115_200);
        let error = match opened {
            Ok((mut instrument, _)) => instrument.upload(dialect("agilent"), &[0; 16]).expect_err("silent"),
            Err(error) => error,
        };
        assert!(matches!(&error, ScpiError::Silent { question: asked, .. } if asked == question), "{error}");
        assert!(error.to_string().contains("within 3 s"), "{error}");
        let took = started.elapsed();
        assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(20), "{took:?}");
    }
}

#[test]
fn a_port_that_is_not_there_is_named() {
    let error = Instrument::open("/dev/no-such-port", 9600).expect_err("there is none").to_string();
    assert!(error.starts_with("port /dev/no-such-port is not available"), "{error}");
}

#[test]
fn a_block_says_its_length() {
    assert_eq!(block(b"ab"), b"#12ab");
    assert_eq!(block(&[7; 16_384])[..7], *b"#516384");
}

#[test]
fn points_are_written_as_each_make_wants_them() {
    let codes = [0, 1, -1, i16::MAX, i16::MIN];
    // 14 of 16 bits, rounded half to even.
    let rigol = dialect("rigol").encode(&codes, 16);
    assert_eq!(rigol, [0x00, 0x20, 0x00, 0x20, 0x00, 0x20, 0xff, 0x3f, 0x00, 0x00]);
    let agilent = dialect("agilent").encode(&codes, 16);
    assert_eq!(agilent, [0, 0, 0, 0, 0, 0, 0x1f, 0xff, 0xe0, 0x01]);
    // Twelve bits reach as far as fourteen.
    assert_eq!(dialect("rigol").encode(&[-2048, 2047, 1], 12), [0x00, 0x00, 0xfc, 0x3f, 0x04, 0x20]);
    assert_eq!(dialect("agilent").encode(&[-2048, -1], 12), [0xe0, 0x01, 0xff, 0xfc]);
}

#[test]
fn as_many_whole_cycles_are_sent_as_fit() {
    let rigol = dialect("rigol");
    assert_eq!(rigol.whole(160, 8000), Some(8000));
    assert_eq!(rigol.whole(160, 8100), Some(8000));
    assert_eq!(rigol.whole(160, 1_000_000), Some(16_320), "102 cycles");
    assert_eq!(rigol.whole(20_000, 1_000_000), None);
    assert_eq!(rigol.whole(4, 7), None, "fewer points than it takes");
}
