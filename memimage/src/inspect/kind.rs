//! The kinds of parts.

/// What a part of a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A value without parts: a number, a text, bytes, none.
    Scalar,
    /// Fields with names.
    Record,
    /// A fixed number of parts without names.
    Tuple,
    /// A list, or any other sequence.
    List,
    /// A collection in which the order of the items is not part of the value. Only
    /// [`compare`](super::compare()) distinguishes it from a list, because it knows the shape.
    Set,
    /// Entries with keys.
    Map,
}
