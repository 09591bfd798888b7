//! Parts as JSON, or as another format of serde.

use serde::Serialize;
use serde::ser::{SerializeMap as _, SerializeSeq as _, Serializer};

use super::kind::Kind;
use super::part::{Content, Part};
use crate::value::Value;
use crate::value::text::hex;

/// A JSON parser that reads numbers as f64 reads every integer up to this absolute value exactly.
const MAX_SAFE: u64 = (1 << 53) - 1;

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.variant, &self.content) {
            (None, _) => Contents(self).serialize(serializer),
            (Some(_), Content::Preview(text)) => serializer.serialize_str(text),
            (Some(variant), Content::Scalar(Value::Unit)) => serializer.serialize_str(variant),
            (Some(variant), _) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(variant, &Contents(self))?;
                map.end()
            }
        }
    }
}

/// A part without the name of its variant.
struct Contents<'p>(&'p Part);

impl Serialize for Contents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (&self.0.content, self.0.kind) {
            (Content::Scalar(value), _) => ScalarJson(value).serialize(serializer),
            (Content::Preview(text), _) => serializer.serialize_str(text),
            (Content::Entries { entries, .. }, Kind::Record | Kind::Map) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|entry| map.serialize_entry(&entry.key, &entry.part))?;
                map.end()
            }
            // a variant whose only field is a variant too
            (Content::Entries { entries, .. }, Kind::Tuple) if self.0.variant.is_some() && entries.len() == 1 => {
                entries[0].part.serialize(serializer)
            }
            (Content::Entries { entries, .. }, _) => {
                let mut list = serializer.serialize_seq(Some(entries.len()))?;
                entries.iter().try_for_each(|entry| list.serialize_element(&entry.part))?;
                list.end()
            }
        }
    }
}

/// A scalar as JSON.
pub(super) struct ScalarJson<'v>(pub(super) &'v Value);

impl Serialize for ScalarJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Unsigned(number) => match u64::try_from(*number) {
                Ok(number) if number <= MAX_SAFE => serializer.serialize_u64(number),
                _ => serializer.collect_str(number),
            },
            Value::Signed(number) => match i64::try_from(*number) {
                Ok(number) if number.unsigned_abs() <= MAX_SAFE => serializer.serialize_i64(number),
                _ => serializer.collect_str(number),
            },
            Value::F32(number) if number.is_finite() => serializer.serialize_f32(*number),
            Value::F64(number) if number.is_finite() => serializer.serialize_f64(*number),
            Value::F32(number) => serializer.collect_str(number),
            Value::F64(number) => serializer.collect_str(number),
            Value::Char(next) => serializer.serialize_char(*next),
            Value::String(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) | Value::Opaque(bytes) => serializer.serialize_str(&hex(bytes)),
            // a scalar has no parts, so the others do not occur
            _ => serializer.serialize_none(),
        }
    }
}
