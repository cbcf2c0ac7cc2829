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
