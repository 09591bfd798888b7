//! A value to JSON.

use std::collections::HashSet;

use super::document::Document;
use super::{integer, keys, text};
use crate::shape::Primitive;
use crate::shape::node::{Fields, Node};
use crate::value::Value;
use crate::value::conversion::narrow;
use crate::value::encoding::{check_length, described, each_field, no_variant};
use crate::value::error::{Fault, Step, ValueError};
use crate::value::opaque::{self, Known, known};
use crate::value::walk::Place;

/// Beyond this, readers that keep numbers as f64 round them.
const MAX_SAFE: u128 = (1 << 53) - 1;

/// The usual NaN.
pub(super) const NAN_32: u32 = 0x7fc0_0000;
pub(super) const NAN_64: u64 = 0x7ff8_0000_0000_0000;

/// The document of a value of the shape.
pub(super) fn write(value: &Value, place: Place<'_>) -> Result<Document, ValueError> {
    match (place.node, value) {
        (Node::Primitive(primitive), _) => write_primitive(*primitive, value, place.node),
        (Node::Option(_), Value::Option(None)) => Ok(Document::Null),
        (Node::Option(item), Value::Option(Some(value))) => {
            let place = place.part(item)?;
            let document = write(value, place).map_err(|error| error.at(Step::Some))?;
            match keys::is_nullable(place) {
                true => Ok(Document::Object(vec![("some".to_owned(), document)])),
                false => Ok(document),
            }
        }
        (Node::List(item) | Node::Set(item), Value::List(items)) => write_items(items, place.part(item)?),
        (Node::Array(item, number), Value::List(items)) => {
            check_length(*number, items.len())?;
            write_items(items, place.part(item)?)
        }
        (Node::Map(entry), Value::Map(entries)) if keys::is_key(place.part(&entry.0)?) => {
            write_object(entries, place.part(&entry.0)?, place.part(&entry.1)?)
        }
        (Node::Map(entry) | Node::OrderedMap(entry), Value::Map(entries)) => {
            write_entries(entries, place.part(&entry.0)?, place.part(&entry.1)?)
        }
        (Node::Tuple(shapes), Value::List(items)) => {
            check_length(shapes.len() as u64, items.len())?;
            let item = |(i, (item, shape))| {
                place.part(shape).and_then(|place| write(item, place)).map_err(|error| error.at(Step::Position(i)))
            };
            Ok(Document::List(items.iter().zip(shapes).enumerate().map(item).collect::<Result<_, _>>()?))
        }
        (Node::Struct(fields), _) => write_fields(value, place, fields),
        (Node::Enum(variants), Value::Variant(name, value)) => {
            let Some(variant) = variants.iter().find(|variant| variant.name == *name) else {
                return Err(no_variant(name, variants));
            };
            let fields = write_fields(value, place, &variant.fields);
            let fields = fields.map_err(|error| error.at(Step::Variant(name.clone())))?;
            match variant.fields {
                Fields::Unit => Ok(Document::Text(name.to_string())),
                _ => Ok(Document::Object(vec![(name.to_string(), fields)])),
            }
        }
        (Node::Opaque(name), _) => write_opaque(value, name, place.node),
        (Node::Back(steps), _) => write(value, place.back(*steps)),
        _ => Err(ValueError::mismatch(place.node, value)),
    }
}

fn write_primitive(primitive: Primitive, value: &Value, node: &Node) -> Result<Document, ValueError> {
    Ok(match (primitive, value) {
        (Primitive::Unit, Value::Unit) => Document::Null,
        (Primitive::Bool, Value::Bool(value)) => Document::Bool(*value),
        (Primitive::Char, Value::Char(char)) => Document::Text(char.to_string()),
        (Primitive::String, Value::String(text)) => Document::Text(text.clone()),
        (Primitive::Bytes, Value::Bytes(bytes)) => Document::Text(text::hex(bytes)),
        (Primitive::F32, Value::F32(number)) => write_f32(*number),
        (Primitive::F32, Value::F64(number)) => write_f32(narrow(*number)?),
        (Primitive::F64, Value::F64(number)) => write_f64(*number),
        (Primitive::F64, Value::F32(number)) => write_f64(f64::from(*number)),
        (_, Value::Unsigned(number)) if integer::is_one(primitive, value)? => match i128::try_from(*number) {
            Ok(small) if *number <= MAX_SAFE => Document::Integer(small),
            _ => Document::Text(number.to_string()),
        },
        (_, Value::Signed(number)) if integer::is_one(primitive, value)? => match number.unsigned_abs() <= MAX_SAFE {
            true => Document::Integer(*number),
            false => Document::Text(number.to_string()),
        },
        _ => return Err(ValueError::mismatch(node, value)),
    })
}

fn write_f64(number: f64) -> Document {
    match number.is_finite() {
        true => Document::Float(number),
        false => {
            let (is_nan, is_negative) = (number.is_nan(), number.is_sign_negative());
            Document::Text(text::not_finite(is_nan, is_negative, number.to_bits(), NAN_64, 16))
        }
    }
}

