//! Where the files of an image are, and what kind of directory a path is.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{Access, Disk, Entry, FileType, Lock, LockGuard, StoredFile, UNFINISHED, failed, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::journal::format::segment::{Identity, file_name, parse_file_name};
use crate::journal::format::watermark::{self, BLOCK, Watermark};
use crate::seq::SegmentId;

/// What the name of a base's copy ends with; it stands beside the segments.
pub(crate) const BASE: &str = ".base";
/// What the name of a snapshot ends with.
pub(crate) const SNAPSHOT: &str = ".snapshot";
/// What the name of a copy in the quarantine ends with.
pub(crate) const TORN: &str = ".torn";

/// The paths of an image.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

/// What a path is, by the files that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Survey {
    /// Nothing is there.
    Missing,
    /// An empty directory, or one where an image was begun and not finished.
    Vacant,
    /// An image with these segments, in order.
    Image(Vec<SegmentId>),
}

impl Survey {
    /// The segments of the image, where there must be one.
    pub(crate) fn image(&self, layout: &Layout) -> Result<&[SegmentId], Error> {
        let found = match self {
            Survey::Image(segments) => return Ok(segments),
            Survey::Missing => "nothing is there",
            Survey::Vacant => "the directory is empty, or the making of an image there was cut short",
        };
        Err(Error::new(ErrorDetail::NotFound { path: layout.root.clone(), found }))
    }
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Layout {
        Layout { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The directory that holds the image's; `None` for one that cannot be named.
    pub(crate) fn parent(&self) -> Option<PathBuf> {
        match self.root.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
            other => other.map(Path::to_owned),
        }
    }

    /// The path of a hidden directory beside the image, with the image's name and this ending.
    pub(crate) fn beside(&self, ending: &str) -> Option<PathBuf> {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.root.file_name()?);
        name.push(ending);
        Some(self.root.with_file_name(name))
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("LOCK")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(crate) fn segment(&self, segment: SegmentId) -> PathBuf {
        self.journal().join(file_name(segment))
    }

    pub(crate) fn durable(&self) -> PathBuf {
        self.journal().join(watermark::FILE)
    }

    pub(crate) fn snapshots(&self) -> PathBuf {
        self.root.join("snapshot")
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// Takes the lock that makes the directory one process's own.
    pub(crate) fn own(&self, disk: &dyn Disk) -> Result<LockGuard, Error> {
        let path = self.lock();
        match disk.lock(&path).map_err(|error| failed("locking", &path, error))? {
            Lock::Held(lock) => Ok(lock),
            Lock::Busy { owner } => Err(Error::new(ErrorDetail::Locked { path: self.root.clone(), owner })),
        }
    }

    /// Refuses a place where locks and syncs cannot be relied on.
    pub(crate) fn refuse_network(&self, disk: &dyn Disk) -> Result<(), Error> {
        match disk.network_filesystem(&self.root).map_err(|error| failed("looking at", &self.root, error))? {
            Some(kind) => Err(Error::new(ErrorDetail::Network { path: self.root.clone(), kind })),
            None => Ok(()),
        }
    }

    /// Refuses the image of another model than `model`.
    pub(crate) fn refuse_other_model(&self, identity: &Identity, model: &str) -> Result<(), Error> {
        if identity.model == model {
            return Ok(());
        }
        let (expected, found) = (model.to_owned(), identity.model.clone());
        Err(Error::new(ErrorDetail::OtherModel { path: self.root.clone(), expected, found }))
    }

    /// Warns of files and directories that other users could change. They are used all the same: modes are often set by a
    /// mount or a container, and do not prove that something was changed.
    pub(crate) fn warn_exposed(&self, disk: &dyn Disk) -> Result<(), Error> {
        let mut paths = vec![self.root.clone(), self.lock()];
        for dir in [self.journal(), self.snapshots(), self.quarantine()] {
            let names = self.list_if_there(disk, &dir)?;
            paths.extend(names.into_iter().filter(|(name, _)| is_own(name)).map(|(name, _)| dir.join(name)));
            paths.push(dir);
        }
        for path in paths {
            match disk.exposed(&path) {
                Ok(None) => {}
                Ok(Some(how)) => tracing::warn!(
                    path = %path.display(),
                    "this part of an image {how}: whoever may write there can change or destroy what it holds"
                ),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("looking at", &path, error)),
            }
        }
        Ok(())
    }

    /// Looks at what is there, without changing anything, and refuses links, pipes and devices in it before any of its files
    /// is opened. The directory itself may be reached by a link.
    pub(crate) fn survey(&self, disk: &dyn Disk) -> Result<Survey, Error> {
        let Some(entries) = self.list_root(disk)? else { return Ok(Survey::Missing) };
        let mut unfinished = true;
        for (name, kind) in entries {
            match (name.as_str(), kind) {
                ("LOCK", FileType::File) | ("journal" | "snapshot" | "quarantine", FileType::Dir) => {}
                (name, FileType::File) if name.ends_with(UNFINISHED) => {}
                ("journal" | "snapshot" | "quarantine", FileType::File) => {
                    return Err(self.not_an_image(&format!("its `{name}` is a file, where an image has a directory")));
                }
                ("LOCK" | "journal" | "snapshot" | "quarantine", kind) => {
                    return Err(not_plain(self.root.join(name), kind));
                }
                (name, _) => {
                    unfinished = false;
                    tracing::debug!(name, "a file that is none of the image's stands in its directory");
                }
            }
        }
        for dir in [self.journal(), self.snapshots(), self.quarantine()] {
            let found = self.list_if_there(disk, &dir)?;
            if let Some((name, kind)) = found.into_iter().find(|(name, kind)| *kind != FileType::File && is_own(name)) {
                return Err(not_plain(dir.join(name), kind));
            }
        }
        let segments = self.segments(disk)?;
        if !segments.is_empty() {
            return Ok(Survey::Image(segments));
        }
        let snapshots = self.list_if_there(disk, &self.snapshots())?;
        if snapshots.iter().any(|(name, _)| !name.ends_with(UNFINISHED)) {
            return Err(self.lost("it has snapshots but no journal, so events may be missing"));
        }
        if self.list_if_there(disk, &self.journal())?.iter().any(|(name, _)| name.ends_with(BASE)) {
            return Err(self.lost("its segments are missing, and the base of a pruned journal is there"));
        }
        if self.durable_tells_of_a_life(disk)? {
            return Err(self.lost("its segments are missing, and `journal/durable` is of an image in use"));
        }
        if !unfinished || !self.is_unfinished(disk)? {
            return Err(self.not_an_image("it holds other files and no journal"));
        }
        Ok(Survey::Vacant)
    }

    /// Whether the directories without segments and snapshots hold nothing but what a creation leaves behind.
    fn is_unfinished(&self, disk: &dyn Disk) -> Result<bool, Error> {
        let journal = self.list_if_there(disk, &self.journal())?;
        let quarantine = self.list_if_there(disk, &self.quarantine())?;
        let begun =
            |name: &str| name == watermark::FILE || parse_file_name(name.trim_end_matches(UNFINISHED)).is_some();
        Ok(quarantine.is_empty() && journal.iter().all(|(name, kind)| *kind == FileType::File && begun(name)))
    }

    /// Whether `journal/durable` tells of more than a creation that was cut short.
    fn durable_tells_of_a_life(&self, disk: &dyn Disk) -> Result<bool, Error> {
        Ok(self.durable_bytes(disk)?.is_some_and(|bytes| Watermark::tells_of_a_life(&bytes)))
    }

    /// What `journal/durable` says, if it is there and is of the image with this UUID.
    pub(crate) fn durable_block(&self, disk: &dyn Disk, uuid: &[u8; 16]) -> Result<Option<Watermark>, Error> {
        Ok(self.durable_bytes(disk)?.and_then(|bytes| Watermark::decode(&bytes, uuid)))
    }

    /// `journal/durable`, to be written, if it is there. It only adds certainty, so an image without one is whole; it is not made
    /// before all else is known to be.
    pub(crate) fn durable_file(&self, disk: &dyn Disk) -> Result<Option<StoredFile>, Error> {
        let path = self.durable();
        match disk.kind(&path).map_err(|error| failed("looking at", &path, error))? {
            Some(_) => StoredFile::open(disk, &path, Access::ReadWrite).map(Some),
            None => Ok(None),
        }
    }

    fn durable_bytes(&self, disk: &dyn Disk) -> Result<Option<Vec<u8>>, Error> {
        let path = self.durable();
        if disk.kind(&path).map_err(|error| failed("looking at", &path, error))?.is_none() {
            return Ok(None);
        }
        let mut bytes = vec![0; BLOCK];
        let read = StoredFile::open(disk, &path, Access::Read)?.read_up_to(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(Some(bytes))
    }

    /// The segments, in order; files that are none are passed over.
    fn segments(&self, disk: &dyn Disk) -> Result<Vec<SegmentId>, Error> {
        let files = self.list_if_there(disk, &self.journal())?;
        let mut segments: Vec<SegmentId> = files.iter().filter_map(|(name, _)| parse_file_name(name)).collect();
        segments.sort_unstable();
        Ok(segments)
    }

    /// Makes the directories again that can be deleted without loss.
    pub(crate) fn make_dirs(&self, disk: &dyn Disk) -> Result<(), Error> {
        for dir in [self.snapshots(), self.quarantine()] {
            if disk.kind(&dir).map_err(|error| failed("looking at", &dir, error))?.is_none() {
                disk.create_dir(&dir).map_err(|error| failed("creating", &dir, error))?;
                sync_dir(disk, &self.root)?;
            }
        }
        Ok(())
    }

    /// Removes what crashes left behind: files that were never completed.
    pub(crate) fn remove_unfinished(&self, disk: &dyn Disk) -> Result<(), Error> {
        for dir in [self.journal(), self.snapshots(), self.quarantine()] {
            for (name, kind) in self.list_if_there(disk, &dir)? {
                if kind == FileType::File && name.ends_with(UNFINISHED) {
                    let path = dir.join(name);
                    disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
                }
            }
        }
        Ok(())
    }

    /// The names in a directory; none if it is not there.
    pub(crate) fn list_if_there(&self, disk: &dyn Disk, dir: &Path) -> Result<Vec<(String, FileType)>, Error> {
        match disk.kind(dir).map_err(|error| failed("looking at", dir, error))? {
            None => Ok(Vec::new()),
            Some(FileType::Dir) => self.list(disk, dir),
            Some(kind) => Err(not_plain(dir.to_owned(), kind)),
        }
    }

    /// What is in the image's directory; `None` if nothing is at its path.
    fn list_root(&self, disk: &dyn Disk) -> Result<Option<Vec<(String, FileType)>>, Error> {
        let kind = disk.kind(&self.root).map_err(|error| failed("looking at", &self.root, error))?;
        match kind {
            None => return Ok(None),
            Some(FileType::Dir | FileType::Link) => {}
            Some(kind) => return Err(self.not_an_image(&format!("it is {}", kind.as_str()))),
        }
        match disk.list(&self.root) {
            Ok(entries) => Ok(Some(names(entries))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.not_an_image("it is a symbolic link that leads to nothing"))
            }
            Err(error) => Err(failed("listing", &self.root, error)),
        }
    }

    fn list(&self, disk: &dyn Disk, dir: &Path) -> Result<Vec<(String, FileType)>, Error> {
        let entries = disk.list(dir).map_err(|error| failed("listing", dir, error))?;
        Ok(names(entries))
    }

    fn not_an_image(&self, found: &str) -> Error {
        Error::new(ErrorDetail::NotAnImage { path: self.root.clone(), found: found.to_owned(), lost: false })
    }

    fn lost(&self, found: &str) -> Error {
        Error::new(ErrorDetail::NotAnImage { path: self.root.clone(), found: found.to_owned(), lost: true })
    }
}

/// Whether a file of this name, in one of an image's directories, is read, written or removed.
fn is_own(name: &str) -> bool {
    name == watermark::FILE
        || parse_file_name(name).is_some()
        || [UNFINISHED, BASE, SNAPSHOT, TORN].iter().any(|ending| name.ends_with(ending))
}

fn names(entries: Vec<Entry>) -> Vec<(String, FileType)> {
    entries.into_iter().map(|entry| (entry.name.to_string_lossy().into_owned(), entry.kind)).collect()
}

fn not_plain(path: PathBuf, kind: FileType) -> Error {
    Error::new(ErrorDetail::NotPlain { path, what: kind.as_str() })
}
