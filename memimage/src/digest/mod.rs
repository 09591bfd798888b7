//! A hash of a value. A digest serves to check that two processes have the same state, or that a replay restored the earlier
//! state.
//!
//! The hash covers everything that the value's `Serialize` writes. The value's [`Shape`] determines how each part is hashed.
//! The order of the items in a set, an unordered map or a heap does not matter. The digest does not depend on the platform, the
//! process or the hasher of a map.
//!
//! # Definition
//!
//! Digests are stored on disk, so this definition never changes. A *state* of 64 bits absorbs one word at a time:
//!
//! ```text
//! absorb(word): state = fold((state ^ word) * 9e3779b97f4a7c15)   fold: upper half of the 128-bit product ^ lower half
//! finish:       MurmurHash3's finalizer (fmix64) of the state
//! ```
//!
//! The state starts as `243f6a8885a308d3` and absorbs:
//!
//! | shape | words |
//! | --- | --- |
//! | unit, unit struct | none |
//! | bool, char, integers | the value, sign-extended; for 128 bits the lower half, then the upper half |
//! | f32, f64 | the bits, so `0.0` and `-0.0` differ. Every NaN is hashed as `7fc00000` or `7ff8000000000000`, because the same operation can give another NaN in another build |
//! | string, bytes | their XXH3 of 64 bits, seed 0 |
//! | option | 0, or 1 and the value |
//! | array, tuple, struct | the parts in order |
//! | enum | the variant's index, then its fields in order |
//! | list | the number of items, then the items in order |
//! | ordered map | the number of entries, then each key and its value, in order |
//! | set, map | the number of items or entries, then the wrapping sum of their hashes: each hash starts with the state `13198a2e03707344`, absorbs the item, or key and value, and is finished |
//! | personal data (`memimage::Personal`) | the subject, as a string |
//! | opaque | as above, as the calls of `Serialize` determine; a word for its kind precedes each value; all collections are ordered, also maps |
//! | unordered opaque | as opaque, but maps, and sequences that are not inside another sequence or map, are hashed like the maps and sets above |
//!
//! Recursive types need no rule of their own, because every value is finite.

mod map;
mod error;
mod hash;
mod named;
mod opaque;
mod order;
mod position;
mod child_shapes;
mod positional;
mod sequence;
mod serializer;
mod transcript;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

pub(crate) use child_shapes::ChildShapes;
pub use error::DigestError;
use hash::HashState;
pub(crate) use position::DigestPosition;
use serializer::DigestSerializer;
pub(crate) use transcript::{Transcript, ValueDifference};

use crate::nesting::MAX_STATE_DEPTH;
use crate::shape::Shape;

/// The hash of a value: equal for equal values, on every platform and at any time.
///
/// A digest detects accidental differences, but does not stop an attacker who searches for two values with the same digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Digest {
    /// Creates a digest from a number that [`to_u64`](Digest::to_u64) returned.
    pub const fn from_u64(number: u64) -> Digest {
        Digest(number)
    }

    /// The digest as a number.
    pub const fn to_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Computes the digest of `value`.
///
/// The function visits the complete value, does not allocate, and checks that the output of the value's `Serialize` matches the
/// shape.
///
/// ```
/// use std::collections::{BTreeMap, HashMap};
///
/// let hashed = HashMap::from([(1, "one".to_owned()), (2, "two".to_owned())]);
/// let sorted = BTreeMap::from([(2, "two".to_owned()), (1, "one".to_owned())]);
/// assert_eq!(memimage::digest(&hashed)?, memimage::digest(&sorted)?);
/// assert_ne!(memimage::digest(&vec![1, 2])?, memimage::digest(&vec![2, 1])?);
/// # Ok::<(), memimage::DigestError>(())
/// ```
///
/// # Errors
///
/// - Returns an error if the value does not serialize (a path that is not valid UTF-8, a poisoned lock), or if the value's
///   `Serialize` contradicts its shape.
/// - Returns an error if the value is nested more than 512 levels deep. Each value inside another value adds a level: a field,
///   an item, the value of an option.
pub fn digest<T: Shape + Serialize + ?Sized>(value: &T) -> Result<Digest, DigestError> {
    digest_within(value, MAX_STATE_DEPTH)
}

/// Computes the digest of a value. Returns an error if the value has more than `depth` levels.
pub(crate) fn digest_within<T: Shape + Serialize + ?Sized>(value: &T, depth: u32) -> Result<Digest, DigestError> {
    digest_at(value, DigestPosition::root(T::SHAPE, depth))
}

/// Computes the digest of a part of a value, at its position in the shape of the value.
pub(crate) fn digest_at<T: Serialize + ?Sized>(part: &T, position: DigestPosition<'_>) -> Result<Digest, DigestError> {
    let mut hash = HashState::new();
    part.serialize(DigestSerializer::new(&mut hash, position))?;
    Ok(Digest(hash.finish()))
}
