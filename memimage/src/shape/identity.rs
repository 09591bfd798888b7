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

/// The identity of a type without parameters: its place in the source, and a hash of its tokens for types that one macro
/// makes in one place.
pub const fn identity(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    place(module, line, column, tokens) & !GENERIC
}

/// The identity of a type with parameters.
pub const fn generic_identity(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    place(module, line, column, tokens) | GENERIC
}

/// The identity of one of std's types with parameters.
pub(super) const fn std_identity(name: &str) -> u64 {
    generic_identity(name, 0, 0, 0)
}

/// Whether meeting this identity inside itself means recursion.
pub(super) const fn marks_recursion(identity: u64) -> bool {
    identity & GENERIC == 0
}

const fn place(module: &str, line: u32, column: u32, tokens: u64) -> u64 {
    let mut hash = bytes(super::fnv::START, module.as_bytes());
    hash = bytes(hash, &line.to_le_bytes());
    hash = bytes(hash, &column.to_le_bytes());
    hash = bytes(hash, &tokens.to_le_bytes());
    super::fnv::finish(hash)
}

const fn bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        hash = super::fnv::byte(hash, bytes[at]);
        at += 1;
    }
    hash
}
