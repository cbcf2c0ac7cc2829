//! The serial console of a real dongle. Read only: the bench never types.

use super::inbox::{Inbox, Stream};
use crate::error::{RigError, open_port_error};
use serialport::SerialPort;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a read waits; also the longest time closing takes.
const READ_WAIT: Duration = Duration::from_millis(50);

/// An open console and the thread that reads it.
#[derive(Debug)]
pub struct Console {
    port: String,
    inbox: Inbox,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Console {
    /// Opens the console and starts to read it.
    ///
    /// # Errors
    ///
    /// [`RigError::Unavailable`] with what to do about it.
    pub fn open(port: &str, baud: u32) -> Result<Console, RigError> {
        let source = serialport::new(port, baud)
            .timeout(READ_WAIT)
            .open()
            .map_err(|error| open_port_error(port, &error))?;
        Ok(Console::on(port, source))
    }

    /// Reads a port that is open already, with a timeout; `port` is its path.
    pub fn on(port: &str, source: Box<dyn SerialPort>) -> Console {
        let inbox = Inbox::default();
        inbox.open();
        let stop = Arc::new(AtomicBool::new(false));
        let reader = {
            let (inbox, stop) = (inbox.clone(), Arc::clone(&stop));
            std::thread::spawn(move || {
                inbox.read_lines(source, Stream::Readings, || stop.load(Ordering::Relaxed));
            })
        };
        Console { port: port.to_string(), inbox, stop, reader: Some(reader) }
    }

    /// Where its lines arrive.
    pub(super) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The error when the port is gone.
    pub(super) fn lost(&self) -> Option<RigError> {
        self.inbox.closed().then(|| RigError::Lost {
            what: format!("port {}", self.port),
            why: self.inbox.error().unwrap_or_else(|| "it hung up".into()),
        })
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            // It ends within READ_WAIT; that it panicked is of no interest any more.
            let _ = reader.join();
        }
    }
}
