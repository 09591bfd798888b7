//! How a verb ends.

use std::fmt::Display;
use std::io;

use memimage::Error;

use crate::log_error::LogError;

/// The result of a verb that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing that needs attention.
    Nothing,
    /// What the verb looks for: damage.
    Something,
}

/// Why a verb failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The arguments are wrong. Exit code 2.
    Usage(String),
    /// The operation was refused or failed. Exit code 3.
    Refused(String),
    /// The reader of the output has gone, such as `head`. No error: exit code 0.
    ClosedPipe,
}

impl Failure {
    pub(super) fn other(what: impl Display) -> Failure {
        Failure::Refused(what.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::other(error)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Failure {
        Failure::other(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Refused(format!("the output cannot be written: {error}")),
        }
    }
}
