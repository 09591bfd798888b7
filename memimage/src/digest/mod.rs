//! A hash of a value that tells whether two processes, or a replay and the life before it, hold the same state.
//!
//! The value is serialized along its [`Shape`], so what a set, a map or a heap holds counts, and the order it comes in does
//! not. Nothing in it depends on the platform, the process or the hasher of a map.
//!
//! # Definition
//!
//! It is stored on disk, so it never changes. A *state* of 64 bits takes in one word after another:
//!
//! ```text
//! take(word):  state = fold((state ^ word) * 9e3779b97f4a7c15)   fold: upper half of the 128-bit product ^ lower half
//! finish:      MurmurHash3's last step (fmix64) on the state
//! ```
//!
//! It begins as `243f6a8885a308d3` and takes in for
//!
//! | shape | words |
//! | --- | --- |
//! | unit, unit struct | none |
//! | bool, char, integers | the value, sign-extended; those of 128 bits the lower half, then the upper |
//! | f32, f64 | the bits as they are: `0.0` and `-0.0` differ, and so do the many NaNs |
//! | string, bytes | their XXH3 of 64 bits, seed 0 |
//! | option | 0, or 1 and the value |
//! | array, tuple, struct | the parts in their order |
//! | enum | the variant's index, then its fields in their order |
//! | list | the number of items, then the items in their order |
//! | ordered map | the number of entries, then each key and its value, in their order |
//! | set, map | the number of items or entries, then the wrapping sum of their own hashes: each begins with the state `13198a2e03707344`, takes in the item, or key and value, and is finished |
//! | opaque | as above by what is serialized, each value led by a word for its kind; all of it in order, maps too |
//!
//! Recursion is no case of its own: the walk follows the value.

mod entries;
mod error;
mod hash;
mod named;
mod opaque;
mod order;
mod place;
mod positional;
mod sequence;
mod serializer;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

pub use error::DigestError;
use hash::Hash;
use place::Place;
use serializer::DigestSerializer;

use crate::shape::Shape;

/// The hash of a value, equal for equal values wherever and whenever it is computed.
///
/// It is made to catch accidents, not someone who looks for two values that share one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Digest {
    /// The digest that was written as this number.
    pub const fn from_u64(number: u64) -> Digest {
        Digest(number)
    }

    /// The number to write.
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

/// The digest of `value`.
///
/// It walks the whole value and allocates nothing. A `Serialize` written by hand is checked against the shape on the way.
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
/// If the value does not serialize (a path that is no UTF-8, a poisoned lock), or serializes as something else than its
/// shape says.
pub fn digest<T: Shape + Serialize + ?Sized>(value: &T) -> Result<Digest, DigestError> {
    digest_within(value, u32::MAX)
}

/// The digest of a value with no more than `depth` shapes inside one another.
pub(crate) fn digest_within<T: Shape + Serialize + ?Sized>(value: &T, depth: u32) -> Result<Digest, DigestError> {
    let mut hash = Hash::new();
    value.serialize(DigestSerializer::new(&mut hash, Place::root(T::SHAPE, depth)))?;
    Ok(Digest(hash.finish()))
}
