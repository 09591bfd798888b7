//! Bytes to a value, along a shape.

use super::error::{Fault, Step, ValueError};
use super::opaque::{Known, known};
use super::walk::{MAX_EMPTY, Place, VALUES_PER_BYTE};
use super::{Value, opaque};
use crate::shape::Primitive;
use crate::shape::node::{Fields, Node};

/// The most room that is made for items that are only claimed yet.
const MAX_CLAIMED: usize = 1 << 10;

/// Reads a value that fills `bytes`.
pub(super) fn read(root: &Node, bytes: &[u8]) -> Result<Value, ValueError> {
    let most = bytes.len().saturating_mul(VALUES_PER_BYTE).saturating_add(MAX_EMPTY);
    let mut reader = Reader { bytes, left: most };
    let value = reader.value(Place::root(root), true)?;
    match reader.bytes.len() {
        0 => Ok(value),
        left => Err(ValueError::new(Fault::Remainder(left))),
    }
}

struct Reader<'a> {
    /// What has not been read.
    bytes: &'a [u8],
    /// How many values may still be read.
    left: usize,
}

impl<'a> Reader<'a> {
    /// `is_last`: nothing follows this value.
    fn value(&mut self, place: Place<'_>, is_last: bool) -> Result<Value, ValueError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| ValueError::new(Fault::TooMany))?;
        match place.node {
            Node::Primitive(primitive) => self.primitive(*primitive),
            Node::Option(item) => Ok(Value::Option(match self.zero_or_one()? {
                false => None,
                true => {
                    let value = self.value(place.part(item)?, is_last).map_err(|error| error.at(Step::Some))?;
                    Some(Box::new(value))
                }
            })),
            Node::List(item) | Node::Set(item) => {
                let number = self.varint::<64>()?;
                self.items(place.part(item)?, number, is_last)
            }
            Node::Array(item, number) => self.items(place.part(item)?, *number, is_last),
            Node::Map(entry) | Node::OrderedMap(entry) => {
                self.entries(place.part(&entry.0)?, place.part(&entry.1)?, is_last)
            }
            Node::Tuple(items) => {
                let last = items.len().wrapping_sub(1);
                let item = |(i, item)| {
                    let value = self.value(place.part(item)?, is_last && i == last);
                    value.map_err(|error| error.at(Step::Position(i)))
                };
                Ok(Value::List(items.iter().enumerate().map(item).collect::<Result<_, _>>()?))
            }
            Node::Struct(fields) => self.fields(place, fields, is_last),
            Node::Enum(variants) => {
                let number = self.varint::<32>()? as u32;
                let Some(variant) = variants.get(number as usize) else {
                    return Err(ValueError::new(Fault::VariantNumber { number, variants: variants.len() }));
                };
                // it would be taken for that one when written
                if variants[..number as usize].iter().any(|other| other.name == variant.name) {
                    return Err(ValueError::new(Fault::VariantTwice(variant.name.to_string())));
                }
                match self.fields(place, &variant.fields, is_last) {
                    Ok(fields) => Ok(Value::Variant(variant.name.clone(), Box::new(fields))),
                    Err(error) => Err(error.at(Step::Variant(variant.name.clone()))),
                }
            }
            Node::Opaque(name) => self.opaque(name, is_last),
            Node::Back(steps) => self.value(place.back(*steps), is_last),
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
                    _ => return Err(ValueError::new(Fault::NotChar)),
                }
            }
            Primitive::String => Value::String(self.text()?.to_owned()),
            Primitive::Bytes => Value::Bytes(self.run()?.to_vec()),
        })
    }

    fn items(&mut self, place: Place<'_>, number: u64, is_last: bool) -> Result<Value, ValueError> {
        let mut items = Vec::with_capacity(self.claimed(number));
        for i in 0..number {
            let item = self.value(place, is_last && i + 1 == number);
            items.push(item.map_err(|error| error.at(Step::Index(i as usize)))?);
        }
        Ok(Value::List(items))
    }

    fn entries(&mut self, key: Place<'_>, value: Place<'_>, is_last: bool) -> Result<Value, ValueError> {
        let number = self.varint::<64>()?;
        let mut entries = Vec::with_capacity(self.claimed(number));
        for i in 0..number {
            let key = self.value(key, false).map_err(|error| error.at(Step::Key(i as usize)))?;
            let value = self.value(value, is_last && i + 1 == number);
            entries.push((key, value.map_err(|error| error.at(Step::Value(i as usize)))?));
        }
        Ok(Value::Map(entries))
    }

    fn fields(&mut self, place: Place<'_>, fields: &Fields, is_last: bool) -> Result<Value, ValueError> {
        let around = place.as_around();
        match fields {
            Fields::Unit => Ok(Value::Unit),
            Fields::Newtype(item) => {
                let value = self.value(place.field(item, &around)?, is_last);
                value.map_err(|error| error.at(Step::Position(0)))
            }
            Fields::Tuple(items) => {
                let last = items.len().wrapping_sub(1);
                let mut values = Vec::with_capacity(self.claimed(items.len() as u64));
                for (i, item) in items.iter().enumerate() {
                    let value = self.value(place.field(item, &around)?, is_last && i == last);
                    values.push(value.map_err(|error| error.at(Step::Position(i)))?);
                }
                Ok(Value::List(values))
            }
            Fields::Named(fields) => {
                let last = fields.len().wrapping_sub(1);
                let mut values = Vec::with_capacity(self.claimed(fields.len() as u64));
                for (i, field) in fields.iter().enumerate() {
                    match self.value(place.field(&field.shape, &around)?, is_last && i == last) {
                        Ok(value) => values.push((field.name.clone(), value)),
                        Err(error) => return Err(error.at(Step::Field(field.name.clone()))),
                    }
                }
                Ok(Value::Struct(values))
            }
        }
    }

    fn opaque(&mut self, name: &str, is_last: bool) -> Result<Value, ValueError> {
        match known(name) {
            Some(Known::Text) => Ok(Value::String(self.text()?.to_owned())),
            Some(Known::TimeDelta) => {
                let seconds = Value::Signed(unzigzag(self.varint::<64>()?));
                Ok(Value::List(vec![seconds, Value::Signed(unzigzag(self.varint::<32>()?))]))
            }
            Some(Known::Uuid) => {
                let bytes = Value::Bytes(self.run()?.to_vec());
                opaque::check_uuid(&bytes)?;
                Ok(bytes)
            }
            None if is_last => Ok(Value::Opaque(std::mem::take(&mut self.bytes).to_vec())),
            None => Err(ValueError::new(Fault::Opaque(name.to_owned()))),
        }
    }

    /// How much room to make for a number of items that nobody vouches for.
    fn claimed(&self, number: u64) -> usize {
        usize::try_from(number).unwrap_or(usize::MAX).min(self.left).min(MAX_CLAIMED)
    }

    fn text(&mut self) -> Result<&'a str, ValueError> {
        str::from_utf8(self.run()?).map_err(|_| ValueError::new(Fault::NotUtf8))
    }

    /// Bytes after their number.
    fn run(&mut self) -> Result<&'a [u8], ValueError> {
        let number = usize::try_from(self.varint::<64>()?).unwrap_or(usize::MAX);
        let (run, rest) = self.bytes.split_at_checked(number).ok_or_else(truncated)?;
        self.bytes = rest;
        Ok(run)
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
            byte => Err(ValueError::new(Fault::NotZeroOrOne(byte))),
        }
    }

    /// A number of at most so many bits, in any form that postcard reads.
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

/// 0, 1, 2, 3 … stand for 0, −1, 1, −2 …
fn unzigzag(number: u64) -> i128 {
    i128::from((number >> 1) as i64 ^ -((number & 1) as i64))
}

#[cold]
fn truncated() -> ValueError {
    ValueError::new(Fault::Truncated)
}

#[cold]
fn long_number(bits: u32) -> ValueError {
    ValueError::new(Fault::LongNumber(bits))
}
