//! stub, being written
#![allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct Error {}
#[derive(Debug, thiserror::Error)]
pub enum CommandError<E> {
    #[error("{0}")]
    Refused(E),
    #[error(transparent)]
    Image(#[from] Error),
}
