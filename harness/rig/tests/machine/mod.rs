//! The trials, and the bench that each of them has.

use hanbench_core::reading::Instant;
use hanbench_core::wire::cipher::Keys;
use hanbench_rig::config::ProbeSettings;
use hanbench_rig::dongle::{Step, reference};
use hanbench_rig::probe::{Deadlines, Image, Probe};
use hanbench_rig::pty::Pty;
use hanbench_rig::qemu::{self, Machine, Settings};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const FIRMWARE: &str = "target/firmware/thumbv7m-none-eabi/release/hanbench-firmware";
/// Longest wait for anything; also for the second of silence that ends a frame.
const WITHIN: Duration = Duration::from_secs(10);

/// What the trials need.
#[derive(Clone)]
pub struct Tools {
    root: PathBuf,
    qemu: PathBuf,
    firmware: PathBuf,
}

impl Tools {
    /// All of it, or what is missing.
    pub fn find() -> Result<Tools, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let qemu = qemu::find(&root).ok_or_else(|| qemu::missing().to_string())?;
        let firmware = root.join(FIRMWARE);
        if firmware.is_file() {
            Ok(Tools { root, qemu, firmware })
        } else {
            Err(format!("{FIRMWARE} is not built, see docs/firmware.md"))
        }
    }
}

type Body = fn(&Tools) -> Result<(), Failed>;

/// Every trial has a machine of its own.
pub fn trials(tools: &Tools) -> Vec<Trial> {
    let trial = |name: &str, body: Body| {
        let tools = tools.clone();
        Trial::test(format!("qemu::{name}"), move || body(&tools))
    };
    vec![
        trial("it_claims_what_the_reference_dongle_claims", claims),
        trial("silence_ends_a_frame_by_its_own_clock", silence),
        trial("halted_it_says_nothing_and_loses_nothing", halt),
        trial("a_reset_starts_it_anew_and_held_it_does_not_start", reset),
        trial("what_is_no_firmware_for_the_board_is_refused", refused),
    ]
}

struct Bench {
    probe: Probe,
    block: u64,
    heard: String,
    han: Pty,
    _machine: Machine,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(tools: &Tools) -> Result<Bench, Failed> {
        let (han, folder) = (Pty::open()?, tempfile::tempdir()?);
        let socket = folder.path().join("probe");
        let machine = Machine::start(&Settings {
            program: tools.qemu.clone(),
            firmware: tools.firmware.clone(),
            han: han.path().to_string(),
            socket: socket.clone(),
        })?;
        let settings = ProbeSettings::at_socket(socket.display(), "Cortex-M3");
        let block = Image::load(&tools.firmware)?.symbol("_SEGGER_RTT")?.address;
        let mut probe = Probe::open(&settings, Deadlines::default())?;
        probe.rtt_attach(block)?;
        Ok(Bench { probe, block, heard: String::new(), han, _machine: machine, _folder: folder })
    }

