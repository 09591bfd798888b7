//! A serializer that hashes a value and checks it against its shape.

use std::fmt::{Display, Write as _};

use serde::ser::{Serialize, Serializer};

use super::error::{DigestError, DigestPathStep};
use super::hash::{HashState, StringHash};
use super::map::MapDigest;
use super::named::{FieldShapes, NamedFields};
use super::opaque;
use super::position::{self, DigestPosition};
use super::positional::{PartShapes, PositionalFields};
use super::sequence::SequenceDigest;
use crate::personal::{COMPARED_FIELDS, PERSONAL};
use crate::shape::{Descriptor, Primitive, Struct, Style, Variant};

/// Hashes one value.
pub(super) struct DigestSerializer<'a> {
    hash: &'a mut HashState,
    position: DigestPosition<'a>,
}

impl<'a> DigestSerializer<'a> {
    #[inline]
    pub(super) fn new(hash: &'a mut HashState, position: DigestPosition<'a>) -> DigestSerializer<'a> {
        DigestSerializer { hash, position }
    }

    #[inline]
    fn primitive(&mut self, written: Primitive) -> Result<(), DigestError> {
        match self.position.shape {
            Descriptor::Primitive(expected) if *expected == written => Ok(()),
            Descriptor::Opaque(_) | Descriptor::Unordered(_) => {
                self.hash.word(opaque::primitive(written));
                Ok(())
            }
            _ => Err(self.mismatch(written.to_string())),
        }
    }

    #[inline]
    fn word(mut self, written: Primitive, word: u64) -> Result<(), DigestError> {
        self.primitive(written)?;
        self.hash.word(word);
        Ok(())
    }

    #[inline]
    fn two_words(mut self, written: Primitive, words: u128) -> Result<(), DigestError> {
        self.primitive(written)?;
        self.hash.word(words as u64);
        self.hash.word((words >> 64) as u64);
        Ok(())
    }

    /// Checks the variant that is being written and returns its shape; `None` in an opaque value.
    #[inline]
    fn variant(&mut self, index: u32, name: &str, style: Style) -> Result<Option<&'static Variant>, DigestError> {
        let found = match self.position.shape {
            Descriptor::Enum(enumeration) => match enumeration.variants.get(index as usize) {
                Some(variant) if variant.name == name && variant.style == style => Some(variant),
                variant => return Err(wrong_variant(variant, index, name, style)),
            },
            Descriptor::Opaque(_) | Descriptor::Unordered(_) => {
                self.hash.word(opaque::VARIANT);
                None
            }
            _ => return Err(self.mismatch(format!("variant {name} of an enum"))),
        };
        self.hash.word(u64::from(index));
        Ok(found)
    }

    #[cold]
    fn mismatch(&self, written: impl Into<String>) -> DigestError {
        DigestError::mismatch(position::name(self.position.shape), written)
    }
}

#[cold]
fn wrong_variant(expected: Option<&Variant>, index: u32, name: &str, style: Style) -> DigestError {
    let expected = match expected {
        Some(variant) => format!("a variant {} {}", variant.name, position::fields(variant.style)),
        None => "an enum with fewer variants".to_owned(),
    };
    DigestError::mismatch(expected, format!("variant {index}, {name} {}", position::fields(style)))
}

impl<'a> Serializer for DigestSerializer<'a> {
    type Ok = ();
    type Error = DigestError;
    type SerializeSeq = SequenceDigest<'a>;
    type SerializeTuple = PositionalFields<'a>;
    type SerializeTupleStruct = PositionalFields<'a>;
    type SerializeTupleVariant = PositionalFields<'a>;
    type SerializeMap = MapDigest<'a>;
    type SerializeStruct = NamedFields<'a>;
    type SerializeStructVariant = NamedFields<'a>;

