//! The position in a shape while a value is decoded, encoded or converted. The position follows back references and limits the
//! depth.

use super::error::{ValueError, ValueErrorKind};
use crate::shape::node::Node;

/// The maximum number of shapes that enclose a part of a value. This number limits recursion. In a value of a recursive type,
/// all shapes of the cycle count again for each repetition of the type.
pub(crate) const MAX_DEPTH: u32 = 128;

/// The maximum number of values that decoding may create beyond [`VALUES_PER_BYTE`] values for each byte. Without this limit, a
/// few bytes could claim any number of values that take up no bytes.
pub(super) const MAX_EMPTY: usize = 1 << 16;

/// The maximum number of values that decoding may create for each byte. One byte can encode several values, one inside the
/// other.
pub(super) const VALUES_PER_BYTE: usize = 16;

/// A position in a shape.
#[derive(Clone, Copy)]
pub(super) struct ShapePosition<'a> {
    pub(super) node: &'a Node,
    enclosing: Option<&'a EnclosingNodes<'a>>,
    depth: u32,
}

/// The structs and enums that enclose a position, innermost first.
#[derive(Clone, Copy)]
pub(super) struct EnclosingNodes<'a> {
    node: &'a Node,
    outer: Option<&'a EnclosingNodes<'a>>,
}

impl<'a> ShapePosition<'a> {
    pub(super) fn root(node: &'a Node) -> ShapePosition<'a> {
        ShapePosition { node, enclosing: None, depth: 1 }
    }

    /// The position of a part that is not a field of a struct or variant.
    #[inline]
    pub(super) fn part(self, node: &'a Node) -> Result<ShapePosition<'a>, ValueError> {
        ShapePosition { node, enclosing: self.enclosing, depth: self.depth }.deeper()
    }

    /// The structs and enums that enclose the fields of this struct or enum: first this one itself, then those around it.
    #[inline]
    pub(super) fn as_enclosing(self) -> EnclosingNodes<'a> {
        EnclosingNodes { node: self.node, outer: self.enclosing }
    }

    /// The position of a field of this struct or enum. `enclosing` is the result of `as_enclosing` for the same struct or enum.
    #[inline]
    pub(super) fn field<'b>(
        self,
        node: &'b Node,
        enclosing: &'b EnclosingNodes<'b>,
    ) -> Result<ShapePosition<'b>, ValueError>
    where
        'a: 'b,
    {
        ShapePosition { node, enclosing: Some(enclosing), depth: self.depth }.deeper()
    }

    /// The enclosing struct or enum that is `steps` levels further out than the innermost one. The returned position keeps the
    /// current depth, so that an endless recursion still reaches the limit.
    pub(super) fn back(self, steps: u32) -> ShapePosition<'a> {
        let mut enclosing = self.enclosing;
        for _ in 0..steps {
            enclosing = enclosing.and_then(|enclosing| enclosing.outer);
        }
        let to = enclosing.expect("a decoded or created shape has no dangling back reference");
        ShapePosition { node: to.node, enclosing: to.outer, depth: self.depth }
    }

    #[inline]
    fn deeper(mut self) -> Result<ShapePosition<'a>, ValueError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(ValueError::new(ValueErrorKind::TooDeep)) } else { Ok(self) }
    }
}
