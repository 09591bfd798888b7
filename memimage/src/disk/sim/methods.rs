//! The implementation of [`Disk`] for the simulated disk.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::fault::{DiskCall, Method};
use super::file::{NodeHandle, NodeLock, SimFile};
use super::tree::{DirNode, FileNode, SimNode, absolute};
use super::{Operation, SimDisk};
use crate::disk::owner_lock::{OWNER_MAX, owner_in, owner_line};
use crate::disk::{Access, Disk, DiskFile, Entry, FileType, Lock, LockGuard};

impl Disk for SimDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let node = {
            let mut state = self.state();
            let node = state.change_atomically(
                DiskCall::new(Method::CreateNew, path),
                |state, number| state.tree.create(path, SimNode::File(FileNode::default()), number),
                || Operation::CreateNew { path: absolute(path) },
            )?;
            state.open(node)?
        };
        Ok(Box::new(SimFile::new(NodeHandle::new(self, node), path, Access::ReadWrite)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let node = {
            let mut state = self.state();
            state.read_call(DiskCall::new(Method::Open, path))?;
            let node = state.tree.find(path)?;
            state.open(node)?
        };
        Ok(Box::new(SimFile::new(NodeHandle::new(self, node), path, access)))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.state().change_atomically(
            DiskCall::new(Method::CreateDir, path),
            |state, number| state.tree.create(path, SimNode::Dir(DirNode::default()), number).map(drop),
            || Operation::CreateDir { path: absolute(path) },
        )
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut state = self.state();
        state.read_call(DiskCall::new(Method::List, dir))?;
        let names = &state.tree.dir(state.tree.find(dir)?)?.written;
        let entry = |(name, node)| match &state.tree.nodes[node] {
            SimNode::File(file) => Entry { name, kind: FileType::File, len: file.content.len() },
            SimNode::Dir(_) => Entry { name, kind: FileType::Dir, len: 0 },
        };
        Ok(names.iter().map(|(name, node)| (name.clone(), node)).map(entry).collect())
    }

    fn kind(&self, path: &Path) -> io::Result<Option<FileType>> {
        let mut state = self.state();
        state.read_call(DiskCall::new(Method::Kind, path))?;
        match state.tree.find(path) {
            Ok(node) if state.tree.file(node).is_ok() => Ok(Some(FileType::File)),
            Ok(_) => Ok(Some(FileType::Dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().change_atomically(
            DiskCall { to: Some(to), ..DiskCall::new(Method::Rename, from) },
            |state, number| state.tree.rename(from, to, number),
            || Operation::Rename { from: absolute(from), to: absolute(to) },
        )
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().change_atomically(
            DiskCall::new(Method::Remove, path),
            |state, number| state.tree.remove(path, number),
            || Operation::Remove { path: absolute(path) },
        )
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.state().change_atomically(
            DiskCall::new(Method::RemoveDir, path),
            |state, number| state.tree.remove_dir(path, number),
            || Operation::RemoveDir { path: absolute(path) },
        )
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.state().change(
            DiskCall::new(Method::SyncDir, path),
            |state, _, strike| {
                let reaches = match strike {
                    None => true,
                    Some(strike) => match strike.reaches() {
                        Some(mut reaches) => reaches(),
                        None => return Ok(None),
                    },
                };
                state.tree.sync_dir(path, reaches).map(Some)
            },
            |_, ()| Operation::SyncDir { path: absolute(path) },
        )
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let mut busy = None;
        let mut state = self.state();
        let locked = state.change_atomically(
            DiskCall::new(Method::Lock, path),
            |state, number| {
                let node = match state.tree.find(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        state.tree.create(path, SimNode::File(FileNode::default()), number)?
                    }
                    found => found?,
                };
                let content = &mut state.tree.file_mut(node)?.content;
                if state.locked.contains(&node) {
                    let mut text = [0; OWNER_MAX];
                    let read = content.read_at(&mut text, 0);
                    busy = Some(owner_in(&text[..read]));
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                content.write_at(owner_line().as_bytes(), 0, number)?;
                Ok(node)
            },
            || Operation::Lock { path: absolute(path) },
        );
        if let Some(owner) = busy {
            return Ok(Lock::Busy { owner });
        }
        let node = locked?;
        state.locked.insert(node);
        state.open(node)?;
        drop(state);
        // a weak reference: the guard must not keep the disk alive
        let (weak, path) = (Arc::downgrade(&self.state), path.to_owned());
        let is_there = move || match weak.upgrade() {
            Some(state) => Ok(state.lock().tree.find(&path).is_ok_and(|found| found == node)),
            None => Ok(false),
        };
        Ok(Lock::Held(LockGuard::new(NodeLock(NodeHandle::new(self, node))).watched_by(is_there)))
    }

    fn is_within(&self, path: &Path, dir: &Path) -> io::Result<bool> {
        let mut state = self.state();
        state.read_call(DiskCall { to: Some(dir), ..DiskCall::new(Method::IsWithin, path) })?;
        state.tree.find(dir)?;
        Ok(absolute(path).starts_with(absolute(dir)))
    }

    fn owner(&self, path: &Path) -> io::Result<Option<String>> {
        let mut state = self.state();
        state.read_call(DiskCall::new(Method::Owner, path))?;
        let node = match state.tree.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        let mut text = [0; OWNER_MAX];
        let read = state.tree.file(node)?.content.read_at(&mut text, 0);
        Ok(state.locked.contains(&node).then(|| owner_in(&text[..read])))
    }

    fn exposed(&self, path: &Path) -> io::Result<Option<String>> {
        let mut state = self.state();
        state.read_call(DiskCall::new(Method::Exposed, path))?;
        state.tree.find(path).map(|_| None)
    }

    fn network_filesystem(&self, path: &Path) -> io::Result<Option<String>> {
        let mut state = self.state();
        state.read_call(DiskCall::new(Method::NetworkFilesystem, path))?;
        Ok(state.network_filesystem.clone())
    }
}
