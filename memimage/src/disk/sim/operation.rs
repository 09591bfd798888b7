//! The operations that change a simulated disk.

use std::path::PathBuf;

/// An operation that changed a [`SimDisk`](super::SimDisk), or the data that would survive a power cut.
///
/// All paths are absolute. The path of a file is its path at the time of the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the arguments of the calls")]
#[non_exhaustive]
pub enum Operation {
    /// [`Disk::create_new`](crate::disk::Disk::create_new)
    CreateNew { path: PathBuf },
    /// [`Disk::create_dir`](crate::disk::Disk::create_dir)
    CreateDir { path: PathBuf },
    /// [`Disk::rename`](crate::disk::Disk::rename)
    Rename { from: PathBuf, to: PathBuf },
    /// [`Disk::remove`](crate::disk::Disk::remove)
    Remove { path: PathBuf },
    /// [`Disk::remove_dir`](crate::disk::Disk::remove_dir)
    RemoveDir { path: PathBuf },
    /// [`Disk::sync_dir`](crate::disk::Disk::sync_dir)
    SyncDir { path: PathBuf },
    /// [`Disk::lock`](crate::disk::Disk::lock), if the call took the lock
    Lock { path: PathBuf },
    /// [`DiskFile::write_at`](crate::disk::DiskFile::write_at)
    Write { path: PathBuf, offset: u64, len: usize },
    /// [`DiskFile::sync_data`](crate::disk::DiskFile::sync_data)
    SyncData { path: PathBuf },
    /// [`DiskFile::sync_all`](crate::disk::DiskFile::sync_all)
    SyncAll { path: PathBuf },
}
