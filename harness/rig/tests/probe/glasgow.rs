//! Through a socket, with a driver that probe-rs brings along: nothing of this test is in the program that drives.

use crate::board::{BLOCK, Board, TICKS, hear, program};
use hanbench_core::verdict::Cause;
use hanbench_target::glasgow::Server;
use std::time::{Duration, Instant};

const LEN: usize = 3000;

#[test]
fn a_socket_is_as_good_as_a_probe() {
    let mut board = Board::stm32("glasgow");
    let socket = board.folder.path().join("probe");
    let _server = Server::start(&socket, board.target.clone()).expect("a server");
    board.settings.selector = format!("20b7:9db1:unix:{}", socket.display());
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
    board.settings.selector = format!("20b7:9db1:unix:{}", socket.display());
    let mut probe = board.open();
    drop(server);
    let started = Instant::now();
    let error = probe.read(TICKS.into(), 4).expect_err("no server");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_ne!(error.cause, Cause::Dut, "{error}");
    assert_eq!(board.try_open().expect_err("no socket").cause, Cause::Rig);
}
