//! Reads a key file: all of it at first, and then what other processes have appended.

use std::time::Duration;

use zeroize::Zeroizing;

use super::key_file::{KeyFile, ReadPart};
use super::record::{KeyRecord, RECORD, RecordKind, file_id};
use crate::disk::{Access, StoredFile};
use crate::error::{Error, ErrorDetail, PersonalKeyError};

/// How often a damaged record is read again, and the pause before it: another process may be overwriting it.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(2);

impl KeyFile {
    /// Reads the records that were added since the last call. Returns whether a key was destroyed.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is damaged, or is no longer there.
    pub(crate) fn refresh(&self) -> Result<bool, Error> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.try_refresh() {
                Err(error) if error.kind() == crate::ErrorKind::Corrupt && attempts < ATTEMPTS => {
                    std::thread::sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    fn try_refresh(&self) -> Result<bool, Error> {
        let file = match StoredFile::open(&*self.disk, &self.path, Access::Read) {
            Ok(file) => file,
            Err(error) if error.is_missing() => return self.refuse_lost(),
            Err(error) => return Err(error),
        };
        let mut header = [0; RECORD];
        let read = file.read_up_to(&mut header, 0)?;
        let id = match file_id(&header) {
            Ok(id) if read == RECORD => id,
            Ok(_) => return Err(self.damaged(0, "it is shorter than its header")),
            Err(what) => return Err(self.damaged(0, what)),
        };
        let mut read = self.read.write();
        if read.file_id.is_some_and(|known| known != id) {
            let path = self.path.clone();
            return Err(Error::new(ErrorDetail::PersonalKey(PersonalKeyError::Replaced { path })));
        }
        let offset = (read.next + 1) * RECORD as u64;
        let added = file.len()?.saturating_sub(offset) as usize;
        let mut bytes = Zeroizing::new(vec![0; added]);
        let len = file.read_up_to(&mut bytes, offset)?;
        // a record whose end is missing was not appended completely
        let (records, _) = bytes[..len].as_chunks::<RECORD>();
        let destroyed = self.add(&mut read, records)?;
        read.file_id = Some(id);
        Ok(destroyed)
    }

    /// The file does not exist, which is an error if it did.
    fn refuse_lost(&self) -> Result<bool, Error> {
        match self.read.read().file_id {
            None => Ok(false),
            Some(_) => {
                let path = self.path.clone();
                Err(Error::new(ErrorDetail::PersonalKey(PersonalKeyError::Lost { path })))
            }
        }
    }

    /// Adds the records from `read.next` on.
    ///
    /// A record that is all zero was not written: a crash came before the sync of the records that were appended together with it, or
    /// another process is appending them. No event uses a key of such records. If records of a later append follow, the
    /// zeros are damage.
    fn add(&self, read: &mut ReadPart, records: &[[u8; RECORD]]) -> Result<bool, Error> {
        let (start, mut hole, mut destroyed) = (read.next, None, false);
        for (number, bytes) in (start..).zip(records) {
            if *bytes == [0; RECORD] {
                hole = hole.or(Some(number));
                continue;
            }
            let record = KeyRecord::decode(bytes).map_err(|what| self.damaged(number + 1, what))?;
            if let Some(hole) = hole.filter(|hole| record.first > *hole) {
                return Err(self.damaged(hole + 1, "it is empty, but later records follow"));
            }
            destroyed |= matches!(record.kind, RecordKind::Erasure | RecordKind::Destroyed);
            read.records.add(number, &record);
            read.len = read.len.max(number + 1);
            // an append begins only once all records before it are on disk
            read.synced = read.synced.max(record.first.min(number));
        }
        read.next = hole.unwrap_or(read.len).min(read.len);
        Ok(destroyed)
    }

    /// `record` counts the header as record 0.
    fn damaged(&self, record: u64, what: &'static str) -> Error {
        let (path, offset) = (self.path.clone(), record * RECORD as u64);
        Error::new(ErrorDetail::PersonalKey(PersonalKeyError::Damaged { path, offset, what }))
    }
}
