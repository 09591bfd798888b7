//! The walk through tuples, arrays and fields without names.

use serde::ser::{Serialize, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant};

use super::error::{DigestError, Step};
use super::hash::Hash;
use super::place::Place;
use super::serializer::DigestSerializer;
use crate::shape::{Field, ShapeRef, Variant};

/// The shapes of parts that have a position and no name.
pub(super) enum Parts {
    Shapes(&'static [ShapeRef]),
    Same(ShapeRef, usize),
    Fields(&'static [Field]),
    /// So many, of shapes that are not known.
    Opaque(usize),
}

impl Parts {
    #[inline]
    fn len(&self) -> usize {
        match self {
            Parts::Shapes(shapes) => shapes.len(),
            Parts::Fields(fields) => fields.len(),
            Parts::Same(_, length) | Parts::Opaque(length) => *length,
        }
    }
}

/// A tuple, an array, or a struct or variant whose fields have no names.
pub(super) struct Positional<'a> {
    hash: &'a mut Hash,
    /// Of the whole.
    place: Place<'a>,
    parts: Parts,
    variant: Option<&'static Variant>,
    next: usize,
}

impl<'a> Positional<'a> {
    #[inline]
    pub(super) fn new(
        hash: &'a mut Hash,
        place: Place<'a>,
        parts: Parts,
        variant: Option<&'static Variant>,
    ) -> Positional<'a> {
        Positional { hash, place, parts, variant, next: 0 }
    }

    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        if self.next == self.parts.len() {
            return Err(self.wrong_number("more"));
        }
        let place = match self.parts {
            Parts::Shapes(shapes) => self.place.part(shapes[self.next])?,
            Parts::Same(shape, _) => self.place.part(shape)?,
            Parts::Fields(fields) => self.place.field(fields[self.next].shape)?,
            Parts::Opaque(_) => self.place,
        };
        value
            .serialize(DigestSerializer::new(self.hash, place))
            .map_err(|error| error.at(Step::Position(self.next)).in_variant(self.variant))?;
        self.next += 1;
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<(), DigestError> {
        if self.next < self.parts.len() {
            return Err(self.wrong_number("fewer"));
        }
        Ok(())
    }

    #[cold]
    fn wrong_number(&self, written: &str) -> DigestError {
        DigestError::mismatch(format!("{} values", self.parts.len()), written).in_variant(self.variant)
    }
}

impl SerializeTuple for Positional<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        self.part(value)
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        self.finish()
    }
}

impl SerializeTupleStruct for Positional<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        self.part(value)
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        self.finish()
    }
}

impl SerializeTupleVariant for Positional<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        self.part(value)
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        self.finish()
    }
}
