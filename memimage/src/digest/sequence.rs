//! The walk through lists and sets.

use serde::ser::{Serialize, SerializeSeq};

use super::error::{DigestError, Step};
use super::hash::Hash;
use super::order::Order;
use super::place::Place;
use super::serializer::DigestSerializer;

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

impl Sequence<'_> {
    #[cold]
    fn step(&self) -> Step {
        match self.order {
            Order::Counts { .. } => Step::Index(self.seen),
            Order::Free { .. } => Step::Item,
        }
    }
}

impl SerializeSeq for Sequence<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        let mut own = Hash::of_item();
        let hash = match self.order {
            Order::Counts { .. } => &mut *self.hash,
            Order::Free { .. } => &mut own,
        };
        if let Err(error) = value.serialize(DigestSerializer::new(hash, self.item)) {
            return Err(error.at(self.step()));
        }
        if let Order::Free { sum } = &mut self.order {
            *sum = sum.wrapping_add(own.finish());
        }
        self.seen += 1;
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        self.order.end(self.hash, self.seen)
    }
}
