//! What each way along a shape has in common: stepping back to what is around, and not too deep.

use super::error::{Fault, ValueError};
use crate::shape::node::Node;

/// The most shapes inside one another on the way to a part of a value; recursion goes no deeper. A recursive type uses up
/// as many with each turn as it has shapes between itself and itself.
pub(crate) const MAX_DEPTH: u32 = 128;

/// The most values that may be read beyond [`VALUES_PER_BYTE`]: bounds those that take up no bytes, of which a few bytes
/// can claim any number.
pub(super) const MAX_EMPTY: usize = 1 << 16;

/// The most values for each byte read: one inside another inside another, all in the same byte.
pub(super) const VALUES_PER_BYTE: usize = 16;

/// A place in a shape.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) node: &'a Node,
    around: Option<&'a Around<'a>>,
    depth: u32,
}

/// The structs and enums around a place, innermost first.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    node: &'a Node,
    outer: Option<&'a Around<'a>>,
}

impl<'a> Place<'a> {
    pub(super) fn root(node: &'a Node) -> Place<'a> {
        Place { node, around: None, depth: 1 }
    }

    /// A part of this place that is no field.
    #[inline]
    pub(super) fn part(self, node: &'a Node) -> Result<Place<'a>, ValueError> {
        Place { node, around: self.around, depth: self.depth }.deeper()
    }

    /// This struct or enum, as its fields see it.
    #[inline]
    pub(super) fn as_around(self) -> Around<'a> {
        Around { node: self.node, outer: self.around }
    }

    /// A field of this struct or enum, which is also `around`.
    #[inline]
    pub(super) fn field<'b>(self, node: &'b Node, around: &'b Around<'b>) -> Result<Place<'b>, ValueError>
    where
        'a: 'b,
    {
        Place { node, around: Some(around), depth: self.depth }.deeper()
    }

    /// The struct or enum so many steps out. That it is no deeper is no way around the bound: it has fields to be entered.
    pub(super) fn back(self, steps: u32) -> Place<'a> {
        let mut around = self.around;
        for _ in 0..steps {
            around = around.and_then(|around| around.outer);
        }
        let to = around.expect("a shape steps back to what is around it: its reader and its maker see to that");
        Place { node: to.node, around: to.outer, depth: self.depth }
    }

    #[inline]
    fn deeper(mut self) -> Result<Place<'a>, ValueError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(ValueError::new(Fault::TooDeep)) } else { Ok(self) }
    }
}
