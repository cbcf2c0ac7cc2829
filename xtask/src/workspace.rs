//! Where the files of the project lie, seen from wherever the command was started.

use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// The folder that holds `captures/` and `rigs/`: the nearest one above the current folder, else the one this
/// program was built in.
pub fn root() -> Result<PathBuf, Failure> {
    let is_root = |folder: &Path| folder.join("captures").is_dir() && folder.join("Cargo.toml").is_file();
    let here = std::env::current_dir().map_err(|error| Failure::file("find", Path::new("."), &error))?;
    if let Some(root) = here.ancestors().find(|folder| is_root(folder)) {
        return Ok(root.to_path_buf());
    }
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if is_root(&built) {
        return Ok(built);
    }
    Err(Failure::input("no folder with captures/ and Cargo.toml here or above; start hanbench in a checkout"))
}

/// A path as it is shown: relative to the root where it lies below it, with forward slashes.
pub fn shown(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}
