//! Text files that a person hands in: a rig file, a key file, a capture. Read as a whole and never beyond a limit.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Most bytes of a rig file or a key file: 1 MiB, a thousand times what one needs.
pub const SMALL: u64 = 1 << 20;
/// Most bytes of a capture that is read as a whole: 256 MiB. A night of a HAN port has about 20 MiB.
pub const CAPTURE: u64 = 256 << 20;

/// Why a file cannot be used: file, line where there is one, what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct FileError {
    /// File, and line where there is one.
    pub place: String,
    /// What is wrong, and what was expected.
    pub what: String,
}

impl FileError {
    /// A mistake in a file, at a line from 1 where there is one.
    pub fn new(path: &Path, line: Option<usize>, what: impl Into<String>) -> FileError {
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        FileError { place: format!("{}{line}", path.display()), what: what.into() }
    }
}

/// What the system says of a file or a connection, in words for a person and without its number.
pub fn words(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_string(),
        ErrorKind::PermissionDenied => "permission denied".to_string(),
        ErrorKind::IsADirectory => "it is a folder, a file was expected".to_string(),
        ErrorKind::NotADirectory => "a part of its path is a file, a folder was expected".to_string(),
        _ => {
            let text = error.to_string();
            text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_string())
        }
    }
}

/// Where a file of this name is written: behind a symbolic link it is what the link points at.
///
/// # Errors
/// Something stands there that is no file. A folder cannot be replaced and a device must not be.
pub fn target(path: &Path) -> std::io::Result<PathBuf> {
    match std::fs::metadata(path) {
        Ok(there) if there.is_file() => std::fs::canonicalize(path),
        Ok(there) if there.is_dir() => Err(ErrorKind::IsADirectory.into()),
        Ok(_) => Err(std::io::Error::new(ErrorKind::InvalidInput, "it is a device, a file was expected")),
        // Nothing there yet, or nothing that may be looked at: writing will tell.
        Err(_) => Ok(path.to_path_buf()),
    }
}

/// Reads a file of at most `limit` bytes. What is no file is refused before it is opened: a pipe may wait for ever, and a
/// device never ends.
///
/// # Errors
/// There is no such file, it may not be read, it is no file, or it is larger.
pub fn read_bytes(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let wrong =
        |what: &str| std::io::Error::new(ErrorKind::InvalidInput, format!("{what}, a file was expected"));
    let there = std::fs::metadata(path)?;
    if there.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    } else if !there.is_file() {
        return Err(wrong("it is a pipe or a device"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(wrong(&format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Reads a text file of at most `limit` bytes. `expected` says what the file should be: `a rig file`.
///
/// # Errors
/// There is no such file, it may not be read, it is larger, or it is no UTF-8; then the line is named.
pub fn read_text(path: &Path, expected: &str, limit: u64) -> Result<String, FileError> {
    let wrong = |line, what: &str| FileError::new(path, line, format!("{what}; {expected} was expected"));
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    read.map_err(|error| match error.kind() {
        ErrorKind::NotFound => wrong(None, "there is no such file"),
        ErrorKind::PermissionDenied => wrong(None, "it may not be read: permission denied"),
        ErrorKind::IsADirectory => wrong(None, "it is a folder"),
        _ => wrong(None, &format!("it cannot be read: {}", words(&error))),
    })?;
    if bytes.len() as u64 > limit {
        return Err(wrong(None, &format!("it is larger than {} MiB", limit >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        wrong(Some(line), "bytes that are no UTF-8 text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_names_the_file_the_line_and_what_was_expected() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.toml");
        let trouble = |path: &Path| {
            let error = read_text(path, "a rig file", 8).expect_err("trouble").to_string();
            error.replace(&folder.path().display().to_string(), "F")
        };
        assert_eq!(trouble(&path), "F/x.toml: there is no such file; a rig file was expected");
        assert_eq!(trouble(folder.path()), "F: it is a folder; a rig file was expected");
        std::fs::write(&path, b"a\nb\n\xff\n").expect("written");
        assert_eq!(trouble(&path), "F/x.toml:3: bytes that are no UTF-8 text; a rig file was expected");
        std::fs::write(&path, b"123456789").expect("written");
        assert_eq!(trouble(&path), "F/x.toml: it is larger than 0 MiB; a rig file was expected");
        std::fs::write(&path, b"12345678").expect("written");
        assert_eq!(read_text(&path, "a rig file", 8).expect("text"), "12345678");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_what_is_no_file_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "x").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert_eq!(target(&link).expect("a file"), std::fs::canonicalize(&file).expect("it"));
        assert_eq!(target(folder.path()).expect_err("a folder").kind(), ErrorKind::IsADirectory);
        assert_eq!(
            words(&target(Path::new("/dev/null")).expect_err("it")),
            "it is a device, a file was expected"
        );
        let new = folder.path().join("new");
        assert_eq!(target(&new).expect("nothing there"), new);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_an_end_is_too_large() {
        let error = read_text(Path::new("/dev/zero"), "a key file", SMALL).expect_err("endless");
        assert_eq!(error.to_string(), "/dev/zero: it is larger than 1 MiB; a key file was expected");
    }
}
