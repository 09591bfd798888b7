//! Hashes maps.

use serde::ser::{Serialize, SerializeMap};

use super::error::{DigestError, DigestPathStep};
use super::hash::HashState;
use super::order::ItemOrder;
use super::position::DigestPosition;
use super::serializer::DigestSerializer;

/// Hashes a map, ordered or unordered.
pub(super) struct MapDigest<'a> {
    hash: &'a mut HashState,
    key: DigestPosition<'a>,
    value: DigestPosition<'a>,
    order: ItemOrder,
    written: usize,
    /// In an unordered map, the hash of the current entry alone, which is added to the sum in `order` after the entry.
    entry: HashState,
    /// Whether a key has been written whose value has not been written yet.
    has_key: bool,
}

impl<'a> MapDigest<'a> {
    #[inline]
    pub(super) fn ordered(
        hash: &'a mut HashState,
        key: DigestPosition<'a>,
        value: DigestPosition<'a>,
        length: usize,
    ) -> MapDigest<'a> {
        let order = ItemOrder::ordered(hash, length);
        MapDigest { hash, key, value, order, written: 0, entry: HashState::of_item(), has_key: false }
    }

    #[inline]
    pub(super) fn unordered(
        hash: &'a mut HashState,
        key: DigestPosition<'a>,
        value: DigestPosition<'a>,
    ) -> MapDigest<'a> {
        let order = ItemOrder::Insignificant { sum: 0 };
        MapDigest { hash, key, value, order, written: 0, entry: HashState::of_item(), has_key: false }
    }
}

impl SerializeMap for MapDigest<'_> {
    type Ok = ();
    type Error = DigestError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), DigestError> {
        if self.has_key {
            return Err(DigestError::contradiction("a key after a key"));
        }
        let hash = match self.order {
            ItemOrder::Significant { .. } => &mut *self.hash,
            ItemOrder::Insignificant { .. } => {
                self.entry = HashState::of_item();
                &mut self.entry
            }
        };
        key.serialize(DigestSerializer::new(hash, self.key)).map_err(|error| error.at(DigestPathStep::Key))?;
        self.has_key = true;
        Ok(())
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        if !self.has_key {
            return Err(DigestError::contradiction("a value without a key"));
        }
        let hash = match self.order {
            ItemOrder::Significant { .. } => &mut *self.hash,
            ItemOrder::Insignificant { .. } => &mut self.entry,
        };
        value.serialize(DigestSerializer::new(hash, self.value)).map_err(|error| error.at(DigestPathStep::Value))?;
        if let ItemOrder::Insignificant { sum } = &mut self.order {
            *sum = sum.wrapping_add(self.entry.finish());
        }
        self.has_key = false;
        self.written += 1;
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<(), DigestError> {
        if self.has_key {
            return Err(DigestError::contradiction("a key without a value"));
        }
        self.order.end(self.hash, self.written)
    }
}
