//! The error for a path that leads nowhere.

use std::fmt;

use super::path::Path;

/// A part of a value could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectError {
    inner: Box<InspectErrorKind>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum InspectErrorKind {
    NotFound {
        path: Path,
        /// The number of steps that lead to a part.
        found: usize,
        what: String,
    },
    Unserializable(String),
}

impl InspectError {
    pub(super) fn not_found(path: &Path, found: usize, what: String) -> InspectError {
        InspectError { inner: Box::new(InspectErrorKind::NotFound { path: path.clone(), found, what }) }
    }

    pub(super) fn unserializable(what: String) -> InspectError {
        InspectError { inner: Box::new(InspectErrorKind::Unserializable(what)) }
    }

    /// Whether the value has no part at the path. Otherwise the value's `Serialize` failed.
    pub fn is_not_found(&self) -> bool {
        matches!(*self.inner, InspectErrorKind::NotFound { .. })
    }

    /// The longest beginning of the path that leads to a part; `None` unless the part was not found.
    pub fn existing(&self) -> Option<Path> {
        match &*self.inner {
            InspectErrorKind::NotFound { path, found, .. } => Some(path.steps()[..*found].iter().collect()),
            InspectErrorKind::Unserializable(_) => None,
        }
    }
}

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.inner {
            InspectErrorKind::NotFound { path, what, .. } => write!(f, "there is nothing at `{path}`: {what}"),
            InspectErrorKind::Unserializable(what) => write!(f, "the value cannot be serialized: {what}"),
        }
    }
}

impl std::error::Error for InspectError {}
