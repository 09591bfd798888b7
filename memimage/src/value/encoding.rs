//! Encodes a value to bytes, along a shape. The bytes are the same as postcard's encoding of a value of a Rust type with this
//! shape.

use std::sync::Arc;

use super::Value;
use super::conversion::narrow;
use super::error::{ValueError, ValueErrorKind, ValuePathStep, names, shorten};
use super::opaque::{self, ForeignEncoding, foreign_encoding};
use super::position::ShapePosition;
use crate::shape::Primitive;
use crate::shape::node::{self, Node, NodeFields};

/// Encodes `value`, which must be a value of the shape.
pub(super) fn write(value: &Value, root: &Node) -> Result<Vec<u8>, ValueError> {
    let mut encoder = ValueEncoder { out: Vec::with_capacity(64) };
    encoder.value(value, ShapePosition::root(root))?;
    Ok(encoder.out)
}

struct ValueEncoder {
    out: Vec<u8>,
}

impl ValueEncoder {
    fn value(&mut self, value: &Value, position: ShapePosition<'_>) -> Result<(), ValueError> {
        match (position.node, value) {
            (Node::Primitive(primitive), _) => self.primitive(*primitive, value, position.node),
            (Node::Option(_), Value::Option(None)) => {
                self.out.push(0);
                Ok(())
            }
            (Node::Option(item), Value::Option(Some(value))) => {
                self.out.push(1);
                self.value(value, position.part(item)?).map_err(|error| error.at(ValuePathStep::Some))
            }
            (
                Node::List(item) | Node::Set(item) | Node::OrderedSet(item) | Node::Multiset(item),
                Value::List(items),
            ) => {
                self.varint(items.len() as u64);
                self.items(items, position.part(item)?)
            }
            (Node::Array(item, number), Value::List(items)) => {
                check_length(*number, items.len())?;
                self.items(items, position.part(item)?)
            }
            (Node::Map(entry) | Node::OrderedMap(entry), Value::Map(entries)) => {
                let (key_position, value_position) = (position.part(&entry.0)?, position.part(&entry.1)?);
                self.varint(entries.len() as u64);
                for (i, (key, value)) in entries.iter().enumerate() {
                    self.value(key, key_position).map_err(|error| error.at(ValuePathStep::Key(i)))?;
                    self.value(value, value_position).map_err(|error| error.at(ValuePathStep::Value(i)))?;
                }
                Ok(())
            }
            (Node::Tuple(shapes), Value::List(items)) => {
                check_length(shapes.len() as u64, items.len())?;
                for (i, (item, shape)) in items.iter().zip(shapes).enumerate() {
                    self.value(item, position.part(shape)?).map_err(|error| error.at(ValuePathStep::Position(i)))?;
                }
                Ok(())
            }
            (Node::Struct(fields), _) => self.fields(value, position, fields),
            (Node::Enum(variants), Value::Variant(name, fields)) => {
                let Some(number) = variants.iter().position(|variant| variant.name == *name) else {
                    return Err(no_variant(name, variants));
                };
                self.varint(number as u64);
                let written = self.fields(fields, position, &variants[number].fields);
                written.map_err(|error| error.at(ValuePathStep::Variant(name.clone())))
            }
            (Node::Opaque(name) | Node::Unordered(name), _) => self.opaque(value, name, position.node),
            (Node::Back(steps), _) => self.value(value, position.back(*steps)),
            _ => Err(ValueError::mismatch(position.node, value)),
        }
    }

    fn primitive(&mut self, primitive: Primitive, value: &Value, node: &Node) -> Result<(), ValueError> {
        match (primitive, value) {
            (Primitive::Unit, Value::Unit) => {}
            (Primitive::Bool, Value::Bool(value)) => self.out.push(u8::from(*value)),
            (Primitive::U8, _) => self.out.push(value.integer("u8")?),
            (Primitive::U16, _) => self.varint(u64::from(value.integer::<u16>("u16")?)),
            (Primitive::U32, _) => self.varint(u64::from(value.integer::<u32>("u32")?)),
            (Primitive::U64, _) => self.varint(value.integer("u64")?),
            (Primitive::U128, _) => self.varint_128(value.integer("u128")?),
            (Primitive::I8, _) => self.out.extend(value.integer::<i8>("i8")?.to_le_bytes()),
            (Primitive::I16, _) => self.varint(zigzag(i64::from(value.integer::<i16>("i16")?))),
            (Primitive::I32, _) => self.varint(zigzag(i64::from(value.integer::<i32>("i32")?))),
            (Primitive::I64, _) => self.varint(zigzag(value.integer("i64")?)),
            (Primitive::I128, _) => {
                let number: i128 = value.integer("i128")?;
                self.varint_128((number << 1 ^ number >> 127) as u128);
            }
            (Primitive::F32, Value::F32(number)) => self.out.extend(number.to_le_bytes()),
            (Primitive::F32, Value::F64(number)) => self.out.extend(narrow(*number)?.to_le_bytes()),
            (Primitive::F64, Value::F64(number)) => self.out.extend(number.to_le_bytes()),
            (Primitive::F64, Value::F32(number)) => self.out.extend(f64::from(*number).to_le_bytes()),
            (Primitive::Char, Value::Char(char)) => self.length_prefixed(char.encode_utf8(&mut [0; 4]).as_bytes()),
            (Primitive::String, Value::String(text)) => self.length_prefixed(text.as_bytes()),
            (Primitive::Bytes, Value::Bytes(bytes)) => self.length_prefixed(bytes),
            _ => return Err(ValueError::mismatch(node, value)),
        }
        Ok(())
    }

