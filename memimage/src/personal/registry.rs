//! All keys of this process, by their ids. A value is decoded wherever an image's bytes are read, often without knowing which image
//! they belong to; the ids are random, so they identify keys in all key files.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::{Mutex, RwLock};

use super::subject_key::{KeyId, Secret, SubjectKey};

/// Every key that was read and is still in use, also destroyed ones. Weak: a key lives as long as its key file is open, or a value
/// that it seals is in memory.
static KEYS: LazyLock<RwLock<HashMap<KeyId, Weak<SubjectKey>>>> = LazyLock::new(RwLock::default);

/// The open key files.
static SOURCES: Mutex<Vec<Weak<dyn KeySource>>> = Mutex::new(Vec::new());

/// An open key file.
pub(crate) trait KeySource: Send + Sync {
    /// Reads keys that were added since the last call.
    ///
    /// # Errors
    ///
    /// Returns the text of the error if the file cannot be read.
    fn read_added(&self) -> Result<(), String>;

    /// Whether the file has a key with this id, destroyed or not.
    fn has(&self, id: &KeyId) -> bool;

    /// The path of the file, and what is there, for a message.
    fn describe(&self) -> String;
}

/// Makes the keys of a key file known, as long as it is open.
pub(crate) fn register_source(source: Weak<dyn KeySource>) {
    let mut sources = SOURCES.lock();
    sources.retain(|source| source.strong_count() > 0);
    sources.push(source);
}

/// The key with this id, which a key file contains with this secret; `None` if it is destroyed there. If the process has the key
/// already, both are the same: an erasure through one file is one for all.
pub(crate) fn adopt(id: KeyId, secret: Option<Secret>) -> Arc<SubjectKey> {
    let mut keys = KEYS.write();
    if let Some(known) = keys.get(&id).and_then(Weak::upgrade) {
        if secret.is_none() {
            known.erase();
        }
        return known;
    }
    let key = Arc::new(SubjectKey::new(id, secret));
    keys.insert(id, Arc::downgrade(&key));
    key
}

/// Forgets those of the keys that are no longer in use.
pub(crate) fn forget_dropped(ids: impl Iterator<Item = KeyId>) {
    let mut keys = KEYS.write();
    for id in ids {
        if keys.get(&id).is_some_and(|key| key.strong_count() == 0) {
            keys.remove(&id);
        }
    }
}

thread_local! {
    /// The only key file from which this thread reads.
    static ONLY: RefCell<Option<Arc<dyn KeySource>>> = const { RefCell::new(None) };
}

/// Calls `read`, which finds only keys of this file, although others may be open: without its own file, an image must not seem to be
/// complete because another image happens to be open in this process.
pub(crate) fn reading_only<R>(source: Arc<dyn KeySource>, read: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<dyn KeySource>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            ONLY.set(self.0.take());
        }
    }
    let _restore = Restore(ONLY.replace(Some(source)));
    read()
}

/// The key with this id. If it is unknown, reads the keys that other processes have added to the open key files meanwhile.
pub(super) fn find(id: &KeyId) -> Option<Arc<SubjectKey>> {
    if let Some(only) = ONLY.with_borrow(Clone::clone) {
        return known(id).filter(|_| only.has(id));
    }
    known(id).or_else(|| {
        for source in sources() {
            // an unreadable file is like a file without the key: the message about the unknown key describes it
            let _ = source.read_added();
        }
        known(id)
    })
}

fn known(id: &KeyId) -> Option<Arc<SubjectKey>> {
    KEYS.read().get(id).and_then(Weak::upgrade)
}

fn sources() -> Vec<Arc<dyn KeySource>> {
    SOURCES.lock().iter().filter_map(Weak::upgrade).collect()
}

/// How many key files a message lists.
const LISTED: usize = 3;

/// The open key files, for a message.
pub(super) fn describe_sources() -> String {
    let sources = ONLY.with_borrow(Clone::clone).map_or_else(sources, |only| vec![only]);
    let found: Vec<String> = sources.iter().map(|source| source.describe()).collect();
    let more = match found.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match found.is_empty() {
        true => "no key file is open".to_owned(),
        false => format!("{}{more}", found[..found.len().min(LISTED)].join(", ")),
    }
}
