//! A serializer that hands the parts of a value to a visitor, one level at a time.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::kind::Kind;
use super::visitor::{Key, Scalar, Stop, Visitor};
use crate::digest::{ChildShapes, DigestPosition};
use crate::personal::{COMPARED_FIELDS, PERSONAL};
use crate::shape::Descriptor;
use crate::value::Value;

/// Hands a value to the visitor. The visitor may have stopped before the end of the value.
///
/// # Errors
///
/// Returns [`Stop::Failed`] if the value's `Serialize` fails, or if the visitor does.
pub(super) fn visit<T: Serialize + ?Sized, V: Visitor>(
    value: &T,
    visitor: &mut V,
    position: Option<DigestPosition<'_>>,
) -> Result<(), Stop> {
    match value.serialize(Walk { visitor, position }) {
        Ok(()) | Err(Stop::Done) => Ok(()),
        failed => failed,
    }
}

/// Hands one value to the visitor.
struct Walk<'p, 'v, V> {
    visitor: &'v mut V,
    position: Option<DigestPosition<'p>>,
}

impl<'p, 'v, V: Visitor> Walk<'p, 'v, V> {
    fn scalar(self, value: Value) -> Result<(), Stop> {
        self.visitor.scalar(Scalar::Value(value))
    }

    fn parts(
        self,
        kind: Kind,
        name: &'static str,
        len: Option<usize>,
        shapes: impl FnOnce(&DigestPosition<'p>) -> ChildShapes,
    ) -> Result<Parts<'p, 'v, V>, Stop> {
        self.visitor.begin(kind, name, len)?;
        let shapes = self.position.as_ref().map_or(ChildShapes::Opaque, shapes);
        Ok(Parts {
            visitor: self.visitor,
            position: self.position,
            shapes,
            next: 0,
            key: String::new(),
            is_wanted: false,
            shown: u64::MAX,
        })
    }

    /// Hands the only part of this value to the visitor, as if it stood here alone.
    fn inside<T: Serialize + ?Sized>(
        self,
        part: &T,
        shapes: impl FnOnce(&DigestPosition<'p>) -> ChildShapes,
    ) -> Result<(), Stop> {
        let position = match &self.position {
            Some(position) => Some(shapes(position).position(position, 0).map_err(serde::ser::Error::custom)?),
            None => None,
        };
        part.serialize(Walk { visitor: self.visitor, position })
    }

    /// The kind of a sequence.
    fn sequence(&self) -> Kind {
        match &self.position {
            Some(position) => match position.shape {
                Descriptor::Set(_) | Descriptor::Multiset(_) => Kind::Set,
                _ if position.has_unordered_sequences() => Kind::Set,
                _ => Kind::List,
            },
            None => Kind::List,
        }
    }
}

/// Hands the parts of a value to the visitor.
struct Parts<'p, 'v, V> {
    visitor: &'v mut V,
    position: Option<DigestPosition<'p>>,
    shapes: ChildShapes,
    /// The number of the next part.
    next: u64,
    /// The text of the key whose value follows.
    key: String,
    /// Whether the visitor wants this value.
    is_wanted: bool,
    /// The number of named parts, from the first on, that the visitor gets: of personal data, only the subject.
    shown: u64,
}

/// Where the text of a part's key is.
enum KeySource {
    Name(&'static str),
    Index,
    /// In the field `key`.
    Text,
}

impl<V: Visitor> Parts<'_, '_, V> {
    /// Leaves out the parts at the beginning that the visitor does not want. The iterators of slices do this in one step.
    fn skip(&mut self, parts: &mut impl Iterator, len: Option<usize>) {
        let skipped = len.map_or(0, |len| self.visitor.skip(len as u64));
        if let Some(last) = skipped.checked_sub(1) {
            parts.nth(usize::try_from(last).unwrap_or(usize::MAX));
            self.next += skipped;
        }
    }

    /// `shape` is the index of the part's shape.
    fn part<T: Serialize + ?Sized>(&mut self, key: KeySource, part: &T, shape: usize) -> Result<(), Stop> {
        let position = match &self.position {
            Some(position) => Some(self.shapes.position(position, shape).map_err(serde::ser::Error::custom)?),
            None => None,
        };
        let key = match key {
            KeySource::Name(name) => Key::Name(name),
            KeySource::Index => Key::Index(self.next),
            KeySource::Text => Key::Name(&self.key),
        };
        self.next += 1;
        self.visitor.part(key, part, position)
    }

    fn unnamed<T: Serialize + ?Sized>(&mut self, part: &T) -> Result<(), Stop> {
        let shape = usize::try_from(self.next).unwrap_or(usize::MAX);
        self.part(KeySource::Index, part, shape)
    }

    fn named<T: Serialize + ?Sized>(&mut self, name: &'static str, part: &T) -> Result<(), Stop> {
        if self.next >= self.shown {
            return Ok(());
        }
        let shape = usize::try_from(self.next).unwrap_or(usize::MAX);
        self.part(KeySource::Name(name), part, shape)
    }
}

/// The number of parts, if the iterator knows it.
fn known_len(parts: &impl Iterator) -> Option<usize> {
    match parts.size_hint() {
        (least, Some(most)) if least == most => Some(least),
        _ => None,
    }
}

macro_rules! numbers {
    ($($method:ident($type:ty) => $variant:ident;)+) => {$(
        fn $method(self, number: $type) -> Result<(), Stop> {
            self.scalar(Value::$variant(number.into()))
        }
    )+};
}

impl<'p, 'v, V: Visitor> Serializer for Walk<'p, 'v, V> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Parts<'p, 'v, V>;
    type SerializeTuple = Parts<'p, 'v, V>;
    type SerializeTupleStruct = Parts<'p, 'v, V>;
    type SerializeTupleVariant = Parts<'p, 'v, V>;
    type SerializeMap = Parts<'p, 'v, V>;
    type SerializeStruct = Parts<'p, 'v, V>;
    type SerializeStructVariant = Parts<'p, 'v, V>;

    numbers! {
        serialize_i8(i8) => Signed;
        serialize_i16(i16) => Signed;
        serialize_i32(i32) => Signed;
        serialize_i64(i64) => Signed;
        serialize_i128(i128) => Signed;
        serialize_u8(u8) => Unsigned;
        serialize_u16(u16) => Unsigned;
        serialize_u32(u32) => Unsigned;
        serialize_u64(u64) => Unsigned;
        serialize_u128(u128) => Unsigned;
        serialize_f32(f32) => F32;
        serialize_f64(f64) => F64;
        serialize_bool(bool) => Bool;
        serialize_char(char) => Char;
    }

    fn serialize_str(self, text: &str) -> Result<(), Stop> {
        self.visitor.scalar(Scalar::Text(text))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Stop> {
        self.visitor.scalar(Scalar::Bytes(bytes))
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        self.scalar(Value::Unit)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Stop> {
        self.scalar(Value::Unit)
    }

    fn serialize_none(self) -> Result<(), Stop> {
        self.scalar(Value::Option(None))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        self.inside(value, ChildShapes::of_option)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        self.inside(value, ChildShapes::of_newtype)
    }

    fn serialize_unit_variant(self, enumeration: &'static str, _: u32, variant: &'static str) -> Result<(), Stop> {
        self.visitor.variant(enumeration, variant)?;
        self.scalar(Value::Unit)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        enumeration: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        self.visitor.variant(enumeration, variant)?;
        self.inside(value, |position| ChildShapes::of_variant(position, index))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Parts<'p, 'v, V>, Stop> {
        let kind = self.sequence();
        self.parts(kind, "", len, ChildShapes::of_sequence)
    }

    fn collect_seq<I>(self, items: I) -> Result<(), Stop>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let mut items = items.into_iter();
        let len = known_len(&items);
        let mut parts = self.serialize_seq(len)?;
        parts.skip(&mut items, len);
        items.try_for_each(|item| parts.unnamed(&item))?;
        parts.visitor.end()
    }

    fn serialize_tuple(self, len: usize) -> Result<Parts<'p, 'v, V>, Stop> {
        self.parts(Kind::Tuple, "", Some(len), ChildShapes::of_tuple)
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Parts<'p, 'v, V>, Stop> {
        self.parts(Kind::Tuple, name, Some(len), ChildShapes::of_struct)
    }

    fn serialize_tuple_variant(
        self,
        enumeration: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Parts<'p, 'v, V>, Stop> {
        self.visitor.variant(enumeration, variant)?;
        self.parts(Kind::Tuple, "", Some(len), |position| ChildShapes::of_variant(position, index))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Parts<'p, 'v, V>, Stop> {
        self.parts(Kind::Map, "", len, ChildShapes::of_map)
    }

    fn collect_map<K, T, I>(self, entries: I) -> Result<(), Stop>
    where
        K: Serialize,
        T: Serialize,
        I: IntoIterator<Item = (K, T)>,
    {
        let mut entries = entries.into_iter();
        let len = known_len(&entries);
        let mut parts = self.serialize_map(len)?;
        parts.skip(&mut entries, len);
        entries.try_for_each(|(key, value)| parts.serialize_entry(&key, &value))?;
        parts.visitor.end()
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'p, 'v, V>, Stop> {
        let shown = if name == PERSONAL { COMPARED_FIELDS as u64 } else { u64::MAX };
        // a struct with skipped fields may write fewer fields than it announces
        Ok(Parts { shown, ..self.parts(Kind::Record, name, None, ChildShapes::of_struct)? })
    }

    fn serialize_struct_variant(
        self,
        enumeration: &'static str,
        index: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'p, 'v, V>, Stop> {
        self.visitor.variant(enumeration, variant)?;
        self.parts(Kind::Record, "", None, |position| ChildShapes::of_variant(position, index))
    }
}

impl<V: Visitor> SerializeSeq for Parts<'_, '_, V> {
    type Ok = ();
    type Error = Stop;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.unnamed(value)
    }

    fn end(self) -> Result<(), Stop> {
        self.visitor.end()
    }
}

impl<V: Visitor> SerializeMap for Parts<'_, '_, V> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        self.key.clear();
        self.is_wanted = self.visitor.key(&mut self.key, key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        match self.is_wanted {
            true => self.part(KeySource::Text, value, 1),
            false => {
                self.next += 1;
                Ok(())
            }
        }
    }

    fn end(self) -> Result<(), Stop> {
        self.visitor.end()
    }
}

impl<V: Visitor> SerializeTuple for Parts<'_, '_, V> {
    type Ok = ();
    type Error = Stop;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        self.unnamed(value)
    }

    fn end(self) -> Result<(), Stop> {
        self.visitor.end()
    }
}

macro_rules! unnamed_fields {
    ($($for:ident),+) => {$(
        impl<V: Visitor> $for for Parts<'_, '_, V> {
            type Ok = ();
            type Error = Stop;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.unnamed(value)
            }

            fn end(self) -> Result<(), Stop> {
                self.visitor.end()
            }
        }
    )+};
}

macro_rules! named_fields {
    ($($for:ident),+) => {$(
        impl<V: Visitor> $for for Parts<'_, '_, V> {
            type Ok = ();
            type Error = Stop;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Stop> {
                self.named(name, value)
            }

            fn end(self) -> Result<(), Stop> {
                self.visitor.end()
            }
        }
    )+};
}

unnamed_fields!(SerializeTupleStruct, SerializeTupleVariant);
named_fields!(SerializeStruct, SerializeStructVariant);
