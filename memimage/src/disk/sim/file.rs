//! The open files and held locks of a simulated disk.

use std::io;
use std::path::{Path, PathBuf};

use super::fault::{DiskCall, Effect, Method, Strike};
use super::tree::{NodeId, absolute};
use super::{Operation, SimDisk};
use crate::disk::{Access, DiskFile};

#[derive(Debug)]
pub(super) struct SimFile {
    handle: NodeHandle,
    /// The path by which the file was created or opened.
    path: PathBuf,
    access: Access,
}

impl SimFile {
    pub(super) fn new(handle: NodeHandle, path: &Path, access: Access) -> Self {
        Self { handle, path: absolute(path), access }
    }

    fn sync(&self, method: Method, operation: fn(PathBuf) -> Operation) -> io::Result<()> {
        let NodeHandle { disk, node } = &self.handle;
        disk.state().change(
            DiskCall::new(method, &self.path),
            |state, _, strike| {
                let content = &mut state.tree.file_mut(*node)?.content;
                match strike {
                    None => content.sync(),
                    Some(Strike { effect: Effect::Everything, .. }) => content.sync(),
                    Some(strike) => match strike.reaches() {
                        Some(reaches) => content.sync_or_drop(reaches),
                        None => return Ok(None),
                    },
                }
                Ok(Some(()))
            },
            |state, ()| operation(state.path_of(*node)),
        )
    }

    fn call(&self, method: Method, offset: u64, len: usize) -> DiskCall<'_> {
        DiskCall { offset, len, ..DiskCall::new(method, &self.path) }
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let NodeHandle { disk, node } = &self.handle;
        let mut state = disk.state();
        let strike = state.read_call(self.call(Method::ReadAt, offset, buf.len()))?;
        let Some(mut strike) = strike else { return Ok(state.tree.file(*node)?.content.read_at(buf, offset)) };
        let part = strike.part_of(buf.len());
        let content = &mut state.tree.file_mut(*node)?.content;
        let read = content.read_at(&mut buf[..part], offset);
        if let Some((at, bit)) = strike.rots(offset, read) {
            let byte = &mut buf[(at - offset) as usize];
            *byte ^= 1 << bit;
            if strike.takes_effect() {
                content.put_synced(&[*byte], at)?;
            }
        }
        Ok(read)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        if self.access == Access::Read {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file was opened for reading"));
        }
        let NodeHandle { disk, node } = &self.handle;
        disk.state().change(
            self.call(Method::WriteAt, offset, buf.len()),
            |state, number, strike| {
                let struck = strike.is_some();
                let part = strike.map_or(buf.len(), |strike| strike.part_of(buf.len()));
                if struck && part == 0 {
                    return Ok(None);
                }
                state.tree.file_mut(*node)?.content.write_at(&buf[..part], offset, number).map(Some)
            },
            |state, &len| Operation::Write { path: state.path_of(*node), offset, len },
        )
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync(Method::SyncData, |path| Operation::SyncData { path })
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(Method::SyncAll, |path| Operation::SyncAll { path })
    }

    fn len(&self) -> io::Result<u64> {
        let mut state = self.handle.disk.state();
        state.read_call(self.call(Method::Len, 0, 0))?;
        Ok(state.tree.file(self.handle.node)?.content.len())
    }
}

/// Keeps a file on the disk, even if the file no longer has a name. [`FileNode::handles`](super::tree::FileNode) counts the
/// handles; the caller of `new` must have incremented this count.
#[derive(Debug)]
pub(super) struct NodeHandle {
    disk: SimDisk,
    node: NodeId,
}

impl NodeHandle {
    pub(super) fn new(disk: &SimDisk, node: NodeId) -> Self {
        Self { disk: disk.clone(), node }
    }
}

impl Drop for NodeHandle {
    fn drop(&mut self) {
        self.disk.state().close(self.node);
    }
}

/// Holds a lock, and releases the lock when this value is dropped.
#[derive(Debug)]
pub(super) struct NodeLock(pub(super) NodeHandle);

impl Drop for NodeLock {
    fn drop(&mut self) {
        self.0.disk.state().locked.remove(&self.0.node);
    }
}
