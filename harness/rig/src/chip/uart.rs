//! The HAN port of the chip: bytes that arrive while its core runs.

use hanbench_target::Target;
use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A pty takes any speed.
const BAUD: u32 = 2400;
/// How soon the thread notices that it should end.
const READ_WAIT: Duration = Duration::from_millis(50);
/// More bytes than this never wait; what comes then is lost, as in any UART.
const ROOM: usize = 64 << 10;

/// What the receiver holds. Clones hold the same.
#[derive(Clone, Debug, Default)]
pub struct Uart(Arc<Mutex<Vec<u8>>>);

impl Uart {
    /// Bytes arrive.
    pub fn receive(&self, bytes: &[u8]) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = ROOM.saturating_sub(held.len());
        held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Takes everything out.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A thread that carries bytes from a serial device into a receiver, until the device hangs up or this is dropped.
#[derive(Debug)]
pub struct Wire {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Opens the device.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub fn connect(path: &str, uart: Uart, target: Target) -> io::Result<Wire> {
        let mut port = serialport::new(path, BAUD).timeout(READ_WAIT).open()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !stopped.load(Ordering::Relaxed) {
                match port.read(&mut buffer) {
                    Ok(0) => return,
                    // A core that does not run takes nothing out of its receiver.
                    Ok(count) if target.chip().executes() => uart.receive(&buffer[..count]),
                    Ok(_) => {}
                    Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                    // The meter's end is gone. A chip does not notice.
                    Err(_) => return,
                }
            }
        });
        Ok(Wire { stop, thread: Some(thread) })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::chip::hardware::{chip, vectors};
    use crate::pty::Pty;
    use probe_rs::config::Registry;
    use std::io::Write;
    use std::time::Instant;

    /// More than any pty holds: whoever takes it has read most of it.
    const MUCH: usize = 400 << 10;

    #[test]
    fn a_core_that_does_not_run_hears_nothing_and_one_that_runs_hears() {
        let target = Target::new(chip(&Registry::from_builtin_families(), &vectors()).expect("a chip"));
        let (pty, uart) = (Pty::open().expect("a pty"), Uart::default());
        let wire = Wire::connect(pty.path(), uart.clone(), target.clone()).expect("a port");
        let until = Instant::now() + Duration::from_secs(20);
        target.chip().set_reset_pin(false);
        let mut sent = 0;
        while sent < MUCH {
            match pty.master().write(&[0x55; 1024]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("{error} after {sent} bytes"),
            }
        }
        assert!(uart.take().is_empty());
        target.chip().set_reset_pin(true);
        let mut heard = Vec::new();
        while !heard.contains(&0xEE) {
            assert!(Instant::now() < until, "nothing was heard");
            // It may be full of what the pty still held.
            let _ = pty.master().write(&[0xEE]);
            heard.extend(uart.take());
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(wire);
        let limit = Uart::default();
        limit.receive(&[1; ROOM]);
        limit.receive(&[2]);
        assert_eq!(limit.take(), [1; ROOM], "what has no room is lost");
    }
}
