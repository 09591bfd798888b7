//! The error of a command that can refuse: the model's refusal, or an error of the library.

use super::Error;

/// The error of a command that can refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError<E> {
    /// The model refused the command.
    #[error("{0}")]
    Refused(E),
    /// The image could not execute the command.
    #[error(transparent)]
    Image(#[from] Error),
}

impl<E> CommandError<E> {
    /// The refusal of the model, if the model refused the command.
    pub fn refusal(&self) -> Option<&E> {
        match self {
            CommandError::Refused(refusal) => Some(refusal),
            CommandError::Image(_) => None,
        }
    }
}
