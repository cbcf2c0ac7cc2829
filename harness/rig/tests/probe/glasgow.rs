//! Through a socket, with a driver that probe-rs brings along: nothing of this test is in the program that drives.

use crate::board::{BLOCK, Board, TICKS, hear, program};
use hanbench_core::verdict::Cause;
use hanbench_rig::config::ProbeSettings;
use hanbench_target::cobs;
use hanbench_target::glasgow::{Connection, Server};
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const LEN: usize = 3000;

#[test]
fn a_socket_is_as_good_as_a_probe() {
    let mut board = Board::stm32("glasgow");
    let socket = board.folder.path().join("probe");
    let _server = Server::start(&socket, board.target.clone()).expect("a server");
    board.settings = ProbeSettings::at_socket(socket.display(), &board.settings.chip);
    let mut probe = board.open();
    assert_eq!(probe.about().probe, "Glasgow Interface Explorer");
    probe.write(TICKS.into(), &[0xFF; 8]).expect("write");
    assert_eq!(probe.read(u64::from(TICKS) + 4, 4).expect("read"), [0xFF; 4]);
    assert!(probe.read(0x3000_0000, 4).expect_err("nothing there").to_string().contains("FAULT"));
    assert!(probe.flash(&board.image(4, LEN)).expect("flash").written);
    assert_eq!(board.flash(LEN), program(4, LEN));
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    hear(&mut probe, "hello\n");
    probe.rtt_write(0, b"ping\n").expect("write");
    hear(&mut probe, "PING\n");
    probe.reset().expect("reset");
    drop(probe);
    // The next client finds the server ready, and a cable that is out is no end of the socket.
    let mut probe = board.open();
    board.target.chip().faults.unplugged = true;
    let started = Instant::now();
    let error = probe.read(TICKS.into(), 4).expect_err("no cable");
    assert!((error.cause, error.line_lost) == (Cause::Rig, true), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[test]
fn a_server_that_ends_does_not_leave_the_client_hanging() {
    let mut board = Board::stm32("glasgow-gone");
    let socket = board.folder.path().join("probe");
    let server = Server::start(&socket, board.target.clone()).expect("a server");
    board.settings = ProbeSettings::at_socket(socket.display(), &board.settings.chip);
    let mut probe = board.open();
    drop(server);
    let started = Instant::now();
    let error = probe.read(TICKS.into(), 4).expect_err("no server");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_ne!(error.cause, Cause::Dut, "{error}");
    assert_eq!(board.try_open().expect_err("no socket").cause, Cause::Rig);
}

/// Answers as it should until told otherwise, then each request on the line with a word that no probe has.
fn rubbish_when(told: &AtomicBool, listener: &UnixListener, mut connection: Connection) {
    let Ok((mut client, _)) = listener.accept() else { return };
    let mut buffer = [0; 65536];
    let rubbish = [&cobs::encode(&[1, 0x77])[..], &[0]].concat();
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let answer = connection.feed(&buffer[..count]);
        let answer = if told.load(Ordering::Relaxed) && !answer.is_empty() { &rubbish } else { &answer };
        if client.write_all(answer).is_err() {
            return;
        }
    }
}

#[test]
fn rubbish_from_a_probe_ends_the_session_and_not_the_program() {
    let mut board = Board::stm32("glasgow-rubbish");
    let socket = board.folder.path().join("probe");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let (connection, told) = (Connection::new(board.target.clone()), Arc::new(AtomicBool::new(false)));
    let tell = Arc::clone(&told);
    // Not joined: it ends with the client, whose session is left as it is.
    std::thread::spawn(move || rubbish_when(&told, &listener, connection));
    board.settings = ProbeSettings::at_socket(socket.display(), &board.settings.chip);
    let mut probe = board.open();
    tell.store(true, Ordering::Relaxed);
    // The driver panics, and would once more when its session is dropped.
    let error = probe.read(TICKS.into(), 4).expect_err("rubbish");
    assert!(error.cause == Cause::Rig && error.why.contains("gave up"), "{error}");
}
