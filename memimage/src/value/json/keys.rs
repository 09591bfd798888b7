//! Which shapes are written as `null`, and which as the name of an object's member.

use crate::shape::Primitive;
use crate::shape::node::{Fields, Node};
use crate::value::ValueError;
use crate::value::opaque::{Known, known};
use crate::value::walk::Place;

/// Whether a value of the shape may be `null`, so that `null` for none would not tell.
pub(super) fn is_nullable(place: Place<'_>) -> Result<bool, ValueError> {
    match place.node {
        Node::Primitive(primitive) => Ok(*primitive == Primitive::Unit),
        Node::Option(_) | Node::Struct(Fields::Unit) => Ok(true),
        Node::Struct(Fields::Newtype(item)) => is_nullable(place.field(item, &place.as_around())?),
        Node::Back(steps) => is_nullable(place.back(*steps)),
        _ => Ok(false),
    }
}

/// Whether each value of the shape has a text of its own, by which it can be a member of an object.
pub(super) fn is_key(place: Place<'_>) -> Result<bool, ValueError> {
    match place.node {
        Node::Primitive(primitive) => {
            Ok(!matches!(primitive, Primitive::Unit | Primitive::F32 | Primitive::F64 | Primitive::Bytes))
        }
        Node::Enum(variants) => Ok(variants.iter().all(|variant| variant.fields == Fields::Unit)),
        Node::Struct(Fields::Newtype(item)) => is_key(place.field(item, &place.as_around())?),
        Node::Opaque(name) => Ok(matches!(known(name), Some(Known::Text | Known::Uuid))),
        Node::Back(steps) => is_key(place.back(*steps)),
        _ => Ok(false),
    }
}
