//! The captures of the checkout and the reviewed readings beside them.
//!
//! Refuses to take a decoder's word for what is right: a capture without a reviewed snapshot is handed out as
//! such, and the proposal beside it (`.snap.new`) is never read.

use crate::file::{CAPTURE, FileError, read_text};
use hanbench_core::capture::{Capture, Dir, keys};
use hanbench_core::meters::json;
use hanbench_core::reading::Instant;
use hanbench_core::verdict::expectation::{self, Item};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One capture with what is known to be right about it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Path from the root of the checkout, with forward slashes: `captures/aidon/6525-it3.csv`.
    pub subject: String,
    /// The file.
    pub path: PathBuf,
    /// Its header.
    pub header: BTreeMap<String, String>,
    /// What the meter sent, with times in microseconds.
    pub chunks: Vec<(u64, Vec<u8>)>,
    /// The reviewed readings; `None` where nobody has reviewed any.
    pub reviewed: Option<Vec<Item>>,
}

/// Reads all captures below `root/captures`, in order of their paths.
///
/// # Errors
/// A file that cannot be read, a capture with a bad line, a snapshot that is none.
pub fn load(root: &Path) -> Result<Vec<Recording>, FileError> {
    let mut paths = Vec::new();
    collect(&root.join("captures"), &mut paths)?;
    paths.sort();
    paths.iter().map(|path| recording(root, path)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), FileError> {
    let entries = fs::read_dir(folder).map_err(|error| FileError::new(folder, None, error.to_string()))?;
    for entry in entries {
        let path = entry.map_err(|error| FileError::new(folder, None, error.to_string()))?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "csv") {
            paths.push(path);
        }
    }
    Ok(())
}

fn recording(root: &Path, path: &Path) -> Result<Recording, FileError> {
    let text = read_text(path, "a capture", CAPTURE)?;
    let capture =
        Capture::parse(&text).map_err(|error| FileError::new(path, Some(error.line), error.what))?;
    let subject = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let chunks = capture.rows.into_iter().filter(|row| row.dir == Dir::Rx);
    let chunks = chunks.map(|row| (row.t_us, row.bytes)).collect();
    let reviewed = reviewed(&path.with_extension("snap"))?;
    Ok(Recording { subject, path: path.to_path_buf(), header: capture.header, chunks, reviewed })
}

fn reviewed(path: &Path) -> Result<Option<Vec<Item>>, FileError> {
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text(path, "a snapshot", CAPTURE)?;
    let items =
        expectation::parse(&text).map_err(|error| FileError::new(path, Some(error.line), error.what))?;
    Ok(Some(items))
}

/// Text of the snapshot that our decoder proposes for a capture, to be reviewed by a person.
///
/// It has the form that `cargo insta review` reads.
pub fn proposal(recording: &Recording) -> String {
    let chunks = recording.chunks.iter().map(|(t_us, bytes)| (Instant(*t_us), &bytes[..]));
    let lines: String = json::lines(None, keys(&recording.header), chunks)
        .into_iter()
        .map(|line| format!("{}\n", serde_json::Value::Object(line)))
        .collect();
    format!("---\nsource: {}\nexpression: the readings of this capture\n---\n{lines}", recording.subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is proposed for a capture is what its test asks for: same keys, same times.
    #[test]
    fn a_proposal_of_a_reviewed_capture_is_its_snapshot() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let recordings = load(&root).expect("captures");
        assert!(recordings.iter().any(|one| one.header.contains_key("keys")), "none is ciphered");
        for one in recordings {
            let snapshot = fs::read_to_string(one.path.with_extension("snap")).expect("a reviewed snapshot");
            let content = |text: &str| text.splitn(3, "---\n").nth(2).unwrap_or_default().trim().to_string();
            assert_eq!(content(&proposal(&one)), content(&snapshot), "{}", one.subject);
        }
    }

    #[test]
    fn silence_in_a_recording_ends_a_frame_in_its_proposal() {
        let frame =
            "7ea02a410883130413e6e7000f40000000000101020309060100010700ff06000004d202020f00161b19f27e";
        let bytes = hanbench_core::hex::bytes(frame).expect("hex");
        let proposed = |pause_us| {
            let chunks = vec![(0, bytes[..20].to_vec()), (pause_us, bytes[20..].to_vec())];
            let (subject, path) = ("captures/x.csv".to_string(), PathBuf::new());
            let one = Recording { subject, path, header: BTreeMap::new(), chunks, reviewed: None };
            proposal(&one).contains("active_import_w")
        };
        assert!(proposed(200_000) && !proposed(2_000_000));
    }
}
