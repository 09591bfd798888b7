//! What the records of a key file say: which keys there are, and which are destroyed.

use std::collections::HashMap;
use std::sync::Arc;

use super::record::{KeyRecord, RecordKind};
use crate::personal::{KeyId, SubjectHash, SubjectKey, adopt};

/// A key of the file.
#[derive(Clone, Debug)]
pub(super) struct StoredKey {
    /// The number of its record; `None` if only its erasure was read.
    pub(super) record: Option<u64>,
    pub(super) subject: SubjectHash,
    pub(super) key: Arc<SubjectKey>,
    /// Whether the bytes of the key are in the file.
    pub(super) has_bytes: bool,
}

/// The keys of a file.
#[derive(Debug, Default)]
pub(super) struct KeyRecords {
    keys: HashMap<KeyId, StoredKey>,
    /// The newest key of each subject that has one.
    of_subject: HashMap<SubjectHash, Arc<SubjectKey>>,
}

impl KeyRecords {
    /// Adds what a record says. A record may be added several times.
    pub(super) fn add(&mut self, number: u64, record: &KeyRecord) {
        let KeyRecord { kind, id, subject, .. } = record;
        let is_key = *kind == RecordKind::Key;
        let is_erased = self.keys.get(id).is_some_and(|known| known.key.is_erased());
        let secret = (is_key && !is_erased).then(|| record.secret.clone());
        match kind {
            RecordKind::Unused => {}
            RecordKind::Key | RecordKind::Destroyed => {
                let key = adopt(*id, secret);
                if !key.is_erased() {
                    self.of_subject.insert(*subject, Arc::clone(&key));
                }
                let stored = StoredKey { record: Some(number), subject: *subject, key, has_bytes: is_key };
                self.keys.insert(*id, stored);
            }
            RecordKind::Erasure => {
                let key = adopt(*id, None);
                let unread = StoredKey { record: None, subject: *subject, key, has_bytes: false };
                self.keys.entry(*id).or_insert(unread);
            }
        }
    }

    /// The key of a subject, if its record is one of the first `len`.
    pub(super) fn of_subject(&self, subject: &SubjectHash, len: u64) -> Option<&Arc<SubjectKey>> {
        let key = self.of_subject.get(subject).filter(|key| !key.is_erased())?;
        let record = self.keys.get(key.id())?.record?;
        (record < len).then_some(key)
    }

    pub(super) fn has(&self, id: &KeyId) -> bool {
        self.keys.contains_key(id)
    }

    /// Forgets the destroyed key of a subject.
    pub(super) fn forget_subject(&mut self, subject: &SubjectHash) {
        self.of_subject.remove(subject);
    }

    /// The destroyed keys whose bytes are still in the file.
    pub(super) fn unfinished(&self) -> Vec<(u64, StoredKey)> {
        let unfinished = self.keys.values().filter(|stored| stored.has_bytes && stored.key.is_erased());
        unfinished.filter_map(|stored| Some((stored.record?, stored.clone()))).collect()
    }

    /// Notes that the bytes of a key were overwritten.
    pub(super) fn overwritten(&mut self, id: &KeyId) {
        if let Some(stored) = self.keys.get_mut(id) {
            stored.has_bytes = false;
        }
    }

    /// The number of keys, and how many of them are destroyed.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.keys.len(), self.keys.values().filter(|stored| stored.key.is_erased()).count())
    }

    /// Gives up all keys. Returns their ids.
    pub(super) fn take_ids(&mut self) -> Vec<KeyId> {
        self.of_subject.clear();
        std::mem::take(&mut self.keys).into_keys().collect()
    }
}
