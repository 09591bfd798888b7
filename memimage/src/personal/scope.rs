//! The keys with which this thread seals new personal data: set by an image while it encodes a payload.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::subject::Subject;
use super::subject_key::SubjectKey;

/// Finds the key that seals new data of a subject.
pub(crate) trait SubjectKeys {
    /// `None` if the subject has no key yet, or none any more.
    fn key(&self, subject: &Subject) -> Option<Arc<SubjectKey>>;
}

struct Scope {
    keys: Arc<dyn SubjectKeys>,
    /// The subjects without a key, each once.
    missing: Vec<Subject>,
}

thread_local! {
    static SCOPE: RefCell<Option<Scope>> = const { RefCell::new(None) };
    static ALL_ERASED: Cell<bool> = const { Cell::new(false) };
}

/// Restores the scope before, also after a panic of the caller's code.
struct Restore(Option<Scope>);

impl Drop for Restore {
    fn drop(&mut self) {
        SCOPE.set(self.0.take());
    }
}

/// Calls `encode`, which seals new data with these keys. Also returns the subjects for which there was no key: if there are any, the
/// encoded bytes must not be used.
pub(crate) fn encode_with<R>(keys: Arc<dyn SubjectKeys>, encode: impl FnOnce() -> R) -> (R, Vec<Subject>) {
    let before = SCOPE.replace(Some(Scope { keys, missing: Vec::new() }));
    let _restore = Restore(before);
    let result = encode();
    let missing = SCOPE.with_borrow_mut(|scope| scope.as_mut().map(|scope| std::mem::take(&mut scope.missing)));
    (result, missing.unwrap_or_default())
}

/// The key for new data of a subject.
pub(super) enum NewKey {
    Found(Arc<SubjectKey>),
    /// The subject has no key yet. The scope has noted it.
    Missing,
    /// No image encodes on this thread.
    NoScope,
}

pub(super) fn key_of(subject: &Subject) -> NewKey {
    SCOPE.with_borrow_mut(|scope| {
        let Some(scope) = scope else { return NewKey::NoScope };
        if let Some(key) = scope.keys.key(subject) {
            return NewKey::Found(key);
        }
        if !scope.missing.contains(subject) {
            scope.missing.push(subject.clone());
        }
        NewKey::Missing
    })
}

/// Calls `decode`, which decodes all personal data as erased.
#[cfg(feature = "testing")]
pub(crate) fn with_all_erased<R>(decode: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ALL_ERASED.set(self.0);
        }
    }
    let _restore = Restore(ALL_ERASED.replace(true));
    decode()
}

pub(super) fn decodes_as_erased() -> bool {
    ALL_ERASED.get()
}
