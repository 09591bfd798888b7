//! The position in a shape while a value is hashed.

use super::error::DigestError;
use crate::planted::{Bug, planted};
use crate::shape::{Descriptor, ShapeRef, Style};

/// A part of a shape, and the structs and enums that enclose the part, innermost first.
#[derive(Clone, Copy)]
pub(crate) struct DigestPosition<'a> {
    /// The shape of this part, with a back reference already resolved. A [`Descriptor::Back`] remains only if no enclosing type
    /// has its identity.
    pub(crate) shape: &'static Descriptor,
    enclosing: Option<&'a DigestPosition<'a>>,
    /// How many more levels of values may follow inside the value at this position.
    depth_left: u32,
    /// Whether this position is inside a sequence or map of an opaque value.
    in_collection: bool,
}

impl<'a> DigestPosition<'a> {
    /// The position of the outermost value, which is at most `depth` levels deep.
    #[inline]
    pub(crate) fn root(shape: ShapeRef, depth: u32) -> DigestPosition<'a> {
        DigestPosition { shape: shape.get(), enclosing: None, depth_left: depth - 1, in_collection: false }
    }

    /// The position of a part that is not a field of a struct or variant.
    #[inline]
    pub(crate) fn part(&self, shape: ShapeRef) -> Result<DigestPosition<'a>, DigestError> {
        DigestPosition::inside(shape, self.enclosing, self.depth_left)
    }

    /// The position of a field of this struct or variant.
    #[inline]
    pub(crate) fn field(&'a self, shape: ShapeRef) -> Result<DigestPosition<'a>, DigestError> {
        DigestPosition::inside(shape, Some(self), self.depth_left)
    }

    /// The position of a part of this opaque value, other than an item of a sequence or an entry of a map.
    #[inline]
    pub(crate) fn opaque_part(&self) -> Result<DigestPosition<'a>, DigestError> {
        let Some(depth_left) = self.depth_left.checked_sub(1) else { return Err(DigestError::too_deep()) };
        Ok(DigestPosition { depth_left, ..*self })
    }

    /// The position of an item of a sequence, or of a key or a value of a map, in this opaque value.
    #[inline]
    pub(crate) fn opaque_item(&self) -> Result<DigestPosition<'a>, DigestError> {
        Ok(DigestPosition { in_collection: true, ..self.opaque_part()? })
    }

    /// Whether a map at this opaque position is unordered: the order of its entries is not part of the value.
    #[inline]
    pub(crate) fn has_unordered_maps(&self) -> bool {
        matches!(self.shape, Descriptor::Unordered(_)) && !planted(Bug::UnorderedHashedInOrder)
    }

    /// Whether a sequence at this opaque position is unordered: the order of its items is not part of the value. If the
    /// sequence is inside another collection, the order is significant, because the sequence may be a list.
    #[inline]
    pub(crate) fn has_unordered_sequences(&self) -> bool {
        self.has_unordered_maps() && !self.in_collection
    }

    #[inline]
    fn inside(
        shape: ShapeRef,
        enclosing: Option<&'a DigestPosition<'a>>,
        depth_left: u32,
    ) -> Result<DigestPosition<'a>, DigestError> {
        let Some(depth_left) = depth_left.checked_sub(1) else { return Err(DigestError::too_deep()) };
        let shape = shape.get();
        Ok(match shape {
            Descriptor::Back(identity) => DigestPosition::back(shape, *identity, enclosing, depth_left),
            _ => DigestPosition { shape, enclosing, depth_left, in_collection: false },
        })
    }

    fn back(
        shape: &'static Descriptor,
        identity: u64,
        enclosing: Option<&'a DigestPosition<'a>>,
        depth_left: u32,
    ) -> DigestPosition<'a> {
        let mut next = enclosing;
        while let Some(position) = next {
            if position.identity() == Some(identity) {
                return DigestPosition { depth_left, ..*position };
            }
            next = position.enclosing;
        }
        DigestPosition { shape, enclosing, depth_left, in_collection: false }
    }

    fn identity(self) -> Option<u64> {
        match self.shape {
            Descriptor::Struct(structure) => Some(structure.identity),
            Descriptor::Enum(enumeration) => Some(enumeration.identity),
            _ => None,
        }
    }
}

/// A description of a shape for messages.
pub(super) fn name(shape: &Descriptor) -> String {
    match shape {
        Descriptor::Primitive(primitive) => primitive.to_string(),
        Descriptor::Option(_) => "an option".to_owned(),
        Descriptor::List(_) => "a list".to_owned(),
        Descriptor::Set(_) => "a set".to_owned(),
        Descriptor::OrderedSet(_) => "an ordered set".to_owned(),
        Descriptor::Multiset(_) => "a multiset".to_owned(),
        Descriptor::Map(..) => "a map".to_owned(),
        Descriptor::OrderedMap(..) => "an ordered map".to_owned(),
        Descriptor::Array(_, length) => format!("an array of {length}"),
        Descriptor::Tuple(items) => format!("a tuple of {}", items.len()),
        Descriptor::Struct(structure) if structure.style == Style::Tuple => {
            format!("a struct with {} unnamed fields", structure.fields.len())
        }
        Descriptor::Struct(structure) => format!("a struct {}", fields(structure.style)),
        Descriptor::Enum(_) => "an enum".to_owned(),
        Descriptor::Opaque(name) | Descriptor::Unordered(name) => format!("opaque {name}"),
        Descriptor::Back(_) => "an enclosing type that does not exist".to_owned(),
    }
}

/// A description of the fields of a struct or variant for messages.
pub(super) fn fields(style: Style) -> &'static str {
    match style {
        Style::Unit => "without fields",
        Style::Newtype => "with one unnamed field",
        Style::Tuple => "with unnamed fields",
        Style::Named => "with named fields",
    }
}
