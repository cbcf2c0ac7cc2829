//! `import`: a log or dump from a bug report → a capture.

use crate::console;
use crate::failure::{Failure, Outcome, PASSED};
use crate::flags::ImportFlags;
use hanbench_core::import::{Purpose, import};
use hanbench_rig::evidence::write_whole;
use std::io::Read;
use std::path::Path;

/// Largest log that is read. A night of a HAN port as hex text has about 20 MB.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Finds the telegrams, replaces meter ids and writes the capture.
pub fn run(flags: &ImportFlags) -> Outcome {
    let name = flags.file.display();
    super::refuse_to_overwrite(flags.output.as_deref())?;
    let bytes = read(&flags.file)?;
    let imported =
        import(&bytes, Purpose::Capture).map_err(|error| Failure::input(error.at(&name.to_string())))?;
    for note in &imported.notes {
        let line = if note.line == 0 { String::new() } else { format!(":{}", note.line) };
        console::note(&format!("{name}{line}: {}", note.text));
    }
    let source = match flags.file.file_name() {
        Some(_) if flags.file == Path::new("-") => "standard input".into(),
        name => name.unwrap_or_default().to_string_lossy(),
    };
    let text = imported.to_capture(&source).to_text();
    let telegrams = imported.chunks.len();
    console::note(&format!(
        "pieces: {telegrams}, stage: {}, meter ids replaced: {}",
        imported.stage.word(),
        imported.ids_replaced
    ));
    match &flags.output {
        None => console::out(&text),
        Some(path) => {
            write_whole(path, text.as_bytes()).map_err(|error| Failure::input(error.to_string()))?;
            console::note(&format!("wrote {}; look at it with: cargo xtask explain {0}", path.display()));
        }
    }
    Ok(PASSED)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let result = if path == Path::new("-") {
        std::io::stdin().take(LARGEST + 1).read_to_end(&mut bytes)
    } else if path.is_dir() {
        return Err(Failure::input(format!(
            "{}: it is a folder, a log or dump was expected",
            path.display()
        )));
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    result.map_err(|error| Failure::file("read", path, &error))?;
    if bytes.len() as u64 > LARGEST {
        let limit = LARGEST / (1024 * 1024);
        return Err(Failure::input(format!(
            "{}: it is larger than {limit} MiB; cut it first",
            path.display()
        )));
    }
    Ok(bytes)
}
