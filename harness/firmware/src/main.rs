//! A small dongle that is really firmware: HAN bytes come in on a UART, claims go out on RTT as the JSON lines of the
//! contract, section 2, and what is decoded is decoded by the crate that the bench uses.
//!
//! It runs on an MPS2 board with the image AN385 (Cortex-M3), which QEMU models. It exists to prove the bench's probe path
//! against start-up code, a linker script, and an RTT block that no model of ours has made.
//!
//! Refuses interrupt handlers: interrupts only end a sleep. So nothing here runs beside anything else.

#![no_std]
#![no_main]

extern crate alloc;

mod board;
mod claim;

use board::{Board, HAN_BYTES_MAX};
use core::fmt::Write;
use core::panic::PanicInfo;
use cortex_m::peripheral::SCB;
use embedded_alloc::LlffHeap;
use hanbench_core::meters::stream::Stream;
use hanbench_core::wire::cipher::Keys;
use rtt_target::{ChannelMode, UpChannel, rtt_init};

#[global_allocator]
static ALLOCATOR: LlffHeap = LlffHeap::empty();

#[cortex_m_rt::entry]
fn main() -> ! {
    // Nobody reads a ring while no probe is attached, and a dongle must not wait for one: what does not fit is lost whole.
    let channels = rtt_init! {
        up: { 0: { size: 16384, mode: ChannelMode::NoBlockSkip, name: "claims" } }
    };
    let mut claims = channels.up.0;
    board::give_memory(&ALLOCATOR);
    let mut board = Board::start();
    let _ = writeln!(board.console, "hanbench firmware {}", env!("CARGO_PKG_VERSION"));
    say(&mut claims, &mut board, "{\"event\":\"ready\"}\n");
    let mut stream = Stream::new(None, Keys::default());
    let mut bytes = [0; HAN_BYTES_MAX];
    loop {
        board.sleep();
        let count = board.han(&mut bytes);
        let now = board.now();
        if count == 0 && stream.next_timeout().is_none_or(|due| now < due) {
            continue;
        }
        stream.push(&bytes[..count], now, |entry| {
            if let Some(line) = claim::line(entry) {
                say(&mut claims, &mut board, &line);
            }
        });
    }
}

/// A whole line or nothing of it: half a line would spoil the next one.
fn say(claims: &mut UpChannel, board: &mut Board, line: &str) {
    if claims.write(line.as_bytes()) < line.len() {
        let _ = writeln!(board.console, "the ring is full, lost: {}", line.trim_end());
    }
}

/// Says where on the console, and starts anew: a dongle on a wall has nobody to press its button.
#[panic_handler]
fn panicked(info: &PanicInfo) -> ! {
    let _ = writeln!(board::Console::new(), "{info}");
    SCB::sys_reset()
}
