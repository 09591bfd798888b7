//! The outcome of a recorded command, which the journal stores with the command's event.

/// The outcome of a recorded command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The body returned a value.
    Applied,
    /// A fallible body returned an error. The body may have changed the state before it returned the error.
    Rejected,
}
