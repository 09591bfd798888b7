//! What a program holds of a simulated disk: open files and locks.

use std::io;

use super::tree::NodeId;
use super::{Operation, SimDisk};
use crate::disk::{Access, DiskFile};

#[derive(Debug)]
pub(super) struct SimFile {
    handle: Handle,
    access: Access,
}

impl SimFile {
    pub(super) fn new(handle: Handle, access: Access) -> Self {
        Self { handle, access }
    }

    fn sync(&self, operation: fn(std::path::PathBuf) -> Operation) -> io::Result<()> {
        let Handle { disk, node } = &self.handle;
        disk.change(
            |state| {
                state.tree.file_mut(*node)?.content.sync();
                Ok(())
            },
            |state| operation(state.path_of(*node)),
        )
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let Handle { disk, node } = &self.handle;
        Ok(disk.state().tree.file(*node)?.content.read_at(buf, offset))
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        if self.access == Access::Read {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file was opened for reading"));
        }
        let Handle { disk, node } = &self.handle;
        disk.change(
            |state| state.tree.file_mut(*node)?.content.write_at(buf, offset),
            |state| Operation::Write { path: state.path_of(*node), offset, len: buf.len() },
        )
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync(|path| Operation::SyncData { path })
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(|path| Operation::SyncAll { path })
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.handle.disk.state().tree.file(self.handle.node)?.content.len())
    }
}

/// Keeps a file in being, with or without a name. Made where [`File::handles`](super::tree::File) is raised.
#[derive(Debug)]
pub(super) struct Handle {
    disk: SimDisk,
    node: NodeId,
}

impl Handle {
    pub(super) fn new(disk: &SimDisk, node: NodeId) -> Self {
        Self { disk: disk.clone(), node }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.disk.state().close(self.node);
    }
}

/// Holds a lock.
#[derive(Debug)]
pub(super) struct Locked(pub(super) Handle);

impl Drop for Locked {
    fn drop(&mut self) {
        self.0.disk.state().locked.remove(&self.0.node);
    }
}
