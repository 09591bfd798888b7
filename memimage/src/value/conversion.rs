//! Converts Rust types to values and back.

use std::collections::BTreeMap;

use super::Value;
use super::error::{ValueError, ValueErrorKind, ValuePathStep};

/// A Rust type to which a value converts; see [`Value::take`].
#[diagnostic::on_unimplemented(
    message = "a `Value` does not convert to `{Self}`",
    note = "a `Value` converts to scalars, `String` and `Value`, and to `Option`, `Vec` and `BTreeMap` of these"
)]
pub trait FromValue: Sized {
    /// Converts `value`.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another type or is out of range.
    fn from_value(value: Value) -> Result<Self, ValueError>;
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Value, ValueError> {
        Ok(value)
    }
}

macro_rules! integers {
    ($($type:ident => $variant:ident as $widest:ident,)+) => {$(
        impl From<$type> for Value {
            fn from(number: $type) -> Value {
                Value::$variant(number as $widest)
            }
        }

        impl FromValue for $type {
            fn from_value(value: Value) -> Result<$type, ValueError> {
                value.integer(stringify!($type))
            }
        }
    )+};
}

integers! {
    u8 => Unsigned as u128,
    u16 => Unsigned as u128,
    u32 => Unsigned as u128,
    u64 => Unsigned as u128,
    u128 => Unsigned as u128,
    usize => Unsigned as u128,
    i8 => Signed as i128,
    i16 => Signed as i128,
    i32 => Signed as i128,
    i64 => Signed as i128,
    i128 => Signed as i128,
    isize => Signed as i128,
}

macro_rules! scalars {
    ($($type:ident => $variant:ident, $what:literal,)+) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Value {
                Value::$variant(value)
            }
        }

        impl FromValue for $type {
            fn from_value(value: Value) -> Result<$type, ValueError> {
                match value {
                    Value::$variant(value) => Ok(value),
                    _ => Err(ValueError::unexpected($what, &value)),
                }
            }
        }
    )+};
}

scalars! {
    bool => Bool, "a bool",
    char => Char, "a character",
    String => String, "a string",
}

impl From<()> for Value {
    fn from((): ()) -> Value {
        Value::Unit
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Value {
        Value::F32(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::F64(number)
    }
}

impl FromValue for f64 {
    fn from_value(value: Value) -> Result<f64, ValueError> {
        value.as_f64()
    }
}

/// A 64-bit float converts to an `f32` only if the `f32` represents it exactly.
impl FromValue for f32 {
    fn from_value(value: Value) -> Result<f32, ValueError> {
        match value {
            Value::F32(number) => Ok(number),
            Value::F64(number) => narrow(number),
            _ => Err(ValueError::unexpected("a float", &value)),
        }
    }
}

/// Converts a float to 32 bits, if 32 bits can represent it exactly.
pub(super) fn narrow(number: f64) -> Result<f32, ValueError> {
    let narrow = number as f32;
    if f64::from(narrow).to_bits() == number.to_bits() {
        Ok(narrow)
    } else {
        Err(ValueError::new(ValueErrorKind::Inexact { number: number.to_string(), expected: "f32".to_owned() }))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        Value::Option(value.map(|value| Box::new(value.into())))
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Option<T>, ValueError> {
        match value {
            Value::Option(None) => Ok(None),
            Value::Option(Some(value)) => {
                T::from_value(*value).map(Some).map_err(|error| error.at(ValuePathStep::Some))
            }
            _ => Err(ValueError::unexpected("an option", &value)),
        }
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Value) -> Result<Vec<T>, ValueError> {
        let Value::List(items) = value else { return Err(ValueError::unexpected("a list", &value)) };
        let item = |(i, item)| T::from_value(item).map_err(|error| error.at(ValuePathStep::Index(i)));
        items.into_iter().enumerate().map(item).collect()
    }
}

impl<K: Into<Value>, V: Into<Value>> From<BTreeMap<K, V>> for Value {
    fn from(entries: BTreeMap<K, V>) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    fn from_value(value: Value) -> Result<BTreeMap<K, V>, ValueError> {
        let Value::Map(entries) = value else { return Err(ValueError::unexpected("a map", &value)) };
        let entry = |(i, (key, value))| {
            let key = K::from_value(key).map_err(|error| error.at(ValuePathStep::Key(i)))?;
            Ok((key, V::from_value(value).map_err(|error| error.at(ValuePathStep::Value(i)))?))
        };
        entries.into_iter().enumerate().map(entry).collect()
    }
}
