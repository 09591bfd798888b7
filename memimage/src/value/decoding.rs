//! Decodes bytes to a value, along a shape.

use super::error::{ValueError, ValueErrorKind, ValuePathStep};
use super::opaque::{ForeignEncoding, foreign_encoding};
use super::position::{MAX_EMPTY, ShapePosition, VALUES_PER_BYTE};
use super::{Value, opaque};
use crate::shape::Primitive;
use crate::shape::node::{Node, NodeFields};

/// The maximum capacity that is reserved before the items are read, because the number of items is untrusted.
const MAX_PREALLOCATED: usize = 1 << 10;

/// Decodes a value that spans all of `bytes`.
pub(super) fn read(root: &Node, bytes: &[u8]) -> Result<Value, ValueError> {
    let max_values = bytes.len().saturating_mul(VALUES_PER_BYTE).saturating_add(MAX_EMPTY);
    let mut decoder = ValueDecoder { bytes, values_left: max_values };
    let value = decoder.value(ShapePosition::root(root), true)?;
    match decoder.bytes.len() {
        0 => Ok(value),
        left => Err(ValueError::new(ValueErrorKind::Remainder(left))),
    }
}

struct ValueDecoder<'a> {
    /// The unread bytes.
    bytes: &'a [u8],
    /// The number of values that may still be read.
    values_left: usize,
}

