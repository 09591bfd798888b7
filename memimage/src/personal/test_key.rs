//! The keys of tests: each is derived from its subject, so that a test needs no key file, and a fixture can be read in every run.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::registry::adopt;
use super::scope::{SubjectKeys, encode_with};
use super::subject::Subject;
use super::subject_key::{KeyId, SubjectKey};

struct TestKeys;

impl SubjectKeys for TestKeys {
    fn key(&self, subject: &Subject) -> Option<Arc<SubjectKey>> {
        Some(test_key(subject))
    }
}

/// Calls `encode`, which seals new data with the keys of tests.
pub(crate) fn with_test_keys<R>(encode: impl FnOnce() -> R) -> R {
    encode_with(Arc::new(TestKeys), encode).0
}

fn id_of(subject: &Subject) -> KeyId {
    let hash = blake3::derive_key("memimage personal data, the id of a key of tests", subject.as_str().as_bytes());
    *hash.first_chunk().expect("a hash is longer than an id")
}

fn test_key(subject: &Subject) -> Arc<SubjectKey> {
    let secret = blake3::derive_key("memimage personal data, a key of tests", subject.as_str().as_bytes());
    adopt(id_of(subject), Some(Zeroizing::new(secret)))
}

/// The key of tests with this id, if it is the subject's.
pub(super) fn find(id: &KeyId, subject: &Subject) -> Option<Arc<SubjectKey>> {
    (*id == id_of(subject)).then(|| test_key(subject))
}
