//! Where in a shape the walk of a value stands.

use super::error::DigestError;
use crate::shape::{Descriptor, ShapeRef, Style};

/// A part of a shape, and the structs and enums around it, innermost first.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// Never [`Descriptor::Back`], unless that leads nowhere.
    pub(super) shape: &'static Descriptor,
    around: Option<&'a Place<'a>>,
    /// How many more shapes may be inside this one.
    room: u32,
}

impl<'a> Place<'a> {
    /// A whole value, with no more than `depth` shapes inside one another.
    #[inline]
    pub(super) fn root(shape: ShapeRef, depth: u32) -> Place<'a> {
        Place { shape: shape.get(), around: None, room: depth - 1 }
    }

    /// A part of this that is no field.
    #[inline]
    pub(super) fn part(&self, shape: ShapeRef) -> Result<Place<'a>, DigestError> {
        Place::inside(shape, self.around, self.room)
    }

    /// A field of this struct or variant.
    #[inline]
    pub(super) fn field(&'a self, shape: ShapeRef) -> Result<Place<'a>, DigestError> {
        Place::inside(shape, Some(self), self.room)
    }

    #[inline]
    fn inside(shape: ShapeRef, around: Option<&'a Place<'a>>, room: u32) -> Result<Place<'a>, DigestError> {
        let Some(room) = room.checked_sub(1) else { return Err(DigestError::too_deep()) };
        let shape = shape.get();
        Ok(match shape {
            Descriptor::Back(identity) => Place::back(shape, *identity, around, room),
            _ => Place { shape, around, room },
        })
    }

    fn back(shape: &'static Descriptor, identity: u64, around: Option<&'a Place<'a>>, room: u32) -> Place<'a> {
        let mut next = around;
        while let Some(place) = next {
            if place.identity() == Some(identity) {
                return Place { room, ..*place };
            }
            next = place.around;
        }
        Place { shape, around, room }
    }

    fn identity(self) -> Option<u64> {
        match self.shape {
            Descriptor::Struct(structure) => Some(structure.identity),
            Descriptor::Enum(enumeration) => Some(enumeration.identity),
            _ => None,
        }
    }
}

/// What a shape expects, for messages.
pub(super) fn name(shape: &Descriptor) -> String {
    match shape {
        Descriptor::Primitive(primitive) => primitive.to_string(),
        Descriptor::Option(_) => "an option".to_owned(),
        Descriptor::List(_) => "a list".to_owned(),
        Descriptor::Set(_) => "a set".to_owned(),
        Descriptor::Map(..) => "a map".to_owned(),
        Descriptor::OrderedMap(..) => "an ordered map".to_owned(),
        Descriptor::Array(_, length) => format!("an array of {length}"),
        Descriptor::Tuple(items) => format!("a tuple of {}", items.len()),
        Descriptor::Struct(structure) if structure.style == Style::Tuple => {
            format!("a struct of {} values", structure.fields.len())
        }
        Descriptor::Struct(structure) => format!("a struct {}", fields(structure.style)),
        Descriptor::Enum(_) => "an enum".to_owned(),
        Descriptor::Opaque(name) => format!("opaque {name}"),
        Descriptor::Back(_) => "a type around it, which is not there".to_owned(),
    }
}

/// How a struct or variant holds its fields, for messages.
pub(super) fn fields(style: Style) -> &'static str {
    match style {
        Style::Unit => "without fields",
        Style::Newtype => "around one value",
        Style::Tuple => "of values without names",
        Style::Named => "of named fields",
    }
}
