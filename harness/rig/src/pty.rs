//! A raw pty pair: the bench writes into one end, a program opens the other by path as if it were a serial port.
//!
//! Made by hand and not by `serialport::TTYPort::pair()`, for three reasons that were seen: both ends of that
//! pair are inherited by every program started later (closing the line is then no hang-up), its slave can become
//! the controlling terminal of a bench without one (closing the line then kills the bench with SIGHUP), and its
//! blocking master hangs for ever when nobody reads.
//!
//! Refuses line errors: a pty has no parity and no framing.

use crate::error::RigError;
use std::fs::File;
use std::io;

/// The two ends of a pty. Dropping it hangs up.
#[derive(Debug)]
pub struct Pty {
    master: File,
    /// Held open so that the master never sees a hang-up while no program has the path open.
    slave: File,
    path: String,
}

impl Pty {
    /// Opens a pair, raw, not inherited by programs, the master non-blocking.
    ///
    /// # Errors
    ///
    /// [`RigError::Unavailable`] when the system has no ptys (left).
    pub fn open() -> Result<Pty, RigError> {
        sys::open().map_err(|error| RigError::Unavailable { what: "a pty".into(), why: error.to_string() })
    }

    /// Path of the end that a program opens.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The bench's end. Non-blocking: reads and writes give `WouldBlock`.
    pub fn master(&self) -> &File {
        &self.master
    }

    /// Takes away a "nobody else may open this" that a program set and could not take back because it was killed.
    pub fn release(&self) {
        sys::release(&self.slave);
    }
}

#[cfg(unix)]
#[allow(unsafe_code, reason = "openpty and friends exist only as C functions")]
mod sys {
    use super::{File, Pty, io};
    use std::ffi::CStr;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    static SPAWN: Mutex<()> = Mutex::new(());

    /// Held while a pty is opened and while a program is started, so that no program inherits a pty in the moment
    /// between `openpty` and `FD_CLOEXEC`.
    pub(crate) fn spawn_guard() -> MutexGuard<'static, ()> {
        SPAWN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(result: libc::c_int) -> io::Result<libc::c_int> {
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
    }

    pub(super) fn open() -> io::Result<Pty> {
        let guard = spawn_guard();
        let (mut master, mut slave) = (-1, -1);
        let null = std::ptr::null_mut();
        // SAFETY: both descriptors are valid places to write to; name, settings and window size may be null.
        check(unsafe { libc::openpty(&mut master, &mut slave, null, null.cast(), null.cast()) })?;
        // SAFETY: openpty has just given us these two descriptors, and nobody else owns them.
        let (master, slave) = unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
        for fd in [master.as_raw_fd(), slave.as_raw_fd()] {
            // SAFETY: an open descriptor and an integer argument.
            check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
        }
        drop(guard);
        // SAFETY: as above.
        check(unsafe { libc::fcntl(master.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) })?;
        set_raw(slave.as_raw_fd())?;
        let path = name(slave.as_raw_fd())?;
        Ok(Pty { master: File::from(master), slave: File::from(slave), path })
    }

    /// No echo, no line editing, no translation of bytes.
    fn set_raw(fd: libc::c_int) -> io::Result<()> {
        let mut settings = std::mem::MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the place is large enough; tcgetattr fills it whole when it succeeds.
        check(unsafe { libc::tcgetattr(fd, settings.as_mut_ptr()) })?;
        // SAFETY: filled by the successful call above.
        let mut settings = unsafe { settings.assume_init() };
        // SAFETY: valid settings, changed in place.
        unsafe { libc::cfmakeraw(&mut settings) };
        // SAFETY: an open terminal and valid settings.
        check(unsafe { libc::tcsetattr(fd, libc::TCSANOW, &settings) }).map(drop)
    }

    fn name(fd: libc::c_int) -> io::Result<String> {
        let mut buffer = [0 as libc::c_char; 256];
        // SAFETY: the length is that of the buffer.
        let code = unsafe { libc::ttyname_r(fd, buffer.as_mut_ptr(), buffer.len()) };
        if code != 0 {
            return Err(io::Error::from_raw_os_error(code));
        }
        // SAFETY: ttyname_r wrote a text with its NUL into the buffer.
        let name = unsafe { CStr::from_ptr(buffer.as_ptr()) };
        Ok(name.to_string_lossy().into_owned())
    }

    pub(super) fn release(slave: &File) {
        // SAFETY: an open terminal; the request takes no argument. A failure leaves things as they were.
        unsafe { libc::ioctl(slave.as_raw_fd(), libc::TIOCNXCL) };
    }
}

#[cfg(not(unix))]
mod sys {
    use super::{File, Pty, io};

    pub(super) fn open() -> io::Result<Pty> {
        Err(io::Error::other(
            "this system has no ptys; give [input] a serial port (a com0com pair works) or a tcp address",
        ))
    }

    pub(super) fn release(_slave: &File) {}
}

#[cfg(unix)]
pub(crate) use sys::spawn_guard;

/// Nothing can be inherited by mistake here.
#[cfg(not(unix))]
pub(crate) fn spawn_guard() {}
