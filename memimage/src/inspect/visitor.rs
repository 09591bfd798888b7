//! What receives the parts of a value, one level at a time.

use std::fmt;

use serde::Serialize;

use super::kind::Kind;
use crate::digest::DigestPosition;
use crate::value::Value;

/// Receives a value: its scalar, or its parts one by one. The visitor decides for each part whether to serialize it.
///
/// The value of an option, and of a struct of one unnamed field, arrives as if it stood there alone.
pub(super) trait Visitor {
    /// The value is the given variant of an enum. The fields of the variant follow, as a scalar or as parts.
    fn variant(&mut self, enumeration: &'static str, variant: &'static str) -> Result<(), Stop>;

    /// The value has no parts.
    fn scalar(&mut self, scalar: Scalar<'_>) -> Result<(), Stop>;

    /// The parts of the value follow. `len` is their number, if the value tells it.
    fn begin(&mut self, kind: Kind, name: &'static str, len: Option<usize>) -> Result<(), Stop>;

    /// How many of the `len` parts at the beginning of a sequence or a map are left out: the visitor counts them as seen, and does not
    /// receive them.
    fn skip(&mut self, len: u64) -> u64 {
        let _ = len;
        0
    }

    /// The key of the next part, if the value is a map. Writes its text to `text` and returns true if the visitor wants the part. Otherwise
    /// the part is left out, as by [`skip`](Visitor::skip).
    fn key<T: Serialize + ?Sized>(&mut self, text: &mut String, key: &T) -> Result<bool, Stop>;

    /// The next part. The position in the shape is known if it was known for the whole value.
    fn part<T: Serialize + ?Sized>(
        &mut self,
        key: Key<'_>,
        part: &T,
        position: Option<DigestPosition<'_>>,
    ) -> Result<(), Stop>;

    /// The value has no more parts.
    fn end(&mut self) -> Result<(), Stop>;
}

/// A value without parts.
pub(super) enum Scalar<'s> {
    Value(Value),
    Text(&'s str),
    Bytes(&'s [u8]),
}

/// The step from a value to its part.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key<'k> {
    /// The name of a field, or the text of a key.
    Name(&'k str),
    /// The number of the part.
    Index(u64),
}

/// Ends a serialization before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The visitor has what it looks for.
    Done,
    /// The value's `Serialize` returned an error.
    Failed(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Done => f.write_str("the rest of the value is not read"),
            Stop::Failed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Stop {}

impl serde::ser::Error for Stop {
    fn custom<T: fmt::Display>(what: T) -> Stop {
        Stop::Failed(what.to_string())
    }
}
