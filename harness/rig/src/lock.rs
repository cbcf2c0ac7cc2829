//! One bench, one holder: a kernel lock on a small file in the system's folder for temporary files.
//!
//! The lock dies with its holder, also when that is killed; the file stays and means nothing by itself. What is
//! written in it only says who holds the lock. Ptys need none: each run makes its own.

use crate::config::{Dut, Input, Rig};
use crate::error::RigError;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

/// Who holds a resource.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Since when, RFC 3339 in UTC.
    pub since: String,
    /// What it is doing, in words.
    pub doing: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pid {} since {} ({})", self.pid, self.since, self.doing)
    }
}

/// A held resource; dropping it lets go.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes hold of `resource` (a port, an address, the selector of a probe) or says who has it.
    ///
    /// # Errors
    ///
    /// [`RigError::Held`], or [`RigError::Unavailable`] when there is no place for the lock.
    pub fn take(resource: &str, doing: &str) -> Result<Lock, RigError> {
        let unavailable = |error: io::Error| RigError::Unavailable {
            what: format!("the lock file {}", file_of(resource).display()),
            why: crate::file::words(&error),
        };
        let (mut file, writable) = open(resource).map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = read(&mut file).map_or("another program".into(), |holder| holder.to_string());
                return Err(RigError::Held { resource: resource.to_string(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(unavailable(error)),
        }
        if writable {
            let since =
                jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            let holder =
                Holder { pid: std::process::id(), since: since.to_string(), doing: doing.to_string() };
            write(&mut file, &holder).map_err(unavailable)?;
        }
        Ok(Lock { _file: file })
    }

    /// Takes hold of what [`resources`] lists. The port of clamps and a debug probe are taken where they are opened.
    ///
    /// # Errors
    ///
    /// See [`Lock::take`]; what was taken before the error is let go.
    pub fn take_rig(rig: &Rig, doing: &str) -> Result<Vec<Lock>, RigError> {
        resources(rig).iter().map(|resource| Lock::take(resource, doing)).collect()
    }
}

/// Who holds `resource` now; `None` when nobody does.
pub fn holder(resource: &str) -> Option<Holder> {
    let mut file = File::open(file_of(resource)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read(&mut file),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// Ports and addresses of `[input]` and `[dut]`, each once.
pub fn resources(rig: &Rig) -> Vec<String> {
    let mut found = Vec::new();
    match &rig.input {
        Input::Pty => {}
        Input::Serial { port, .. } => found.push(port.clone()),
        Input::Tcp { address } => found.push(address.clone()),
    }
    if let Dut::Serial { port, .. } = &rig.dut
        && !found.contains(port)
    {
        found.push(port.clone());
    }
    found
}

/// The same port under two names (`/dev/serial/by-id/…`) has one lock file.
fn file_of(resource: &str) -> PathBuf {
    let real = std::fs::canonicalize(resource);
    let name = real.map_or_else(|_| resource.to_string(), |path| path.to_string_lossy().into_owned());
    let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    std::env::temp_dir().join(format!("hanbench-{}.lock", safe.trim_matches('-')))
}

/// The lock file; for a file that another user made, only to read, which is enough to lock it.
fn open(resource: &str) -> io::Result<(File, bool)> {
    let path = file_of(resource);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Folders for temporary files are open to all; a link planted there must not lead us to another file.
        options.custom_flags(libc::O_NOFOLLOW);
    }
    match options.open(&path) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Ok((OpenOptions::new().read(true).open(&path)?, false))
        }
        Err(error) => Err(error),
    }
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write(file: &mut File, holder: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(holder)?.as_bytes())
}
