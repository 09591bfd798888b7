//! Telling types from one another while a descriptor is walked, so that recursion is seen. No part of any shape.
//!
//! A descriptor of a recursive type never ends, and the compiler cannot compare addresses, so structs and enums carry a
//! number of their own. There are two kinds, because recursion takes two forms:
//!
//! - A type without parameters has one descriptor. Meeting its number inside itself means that the walk has come round.
//! - A type with parameters has one descriptor for each choice of them, all with the same number: in
//!   `Pair<Pair<u32>>` the inner one is no recursion. Such a type is only returned to by an explicit
//!   [`Descriptor::Back`](super::Descriptor::Back).

const GENERIC: u64 = 1 << 63;

/// The identity of a type without parameters; `path` must be its own, such as module, line, column and name.
pub const fn identity(path: &str) -> u64 {
    hash(path) & !GENERIC
}

/// The identity of a type with parameters; `path` as for [`identity`].
pub const fn generic_identity(path: &str) -> u64 {
    hash(path) | GENERIC
}

/// Whether meeting this identity inside itself means recursion.
pub(super) const fn marks_recursion(identity: u64) -> bool {
    identity & GENERIC == 0
}

const fn hash(path: &str) -> u64 {
    let bytes = path.as_bytes();
    let mut hash = super::fnv::START;
    let mut i = 0;
    while i < bytes.len() {
        hash = super::fnv::byte(hash, bytes[i]);
        i += 1;
    }
    super::fnv::finish(hash)
}
