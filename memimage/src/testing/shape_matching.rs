//! The test that a type's `Serialize` and `Deserialize` match its `Shape`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{value_difference, value_text};
use crate::digest::digest;
use crate::event::decode_state;
use crate::personal::with_test_keys;
use crate::shape::{Shape, ShapeTree};

/// Checks that a value serializes as its type's [`Shape`] describes, and that decoding restores it.
///
/// Derived implementations always match. Test hand-written implementations, and the implementations of foreign types with an
/// opaque name, with a few values each. At run time, a mismatch in the state causes an error at the next snapshot, but a
/// mismatch in a payload is never detected.
///
/// ```
/// # use std::collections::BTreeMap;
/// use memimage::testing::shape_matches;
///
/// shape_matches(&BTreeMap::from([(7, Some("rent"))].map(|(key, text)| (key, text.map(str::to_owned)))));
/// ```
///
/// ```should_panic
/// use memimage::Shape;
/// use serde::{Deserialize, Serialize, Serializer};
///
/// #[derive(Shape, Deserialize)]
/// struct Cents(u64);
///
/// impl Serialize for Cents {
///     fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
///         serializer.serialize_str(&self.0.to_string())
///     }
/// }
///
/// // its shape has a struct with one unnamed field, but its Serialize wrote string
/// memimage::testing::shape_matches(&Cents(100));
/// ```
///
/// # Panics
///
/// Panics if the implementations do not match. The message contains the path of the difference.
#[track_caller]
pub fn shape_matches<T: Shape + Serialize + DeserializeOwned>(value: &T) {
    if let Err(message) = matches(value) {
        panic!("`{}`: {message}", std::any::type_name::<T>());
    }
}

fn matches<T: Shape + Serialize + DeserializeOwned>(value: &T) -> Result<(), String> {
    let before = digest(value).map_err(|error| {
        let help = match error.is_mismatch() {
            true => {
                "; help: derive `Serialize`, or write what the derived implementation writes, or give the type an opaque name \
                 where it is used"
            }
            false => "",
        };
        format!("{error}{help}")
    })?;
    let shape = ShapeTree::of(T::SHAPE);
    let bytes = with_test_keys(|| postcard::to_stdvec(value))
        .map_err(|error| format!("the value cannot be encoded: {error}"))?;
    let with_value = |what: String| format!("{what}; the value was written as {}", value_text::line(&shape, &bytes));
    let decoded: T = decode_state(&bytes).map_err(|fault| {
        with_value(format!("its Deserialize cannot read the bytes that its Serialize wrote: {fault}"))
    })?;
    let after = digest(&decoded).map_err(|error| {
        with_value(format!("the value that its Deserialize returned cannot be serialized: {error}"))
    })?;
    if before == after {
        return Ok(());
    }
    let again =
        postcard::to_stdvec(&decoded).map_err(|error| format!("the decoded value cannot be encoded: {error}"))?;
    let lines = value_difference::lines(&shape, &bytes, &again, ["written", "read back"]);
    Err(format!("its Deserialize returned another value than its Serialize wrote:{lines}"))
}