/// In as few digits as tell it from other floats of 32 bits, if their way back through 64 bits leads here again.
fn write_f32(number: f32) -> Document {
    if !number.is_finite() {
        let (is_nan, is_negative) = (number.is_nan(), number.is_sign_negative());
        let (bits, usual) = (u64::from(number.to_bits()), u64::from(NAN_32));
        return Document::Text(text::not_finite(is_nan, is_negative, bits, usual, 8));
    }
    let short = number.to_string().parse().ok().filter(|short: &f64| (*short as f32).to_bits() == number.to_bits());
    Document::Float(short.unwrap_or(f64::from(number)))
}

fn write_items(items: &[Value], place: Place<'_>) -> Result<Document, ValueError> {
    let item = |(i, item)| write(item, place).map_err(|error| error.at(Step::Index(i)));
    Ok(Document::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?))
}

fn write_object(
    entries: &[(Value, Value)],
    key_place: Place<'_>,
    value_place: Place<'_>,
) -> Result<Document, ValueError> {
    let mut members: Vec<(String, Document)> = Vec::with_capacity(entries.len());
    for (i, (key, value)) in entries.iter().enumerate() {
        let key = match write(key, key_place).map_err(|error| error.at(Step::Key(i)))? {
            Document::Text(text) => text,
            Document::Integer(number) => number.to_string(),
            Document::Bool(value) => value.to_string(),
            other => unreachable!("{} stands for a key", other.describe()),
        };
        members.push((key, write(value, value_place).map_err(|error| error.at(Step::Value(i)))?));
    }
    object(members)
}

/// An object, in which a reader finds each member: most keep one of two with the same name.
fn object(members: Vec<(String, Document)>) -> Result<Document, ValueError> {
    let mut names = HashSet::with_capacity(members.len());
    match members.iter().find(|(name, _)| !names.insert(name.as_str())) {
        Some((name, _)) => Err(ValueError::new(Fault::KeyTwice(name.clone()))),
        None => Ok(Document::Object(members)),
    }
}

fn write_entries(
    entries: &[(Value, Value)],
    key_place: Place<'_>,
    value_place: Place<'_>,
) -> Result<Document, ValueError> {
    let entry = |(i, (key, value)): (usize, &(Value, Value))| {
        let key = write(key, key_place).map_err(|error| error.at(Step::Key(i)))?;
        let value = write(value, value_place).map_err(|error| error.at(Step::Value(i)));
        value.map(|value| Document::List(vec![key, value]))
    };
    Ok(Document::List(entries.iter().enumerate().map(entry).collect::<Result<_, _>>()?))
}

fn write_fields(value: &Value, place: Place<'_>, fields: &Fields) -> Result<Document, ValueError> {
    let around = place.as_around();
    match (fields, value) {
        (Fields::Unit, Value::Unit) => Ok(Document::Null),
        (Fields::Newtype(item), _) => {
            write(value, place.field(item, &around)?).map_err(|error| error.at(Step::Position(0)))
        }
        (Fields::Tuple(shapes), Value::List(items)) => {
            check_length(shapes.len() as u64, items.len())?;
            let mut documents = Vec::with_capacity(items.len());
            for (i, (item, shape)) in items.iter().zip(shapes).enumerate() {
                let document = write(item, place.field(shape, &around)?);
                documents.push(document.map_err(|error| error.at(Step::Position(i)))?);
            }
            Ok(Document::List(documents))
        }
        (Fields::Named(fields), Value::Struct(values)) => {
            let mut members = Vec::with_capacity(values.len());
            each_field(values, fields, |field, value| {
                members.push((field.name.to_string(), write(value, place.field(&field.shape, &around)?)?));
                Ok(())
            })?;
            object(members)
        }
        _ => Err(ValueError::unexpected(described(fields), value)),
    }
}

fn write_opaque(value: &Value, name: &str, node: &Node) -> Result<Document, ValueError> {
    Ok(match (known(name), value) {
        (Some(Known::Text), Value::String(text)) => Document::Text(text.clone()),
        (Some(Known::TimeDelta), Value::List(parts)) => {
            check_length(2, parts.len())?;
            let part = |i: usize, primitive| {
                let part = write_primitive(primitive, &parts[i], &Node::Primitive(primitive));
                part.map_err(|error| error.at(Step::Position(i)))
            };
            Document::List(vec![part(0, Primitive::I64)?, part(1, Primitive::I32)?])
        }
        (Some(Known::Uuid), Value::Bytes(bytes)) => {
            opaque::check_uuid(value)?;
            Document::Text(text::uuid(bytes))
        }
        (None, Value::Opaque(bytes)) => Document::Text(text::hex(bytes)),
        _ => return Err(ValueError::mismatch(node, value)),
    })
}
