//! Converts JSON to a value.

use std::collections::HashMap;
use std::sync::Arc;

use super::document::Document;
use super::writing::{NAN_32, NAN_64};
use super::{integer, keys, text};
use crate::shape::Primitive;
use crate::shape::node::{Node, NodeField, NodeFields};
use crate::value::Value;
use crate::value::encoding::{check_length, describe_fields, extra_field, no_variant};
use crate::value::error::{ValueError, ValueErrorKind, ValuePathStep, shorten};
use crate::value::opaque::{ForeignEncoding, foreign_encoding};
use crate::value::position::ShapePosition;

/// Converts a document to a value of the shape at `position`.
pub(super) fn read(document: &Document, position: ShapePosition<'_>) -> Result<Value, ValueError> {
    match (position.node, document) {
        (Node::Primitive(primitive), _) => read_primitive(*primitive, document, position.node),
        (Node::Option(_), Document::Null) => Ok(Value::Option(None)),
        (Node::Option(item), _) => {
            let position = position.part(item)?;
            let value = match (keys::is_nullable(position), document) {
                (false, document) => read(document, position),
                (true, Document::Object(members)) if members.len() == 1 && members[0].0 == "some" => {
                    read(&members[0].1, position)
                }
                (true, _) => return Err(unexpected("null or an object with the member `some`", document)),
            };
            Ok(Value::Option(Some(Box::new(value.map_err(|error| error.at(ValuePathStep::Some))?))))
        }
        (Node::List(item) | Node::Set(item) | Node::OrderedSet(item) | Node::Multiset(item), Document::List(items)) => {
            read_items(items, position.part(item)?)
        }
        (Node::Array(item, number), Document::List(items)) => {
            check_length(*number, items.len())?;
            read_items(items, position.part(item)?)
        }
        (Node::Map(entry), Document::Object(members)) if keys::is_key(position.part(&entry.0)?) => {
            read_object(members, position.part(&entry.0)?, position.part(&entry.1)?)
        }
        (Node::Map(entry), Document::List(entries)) if !keys::is_key(position.part(&entry.0)?) => {
            read_entries(entries, position.part(&entry.0)?, position.part(&entry.1)?)
        }
        (Node::OrderedMap(entry), Document::List(entries)) => {
            read_entries(entries, position.part(&entry.0)?, position.part(&entry.1)?)
        }
        (Node::Tuple(shapes), Document::List(items)) => {
            check_length(shapes.len() as u64, items.len())?;
            let item = |(i, (item, shape))| {
                position
                    .part(shape)
                    .and_then(|position| read(item, position))
                    .map_err(|error| error.at(ValuePathStep::Position(i)))
            };
            Ok(Value::List(items.iter().zip(shapes).enumerate().map(item).collect::<Result<_, _>>()?))
        }
        (Node::Struct(fields), _) => read_fields(document, position, fields),
        (Node::Enum(_), Document::Text(name)) => read_variant(name, None, position),
        (Node::Enum(_), Document::Object(members)) if members.len() == 1 => {
            read_variant(&members[0].0, Some(&members[0].1), position)
        }
        (Node::Opaque(name) | Node::Unordered(name), _) => read_opaque(document, name, position.node),
        (Node::Back(steps), _) => read(document, position.back(*steps)),
        _ => Err(mismatch(position.node, document)),
    }
}

#[cold]
fn mismatch(node: &Node, found: &Document) -> ValueError {
    unexpected(shorten(node.to_string()), found)
}

#[cold]
fn unexpected(expected: impl Into<String>, found: &Document) -> ValueError {
    ValueError::new(ValueErrorKind::Mismatch { expected: expected.into(), found: found.describe() })
}

fn read_primitive(primitive: Primitive, document: &Document, node: &Node) -> Result<Value, ValueError> {
    Ok(match (primitive, document) {
        (Primitive::Unit, Document::Null) => Value::Unit,
        (Primitive::Bool, Document::Bool(value)) => Value::Bool(*value),
        (Primitive::String, Document::Text(text)) => Value::String(text.clone()),
        (Primitive::Bytes, Document::Text(text)) => Value::Bytes(text::from_hex(text)?),
        (Primitive::Char, Document::Text(text)) => {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(char), None) => Value::Char(char),
                _ => return Err(text::invalid_text("one character", text)),
            }
        }
        (Primitive::F64, _) => Value::F64(read_f64(document, node)?),
        (Primitive::F32, _) => Value::F32(read_f32(document, node)?),
        (Primitive::Unit | Primitive::Bool | Primitive::Char | Primitive::String | Primitive::Bytes, _) => {
            return Err(mismatch(node, document));
        }
        (_, Document::Integer(number)) => integer::checked(primitive, Value::Signed(*number))?,
        (_, Document::Text(text)) => {
            let signed = text.parse().map(Value::Signed);
            let number = signed.or_else(|_| text.parse().map(Value::Unsigned));
            integer::checked(primitive, number.map_err(|_| text::invalid_text("an integer", text))?)?
        }
        (_, Document::Float(_)) => {
            return Err(unexpected(format!("{primitive} (a large one as a string)"), document));
        }
        _ => return Err(mismatch(node, document)),
    })
}

