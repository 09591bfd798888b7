//! Shapes: the structure of a type, known at compile time and kept in the journal.

mod collections;
mod descriptor;
mod fnv;
mod foreign;
mod identity;
mod pointer;
mod primitives;
mod std_types;

pub use descriptor::{Descriptor, Enum, Field, Primitive, Struct, Style, Variant};
pub use identity::{generic_identity, identity};
pub use pointer::ShapeRef;

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