    /// Writes bytes into the line as fast as they are taken.
    fn send(&mut self, mut bytes: &[u8]) -> Result<(), Failed> {
        let until = std::time::Instant::now() + WITHIN;
        while !bytes.is_empty() {
            match self.han.master().write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(error.into()),
            }
            if std::time::Instant::now() > until {
                return Err(format!("{} bytes were not taken", bytes.len()).into());
            }
        }
        Ok(())
    }

    /// The next line that the firmware says, or nothing when it says none for so long.
    fn line(&mut self, within: Duration) -> Result<Option<Value>, Failed> {
        let until = std::time::Instant::now() + within;
        loop {
            if let Some(end) = self.heard.find('\n') {
                let line: String = self.heard.drain(..=end).collect();
                return Ok(Some(serde_json::from_str(&line)?));
            }
            if std::time::Instant::now() > until {
                return Ok(None);
            }
            let heard = self.probe.rtt_read(0)?;
            self.heard.push_str(&String::from_utf8(heard.bytes)?);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn expect(&mut self, wanted: &Value, what: &str) -> Result<(), Failed> {
        let line =
            self.line(WITHIN)?.ok_or_else(|| format!("{what}: nothing came, {wanted} was expected"))?;
        if &line == wanted {
            Ok(())
        } else {
            Err(format!("{what}: {line} came, {wanted} was expected").into())
        }
    }

    fn expect_ready(&mut self) -> Result<(), Failed> {
        self.expect(&json!({"event": "ready"}), "start")
    }
}

/// What the reference dongle, which is no firmware, says of the same bytes.
fn expected(bytes: &[u8]) -> Vec<Value> {
    let mut decode = reference(Keys::default());
    let mut steps = decode(bytes, Instant(0)).steps;
    steps.extend(decode(&[], Instant(2_000_000)).steps);
    let line = |step| match step {
        Step::Good { claim, .. } => Value::Object(claim),
        Step::Bad { reason, .. } => json!({"event": "rejected", "reason": reason}),
    };
    steps.into_iter().map(line).collect()
}

fn claims(tools: &Tools) -> Result<(), Failed> {
    let mut bench = Bench::new(tools)?;
    bench.expect_ready()?;
    let mut count = 0;
    for recording in hanbench_rig::library::load(&tools.root)? {
        let bytes: Vec<u8> = recording.chunks.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let expected = expected(&bytes);
        bench.send(&bytes)?;
        count += expected.len();
        for line in &expected {
            bench.expect(line, &recording.subject)?;
        }
    }
    if count > 100 { Ok(()) } else { Err(format!("only {count} lines").into()) }
}

/// A telegram, and what is to be said of it.
fn telegram(tools: &Tools) -> Result<(Vec<u8>, Value), Failed> {
    let recordings = hanbench_rig::library::load(&tools.root)?;
    let aidon = recordings.iter().find(|recording| recording.subject.ends_with("aidon/6525-it3.csv"));
    let (_, bytes) = aidon.and_then(|aidon| aidon.chunks.first()).ok_or("no capture of an Aidon 6525")?;
    let said = expected(bytes).pop().ok_or("no claim")?;
    Ok((bytes.clone(), said))
}

fn silence(tools: &Tools) -> Result<(), Failed> {
    let (bytes, said) = telegram(tools)?;
    let half = &bytes[..bytes.len() / 2];
    let refusals = expected(half);
    let mut bench = Bench::new(tools)?;
    bench.expect_ready()?;
    bench.send(half)?;
    if let Some(line) = bench.line(Duration::from_millis(300))? {
        return Err(format!("the frame may still go on, and it says {line}").into());
    }
    for refusal in &refusals {
        bench.expect(refusal, "a second later")?;
    }
    bench.send(&bytes)?;
    bench.expect(&said, "a whole one")?;
    if refusals.is_empty() { Err("the reference says nothing of half a frame".into()) } else { Ok(()) }
}

fn halt(tools: &Tools) -> Result<(), Failed> {
    let (bytes, said) = telegram(tools)?;
    let mut bench = Bench::new(tools)?;
    bench.expect_ready()?;
    bench.probe.halt()?;
    bench.send(&bytes)?;
    if let Some(line) = bench.line(Duration::from_millis(300))? {
        return Err(format!("halted, and it says {line}").into());
    }
    bench.probe.run()?;
    bench.expect(&said, "run")
}

fn reset(tools: &Tools) -> Result<(), Failed> {
    let (bytes, said) = telegram(tools)?;
    let mut bench = Bench::new(tools)?;
    bench.expect_ready()?;
    bench.probe.reset()?;
    bench.probe.rtt_attach(bench.block)?;
    bench.expect_ready()?;
    bench.probe.reset_and_halt()?;
    if bench.probe.read(bench.block, 10)? == b"SEGGER RTT" {
        return Err("held, and its start-up code has run".into());
    }
    bench.probe.run()?;
    bench.probe.rtt_attach(bench.block)?;
    bench.expect_ready()?;
    bench.send(&bytes)?;
    bench.expect(&said, "after two resets")
}

fn refused(tools: &Tools) -> Result<(), Failed> {
    let (han, folder) = (Pty::open()?, tempfile::tempdir()?);
    let settings = Settings {
        program: tools.qemu.clone(),
        firmware: tools.firmware.clone(),
        han: han.path().to_string(),
        socket: folder.path().join("probe"),
    };
    let other = folder.path().join("other.elf");
    std::fs::write(&other, b"\x7fELF and nothing more")?;
    let cases = [
        (Settings { firmware: other, ..settings.clone() }, 2, "no ELF of a 32-bit machine"),
        (
            Settings { firmware: std::env::current_exe()?, ..settings.clone() },
            2,
            "no ELF of a 32-bit machine",
        ),
        (Settings { han: "/dev/no-such-port".into(), ..settings.clone() }, 3, "/dev/no-such-port"),
        (Settings { program: "no-such-qemu".into(), ..settings.clone() }, 3, "there is no such program"),
        (Settings { program: "true".into(), ..settings }, 3, "ended with exit code 0"),
    ];
    for (settings, code, words) in cases {
        match Machine::start(&settings) {
            Ok(_) => return Err(format!("it started: {settings:?}").into()),
            Err(error) if error.exit_code() == code && error.to_string().contains(words) => {}
            Err(error) => return Err(format!("{words:?} was expected, and it says: {error}").into()),
        }
    }
    Ok(())
}
