//! Changes a key file: creates keys, and destroys them.

use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::key_file::KeyFile;
use super::record::{KeyRecord, RECORD, RecordKind, header};
use crate::disk::{Access, Lock, LockGuard, StagedFile, StoredFile, failed, sync_dir};
use crate::entropy::random;
use crate::error::{Error, ErrorDetail, PersonalKeyError};
use crate::log;
use crate::personal::Subject;

/// How often a writer tries to take the lock, and the pause between two attempts: together ten seconds. Others hold it for the time
/// of a few syncs.
const ATTEMPTS: u32 = 5_000;
const PAUSE: Duration = Duration::from_millis(2);

impl KeyFile {
    /// Creates keys for those of the subjects that have none. When it returns, the keys are on disk.
    ///
    /// # Errors
    ///
    /// Returns an error if the file is damaged, or cannot be written or locked. No key of this call is used then.
    pub(crate) fn create(&self, subjects: &[Subject]) -> Result<(), Error> {
        self.wanted.lock().extend_from_slice(subjects);
        let _writing = self.writing.lock();
        let mut wanted = std::mem::take(&mut *self.wanted.lock());
        // another thread may have taken the subjects, and failed
        wanted.extend_from_slice(subjects);
        wanted.retain(|subject| self.key_of(subject).is_none());
        if wanted.is_empty() {
            return Ok(());
        }
        wanted.sort_unstable();
        wanted.dedup();
        self.ensure_directory()?;
        let _lock = self.lock()?;
        self.ensure_file()?;
        self.refresh()?;
        let file = StoredFile::open(&*self.disk, &self.path, Access::ReadWrite)?;
        self.ensure_synced(&file)?;
        wanted.retain(|subject| self.key_of(subject).is_none());
        let first = self.read.read().len;
        let record = |subject: &Subject| {
            let (id, secret) = (random()?, Zeroizing::new(random()?));
            Ok(KeyRecord { kind: RecordKind::Key, first, id, subject: subject.hash(), secret })
        };
        let records = wanted.iter().map(record).collect::<Result<Vec<_>, Error>>()?;
        if records.is_empty() {
            return Ok(());
        }
        self.append(&file, &records)
    }

    /// Destroys the key of a subject. When it returns, the key is gone from the disk. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// Returns an error if the file is damaged, or cannot be written or locked. The erasure may be decided then: a repeated call, and
    /// each opening of the image, complete it.
    pub(crate) fn erase(&self, subject: &Subject) -> Result<bool, Error> {
        let _writing = self.writing.lock();
        self.refresh()?;
        if self.read.read().file_id.is_none() {
            return Ok(false);
        }
        let _lock = self.lock()?;
        self.refresh()?;
        let file = StoredFile::open(&*self.disk, &self.path, Access::ReadWrite)?;
        // before the answer that there is no key: the erasure that was read must be on disk, too
        self.ensure_synced(&file)?;
        let key = self.key_of(subject);
        if let Some(key) = &key {
            let first = self.read.read().len;
            let (id, hash) = (*key.id(), subject.hash());
            // from the end of this append on, the key is destroyed: `add` marks it
            self.append(&file, &[KeyRecord::without_key(RecordKind::Erasure, first, id, hash)])?;
            self.read.write().records.forget_subject(&hash);
        }
        self.overwrite_destroyed(&file)?;
        Ok(key.is_some())
    }

    /// Completes erasures that a crash or an error cut short.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`erase`](KeyFile::erase).
    pub(crate) fn complete_erasures(&self) -> Result<(), Error> {
        let _writing = self.writing.lock();
        if self.read.read().records.unfinished().is_empty() {
            return Ok(());
        }
        let _lock = self.lock()?;
        self.refresh()?;
        self.overwrite_destroyed(&StoredFile::open(&*self.disk, &self.path, Access::ReadWrite)?)
    }

