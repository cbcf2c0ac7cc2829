//! Law of the steady state: once its buffers have grown, the way from bytes to readings allocates nothing.
//!
//! A counting allocator stands in front of the system's. It counts per thread, so that the test runner's own
//! threads do not disturb it.

#![allow(unsafe_code)] // An allocator cannot be written without.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use hanbench_core::balance::reference::{Reference, Tuning};
use hanbench_core::balance::{Balancer, Command, Doing, Event, Sample, Status};
use hanbench_core::meters::encode::encode_apdu;
use hanbench_core::meters::profile::List;
use hanbench_core::meters::sample::Meter;
use hanbench_core::meters::{self, Decoder};
use hanbench_core::plant::State;
use hanbench_core::reading::{Instant, Milli};
use hanbench_core::scenario::Scenario;
use hanbench_core::wire::assemble::{Assembled, Assembler};
use hanbench_core::wire::cipher::{self, Keys};
use hanbench_core::wire::framer::Framer;
use hanbench_core::wire::llc::LLC;
use hanbench_core::wire::{blocks, hdlc, mbus};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    COUNT.with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs something and adds to `total` how often it allocated.
fn counted<T>(total: &mut usize, run: impl FnOnce() -> T) -> T {
    let before = COUNT.get();
    let result = run();
    *total += COUNT.get() - before;
    result
}

const KEYS: Keys = Keys { encryption: Some([7; 16]), authentication: Some([9; 16]) };
const TELEGRAMS: usize = 10_000;
const WARM_UP: usize = 64;

/// The list 2 of a meter.
fn list_2(profile: &str) -> Vec<u8> {
    let profile = meters::by_name(profile).expect("a profile");
    let state = State { voltage: [Milli(230_000); 3], current: [Milli(5_000); 3], ..State::default() };
    let telegram = Meter::usual(profile).telegram(List::Two, 1_767_268_800, &state, &state.counters);
    let mut apdu = Vec::new();
    encode_apdu(profile, List::Two, &telegram, &mut apdu).expect("a usual telegram");
    apdu
}

fn hdlc_frame(out: &mut Vec<u8>, apdu: &[u8]) {
    hdlc::encode(out, &[0x41], &[0x08, 0x83], 0x13, false, &[&LLC, apdu].concat());
}

/// The same telegram in every way that a meter can send it.
fn ways(apdu: &[u8]) -> [(&'static str, Vec<u8>); 5] {
    let [mut plain, mut segments, mut mbus, mut blocks, mut secret] = [const { Vec::new() }; 5];
    hdlc_frame(&mut plain, apdu);
    hdlc::encode_segmented(&mut segments, &[0x41], &[0x08, 0x83], 0x13, 100, &[&LLC, apdu].concat());
    mbus::encode(&mut mbus, 120, apdu);
    for block in blocks::encode(90, apdu) {
        hdlc_frame(&mut blocks, &block);
    }
    let mut ciphered = Vec::new();
    cipher::encode(&mut ciphered, &KEYS, b"KAME\0\0\0\x01", 0x30, 1, apdu);
    hdlc_frame(&mut secret, &ciphered);
    [("plain", plain), ("segments", segments), ("M-Bus", mbus), ("blocks", blocks), ("ciphered", secret)]
}

#[test]
fn steady_state_allocates_nothing() {
    for profile in ["aidon-6534", "kaifa-ma304h4", "kamstrup-6841131"] {
        for (way, frames) in ways(&list_2(profile)) {
            let (mut framer, mut assembler) = (Framer::new(), Assembler::new(KEYS));
            let mut decoder = Decoder::new();
            let [mut framing, mut assembling, mut decoding] = [0; 3];
            let mut readings = 0;
            for round in 0..WARM_UP + TELEGRAMS {
                if round == WARM_UP {
                    [framing, assembling, decoding, readings] = [0; 4];
                }
                // The pieces of a real line end anywhere.
                for piece in frames.chunks(1 + round % 64) {
                    counted(&mut framing, || framer.push(piece, Instant(0)));
                    while let Some(item) = counted(&mut framing, || framer.poll()) {
                        let assembly = counted(&mut assembling, || assembler.push(&item));
                        let Assembled::Apdu { bytes, .. } = assembly.outcome else { continue };
                        let decoded = counted(&mut decoding, || decoder.decode(bytes, None));
                        assert_eq!(decoded.problems, [], "{profile}, {way}");
                        readings += usize::from(decoded.telegram.is_some());
                    }
                }
            }
            assert_eq!(readings, TELEGRAMS, "{profile}, {way}");
            let found = [framing, assembling, decoding];
            assert_eq!(found, [0; 3], "{profile}, {way}: allocations in framer, assembler and decoder");
        }
    }
}

/// The reference balancer, with cars that charge and a house that moves.
#[test]
fn decisions_allocate_nothing() {
    let text = r#"
        [scenario]
        about = "three cars behind one fuse"
        source = "own"
        duration_s = 60
        [fuse]
        rated_a = 40
        [[charger]]
        name = "A"
        [[charger]]
        name = "B"
        [[charger]]
        name = "C"
    "#;
    let site = Scenario::parse(text, &|name| Err(name.into())).expect("a scenario").site;
    let mut balancer = Reference::new(Tuning::default());
    let (mut events, mut commands, mut told) = (Vec::with_capacity(8), Vec::with_capacity(64), [0; 3]);
    events.push(Event::Config(Box::new(site)));
    let (mut allocations, mut raised) = (0, 0);
    for second in 0..7_200_u64 {
        if second == 600 {
            (allocations, raised) = (0, 0);
        }
        if second % 10 == 5 {
            events.extend((0..3).map(|id| {
                let (i_ma, offered_ma) = ([told[id]; 3], told[id]);
                let doing = if told[id] > 0 { Doing::Charging } else { Doing::Waiting };
                let offline_ma = Some(6_000);
                Event::Charger(Status {
                    id,
                    doing,
                    i_ma,
                    offered_ma,
                    phases: 3,
                    max_ma: 32_000,
                    offline_ma,
                    boots: 1,
                    session_wh: 0,
                })
            }));
        }
        if second % 10 == 8 {
            let house = if second % 600 < 300 { 12_000 } else { 3_000 };
            let sum = house + told.iter().sum::<i64>();
            let p_w = Some(sum * 690 / 1000);
            events.push(Event::Meter(Sample { i_ma: [Some(sum); 3], p_w, list: 2, ..Sample::default() }));
        }
        events.push(Event::Tick);
        commands.clear();
        counted(&mut allocations, || balancer.answer(second * 1000, &events, &mut commands))
            .expect("an answer");
        events.clear();
        for command in &commands {
            if let Command::Limit { id, current_ma, .. } = command {
                raised += usize::from(*current_ma > told[*id]);
                told[*id] = *current_ma;
            }
        }
    }
    assert!(raised > 30, "{raised} limits raised: nothing was decided");
    assert_eq!(allocations, 0);
}
