//! The walk: a serializer that holds a value's serialization against its shape and takes it into a hash.

use std::fmt::{Display, Write as _};

use serde::ser::{Serialize, Serializer};

use super::entries::Entries;
use super::error::{DigestError, Step};
use super::hash::{Hash, Text};
use super::named::{Fields, Named};
use super::opaque;
use super::place::{self, Place};
use super::positional::{Parts, Positional};
use super::sequence::Sequence;
use crate::shape::{Descriptor, Primitive, Struct, Style, Variant};

/// Takes one value into a hash.
pub(super) struct DigestSerializer<'a> {
    hash: &'a mut Hash,
    place: Place<'a>,
}

impl<'a> DigestSerializer<'a> {
    #[inline]
    pub(super) fn new(hash: &'a mut Hash, place: Place<'a>) -> DigestSerializer<'a> {
        DigestSerializer { hash, place }
    }

    #[inline]
    fn primitive(&mut self, written: Primitive) -> Result<(), DigestError> {
        match self.place.shape {
            Descriptor::Primitive(expected) if *expected == written => Ok(()),
            Descriptor::Opaque(_) => {
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

    /// The shape of the variant that is being written; none in an opaque value.
    #[inline]
    fn variant(&mut self, index: u32, name: &str, style: Style) -> Result<Option<&'static Variant>, DigestError> {
        let found = match self.place.shape {
            Descriptor::Enum(enumeration) => match enumeration.variants.get(index as usize) {
                Some(variant) if variant.name == name && variant.style == style => Some(variant),
                variant => return Err(wrong_variant(variant, index, name, style)),
            },
            Descriptor::Opaque(_) => {
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
        DigestError::mismatch(place::name(self.place.shape), written)
    }
}

#[cold]
fn wrong_variant(expected: Option<&Variant>, index: u32, name: &str, style: Style) -> DigestError {
    let expected = match expected {
        Some(variant) => format!("a variant {} {}", variant.name, place::fields(variant.style)),
        None => "an enum of fewer variants".to_owned(),
    };
    DigestError::mismatch(expected, format!("variant {index}, {name} {}", place::fields(style)))
}

impl<'a> Serializer for DigestSerializer<'a> {
    type Ok = ();
    type Error = DigestError;
    type SerializeSeq = Sequence<'a>;
    type SerializeTuple = Positional<'a>;
    type SerializeTupleStruct = Positional<'a>;
    type SerializeTupleVariant = Positional<'a>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Named<'a>;
    type SerializeStructVariant = Named<'a>;

    /// As for the journal: the digest is to see what is recorded.
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
        self.word(Primitive::F32, value.to_bits().into())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), DigestError> {
        self.word(Primitive::F64, value.to_bits())
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

    /// As [`serialize_str`](Self::serialize_str) of the text, without holding it.
    fn collect_str<T: Display + ?Sized>(mut self, value: &T) -> Result<(), DigestError> {
        self.primitive(Primitive::String)?;
        let mut text = Text::new();
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
        match self.place.shape {
            Descriptor::Option(_) => self.hash.word(0),
            Descriptor::Opaque(_) => self.hash.word(opaque::NONE),
            _ => return Err(self.mismatch("an option")),
        }
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), DigestError> {
        let inside = match self.place.shape {
            Descriptor::Option(item) => {
                self.hash.word(1);
                self.place.part(*item)?
            }
            Descriptor::Opaque(_) => {
                self.hash.word(opaque::SOME);
                self.place
            }
            _ => return Err(self.mismatch("an option")),
        };
        value.serialize(DigestSerializer::new(self.hash, inside)).map_err(|error| error.at(Step::Some))
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<(), DigestError> {
        match self.place.shape {
            Descriptor::Struct(structure) if structure.style == Style::Unit => Ok(()),
            Descriptor::Opaque(_) => {
                self.hash.word(opaque::STRUCT);
                self.hash.word(0);
                Ok(())
            }
            _ => Err(self.mismatch(format!("a struct {name} without fields"))),
        }
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), DigestError> {
        let result = match self.place.shape {
            Descriptor::Struct(Struct { style: Style::Newtype, fields: [field], .. }) => {
                let inside = self.place.field(field.shape)?;
                value.serialize(DigestSerializer::new(self.hash, inside))
            }
            Descriptor::Opaque(_) => {
                self.hash.word(opaque::NEWTYPE);
                value.serialize(DigestSerializer::new(self.hash, self.place))
            }
            _ => return Err(self.mismatch(format!("a struct {name} around one value"))),
        };
        result.map_err(|error| error.at(Step::Position(0)))
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
            Some(Variant { fields: [field], .. }) => self.place.field(field.shape)?,
            Some(_) => return Err(self.mismatch(format!("variant {name} around one value"))),
            None => self.place,
        };
        value
            .serialize(DigestSerializer::new(self.hash, inside))
            .map_err(|error| error.at(Step::Position(0)).in_variant(variant))
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Sequence<'a>, DigestError> {
        match (self.place.shape, length) {
            (Descriptor::Set(item), _) => Ok(Sequence::unordered(self.hash, self.place.part(*item)?)),
            (Descriptor::List(item), Some(length)) => Ok(Sequence::ordered(self.hash, self.place.part(*item)?, length)),
            (Descriptor::Opaque(_), Some(length)) => {
                self.hash.word(opaque::SEQUENCE);
                Ok(Sequence::ordered(self.hash, self.place, length))
            }
            (Descriptor::List(_) | Descriptor::Opaque(_), None) => Err(self.mismatch("a sequence of unknown length")),
            _ => Err(self.mismatch("a sequence")),
        }
    }

    #[inline]
    fn serialize_tuple(self, length: usize) -> Result<Positional<'a>, DigestError> {
        let parts = match self.place.shape {
            Descriptor::Tuple(items) if items.len() == length => Parts::Shapes(items),
            Descriptor::Array(item, expected) if *expected == length => Parts::Same(*item, length),
            Descriptor::Opaque(_) => {
                self.hash.word(opaque::TUPLE);
                self.hash.word(length as u64);
                Parts::Opaque(length)
            }
            _ => return Err(self.mismatch(format!("a tuple or array of {length}"))),
        };
        Ok(Positional::new(self.hash, self.place, parts, None))
    }

    #[inline]
    fn serialize_tuple_struct(self, name: &'static str, length: usize) -> Result<Positional<'a>, DigestError> {
        let parts = match self.place.shape {
            Descriptor::Struct(structure) if structure.style == Style::Tuple && structure.fields.len() == length => {
                Parts::Fields(structure.fields)
            }
            Descriptor::Opaque(_) => {
                self.hash.word(opaque::STRUCT);
                self.hash.word(length as u64);
                Parts::Opaque(length)
            }
            _ => return Err(self.mismatch(format!("a struct {name} of {length} values"))),
        };
        Ok(Positional::new(self.hash, self.place, parts, None))
    }

    #[inline]
    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        index: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Positional<'a>, DigestError> {
        let variant = self.variant(index, name, Style::Tuple)?;
        let parts = match variant {
            Some(variant) => Parts::Fields(variant.fields),
            None => {
                self.hash.word(length as u64);
                Parts::Opaque(length)
            }
        };
        Ok(Positional::new(self.hash, self.place, parts, variant))
    }

    #[inline]
    fn serialize_map(self, length: Option<usize>) -> Result<Entries<'a>, DigestError> {
        let place = &self.place;
        match (place.shape, length) {
            (Descriptor::Map(key, value), _) => {
                Ok(Entries::unordered(self.hash, place.part(*key)?, place.part(*value)?))
            }
            (Descriptor::OrderedMap(key, value), Some(length)) => {
                Ok(Entries::ordered(self.hash, place.part(*key)?, place.part(*value)?, length))
            }
            (Descriptor::Opaque(_), Some(length)) => {
                self.hash.word(opaque::MAP);
                Ok(Entries::ordered(self.hash, self.place, self.place, length))
            }
            (Descriptor::OrderedMap(..) | Descriptor::Opaque(_), None) => Err(self.mismatch("a map of unknown length")),
            _ => Err(self.mismatch("a map")),
        }
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Named<'a>, DigestError> {
        let fields = match self.place.shape {
            Descriptor::Struct(structure) if structure.style == Style::Named => Fields::Known(structure.fields),
            Descriptor::Opaque(_) => {
                self.hash.word(opaque::STRUCT);
                self.hash.word(length as u64);
                Fields::Opaque(length)
            }
            _ => return Err(self.mismatch(format!("a struct {name} of {length} named fields"))),
        };
        Ok(Named::new(self.hash, self.place, fields, None))
    }

    #[inline]
    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        index: u32,
        name: &'static str,
        length: usize,
    ) -> Result<Named<'a>, DigestError> {
        let variant = self.variant(index, name, Style::Named)?;
        let fields = match variant {
            Some(variant) => Fields::Known(variant.fields),
            None => {
                self.hash.word(length as u64);
                Fields::Opaque(length)
            }
        };
        Ok(Named::new(self.hash, self.place, fields, variant))
    }
}
