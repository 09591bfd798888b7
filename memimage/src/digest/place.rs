//! Where in a shape the walk of a value stands.

use crate::shape::{Descriptor, ShapeRef, Style};

/// A part of a shape, and the structs and enums around it, innermost first.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// Never [`Descriptor::Back`], unless that leads nowhere.
    pub(super) shape: &'static Descriptor,
    pub(super) around: Option<&'a Place<'a>>,
}

impl<'a> Place<'a> {
    #[inline]
    pub(super) fn new(shape: ShapeRef, around: Option<&'a Place<'a>>) -> Place<'a> {
        let shape = shape.get();
        match shape {
            Descriptor::Back(identity) => Place::back(shape, *identity, around),
            _ => Place { shape, around },
        }
    }

    fn back(shape: &'static Descriptor, identity: u64, around: Option<&'a Place<'a>>) -> Place<'a> {
        let mut next = around;
        while let Some(place) = next {
            if place.identity() == Some(identity) {
                return *place;
            }
            next = place.around;
        }
        Place { shape, around }
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
