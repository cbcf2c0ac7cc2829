//! A RISC-V chip over JTAG.

use crate::board::{BLOCK, Board, TICKS, hear};
use hanbench_core::verdict::Cause;
use hanbench_rig::probe::{Deadlines, Probe};
use std::time::{Duration, Instant};

#[test]
fn ram_reset_and_rtt_work_over_jtag() {
    let board = Board::gd32("riscv");
    let mut probe = board.open();
    assert_eq!(probe.about().chip, "GD32VF103CBT6");
    probe.write(u64::from(TICKS) + 0x10, &[1, 2, 3, 4, 5]).expect("write");
    assert_eq!(probe.read(u64::from(TICKS) + 0x10, 5).expect("read"), [1, 2, 3, 4, 5]);
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    hear(&mut probe, "hello\n");
    probe.rtt_write(0, b"ping\n").expect("write");
    hear(&mut probe, "PING\n");
    probe.halt().expect("halt");
    assert!(board.target.chip().halted());
    probe.run().expect("run");
    assert!(!board.target.chip().halted());
    let resets = board.target.chip().counts.resets;
    probe.reset().expect("reset");
    assert_eq!(board.target.chip().counts.resets, resets + 1);
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    hear(&mut probe, "hello\n");
}

#[test]
fn no_cable_is_known_within_the_deadline() {
    let board = Board::gd32("riscv-no-cable");
    board.target.chip().faults.unplugged = true;
    let deadlines = Deadlines { attach: Duration::from_millis(300), ..Deadlines::default() };
    let started = Instant::now();
    let error = Probe::open(&board.settings, deadlines).expect_err("no cable");
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
    assert_ne!(error.cause, Cause::Config, "{error}");
}