fn read_f64(document: &Document, node: &Node) -> Result<f64, ValueError> {
    match document {
        Document::Float(number) => Ok(*number),
        Document::Integer(number) => exact(*number),
        Document::Text(text) => match text.as_str() {
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            "NaN" => Ok(f64::from_bits(NAN_64)),
            _ => {
                let number = text::nan_bits(text).map(f64::from_bits).filter(|number| number.is_nan());
                number.ok_or_else(|| text::invalid_text("a number, \"inf\", \"-inf\" or \"NaN\"", text))
            }
        },
        _ => Err(mismatch(node, document)),
    }
}

/// Rounds to 32 bits, because the JSON of an f32 contains only the digits that distinguish this f32 from other f32 values.
fn read_f32(document: &Document, node: &Node) -> Result<f32, ValueError> {
    if let Document::Text(text) = document {
        if text == "NaN" {
            return Ok(f32::from_bits(NAN_32));
        }
        if let Some(bits) = text::nan_bits(text) {
            let number = u32::try_from(bits).ok().map(f32::from_bits).filter(|number| number.is_nan());
            return number.ok_or_else(|| text::invalid_text("a NaN of 32 bits", text));
        }
    }
    let wide = read_f64(document, node)?;
    match wide as f32 {
        number if number.is_infinite() && wide.is_finite() => {
            Err(ValueError::new(ValueErrorKind::OutOfRange { number: wide.to_string(), expected: "f32".to_owned() }))
        }
        number => Ok(number),
    }
}

fn exact(number: i128) -> Result<f64, ValueError> {
    let float = number as f64;
    if float as i128 == number {
        Ok(float)
    } else {
        Err(ValueError::new(ValueErrorKind::Inexact { number: number.to_string(), expected: "f64".to_owned() }))
    }
}

fn read_items(items: &[Document], position: ShapePosition<'_>) -> Result<Value, ValueError> {
    let item = |(i, item)| read(item, position).map_err(|error| error.at(ValuePathStep::Index(i)));
    Ok(Value::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?))
}

fn read_object(
    members: &[(String, Document)],
    key_position: ShapePosition<'_>,
    value_position: ShapePosition<'_>,
) -> Result<Value, ValueError> {
    by_name(members)?;
    let entry = |(i, (name, value)): (usize, &(String, Document))| {
        let key = read_key(name, key_position).map_err(|error| error.at(ValuePathStep::Key(i)))?;
        let value = read(value, value_position).map_err(|error| error.at(ValuePathStep::Value(i)));
        value.map(|value| (key, value))
    };
    Ok(Value::Map(members.iter().enumerate().map(entry).collect::<Result<_, _>>()?))
}

/// Reads a key like any other value, except that a bool is read from a string.
fn read_key(name: &str, position: ShapePosition<'_>) -> Result<Value, ValueError> {
    match (read(&Document::Text(name.to_owned()), position), name) {
        (Err(_), "true" | "false") => read(&Document::Bool(name == "true"), position),
        (value, _) => value,
    }
}

fn read_entries(
    entries: &[Document],
    key_position: ShapePosition<'_>,
    value_position: ShapePosition<'_>,
) -> Result<Value, ValueError> {
    let entry = |(i, entry): (usize, &Document)| match entry {
        Document::List(pair) if pair.len() == 2 => {
            let key = read(&pair[0], key_position).map_err(|error| error.at(ValuePathStep::Key(i)))?;
            let value = read(&pair[1], value_position).map_err(|error| error.at(ValuePathStep::Value(i)));
            value.map(|value| (key, value))
        }
        _ => Err(unexpected("an array of a key and a value", entry).at(ValuePathStep::Index(i))),
    };
    Ok(Value::Map(entries.iter().enumerate().map(entry).collect::<Result<_, _>>()?))
}

