//! What the structure of a type looks like: one constant that serves compile time and run time.

use super::ShapeRef;

/// The structure of a type as it appears in the journal: names, order and primitives, but no type names.
#[derive(Clone, Copy)]
pub enum Descriptor {
    /// A value without parts.
    Primitive(Primitive),
    /// Nothing, or a value.
    Option(ShapeRef),
    /// Values one after another; their order is part of the value.
    List(ShapeRef),
    /// Values whose order is no part of the value: sets and heaps.
    Set(ShapeRef),
    /// Keys and their values, whose order is no part of the value.
    Map(ShapeRef, ShapeRef),
    /// Keys and their values, in an order that is part of the value.
    OrderedMap(ShapeRef, ShapeRef),
    /// A fixed number of values.
    Array(ShapeRef, usize),
    /// A fixed number of values, each of a shape of its own.
    Tuple(&'static [ShapeRef]),
    /// A struct.
    Struct(Struct),
    /// An enum.
    Enum(Enum),
    /// A foreign type that is known by a name only: it must never change its serialization under that name.
    Opaque(&'static str),
    /// The nearest enclosing struct or enum of this identity (only inside a generic type marked `#[shape(recursive)]`).
    Back(u64),
}

/// A value without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Primitive {
    Unit,
    Bool,
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    F32,
    F64,
    Char,
    String,
    Bytes,
}

/// The structure of a struct.
#[derive(Clone, Copy)]
pub struct Struct {
    /// Tells this type from every other while a descriptor is walked, so that recursion is seen: made by
    /// [`identity`](super::identity()), or by [`generic_identity`](super::generic_identity) for a type with parameters.
    /// No part of the shape.
    pub identity: u64,
    /// How the fields are written in Rust.
    pub style: Style,
    /// The fields in their order.
    pub fields: &'static [Field],
}

/// The structure of an enum.
#[derive(Clone, Copy)]
pub struct Enum {
    /// As [`Struct::identity`].
    pub identity: u64,
    /// The variants in their order.
    pub variants: &'static [Variant],
}

/// One variant of an enum.
#[derive(Clone, Copy)]
pub struct Variant {
    /// Its name, after serde's renames.
    pub name: &'static str,
    /// How the fields are written in Rust.
    pub style: Style,
    /// The fields in their order.
    pub fields: &'static [Field],
}

/// How the fields of a struct or a variant are written in Rust; serde serializes each style in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `struct S;`
    Unit,
    /// `struct S(T);`
    Newtype,
    /// `struct S(T, U);`
    Tuple,
    /// `struct S { a: T }`
    Named,
}

/// One field of a struct or a variant.
#[derive(Clone, Copy)]
pub struct Field {
    /// Its name, after serde's renames; `"0"`, `"1"` … in tuples.
    pub name: &'static str,
    /// The shape of its type.
    pub shape: ShapeRef,
}
