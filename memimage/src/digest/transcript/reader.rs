//! Reads transcripts: splits the bytes of a value into the bytes of its parts, and decodes them to a [`Value`] for messages.

use super::Tag;
use crate::shape::{PRIMITIVES, Primitive};
use crate::value::Value;

/// The bytes of one value in a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

/// A value of which only the outermost level is decoded.
#[derive(Clone, Debug)]
pub(super) enum Outermost<'a> {
    None,
    Some(Bytes<'a>),
    Newtype(Bytes<'a>),
    Variant(&'a str, Bytes<'a>),
    Tuple(Vec<Bytes<'a>>),
    List(Vec<Bytes<'a>>),
    Set(Vec<Bytes<'a>>),
    OrderedMap(Vec<(Bytes<'a>, Bytes<'a>)>),
    Map(Vec<(Bytes<'a>, Bytes<'a>)>),
    Struct(Vec<(&'a str, Bytes<'a>)>),
    Primitive(Value),
}

impl<'a> Bytes<'a> {
    /// Decodes the outermost level of the value. Its parts stay undecoded.
    pub(super) fn outermost(self) -> Outermost<'a> {
        let mut cursor = Cursor(self.0);
        let Some(tag) = cursor.tag() else { return Outermost::Primitive(cursor.primitive()) };
        match tag {
            Tag::None => Outermost::None,
            Tag::Some => Outermost::Some(cursor.value()),
            Tag::Newtype => Outermost::Newtype(cursor.value()),
            Tag::Variant => Outermost::Variant(cursor.name(), cursor.value()),
            Tag::Tuple => Outermost::Tuple(cursor.parts(Cursor::value)),
            Tag::List => Outermost::List(cursor.parts(Cursor::value)),
            Tag::Set => Outermost::Set(cursor.parts(Cursor::value)),
            Tag::OrderedMap => Outermost::OrderedMap(cursor.parts(Cursor::entry)),
            Tag::Map => Outermost::Map(cursor.parts(Cursor::entry)),
            Tag::Struct => Outermost::Struct(cursor.parts(Cursor::field)),
            Tag::Field | Tag::End => unreachable!("no value begins with this mark"),
        }
    }

    /// Decodes all levels of the value, for a message.
    pub(super) fn to_value(self) -> Value {
        let values = |parts: Vec<Bytes<'_>>| Value::List(parts.into_iter().map(Bytes::to_value).collect());
        match self.outermost() {
            Outermost::None => Value::Option(None),
            Outermost::Some(value) => Value::Option(Some(Box::new(value.to_value()))),
            Outermost::Newtype(value) => value.to_value(),
            Outermost::Variant(name, fields) => Value::Variant(name.into(), Box::new(fields.to_value())),
            Outermost::Tuple(parts) | Outermost::List(parts) | Outermost::Set(parts) => values(parts),
            Outermost::OrderedMap(entries) | Outermost::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key.to_value(), value.to_value())).collect())
            }
            Outermost::Struct(fields) => {
                Value::Struct(fields.into_iter().map(|(name, value)| (name.into(), value.to_value())).collect())
            }
            Outermost::Primitive(value) => value,
        }
    }
}

/// Reads a transcript that this process wrote. The cursor therefore panics if the bytes are not a transcript.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().expect("as many bytes as were taken")
    }

    /// Reads a tag; `None` if a primitive follows.
    fn tag(&mut self) -> Option<Tag> {
        let tag = Tag::of(self.0[0])?;
        self.0 = &self.0[1..];
        Some(tag)
    }

    fn text(&mut self) -> &'a [u8] {
        let length = u64::from_le_bytes(self.array());
        self.take(length as usize)
    }

    fn name(&mut self) -> &'a str {
        std::str::from_utf8(self.text()).expect("names are UTF-8")
    }

    /// The bytes of the value that follows.
    fn value(&mut self) -> Bytes<'a> {
        let start = self.0;
        self.skip();
        Bytes(&start[..start.len() - self.0.len()])
    }

    fn entry(&mut self) -> (Bytes<'a>, Bytes<'a>) {
        (self.value(), self.value())
    }

    fn field(&mut self) -> (&'a str, Bytes<'a>) {
        assert_eq!(self.tag(), Some(Tag::Field), "a field follows");
        (self.name(), self.value())
    }

    /// Reads parts up to the end mark.
    fn parts<T>(&mut self, read: impl Fn(&mut Cursor<'a>) -> T) -> Vec<T> {
        let mut parts = Vec::new();
        while self.0[0] != Tag::End as u8 {
            parts.push(read(self));
        }
        parts
    }

    /// Skips the value that follows. Does not recurse, since a transcript may be deep.
    fn skip(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.tag() {
                None => drop(self.primitive()),
                Some(Tag::None) => {}
                Some(Tag::Some | Tag::Newtype) => continue,
                Some(Tag::Variant) => {
                    self.name();
                    continue;
                }
                Some(Tag::Field) => {
                    self.name();
                    continue;
                }
                Some(Tag::End) => open -= 1,
                Some(Tag::Tuple | Tag::List | Tag::Set | Tag::OrderedMap | Tag::Map | Tag::Struct) => open += 1,
            }
            if open == 0 {
                return;
            }
        }
    }

    fn primitive(&mut self) -> Value {
        let code = self.take(1)[0];
        let primitive = PRIMITIVES.into_iter().find(|primitive| primitive.code() == code);
        match primitive.expect("a primitive or a tag") {
            Primitive::Unit => Value::Unit,
            Primitive::Bool => Value::Bool(self.take(1)[0] != 0),
            Primitive::U8 => Value::Unsigned(u8::from_le_bytes(self.array()).into()),
            Primitive::U16 => Value::Unsigned(u16::from_le_bytes(self.array()).into()),
            Primitive::U32 => Value::Unsigned(u32::from_le_bytes(self.array()).into()),
            Primitive::U64 => Value::Unsigned(u64::from_le_bytes(self.array()).into()),
            Primitive::U128 => Value::Unsigned(u128::from_le_bytes(self.array())),
            Primitive::I8 => Value::Signed(i8::from_le_bytes(self.array()).into()),
            Primitive::I16 => Value::Signed(i16::from_le_bytes(self.array()).into()),
            Primitive::I32 => Value::Signed(i32::from_le_bytes(self.array()).into()),
            Primitive::I64 => Value::Signed(i64::from_le_bytes(self.array()).into()),
            Primitive::I128 => Value::Signed(i128::from_le_bytes(self.array())),
            Primitive::F32 => Value::F32(f32::from_le_bytes(self.array())),
            Primitive::F64 => Value::F64(f64::from_le_bytes(self.array())),
            Primitive::Char => {
                Value::Char(char::from_u32(u32::from_le_bytes(self.array())).expect("a char was written"))
            }
            Primitive::String => {
                Value::String(std::str::from_utf8(self.text()).expect("a string was written").to_owned())
            }
            Primitive::Bytes => Value::Bytes(self.text().to_vec()),
        }
    }
}

impl Tag {
    /// The tag with this code; `None` for the code of a primitive.
    fn of(code: u8) -> Option<Tag> {
        const ALL: [Tag; 12] = [
            Tag::None,
            Tag::Some,
            Tag::Newtype,
            Tag::Variant,
            Tag::Tuple,
            Tag::List,
            Tag::Set,
            Tag::OrderedMap,
            Tag::Map,
            Tag::Struct,
            Tag::Field,
            Tag::End,
        ];
        ALL.into_iter().find(|tag| *tag as u8 == code)
    }
}
