//! Hashes lists and sets.

use serde::ser::{Serialize, SerializeSeq};

use super::error::{DigestError, DigestPathStep};
use super::hash::HashState;
use super::order::ItemOrder;
use super::position::DigestPosition;
use super::serializer::DigestSerializer;

/// Hashes a list or a set.
pub(super) struct SequenceDigest<'a> {
    hash: &'a mut HashState,
    item: DigestPosition<'a>,
    order: ItemOrder,
    written: usize,
}

impl<'a> SequenceDigest<'a> {
    #[inline]
    pub(super) fn ordered(hash: &'a mut HashState, item: DigestPosition<'a>, length: usize) -> SequenceDigest<'a> {
        let order = ItemOrder::ordered(hash, length);
        SequenceDigest { hash, item, order, written: 0 }
    }

    #[inline]
    pub(super) fn unordered(hash: &'a mut HashState, item: DigestPosition<'a>) -> SequenceDigest<'a> {
        SequenceDigest { hash, item, order: ItemOrder::Insignificant { sum: 0 }, written: 0 }
    }
}

impl SequenceDigest<'_> {
    #[cold]
    fn step(&self) -> DigestPathStep {
        match self.order {
            ItemOrder::Significant { .. } => DigestPathStep::Index(self.written),
            ItemOrder::Insignificant { .. } => DigestPathStep::Item,
        }
    }
}

impl SerializeSeq for SequenceDigest<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        let mut item_hash = HashState::of_item();
        let hash = match self.order {
            ItemOrder::Significant { .. } => &mut *self.hash,
            ItemOrder::Insignificant { .. } => &mut item_hash,
        };
        if let Err(error) = value.serialize(DigestSerializer::new(hash, self.item)) {
            return Err(error.at(self.step()));
        }
        if let ItemOrder::Insignificant { sum } = &mut self.order {
            *sum = sum.wrapping_add(item_hash.finish());
        }
        self.written += 1;
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        self.order.end(self.hash, self.written)
    }
}
