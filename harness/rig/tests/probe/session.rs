//! Attaching, reset, RAM by symbol, RTT both ways and over resets.

use crate::board::{BLOCK, Board, RAM, TICKS, hear};
use hanbench_core::verdict::Cause;
use hanbench_rig::probe::{Channel, Deadlines, Probe, list};
use hanbench_target::Rtt;
use std::time::Duration;

#[test]
fn attaching_says_what_is_there_and_leaves_the_core_running() {
    let mut board = Board::stm32("attach");
    board.settings.speed_khz = Some(1800);
    let mut probe = board.open();
    let about = probe.about().clone();
    assert_eq!((about.probe.as_str(), about.speed_khz), ("simulated SWD probe", 1800));
    assert!(about.chip.starts_with("STM32F103C8"), "{about:?}");
    assert!(!board.target.chip().halted());
    probe.halt().expect("halt");
    assert!(board.target.chip().halted());
    drop(probe);
    assert!(!board.target.chip().halted(), "a session that ends lets go");
    assert!(list().contains(&format!("{}  simulated probe", board.settings.selector)), "{:?}", list());
}

#[test]
fn attaching_under_reset_works_where_the_pin_is_wired() {
    let mut board = Board::stm32("under-reset");
    board.settings.connect_under_reset = true;
    let mut probe = board.open();
    assert!(board.target.chip().counts.resets >= 1);
    probe.run().expect("run");
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    assert!(hear(&mut probe, "hello\n").ends_with("hello\n"));
}

#[test]
fn ram_is_read_and_written_by_symbol_while_the_core_runs() {
    let board = Board::stm32("ram");
    let image = board.image(1, 64);
    let mut probe = board.open();
    let ticks = image.symbol("ticks").expect("a symbol");
    assert_eq!((ticks.address, ticks.size), (TICKS.into(), 4));
    let count = |bytes: Vec<u8>| u32::from_le_bytes(bytes.try_into().expect("4 bytes"));
    let before = count(probe.read(ticks.address, 4).expect("read"));
    probe.write(ticks.address, &0x8000_0000u32.to_le_bytes()).expect("write");
    std::thread::sleep(Duration::from_millis(5));
    let after = count(probe.read(ticks.address, 4).expect("read"));
    assert!(before < 0x8000_0000 && after > 0x8000_0000, "{before:#x} {after:#x}: the core has to count on");
    // Bytes, over the ends of words.
    probe.write(u64::from(BLOCK) - 0x103, &[1, 2, 3, 4, 5, 6]).expect("write");
    assert_eq!(probe.read(u64::from(BLOCK) - 0x104, 8).expect("read"), [0, 1, 2, 3, 4, 5, 6, 0]);
    let missing = image.symbol("nowhere").expect_err("no such symbol");
    assert!(
        missing.to_string().contains("no symbol `nowhere`") && missing.cause == Cause::Config,
        "{missing}"
    );
}

#[test]
fn an_address_where_nothing_is_names_every_reason_and_harms_nothing() {
    let board = Board::stm32("bus-error");
    let mut probe = board.open();
    let error = probe.read(0x3000_0000, 4).expect_err("nothing there");
    assert_eq!(error.cause, Cause::Rig);
    let text = error.to_string();
    assert!(
        text.contains("DRW")
            && text.ends_with("Target device responded with a FAULT response to the request"),
        "{text}"
    );
    assert!(probe.read(TICKS.into(), 4).is_ok());
    let error = probe.write(0x0800_0000, &[0; 4]).expect_err("flash is not written like RAM");
    assert_eq!(error.cause, Cause::Rig);
    assert!(probe.read(TICKS.into(), 4).is_ok());
}

#[test]
fn rtt_carries_both_ways() {
    let board = Board::stm32("rtt");
    let image = board.image(1, 64);
    let mut probe = board.open();
    let early = probe.rtt_read(0).expect_err("not attached");
    assert!(early.to_string().contains("not attached"), "{early}");
    let channels = probe.rtt_attach(image.symbol("_SEGGER_RTT").expect("a symbol").address).expect("RTT");
    let channel = |name: &str, size| vec![Channel { number: 0, name: name.to_string(), size }];
    assert_eq!((channels.up, channels.down), (channel("Terminal", 256), channel("Commands", 64)));
    hear(&mut probe, "hello\n");
    assert_eq!(probe.rtt_write(0, b"ping\n").expect("write"), 5);
    assert_eq!(hear(&mut probe, "PING\n"), "PING\n");
    assert!(probe.rtt_read(7).expect_err("no channel").to_string().contains("no up channel 7"));
    // More than the rings hold, in pieces, and nothing lost.
    let text: String = (0..200).map(|number| format!("line {number}\n")).collect();
    let (mut rest, mut back) = (text.as_bytes(), String::new());
    while back.len() < text.len() {
        rest = &rest[probe.rtt_write(0, rest).expect("write")..];
        back += &String::from_utf8_lossy(&probe.rtt_read(0).expect("read").bytes);
    }
    assert_eq!(back, text.to_uppercase());
}

#[test]
fn a_chip_that_resets_itself_is_noticed_and_heard_again() {
    let board = Board::stm32("self-reset");
    let mut probe = board.open();
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    hear(&mut probe, "hello\n");
    board.target.chip().reset();
    let mut restarts = 0;
    let mut text = String::new();
    let started = std::time::Instant::now();
    while !text.contains("hello\n") && started.elapsed() < Duration::from_secs(1) {
        let heard = probe.rtt_read(0).expect("read");
        restarts += u32::from(heard.restarted);
        text += &String::from_utf8_lossy(&heard.bytes);
    }
    assert_eq!((restarts, text.as_str()), (1, "hello\n"));
}

#[test]
fn a_reset_of_ours_makes_the_old_block_invalid() {
    let board = Board::stm32("reset");
    let mut probe = board.open();
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    hear(&mut probe, "hello\n");
    probe.reset_and_halt().expect("reset and halt");
    assert!(board.target.chip().halted());
    // The firmware has not run since, so what is there must not look like a block.
    assert_ne!(board.target.chip().bytes(BLOCK, 10), Ok(&b"SEGGER RTT"[..]));
    probe.run().expect("run");
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    hear(&mut probe, "hello\n");
    probe.reset().expect("reset");
    assert!(probe.rtt_read(0).is_err(), "it has to be attached again");
    probe.rtt_attach(BLOCK.into()).expect("RTT");
    hear(&mut probe, "hello\n");
}

#[test]
fn firmware_without_rtt_is_late_and_not_broken() {
    let board = Board::stm32("no-rtt");
    let mut probe = board.open();
    let error = probe.rtt_attach(u64::from(BLOCK) + 0x1000).expect_err("nothing there");
    assert_eq!(error.cause, Cause::Timeout);
    assert!(error.to_string().contains("no control block at 0x20001400"), "{error}");
}

#[test]
fn a_block_that_was_there_before_the_bench_is_not_taken_for_a_new_one() {
    const OLD: u32 = RAM + 0x2000;
    let board = Board::stm32("old-block");
    Rtt::place(&mut board.target.chip(), OLD, &[("old", 64)], &[]).expect("RAM");
    let deadlines = Deadlines { step: Duration::from_millis(400), ..Deadlines::default() };
    let mut probe = Probe::open(&board.settings, deadlines).expect("attach");
    let error = probe.restart_with_rtt(OLD.into()).expect_err("nobody made it anew");
    assert_eq!(error.cause, Cause::Timeout, "{error}");
    assert!(probe.restart_with_rtt(BLOCK.into()).is_ok(), "this one is made at every start");
}
