//! Shapes: the structure of a type, known at compile time and kept in the journal.

mod descriptor;
mod pointer;
mod std_impls_tmp;

pub use descriptor::{Descriptor, Enum, Field, Primitive, Struct, Style, Variant};
pub use pointer::ShapeRef;

/// A type whose structure is known: field and variant names, their order, and primitives.
#[diagnostic::on_unimplemented(
    message = "the shape of `{Self}` is not known",
    label = "no `Shape`",
    note = "derive it beside `Serialize` and `Deserialize`: `#[derive(memimage::Shape)]`",
    note = "a type of another crate gets an explicit name where it is used: `#[shape(opaque = \"name\")]` on the field"
)]
pub trait Shape {
    /// The structure of this type.
    const SHAPE: ShapeRef;
}
