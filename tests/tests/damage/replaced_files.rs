//! Replaces or removes whole files.

use std::path::Path;

use memimage::disk::{Disk, SimDisk};

/// Gives a path these bytes, whether there was a file or not, as if they had been synced before.
pub(crate) fn put(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    if disk.kind(path).unwrap().is_none() {
        disk.create_new(path).unwrap();
        disk.sync_dir(path.parent().expect("a file of an image")).unwrap();
    }
    disk.truncate(path, 0).unwrap();
    disk.write(path, 0, bytes).unwrap();
}

/// Takes a file away.
pub(crate) fn remove(disk: &SimDisk, path: &Path) {
    disk.remove(path).unwrap();
    disk.sync_dir(path.parent().expect("a file of an image")).unwrap();
}

/// Gives a path the bytes that it has on another disk; none if it has none there.
pub(crate) fn take_from(other: &SimDisk, disk: &SimDisk, path: &Path) {
    match other.read(path) {
        Ok(bytes) => put(disk, path, &bytes),
        Err(_) if disk.kind(path).unwrap().is_some() => remove(disk, path),
        Err(_) => {}
    }
}
