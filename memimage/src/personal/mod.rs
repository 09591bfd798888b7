//! Personal data: values that are sealed with a key of their subject, so that the destruction of the key erases them.
//!
//! This module does no I/O. `personal_keys` stores the keys. Without the feature `erasure`, only the parts that other modules need
//! are compiled.

// each module uses only the modules above it
mod failure;
#[cfg(feature = "erasure")]
mod subject;
#[cfg(feature = "erasure")]
mod subject_key;
#[cfg(feature = "erasure")]
mod registry;
#[cfg(feature = "erasure")]
mod scope;
#[cfg(all(feature = "erasure", feature = "testing"))]
mod test_key;
#[cfg(feature = "erasure")]
mod data;
#[cfg(all(test, feature = "erasure"))]
mod tests;

#[cfg(feature = "erasure")]
pub use data::Personal;
pub(crate) use failure::take_failure;
#[cfg(feature = "erasure")]
pub(crate) use registry::{KeySource, adopt, forget_dropped, reading_only, register_source};
#[cfg(all(feature = "erasure", feature = "testing"))]
pub(crate) use scope::with_all_erased;
#[cfg(feature = "erasure")]
pub(crate) use scope::{SubjectKeys, encode_with};
#[cfg(feature = "erasure")]
pub use subject::Subject;
#[cfg(feature = "erasure")]
pub(crate) use subject::SubjectHash;
#[cfg(feature = "erasure")]
pub(crate) use subject_key::{KeyId, Secret, SubjectKey};
#[cfg(all(feature = "erasure", feature = "testing"))]
pub(crate) use test_key::with_test_keys;

/// Without the feature `erasure`, no value needs a key.
#[cfg(all(not(feature = "erasure"), feature = "testing"))]
pub(crate) fn with_test_keys<R>(encode: impl FnOnce() -> R) -> R {
    encode()
}

/// The name of the struct as which a `Personal` serializes. No Rust type has this name, so serializers recognize personal data by it.
pub(crate) const PERSONAL: &str = "memimage::Personal";

/// The number of fields of a `Personal`, from the first on, that digests and comparisons cover: the subject. The key, the sealed
/// bytes and the content are no part of a digest, because an erasure changes them.
pub(crate) const COMPARED_FIELDS: usize = 1;
