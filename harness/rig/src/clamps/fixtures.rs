//! The waveforms of the checkout, `fixtures/waveforms/*.toml`, each with the device that it is for.

use crate::file::{FileError, SMALL, read_text};
use hanbench_core::verdict::ct::device::{self, Device};
use hanbench_core::wave::spec::Spec;
use serde::Deserialize;
use std::fs;
use std::path::Path;
use toml::Spanned;

/// Where they are, from the root of the checkout.
const FOLDER: &str = "fixtures/waveforms";

/// One waveform file.
#[derive(Clone, Debug)]
pub struct Waveform {
    /// `ct-one-reversed`: name of the trial and of its evidence.
    pub name: String,
    /// Path from the root of the checkout, with forward slashes: `fixtures/waveforms/one-reversed.toml`.
    pub subject: String,
    /// The file, whole.
    pub text: String,
    /// What it says.
    pub spec: Spec,
    /// The device that it is for.
    pub device: &'static Device,
}

impl Waveform {
    /// Reads the text of a waveform file; `subject` is its path from the root of the checkout.
    ///
    /// # Errors
    /// The text is no waveform, or it is for a device that nobody knows.
    pub fn parse(subject: &str, text: &str) -> Result<Waveform, FileError> {
        let path = Path::new(subject);
        let spec = Spec::parse(text).map_err(|error| FileError::new(path, Some(error.line), error.what))?;
        let device = device::of(&spec).ok_or_else(|| {
            let names: Vec<&str> = device::DEVICES.iter().map(|device| device.name).collect();
            let named = spec.expect.device.as_deref().unwrap_or_default();
            let what = format!("[expect] device \"{named}\" is unknown; expected {}", names.join(", "));
            FileError::new(path, line_of_device(text), what)
        })?;
        let stem = path.file_stem().map_or("waveform".into(), |stem| stem.to_string_lossy());
        Ok(Waveform { name: format!("ct-{stem}"), subject: subject.into(), text: text.into(), spec, device })
    }
}

/// Line of `[expect] device`, from 1. The checked form of the file holds no places.
fn line_of_device(text: &str) -> Option<usize> {
    #[derive(Deserialize)]
    struct Whole {
        expect: Expect,
    }
    #[derive(Deserialize)]
    struct Expect {
        device: Spanned<String>,
    }
    let whole: Whole = toml::from_str(text).ok()?;
    Some(text.get(..whole.expect.device.span().start)?.matches('\n').count() + 1)
}

/// Reads all waveforms of a checkout, in order of their names. None where there is no such folder.
///
/// # Errors
/// A file that cannot be read or is no waveform, with its line.
pub fn load(root: &Path) -> Result<Vec<Waveform>, FileError> {
    let folder = root.join(FOLDER);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let wrong = |error: std::io::Error| FileError::new(&folder, None, error.to_string());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".toml") {
            names.push(name);
        }
    }
    names.sort();
    let waveform = |name: &String| {
        let text = read_text(&folder.join(name), "a waveform", SMALL)?;
        Waveform::parse(&format!("{FOLDER}/{name}"), &text)
    };
    names.iter().map(waveform).collect()
}
