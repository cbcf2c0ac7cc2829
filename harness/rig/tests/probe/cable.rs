//! Cables, power, and chips that are not what the rig file says.

use crate::board::{BLOCK, Board, TICKS, hear, program};
use hanbench_core::verdict::Cause;
use hanbench_rig::probe::{Deadlines, Probe};
use hanbench_target::routine::Routine;
use std::time::{Duration, Instant};

const LEN: usize = 6000;

#[test]
fn no_cable_at_attach_is_known_within_the_deadline() {
    let board = Board::stm32("no-cable");
    board.target.chip().faults.unplugged = true;
    let deadlines = Deadlines { attach: Duration::from_millis(300), ..Deadlines::default() };
    let started = Instant::now();
    let error = Probe::open(&board.settings, deadlines).expect_err("no cable");
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
    assert_eq!(error.cause, Cause::Timeout);
    assert!(error.to_string().contains("is the cable plugged in"), "{error}");
    assert_eq!(error.exit_code(), 3);
}

#[test]
fn no_such_probe_says_which_there_are() {
    let mut board = Board::stm32("present");
    board.settings.selector = "f055:0001:absent".into();
    let error = board.try_open().expect_err("no such probe");
    assert_eq!((error.cause, error.exit_code()), (Cause::Rig, 3));
    assert!(error.to_string().contains("probe f055:0001:absent cannot be opened"), "{error}");
    assert!(error.to_string().contains("f055:0001:present"), "{error}");
    board.settings.chip = "STM32F999".into();
    assert_eq!(board.try_open().expect_err("no such chip").exit_code(), 2);
}

#[test]
fn a_cable_that_comes_out_is_said_at_once_and_ends_the_session() {
    let board = Board::stm32("cable-out");
    let mut probe = board.open();
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    hear(&mut probe, "hello\n");
    board.target.chip().faults.unplugged = true;
    let started = Instant::now();
    let error = probe.rtt_read(0).expect_err("no cable");
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    assert_eq!(error.cause, Cause::Rig);
    assert!(error.to_string().contains("did not respond"), "{error}");
    board.target.chip().faults.unplugged = false;
    // probe-rs would go on with what it remembers of registers that it could not write.
    let after = probe.read(TICKS.into(), 4).expect_err("lost");
    assert!(after.to_string().contains("open the probe again"), "{after}");
    drop(probe);
    assert!(board.open().read(TICKS.into(), 4).is_ok());
}

#[test]
fn waits_and_single_faults_do_not_end_a_session() {
    let board = Board::stm32("noise");
    let mut probe = board.open();
    board.target.chip().faults.wait = 50;
    assert!(probe.read(TICKS.into(), 4).is_ok(), "a probe repeats what is answered with WAIT");
    board.target.chip().faults.fault = 1;
    assert!(probe.read(TICKS.into(), 4).expect_err("FAULT").to_string().contains("FAULT"));
    assert!(probe.read(TICKS.into(), 4).is_ok());
}

#[test]
fn a_step_that_is_too_slow_costs_the_probe() {
    let board = Board::stm32("slow");
    let deadlines = Deadlines { step: Duration::from_millis(100), ..Deadlines::default() };
    let mut probe = Probe::open(&board.settings, deadlines).expect("attach");
    board.target.chip().faults.delay = Duration::from_millis(5);
    let started = Instant::now();
    let error = probe.read(TICKS.into(), 400).expect_err("100 words at 5 ms");
    assert!(started.elapsed() < Duration::from_millis(300), "{:?}", started.elapsed());
    assert_eq!(error.cause, Cause::Timeout);
    board.target.chip().faults.delay = Duration::ZERO;
    let after = probe.read(TICKS.into(), 4).expect_err("given up");
    assert!(after.to_string().contains("open it again"), "{after}");
    drop(probe);
    assert!(board.open().read(TICKS.into(), 4).is_ok());
}

#[test]
fn a_cable_that_comes_out_while_flashing_leaves_a_chip_that_can_be_flashed_again() {
    let board = Board::stm32("cable-out-flash");
    let image = board.image(1, LEN);
    let mut probe = board.open();
    // Behind the erasing, in the middle of the pages.
    board.target.chip().faults.unplug_after = Some(4000);
    let error = probe.flash(&image).expect_err("no cable");
    assert_eq!(error.cause, Cause::Rig, "{error}");
    let pages = programmed(&board);
    assert!((1..6).contains(&pages), "{pages} pages were programmed: the cable has to come out between two");
    drop(probe);
    board.target.chip().faults.unplugged = false;
    let mut probe = board.open();
    assert!(probe.flash(&image).expect("flash").written);
    assert_eq!(board.flash(LEN), program(1, LEN));
}

#[test]
fn power_that_fails_while_flashing_leaves_a_chip_that_can_be_flashed_again() {
    let board = Board::stm32("power");
    let image = board.image(1, LEN);
    let mut probe = board.open();
    let erased = LEN.next_multiple_of(0x400) as u32;
    board.target.chip().flash.lose_power_after(erased + 2500);
    let error = probe.flash(&image).expect_err("no power");
    assert_ne!(error.cause, Cause::Config, "{error}");
    assert!(!board.target.chip().powered());
    assert_eq!(programmed(&board), 3, "the third page is half written");
    drop(probe);
    board.target.chip().power_on();
    assert_ne!(board.flash(LEN), program(1, LEN));
    let mut probe = board.open();
    assert!(probe.flash(&image).expect("flash").written);
    assert_eq!(board.flash(LEN), program(1, LEN));
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    hear(&mut probe, "hello\n");
}

fn programmed(board: &Board) -> usize {
    board.target.chip().counts.calls.iter().filter(|(routine, _)| *routine == Routine::ProgramPage).count()
}

#[test]
fn another_chip_than_the_rig_file_says_is_refused() {
    let board = Board::stm32("other-core");
    board.target.chip().identity.cpuid = 0x410C_C200;
    let error = board.try_open().expect_err("another core");
    assert_eq!((error.cause, error.exit_code()), (Cause::Config, 2));
    assert!(error.to_string().contains("wrong chip") && error.to_string().contains("Cortex-M0"), "{error}");
    let board = Board::stm32("other-maker");
    board.target.chip().identity.designer = (2, 0x44);
    let error = board.try_open().expect_err("another maker");
    assert_eq!(error.cause, Cause::Config);
    assert!(
        error.to_string().contains("STMicroelectronics") && error.to_string().contains("0x44"),
        "{error}"
    );
    let board = Board::stm32("no-maker");
    board.target.chip().identity.designer = (4, 0x3B);
    assert!(board.try_open().is_ok(), "a chip that only says Arm may be anyone's");
}
