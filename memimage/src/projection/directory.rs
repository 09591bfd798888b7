//! The directory of a projection: its lock, and a directory for each version that has snapshots.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::projector::Projector;
use crate::disk::{Disk, FileType, Lock, LockGuard, OwnedDisk, failed, sync_dir};
use crate::error::{Error, ProjectionFault};
use crate::history::JournalSource;
use crate::journal::{Layout, enclosing_image};
use crate::log;
use crate::snapshot::Snapshots;

/// The locked directory of a projection.
pub(super) struct ProjectionDirectory {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    /// The other versions that have a directory.
    others: Vec<u32>,
    /// The snapshots of this program's version.
    snapshots: Snapshots,
    _lock: LockGuard,
}

impl ProjectionDirectory {
    /// Creates the directory if it does not exist, and locks it.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory is in use or is not that of a projection, or if it has only newer versions than this
    /// program's.
    pub(super) fn open<P: Projector>(source: &JournalSource, root: &Path) -> Result<ProjectionDirectory, Error> {
        let (disk, layout) = (source.disk(), Layout::new(root));
        survey(&**disk, root)?;
        layout.refuse_network(&**disk)?;
        if kind(&**disk, root)?.is_none() {
            disk.create_dir(root).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound if source.layout().is_in_memory() => {
                    ProjectionFault::InMemory { path: root.to_owned() }.into()
                }
                _ => failed("creating", root, error),
            })?;
            sync_dir(&**disk, &layout.parent().unwrap_or_default())?;
        }
        let path = layout.lock();
        let lock = match disk.lock(&path).map_err(|error| failed("locking", &path, error))? {
            Lock::Held(lock) => lock,
            Lock::Busy { owner } => return Err(ProjectionFault::Locked { path: root.to_owned(), owner }.into()),
        };
        let disk = OwnedDisk::over(Arc::clone(disk), &lock);
        let versions = versions(&*disk, root)?;
        let newest = versions.iter().copied().max().unwrap_or(0);
        if newest > P::VERSION && !versions.contains(&P::VERSION) {
            let (path, name, version) = (root.to_owned(), P::NAME, P::VERSION);
            return Err(ProjectionFault::Newer { path, name, found: newest, version }.into());
        }
        let snapshots = Snapshots::new(&disk, &Layout::new(&version_path(root, P::VERSION)), source.keyring());
        let others = versions.into_iter().filter(|&version| version != P::VERSION).collect();
        Ok(ProjectionDirectory { disk, root: root.to_owned(), others, snapshots, _lock: lock })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The snapshots of this program's version.
    pub(super) fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// The snapshots of each other version.
    pub(super) fn other_snapshots(&self, source: &JournalSource) -> Vec<Snapshots> {
        let of = |version: &u32| {
            Snapshots::new(&self.disk, &Layout::new(&version_path(&self.root, *version)), source.keyring())
        };
        self.others.iter().map(of).collect()
    }

    /// Creates the directory of this program's version, and removes the files of interrupted snapshots.
    pub(super) fn prepare<P: Projector>(&self) -> Result<(), Error> {
        let layout = Layout::new(&version_path(&self.root, P::VERSION));
        for (dir, parent) in
            [(layout.root().to_owned(), self.root.clone()), (layout.snapshots(), layout.root().to_owned())]
        {
            if kind(&*self.disk, &dir)?.is_none() {
                self.disk.create_dir(&dir).map_err(|error| failed("creating", &dir, error))?;
            }
            sync_dir(&*self.disk, &parent)?;
        }
        layout.remove_unfinished(&*self.disk)
    }

    /// Whether an older version has a directory.
    pub(super) fn has_older<P: Projector>(&self) -> bool {
        self.others.iter().any(|&version| version < P::VERSION)
    }

    /// Removes the older versions, once this program's version has a snapshot that replaces them. A failed removal is logged, and
    /// the next opening removes the rest.
    pub(super) fn remove_older<P: Projector>(&mut self) {
        for version in self.others.extract_if(.., |version| *version < P::VERSION) {
            match remove_version(&*self.disk, &self.root, version) {
                Ok(()) => {
                    log::info!(projection = P::NAME, version, "removed an old version of a projection");
                }
                Err(error) => {
                    log::warning!(projection = P::NAME, version, %error, "could not remove an old version of a projection");
                }
            }
        }
    }
}

/// Returns an error if the path leads to something else than the directory of a projection or an empty directory. Changes nothing.
fn survey(disk: &dyn Disk, root: &Path) -> Result<(), Error> {
    let refused = |found: String| Err(ProjectionFault::NotAProjection { path: root.to_owned(), found }.into());
    if let Some(image) = enclosing_image(disk, root)? {
        return refused(format!("it is inside the image `{}`", image.display()));
    }
    match kind(disk, root)? {
        None => return Ok(()),
        Some(FileType::Dir | FileType::Link) => {}
        Some(other) => return refused(format!("it is {}", other.as_str())),
    }
    let entries = disk.list(root).map_err(|error| failed("listing", root, error))?;
    let names: Vec<_> = entries.iter().map(|entry| entry.name.to_string_lossy()).collect();
    if let Some(name) = names.iter().find(|name| ["journal", "snapshot"].contains(&&***name)) {
        return refused(format!("it contains `{name}`, as an image does"));
    }
    let is_known = |name: &str| name == "LOCK" || parse_version(name).is_some();
    match names.iter().find(|name| !is_known(name)) {
        Some(name) if !names.iter().any(|name| is_known(name)) => refused(format!("it contains `{name}`")),
        _ => Ok(()),
    }
}

fn kind(disk: &dyn Disk, path: &Path) -> Result<Option<FileType>, Error> {
    disk.kind(path).map_err(|error| failed("inspecting", path, error))
}

/// The versions that have a directory.
fn versions(disk: &dyn Disk, root: &Path) -> Result<Vec<u32>, Error> {
    let entries = disk.list(root).map_err(|error| failed("listing", root, error))?;
    let dirs = entries.iter().filter(|entry| entry.kind == FileType::Dir);
    Ok(dirs.filter_map(|entry| parse_version(&entry.name.to_string_lossy())).collect())
}

fn version_path(root: &Path, version: u32) -> PathBuf {
    root.join(format!("v{version}"))
}

/// The version in the name of a directory, such as `v2`.
fn parse_version(name: &str) -> Option<u32> {
    let version = name.strip_prefix('v')?.parse().ok()?;
    (format!("v{version}") == name).then_some(version)
}

/// Removes the directory of a version. After a crash, a part of its snapshots may remain, each of which is complete.
fn remove_version(disk: &dyn Disk, root: &Path, version: u32) -> Result<(), Error> {
    let layout = Layout::new(&version_path(root, version));
    let snapshots = layout.snapshots();
    if kind(disk, &snapshots)?.is_some() {
        for (name, _) in layout.list_if_exists(disk, &snapshots)? {
            let path = snapshots.join(name);
            disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
        }
        disk.remove_dir(&snapshots).map_err(|error| failed("removing", &snapshots, error))?;
    }
    disk.remove_dir(layout.root()).map_err(|error| failed("removing", layout.root(), error))?;
    sync_dir(disk, root)
}
