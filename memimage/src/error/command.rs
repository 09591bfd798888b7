//! Why a command gave no value: the model's refusal, or the library's error.

use super::Error;

/// Why a command that may be refused gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError<E> {
    /// The model refused it; the refusal is an answer like any other.
    #[error("{0}")]
    Refused(E),
    /// The image could not run it.
    #[error(transparent)]
    Image(#[from] Error),
}

impl<E> CommandError<E> {
    /// The model's refusal, if it is one.
    pub fn refusal(&self) -> Option<&E> {
        match self {
            CommandError::Refused(refusal) => Some(refusal),
            CommandError::Image(_) => None,
        }
    }
}
