//! Replaces or removes whole files.

use std::path::Path;

use memimage::disk::{Disk, SimDisk};

/// Replaces or creates a file with these bytes, as if they had been synced.
pub(crate) fn put(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    if disk.kind(path).unwrap().is_none() {
        disk.create_new(path).unwrap();
        disk.sync_dir(path.parent().expect("a file of an image")).unwrap();
    }
    disk.truncate(path, 0).unwrap();
    disk.write(path, 0, bytes).unwrap();
}

/// Removes a file.
pub(crate) fn remove(disk: &SimDisk, path: &Path) {
    disk.remove(path).unwrap();
    disk.sync_dir(path.parent().expect("a file of an image")).unwrap();
}

/// Copies a file from another disk, or removes it if it does not exist there.
pub(crate) fn copy_from(other: &SimDisk, disk: &SimDisk, path: &Path) {
    match other.read(path) {
        Ok(bytes) => put(disk, path, &bytes),
        Err(_) if disk.kind(path).unwrap().is_some() => remove(disk, path),
        Err(_) => {}
    }
}