    /// Overwrites the bytes of the destroyed keys.
    fn overwrite_destroyed(&self, file: &StoredFile) -> Result<(), Error> {
        let unfinished = self.read.read().records.unfinished();
        for (number, stored) in &unfinished {
            // the number of the append stays, so that the record says the same about empty records before it
            let mut old = Zeroizing::new([0; RECORD]);
            file.read_up_to(&mut *old, offset_of(*number))?;
            let first = KeyRecord::decode(&old).map_or(*number, |record| record.first);
            let id = *stored.key.id();
            let record = KeyRecord::without_key(RecordKind::Destroyed, first, id, stored.subject);
            file.write_all(&*record.encode(), offset_of(*number))?;
        }
        if !unfinished.is_empty() {
            file.sync_data()?;
            let mut read = self.read.write();
            unfinished.iter().for_each(|(_, stored)| read.records.overwritten(stored.key.id()));
        }
        Ok(())
    }

    /// Makes the records of the last append durable, which another process, or a failed attempt of this one, may have left unsynced.
    /// Writes them again: a successful sync after a failed one proves nothing about bytes that were written before.
    fn ensure_synced(&self, file: &StoredFile) -> Result<(), Error> {
        let mut read = self.read.write();
        for number in read.synced..read.len {
            let mut bytes = Zeroizing::new([0; RECORD]);
            file.read_up_to(&mut *bytes, offset_of(number))?;
            if *bytes == [0; RECORD] {
                // a record that a crash left empty would look like damage before a later append
                let unused = KeyRecord::without_key(RecordKind::Unused, read.synced, [0; 16], [0; 32]);
                bytes = unused.encode();
            }
            file.write_all(&*bytes, offset_of(number))?;
        }
        if read.synced < read.len {
            file.sync_all()?;
        }
        (read.synced, read.next) = (read.len, read.len);
        Ok(())
    }

    /// Appends records, and syncs them. Only then are they known in memory, so that no event uses a key that is not on disk, and no
    /// value is erased by an erasure that a crash may take back.
    fn append(&self, file: &StoredFile, records: &[KeyRecord]) -> Result<(), Error> {
        let len = self.read.read().len;
        let bytes = Zeroizing::new(records.iter().flat_map(|record| *record.encode()).collect::<Vec<u8>>());
        file.write_all(&bytes, offset_of(len))?;
        file.sync_all()?;
        let mut read = self.read.write();
        for (number, record) in (len..).zip(records) {
            read.records.add(number, record);
        }
        read.len = len + records.len() as u64;
        (read.synced, read.next) = (read.len, read.len);
        Ok(())
    }

    /// Creates the directory, durably.
    fn ensure_directory(&self) -> Result<(), Error> {
        let inspected = self.disk.kind(&self.directory);
        if inspected.map_err(|error| failed("inspecting", &self.directory, error))?.is_none() {
            match self.disk.create_dir(&self.directory) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(failed("creating", &self.directory, error));
                }
                _ => log::info!(path = %self.directory.display(), "created a directory for the keys of personal data"),
            }
        }
        // also if it exists: the process that created it may have been killed before its sync
        match self.read.read().file_id {
            Some(_) => Ok(()),
            None => sync_dir(&*self.disk, self.directory.parent().unwrap_or(Path::new(""))),
        }
    }

    /// Creates the file with its header, durably.
    fn ensure_file(&self) -> Result<(), Error> {
        let kind = self.disk.kind(&self.path).map_err(|error| failed("inspecting", &self.path, error))?;
        if kind.is_some() || self.read.read().file_id.is_some() {
            // a process that was killed may have created it without the sync of its name
            return sync_dir(&*self.disk, &self.directory);
        }
        let bytes = header(&random()?);
        StagedFile::write(&*self.disk, &self.path, true, |file| file.write_all(&bytes, 0))?.install(&*self.disk)
    }

    /// Takes the lock of the directory. Waits for another process that has it.
    fn lock(&self) -> Result<LockGuard, Error> {
        let path = self.directory.join("LOCK");
        let mut attempts = 0;
        loop {
            match self.disk.lock(&path).map_err(|error| failed("locking", &path, error))? {
                Lock::Held(guard) => return Ok(guard),
                Lock::Busy { owner } => {
                    attempts += 1;
                    if attempts == ATTEMPTS {
                        let path = self.path.clone();
                        return Err(Error::new(ErrorDetail::PersonalKey(PersonalKeyError::Locked { path, owner })));
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }
}

/// The offset of a record in the file.
fn offset_of(number: u64) -> u64 {
    (number + 1) * RECORD as u64
}
