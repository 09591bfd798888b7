//! A serializer that writes a transcript.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{MAX_BYTES, Tag};
use crate::digest::child_shapes::ChildShapes;
use crate::digest::error::DigestError;
use crate::digest::position::DigestPosition;
use crate::digest::serializer::{hashed_f32, hashed_f64};
use crate::personal::{COMPARED_FIELDS, PERSONAL};
use crate::shape::{Descriptor, Primitive};

/// Writes the transcript of one value. This serializer uses the shape only to find the unordered collections. Computing the
/// digest, not writing the transcript, checks that the value matches its shape.
pub(super) struct TranscriptSerializer<'a> {
    out: &'a mut Vec<u8>,
    position: DigestPosition<'a>,
}

impl<'a> TranscriptSerializer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, position: DigestPosition<'a>) -> TranscriptSerializer<'a> {
        TranscriptSerializer { out, position }
    }

    fn primitive(self, primitive: Primitive, bytes: &[u8]) -> Result<(), DigestError> {
        self.out.push(primitive.code());
        self.out.extend_from_slice(bytes);
        bounded(self.out)
    }

    fn text(self, primitive: Primitive, bytes: &[u8]) -> Result<(), DigestError> {
        self.out.push(primitive.code());
        text(self.out, bytes);
        bounded(self.out)
    }

    /// Writes the tag. Returns the serializer for the value's parts.
    fn parts(self, tag: Tag, shapes: ChildShapes) -> Parts<'a> {
        self.out.push(tag as u8);
        Parts {
            out: self.out,
            position: self.position,
            shapes,
            next: 0,
            starts: Vec::new(),
            is_sorted: false,
            compared: usize::MAX,
        }
    }

    /// Like `parts`, but the serializer sorts the items or entries after the last one is written.
    fn unordered(self, tag: Tag, shapes: ChildShapes) -> Parts<'a> {
        Parts { is_sorted: true, ..self.parts(tag, shapes) }
    }

    /// Writes the name of a variant. Returns the shapes of the variant's fields.
    fn variant(&mut self, index: u32, name: &str) -> ChildShapes {
        self.out.push(Tag::Variant as u8);
        text(self.out, name.as_bytes());
        ChildShapes::of_variant(&self.position, index)
    }
}

/// Appends a length and bytes.
fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn bounded(out: &[u8]) -> Result<(), DigestError> {
    match out.len() <= MAX_BYTES {
        true => Ok(()),
        false => Err(serde::ser::Error::custom(format_args!("it takes more than {} MiB", MAX_BYTES >> 20))),
    }
}

/// The serializer of the parts of a value.
pub(super) struct Parts<'a> {
    out: &'a mut Vec<u8>,
    position: DigestPosition<'a>,
    shapes: ChildShapes,
    /// The index of the next part. A key and its value are two parts.
    next: usize,
    /// The offset of each item or entry; empty if the items or entries are not sorted.
    starts: Vec<usize>,
    is_sorted: bool,
    /// The number of named fields, from the first on, that the transcript contains.
    compared: usize,
}

impl Parts<'_> {
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        let position = self.shapes.position(&self.position, self.next)?;
        self.next += 1;
        value.serialize(TranscriptSerializer::new(self.out, position))
    }

    /// Records where an item or entry starts, if the items or entries are sorted.
    fn begin(&mut self) {
        if self.is_sorted {
            self.starts.push(self.out.len());
        }
    }

    fn named<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), DigestError> {
        if self.next >= self.compared {
            return Ok(());
        }
        self.out.push(Tag::Field as u8);
        text(self.out, name.as_bytes());
        self.part(value)
    }

    fn finish(self) -> Result<(), DigestError> {
        if let Some(&first) = self.starts.first() {
            let ends = self.starts[1..].iter().copied().chain([self.out.len()]);
            let mut items: Vec<&[u8]> =
                self.starts.iter().zip(ends).map(|(&start, end)| &self.out[start..end]).collect();
            items.sort_unstable();
            let sorted = items.concat();
            self.out.truncate(first);
            self.out.extend_from_slice(&sorted);
        }
        self.out.push(Tag::End as u8);
        bounded(self.out)
    }
}

macro_rules! numbers {
    ($($method:ident($type:ty) => $primitive:ident;)+) => {$(
        fn $method(self, value: $type) -> Result<(), DigestError> {
            self.primitive(Primitive::$primitive, &value.to_le_bytes())
        }
    )+};
}

