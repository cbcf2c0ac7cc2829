//! A serial port that is only listened to, for `record`.

use crate::config::Parity;
use crate::error::{RigError, open_port_error};
use serialport::SerialPort;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// Longest single wait, so that Ctrl-C is seen soon.
const WAIT: Duration = Duration::from_millis(50);

/// The parity of a word: `none`, `even`, `odd`; anything else is none.
pub fn parity(word: &str) -> Parity {
    match word {
        "even" => Parity::Even,
        "odd" => Parity::Odd,
        _ => Parity::None,
    }
}

/// The serial ports of this machine. The names that stay the same when adapters are plugged in another order come
/// first; the same port may be there under both of its names.
pub fn ports() -> Vec<String> {
    let by_id = std::fs::read_dir("/dev/serial/by-id").into_iter().flatten().flatten();
    let mut found: Vec<String> = by_id.map(|entry| entry.path().display().to_string()).collect();
    // A system that cannot list its ports has none to suggest.
    let listed = serialport::available_ports().unwrap_or_default();
    found.sort();
    found.extend(listed.into_iter().map(|port| port.port_name));
    found
}

/// Opens a port with eight data bits and one stop bit.
///
/// # Errors
/// [`RigError::Unavailable`] with the name of the port and what to do.
pub fn open(port: &str, baud: u32, parity_word: &str) -> Result<Box<dyn SerialPort>, RigError> {
    serialport::new(port, baud)
        .parity(parity(parity_word).setting())
        .timeout(WAIT)
        .open()
        .map_err(|error| open_port_error(port, &error))
}

/// Reads what is there, waiting a little; 0 when nothing came.
///
/// # Errors
/// The port is gone.
pub fn read(port: &mut dyn SerialPort, buffer: &mut [u8]) -> io::Result<usize> {
    match port.read(buffer) {
        Ok(0) => Err(io::Error::from(ErrorKind::UnexpectedEof)),
        Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => Ok(0),
        other => other,
    }
}
