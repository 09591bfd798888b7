//! The walk through fields with names.

use serde::ser::{Serialize, SerializeStruct, SerializeStructVariant};

use super::error::{DigestError, Step};
use super::hash::Hash;
use super::place::Place;
use super::serializer::DigestSerializer;
use crate::shape::{Field, Variant};

/// The fields that have names, of a struct or variant.
pub(super) struct Named<'a> {
    hash: &'a mut Hash,
    /// Of the whole.
    place: Place<'a>,
    fields: Fields,
    variant: Option<&'static Variant>,
    next: usize,
}

/// What is known of the fields.
pub(super) enum Fields {
    Known(&'static [Field]),
    /// So many, of shapes that are not known.
    Opaque(usize),
}

impl<'a> Named<'a> {
    #[inline]
    pub(super) fn new(
        hash: &'a mut Hash,
        place: Place<'a>,
        fields: Fields,
        variant: Option<&'static Variant>,
    ) -> Named<'a> {
        Named { hash, place, fields, variant, next: 0 }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), DigestError> {
        let place = match self.fields {
            Fields::Known(fields) => match fields.get(self.next) {
                Some(field) if field.name == name => self.place.field(field.shape)?,
                field => return Err(self.wrong_field(field.map(|field| field.name), Some(name))),
            },
            Fields::Opaque(_) => self.place,
        };
        value
            .serialize(DigestSerializer::new(self.hash, place))
            .map_err(|error| error.at(Step::Field(name)).in_variant(self.variant))?;
        self.next += 1;
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<(), DigestError> {
        match self.fields {
            Fields::Known(fields) => match fields.get(self.next) {
                None => Ok(()),
                Some(field) => Err(self.wrong_field(Some(field.name), None)),
            },
            Fields::Opaque(length) if length == self.next => Ok(()),
            Fields::Opaque(length) => {
                Err(DigestError::contradiction(format!("{} fields after it announced {length}", self.next)))
            }
        }
    }

    #[cold]
    fn wrong_field(&self, expected: Option<&str>, written: Option<&str>) -> DigestError {
        let text = |name: Option<&str>| name.map_or("no more fields".to_owned(), |name| format!("field {name}"));
        DigestError::mismatch(text(expected), text(written)).in_variant(self.variant)
    }
}

impl SerializeStruct for Named<'_> {
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

impl SerializeStructVariant for Named<'_> {
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
