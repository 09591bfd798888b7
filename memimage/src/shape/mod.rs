//! Shapes: the structure of a type, known at compile time and kept in the journal.

mod descriptor;
mod pointer;

pub use descriptor::{Descriptor, Enum, Field, Primitive, Struct, Style, Variant};
pub use pointer::ShapeRef;

/// A type whose structure is known: field and variant names, their order, and primitives.
pub trait Shape {
    /// The structure of this type.
    const SHAPE: ShapeRef;
}
