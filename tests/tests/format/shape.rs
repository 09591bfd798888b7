//! Shapes and generic values, decoded from `memimage/docs/FORMAT.md` alone.

use std::fmt;

use super::bytes::Bytes;

/// A shape, with the variants of the document's table.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// A primitive type with its code, `00` to `10`.
    Primitive(u8),
    Option(Box<Shape>),
    List(Box<Shape>),
    Set(Box<Shape>),
    Map(Box<Shape>, Box<Shape>),
    OrderedMap(Box<Shape>, Box<Shape>),
    Array(u64, Box<Shape>),
    Tuple(Vec<Shape>),
    Struct(Fields),
    Enum(Vec<(String, Fields)>),
}

/// Fields with their names. Unnamed fields are named by their index.
pub(crate) type Fields = Vec<(String, Shape)>;

impl Shape {
    pub(crate) fn read(bytes: &[u8]) -> Shape {
        let mut bytes = Bytes(bytes);
        let shape = Shape::next(&mut bytes);
        assert!(bytes.0.is_empty(), "a shape has trailing bytes");
        shape
    }

    fn next(bytes: &mut Bytes<'_>) -> Shape {
        let one = |bytes: &mut Bytes<'_>| Box::new(Shape::next(bytes));
        match bytes.byte() {
            primitive @ 0x00..=0x10 => Shape::Primitive(primitive),
            0x20 => Shape::Option(one(bytes)),
            0x21 | 0x2c => Shape::List(one(bytes)),
            0x22 | 0x2d => Shape::Set(one(bytes)),
            0x23 => Shape::Map(one(bytes), one(bytes)),
            0x24 => Shape::OrderedMap(one(bytes), one(bytes)),
            0x25 => Shape::Array(bytes.varint() as u64, one(bytes)),
            0x26 => Shape::Tuple((0..bytes.varint()).map(|_| Shape::next(bytes)).collect()),
            0x27 => Shape::Struct(fields(bytes)),
            0x28 => Shape::Enum((0..bytes.varint()).map(|_| (bytes.text(), fields(bytes))).collect()),
            code => panic!("the shape {code:#x} is opaque, recursive or unknown, which this reader does not support"),
        }
    }
}

fn fields(bytes: &mut Bytes<'_>) -> Fields {
    match bytes.byte() {
        0 => Vec::new(),
        1 => vec![("0".to_owned(), Shape::next(bytes))],
        2 => (0..bytes.varint()).map(|place| (place.to_string(), Shape::next(bytes))).collect(),
        3 => (0..bytes.varint()).map(|_| (bytes.text(), Shape::next(bytes))).collect(),
        style => panic!("{style:#x} is an unknown style of fields"),
    }
}

/// A value without its type.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Unit,
    /// A bool, a character or a number, sign-extended.
    Number(i128),
    Text(String),
    Option(Option<Box<Value>>),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Struct(Vec<(String, Value)>),
    Enum(usize, String, Vec<(String, Value)>),
}

impl Value {
    /// Reads a value in the postcard encoding.
    pub(crate) fn read(bytes: &mut Bytes<'_>, shape: &Shape) -> Value {
        let list = |bytes: &mut Bytes<'_>, item: &Shape, count: u128| {
            Value::List((0..count).map(|_| Value::read(bytes, item)).collect())
        };
        match shape {
            Shape::Primitive(0x00) => Value::Unit,
            Shape::Primitive(0x01 | 0x02) => Value::Number(bytes.byte().into()),
            Shape::Primitive(0x07) => Value::Number((bytes.byte() as i8).into()),
            Shape::Primitive(0x03..=0x06) => Value::Number(bytes.varint() as i128),
            Shape::Primitive(0x08..=0x0b) => {
                let zigzag = bytes.varint();
                Value::Number((zigzag >> 1) as i128 ^ -((zigzag & 1) as i128))
            }
            Shape::Primitive(0x0c) => Value::Number(u32::from_le_bytes(bytes.take(4).try_into().unwrap()).into()),
            Shape::Primitive(0x0d) => Value::Number(u64::from_le_bytes(bytes.take(8).try_into().unwrap()).into()),
            Shape::Primitive(0x0e) => Value::Number(u32::from(bytes.text().chars().next().unwrap()).into()),
            Shape::Primitive(_) => Value::Text(bytes.text()),
            Shape::Option(item) => Value::Option((bytes.byte() == 1).then(|| Box::new(Value::read(bytes, item)))),
            Shape::List(item) | Shape::Set(item) => {
                let count = bytes.varint();
                list(bytes, item, count)
            }
            Shape::Array(count, item) => list(bytes, item, (*count).into()),
            Shape::Map(key, value) | Shape::OrderedMap(key, value) => {
                let count = bytes.varint();
                Value::Map((0..count).map(|_| (Value::read(bytes, key), Value::read(bytes, value))).collect())
            }
            Shape::Tuple(items) => Value::List(items.iter().map(|item| Value::read(bytes, item)).collect()),
            Shape::Struct(fields) => Value::Struct(named(bytes, fields)),
            Shape::Enum(variants) => {
                let index = bytes.varint() as usize;
                let (name, fields) = &variants[index];
                Value::Enum(index, name.clone(), named(bytes, fields))
            }
        }
    }
}

