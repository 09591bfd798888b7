//! Files of images: the committed ones, and copies.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The committed image of a stage. Tests must not open it in place, because opening writes.
pub(crate) fn committed(stage: usize) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("journals/stage{stage}"))
}

/// Copies a directory with all files in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    for (path, bytes) in all(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// The bytes of all files under a directory, by their relative paths.
pub(crate) fn all(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut directories) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                // a temporary file of a running program may have vanished
                files.insert(path.strip_prefix(directory).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

/// As [`all`], without `LOCK`, which names the last owner.
pub(crate) fn unlocked(image: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = all(image);
    files.remove(Path::new("LOCK"));
    files
}
