//! The structure of a type as a constant, usable at compile time and at run time.

mod pointer;

pub use pointer::ShapeRef;

/// The structure of a type as the journal records it: names, order and primitives, but no type names.
#[derive(Clone, Copy)]
pub enum Descriptor {
    /// A value without parts.
    Primitive(Primitive),
    /// An optional value.
    Option(ShapeRef),
    /// A list: a collection in which the order of the items is part of the value.
    List(ShapeRef),
    /// A set in which the order of the items is not part of the value.
    Set(ShapeRef),
    /// A set in which the order of the items is part of the value.
    OrderedSet(ShapeRef),
    /// A multiset, such as a heap: an item can occur several times, and the order of the items is not part of the value.
    Multiset(ShapeRef),
    /// A map in which the order of the entries is not part of the value.
    Map(ShapeRef, ShapeRef),
    /// A map in which the order of the entries is part of the value.
    OrderedMap(ShapeRef, ShapeRef),
    /// A fixed number of values of one shape.
    Array(ShapeRef, usize),
    /// A fixed number of values, each with its own shape.
    Tuple(&'static [ShapeRef]),
    /// A struct.
    Struct(Struct),
    /// An enum.
    Enum(Enum),
    /// A foreign type that is known only by name. While the type has this name, its serialization must not change.
    Opaque(&'static str),
    /// A foreign type like [`Opaque`](Descriptor::Opaque), but the order of the entries in its maps is not part of the value.
    /// The order of the items in a sequence is not part of the value either, unless the sequence is inside another sequence or
    /// map.
    Unordered(&'static str),
    /// A reference back to the nearest enclosing struct or enum with this identity (only inside a generic type marked
    /// `#[shape(recursive)]`).
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
    /// A number that distinguishes this type from all others, to detect recursion. [`identity`](super::identity()) creates this
    /// number; for a type with parameters, [`generic_identity`](super::generic_identity) does. The number is not part of the
    /// shape.
    pub identity: u64,
    /// The Rust syntax of the fields.
    pub style: Style,
    /// The fields in order.
    pub fields: &'static [Field],
    /// The names of the derived fields. serde skips these fields, and they are not part of the shape.
    pub derived: &'static [&'static str],
}

/// The structure of an enum.
#[derive(Clone, Copy)]
pub struct Enum {
    /// See [`Struct::identity`].
    pub identity: u64,
    /// The variants in order.
    pub variants: &'static [Variant],
    /// See [`Struct::derived`].
    pub derived: &'static [&'static str],
}

/// One variant of an enum.
#[derive(Clone, Copy)]
pub struct Variant {
    /// The variant's name, after serde's renames.
    pub name: &'static str,
    /// The Rust syntax of the fields.
    pub style: Style,
    /// The fields in order.
    pub fields: &'static [Field],
}

/// The Rust syntax of the fields of a struct or a variant. serde serializes each style differently.
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
    /// The field's name, after serde's renames; `"0"`, `"1"` … in tuples.
    pub name: &'static str,
    /// The shape of the field's type.
    pub shape: ShapeRef,
}
