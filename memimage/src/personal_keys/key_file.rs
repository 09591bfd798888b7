//! An open key file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::records::KeyRecords;
use crate::disk::Disk;
use crate::personal::{KeyId, KeySource, Subject, SubjectKey, SubjectKeys, forget_dropped, register_source};

/// An open key file, which may not exist yet. Several processes may have it open; each change takes the lock of its directory.
///
/// Lock order: `writing`, `wanted`, `read`.
pub(crate) struct KeyFile {
    pub(super) disk: Arc<dyn Disk>,
    /// The directory of the file. The lock of a disk locks a whole directory, so the file has a directory of its own.
    pub(super) directory: PathBuf,
    pub(super) path: PathBuf,
    /// Held while this process changes the file.
    pub(super) writing: Mutex<()>,
    /// The subjects for which threads wait for a key. The thread that holds `writing` creates keys for all of them with one sync.
    pub(super) wanted: Mutex<Vec<Subject>>,
    pub(super) read: RwLock<ReadPart>,
}

/// What was read of the file.
#[derive(Debug, Default)]
pub(super) struct ReadPart {
    /// The random id of the file; `None` as long as it does not exist.
    pub(super) file_id: Option<[u8; 16]>,
    /// The number of the first record that was not read, or that may not be written yet.
    pub(super) next: u64,
    /// The number of records in the file.
    pub(super) len: u64,
    /// The number of records that are certainly on disk: those before the last append. Another process may not have synced the last
    /// one yet, or may have failed to. New data are sealed only with a key that is on disk.
    pub(super) synced: u64,
    pub(super) records: KeyRecords,
}

impl KeyFile {
    /// The file in this directory, of which nothing was read yet.
    pub(super) fn new(disk: &Arc<dyn Disk>, directory: &Path) -> Arc<KeyFile> {
        let file = Arc::new(KeyFile {
            disk: Arc::clone(disk),
            directory: directory.to_owned(),
            path: directory.join("keys"),
            writing: Mutex::new(()),
            wanted: Mutex::default(),
            read: RwLock::default(),
        });
        let source: Arc<dyn KeySource> = Arc::clone(&file) as _;
        register_source(Arc::downgrade(&source));
        file
    }

    /// The key of a subject, if it is on disk.
    pub(super) fn key_of(&self, subject: &Subject) -> Option<Arc<SubjectKey>> {
        let read = self.read.read();
        read.records.of_subject(&subject.hash(), read.synced).cloned()
    }
}

impl SubjectKeys for KeyFile {
    fn key(&self, subject: &Subject) -> Option<Arc<SubjectKey>> {
        self.key_of(subject)
    }
}

impl KeySource for KeyFile {
    fn read_added(&self) -> Result<(), String> {
        self.refresh().map(drop).map_err(|error| error.to_string())
    }

    fn has(&self, id: &KeyId) -> bool {
        self.read.read().records.has(id)
    }

    fn describe(&self) -> String {
        let read = self.read.read();
        match (read.file_id, read.records.count()) {
            (None, _) => format!("`{}`, which does not exist", self.path.display()),
            (Some(_), (keys, destroyed)) => {
                format!("`{}` with {keys} keys, {destroyed} of them destroyed", self.path.display())
            }
        }
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        forget_dropped(self.read.get_mut().records.take_ids().into_iter());
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).finish_non_exhaustive()
    }
}
