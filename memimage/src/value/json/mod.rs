//! Values to JSON and back, along a shape.
//!
//! Both ways lead through a [`Document`](document::Document): [`writing`] makes one of a value, [`reading`] a value of one.

mod document;
mod integer;
mod keys;
mod reading;
mod text;
mod writing;

use super::walk::Place;
use super::{Value, ValueError};
use crate::shape::ShapeTree;

/// JSON, with the feature `json`.
///
/// What is written reads back as the same value, by the same shape, and looks as one would write it by hand:
///
/// | shape | JSON |
/// | --- | --- |
/// | unit, a struct without fields | `null` |
/// | bool, string | as in JSON |
/// | integers | a number; a string beyond ±(2⁵³ − 1), where many readers of JSON round numbers |
/// | f32, f64 | a number; `"inf"`, `"-inf"`, `"NaN"`, and `"NaN:"` with its bits in hex for another than the usual |
/// | char | a string of one character |
/// | bytes, opaque | a string in hex |
/// | a foreign type that has a `Shape` in this library | a string; `chrono::TimeDelta` an array of seconds and nanoseconds |
/// | option | `null` or the value; the value in an object, `{"some": null}`, where it may be `null` itself |
/// | list, set, array, tuple, struct of several fields without names | an array |
/// | struct of one field without a name, such as `struct Id(u32)` | that field |
/// | struct with named fields | an object |
/// | enum | a string for a variant without fields, else an object: `{"Limit": {"price": 5}}` |
/// | map | an object, if the keys are strings, chars, bools, integers, UUIDs or variants without fields; else as an ordered map |
/// | ordered map | an array of arrays of key and value, for the order in an object means nothing |
///
/// On reading, integers may be strings everywhere and the members of an object in any order; none may be missing or too
/// many.
impl Value {
    /// This value of `shape` as JSON in one line.
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
    /// If this is no value of the shape, or has a map with one key twice, or a struct with one name twice. If it is nested
    /// more than 128 shapes deep.
    pub fn to_json(&self, shape: &ShapeTree) -> Result<String, ValueError> {
        writing::write(self, Place::root(shape.root()))?.to_text()
    }

    /// Reads a value of `shape` from JSON. Both may be anything.
    ///
    /// # Errors
    ///
    /// If it is no JSON, or no value of the shape: another kind, a member missing or too many or twice, a number out of
    /// range, an unknown variant. If it is nested more than 128 shapes deep.
    pub fn from_json(shape: &ShapeTree, json: &str) -> Result<Value, ValueError> {
        reading::read(&document::Document::from_text(json)?, Place::root(shape.root()))
    }
}

#[cfg(test)]
mod tests;
