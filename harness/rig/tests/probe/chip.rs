//! The virtual chip: the reference dongles as firmware, through socket, probe-rs, flash and RTT.

use crate::waves::{Wave, converter, wave, waveforms};
use hanbench_core::capture::Capture;
use hanbench_core::clamps::Fault;
use hanbench_core::verdict::Cause;
use hanbench_rig::chip::hardware::{self, PROBE_WORD, RTT};
use hanbench_rig::chip::{self, Broken, Places, Variant, VirtualChip};
use hanbench_rig::config::ProbeSettings;
use hanbench_rig::line::WriteFailure;
use hanbench_rig::probe::{Deadlines, Image, Probe, ProbeError, RamSamples};
use hanbench_rig::pty::Pty;
use hanbench_rig::samples::ram::SYMBOL;
use hanbench_rig::samples::{SampleSink, head};
use serde_json::Value;
use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CAPTURE: &str = "../../captures/aidon/6525-it3.csv";
const READY: &str = r#"{"event":"ready"}"#;

/// A chip with its cables.
struct Rig {
    chip: VirtualChip,
    pty: Pty,
    settings: ProbeSettings,
    image: Image,
    _folder: TempDir,
}

impl Rig {
    fn new(variant: Variant) -> Rig {
        let folder = TempDir::new().expect("a folder");
        let (socket, file) = (folder.path().join("cable"), folder.path().join("dongle.elf"));
        std::fs::write(&file, hardware::image()).expect("write");
        let pty = Pty::open().expect("a pty");
        let places = Places { socket: socket.clone(), han: Some(pty.path().into()) };
        let chip = VirtualChip::start(&places, variant).expect("a chip");
        let settings = ProbeSettings::at_socket(socket.display(), hardware::NAME);
        Rig { chip, pty, settings, image: Image::load(&file).expect("an image"), _folder: folder }
    }

    fn broken(name: &str) -> Rig {
        Rig::new(Variant { broken: Some(Broken::named(name).expect(name)), ..Variant::default() })
    }

    fn faulty(name: &str) -> Rig {
        Rig::new(Variant { fault: Some(chip::Fault::named(name).expect(name)), ..Variant::default() })
    }

    fn open(&self) -> Result<Probe, ProbeError> {
        Probe::open(&self.settings, Deadlines::default())
    }

    /// Flashed, started, and heard to be ready.
    fn ready(&self) -> Listener {
        let mut probe = self.open().expect("attach");
        assert!(probe.flash(&self.image).expect("flash").written);
        let probe = Arc::new(Mutex::new(probe));
        let mut listener = Listener { probe, text: String::new(), restarts: 0 };
        listener.attach(&self.image);
        assert_eq!(listener.lines(1), [READY]);
        listener
    }

    fn samples(&self, listener: &Listener) -> RamSamples {
        let buffer = self.image.symbol(SYMBOL).expect("a symbol");
        RamSamples::new(Arc::clone(&listener.probe), buffer)
    }

