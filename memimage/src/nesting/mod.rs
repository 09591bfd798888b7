//! Limits the depth of values of recursive types, because decoding or hashing such a value recurses on the stack of the thread.
//!
//! A value is one level deep, and each value inside it is one level deeper: a field, an item, a key, the value of an option. A
//! `Box` does not count as a level. If a type is neither recursive nor [opaque](crate::shape), decoding does not count the
//! levels of its values: they are no deeper than its shape, and the depth of shapes has its own limit.

mod deserializer;

use std::cell::Cell;

use serde::de::{DeserializeOwned, Deserializer};

use deserializer::{Bounded, Level};

/// The maximum depth of a state that is hashed, written to a snapshot or read from one.
///
/// In a build without optimizations, each level takes up to a few kilobytes of stack. A state of the maximum depth therefore
/// fits into the two megabytes of stack that std gives a thread, even if the structs of the state have many fields.
pub(crate) const MAX_STATE_DEPTH: u32 = 512;

/// The error of a function that decodes a value of limited depth.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BoundedError<E> {
    /// The value is deeper than the limit.
    TooDeep,
    /// Any other error, returned by the deserializer or by the type.
    Invalid(E),
}

/// Deserializes a value of at most `depth` levels.
pub(crate) fn deserialize_within<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
    depth: u32,
) -> Result<T, BoundedError<D::Error>> {
    let exceeded = Cell::new(false);
    let level = Level::outermost(depth, &exceeded);
    // only the flag shows that the value is too deep: the type may replace the error, and postcard drops the error's text
    T::deserialize(Bounded::new(deserializer, level)).map_err(|error| match exceeded.get() {
        true => BoundedError::TooDeep,
        false => BoundedError::Invalid(error),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Tree {
        Leaf,
        Boxed(Box<Tree>),
        Pair(Box<Tree>, u8),
        Named { inside: Box<Tree> },
        Maybe(Option<Box<Tree>>),
        Many(Vec<Tree>),
        Keyed(BTreeMap<u8, Tree>),
        Shared(Wrapper),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapper(Box<Tree>);

    fn decode<T: DeserializeOwned>(bytes: &[u8], depth: u32) -> Result<T, BoundedError<postcard::Error>> {
        deserialize_within(&mut postcard::Deserializer::from_bytes(bytes), depth)
    }

    /// The smallest depth limit with which the value decodes.
    fn depth_of(tree: &Tree) -> u32 {
        let bytes = postcard::to_stdvec(tree).unwrap();
        let depth = (1..200).find(|&depth| decode::<Tree>(&bytes, depth).is_ok()).unwrap();
        assert_eq!(decode::<Tree>(&bytes, depth).as_ref(), Ok(tree));
        assert!((1..depth).all(|depth| decode::<Tree>(&bytes, depth) == Err(BoundedError::TooDeep)));
        depth
    }

    #[test]
    fn each_way_to_nest_a_value_counts_its_levels() {
        let leaf = || Box::new(Tree::Leaf);
        assert_eq!(depth_of(&Tree::Leaf), 1);
        assert_eq!(depth_of(&Tree::Boxed(leaf())), 2);
        assert_eq!(depth_of(&Tree::Pair(leaf(), 1)), 2);
        assert_eq!(depth_of(&Tree::Named { inside: leaf() }), 2);
        assert_eq!(depth_of(&Tree::Maybe(Some(leaf()))), 3);
        assert_eq!(depth_of(&Tree::Maybe(None)), 2);
        assert_eq!(depth_of(&Tree::Many(vec![Tree::Leaf, Tree::Boxed(leaf())])), 4);
        assert_eq!(depth_of(&Tree::Many(Vec::new())), 2);
        assert_eq!(depth_of(&Tree::Keyed(BTreeMap::from([(1, Tree::Leaf)]))), 3);
        assert_eq!(depth_of(&Tree::Keyed(BTreeMap::new())), 2);
        assert_eq!(depth_of(&Tree::Shared(Wrapper(leaf()))), 3);
        let mut deep = Tree::Leaf;
        for _ in 0..100 {
            deep = Tree::Boxed(Box::new(deep));
        }
        assert_eq!(depth_of(&deep), 101);
    }

    #[test]
    fn an_error_of_the_type_is_not_a_depth() {
        assert!(matches!(decode::<Tree>(&[9], 5), Err(BoundedError::Invalid(_))));
        assert!(matches!(decode::<Tree>(&[1, 1, 9], 5), Err(BoundedError::Invalid(_))));
    }

    /// Bytes that claim a million levels do not overflow the stack.
    #[test]
    fn bytes_without_end_stop_at_the_limit() {
        assert_eq!(decode::<Tree>(&vec![1; 1 << 20], MAX_STATE_DEPTH), Err(BoundedError::TooDeep));
    }
}