fn named(bytes: &mut Bytes<'_>, fields: &Fields) -> Vec<(String, Value)> {
    fields.iter().map(|(name, shape)| (name.clone(), Value::read(bytes, shape))).collect()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: Vec<String>| items.join(", ");
        let fields =
            |fields: &[(String, Value)]| list(fields.iter().map(|(name, value)| format!("{name}: {value}")).collect());
        match self {
            Value::Unit => f.write_str("()"),
            Value::Number(number) => number.fmt(f),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Option(None) => f.write_str("none"),
            Value::Option(Some(value)) => write!(f, "some {value}"),
            Value::List(items) => write!(f, "[{}]", list(items.iter().map(Value::to_string).collect())),
            Value::Map(entries) => {
                write!(f, "[{}]", list(entries.iter().map(|(key, value)| format!("{key} = {value}")).collect()))
            }
            Value::Struct(parts) => write!(f, "{{{}}}", fields(parts)),
            Value::Enum(_, name, parts) if parts.is_empty() => f.write_str(name),
            Value::Enum(_, name, parts) => write!(f, "{name}{{{}}}", fields(parts)),
        }
    }
}

/// The fingerprint of a shape.
pub(crate) fn fingerprint(shape: &[u8]) -> u64 {
    let fnv = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    fmix64(shape.iter().fold(0xcbf2_9ce4_8422_2325, fnv))
}

/// The digest of a value.
pub(crate) fn digest(value: &Value, shape: &Shape) -> u64 {
    let mut state = DigestState(0x243f_6a88_85a3_08d3);
    state.value(value, shape);
    fmix64(state.0)
}

struct DigestState(u64);

impl DigestState {
    fn take(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn value(&mut self, value: &Value, shape: &Shape) {
        match (shape, value) {
            (_, Value::Unit) => {}
            (Shape::Primitive(0x06 | 0x0b), Value::Number(number)) => {
                self.take(*number as u64);
                self.take((*number >> 64) as u64);
            }
            (_, Value::Number(number)) => self.take(*number as u64),
            (_, Value::Text(text)) => self.take(xxhash_rust::xxh3::xxh3_64(text.as_bytes())),
            (_, Value::Option(None)) => self.take(0),
            (Shape::Option(shape), Value::Option(Some(value))) => {
                self.take(1);
                self.value(value, shape);
            }
            (Shape::Array(_, shape), Value::List(items)) => items.iter().for_each(|item| self.value(item, shape)),
            (Shape::Tuple(shapes), Value::List(items)) => {
                items.iter().zip(shapes).for_each(|(item, shape)| self.value(item, shape));
            }
            (Shape::Struct(fields), Value::Struct(values)) => self.fields(values, fields),
            (Shape::Enum(variants), Value::Enum(index, _, values)) => {
                self.take(*index as u64);
                self.fields(values, &variants[*index].1);
            }
            (Shape::List(shape), Value::List(items)) => {
                self.take(items.len() as u64);
                items.iter().for_each(|item| self.value(item, shape));
            }
            (Shape::OrderedMap(key, value), Value::Map(entries)) => {
                self.take(entries.len() as u64);
                for entry in entries {
                    self.value(&entry.0, key);
                    self.value(&entry.1, value);
                }
            }
            (Shape::Set(shape), Value::List(items)) => {
                self.sum(items.len(), items.iter().map(|item| vec![(item, &**shape)]));
            }
            (Shape::Map(key, value), Value::Map(entries)) => {
                self.sum(entries.len(), entries.iter().map(|entry| vec![(&entry.0, &**key), (&entry.1, &**value)]));
            }
            (shape, value) => panic!("{value} is not of the shape {shape:?}"),
        }
    }

    fn fields(&mut self, values: &[(String, Value)], fields: &Fields) {
        values.iter().zip(fields).for_each(|((_, value), (_, shape))| self.value(value, shape));
    }

    fn sum<'a>(&mut self, count: usize, items: impl Iterator<Item = Vec<(&'a Value, &'a Shape)>>) {
        let hashes = items.map(|parts| {
            let mut state = DigestState(0x1319_8a2e_0370_7344);
            parts.into_iter().for_each(|(value, shape)| state.value(value, shape));
            fmix64(state.0)
        });
        let sum = hashes.fold(0, u64::wrapping_add);
        self.take(count as u64);
        self.take(sum);
    }
}

fn fmix64(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}
