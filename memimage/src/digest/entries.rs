//! The walk through maps.

use serde::ser::{Serialize, SerializeMap};

use super::error::{DigestError, Step};
use super::hash::Hash;
use super::order::Order;
use super::place::Place;
use super::serializer::DigestSerializer;

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
            return Err(DigestError::contradiction("a key after a key"));
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
            return Err(DigestError::contradiction("a value without a key"));
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
            return Err(DigestError::contradiction("a key without a value"));
        }
        self.order.end(self.hash, self.seen)
    }
}
