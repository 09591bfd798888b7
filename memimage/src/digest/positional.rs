//! Hashes tuples, arrays, and structs and variants with unnamed fields.

use serde::ser::{Serialize, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant};

use super::error::{DigestError, DigestPathStep};
use super::hash::HashState;
use super::position::DigestPosition;
use super::serializer::DigestSerializer;
use crate::shape::{Field, ShapeRef, Variant};

/// The shapes of a tuple's or array's elements, or of the unnamed fields of a struct or variant.
pub(super) enum PartShapes {
    Shapes(&'static [ShapeRef]),
    Same(ShapeRef, usize),
    Fields(&'static [Field]),
    /// The number of parts of an opaque value.
    Opaque(usize),
}

impl PartShapes {
    #[inline]
    fn len(&self) -> usize {
        match self {
            PartShapes::Shapes(shapes) => shapes.len(),
            PartShapes::Fields(fields) => fields.len(),
            PartShapes::Same(_, length) | PartShapes::Opaque(length) => *length,
        }
    }
}

/// Hashes a tuple, an array, or the unnamed fields of a struct or variant.
pub(super) struct PositionalFields<'a> {
    hash: &'a mut HashState,
    /// The place of the tuple, array, struct or variant in the value that is hashed.
    position: DigestPosition<'a>,
    parts: PartShapes,
    variant: Option<&'static Variant>,
    next: usize,
}

impl<'a> PositionalFields<'a> {
    #[inline]
    pub(super) fn new(
        hash: &'a mut HashState,
        position: DigestPosition<'a>,
        parts: PartShapes,
        variant: Option<&'static Variant>,
    ) -> PositionalFields<'a> {
        PositionalFields { hash, position, parts, variant, next: 0 }
    }

    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        if self.next == self.parts.len() {
            return Err(self.wrong_number("more"));
        }
        let position = match self.parts {
            PartShapes::Shapes(shapes) => self.position.part(shapes[self.next])?,
            PartShapes::Same(shape, _) => self.position.part(shape)?,
            PartShapes::Fields(fields) => self.position.field(fields[self.next].shape)?,
            PartShapes::Opaque(_) => self.position.opaque_part()?,
        };
        value
            .serialize(DigestSerializer::new(self.hash, position))
            .map_err(|error| error.at(DigestPathStep::Position(self.next)).within_variant(self.variant))?;
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
        DigestError::mismatch(format!("{} values", self.parts.len()), written).within_variant(self.variant)
    }
}

impl SerializeTuple for PositionalFields<'_> {
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

impl SerializeTupleStruct for PositionalFields<'_> {
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

impl SerializeTupleVariant for PositionalFields<'_> {
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
