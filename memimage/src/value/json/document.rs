//! A JSON document, independent of any shape.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::value::error::{ValueError, ValueErrorKind};
use crate::value::position::MAX_DEPTH;

/// The maximum nesting of arrays and objects. One level of a shape needs at most two levels of JSON: a variant with its fields,
/// or a map with its entries.
const MAX_NESTED: u32 = 2 * MAX_DEPTH;

/// If a crate of the program enables serde_json's feature `arbitrary_precision`, serde_json passes each number as an object
/// with this key.
const NUMBER: &str = "$serde_json::private::Number";

/// Any JSON document. Unlike `serde_json::Value`, it keeps the order of members, and keeps all members that have the same name.
#[derive(Debug, PartialEq)]
pub(super) enum Document {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Document>),
    Object(Vec<(String, Document)>),
}

impl Document {
    pub(super) fn from_text(json: &str) -> Result<Document, ValueError> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        deserializer.disable_recursion_limit(); // `DocumentSeed` has its own limit
        let document = DocumentSeed { depth_left: MAX_NESTED }.deserialize(&mut deserializer);
        let document = document.and_then(|document| deserializer.end().map(|()| document));
        document.map_err(|error| ValueError::new(ValueErrorKind::Json(error.to_string())))
    }

    fn number(text: &str) -> Result<Document, &'static str> {
        match (text.parse(), text.parse::<f64>()) {
            (Ok(integer), _) => Ok(Document::Integer(integer)),
            (_, Ok(float)) if float.is_finite() => Ok(Document::Float(float)),
            _ => Err("number out of range"),
        }
    }

    pub(super) fn to_text(&self) -> Result<String, ValueError> {
        serde_json::to_string(self).map_err(ValueError::custom)
    }

    #[cfg(feature = "admin")]
    pub(super) fn to_lines(&self) -> Result<String, ValueError> {
        serde_json::to_string_pretty(self).map_err(ValueError::custom)
    }

    /// A short description for messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Document::Null => "null".to_owned(),
            Document::Bool(value) => format!("{value}"),
            Document::Integer(number) => format!("the integer {number}"),
            Document::Float(number) => format!("the number {number:?}"),
            Document::Text(text) => format!("the string {:?}", text.chars().take(40).collect::<String>()),
            Document::List(items) => format!("an array of {}", items.len()),
            Document::Object(members) => format!("an object of {}", members.len()),
        }
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Document::Null => serializer.serialize_unit(),
            Document::Bool(value) => serializer.serialize_bool(*value),
            Document::Integer(number) => serializer.serialize_i128(*number),
            Document::Float(number) => serializer.serialize_f64(*number),
            Document::Text(text) => serializer.serialize_str(text),
            Document::List(items) => serializer.collect_seq(items),
            Document::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// Deserializes a document whose depth is limited.
#[derive(Clone, Copy)]
struct DocumentSeed {
    /// The maximum number of levels below this one.
    depth_left: u32,
}

impl DocumentSeed {
    fn deeper<E: serde::de::Error>(self) -> Result<DocumentSeed, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(DocumentSeed { depth_left }),
            None => Err(E::custom(format_args!("it is nested more than {MAX_NESTED} levels deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for DocumentSeed {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Document, E> {
        Ok(Document::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Document, E> {
        Ok(Document::Integer(i128::from(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Document, E> {
        Ok(Document::Integer(i128::from(number)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Document, E> {
        Ok(Document::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Document, E> {
        Ok(Document::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Document, A::Error> {
        let inside = self.deeper::<A::Error>()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Document::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Document, A::Error> {
        let inside = self.deeper::<A::Error>()?;
        let mut object = Vec::new();
        while let Some(name) = members.next_key()? {
            object.push((name, members.next_value_seed(inside)?));
        }
        match &object[..] {
            [(name, Document::Text(number))] if name == NUMBER => Document::number(number).map_err(A::Error::custom),
            _ => Ok(Document::Object(object)),
        }
    }
}
