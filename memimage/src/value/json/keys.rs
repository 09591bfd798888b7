//! Shapes that are written as `null`, and shapes that are written as keys of an object.

use crate::shape::Primitive;
use crate::shape::node::{Node, NodeFields};
use crate::value::opaque::{ForeignEncoding, foreign_encoding};
use crate::value::position::ShapePosition;

/// Whether a value of the shape may be written as `null`. An option of such a shape cannot use `null` for `None`.
pub(super) fn is_nullable(position: ShapePosition<'_>) -> bool {
    match position.node {
        Node::Primitive(primitive) => *primitive == Primitive::Unit,
        Node::Option(_) | Node::Struct(NodeFields::Unit) => true,
        // A shape nested too deep contains only itself and has no values.
        Node::Struct(NodeFields::Newtype(item)) => {
            position.field(item, &position.as_enclosing()).is_ok_and(is_nullable)
        }
        Node::Back(steps) => is_nullable(position.back(*steps)),
        _ => false,
    }
}

/// Whether each value of the shape has a distinct text, so that it can be the key of an object.
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
