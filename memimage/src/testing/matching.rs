//! Whether a type's `Serialize` and `Deserialize` are in keeping with its `Shape`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{difference, text};
use crate::digest::digest;
use crate::event::decode;
use crate::shape::{Shape, ShapeTree};

/// Makes sure that a value is serialized as its type's [`Shape`] says, and is read back as it was.
///
/// Derived ones always do. Those that are written by hand, or come with a foreign type that has an opaque name, are worth a
/// test with a few values: at runtime a mismatch is found when a snapshot is made, and a payload's never.
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
/// If they are not in keeping, with the path to where.
#[track_caller]
pub fn shape_matches<T: Shape + Serialize + DeserializeOwned>(value: &T) {
    if let Err(what) = matches(value) {
        panic!("`{}`: {what}", std::any::type_name::<T>());
    }
}

fn matches<T: Shape + Serialize + DeserializeOwned>(value: &T) -> Result<(), String> {
    let before = digest(value).map_err(|error| {
        let mend = match error.is_mismatch() {
            true => "; write Serialize as the derived one would, or derive it, or give the type an opaque name where it is used",
            false => "",
        };
        format!("{error}{mend}")
    })?;
    let shape = ShapeTree::of(T::SHAPE);
    let bytes = postcard::to_stdvec(value).map_err(|error| format!("it cannot be encoded: {error}"))?;
    let found = |what: String| format!("{what}; it was written as {}", text::line(&shape, &bytes));
    let back: T = decode(&bytes)
        .map_err(|fault| found(format!("its Deserialize does not read what its Serialize wrote: {fault}")))?;
    let after =
        digest(&back).map_err(|error| found(format!("what its Deserialize made does not serialize: {error}")))?;
    if before == after {
        return Ok(());
    }
    let again = postcard::to_stdvec(&back).map_err(|error| format!("it cannot be encoded again: {error}"))?;
    let lines = difference::lines(&shape, &bytes, &again, ["written", "read back"]);
    Err(format!("its Deserialize makes another value of what its Serialize wrote:{lines}"))
}
