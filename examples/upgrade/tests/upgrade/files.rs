//! Images as files: the committed ones, and copies.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The image that a stage wrote. Nothing may open it there: opening writes.
pub(crate) fn committed(stage: usize) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("journals/stage{stage}"))
}

/// Copies a directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    for (path, bytes) in all(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// The bytes of all files under a directory, by their paths in it.
pub(crate) fn all(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut directories) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                // else it had a temporary name, in a directory where a program is at work
                files.insert(path.strip_prefix(directory).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

/// The same without `LOCK`, into which each owner writes its name.
pub(crate) fn unlocked(image: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = all(image);
    files.remove(Path::new("LOCK"));
    files
}
