//! The content of all files of a simulated disk, to verify that nothing changed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use memimage::disk::SimDisk;

/// File contents by path.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// All files except `LOCK`, into which each owner writes its name. All are read at one moment, because the owner of an image
/// creates and renames segments at any time.
pub fn files(disk: &SimDisk) -> Files {
    let disk = disk.fork();
    let paths = disk.files().into_iter().filter(|path| !path.ends_with("LOCK"));
    paths.map(|path| (path.clone(), disk.read(&path).expect("a listed file"))).collect()
}

/// The paths at which two sets of files differ.
pub fn changed(before: &Files, after: &Files) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().cloned().collect()
}
