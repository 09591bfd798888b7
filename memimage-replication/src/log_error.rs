//! Why a call on a log failed.

use std::fmt;

/// The error of a call on a [`RemoteLog`](crate::RemoteLog).
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct LogError {
    kind: LogErrorKind,
    message: String,
}

/// What a caller does about a [`LogError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogErrorKind {
    /// The log did not answer, or its answer was lost. An append may have taken effect. Another attempt may succeed.
    Unavailable,
    /// The entry was pruned: the log begins at a later position.
    Pruned,
    /// The log contains something that is not what was appended: wrong bytes, or an object that is missing between others.
    Damaged,
    /// The log refuses the call whenever it is repeated: credentials, permissions, limits, or settings that do not keep the promise of a log.
    Refused,
    /// The snapshot does not exist.
    NotFound,
}

impl LogError {
    /// An error of this kind. `message` says what happened, where, and what to do.
    pub fn new(kind: LogErrorKind, message: impl fmt::Display) -> LogError {
        LogError { kind, message: message.to_string() }
    }

    /// What a caller does about the error.
    pub fn kind(&self) -> LogErrorKind {
        self.kind
    }

    /// Whether another attempt may succeed.
    pub fn is_unavailable(&self) -> bool {
        self.kind == LogErrorKind::Unavailable
    }
}
