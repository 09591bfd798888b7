//! The layout of an image: the paths of its files, and the survey of a directory before an image in it is opened or created.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{Access, Disk, Entry, FileType, Lock, LockGuard, StoredFile, UNFINISHED, failed, sync_dir};
use crate::error::{Error, ErrorDetail};
use crate::journal::format::segment::{Identity, file_name, parse_file_name};
use crate::journal::format::watermark::{self, BLOCK, Watermark};
use crate::journal::subscription_paths::{SubscriptionPaths, is_subscription_name};
use crate::log;
use crate::personal_keys::DIRECTORY as PERSONAL_KEYS;
use crate::seq::SegmentId;

/// The file name extension of a copy of a base. Bases are in the directory of the segments.
pub(crate) const BASE: &str = ".base";
/// The file name extension of a snapshot.
pub(crate) const SNAPSHOT: &str = ".snapshot";
/// The file name extension of a copy of torn bytes in the quarantine.
pub(crate) const TORN: &str = ".torn";

/// The path of an image without files. The paths of images on a real disk are absolute.
pub(crate) const IN_MEMORY: &str = "memory.image";

#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Survey {
    /// The path does not exist.
    Missing,
    /// The directory is empty, or has only the files of an interrupted creation.
    Vacant,
    /// The directory has an image with these segments, in order.
    Image(Vec<SegmentId>),
}

impl Survey {
    /// The segments of the image that the survey found.
    ///
    /// # Errors
    ///
    /// Fails if the directory contains no image.
    pub(crate) fn image(&self, layout: &Layout) -> Result<&[SegmentId], Error> {
        if let Survey::Image(segments) = self {
            return Ok(segments);
        }
        let (path, found) = (layout.root.clone(), self.absence().unwrap_or_default());
        Err(Error::new(ErrorDetail::NotFound { path, found, may_create: false }))
    }

