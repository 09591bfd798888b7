//! Identities that distinguish types, to detect recursion in descriptors. Identities are not part of any shape.
//!
//! A walk through the descriptor of a recursive type never ends, and constants cannot compare addresses. Structs and enums
//! therefore carry an identity. There are two kinds of identities, because recursion takes two forms:
//!
//! - A type without parameters has one descriptor. If the descriptor contains its own identity again, the type is recursive.
//! - A type with parameters has one descriptor for each choice of arguments, and all of them have the same identity. The
//!   identity alone does not show recursion: `Pair<Pair<u32>>` contains the identity twice and is not recursive. Only an
//!   explicit [`Descriptor::Back`] refers back to a type with parameters. In the type's own fields, [`Back`] replaces the type.

use super::{Descriptor, Shape, ShapeRef, fnv};

const GENERIC: u64 = 1 << 63;

/// The identity of a type without parameters: a hash of its position in the source and of its tokens. The tokens distinguish
/// types that one macro creates at the same position.
pub const fn identity(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    hash(module, line, column, tokens) & !GENERIC
}

/// The identity of a type that has parameters of any kind: like [`identity`], a hash of the type's position and tokens.
pub const fn generic_identity(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    hash(module, line, column, tokens) | GENERIC
}

/// Inside the fields of a type with parameters, `Back` replaces the type itself. A `Back` refers to the nearest enclosing type
/// with this [`generic_identity`].
pub struct Back<const IDENTITY: u64>;

impl<const IDENTITY: u64> Shape for Back<IDENTITY> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Back(IDENTITY));
}

/// Whether a type with this identity is recursive if its descriptor contains the identity again.
pub(super) const fn marks_recursion(identity: u64) -> bool {
    identity & GENERIC == 0
}

const fn hash(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    let hash = fnv::bytes(fnv::START, module.as_bytes());
    let hash = fnv::bytes(hash, &line.to_le_bytes());
    let hash = fnv::bytes(hash, &column.to_le_bytes());
    fnv::finish(fnv::bytes(hash, &tokens.to_le_bytes()))
}
