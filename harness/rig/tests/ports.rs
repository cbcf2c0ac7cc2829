//! Ptys, serial consoles, TCP and locks.

#![cfg(unix)]

mod support;

use hanbench_core::reading;
use hanbench_core::verdict::trial::{Trial, What};
use hanbench_rig::config::Parity;
use hanbench_rig::dongle::{Broken, Decoded, Step};
use hanbench_rig::error::RigError;
use hanbench_rig::line::{Line, WriteFailure};
use hanbench_rig::lock::{self, Lock};
use hanbench_rig::pace::{Lateness, byte_time, write_paced};
use hanbench_rig::pty::Pty;
use hanbench_rig::{Rig, Session, Speed};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{intact, play, story};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[test]
fn a_pty_carries_all_256_bytes_unchanged() {
    let mut line = Line::open(&hanbench_rig::config::Input::Pty).expect("a pty");
    let path = line.path().expect("a path").to_string();
    let mut port = serialport::new(path, 2400).timeout(Duration::from_secs(5)).open().expect("opens");
    let bytes: Vec<u8> = (0..=255).collect();
    line.write_all(&bytes, soon()).expect("written");
    let mut back = vec![0; 256];
    port.read_exact(&mut back).expect("read");
    assert_eq!(back, bytes);
    drop(line);
    let error = port.read(&mut back).map(drop).expect_err("closing the line is a hang-up");
    assert_ne!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_pty_stays_usable_between_programs() {
    let pty = Pty::open().expect("a pty");
    for round in 0..3 {
        let mut port =
            serialport::new(pty.path(), 2400).timeout(Duration::from_secs(5)).open().expect("opens again");
        pty.master().write_all(&[round]).expect("no hang-up is seen");
        let mut byte = [9];
        port.read_exact(&mut byte).expect("read");
        assert_eq!(byte, [round]);
        pty.release();
    }
}

#[test]
fn a_line_that_nobody_reads_gives_up_at_its_deadline() {
    let mut line = Line::open(&hanbench_rig::config::Input::Pty).expect("a pty");
    let started = Instant::now();
    let result = line.write_all(&vec![0; 1 << 20], started + Duration::from_millis(200));
    assert!(matches!(result, Err(WriteFailure::Stuck(taken)) if taken > 0 && taken < 1 << 20));
    assert!(started.elapsed() < Duration::from_secs(3));
}

/// What happened, sorted: the ports of these tests are faster than the UART that the bench believes in.
fn without_order(trial: &Trial) -> Vec<String> {
    let mut story = story(trial);
    story.sort();
    story
}

/// A dongle with a console, played by a thread: claims every four letters.
fn letters_dongle(mut han: impl Read + Send + 'static, console: Arc<Pty>) {
    std::thread::spawn(move || {
        let mut text = [0; 4];
        while han.read_exact(&mut text).is_ok() {
            let line = format!("{{\"meter_id\":\"{}\"}}\r\n", String::from_utf8_lossy(&text));
            if console.master().write_all(line.as_bytes()).is_err() {
                return;
            }
        }
    });
}

/// Reads the bench's end of a pty, which does not block.
struct Patient(Arc<Pty>);

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let until = soon();
        loop {
            match self.0.master().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                result => return result,
            }
        }
    }
}

#[test]
fn a_stall_between_two_paced_bytes_is_noted_where_it_was() {
    let mut line = Line::open(&hanbench_rig::config::Input::Pty).expect("a pty");
    let path = line.path().expect("a path").to_string();
    // Opened before it is filled: to open it drops what it holds. Filled for a while: the system moves bytes on from
    // one buffer to the next and only then has no room. The first of three bytes then waits until somebody reads.
    let mut port = serialport::new(path, 2400).timeout(Duration::from_secs(5)).open().expect("opens");
    let full = line.write_all(&vec![0; 1 << 20], Instant::now() + Duration::from_millis(200));
    assert!(matches!(full, Err(WriteFailure::Stuck(_))));
    let reader = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        let mut rest = vec![0; 1 << 16];
        while port.read(&mut rest).is_ok_and(|count| count == rest.len()) {}
        port
    });
    let mut lateness = Lateness::default();
    let written = write_paced(&mut line, b"abc", Instant::now(), Duration::from_millis(1), &mut lateness)
        .expect("written");
    let [(after, stall)] = written.stalls[..] else { panic!("one stall: {written:?}") };
    assert!(after == 1 && stall >= Duration::from_millis(200), "{written:?}");
    assert!(written.over >= written.began + Duration::from_millis(200));
    drop(reader.join().expect("no panic"));
}

