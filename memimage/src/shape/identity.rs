//! Telling types from one another while a descriptor is walked, so that recursion is seen. No part of any shape.
//!
//! A descriptor of a recursive type never ends, and the compiler cannot compare addresses, so structs and enums carry a
//! number of their own. There are two kinds, because recursion takes two forms:
//!
//! - A type without parameters has one descriptor. Meeting its number inside itself means that the walk has come round.
//! - A type with parameters has one descriptor for each choice of them, all with the same number: in
//!   `Pair<Pair<u32>>` the inner one is no recursion. Such a type is only returned to by an explicit
//!   [`Descriptor::Back`], for which [`Back`] stands in its own fields.

use super::{Descriptor, Shape, ShapeRef, fnv};

const GENERIC: u64 = 1 << 63;

/// The identity of a type without parameters: its place in the source, and a hash of its tokens for types that one macro
/// makes in one place.
pub const fn identity(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    hash(module, line, column, tokens) & !GENERIC
}

/// The identity of a type with parameters of any kind; as [`identity`].
pub const fn generic_identity(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    hash(module, line, column, tokens) | GENERIC
}

/// Stands for a type with parameters inside its own fields: a way back to the nearest type around it of this
/// [`generic_identity`].
pub struct Back<const IDENTITY: u64>;

impl<const IDENTITY: u64> Shape for Back<IDENTITY> {
    const SHAPE: ShapeRef = ShapeRef::new(&Descriptor::Back(IDENTITY));
}

/// Whether meeting this identity inside itself means recursion.
pub(super) const fn marks_recursion(identity: u64) -> bool {
    identity & GENERIC == 0
}

const fn hash(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    let hash = fnv::bytes(fnv::START, module.as_bytes());
    let hash = fnv::bytes(hash, &line.to_le_bytes());
    let hash = fnv::bytes(hash, &column.to_le_bytes());
    fnv::finish(fnv::bytes(hash, &tokens.to_le_bytes()))
}