    fn send(&self, bytes: &[u8]) {
        let (mut rest, until) = (bytes, Instant::now() + Duration::from_secs(5));
        while !rest.is_empty() {
            match self.pty.master().write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// What comes through RTT.
struct Listener {
    probe: Arc<Mutex<Probe>>,
    text: String,
    restarts: u32,
}

impl Listener {
    fn probe(&self) -> MutexGuard<'_, Probe> {
        self.probe.lock().expect("nobody panicked")
    }

    fn attach(&mut self, image: &Image) {
        let block = image.symbol("_SEGGER_RTT").expect("a symbol");
        let channels = self.probe().rtt_attach(block.address).expect("RTT");
        let (up, down) = (&channels.up[0], &channels.down[0]);
        assert_eq!((up.name.as_str(), up.size, down.name.as_str()), ("claims", 4096, "settings"));
    }

    /// The next lines.
    fn lines(&mut self, count: usize) -> Vec<String> {
        let lines = self.try_lines(count, Duration::from_secs(10)).expect("RTT");
        assert_eq!(lines.len(), count, "{lines:?} and {:?}", self.text);
        lines
    }

    /// Takes what is in the ring.
    fn hear(&mut self) -> Result<(), ProbeError> {
        let heard = self.probe().rtt_read(0)?;
        self.restarts += u32::from(heard.restarted);
        self.text += std::str::from_utf8(&heard.bytes).expect("text");
        Ok(())
    }

    /// What the dongle says to a waveform, up to its word that all was said.
    fn said_to(&mut self, wave: &Wave, sink: &mut RamSamples) -> Vec<String> {
        wave.play(sink, || self.hear().expect("RTT"));
        let until = Instant::now() + Duration::from_secs(10);
        while !self.text.contains(r#"{"event":"end""#) && !self.text.contains(r#"{"event":"gap""#) {
            assert!(Instant::now() < until, "{}", self.text);
            self.hear().expect("RTT");
        }
        std::mem::take(&mut self.text).lines().map(str::to_string).collect()
    }

    /// At most `count` lines, as many as come within a time.
    fn try_lines(&mut self, count: usize, within: Duration) -> Result<Vec<String>, ProbeError> {
        let until = Instant::now() + within;
        while self.text.matches('\n').count() < count && Instant::now() < until {
            self.hear()?;
            std::thread::sleep(Duration::from_micros(200));
        }
        let end = self.text.match_indices('\n').take(count).last().map_or(0, |(at, _)| at + 1);
        Ok(self.text.drain(..end).collect::<String>().lines().map(str::to_string).collect())
    }
}

/// Telegrams of a capture, as bytes on the line, and the power that each claims.
fn telegrams() -> Vec<(Vec<u8>, i64)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE);
    let capture = Capture::parse(&std::fs::read_to_string(path).expect("a capture")).expect("a capture");
    let bytes = capture.received().map(|(_, bytes)| bytes.to_vec());
    bytes.zip([2162, 2174, 2198, 2194, 2083, 1917, 2851, 5782, 2204]).collect()
}

fn power(line: &str) -> i64 {
    let claim: Value = serde_json::from_str(line).expect("JSON");
    claim["active_import_w"].as_i64().unwrap_or_else(|| panic!("{line}"))
}

#[test]
fn nothing_runs_before_it_is_flashed_and_then_claims_come_through_rtt() {
    let rig = Rig::new(Variant::default());
    rig.send(&telegrams()[0].0);
    let mut probe = rig.open().expect("attach");
    assert_eq!(probe.rtt_attach(RTT.address.into()).expect_err("erased").cause, Cause::Timeout);
    drop(probe);
    let mut listener = rig.ready();
    let word = rig.image.symbol(PROBE_WORD.name).expect("a symbol");
    assert_eq!(listener.probe().read(word.address, 4).expect("read"), [1, 0, 0, 0]);
    for (bytes, watts) in telegrams() {
        rig.send(&bytes);
        assert_eq!(power(&listener.lines(1)[0]), watts);
    }
    // All at once, which is more than the ring holds.
    let all: Vec<u8> = telegrams().into_iter().flat_map(|(bytes, _)| bytes).collect();
    for _ in 0..4 {
        rig.send(&all);
    }
    std::thread::sleep(Duration::from_millis(20));
    let lines = listener.lines(36);
    let watts: Vec<i64> = telegrams().into_iter().map(|(_, watts)| watts).collect();
    assert_eq!(lines.iter().map(|line| power(line)).collect::<Vec<_>>(), watts.repeat(4));
    assert_eq!(listener.restarts, 0);
}

