//! The error of a command that the model can refuse: the model's own error, or an error of the library.

use super::{Error, ErrorKind};

/// The error of a command that the model can refuse, by its check or by an error of its body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError<E> {
    /// The model refused the command: the check or the body returned this error.
    #[error("{0}")]
    Refused(E),
    /// The image could not execute the command.
    #[error(transparent)]
    Image(#[from] Error),
}

impl<E> CommandError<E> {
    /// The model's own error; `None` if the error is one of the library.
    pub fn refusal(&self) -> Option<&E> {
        match self {
            CommandError::Refused(refusal) => Some(refusal),
            CommandError::Image(_) => None,
        }
    }

    /// The error of the library; `None` if the model refused the command.
    pub fn error(&self) -> Option<&Error> {
        match self {
            CommandError::Refused(_) => None,
            CommandError::Image(error) => Some(error),
        }
    }

    /// The [kind](Error::kind) of the library's error; `None` if the model refused the command.
    pub fn kind(&self) -> Option<ErrorKind> {
        self.error().map(Error::kind)
    }
}
