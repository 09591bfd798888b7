//! What the kernel says of this process, and of files; and its end with its parent.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::process::{Signal, set_parent_process_death_signal};

/// The bytes that this process has passed to write calls so far: to its files, and not to sockets.
pub(crate) fn bytes_written() -> Result<u64> {
    field("/proc/self/io", "wchar:")
}

/// The bytes of memory that this process occupies.
pub(crate) fn resident_bytes() -> Result<u64> {
    Ok(field("/proc/self/status", "VmRSS:")? << 10)
}

/// The number of threads of this process.
pub(crate) fn threads() -> Result<u64> {
    field("/proc/self/status", "Threads:")
}

/// The number of open file descriptors of this process.
pub(crate) fn handles() -> Result<u64> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count() as u64)
}

/// Makes the kernel end this process when its parent ends, in whatever way.
pub(crate) fn end_with_parent() -> Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// The number after a name in a file of `/proc`.
fn field(path: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(path)?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    Ok(value.with_context(|| format!("{path} has no {name}"))?.parse()?)
}

/// The space that a directory and everything below it occupy on the disk, as `du` counts it.
pub(crate) fn disk_bytes(directory: &Path) -> Result<u64> {
    let mut bytes = std::fs::metadata(directory)?.blocks() * 512;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { disk_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