    fn items(&mut self, items: &[Value], position: ShapePosition<'_>) -> Result<(), ValueError> {
        for (i, item) in items.iter().enumerate() {
            self.value(item, position).map_err(|error| error.at(ValuePathStep::Index(i)))?;
        }
        Ok(())
    }

    fn fields(&mut self, value: &Value, position: ShapePosition<'_>, fields: &NodeFields) -> Result<(), ValueError> {
        let enclosing = position.as_enclosing();
        match (fields, value) {
            (NodeFields::Unit, Value::Unit) => Ok(()),
            (NodeFields::Newtype(item), _) => self
                .value(value, position.field(item, &enclosing)?)
                .map_err(|error| error.at(ValuePathStep::Position(0))),
            (NodeFields::Tuple(shapes), Value::List(items)) => {
                check_length(shapes.len() as u64, items.len())?;
                for (i, (item, shape)) in items.iter().zip(shapes).enumerate() {
                    let written = self.value(item, position.field(shape, &enclosing)?);
                    written.map_err(|error| error.at(ValuePathStep::Position(i)))?;
                }
                Ok(())
            }
            (NodeFields::Named(fields), Value::Struct(values)) => {
                each_field(values, fields, |field, value| self.value(value, position.field(&field.shape, &enclosing)?))
            }
            _ => Err(ValueError::unexpected(describe_fields(fields), value)),
        }
    }

    fn opaque(&mut self, value: &Value, name: &str, node: &Node) -> Result<(), ValueError> {
        match (foreign_encoding(name), value) {
            (Some(ForeignEncoding::Text), Value::String(text)) => self.length_prefixed(text.as_bytes()),
            (Some(ForeignEncoding::TimeDelta), Value::List(parts)) => {
                check_length(2, parts.len())?;
                let seconds = parts[0].integer("i64").map_err(|error| error.at(ValuePathStep::Position(0)))?;
                let nanos = parts[1].integer::<i32>("i32").map_err(|error| error.at(ValuePathStep::Position(1)))?;
                self.varint(zigzag(seconds));
                self.varint(zigzag(i64::from(nanos)));
            }
            (Some(ForeignEncoding::Uuid), Value::Bytes(bytes)) => {
                opaque::check_uuid(value)?;
                self.length_prefixed(bytes);
            }
            (None, Value::Opaque(bytes)) => self.out.extend_from_slice(bytes),
            _ => return Err(ValueError::mismatch(node, value)),
        }
        Ok(())
    }

    /// Writes the length and the bytes.
    fn length_prefixed(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    fn varint_128(&mut self, mut number: u128) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }
}

/// Maps 0, −1, 1, −2 … to 0, 1, 2, 3 …
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

/// Calls `each` with every field of the shape, in order, and with the value of that field.
pub(super) fn each_field(
    values: &[(Arc<str>, Value)],
    fields: &[node::NodeField],
    mut each: impl FnMut(&node::NodeField, &Value) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    let mut next = 0;
    for field in fields {
        let Some(at) = find(values, &field.name, next) else {
            return Err(ValueError::no_field(&field.name, values.iter().map(|(name, _)| &**name)));
        };
        next = at + 1;
        each(field, &values[at].1).map_err(|error| error.at(ValuePathStep::Field(field.name.clone())))?;
    }
    if values.len() == fields.len() { Ok(()) } else { Err(wrong_number(values, fields)) }
}

/// The index of the field with this name. Tries the index `next` first, then the fields after it, then the fields before it.
#[inline]
fn find(values: &[(Arc<str>, Value)], name: &str, next: usize) -> Option<usize> {
    let is_it = |at: &usize| *values[*at].0 == *name;
    if next < values.len() && is_it(&next) {
        return Some(next);
    }
    let next = next.min(values.len());
    (next..values.len()).chain(0..next).find(is_it)
}

pub(super) fn check_length(expected: u64, found: usize) -> Result<(), ValueError> {
    if found as u64 == expected { Ok(()) } else { Err(ValueError::new(ValueErrorKind::Length { expected, found })) }
}

/// The error for a struct that contains all fields of the shape, and a further field.
#[cold]
fn wrong_number(values: &[(Arc<str>, Value)], fields: &[node::NodeField]) -> ValueError {
    for (i, (name, _)) in values.iter().enumerate() {
        if !fields.iter().any(|field| field.name == *name) {
            return extra_field(name, fields);
        }
        if values[..i].iter().any(|(earlier, _)| earlier == name) {
            return ValueError::new(ValueErrorKind::FieldExists { name: name.to_string() });
        }
    }
    ValueError::new(ValueErrorKind::Length { expected: fields.len() as u64, found: values.len() })
}

/// The error for a field that the shape does not contain.
#[cold]
pub(super) fn extra_field(name: &str, fields: &[node::NodeField]) -> ValueError {
    let shape = names(fields.iter().map(|field| &*field.name));
    ValueError::new(ValueErrorKind::ExtraField { name: name.to_owned(), shape })
}

/// The error for a variant that the shape does not contain.
#[cold]
pub(super) fn no_variant(name: &str, variants: &[node::NodeVariant]) -> ValueError {
    let shape = names(variants.iter().map(|variant| &*variant.name));
    ValueError::new(ValueErrorKind::NoVariant { name: name.to_owned(), shape })
}

/// A description of the value that represents these fields.
#[cold]
pub(super) fn describe_fields(fields: &NodeFields) -> String {
    match fields {
        NodeFields::Unit => "a unit".to_owned(),
        NodeFields::Newtype(item) => shorten(item.to_string()),
        NodeFields::Tuple(items) => format!("a list of {}", items.len()),
        NodeFields::Named(fields) => format!("a struct {{{}}}", names(fields.iter().map(|field| &*field.name))),
    }
}
