//! What the chip does when nobody halts it: a model in Rust, ticked by a test's clock or by a thread.

use crate::chip::{Chip, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A model of firmware.
pub trait Firmware: Send {
    /// The core came out of reset: sets up RAM as start-up code would.
    fn start(&mut self, chip: &mut Chip);

    /// Does what is due at `now_us`, microseconds on a clock that never goes back.
    fn tick(&mut self, chip: &mut Chip, now_us: u64);
}

/// A firmware on a chip.
pub struct Runner<F> {
    target: Target,
    firmware: F,
    resets_seen: Option<u64>,
}

impl<F: Firmware> Runner<F> {
    /// Nothing happens before the first tick.
    pub fn new(target: Target, firmware: F) -> Runner<F> {
        Runner { target, firmware, resets_seen: None }
    }

    /// Lets the firmware do what is due, starting it first where the chip was reset. Returns whether the core executes.
    pub fn tick(&mut self, now_us: u64) -> bool {
        let mut chip = self.target.chip();
        if !chip.executes() {
            return false;
        }
        if self.resets_seen != Some(chip.counts.resets) {
            self.resets_seen = Some(chip.counts.resets);
            self.firmware.start(&mut chip);
        }
        self.firmware.tick(&mut chip, now_us);
        true
    }
}

/// A firmware that runs by itself until it is dropped.
pub struct FirmwareThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FirmwareThread {
    /// Ticks every `period`, in real time since now.
    pub fn start(target: Target, firmware: impl Firmware + 'static, period: Duration) -> FirmwareThread {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut runner, started) = (Runner::new(target, firmware), Instant::now());
            while !stopped.load(Ordering::Relaxed) {
                runner.tick(started.elapsed().as_micros() as u64);
                std::thread::sleep(period);
            }
        });
        FirmwareThread { stop, thread: Some(thread) }
    }
}

impl Drop for FirmwareThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A model that panicked has said so on its own.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::tests::chip;

    /// Counts starts and ticks in the first two words of RAM.
    struct Counter;

    impl Firmware for Counter {
        fn start(&mut self, chip: &mut Chip) {
            let starts = chip.word(0x2000_0000).unwrap_or(0);
            chip.write_word(0x2000_0000, starts + 1).expect("RAM");
        }

        fn tick(&mut self, chip: &mut Chip, now_us: u64) {
            chip.write_word(0x2000_0004, now_us as u32).expect("RAM");
        }
    }

    fn counts(target: &Target) -> [Result<u32, crate::BusFault>; 2] {
        let chip = target.chip();
        [chip.word(0x2000_0000), chip.word(0x2000_0004)]
    }

    #[test]
    fn it_starts_after_each_reset_and_rests_while_held() {
        let target = Target::new(chip());
        let mut runner = Runner::new(target.clone(), Counter);
        assert!(runner.tick(10) && runner.tick(20));
        assert_eq!(counts(&target), [Ok(1), Ok(20)]);
        target.chip().set_reset_pin(false);
        assert!(!runner.tick(30));
        target.chip().set_reset_pin(true);
        assert!(runner.tick(40));
        assert_eq!(counts(&target), [Ok(2), Ok(40)]);
    }
}
