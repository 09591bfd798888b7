//! The shapes of the parts of a value, in the order in which the value's `Serialize` writes the parts.

use super::error::DigestError;
use super::position::DigestPosition;
use crate::shape::{Descriptor, Field, ShapeRef, Style};

/// The shapes of the parts of a value.
#[derive(Clone, Copy)]
pub(crate) enum ChildShapes {
    Fields(&'static [Field]),
    Shapes(&'static [ShapeRef]),
    /// All parts have one shape.
    Same(ShapeRef),
    /// Keys and values alternate.
    Entries(ShapeRef, ShapeRef),
    Opaque,
    /// The items of an opaque collection.
    OpaqueItems,
}

impl ChildShapes {
    /// The shapes of the fields of a struct.
    pub(crate) fn of_struct(position: &DigestPosition<'_>) -> ChildShapes {
        match position.shape {
            Descriptor::Struct(structure) => ChildShapes::Fields(structure.fields),
            _ => ChildShapes::Opaque,
        }
    }

    /// The shape of the field of a struct with one unnamed field.
    pub(crate) fn of_newtype(position: &DigestPosition<'_>) -> ChildShapes {
        match position.shape {
            Descriptor::Struct(structure) if structure.style == Style::Newtype => ChildShapes::Fields(structure.fields),
            _ => ChildShapes::Opaque,
        }
    }

    /// The shapes of the fields of a variant.
    pub(crate) fn of_variant(position: &DigestPosition<'_>, index: u32) -> ChildShapes {
        match position.shape {
            Descriptor::Enum(enumeration) => {
                let variant = enumeration.variants.get(index as usize);
                variant.map_or(ChildShapes::Opaque, |variant| ChildShapes::Fields(variant.fields))
            }
            _ => ChildShapes::Opaque,
        }
    }

    /// The shape of an option's value.
    pub(crate) fn of_option(position: &DigestPosition<'_>) -> ChildShapes {
        match *position.shape {
            Descriptor::Option(item) => ChildShapes::Same(item),
            _ => ChildShapes::Opaque,
        }
    }

    /// The shapes of the parts of a tuple or an array.
    pub(crate) fn of_tuple(position: &DigestPosition<'_>) -> ChildShapes {
        match *position.shape {
            Descriptor::Tuple(items) => ChildShapes::Shapes(items),
            Descriptor::Array(item, _) => ChildShapes::Same(item),
            _ => ChildShapes::Opaque,
        }
    }

    /// The shapes of the items of a sequence.
    pub(crate) fn of_sequence(position: &DigestPosition<'_>) -> ChildShapes {
        match *position.shape {
            Descriptor::Set(item)
            | Descriptor::Multiset(item)
            | Descriptor::List(item)
            | Descriptor::OrderedSet(item) => ChildShapes::Same(item),
            _ => ChildShapes::OpaqueItems,
        }
    }

    /// The shapes of the keys and values of a map.
    pub(crate) fn of_map(position: &DigestPosition<'_>) -> ChildShapes {
        match *position.shape {
            Descriptor::Map(key, value) | Descriptor::OrderedMap(key, value) => ChildShapes::Entries(key, value),
            _ => ChildShapes::OpaqueItems,
        }
    }

    /// The position of the part with this index in the value at position `parent`. A key and its value are two parts.
    pub(crate) fn position<'p>(
        self,
        parent: &'p DigestPosition<'p>,
        index: usize,
    ) -> Result<DigestPosition<'p>, DigestError> {
        match self {
            ChildShapes::Fields(fields) => match fields.get(index) {
                Some(field) => parent.field(field.shape),
                None => parent.opaque_part(),
            },
            ChildShapes::Shapes(shapes) => match shapes.get(index) {
                Some(shape) => parent.part(*shape),
                None => parent.opaque_part(),
            },
            ChildShapes::Same(shape) => parent.part(shape),
            ChildShapes::Entries(key, _) if index.is_multiple_of(2) => parent.part(key),
            ChildShapes::Entries(_, value) => parent.part(value),
            ChildShapes::Opaque => parent.opaque_part(),
            ChildShapes::OpaqueItems => parent.opaque_item(),
        }
    }
}
