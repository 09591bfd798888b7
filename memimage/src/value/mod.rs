//! Payloads as maps, lists and scalars: decoded and encoded along a shape, without the program's types.
//!
//! [`decoding`], [`encoding`] and JSON follow a [`ShapeTree`] through the bytes or the value. Decoding, encoding and the JSON
//! conversion track their position in the shape with [`position`]. Bytes, JSON and shapes may be untrusted: reading them does
//! not panic, limits the recursion, and uses memory in proportion to their size.

use std::sync::Arc;

use crate::shape::ShapeTree;

mod access;
mod conversion;
mod decoding;
mod encoding;
mod equality;
mod error;
#[cfg(feature = "json")]
mod json;
mod opaque;
mod position;
pub(crate) mod text;

pub use conversion::FromValue;
pub use error::ValueError;
pub(crate) use position::MAX_DEPTH;

/// A payload or a state as maps, lists and scalars.
///
/// A [`ShapeTree`] defines how bytes decode to a value and how a value encodes to bytes. The shape tree is read from a journal,
/// or created from one of the program's types. [`encode`](Value::encode) checks the complete value against the shape. An
/// upcaster receives a value of the old shape and returns a value of the new shape. Fields have the names that the shapes give
/// them:
///
/// ```
/// use memimage::{Value, ValueError};
///
/// /// Converts dollars to cents, and renames `memo` to `note`.
/// fn deposit_1_to_2(mut value: Value) -> Result<Value, ValueError> {
///     let dollars: u32 = value.take("dollars")?;
///     value.insert("cents", u64::from(dollars) * 100)?;
///     value.rename("memo", "note")?;
///     Ok(value)
/// }
///
/// let old = Value::of_fields([("account", Value::from(7)), ("dollars", Value::from(3)), ("memo", Value::from("rent"))]);
/// let new = deposit_1_to_2(old.clone())?;
/// assert_eq!(new.read::<u64>("cents")?, 300);
///
/// let error = deposit_1_to_2(new).unwrap_err();
/// assert_eq!(error.to_string(), "there is no field `dollars`; the fields are account, note, cents");
/// # Ok::<(), ValueError>(())
/// ```
///
/// The values of each shape:
///
/// | shape | value |
/// | --- | --- |
/// | unit, a struct or variant without fields | `Unit` |
/// | bool, char, string, bytes | `Bool`, `Char`, `String`, `Bytes` |
/// | u8 … u128 | `Unsigned`; encoding also accepts a `Signed` in range |
/// | i8 … i128 | `Signed`; encoding also accepts an `Unsigned` in range |
/// | f32 | `F32`; encoding also accepts an `F64` that is exactly representable |
/// | f64 | `F64`; encoding also accepts an `F32` |
/// | option | `Option` |
/// | list, set, array, tuple, the fields of a tuple struct or tuple variant | `List` |
/// | map, ordered map | `Map` |
/// | struct of one unnamed field, such as `struct Id(u32)` | the value of that field |
/// | struct with named fields | `Struct` |
/// | enum | `Variant`: its name, and its fields like those of a struct |
/// | a foreign type that implements `Shape` in this crate | `String` in the type's own format; `Bytes` for types of `uuid`; for `chrono::TimeDelta` a `List` of seconds and nanoseconds |
/// | another foreign type, by a name that the program gives it | `Opaque`, only at the end of the bytes: only the program knows where its value ends |
///
/// Comparison: numbers are equal if their numeric values are equal, whether they are `Signed` or `Unsigned`. Floats are equal
/// if their bits are equal, so that each value equals itself. Structs are equal regardless of the order of their fields.
#[derive(Clone, Debug)]
pub enum Value {
    /// The unit.
    Unit,
    /// True or false.
    Bool(bool),
    /// A number of an unsigned type.
    Unsigned(u128),
    /// A number of a signed type.
    Signed(i128),
    /// A float of 32 bits.
    F32(f32),
    /// A float of 64 bits.
    F64(f64),
    /// A character.
    Char(char),
    /// A string.
    String(String),
    /// Bytes of a type that serde treats as bytes; a `Vec<u8>` is a `List`.
    Bytes(Vec<u8>),
    /// An optional value.
    Option(Option<Box<Value>>),
    /// Unnamed values in order.
    List(Vec<Value>),
    /// Keys and their values, in the order in which they are encoded.
    Map(Vec<(Value, Value)>),
    /// Fields by name. Decoding returns the fields in the order of the shape; encoding finds each field by its name.
    Struct(Vec<(Arc<str>, Value)>),
    /// A variant's name and its fields.
    Variant(Arc<str>, Box<Value>),
    /// The bytes of a type that the shape describes only by name, unchanged from the journal.
    Opaque(Vec<u8>),
}

impl Value {
    /// Decodes a value of `shape` that spans all of `bytes`. The shape and the bytes may be untrusted.
    ///
    /// Memory use is proportional to the bytes: decoding creates at most 16 values per byte and 65,536 more, so that a few
    /// bytes cannot claim a million values.
    ///
    /// # Errors
    ///
    /// - Returns an error if the bytes are not a value of the shape, or if more bytes follow the value.
    /// - Returns an error if the value is nested more than 128 shapes deep, or has too many parts that take up no bytes.
    /// - Returns an error if more bytes follow an opaque value that only the program can decode.
    /// - Returns an error if the value contains a variant whose name an earlier variant of the same enum also has.
    pub fn decode(shape: &ShapeTree, bytes: &[u8]) -> Result<Value, ValueError> {
        decoding::read(shape.root(), bytes)
    }

    /// Checks that this is a value of `shape`, and encodes it as postcard encodes a value of a Rust type with this shape.
    ///
    /// # Errors
    ///
    /// Returns an error if this is not a value of the shape: another kind, a missing or additional field, a number out of
    /// range, an unknown variant, an array of another length. Also returns an error if the value is nested more than 128 shapes
    /// deep.
    pub fn encode(&self, shape: &ShapeTree) -> Result<Vec<u8>, ValueError> {
        encoding::write(self, shape.root())
    }
}

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod tests;
