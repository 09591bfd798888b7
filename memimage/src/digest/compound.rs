//! The walk through what has parts.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::error::{DigestError, Step};
use super::hash::Hash;
use super::place::{Around, Place};
use super::serializer::DigestSerializer;
use crate::shape::{Field, ShapeRef};

/// What is in a list, or together in a set.
enum Order {
    /// The order counts, and the number of items was promised before them.
    Counts { promised: usize },
    /// It does not: the items' own hashes are added up.
    Free { sum: u64 },
}

impl Order {
    fn ordered(hash: &mut Hash, promised: usize) -> Order {
        hash.word(promised as u64);
        Order::Counts { promised }
    }

    #[inline]
    fn end(self, hash: &mut Hash, seen: usize) -> Result<(), DigestError> {
        match self {
            Order::Counts { promised } if promised == seen => Ok(()),
            Order::Counts { promised } => {
                Err(DigestError::mismatch(format!("of the {promised} items it announced"), format!("{seen} of them")))
            }
            Order::Free { sum } => {
                hash.word(seen as u64);
                hash.word(sum);
                Ok(())
            }
        }
    }
}

/// A list or a set.
pub(super) struct Sequence<'a> {
    hash: &'a mut Hash,
    item: Place<'a>,
    order: Order,
    seen: usize,
}

impl<'a> Sequence<'a> {
    #[inline]
    pub(super) fn ordered(hash: &'a mut Hash, item: Place<'a>, length: usize) -> Sequence<'a> {
        let order = Order::ordered(hash, length);
        Sequence { hash, item, order, seen: 0 }
    }

    #[inline]
    pub(super) fn unordered(hash: &'a mut Hash, item: Place<'a>) -> Sequence<'a> {
        Sequence { hash, item, order: Order::Free { sum: 0 }, seen: 0 }
    }
}

impl SerializeSeq for Sequence<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        match &mut self.order {
            Order::Counts { .. } => value
                .serialize(DigestSerializer::new(self.hash, self.item))
                .map_err(|error| error.at(Step::Index(self.seen)))?,
            Order::Free { sum } => {
                let mut hash = Hash::of_item();
                value.serialize(DigestSerializer::new(&mut hash, self.item)).map_err(|error| error.at(Step::Item))?;
                *sum = sum.wrapping_add(hash.finish());
            }
        }
        self.seen += 1;
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        self.order.end(self.hash, self.seen)
    }
}

/// A map, ordered or not.
pub(super) struct Entries<'a> {
    hash: &'a mut Hash,
    key: Place<'a>,
    value: Place<'a>,
    order: Order,
    seen: usize,
    /// The hash of the entry being written, if it is one of its own.
    entry: Hash,
    /// Whether a key waits for its value.
    is_open: bool,
}

impl<'a> Entries<'a> {
    #[inline]
    pub(super) fn ordered(hash: &'a mut Hash, key: Place<'a>, value: Place<'a>, length: usize) -> Entries<'a> {
        let order = Order::ordered(hash, length);
        Entries { hash, key, value, order, seen: 0, entry: Hash::of_item(), is_open: false }
    }

    #[inline]
    pub(super) fn unordered(hash: &'a mut Hash, key: Place<'a>, value: Place<'a>) -> Entries<'a> {
        let order = Order::Free { sum: 0 };
        Entries { hash, key, value, order, seen: 0, entry: Hash::of_item(), is_open: false }
    }
}

impl SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), DigestError> {
        if self.is_open {
            return Err(DigestError::mismatch("a map", "a key after a key"));
        }
        let hash = match self.order {
            Order::Counts { .. } => &mut *self.hash,
            Order::Free { .. } => {
                self.entry = Hash::of_item();
                &mut self.entry
            }
        };
        key.serialize(DigestSerializer::new(hash, self.key)).map_err(|error| error.at(Step::Key))?;
        self.is_open = true;
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        if !self.is_open {
            return Err(DigestError::mismatch("a map", "a value without a key"));
        }
        let hash = match self.order {
            Order::Counts { .. } => &mut *self.hash,
            Order::Free { .. } => &mut self.entry,
        };
        value.serialize(DigestSerializer::new(hash, self.value)).map_err(|error| error.at(Step::Value))?;
        if let Order::Free { sum } = &mut self.order {
            *sum = sum.wrapping_add(self.entry.finish());
        }
        self.is_open = false;
        self.seen += 1;
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        if self.is_open {
            return Err(DigestError::mismatch("a map", "a key without a value"));
        }
        self.order.end(self.hash, self.seen)
    }
}

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

    #[inline]
    fn get(&self, position: usize) -> Option<ShapeRef> {
        match self {
            Parts::Shapes(shapes) => Some(shapes[position]),
            Parts::Same(shape, _) => Some(*shape),
            Parts::Fields(fields) => Some(fields[position].shape),
            Parts::Opaque(_) => None,
        }
    }
}

