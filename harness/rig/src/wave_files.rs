//! Writes a waveform to files: in constant memory, and whole or not at all.
//!
//! Everything is written beside its name first (`NAME.<process>.part`) and moved there when all of it is complete, the
//! page last; Ctrl-C, an error or a panic leaves nothing behind.

use crate::file::target;
use crate::interrupt::interrupted;
use hanbench_core::hex;
use hanbench_core::wave::files::sidecar::{Worked, Written};
use hanbench_core::wave::files::{Encoder, Format, Layout, Unfit};
use hanbench_core::wave::frontend::Converter;
use hanbench_core::wave::spec::Spec;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Samples that are made, counted and written at once.
const PIECE: u64 = 8192;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum WaveFileError {
    /// The format cannot hold the waveform.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A file cannot be written.
    #[error("{}: cannot write: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Ctrl-C.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rendered {
    /// The files, the page last.
    pub paths: Vec<PathBuf>,
    /// Samples of each channel that were clipped.
    pub clipped: Vec<u64>,
    /// Samples that the format could not say and that were moved by one code.
    pub altered: u64,
}

/// The page beside a file: its name with `.json` behind it.
pub fn page_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".json");
    PathBuf::from(name)
}

/// Writes the waveform to `path`, a page beside it and, for COMTRADE, a `.dat`. `progress` hears the samples of a
/// channel that are done.
///
/// # Errors
/// See [`WaveFileError`]; then no file is there that was not there before.
pub fn render(
    spec: &Spec,
    path: &Path,
    format: Format,
    progress: &mut dyn FnMut(u64),
) -> Result<Rendered, WaveFileError> {
    let worked = Worked::new(spec);
    let mut converter = Converter::new(spec, &worked.at_clamp);
    let layout = Layout::new(spec, &converter);
    let mut encoder = Encoder::new(layout, format)?;
    let layout = encoder.layout().clone();
    let mut sums = worked.sums(&layout);
    let described = encoder.description();
    let data = if described.is_some() { path.with_extension("dat") } else { path.to_path_buf() };

    // What cannot be written at the end is known before hours of samples are made.
    for path in [path, &data, &page_path(path)] {
        place(path)?;
    }
    let mut out = Part::create(&data)?;
    out.put(|file| file.write_all(&encoder.head()))?;
    let channels = layout.columns.len();
    let mut samples = vec![0; PIECE as usize * channels];
    let mut from = 0;
    while from < layout.frames {
        if interrupted() {
            return Err(WaveFileError::Interrupted);
        }
        let frames = PIECE.min(layout.frames - from);
        let samples = &mut samples[..frames as usize * channels];
        converter.fill(from, samples);
        sums.add(samples);
        out.put(|file| encoder.write(samples, file))?;
        from += frames;
        progress(from);
    }
    let mut parts = vec![out];
    if let Some(text) = described {
        let mut cfg = Part::create(path)?;
        cfg.put(|file| file.write_all(text.as_bytes()))?;
        parts.push(cfg);
    }
    let written = parts.iter_mut().map(Part::finish).collect::<Result<Vec<_>, _>>()?;
    let page = worked.page(&layout, &written, &sums, &converter, encoder.altered()).unwrap_or_default();
    let mut beside = Part::create(&page_path(path))?;
    beside.put(|file| file.write_all(page.as_bytes()))?;
    beside.finish()?;
    parts.push(beside);
    if interrupted() {
        return Err(WaveFileError::Interrupted);
    }
    let paths = parts.into_iter().map(Part::publish).collect::<Result<_, _>>()?;
    Ok(Rendered { paths, clipped: converter.clipped().to_vec(), altered: encoder.altered() })
}

/// Where a file goes.
fn place(path: &Path) -> Result<PathBuf, WaveFileError> {
    target(path).map_err(|source| WaveFileError::Io { path: path.to_path_buf(), source })
}

/// A file on its way. Dropping it removes what is there of it.
struct Part {
    part: PathBuf,
    /// As it was named.
    path: PathBuf,
    /// Where it goes.
    target: PathBuf,
    file: BufWriter<Hashing>,
    published: bool,
}

impl Part {
    fn create(path: &Path) -> Result<Part, WaveFileError> {
        let target = place(path)?;
        let mut part = target.as_os_str().to_os_string();
        part.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(part);
        let file =
            File::create(&part).map_err(|source| WaveFileError::Io { path: path.to_path_buf(), source })?;
        let file = BufWriter::new(Hashing { file, bytes: 0, sum: Sha256::new() });
        Ok(Part { part, path: path.to_path_buf(), target, file, published: false })
    }

    fn put(
        &mut self,
        write: impl FnOnce(&mut BufWriter<Hashing>) -> io::Result<()>,
    ) -> Result<(), WaveFileError> {
        write(&mut self.file).map_err(|source| WaveFileError::Io { path: self.path.clone(), source })
    }

    /// The last bytes go out; says what the file is.
    fn finish(&mut self) -> Result<Written, WaveFileError> {
        self.put(Write::flush)?;
        let Hashing { bytes, sum, .. } = self.file.get_ref();
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Written { name, bytes: *bytes, sha256: hex::text(&sum.clone().finalize()) })
    }

    /// Moves the file to its name.
    fn publish(mut self) -> Result<PathBuf, WaveFileError> {
        fs::rename(&self.part, &self.target)
            .map_err(|source| WaveFileError::Io { path: self.path.clone(), source })?;
        self.published = true;
        Ok(self.path.clone())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.published {
            // A half-written file is of no use; that it cannot be removed changes nothing.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// A file whose bytes are summed as they pass.
struct Hashing {
    file: File,
    bytes: u64,
    sum: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.sum.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
