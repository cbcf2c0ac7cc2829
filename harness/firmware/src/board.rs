//! The board: two UARTs, two timers, sleep, and memory for the heap. The only place with `unsafe`.
//!
//! Addresses and interrupt numbers are those of Arm's application note AN385, registers those of the Cortex-M System Design
//! Kit (Arm DDI 0479). Everything runs at 25 MHz.
//!
//! | what | for |
//! |---|---|
//! | UART 0 | console: text for people, and nothing that is judged |
//! | UART 1 | HAN bytes, 2400 8N1 |
//! | timer 0 | time: counts down from 2^32 - 1 |
//! | timer 1 | ends a sleep every 10 ms |

use core::fmt;
use core::ptr::{addr_of_mut, read_volatile, write_volatile};
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use embedded_alloc::LlffHeap;
use hanbench_core::reading::Instant;

/// Most bytes that are taken from the line at once.
pub const HAN_BYTES_MAX: usize = 64;

/// Bytes of the heap. The decoder holds at most one unfinished telegram per layer.
const HEAP: usize = 256 * 1024;
const CLOCK_MHZ: u32 = 25;
/// Cycles of one bit at 2400 baud.
const HAN_DIVIDER: u32 = CLOCK_MHZ * 1_000_000 / 2400;
const CONSOLE_DIVIDER: u32 = CLOCK_MHZ * 1_000_000 / 115_200;
/// A frame is over after a second of silence; a hundredth of that is fine enough.
const TICK: u32 = CLOCK_MHZ * 10_000;

/// A block of registers.
#[derive(Clone, Copy)]
struct Block(usize);

const TIMER_0: Block = Block(0x4000_0000);
const TIMER_1: Block = Block(0x4000_1000);
const UART_0: Block = Block(0x4000_4000);
const UART_1: Block = Block(0x4000_5000);

impl Block {
    fn read(self, offset: usize) -> u32 {
        // SAFETY: only the constants above, which are word-aligned registers of this board; reading them twice harms nothing
        // but a UART's data, which is read once.
        unsafe { read_volatile((self.0 + offset) as *const u32) }
    }

    fn write(self, offset: usize, value: u32) {
        // SAFETY: as above; none of these registers makes the hardware touch memory.
        unsafe { write_volatile((self.0 + offset) as *mut u32, value) }
    }
}

/// Registers of a UART.
mod uart {
    pub const DATA: usize = 0x00;
    pub const STATE: usize = 0x04;
    pub const CONTROL: usize = 0x08;
    pub const INTERRUPT: usize = 0x0C;
    pub const DIVIDER: usize = 0x10;

    pub const TX_FULL: u32 = 1 << 0;
    pub const RX_FULL: u32 = 1 << 1;
    pub const TX_ENABLE: u32 = 1 << 0;
    pub const RX_ENABLE: u32 = 1 << 1;
    pub const RX_INTERRUPT: u32 = 1 << 3;
    /// Written to [`INTERRUPT`]: seen.
    pub const RX_SEEN: u32 = 1 << 1;
}

/// Registers of a timer.
mod timer {
    pub const CONTROL: usize = 0x00;
    pub const VALUE: usize = 0x04;
    pub const RELOAD: usize = 0x08;
    pub const INTERRUPT: usize = 0x0C;

    pub const ENABLE: u32 = 1 << 0;
    pub const INTERRUPT_ENABLE: u32 = 1 << 3;
}

/// What can end a sleep.
#[derive(Clone, Copy)]
#[repr(u16)]
enum Wake {
    /// A byte on UART 1.
    Han = 2,
    /// Timer 1.
    Tick = 9,
}

// SAFETY: numbers of AN385, each given once.
unsafe impl InterruptNumber for Wake {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Text for people.
pub struct Console(());

impl Console {
    /// Ready to write; setting it up twice changes nothing.
    pub fn new() -> Console {
        UART_0.write(uart::DIVIDER, CONSOLE_DIVIDER);
        UART_0.write(uart::CONTROL, uart::TX_ENABLE);
        Console(())
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while UART_0.read(uart::STATE) & uart::TX_FULL != 0 {}
            UART_0.write(uart::DATA, byte.into());
        }
        Ok(())
    }
}

/// Everything on it, set up.
pub struct Board {
    /// Text for people.
    pub console: Console,
    /// What timer 0 showed last.
    last: u32,
    /// Cycles since the start.
    cycles: u64,
}

impl Board {
    /// Sets everything up. From here on interrupts end sleeps and do nothing else.
    pub fn start() -> Board {
        cortex_m::interrupt::disable();
        TIMER_0.write(timer::RELOAD, u32::MAX);
        TIMER_0.write(timer::VALUE, u32::MAX);
        TIMER_0.write(timer::CONTROL, timer::ENABLE);
        TIMER_1.write(timer::RELOAD, TICK);
        TIMER_1.write(timer::VALUE, TICK);
        TIMER_1.write(timer::CONTROL, timer::ENABLE | timer::INTERRUPT_ENABLE);
        UART_1.write(uart::DIVIDER, HAN_DIVIDER);
        UART_1.write(uart::CONTROL, uart::RX_ENABLE | uart::RX_INTERRUPT);
        for wake in [Wake::Han, Wake::Tick] {
            // SAFETY: interrupts are masked for good, so no handler runs, and nothing can be interrupted in the middle.
            unsafe { NVIC::unmask(wake) };
        }
        Board { console: Console::new(), last: TIMER_0.read(timer::VALUE), cycles: 0 }
    }

    /// Sleeps until a byte has arrived, and no longer than 10 ms.
    pub fn sleep(&mut self) {
        if UART_1.read(uart::STATE) & uart::RX_FULL == 0 {
            // A pending interrupt ends it, also one that came in before and is masked.
            cortex_m::asm::wfi();
        }
        TIMER_1.write(timer::INTERRUPT, 1);
        UART_1.write(uart::INTERRUPT, uart::RX_SEEN);
        NVIC::unpend(Wake::Tick);
        NVIC::unpend(Wake::Han);
    }

    /// Takes the bytes that have arrived, and says how many.
    pub fn han(&mut self, bytes: &mut [u8; HAN_BYTES_MAX]) -> usize {
        let mut count = 0;
        while count < bytes.len() && UART_1.read(uart::STATE) & uart::RX_FULL != 0 {
            bytes[count] = UART_1.read(uart::DATA) as u8;
            count += 1;
        }
        count
    }

    /// Time since the start. Has to be asked for every 171 s, or a turn of the timer is missed; every tick does.
    pub fn now(&mut self) -> Instant {
        let value = TIMER_0.read(timer::VALUE);
        self.cycles += u64::from(self.last.wrapping_sub(value));
        self.last = value;
        Instant(self.cycles / u64::from(CLOCK_MHZ))
    }
}

/// Gives the decoder's heap its memory. Once, before anything is allocated.
pub fn give_memory(heap: &LlffHeap) {
    static mut MEMORY: [u8; HEAP] = [0; HEAP];
    // SAFETY: called once, by `main` at its start, so this is the only reference there ever is, and nothing was allocated.
    unsafe { heap.init(addr_of_mut!(MEMORY) as usize, HEAP) }
}
