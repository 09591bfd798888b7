//! Converts a value to JSON.

use std::collections::HashSet;

use super::document::Document;
use super::{integer, keys, text};
use crate::shape::Primitive;
use crate::shape::node::{Node, NodeFields};
use crate::value::Value;
use crate::value::conversion::narrow;
use crate::value::encoding::{check_length, describe_fields, each_field, no_variant};
use crate::value::error::{ValueError, ValueErrorKind, ValuePathStep};
use crate::value::opaque::{self, ForeignEncoding, foreign_encoding};
use crate::value::position::ShapePosition;
use crate::value::text::hex;

/// A JSON parser that reads numbers as f64 reads every integer up to this absolute value exactly.
const MAX_SAFE: u128 = (1 << 53) - 1;

/// The bits of the canonical NaN.
pub(super) const NAN_32: u32 = 0x7fc0_0000;
pub(super) const NAN_64: u64 = 0x7ff8_0000_0000_0000;

/// Converts a value of the shape at `position` to a document.
pub(super) fn write(value: &Value, position: ShapePosition<'_>) -> Result<Document, ValueError> {
    match (position.node, value) {
        (Node::Primitive(primitive), _) => write_primitive(*primitive, value, position.node),
        (Node::Option(_), Value::Option(None)) => Ok(Document::Null),
        (Node::Option(item), Value::Option(Some(value))) => {
            let position = position.part(item)?;
            let document = write(value, position).map_err(|error| error.at(ValuePathStep::Some))?;
            if keys::is_nullable(position) {
                Ok(Document::Object(vec![("some".to_owned(), document)]))
            } else {
                Ok(document)
            }
        }
        (Node::List(item) | Node::Set(item) | Node::OrderedSet(item) | Node::Multiset(item), Value::List(items)) => {
            write_items(items, position.part(item)?)
        }
        (Node::Array(item, number), Value::List(items)) => {
            check_length(*number, items.len())?;
            write_items(items, position.part(item)?)
        }
        (Node::Map(entry), Value::Map(entries)) if keys::is_key(position.part(&entry.0)?) => {
            write_object(entries, position.part(&entry.0)?, position.part(&entry.1)?)
        }
        (Node::Map(entry) | Node::OrderedMap(entry), Value::Map(entries)) => {
            write_entries(entries, position.part(&entry.0)?, position.part(&entry.1)?)
        }
        (Node::Tuple(shapes), Value::List(items)) => {
            check_length(shapes.len() as u64, items.len())?;
            let item = |(i, (item, shape))| {
                position
                    .part(shape)
                    .and_then(|position| write(item, position))
                    .map_err(|error| error.at(ValuePathStep::Position(i)))
            };
            Ok(Document::List(items.iter().zip(shapes).enumerate().map(item).collect::<Result<_, _>>()?))
        }
        (Node::Struct(fields), _) => write_fields(value, position, fields),
        (Node::Enum(variants), Value::Variant(name, value)) => {
            let Some(variant) = variants.iter().find(|variant| variant.name == *name) else {
                return Err(no_variant(name, variants));
            };
            let fields = write_fields(value, position, &variant.fields);
            let fields = fields.map_err(|error| error.at(ValuePathStep::Variant(name.clone())))?;
            match variant.fields {
                NodeFields::Unit => Ok(Document::Text(name.to_string())),
                _ => Ok(Document::Object(vec![(name.to_string(), fields)])),
            }
        }
        (Node::Opaque(name) | Node::Unordered(name), _) => write_opaque(value, name, position.node),
        (Node::Back(steps), _) => write(value, position.back(*steps)),
        _ => Err(ValueError::mismatch(position.node, value)),
    }
}

fn write_primitive(primitive: Primitive, value: &Value, node: &Node) -> Result<Document, ValueError> {
    Ok(match (primitive, value) {
        (Primitive::Unit, Value::Unit) => Document::Null,
        (Primitive::Bool, Value::Bool(value)) => Document::Bool(*value),
        (Primitive::Char, Value::Char(char)) => Document::Text(char.to_string()),
        (Primitive::String, Value::String(text)) => Document::Text(text.clone()),
        (Primitive::Bytes, Value::Bytes(bytes)) => Document::Text(hex(bytes)),
        (Primitive::F32, Value::F32(number)) => write_f32(*number),
        (Primitive::F32, Value::F64(number)) => write_f32(narrow(*number)?),
        (Primitive::F64, Value::F64(number)) => write_f64(*number),
        (Primitive::F64, Value::F32(number)) => write_f64(f64::from(*number)),
        (_, Value::Unsigned(number)) if integer::is_integer(primitive, value)? => match i128::try_from(*number) {
            Ok(small) if *number <= MAX_SAFE => Document::Integer(small),
            _ => Document::Text(number.to_string()),
        },
        (_, Value::Signed(number)) if integer::is_integer(primitive, value)? => {
            if number.unsigned_abs() <= MAX_SAFE {
                Document::Integer(*number)
            } else {
                Document::Text(number.to_string())
            }
        }
        _ => return Err(ValueError::mismatch(node, value)),
    })
}

fn write_f64(number: f64) -> Document {
    if number.is_finite() {
        return Document::Float(number);
    }
    let (is_nan, is_negative) = (number.is_nan(), number.is_sign_negative());
    Document::Text(text::not_finite(is_nan, is_negative, number.to_bits(), NAN_64, 16))
}

