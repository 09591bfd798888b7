//! Payloads as maps, lists and scalars: read and written by a shape alone, without the program's types.
//!
//! A [`ShapeTree`] leads the way through bytes ([`decoding`]), through a value ([`encoding`]) and through JSON; [`walk`] is
//! what these have in common. Bytes, JSON and shapes may be anything: reading them neither panics nor recurses without
//! bound, and allocates in proportion to their size.

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
mod walk;

pub use conversion::FromValue;
pub use error::ValueError;
pub(crate) use walk::MAX_DEPTH;

/// Any payload or state as maps, lists and scalars.
///
/// A [`ShapeTree`] that was read from a journal, or made of one of the program's types, turns bytes into a value and a
/// value into bytes; [`encode`](Value::encode) checks the value against the shape, all of it. An upcaster gets a value of
/// the old shape and returns one of the new, and names fields as the shapes do:
///
/// ```
/// use memimage::{Value, ValueError};
///
/// /// Whole dollars become cents, and `memo` is told by whom.
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
/// What a value of each shape is:
///
/// | shape | value |
/// | --- | --- |
/// | unit, a struct or variant without fields | `Unit` |
/// | bool, char, string, bytes | `Bool`, `Char`, `String`, `Bytes` |
/// | u8 … u128 | `Unsigned`; on writing `Signed` as well, where the number is in range |
/// | i8 … i128 | `Signed`; on writing `Unsigned` as well, where the number is in range |
/// | f32 | `F32`; on writing `F64` as well, where nothing is lost by rounding |
/// | f64 | `F64`; on writing `F32` as well |
/// | option | `Option` |
/// | list, set, array, tuple, the fields of a tuple struct or tuple variant | `List` |
/// | map, ordered map | `Map` |
/// | struct of one field without a name, such as `struct Id(u32)` | the value of that field |
/// | struct with named fields | `Struct` |
/// | enum | `Variant`: its name and its fields, as those of a struct |
/// | a foreign type that has a `Shape` in this library | `String` in the type's own form; `Bytes` for those of `uuid`; for `chrono::TimeDelta` a `List` of seconds and nanoseconds |
/// | another foreign type, by a name of the program's own | `Opaque`, and only where nothing follows it: nobody but the program knows where it ends |
///
/// Numbers are equal by their value, whether `Signed` or not; floats by their bits, so that a value equals itself; structs
/// whatever the order of their fields.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing but that it is there.
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
    /// A text.
    String(String),
    /// Bytes of a type that serde takes for bytes; a `Vec<u8>` is a `List`.
    Bytes(Vec<u8>),
    /// Something, or none.
    Option(Option<Box<Value>>),
    /// Values in a row, without names.
    List(Vec<Value>),
    /// Keys and their values, in the order written.
    Map(Vec<(Value, Value)>),
    /// Fields by name, in the order of the shape they were read by; when written they are found by name.
    Struct(Vec<(Arc<str>, Value)>),
    /// A variant's name and its fields.
    Variant(Arc<str>, Box<Value>),
    /// Bytes of a type that the shape gives by name only, as they are in the journal.
    Opaque(Vec<u8>),
}

impl Value {
    /// Reads a value of `shape` that fills `bytes`. Both may be anything: nothing is believed unseen.
    ///
    /// Memory is in proportion to the bytes: at most 16 values for each, and 65,536 more, so that a few bytes cannot claim
    /// a million units.
    ///
    /// # Errors
    ///
    /// If the bytes are no value of the shape or go on after it; if the value is nested more than 128 shapes deep or has
    /// too many parts that take up no bytes; if it holds a type that is known to the program only and anything follows; if
    /// it holds a variant of an enum with an earlier one of that name.
    pub fn decode(shape: &ShapeTree, bytes: &[u8]) -> Result<Value, ValueError> {
        decoding::read(shape.root(), bytes)
    }

    /// Checks that this is a value of `shape`, and writes it as the type of that shape is written.
    ///
    /// # Errors
    ///
    /// If it is no value of the shape: another kind, a field missing or too many, a number out of range, an unknown
    /// variant, an array of another length. If it is nested more than 128 shapes deep.
    pub fn encode(&self, shape: &ShapeTree) -> Result<Vec<u8>, ValueError> {
        encoding::write(self, shape.root())
    }
}

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod tests;
