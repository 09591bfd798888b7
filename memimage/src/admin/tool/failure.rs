//! How a verb ends.

use std::fmt;
use std::io;

use crate::error::Error;

/// The result of a verb that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing that needs attention.
    Nothing,
    /// What the verb looks for: damage, a difference.
    Something,
}

impl Found {
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Found::Nothing => 0,
            Found::Something => 1,
        }
    }
}

/// Why a verb failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments cannot be used. Exit code 2.
    Usage(String),
    /// The library refused the operation. Exit code 3.
    Refused(Error),
    /// Another fault: what was tried, and why it failed. Exit code 3.
    Other(String),
    /// The reader of the output has gone, such as `head`. No error: exit code 0.
    ClosedPipe,
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::ClosedPipe => 0,
            Failure::Usage(_) => 2,
            Failure::Refused(_) | Failure::Other(_) => 3,
        }
    }

    /// The failure of an output.
    pub(crate) fn output(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Other(format!("the output cannot be written: {error}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(what) | Failure::Other(what) => f.write_str(what),
            Failure::Refused(error) => error.fmt(f),
            Failure::ClosedPipe => f.write_str("the reader of the output has ended"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        if error.is_closed_pipe() { Failure::ClosedPipe } else { Failure::Refused(error) }
    }
}
