//! Ctrl-C and SIGTERM as a flag. Every loop of this crate that waits looks at it, so that a run always ends
//! with whole files, no program left behind and a free rig.

use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler; for the start of a program, once. A second call, or a system without signals, changes
/// nothing: then Ctrl-C simply ends the process, and the kernel closes the line.
pub fn install() {
    let set = || INTERRUPTED.store(true, Ordering::SeqCst);
    // An error means that a handler is already there.
    let _ = ctrlc::set_handler(set);
}

/// Someone pressed Ctrl-C, or asked this process to end.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}