    /// Returns the same as the journal's serializer, so that the digest covers the form of the value that the journal records.
    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), DigestError> {
        self.word(Primitive::Bool, value.into())
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), DigestError> {
        self.word(Primitive::U8, value.into())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), DigestError> {
        self.word(Primitive::U16, value.into())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), DigestError> {
        self.word(Primitive::U32, value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), DigestError> {
        self.word(Primitive::U64, value)
    }

    #[inline]
    fn serialize_u128(self, value: u128) -> Result<(), DigestError> {
        self.two_words(Primitive::U128, value)
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), DigestError> {
        self.word(Primitive::I8, i64::from(value) as u64)
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<(), DigestError> {
        self.word(Primitive::I16, i64::from(value) as u64)
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<(), DigestError> {
        self.word(Primitive::I32, i64::from(value) as u64)
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), DigestError> {
        self.word(Primitive::I64, value as u64)
    }

    #[inline]
    fn serialize_i128(self, value: i128) -> Result<(), DigestError> {
        self.two_words(Primitive::I128, value as u128)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), DigestError> {
        self.word(Primitive::F32, hashed_f32(value).into())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), DigestError> {
        self.word(Primitive::F64, hashed_f64(value))
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<(), DigestError> {
        self.word(Primitive::Char, value.into())
    }

    #[inline]
    fn serialize_str(mut self, value: &str) -> Result<(), DigestError> {
        self.primitive(Primitive::String)?;
        self.hash.bytes(value.as_bytes());
        Ok(())
    }

    /// Hashes the text like [`serialize_str`](Self::serialize_str), without keeping it in memory.
    fn collect_str<T: Display + ?Sized>(mut self, value: &T) -> Result<(), DigestError> {
        self.primitive(Primitive::String)?;
        let mut text = StringHash::new();
        write!(text, "{value}").map_err(serde::ser::Error::custom)?;
        self.hash.word(text.finish());
        Ok(())
    }

    #[inline]
    fn serialize_bytes(mut self, value: &[u8]) -> Result<(), DigestError> {
        self.primitive(Primitive::Bytes)?;
        self.hash.bytes(value);
        Ok(())
    }

    #[inline]
    fn serialize_unit(mut self) -> Result<(), DigestError> {
        self.primitive(Primitive::Unit)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), DigestError> {
        match self.position.shape {
            Descriptor::Option(_) => self.hash.word(0),
            Descriptor::Opaque(_) | Descriptor::Unordered(_) => self.hash.word(opaque::NONE),
            _ => return Err(self.mismatch("an option")),
        }
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), DigestError> {
        let inside = match self.position.shape {
            Descriptor::Option(item) => {
                self.hash.word(1);
                self.position.part(*item)?
            }
            Descriptor::Opaque(_) | Descriptor::Unordered(_) => {
                self.hash.word(opaque::SOME);
                self.position.opaque_part()?
            }
            _ => return Err(self.mismatch("an option")),
        };
        value.serialize(DigestSerializer::new(self.hash, inside)).map_err(|error| error.at(DigestPathStep::Some))
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<(), DigestError> {
        match self.position.shape {
            Descriptor::Struct(structure) if structure.style == Style::Unit => Ok(()),
            Descriptor::Opaque(_) | Descriptor::Unordered(_) => {
                self.hash.word(opaque::STRUCT);
                self.hash.word(0);
                Ok(())
            }
            _ => Err(self.mismatch(format!("a struct {name} without fields"))),
        }
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), DigestError> {
        let result = match self.position.shape {
            Descriptor::Struct(Struct { style: Style::Newtype, fields: [field], .. }) => {
                let inside = self.position.field(field.shape)?;
                value.serialize(DigestSerializer::new(self.hash, inside))
            }
            Descriptor::Opaque(_) | Descriptor::Unordered(_) => {
                self.hash.word(opaque::NEWTYPE);
                value.serialize(DigestSerializer::new(self.hash, self.position.opaque_part()?))
            }
            _ => return Err(self.mismatch(format!("a struct {name} with one unnamed field"))),
        };
        result.map_err(|error| error.at(DigestPathStep::Position(0)))
    }

    #[inline]
    fn serialize_unit_variant(mut self, _: &'static str, index: u32, name: &'static str) -> Result<(), DigestError> {
        self.variant(index, name, Style::Unit)?;
        Ok(())
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        index: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), DigestError> {
        let variant = self.variant(index, name, Style::Newtype)?;
        let inside = match variant {
            Some(Variant { fields: [field], .. }) => self.position.field(field.shape)?,
            Some(_) => return Err(self.mismatch(format!("variant {name} with one unnamed field"))),
            None => self.position.opaque_part()?,
        };
        value
            .serialize(DigestSerializer::new(self.hash, inside))
            .map_err(|error| error.at(DigestPathStep::Position(0)).within_variant(variant))
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<SequenceDigest<'a>, DigestError> {
        match (self.position.shape, length) {
            (Descriptor::Set(item) | Descriptor::Multiset(item), _) => {
                Ok(SequenceDigest::unordered(self.hash, self.position.part(*item)?))
            }
            (Descriptor::List(item) | Descriptor::OrderedSet(item), Some(length)) => {
                Ok(SequenceDigest::ordered(self.hash, self.position.part(*item)?, length))
            }
            (Descriptor::Unordered(_), _) if self.position.has_unordered_sequences() => {
                self.hash.word(opaque::SEQUENCE);
                Ok(SequenceDigest::unordered(self.hash, self.position.opaque_item()?))
            }
            (Descriptor::Opaque(_) | Descriptor::Unordered(_), Some(length)) => {
                self.hash.word(opaque::SEQUENCE);
                Ok(SequenceDigest::ordered(self.hash, self.position.opaque_item()?, length))
            }
            (
                Descriptor::List(_) | Descriptor::OrderedSet(_) | Descriptor::Opaque(_) | Descriptor::Unordered(_),
                None,
            ) => Err(self.mismatch("a sequence of unknown length")),
            _ => Err(self.mismatch("a sequence")),
        }
    }

    #[inline]
    fn serialize_tuple(self, length: usize) -> Result<PositionalFields<'a>, DigestError> {
        let parts = match self.position.shape {
            Descriptor::Tuple(items) if items.len() == length => PartShapes::Shapes(items),
            Descriptor::Array(item, expected) if *expected == length => PartShapes::Same(*item, length),
            Descriptor::Opaque(_) | Descriptor::Unordered(_) => {
                self.hash.word(opaque::TUPLE);
                self.hash.word(length as u64);
                PartShapes::Opaque(length)
            }
            _ => return Err(self.mismatch(format!("a tuple or array of {length}"))),
        };
        Ok(PositionalFields::new(self.hash, self.position, parts, None))
    }

    #[inline]
    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<PositionalFields<'a>, DigestError> {
        let parts = match self.position.shape {
            Descriptor::Struct(structure) if structure.style == Style::Tuple && structure.fields.len() == length => {
                PartShapes::Fields(structure.fields)
            }
            Descriptor::Opaque(_) | Descriptor::Unordered(_) => {
                self.hash.word(opaque::STRUCT);
                self.hash.word(length as u64);
                PartShapes::Opaque(length)
            }
            _ => return Err(self.mismatch(format!("a struct {name} with {length} unnamed fields"))),
        };
        Ok(PositionalFields::new(self.hash, self.position, parts, None))
    }

    #[inline]
    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        index: u32,
        name: &'static str,
        length: usize,
    ) -> Result<PositionalFields<'a>, DigestError> {
        let variant = self.variant(index, name, Style::Tuple)?;
        let parts = match variant {
            Some(variant) => PartShapes::Fields(variant.fields),
            None => {
                self.hash.word(length as u64);
                PartShapes::Opaque(length)
            }
        };
        Ok(PositionalFields::new(self.hash, self.position, parts, variant))
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<MapDigest<'a>, DigestError> {
        let position = &self.position;
        match (position.shape, length) {
            (Descriptor::Map(key, value), _) => {
                Ok(MapDigest::unordered(self.hash, position.part(*key)?, position.part(*value)?))
            }
            (Descriptor::OrderedMap(key, value), Some(length)) => {
                Ok(MapDigest::ordered(self.hash, position.part(*key)?, position.part(*value)?, length))
            }
            (Descriptor::Unordered(_), _) if position.has_unordered_maps() => {
                self.hash.word(opaque::MAP);
                let item = position.opaque_item()?;
                Ok(MapDigest::unordered(self.hash, item, item))
            }
            (Descriptor::Opaque(_) | Descriptor::Unordered(_), Some(length)) => {
                self.hash.word(opaque::MAP);
                let item = position.opaque_item()?;
                Ok(MapDigest::ordered(self.hash, item, item, length))
            }
            (Descriptor::OrderedMap(..) | Descriptor::Opaque(_) | Descriptor::Unordered(_), None) => {
                Err(self.mismatch("a map of unknown length"))
            }
            _ => Err(self.mismatch("a map")),
        }
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, length: usize) -> Result<NamedFields<'a>, DigestError> {
        let fields = match self.position.shape {
            Descriptor::Struct(structure) if structure.style == Style::Named => FieldShapes::Known(structure.fields),
            Descriptor::Opaque(_) | Descriptor::Unordered(_) => {
                self.hash.word(opaque::STRUCT);
                self.hash.word(length as u64);
                FieldShapes::Opaque(length)
            }
            _ => return Err(self.mismatch(format!("a struct {name} with {length} named fields"))),
        };
        let hashed = if name == PERSONAL { COMPARED_FIELDS } else { usize::MAX };
        Ok(NamedFields::new(self.hash, self.position, fields, None).first(hashed))
    }

    #[inline]
    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        index: u32,
        name: &'static str,
        length: usize,
    ) -> Result<NamedFields<'a>, DigestError> {
        let variant = self.variant(index, name, Style::Named)?;
        let fields = match variant {
            Some(variant) => FieldShapes::Known(variant.fields),
            None => {
                self.hash.word(length as u64);
                FieldShapes::Opaque(length)
            }
        };
        Ok(NamedFields::new(self.hash, self.position, fields, variant))
    }
}

/// The bits that the hash absorbs for a float: the same bits for every NaN.
pub(super) fn hashed_f32(value: f32) -> u32 {
    if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() }
}

/// The bits that the hash absorbs for a float: the same bits for every NaN.
pub(super) fn hashed_f64(value: f64) -> u64 {
    if value.is_nan() { 0x7ff8_0000_0000_0000 } else { value.to_bits() }
}
