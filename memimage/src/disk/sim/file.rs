//! What a program holds of a simulated disk: open files and locks.

use std::io;
use std::path::{Path, PathBuf};

use super::fault::{Call, Effect, Method, Strike};
use super::tree::{NodeId, absolute};
use super::{Operation, SimDisk};
use crate::disk::{Access, DiskFile};

#[derive(Debug)]
pub(super) struct SimFile {
    handle: Handle,
    /// As it was created or opened.
    path: PathBuf,
    access: Access,
}

impl SimFile {
    pub(super) fn new(handle: Handle, path: &Path, access: Access) -> Self {
        Self { handle, path: absolute(path), access }
    }

    fn sync(&self, method: Method, operation: fn(PathBuf) -> Operation) -> io::Result<()> {
        let Handle { disk, node } = &self.handle;
        disk.state().change(
            Call::new(method, &self.path),
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

    fn call(&self, method: Method, offset: u64, len: usize) -> Call<'_> {
        Call { offset, len, ..Call::new(method, &self.path) }
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let Handle { disk, node } = &self.handle;
        let mut state = disk.state();
        let strike = state.look(self.call(Method::ReadAt, offset, buf.len()))?;
        let Some(mut strike) = strike else { return Ok(state.tree.file(*node)?.content.read_at(buf, offset)) };
        let part = strike.part_of(buf.len());
        let content = &mut state.tree.file_mut(*node)?.content;
        let read = content.read_at(&mut buf[..part], offset);
        if let Some((at, bit)) = strike.rots(offset, read) {
            let byte = &mut buf[(at - offset) as usize];
            *byte ^= 1 << bit;
            if strike.is_done() {
                content.put_synced(&[*byte], at)?;
            }
        }
        Ok(read)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        if self.access == Access::Read {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file was opened for reading"));
        }
        let Handle { disk, node } = &self.handle;
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
        state.look(self.call(Method::Len, 0, 0))?;
        Ok(state.tree.file(self.handle.node)?.content.len())
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