    /// What the survey found instead of an image; `None` if it found an image.
    pub(crate) fn absence(&self) -> Option<&'static str> {
        match self {
            Survey::Image(_) => None,
            Survey::Missing => Some("the path does not exist"),
            Survey::Vacant => Some("the directory is empty, or contains only the beginning of an interrupted creation"),
        }
    }
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Layout {
        Layout { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether this is the layout of an image without files; see [`IN_MEMORY`].
    pub(crate) fn is_in_memory(&self) -> bool {
        self.root == Path::new(IN_MEMORY)
    }

    /// The parent of the image's directory; `None` if the path has no parent, like `/`.
    pub(crate) fn parent(&self) -> Option<PathBuf> {
        match self.root.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
            other => other.map(Path::to_owned),
        }
    }

    /// The path of a hidden sibling of the image's directory, named `.`, the image's name, and `ending`; `None` if the path has
    /// no file name.
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

    /// The file that marks a backup: a directory with this file was never opened since the backup was made.
    pub(crate) fn backup_marker(&self) -> PathBuf {
        self.root.join("BACKUP")
    }

    /// Removes the marker of a backup, and syncs the directory. Returns whether there was one.
    pub(crate) fn remove_backup_marker(&self, disk: &dyn Disk) -> Result<bool, Error> {
        let path = self.backup_marker();
        if disk.kind(&path).map_err(|error| failed("inspecting", &path, error))? != Some(FileType::File) {
            return Ok(false);
        }
        disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
        sync_dir(disk, &self.root)?;
        Ok(true)
    }

    /// The directory of the named subscriptions, each in a directory of its own. Missing until the first one is made.
    pub(crate) fn subscriptions(&self) -> PathBuf {
        self.root.join("subscription")
    }

    /// The files of a named subscription, whose name must be valid.
    pub(crate) fn subscription(&self, name: &str) -> SubscriptionPaths {
        SubscriptionPaths::new(self.subscriptions().join(name))
    }

    /// The names of the directories of named subscriptions.
    pub(crate) fn subscription_names(&self, disk: &dyn Disk) -> Result<Vec<String>, Error> {
        let entries = self.list_if_exists(disk, &self.subscriptions())?;
        let names = entries.into_iter().filter(|(name, _)| is_subscription_name(name));
        names
            .map(|(name, kind)| match kind {
                FileType::Dir => Ok(name),
                kind => Err(not_plain(self.subscriptions().join(name), kind)),
            })
            .collect()
    }

    /// Rejects links, pipes and devices among the files of named subscriptions.
    fn refuse_foreign_subscriptions(&self, disk: &dyn Disk) -> Result<(), Error> {
        for name in self.subscription_names(disk)? {
            let SubscriptionPaths { lock, acknowledged, .. } = self.subscription(&name);
            for path in [lock, acknowledged] {
                match disk.kind(&path).map_err(|error| failed("inspecting", &path, error))? {
                    None | Some(FileType::File) => {}
                    Some(kind) => return Err(not_plain(path, kind)),
                }
            }
        }
        Ok(())
    }

    /// Acquires the lock that gives one process ownership of the directory.
    ///
    /// # Errors
    ///
    /// Fails if another owner holds the lock, or if the lock cannot be acquired.
    pub(crate) fn acquire_lock(&self, disk: &dyn Disk) -> Result<LockGuard, Error> {
        let path = self.lock();
        match disk.lock(&path).map_err(|error| failed("locking", &path, error))? {
            Lock::Held(lock) => Ok(lock),
            Lock::Busy { owner } => Err(Error::new(ErrorDetail::Locked { path: self.root.clone(), owner })),
        }
    }

    /// Rejects an image on a network file system, where locks and syncs are not reliable.
    pub(crate) fn refuse_network(&self, disk: &dyn Disk) -> Result<(), Error> {
        match disk.network_filesystem(&self.root).map_err(|error| failed("inspecting", &self.root, error))? {
            Some(kind) => Err(Error::new(ErrorDetail::Network { path: self.root.clone(), kind })),
            None => Ok(()),
        }
    }

    /// Rejects an image whose model is not `model`.
    pub(crate) fn refuse_other_model(&self, identity: &Identity, model: &str) -> Result<(), Error> {
        if identity.model == model {
            return Ok(());
        }
        let (expected, found) = (model.to_owned(), identity.model.clone());
        Err(Error::new(ErrorDetail::OtherModel { path: self.root.clone(), expected, found }))
    }

    /// Logs a warning for each file and directory of the image that other users can change. The image stays usable, because
    /// such permissions often come from a mount or a container, and do not prove that anybody changed a file.
    pub(crate) fn warn_exposed(&self, disk: &dyn Disk) -> Result<(), Error> {
        let mut paths = vec![self.root.clone(), self.lock()];
        for dir in [self.journal(), self.snapshots(), self.quarantine()] {
            let names = self.list_if_exists(disk, &dir)?;
            paths.extend(names.into_iter().filter(|(name, _)| is_managed(name)).map(|(name, _)| dir.join(name)));
            paths.push(dir);
        }
        paths.push(self.subscriptions());
        let personal_keys = self.root.join(PERSONAL_KEYS);
        paths.extend([personal_keys.join("LOCK"), personal_keys.join("keys"), personal_keys]);
        for name in self.subscription_names(disk)? {
            let SubscriptionPaths { dir, lock, acknowledged } = self.subscription(&name);
            paths.extend([dir, lock, acknowledged]);
        }
        for path in paths {
            match disk.exposed(&path) {
                Ok(None) => {}
                Ok(Some(how)) => log::warning!(
                    path = %path.display(),
                    "a file or directory of the image {how}, so other users can change or destroy it; help: make it writable only for the user of the program"
                ),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("inspecting", &path, error)),
            }
        }
        Ok(())
    }

    /// Determines whether the directory has an image, without changing anything.
    ///
    /// # Errors
    ///
    /// Fails if the directory contains other files and no journal, or if one of the image's files or directories is a link, a
    /// pipe or a device. The survey makes these checks before it opens any file. Only the path of the image's directory may be
    /// a link.
    pub(crate) fn survey(&self, disk: &dyn Disk) -> Result<Survey, Error> {
        let Some(entries) = self.list_root(disk)? else { return Ok(Survey::Missing) };
        let mut only_own_names = true;
        for (name, kind) in entries {
            match (name.as_str(), kind) {
                ("LOCK", FileType::File) | ("journal" | "snapshot" | "quarantine", FileType::Dir) => {}
                ("replication", FileType::File | FileType::Dir) => {} // the claim of a log comes before the creation
                (name, FileType::File) if name.ends_with(UNFINISHED) => {}
                // the creation of an image makes none
                ("subscription" | PERSONAL_KEYS, FileType::Dir) => only_own_names = false,
                ("journal" | "snapshot" | "quarantine" | "subscription" | PERSONAL_KEYS, FileType::File) => {
                    return Err(self.not_an_image(&format!("`{name}` in it is a file, but must be a directory")));
                }
                (
                    "LOCK" | "journal" | "snapshot" | "quarantine" | "subscription" | "replication" | PERSONAL_KEYS,
                    kind,
                ) => {
                    return Err(not_plain(self.root.join(name), kind));
                }
                (name, _) => {
                    only_own_names = false;
                    log::debug!(name, "skipped a file in the image's directory that does not belong to the image");
                }
            }
        }
        for dir in [self.journal(), self.snapshots(), self.quarantine()] {
            let found = self.list_if_exists(disk, &dir)?;
            if let Some((name, kind)) =
                found.into_iter().find(|(name, kind)| *kind != FileType::File && is_managed(name))
            {
                return Err(not_plain(dir.join(name), kind));
            }
        }
        self.refuse_foreign_subscriptions(disk)?;
        let segments = self.segments(disk)?;
        if !segments.is_empty() {
            return Ok(Survey::Image(segments));
        }
        let snapshots = self.list_if_exists(disk, &self.snapshots())?;
        if snapshots.iter().any(|(name, _)| !name.ends_with(UNFINISHED)) {
            return Err(self.missing_journal("the directory has snapshots but no journal, so events may be missing"));
        }
        if self.list_if_exists(disk, &self.journal())?.iter().any(|(name, _)| name.ends_with(BASE)) {
            return Err(self.missing_journal("the directory has the base of a pruned journal, but no segments"));
        }
        if self.watermark_shows_use(disk)? {
            return Err(self.missing_journal(
                "the directory has no segments, but its `journal/durable` shows that the image was in use",
            ));
        }
        if !only_own_names || !self.is_interrupted_creation(disk)? {
            return Err(self.not_an_image("the directory has other files, and no journal"));
        }
        Ok(Survey::Vacant)
    }

    /// Whether the image's directories contain only files that an interrupted creation leaves behind. The caller has checked
    /// that these directories contain neither segments nor snapshots.
    fn is_interrupted_creation(&self, disk: &dyn Disk) -> Result<bool, Error> {
        let journal = self.list_if_exists(disk, &self.journal())?;
        let quarantine = self.list_if_exists(disk, &self.quarantine())?;
        let is_of_creation =
            |name: &str| name == watermark::FILE || parse_file_name(name.trim_end_matches(UNFINISHED)).is_some();
        Ok(quarantine.is_empty() && journal.iter().all(|(name, kind)| *kind == FileType::File && is_of_creation(name)))
    }

    /// Whether `journal/durable` shows that the image was in use, and not only that its creation began.
    fn watermark_shows_use(&self, disk: &dyn Disk) -> Result<bool, Error> {
        Ok(self.watermark_bytes(disk)?.is_some_and(|bytes| Watermark::shows_use(&bytes)))
    }

    /// The watermark in `journal/durable`; `None` if the file is missing or damaged, or belongs to an image with another UUID.
    pub(crate) fn read_watermark(&self, disk: &dyn Disk, uuid: &[u8; 16]) -> Result<Option<Watermark>, Error> {
        Ok(self.watermark_bytes(disk)?.and_then(|bytes| Watermark::decode(&bytes, uuid)))
    }

    /// Opens `journal/durable` for writing; `None` if the file is missing. An image without this file is intact, because the
    /// watermark is only additional evidence. Recovery creates a missing file only after it has found the rest of the image
    /// intact.
    pub(crate) fn open_watermark(&self, disk: &dyn Disk) -> Result<Option<StoredFile>, Error> {
        let path = self.durable();
        match disk.kind(&path).map_err(|error| failed("inspecting", &path, error))? {
            Some(_) => StoredFile::open(disk, &path, Access::ReadWrite).map(Some),
            None => Ok(None),
        }
    }

    fn watermark_bytes(&self, disk: &dyn Disk) -> Result<Option<Vec<u8>>, Error> {
        let path = self.durable();
        if disk.kind(&path).map_err(|error| failed("inspecting", &path, error))?.is_none() {
            return Ok(None);
        }
        let mut bytes = vec![0; BLOCK];
        let read = StoredFile::open(disk, &path, Access::Read)?.read_up_to(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(Some(bytes))
    }

    /// The segments in order, without other files.
    fn segments(&self, disk: &dyn Disk) -> Result<Vec<SegmentId>, Error> {
        let files = self.list_if_exists(disk, &self.journal())?;
        let mut segments: Vec<SegmentId> = files.iter().filter_map(|(name, _)| parse_file_name(name)).collect();
        segments.sort_unstable();
        Ok(segments)
    }

    /// Syncs the names of the image and of its files: whoever named the image may not have done so, or may have moved it by hand.
    pub(crate) fn sync_names(&self, disk: &dyn Disk) -> Result<(), Error> {
        match self.parent().map_or(Ok(()), |parent| sync_dir(disk, &parent)) {
            // a program that may not open the parent directory cannot do more
            Err(error) if error.is_denied() => log::debug!(%error, "the name of the image is not synced"),
            result => result?,
        }
        [self.root().to_owned(), self.journal()].iter().try_for_each(|dir| sync_dir(disk, dir))
    }

    /// Creates the directories for snapshots and the quarantine if they are missing. A user who deletes these directories loses
    /// no events.
    pub(crate) fn create_dirs(&self, disk: &dyn Disk) -> Result<(), Error> {
        for dir in [self.snapshots(), self.quarantine()] {
            if disk.kind(&dir).map_err(|error| failed("inspecting", &dir, error))?.is_none() {
                disk.create_dir(&dir).map_err(|error| failed("creating", &dir, error))?;
                sync_dir(disk, &self.root)?;
            }
        }
        Ok(())
    }

    /// Removes temporary files that a crash left behind.
    pub(crate) fn remove_unfinished(&self, disk: &dyn Disk) -> Result<(), Error> {
        for dir in [self.journal(), self.snapshots(), self.quarantine()] {
            for (name, kind) in self.list_if_exists(disk, &dir)? {
                if kind == FileType::File && name.ends_with(UNFINISHED) {
                    let path = dir.join(name);
                    disk.remove(&path).map_err(|error| failed("removing", &path, error))?;
                }
            }
        }
        Ok(())
    }

    /// The names and kinds of the entries in a directory; empty if the directory does not exist.
    pub(crate) fn list_if_exists(&self, disk: &dyn Disk, dir: &Path) -> Result<Vec<(String, FileType)>, Error> {
        match disk.kind(dir).map_err(|error| failed("inspecting", dir, error))? {
            None => Ok(Vec::new()),
            Some(FileType::Dir) => self.list(disk, dir),
            Some(kind) => Err(not_plain(dir.to_owned(), kind)),
        }
    }

    /// The names and kinds of the entries in the image's directory; `None` if that directory does not exist.
    fn list_root(&self, disk: &dyn Disk) -> Result<Option<Vec<(String, FileType)>>, Error> {
        let kind = disk.kind(&self.root).map_err(|error| failed("inspecting", &self.root, error))?;
        match kind {
            None => return Ok(None),
            Some(FileType::Dir | FileType::Link) => {}
            Some(kind) => return Err(self.not_an_image(&format!("it is {}", kind.as_str()))),
        }
        match disk.list(&self.root) {
            Ok(entries) => Ok(Some(names(entries))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.not_an_image("it is a dangling symbolic link"))
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

    fn missing_journal(&self, found: &str) -> Error {
        Error::new(ErrorDetail::NotAnImage { path: self.root.clone(), found: found.to_owned(), lost: true })
    }
}

/// Whether memimage reads, writes or removes a file of this name in one of an image's directories.
fn is_managed(name: &str) -> bool {
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