/// A tuple, an array, or a struct or variant whose fields have no names.
pub(super) struct Positional<'a> {
    hash: &'a mut Hash,
    parts: Parts,
    /// Of the whole.
    place: Place<'a>,
    /// If the whole is a struct or enum: for its parts to go back to.
    own: Option<Around<'a>>,
    variant: Option<&'static str>,
    next: usize,
}

impl<'a> Positional<'a> {
    #[inline]
    pub(super) fn new(
        hash: &'a mut Hash,
        parts: Parts,
        place: Place<'a>,
        own: Option<Around<'a>>,
        variant: Option<&'static str>,
    ) -> Positional<'a> {
        Positional { hash, parts, place, own, variant, next: 0 }
    }

    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        if self.next == self.parts.len() {
            return Err(self.wrong_number("more"));
        }
        let place = match self.parts.get(self.next) {
            Some(shape) => Place::new(shape, self.own.as_ref().or(self.place.around)),
            None => self.place,
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
        DigestError::mismatch(format!("of {} values", self.parts.len()), written).in_variant(self.variant)
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

/// The fields that have names, of a struct or variant.
pub(super) struct Named<'a> {
    hash: &'a mut Hash,
    fields: Fields<'a>,
    variant: Option<&'static str>,
    next: usize,
}

/// What is known of the fields.
enum Fields<'a> {
    Known { fields: &'static [Field], own: Around<'a> },
    Opaque { place: Place<'a>, length: usize },
}

impl<'a> Named<'a> {
    #[inline]
    pub(super) fn known(
        hash: &'a mut Hash,
        fields: &'static [Field],
        own: Around<'a>,
        variant: Option<&'static str>,
    ) -> Named<'a> {
        Named { hash, fields: Fields::Known { fields, own }, variant, next: 0 }
    }

    #[inline]
    pub(super) fn opaque(hash: &'a mut Hash, place: Place<'a>, length: usize) -> Named<'a> {
        Named { hash, fields: Fields::Opaque { place, length }, variant: None, next: 0 }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), DigestError> {
        let place = match &self.fields {
            Fields::Known { fields, own } => match fields.get(self.next) {
                Some(field) if field.name == name => Place::new(field.shape, Some(own)),
                field => return Err(self.wrong_field(field.map(|field| field.name), Some(name))),
            },
            Fields::Opaque { place, .. } => *place,
        };
        value
            .serialize(DigestSerializer::new(self.hash, place))
            .map_err(|error| error.at(Step::Field(name)).in_variant(self.variant))?;
        self.next += 1;
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<(), DigestError> {
        match &self.fields {
            Fields::Known { fields, .. } => match fields.get(self.next) {
                None => Ok(()),
                Some(field) => Err(self.wrong_field(Some(field.name), None)),
            },
            Fields::Opaque { length, .. } if *length == self.next => Ok(()),
            Fields::Opaque { length, .. } => Err(DigestError::mismatch(
                format!("of the {length} fields it announced"),
                format!("{} of them", self.next),
            )),
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
