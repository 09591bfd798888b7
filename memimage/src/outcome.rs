//! The outcome of a recorded command, which the journal holds with it.

/// What became of a recorded command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The body ran and returned a value.
    Applied,
    /// A fallible body returned an error (it may have changed something first).
    Rejected,
}