#[test]
fn a_port_with_a_parity_bit_sends_eleven_bits_a_byte() {
    let (han, console) = (Arc::new(Pty::open().expect("a pty")), Arc::new(Pty::open().expect("a pty")));
    letters_dongle(Patient(Arc::clone(&han)), Arc::clone(&console));
    // Four bytes at 300 baud.
    for (word, parity, least_us) in
        [("none", Parity::None, 133_333), ("even", Parity::Even, 146_666), ("odd", Parity::Odd, 146_666)]
    {
        assert_eq!((byte_time(300, parity, 1.0) * 4).as_micros(), u128::from(least_us), "{word}");
        let text = format!(
            "[input]\nkind = \"serial\"\nport = \"{}\"\nbaud = 300\nparity = \"{word}\"\n[dut]\n\
             kind = \"serial\"\nport = \"{}\"\n",
            han.path(),
            console.path()
        );
        let rig = Rig::parse(&text, "parity.toml").expect("a rig");
        let over = sent(&play(rig, Speed::Max, &intact(&["AAAA"])));
        assert!(over >= least_us, "{word}: over after {over} µs");
    }
}

/// When the first telegram was over, in microseconds.
fn sent(trial: &Trial) -> u64 {
    let sent = trial.events.iter().find(|event| matches!(event.what, What::Sent { index: 0, .. }));
    sent.expect("sent").t_us
}

#[test]
fn a_dongle_with_a_serial_console_is_played_through_two_ports() {
    let (han, console) = (Arc::new(Pty::open().expect("a pty")), Arc::new(Pty::open().expect("a pty")));
    let rig = Rig::parse(
        &format!(
            "[input]\nkind = \"serial\"\nport = \"{}\"\nbaud = 9600\n[dut]\nkind = \"serial\"\nport = \"{}\"\n",
            han.path(),
            console.path()
        ),
        "two-ports.toml",
    )
    .expect("a rig");
    letters_dongle(Patient(Arc::clone(&han)), Arc::clone(&console));
    let mut session = Session::open(rig.clone(), Speed::Max, None).expect("both ports");
    let held = Session::open(rig, Speed::Max, None).expect_err("held by this very process");
    assert!(matches!(held, RigError::Held { .. }) && held.exit_code() == 3, "{held}");
    let trial = session.trial(&intact(&["AAAA", "BBBB"])).expect("a trial");
    assert_eq!(without_order(&trial), ["claim AAAA", "claim BBBB", "sent 0", "sent 1"]);
    // Four bytes of ten bits at 9600 baud take 4.2 ms each: a port's last byte is over when its UART is done.
    assert!(sent(&trial) >= 4_166, "{}", sent(&trial));
}

#[test]
fn a_console_that_disappears_is_a_lost_rig() {
    let (han, console) = (Pty::open().expect("a pty"), Pty::open().expect("a pty"));
    let rig = Rig::parse(
        &format!(
            "[input]\nkind = \"serial\"\nport = \"{}\"\n[dut]\nkind = \"serial\"\nport = \"{}\"\n",
            han.path(),
            console.path()
        ),
        "lost.toml",
    )
    .expect("a rig");
    let mut session = Session::open(rig, Speed::Max, None).expect("both ports");
    drop(console);
    let error = session.trial(&intact(&["AAAA"])).expect_err("the console hung up");
    assert!(matches!(error, RigError::Lost { .. }) && error.exit_code() == 3, "{error}");
}

#[test]
fn bytes_go_in_over_tcp() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("its address");
    let console = Arc::new(Pty::open().expect("a pty"));
    let rig = Rig::parse(
        &format!(
            "[input]\nkind = \"tcp\"\naddress = \"{address}\"\n[dut]\nkind = \"serial\"\nport = \"{}\"\n",
            console.path()
        ),
        "tcp.toml",
    )
    .expect("a rig");
    let mut session = Session::open(rig, Speed::Max, None).expect("connects");
    let (stream, _) = server.accept().expect("connected");
    letters_dongle(stream, Arc::clone(&console));
    let trial = session.trial(&intact(&["AAAA"])).expect("a trial");
    assert_eq!(without_order(&trial), ["claim AAAA", "sent 0"]);
}

