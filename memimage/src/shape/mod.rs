//! Shapes: the structure of a type, known at compile time and kept in the journal.
//!
//! [`ShapeRef`] is the compiler's form of a shape, a constant of each type; [`ShapeTree`] the form that is read from a
//! journal. Both have the same [`Fingerprint`], since it is computed over the bytes that a journal holds.

#[cfg(test)]
mod arbitrary;
mod collections;
mod decoding;
mod descriptor;
mod difference;
mod encoding;
mod fingerprint;
mod fnv;
mod foreign;
mod identity;
mod node;
mod pointer;
mod primitives;
#[cfg(test)]
pub(crate) mod samples;
mod std_types;
mod text;
mod tree;

pub use decoding::DecodeShapeError;
pub use descriptor::{Descriptor, Enum, Field, Primitive, Struct, Style, Variant};
pub use difference::{Difference, differences};
pub use fingerprint::{Fingerprint, fingerprint};
pub use identity::{generic_identity, identity};
pub use pointer::ShapeRef;
pub use tree::ShapeTree;

/// A type whose structure is known: field and variant names, their order, and primitives.
///
/// Derive it for your own types, next to serde's `Serialize` and `Deserialize`.
#[diagnostic::on_unimplemented(
    message = "the shape of `{Self}` is not known",
    label = "no `Shape`",
    note = "for a type of your own, `#[derive(memimage::Shape)]`",
    note = "for uuid, chrono, jiff, rust_decimal and indexmap, enable memimage's feature of that name"
)]
pub trait Shape {
    /// The structure of this type.
    const SHAPE: ShapeRef;
}
