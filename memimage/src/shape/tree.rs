//! Shapes that are not known to the compiler: those found in a journal.

use std::fmt;

use super::encoding::{self, DecodeShapeError};
use super::node::Node;
use super::{Fingerprint, ShapeRef, fingerprint};

/// A shape as a value: of one of the program's types, or read from a journal that another program wrote.
///
/// `Display` writes it in one line: `{account: u32, memo: option<string>}`.
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
    /// As [`fingerprint`](fingerprint()) does; never if that is computed for the same type in a constant.
    pub fn of(shape: ShapeRef) -> ShapeTree {
        let fingerprint = fingerprint(shape);
        ShapeTree { root: Node::of(shape, None), fingerprint }
    }

    /// Reads a shape that fills `bytes`. They may be anything: nothing is believed unseen.
    ///
    /// # Errors
    ///
    /// If they are no shape, exceed its bounds, or go on after it.
    pub fn decode(bytes: &[u8]) -> Result<ShapeTree, DecodeShapeError> {
        let root = encoding::read(bytes)?;
        Ok(ShapeTree { root, fingerprint: Fingerprint::of_encoded(bytes) })
    }

    /// The shape as a journal holds it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        encoding::write(&self.root, &mut bytes);
        bytes
    }

    /// The shape in 64 bits; what [`fingerprint`](fingerprint()) gives for a type of this shape.
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
