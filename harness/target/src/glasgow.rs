//! A server that makes the chip reachable for a program of its own: the socket protocol of the Glasgow debug applet.
//!
//! Frames stuffed by [`crate::cobs`] and ended by a zero; the first byte of a frame is the endpoint.
//!
//! | endpoint | command | answer |
//! |---|---|---|
//! | 0 root | `00` who are you | `probe-rs,v01` |
//! | | `10` reference clock | Hz, 4 bytes |
//! | | `11` divisor | 2 bytes |
//! | | `12` + 2 bytes: set divisor; `20` hold reset, `21` let it go | none |
//! | 1 SWD | `001xxxxx` + 4 bytes: so many bits (0 means 32) onto the line | none |
//! | | `0000aarp` (address, read, access port) + 4 bytes when writing | `01` + 4 bytes read, `11` written, `12` WAIT, `14` FAULT, `20` nothing answered |
//!
//! All numbers little-endian. Only SWD: RISC-V cannot be reached this way.
//!
//! A client that waits for an answer and finds the line closed spins for ever, because it takes that for an answer
//! without bytes. So every request is answered before the next is looked at, whatever it says, and the line is closed
//! only between requests. After an answer that is an error the client stops reading, so the rest of that frame is
//! dropped.

use crate::chip::Target;
use crate::cobs;
use crate::dap::{Dap, Port, Refusal};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const IDENTITY: &[u8] = b"probe-rs,v01";
const REFERENCE_HZ: u32 = 48_000_000;
/// How soon the server notices that it should end.
const POLL: Duration = Duration::from_millis(20);

const READ_DONE: u8 = 0x01;
const WRITE_DONE: u8 = 0x11;
const WAIT: u8 = 0x12;
const FAULT: u8 = 0x14;
const ERROR: u8 = 0x20;

/// One connection: bytes in, bytes out.
#[derive(Debug)]
pub struct Connection {
    dap: Dap,
    divisor: u16,
    received: Vec<u8>,
    /// Root commands whose last bytes are in a frame that has not come yet.
    root: Vec<u8>,
    /// The same for SWD.
    swd: Vec<u8>,
}

impl Connection {
    /// A fresh connection to a chip: its line has to be woken.
    pub fn new(target: Target) -> Connection {
        Connection {
            dap: Dap::new(target),
            divisor: 0,
            received: Vec::new(),
            root: Vec::new(),
            swd: Vec::new(),
        }
    }

    /// Takes bytes of the line in, and gives the frames to answer with. Rubbish is dropped.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.received.extend_from_slice(bytes);
        let mut answers = Vec::new();
        while let Some(end) = self.received.iter().position(|byte| *byte == 0) {
            let frame: Vec<u8> = self.received.drain(..=end).take(end).collect();
            let Some(frame) = cobs::decode(&frame) else { continue };
            let Some((endpoint, commands)) = frame.split_first() else { continue };
            let mut answer = vec![*endpoint];
            match endpoint {
                0 => self.root(commands, &mut answer),
                1 => self.swd(commands, &mut answer),
                _ => {}
            }
            if answer.len() > 1 {
                answers.extend(cobs::encode(&answer));
                answers.push(0);
            }
        }
        answers
    }

    fn root(&mut self, commands: &[u8], answer: &mut Vec<u8>) {
        self.root.extend_from_slice(commands);
        while let Some(command) = self.root.first() {
            let mut taken = 1;
            match command {
                0x00 => answer.extend_from_slice(IDENTITY),
                0x10 => answer.extend_from_slice(&REFERENCE_HZ.to_le_bytes()),
                0x11 => answer.extend_from_slice(&self.divisor.to_le_bytes()),
                0x12 => match self.root.get(1..3) {
                    Some(&[low, high]) => {
                        self.divisor = u16::from_le_bytes([low, high]);
                        taken = 3;
                    }
                    _ => return,
                },
                0x20 => self.dap.set_reset_pin(false),
                0x21 => self.dap.set_reset_pin(true),
                _ => {}
            }
            self.root.drain(..taken);
        }
    }

    fn swd(&mut self, commands: &[u8], answer: &mut Vec<u8>) {
        self.swd.extend_from_slice(commands);
        let mut held = std::mem::take(&mut self.swd);
        let done = self.commands(&held, answer);
        held.drain(..done);
        self.swd = held;
    }

    /// Carries out whole commands, and says how many bytes are done with.
    fn commands(&mut self, held: &[u8], answer: &mut Vec<u8>) -> usize {
        let mut at = 0;
        while let Some(command) = held.get(at).copied() {
            let (sequence, read) = (command & 0x20 != 0, command & 2 != 0);
            let operand = if read && !sequence { 0 } else { 4 };
            let Some(bytes) = held.get(at + 1..at + 1 + operand) else { return at };
            let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
            at += 1 + operand;
            if sequence {
                let len = u32::from(command & 0x1F);
                self.dap.sequence(if len == 0 { 32 } else { len }, value.into());
                continue;
            }
            let port = if command & 1 != 0 { Port::Access } else { Port::Debug };
            let write = (!read).then_some(value);
            match self.dap.transfer_repeated(port, command & 0xC, write) {
                Ok(value) if read => {
                    answer.push(READ_DONE);
                    answer.extend_from_slice(&value.to_le_bytes());
                }
                Ok(_) => answer.push(WRITE_DONE),
                Err(refusal) => {
                    answer.push(match refusal {
                        Refusal::Wait => WAIT,
                        Refusal::Fault => FAULT,
                        Refusal::Silence => ERROR,
                    });
                    return held.len();
                }
            }
        }
        at
    }
}