fn read_fields(document: &Document, position: ShapePosition<'_>, fields: &NodeFields) -> Result<Value, ValueError> {
    let enclosing = position.as_enclosing();
    match (fields, document) {
        (NodeFields::Unit, Document::Null) => Ok(Value::Unit),
        (NodeFields::Newtype(item), _) => {
            read(document, position.field(item, &enclosing)?).map_err(|error| error.at(ValuePathStep::Position(0)))
        }
        (NodeFields::Tuple(shapes), Document::List(items)) => {
            check_length(shapes.len() as u64, items.len())?;
            let mut values = Vec::with_capacity(items.len());
            for (i, (item, shape)) in items.iter().zip(shapes).enumerate() {
                let value = read(item, position.field(shape, &enclosing)?);
                values.push(value.map_err(|error| error.at(ValuePathStep::Position(i)))?);
            }
            Ok(Value::List(values))
        }
        (NodeFields::Named(fields), Document::Object(members)) => {
            read_members(members, fields, |document, field| read(document, position.field(&field.shape, &enclosing)?))
        }
        _ => Err(unexpected(describe_fields(fields), document)),
    }
}

fn read_members(
    members: &[(String, Document)],
    fields: &[NodeField],
    read: impl Fn(&Document, &NodeField) -> Result<Value, ValueError>,
) -> Result<Value, ValueError> {
    let mut by_name = by_name(members)?;
    let mut values: Vec<(Arc<str>, Value)> = Vec::with_capacity(members.len());
    for field in fields {
        let Some(document) = by_name.remove(&*field.name) else {
            return Err(ValueError::no_field(&field.name, members.iter().map(|(name, _)| name.as_str())));
        };
        match read(document, field) {
            Ok(value) => values.push((field.name.clone(), value)),
            Err(error) => return Err(error.at(ValuePathStep::Field(field.name.clone()))),
        }
    }
    match members.iter().find(|(name, _)| by_name.contains_key(name.as_str())) {
        Some((name, _)) => Err(extra_field(name, fields)),
        None => Ok(Value::Struct(values)),
    }
}

/// Returns the members of an object by name. Returns an error if two members have the same name.
fn by_name(members: &[(String, Document)]) -> Result<HashMap<&str, &Document>, ValueError> {
    let mut by_name = HashMap::with_capacity(members.len());
    for (name, document) in members {
        if by_name.insert(name.as_str(), document).is_some() {
            return Err(ValueError::new(ValueErrorKind::DuplicateKey(name.clone())));
        }
    }
    Ok(by_name)
}

/// `fields` is `None` if the document is only the variant's name.
fn read_variant(name: &str, fields: Option<&Document>, position: ShapePosition<'_>) -> Result<Value, ValueError> {
    let Node::Enum(variants) = position.node else { unreachable!("an enum has variants") };
    let Some(variant) = variants.iter().find(|variant| *variant.name == *name) else {
        return Err(no_variant(name, variants));
    };
    let value = match (&variant.fields, fields) {
        (NodeFields::Unit, None) => Ok(Value::Unit),
        (NodeFields::Unit, Some(document)) => {
            Err(unexpected("only the name of the variant, which has no fields", document))
        }
        (fields, Some(document)) => read_fields(document, position, fields),
        (fields, None) => Err(ValueError::new(ValueErrorKind::Mismatch {
            expected: format!("an object with the variant and {}", describe_fields(fields)),
            found: "only its name".to_owned(),
        })),
    };
    match value {
        Ok(value) => Ok(Value::Variant(variant.name.clone(), Box::new(value))),
        Err(error) => Err(error.at(ValuePathStep::Variant(variant.name.clone()))),
    }
}

fn read_opaque(document: &Document, name: &str, node: &Node) -> Result<Value, ValueError> {
    Ok(match (foreign_encoding(name), document) {
        (Some(ForeignEncoding::Text), Document::Text(text)) => Value::String(text.clone()),
        (Some(ForeignEncoding::TimeDelta), Document::List(parts)) => {
            check_length(2, parts.len())?;
            let part = |i: usize, primitive| {
                let part = read_primitive(primitive, &parts[i], &Node::Primitive(primitive));
                part.map_err(|error| error.at(ValuePathStep::Position(i)))
            };
            Value::List(vec![part(0, Primitive::I64)?, part(1, Primitive::I32)?])
        }
        (Some(ForeignEncoding::Uuid), Document::Text(text)) => Value::Bytes(text::from_uuid(text)?),
        (None, Document::Text(text)) => Value::Opaque(text::from_hex(text)?),
        _ => return Err(mismatch(node, document)),
    })
}