#[test]
fn a_command_through_rtt_is_followed_and_confirmed_until_a_reset() {
    let rig = Rig::new(Variant::default());
    let mut listener = rig.ready();
    let (bytes, watts) = telegrams().remove(0);
    let command = b"nonsense\n{\"set\":{\"ratio\":\"50:1\"}}\n";
    assert_eq!(listener.probe().rtt_write(0, command).expect("write"), command.len());
    assert_eq!(listener.lines(1), [r#"{"event":"set","ratio":"50:1"}"#]);
    rig.send(&bytes);
    assert_eq!(power(&listener.lines(1)[0]), 50 * watts);
    listener.probe().reset().expect("reset");
    listener.attach(&rig.image);
    assert_eq!(listener.lines(1), [READY]);
    rig.send(&bytes);
    assert_eq!(power(&listener.lines(1)[0]), watts, "a reset forgets the ratio");
}

#[test]
fn samples_through_ram_are_measured_as_on_a_line() {
    let rig = Rig::new(Variant::default());
    let mut listener = rig.ready();
    let mut sink = rig.samples(&listener);
    let wave = wave("one-reversed", 3.0);
    assert_eq!(wave.inputs, 6);
    let expected = wave.said(None);
    assert_eq!(expected.last().map(String::as_str), Some(r#"{"event":"end","samples":24000}"#));
    let started = Instant::now();
    for _ in 0..2 {
        assert_eq!(listener.said_to(&wave, &mut sink), expected);
    }
    // It goes some twenty times as fast.
    assert!(started.elapsed() < Duration::from_secs(6), "below real time: {:?}", started.elapsed());
    // HAN bytes beside samples.
    let (bytes, watts) = telegrams().remove(0);
    rig.send(&bytes);
    assert_eq!(power(&listener.lines(1)[0]), watts);
}

#[test]
fn what_does_not_fit_into_a_slot_is_divided_or_refused() {
    let rig = Rig::new(Variant::default());
    let mut listener = rig.ready();
    let mut sink = rig.samples(&listener);
    let wave = wave("one-reversed", 2.0);
    sink.head(&wave.told).expect("the head");
    // A second at once: 96 kB, in slots of 2 kB.
    for (first, samples) in (0..).step_by(8000).zip(wave.samples.chunks(8000 * wave.inputs)) {
        sink.write(first, samples).expect("samples");
        listener.hear().expect("RTT");
    }
    sink.end(wave.frames()).expect("the end");
    let expected = wave.said(None);
    assert_eq!(listener.lines(expected.len()), expected);
    let mut long = wave.told.clone();
    long.inputs = long.inputs.iter().cycle().take(60).copied().collect();
    let error = sink.head(&long).expect_err("60 inputs");
    let WriteFailure::Lost(error) = error else { panic!("{error:?}") };
    assert!(error.to_string().contains("a slot of `hanbench_samples` has room for 2048"), "{error}");
    assert_eq!(error.exit_code(), 2);
    assert_eq!(listener.said_to(&wave, &mut sink), expected, "nothing was sent of it");
}

#[test]
fn firmware_that_takes_no_samples_is_known_in_time() {
    let rig = Rig::new(Variant::default());
    let listener = rig.ready();
    let mut sink = rig.samples(&listener);
    let wave = wave("one-reversed", 0.1);
    sink.head(&wave.told).expect("the head");
    for chip in ["halted", "started anew"] {
        if chip == "halted" {
            listener.probe().halt().expect("halt");
        } else {
            rig.chip.target().chip().reset();
        }
        let started = Instant::now();
        let failure = (0..3).find_map(|first| sink.write(first, &wave.samples[..wave.inputs]).err());
        assert!(matches!(failure, Some(WriteFailure::Stuck(_))), "{chip}: {failure:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{chip}: {:?}", started.elapsed());
    }
    let mut nowhere = rig.image.symbol(SYMBOL).expect("a symbol");
    nowhere.address += 4;
    let mut sink = RamSamples::new(Arc::clone(&listener.probe), nowhere);
    let failure = sink.head(&wave.told).expect_err("no buffer there");
    let WriteFailure::Lost(error) = failure else { panic!("{failure:?}") };
    assert!(error.to_string().contains("made no buffer for samples at 0x20002004"), "{error}");
}

#[test]
fn every_head_has_room_in_a_slot() {
    for waveform in waveforms() {
        let told = converter(&waveform).1;
        let len = head(&serde_json::to_vec(&told).expect("JSON")).len();
        assert!(len <= hardware::SLOT_SIZE as usize, "{}: {len} bytes", waveform.name);
    }
}

/// The power that each telegram claims.
fn watts() -> Vec<Option<i64>> {
    telegrams().into_iter().map(|(_, watts)| Some(watts)).collect()
}

/// Sends the telegrams one by one, and hears these claims, where one is due, and nothing else.
fn claims(rig: &Rig, listener: &mut Listener, due: &[Option<i64>]) {
    for ((bytes, _), watts) in telegrams().iter().zip(due) {
        rig.send(bytes);
        if let Some(watts) = watts {
            assert_eq!(power(&listener.lines(1)[0]), *watts);
        }
    }
    let more = listener.try_lines(1, Duration::from_millis(300)).expect("RTT");
    assert!(more.is_empty(), "{more:?}");
}

#[test]
fn broken_firmware_is_broken_and_otherwise_right() {
    let rig = Rig::broken("loses-a-line");
    let mut lossy = watts();
    lossy[6] = None;
    claims(&rig, &mut rig.ready(), &lossy);
    let rig = Rig::broken("silent");
    claims(&rig, &mut rig.ready(), &[None; 9]);
    let wave = wave("one-reversed", 2.0);
    let rig = Rig::broken("absolute-power");
    let mut listener = rig.ready();
    let said = listener.said_to(&wave, &mut rig.samples(&listener));
    assert_eq!(said, wave.said(Fault::named("absolute-power")));
    assert_ne!(said, wave.said(None));
    // Its HAN port is healthy.
    claims(&rig, &mut listener, &watts());
    let rig = Rig::broken("drops-a-buffer");
    let mut listener = rig.ready();
    let said = listener.said_to(&wave, &mut rig.samples(&listener));
    assert_eq!(said.last().map(String::as_str), Some(r#"{"event":"end","samples":15840}"#));
}

#[test]
fn cables_and_chips_go_wrong_as_asked() {
    let cause = |name: &str| Rig::faulty(name).open().map(drop).expect_err(name);
    assert_eq!(cause("cable-out").cause, Cause::Timeout);
    assert_eq!(cause("slow").cause, Cause::Timeout);
    let wrong = cause("wrong-chip");
    assert!(wrong.cause == Cause::Config && wrong.to_string().contains("Cortex-M0"), "{wrong}");
    let rig = Rig::faulty("erase-fails");
    let error = rig.open().expect("attach").flash(&rig.image).expect_err("no erasing");
    assert!(error.cause == Cause::Rig && error.to_string().contains("erase"), "{error}");
}

#[test]
fn power_that_was_lost_comes_back_for_the_next_client() {
    let rig = Rig::faulty("power-lost");
    let mut probe = rig.open().expect("attach");
    let error = probe.flash(&rig.image).expect_err("no power");
    assert_ne!(error.cause, Cause::Config, "{error}");
    assert!(!rig.chip.target().chip().powered());
    drop(probe);
    // What is there of the image does not run.
    let mut probe = rig.open().expect("attach");
    assert!(rig.chip.target().chip().powered());
    assert_eq!(probe.rtt_attach(RTT.address.into()).expect_err("half an image").cause, Cause::Timeout);
    drop(probe);
    let mut listener = rig.ready();
    claims(&rig, &mut listener, &watts());
}

#[test]
fn a_fault_in_the_middle_strikes_when_the_fourth_claim_is_due() {
    let rig = Rig::faulty("cable-out-after-claims");
    let mut listener = rig.ready();
    for (bytes, watts) in telegrams().into_iter().take(3) {
        rig.send(&bytes);
        assert_eq!(power(&listener.lines(1)[0]), watts);
    }
    rig.send(&telegrams()[3].0);
    let error = listener.try_lines(1, Duration::from_secs(5)).expect_err("no cable");
    assert!(error.line_lost && error.cause == Cause::Rig, "{error}");
    let rig = Rig::faulty("reset-after-claims");
    let mut listener = rig.ready();
    for (bytes, watts) in telegrams().into_iter().take(3) {
        rig.send(&bytes);
        assert_eq!(power(&listener.lines(1)[0]), watts);
    }
    rig.send(&telegrams()[3].0);
    assert_eq!((listener.lines(1), listener.restarts), (vec![READY.to_string()], 1));
    rig.send(&telegrams()[4].0);
    assert_eq!(power(&listener.lines(1)[0]), telegrams()[4].1, "it goes on");
}
