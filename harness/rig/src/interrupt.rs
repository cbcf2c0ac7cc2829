//! Ctrl-C and SIGTERM as a flag. Every loop of this crate that waits looks at it, so that a run always ends
//! with whole files, no program left behind and a free rig. Also the end of standard input, for programs that a bench
//! starts.

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

/// Becomes true when standard input ends, which is how whoever started this program lets go of it. Only a pipe or a socket
/// counts: the end of a terminal, of a file or of nothing at all says nothing.
#[cfg(unix)]
pub fn when_let_go() -> std::sync::Arc<AtomicBool> {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    let let_go = std::sync::Arc::new(AtomicBool::new(false));
    let input = std::io::stdin().as_fd().try_clone_to_owned().map(std::fs::File::from);
    let kind = |input: &std::fs::File| input.metadata().ok().map(|about| about.file_type());
    let counts = |kind: std::fs::FileType| kind.is_fifo() || kind.is_socket();
    if let Some(mut input) = input.ok().filter(|input| kind(input).is_some_and(counts)) {
        let flag = std::sync::Arc::clone(&let_go);
        // Not joined: it ends with standard input, or with the program.
        std::thread::spawn(move || {
            let mut scratch = [0; 256];
            while std::io::Read::read(&mut input, &mut scratch).is_ok_and(|count| count > 0) {}
            flag.store(true, Ordering::SeqCst);
        });
    }
    let_go
}
