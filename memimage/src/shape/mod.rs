//! Shapes: the structure of a type, known at compile time and kept in the journal.
//!
//! [`ShapeRef`] is the compiler's form of a shape, a constant of each type; [`ShapeTree`] the form that is read from a
//! journal. Both have the same [`Fingerprint`], since it is computed over the bytes that a journal holds.

#[cfg(test)]
pub(crate) mod arbitrary;
mod collections;
mod decoding;
mod descriptor;
mod difference;
mod drift;
mod encoding;
mod fingerprint;
mod fnv;
mod foreign;
mod identity;
mod name;
pub(crate) mod node;
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
pub(crate) use drift::{Drift, compare};
pub use drift::{Text, drifted};
pub(crate) use fingerprint::is_recursive;
pub use fingerprint::{Fingerprint, fingerprint};
pub use identity::{Back, generic_identity, identity};
pub(crate) use name::Name;
pub use pointer::ShapeRef;
pub use tree::ShapeTree;

/// A type whose structure is known: field and variant names, their order, and primitives.
///
/// Derive it for your own types, beside serde's `Serialize` and `Deserialize`. Those of std that serde knows have one, and
/// those of uuid, chrono, jiff, rust_decimal and indexmap under the feature of that name. `Rc` and `Arc` have none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no shape; help: derive `memimage::Shape` for it, beside serde's `Serialize` and `Deserialize`",
    label = "no `Shape`",
    note = "types of uuid, chrono, jiff, rust_decimal and indexmap have one under memimage's feature of that name",
    note = "a type of another crate gets a name where it is used: `#[shape(opaque = \"name\")]` on the field or argument"
)]
pub trait Shape {
    /// The structure of this type.
    const SHAPE: ShapeRef;
}
