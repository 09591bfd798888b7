//! Shapes whose values have one encoding.

use super::descriptor::{Descriptor, Field, Primitive, ShapeRef};

/// Whether equal values of a shape have equal encodings: the shape contains neither a collection whose order is not part of the value,
/// nor a float, whose NaNs differ.
pub(crate) const fn has_one_encoding(shape: ShapeRef) -> bool {
    match *shape.get() {
        Descriptor::Primitive(Primitive::F32 | Primitive::F64)
        | Descriptor::Set(_)
        | Descriptor::Multiset(_)
        | Descriptor::Map(..)
        | Descriptor::Unordered(_) => false,
        // a reference back leads to a type whose parts are examined already
        Descriptor::Primitive(_) | Descriptor::Opaque(_) | Descriptor::Back(_) => true,
        Descriptor::Option(item)
        | Descriptor::List(item)
        | Descriptor::OrderedSet(item)
        | Descriptor::Array(item, _) => has_one_encoding(item),
        Descriptor::OrderedMap(key, value) => has_one_encoding(key) && has_one_encoding(value),
        Descriptor::Tuple(items) => {
            let mut i = 0;
            while i < items.len() {
                if !has_one_encoding(items[i]) {
                    return false;
                }
                i += 1;
            }
            true
        }
        Descriptor::Struct(structure) => fields_have_one_encoding(structure.fields),
        Descriptor::Enum(enumeration) => {
            let mut i = 0;
            while i < enumeration.variants.len() {
                if !fields_have_one_encoding(enumeration.variants[i].fields) {
                    return false;
                }
                i += 1;
            }
            true
        }
    }
}

const fn fields_have_one_encoding(fields: &[Field]) -> bool {
    let mut i = 0;
    while i < fields.len() {
        if !has_one_encoding(fields[i].shape) {
            return false;
        }
        i += 1;
    }
    true
}
