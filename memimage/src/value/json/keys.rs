//! Which shapes are written as `null`, and which as the name of an object's member.

use crate::shape::Primitive;
use crate::shape::node::{Fields, Node};
use crate::value::opaque::{Known, known};
use crate::value::walk::Place;

/// Whether a value of the shape may be `null`, so that `null` for none would not tell.
pub(super) fn is_nullable(place: Place<'_>) -> bool {
    match place.node {
        Node::Primitive(primitive) => *primitive == Primitive::Unit,
        Node::Option(_) | Node::Struct(Fields::Unit) => true,
        // one that goes deeper than values do holds itself and nothing else, and has none
        Node::Struct(Fields::Newtype(item)) => place.field(item, &place.as_around()).is_ok_and(is_nullable),
        Node::Back(steps) => is_nullable(place.back(*steps)),
        _ => false,
    }
}

/// Whether each value of the shape has a text of its own, by which it can be a member of an object.
pub(super) fn is_key(place: Place<'_>) -> bool {
    match place.node {
        Node::Primitive(primitive) => {
            !matches!(primitive, Primitive::Unit | Primitive::F32 | Primitive::F64 | Primitive::Bytes)
        }
        Node::Enum(variants) => variants.iter().all(|variant| variant.fields == Fields::Unit),
        Node::Struct(Fields::Newtype(item)) => place.field(item, &place.as_around()).is_ok_and(is_key),
        Node::Opaque(name) => matches!(known(name), Some(Known::Text | Known::Uuid)),
        Node::Back(steps) => is_key(place.back(*steps)),
        _ => false,
    }
}