impl<'a> ValueDecoder<'a> {
    /// Decodes a value. `is_last` is true if the value is the last one in the bytes.
    fn value(&mut self, position: ShapePosition<'_>, is_last: bool) -> Result<Value, ValueError> {
        self.values_left = self.values_left.checked_sub(1).ok_or_else(|| ValueError::new(ValueErrorKind::TooMany))?;
        match position.node {
            Node::Primitive(primitive) => self.primitive(*primitive),
            Node::Option(item) => {
                if !self.zero_or_one()? {
                    return Ok(Value::Option(None));
                }
                let value = self.value(position.part(item)?, is_last).map_err(|error| error.at(ValuePathStep::Some))?;
                Ok(Value::Option(Some(Box::new(value))))
            }
            Node::List(item) | Node::Set(item) | Node::OrderedSet(item) | Node::Multiset(item) => {
                let number = self.varint::<64>()?;
                self.items(position.part(item)?, number, is_last)
            }
            Node::Array(item, number) => self.items(position.part(item)?, *number, is_last),
            Node::Map(entry) | Node::OrderedMap(entry) => {
                self.entries(position.part(&entry.0)?, position.part(&entry.1)?, is_last)
            }
            Node::Tuple(items) => {
                let last = items.len().wrapping_sub(1);
                let item = |(i, item)| {
                    let value = self.value(position.part(item)?, is_last && i == last);
                    value.map_err(|error| error.at(ValuePathStep::Position(i)))
                };
                Ok(Value::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?))
            }
            Node::Struct(fields) => self.fields(position, fields, is_last),
            Node::Enum(variants) => {
                let number = self.varint::<32>()? as u32;
                let Some(variant) = variants.get(number as usize) else {
                    return Err(ValueError::new(ValueErrorKind::VariantNumber { number, variants: variants.len() }));
                };
                // Encoding finds a variant by its name, so it would write this value as the earlier variant of the same name.
                if variants[..number as usize].iter().any(|other| other.name == variant.name) {
                    return Err(ValueError::new(ValueErrorKind::DuplicateVariant(variant.name.to_string())));
                }
                match self.fields(position, &variant.fields, is_last) {
                    Ok(fields) => Ok(Value::Variant(variant.name.clone(), Box::new(fields))),
                    Err(error) => Err(error.at(ValuePathStep::Variant(variant.name.clone()))),
                }
            }
            Node::Opaque(name) | Node::Unordered(name) => self.opaque(name, is_last),
            Node::Back(steps) => self.value(position.back(*steps), is_last),
        }
    }

    fn primitive(&mut self, primitive: Primitive) -> Result<Value, ValueError> {
        Ok(match primitive {
            Primitive::Unit => Value::Unit,
            Primitive::Bool => Value::Bool(self.zero_or_one()?),
            Primitive::U8 => Value::Unsigned(u128::from(self.array::<1>()?[0])),
            Primitive::U16 => Value::Unsigned(u128::from(self.varint::<16>()?)),
            Primitive::U32 => Value::Unsigned(u128::from(self.varint::<32>()?)),
            Primitive::U64 => Value::Unsigned(u128::from(self.varint::<64>()?)),
            Primitive::U128 => Value::Unsigned(self.varint_128()?),
            Primitive::I8 => Value::Signed(i128::from(i8::from_le_bytes(self.array()?))),
            Primitive::I16 => Value::Signed(unzigzag(self.varint::<16>()?)),
            Primitive::I32 => Value::Signed(unzigzag(self.varint::<32>()?)),
            Primitive::I64 => Value::Signed(unzigzag(self.varint::<64>()?)),
            Primitive::I128 => {
                let number = self.varint_128()?;
                Value::Signed((number >> 1) as i128 ^ -((number & 1) as i128))
            }
            Primitive::F32 => Value::F32(f32::from_le_bytes(self.array()?)),
            Primitive::F64 => Value::F64(f64::from_le_bytes(self.array()?)),
            Primitive::Char => {
                let mut chars = self.text()?.chars();
                match (chars.next(), chars.next()) {
                    (Some(char), None) => Value::Char(char),
                    _ => return Err(ValueError::new(ValueErrorKind::NotChar)),
                }
            }
            Primitive::String => Value::String(self.text()?.to_owned()),
            Primitive::Bytes => Value::Bytes(self.length_prefixed()?.to_vec()),
        })
    }

    fn items(&mut self, position: ShapePosition<'_>, number: u64, is_last: bool) -> Result<Value, ValueError> {
        let mut items = Vec::with_capacity(self.capacity_for(number));
        for i in 0..number {
            let item = self.value(position, is_last && i + 1 == number);
            items.push(item.map_err(|error| error.at(ValuePathStep::Index(i as usize)))?);
        }
        Ok(Value::List(items))
    }

    fn entries(
        &mut self,
        key: ShapePosition<'_>,
        value: ShapePosition<'_>,
        is_last: bool,
    ) -> Result<Value, ValueError> {
        let number = self.varint::<64>()?;
        let mut entries = Vec::with_capacity(self.capacity_for(number));
        for i in 0..number {
            let key = self.value(key, false).map_err(|error| error.at(ValuePathStep::Key(i as usize)))?;
            let value = self.value(value, is_last && i + 1 == number);
            entries.push((key, value.map_err(|error| error.at(ValuePathStep::Value(i as usize)))?));
        }
        Ok(Value::Map(entries))
    }

    fn fields(&mut self, position: ShapePosition<'_>, fields: &NodeFields, is_last: bool) -> Result<Value, ValueError> {
        let enclosing = position.as_enclosing();
        match fields {
            NodeFields::Unit => Ok(Value::Unit),
            NodeFields::Newtype(item) => {
                let value = self.value(position.field(item, &enclosing)?, is_last);
                value.map_err(|error| error.at(ValuePathStep::Position(0)))
            }
            NodeFields::Tuple(items) => {
                let last = items.len().wrapping_sub(1);
                let mut values = Vec::with_capacity(self.capacity_for(items.len() as u64));
                for (i, item) in items.iter().enumerate() {
                    let value = self.value(position.field(item, &enclosing)?, is_last && i == last);
                    values.push(value.map_err(|error| error.at(ValuePathStep::Position(i)))?);
                }
                Ok(Value::List(values))
            }
            NodeFields::Named(fields) => {
                let last = fields.len().wrapping_sub(1);
                let mut values = Vec::with_capacity(self.capacity_for(fields.len() as u64));
                for (i, field) in fields.iter().enumerate() {
                    match self.value(position.field(&field.shape, &enclosing)?, is_last && i == last) {
                        Ok(value) => values.push((field.name.clone(), value)),
                        Err(error) => return Err(error.at(ValuePathStep::Field(field.name.clone()))),
                    }
                }
                Ok(Value::Struct(values))
            }
        }
    }

    fn opaque(&mut self, name: &str, is_last: bool) -> Result<Value, ValueError> {
        match foreign_encoding(name) {
            Some(ForeignEncoding::Text) => Ok(Value::String(self.text()?.to_owned())),
            Some(ForeignEncoding::TimeDelta) => {
                let seconds = Value::Signed(unzigzag(self.varint::<64>()?));
                Ok(Value::List(vec![seconds, Value::Signed(unzigzag(self.varint::<32>()?))]))
            }
            Some(ForeignEncoding::Uuid) => {
                let bytes = Value::Bytes(self.length_prefixed()?.to_vec());
                opaque::check_uuid(&bytes)?;
                Ok(bytes)
            }
            None if is_last => Ok(Value::Opaque(std::mem::take(&mut self.bytes).to_vec())),
            None => Err(ValueError::new(ValueErrorKind::Opaque(name.to_owned()))),
        }
    }

    /// The capacity to reserve for an untrusted number of items.
    fn capacity_for(&self, number: u64) -> usize {
        usize::try_from(number).unwrap_or(usize::MAX).min(self.values_left).min(MAX_PREALLOCATED)
    }

    fn text(&mut self) -> Result<&'a str, ValueError> {
        str::from_utf8(self.length_prefixed()?).map_err(|_| ValueError::new(ValueErrorKind::NotUtf8))
    }

    /// Reads a length and that many bytes.
    fn length_prefixed(&mut self) -> Result<&'a [u8], ValueError> {
        let number = usize::try_from(self.varint::<64>()?).unwrap_or(usize::MAX);
        let (length_prefixed, rest) = self.bytes.split_at_checked(number).ok_or_else(truncated)?;
        self.bytes = rest;
        Ok(length_prefixed)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ValueError> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or_else(truncated)?;
        self.bytes = rest;
        Ok(*array)
    }

    fn zero_or_one(&mut self) -> Result<bool, ValueError> {
        match self.array::<1>()?[0] {
            0 => Ok(false),
            1 => Ok(true),
            byte => Err(ValueError::new(ValueErrorKind::NotZeroOrOne(byte))),
        }
    }

    /// Reads a number of at most `BITS` bits. Accepts every form that postcard accepts.
    fn varint<const BITS: u32>(&mut self) -> Result<u64, ValueError> {
        let (mut number, mut shift) = (0, 0);
        while shift < BITS {
            let [byte] = self.array()?;
            let part = u64::from(byte & 0x7f);
            if BITS - shift < 7 && part >> (BITS - shift) != 0 {
                break;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
        Err(long_number(BITS))
    }

    fn varint_128(&mut self) -> Result<u128, ValueError> {
        let mut number = 0;
        for shift in (0..128).step_by(7) {
            let [byte] = self.array()?;
            let part = u128::from(byte & 0x7f);
            if shift == 126 && part > 3 {
                break;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(long_number(128))
    }
}

/// Maps 0, 1, 2, 3 … to 0, −1, 1, −2 …
fn unzigzag(number: u64) -> i128 {
    i128::from((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cold]
fn truncated() -> ValueError {
    ValueError::new(ValueErrorKind::Truncated)
}

#[cold]
fn long_number(bits: u32) -> ValueError {
    ValueError::new(ValueErrorKind::LongNumber(bits))
}
