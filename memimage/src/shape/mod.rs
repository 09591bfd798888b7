//! Shapes: the structure of types, known at compile time and recorded in the journal.
//!
//! A [`ShapeRef`] holds a shape at compile time, as a constant of the type. A [`ShapeTree`] holds a shape at run time, read
//! from a journal or created from a type. The [`Fingerprint`] of a shape is the same in both forms: a hash of the shape's
//! encoding in the journal.

// each module uses only the modules above it; `tests/tests/architecture.rs` verifies this order
mod fnv;
mod name;
mod descriptor;
mod identity;
mod enclosing;
pub(crate) mod node;
mod text;
mod encoding;
mod decoding;
mod flat;
mod order;
mod fingerprint;
mod tree;
#[cfg(all(feature = "erasure", feature = "testing"))]
mod personal;
mod foreign_probes;
mod difference;
mod drift;
mod primitives;
mod std_types;
mod collections;
mod foreign;
#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
pub(crate) mod samples;

pub use decoding::DecodeShapeError;
pub(crate) use decoding::PRIMITIVES;
pub use descriptor::ShapeRef;
#[doc(hidden)]
pub use descriptor::{Descriptor, Enum, Field, Primitive, Struct, Style, Variant};
pub use difference::{Difference, differences};
#[doc(hidden)]
pub use drift::{ConstText, drifted};
pub(crate) use drift::{Drift, compare};
#[doc(hidden)]
pub use fingerprint::derived_field;
pub(crate) use fingerprint::may_be_deep;
pub use fingerprint::{Fingerprint, fingerprint};
#[cfg(test)]
pub(crate) use flat::is_flat;
pub(crate) use foreign_probes::changed_encoding;
#[doc(hidden)]
pub use identity::{Back, generic_identity, identity};
pub(crate) use name::Name;
pub(crate) use order::has_one_encoding;
pub use tree::ShapeTree;

/// A type whose structure is known: the names and the order of its fields and variants, and its primitives.
///
/// Derive `Shape` for your own types, together with serde's `Serialize` and `Deserialize`. Most types of std that serde
/// supports implement `Shape`. Types of uuid, chrono, jiff, rust_decimal and indexmap implement it if memimage's feature with
/// the crate's name is enabled. `Rc`, `Arc`, and types that decoding cannot restore exactly, such as `SocketAddr`,
/// `RangeInclusive` and `jiff::Span`, have no shape.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no shape; help: derive `memimage::Shape` for it, beside serde's `Serialize` and `Deserialize`",
    label = "no `Shape`",
    note = "memimage's features `uuid`, `chrono`, `jiff`, `rust_decimal` and `indexmap` add shapes for the types of these crates",
    note = "for a type of another crate, write `#[shape(opaque = \"name\")]` on the field or argument"
)]
pub trait Shape {
    /// The structure of this type.
    const SHAPE: ShapeRef;

    /// Whether deserialization gives back every value exactly as it was serialized.
    ///
    /// Only memimage's own impls for types of std set this constant to true. A derived impl leaves the constant false, because
    /// a user may write serde's traits by hand. Before an image runs a command, it decodes the encoded arguments and passes the
    /// decoded values to the command. If `ROUND_TRIPS` is true for the types of all arguments, the image skips the decoding.
    const ROUND_TRIPS: bool = false;
}
