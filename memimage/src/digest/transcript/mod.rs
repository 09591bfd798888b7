//! A transcript of a value: the output of the value's `Serialize`, as bytes. Two values have equal digests if their transcripts
//! are equal.
//!
//! If two states have different digests, their transcripts show where the states differ. Unlike the encoding in a snapshot, a
//! transcript can be read without the program's types, even inside opaque types, and contains the items of unordered
//! collections in sorted order.
//!
//! | value | bytes |
//! | --- | --- |
//! | unit, bool, number, char | the code of the primitive, then the value, little-endian; every NaN is written as the same NaN |
//! | string, bytes | the code of the primitive, the length as eight bytes, the bytes |
//! | other values | a [`Tag`], then the parts; a list of parts ends in [`Tag::End`] |

mod reader;
mod comparison;
mod serializer;

use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;

use super::error::{DigestError, shortened_path, whole_path};
use super::position::DigestPosition;
use crate::nesting::MAX_STATE_DEPTH;
use crate::shape::Shape;
use crate::value::Value;
use crate::value::text::{one_line, truncated};

use comparison::each_difference;
use reader::Bytes;
use serializer::TranscriptSerializer;

/// The maximum length of a transcript, in bytes. While two transcripts are compared, both are in memory.
const MAX_BYTES: usize = 256 << 20;

/// The maximum length of a value in a message, in characters.
const MAX_VALUE: usize = 120;

/// A message shows a value only if the value's transcript is not longer than this number of bytes.
const MAX_SHOWN: usize = 1 << 16;

/// The first byte of a value that is not a primitive, or a mark between parts. The codes of primitives are smaller than all
/// tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Tag {
    None = 0x20,
    /// The value of an option follows.
    Some,
    /// The field of a struct with one unnamed field follows.
    Newtype,
    /// The name of a variant follows, and then its fields as one value.
    Variant,
    /// A list of unnamed parts follows: of a tuple, an array, or a struct or variant with unnamed fields.
    Tuple,
    /// The items of a list follow.
    List,
    /// The items of a set follow, sorted by their bytes.
    Set,
    /// The keys and values of an ordered map follow.
    OrderedMap,
    /// The keys and values of a map follow, sorted by the bytes of the keys.
    Map,
    /// The fields of a struct follow.
    Struct,
    /// The name and the value of a field follow.
    Field,
    /// Ends the parts of a value.
    End,
}

/// A transcript of a value.
#[derive(PartialEq, Eq)]
pub(crate) struct Transcript {
    bytes: Vec<u8>,
}

impl Transcript {
    /// Makes the transcript of a value.
    ///
    /// # Errors
    ///
    /// The errors of [`digest`](super::digest), and an error if the transcript is longer than [`MAX_BYTES`].
    pub(crate) fn of<T: Shape + Serialize>(value: &T) -> Result<Transcript, DigestError> {
        let mut bytes = Vec::new();
        let position = DigestPosition::root(T::SHAPE, MAX_STATE_DEPTH);
        value.serialize(TranscriptSerializer::new(&mut bytes, position))?;
        Ok(Transcript { bytes })
    }

    /// The first difference between two values of one type; `None` if they are equal.
    pub(crate) fn difference(&self, other: &Transcript) -> Option<ValueDifference> {
        let mut first = None;
        each_difference(&self.bytes, &other.bytes, &mut |found| {
            let part = |part: Option<Bytes<'_>>| part.map_or_else(|| "absent".to_owned(), text);
            first = Some(ValueDifference { path: shortened_path(found.path.iter()), parts: found.parts.map(part) });
            ControlFlow::Break(())
        });
        first
    }

    /// All differences between two values of one type: the path to each part that differs, and the part in each of the two
    /// values; `None` if only the other value has the part.
    pub(crate) fn differences(&self, other: &Transcript) -> Vec<(String, [Option<Value>; 2])> {
        let mut differences = Vec::new();
        each_difference(&self.bytes, &other.bytes, &mut |found| {
            let parts = found.parts.map(|part| part.map(Bytes::to_value));
            differences.push((whole_path(found.path.iter()), parts));
            ControlFlow::Continue(())
        });
        differences
    }
}

/// A value as a text of one line.
fn text(value: Bytes<'_>) -> String {
    match value.0.len() <= MAX_SHOWN {
        true => truncated(one_line(&value.to_value()), MAX_VALUE),
        false => "a value too long to show".to_owned(),
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transcript({} bytes)", self.bytes.len())
    }
}

/// The first difference between two values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueDifference {
    /// The path to the part that differs, such as `rooms[7].guest`; empty for the whole value.
    pub(crate) path: String,
    /// The text of the part that differs, in each of the two values.
    pub(crate) parts: [String; 2],
}

impl ValueDifference {
    /// The difference as a text. `names` states for each value where it was found, such as "on replay".
    pub(crate) fn between(&self, names: [&str; 2]) -> String {
        let path = if self.path.is_empty() { "the whole state" } else { &self.path };
        let ([one, other], [of_one, of_other]) = (&self.parts, names);
        format!("`{path}` is {one} {of_one} and {other} {of_other}")
    }
}

#[cfg(test)]
mod tests;