/// Writes the fewest digits that identify the 32-bit float, if reading them as a 64-bit float and rounding to 32 bits restores
/// the float. Otherwise writes the digits of the 64-bit float with the same value.
fn write_f32(number: f32) -> Document {
    if !number.is_finite() {
        let (is_nan, is_negative) = (number.is_nan(), number.is_sign_negative());
        let (bits, canonical) = (u64::from(number.to_bits()), u64::from(NAN_32));
        return Document::Text(text::not_finite(is_nan, is_negative, bits, canonical, 8));
    }
    let short = number.to_string().parse().ok().filter(|short: &f64| (*short as f32).to_bits() == number.to_bits());
    Document::Float(short.unwrap_or(f64::from(number)))
}

fn write_items(items: &[Value], position: ShapePosition<'_>) -> Result<Document, ValueError> {
    let item = |(i, item)| write(item, position).map_err(|error| error.at(ValuePathStep::Index(i)));
    Ok(Document::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?))
}

fn write_object(
    entries: &[(Value, Value)],
    key_position: ShapePosition<'_>,
    value_position: ShapePosition<'_>,
) -> Result<Document, ValueError> {
    let mut members: Vec<(String, Document)> = Vec::with_capacity(entries.len());
    for (i, (key, value)) in entries.iter().enumerate() {
        let key = match write(key, key_position).map_err(|error| error.at(ValuePathStep::Key(i)))? {
            Document::Text(text) => text,
            Document::Integer(number) => number.to_string(),
            Document::Bool(value) => value.to_string(),
            other => unreachable!("{} is not a key", other.describe()),
        };
        members.push((key, write(value, value_position).map_err(|error| error.at(ValuePathStep::Value(i)))?));
    }
    object(members)
}

/// Creates an object. Returns an error if two members have the same name, because most JSON parsers keep only one of two such
/// members.
fn object(members: Vec<(String, Document)>) -> Result<Document, ValueError> {
    let mut names = HashSet::with_capacity(members.len());
    match members.iter().find(|(name, _)| !names.insert(name.as_str())) {
        Some((name, _)) => Err(ValueError::new(ValueErrorKind::DuplicateKey(name.clone()))),
        None => Ok(Document::Object(members)),
    }
}

fn write_entries(
    entries: &[(Value, Value)],
    key_position: ShapePosition<'_>,
    value_position: ShapePosition<'_>,
) -> Result<Document, ValueError> {
    let entry = |(i, (key, value)): (usize, &(Value, Value))| {
        let key = write(key, key_position).map_err(|error| error.at(ValuePathStep::Key(i)))?;
        let value = write(value, value_position).map_err(|error| error.at(ValuePathStep::Value(i)));
        value.map(|value| Document::List(vec![key, value]))
    };
    Ok(Document::List(entries.iter().enumerate().map(entry).collect::<Result<_, _>>()?))
}

fn write_fields(value: &Value, position: ShapePosition<'_>, fields: &NodeFields) -> Result<Document, ValueError> {
    let enclosing = position.as_enclosing();
    match (fields, value) {
        (NodeFields::Unit, Value::Unit) => Ok(Document::Null),
        (NodeFields::Newtype(item), _) => {
            write(value, position.field(item, &enclosing)?).map_err(|error| error.at(ValuePathStep::Position(0)))
        }
        (NodeFields::Tuple(shapes), Value::List(items)) => {
            check_length(shapes.len() as u64, items.len())?;
            let mut documents = Vec::with_capacity(items.len());
            for (i, (item, shape)) in items.iter().zip(shapes).enumerate() {
                let document = write(item, position.field(shape, &enclosing)?);
                documents.push(document.map_err(|error| error.at(ValuePathStep::Position(i)))?);
            }
            Ok(Document::List(documents))
        }
        (NodeFields::Named(fields), Value::Struct(values)) => {
            let mut members = Vec::with_capacity(values.len());
            each_field(values, fields, |field, value| {
                members.push((field.name.to_string(), write(value, position.field(&field.shape, &enclosing)?)?));
                Ok(())
            })?;
            object(members)
        }
        _ => Err(ValueError::unexpected(describe_fields(fields), value)),
    }
}

fn write_opaque(value: &Value, name: &str, node: &Node) -> Result<Document, ValueError> {
    Ok(match (foreign_encoding(name), value) {
        (Some(ForeignEncoding::Text), Value::String(text)) => Document::Text(text.clone()),
        (Some(ForeignEncoding::TimeDelta), Value::List(parts)) => {
            check_length(2, parts.len())?;
            let part = |i: usize, primitive| {
                let part = write_primitive(primitive, &parts[i], &Node::Primitive(primitive));
                part.map_err(|error| error.at(ValuePathStep::Position(i)))
            };
            Document::List(vec![part(0, Primitive::I64)?, part(1, Primitive::I32)?])
        }
        (Some(ForeignEncoding::Uuid), Value::Bytes(bytes)) => {
            opaque::check_uuid(value)?;
            Document::Text(text::uuid(bytes))
        }
        (None, Value::Opaque(bytes)) => Document::Text(hex(bytes)),
        _ => return Err(ValueError::mismatch(node, value)),
    })
}
