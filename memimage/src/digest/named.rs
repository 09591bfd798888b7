//! Hashes structs and variants with named fields.

use serde::ser::{Serialize, SerializeStruct, SerializeStructVariant};

use super::error::{DigestError, DigestPathStep};
use super::hash::HashState;
use super::position::DigestPosition;
use super::serializer::DigestSerializer;
use crate::shape::{Field, Variant};

/// Hashes the named fields of a struct or variant.
pub(super) struct NamedFields<'a> {
    hash: &'a mut HashState,
    /// The position of the struct or variant.
    position: DigestPosition<'a>,
    fields: FieldShapes,
    variant: Option<&'static Variant>,
    next: usize,
    /// The number of fields, from the first on, that are hashed. The others are only checked against the shape.
    hashed: usize,
}

/// The shapes of the fields of a struct or variant.
pub(super) enum FieldShapes {
    Known(&'static [Field]),
    /// The number of fields of an opaque value.
    Opaque(usize),
}

impl<'a> NamedFields<'a> {
    #[inline]
    pub(super) fn new(
        hash: &'a mut HashState,
        position: DigestPosition<'a>,
        fields: FieldShapes,
        variant: Option<&'static Variant>,
    ) -> NamedFields<'a> {
        NamedFields { hash, position, fields, variant, next: 0, hashed: usize::MAX }
    }

    /// The same fields, of which only the first `hashed` are hashed.
    #[inline]
    pub(super) fn first(self, hashed: usize) -> NamedFields<'a> {
        NamedFields { hashed, ..self }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), DigestError> {
        let position = match self.fields {
            FieldShapes::Known(fields) => match fields.get(self.next) {
                Some(field) if field.name == name => self.position.field(field.shape)?,
                field => return Err(self.wrong_field(field.map(|field| field.name), Some(name))),
            },
            FieldShapes::Opaque(_) => self.position.opaque_part()?,
        };
        if self.next < self.hashed {
            value
                .serialize(DigestSerializer::new(self.hash, position))
                .map_err(|error| error.at(DigestPathStep::Field(name)).within_variant(self.variant))?;
        }
        self.next += 1;
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<(), DigestError> {
        match self.fields {
            FieldShapes::Known(fields) => match fields.get(self.next) {
                None => Ok(()),
                Some(field) => Err(self.wrong_field(Some(field.name), None)),
            },
            FieldShapes::Opaque(length) if length == self.next => Ok(()),
            FieldShapes::Opaque(length) => {
                Err(DigestError::contradiction(format!("{} fields after it announced {length}", self.next)))
            }
        }
    }

    #[cold]
    fn wrong_field(&self, expected: Option<&str>, written: Option<&str>) -> DigestError {
        let text = |name: Option<&str>| name.map_or("no more fields".to_owned(), |name| format!("field {name}"));
        DigestError::mismatch(text(expected), text(written)).within_variant(self.variant)
    }
}

impl SerializeStruct for NamedFields<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), DigestError> {
        self.field(name, value)
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        self.finish()
    }
}

impl SerializeStructVariant for NamedFields<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), DigestError> {
        self.field(name, value)
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        self.finish()
    }
}
