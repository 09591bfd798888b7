//! The bytes of all files of a simulated disk, to see that nothing was changed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use memimage::disk::SimDisk;

/// Files by their paths.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// All files but `LOCK`, into which each owner writes its name.
///
/// # Panics
///
/// If the disk changes meanwhile.
pub fn files(disk: &SimDisk) -> Files {
    let paths = disk.files().into_iter().filter(|path| !path.ends_with("LOCK"));
    paths.map(|path| (path.clone(), disk.read(&path).expect("a listed file"))).collect()
}

/// The paths at which the two differ.
pub fn changed(before: &Files, after: &Files) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().cloned().collect()
}
