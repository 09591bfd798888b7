//! Converts values to JSON and back, along a shape.
//!
//! Both directions use a [`Document`](document::Document): [`writing`] converts a value to a document, and [`reading`] converts
//! a document to a value.

mod document;
mod integer;
mod keys;
mod text;
mod writing;
mod reading;

use super::position::ShapePosition;
use super::{Value, ValueError};
use crate::shape::ShapeTree;

/// Conversion to and from JSON, with the feature `json`.
///
/// JSON that was written with a shape reads back as the same value with that shape. The JSON looks as if it were written by
/// hand:
///
/// | shape | JSON |
/// | --- | --- |
/// | unit, a struct without fields | `null` |
/// | bool, string | as in JSON |
/// | integers | a number; a string beyond ±(2⁵³ − 1), where many JSON parsers round numbers |
/// | f32, f64 | a number; `"inf"`, `"-inf"`, `"NaN"`; `"NaN:"` and the bits in hex for a NaN other than the canonical one |
/// | char | a string of one character |
/// | bytes, opaque | a string in hex |
/// | a foreign type that implements `Shape` in this crate | a string; `chrono::TimeDelta` an array of seconds and nanoseconds |
/// | option | `null` or the value; if the value itself may be `null`, an object: `{"some": null}` |
/// | list, set, array, tuple, struct of several unnamed fields | an array |
/// | struct of one unnamed field, such as `struct Id(u32)` | that field |
/// | struct with named fields | an object |
/// | enum | a string for a variant without fields, else an object: `{"Limit": {"price": 5}}` |
/// | map | an object, if the keys are strings, chars, bools, integers, UUIDs or variants without fields; else as an ordered map |
/// | ordered map | an array of arrays of key and value, since the order in an object is not significant |
///
/// When reading, integers may be strings everywhere, and the members of an object may have any order. Missing and additional
/// members are errors.
impl Value {
    /// Converts this value of `shape` to JSON in one line.
    ///
    /// ```
    /// use memimage::{Shape, Value, shape::ShapeTree};
    ///
    /// #[derive(Shape)]
    /// struct Deposit {
    ///     account: u32,
    ///     amount: u64,
    /// }
    ///
    /// let shape = ShapeTree::of(Deposit::SHAPE);
    /// let value = Value::decode(&shape, &[7, 100])?;
    /// let json = value.to_json(&shape)?;
    /// assert_eq!(json, r#"{"account":7,"amount":100}"#);
    /// assert_eq!(Value::from_json(&shape, &json)?, value);
    /// # Ok::<(), memimage::ValueError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if this is not a value of the shape, if a map contains one key twice or a struct contains one name
    /// twice, or if the value is nested more than 128 shapes deep.
    pub fn to_json(&self, shape: &ShapeTree) -> Result<String, ValueError> {
        writing::write(self, ShapePosition::root(shape.root()))?.to_text()
    }

    /// Like [`to_json`](Value::to_json), in several lines.
    #[cfg(feature = "admin")]
    pub(crate) fn to_json_lines(&self, shape: &ShapeTree) -> Result<String, ValueError> {
        writing::write(self, ShapePosition::root(shape.root()))?.to_lines()
    }

    /// Converts JSON to a value of `shape`. The JSON and the shape may be untrusted.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not valid JSON, or is not a value of the shape: another kind, a missing, additional or
    /// duplicate member, a number out of range, an unknown variant. Also returns an error if the value is nested more than 128
    /// shapes deep.
    pub fn from_json(shape: &ShapeTree, json: &str) -> Result<Value, ValueError> {
        reading::read(&document::Document::from_text(json)?, ShapePosition::root(shape.root()))
    }
}

#[cfg(test)]
mod tests;