/// A server on a unix socket, one client at a time, until it is dropped.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `path`. A socket that a server which is no more left there is replaced.
    ///
    /// # Errors
    ///
    /// Whatever the system says, `AddrInUse` also where another server listens.
    pub fn start(path: &Path, target: Target) -> std::io::Result<Server> {
        Server::start_with(path, target, |_| {})
    }

    /// The same, and does something with the chip whenever a client connects, before the client is served.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn start_with(
        path: &Path,
        target: Target,
        connected: impl Fn(&Target) + Send + 'static,
    ) -> std::io::Result<Server> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && UnixStream::connect(path).is_err() => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            for client in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                connected(&target);
                // A client that went away is no concern of the next one.
                let _ = client.and_then(|client| serve(client, target.clone(), &stopped));
            }
        });
        Ok(Server { path: path.to_path_buf(), stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread out of waiting for a client.
        let _ = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn serve(mut client: UnixStream, target: Target, stop: &AtomicBool) -> std::io::Result<()> {
    client.set_read_timeout(Some(POLL))?;
    let (mut connection, mut buffer) = (Connection::new(target), vec![0; 65536]);
    while !stop.load(Ordering::Relaxed) {
        match client.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => client.write_all(&connection.feed(&buffer[..len]))?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::tests::chip;

    fn frame(bytes: &[u8]) -> Vec<u8> {
        let mut frame = cobs::encode(bytes);
        frame.push(0);
        frame
    }

    fn ask(connection: &mut Connection, bytes: &[u8]) -> Vec<u8> {
        let answer = connection.feed(&frame(bytes));
        answer.split_last().map_or(Vec::new(), |(_, framed)| cobs::decode(framed).expect("a frame"))
    }

    fn sequence(len: u8, bits: u32) -> Vec<u8> {
        [&[0x20 | len & 0x1F][..], &bits.to_le_bytes()].concat()
    }

    fn wake() -> Vec<u8> {
        let ones = [sequence(32, !0), sequence(19, !0)].concat();
        [&[1][..], &ones, &sequence(16, 0xE79E), &ones, &sequence(3, 0), &[0x02]].concat()
    }

    #[test]
    fn root_answers_and_commands_may_be_split_over_frames() {
        let mut connection = Connection::new(Target::new(chip()));
        assert_eq!(ask(&mut connection, &[0, 0x00]), [&[0][..], IDENTITY].concat());
        assert_eq!(ask(&mut connection, &[0, 0x12, 7]), []);
        assert_eq!(ask(&mut connection, &[0, 0, 0x11]), [0, 7, 0]);
        let whole = frame(&[0, 0x10]);
        assert_eq!(connection.feed(&whole[..2]), []);
        assert_eq!(connection.feed(&whole[2..]), frame(&[0, 0, 0x6C, 0xDC, 0x02]));
    }

    #[test]
    fn an_error_drops_the_rest_of_its_frame_and_no_more() {
        let mut connection = Connection::new(Target::new(chip()));
        assert_eq!(ask(&mut connection, &wake()), [1, 0x01, 0x77, 0x14, 0xA0, 0x2B]);
        // An access without power, and two more behind it.
        assert_eq!(ask(&mut connection, &[1, 0x0F, 0x0F, 0x02]), [1, FAULT]);
        assert_eq!(ask(&mut connection, &[1, 0x02]), [1, 0x01, 0x77, 0x14, 0xA0, 0x2B]);
        assert_eq!(ask(&mut connection, &[1, 0x04, 0, 0, 0, 0x50]), [1, WRITE_DONE]);
        assert_eq!(ask(&mut connection, &[1, 0x0F])[..2], [1, READ_DONE]);
    }

    #[test]
    fn rubbish_is_survived() {
        let mut connection = Connection::new(Target::new(chip()));
        assert_eq!(connection.feed(&[9, 1, 0, 0, 0, 2, 7, 0]), []);
        assert_eq!(ask(&mut connection, &[0, 0x11]), [0, 0, 0]);
    }

    #[test]
    fn a_socket_left_behind_is_replaced_and_a_live_one_is_not() {
        let path = std::env::temp_dir().join(format!("hanbench-glasgow-{}", std::process::id()));
        drop(UnixListener::bind(&path).expect("a socket"));
        let server = Server::start(&path, Target::new(chip())).expect("the corpse is replaced");
        let taken = Server::start(&path, Target::new(chip())).expect_err("someone listens");
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let mut client = UnixStream::connect(&path).expect("connect");
        client.write_all(&frame(&[0, 0x00])).expect("write");
        let mut answer = [0; 15];
        client.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer[2..14], IDENTITY);
        drop(server);
        assert!(!path.exists());
    }
}
