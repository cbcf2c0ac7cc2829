//! The virtual chip: the reference dongles as firmware, through socket, probe-rs, flash and RTT.

use hanbench_core::capture::Capture;
use hanbench_core::verdict::Cause;
use hanbench_rig::chip::hardware::{self, PROBE_WORD, RTT};
use hanbench_rig::chip::{Broken, Places, Trouble, Variant, VirtualChip};
use hanbench_rig::config::ProbeSettings;
use hanbench_rig::probe::{Deadlines, Image, Probe, ProbeError};
use hanbench_rig::pty::Pty;
use serde_json::Value;
use std::io::{ErrorKind, Write};
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
        let settings = ProbeSettings {
            selector: format!("20b7:9db1:unix:{}", socket.display()),
            chip: hardware::NAME.into(),
            speed_khz: None,
            connect_under_reset: false,
            signed_by: None,
        };
        Rig { chip, pty, settings, image: Image::load(&file).expect("an image"), _folder: folder }
    }

    fn broken(name: &str) -> Rig {
        Rig::new(Variant { broken: Some(Broken::named(name).expect(name)), ..Variant::default() })
    }

    fn trouble(name: &str) -> Rig {
        Rig::new(Variant { trouble: Some(Trouble::from_name(name).expect(name)), ..Variant::default() })
    }

    fn open(&self) -> Result<Probe, ProbeError> {
        Probe::open(&self.settings, Deadlines::default())
    }

    /// Flashed, started, and heard to be ready.
    fn ready(&self) -> Listener {
        let mut probe = self.open().expect("attach");
        assert!(probe.flash(&self.image).expect("flash").written);
        let mut listener = Listener { probe, text: String::new(), restarts: 0 };
        listener.attach(&self.image);
        assert_eq!(listener.lines(1), [READY]);
        listener
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
    probe: Probe,
    text: String,
    restarts: u32,
}

impl Listener {
    fn attach(&mut self, image: &Image) {
        let block = image.symbol("_SEGGER_RTT").expect("a symbol");
        let channels = self.probe.rtt_attach(block.address).expect("RTT");
        let (up, down) = (&channels.up[0], &channels.down[0]);
        assert_eq!((up.name.as_str(), up.size, down.name.as_str()), ("claims", 4096, "settings"));
    }

    /// The next lines.
    fn lines(&mut self, count: usize) -> Vec<String> {
        let lines = self.try_lines(count, Duration::from_secs(10)).expect("RTT");
        assert_eq!(lines.len(), count, "{lines:?} and {:?}", self.text);
        lines
    }

    /// At most `count` lines, as many as come within a time.
    fn try_lines(&mut self, count: usize, within: Duration) -> Result<Vec<String>, ProbeError> {
        let until = Instant::now() + within;
        while self.text.matches('\n').count() < count && Instant::now() < until {
            let heard = self.probe.rtt_read(0)?;
            self.restarts += u32::from(heard.restarted);
            self.text += std::str::from_utf8(&heard.bytes).expect("text");
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
    assert_eq!(listener.probe.read(word.address, 4).expect("read"), [1, 0, 0, 0]);
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
