//! The outcome of a recorded command, which the journal records with it.

/// The outcome of a recorded command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The body returned a value.
    Applied,
    /// A fallible body returned an error. It may have changed the state before.
    Rejected,
}