impl<'a> Serializer for TranscriptSerializer<'a> {
    type Ok = ();
    type Error = DigestError;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        serialize_i8(i8) => I8;
        serialize_i16(i16) => I16;
        serialize_i32(i32) => I32;
        serialize_i64(i64) => I64;
        serialize_i128(i128) => I128;
        serialize_u8(u8) => U8;
        serialize_u16(u16) => U16;
        serialize_u32(u32) => U32;
        serialize_u64(u64) => U64;
        serialize_u128(u128) => U128;
    }

    fn serialize_bool(self, value: bool) -> Result<(), DigestError> {
        self.primitive(Primitive::Bool, &[value.into()])
    }

    fn serialize_f32(self, value: f32) -> Result<(), DigestError> {
        self.primitive(Primitive::F32, &hashed_f32(value).to_le_bytes())
    }

    fn serialize_f64(self, value: f64) -> Result<(), DigestError> {
        self.primitive(Primitive::F64, &hashed_f64(value).to_le_bytes())
    }

    fn serialize_char(self, value: char) -> Result<(), DigestError> {
        self.primitive(Primitive::Char, &u32::from(value).to_le_bytes())
    }

    fn serialize_str(self, value: &str) -> Result<(), DigestError> {
        self.text(Primitive::String, value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), DigestError> {
        self.text(Primitive::Bytes, value)
    }

    fn serialize_unit(self) -> Result<(), DigestError> {
        self.primitive(Primitive::Unit, &[])
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), DigestError> {
        self.primitive(Primitive::Unit, &[])
    }

    fn serialize_none(self) -> Result<(), DigestError> {
        self.out.push(Tag::None as u8);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), DigestError> {
        let inside = ChildShapes::of_option(&self.position).position(&self.position, 0)?;
        self.out.push(Tag::Some as u8);
        value.serialize(TranscriptSerializer::new(self.out, inside))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), DigestError> {
        let inside = ChildShapes::of_newtype(&self.position).position(&self.position, 0)?;
        self.out.push(Tag::Newtype as u8);
        value.serialize(TranscriptSerializer::new(self.out, inside))
    }

    fn serialize_unit_variant(mut self, _: &'static str, index: u32, name: &'static str) -> Result<(), DigestError> {
        self.variant(index, name);
        self.primitive(Primitive::Unit, &[])
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        index: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), DigestError> {
        let shapes = self.variant(index, name);
        let inside = shapes.position(&self.position, 0)?;
        value.serialize(TranscriptSerializer::new(self.out, inside))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, DigestError> {
        let shapes = ChildShapes::of_sequence(&self.position);
        Ok(match self.position.shape {
            Descriptor::Set(_) | Descriptor::Multiset(_) => self.unordered(Tag::Set, shapes),
            Descriptor::List(_) | Descriptor::OrderedSet(_) => self.parts(Tag::List, shapes),
            _ if self.position.has_unordered_sequences() => self.unordered(Tag::Set, shapes),
            _ => self.parts(Tag::List, shapes),
        })
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, DigestError> {
        let shapes = ChildShapes::of_tuple(&self.position);
        Ok(self.parts(Tag::Tuple, shapes))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, DigestError> {
        let shapes = ChildShapes::of_struct(&self.position);
        Ok(self.parts(Tag::Tuple, shapes))
    }

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        index: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, DigestError> {
        let shapes = self.variant(index, name);
        Ok(self.parts(Tag::Tuple, shapes))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, DigestError> {
        let shapes = ChildShapes::of_map(&self.position);
        Ok(match self.position.shape {
            Descriptor::Map(..) => self.unordered(Tag::Map, shapes),
            Descriptor::OrderedMap(..) => self.parts(Tag::OrderedMap, shapes),
            _ if self.position.has_unordered_maps() => self.unordered(Tag::Map, shapes),
            _ => self.parts(Tag::OrderedMap, shapes),
        })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'a>, DigestError> {
        let shapes = ChildShapes::of_struct(&self.position);
        let compared = if name == PERSONAL { COMPARED_FIELDS } else { usize::MAX };
        Ok(Parts { compared, ..self.parts(Tag::Struct, shapes) })
    }

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        index: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, DigestError> {
        let shapes = self.variant(index, name);
        Ok(self.parts(Tag::Struct, shapes))
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = ();
    type Error = DigestError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        self.begin();
        self.part(value)
    }

    fn end(self) -> Result<(), DigestError> {
        self.finish()
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = DigestError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), DigestError> {
        self.begin();
        self.part(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        self.part(value)
    }

    fn end(self) -> Result<(), DigestError> {
        self.finish()
    }
}

impl SerializeTuple for Parts<'_> {
    type Ok = ();
    type Error = DigestError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        self.part(value)
    }

    fn end(self) -> Result<(), DigestError> {
        self.finish()
    }
}

macro_rules! unnamed_fields {
    ($($for:ident),+) => {$(
        impl $for for Parts<'_> {
            type Ok = ();
            type Error = DigestError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
                self.part(value)
            }

            fn end(self) -> Result<(), DigestError> {
                self.finish()
            }
        }
    )+};
}

macro_rules! named_fields {
    ($($for:ident),+) => {$(
        impl $for for Parts<'_> {
            type Ok = ();
            type Error = DigestError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), DigestError> {
                self.named(name, value)
            }

            fn end(self) -> Result<(), DigestError> {
                self.finish()
            }
        }
    )+};
}

unnamed_fields!(SerializeTupleStruct, SerializeTupleVariant);
named_fields!(SerializeStruct, SerializeStructVariant);
