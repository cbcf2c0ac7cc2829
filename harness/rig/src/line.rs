//! Where HAN bytes go: the bench's end of a pty, a serial port, or a TCP connection to a port server.
//!
//! One promise: a write ends, by success, by an error or by its deadline, also when nobody reads.

use crate::config::Input;
use crate::error::{RigError, open_port_error};
use crate::file::words;
use crate::interrupt::interrupted;
use crate::pace::byte_time;
use crate::pty::Pty;
use serialport::SerialPort;
use std::io::{self, ErrorKind, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How long a TCP port server may take to answer a connect.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How long one attempt to write may block before the deadline is looked at again.
const SLICE: Duration = Duration::from_millis(50);
/// Bytes given to a real serial port at once; keeps a single write short at any baud rate.
const CHUNK: usize = 256;

/// An open way into the DUT's HAN port.
#[derive(Debug)]
pub enum Line {
    /// The bench's end of a pty; bytes arrive as fast as they are written.
    Pty(Pty),
    /// A real port; its UART paces the bytes.
    Serial {
        /// The open port.
        port: Box<dyn SerialPort>,
        /// Its path.
        path: String,
        /// Time of one byte, by its speed and parity.
        byte_time: Duration,
    },
    /// A port server; the UART behind it paces the bytes.
    Tcp {
        /// The open connection.
        stream: TcpStream,
        /// Its address.
        address: String,
    },
}

/// Why bytes were not written.
#[derive(Debug)]
pub enum WriteFailure {
    /// The other end takes no more bytes: so many of them were taken before the deadline.
    Stuck(usize),
    /// Ctrl-C, after so many of them were taken.
    Interrupted(usize),
    /// The line is gone.
    Lost(RigError),
}

impl Line {
    /// Opens the line that a rig file names.
    ///
    /// # Errors
    ///
    /// [`RigError::Unavailable`] with what to do about it.
    pub fn open(input: &Input) -> Result<Line, RigError> {
        match input {
            Input::Pty => Pty::open().map(Line::Pty),
            Input::Serial { port, baud, parity } => {
                let opened = serialport::new(port, *baud)
                    .parity(parity.setting())
                    .timeout(SLICE)
                    .open()
                    .map_err(|error| open_port_error(port, &error))?;
                let byte_time = byte_time(*baud, *parity, 1.0);
                Ok(Line::Serial { port: opened, path: port.clone(), byte_time })
            }
            Input::Tcp { address } => connect(address),
        }
    }

    /// Path of the device that a program opens to read what is written here; only a pty has one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Line::Pty(pty) => Some(pty.path()),
            Line::Serial { .. } | Line::Tcp { .. } => None,
        }
    }

    /// The bytes are paced behind this line and not by the bench.
    pub fn paces_itself(&self) -> bool {
        !matches!(self, Line::Pty(_))
    }

    /// Name for messages.
    pub fn name(&self) -> String {
        match self {
            Line::Pty(pty) => format!("pty {}", pty.path()),
            Line::Serial { path, .. } => format!("port {path}"),
            Line::Tcp { address, .. } => format!("tcp {address}"),
        }
    }

    /// Writes all bytes, or says why not. Never later than `deadline` plus 50 ms.
    ///
    /// # Errors
    ///
    /// See [`WriteFailure`].
    pub fn write_all(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), WriteFailure> {
        let mut done = 0;
        while done < bytes.len() {
            if interrupted() {
                return Err(WriteFailure::Interrupted(done));
            }
            match self.write_some(&bytes[done..]) {
                Ok(0) => return Err(self.lost(&io::Error::from(ErrorKind::WriteZero))),
                Ok(count) => done += count,
                Err(error) if is_wait(&error) => {
                    if Instant::now() >= deadline {
                        return Err(WriteFailure::Stuck(done));
                    }
                    if matches!(self, Line::Pty(_)) {
                        std::thread::sleep(Duration::from_micros(500));
                    }
                }
                Err(error) => return Err(self.lost(&error)),
            }
        }
        Ok(())
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Line::Pty(pty) => pty.master().write(bytes),
            Line::Serial { port, .. } => port.write(&bytes[..bytes.len().min(CHUNK)]),
            Line::Tcp { stream, .. } => stream.write(bytes),
        }
    }

    fn lost(&self, error: &io::Error) -> WriteFailure {
        WriteFailure::Lost(RigError::Lost { what: self.name(), why: words(error) })
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn connect(address: &str) -> Result<Line, RigError> {
    let unavailable = |why: String| RigError::Unavailable { what: format!("tcp address {address}"), why };
    let found = address.to_socket_addrs().map_err(|error| unavailable(words(&error)))?;
    let mut why = "the name has no address".to_string();
    for candidate in found {
        match TcpStream::connect_timeout(&candidate, CONNECT_WITHIN) {
            Ok(stream) => {
                // Small writes must leave at once; a system that cannot do that only delays them.
                let _ = stream.set_nodelay(true);
                stream.set_write_timeout(Some(SLICE)).map_err(|error| unavailable(words(&error)))?;
                return Ok(Line::Tcp { stream, address: address.to_string() });
            }
            Err(error) => why = words(&error),
        }
    }
    Err(unavailable(why))
}
