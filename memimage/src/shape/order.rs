//! Shapes whose values have one encoding.

use super::descriptor::{Descriptor, Field, Primitive, ShapeRef};

/// The compiler evaluates at most 128 nested calls, and each level of a shape takes two.
const LEVELS_MAX: u32 = 40;

/// Whether equal values of a shape certainly have equal encodings: the shape contains neither a collection whose order is not part of
/// the value, nor a float, whose NaNs differ, nor personal data, and is not too deep to be examined.
pub(crate) const fn has_one_encoding(shape: ShapeRef) -> bool {
    examine(shape, LEVELS_MAX)
}

const fn examine(shape: ShapeRef, levels: u32) -> bool {
    if levels == 0 {
        return false;
    }
    let levels = levels - 1;
    match *shape.get() {
        Descriptor::Primitive(Primitive::F32 | Primitive::F64)
        | Descriptor::Set(_)
        | Descriptor::Multiset(_)
        | Descriptor::Map(..)
        | Descriptor::Unordered(_) => false,
        // an array without items stands for sealed content, which an erasure changes
        Descriptor::Array(_, 0) => false,
        // a reference back leads to a type whose parts are examined already
        Descriptor::Primitive(_) | Descriptor::Opaque(_) | Descriptor::Back(_) => true,
        Descriptor::Option(item)
        | Descriptor::List(item)
        | Descriptor::OrderedSet(item)
        | Descriptor::Array(item, _) => examine(item, levels),
        Descriptor::OrderedMap(key, value) => examine(key, levels) && examine(value, levels),
        Descriptor::Tuple(items) => {
            let mut i = 0;
            while i < items.len() {
                if !examine(items[i], levels) {
                    return false;
                }
                i += 1;
            }
            true
        }
        Descriptor::Struct(structure) => examine_fields(structure.fields, levels),
        Descriptor::Enum(enumeration) => {
            let mut i = 0;
            while i < enumeration.variants.len() {
                if !examine_fields(enumeration.variants[i].fields, levels) {
                    return false;
                }
                i += 1;
            }
            true
        }
    }
}

const fn examine_fields(fields: &[Field], levels: u32) -> bool {
    let mut i = 0;
    while i < fields.len() {
        if !examine(fields[i].shape, levels) {
            return false;
        }
        i += 1;
    }
    true
}
