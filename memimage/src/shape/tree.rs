//! Shapes at run time.

use std::fmt;

use super::decoding::{self, DecodeShapeError};
use super::encoding;
use super::node::Node;
use super::{Fingerprint, ShapeRef, fingerprint};

/// A shape as a value at run time: the shape of one of the program's types, or a shape from a journal that another program
/// wrote.
///
/// `Display` writes a shape as one line: `{account: u32, memo: option<string>}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeTree {
    root: Node,
    fingerprint: Fingerprint,
}

impl ShapeTree {
    /// The shape of one of the program's types.
    ///
    /// # Panics
    ///
    /// The function panics in the same cases as [`fingerprint`](fingerprint()), but not if a constant of the program holds the
    /// fingerprint of the same type: that program would not compile.
    pub fn of(shape: ShapeRef) -> ShapeTree {
        let fingerprint = fingerprint(shape);
        ShapeTree { root: Node::of(shape, None), fingerprint }
    }

    /// Decodes a shape that spans all of `bytes`. The bytes may be untrusted.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes do not encode a shape, if the shape exceeds the limits, or if more bytes follow the shape.
    pub fn decode(bytes: &[u8]) -> Result<ShapeTree, DecodeShapeError> {
        let root = decoding::read(bytes)?;
        Ok(ShapeTree { root, fingerprint: Fingerprint::of_encoded(bytes) })
    }

    /// The shape with this root.
    ///
    /// # Errors
    ///
    /// Returns an error if the shape exceeds the limits, or if a back reference leads out of it.
    #[cfg(any(test, feature = "admin"))]
    pub(crate) fn from_node(root: &Node) -> Result<ShapeTree, DecodeShapeError> {
        let mut bytes = Vec::new();
        encoding::write(root, &mut bytes);
        ShapeTree::decode(&bytes)
    }

    /// The encoding of the shape in a journal.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        encoding::write(&self.root, &mut bytes);
        bytes
    }

    /// The fingerprint of the shape; [`fingerprint`](fingerprint()) returns the same fingerprint for a type with this shape.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }
}

impl fmt::Display for ShapeTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;
    use crate::shape::arbitrary;
    use crate::shape::samples::Order;
    use crate::shape::{Shape, fingerprint};

    proptest! {
        #[test]
        fn decoding_restores_the_encoded_shape(node in arbitrary::node()) {
            let mut bytes = Vec::new();
            encoding::write(&node, &mut bytes);
            let tree = ShapeTree::decode(&bytes).unwrap();
            prop_assert_eq!(tree.root(), &node);
            prop_assert_eq!(tree.encode(), bytes);
        }

        #[test]
        fn encoding_restores_the_decoded_bytes(bytes in prop::collection::vec(prop_oneof![0..0x30u8, any::<u8>()], 0..64)) {
            if let Ok(tree) = ShapeTree::decode(&bytes) {
                prop_assert_eq!(tree.encode(), bytes);
            }
        }

        #[test]
        fn a_flipped_bit_gives_another_shape_or_none(
            node in arbitrary::node(),
            at in any::<prop::sample::Index>(),
            bit in 0..8u8,
        ) {
            let tree = ShapeTree::of_node(&node);
            let mut bytes = tree.encode();
            bytes[at.index(tree.encode().len())] ^= 1u8 << bit;
            if let Ok(changed) = ShapeTree::decode(&bytes) {
                prop_assert_ne!(changed.fingerprint(), tree.fingerprint());
                prop_assert_ne!(changed, tree);
            }
        }
    }

    /// Shapes are stored in journals, so this encoding must never change.
    #[test]
    fn the_encoding_is_frozen() {
        let tree = ShapeTree::of(Order::SHAPE);
        let hex: String = tree.encode().iter().map(|byte| format!("{byte:02x}")).collect();
        expect!["2703030269642701040473696465280403426964000341736b010404426f746802020405054c696d6974030105707269636505046d656d6f200f"].assert_eq(&hex);
        expect![
            "{id: struct(u32), side: enum {Bid, Ask(u32), Both(u32, u64), Limit{price: u64}}, memo: option<string>}"
        ]
        .assert_eq(&tree.to_string());
    }

    #[test]
    fn the_text_distinguishes_all_kinds_of_shapes() {
        type Everything = (
            (u8, bool, f64, char, String, std::ffi::CString, ()),
            (u8,),
            [i128; 3],
            Vec<std::collections::BTreeSet<u16>>,
            std::collections::BTreeMap<String, Option<u64>>,
            std::marker::PhantomData<u8>,
            std::ops::Range<i8>,
            std::net::IpAddr,
        );
        let tree = ShapeTree::of(Everything::SHAPE);
        assert_eq!(tree.fingerprint(), fingerprint(Everything::SHAPE));
        expect!["((u8, bool, f64, char, string, bytes, ()), (u8,), [i128; 3], list<set<u16>>, map<string, option<u64>>, struct, {start: i8, end: i8}, enum {V4([u8; 4]), V6([u8; 16])})"].assert_eq(&tree.to_string());
    }
}