#[test]
fn nobody_listening_on_tcp_is_a_rig_that_is_not_there() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("its address").to_string();
    drop(server);
    let error = Line::open(&hanbench_rig::config::Input::Tcp { address }).expect_err("refused");
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn a_lock_names_its_holder_and_dies_with_it() {
    let resource = format!("test-port-{}", std::process::id());
    let lock = Lock::take(&resource, "soak run").expect("free");
    let error = Lock::take(&resource, "run").expect_err("held");
    let text = error.to_string();
    assert!(text.contains(&format!("pid {}", std::process::id())) && text.contains("(soak run)"), "{text}");
    assert_eq!(error.exit_code(), 3);
    assert_eq!(lock::holder(&resource).map(|holder| holder.doing).as_deref(), Some("soak run"));
    drop(lock);
    assert_eq!(lock::holder(&resource), None);
    Lock::take(&resource, "run").expect("free again");
}

/// A decoder of four letters; `x…` is a bad frame, and one second without bytes forgets what is unfinished.
fn letters() -> impl FnMut(&[u8], reading::Instant) -> Decoded {
    let mut buffer: Vec<u8> = Vec::new();
    let mut last = reading::Instant(0);
    move |bytes, now| {
        if bytes.is_empty() && now.since_us(last) >= 200_000 {
            buffer.clear();
            let reason = "timeout".into();
            return Decoded { steps: vec![Step::Bad { reason, unchecked: None }], next_timeout: None };
        }
        last = now;
        buffer.extend(bytes);
        let mut steps = Vec::new();
        while buffer.len() >= 4 {
            let word: Vec<u8> = buffer.drain(..4).collect();
            let text = String::from_utf8_lossy(&word).into_owned();
            let claim = serde_json::Map::from_iter([("meter_id".to_string(), text.into())]);
            steps.push(if word[0] == b'x' {
                Step::Bad { reason: "fcs".into(), unchecked: Some(claim) }
            } else {
                Step::Good { claim, bytes: word }
            });
        }
        let next_timeout = (!buffer.is_empty()).then(|| now.plus_us(200_000));
        Decoded { steps, next_timeout }
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }

    fn wait_for(&self, words: &str) {
        let until = soon();
        while !self.text().contains(words) {
            assert!(Instant::now() < until, "{words:?} never came: {}", self.text());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_virtual_dongle_speaks_the_contract_and_ends_with_its_line() {
    for (broken, expected) in [
        (None, "{\"meter_id\":\"AAAA\"}\n{\"event\":\"rejected\",\"reason\":\"fcs\"}\n"),
        (Some(Broken::IgnoreFcs), "{\"meter_id\":\"AAAA\"}\n{\"meter_id\":\"xBBB\"}\n"),
        (Some(Broken::Twice), "{\"meter_id\":\"AAAA\"}\n{\"meter_id\":\"AAAA\"}\n{\"event\":\"rejected\""),
    ] {
        let pty = Pty::open().expect("a pty");
        let (out, path) = (Shared::default(), pty.path().to_string());
        let thread = {
            let out = out.clone();
            std::thread::spawn(move || {
                hanbench_rig::dongle::run(&path, broken, hanbench_rig::dongle::Scale::ONE, out, letters())
            })
        };
        out.wait_for("{\"event\":\"ready\"}\n");
        pty.master().write_all(b"AAAAxBBBCC").expect("written");
        out.wait_for(expected);
        out.wait_for("timeout");
        drop(pty);
        thread.join().expect("no panic").expect("a hang-up is an orderly end");
    }
}

#[test]
fn the_dongle_says_when_its_device_is_missing() {
    let error = hanbench_rig::dongle::run(
        "/dev/no-such-device",
        None,
        hanbench_rig::dongle::Scale::ONE,
        Vec::new(),
        letters(),
    );
    assert!(error.is_err());
}
