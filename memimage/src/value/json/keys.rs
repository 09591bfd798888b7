//! Tells which shapes have values that are written as `null`, and which shapes have values that are written as keys of an
//! object.

use crate::shape::Primitive;
use crate::shape::node::{Node, NodeFields};
use crate::value::opaque::{ForeignEncoding, foreign_encoding};
use crate::value::position::ShapePosition;

/// Whether a value of the shape may be written as `null`. If so, an option's value of this shape is written as an object with
/// the member `some`, because `null` stands for `None`.
pub(super) fn is_nullable(position: ShapePosition<'_>) -> bool {
    match position.node {
        Node::Primitive(primitive) => *primitive == Primitive::Unit,
        Node::Option(_) | Node::Struct(NodeFields::Unit) => true,
        // A newtype that is nested too deep contains only itself, so it has no values.
        Node::Struct(NodeFields::Newtype(item)) => {
            position.field(item, &position.as_enclosing()).is_ok_and(is_nullable)
        }
        Node::Back(steps) => is_nullable(position.back(*steps)),
        _ => false,
    }
}

/// Whether each value of the shape has its own text, so that values of the shape can be the keys of an object.
pub(super) fn is_key(position: ShapePosition<'_>) -> bool {
    match position.node {
        Node::Primitive(primitive) => {
            !matches!(primitive, Primitive::Unit | Primitive::F32 | Primitive::F64 | Primitive::Bytes)
        }
        Node::Enum(variants) => variants.iter().all(|variant| variant.fields == NodeFields::Unit),
        Node::Struct(NodeFields::Newtype(item)) => position.field(item, &position.as_enclosing()).is_ok_and(is_key),
        Node::Opaque(name) | Node::Unordered(name) => {
            matches!(foreign_encoding(name), Some(ForeignEncoding::Text | ForeignEncoding::Uuid))
        }
        Node::Back(steps) => is_key(position.back(*steps)),
        _ => false,
    }
}
