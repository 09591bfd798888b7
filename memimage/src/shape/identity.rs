//! Identities that distinguish types, to detect recursion in descriptors. They are not part of any shape.
//!
//! The descriptor of a recursive type is infinite, and the compiler cannot compare addresses. Structs and enums therefore carry
//! an identity. There are two kinds, because recursion takes two forms:
//!
//! - A type without parameters has one descriptor. If its identity occurs inside itself, the type is recursive.
//! - A type with parameters has a descriptor for each choice of arguments, all with the same identity: in `Pair<Pair<u32>>`
//!   the inner pair is no recursion. Only an explicit [`Descriptor::Back`] refers back to such a type; in the type's own
//!   fields, [`Back`] takes its place.

use super::{Descriptor, Shape, ShapeRef, fnv};

const GENERIC: u64 = 1 << 63;

/// The identity of a type without parameters: its position in the source, and a hash of its tokens to distinguish types that one
/// macro creates at one position.
pub const fn identity(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    hash(module, line, column, tokens) & !GENERIC
}

/// The identity of a type with parameters of any kind; see [`identity`].
pub const fn generic_identity(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    hash(module, line, column, tokens) | GENERIC
}

/// Takes the place of a type with parameters inside its own fields. It refers to the nearest enclosing type with this
/// [`generic_identity`].
pub struct Back<const IDENTITY: u64>;

impl<const IDENTITY: u64> Shape for Back<IDENTITY> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Back(IDENTITY));
}

/// Whether this identity inside itself means recursion.
pub(super) const fn marks_recursion(identity: u64) -> bool {
    identity & GENERIC == 0
}

const fn hash(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    let hash = fnv::bytes(fnv::START, module.as_bytes());
    let hash = fnv::bytes(hash, &line.to_le_bytes());
    let hash = fnv::bytes(hash, &column.to_le_bytes());
    fnv::finish(fnv::bytes(hash, &tokens.to_le_bytes()))
}
